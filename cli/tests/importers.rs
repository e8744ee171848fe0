//! Models that CatBoost trains here and now, and that scikit-learn, LightGBM, XGBoost and CatBoost train and export to ONNX, on their way to a
//! device: every row of both sets through the bundle and the engine, missing fields and texts included.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

#[path = "../../collector/tests/support/claim.rs"]
mod claim;
#[path = "../../collector/tests/support/python.rs"]
mod python;

/// What became of one model.
enum Met {
    /// By how much the answers of `petitfour model` are from the library's, and the report of each number of bits.
    Held { answers: f64, reports: [Value; 2] },
    /// Why a device cannot have it.
    Refused(String),
}

fn petitfour(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_petitfour")).arg("model").args(arguments).output().unwrap()
}

/// Lets a library train, and takes every model to the device.
fn grown(library: &str, extension: &str) -> BTreeMap<String, Met> {
    let folder = tempfile::tempdir().unwrap();
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
    let done = Command::new(python::python_of(&models))
        .arg(models.join("tests/support/grow.py"))
        .arg(library)
        .args([models.join("../data"), folder.path().to_owned()])
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let files = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.filter(|file| file.extension().is_some_and(|own| own == extension)).collect();
    files.sort();
    let name = |file: &Path| file.file_stem().unwrap().to_string_lossy().into_owned();
    files.iter().map(|file| (name(file), met(file))).collect()
}

fn met(model: &Path) -> Met {
    let name = model.file_stem().unwrap().to_string_lossy().into_owned();
    let set = name.split('-').next().unwrap();
    let rows = fs::read_to_string(model.with_extension("csv")).unwrap();
    let targets = fs::read_to_string(model.with_file_name(format!("{set}.target"))).unwrap();
    assert_eq!(rows.lines().count(), targets.lines().count(), "{name}");
    let mut told = String::new();
    for (row, target) in rows.lines().zip(targets.lines()) {
        writeln!(told, "{row},{target}").unwrap();
    }
    let with = model.with_extension("rows");
    fs::write(&with, told).unwrap();
    let (plain, with) = (model.with_extension("csv").display().to_string(), with.display().to_string());
    let model_name = model.display().to_string();
    let report =
        |bits: &str| petitfour(&[&model_name, "--rows", &with, "--target", "target", "--quantise", bits, "--json"]);
    let sixteen = report("16");
    if sixteen.stdout.is_empty() {
        assert!(!sixteen.status.success(), "{name}");
        return Met::Refused(String::from_utf8(sixteen.stderr).unwrap());
    }
    let reports = [report("8"), sixteen].map(|output| serde_json::from_slice(&output.stdout).unwrap());
    Met::Held { answers: apart(model, &model_name, &plain), reports }
}

/// The largest difference of an answer from the library's own.
fn apart(model: &Path, name: &str, rows: &str) -> f64 {
    let ours = petitfour(&[name, "--rows", rows]);
    assert!(ours.status.success(), "{name}: {}", String::from_utf8_lossy(&ours.stderr));
    let ours = String::from_utf8(ours.stdout).unwrap();
    let theirs = fs::read_to_string(model.with_extension("answers")).unwrap();
    assert_eq!(ours.lines().count(), theirs.lines().count() + 1, "{name}: an answer for each row");
    let pairs = ours.lines().skip(1).zip(theirs.lines());
    let off = pairs.map(|(ours, theirs)| {
        let ours: f64 = ours.split_once(',').unwrap().1.parse().unwrap();
        (ours - theirs.split_once(' ').unwrap().1.parse::<f64>().unwrap()).abs()
    });
    off.fold(0.0, f64::max)
}

/// Holds every model that fits to its bounds, and every other to the reason that is told.
fn held(library: &str, extension: &str, fit: usize, refused: &[(&str, &str)]) {
    let met = grown(library, extension);
    let (mut count, mut reasons) = (0, refused.to_vec());
    let (mut worst, mut moved) = ([0.0_f64; 2], 0.0_f64);
    for (name, met) in &met {
        match met {
            Met::Held { answers, reports } => {
                let [eight, sixteen] = reports;
                let change = |report: &Value| report["largest_score_change"].as_f64().unwrap();
                let off = |report: &Value| {
                    ["auc", "log_loss"]
                        .map(|what| (report[what][1].as_f64().unwrap() - report[what][0].as_f64().unwrap()).abs())
                        .into_iter()
                        .fold(0.0, f64::max)
                };
                println!(
                    "{name}: {} rows, answers off by {answers:.1e}; a score moves by {:.6} at most with 8 bits, by {:.6} with 16; AUC and log loss by {:.6}, {:.6}",
                    sixteen["rows"],
                    change(eight),
                    change(sixteen),
                    off(eight),
                    off(sixteen),
                );
                assert!(sixteen["rows"].as_u64().unwrap() > 9_000, "{name}: every row");
                assert!(*answers <= 1e-6, "{name}: {answers:e}");
                assert!(eight["within"] == true && sixteen["within"] == true, "{name}: {eight} {sixteen}");
                assert!(change(sixteen) < 0.001 && change(eight) < 0.25, "{name}: {eight} {sixteen}");
                worst = [worst[0].max(change(eight)), worst[1].max(change(sixteen))];
                moved = moved.max(off(sixteen));
                count += 1;
            }
            Met::Refused(reason) => {
                println!("{name}: {reason}");
                let own = reasons.iter().position(|(model, _)| name.ends_with(model));
                let (_, wanted) = reasons[own.unwrap_or_else(|| panic!("{name} is refused: {reason}"))];
                assert!(reason.contains(wanted), "{name}: {reason}");
            }
        }
    }
    reasons.retain(|(model, _)| !met.iter().any(|(name, met)| name.ends_with(model) && matches!(met, Met::Refused(_))));
    assert!(reasons.is_empty(), "these fit: {reasons:?}");
    assert_eq!(count, fit);
    println!(
        "{library}: {count} models; a score moves by {:.6} at most with 8 bits, by {:.6} with 16",
        worst[0], worst[1]
    );
    let command = "cargo test -p petitfour-cli --test importers";
    claim::claim(
        &format!("model.importers_{library}_moved"),
        worst[1],
        "log-odds",
        "<= 0.001",
        worst[1] <= 0.001,
        command,
    );
}

const NUMBER: &str = "its trees add up to the answer itself";

#[test]
fn every_catboost_model_that_answers_a_probability_scores_on_the_device_as_it_was_trained() {
    held("catboost", "json", 18, &[("regression", NUMBER), ("three", NUMBER)]);
}

#[test]
fn every_onnx_model_of_log_odds_scores_on_the_device_as_it_was_trained_and_shares_are_refused() {
    let refused = ["forest", "extra", "tree", "regression", "mean", "average", "one-hot", "ordinal", "number", "fifth"];
    held("onnx", "onnx", 18, &refused.map(|model| (model, NUMBER)));
}
