//! A cell: the smallest thing that a profile counts, and the order in which cells are let go.

use super::MAX_WINDOW;
use crate::id::Key;

/// What a cell holds. The numbers are the format's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Kind {
    /// Exposures of a campaign in a local hour.
    ExposureHour = 1,
    /// Exposures of a campaign on a local day.
    ExposureDay = 2,
    /// Exposures of a campaign ever.
    ExposureTotal = 3,
    /// Events on a local day.
    Day = 4,
    /// Events ever.
    Total = 5,
    /// An interest in one value.
    Affinity = 6,
    /// What was said.
    Trait = 7,
}

impl Kind {
    pub(super) const ALL: [Self; 7] = [
        Self::ExposureHour,
        Self::ExposureDay,
        Self::ExposureTotal,
        Self::Day,
        Self::Total,
        Self::Affinity,
        Self::Trait,
    ];

    /// The latest slot that can be, `seen` minutes after 1970: local time runs at most 14 hours ahead.
    pub(super) fn newest_slot(self, seen: u32) -> u32 {
        let hours = seen / 60 + 14;
        if self == Self::ExposureHour { hours } else { hours / 24 }
    }
}

/// What a cell counts, and who counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CellKey {
    pub(super) kind: Kind,
    pub(super) id: Key,
    pub(super) replica: u16,
    /// Local hour or day since 1970, or hash of an affinity's value; 0 elsewhere.
    pub(super) slot: u32,
}

/// A pair that only grows: (stamp, value), compared in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) key: CellKey,
    /// Hours since 1970 of the last change (totals, affinities), ms since 1970 (traits), 0 elsewhere.
    pub(super) stamp: u64,
    pub(super) value: u64,
}

/// How much a cell matters: the least goes first. Grows with the cell, so what is gone stays gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Rank {
    /// Hours since 1970 of the cell's time, and what its kind is worth on top; below 2^24.
    pub(super) hours: u32,
    pub(super) kind: u8,
    pub(super) id: u32,
    pub(super) replica: u16,
    pub(super) slot: u32,
}

impl Cell {
    pub(super) fn rank(&self) -> Rank {
        let stamp = self.stamp as u32;
        let hours = match self.key.kind {
            Kind::Day => self.key.slot * 24,
            // What a cap counts is worth more than any total: a visitor who does a lot is not to be shown more of it.
            Kind::ExposureHour => self.key.slot + 31 * 24,
            Kind::ExposureDay => self.key.slot * 24 + 32 * 24,
            // A total is worth a month: it outlives the days that it sums. A trait is worth a year: nobody says it twice.
            Kind::Total | Kind::Affinity => stamp + 30 * 24,
            Kind::ExposureTotal => stamp + 60 * 24,
            Kind::Trait => (self.stamp / 3_600_000) as u32 + 365 * 24,
        };
        let CellKey { kind, id, replica, slot } = self.key;
        Rank { hours: hours.min(0xFF_FFFF), kind: kind as u8, id: id.0, replica, slot }
    }

    /// Is it beyond every window, `seen` minutes after 1970?
    pub(super) fn has_aged(&self, seen: u32) -> bool {
        let hours = seen / 60;
        match self.key.kind {
            // The hour itself, and as much again as two replicas' local times may lie apart.
            Kind::ExposureHour => self.key.slot + 28 < hours,
            // The longest cap looks back a week; as much again for clocks that were set back.
            Kind::ExposureDay => self.key.slot + 14 < hours / 24,
            Kind::Day => self.key.slot + MAX_WINDOW + 1 < hours / 24,
            _ => false,
        }
    }
}
