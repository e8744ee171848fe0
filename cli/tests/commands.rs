//! The commands as a person runs them: what they print, what they write, and how they exit.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn petitfour(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_petitfour")).current_dir(folder).args(arguments).output().unwrap()
}

/// Exit code, standard output, standard error.
fn said(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = petitfour(folder, arguments);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_starter_checks_clean_builds_and_is_printed_back() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    assert_eq!(said(folder, &["new", "shop"]).0, 0);
    assert_eq!(said(folder, &["check", "shop", "--strict"]), (0, "No faults in 1 file.\n".to_owned(), String::new()));
    let (code, built, _) = said(folder, &["build", "shop", "-o", "bundle.pf4"]);
    assert_eq!(code, 0, "{built}");
    let (code, printed, _) = said(folder, &["inspect", "bundle.pf4"]);
    assert_eq!(code, 0);
    for part in ["site my-site, version 1", "temperature at least 25", "at most 3 a day, 10 a week", "10% held out"] {
        assert!(printed.contains(part), "{part} in\n{printed}");
    }
    let (_, json, _) = said(folder, &["inspect", "bundle.pf4", "--json"]);
    let contents: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(contents["campaigns"][0]["name"], "summer");
    assert!(built.contains(contents["hash"].as_str().unwrap()));
}

#[test]
fn the_policy_of_consent_is_printed_as_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    said(folder, &["new"]);
    let file = folder.join("campaigns.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    let policy = "default: []\n  policy: { europe: { vendor: 755, share: [] }, united_states: { sale: [measure] } }";
    std::fs::write(&file, text.replace("default: []", policy)).unwrap();
    assert_eq!(said(folder, &["build", ".", "-o", "bundle.pf4"]).0, 0);
    let (_, printed, _) = said(folder, &["inspect", "bundle.pf4"]);
    let table: Vec<&str> =
        printed.lines().skip_while(|line| !line.starts_with("consent ")).take_while(|line| !line.is_empty()).collect();
    assert_eq!(
        table,
        [
            "consent                                store   personalise          measure  share",
            "Europe (TCF), purposes of vendor 755   1       5 and 6, or 3 and 4  7 and 8  never",
            "  legitimate interest is enough for    -       -                    7, 8     -",
            "Canada (GPP), purposes                 1       5 and 6, or 3 and 4  7 and 8  1, 2 and 7",
            "  implied consent is enough for        -       -                    7, 8     7",
            "United States, before any objection    open    open                 open     open",
            "  objection to sale                    -       -                    closes   -",
            "  objection to sharing                 -       closes               -        closes",
            "  objection to targeted advertising    -       closes               -        closes",
            "  known child without consent          -       closes               -        closes",
            "Global Privacy Control                 -       closes               -        closes",
            "Consent Mode: ad_storage               opens   -                    -        -",
            "Consent Mode: analytics_storage        opens   -                    opens    -",
            "Consent Mode: ad_user_data             -       -                    -        opens",
            "Consent Mode: ad_personalization       -       opens                -        -",
            "Consent Mode: personalization_storage  opens   opens                -        -",
            "nobody has spoken                      closed  closed               closed   closed",
        ]
    );
}

#[test]
fn a_starter_never_overwrites() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("campaigns.yaml"), "mine").unwrap();
    let (code, _, told) = said(folder.path(), &["new"]);
    assert_eq!(code, 1);
    assert!(told.contains("already there"), "{told}");
    assert_eq!(std::fs::read_to_string(folder.path().join("campaigns.yaml")).unwrap(), "mine");
}

#[test]
fn faults_exit_with_one_and_write_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    said(folder, &["new"]);
    let file = folder.join("campaigns.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("segment: hot", "segment: hott").replace("day: 3", "day: 0")).unwrap();
    let (code, _, told) = said(folder, &["check", "."]);
    assert_eq!(code, 1);
    for part in ["campaign/unknown-segment", "did you mean `hot`?", "campaign/cap-zero", "2 errors"] {
        assert!(told.contains(part), "{part} in\n{told}");
    }
    let (code, json, _) = said(folder, &["check", ".", "--json"]);
    let faults: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(code, 1);
    assert_eq!(
        (&faults[0]["code"], &faults[0]["column"]),
        (&Value::from("campaign/unknown-segment"), &Value::from(14))
    );
    assert_eq!(said(folder, &["build", ".", "-o", "bundle.pf4"]).0, 1);
    assert!(!folder.join("bundle.pf4").exists());
}

