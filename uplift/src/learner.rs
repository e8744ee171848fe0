//! Effects of a treatment on single rows, foreseen by boosted trees in four ways.

use petitfour_training::{Boosted, Column, Fault, Growth, Loss, Table, Values};
use serde::Serialize;

use crate::trial::Trial;

/// How an effect is learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Learner {
    /// One model in which the treatment is a column: what it says with it, less what it says without (S-learner).
    S,
    /// Two models, one for each arm (T-learner; Radcliffe and Surry 1999 call it the two-model approach).
    T,
    /// One model of an outcome whose mean is the effect, `Y (W − e) / e (1 − e)` (Athey and Imbens 2015, §3.2).
    Transformed,
    /// Two models of what each row gained over what the other arm's model says of it, weighted by the propensity (Künzel, Sekhon, Bickel and Yu, PNAS 116, 2019).
    X,
}

/// Where a learner has the probability of treatment from. What policies are measured by is always the trial's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Propensity {
    /// From the trial.
    Known,
    /// From trees that foresee the arm of a row; kept from 2% to 98%.
    Estimated,
}

/// How effects are learned, measured and valued.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Settings {
    /// How an effect is learned.
    pub learner: Learner,
    /// Where the learner has the probability of treatment from.
    pub propensity: Propensity,
    /// How trees are grown; `most` of them, for nothing says when to stop.
    pub growth: Growth,
    /// Partings into halves that a ranking is measured on, from 2.
    pub splits: usize,
    /// Folds that a policy is measured on, from 2.
    pub folds: usize,
    /// What an outcome of 1 is worth, 0 and more.
    pub value: f64,
    /// What treating one row costs, in the unit of the value; the control costs nothing.
    pub cost: f64,
    /// Of partings.
    pub seed: u64,
}

impl Default for Settings {
    /// Effects are small beside outcomes: few small trees. 100 trees of 8 leaves rank better than those of 31 on every reference (docs/uplift.md).
    fn default() -> Self {
        Self {
            learner: Learner::S,
            propensity: Propensity::Known,
            growth: Growth { leaves: 8, most: 100, rows: 1.0, columns: 1.0, ..Growth::default() },
            splits: 20,
            folds: 5,
            value: 1.0,
            cost: 0.0,
            seed: 1,
        }
    }
}

/// The effect of one arm against the control, as some rows say.
pub struct Effect(Kind);

enum Kind {
    S(Boosted),
    T { treated: Boosted, control: Boosted },
    Transformed(Boosted),
    X { treated: Boosted, control: Boosted, propensity: Chance },
}

enum Chance {
    Known(f64),
    Trees(Boosted),
}

/// What the treatment is called as a column; a CSV file cannot have it, as blanks become `_`.
const TREATED: &str = "treated or not";
/// Propensities are kept so far from 0 and 1: a weight of more than 50 is one row's word for fifty.
const CERTAIN: f64 = 0.02;

