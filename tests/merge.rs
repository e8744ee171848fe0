//! The laws of merging: copies of a profile that lived apart come to the same bytes, in any order and any number of times,
//! and lose nothing that a window and the bound leave room for.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::string_slice,
    reason = "a test that fails here has failed"
)]

use petitfour::id::{Key, Visitor};
use petitfour::profile::{Change, MAX_BYTES, Profile};
use petitfour::time::{Moment, Timestamp};
use proptest::prelude::*;
use std::sync::LazyLock;

const START: u64 = 1_767_261_600_000; // 2026-01-01T10:00:00Z
const HOUR: u64 = 3_600_000;

/// Cases of each law, in every run.
const CASES: u32 = 100_000;

/// Cases at the size bound, where one takes a hundred times as long. `cargo xtask drill` sets PETITFOUR_DRILL for the full number.
fn at_the_bound() -> u32 {
    if std::env::var_os("PETITFOUR_DRILL").is_some() { CASES } else { CASES / 8 }
}

fn config(cases: u32) -> ProptestConfig {
    // A failure that was found becomes a test of its own, with a name; a file of seeds would say nothing to a reader.
    ProptestConfig { cases, failure_persistence: None, max_global_rejects: cases, ..ProptestConfig::default() }
}

#[derive(Debug, Clone)]
enum Act {
    Arrive,
    Count(u32, bool),
    Expose(u32, bool),
    Feel(u32, u32),
    Say(u32, u64),
    Join(u32, bool, u32),
    Step(u32, u64),
}

/// An act, who does it, when (hours after the start, in any order) and where the clock stands.
type Deed = (Act, u16, u64, i16);

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        Just(Act::Arrive),
        (0u32..8, any::<bool>()).prop_map(|(id, daily)| Act::Count(id, daily)),
        (0u32..5, any::<bool>()).prop_map(|(id, hourly)| Act::Expose(id, hourly)),
        (0u32..3, 0u32..6).prop_map(|(id, value)| Act::Feel(id, value)),
        (0u32..3, 0u64..4).prop_map(|(id, value)| Act::Say(id, value)),
        (0u32..3, any::<bool>(), 0u32..4).prop_map(|(id, is_in, day)| Act::Join(id, is_in, day)),
        (0u32..2, 0u64..9).prop_map(|(id, place)| Act::Step(id, place)),
    ]
}

fn deeds(most: usize) -> impl Strategy<Value = Vec<Deed>> {
    let offset = prop_oneof![Just(0i16), Just(120), Just(-480), Just(840), Just(-720)];
    proptest::collection::vec((act(), 0u16..3, 0u64..24 * 120, offset), 0..most)
}

/// A copy of one visitor's profile on one device.
fn blank(device: u16) -> Profile {
    let mut profile = Profile::new(Visitor([7; 16]), Moment::utc(START));
    profile.count_as(device);
    profile
}

fn change(act: &Act) -> Change {
    match act {
        Act::Arrive => Change::ARRIVE,
        // What an event of a counter is worth follows from the counter, so that sums can be checked.
        Act::Count(id, daily) => {
            Change::count(Key(*id), if *daily { 30 * (*id % 4) as u16 } else { 0 }, u64::from(*id) * 250)
        }
        Act::Expose(id, hourly) => Change::expose(Key(*id), *hourly, u64::from(*id) + 1),
        Act::Feel(id, value) => Change::feel(Key(*id), *value, 3, 48),
        Act::Say(id, value) => Change::say(Key(*id), *value),
        Act::Join(id, is_in, day) => Change::join(Key(*id), *is_in, (START / 60_000) as u32 + day * 1_440),
        Act::Step(id, place) => Change::step(Key(*id), *place),
    }
}

fn moment(hours: u64, offset_minutes: i16) -> Moment {
    Moment { now: Timestamp(START + hours * HOUR), offset_minutes }
}

/// Replays what one device did on its own copy.
fn live(deeds: &[Deed], device: u16) -> Profile {
    let mut profile = blank(device);
    for (act, who, hours, offset_minutes) in deeds {
        if *who == device {
            profile.apply(&change(act), moment(*hours, *offset_minutes));
        }
    }
    profile
}

/// All copies in one, on whichever device: whose copy it is, is the one thing that a merge leaves apart.
fn merged(copies: &[&Profile]) -> Profile {
    let mut whole = copies[0].clone();
    for copy in &copies[1..] {
        whole.merge(copy);
    }
    whole.count_as(0);
    whole
}

