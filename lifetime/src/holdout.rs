//! What was foreseen beside what happened.
//!
//! Everything here is learned from the time before the end of calibration, and held against the time after it. Beside the model stands what anybody can
//! work out without one: that each customer goes on buying at their own rate so far.

use crate::gammagamma::GammaGamma;
use crate::history::{Cohort, Future, History, WEEK};
use crate::process::Process;
use crate::purchases::Purchases;

/// How far a forecast of each customer was off.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Error {
    /// Mean of the absolute differences.
    pub mean_absolute: f64,
    /// Root of the mean of their squares.
    pub root_mean_square: f64,
    /// Sum of what was foreseen.
    pub expected: f64,
    /// Sum of what happened.
    pub actual: f64,
}

/// Customers of one number of repeats before the end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Band {
    /// Repeats; of the last band, at least so many.
    pub repeats: u32,
    /// Customers.
    pub customers: usize,
    /// Mean of what was foreseen of each.
    pub expected: f64,
    /// Mean of what they did.
    pub actual: f64,
}

/// Repeat purchases of everybody from the first day on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Week {
    /// Weeks since the first purchase of all; the last may be a part of one.
    pub until: f64,
    /// Purchases until then.
    pub actual: u64,
    /// Purchases until then that the model, knowing when each customer began and no more, expects.
    pub expected: f64,
}

/// The whole comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Holdout {
    /// Weeks after the end of calibration.
    pub weeks: f64,
    /// Purchases by the model.
    pub purchases: Error,
    /// Purchases by each customer's own rate so far.
    pub constant_rate: Error,
    /// Amounts by the model, where it knows amounts.
    pub spend: Option<Error>,
    /// Amounts by each customer's own rate and mean so far.
    pub constant_spend: Option<Error>,
    /// By repeats before the end: 0 to 6, 7 and more. Empty bands are left out.
    pub bands: Vec<Band>,
    /// The curve, week by week through both times.
    pub curve: Vec<Week>,
    /// Weeks after which calibration ended.
    pub end: f64,
}

/// The last band: so many repeats and more.
pub const LAST_BAND: u32 = 7;

impl Holdout {
    /// Holds a model, fitted to a cohort's histories, against the cohort's future.
    #[must_use]
    pub fn of(purchases: &Purchases, cohort: &Cohort, model: &impl Process, amounts: Option<&GammaGamma>) -> Self {
        let weeks = f64::from(cohort.ahead) / WEEK;
        let expected: Vec<f64> =
            cohort.customers.iter().map(|customer| model.expected(&customer.history, weeks)).collect();
        let error = |foreseen: &dyn Fn(&History, f64) -> f64, happened: &dyn Fn(&Future) -> f64| {
            let pairs = cohort.customers.iter().zip(&expected);
            Error::of(
                pairs.map(|(customer, expected)| (foreseen(&customer.history, *expected), happened(&customer.future))),
            )
        };
        let count = |future: &Future| f64::from(future.purchases);
        let steady =
            |history: &History| if history.age > 0.0 { f64::from(history.repeats) / history.age * weeks } else { 0.0 };
        Self {
            weeks,
            purchases: error(&|_, expected| expected, &count),
            constant_rate: error(&|history, _| steady(history), &count),
            spend: amounts
                .map(|amounts| error(&|history, expected| expected * amounts.mean(history), &|future| future.spend)),
            constant_spend: amounts
                .map(|_| error(&|history, _| steady(history) * history.spend, &|future| future.spend)),
            bands: bands(cohort, &expected),
            curve: curve(purchases, cohort, model),
            end: f64::from(cohort.end.since(cohort.start)) / WEEK,
        }
    }
}

impl Error {
    fn of(pairs: impl Iterator<Item = (f64, f64)>) -> Self {
        let (mut count, mut absolute, mut square, mut expected, mut actual) = (0.0_f64, 0.0, 0.0, 0.0, 0.0);
        for (foreseen, happened) in pairs {
            count += 1.0;
            absolute += (foreseen - happened).abs();
            square += (foreseen - happened).powi(2);
            expected += foreseen;
            actual += happened;
        }
        let count = count.max(1.0);
        Self { mean_absolute: absolute / count, root_mean_square: (square / count).sqrt(), expected, actual }
    }
}

fn bands(cohort: &Cohort, expected: &[f64]) -> Vec<Band> {
    let band = |repeats: u32| {
        let of = cohort
            .customers
            .iter()
            .zip(expected)
            .filter(|(customer, _)| customer.history.repeats.min(LAST_BAND) == repeats);
        let (mut customers, mut foreseen, mut happened) = (0, 0.0, 0.0);
        for (customer, expected) in of {
            (customers, foreseen, happened) =
                (customers + 1, foreseen + expected, happened + f64::from(customer.future.purchases));
        }
        let mean = |sum: f64| sum / customers as f64;
        (customers > 0).then(|| Band { repeats, customers, expected: mean(foreseen), actual: mean(happened) })
    };
    (0..=LAST_BAND).filter_map(band).collect()
}

/// Days of a curve: ten years, beyond which a week is no wider than a line.
const MAX_DAYS: usize = 3_660;

fn curve(purchases: &Purchases, cohort: &Cohort, model: &impl Process) -> Vec<Week> {
    let day = |days: i32| usize::try_from(days).unwrap_or(usize::MAX);
    let days = day(cohort.end.since(cohort.start)).saturating_add(cohort.ahead as usize).min(MAX_DAYS);
    // By day since the first: who began, and repeat purchases.
    let (mut began, mut bought) = (vec![0.0; days + 1], vec![0_u64; days + 1]);
    for customer in &cohort.customers {
        if let Some(count) = began.get_mut(day(customer.first.since(cohort.start))) {
            *count += 1.0;
        }
        let repeats = purchases.buyers.get(customer.buyer).map_or(&[][..], |buyer| buyer.days.get(1..).unwrap_or(&[]));
        for (date, _) in repeats {
            if let Some(count) = bought.get_mut(day(date.since(cohort.start))) {
                *count += 1;
            }
        }
    }
    // Of one customer, by days since their own first purchase.
    let one: Vec<f64> = (0..=days).map(|age| model.expected(&History::NEW, age as f64 / WEEK)).collect();
    let whole = (7..days).step_by(7);
    whole
        .chain([days])
        .map(|until| Week {
            until: until as f64 / WEEK,
            actual: bought.iter().take(until + 1).sum(),
            expected: began
                .iter()
                .take(until + 1)
                .enumerate()
                .map(|(first, count)| count * one.get(until - first).copied().unwrap_or_default())
                .sum(),
        })
        .collect()
}
