//! Test files of marketers: every slip is a fault at its place, and the reference lists every code.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;

use petitfour::bundle;
use petitfour::time::Timestamp;
use petitfour_compiler::story::{self, Act, Names, Stories};
use petitfour_compiler::{Severity, Source, compile};

const CAMPAIGNS: &str = "
petitfour: 1
version: 1
context: { weather: { type: text, values: [sunny, rain] }, shop: { type: text, values: [triana] } }
traits: { plan: { type: text, values: [club] }, age: { type: number } }
events: { product_viewed: {} }
memberships: { gold: {} }
feeds: { shelf: { place: shop }, price: {} }
channels: { mail: { needs: [] } }
placements: { hero: { fallback: house }, ad: {} }
fallbacks: { house: { t: x } }
campaigns:
  - { id: water, placements: [hero], holdout: 10%, stock: { feed: shelf, item: still }, creatives: [{ id: blue, t: x }] }
  - id: tea
    placements: [ad]
    when: { event: product_viewed, where: { category: tea } }
    creatives: [{ id: cup, t: x }]
journeys:
  welcome:
    enter: { on: product_viewed, where: { brand: own } }
    holdout: 10%
    steps: [{ wait: 2 days, id: pause }, { send: { channel: mail, message: hello }, id: greet }]
  other: { enter: { on: product_viewed }, steps: [{ wait: 1 day, id: rest }] }
";

fn read(text: &str) -> Stories {
    let compiled = compile(&[Source { name: "c.yaml".to_owned(), text: CAMPAIGNS.to_owned() }], &|_| None);
    assert_eq!(compiled.diagnostics.iter().filter(|it| it.severity == Severity::Error).count(), 0);
    let catalog = bundle::open(compiled.bundle.unwrap()).unwrap();
    let names = Names::of(&catalog, &compiled.declared);
    story::read(&[Source { name: "c.test.yaml".to_owned(), text: text.to_owned() }], &names)
}

fn one(step: &str) -> Stories {
    read(&format!("start: 2026-06-01 09:00 +02:00\ntests:\n  - {{ name: a, steps: [{step}] }}\n"))
}

/// The codes of the faults of one step.
fn codes(step: &str) -> Vec<&'static str> {
    one(step).diagnostics.iter().map(|diagnostic| diagnostic.code).collect()
}

#[test]
fn every_slip_of_a_step_has_its_code() {
    for (step, code) in [
        ("{ context: { wether: sunny } }", "test/unknown-context"),
        ("{ context: { wether: null } }", "test/unknown-context"),
        ("{ context: { weather: suny } }", "test/unknown-value"),
        ("{ traits: { plann: club } }", "test/unknown-trait"),
        ("{ traits: { plan: clubb } }", "test/unknown-value"),
        ("{ traits: { age: old } }", "file/wrong-type"),
        ("{ members: [golden] }", "test/unknown-membership"),
        ("{ permits: [stor] }", "consent/unknown-permission"),
        ("{ event: product_view }", "test/unknown-event"),
        ("{ event: product_viewed, with: { categroy: tea } }", "test/idle-property"),
        ("{ with: { category: tea } }", "test/stray"),
        ("{ levels: { still: 1 } }", "test/stray"),
        ("{ feed: shelv, levels: { still: 1 } }", "test/unknown-feed"),
        ("{ feed: shelf, place: trianna, levels: { still: 1 } }", "test/unknown-place"),
        ("{ feed: shelf, levels: { still: 1 } }", "test/unknown-place"),
        ("{ feed: price, place: triana, levels: {} }", "test/unknown-place"),
        ("{ feed: shelf, place: triana, levels: { stil: 1 } }", "test/idle-item"),
        ("{ feed: shelf, place: triana }", "file/missing-key"),
        ("{ sees: { her: water } }", "test/unknown-placement"),
        ("{ sees: [her] }", "test/unknown-placement"),
        ("{ sees: { hero: watter } }", "test/unknown-campaign"),
        ("{ in: { welcom: pause } }", "test/unknown-journey"),
        ("{ sent: welcom }", "test/unknown-journey"),
        ("{ in: { welcome: pose } }", "test/unknown-step"),
        ("{ in: { welcome: [pause, rest] } }", "test/unknown-step"),
        ("{ sends: { welcome: helo } }", "test/unknown-message"),
        ("{ in: pause }", "file/wrong-type"),
        ("{ sees: { hero: watter/blue } }", "test/unknown-campaign"),
        ("{ sees: { hero: fallback/hous } }", "test/unknown-campaign"),
        ("{ sees: { hero: water/bleu } }", "test/unknown-creative"),
        ("{ sees: { hero: tea } }", "test/elsewhere"),
        ("{ not: { hero: tea/cup } }", "test/elsewhere"),
        ("{ sees: { ad: fallback } }", "test/no-fallback"),
        ("{ why: { hero: { tea: segment } } }", "test/elsewhere"),
        ("{ why: { hero: { water: cap_dya } } }", "test/unknown-reason"),
        ("{ why: { hero: { water: fallback } } }", "test/unknown-reason"),
        ("{ not: { hero: water }, counts: false }", "test/stray"),
        ("{ after: 1 day, at: 2026-06-03 }", "test/two-times"),
        ("{ at: 2026-05-03 }", "test/backwards"),
        ("{ at: noon }", "file/bad-date"),
        ("{ after: soon }", "file/bad-duration"),
        ("{ sees: hero, every: 1 day }", "test/every"),
        ("{ sees: hero, times: 0 }", "file/out-of-range"),
        ("{ look: hero }", "file/unknown-key"),
        ("~", "test/empty-step"),
        ("{ traits: { age: 1 } }, { traits: { age: 2 } }", "test/same-time"),
        ("{ members: [gold] }, { members: { gold: false } }", "test/same-time"),
    ] {
        assert_eq!(codes(step), [code], "{step}");
    }
    let long = "x".repeat(257);
    assert_eq!(codes(&format!("{{ event: product_viewed, with: {{ category: {long} }} }}")), ["test/event"]);
}

