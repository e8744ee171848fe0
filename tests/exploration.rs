//! Chance among campaigns: what is logged as the probability of a choice is how often it is made.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that fails here has failed"
)]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;

use petitfour::consent::Permissions;
use petitfour::decision::CERTAIN;
use petitfour::engine::{Effect, Engine, Reason, Session};
use petitfour::id::Key;
use petitfour::sync::{Entry, Message};
use petitfour::time::Moment;

/// 2026-06-01, noon.
const NOON: u64 = 1_780_315_200_000;
const VISITORS: u32 = 20_000;

/// Three campaigns whose scores and spreads hang on the weather, at a placement of each policy, and one that is never worth it.
fn campaigns() -> String {
    let placements = [
        ("greedy", "{ epsilon: 12% }"),
        ("softmax", "{ by: softmax, temperature: 0.5, epsilon: 0% }"),
        ("thompson", "{ by: thompson, draws: 256 }"),
        ("upper", "{ by: upper, alpha: 2, epsilon: 5% }"),
        ("plain", ""),
    ];
    let places: Vec<String> = placements
        .iter()
        .map(
            |(name, how)| {
                if how.is_empty() { format!("  {name}: {{}}") } else { format!("  {name}: {{ explore: {how} }}") }
            },
        )
        .collect();
    let names: Vec<&str> = placements.iter().map(|(name, _)| *name).collect();
    let names = names.join(", ");
    format!(
        "petitfour: 1
version: 1
context: {{ sky: {{ type: text, values: [sun, rain] }} }}
models:
  tea: {{ kind: linear, bias: -1, spread: 0.3, terms: [{{ context: sky, weights: [{{ is: rain, weight: 0.5, spread: 0.4 }}] }}] }}
  water: {{ kind: linear, bias: -0.7, spread: 0.1, terms: [{{ context: sky, weights: [{{ is: sun, weight: 0.1, spread: 0.2 }}] }}] }}
  soda: {{ kind: linear, bias: -1.1, spread: 0.8, terms: [] }}
placements:
{}
campaigns:
  - {{ id: tea, placements: [{names}], model: tea, creatives: [{{ id: green, t: x }}, {{ id: black, t: y, weight: 3 }}] }}
  - {{ id: water, placements: [{names}], model: water, creatives: [{{ id: still, t: x }}] }}
  - {{ id: soda, placements: [{names}], model: soda, value: 1.1, creatives: [{{ id: diet, t: x }}] }}
  - {{ id: rest, placements: [{names}], model: tea, priority: -1, creatives: [{{ id: r, t: x }}] }}
",
        places.join("\n")
    )
}

fn session(engine: &Arc<Engine>, number: u32, sky: &str) -> Session {
    let mut seed = [7; 32];
    seed[..4].copy_from_slice(&number.to_le_bytes());
    let mut session = Session::new(Arc::clone(engine), seed);
    session.set_context_text("sky", sky);
    session
}

/// How often each creative was chosen, of how many, and the probability that was logged for it, which is the same for all visitors.
fn tally(engine: &Arc<Engine>, placement: &str, sky: &str) -> BTreeMap<usize, (u32, u16)> {
    let mut found: BTreeMap<usize, (u32, u16)> = BTreeMap::new();
    for number in 0..VISITORS {
        let decision = session(engine, number, sky).decide(placement, Moment::utc(NOON));
        let (count, probability) = found.entry(decision.creative.unwrap()).or_insert((0, decision.probability));
        *count += 1;
        assert_eq!(*probability, decision.probability, "the probability depends on nothing but what is known");
    }
    found
}

#[test]
fn a_logged_probability_is_the_frequency_of_the_choice() {
    let engine = support::build(&campaigns());
    for placement in ["greedy", "softmax", "thompson", "upper"] {
        for sky in ["sun", "rain"] {
            let found = tally(&engine, placement, sky);
            let mut all = 0.0;
            for (count, probability) in found.values() {
                let (n, p) = (f64::from(VISITORS), f64::from(*probability) / f64::from(CERTAIN));
                let off = (f64::from(*count) - n * p) / (n * p * (1.0 - p)).sqrt().max(1e-9);
                assert!(off.abs() < 4.5, "{placement}, {sky}: {count} of {VISITORS} at {p}, {off} standard errors off");
                all += p;
            }
            assert!((all - 1.0).abs() < 1e-3, "{placement}, {sky}: {all}");
        }
    }
}

/// Probabilities by campaign, as the explanation of a decision has the arms.
fn shares(engine: &Arc<Engine>, placement: &str, sky: &str) -> BTreeMap<String, f64> {
    let mut session = session(engine, 0, sky);
    session.consent(Permissions::ALL, Moment::utc(NOON));
    session.decide(placement, Moment::utc(NOON));
    session.flush();
    let names: BTreeMap<u32, &str> = ["tea", "water", "soda", "rest"].map(|name| (Key::of(name).0, name)).into();
    sent(&mut session)
        .iter()
        .filter_map(|entry| match entry {
            Entry::Candidate { campaign, probability, .. } => {
                Some((names[campaign].to_owned(), f64::from(*probability) / f64::from(CERTAIN)))
            }
            _ => None,
        })
        .collect()
}

