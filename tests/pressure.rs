//! Caps over several devices of one person: on one device never exceeded, person-wide by no more than what nobody has told yet. And messages
//! over all channels together: at the origin, which knows them all, never more than `pressure` lets through.
//!
//! The bound, as `docs/campaigns.md` states it: when a device shows a campaign, the person has seen it that day less often than the cap
//! allows, but for what other devices showed since this one was last answered. What they showed on a day that this device's clock has
//! not come to yet is told again when it has.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test that fails here has failed")]

mod support;

use petitfour::consent::Permissions;
use petitfour::engine::{Engine, Reason, Session};
use petitfour::event::Event;
use petitfour::id::Key;
use petitfour::journey::{Choice, Pressure, Reach};
use petitfour::sync::Answer;
use petitfour::sync::answer::Elsewhere;
use petitfour::time::{Moment, Timestamp};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

const CAP: u64 = 3;
/// 2026-06-01T00:00Z.
const START: u64 = 1_780_272_000_000;

static ENGINE: LazyLock<Arc<Engine>> = LazyLock::new(|| {
    support::build(
        "petitfour: 1
version: 1
placements: { hero: { fallback: house } }
fallbacks: { house: { headline: House } }
campaigns:
  - { id: ad, placements: [hero], caps: { day: 3 }, creatives: [{ id: a, headline: Ad }] }
",
    )
});

/// A device of the person, and what it was told.
struct Device {
    session: Session,
    /// Its own exposures, by day.
    shown: BTreeMap<u32, u64>,
    /// What others showed since it was last answered, by day.
    untold: BTreeMap<u32, u64>,
    /// Ms by which its clock is wrong.
    skew: i64,
}

#[derive(Debug, Clone)]
enum Act {
    Look { device: usize },
    Sync { device: usize },
    Pass { minutes: u64 },
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        5 => (0..3usize).prop_map(|device| Act::Look { device }),
        2 => (0..3usize).prop_map(|device| Act::Sync { device }),
        3 => (0u64..400).prop_map(|minutes| Act::Pass { minutes }),
    ]
}

