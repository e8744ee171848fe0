//! Journeys off the site: events and times move whole persons, messages are handed over once, and devices hear of it.
//!
//! `PETITFOUR_DRILL=1` lets 10,000 people wait and kills 100 times, instead of 500 and 10.

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

use std::{collections::BTreeMap, fs, process::Command, sync::Arc, time::Duration};

use peers::{Receiver, within};
use petitfour::{
    engine::Engine,
    id::Key,
    identity::{Digest, Namespace},
    journey::{NEVER, Place as Spot, REACHED},
    sync::{Entry, answer::Standing},
};
use petitfour_collector::{
    destination::{dispatch::Routes, post, roster::Roster},
    event::{Contact, Event, Identifier, Kind, VISITOR},
    graph::{Evidence, Rule},
    journal::Journal,
    journey,
    person::profile,
    store::{Place, Store, now},
};
use petitfour_compiler::{Source, compile_segments};
use serde_json::Value;
use support::{Server, entries};

const USER: u8 = Namespace::User as u8;
const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

const SITE: &str = "petitfour: 1
version: 1
events: { sign_up: {}, mail_clicked: {}, purchase: { outcome: true } }
traits: { plan: { type: text } }
channels: { mail: { needs: [] }, call: { needs: [] } }
placements: { hero: { fallback: house } }
fallbacks: { house: { headline: Hello } }
campaigns:
  - { id: three, placements: [hero], creatives: [{ id: step-three, headline: Step three }] }
journeys:
  welcome:
    enter: { on: sign_up }
    goal: { on: purchase }
    steps:
      - { wait: 2 hours, id: pause }
      - { send: { channel: mail, message: hello }, id: hello }
      - { wait: { on: mail_clicked, at_most: 3 days }, id: click, then: [{ wait: 1 day, id: offer, show: [three] }] }
      - { send: { channel: call, message: ask }, id: ask }
";

const ROSTER: &str = "destinations:
  - name: letters
    mail: { host: 127.0.0.1, port: 1, security: none, from: Shop <news@shop.example>, templates: { hello: { subject: Hi, text: Hello } } }
  - name: desk
    channels: [call]
    webhook: { url: 'http://127.0.0.1:1/', secret_env: HOOK }
";

fn bundle(site: &str) -> Vec<u8> {
    let compiled = compile_segments(&[Source { name: "campaigns.yaml".into(), text: site.into() }], &|_| None);
    compiled.bundle.unwrap_or_else(|| panic!("{:?}", compiled.diagnostics))
}

/// A store, the engine over whole persons, and a clock that the test moves.
struct Origin {
    store: Store,
    engine: Arc<Engine>,
    routes: Routes,
    now: i64,
    events: u128,
    zone: &'static str,
    _folder: tempfile::TempDir,
}

impl Origin {
    fn new() -> Self {
        Self::over(SITE)
    }

    fn over(site: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self {
            store: Store::open(&Place::folder(folder.path())).expect("a store"),
            engine: Arc::new(Engine::load(bundle(site)).expect("a bundle")),
            routes: Routes::of(&Roster::parse(ROSTER).expect("a roster")),
            now: now(),
            events: 0,
            zone: "UTC",
            _folder: folder,
        }
    }

