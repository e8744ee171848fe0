//! How often intervals hold the truth, on logs whose truth is known because they are made up.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use petitfour_evaluation::{Draft, Entry, Estimator, Evaluation, Folds, Log, Method, Policy, Rewards};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

mod support;

/// A world: how probable each of four actions is under the logging policy and under the other, and how often it earns.
struct World {
    logged: [f64; 4],
    other: [f64; 4],
    rates: [f64; 4],
    visitors: usize,
    /// Rounds of one visitor, who is offered the same again and tends to do the same again.
    visits: usize,
}

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

impl World {
    fn truth(&self) -> f64 {
        self.other.iter().zip(self.rates).map(|(share, rate)| share * rate).sum()
    }

    fn log(&self, seed: u64) -> Log {
        let mut random = StdRng::seed_from_u64(seed);
        let mut draft = Draft::default();
        NAMES.iter().for_each(|name| draft.know(name));
        for visitor in 0..self.visitors {
            let (ticket, own): (f64, f64) = (random.random(), random.random());
            let mut sum = 0.0;
            let action = self.logged.iter().position(|share| {
                sum += share;
                ticket < sum
            });
            let action = action.unwrap_or(3);
            for _ in 0..self.visits {
                // Half of what somebody does is their own way, the same at every visit.
                let luck: f64 = if random.random::<bool>() { own } else { random.random() };
                draft
                    .push(Entry {
                        action: NAMES[action],
                        position: "",
                        candidates: None,
                        cluster: Some(&visitor.to_string()),
                        probability: self.logged[action],
                        reward: f64::from(u8::from(luck < self.rates[action])),
                    })
                    .unwrap();
            }
        }
        draft.finish().unwrap()
    }

    /// Of so many logs, on how many each method held the truth, by estimator.
    fn covered(&self, logs: u64, methods: &[Method]) -> Vec<(Estimator, Vec<usize>)> {
        let estimators = [Estimator::Ipw, Estimator::Snipw, Estimator::Dr, Estimator::Sndr];
        let mut held: Vec<_> = estimators.iter().map(|estimator| (*estimator, vec![0; methods.len()])).collect();
        for seed in 0..logs {
            let log = self.log(seed);
            let policy = Policy::shares(&log, |_, action| self.other[action as usize]).unwrap();
            let rewards = Rewards::means(&log, &Folds::new(&log, 5, seed)).unwrap();
            let whole = Evaluation::new(&log, &policy, &rewards).unwrap();
            for (estimator, counts) in &mut held {
                let sample = estimator.estimate(&whole).unwrap().sample(&whole);
                for (method, count) in methods.iter().zip(counts) {
                    *count += usize::from(sample.interval(*method).is_some_and(|found| found.holds(self.truth())));
                }
            }
        }
        held
    }
}

#[test]
fn of_three_hundred_logs_the_interval_holds_the_truth_on_nine_of_ten_and_more() {
    let world = World {
        logged: [0.4, 0.3, 0.2, 0.1],
        other: [0.1, 0.2, 0.3, 0.4],
        rates: [0.05, 0.1, 0.2, 0.15],
        visitors: 1_000,
        visits: 1,
    };
    for (estimator, held) in world.covered(300, &[Method::Likelihood, Method::Student]) {
        println!("{}: {held:?} of 300", estimator.name());
        assert!(held.iter().all(|held| (270..=297).contains(held)), "{}: {held:?} of 300", estimator.name());
    }
}

#[test]
fn visits_of_one_visitor_are_not_taken_for_independent() {
    let world = World {
        logged: [0.4, 0.3, 0.2, 0.1],
        other: [0.1, 0.2, 0.3, 0.4],
        rates: [0.05, 0.1, 0.2, 0.15],
        visitors: 400,
        visits: 6,
    };
    for (estimator, held) in world.covered(300, &[Method::Likelihood]) {
        println!("{}: {held:?} of 300", estimator.name());
        assert!((270..=297).contains(&held[0]), "{}: {held:?} of 300", estimator.name());
    }
}

