//! `petitfour evaluate`: what it says of public logs, of a shop's own decisions, and of files that are wrong.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use petitfour::consent::Permissions;
use petitfour::engine::{Engine, Session};
use petitfour::time::Moment;
use serde_json::Value;

fn said(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_petitfour"));
    let output = command.current_dir(folder).arg("evaluate").args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn obd(name: &str) -> String {
    format!("{}/../data/obd/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_open_bandit_logs_cannot_rank_policies_and_it_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let thompson = format!("thompson:{}", obd("prior_all.csv"));
    let (log, actions) = (obd("random_all.csv.gz"), obd("items_all.csv"));
    let asked =
        [log.as_str(), "--actions", &actions, "--policy", &thompson, "--policy", "uniform", "--picture", "a.svg"];
    let (code, told, faults) = said(folder.path(), &asked);
    assert_eq!(code, 0, "{faults}");
    assert!(told.contains("10,000 rounds, 80 actions, 3 positions, 38 outcomes"), "{told}");
    assert!(told.contains("cannot rank policies: 38 outcomes, worth 4.7 of its own, are too few"), "{told}");
    assert!(told.contains("the first earns more") || told.contains("cannot rank policies: too few outcomes"), "{told}");
    let picture = std::fs::read_to_string(folder.path().join("a.svg")).unwrap();
    assert!(picture.starts_with("<svg") && picture.contains("cannot rank policies") && picture.contains("snipw"));

    let (code, told, _) =
        said(folder.path(), &[&asked[..5], &["--json", "--model", "regression", "--clip", "5"]].concat());
    let found: Value = serde_json::from_str(&told).unwrap();
    let policy = &found["policies"][0];
    assert_eq!((code, &policy["against_logged"]["verdict"]), (0, &"too few outcomes".into()));
    let values = policy["values"].as_array().unwrap();
    let names: Vec<&str> = values.iter().map(|value| value["estimator"].as_str().unwrap()).collect();
    assert_eq!(names, ["dm", "ipw", "ipw clipped", "snipw", "dr", "sndr", "switch-dr", "dros", "replay"]);
    let relative = values[1]["value"].as_f64().unwrap() / found["logged"]["value"].as_f64().unwrap();
    assert!((relative - 1.198).abs() < 0.01, "{relative}");
}

/// A log in which the action `b` earns twice as often as `a`, of so many rounds.
fn coins(rounds: u64) -> String {
    let mut log = "action,probability,reward\n".to_owned();
    for round in 0..rounds {
        let luck = |salt: u64| petitfour::hash::xxh64(&round.to_le_bytes(), salt) % 1_000;
        let is_b = luck(1) < 300;
        let (action, probability, rate) = if is_b { ("b", 0.3, 200) } else { ("a", 0.7, 100) };
        writeln!(log, "{action},{probability},{}", u8::from(luck(2) < rate)).unwrap();
    }
    log
}

#[test]
fn a_log_with_enough_of_both_ranks_them() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("log.csv"), coins(6_000)).unwrap();
    std::fs::write(folder.path().join("b.csv"), "action,probability\nb,1\n").unwrap();
    let asked = ["log.csv", "--policy", "b.csv", "--policy", "always:a", "--json"];
    let (code, told, faults) = said(folder.path(), &asked);
    assert_eq!(code, 0, "{faults}");
    let found: Value = serde_json::from_str(&told).unwrap();
    let verdict = |place: usize| found["policies"][place]["against_logged"]["verdict"].as_str().unwrap().to_owned();
    assert_eq!((verdict(0).as_str(), verdict(1).as_str()), ("better", "worse"));
    assert_eq!(found["pairs"][0]["verdict"], "better");
    let value = found["policies"][0]["values"][4]["value"].as_f64().unwrap();
    assert!((value - 0.2).abs() < 0.03, "{value}");
    let (_, again, _) = said(folder.path(), &asked);
    assert_eq!(told, again, "the same seed says the same");
}

#[test]
fn fields_may_be_parted_otherwise_and_no_interval_reaches_where_no_mean_can_be() {
    let folder = tempfile::tempdir().unwrap();
    // Few outcomes, on one action of two: samples that are drawn anew spread far.
    let log = coins(60);
    let said_of = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).unwrap();
        let asked = [name, "--policy", "always:b", "--interval", "student", "--json"];
        let (code, told, faults) = said(folder.path(), &asked);
        assert_eq!(code, 0, "{faults}");
        serde_json::from_str::<Value>(&told).unwrap()
    };
    let comma = said_of("log.csv", &log);
    for (name, delimiter) in [("semicolon.csv", ";"), ("tab.csv", "\t")] {
        assert_eq!(said_of(name, &log.replace(',', delimiter))["policies"], comma["policies"], "{name}");
    }
    for value in comma["policies"][0]["values"].as_array().unwrap() {
        let (name, from, to) = (value["estimator"].as_str().unwrap(), value["from"].as_f64(), value["to"].as_f64());
        if let ("ipw" | "snipw" | "replay", Some(from), Some(to)) = (name, from, to) {
            assert!(from >= 0.0 && (name == "ipw" || to <= 1.0), "{value}");
        }
    }
}

