//! Integrals of smooth functions, by Gauss and Legendre's rule on panels.

use std::sync::LazyLock;

/// Points of a panel. Sixteen are exact for polynomials up to degree 31.
const POINTS: usize = 16;

/// Points within -1..1, and their weights: roots of the Legendre polynomial by Newton's method (DLMF 3.5(v), 18.9.1 for its recurrence).
static RULE: LazyLock<[(f64, f64); POINTS]> = LazyLock::new(|| {
    let order = POINTS as f64;
    std::array::from_fn(|number| {
        let mut root = (std::f64::consts::PI * (number as f64 + 0.75) / (order + 0.5)).cos();
        let mut slope = 1.0;
        for _ in 0..8 {
            let (mut before, mut value) = (1.0, root);
            for degree in 2..=POINTS {
                let degree = degree as f64;
                (before, value) = (value, ((2.0 * degree - 1.0) * root * value - (degree - 1.0) * before) / degree);
            }
            slope = order * (root * value - before) / (root * root - 1.0);
            root -= value / slope;
        }
        (root, 2.0 / ((1.0 - root * root) * slope * slope))
    })
});

/// A panel that adds less than this part of the sum is the last, where the function falls from there on.
const NOTHING: f64 = 1e-18;

/// Panels of the width that an integral asks for: most end long before. What lies behind them, in the corners of parameters' ranges, is taken in as many
/// again, however wide, which bounds an integral's time.
const MAX_PANELS: usize = 4_096;

/// ∫ of `function` over 0 to `length`, where its logarithm changes by at most `steepness` for each unit, or its shape by about one. It ends
/// early where a panel adds nothing any more, so the function must be positive and, once it falls, go on falling.
pub(crate) fn integral(length: f64, steepness: f64, function: impl Fn(f64) -> f64) -> f64 {
    // Within e^-4..1 sixteen points give all digits.
    let width = 1.0_f64.min(4.0 / steepness);
    let panels = (length / width).ceil().max(1.0);
    let width = length / panels;
    let (mut from, mut sum) = (0.0, 0.0);
    for panel in 0..2 * MAX_PANELS {
        let wide = if panel < MAX_PANELS {
            width
        } else {
            width.max((length - MAX_PANELS as f64 * width) / MAX_PANELS as f64)
        };
        let half = wide / 2.0;
        let part = half * RULE.iter().map(|(point, weight)| weight * function(from + half + half * point)).sum::<f64>();
        sum += part;
        from += wide;
        if part <= NOTHING * sum || panel as f64 + 1.0 >= panels {
            break;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panel_is_exact_for_polynomials_and_close_for_the_rest() {
        assert!((integral(1.0, 1.0, |x| x.powi(31)) * 32.0 - 1.0).abs() < 1e-13);
        assert!((integral(3.0, 1.0, |x| (-x).exp()) - (1.0 - (-3.0_f64).exp())).abs() < 1e-15);
        assert!((integral(1e3, 1.0, |x| (-x).exp()) - 1.0).abs() < 1e-14, "and it ends early");
    }
}
