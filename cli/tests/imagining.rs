//! `petitfour simulate --visitors`: imagined visitors go through journeys, and the same seed imagines the same ones.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn fifty() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/fifty")
}

fn said(campaigns: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_petitfour"));
    let output = command.arg("simulate").arg("--campaigns").arg(campaigns).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn json(campaigns: &Path, arguments: &[&str]) -> String {
    let (code, told, faults) = said(campaigns, &[&["--json"], arguments].concat());
    assert_eq!(code, 0, "{faults}");
    told
}

fn count(value: &Value, key: &str) -> u64 {
    value[key].as_u64().unwrap()
}

fn sum(list: &Value, key: &str) -> u64 {
    list.as_array().unwrap().iter().map(|each| count(each, key)).sum()
}

/// A folder of one journey.
fn one(journey: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "petitfour: 1\nversion: 1\nevents: {{ view: {{}}, buy: {{ outcome: true }} }}\nplacements: {{ hero: {{}} }}\nchannels: {{ mail: {{ needs: [] }} }}\nfeeds: {{ shelf: {{}} }}\n\
         campaigns: [{{ id: offer, placements: [hero], creatives: [{{ id: one, t: x }}] }}]\njourneys:\n{journey}"
    );
    std::fs::write(folder.path().join("campaigns.yaml"), text).unwrap();
    folder
}

#[test]
fn the_same_seed_tells_the_same_whatever_the_threads_and_another_does_not() {
    let told = json(&fifty(), &["--visitors", "600", "--seed", "7", "--threads", "1"]);
    assert_eq!(told, json(&fifty(), &["--visitors", "600", "--seed", "7", "--threads", "3"]));
    assert_ne!(told, json(&fifty(), &["--visitors", "600", "--seed", "8"]));
}

#[test]
fn whoever_entered_has_ended_or_is_inside() {
    let told: Value = serde_json::from_str(&json(
        &fifty(),
        &["--visitors", "2000", "--days", "30", "--out-of-stock", "shelf/tea-bottle@day1-20"],
    ))
    .unwrap();
    assert_eq!(count(&told, "visitors"), 2_000);
    let journeys = told["journeys"].as_array().unwrap();
    assert_eq!(journeys.len(), 50);
    for journey in journeys {
        let ends: u64 = ["done", "reached", "left", "forgotten", "inside"].iter().map(|end| count(journey, end)).sum();
        assert_eq!(count(journey, "entered"), ends, "{}", journey["name"]);
        assert_eq!(sum(&journey["stands"], "people"), count(journey, "inside"));
        // What flows into a step flows out of it, or stays.
        for stand in journey["stands"].as_array().unwrap() {
            let step = Value::from(format!("step {}", stand["step"].as_str().unwrap()));
            let flow = |side: &str| -> u64 {
                let all = journey["flow"].as_array().unwrap().iter();
                all.filter(|way| way[side] == step).map(|way| count(way, "count")).sum()
            };
            assert_eq!(flow("to"), flow("from") + count(stand, "people"), "{step} of {}", journey["name"]);
        }
        assert!(count(journey, "people") <= count(journey, "entered").min(2_000));
        let name = journey["name"].as_str().unwrap();
        let is_empty_shelf = name.starts_with("shelf-") && name != "shelf-tea";
        assert_eq!(count(journey, "entered") == 0, is_empty_shelf, "{name}");
    }
    assert!(sum(&told["channels"], "messages") > 1_000 && sum(&told["campaigns"], "exposures") > 1_000);
}

#[test]
fn a_journey_goes_on_after_the_last_visit() {
    let folder = one(
        "  after:\n    enter: { on: view }\n    steps: [{ wait: 2 days, id: pause }, { send: { channel: mail, message: hello }, id: hello }, { wait: 1 day, id: rest }]\n",
    );
    let told: Value =
        serde_json::from_str(&json(folder.path(), &["--visitors", "300", "--days", "30", "--often", "buy=0"])).unwrap();
    let journey = &told["journeys"][0];
    assert_eq!((count(journey, "people"), count(journey, "entered")), (300, 300), "everybody views something");
    // Who came in the last three days is under way; all others are through, whether they came again or not.
    let inside = count(journey, "inside");
    assert!((10..=60).contains(&inside) && count(journey, "done") == 300 - inside, "{journey}");
    assert_eq!(told["channels"][0]["messages"].as_u64().unwrap(), count(journey, "done") + rest(journey));
    assert_eq!((count(&told["messages_a_week"], "max"), count(&told["journeys_at_once"], "max")), (1, 1));
}

