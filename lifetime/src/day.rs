//! Days of the calendar, as files write them.

use std::fmt;

use jiff::civil::Date;

/// A day; a purchase's hour does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i32);

/// First and last year that a purchase may have: outside, a number that is no date was read as one.
const YEARS: std::ops::RangeInclusive<i16> = 1900..=2199;

impl Day {
    /// Reads `2026-11-26` or `20261126`, alone or before a time of day (`2026-11-26T09:30Z`, `2026-11-26 09:30:00+01:00`). The day is the one
    /// that is written: an offset moves nothing. `None` for anything else, days that no month has, and years before 1900 or after 2199.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (date, time) = match text.split_once(['T', ' ']) {
            Some((date, time)) => (date, Some(time)),
            None => (text, None),
        };
        let is_shaped = match date.as_bytes() {
            digits if digits.len() == 8 => digits.iter().all(u8::is_ascii_digit),
            [_, _, _, _, b'-', _, _, b'-', _, _] => true,
            _ => false,
        };
        let is_time = |time: &str| {
            let hour = time.as_bytes();
            matches!(hour, [b'0'..=b'2', b'0'..=b'9', b':', ..])
                && hour.iter().all(|byte| byte.is_ascii_digit() || b":.,+-Z ".contains(byte))
        };
        if !is_shaped || !time.is_none_or(is_time) {
            return None;
        }
        Self::of(date.parse().ok()?)
    }

    fn of(date: Date) -> Option<Self> {
        YEARS.contains(&date.year()).then(|| Self(days(date)))
    }

    /// Days from another day to this one.
    #[must_use]
    pub fn since(self, other: Self) -> i32 {
        self.0.saturating_sub(other.0)
    }

    /// So many days later.
    #[must_use]
    pub fn plus(self, days: i32) -> Self {
        Self(self.0.saturating_add(days))
    }
}

/// Days since 1970.
fn days(date: Date) -> i32 {
    let hours = date.duration_since(Date::constant(1970, 1, 1)).as_hours();
    i32::try_from(hours / 24).unwrap_or(i32::MAX)
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Date::constant(1970, 1, 1).checked_add(jiff::SignedDuration::from_hours(i64::from(self.0) * 24)) {
            Ok(date) => write!(f, "{date}"),
            Err(_) => write!(f, "day {}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_read_as_it_is_written_and_shown_as_iso() {
        let day = Day::parse("19970930").unwrap();
        for same in ["1997-09-30", "1997-09-30T23:59:59-08:00", "1997-09-30 00:10", "19970930T12:00Z"] {
            assert_eq!(Day::parse(same), Some(day), "{same}");
        }
        assert_eq!((day.to_string(), day.plus(273).to_string()), ("1997-09-30".to_owned(), "1998-06-30".to_owned()));
        assert_eq!(day.since(Day::parse("1997-01-01").unwrap()), 272);
        assert_eq!(Day::parse("1969-12-31").unwrap().to_string(), "1969-12-31");
    }

    #[test]
    fn what_is_no_day_is_none() {
        for text in [
            "",
            "1997",
            "30.09.1997",
            "9/30/1997",
            "1997-02-29",
            "19970931",
            "1997-9-30",
            "875577600",
            "00000101",
            "99991231",
            "1997-09-30 noon",
            "1997-09-30T",
            "1997-09-30x",
            "+1997-09-3",
            "-0199709",
        ] {
            assert_eq!(Day::parse(text), None, "{text}");
        }
    }
}
