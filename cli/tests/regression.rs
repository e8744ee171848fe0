//! The regression that `petitfour train` writes, wherever a model is: rows of both sets with holes in every column, through `model`, the bundle and
//! the engine, against what it said when it was trained.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

#[path = "../../collector/tests/support/claim.rs"]
mod claim;

/// The text of a set, in which every seventh field or so is missing, but for the target in the last column.
fn holed(name: &str, delimiter: char) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data").join(name);
    let mut text = String::new();
    flate2::read::GzDecoder::new(File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    let (mut seed, mut out) = (7_u64, String::new());
    for (number, line) in text.replace('"', "").lines().enumerate() {
        let fields: Vec<&str> = line.split(delimiter).collect();
        for (place, field) in fields.iter().enumerate() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let is_last = place + 1 == fields.len();
            let hole = number > 0 && !is_last && (seed >> 33) % 7 == 0;
            out.push_str(if hole { "" } else { field });
            out.push(if is_last { '\n' } else { delimiter });
        }
    }
    out
}

fn petitfour(arguments: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_petitfour")).args(arguments).output().unwrap();
    let told = if output.stdout.is_empty() { output.stderr } else { output.stdout };
    (output.status.success(), String::from_utf8(told).unwrap())
}

struct Trained {
    folder: tempfile::TempDir,
    rows: String,
    target: [&'static str; 4],
}

impl Trained {
    fn on(set: &str, more: &[&str]) -> Self {
        let (name, delimiter, target) = match set {
            "shoppers" => {
                ("shoppers/online_shoppers_intention.csv.gz", ',', ["--target", "Revenue", "--positive", "TRUE"])
            }
            _ => ("bank/bank-additional-full.csv.gz", ';', ["--target", "y", "--positive", "yes"]),
        };
        let folder = tempfile::tempdir().unwrap();
        let rows = folder.path().join("rows.csv");
        fs::write(&rows, holed(name, delimiter)).unwrap();
        let (rows, out) = (rows.display().to_string(), folder.path().join("out").display().to_string());
        let drop = if set == "shoppers" { "PageValues" } else { "duration" };
        let few = ["train", &rows, "--trees", "3", "--drop", drop, "--date", "2026-11-26", "--out", &out];
        let (fine, told) = petitfour(&[&few[..], &target, more].concat());
        assert!(fine, "{told}");
        Self { rows, target, folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("out").join(name)
    }

    fn linear(&self) -> String {
        self.file("linear.json").display().to_string()
    }

    /// The report of `--quantise`.
    fn report(&self, borders: &str) -> (bool, Value) {
        let linear = self.linear();
        let fixed = ["model", &linear, "--rows", &self.rows, "--quantise", "16", "--borders", borders, "--json"];
        let (fine, told) = petitfour(&[&fixed[..], &self.target].concat());
        (fine, serde_json::from_str(&told).unwrap_or_else(|_| panic!("{told}")))
    }
}

#[test]
fn every_row_scores_on_the_device_within_the_bound_that_is_stated() {
    let mut worst = 0.0_f64;
    for set in ["shoppers", "bank"] {
        // Trained again on all rows, so that it saw every number.
        let trained = Trained::on(set, &["--refit"]);
        for borders in ["15", "255"] {
            let (_, told) = trained.report(borders);
            let number = |what: &str| told[what].as_f64().unwrap();
            let (moved, bound) = (number("largest_score_change"), told["steps"]["bound"].as_f64().unwrap());
            println!(
                "{set}, {borders} borders: {} rows, a score moves by {moved:.4} at most, {:.4} in the mean, of {bound:.4}; AUC by {:+.6}, log loss by {:+.6}; {} bytes ({} brotli) and {} of borders ({})",
                told["rows"],
                number("mean_score_change"),
                told["auc"][1].as_f64().unwrap() - told["auc"][0].as_f64().unwrap(),
                told["log_loss"][1].as_f64().unwrap() - told["log_loss"][0].as_f64().unwrap(),
                told["model_bytes"],
                told["model_brotli"],
                told["border_bytes"],
                told["border_brotli"],
            );
            assert!(told["rows"].as_u64().unwrap() > 9_000 && told["steps"]["beyond"] == 0, "{set}: {told}");
            assert!(moved <= bound, "{set}: {told}");
            if borders == "255" {
                assert!(told["within"] == true && bound < 0.25, "{set}: {told}");
                worst = worst.max(moved);
            }
        }
        in_a_bundle(&trained);
    }
    let command = "cargo test -p petitfour-cli --test regression";
    claim::claim("model.regression_moved", worst, "log-odds", "<= 0.1", worst <= 0.1, command);
}

/// In campaign files: it compiles as it is, and is refused where the steps would be wider than is allowed.
fn in_a_bundle(trained: &Trained) {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(trained.linear(), folder.path().join("linear.json")).unwrap();
    let read: Value = serde_json::from_slice(&fs::read(trained.linear()).unwrap()).unwrap();
    let mut context = String::new();
    for term in read["terms"].as_array().unwrap() {
        let kind = if term["kind"] == "number" { "number" } else { "text" };
        context.push_str(&format!("  {}: {{ type: {kind} }}\n", term["name"]));
    }
    let check = |more: &str| {
        let text = format!(
            "petitfour: 1\nversion: 1\nplacements: {{ p: {{}} }}\ncontext:\n{context}models: {{ m: {{ trained: linear.json{more} }} }}\ncampaigns:\n  - {{ id: c, placements: [p], model: m, creatives: [{{ id: k, t: x }}] }}\n"
        );
        fs::write(folder.path().join("c.yaml"), text).unwrap();
        petitfour(&["check", &folder.path().display().to_string()])
    };
    let (fine, told) = check("");
    assert!(fine, "{told}");
    let (fine, told) = check(", borders: 7");
    assert!(!fine && told.contains("model/drift"), "{told}");
}

#[test]
fn what_is_recommended_is_read_told_explained_and_compared() {
    let trained = Trained::on("bank", &["--order-is-time"]);
    let card: Value = serde_json::from_slice(&fs::read(trained.file("card.json")).unwrap()).unwrap();
    assert_eq!(card["recommended"], "linear", "by time it is the better one");
    let linear = trained.linear();
    let (fine, told) = petitfour(&["model", &linear]);
    assert!(fine && told.contains("answers a probability; 19 columns added up"), "{told}");
    assert!(told.contains("for each unit (") && told.contains(" by level, "), "{told}");
    let (fine, told) = petitfour(&["model", &linear, "--rows", &trained.rows, "--why", "20000"]);
    assert!(fine && told.contains("euribor3m"), "{told}");
    let (fine, told) =
        petitfour(&["model", &linear, "--rows", &trained.rows, "--importance", "--against", &trained.rows]);
    assert!(fine && told.matches("steady").count() == 20, "each of 19 columns, and the score: {told}");

    // What calibrates it, beside its answers.
    let calibration = trained.file("calibration.json").display().to_string();
    let (fine, told) = petitfour(&["model", &linear, "--rows", &trained.rows, "--calibrate", &calibration]);
    assert!(fine && told.starts_with("raw,answer,calibrated\n"), "{told}");
    let mut rows: Vec<Vec<f64>> =
        told.lines().skip(1).map(|line| line.split(',').map(|field| field.parse().unwrap()).collect()).collect();
    assert_eq!(rows.len(), 29_722);
    rows.sort_by(|one, other| one[0].total_cmp(&other[0]));
    assert!(rows.windows(2).all(|pair| pair[0][2] <= pair[1][2]), "higher scores are nowhere less probable");
    assert!(rows.iter().all(|row| row[2] > 0.0 && row[2] < 1.0));
    let broken = trained.file("broken.json");
    let mut read: Value = serde_json::from_slice(&fs::read(&calibration).unwrap()).unwrap();
    read["table"]["steps"].as_array_mut().unwrap().reverse();
    fs::write(&broken, read.to_string()).unwrap();
    let (fine, told) =
        petitfour(&["model", &linear, "--rows", &trained.rows, "--calibrate", &broken.display().to_string()]);
    assert!(!fine && told.contains("its table does not ascend"), "{told}");
    // The rows held out are beyond what was learned from in some columns, and the report says so.
    let (_, told) = trained.report("255");
    assert!(told["steps"]["beyond"].as_u64().unwrap() > 0, "{told}");
}
