//! What is left of a visitor who took something back: through a real process, also when it is killed between.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    reason = "a test that cannot go on says why by panicking"
)]

mod support;

use std::{fs, path::Path, thread, time::Duration};

use petitfour::sync::{
    Entry, Message,
    answer::{Receipt, Verdict},
};
use petitfour_collector::{
    params,
    store::{FILE, Place},
};
use support::{Server, agent, batch, drill, entries, post};
use tempfile::tempdir;

const STORE: u8 = 1;
const MEASURE: u8 = 4;
const SHARE: u8 = 8;
const TABLES: [&str; 7] = ["visitors", "messages", "decisions", "exposures", "outcomes", "identities", "candidates"];

fn tombstone(replica: u64, withdrawn: u8, after: u32) -> Vec<u8> {
    entries(replica, 900, vec![Entry::Forgotten { withdrawn, after }]).encode()
}

/// A message as they are, with something that chance could have chosen.
fn message(replica: u64, sequence: u32, campaign: &str) -> Message {
    let mut message = support::message(replica, sequence, campaign);
    let decision = replica << 32 | u64::from(sequence);
    message.entries.push(Entry::Candidate { decision, after: 900, campaign: 5, probability: 9 });
    message
}

fn identity(replica: u64, sequence: u32) -> Message {
    entries(replica, sequence, vec![Entry::Identity { code: 1, digest: [9; 32] }])
}

/// Rows of each table.
fn rows(data: &Path) -> [i64; 7] {
    let store = Place::folder(data).reader().expect("a store");
    TABLES.map(|table| {
        store.scalar(&format!("SELECT count(*) FROM {table}"), params![]).expect("a count").expect("a row")
    })
}

fn contains(folder: &Path, wanted: &[u8]) -> bool {
    let files = fs::read_dir(folder).expect("a folder");
    files.into_iter().any(|file| {
        let bytes = fs::read(file.expect("a file").path()).expect("its bytes");
        bytes.windows(wanted.len()).any(|window| window == wanted)
    })
}

#[test]
fn a_visitor_who_is_forgotten_leaves_no_row_no_count_and_no_byte() {
    let folder = tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    server.sync(&message(1, 0, "summer").encode());
    server.sync(&identity(1, 1).encode());
    server.sync(&message(2, 0, "summer").encode());
    assert_eq!(server.sync(&tombstone(1, STORE, 0)).verdict, Verdict::Stored);
    assert_eq!(rows(folder.path()), [1, 1, 1, 1, 1, 0, 1]);
    let counts = server.counts();
    assert_eq!((&counts["totals"]["visitors"], &counts["totals"]["syncs"]), (&1.into(), &1.into()));
    assert_eq!(counts["campaigns"][0]["decisions"], 1);
    assert!(server.stop());
    let (gone, there) = (message(1, 0, "").visitor, message(2, 0, "").visitor);
    assert!(contains(folder.path(), &there), "the search finds what is there");
    assert!(!contains(folder.path(), &gone), "the pseudonym is nowhere in the folder");
    assert!(folder.path().join(FILE).exists());
}

