//! Who should be given what: a learned policy where it is sure to beat the best single arm for everybody, else that arm.
//!
//! Policies are valued on rows that they did not learn from: the rows are parted into folds, and the policy that chooses for a fold learned from all others. Each row tells
//! of each arm `m + 1{given it} (y − m) / e`, doubly robust (Robins, Rotnitzky and Zhao 1994; Dudík, Langford and Li 2011), where e is the trial's own probability and m a
//! model that learned from the other folds as well; as e is known, a bad m costs precision and no truth.

use petitfour_training::{Boosted, Fault};
use serde::Serialize;

use crate::estimate::{Estimate, Verdict};
use crate::learner::{Effect, Settings, loss};
use crate::parting::{parts, sides};
use crate::trial::{Trial, fault};

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "what", content = "arm")]
pub enum Choice {
    /// Give each row what the learned policy says.
    Learned,
    /// Give everybody this arm.
    Everyone(usize),
    /// Leave everybody alone: no arm was worth more than the control.
    Nobody,
}

/// What giving somebody an arm is worth, cost taken off, for one row.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Worth {
    /// The arm.
    pub arm: usize,
    /// If everybody is given it.
    pub value: Estimate,
    /// More than if everybody is left alone. This of every arm, and the gain of the learned policy, hold together with 95% (Bonferroni).
    pub gain: Estimate,
}

/// What to do with people like those of a trial, and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Advice {
    /// What to do.
    pub choice: Choice,
    /// For each arm.
    pub worths: Vec<Worth>,
    /// The arm that is worth most if everybody is given it. It is chosen and valued on the same rows, which favours it, so the learned policy is measured against too much rather than too little.
    pub best: usize,
    /// The learned policy.
    pub learned: Estimate,
    /// The learned policy less the best arm for everybody.
    pub gain: Estimate,
    /// The share of rows to which the learned policy gives each arm.
    pub shares: Vec<f64>,
    /// What the policy that did not learn from a row chooses for it.
    #[serde(skip)]
    pub chosen: Vec<usize>,
    /// The fold of each row.
    #[serde(skip)]
    pub folds: Vec<usize>,
}

/// Gives each row the arm whose foreseen effect, valued and with its cost taken off, is the largest; the control where none is above 0.
pub struct Policy {
    effects: Vec<Effect>,
    value: f64,
    cost: f64,
}

impl Policy {
    /// Learns the effect of every arm from some rows.
    ///
    /// # Errors
    ///
    /// An arm has no row there, or trees do not grow.
    pub fn learn(trial: &Trial, rows: &[usize], settings: &Settings) -> Result<Self, Fault> {
        let effects = (1..trial.arms.len()).map(|arm| Effect::learn(trial, rows, arm, settings));
        Ok(Self { effects: effects.collect::<Result<_, _>>()?, value: settings.value, cost: settings.cost })
    }

    /// The arm for each of some rows.
    #[must_use]
    pub fn choose(&self, trial: &Trial, rows: &[usize]) -> Vec<usize> {
        let mut best = vec![(0, 0.0); rows.len()];
        for (place, effect) in self.effects.iter().enumerate() {
            for (best, effect) in best.iter_mut().zip(effect.answers(&trial.table, rows)) {
                let net = self.value * effect - self.cost;
                if net > best.1 {
                    *best = (place + 1, net);
                }
            }
        }
        best.into_iter().map(|(arm, _)| arm).collect()
    }
}

impl Advice {
    /// Is what is advised better than leaving everybody alone, or to leave everybody alone better than any arm, by more than chance? Where not, there is
    /// *no difference*, and the advice is no more than what looked best.
    #[must_use]
    pub fn is_sure(&self) -> bool {
        let verdict = |worth: &Worth| worth.gain.verdict();
        match self.choice {
            Choice::Learned => true,
            Choice::Everyone(arm) => self.worths.get(arm).is_some_and(|worth| verdict(worth) == Verdict::More),
            Choice::Nobody => self.worths.iter().skip(1).all(|worth| verdict(worth) == Verdict::Less),
        }
    }

