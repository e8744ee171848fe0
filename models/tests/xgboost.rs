//! Models that XGBoost trains here and now, on every row of both sets, against its own answers; and files that are wrong.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use petitfour_models::xgboost;
use serde_json::{Value, json};

#[test]
fn every_row_of_both_sets_scores_as_the_library_scores_it() {
    // A margin of a few has a last bit of 2e-7 to 5e-7 in single precision.
    assert_eq!(support::grown("xgboost", &["json", "ubj"], (1e-6, 1e-6)).0, 20);
}

/// One tree: is it warm, and of what is the sky?
fn small() -> Value {
    json!({"learner": {
        "feature_names": ["degrees", "sky"],
        "gradient_booster": {"name": "gbtree", "model": {
            "cats": {"enc": [{"offsets": [], "values": []}, {"offsets": [0, 4, 7], "values": [114, 97, 105, 110, 115, 117, 110]}]},
            "trees": [{
                "left_children": [1, -1, 3, -1, -1], "right_children": [2, -1, 4, -1, -1],
                "split_indices": [0, 0, 1, 0, 0], "split_conditions": [20.5, -0.5, 0.0, 0.25, 0.75],
                "default_left": [1, 0, 0, 0, 0], "split_type": [0, 0, 1, 0, 0],
                "categories": [1], "categories_nodes": [2], "categories_segments": [0], "categories_sizes": [1],
                "tree_param": {"size_leaf_vector": "1"},
            }],
        }},
        "learner_model_param": {"base_score": "[5E-1]", "num_class": "0", "num_feature": "2", "num_target": "1"},
        "objective": {"name": "binary:logistic"},
    }})
}

fn read(value: &Value) -> Result<petitfour_models::Forest, String> {
    xgboost::read(value.to_string().as_bytes()).map_err(|fault| fault.to_string())
}

#[test]
fn a_small_model_is_what_it_says() {
    let forest = read(&small()).unwrap();
    assert_eq!(forest.features[1].levels.as_deref().unwrap(), ["rain", "sun"]);
    let rows = [[20.4, 1.0], [20.5, 1.0], [20.5, 0.0], [f64::NAN, 1.0], [30.0, f64::NAN]];
    assert_eq!(rows.map(|row| forest.raw(&row)), [-0.5, 0.75, 0.25, -0.5, 0.75]);
    assert_eq!(forest.thresholds(0), [20.5]);
}

#[test]
fn what_cannot_be_read_is_refused_with_its_field_and_a_remedy() {
    let tree = "/learner/gradient_booster/model/trees/0";
    let told = |place: &str, to: Value| {
        let mut value = small();
        *value.pointer_mut(place).unwrap() = to;
        read(&value).unwrap_err()
    };
    let model = "learner.gradient_booster.model.trees[0]";
    for (place, to, fault) in [
        ("/learner/objective/name", json!("count:poisson"), "learner.objective: `count:poisson` makes something else of the sum than a number or a probability; binary:logistic, binary:logitraw, reg:logistic, reg:squarederror and its kin, and rank:* are read".to_owned()),
        ("/learner/learner_model_param/num_class", json!("3"), "learner.learner_model_param.num_class: the model has several outputs; train one model for each".to_owned()),
        ("/learner/learner_model_param/base_score", json!("warm"), "learner.learner_model_param.base_score is \"warm\", which is not such a number".to_owned()),
        ("/learner/learner_model_param/base_score", json!("1"), "learner.learner_model_param.base_score: 1 cannot be a first probability".to_owned()),
        ("/learner/learner_model_param/num_feature", json!("1000000000000"), "learner.learner_model_param.num_feature: 1000000000000, and 2 features have names".to_owned()),
        ("/learner/gradient_booster/name", json!("gblinear"), "learner.gradient_booster: the booster `gblinear` has no trees; write a linear model into the campaign file, as `kind: linear`".to_owned()),
        (&format!("{tree}/right_children"), json!([2, -1, 0, -1, -1]), format!("{model}: node 0 is led to twice")),
        (&format!("{tree}/right_children"), json!([2, -1, 9, -1, -1]), format!("{model}: node 9 is not there, and a split leads to it")),
        (&format!("{tree}/right_children"), json!([2, -1, -1, -1, -1]), format!("{model}: node 2 has one child")),
        (&format!("{tree}/right_children"), json!([2]), format!("{model}.right_children has 1 numbers where 5 are needed")),
        (&format!("{tree}/split_indices"), json!([2, 0, 0, 0, 0]), format!("{model}: node 0 asks feature 2, and there are 2")),
        (&format!("{tree}/split_conditions"), json!([20.5, 1e300, 0, 0, 0]), format!("{model}: node 1 is a leaf without a value")),
        (&format!("{tree}/categories_sizes"), json!([2]), format!("{model}.categories: 2 from 0, and there are 1")),
        (&format!("{tree}/categories_nodes"), json!([1]), format!("{model}: node 2 asks for categories, and has none")),
        (&format!("{tree}/categories"), json!([4_000_000_000_u32]), format!("{model}.categories: category 4000000000, where 65,535 is the last that is read; put rare categories together before training")),
        (&format!("{tree}/tree_param/size_leaf_vector"), json!("3"), format!("{model}.tree_param.size_leaf_vector: the leaves are vectors; train one model for each output")),
    ] {
        assert_eq!(told(place, to), fault);
    }
    assert_eq!(
        read(&json!({"version": [3, 2, 0]})).unwrap_err(),
        "learner is missing; save it with `booster.save_model(\"model.json\")`"
    );
    let cut = xgboost::read(b"{\"learner\": {\n").unwrap_err().to_string();
    assert!(cut.starts_with("line 2: the file ends in the middle: it was cut"), "{cut}");
}
