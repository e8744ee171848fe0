//! What holds of every log; and files that are wrong.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use petitfour_evaluation::{
    Columns, Draft, Entry, Estimator, Evaluation, Folds, Items, Log, Method, Overlap, Policy, Rewards, Thompson,
};
use proptest::prelude::*;

const NAMES: [&str; 3] = ["a", "b", "c"];

/// Shares of three actions that add up to one, and rounds: a ticket and a reward.
fn logs() -> impl Strategy<Value = ([f64; 3], Vec<(f64, f64)>)> {
    let weights = prop::array::uniform3(0.05_f64..1.0);
    (weights, prop::collection::vec((0.0_f64..1.0, -5.0_f64..5.0), 2..80)).prop_map(|(weights, rounds)| {
        let sum: f64 = weights.iter().sum();
        (weights.map(|weight| weight / sum), rounds)
    })
}

fn log(shares: &[f64; 3], rounds: &[(f64, f64)]) -> Log {
    let mut draft = Draft::default();
    NAMES.iter().for_each(|name| draft.know(name));
    for (ticket, reward) in rounds {
        let action = if *ticket < shares[0] {
            0
        } else if *ticket < shares[0] + shares[1] {
            1
        } else {
            2
        };
        let entry = Entry {
            action: NAMES[action],
            position: "",
            candidates: None,
            cluster: None,
            probability: shares[action],
            reward: *reward,
        };
        draft.push(entry).unwrap();
    }
    draft.finish().unwrap()
}

fn evaluation(log: &Log, policy: &Policy) -> Evaluation {
    Evaluation::new(log, policy, &Rewards::means(log, &Folds::new(log, 2, 1)).unwrap()).unwrap()
}

proptest! {
    #[test]
    fn the_logging_policy_itself_earned_what_was_earned((shares, rounds) in logs()) {
        let log = log(&shares, &rounds);
        let whole = evaluation(&log, &Policy::shares(&log, |_, action| shares[action as usize]).unwrap());
        prop_assert_eq!(Estimator::Ipw.estimate(&whole).unwrap().value, log.outcomes().mean);
        prop_assert_eq!(Estimator::Snipw.estimate(&whole).unwrap().value, log.outcomes().mean);
        let overlap = Overlap::of(&whole);
        prop_assert_eq!((overlap.mean, overlap.off, overlap.largest), (1.0, 0.0, 1.0));
        prop_assert!((overlap.effective_rounds - rounds.len() as f64).abs() < 1e-9);
    }

    #[test]
    fn a_self_normalised_value_is_one_that_can_be_earned((shares, rounds) in logs(), other in prop::array::uniform3(0.01_f64..1.0)) {
        let log = log(&shares, &rounds);
        let sum: f64 = other.iter().sum();
        let whole = evaluation(&log, &Policy::shares(&log, |_, action| other[action as usize] / sum).unwrap());
        let (value, outcomes) = (Estimator::Snipw.estimate(&whole).unwrap().value, log.outcomes());
        prop_assert!(value >= outcomes.least - 1e-12 && value <= outcomes.most + 1e-12);
    }

    #[test]
    fn adding_the_same_to_every_reward_adds_it_to_what_is_robust((shares, rounds) in logs(), more in -3.0_f64..3.0) {
        let shifted: Vec<_> = rounds.iter().map(|(ticket, reward)| (*ticket, reward + more)).collect();
        let value = |rounds: &[(f64, f64)], estimator: Estimator| {
            let log = log(&shares, rounds);
            estimator.estimate(&evaluation(&log, &Policy::uniform(&log).unwrap())).unwrap().value
        };
        for estimator in [Estimator::Snipw, Estimator::Dr, Estimator::Sndr] {
            prop_assert!((value(&shifted, estimator) - value(&rounds, estimator) - more).abs() < 1e-9);
        }
    }

    #[test]
    fn intervals_hold_their_estimate((shares, rounds) in logs()) {
        let log = log(&shares, &rounds);
        let whole = evaluation(&log, &Policy::uniform(&log).unwrap());
        for estimator in [Estimator::Ipw, Estimator::Snipw, Estimator::Dr] {
            let estimate = estimator.estimate(&whole).unwrap();
            let sample = estimate.sample(&whole);
            for method in [Method::Likelihood, Method::Student, Method::Normal] {
                let Some(found) = sample.interval(method) else { continue };
                prop_assert!(found.from <= estimate.value + 1e-9 && estimate.value <= found.to + 1e-9, "{:?} {:?}", method, found);
            }
            let most = estimate.terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let reach = sample.interval(Method::Likelihood);
            prop_assert!(reach.is_none_or(|found| found.to <= most + 1e-9), "no mean lies beyond the largest value");
        }
    }

    #[test]
    fn extremes_of_switching_and_shrinking_are_what_they_generalise((shares, rounds) in logs()) {
        let log = log(&shares, &rounds);
        let whole = evaluation(&log, &Policy::uniform(&log).unwrap());
        let value = |estimator: Estimator| estimator.estimate(&whole).unwrap().value;
        for all in [Estimator::Switch(f64::INFINITY), Estimator::Dros(f64::INFINITY)] {
            prop_assert_eq!(value(all), value(Estimator::Dr));
        }
        prop_assert_eq!(value(Estimator::Switch(0.0)), value(Estimator::Direct));
        prop_assert_eq!(value(Estimator::Clipped(f64::INFINITY)), value(Estimator::Ipw));
    }

    #[test]
    fn no_file_brings_it_down(text in "[a-z_0-9.,|\"\n-]{0,200}", header in 0_usize..4) {
        let header = ["", "action,probability,reward\n", "action,probability,reward,position,candidates,cluster\n", "item_id,alpha,beta,round\n"][header];
        let text = format!("{header}{text}");
        let _ = Columns::default().read(text.as_bytes(), &[]);
        let _ = Items::read(text.as_bytes(), None);
        let _ = Thompson::read(text.as_bytes());
        let log = log(&[0.2, 0.3, 0.5], &[(0.1, 1.0), (0.9, 0.0)]);
        let _ = Policy::read(&log, text.as_bytes());
    }

    #[test]
    fn nor_do_bytes_that_are_no_text(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Columns::default().read(&bytes[..], &[]);
        let _ = Items::read(&bytes[..], None);
    }
}

