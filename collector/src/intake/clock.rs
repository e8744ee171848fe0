//! When something happened: reads what senders write for times, and takes their clock's error out of it.
//!
//! A device says when it noted an event (`timestamp`) and when it sent it (`sentAt`), both by its own clock. The collector's clock at the
//! arrival tells what the device's was off by, so `timestamp + (received − sentAt)` is when it happened, as Segment has it. Without
//! `sentAt` the sender's clock is taken as it is: programs of a shop and imports of last year's purchases say the time they mean.
//!
//! Invariant: nothing happened after it was received.
//! Absent on purpose: any reading of the collector's own clock; the time of arrival is an argument.

use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;

use super::fault::Fault;

/// The earliest time that is one: 1970-01-01. What lies before is a clock that was never set, or a unit that was mistaken.
const EARLIEST: i64 = 0;

/// The latest: 9999-12-31T23:59:59.999Z.
const LATEST: i64 = 253_402_300_799_999;

/// Unix ms of an ISO 8601 text (RFC 3339; without an offset it is UTC; a date alone is its midnight).
#[must_use]
pub fn parse(text: &str) -> Option<i64> {
    let text = text.trim();
    let moment = match text.parse::<Timestamp>() {
        Ok(moment) => moment,
        Err(_) => TimeZone::UTC.to_timestamp(text.parse().ok()?).ok()?,
    };
    Some(moment.as_millisecond()).filter(|at| (EARLIEST..=LATEST).contains(at))
}

/// Unix ms of a field: a text as [`parse`] reads it, or a whole number of ms. Absent and null are none.
///
/// # Errors
/// `event/time`.
pub fn field(value: Option<&Value>, pointer: &str) -> Result<Option<i64>, Fault> {
    let read = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) if text.is_empty() => return Ok(None),
        Some(Value::String(text)) => parse(text),
        Some(Value::Number(number)) => number.as_i64().filter(|at| (EARLIEST..=LATEST).contains(at)),
        Some(_) => None,
    };
    let fault =
        || Fault::new("event/time", pointer, "this is no time: write ISO 8601 (2026-05-01T12:00:00Z) or Unix ms");
    read.map(Some).ok_or_else(fault)
}

/// When it happened, by the collector's clock.
#[must_use]
pub fn correct(noted: Option<i64>, sent: Option<i64>, received: i64) -> i64 {
    let at = match (noted, sent) {
        (Some(noted), Some(sent)) => noted.saturating_add(received.saturating_sub(sent)),
        (Some(noted), None) => noted,
        (None, _) => received,
    };
    at.clamp(EARLIEST.min(received), received)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECEIVED: i64 = 1_777_636_800_000; // 2026-05-01T12:00:00Z

    #[test]
    fn times_are_read_as_senders_write_them() {
        for text in [
            "2026-05-01T12:00:00Z",
            "2026-05-01T12:00:00.000Z",
            "2026-05-01T14:00:00+02:00",
            "2026-05-01 12:00:00Z",
            "2026-05-01T12:00:00",
            " 2026-05-01T12:00:00.000000Z",
        ] {
            assert_eq!(parse(text), Some(RECEIVED), "{text}");
        }
        assert_eq!(parse("2026-05-01"), Some(RECEIVED - 12 * 3_600_000));
        for text in ["", "yesterday", "2026-13-01T00:00:00Z", "1969-12-31T23:59:59Z", "99999-01-01", "1777636800"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_clock_that_is_an_hour_fast_is_put_right() {
        let fast = RECEIVED + 3_600_000;
        assert_eq!(correct(Some(fast - 60_000), Some(fast), RECEIVED), RECEIVED - 60_000);
    }

    #[test]
    fn nothing_happens_after_it_was_received() {
        assert_eq!(correct(Some(RECEIVED + 5), None, RECEIVED), RECEIVED);
        assert_eq!(correct(Some(i64::MAX), Some(i64::MIN), RECEIVED), RECEIVED);
        assert_eq!(correct(Some(0), Some(LATEST), RECEIVED), 0);
        assert_eq!(correct(None, Some(5), RECEIVED), RECEIVED);
        assert_eq!(correct(Some(RECEIVED - 9), None, RECEIVED), RECEIVED - 9);
    }
}
