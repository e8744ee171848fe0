//! Where a person's clock stands: the zone that their latest event told, as `context.timezone` (Segment's, an IANA name).

use jiff::{Timestamp as Instant, tz::TimeZone};
use petitfour::{
    engine::Session,
    time::{Moment, Timestamp},
};
use serde_json::Value;

use crate::{
    params,
    sql::{Connection, Result},
};

/// Events that are looked through for a zone.
const EVENTS: i64 = 8;

/// Now, by the person's clock; tells the session when that changes next. UTC when nobody said.
pub(super) fn enter(session: &mut Session, connection: &Connection, person: i64, now: i64) -> Result<Moment> {
    let moment = Moment::utc(u64::try_from(now).unwrap_or_default());
    let Some(zone) = of(connection, person)? else { return Ok(moment) };
    let Ok(instant) = Instant::from_millisecond(now) else { return Ok(moment) };
    if let Some(next) = zone.following(instant).next() {
        let at = Timestamp(u64::try_from(next.timestamp().as_millisecond()).unwrap_or(u64::MAX));
        session.expect_change(at, minutes(next.offset().seconds()));
    }
    Ok(Moment { offset_minutes: minutes(zone.to_offset(instant).seconds()), ..moment })
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
