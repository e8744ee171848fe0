//! All that may be shown, the best first: the first is what is decided.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that fails here has failed"
)]

mod support;

use petitfour::engine::{Reason, Session};
use petitfour::time::Moment;

const CAMPAIGNS: &str = "petitfour: 1
version: 1
currency: EUR
context: { sky: { type: text, values: [sun, rain] } }
models: { bright: { kind: linear, terms: [{ context: sky, weights: [{ is: sun, weight: 2 }, { is: rain, weight: -2 }] }] } }
placements: { hero: {} }
campaigns:
  - { id: plain, placements: [hero], value: 0.5, creatives: [{ id: p, t: x }], bid: { base: 1.205, max: 4, domain: a.example, categories: [IAB8, IAB9-1] }, budget: { day: 50, total: 2000 } }
  - { id: sunny, placements: [hero], model: bright, creatives: [{ id: s, t: x }] }
  - { id: rainy, placements: [hero], when: { context: sky, is: rain }, priority: 1, creatives: [{ id: r, t: x }, { id: q, t: y }], bid: { base: 2, domain: b.example }, budget: { total: 0.5 } }
  - { id: held, placements: [hero], holdout: 99.99%, priority: 2, creatives: [{ id: h, t: x }] }
";

#[test]
fn the_first_of_the_ranking_is_what_is_decided() {
    let engine = support::build(CAMPAIGNS);
    for seed in 0..100u8 {
        for sky in ["sun", "rain", "fog"] {
            let mut session = Session::new(engine.clone(), [seed; 32]);
            session.set_context_text("sky", sky);
            let ranked = session.rank_at(0, Moment::utc(1_780_315_200_000));
            let decided = session.decide_at(0, Moment::utc(1_780_315_200_000));
            let best = ranked.first().expect("somebody may be shown");
            assert_eq!((Some(best.campaign), Some(best.creative)), (decided.campaign, decided.creative));
            assert_eq!(best.probability, decided.probability);
            let explained = session.explain("hero", Moment::utc(1_780_315_200_000)).campaigns;
            let open = |reason| matches!(reason, Reason::Chosen | Reason::Outranked);
            assert_eq!(ranked.len(), explained.iter().filter(|verdict| open(verdict.reason)).count());
            for contender in ranked {
                let campaign = engine.catalog().campaign(contender.campaign).unwrap();
                assert_eq!(contender.chance.is_some(), campaign.model().is_some());
            }
        }
    }
    assert_eq!(Session::new(engine, [0; 32]).rank_at(7, Moment::utc(0)), []);
}

#[test]
fn a_bundle_says_what_campaigns_offer() {
    let engine = support::build(CAMPAIGNS);
    let catalog = engine.catalog();
    let name = |campaign: usize| catalog.string(catalog.campaign(campaign).unwrap().name());
    let bids: Vec<_> = catalog.bids().collect();
    assert_eq!(bids.iter().map(|bid| name(bid.campaign())).collect::<Vec<_>>(), ["rainy", "plain"]);
    let (rainy, plain) = (&bids[0], &bids[1]);
    assert_eq!((plain.currency(), plain.base(), plain.max()), ("EUR", 1_205, 4_000));
    assert_eq!((plain.day(), plain.total(), plain.is_even()), (Some(50_000_000), Some(2_000_000_000), true));
    assert_eq!((catalog.string(plain.domain()), catalog.string(plain.categories())), ("a.example", "IAB8,IAB9-1"));
    assert_eq!((rainy.base(), rainy.max(), rainy.day(), rainy.total()), (2_000, 2_000, None, Some(500_000)));
    assert!(!rainy.is_even());
    let silent = support::build("petitfour: 1\nversion: 1\nplacements: { hero: {} }\n");
    assert_eq!(silent.catalog().bids().len(), 0);
}
