//! Spans of time and points in time as authors write them: `7 days`, `2026-06-01`, `2026-06-01 09:30`.
//!
//! Dates are proleptic Gregorian and leap seconds do not exist, as in Unix time. The calendar here is one function
//! (days from civil), so no date library is needed, and the compiler reads no clock.

use petitfour::time::{Moment, Timestamp};

use crate::diagnostic::Report;
use crate::reader::{self, Word};
use crate::source::{Node, Span};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Reads a duration in seconds, such as `30 minutes`, `2 hours`, `7 days`, `2 weeks`.
pub(crate) fn duration(node: &Node, what: &str, report: &mut Report) -> Option<i64> {
    let found = reader::word(node, what, report)?;
    duration_word(&found, what, report)
}

/// As [`duration`], of a word that was already read.
pub(crate) fn duration_word(found: &Word, what: &str, report: &mut Report) -> Option<i64> {
    let parsed = parse_duration(&found.text);
    if parsed.is_none() {
        report
            .error("file/bad-duration", found.span, format!("`{what}` must be a duration, not `{}`", found.text))
            .remedy("write a whole number and a unit, such as `30 minutes`, `2 hours`, `7 days` or `2 weeks`");
    }
    parsed
}

/// Reads a duration that must come out whole in `unit` seconds and stay within `most` units.
pub(crate) fn duration_in(
    node: &Node,
    what: &str,
    (unit, name, most): (i64, &str, i64),
    report: &mut Report,
) -> Option<i64> {
    let seconds = duration(node, what, report)?;
    in_units(seconds, node.span, what, (unit, name, most), report)
}

/// Seconds as a whole number of units.
pub(crate) fn in_units(
    seconds: i64,
    span: Span,
    what: &str,
    (unit, name, most): (i64, &str, i64),
    report: &mut Report,
) -> Option<i64> {
    if seconds % unit != 0 || seconds == 0 {
        report.error("file/bad-duration", span, format!("`{what}` counts in whole {name}, at least one"));
        return None;
    }
    if seconds / unit > most {
        report.error("file/out-of-range", span, format!("`{what}` must be at most {most} {name}"));
        return None;
    }
    Some(seconds / unit)
}

/// Whole minutes.
pub(crate) const MINUTES: (i64, &str, i64) = (MINUTE, "minutes", u16::MAX as i64);
/// Whole hours.
pub(crate) const HOURS: (i64, &str, i64) = (HOUR, "hours", u16::MAX as i64);
/// Seconds of a day.
pub(crate) const DAY_SECONDS: i64 = DAY;

fn parse_duration(text: &str) -> Option<i64> {
    let text = text.trim();
    let digits = text.find(|letter: char| !letter.is_ascii_digit())?;
    let (count, unit) = text.split_at_checked(digits)?;
    let unit = match unit.trim() {
        "minute" | "minutes" | "min" => MINUTE,
        "hour" | "hours" | "h" => HOUR,
        "day" | "days" | "d" => DAY,
        "week" | "weeks" | "w" => 7 * DAY,
        _ => return None,
    };
    count.parse::<i64>().ok()?.checked_mul(unit)
}

/// Reads a date or a date with a time as milliseconds since 1970; without an offset of its own it is local to `offset`
/// minutes.
pub(crate) fn instant(node: &Node, what: &str, offset: i64, report: &mut Report) -> Option<i64> {
    let found = reader::word(node, what, report)?;
    let parsed = parse_instant(&found.text, offset);
    if parsed.is_none() {
        report
            .error("file/bad-date", node.span, format!("`{what}` must be a date that exists, not `{}`", found.text))
            .remedy("write `2026-06-01` or `2026-06-01 09:30`");
    }
    parsed
}

/// Reads `09:00` in minutes of the day.
pub(crate) fn clock(word: &Word, report: &mut Report) -> Option<u16> {
    let number = |text: &str, most: u16| {
        let fits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u16>().ok().filter(|number| fits && *number <= most)
    };
    let minute =
        word.text.split_once(':').and_then(|(hour, minute)| Some(number(hour, 23)? * 60 + number(minute, 59)?));
    if minute.is_none() {
        report
            .error("journey/bad-clock", word.span, format!("`{}` is not a time of day", word.text))
            .remedy("write hours and minutes in quotes, such as `\"09:00\"`");
    }
    minute
}

/// Reads an offset from UTC in minutes: `+02:00`, `-05:30`, `UTC`.
pub(crate) fn offset(node: &Node, what: &str, report: &mut Report) -> Option<i64> {
    let found = reader::word(node, what, report)?;
    let parsed = parse_offset(&found.text);
    if parsed.is_none() {
        report
            .error("file/bad-offset", node.span, format!("`{what}` must be an offset from UTC, not `{}`", found.text))
            .remedy("write `+02:00`, `-05:00` or `UTC`; names of zones change their offset and are not read");
    }
    parsed
}

