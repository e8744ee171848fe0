//! `petitfour test`: tests pass and fail as they should, and say so to people and machines.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// The campaigns that the page of documentation speaks of.
const CAMPAIGNS: &str = "
petitfour: 1
version: 1
context:
  weather: { type: text, values: [sunny, rain] }
  temperature: { type: number }
  shop: { type: text, values: [bellecour, triana] }
traits: { plan: { type: text, values: [none, club] } }
events: { product_viewed: {}, purchase: { outcome: true }, sign_up: {} }
channels: { mail: { needs: [] } }
memberships: { club_gold: {} }
feeds: { shelf: { place: shop } }
placements: { hero: { fallback: house }, ad: {} }
fallbacks: { house: { headline: Something cold } }
campaigns:
  - id: water-in-the-heat
    placements: [hero]
    when: { context: temperature, at_least: 25 }
    caps: { day: 3 }
    stock: { feed: shelf, item: water-still }
    creatives: [{ id: water-blue, headline: It is warm out there }]
  - id: water-for-its-fans
    placements: [hero]
    when: { event: product_viewed, where: { category: water }, at_least: 3, within: 7 days }
    creatives: [{ id: usual, headline: The usual? }]
  - id: gold
    placements: [ad]
    when: { member: club_gold }
    creatives: [{ id: gold-one, headline: For you }]
  - id: tea-for-two
    placements: [hero]
    when: { context: temperature, present: true }
    holdout: 10%
    creatives: [{ id: two, headline: Tea for two }]
  - id: tea
    placements: [hero]
    when: { moment: hour, at_least: 21 }
    creatives: [{ id: cup, headline: Tea }]
  - id: ten-percent
    placements: [hero]
    priority: 9
    when: { event: sign_up }
    creatives: [{ id: ten, headline: Ten percent off }]
journeys:
  welcome:
    enter: { on: sign_up }
    goal: { on: purchase }
    steps:
      - { send: { channel: mail, message: hello }, id: greet }
      - { wait: 2 days, id: pause }
      - { wait: 3 days, id: offer, show: [ten-percent] }
  survey:
    enter: { on: purchase }
    holdout: 50%
    steps: [{ wait: 1 day, id: ask }]
";

fn said(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_petitfour")).current_dir(folder).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// A folder of the campaigns and one test file.
fn folder(tests: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("campaigns.yaml"), CAMPAIGNS).unwrap();
    std::fs::write(folder.path().join("campaigns.test.yaml"), tests).unwrap();
    folder
}

/// One test of these steps, in flow or block style.
fn steps(steps: &str) -> tempfile::TempDir {
    folder(&format!("start: 2026-06-01 09:00 +02:00\ntests:\n  - name: it holds\n    steps:\n{steps}"))
}

fn passes(text: &str) {
    let folder = steps(text);
    let (code, told, faults) = said(folder.path(), &["test"]);
    assert_eq!((code, told.as_str(), faults.as_str()), (0, "ok    it holds\n\n1 passed, 0 failed\n", ""), "{text}");
}

fn fails(text: &str) -> String {
    let folder = steps(text);
    let (code, told, _) = said(folder.path(), &["test"]);
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("FAIL  it holds") && told.ends_with("0 passed, 1 failed\n"), "{told}");
    told
}

#[test]
fn the_starter_comes_with_tests_that_pass_and_that_a_build_leaves_alone() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    said(folder, &["new", "shop"]);
    let (code, told, faults) = said(folder, &["test", "shop"]);
    assert_eq!((code, faults.as_str()), (0, ""), "{told}");
    assert!(told.ends_with("5 passed, 0 failed\n"), "{told}");
    let build = |paths: &[&str]| {
        let (code, _, faults) = said(folder, &[&["build"], paths, &["-o", "b.pf4"]].concat());
        assert_eq!(code, 0, "{faults}");
        std::fs::read(folder.join("b.pf4")).unwrap()
    };
    let both = build(&["shop/campaigns.yaml", "shop/campaigns.test.yaml"]);
    assert_eq!(build(&["shop"]), both);
    assert!(said(folder, &["check", "shop/campaigns.test.yaml"]).2.contains("only tests were given"));
}

#[test]
fn the_tests_of_the_soda_shop_pass() {
    let (code, told, faults) = said(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples"), &["test", "soda"]);
    assert_eq!((code, faults.as_str()), (0, ""), "{told}");
}

#[test]
fn the_examples_of_the_documentation_pass() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/testing.md");
    let page = std::fs::read_to_string(page).unwrap();
    let blocks: Vec<&str> = page.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    let folder = folder(&blocks.concat());
    let (code, told, faults) = said(folder.path(), &["test"]);
    assert_eq!((code, faults.as_str()), (0, ""), "{told}");
    assert!(told.contains("4 passed"), "{told}");
}

