//! Gauss and Legendre's rule: an integral of a polynomial as a sum over a few places, exactly.
//!
//! `n` places integrate polynomials up to degree `2n - 1` without error. Own code, since what is published brings a library of linear algebra
//! with a dozen packages along for these lines.

use std::f64::consts::PI;

/// Places between 0 and 1, and what each weighs; the weights add up to 1.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rule {
    /// Each with its weight.
    pub(crate) places: Vec<(f64, f64)>,
}

/// Steps of Newton's method beyond which nothing moves: from the places it begins with, five are enough.
const STEPS: usize = 12;

impl Rule {
    /// The rule of `count` places.
    pub(crate) fn of(count: usize) -> Self {
        let n = count as f64;
        let places = (0..count).map(|place| {
            // Abramowitz and Stegun (1964), 22.16.6: close to a root of the polynomial of Legendre, and Newton's method finds it.
            let mut x = (PI * (place as f64 + 0.75) / (n + 0.5)).cos();
            let mut slope = 1.0;
            for _ in 0..STEPS {
                let (value, before) = legendre(count, x);
                slope = n * (x * value - before) / (x * x - 1.0);
                x -= value / slope;
            }
            // From -1 … 1 to 0 … 1.
            ((1.0 - x) / 2.0, 1.0 / ((1.0 - x * x) * slope * slope))
        });
        Self { places: places.collect() }
    }
}

/// The polynomial of Legendre of degree `n` at `x`, and the one before it (Bonnet's recursion).
fn legendre(n: usize, x: f64) -> (f64, f64) {
    let (mut value, mut before) = (1.0, 0.0);
    for degree in 0..n {
        let degree = degree as f64;
        (value, before) = (((2.0 * degree + 1.0) * x * value - degree * before) / (degree + 1.0), value);
    }
    (value, before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_up_to_twice_as_many_as_places_integrate_exactly() {
        for count in [1, 2, 3, 8, 33, 256] {
            let rule = Rule::of(count);
            for power in [0, 1, count, 2 * count - 1] {
                let sum: f64 =
                    rule.places.iter().map(|(t, weight)| weight * t.powi(i32::try_from(power).unwrap())).sum();
                let exact = 1.0 / (power as f64 + 1.0);
                assert!((sum / exact - 1.0).abs() < 1e-12, "{count} places, t^{power}: {sum} for {exact}");
            }
        }
        let inside = |(t, weight): &(f64, f64)| (0.0..1.0).contains(t) && *t > 0.0 && *weight > 0.0;
        assert!(Rule::of(256).places.iter().all(inside));
    }

    #[test]
    fn three_places_are_those_of_the_tables() {
        // Abramowitz and Stegun (1964), table 25.4: 0 and ±0.774596669241483 with 0.888… and 0.555…
        let rule = Rule::of(3);
        let (places, weights): (Vec<f64>, Vec<f64>) = rule.places.into_iter().unzip();
        for (place, table) in places.iter().zip([-0.774_596_669_241_483, 0.0, 0.774_596_669_241_483]) {
            assert!((2.0 * place - 1.0 - table).abs() < 1e-14);
        }
        assert!((weights[0] - 5.0 / 18.0).abs() < 1e-14 && (weights[1] - 8.0 / 18.0).abs() < 1e-14);
    }
}
