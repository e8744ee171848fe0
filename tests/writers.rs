//! Several writers at once: tabs of one browser, of which one holds the profile, and edge requests that carry its cookie.
//! Whatever the order in which they write, read, hand over and come back, every event is in the profile once.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails here has failed"
)]

mod support;

use petitfour::consent::Permissions;
use petitfour::engine::{Effect, Engine, Session};
use petitfour::event::Event;
use petitfour::id::{Key, Visitor};
use petitfour::profile::{Change, Note, Profile, note};
use petitfour::time::{Moment, Timestamp};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

const START: u64 = 1_780_315_200_000; // 2026-06-01T12:00:00Z
const SECOND: u64 = 1_000;

/// Reduced in the everyday run; `cargo xtask drill` sets PETITFOUR_DRILL for the full number.
fn cases() -> ProptestConfig {
    let cases = if std::env::var_os("PETITFOUR_DRILL").is_some() { 20_000 } else { 400 };
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

static ENGINE: LazyLock<Arc<Engine>> = LazyLock::new(|| {
    support::build(
        "petitfour: 1
version: 1
consent: { default: [store, personalise] }
events: { viewed: {}, bought: {} }
affinities:
  drink: { event: viewed, property: kind, half_life: 7 days, values: [water, tea] }
placements: { hero: { fallback: house } }
fallbacks: { house: { headline: House } }
campaigns:
  - id: often
    placements: [hero]
    when: { all: [{ event: viewed, at_least: 100000, within: 30 days }, { event: bought, at_least: 1 }, { affinity: drink, of: water, at_least: 1 }] }
    caps: { day: 3 }
    creatives: [{ id: often-a, headline: a }]
",
    )
});

/// A browser: what is stored, and the tabs.
#[derive(Default)]
struct Device {
    profile: Option<Vec<u8>>,
    notes: BTreeMap<u64, Vec<u8>>,
    /// Notes that a request in flight, a slow disk or a copy brings once more.
    late: Vec<(u64, Vec<u8>)>,
    pages: u64,
}

struct Tab {
    session: Session,
    read: Option<Vec<u8>>,
}

impl Device {
    fn open(&mut self, holds: bool, now: Moment) -> Tab {
        self.pages += 1;
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.pages.to_le_bytes());
        let mut tab = Tab { session: Session::new(ENGINE.clone(), seed), read: None };
        tab.session.hold(holds, now);
        tab.session.consent(Permissions::from_bits(3), now);
        self.pull(&mut tab);
        self.drain(&mut tab);
        tab
    }

    /// Takes in what the holder wrote since.
    fn pull(&mut self, tab: &mut Tab) {
        if self.profile != tab.read {
            tab.read = self.profile.clone();
            if let Some(stored) = &self.profile {
                tab.session.restore(stored).expect("what was stored");
            }
        }
    }

    fn drain(&mut self, tab: &mut Tab) {
        while let Some(effect) = tab.session.poll_effect() {
            match effect {
                Effect::Persist(bytes) => {
                    tab.read = Some(bytes.clone());
                    self.profile = Some(bytes);
                }
                Effect::Note(bytes) if bytes.is_empty() => drop(self.notes.remove(&tab.session.dot())),
                Effect::Note(bytes) => drop(self.notes.insert(tab.session.dot(), bytes)),
                Effect::Send(_) | Effect::Wake(_) | Effect::Erase | Effect::PersistIdentifiers(_) => {}
            }
        }
    }

    /// The holder takes in what the others wrote, keeps the profile, and removes what held nothing new.
    fn gather(&mut self, tab: &mut Tab, now: Moment) {
        let found: Vec<(u64, Vec<u8>)> = self.notes.clone().into_iter().chain(self.late.drain(..)).collect();
        for (dot, bytes) in found {
            if !tab.session.absorb(&bytes, now).expect("what was noted") {
                self.notes.remove(&dot);
            }
        }
        self.drain(tab);
    }

    /// An edge request: reads what the cookies say, records, and answers with a note.
    fn request(&mut self, now: Moment, event: &Event) {
        let mut edge = self.open(false, now);
        for bytes in self.notes.clone().into_values() {
            edge.session.absorb(&bytes, now).expect("what was noted");
        }
        edge.session.record(event, now);
        self.drain(&mut edge);
    }
}

