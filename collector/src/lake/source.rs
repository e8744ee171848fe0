//! The store's rows as the lake has them: universal ids in place of identifiers, names in place of numbers.
//!
//! Logs are read a page at a time by the number of the row, or of the sync that brought it; tables of state a page at a time by
//! their key. So memory is bounded by a page, and no index is needed that the store does not have.

use super::{
    part::Row,
    schema::{
        CANDIDATES, DECISIONS, EDGES, EVENTS, EXPOSURES, IDENTIFIERS, IMPRESSIONS, MEMBERSHIPS, NAMES, OUTCOMES,
        PERSONS, STANDINGS, TOMBSTONES, Table,
    },
};
use crate::{
    event::Kind,
    graph::{Graph, Rule},
    hex, names, params,
    person::{api::called, frequency::DAY},
    sql::{Cell, Error, Result, Row as Stored, Value},
};

/// Events of a page: at most 32 MB of them.
const EVENTS_A_PAGE: i64 = 1_000;

/// Syncs of a page; each brings some rows.
const SYNCS_A_PAGE: i64 = 500;

/// Rows of a page of state.
const STATE_A_PAGE: i64 = 5_000;

/// What a page of a log holds, and up to where it reaches.
pub struct Page {
    /// Rows by table.
    pub rows: Vec<(&'static Table, Row)>,
    /// The last number in it; none when there is nothing after the one that was asked for.
    pub last: Option<i64>,
}

/// Events after a row of the store; those received before `since` are passed over.
///
/// # Errors
/// Any error of the store.
pub fn events(graph: &Graph<'_>, after: i64, since: i64, through: i64) -> Result<Page> {
    let found = graph.connection.query(
        "SELECT e.id, i.uid, e.kind, e.name, e.source, e.at, e.received, e.value, e.permitted, e.message, e.body
         FROM events e JOIN identifiers i ON i.id = e.identifier WHERE e.id > ?1 ORDER BY e.id LIMIT ?2",
        params![after, EVENTS_A_PAGE],
    )?;
    let last = found.last().map(|row| row.get(0)).transpose()?;
    let mut rows = Vec::with_capacity(found.len());
    for row in &found {
        if row.get::<i64>(6)? < since {
            continue;
        }
        let kind = Kind::of(row.get(2)?).map_or("event", Kind::text);
        rows.push((
            &EVENTS,
            vec![
                cell(row, 0)?,
                id(row, 1)?,
                text(kind),
                cell(row, 3)?,
                cell(row, 4)?,
                cell(row, 5)?,
                cell(row, 6)?,
                cell(row, 7)?,
                cell(row, 8)?,
                id(row, 9)?,
                cell(row, 10)?,
                Cell::Int(through),
            ],
        ));
    }
    Ok(Page { rows, last })
}

/// Decisions, exposures and outcomes of the syncs after one.
///
/// # Errors
/// Any error of the store.
pub fn syncs(graph: &mut Graph<'_>, after: i64, since: i64, through: i64) -> Result<Page> {
    let connection = graph.connection;
    let found = connection.query(
        "SELECT m.id, m.visitor, m.received, v.pseudonym FROM messages m JOIN visitors v ON v.id = m.visitor
         WHERE m.id > ?1 ORDER BY m.id LIMIT ?2",
        params![after, SYNCS_A_PAGE],
    )?;
    let last = found.last().map(|row| row.get(0)).transpose()?;
    let mut rows = Vec::new();
    for row in &found {
        let (message, visitor, received): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if received < since {
            continue;
        }
        let who = hex::write(&graph.universal(crate::event::VISITOR, &row.get::<Vec<u8>>(3)?)?);
        let head = |row: &Stored| -> Result<Row> {
            Ok(vec![Cell::Int(message), Cell::Text(who.clone()), cell(row, 0)?, cell(row, 1)?, Cell::Int(received)])
        };
        let of = params![visitor, message];
        let chosen = connection.query(
            "SELECT decision, at, placement, campaign, creative, reason, probability, withheld FROM decisions
             WHERE visitor = ?1 AND message = ?2",
            of,
        )?;
        for row in &chosen {
            let mut made = head(row)?;
            let probability = row.get::<i64>(6)? as f64 / f64::from(u16::MAX);
            made.extend([cell(row, 2)?, cell(row, 3)?, cell(row, 4)?, text(&names::reason(row.get(5)?))]);
            made.extend([Cell::Real(probability), cell(row, 7)?, Cell::Int(through)]);
            rows.push((&DECISIONS, made));
        }
        let could = "SELECT decision, at, campaign, probability FROM candidates WHERE visitor = ?1 AND message = ?2";
        for row in &connection.query(could, of)? {
            let mut made = head(row)?;
            let probability = row.get::<i64>(3)? as f64 / f64::from(u16::MAX);
            made.extend([cell(row, 2)?, Cell::Real(probability), Cell::Int(through)]);
            rows.push((&CANDIDATES, made));
        }
        let seen = "SELECT decision, at FROM exposures WHERE visitor = ?1 AND message = ?2";
        for row in &connection.query(seen, of)? {
            let mut made = head(row)?;
            made.push(Cell::Int(through));
            rows.push((&EXPOSURES, made));
        }
        let came = "SELECT position, at, event, value, told FROM outcomes WHERE visitor = ?1 AND message = ?2";
        for row in &connection.query(came, of)? {
            let mut made = head(row)?;
            made.extend([cell(row, 2)?, cell(row, 3)?, cell(row, 4)?, Cell::Int(through)]);
            rows.push((&OUTCOMES, made));
        }
    }
    Ok(Page { rows, last })
}

/// Tombstones after one.
///
/// # Errors
/// Any error of the store.
pub fn tombstones(graph: &Graph<'_>, after: i64, through: i64) -> Result<Page> {
    let found = graph.connection.query(
        "SELECT id, uid, scope, until, at FROM lake_tombstones WHERE id > ?1 ORDER BY id LIMIT ?2",
        params![after, STATE_A_PAGE],
    )?;
    let last = found.last().map(|row| row.get(0)).transpose()?;
    let mut rows = Vec::new();
    for row in &found {
        let made = vec![cell(row, 0)?, id(row, 1)?, cell(row, 2)?, cell(row, 3)?, cell(row, 4)?, Cell::Int(through)];
        rows.push((&TOMBSTONES, made));
    }
    Ok(Page { rows, last })
}

/// A table of state: how its rows are found, by which key, and what is made of each.
pub struct State {
    /// The table.
    pub table: &'static Table,
    /// Columns that are read: those of the key first.
    columns: &'static str,
    from: &'static str,
    key: &'static [&'static str],
    make: fn(&mut Graph<'_>, &Stored, bool) -> Result<Row>,
}

/// All of them.
pub const STATES: [State; 7] = [
    State {
        table: &IDENTIFIERS,
        columns: "i.id, i.uid, i.namespace, i.forms, i.first_at, i.shared, i.value",
        from: "identifiers i",
        key: &["i.id"],
        make: |_, row, digests| {
            let digest = if digests { id(row, 6)? } else { Cell::Null };
            let kind = text(called(row.get(2)?));
            Ok(vec![id(row, 1)?, kind, cell(row, 3)?, cell(row, 4)?, cell(row, 5)?, digest])
        },
    },
    State {
        table: &PERSONS,
        columns: "i.id, i.uid, p.uid",
        from: "identifiers i JOIN identifiers p ON p.id = i.person",
        key: &["i.id"],
        make: |_, row, _| Ok(vec![id(row, 1)?, id(row, 2)?]),
    },
    State {
        table: &EDGES,
        columns: "e.a, e.b, e.rule, e.source, x.uid, y.uid, e.confidence, e.permitted, e.first_at, e.received, e.withdrawn",
        from: "edges e JOIN identifiers x ON x.id = e.a JOIN identifiers y ON y.id = e.b",
        key: &["e.a", "e.b", "e.rule", "e.source"],
        make: |_, row, _| {
            let rule = text(Rule::of(row.get(2)?).map_or("of a newer collector", Rule::text));
            let confidence = Cell::Real(row.get::<i64>(6)? as f64 / 1_000.0);
            let mut made = vec![id(row, 4)?, id(row, 5)?, rule, cell(row, 3)?, confidence];
            made.extend([cell(row, 7)?, cell(row, 8)?, cell(row, 9)?, cell(row, 10)?]);
            Ok(made)
        },
    },
    State {
        table: &MEMBERSHIPS,
        columns: "m.namespace, m.who, m.segment, m.inside, m.as_of",
        from: "memberships m",
        key: &["m.namespace", "m.who", "m.segment"],
        make: |graph, row, _| {
            let who = graph.universal(row.get(0)?, &row.get::<Vec<u8>>(1)?)?;
            Ok(vec![Cell::Text(hex::write(&who)), cell(row, 2)?, cell(row, 3)?, cell(row, 4)?])
        },
    },
    State {
        table: &STANDINGS,
        columns: "s.person, s.segment, i.uid, s.inside, s.since",
        from: "standings s JOIN identifiers i ON i.id = s.person",
        key: &["s.person", "s.segment"],
        make: |_, row, _| Ok(vec![id(row, 2)?, cell(row, 1)?, cell(row, 3)?, cell(row, 4)?]),
    },
    State {
        table: &IMPRESSIONS,
        columns: "m.identifier, m.campaign, m.day, m.channel, m.source, i.uid, m.count",
        from: "impressions m JOIN identifiers i ON i.id = m.identifier",
        key: &["m.identifier", "m.campaign", "m.day", "m.channel", "m.source"],
        make: |_, row, _| {
            let day = Cell::Int(row.get::<i64>(2)?.saturating_mul(DAY));
            Ok(vec![id(row, 5)?, cell(row, 1)?, day, cell(row, 3)?, cell(row, 4)?, cell(row, 6)?])
        },
    },
    State {
        table: &NAMES,
        columns: "n.kind, n.key, n.name",
        from: "names n",
        key: &["n.kind", "n.key"],
        make: |_, row, _| Ok(vec![cell(row, 0)?, cell(row, 1)?, cell(row, 2)?]),
    },
];

impl State {
    /// The rows after a key, and the key of the last; no rows at the end.
    ///
    /// # Errors
    /// Any error of the store.
    pub fn page(
        &self,
        graph: &mut Graph<'_>,
        after: &[Cell],
        digests: bool,
        through: i64,
    ) -> Result<(Vec<Row>, Vec<Cell>)> {
        let key = self.key.join(", ");
        let places: Vec<String> = (1..=self.key.len()).map(|number| format!("?{number}")).collect();
        let later = if after.is_empty() { String::new() } else { format!("WHERE ({key}) > ({})", places.join(", ")) };
        let sql = format!("SELECT {} FROM {} {later} ORDER BY {key} LIMIT {STATE_A_PAGE}", self.columns, self.from);
        let values: Vec<Value<'_>> = after.iter().map(Value::from).collect();
        let found = graph.connection.query(&sql, &values)?;
        let last = found.last().map(|row| row.cells().iter().take(self.key.len()).cloned().collect());
        let mut rows = Vec::with_capacity(found.len());
        for row in &found {
            let mut made = (self.make)(graph, row, digests)?;
            made.push(Cell::Int(through));
            rows.push(made);
        }
        Ok((rows, last.unwrap_or_default()))
    }
}

fn cell(row: &Stored, at: usize) -> Result<Cell> {
    row.cells().get(at).cloned().ok_or(Error::Column(at))
}

fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

/// Bytes as hex digits.
fn id(row: &Stored, at: usize) -> Result<Cell> {
    Ok(Cell::Text(hex::write(&row.get::<Vec<u8>>(at)?)))
}
