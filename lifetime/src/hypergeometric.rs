//! Gauss's hypergeometric function left of zero, which is the mean of a power over a beta distribution.

/// Terms after which a series is given up: what it has by then stands. Parameters within their range and horizons of a hundred years take fewer.
const MAX_TERMS: u32 = 1_000_000;
/// Below this first parameter, the terms of the shorter series change sign often enough to cost digits.
const LEAST: f64 = -2.0;

/// ₂F₁(power, a; c; −s) = E[(1 + p·s)^(−power)] for p of a beta distribution with parameters a and c − a (DLMF 15.6.1). For `power`, `a` > 0,
/// `c` > `a` and `s` >= 0; between 0 and 1.
///
/// The series (DLMF 15.2.1) is taken at s/(1+s), within 0..1, by that of the two transformations of Pfaff (DLMF 15.8.1) whose terms
/// fall: as k^(a − power − 1) in
/// the first, k^(power − a − 1) in the second. The second has only positive terms, so it also stands in where the first would cancel; there they
/// grow first, and so are summed in scaled parts.
pub(crate) fn mean_power(power: f64, a: f64, c: f64, s: f64) -> f64 {
    let z = s / (1.0 + s);
    let value = if a <= power && c - power > LEAST {
        let (sum, scale) = series(c - power, a, c, z);
        sum.ln() + scale - a * s.ln_1p()
    } else {
        let (sum, scale) = series(power, c - a, c, z);
        sum.ln() + scale - power * s.ln_1p()
    };
    value.exp().clamp(0.0, 1.0)
}

/// Σ (a)_k (b)_k / (c)_k z^k / k!, as a sum and the logarithm of what it is to be multiplied by.
fn series(a: f64, b: f64, c: f64, z: f64) -> (f64, f64) {
    const HUGE: f64 = 1e200;
    let (mut term, mut sum, mut scale) = (1.0_f64, 1.0_f64, 0.0);
    for step in 0..MAX_TERMS {
        let k = f64::from(step);
        let ratio = (a + k) * (b + k) / ((c + k) * (k + 1.0)) * z;
        term *= ratio;
        sum += term;
        if term.abs() > HUGE {
            (term, sum, scale) = (term / HUGE, sum / HUGE, scale + HUGE.ln());
        }
        // What follows is less than a geometric series of this ratio, or of z where ratios still grow towards it.
        let falls = ratio.abs().max(z);
        if term == 0.0
            || (k > -a && falls < 1.0 && term.abs() * falls <= sum.abs() * (1.0 - falls) * f64::EPSILON / 4.0)
        {
            break;
        }
    }
    (sum, scale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quadrature::integral;

    #[test]
    fn closed_forms() {
        // DLMF 15.4.6 and 15.4.1: (1-z)^-a where the others cancel, and ln(1-z) over z.
        for s in [0.0_f64, 1e-9, 0.3, 1.0, 40.0] {
            assert!((mean_power(2.5, 0.7, 0.7 + 1e-12, s) / (1.0 + s).powf(-2.5) - 1.0).abs() < 1e-9, "{s}");
            let log = if s > 0.0 { s.ln_1p() / s } else { 1.0 };
            assert!((mean_power(1.0, 1.0, 2.0, s) / log - 1.0).abs() < 1e-13, "{s}");
        }
    }

    #[test]
    fn both_ways_agree_with_the_mean_they_stand_for() {
        for (power, a, b, s) in [
            (1.2, 1.3, 2.4, 0.9),
            (8.0, 1.5, 2.0, 3.0),
            (40.0, 2.0, 42.0, 1.5),
            (300.0, 1.1, 310.0, 0.2),
            (3.2, 4.0, 9.0, 50.0),
        ] {
            let density = |p: f64| p.powf(a - 1.0) * (1.0 - p).powf(b - 1.0);
            // Substituted so that both ends are smooth.
            let over = |f: &dyn Fn(f64) -> f64| {
                let part = |low: bool| {
                    integral(0.5_f64.powf(0.25), 4_000.0, |u: f64| {
                        let small = u.powi(4).max(1e-300);
                        let p = if low { small } else { 1.0 - small };
                        4.0 * u.powi(3) * density(p) * f(p) + f64::MIN_POSITIVE
                    })
                };
                part(true) + part(false)
            };
            let wanted = over(&|p| (1.0 + p * s).powf(-power)) / over(&|_| 1.0);
            let got = mean_power(power, a, a + b, s);
            assert!((got / wanted - 1.0).abs() < 1e-9, "{power} {a} {b} {s}: {got} {wanted}");
        }
    }
}