#[test]
fn what_was_seen_counts_unless_it_is_told_not_to() {
    let shelf = "      - { context: { temperature: 30, shop: triana }, feed: shelf, place: triana, levels: { water-still: 1 } }\n";
    let seen = "      - { sees: { hero: water-in-the-heat }, times: 3 }\n";
    let again = "      - why: { hero: { water-in-the-heat: cap_day } }\n";
    passes(&format!("{shelf}{seen}{again}"));
    let unseen = seen.replace("times", "counts: false, times");
    assert!(fails(&format!("{shelf}{unseen}{again}")).contains("is chosen, not cap_day"));
    let asked = "      - { not: { hero: tea }, times: 9 }\n";
    passes(&format!("{shelf}{asked}      - sees: {{ hero: water-in-the-heat }}\n"));
}

#[test]
fn what_the_origin_tells_and_takes_back_is_believed() {
    passes(
        "      - { members: [club_gold], sees: { ad: gold } }\n      - { after: 1 hour, members: { club_gold: false }, sees: { ad: nothing } }\n",
    );
    passes("      - { permits: none, members: [club_gold], sees: { ad: nothing } }\n");
}

#[test]
fn time_passes_as_the_visitor_s_clock_shows_it() {
    passes("      - { at: 20:59, not: { hero: tea } }\n      - { at: 21:00, sees: { hero: tea } }\n");
    passes(
        "      - { at: 2026-06-01 15:00 -05:00, not: { hero: tea } }\n      - { after: 6 hours, sees: { hero: tea } }\n",
    );
    passes("      - { at: 09:00, not: { hero: tea } }\n      - { at: 2026-06-02 09:00 }\n");
    assert!(fails("      - { at: 20:59, sees: { hero: tea } }\n").contains("hero at 2026-06-01 20:59 +02:00"));
}

#[test]
fn a_failure_tells_the_line_what_was_seen_and_every_reason() {
    let told = fails("      - sees: { hero: [tea, water-for-its-fans] }\n      - sees: { ad: gold }\n");
    for part in [
        "hero shows fallback/house, not tea or water-for-its-fans",
        "campaigns.test.yaml:5:24",
        "- sees: { hero: [tea, water-for-its-fans] }",
        "water-for-its-fans  segment  not in its segment: product_viewed[category=water] in 7 days is below 3",
        "so the fallback house shows",
    ] {
        assert!(told.contains(part), "{part} in\n{told}");
    }
    assert!(!told.contains("gold-one"), "what follows a failure is not played:\n{told}");
}

#[test]
fn machines_read_the_outcome_as_json_and_as_junit() {
    let folder = folder(
        "start: 2026-06-01\ntests:\n  - { name: \"tea & <cake>\", steps: [{ sees: { hero: tea } }] }\n  - { name: house, steps: [{ sees: { hero: fallback/house } }] }\n",
    );
    let (code, told, _) = said(folder.path(), &["test", ".", "--json", "--junit", "out.xml"]);
    let outcome: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((code, &outcome["passed"], &outcome["failed"]), (1, &Value::from(1), &Value::from(1)));
    let failure = &outcome["tests"][0]["failures"][0];
    assert_eq!((&failure["expected"], &failure["seen"]), (&Value::from("tea"), &Value::from("fallback/house")));
    assert_eq!(
        (&failure["line"], &failure["why"]["campaigns"][3]["reason"]),
        (&Value::from(3), &Value::from("segment"))
    );
    let xml = std::fs::read_to_string(folder.path().join("out.xml")).unwrap();
    for part in [
        r#"<testsuites name="petitfour" tests="2" failures="1" errors="0">"#,
        r#"name="tea &amp; &lt;cake&gt;" file="./campaigns.test.yaml" line="3">"#,
        r#"<failure message="hero shows fallback/house, not tea" type="test/failed">"#,
        r#"name="house" file="./campaigns.test.yaml" line="4"/>"#,
    ] {
        assert!(xml.contains(part), "{part} in\n{xml}");
    }
}

#[test]
fn a_filter_plays_what_it_names_and_none_is_no_success() {
    let folder = folder(
        "start: 2026-06-01\ntests:\n  - { name: one, steps: [{ sees: { hero: tea } }] }\n  - { name: two, steps: [{ sees: hero }] }\n",
    );
    let (code, told, _) = said(folder.path(), &["test", "--filter", "two"]);
    assert_eq!((code, told.as_str()), (0, "ok    two\n\n1 passed, 0 failed, 1 left out\n"));
    let (code, _, fault) = said(folder.path(), &["test", "--filter", "three"]);
    assert_eq!((code, fault.contains("no test has `three`")), (1, true));
    std::fs::remove_file(folder.path().join("campaigns.test.yaml")).unwrap();
    assert_eq!(said(folder.path(), &["test"]).0, 1);
}

