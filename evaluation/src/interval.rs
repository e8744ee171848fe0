//! Between what the mean of a sample lies.
//!
//! The default is Owen's empirical likelihood: the interval holds every mean that some reweighting of the sample has without becoming too unlikely. It
//! needs no width on both sides alike, so where few outcomes carry large weights, and a sample more likely misses than has the heaviest of them, it reaches
//! further up than down. `docs/evaluation.md` has what each method covered on simulated logs; it was chosen by that, and not by what it says of one log.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

/// How often an interval is to hold the truth.
pub const LEVEL: f64 = 0.95;

/// Steps after which a search ends, whatever it has found: halving alone needs some fifty.
const STEPS: usize = 200;

/// How an interval is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Method {
    /// Empirical likelihood with the quantile of F(1, n − 1) in place of χ²(1) (Owen, Biometrika 75, 1988; for this use: Karampatziakis, Langford, Mineiro,
    /// NeurIPS 2020).
    Likelihood,
    /// The mean ± Student's quantile times the standard error.
    Student,
    /// The mean ± 1.96 standard errors.
    Normal,
    /// Percentiles of means of samples that are drawn anew (Efron & Tibshirani, 1993, 13.3; as the library `obp` has it).
    Bootstrap {
        /// How many.
        draws: usize,
        /// From which they are drawn.
        seed: u64,
    },
    /// Maurer & Pontil, COLT 2009, theorem 4, on both sides: holds for every sample size if no value can lie outside the range, and is wide. The range
    /// of an unclipped estimator is that of the weights which happened to be logged, so it is a bound only where weights are clipped.
    Bernstein {
        /// The least that a value can be.
        least: f64,
        /// The most.
        most: f64,
    },
}

/// Both ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub from: f64,
    /// The upper end.
    pub to: f64,
}

/// One value for each cluster, whose mean is that of the terms.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The mean.
    pub mean: f64,
    /// Its standard error; NaN of a single cluster.
    pub error: f64,
    values: Vec<f64>,
    /// Whether every round is a cluster of its own.
    is_single: bool,
}

impl Interval {
    /// Whether a value lies in it.
    #[must_use]
    pub fn holds(&self, value: f64) -> bool {
        (self.from..=self.to).contains(&value)
    }
}

impl Sample {
    /// Adds terms up by cluster. With n terms and C clusters the value of a cluster is `mean + C/n · Σ (term − mean)`: the mean over clusters is the mean
    /// over terms, and the spread over clusters is that of the mean, as for a ratio of sums (Cochran, Sampling Techniques, 1977, 6.4).
    #[must_use]
    pub fn of(terms: &[f64], clusters: &[u32], cluster_count: usize) -> Self {
        let mean = terms.iter().sum::<f64>() / terms.len() as f64;
        let is_single = cluster_count == terms.len();
        let values = if is_single {
            terms.to_vec()
        } else {
            let scale = cluster_count as f64 / terms.len() as f64;
            let mut values = vec![mean; cluster_count];
            for (term, cluster) in terms.iter().zip(clusters) {
                if let Some(value) = values.get_mut(*cluster as usize) {
                    *value += scale * (term - mean);
                }
            }
            values
        };
        let count = values.len() as f64;
        let squares = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        Self { mean, error: (squares / (count - 1.0) / count).sqrt(), values, is_single }
    }

    /// How many independent values there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The interval for [`LEVEL`]. `None` where all values are the same, of which nothing can be said, and, by Bernstein's inequality, where clusters have
    /// several rounds.
    #[must_use]
    pub fn interval(&self, method: Method) -> Option<Interval> {
        if self.values.len() < 2 || self.error.is_nan() || self.error <= 0.0 {
            return None;
        }
        let around = |reach: f64| Some(Interval { from: self.mean - reach, to: self.mean + reach });
        match method {
            Method::Likelihood => {
                let most = student(self.values.len()).powi(2);
                let mirrored: Vec<f64> = self.values.iter().map(|value| -value).collect();
                Some(Interval {
                    from: -farthest(&mirrored, -self.mean, self.error, most),
                    to: farthest(&self.values, self.mean, self.error, most),
                })
            }
            Method::Student => around(student(self.values.len()) * self.error),
            Method::Normal => around(normal(1.0 - (1.0 - LEVEL) / 2.0) * self.error),
            Method::Bootstrap { draws, seed } => self.bootstrap(draws, seed),
            Method::Bernstein { least, most } => {
                let count = self.values.len() as f64;
                let log = (4.0 / (1.0 - LEVEL)).ln();
                let reach = (2.0 * log).sqrt() * self.error + 7.0 * (most - least) * log / (3.0 * (count - 1.0));
                self.is_single.then_some(reach).and_then(around)
            }
        }
    }

    fn bootstrap(&self, draws: usize, seed: u64) -> Option<Interval> {
        let mut random = StdRng::seed_from_u64(seed);
        let count = self.values.len();
        let mut means: Vec<f64> = (0..draws)
            .map(|_| {
                let drawn = (0..count).filter_map(|_| self.values.get(random.random_range(0..count)));
                drawn.sum::<f64>() / count as f64
            })
            .collect();
        means.sort_unstable_by(f64::total_cmp);
        let tail = (1.0 - LEVEL) / 2.0;
        Some(Interval { from: percentile(&means, tail)?, to: percentile(&means, 1.0 - tail)? })
    }
}

/// A percentile of sorted numbers, between the two it falls between.
fn percentile(sorted: &[f64], part: f64) -> Option<f64> {
    let place = part * sorted.len().checked_sub(1)? as f64;
    let (below, above) = (sorted.get(place.floor() as usize)?, sorted.get(place.ceil() as usize)?);
    Some(below + (above - below) * place.fract())
}

