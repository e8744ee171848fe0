//! Exposures on seven days in one number, so that a capped campaign costs the same however often it is shown.

/// Counts of the newest day and the six before it, nine bits each, the newest lowest. It only grows within a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Week(pub(super) u64);

const BITS: u64 = 9;
/// A day that was counted so far counts as endless, so that no cap is missed.
const FULL: u64 = (1 << BITS) - 1;
const DAYS: u64 = 7;

impl Week {
    /// The same week `days` later.
    pub(super) fn passed(self, days: u64) -> Self {
        let kept = if days < DAYS { self.0 << (BITS * days) } else { 0 };
        Self(kept & ((1 << (BITS * DAYS)) - 1))
    }

    /// With one more on the day that lies `back` days before the newest; what lies before the week is not kept.
    pub(super) fn with_one_more(self, back: u64) -> Self {
        let place = BITS * back.min(DAYS);
        if back >= DAYS || self.0 >> place & FULL == FULL { self } else { Self(self.0 + (1 << place)) }
    }

    /// Sum of the newest `days` days.
    pub(super) fn last(self, days: u64) -> u64 {
        let day = |place| (self.0 >> (BITS * place)) & FULL;
        (0..days.min(DAYS)).map(day).map(|count| if count == FULL { u64::from(u32::MAX) } else { count }).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_move_along_and_leave_after_seven() {
        let week = Week(0).with_one_more(0).passed(2).with_one_more(0).with_one_more(0);
        assert_eq!([0, 1, 2, 3, 7].map(|days| week.last(days)), [0, 2, 2, 3, 3]);
        assert_eq!(week.passed(4).last(7), 3);
        assert_eq!(week.passed(5).last(7), 2);
        assert_eq!(week.passed(7).last(7), 0);
    }

    #[test]
    fn what_is_told_late_stands_on_its_own_day() {
        let week = Week(0).with_one_more(0).with_one_more(3).with_one_more(9);
        assert_eq!([1, 3, 4, 7].map(|days| week.last(days)), [1, 1, 2, 2]);
    }

    #[test]
    fn a_full_day_reaches_every_cap() {
        let full = (0..600).fold(Week(0), |week, _| week.with_one_more(0));
        assert!(full.last(1) >= u64::from(u32::MAX));
        assert_eq!(full.passed(7).last(7), 0);
    }
}
