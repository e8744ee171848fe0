//! `petitfour model --quantise`: what models of 100 trees of 31 leaves lose on their way to a device, on rows that they were not trained on.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use petitfour_models::{Feature, Forest, Rows, Test, metric};
use serde_json::Value;

#[path = "../../collector/tests/support/claim.rs"]
mod claim;
#[path = "../../collector/tests/support/python.rs"]
mod python;

/// Ten models of each set, with the rows that were kept from them.
fn seeds() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
    let done = Command::new(python::python_of(&models))
        .arg(models.join("tests/support/seeds.py"))
        .args([models.join("../data"), folder.path().to_owned()])
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    folder
}

fn compare(model: &Path, rows: &Path, more: &[&str]) -> (bool, Value) {
    let output = Command::new(env!("CARGO_BIN_EXE_petitfour"))
        .arg("model")
        .arg(model)
        .args(["--target", "target", "--json", "--rows"])
        .arg(rows)
        .args(more)
        .output()
        .unwrap();
    let told = serde_json::from_slice(&output.stdout);
    (output.status.success(), told.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr))))
}

#[test]
fn leaves_of_eight_and_sixteen_bits_move_neither_auc_nor_log_loss_and_snapping_by_value_would_be_caught() {
    let folder = seeds();
    let file = |name: &str| folder.path().join(name);
    let kept = |figure: String, value: f64, unit: &str, most: f64| {
        let command = "cargo test -p petitfour-cli --test device";
        claim::claim(&format!("model.{figure}"), value, unit, &format!("<= {most}"), value <= most, command);
    };
    let mut worst = [0.0, 0.0];
    for set in ["shoppers", "bank"] {
        for (worst, (bits, bound)) in worst.iter_mut().zip([("8", 0.002), ("16", 0.000_5)]) {
            let (mut auc, mut loss, mut bytes) = (Vec::new(), Vec::new(), [0.0; 4]);
            for seed in 0..10 {
                let name = format!("{set}-{seed}");
                let (fits, told) =
                    compare(&file(&format!("{name}.txt")), &file(&format!("{name}.csv")), &["--quantise", bits]);
                assert!(fits, "{name}: {told}");
                let moved = |what: &str| (told[what][1].as_f64().unwrap() - told[what][0].as_f64().unwrap()).abs();
                auc.push(moved("auc"));
                loss.push(moved("log_loss"));
                for (sum, what) in
                    bytes.iter_mut().zip(["model_bytes", "model_brotli", "border_bytes", "border_brotli"])
                {
                    *sum += told[what].as_f64().unwrap() / 10.0;
                }
                if bits == "16" {
                    assert!(told["largest_score_change"].as_f64().unwrap() < 0.001, "{name}: {told}");
                }
            }
            let mean = |moved: &[f64]| moved.iter().sum::<f64>() / 10.0;
            let [model, model_brotli, borders, borders_brotli] = bytes;
            println!(
                "{set}, {bits} bits: AUC moved by {:.6}, log loss by {:.6}; {model:.0} bytes ({model_brotli:.0} brotli) and {borders:.0} of borders ({borders_brotli:.0})",
                mean(&auc),
                mean(&loss),
            );
            assert!(mean(&auc) <= bound && mean(&loss) <= bound, "{set}, {bits} bits: {auc:?} {loss:?}");
            *worst = mean(&auc).max(mean(&loss)).max(*worst);
            kept(format!("moved_{bits}_bits"), *worst, "", bound);
            if set == "shoppers" {
                kept(format!("bytes_{bits}_bits"), model_brotli + borders_brotli, "bytes", 19_000.0);
            }
            assert!(model + borders < 24_000.0, "{set}, {bits} bits: {model} and {borders} bytes");
        }
        // XGBoost compares in single precision; its splits keep their sides all the same.
        let (fits, told) =
            compare(&file(&format!("{set}-xgboost.ubj")), &file(&format!("{set}-9.csv")), &["--quantise", "16"]);
        assert!(fits && told["largest_score_change"].as_f64().unwrap() < 0.001, "{set}: {told}");
    }
    by_rank_and_by_value(&file("bank-0.txt"), &file("bank-0.csv"));
}

