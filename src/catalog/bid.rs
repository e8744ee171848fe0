//! What campaigns offer for a slot in an auction, and how many exposures they may have: the records of `BIDS` and `PACE`.
//!
//! Only who bids asks for the first, and the origin for the second. So the sections have no place in [`SECTIONS`](super::SECTIONS): they are
//! looked up in the directory when they are asked for, and an engine that does neither carries nothing of it.

use super::record::{u32_at, u64_at};
use super::{Catalog, records};

/// Bytes of the envelope before the directory, and of one of its entries (`docs/formats/bundle.md`).
const HEADER: usize = 64;
const ENTRY: usize = 16;

/// What one campaign offers, and how much it may spend.
#[derive(Debug, Clone, Copy)]
pub struct Bid<'a>(&'a [u8; 48]);

impl Bid<'_> {
    /// The campaign, by its place.
    #[must_use]
    pub fn campaign(&self) -> usize {
        u32_at(self.0, 0) as usize
    }

    /// The bundle's currency: three capital letters (ISO 4217).
    #[must_use]
    pub fn currency(&self) -> &str {
        core::str::from_utf8(self.0.get(4..7).unwrap_or(&[])).unwrap_or("")
    }

    /// What a thousand impressions are worth at least, in thousandths of the currency: millionths of it for one.
    #[must_use]
    pub fn base(&self) -> u32 {
        u32_at(self.0, 8)
    }

    /// What a thousand impressions are worth at most, in thousandths of the currency.
    #[must_use]
    pub fn max(&self) -> u32 {
        u32_at(self.0, 12)
    }

    /// What may be spent in a local day, in millionths of the currency; `None` for as much as in all.
    #[must_use]
    pub fn day(&self) -> Option<u64> {
        Some(u64_at(self.0, 16)).filter(|amount| *amount != u64::MAX)
    }

    /// What may be spent in all, in millionths of the currency; `None` for without end.
    #[must_use]
    pub fn total(&self) -> Option<u64> {
        Some(u64_at(self.0, 24)).filter(|amount| *amount != u64::MAX)
    }

    /// Is the day's budget spread over the day?
    #[must_use]
    pub fn is_even(&self) -> bool {
        self.0[32] == 1
    }

    /// String number of the advertiser's domain.
    #[must_use]
    pub fn domain(&self) -> u32 {
        u32_at(self.0, 36)
    }

    /// String number of the advertisement's categories, with commas between.
    #[must_use]
    pub fn categories(&self) -> u32 {
        u32_at(self.0, 40)
    }
}

/// How many exposures one campaign may have over all visitors, for the origin that counts them.
#[derive(Debug, Clone, Copy)]
pub struct Pace<'a>(&'a [u8; 16]);

impl Pace<'_> {
    /// The campaign, by its place.
    #[must_use]
    pub fn campaign(&self) -> usize {
        u32_at(self.0, 0) as usize
    }

    /// On a day of UTC; `None` for any.
    #[must_use]
    pub fn day(&self) -> Option<u32> {
        Some(u32_at(self.0, 4)).filter(|count| *count > 0)
    }

    /// In all; `None` for any.
    #[must_use]
    pub fn total(&self) -> Option<u32> {
        Some(u32_at(self.0, 8)).filter(|count| *count > 0)
    }

    /// Are those of a day spread over it?
    #[must_use]
    pub fn is_even(&self) -> bool {
        self.0[12] == 1
    }
}

impl Catalog {
    /// How many exposures campaigns may have, in the order of the campaigns; those that may have any number are left out.
    pub fn paces(&self) -> impl ExactSizeIterator<Item = Pace<'_>> {
        records(self.unlisted(*b"PACE", 16)).map(Pace)
    }

    /// What campaigns offer, in the order of the campaigns; those that do not bid are left out.
    pub fn bids(&self) -> impl ExactSizeIterator<Item = Bid<'_>> {
        records(self.unlisted(*b"BIDS", 48)).map(Bid)
    }

    /// A section that has no place of its own; empty where it is not there or has records of another length.
    fn unlisted(&self, kind: [u8; 4], stride: u32) -> &[u8] {
        let count =
            self.bytes.get(6..).and_then(<[u8]>::first_chunk::<2>).map_or(0, |count| u16::from_le_bytes(*count));
        let directory = self.bytes.get(HEADER..HEADER + ENTRY * usize::from(count)).unwrap_or(&[]);
        let entry = directory.as_chunks::<ENTRY>().0.iter().find(|entry| entry.starts_with(&kind));
        let Some(entry) = entry.filter(|entry| u32_at(entry, 12) == stride) else { return &[] };
        let start = u32_at(entry, 4) as usize;
        self.bytes.get(start..start.saturating_add(u32_at(entry, 8) as usize)).unwrap_or(&[])
    }
}
