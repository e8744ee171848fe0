//! Disks that fill up or take no writes, a log with a torn tail, clocks that jump, servers that go away: a clear state while it lasts,
//! recovery after it, and nothing lost of what was answered 200.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    reason = "a test that cannot go on says why by panicking"
)]

#[path = "support/leash.rs"]
mod leash;
#[path = "support/load.rs"]
mod load;
#[path = "support/nats.rs"]
mod nats;
#[path = "support/postgres.rs"]
mod postgres;
mod support;

use std::{
    collections::BTreeSet,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use load::{Told, clients, sums};
use nats::Nats;
use petitfour_collector::{
    params,
    store::{FILE, Place},
};
use postgres::Postgres;
use support::{Server, agent, claim, drill, message, post, until};
use tempfile::tempdir;

const COMMAND: &str = "cargo test -p petitfour-collector --test faults";

/// The collector, with what it says on stderr in a file. It is told that a file is too long instead of being ended for it.
fn watched(said: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", r#"trap "" XFSZ; exec "$@""#, "sh", env!("CARGO_BIN_EXE_petitfour-collector")]);
    command.stderr(fs::File::create(said).expect("a file"));
    command
}

/// Sends messages `from` one number until `until` holds of the status; those that were answered 200.
fn send(server: &Server, replica: u64, numbers: std::ops::Range<u32>, enough: impl Fn(u16) -> bool) -> BTreeSet<u32> {
    let (agent, url) = (agent(), format!("{}/v1/sync", server.url));
    let mut answered = BTreeSet::new();
    for number in numbers {
        let (status, _) = post(&agent, &url, &message(replica, number, "summer").encode()).expect("an answer");
        if status == 200 {
            answered.insert(number);
        }
        if enough(status) {
            return answered;
        }
    }
    panic!("what was waited for did not come");
}

fn send_all(server: &Server, replica: u64, numbers: std::ops::Range<u32>) -> BTreeSet<u32> {
    let last = numbers.end - 1;
    let count = numbers.len();
    let seen = std::cell::Cell::new(0);
    let answered = send(server, replica, numbers, |_| {
        seen.set(seen.get() + 1);
        seen.get() == count
    });
    assert!(answered.contains(&last) && answered.len() == count, "all are answered 200");
    answered
}

fn stored(place: &Place, replica: u64) -> BTreeSet<u32> {
    let connection = place.reader().expect("the store");
    let sql = "SELECT sequence FROM messages WHERE replica = ?1";
    let rows = connection.query(sql, params![replica.cast_signed()]).expect("rows");
    rows.iter().map(|row| row.get(0).expect("a sequence")).collect()
}

fn is_whole(folder: &Path) -> bool {
    let connection = Place::folder(folder).reader().expect("the store");
    connection.scalar::<String>("PRAGMA integrity_check", params![]).expect("an answer").as_deref() == Some("ok")
}

/// The state in which nothing can be stored: alive, not ready, saying why, answering 503.
fn assert_refusing(server: &Server, said: &Path) {
    assert_eq!(server.get("/health", &[]).status, 200);
    let ready = server.get("/ready", &[]);
    assert_eq!((ready.status, ready.text().contains(r#""ready":false"#)), (503, true));
    let said = fs::read_to_string(said).expect("what was said");
    assert!(said.lines().any(|line| line.starts_with("store: ") && line.contains("failed")), "{said}");
}

fn wait_until_ready(server: &Server) {
    until("it is ready again", || server.get("/ready", &[]).status == 200);
}

/// A disk of its own, so small that it fills up; unmounted when dropped.
struct Disk(PathBuf);

impl Disk {
    /// Only root may mount: without it there is none.
    fn mount(folder: PathBuf, options: &str) -> Option<Self> {
        fs::create_dir_all(&folder).expect("a folder");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(&folder).status();
        mounted.is_ok_and(|status| status.success()).then_some(Self(folder))
    }

    fn remount(&self, options: &str) {
        let done = Command::new("mount").args(["-o", &format!("remount,{options}")]).arg(&self.0).status();
        assert!(done.is_ok_and(|status| status.success()), "remounted");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(&self.0).status().ok();
    }
}

fn limit_files(server: &Server, bytes: &str) {
    let limit = format!("--fsize={bytes}:unlimited");
    let done = Command::new("prlimit").args(["--pid", &server.pid().to_string(), &limit]).status();
    assert!(done.is_ok_and(|status| status.success()), "prlimit is there");
}

#[test]
fn a_full_disk_is_said_and_outlived() {
    let folder = tempdir().expect("a folder");
    let said = folder.path().join("said");
    let disk = Disk::mount(folder.path().join("data"), "size=6m");
    let data = folder.path().join("data");
    let server = Server::spawn(watched(&said), &data, &[]);
    if disk.is_none() {
        println!("not root: a limit on the length of files stands in for the full disk");
        limit_files(&server, "1500000");
    }
    let mut answered = send(&server, 1, 0..100_000, |status| status == 503);
    assert!(answered.len() > 20, "there was room at first");
    // A smaller write may still fit into what the log had before, so whether it is ready is open; that it lives and says why is not.
    assert_eq!(server.get("/health", &[]).status, 200);
    let lines = fs::read_to_string(&said).expect("what was said");
    assert!(lines.lines().any(|line| line.starts_with("store: commit failed")), "{lines}");
    match &disk {
        Some(disk) => disk.remount("size=200m"),
        None => limit_files(&server, "unlimited"),
    }
    wait_until_ready(&server);
    answered.extend(send_all(&server, 1, 200_000..200_100));
    assert!(server.stop());
    let lost = answered.difference(&stored(&Place::folder(&data), 1)).count() as u64;
    claim("collector.faults.disk_full.lost", lost, "syncs", "= 0", lost == 0, COMMAND);
    assert_eq!(lost, 0);
    assert!(is_whole(&data));
}

#[test]
fn a_disk_that_takes_no_writes_is_said_and_outlived() {
    let folder = tempdir().expect("a folder");
    let (said, data) = (folder.path().join("said"), folder.path().join("data"));
    let server = Server::spawn(watched(&said), &data, &[]);
    let mut answered = send_all(&server, 1, 0..50);
    limit_files(&server, "0");
    let during = send(&server, 1, 50..60, |status| status == 503);
    assert!(during.is_empty(), "nothing is answered 200 that is nowhere");
    // The line on stderr cannot be written either while no file may grow.
    assert_eq!(server.get("/ready", &[]).status, 503);
    limit_files(&server, "unlimited");
    wait_until_ready(&server);
    answered.extend(send_all(&server, 1, 60..100));
    assert!(server.stop());
    assert!(answered.is_subset(&stored(&Place::folder(&data), 1)));
    assert!(is_whole(&data));
}

#[test]
fn a_store_that_is_read_only_is_refused_at_the_start_with_its_place() {
    let folder = tempdir().expect("a folder");
    let data = folder.path().join("data");
    let disk = Disk::mount(data.clone(), "size=6m");
    let server = Server::start(&data, &[]);
    send_all(&server, 1, 0..5);
    assert!(server.stop());
    match &disk {
        Some(disk) => disk.remount("ro"),
        None => {
            let done = Command::new("chmod").args(["-R", "a-w"]).arg(&data).status();
            assert!(done.is_ok_and(|status| status.success()));
        }
    }
    let output = Command::new(env!("CARGO_BIN_EXE_petitfour-collector"))
        .args(["--listen", "127.0.0.1:0", "--data"])
        .arg(&data)
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains(FILE), "{said}");
    match &disk {
        Some(disk) => disk.remount("rw"),
        None => {
            Command::new("chmod").args(["-R", "u+w"]).arg(&data).status().expect("chmod");
        }
    }
    let server = Server::start(&data, &[]);
    assert_eq!(server.total("syncs"), 5);
}

#[test]
fn a_torn_tail_of_the_log_takes_nothing_with_it() {
    for run in 0..if drill() { 50_u64 } else { 4 } {
        let folder = tempdir().expect("a folder");
        let place = Place::folder(folder.path());
        let server = Server::start(folder.path(), &[]);
        let answered = send_all(&server, 1, 0..60);
        server.kill();
        // A write that a crash cut in the middle: half of a page of the log, and what else was on that part of the disk.
        let wal = folder.path().join(format!("{FILE}-wal"));
        let length = fs::metadata(&wal).expect("a log").len();
        let bytes = fs::read(&wal).expect("a log");
        let frame = &bytes[bytes.len() - 4_120..];
        let mut file = fs::OpenOptions::new().append(true).open(&wal).expect("a log");
        file.write_all(&frame[..usize::try_from(support::scatter(run) % 4_000).expect("small") + 50]).expect("written");
        let rubbish: Vec<u8> = (0..20_000_u64).map(|at| support::scatter(run * 100_000 + at) as u8).collect();
        file.write_all(&rubbish).expect("written");
        drop(file);
        assert!(fs::metadata(&wal).expect("a log").len() > length);

        let server = Server::start(folder.path(), &[]);
        let more = send_all(&server, 1, 60..80);
        assert!(server.stop());
        let lost = answered.union(&more).filter(|number| !stored(&place, 1).contains(number)).count() as u64;
        claim("collector.faults.torn_tail.lost", lost, "syncs", "= 0", lost == 0, COMMAND);
        assert_eq!(lost, 0, "run {run}");
        assert!(is_whole(folder.path()));
    }
}

#[test]
fn a_page_of_the_log_that_rots_takes_only_what_came_with_it_and_after_it() {
    let folder = tempdir().expect("a folder");
    let place = Place::folder(folder.path());
    let server = Server::start(folder.path(), &[]);
    let before = send_all(&server, 1, 0..40);
    let wal = folder.path().join(format!("{FILE}-wal"));
    let safe = usize::try_from(fs::metadata(&wal).expect("a log").len()).expect("small");
    send_all(&server, 1, 40..60);
    server.kill();
    let mut bytes = fs::read(&wal).expect("a log");
    bytes[safe + 1_000] ^= 0x40;
    fs::write(&wal, bytes).expect("written");
    let server = Server::start(folder.path(), &[]);
    send_all(&server, 1, 60..70);
    assert!(server.stop());
    assert!(before.is_subset(&stored(&place, 1)), "what stands before the damage is there");
    assert!(is_whole(folder.path()));
}

/// A clock that a file moves, for a process that runs under it.
fn jumping(clock: &Path) -> Command {
    let library = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib", "/usr/local/lib"]
        .iter()
        .map(|folder| Path::new(folder).join("faketime/libfaketime.so.1"))
        .find(|file| file.is_file())
        .expect("libfaketime is missing; install it: apt-get install faketime");
    let mut command = Command::new("env");
    command
        .arg(format!("LD_PRELOAD={}", library.display()))
        .arg(format!("FAKETIME_TIMESTAMP_FILE={}", clock.display()))
        .args(["FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1", "DONT_FAKE_MONOTONIC=1"])
        .arg(env!("CARGO_BIN_EXE_petitfour-collector"));
    command
}

#[test]
fn a_clock_that_jumps_years_and_back_changes_no_row_and_no_answer() {
    let folder = tempdir().expect("a folder");
    let (clock, data) = (folder.path().join("clock"), folder.path().join("data"));
    fs::write(&clock, "+0").expect("written");
    let server = Server::spawn(jumping(&clock), &data, &[]);
    let mut answered = BTreeSet::new();
    for (jump, first) in [("+0", 0), ("+10y", 100), ("-10y", 200), ("+0", 300)] {
        fs::write(&clock, jump).expect("written");
        answered.extend(send_all(&server, 1, first..first + 20));
        assert_eq!(server.get("/ready", &[]).status, 200, "{jump}");
        // And what was sent at another time is known.
        assert_eq!(server.sync(&message(1, 0, "summer").encode()).verdict, petitfour::sync::answer::Verdict::Duplicate);
    }
    let place = Place::folder(&data);
    let received = |order: &str| -> i64 {
        let connection = place.reader().expect("the store");
        let sql = format!("SELECT received FROM messages ORDER BY received {order} LIMIT 1");
        connection.scalar(&sql, params![]).expect("read").expect("a row")
    };
    assert!(received("DESC") - received("ASC") > 15 * 365 * 86_400_000_i64, "the clock did jump");
    assert!(server.stop());
    assert_eq!(stored(&place, 1), answered);
    let server = Server::start(&data, &[]);
    assert_eq!(server.total("syncs"), answered.len() as i64);
}

#[test]
fn a_postgres_that_goes_away_is_said_and_outlived() {
    let folder = tempdir().expect("a folder");
    let said = folder.path().join("said");
    let mut postgres = Postgres::start();
    let address = postgres.schema();
    let server = Server::spawn(watched(&said), &folder.path().join("data"), &["--store", &address]);
    let mut answered = send_all(&server, 1, 0..30);
    for round in 1..if drill() { 20 } else { 3 } {
        postgres.kill();
        let (status, body) = server.post("/v1/sync", &message(1, round * 100, "summer").encode());
        assert_eq!((status, body.contains("store/unavailable")), (503, true));
        assert_refusing(&server, &said);
        postgres.resume();
        wait_until_ready(&server);
        answered.extend(send_all(&server, 1, round * 100 + 1..round * 100 + 20));
        assert_eq!(server.counts()["totals"]["syncs"], answered.len(), "readers are back too");
    }
    assert!(server.stop());
    let lost = answered.difference(&stored(&Place::Postgres(address), 1)).count() as u64;
    claim("collector.faults.postgres.lost", lost, "syncs", "= 0", lost == 0, COMMAND);
    assert_eq!(lost, 0);
}

#[test]
fn behind_a_log_a_store_may_go_away_and_a_log_that_goes_away_is_said_and_outlived() {
    let folder = tempdir().expect("a folder");
    let (mut postgres, mut nats) = (Postgres::start(), Nats::start());
    let (address, log) = (postgres.schema(), nats.address());
    let server = Server::start(folder.path(), &["--store", &address, "--log", &log]);
    let mut answered = send_all(&server, 1, 0..20);
    postgres.kill();
    answered.extend(send_all(&server, 1, 100..130));
    let ready = server.get("/ready", &[]);
    let told = ready.text();
    assert_eq!((ready.status, told.contains(r#""store":false"#), told.contains(r#""log":true"#)), (200, true, true));
    postgres.resume();
    until("the store follows", || server.get("/ready", &[]).text().contains(r#""store":true"#));

    nats.kill();
    until("an answer says that the log is gone", || server.post("/v1/sync", &message(1, 200, "").encode()).0 == 503);
    assert_eq!(server.get("/ready", &[]).status, 503);
    nats.resume();
    wait_until_ready(&server);
    answered.extend(send_all(&server, 1, 300..330));
    load::settled(&server);
    assert!(server.stop());
    let lost = answered.difference(&stored(&Place::Postgres(address), 1)).count();
    assert_eq!(lost, 0);
}

#[test]
fn a_stop_under_load_answers_what_is_under_way_and_keeps_what_was_answered() {
    let postgres = Postgres::start();
    let nats = Nats::start();
    let (schema, behind, log) = (postgres.schema(), postgres.schema(), nats.address());
    let folder = tempdir().expect("a folder");
    let file = Place::folder(folder.path());
    let deployments: [(Vec<&str>, Place); 3] = [
        (vec![], file),
        (vec!["--store", &schema], Place::Postgres(schema.clone())),
        (vec!["--store", &behind, "--log", &log], Place::Postgres(behind.clone())),
    ];
    for (arguments, place) in deployments {
        load::prepare(&place);
        let told = Mutex::new(Told::default());
        let stop = AtomicBool::new(false);
        let mut clients = clients();
        let server = Server::start(folder.path(), &arguments);
        let url = server.url.clone();
        thread::scope(|scope| {
            for client in &mut clients {
                scope.spawn(|| client.run(&url, &told, &stop));
            }
            until("there is load", || told.lock().expect("told").answered() > 100);
            thread::sleep(Duration::from_millis(50));
            assert!(server.stop(), "it ends well, and within ten seconds: {arguments:?}");
            stop.store(true, Relaxed);
        });
        let told = told.into_inner().expect("told");
        let server = Server::start(folder.path(), &arguments);
        let sums = sums(&told, &server, &place);
        assert_eq!((sums.lost, sums.doubled, sums.invented, sums.uneven), (0, 0, 0, 0), "{arguments:?}");
    }
}