/// The table of `docs/evaluation.md`: `cargo test -p petitfour-evaluation --test coverage -- --ignored --nocapture`.
#[test]
#[ignore = "prints a table; takes minutes"]
fn how_often_each_method_holds_the_truth() {
    const LOGS: u64 = 300;
    let methods = [Method::Likelihood, Method::Student, Method::Normal, Method::Bootstrap { draws: 200, seed: 1 }];
    let told = |held: &[usize]| {
        let shares = held.iter().map(|held| format!("{:.1}%", *held as f64 / LOGS as f64 * 100.0));
        shares.collect::<Vec<_>>().join(" ")
    };
    println!("world, estimator: likelihood, student, normal, bootstrap, of {LOGS} logs");
    // Thompson sampling of the Open Bandit logs on random logs like theirs, of which the rates are known.
    for (campaign, rate) in [("all", 0.004), ("men", 0.004), ("all", 0.04), ("men", 0.04)] {
        let real = support::log("random", campaign);
        let thompson = support::thompson(&real, campaign);
        let count = real.actions().len();
        let mut shares = vec![Vec::new(); 3];
        for (number, round) in real.rounds().iter().enumerate() {
            let place: usize = real.positions()[round.position as usize].parse().unwrap();
            shares[place - 1] = thompson.table().row(number).to_vec();
        }
        let mut random = StdRng::seed_from_u64(7);
        let rates: Vec<f64> = (0..3 * count).map(|_| rate * (1.5 * (random.random::<f64>() - 0.5)).exp()).collect();
        let own = |place: usize| shares[place].iter().zip(&rates[place * count..]).map(|(share, rate)| share * rate);
        let truth = (0..3).flat_map(own).sum::<f64>() / 3.0;
        let estimators = [Estimator::Ipw, Estimator::Snipw, Estimator::Dr];
        let mut held = [[0; 4]; 3];
        for seed in 0..LOGS {
            let mut random = StdRng::seed_from_u64(1_000 + seed);
            let mut draft = Draft::default();
            real.actions().iter().for_each(|name| draft.know(name));
            for _ in 0..10_000 {
                let (place, action) = (random.random_range(0..3), random.random_range(0..count));
                let entry = Entry {
                    action: &real.actions()[action],
                    position: ["1", "2", "3"][place],
                    candidates: None,
                    cluster: None,
                    probability: 1.0 / count as f64,
                    reward: f64::from(u8::from(random.random::<f64>() < rates[place * count + action])),
                };
                draft.push(entry).unwrap();
            }
            let log = draft.finish().unwrap();
            let places: Vec<usize> = log.positions().iter().map(|name| name.parse().unwrap()).collect();
            let share = |position: u32, action: u32| shares[places[position as usize] - 1][action as usize];
            let policy = Policy::shares(&log, share).unwrap();
            let rewards = Rewards::means(&log, &Folds::new(&log, 5, seed)).unwrap();
            let whole = Evaluation::new(&log, &policy, &rewards).unwrap();
            for (estimator, counts) in estimators.iter().zip(&mut held) {
                let sample = estimator.estimate(&whole).unwrap().sample(&whole);
                for (method, count) in methods.iter().zip(counts) {
                    *count += usize::from(sample.interval(*method).is_some_and(|found| found.holds(truth)));
                }
            }
        }
        for (estimator, held) in estimators.iter().zip(&held) {
            println!("{campaign}, rate {rate}, {}: {}", estimator.name(), told(held));
        }
    }
    // Few of the logged rounds have what the other policy mostly does, at sixteen times the weight.
    for scale in [0.1, 1.0] {
        let world = World {
            logged: [0.5, 0.3, 0.15, 0.05],
            other: [0.05, 0.05, 0.1, 0.8],
            rates: [0.1, 0.12, 0.15, 0.2].map(|rate| rate * scale),
            visitors: 2_000,
            visits: 1,
        };
        for (estimator, held) in world.covered(LOGS, &methods) {
            println!("one of twenty, rates times {scale}, {}: {}", estimator.name(), told(&held));
        }
    }
}
