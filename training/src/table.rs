//! What is trained from: columns of numbers and of levels, who did what was asked for, and what a row counts.

use crate::fault::Fault;

/// Rows in the order of the file, or an honest sample of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// What may be asked; each has a value for each row.
    pub columns: Vec<Column>,
    /// 1 for each row that did, 0 for each that did not.
    pub truth: Vec<f64>,
    /// What each row counts, 1 on average.
    pub weights: Vec<f64>,
    /// When each row was, if a column says it.
    pub times: Option<Vec<f64>>,
    /// The column that tells the truth, and what it says of rows that did.
    pub target: (String, String),
    /// Rows of the file, of which more than are here were read.
    pub rows_read: u64,
    /// What somebody should know of the columns.
    pub notes: Vec<String>,
}

/// One column.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Its name, blanks written as `_`.
    pub name: String,
    /// What its values are.
    pub kind: Kind,
    /// A value for each row, NaN where it is missing; of levels, their number.
    pub values: Vec<f64>,
}

impl Column {
    /// The text of a row, of levels.
    #[must_use]
    pub fn level(&self, row: usize) -> Option<&str> {
        let Kind::Levels(levels) = &self.kind else { return None };
        let value = self.values.get(row).copied().filter(|value| !value.is_nan())?;
        levels.get(value as usize).map(String::as_str)
    }
}

/// What the values of a column are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Numbers.
    Numbers,
    /// The texts that 0, 1, 2 … stand for, ascending.
    Levels(Vec<String>),
}

/// Rows from which on a column can look like an identifier.
const MANY: usize = 100;
/// Share of different values beyond which it does.
const UNIQUE: f64 = 0.95;

impl Table {
    /// How many rows are here.
    #[must_use]
    pub fn len(&self) -> usize {
        self.truth.len()
    }

    /// Is there none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.truth.is_empty()
    }

    /// The share of rows that did, by weight.
    #[must_use]
    pub fn rate(&self, rows: &[usize]) -> f64 {
        let (mut did, mut all) = (0.0, 0.0);
        for (truth, weight) in rows.iter().filter_map(|row| self.truth.get(*row).zip(self.weights.get(*row))) {
            did += truth * weight;
            all += weight;
        }
        if all > 0.0 { did / all } else { 0.0 }
    }

    /// The table without one column.
    #[must_use]
    pub fn without(&self, name: &str) -> Self {
        let mut table = self.clone();
        table.columns.retain(|column| column.name != name);
        table
    }

    /// Refuses what looks like an identifier, but for the columns of `keep`; leaves out, with a note, what says nothing.
    pub(crate) fn inspect(&mut self, keep: &[String]) -> Result<(), Fault> {
        let mut nothing = Vec::new();
        for column in &self.columns {
            let mut values: Vec<f64> = column.values.iter().copied().filter(|value| !value.is_nan()).collect();
            let (present, whole) = (values.len(), values.iter().all(|value| value.fract() == 0.0));
            values.sort_by(f64::total_cmp);
            values.dedup();
            if values.len() < 2 && (values.is_empty() || present == column.values.len()) {
                nothing.push(column.name.clone());
            }
            let unique = present >= MANY && values.len() as f64 > UNIQUE * present as f64;
            if whole && unique && !keep.contains(&column.name) {
                let what = format!(
                    "`{}` has {} different values in {present} rows, as an identifier has: a model would learn them by heart",
                    column.name,
                    values.len()
                );
                return Err(Fault::of(what).remedy(format!(
                    "leave it out with --drop {0}, or say --keep {0} if it is measured",
                    column.name
                )));
            }
        }
        self.columns.retain(|column| !nothing.contains(&column.name));
        if !nothing.is_empty() {
            self.notes.push(format!("Left out, because every row has the same value: {}.", nothing.join(", ")));
        }
        if self.columns.is_empty() {
            return Err(Fault::of("no column is left to learn from").remedy("drop fewer columns"));
        }
        Ok(())
    }
}
