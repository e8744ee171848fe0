//! Bytes from outside: whatever they are, nothing panics, nothing loops for long, and what opens still answers.
//!
//! Bundles, profiles, messages and snapshots are cut, filled with noise and altered word by word. The seal is put right
//! after an alteration, so that the tables themselves are hostile and not merely refused at the door.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "only tests come here, though not from a function that Clippy knows as one"
)]

mod support;

use petitfour::bundle;
use petitfour::consent::Permissions;
use petitfour::engine::{Engine, Session};
use petitfour::event::Event;
use petitfour::hash::xxh64;
use petitfour::id::Key;
use petitfour::profile::{Change, MAX_BYTES, Note, Profile};
use petitfour::sync::answer::{Elsewhere, Feed, MAX_ROWS, Member, Receipt, Standing, Verdict};
use petitfour::sync::{Answer, Entry, Message};
use petitfour::time::{Moment, Timestamp};
use petitfour::view;
use proptest::prelude::*;
use proptest::sample::Index;
use std::fs;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

const NOON: u64 = 1_780_315_200_000; // 2026-06-01T12:00:00Z

/// Far beyond what the largest of these takes, and far below what a loop over a hostile number would.
const PATIENCE: Duration = Duration::from_secs(5);

/// Reduced in the everyday run; `cargo xtask drill` sets PETITFOUR_DRILL for the full number.
fn cases(everyday: u32) -> ProptestConfig {
    let drilled = std::env::var_os("PETITFOUR_DRILL").is_some();
    let cases = if drilled { everyday * 20 } else { everyday };
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// Bundles that together use every section.
static BUNDLES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    ["segments", "caps", "stock", "ranking", "shares", "consent", "content", "journeys", "pace"]
        .map(|name| {
            let path = support::root().join(format!("tests/golden/campaigns/{name}.yaml"));
            support::bundle(name, &fs::read_to_string(path).expect(name))
        })
        .to_vec()
});

/// What is written over a word: the numbers at which arithmetic goes wrong, small ones, and any.
fn word() -> impl Strategy<Value = u32> {
    prop_oneof![
        Just(0),
        Just(u32::MAX),
        Just(u32::MAX - 1),
        Just(i32::MAX as u32),
        Just(0x8000_0000),
        0u32..300,
        any::<u32>(),
    ]
}

/// Whatever a page may do, over an engine that may be hostile.
fn use_everything(engine: Engine) {
    let engine = Arc::new(engine);
    let now = Moment { now: Timestamp(NOON), offset_minutes: -420 };
    let mut session = Session::new(engine.clone(), [3; 32]);
    session.consent(Permissions::ALL, now);
    let names: Vec<(String, bool)> = engine
        .catalog()
        .attributes()
        .take(64)
        .map(|attribute| (engine.catalog().string(attribute.name()).to_owned(), attribute.is_text()))
        .collect();
    for (name, is_text) in &names {
        let _ = if *is_text { session.set_context_text(name, "sunny") } else { session.set_context_number(name, 26.0) };
        session.set_trait_text(name, "gold", now);
        session.set_trait_number(name, 40.0, now);
    }
    for (number, input) in session.inputs().iter_mut().enumerate() {
        *input = [f64::NAN, f64::INFINITY, -1.0, 70_000.0, 2.0][number % 5];
    }
    for event in ["viewed", "purchase"] {
        let event = Event::parse(event, [("category", "water")], Some(1.0)).expect("an event");
        (0..3).for_each(|_| session.record(&event, now));
    }
    session.feed("shelf", "mitte", "water", 3, now.now);
    session.feed("warehouse", "", "water", 3, now.now);
    let placements: Vec<String> =
        engine.catalog().placements().take(32).map(|known| engine.catalog().string(known.name()).to_owned()).collect();
    for (index, name) in placements.iter().enumerate() {
        let decision = session.decide_at(index, now);
        session.exposed(decision.id, now);
        session.explain(name, now);
        let _ = decision.creative.and_then(|creative| session.content(creative, now));
    }
    let _ = (view::profile(&session, now), view::bundle(engine.catalog()));
    let snapshot = session.snapshot();
    Session::from_snapshot(engine, &snapshot).expect("its own snapshot").decide_at(0, now);
    session.flush();
    while session.poll_effect().is_some() {}
}

