//! `petitfour hours`: what a recording says of own hours and of one hour, and what it refuses to say.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;
/// 2026-06-01T00:00 in the shop's zone.
const START: u64 = 1_780_264_800_000;

fn said(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_petitfour")).arg("hours").args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// A recording of visitors who come on each of 28 days, at the hour that is drawn for them; the first third has bought.
fn recording(folder: &Path, visitors: u64, hour: impl Fn(u64, u64) -> u64) -> String {
    let mut lines = String::new();
    for visitor in 0..visitors {
        let event = |day: u64| {
            let kind = if visitor < visitors / 3 && day == 3 { "orders" } else { "clicks" };
            let at = START + day * DAY + hour(visitor, day) % 24 * HOUR + visitor * 1_000;
            format!("{{\"aid\":1,\"ts\":{at},\"type\":\"{kind}\"}}")
        };
        let events: Vec<String> = (0..28).map(event).collect();
        writeln!(lines, "{{\"session\":{visitor},\"events\":[{}]}}", events.join(",")).unwrap();
    }
    let file = folder.join("sessions.jsonl");
    std::fs::write(&file, lines).unwrap();
    file.display().to_string()
}

fn scatter(number: u64) -> u64 {
    petitfour::hash::xxh64(&number.to_le_bytes(), 5)
}

fn json(file: &str, more: &[&str]) -> Value {
    let (code, told, faults) = said(&[&["--recorded", file, "--json"], more].concat());
    assert_eq!(code, 0, "{faults}");
    serde_json::from_str(&told).unwrap()
}

#[test]
fn people_who_keep_their_hours_are_told_from_those_who_come_whenever() {
    let folder = tempfile::tempdir().unwrap();
    let own = recording(folder.path(), 60, |visitor, _| if visitor < 20 { 7 } else { 12 + visitor % 10 });
    let kept = json(&own, &[]);
    assert_eq!((&kept["all"]["verdict"], kept["all"]["days"].as_u64()), (&"own".into(), Some(60 * 13)));
    let share = |who: &str| kept["all"][who].as_f64().unwrap();
    assert!(share("own") > 0.99 && share("one_hour") < 0.45 && share("chance") < 0.1, "{kept}");
    assert_eq!(
        kept["by_history"].as_array().unwrap().iter().map(|row| row["who"].clone()).collect::<Vec<_>>(),
        ["10-19"]
    );
    let best: Vec<(String, u64)> = kept["segments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["who"].as_str().unwrap().to_owned(), row["best"].as_u64().unwrap()))
        .collect();
    assert_eq!(best[1], ("who had bought".to_owned(), 6), "before they come");
    assert!((12..21).contains(&best[2].1), "{best:?}");

    let other = tempfile::tempdir().unwrap();
    let whenever = recording(other.path(), 60, |visitor, day| scatter(visitor << 8 | day));
    assert_eq!(json(&whenever, &[])["all"]["verdict"], "cannot_tell");
    assert_eq!(json(&whenever, &["--seed", "3"]), json(&whenever, &["--seed", "3"]), "the same seed says the same");
}

#[test]
fn a_picture_is_whole_and_a_table_is_for_people() {
    let folder = tempfile::tempdir().unwrap();
    let file = recording(folder.path(), 12, |visitor, _| 8 + visitor);
    let svg = folder.path().join("hours.svg");
    let (code, told, faults) = said(&["--recorded", &file, "--svg", &svg.display().to_string()]);
    assert_eq!(code, 0, "{faults}");
    assert!(told.contains("own hours are better") && told.contains("who had bought"), "{told}");
    let drawn = std::fs::read_to_string(svg).unwrap();
    assert!(drawn.starts_with("<svg ") && drawn.ends_with("</svg>\n") && !drawn.contains("NaN"));
    assert_eq!(drawn.matches("<rect class=\"best\"").count(), 3, "one best hour in each of three tables");
}

#[test]
fn the_recording_of_the_repository_cannot_tell() {
    // As `docs/recorded-visitors.md` says.
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/otto/sessions.jsonl.gz");
    let told = json(file, &[]);
    let all = &told["all"];
    let points = |name: &str| (all[name].as_f64().unwrap() * 1_000.0).round() / 10.0;
    assert_eq!(
        (all["visitors"].as_u64(), all["days"].as_u64(), &all["verdict"]),
        (Some(17), Some(43), &"cannot_tell".into())
    );
    assert_eq!(["own", "one_hour", "chance", "difference", "from"].map(points), [32.6, 44.2, 13.3, -11.6, -18.8]);

    let morning = &json(file, &["--against", "09:00"])["all"];
    let points = |name: &str| (morning[name].as_f64().unwrap() * 1_000.0).round() / 10.0;
    assert_eq!(["own", "one_hour", "difference", "from", "to"].map(points), [32.6, 20.9, 11.6, -16.2, 60.0]);
    assert_eq!(morning["verdict"], "cannot_tell");
}

#[test]
fn what_cannot_be_measured_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let once = folder.path().join("once.jsonl");
    std::fs::write(&once, "{\"session\":1,\"events\":[{\"aid\":1,\"ts\":1780264800000,\"type\":\"clicks\"}]}\n")
        .unwrap();
    let once = once.display().to_string();
    let (code, _, faults) = said(&["--recorded", &once]);
    assert!(code == 1 && faults.contains("learn from less with --split"), "{faults}");
    let (code, _, faults) = said(&["--recorded", &once, "--split", "100%"]);
    assert!(code == 2 && faults.contains("such as `50%`"), "{faults}");
    let (code, _, faults) = said(&["--recorded", &once, "--against", "9:30"]);
    assert!(code == 2 && faults.contains("such as `09:00`"), "{faults}");
    let (code, _, faults) = said(&["--recorded", "nowhere.jsonl"]);
    assert!(code == 1 && faults.contains("nowhere.jsonl"), "{faults}");
}

#[test]
fn in_stories_and_simulations_nobody_has_a_history_and_is_met_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let campaigns = "petitfour: 1
version: 1
events: { sign_up: {} }
placements: { hero: { fallback: house } }
fallbacks: { house: { headline: Hello } }
campaigns: [{ id: offer, placements: [hero], creatives: [{ id: one, headline: Hello }] }]
channels: { mail: { needs: [] } }
journeys:
  news:
    enter: { on: sign_up }
    steps:
      - { wait: { until: best, between: ['08:00', '21:00'], otherwise: '10:30', weekday: tuesday }, id: their-hour }
      - { send: { channel: mail, message: news }, id: news }
";
    let story = "start: 2026-06-01 12:00 +02:00
tests:
  - name: a Monday's visitor is written to on Tuesday
    steps:
      - { event: sign_up, in: { news: their-hour } }
      - { at: 2026-06-02 10:29, in: { news: their-hour } }
      - { at: 2026-06-02 10:30, sends: { news: news } }
";
    std::fs::write(folder.path().join("campaigns.yaml"), campaigns).unwrap();
    std::fs::write(folder.path().join("news.test.yaml"), story).unwrap();
    let path = folder.path().display().to_string();
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_petitfour")).args(arguments).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, told) = run(&["test", &path]);
    assert_eq!(code, Some(0), "{told}");
    let (code, told) = run(&["simulate", "--campaigns", &path, "--visitors", "300", "--days", "20", "--json"]);
    assert_eq!(code, Some(0), "{told}");
    let report: Value = serde_json::from_str(&told).unwrap();
    let journey = &report["journeys"][0];
    assert!(journey["done"].as_u64().unwrap() > 100, "{journey}");
}

#[test]
fn times_that_are_made_up_are_called_so() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("visits.csv");
    let rows: String = (0..400).map(|row| format!("{},1000\n", row % 40)).collect();
    std::fs::write(&file, format!("user,vroot\n{rows}")).unwrap();
    let (code, told, faults) = said(&["--recorded", &file.display().to_string()]);
    assert!(code == 0 && told.contains("made up"), "{told}{faults}");
}
