//! A trained model in a bundle scores what its library would: random forests, in LightGBM's own text, compiled and walked by the engine,
//! against the plain walk; and what is said of those that do not fit.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::format_push_string,
    reason = "a test fails by panicking"
)]

use std::fmt::Write as _;

use petitfour::bundle;
use petitfour::catalog::Catalog;
use petitfour::{model, rule};
use petitfour_compiler::{Compiled, Source, compile};
use petitfour_models::{Forest, lightgbm};
use proptest::prelude::*;

const LEVELS: [&str; 3] = ["rain", "snow", "sunny"];

/// A split of leaf `leaf % leaves`: feature, bound, bits of the decision, set.
#[derive(Clone, Debug)]
struct Split {
    leaf: usize,
    feature: usize,
    bound: f64,
    default_left: bool,
    missing: u8,
    set: u32,
}

/// Features 0 and 1 are numbers, 2 is a category with texts or without, 3 is one that is only known by number.
fn tree() -> impl Strategy<Value = (Vec<Split>, Vec<i8>)> {
    let bound = prop_oneof![Just(0.0), Just(-1.0), Just(1e-36), Just(2.5), -3.0..3.0f64];
    let split = (0usize..64, 0usize..4, bound, any::<bool>(), 0u8..3, 0u32..16).prop_map(
        |(leaf, feature, bound, default_left, missing, set)| Split { leaf, feature, bound, default_left, missing, set },
    );
    proptest::collection::vec(split, 0..12)
        .prop_flat_map(|splits| (proptest::collection::vec(-50i8..50, splits.len() + 1), Just(splits)))
        .prop_map(|(leaves, splits)| (splits, leaves))
}

/// As LightGBM writes it: every split takes a leaf, whose number stays to the left, and the next leaf stands to the right.
fn text(trees: &[(Vec<Split>, Vec<i8>)], objective: &str, levels: bool) -> String {
    let mut text = format!(
        "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=3\nobjective={objective}\nfeature_names=warm calm weather kind\nfeature_infos=[0:1] [0:1] 0:1:2 0:1:2:3\n\n"
    );
    for (number, (splits, leaves)) in trees.iter().enumerate() {
        let (mut left, mut right) = (Vec::new(), Vec::new());
        for (at, split) in splits.iter().enumerate() {
            let leaf = -1 - i32::try_from(split.leaf % (at + 1)).unwrap();
            for child in left.iter_mut().chain(right.iter_mut()).filter(|child| **child == leaf) {
                *child = i32::try_from(at).unwrap();
            }
            left.push(leaf);
            right.push(-2 - i32::try_from(at).unwrap());
        }
        let sets: Vec<u32> = splits.iter().filter(|split| split.feature > 1).map(|split| split.set).collect();
        let mut set = 0;
        let thresholds = splits.iter().map(|split| {
            set += usize::from(split.feature > 1);
            if split.feature > 1 { (set - 1).to_string() } else { format!("{:?}", split.bound) }
        });
        let thresholds = thresholds.collect::<Vec<_>>().join(" ");
        let kind = |split: &Split| u8::from(split.feature > 1) | u8::from(split.default_left) << 1 | split.missing << 2;
        fn list<T: ToString>(values: impl IntoIterator<Item = T>) -> String {
            values.into_iter().map(|value| value.to_string()).collect::<Vec<_>>().join(" ")
        }
        writeln!(text, "Tree={number}\nnum_leaves={}\nnum_cat={}", leaves.len(), sets.len()).unwrap();
        if !splits.is_empty() {
            writeln!(
                text,
                "split_feature={}\nthreshold={thresholds}\ndecision_type={}\nleft_child={}\nright_child={}",
                list(splits.iter().map(|split| split.feature)),
                list(splits.iter().map(kind)),
                list(left),
                list(right),
            )
            .unwrap();
        }
        writeln!(text, "leaf_value={}", list(leaves)).unwrap();
        if !sets.is_empty() {
            writeln!(text, "cat_boundaries={}\ncat_threshold={}", list(0..=sets.len()), list(sets)).unwrap();
        }
        text.push_str("is_linear=0\nshrinkage=1\n\n");
    }
    let known = if levels { "[[\"rain\", \"snow\", \"sunny\"], [0, 1, 2, 3]]" } else { "null" };
    text.push_str(&format!(
        "end of trees\n\nparameters:\n[categorical_feature: 2,3]\nend of parameters\n\npandas_categorical:{known}\n"
    ));
    text
}

