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
    event::{Event, Letter},
    journal::{Journal, Outcome},
    params,
    person::frequency::DAY,
    retention::{self, Policy, TABLES},
    store::{Place, Store, now},
};
use shop::{Somebody, count, fill, places, record};
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
                ("candidates", 4),
                ("exposures", 2),
                ("outcomes", 4),
                ("dead_letters", 1),
                ("seen", 1_203),
                // Both licences ended more than thirty days ago.
                ("bought", 2)
            ]
        );
        assert_eq!(idle, 0, "an address and a membership are left");
        let taken = store.write(now, |graph| {
            graph.connection.execute("DELETE FROM contacts", &[])?;
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
fn whoever_shared_an_inbox_with_somebody_idle_keeps_everything() {
    for (_folder, place) in places() {
        let mut store = Store::open(&place).expect("a store");
        let (now, inbox) = (now(), Somebody::new(9).email());
        let then = now - 400 * DAY;
        let tell = |number: u64, message: u64, at: i64| {
            let somebody = Somebody::new(number);
            let identifiers = vec![somebody.user(), inbox.clone()];
            Event { identifiers, contacts: Vec::new(), ..somebody.event(message, at) }
        };
        // The idle one first, so that the inbox stands before the others: when it is no longer shared, it is the oldest of whom it ties.
        let told = [tell(1, 1, then), tell(2, 1, then + DAY), tell(3, 1, then + 2 * DAY)];
        told.iter().zip(0..).for_each(|(event, day)| record(&mut store, then + day * DAY, std::slice::from_ref(event)));
        record(&mut store, now - DAY, &[tell(2, 2, now - DAY), tell(3, 2, now - DAY)]);
        let shared = "SELECT count(*) FROM identifiers WHERE shared = 1";
        assert_eq!(count(&place.reader().expect("a store"), shared), 1, "three people share the inbox");
        let (removed, idle) = sweep(&mut store, &Policy::default(), now);
        assert_eq!(removed, [("events", 3), ("seen", 3)]);
        assert_eq!(idle, 1, "the idle user id alone");
        let reader = place.reader().expect("a store");
        assert_eq!(count(&reader, "SELECT count(*) FROM events"), 2);
        assert_eq!(count(&reader, "SELECT count(*) FROM identifiers"), 3);
        assert_eq!(count(&reader, shared), 0, "two may share it");
        for (number, left) in [(1, 0), (2, 1), (3, 1)] {
            let sql = "SELECT count(*) FROM identifiers i JOIN events e ON e.identifier = i.id WHERE i.value = ?1";
            let user = Somebody::new(number).user().value;
            assert_eq!(reader.scalar::<i64>(sql, params![&user]).expect("a count"), Some(left), "user {number}");
        }
    }
}

#[test]
fn the_log_of_deliveries_keeps_where_each_person_is_held_and_what_still_waits() {
    for (_folder, place) in places() {
        let mut store = Store::open(&place).expect("a store");
        let now = now();
        let lines: [(&str, &str, &str, i64, i64); 9] = [
            ("hook", "earlier", "anna", 1, 100),
            ("hook", "latest", "anna", 1, 95),
            ("mail", "only", "anna", 1, 100),
            ("hook", "nobody", "", 1, 100),
            ("hook", "before-young", "carl", 1, 100),
            ("hook", "young", "carl", 1, 1),
            ("hook", "given-up-and-gone", "dora", 3, 100),
            ("hook", "given-up", "dora", 3, 100),
            ("hook", "young-and-gone", "", 3, 1),
        ];
        let written = store.write(now, |graph| {
            for (destination, id, person, outcome, days) in lines {
                graph.connection.execute(
                    "INSERT INTO delivery_log (destination, id, person, kind, outcome, attempts, at, reason)
                     VALUES (?1, ?2, ?3, 'event', ?4, 1, ?5, '')",
                    params![destination, id, person, outcome, now - days * DAY],
                )?;
            }
            graph.connection.execute(
                "INSERT INTO outbox (destination, id, person, kind, at, body, attempts, due, dead)
                 VALUES ('hook', 'given-up', 'dora', 'event', ?1, '{}', 1, ?1, 1)",
                params![now - 100 * DAY],
            )
        });
        written.expect("stored");
        let mut prune = |policy: &Policy| {
            let (mut sum, mut place) = (0, Some(retention::first_line()));
            while let Some(from) = place {
                let (count, last) = store.write(now, |graph| retention::lines(graph, policy, &from)).expect("removed");
                sum += count;
                place = last;
            }
            sum
        };
        assert_eq!(prune(&Policy { log: None, ..Policy::default() }), 0);
        assert_eq!(prune(&Policy::default()), 4);
        assert_eq!(prune(&Policy::default()), 0, "the rest stays");
        let reader = place.reader().expect("a store");
        let left = reader.query("SELECT id FROM delivery_log ORDER BY id", &[]).expect("rows");
        let left: Vec<String> = left.iter().map(|row| row.get(0).expect("an id")).collect();
        assert_eq!(left, ["given-up", "latest", "only", "young", "young-and-gone"]);
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