proptest! {
    #![proptest_config(cases(1_500))]

    #[test]
    fn a_bundle_whose_tables_are_hostile_still_answers(
        which in any::<Index>(),
        changes in prop::collection::vec((any::<Index>(), word()), 1..12),
    ) {
        let mut bytes = which.get(&BUNDLES).clone();
        let length = bytes.len();
        for (place, word) in changes {
            let at = place.index((length - 4) / 4) * 4;
            bytes[at..at + 4].copy_from_slice(&word.to_le_bytes());
        }
        // What is at the door is tested elsewhere: here everyone gets in.
        bytes[..6].copy_from_slice(b"PF4B\x01\x00");
        bytes[8..12].copy_from_slice(&(length as u32).to_le_bytes());
        let seal = bundle::seal(&bytes);
        bytes[24..32].copy_from_slice(&seal.to_le_bytes());
        let began = Instant::now();
        if let Ok(engine) = Engine::load(bytes) {
            use_everything(engine);
        }
        prop_assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
    }

    #[test]
    fn noise_is_no_bundle(bytes in prop::collection::vec(any::<u8>(), 0..600), magic in any::<bool>()) {
        let mut bytes = bytes;
        if magic && bytes.len() > 6 {
            bytes[..6].copy_from_slice(b"PF4B\x01\x00");
        }
        prop_assert!(Engine::load(bytes).is_err());
    }

    #[test]
    fn a_cut_bundle_is_refused(which in any::<Index>(), end in any::<Index>()) {
        let bytes = which.get(&BUNDLES);
        prop_assert!(Engine::load(bytes[..end.index(bytes.len())].to_vec()).is_err());
    }

    #[test]
    fn a_profile_that_is_sealed_but_hostile_is_refused_or_lives_on(
        changes in prop::collection::vec((any::<Index>(), any::<u8>()), 0..10),
        tail in prop::collection::vec(any::<u8>(), 0..120),
        cut in any::<Index>(),
    ) {
        let mut bytes = lived();
        bytes.truncate(bytes.len() - 4);
        bytes.truncate(1 + cut.index(bytes.len()));
        bytes.extend(tail);
        let length = bytes.len();
        for (place, byte) in changes {
            bytes[place.index(length)] = byte;
        }
        bytes[0] = 2;
        let seal = xxh64(&bytes, 0) as u32;
        bytes.extend(seal.to_le_bytes());
        if let Ok(mut profile) = Profile::decode(&bytes) {
            // What was read is a profile like any other: canonical, bounded, and able to go on.
            let encoded = profile.encode();
            prop_assert!(encoded.len() <= MAX_BYTES);
            prop_assert_eq!(Profile::decode(&encoded), Ok(profile.clone()));
            let mut other = Profile::decode(&lived()).expect("a profile");
            other.merge(&profile);
            profile.merge(&Profile::decode(&lived()).expect("a profile"));
            // Whose copy it is, a merge leaves apart.
            other.count_as(0);
            profile.count_as(0);
            prop_assert_eq!(other.encode(), profile.encode());
            for now in [Moment::utc(0), Moment::utc(NOON), Moment::utc(u64::MAX)] {
                profile.apply(&Change::count(Key::of("viewed"), 90, u64::MAX), now);
                profile.apply(&Change::expose(Key::of("twice-a-day"), true, u64::MAX), now);
                profile.apply(&Change::feel(Key::of("drink"), 7, u16::MAX, 1), now);
                profile.apply(&Change::say(Key::of("plan"), u64::MAX), now);
                profile.apply(&Change::join(Key::of("gold"), true, u32::MAX), now);
                profile.apply(&Change::step(Key::of("welcome"), u64::MAX), now);
                let _ = (profile.within(Key::of("viewed"), 90, now), profile.hours_since(Key::of("viewed"), now));
                let _ = (profile.strength(Key::of("drink"), 7, 1, now), profile.exposures(Key::of("twice-a-day"), 7, now));
                prop_assert!(profile.encode().len() <= MAX_BYTES);
            }
        }
    }

    #[test]
    fn noise_is_no_profile_no_message_and_no_snapshot(bytes in prop::collection::vec(any::<u8>(), 0..400), format in any::<bool>()) {
        let mut bytes = bytes;
        prop_assert!(Profile::decode(&bytes).is_err());
        if format && bytes.len() > 5 {
            bytes[..5].copy_from_slice(b"PF4S\x01");
        }
        if let Ok(message) = Message::decode(&bytes) {
            prop_assert_eq!(Message::decode(&message.encode()), Ok(message));
        }
        let engine = Arc::new(Engine::load(BUNDLES[0].clone()).expect("a bundle"));
        if let Ok(mut session) = Session::from_snapshot(engine, &bytes) {
            session.decide_at(0, Moment::utc(NOON));
        }
    }

    #[test]
    fn an_altered_snapshot_is_refused_or_decides(changes in prop::collection::vec((any::<Index>(), any::<u8>()), 1..8)) {
        let engine = Arc::new(Engine::load(BUNDLES[2].clone()).expect("a bundle"));
        let mut session = Session::new(engine.clone(), [4; 32]);
        session.consent(Permissions::ALL, Moment::utc(NOON));
        session.feed("shelf", "mitte", "water", 3, Timestamp(NOON));
        session.feed("shelf", "hafen", "tea", 3, Timestamp(NOON));
        let mut bytes = session.snapshot();
        let length = bytes.len();
        for (place, byte) in changes {
            bytes[place.index(length)] = byte;
        }
        if let Ok(mut session) = Session::from_snapshot(engine, &bytes) {
            let now = Moment::utc(NOON);
            session.decide_at(0, now);
            session.explain("hero", now);
            let _ = view::profile(&session, now);
            session.feed("shelf", "hafen", "tea", 4, Timestamp(NOON));
        }
    }

    #[test]
    fn a_message_of_any_content_comes_back(
        (replica, sequence, bundle, began) in any::<(u64, u32, u64, u64)>(),
        visitor in any::<[u8; 16]>(),
        entries in prop::collection::vec(entry(), 0..120),
    ) {
        let message = Message { replica, sequence, visitor, bundle, began, dropped: 0, entries };
        prop_assert_eq!(Message::decode(&message.encode()), Ok(message));
    }

    #[test]
    fn an_answer_of_any_content_comes_back(answer in answer()) {
        prop_assert_eq!(Answer::decode(&answer.encode()), Ok(answer));
    }

    #[test]
    fn a_damaged_answer_is_refused_or_stays_within_its_bounds(
        answer in answer(),
        cut in any::<Index>(),
        (place, byte) in any::<(Index, u8)>(),
        noise in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut bytes = answer.encode();
        prop_assert!(Answer::decode(&bytes[..cut.index(bytes.len())]).is_err());
        let place = place.index(bytes.len());
        bytes[place] = byte;
        if let Ok(answer) = Answer::decode(&bytes) {
            prop_assert!(answer.members.len() <= MAX_ROWS && answer.received.len() <= MAX_ROWS);
        }
        bytes.truncate(5);
        bytes.extend_from_slice(&noise);
        let _ = (Answer::decode(&bytes), Answer::decode(&noise), Receipt::of(&noise), Receipt::of(&bytes));
    }
}