#[test]
fn warnings_pass_unless_they_are_taken_strictly() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    said(folder, &["new"]);
    let file = folder.join("campaigns.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("hero: { fallback: house }", "hero: {}")).unwrap();
    assert_eq!(said(folder, &["check", "."]).0, 0);
    assert_eq!(said(folder, &["check", ".", "--strict"]).0, 1);
    assert_eq!(said(folder, &["build", "."]).0, 0);
}

#[test]
fn a_folder_is_read_in_the_order_of_its_names_with_its_models() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::create_dir(folder.join("c")).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.join("c").join(name), text).unwrap();
    write("b.yaml", "campaigns: [{ id: second, placements: hero, model: m, creatives: [{ id: b, t: x }] }]");
    write("a.yml", "campaigns: [{ id: first, placements: hero, model: m, creatives: [{ id: a, t: x }] }]");
    write(
        "z.yaml",
        "petitfour: 1\nversion: 1\nplacements: { hero: { fallback: h } }\nfallbacks: { h: { t: x } }\nmodels: { m: { file: m.json } }",
    );
    write("m.json", r#"{ "kind": "linear", "terms": [] }"#);
    let (code, _, told) = said(folder, &["build", "c", "-o", "c.pf4"]);
    assert_eq!(code, 0, "{told}");
    let (_, json, _) = said(folder, &["inspect", "c.pf4", "--json"]);
    let contents: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(contents["placements"][0]["campaigns"], serde_json::json!(["first", "second"]));
}

#[test]
fn what_is_no_bundle_is_told_with_its_code() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("x.pf4"), "<html>").unwrap();
    let (code, _, told) = said(folder.path(), &["inspect", "x.pf4"]);
    assert_eq!(code, 1);
    assert!(told.contains("bundle/foreign"), "{told}");
    assert_eq!(said(folder.path(), &["inspect", "gone.pf4"]).0, 1);
    assert_eq!(said(folder.path(), &["check", "gone"]).0, 1);
}

#[test]
fn wrong_usage_exits_with_two() {
    let folder = tempfile::tempdir().unwrap();
    for wrong in [&["bake"][..], &["build"], &["check", "--loud", "x"], &[]] {
        assert_eq!(said(folder.path(), wrong).0, 2, "{wrong:?}");
    }
}

#[test]
fn every_command_helps_with_an_example() {
    let folder = tempfile::tempdir().unwrap();
    for command in ["new", "check", "test", "build", "inspect", "replay", "explain"] {
        let (code, help, _) = said(folder.path(), &[command, "--help"]);
        assert_eq!(code, 0);
        assert!(help.contains(&format!("petitfour {command}")) && help.contains("Examples:"), "{help}");
    }
    assert!(said(folder.path(), &["--help"]).1.contains("Exit codes"));
}

#[test]
fn a_profile_is_printed_for_people_from_bytes_and_from_what_a_browser_keeps() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let bytes = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/profile/format-2.bin")).unwrap();
    let kept = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, &bytes);
    std::fs::write(folder.join("profile.bin"), bytes).unwrap();
    std::fs::write(folder.join("kept.txt"), format!("\"{kept}\"\n")).unwrap();
    let (code, plain, _) = said(folder, &["inspect", "profile", "profile.bin"]);
    assert_eq!(code, 0);
    assert!(plain.contains("visitor 05050505050505050505050505050505, 9 visits"), "{plain}");
    assert!(plain.contains("worth 17.91"), "{plain}");
    assert_eq!(said(folder, &["inspect", "profile", "kept.txt"]).1, plain);
    std::fs::write(folder.join("other.txt"), "not a profile").unwrap();
    let (code, _, fault) = said(folder, &["inspect", "profile", "other.txt"]);
    assert_eq!(code, 1);
    assert!(fault.contains("(profile/"), "{fault}");
}
