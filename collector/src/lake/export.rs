//! Export: what has come to the store since the last manifest, written as parts and published.
//!
//! A step reads pages until a part's worth of rows is gathered, writes a part for each table and day, and publishes them with the
//! positions that they reach. Whoever is killed between writing and publishing leaves parts that no manifest names: the next
//! export reads the same rows again, under other names, and [`sweep`] removes what was left.
//!
//! Tables of state (who is who, segments, partners' counts) are written anew as a whole, in one view of the store.

use std::collections::BTreeMap;

use super::{
    Lake, Manifest,
    manifest::{self, Part},
    part::{Encoding, Row, weight},
    schema::{Growth, TOMBSTONES, Table},
    source::{self, Page, STATES},
    tombstone, views,
};
use crate::{
    graph::{Graph, Memory, Policy},
    hex,
    sql::{Cell, Connection},
    store::now,
};

/// Rows of a part, about: Parquet of this size is some MB, and ten columns of it fit into a reader's cache.
pub const ROWS: usize = 100_000;

/// Bytes of rows that are held at most before they are written.
const HELD: usize = 64 * 1024 * 1024;

/// How long parts that a later manifest no longer names stay for those who still read by an older one: an hour, in ms.
const GRACE: i64 = 60 * 60 * 1000;

/// What is to be exported, and how.
#[derive(Debug, Clone)]
pub struct Order {
    /// What parts are written in; of a lake that is there already, what it has.
    pub encoding: Encoding,
    /// Nothing that was received before this, Unix ms.
    pub since: i64,
    /// Digests beside universal ids.
    pub with_digests: bool,
    /// Whether the tables of state are written anew.
    pub state: bool,
    /// Rows of a part, about.
    pub rows: usize,
}

impl Default for Order {
    fn default() -> Self {
        Self { encoding: Encoding::Parquet, since: i64::MIN, with_digests: false, state: true, rows: ROWS }
    }
}

/// What an export did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Rows written, by table.
    pub rows: BTreeMap<&'static str, u64>,
    /// Parts written.
    pub parts: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The manifest's version at the end.
    pub version: u64,
}

/// How far an export is: rows done, and of how many (about).
pub type Progress<'p> = &'p dyn Fn(u64, u64);

/// Exports everything that is not in the lake yet.
///
/// # Errors
/// When the store cannot be read, the lake takes nothing, or another export runs. What was published stays.
pub fn run(connection: &Connection, lake: &Lake, order: &Order, progress: Progress<'_>) -> anyhow::Result<Report> {
    let policy = Policy::default();
    let mut memory = Memory::default();
    let mut graph = Graph::new(connection, &policy, &mut memory, now());
    let store = identity(&mut graph)?;
    let mut manifest = Manifest::latest(lake)?.unwrap_or_else(|| Manifest::empty(store.clone(), order.encoding));
    anyhow::ensure!(manifest.store == store, "this lake is another store's: choose a place of its own");
    let mut export = Export {
        lake,
        order,
        encoding: manifest.encoding,
        version: manifest.version + 1,
        report: Report::default(),
        done: 0,
        of: 0,
    };
    export.of = remaining(connection, &manifest, order.state)?;
    sweep(lake, &manifest)?;
    while export.step(&mut graph, &mut manifest)? {
        progress(export.done, export.of);
    }
    if order.state {
        export.state(&mut graph, &mut manifest, progress)?;
        // Who was deleted meanwhile is hidden before anybody reads.
        while export.step(&mut graph, &mut manifest)? {}
    }
    export.report.version = manifest.version;
    Ok(export.report)
}

struct Export<'e> {
    lake: &'e Lake,
    order: &'e Order,
    encoding: Encoding,
    /// The version that is to be published next.
    version: u64,
    report: Report,
    done: u64,
    of: u64,
}

