//! `petitfour lifetime`: what it says of purchases, what it draws and writes, and of what it cannot read.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails here has failed")]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

const CDNOW: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/cdnow/cdnowElog.csv.gz");

fn said(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_petitfour")).arg("lifetime").args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// Purchases of 400 people over the year 2025, made up: each has a rhythm and a day after which they are gone.
fn shop(folder: &Path) -> String {
    let mut lines = String::from("Customer ID;Order date;Total\n");
    let mut seed = 7_u64;
    let mut chance = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    for person in 0..400 {
        let (mut day, rhythm, leaves, size) = (chance(90), 4 + chance(120), chance(700), 5 + chance(60));
        let first = day;
        while day < 364 {
            let (month, of) = (day / 31 + 1, day % 31 + 1);
            if of <= 28 {
                lines.push_str(&format!(
                    "person {person};2025-{month:02}-{of:02}T1{}:00;{}.50\n",
                    chance(10),
                    size / 2 + chance(size)
                ));
            }
            day += 1 + chance(2 * rhythm);
            if day > first + leaves {
                break;
            }
        }
    }
    let path = folder.join("purchases.csv");
    std::fs::write(&path, lines).unwrap();
    path.display().to_string()
}

#[test]
fn purchases_become_a_forecast_that_is_held_against_what_came() {
    let folder = tempfile::tempdir().unwrap();
    let (file, at) = (shop(folder.path()), |name: &str| folder.path().join(name).display().to_string());
    let (picture, customers) = (at("holdout.svg"), at("customers.csv"));
    let (code, told, faults) =
        said(&[&file, "--calibrate-until", "2025-08-31", "--picture", &picture, "--customers", &customers]);
    assert_eq!(code, 0, "{faults}");
    for part in [
        "BG/NBD: log-likelihood",
        "Gamma-Gamma: log-likelihood",
        "mean absolute error",
        "7 and more",
        "weeks after 2025-08-31",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let drawn = std::fs::read_to_string(&picture).unwrap();
    assert!(
        drawn.matches("<polyline").count() == 4
            && drawn.contains("purchases.csv: ")
            && drawn.matches("<rect").count() > 8
    );
    let (code, told, _) = said(&[&file, "--calibrate-until", "20250831", "--json"]);
    let report: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((code, report["buying"]["parameters"][0]["name"].as_str()), (0, Some("r")));
    let rows: Vec<String> = std::fs::read_to_string(&customers).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(rows.len() as u64 - 1, report["customers"].as_u64().unwrap());
    assert_eq!(
        rows[0],
        "customer,first,repeats,last_week,age_weeks,mean_spend,alive,expected_purchases,expected_spend,expected_value"
    );
    let sum: f64 = rows.iter().skip(1).map(|row| row.split(',').nth(7).unwrap().parse::<f64>().unwrap()).sum();
    assert!((sum - report["ahead"]["purchases"].as_f64().unwrap()).abs() < 0.05, "the lines add up to what is told");
    let curve = report["holdout"]["curve"].as_array().unwrap();
    assert!(curve.windows(2).all(|two| two[0]["expected"].as_f64() <= two[1]["expected"].as_f64()));
}

#[test]
fn a_discount_lowers_what_is_expected_to_be_spent_and_a_horizon_raises_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = shop(folder.path());
    let worth = |more: &[&str]| {
        let (code, told, faults) = said(&[&[file.as_str(), "--json"], more].concat());
        assert_eq!(code, 0, "{faults}");
        let report: Value = serde_json::from_str(&told).unwrap();
        assert!(report["holdout"].is_null());
        report["ahead"]["value"].as_f64().unwrap()
    };
    let (plain, discounted, longer) =
        (worth(&["--weeks", "52"]), worth(&["--weeks", "52", "--discount", "20%"]), worth(&["--weeks", "104"]));
    assert!(discounted < plain && discounted > plain / 1.2 && longer > plain, "{plain} {discounted} {longer}");
    let other = worth(&["--weeks", "52", "--model", "paretonbd"]);
    assert!((other / plain - 1.0).abs() < 0.3, "both models see the same shop: {plain} {other}");
}

#[test]
fn the_chance_of_buying_again_becomes_a_model_that_campaign_files_take() {
    let folder = tempfile::tempdir().unwrap();
    let file = shop(folder.path());
    let site = folder.path().join("site");
    std::fs::create_dir(&site).unwrap();
    let model = site.join("returns.json").display().to_string();
    let (code, told, faults) =
        said(&[&file, "--campaign-model", &model, "--event", "order", "--within", "14", "--tolerance", "8"]);
    assert_eq!(code, 0, "{faults}");
    assert!(told.contains("Model for campaign files, against the exact one on"), "{told}");
    let campaigns = "petitfour: 1\nversion: 1\nsite: shop\nevents: { order: {} }\nplacements: { hero: {} }\nmodels: { returns: { file: returns.json } }\n\
                     campaigns:\n  - { id: a, placements: [hero], model: returns, creatives: [{ id: b, headline: Back soon }] }\n";
    std::fs::write(site.join("campaigns.yaml"), campaigns).unwrap();
    let check = Command::new(env!("CARGO_BIN_EXE_petitfour")).arg("check").arg(&site).output().unwrap();
    assert!(
        check.status.success(),
        "{}{}",
        String::from_utf8_lossy(&check.stdout),
        String::from_utf8_lossy(&check.stderr)
    );
    // What is too far off is not written.
    let other = site.join("other.json").display().to_string();
    let (code, told, faults) = said(&[&file, "--campaign-model", &other, "--tolerance", "0.01"]);
    assert!(code == 1 && told.is_empty() && !Path::new(&other).exists(), "{told}");
    assert!(
        faults.contains("points of probability on average")
            && faults.contains("--tolerance is 0.01; nothing was written"),
        "{faults}"
    );
}

#[test]
fn faults_say_where_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let file = shop(folder.path());
    let faults = |arguments: &[&str]| {
        let (code, told, faults) = said(arguments);
        assert!(code != 0 && told.is_empty(), "{told}");
        faults
    };
    let broken = path("broken.csv", "customer,date,amount\na,2025-01-01,1\na,2025-13-01,1\n");
    assert!(
        faults(&[&broken]).contains("broken.csv: line 3: `date` is `2025-13-01`, which is no day; write 2026-11-26")
    );
    assert!(
        faults(&[&file, "--amount", "price"])
            .contains("line 1: there is no column `price`; there are `Customer ID`, `Order date`, `Total`")
    );
    assert!(faults(&[&file, "--calibrate-until", "2026-02-01"]).contains("calibrate until an earlier day"));
    assert!(faults(&[&file, "--calibrate-until", "2024-12-31"]).contains("calibrate until a later day"));
    assert!(faults(&[&file, "--picture", "x.svg"]).contains("--calibrate-until"));
    let once = path("once.csv", "customer,date,amount\na,2025-01-01,1\nb,2025-01-09,1\n");
    assert!(faults(&[&once]).contains("once.csv: nobody bought on a second day"));
    assert!(faults(&[&folder.path().join("none.csv").display().to_string()]).contains("cannot read"));
}

