//! Durable events a second in batches of twenty, beside two yardsticks of the same run: the same HTTP stack answering 200 without
//! storing, and bare batch inserts of SQLite with the same fsync.
//!
//! `cargo run --release -p petitfour-collector --example load [EVENTS] [postgres://…]` (100,000 unless told; it stops by itself).
//! Everything is on loopback and on this machine's disk in a temporary folder; client and collector share the processors.
//! The figures say what this machine does now, no more.

mod events;
mod figures;

use std::{
    error::Error,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use events::{BATCH, deliveries};
use figures::{Run, heading};
use petitfour_collector::{
    event::Delivery,
    metrics::Metrics,
    store::{Place, Store},
    writer::Writer,
};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let events: usize = arguments.next().map_or(Ok(100_000), |text| text.parse())?;
    let store = arguments.next();
    let folder = tempfile::tempdir()?;
    heading();
    let raw = raw(&folder.path().join("raw.db"), &deliveries("raw", events))?;
    raw.print();
    let place = Place::parse(store.as_deref(), &folder.path().join("direct"))?;
    let what = if store.is_some() { "the writer alone over PostgreSQL" } else { "the writer alone over SQLite" };
    for clients in [1, 16, 64] {
        let part = if clients == 1 { events / 10 } else { events };
        let round = format!("direct {clients}");
        direct(&place, &format!("{what}, {clients} at a time"), deliveries(&round, part), clients)?.print();
    }
    Ok(())
}

/// Hands deliveries to a writer as requests do, so many at a time.
fn direct(place: &Place, what: &str, deliveries: Vec<Delivery>, clients: usize) -> Result<Run> {
    let metrics = Arc::new(Metrics::new());
    let (writer, thread) = Writer::start(Store::open(place)?, Arc::clone(&metrics))?;
    let runtime = tokio::runtime::Runtime::new()?;
    let events = deliveries.iter().map(|delivery| delivery.events.len()).sum();
    let each = deliveries.len().div_ceil(clients).max(1);
    let began = Instant::now();
    let times: Result<Vec<Vec<Duration>>> = runtime.block_on(async {
        let parts: Vec<Vec<Delivery>> = deliveries.chunks(each).map(<[Delivery]>::to_vec).collect();
        let tasks: Vec<_> = parts
            .into_iter()
            .map(|part| {
                let writer = writer.clone();
                tokio::spawn(async move {
                    let mut times = Vec::with_capacity(part.len());
                    for delivery in part {
                        let began = Instant::now();
                        writer.deliver(delivery).await.map_err(|refused| format!("{refused:?}"))?;
                        times.push(began.elapsed());
                    }
                    Ok(times)
                })
            })
            .collect();
        let mut times = Vec::new();
        for task in tasks {
            times.push(task.await?.map_err(|refused: String| refused)?);
        }
        Ok(times)
    });
    let whole = began.elapsed();
    drop(writer);
    thread.join().map_err(|_| "the writer broke down")?;
    Ok(Run { what: what.to_owned(), events, whole, times: times?.concat() })
}

/// The least that "durable once" can mean in SQLite: one row with a unique key and the bytes, twenty to a transaction.
fn raw(file: &Path, deliveries: &[Delivery]) -> Result<Run> {
    let mut connection = rusqlite::Connection::open(file)?;
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute("CREATE TABLE raw (key BLOB NOT NULL UNIQUE, bytes TEXT NOT NULL) STRICT", [])?;
    let began = Instant::now();
    let mut times = Vec::with_capacity(deliveries.len());
    for delivery in deliveries {
        let began = Instant::now();
        let transaction = connection.transaction()?;
        for event in &delivery.events {
            transaction
                .prepare_cached("INSERT OR IGNORE INTO raw (key, bytes) VALUES (?1, ?2)")?
                .execute(rusqlite::params![event.message, event.body])?;
        }
        transaction.commit()?;
        times.push(began.elapsed());
    }
    let events = deliveries.iter().map(|delivery| delivery.events.len()).sum();
    let what = format!("SQLite alone: one row an event, {BATCH} a transaction, same fsync");
    Ok(Run { what, events, whole: began.elapsed(), times })
}