/// A quantile of the standard normal distribution.
pub(crate) fn normal(part: f64) -> f64 {
    Normal::standard().inverse_cdf(part)
}

/// The upper quantile of Student's distribution for [`LEVEL`] and so many values.
fn student(count: usize) -> f64 {
    let part = 1.0 - (1.0 - LEVEL) / 2.0;
    StudentsT::new(0.0, 1.0, count as f64 - 1.0).map_or_else(|_| normal(part), |student| student.inverse_cdf(part))
}

/// The largest mean whose empirical likelihood ratio, −2 log R, is at most `most`.
fn farthest(values: &[f64], mean: f64, error: f64, most: f64) -> f64 {
    let end = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    // −2 log R rises from 0 at the mean to infinity at the largest value; its slope is −2nλ (Owen, Empirical Likelihood, 2001, 3.14).
    root(mean, end, mean + most.sqrt() * error, |tried| {
        let (ratio, multiplier) = ratio(values, tried);
        (most - ratio, 2.0 * values.len() as f64 * multiplier)
    })
}

/// −2 log R of a mean that lies strictly between the least and the largest value, and its multiplier λ: Σ z/(1 + λz) = 0 with z = value − mean.
fn ratio(values: &[f64], mean: f64) -> (f64, f64) {
    let gaps = || values.iter().map(|value| value - mean);
    let (least, most) = gaps().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), gap| (a.min(gap), b.max(gap)));
    if least >= 0.0 || most <= 0.0 {
        return (f64::INFINITY, if most <= 0.0 { f64::NEG_INFINITY } else { f64::INFINITY });
    }
    // No weight 1/(n(1 + λz)) can exceed 1.
    let bound = 1.0 / values.len() as f64 - 1.0;
    let multiplier = root(bound / most, bound / least, 0.0, |tried| {
        gaps().fold((0.0, 0.0), |(sum, slope), gap| {
            let part = gap / (1.0 + tried * gap);
            (sum + part, slope - part * part)
        })
    });
    (2.0 * gaps().map(|gap| (multiplier * gap).ln_1p()).sum::<f64>(), multiplier)
}

/// Where a falling function, told with its slope, is zero: Newton's steps within bounds that close in, halves where a step leaves them.
fn root(mut from: f64, mut to: f64, begin: f64, function: impl Fn(f64) -> (f64, f64)) -> f64 {
    let mut place = if begin > from && begin < to { begin } else { f64::midpoint(from, to) };
    for _ in 0..STEPS {
        let (value, slope) = function(place);
        if value > 0.0 {
            from = place;
        } else {
            to = place;
        }
        let step = place - value / slope;
        let next = if step > from && step < to { step } else { f64::midpoint(from, to) };
        if (next - place).abs() <= 1e-13 * (from.abs() + to.abs()) {
            return next;
        }
        place = next;
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(values: &[f64]) -> Sample {
        Sample::of(values, &(0..values.len() as u32).collect::<Vec<_>>(), values.len())
    }

    #[test]
    fn quantiles_are_those_of_the_tables() {
        assert!((normal(0.975) - 1.959_963_984_540_054).abs() < 1e-9);
        assert!((student(11) - 2.228_138_851_964_939).abs() < 1e-8);
    }

    #[test]
    fn empirical_likelihood_of_two_kinds_of_values_is_that_of_a_binomial() {
        // 20 ones of 100: −2 log R(θ) is the likelihood ratio of a proportion.
        let values: Vec<f64> = (0..100).map(|place| if place < 20 { 1.0 } else { 0.0 }).collect();
        let found = sample(&values).interval(Method::Likelihood).unwrap();
        let ratio = |theta: f64| 2.0 * (20.0 * (0.2 / theta).ln() + 80.0 * (0.8 / (1.0 - theta)).ln());
        let most = student(100).powi(2);
        assert!((ratio(found.from) - most).abs() < 1e-8 && (ratio(found.to) - most).abs() < 1e-8, "{found:?}");
        assert!(found.to - 0.2 > 0.2 - found.from, "it reaches further up");
    }

    #[test]
    fn clusters_of_copies_are_as_wide_as_the_clusters_alone() {
        let single = sample(&[1.0, 2.0, 4.0, 8.0]);
        let twice = Sample::of(&[1.0, 1.0, 2.0, 2.0, 4.0, 4.0, 8.0, 8.0], &[0, 0, 1, 1, 2, 2, 3, 3], 4);
        assert_eq!((single.mean, single.error), (twice.mean, twice.error));
        assert_eq!(single.interval(Method::Likelihood), twice.interval(Method::Likelihood));
        assert!(twice.interval(Method::Bernstein { least: 0.0, most: 9.0 }).is_none());
    }

    #[test]
    fn nothing_is_said_where_nothing_varies() {
        assert!(sample(&[0.0; 50]).interval(Method::Likelihood).is_none());
        assert!(sample(&[3.0]).interval(Method::Student).is_none());
    }

    #[test]
    fn every_method_is_near_the_normal_one_where_there_is_much() {
        let values: Vec<f64> = (0..4_000).map(|place| f64::from(place % 10)).collect();
        let all = sample(&values);
        let normal = all.interval(Method::Normal).unwrap();
        for method in [Method::Likelihood, Method::Student, Method::Bootstrap { draws: 4_000, seed: 1 }] {
            let found = all.interval(method).unwrap();
            assert!(
                (found.from - normal.from).abs() < 0.006 && (found.to - normal.to).abs() < 0.006,
                "{method:?} {found:?}"
            );
        }
        let wide = all.interval(Method::Bernstein { least: 0.0, most: 9.0 }).unwrap();
        assert!(wide.from < normal.from && wide.to > normal.to);
    }
}
