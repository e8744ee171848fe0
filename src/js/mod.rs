//! The JavaScript face: the only place that knows JavaScript, on wasm32-unknown-unknown alone.
//!
//! The module that every visitor downloads speaks numbers and bytes. Names and texts cross once and come back as numbers;
//! the inputs of a decision are written by JavaScript into a block of `f64`, and its answer is read from a block of `u32`.
//! The lens, a second module of the same crate, is loaded when someone looks: it speaks objects.

#[cfg(petitfour_lens)]
mod lens;
mod session;
