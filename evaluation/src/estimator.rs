//! Estimators of a policy's value.
//!
//! With w the weight of a round, r its reward, q̂ the model's prediction for what was chosen and q̄ what it predicts of the policy (all in
//! [`Evaluation`]); means are over rounds:
//!
//! ```text
//! direct             mean q̄
//! ipw                mean w·r                          Horvitz & Thompson, JASA 47, 1952
//! ipw, clipped       mean min(w, λ)·r                  Ionides, JCGS 17, 2008
//! snipw              Σ w·r / Σ w                       Swaminathan & Joachims, NeurIPS 2015 (Hájek, 1971)
//! dr                 mean q̄ + w·(r − q̂)                Dudík, Erhan, Langford, Li, Statistical Science 29, 2014
//! sndr               mean q̄ + Σ w·(r − q̂) / Σ w        ibidem; Thomas & Brunskill, ICML 2016
//! switch             mean q̄ + w·[w ≤ τ]·(r − q̂)        Wang, Agarwal, Dudík, ICML 2017
//! dros               mean q̄ + λw/(w² + λ)·(r − q̂)      Su, Dimakopoulou, Krishnamurthy, Dudík, ICML 2020
//! replay             mean r where the policy surely does the same   Li, Chu, Langford, Wang, WSDM 2011
//! ```
//!
//! Each is a mean of one *term* a round. Where it is a ratio, the terms are linearised: value + w·(r − value)/w̄ has the same mean, and its spread is
//! that of the ratio (the delta method), which that of w·r/w̄ is not.

use crate::evaluation::Evaluation;
use crate::interval::Sample;

/// Thresholds that [`Estimator::tuned`] tries.
pub const THRESHOLDS: [f64; 9] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 1_000.0, f64::INFINITY];

/// A way to estimate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Estimator {
    /// What the model of rewards says, alone.
    Direct,
    /// Inverse propensity weighting.
    Ipw,
    /// The same, with no weight above a bound: less spread, and biased towards 0.
    Clipped(f64),
    /// Self-normalised: the weights are made to have the mean 1.
    Snipw,
    /// Doubly robust: the model, corrected by what it got wrong.
    Dr,
    /// Doubly robust, the correction self-normalised.
    Sndr,
    /// Doubly robust where the weight is at most a bound, the model alone elsewhere.
    Switch(f64),
    /// Doubly robust with weights that shrink the more, the larger they are.
    Dros(f64),
    /// Of rounds in which the policy would surely have done the same.
    Replay,
}

/// A value, and what it is the mean of.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// Expected reward of a round.
    pub value: f64,
    /// One number for each round, whose mean is the value.
    pub terms: Vec<f64>,
    /// Between what a term can lie given the largest weight of this log; `None` where terms are linearised.
    pub range: Option<(f64, f64)>,
}

