//! petitfour
#![no_std]
extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod bundle;
pub mod catalog;
pub mod consent;
pub mod decision;
pub mod eligibility;
pub mod event;
pub mod hash;
pub mod id;
pub mod model;
pub mod profile;
pub mod random;
pub mod rule;
pub mod sync;
pub mod time;