    /// Somebody did something; the person is told of it.
    fn event(&mut self, name: &str, who: &str) {
        self.events += 1;
        let mut event = event(self.events, name, who, self.now);
        event.body = format!(r#"{{"properties":{{}},"context":{{"timezone":"{}"}}}}"#, self.zone);
        let (engine, routes, at) = (Arc::clone(&self.engine), self.routes.clone(), self.now);
        self.store
            .write(at, |graph| {
                let mut journal = Journal::new(graph);
                journal.record(&event)?;
                journal.close()?;
                profile::fold(graph.connection, &engine, &routes, at)
            })
            .expect("stored");
    }

    fn pass(&mut self, time: i64) {
        self.now += time;
        let (engine, routes, at) = (Arc::clone(&self.engine), self.routes.clone(), self.now);
        self.store.write(at, |graph| journey::wake(graph.connection, &engine, &routes, at)).expect("woken");
    }

    /// What waits for a destination, with what became of it.
    fn outbox(&self, destination: &str) -> Vec<Value> {
        let sql = "SELECT body FROM outbox WHERE destination = ?1 ORDER BY at, id";
        let rows = self.store.connection().query(sql, petitfour_collector::params![destination]).expect("rows");
        rows.iter().map(|row| serde_json::from_str(&row.get::<String>(0).unwrap()).unwrap()).collect()
    }

    /// At which step the book has people, by name.
    fn steps(&self) -> Vec<i64> {
        let rows = self.store.connection().query("SELECT step FROM journeys ORDER BY identifier", &[]).expect("rows");
        rows.iter().map(|row| row.get(0).unwrap()).collect()
    }
}

fn user(who: &str) -> Identifier {
    Identifier { namespace: USER, forms: 0, value: Digest::of(who).0.to_vec() }
}

fn event(number: u128, name: &str, who: &str, at: i64) -> Event {
    Event {
        kind: Kind::Track,
        message: number.to_be_bytes(),
        source: "till".into(),
        name: name.into(),
        at,
        identifiers: vec![user(who)],
        value: 0,
        permitted: 15,
        contacts: vec![
            Contact { channel: "email".into(), address: format!("{who}@example.com") },
            Contact { channel: "sms".into(), address: "+43660123456".into() },
        ],
        body: r#"{"properties":{}}"#.into(),
    }
}

fn step(id: &str) -> i64 {
    i64::from(Spot::code(petitfour::hash::xxh64(id.as_bytes(), 0)))
}

#[test]
fn a_wait_ends_by_the_clock_of_the_origin_and_the_mail_goes_once() {
    let mut origin = Origin::new();
    origin.event("sign_up", "anna");
    assert_eq!(origin.steps(), [step("pause")]);
    origin.pass(2 * HOUR - 2 * MINUTE);
    assert!(origin.outbox("letters").is_empty());
    origin.pass(3 * MINUTE);
    let letters = origin.outbox("letters");
    assert_eq!(
        (letters.len(), &letters[0]["to"], &letters[0]["template"]),
        (1, &"anna@example.com".into(), &"hello".into())
    );
    assert_eq!(origin.steps(), [step("click")]);
    origin.pass(MINUTE);
    origin.pass(DAY);
    assert_eq!(origin.outbox("letters").len(), 1);
    assert!(origin.outbox("desk").is_empty());
    origin.pass(3 * DAY);
    let calls = origin.outbox("desk");
    assert_eq!((calls.len(), &calls[0]["message"]), (1, &"ask".into()), "nobody clicked, so somebody calls");
    assert_eq!(calls[0]["phone"], "+43660123456");
}

#[test]
fn an_event_at_the_till_ends_the_journey_and_nothing_is_sent_any_more() {
    let mut origin = Origin::new();
    origin.event("sign_up", "anna");
    origin.event("sign_up", "bert");
    origin.event("purchase", "anna");
    origin.pass(3 * HOUR);
    let letters = origin.outbox("letters");
    assert_eq!((letters.len(), &letters[0]["to"]), (1, &"bert@example.com".into()));
    assert_eq!(origin.steps(), [i64::from(REACHED), step("click")]);
}

#[test]
fn a_bundle_of_other_segments_tells_everything_anew_and_moves_nobody_again() {
    let mut origin = Origin::new();
    origin.event("sign_up", "anna");
    origin.event("purchase", "anna");
    let (engine, routes, at) = (Arc::clone(&origin.engine), origin.routes.clone(), origin.now);
    origin
        .store
        .write(at, |graph| {
            graph.connection.execute("DELETE FROM profiles", &[])?;
            graph.connection.execute("DELETE FROM about WHERE key = 'folded'", &[])?;
            profile::fold(graph.connection, &engine, &routes, at)
        })
        .expect("told anew");
    assert_eq!(origin.steps(), [i64::from(REACHED)]);
}

#[test]
fn a_device_and_the_till_move_one_person_and_each_hears_of_the_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, segments) = (folder.path().join("data"), folder.path().join("segments.pf4"));
    fs::write(&segments, bundle(SITE)).expect("written");
    let mut store = Store::open(&Place::folder(&data)).expect("a store");
    let phone = entries(1, 0, Vec::new()).visitor;
    store
        .write(now(), |graph| {
            let device = graph.identifier(VISITOR, &phone, 0, now())?.id;
            let user = graph.identifier(USER, &user("anna").value, 0, now())?.id;
            let (rule, source, message) = (Rule::Together, "crm", b"1".as_slice());
            graph.tie(user, device, &Evidence { rule, source, message, confidence: 950, permitted: 15, at: now() })
        })
        .expect("tied");
    drop(store);
    let secret = support::key(&data, &["crm", "--kind", "server"]);
    let server = Server::start(&data, &["--segments", &segments.display().to_string()]);
    // The device signed up and waits; the origin learns of it.
    let (since, key) = (now().unsigned_abs(), Key::of("welcome").0);
    let waits = Spot { entries: 1, hops: 1, step: u32::try_from(step("pause")).unwrap(), due: NEVER - 1 };
    let told = |sequence| {
        let step = Entry::Step { journey: key, after: 0, since, place: waits.value() };
        server.sync(&entries(1, sequence, vec![step]).encode())
    };
    let own = Standing { journey: key, since, place: waits.value() };
    assert_eq!(told(0).standings, [own], "as the device said it");
    // The till sells to the same person.
    let purchase = serde_json::json!({ "userId": "anna", "event": "purchase", "messageId": "m-1", "type": "track" });
    let header = support::basic(&secret);
    let body = purchase.to_string();
    let mut sold = support::agent()
        .post(format!("{}/v1/track", server.url))
        .header("authorization", &header)
        .header("content-type", "application/json")
        .send(body.as_bytes())
        .expect("an answer");
    assert_eq!(sold.status().as_u16(), 200, "{}", sold.body_mut().read_to_string().expect("text"));
    let mut sequence = 1;
    let ended = within_a_minute(|| {
        sequence += 1;
        let standing = told(sequence).standings.first().copied()?;
        (Spot::read(standing.place).stands() == REACHED).then_some(standing)
    });
    assert!(
        Spot::read(ended.place).is_beyond(&waits),
        "within one sync the device knows, and says the old step in vain"
    );
}

