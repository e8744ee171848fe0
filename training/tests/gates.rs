//! What trained models are worth on real rows, against figures of LightGBM's on the same files.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use petitfour_training::{By, Kind, Settings, Split, Study, Table};

mod support;

#[path = "../../collector/tests/support/claim.rs"]
mod claim;

/// Means over ten stratified partings into 80% and 20%: trees, regression. The figure of the trees is kept, with its bound.
fn ten(name: &str, table: &Table, (figure, least): (&str, f64)) -> (f64, f64) {
    let settings = Settings::default();
    let (mut trees, mut linear) = (0.0, 0.0);
    for seed in 0..10 {
        let split = Split::of(table, By::Random, 0.2, seed).unwrap();
        let (one, other) = Study::compare(table, &split, &settings).unwrap();
        trees += one.auc / 10.0;
        linear += other.auc / 10.0;
    }
    println!("{name}: trees {trees:.4}, logistic regression {linear:.4}");
    let (bound, command) = (format!(">= {least}"), "cargo test -p petitfour-training --test gates");
    claim::claim(&format!("training.{figure}.auc"), trees, "", &bound, trees >= least, command);
    (trees, linear)
}

// The references are LightGBM's, 100 trees of 31 leaves, in the mean of ten stratified partings of the same rows.

#[test]
fn shoppers_are_ranked_as_well_as_by_lightgbm() {
    let (trees, linear) = ten("shoppers", &support::shoppers(&[]), ("shoppers", 0.9215));
    assert!(trees >= 0.9265 - 0.005 && trees >= linear, "{trees} {linear}");
}

#[test]
fn shoppers_without_the_column_that_leaks_are_ranked_as_well() {
    let (trees, linear) =
        ten("shoppers without PageValues", &support::shoppers(&["PageValues"]), ("shoppers_honest", 0.7578));
    assert!(trees >= 0.7628 - 0.005 && trees >= linear, "{trees} {linear}");
}

#[test]
fn calls_without_their_duration_are_ranked_as_well() {
    let (trees, linear) = ten("bank without duration", &support::bank(&["duration"]), ("bank", 0.7003));
    assert!(trees >= 0.7103 - 0.010 && trees >= linear, "{trees} {linear}");
}

#[test]
fn by_time_the_better_of_the_two_is_recommended_and_the_alarm_fires() {
    let table = support::bank(&["duration"]);
    let study = Study::of(&table, &Settings { by: By::Order, ..Settings::default() }, &mut |_| {}).unwrap();
    let (trees, linear) = (study.trees_held.auc, study.linear_held.auc);
    println!("bank by time: trees {trees:.4}, logistic regression {linear:.4}, {:?}", study.drift.columns.first());
    assert!(study.held().auc >= trees.max(linear) - 0.01);
    assert_eq!(study.recommended, Kind::Linear);
    assert!(study.leaks.is_empty(), "{:?}", study.leaks);
    assert!(linear > 0.70, "scikit-learn's logistic regression has .7169: {linear}");
    assert!(study.drift.alarm, "{:?}", study.drift);
    assert!(study.drift.moved().any(|column| column.name == "nr.employed"), "{:?}", study.drift);
}

#[test]
fn the_two_columns_that_leak_are_told_and_no_other() {
    let told = |name: &str, table: &Table, by: By| {
        let study = Study::of(table, &Settings { by, ..Settings::default() }, &mut |_| {}).unwrap();
        println!("{name}: {:?} of AUC {:.4}", study.leaks, study.trees_seen.auc);
        let mut alone: Vec<String> = study
            .columns
            .iter()
            .take(6)
            .map(|asked| format!("{} {:.3} gain {:.2}", asked.name, asked.alone, asked.gain))
            .collect();
        alone.sort();
        println!("   {}", alone.join(", "));
        if by == By::Random {
            assert!(!study.drift.alarm, "{:?}", study.drift);
        }
        study.leaks.into_iter().map(|leak| leak.name).collect::<Vec<_>>()
    };
    assert_eq!(told("shoppers", &support::shoppers(&[]), By::Random), ["PageValues"]);
    assert_eq!(told("bank", &support::bank(&[]), By::Random), ["duration"]);
    assert_eq!(told("bank by order", &support::bank(&[]), By::Order), ["duration"]);
    assert!(told("shoppers without", &support::shoppers(&["PageValues"]), By::Random).is_empty());
    assert!(told("bank without", &support::bank(&["duration"]), By::Random).is_empty());
}