#[test]
fn what_comes_too_late_is_let_go_and_a_second_tombstone_changes_nothing() {
    let folder = tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    server.sync(&message(1, 0, "summer").encode());
    server.sync(&tombstone(1, STORE, 0));
    assert_eq!(server.sync(&message(1, 0, "summer").encode()).verdict, Verdict::Forgotten, "a repeat");
    assert_eq!(server.sync(&message(1, 1, "summer").encode()).verdict, Verdict::Forgotten, "one that was under way");
    let (status, answer) = server.post("/v1/syncs", &batch(&[message(1, 2, "summer").encode()]));
    assert_eq!((status, answer.contains(r#""forgotten":1"#)), (200, true));
    assert_eq!(server.sync(&tombstone(1, STORE, 0)).verdict, Verdict::Stored);
    assert_eq!(rows(folder.path()), [0; 7]);
    assert!(server.get("/metrics", &[]).text().contains("petitfour_syncs_total{result=\"forgotten\"} 3"));
}

#[test]
fn withdrawing_to_measure_or_to_share_takes_what_came_under_it_until_then() {
    let folder = tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    server.sync(&message(1, 0, "summer").encode());
    server.sync(&identity(1, 1).encode());
    server.sync(&tombstone(1, MEASURE, 1_000));
    assert_eq!(rows(folder.path()), [1, 2, 0, 0, 0, 1, 0], "the identifier came under another permission");
    server.sync(&tombstone(1, SHARE, 1_000));
    assert_eq!(rows(folder.path()), [1, 2, 0, 0, 0, 0, 0]);
    let late = Entry::Exposure { decision: 77, after: 1_000 };
    let anew = Entry::Exposure { decision: 78, after: 1_001 };
    assert_eq!(server.sync(&entries(1, 2, vec![late, anew]).encode()).verdict, Verdict::Stored);
    assert_eq!(server.total("exposures"), 1, "what was measured after it counts again");
}

#[test]
fn a_tombstone_holds_through_a_kill_at_any_moment() {
    let folder = tempdir().expect("a folder");
    let runs = if drill() { 100 } else { 10 };
    for run in 0..runs {
        let server = Server::start(folder.path(), &[]);
        let url = format!("{}/v1/sync", server.url);
        for sequence in 0..5 {
            server.sync(&message(run, sequence, "summer").encode());
        }
        let answered = thread::scope(|scope| {
            let asked =
                scope.spawn(|| post(&agent(), &url, &tombstone(run, STORE, 0)).is_ok_and(|(status, _)| status == 200));
            thread::sleep(Duration::from_micros(200 * run));
            server.kill();
            asked.join().expect("a client")
        });
        let server = Server::start(folder.path(), &[]);
        if !answered {
            // The device has no answer, so it asks again.
            server.sync(&tombstone(run, STORE, 0));
        }
        let late = server.sync(&message(run, 5, "summer").encode());
        assert_eq!((late.verdict, late.received), (Verdict::Forgotten, vec![]), "run {run}, answered {answered}");
        assert_eq!(rows(folder.path()), [0; 7], "run {run}, answered {answered}");
        server.kill();
    }
}

#[test]
fn an_answer_confirms_the_messages_that_came_without_one() {
    let folder = tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    for sequence in 0..20 {
        server.sync(&message(1, sequence, "summer").encode());
    }
    server.sync(&message(2, 0, "summer").encode());
    let received = server.sync(&message(1, 20, "summer").encode()).received;
    let wanted: Vec<Receipt> = (5..21).rev().map(|sequence| Receipt { replica: 1, sequence }).collect();
    assert_eq!(received, wanted, "the latest sixteen, and nobody else's");
}

const CSV: (&str, &str) = ("content-type", "text/csv");

#[test]
fn a_device_hears_of_its_segments_by_pseudonym_and_by_what_it_has_shared() {
    let folder = tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    let pseudonym: String = message(1, 0, "").visitor.iter().map(|byte| format!("{byte:02x}")).collect();
    let digest = "09".repeat(32);
    let lines = format!(
        "visitor,{pseudonym},gold,in,1000\nuser_id,{digest},churning,in,2000\nuser_id,{digest},gold,out,3000\n"
    );
    assert_eq!(server.enrol(&lines, &[CSV]), (200, r#"{"stored":3}"#.to_owned()));
    let segments = |message: &Message| -> Vec<(bool, u64)> {
        server.sync(&message.encode()).members.iter().map(|member| (member.inside, member.as_of)).collect()
    };
    assert_eq!(segments(&message(1, 0, "summer")), [(true, 1_000)], "nothing ties the user id to it yet");
    assert_eq!(segments(&identity(1, 1)), [(false, 3_000), (true, 2_000)], "the later word wins");
    assert_eq!(segments(&message(2, 0, "summer")), [], "nobody else's");
    server.enrol(&format!("visitor,{pseudonym},gold,in,2500"), &[CSV]);
    assert_eq!(segments(&message(1, 2, "summer")), [(false, 3_000), (true, 2_000)], "an older word changes nothing");
}

#[test]
fn memberships_are_taken_from_programs_alone_and_whole() {
    let folder = tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    let good = format!("visitor,{},gold,in\n", "00".repeat(16));
    let (status, answer) = server.enrol(&format!("{good}email,anna@example.com,gold,in\n"), &[CSV]);
    assert_eq!((status, answer.contains("memberships/line"), answer.contains("line 2")), (400, true, true));
    assert!(!answer.contains("anna"), "a refusal repeats nothing");
    assert_eq!(server.enrol(&good, &[]).0, 415, "what a form of another site could send");
    assert_eq!(server.enrol(&good, &[CSV, ("origin", "http://elsewhere.example")]).0, 403);
    let store = Place::folder(folder.path()).reader().expect("a store");
    let stored: i64 = store.scalar("SELECT count(*) FROM memberships", params![]).expect("a count").expect("a row");
    assert_eq!(stored, 0);
}
