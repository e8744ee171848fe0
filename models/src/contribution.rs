//! What each feature contributes to the score of a row: Shapley values of a forest, path-dependent.
//!
//! The value of a feature is its part in a game whose players are the features of the row (Shapley 1953). What a coalition of known features
//! is worth is the tree's answer where unknown features go both ways, weighed by how much of the training went there: the conditional
//! expectation of Lundberg, Erion and Lee (2018), algorithm 1, which their algorithm 2 sums in polynomial time. The same sums are taken here
//! another way. A leaf's part of the game is a product of one factor for each feature on the way to it, and the Shapley value is the integral
//! along the diagonal of its multilinear extension (Owen 1972): a polynomial in one variable, integrated exactly by Gauss and Legendre's
//! rule. Sharing the products between the leaves of a subtree (the idea of Yu, Xu, Zhang and Guo 2022) makes a tree cost its splits times
//! half its depth. All that is summed over places has one sign for each leaf, so that nothing cancels on long ways, where undoing a step of
//! algorithm 2 subtracts.
//!
//! Invariant: the base and the contributions add up to [`Forest::raw`], but for rounding.
//! Absent on purpose: interactions, and expectations over a background of rows (*interventional* values).

use crate::fault::Fault;
use crate::forest::{Child, Forest, Precision, Side, Tree};
use crate::quadrature::Rule;

/// Questions on one way from the root beyond which contributions are not taken: trees that are grown leaf by leaf reach some dozens, and
/// every question is a call within a call.
pub const MAX_DEPTH: usize = 512;

/// A share of the training below this is none: products of smaller ones would leave the range of numbers.
const NOBODY: f64 = 1e-200;

/// Takes the scores of one forest apart.
#[derive(Debug)]
pub struct Explainer<'a> {
    forest: &'a Forest,
    trees: Vec<Weighed<'a>>,
    rules: Vec<Rule>,
    base: f64,
}

/// A tree, and what went where in training.
#[derive(Debug)]
struct Weighed<'a> {
    tree: &'a Tree,
    /// Of each split, the share that went to the left.
    lefts: Vec<f64>,
    depth: usize,
    /// Which of the rules is exact for it.
    rule: usize,
}

/// A feature's factor in the product of a way: the line from `zero`, where it is unknown, to `one`, where it is known.
#[derive(Debug, Clone, Copy)]
struct Factor {
    /// Does the row's own value lead along here?
    one: f64,
    /// The share of the training that went along here.
    zero: f64,
}

/// One row on its way through one tree.
struct Walk<'a> {
    tree: &'a Tree,
    lefts: &'a [f64],
    row: &'a [f64],
    places: &'a [(f64, f64)],
    /// Of each feature, its factor on the way so far.
    factors: &'a mut [Factor],
    contributions: &'a mut [f64],
    /// What is multiplied so far, at each place: a run for each depth.
    products: Vec<f64>,
    /// The sums of what the leaves below a depth come to, at each place.
    sums: Vec<f64>,
}

impl<'a> Explainer<'a> {
    /// Weighs every split of a forest.
    ///
    /// # Errors
    ///
    /// A tree with splits does not say what its leaves weighed in training, says it in numbers that no weights are, or is deeper than
    /// [`MAX_DEPTH`]; it is named by its number from 0.
    pub fn of(forest: &'a Forest) -> Result<Self, Fault> {
        let (mut trees, mut counts) = (Vec::with_capacity(forest.trees.len()), Vec::new());
        let mut base = 0.0;
        for (number, tree) in forest.trees.iter().enumerate() {
            let lefts = lefts(number, tree)?;
            let depth = tree.depth();
            if depth > MAX_DEPTH {
                return Err(Fault::of(format!("tree {number} asks {depth} questions on one way, and contributions are taken from {MAX_DEPTH} at most"))
                    .remedy("train with a bounded depth (`max_depth`)"));
            }
            base += expectation(tree, &lefts);
            // As many factors as there are features on a way, less the one that is taken out: a polynomial of that degree.
            let mut asked: Vec<usize> = tree.splits.iter().map(|split| split.feature).collect();
            asked.sort_unstable();
            asked.dedup();
            let count = asked.len().min(depth).div_ceil(2).max(1);
            let rule = counts.iter().position(|known| *known == count).unwrap_or_else(|| {
                counts.push(count);
                counts.len() - 1
            });
            trees.push(Weighed { tree, lefts, depth, rule });
        }
        let rules = counts.into_iter().map(Rule::of).collect();
        // What is not known adds what it adds in the mean (of columns that are independent, the same expectation).
        let terms: f64 = forest.terms.iter().map(|term| term.mean).sum();
        Ok(Self { forest, trees, rules, base: forest.bias + base * scale(forest) + terms })
    }

