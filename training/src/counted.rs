//! Trees of few outcomes: how many of them to grow is said by each part of the rows in turn, by models that have not seen it.
//!
//! Where some twenty rows of thousands did, a fifth of them says nothing alone, so none is set aside to say when to stop; all of them do, one part after the other
//! (cross-validation: Stone, J. R. Stat. Soc. B 36, 1974). Rows that belong together, such as those of one visitor, are dealt out together.

use crate::boosted::Boosted;
use crate::fault::Fault;
use crate::measure::log_loss;
use crate::random::Random;
use crate::table::Table;
use crate::trees::{Growth, Loss};

/// Trees, and what said how many.
pub struct Counted {
    /// Grown on all rows.
    pub boosted: Boosted,
    /// How many trees answered rows best that they had not seen; 0 where none is better than the rate.
    pub best: usize,
    /// The log loss of such answers with no tree, one, two and so on.
    pub losses: Vec<f64>,
    /// What the best number of trees answers to each row from which it was kept, in the order of the rows.
    pub answers: Vec<f64>,
}

impl Counted {
    /// Grows trees of a table whose truth is 0 or 1 on `rows`; `part` says of each of them to which part it belongs ([`dealt`]). Where no tree helps, one is grown: it is for
    /// the caller to say so, by [`Counted::best`].
    ///
    /// # Errors
    ///
    /// As [`Boosted::grow`]; other parts than rows, or less than two of them.
    pub fn grow(
        table: &Table,
        rows: &[usize],
        parts: &[u32],
        growth: &Growth,
        tick: &mut dyn FnMut(u32, u32),
    ) -> Result<Self, Fault> {
        let count = parts.iter().max().map_or(0, |last| last + 1);
        if parts.len() != rows.len() || count < 2 {
            return Err(Fault::of(format!("{} rows are dealt out to {count} parts", rows.len()))
                .remedy("name a part for each row, and two parts or more"));
        }
        // Of each row, the answer of no tree, of one, and so on.
        let mut staged: Vec<Vec<f64>> = vec![Vec::new(); rows.len()];
        for part in 0..count {
            tick(part, count);
            let own = |wanted: bool| {
                let all = rows.iter().zip(parts).enumerate();
                all.filter(move |(_, (_, of))| (**of == part) == wanted).map(|(place, (row, _))| (place, *row))
            };
            let others: Vec<usize> = own(false).map(|(_, row)| row).collect();
            if others.is_empty() {
                return Err(Fault::of("one part has all rows").remedy("deal rows out to more parts"));
            }
            let rate = table.rate(&others);
            let grown = Boosted::grow(table, &others, Loss::Log, growth)?;
            let (places, kept): (Vec<usize>, Vec<usize>) = own(true).unzip();
            for (place, answers) in places.into_iter().zip(grown.stages(table, &kept)) {
                let whole = std::iter::once(rate).chain(answers);
                if let Some(stages) = staged.get_mut(place) {
                    *stages = whole.collect();
                }
            }
        }
        let pick = |from: &[f64]| -> Vec<f64> { rows.iter().filter_map(|row| from.get(*row).copied()).collect() };
        let (truth, weights) = (pick(&table.truth), pick(&table.weights));
        let with = |trees: usize| -> Vec<f64> {
            // Where nothing could be grown, the rate is all there is.
            staged.iter().map(|stages| stages.get(trees).or(stages.last()).copied().unwrap_or_default()).collect()
        };
        let losses: Vec<f64> = (0..=growth.most).map(|trees| log_loss(&with(trees), &truth, &weights)).collect();
        let best = losses.iter().enumerate().min_by(|one, other| one.1.total_cmp(other.1)).map_or(0, |(best, _)| best);
        let growth = Growth { most: best.max(1), ..*growth };
        let boosted = Boosted::grow(table, rows, Loss::Log, &growth)?;
        Ok(Self { boosted, best, answers: with(best), losses })
    }
}

