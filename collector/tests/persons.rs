//! Whole persons: segments, frequency and feeds as a device and a program hear of them, over events of several sources.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    reason = "a test that cannot go on says why by panicking"
)]

mod support;

use std::{fs, path::Path, sync::Arc, time::Duration};

use petitfour::{
    engine::Engine,
    id::Key,
    identity::{Digest, Namespace},
    sync::{Entry, answer::Member},
};
use petitfour_collector::{
    destination::dispatch::Routes,
    event::{ANONYMOUS, Event, Identifier, Kind, VISITOR},
    hex,
    journal::{Journal, Outcome},
    person::{
        frequency::{DAY, Impressions, count},
        profile,
    },
    store::{Place, Store, now},
};
use petitfour_compiler::{Source, compile_segments};
use serde_json::Value;
use support::{Server, entries, message};

const USER: u8 = Namespace::User as u8;
const MINUTE: i64 = 60_000;

const SITE: &str = "petitfour: 1
version: 1
events: { purchase: { outcome: true }, product_viewed: {} }
traits: { plan: { type: text } }
segments:
  loyal: { event: purchase, at_least: 2, within: 30 days }
  club: { trait: plan, is: club }
placements: { hero: { fallback: house } }
fallbacks: { house: { headline: Hello } }
campaigns:
  - { id: sunny, placements: [hero], creatives: [{ id: sun, headline: Out you go }] }
";

fn segments(folder: &Path) -> String {
    let compiled = compile_segments(&[Source { name: "campaigns.yaml".into(), text: SITE.into() }], &|_| None);
    let file = folder.join("segments.pf4");
    fs::write(&file, compiled.bundle.expect("a bundle")).expect("written");
    file.display().to_string()
}

fn user(name: &str) -> Identifier {
    Identifier { namespace: USER, forms: 0, value: Digest::of(name).0.to_vec() }
}

fn event(number: u8, kind: Kind, name: &str, at: i64, identifiers: Vec<Identifier>, body: &str) -> Event {
    Event {
        kind,
        message: [number; 16],
        source: "till".into(),
        name: name.into(),
        at,
        identifiers,
        value: 0,
        permitted: 15,
        contacts: Vec::new(),
        body: body.into(),
    }
}

fn record(store: &mut Store, events: &[Event]) -> Vec<Outcome> {
    store
        .write(now(), |graph| {
            let mut journal = Journal::new(graph);
            let outcomes = events.iter().map(|event| journal.record(event)).collect();
            journal.close()?;
            outcomes
        })
        .expect("stored")
}

fn json(server: &Server, path: &str) -> Value {
    let found = server.get(path, &[]);
    assert_eq!(found.status, 200, "{path}: {}", found.text());
    serde_json::from_slice(&found.body).expect("JSON")
}

fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..200 {
        if let Some(found) = look() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    panic!("{what} did not come within five seconds");
}

fn inside(person: &Value, segment: &str) -> Option<bool> {
    let rows = person["segments"].as_array()?;
    rows.iter().find(|row| row["segment"] == segment)?["inside"].as_bool()
}