    /// The forest that is taken apart.
    #[must_use]
    pub fn forest(&self) -> &'a Forest {
        self.forest
    }

    /// What the forest says before anything is known of a row, in units of [`Forest::raw`]: the mean over its training, tree by tree.
    #[must_use]
    pub fn base(&self) -> f64 {
        self.base
    }

    /// What each feature adds to the base, in units of [`Forest::raw`] and the order of the features; 0 for one that is never asked. A row is
    /// read as by [`Forest::raw`].
    #[must_use]
    pub fn contributions(&self, row: &[f64]) -> Vec<f64> {
        let single: Vec<f64>;
        let mut row = row;
        if self.forest.precision != Precision::Double {
            single = row.iter().map(|value| f64::from(*value as f32)).collect();
            row = &single;
        }
        let mut contributions = vec![0.0; self.forest.features.len()];
        let mut factors = vec![Factor::NONE; self.forest.features.len()];
        for weighed in &self.trees {
            let Some(rule) = self.rules.get(weighed.rule).filter(|_| weighed.depth > 0) else { continue };
            let room = (weighed.depth + 1) * rule.places.len();
            let mut walk = Walk {
                tree: weighed.tree,
                lefts: &weighed.lefts,
                row,
                places: &rule.places,
                factors: &mut factors,
                contributions: &mut contributions,
                products: vec![1.0; room],
                sums: vec![0.0; room],
            };
            walk.visit(Child::Split(0), 0);
        }
        let scale = scale(self.forest);
        contributions.iter_mut().for_each(|contribution| *contribution *= scale);
        for term in &self.forest.terms {
            let value = row.get(term.feature).copied().unwrap_or(f64::NAN);
            if let Some(contribution) = contributions.get_mut(term.feature) {
                *contribution += term.add(value) - term.mean;
            }
        }
        contributions
    }
}

/// What a tree's part in the sum is multiplied by.
fn scale(forest: &Forest) -> f64 {
    if forest.averaged { 1.0 / (forest.trees.len() as f64).max(1.0) } else { 1.0 }
}

/// Of each split, the share of its training weight that went to the left. Where nobody went, both sides weigh the same.
fn lefts(number: usize, tree: &Tree) -> Result<Vec<f64>, Fault> {
    if tree.splits.is_empty() {
        return Ok(Vec::new());
    }
    let covers = tree.covers.as_ref().filter(|covers| covers.len() == tree.leaves.len()).ok_or_else(|| {
        Fault::of(format!(
            "tree {number} does not say how much of the training each leaf saw, which contributions are weighed by"
        ))
        .remedy("models that `petitfour train`, LightGBM, XGBoost or CatBoost saved say it; ONNX's files do not")
    })?;
    if let Some((leaf, cover)) = covers.iter().enumerate().find(|(_, cover)| !(cover.is_finite() && **cover >= 0.0)) {
        return Err(Fault::of(format!("tree {number}: leaf {leaf} saw {cover} of the training, which is no weight"))
            .remedy("save the model anew; a weight is 0 or more"));
    }
    // Children stand behind their parents, so that from the last split on both sides are known.
    let mut weights = vec![0.0; tree.splits.len()];
    let mut lefts = vec![0.5; tree.splits.len()];
    for (at, split) in tree.splits.iter().enumerate().rev() {
        let weight = |child| match child {
            Child::Leaf(leaf) => covers.get(leaf).copied().unwrap_or_default(),
            Child::Split(split) => weights.get(split).copied().unwrap_or_default(),
        };
        let (left, both) = (weight(split.left), weight(split.left) + weight(split.right));
        if let (Some(own), Some(share)) = (weights.get_mut(at), lefts.get_mut(at)) {
            *own = both;
            if both > 0.0 {
                *share = left / both;
            }
        }
    }
    if weights.first().is_none_or(|weight| *weight <= 0.0) {
        return Err(Fault::of(format!("tree {number}: no leaf saw any of the training"))
            .remedy("train with weights that are not all 0, and save the model anew"));
    }
    Ok(lefts)
}

