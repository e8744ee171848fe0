//! How columns become what learners ask, as the rows that are learned from say.
//!
//! A level that few rows have is taken for one that was never seen. For trees, the others stand in the order of their rate of the target, so that a
//! bound between two of them parts them as well as the best of all sets would (Fisher 1958; Breiman, Friedman, Olshen and Stone 1984, §4.2.2);
//! the rates are drawn towards the rate of all, so that a rare level does not stand at an end by chance.

use crate::table::{Column, Kind, Table};

/// Rows that a level must have.
const LEAST: f64 = 10.0;
/// Levels that a column keeps at most: each can be a bin of its own.
const LEVELS: usize = 250;
/// Rows of the common rate that each level is given beside its own.
const PRIOR: f64 = 10.0;

/// What a learner sees of a table.
pub(crate) struct Encoding {
    pub columns: Vec<Encoded>,
}

/// One column, of which at least two values were seen.
pub(crate) struct Encoded {
    /// Its place in the table.
    pub place: usize,
    pub name: String,
    /// Of levels: those that are kept, ascending, with their rank by rate; and the number of each of the table's levels among them.
    pub levels: Option<Levels>,
}

pub(crate) struct Levels {
    pub kept: Vec<String>,
    /// For each that is kept.
    pub ranks: Vec<usize>,
    /// For each of the table's.
    pub numbers: Vec<Option<usize>>,
}

impl Encoding {
    /// What the rows say; columns of which they have less than two values are left out.
    pub(crate) fn of(table: &Table, rows: &[usize]) -> Self {
        let base = table.rate(rows);
        let encoded = table.columns.iter().enumerate().filter_map(|(place, column)| {
            let levels = match &column.kind {
                Kind::Numbers => {
                    let mut seen =
                        rows.iter().filter_map(|row| column.values.get(*row)).filter(|value| !value.is_nan());
                    let first = seen.next()?;
                    seen.find(|value| *value != first)?;
                    None
                }
                Kind::Levels(all) => Some(Levels::of(column, all, table, rows, base)?),
            };
            Some(Encoded { place, name: column.name.clone(), levels })
        });
        Self { columns: encoded.collect() }
    }

    /// What trees are grown from: a column after the other, levels as ranks.
    pub(crate) fn ranked(&self, table: &Table, rows: &[usize]) -> Vec<f64> {
        let mut data = Vec::with_capacity(self.columns.len() * rows.len());
        for encoded in &self.columns {
            data.extend(rows.iter().map(|row| {
                match &encoded.levels {
                    None => encoded.value(table, *row),
                    Some(levels) => encoded
                        .number(table, *row)
                        .and_then(|number| levels.ranks.get(number))
                        .map_or(f64::NAN, |rank| *rank as f64),
                }
            }));
        }
        data
    }

    /// What a forest is asked about: the columns of one row, levels as the numbers of those that are kept.
    pub(crate) fn row(&self, table: &Table, row: usize, into: &mut Vec<f64>) {
        into.clear();
        into.extend(self.columns.iter().map(|encoded| match &encoded.levels {
            None => encoded.value(table, row),
            Some(_) => encoded.number(table, row).map_or(f64::NAN, |number| number as f64),
        }));
    }
}

impl Encoded {
    /// A number of the table as it stands.
    pub(crate) fn value(&self, table: &Table, row: usize) -> f64 {
        table.columns.get(self.place).and_then(|column| column.values.get(row)).copied().unwrap_or(f64::NAN)
    }

    /// Which of the levels that are kept, if it is one of them.
    pub(crate) fn number(&self, table: &Table, row: usize) -> Option<usize> {
        let value = self.value(table, row);
        let levels = self.levels.as_ref().filter(|_| !value.is_nan())?;
        levels.numbers.get(value as usize).copied().flatten()
    }
}

impl Levels {
    fn of(column: &Column, all: &[String], table: &Table, rows: &[usize], base: f64) -> Option<Self> {
        let mut told = vec![(0.0, 0.0, 0.0); all.len()];
        for row in rows {
            let value = column.values.get(*row).copied().filter(|value| !value.is_nan());
            let Some(level) = value.and_then(|value| told.get_mut(value as usize)) else { continue };
            let weight = table.weights.get(*row).copied().unwrap_or(1.0);
            *level =
                (level.0 + 1.0, level.1 + weight, level.2 + weight * table.truth.get(*row).copied().unwrap_or(0.0));
        }
        let mut often: Vec<usize> =
            told.iter().enumerate().filter(|(_, (count, ..))| *count >= LEAST).map(|(number, _)| number).collect();
        let count = |number: &usize| told.get(*number).map_or(0.0, |(count, ..)| *count);
        often.sort_by(|one, other| count(other).total_cmp(&count(one)).then(one.cmp(other)));
        often.truncate(LEVELS);
        often.sort_unstable();
        if often.len() < 2 {
            return None;
        }
        let rate =
            |number: &usize| told.get(*number).map_or(base, |(_, all, did)| (did + PRIOR * base) / (all + PRIOR));
        let mut by_rate: Vec<usize> = (0..often.len()).collect();
        let told_rate = |kept: &usize| often.get(*kept).map_or(base, rate);
        by_rate.sort_by(|one, other| told_rate(one).total_cmp(&told_rate(other)).then(one.cmp(other)));
        let mut ranks = vec![0; often.len()];
        for (rank, kept) in by_rate.iter().enumerate() {
            if let Some(place) = ranks.get_mut(*kept) {
                *place = rank;
            }
        }
        let mut numbers = vec![None; all.len()];
        for (kept, number) in often.iter().enumerate() {
            if let Some(place) = numbers.get_mut(*number) {
                *place = Some(kept);
            }
        }
        let kept = often.iter().filter_map(|number| all.get(*number).cloned()).collect();
        Some(Self { kept, ranks, numbers })
    }
}