#[derive(Debug, Clone)]
enum Act {
    Record(usize, bool),
    Request(bool),
    /// Another tab gets the lock.
    HandOver(usize),
    /// The holder looks for notes.
    Gather,
    /// A tab that does not hold hears that the profile changed.
    Hear(usize),
    /// A tab is closed and another opened in its place.
    Reload(usize),
    /// A note that is there now comes once more, later.
    Delay,
    Pass(u64),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        8 => (0usize..3, any::<bool>()).prop_map(|(tab, bought)| Act::Record(tab, bought)),
        3 => any::<bool>().prop_map(Act::Request),
        2 => (0usize..3).prop_map(Act::HandOver),
        3 => Just(Act::Gather),
        2 => (0usize..3).prop_map(Act::Hear),
        1 => (0usize..3).prop_map(Act::Reload),
        1 => Just(Act::Delay),
        2 => (1u64..120).prop_map(Act::Pass),
    ];
    prop::collection::vec(act, 1..200)
}

fn event(bought: bool) -> Event {
    let name = if bought { "bought" } else { "viewed" };
    Event::parse(name, [("kind", "water")], None).unwrap()
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn tabs_and_edges_together_lose_nothing_and_double_nothing(acts in acts()) {
        let mut now = Moment::utc(START);
        let mut device = Device::default();
        let mut holder = 0;
        let mut tabs: Vec<Tab> = (0..3).map(|tab| device.open(tab == 0, now)).collect();
        let mut done = [0u64; 2];
        // So many writers come within the hours for which they are remembered; more at once is not promised.
        let mut requests = 0;
        for act in acts {
            match act {
                Act::Record(tab, bought) => {
                    let tab = &mut tabs[tab];
                    device.pull(tab);
                    tab.session.record(&event(bought), now);
                    device.drain(tab);
                    done[usize::from(bought)] += 1;
                }
                Act::Request(bought) if requests < 8 => {
                    requests += 1;
                    device.request(now, &event(bought));
                    done[usize::from(bought)] += 1;
                }
                Act::Request(_) => {}
                Act::HandOver(next) if next != holder => {
                    tabs[holder].session.hold(false, now);
                    device.drain(&mut tabs[holder]);
                    device.pull(&mut tabs[next]);
                    tabs[next].session.hold(true, now);
                    device.drain(&mut tabs[next]);
                    holder = next;
                }
                Act::HandOver(_) => {}
                Act::Gather => device.gather(&mut tabs[holder], now),
                Act::Hear(tab) => {
                    device.pull(&mut tabs[tab]);
                    device.drain(&mut tabs[tab]);
                }
                Act::Reload(tab) if device.pages < 24 => tabs[tab] = device.open(tab == holder, now),
                Act::Reload(_) => {}
                Act::Delay => device.late = device.notes.clone().into_iter().collect(),
                Act::Pass(seconds) => now.now = Timestamp(now.now.0 + seconds * SECOND),
            }
            for bytes in device.notes.values() {
                prop_assert!(bytes.len() <= note::MAX_BYTES);
            }
        }
        device.gather(&mut tabs[holder], now);
        device.gather(&mut tabs[holder], now);
        let blank = Profile::new(Visitor::default(), now);
        let whole = device.profile.as_ref().map_or(blank, |bytes| Profile::decode(bytes).unwrap());
        prop_assert_eq!([whole.total(Key::of("viewed")), whole.total(Key::of("bought"))], done);
        prop_assert_eq!(whole.within(Key::of("viewed"), 1, now), done[0]);
        prop_assert!(device.notes.is_empty(), "every note was taken in and removed");
    }

    #[test]
    fn a_note_comes_back_as_it_was_and_every_cut_is_refused(
        head in any::<(u32, u64, u32)>(), ids in prop::collection::vec((any::<u32>(), any::<u64>(), 0u64..1 << 40), 1..40), cut in any::<prop::sample::Index>(),
    ) {
        let mut times: Vec<u64> = ids.iter().map(|(_, _, time)| *time).collect();
        times.sort_unstable();
        let changes = ids.iter().zip(times).map(|((id, value, _), time)| {
            let change = match id % 5 {
                0 => Change::ARRIVE,
                1 => Change::count(Key(*id), (*id >> 8) as u16, *value),
                2 => Change::expose(Key(*id), id & 8 > 0, *value),
                3 => Change::join(Key(*id), id & 8 > 0, *value as u32),
                _ => Change::step(Key(*id), *value),
            };
            (change, Moment { now: Timestamp(time), offset_minutes: *id as i16 })
        }).collect();
        let note = Note { generation: head.0, dot: head.1, first: head.2, changes };
        let bytes = note.encode();
        prop_assert_eq!(Note::decode(&bytes), Ok(note));
        prop_assert!(Note::decode(&bytes[..cut.index(bytes.len())]).is_err());
    }
}