#[test]
fn what_is_wrong_is_told_with_file_line_and_field() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("log.csv", "action,probability,reward\na,0.5,1\nb,2,0\n");
    write("good.csv", "action,probability,reward\na,0.5,1\nb,0.5,0\n");
    write("half.csv", "action,probability\na,0.5\n");
    for (arguments, told) in [
        (vec!["log.csv", "--policy", "uniform"], "log.csv: line 3: `probability`: 2 is no probability"),
        (vec!["good.csv", "--policy", "half.csv"], "half.csv: the policy's probabilities add up to 0.500000"),
        (vec!["good.csv", "--policy", "unifrom"], "unifrom cannot be read, and is none of uniform"),
        (vec!["good.csv", "--policy", "always:z"], "the log knows no action `z`"),
        (
            vec!["good.csv", "--policy", "uniform", "--reward", "click"],
            "`click`: no column has this name; there are action, probability, reward",
        ),
        (vec!["good.csv", "--policy", "uniform", "--model", "regression"], "give them by `--actions`"),
        (vec!["good.csv", "--policy", "uniform"], "good.csv: 2 rounds are too few to say anything of a policy"),
    ] {
        let (code, _, faults) = said(folder.path(), &arguments);
        assert!(code == 1 && faults.contains(told), "{arguments:?}: {faults}");
    }
    assert_eq!(said(folder.path(), &["good.csv"]).0, 2, "a policy or a bundle is asked for");
}

/// Campaign files with these weights of two creatives.
fn shop(folder: &Path, name: &str, weights: (u32, u32), more: &str) {
    let text = format!(
        "petitfour: 1\nversion: 1\nplacements: {{ hero: {{ fallback: house }} }}\nfallbacks: {{ house: {{ t: x }} }}\ncampaigns:\n  - id: water\n    placements: [hero]\n    holdout: 10%\n{more}    \
         creatives: [{{ id: blue, weight: {}, t: x }}, {{ id: green, weight: {}, t: x }}]\n",
        weights.0, weights.1
    );
    std::fs::create_dir_all(folder.join(name)).unwrap();
    std::fs::write(folder.join(name).join("campaigns.yaml"), text).unwrap();
}

#[test]
fn other_weights_of_creatives_are_evaluated_on_the_decisions_of_the_engine() {
    let folder = tempfile::tempdir().unwrap();
    shop(folder.path(), "own", (3, 1), "");
    shop(folder.path(), "next", (1, 3), "");
    shop(folder.path(), "else", (1, 3), "    caps: { day: 2 }\n");
    let text = std::fs::read_to_string(folder.path().join("own/campaigns.yaml")).unwrap();
    let source = petitfour_compiler::Source { name: "campaigns.yaml".to_owned(), text };
    let engine = Arc::new(Engine::load(petitfour_compiler::compile(&[source], &|_| None).bundle.unwrap()).unwrap());
    // Each visitor comes three times and sees the same creative; green earns three times as often.
    let mut log = "visitor,placement,campaign,creative,probability,reward\n".to_owned();
    for visitor in 0..3_000_u64 {
        let entropy: [u8; 32] =
            std::array::from_fn(|place| petitfour::hash::xxh64(&visitor.to_le_bytes(), place as u64) as u8);
        let mut session = Session::new(Arc::clone(&engine), entropy);
        session.consent(Permissions::ALL, Moment::utc(1_780_470_000_000));
        for visit in 0..3_u64 {
            let at = Moment::utc(1_780_470_000_000 + visit * 86_400_000);
            let decision = session.decide("hero", at);
            let catalog = engine.catalog();
            let campaign = decision.campaign.and_then(|at| catalog.campaign(at));
            let campaign = campaign.map_or("", |campaign| catalog.string(campaign.name()));
            let creative = catalog.string(catalog.creative(decision.creative.unwrap()).unwrap().name());
            let luck = petitfour::hash::xxh64(&(visitor * 3 + visit).to_le_bytes(), 9) % 1_000;
            let reward = luck < if creative == "green" { 150 } else { 50 };
            // As the lake has it: of 1, and empty where there is no campaign.
            let probability = f64::from(decision.probability) / 65_535.0;
            let reward = if reward { "1" } else { "" };
            writeln!(log, "{visitor},hero,{campaign},{creative},{probability},{reward}").unwrap();
        }
    }
    std::fs::write(folder.path().join("decisions.csv"), &log).unwrap();
    let (code, told, faults) = said(
        folder.path(),
        &["decisions.csv", "--bundle", "next", "--logged-by", "own", "--json", "--picture", "b.svg"],
    );
    assert_eq!(code, 0, "{faults}");
    let found: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((found["rounds"].as_u64(), found["clusters"].as_u64()), (Some(9_000), Some(3_000)));
    let policy = &found["policies"][0];
    let value = policy["values"][4].clone();
    // Nine of ten visitors: a quarter of them blue, three quarters green; the tenth sees the house, which earns as blue does.
    let truth = 0.9 * (0.25 * 0.05 + 0.75 * 0.15) + 0.1 * 0.05;
    assert!(value["from"].as_f64().unwrap() < truth && truth < value["to"].as_f64().unwrap(), "{value} of {truth}");
    assert_eq!((&policy["against_logged"]["verdict"], &policy["balanced"]), (&"better".into(), &true.into()));
    assert!(folder.path().join("b.svg").is_file());

    let own = said(folder.path(), &["decisions.csv", "--bundle", "own", "--logged-by", "own", "--json"]).1;
    let own: Value = serde_json::from_str(&own).unwrap();
    assert!(
        (own["policies"][0]["values"][1]["value"].as_f64().unwrap() - own["logged"]["value"].as_f64().unwrap()).abs()
            < 1e-15
    );

    let (code, _, faults) = said(folder.path(), &["decisions.csv", "--bundle", "else", "--logged-by", "own"]);
    assert!(
        code == 1 && faults.contains("else differs from own in more than weights of creatives: tables CAMP"),
        "{faults}"
    );
    let (code, _, faults) = said(folder.path(), &["decisions.csv", "--bundle", "own", "--logged-by", "next"]);
    assert!(
        code == 1 && faults.contains("`probability`: it was logged with") && faults.contains("--logged-by"),
        "{faults}"
    );
}
