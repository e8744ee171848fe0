//! Whether rows are still like those of before: the population stability index of each feature, and of scores.
//!
//! Values are put into bins between the thresholds that the model itself asks for, since nothing else matters to it, and neighbours are joined
//! until each bin holds a twentieth of the old rows. The index is `Σ (new − old) · ln(new / old)` over the shares of the bins (Siddiqi 2006,
//! *Credit Risk Scorecards*; it is Jeffreys' divergence), whose customary limits are [`LOOK`] and [`DRIFTED`]. Where nothing has changed it is
//! distributed as `(1/n + 1/m)` times chi-squared with one degree of freedom less than bins (Yurdakul 2018), so that few rows drift by chance
//! alone: [`Stability::noise`] says how far.

use crate::forest::{Forest, Precision, Test};
use crate::regression::Weights;

/// An index from which on one should look.
pub const LOOK: f64 = 0.1;
/// An index from which on the rows are others than before.
pub const DRIFTED: f64 = 0.25;
/// The share of the old rows that a bin holds at least.
const SHARE: f64 = 0.05;
/// What is counted in every bin beforehand, so that an empty one has a logarithm: half a row.
const BEFOREHAND: f64 = 0.5;

/// Bins of a number of which a regression knows the least and the largest: they are joined until each has its share.
const STEPS: usize = 1_000;

/// Counts values by bins.
#[derive(Debug, Clone, PartialEq)]
pub struct Tally {
    bins: Bins,
    single: bool,
    counts: Vec<u64>,
    missing: u64,
}

#[derive(Debug, Clone, PartialEq)]
enum Bins {
    /// Between borders, ascending; a value that is one lies below it where `within`, else above it.
    Between { borders: Vec<f64>, within: bool },
    /// One for each number of a category that is asked for, and one for all others.
    Each,
}

/// How alike two tallies are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stability {
    /// The population stability index.
    pub index: f64,
    /// Over how many bins, after joining.
    pub bins: usize,
    /// What the index stays below in 95 of 100 cases where nothing has changed.
    pub noise: f64,
}

/// What an index means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Below [`LOOK`], or not more than chance.
    Steady,
    /// From [`LOOK`] on.
    Look,
    /// From [`DRIFTED`] on.
    Drifted,
    /// There are too few rows: chance alone comes to [`LOOK`] or more, and the index to no more than chance.
    CannotTell,
}

impl Tally {
    /// By what a forest asks of a feature.
    #[must_use]
    pub fn of(forest: &Forest, feature: usize) -> Self {
        let asked = || {
            let splits = forest.trees.iter().flat_map(|tree| &tree.splits);
            splits.filter(|split| split.feature == feature).map(|split| &split.test)
        };
        if let Some(term) = forest.terms.iter().find(|term| term.feature == feature) {
            return match &term.weights {
                Weights::Levels { levels, .. } => Self::each(levels.len()),
                Weights::Number { seen: (least, largest), .. } => {
                    let border = |step: usize| least + (largest - least) * step as f64 / STEPS as f64;
                    Self::between((1..STEPS).map(border).collect())
                }
            };
        }
        let sets = asked().filter_map(|test| match test {
            Test::Among { set, .. } => Some(set.len() * 32),
            _ => None,
        });
        let (bins, count) = if let Some(numbers) = sets.max() {
            (Bins::Each, numbers + 1)
        } else {
            let borders = forest.thresholds(feature);
            let count = borders.len() + 1;
            (Bins::Between { borders, within: asked().any(|test| matches!(test, Test::AtMost { .. })) }, count)
        };
        Self { bins, single: forest.precision != Precision::Double, counts: vec![0; count], missing: 0 }
    }

    /// By level, and all beyond so many together.
    fn each(levels: usize) -> Self {
        Self { bins: Bins::Each, single: false, counts: vec![0; levels + 1], missing: 0 }
    }

    /// By borders of one's own, ascending; a value that is one lies below it.
    #[must_use]
    pub fn between(borders: Vec<f64>) -> Self {
        let counts = vec![0; borders.len() + 1];
        Self { bins: Bins::Between { borders, within: true }, single: false, counts, missing: 0 }
    }

    /// Counts a value; NaN is missing, which is a bin of its own.
    pub fn add(&mut self, value: f64) {
        let value = if self.single { f64::from(value as f32) } else { value };
        let last = self.counts.len() - 1;
        let bin = match &self.bins {
            _ if value.is_nan() => {
                self.missing += 1;
                return;
            }
            Bins::Between { borders, within: true } => borders.partition_point(|border| *border < value),
            Bins::Between { borders, .. } => borders.partition_point(|border| *border <= value),
            Bins::Each => {
                if value > -1.0 {
                    (value as usize).min(last)
                } else {
                    last
                }
            }
        };
        if let Some(count) = self.counts.get_mut(bin) {
            *count += 1;
        }
    }
}

