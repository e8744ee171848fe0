//! `petitfour explain`: the difference between two who look alike, and why this and not that.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use petitfour::consent::Permissions;
use petitfour::engine::{Engine, Session};
use petitfour::event::Event;
use petitfour::time::Moment;
use serde_json::Value;

const CAMPAIGNS: &str = "
petitfour: 1
version: 1
context: { temperature: { type: number }, weather: { type: text, values: [sunny, rain] } }
traits: { plan: { type: text }, shoe: { type: text } }
events: { product_viewed: {} }
models:
  thirst: { kind: linear, terms: [{ context: temperature, weights: [{ at_least: 25, weight: 3 }, { less_than: 25, weight: -3 }] }] }
placements: { hero: { fallback: house }, ad: {}, pick: {} }
fallbacks: { house: { t: x } }
campaigns:
  - { id: fans, placements: [hero], priority: 3, when: { event: product_viewed, at_least: 2 }, creatives: [{ id: fans-one, t: x }] }
  - { id: sun, placements: [hero], priority: 2, when: { context: weather, is: sunny }, creatives: [{ id: sun-one, t: x }] }
  - { id: shoes, placements: [ad], when: { trait: shoe, is: red }, creatives: [{ id: red, t: x }] }
  - { id: cold-drink, placements: [pick], value: 2, model: thirst, creatives: [{ id: cold, t: x }, { id: colder, t: x }] }
  - { id: hot-drink, placements: [pick], creatives: [{ id: hot, t: x }] }
";

const PEOPLE: &str = "
start: 2026-06-01 09:00 +02:00
tests:
  - name: anna
    visitor: { traits: { shoe: green, plan: a }, seed: 2 }
    steps: [{ event: product_viewed, times: 2 }, { context: { weather: sunny, temperature: 30 }, sees: { hero: sun } }]
  - name: ben
    visitor: { traits: { plan: b }, seed: 3 }
    steps: [{ event: product_viewed }, { after: 1 hour, context: { weather: sunny, temperature: 12 } }]
";

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("c.yaml"), CAMPAIGNS).unwrap();
    std::fs::write(folder.path().join("c.test.yaml"), PEOPLE).unwrap();
    folder
}

