//! Whether the rows that were held out are of the same world as those that were learned from.

use serde::Serialize;

use crate::table::{Kind, Table};

/// The population stability index from which on a column counts as moved: the usual bound (Siddiqi 2006, ch. 10).
pub const MOVED: f64 = 0.25;
/// How much of the AUC may be lost from the rows that say when to stop to those held out, beyond what chance explains.
pub const FALL: f64 = 0.03;
/// Standard errors of the difference that chance may explain.
const ERRORS: f64 = 3.0;
/// Bins of a column of numbers.
const BINS: usize = 10;
/// Share that an empty bin is given, so that its logarithm is finite.
const EMPTY: f64 = 1e-4;

/// What moved.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Drift {
    /// Does the alarm fire? It does when AUC falls beyond its bound, or any column has moved.
    pub alarm: bool,
    /// Columns, the most moved first.
    pub columns: Vec<Moved>,
    /// AUC of the trees on the rows that say when to stop, minus that on the rows held out.
    pub fall: f64,
    /// What `fall` may be: 0.03, or three standard errors if they are more.
    pub bound: f64,
    /// Rate of the target where it was learned, and where it was held out.
    pub rates: (f64, f64),
}

/// One column.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Moved {
    /// Its name.
    pub name: String,
    /// Population stability index of the rows held out against those learned from.
    pub stability_index: f64,
}

impl Drift {
    pub(crate) fn of(
        table: &Table,
        learned: &[usize],
        holdout: &[usize],
        (seen, held): ((f64, f64), (f64, f64)),
    ) -> Self {
        let mut columns: Vec<Moved> = table
            .columns
            .iter()
            .map(|column| Moved {
                name: column.name.clone(),
                stability_index: match &column.kind {
                    Kind::Numbers => numbers(&column.values, learned, holdout),
                    Kind::Levels(levels) => shares(&column.values, levels.len(), learned, holdout),
                },
            })
            .collect();
        columns.sort_by(|one, other| {
            other.stability_index.total_cmp(&one.stability_index).then(one.name.cmp(&other.name))
        });
        let fall = seen.0 - held.0;
        let bound = FALL.max(ERRORS * seen.1.hypot(held.1));
        let alarm = fall > bound || columns.first().is_some_and(|most| most.stability_index >= MOVED);
        Self { alarm, columns, fall, bound, rates: (table.rate(learned), table.rate(holdout)) }
    }

    /// The columns that have moved.
    pub fn moved(&self) -> impl Iterator<Item = &Moved> {
        self.columns.iter().filter(|column| column.stability_index >= MOVED)
    }
}

/// By the tenths of the values that were learned from; values alike stay together.
fn numbers(values: &[f64], learned: &[usize], holdout: &[usize]) -> f64 {
    let mut sorted: Vec<f64> =
        learned.iter().filter_map(|row| values.get(*row)).copied().filter(|value| !value.is_nan()).collect();
    sorted.sort_by(f64::total_cmp);
    let mut bounds: Vec<f64> = (1..BINS).filter_map(|tenth| sorted.get(sorted.len() * tenth / BINS).copied()).collect();
    bounds.dedup();
    let binned: Vec<f64> = values
        .iter()
        .map(|value| if value.is_nan() { *value } else { bounds.partition_point(|bound| bound < value) as f64 })
        .collect();
    shares(&binned, bounds.len() + 1, learned, holdout)
}

/// The index over values that are numbers of bins, what is missing being a bin of its own.
fn shares(values: &[f64], bins: usize, learned: &[usize], holdout: &[usize]) -> f64 {
    let count = |rows: &[usize]| {
        let mut counts = vec![0.0; bins + 1];
        for value in rows.iter().filter_map(|row| values.get(*row)) {
            let bin = if value.is_nan() { bins } else { *value as usize };
            if let Some(count) = counts.get_mut(bin) {
                *count += 1.0;
            }
        }
        let all = rows.len().max(1) as f64;
        counts.into_iter().map(move |count: f64| (count / all).max(EMPTY))
    };
    // Siddiqi 2006: the sum of (actual - expected) · ln(actual / expected).
    count(holdout).zip(count(learned)).map(|(actual, expected)| (actual - expected) * (actual / expected).ln()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_is_what_its_definition_says() {
        // 50:50 against 80:20.
        let values: Vec<f64> =
            (0..200).map(|row| f64::from(if row < 100 { row % 2 } else { i32::from(row % 5 == 0) })).collect();
        let (learned, holdout): (Vec<usize>, Vec<usize>) = ((0..100).collect(), (100..200).collect());
        let wanted = 0.3 * (0.8_f64 / 0.5).ln() - 0.3 * (0.2_f64 / 0.5).ln();
        assert!((shares(&values, 2, &learned, &holdout) - wanted).abs() < 1e-12);
        assert!((numbers(&values, &learned, &holdout) - wanted).abs() < 1e-12, "values alike are one bin");
        assert!(numbers(&values, &learned, &learned).abs() < 1e-12);
    }
}
