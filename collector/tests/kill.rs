//! SIGKILL under load, again and again: what was answered 200 is there, and nothing is counted twice.
//!
//! This proves the recovery, not the disk: the page cache survives a killed process. That no 200 leaves before its sync
//! is proved by `fsync.rs`. `PETITFOUR_DRILL=1` kills 200 times for each store instead of 20 (SQLite) and 10.

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
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use load::{Sums, Told, clients, sums};
use nats::Nats;
use petitfour_collector::{params, store::Place};
use postgres::Postgres;
use support::{Server, claim, drill, scatter};
use tempfile::tempdir;

const COMMAND: &str = "cargo test -p petitfour-collector --test kill";

/// Kills a collector so often under load, then reads what is there.
fn killed(runs: u32, folder: &Path, arguments: &[&str], place: &Place) -> Sums {
    load::prepare(place);
    let told = Mutex::new(Told::default());
    let mut clients = clients();
    for run in 0..runs {
        let server = Server::start(folder, arguments);
        let url = server.url.clone();
        let stop = AtomicBool::new(false);
        let before = told.lock().expect("told").answered();
        thread::scope(|scope| {
            for client in &mut clients {
                scope.spawn(|| client.run(&url, &told, &stop));
            }
            // Under load: not before something was answered in this run, then at a moment that differs each time.
            while told.lock().expect("told").answered() == before {
                thread::sleep(Duration::from_millis(1));
            }
            thread::sleep(Duration::from_micros(scatter(run.into()) % 150_000));
            server.kill();
            stop.store(true, Relaxed);
        });
    }
    let told = told.into_inner().expect("told");
    let server = Server::start(folder, arguments);
    let sums = sums(&told, &server, place);
    assert!(server.stop());
    println!(
        "kill: {runs} kills, {} syncs and events sent, {} answered 200 ({} of them again), {} stored without an answer, {} lost, {} doubled",
        sums.sent,
        sums.answered,
        sums.repeats,
        sums.stored as u64 + sums.lost - sums.answered as u64,
        sums.lost,
        sums.doubled,
    );
    assert!(sums.answered as u64 > u64::from(runs), "there was load");
    sums
}

fn report(names: [&str; 2], sums: &Sums) {
    for (name, value) in names.into_iter().zip([sums.lost, sums.doubled]) {
        claim(name, value, "messages", "= 0", value == 0, COMMAND);
    }
    assert_eq!((sums.lost, sums.doubled, sums.invented), (0, 0, 0));
    assert_eq!(sums.uneven, 0, "every count is the number of distinct messages");
}

#[test]
fn nothing_that_was_answered_is_lost_and_nothing_counts_twice() {
    let runs: u32 = if drill() { 200 } else { 20 };
    let folder = tempdir().expect("a folder");
    let place = Place::folder(folder.path());
    let sums = killed(runs, folder.path(), &[], &place);
    claim("collector.kill.runs", u64::from(runs), "kills", ">= 20", runs >= 20, COMMAND);
    report(["collector.kill.lost", "collector.kill.doubled"], &sums);
    let connection = place.reader().expect("the store");
    let integrity: String = connection.scalar("PRAGMA integrity_check", params![]).expect("an answer").expect("a word");
    assert_eq!(integrity, "ok");
}

#[test]
fn over_postgres_nothing_that_was_answered_is_lost_and_nothing_counts_twice() {
    let runs = if drill() { 200 } else { 10 };
    let folder = tempdir().expect("a folder");
    let address = Postgres::shared().schema();
    let sums = killed(runs, folder.path(), &["--store", &address], &Place::Postgres(address.clone()));
    report(["collector.kill.postgres.lost", "collector.kill.postgres.doubled"], &sums);
}

#[test]
fn over_a_log_and_postgres_nothing_that_was_answered_is_lost_and_nothing_counts_twice() {
    let runs = if drill() { 200 } else { 10 };
    let folder = tempdir().expect("a folder");
    let (address, log) = (Postgres::shared().schema(), Nats::start());
    let arguments = ["--store", &address, "--log", &log.address()];
    let sums = killed(runs, folder.path(), &arguments, &Place::Postgres(address.clone()));
    report(["collector.kill.nats.lost", "collector.kill.nats.doubled"], &sums);
}
