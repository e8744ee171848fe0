//! The loops in which a decision spends its time: the hash, the rules' way from inputs to bins to bit rows, and the numbers of what is
//! queued for the origin, and the leaves of trees.
//!
//! They are a crate of their own because Cargo optimises by crates: the engine is compiled for size, these for speed, and a link over
//! both keeps that apart function by function (`profile.wasm` in the root's `Cargo.toml`). With that, what every visitor downloads is
//! two kilobytes less, and a decision takes three hundredths longer.
//!
//! Invariant: nothing here is generic over what the engine brings, or it would be compiled there, for size.
//! Absent on purpose: bundles and visitors. What is here takes slices, and believes nothing of what they say.

#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod forest;
pub mod hash;
pub mod lanes;
pub mod rule;
pub mod wire;
