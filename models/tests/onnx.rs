//! Models that scikit-learn, LightGBM, XGBoost and CatBoost train here and now and that are exported to ONNX, on every row of both sets, against
//! ONNX Runtime. `grow.py` sees to it that this answers as the library does itself, within 1e-6, where the exporter keeps the model's meaning.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

#[test]
fn every_row_of_both_sets_scores_as_the_runtime_scores_it() {
    // Sums are the same to the bit on x86-64, but for those of doubles, which the runtime hands out as singles.
    let (models, refused) = support::grown("onnx", &["onnx"], (1e-6, 1e-6));
    assert_eq!(models, 38);
    for (name, told) in [
        ("shoppers-three", "3 classes, where 2 are read; train one binary model for each class"),
        ("shoppers-columns", "Slice `Slice`: this operator is not read here"),
        ("shoppers-products", "this operator is not read here"),
        ("shoppers-lines", "LinearClassifier `LinearClassifier`: this operator is not read here"),
    ] {
        assert!(refused[name].contains(told), "{name}: {}", refused[name]);
    }
    assert_eq!(refused.len(), 4);
}
