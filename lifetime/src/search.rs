//! Where a likelihood is highest.
//!
//! Nelder and Mead's search (A Simplex Method for Function Minimization, The Computer Journal 7(4), 1965) over the parameters'
//! logarithms, from two places, and Newton's method from the better end of the two to
//! the maximum, by differences. Both are short, and a library for the first (argmin 0.11) brings nine crates, one of them no longer kept (RUSTSEC-2024-0436).

use crate::fit::{RANGE, Warning};
use crate::matrix::Matrix;

/// The highest place that was found.
pub(crate) struct Maximum<const N: usize> {
    /// There.
    pub(crate) parameters: [f64; N],
    /// The likelihood's logarithm there.
    pub(crate) value: f64,
    /// Standard errors, where there is a peak.
    pub(crate) errors: Option<[f64; N]>,
    /// Why it is to be doubted.
    pub(crate) warnings: Vec<Warning>,
}

/// How much of a parameter's range, on each side, counts as its border.
const BORDER: f64 = 30.0;

/// Iterations of Nelder and Mead's search from one place; from anywhere that was tried it takes some 200.
const ITERATIONS: usize = 2_000;
/// Difference of the values at its corners at which it hands over to Newton's method.
const SPREAD: f64 = 1e-5;
/// Steps of Newton's method, which doubles the digits in each.
const STEPS: usize = 20;
/// Log-likelihood that is still to be gained, by the parabola there, at which it is at rest.
const REST: f64 = 1e-9;

/// Finds it, from the two places where it may begin; `names` are for warnings. `rough` is the same of a part of the customers, for the way there.
pub(crate) fn maximum<const N: usize>(
    begin: [[f64; N]; 2],
    names: [&'static str; N],
    rough: impl Fn([f64; N]) -> f64,
    likelihood: impl Fn([f64; N]) -> f64,
) -> Maximum<N> {
    let (low, high) = (RANGE.start().ln(), RANGE.end().ln());
    let inside = |place: &[f64; N]| place.map(|value| value.clamp(low, high));
    // Outside its range a likelihood goes on as at the border, and falls away from it.
    let cost_of = |place: &[f64; N], likelihood: &dyn Fn([f64; N]) -> f64| {
        let within = inside(place);
        let outside: f64 = place.iter().zip(&within).map(|(value, within)| (value - within).powi(2)).sum();
        let found = -likelihood(within.map(f64::exp));
        if found.is_finite() { found + outside } else { f64::MAX / 1e9 }
    };
    let near = |place: &[f64; N]| cost_of(place, &rough);
    let cost = |place: &[f64; N]| cost_of(place, &likelihood);
    let searched = begin.map(|place| searched(place.map(f64::ln), &near));
    let mut best = searched.into_iter().min_by(|one, other| near(one).total_cmp(&near(other))).unwrap_or([0.0; N]);
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

/// Nelder and Mead's search from one place, with their coefficients: 1, 2, 1/2, 1/2.
fn searched<const N: usize>(begin: [f64; N], cost: &impl Fn(&[f64; N]) -> f64) -> [f64; N] {
    let valued = |place: [f64; N]| (place, cost(&place));
    let mut corners: Vec<([f64; N], f64)> = vec![valued(begin)];
    corners.extend((0..N).map(|axis| valued(moved(&begin, &[(axis, 0.5)]))));
    for _ in 0..ITERATIONS {
        corners.sort_by(|one, other| one.1.total_cmp(&other.1));
        let (Some(best), Some(worst)) = (corners.first().copied(), corners.pop()) else { break };
        if worst.1 - best.1 < SPREAD {
            break;
        }
        let mut middle = [0.0; N];
        for (place, _) in &corners {
            for (sum, value) in middle.iter_mut().zip(place) {
                *sum += value / N as f64;
            }
        }
        // So far from the middle, the worst corner at -1.
        let beyond = |share: f64| valued(between(&middle, &worst.0, -share));
        let second = corners.last().map_or(best.1, |corner| corner.1);
        let reflected = beyond(1.0);
        let next = if reflected.1 < best.1 {
            let expanded = beyond(2.0);
            if expanded.1 < reflected.1 { expanded } else { reflected }
        } else if reflected.1 < second {
            reflected
        } else {
            beyond(if reflected.1 < worst.1 { 0.5 } else { -0.5 })
        };
        if next.1 < worst.1.min(reflected.1.max(second)) {
            corners.push(next);
        } else {
            corners.push(worst);
            for corner in corners.iter_mut().skip(1) {
                *corner = valued(between(&best.0, &corner.0, 0.5));
            }
        }
    }
    corners.into_iter().min_by(|one, other| one.1.total_cmp(&other.1)).map_or(begin, |(place, _)| place)
}

/// So much of the way from one place to another.
fn between<const N: usize>(from: &[f64; N], to: &[f64; N], share: f64) -> [f64; N] {
    let mut place = *from;
    for (value, to) in place.iter_mut().zip(to) {
        *value += share * (to - *value);
    }
    place
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bent_valley_is_followed_to_its_end() {
        // Rosenbrock's, in the logarithms, with its bottom at (e, e).
        let valley = |[x, y]: [f64; 2]| {
            let (x, y) = (x.ln(), y.ln());
            -(1.0 - x).powi(2) - 100.0 * (y - x * x).powi(2)
        };
        let found = maximum([[0.3, 3.0], [9.0, 0.1]], ["x", "y"], valley, valley);
        assert!(
            found.parameters.iter().all(|value| (value - std::f64::consts::E).abs() < 1e-3),
            "{:?}",
            found.parameters
        );
        assert!(found.warnings.is_empty() && found.errors.is_some());
    }

    #[test]
    fn a_slope_without_an_end_stops_at_the_border_and_a_plain_has_no_peak() {
        let slope = |[x, y]: [f64; 2]| -(-x.ln()).exp() - y.ln().powi(2);
        let found = maximum([[1.0, 1.0], [2.0, 2.0]], ["x", "y"], slope, slope);
        assert!(matches!(found.warnings.as_slice(), [Warning::Border { parameter: "x", .. }]), "{:?}", found.warnings);
        let plain = |[x, y]: [f64; 2]| -(x * y).ln().powi(2);
        let found = maximum([[1.0, 1.0], [2.0, 2.0]], ["x", "y"], plain, plain);
        assert_eq!(found.warnings, [Warning::Flat]);
    }
}
