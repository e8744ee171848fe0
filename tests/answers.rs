//! What the origin answers, and what it is asked to delete.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test that fails here has failed")]

mod support;

use petitfour::consent::Permissions;
use petitfour::engine::{Effect, Reason, Session};
use petitfour::event::Event;
use petitfour::id::Key;
use petitfour::sync::answer::{Error, Member, Receipt};
use petitfour::sync::{Answer, Entry, Message};
use petitfour::time::{Moment, Timestamp};

const START: u64 = 1_780_315_200_000; // 2026-06-01T12:00:00Z
const SECOND: u64 = 1_000;

fn at(seconds: u64) -> Moment {
    Moment::utc(START + seconds * SECOND)
}

fn session(permissions: Permissions) -> Session {
    let engine = support::build(
        "petitfour: 1
version: 1
memberships: { gold: {} }
events: { purchase: { outcome: true } }
placements: { hero: {} }
campaigns:
  - { id: for-gold, placements: [hero], when: { member: gold }, creatives: [{ id: for-gold-a, headline: Gold }] }
",
    );
    let mut session = Session::new(engine, [7; 32]);
    session.consent(permissions, at(0));
    drain(&mut session);
    session
}

fn drain(session: &mut Session) -> Vec<Effect> {
    std::iter::from_fn(|| session.poll_effect()).collect()
}

fn buy(session: &mut Session, seconds: u64) {
    let event = Event::parse("purchase", [], Some(5.0)).expect("an event");
    session.record(&event, at(seconds));
}

fn sent(effects: &[Effect]) -> Vec<&[u8]> {
    effects
        .iter()
        .filter_map(|effect| if let Effect::Send(bytes) = effect { Some(bytes.as_slice()) } else { None })
        .collect()
}

fn gold(inside: bool, as_of: u64) -> Vec<u8> {
    Answer { members: vec![Member { segment: Key::of("gold").0, inside, as_of }], ..Answer::default() }.encode()
}

#[test]
fn a_segment_from_the_origin_is_remembered_and_the_later_word_wins() {
    let mut session = session(Permissions::ALL);
    session.answer(&gold(true, START), at(1)).expect("an answer");
    assert_eq!(session.profile().is_member(Key::of("gold")), Some(true));
    assert!(matches!(drain(&mut session)[..], [Effect::Persist(_)]));
    session.answer(&gold(true, START), at(2)).expect("an answer");
    assert!(drain(&mut session).is_empty(), "what is known already is not written again");
    session.answer(&gold(false, START - 3_600 * SECOND), at(3)).expect("an answer");
    assert_eq!(session.profile().is_member(Key::of("gold")), Some(true), "an older word");
    session.answer(&gold(false, START + 120 * SECOND), at(4)).expect("an answer");
    assert_eq!(session.profile().is_member(Key::of("gold")), Some(false));
}

#[test]
fn a_segment_decides_from_the_moment_that_it_was_answered() {
    let mut session = session(Permissions::ALL);
    assert_eq!(session.decide("hero", at(1)).reason, Reason::Nothing);
    session.answer(&gold(true, START), at(2)).expect("an answer");
    assert_eq!(session.decide("hero", at(3)).reason, Reason::Chosen);
    session.answer(&gold(false, START + 120 * SECOND), at(4)).expect("an answer");
    assert_eq!(session.decide("hero", at(5)).reason, Reason::Nothing);
}

#[test]
fn a_segment_that_the_bundle_does_not_ask_about_is_not_kept() {
    let mut session = session(Permissions::ALL);
    let silver = Member { segment: Key::of("silver").0, inside: true, as_of: START };
    session.answer(&Answer { members: vec![silver], ..Answer::default() }.encode(), at(1)).expect("an answer");
    assert_eq!(session.profile().is_member(Key::of("silver")), None);
    assert!(drain(&mut session).is_empty());
}

