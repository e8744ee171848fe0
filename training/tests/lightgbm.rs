//! Models that are trained here, read by LightGBM itself and by what reads LightGBM's files here.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::process::Command;

use petitfour_models::{Forest, Library, Rows, read};
use petitfour_training::{By, Settings, Study, Table, lightgbm};

#[path = "../../collector/tests/support/python.rs"]
mod python;
mod support;

/// Loads MODEL, and prints what it says of each row of ROWS with all precision there is.
const ANSWER: &str = "
import sys, lightgbm, pandas
booster = lightgbm.Booster(model_file=sys.argv[1])
rows = pandas.read_csv(sys.argv[2])
known = iter(booster.pandas_categorical or [])
for name in rows.columns:
    if name.startswith('text_'):
        rows[name] = pandas.Categorical(rows[name], categories=next(known))
for raw, answer in zip(booster.predict(rows, raw_score=True), booster.predict(rows)):
    print(repr(float(raw)), repr(float(answer)))
";

/// A table of numbers, of levels and of holes in both, with the names that its forest asks for.
fn holed(mut table: Table) -> Table {
    for (place, column) in table.columns.iter_mut().enumerate() {
        for (row, value) in column.values.iter_mut().enumerate() {
            if (row * 31 + place * 17) % 11 == 0 {
                *value = f64::NAN;
            }
        }
        if let petitfour_training::Values::Levels(_) = column.kind {
            column.name = format!("text_{}", column.name);
        }
    }
    table
}

fn csv(table: &Table, forest: &Forest) -> String {
    let names: Vec<&str> = forest.features.iter().map(|feature| feature.name.as_str()).collect();
    let mut text = names.join(",") + "\n";
    for row in 0..table.len() {
        let fields = names.iter().map(|name| {
            let column = table.columns.iter().find(|column| column.name == *name).unwrap();
            let value = column.values.get(row).copied().unwrap();
            match column.level(row) {
                Some(level) => level.to_owned(),
                None if value.is_nan() => String::new(),
                None => value.to_string(),
            }
        });
        text.push_str(&(fields.collect::<Vec<_>>().join(",") + "\n"));
    }
    text
}

#[test]
fn lightgbm_answers_every_row_as_the_forest_does() {
    for (name, table) in [("shoppers", support::shoppers(&[])), ("bank", support::bank(&["duration"]))] {
        let table = holed(table);
        let study = Study::of(&table, &Settings { by: By::Random, ..Settings::default() }, &mut |_| {}).unwrap();
        let text = lightgbm(&study.forest).unwrap();
        let (library, again) = read(text.as_bytes()).unwrap();
        assert!(library == Library::LightGbm && again == study.forest, "{name}: what is read is what was written");

        let folder = tempfile::tempdir().unwrap();
        let (model, rows) = (folder.path().join("model.txt"), folder.path().join("rows.csv"));
        fs::write(&model, &text).unwrap();
        let written = csv(&table, &study.forest);
        fs::write(&rows, &written).unwrap();
        let done = Command::new(python::python_of(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../models")))
            .args(["-c", ANSWER])
            .args([&model, &rows])
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let mut ours = Rows::open(written.as_bytes(), &again.features).unwrap();
        let (mut row, mut worst, mut count) = (Vec::new(), 0.0_f64, 0);
        for line in String::from_utf8(done.stdout).unwrap().lines() {
            assert!(ours.next_row(&mut row).unwrap());
            let (raw, answer) = line.split_once(' ').unwrap();
            let off = (again.raw(&row) - raw.parse::<f64>().unwrap()).abs();
            worst = worst.max(off).max((again.answer(&row) - answer.parse::<f64>().unwrap()).abs());
            count += 1;
        }
        println!("{name}: {count} rows, {} leaves, off by {worst:.1e}", again.leaves());
        assert!(count == table.len() && worst <= 1e-12, "{name}: off by {worst:e} in {count} rows");
    }
}

#[test]
fn a_forest_that_lightgbm_could_not_grow_is_refused() {
    let table = support::shoppers(&[]);
    let study = Study::of(&table, &Settings::default(), &mut |_| {}).unwrap();
    let single = Forest { precision: petitfour_models::Precision::Single, ..study.forest.clone() };
    assert!(lightgbm(&single).unwrap_err().to_string().contains("double precision"));
    let mut blank = study.forest;
    blank.features.first_mut().unwrap().name = "a b".to_owned();
    assert!(lightgbm(&blank).unwrap_err().to_string().contains("has a blank"));
}
