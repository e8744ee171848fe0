//! A logistic regression with an L2 penalty: what trees are held against, and what is better where the world has moved on.
//!
//! Numbers are standardised, a missing one is taken for the mean and told by a term of its own; each level is a term. The penalty is chosen on
//! the rows that say when to stop. It is solved by argmin's L-BFGS with the line search of Moré and Thuente (1994): linfa's and smartcore's logistic
//! regressions take no weights.

use argmin::core::{CostFunction, Error, Executor, Gradient, State as _};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;
use serde::{Deserialize, Serialize};

use crate::encoding::Encoding;
use crate::fault::Fault;
use crate::measure::log_loss;
use crate::table::Table;

/// Penalties that are tried: half of this times the sum of squares is added to the sum of the losses.
const PENALTIES: [f64; 4] = [1.0, 10.0, 100.0, 1_000.0];

/// A sum over columns; the answer is `1 / (1 + exp(-sum))`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Linear {
    /// What the sum begins with.
    pub intercept: f64,
    /// What is added for each column.
    pub terms: Vec<Term>,
    /// The penalty that was chosen.
    pub penalty: f64,
}

/// What is added for one column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Term {
    /// The value times `weight`; `missing` where there is none.
    Number {
        /// The column.
        name: String,
        /// For each unit.
        weight: f64,
        /// In place of the product.
        missing: f64,
        /// What is added in the mean of the rows that were learned from.
        mean: f64,
        /// The least number that was learned from.
        least: f64,
        /// The largest.
        largest: f64,
    },
    /// By the level; `other` for one that is not among them, and where there is none.
    Levels {
        /// The column.
        name: String,
        /// Ascending by text.
        levels: Vec<(String, f64)>,
        /// In place of them.
        other: f64,
        /// What is added in the mean of the rows that were learned from.
        mean: f64,
    },
}

impl Linear {
    /// The sum for a row of a table with the same columns; one that is not there is missing.
    #[must_use]
    pub fn raw(&self, table: &Table, row: usize) -> f64 {
        let of = |name: &str| table.columns.iter().find(|column| column.name == name);
        self.terms.iter().fold(self.intercept, |sum, term| {
            sum + match term {
                Term::Number { name, weight, missing, .. } => {
                    let value = of(name).and_then(|column| column.values.get(row)).copied().unwrap_or(f64::NAN);
                    if value.is_nan() { *missing } else { value * weight }
                }
                Term::Levels { name, levels, other, .. } => {
                    let text = of(name).and_then(|column| column.level(row));
                    let told = text.and_then(|text| levels.iter().find(|(level, _)| level == text));
                    told.map_or(*other, |(_, weight)| *weight)
                }
            }
        })
    }
}

impl Linear {
    /// Says of each term what it adds in the mean of some rows.
    fn centre(&mut self, table: &Table, encoding: &Encoding, rows: &[usize]) {
        let all = (rows.len() as f64).max(1.0);
        for (term, encoded) in self.terms.iter_mut().zip(&encoding.columns) {
            match term {
                Term::Number { weight, missing, mean, .. } => {
                    let values = rows.iter().map(|row| encoded.value(table, *row));
                    *mean =
                        values.map(|value| if value.is_nan() { *missing } else { value * *weight }).sum::<f64>() / all;
                }
                Term::Levels { levels, other, mean, .. } => {
                    let numbers =
                        rows.iter().map(|row| encoded.number(table, *row).and_then(|number| levels.get(number)));
                    *mean = numbers.map(|level| level.map_or(*other, |(_, weight)| *weight)).sum::<f64>() / all;
                }
            }
        }
    }
}

/// The penalty with which a regression that is trained on `train` answers `validation` best.
pub(crate) fn penalty(
    table: &Table,
    encoding: &Encoding,
    weights: &[f64],
    (train, validation): (&[usize], &[usize]),
) -> Result<f64, Fault> {
    let scales = Scale::all(table, encoding, train);
    let first = Design::of(table, encoding, &scales, weights, train);
    let watched = Design::of(table, encoding, &scales, weights, validation);
    let mut best: Option<(f64, f64)> = None;
    let mut begin = vec![0.0; first.width];
    for penalty in PENALTIES {
        begin = first.solve(penalty, begin)?;
        let loss = log_loss(&watched.answers(&begin), &watched.truth, &watched.weights);
        if best.is_none_or(|(least, _)| loss < least) {
            best = Some((loss, penalty));
        }
    }
    Ok(best.map_or(1.0, |(_, penalty)| penalty))
}