#[test]
fn without_permission_to_store_nothing_of_an_answer_is_remembered() {
    let mut session = session(Permissions::from_bits(0b0100));
    session.answer(&gold(true, START), at(1)).expect("an answer");
    assert_eq!(session.profile().is_member(Key::of("gold")), None);
}

#[test]
fn what_is_no_answer_is_refused_and_changes_nothing() {
    let mut session = session(Permissions::ALL);
    assert_eq!(session.answer(b"{\"verdict\":\"stored\"}", at(1)), Err(Error::Foreign));
    assert!(drain(&mut session).is_empty());
}

#[test]
fn an_answer_confirms_the_messages_that_it_names() {
    let mut session = session(Permissions::ALL);
    buy(&mut session, 1);
    session.flush();
    let effects = drain(&mut session);
    let message = sent(&effects)[0];
    assert!(!session.received(message));
    let Message { replica, sequence, .. } = Message::decode(message).expect("a message");
    let named = Answer { received: vec![Receipt { replica, sequence }], bundle: 1, ..Answer::default() };
    session.answer(&named.encode(), at(2)).expect("an answer");
    assert!(session.received(message));
    assert!(session.is_behind(), "the origin serves another bundle");
    session.answer(&Answer::default().encode(), at(3)).expect("an answer");
    assert!(!session.received(message) && !session.is_behind(), "each answer is complete");
}

#[test]
fn entries_gather_for_five_seconds_and_for_a_minute_once_an_answer_has_come() {
    let mut session = session(Permissions::ALL);
    buy(&mut session, 0);
    let wakes = |effects: Vec<Effect>| -> Vec<u64> {
        effects
            .iter()
            .filter_map(|effect| if let Effect::Wake(Timestamp(at)) = effect { Some(*at - START) } else { None })
            .collect()
    };
    assert_eq!(wakes(drain(&mut session)), [5_000]);
    session.handle_wake(at(5));
    assert_eq!(sent(&drain(&mut session)).len(), 1);
    session.answer(&Answer::default().encode(), at(6)).expect("an answer");
    buy(&mut session, 10);
    assert_eq!(wakes(drain(&mut session)), [70_000]);
    session.handle_wake(at(15));
    assert_eq!(wakes(drain(&mut session)), [70_000], "an early timer is asked again");
    session.handle_wake(at(70));
    assert_eq!(sent(&drain(&mut session)).len(), 1);
}

#[test]
fn a_tombstone_names_the_pseudonym_that_was_and_what_is_withdrawn() {
    let mut session = session(Permissions::ALL);
    buy(&mut session, 1);
    session.flush();
    let effects = drain(&mut session);
    let before = Message::decode(sent(&effects)[0]).expect("a message");
    let tombstone = Message::decode(&session.tombstone(Permissions::from_bits(0b0001), at(2))).expect("a message");
    session.forget(at(2));
    assert_eq!(tombstone.visitor, before.visitor);
    assert_ne!(tombstone.sequence, before.sequence);
    assert_eq!(tombstone.began, START + 2 * SECOND);
    assert_eq!(tombstone.entries, [Entry::Forgotten { withdrawn: 1, after: 0 }]);
    assert_ne!(session.profile().visitor().0, tombstone.visitor);
}

#[test]
fn waiting_for_an_answer_on_consent_forgets_nobody() {
    let mut session = session(Permissions::ALL);
    session.answer(&gold(true, START), at(1)).expect("an answer");
    let (kept, visitor) = (session.profile_bytes(), session.profile().visitor());
    drain(&mut session);
    session.rest(Permissions::from_bits(0), at(2));
    assert!(drain(&mut session).is_empty(), "nothing is erased");
    assert_eq!(session.profile().is_member(Key::of("gold")), None, "nor read meanwhile");
    session.consent(Permissions::ALL, at(3));
    session.restore(&kept).expect("the profile");
    assert_eq!(session.profile().visitor(), visitor);
    assert_eq!(session.profile().is_member(Key::of("gold")), Some(true));
}
