//! Laws of the identity graph, for any evidence in any order, and the drill against tying strangers.

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

use std::{collections::BTreeMap, sync::OnceLock};

use people::{both, nodes};
use petitfour::identity::Namespace;
use petitfour_collector::{
    event::{ANONYMOUS, VISITOR},
    graph::{Evidence, Graph, Memory, Policy, Rule, Which, find, person},
    params,
    sql::Connection,
    store::migrate,
};
use postgres::Postgres;
use proptest::prelude::*;

const USER: u8 = Namespace::User as u8;
const EMAIL: u8 = Namespace::Email as u8;
const PHONE: u8 = Namespace::Phone as u8;

/// One thing that is told: two identifiers, and how.
#[derive(Debug, Clone)]
struct Told {
    one: (u8, u8),
    two: (u8, u8),
    rule: Rule,
    source: &'static str,
    message: u8,
    at: i64,
}

fn identifier() -> impl Strategy<Value = (u8, u8)> {
    prop_oneof![
        4 => (Just(USER), 0..5_u8),
        3 => (Just(EMAIL), 0..4_u8),
        1 => (Just(PHONE), 0..3_u8),
        4 => (Just(VISITOR), 0..6_u8),
        1 => (Just(ANONYMOUS), 0..3_u8),
    ]
}

fn told() -> impl Strategy<Value = Told> {
    let rule = prop_oneof![1 => Just(Rule::Declared), 8 => Just(Rule::Together), 1 => Just(Rule::Matched)];
    let source = prop_oneof![Just("device"), Just("crm")];
    (identifier(), identifier(), rule, source, any::<u8>(), 0..20_i64)
        .prop_map(|(one, two, rule, source, message, at)| Told { one, two, rule, source, message, at })
}

fn store() -> Connection {
    let connection = Connection::sqlite(rusqlite::Connection::open_in_memory().expect("memory"));
    connection.pragma("foreign_keys", "ON").expect("set");
    migrate(&connection).expect("a store");
    // One key for all, so that stores of one test can be compared.
    connection.execute("UPDATE tombstone_key SET key = ?1", params![&[7_u8; 32]]).expect("a key");
    connection
}

/// Small, so that a few identifiers are enough to meet every guard.
fn strict() -> Policy {
    let mut policy = Policy { ceiling: 7, busy: 6, ..Policy::default() };
    let email = policy.kind(EMAIL);
    policy.set(EMAIL, petitfour_collector::graph::policy::Kind { limit: 2, ..email });
    policy
}

fn tell(connection: &Connection, policy: &Policy, memory: &mut Memory, told: &Told) {
    let mut graph = Graph::new(connection, policy, memory, told.at);
    let one = graph.identifier(told.one.0, &[told.one.1], 0, told.at).expect("one").id;
    let two = graph.identifier(told.two.0, &[told.two.1], 0, told.at).expect("two").id;
    let evidence = Evidence {
        rule: told.rule,
        source: told.source,
        message: &[told.message],
        confidence: 900,
        permitted: 15,
        at: told.at,
    };
    graph.tie(one, two, &evidence).expect("tied");
}

/// Namespace and value.
type Name = (u8, Vec<u8>);

/// The root of every identifier, by what they are and not by the store's numbers.
fn roots(connection: &Connection) -> BTreeMap<Name, (Name, bool)> {
    let nodes = nodes(connection);
    let names: BTreeMap<i64, Name> =
        nodes.iter().map(|(node, _)| (node.id, (node.namespace, node.value.clone()))).collect();
    nodes
        .iter()
        .map(|(node, standing)| (names[&node.id].clone(), (names[&standing.root].clone(), standing.shared)))
        .collect()
}

/// Does something in a store that is empty before it, and again after it.
fn in_sqlite<R>(work: impl FnOnce(&Connection) -> R) -> R {
    work(&store())
}

