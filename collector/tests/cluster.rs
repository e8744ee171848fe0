//! Several of everything: three servers of the log of which one dies and comes back, then another; and two collectors over one
//! PostgreSQL that tie the same people at the same time.

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
#[path = "support/people.rs"]
mod people;
#[path = "support/postgres.rs"]
mod postgres;
mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use load::{Told, clients, sums};
use nats::{Nats, addresses};
use petitfour::{identity::Namespace, sync::Entry};
use petitfour_collector::{event::VISITOR, graph::Policy, store::Place};
use postgres::Postgres;
use support::{Server, agent, claim, drill, entries, post, scatter, until};
use tempfile::tempdir;

const COMMAND: &str = "cargo test -p petitfour-collector --test cluster";

/// Answers there must be between one event of the cluster and the next.
const BETWEEN: usize = 150;

#[test]
fn a_log_of_three_servers_loses_one_and_then_another_and_nothing_that_was_answered() {
    let folder = tempdir().expect("a folder");
    let (address, mut cluster) = (Postgres::shared().schema(), Nats::cluster());
    let log = addresses(&cluster);
    let arguments = ["--store", &address, "--log", &log];
    load::prepare(&Place::Postgres(address.clone()));
    let server = started(|| Server::try_start(&folder.path().join("one"), &arguments));
    let second = Server::start(&folder.path().join("two"), &arguments);
    let rounds = if drill() { 10 } else { 2 };

    let told = Mutex::new(Told::default());
    let stop = AtomicBool::new(false);
    let mut clients = clients();
    let mut longest = Duration::ZERO;
    thread::scope(|scope| {
        for (number, client) in clients.iter_mut().enumerate() {
            let url = if number % 2 == 0 { &server.url } else { &second.url };
            let (told, stop) = (&told, &stop);
            scope.spawn(move || client.run(url, told, stop));
        }
        let answered = || told.lock().expect("told").answered();
        let more = |what: &str| {
            let (began, before) = (Instant::now(), answered());
            until(what, || answered() > before + BETWEEN);
            began.elapsed()
        };
        more("the cluster takes records");
        for round in 0..rounds {
            let victim = round % cluster.len();
            cluster[victim].kill();
            longest = longest.max(more("two of three servers take records"));
            cluster[victim].resume();
            more("three servers take records again");
            // The one that came back has to catch up before another may go: two of three are a majority.
            until("both collectors are ready", || {
                [&server, &second].iter().all(|server| server.get("/ready", &[]).status == 200)
            });
            thread::sleep(Duration::from_secs(5));
        }
        stop.store(true, Relaxed);
    });

    let told = told.into_inner().expect("told");
    load::settled(&second);
    let sums = sums(&told, &server, &Place::Postgres(address.clone()));
    println!(
        "cluster: {rounds} servers of the log killed and brought back, {} syncs and events sent, {} answered 200, {} answers 503, longest wait for \
         {BETWEEN} answers {:.1} s, {} lost, {} doubled",
        sums.sent,
        sums.answered,
        told.refused,
        longest.as_secs_f64(),
        sums.lost,
        sums.doubled
    );
    claim("collector.cluster.lost", sums.lost, "syncs", "= 0", sums.lost == 0, COMMAND);
    claim("collector.cluster.doubled", sums.doubled, "syncs", "= 0", sums.doubled == 0, COMMAND);
    assert_eq!((sums.lost, sums.doubled, sums.invented, sums.uneven), (0, 0, 0, 0));
    assert!(server.stop() && second.stop());
}

/// People who show themselves to both collectors, with some devices each.
const PEOPLE: u64 = 40;
const DEVICES: u64 = 5;

#[test]
fn two_collectors_over_one_postgres_make_one_right_graph() {
    let folder = tempdir().expect("a folder");
    let address = Postgres::shared().schema();
    let arguments = ["--store", address.as_str()];
    let collectors =
        [Server::start(&folder.path().join("one"), &arguments), Server::start(&folder.path().join("two"), &arguments)];
    // Each device tells of its user and the user's address; by which collector, and when, is left to chance.
    thread::scope(|scope| {
        for device in 0..DEVICES {
            let urls = [&collectors[0].url, &collectors[1].url];
            scope.spawn(move || {
                let agent = agent();
                for step in 0..PEOPLE {
                    let person = (step + device) % PEOPLE;
                    let told = identify(person, device);
                    let url = urls[usize::try_from(scatter(person * 100 + device) % 2).expect("small")];
                    loop {
                        match post(&agent, &format!("{url}/v1/sync"), &told) {
                            Ok((200, _)) => break,
                            Ok((503, _)) => thread::sleep(Duration::from_millis(20)),
                            other => panic!("{other:?}"),
                        }
                    }
                }
            });
        }
    });

    let store = Place::Postgres(address.clone()).reader().expect("a reader");
    let (stored, whole) = people::both(&store, &Policy::default());
    assert_eq!(stored, whole, "what is stored is the whole function's answer over the stored evidence");
    // Each person is the user, the address and all devices, and nobody else's.
    let mut groups: BTreeMap<i64, BTreeSet<(u8, Vec<u8>)>> = BTreeMap::new();
    for (node, standing) in people::nodes(&store) {
        groups.entry(standing.root).or_default().insert((node.namespace, node.value));
    }
    let found: BTreeSet<BTreeSet<(u8, Vec<u8>)>> = groups.into_values().collect();
    let wanted: BTreeSet<BTreeSet<(u8, Vec<u8>)>> = (0..PEOPLE).map(known).collect();
    let wrong = wanted.symmetric_difference(&found).count() as u64;
    claim("collector.shared_graph.wrong", wrong, "people", "= 0", wrong == 0, COMMAND);
    assert_eq!(found, wanted);
    for collector in collectors {
        assert!(collector.stop());
    }
}

fn digest(kind: u8, person: u64) -> [u8; 32] {
    let mut digest = [kind; 32];
    digest[..8].copy_from_slice(&scatter(person).to_be_bytes());
    digest
}

fn replica(person: u64, device: u64) -> u64 {
    1_000 + person * 100 + device
}

fn identify(person: u64, device: u64) -> Vec<u8> {
    let user = Entry::Identity { code: Namespace::User.number(), digest: digest(1, person) };
    // With one form that counts.
    let mail = Entry::Identity { code: Namespace::Email.number() | 0b0010_0000, digest: digest(2, person) };
    entries(replica(person, device), 0, vec![user, mail]).encode()
}

fn known(person: u64) -> BTreeSet<(u8, Vec<u8>)> {
    let visitors =
        (0..DEVICES).map(|device| (VISITOR, entries(replica(person, device), 0, Vec::new()).visitor.to_vec()));
    let told = [(Namespace::User.number(), digest(1, person)), (Namespace::Email.number(), digest(2, person))];
    visitors.chain(told.map(|(namespace, digest)| (namespace, digest.to_vec()))).collect()
}

/// A cluster that has just begun elects a leader first; a collector that finds none says so and ends.
fn started(mut start: impl FnMut() -> Option<Server>) -> Server {
    let mut server = None;
    until("a collector starts over the cluster", || {
        server = start();
        server.is_some()
    });
    server.expect("it started")
}
