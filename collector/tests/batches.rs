//! Events written many at once leave what the same events leave one after another, in both stores, with persons deleted in between.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    reason = "a test that cannot go on says why by panicking"
)]

#[path = "support/leash.rs"]
mod leash;
#[path = "support/people.rs"]
mod people;
#[path = "support/postgres.rs"]
mod postgres;
mod support;

use std::sync::Arc;

use petitfour::identity::Namespace;
use petitfour_collector::{
    event::{ANONYMOUS, Contact, Event, Identifier, Kind, VISITOR},
    graph::{Policy, policy},
    journal::{Journal, Outcome},
    params,
    sql::Cell,
    store::{Place, Store},
};
use postgres::Postgres;
use proptest::prelude::*;

const USER: u8 = Namespace::User as u8;
const EMAIL: u8 = Namespace::Email as u8;

/// Something that happens to a store.
#[derive(Debug, Clone)]
enum Step {
    Told(Event),
    /// An identifier is deleted, with what was told until a time.
    Erased(u8, u8, i64),
}

fn identifier() -> impl Strategy<Value = Identifier> {
    let told = prop_oneof![
        3 => (Just(USER), 0..5_u8),
        3 => (Just(EMAIL), 0..4_u8),
        4 => (Just(VISITOR), 0..6_u8),
        2 => (Just(ANONYMOUS), 0..3_u8),
    ];
    (told, 0..4_u8).prop_map(|((namespace, value), forms)| Identifier { namespace, forms, value: vec![value; 16] })
}

fn event() -> impl Strategy<Value = Event> {
    let kind = prop_oneof![6 => Just(Kind::Track), 2 => Just(Kind::Identify), 1 => Just(Kind::Alias)];
    let permitted = prop_oneof![8 => Just(15_u8), 1 => Just(7), 1 => Just(3)];
    let contact = (prop_oneof![Just("email"), Just("sms")], 0..3_u8)
        .prop_map(|(channel, address)| Contact { channel: channel.into(), address: format!("address {address}") });
    let source = prop_oneof![Just("web"), Just("till")];
    (
        kind,
        permitted,
        0..60_u8,
        0..20_i64,
        proptest::collection::vec(identifier(), 1..4),
        proptest::collection::vec(contact, 0..2),
        source,
    )
        .prop_map(|(kind, permitted, message, at, mut identifiers, contacts, source)| {
            identifiers.sort_by_key(|told| Policy::default().kind(told.namespace).rank);
            Event {
                kind,
                message: [message; 16],
                source: source.into(),
                name: "seen".into(),
                at,
                identifiers,
                value: 1,
                permitted,
                contacts,
                body: "{}".into(),
            }
        })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let erased = (0..5_u8, 0..20_i64).prop_flat_map(|(value, at)| {
        prop_oneof![Just(USER), Just(EMAIL), Just(VISITOR)].prop_map(move |kind| Step::Erased(kind, value, at))
    });
    proptest::collection::vec(prop_oneof![12 => event().prop_map(Step::Told), 1 => erased], 1..40)
}

/// A few identifiers are enough to meet every guard.
fn strict() -> Arc<Policy> {
    let mut policy = Policy { ceiling: 7, busy: 6, ..Policy::default() };
    let email = policy.kind(EMAIL);
    policy.set(EMAIL, policy::Kind { limit: 2, ..email });
    Arc::new(policy)
}

/// Everything that is stored, by what it is and not by the store's numbers; and what became of each event.
type Left = (Vec<Vec<Vec<Cell>>>, Vec<Outcome>);

