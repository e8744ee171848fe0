//! What a due action costs while many others wait: people who wait in a journey, of whom some are due, woken in the embedded store.
//!
//! `cargo run --release -p petitfour-collector --example timers [-- DUE WAITING…]`, by default 10,000 due among 10,000, 100,000 and
//! 1,000,000. The cost of one is to be the same, however many wait.

#![allow(clippy::expect_used, reason = "a measurement that cannot go on says why by panicking")]

use std::{sync::Arc, time::Instant};

use petitfour::{engine::Engine, hash::xxh64, id::Key, journey::Place as Spot};
use petitfour_collector::{
    destination::{dispatch::Routes, roster::Roster},
    event::VISITOR,
    journey, params,
    store::{Place, Store, now},
};
use petitfour_compiler::{Source, compile_segments};

#[path = "../tests/support/claim.rs"]
mod claim;

const SITE: &str = "petitfour: 1
version: 1
events: { sign_up: {} }
channels: { mail: { needs: [] } }
placements: { hero: { fallback: house } }
fallbacks: { house: { headline: Hello } }
segments: { signed_up: { event: sign_up } }
journeys:
  welcome:
    enter: { on: sign_up }
    steps:
      - { wait: 2 days, id: pause }
      - { send: { channel: mail, message: hello }, id: hello }
      - { wait: 30 days, id: silence }
";

const ROSTER: &str = "destinations:
  - { name: letters, mail: { host: 127.0.0.1, port: 1, security: none, from: Shop <news@shop.example>, templates: {} } }
";

/// People that one transaction writes down.
const SOME: i64 = 20_000;
const LATER: i64 = 60 * 24;

fn main() {
    let numbers: Vec<i64> = std::env::args().skip(1).filter_map(|text| text.parse().ok()).collect();
    let (due, waiting) = match numbers.split_first() {
        Some((due, waiting)) if !waiting.is_empty() => (*due, waiting.to_vec()),
        _ => (10_000, vec![10_000, 100_000, 1_000_000]),
    };
    let text = SITE.to_owned();
    let compiled = compile_segments(&[Source { name: "campaigns.yaml".into(), text }], &|_| None);
    let engine = Arc::new(Engine::load(compiled.bundle.expect("a bundle")).expect("it opens"));
    let routes = Routes::of(&Roster::parse(ROSTER).expect("a roster"));
    println!("{:>12} {:>8} {:>10} {:>12} {:>10}", "waiting", "due", "ms", "µs each", "ratio");
    let mut first = None;
    let mut last = 0.0;
    for waiting in waiting {
        let folder = tempfile::tempdir().expect("a folder");
        let mut store = Store::open(&Place::folder(folder.path())).expect("a store");
        let at = now();
        fill(&mut store, waiting, due, at);
        let began = Instant::now();
        let mut more = true;
        while more {
            more = store.write(at, |graph| journey::wake(graph.connection, &engine, &routes, at)).expect("woken");
        }
        let spent = began.elapsed().as_secs_f64();
        let sent: Option<i64> = store.connection().scalar("SELECT count(*) FROM outbox", params![]).expect("a count");
        assert_eq!(sent, Some(due.min(waiting)), "everybody who was due is written to");
        let each = spent * 1e6 / due as f64;
        let ratio = each / *first.get_or_insert(each);
        last = ratio;
        println!("{waiting:>12} {due:>8} {:>10.0} {each:>12.1} {ratio:>10.2}", spent * 1e3);
    }
    let command = "cargo run --release -p petitfour-collector --example timers";
    claim::claim("journeys.timers.ratio", (last * 100.0).round() / 100.0, "times", "<= 2", last <= 2.0, command);
}

/// People who wait in the journey, the first of them due now and the others tomorrow.
fn fill(store: &mut Store, waiting: i64, due: i64, at: i64) {
    let (journey, minute) = (Key::of("welcome").0, at / 60_000);
    for first in (0..waiting).step_by(usize::try_from(SOME).expect("fits")) {
        store
            .write(at, |graph| {
                for number in first..(first + SOME).min(waiting) {
                    let visitor = graph.identifier(VISITOR, &i128::from(number).to_be_bytes(), 0, at)?.id;
                    // Spread, so that those who are due do not lie together.
                    let is_due = number * due % waiting < due;
                    let when = if is_due { minute } else { minute + LATER };
                    let place = Spot {
                        entries: 1,
                        hops: 1,
                        step: Spot::code(xxh64(b"pause", 0)),
                        due: u32::try_from(when).expect("a minute"),
                    };
                    graph.connection.execute(
                        "INSERT INTO journeys (identifier, journey, since, place, step, due) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                        params![visitor, journey, at, place.value().cast_signed(), place.step, when],
                    )?;
                    graph.connection.execute(
                        "INSERT INTO contacts (identifier, channel, address, at) VALUES (?1, 'email', ?2, ?3)",
                        params![visitor, &format!("p{number}@example.com"), at],
                    )?;
                }
                Ok(())
            })
            .expect("written");
    }
}
