//! The regression that is written, read back by `petitfour_models`: it says of every row what it said where it was trained.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use petitfour_models::contribution::Explainer;
use petitfour_models::{Forest, Library, read};
use petitfour_training::{By, Growth, Settings, Study, Table};

mod support;

/// A table with holes in every column.
fn holed(mut table: Table) -> Table {
    for (place, column) in table.columns.iter_mut().enumerate() {
        for (row, value) in column.values.iter_mut().enumerate() {
            if (row * 31 + place * 17) % 11 == 0 {
                *value = f64::NAN;
            }
        }
    }
    table
}

/// What a forest is asked: its columns of one row, levels as its own numbers.
fn asked(forest: &Forest, table: &Table, row: usize) -> Vec<f64> {
    let value = |feature: &petitfour_models::Feature| {
        let column = table.columns.iter().find(|column| column.name == feature.name).unwrap();
        let Some(levels) = &feature.levels else { return column.values.get(row).copied().unwrap() };
        let told = column.level(row).and_then(|text| levels.iter().position(|level| level == text));
        told.map_or(f64::NAN, |level| level as f64)
    };
    forest.features.iter().map(value).collect()
}

#[test]
fn what_is_written_says_of_every_row_of_both_sets_what_was_trained() {
    for (name, table) in [("shoppers", support::shoppers(&[])), ("bank", support::bank(&["duration"]))] {
        let table = holed(table);
        let growth = Growth { most: 3, ..Growth::default() };
        let study = Study::of(&table, &Settings { by: By::Order, growth, ..Settings::default() }, &mut |_| {}).unwrap();
        let text = serde_json::to_string_pretty(&study.linear).unwrap();
        let (library, forest) = read(text.as_bytes()).unwrap();
        assert_eq!((library, forest.features.len()), (Library::Regression, study.linear.terms.len()));
        let explainer = Explainer::of(&forest).unwrap();
        let (mut off, mut apart) = (0.0_f64, 0.0_f64);
        let learned = study.split.learned();
        let mut means = vec![0.0; forest.features.len()];
        for row in 0..table.len() {
            let asked = asked(&forest, &table, row);
            let raw = forest.raw(&asked);
            off = off.max((raw - study.linear.raw(&table, row)).abs());
            let contributions = explainer.contributions(&asked);
            apart = apart.max((explainer.base() + contributions.iter().sum::<f64>() - raw).abs());
        }
        for row in &learned {
            let contributions = explainer.contributions(&asked(&forest, &table, *row));
            means.iter_mut().zip(contributions).for_each(|(mean, own)| *mean += own / learned.len() as f64);
        }
        println!("{name}: {} rows, sums off by {off:.1e}, contributions add up within {apart:.1e}", table.len());
        assert!(off < 1e-12 && apart < 1e-9, "{name}: {off:e} {apart:e}");
        assert!(means.iter().all(|mean| mean.abs() < 1e-9), "{name}: contributions are 0 in the mean: {means:?}");
    }
}

#[test]
fn calibration_leaves_answers_alone_that_are_probabilities_already() {
    let table = support::bank(&["duration"]);
    let growth = Growth { most: 60, ..Growth::default() };
    let study = Study::of(&table, &Settings { growth, ..Settings::default() }, &mut |_| {}).unwrap();
    let calibrated = study.calibrated.unwrap();
    println!("{calibrated:?}");
    let steps = &calibrated.calibration.table.steps;
    assert!(calibrated.calibration.is_monotone() && steps.len() > 5, "{steps:?}");
    assert!(calibrated.line.log_loss < calibrated.before.log_loss + 0.001, "{calibrated:?}");
    assert!(calibrated.table.log_loss < calibrated.before.log_loss + 0.003, "{calibrated:?}");
}
