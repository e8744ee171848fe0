//! Exposures of a campaign in one number, so that a capped campaign costs the same however often it is shown.

/// How often ever, in the high bits; below it counts of the newest day and the six before it, seven bits each, the newest
/// lowest. Within a day it only grows, and from day to day as a pair with the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen(pub(super) u64);

const BITS: u64 = 7;
/// A day that was counted so far counts as endless, so that no cap is missed.
const FULL: u64 = (1 << BITS) - 1;
const DAYS: u64 = 7;
/// Where the count of all begins, and where it becomes endless.
const EVER: u64 = BITS * DAYS;
const ALL: u64 = (1 << (64 - EVER)) - 1;

/// The highest cap in a day that can be kept; weeks are sums of days.
pub const MAX_DAY: u64 = FULL - 1;
/// The highest cap in all that can be kept.
pub const MAX_EVER: u64 = ALL - 1;

impl Seen {
    /// The same seen `days` later.
    pub(super) fn passed(self, days: u64) -> Self {
        let week = self.0 & ((1 << EVER) - 1);
        let kept = if days < DAYS { (week << (BITS * days)) & ((1 << EVER) - 1) } else { 0 };
        Self(self.0 - week + kept)
    }

    /// With one more on the day that lies `back` days before the newest; before the week, in all alone.
    pub(super) fn with_one_more(self, back: u64) -> Self {
        let place = BITS * back.min(DAYS);
        let day = if back >= DAYS || self.0 >> place & FULL == FULL { 0 } else { 1 << place };
        let all = if self.0 >> EVER == ALL { 0 } else { 1 << EVER };
        Self(self.0 + day + all)
    }

    /// So often on one day.
    pub(super) fn of_day(exposures: u64) -> Self {
        Self(exposures.min(FULL) | exposures.min(ALL) << EVER)
    }

    /// Sum of the newest `days` days.
    pub(super) fn last(self, days: u64) -> u64 {
        let day = |place| (self.0 >> (BITS * place)) & FULL;
        (0..days.min(DAYS)).map(day).map(|count| endless(count, FULL)).sum()
    }

    /// How often ever.
    pub(super) fn ever(self) -> u64 {
        endless(self.0 >> EVER, ALL)
    }

    /// From the first format's seven counts of nine bits.
    pub(super) fn of_first(week: u64) -> Self {
        let days = (0..DAYS).map(|place| (week >> (9 * place) & 511).min(FULL) << (BITS * place));
        Self(days.sum())
    }

    /// Seen so often in all.
    pub(super) fn with_ever(self, ever: u64) -> Self {
        Self(self.0 & ((1 << EVER) - 1) | ever.min(ALL) << EVER)
    }
}

fn endless(count: u64, full: u64) -> u64 {
    if count == full { u64::from(u32::MAX) } else { count }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_move_along_and_leave_after_seven() {
        let seen = Seen(0).with_one_more(0).passed(2).with_one_more(0).with_one_more(0);
        assert_eq!([0, 1, 2, 3, 7].map(|days| seen.last(days)), [0, 2, 2, 3, 3]);
        assert_eq!([4, 5, 7].map(|days| seen.passed(days).last(7)), [3, 2, 0]);
        assert_eq!(seen.passed(7).ever(), 3);
    }

    #[test]
    fn what_is_told_late_stands_on_its_own_day() {
        let seen = Seen(0).with_one_more(0).with_one_more(3).with_one_more(9);
        assert_eq!([1, 3, 4, 7].map(|days| seen.last(days)), [1, 1, 2, 2]);
        assert_eq!(seen.ever(), 3);
    }

    #[test]
    fn what_is_full_reaches_every_cap() {
        let full = (0..40_000).fold(Seen(0), |seen, _| seen.with_one_more(0));
        assert!(full.last(1) > MAX_DAY && full.ever() > MAX_EVER);
        assert_eq!(full.passed(7).last(7), 0);
    }
}