fn live(acts: &[Act], skews: [i64; 3]) -> Result<(), TestCaseError> {
    let mut devices: Vec<Device> = skews
        .into_iter()
        .enumerate()
        .map(|(number, skew)| {
            let mut session = Session::new(ENGINE.clone(), [number as u8 + 1; 32]);
            session.consent(Permissions::ALL, Moment::utc(START.saturating_add_signed(skew)));
            Device { session, shown: BTreeMap::new(), untold: BTreeMap::new(), skew }
        })
        .collect();
    let mut now = START;
    for act in acts {
        match act {
            Act::Pass { minutes } => now += minutes * 60_000,
            Act::Look { device } => {
                let own = &mut devices[*device];
                let moment = Moment { now: Timestamp(now.saturating_add_signed(own.skew)), offset_minutes: 0 };
                let decision = own.session.decide("hero", moment);
                while own.session.poll_effect().is_some() {}
                if decision.reason != Reason::Chosen {
                    continue;
                }
                let day = moment.local_day();
                let here = own.shown.get(&day).copied().unwrap_or(0);
                prop_assert!(here < CAP, "on one device it is never exceeded");
                let untold = own.untold.get(&day).copied().unwrap_or(0);
                let everywhere: u64 = devices.iter().filter_map(|device| device.shown.get(&day)).sum();
                prop_assert!(
                    everywhere < CAP + untold,
                    "{everywhere} before this one, of which {untold} were not told"
                );
                prop_assert!(devices[*device].session.exposed(decision.id, moment));
                *devices[*device].shown.entry(day).or_insert(0) += 1;
                for (number, other) in devices.iter_mut().enumerate() {
                    if number != *device {
                        *other.untold.entry(day).or_insert(0) += 1;
                    }
                }
            }
            Act::Sync { device } => {
                // The origin tells a device of each of the last days what others showed.
                let mut days: BTreeMap<u32, u64> = BTreeMap::new();
                for (number, other) in devices.iter().enumerate() {
                    if number != *device {
                        other.shown.iter().for_each(|(day, count)| *days.entry(*day).or_insert(0) += count);
                    }
                }
                let own = &mut devices[*device];
                let moment = Moment { now: Timestamp(now.saturating_add_signed(own.skew)), offset_minutes: 0 };
                let today = moment.local_day();
                let elsewhere = days
                    .iter()
                    .map(|(day, count)| Elsewhere { campaign: Key::of("ad").0, day: *day, exposures: *count as u16 })
                    .collect();
                let answer = Answer { elsewhere, ..Answer::default() };
                own.session.answer(&answer.encode(), moment).expect("an answer");
                own.untold.retain(|day, _| *day > today);
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_cap_of_a_person_is_exceeded_by_no_more_than_what_was_not_told_yet(acts in prop::collection::vec(act(), 1..120)) {
        live(&acts, [0; 3])?;
    }

    #[test]
    fn so_it_is_when_the_clocks_of_the_devices_disagree(
        acts in prop::collection::vec(act(), 1..120), skews in prop::array::uniform3(-12i64 * 3_600_000..12 * 3_600_000),
    ) {
        live(&acts, skews)?;
    }
}

#[test]
fn a_device_that_is_told_of_three_elsewhere_shows_nothing_more_that_day() {
    let acts = [
        Act::Look { device: 0 },
        Act::Look { device: 0 },
        Act::Look { device: 1 },
        Act::Sync { device: 2 },
        Act::Look { device: 2 },
    ];
    live(&acts, [0; 3]).expect("within the bound");
}

/// `bill` is exempt: it neither counts nor waits.
static ORIGIN: LazyLock<Arc<Engine>> = LazyLock::new(|| {
    support::build(
        "petitfour: 1
version: 1
events: { bought: {}, looked: {}, owes: {} }
placements: { hero: { fallback: house } }
fallbacks: { house: { headline: House } }
channels: { mail: { needs: [], caps: { day: 2 } }, push: { needs: [] }, bill: { needs: [] } }
pressure: { day: 3, week: 7, except: [bill] }
campaigns:
  - { id: ad, placements: [hero], creatives: [{ id: a, headline: Ad }] }
journeys:
  thanks: { enter: { on: bought }, again: always, steps: [{ send: { channel: [mail, push], message: thanks }, id: thanks }] }
  nudge: { enter: { on: looked }, again: always, steps: [{ wait: 7 minutes, id: rest }, { send: { channel: push, message: nudge }, id: nudge }] }
  owed: { enter: { on: owes }, again: always, steps: [{ send: { channel: bill, message: owed }, id: owed }] }
",
    )
});

/// The origin of one person: it knows every message, and hands over what may go.
struct Origin {
    session: Session,
    /// Local day and channel of each message that went.
    sent: Vec<(u32, String)>,
    /// Reasons for which something waited.
    held: Vec<&'static str>,
    now: u64,
    offset: i16,
    /// When the clock changes, and by how much.
    change: (u64, i16),
}

impl Origin {
    fn new(offset: i16, change: (u64, i16)) -> Self {
        let mut session = Session::new(ORIGIN.clone(), [9; 32]);
        session.consent(Permissions::ALL, Moment::utc(START));
        session.set_off_site(true);
        let mut origin = Self { session, sent: Vec::new(), held: Vec::new(), now: START, offset, change };
        origin.session.expect_change(Timestamp(change.0), origin.offset + change.1);
        origin
    }

    fn moment(&self) -> Moment {
        let changed = if self.now >= self.change.0 { self.change.1 } else { 0 };
        Moment { now: Timestamp(self.now), offset_minutes: self.offset + changed }
    }

    fn event(&mut self, name: &str) {
        let event = Event::parse(name, [], None).expect("an event");
        self.session.record(&event, self.moment());
        self.hand_over();
    }

    fn pass(&mut self, minutes: u64) {
        self.now += minutes * 60_000;
        self.session.look(self.moment());
        self.hand_over();
    }

    /// How often the person was reached until now by channels of which this holds. What a clock that was set back has yet to come to counts.
    fn reached(&self, by: &dyn Fn(&str) -> bool) -> Pressure {
        let today = self.moment().local_day();
        let since = |day: u32| self.sent.iter().filter(|(on, channel)| *on >= day && by(channel)).count() as u32;
        Pressure { day: since(today), week: since(today - 6) }
    }

    fn hand_over(&mut self) {
        let moment = self.moment();
        let catalog = ORIGIN.catalog();
        for _ in 0..3 {
            let dues: Vec<_> = self.session.due().collect();
            for due in dues {
                let names: Vec<&str> = (due.message..due.message + due.channels)
                    .filter_map(|at| catalog.channels().nth(catalog.messages().nth(at)?.channel()))
                    .map(|channel| catalog.string(channel.name()))
                    .collect();
                let whole = self.reached(&|channel| ORIGIN.counts(channel));
                let mut reach = |number: usize| {
                    let pressure = self.reached(&|channel| channel == names[number]);
                    Reach { pressure, whole, refusal: None }
                };
                let Choice { chosen, until, refusals } =
                    self.session.choose(&due, &mut reach, Permissions::ALL, moment);
                self.held.extend(refusals);
                match (chosen, until) {
                    (Some(number), None) => {
                        let journey = catalog.journey(due.journey).expect("the journey");
                        self.sent.push((moment.local_day(), names[number].to_owned()));
                        assert!(self.session.sent(catalog.string(journey.name()), moment));
                    }
                    (None, Some(until)) => {
                        let wait = (until * 60_000).checked_sub(self.now).expect("not before now");
                        assert!(
                            wait > 0 && wait <= 25 * 3_600_000,
                            "it is asked again within a day, not after {wait} ms"
                        );
                    }
                    other => panic!("everything is permitted and can be reached: {other:?}"),
                }
            }
        }
    }

    /// On no local day, and in no seven of them, were there more than the file lets through.
    fn is_within(&self) -> bool {
        let counted = |from: u32, until: u32| {
            self.sent.iter().filter(|(day, channel)| (from..=until).contains(day) && channel != "bill").count()
        };
        let mails = |day: u32| self.sent.iter().filter(|(on, channel)| *on == day && channel == "mail").count();
        self.sent.iter().all(|(day, _)| counted(*day, *day) <= 3 && counted(*day, *day + 6) <= 7 && mails(*day) <= 2)
    }
}

#[derive(Debug, Clone)]
enum Life {
    Event(&'static str),
    Pass(u64),
}

fn life() -> impl Strategy<Value = Life> {
    prop_oneof![
        3 => prop::sample::select(vec!["bought", "looked", "owes"]).prop_map(Life::Event),
        2 => (0u64..90).prop_map(Life::Pass),
        1 => (0u64..2_000).prop_map(Life::Pass),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn all_channels_together_never_send_more_than_the_pressure_in_any_zone_and_when_its_clock_changes(
        lives in prop::collection::vec(life(), 1..160),
        offset in -720i16..=840,
        minutes in 0u64..20_000,
        by in prop::sample::select(vec![-60i16, -30, 0, 30, 60]),
    ) {
        let mut origin = Origin::new(offset, (START + minutes * 60_000, by));
        for act in &lives {
            match act {
                Life::Event(name) => origin.event(name),
                Life::Pass(minutes) => origin.pass(*minutes),
            }
            prop_assert!(origin.is_within(), "{:?}", origin.sent);
        }
    }
}

#[test]
fn what_the_pressure_holds_back_goes_after_midnight_and_an_exempt_channel_waits_for_nothing() {
    let mut origin = Origin::new(120, (u64::MAX, 0));
    // 2026-06-01 02:00 by their clock.
    for _ in 0..5 {
        origin.event("bought");
    }
    origin.event("owes");
    let channels = |origin: &Origin| origin.sent.iter().map(|(_, channel)| channel.clone()).collect::<Vec<_>>();
    assert_eq!(channels(&origin), ["mail", "mail", "push", "bill"], "the third goes by push, the fourth waits");
    assert!(origin.held.contains(&"cap_day") && origin.held.contains(&"pressure_day"), "{:?}", origin.held);
    origin.pass(22 * 60 - 1);
    assert_eq!(origin.sent.len(), 4, "a minute before midnight");
    origin.pass(1);
    assert_eq!(channels(&origin)[4..], ["mail"]);
    // Three more days of as much as goes: seven in all, and then nothing until the first of them is a week old.
    for _ in 0..30 {
        origin.event("bought");
        origin.event("looked");
        origin.pass(120);
    }
    assert_eq!(origin.sent.len(), 8, "seven, and the bill: {:?}", origin.sent);
    assert!(origin.held.contains(&"pressure_week"));
    origin.pass(5 * 24 * 60);
    assert!(origin.sent.len() > 8 && origin.is_within());
}