fn answer() -> impl Strategy<Value = Answer> {
    let verdict = prop_oneof![Just(Verdict::Stored), Just(Verdict::Duplicate), Just(Verdict::Forgotten)];
    let feeds = any::<(u32, u64)>().prop_map(|(feed, version)| Feed { feed, version });
    let received = any::<(u64, u32)>().prop_map(|(replica, sequence)| Receipt { replica, sequence });
    let members = any::<(u32, bool, u64)>().prop_map(|(segment, inside, as_of)| Member { segment, inside, as_of });
    let elsewhere =
        any::<(u32, u32, u16)>().prop_map(|(campaign, day, exposures)| Elsewhere { campaign, day, exposures });
    let standing = any::<(u32, u64, u64)>().prop_map(|(journey, since, place)| Standing { journey, since, place });
    let rows = 0..=MAX_ROWS;
    (
        (verdict, any::<(u64, u64)>()),
        prop::collection::vec(feeds, rows.clone()),
        prop::collection::vec(received, rows.clone()),
        prop::collection::vec(members, rows.clone()),
        prop::collection::vec(elsewhere, rows.clone()),
        prop::collection::vec(standing, rows),
    )
        .prop_map(|((verdict, (bundle, version)), feeds, received, members, elsewhere, standings)| Answer {
            verdict,
            bundle,
            version,
            feeds,
            received,
            members,
            elsewhere,
            standings,
        })
}

