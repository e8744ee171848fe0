//! A sum of decision trees, or of what each column adds by itself, as it was trained.

use crate::regression::Term;

/// Leaves of a whole forest beyond which it is refused: some hundred times what a page would carry.
pub const MAX_LEAVES: usize = 500_000;

/// Trees over rows of numbers, in which a missing value is NaN.
#[derive(Debug, Clone, PartialEq)]
pub struct Forest {
    /// What the columns of a row are.
    pub features: Vec<Feature>,
    /// The trees, in the order in which they are added.
    pub trees: Vec<Tree>,
    /// What columns add by themselves, of a regression, which has no trees.
    pub terms: Vec<Term>,
    /// What the sum begins with.
    pub bias: f64,
    /// Is the sum divided by the number of trees, as random forests do?
    pub averaged: bool,
    /// What the sum means.
    pub link: Link,
    /// How exactly it is added.
    pub precision: Precision,
}

/// With how many bits a library adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// 64.
    Double,
    /// 32, values of rows included.
    Single,
    /// 64, of rows whose values have 32.
    Mixed,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feature {
    /// As the library knows it.
    pub name: String,
    /// The texts that the numbers 0, 1, 2 … stand for, where the file knows them.
    pub levels: Option<Vec<String>>,
}

/// What becomes of a sum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Link {
    /// It is the answer.
    Identity,
    /// The answer is the probability `1 / (1 + exp(-slope · sum))`.
    Logistic {
        /// What the sum is multiplied by.
        slope: f64,
    },
}

/// One tree. Without a split its first leaf is all there is; else its first split is the root.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tree {
    /// Each stands behind the one that leads to it.
    pub splits: Vec<Split>,
    /// What is added.
    pub leaves: Vec<f64>,
    /// How much of the training each leaf saw, in rows or in weight, where the file says it; contributions alone ask for it.
    pub covers: Option<Vec<f64>>,
}

/// A question about one column.
#[derive(Debug, Clone, PartialEq)]
pub struct Split {
    /// Number of the column.
    pub feature: usize,
    /// The question.
    pub test: Test,
    /// Where *yes* leads.
    pub left: Child,
    /// Where *no* leads.
    pub right: Child,
}

/// Where a split leads: the number of a split, or of a leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Child {
    /// A further question.
    Split(usize),
    /// An answer.
    Leaf(usize),
}

/// What a split asks.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// Is the value at most this?
    AtMost {
        /// The bound, which is among the values to the left.
        threshold: f64,
        /// What becomes of a value that is missing.
        blank: Blank,
    },
    /// Is the value less than this?
    Below {
        /// The bound, which is among the values to the right.
        threshold: f64,
        /// Where a value goes that is missing.
        missing: Side,
    },
    /// Is the value, cut to a whole number, one of these? Negative ones and those beyond are not.
    Among {
        /// Bit `n` of the words, of 32 bits each, is for the number `n`.
        set: Vec<u32>,
        /// Where a value goes that is missing.
        missing: Side,
    },
}

/// What becomes of a value that is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blank {
    /// It is taken for 0.
    Zero,
    /// It goes to this side.
    Missing(Side),
    /// It goes to this side, and 0 (anything within 1e-35 of it) with it.
    MissingOrZero(Side),
}

/// A side of a split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Where *yes* leads.
    Left,
    /// Where *no* leads.
    Right,
}

/// What is so close to 0 is 0, where 0 means missing: `kZeroThreshold` of LightGBM, which is a single-precision number.
pub const ZERO: f64 = 1e-35_f32 as f64;

impl Forest {
    /// Why what answers by its sum, as [`Link::Identity`] does, is nothing that a device can weigh by.
    pub const NO_LOG_ODDS: &str = "its trees add up to the answer itself, a number or the shares of a random forest, and not to log-odds, of which a device makes a probability";

    /// The sum, or the mean where that is meant, for a row that has as many columns as there are features; a column that is not there is
    /// missing.
    #[must_use]
    pub fn raw(&self, row: &[f64]) -> f64 {
        if self.precision == Precision::Double {
            return self.sum(row);
        }
        let row: Vec<f64> = row.iter().map(|value| f64::from(*value as f32)).collect();
        if self.precision == Precision::Mixed { self.sum(&row) } else { f64::from(self.sum_single(&row)) }
    }

    fn sum_single(&self, row: &[f64]) -> f32 {
        let add = |first: f32| self.trees.iter().fold(first, |sum, tree| sum + tree.leaf(row) as f32);
        if self.averaged {
            add(0.0) / (self.trees.len() as f32).max(1.0) + self.bias as f32
        } else {
            add(self.bias as f32)
        }
    }

    fn sum(&self, row: &[f64]) -> f64 {
        if !self.terms.is_empty() {
            let value = |term: &Term| row.get(term.feature).copied().unwrap_or(f64::NAN);
            return self.terms.iter().fold(self.bias, |sum, term| sum + term.add(value(term)));
        }
        let sum = self.trees.iter().fold(0.0, |sum, tree| sum + tree.leaf(row));
        self.bias + if self.averaged { sum / (self.trees.len() as f64).max(1.0) } else { sum }
    }

    /// What the library answers: a probability, or the sum itself.
    #[must_use]
    pub fn answer(&self, row: &[f64]) -> f64 {
        self.link.answer(self.raw(row))
    }

    /// Leaves of all trees.
    #[must_use]
    pub fn leaves(&self) -> usize {
        self.trees.iter().map(|tree| tree.leaves.len()).sum()
    }