impl Effect {
    /// Learns from those of `rows` that are of this arm or of the control.
    ///
    /// # Errors
    ///
    /// One of the two has no row there, or trees do not grow.
    pub fn learn(trial: &Trial, rows: &[usize], arm: usize, settings: &Settings) -> Result<Self, Fault> {
        let rows: Vec<usize> =
            rows.iter().copied().filter(|row| trial.is_of(*row, arm) || trial.is_of(*row, 0)).collect();
        let (treated, control): (Vec<usize>, Vec<usize>) = rows.iter().partition(|row| trial.is_of(**row, arm));
        let growth = &settings.growth;
        Ok(Self(match settings.learner {
            Learner::S => {
                let values = trial.arm.iter().map(|one| f64::from(u8::from(*one == arm))).collect();
                Kind::S(Boosted::grow(&with(&trial.table, values), &rows, loss(trial), growth)?)
            }
            Learner::T => {
                let [treated, control] = outcomes(trial, [&treated, &control], growth)?;
                Kind::T { treated, control }
            }
            Learner::Transformed => {
                let shares = Chance::learn(trial, &rows, arm, settings)?.of(&trial.table, &rows);
                let mut truth = trial.table.truth.clone();
                for (row, share) in rows.iter().zip(shares) {
                    let given = f64::from(u8::from(trial.is_of(*row, arm)));
                    if let Some(truth) = truth.get_mut(*row) {
                        *truth *= (given - share) / (share * (1.0 - share));
                    }
                }
                Kind::Transformed(Boosted::grow(&of(&trial.table, truth), &rows, Loss::Square, growth)?)
            }
            Learner::X => {
                let [with, without] = outcomes(trial, [&treated, &control], growth)?;
                let gained = |rows: &[usize], other: &Boosted, sign: f64| {
                    let mut truth = trial.table.truth.clone();
                    for (row, said) in rows.iter().zip(other.answers(&trial.table, rows)) {
                        if let Some(truth) = truth.get_mut(*row) {
                            *truth = sign * (*truth - said);
                        }
                    }
                    Boosted::grow(&of(&trial.table, truth), rows, Loss::Square, growth)
                };
                let propensity = Chance::learn(trial, &rows, arm, settings)?;
                Kind::X {
                    treated: gained(&treated, &without, 1.0)?,
                    control: gained(&control, &with, -1.0)?,
                    propensity,
                }
            }
        }))
    }

    /// The effect on each of some rows, in the unit of the outcome.
    #[must_use]
    pub fn answers(&self, table: &Table, rows: &[usize]) -> Vec<f64> {
        let less =
            |one: Vec<f64>, other: Vec<f64>| one.into_iter().zip(other).map(|(one, other)| one - other).collect();
        match &self.0 {
            Kind::S(model) => {
                let all = |value: f64| with(table, vec![value; table.len()]);
                less(model.answers(&all(1.0), rows), model.answers(&all(0.0), rows))
            }
            Kind::T { treated, control } => less(treated.answers(table, rows), control.answers(table, rows)),
            Kind::Transformed(model) => model.answers(table, rows),
            Kind::X { treated, control, propensity } => {
                let shares = propensity.of(table, rows);
                let both = treated.answers(table, rows).into_iter().zip(control.answers(table, rows));
                both.zip(shares).map(|((one, other), share)| share * other + (1.0 - share) * one).collect()
            }
        }
    }
}

impl Chance {
    fn learn(trial: &Trial, rows: &[usize], arm: usize, settings: &Settings) -> Result<Self, Fault> {
        Ok(match settings.propensity {
            Propensity::Known => Self::Known(trial.share(arm)),
            Propensity::Estimated => {
                let given = trial.arm.iter().map(|one| f64::from(u8::from(*one == arm))).collect();
                Self::Trees(Boosted::grow(&of(&trial.table, given), rows, Loss::Log, &settings.growth)?)
            }
        })
    }

    fn of(&self, table: &Table, rows: &[usize]) -> Vec<f64> {
        match self {
            Self::Known(share) => vec![*share; rows.len()],
            Self::Trees(trees) => {
                trees.answers(table, rows).into_iter().map(|share| share.clamp(CERTAIN, 1.0 - CERTAIN)).collect()
            }
        }
    }
}

/// By which loss the outcome of a trial is learned.
pub(crate) fn loss(trial: &Trial) -> Loss {
    if trial.binary { Loss::Log } else { Loss::Square }
}

/// A model of the outcome for each of two sets of rows.
fn outcomes(trial: &Trial, [one, other]: [&[usize]; 2], growth: &Growth) -> Result<[Boosted; 2], Fault> {
    let grow = |rows: &[usize]| Boosted::grow(&trial.table, rows, loss(trial), growth);
    Ok([grow(one)?, grow(other)?])
}

/// The table with another number to learn.
fn of(table: &Table, truth: Vec<f64>) -> Table {
    Table { truth, ..table.clone() }
}

/// The table with the treatment as its last column.
fn with(table: &Table, values: Vec<f64>) -> Table {
    let mut table = table.clone();
    table.columns.push(Column { name: TREATED.to_owned(), kind: Values::Numbers, values });
    table
}
