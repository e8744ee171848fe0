//! Whole visits over days and weeks, in the example shop: pages open and close, the store remembers, messages leave.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "only tests come here, though not from a function that Clippy knows as one"
)]

mod support;

use petitfour::consent::Permissions;
use petitfour::engine::{Engine, Reason, Session};
use petitfour::id::Visitor;
use petitfour::profile::{MAX_BYTES, Profile};
use petitfour::sync::{Entry, Message};
use petitfour::time::Moment;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;
use support::sim::Browser;

const DAY: u64 = 24 * 60;

fn shop() -> Arc<Engine> {
    let folder = support::root().join("examples/soda");
    let text = fs::read_to_string(folder.join("campaigns.yaml")).expect("examples/soda/campaigns.yaml");
    let source = petitfour_compiler::Source { name: "campaigns.yaml".to_owned(), text };
    let compiled = petitfour_compiler::compile(&[source], &|name| fs::read(folder.join(name)).ok());
    Arc::new(Engine::load(compiled.bundle.expect("the example compiles")).expect("and opens"))
}

/// A visitor in Lyon, at three in the afternoon of the first of June.
fn visitor(permissions: Permissions) -> Browser {
    Browser::new(shop(), permissions, support::moment("2026-06-01T15:00:00+02:00"))
}

/// A cool, cloudy day with full shelves in Bellecour.
fn cool(session: &mut Session, now: Moment) {
    session.set_context_text("city", "Lyon");
    session.set_context_text("shop", "bellecour");
    session.set_context_text("weather", "cloudy");
    session.set_context_number("temperature", 15.0);
    for item in ["water-still", "water-sparkling", "soda-diet", "lemonade", "iced-tea", "iced-coffee", "soda-orange"] {
        session.feed("shelf", "bellecour", item, 24, now.now);
    }
}

fn hot(session: &mut Session, now: Moment) {
    cool(session, now);
    session.set_context_text("weather", "sunny");
    session.set_context_number("temperature", 31.0);
}

fn shows(browser: &mut Browser, placement: &str, prepare: fn(&mut Session, Moment)) -> String {
    let decisions = browser.view(&[placement], prepare);
    browser.campaign(&decisions[0]).unwrap_or("-").to_owned()
}

#[test]
fn a_taste_for_water_is_learned_from_two_looks_and_fades_in_a_week() {
    let mut browser = visitor(Permissions::ALL);
    assert_eq!(shows(&mut browser, "hero", cool), "diet-soda-today");
    browser.track("product_viewed", &[("category", "water")]);
    assert_eq!(shows(&mut browser, "hero", cool), "diet-soda-today");
    browser.pass(10);
    browser.track("product_viewed", &[("category", "water")]);
    assert_eq!(shows(&mut browser, "hero", cool), "water-for-water-lovers");
    browser.pass(7 * DAY);
    assert_eq!(shows(&mut browser, "hero", cool), "diet-soda-today");
}

#[test]
fn the_same_visitor_sees_water_in_the_heat_with_no_permission_at_all() {
    let mut browser = visitor(Permissions::NONE);
    assert_eq!(shows(&mut browser, "hero", hot), "water-in-the-heat");
    assert_eq!(shows(&mut browser, "hero", cool), "diet-soda-today");
    assert_eq!(shows(&mut browser, "ad", cool), "-");
    assert_eq!((browser.store, browser.sent), (None, Vec::new()));
}

#[test]
fn a_fortnight_of_visits_never_shows_an_advertisement_a_fourth_time_on_one_day() {
    let mut browser = visitor(Permissions::ALL);
    for day in 0..14 {
        let mut ads = BTreeMap::new();
        for _ in 0..9 {
            *ads.entry(shows(&mut browser, "ad", cool)).or_insert(0) += 1;
            browser.pass(40);
        }
        assert_eq!(ads.get("lemonade-ad"), Some(&3), "day {day}: {ads:?}");
        assert_eq!(ads.get("-"), Some(&6), "day {day}: {ads:?}");
        browser.pass(DAY - 9 * 40);
    }
}

#[test]
fn a_regular_is_thanked_and_called_back_after_two_weeks_away() {
    let mut browser = visitor(Permissions::ALL);
    browser.track("purchase", &[("category", "soda")]);
    assert_eq!(shows(&mut browser, "ad", cool), "lemonade-ad");
    browser.pass(DAY);
    browser.track("purchase", &[("category", "soda")]);
    assert_eq!(shows(&mut browser, "ad", cool), "thank-you");
    browser.pass(14 * DAY - 60);
    assert_eq!(shows(&mut browser, "ad", cool), "thank-you");
    browser.pass(60);
    assert_eq!(shows(&mut browser, "ad", cool), "come-back");
    // Once a day: then the thanks come again.
    assert_eq!(shows(&mut browser, "ad", cool), "thank-you");
}

