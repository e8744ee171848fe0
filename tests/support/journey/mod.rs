//! Journeys as their documentation tells them, for comparison with the engine: random files ([`script`], [`draft`]),
//! random lives ([`timeline`]), a slow interpreter ([`reference`]) and the contest between it and another one
//! ([`contest`]).
//!
//! None of these uses the engine: both were written from `docs/journeys.md`, so what one of them misread shows. [`device`]
//! lets the engine compete.

#![allow(dead_code, reason = "the tests of the reference and those of the engine use their own parts")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "only tests come here, though not from a function that Clippy knows as one"
)]

pub mod chance;
pub mod contest;
pub mod device;
pub mod draft;
pub mod reference;
pub mod script;
pub mod timeline;
