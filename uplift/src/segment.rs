//! Parts of a trial that people have names for: what the treatment does in each, what that is worth, and plain advice.

use petitfour_training::{Fault, Values};
use serde::Serialize;

use crate::estimate::{Estimate, Verdict, moments};
use crate::learner::{Effect, Settings};
use crate::parting::{parts, sides};
use crate::trial::{Trial, fault};

/// Rows of either arm below which nothing is said of a part: its mean is not yet normal.
pub const LEAST: usize = 30;
/// Rows with an outcome other than the usual one that the two arms of a part need together, so that a rate of few in thousands is not taken for sure.
const EVENTS: usize = 10;
/// Different numbers of a column up to which each is a part.
const NUMBERS: usize = 6;
/// Parts of a column of more numbers.
const QUARTERS: usize = 4;
/// Levels that are parts of their own, the most frequent; the others are one part.
const LEVELS: usize = 20;
/// Parts by foreseen effect.
const FIFTHS: usize = 5;

/// A way to part the rows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Segment {
    /// The column, or what else parts them.
    pub name: String,
    /// Together all rows. All intervals of a segment hold together with 95% (Bonferroni): some part always looks good by chance.
    pub parts: Vec<Part>,
}

/// Rows that are alike.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Part {
    /// What they have in common.
    pub name: String,
    /// Each arm, the control first.
    pub arms: Vec<Arm>,
    /// Each arm but the control; by foreseen effect, the arm that it is foreseen of.
    pub lifts: Vec<Lift>,
}

/// The rows of one arm within a part.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Arm {
    /// How many.
    pub rows: usize,
    /// Their mean outcome: a rate where it is 0 or 1. 0 where there is no row.
    pub mean: f64,
}

/// What an arm does in a part.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Lift {
    /// The arm.
    pub arm: usize,
    /// More of the outcome than the control has, for a row; nothing is said of too few rows.
    pub lift: Option<Estimate>,
    /// Its value, less the cost of treating a row.
    pub worth: Option<Estimate>,
    /// What to do.
    pub counsel: Counsel,
}

/// What to do with a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Counsel {
    /// Treating a row is worth more than it costs.
    Target,
    /// Treating a row is worth less than it costs.
    LeaveAlone,
    /// The rows do not say.
    CannotTell,
}

impl Segment {
    /// All rows as one part.
    #[must_use]
    pub fn whole(trial: &Trial, settings: &Settings) -> Self {
        let arms: Vec<usize> = (1..trial.arms.len()).collect();
        let name = || "everybody".to_owned();
        Self::of((name(), vec![name()]), &vec![Some(0); trial.len()], &arms, trial, settings)
    }

    /// By a column: each of a few numbers, quarters of many, the frequent levels.
    ///
    /// # Errors
    ///
    /// There is no such column.
    pub fn by(column: &str, trial: &Trial, settings: &Settings) -> Result<Self, Fault> {
        let column = column.trim().replace(char::is_whitespace, "_");
        let Some(found) = trial.table.columns.iter().find(|one| one.name == column) else {
            let there: Vec<&str> = trial.table.columns.iter().map(|column| column.name.as_str()).collect();
            let what = format!("there is no column `{column}` that was known before the treatment");
            return Err(fault(&what, &format!("there are {}", there.join(", "))));
        };
        let (mut names, mut of) = match &found.kind {
            Values::Levels(levels) => by_level(levels, &found.values),
            Values::Numbers => by_number(&found.values),
        };
        if found.values.iter().any(|value| value.is_nan()) {
            let place = names.len();
            names.push("missing".to_owned());
            for (of, _) in of.iter_mut().zip(&found.values).filter(|(_, value)| value.is_nan()) {
                *of = Some(place);
            }
        }
        let arms: Vec<usize> = (1..trial.arms.len()).collect();
        Ok(Self::of((column, names), &of, &arms, trial, settings))
    }

