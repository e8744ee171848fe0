//! A forest of which some columns are known beforehand: their splits are answered, and go.

use crate::forest::{Child, Feature, Forest, Precision, Side, Split, Tree};

impl Forest {
    /// The forest for rows that have these values: one for each column of which it is known, NaN where it is missing in all of them, and `None`
    /// for each that is still asked.
    ///
    /// No tree goes, even one of which a single leaf is left, so that every such row has the sum that it had, to the bit: the same leaves are added in the same order.
    /// What a known column adds to a regression is in the bias from then on.
    #[must_use]
    pub fn given(&self, values: &[Option<f64>]) -> Self {
        // As rows are taken, and to where a split leads then.
        let taken = |value: f64| if self.precision == Precision::Double { value } else { f64::from(value as f32) };
        let known: Vec<Option<f64>> = values.iter().map(|value| value.map(taken)).collect();
        let answer = |split: &Split| known.get(split.feature).copied().flatten().map(|value| split.next(value));
        let trees = self.trees.iter().map(|tree| cut(tree, answer)).collect();
        let (mut bias, mut terms) = (self.bias, Vec::new());
        for term in &self.terms {
            match known.get(term.feature).copied().flatten() {
                Some(value) => bias += term.add(value),
                None => terms.push(term.clone()),
            }
        }
        Self { trees, terms, bias, ..self.clone() }
    }
}

impl Feature {
    /// The number that a text is in a row: its place among the levels, or itself; `None` where the model has not seen it, or it is no number.
    #[must_use]
    pub fn number(&self, written: &str) -> Option<f64> {
        let field = written.trim();
        let Some(levels) = &self.levels else {
            return match field {
                "TRUE" | "True" | "true" => Some(1.0),
                "FALSE" | "False" | "false" => Some(0.0),
                _ => field.parse().ok(),
            };
        };
        // A level may begin or end with a space; a field may have been written with one.
        let is = |wanted: &str| levels.iter().position(|level| level == wanted);
        // A column of whole numbers is written with `.0` as soon as one is missing.
        let equals = || {
            let number: f64 = field.parse().ok()?;
            levels.iter().position(|level| level.parse() == Ok(number))
        };
        is(written).or_else(|| is(field)).or_else(equals).map(|place| place as f64)
    }
}

/// What is left of a tree when some of its splits are answered.
fn cut(tree: &Tree, answer: impl Fn(&Split) -> Option<Child>) -> Tree {
    let mut left = Tree { covers: tree.covers.as_ref().map(|_| Vec::new()), ..Tree::default() };
    let root = if tree.splits.is_empty() { Child::Leaf(0) } else { Child::Split(0) };
    let mut open: Vec<(Child, Option<(usize, Side)>)> = vec![(root, None)];
    while let Some((mut child, from)) = open.pop() {
        let mut asked = None;
        while let Child::Split(number) = child {
            let Some(split) = tree.splits.get(number) else { break };
            let Some(next) = answer(split) else {
                asked = Some(split);
                break;
            };
            child = next;
        }
        let own = if let Some(split) = asked {
            let number = left.splits.len();
            open.push((split.right, Some((number, Side::Right))));
            open.push((split.left, Some((number, Side::Left))));
            left.splits.push(split.clone());
            Child::Split(number)
        } else {
            let number = if let Child::Leaf(number) = child { number } else { usize::MAX };
            left.leaves.push(tree.leaves.get(number).copied().unwrap_or_default());
            if let (Some(kept), Some(covers)) = (&mut left.covers, &tree.covers) {
                kept.push(covers.get(number).copied().unwrap_or_default());
            }
            Child::Leaf(left.leaves.len() - 1)
        };
        if let Some((parent, side)) = from
            && let Some(split) = left.splits.get_mut(parent)
        {
            match side {
                Side::Left => split.left = own,
                Side::Right => split.right = own,
            }
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forest::{Blank, Link, Test};

    /// `x ≤ 1`, then `y` among 0 and 2 to the left and `x ≤ 5` to the right.
    fn forest(precision: Precision) -> Forest {
        let split = |feature, test, left, right| Split { feature, test, left, right };
        let at_most = |threshold| Test::AtMost { threshold, blank: Blank::Missing(Side::Right) };
        let tree = Tree {
            splits: vec![
                split(0, at_most(1.0), Child::Split(1), Child::Split(2)),
                split(1, Test::Among { set: vec![0b101], missing: Side::Right }, Child::Leaf(0), Child::Leaf(1)),
                split(0, at_most(5.0), Child::Leaf(2), Child::Leaf(3)),
            ],
            leaves: vec![0.1, 0.2, 0.4, 0.8],
            covers: Some(vec![1.0, 2.0, 3.0, 4.0]),
        };
        let single = Tree { leaves: vec![0.3], ..Tree::default() };
        let y = Feature { name: "y".to_owned(), levels: Some(["a", "b", "7"].map(str::to_owned).to_vec()) };
        Forest {
            features: vec![Feature { name: "x".to_owned(), levels: None }, y],
            trees: vec![tree, single],
            terms: Vec::new(),
            bias: 0.05,
            averaged: false,
            link: Link::Logistic { slope: 1.0 },
            precision,
        }
    }

    #[test]
    fn rows_with_the_given_values_have_the_same_sum_to_the_bit() {
        let numbers = [f64::NAN, 0.0, 1.0, f64::from(1.0_f32.next_up()), 1.0 + 1e-12, 5.0, 6.0];
        for precision in [Precision::Double, Precision::Single, Precision::Mixed] {
            let forest = forest(precision);
            for x in numbers {
                for y in [f64::NAN, 0.0, 1.0, 2.0] {
                    let whole = forest.raw(&[x, y]).to_bits();
                    for given in [[Some(x), None], [None, Some(y)], [Some(x), Some(y)], [None, None]] {
                        assert_eq!(forest.given(&given).raw(&[x, y]).to_bits(), whole, "{x} {y} {given:?}");
                        // What is given is asked no more.
                        let asked = |value: Option<f64>, own: f64| if value.is_some() { 99.0 } else { own };
                        let [one, other] = given;
                        let row = [asked(one, x), asked(other, y)];
                        assert_eq!(forest.given(&given).raw(&row).to_bits(), whole, "{x} {y} {given:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn splits_and_leaves_that_are_out_of_reach_go() {
        let forest = forest(Precision::Double);
        let cut = forest.given(&[Some(0.0), None]);
        assert_eq!((cut.trees[0].splits.len(), cut.trees[0].leaves.as_slice()), (1, [0.1, 0.2].as_slice()));
        assert_eq!(cut.trees[0].covers, Some(vec![1.0, 2.0]));
        assert_eq!(forest.given(&[None, Some(2.0)]).trees[0].leaves, [0.1, 0.4, 0.8]);
        assert_eq!(forest.given(&[Some(9.0), None]).trees[0].leaves, [0.8]);
        assert_eq!(forest.given(&[]), forest);
    }

    #[test]
    fn a_text_is_a_level_and_a_number_itself() {
        let forest = forest(Precision::Double);
        let [x, y] = forest.features.as_slice() else { panic!("two features") };
        assert_eq!(["1.5", " true", "warm", ""].map(|text| x.number(text)), [Some(1.5), Some(1.0), None, None]);
        assert_eq!(["b", " a ", "7.0", "c"].map(|text| y.number(text)), [Some(1.0), Some(0.0), Some(2.0), None]);
    }
}
