//! Contributions against the `shap` library, LightGBM's and XGBoost's own, exact fractions, and Shapley's definition.

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

use petitfour_models::contribution::{Explainer, MAX_DEPTH};
use petitfour_models::{Blank, Child, Feature, Forest, Link, Precision, Rows, Side, Split, Test, Tree, lightgbm};
use proptest::prelude::*;

#[path = "../../collector/tests/support/python.rs"]
mod python;

/// What one model comes to: how far contributions are from each of the others', and from adding up to the score.
#[derive(Debug, Default)]
struct Off {
    rows: usize,
    shap: f64,
    own: f64,
    double: Option<f64>,
    exact: Option<f64>,
    sum: f64,
}

/// Lets a program of `support/` write models and contributions, and compares every row.
fn compared(arguments: &[&str], program: &str, extensions: &[&str]) -> Vec<(String, Forest, Off)> {
    let folder = tempfile::tempdir().unwrap();
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let done = Command::new(python::python())
        .arg(here.join("tests/support").join(program))
        .args(arguments)
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let mut all = Vec::new();
    for entry in fs::read_dir(folder.path()).unwrap() {
        let file = entry.unwrap().path();
        let extension = file.extension().unwrap().to_string_lossy().into_owned();
        if !extensions.contains(&extension.as_str()) {
            continue;
        }
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let (_, forest) = petitfour_models::read(&fs::read(&file).unwrap()).unwrap();
        let off = compare(&forest, &file);
        println!("{name}: {off:?}");
        all.push((name, forest, off));
    }
    all.sort_by(|one, other| one.0.cmp(&other.0));
    all
}

fn numbers(file: &Path) -> Option<Vec<f64>> {
    let bytes = fs::read(file).ok()?;
    Some(bytes.chunks_exact(8).map(|number| f64::from_le_bytes(number.try_into().unwrap())).collect())
}

fn compare(forest: &Forest, file: &Path) -> Off {
    // What LightGBM explains is the sum also where its answer is made of the mean.
    let scale = if forest.averaged { forest.trees.len() as f64 } else { 1.0 };
    let explainer = Explainer::of(forest).unwrap();
    let mut rows = Rows::open(File::open(file.with_extension("csv")).unwrap(), &forest.features).unwrap();
    let [shap, own, double, exact] =
        ["shap", "own", "double", "exact"].map(|extension| numbers(&file.with_extension(extension)));
    let wide = forest.features.len() + 1;
    let mut off = Off { double: double.as_ref().map(|_| 0.0), exact: exact.as_ref().map(|_| 0.0), ..Off::default() };
    let mut row = Vec::new();
    while rows.next_row(&mut row).unwrap() {
        let mut ours = explainer.contributions(&row);
        off.sum = off.sum.max((explainer.base() + ours.iter().sum::<f64>() - forest.raw(&row)).abs());
        ours.push(explainer.base());
        let from = off.rows * wide;
        let apart = |theirs: &Option<Vec<f64>>| {
            let theirs = theirs.as_ref().map_or(&ours[..0], |theirs| &theirs[from..from + wide]);
            ours.iter().zip(theirs).map(|(one, other)| (one * scale - other).abs()).fold(0.0, f64::max)
        };
        off.shap = off.shap.max(apart(&shap));
        off.own = off.own.max(apart(&own));
        // Its base is XGBoost's, of single precision.
        let base = ours.len() - 1;
        let inner = |theirs: &[f64]| {
            ours[..base].iter().zip(&theirs[from..]).map(|(one, other)| (one * scale - other).abs()).fold(0.0, f64::max)
        };
        off.double = off.double.map(|most| most.max(inner(double.as_ref().unwrap())));
        off.exact = off.exact.map(|most| most.max(apart(&exact)));
        off.rows += 1;
    }
    let own = own.expect("the library's contributions");
    assert_eq!(own.len(), off.rows * wide, "as many rows as answers");
    off
}

#[test]
fn lightgbm_models_are_explained_as_shap_explains_them() {
    let all = compared(&["lightgbm"], "explain.py", &["txt"]);
    assert_eq!(all.len(), 10);
    for (name, _, off) in all {
        assert!(off.rows >= 2_000 && off.shap < 1e-9 && off.own < 1e-9 && off.sum < 1e-9, "{name}: {off:?}");
        assert!(off.double.unwrap_or_default() < 1e-9, "{name}: {off:?}");
        assert_eq!(off.double.is_some(), name.ends_with("numbers"));
    }
}