#[test]
fn without_amounts_or_with_too_few_it_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("few.csv");
    let lines: String =
        (1..=9).map(|number| format!("{},2025-0{number}-01\n{},2025-0{number}-15\n", number % 5, number % 3)).collect();
    std::fs::write(&path, format!("user,day\n{lines}")).unwrap();
    let (code, told, faults) = said(&[&path.display().to_string()]);
    assert_eq!(code, 0, "{faults}");
    assert!(told.contains("warning: only 5 customers bought again, where 100 are the least"), "{told}");
    assert!(
        told.contains("Nothing is said of amounts: the file has no column of amounts")
            && told.contains("Nothing was held back"),
        "{told}"
    );
}

#[test]
fn cdnow_is_told_with_the_published_figures() {
    if !Path::new(CDNOW).exists() {
        println!("SKIPPED: {CDNOW} is not here");
        return;
    }
    let (code, told, faults) = said(&[CDNOW, "--calibrate-until", "1997-09-30"]);
    assert_eq!(code, 0, "{faults}");
    for part in [
        "log-likelihood -9582.429, 2,357 customers",
        "0.2426",
        "4.4136",
        "0.7929",
        "2.4259",
        "6.2496",
        "3.7442",
        "15.4435",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(told.contains("purchases, mean absolute error   0.785           1.024"), "{told}");
    assert!(told.contains("amounts, mean absolute error    30.408          43.309"), "{told}");
}