/// The same in PostgreSQL: what was done is given up at the end, which is quicker than a store for each case.
fn in_postgres<R>(work: impl FnOnce(&Connection) -> R) -> R {
    static SCHEMA: OnceLock<String> = OnceLock::new();
    let schema = SCHEMA.get_or_init(|| {
        let address = Postgres::shared().schema();
        migrate(&Connection::postgres(&address).expect("a connection")).expect("a store");
        address
    });
    let connection = Connection::postgres(schema).expect("a connection");
    let transaction = connection.write().expect("a transaction");
    transaction.execute("UPDATE tombstone_key SET key = ?1", params![&[7_u8; 32]]).expect("a key");
    work(&transaction)
}

type Roots = BTreeMap<Name, (Name, bool)>;

/// Tells everything in order; the people in the end, and whether what is stored was the whole function's answer all the while.
fn told_in_order(connection: &Connection, told: &[Told], checked: bool) -> (Roots, bool) {
    let (policy, mut memory) = (strict(), Memory::default());
    let mut whole = true;
    for told in told {
        tell(connection, &policy, &mut memory, told);
        if checked {
            let (stored, all) = both(connection, &policy);
            whole &= stored == all;
        }
    }
    (roots(connection), whole)
}

/// The people before a last piece of evidence, with it, without it again, and with it again; and whether what is stored is the
/// whole function's answer.
fn unmerged(connection: &Connection, before: &[Told], last: &Told, by_source: bool) -> ([Roots; 4], bool) {
    let (policy, mut memory) = (strict(), Memory::default());
    for told in before {
        tell(connection, &policy, &mut memory, told);
    }
    // The identifiers are known, and known as early, before they are tied.
    let mut graph = Graph::new(connection, &policy, &mut memory, 0);
    let one = graph.identifier(last.one.0, &[last.one.1], 0, last.at).expect("one").id;
    let two = graph.identifier(last.two.0, &[last.two.1], 0, last.at).expect("two").id;
    let people_before = roots(connection);
    let last = Told { source: "import", ..last.clone() };
    tell(connection, &policy, &mut memory, &last);
    let people_with = roots(connection);
    let which = if by_source { Which::Source("import".into()) } else { Which::Pair(two, one) };
    assert_eq!(Graph::new(connection, &policy, &mut memory, 99).withdraw(&which).expect("withdrawn"), 1);
    let people_without = roots(connection);
    let (stored, whole) = both(connection, &policy);
    // And taken back, it is as if nothing had been.
    Graph::new(connection, &policy, &mut memory, 99).restore(&which).expect("restored");
    ([people_before, people_with, people_without, roots(connection)], stored == whole)
}

fn any_order() -> impl Strategy<Value = (Vec<Told>, Vec<Told>)> {
    proptest::collection::vec(told(), 1..24)
        .prop_flat_map(|told| (Just(told.clone()), Just(told).prop_shuffle()))
        .prop_map(|(told, shuffled)| (told.clone(), shuffled.into_iter().chain(told).collect()))
}

fn before_and_last() -> impl Strategy<Value = (Vec<Told>, Told, bool)> {
    (proptest::collection::vec(told(), 0..16), told(), any::<bool>()).prop_filter(
        "two that were not tied",
        |(before, last, _)| {
            let pairs = [(last.one, last.two), (last.two, last.one)];
            last.one != last.two && !before.iter().any(|told| pairs.contains(&(told.one, told.two)))
        },
    )
}

fn cases(drill: u32, test: u32) -> ProptestConfig {
    let cases = if support::drill() { drill } else { test };
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(20_000, 150))]

    #[test]
    fn any_order_of_the_same_evidence_gives_the_same_people_and_ids((told, again) in any_order()) {
        let (one, whole) = in_sqlite(|store| told_in_order(store, &told, true));
        prop_assert!(whole, "what is stored is the whole function's answer");
        prop_assert_eq!(one, in_sqlite(|store| told_in_order(store, &again, false)).0);
    }

    #[test]
    fn unmerging_restores_the_people_of_before((before, last, by_source) in before_and_last()) {
        let ([prior, with, without, again], whole) = in_sqlite(|store| unmerged(store, &before, &last, by_source));
        prop_assert!(whole);
        prop_assert_eq!(prior, without);
        prop_assert_eq!(with, again);
    }
}

