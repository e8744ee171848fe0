//! What holds of every ranking, every policy and every file.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use petitfour_uplift::{Advice, Curve, Learner, Settings, Trial};
use proptest::prelude::*;

mod support;

use support::{World, of_text, plan};

/// Rows of a score, a treatment and an outcome; some scores are the same.
fn rows() -> impl Strategy<Value = Vec<(f64, bool, f64)>> {
    let row = (0_u8..20, any::<bool>(), -3.0..3.0_f64);
    prop::collection::vec(row.prop_map(|(score, treated, outcome)| (f64::from(score), treated, outcome)), 2..200)
}

proptest! {
    #[test]
    fn a_constant_score_has_no_qini(rows in rows(), score in -5.0..5.0_f64) {
        let same: Vec<_> = rows.iter().map(|(_, treated, outcome)| (score, *treated, *outcome)).collect();
        if let Some(curve) = Curve::of(&same) {
            prop_assert!(curve.qini().abs() < 1e-12, "{}", curve.qini());
        }
    }

    #[test]
    fn only_the_order_of_scores_counts(rows in rows()) {
        let other: Vec<_> = rows.iter().rev().map(|(score, treated, outcome)| ((score / 7.0).exp(), *treated, *outcome)).collect();
        let (one, other) = (Curve::of(&rows), Curve::of(&other));
        prop_assert_eq!(one.is_some(), other.is_some());
        if let (Some(one), Some(other)) = (one, other) {
            prop_assert!((one.qini() - other.qini()).abs() < 1e-9);
            prop_assert!(one.points().iter().zip(other.points()).all(|(one, other)| (one.gain - other.gain).abs() < 1e-9));
        }
    }

    #[test]
    fn every_curve_begins_at_nothing_and_ends_in_the_effect(rows in rows()) {
        if let Some(curve) = Curve::of(&rows) {
            let mean = |arm: bool| {
                let of: Vec<f64> = rows.iter().filter(|(_, treated, _)| *treated == arm).map(|row| row.2).collect();
                of.iter().sum::<f64>() / of.len() as f64
            };
            prop_assert!((curve.at(1.0) - (mean(true) - mean(false))).abs() < 1e-9);
            prop_assert_eq!(curve.at(0.0), 0.0);
        }
    }

    #[test]
    fn no_text_is_too_odd_to_be_refused(text in "[a-c,\n\"0-9.]{0,200}", names in "[a-c]") {
        let _ = of_text(&text, &plan("a", &names, "b"));
        let _ = of_text(&format!("a,b,c\n{text}"), &plan("a", "0", "c"));
    }
}

#[test]
fn what_is_chosen_for_a_row_knows_nothing_of_its_outcome() {
    let trial = World { rows: 2_000, probability: 0.5, effects: [0.1, -0.1], seed: 7 }.draw();
    for learner in [Learner::S, Learner::T, Learner::Transformed, Learner::X] {
        let settings = Settings { learner, ..Settings::default() };
        let advice = |trial: &Trial| Advice::of(trial, &settings, &mut || {}).unwrap();
        let first = advice(&trial);
        let fold = first.folds[0];
        let mut other = trial.clone();
        for (row, outcome) in other.table.truth.iter_mut().enumerate() {
            // All outcomes of one fold are turned round.
            if first.folds[row] == fold {
                *outcome = 1.0 - *outcome;
            }
        }
        let second = advice(&other);
        assert_eq!(first.folds, second.folds, "folds are drawn without a look at outcomes");
        let own = |advice: &Advice| -> Vec<usize> {
            advice.chosen.iter().zip(&advice.folds).filter(|(_, of)| **of == fold).map(|(arm, _)| *arm).collect()
        };
        assert_eq!(own(&first), own(&second), "{learner:?}");
        assert_ne!(first.chosen, second.chosen, "{learner:?}: other folds did learn from them");
    }
}
