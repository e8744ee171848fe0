//! The engine as a traveller, and the contests between it and the reference.
//!
//! `PETITFOUR_JOURNEY_SEED=n` lives the case of that seed alone, with every clockwork.

use super::chance::Chance;
use super::contest::{Case, Fault, Traveller, live, shorten};
use super::reference::{Clock, Happening, Standing, State};
use super::script::{HEAD, Script};
use super::timeline::{Clockwork, Timeline};
use crate::support;
use petitfour::consent::Permissions;
use petitfour::engine::State as Place;
use petitfour::engine::{Engine, Session};
use petitfour::event::Event;
use petitfour::time::{Moment, Timestamp};
use petitfour_compiler::{Severity, Source, compile, render};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Lives under each file: a file costs more than a life.
const LIVES: usize = 4;

/// A visitor of the engine, and the files that they may come upon.
struct Device {
    engines: Vec<Arc<Engine>>,
    session: Session,
}

impl Device {
    fn new(engines: &[Arc<Engine>], number: u64, clock: Clock) -> Self {
        let mut session = Session::new(Arc::clone(&engines[0]), seed(number));
        session.consent(Permissions::ALL, moment(clock));
        Self { engines: engines.to_vec(), session }
    }

    /// What the session wants of its host does not matter here; it would pile up.
    fn drain(&mut self) {
        while self.session.poll_effect().is_some() {}
    }
}

impl Traveller for Device {
    fn record(&mut self, happening: &Happening, clock: Clock) {
        let properties = happening.category.iter().map(|category| ("category", category.as_str()));
        let event = Event::parse(&happening.event, properties, None).expect("an event");
        self.session.record(&event, moment(clock));
        self.drain();
    }

    fn look(&mut self, clock: Clock) {
        self.session.look(moment(clock));
        self.drain();
    }

    fn sent(&mut self, journey: &str, clock: Clock) {
        self.session.sent(journey, moment(clock));
        self.drain();
    }

    fn say(&mut self, name: &str, word: &str, clock: Clock) {
        self.session.set_trait_text(name, word, moment(clock));
        self.drain();
    }

    fn tell_text(&mut self, name: &str, word: &str) {
        self.session.set_context_text(name, word);
    }

    fn tell_temperature(&mut self, degrees: f64) {
        self.session.set_context_number("temperature", degrees);
    }

    fn clear_context(&mut self) {
        self.session.clear_context();
    }

    fn feed(&mut self, place: &str, item: &str, level: i64, as_of: u64) {
        self.session.feed("shelf", place, item, level as i32, Timestamp(as_of));
    }

    fn expect_change(&mut self, at: u64, offset: i64) {
        self.session.expect_change(Timestamp(at), offset as i16);
    }

    fn tell_hours(&mut self, hours: &[u8]) {
        self.session.set_hours(hours.to_vec());
    }

    fn change_file(&mut self, number: usize, clock: Clock) {
        let profile = self.session.profile_bytes();
        self.session = Session::new(Arc::clone(&self.engines[number]), seed(clock.now));
        self.session.consent(Permissions::ALL, moment(clock));
        self.session.restore(&profile).expect("a profile that was just written");
        self.drain();
    }

    fn standing(&self, journey: &str) -> Option<Standing> {
        let found = self.session.journey(journey)?;
        let state = match found.state {
            Place::At(id) => State::At(id),
            Place::Done => State::Done,
            Place::Reached => State::Reached,
            Place::Left => State::Left,
        };
        Some(Standing { state, since: found.since.0, due: found.due.map(|due| due.0), entries: found.entries })
    }

    fn shows(&mut self, placement: &str, campaign: &str, clock: Clock) -> bool {
        let decision = self.session.decide(placement, moment(clock));
        self.drain();
        let catalog = self.session.engine().catalog();
        let shown = decision.campaign.and_then(|at| catalog.campaign(at)).map(|found| catalog.string(found.name()));
        shown == Some(campaign)
    }
}