proptest! {
    #![proptest_config(config(CASES))]

    #[test]
    fn copies_merge_to_the_same_bytes_in_any_order_and_any_number_of_times(deeds in deeds(60)) {
        let [a, b, c] = [0, 1, 2].map(|replica| live(&deeds, replica));
        let whole = merged(&[&a, &b, &c]).encode();
        prop_assert_eq!(&merged(&[&c, &b, &a]).encode(), &whole);
        prop_assert_eq!(&merged(&[&b, &a, &c]).encode(), &whole);
        let bc = merged(&[&b, &c]);
        prop_assert_eq!(&merged(&[&a, &bc]).encode(), &whole);
        prop_assert_eq!(&merged(&[&bc, &a, &bc, &a, &c]).encode(), &whole);
    }

    #[test]
    fn a_profile_comes_back_from_its_bytes_as_it_was(deeds in deeds(60)) {
        let whole = merged(&[&live(&deeds, 0), &live(&deeds, 1)]);
        prop_assert_eq!(Profile::decode(&whole.encode()), Ok(whole));
    }

    #[test]
    fn within_window_and_bound_no_event_is_lost_or_doubled(deeds in deeds(40)) {
        let deeds: Vec<Deed> = deeds.into_iter().map(|(act, who, hours, zone)| (act, who, hours % (24 * 89), zone)).collect();
        let whole = merged(&[&live(&deeds, 0), &live(&deeds, 1), &live(&deeds, 2)]);
        prop_assume!(whole.encode().len() < MAX_BYTES / 2);
        for id in 0..8 {
            let counted = deeds.iter().filter(|(act, ..)| matches!(act, Act::Count(what, _) if *what == id)).count();
            prop_assert_eq!(whole.total(Key(id)), counted as u64);
            prop_assert_eq!(whole.worth(Key(id)), counted as u64 * u64::from(id) * 250);
        }
        for id in 0..5 {
            let shown = deeds.iter().filter(|(act, ..)| matches!(act, Act::Expose(what, _) if *what == id)).count();
            prop_assert_eq!(whole.exposures_ever(Key(id)), shown as u64);
        }
    }

    #[test]
    fn a_copy_that_was_forgotten_empties_every_older_one(deeds in deeds(30)) {
        let old = live(&deeds, 0);
        let mut forgotten = live(&deeds, 1);
        forgotten.forget(Visitor([9; 16]), Moment::utc(START + 200 * 24 * HOUR));
        let late = merged(&[&old, &forgotten]);
        prop_assert!(late.is_empty());
        prop_assert_eq!(late.visitor(), Visitor([9; 16]));
        prop_assert_eq!(late, merged(&[&forgotten, &old]));
    }
}

/// Copies of one visitor that are full: by device, a few lives each.
static FULL: LazyLock<[Vec<Profile>; 3]> = LazyLock::new(|| {
    [0, 1, 2].map(|device| (0..12).map(|life| crowd(life * 3 + u64::from(device), device, 420)).collect())
});

proptest! {
    #![proptest_config(config(at_the_bound()))]

    #[test]
    fn the_laws_hold_at_the_size_bound(deeds in deeds(24), lives in proptest::array::uniform3(0usize..12), days in 0u64..60) {
        let copies: Vec<Profile> = FULL.iter().zip(lives).enumerate().map(|(device, (full, life))| {
            let mut copy = full[life].clone();
            for (act, _, hours, zone) in deeds.iter().filter(|(_, who, ..)| usize::from(*who) == device) {
                copy.apply(&change(act), moment(days * 24 + hours, *zone));
            }
            copy
        }).collect();
        let [a, b, c] = [&copies[0], &copies[1], &copies[2]];
        let whole = merged(&[a, b, c]);
        prop_assert!(whole.encode().len() <= MAX_BYTES);
        prop_assert_eq!(&merged(&[c, a, b]), &whole);
        prop_assert_eq!(&merged(&[a, &merged(&[c, b])]), &whole);
        prop_assert_eq!(&merged(&[&whole, b]), &whole);
    }
}

/// Where a strength is computed: seconds of a float, none of the rounding of hours, thirds and sixteenths.
fn direct(feelings: &[(u64, u32)], value: u32, half_life: f64, at: u64) -> f64 {
    let of_value = feelings.iter().filter(|(_, felt)| *felt == value);
    of_value.map(|(hours, _)| 3.0 * 0.5f64.powf((at - hours) as f64 / half_life)).sum()
}

proptest! {
    #![proptest_config(config(CASES))]

    /// The stated tolerance: a part in a thousand of the whole, and two thousandths of a unit for each copy.
    #[test]
    fn a_decayed_interest_that_was_merged_equals_the_direct_computation(
        mut feelings in proptest::collection::vec((0u64..24 * 60, 0u32..3), 1..60), half_life in 1u16..400,
    ) {
        feelings.sort_unstable();
        let mut copies = [0, 1, 2].map(blank);
        for (turn, (hours, value)) in feelings.iter().enumerate() {
            copies[turn % 3].apply(&Change::feel(Key(1), *value, 3, half_life), moment(*hours, 0));
        }
        let whole = merged(&[&copies[2], &copies[0], &copies[1]]);
        let at = 24 * 60;
        for value in 0..3 {
            let expected = direct(&feelings, value, f64::from(half_life), at);
            let got = whole.strength(Key(1), value, half_life, moment(at, 0)) as f64 / 1_000.0;
            prop_assert!((got - expected).abs() <= expected * 0.001 + 0.006, "{got} {expected}");
        }
    }
}