fn campaigns(weather: &str, more: &str) -> String {
    format!(
        "petitfour: 1\nversion: 1\nplacements: {{ hero: {{ fallback: h }} }}\n\
         context: {{ warm: {{ type: number }}, calm: {{ type: number }}, weather: {{ type: {weather} }}, kind: {{ type: number }} }}\n\
         models: {{ m: {{ trained: m.txt{more} }} }}\n\
         campaigns:\n  - {{ id: c, placements: [hero], model: m, creatives: [{{ id: k, t: x }}] }}\nfallbacks: {{ h: {{ t: x }} }}\n"
    )
}

fn compiled(model: &str, weather: &str, more: &str) -> Compiled {
    let source = Source { name: "c.yaml".to_owned(), text: campaigns(weather, more) };
    compile(&[source], &|name| (name == "m.txt").then(|| model.as_bytes().to_vec()))
}

/// What the engine scores, in log-odds.
fn score(catalog: &Catalog, row: &[f64; 4], levels: bool) -> f64 {
    let mut inputs = vec![f64::NAN; catalog.attributes().len()];
    for (name, value) in ["warm", "calm", "weather", "kind"].into_iter().zip(row) {
        let place = catalog.context_named(name).unwrap();
        let attribute = catalog.attribute(place).unwrap();
        inputs[place] = match name {
            "weather" if levels => match LEVELS.get(*value as usize) {
                Some(level) if !value.is_nan() => f64::from(catalog.intern(&attribute, level)),
                // What a page says that no split names.
                _ if *value == 9.0 => f64::from(catalog.intern(&attribute, "fog")),
                _ => 0.0,
            },
            _ => *value,
        };
    }
    let mut bins = vec![0; inputs.len()];
    rule::bin(catalog, &inputs, &mut bins);
    f64::from(model::score(catalog, &catalog.model(0).unwrap(), &bins)) / 65_536.0
}

fn row() -> impl Strategy<Value = [f64; 4]> {
    let number = prop_oneof![
        Just(f64::NAN),
        Just(0.0),
        Just(-0.0),
        Just(1e-36),
        Just(-1e-36),
        Just(2.5),
        Just(2.5f64.next_up()),
        Just(f64::INFINITY),
        Just(f64::NEG_INFINITY),
        Just(-1.0),
        -3.0..3.0f64
    ];
    let code = prop_oneof![Just(f64::NAN), (0u8..4).prop_map(f64::from), Just(9.0)];
    let loose = prop_oneof![Just(f64::NAN), -2.0..5.0f64, Just(-1.0), Just(-0.5), Just(3.9), Just(1e9)];
    (number.clone(), number, code, loose).prop_map(|(warm, calm, weather, kind)| [warm, calm, weather, kind])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(
        std::env::var("PETITFOUR_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(256)
    ))]

    #[test]
    fn the_engine_walks_as_the_library_does(
        trees in proptest::collection::vec(tree(), 1..6),
        rows in proptest::collection::vec(row(), 1..40),
        levels in any::<bool>(),
    ) {
        let model = text(&trees, "binary sigmoid:2", levels);
        let forest: Forest = lightgbm::read(&model).unwrap_or_else(|fault| panic!("{fault}\n{model}"));
        let compiled = compiled(&model, if levels { "text" } else { "number" }, "");
        prop_assert!(compiled.diagnostics.is_empty(), "{:?}\n{}", compiled.diagnostics, model);
        let catalog = bundle::open(compiled.bundle.unwrap()).unwrap();
        for mut row in rows {
            let own = score(&catalog, &row, levels);
            if levels {
                // What the model has not seen in training is missing to it.
                row[2] = if row[2] < 3.0 { row[2] } else { f64::NAN };
                row[3] = if [0.0, 1.0, 2.0, 3.0].contains(&row[3]) { row[3] } else { f64::NAN };
            }
            // Leaves are whole numbers, so that one wrong turn is off by 2 or more.
            let wanted = 2.0 * forest.raw(&row);
            prop_assert!((own - wanted).abs() < 0.05, "{} and not {}: {:?}\n{}", own, wanted, row, model);
        }
    }
}

