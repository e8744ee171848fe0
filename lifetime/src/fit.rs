//! The parameters under which what customers did was most likely, how sure they are, and where they cannot be trusted.
//!
//! The search stands in `search.rs`. Standard errors are the roots of the diagonal of the inverse observed information, which is the likelihood's second
//! differences by the parameters' logarithms, times each parameter.

use std::fmt;

use crate::gammagamma::{GammaGamma, correlation};
use crate::history::History;
use crate::process::Process;
use crate::search::maximum;

/// Within which parameters are looked for.
pub const RANGE: std::ops::RangeInclusive<f64> = 1e-6..=1e6;

/// Repeaters below which a fit is warned of: with a hundred, errors of a third of a parameter are usual.
pub const LEAST_REPEATERS: usize = 100;

/// Correlation of frequency and spend from which on the Gamma-Gamma model is warned of, if it is also significant at 5%. CDNOW, on which it was
/// published, has 0.1.
pub const MOST_CORRELATED: f64 = 0.2;

/// Different histories that are enough to come near the maximum; all of them have the last word.
const ENOUGH: usize = 20_000;

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit<M, const N: usize> {
    /// The model.
    pub model: M,
    /// The logarithm of the likelihood, summed over customers.
    pub ln_likelihood: f64,
    /// Standard errors of the parameters, in their order; `None` where the likelihood has no peak there.
    pub errors: Option<[f64; N]>,
    /// Customers that it was fitted to.
    pub customers: usize,
    /// Where it cannot be trusted.
    pub warnings: Vec<Warning>,
}

/// Why a fit is to be doubted.
#[derive(Debug, Clone, PartialEq)]
pub enum Warning {
    /// A parameter ran to the end of its range: the data ask for a simpler model, such as nobody leaving, or everybody being alike.
    Border {
        /// Which.
        parameter: &'static str,
        /// Where it stopped.
        value: f64,
    },
    /// The likelihood does not fall in every direction, so parameters cannot be told apart and errors are not known.
    Flat,
    /// The search did not come to a rest.
    Unsettled,
    /// There are fewer than [`LEAST_REPEATERS`].
    FewRepeaters(usize),
    /// Who buys more often spends more (or less) at a time; the Gamma-Gamma model takes the two to be independent.
    Correlated(f64),
    /// q is at most 1, so that the mean amount of somebody new is infinite.
    InfiniteMean,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Border { parameter, value } => write!(
                f,
                "{parameter} came close to the border of its range ({value:.3e}): these purchases ask for a simpler model, and the others may not mean what they say"
            ),
            Self::Flat => f.write_str("the likelihood is flat in some direction: parameters cannot be told apart, and have no standard errors"),
            Self::Unsettled => f.write_str("the search for the maximum did not come to a rest: take the parameters as near it, not as it"),
            Self::FewRepeaters(count) => {
                write!(f, "only {count} customers bought again, where {LEAST_REPEATERS} are the least that tell much")
            }
            Self::Correlated(found) => write!(
                f,
                "frequency and spend are correlated ({found:+.2}), which the Gamma-Gamma model takes not to be: expected amounts are biased"
            ),
            Self::InfiniteMean => f.write_str("q is at most 1: the mean amount of all customers is infinite, so nobody new can be valued"),
        }
    }
}

/// Why nothing was fitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// Nobody bought a second time, so nothing is known of returning.
    NoRepeaters,
    /// Fewer than two repeaters spent anything, or all spent the same.
    NoSpend,
    /// A history cannot be ([`History::is_possible`]).
    Impossible,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoRepeaters => "nobody bought on a second day, so nothing is known of who returns; give a longer time, or let calibration end later",
            Self::NoSpend => "those who bought again all spent the same, or nothing, so nothing is known of how amounts differ",
            Self::Impossible => "a history has its last purchase before the first or after the end",
        })
    }
}

impl std::error::Error for Unfit {}

