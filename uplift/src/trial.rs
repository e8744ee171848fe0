//! A trial: who was given which arm at random, what was known of them before, and what came of it.

use petitfour_training::{Column, Fault, Table};

/// Rows of a trial. Each arm has at least [`Trial::LEAST`] of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// What was known of each row before it was treated; `truth` is the outcome, any number, and every row weighs 1.
    pub table: Table,
    /// Names of the arms, the control first.
    pub arms: Vec<String>,
    /// The arm of each row.
    pub arm: Vec<usize>,
    /// For each arm the probability with which the trial gave it, which adds up to 1.
    pub propensities: Vec<f64>,
    /// Is every outcome 0 or 1?
    pub binary: bool,
}

impl Trial {
    /// Rows of an arm: fewer cannot be parted into rows to learn from and rows to measure on.
    pub const LEAST: usize = 50;

    /// Makes a trial of columns, each with a value for each row. Without `propensities`, they are the shares of the arms in the rows: of a trial that drew by fixed
    /// probabilities, estimates by these shares have no more variance than by the true ones (Hirano, Imbens and Ridder, Econometrica 71, 2003).
    ///
    /// # Errors
    ///
    /// Lengths differ; there are fewer than two arms, or an arm has too few rows; a probability is not between 0 and 1 or their sum is not 1; an outcome is no finite number,
    /// or all are the same; there is no column.
    pub fn new(
        columns: Vec<Column>,
        (outcome, outcomes): (&str, Vec<f64>),
        (arms, arm): (Vec<String>, Vec<usize>),
        propensities: Option<Vec<f64>>,
    ) -> Result<Self, Fault> {
        let rows = outcomes.len();
        if arm.len() != rows || columns.iter().any(|column| column.values.len() != rows) {
            return Err(fault("columns, arms and outcomes are of different length", "bring one value for each row"));
        }
        if columns.is_empty() {
            return Err(fault("no column is left that was known before the treatment", "drop fewer columns"));
        }
        if arms.len() < 2 {
            return Err(fault(
                "there is one arm only, so nothing to compare",
                "bring rows of a control and of a treatment",
            ));
        }
        let counts: Vec<usize> = (0..arms.len()).map(|one| arm.iter().filter(|arm| **arm == one).count()).collect();
        if let Some((name, count)) = arms.iter().zip(&counts).find(|(_, count)| **count < Self::LEAST) {
            let what = format!("arm `{name}` has {count} rows, where at least {} are needed", Self::LEAST);
            return Err(fault(&what, "bring more rows, or leave the arm out"));
        }
        if arm.iter().any(|arm| *arm >= arms.len()) {
            return Err(fault("a row is of an arm that has no name", "name every arm"));
        }
        if outcomes.iter().any(|outcome| !outcome.is_finite()) {
            return Err(fault(&format!("`{outcome}` is not a finite number in every row"), "leave such rows out"));
        }
        if outcomes.iter().all(|outcome| Some(outcome) == outcomes.first()) {
            let what = format!("`{outcome}` is the same in every row: no treatment changed it");
            return Err(fault(&what, "name another outcome, or bring more rows"));
        }
        let propensities =
            propensities.unwrap_or_else(|| counts.iter().map(|count| *count as f64 / rows as f64).collect());
        let sum: f64 = propensities.iter().sum();
        if propensities.len() != arms.len() || (sum - 1.0).abs() > 1e-6 || !propensities.iter().all(|one| *one > 0.0) {
            return Err(fault("probabilities of arms are not above 0 with the sum 1", "give one for each arm"));
        }
        let binary = outcomes.iter().all(|outcome| *outcome == 0.0 || *outcome == 1.0);
        let table = Table {
            columns,
            truth: outcomes,
            weights: vec![1.0; rows],
            times: None,
            target: (outcome.to_owned(), "1".to_owned()),
            rows_read: rows as u64,
            notes: Vec::new(),
        };
        Ok(Self { table, arms, arm, propensities, binary })
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.arm.len()
    }

    /// Never: a trial has rows of two arms.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.arm.is_empty()
    }

    /// The rows of some arms, ascending.
    #[must_use]
    pub fn rows_of(&self, arms: &[usize]) -> Vec<usize> {
        self.arm.iter().enumerate().filter(|(_, arm)| arms.contains(arm)).map(|(row, _)| row).collect()
    }

    /// Was a row given this arm?
    #[must_use]
    pub fn is_of(&self, row: usize, arm: usize) -> bool {
        self.arm.get(row) == Some(&arm)
    }

    /// What came of a row.
    #[must_use]
    pub fn outcome(&self, row: usize) -> f64 {
        self.table.truth.get(row).copied().unwrap_or_default()
    }

    /// Of a row that was given either this arm or the control, the probability of the arm.
    pub(crate) fn share(&self, arm: usize) -> f64 {
        let of = |arm: usize| self.propensities.get(arm).copied().unwrap_or_default();
        of(arm) / (of(arm) + of(0))
    }
}

/// What is wrong, and what to do.
pub(crate) fn fault(what: &str, remedy: &str) -> Fault {
    Fault { place: None, what: what.to_owned(), remedy: Some(remedy.to_owned()) }
}