/// Compares what was counted by the same bins.
#[must_use]
pub fn stability(old: &Tally, new: &Tally) -> Stability {
    let rows = |tally: &Tally| tally.counts.iter().sum::<u64>() + tally.missing;
    let (before, after) = (rows(old) as f64, rows(new) as f64);
    let mut joined: Vec<(u64, u64)> = Vec::new();
    let enough = |old: u64| old as f64 >= SHARE * before;
    let mut open = (0, 0);
    let pairs = old.counts.iter().zip(&new.counts);
    match old.bins {
        Bins::Between { .. } => {
            for (old, new) in pairs {
                open = (open.0 + old, open.1 + new);
                if enough(open.0) {
                    joined.push(std::mem::take(&mut open));
                }
            }
            if let Some(last) = joined.last_mut() {
                *last = (last.0 + open.0, last.1 + open.1);
                open = (0, 0);
            }
        }
        Bins::Each => {
            for (old, new) in pairs {
                if enough(*old) {
                    joined.push((*old, *new));
                } else {
                    open = (open.0 + old, open.1 + new);
                }
            }
        }
    }
    joined.extend([open, (old.missing, new.missing)].into_iter().filter(|(old, new)| old + new > 0));
    let bins = joined.len();
    let share = |count: u64, rows: f64| (count as f64 + BEFOREHAND) / (rows + BEFOREHAND * bins as f64);
    let parts = joined.into_iter().map(|(old, new)| {
        let (old, new) = (share(old, before), share(new, after));
        (new - old) * (new / old).ln()
    });
    let index = parts.sum();
    Stability { index, bins, noise: (1.0 / before + 1.0 / after) * chi_squared(bins.saturating_sub(1)) }
}

/// The 95th percentile of chi-squared, within 3% for one degree of freedom, 1% for more (Wilson and Hilferty 1931).
fn chi_squared(degrees: usize) -> f64 {
    if degrees == 0 {
        return 0.0;
    }
    let part = 2.0 / (9.0 * degrees as f64);
    degrees as f64 * (1.0 - part + 1.644_853_627 * part.sqrt()).powi(3)
}

impl Stability {
    /// What it means.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self.index {
            index if index <= self.noise && self.noise >= LOOK => Verdict::CannotTell,
            index if index < LOOK || index <= self.noise => Verdict::Steady,
            index if index < DRIFTED => Verdict::Look,
            _ => Verdict::Drifted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(borders: &[f64], counts: &[(f64, usize)]) -> Tally {
        let mut tally = Tally::between(borders.to_vec());
        for (value, times) in counts {
            (0..*times).for_each(|_| tally.add(*value));
        }
        tally
    }

    #[test]
    fn the_index_is_that_of_its_formula() {
        // Shares of 20, 30, 50% and 30, 30, 40%: (.1)(ln 1.5) + 0 + (-.1)(ln .8) = 0.0628609.
        let old = tally(&[1.0, 2.0], &[(1.0, 20_000), (2.0, 30_000), (3.0, 50_000)]);
        let new = tally(&[1.0, 2.0], &[(1.0, 30_000), (2.0, 30_000), (3.0, 40_000)]);
        let found = stability(&old, &new);
        assert!((found.index - 0.062_860_9).abs() < 1e-5 && found.bins == 3, "{found:?}");
        assert!((found.noise / (2e-5 * 5.991) - 1.0).abs() < 0.01, "the table's 5.991 for two degrees: {found:?}");
        assert_eq!(found.verdict(), Verdict::Steady);
        assert_eq!(stability(&old, &old).index, 0.0);
    }

    #[test]
    fn bins_are_joined_until_each_has_a_twentieth_and_what_is_missing_stands_alone() {
        let borders: Vec<f64> = (0..100).map(f64::from).collect();
        let mut old = Tally::between(borders);
        (0..10_000).for_each(|value| old.add(f64::from(value % 100)));
        let mut new = old.clone();
        assert_eq!(stability(&old, &new).bins, 20);
        (0..3_000).for_each(|_| new.add(f64::NAN));
        let found = stability(&old, &new);
        assert_eq!((found.bins, found.verdict()), (21, Verdict::Drifted), "{found:?}");
    }

    #[test]
    fn few_rows_tell_nothing() {
        let old = tally(&[1.0, 2.0, 3.0, 4.0], &[(1.0, 10), (2.0, 9), (3.0, 11), (4.0, 10), (5.0, 10)]);
        let new = tally(&[1.0, 2.0, 3.0, 4.0], &[(1.0, 7), (2.0, 12), (3.0, 11), (4.0, 8), (5.0, 12)]);
        let found = stability(&old, &new);
        assert!(found.noise > 0.3 && found.verdict() == Verdict::CannotTell, "{found:?}");
        let new = tally(&[1.0, 2.0, 3.0, 4.0], &[(1.0, 50)]);
        assert_eq!(stability(&old, &new).verdict(), Verdict::Drifted, "what is far beyond chance is told all the same");
    }
}
