//! What creatives say: a thousand combinations of parts, and prices over whatever feeds tell.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "only tests come here, though not from a function that Clippy knows as one"
)]

mod support;

use petitfour::engine::{Engine, Session};
use petitfour::time::{Moment, Timestamp};
use proptest::prelude::*;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;

/// Parts of a creative, and options of each.
const PARTS: usize = 4;
const OPTIONS: usize = 6;
/// What no text may break out of: JSON, markup, the marks of the format itself.
const NASTY: &str = r#"\"</script><b>' \\ \u0001 \u0002"#;

/// A file whose one creative has 4 parts of 6 options. `pairs` do not stand beside each other; the last option of a part goes with all.
fn file(pairs: &[(usize, usize)], conditions: &[u8]) -> String {
    let mut text = String::from(
        "petitfour: 1\nversion: 1\ncurrency: EUR\ncontext: { heat: { type: number } }\nfeeds: { prices: {}, shelf: {} }\n\
         prices: { still: { base: { feed: prices, item: still } } }\nplacements: { hero: {} }\n\
         campaigns:\n  - id: built\n    placements: [hero]\n    creatives:\n      - id: one\n        parts:\n",
    );
    for part in 0..PARTS {
        writeln!(text, "          part{part}:").expect("a text");
        for option in 0..OPTIONS {
            let number = part * OPTIONS + option;
            let not_with: Vec<String> = pairs
                .iter()
                .filter(|(one, other)| *one == number && one / OPTIONS != other / OPTIONS)
                .map(|(_, other)| format!("part{}.o{other}", other / OPTIONS))
                .collect();
            let is_last = option == OPTIONS - 1;
            let more = match conditions[number] {
                _ if is_last => String::new(),
                0 => ", when: { context: heat, at_least: 20 }".to_owned(),
                1 => ", stock: { feed: shelf, item: still, at_least: 3 }".to_owned(),
                _ => String::new(),
            };
            let apart = if is_last { String::new() } else { format!(", not_with: [{}]", not_with.join(", ")) };
            writeln!(
                text,
                "            - {{ id: o{number}, text: \"o{number} {NASTY} {{{{ price.still | default: '\\\"<i>' }}}}\"{more}{apart} }}"
            )
            .expect("a text");
        }
    }
    text
}