fn within_a_minute<T>(mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..600 {
        if let Some(found) = look() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("it did not come within a minute");
}

#[test]
fn whoever_waits_when_the_process_is_killed_is_written_to_once() {
    let (people, lives) = if support::drill() { (10_000, 100) } else { (500, 10) };
    let receiver = Receiver::start(|_| {
        // Long enough to be killed between the request and the mark.
        std::thread::sleep(Duration::from_millis(8));
        (200, Vec::new())
    });
    let folder = tempfile::tempdir().expect("a folder");
    let (data, segments) = (folder.path().join("data"), folder.path().join("segments.pf4"));
    fs::write(&segments, bundle(SITE)).expect("written");
    let roster = folder.path().join("destinations.yaml");
    let hook = format!("webhook: {{ url: '{}', secret_env: HOOK_SECRET, batch: 20 }}", receiver.url());
    fs::write(
        &roster,
        format!("destinations:\n  - name: hook\n    channels: [mail, call]\n    {hook}\n    lease_seconds: 1\n"),
    )
    .expect("written");
    let mut store = Store::open(&Place::folder(&data)).expect("a store");
    let engine = Arc::new(Engine::load(bundle(SITE)).expect("a bundle"));
    // They signed up over two hours ago, all but a few seconds: the wait ends while processes come and go.
    let at = now() - 2 * HOUR - MINUTE;
    for some in (0..people).collect::<Vec<u128>>().chunks(1_000) {
        store
            .write(at, |graph| {
                let mut journal = Journal::new(graph);
                for number in some {
                    journal.record(&event(*number + 1, "sign_up", &format!("p{number}"), at))?;
                }
                journal.close()
            })
            .expect("stored");
    }
    while store.write(at, |graph| profile::fold(graph.connection, &engine, &Routes::default(), at)).expect("told") {}
    let count =
        |store: &Store, sql: &str| store.connection().scalar::<i64>(sql, &[]).expect("a count").unwrap_or_default();
    let pausing = "SELECT count(*) FROM journeys WHERE due > 0";
    assert_eq!(count(&store, pausing), i64::try_from(people).unwrap());
    // Only at a kill is the next one due: a hundred lives would else see nothing but the first.
    let share = people.div_ceil(lives);
    let later = now() / MINUTE + 10_000;
    store
        .write(at, |graph| {
            graph.connection.execute("UPDATE journeys SET due = ?1", petitfour_collector::params![later]).map(drop)
        })
        .expect("put off");
    let wake = |store: &mut Store| {
        let sql =
            "UPDATE journeys SET due = 1 WHERE identifier IN (SELECT identifier FROM journeys WHERE due = ?1 LIMIT ?2)";
        store
            .write(at, |graph| {
                graph
                    .connection
                    .execute(sql, petitfour_collector::params![later, i64::try_from(share).unwrap()])
                    .map(drop)
            })
            .expect("due");
    };
    let (segments, roster) = (segments.display().to_string(), roster.display().to_string());
    let start = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_petitfour-collector"));
        command.env("HOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        Server::spawn(command, &data, &["--segments", &segments, "--destinations", &roster])
    };
    for life in 0..lives {
        let server = start();
        wake(&mut store);
        std::thread::sleep(Duration::from_millis(20 + support::scatter(life as u64) % 400));
        server.kill();
    }
    let server = start();
    let sent = || count(&store, "SELECT count(*) FROM sendings WHERE reason = ''") == i64::try_from(people).unwrap();
    assert!(within(120, sent), "{} of {people}", count(&store, "SELECT count(*) FROM sendings"));
    assert!(within(120, || post::waiting(store.connection()).expect("read").is_empty()));
    assert!(server.stop());
    let mut to: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for got in receiver.taken() {
        let body: Value = serde_json::from_slice(&got.body).expect("JSON");
        for parcel in body["data"].as_array().expect("parcels") {
            let text = |value: &Value| value.as_str().expect("a text").to_owned();
            to.entry(text(&parcel["body"]["to"])).or_default().push(text(&parcel["id"]));
        }
    }
    let repeated = to.values().filter(|ids| ids.len() > 1).count();
    let twice = to.values().filter(|ids| ids.iter().any(|id| *id != ids[0])).count();
    let lost = usize::try_from(people).unwrap() - to.len();
    println!(
        "{people} people, {lives} kills: lost {lost}, sent under a second id {twice}, delivered again under the same id {repeated}"
    );
    assert_eq!((lost, twice), (0, 0));
    let command = "PETITFOUR_DRILL=1 cargo test -p petitfour-collector --test journeys";
    support::claim("journeys.kills.lost", lost as u64, "people", "= 0", lost == 0, command);
    support::claim("journeys.kills.twice", twice as u64, "people", "= 0", twice == 0, command);
}

const PRESSING: &str = r#"petitfour: 1
version: 1
events: { sign_up: {}, looked: {} }
channels: { mail: { needs: [personalise], caps: { day: 1, week: 3 }, quiet: { from: "21:00", until: "08:00" } } }
placements: { hero: { fallback: house } }
fallbacks: { house: { headline: Hello } }
segments: { looks: { event: looked } }
journeys:
  first: { enter: { on: sign_up }, again: always, steps: [{ send: { channel: mail, message: a }, id: a }, { wait: 3 hours, id: b }, { send: { channel: mail, message: b }, id: c }] }
  second: { enter: { on: looked }, again: always, steps: [{ send: { channel: mail, message: c }, id: a }] }
  third: { enter: { on: looked }, again: 2 days, steps: [{ wait: 50 minutes, id: w }, { send: { channel: mail, message: d }, id: a }] }
"#;

#[test]
fn nobody_is_written_to_at_night_or_more_often_than_the_channel_may() {
    let mut sent = 0;
    for seed in 0..8u64 {
        let mut origin = Origin::over(PRESSING);
        origin.zone = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"][seed as usize % 4];
        // 2026-10-15: both hemispheres change their clocks within the month that follows.
        origin.now = 1_792_022_400_000;
        for step in 0..160u64 {
            let chance = support::scatter(seed << 32 | step);
            origin.pass(i64::try_from(chance % 600).unwrap() * MINUTE);
            if chance >> 40 & 1 == 1 {
                origin.event(["sign_up", "looked"][(chance >> 41 & 1) as usize], "anna");
            }
        }
        let zone = jiff::tz::TimeZone::get(origin.zone).expect("a zone");
        let rows = origin
            .store
            .connection()
            .query("SELECT at FROM sendings WHERE reason = '' ORDER BY at", &[])
            .expect("rows");
        let mut days: Vec<jiff::civil::Date> = Vec::new();
        for row in &rows {
            let local = zone.to_datetime(jiff::Timestamp::from_millisecond(row.get(0).unwrap()).unwrap());
            assert!((8..21).contains(&local.hour()), "seed {seed}: {local}");
            assert!(!days.contains(&local.date()), "seed {seed}: twice on {}", local.date());
            days.push(local.date());
            let week = local.date().checked_sub(jiff::ToSpan::days(6)).unwrap();
            assert!(days.iter().filter(|day| **day >= week).count() <= 3, "seed {seed}: four in the week of {local}");
        }
        sent += rows.len();
    }
    assert!(sent > 8 * 6, "{sent}: what is held back goes later");
}

#[test]
fn splits_and_holdouts_part_whole_persons_as_they_say() {
    let mut origin = Origin::over(
        "petitfour: 1
version: 1
events: { sign_up: {} }
placements: { hero: { fallback: house } }
fallbacks: { house: { headline: Hello } }
segments: { new: { event: sign_up } }
journeys:
  halves:
    enter: { on: sign_up }
    steps:
      - split:
          - { share: 30%, steps: [{ wait: 2 days, id: few }] }
          - { share: 70%, steps: [{ wait: 2 days, id: many }] }
  most: { enter: { on: sign_up }, holdout: 20%, steps: [{ wait: 2 days, id: in }] }
",
    );
    for number in 0..200 {
        origin.event("sign_up", &format!("p{number}"));
    }
    let steps = origin.steps();
    let count = |id: &str| steps.iter().filter(|at| **at == step(id)).count();
    // Four standard deviations around the share of 200.
    assert!(
        (34..=86).contains(&count("few")) && count("few") + count("many") == 200,
        "{} go the way of few",
        count("few")
    );
    assert!((137..=183).contains(&count("in")), "{} are in", count("in"));
}

#[test]
fn whoever_is_parked_is_not_looked_at_for_ever() {
    let site = |version: u32, id: &str| {
        format!(
            "petitfour: 1\nversion: {version}\nevents: {{ sign_up: {{}} }}\nplacements: {{ hero: {{ fallback: house }} }}\n\
             fallbacks: {{ house: {{ headline: Hello }} }}\nsegments: {{ new: {{ event: sign_up }} }}\n\
             journeys:\n  parking: {{ enter: {{ on: sign_up }}, changed: park, steps: [{{ wait: 2 hours, id: {id} }}] }}\n"
        )
    };
    let mut origin = Origin::over(&site(1, "old"));
    origin.event("sign_up", "anna");
    origin.engine = Arc::new(Engine::load(bundle(&site(2, "new"))).expect("a bundle"));
    origin.pass(DAY);
    assert_eq!(origin.steps(), [step("old")], "parked");
    let due: Vec<Option<i64>> = {
        let rows = origin.store.connection().query("SELECT due FROM journeys", &[]).expect("rows");
        rows.iter().map(|row| row.get(0).unwrap()).collect()
    };
    assert_eq!(due, [None], "nothing is due any more");
}

#[test]
fn who_has_not_permitted_what_a_channel_needs_is_not_written_to() {
    let mut origin = Origin::over(PRESSING);
    origin.now = 1_792_022_400_000 + 12 * HOUR;
    let mut closed = event(1, "sign_up", "anna", origin.now);
    closed.permitted = 0b1101;
    let (engine, routes, at) = (Arc::clone(&origin.engine), origin.routes.clone(), origin.now);
    origin
        .store
        .write(at, |graph| {
            let mut journal = Journal::new(graph);
            journal.record(&closed)?;
            journal.close()?;
            profile::fold(graph.connection, &engine, &routes, at)
        })
        .expect("stored");
    let reasons = origin.store.connection().query("SELECT reason FROM sendings", &[]).expect("rows");
    assert_eq!(reasons.iter().map(|row| row.get::<String>(0).unwrap()).collect::<Vec<_>>(), ["permission"]);
    assert!(origin.outbox("letters").is_empty());
    assert_eq!(origin.steps(), [step("b")], "and the journey goes on");
}

#[test]
fn a_journey_that_changes_while_people_come_moves_ends_or_parks_them_as_it_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, segments) = (folder.path().join("data"), folder.path().join("segments.pf4"));
    let site = |version: u32, journeys: &str| {
        format!(
            "petitfour: 1\nversion: {version}\nevents: {{ sign_up: {{}} }}\nplacements: {{ hero: {{ fallback: house }} }}\n\
             fallbacks: {{ house: {{ headline: Hello }} }}\nsegments: {{ new: {{ event: sign_up }} }}\njourneys:\n{journeys}"
        )
    };
    let journey = |name: &str, more: &str, step: &str| {
        format!("  {name}: {{ enter: {{ on: sign_up }}, {more} steps: [{{ wait: 2 days, id: {step} }}] }}\n")
    };
    let before: String = ["moving", "ending", "parking"].map(|name| journey(name, "", "old")).concat();
    let after = journey("moving", "moved: { old: new },", "new")
        + &journey("ending", "changed: exit,", "new")
        + &journey("parking", "changed: park,", "new");
    fs::write(&segments, bundle(&site(1, &before))).expect("written");
    drop(Store::open(&Place::folder(&data)).expect("a store"));
    let secret = support::key(&data, &["crm", "--kind", "server"]);
    let server = Server::start(&data, &["--segments", &segments.display().to_string()]);
    let header = support::basic(&secret);
    let agent = support::agent();
    let sign_up = |number: usize| {
        let event = serde_json::json!({ "userId": format!("p{number}"), "event": "sign_up", "messageId": format!("m-{number}"), "type": "track" });
        let request = agent.post(format!("{}/v1/track", server.url)).header("authorization", &header);
        let sent = request.header("content-type", "application/json").send(event.to_string().as_bytes());
        assert_eq!(sent.expect("an answer").status().as_u16(), 200);
    };
    let census = || -> BTreeMap<(String, String), i64> {
        let rows: Value = serde_json::from_slice(&server.get("/v1/journeys", &[]).body).expect("JSON");
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let rows = rows["journeys"].as_array().expect("rows");
        rows.iter().map(|row| ((text(&row["journey"]), text(&row["step"])), row["people"].as_i64().unwrap())).collect()
    };
    let at = |journey: &str, step: &str| (journey.to_owned(), step.to_owned());
    (0..150).for_each(sign_up);
    assert!(within(60, || census().get(&at("parking", "old")) == Some(&150)), "{:?}", census());
    // People keep coming while the file changes.
    std::thread::scope(|scope| {
        let coming = scope.spawn(|| (150..300).for_each(sign_up));
        std::thread::sleep(Duration::from_millis(100));
        let next = segments.with_extension("next");
        fs::write(&next, bundle(&site(2, &after))).expect("written");
        fs::rename(&next, &segments).expect("in its place");
        coming.join().expect("all came");
    });
    let settled = || {
        let census = census();
        let of = |journey: &str, step: &str| census.get(&at(journey, step)).copied().unwrap_or_default();
        let gone = |journey: &str| {
            census
                .iter()
                .filter(|((name, step), _)| name == journey && step.starts_with('#'))
                .map(|(_, people)| people)
                .sum::<i64>()
        };
        of("moving", "new") == 300
            && (150..=300).contains(&of("ending", "left"))
            && of("ending", "left") + of("ending", "new") == 300
            && gone("parking") == of("ending", "left")
            && gone("parking") + of("parking", "new") == 300
    };
    assert!(within(60, settled), "{:?}", census());
}