#[test]
fn two_tabs_that_take_turns_share_one_cap_and_one_pseudonym() {
    let mut browser = visitor(Permissions::ALL);
    let (mut left, mut right) = (browser.open(), browser.open());
    browser.on(&mut left, cool);
    browser.on(&mut right, cool);
    let mut shown = 0;
    for turn in 0..8 {
        let tab = if turn % 2 == 0 { &mut left } else { &mut right };
        let decision = browser.on(tab, |session, now| session.decide("ad", now));
        browser.on(tab, |session, now| session.exposed(decision.id, now));
        shown += usize::from(browser.campaign(&decision) == Some("lemonade-ad"));
    }
    assert_eq!(shown, 3);
    assert_eq!(left.session.profile().visitor(), right.session.profile().visitor());
    browser.on(&mut left, |_, _| ());
    assert_eq!(left.session.profile_bytes(), right.session.profile_bytes());
}

#[test]
fn what_leaves_in_a_month_can_be_told_apart_and_put_together() {
    let mut browser = visitor(Permissions::from_bits(0b0111));
    for day in 0..30 {
        let weather = if day % 3 == 0 { hot } else { cool };
        browser.view(&["hero", "ad", "recommendation"], weather);
        browser.pass(20);
        browser.track("product_viewed", &[("category", "tea")]);
        if day % 7 == 0 {
            browser.track("purchase", &[("category", "tea")]);
        }
        browser.pass(DAY - 20);
    }
    let visitors: BTreeSet<[u8; 16]> = browser.sent.iter().map(|message| message.visitor).collect();
    assert_eq!(visitors.len(), 1, "one browser is one visitor");
    let delivered: BTreeSet<(u64, u32)> =
        browser.sent.iter().map(|message| (message.replica, message.sequence)).collect();
    assert_eq!(delivered.len(), browser.sent.len(), "no two messages have one number");
    let entries: Vec<&Entry> = browser.sent.iter().flat_map(|message| &message.entries).collect();
    let mut decided = BTreeSet::new();
    let (mut exposures, mut outcomes) = (0, 0);
    for entry in entries {
        match entry {
            Entry::Decision { id, .. } => assert!(decided.insert(*id), "a decision came twice"),
            Entry::Exposure { decision, .. } => {
                assert!(decided.contains(decision), "an exposure of nothing");
                exposures += 1;
            }
            Entry::Outcome { decision, .. } => {
                // Each page is a session of its own, and the purchase came on a page that showed nothing: it is owed to what
                // was last seen on one before.
                assert!(decided.contains(decision), "an outcome of nothing");
                outcomes += 1;
            }
            Entry::Identity { .. } => panic!("sharing is not permitted"),
            Entry::Forgotten { .. } => panic!("nobody asked to be forgotten"),
            Entry::Step { .. } => panic!("there is no journey"),
            Entry::Candidate { .. } => panic!("nothing explores"),
        }
    }
    assert_eq!((decided.len(), exposures, outcomes), (90, 90, 5));
    let longest = browser.sent.iter().map(|message| message.encode().len()).max();
    assert!(longest.is_some_and(|bytes| bytes < 300), "{longest:?}");
}

