//! Trials whose effects are known: what is found of them, and that nothing is found where there is nothing.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use petitfour_training::Growth;
use petitfour_uplift::{Advice, Choice, Counsel, Learner, Policy, Propensity, Ranking, Segment, Settings, Verdict};

mod support;

use support::World;

const ALL: [Learner; 4] = [Learner::S, Learner::T, Learner::Transformed, Learner::X];

/// One half gains 0.2 and the other loses 0.1. By hand: the curve rises to 0.1 at a half and falls to 0.05, so that the area between it and the line is
/// 0.0375; to treat the half that gains is worth 0.1 on the mean row, and everybody 0.05.
fn two_halves(seed: u64) -> World {
    World { rows: 12_000, probability: 0.35, effects: [0.2, -0.1], seed }
}

#[test]
fn every_learner_finds_the_half_that_gains() {
    let trial = two_halves(1).draw();
    let rows: Vec<usize> = (0..trial.len()).collect();
    for (learner, propensity) in ALL
        .map(|one| (one, Propensity::Known))
        .into_iter()
        .chain([(Learner::X, Propensity::Estimated), (Learner::Transformed, Propensity::Estimated)])
    {
        let settings = Settings { learner, propensity, splits: 8, ..Settings::default() };
        let ranking = Ranking::of(&trial, 1, &settings, &mut || {}).unwrap();
        println!("{learner:?} {propensity:?}: {:?}", ranking.qini);
        assert!(ranking.tells() && ranking.qini.value > 0.030 && ranking.qini.to > 0.0375, "{:?}", ranking.qini);
        assert!(
            (ranking.auuc.value - ranking.qini.value - 0.025).abs() < 0.01,
            "half of the effect lies below the line"
        );
        let chosen = Policy::learn(&trial, &rows, &settings).unwrap().choose(&trial, &rows);
        let right = chosen.iter().zip(&trial.table.columns[0].values).filter(|(arm, x)| (**arm == 1) == (**x > 0.5));
        let share = right.count() as f64 / trial.len() as f64;
        assert!(share > 0.85, "{learner:?} {propensity:?} chooses rightly for {share} of the rows");
    }
}

#[test]
fn a_policy_that_gains_is_advised_and_valued_as_it_is() {
    let trial = two_halves(2).draw();
    let advice = Advice::of(&trial, &Settings::default(), &mut || {}).unwrap();
    println!("{advice:?}", advice = (advice.choice, advice.learned, advice.gain, &advice.shares));
    assert_eq!((advice.choice, advice.best), (Choice::Learned, 1));
    // The truth is 0.3 + 0.1 and 0.05 more than everybody; what is learned comes near.
    assert!(advice.learned.from < 0.4 && advice.learned.to > 0.39 && (advice.gain.value - 0.05).abs() < 0.015);
    assert!((advice.worths[1].value.value - 0.35).abs() < 0.02 && (advice.shares[1] - 0.5).abs() < 0.1);
}

#[test]
fn cost_decides_whether_anybody_is_treated() {
    let trial = two_halves(3).draw();
    let advised = |cost: f64| {
        let advice = Advice::of(&trial, &Settings { value: 10.0, cost, ..Settings::default() }, &mut || {}).unwrap();
        assert!(advice.is_sure(), "{advice:?}");
        advice.choice
    };
    // The half that gains is worth 2, everybody 0.5.
    assert_eq!((advised(0.1), advised(1.0), advised(3.0)), (Choice::Learned, Choice::Learned, Choice::Nobody));
}

#[test]
fn an_effect_that_is_the_same_for_all_is_for_everybody() {
    let trial = World { rows: 8_000, probability: 0.5, effects: [0.1, 0.1], seed: 4 }.draw();
    let advice = Advice::of(&trial, &Settings::default(), &mut || {}).unwrap();
    assert!(advice.choice == Choice::Everyone(1) && advice.is_sure());
    assert!(!Ranking::of(&trial, 1, &Settings::default(), &mut || {}).unwrap().tells());
}

#[test]
fn where_nothing_happens_nothing_is_said() {
    let small = Growth { most: 50, ..Settings::default().growth };
    for learner in ALL {
        let quiet = (0..20).filter(|seed| {
            let trial = World { rows: 2_000, probability: 0.5, effects: [0.0, 0.0], seed: 100 + seed }.draw();
            let settings = Settings { learner, seed: *seed, splits: 8, folds: 3, growth: small, ..Settings::default() };
            let ranking = Ranking::of(&trial, 1, &settings, &mut || {}).unwrap();
            let advice = Advice::of(&trial, &settings, &mut || {}).unwrap();
            ranking.qini.verdict() == Verdict::NoDifference && !advice.is_sure()
        });
        let quiet = quiet.count();
        println!("{learner:?}: no difference in {quiet} of 20");
        assert!(quiet >= 18, "{learner:?}: {quiet} of 20");
    }
}

#[test]
fn parts_with_names_are_told_whom_to_leave_alone() {
    let (trial, settings) = (two_halves(5).draw(), Settings::default());
    let side = Segment::by("side", &trial, &settings).unwrap();
    let told: Vec<_> = side.parts.iter().map(|part| (part.name.as_str(), part.lifts[0].counsel)).collect();
    assert_eq!(told, [("high", Counsel::Target), ("low", Counsel::LeaveAlone)]);
    let high = &side.parts[0];
    assert!((high.lifts[0].lift.unwrap().value - 0.2).abs() < 0.03 && (high.arms[0].mean - 0.3).abs() < 0.03);
    let fifths = Segment::by_effect(&trial, 1, &settings, &mut || {}).unwrap();
    assert_eq!(fifths.parts.iter().map(|part| part.arms[0].rows + part.arms[1].rows).sum::<usize>(), trial.len());
    let counsels: Vec<Counsel> = fifths.parts.iter().map(|part| part.lifts[0].counsel).collect();
    assert_eq!((counsels[0], counsels[4]), (Counsel::Target, Counsel::LeaveAlone));
    // Worth 1 each, and 1 to send: nobody is a target.
    let dear = Segment::by("side", &trial, &Settings { cost: 1.0, ..settings }).unwrap();
    assert!(dear.parts.iter().all(|part| part.lifts[0].counsel == Counsel::LeaveAlone));
    assert!(Segment::whole(&trial, &settings).parts[0].lifts[0].counsel == Counsel::Target);
    assert!(Segment::by("colour", &trial, &settings).unwrap_err().to_string().contains("there is no column `colour`"));
}