    /// The different bounds that are asked of a column, ascending.
    #[must_use]
    pub fn thresholds(&self, feature: usize) -> Vec<f64> {
        let asked = self.trees.iter().flat_map(|tree| &tree.splits).filter(|split| split.feature == feature);
        let mut bounds: Vec<f64> = asked
            .filter_map(|split| match split.test {
                Test::AtMost { threshold, .. } | Test::Below { threshold, .. } => Some(threshold),
                Test::Among { .. } => None,
            })
            .collect();
        bounds.sort_by(f64::total_cmp);
        bounds.dedup();
        bounds
    }
}

impl Link {
    /// What a sum means.
    #[must_use]
    pub fn answer(self, sum: f64) -> f64 {
        match self {
            Self::Identity => sum,
            Self::Logistic { slope } => 1.0 / (1.0 + (-slope * sum).exp()),
        }
    }
}

impl Tree {
    /// The leaf that a row falls into.
    fn leaf(&self, row: &[f64]) -> f64 {
        let mut child = if self.splits.is_empty() { Child::Leaf(0) } else { Child::Split(0) };
        loop {
            match child {
                Child::Leaf(number) => return self.leaves.get(number).copied().unwrap_or_default(),
                Child::Split(number) => {
                    let Some(split) = self.splits.get(number) else { return 0.0 };
                    child = split.next(row.get(split.feature).copied().unwrap_or(f64::NAN));
                }
            }
        }
    }

    /// The longest way from the root, in questions.
    #[must_use]
    pub fn depth(&self) -> usize {
        let mut depths = vec![0_usize; self.splits.len()];
        let mut deepest = 0;
        for (number, split) in self.splits.iter().enumerate() {
            let here = depths.get(number).copied().unwrap_or_default() + 1;
            deepest = deepest.max(here);
            for child in [split.left, split.right] {
                if let Child::Split(next) = child
                    && let Some(depth) = depths.get_mut(next)
                {
                    *depth = here;
                }
            }
        }
        deepest
    }
}

impl Split {
    /// Where a value leads.
    pub(crate) fn next(&self, value: f64) -> Child {
        match self.test.side(value) {
            Side::Left => self.left,
            Side::Right => self.right,
        }
    }
}

impl Test {
    /// Where a value leads.
    #[must_use]
    pub fn side(&self, value: f64) -> Side {
        let left = match self {
            Self::AtMost { threshold, blank } => match blank {
                Blank::Missing(side) if value.is_nan() => return *side,
                Blank::MissingOrZero(side) if value.is_nan() || value.abs() <= ZERO => return *side,
                _ => (if value.is_nan() { 0.0 } else { value }) <= *threshold,
            },
            Self::Below { missing, .. } | Self::Among { missing, .. } if value.is_nan() => return *missing,
            Self::Below { threshold, .. } => value < *threshold,
            Self::Among { set, .. } => {
                // A number beyond what a word's place can be is cut to the largest, and in no set.
                let number = if value > -1.0 { value as usize } else { return Side::Right };
                set.get(number / 32).is_some_and(|word| word >> (number % 32) & 1 == 1)
            }
        };
        if left { Side::Left } else { Side::Right }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_most(threshold: f64, blank: Blank) -> Test {
        Test::AtMost { threshold, blank }
    }

    #[test]
    fn a_bound_is_to_the_left_and_what_is_missing_goes_where_the_split_says() {
        let test = at_most(2.0, Blank::Missing(Side::Right));
        assert_eq!([2.0, 2.1, f64::NAN].map(|value| test.side(value)), [Side::Left, Side::Right, Side::Right]);
        assert_eq!(at_most(-1.0, Blank::Zero).side(f64::NAN), Side::Right, "taken for 0");
        let zero = at_most(-1.0, Blank::MissingOrZero(Side::Left));
        assert_eq!(
            [0.0, -0.0, f64::NAN, 1e-30].map(|value| zero.side(value)),
            [Side::Left, Side::Left, Side::Left, Side::Right]
        );
    }

    #[test]
    fn a_set_holds_what_it_holds_and_nothing_that_is_no_number_of_a_level() {
        let test = Test::Among { set: vec![1 << 3, 1], missing: Side::Right };
        let sides = [3.0, 3.9, 32.0].map(|value| test.side(value));
        assert_eq!(sides, [Side::Left; 3]);
        let sides =
            [0.0, -0.5, -3.0, 64.0, 1e300, f64::INFINITY, f64::NEG_INFINITY, f64::NAN].map(|value| test.side(value));
        assert_eq!(sides, [Side::Right; 8]);
    }

    #[test]
    fn a_tree_of_one_leaf_is_a_constant_and_a_mean_is_taken_where_it_is_meant() {
        let tree = |value| Tree { leaves: vec![value], ..Tree::default() };
        let forest = Forest {
            features: Vec::new(),
            trees: vec![tree(1.0), tree(2.0)],
            terms: Vec::new(),
            bias: 0.5,
            averaged: false,
            link: Link::Identity,
            precision: Precision::Double,
        };
        assert_eq!((forest.raw(&[]), forest.answer(&[])), (3.5, 3.5));
        let forest = Forest { averaged: true, link: Link::Logistic { slope: 2.0 }, ..forest };
        assert_eq!(forest.raw(&[]), 2.0);
        assert!((forest.answer(&[]) - 0.982_013_790_037_908_4).abs() < 1e-15);
    }
}