/// Recency, frequency and monetary value, and a list that only the origin has.
#[test]
fn who_bought_lately_often_and_much_is_known_and_so_is_what_the_origin_says() {
    let engine = support::build(
        "petitfour: 1
version: 1
consent: { default: [store, personalise] }
events: { purchase: { outcome: true } }
memberships: { gold: {} }
placements: { hero: { fallback: house } }
fallbacks: { house: { headline: House } }
campaigns:
  - id: thanks
    placements: [hero]
    priority: 2
    when: { all: [{ last: purchase, at_most: 30 days }, { event: purchase, at_least: 2 }, { worth: purchase, at_least: 99.5 }] }
    creatives: [{ id: thanks-a, headline: a }]
  - id: gold
    placements: [hero]
    priority: 1
    when: { member: gold }
    creatives: [{ id: gold-a, headline: a }]
",
    );
    let mut browser = Browser::new(engine, Permissions::from_bits(3), support::moment("2026-06-01T15:00:00Z"));
    let buy = |value: f64| {
        move |session: &mut Session, now: Moment| {
            let event = petitfour::event::Event::parse("purchase", [], Some(value)).expect("an event");
            session.record(&event, now);
        }
    };
    let shown = |browser: &mut Browser| {
        let decision = browser.view(&["hero"], |_, _| ()).remove(0);
        browser.campaign(&decision).unwrap_or("-").to_owned()
    };
    browser.view(&[], buy(60.0));
    browser.view(&[], buy(-20.0));
    assert_eq!(shown(&mut browser), "-", "sixty, and a refund that takes nothing back");
    browser.view(&[], buy(39.5));
    assert_eq!(shown(&mut browser), "thanks");
    browser.pass(31 * DAY);
    assert_eq!(shown(&mut browser), "-");
    for (inside, at, expected) in [(true, 100u64, "gold"), (false, 200, "-"), (true, 150, "-")] {
        let members = vec![petitfour::sync::answer::Member {
            segment: petitfour::id::Key::of("gold").0,
            inside,
            as_of: browser.now.now.0 - (300 - at) * 60_000,
        }];
        let answer = petitfour::sync::answer::Answer { members, ..Default::default() }.encode();
        browser.view(&[], |session, now| session.answer(&answer, now).expect("an answer"));
        assert_eq!(shown(&mut browser), expected, "an older word does not undo a later one");
    }
}

#[test]
fn what_was_seen_on_the_phone_counts_in_the_browsers_cap() {
    let mut browser = visitor(Permissions::from_bits(0b0111));
    let elsewhere = |exposures, day| petitfour::sync::answer::Elsewhere {
        campaign: petitfour::id::Key::of("lemonade-ad").0,
        day,
        exposures,
    };
    assert_eq!(shows(&mut browser, "ad", hot), "lemonade-ad");
    let today = browser.now.local_day();
    for row in [elsewhere(1, today), elsewhere(2, today), elsewhere(9, today - 1), elsewhere(2, today)] {
        let answer = petitfour::sync::answer::Answer { elsewhere: vec![row], ..Default::default() }.encode();
        browser.view(&[], |session, now| session.answer(&answer, now).expect("an answer"));
    }
    assert_ne!(
        shows(&mut browser, "ad", hot),
        "lemonade-ad",
        "one here and two there are three, however often it is told"
    );
    browser.pass(DAY);
    assert_eq!(shows(&mut browser, "ad", hot), "lemonade-ad", "tomorrow is another day");
}

#[test]
fn a_pseudonym_lives_thirteen_months_and_nothing_joins_it_to_the_next() {
    let mut browser = visitor(Permissions::from_bits(0b0111));
    browser.track("product_viewed", &[("category", "tea")]);
    browser.pass(394 * DAY);
    browser.view(&["hero"], cool);
    browser.track("purchase", &[]);
    let first = browser.sent.last().expect("a message").visitor;
    assert!(browser.sent.iter().all(|message| message.visitor == first));
    browser.pass(2 * DAY);
    let before = browser.sent.len();
    browser.view(&["hero"], cool);
    browser.track("product_viewed", &[("category", "tea")]);
    browser.track("purchase", &[]);
    let old: BTreeSet<u64> =
        browser.sent.iter().filter(|message| message.visitor == first).map(|message| message.replica).collect();
    let new: Vec<&Message> = browser.sent[before..].iter().filter(|message| message.visitor != first).collect();
    assert!(!new.is_empty());
    assert!(new.iter().all(|message| !old.contains(&message.replica)), "a replica would join them");
    for entry in new.iter().flat_map(|message| &message.entries) {
        if let Entry::Outcome { decision, .. } = entry {
            assert_eq!(*decision, 0, "so would a decision");
        }
    }
    let profile = Profile::decode(browser.store.as_ref().expect("a profile")).expect("what was stored");
    assert_eq!(profile.total(petitfour::id::Key::of("product_viewed[product=soda-diet]")), 0);
    assert!(profile.visits() >= 3, "what was done stays on the device");
}

