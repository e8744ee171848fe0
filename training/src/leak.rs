//! Columns that may know what they are to tell: worked out from it, or written down after it.
//!
//! The rule is of two parts. A column that alone has an AUC of 0.95 and more is suspected as it stands. One that alone has 0.75 and more is suspected
//! if, without it, at least a quarter is lost of what the trees have beyond chance. Neither can tell a leak from the one thing that matters; whoever
//! knows when the column is written can.

use serde::Serialize;

use crate::encoding::Encoding;
use crate::fault::Fault;
use crate::measure::auc;
use crate::table::{Kind, Table};

/// AUC of one column alone from which on it is suspected as it stands.
pub const SURE: f64 = 0.95;
/// AUC of one column alone from which on it is tried what is left without it.
pub const STRONG: f64 = 0.75;
/// Share of what the trees have beyond chance that goes with the column.
pub const CARRIED: f64 = 0.25;
/// Rows that a bin of numbers should have, so that its rate means something.
const BINS: usize = 32;

/// A column that may know too much.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Leak {
    /// Its name.
    pub name: String,
    /// AUC of this column alone, on rows that it was not ordered by.
    pub alone: f64,
    /// AUC of the trees without it, if that was tried.
    pub without: Option<f64>,
}

/// AUC of each column alone: ordered by one part of the rows and measured on the other, and the other way round; the mean of both.
pub(crate) fn alone(table: &Table, encoding: &Encoding, train: &[usize], validation: &[usize]) -> Vec<f64> {
    let (one, other) = (ordered(table, encoding, train, validation), ordered(table, encoding, validation, train));
    one.into_iter().zip(other).map(|(one, other)| f64::midpoint(one, other)).collect()
}

/// Bins and levels are ordered by their rate among `train` and measured on `validation`.
fn ordered(table: &Table, encoding: &Encoding, train: &[usize], validation: &[usize]) -> Vec<f64> {
    let base = table.rate(train);
    let of = |encoded: &crate::encoding::Encoded| {
        let Some(column) = table.columns.get(encoded.place) else { return 0.5 };
        let bounds = if column.kind == Kind::Numbers { bounds(&column.values, train) } else { Vec::new() };
        let bin = |row: &usize| match &encoded.levels {
            Some(levels) => encoded.number(table, *row).unwrap_or(levels.kept.len()),
            None => {
                let value = encoded.value(table, *row);
                if value.is_nan() { bounds.len() + 1 } else { bounds.partition_point(|bound| *bound < value) }
            }
        };
        let mut rates =
            vec![(0.0, 0.0); bounds.len() + 2 + encoded.levels.as_ref().map_or(0, |levels| levels.kept.len())];
        for row in train {
            if let Some((did, all)) = rates.get_mut(bin(row)) {
                *did += table.truth.get(*row).copied().unwrap_or_default();
                *all += 1.0;
            }
        }
        let rate = |row: &usize| rates.get(bin(row)).map_or(base, |(did, all)| (did + base) / (all + 1.0));
        let answers: Vec<f64> = validation.iter().map(rate).collect();
        let pick = |from: &[f64]| -> Vec<f64> { validation.iter().filter_map(|row| from.get(*row).copied()).collect() };
        auc(&answers, &pick(&table.truth), &pick(&table.weights))
    };
    encoding.columns.iter().map(of).collect()
}

fn bounds(values: &[f64], rows: &[usize]) -> Vec<f64> {
    let mut sorted: Vec<f64> =
        rows.iter().filter_map(|row| values.get(*row)).copied().filter(|value| !value.is_nan()).collect();
    sorted.sort_by(f64::total_cmp);
    let mut bounds: Vec<f64> = (1..BINS).filter_map(|part| sorted.get(sorted.len() * part / BINS).copied()).collect();
    bounds.dedup();
    bounds
}

/// Applies the rule: `auc` is that of the trees with all columns, `retrain` says what it is without one.
pub(crate) fn suspects(
    columns: &[(String, f64)],
    auc: f64,
    mut retrain: impl FnMut(&str) -> Result<f64, Fault>,
) -> Result<Vec<Leak>, Fault> {
    let mut found = Vec::new();
    for (name, alone) in columns.iter().filter(|(_, alone)| *alone >= STRONG) {
        let without = if columns.len() > 1 { Some(retrain(name)?) } else { None };
        let carried = without.map_or(1.0, |without| (auc - without) / (auc - 0.5).max(f64::MIN_POSITIVE));
        if *alone >= SURE || carried >= CARRIED {
            found.push(Leak { name: name.clone(), alone: *alone, without });
        }
    }
    found.sort_by(|one, other| other.alone.total_cmp(&one.alone));
    Ok(found)
}
