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
    let minutes = |seconds: i32| i16::try_from(seconds / 60).unwrap_or_default();
    if let Some(next) = zone.following(instant).next() {
        let at = Timestamp(u64::try_from(next.timestamp().as_millisecond()).unwrap_or(u64::MAX));
        session.expect_change(at, minutes(next.offset().seconds()));
    }
    Ok(Moment { offset_minutes: minutes(zone.to_offset(instant).seconds()), ..moment })
}

fn of(connection: &Connection, person: i64) -> Result<Option<TimeZone>> {
    let rows = connection.query(
        "SELECT e.body FROM identifiers i JOIN events e ON e.identifier = i.id
         WHERE i.person = ?1 ORDER BY e.at DESC LIMIT ?2",
        params![person, EVENTS],
    )?;
    for row in &rows {
        let body: Value = serde_json::from_str(&row.get::<String>(0)?).unwrap_or_default();
        let name = body.pointer("/context/timezone").and_then(Value::as_str);
        if let Some(zone) = name.and_then(|name| TimeZone::get(name).ok()) {
            return Ok(Some(zone));
        }
    }
    Ok(None)
}
