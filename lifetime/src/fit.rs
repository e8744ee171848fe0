//! The parameters under which what customers did was most likely, how sure they are, and where they cannot be trusted.
//!
//! The search is Nelder and Mead's (The Computer Journal 7(4), 1965; by the crate `argmin`) over the parameters' logarithms, from two places; Newton's
//! method takes its end to the maximum, by differences of the likelihood. Standard errors are of the same second differences: the inverse of the observed information, times each parameter
//! since it was searched by its logarithm.

use std::fmt;

use argmin::core::{CostFunction, Executor, State};
use argmin::solver::neldermead::NelderMead;

use crate::gammagamma::{GammaGamma, correlation};
use crate::history::History;
use crate::matrix::Matrix;
use crate::process::Process;

/// Within which parameters are looked for.
pub const RANGE: std::ops::RangeInclusive<f64> = 1e-6..=1e6;

/// Repeaters below which a fit is warned of: with a hundred, errors of a third of a parameter are usual.
pub const LEAST_REPEATERS: usize = 100;

/// Correlation of frequency and spend from which on the Gamma-Gamma model is warned of, if it is also significant at 5%. CDNOW, on which it was
/// published, has 0.1.
pub const MOST_CORRELATED: f64 = 0.2;

/// How much of a parameter's range, on each side, counts as its border.
const BORDER: f64 = 30.0;

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
                "{parameter} ran to the border of its range ({value:.3e}): these purchases ask for a simpler model, and the others may not mean what they say"
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
    let likelihood = |parameters: [f64; 4]| {
        let model = M::of(parameters);
        let (mut sum, mut repeats, mut count) = (0.0, None, 0.0);
        for (history, customers) in &rows {
            if repeats != Some(history.repeats) {
                (repeats, count) = (Some(history.repeats), model.ln_count(history.repeats));
            }
            sum += customers * (count + model.ln_timing(history));
        }
        sum
    };
    let found = maximum(M::begin(age), M::PARAMETERS, likelihood);
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
    let likelihood =
        |[p, q, v]: [f64; 3]| rows.iter().map(|history| GammaGamma { p, q, v }.ln_likelihood(history)).sum::<f64>();
    let found = maximum([[4.0, 3.0, 0.5], [1.0, 2.0, 1.0]], GammaGamma::PARAMETERS, likelihood);
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

/// Where a likelihood is highest.
struct Maximum<const N: usize> {
    parameters: [f64; N],
    value: f64,
    errors: Option<[f64; N]>,
    warnings: Vec<Warning>,
}

/// Iterations of Nelder and Mead's search from one place; from anywhere that was tried it takes some 200.
const ITERATIONS: u64 = 2_000;
/// Spread of the values at its corners at which it hands over to Newton's method.
const SPREAD: f64 = 1e-5;
/// Steps of Newton's method, which doubles the digits in each.
const STEPS: usize = 20;
/// Log-likelihood that is still to be gained, by the parabola there, at which it is at rest.
const REST: f64 = 1e-9;

struct Search<F>(F);

impl<F: Fn(&[f64]) -> f64> CostFunction for Search<F> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, place: &Vec<f64>) -> Result<f64, argmin::core::Error> {
        Ok((self.0)(place))
    }
}