#[test]
fn caps_and_pressure_hold_messages_back_as_they_do_at_the_origin() {
    let send = |name: &str, id: &str, channel: &str| {
        format!(
            "  {name}:\n    enter: {{ on: view }}\n    again: always\n    steps: [{{ send: {{ channel: {channel}, message: {id} }}, id: {id} }}]\n"
        )
    };
    let folder = one(&(send("first", "a", "[mail, call]") + &send("second", "b", "call")));
    let file = folder.path().join("campaigns.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    let told = |channels: &str| -> Value {
        std::fs::write(&file, text.replace("channels: { mail: { needs: [] } }", channels)).unwrap();
        serde_json::from_str(&json(folder.path(), &["--visitors", "200", "--days", "14"])).unwrap()
    };
    let messages = |told: &Value, at: usize| count(&told["channels"][at], "messages");
    let free = told("channels: { mail: { needs: [] }, call: { needs: [] } }");
    assert!(
        count(&free["messages_a_week"], "max") > 4 && free["channels"][0]["held"] == serde_json::json!({}),
        "{free}"
    );
    // The second journey goes by call alone, and the first as soon as mail has had its day.
    let capped = told("channels: { mail: { needs: [], caps: { day: 1 } }, call: { needs: [] } }");
    assert!(messages(&capped, 0) < messages(&free, 0) && messages(&capped, 1) > messages(&free, 1), "{capped}");
    let pressed = told("channels: { mail: { needs: [] }, call: { needs: [] } }\npressure: { day: 1, week: 2 }");
    // Seven times 24 hours from an arrival touch eight days.
    assert!(count(&pressed["messages_a_week"], "max") <= 3, "{pressed}");
    assert!(count(&pressed["channels"][1]["held"], "pressure_day") > 0, "{pressed}");
    let (_, table, _) = said(folder.path(), &["--visitors", "200", "--days", "14"]);
    assert!(table.contains("waited: pressure_day "), "{table}");
    let exempt =
        told("channels: { mail: { needs: [] }, call: { needs: [] } }\npressure: { day: 1, week: 2, except: [call] }");
    assert!(messages(&exempt, 1) > messages(&pressed, 1), "{exempt}");
}

/// Who stands at the last step.
fn rest(journey: &Value) -> u64 {
    let stands = journey["stands"].as_array().unwrap();
    stands.iter().find(|stand| stand["step"] == "rest").map_or(0, |stand| count(stand, "people"))
}

#[test]
fn two_journeys_that_everybody_is_inside_are_told_as_a_pair() {
    let wait = "    enter: { on: view }\n    steps: [{ wait: { on: buy }, id: pause }]\n";
    let folder = one(&format!("  first:\n{wait}  second:\n{wait}"));
    let told: Value = serde_json::from_str(&json(folder.path(), &["--visitors", "50", "--often", "buy=0"])).unwrap();
    assert_eq!(told["overlaps"], serde_json::json!([{ "journeys": ["first", "second"], "people": 50 }]));
    assert_eq!(count(&told["journeys_at_once"], "median"), 2);
}

#[test]
fn the_picture_is_an_svg_without_script_whose_names_are_text() {
    let folder = one("  first:\n    enter: { on: view }\n    steps: [{ wait: 9 days, id: pause }]\n");
    let file = folder.path().join("flow.svg");
    let (code, told, speed) = said(folder.path(), &["--visitors", "50", "--flow", file.to_str().unwrap()]);
    assert_eq!(code, 0, "{speed}");
    assert!(speed.contains("50 people in ") && speed.contains(" a second"), "{speed}");
    assert!(told.starts_with("50 imagined visitors in 30 days from 2026-06-01 00:00 +00:00, seed 1"), "{told}");
    let picture = std::fs::read_to_string(file).unwrap();
    assert!(picture.starts_with("<svg ") && picture.ends_with("</svg>\n") && !picture.contains("<script"));
    for part in
        [">first</text>", ">pause</text>", "50 people entered 50 times", "<title>enter to step pause: 50</title>"]
    {
        assert!(picture.contains(part), "{part} in\n{picture}");
    }
}

#[test]
fn what_cannot_be_imagined_is_said() {
    let folder = one("  first:\n    enter: { on: view }\n    steps: [{ wait: 9 days, id: pause }]\n");
    for (arguments, part) in [
        (&["--visitors", "5", "--often", "vew=2"][..], "no event `vew`"),
        (&["--visitors", "5", "--often", "view=0", "--often", "buy=0"], "nothing ever happens"),
        (
            &["--visitors", "5", "--out-of-stock", "shelf/tea@day3"],
            "nothing asks how much the feed `shelf` has of `tea`",
        ),
        (&["--visitors", "5", "--start", "monday"], "`monday` is no time"),
        (&["--flow", "flow.svg"], "--visitors"),
        (&["--visitors", "5", "--chain"], "cannot be used with"),
    ] {
        let (code, _, fault) = said(folder.path(), arguments);
        assert!(code > 0 && fault.contains(part), "{part} in\n{fault}");
    }
}