#[test]
fn xgboost_models_are_explained_as_shap_explains_them() {
    let all = compared(&["xgboost"], "explain.py", &["json", "ubj"]);
    assert_eq!(all.len(), 10);
    for (name, _, off) in all {
        assert!(off.rows >= 2_000 && off.double.unwrap_or_default() < 1e-6, "{name}: {off:?}");
        assert_eq!(off.double.is_some(), name.ends_with("numbers") || name.ends_with("leaves"));
        // These two reckon in single precision, and so does the score: the last bits of some forty additions.
        assert!(off.shap < 1e-5 && off.own < 1e-5 && off.sum < 1e-5, "{name}: {off:?}");
    }
}

#[test]
fn catboost_models_are_explained_as_the_library_explains_them() {
    let all = compared(&["catboost"], "explain.py", &["json"]);
    assert_eq!(all.len(), 10);
    for (name, _, off) in all {
        assert!(off.rows >= 2_000 && off.sum < 1e-9, "{name}: {off:?}");
        // Of trees of any shape CatBoost's own are others, and do not always add up to its score.
        let is_symmetric = !name.ends_with("depthwise") && !name.ends_with("leaves");
        assert!(!is_symmetric || (off.shap < 1e-9 && off.own < 1e-9), "{name}: {off:?}");
    }
}

#[test]
fn long_ways_are_exact() {
    let all = compared(&[], "chain.py", &["txt"]);
    assert_eq!(all.len(), 4);
    for (name, forest, off) in all {
        assert!(
            off.exact.unwrap() < 1e-12 && off.sum < 1e-12,
            "{name}, {} questions: {off:?}",
            forest.trees[0].depth()
        );
    }
}

/// What a coalition of known features is worth to a tree: Lundberg, Erion and Lee (2018), algorithm 1.
fn worth(tree: &Tree, row: &[f64], known: u32) -> f64 {
    fn cover(tree: &Tree, child: Child) -> f64 {
        match child {
            Child::Leaf(leaf) => tree.covers.as_ref().unwrap()[leaf],
            Child::Split(at) => cover(tree, tree.splits[at].left) + cover(tree, tree.splits[at].right),
        }
    }
    fn below(tree: &Tree, row: &[f64], known: u32, child: Child) -> f64 {
        let Child::Split(at) = child else {
            let Child::Leaf(leaf) = child else { unreachable!() };
            return tree.leaves[leaf];
        };
        let Split { feature, test, left, right } = &tree.splits[at];
        if known >> feature & 1 == 1 {
            let side = test.side(row[*feature]);
            return below(tree, row, known, if side == Side::Left { *left } else { *right });
        }
        let (one, other) = (cover(tree, *left), cover(tree, *right));
        let share = if one + other > 0.0 { one / (one + other) } else { 0.5 };
        share * below(tree, row, known, *left) + (1.0 - share) * below(tree, row, known, *right)
    }
    below(tree, row, known, if tree.splits.is_empty() { Child::Leaf(0) } else { Child::Split(0) })
}

/// Shapley's definition, by every coalition, and what none of them is worth.
fn defined(forest: &Forest, row: &[f64]) -> (f64, Vec<f64>) {
    let count = u32::try_from(forest.features.len()).unwrap();
    let factorial = |number: u32| (1..=number).map(f64::from).product::<f64>();
    let worths: Vec<f64> =
        (0..1_u32 << count).map(|known| forest.trees.iter().map(|tree| worth(tree, row, known)).sum::<f64>()).collect();
    let contribution = |feature: u32| {
        let without = (0..1_u32 << count).filter(|known| known >> feature & 1 == 0);
        let gains = without.map(|known| {
            let size = known.count_ones();
            let weight = factorial(size) * factorial(count - size - 1) / factorial(count);
            weight * (worths[(known | 1 << feature) as usize] - worths[known as usize])
        });
        gains.sum::<f64>()
    };
    let scale = if forest.averaged { 1.0 / forest.trees.len() as f64 } else { 1.0 };
    (forest.bias + worths[0] * scale, (0..count).map(|feature| contribution(feature) * scale).collect())
}

