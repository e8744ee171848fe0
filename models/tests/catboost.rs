//! Models that CatBoost trains here and now, on every row of both sets, against its own answers; and files that are wrong.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

mod support;

use petitfour_models::catboost;
use proptest::prelude::*;
use serde_json::{Value, json};

#[test]
fn every_row_of_both_sets_scores_as_the_library_scores_it() {
    let (models, refused) = support::grown("catboost", &["json"], (1e-12, 1e-12));
    assert_eq!(models, 22);
    for (name, told) in [
        ("bank-combinations", "statistics of several columns together; train with `max_ctr_complexity=1`"),
        ("bank-poolless", "of its categories are; save it with `pool=` the pool that it was trained on"),
        ("shoppers-poolless", "of its categories are; save it with `pool=` the pool that it was trained on"),
        ("bank-three", "model_info.params.loss_function.type: `MultiClass` has several outputs"),
        ("shoppers-three", "model_info.params.loss_function.type: `MultiClass` has several outputs"),
        ("bank-poisson", "`Poisson` makes something else of the sum"),
        ("shoppers-poisson", "`Poisson` makes something else of the sum"),
    ] {
        assert!(refused[name].contains(told), "{name}: {}", refused[name]);
    }
    assert_eq!(refused.len(), 7);
}

/// What a table of statistics knows a category by.
fn mixed(hash: i32) -> String {
    const FACTOR: u64 = 0x4906_ba49_4954_cb65;
    FACTOR.wrapping_mul(FACTOR.wrapping_mul(i64::from(hash) as u64)).to_string()
}

/// Two trees: is it warm, and does it rain; how often was something bought under such a sky?
fn small() -> Value {
    json!({
        "features_info": {
            "cat_features_hash": [{"hash": 7, "value": "rain"}, {"hash": 4_294_967_295_u32, "value": "sun"}, {"hash": 9, "value": "of another column"}],
            "categorical_features": [{"feature_id": "sky", "feature_index": 0, "feature_name": "sky", "flat_feature_index": 1, "values": [7]}],
            "float_features": [{"borders": [20.5], "feature_id": "", "feature_index": 0, "flat_feature_index": 0, "has_nans": true, "nan_value_treatment": "AsTrue"}],
            "ctrs": [{"borders": [0.5], "ctr_type": "Borders", "elements": [{"cat_feature_index": 0, "combination_element": "cat_feature_value"}], "identifier": "of the sky",
                "prior_denomerator": 1, "prior_numerator": 0, "scale": 1, "shift": 0, "target_border_idx": 0}],
        },
        "ctr_data": {"of the sky": {"counter_denominator": 0, "hash_map": ["18446744073709551615", 3, 1, mixed(7), 3, 1, mixed(-1), 1, 3], "hash_stride": 3}},
        "model_info": {"params": {"loss_function": {"type": "Logloss"}}},
        "oblivious_trees": [
            {"leaf_values": [0.125, 0.25, 0.5, 1.0], "splits": [
                {"border": 20.5, "float_feature_index": 0, "split_index": 0, "split_type": "FloatFeature"},
                {"cat_feature_index": 0, "split_index": 1, "split_type": "OneHotFeature", "value": 7},
            ]},
            {"leaf_values": [-1, 1], "splits": [{"border": 0.5, "ctr_target_border_idx": 0, "split_index": 2, "split_type": "OnlineCtr"}]},
        ],
        "scale_and_bias": [2, [0.25]],
    })
}

fn read(value: &Value) -> Result<petitfour_models::Forest, String> {
    catboost::read(value.to_string().as_bytes()).map_err(|fault| fault.to_string())
}

#[test]
fn a_small_model_is_what_it_says() {
    let forest = read(&small()).unwrap();
    let names: Vec<&str> = forest.features.iter().map(|feature| feature.name.as_str()).collect();
    assert_eq!(names, ["Column_0", "sky"], "a column without a name has its number");
    assert_eq!(forest.features[1].levels.as_deref().unwrap(), ["rain", "sun"], "those of its own");
    assert_eq!(forest.thresholds(0), [20.5]);
    let rows = [[20.5, 0.0], [20.6, 0.0], [f64::NAN, 1.0], [20.0, 1.0], [30.0, f64::NAN]];
    assert_eq!(rows.map(|row| forest.raw(&row)), [-0.75, 0.25, 2.75, 2.5, -1.25]);
    // Bounds are of single precision, and so are the values that they are held against.
    assert_eq!(forest.raw(&[20.5 + 1e-9, 0.0]), -0.75);
}