proptest! {
    #![proptest_config(cases(500, 12))]

    #[test]
    fn in_postgres_too_any_order_gives_the_same_people_and_ids_as_in_sqlite((told, again) in any_order()) {
        let (one, whole) = in_postgres(|store| told_in_order(store, &told, true));
        prop_assert!(whole, "what is stored is the whole function's answer");
        prop_assert_eq!(&one, &in_postgres(|store| told_in_order(store, &again, false)).0);
        prop_assert_eq!(one, in_sqlite(|store| told_in_order(store, &told, false)).0);
    }

    #[test]
    fn in_postgres_too_unmerging_restores_the_people_of_before((before, last, by_source) in before_and_last()) {
        let ([prior, with, without, again], whole) = in_postgres(|store| unmerged(store, &before, &last, by_source));
        prop_assert!(whole);
        prop_assert_eq!(prior, without);
        prop_assert_eq!(with, again);
    }
}

fn together(one: (u8, u8), two: (u8, u8), at: i64) -> Told {
    Told { one, two, rule: Rule::Together, source: "device", message: 1, at }
}

#[test]
fn every_id_that_was_ever_given_out_finds_its_person_after_merges_and_unmerges() {
    let (connection, policy, mut memory) = (store(), Policy::default(), Memory::default());
    for cookie in 0..4 {
        tell(&connection, &policy, &mut memory, &together((VISITOR, cookie), (EMAIL, cookie), i64::from(cookie)));
    }
    let uid = |cookie: u8| find(&connection, &policy, VISITOR, &[cookie]).expect("found").expect("known").uid;
    let given: Vec<[u8; 16]> = (0..4).map(uid).collect();
    assert!(given.windows(2).all(|two| two[0] != two[1]));
    for cookie in 1..4 {
        tell(&connection, &policy, &mut memory, &together((USER, 9), (VISITOR, cookie), 10));
    }
    let merged = uid(1);
    assert_eq!(merged, given[1], "the oldest keeps its id");
    for old in &given[1..] {
        assert_eq!(person(&connection, &policy, old).expect("found").expect("known").uid, merged);
    }
    assert_eq!(uid(0), given[0], "who was not tied is who they were");
    Graph::new(&connection, &policy, &mut memory, 11).withdraw(&Which::Source("device".into())).expect("withdrawn");
    assert_eq!((0..4).map(uid).collect::<Vec<_>>(), given);
}

