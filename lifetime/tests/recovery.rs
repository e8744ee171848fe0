//! Customers who behave exactly as a model says: their parameters are found again, and what it foresees of them happens.

#![allow(clippy::unwrap_used, reason = "a test that fails here has failed")]

use petitfour_lifetime::fit::{self, Fit, Unfit, Warning};
use petitfour_lifetime::{BgNbd, GammaGamma, History, ParetoNbd, Process};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rand_distr::{Beta, Distribution, Exp, Gamma};

/// Until when everybody is watched, and the weeks after it.
const AGE: f64 = 52.0;
const AHEAD: f64 = 26.0;

/// What one customer did: until the end, whether they are there then, and purchases after it.
struct Life {
    history: History,
    is_alive: bool,
    after: u32,
}

/// Purchases at a rate until `leaves` says so, or until they die.
fn life(chance: &mut StdRng, age: f64, rate: f64, death: f64, leaves: f64) -> Life {
    let wait = Exp::new(rate).unwrap();
    let (mut time, mut history, mut after) = (0.0, History { age, ..History::NEW }, 0);
    let mut end = death;
    loop {
        time += wait.sample(chance);
        if time > end.min(age + AHEAD) {
            break;
        }
        if time <= age {
            history = History { repeats: history.repeats + 1, last: time, ..history };
        } else {
            after += 1;
        }
        if chance.random_range(0.0..1.0) < leaves {
            end = time;
        }
    }
    Life { history, is_alive: end > age, after }
}

fn bg_nbd(model: &BgNbd, customers: usize, seed: u64) -> Vec<Life> {
    let mut chance = StdRng::seed_from_u64(seed);
    let (rates, leaving) = (Gamma::new(model.r, 1.0 / model.alpha).unwrap(), Beta::new(model.a, model.b).unwrap());
    let ages: Vec<f64> = (0..customers).map(|number| AGE - (number % 12) as f64).collect();
    ages.into_iter()
        .map(|age| {
            let (rate, leaves) = (rates.sample(&mut chance).max(1e-9), leaving.sample(&mut chance));
            life(&mut chance, age, rate, f64::INFINITY, leaves)
        })
        .collect()
}

fn pareto_nbd(model: &ParetoNbd, customers: usize, seed: u64) -> Vec<Life> {
    let mut chance = StdRng::seed_from_u64(seed);
    let rates = Gamma::new(model.r, 1.0 / model.alpha).unwrap();
    let deaths = Gamma::new(model.s, 1.0 / model.beta).unwrap();
    let ages: Vec<f64> = (0..customers).map(|number| AGE - (number % 12) as f64).collect();
    ages.into_iter()
        .map(|age| {
            let (rate, dying) = (rates.sample(&mut chance).max(1e-9), deaths.sample(&mut chance).max(1e-9));
            let death = Exp::new(dying).unwrap().sample(&mut chance);
            life(&mut chance, age, rate, death, 0.0)
        })
        .collect()
}

/// Parameters within four standard errors, and sums of what is foreseen within four of theirs.
fn found_again<M: Process>(truth: &M, lives: &[Life]) {
    let histories: Vec<History> = lives.iter().map(|life| life.history).collect();
    let fit: Fit<M, 4> = fit::process(&histories).unwrap();
    let errors = fit.errors.unwrap();
    println!("{}: {:?} of {:?}, errors {errors:?}", M::NAME, fit.model.parameters(), truth.parameters());
    assert!(fit.warnings.is_empty(), "{:?}", fit.warnings);
    for ((found, wanted), error) in fit.model.parameters().into_iter().zip(truth.parameters()).zip(errors) {
        assert!(
            (found - wanted).abs() < 4.0 * error && error < wanted,
            "{found} where {wanted} was put in, error {error}"
        );
    }
    let count = lives.len() as f64;
    let sum = |of: &dyn Fn(&Life) -> f64| lives.iter().map(of).sum::<f64>();
    let alive = (sum(&|life| truth.alive(&life.history)), sum(&|life| f64::from(u8::from(life.is_alive))));
    let buys = (sum(&|life| truth.buys_within(&life.history, AHEAD)), sum(&|life| f64::from(u8::from(life.after > 0))));
    let after = (sum(&|life| truth.expected(&life.history, AHEAD)), sum(&|life| f64::from(life.after)));
    let off = sum(&|life| (truth.expected(&life.history, AHEAD) - f64::from(life.after)).powi(2)).sqrt();
    println!("alive {alive:?}, buys {buys:?}, after {after:?} ± {off:.1}");
    assert!((alive.0 - alive.1).abs() < 2.0 * count.sqrt() && (buys.0 - buys.1).abs() < 2.0 * count.sqrt());
    assert!((after.0 - after.1).abs() < 4.0 * off);
}

