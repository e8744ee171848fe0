//! What may be said of the Open Bandit logs, and what not.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use petitfour_evaluation::{Comparison, Estimator, Evaluation, Folds, Method, Overlap, Policy, Rewards, Verdict};

mod support;

#[test]
fn intervals_hold_what_thompson_sampling_earned_and_policies_are_not_ranked() {
    for (campaign, clicks, relative) in [("all", 38, 1.198), ("men", 46, 0.984)] {
        let (log, truth) = (support::log("random", campaign), support::log("bts", campaign).outcomes());
        assert_eq!((log.rounds().len(), log.outcomes().count), (10_000, clicks));
        let policy = support::thompson(&log, campaign);
        let rewards = Rewards::means(&log, &Folds::new(&log, 5, 1)).unwrap();
        let whole = Evaluation::new(&log, &policy, &rewards).unwrap();
        for estimator in [Estimator::Ipw, Estimator::Snipw, Estimator::Dr, Estimator::Sndr] {
            let estimate = estimator.estimate(&whole).unwrap();
            let sample = estimate.sample(&whole);
            let interval = sample.interval(Method::Likelihood).unwrap();
            let normal = sample.interval(Method::Normal).unwrap();
            println!(
                "{campaign} {}: {:.6} {interval:?} {normal:?}, earned {}",
                estimator.name(),
                estimate.value,
                truth.mean
            );
            assert!(interval.holds(truth.mean), "{campaign} {}", estimator.name());
        }
        let ipw = Estimator::Ipw.estimate(&whole).unwrap().value / log.outcomes().mean;
        assert!((ipw - relative).abs() < 0.01, "{campaign}: {ipw}");
        let overlap = Overlap::of(&whole);
        assert!(overlap.is_balanced() && overlap.effective_outcomes < 20.0 && overlap.unseen == 0.0, "{overlap:?}");
        let dr = Estimator::Dr.estimate(&whole).unwrap();
        let compared = Comparison::of(
            &dr.terms,
            &log.rewards(),
            (&whole.clusters, whole.cluster_count),
            (log.outcomes().count, overlap.effective_outcomes),
            Method::Likelihood,
        );
        assert_eq!(compared.verdict, Verdict::TooFew);
        assert!(compared.smallest > 0.5 * log.outcomes().mean, "{compared:?}");
    }
}

#[test]
fn the_log_of_thompson_sampling_says_little_of_a_uniform_choice() {
    for (campaign, clicks) in [("all", 42), ("men", 69)] {
        let log = support::log("bts", campaign);
        let rewards = Rewards::means(&log, &Folds::new(&log, 5, 1)).unwrap();
        let whole = Evaluation::new(&log, &Policy::uniform(&log).unwrap(), &rewards).unwrap();
        let overlap = Overlap::of(&whole);
        println!("{campaign}: {overlap:?}");
        assert_eq!(log.outcomes().count, clicks);
        assert!(overlap.effective_rounds < 700.0 && overlap.heaviest > 0.2, "{overlap:?}");
        let interval = Estimator::Snipw.estimate(&whole).unwrap().sample(&whole).interval(Method::Likelihood).unwrap();
        assert!(interval.holds(support::log("random", campaign).outcomes().mean), "{interval:?}");
    }
}