fn entry() -> impl Strategy<Value = Entry> {
    prop_oneof![
        any::<(u64, u32, u32, u32, u32, u8, u16, u32)>().prop_map(
            |(id, after, placement, campaign, creative, reason, probability, withheld)| Entry::Decision {
                id,
                after,
                placement,
                campaign,
                creative,
                reason,
                probability,
                withheld
            }
        ),
        any::<(u64, u32)>().prop_map(|(decision, after)| Entry::Exposure { decision, after }),
        any::<(u32, u64, u32, i64)>().prop_map(|(event, decision, after, value)| Entry::Outcome {
            event,
            decision,
            after,
            value
        }),
        any::<(u8, [u8; 32])>().prop_map(|(code, digest)| Entry::Identity { code, digest }),
        any::<(u8, u32)>().prop_map(|(withdrawn, after)| Entry::Forgotten { withdrawn, after }),
        any::<(u32, u32, u64, u64)>().prop_map(|(journey, after, since, place)| Entry::Step {
            journey,
            after,
            since,
            place
        }),
    ]
}

/// What a tab wrote down.
fn note(profile: &Profile) -> Note {
    let changes = vec![
        (Change::count(Key::of("viewed"), 90, 0), Moment::utc(NOON)),
        (Change::say(Key::of("plan"), u64::MAX), Moment { now: Timestamp(NOON + 7), offset_minutes: -480 }),
    ];
    Note { generation: profile.generation(), dot: u64::MAX - 1, first: 3, changes }
}

/// A profile that has seen some of everything.
fn lived() -> Vec<u8> {
    let mut profile = Profile::new(petitfour::id::Visitor([5; 16]), Moment::utc(NOON));
    for day in 0..9u64 {
        let now = Moment::utc(NOON + day * 86_400_000);
        profile.apply(&Change::count(Key::of("viewed"), 90, 0), now);
        profile.apply(&Change::expose(Key::of("twice-a-day"), true, day + 1), now);
        profile.apply(&Change::feel(Key::of("drink"), day as u32 % 3, 1, 24), now);
        profile.apply(&Change::say(Key::of("plan"), day), now);
        profile.apply(&Change::join(Key::of("gold"), day % 2 == 0, (NOON / 60_000) as u32 + day as u32), now);
        profile.apply(&Change::step(Key::of("welcome"), day), now);
        // Another device, and a tab that left a note.
        let mut other = profile.clone();
        other.count_as(9);
        other.apply(&Change::count(Key::of("purchase"), 0, 1_990), now);
        profile.merge(&other);
        profile.take_in(&note(&profile), now);
    }
    profile.encode()
}