#[test]
fn customers_of_bg_nbd() {
    let truth = BgNbd { r: 0.6, alpha: 5.0, a: 0.8, b: 2.4 };
    found_again(&truth, &bg_nbd(&truth, 6_000, 1));
    // a above 1, where the paper's formula for what is expected changes its signs.
    let truth = BgNbd { r: 1.8, alpha: 9.0, a: 1.3, b: 6.0 };
    found_again(&truth, &bg_nbd(&truth, 6_000, 2));
}

#[test]
fn customers_of_pareto_nbd() {
    let truth = ParetoNbd { r: 0.9, alpha: 8.0, s: 0.7, beta: 14.0 };
    found_again(&truth, &pareto_nbd(&truth, 8_000, 3));
    let truth = ParetoNbd { r: 1.5, alpha: 14.0, s: 1.6, beta: 9.0 };
    found_again(&truth, &pareto_nbd(&truth, 8_000, 4));
}

#[test]
fn amounts_of_gamma_gamma() {
    let truth = GammaGamma { p: 5.0, q: 3.5, v: 20.0 };
    let mut chance = StdRng::seed_from_u64(5);
    let rates = Gamma::new(truth.q, 1.0 / truth.v).unwrap();
    let histories: Vec<History> = (0..4_000_u32)
        .map(|number| {
            let amounts = Gamma::new(truth.p, 1.0 / rates.sample(&mut chance)).unwrap();
            let repeats = 1 + number % 6;
            let spend = (0..repeats).map(|_| amounts.sample(&mut chance)).sum::<f64>() / f64::from(repeats);
            History { repeats, last: 1.0, age: 2.0, spend }
        })
        .collect();
    for unit in [1.0, 1e7, 1e-4] {
        let scaled: Vec<History> =
            histories.iter().map(|history| History { spend: history.spend * unit, ..*history }).collect();
        let fit = fit::spend(&scaled).unwrap();
        let GammaGamma { p, q, v } = fit.model;
        println!("{:?}, errors {:?}", fit.model, fit.errors);
        assert!(fit.warnings.is_empty(), "{:?}", fit.warnings);
        for ((found, wanted), error) in [p, q, v / unit].into_iter().zip([5.0, 3.5, 20.0]).zip(fit.errors.unwrap()) {
            let error = if wanted == 20.0 { error / unit } else { error };
            assert!(
                (found - wanted).abs() < 4.0 * error && error < wanted / 5.0,
                "{found} ± {error} where {wanted} was put in"
            );
        }
    }
}

#[test]
fn a_fit_says_where_it_cannot_be_trusted() {
    let told = |warnings: &[Warning]| warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    // Nobody ever leaves: the chance of leaving runs to nothing.
    let stays = bg_nbd(&BgNbd { r: 2.0, alpha: 4.0, a: 1e-5, b: 10.0 }, 2_000, 6);
    let histories: Vec<History> = stays.iter().map(|life| life.history).collect();
    let fit: Fit<BgNbd, 4> = fit::process(&histories).unwrap();
    println!("{:?}\n{}", fit.model, told(&fit.warnings));
    assert!(fit.warnings.iter().any(|warning| matches!(warning, Warning::Border { .. })) && fit.errors.is_none());
    assert!((fit.model.r / fit.model.alpha - 0.5).abs() < 0.05, "how often they buy is found all the same");
    // Twenty customers.
    let few: Vec<History> =
        bg_nbd(&BgNbd { r: 0.6, alpha: 5.0, a: 0.8, b: 2.4 }, 20, 7).iter().map(|life| life.history).collect();
    let fit: Fit<BgNbd, 4> = fit::process(&few).unwrap();
    assert!(fit.warnings.iter().any(|warning| matches!(warning, Warning::FewRepeaters(count) if *count < 20)));
    // Who buys more often spends more.
    let rich: Vec<History> = (0..500_u32)
        .map(|number| History {
            repeats: 1 + number % 10,
            last: 1.0,
            age: 2.0,
            spend: f64::from(1 + number % 10 + number % 7),
        })
        .collect();
    let fit = fit::spend(&rich).unwrap();
    assert!(
        fit.warnings.iter().any(|warning| matches!(warning, Warning::Correlated(found) if *found > 0.5)),
        "{}",
        told(&fit.warnings)
    );
    // Nobody came back; nobody paid; a history that cannot be.
    assert_eq!(fit::process::<BgNbd>(&[History { age: 3.0, ..History::NEW }; 50]).unwrap_err(), Unfit::NoRepeaters);
    assert_eq!(fit::process::<ParetoNbd>(&[]).unwrap_err(), Unfit::NoRepeaters);
    assert_eq!(fit::spend(&[History { repeats: 1, last: 1.0, age: 2.0, spend: 5.0 }; 50]).unwrap_err(), Unfit::NoSpend);
    let late = History { repeats: 1, last: 3.0, age: 2.0, spend: 5.0 };
    assert_eq!(fit::process::<BgNbd>(&[late]).unwrap_err(), Unfit::Impossible);
}
