//! Trains both kinds of model, measures them on rows that neither saw, and says which to take.

use petitfour_models::Forest;
use serde::Serialize;

use crate::calibrated::Calibrated;
use crate::drift::Drift;
use crate::encoding::Encoding;
use crate::fault::Fault;
use crate::leak::{self, Leak};
use crate::linear::{self, Linear, probability};
use crate::measure::Measures;
use crate::split::{By, Split};
use crate::table::Table;
use crate::trees::{Growth, Loss, grow, lift};

/// What a row of those who did counts beside one of those who did not, while learning.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ClassWeight {
    /// As much.
    Equal,
    /// So much that both kinds together count the same.
    Balanced,
    /// So many times as much.
    Times(f64),
}

/// How to train.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Settings {
    /// How rows are parted.
    pub by: By,
    /// Share of the rows that is held out, above 0 and below 1.
    pub holdout: f64,
    /// What those who did count.
    pub class_weight: ClassWeight,
    /// How trees are grown.
    pub growth: Growth,
    /// Of the parting.
    pub seed: u64,
    /// Are the models that are kept trained again, on all rows?
    pub refit: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            by: By::Random,
            holdout: 0.2,
            class_weight: ClassWeight::Equal,
            growth: Growth::default(),
            seed: 1,
            refit: false,
        }
    }
}

/// Which of the two models to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The boosted trees.
    Trees,
    /// The logistic regression.
    Linear,
}

/// Two models, and what they are worth.
#[derive(Debug, Clone, PartialEq)]
pub struct Study {
    /// How the rows were parted.
    pub split: Split,
    /// The trees.
    pub forest: Forest,
    /// The logistic regression.
    pub linear: Linear,
    /// The trees on the rows held out.
    pub trees_held: Measures,
    /// The logistic regression on the rows held out.
    pub linear_held: Measures,
    /// The trees on the rows that say when to stop.
    pub trees_seen: Measures,
    /// The columns that were asked, with the share of the trees' gain and the AUC that each has alone; most gain first.
    pub columns: Vec<Asked>,
    /// Which to take: the one with the higher AUC on the rows held out, and the regression where they are within 0.001.
    pub recommended: Kind,
    /// What calibration does to it; nothing where the rows that say when to stop all came out alike.
    pub calibrated: Option<Calibrated>,
    /// Whether the rows held out are of the same world.
    pub drift: Drift,
    /// Columns that may know too much.
    pub leaks: Vec<Leak>,
}

/// One column that was asked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Asked {
    /// Its name.
    pub name: String,
    /// Its share of the trees' gain.
    pub gain: f64,
    /// AUC of this column alone.
    pub alone: f64,
}

/// AUC by which trees have to be better: below it, what is smaller is better.
const TIE: f64 = 0.001;

impl Study {
    /// Parts the rows, trains, measures and warns; `tick` is told what is done next.
    ///
    /// # Errors
    ///
    /// As [`Split::of`] says; there is no column with two values among the rows that are learned from; a model has no solution.
    pub fn of(table: &Table, settings: &Settings, tick: &mut dyn FnMut(&str)) -> Result<Self, Fault> {
        let split = Split::of(table, settings.by, settings.holdout, settings.seed)?;
        tick("growing trees");
        let trees = Trained::trees(table, &split, settings)?;
        tick("fitting a logistic regression");
        let (linear, linear_held) = Self::linear(table, &split, settings)?;
        tick("looking for columns that know too much");
        let alone = leak::alone(table, &trees.encoding, &split.train, &split.validation);
        let named: Vec<(String, f64)> =
            trees.encoding.columns.iter().map(|column| column.name.clone()).zip(alone.iter().copied()).collect();
        let leaks = leak::suspects(&named, trees.seen.auc, |name| {
            tick(&format!("growing trees without {name}"));
            Ok(Trained::trees(&table.without(name), &split, settings)?.seen.auc)
        })?;
        let mut columns: Vec<Asked> = named
            .into_iter()
            .zip(&trees.gains)
            .map(|((name, alone), gain)| Asked { name, gain: *gain, alone })
            .collect();
        columns.sort_by(|one, other| other.gain.total_cmp(&one.gain).then(one.name.cmp(&other.name)));
        let worth = |measures: &Measures| (measures.auc, measures.auc_error);
        let drift = Drift::of(table, &split.learned(), &split.holdout, (worth(&trees.seen), worth(&trees.held)));
        let recommended = if trees.held.auc > linear_held.auc + TIE { Kind::Trees } else { Kind::Linear };
        tick("calibrating");
        let calibrated = match recommended {
            Kind::Trees => {
                Calibrated::of(table, &trees.odds(table, &split.validation), &trees.odds(table, &split.holdout))
            }
            Kind::Linear => {
                // The regression learned from the rows that say when to stop; one that did not calibrates it.
                let (weights, shift) = counted(table, &split.learned(), settings.class_weight);
                let mut first =
                    linear::fit(table, &encoding(table, &split.train)?, &weights, &split.train, linear.penalty)?;
                first.intercept -= shift;
                let odds = |linear: &Linear, rows: &[usize]| -> Vec<(usize, f64)> {
                    rows.iter().map(|row| (*row, linear.raw(table, *row))).collect()
                };
                Calibrated::of(table, &odds(&first, &split.validation), &odds(&linear, &split.holdout))
            }
        };
        let mut study = Self {
            recommended,
            calibrated,
            drift,
            leaks,
            columns,
            trees_held: trees.held,
            trees_seen: trees.seen,
            forest: trees.forest,
            linear,
            linear_held,
            split,
        };
        if settings.refit {
            tick("training again on all rows");
            study.refit(table, settings)?;
        }
        Ok(study)
    }