fn small() -> String {
    let split = |feature, leaf| Split { leaf, feature, bound: 2.0, default_left: true, missing: 2, set: 5 };
    text(&[(vec![split(0, 0), split(2, 1)], vec![1, 2, 5])], "binary sigmoid:1", true)
}

#[test]
fn what_does_not_fit_is_told_with_a_remedy() {
    let told = |model: &str, weather: &str, more: &str| {
        let faults = compiled(model, weather, more).diagnostics;
        let fault = faults.first().unwrap_or_else(|| panic!("nothing is wrong with {more}"));
        assert_eq!(fault.place.line, 5, "{fault:?}");
        format!("{}: {}; {}", fault.code, fault.message, fault.remedy.clone().unwrap_or_default())
    };
    let small = small();
    assert_eq!(
        told(&small, "number", ""),
        "model/feature-kind: the categories of `weather` are texts, and on the device it is a number; map it to a value of the other kind, or train with what the device has"
    );
    assert_eq!(
        told(&small.replace("warm", "Heat"), "text", ""),
        "model/unknown-feature: no context value has the name of what the model asks for: `Heat`; say where each is found: `features: { Name: { context: ... } }`, or `event:`, `trait:`, `moment:`, …"
    );
    assert_eq!(
        told(&small, "text", ", features: { wether: { context: weather } }"),
        "model/unknown-feature: there is no feature of this model `wether`; did you mean `weather`?"
    );
    assert!(
        told(&small, "text", ", leaves: 12").starts_with("model/leaves: leaves are kept in 8 or 16 bits, not in 12")
    );
    assert!(told(&small, "text", ", tolerance: 0").starts_with("model/tolerance:"));
    assert_eq!(
        told(&small, "text", ", leaves: 8, tolerance: 0.000001"),
        "model/drift: with leaves of 8 bits a score may move by 0.0079 log-odds; at most 0.000001 are allowed; keep leaves in 16 bits (`leaves: 16`), or allow more (`tolerance:`)"
    );
    assert_eq!(
        told("tree\nversion=v9\n", "text", ""),
        "model/unread: `m.txt`: line 1: `num_class` is missing; the file was cut or is not LightGBM's; save it anew; "
    );
    assert!(told(&small.replace("binary sigmoid:1", "regression"), "text", "").starts_with("model/no-probability:"));
    let many: Vec<Split> = (0..256)
        .map(|leaf| Split { leaf, feature: 0, bound: leaf as f64, default_left: true, missing: 2, set: 0 })
        .collect();
    let big = text(&[(many, vec![1; 257])], "binary sigmoid:1", true);
    assert!(
        told(&big, "text", ", borders: 4096")
            .starts_with("model/leaves: tree 0 has 257 leaves of 256; train with fewer leaves")
    );
}

#[test]
fn all_that_is_wrong_is_told_at_once_each_where_it_is_said() {
    let more = ",\n leaves: 9, tolerance: -1, features: {\n warm: { context: weather },\n weather: { context: calm } }";
    let told = compiled(&small(), "text", more).diagnostics;
    let found: Vec<_> = told.iter().map(|fault| (fault.code, fault.place.line)).collect();
    assert_eq!(found, [("model/leaves", 5), ("model/tolerance", 5)], "what the declaration says");
    let more = ",\n features: {\n warm: { context: weather },\n weather: { context: calm } }";
    let told = compiled(&small(), "text", more).diagnostics;
    let found: Vec<_> = told.iter().map(|fault| (fault.code, fault.place.line)).collect();
    assert_eq!(found, [("model/feature-kind", 7), ("model/feature-kind", 8)], "{told:?}");
}

#[test]
fn a_line_over_log_odds_is_one_over_every_leaf() {
    let score_of = |more: &str, row: [f64; 4]| {
        let compiled = compiled(&small(), "text", more);
        assert!(compiled.diagnostics.is_empty(), "{:?}", compiled.diagnostics);
        score(&bundle::open(compiled.bundle.unwrap()).unwrap(), &row, true)
    };
    for row in [[1.0, 0.0, 0.0, 0.0], [3.0, 0.0, 1.0, 0.0], [3.0, 0.0, 2.0, 0.0], [f64::NAN; 4]] {
        let (plain, line) = (score_of("", row), score_of(", calibrate: { slope: 0.5, intercept: -0.75 }", row));
        assert!((line - (0.5 * plain - 0.75)).abs() < 0.001, "{line} for {plain}");
    }
}