/// Rows of one table and day.
type Pile = (Option<&'static Table>, Vec<Row>);

/// Rows that wait to be written, by table and day.
#[derive(Default)]
struct Heap {
    rows: BTreeMap<(&'static str, String), Pile>,
    count: usize,
    bytes: usize,
}

impl Heap {
    fn add(&mut self, page: Page) {
        for (table, row) in page.rows {
            self.push(table, row);
        }
    }

    fn push(&mut self, table: &'static Table, row: Row) {
        self.count += 1;
        self.bytes += weight(&row);
        let day = match table.growth {
            Growth::Log(at) => row.get(at).map(day).unwrap_or_default(),
            Growth::State => String::new(),
        };
        let (of, rows) = self.rows.entry((table.name, day)).or_default();
        *of = Some(table);
        rows.push(row);
    }

    fn is_full(&self, rows: usize) -> bool {
        self.count >= rows || self.bytes >= HELD
    }
}

impl Export<'_> {
    /// One part's worth of each log; whether there was any.
    fn step(&mut self, graph: &mut Graph<'_>, manifest: &mut Manifest) -> anyhow::Result<bool> {
        let mut heap = Heap::default();
        let mut positions = manifest.positions;
        let view = graph.connection.read()?;
        let through = tombstone::last(&view)?;
        loop {
            let page = source::tombstones(graph, positions.tombstones, through)?;
            let Some(last) = page.last else { break };
            positions.tombstones = last;
            heap.add(page);
        }
        while !heap.is_full(self.order.rows) {
            let page = source::events(graph, positions.events, self.order.since, through)?;
            let Some(last) = page.last else { break };
            positions.events = last;
            heap.add(page);
        }
        while !heap.is_full(self.order.rows) {
            let page = source::syncs(graph, positions.messages, self.order.since, through)?;
            let Some(last) = page.last else { break };
            positions.messages = last;
            heap.add(page);
        }
        drop(view);
        if positions == manifest.positions {
            return Ok(false);
        }
        let parts = self.write(heap, through)?;
        manifest.positions = positions;
        manifest.parts.extend(parts);
        self.publish(manifest)?;
        Ok(true)
    }

    /// Every table of state anew.
    fn state(&mut self, graph: &mut Graph<'_>, manifest: &mut Manifest, progress: Progress<'_>) -> anyhow::Result<()> {
        let mut parts = Vec::new();
        let view = graph.connection.read()?;
        let through = tombstone::last(&view)?;
        for state in &STATES {
            let mut heap = Heap::default();
            let mut after = Vec::new();
            loop {
                let (rows, last) = state.page(graph, &after, self.order.with_digests, through)?;
                if rows.is_empty() {
                    break;
                }
                after = last;
                for row in rows {
                    heap.push(state.table, row);
                }
                if heap.is_full(self.order.rows) {
                    parts.extend(self.write(std::mem::take(&mut heap), through)?);
                    progress(self.done, self.of);
                }
            }
            parts.extend(self.write(heap, through)?);
        }
        drop(view);
        manifest.parts.retain(|part| STATES.iter().all(|state| state.table.name != part.table));
        manifest.parts.extend(parts);
        manifest.with_digests = self.order.with_digests;
        manifest.state = now();
        self.publish(manifest)
    }

    fn write(&mut self, heap: Heap, through: i64) -> anyhow::Result<Vec<Part>> {
        let mut parts = Vec::new();
        for ((_, day), (table, mut rows)) in heap.rows {
            let Some(table) = table else { continue };
            // Tombstones themselves are hidden by none.
            let checked = if table.name == TOMBSTONES.name { i64::MAX } else { through };
            let part = put(self.lake, self.encoding, self.version, table, &day, &mut rows, checked)?;
            self.done += part.rows;
            *self.report.rows.entry(table.name).or_default() += part.rows;
            self.report.parts += 1;
            self.report.bytes += part.bytes;
            parts.push(part);
        }
        Ok(parts)
    }

    fn publish(&mut self, manifest: &mut Manifest) -> anyhow::Result<()> {
        manifest.publish(self.lake, now())?;
        self.version = manifest.version + 1;
        self.lake.put(views::FILE, views::sql(self.lake.address(), manifest).into_bytes())
    }
}

/// Writes a part under a name that nobody else uses; it exists once a manifest names it.
///
/// # Errors
/// When a row does not fit the table, or the lake does not take it.
pub fn put(
    lake: &Lake,
    encoding: Encoding,
    version: u64,
    table: &'static Table,
    day: &str,
    rows: &mut [Row],
    checked: i64,
) -> anyhow::Result<Part> {
    let bytes = encoding.encode(table, rows)?;
    let folder = if day.is_empty() { table.name.to_owned() } else { format!("{}/day={day}", table.name) };
    let length = bytes.len() as u64;
    // The random part tells an export that was killed from the one that goes on.
    let path = format!("{folder}/part-{version:06}-{}.{}", random()?, encoding.ending());
    anyhow::ensure!(lake.put_new(&path, bytes)?, "{path} is there already");
    Ok(Part {
        table: table.name.to_owned(),
        path,
        day: (!day.is_empty()).then(|| day.to_owned()),
        rows: rows.len() as u64,
        bytes: length,
        checked,
    })
}

/// Removes what no manifest names: parts of exports that were killed, parts that were replaced more than an hour ago, and all but
/// the last two manifests. Parts of versions that are still to come belong to somebody who is writing them.
///
/// # Errors
/// When the lake cannot be listed or refuses.
pub fn sweep(lake: &Lake, manifest: &Manifest) -> anyhow::Result<u64> {
    let named: std::collections::BTreeSet<&str> = manifest.parts.iter().map(|part| part.path.as_str()).collect();
    let mut removed = 0;
    for found in lake.list("")? {
        let gone = if found.path.starts_with(manifest::FOLDER) {
            found.path < manifest::path(manifest.version.saturating_sub(1))
        } else {
            version(&found.path).is_some_and(|version| version <= manifest.version)
                && !named.contains(found.path.as_str())
                && now().saturating_sub(found.written) > GRACE
        };
        if gone {
            lake.remove(&found.path)?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// The version in a part's name.
fn version(path: &str) -> Option<u64> {
    let name = path.rsplit('/').next()?.strip_prefix("part-")?;
    name.split('-').next()?.parse().ok()
}

fn random() -> anyhow::Result<String> {
    let mut bytes = [0; 4];
    let filled = ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes);
    filled.map_err(|_| anyhow::anyhow!("the system has no random numbers"))?;
    Ok(hex::write(&bytes))
}

/// By what a store is known to its lakes: nothing that its key could be told from.
fn identity(graph: &mut Graph<'_>) -> anyhow::Result<String> {
    let whole = graph.keyed(&[b"lake"])?;
    Ok(hex::write(whole.first_chunk::<8>().map_or(&[][..], |bytes| &bytes[..])))
}

fn remaining(connection: &Connection, manifest: &Manifest, state: bool) -> anyhow::Result<u64> {
    let count = |sql: &str, after: i64| -> anyhow::Result<u64> {
        let found = connection.scalar::<i64>(sql, crate::params![after])?;
        Ok(found.unwrap_or_default().unsigned_abs())
    };
    let mut rows = count("SELECT coalesce(max(id), 0) - ?1 FROM events", manifest.positions.events)?;
    // Of each sync there are about three rows.
    rows += 3 * count("SELECT coalesce(max(id), 0) - ?1 FROM messages", manifest.positions.messages)?;
    if state {
        // Identifiers, persons, and about one piece of evidence for each.
        rows += 3 * count("SELECT coalesce(max(id), 0) - ?1 FROM identifiers", 0)?;
    }
    Ok(rows)
}

/// The day of a time, UTC, as Hive writes it.
fn day(cell: &Cell) -> String {
    let Cell::Int(ms) = cell else { return String::new() };
    let time = jiff::Timestamp::from_millisecond(*ms);
    time.map_or_else(|_| "1970-01-01".to_owned(), |time| time.strftime("%Y-%m-%d").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_of_utc_and_a_time_out_of_reach_has_the_first() {
        assert_eq!(day(&Cell::Int(1_790_000_000_000)), "2026-09-21");
        assert_eq!(day(&Cell::Int(-1)), "1969-12-31");
        assert_eq!(day(&Cell::Int(i64::MAX)), "1970-01-01");
    }

    #[test]
    fn the_version_is_read_from_a_parts_name_alone() {
        assert_eq!(version("events/day=2026-09-21/part-000012-aabbccdd.parquet"), Some(12));
        assert_eq!(version("events/mine.parquet"), None);
    }
}
