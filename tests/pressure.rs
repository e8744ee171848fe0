//! Caps over several devices of one person: on one device never exceeded, person-wide by no more than what nobody has told yet.
//!
//! The bound, as `docs/campaigns.md` states it: when a device shows a campaign, the person has seen it that day less often than the cap
//! allows, but for what other devices showed since this one was last answered. What they showed on a day that this device's clock has
//! not come to yet is told again when it has.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test that fails here has failed")]

mod support;

use petitfour::consent::Permissions;
use petitfour::engine::{Engine, Reason, Session};
use petitfour::id::Key;
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
