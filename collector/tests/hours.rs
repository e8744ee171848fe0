//! Hours: whom the origin meets when, what it tells a device of it, and that everybody's table is the sum of the persons'.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says why by panicking"
)]

#[path = "support/leash.rs"]
mod leash;
#[path = "support/postgres.rs"]
mod postgres;
mod support;

use std::{collections::BTreeMap, fs, sync::Arc};

use petitfour::{
    consent::Permissions,
    engine::{Effect, Engine, Session},
    event::Event as Told,
    id::Key,
    identity::{Digest, Namespace},
    journey::{NEVER, Place as Spot},
    time::{Moment, Timestamp},
};
use petitfour_collector::{
    destination::{dispatch::Routes, roster::Roster},
    event::{Event, Identifier, Kind, VISITOR},
    journal::Journal,
    journey, params,
    person::{hours, profile},
    sql::Connection,
    store::{Place, Store},
};
use petitfour_compiler::{Source, compile, compile_segments};
use postgres::Postgres;
use support::Server;

const USER: u8 = Namespace::User as u8;
const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
/// 2026-06-03T10:00Z, a Wednesday; noon in Berlin.
const NOW: i64 = 1_780_480_800_000;
/// Midnight of that day in Berlin.
const MIDNIGHT: i64 = NOW - 12 * HOUR;

const SITE: &str = "petitfour: 1
version: 1
events: { sign_up: {}, looked: {} }
channels: { mail: { needs: [] } }
segments: { early: { event: looked, at_least: 40 }, nobody: { event: sign_up, at_least: 9 } }
journeys:
  news:
    enter: { on: sign_up }
    steps:
      - { wait: { until: best, between: ['08:00', '21:00'], otherwise: '11:00' }, id: hour }
      - { send: { channel: mail, message: news }, id: news }
";

fn source() -> Source {
    Source { name: "campaigns.yaml".into(), text: SITE.into() }
}

fn segments() -> Vec<u8> {
    let compiled = compile_segments(&[source()], &|_| None);
    compiled.bundle.unwrap_or_else(|| panic!("{:?}", compiled.diagnostics))
}

fn user(who: &str) -> Identifier {
    Identifier { namespace: USER, forms: 0, value: Digest::of(who).0.to_vec() }
}

/// A store, the engine over whole persons, and a clock that the test moves.
struct Origin {
    store: Store,
    engine: Arc<Engine>,
    now: i64,
    events: u128,
    _folder: tempfile::TempDir,
}

impl Origin {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self::at(&Place::folder(folder.path()), folder)
    }

    fn at(place: &Place, folder: tempfile::TempDir) -> Self {
        let engine = Arc::new(Engine::load(segments()).expect("a bundle"));
        Self { store: Store::open(place).expect("a store"), engine, now: NOW, events: 0, _folder: folder }
    }

    fn tell(&mut self, events: &[Event]) {
        let (engine, at) = (Arc::clone(&self.engine), self.now);
        let told: Vec<&Event> = events.iter().collect();
        self.store
            .write(at, |graph| {
                let mut journal = Journal::new(graph);
                journal.record_all(&told)?;
                journal.close()
            })
            .expect("stored");
        let routes = routes();
        self.store
            .write(at, |graph| {
                while profile::fold(graph.connection, &engine, &routes, at)? {}
                Ok(())
            })
            .expect("folded");
        self.count();
    }

    /// Whoever waits to be counted has waited long enough.
    fn count(&mut self) {
        let at = self.now + hours::QUARTER;
        self.store.write(at, |graph| while_more(|| hours::follow(graph.connection, at))).expect("counted");
    }

    fn event(&mut self, name: &str, who: &str, at: i64) -> Event {
        self.events += 1;
        event(self.events, name, vec![user(who)], at, "Europe/Berlin")
    }

    /// On so many days before today, somebody looked at a quarter past this hour in Berlin.
    fn looked(&mut self, who: &str, days: i64, hour: i64) {
        let events: Vec<Event> =
            (1..=days).map(|day| self.event("looked", who, MIDNIGHT - day * DAY + hour * HOUR + HOUR / 4)).collect();
        self.tell(&events);
    }

    fn signs_up(&mut self, who: &str) {
        let event = self.event("sign_up", who, self.now);
        self.tell(&[event]);
    }

    fn wake(&mut self, now: i64) {
        self.now = now;
        let (engine, routes) = (Arc::clone(&self.engine), routes());
        self.store.write(now, |graph| journey::wake(graph.connection, &engine, &routes, now)).expect("woken");
    }

    /// When the origin looks again at somebody, as hours after midnight in Berlin.
    fn due(&self, who: &str) -> i64 {
        let sql = "SELECT j.due FROM journeys j JOIN identifiers i ON i.person = j.identifier WHERE i.value = ?1";
        let due: Option<i64> = self.store.connection().scalar(sql, params![&user(who).value]).expect("a row");
        (due.expect("a time") * 60_000 - MIDNIGHT) / HOUR
    }
}

