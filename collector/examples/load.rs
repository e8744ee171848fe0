//! Durable syncs a second, beside two yardsticks of the same run: the HTTP stack alone, and SQLite alone.
//!
//! `cargo run --release -p petitfour-collector --example load [SYNCS]` (20,000 unless told; it stops by itself). Everything is on
//! loopback and on this machine's disk in a temporary folder; client and collector share the processors. The figures say
//! what this machine does now, no more.

use std::{
    error::Error,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use petitfour::{
    hash::xxh64,
    id::Key,
    sync::{Entry, Message},
};
use petitfour_collector::{
    Config,
    ledger::Intake,
    start,
    store::{Place, Store},
};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Messages of one `/v1/syncs` body and of one transaction of the yardsticks.
const BATCH: usize = 20;

fn main() -> Result<()> {
    let syncs: usize = std::env::args().nth(1).map_or(Ok(20_000), |text| text.parse())?;
    let folder = tempfile::tempdir()?;
    let runtime = tokio::runtime::Runtime::new()?;
    let config = Config { listen: "127.0.0.1:0".into(), data: folder.path().join("data"), ..Config::default() };
    let running = runtime.block_on(start(config))?;
    let address = running.address();

    println!("{:>9} {:>9} {:>9}  what", "syncs/s", "p50 ms", "p99 ms");
    let bodies: Vec<Vec<u8>> = (0..syncs).map(|number| message(number).encode()).collect();
    for clients in [1, 16, 64] {
        // Each round sends its own part: a repeat would cost no disk.
        let part = bodies.chunks(syncs / 4).nth(match clients {
            1 => 0,
            16 => 1,
            _ => 2,
        });
        // One client waits for the disk each time: a tenth is enough to know.
        let part = part.unwrap_or_default();
        let part = if clients == 1 { part.chunks(part.len() / 10 + 1).next().unwrap_or_default() } else { part };
        let what = format!("POST /v1/sync, {clients} at a time");
        report(&what, part.len(), &drive(address, "POST", "/v1/sync", part, clients)?);
    }
    let batches: Vec<Vec<u8>> = bodies.chunks(syncs / 4).nth(3).unwrap_or_default().chunks(BATCH).map(frame).collect();
    let timed = drive(address, "POST", "/v1/syncs", &batches, 16)?;
    report(&format!("POST /v1/syncs, {BATCH} a body, 16 at a time"), batches.len() * BATCH, &timed);
    let nothing = vec![Vec::new(); syncs / 4];
    report(
        "GET /health, 64 at a time: the HTTP stack alone",
        nothing.len(),
        &drive(address, "GET", "/health", &nothing, 64)?,
    );
    runtime.block_on(running.stop())?;

    report_plain(
        "the store alone: the same rows, 20 a transaction",
        syncs,
        store_alone(&folder.path().join("store"), &bodies)?,
    );
    report_plain(
        "SQLite alone: one row a sync, 20 a transaction, same fsync",
        syncs,
        raw(&folder.path().join("raw.db"), &bodies)?,
    );
    Ok(())
}

/// A decision, its exposure and a click, as a visit sends them.
fn message(number: usize) -> Message {
    let id = xxh64(&number.to_le_bytes(), 1);
    // Each visitor sends four syncs.
    let replica = xxh64(&(number / 4).to_le_bytes(), 2);
    let mut visitor = [0; 16];
    for (place, byte) in visitor.iter_mut().zip(replica.to_le_bytes().repeat(2)) {
        *place = byte;
    }
    let campaign = Key::of(if number.is_multiple_of(3) { "summer" } else { "autumn" }).0;
    let none = Key::NONE.0;
    let decision = Entry::Decision {
        id,
        after: 1,
        placement: 1,
        campaign,
        creative: 2,
        reason: 0,
        probability: 9,
        withheld: none,
    };
    let exposure = Entry::Exposure { decision: id, after: 400 };
    let click = Entry::Outcome { event: Key::of("click").0, decision: id, after: 900, value: 0 };
    Message {
        replica,
        sequence: u32::try_from(number % 4).unwrap_or_default(),
        visitor,
        bundle: 1,
        began: 1_760_000_000_000,
        dropped: 0,
        entries: vec![decision, exposure, click],
    }
}

fn frame(messages: &[Vec<u8>]) -> Vec<u8> {
    let mut body = Vec::new();
    for message in messages {
        body.extend_from_slice(&u32::try_from(message.len()).unwrap_or_default().to_le_bytes());
        body.extend_from_slice(message);
    }
    body
}

/// Sends every body once, `clients` at a time over connections that stay open; the time of each answer and of the whole.
fn drive(
    address: SocketAddr,
    method: &str,
    path: &str,
    bodies: &[Vec<u8>],
    clients: usize,
) -> Result<(Duration, Vec<Duration>)> {
    let began = Instant::now();
    let each = bodies.len().div_ceil(clients).max(1);
    let times: Result<Vec<Vec<Duration>>> = thread::scope(|scope| {
        let threads: Vec<_> =
            bodies.chunks(each).map(|part| scope.spawn(move || part_of(address, method, path, part))).collect();
        threads.into_iter().map(|thread| thread.join().map_err(|_| "a client broke down")?).collect()
    });
    Ok((began.elapsed(), times?.concat()))
}

fn part_of(address: SocketAddr, method: &str, path: &str, bodies: &[Vec<u8>]) -> Result<Vec<Duration>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let mut times = Vec::with_capacity(bodies.len());
    let mut buffer = [0; 4096];
    for body in bodies {
        let mut request =
            format!("{method} {path} HTTP/1.1\r\nHost: load\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
        request.extend_from_slice(body);
        let began = Instant::now();
        stream.write_all(&request)?;
        let mut answer = Vec::new();
        while !complete(&answer) {
            let read = stream.read(&mut buffer)?;
            if read == 0 {
                return Err("the collector closed the connection".into());
            }
            answer.extend(buffer.iter().take(read));
        }
        if !answer.starts_with(b"HTTP/1.1 200") {
            return Err(format!("refused: {}", String::from_utf8_lossy(&answer)).into());
        }
        times.push(began.elapsed());
    }
    Ok(times)
}

/// Whether the answer has its whole body, by its content length.
fn complete(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).and_then(|text| text.parse().ok());
    length.is_some_and(|length: usize| body.len() >= length)
}