const LEFT: [&str; 5] = [
    "SELECT i.namespace, i.value, i.forms, i.first_at, i.floor, i.uid, i.shared, p.namespace, p.value
     FROM identifiers i JOIN identifiers p ON p.id = i.person ORDER BY 1, 2",
    "SELECT least_a.namespace, least_a.value, b.namespace, b.value, e.rule, e.source, e.evidence, e.confidence, e.first_at
     FROM (SELECT CASE WHEN x.uid < y.uid THEN x.id ELSE y.id END AS one, CASE WHEN x.uid < y.uid THEN y.id ELSE x.id END AS two,
                  d.rule, d.source, d.evidence, d.confidence, d.first_at
           FROM edges d JOIN identifiers x ON x.id = d.a JOIN identifiers y ON y.id = d.b) e
     JOIN identifiers least_a ON least_a.id = e.one JOIN identifiers b ON b.id = e.two ORDER BY 1, 2, 3, 4, 5, 6",
    "SELECT i.namespace, i.value, e.kind, e.source, e.at, e.permitted, e.message
     FROM events e JOIN identifiers i ON i.id = e.identifier ORDER BY 7, 4, 5",
    "SELECT i.namespace, i.value, c.channel, c.address, c.at FROM contacts c JOIN identifiers i ON i.id = c.identifier
     ORDER BY 1, 2, 3",
    "SELECT name, value FROM totals ORDER BY 1",
];

fn left(place: &Place, steps: &[Step], together: usize) -> Left {
    let mut store = Store::with(place, strict()).expect("a store");
    store.connection().execute("UPDATE tombstone_key SET key = ?1", params![&[7_u8; 32]]).expect("a key");
    let mut outcomes = Vec::new();
    let mut waiting: Vec<&Event> = Vec::new();
    let write = |store: &mut Store, waiting: &mut Vec<&Event>, outcomes: &mut Vec<Outcome>| {
        let events = std::mem::take(waiting);
        let told = store.write(1, |graph| {
            let mut journal = Journal::new(graph);
            let told = journal.record_all(&events)?;
            journal.close()?;
            Ok(told)
        });
        outcomes.extend(told.expect("written"));
    };
    for step in steps {
        match step {
            Step::Told(event) => waiting.push(event),
            Step::Erased(namespace, value, at) => {
                write(&mut store, &mut waiting, &mut outcomes);
                let sql = "SELECT id FROM identifiers WHERE namespace = ?1 AND value = ?2";
                let id = store.connection().scalar(sql, params![*namespace, &[*value; 16]]).expect("read");
                if let Some(id) = id {
                    store.write(2, |graph| graph.erase(id, *at)).expect("erased");
                }
            }
        }
        if waiting.len() >= together {
            write(&mut store, &mut waiting, &mut outcomes);
        }
    }
    write(&mut store, &mut waiting, &mut outcomes);
    let (stored, whole) = people::both(store.connection(), &strict());
    assert_eq!(stored, whole, "what is stored of people is the whole function's answer");
    let rows = LEFT.map(|sql| {
        let rows = store.connection().query(sql, params![]).expect("rows");
        rows.iter().map(|row| row.cells().to_vec()).collect::<Vec<_>>()
    });
    (rows.to_vec(), outcomes)
}

fn in_sqlite(steps: &[Step], together: usize) -> Left {
    let folder = tempfile::tempdir().expect("a folder");
    left(&Place::folder(folder.path()), steps, together)
}

fn cases(drill: u32, test: u32) -> ProptestConfig {
    let cases = if support::drill() { drill } else { test };
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(2_000, 60))]

    #[test]
    fn many_events_at_once_leave_what_they_leave_one_after_another(steps in steps(), together in 2..40_usize) {
        prop_assert_eq!(in_sqlite(&steps, together), in_sqlite(&steps, 1));
    }
}

proptest! {
    #![proptest_config(cases(200, 8))]

    #[test]
    fn in_postgres_many_events_at_once_leave_what_they_leave_in_sqlite(steps in steps(), together in 2..40_usize) {
        let there = left(&Place::Postgres(Postgres::shared().schema()), &steps, together);
        prop_assert_eq!(there, in_sqlite(&steps, 1));
    }
}