fn moment(clock: Clock) -> Moment {
    Moment { now: Timestamp(clock.now), offset_minutes: clock.offset as i16 }
}

fn seed(number: u64) -> [u8; 32] {
    let mut seed = [7; 32];
    seed[..8].copy_from_slice(&number.to_le_bytes());
    seed
}

/// A file as an engine; nothing where chance wrote a journey that nobody can enter, for the compiler knows such. Another fault is told with
/// the whole file and its seed.
fn build(script: &Script, number: u64) -> Option<Arc<Engine>> {
    let text = script.to_string();
    let compiled = compile(&[Source { name: "journeys.yaml".to_owned(), text: text.clone() }], &|_| None);
    let Some(bundle) = compiled.bundle else {
        let errors = || compiled.diagnostics.iter().filter(|fault| fault.severity == Severity::Error);
        if errors().all(|fault| matches!(fault.code, "journey/never-entered" | "segment/never")) {
            return None;
        }
        let faults = compiled.diagnostics.iter().map(|fault| render::diagnostic(fault, &compiled.sources, false));
        panic!("seed {number} does not compile:\n{}\n{text}", faults.collect::<Vec<_>>().join("\n"));
    };
    let engine = Engine::load(bundle);
    Some(Arc::new(engine.unwrap_or_else(|error| panic!("seed {number} does not open: {error}\n{text}"))))
}

/// Lives so many files; what fails is told at its shortest, of the first few that fail.
fn compete(clockwork: Clockwork, everyday: u64, drill: u64) {
    let count = if std::env::var_os("PETITFOUR_DRILL").is_some() { drill } else { everyday };
    let wanted = std::env::var("PETITFOUR_JOURNEY_SEED").ok();
    let seeds = wanted.map_or(0..count, |text| {
        let seed: u64 = text.parse().expect("PETITFOUR_JOURNEY_SEED is a number");
        seed..seed + 1
    });
    let (mut applied, mut failed, mut lived) = (BTreeMap::new(), Vec::new(), 0);
    for seed in seeds {
        // Files and lives grow through a run, and what fails first is small.
        let case = Case::draw(seed, 1 + (seed / 20).min(9), clockwork, LIVES);
        let engines: Option<Vec<Arc<Engine>>> = case.scripts.iter().map(|script| build(script, seed)).collect();
        let Some(engines) = engines else { continue };
        lived += case.timelines.len();
        let run = |timeline: &Timeline, applied: &mut BTreeMap<&'static str, u64>| -> Option<Fault> {
            let start = Clock { now: timeline.start, offset: timeline.offset };
            let mut device = Device::new(&engines, seed, start);
            live(&case.scripts, timeline, &mut device, applied).err()
        };
        for timeline in &case.timelines {
            if let Some(fault) = run(timeline, &mut applied) {
                let again = |timeline: &Timeline| run(timeline, &mut BTreeMap::new());
                let (shortest, fault) = shorten(timeline, fault, &again);
                failed.push(case.tell(&shortest, &fault));
            }
        }
        if failed.len() >= 12 {
            break;
        }
    }
    failed.sort_by_key(String::len);
    if let Some(shortest) = failed.first() {
        panic!("{} lives or more fail; the shortest:\n{shortest}", failed.len());
    }
    println!("{clockwork:?}: {lived} lives, the same for both; how often each rule decided: {applied:?}");
}

#[test]
fn the_engine_goes_where_the_documentation_says() {
    compete(Clockwork::Forward, 500, 18_000);
}

#[test]
fn the_engine_goes_there_when_much_happens_in_a_millisecond() {
    compete(Clockwork::Standing, 150, 5_000);
}

#[test]
fn the_engine_goes_there_when_the_clock_is_set_back() {
    compete(Clockwork::Back, 100, 2_500);
}

