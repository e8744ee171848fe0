//! Exposures over all visitors: many devices of the real engine, told the pace that the collector learns from what it hears of them.
//!
//! The bound, as `docs/campaigns.md` states it: what was heard never goes beyond `exposures`, but for what is on its way. Here a device is up to two
//! minutes late with what it showed, and decides by the pace of the last minute.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says why by panicking"
)]

mod support;

use std::{fs, sync::Arc};

use petitfour::{
    consent::Permissions,
    engine::{Effect, Engine, Reason, Session},
    hash::xxh64,
    sync::Message,
    time::{Moment, Timestamp},
};
use petitfour_collector::{
    ledger::Intake,
    pace::{self, FEED, Memory, Target},
    params,
    store::{Place, Store},
};
use petitfour_compiler::{Source, compile};

const MINUTE: u64 = 60_000;
/// 2026-06-01T00:00Z.
const START: u64 = 1_780_272_000_000;
/// Devices that come again and again.
const DEVICES: usize = 3_000;

fn bundle(exposures: &str) -> Vec<u8> {
    let text = format!(
        "petitfour: 1\nversion: 1\nplacements: {{ hero: {{ fallback: house }} }}\nfallbacks: {{ house: {{ headline: House }} }}\n\
         campaigns:\n  - {{ id: summer, placements: [hero], exposures: {exposures}, creatives: [{{ id: a, headline: Summer }}] }}\n"
    );
    let compiled = compile(&[Source { name: "campaigns.yaml".into(), text }], &|_| None);
    compiled.bundle.unwrap_or_else(|| panic!("{:?}", compiled.diagnostics))
}

fn engine(exposures: &str) -> Arc<Engine> {
    Arc::new(Engine::load(bundle(exposures)).expect("a bundle"))
}

/// A site, its devices, and the collector's store behind them.
struct Site {
    store: Store,
    targets: Vec<Target>,
    memory: Memory,
    devices: Vec<Session>,
    /// Messages, by the minute in which they arrive.
    under_way: Vec<(u64, Intake)>,
    /// Exposures that devices confirmed, by minute.
    shown: Vec<u64>,
    visits: u64,
    _folder: tempfile::TempDir,
}

impl Site {
    fn new(exposures: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let engine = engine(exposures);
        let devices = (0..DEVICES).map(|number| {
            let mut seed = [0; 32];
            seed[..8].copy_from_slice(&(number as u64 + 1).to_le_bytes());
            let mut session = Session::new(Arc::clone(&engine), seed);
            session.consent(Permissions::ALL, Moment::utc(START));
            session
        });
        Self {
            store: Store::open(&Place::folder(folder.path())).expect("a store"),
            targets: pace::targets(engine.catalog()),
            memory: Memory::default(),
            devices: devices.collect(),
            under_way: Vec::new(),
            shown: Vec::new(),
            visits: 0,
            _folder: folder,
        }
    }

    /// Lives so many minutes with about so many visits in each, by the hour of the day.
    fn live(&mut self, minutes: u64, visits: &dyn Fn(u64) -> f64) {
        for _ in 0..minutes {
            let minute = self.shown.len() as u64;
            let now = START + minute * MINUTE;
            let share = self.look(minute, now);
            let chance = support::scatter(minute ^ 0xBEEF) as f64 / u64::MAX as f64;
            let mut shown = 0;
            for _ in 0..(visits(minute) + chance) as u64 {
                self.visits += 1;
                shown += u64::from(self.visit(minute, now, share));
            }
            self.shown.push(shown);
        }
    }

    /// What has arrived is stored, and the pace is told anew.
    fn look(&mut self, minute: u64, now: u64) -> i32 {
        let (arrived, rest) = std::mem::take(&mut self.under_way).into_iter().partition(|(at, _)| *at <= minute);
        self.under_way = rest;
        let arrived: Vec<Intake> =
            Vec::from_iter::<Vec<(u64, Intake)>>(arrived).into_iter().map(|(_, intake)| intake).collect();
        let now = i64::try_from(now).expect("a time");
        if !arrived.is_empty() {
            self.store.store(arrived.iter(), now).expect("stored");
        }
        let (targets, memory) = (&self.targets, &mut self.memory);
        self.store.write(now, |graph| pace::look(graph.connection, targets, memory, now)).expect("looked");
        let sql = "SELECT level FROM levels WHERE feed = ?1 AND item = 'summer'";
        self.store.connection().scalar(sql, params![FEED]).expect("read").expect("a level")
    }

    fn visit(&mut self, minute: u64, now: u64, share: i32) -> bool {
        let chance = support::scatter(self.visits);
        let session = &mut self.devices[(chance % DEVICES as u64) as usize];
        let moment = Moment::utc(now + (chance >> 32) % MINUTE);
        assert!(session.feed(FEED, "", "summer", share, Timestamp(now)));
        let decision = session.decide("hero", moment);
        let shown = decision.reason == Reason::Chosen && session.exposed(decision.id, moment);
        session.flush();
        while let Some(effect) = session.poll_effect() {
            if let Effect::Send(bytes) = effect {
                let message = Message::decode(&bytes).expect("a message");
                let intake = Intake { message, bytes: bytes.len() as u32, digest: xxh64(&bytes, 0) };
                self.under_way.push((minute + 1 + (chance >> 50) % 2, intake));
            }
        }
        shown
    }

    fn shown(&self, minutes: std::ops::Range<usize>) -> u64 {
        self.shown[minutes].iter().sum()
    }
}

/// Thirty thousand visits a day: few at night, twice the mean in the afternoon.
fn day(minute: u64) -> f64 {
    let hour = minute as f64 / 60.0 * std::f64::consts::TAU / 24.0;
    20.8 * (1.0 - 0.8 * hour.cos())
}