impl Estimator {
    /// A short name, as the field has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Direct => "dm",
            Self::Ipw => "ipw",
            Self::Clipped(_) => "ipw clipped",
            Self::Snipw => "snipw",
            Self::Dr => "dr",
            Self::Sndr => "sndr",
            Self::Switch(_) => "switch-dr",
            Self::Dros(_) => "dros",
            Self::Replay => "replay",
        }
    }

    /// Its bound or shrinkage, where it has one.
    #[must_use]
    pub fn setting(self) -> Option<f64> {
        match self {
            Self::Clipped(setting) | Self::Switch(setting) | Self::Dros(setting) => Some(setting),
            _ => None,
        }
    }

    /// Estimates. `None` where nothing can be said: no weight at all (the policy would have done none of what was done), or, of replay, no round in
    /// which the policy is sure.
    #[must_use]
    pub fn estimate(self, of: &Evaluation) -> Option<Estimate> {
        match self {
            Self::Direct => Some(plain(of.direct.clone(), of, 0.0, false)),
            Self::Ipw => Some(weighted(of, |weight| weight, false)),
            Self::Clipped(bound) => Some(weighted(of, |weight| weight.min(bound), false)),
            Self::Snipw => ratio(&of.weights, &of.rewards, None),
            Self::Dr => Some(weighted(of, |weight| weight, true)),
            Self::Sndr => {
                let residuals: Vec<f64> =
                    of.rewards.iter().zip(&of.predicted).map(|(reward, predicted)| reward - predicted).collect();
                ratio(&of.weights, &residuals, Some(&of.direct))
            }
            Self::Switch(_) | Self::Dros(_) => Some(weighted(of, |weight| self.changed(weight), true)),
            Self::Replay => {
                let sure: Vec<f64> = of.chances.iter().map(|chance| f64::from(u8::from(*chance == 1.0))).collect();
                ratio(&sure, &of.rewards, None)
            }
        }
    }

    /// The same kind with that of [`THRESHOLDS`] under which the estimated mean squared error is least: the spread of the terms over their number, and
    /// the square of what the changed weights leave out, (mean (w − ŵ)(r − q̂))² (Su et al., 2020, section 5; Wang et al., 2017, section 4). Of equals the
    /// largest, which is the least biased. Other kinds are left as they are.
    #[must_use]
    pub fn tuned(self, of: &Evaluation) -> Self {
        let with = |setting| match self {
            Self::Clipped(_) => Self::Clipped(setting),
            Self::Switch(_) => Self::Switch(setting),
            Self::Dros(_) => Self::Dros(setting),
            other => other,
        };
        if with(1.0) == with(2.0) {
            return self;
        }
        let mut best = (f64::INFINITY, self);
        for setting in THRESHOLDS.into_iter().rev() {
            let tried = with(setting);
            let error = tried.error(of);
            if error < best.0 {
                best = (error, tried);
            }
        }
        best.1
    }

    /// Estimated mean squared error.
    fn error(self, of: &Evaluation) -> f64 {
        let Some(estimate) = self.estimate(of) else { return f64::INFINITY };
        let count = of.len() as f64;
        let is_modelled = !matches!(self, Self::Clipped(_));
        let left_out = of.weights.iter().zip(&of.rewards).zip(&of.predicted).map(|((weight, reward), predicted)| {
            (weight - self.changed(*weight)) * (reward - if is_modelled { *predicted } else { 0.0 })
        });
        let bias = left_out.sum::<f64>() / count;
        let spread = estimate.terms.iter().map(|term| (term - estimate.value).powi(2)).sum::<f64>() / count;
        spread / count + bias * bias
    }

    /// A weight as this estimator takes it.
    fn changed(self, weight: f64) -> f64 {
        match self {
            Self::Clipped(bound) => weight.min(bound),
            Self::Switch(bound) => {
                if weight <= bound {
                    weight
                } else {
                    0.0
                }
            }
            Self::Dros(shrinkage) if shrinkage.is_finite() => shrinkage * weight / (weight * weight + shrinkage),
            _ => weight,
        }
    }
}

impl Estimate {
    /// Its terms as a sample, by cluster.
    #[must_use]
    pub fn sample(&self, of: &Evaluation) -> Sample {
        Sample::of(&self.terms, &of.clusters, of.cluster_count)
    }
}

/// mean w·r, or mean q̄ + w·(r − q̂).
fn weighted(of: &Evaluation, weight: impl Fn(f64) -> f64, is_modelled: bool) -> Estimate {
    let mut most = 0.0_f64;
    let rounds = of.weights.iter().zip(&of.rewards).zip(of.direct.iter().zip(&of.predicted));
    let terms = rounds.map(|((own, reward), (direct, predicted))| {
        let own = weight(*own);
        most = most.max(own);
        if is_modelled { direct + own * (reward - predicted) } else { own * reward }
    });
    let terms = terms.collect();
    plain(terms, of, most, is_modelled)
}

/// A mean of terms, which lie in what the model predicts and what the largest weight can add.
fn plain(terms: Vec<f64>, of: &Evaluation, most: f64, is_modelled: bool) -> Estimate {
    let bounds = |numbers: &[f64]| {
        let least = numbers.iter().copied().fold(f64::INFINITY, f64::min);
        (least, numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max))
    };
    let reward = bounds(&of.rewards);
    let range = if is_modelled {
        let (direct, predicted) = (bounds(&of.direct), bounds(&of.predicted));
        let (down, up) = ((reward.0 - predicted.1).min(0.0), (reward.1 - predicted.0).max(0.0));
        (direct.0 + most * down, direct.1 + most * up)
    } else if most > 0.0 {
        (most * reward.0.min(0.0), most * reward.1.max(0.0))
    } else {
        bounds(&of.direct)
    };
    Estimate { value: mean(&terms), terms, range: Some(range) }
}

/// Σ w·x / Σ w, on top of `base` where there is one.
fn ratio(weights: &[f64], numbers: &[f64], base: Option<&[f64]>) -> Option<Estimate> {
    let whole = mean(weights);
    if whole <= 0.0 {
        return None;
    }
    let share = weights.iter().zip(numbers).map(|(weight, number)| weight * number).sum::<f64>() / weights.len() as f64;
    let share = share / whole;
    let linear = weights.iter().zip(numbers).map(|(weight, number)| share + weight * (number - share) / whole);
    let terms: Vec<f64> = match base {
        Some(base) => linear.zip(base).map(|(term, base)| term + base).collect(),
        None => linear.collect(),
    };
    Some(Estimate { value: share + base.map_or(0.0, mean), terms, range: None })
}

fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len() as f64
}
