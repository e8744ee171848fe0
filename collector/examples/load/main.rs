//! Durable events a second in batches of twenty, beside two yardsticks of the same run: the same HTTP stack answering 200 without
//! storing, and bare batch inserts of SQLite with the same fsync.
//!
//! `cargo run --release -p petitfour-collector --example load [EVENTS] [postgres://… [nats://…]]` (100,000 unless told; it stops by itself).
//! Everything is on loopback and on this machine's disk in a temporary folder; client and collector share the processors.
//! The figures say what this machine does now, no more.

#[allow(clippy::expect_used, reason = "shared with the tests, which panic when they cannot go on")]
#[path = "../../tests/support/claim.rs"]
mod claim;
mod events;
mod figures;
mod http;

use std::{
    error::Error,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use claim::claim;
use events::{BATCH, bodies, deliveries};
use figures::{Run, heading, used};
use http::Served;
use petitfour_collector::{
    event::Delivery,
    journal::Journal,
    metrics::Metrics,
    store::{Place, Store},
    writer::Writer,
};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

const COMMAND: &str = "cargo run --release -p petitfour-collector --example load";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(("serve", rest)) = arguments.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        return http::serve(rest);
    }
    let events: usize = arguments.first().map_or(Ok(100_000), |text| text.parse())?;
    let store = arguments.get(1).filter(|text| !text.is_empty()).map(String::as_str);
    let log = arguments.get(2).map(String::as_str);
    let folder = tempfile::tempdir()?;
    heading();
    let told = deliveries("raw", events);
    let raw = self::raw(&folder.path().join("raw.db"), &told, 1)?;
    raw.print();
    // As many to a transaction as this many clients could bring together.
    self::raw(&folder.path().join("grouped.db"), &told, CLIENTS)?.print();
    let plain = Served::start(&["plain"])?;
    let requests = requests("plain", events);
    over_http("the HTTP stack alone: reads the body, answers 200", &plain, &requests, CLIENTS)?.print();
    drop(plain);

    let data = folder.path().join("data");
    http::prepare(&data, store)?;
    let data = data.to_string_lossy();
    let served = match log {
        Some(log) => Served::start(&[&data, store.unwrap_or_default(), log])?,
        None => Served::start(&[&data, store.unwrap_or_default()])?,
    };
    let shape = match (store, log) {
        (None, None) => "SQLite",
        (Some(_), None) => "PostgreSQL",
        (_, Some(_)) => "a log before the store",
    };
    let mut best: Option<Run> = None;
    for clients in [1, 16, CLIENTS] {
        let part = if clients == 1 { events / 10 } else { events };
        let requests = self::requests(&format!("http {clients}"), part);
        let run = over_http(&format!("POST /v1/batch over {shape}, {clients} at a time"), &served, &requests, clients)?;
        run.print();
        best = Some(run);
    }
    let used = used(served.pid());
    drop(served);
    println!("{:>9} {:>9} {:>9}  the most memory that the collector held: {:.0} MB", "", "", "", used.megabytes);
    if let (Some(run), None, None) = (&best, store, log) {
        record(run, &raw);
    }

    let place = Place::parse(store, &folder.path().join("direct"))?;
    let what = format!("the writer alone over {shape}, {CLIENTS} at a time");
    if log.is_none() {
        direct(&place, &what, deliveries("direct", events), CLIENTS)?.print();
        let what = format!("the same over {shape}, event by event");
        one_by_one(&place, &what, &deliveries("one by one", events / 10))?.print();
    }
    Ok(())
}

/// Clients of the run that counts.
const CLIENTS: usize = 64;

fn requests(round: &str, events: usize) -> Vec<Vec<u8>> {
    bodies(round, events).iter().map(|body| http::request(body)).collect()
}

fn over_http(what: &str, served: &Served, requests: &[Vec<u8>], clients: usize) -> Result<Run> {
    let before = used(served.pid()).seconds;
    let (whole, times) = http::drive(served.address, requests, clients)?;
    let busy = (used(served.pid()).seconds - before) / whole.as_secs_f64();
    Ok(Run { what: format!("{what} ({busy:.2} processors)"), events: requests.len() * BATCH, whole, times })
}

fn record(run: &Run, raw: &Run) {
    let (rate, ratio) = (run.rate().round(), run.rate() / raw.rate());
    println!("{:>9.2} {:>9} {:>9}  of SQLite's own rate", ratio, "", "");
    claim("collector.load.events_per_second", rate, "events/s", ">= 20000", rate >= 20_000.0, COMMAND);
    claim("collector.load.ratio_to_raw", ratio, "times", ">= 0.5", ratio >= 0.5, COMMAND);
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

/// The same with a statement or several for each event, as it would be without statements for many.
fn one_by_one(place: &Place, what: &str, deliveries: &[Delivery]) -> Result<Run> {
    let mut store = Store::open(place)?;
    let began = Instant::now();
    let mut times = Vec::new();
    // As many to a transaction as the writer takes.
    for deliveries in deliveries.chunks(CLIENTS) {
        let began = Instant::now();
        store.write(0, |graph| {
            let mut journal = Journal::new(graph);
            for event in deliveries.iter().flat_map(|delivery| &delivery.events) {
                journal.record(event)?;
            }
            journal.close()
        })?;
        times.push(began.elapsed());
    }
    let events = deliveries.iter().map(|delivery| delivery.events.len()).sum();
    Ok(Run { what: what.to_owned(), events, whole: began.elapsed(), times })
}

/// The least that "durable once" can mean in SQLite: one row with a unique key and the bytes, so many deliveries to a transaction.
fn raw(file: &Path, deliveries: &[Delivery], together: usize) -> Result<Run> {
    let mut connection = rusqlite::Connection::open(file)?;
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute("CREATE TABLE raw (key BLOB NOT NULL UNIQUE, bytes TEXT NOT NULL) STRICT", [])?;
    let began = Instant::now();
    let mut times = Vec::with_capacity(deliveries.len());
    for deliveries in deliveries.chunks(together) {
        let began = Instant::now();
        let transaction = connection.transaction()?;
        for event in deliveries.iter().flat_map(|delivery| &delivery.events) {
            transaction
                .prepare_cached("INSERT OR IGNORE INTO raw (key, bytes) VALUES (?1, ?2)")?
                .execute(rusqlite::params![event.message, event.body])?;
        }
        transaction.commit()?;
        times.push(began.elapsed());
    }
    let events = deliveries.iter().map(|delivery| delivery.events.len()).sum();
    let what = format!("SQLite alone: one row an event, {} a transaction, same fsync", BATCH * together);
    Ok(Run { what, events, whole: began.elapsed(), times })
}