#[test]
fn who_changes_their_mind_twice_leaves_nothing_of_the_first_time_behind() {
    let mut browser = visitor(Permissions::ALL);
    let first = browser.open().session.profile().visitor();
    for _ in 0..2 {
        browser.track("product_viewed", &[("category", "water")]);
    }
    assert_eq!(shows(&mut browser, "hero", cool), "water-for-water-lovers");
    let old = browser.store.clone().expect("something is stored");

    let mut page = browser.open();
    browser.on(&mut page, |session, now| session.consent(Permissions::NONE, now));
    browser.permissions = Permissions::NONE;
    assert_eq!(browser.store, None);
    browser.pass(5);
    assert_eq!(shows(&mut browser, "hero", cool), "diet-soda-today");

    browser.on(&mut page, |session, now| session.consent(Permissions::ALL, now));
    browser.permissions = Permissions::ALL;
    assert_ne!(page.session.profile().visitor(), first);
    assert_eq!(shows(&mut browser, "hero", cool), "diet-soda-today");
    // A copy that a slow tab still had does not bring it back.
    browser.on(&mut page, |session, _| session.restore(&old).expect("a profile"));
    browser.on(&mut page, cool);
    let decision = browser.on(&mut page, |session, now| session.decide("hero", now));
    assert_eq!(browser.campaign(&decision), Some("diet-soda-today"));
}

#[test]
fn a_year_of_busy_days_stays_within_the_bound_and_remembers_the_last_weeks() {
    let mut browser = visitor(Permissions::ALL);
    let tastes = ["water", "soda", "tea", "coffee", "lemonade"];
    for day in 0..365usize {
        for look in 0..3 {
            browser.track("product_viewed", &[("category", tastes[(day + look) % 5]), ("product", "soda-diet")]);
        }
        if day % 5 == 0 {
            browser.track("purchase", &[("category", tastes[day % 5])]);
        }
        browser.view(&["hero", "ad", "recommendation"], if day % 2 == 0 { hot } else { cool });
        browser.pass(DAY);
    }
    let stored = browser.store.clone().expect("something is stored");
    assert!(stored.len() <= MAX_BYTES, "{}", stored.len());
    let profile = Profile::decode(&stored).expect("what was stored");
    assert_eq!(profile.visits(), 365);
    assert_ne!(profile.visitor(), Visitor([0; 16]));
    assert_eq!(shows(&mut browser, "hero", cool), "diet-for-its-fans");
}

#[test]
fn what_is_sold_out_is_not_promoted_and_its_substitute_is() {
    let mut browser = visitor(Permissions::NONE);
    let still_gone = |session: &mut Session, now: Moment| {
        hot(session, now);
        session.feed("shelf", "bellecour", "water-still", 5, now.now);
    };
    assert_eq!(shows(&mut browser, "hero", still_gone), "sparkling-when-still-is-gone");
    let all_gone = |session: &mut Session, now: Moment| {
        hot(session, now);
        session.feed("shelf", "bellecour", "water-still", 0, now.now);
        session.feed("shelf", "bellecour", "water-sparkling", 0, now.now);
    };
    let decisions = browser.view(&["hero"], all_gone);
    assert_eq!(decisions[0].reason, Reason::Fallback);
}

#[test]
fn a_message_read_back_is_the_message_that_was_sent() {
    let mut browser = visitor(Permissions::ALL);
    browser.view(&["hero", "ad", "recommendation"], hot);
    for message in &browser.sent {
        assert_eq!(Message::decode(&message.encode()).as_ref(), Ok(message));
        assert_eq!(message.bundle, shop().catalog().hash());
    }
    assert_eq!(browser.sent.len(), 1);
}

#[test]
fn who_withdraws_the_memory_but_not_the_counting_is_not_followed_across_it() {
    let mut browser = visitor(Permissions::ALL);
    let mut page = browser.open();
    let before = page.session.profile().visitor();
    let seen = browser.on(&mut page, |session, now| {
        hot(session, now);
        session.decide("hero", now)
    });
    let measured = Permissions::from_bits(0b0100);
    browser.on(&mut page, |session, now| session.consent(measured, now));
    assert!(!browser.on(&mut page, |session, now| session.exposed(seen.id, now)), "a decision of the one before");
    browser.on(&mut page, |session, now| session.decide("hero", now));
    browser.on(&mut page, |session, _| session.flush());
    for message in &browser.sent {
        let is_old = message.visitor == before.0;
        let has_old = message.entries.iter().any(|entry| matches!(entry, Entry::Decision { id, .. } if *id == seen.id));
        assert!(!has_old || is_old, "the origin could join the two");
    }
    assert!(browser.sent.iter().any(|message| message.visitor != before.0));
}

#[test]
fn a_message_that_is_packed_but_not_yet_taken_does_not_leave_after_the_permission_has_gone() {
    let mut browser = visitor(Permissions::ALL);
    let mut page = browser.open();
    browser.on(&mut page, |session, now| {
        hot(session, now);
        session.decide("hero", now);
        session.flush();
        session.consent(Permissions::from_bits(0b0011), now);
    });
    assert!(browser.sent.is_empty());
}
