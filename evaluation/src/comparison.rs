//! Whether a log can tell two policies apart.

use crate::interval::{Interval, Method, Sample, normal};

/// Outcomes below which no policies are ranked. On logs with some forty, intervals for 95% held the truth on 85% to 92% (`docs/evaluation.md`).
pub const LEAST_OUTCOMES: usize = 100;

/// Effective outcomes below which no policies are ranked: they are what is left of the outcomes where weights are uneven.
pub const LEAST_EFFECTIVE: f64 = 30.0;

/// The chance that a difference is found, for which [`Comparison::smallest`] is told.
const POWER: f64 = 0.8;

/// What may be said of two policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The first earns more.
    Better,
    /// The first earns less.
    Worse,
    /// Too few outcomes to say anything.
    TooFew,
    /// The difference may be none.
    CannotTell,
}

/// The difference of two policies on one log.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// The first less the second, in reward of a round.
    pub difference: f64,
    /// Between what it lies.
    pub interval: Option<Interval>,
    /// The smallest difference that a log of this kind and size would find in four of five cases, at 95%: (z₀.₉₇₅ + z₀.₈) standard errors.
    pub smallest: f64,
    /// Of how many rounds the log would have to be to find the difference that was seen, in four of five cases; `None` where there is none.
    pub rounds: Option<f64>,
    /// What may be said.
    pub verdict: Verdict,
}

impl Comparison {
    /// Compares by the terms of two estimates, round by round: what both have in common falls out.
    ///
    /// `terms` and `against` have one number a round; `outcomes` and `effective` count what the smaller of both stands on.
    #[must_use]
    pub fn of(
        terms: &[f64],
        against: &[f64],
        clusters: (&[u32], usize),
        (outcomes, effective): (usize, f64),
        method: Method,
    ) -> Self {
        let gaps: Vec<f64> = terms.iter().zip(against).map(|(one, other)| one - other).collect();
        let sample = Sample::of(&gaps, clusters.0, clusters.1);
        let interval = sample.interval(method);
        let smallest = (normal(0.975) + normal(POWER)) * sample.error;
        let verdict = if outcomes < LEAST_OUTCOMES || effective < LEAST_EFFECTIVE {
            Verdict::TooFew
        } else {
            match interval {
                Some(interval) if interval.from > 0.0 => Verdict::Better,
                Some(interval) if interval.to < 0.0 => Verdict::Worse,
                _ => Verdict::CannotTell,
            }
        };
        let ratio = smallest / sample.mean;
        Self {
            difference: sample.mean,
            interval,
            smallest,
            rounds: (ratio.is_finite() && ratio != 0.0).then_some(terms.len() as f64 * ratio * ratio),
            verdict,
        }
    }
}

impl Verdict {
    /// Whether policies are ranked by it.
    #[must_use]
    pub fn ranks(self) -> bool {
        matches!(self, Self::Better | Self::Worse)
    }
}