/// A visitor who just signed up, under a file with these journeys.
fn newcomer(engine: &Arc<Engine>, number: u64) -> (Device, Clock) {
    let clock = Clock { now: support::moment("2026-06-03T10:00:00Z").now.0, offset: 0 };
    let mut device = Device::new(std::slice::from_ref(engine), number, clock);
    device.record(&Happening { event: "sign_up".to_owned(), category: None }, clock);
    (device, clock)
}

/// Whether so many of `all` are about `share` of them: within five standard deviations, so a failure is no accident.
fn is_about(found: u64, all: u64, share: f64) -> bool {
    let (mean, deviation) = (all as f64 * share, (all as f64 * share * (1.0 - share)).sqrt());
    (found as f64 - mean).abs() <= 5.0 * deviation
}

#[test]
fn arms_of_splits_get_their_shares_apart_from_each_other_and_for_ever() {
    const VISITORS: u64 = 4_000;
    let engine = support::build(&format!(
        "{HEAD}journeys:
  trial:
    enter: {{ on: sign_up }}
    again: always
    exit: {{ on: purchase }}
    steps:
      - split:
          - share: 30%
            steps: [{{ set: {{ trait: plan, to: gold }} }}]
          - share: 70%
            steps: [{{ set: {{ trait: plan, to: blue }} }}]
      - split:
          - share: 50%
            steps:
              - if: {{ trait: plan, is: gold }}
                then: [{{ wait: 2 days, id: gold-left }}]
                else: [{{ wait: 2 days, id: blue-left }}]
          - share: 50%
            steps:
              - if: {{ trait: plan, is: gold }}
                then: [{{ wait: 2 days, id: gold-right }}]
                else: [{{ wait: 2 days, id: blue-right }}]
"
    ));
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for number in 0..VISITORS {
        let (mut device, mut clock) = newcomer(&engine, number);
        let first = device.standing("trial").expect("entered").state;
        for event in ["purchase", "sign_up"] {
            clock.now += 60_000;
            device.record(&Happening { event: event.to_owned(), category: None }, clock);
        }
        let again = device.standing("trial").expect("entered");
        assert_eq!((&again.state, again.entries), (&first, 2), "visitor {number} goes another way");
        *counts.entry(format!("{first:?}")).or_insert(0) += 1;
    }
    for (id, share) in [("gold-left", 0.15), ("gold-right", 0.15), ("blue-left", 0.35), ("blue-right", 0.35)] {
        let found = counts.get(&format!("{:?}", State::At(id.to_owned()))).copied().unwrap_or(0);
        assert!(is_about(found, VISITORS, share), "{id}: {counts:?}");
    }
}

#[test]
fn a_holdout_keeps_out_its_share_for_ever() {
    const VISITORS: u64 = 4_000;
    let engine = support::build(&format!(
        "{HEAD}journeys:
  most:
    enter: {{ on: sign_up }}
    holdout: 20%
    steps: [{{ wait: 2 days, id: pause }}]
  everybody:
    enter: {{ on: sign_up }}
    steps: [{{ wait: 2 days, id: pause }}]
"
    ));
    let mut kept_out = 0;
    for number in 0..VISITORS {
        let (mut device, mut clock) = newcomer(&engine, number);
        let first = device.standing("most");
        clock.now += 60_000;
        device.record(&Happening { event: "sign_up".to_owned(), category: None }, clock);
        assert_eq!(device.standing("most"), first, "visitor {number} was kept out once");
        assert!(device.standing("everybody").is_some());
        kept_out += u64::from(first.is_none());
    }
    assert!(is_about(kept_out, VISITORS, 0.2), "{kept_out} of {VISITORS}");
}

#[test]
fn what_a_file_with_journeys_prints_is_read_by_the_compiler() {
    for seed in 0..200 {
        let mut chance = Chance::new(seed);
        build(&super::draft::Draft::script(&mut chance, 29_540_160, 10), seed);
    }
}
