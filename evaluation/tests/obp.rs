//! The estimates of the Open Bandit Pipeline, given the same inputs: ours are the same to 1e-9, whoever made the predictions.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::path::Path;

use petitfour_evaluation::{Estimator, Evaluation, Folds, Interval, Method, Policy, Regression, Rewards, Table};

#[path = "../../collector/tests/support/claim.rs"]
mod claim;
mod support;

const CLOSE: f64 = 1e-9;

/// Compares all values, and the bootstrap by how wide it is; what was farthest off, and how many were compared.
fn compare(name: &str, whole: &Evaluation, expected: &BTreeMap<String, f64>) -> (f64, usize) {
    let mut estimators = vec![
        ("dm".to_owned(), Estimator::Direct),
        ("ipw".to_owned(), Estimator::Ipw),
        ("clipped".to_owned(), Estimator::Clipped(3.0)),
        ("snipw".to_owned(), Estimator::Snipw),
        ("dr".to_owned(), Estimator::Dr),
        ("sndr".to_owned(), Estimator::Sndr),
    ];
    for setting in [1.0, 3.0, 10.0] {
        estimators.push((format!("switch {setting:.1}"), Estimator::Switch(setting)));
        estimators.push((format!("dros {setting:.1}"), Estimator::Dros(setting)));
    }
    // Where nothing matches the pipeline says 0, and we say nothing.
    if expected["replay"] != 0.0 {
        estimators.push(("replay".to_owned(), Estimator::Replay));
    } else {
        assert!(Estimator::Replay.estimate(whole).is_none_or(|estimate| estimate.value == 0.0), "{name}");
    }
    let mut worst = 0.0_f64;
    for (told, estimator) in &estimators {
        let estimate = estimator.estimate(whole).unwrap();
        let off = (estimate.value - expected[told]).abs();
        assert!(off < CLOSE, "{name}: {told} is {}, and {}", estimate.value, expected[told]);
        let mean = estimate.terms.iter().sum::<f64>() / estimate.terms.len() as f64;
        assert!((mean - estimate.value).abs() < CLOSE, "{name}: the terms of {told} have its mean");
        worst = worst.max(off);
    }
    for (told, estimator) in [("ipw", Estimator::Ipw), ("dr", Estimator::Dr)] {
        let sample = estimator.estimate(whole).unwrap().sample(whole);
        let Interval { from, to } = sample.interval(Method::Bootstrap { draws: 2_000, seed: 1 }).unwrap();
        let (their_from, their_to) = (expected[&format!("{told} from")], expected[&format!("{told} to")]);
        // Each end of 2,000 draws has a standard error of 1.5% of the width, and both have drawn: five times that of the difference.
        let most = 0.1 * (their_to - their_from);
        assert!((from - their_from).abs() < most && (to - their_to).abs() < most, "{name}: {told} {from} to {to}");
    }
    (worst, estimators.len())
}

#[test]
fn estimates_are_those_of_the_pipeline() {
    let out = tempfile::tempdir().unwrap();
    support::oracle(&[Path::new("make"), &support::data(), out.path()]);
    let (mut logs, mut values, mut worst) = (0, 0, 0.0_f64);
    for entry in std::fs::read_dir(out.path()).unwrap() {
        let folder = entry.unwrap().path();
        if !folder.is_dir() {
            continue;
        }
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let (log, policy, rewards) = support::handed(&folder);
        let whole = Evaluation::new(&log, &policy, &rewards).unwrap();
        let expected = support::numbers(&std::fs::read_to_string(folder.join("expected.txt")).unwrap());
        let (off, compared) = compare(&name, &whole, &expected);
        println!("{name}: {} rounds, {compared} values, off by {off:.1e}", whole.len());
        (logs, values, worst) = (logs + 1, values + compared, worst.max(off));
        if name == "random_all" {
            // Saito et al., 2021: what Thompson sampling earns by IPW, relative to the random log.
            let relative = Estimator::Ipw.estimate(&whole).unwrap().value / log.outcomes().mean;
            assert!((relative - 1.198126).abs() < 1e-6, "{relative}");
        }
    }
    println!("{logs} logs, {values} values, off by at most {worst:.1e}");
    let command = "cargo test -p petitfour-evaluation --test obp";
    claim::claim("evaluation.obp.off", worst, "", "<= 0.000000001", worst <= CLOSE, command);
    assert_eq!(logs, 8);
    // Thompson sampling counted by us, with another stream of random numbers: at most five standard errors of 100,000 draws apart, 240 and 102 times.
    for campaign in ["all", "men"] {
        let log = support::log("random", campaign);
        let policy = support::thompson(&log, campaign);
        let theirs = std::fs::read_to_string(out.path().join(format!("thompson_{campaign}.txt"))).unwrap();
        let theirs: Vec<f64> = theirs.lines().map(|line| line.parse().unwrap()).collect();
        for (number, round) in log.rounds().iter().enumerate() {
            let position: usize = log.positions()[round.position as usize].parse().unwrap();
            for (own, their) in policy.table().row(number).iter().zip(&theirs[(position - 1) * log.actions().len()..]) {
                let error = (2.0 * their.max(1e-4) / 100_000.0).sqrt();
                assert!((own - their).abs() < 5.0 * error, "{campaign}, position {position}: {own} and {their}");
            }
        }
    }
}