/// Fits a model of buying. Customers with the same history are looked at once, so it costs as many evaluations as there are different ones.
///
/// # Errors
///
/// [`Unfit::NoRepeaters`], [`Unfit::Impossible`].
pub fn process<M: Process>(histories: &[History]) -> Result<Fit<M, 4>, Unfit> {
    if !histories.iter().all(History::is_possible) {
        return Err(Unfit::Impossible);
    }
    let repeaters = histories.iter().filter(|history| history.repeats > 0).count();
    if repeaters == 0 {
        return Err(Unfit::NoRepeaters);
    }
    let rows = alike(histories);
    let age = histories.iter().map(|history| history.age).sum::<f64>() / histories.len() as f64;
    let likelihood = |parameters: [f64; 4], step: usize| {
        let model = M::of(parameters);
        let (mut sum, mut repeats, mut count) = (0.0, None, 0.0);
        for (history, customers) in rows.iter().step_by(step) {
            if repeats != Some(history.repeats) {
                (repeats, count) = (Some(history.repeats), model.ln_count(history.repeats));
            }
            sum += customers * (count + model.ln_timing(history));
        }
        sum
    };
    let step = rows.len().div_ceil(ENOUGH);
    let found = maximum(M::begin(age), M::PARAMETERS, |place| likelihood(place, step), |place| likelihood(place, 1));
    let mut fit = Fit {
        model: M::of(found.parameters),
        ln_likelihood: found.value,
        errors: found.errors,
        customers: histories.len(),
        warnings: found.warnings,
    };
    if repeaters < LEAST_REPEATERS {
        fit.warnings.push(Warning::FewRepeaters(repeaters));
    }
    Ok(fit)
}

/// Fits amounts to those who bought again and paid for it; the others tell nothing of them and are left out.
///
/// # Errors
///
/// [`Unfit::NoSpend`], [`Unfit::Impossible`].
pub fn spend(histories: &[History]) -> Result<Fit<GammaGamma, 3>, Unfit> {
    if !histories.iter().all(History::is_possible) {
        return Err(Unfit::Impossible);
    }
    let read: Vec<&History> = histories.iter().filter(|history| GammaGamma::reads(history)).collect();
    let Some(first) = read.first().filter(|first| read.iter().any(|other| other.spend != first.spend)) else {
        return Err(Unfit::NoSpend);
    };
    // In units of their mean, so that a currency's scale is far from the border.
    let unit = (read.iter().map(|history| history.spend / first.spend).sum::<f64>() / read.len() as f64) * first.spend;
    let rows: Vec<History> = read.iter().map(|history| History { spend: history.spend / unit, ..**history }).collect();
    let likelihood = |[p, q, v]: [f64; 3], step: usize| {
        rows.iter().step_by(step).map(|history| GammaGamma { p, q, v }.ln_likelihood(history)).sum::<f64>()
    };
    let step = rows.len().div_ceil(ENOUGH);
    let begin = [[4.0, 3.0, 0.5], [1.0, 2.0, 1.0]];
    let found = maximum(begin, GammaGamma::PARAMETERS, |place| likelihood(place, step), |place| likelihood(place, 1));
    let [p, q, v] = found.parameters;
    let mut fit = Fit {
        model: GammaGamma { p, q, v: v * unit },
        // Densities are by the amount's unit.
        ln_likelihood: found.value - rows.len() as f64 * unit.ln(),
        errors: found.errors.map(|[p, q, v]| [p, q, v * unit]),
        customers: rows.len(),
        warnings: found.warnings,
    };
    if rows.len() < LEAST_REPEATERS {
        fit.warnings.push(Warning::FewRepeaters(rows.len()));
    }
    let correlated = correlation(histories)
        .filter(|found| found.abs() >= MOST_CORRELATED && found.abs() * (rows.len() as f64 - 1.0).sqrt() > 1.96);
    fit.warnings.extend(correlated.map(Warning::Correlated));
    if fit.model.q <= 1.0 {
        fit.warnings.push(Warning::InfiniteMean);
    }
    Ok(fit)
}

/// How much frequency and spend go together among those who bought again: Pearson's correlation. `None` where one of the two does not vary.
#[must_use]
pub fn correlated(histories: &[History]) -> Option<f64> {
    correlation(histories)
}

/// Different histories with how many customers have them, by number of repeats.
fn alike(histories: &[History]) -> Vec<(History, f64)> {
    let mut sorted: Vec<History> = histories.to_vec();
    sorted.sort_by(|one, other| {
        one.repeats.cmp(&other.repeats).then(one.last.total_cmp(&other.last)).then(one.age.total_cmp(&other.age))
    });
    let mut rows: Vec<(History, f64)> = Vec::new();
    for history in sorted {
        match rows.last_mut() {
            Some((row, count)) if (row.repeats, row.last, row.age) == (history.repeats, history.last, history.age) => {
                *count += 1.0;
            }
            _ => rows.push((history, 1.0)),
        }
    }
    rows
}