/// A grid by rank passes the measure that the command refuses by; one of as many bounds by value, evenly over the line, does not.
fn by_rank_and_by_value(model: &Path, rows: &Path) {
    const BOUNDS: usize = 63;
    let (_, forest) = petitfour_models::read(&fs::read(model).unwrap()).unwrap();
    let measure = |forest: &Forest| {
        let mut columns = forest.features.clone();
        columns.push(Feature { name: "target".to_owned(), levels: None });
        let mut read = Rows::open(File::open(rows).unwrap(), &columns).unwrap();
        let (mut row, mut scores, mut truths) = (Vec::new(), Vec::new(), Vec::new());
        while read.next_row(&mut row).unwrap() {
            truths.push(row.pop() == Some(1.0));
            scores.push(forest.answer(&row));
        }
        [metric::auc(&scores, &truths).unwrap(), metric::log_loss(&scores, &truths)]
    };
    let mut snapped = forest.clone();
    for feature in 0..forest.features.len() {
        let bounds = forest.thresholds(feature);
        let (Some(least), Some(most)) = (bounds.first(), bounds.last()) else { continue };
        let step = ((most - least) / (BOUNDS - 1) as f64).max(f64::MIN_POSITIVE);
        if bounds.len() <= BOUNDS {
            continue;
        }
        for split in snapped.trees.iter_mut().flat_map(|tree| &mut tree.splits).filter(|split| split.feature == feature)
        {
            if let Test::AtMost { threshold, .. } = &mut split.test {
                *threshold = least + ((*threshold - least) / step).round() * step;
            }
        }
    }
    let whole = measure(&forest);
    let moved = |other: [f64; 2]| (other[0] - whole[0]).abs().max((other[1] - whole[1]).abs());
    let (rank, value) = (moved(measure(&forest.clone().coarsened(BOUNDS))), moved(measure(&snapped)));
    println!("bank: {BOUNDS} bounds by rank move it by {rank:.6}, as many by value by {value:.6}");
    assert!(rank <= 0.002 && value > 0.01, "{rank} {value}");
}

#[test]
fn what_cannot_be_compared_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/campaigns/shoppers.txt");
    let header = "Administrative,Administrative_Duration,Informational,Informational_Duration,ProductRelated,ProductRelated_Duration,BounceRates,ExitRates,PageValues,SpecialDay,Month,OperatingSystems,Browser,Region,TrafficType,VisitorType,Weekend,bought";
    let told = |rows: &str, more: &[&str]| {
        let file = folder.path().join("rows.csv");
        fs::write(&file, format!("{header}\n{rows}")).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_petitfour"))
            .arg("model")
            .arg(&model)
            .arg("--rows")
            .arg(&file)
            .args(more)
            .output()
            .unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap()
    };
    let row = |bought: &str| format!("1,2,3,4,5,6,0.1,0.1,0,0,May,1,1,1,1,New_Visitor,0,{bought}\n");
    let some = row("0") + &row("1");
    assert!(
        told(&some, &["--quantise", "8", "--target", "bougt"])
            .contains("there is no column `bougt` that says what came")
    );
    assert!(
        told(&row("1"), &["--quantise", "8", "--target", "bought"]).contains("`bought` says the same of all 1 rows")
    );
    assert!(
        told(&row(""), &["--quantise", "8", "--target", "bought"]).contains("line 2: `bought` does not say what came")
    );
    assert!(
        told(&row("maybe"), &["--quantise", "8", "--target", "bought"])
            .contains("line 2: `bought` is `maybe`; say with `--positive` which word counts")
    );
    assert!(told(&some, &["--quantise", "12", "--target", "bought"]).contains("possible values: 8, 16"));
    let refused = told(&some, &["--quantise", "8", "--target", "bought", "--tolerance", "1e-9"]);
    assert!(refused.contains("Refused: AUC or log loss moved by more than 0.000000001"), "{refused}");
}