fn explain(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_petitfour"));
    let output = command.current_dir(folder).arg("explain").args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// What is told of both at one placement.
fn both(placement: &str) -> String {
    let folder = folder();
    let (code, told, fault) = explain(
        folder.path(),
        &["--person", "c.test.yaml#anna", "--person", "c.test.yaml#ben", "--placement", placement],
    );
    assert_eq!((code, fault.as_str()), (0, ""), "{told}");
    told
}

#[test]
fn two_who_look_alike_are_told_apart_by_what_counts_alone() {
    let told = both("hero");
    assert_eq!(
        told,
        "hero\n  anna sees fans/fans-one, at 2026-06-01 09:00 +02:00\n  ben sees sun/sun-one, at 2026-06-01 10:00 +02:00\n  \
         product_viewed ever: anna at least 2 times, ben at most once; asked for by the segment of fans.\n  \
         fans: anna sees it; ben is not in its segment: product_viewed ever is below 2.\n  \
         sun: for anna another one comes first; ben sees it.\n\n"
    );
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/testing.md");
    assert!(std::fs::read_to_string(page).unwrap().contains(told.trim_end()));
}

#[test]
fn a_difference_that_changes_nothing_is_left_out() {
    let told = both("ad");
    assert!(told.contains("anna sees nothing") && told.contains("ben sees nothing"), "{told}");
    assert!(!told.contains("shoe") && !told.contains("plan"), "{told}");
}

#[test]
fn what_a_model_weighs_is_told_with_its_figures() {
    let told = both("pick");
    for part in [
        "temperature: anna at least 25, ben less than 25; asked for by the model of cold-drink, thirst.",
        "cold-drink is worth 1.905 (value 2 at 95.3%) to anna, and 0.095 (value 2 at 4.7%) to ben.",
        "hot-drink: for anna another one comes first; ben sees it.",
    ] {
        assert!(told.contains(part), "{part} in\n{told}");
    }
}

#[test]
fn trees_and_the_place_of_the_stock_are_looked_into_as_well() {
    let people = tempfile::tempdir().unwrap();
    let file = people.path().join("two.test.yaml");
    let shelf = "feed: shelf, levels: { water-still: 9 }";
    let person = |name: &str, shop: &str, weather: &str, temperature: u8| {
        let context = format!("context: {{ shop: {shop}, weather: {weather}, temperature: {temperature} }}");
        format!("  - {{ name: {name}, steps: [{{ {shelf}, place: bellecour, {context} }}] }}\n")
    };
    let all = [
        person("eve", "bellecour", "sunny", 26),
        person("finn", "triana", "rain", 26),
        person("gil", "bellecour", "rain", 12),
    ];
    std::fs::write(&file, format!("start: 2026-07-04 15:00\ntests:\n{}", all.concat())).unwrap();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let told = |other: &str| {
        let [eve, other] = ["eve", other].map(|name| format!("{}#{name}", file.display()));
        let (code, told, fault) = explain(&examples, &["--bundle", "soda", "--person", &eve, "--person", &other]);
        assert_eq!(code, 0, "{fault}");
        told
    };
    let finn = told("finn");
    for part in [
        "shop: eve is bellecour, finn is triana; asked for by the stock of water-in-the-heat.",
        "water-in-the-heat: eve sees it; refused to finn by stock_unknown",
    ] {
        assert!(finn.contains(part), "{part} in\n{finn}");
    }
    // It is hot for both: that it rains for one of them changes no segment.
    assert!(!finn.contains("the segment of") && !finn.contains("the stock of lemonade-ad"), "{finn}");
    let gil = told("gil");
    let part = "weather: eve is sunny, gil is rain; asked for by the model of pick-sparkling, thirst and the model of pick-orange, sweet-tooth.";
    assert!(gil.contains(part) && gil.contains("asked for by the segment of water-in-the-heat"), "{gil}");
}

#[test]
fn one_person_is_told_why_this_and_not_that() {
    let folder = folder();
    let told = |person: &str, campaign: &str| {
        let (code, told, fault) = explain(folder.path(), &["--person", person, "--instead-of", campaign]);
        assert_eq!((code, fault.as_str()), (0, ""), "{told}");
        told
    };
    for (person, campaign, part) in [
        ("c.test.yaml#anna", "sun", "sun may be shown, but comes later: fans has priority 3, sun 2"),
        (
            "c.test.yaml#ben",
            "fans",
            "fans is refused by segment: not in its segment: product_viewed ever is below 2. It is for: product_viewed ever at least 2 times. If nothing refused it, it would come first: sun has priority 2, fans 3",
        ),
        ("c.test.yaml#anna", "fans", "fans is what is seen"),
        ("c.test.yaml#ben", "cold-drink", "but comes later: hot-drink is worth 1, cold-drink 0.095 (value 2 at 4.7%)"),
        ("c.test.yaml#ben", "shoes", "Nothing else may be shown either, so nothing is seen"),
    ] {
        let told = told(person, campaign);
        assert!(told.contains(part), "{part} in\n{told}");
    }
}

#[test]
fn a_snapshot_is_a_person_too_and_machines_read_it() {
    let folder = folder();
    let mut build = Command::new(env!("CARGO_BIN_EXE_petitfour"));
    build.current_dir(folder.path()).args(["build", "c.yaml", "-o", "b.pf4"]).output().unwrap();
    let engine = Arc::new(Engine::load(std::fs::read(folder.path().join("b.pf4")).unwrap()).unwrap());
    for (name, views) in [("cleo", 2), ("dan", 1)] {
        let now = Moment::utc(1_780_470_000_000);
        let mut session = Session::new(Arc::clone(&engine), [1; 32]);
        session.consent(Permissions::ALL, now);
        for _ in 0..views {
            session.record(&Event::parse("product_viewed", [], None).unwrap(), now);
        }
        std::fs::write(folder.path().join(format!("{name}.snapshot")), session.snapshot()).unwrap();
    }
    let people = ["--bundle", "b.pf4", "--person", "cleo.snapshot", "--person", "dan.snapshot", "--placement", "hero"];
    assert!(explain(folder.path(), &people).2.contains("give `--at`"));
    let (code, told, fault) = explain(folder.path(), &[&people[..], &["--at", "1780470000000", "--json"]].concat());
    assert_eq!((code, fault.as_str()), (0, ""), "{told}");
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told[0]["people"][1]["sees"], "fallback/house");
    assert_eq!(told[0]["difference"]["attributes"][0]["values"][0], "at least 2 times");
    assert_eq!(told[0]["difference"]["reasons"][0]["reasons"], serde_json::json!(["chosen", "segment"]));
}

#[test]
fn whom_nobody_knows_is_a_fault_with_the_nearest_name() {
    let folder = folder();
    let fault = |arguments: &[&str]| {
        let (code, _, fault) = explain(folder.path(), arguments);
        assert_eq!(code, 1, "{arguments:?}");
        fault
    };
    assert!(fault(&["--person", "c.test.yaml#bem"]).contains("did you mean `ben`?"));
    assert!(fault(&["--person", "c.test.yaml"]).contains("it has: anna, ben"));
    assert!(fault(&["--person", "c.test.yaml#ben", "--placement", "her"]).contains("did you mean `hero`?"));
    let elsewhere = fault(&["--person", "c.test.yaml#ben", "--placement", "hero", "--instead-of", "shoes"]);
    assert!(elsewhere.contains("no campaign `shoes` at hero"), "{elsewhere}");
    assert!(fault(&["--person", "c.test.yaml#ben", "--at", "2026-06-01 09:30"]).contains("before the end"));
    assert!(fault(&["--person", "gone.snapshot", "--at", "2026-06-01"]).contains("give `--bundle`"));
}
