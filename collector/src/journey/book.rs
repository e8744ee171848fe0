//! The book of places: rows by identifier, of which the furthest counts for a person.

use std::collections::BTreeMap;

use petitfour::{journey::Place, sync::answer::Standing};

use crate::{
    event::VISITOR,
    params,
    sql::{Connection, Result, Row},
};

/// A row of the book.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    pub(super) identifier: i64,
    pub(super) journey: u32,
    pub(super) since: i64,
    pub(super) place: Place,
    pub(super) due: Option<i64>,
}

/// Where a device says that its visitor stands; the origin is to look at once. Nothing when its row has come further.
///
/// # Errors
/// Any error of the store.
pub fn told(connection: &Connection, visitor: i64, journey: u32, since: i64, place: u64) -> Result<()> {
    let new = Place::read(place);
    let sql = "SELECT place FROM journeys WHERE identifier = ?1 AND journey = ?2";
    let known: Option<i64> = connection.scalar(sql, params![visitor, journey])?;
    if known.is_none_or(|known| new.is_beyond(&Place::read(known.cast_unsigned()))) {
        write(connection, &Line { identifier: visitor, journey, since, place: new, due: Some(0) })?;
    }
    Ok(())
}

/// Everything that the book says of a person.
pub(super) fn of(connection: &Connection, person: i64) -> Result<Vec<Line>> {
    let rows = connection.query(
        "SELECT j.identifier, j.journey, j.since, j.place, j.due FROM identifiers i
         JOIN journeys j ON j.identifier = i.id WHERE i.person = ?1",
        params![person],
    )?;
    rows.iter().map(line).collect()
}

fn line(row: &Row) -> Result<Line> {
    let place = Place::read(row.get::<i64>(3)?.cast_unsigned());
    Ok(Line { identifier: row.get(0)?, journey: row.get(1)?, since: row.get(2)?, place, due: row.get(4)? })
}

/// Of each journey the line that has come furthest.
pub(super) fn furthest(lines: &[Line]) -> BTreeMap<u32, Line> {
    let mut best: BTreeMap<u32, Line> = BTreeMap::new();
    for line in lines {
        let slot = best.entry(line.journey).or_insert(*line);
        if line.place.is_beyond(&slot.place) {
            *slot = *line;
        }
    }
    best
}

/// Writes a line in place of the one before.
pub(super) fn write(connection: &Connection, line: &Line) -> Result<()> {
    connection.execute(
        "INSERT INTO journeys (identifier, journey, since, place, step, due) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (identifier, journey) DO UPDATE SET since = excluded.since, place = excluded.place,
           step = excluded.step, due = excluded.due",
        params![line.identifier, line.journey, line.since, line.place.value().cast_signed(), line.place.step, line.due],
    )?;
    Ok(())
}

/// The origin need not look at a line again.
pub(super) fn settle(connection: &Connection, line: &Line) -> Result<()> {
    let sql = "UPDATE journeys SET due = NULL WHERE identifier = ?1 AND journey = ?2";
    connection.execute(sql, params![line.identifier, line.journey]).map(drop)
}

/// Where the person behind a visitor stands, for the visitor's device.
pub(crate) fn standings(connection: &Connection, visitor: &[u8; 16], most: usize) -> Result<Vec<Standing>> {
    let sql = "SELECT person FROM identifiers WHERE namespace = ?1 AND value = ?2 AND shared = 0";
    let Some(person) = connection.scalar::<i64>(sql, params![VISITOR, visitor])? else { return Ok(Vec::new()) };
    let mut lines: Vec<Line> = furthest(&of(connection, person)?).into_values().collect();
    lines.sort_by_key(|line| std::cmp::Reverse(line.since));
    lines.truncate(most);
    let standing = |line: Line| Standing {
        journey: line.journey,
        since: u64::try_from(line.since).unwrap_or_default(),
        place: line.place.value(),
    };
    Ok(lines.into_iter().map(standing).collect())
}

/// Forgets what the device of a visitor told.
pub(crate) fn forget(connection: &Connection, visitor: &[u8; 16]) -> Result<()> {
    for table in ["journeys", "sendings"] {
        let sql = format!(
            "DELETE FROM {table} WHERE identifier IN (SELECT id FROM identifiers WHERE namespace = ?1 AND value = ?2)"
        );
        connection.execute(&sql, params![VISITOR, visitor])?;
    }
    Ok(())
}