#[test]
fn faults_keep_tests_from_being_played_and_reach_machines_too() {
    let folder = steps("      - sees: { hero: teaa }\n");
    let (code, told, faults) = said(folder.path(), &["test"]);
    assert_eq!((code, told.as_str()), (1, ""));
    assert!(faults.contains("test/unknown-campaign") && faults.contains("did you mean `tea`?"), "{faults}");
    let (code, told, _) = said(folder.path(), &["test", "--json", "--junit", "out.xml"]);
    let outcome: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((code, &outcome["faults"][0]["code"]), (1, &Value::from("test/unknown-campaign")));
    assert!(std::fs::read_to_string(folder.path().join("out.xml")).unwrap().contains(r#"errors="1""#));
    std::fs::write(folder.path().join("campaigns.yaml"), CAMPAIGNS.replace("version: 1", "version: one")).unwrap();
    assert!(said(folder.path(), &["test"]).2.contains("file/wrong-type"));
}

#[test]
fn tests_alone_are_played_over_the_campaign_files_beside_them() {
    let folder = steps("      - sees: { hero: fallback }\n");
    assert_eq!(said(folder.path(), &["test", "campaigns.test.yaml"]).0, 0);
    assert_eq!(said(folder.path(), &["test", "campaigns.test.yaml", "campaigns.yaml"]).0, 0);
}

#[test]
fn a_visitor_is_held_out_of_what_the_test_says_and_of_nothing_else() {
    let told = |visitor: &str, reason: &str| {
        let step = format!("{{ context: {{ temperature: 9 }}, why: {{ hero: {{ tea-for-two: {reason} }} }} }}");
        let folder =
            folder(&format!("start: 2026-06-01\ntests:\n  - {{ name: one, visitor: {visitor}, steps: [{step}] }}\n"));
        said(folder.path(), &["test"]).0
    };
    assert_eq!(told("{ held_out: [tea-for-two] }", "holdout"), 0);
    assert_eq!(told("{}", "chosen"), 0);
    let held = (0..100).filter(|seed| told(&format!("{{ seed: {seed} }}"), "holdout") == 0).count();
    assert!((3..=20).contains(&held), "{held} of 100");
}

#[test]
fn a_journey_goes_on_as_time_passes_and_messages_are_handed_over() {
    passes(
        "      - { in: { welcome: never }, not: { hero: ten-percent } }
      - { event: sign_up, sends: { welcome: hello }, in: { welcome: [greet] } }
      - { after: 9 days, in: { welcome: greet }, sees: { hero: fallback } }
      - { sent: [welcome], in: { welcome: pause } }
      - { after: 2 days, sees: { hero: ten-percent }, in: { welcome: offer } }
      - { after: 3 days, in: { welcome: done } }
      - { event: purchase, in: { welcome: done, survey: inside } }
",
    );
    passes("      - { permits: none, event: sign_up, in: { welcome: never } }\n");
}

#[test]
fn a_step_that_is_not_where_the_visitor_stands_fails_and_tells_since_when_and_until_when() {
    let told = fails(
        "      - { event: sign_up }\n      - { after: 1 hour, sent: welcome }\n      - { after: 1 day, in: { welcome: [offer, done] } }\n",
    );
    for part in [
        "welcome is at pause, since 2026-06-01 10:00 +02:00, until 2026-06-03 10:00 +02:00; not offer or done",
        "  welcome at 2026-06-02 10:00 +02:00:\n    is      at pause\n    since   2026-06-01 10:00 +02:00\n    until   2026-06-03 10:00 +02:00",
    ] {
        assert!(told.contains(part), "{part} in\n{told}");
    }
    assert!(
        fails("      - { sent: welcome }\n").contains("no message of welcome waits to be handed over: never entered")
    );
    let greeted = fails("      - { event: sign_up, in: { welcome: done } }\n");
    assert!(greeted.contains("at greet, where hello waits to be handed over, since"), "{greeted}");
}

#[test]
fn machines_read_where_the_visitor_stands() {
    let folder = steps("      - { event: sign_up, in: { welcome: done } }\n");
    let (_, told, _) = said(folder.path(), &["test", "--json"]);
    let outcome: Value = serde_json::from_str(&told).unwrap();
    let failure = &outcome["tests"][0]["failures"][0];
    assert_eq!((&failure["seen"], &failure["why"]), (&Value::from("at greet"), &Value::Null));
    assert_eq!((&failure["stands"]["sends"], &failure["stands"]["until"]), (&Value::from("hello"), &Value::Null));
}

#[test]
fn a_visitor_is_held_out_of_the_journeys_that_the_test_says() {
    for (visitor, stands) in [("{ held_out: [survey] }", "never"), ("{}", "ask")] {
        let step = format!("{{ event: purchase, in: {{ survey: {stands} }} }}");
        let text = format!("start: 2026-06-01\ntests: [{{ name: one, visitor: {visitor}, steps: [{step}] }}]\n");
        let (code, told, faults) = said(folder(&text).path(), &["test"]);
        assert_eq!((code, faults.as_str()), (0, ""), "{told}");
    }
}
