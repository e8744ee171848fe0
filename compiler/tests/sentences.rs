//! Sentences of marketers: which is said of a value, and faults at their lines.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::path::Path;

use petitfour_compiler::Source;
use petitfour_compiler::sentence::{self, Feature, Reading, Told};

fn read(text: &str) -> Reading {
    let levels = ["New_Visitor".to_owned(), "Returning_Visitor".to_owned()];
    let features = [
        Feature { name: "PageValues", levels: None },
        Feature { name: "VisitorType", levels: Some(&levels) },
        Feature { name: "ExitRates", levels: None },
    ];
    sentence::read(Source { name: "sentences.yaml".to_owned(), text: text.to_owned() }, &features)
}

#[test]
fn the_first_sentence_that_fits_is_said() {
    let reading = read(
        "PageValues: pages they saw were worth {value}
VisitorType:
  for:
    - { is: Returning_Visitor, say: they have been here before }
  say: they are here for the first time
ExitRates:
  for:
    - { less_than: 0.02, say: people stay where they went }
    - { at_least: 0.02, less_than: 0.1, say: between }
    - { is: 0.2, say: exactly a fifth leave }
    - { absent: true, say: nobody counted who leaves }
",
    );
    assert_eq!(reading.diagnostics, []);
    let said = |feature: &str, told: Told<'_>| reading.sentences.say(feature, told, "54.2");
    assert_eq!(said("PageValues", Told::Number(54.2)).unwrap(), "pages they saw were worth 54.2");
    assert_eq!(said("PageValues", Told::Missing), None, "what is missing is not worth 54.2");
    assert_eq!(said("VisitorType", Told::Text("Returning_Visitor")).unwrap(), "they have been here before");
    assert_eq!(said("VisitorType", Told::Text("Other")).unwrap(), "they are here for the first time");
    let numbers = [0.019, 0.02, 0.1, 0.2].map(|number| said("ExitRates", Told::Number(number)));
    let words = [Some("people stay where they went"), Some("between"), None, Some("exactly a fifth leave")];
    assert_eq!(numbers.each_ref().map(Option::as_deref), words);
    assert_eq!(said("ExitRates", Told::Missing).unwrap(), "nobody counted who leaves");
}

#[test]
fn faults_have_their_line_and_what_was_probably_meant() {
    let told = |text: &str| {
        let reading = read(text);
        let found = reading.diagnostics.first().unwrap();
        let remedy = found.remedy.clone().unwrap_or_default();
        format!("{} {}:{} {}; {remedy}", found.code, found.place.line, found.place.column, found.message)
    };
    assert_eq!(
        told("VisitorType: x\nPageValue: y\n"),
        "sentence/unknown-feature 2:1 the model has no feature `PageValue`; did you mean `PageValues`?"
    );
    assert_eq!(
        told("VisitorType:\n  for:\n    - { is: New_Visitr, say: x }\n"),
        "sentence/unknown-value 3:13 `VisitorType` has no value `New_Visitr` in training; did you mean `New_Visitor`?"
    );
    assert_eq!(
        told("VisitorType:\n  for:\n    - { at_least: 3, say: x }\n"),
        "sentence/operator 3:9 `VisitorType` is a text: `at_least` compares numbers; use `is` or `absent`"
    );
    assert_eq!(
        told("PageValues: worth {valeu}\n"),
        "sentence/placeholder 1:13 nothing stands for `{valeu}`; write `{value}` where the value is to stand"
    );
    assert!(told("PageValues: { for: [{ say: x }] }\n").starts_with("sentence/for-whom 1:"));
    assert!(told("PageValues: { for: [{ is: 3, absent: true, say: x }] }\n").starts_with("sentence/for-whom 1:"));
    assert!(
        told("PageValues: { for: [{ at_least: 3, more_than: 2, say: x }] }\n").starts_with("sentence/two-bounds 1:")
    );
    assert!(told("PageValues: { for: [{ at_least: 3 }] }\n").starts_with("file/missing-key 1:"));
    assert!(told("PageValues: { for: [{ at_leats: 3, say: x }] }\n").contains("did you mean `at_least`?"));
    assert!(told("PageValues:\n").starts_with("sentence/none 1:"));
    assert!(told("PageValues: { is: 3 }\n").starts_with("sentence/none 1:"));
    assert!(told("- x\n").starts_with("file/wrong-type 1:"));
}

#[test]
fn every_code_has_a_test_here_and_a_line_in_the_reference() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    let (own, reference) = (text("tests/sentences.rs"), text("../docs/reasons.md"));
    for code in text("src/sentence.rs").split('"').skip(1).step_by(2).filter(|literal| literal.starts_with("sentence/"))
    {
        assert!(own.contains(&format!("\"{code}")), "{code} is not tested");
        assert!(reference.contains(&format!("`{code}`")), "{code} is not in docs/reasons.md");
    }
}
