//! Laws of the engine: what holds for every visitor, every timeline and every choice of permissions.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "only tests come here, though not from a function that Clippy knows as one"
)]

mod support;

use petitfour::consent::Permissions;
use petitfour::decision::Verdict;
use petitfour::engine::{Effect, Engine, Reason, Session};
use petitfour::event::Event;
use petitfour::identity::{Digest, Hashed, Identifiers};
use petitfour::profile::{MAX_BYTES, Profile};
use petitfour::sync::{Entry, Message};
use petitfour::time::{Moment, Timestamp};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, LazyLock};

const START: u64 = 1_780_315_200_000; // 2026-06-01T12:00:00Z
const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

/// Reduced in the everyday run; `cargo xtask drill` sets PETITFOUR_DRILL for the full number.
fn cases(everyday: u32) -> ProptestConfig {
    let drilled = std::env::var_os("PETITFOUR_DRILL").is_some();
    let cases = if drilled { everyday * 20 } else { everyday };
    // A failure that was found becomes a test of its own, with a name; a file of seeds would say nothing to a reader.
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// The campaigns of the example shop: segments of every kind, caps, stock, holdouts, models.
static SODA: LazyLock<Arc<Engine>> = LazyLock::new(|| {
    let folder = support::root().join("examples/soda");
    let text = fs::read_to_string(folder.join("campaigns.yaml")).expect("examples/soda/campaigns.yaml");
    let source = petitfour_compiler::Source { name: "campaigns.yaml".to_owned(), text };
    let compiled = petitfour_compiler::compile(&[source], &|name| fs::read(folder.join(name)).ok());
    Arc::new(Engine::load(compiled.bundle.expect("the example compiles")).expect("and opens"))
});

/// One capped campaign, with some company and so many counters that a profile overflows.
static CAPPED: LazyLock<Arc<Engine>> = LazyLock::new(|| {
    let busy: String = (0..160)
        .map(|kind| {
            format!("        - {{ event: viewed, where: {{ kind: k{kind} }}, at_least: 1000, within: 90 days }}\n")
        })
        .collect();
    support::build(&format!(
        "petitfour: 1
version: 1
consent: {{ default: [store, personalise] }}
events: {{ viewed: {{}} }}
placements: {{ hero: {{ fallback: house }} }}
fallbacks: {{ house: {{ headline: House }} }}
campaigns:
  - id: capped
    placements: [hero]
    priority: 2
    caps: {{ hour: 2, day: 4, week: 9, total: 30 }}
    creatives: [{{ id: capped-a, headline: a }}]
  - id: never
    placements: [hero]
    priority: 1
    when:
      any:
{busy}    creatives: [{{ id: never-a, headline: a }}]
"
    ))
});

#[derive(Debug, Clone)]
enum Act {
    /// So many minutes, forward or a little back.
    Pass(i64),
    /// The visitor's offset changes.
    Fly(i16),
    /// A decision that is seen at once.
    Show,
    /// The page is left, and another is opened over what was stored.
    Reload,
    /// A burst of events of many kinds.
    Burst(u8),
}

fn timeline() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        3 => (-120i64..600).prop_map(Act::Pass),
        1 => (0i64..6_000).prop_map(Act::Pass),
        1 => prop_oneof![Just(0i16), Just(330), Just(-420), Just(720), Just(-720)].prop_map(Act::Fly),
        8 => Just(Act::Show),
        2 => Just(Act::Reload),
        1 => (0u8..160).prop_map(Act::Burst),
    ];
    prop::collection::vec(act, 1..160)
}

proptest! {
    #![proptest_config(cases(300))]

    /// What is seen before the next decision is counted in it, so no hour, day, week or life holds more than its cap:
    /// through reloads, flights, clocks that go back some hours and profiles that overflow.
    #[test]
    fn caps_are_never_exceeded(timeline in timeline()) {
        let mut now = Moment::utc(START);
        let mut latest = START;
        let mut session = Session::new(CAPPED.clone(), [1; 32]);
        let mut shown: Vec<(u32, u32)> = Vec::new();
        let mut stored: Option<Vec<u8>> = None;
        for (turn, act) in timeline.into_iter().enumerate() {
            match act {
                Act::Pass(minutes) => {
                    let passed = now.now.0.saturating_add_signed(minutes * MINUTE as i64);
                    // Clocks are set back by hours, not by days; beyond that a profile may have let the hour go.
                    now.now = Timestamp(passed.max(latest - 4 * HOUR));
                    latest = latest.max(now.now.0);
                }
                Act::Fly(offset) => now.offset_minutes = offset,
                Act::Show => {
                    let decision = session.decide("hero", now);
                    if decision.campaign.is_some() {
                        prop_assert!(session.exposed(decision.id, now));
                        shown.push((now.local_hours(), now.local_day()));
                    }
                }
                Act::Reload => {
                    session = Session::new(CAPPED.clone(), [turn as u8; 32]);
                    if let Some(stored) = &stored {
                        session.restore(stored).expect("what was stored");
                    }
                }
                Act::Burst(kinds) => {
                    for kind in 0..kinds {
                        let event = Event::parse("viewed", [("kind", format!("k{kind}").as_str())], None);
                        session.record(&event.expect("an event"), now);
                    }
                }
            }
            while let Some(effect) = session.poll_effect() {
                if let Effect::Persist(bytes) = effect {
                    prop_assert!(bytes.len() <= MAX_BYTES);
                    stored = Some(bytes);
                }
            }
        }
        let most = |counts: BTreeMap<u32, usize>| counts.into_values().max().unwrap_or(0);
        let count = |slots: &mut dyn Iterator<Item = u32>| {
            let mut counts = BTreeMap::new();
            slots.for_each(|slot| *counts.entry(slot).or_insert(0) += 1);
            counts
        };
        prop_assert!(most(count(&mut shown.iter().map(|(hour, _)| *hour))) <= 2, "an hour: {shown:?}");
        prop_assert!(most(count(&mut shown.iter().map(|(_, day)| *day))) <= 4, "a day: {shown:?}");
        let weeks = shown.iter().flat_map(|(_, day)| *day..*day + 7);
        prop_assert!(most(count(&mut weeks.into_iter())) <= 9, "a week: {shown:?}");
        prop_assert!(shown.len() <= 30, "in all: {shown:?}");
    }
}

