//! A traced run: no 200 is written before the sync of the log that holds its data has returned.
//!
//! Killing a process proves nothing about the disk, since the page cache outlives it. So the collector runs under strace,
//! and the order of its system calls is read back: data into the log, then a sync of the log begun and returned, then the
//! answer.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    reason = "a test that cannot go on says why by panicking"
)]

mod support;
#[path = "support/trace.rs"]
mod trace;

use std::{
    fs,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use support::{Server, agent, basic, batch, claim, entries, key, message, post, scatter};
use tempfile::tempdir;
use trace::{Markers, Verdict, judge};

const COMMAND: &str = "cargo test -p petitfour-collector --test fsync";
const LOG: &str = "collector.db-wal";

/// The calls that matter: everything that can carry a request, an answer, data or a sync.
const CALLS: &str = "trace=read,recvfrom,write,writev,sendto,sendmsg,pwrite64,fsync,fdatasync";

/// strace around the collector. `-D`: the collector is our child and strace a grandchild, so signals reach the collector.
fn traced(file: &Path) -> Command {
    let version = Command::new("strace").arg("-V").output();
    assert!(
        version.is_ok_and(|output| output.status.success()),
        "strace is missing, and without it nothing shows that an answer waits for the disk; install it: apt-get install strace"
    );
    let mut command = Command::new("strace");
    command.args(["-D", "-f", "-ttt", "-y", "-s", "70000", "-e", CALLS, "-o"]).arg(file);
    command.arg(env!("CARGO_BIN_EXE_petitfour-collector"));
    command
}

/// The trace, once strace has written its last line.
fn read(file: &Path) -> String {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let trace = String::from_utf8_lossy(&fs::read(file).expect("a trace")).into_owned();
        let first = trace.split(' ').next().unwrap_or_default().to_owned();
        if trace.lines().last().is_some_and(|line| line.starts_with(&first) && line.contains("+++ exited with 0")) {
            return trace;
        }
        assert!(
            Instant::now() < end,
            "strace did not finish; does this system permit ptrace? last line: {:?}",
            trace.lines().last()
        );
        thread::sleep(Duration::from_millis(50));
    }
}

/// A replica whose bytes are found in no other: SQLite stores it as eight big-endian bytes.
fn replica(number: u64) -> u64 {
    scatter(number) | 1 << 63
}

fn markers(replica: u64) -> Markers {
    let visitor = entries(replica, 0, Vec::new()).visitor.to_vec();
    Markers { request: visitor.clone(), stored: vec![visitor, replica.to_be_bytes().to_vec()] }
}

#[test]
fn no_answer_leaves_before_its_data_is_on_disk() {
    let folder = tempdir().expect("a folder");
    let file = folder.path().join("trace");
    let server = Server::spawn(traced(&file), &folder.path().join("data"), &[]);
    let sent = |numbers: std::ops::Range<u64>| {
        let agent = agent();
        for number in numbers {
            let bytes = message(replica(number), 0, "summer").encode();
            let (status, _) = post(&agent, &format!("{}/v1/sync", server.url), &bytes).expect("an answer");
            assert_eq!(status, 200);
        }
    };
    // One after another, then eight at a time (so that commits hold several), then batches.
    sent(0..40);
    thread::scope(|scope| {
        for client in 0..8 {
            scope.spawn(move || sent(100 + client * 10..110 + client * 10));
        }
    });
    for number in (200..240).step_by(8) {
        let messages: Vec<Vec<u8>> =
            (number..number + 8).map(|number| message(replica(number), 0, "summer").encode()).collect();
        assert_eq!(server.post("/v1/syncs", &batch(&messages)).0, 200);
    }
    assert!(server.stop());

    let trace = read(&file);
    let alone = (0..40).chain(100..180).map(|number| markers(replica(number)));
    // A batch is one answer, known by its last message; the data of all eight must be on disk before it.
    let batches = (200..240).step_by(8).map(|first| {
        let stored = (first..first + 8).flat_map(|number| markers(replica(number)).stored).collect();
        Markers { stored, ..markers(replica(first + 7)) }
    });
    let markers: Vec<Markers> = alone.chain(batches).collect();
    let verdict = judge(&trace, LOG, &markers);
    println!(
        "fsync: {} answers of 200 traced, {} syncs of the log, {} answers early",
        verdict.answers, verdict.syncs, verdict.early
    );
    let early = verdict.early as u64;
    let complete = verdict.answers == 125;
    claim("collector.fsync.early_answers", early, "answers", "= 0", early == 0 && complete, COMMAND);
    assert_eq!((verdict.answers, verdict.early), (125, 0));
    assert!(verdict.syncs >= 45, "each lonely sync had one of its own");

    // The same trace without its syncs: every answer is early. So the judge can tell.
    let unsynced: String = trace
        .lines()
        .filter(|line| !line.contains("fdatasync") && !line.contains("fsync("))
        .fold(String::new(), |all, line| all + line + "\n");
    let blind = judge(&unsynced, LOG, &markers);
    assert_eq!((blind.answers, blind.early, blind.syncs), (125, 125, 0));
}

/// What an event is called, so that it is found in the request and in the log.
fn called(number: u64) -> String {
    format!("{:016x}", scatter(number))
}

