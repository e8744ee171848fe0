//! Models that LightGBM trains here and now, on every row of both sets, against its own answers; and files that are wrong.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

use petitfour_models::lightgbm;
use proptest::prelude::*;

mod support;

#[test]
fn every_row_of_both_sets_scores_as_the_library_scores_it() {
    // Sums of forests are taken of our mean; all else is the same to the bit on x86-64.
    assert_eq!(support::grown("lightgbm", &["txt"], (1e-10, 1e-12)).0, 20);
}

/// Two trees, one with a set of categories; the parts that are read, as the library writes them.
const SMALL: &str = "tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx=1
objective=binary sigmoid:1
feature_names=degrees weather
feature_infos=[-5:35] 0:1:2
tree_sizes=10 10

Tree=0
num_leaves=3
num_cat=1
split_feature=0 1
threshold=20.5 0
decision_type=10 1
left_child=-1 -2
right_child=1 -3
leaf_value=-0.5 0.25 0.75
cat_boundaries=0 1
cat_threshold=5
is_linear=0
shrinkage=1

Tree=1
num_leaves=1
num_cat=0
leaf_value=0.125

end of trees

parameters:
[categorical_feature: 1]
end of parameters

pandas_categorical:[[\"rain\", \"snow\", \"sunny\"]]
";

#[test]
fn a_small_model_is_what_it_says() {
    let forest = lightgbm::read(SMALL).unwrap();
    assert_eq!(forest.features[1].levels.as_deref().unwrap(), ["rain", "snow", "sunny"]);
    assert_eq!(forest.thresholds(0), [20.5]);
    assert_eq!((forest.trees[0].depth(), forest.trees[1].depth(), forest.leaves()), (2, 0, 4));
    let raw = [[20.5, 1.0], [20.6, 1.0], [20.6, 2.0], [f64::NAN, 2.0], [30.0, f64::NAN]].map(|row| forest.raw(&row));
    assert_eq!(raw, [-0.375, 0.875, 0.375, -0.375, 0.875]);
}

#[test]
fn what_cannot_be_read_is_refused_with_line_and_remedy() {
    let told = |from: &str, to: &str| {
        assert!(SMALL.contains(from), "{from}");
        lightgbm::read(&SMALL.replacen(from, to, 1)).unwrap_err().to_string()
    };
    let pairs = [
        (
            ("tree\n", "forest\n"),
            "line 1: a LightGBM model begins with a line `tree`; save it with `booster.save_model(\"model.txt\")`",
        ),
        (
            ("num_class=1", "num_class=3"),
            "line 3: `num_class` is 3: the model has several classes; train one binary model for each class",
        ),
        (
            ("objective=binary sigmoid:1", "objective=poisson"),
            "line 7: the objective `poisson` makes something else of the sum than a number or a probability; binary, cross_entropy, regression (l1, huber, fair, quantile, mape), lambdarank and rank_xendcg are read",
        ),
        (
            ("is_linear=0", "is_linear=1"),
            "line 23: the leaves of this tree are linear models; train with `linear_tree=false`",
        ),
        (("threshold=20.5 0", "threshold=20.5"), "line 16: `threshold` has 1 numbers where 2 are needed"),
        (("threshold=20.5 0", "threshold=20.5 1"), "line 16: split 1 asks set 1, and there are 1"),
        (("threshold=20.5 0", "threshold=nan 0"), "line 16: split 0 compares with NaN"),
        (("leaf_value=-0.5", "leaf_value=inf"), "line 20: leaf 0 is inf"),
        (("leaf_value=-0.5", "leaf_value=warm"), "line 20: `leaf_value` says `warm`, which is not such a number"),
        (("split_feature=0 1", "split_feature=0 2"), "line 15: split 1 asks feature 2, and there are 2"),
        (
            ("right_child=1 -3", "right_child=0 -3"),
            "line 19: split 0 leads to child 0, which a tree of 3 leaves has not there",
        ),
        (("right_child=1 -3", "right_child=1 -2"), "line 19: two splits lead to child -2"),
        (("cat_boundaries=0 1", "cat_boundaries=1 0"), "line 22: `cat_threshold` has 1 numbers where 0 are needed"),
        (
            ("num_leaves=3", "num_leaves=18446744073709551615"),
            "line 20: `leaf_value` has 3 numbers where 18446744073709551615 are needed",
        ),
        (
            ("feature_names=degrees weather", "feature_names=degrees"),
            "line 8: 1 `feature_names`, where `max_feature_idx` in line 6 is 1",
        ),
    ];
    for ((from, to), fault) in pairs {
        assert_eq!(told(from, to), fault);
    }
    let cut = lightgbm::read(SMALL.split("end of trees").next().unwrap()).unwrap_err().to_string();
    assert_eq!(cut, "line 30: the file ends before `end of trees`; it was cut; save it anew");
}

#[test]
fn a_model_with_a_million_nodes_is_refused() {
    let head = SMALL.split("Tree=0").next().unwrap();
    let (leaves, splits) = (1_000, 999);
    let words = |count: usize, word: &dyn Fn(usize) -> String| (0..count).map(word).collect::<Vec<_>>().join(" ");
    let tree = format!(
        "Tree=0\nnum_leaves={leaves}\nnum_cat=0\nsplit_feature={}\nthreshold={}\ndecision_type={}\nleft_child={}\nright_child={}\nleaf_value={}\n\n",
        words(splits, &|_| "0".to_owned()),
        words(splits, &|split| split.to_string()),
        words(splits, &|_| "2".to_owned()),
        words(splits, &|split| (-1 - i64::try_from(split).unwrap()).to_string()),
        words(splits, &|split| if split + 1 < splits { (split + 1).to_string() } else { format!("-{leaves}") }),
        words(leaves, &|_| "0.5".to_owned()),
    );
    let most = lightgbm::read(&format!("{head}{}end of trees\n", tree.repeat(500))).unwrap();
    assert_eq!((most.leaves(), most.raw(&[3.0])), (500_000, 250.0));
    let fault = lightgbm::read(&format!("{head}{}end of trees\n", tree.repeat(501))).unwrap_err().to_string();
    assert!(fault.contains("more than 500000 leaves; train with fewer trees"), "{fault}");
}

proptest! {
    /// Whatever is in a file: it is refused, or every row has an answer.
    #[test]
    fn no_file_makes_it_panic(place in 0..SMALL.len(), length in 0_usize..12, put in "[0-9=. \\-a-z\n]{0,12}") {
        let end = (place + length).min(SMALL.len());
        let text = format!("{}{put}{}", &SMALL[..place], &SMALL[end..]);
        if let Ok(forest) = lightgbm::read(&text) {
            for row in [[0.0, 0.0], [f64::NAN, f64::NAN], [f64::INFINITY, -1.0]] {
                let _ = forest.answer(&row);
            }
        }
    }
}