#[test]
fn a_feature_may_be_found_elsewhere_and_more_bounds_than_borders_share_them() {
    let split = |bound: u16| {
        (
            vec![Split { leaf: 0, feature: 0, bound: f64::from(bound), default_left: true, missing: 2, set: 0 }],
            vec![0, 1],
        )
    };
    let trees: Vec<_> = (0..300).map(split).collect();
    let model = text(&trees, "binary sigmoid:1", true);
    let compiled = compiled(&model, "text", ", features: { warm: { moment: hour } }");
    let warnings: Vec<_> = compiled.diagnostics.iter().map(|fault| (fault.code, fault.message.as_str())).collect();
    assert_eq!(warnings, [("model/grid", "some bounds share one of 255 borders: `warm`")]);
    let catalog = bundle::open(compiled.bundle.unwrap()).unwrap();
    let hour = catalog.attributes().last().unwrap();
    assert_eq!(catalog.string(hour.name()), "hour");
    assert!(catalog.borders(&hour).len() <= 255);
}

/// Two campaigns that say of the same model whether it snows, and what kind it is.
fn shared(model: &str, given: [&str; 2]) -> Compiled {
    let campaign = |id: &str, given: &str| {
        format!(
            "  - {{ id: {id}, placements: [hero], model: {{ name: m, given: {given} }}, creatives: [{{ id: {id}-k, t: x }}] }}\n"
        )
    };
    let [one, other] = given;
    let text = format!(
        "petitfour: 1\nversion: 1\nplacements: {{ hero: {{ fallback: h }} }}\nfallbacks: {{ h: {{ t: x }} }}\n\
         context: {{ warm: {{ type: number }}, calm: {{ type: number }} }}\nmodels: {{ m: {{ trained: m.txt }} }}\ncampaigns:\n{}{}",
        campaign("a", one),
        campaign("b", other)
    );
    let source = Source { name: "c.yaml".to_owned(), text };
    compile(&[source], &|name| (name == "m.txt").then(|| model.as_bytes().to_vec()))
}

/// What the engine scores by the model of this name, of what a page tells.
fn scored(catalog: &Catalog, name: &str, warm: f64, calm: f64) -> f64 {
    let mut inputs = vec![f64::NAN; catalog.attributes().len()];
    inputs[catalog.context_named("warm").unwrap()] = warm;
    inputs[catalog.context_named("calm").unwrap()] = calm;
    let mut bins = vec![0; inputs.len()];
    rule::bin(catalog, &inputs, &mut bins);
    let models = (0..).map_while(|number| catalog.model(number));
    let own = models.into_iter().find(|model| catalog.string(model.name()) == name).unwrap();
    f64::from(model::score(catalog, &own, &bins)) / 65_536.0
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(
        std::env::var("PETITFOUR_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(256)
    ))]

    #[test]
    fn what_a_campaign_says_of_a_model_is_answered_as_the_library_would(
        trees in proptest::collection::vec(tree(), 1..6),
        rows in proptest::collection::vec(row(), 1..20),
        weather in 0usize..4,
        kind in 0usize..4,
    ) {
        let model = text(&trees, "binary sigmoid:2", true);
        let forest: Forest = lightgbm::read(&model).unwrap();
        let said = LEVELS.get(weather).copied().unwrap_or("null");
        let compiled = shared(&model, [&format!("{{ weather: {said}, kind: {kind} }}"), "{ weather: snow, kind: null }"]);
        prop_assert!(compiled.bundle.is_some(), "{:?}\n{}", compiled.diagnostics, model);
        let catalog = bundle::open(compiled.bundle.unwrap()).unwrap();
        let weather = if weather < 3 { weather as f64 } else { f64::NAN };
        for row in rows {
            for (name, [weather, kind]) in [("m/a", [weather, kind as f64]), ("m/b", [1.0, f64::NAN])] {
                let own = scored(&catalog, name, row[0], row[1]);
                let wanted = 2.0 * forest.raw(&[row[0], row[1], weather, kind]);
                prop_assert!((own - wanted).abs() < 0.05, "{} and not {}: {:?} {}\n{}", own, wanted, row, name, model);
            }
        }
    }
}