fn parse_instant(text: &str, offset: i64) -> Option<i64> {
    parse_moment(text, offset).map(|(milliseconds, _)| milliseconds)
}

fn parse_offset(text: &str) -> Option<i64> {
    if matches!(text, "UTC" | "Z" | "utc") {
        return Some(0);
    }
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
    (hours <= 14 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

/// Milliseconds since 1970, and the offset in minutes by which they were read: the text's own, else the one given.
pub(crate) fn parse_moment(text: &str, offset: i64) -> Option<(i64, i64)> {
    let (date, time) = match text.split_once(['T', ' ']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let mut parts = date.split('-');
    let (year, month, day) = (digits(parts.next()?, 4)?, digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    if parts.next().is_some() || !(1..=12).contains(&month) || day < 1 || day > days_of(year, month) {
        return None;
    }
    let (mut seconds, mut offset) = (days_from_civil(year, month, day) * DAY, offset);
    if let Some(time) = time {
        let own = time.find(['Z', '+', '-']);
        let (clock, zone) = own.map_or(Some((time, "")), |at| time.split_at_checked(at))?;
        if !zone.is_empty() {
            offset = parse_offset(zone)?;
        }
        seconds += parse_clock(clock)?;
    }
    Some(((seconds - offset * MINUTE) * 1000, offset))
}

/// Seconds since midnight: `09:30`, `09:30:15`.
pub(crate) fn parse_clock(text: &str) -> Option<i64> {
    let mut parts = text.trim().split(':');
    let (hour, minute) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let second = parts.next().map_or(Some(0), |text| digits(text, 2))?;
    let exists = parts.next().is_none() && hour < 24 && minute < 60 && second < 60;
    exists.then_some(hour * HOUR + minute * MINUTE + second)
}

/// A number of exactly this many digits.
fn digits(text: &str, count: usize) -> Option<i64> {
    (text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

fn days_of(year: i64, month: i64) -> i64 {
    let (next_year, next_month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    days_from_civil(next_year, next_month, 1) - days_from_civil(year, month, 1)
}

/// Days since 1970-01-01 (Hinnant, "chrono-compatible low-level date algorithms").
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// A point in time with the offset of the clock that shows it, as [`date`] writes the former: `2026-06-01 09:30 +02:00`,
/// `2026-06-01`. Without an offset of its own it is UTC.
#[must_use]
pub fn moment(text: &str) -> Option<Moment> {
    let (milliseconds, offset) = parse_moment(text.trim(), 0)?;
    Some(Moment { now: Timestamp(u64::try_from(milliseconds).ok()?), offset_minutes: i16::try_from(offset).ok()? })
}

/// A point in time as authors write it, in UTC: `2026-06-01` at midnight, else `2026-06-01 09:30`.
#[must_use]
pub fn date(milliseconds: i64) -> String {
    let minutes = milliseconds.div_euclid(1000 * MINUTE);
    let (days, minute) = (minutes.div_euclid(DAY / MINUTE), minutes.rem_euclid(DAY / MINUTE));
    // Hinnant, civil_from_days: days since 0000-03-01 fall into eras of 400 years.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    let clock = if minute == 0 { String::new() } else { format!(" {:02}:{:02}", minute / 60, minute % 60) };
    format!("{year:04}-{month:02}-{day:02}{clock}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_a_number_and_a_unit() {
        assert_eq!(parse_duration("7 days"), Some(7 * DAY));
        assert_eq!(parse_duration("2 hours"), Some(2 * HOUR));
        assert_eq!(parse_duration("30 minutes"), Some(1_800));
        assert_eq!(parse_duration("1 week"), Some(7 * DAY));
        for bad in ["", "7", "days", "-1 day", "7 fortnights", "1.5 days", "99999999999999999 weeks", "$ days"] {
            assert_eq!(parse_duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn dates_are_unix_milliseconds() {
        assert_eq!(parse_instant("1970-01-01", 0), Some(0));
        assert_eq!(parse_instant("2000-03-01", 0), Some(951_868_800_000));
        assert_eq!(parse_instant("2024-02-29 12:30", 0), Some(1_709_209_800_000));
        assert_eq!(parse_instant("2024-02-29T12:30:15Z", 120), Some(1_709_209_815_000));
        assert_eq!(parse_instant("1970-01-01", 120), Some(-7_200_000));
        assert_eq!(parse_instant("1970-01-01 02:00 +02:00", 0), Some(0));
        for bad in
            ["2023-02-29", "2026-13-01", "2026-00-01", "2026-1-1", "26-01-01", "2026-01-01 24:00", "tomorrow", ""]
        {
            assert_eq!(parse_instant(bad, 0), None, "{bad}");
        }
    }

    #[test]
    fn a_date_that_was_read_is_written_the_same() {
        for text in ["1970-01-01", "2000-02-29", "2026-12-31 23:59", "1999-03-01 00:01", "2400-02-29"] {
            assert_eq!(parse_instant(text, 0).map(date).as_deref(), Some(text));
        }
    }
}
