//! Rewards by regression over what is known of actions, and where they stood.
//!
//! Each round is a row: 1 where it is the position, and the features of the action. Coefficients b and the intercept b₀ make least
//!
//! ```text
//! Σ log(1 + e^s) − r·s  +  ρ/2 · Σ b²        s = b₀ + b·x, rewards within 0 to 1 (logistic)
//! Σ (r − s)²/2          +  ρ/2 · Σ b²        any other rewards (ridge)
//! ```
//!
//! which is scikit-learn's `LogisticRegression(C=1/ρ)` and `Ridge(alpha=ρ)`. Rounds of one fold, position and action are one cell: what is fitted are cells.
//! Contexts of rounds are not among the features: predictions by them can be made elsewhere, and [given](crate::Rewards::given).

use std::collections::BTreeMap;

use argmin::core::{CostFunction, Error, Executor, Gradient, State};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;

use crate::fault::Fault;
use crate::items::Items;
use crate::log::Log;
use crate::rewards::{Folds, Rewards};
use crate::table::MAX_CELLS;

/// Steps that are remembered, and most that are taken: small problems settle within a hundred.
const MEMORY: usize = 10;
const STEPS: u64 = 2_000;

/// How rewards are fitted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Regression {
    /// ρ, above 0: how strongly coefficients are drawn to 0.
    pub ridge: f64,
}

/// Rounds that look the same.
struct Cell {
    row: usize,
    count: f64,
    rewards: f64,
}

struct Problem<'a> {
    rows: &'a [Vec<f64>],
    cells: &'a [Cell],
    ridge: f64,
    is_logistic: bool,
}

impl Regression {
    /// The rows that are learned from: positions by actions, each with the position's place and the action's features. As many as both multiplied.
    ///
    /// # Errors
    ///
    /// An action that has no features; too many rows to hold.
    pub fn rows(log: &Log, items: &Items) -> Result<Vec<Vec<f64>>, Fault> {
        let (positions, width) = (log.positions().len(), items.labels.len());
        let cells = positions.saturating_mul(log.actions().len()).saturating_mul(positions + width);
        if cells > MAX_CELLS {
            return Err(Fault::of("positions, actions and features make too many combinations"));
        }
        let places: std::collections::HashMap<&str, &Vec<f64>> =
            items.names.iter().map(String::as_str).zip(&items.features).collect();
        let mut rows = Vec::with_capacity(positions * log.actions().len());
        for position in 0..positions {
            for action in log.actions() {
                let features = places.get(action.as_str()).ok_or_else(|| {
                    let what = format!("`{}` has no features", crate::fault::cut(action));
                    Fault::of(what).remedy("give it a line in the file of actions")
                })?;
                let place = (0..positions).map(|other| f64::from(u8::from(other == position)));
                rows.push(place.chain(features.iter().copied()).collect());
            }
        }
        Ok(rows)
    }

    /// Fits each fold's model on the other folds, and predicts.
    ///
    /// # Errors
    ///
    /// As [`Regression::rows`]; a search that fails, which a ridge above 0 prevents.
    pub fn rewards(&self, log: &Log, items: &Items, folds: &Folds) -> Result<Rewards, Fault> {
        let rows = Self::rows(log, items)?;
        let actions = log.actions().len();
        let outcomes = log.outcomes();
        let is_logistic = outcomes.least >= 0.0 && outcomes.most <= 1.0;
        let mut predictions: Vec<Vec<f64>> = Vec::new();
        for fold in 0..folds.count() {
            let mut sums: BTreeMap<usize, (f64, f64)> = BTreeMap::new();
            for (_, round) in log.rounds().iter().enumerate().filter(|(number, _)| folds.teaches(*number, fold)) {
                let row = round.position as usize * actions + round.action as usize;
                let sum = sums.entry(row).or_default();
                *sum = (sum.0 + 1.0, sum.1 + round.reward);
            }
            let cells: Vec<Cell> =
                sums.into_iter().map(|(row, (count, rewards))| Cell { row, count, rewards }).collect();
            let problem = Problem { rows: &rows, cells: &cells, ridge: self.ridge, is_logistic };
            predictions.push(problem.solve()?);
        }
        Rewards::by_fold(log, folds, |fold, position, action| {
            let place = position as usize * actions + action as usize;
            predictions.get(fold as usize).and_then(|of| of.get(place)).copied().unwrap_or_default()
        })
    }
}

impl Problem<'_> {
    /// What is predicted for each row.
    fn solve(self) -> Result<Vec<f64>, Fault> {
        let (rows, is_logistic) = (self.rows, self.is_logistic);
        let width = rows.first().map_or(0, Vec::len);
        let count = self.cells.iter().map(|cell| cell.count).sum::<f64>().max(1.0);
        let mean = self.cells.iter().map(|cell| cell.rewards).sum::<f64>() / count;
        let mut begin = vec![0.0; width + 1];
        if let Some(intercept) = begin.first_mut() {
            let rate = mean.clamp(1e-6, 1.0 - 1e-6);
            *intercept = if is_logistic { (rate / (1.0 - rate)).ln() } else { mean };
        }
        let told = |error: Error| Fault::of(format!("rewards could not be fitted: {error}"));
        let search = MoreThuenteLineSearch::new();
        let solver = LBFGS::new(search, MEMORY).with_tolerance_grad(1e-9);
        let found = Executor::new(self, solver.map_err(told)?)
            .configure(|state| state.param(begin.clone()).max_iters(STEPS))
            .run()
            .map_err(told)?;
        let place = found.state().get_best_param().cloned().unwrap_or(begin);
        let predicted = rows.iter().map(|row| {
            let score = score(&place, row);
            if is_logistic { 1.0 / (1.0 + (-score).exp()) } else { score }
        });
        Ok(predicted.collect())
    }
}

impl CostFunction for Problem<'_> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, place: &Vec<f64>) -> Result<f64, Error> {
        let loss = self.cells.iter().map(|cell| {
            let score = self.rows.get(cell.row).map_or(0.0, |row| score(place, row));
            if self.is_logistic {
                // log(1 + e^s) without overflow.
                cell.count * (score.max(0.0) + (-score.abs()).exp().ln_1p()) - cell.rewards * score
            } else {
                // Squares of rewards are the same everywhere.
                score * (cell.count * score / 2.0 - cell.rewards)
            }
        });
        let size = place.iter().skip(1).map(|number| number * number).sum::<f64>();
        Ok(loss.sum::<f64>() + self.ridge / 2.0 * size)
    }
}

impl Gradient for Problem<'_> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, place: &Vec<f64>) -> Result<Vec<f64>, Error> {
        let mut slope: Vec<f64> = place.iter().map(|number| self.ridge * number).collect();
        if let Some(intercept) = slope.first_mut() {
            *intercept = 0.0;
        }
        for cell in self.cells {
            let Some(row) = self.rows.get(cell.row) else { continue };
            let score = score(place, row);
            let expected = if self.is_logistic { 1.0 / (1.0 + (-score).exp()) } else { score };
            let gap = cell.count * expected - cell.rewards;
            for (slope, feature) in slope.iter_mut().zip(std::iter::once(&1.0).chain(row)) {
                *slope += gap * feature;
            }
        }
        Ok(slope)
    }
}

fn score(place: &[f64], row: &[f64]) -> f64 {
    place.iter().zip(std::iter::once(&1.0).chain(row)).map(|(number, feature)| number * feature).sum()
}