#[test]
fn what_cannot_be_read_is_refused_with_its_field_and_a_remedy() {
    let told = |place: &str, to: Value| {
        let mut value = small();
        *value.pointer_mut(place).unwrap() = to;
        read(&value).unwrap_err()
    };
    let pool = "save it with `pool=` the pool that it was trained on, which has the texts";
    let sky = "features_info.categorical_features[0]";
    for (place, to, fault) in [
        ("/model_info/params/loss_function/type", json!("Tweedie"), "model_info.params.loss_function.type: `Tweedie` makes something else of the sum than a number or a probability; Logloss, CrossEntropy, RMSE, MAE, Quantile, MAPE, Huber, Lq, Expectile, LogCosh and those of rankings are read".to_owned()),
        ("/model_info/params", json!({}), "model_info.params.loss_function is missing; save it with `model.save_model(\"model.json\", format=\"json\", pool=pool)`".to_owned()),
        ("/scale_and_bias/1", json!([0, 0, 0]), "scale_and_bias[1]: the model has several outputs; train one model for each".to_owned()),
        ("/features_info/cat_features_hash", json!([]), format!("{sky}: nothing says which text has the hash 7; {pool}")),
        ("/features_info/cat_features_hash/1/hash", json!(3), format!("{sky}: nothing says which texts 1 of its categories are; {pool}")),
        ("/features_info/cat_features_hash/1/hash", json!("warm"), "features_info.cat_features_hash[1].hash is \"warm\", which is not such a number".to_owned()),
        ("/features_info/categorical_features/0/flat_feature_index", json!(0), format!("{sky}.flat_feature_index: two features are column 0")),
        ("/features_info/categorical_features/0/flat_feature_index", json!(4_000_000_000_u32), format!("{sky}.flat_feature_index: column 4000000000, and there are 2 of numbers and categories; train without features of texts and embeddings")),
        ("/features_info/float_features/0/nan_value_treatment", json!("Wet"), "features_info.float_features[0].nan_value_treatment: there is no treatment `Wet`".to_owned()),
        ("/features_info/ctrs/0/elements", json!([{"combination_element": "float_feature"}]), "features_info.ctrs[0]: statistics of several columns together; train with `max_ctr_complexity=1`, or with `one_hot_max_size=255` for no statistics at all".to_owned()),
        ("/features_info/ctrs/0/identifier", json!("of the sea"), "features_info.ctrs[0].identifier: `ctr_data` has no table of this name".to_owned()),
        ("/ctr_data/of the sky/hash_stride", json!(0), "ctr_data.of the sky.hash_stride: 0 for 9 values of `Borders`".to_owned()),
        ("/oblivious_trees/0/leaf_values", json!([1, 2, 3]), "oblivious_trees[0].leaf_values: 3 leaves behind 2 splits".to_owned()),
        ("/oblivious_trees/0/leaf_values/2", json!("warm"), "oblivious_trees[0].leaf_values[2] is \"warm\", which is not such a number".to_owned()),
        ("/oblivious_trees/0/splits/0/float_feature_index", json!(9), "oblivious_trees[0].splits[0].float_feature_index: there is no feature 9 of numbers, but 1".to_owned()),
        ("/oblivious_trees/0/splits/0/border", json!(1e300), "oblivious_trees[0].splits[0].border: no bound of single precision".to_owned()),
        ("/oblivious_trees/0/splits/1/value", json!(8), "oblivious_trees[0].splits[1].value: 8 is not among the `values` of feature 0".to_owned()),
        ("/oblivious_trees/0/splits/1/split_type", json!("EstimatedFeature"), "oblivious_trees[0].splits[1].split_type: splits of the kind `EstimatedFeature` are not read; train without features of texts and embeddings".to_owned()),
        ("/oblivious_trees/1/splits/0/split_index", json!(3), "oblivious_trees[1].splits[0].split_index: 3 is no border 0.5 of `features_info.ctrs`".to_owned()),
        ("/oblivious_trees/1/splits/0/border", json!(0.75), "oblivious_trees[1].splits[0].split_index: 2 is no border 0.75 of `features_info.ctrs`".to_owned()),
    ] {
        assert_eq!(told(place, to), fault);
    }
    let text = small().to_string();
    for end in 0..text.len() {
        assert!(catboost::read(&text.as_bytes()[..end]).is_err(), "cut at {end}");
    }
}