fn while_more(
    mut step: impl FnMut() -> petitfour_collector::sql::Result<bool>,
) -> petitfour_collector::sql::Result<()> {
    while step()? {}
    Ok(())
}

fn routes() -> Routes {
    Routes::of(&Roster::parse("destinations: []\n").expect("a roster"))
}

fn event(number: u128, name: &str, identifiers: Vec<Identifier>, at: i64, zone: &str) -> Event {
    Event {
        kind: Kind::Track,
        message: number.to_be_bytes(),
        source: "till".into(),
        name: name.into(),
        at,
        identifiers,
        value: 0,
        permitted: 15,
        contacts: Vec::new(),
        body: format!(r#"{{"properties":{{}},"context":{{"timezone":"{zone}"}}}}"#),
    }
}

#[test]
fn a_person_is_met_at_their_own_hour_a_new_one_at_everybodys_and_the_first_of_all_otherwise() {
    let mut origin = Origin::new();
    origin.signs_up("first");
    assert_eq!(origin.due("first"), 24 + 11, "nothing is known of anybody");
    origin.looked("anna", 30, 20);
    for early in ["bert", "carl", "dora"] {
        origin.looked(early, 30, 8);
    }
    for who in ["anna", "bert", "new"] {
        origin.signs_up(who);
    }
    // Anna comes at a quarter past eight in the evening: from seven on, she will be there within two hours.
    assert_eq!((origin.due("anna"), origin.due("bert"), origin.due("new")), (19, 24 + 8, 24 + 8));
    assert_eq!(origin.due("first"), 24 + 11, "what was promised holds");
    let sent = |origin: &Origin| -> i64 {
        origin.store.connection().scalar("SELECT count(*) FROM sendings", &[]).unwrap().unwrap()
    };
    origin.wake(MIDNIGHT + 19 * HOUR - 60_000);
    assert_eq!(sent(&origin), 0);
    origin.wake(MIDNIGHT + 19 * HOUR);
    assert_eq!(sent(&origin), 1, "at that hour the journey comes to its message");
}

#[test]
fn a_visit_is_counted_when_its_quarter_of_an_hour_is_over() {
    let mut origin = Origin::new();
    let (engine, at) = (Arc::clone(&origin.engine), origin.now);
    let event = origin.event("looked", "anna", NOW);
    origin
        .store
        .write(at, |graph| {
            let mut journal = Journal::new(graph);
            journal.record(&event)?;
            journal.close()?;
            profile::fold(graph.connection, &engine, &routes(), at)
        })
        .expect("folded");
    for (waited, counted) in [(hours::QUARTER - 1, 0), (hours::QUARTER, 1)] {
        origin.store.write(at, |graph| hours::follow(graph.connection, at + waited)).expect("counted");
        assert_eq!(rows(origin.store.connection()).len(), counted);
    }
}

#[test]
fn who_did_not_permit_it_is_not_counted() {
    let mut origin = Origin::new();
    for permitted in [0b1110, 0b1101] {
        let mut event = origin.event("looked", "anna", NOW);
        event.permitted = permitted;
        origin.tell(&[event]);
    }
    assert_eq!(rows(origin.store.connection()).len(), 0);
}

#[test]
fn a_device_waits_for_the_origin_and_goes_on_at_the_hour_that_it_tells() {
    let mut origin = Origin::new();
    for who in ["bert", "carl", "dora", "emil"] {
        origin.looked(who, 30, 17);
    }
    let site = Engine::load(compile(&[source()], &|_| None).bundle.expect("a bundle")).expect("an engine");
    let mut device = Session::new(Arc::new(site), [5; 32]);
    let moment = |now: i64| Moment { now: Timestamp(now.unsigned_abs()), offset_minutes: 120 };
    device.consent(Permissions::ALL, moment(NOW));
    device.record(&Told::parse("sign_up", [], None).expect("an event"), moment(NOW));
    let resting = device.journey("news").expect("entered");
    assert_eq!(resting.due, None, "no device knows");
    device.look(moment(NOW + 3 * DAY));
    assert_eq!(device.journey("news"), Some(resting.clone()), "and it waits for ever");
    while let Some(effect) = device.poll_effect() {
        assert!(!matches!(effect, Effect::Wake(at) if at.0 > NOW.unsigned_abs() + 600_000), "nothing to wake up for");
    }
    let (value, since) = device.profile().place(Key::of("news")).expect("a place");
    assert_eq!(Spot::read(value).due, NEVER);
    let (zone, at) = (event(9_000, "looked", vec![visitor()], NOW, "Europe/Berlin"), origin.now);
    origin.tell(&[zone]);
    origin
        .store
        .write(at, |graph| {
            let id = graph.identifier(VISITOR, &visitor().value, 0, at)?.id;
            journey::told(graph.connection, id, Key::of("news").0, since.cast_signed(), value)
        })
        .expect("told");
    origin.wake(NOW);
    let row = origin
        .store
        .connection()
        .first("SELECT place, since FROM journeys j JOIN identifiers i ON i.person = j.identifier WHERE i.value = ?1 ORDER BY j.due DESC", params![&visitor().value])
        .expect("read")
        .expect("a row");
    let place = Spot::read(row.get::<i64>(0).unwrap().cast_unsigned());
    assert!(place.is_beyond(&Spot::read(value)), "the origin has moved it");
    device.stand(Key::of("news"), Timestamp(row.get::<i64>(1).unwrap().unsigned_abs()), place);
    let five = MIDNIGHT + 16 * HOUR;
    assert_eq!(device.journey("news").expect("inside").due, Some(Timestamp(five.unsigned_abs())));
    device.look(moment(five - 1));
    assert!(device.due().next().is_none());
    device.look(moment(five));
    assert!(device.due().next().is_some(), "it came to its message by itself");
}

fn visitor() -> Identifier {
    Identifier { namespace: VISITOR, forms: 0, value: vec![3; 16] }
}

/// Presences and events by person and hour.
fn rows(connection: &Connection) -> BTreeMap<i64, Vec<(i64, i64, i64)>> {
    let mut found: BTreeMap<i64, Vec<(i64, i64, i64)>> = BTreeMap::new();
    let sql = "SELECT person, hour, presences, events FROM hours ORDER BY person, hour";
    for row in connection.query(sql, &[]).expect("rows") {
        let row = (row.get(0).unwrap(), row.get(1).unwrap(), row.get(2).unwrap(), row.get(3).unwrap());
        found.entry(row.0).or_default().push((row.1, row.2, row.3));
    }
    found
}

/// The persons' rows without their numbers, once everybody's table was found to be their sum.
fn checked(connection: &Connection) -> Vec<Vec<(i64, i64, i64)>> {
    let persons = rows(connection);
    let mut sums: BTreeMap<i64, (i64, i64)> = (0..24).map(|hour| (hour, (0, 0))).collect();
    for (hour, presences, events) in persons.values().flatten() {
        let sum = sums.get_mut(hour).expect("an hour of the day");
        *sum = (sum.0 + presences, sum.1 + events);
    }
    let all = connection.query("SELECT hour, presences, events FROM hours_of_all", &[]).expect("rows");
    let all: BTreeMap<i64, (i64, i64)> =
        all.iter().map(|row| (row.get(0).unwrap(), (row.get(1).unwrap(), row.get(2).unwrap()))).collect();
    assert_eq!(all, sums);
    let mut persons: Vec<_> = persons.into_values().collect();
    persons.sort();
    persons
}

/// Tells a history of twenty cards, of which some turn out to be one person's and one is deleted.
fn told(origin: &mut Origin, seed: u64, is_backward: bool) -> Vec<Vec<(i64, i64, i64)>> {
    let draw = |number: u64| support::scatter(seed << 32 | number);
    let card = |number: u64| Identifier { namespace: 17, forms: 0, value: vec![number as u8; 32] };
    let mut events: Vec<Event> = (0..120_u64)
        .map(|number| {
            let chance = draw(number);
            let mut identifiers = vec![card(chance % 20)];
            if chance >> 20 & 15 == 0 {
                identifiers.push(card((chance >> 24) % 20));
            }
            let at = NOW - (chance >> 8 & 0xFF) as i64 * HOUR - number as i64;
            let zone = ["Europe/Berlin", "Asia/Kathmandu"][(chance >> 40 & 1) as usize];
            event(u128::from(number) + 1, "looked", identifiers, at, zone)
        })
        .collect();
    if is_backward {
        events.reverse();
    }
    for some in events.chunks(7) {
        origin.tell(some);
        checked(origin.store.connection());
    }
    let (at, engine) = (origin.now, Arc::clone(&origin.engine));
    origin
        .store
        .write(at, |graph| {
            let id = graph.identifier(17, &card(seed % 20).value, 0, at)?.id;
            graph.erase(id, at)
        })
        .expect("erased");
    checked(origin.store.connection());
    origin.store.write(at, |graph| profile::fold(graph.connection, &engine, &routes(), at)).expect("folded");
    checked(origin.store.connection());
    origin.count();
    checked(origin.store.connection())
}

#[test]
fn everybodys_table_is_the_sum_of_the_persons_whatever_the_order_and_the_store() {
    for seed in 0..6 {
        let forward = told(&mut Origin::new(), seed, false);
        assert!(forward.len() > 1, "seed {seed}: somebody is left");
        assert_eq!(told(&mut Origin::new(), seed, true), forward, "seed {seed}");
        if seed < 2 {
            let place = Place::Postgres(Postgres::shared().schema());
            let mut there = Origin::at(&place, tempfile::tempdir().expect("a folder"));
            assert_eq!(told(&mut there, seed, false), forward, "seed {seed}");
        }
    }
}

#[test]
fn the_best_hour_of_a_segment_is_answered_and_a_name_that_nobody_asks_about_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, file) = (folder.path().join("data"), folder.path().join("segments.pf4"));
    fs::write(&file, segments()).expect("written");
    let mut origin = Origin::at(&Place::folder(&data), tempfile::tempdir().expect("a folder"));
    origin.looked("anna", 60, 6);
    for late in ["bert", "carl", "dora"] {
        origin.looked(late, 30, 21);
    }
    drop(origin);
    let server = Server::start(&data, &["--segments", &file.display().to_string()]);
    let asked = |path: &str| -> (u16, serde_json::Value) {
        let found = server.get(path, &[]);
        (found.status, serde_json::from_str(&found.text()).expect("JSON"))
    };
    let (status, everybody) = asked("/v1/hours");
    assert_eq!(status, 200);
    let figures = |body: &serde_json::Value| {
        let number = |name: &str| body[name].as_i64();
        (number("people"), number("events"), number("presences"), number("best"))
    };
    assert_eq!(figures(&everybody), (Some(4), Some(150), Some(150), Some(20)));
    let shares: Vec<f64> =
        everybody["hours"].as_array().unwrap().iter().map(|hour| hour["share"].as_f64().unwrap()).collect();
    assert_eq!(shares.len(), 24);
    assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-4 && shares[21] > 0.25, "{shares:?}");
    let (_, early) = asked("/v1/hours?segment=early");
    assert_eq!((figures(&early), &early["segment"]), ((Some(1), Some(60), Some(60), Some(5)), &"early".into()));
    let (_, nobody) = asked("/v1/hours?segment=nobody");
    assert_eq!(figures(&nobody), (Some(0), Some(0), Some(0), None), "of nobody there is no best hour");
    let (status, refused) = asked("/v1/hours?segment=erly");
    assert_eq!((status, &refused["code"]), (404, &"segment/unknown".into()));
}
