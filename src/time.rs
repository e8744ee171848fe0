//! Time as an argument: nothing in the engine reads a clock.
//!
//! A day is the visitor's own: a moment carries the offset of local time, and counters, caps and hours of the day follow
//! it. A local day is 86 400 s; a leap second belongs to the second before it, as in Unix time.

use serde::{Deserialize, Serialize};

const HOUR: u64 = 3_600_000;
/// Ms of a day.
pub(crate) const DAY: u64 = 24 * HOUR;

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// Whole hours since 1970, UTC. Saturates at 2^24 − 1 (the year 3883), which is what a profile stores.
    #[must_use]
    pub fn hours(self) -> u32 {
        (self.0 / HOUR).min(0xFF_FFFF) as u32
    }

    /// Whole minutes since 1970, UTC. The hours saturate as [`Timestamp::hours`] does.
    #[must_use]
    pub fn minutes(self) -> u32 {
        self.hours() * 60 + ((self.0 / 60_000) % 60) as u32
    }
}

/// Now, and where the visitor's clock stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Moment {
    /// The instant.
    pub now: Timestamp,
    /// Local time minus UTC, in minutes; −14 h to +14 h are used, anything else is clamped.
    pub offset_minutes: i16,
}

/// The next change of the visitor's clock, such as the end of summer time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shift {
    /// When it is.
    pub at: Timestamp,
    /// Local time minus UTC from then on, in minutes.
    pub offset_minutes: i16,
}

impl Moment {
    /// A moment in UTC.
    #[must_use]
    pub fn utc(milliseconds: u64) -> Self {
        Self { now: Timestamp(milliseconds), offset_minutes: 0 }
    }

    /// Whole local hours since 1970.
    #[must_use]
    pub fn local_hours(self) -> u32 {
        Timestamp(self.local()).hours()
    }

    /// Whole local days since 1970.
    #[must_use]
    pub fn local_day(self) -> u32 {
        self.local_hours() / 24
    }

    /// Hour of the local day, 0 to 23.
    #[must_use]
    pub fn hour(self) -> u8 {
        (self.local_hours() % 24) as u8
    }

    /// Minute of the local day, 0 to 1,439.
    #[must_use]
    pub fn minute_of_day(self) -> u32 {
        (self.local() / 60_000 % 1_440) as u32
    }

    /// Local weekday, 1 = Monday to 7 = Sunday (ISO 8601). 1970-01-01 was a Thursday.
    #[must_use]
    pub fn weekday(self) -> u8 {
        ((self.local_day() + 3) % 7) as u8 + 1
    }

    /// Local month, 1 to 12, in the Gregorian calendar.
    #[must_use]
    pub fn month(self) -> u8 {
        // Days since 0000-03-01 fall into 400-year eras of 146 097 days; years here begin in March, so that the leap
        // day is the last one (Hinnant, "chrono-compatible low-level date algorithms", civil_from_days).
        let days = self.local() / DAY + 719_468;
        let of_era = days % 146_097;
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let from_march = (5 * of_year + 2) / 153;
        (if from_march < 10 { from_march + 3 } else { from_march - 9 }) as u8
    }

    /// Minutes since 1970 of the next instant after this one at which the local clock shows `minute` of a day whose
    /// weekday is in `weekdays` (bit 0 for Monday). A time that `shift` skips is the moment of the shift; of one that
    /// comes twice, the first counts. Without a weekday, a week from now.
    #[must_use]
    pub fn next(self, minute: u32, weekdays: u8, shift: Option<Shift>) -> u64 {
        let offset = |minutes: i16| i64::from(minutes.clamp(-840, 840));
        let shift = shift.filter(|shift| shift.at > self.now);
        let shown = |day: u64| {
            let local = day * 1_440 + u64::from(minute);
            let plain = local.saturating_add_signed(-offset(self.offset_minutes));
            match shift.map(|shift| (shift.at.0.div_ceil(60_000), offset(shift.offset_minutes))) {
                Some((at, then)) if plain >= at => local.saturating_add_signed(-then).max(at),
                _ => plain,
            }
        };
        let today = self.local() / DAY;
        (today..today + 9)
            .filter(|day| weekdays >> ((day + 3) % 7) & 1 == 1)
            .map(shown)
            .find(|minutes| minutes * 60_000 > self.now.0)
            .unwrap_or(self.now.0 / 60_000 + 7 * 1_440)
    }

    fn local(self) -> u64 {
        let offset = i64::from(self.offset_minutes.clamp(-840, 840)) * 60_000;
        self.now.0.saturating_add_signed(offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64, offset_minutes: i16) -> Moment {
        Moment { now: Timestamp(milliseconds), offset_minutes }
    }

    #[test]
    fn the_calendar_agrees_with_known_dates() {
        // 2026-11-22T12:00:00Z is a Sunday; 2024-02-29 and 2024-03-01 stand on either side of a leap day's end.
        let noon = at(1_795_348_800_000, 0);
        assert_eq!((noon.hour(), noon.weekday(), noon.month()), (12, 7, 11));
        assert_eq!(at(1_709_251_199_000, 0).month(), 2);
        assert_eq!(at(1_709_251_200_000, 0).month(), 3);
        assert_eq!(at(0, 0).weekday(), 4);
    }

    #[test]
    fn a_day_ends_at_local_midnight() {
        let evening = 1_795_390_200_000; // 2026-11-22T23:30:00Z
        assert_eq!(at(evening, 60).local_day(), at(evening, 0).local_day() + 1);
        assert_eq!(at(evening, -480).hour(), 15);
    }

    #[test]
    fn nine_in_the_morning_is_met_across_both_changes_of_the_clock() {
        const MINUTE: u64 = 60_000;
        // Central Europe: 2026-03-29T01:00Z to +02:00, 2026-10-25T01:00Z to +01:00. Both are Sundays.
        let spring = Shift { at: Timestamp(1_774_746_000_000), offset_minutes: 120 };
        let autumn = Shift { at: Timestamp(1_792_890_000_000), offset_minutes: 60 };
        let saturday = at(spring.at.0 - 12 * HOUR, 60);
        let sunday_nine = spring.at.0 + 6 * HOUR;
        assert_eq!(saturday.next(9 * 60, 0x7F, Some(spring)) * MINUTE, sunday_nine);
        assert_eq!(saturday.next(9 * 60, 0x7F, None) * MINUTE, sunday_nine + HOUR, "as it would be without the change");
        // Half past two is skipped in spring, and comes twice in autumn.
        assert_eq!(saturday.next(150, 0x7F, Some(spring)) * MINUTE, spring.at.0);
        let before = at(autumn.at.0 - 12 * HOUR, 120);
        assert_eq!(before.next(150, 0x7F, Some(autumn)) * MINUTE, autumn.at.0 - HOUR / 2);
        let monday = 0b1;
        assert_eq!(before.next(9 * 60, monday, Some(autumn)) * MINUTE, autumn.at.0 + 31 * HOUR);
        assert_eq!(saturday.next(0, 0, None) * MINUTE, saturday.now.0 + 7 * 24 * HOUR);
    }

    #[test]
    fn an_impossible_offset_is_clamped() {
        assert_eq!(at(0, i16::MIN).local_hours(), 0);
        assert_eq!(at(0, i16::MAX).local_hours(), 14);
    }
}