#[test]
fn a_day_is_spent_evenly_and_overshot_by_no_more_than_what_is_on_its_way() {
    const BUDGET: u64 = 6_000;
    let mut site = Site::new("{ day: 6000 }");
    site.live(2 * 1_440, &day);
    for number in 0..2 {
        let spent = site.shown(number * 1_440..(number + 1) * 1_440);
        println!("day {number}: {spent} of {BUDGET}");
        // Two minutes of being late, at twice the mean of 4.2 a minute.
        assert!(spent <= BUDGET + 20, "{spent}");
        assert!(spent * 100 >= BUDGET * 97, "{spent}");
        for hour in 1..24 {
            let until = site.shown(number * 1_440..number * 1_440 + hour * 60) as f64;
            let even = BUDGET as f64 * hour as f64 / 24.0;
            assert!(
                (until - even).abs() <= 0.06 * BUDGET as f64,
                "day {number} at {hour}: {until}, and even is {even}"
            );
        }
    }
    let widest = (0..48).map(|hour| {
        let day = hour / 24 * 1_440;
        let even = BUDGET as f64 * (hour % 24) as f64 / 24.0;
        (site.shown(day..day + hour % 24 * 60) as f64 - even).abs()
    });
    println!("furthest from even: {:.1}%", 100.0 * widest.fold(0.0, f64::max) / BUDGET as f64);
}

#[test]
fn a_whole_that_goes_as_fast_as_it_can_ends_where_it_should_though_a_crowd_comes() {
    let mut site = Site::new("{ total: 2000, pacing: asap }");
    site.live(60, &|_| 20.0);
    // Ten times as many come at once.
    site.live(120, &|_| 200.0);
    let spent = site.shown(0..180);
    println!("{spent} of 2000");
    assert!((2_000..=2_000 + 200).contains(&spent), "{spent}");
    assert_eq!(site.shown(150..180), 0);
}

#[test]
fn a_day_begins_anew_at_midnight_and_a_process_too() {
    let mut site = Site::new("{ day: 100, pacing: asap }");
    site.live(300, &|_| 20.0);
    let first = site.shown(0..300);
    assert!((100..=140).contains(&first), "{first}");
    // Nobody comes, and the process begins anew with nothing in mind.
    site.memory = Memory::default();
    site.live(1_440 - 300, &|_| 0.0);
    site.live(300, &|_| 20.0);
    let second = site.shown(1_440..1_740);
    assert!((100..=140).contains(&second), "{second}");
}

#[test]
fn a_pace_that_nobody_told_or_that_is_old_does_what_otherwise_says() {
    let moment = |minutes: u64| Moment::utc(START + minutes * MINUTE);
    for (otherwise, unknown) in [("skip", Reason::Fallback), ("show", Reason::Chosen)] {
        let mut session = Session::new(engine(&format!("{{ day: 100, otherwise: {otherwise} }}")), [7; 32]);
        session.consent(Permissions::ALL, moment(0));
        assert_eq!(session.decide("hero", moment(0)).reason, unknown);
        assert!(session.feed(FEED, "", "summer", 10_000, Timestamp(START)));
        assert_eq!(session.decide("hero", moment(1)).reason, Reason::Chosen);
        assert!(session.feed(FEED, "", "summer", 0, Timestamp(START + MINUTE)));
        assert_eq!(session.decide("hero", moment(61)).reason, Reason::Fallback, "an hour old is not too old");
        let why = session.explain("hero", moment(61));
        assert_eq!(why.campaigns[0].reason, Reason::Pace);
        assert_eq!(session.decide("hero", moment(63)).reason, unknown, "older");
    }
}

#[test]
fn a_share_of_the_visitors_is_that_share_and_another_one_every_hour() {
    let engine = engine("{ day: 100 }");
    let mut inside = vec![[false; 24]; 2_000];
    for (number, hours) in inside.iter_mut().enumerate() {
        let mut seed = [3; 32];
        seed[..8].copy_from_slice(&(number as u64).to_le_bytes());
        let mut session = Session::new(Arc::clone(&engine), seed);
        session.consent(Permissions::ALL, Moment::utc(START));
        for (hour, inside) in hours.iter_mut().enumerate() {
            let at = START + hour as u64 * 60 * MINUTE;
            assert!(session.feed(FEED, "", "summer", 2_500, Timestamp(at)));
            *inside = session.decide("hero", Moment::utc(at)).reason == Reason::Chosen;
            assert_eq!(session.decide("hero", Moment::utc(at + 59 * MINUTE)).reason == Reason::Chosen, *inside);
        }
    }
    for hour in 0..24 {
        let share = inside.iter().filter(|hours| hours[hour]).count();
        assert!((400..600).contains(&share), "{share} of 2000 at {hour}");
    }
    let never = inside.iter().filter(|hours| !hours.contains(&true)).count();
    assert!(never < 20, "{never} see it in no hour of the day; by chance that is 0.1% of 2000");
}

#[test]
fn a_collector_publishes_the_pace_of_the_bundle_that_it_serves_as_a_feed() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("bundle.pf4");
    fs::write(&file, bundle("{ day: 100 }")).expect("written");
    let server = support::Server::start(&folder.path().join("data"), &["--bundle", &file.display().to_string()]);
    let mut told = serde_json::Value::Null;
    support::until("the pace is told", || {
        let found = server.get("/v1/feeds/petitfour.pace", &[]);
        told = serde_json::from_slice(&found.body).unwrap_or_default();
        found.status == 200
    });
    let level = &told["levels"][0];
    assert_eq!((&level["item"], &level["place"], &level["level"]), (&"summer".into(), &"".into(), &100.into()));
}