#[test]
fn no_answer_to_events_leaves_before_they_are_on_disk() {
    let folder = tempdir().expect("a folder");
    let (data, file) = (folder.path().join("data"), folder.path().join("trace"));
    let secret = basic(&key(&data, &["till", "--kind", "server"]));
    let server = Server::spawn(traced(&file), &data, &[]);
    let sent = |first: u64, count: u64| {
        let calls: Vec<serde_json::Value> = (first..first + count)
            .map(|number| {
                serde_json::json!({
                    "type": "track", "event": called(number), "messageId": called(number), "userId": format!("u-{}", number % 7),
                })
            })
            .collect();
        let answer = agent()
            .post(format!("{}/v1/batch", server.url))
            .header("authorization", &secret)
            .header("content-type", "application/json")
            .send(serde_json::json!({ "batch": calls }).to_string());
        assert_eq!(answer.expect("an answer").status().as_u16(), 200);
    };
    for number in 0..20 {
        sent(number, 1);
    }
    thread::scope(|scope| {
        for client in 0..8_u64 {
            let sent = &sent;
            scope.spawn(move || (0..5).for_each(|turn| sent(1_000 + client * 100 + turn * 20, 20)));
        }
    });
    assert!(server.stop());

    let trace = read(&file);
    let stored = |first: u64, count: u64| (first..first + count).map(|number| called(number).into_bytes()).collect();
    let alone = (0..20).map(|number| (number, 1));
    let batches = (0..8).flat_map(|client| (0..5).map(move |turn| (1_000 + client * 100 + turn * 20, 20)));
    let markers: Vec<Markers> = alone
        .chain(batches)
        .map(|(first, count)| Markers { request: called(first).into_bytes(), stored: stored(first, count) })
        .collect();
    let verdict = judge(&trace, LOG, &markers);
    println!("fsync: {} answers to events traced, {} early", verdict.answers, verdict.early);
    let early = verdict.early as u64;
    claim("collector.fsync.early_events", early, "answers", "= 0", early == 0 && verdict.answers == 60, COMMAND);
    assert_eq!((verdict.answers, verdict.early), (60, 0));
}

#[test]
fn a_repeat_after_a_kill_is_answered_only_after_the_old_log_was_synced() {
    let folder = tempdir().expect("a folder");
    let (data, file) = (folder.path().join("data"), folder.path().join("trace"));
    let server = Server::start(&data, &[]);
    let bytes = message(replica(1), 0, "summer").encode();
    assert_eq!(server.post("/v1/sync", &bytes).0, 200);
    server.kill();
    assert!(fs::metadata(data.join(LOG)).expect("a log").len() > 0, "the kill left a log behind");

    let server = Server::spawn(traced(&file), &data, &[]);
    assert_eq!(server.sync(&bytes).verdict, petitfour::sync::answer::Verdict::Duplicate);
    assert!(server.stop());
    let trace = read(&file);
    let line = |what: &str| trace.lines().position(|line| line.contains(what));
    let synced = trace.lines().position(|line| line.contains("sync(") && line.contains(LOG) && line.ends_with("= 0"));
    let (synced, listening) = (synced.expect("the log is synced"), line("listening on").expect("it listens"));
    assert!(synced < listening, "synced on line {synced}, listening on line {listening}");
}

#[test]
fn the_judge_tells_an_early_answer_from_a_durable_one() {
    let markers =
        || vec![Markers { request: b"a visitor".to_vec(), stored: vec![b"a visitor".to_vec(), b"a replica".to_vec()] }];
    let ask = "1 1.0 recvfrom(9<socket:[5]>, \"POST /v1/sync a visitor\", 8192, 0, NULL, NULL) = 21\n";
    let answer = "1 1.9 sendto(9<socket:[5]>, \"HTTP/1.1 200 OK\\r\\n\", 17, MSG_NOSIGNAL, NULL, 0) = 17\n";
    let data = "2 1.1 pwrite64(7</d/collector.db-wal>, \"a \\166isitor a replica\", 15, 0) = 15\n";
    let sync = "2 1.2 fdatasync(7</d/collector.db-wal>) = 0\n";
    let other = "2 1.2 fdatasync(6</d/collector.db>) = 0\n";
    let failed = "2 1.2 fdatasync(7</d/collector.db-wal>) = -1 EIO (Input/output error)\n";
    let half = "2 1.2 fdatasync(7</d/collector.db-wal> <unfinished ...>\n";
    let rest = "2 1.3 <... fdatasync resumed>) = 0\n";
    let cases: [(&[&str], usize); 7] = [
        (&[ask, data, sync, answer], 0),
        (&[ask, data, half, rest, answer], 0),
        (&[ask, data, half, answer, rest], 1),
        (&[ask, sync, data, answer], 1),
        (&[ask, data, other, answer], 1),
        (&[ask, data, failed, answer], 1),
        (&[ask, half, data, rest, answer], 1),
    ];
    for (lines, early) in cases {
        let trace = lines.concat();
        let Verdict { answers, early: found, .. } = judge(&trace, "collector.db-wal", &markers());
        assert_eq!((answers, found), (1, early), "{trace}");
    }
}