    /// The trees and the regression of one parting, on its rows held out; nothing else.
    ///
    /// # Errors
    ///
    /// As [`Study::of`].
    pub fn compare(table: &Table, split: &Split, settings: &Settings) -> Result<(Measures, Measures), Fault> {
        Ok((Trained::trees(table, split, settings)?.held, Self::linear(table, split, settings)?.1))
    }

    /// The measures of the model to take.
    #[must_use]
    pub fn held(&self) -> &Measures {
        match self.recommended {
            Kind::Trees => &self.trees_held,
            Kind::Linear => &self.linear_held,
        }
    }

    fn linear(table: &Table, split: &Split, settings: &Settings) -> Result<(Linear, Measures), Fault> {
        let learned = split.learned();
        let (weights, shift) = counted(table, &learned, settings.class_weight);
        let first = encoding(table, &split.train)?;
        let penalty = linear::penalty(table, &first, &weights, (&split.train, &split.validation))?;
        // Nothing has to be stopped here, so the newest rows that are not held out, and their levels, are learned from too.
        let mut linear = linear::fit(table, &encoding(table, &learned)?, &weights, &learned, penalty)?;
        linear.intercept -= shift;
        let measures = measured(table, &split.holdout, |row| probability(linear.raw(table, row)));
        Ok((linear, measures))
    }

    /// Both models anew, with as many trees and the penalty that were found.
    fn refit(&mut self, table: &Table, settings: &Settings) -> Result<(), Fault> {
        let rows: Vec<usize> = (0..table.len()).collect();
        let encoding = encoding(table, &rows)?;
        let (weights, shift) = counted(table, &rows, settings.class_weight);
        let growth = Growth { most: self.forest.trees.len(), ..settings.growth };
        self.forest = grow(table, &encoding, &weights, (&rows, &[]), &growth, Loss::Log)?.forest;
        lift(&mut self.forest, -shift);
        self.linear = linear::fit(table, &encoding, &weights, &rows, self.linear.penalty)?;
        self.linear.intercept -= shift;
        Ok(())
    }
}

struct Trained {
    encoding: Encoding,
    forest: Forest,
    gains: Vec<f64>,
    seen: Measures,
    held: Measures,
}

impl Trained {
    /// The log-odds of rows.
    fn odds(&self, table: &Table, rows: &[usize]) -> Vec<(usize, f64)> {
        let mut asked = Vec::new();
        let odds = |row: &usize| {
            self.encoding.row(table, *row, &mut asked);
            (*row, self.forest.raw(&asked))
        };
        rows.iter().map(odds).collect()
    }

    fn trees(table: &Table, split: &Split, settings: &Settings) -> Result<Self, Fault> {
        let encoding = encoding(table, &split.train)?;
        let (weights, shift) = counted(table, &split.learned(), settings.class_weight);
        let mut grown =
            grow(table, &encoding, &weights, (&split.train, &split.validation), &settings.growth, Loss::Log)?;
        lift(&mut grown.forest, -shift);
        let mut row = Vec::new();
        let mut answer = |number| {
            encoding.row(table, number, &mut row);
            grown.forest.answer(&row)
        };
        let seen = measured(table, &split.validation, &mut answer);
        let held = measured(table, &split.holdout, &mut answer);
        Ok(Self { encoding, gains: grown.gains, seen, held, forest: grown.forest })
    }
}

fn encoding(table: &Table, rows: &[usize]) -> Result<Encoding, Fault> {
    let encoding = Encoding::of(table, rows);
    if encoding.columns.is_empty() {
        return Err(Fault::of(
            "no column has two values, or two texts of ten rows each, among the rows that are learned from",
        )
        .remedy("bring more rows, or other columns"));
    }
    Ok(encoding)
}

/// What each row counts while learning, and what that adds to the log-odds of every answer: taken away again, answers stay probabilities (King and
/// Zeng 2001, §4.1).
fn counted(table: &Table, rows: &[usize], class_weight: ClassWeight) -> (Vec<f64>, f64) {
    let rate = table.rate(rows).clamp(1e-9, 1.0 - 1e-9);
    let times = match class_weight {
        ClassWeight::Equal => return (table.weights.clone(), 0.0),
        ClassWeight::Balanced => (1.0 - rate) / rate,
        ClassWeight::Times(times) => times,
    };
    // All rows together count what they did before.
    let scale = 1.0 / (rate * times + 1.0 - rate);
    let weights = table.weights.iter().zip(&table.truth);
    let weights = weights.map(|(weight, truth)| scale * weight * if *truth > 0.5 { times } else { 1.0 });
    (weights.collect(), times.ln())
}

fn measured(table: &Table, rows: &[usize], answer: impl FnMut(usize) -> f64) -> Measures {
    let answers: Vec<f64> = rows.iter().copied().map(answer).collect();
    let pick = |from: &[f64]| -> Vec<f64> { rows.iter().filter_map(|row| from.get(*row).copied()).collect() };
    Measures::of(&answers, &pick(&table.truth), &pick(&table.weights))
}