#[test]
fn the_pipeline_makes_the_same_of_our_predictions() {
    for campaign in ["all", "men"] {
        let log = support::log("random", campaign);
        let policy = support::thompson(&log, campaign);
        let folds = Folds::new(&log, 5, 1);
        let regression = Regression { ridge: 1.0 }.rewards(&log, &support::items(campaign), &folds).unwrap();
        for rewards in [Rewards::means(&log, &folds).unwrap(), regression] {
            let folder = tempfile::tempdir().unwrap();
            support::hand_over(folder.path(), &log, &policy, &rewards);
            let expected = support::numbers(&support::oracle(&[Path::new("judge"), folder.path()]));
            let whole = Evaluation::new(&log, &policy, &rewards).unwrap();
            let (off, compared) = compare(campaign, &whole, &expected);
            println!("{campaign}: {compared} values, off by {off:.1e}");
        }
    }
}

#[test]
fn rewards_are_fitted_as_the_pipeline_fits_them() {
    let mut worst = 0.0_f64;
    // Clicks by logistic regression, and by ridge regression what is no probability.
    for (scale, close) in [(1.0, 1e-7), (7.0, 1e-7)] {
        let (own, items) = (support::log("bts", "men"), support::items("men"));
        let mut draft = petitfour_evaluation::Draft::default();
        items.names.iter().for_each(|name| draft.know(name));
        for round in own.rounds() {
            let (action, position) = (&own.actions()[round.action as usize], &own.positions()[round.position as usize]);
            let entry = petitfour_evaluation::Entry {
                action,
                position,
                candidates: None,
                cluster: None,
                probability: round.probability,
                reward: round.reward * scale,
            };
            draft.push(entry).unwrap();
        }
        let log = draft.finish().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let uniform = Policy::uniform(&log).unwrap();
        support::hand_over(folder.path(), &log, &uniform, &Rewards::means(&log, &Folds::new(&log, 1, 1)).unwrap());
        let places = log.positions().len();
        let positions: Vec<u8> = log
            .rounds()
            .iter()
            .flat_map(|round| (0..places).map(|place| f64::from(u8::from(place == round.position as usize))))
            .flat_map(f64::to_le_bytes)
            .collect();
        std::fs::write(folder.path().join("positions.f64"), positions).unwrap();
        let features: Vec<u8> = items.features.iter().flatten().flat_map(|number| number.to_le_bytes()).collect();
        std::fs::write(folder.path().join("items.f64"), features).unwrap();
        support::oracle(&[Path::new("fit"), folder.path(), Path::new("2.5")]);
        let dealt = std::fs::read_to_string(folder.path().join("folds.txt")).unwrap();
        let dealt = Folds::given(&log, dealt.lines().map(|fold| fold.parse().unwrap()).collect()).unwrap();
        for (name, folds) in [("whole", Folds::new(&log, 1, 1)), ("crossed", dealt)] {
            let rewards = Regression { ridge: 2.5 }.rewards(&log, &items, &folds).unwrap();
            let theirs = support::doubles(&folder.path().join(format!("{name}.f64")));
            let table: &Table = rewards.table();
            for (number, row) in theirs.chunks_exact(log.actions().len()).enumerate() {
                for (own, their) in table.row(number).iter().zip(row) {
                    worst = worst.max((own - their).abs());
                    assert!((own - their).abs() < close, "{name}, round {number}: {own} and {their}");
                }
            }
        }
    }
    println!("predictions off by at most {worst:.1e}");
}