#[test]
fn campaigns_that_say_the_same_share_a_model_and_a_model_that_nobody_takes_whole_is_left_out() {
    let named = |compiled: Compiled| {
        let catalog = bundle::open(compiled.bundle.unwrap_or_else(|| panic!("{:?}", compiled.diagnostics))).unwrap();
        let models = (0..).map_while(|number| catalog.model(number));
        models.map(|model| (catalog.string(model.name()).to_owned(), model.parts())).collect::<Vec<_>>()
    };
    let small = small();
    let same = named(shared(&small, ["{ weather: snow }", "{ weather: snow }"]));
    assert_eq!(same, [("m/a".to_owned(), 1)]);
    let other = named(shared(&small, ["{ weather: snow, warm: 3 }", "{ weather: null, warm: 3 }"]));
    assert_eq!(other.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["m/a", "m/b"]);
    // A constant of the model's own lines holds for whoever takes it, and needs no context value either.
    let lines = campaigns("text", ", features: { warm: { value: 3 }, weather: { value: rain } }")
        .replace("warm: { type: number }, ", "");
    let compiled = compile(&[Source { name: "c.yaml".to_owned(), text: lines }], &|_| Some(small.as_bytes().to_vec()));
    assert_eq!(named(compiled), [("m".to_owned(), 1)]);
}

#[test]
fn trees_that_are_alike_once_constants_are_answered_are_one() {
    let split = |feature, leaf| Split { leaf, feature, bound: 2.0, default_left: true, missing: 2, set: 5 };
    let trees: Vec<_> = (0..40i8).map(|number| (vec![split(2, 0), split(0, 0)], vec![number, -number, 3])).collect();
    let model = text(&trees, "binary sigmoid:1", true);
    let compiled = shared(&model, ["{ weather: rain }", "{ weather: snow }"]);
    let catalog = bundle::open(compiled.bundle.unwrap()).unwrap();
    let parts: Vec<_> = (0..).map_while(|number| catalog.model(number)).map(|model| model.parts()).collect();
    assert_eq!(parts, [1, 1]);
    let forest = lightgbm::read(&model).unwrap();
    for (name, weather) in [("m/a", 0.0), ("m/b", 1.0)] {
        for warm in [1.0, 3.0, f64::NAN] {
            let wanted = forest.raw(&[warm, 0.0, weather, 0.0]);
            assert!((scored(&catalog, name, warm, 0.0) - wanted).abs() < 0.02, "{name} {warm} {wanted}");
        }
    }
}

#[test]
fn a_constant_that_the_model_does_not_know_is_told() {
    let small = small();
    let told = |given: &str| {
        let faults = shared(&small, [given, "{ weather: snow }"]).diagnostics;
        let fault = faults.first().unwrap_or_else(|| panic!("nothing is wrong with {given}"));
        assert_eq!(fault.place.line, 8, "{fault:?}");
        format!("{}: {}; {}", fault.code, fault.message, fault.remedy.clone().unwrap_or_default())
    };
    assert_eq!(
        told("{ weather: snwo }"),
        "model/constant: in training the model has not seen `snwo` as `weather`; `null` stands for what it has not seen; did you mean `snow`?"
    );
    assert_eq!(
        told("{ weather: fog, warm: hot }"),
        "model/constant: in training the model has not seen `fog` as `weather`; `null` stands for what it has not seen; known: `rain`, `snow`, `sunny`"
    );
    assert_eq!(
        told("{ weather: rain, warm: hot }"),
        "model/constant: the model compares `warm` with numbers, and `hot` is none; write a number, or leave it empty (`null`) where it is missing"
    );
    assert!(told("{ weather: rain, warm: nan }").starts_with("model/constant: the model compares `warm`"));
    assert_eq!(
        told("{ wether: rain }"),
        "model/unknown-feature: there is no feature of this model `wether`; did you mean `weather`?"
    );
    let linear = "petitfour: 1\nversion: 1\nplacements: { p: {} }\ncontext: { x: { type: number } }\n\
         models: { m: { kind: linear, terms: [{ context: x, weights: [{ at_least: 1, weight: 1 }] }] } }\n\
         campaigns: [{ id: c, placements: [p], model: { name: m, given: { x: 1 } }, creatives: [{ id: k, t: x }] }]\n";
    let compiled = compile(&[Source { name: "c.yaml".to_owned(), text: linear.to_owned() }], &|_| None);
    let fault = compiled.diagnostics.iter().find(|fault| fault.code == "model/given").unwrap();
    assert_eq!(fault.message, "`m` asks no features that could be given");
}