#[test]
fn a_device_hears_of_segments_exposures_and_feeds_of_the_whole_person() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, segments) = (folder.path().join("data"), segments(folder.path()));
    let now = now();
    let phone = message(1, 0, "sunny");
    let mut store = Store::open(&Place::folder(&data)).expect("a store");
    let told = |at, number| event(number, Kind::Track, "purchase", at, vec![user("anna")], r#"{"properties":{}}"#);
    let outcomes = record(&mut store, &[told(now - 2 * MINUTE, 1), told(now - MINUTE, 2), told(now - MINUTE, 2)]);
    assert_eq!(outcomes, [Outcome::Stored, Outcome::Stored, Outcome::Duplicate]);
    // A partner's set-top box, tied to the same user, saw the campaign three times yesterday.
    store
        .write(now, |graph| {
            let user = graph.identifier(USER, &user("anna").value, 0, now)?.id;
            let box_ = graph.identifier(17, b"box", 0, now)?.id;
            let evidence = petitfour_collector::graph::Evidence {
                rule: petitfour_collector::graph::Rule::Table,
                source: "tv",
                message: b"file",
                confidence: 900,
                permitted: 15,
                at: now,
            };
            graph.tie(user, box_, &evidence)?;
            let mail = graph.identifier(2, &Digest::of("anna@example.com").0, 1, now)?.id;
            graph.tie(user, mail, &evidence)?;
            let seen = Impressions {
                identifier: box_,
                campaign: Key::of("sunny").0,
                day: now / DAY - 1,
                channel: "tv".into(),
                source: "tv".into(),
                count: 3,
            };
            count(graph.connection, &seen)
        })
        .expect("stored");
    drop(store);

    let feed = folder.path().join("shelf.csv");
    fs::write(&feed, "bellecour,water-still,12\n").expect("written");
    let feed_option = format!("shelf={}", feed.display());
    let server = Server::start(&data, &["--segments", &segments, "--feed", &feed_option]);
    // The laptop decides, sees and says who it is; the phone says who it is.
    let identity = Entry::Identity { code: USER, digest: Digest::of("anna").0 };
    let mut laptop = message(2, 0, "sunny");
    laptop.began = now.cast_unsigned();
    laptop.entries.push(identity.clone());
    server.sync(&laptop.encode());
    // A CRM speaks of an address that the phone never sent; it is the same person's.
    let gold = format!("email,{},gold,in\n", Digest::of("anna@example.com").hex());
    assert_eq!(server.enrol(&gold, &[("content-type", "text/csv")]).0, 200);
    let mut sequence = 0;
    let answer = eventually("segments", || {
        sequence += 1;
        let mut hello = entries(1, sequence, vec![identity.clone()]);
        hello.began = now.cast_unsigned();
        let answer = server.sync(&hello.encode());
        (answer.members.len() == 3 && !answer.feeds.is_empty()).then_some(answer)
    });
    let is = |segment: &str, inside| {
        let found: Option<&Member> = answer.members.iter().find(|row| row.segment == Key::of(segment).0);
        found.is_some_and(|row| row.inside == inside)
    };
    assert!(is("loyal", true) && is("club", false) && is("gold", true), "{:?}", answer.members);
    let elsewhere: Vec<(u32, u16)> = answer.elsewhere.iter().map(|row| (row.campaign, row.exposures)).collect();
    assert_eq!(
        elsewhere,
        [(Key::of("sunny").0, 1), (Key::of("sunny").0, 3)],
        "the laptop's today, the box's yesterday"
    );
    assert_eq!(answer.feeds[0].feed, Key::of("shelf").0);

    // And a program hears the same of the person, whichever identifier it asks by.
    let person = json(&server, "/v1/persons?kind=user_id&value=anna");
    let visitor = hex::write(&phone.visitor);
    assert_eq!(json(&server, &format!("/v1/persons?kind=visitor&value={visitor}"))["person"], person["person"]);
    assert_eq!(inside(&person, "loyal"), Some(true));
    assert_eq!(person["identifiers"].as_array().map(Vec::len), Some(5));
    assert_eq!(person["timeline"].as_array().map(Vec::len), Some(4), "two purchases, an exposure, a click");
    let total: i64 =
        person["frequency"].as_array().expect("rows").iter().filter_map(|row| row["exposures"].as_i64()).sum();
    assert_eq!(total, 4);

    // The level changes, and an edge that knows the first version hears of one line.
    fs::write(&feed, "bellecour,water-still,12\nbellecour,soda-diet,0\n").expect("written");
    let version = json(&server, "/v1/feeds/shelf")["version"].as_i64().expect("a version");
    let delta = eventually("the change", || {
        let delta = json(&server, &format!("/v1/feeds/shelf?since={version}"));
        (!delta["levels"].as_array()?.is_empty()).then_some(delta)
    });
    assert_eq!(delta["levels"].as_array().map(Vec::len), Some(2), "a file is as of when it was read");
    assert!(server.stop());
}