    /// By fifths of the effect that is foreseen for an arm, each row's by a model that did not learn from it; `tick` after each of `settings.folds`.
    ///
    /// # Errors
    ///
    /// Trees do not grow.
    pub fn by_effect(trial: &Trial, arm: usize, settings: &Settings, tick: &mut dyn FnMut()) -> Result<Self, Fault> {
        let folds = parts(trial, settings.folds.max(2), settings.seed ^ 0x5e65);
        let mut of = vec![None; trial.len()];
        for fold in 0..settings.folds.max(2) {
            let (held, rest) = sides(&folds, fold);
            let scores = Effect::learn(trial, &rest, arm, settings)?.answers(&trial.table, &held);
            // Within the fold: scores of two models are not on one scale.
            let mut sorted: Vec<(f64, usize)> = scores.into_iter().zip(held.iter().copied()).collect();
            sorted.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
            for (place, (_, row)) in sorted.iter().enumerate() {
                if let Some(of) = of.get_mut(*row) {
                    *of = Some(place * FIFTHS / sorted.len());
                }
            }
            tick();
        }
        let words = [
            "the fifth that should gain most",
            "second fifth",
            "middle fifth",
            "fourth fifth",
            "the fifth that should gain least",
        ];
        let name = trial.arms.get(arm).map_or("", String::as_str);
        let names = words.iter().map(|word| (*word).to_owned()).collect();
        // The order is of one arm, and says nothing of another.
        Ok(Self::of((format!("foreseen effect of {name}"), names), &of, &[arm], trial, settings))
    }

    /// Tells of some arms.
    fn of(
        (name, names): (String, Vec<String>),
        of: &[Option<usize>],
        arms: &[usize],
        trial: &Trial,
        settings: &Settings,
    ) -> Self {
        let mut outcomes = vec![vec![Vec::new(); trial.arms.len()]; names.len()];
        for (row, part) in of.iter().enumerate() {
            let arm = trial.arm.get(row).copied().unwrap_or_default();
            if let Some(place) = part.and_then(|part| outcomes.get_mut(part)).and_then(|part| part.get_mut(arm)) {
                place.push(trial.outcome(row));
            }
        }
        let among = names.len() * arms.len();
        let parts = names.into_iter().zip(&outcomes).map(|(name, outcomes)| {
            let told = outcomes
                .iter()
                .map(|rows| Arm { rows: rows.len(), mean: rows.iter().sum::<f64>() / rows.len().max(1) as f64 });
            let control = outcomes.first().map_or(&[][..], Vec::as_slice);
            let lifts = arms.iter().map(|arm| {
                let treated = outcomes.get(*arm).map_or(&[][..], Vec::as_slice);
                let lift = lift(treated, control, among);
                let worth = lift.map(|lift| lift.scaled(settings.value, -settings.cost));
                let counsel = match worth.map_or(Verdict::NoDifference, |worth| worth.verdict()) {
                    Verdict::More => Counsel::Target,
                    Verdict::Less => Counsel::LeaveAlone,
                    Verdict::NoDifference => Counsel::CannotTell,
                };
                Lift { arm: *arm, lift, worth, counsel }
            });
            Part { name, arms: told.collect(), lifts: lifts.collect() }
        });
        Self { name, parts: parts.collect() }
    }
}

/// The difference of two means, by Welch's standard error; one of `among`.
fn lift(treated: &[f64], control: &[f64], among: usize) -> Option<Estimate> {
    if treated.len() < LEAST || control.len() < LEAST {
        return None;
    }
    let (one, other) = (moments(treated)?, moments(control)?);
    let usual = if one.0 + other.0 > 1.0 { 1.0 } else { 0.0 };
    if treated.iter().chain(control).filter(|outcome| **outcome != usual).count() < EVENTS {
        return None;
    }
    let error = (one.1 / treated.len() as f64 + other.1 / control.len() as f64).sqrt();
    Some(Estimate::around(one.0 - other.0, error, among))
}

