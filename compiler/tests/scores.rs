//! A model in a bundle scores what was written: random linear models and trees, quantised and read by the engine, against
//! the plain sum. Weights here are whole 256ths, so that nothing is left to rounding.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::fmt::Write as _;

use petitfour::bundle;
use petitfour::rule;
use petitfour_compiler::{Source, compile};
use proptest::prelude::*;
use support::{About, HEAD, NUMBERS, Question, Rule, Value, Visitor, anything, holds, question, text, write};

/// One weight for all values that answer the questions.
type Line = (Vec<Question>, i16);

#[derive(Clone, Debug)]
enum Model {
    Linear(Vec<(About, Vec<Line>)>),
    Trees(Vec<(Vec<Rule>, Vec<i16>)>),
}

/// The sum in 256ths.
fn score(model: &Model, visitor: &Visitor) -> i32 {
    match model {
        Model::Linear(terms) => {
            let lines = terms.iter().flat_map(|(about, lines)| lines.iter().map(move |line| (about, line)));
            let counted = lines.filter(|(about, (asked, _))| holds(&Rule::Ask(**about, asked.clone()), visitor));
            counted.map(|(_, (_, weight))| i32::from(*weight)).sum()
        }
        Model::Trees(trees) => {
            let leaf = |(levels, leaves): &(Vec<Rule>, Vec<i16>)| {
                let bits = levels.iter().enumerate().map(|(level, asked)| usize::from(holds(asked, visitor)) << level);
                i32::from(leaves[bits.sum::<usize>()])
            };
            trees.iter().map(leaf).sum()
        }
    }
}

fn file(model: &Model) -> String {
    let mut text = format!("{}  - {{ id: c, placements: [hero], model: m, creatives: [{{ id: k, t: x }}] }}\n", HEAD);
    text.push_str("models:\n  m:\n    bias: 0.5\n");
    let units = |weight: i16| f64::from(weight) / 256.0;
    match model {
        Model::Linear(terms) => {
            text.push_str("    kind: linear\n    terms:\n");
            for (about, lines) in terms {
                let mut weights = Vec::new();
                for (asked, weight) in lines {
                    let asked: Vec<String> = asked.iter().map(|asked| support::write_question(*about, asked)).collect();
                    weights.push(format!("{{ {}, weight: {} }}", asked.join(", "), units(*weight)));
                }
                writeln!(text, "      - {{ {}, weights: [{}] }}", support::write_subject(*about), weights.join(", "))
                    .unwrap();
            }
        }
        Model::Trees(trees) => {
            text.push_str("    kind: trees\n    trees:\n");
            for (levels, leaves) in trees {
                let levels: Vec<String> = levels.iter().map(write).collect();
                let leaves: Vec<String> = leaves.iter().map(|leaf| units(*leaf).to_string()).collect();
                writeln!(text, "      - levels: [{}]\n        leaves: [{}]", levels.join(", "), leaves.join(", "))
                    .unwrap();
            }
        }
    }
    text
}

fn model() -> impl Strategy<Value = Model> {
    let weight = -2_000i16..2_000;
    let line = |about| (proptest::collection::vec(question(about), 1..2), -2_000i16..2_000);
    let term = anything().prop_flat_map(move |about| (Just(about), proptest::collection::vec(line(about), 1..4)));
    let ask = anything().prop_flat_map(|about| question(about).prop_map(move |asked| Rule::Ask(about, vec![asked])));
    let tree = proptest::collection::vec(ask, 1..4)
        .prop_flat_map(move |levels| (proptest::collection::vec(weight.clone(), 1 << levels.len()), Just(levels)))
        .prop_map(|(leaves, levels)| (levels, leaves));
    prop_oneof![
        proptest::collection::vec(term, 1..5).prop_map(Model::Linear),
        proptest::collection::vec(tree, 1..4).prop_map(Model::Trees),
    ]
}

/// Visitors of whom the page tells something; the rest is as for a newcomer.
fn visitor() -> impl Strategy<Value = Visitor> {
    let city = proptest::option::of(prop_oneof![text(), Just("Elsewhere")]);
    let temperature = proptest::option::of(proptest::sample::select(&NUMBERS[..]));
    (city, temperature, 0u8..24).prop_map(|(city, temperature, hour)| {
        let mut visitor = Visitor::new();
        visitor.extend(city.map(|city| (About::City, Value::Text(city))));
        visitor.extend(temperature.map(|temperature| (About::Temperature, Value::Number(temperature))));
        visitor.insert(About::Hour, Value::Number(f64::from(hour)));
        for days in [0, 1, 7, 90] {
            for water in [false, true] {
                visitor.insert(About::Views { water, days }, Value::Number(f64::from(hour % 5)));
            }
        }
        for of in ["water", "tea"] {
            visitor.insert(About::Interest(of), Value::Number(f64::from(hour) * 250.0));
        }
        visitor.insert(About::Weekday, Value::Number(f64::from(hour % 7 + 1)));
        visitor.insert(About::Visits, Value::Number(f64::from(hour % 4 + 1)));
        visitor
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(
        std::env::var("PETITFOUR_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(256)
    ))]

    #[test]
    fn a_quantised_model_scores_what_was_written(
        model in model(),
        visitors in proptest::collection::vec(visitor(), 1..16),
    ) {
        let text = file(&model);
        let compiled = compile(&[Source { name: "c.yaml".to_owned(), text: text.clone() }], &|_| None);
        for diagnostic in &compiled.diagnostics {
            let expected = ["segment/never", "model/never", "model/depth"].contains(&diagnostic.code);
            prop_assert!(expected, "{:?}\n{}", diagnostic, text);
        }
        prop_assume!(compiled.bundle.is_some());
        let catalog = bundle::open(compiled.bundle.unwrap()).unwrap();
        let own = catalog.models().next().unwrap();
        for visitor in &visitors {
            let bins = support::bins(&catalog, visitor);
            let found = petitfour::model::score(&catalog, &own, &bins);
            prop_assert_eq!(found, 32_768 + 256 * score(&model, visitor), "{:?}\n{}", visitor, text);
            // The same bins serve the rules.
            let mut matches = vec![0; catalog.words()];
            rule::combine(&catalog, &bins, &mut matches);
            prop_assert_eq!(matches[0] & 1, 1);
        }
    }
}
