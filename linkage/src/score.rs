//! How right people are, where the truth is known: precision, recall and F1 over all pairs of records.
//!
//! Labels are read here and nowhere else; nothing of them reaches training.

use std::collections::BTreeMap;

/// Pairwise figures.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Score {
    /// Pairs that are one person's.
    pub true_pairs: u64,
    /// Pairs that were put together.
    pub found_pairs: u64,
    /// Pairs that are both.
    pub right_pairs: u64,
}

impl Score {
    /// Compares clusters of rows with the label of each row.
    pub fn new<L: Ord>(clusters: &[Vec<usize>], labels: &[L]) -> Self {
        let pairs = |count: u64| count * count.saturating_sub(1) / 2;
        let mut by_label: BTreeMap<&L, u64> = BTreeMap::new();
        for label in labels {
            *by_label.entry(label).or_default() += 1;
        }
        let mut score = Self { true_pairs: by_label.values().copied().map(pairs).sum(), ..Self::default() };
        for rows in clusters {
            let mut inside: BTreeMap<&L, u64> = BTreeMap::new();
            for label in rows.iter().filter_map(|row| labels.get(*row)) {
                *inside.entry(label).or_default() += 1;
            }
            score.found_pairs += pairs(rows.len() as u64);
            score.right_pairs += inside.values().copied().map(pairs).sum::<u64>();
        }
        score
    }

    /// Share of the found pairs that are right; 1 when none was found.
    pub fn precision(self) -> f64 {
        share(self.right_pairs, self.found_pairs)
    }

    /// Share of the true pairs that were found; 1 when there is none.
    pub fn recall(self) -> f64 {
        share(self.right_pairs, self.true_pairs)
    }

    /// Harmonic mean of both.
    pub fn f1(self) -> f64 {
        share(2 * self.right_pairs, self.found_pairs + self.true_pairs)
    }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_counted_not_records() {
        let score = Score::new(&[vec![0, 1, 2], vec![3], vec![4, 5]], &["a", "a", "b", "b", "c", "c"]);
        assert_eq!(score, Score { true_pairs: 3, found_pairs: 4, right_pairs: 2 });
        assert!((score.precision() - 0.5).abs() < 1e-9 && (score.recall() - 2.0 / 3.0).abs() < 1e-9);
        assert!((score.f1() - 4.0 / 7.0).abs() < 1e-9);
    }
}
