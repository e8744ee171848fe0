//! The published JSON Schema agrees with the compiler: what compiles validates, and a slip is found by both.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use jsonschema::Validator;
use petitfour_compiler::story::{self, Names};
use petitfour_compiler::{Source, compile};
use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Number, Value};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

fn schema() -> Validator {
    validator("compiler/schema/campaigns.schema.json")
}

fn validator(path: &str) -> Validator {
    let schema: Value = serde_json::from_str(&read(path)).unwrap();
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    jsonschema::draft202012::new(&schema).unwrap()
}

/// YAML as an editor's language server sees it.
fn json(text: &str) -> Value {
    fn convert(node: &Yaml<'_>) -> Value {
        match node {
            Yaml::Value(Scalar::Null) => Value::Null,
            Yaml::Value(Scalar::Boolean(truth)) => Value::Bool(*truth),
            Yaml::Value(Scalar::Integer(number)) => Value::from(*number),
            Yaml::Value(Scalar::FloatingPoint(number)) => Value::Number(Number::from_f64(number.into_inner()).unwrap()),
            Yaml::Value(Scalar::String(text)) => Value::from(text.as_ref()),
            Yaml::Sequence(items) => items.iter().map(convert).collect(),
            Yaml::Mapping(lines) => Value::Object(
                lines
                    .iter()
                    .map(|(key, value)| (key.as_str().unwrap().to_owned(), convert(value)))
                    .collect::<Map<_, _>>(),
            ),
            other => panic!("{other:?}"),
        }
    }
    convert(&Yaml::load_from_str(text).unwrap()[0])
}

fn faults(schema: &Validator, text: &str) -> Vec<String> {
    schema.iter_errors(&json(text)).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// Campaign files of this repository.
fn files() -> Vec<(String, String)> {
    [
        "examples/soda/campaigns.yaml",
        "cli/src/starter.yaml",
        "examples/fifty/campaigns.yaml",
        "tests/golden/campaigns/scores.yaml",
        "tests/golden/campaigns/explore.yaml",
    ]
    .map(|path| (path.to_owned(), read(path)))
    .to_vec()
}

#[test]
fn every_example_validates() {
    let schema = schema();
    for (path, text) in files() {
        assert_eq!(faults(&schema, &text), Vec::<String>::new(), "{path}");
    }
}

#[test]
fn every_example_in_the_reference_validates_and_compiles() {
    for page in ["docs/campaigns.md", "docs/journeys.md"] {
        reference(page);
    }
}

fn reference(page: &str) {
    let (schema, text) = (schema(), read(page));
    let blocks: Vec<&str> = text.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(!blocks.is_empty());
    // The examples of the reference are one campaign file, told in pieces.
    let whole = blocks.concat();
    assert_eq!(faults(&schema, &whole), Vec::<String>::new());
    let compiled = compile(&[Source { name: page.to_owned(), text: whole }], &|_| None);
    assert_eq!(compiled.diagnostics, []);
    // Pieces that name files of their own.
    for piece in text.split("```yml\n").skip(1).map(|rest| rest.split("```").next().unwrap()) {
        assert_eq!(faults(&schema, &format!("petitfour: 1\nversion: 1\n{piece}")), Vec::<String>::new(), "{piece}");
    }
}

#[test]
fn a_slip_is_found_by_the_schema_and_by_the_compiler() {
    let schema = schema();
    let (_, text) = files().swap_remove(1);
    for (right, wrong) in [
        ("campaigns:", "campagins:"),
        ("placements: [hero]", "placement: [hero]"),
        ("at_least: 25", "atleast: 25"),
        ("within: 7 days", "within: 7 moons"),
        ("holdout: 10%", "holdout: 0.1"),
        ("caps: { day: 3, week: 10 }", "caps: { day: 0, week: 10 }"),
        ("caps: { day: 3, week: 10 }", "caps: { month: 3 }"),
        ("type: number", "type: numeric"),
        ("outcome: true", "outcome: maybe"),
        ("default: []", "default: [stores]"),
        ("default: []", "policy: { europe: { store: [0] } }"),
        ("default: []", "policy: { europe: { personalise: [[5], [6], [7]] } }"),
        ("default: []", "policy: { europe: { purpose_one_unasked: de } }"),
        ("default: []", "policy: { consent_mode: { store: [analytics] } }"),
        ("default: []", "policy: { united_states: { sell: [share] } }"),
        ("segment: hot", "segment: hot\n    when: { segment: hot }"),
        ("event: product_viewed", "events: product_viewed"),
        ("version: 1", "version: one"),
        ("      - id: second-look-1\n", "      - idd: second-look-1\n"),
    ] {
        let slip = text.replacen(right, wrong, 1);
        assert_ne!(slip, text, "{right}");
        assert!(!faults(&schema, &slip).is_empty(), "the schema does not see {wrong}");
        let compiled = compile(&[Source { name: "campaigns.yaml".to_owned(), text: slip }], &|_| None);
        assert!(compiled.bundle.is_none(), "the compiler does not see {wrong}");
    }
}

/// Test files of this repository, each with its campaign files.
const TESTS: [(&str, &str); 2] = [
    ("examples/soda/campaigns.test.yaml", "examples/soda/campaigns.yaml"),
    ("cli/src/starter.test.yaml", "cli/src/starter.yaml"),
];

#[test]
fn every_test_file_validates_and_so_do_the_examples_of_their_reference() {
    let schema = validator("compiler/schema/tests.schema.json");
    for (path, _) in TESTS {
        assert_eq!(faults(&schema, &read(path)), Vec::<String>::new(), "{path}");
    }
    let text = read("docs/testing.md");
    let blocks: Vec<&str> = text.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(faults(&schema, &blocks.concat()), Vec::<String>::new());
}

#[test]
fn a_slip_in_a_test_file_is_found_by_the_schema_and_by_the_reader() {
    let schema = validator("compiler/schema/tests.schema.json");
    let (text, campaigns) = (read(TESTS[1].0), read(TESTS[1].1));
    let compiled = compile(&[Source { name: "campaigns.yaml".to_owned(), text: campaigns }], &|_| None);
    let catalog = petitfour::bundle::open(compiled.bundle.unwrap()).unwrap();
    let names = Names::of(&catalog, &compiled.declared);
    for (right, wrong) in [
        ("tests:", "test:"),
        ("start: 2026", "start: soon 2026"),
        ("- name: everybody", "- nam: everybody"),
        ("sees: { hero: fallback }", "see: { hero: fallback }"),
        ("after: 3 hours", "after: 3 moons"),
        ("after: 3 hours", "after: 3 hours\n        at: 12:00"),
        ("times: 3\n        every: 5 minutes", "every: 5 minutes"),
        ("event: product_viewed\n", "with: { a: b }\n"),
        ("second-look: cap_day", "second-look: cap_dya"),
        ("permits: [measure]", "permits: [measures]"),
        ("held_out: [second-look]", "held_out: [second-look], seed: 3"),
    ] {
        let slip = text.replacen(right, wrong, 1);
        assert_ne!(slip, text, "{right}");
        assert!(!faults(&schema, &slip).is_empty(), "the schema does not see {wrong}");
        let stories = story::read(&[Source { name: "campaigns.test.yaml".to_owned(), text: slip }], &names);
        assert!(stories.has_errors(), "the reader does not see {wrong}");
    }
}