#[derive(Debug, Clone)]
enum Deed {
    Consent(u8),
    Temperature(f64),
    Weather(&'static str),
    Track(&'static str, &'static str),
    Trait(&'static str),
    Feed(&'static str, &'static str, i32),
    Decide(&'static str),
    See,
    Outcome,
    Identify(u8),
    Wake,
    Flush,
    Forget,
    Pass(u64),
}

fn deeds(consent: bool) -> impl Strategy<Value = Vec<Deed>> {
    let name = prop::sample::select(vec!["product_viewed", "purchase", "ad_clicked", "unheard_of"]);
    let taste = prop::sample::select(vec!["water", "soda", "tea", "gravel"]);
    let shop = prop::sample::select(vec!["bellecour", "triana", "nowhere"]);
    let item = prop::sample::select(vec!["water-still", "soda-diet", "iced-tea", "lemonade"]);
    let weather = prop::sample::select(vec!["sunny", "rain", "snow", "sulphur"]);
    let placement = prop::sample::select(vec!["hero", "ad", "recommendation", "cellar"]);
    let plan = prop::sample::select(vec!["club", "none", "other"]);
    let deed = prop_oneof![
        1 => (0u8..16).prop_map(move |bits| if consent { Deed::Consent(bits) } else { Deed::Flush }),
        2 => (-40f64..60.0).prop_map(Deed::Temperature),
        2 => weather.prop_map(Deed::Weather),
        4 => (name, taste).prop_map(|(name, taste)| Deed::Track(name, taste)),
        1 => plan.prop_map(Deed::Trait),
        2 => (shop, item, -1i32..30).prop_map(|(shop, item, level)| Deed::Feed(shop, item, level)),
        6 => placement.prop_map(Deed::Decide),
        3 => Just(Deed::See),
        1 => Just(Deed::Outcome),
        1 => (1u8..4).prop_map(Deed::Identify),
        1 => Just(Deed::Wake),
        1 => Just(Deed::Flush),
        1 => Just(if consent { Deed::Forget } else { Deed::Wake }),
        3 => (0u64..3_000).prop_map(Deed::Pass),
    ];
    prop::collection::vec(deed, 1..80)
}

/// The answer does not matter: the engine may refuse.
fn ignore(_: bool) {}

/// A visitor of the example shop.
struct Visit {
    session: Session,
    now: Moment,
    last: u64,
}

impl Visit {
    fn new(permissions: Permissions) -> Self {
        let mut session = Session::new(SODA.clone(), [9; 32]);
        let now = Moment { now: Timestamp(START), offset_minutes: 120 };
        session.consent(permissions, now);
        session.set_context_text("shop", "bellecour");
        Self { session, now, last: 0 }
    }

    fn act(&mut self, deed: &Deed) {
        let (session, now) = (&mut self.session, self.now);
        match deed {
            Deed::Consent(bits) => session.consent(Permissions::from_bits(*bits), now),
            Deed::Temperature(degrees) => ignore(session.set_context_number("temperature", *degrees)),
            Deed::Weather(weather) => ignore(session.set_context_text("weather", weather)),
            Deed::Track(name, taste) => {
                let properties = [("category", *taste), ("product", "soda-diet")];
                session.record(&Event::parse(name, properties, Some(2.5)).expect("an event"), now);
            }
            Deed::Trait(plan) => ignore(session.set_trait_text("plan", plan, now)),
            Deed::Feed(shop, item, level) => ignore(session.feed("shelf", shop, item, *level, now.now)),
            Deed::Decide(placement) => self.last = session.decide(placement, now).id,
            Deed::See => ignore(session.exposed(self.last, now)),
            Deed::Outcome => session.outcome("click", self.last, None, now),
            Deed::Identify(code) => session.identify(Hashed::from_code(*code, Digest([7; 32])).expect("a code"), now),
            Deed::Wake => session.handle_wake(now),
            Deed::Flush => session.flush(),
            Deed::Forget => session.forget(now),
            Deed::Pass(minutes) => self.now.now.0 += minutes * MINUTE,
        }
    }
}

proptest! {
    #![proptest_config(cases(400))]

    /// Nothing permitted: not a byte is kept or sent, no timer is asked for, and the profile is what it was.
    #[test]
    fn without_permission_nothing_is_kept_and_nothing_leaves(deeds in deeds(false)) {
        let mut visit = Visit::new(Permissions::NONE);
        let before = visit.session.profile_bytes();
        for deed in deeds {
            visit.act(&deed);
            prop_assert_eq!(visit.session.poll_effect(), None);
        }
        visit.session.flush();
        prop_assert_eq!(visit.session.poll_effect(), None);
        prop_assert_eq!(visit.session.profile_bytes(), before);
    }

    /// Each permission is a door of its own, whatever was permitted before.
    #[test]
    fn each_effect_has_its_permission(permissions in 0u8..16, deeds in deeds(true)) {
        let mut visit = Visit::new(Permissions::from_bits(permissions));
        for deed in deeds {
            visit.act(&deed);
            let permitted = visit.session.permissions();
            while let Some(effect) = visit.session.poll_effect() {
                match effect {
                    Effect::Persist(bytes) => {
                        prop_assert!(permitted.store());
                        prop_assert!(Profile::decode(&bytes).is_ok());
                    }
                    Effect::Send(bytes) => {
                        let message = Message::decode(&bytes).expect("what the engine sends");
                        for entry in message.entries {
                            let identity = matches!(entry, Entry::Identity { .. });
                            prop_assert!(if identity { permitted.share() } else { permitted.measure() }, "{:?}", entry);
                        }
                    }
                    Effect::PersistIdentifiers(bytes) => {
                        prop_assert!(permitted.store());
                        let known = Identifiers::decode(&bytes).expect("what the engine keeps");
                        prop_assert!(known.iter().all(|known| known.permissions().without(permitted) == Permissions::NONE));
                    }
                    Effect::Erase | Effect::Wake(_) | Effect::Note(_) => {}
                }
            }
            if !permitted.store() {
                prop_assert!(visit.session.profile().is_empty());
            }
        }
    }

    /// A decision depends on the bundle, the snapshot and the moment, and on nothing else.
    #[test]
    fn a_decision_can_be_made_again_from_a_snapshot(permissions in 0u8..16, deeds in deeds(true)) {
        let mut visit = Visit::new(Permissions::from_bits(permissions));
        deeds.iter().for_each(|deed| visit.act(deed));
        let snapshot = visit.session.snapshot();
        let again = || Session::from_snapshot(SODA.clone(), &snapshot).expect("a snapshot");
        let (mut first, mut second) = (again(), again());
        prop_assert_eq!(first.snapshot(), snapshot.clone());
        for placement in ["hero", "ad", "recommendation", "cellar"] {
            let decided = visit.session.decide(placement, visit.now);
            let mut copy = first.decide(placement, visit.now);
            prop_assert_eq!(copy, second.decide(placement, visit.now));
            copy.id = decided.id;
            prop_assert_eq!(copy, decided);
        }
    }

    /// What is explained is what was decided: one campaign is chosen, or none is fit, and every other has its refusal.
    #[test]
    fn an_explanation_agrees_with_the_decision(permissions in 0u8..16, deeds in deeds(true)) {
        let mut visit = Visit::new(Permissions::from_bits(permissions));
        deeds.iter().for_each(|deed| visit.act(deed));
        let catalog = SODA.catalog();
        for placement in ["hero", "ad", "recommendation"] {
            let decision = visit.session.decide(placement, visit.now);
            let explanation = visit.session.explain(placement, visit.now);
            let name = |index: Option<usize>| {
                index.and_then(|index| catalog.campaign(index)).map(|campaign| catalog.string(campaign.name()).to_owned())
            };
            prop_assert_eq!(explanation.reason, decision.reason);
            prop_assert_eq!(&explanation.campaign, &name(decision.campaign));
            let with = |reason: Reason| -> Vec<&Verdict> {
                explanation.campaigns.iter().filter(|verdict| verdict.reason == reason).collect()
            };
            let chosen: Vec<&String> = with(Reason::Chosen).iter().map(|verdict| &verdict.campaign).collect();
            prop_assert_eq!(chosen, explanation.campaign.iter().collect::<Vec<_>>());
            if decision.campaign.is_none() {
                prop_assert!(with(Reason::Outranked).is_empty());
            }
            if let Some(withheld) = name(decision.withheld) {
                prop_assert!(with(Reason::Holdout).iter().any(|verdict| verdict.campaign == withheld));
            }
            prop_assert!(with(Reason::Fallback).is_empty() && with(Reason::Nothing).is_empty());
            prop_assert!(explanation.campaigns.iter().all(|verdict| !verdict.detail.is_empty()));
        }
    }
}