#[test]
fn a_merge_and_an_unmerge_make_segments_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, segments) = (folder.path().join("data"), segments(folder.path()));
    let now = now();
    let mut store = Store::open(&Place::folder(&data)).expect("a store");
    let cookie = |name: &str| Identifier { namespace: ANONYMOUS, forms: 0, value: Digest::of(name).0.to_vec() };
    let bought = |number, who, at| event(number, Kind::Track, "purchase", at, vec![who], r#"{"properties":{}}"#);
    record(
        &mut store,
        &[
            bought(1, cookie("a"), now - 3 * MINUTE),
            // Told late: it was before the other.
            bought(2, cookie("b"), now - 4 * MINUTE),
            event(
                3,
                Kind::Identify,
                "",
                now - 2 * MINUTE,
                vec![user("ben"), cookie("a")],
                r#"{"traits":{"plan":"club"}}"#,
            ),
        ],
    );
    drop(store);
    let server = Server::start(&data, &["--segments", &segments]);
    let loyal = |wanted: bool| {
        eventually("the segment", || {
            let person = json(&server, "/v1/persons?kind=user_id&value=ben");
            (inside(&person, "loyal") == Some(wanted) && inside(&person, "club") == Some(true)).then_some(person)
        })
    };
    let alone = loyal(false);
    assert_eq!(alone["identifiers"].as_array().map(Vec::len), Some(2));
    drop(server);

    let mut store = Store::open(&Place::folder(&data)).expect("a store");
    record(&mut store, &[event(4, Kind::Identify, "", now - MINUTE, vec![user("ben"), cookie("b")], "{}")]);
    drop(store);
    let server = Server::start(&data, &["--segments", &segments]);
    let look = |wanted: bool| {
        eventually("the segment", || {
            let person = json(&server, "/v1/persons?kind=user_id&value=ben");
            (inside(&person, "loyal") == Some(wanted)).then_some(person)
        })
    };
    let merged = look(true);
    let id = |kind: &str, nth: usize| {
        let rows = merged["identifiers"].as_array().expect("rows").iter().filter(|row| row["kind"] == kind);
        rows.filter_map(|row| row["id"].as_str()).nth(nth).expect("an id").to_owned()
    };
    let (one, two) = (id("anonymous_id", 0), id("anonymous_id", 1));
    let path = json(&server, &format!("/v1/persons/path?from={one}&to={two}"));
    assert_eq!((path["one_person"].as_bool(), path["path"].as_array().map(Vec::len)), (Some(true), Some(2)));

    let pair = serde_json::json!({ "pair": [id("user_id", 0), one] }).to_string();
    let told = support::agent()
        .post(format!("{}/v1/evidence/withdraw", server.url))
        .header("content-type", "application/json")
        .send(pair.as_bytes())
        .expect("an answer");
    assert_eq!(told.status().as_u16(), 200);
    look(false);
    assert_eq!(json(&server, &format!("/v1/persons/path?from={one}&to={two}"))["one_person"], false);
}

#[test]
fn nothing_is_stored_of_what_is_not_permitted() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = Store::open(&Place::folder(folder.path())).expect("a store");
    let visitor = Identifier { namespace: VISITOR, forms: 0, value: vec![9; 16] };
    let told = |number, permitted, identifiers| Event {
        permitted,
        ..event(number, Kind::Track, "purchase", 1, identifiers, "{}")
    };
    let outcomes = record(
        &mut store,
        &[
            told(1, 0b1011, vec![user("carla")]),
            told(2, 0b0111, vec![user("carla")]),
            told(3, 0b0111, vec![user("carla"), visitor]),
        ],
    );
    assert_eq!(outcomes, [Outcome::LetGo, Outcome::LetGo, Outcome::Stored]);
    let reader = Place::folder(folder.path()).reader().expect("a reader");
    let known: Vec<i64> = reader
        .query("SELECT namespace FROM identifiers", &[])
        .expect("rows")
        .iter()
        .map(|row| row.get(0).expect("a namespace"))
        .collect();
    assert_eq!(known, [0], "who they are was not to be shared");
}

