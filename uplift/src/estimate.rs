//! A figure with its interval, and whether it says anything.

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

/// How often an interval is to hold the truth.
pub const LEVEL: f64 = 0.95;

/// A figure, and between what it lies with 95%.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// The figure.
    pub value: f64,
    /// The lower end.
    pub from: f64,
    /// The upper end.
    pub to: f64,
}

/// On which side of zero a figure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Above.
    More,
    /// Below.
    Less,
    /// The interval holds zero, or there is none.
    NoDifference,
}

impl Estimate {
    /// A mean of independent values, by the normal distribution, one of `among`; `None` of fewer than two.
    pub(crate) fn of_mean(values: &[f64], among: usize) -> Option<Self> {
        let (mean, variance) = moments(values)?;
        Some(Self::around(mean, (variance / values.len() as f64).sqrt(), among))
    }

    /// What of repeated partings, each measured on its rows held out: Student's interval by the variance that Nadeau and Bengio (Machine Learning 52, 2003,
    /// §3, corrected resampled t-test) give it, `(1/J + test/train) · s²`. The partings overlap, so that `s²/J` would be too narrow by far.
    /// Both halves are of one size here. `None` of fewer than two.
    pub(crate) fn of_partings(values: &[f64]) -> Option<Self> {
        let (mean, variance) = moments(values)?;
        let count = values.len() as f64;
        let quantile = StudentsT::new(0.0, 1.0, count - 1.0).ok()?.inverse_cdf(upper(1));
        let reach = quantile * ((1.0 / count + 1.0) * variance).sqrt();
        Some(Self { value: mean, from: mean - reach, to: mean + reach })
    }

    /// By the normal distribution; `among` intervals together hold the truth with 95% (Bonferroni).
    pub(crate) fn around(value: f64, error: f64, among: usize) -> Self {
        let reach = Normal::standard().inverse_cdf(upper(among)) * error;
        Self { value, from: value - reach, to: value + reach }
    }

    /// The figure times `by` plus `plus`; `by` is not negative.
    pub(crate) fn scaled(self, by: f64, plus: f64) -> Self {
        Self { value: self.value * by + plus, from: self.from * by + plus, to: self.to * by + plus }
    }

    /// Which side of zero it is on. Without spread there is no side.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        if self.from > 0.0 && self.to > self.from {
            Verdict::More
        } else if self.to < 0.0 && self.to > self.from {
            Verdict::Less
        } else {
            Verdict::NoDifference
        }
    }
}

fn upper(among: usize) -> f64 {
    1.0 - (1.0 - LEVEL) / 2.0 / among.max(1) as f64
}

/// Mean and variance, the latter with n − 1.
pub(crate) fn moments(values: &[f64]) -> Option<(f64, f64)> {
    if values.len() < 2 {
        return None;
    }
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    Some((mean, values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_is_told_only_outside_the_interval() {
        let of = |from: f64, to: f64| Estimate { value: f64::midpoint(from, to), from, to }.verdict();
        assert_eq!((of(0.1, 0.2), of(-0.2, -0.1)), (Verdict::More, Verdict::Less));
        assert_eq!(
            (of(-0.1, 0.2), of(0.0, 0.2), of(3.0, 3.0)),
            (Verdict::NoDifference, Verdict::NoDifference, Verdict::NoDifference)
        );
    }

    #[test]
    fn intervals_are_those_of_the_tables() {
        let normal = Estimate::around(1.0, 1.0, 1);
        assert!((normal.to - 2.959_964).abs() < 1e-5);
        // 99% of one are 95% of five.
        assert!((Estimate::around(0.0, 1.0, 5).to - 2.575_829).abs() < 1e-5);
        // Ten values with variance 1: t(9) = 2.262157, times the root of 1.1.
        let values: Vec<f64> =
            (0..10).map(|place| if place % 2 == 0 { 0.9_f64.sqrt() } else { -(0.9_f64.sqrt()) }).collect();
        let told = Estimate::of_partings(&values).unwrap();
        assert!((told.to - 2.262_157 * 1.1_f64.sqrt()).abs() < 1e-5, "{told:?}");
    }
}