fn store_alone(folder: &Path, bodies: &[Vec<u8>]) -> Result<Duration> {
    let mut store = Store::open(&Place::folder(folder))?;
    let intakes: Result<Vec<Intake>> = bodies
        .iter()
        .map(|bytes| {
            let message = Message::decode(bytes)?;
            Ok(Intake { message, bytes: u32::try_from(bytes.len())?, digest: xxh64(bytes, 0) })
        })
        .collect();
    let intakes = intakes?;
    let began = Instant::now();
    for batch in intakes.chunks(BATCH) {
        store.store(batch.iter(), 0)?;
    }
    Ok(began.elapsed())
}

/// The least that "durable once" can mean in SQLite: one row with a unique key and the bytes.
fn raw(file: &Path, bodies: &[Vec<u8>]) -> Result<Duration> {
    let mut connection = rusqlite::Connection::open(file)?;
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute("CREATE TABLE raw (key INTEGER NOT NULL UNIQUE, bytes BLOB NOT NULL) STRICT", [])?;
    let began = Instant::now();
    for batch in bodies.chunks(BATCH) {
        let transaction = connection.transaction()?;
        for bytes in batch {
            transaction
                .prepare_cached("INSERT OR IGNORE INTO raw (key, bytes) VALUES (?1, ?2)")?
                .execute(rusqlite::params![xxh64(bytes, 0).cast_signed(), bytes])?;
        }
        transaction.commit()?;
    }
    Ok(began.elapsed())
}

fn report(what: &str, syncs: usize, (whole, times): &(Duration, Vec<Duration>)) {
    let mut times = times.clone();
    times.sort_unstable();
    let at = |share: usize| times.get(times.len() * share / 100).map_or(0.0, Duration::as_secs_f64) * 1e3;
    println!("{:>9.0} {:>9.2} {:>9.2}  {what}", syncs as f64 / whole.as_secs_f64(), at(50), at(99));
}

fn report_plain(what: &str, syncs: usize, whole: Duration) {
    println!("{:>9.0} {:>9} {:>9}  {what}", syncs as f64 / whole.as_secs_f64(), "", "");
}