proptest! {
    // Fewer and larger: every copy is driven far beyond the bound.
    #![proptest_config(config(at_the_bound() / 25))]

    #[test]
    fn the_laws_hold_far_beyond_the_size_bound(seeds in proptest::collection::vec(any::<u64>(), 3), steps in 300usize..700) {
        let copies: Vec<Profile> = seeds.iter().enumerate().map(|(replica, seed)| crowd(*seed, replica as u16, steps)).collect();
        let [a, b, c] = [&copies[0], &copies[1], &copies[2]];
        let whole = merged(&[a, b, c]);
        prop_assert!(whole.encode().len() <= MAX_BYTES);
        // A sixteenth of it is kept free for whose notes were taken in.
        prop_assert!(whole.encode().len() > MAX_BYTES - 330, "the bound was not reached: {}", whole.encode().len());
        prop_assert_eq!(&merged(&[c, a, b]), &whole);
        prop_assert_eq!(&merged(&[a, &merged(&[b, c])]), &whole);
        prop_assert_eq!(&merged(&[&whole, a, b, c, &whole]), &whole);
        prop_assert_eq!(Profile::decode(&whole.encode()), Ok(whole));
    }

    #[test]
    fn the_laws_hold_where_age_and_size_meet(
        seeds in proptest::collection::vec(any::<u64>(), 3), steps in 300usize..700, gaps in proptest::collection::vec(0u64..200, 3),
    ) {
        let copies: Vec<Profile> = seeds.iter().zip(&gaps).enumerate().map(|(replica, (seed, gap))| {
            crowd_from(START + gap * 24 * HOUR, 3 * HOUR, 24, *seed, replica as u16, steps)
        }).collect();
        let [a, b, c] = [&copies[0], &copies[1], &copies[2]];
        let whole = merged(&[a, b, c]);
        prop_assert_eq!(&merged(&[c, a, b]), &whole);
        prop_assert_eq!(&merged(&[b, c, a]), &whole);
        prop_assert_eq!(&merged(&[a, &merged(&[b, c])]), &whole);
        prop_assert_eq!(Profile::decode(&whole.encode()), Ok(whole));
    }

    #[test]
    fn a_copy_taken_along_the_way_adds_nothing_later(seed in any::<u64>(), steps in 300usize..700) {
        let early = crowd(seed, 0, steps / 2);
        let late = crowd(seed, 0, steps);
        prop_assert_eq!(merged(&[&late, &early]), merged(&[&late]));
        prop_assert_eq!(merged(&[&early, &late]), merged(&[&late]));
    }
}

/// Two copies that together have no room for all their days, and a third, so much later that none of those days counts any
/// more: whether they first meet each other or the third, they must not end up different.
#[test]
fn what_ages_makes_no_room_that_another_order_would_not_have_had() {
    let busy = |replica: u16| {
        let mut profile = blank(replica);
        for step in 0..50 * 20 {
            profile.apply(&Change::count(Key(step as u32 % 20), 90, 0), moment(step / 20 * 24, 0));
        }
        profile
    };
    let mut late = blank(2);
    late.apply(&Change::count(Key(1), 90, 0), moment(200 * 24, 0));
    let (a, b) = (busy(0), busy(1));
    assert_eq!(merged(&[&merged(&[&a, &b]), &late]), merged(&[&merged(&[&a, &late]), &b]));
}

/// A replica that records `steps` things over some weeks, most of them new to it.
fn crowd(seed: u64, replica: u16, steps: usize) -> Profile {
    crowd_from(START, HOUR / 2, 97, seed, replica, steps)
}

fn crowd_from(start: u64, step_ms: u64, ids: u32, seed: u64, replica: u16, steps: usize) -> Profile {
    let mut profile = blank(replica);
    let mut state = seed;
    for step in 0..steps as u64 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let draw = state >> 33;
        let id = Key((draw >> 3) as u32 % ids);
        let change = match draw % 8 {
            0 | 1 => Change::count(id, 90, draw % 3),
            2 => Change::expose(id, true, draw),
            3 => Change::feel(Key(1), id.0, 1, 24),
            4 => Change::say(id, draw),
            5 => Change::join(id, draw & 8 > 0, ((start + step * step_ms) / 60_000) as u32),
            6 => Change::step(id, draw),
            _ => Change::count(id, 0, 0),
        };
        profile.apply(&change, Moment::utc(start + step * step_ms));
    }
    profile
}
