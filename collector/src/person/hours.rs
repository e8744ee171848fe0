//! At which hours of their day a person tends to be there; of everybody and of a segment too.
//!
//! Whoever something came of is noted, and counted anew when the quarter of an hour is over ([`follow`]): a habit does not change within a visit, and
//! a visit of a hundred events is counted once. Counted are presences (`petitfour_hours` says what these are), of the latest [`MOST`]
//! events, in the zone that the person told last. A table of the sums of all persons follows in the same transaction, so that a walk reads two
//! short lists, however many people there are.
//!
//! Invariant: once nobody is noted, a person's rows are a function of their events and zone; those of everybody are the sums of the persons'
//! at any time.
//! Absent on purpose: what others did for them (`identify`, `group`, `alias`), and what was told while storing or personalising was not permitted.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use axum::{
    Json,
    extract::{Query, State},
};
use jiff::{Timestamp as Instant, tz::TimeZone};
use petitfour::{
    id::Key,
    time::{Moment, Timestamp},
};
use petitfour_hours::Table;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    answer::Refusal,
    event::Kind,
    journey::zone,
    params,
    site::App,
    sql::{self, Connection, Result, Row},
};

/// Events of one person that are counted: the latest. A few milliseconds of the writer's time, and some months of most people's.
const MOST: i64 = 1_000;

/// Permissions under which it is counted, as bits: to store and to personalise.
const PERMITTED: i64 = 0b0011;

/// In what time somebody is counted at most once, in ms.
pub const QUARTER: i64 = 15 * 60 * 1_000;

/// Persons that one step counts: some tens of milliseconds of the writer's time.
const STEP: i64 = 200;

/// Takes a person's rows out of everybody's; then the rows themselves go.
pub(crate) const LEAVE: [&str; 2] = [
    "UPDATE hours_of_all SET
       presences = presences - coalesce((SELECT h.presences FROM hours h WHERE h.person = ?1 AND h.hour = hours_of_all.hour), 0),
       events = events - coalesce((SELECT h.events FROM hours h WHERE h.person = ?1 AND h.hour = hours_of_all.hour), 0)",
    "DELETE FROM hours WHERE person = ?1",
];

/// By hour of the day: presences and events.
type Counts = BTreeMap<i64, (i64, i64)>;

/// Something came of these persons, or they are nobody any more: they are to be counted.
///
/// # Errors
/// Any error of the store.
pub(super) fn note(connection: &Connection, persons: &BTreeSet<i64>, now: i64) -> Result<()> {
    let values: Vec<sql::Value<'_>> =
        persons.iter().flat_map(|person| [now / QUARTER, *person].map(sql::Value::Int)).collect();
    connection.insert_many("hours_stale (quarter, person)", 2, &values, "ON CONFLICT DO NOTHING").map(drop)
}

/// Counts those of whom something came in a quarter of an hour that is over; whether there may be more.
///
/// # Errors
/// Any error of the store.
pub fn follow(connection: &Connection, now: i64) -> Result<bool> {
    let sql = "SELECT quarter, person FROM hours_stale WHERE quarter < ?1 ORDER BY quarter, person LIMIT ?2";
    let rows = connection.query(sql, params![now / QUARTER, STEP])?;
    for row in &rows {
        let (quarter, person): (i64, i64) = (row.get(0)?, row.get(1)?);
        keep(connection, person)?;
        let sql = "DELETE FROM hours_stale WHERE quarter = ?1 AND person = ?2";
        connection.execute(sql, params![quarter, person])?;
    }
    Ok(rows.len() as i64 == STEP)
}

/// Counts a person's hours anew.
fn keep(connection: &Connection, person: i64) -> Result<()> {
    let counts = count(connection, person)?;
    let mut known = Counts::new();
    for row in &connection.query("SELECT hour, presences, events FROM hours WHERE person = ?1", params![person])? {
        known.insert(row.get(0)?, (row.get(1)?, row.get(2)?));
    }
    // Mostly one hour has changed.
    for hour in 0..24 {
        let (new, old) = (counts.get(&hour).copied(), known.get(&hour).copied());
        if new == old {
            continue;
        }
        let ((presences, events), before) = (new.unwrap_or_default(), old.unwrap_or_default());
        if new.is_none() {
            connection.execute("DELETE FROM hours WHERE person = ?1 AND hour = ?2", params![person, hour])?;
        } else {
            connection.execute(
                "INSERT INTO hours (person, hour, presences, events) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (person, hour) DO UPDATE SET presences = excluded.presences, events = excluded.events",
                params![person, hour, presences, events],
            )?;
        }
        connection.execute(
            "UPDATE hours_of_all SET presences = presences + ?2, events = events + ?3 WHERE hour = ?1",
            params![hour, presences - before.0, events - before.1],
        )?;
    }
    Ok(())
}

