//! Petit Four's engine: the whole marketing layer cake, in one bite.
//!
//! It runs where the visitor is. It keeps a compact pseudonymous [`profile`], evaluates [`rule`]s and [`model`]s on the
//! spot, advances [`journey`]s, makes a [`decision`], and condenses what happened into [`sync`] messages. Everything it knows of campaigns comes
//! from one binary [`bundle`], read in place.
//!
//! # The way of one event
//!
//! ```text
//! event -> Event::parse -> permission? -> profile counts and feels -> attributes -> bins -> bit rows ANDed
//!       -> candidates of the placement -> gates -> score -> Decision -> rendered -> exposed -> caps move, sync entry queued
//! ```
//!
//! # Floors
//!
//! A module uses only what stands below it; `tests/tidy.rs` fails with the arrow that does not.
//!
//! ```text
//! 7  js                              the only place that knows JavaScript
//! 6  engine  view                    sessions and their effects; views for people
//! 5  decision  content  journey      choose; what a creative says; take on
//!    bundle  sync                    the envelope; what leaves
//! 4  eligibility                     gates and their reasons
//! 3  rule  model                     bins, bit rows, integer scores
//! 2  profile  identity               what is remembered of one visitor; who they say they are
//! 1  event  consent  catalog         facts
//! 0  id  time  random  hash  wire    vocabulary
//!    kernel                          `hash`, `wire`, and the loops of `rule`: slices and numbers
//! ```
//!
//! # Invariants
//!
//! - No clock, no randomness, no storage, no network: they are arguments and [`engine::Effect`]s. `no_std` makes the
//!   compiler check it.
//! - Bytes from outside never panic, and never allocate beyond a small multiple of their length.
//! - The same input gives the same bytes on every target.

#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod bundle;
pub mod catalog;
pub mod consent;
pub mod content;
pub mod decision;
pub mod eligibility;
pub mod engine;
pub mod event;
pub mod id;
pub mod identity;
pub mod journey;
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
mod js;
pub mod model;
pub mod profile;
pub mod random;
pub mod rule;
pub mod sync;
pub mod time;
pub mod view;

// A crate below, because it is compiled for speed: see there.
pub use petitfour_kernel::hash;
use petitfour_kernel::wire;