fn by_level(levels: &[String], values: &[f64]) -> (Vec<String>, Vec<Option<usize>>) {
    let mut counts = vec![(0_usize, 0_usize); levels.len()];
    counts.iter_mut().enumerate().for_each(|(number, count)| count.1 = number);
    for value in values.iter().filter(|value| !value.is_nan()) {
        if let Some(count) = counts.get_mut(*value as usize) {
            count.0 += 1;
        }
    }
    counts.retain(|(count, _)| *count > 0);
    counts.sort_by(|one, other| other.0.cmp(&one.0).then(one.1.cmp(&other.1)));
    let cut = counts.len() > LEVELS;
    let mut kept: Vec<usize> = counts.iter().take(LEVELS).map(|(_, number)| *number).collect();
    kept.sort_unstable();
    let mut names: Vec<String> = kept.iter().filter_map(|number| levels.get(*number).cloned()).collect();
    let others = names.len();
    if cut {
        names.push("all others".to_owned());
    }
    let of = values.iter().map(|value| {
        let number = (!value.is_nan()).then_some(*value as usize)?;
        Some(kept.binary_search(&number).unwrap_or(others))
    });
    (names, of.collect())
}

fn by_number(values: &[f64]) -> (Vec<String>, Vec<Option<usize>>) {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
    sorted.sort_by(f64::total_cmp);
    let mut different = sorted.clone();
    different.dedup();
    // The largest value of each part.
    let bounds: Vec<f64> = if different.len() <= NUMBERS {
        different
    } else {
        let bound = |quarter: usize| sorted.get((sorted.len() * quarter / QUARTERS).saturating_sub(1)).copied();
        let mut bounds: Vec<f64> = (1..=QUARTERS).filter_map(bound).collect();
        bounds.dedup();
        bounds
    };
    let mut from = None;
    let names = bounds.iter().map(|bound| {
        let least = sorted.iter().copied().find(|value| from.is_none_or(|from| *value > from)).unwrap_or(*bound);
        from = Some(*bound);
        if least == *bound { bound.to_string() } else { format!("{least} to {bound}") }
    });
    let names = names.collect();
    let of = values.iter().map(|value| (!value.is_nan()).then(|| bounds.partition_point(|bound| bound < value)));
    (names, of.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_parted_once_each_and_named_by_what_is_in_them() {
        let values: Vec<f64> = (0..100).map(f64::from).chain([f64::NAN]).collect();
        let (names, of) = by_number(&values);
        assert_eq!(names, ["0 to 24", "25 to 49", "50 to 74", "75 to 99"]);
        assert_eq!((of[0], of[24], of[25], of[99], of[100]), (Some(0), Some(0), Some(1), Some(3), None));
        assert_eq!(by_number(&[1.0, 0.0, 1.0]).0, ["0", "1"]);
        // Most are of one value, which is then a part of its own.
        let (names, of) = by_number(&[vec![0.0; 90], (1..=10).map(f64::from).collect()].concat());
        assert_eq!((names, of[0], of[95]), (vec!["0".to_owned(), "1 to 10".to_owned()], Some(0), Some(1)));
    }

    #[test]
    fn a_lift_is_welchs_and_not_told_of_few() {
        let rate =
            |did: usize, all: usize| -> Vec<f64> { (0..all).map(|row| f64::from(u8::from(row < did))).collect() };
        let told = lift(&rate(150, 1_000), &rate(100, 1_000), 1).unwrap();
        let error = ((0.15 * 0.85 + 0.1 * 0.9) / 999.0_f64).sqrt();
        assert!((told.value - 0.05).abs() < 1e-12 && (told.to - 0.05 - 1.959_964 * error).abs() < 1e-7, "{told:?}");
        assert!(lift(&rate(10, 29), &rate(100, 1_000), 1).is_none());
        assert!(lift(&rate(5, 1_000), &rate(0, 1_000), 1).is_none(), "five events say nothing");
        assert!(lift(&rate(1_000, 1_000), &rate(999, 1_000), 1).is_none());
    }
}