fn sent(session: &mut Session) -> Vec<Entry> {
    let mut entries = Vec::new();
    while let Some(effect) = session.poll_effect() {
        if let Effect::Send(bytes) = effect {
            entries.extend(Message::decode(&bytes).unwrap().entries);
        }
    }
    entries
}

#[test]
fn softmax_is_in_proportion_to_odds_and_epsilon_is_shared_alike() {
    let engine = support::build(&campaigns());
    let greedy = shares(&engine, "greedy", "rain");
    // Tea has -0.5 in the rain: 0.378 a view, and soda 1.1 × 0.250.
    assert_eq!(greedy.len(), 3, "what stands below in priority is not drawn: {greedy:?}");
    assert!((greedy["tea"] - 0.92).abs() < 1e-4 && (greedy["soda"] - 0.04).abs() < 1e-4, "{greedy:?}");
    // With a value of 1.1, soda is not exactly where its odds say; the other two are in proportion.
    let softmax = shares(&engine, "softmax", "rain");
    let ratio = softmax["tea"] / softmax["water"];
    assert!((ratio / (0.2f64 / 0.5).exp() - 1.0).abs() < 0.35, "{ratio}: {softmax:?}");
}

/// Thompson sampling as the books have it: normal scores, drawn by floating-point numbers.
#[test]
fn thompson_draws_as_often_as_a_campaign_may_be_the_best() {
    let engine = support::build(&campaigns());
    for (sky, arms) in [
        ("rain", [("tea", -0.5, (0.09f64 + 0.16).sqrt(), 1.0), ("water", -0.7, 0.1, 1.0), ("soda", -1.1, 0.8, 1.1)]),
        ("sun", [("tea", -1.0, 0.3, 1.0), ("water", -0.6, 0.05f64.sqrt(), 1.0), ("soda", -1.1, 0.8, 1.1)]),
    ] {
        let mut state = 1u64;
        let mut uniform = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 11) as f64 + 0.5) / (1u64 << 53) as f64
        };
        let mut normal = || (-2.0 * uniform().ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos();
        let mut wins: BTreeMap<&str, f64> = BTreeMap::new();
        let draws = 200_000;
        for _ in 0..draws {
            let worth =
                arms.map(|(name, mean, spread, value)| (name, value / (1.0 + (-(mean + spread * normal())).exp())));
            let best = worth.iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
            *wins.entry(best.0).or_default() += 1.0 / f64::from(draws);
        }
        let drawn = shares(&engine, "thompson", sky);
        for (name, share) in wins {
            let expected = 0.99 * share + 0.01 / 3.0;
            assert!((drawn[name] - expected).abs() < 0.05, "{sky}, {name}: {} for {expected}", drawn[name]);
        }
    }
}

#[test]
fn upper_confidence_bounds_take_what_is_unsure() {
    let engine = support::build(&campaigns());
    // Two spreads on top: soda -1.1 + 1.6, tea in the sun -1 + 0.6, water -0.6 + 0.45.
    let upper = shares(&engine, "upper", "sun");
    assert!((upper["soda"] - (0.95 + 0.05 / 3.0)).abs() < 1e-4, "{upper:?}");
    let plain = tally(&engine, "plain", "sun");
    assert_eq!(plain.len(), 1, "who does not explore always shows the best: {plain:?}");
}

#[test]
fn a_visitor_keeps_a_draw_for_an_hour_and_nothing_is_told_without_permission() {
    let engine = support::build(&campaigns());
    let mut changed = 0;
    for number in 0..400 {
        let mut session = session(&engine, number, "rain");
        let mut at = |minutes: u64| session.decide("thompson", Moment::utc(NOON + minutes * 60_000)).campaign;
        assert_eq!(at(0), at(59));
        changed += u32::from(at(0) != at(60));
        session.flush();
        assert_eq!(sent(&mut session), []);
    }
    assert!((40..360).contains(&changed), "{changed} of 400 visitors see another campaign in the next hour");
}

#[test]
fn a_holdout_is_told_apart_from_chance() {
    let engine = support::build(&campaigns().replace("id: soda,", "id: soda, holdout: 30%,"));
    let (mut held, mut kept, mut free) = (0u32, 0u32, 0u32);
    for number in 0..VISITORS {
        let decision = session(&engine, number, "rain").decide("softmax", Moment::utc(NOON));
        let name =
            |at: Option<usize>| at.map(|at| engine.catalog().string(engine.catalog().campaign(at).unwrap().name()));
        match (name(decision.campaign), name(decision.withheld)) {
            (Some("soda"), None) => free += 1,
            (Some("tea" | "water"), Some("soda")) => held += 1,
            (Some("tea" | "water"), None) => kept += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(kept > 0);
    let share = f64::from(held) / f64::from(held + free);
    assert!((share - 0.3).abs() < 0.02, "{share} of those who would have seen soda are in its holdout");
}

#[test]
fn an_explanation_tells_the_probability_and_the_spread() {
    let engine = support::build(&campaigns());
    let mut session = session(&engine, 1, "rain");
    let explained = session.explain("thompson", Moment::utc(NOON));
    assert_eq!(explained.reason, Reason::Chosen);
    let of = |name: &str| explained.campaigns.iter().find(|verdict| verdict.campaign == name).unwrap().detail.clone();
    assert!(of("tea").contains("probability 0.") && of("tea").contains("give or take 0.500"), "{}", of("tea"));
    assert!(of("rest").contains("another one is worth more"), "{}", of("rest"));
}