    /// Learns and measures, `tick` after each of `settings.folds`.
    ///
    /// # Errors
    ///
    /// Fewer than two folds are asked for, the value is negative or the cost no number, or trees do not grow.
    pub fn of(trial: &Trial, settings: &Settings, tick: &mut dyn FnMut()) -> Result<Self, Fault> {
        if settings.folds < 2 {
            return Err(fault("a policy needs at least two folds", "ask for 5"));
        }
        if !(settings.value >= 0.0 && settings.value.is_finite() && settings.cost.is_finite()) {
            return Err(fault(
                "value or cost is no number, or the value is below 0",
                "give what an outcome of 1 is worth",
            ));
        }
        let folds = parts(trial, settings.folds, settings.seed ^ 0xf01d);
        let mut chosen = vec![0; trial.len()];
        // For each arm, what each row tells of it.
        let mut told = vec![vec![0.0; trial.len()]; trial.arms.len()];
        for fold in 0..settings.folds {
            let (held, rest) = sides(&folds, fold);
            let policy = Policy::learn(trial, &rest, settings)?;
            for (row, arm) in held.iter().zip(policy.choose(trial, &held)) {
                if let Some(place) = chosen.get_mut(*row) {
                    *place = arm;
                }
            }
            for (arm, told) in told.iter_mut().enumerate() {
                tell(trial, (&held, &rest), arm, settings, told)?;
            }
            tick();
        }
        let take = |arm: usize, row: usize| told.get(arm).and_then(|told| told.get(row)).copied().unwrap_or_default();
        let estimate = |of: &dyn Fn(usize) -> f64, among: usize| {
            let values: Vec<f64> = (0..trial.len()).map(of).collect();
            Estimate::of_mean(&values, among).ok_or_else(|| fault("there are too few rows", "bring more"))
        };
        // Each arm against the control, and the policy against the best of them.
        let compared = trial.arms.len();
        let mut worths = Vec::new();
        for arm in 0..trial.arms.len() {
            let (value, gain) =
                (estimate(&|row| take(arm, row), 1)?, estimate(&|row| take(arm, row) - take(0, row), compared)?);
            worths.push(Worth { arm, value, gain });
        }
        let first = worths.iter().rev().max_by(|one, other| one.value.value.total_cmp(&other.value.value));
        let best = first.map_or(0, |worth| worth.arm);
        let by = |row: usize| take(chosen.get(row).copied().unwrap_or_default(), row);
        let gain = estimate(&|row| by(row) - take(best, row), compared)?;
        let choice = match (gain.verdict(), best) {
            (Verdict::More, _) => Choice::Learned,
            (_, 0) => Choice::Nobody,
            (_, arm) => Choice::Everyone(arm),
        };
        let count = |arm: usize| chosen.iter().filter(|chosen| **chosen == arm).count();
        let shares = (0..trial.arms.len()).map(|arm| count(arm) as f64 / trial.len() as f64).collect();
        Ok(Self { choice, worths, best, learned: estimate(&by, 1)?, gain, shares, chosen, folds })
    }
}

/// What rows that were held out tell of an arm, valued and with its cost taken off.
fn tell(
    trial: &Trial,
    (held, rest): (&[usize], &[usize]),
    arm: usize,
    settings: &Settings,
    told: &mut [f64],
) -> Result<(), Fault> {
    let own: Vec<usize> = rest.iter().copied().filter(|row| trial.is_of(*row, arm)).collect();
    let model = Boosted::grow(&trial.table, &own, loss(trial), &settings.growth)?;
    let probability = trial.propensities.get(arm).copied().unwrap_or(1.0);
    let cost = if arm == 0 { 0.0 } else { settings.cost };
    for (row, said) in held.iter().zip(model.answers(&trial.table, held)) {
        let more = if trial.is_of(*row, arm) { (trial.outcome(*row) - said) / probability } else { 0.0 };
        if let Some(place) = told.get_mut(*row) {
            *place = settings.value * (said + more) - cost;
        }
    }
    Ok(())
}
