//! `petitfour uplift`: what it says of a trial, what it draws, and of what it cannot read.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails here has failed")]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

fn said(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_petitfour")).arg("uplift").args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// A made-up trial of 4,000 people: a letter makes the young buy, and keeps the old from it.
fn trial(folder: &Path) -> String {
    let mut seed = 11_u64;
    let mut chance = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 40) as f64 / (1_u64 << 24) as f64
    };
    let mut text = String::from("age,town,group,bought,paid\n");
    for _ in 0..4_000 {
        let (age, town, given) = (18 + (chance() * 60.0) as u32, (chance() * 3.0) as usize, chance() < 0.5);
        let effect = match (given, age < 48) {
            (true, true) => 0.2,
            (true, false) => -0.15,
            (false, _) => 0.0,
        };
        let bought = chance() < 0.25 + effect;
        let group = if given { "letter" } else { "none" };
        let paid = if bought { 5.0 + chance() * 90.0 } else { 0.0 };
        text.push_str(&format!("{age},{},{group},{},{paid:.2}\n", ["Ulm", "Bern", "Graz"][town], u8::from(bought)));
    }
    let path = folder.join("trial.csv");
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn a_trial_is_told_drawn_and_written_for_machines() {
    let folder = tempfile::tempdir().unwrap();
    let (file, picture) = (trial(folder.path()), folder.path().join("qini.svg").display().to_string());
    let rest = ["--treatment", "group", "--control", "none", "--splits", "5", "--segment", "age"];
    let all = [&[file.as_str(), "--outcome", "bought", "--drop", "paid", "--picture", &picture][..], &rest].concat();
    let (code, told, faults) = said(&all);
    assert_eq!(code, 0, "{faults}");
    for part in
        ["who gains more can be told", "Let the learned policy choose", "leave alone", "By foreseen effect of letter"]
    {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(!told.contains("BEWARE"), "{told}");
    let drawn = std::fs::read_to_string(&picture).unwrap();
    assert!(drawn.contains("<polygon") && drawn.contains("class=\"chance\"") && drawn.contains("letter against none"));
    let (code, told, _) =
        said(&[&[file.as_str(), "--outcome", "paid", "--drop", "bought", "--json"][..], &rest].concat());
    let report: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((code, report["arms"][0].as_str(), report["is_rate"].as_bool()), (0, Some("none"), Some(false)));
    assert_eq!(report["advice"]["choice"]["what"], "learned", "{report}");
    assert_eq!(report["rankings"][0]["curve"].as_array().unwrap().len(), 51);
}

#[test]
fn an_outcome_among_the_columns_is_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(trial(folder.path())).unwrap();
    // What was opened after it was sent.
    let rows = text.lines().enumerate().map(|(number, line)| match number {
        0 => format!("{line},opened\n"),
        _ => format!("{line},{}\n", u8::from(line.contains("letter") && number % 3 == 0)),
    });
    let file = folder.path().join("opened.csv");
    std::fs::write(&file, rows.collect::<String>()).unwrap();
    let (code, told, _) = said(&[
        &file.display().to_string(),
        "--treatment",
        "group",
        "--control",
        "none",
        "--outcome",
        "bought",
        "--drop",
        "paid",
        "--splits",
        "5",
    ]);
    assert!(code == 0 && told.contains("BEWARE: `opened` differs by +"), "{told}");
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = trial(folder.path());
    for (treatment, control, outcome, expected) in [
        ("arm", "none", "bought", "there is no column `arm`; there are age, town, group, bought, paid"),
        ("group", "nothing", "bought", "`group` is never `nothing`; it is `letter`, `none`"),
        ("group", "none", "town", "line 2: outcome `town` is "),
    ] {
        let (code, told, faults) = said(&[&file, "--treatment", treatment, "--control", control, "--outcome", outcome]);
        assert!(code == 1 && told.is_empty() && faults.contains(expected), "{faults}");
    }
    let (code, _, faults) =
        said(&[&file, "--treatment", "group", "--control", "none", "--outcome", "bought", "--segment", "colour"]);
    assert!(code == 1 && faults.contains("there is no column `colour`"), "{faults}");
    let (code, _, faults) =
        said(&[&file, "--treatment", "group", "--control", "none", "--outcome", "bought", "--cost", "-1"]);
    assert!(code == 2 && faults.contains("write a number from 0 on"), "{faults}");
}