/// Deals rows out to so many parts: those of one cluster together, and those that have a row which did as evenly as they go.
#[must_use]
pub fn dealt(truth: &[f64], clusters: &[u32], parts: u32, seed: u64) -> Vec<u32> {
    let last = clusters.iter().max().map_or(0, |last| *last as usize + 1);
    let mut did = vec![None; last];
    for (truth, cluster) in truth.iter().zip(clusters) {
        if let Some(did) = did.get_mut(*cluster as usize) {
            *did = Some(did.unwrap_or(false) || *truth > 0.5);
        }
    }
    let mut random = Random::new(seed);
    let (mut of, mut next) = (vec![0; last], 0);
    for kind in [true, false] {
        let mut alike: Vec<usize> = (0..last).filter(|cluster| did.get(*cluster) == Some(&Some(kind))).collect();
        random.shuffle(&mut alike);
        for cluster in alike {
            if let Some(part) = of.get_mut(cluster) {
                *part = next % parts.max(1);
            }
            next += 1;
        }
    }
    clusters.iter().map(|cluster| of.get(*cluster as usize).copied().unwrap_or_default()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Column, Kind};

    /// Four thousand rows, of which those with the digit 7 do with the rate `high` and all others with 1 in 50.
    fn table(high: u64) -> Table {
        let mut random = Random::new(3);
        let digits: Vec<f64> = (0..4_000).map(|_| random.below(10) as f64).collect();
        let truth = digits.iter().map(|digit| {
            let of_a_thousand = if *digit == 7.0 { high } else { 20 };
            f64::from(u8::from(random.below(1_000) < of_a_thousand))
        });
        Table {
            truth: truth.collect(),
            columns: vec![Column { name: "digit".to_owned(), kind: Kind::Numbers, values: digits }],
            weights: vec![1.0; 4_000],
            times: None,
            target: ("y".to_owned(), "1".to_owned()),
            rows_read: 0,
            notes: Vec::new(),
        }
    }

    fn counted(high: u64) -> (Table, Counted) {
        let table = table(high);
        let rows: Vec<usize> = (0..4_000).collect();
        let clusters: Vec<u32> = (0..4_000).collect();
        let parts = dealt(&table.truth, &clusters, 5, 1);
        let growth = Growth { most: 60, leaves: 4, ..Growth::default() };
        let grown = Counted::grow(&table, &rows, &parts, &growth, &mut |_, _| {}).unwrap();
        (table, grown)
    }

    #[test]
    fn where_something_matters_trees_are_grown_and_answer_it() {
        let (table, grown) = counted(200);
        assert!(grown.best >= 10, "{}", grown.best);
        assert_eq!((grown.losses.len(), grown.boosted.forest().trees.len()), (61, grown.best));
        let seven = table.columns[0].values.iter().position(|digit| *digit == 7.0).unwrap();
        let other = table.columns[0].values.iter().position(|digit| *digit == 2.0).unwrap();
        let answers = grown.boosted.answers(&table, &[seven, other]);
        assert!(answers[0] > 3.0 * answers[1], "{answers:?}");
        assert!(grown.losses[grown.best] < grown.losses[0]);
    }

    #[test]
    fn where_nothing_matters_no_tree_is_better_than_the_rate_or_hardly() {
        let (_, grown) = counted(20);
        let gained = grown.losses[0] - grown.losses[grown.best];
        assert!(gained < 0.000_5, "{} {gained}", grown.best);
        assert_eq!(grown.boosted.forest().trees.len(), grown.best.max(1));
    }

    #[test]
    fn rows_of_one_cluster_stay_together_and_outcomes_are_dealt_evenly() {
        let clusters: Vec<u32> = (0..900).map(|row| row / 3).collect();
        let truth: Vec<f64> = (0..900).map(|row| f64::from(u8::from(row % 90 == 0))).collect();
        let parts = dealt(&truth, &clusters, 5, 7);
        assert!(parts.chunks(3).all(|of| of.iter().all(|part| *part == of[0])));
        let did = |part: u32| truth.iter().zip(&parts).filter(|(truth, of)| **truth > 0.0 && **of == part).count();
        assert!((0..5).all(|part| did(part) == 2));
        assert_ne!(dealt(&truth, &clusters, 5, 8), parts);
        assert_eq!(dealt(&truth, &clusters, 5, 7), parts);
    }

    #[test]
    fn parts_that_do_not_fit_are_refused() {
        let table = table(20);
        let grow = |parts: &[u32]| {
            Counted::grow(&table, &[0, 1, 2], parts, &Growth::default(), &mut |_, _| {}).err().map(|fault| fault.what)
        };
        assert_eq!(grow(&[0, 0, 0]).unwrap(), "3 rows are dealt out to 1 parts");
        assert_eq!(grow(&[0, 1]).unwrap(), "3 rows are dealt out to 2 parts");
        assert_eq!(grow(&[1, 1, 1]).unwrap(), "one part has all rows");
    }
}
