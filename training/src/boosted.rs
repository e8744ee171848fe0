//! Boosted trees of any one number, by any rows and weights: the part that other learners are built of.

use petitfour_models::{Forest, Link, Precision, Tree};

use crate::encoding::Encoding;
use crate::fault::Fault;
use crate::table::Table;
use crate::trees::{Growth, Loss, grow};

/// Trees with the encoding that they ask through.
pub struct Boosted {
    forest: Forest,
    encoding: Encoding,
}

impl Boosted {
    /// Grows `growth.most` trees of `table.truth`, which may be any number for [`Loss::Square`] and is 0 or 1 for [`Loss::Log`], on `rows` by the
    /// table's weights. Nothing says when to stop. Where all rows are alike, in what is asked or in the truth, the answer is their mean.
    ///
    /// # Errors
    ///
    /// There is no row, or the trees do not grow.
    pub fn grow(table: &Table, rows: &[usize], loss: Loss, growth: &Growth) -> Result<Self, Fault> {
        let mut seen = rows.iter().filter_map(|row| table.truth.get(*row));
        let Some(first) = seen.next() else { return Err(Fault::of("there is no row to grow trees on")) };
        let differs = seen.any(|truth| truth != first);
        let encoding = Encoding::of(table, rows);
        if !differs || encoding.columns.is_empty() {
            let forest = Forest {
                features: Vec::new(),
                trees: Vec::new(),
                terms: Vec::new(),
                bias: table.rate(rows),
                averaged: false,
                link: Link::Identity,
                precision: Precision::Double,
            };
            return Ok(Self { forest, encoding: Encoding { columns: Vec::new() } });
        }
        let forest = grow(table, &encoding, &table.weights, (rows, &[]), growth, loss)?.forest;
        Ok(Self { forest, encoding })
    }

    /// What is said of rows of a table with the same columns in the same places: a probability, or the number itself.
    #[must_use]
    pub fn answers(&self, table: &Table, rows: &[usize]) -> Vec<f64> {
        let mut asked = Vec::with_capacity(self.encoding.columns.len());
        let answer = |row: &usize| {
            self.encoding.row(table, *row, &mut asked);
            self.forest.answer(&asked)
        };
        rows.iter().map(answer).collect()
    }

    /// What the first tree alone says of each row, the first two, and so on; nothing where the answer is the mean of all rows.
    pub(crate) fn stages(&self, table: &Table, rows: &[usize]) -> Vec<Vec<f64>> {
        let single = |tree: &Tree| Forest { trees: vec![tree.clone()], ..self.forest.clone() };
        let trees: Vec<Forest> = self.forest.trees.iter().map(single).collect();
        let mut asked = Vec::with_capacity(self.encoding.columns.len());
        let stages = rows.iter().map(|row| {
            self.encoding.row(table, *row, &mut asked);
            let mut sum = 0.0;
            let added = trees.iter().map(|tree| {
                sum += tree.raw(&asked);
                self.forest.link.answer(sum)
            });
            added.collect()
        });
        stages.collect()
    }

    /// The trees, which ask the columns that were seen to have two values, levels by their number among those that are kept.
    #[must_use]
    pub fn forest(&self) -> &Forest {
        &self.forest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Column, Kind};

    fn table(truth: Vec<f64>) -> Table {
        let values = (0..truth.len()).map(|row| (row % 10) as f64).collect();
        Table {
            columns: vec![Column { name: "digit".to_owned(), kind: Kind::Numbers, values }],
            weights: vec![1.0; truth.len()],
            truth,
            times: None,
            target: ("y".to_owned(), "1".to_owned()),
            rows_read: 0,
            notes: Vec::new(),
        }
    }

    #[test]
    fn amounts_are_learned_and_levels_stand_where_they_belong() {
        let mut amounts = table((0..4_000).map(|row| f64::from(row % 10) * 7.0 - 20.0).collect());
        let growth = Growth { most: 200, ..Growth::default() };
        let rows: Vec<usize> = (0..4_000).collect();
        let grown = Boosted::grow(&amounts, &rows, Loss::Square, &growth).unwrap();
        let told = grown.answers(&amounts, &[0, 5, 9]);
        assert!(told.iter().zip([-20.0, 15.0, 43.0]).all(|(told, truth)| (told - truth).abs() < 0.5), "{told:?}");
        let levels = (0..10).map(|level| format!("{level}")).collect();
        amounts.columns[0].kind = Kind::Levels(levels);
        let grown = Boosted::grow(&amounts, &rows, Loss::Square, &growth).unwrap();
        let told = grown.answers(&amounts, &[0, 5, 9]);
        assert!(told.iter().zip([-20.0, 15.0, 43.0]).all(|(told, truth)| (told - truth).abs() < 0.5), "{told:?}");
    }

    #[test]
    fn rows_that_are_alike_are_answered_by_their_mean() {
        let same = table(vec![1.0; 50]);
        let rows: Vec<usize> = (0..50).collect();
        let grown = Boosted::grow(&same, &rows, Loss::Log, &Growth::default()).unwrap();
        assert_eq!(grown.answers(&same, &[3]), [1.0]);
        assert!(Boosted::grow(&same, &[], Loss::Log, &Growth::default()).is_err());
    }
}