/// The mean of the leaves, each weighed by the shares on the way to it.
fn expectation(tree: &Tree, lefts: &[f64]) -> f64 {
    let value = |leaf: usize| tree.leaves.get(leaf).copied().unwrap_or_default();
    let mut means = vec![0.0; tree.splits.len()];
    for (at, (split, left)) in tree.splits.iter().zip(lefts).enumerate().rev() {
        let mean = |child| match child {
            Child::Leaf(leaf) => value(leaf),
            Child::Split(split) => means.get(split).copied().unwrap_or_default(),
        };
        let own = left * mean(split.left) + (1.0 - left) * mean(split.right);
        if let Some(mean) = means.get_mut(at) {
            *mean = own;
        }
    }
    means.first().copied().unwrap_or_else(|| value(0))
}

impl Factor {
    /// Of a feature that was not asked.
    const NONE: Self = Self { one: 1.0, zero: 1.0 };

    /// Between unknown and known.
    fn at(self, place: f64) -> f64 {
        self.zero + self.slope() * place
    }

    fn slope(self) -> f64 {
        self.one - self.zero
    }
}

impl Walk<'_> {
    /// Goes through what is below a child; the sums of `depth` are what its leaves come to.
    fn visit(&mut self, child: Child, depth: usize) {
        let (own, next) = (self.run(depth), self.run(depth + 1));
        let (split, left) = match child {
            Child::Leaf(leaf) => {
                let value = self.tree.leaves.get(leaf).copied().unwrap_or_default();
                if let (Some(sums), Some(products)) = (self.sums.get_mut(own.clone()), self.products.get(own)) {
                    sums.iter_mut().zip(products).for_each(|(sum, product)| *sum = product * value);
                }
                return;
            }
            Child::Split(number) => match (self.tree.splits.get(number), self.lefts.get(number)) {
                (Some(split), Some(left)) => (split, *left),
                _ => return,
            },
        };
        if let Some(sums) = self.sums.get_mut(own.clone()) {
            sums.fill(0.0);
        }
        let before = self.factors.get(split.feature).copied().unwrap_or(Factor::NONE);
        let own_side = split.test.side(self.row.get(split.feature).copied().unwrap_or(f64::NAN));
        for (side, child, share) in [(Side::Left, split.left, left), (Side::Right, split.right, 1.0 - left)] {
            let zero = before.zero * share;
            let factor = Factor {
                one: if side == own_side { before.one } else { 0.0 },
                zero: if zero < NOBODY { 0.0 } else { zero },
            };
            if factor.one == 0.0 && factor.zero == 0.0 {
                // Neither the row nor anybody of the training comes here: every leaf below is worth nothing to every coalition.
                continue;
            }
            let Some((products, deeper)) = self.products.split_at_mut_checked(next.start) else { return };
            let products = products.get(own.clone()).unwrap_or_default();
            for ((deep, product), (place, _)) in deeper.iter_mut().zip(products).zip(self.places) {
                *deep = product / before.at(*place) * factor.at(*place);
            }
            self.put(split.feature, factor);
            self.visit(child, depth + 1);
            let mut added = 0.0;
            let Some((sums, deeper)) = self.sums.split_at_mut_checked(next.start) else { return };
            let sums = sums.get_mut(own.clone()).unwrap_or_default();
            for ((deep, sum), (place, weight)) in deeper.iter().zip(sums).zip(self.places) {
                // The leaves below took this feature's earlier factor for its last; that is taken back.
                let part = factor.slope() / factor.at(*place) - before.slope() / before.at(*place);
                added += weight * deep * part;
                *sum += deep;
            }
            if let Some(contribution) = self.contributions.get_mut(split.feature) {
                *contribution += added;
            }
        }
        self.put(split.feature, before);
    }

    /// Where a depth has its places.
    fn run(&self, depth: usize) -> std::ops::Range<usize> {
        depth * self.places.len()..(depth + 1) * self.places.len()
    }

    fn put(&mut self, feature: usize, factor: Factor) {
        if let Some(known) = self.factors.get_mut(feature) {
            *known = factor;
        }
    }
}