/// Every file under a folder with its text, in order of their names.
fn files(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.display().to_string(), fs::read_to_string(&path).unwrap_or_default()));
        }
    }
    found.sort();
    found
}

#[test]
fn a_destination_hears_who_joins_a_segment_that_it_follows_and_who_is_deleted() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, segments) = (folder.path().join("data"), segments(folder.path()));
    let lists = folder.path().join("lists");
    let roster = folder.path().join("destinations.yaml");
    let text = format!(
        "destinations:\n  - name: meta-loyal\n    segments: [loyal]\n    audience: {{ platform: meta, folder: {} }}\n",
        lists.display()
    );
    fs::write(&roster, text).expect("written");
    let now = now();
    let address = |name: &str| Identifier { namespace: 2, forms: 1, value: Digest::of(name).0.to_vec() };
    let mut store = Store::open(&Place::folder(&data)).expect("a store");
    let bought = |number, at, who: &str| event(number, Kind::Track, "purchase", at, vec![address(who)], "{}");
    record(
        &mut store,
        &[
            bought(1, now - 3 * MINUTE, "dora@example.com"),
            bought(2, now - 2 * MINUTE, "dora@example.com"),
            bought(3, now - MINUTE, "emil@example.com"),
        ],
    );
    drop(store);
    let roster = roster.display().to_string();
    let server = Server::start(&data, &["--segments", &segments, "--destinations", &roster]);
    let (dora, emil) = (Digest::of("dora@example.com").hex(), Digest::of("emil@example.com").hex());
    let listed = |digest: &str| files(&lists).iter().filter(|(_, text)| text.contains(digest)).count();
    eventually("the list", || (listed(&dora) == 1).then_some(()));
    assert_eq!(listed(&emil), 0, "once is not loyal");
    let person = json(&server, "/v1/persons?kind=email&value=dora@example.com");
    let path = format!("{}/v1/persons/{}?by=desk", server.url, person["person"].as_str().expect("an id"));
    let gone = support::agent().delete(path).call().expect("an answer");
    assert_eq!(gone.status().as_u16(), 200);
    eventually("the deletion", || (listed(&dora) == 2).then_some(()));
    assert_eq!(server.get("/v1/persons?kind=email&value=dora@example.com", &[]).status, 404);
}

#[test]
fn a_segment_ends_by_time_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let compiled = compile_segments(&[Source { name: "campaigns.yaml".into(), text: SITE.into() }], &|_| None);
    let engine = Arc::new(Engine::load(compiled.bundle.expect("a bundle")).expect("opens"));
    let mut store = Store::open(&Place::folder(folder.path())).expect("a store");
    let now = now();
    let bought = |number, at| event(number, Kind::Track, "purchase", at, vec![user("fay")], "{}");
    record(&mut store, &[bought(1, now - 2 * MINUTE), bought(2, now - MINUTE)]);
    let routes = Routes::default();
    store.write(now, |graph| profile::fold(graph.connection, &engine, &routes, now)).expect("told");
    let inside = |store: &Store| {
        let sql = "SELECT inside FROM standings WHERE segment = ?1";
        store.connection().scalar::<bool>(sql, &[Key::of("loyal").0.into()]).expect("read").expect("a row")
    };
    assert!(inside(&store));
    let later = now + 31 * DAY;
    let next = store.write(later, |graph| profile::look_again(graph.connection, &engine, &routes, 0, later));
    assert_eq!((next.expect("looked"), inside(&store)), (0, false));
}
