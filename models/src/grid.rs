//! Fewer bounds: where a column is asked about more of them than a device should carry.

use crate::forest::{Forest, Test};

/// Bounds of one column up to which each is a border of its own on a device, unless more are asked for: 2 KB of borders.
pub const BORDERS: u16 = 255;

impl Forest {
    /// The same forest with at most `most` bounds for each column; a column that has no more is left as it is.
    ///
    /// Bounds are joined by rank: of all splits of a column, equally many move to each bound that stays. (Joined by value, one bound far
    /// out would take most of the line for itself, and the crowded part, in which the splits are, would share the rest.)
    #[must_use]
    pub fn coarsened(mut self, most: usize) -> Self {
        for feature in 0..self.features.len() {
            let mut asked: Vec<f64> = self.bounds(feature).map(|bound| *bound).collect();
            asked.sort_by(f64::total_cmp);
            let mut kept = asked.clone();
            kept.dedup();
            if kept.len() <= most {
                continue;
            }
            // The middle of each of `most` equal shares of the splits.
            kept = (0..most.max(1))
                .filter_map(|share| asked.get((2 * share + 1) * asked.len() / (2 * most.max(1))))
                .copied()
                .collect();
            kept.dedup();
            let rank = |bound: f64| {
                asked.partition_point(|other| *other < bound) + asked.partition_point(|other| *other <= bound)
            };
            let ranks: Vec<usize> = kept.iter().map(|bound| rank(*bound)).collect();
            for bound in self.bounds(feature) {
                let own = rank(*bound);
                let nearest = kept.iter().zip(&ranks).min_by_key(|(_, rank)| rank.abs_diff(own));
                *bound = nearest.map_or(*bound, |(nearest, _)| *nearest);
            }
        }
        self
    }

    fn bounds(&mut self, feature: usize) -> impl Iterator<Item = &mut f64> {
        let splits = self.trees.iter_mut().flat_map(|tree| &mut tree.splits);
        splits.filter(move |split| split.feature == feature).filter_map(|split| match &mut split.test {
            Test::AtMost { threshold, .. } | Test::Below { threshold, .. } => Some(threshold),
            Test::Among { .. } => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forest::{Child, Feature, Link, Precision, Side, Split, Tree};

    fn forest(bounds: impl IntoIterator<Item = f64>) -> Forest {
        let tree = |threshold| Tree {
            splits: vec![Split {
                feature: 0,
                test: Test::Below { threshold, missing: Side::Left },
                left: Child::Leaf(0),
                right: Child::Leaf(1),
            }],
            leaves: vec![0.0, 1.0],
            covers: None,
        };
        Forest {
            features: vec![Feature { name: "x".into(), levels: None }],
            trees: bounds.into_iter().map(tree).collect(),
            terms: Vec::new(),
            bias: 0.0,
            averaged: false,
            link: Link::Identity,
            precision: Precision::Double,
        }
    }

    #[test]
    fn few_bounds_stay_as_they_are_and_many_are_joined_by_rank() {
        let few = forest([1.0, 2.0, 2.0, 3.0]);
        assert_eq!(few.clone().coarsened(3), few);
        // A hundred bounds below 1, and one far out that would be all of a grid by value.
        let crowded = forest((0..100).map(|bound| f64::from(bound) / 100.0).chain([1e6]));
        let grid = crowded.coarsened(10).thresholds(0);
        assert_eq!(grid.len(), 10);
        assert!(grid.iter().all(|bound| *bound < 1.0), "{grid:?}");
        assert!(grid.iter().zip(grid.iter().skip(1)).all(|(one, next)| next - one < 0.12), "{grid:?}");
    }

    #[test]
    fn a_bound_that_most_splits_share_stays() {
        let common = forest((0..50).map(|_| 7.0).chain((0..10).map(f64::from)));
        assert!(common.coarsened(3).thresholds(0).contains(&7.0));
    }
}