const CHOOSING: &str = "petitfour: 1
version: 1
events: { sign_up: {} }
channels: { push: { needs: [] }, mail: { needs: [], caps: { day: 1 } }, call: { needs: [], caps: { week: 1 } } }
placements: { hero: { fallback: house } }
fallbacks: { house: { headline: Hello } }
segments: { new: { event: sign_up } }
journeys:
  news: { enter: { on: sign_up }, again: always, steps: [{ send: { channel: [push, mail, call], message: hello }, id: a }] }
";

#[test]
fn a_message_goes_by_the_first_channel_that_may_carry_it_and_says_why_not_by_those_before() {
    let mut origin = Origin::over(CHOOSING);
    origin.now = 1_792_022_400_000 + 9 * HOUR;
    let told = |origin: &Origin| -> Vec<(String, String, String)> {
        let sql = "SELECT channel, reason, before FROM sendings ORDER BY since";
        let rows = origin.store.connection().query(sql, &[]).expect("rows");
        rows.iter().map(|row| (row.get(0).unwrap(), row.get(1).unwrap(), row.get(2).unwrap())).collect()
    };
    let line = |channel: &str, before: &str| (channel.to_owned(), String::new(), before.to_owned());
    origin.event("sign_up", "anna");
    assert_eq!(told(&origin), [line("mail", "push=no_destination")]);
    origin.now += HOUR;
    origin.event("sign_up", "anna");
    assert_eq!(told(&origin)[1..], [line("call", "push=no_destination mail=cap_day")]);
    // Neither may go today, and one may tomorrow: the message waits for it.
    origin.now += HOUR;
    origin.event("sign_up", "anna");
    origin.pass(12 * HOUR);
    assert_eq!(told(&origin).len(), 2);
    origin.pass(2 * HOUR);
    assert_eq!(told(&origin)[2..], [line("mail", "push=no_destination")]);
    assert_eq!((origin.outbox("letters").len(), origin.outbox("desk").len()), (2, 1));
}