fn maximum<const N: usize>(
    begin: [[f64; N]; 2],
    names: [&'static str; N],
    likelihood: impl Fn([f64; N]) -> f64,
) -> Maximum<N> {
    let (low, high) = (RANGE.start().ln(), RANGE.end().ln());
    let inside = |place: &[f64; N]| place.map(|value| value.clamp(low, high));
    // Outside its range a likelihood goes on as at the border, and falls away from it.
    let cost = |place: &[f64; N]| {
        let within = inside(place);
        let outside: f64 = place.iter().zip(&within).map(|(value, within)| (value - within).powi(2)).sum();
        let found = -likelihood(within.map(f64::exp));
        if found.is_finite() { found + outside } else { f64::MAX / 1e9 }
    };
    let searched = begin.map(|place| searched(place.map(f64::ln), &cost));
    let mut best = searched.into_iter().min_by(|one, other| cost(one).total_cmp(&cost(other))).unwrap_or([0.0; N]);
    let mut is_settled = false;
    for _ in 0..STEPS {
        let (slope, bend) = (gradient(&best, &cost), hessian(&best, &cost));
        let Some(step) = bend.solve(slope) else { break };
        let gain: f64 = step.iter().zip(slope).map(|(step, slope)| step * slope / 2.0).sum();
        if gain.abs() < REST {
            is_settled = true;
            break;
        }
        // Half as far, and so on, where the parabola promised too much.
        let nearer = (0..10).map(|half| {
            let share = 0.5_f64.powi(half);
            std::array::from_fn(|at| best.get(at).zip(step.get(at)).map_or(0.0, |(from, step)| from - share * step))
        });
        let before = cost(&best);
        let Some(next) = nearer.into_iter().find(|next: &[f64; N]| cost(next) < before) else { break };
        best = next;
    }
    let best = inside(&best);
    let parameters = best.map(f64::exp);
    let is_border = |value: f64| value < RANGE.start() * BORDER || value > RANGE.end() / BORDER;
    let mut warnings: Vec<Warning> = names
        .into_iter()
        .zip(parameters)
        .filter(|(_, value)| is_border(*value))
        .map(|(parameter, value)| Warning::Border { parameter, value })
        .collect();
    let errors = if warnings.is_empty() { hessian(&best, &cost).inverse_diagonal() } else { None };
    let errors = errors.map(|variances| {
        std::array::from_fn(|at| {
            variances.get(at).zip(parameters.get(at)).map_or(f64::NAN, |(variance, value)| variance.sqrt() * value)
        })
    });
    if warnings.is_empty() {
        if errors.is_none() {
            warnings.push(Warning::Flat);
        } else if !is_settled {
            warnings.push(Warning::Unsettled);
        }
    }
    Maximum { parameters, value: likelihood(parameters), errors, warnings }
}

/// Nelder and Mead's search from one place.
fn searched<const N: usize>(begin: [f64; N], cost: &impl Fn(&[f64; N]) -> f64) -> [f64; N] {
    let at = |place: &[f64]| -> [f64; N] { std::array::from_fn(|at| place.get(at).copied().unwrap_or_default()) };
    let mut corners = vec![begin.to_vec()];
    for axis in 0..N {
        let mut corner = begin.to_vec();
        if let Some(value) = corner.get_mut(axis) {
            *value += 0.5;
        }
        corners.push(corner);
    }
    let found = NelderMead::new(corners).with_sd_tolerance(SPREAD).and_then(|solver| {
        Executor::new(Search(|place: &[f64]| cost(&at(place))), solver)
            .configure(|state| state.max_iters(ITERATIONS))
            .run()
    });
    // It fails where the function does, and this one never does.
    found.ok().and_then(|found| found.state().get_best_param().map(|place| at(place))).unwrap_or(begin)
}

/// First differences: with these steps, of the logarithms, they err by about 1e-8 of a slope.
fn gradient<const N: usize>(place: &[f64; N], cost: &impl Fn(&[f64; N]) -> f64) -> [f64; N] {
    const STEP: f64 = 1e-4;
    std::array::from_fn(|axis| {
        (cost(&moved(place, &[(axis, STEP)])) - cost(&moved(place, &[(axis, -STEP)]))) / (2.0 * STEP)
    })
}

/// Second differences.
fn hessian<const N: usize>(place: &[f64; N], cost: &impl Fn(&[f64; N]) -> f64) -> Matrix<N> {
    const STEP: f64 = 1e-3;
    let middle = cost(place);
    let single: [[f64; 2]; N] =
        std::array::from_fn(|axis| [STEP, -STEP].map(|step| cost(&moved(place, &[(axis, step)]))));
    let sum = |axis: usize| single.get(axis).map_or(0.0, |[up, down]| up + down);
    Matrix::symmetric(|row, column| {
        if row == column {
            return (sum(row) - 2.0 * middle) / (STEP * STEP);
        }
        let both = |step: f64| cost(&moved(place, &[(row, step), (column, step)]));
        (both(STEP) + both(-STEP) - sum(row) - sum(column) + 2.0 * middle) / (2.0 * STEP * STEP)
    })
}

fn moved<const N: usize>(place: &[f64; N], by: &[(usize, f64)]) -> [f64; N] {
    let mut place = *place;
    for (axis, step) in by {
        if let Some(value) = place.get_mut(*axis) {
            *value += step;
        }
    }
    place
}
