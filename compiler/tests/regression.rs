//! A regression in a bundle: levels and what is missing as they were trained, numbers in steps that are nowhere further off than is said.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use petitfour::bundle;
use petitfour::catalog::Catalog;
use petitfour::{model, rule};
use petitfour_compiler::{Compiled, Source, compile};

/// As `petitfour train` writes it.
const FILE: &str = r#"{
  "intercept": -1.5,
  "terms": [
    { "kind": "number", "name": "degrees", "weight": 0.125, "missing": 1.0, "mean": 1.0, "least": -8.0, "largest": 24.0 },
    { "kind": "levels", "name": "sky", "levels": [["rain", -0.5], ["sun", 0.75]], "other": 0.25, "mean": 0.0 },
    { "kind": "levels", "name": "kind", "levels": [["1", 0.5], ["2", -0.25]], "other": 0.0, "mean": 0.0 },
    { "kind": "number", "name": "year", "weight": 0.5, "missing": 1000.0, "mean": 1012.5, "least": 2020.0, "largest": 2030.0 }
  ],
  "penalty": 10.0
}"#;

fn compiled(sky: &str, more: &str) -> Compiled {
    let text = format!(
        "petitfour: 1\nversion: 1\nplacements: {{ hero: {{ fallback: h }} }}\n\
         context: {{ degrees: {{ type: number }}, sky: {{ type: {sky} }}, kind: {{ type: number }}, year: {{ type: number }} }}\n\
         models: {{ m: {{ trained: linear.json{more} }} }}\n\
         campaigns:\n  - {{ id: c, placements: [hero], model: m, creatives: [{{ id: k, t: x }}] }}\nfallbacks: {{ h: {{ t: x }} }}\n"
    );
    compile(&[Source { name: "c.yaml".to_owned(), text }], &|_| Some(FILE.as_bytes().to_vec()))
}

fn opened(more: &str) -> Catalog {
    let compiled = compiled("text", more);
    assert!(compiled.diagnostics.is_empty(), "{:?}", compiled.diagnostics);
    bundle::open(compiled.bundle.unwrap()).unwrap()
}

/// What the engine scores, in log-odds.
fn score(catalog: &Catalog, degrees: f64, sky: &str, kind: f64, year: f64) -> f64 {
    let mut inputs = vec![f64::NAN; catalog.attributes().len()];
    for (name, value) in [("degrees", degrees), ("kind", kind), ("year", year)] {
        inputs[catalog.context_named(name).unwrap()] = value;
    }
    let place = catalog.context_named("sky").unwrap();
    let word = f64::from(catalog.intern(&catalog.attribute(place).unwrap(), sky));
    inputs[place] = if sky.is_empty() { f64::NAN } else { word };
    let mut bins = vec![0; inputs.len()];
    rule::bin(catalog, &inputs, &mut bins);
    f64::from(model::score(catalog, &catalog.model(0).unwrap(), &bins)) / 65_536.0
}

#[test]
fn a_score_is_within_the_bound_of_what_was_trained_and_levels_are_exact() {
    let (_, forest) = petitfour_models::read(FILE.as_bytes()).unwrap();
    for borders in [15, 255, 4_096] {
        let catalog = opened(&format!(", borders: {borders}, tolerance: 1"));
        let bound = forest.stepping(borders);
        for (sky, code) in [("rain", 0.0), ("sun", 1.0), ("fog", f64::NAN), ("", f64::NAN)] {
            for (kind, known) in [(1.0, 0.0), (2.0, 1.0), (3.0, f64::NAN), (f64::NAN, f64::NAN)] {
                for tenth in -80_i32..=240 {
                    let (degrees, year) = (f64::from(tenth) / 10.0, 2_020.0 + f64::from(tenth.rem_euclid(11)));
                    let off = score(&catalog, degrees, sky, kind, year) - forest.raw(&[degrees, code, known, year]);
                    assert!(off.abs() <= bound, "{borders}: {off} at {degrees}, {sky}, {kind}, {year}; bound {bound}");
                }
                let wanted = forest.raw(&[f64::NAN, code, known, f64::NAN]);
                let off = score(&catalog, f64::NAN, sky, kind, f64::NAN) - wanted;
                assert!(off.abs() <= 4.0 / 512.0 + 1e-4, "what is missing has no step: {off}");
            }
        }
    }
    // A number beyond those that training saw is taken for the nearest.
    let catalog = opened("");
    assert_eq!(score(&catalog, 24.0, "sun", 1.0, 2_025.0), score(&catalog, 1e9, "sun", 1.0, 2_025.0));
}

#[test]
fn a_line_over_log_odds_is_one_over_every_weight() {
    let (plain, line) = (opened(""), opened(", calibrate: { slope: 0.5, intercept: 1.25 }"));
    for degrees in [-8.0, 0.0, 3.3, 24.0, f64::NAN] {
        let of = |catalog| score(catalog, degrees, "rain", 2.0, 2_021.0);
        assert!((of(&line) - (0.5 * of(&plain) + 1.25)).abs() < 0.02, "{degrees}");
    }
}

#[test]
fn what_does_not_fit_is_told_with_a_remedy() {
    let told = |sky: &str, more: &str| {
        let faults = compiled(sky, more).diagnostics;
        let fault = faults.first().unwrap();
        format!("{}: {}; {}", fault.code, fault.message, fault.remedy.clone().unwrap_or_default())
    };
    assert_eq!(
        told("number", ""),
        "model/feature-kind: the categories of `sky` are texts, and on the device it is a number; map it to a value of the other kind, or train with what the device has"
    );
    assert_eq!(
        told("text", ", features: { degrees: { context: sky } }"),
        "model/feature-kind: the model multiplies `degrees`, and on the device it is a text; map it to a value of the other kind, or train with what the device has"
    );
    assert_eq!(
        told("text", ", borders: 3"),
        "model/drift: with 3 borders for each number a score may move by 1.1328 log-odds; at most 0.25 are allowed; allow more borders (`borders:`), or more log-odds (`tolerance:`)"
    );
}