#[test]
fn a_path_of_evidence_tells_why_two_identifiers_are_one_person() {
    let (connection, policy, mut memory) = (store(), Policy::default(), Memory::default());
    for (one, two, at) in [
        ((USER, 1), (VISITOR, 1), 1),
        ((USER, 1), (EMAIL, 1), 2),
        ((EMAIL, 1), (VISITOR, 2), 3),
        ((USER, 2), (VISITOR, 3), 4),
    ] {
        tell(&connection, &policy, &mut memory, &together(one, two, at));
    }
    let mut graph = Graph::new(&connection, &policy, &mut memory, 5);
    let mut id = |namespace, value| graph.identifier(namespace, &[value], 0, 9).expect("known").id;
    let (near, far, stranger) = (id(VISITOR, 1), id(VISITOR, 2), id(VISITOR, 3));
    let path = graph.path(near, far).expect("read");
    assert_eq!(path.iter().map(|step| step.edge.first_at).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!((path[0].from, path[2].to), (near, far));
    assert!(graph.path(near, stranger).expect("read").is_empty());
}

#[test]
fn two_accounts_on_one_browser_stay_two_people_unless_somebody_declares_them_one() {
    let (connection, policy, mut memory) = (store(), Policy::default(), Memory::default());
    tell(&connection, &policy, &mut memory, &together((USER, 1), (VISITOR, 1), 1));
    tell(&connection, &policy, &mut memory, &together((USER, 2), (VISITOR, 1), 2));
    let uid = |user: u8| find(&connection, &policy, USER, &[user]).expect("found").expect("known").uid;
    assert_ne!(uid(1), uid(2));
    assert_eq!(
        find(&connection, &policy, VISITOR, &[1]).expect("found").expect("known").uid,
        uid(1),
        "the first one's"
    );
    let alias = Told { rule: Rule::Declared, ..together((USER, 1), (USER, 2), 3) };
    tell(&connection, &policy, &mut memory, &alias);
    assert_eq!(uid(1), uid(2));
}

#[test]
fn a_family_shares_an_inbox_and_stays_a_household_of_persons() {
    let (connection, policy, mut memory) = (store(), Policy::default(), Memory::default());
    for user in 1..=3 {
        tell(&connection, &policy, &mut memory, &together((USER, user), (EMAIL, 1), user.into()));
    }
    let found = find(&connection, &policy, USER, &[2]).expect("found").expect("known");
    assert_eq!((found.identifiers.len(), found.household.len()), (1, 2));
    assert!(find(&connection, &policy, EMAIL, &[1]).expect("found").expect("known").identifiers[0].shared);
}

#[test]
fn a_household_is_seen_by_all_who_share_it_whosever_the_number_is() {
    let (connection, policy, mut memory) = (store(), Policy::default(), Memory::default());
    tell(&connection, &policy, &mut memory, &together((USER, 1), (PHONE, 1), 1));
    tell(&connection, &policy, &mut memory, &together((USER, 2), (PHONE, 1), 2));
    let of = |user: u8| find(&connection, &policy, USER, &[user]).expect("found").expect("known");
    let (anna, ben) = (of(1), of(2));
    assert_eq!((anna.identifiers.len(), ben.identifiers.len()), (2, 1), "the number is Anna's");
    assert_eq!((anna.household, ben.household), (vec![ben.uid], vec![anna.uid]));
}

#[test]
fn ten_thousand_people_at_one_kiosk_with_one_inbox_stay_ten_thousand() {
    let people = 10_000_u64;
    let (connection, policy, mut memory) = (store(), Policy::default(), Memory::default());
    let write = connection.write().expect("a transaction");
    for number in 0..people {
        let mut graph = Graph::new(&write, &policy, &mut memory, 0);
        let at = i64::try_from(number).expect("small");
        let user = graph.identifier(USER, &number.to_be_bytes(), 0, at).expect("a user").id;
        let evidence = Evidence {
            rule: Rule::Together,
            source: "pos",
            message: &number.to_be_bytes(),
            confidence: 900,
            permitted: 15,
            at,
        };
        for (namespace, value) in [(ANONYMOUS, b"kiosk"), (EMAIL, b"inbox"), (PHONE, b"phone")] {
            let shared = graph.identifier(namespace, value, 0, at).expect("shared").id;
            graph.tie(user, shared, &evidence).expect("tied");
        }
    }
    write.commit().expect("kept");
    let found: i64 = connection
        .scalar("SELECT count(DISTINCT person) FROM identifiers WHERE namespace = ?1", params![USER])
        .expect("read")
        .expect("a row");
    support::claim(
        "identity.overmerge.people",
        found.cast_unsigned(),
        "people",
        "= 10000",
        found.cast_unsigned() == people,
        "cargo test -p petitfour-collector --test graph",
    );
    assert_eq!(found.cast_unsigned(), people);
    let largest: i64 = connection
        .scalar("SELECT max(n) FROM (SELECT count(*) AS n FROM identifiers GROUP BY person) AS sizes", params![])
        .expect("read")
        .expect("a row");
    assert_eq!(largest, 1, "what all of them share is nobody's");
}
