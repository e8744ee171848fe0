//! A collector that is killed while it delivers loses no parcel, and repeats one only under its own id.
//!
//! `PETITFOUR_DRILL=1` kills 200 times instead of 10.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says why by panicking"
)]

#[path = "support/peers.rs"]
mod peers;
mod support;

use std::{collections::BTreeMap, fs, process::Command, time::Duration};

use peers::{Receiver, within};
use petitfour_collector::{
    destination::{Kind, Parcel, post},
    store::{Place, Store, now},
};
use serde_json::json;
use support::Server;

/// Parcels of one life of the process: more than it delivers before it is killed.
const PARCELS: usize = 60;

const KINDS: [Kind; 2] = [Kind::Event, Kind::Delete];

fn parcel(number: usize) -> Parcel {
    let kind = KINDS[number % KINDS.len()];
    Parcel { id: format!("p-{number}"), person: "p".into(), kind, at: now(), body: json!({ "number": number }) }
}

#[test]
fn no_parcel_is_lost_and_none_gets_a_second_id_when_the_process_is_killed() {
    let lives = if support::drill() { 200 } else { 10 };
    let receiver = Receiver::start(|_| {
        // Long enough to be killed between the request and the mark.
        std::thread::sleep(Duration::from_millis(8));
        (200, Vec::new())
    });
    let data = tempfile::tempdir().expect("a folder");
    let place = Place::folder(data.path());
    let file = data.path().join("destinations.yaml");
    let roster = format!(
        "destinations:\n  - name: hook\n    kinds: [{}, {}]\n    webhook: {{ url: '{}', secret_env: HOOK_SECRET, batch: 5 }}\n    lease_seconds: 1\n",
        KINDS[0],
        KINDS[1],
        receiver.url()
    );
    fs::write(&file, roster).expect("written");
    let file = file.display().to_string();
    let start = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_petitfour-collector"));
        command.env("HOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        Server::spawn(command, data.path(), &["--destinations", &file])
    };

    let store = Store::open(&place).expect("a store");
    for life in 0..lives {
        let server = start();
        let transaction = store.connection().write().expect("a transaction");
        for number in life * PARCELS..(life + 1) * PARCELS {
            assert!(post::send(&transaction, "hook", &parcel(number)).expect("sent"));
        }
        transaction.commit().expect("on disk");
        std::thread::sleep(Duration::from_millis(20 + support::scatter(life as u64) % 150));
        server.kill();
    }
    let server = start();
    let done = || post::waiting(store.connection()).expect("read").is_empty();
    assert!(within(120, done), "{:?}", post::waiting(store.connection()));
    assert!(server.stop());

    let mut times: BTreeMap<String, u64> = BTreeMap::new();
    for id in receiver.ids() {
        *times.entry(id).or_default() += 1;
    }
    let lost = (0..lives * PARCELS).filter(|number| !times.contains_key(&format!("p-{number}"))).count();
    assert_eq!((lost, times.len()), (0, lives * PARCELS), "every parcel, and no other id");
    let repeated = times.values().filter(|count| **count > 1).count();
    let logged = post::log(store.connection(), false, u32::MAX).expect("read");
    assert!(logged.len() == times.len() && logged.iter().all(|entry| entry.outcome == "delivered"));
    println!("{} parcels, {lives} kills: lost 0, delivered again under the same id {repeated}", times.len());
    let command = "cargo test -p petitfour-collector --test handover";
    support::claim("collector.handover.kills", lives as u64, "kills", ">= 10", true, command);
    support::claim("collector.handover.lost", lost as u64, "parcels", "= 0", lost == 0, command);
}