/// Features of the forests that are drawn.
const WIDE: usize = 6;

fn tests() -> impl Strategy<Value = Test> {
    let side = || prop::bool::ANY.prop_map(|left| if left { Side::Left } else { Side::Right });
    let threshold = || (-2_i32..3).prop_map(f64::from);
    let blank = prop_oneof![Just(Blank::Zero), side().prop_map(Blank::Missing), side().prop_map(Blank::MissingOrZero)];
    prop_oneof![
        (threshold(), blank).prop_map(|(threshold, blank)| Test::AtMost { threshold, blank }),
        (threshold(), side()).prop_map(|(threshold, missing)| Test::Below { threshold, missing }),
        (0_u32..8, side()).prop_map(|(set, missing)| Test::Among { set: vec![set], missing }),
    ]
}

/// Trees that ask the same feature again and again, with leaves that nobody of the training saw.
fn trees() -> impl Strategy<Value = Tree> {
    let split = (0..WIDE, tests(), prop::num::u64::ANY);
    let splits = prop::collection::vec(split, 0..9);
    let leaves = prop::collection::vec((-3.0_f64..3.0, prop_oneof![3 => 1_u32..2_000, 1 => Just(0)]), 10);
    (splits, leaves, prop::bool::weighted(0.2)).prop_map(|(drawn, leaves, is_chain)| {
        let mut tree = Tree { leaves: vec![0.0], ..Tree::default() };
        for (feature, test, place) in drawn {
            // A leaf is drawn, and becomes a split with two.
            let at = tree.splits.len();
            let leaf = if is_chain { at } else { usize::try_from(place % (at as u64 + 1)).unwrap() };
            for split in &mut tree.splits {
                for child in [&mut split.left, &mut split.right] {
                    if *child == Child::Leaf(leaf) {
                        *child = Child::Split(at);
                    }
                }
            }
            tree.splits.push(Split { feature, test, left: Child::Leaf(leaf), right: Child::Leaf(at + 1) });
            tree.leaves.push(0.0);
        }
        let count = tree.leaves.len();
        let (values, covers): (Vec<f64>, Vec<u32>) = leaves.into_iter().take(count).unzip();
        let mut covers: Vec<f64> = covers.into_iter().map(f64::from).collect();
        covers[0] = covers[0].max(1.0);
        Tree { leaves: values, covers: Some(covers), ..tree }
    })
}

fn rows() -> impl Strategy<Value = Vec<f64>> {
    let value = prop_oneof![4 => (-3_i32..4).prop_map(f64::from), 1 => Just(f64::NAN), 1 => -2.5_f64..2.5];
    prop::collection::vec(value, WIDE)
}

fn forest(trees: Vec<Tree>, averaged: bool) -> Forest {
    let features = (0..WIDE).map(|number| Feature { name: format!("f{number}"), levels: None }).collect();
    Forest {
        features,
        trees,
        terms: Vec::new(),
        bias: 0.25,
        averaged,
        link: Link::Identity,
        precision: Precision::Double,
    }
}

proptest! {
    #[test]
    fn contributions_are_those_of_shapleys_definition(
        trees in prop::collection::vec(trees(), 1..4), row in rows(), averaged: bool,
    ) {
        let forest = forest(trees, averaged);
        let explainer = Explainer::of(&forest).unwrap();
        let (base, defined) = defined(&forest, &row);
        prop_assert!((explainer.base() - base).abs() < 1e-12);
        for (one, other) in explainer.contributions(&row).iter().zip(&defined) {
            prop_assert!((one - other).abs() < 1e-12, "{one} for {other}");
        }
    }

    #[test]
    fn contributions_add_up_to_the_score(trees in prop::collection::vec(trees(), 0..9), row in rows(), averaged: bool) {
        let forest = forest(trees, averaged);
        let explainer = Explainer::of(&forest).unwrap();
        let sum = explainer.base() + explainer.contributions(&row).iter().sum::<f64>();
        prop_assert!((sum - forest.raw(&row)).abs() < 1e-12, "{sum} for {}", forest.raw(&row));
    }
}