fn session(engine: &Arc<Engine>, seed: u64) -> Session {
    let mut bytes = [7; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    Session::new(Arc::clone(engine), bytes)
}

fn said(session: &mut Session, moment: Moment) -> Map<String, Value> {
    let creative = session.decide("hero", moment).creative.expect("the only campaign");
    let composed = session.content(creative, moment).expect("a creative");
    serde_json::from_slice(&composed.json).expect("an object of texts")
}

fn engine(text: &str) -> Arc<Engine> {
    Arc::new(Engine::load(support::bundle("content.yaml", text)).expect("a bundle"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// 6⁴ combinations: whatever the constraints, each part says something, nothing stands beside what it does not go with, and nothing
    /// breaks out of its text.
    #[test]
    fn every_combination_of_parts_is_whole_and_within_its_constraints(
        pairs in prop::collection::vec((0..PARTS * OPTIONS, 0..PARTS * OPTIONS), 0..40),
        conditions in prop::collection::vec(0..4_u8, PARTS * OPTIONS),
        heat in prop::option::of(0.0..40.0_f64),
        level in prop::option::of(0..6_i32),
    ) {
        let last = |number: usize| number % OPTIONS == OPTIONS - 1;
        let pairs: Vec<(usize, usize)> =
            pairs.into_iter().filter(|(one, other)| one / OPTIONS != other / OPTIONS && !last(*one) && !last(*other)).collect();
        let engine = engine(&file(&pairs, &conditions));
        let moment = Moment::utc(1_780_000_000_000);
        for seed in 0..60 {
            let mut session = session(&engine, seed);
            if let Some(heat) = heat {
                session.set_context_number("heat", heat);
            }
            if let Some(level) = level {
                session.feed("shelf", "", "still", level, moment.now);
                session.feed("prices", "", "still", 120 + level, moment.now);
            }
            let fields = said(&mut session, moment);
            prop_assert_eq!(fields.len(), PARTS);
            let mut chosen = Vec::new();
            for (name, text) in &fields {
                let text = text.as_str().expect("a text");
                let rest = text.strip_prefix('o').expect("an option");
                let (number, rest) = rest.split_once(' ').expect("a number");
                let number: usize = number.parse().expect("a number");
                prop_assert_eq!(name, &format!("part{}", number / OPTIONS));
                let price = level.map_or("\"<i>".to_owned(), |level| format!("€1.2{level}"));
                prop_assert_eq!(rest, format!("\"</script><b>' \\ \u{1} \u{2} {price}"));
                chosen.push(number);
                if !last(number) {
                    prop_assert!(conditions[number] != 0 || heat.is_some_and(|heat| heat >= 20.0));
                    prop_assert!(conditions[number] != 1 || level.is_some_and(|level| level >= 3));
                }
            }
            for (one, other) in &pairs {
                prop_assert!(!(chosen.contains(one) && chosen.contains(other)), "{} beside {}", one, other);
            }
        }
    }

    /// Raised when it is short, lowered below a rival, and never under the floor, whatever is known and however old it is.
    #[test]
    fn a_price_never_falls_under_its_floor_and_rises_only_when_it_is_short(
        base in 0..100_000_i32,
        cost in prop::option::of(0..100_000_i32),
        rival in prop::option::of(0..100_000_i32),
        shelf in prop::option::of(0..12_i32),
        age in 0..300_u64,
        times in 10_000..30_000_u32,
        step in prop::sample::select(vec![1, 5, 10, 100]),
    ) {
        let margin = 12_500;
        let text = format!(
            "petitfour: 1\nversion: 1\ncurrency: EUR\nfeeds: {{ prices: {{}}, costs: {{}}, rival: {{}}, shelf: {{}} }}\n\
             prices:\n  still:\n    base: {{ feed: prices, item: still }}\n    floor: {{ feed: costs, item: still, times: 1.25 }}\n    \
             below: {{ feed: rival, item: still, by: 0.05, max_age: 2 hours }}\n    \
             short: {{ feed: shelf, item: still, under: 6, times: {} }}\n    ceiling: 900\n    step: {}\n\
             placements: {{ hero: {{}} }}\ncampaigns: [{{ id: a, placements: [hero], creatives: [{{ id: one, p: \"{{{{ price.still | default: '-' }}}}\" }}] }}]\n",
            f64::from(times) / 10_000.0,
            f64::from(step) / 100.0,
        );
        let moment = Moment::utc(1_780_000_000_000);
        let mut session = session(&engine(&text), 1);
        session.feed("prices", "", "still", base, moment.now);
        for (feed, level, minutes) in [("costs", cost, 0), ("rival", rival, age), ("shelf", shelf, 0)] {
            if let Some(level) = level {
                session.feed(feed, "", "still", level, Timestamp(moment.now.0 - minutes * 60_000));
            }
        }
        let fields = said(&mut session, moment);
        let told = fields["p"].as_str().expect("a text");
        let digits: String = told.chars().filter(char::is_ascii_digit).collect();
        let told: i64 = digits.parse().expect("an amount");
        let share = |amount: i64, share: u32| (amount as i128 * i128::from(share)).div_euclid(10_000) as i64
            + i64::from((amount as i128 * i128::from(share)).rem_euclid(10_000) > 0);
        // The same in other words, slowly.
        let floor = cost.map_or(i64::from(base).min(90_000), |cost| share(cost.into(), margin));
        let rival = rival.filter(|_| age <= 120);
        let mut wanted = i64::from(base);
        if let Some(rival) = rival {
            wanted = wanted.min(i64::from(rival) - 5);
        }
        let is_short = shelf.is_some_and(|shelf| shelf < 6);
        if is_short {
            wanted = share(wanted, times);
        }
        let step = i64::from(step);
        wanted = ((wanted as f64 / step as f64 + 0.5).floor() as i64) * step;
        prop_assert_eq!(told, wanted.min(90_000).max(floor));
        prop_assert!(told >= floor);
        prop_assert!(is_short || told <= i64::from(base).max(floor) + step);
    }
}

#[test]
fn equal_options_get_their_shares_and_a_visitor_keeps_theirs() {
    let text = "petitfour: 1\nversion: 1\nplacements: { hero: {} }\ncampaigns:\n  - id: a\n    placements: [hero]\n    creatives:\n      - \
                { id: one, parts: { headline: [{ id: x, text: x }, { id: y, text: y, weight: 3 }], tail: [{ id: l, text: l }, { id: r, text: r }] } }\n";
    let engine = engine(text);
    let moment = Moment::utc(1_780_000_000_000);
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    for seed in 0..8_000 {
        let mut session = session(&engine, seed);
        let fields = said(&mut session, moment);
        assert_eq!(fields, said(&mut session, moment));
        let text = |name: &str| fields[name].as_str().expect("a text").to_owned();
        *counts.entry((text("headline"), text("tail"))).or_default() += 1;
    }
    let count = |headline: &str, tail: &str| counts[&(headline.to_owned(), tail.to_owned())];
    // Each within five standard deviations; the parts are drawn apart.
    assert!((820..1_180).contains(&count("x", "l")) && (820..1_180).contains(&count("x", "r")), "{counts:?}");
    assert!((2_780..3_220).contains(&count("y", "l")) && (2_780..3_220).contains(&count("y", "r")), "{counts:?}");
}

#[test]
fn a_thousand_combinations_are_seen() {
    let engine = engine(&file(&[], &[9; PARTS * OPTIONS]));
    let moment = Moment::utc(1_780_000_000_000);
    let seen: BTreeSet<Vec<String>> = (0..20_000)
        .map(|seed| said(&mut session(&engine, seed), moment).values().map(|text| text.to_string()).collect())
        .collect();
    assert!(seen.len() > 1_200, "{} of 1,296", seen.len());
}
