//! What is said of the e-mail trial of 2008, against the figures of LightGBM's S- and T-learners on the same rows.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use petitfour_training::Fault;
use petitfour_uplift::{Advice, Choice, Learner, Policy, Ranking, Settings, Trial, Verdict, imbalances};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

mod support;

const WOMENS: [&str; 1] = ["Womens E-Mail"];

fn ranking(trial: &Trial, learner: Learner) -> Ranking {
    let ranking = Ranking::of(trial, 1, &Settings { learner, ..Settings::default() }, &mut || {}).unwrap();
    let (qini, auuc) = (ranking.qini, ranking.auuc);
    println!(
        "{} {learner:?}: Qini {:.5} ({:.5} to {:.5}), AUUC {:.5}",
        trial.table.target.0, qini.value, qini.from, qini.to, auuc.value
    );
    ranking
}

#[test]
fn every_learner_ranks_who_visits_after_womens_mail() {
    let Some(trial) = support::hillstrom("visit", &WOMENS) else { return };
    assert_eq!(trial.len(), 25_357);
    // References, mean of 20 halves: S-learner of 100 trees of 8 leaves .0080, T-learner .0067.
    for (learner, least) in
        [(Learner::S, 0.0070), (Learner::T, 0.0067), (Learner::Transformed, 0.005), (Learner::X, 0.0070)]
    {
        let ranking = ranking(&trial, learner);
        assert!(ranking.qini.value >= least && ranking.tells(), "{learner:?}: {:?}", ranking.qini);
        assert!(
            (ranking.curve.last().unwrap().gain.value - 0.04593).abs() < 0.001,
            "the curve ends in the mean effect"
        );
    }
}

#[test]
fn nobody_can_be_told_apart_by_conversion() {
    let Some(trial) = support::hillstrom("conversion", &WOMENS) else { return };
    for learner in [Learner::S, Learner::X] {
        assert_eq!(ranking(&trial, learner).qini.verdict(), Verdict::NoDifference);
    }
    let all = support::hillstrom("conversion", &[]).unwrap();
    let advice = Advice::of(&all, &Settings::default(), &mut || {}).unwrap();
    println!("conversion: learned less best arm {:?}", advice.gain);
    assert_eq!((advice.gain.verdict(), advice.choice), (Verdict::NoDifference, Choice::Everyone(1)));
}

/// Rows of a trial as a trial.
fn part(trial: &Trial, rows: &[usize]) -> Result<Trial, Fault> {
    let pick = |values: &[f64]| rows.iter().map(|row| values[*row]).collect::<Vec<_>>();
    let mut columns = trial.table.columns.clone();
    columns.iter_mut().for_each(|column| column.values = pick(&column.values));
    let arm = rows.iter().map(|row| trial.arm[*row]).collect();
    let outcome = (trial.table.target.0.as_str(), pick(&trial.table.truth));
    Trial::new(columns, outcome, (trial.arms.clone(), arm), Some(trial.propensities.clone()))
}

/// The mean outcome of rows that were given what is chosen for them, by the inverse of its probability (Hájek).
fn value(trial: &Trial, rows: &[usize], chosen: &[usize]) -> f64 {
    let (mut sum, mut all) = (0.0, 0.0);
    for (row, arm) in rows.iter().zip(chosen).filter(|(row, arm)| trial.is_of(**row, **arm)) {
        let weight = 1.0 / trial.propensities[*arm];
        (sum, all) = (sum + weight * trial.outcome(*row), all + weight);
    }
    sum / all
}

/// Advice from one half, followed on the other, 20 times: what is advised, the largest of all constant arms, and an argmax without advice.
fn followed(outcome: &str, name: &str) {
    let Some(trial) = support::hillstrom(outcome, &[]) else { return };
    let (mut advised, mut argmax, mut constants) = (0.0, 0.0, [0.0; 3]);
    let mut choices = Vec::new();
    for seed in 0..20 {
        let mut rows: Vec<usize> = (0..trial.len()).collect();
        rows.shuffle(&mut StdRng::seed_from_u64(seed));
        let (mut train, held) = (rows[..trial.len() / 2].to_vec(), &rows[trial.len() / 2..]);
        train.sort_unstable();
        let half = part(&trial, &train).unwrap();
        let settings = Settings { folds: 3, seed, ..Settings::default() };
        let advice = Advice::of(&half, &settings, &mut || {}).unwrap();
        let learned = Policy::learn(&trial, &train, &settings).unwrap().choose(&trial, held);
        let chosen = match advice.choice {
            Choice::Learned => learned.clone(),
            Choice::Everyone(arm) => vec![arm; held.len()],
            Choice::Nobody => vec![0; held.len()],
        };
        choices.push(advice.choice);
        advised += value(&trial, held, &chosen) / 20.0;
        argmax += value(&trial, held, &learned) / 20.0;
        for (arm, sum) in constants.iter_mut().enumerate() {
            *sum += value(&trial, held, &vec![arm; held.len()]) / 20.0;
        }
    }
    let best = constants.iter().copied().fold(f64::MIN, f64::max);
    println!("{name}: advised {advised:.4}, best constant arm {best:.4}, argmax {argmax:.4}; {choices:?}");
    assert!(advised >= best - 1e-12, "{name}: {advised} loses to {best}");
}

#[test]
fn advice_on_visits_does_not_lose_to_the_best_arm() {
    followed("visit", "visits");
}

#[test]
fn advice_on_spend_does_not_lose_to_the_best_arm() {
    followed("spend", "spend");
}

#[test]
fn outcomes_that_are_left_among_the_columns_are_told() {
    let Some(mut trial) = support::hillstrom("spend", &WOMENS) else { return };
    assert_eq!(imbalances(&trial), [], "what was known before is alike in both arms");
    let visits = support::hillstrom("visit", &WOMENS).unwrap().table.truth;
    trial.table.columns[0].values = visits;
    trial.table.columns[0].name = "visit".to_owned();
    let told = imbalances(&trial);
    assert!(told.len() == 1 && told[0].column == "visit" && told[0].errors > 8.0, "{told:?}");
}
