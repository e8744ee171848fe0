//! `petitfour bid`, as a person runs it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Exit code, standard output, standard error of `petitfour bid` over the recorded auctions.
fn bid(request: &str, more: &[&str]) -> (i32, String, String) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bid/tests");
    let request = format!("requests/{request}.json");
    let output = Command::new(env!("CARGO_BIN_EXE_petitfour"))
        .current_dir(folder)
        .args(["bid", "--bundle", "campaigns.yaml", "--config", "config.json", "--at", "2026-06-01 14:00 +02:00"])
        .args(["--request", &request])
        .args(more)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_request_is_answered_as_the_library_does() {
    for name in ["banner", "native", "app"] {
        let (code, answer, said) = bid(name, &[]);
        assert_eq!((code, said.as_str()), (0, ""));
        let golden = std::fs::read_to_string(
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../bid/tests/responses/{name}.json")),
        );
        let golden: Value = serde_json::from_str(&golden.unwrap()).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&answer).unwrap(), golden["response"]);
    }
}

#[test]
fn what_was_spent_today_is_not_spent_again() {
    // 14:00 of 24: 29.17 of 50, and 1 ahead.
    assert!(bid("banner", &["--spent", "water=30.16"]).1.contains("\"price\": 3.246"));
    let (code, answer, said) = bid("banner", &["--spent", "water=30.17", "--explain"]);
    assert_eq!(code, 0);
    assert_eq!(serde_json::from_str::<Value>(&answer).unwrap()["seatbid"], Value::Array(Vec::new()));
    for part in
        ["no bid at 2026-06-01 14:00 +02:00", "permitted: nothing", "1: water: the day's budget is spent as far"]
    {
        assert!(said.contains(part), "{part} in\n{said}");
    }
    let (_, _, said) = bid("banner", &["--spent", "water=1/2000", "--explain"]);
    assert!(said.contains("water: the budget is spent (bid/budget)"), "{said}");
}

#[test]
fn a_slip_is_said_with_its_remedy() {
    let (code, _, said) = bid("banner", &["--spent", "watre=1"]);
    assert!(code == 1 && said.contains("watre") && said.contains("water"), "{said}");
    let (code, _, said) = bid("../config", &[]);
    assert!(code == 1 && said.contains("bid/request_incomplete, nbr 2"), "{said}");
}

#[test]
fn a_bundle_is_printed_with_what_it_bids() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bid/tests");
    let target = tempfile::tempdir().unwrap();
    let bundle = target.path().join("bundle.pf4");
    let run = |arguments: &[&std::ffi::OsStr]| {
        let output =
            Command::new(env!("CARGO_BIN_EXE_petitfour")).current_dir(&folder).args(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    run(&["build".as_ref(), "campaigns.yaml".as_ref(), "-o".as_ref(), bundle.as_ref()]);
    let printed = run(&["inspect".as_ref(), bundle.as_ref()]);
    let line =
        "bids 1.2 to 4 EUR for a thousand impressions, spends 50 a day at an even pace, 2000 in all, for soda.example";
    assert!(printed.contains(line), "{printed}");
}