#[test]
fn two_requests_from_one_cookie_are_both_counted() {
    let now = Moment::utc(START);
    let mut device = Device::default();
    let mut tab = device.open(true, now);
    tab.session.record(&event(false), now);
    device.drain(&mut tab);
    // Both read the same cookies before either has answered.
    let [mut one, mut other] = [device.open(false, now), device.open(false, now)];
    one.session.record(&event(false), now);
    other.session.record(&event(false), now);
    device.drain(&mut one);
    device.drain(&mut other);
    assert_eq!(device.notes.len(), 2);
    device.gather(&mut tab, now);
    assert_eq!(tab.session.profile().total(Key::of("viewed")), 3);
    assert_eq!(tab.session.profile().visits(), 1, "one visit, whoever saw it begin");
}

#[test]
fn who_was_forgotten_does_not_come_back_through_a_note() {
    let now = Moment::utc(START);
    let mut device = Device::default();
    let mut tab = device.open(true, now);
    device.request(now, &event(false));
    tab.session.forget(now);
    tab.session.consent(Permissions::ALL, now);
    device.drain(&mut tab);
    device.gather(&mut tab, now);
    assert_eq!(tab.session.profile().total(Key::of("viewed")), 0);
    assert!(device.notes.is_empty());
}

#[test]
fn without_the_store_permission_nothing_is_noted_or_taken_in() {
    let now = Moment::utc(START);
    let mut device = Device::default();
    device.request(now, &event(false));
    let bytes = device.notes.values().next().unwrap().clone();
    let mut session = Session::new(ENGINE.clone(), [9; 32]);
    session.hold(false, now);
    session.consent(Permissions::NONE, now);
    while session.poll_effect().is_some() {}
    session.record(&event(false), now);
    assert_eq!(session.absorb(&bytes, now), Ok(false));
    assert_eq!(session.poll_effect(), None);
    assert_eq!(session.profile().total(Key::of("viewed")), 0);
}

#[test]
fn a_holder_that_finds_less_than_it_knows_writes_again_and_one_that_finds_as_much_does_not() {
    let now = Moment::utc(START);
    let open = |seed: u8| {
        let mut session = Session::new(ENGINE.clone(), [seed; 32]);
        session.consent(Permissions::from_bits(3), now);
        session
    };
    let viewed = Event::parse("viewed", [("kind", "tea")], None).unwrap();
    let persisted = |session: &mut Session| {
        std::iter::from_fn(|| session.poll_effect())
            .filter_map(|effect| if let Effect::Persist(bytes) = effect { Some(bytes) } else { None })
            .last()
    };
    let (mut one, mut other) = (open(1), open(2));
    one.record(&viewed, now);
    other.record(&viewed, now);
    let (first, second) = (persisted(&mut one).unwrap(), persisted(&mut other).unwrap());
    one.restore(&second).unwrap();
    let both = persisted(&mut one).expect("the other's copy lacks what was counted here");
    other.restore(&both).unwrap();
    assert_eq!(persisted(&mut other), None, "nothing is missing there");
    one.restore(&first).unwrap();
    assert!(persisted(&mut one).is_some(), "an older copy lacks what came since");
}

#[test]
fn within_one_minute_the_writer_who_came_last_is_the_last_to_be_forgotten() {
    let now = Moment::utc(START);
    let mut profile = Profile::new(Visitor([1; 16]), now);
    let generation = profile.generation();
    let arrived = vec![(Change::count(Key::of("viewed"), 90, 0), now)];
    let note = |dot: u64| Note { generation, dot, first: 0, changes: arrived.clone() };
    for dot in (1..=40).rev() {
        assert_eq!(profile.take_in(&note(dot), now), 1);
        assert_eq!(profile.take_in(&note(dot), now), 0, "{dot} was forgotten at once");
    }
    assert_eq!(profile.taken(16), 1);
    assert_eq!(profile.taken(17), 0, "sixteen are remembered");
}
