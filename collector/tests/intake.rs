//! What a device is answered, and what is counted, through a real process.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    reason = "a test that cannot go on says why by panicking"
)]

mod support;

use std::{io::Write as _, net::TcpStream, time::Duration};

use petitfour::{
    id::Key,
    sync::{Entry, Message, answer::Verdict},
};
use support::{Server, batch, bundle, entries, message};
use tempfile::tempdir;

const TOTALS: [&str; 5] = ["syncs", "decisions", "exposures", "clicks", "outcomes"];

fn totals(server: &Server) -> [i64; 5] {
    TOTALS.map(|name| server.total(name))
}

#[test]
fn a_sync_is_stored_and_counted() {
    let folder = tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    assert_eq!(server.sync(&message(1, 0, "summer").encode()).verdict, Verdict::Stored);
    assert_eq!(totals(&server), [1, 1, 1, 1, 1]);
    let row = &server.counts()["campaigns"][0];
    assert_eq!((&row["decisions"], &row["exposures"], &row["clicks"]), (&1.into(), &1.into(), &1.into()));
}

#[test]
fn a_repeat_is_answered_200_and_counts_once() {
    let folder = tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    let bytes = message(1, 0, "summer").encode();
    server.post("/v1/sync", &bytes);
    let before = server.counts()["totals"].clone();
    assert_eq!(server.sync(&bytes).verdict, Verdict::Duplicate);
    assert_eq!(server.counts()["totals"], before);
}

#[test]
fn the_same_sequence_with_other_bytes_counts_the_first_and_is_seen_by_the_operator() {
    let folder = tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    server.post("/v1/sync", &message(1, 0, "summer").encode());
    let (status, _) = server.post("/v1/sync", &message(1, 0, "winter").encode());
    assert_eq!(status, 200);
    assert_eq!(totals(&server), [1, 1, 1, 1, 1]);
    assert!(server.get("/metrics", &[]).text().contains("petitfour_syncs_total{result=\"conflict\"} 1"));
}

#[test]
fn bytes_that_are_no_message_are_refused_with_their_code() {
    let folder = tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    let good = message(1, 0, "summer").encode();
    let mut newer = good.clone();
    newer[4] = 99;
    let cases: [(&[u8], u16, &str); 6] = [
        (b"", 400, "sync/foreign"),
        (b"<html>not a message</html>", 400, "sync/foreign"),
        (&good[..good.len() - 1], 400, "sync/malformed"),
        (&newer, 400, "sync/format"),
        (&[0; 60_000], 400, "sync/size"),
        (&[0; 65_537], 413, "body/too_large"),
    ];
    for (bytes, expected, code) in cases {
        let (status, body) = server.post("/v1/sync", bytes);
        let answer: serde_json::Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!((status, answer["code"].as_str()), (expected, Some(code)));
        assert!(answer["message"].is_string());
    }
    assert_eq!(server.total("syncs"), 0);
}

#[test]
fn a_refusal_repeats_nothing_of_what_was_sent() {
    let folder = tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    let (_, body) = server.post("/v1/sync", b"PF4S anna@example.com");
    assert!(!body.contains("anna"), "{body}");
}

#[test]
fn a_batch_stores_what_it_can_and_says_so_for_each() {
    let folder = tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    let one = message(1, 0, "summer").encode();
    let body = batch(&[one.clone(), b"nonsense".to_vec(), message(1, 1, "summer").encode(), one]);
    let (status, answer) = server.post("/v1/syncs", &body);
    assert_eq!(status, 200);
    assert_eq!(
        answer,
        r#"{"stored":2,"duplicate":1,"forgotten":0,"refused":1,"verdicts":["stored","sync/foreign","stored","duplicate"]}"#
    );
    assert_eq!(server.total("syncs"), 2);
}

#[test]
fn a_batch_whose_lengths_do_not_add_up_stores_nothing() {
    let folder = tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    let mut body = batch(&[message(1, 0, "summer").encode()]);
    body.extend_from_slice(&[9, 0, 0, 0, 1]);
    let (status, answer) = server.post("/v1/syncs", &body);
    assert_eq!((status, answer.contains("syncs/frame")), (400, true));
    let (status, _) = server.post("/v1/syncs", &vec![0; 1024 * 1024 + 1]);
    assert_eq!(status, 413);
    assert_eq!(server.total("syncs"), 0);
}