fn count(connection: &Connection, person: i64) -> Result<Counts> {
    let sql = format!(
        "SELECT at FROM events WHERE identifier = ?1 AND kind IN ({}, {}, {}) AND (permitted & {PERMITTED}) = {PERMITTED}
         ORDER BY at DESC LIMIT ?2",
        Kind::Track as u8,
        Kind::Page as u8,
        Kind::Screen as u8
    );
    // One identifier after the other, each by its index: who did a million things is not gone through for the latest thousand.
    let mut times: Vec<i64> = Vec::new();
    for identifier in &connection.query("SELECT id FROM identifiers WHERE person = ?1", params![person])? {
        for row in &connection.query(&sql, params![identifier.get::<i64>(0)?, MOST])? {
            times.push(row.get(0)?);
        }
    }
    if times.is_empty() {
        return Ok(Counts::new());
    }
    times.sort_unstable_by_key(|at| std::cmp::Reverse(*at));
    times.truncate(usize::try_from(MOST).unwrap_or(usize::MAX));
    let zone = zone::of(connection, person)?.unwrap_or(TimeZone::UTC);
    let hours: Vec<u32> = times.iter().map(|at| local_hour(*at, &zone)).collect();
    let mut counts = Counts::new();
    for hour in &hours {
        counts.entry(i64::from(hour % 24)).or_default().1 += 1;
    }
    for (hour, presences) in (0..).zip(Table::of(hours).counts()).filter(|(_, presences)| *presences > 0) {
        counts.entry(hour).or_default().0 = i64::try_from(presences).unwrap_or(i64::MAX);
    }
    Ok(counts)
}

/// Whole hours since 1970 by somebody's clock.
fn local_hour(at: i64, zone: &TimeZone) -> u32 {
    let offset = Instant::from_millisecond(at).map_or(0, |instant| zone.to_offset(instant).seconds() / 60);
    let now = Timestamp(u64::try_from(at).unwrap_or_default());
    Moment { now, offset_minutes: i16::try_from(offset).unwrap_or_default() }.local_hours()
}

/// The hours of the day, the best to reach a person first; none while too little is known of everybody.
///
/// # Errors
/// Any error of the store.
pub(crate) fn ranking(connection: &Connection, person: i64) -> Result<Vec<u8>> {
    let (everybody, _) = table(&connection.query("SELECT hour, presences, events FROM hours_of_all", params![])?)?;
    if !everybody.tells() {
        return Ok(Vec::new());
    }
    let own = connection.query("SELECT hour, presences, events FROM hours WHERE person = ?1", params![person])?;
    Ok(table(&own)?.0.shares_among(&everybody.shares()).ranking().to_vec())
}

/// A table from rows of hour, presences, events; and the sum of the events.
fn table(rows: &[Row]) -> Result<(Table, i64)> {
    let (mut table, mut events) = (Table::default(), 0_i64);
    for row in rows {
        let (hour, presences): (i64, i64) = (row.get(0)?, row.get(1)?);
        table.add(usize::try_from(hour).unwrap_or(usize::MAX), presences.unsigned_abs());
        events = events.saturating_add(row.get(2)?);
    }
    Ok((table, events))
}

/// What is asked about.
#[derive(Debug, Deserialize)]
pub struct Asked {
    /// A segment over whole persons; without one, everybody.
    segment: Option<String>,
}

/// `GET /v1/hours`: 24 shares of presences, and the best hour, of everybody or a segment.
///
/// # Errors
/// [`Refusal::Segment`] for one that nobody asks about, or [`Refusal::Unavailable`].
pub async fn list(
    State(app): State<Arc<App>>,
    Query(asked): Query<Asked>,
) -> std::result::Result<Json<Value>, Refusal> {
    let Asked { segment } = asked;
    if let Some(name) = &segment {
        let engine = app.asked().ok_or(Refusal::Segment)?;
        let catalog = engine.catalog();
        if !catalog.campaigns().any(|campaign| catalog.string(campaign.name()) == name) {
            return Err(Refusal::Segment);
        }
    }
    let name = segment.clone();
    let found = app.reader.run("hours", move |connection| of(connection, name.as_deref())).await?;
    let Found { people, events, own, everybody } = found;
    let shares = if segment.is_some() { own.shares_among(&everybody.shares()) } else { own.shares() };
    let is_known = own.total() > 0 && everybody.tells();
    let hours: Vec<Value> =
        (0_u8..).zip(shares.parts()).map(|(hour, share)| json!({ "hour": hour, "share": rounded(share) })).collect();
    Ok(Json(json!({
        "segment": segment,
        "people": people,
        "events": events,
        "presences": own.total(),
        "best": is_known.then(|| shares.best()),
        "ahead": is_known.then(|| rounded(shares.ahead(shares.best().into()))),
        "hours": hours,
    })))
}

/// Six digits: more are not known, and fewer do not add up.
fn rounded(share: f64) -> f64 {
    (share * 1e6).round() / 1e6
}

/// What the tables say.
struct Found {
    people: i64,
    events: i64,
    own: Table,
    everybody: Table,
}

fn of(connection: &Connection, segment: Option<&str>) -> Result<Found> {
    let (everybody, all) = table(&connection.query("SELECT hour, presences, events FROM hours_of_all", params![])?)?;
    let Some(segment) = segment else {
        let people = connection.scalar("SELECT count(DISTINCT person) FROM hours", params![])?.unwrap_or_default();
        return Ok(Found { people, events: all, own: everybody, everybody });
    };
    let key = Key::of(segment).0;
    let rows = connection.query(
        "SELECT h.hour, CAST(sum(h.presences) AS BIGINT), CAST(sum(h.events) AS BIGINT)
         FROM standings s JOIN hours h ON h.person = s.person WHERE s.segment = ?1 AND s.inside = 1 GROUP BY h.hour",
        params![key],
    )?;
    let people = connection.scalar(
        "SELECT count(*) FROM standings s WHERE s.segment = ?1 AND s.inside = 1
         AND EXISTS (SELECT 1 FROM hours h WHERE h.person = s.person)",
        params![key],
    )?;
    let (own, events) = table(&rows)?;
    Ok(Found { people: people.unwrap_or_default(), events, own, everybody })
}
