//! What the visitor permits: four permissions, closed until something opens them.
//!
//! Invariant: every door (storage, profile, sync) asks here before it is touched; there is no other switch.
//! Absent: the signals of consent platforms, which the host maps to these four for now.

use serde::{Deserialize, Serialize};

/// What is permitted. The default is nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Permissions(u8);

impl Permissions {
    /// Nothing is stored, remembered or sent; decisions from context still work.
    pub const NONE: Self = Self(0);
    /// Everything.
    pub const ALL: Self = Self(0b1111);

    /// From the low four bits: 0 store, 1 personalise, 2 measure, 3 share. Higher bits are ignored.
    #[must_use]
    pub fn from_bits(bits: u8) -> Self {
        Self(bits & Self::ALL.0)
    }

    /// As four bits.
    #[must_use]
    pub fn bits(self) -> u8 {
        self.0
    }

    /// May a profile be kept on this device?
    #[must_use]
    pub fn store(self) -> bool {
        self.0 & 1 != 0
    }

    /// May the profile decide what is shown?
    #[must_use]
    pub fn personalise(self) -> bool {
        self.0 & 2 != 0
    }

    /// May decisions, exposures and outcomes be reported to the origin?
    #[must_use]
    pub fn measure(self) -> bool {
        self.0 & 4 != 0
    }

    /// May identifiers leave the device?
    #[must_use]
    pub fn share(self) -> bool {
        self.0 & 8 != 0
    }
}
