//! Retention: exactly what is due goes, in small steps, and what is young stays.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    reason = "a test that cannot go on says why by panicking"
)]

#[path = "support/leash.rs"]
mod leash;
#[path = "support/peers.rs"]
mod peers;
#[path = "support/postgres.rs"]
mod postgres;
#[path = "support/shop.rs"]
mod shop;
mod support;

use petitfour_collector::{
    event::Letter,
    journal::{Journal, Outcome},
    person::frequency::DAY,
    retention::{self, Policy, TABLES},
    store::{Place, Store, now},
};
use shop::{Somebody, count, fill, places};
use support::Server;

fn sweep(store: &mut Store, policy: &Policy, now: i64) -> (Vec<(&'static str, u64)>, u64) {
    let mut sums = [0; TABLES.len()];
    loop {
        let removed = store.write(now, |graph| retention::step(graph, policy)).expect("removed");
        if removed.iter().all(|count| *count == 0) {
            break;
        }
        assert!(
            removed.iter().all(|count| *count <= 5 * retention::STEP.unsigned_abs()),
            "a step is small: {removed:?}"
        );
        sums.iter_mut().zip(removed).for_each(|(sum, count)| *sum += count);
    }
    let (mut idle, mut after) = (0, Some(i64::MIN));
    while let Some(from) = after {
        let (count, last) = store.write(now, |graph| retention::idle(graph, policy, from)).expect("removed");
        idle += count;
        after = last;
    }
    (TABLES.into_iter().zip(sums).filter(|(_, count)| *count > 0).collect(), idle)
}

#[test]
fn exactly_what_is_due_goes() {
    for (_folder, place) in places() {
        let mut store = Store::open(&place).expect("a store");
        let (old, young) = (Somebody::new(1), Somebody::new(2));
        let now = now();
        let then = now - 396 * DAY;
        fill(&mut store, then, std::slice::from_ref(&old), 1_200);
        fill(&mut store, now - 394 * DAY, &[young], 3);
        let bury = |store: &mut Store, at: i64, number: u8| {
            let letter = Letter {
                source: "crm".into(),
                path: "/v1/track".into(),
                position: 0,
                code: "event/shape".into(),
                field: String::new(),
                message: "it is none".into(),
                body: vec![number],
            };
            let written = store.write(at, |graph| {
                let mut journal = Journal::new(graph);
                journal.bury(&letter)?;
                journal.close()
            });
            written.expect("stored");
        };
        bury(&mut store, now - 31 * DAY, 1);
        bury(&mut store, now - 29 * DAY, 2);
        // A contact keeps an identifier, and what a CRM says does: they are taken back first.
        let (removed, idle) = sweep(&mut store, &Policy::default(), now);
        assert_eq!(
            removed,
            [
                ("events", 1_200),
                ("impressions", 1),
                ("messages", 2),
                ("decisions", 2),
                ("exposures", 2),
                ("outcomes", 4),
                ("dead_letters", 1),
                ("seen", 1_203)
            ]
        );
        assert_eq!(idle, 0, "an address and a membership are left");
        let taken = store.write(now, |graph| {
            graph.connection.execute("DELETE FROM contacts", &[])?;
            graph.connection.execute("DELETE FROM bought", &[])?;
            graph.connection.execute("DELETE FROM memberships", &[])
        });
        taken.expect("taken back");
        assert_eq!(sweep(&mut store, &Policy::default(), now), (Vec::new(), 4));
        let reader = place.reader().expect("a store");
        for (sql, left) in [
            ("SELECT count(*) FROM events", 3),
            ("SELECT count(*) FROM messages", 2),
            ("SELECT count(*) FROM visitors", 1),
            ("SELECT count(*) FROM identifiers", 4),
            ("SELECT count(*) FROM edges", 3),
            ("SELECT count(*) FROM dead_letters", 1),
            // The sums keep what they counted.
            ("SELECT value FROM totals WHERE name = 'decisions'", 4),
        ] {
            assert_eq!(count(&reader, sql), left, "{sql}");
        }
        // Kept for ever, nothing goes.
        let mut forever = Policy::default();
        for term in ["events=forever", "syncs=forever", "letters=forever", "seen=forever", "log=forever"] {
            forever.set(term).expect("a term");
        }
        assert_eq!(sweep(&mut store, &forever, now + 10_000 * DAY), (Vec::new(), 0));
    }
}

#[test]
fn a_repeat_within_seven_days_is_stored_once_exactly() {
    for (_folder, place) in places() {
        let mut store = Store::open(&place).expect("a store");
        let (anna, first) = (Somebody::new(1), now());
        let mut tell = |at: i64| {
            let told = store.write(at, |graph| {
                let mut journal = Journal::new(graph);
                let outcome = journal.record(&anna.event(1, first))?;
                journal.close()?;
                Ok(outcome)
            });
            let told = told.expect("stored");
            sweep(&mut store, &Policy::default(), at);
            told
        };
        assert_eq!(tell(first), Outcome::Stored);
        assert_eq!(tell(first + 1), Outcome::Duplicate);
        assert_eq!(tell(first + 7 * DAY), Outcome::Duplicate, "the window's last moment");
        assert_eq!(tell(first + 7 * DAY + 1), Outcome::Duplicate, "swept after it");
        assert_eq!(tell(first + 7 * DAY + 2), Outcome::Stored);
    }
}

#[test]
fn a_running_collector_removes_what_is_due_and_counts_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = Place::folder(folder.path());
    fill(&mut Store::open(&place).expect("a store"), now() - 10 * DAY, &[Somebody::new(1)], 1_100);
    let server = Server::start(folder.path(), &["--keep", "events=9", "--keep", "syncs=30"]);
    let figure = "petitfour_retention_removed_total{table=\"events\"} 1100\n";
    support::until("all events are removed", || server.get("/metrics", &[]).text().contains(figure));
    let metrics = server.get("/metrics", &[]).text();
    assert!(metrics.contains("petitfour_retention_removed_total{table=\"messages\"} 0\n"), "{metrics}");
    assert!(server.stop());
    assert_eq!(count(&place.reader().expect("a store"), "SELECT count(*) FROM decisions"), 2);
}
