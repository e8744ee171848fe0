//! Segments for the origin: asked of whole persons by the same engine.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test that cannot go on says why by panicking")]

use std::sync::Arc;

use petitfour::{
    consent::Permissions,
    decision::Reason,
    engine::{Engine, Session},
    event::Event,
    time::{Moment, Timestamp},
};
use petitfour_compiler::{Source, compile_segments, people::PLACEMENT};

const SITE: &str = "petitfour: 1
version: 3
context: { temperature: { type: number } }
events: { purchase: { outcome: true } }
segments:
  loyal: { event: purchase, at_least: 2, within: 30 days }
  hot: { context: temperature, at_least: 25 }
  thirsty: { any: [{ segment: hot }, { segment: loyal }] }
  strangers: { not: { segment: loyal } }
placements: { hero: { fallback: house } }
fallbacks: { house: { headline: Hello } }
campaigns:
  - { id: sunny, placements: [hero], segment: hot, creatives: [{ id: sun, headline: Out you go }] }
";

fn members(session: &mut Session, moment: Moment) -> Vec<(String, bool)> {
    let explained = session.explain(PLACEMENT, moment);
    explained.campaigns.into_iter().map(|row| (row.campaign, row.reason != Reason::Segment)).collect()
}

#[test]
fn segments_that_need_no_page_are_asked_of_a_person() {
    let compiled = compile_segments(&[Source { name: "campaigns.yaml".into(), text: SITE.into() }], &|_| None);
    assert!(compiled.diagnostics.is_empty(), "{:?}", compiled.diagnostics);
    let engine = Arc::new(Engine::load(compiled.bundle.expect("a bundle")).expect("opens"));
    let mut session = Session::new(engine, [7; 32]);
    let moment = Moment::utc(Timestamp(1_780_000_000_000).0);
    session.consent(Permissions::ALL, moment);
    let row = |name: &str, inside| (name.to_owned(), inside);
    assert_eq!(members(&mut session, moment), [row("loyal", false), row("strangers", true)]);
    for _ in 0..2 {
        session.record(&Event::parse("purchase", [], None).expect("an event"), moment);
    }
    assert_eq!(members(&mut session, moment), [row("loyal", true), row("strangers", false)]);
}
