//! What an edge decided and a page shows: decided once, seen once, and of the origin's word only what the origin said.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test that fails here has failed")]

mod support;

use petitfour::engine::{Effect, Engine, Reason, Session};
use petitfour::id::Key;
use petitfour::sync::answer::Member;
use petitfour::sync::{Answer, Entry, Message};
use petitfour::time::{Moment, Timestamp};
use std::sync::Arc;

const START: u64 = 1_780_315_200_000; // 2026-06-01T12:00:00Z

fn at(seconds: u64) -> Moment {
    Moment::utc(START + seconds * 1_000)
}

fn engine() -> Arc<Engine> {
    support::build(
        "petitfour: 1
version: 1
consent: { default: [store, personalise, measure] }
memberships: { gold: {} }
feeds: { shelf: {} }
placements: { hero: {}, bar: {} }
campaigns:
  - { id: once, placements: [hero], caps: { day: 1 }, creatives: [{ id: once-a, headline: Once }] }
  - { id: for-gold, placements: [bar], when: { member: gold }, value: 2, creatives: [{ id: for-gold-a, headline: Gold }] }
  - id: in-stock
    placements: [bar]
    stock: { feed: shelf, item: water, at_least: 6, max_age: 2 hours, otherwise: skip }
    creatives: [{ id: in-stock-a, headline: Water }]
",
    )
}

fn entries(session: &mut Session) -> Vec<Entry> {
    session.flush();
    std::iter::from_fn(|| session.poll_effect())
        .filter_map(|effect| if let Effect::Send(bytes) = effect { Some(bytes) } else { None })
        .flat_map(|bytes| Message::decode(&bytes).expect("a message").entries)
        .collect()
}

fn campaign(session: &Session, name: &str) -> Option<usize> {
    session.engine().catalog().campaigns().position(|campaign| campaign.key() == Key::of(name))
}

#[test]
fn what_an_edge_decided_is_seen_once_on_the_page_and_its_cap_moves() {
    let engine = engine();
    let mut edge = Session::new(Arc::clone(&engine), [1; 32]);
    let decision = edge.decide("hero", at(0));
    assert_eq!(decision.reason, Reason::Chosen);
    assert!(matches!(entries(&mut edge)[..], [Entry::Decision { id, .. }] if id == decision.id));

    let mut page = Session::new(engine, [2; 32]);
    assert!(!page.exposed(decision.id, at(1)), "nobody has handed it over");
    let once = campaign(&page, "once");
    assert!(page.adopt(decision.id, once));
    assert!(!page.adopt(decision.id, once), "twice is once");
    assert!(page.exposed(decision.id, at(1)));
    assert!(!page.exposed(decision.id, at(2)));
    assert!(!page.adopt(decision.id, once), "nor is it to be seen again");
    let sent = entries(&mut page);
    assert!(matches!(sent[..], [Entry::Exposure { decision: seen, .. }] if seen == decision.id), "{sent:?}");
    assert_ne!(page.decide("hero", at(3)).reason, Reason::Chosen, "the cap of one a day has moved");
}

#[test]
fn a_decision_over_another_bundle_is_seen_and_moves_no_cap() {
    let mut page = Session::new(engine(), [2; 32]);
    assert!(page.adopt(7, None));
    assert!(page.exposed(7, at(0)));
    assert_eq!(page.decide("hero", at(1)).reason, Reason::Chosen);
    assert!(!page.adopt(0, None), "no decision has the number 0");
}

#[test]
fn siblings_share_what_the_shelves_hold_and_nothing_else() {
    let mut first = Session::new(engine(), [1; 32]);
    assert!(first.feed("shelf", "", "water", 9, Timestamp(START)));
    let mut second = first.sibling([2; 32]);
    let bar = |session: &mut Session| session.decide("bar", at(0)).campaign;
    assert_eq!(bar(&mut second), campaign(&second, "in-stock"));
    assert_ne!(first.profile().visitor(), second.profile().visitor());
    second.feed("shelf", "", "water", 0, Timestamp(START + 1));
    assert_eq!(bar(&mut second), None);
    assert_eq!(bar(&mut first), campaign(&first, "in-stock"), "what one hears later the other does not");
}

#[test]
fn memberships_that_a_visitor_could_have_written_are_let_go_and_the_origins_are_taken_in() {
    let told = |inside, as_of| {
        Answer { members: vec![Member { segment: Key::of("gold").0, inside, as_of }], ..Answer::default() }.encode()
    };
    let mut forger = Session::new(engine(), [1; 32]);
    // As late as a clock may be: it would win over any true word.
    forger.answer(&told(true, START + 80_000_000), at(0)).expect("an answer");
    forger.decide("bar", at(0));
    let cookie = forger.profile_bytes();

    let mut edge = Session::new(engine(), [3; 32]);
    edge.hold(false, at(1));
    edge.restore(&cookie).expect("a profile");
    let gold = campaign(&edge, "for-gold");
    assert_eq!(edge.decide("bar", at(1)).campaign, gold, "taken at its word");
    edge.doubt_members();
    assert_eq!(edge.decide("bar", at(1)).campaign, None);
    edge.answer(&told(true, START), at(1)).expect("an answer");
    assert_eq!(edge.decide("bar", at(1)).campaign, gold, "the origin's word counts, although it is the elder");
}
