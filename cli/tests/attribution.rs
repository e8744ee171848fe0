//! `petitfour attribution`: what it says of paths and logs, beside a holdout, and of what it cannot read.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

fn said(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_petitfour")).arg("attribution").args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn json(arguments: &[&str]) -> Value {
    let (code, told, faults) = said(&[arguments, &["--json"]].concat());
    assert_eq!(code, 0, "{faults}");
    serde_json::from_str(&told).unwrap()
}

fn file(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

const TABLE: &str = "path,total_conversions,total_conversion_value,total_null
search > mail > direct,3,10,0
mail > mail,1,4,1
direct,0,0,1
";

/// Of a thousand people, every second sees a video, which makes one in five of them buy where one in ten does anyway. To all but every tenth,
/// who is held out, a mail is sent just before they would buy, and changes nothing.
fn log() -> String {
    let mut text = "person,time,kind,channel,campaign,device,value\n".to_owned();
    for who in 0..1_000_u32 {
        let (sees, held_out, luck) = (who % 2 == 0, who / 2 % 10 == 0, who / 20 % 10);
        let mut row = |hour: u32, rest: &str| writeln!(text, "p{who},2026-06-01T{hour:02}:00:00Z,{rest}").unwrap();
        if sees {
            row(8, "view,video,spring,tv,");
        }
        if held_out {
            row(9, "held_out,mail,offer,,");
        } else {
            row(9, "chosen,mail,offer,,");
            row(9, "click,mail,offer,phone,");
        }
        if luck < if sees { 2 } else { 1 } {
            row(10, "outcome,,,phone,20");
        }
    }
    text
}

#[test]
fn a_table_is_divided_by_every_rule_that_can_say_something() {
    let folder = tempfile::tempdir().unwrap();
    let table = file(folder.path(), "paths.csv", TABLE);
    let (code, told, faults) = said(&[&table]);
    assert_eq!(code, 0, "{faults}");
    assert!(told.contains("3 paths over 3 channels; 4 outcomes worth 14.0, 2 times nothing"), "{told}");
    assert!(told.contains("not asked: time-decay: a table of paths has no times"), "{told}");
    assert!(told.contains("not asked: last-non-direct: name the direct channel with --direct"), "{told}");
    assert!(told.contains("Attribution is not causality") && told.contains("markov-1: 4 states, solved"), "{told}");

    let all = json(&[&table, "--direct", "direct", "--position", "50/0/50", "--order", "2"]);
    let rules: Vec<&str> = all["rules"].as_array().unwrap().iter().map(|row| row["rule"].as_str().unwrap()).collect();
    assert_eq!(
        rules,
        ["first", "last", "last-non-direct", "linear", "position", "markov-2", "shapley", "shapley-rate"]
    );
    assert_eq!(all["channels"], serde_json::json!(["mail", "search", "direct"]), "those with most come first");
    for row in all["rules"].as_array().unwrap() {
        let sum: f64 = row["outcomes"].as_array().unwrap().iter().map(|credit| credit.as_f64().unwrap()).sum();
        assert!((sum - 4.0).abs() < 1e-9, "{row}");
    }
    assert_eq!(all["rules"][4]["outcomes"], serde_json::json!([1.0, 1.5, 1.5]));
    assert_eq!(all["rules"][2]["value"], serde_json::json!([14.0, 0.0, 0.0]));

    let two = json(&[&table, "--rule", "last,first"]);
    assert_eq!(two["rules"].as_array().unwrap().len(), 2);
    assert_eq!(two["left_out"].as_array().unwrap().len(), 0, "what was not wanted is not missed");
}

#[test]
fn a_holdout_contradicts_the_last_touch() {
    let folder = tempfile::tempdir().unwrap();
    let file = file(folder.path(), "touches.csv", &log());
    let told = json(&[&file, "--rule", "first,last,time-decay"]);
    let mail = &told["holdout"][0];
    assert_eq!((&mail["channel"], &mail["basis"]), (&"mail".into(), &"chosen".into()));
    assert_eq!((mail["treated"]["persons"].as_u64(), mail["held_out"]["persons"].as_u64()), (Some(900), Some(100)));
    let caused: Vec<f64> = mail["caused"].as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect();
    assert!(caused[0].abs() < 1e-9 && caused[1] < 0.0 && caused[2] > 0.0, "{mail}");
    assert_eq!(mail["more"], serde_json::json!(["last", "time-decay"]), "{mail}");
    assert!(told["log"]["outcomes_across_devices"].as_f64().unwrap() > 50.0, "{told}");

    let (_, words, _) = said(&[&file, "--rule", "last"]);
    assert!(words.contains("mail: chosen for 900, 15.00%; withheld from 100, 15.00%"), "{words}");
    assert!(
        words.contains("which cannot be told from none")
            && words.contains("credited with more than it can have caused by last"),
        "{words}"
    );
    let offer = &json(&[&file, "--by", "campaign", "--rule", "last"])["holdout"][0];
    assert_eq!(offer["channel"], "offer");
}

#[test]
fn windows_decide_what_counts() {
    let folder = tempfile::tempdir().unwrap();
    let rows = "person,time,kind,channel,value\na,2026-06-01,view,video,\na,2026-06-02T12:00:00Z,click,mail,\na,2026-06-03,outcome,,9\n";
    let file = file(folder.path(), "touches.csv", rows);
    let first = |more: &[&str]| {
        let told = json(&[&[file.as_str(), "--rule", "first"], more].concat());
        (told["channels"][0].clone(), told["log"]["outcomes_without_touch"].as_f64().unwrap())
    };
    assert_eq!(first(&[]), ("mail".into(), 0.0), "the view was two days before");
    assert_eq!(first(&["--look-back-view", "2d"]), ("video".into(), 0.0));
    assert_eq!(first(&["--look-back-click", "11h"]).1, 1.0);
}

#[test]
fn pictures_are_whole_and_names_in_them_stay_text() {
    let folder = tempfile::tempdir().unwrap();
    let table = file(folder.path(), "paths.csv", &TABLE.replace("mail", "<b&c"));
    for (name, begin, end) in [("a.svg", "<svg ", "</svg>\n"), ("a.html", "<!doctype html>", "</html>\n")] {
        let picture = folder.path().join(name);
        let (code, _, faults) = said(&[&table, "--picture", &picture.display().to_string()]);
        assert_eq!(code, 0, "{faults}");
        let drawn = std::fs::read_to_string(picture).unwrap();
        assert!(drawn.starts_with(begin) && drawn.ends_with(end), "{drawn}");
        assert!(!drawn.contains("NaN") && !drawn.contains("<b&c") && drawn.contains("&lt;b&amp;c"), "{drawn}");
        assert_eq!(drawn.matches("<rect fill=").count(), 7 + 3 * 7, "a key and three bars for each of seven rules");
    }
    let log = file(folder.path(), "touches.csv", &log());
    let picture = folder.path().join("log.svg").display().to_string();
    assert_eq!(said(&[&log, "--picture", &picture]).0, 0);
    assert_eq!(std::fs::read_to_string(picture).unwrap().matches("<line class=\"caused\"").count(), 1);
}

#[test]
fn what_cannot_be_done_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let table = file(folder.path(), "paths.csv", TABLE);
    let log = file(folder.path(), "touches.csv", "person,time,kind,channel\na,2026-06-01,view,video\n");
    let broken =
        file(folder.path(), "broken.csv", "person,time,kind,channel\na,2026-06-01,view,video\na,soon,view,video\n");
    let cases: [(&[&str], i32, &str); 12] = [
        (&[&broken], 1, "broken.csv: line 3: `time` is `soon`; write it as 2026-06-01T09:30:00Z"),
        (&["nowhere.csv"], 1, "nowhere.csv"),
        (&[&table, "--by", "device"], 1, "--by is of a log of touches"),
        (&[&table, "--look-back-view", "2d"], 1, "--look-back-view is of a log of touches"),
        (&[&table, "--rule", "time-decay"], 1, "has no times to decay by"),
        (&[&table, "--rule", "last-non-direct"], 1, "name it with --direct"),
        (&[&table, "--direct", "dircet"], 1, "there are search, mail, direct"),
        (&[&table, "--rule", "first", "--order", "3"], 1, "--order is of the rule markov"),
        (&[&log, "--lift-window", "3d"], 1, "there are none"),
        (&[&table, "--picture", "credits.png"], 1, "a picture ends in .svg or .html"),
        (&[&table, "--order", "5"], 2, "5 is not in 1..=4"),
        (&[&table, "--position", "40/40/40"], 2, "such as `40/20/40`"),
    ];
    for (arguments, expected, part) in cases {
        let (code, _, faults) = said(arguments);
        assert!(code == expected && faults.contains(part), "{arguments:?}: {code} {faults}");
    }
}