/// Trains on `rows`.
pub(crate) fn fit(
    table: &Table,
    encoding: &Encoding,
    weights: &[f64],
    rows: &[usize],
    penalty: f64,
) -> Result<Linear, Fault> {
    let scales = Scale::all(table, encoding, rows);
    let design = Design::of(table, encoding, &scales, weights, rows);
    let solved = design.solve(penalty, vec![0.0; design.width])?;
    let mut linear = told(encoding, &scales, &solved, penalty);
    linear.centre(table, encoding, rows);
    Ok(linear)
}

/// Mean, standard deviation and range of a column of numbers.
#[derive(Clone, Copy)]
struct Scale {
    mean: f64,
    deviation: f64,
    range: (f64, f64),
}

impl Scale {
    fn all(table: &Table, encoding: &Encoding, rows: &[usize]) -> Vec<Self> {
        let of = |encoded: &crate::encoding::Encoded| {
            let values = || rows.iter().map(|row| encoded.value(table, *row)).filter(|value| !value.is_nan());
            let count = (values().count() as f64).max(1.0);
            let mean = values().sum::<f64>() / count;
            let variance = values().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
            let deviation = if variance > 0.0 { variance.sqrt() } else { 1.0 };
            let range = values().fold((mean, mean), |(least, most), value| (least.min(value), most.max(value)));
            Self { mean, deviation, range }
        };
        encoding.columns.iter().map(of).collect()
    }
}

/// Rows as the regression sees them: numbers one after the other, then for each column the term of its level, or of what is missing.
struct Design {
    numbers: Vec<f64>,
    /// Of each row, the terms that are 1; as many for each row as there are columns.
    ones: Vec<u32>,
    truth: Vec<f64>,
    weights: Vec<f64>,
    count: usize,
    columns: usize,
    width: usize,
}

impl Design {
    fn of(table: &Table, encoding: &Encoding, scales: &[Scale], weights: &[f64], rows: &[usize]) -> Self {
        let count = encoding.columns.iter().filter(|column| column.levels.is_none()).count();
        let columns = encoding.columns.len();
        let (mut numbers, mut ones) =
            (Vec::with_capacity(rows.len() * count), Vec::with_capacity(rows.len() * columns));
        let mut width = 0;
        for row in rows {
            // The intercept, and a term for each number, stand before.
            let mut next = 1 + count;
            for (encoded, scale) in encoding.columns.iter().zip(scales) {
                let other = match &encoded.levels {
                    None => {
                        let value = encoded.value(table, *row);
                        numbers.push(if value.is_nan() { 0.0 } else { (value - scale.mean) / scale.deviation });
                        // No term has this number.
                        ones.push(if value.is_nan() { next as u32 } else { u32::MAX });
                        1
                    }
                    Some(levels) => {
                        ones.push((next + encoded.number(table, *row).unwrap_or(levels.kept.len())) as u32);
                        levels.kept.len() + 1
                    }
                };
                next += other;
            }
            width = next;
        }
        let pick = |from: &[f64]| rows.iter().filter_map(|row| from.get(*row).copied()).collect();
        Self {
            numbers,
            ones,
            truth: pick(&table.truth),
            weights: pick(weights),
            count,
            columns,
            width: width.max(1 + count),
        }
    }

    /// Each row with its numbers and its terms that are 1.
    fn rows(&self) -> impl Iterator<Item = (&[f64], &[u32])> {
        let empty: &[f64] = &[];
        let numbers = self.numbers.chunks_exact(self.count.max(1)).chain(std::iter::repeat(empty));
        numbers.zip(self.ones.chunks_exact(self.columns.max(1)))
    }

    fn sum(&self, weights: &[f64], numbers: &[f64], ones: &[u32]) -> f64 {
        let (intercept, slopes) = weights.split_first().map_or((0.0, weights), |(first, rest)| (*first, rest));
        let dot: f64 = numbers.iter().zip(slopes).map(|(value, slope)| value * slope).sum();
        intercept + dot + ones.iter().filter_map(|term| weights.get(*term as usize)).sum::<f64>()
    }

