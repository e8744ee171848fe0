//! What the visitor permits: four permissions, closed until something opens them.
//!
//! A host hands over what consent platforms say, as it is ([`Signals`]); a [`Policy`] that a privacy officer can read and
//! change turns it into [`Permissions`]. The strings are read in place, bit by bit, without allocating: [`tcf`] and
//! [`gpp`] hold borrowed text, and asking for a vendor walks its ranges.
//!
//! Invariants: every door (storage, profile, sync) asks here before it is touched; there is no other switch. Whoever has
//! spoken has to agree. What cannot be read to its end counts as no permission, and says why by a stable code.
//! Absent on purpose: asking the visitor, which is a consent platform's work; vendor lists, which only a platform needs
//! to write a string.

use core::fmt;
use serde::{Deserialize, Serialize};

mod bits;
pub mod gpp;
mod mode;
mod policy;
mod signals;
pub mod tcf;
pub mod us;
pub mod us_privacy;
mod vendors;

pub use mode::{ConsentMode, Storage};
pub use policy::{Alternatives, OptOut, Policy, Purposes, Verdict};
pub use signals::{Heard, Region, Signals};
pub use vendors::{Ranges, Vendors};

/// What is permitted. The default is nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "u8")]
pub struct Permissions(u8);

impl From<u8> for Permissions {
    fn from(bits: u8) -> Self {
        Self::from_bits(bits)
    }
}

impl Permissions {
    /// Their names, in the order of the bits.
    pub const NAMES: [&str; 4] = ["store", "personalise", "measure", "share"];
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

    /// What both permit.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What this permits and the other does not name.
    #[must_use]
    pub const fn without(self, closed: Self) -> Self {
        Self(self.0 & !closed.0)
    }
}

/// Why a consent string counts as no permission. No variant carries anything of the string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// A TC string has a character that is not base64url.
    TcfAlphabet,
    /// A TC string, or a segment of it, ends before its last field, or has a field that cannot be: a range that ends before
    /// it starts, a restriction of no purpose or no known kind.
    TcfTruncated,
    /// A TC string of a version that is not read: 1 is out of use since 2020, later ones are unknown.
    TcfVersion,
    /// A TC string has a segment of an unknown kind.
    TcfSegment,
    /// The publisher's country in a TC string is not two letters.
    TcfCountry,
    /// A TC string was written by no registered platform: ids 0 and 1 are nobody's.
    TcfPlatform,
    /// A GPP string has a character that is not base64url.
    GppAlphabet,
    /// A GPP string's header or one of its sections ends before its last field.
    GppTruncated,
    /// A GPP string does not begin with a header of version 1.
    GppHeader,
    /// A GPP string has more or fewer sections than its header names, or an empty one.
    GppSections,
    /// A section of a GPP string has a version whose fields are not known.
    GppVersion,
    /// Not four characters such as `1YNN`.
    UsPrivacy,
    /// Longer than [`MAX_TEXT`].
    Long,
}

/// Longest string that is read, in characters: the longest seen in the wild have some 5,000, and this bounds the work.
pub const MAX_TEXT: usize = 32_768;

impl Error {
    /// In the order of their numbers, from 1.
    const ALL: [Self; 13] = [
        Self::TcfAlphabet,
        Self::TcfTruncated,
        Self::TcfVersion,
        Self::TcfSegment,
        Self::TcfCountry,
        Self::TcfPlatform,
        Self::GppAlphabet,
        Self::GppTruncated,
        Self::GppHeader,
        Self::GppSections,
        Self::GppVersion,
        Self::UsPrivacy,
        Self::Long,
    ];

    /// A number from 1, by which one wasm module tells it to JavaScript; not to be stored.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8 + 1
    }

    /// The error of a number.
    #[must_use]
    pub fn of(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }

    /// The stable code that reaches JavaScript.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::TcfAlphabet => "consent/tcf_alphabet",
            Self::TcfTruncated => "consent/tcf_truncated",
            Self::TcfVersion => "consent/tcf_version",
            Self::TcfSegment => "consent/tcf_segment",
            Self::TcfCountry => "consent/tcf_country",
            Self::TcfPlatform => "consent/tcf_platform",
            Self::GppAlphabet => "consent/gpp_alphabet",
            Self::GppTruncated => "consent/gpp_truncated",
            Self::GppHeader => "consent/gpp_header",
            Self::GppSections => "consent/gpp_sections",
            Self::GppVersion => "consent/gpp_version",
            Self::UsPrivacy => "consent/us_privacy",
            Self::Long => "consent/long",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TcfAlphabet => "the TC string has characters outside base64url: pass it as the platform gives it",
            Self::TcfTruncated => "the TC string ends too early: it was cut, or its platform wrote it wrongly",
            Self::TcfVersion => "the TC string is not of version 2: ask the consent platform for a current one",
            Self::TcfSegment => "the TC string has a segment of unknown kind",
            Self::TcfCountry => "the publisher's country in the TC string is not two letters",
            Self::TcfPlatform => "the TC string names no registered consent platform (id 0 or 1)",
            Self::GppAlphabet => "the GPP string has characters outside base64url: pass it as the platform gives it",
            Self::GppTruncated => "the GPP string ends too early: it was cut, or its platform wrote it wrongly",
            Self::GppHeader => "the GPP string does not begin with a header of version 1",
            Self::GppSections => "the GPP string has other sections than its header names",
            Self::GppVersion => "a section of the GPP string has a version that is not known here",
            Self::UsPrivacy => "the US privacy string is not four characters such as 1YNN",
            Self::Long => "the consent string is longer than any that a platform writes",
        })
    }
}
