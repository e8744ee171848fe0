//! Where a person's clock stands: the zone that their latest event told, as `context.timezone` (Segment's, an IANA name).

use jiff::{Timestamp as Instant, ToSpan as _, civil::Date, tz::TimeZone};
use petitfour::{
    engine::Session,
    time::{Moment, Timestamp},
};
use serde_json::Value;

use crate::{
    params,
    sql::{Connection, Result},
};

/// A day in ms.
const DAY: i64 = 24 * 60 * 60 * 1_000;

/// Events that are looked through for a zone.
const EVENTS: i64 = 8;

/// A moment of a person, and where their days begin around it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    /// The moment, by their clock.
    pub(super) moment: Moment,
    /// When this day of theirs began, in Unix ms …
    pub(super) day: i64,
    /// … and when the one six days before it did. By the calendar: a day in which the clock changes has 23 or 25 hours.
    pub(super) week: i64,
}

/// Now, by the person's clock; tells the session when that changes next. UTC when nobody said.
pub(super) fn enter(session: &mut Session, connection: &Connection, person: i64, now: i64) -> Result<Clock> {
    let zone = of(connection, person)?;
    let moment =
        Moment { offset_minutes: offset(zone.as_ref(), now), ..Moment::utc(u64::try_from(now).unwrap_or_default()) };
    let (day, week) = zone.as_ref().and_then(|zone| beginnings(zone, now)).unwrap_or_else(|| {
        let day = now - now.rem_euclid(DAY);
        (day, day - 6 * DAY)
    });
    if let Some((zone, instant)) = zone.zip(Instant::from_millisecond(now).ok())
        && let Some(next) = zone.following(instant).next()
    {
        let at = Timestamp(u64::try_from(next.timestamp().as_millisecond()).unwrap_or(u64::MAX));
        session.expect_change(at, minutes(next.offset().seconds()));
    }
    Ok(Clock { moment, day, week })
}

/// When the local day of an instant began, and the one six days before.
fn beginnings(zone: &TimeZone, at: i64) -> Option<(i64, i64)> {
    let today = zone.to_datetime(Instant::from_millisecond(at).ok()?).date();
    let begins = |date: Date| Some(zone.to_timestamp(date.at(0, 0, 0, 0)).ok()?.as_millisecond());
    Some((begins(today)?, begins(today.checked_sub(6.days()).ok()?)?))
}

/// By how many minutes a clock of this zone was ahead of UTC then; UTC without a zone.
pub(super) fn offset(zone: Option<&TimeZone>, at: i64) -> i16 {
    let instant = Instant::from_millisecond(at);
    zone.zip(instant.ok()).map_or(0, |(zone, instant)| minutes(zone.to_offset(instant).seconds()))
}

fn minutes(seconds: i32) -> i16 {
    i16::try_from(seconds / 60).unwrap_or_default()
}

/// The person's zone; nothing when nobody said.
pub(crate) fn of(connection: &Connection, person: i64) -> Result<Option<TimeZone>> {
    // One identifier after the other, each by its index: who did a million things is not gone through for the latest few.
    let mut told: Vec<(i64, String)> = Vec::new();
    for identifier in &connection.query("SELECT id FROM identifiers WHERE person = ?1", params![person])? {
        let sql = "SELECT at, body FROM events WHERE identifier = ?1 ORDER BY at DESC LIMIT ?2";
        for row in &connection.query(sql, params![identifier.get::<i64>(0)?, EVENTS])? {
            told.push((row.get(0)?, row.get(1)?));
        }
    }
    told.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    for (_, body) in told.into_iter().take(EVENTS as usize) {
        let body: Value = serde_json::from_str(&body).unwrap_or_default();
        let name = body.pointer("/context/timezone").and_then(Value::as_str);
        if let Some(zone) = name.and_then(|name| TimeZone::get(name).ok()) {
            return Ok(Some(zone));
        }
    }
    Ok(None)
}