    fn answers(&self, weights: &[f64]) -> Vec<f64> {
        self.rows().map(|(numbers, ones)| probability(self.sum(weights, numbers, ones))).collect()
    }

    fn solve(&self, penalty: f64, begin: Vec<f64>) -> Result<Vec<f64>, Fault> {
        let told = |error: &Error| Fault::of(format!("the logistic regression has no solution: {error}"));
        let solver = LBFGS::new(MoreThuenteLineSearch::new(), 10)
            .with_tolerance_grad(1e-6)
            .and_then(|solver| solver.with_tolerance_cost(1e-10))
            .map_err(|error| told(&error))?;
        let all: f64 = self.weights.iter().sum();
        let problem = Problem { design: self, penalty, all };
        let done = Executor::new(problem, solver)
            .configure(|state| state.param(begin).max_iters(500))
            .run()
            .map_err(|error| told(&error))?;
        let best = done.state().get_best_param().cloned();
        best.filter(|best| best.iter().all(|weight| weight.is_finite())).ok_or_else(|| {
            Fault::of("the logistic regression has no finite solution").remedy("look for columns of huge numbers")
        })
    }
}

/// The mean loss, with its penalty; the intercept has none.
struct Problem<'a> {
    design: &'a Design,
    penalty: f64,
    all: f64,
}

impl CostFunction for Problem<'_> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, weights: &Vec<f64>) -> Result<f64, Error> {
        let rows = self.design.rows().zip(&self.design.truth).zip(&self.design.weights);
        let loss: f64 = rows
            .map(|(((numbers, ones), truth), weight)| {
                let sum = self.design.sum(weights, numbers, ones);
                // ln(1 + e^sum) - truth · sum, without overflow.
                weight * (sum.max(0.0) + (-sum.abs()).exp().ln_1p() - truth * sum)
            })
            .sum();
        let squares: f64 = weights.iter().skip(1).map(|weight| weight * weight).sum();
        Ok((loss + 0.5 * self.penalty * squares) / self.all)
    }
}

impl Gradient for Problem<'_> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, weights: &Vec<f64>) -> Result<Vec<f64>, Error> {
        let mut slopes: Vec<f64> = weights.iter().map(|weight| self.penalty * weight).collect();
        if let Some(intercept) = slopes.first_mut() {
            *intercept = 0.0;
        }
        let rows = self.design.rows().zip(&self.design.truth).zip(&self.design.weights);
        for (((numbers, ones), truth), weight) in rows {
            let off = weight * (probability(self.design.sum(weights, numbers, ones)) - truth);
            let Some((intercept, rest)) = slopes.split_first_mut() else { break };
            *intercept += off;
            rest.iter_mut().zip(numbers).for_each(|(slope, value)| *slope += off * value);
            for term in ones {
                if let Some(slope) = slopes.get_mut(*term as usize) {
                    *slope += off;
                }
            }
        }
        slopes.iter_mut().for_each(|slope| *slope /= self.all);
        Ok(slopes)
    }
}

/// `1 / (1 + e^-sum)`.
pub(crate) fn probability(sum: f64) -> f64 {
    1.0 / (1.0 + (-sum).exp())
}

/// Weights in the units of the columns.
fn told(encoding: &Encoding, scales: &[Scale], weights: &[f64], penalty: f64) -> Linear {
    let weight = |place: usize| weights.get(place).copied().unwrap_or_default();
    let count = encoding.columns.iter().filter(|column| column.levels.is_none()).count();
    let (mut intercept, mut number, mut next) = (weight(0), 1, 1 + count);
    let mut terms = Vec::new();
    for (encoded, scale) in encoding.columns.iter().zip(scales) {
        let name = encoded.name.clone();
        match &encoded.levels {
            None => {
                let slope = weight(number) / scale.deviation;
                intercept -= slope * scale.mean;
                let (least, largest) = scale.range;
                let missing = slope * scale.mean + weight(next);
                terms.push(Term::Number { name, weight: slope, missing, mean: 0.0, least, largest });
                number += 1;
                next += 1;
            }
            Some(levels) => {
                let told = levels.kept.iter().enumerate().map(|(level, text)| (text.clone(), weight(next + level)));
                let other = weight(next + levels.kept.len());
                terms.push(Term::Levels { name, levels: told.collect(), other, mean: 0.0 });
                next += levels.kept.len() + 1;
            }
        }
    }
    Linear { intercept, terms, penalty }
}