const TOGETHER: &str = r#"petitfour: 1
version: 1
events: { sign_up: {}, looked: {}, owes: {} }
channels: { mail: { needs: [], caps: { day: 1 } }, call: { needs: [] }, letter: { needs: [] } }
pressure: { day: 2, week: 5, except: [letter] }
placements: { hero: { fallback: house } }
fallbacks: { house: { headline: Hello } }
segments: { looks: { event: looked } }
journeys:
  first: { enter: { on: sign_up }, again: always, steps: [{ send: { channel: [mail, call], message: a }, id: a }] }
  second: { enter: { on: looked }, again: always, steps: [{ wait: 40 minutes, id: w }, { send: { channel: call, message: b }, id: b }] }
  third: { enter: { on: owes }, again: always, steps: [{ send: { channel: letter, message: c }, id: c }] }
"#;

#[test]
fn nobody_is_written_to_by_all_channels_together_more_often_than_the_pressure_allows() {
    let roster = ROSTER.replace("channels: [call]", "channels: [call, letter]");
    let (mut counted, mut letters) = (0, 0);
    for seed in 0..8u64 {
        let mut origin = Origin::over(TOGETHER);
        origin.routes = Routes::of(&Roster::parse(&roster).expect("a roster"));
        // Havana's day begins at one o'clock in spring, and has its first hour twice in autumn.
        origin.zone = ["Europe/Berlin", "America/Havana", "Australia/Lord_Howe", "Asia/Kathmandu"][seed as usize % 4];
        // Two weeks before clocks change: 2026-10-15, and 2026-02-22 with 50 days to go.
        origin.now = if seed < 4 { 1_792_022_400_000 } else { 1_771_718_400_000 };
        for step in 0..160u64 {
            let chance = support::scatter(seed << 32 | step);
            origin.pass(i64::try_from(chance % 500).unwrap() * MINUTE);
            // Shortly after midnight too, where a day of 25 hours is easily mistaken.
            if chance >> 40 & 1 == 1 {
                origin.event(["sign_up", "looked", "owes"][(chance >> 41) as usize % 3], "anna");
            }
        }
        let zone = jiff::tz::TimeZone::get(origin.zone).expect("a zone");
        let sql = "SELECT at, channel FROM sendings WHERE reason = '' ORDER BY at";
        let rows = origin.store.connection().query(sql, &[]).expect("rows");
        let mut days: Vec<jiff::civil::Date> = Vec::new();
        for row in &rows {
            if row.get::<String>(1).unwrap() == "letter" {
                letters += 1;
                continue;
            }
            let local = zone.to_datetime(jiff::Timestamp::from_millisecond(row.get(0).unwrap()).unwrap()).date();
            days.push(local);
            let week = local.checked_sub(jiff::ToSpan::days(6)).unwrap();
            assert!(days.iter().filter(|day| **day == local).count() <= 2, "seed {seed}: three on {local}");
            assert!(days.iter().filter(|day| **day >= week).count() <= 5, "seed {seed}: six in the week of {local}");
        }
        counted += days.len();
    }
    // Some 27 days of each, at five a week.
    assert!(counted > 8 * 12 && letters > 8 * 10, "{counted} and {letters}: what is held back goes later");
}