#[test]
fn bodies_that_hold_all_the_room_make_the_next_one_come_back_later() {
    let folder = tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    let host = server.url.trim_start_matches("http://");
    // Room for 32 of the longest bodies; four more than that ask, and those four are refused.
    let held: Vec<TcpStream> = (0..36)
        .map(|_| {
            let mut stream = TcpStream::connect(host).expect("a connection");
            write!(stream, "POST /v1/syncs HTTP/1.1\r\nHost: x\r\nContent-Length: 1048576\r\n\r\n").expect("sent");
            stream
        })
        .collect();
    let full = "petitfour_refused_requests_total{reason=\"busy\"} 4";
    let until = std::time::Instant::now() + Duration::from_secs(5);
    while !server.get("/metrics", &[]).text().contains(full) {
        assert!(std::time::Instant::now() < until, "the room is full");
        std::thread::sleep(Duration::from_millis(10));
    }
    let bytes = message(1, 0, "summer").encode();
    let mut response = support::agent().post(format!("{}/v1/sync", server.url)).send(&bytes[..]).expect("an answer");
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers().get("retry-after").expect("when").to_str().expect("text"), "1");
    assert!(response.body_mut().read_to_string().expect("text").contains("store/busy"));
    drop(held);
    let until = std::time::Instant::now() + Duration::from_secs(5);
    while server.post("/v1/sync", &bytes).0 != 200 {
        assert!(std::time::Instant::now() < until, "the room comes back");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn an_outcome_that_names_no_decision_goes_to_the_last_exposure_of_a_day() {
    let folder = tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    let hour = 60 * 60 * 1000;
    let chosen = |id, campaign: &str, after| Entry::Decision {
        id,
        after,
        placement: 1,
        campaign: Key::of(campaign).0,
        creative: 2,
        reason: 0,
        probability: 1,
        withheld: support::NONE,
    };
    let seen = |decision, after| Entry::Exposure { decision, after };
    let bought = |after| Entry::Outcome { event: Key::of("purchase").0, decision: 0, after, value: 5_000 };
    let told = vec![
        bought(0),
        chosen(1, "first", 1),
        seen(1, hour),
        chosen(2, "second", 1),
        seen(2, 2 * hour),
        bought(3 * hour),
        bought(26 * hour),
        bought(26 * hour + 1),
    ];
    server.post("/v1/sync", &entries(1, 0, told).encode());
    let counts = server.counts();
    let by_key: std::collections::BTreeMap<String, i64> = counts["campaigns"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| (row["key"].as_str().expect("text").to_owned(), row["outcomes"].as_i64().expect("a number")))
        .collect();
    let key = |name| format!("{:08x}", Key::of(name).0);
    assert_eq!((by_key[&key("first")], by_key[&key("second")]), (0, 2));
    assert_eq!(server.total("outcomes"), 4);
}

#[test]
fn what_a_replica_dropped_so_far_counts_once() {
    let folder = tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    for (replica, sequence, dropped) in [(1, 0, 3), (1, 2, 5), (1, 1, 4), (2, 0, 10)] {
        let message = Message { dropped, ..message(replica, sequence, "summer") };
        assert_eq!(server.post("/v1/sync", &message.encode()).0, 200);
    }
    assert_eq!(server.total("dropped"), 15);
}

#[test]
fn a_restart_keeps_the_counts() {
    let folder = tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    server.post("/v1/sync", &message(1, 0, "summer").encode());
    let before = server.counts();
    assert!(server.stop());
    let server = Server::start(folder.path(), &[]);
    let after = server.counts();
    assert_eq!(
        (&before["totals"], &before["campaigns"], &before["since"]),
        (&after["totals"], &after["campaigns"], &after["since"])
    );
}

#[test]
fn names_outlive_the_bundle_that_said_them() {
    let folder = tempdir().expect("a folder");
    let file = folder.path().join("bundle.pf4");
    std::fs::write(&file, bundle(1, &["summer"])).expect("written");
    let data = folder.path().join("data");
    let server = Server::start(&data, &["--bundle", file.to_str().expect("text")]);
    server.post("/v1/sync", &message(1, 0, "summer").encode());
    assert_eq!(server.counts()["campaigns"][0]["name"], "summer");
    assert!(server.stop());
    let server = Server::start(&data, &[]);
    assert_eq!(server.counts()["campaigns"][0]["name"], "summer");
}

#[test]
fn a_newer_store_is_left_alone() {
    let folder = tempdir().expect("a folder");
    assert!(Server::start(folder.path(), &[]).stop());
    let store = rusqlite::Connection::open(folder.path().join("collector.db")).expect("a store");
    store.pragma_update(None, "user_version", 99).expect("written");
    drop(store);
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_petitfour-collector"))
        .args(["--listen", "127.0.0.1:0", "--data"])
        .arg(folder.path())
        .output()
        .expect("it runs");
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("schema 99"));
}