#[test]
fn a_tree_of_any_shape_is_followed_and_one_that_is_too_deep_is_refused() {
    let mut value = small();
    let split = &small()["oblivious_trees"][0]["splits"][0];
    value.as_object_mut().unwrap().remove("oblivious_trees");
    value["trees"] = json!([{"split": split, "left": {"value": 1, "weight": 3}, "right": {"split": small()["oblivious_trees"][1]["splits"][0], "left": {"value": 2}, "right": {"value": 4}}}]);
    let forest = read(&value).unwrap();
    assert_eq!(forest.trees[0].depth(), 2);
    assert_eq!([[20.0, 1.0], [30.0, 0.0], [30.0, 1.0]].map(|row| forest.raw(&row)), [2.25, 4.25, 8.25]);
    value["trees"][0]["left"] = json!({"weight": 3});
    assert_eq!(
        read(&value).unwrap_err(),
        "trees[0].left.value is missing; save it with `model.save_model(\"model.json\", format=\"json\", pool=pool)`"
    );
    value["trees"][0]["left"] = json!({"value": [1, 2, 3]});
    assert_eq!(read(&value).unwrap_err(), "trees[0].left.value is [1,2,3], which is not such a number");
    let deep = format!("{{\"trees\": [{}", "{\"left\": ".repeat(100_000));
    assert_eq!(
        catboost::read(deep.as_bytes()).unwrap_err().to_string(),
        "line 1: something lies more than 127 deep in the file, as trees do that are deeper than that; train with a bounded depth (`max_depth`)"
    );
    let cut = small().to_string();
    assert_eq!(
        catboost::read(&cut.as_bytes()[..cut.len() / 2]).unwrap_err().to_string(),
        "line 1: the file ends in the middle: it was cut; save it anew"
    );
}

#[test]
fn a_model_with_a_million_nodes_is_refused() {
    let split = small()["oblivious_trees"][0]["splits"][0].to_string();
    let many = |word: &str, count: usize| vec![word; count].join(",");
    let tree = format!("{{\"leaf_values\": [{}], \"splits\": [{}]}}", many("0.5", 1 << 10), many(&split, 10));
    let mut value = small();
    value["oblivious_trees"] = json!([]);
    let text = value.to_string();
    let of = |count: usize| {
        let text = text.replace("\"oblivious_trees\":[]", &format!("\"oblivious_trees\":[{}]", many(&tree, count)));
        catboost::read(text.as_bytes()).map_err(|fault| fault.to_string())
    };
    let most = of(488).unwrap();
    assert_eq!((most.leaves(), most.raw(&[3.0, 0.0])), (499_712, 488.25));
    assert!(of(489).unwrap_err().contains("more than 500000 leaves; train with fewer trees"));
}

proptest! {
    /// Whatever is in a file: it is refused, or every row has an answer.
    #[test]
    fn no_file_makes_it_panic(place in 0_usize..2_000, length in 0_usize..12, put in "[0-9\\[\\]{},:\"\\-a-z]{0,6}") {
        let text = small().to_string();
        let place = place.min(text.len());
        let text = format!("{}{put}{}", &text[..place], &text[(place + length).min(text.len())..]);
        if let Ok(forest) = catboost::read(text.as_bytes()) {
            for row in [[0.0, 0.0], [f64::NAN, f64::NAN], [f64::INFINITY, -1.0]] {
                let _ = forest.answer(&row);
            }
        }
    }
}