#[test]
fn what_waits_is_told_with_its_reason_and_asking_moves_nobody() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, segments) = (folder.path().join("data"), folder.path().join("segments.pf4"));
    fs::write(&segments, bundle(&TOGETHER.replace("day: 2", "day: 1"))).expect("written");
    let roster = folder.path().join("destinations.yaml");
    fs::write(&roster, ROSTER).expect("written");
    drop(Store::open(&Place::folder(&data)).expect("a store"));
    let secret = support::key(&data, &["crm", "--kind", "server"]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_petitfour-collector"));
    command.env("HOOK", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let arguments = ["--segments", &segments.display().to_string(), "--destinations", &roster.display().to_string()];
    let server = Server::spawn(command, &data, &arguments);
    let told = |what: &str, sent: usize, waiting: usize| -> Value {
        let body = serde_json::json!({
            "userId": "anna", "event": "sign_up", "messageId": what, "type": "track",
            "context": { "timezone": "Asia/Kathmandu", "traits": { "phone": "+436601234567" } },
        });
        let posted = support::agent()
            .post(format!("{}/v1/track", server.url))
            .header("authorization", support::basic(&secret))
            .header("content-type", "application/json")
            .send(body.to_string().as_bytes());
        assert_eq!(posted.expect("an answer").status().as_u16(), 200);
        within_a_minute(|| {
            let person: Value =
                serde_json::from_slice(&server.get("/v1/persons?kind=user_id&value=anna", &[]).body).ok()?;
            let path = format!("/v1/persons/{}/messages", person["person"].as_str()?);
            let told: Value = serde_json::from_slice(&server.get(&path, &[]).body).ok()?;
            let count = |list: &str| told[list].as_array().map(Vec::len);
            (count("messages") == Some(sent) && count("waiting") == Some(waiting)).then_some(told)
        })
    };
    // Nobody knows an address, so the first goes by call, and then all channels together have had their day.
    let first = told("m-1", 1, 0);
    assert_eq!(first["messages"][0]["not_by"], serde_json::json!({ "mail": "no_address" }));
    assert_eq!(
        (&first["messages"][0]["channel"], &first["messages"][0]["step"], &first["messages"][0]["offers"]),
        (&"call".into(), &"a".into(), &serde_json::json!(["mail", "call"]))
    );
    assert_eq!(first["messages"][0]["offset_minutes"], 345);
    let second = told("m-2", 1, 1);
    let waiting = &second["waiting"][0];
    assert_eq!(waiting["not_by"], serde_json::json!({ "mail": "no_address", "call": "pressure_day" }));
    let until = waiting["until"].as_i64().expect("a time");
    assert_eq!((until + 345 * MINUTE) % DAY, 0, "midnight in Kathmandu");
    assert_eq!((&waiting["goes_by"], &waiting["message"]), (&Value::Null, &"a".into()));
    assert_eq!(second["pressure"], serde_json::json!({ "day": 1, "week": 5, "except": ["letter"] }));
    assert_eq!(
        second["channels"]["mail"],
        serde_json::json!({ "needs": [], "caps": { "day": 1, "week": null }, "quiet": null })
    );
    assert_eq!(told("m-3", 1, 1)["messages"], second["messages"]);
}