#[test]
fn a_tree_without_training_weights_is_refused_where_it_is_to_be_explained() {
    let leaf = |covers| Tree { leaves: vec![0.5], covers, ..Tree::default() };
    let test = Test::Below { threshold: 0.5, missing: Side::Left };
    let split = |covers: Option<Vec<f64>>| Tree {
        splits: vec![Split { feature: 0, test: test.clone(), left: Child::Leaf(0), right: Child::Leaf(1) }],
        leaves: vec![-1.0, 1.0],
        covers,
    };
    let told = |covers| {
        let forest = forest(vec![leaf(None), split(covers)], false);
        assert_eq!(forest.raw(&[0.0; WIDE]), -0.25, "it scores all the same");
        Explainer::of(&forest).unwrap_err().to_string()
    };
    assert_eq!(
        told(None),
        "tree 1 does not say how much of the training each leaf saw, which contributions are weighed by; models that `petitfour train`, LightGBM, XGBoost or CatBoost saved say it; ONNX's files do not"
    );
    assert!(told(Some(vec![1.0])).starts_with("tree 1 does not say"));
    assert!(told(Some(vec![1.0, -2.0])).starts_with("tree 1: leaf 1 saw -2 of the training, which is no weight"));
    assert!(told(Some(vec![f64::NAN, 1.0])).starts_with("tree 1: leaf 0 saw NaN"));
    assert!(told(Some(vec![0.0, 0.0])).starts_with("tree 1: no leaf saw any of the training"));
    let seen = forest(vec![leaf(None), split(Some(vec![3.0, 1.0]))], false);
    let explainer = Explainer::of(&seen).unwrap();
    assert_eq!((explainer.base(), explainer.contributions(&[1.0; WIDE])), (0.25, vec![1.5, 0.0, 0.0, 0.0, 0.0, 0.0]));
}

#[test]
fn a_tree_that_is_too_deep_is_refused_and_the_deepest_is_explained() {
    let chain = |depth: usize| {
        let test = |at: usize| Test::AtMost { threshold: at as f64, blank: Blank::Zero };
        let right = |at: usize| if at + 1 < depth { Child::Split(at + 1) } else { Child::Leaf(depth) };
        let split = |at| Split { feature: at % WIDE, test: test(at), left: Child::Leaf(at), right: right(at) };
        let splits = (0..depth).map(split).collect();
        let leaves = (0..=depth).map(|leaf| leaf as f64 / depth as f64).collect();
        forest(vec![Tree { splits, leaves, covers: Some(vec![1.0; depth + 1]) }], false)
    };
    let deepest = chain(MAX_DEPTH);
    let explainer = Explainer::of(&deepest).unwrap();
    for row in [[0.0; WIDE], [1e9; WIDE], [250.0; WIDE]] {
        let sum = explainer.base() + explainer.contributions(&row).iter().sum::<f64>();
        assert!((sum - deepest.raw(&row)).abs() < 1e-10, "{sum} for {}", deepest.raw(&row));
    }
    let fault = Explainer::of(&chain(MAX_DEPTH + 1)).unwrap_err().to_string();
    assert_eq!(
        fault,
        "tree 0 asks 513 questions on one way, and contributions are taken from 512 at most; train with a bounded depth (`max_depth`)"
    );
}

#[test]
fn weights_of_leaves_are_read_and_what_contradicts_itself_is_refused() {
    let text = |counts: &str| {
        format!(
            "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nmax_feature_idx=0\nobjective=regression\nfeature_names=degrees\n\nTree=0\nnum_leaves=2\nnum_cat=0\nsplit_feature=0\nthreshold=20.5\ndecision_type=2\nleft_child=-1\nright_child=-2\nleaf_value=-1 1\n{counts}\nend of trees\n"
        )
    };
    assert_eq!(lightgbm::read(&text("leaf_count=30 10\n")).unwrap().trees[0].covers, Some(vec![30.0, 10.0]));
    assert_eq!(lightgbm::read(&text("")).unwrap().trees[0].covers, None);
    let fault = lightgbm::read(&text("leaf_count=30\n")).unwrap_err().to_string();
    assert_eq!(fault, "line 18: `leaf_count` has 1 numbers where 2 are needed");
}
