//! How well a learner ranks rows by what the treatment gains, on halves of the trial that it did not learn from.

use petitfour_training::Fault;
use serde::Serialize;

use crate::estimate::{Estimate, Verdict};
use crate::learner::{Effect, Settings};
use crate::parting::{parts, sides};
use crate::qini::Curve;
use crate::trial::{Trial, fault};

/// Pieces of the curve that is told.
pub const GRID: usize = 50;

/// One arm against the control.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ranking {
    /// The arm's number.
    pub arm: usize,
    /// Area between curve and line of chance.
    pub qini: Estimate,
    /// Area under the curve.
    pub auuc: Estimate,
    /// The Qini coefficient of each parting.
    pub qinis: Vec<f64>,
    /// The curve, at `GRID + 1` shares from 0 to 1.
    pub curve: Vec<Band>,
}

/// The curve at one share of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Band {
    /// Of all rows.
    pub share: f64,
    /// Mean over partings, and between what it lies.
    #[serde(flatten)]
    pub gain: Estimate,
}

impl Ranking {
    /// Learns on one half and measures on the other, `settings.splits` times, `tick` after each.
    ///
    /// # Errors
    ///
    /// Fewer than two partings are asked for, or trees do not grow.
    pub fn of(trial: &Trial, arm: usize, settings: &Settings, tick: &mut dyn FnMut()) -> Result<Self, Fault> {
        let mut curves = Vec::with_capacity(settings.splits);
        for split in 0..settings.splits {
            let of = parts(trial, 2, settings.seed.wrapping_mul(1_000_003).wrapping_add(split as u64));
            let (train, held) = sides(&of, 0);
            let held: Vec<usize> =
                held.into_iter().filter(|row| trial.is_of(*row, arm) || trial.is_of(*row, 0)).collect();
            let scores = Effect::learn(trial, &train, arm, settings)?.answers(&trial.table, &held);
            let rows: Vec<_> = scores
                .into_iter()
                .zip(&held)
                .map(|(score, row)| (score, trial.is_of(*row, arm), trial.outcome(*row)))
                .collect();
            curves.extend(Curve::of(&rows));
            tick();
        }
        let told = |of: &dyn Fn(&Curve) -> f64| {
            let values: Vec<f64> = curves.iter().map(of).collect();
            let estimate = Estimate::of_partings(&values)
                .ok_or_else(|| fault("a ranking needs at least two partings", "ask for 20"))?;
            Ok::<_, Fault>((estimate, values))
        };
        let (qini, qinis) = told(&Curve::qini)?;
        let curve = (0..=GRID).map(|place| {
            let share = place as f64 / GRID as f64;
            Ok(Band { share, gain: told(&|curve| curve.at(share))?.0 })
        });
        Ok(Self { arm, qini, auuc: told(&Curve::auuc)?.0, qinis, curve: curve.collect::<Result<_, Fault>>()? })
    }

    /// Can the learner tell people apart by what the treatment gains?
    #[must_use]
    pub fn tells(&self) -> bool {
        self.qini.verdict() == Verdict::More
    }
}