#[test]
fn every_slip_of_a_test_has_its_code() {
    let codes = |text: &str| read(text).diagnostics.iter().map(|diagnostic| diagnostic.code).collect::<Vec<_>>();
    let with = |line: &str| codes(&format!("start: 2026-06-01\ntests: [{{ name: a, {line}, steps: [] }}]\n"));
    assert_eq!(with("visitor: { seed: 1, held_out: [water] }"), ["test/chance"]);
    assert_eq!(with("visitor: { held_out: [tea] }"), ["test/no-holdout"]);
    assert_eq!(with("visitor: { held_out: [watter] }"), ["test/unknown-campaign"]);
    assert_eq!(with("visitor: { held_out: [other] }"), ["test/no-holdout"]);
    assert_eq!(with("visitor: { held_out: [welcome] }"), [""; 0]);
    assert_eq!(with("visitor: { seeds: 1 }"), ["file/unknown-key"]);
    assert_eq!(codes("start: 2026-06-01\ntests: [{ name: a, steps: [] }, { name: a, steps: [] }]"), ["test/duplicate"]);
    assert_eq!(codes("tests: [{ name: a, steps: [] }]"), ["file/missing-key"]);
    assert_eq!(codes("start: monday\ntests: [{ name: a, steps: [] }]"), ["file/bad-date"]);
    assert_eq!(codes("petitfour: 2\ntests: []"), ["file/format"]);
    assert_eq!(codes("petitfour: 1"), ["file/missing-key"]);
}

#[test]
fn a_near_name_is_offered_for_a_journey_and_its_steps() {
    for (step, near) in [("{ in: { welcom: pause } }", "welcome"), ("{ in: { welcome: pase } }", "pause")] {
        assert_eq!(one(step).diagnostics[0].remedy.as_deref(), Some(format!("did you mean `{near}`?").as_str()));
    }
    assert_eq!(
        codes("{ event: product_viewed, with: { brand: own }, in: { welcome: [pause, done], other: inside } }"),
        [""; 0]
    );
}

#[test]
fn every_code_has_a_test_here_and_a_line_in_the_reference() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let own = std::fs::read_to_string(root.join("tests/stories.rs")).unwrap();
    let reference = std::fs::read_to_string(root.join("../docs/testing.md")).unwrap();
    for file in std::fs::read_dir(root.join("src/story")).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        for code in text.split('"').skip(1).step_by(2).filter(|literal| literal.starts_with("test/")) {
            assert!(own.contains(&format!("\"{code}\"")), "{code} is not tested");
            assert!(reference.contains(&format!("`{code}`")), "{code} is not in docs/testing.md");
        }
    }
}

#[test]
fn time_goes_on_from_step_to_step() {
    let stories = one(
        "{ after: 1 hour }, { event: product_viewed, times: 3, every: 10 minutes }, { at: 10:20 }, { at: 2026-06-03 08:00 -05:00 }, { after: 2 days }",
    );
    assert_eq!(stories.diagnostics, []);
    let steps = &stories.stories[0].steps;
    let start = petitfour_compiler::moment("2026-06-01 09:00 +02:00").unwrap();
    let since = |at: usize| (steps[at].moment.now.0 - start.now.0) / 60_000;
    // The first step is the visitor. At 10:20 the clock shows 10:20 already: it is tomorrow's.
    assert_eq!([0, 1, 2, 3].map(since), [0, 60, 60, 80 + 1_440]);
    assert_eq!(steps[2].end().now, Timestamp(start.now.0 + 80 * 60_000));
    assert_eq!(steps[4].moment, petitfour_compiler::moment("2026-06-03 08:00 -05:00").unwrap());
    assert_eq!(stories.stories[0].end(), petitfour_compiler::moment("2026-06-05 08:00 -05:00").unwrap());
}

#[test]
fn a_word_may_be_said_again_and_taken_back_later() {
    let again = "{ traits: { age: 1 }, members: [gold], times: 2 }, { traits: { age: 1 }, members: [gold] }";
    let later = "{ after: 1 minute, traits: { age: 2 }, members: { gold: false } }";
    assert_eq!(one(&format!("{again}, {later}")).diagnostics, []);
}

#[test]
fn a_test_s_own_line_comes_before_the_file_s() {
    let stories = read(
        "start: 2026-06-01\nvisitor: { permits: none, traits: { age: 30 } }\nbefore: [{ event: product_viewed }]\ntests:\n  - { name: a, visitor: { traits: { age: 40 } }, steps: [] }\n",
    );
    assert_eq!(stories.diagnostics, []);
    let acts: Vec<&Act> = stories.stories[0].steps.iter().flat_map(|step| &step.acts).collect();
    let told = format!("{acts:?}");
    assert!(
        told.contains("Permissions(0)") && told.contains("Number(40.0)") && !told.contains("Number(30.0)"),
        "{told}"
    );
    assert!(matches!(acts.last(), Some(Act::Do { .. })));
}

#[test]
fn any_bytes_are_read_without_a_panic() {
    let text = "start: 2026-06-01\ntests: [{ name: a, steps: [{ sees: { hero: water/blue }, at: 09:00, why: {} }] }]";
    for (before, after) in (0..text.len()).filter_map(|cut| text.split_at_checked(cut)) {
        let _ = read(before);
        let _ = read(&format!("{before}: [{after}"));
    }
}
