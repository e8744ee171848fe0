//! A cell: the smallest thing that a profile counts, and the order in which cells are let go.

use super::MAX_WINDOW;
use crate::id::Key;

/// What a cell holds. The numbers are the format's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Kind {
    /// Exposures of a campaign in the last local hour that had any.
    ExposureHour = 1,
    /// Exposures of a campaign on the last local day that had any, on the six days before it, and ever.
    Exposures = 2,
    /// Events on a local day.
    Day = 4,
    /// Events ever.
    Total = 5,
    /// An interest in one value.
    Affinity = 6,
    /// What was said.
    Trait = 7,
    /// What the events of a counter were worth, ever.
    Worth = 8,
    /// Whether the origin counts the visitor to a segment.
    Member = 9,
    /// Where a journey stands.
    Journey = 10,
}

impl Kind {
    pub(super) const ALL: [Self; 9] = [
        Self::ExposureHour,
        Self::Exposures,
        Self::Day,
        Self::Total,
        Self::Affinity,
        Self::Trait,
        Self::Worth,
        Self::Member,
        Self::Journey,
    ];

    /// Is it a register, of which the latest word of any device holds? The others are counted by each device apart.
    pub(super) fn is_register(self) -> bool {
        matches!(self, Self::Trait | Self::Member | Self::Journey)
    }

    /// What a cell of this kind is worth beyond its time, in hours. Days go first, oldest first. An interest that was not
    /// fed for a month matters less than yesterday. The origin repeats memberships. Totals outlive the days that they sum; what a cap counts is worth more
    /// than any total of that time, for a visitor who does a lot is not to be shown more of it. A trait is said once.
    fn worth(self) -> u32 {
        24 * match self {
            Self::Day => 0,
            Self::Affinity => 30,
            Self::Member => 365,
            Self::Total | Self::Worth | Self::Journey => 640,
            Self::ExposureHour => 641,
            Self::Exposures => 670,
            Self::Trait => 975,
        }
    }
}

/// The latest local day that can be, `seen` minutes after 1970: local time runs at most 14 hours ahead.
pub(super) fn newest_day(seen: u32) -> u32 {
    (seen / 60 + 14) / 24
}

/// What a cell counts, and which device counted; 0 for what is a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CellKey {
    pub(super) kind: Kind,
    pub(super) id: Key,
    pub(super) replica: u16,
    /// Local day since 1970 under the longest window that asks for it ([`day_slot`]), or hash of an affinity's value; 0
    /// elsewhere.
    pub(super) slot: u32,
}

/// Days of this length are below this bit, the window above.
const WINDOW: u32 = 24;

/// A local day of a counter whose longest window has so many days. What is counted under one window stays under it: a
/// bundle that asks for a longer one begins another cell, and both are summed.
pub(super) fn day_slot(day: u32, window: u32) -> u32 {
    window.min(MAX_WINDOW) << WINDOW | day & ((1 << WINDOW) - 1)
}

/// Day and window of a slot.
pub(super) fn day_of(slot: u32) -> (u32, u32) {
    (slot & ((1 << WINDOW) - 1), slot >> WINDOW)
}

/// A pair that only grows: (stamp, value), compared in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) key: CellKey,
    /// Hours since 1970 of the last change (totals, worth, affinities), local hour or day since 1970 (exposures in an hour,
    /// exposures), minutes since 1970 (memberships), ms since 1970 (traits, journeys), 0 elsewhere.
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
    #[inline(never)]
    pub(super) fn rank(&self) -> Rank {
        let hours = match self.key.kind {
            // A day that no window reaches any more goes with those that were never asked for.
            Kind::Day => {
                let (day, window) = day_of(self.key.slot);
                u64::from(day).saturating_sub(u64::from(MAX_WINDOW.saturating_sub(window))) * 24
            }
            Kind::Exposures => self.stamp * 24,
            Kind::Trait | Kind::Journey => self.stamp / 3_600_000,
            Kind::Member => self.stamp / 60,
            Kind::ExposureHour | Kind::Total | Kind::Worth | Kind::Affinity => self.stamp,
        };
        let CellKey { kind, id, replica, slot } = self.key;
        let hours = (hours + u64::from(kind.worth())).min(0xFF_FFFF) as u32;
        Rank { hours, kind: kind as u8, id: id.0, replica, slot }
    }

    /// Brings a time that lies ahead of `now`, in minutes since 1970, back to it. Returns false for a day or an hour that
    /// cannot be: which of them was meant, nobody knows.
    pub(super) fn bring_back(&mut self, now: u32) -> bool {
        let now = u64::from(now);
        let latest = match self.key.kind {
            Kind::Day => return day_of(self.key.slot).0 <= newest_day(now as u32),
            Kind::ExposureHour => return self.stamp <= now / 60 + 14,
            Kind::Exposures => u64::from(newest_day(now as u32)),
            Kind::Total | Kind::Worth | Kind::Affinity => now / 60,
            Kind::Member => now,
            Kind::Trait | Kind::Journey => now * 60_000,
        };
        self.stamp = self.stamp.min(latest);
        true
    }
}

impl Rank {
    /// Where age alone puts the floor, `seen` minutes after 1970: no window reaches days below it.
    pub(super) fn aged(seen: u32) -> Self {
        let hours = (seen / 60).saturating_sub((MAX_WINDOW + 2) * 24);
        Self { hours, ..Self::default() }
    }
}
