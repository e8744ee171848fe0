//! How much of a log speaks of a policy.

use crate::evaluation::{Evaluation, effective};
use crate::interval::Sample;

/// Standard errors by which the mean weight may be off before something is wrong with the probabilities: by chance, three times in a thousand logs.
const FAR: f64 = 3.0;

/// What weights look like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Overlap {
    /// Rounds of the policy's own that the log is worth, by Kish's formula: (Σ w)² / Σ w².
    pub effective_rounds: f64,
    /// Outcomes of the policy's own that it is worth, by the same formula over rounds with an outcome.
    pub effective_outcomes: f64,
    /// The largest weight.
    pub largest: f64,
    /// Share of all weight that the heaviest hundredth of rounds has; 0.01 if all are alike.
    pub heaviest: f64,
    /// Share of rounds in which the policy would never have done what was done.
    pub never: f64,
    /// Share of the policy on actions that the log never has at that position: of these it says nothing.
    pub unseen: f64,
    /// The mean weight. It is 1 on average, if the probabilities are those by which was chosen and the log has all that the policy would do.
    pub mean: f64,
    /// By how many standard errors it is off.
    pub off: f64,
}

impl Overlap {
    /// Reads it from the weights.
    #[must_use]
    pub fn of(of: &Evaluation) -> Self {
        let count = of.len() as f64;
        let mut sorted = of.weights.clone();
        sorted.sort_unstable_by(|one, other| other.total_cmp(one));
        let sum = sorted.iter().sum::<f64>();
        let top = sorted.len().div_ceil(100);
        let sample = Sample::of(&of.weights, &of.clusters, of.cluster_count);
        let gap = sample.mean - 1.0;
        Self {
            effective_rounds: effective(of.weights.iter().copied()),
            effective_outcomes: of.effective_outcomes(),
            largest: sorted.first().copied().unwrap_or_default(),
            heaviest: if sum > 0.0 { sorted.iter().take(top).sum::<f64>() / sum } else { 0.0 },
            never: of.weights.iter().filter(|weight| **weight == 0.0).count() as f64 / count,
            unseen: of.unseen.iter().sum::<f64>() / count,
            mean: sample.mean,
            off: if gap.abs() < 1e-9 {
                0.0
            } else if sample.error > 0.0 {
                gap / sample.error
            } else {
                gap.signum() * f64::INFINITY
            },
        }
    }

    /// Whether the mean weight is what it has to be.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        self.off.abs() <= FAR
    }
}
