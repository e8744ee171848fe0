//! Names as numbers.
//!
//! A [`Key`] is a name's id everywhere and for ever: profiles and sync messages carry keys, so they stay readable when a
//! bundle is rebuilt. Indices into a bundle's tables are plain `usize` and never leave the engine that opened it.

use crate::hash::xxh64;
use serde::{Deserialize, Serialize};

/// The stable 32-bit id of a name: the low half of its XXH64 under seed 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(pub u32);

impl Key {
    /// The absent key. The compiler refuses the one name in four thousand million that would have it.
    pub const NONE: Self = Self(u32::MAX);

    /// The key of `name`.
    #[must_use]
    pub fn of(name: &str) -> Self {
        Self(xxh64(name.as_bytes(), 0) as u32)
    }
}

/// A visitor's pseudonym: 128 random bits that say nothing about anyone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Visitor(pub [u8; 16]);

impl Visitor {
    /// The number by which holdouts and splits know this visitor.
    #[must_use]
    pub fn unit(&self) -> u64 {
        xxh64(&self.0, 0)
    }
}