fn fault(text: &str) -> String {
    Columns::default().read(text.as_bytes(), &[]).unwrap_err().to_string()
}

#[test]
fn a_log_that_is_wrong_says_where_and_what_to_do() {
    let first = "action,probability,reward,candidates\n";
    for (text, told) in [
        (
            "action,reward\na,1\n".to_owned(),
            "line 1: there is no column named probability or propensity_score or pscore; name the columns as docs/evaluation.md has them",
        ),
        (
            format!("{first}a,0.5,1,a|b\nb,0,1,a|b\n"),
            "line 3: `probability`: 0 is no probability of something that was chosen; it lies above 0 and is at most 1",
        ),
        (format!("{first}a,half,1,a|b\n"), "line 2: `probability`: `half` is no number; write one such as 0.25"),
        (format!("{first}a,0.5,1e999,a|b\n"), "line 2: `reward`: `1e999` is no number; write one such as 0.25"),
        (
            format!("{first}c,0.5,1,a|b\n"),
            "line 2: `candidates`: `c`, which was chosen, is not among them; name all that could be chosen",
        ),
        (format!("{first}a,0.5\n"), "line 2: the row has 2 fields where the first line has 4"),
        (first.to_owned(), "there are no rounds; write one decision on each line below the first"),
    ] {
        assert_eq!(fault(&text), told);
    }
}

#[test]
fn a_policy_that_is_wrong_says_where_and_what_to_do() {
    let log = Columns::default()
        .read("action,probability,reward,position\na,0.5,1,top\nb,0.5,0,top\n".as_bytes(), &[])
        .unwrap();
    for (text, told) in [
        (
            "action,probability\na,0.5\n",
            "the policy's probabilities add up to 0.500000 at position `top` (round 1); give each candidate its probability, and 1 to all together",
        ),
        (
            "action,probability\nz,0.5\n",
            "line 2: `action`: `z` is no action of the log; name all that could be chosen by a file of actions",
        ),
        (
            "action,probability,position\na,1,side\n",
            "line 2: `position`: `side` is no position of the log; name it as the log does, or leave its lines out",
        ),
        (
            "action,probability,round\na,1,3\n",
            "line 2: `round`: `3` is no round of the log, which has 2; rounds are numbered from 1",
        ),
        ("action,probability\na,0.5\na,0.5\n", "line 3: `action`: `a` comes twice; tell it once"),
        ("action,probability\na,1.5\n", "line 2: `probability`: 1.5 is no probability; it lies in 0 to 1"),
    ] {
        assert_eq!(Policy::read(&log, text.as_bytes()).unwrap_err().to_string(), told);
    }
    let rounds = Policy::read(&log, "round,action,probability\n1,a,1\n2,b,1\n".as_bytes()).unwrap();
    let whole = evaluation(&log, &rounds);
    assert_eq!(Estimator::Replay.estimate(&whole).unwrap().value, 0.5);
}

#[test]
fn a_policy_that_does_nothing_of_what_was_done_has_no_self_normalised_value() {
    let log = Columns::default().read("action,probability,reward,candidates\na,0.5,1,a|b\n".as_bytes(), &[]).unwrap();
    let whole = evaluation(&log, &Policy::always(&log, "b").unwrap());
    let overlap = Overlap::of(&whole);
    assert!(Estimator::Snipw.estimate(&whole).is_none() && Estimator::Replay.estimate(&whole).is_none());
    assert_eq!((overlap.never, overlap.unseen, overlap.effective_rounds), (1.0, 1.0, 0.0));
    assert!(!overlap.is_balanced());
}
