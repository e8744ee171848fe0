//! Boosted trees, grown by forust and told as a [`Forest`].
//!
//! forust asks `value < bound`; a forest asks `value ≤ bound` with the number before it, which is the same question of every number. Levels
//! come from forust in the order of their rate ([`crate::encoding`]) and are told as sets.

use forust_ml::gradientbooster::GrowPolicy;
use forust_ml::objective::ObjectiveType;
use forust_ml::sampler::SampleMethod;
use forust_ml::{GradientBooster, Matrix};
use petitfour_models::{Blank, Child, Feature, Forest, Link, MAX_LEAVES, Precision, Side, Split, Test, Tree};

use crate::encoding::{Encoding, Levels};
use crate::fault::Fault;
use crate::table::Table;

/// How trees are grown.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Growth {
    /// What of each tree is added.
    pub rate: f32,
    /// Leaves of one tree at most.
    pub leaves: usize,
    /// Questions on the longest way.
    pub depth: usize,
    /// Trees at most.
    pub most: usize,
    /// Trees without any better answer to the rows that say when to stop, after which growing ends.
    pub patience: usize,
    /// Share of the rows that each tree sees.
    pub rows: f32,
    /// Share of the columns that each tree sees.
    pub columns: f64,
    /// Of sampling.
    pub seed: u64,
}

impl Default for Growth {
    /// Near the best of four settings on both data sets, with the fewest leaves (docs/adr/0012-gradient-boosting.md).
    fn default() -> Self {
        Self { rate: 0.05, leaves: 15, depth: 6, most: 1_000, patience: 50, rows: 0.8, columns: 0.8, seed: 1 }
    }
}

/// What trees are to make small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// -ln of what was said of what happened, which is 0 or 1; the answer is a probability.
    Log,
    /// The square of answer minus truth, which is any number.
    Square,
}

impl Loss {
    /// The least that the rows of a leaf weigh together, each by the second derivative of its loss: some 10 to 30 rows of a probability, and as
    /// many as outliers of an amount need beside them.
    fn least(self) -> f32 {
        match self {
            Self::Log => 3.0,
            Self::Square => 50.0,
        }
    }
}

/// What grew.
pub(crate) struct Grown {
    pub forest: Forest,
    /// Of each column of the encoding, its share of the gain.
    pub gains: Vec<f64>,
}

/// Grows trees on `train` until `validation` is answered no better; without it, `growth.most` of them. `weights` are those of the table's rows.
pub(crate) fn grow(
    table: &Table,
    encoding: &Encoding,
    weights: &[f64],
    (train, validation): (&[usize], &[usize]),
    growth: &Growth,
    loss: Loss,
) -> Result<Grown, Fault> {
    let width = encoding.columns.len();
    let pick =
        |from: &[f64], rows: &[usize]| -> Vec<f64> { rows.iter().filter_map(|row| from.get(*row).copied()).collect() };
    let [(data, truth, weight), (seen, told, counts)] =
        [train, validation].map(|rows| (encoding.ranked(table, rows), pick(&table.truth, rows), pick(weights, rows)));
    // forust takes the whole part of the share, and grows nothing from no column.
    let columns = if width as f64 * growth.columns < 2.0 { 1.0 } else { growth.columns };
    let (objective, link) = match loss {
        Loss::Log => (ObjectiveType::LogLoss, Link::Logistic { slope: 1.0 }),
        Loss::Square => (ObjectiveType::SquaredLoss, Link::Identity),
    };
    let mut booster = GradientBooster::default()
        .set_objective_type(objective)
        .set_iterations(growth.most)
        .set_learning_rate(growth.rate)
        .set_max_leaves(growth.leaves)
        .set_max_depth(growth.depth)
        .set_min_leaf_weight(loss.least())
        .set_l2(1.0)
        .set_subsample(growth.rows)
        .set_colsample_bytree(columns)
        .set_sample_method(if growth.rows < 1.0 { SampleMethod::Random } else { SampleMethod::None })
        .set_seed(growth.seed);
    booster.grow_policy = GrowPolicy::LossGuide;
    let mut watched = None;
    if !validation.is_empty() {
        booster.early_stopping_rounds = Some(growth.patience);
        watched = Some(vec![(Matrix::new(&seen, validation.len(), width), told.as_slice(), counts.as_slice())]);
    }
    booster
        .fit(&Matrix::new(&data, train.len(), width), &truth, &weight, watched)
        .map_err(|error| Fault::of(format!("the trees did not grow: {error}")))?;
    let count = booster.prediction_iteration.unwrap_or(booster.trees.len());
    let mut gains = vec![0.0; width];
    let mut trees = Vec::with_capacity(count);
    for grown in booster.trees.iter().take(count) {
        for node in grown.nodes.iter().filter(|node| !node.is_leaf) {
            if let Some(gain) = gains.get_mut(node.split_feature) {
                *gain += f64::from(node.split_gain).max(0.0);
            }
        }
        trees.push(tree(grown, encoding));
    }
    let all: f64 = gains.iter().sum();
    gains.iter_mut().for_each(|gain| *gain /= all.max(f64::MIN_POSITIVE));
    let features = encoding.columns.iter().map(|column| Feature {
        name: column.name.clone(),
        levels: column.levels.as_ref().map(|levels| levels.kept.clone()),
    });
    let mut forest = Forest {
        features: features.collect(),
        trees,
        terms: Vec::new(),
        bias: 0.0,
        averaged: false,
        link,
        precision: Precision::Double,
    };
    lift(&mut forest, booster.base_score);
    if forest.leaves() > MAX_LEAVES {
        return Err(Fault::of(format!("the trees have more than {MAX_LEAVES} leaves"))
            .remedy("grow fewer of them, with fewer leaves"));
    }
    Ok(Grown { forest, gains })
}

/// Adds to every answer: into the leaves of the first tree, where LightGBM keeps it as well.
pub(crate) fn lift(forest: &mut Forest, more: f64) {
    match forest.trees.first_mut() {
        Some(first) => first.leaves.iter_mut().for_each(|leaf| *leaf += more),
        None => forest.trees.push(Tree { splits: Vec::new(), leaves: vec![more], covers: None }),
    }
}

/// A tree in the order in which its questions are met: children stand behind their parents.
fn tree(grown: &forust_ml::tree::Tree, encoding: &Encoding) -> Tree {
    let mut tree = Tree { covers: Some(Vec::new()), ..Tree::default() };
    // Nodes that were not looked at yet, each with the split that leads to it, and by which side.
    let mut open: Vec<(usize, Option<(usize, Side)>)> = vec![(0, None)];
    while let Some((number, from)) = open.pop() {
        let Some(node) = grown.nodes.get(number) else { continue };
        let child = if node.is_leaf {
            tree.leaves.push(f64::from(node.weight_value));
            tree.covers.iter_mut().for_each(|covers| covers.push(f64::from(node.hessian_sum)));
            Child::Leaf(tree.leaves.len() - 1)
        } else {
            let levels = encoding.columns.get(node.split_feature).and_then(|column| column.levels.as_ref());
            let missing = if node.missing_node == node.left_child { Side::Left } else { Side::Right };
            let (test, swapped) = question(node.split_value, missing, levels);
            // Places to be filled in when the children are met.
            tree.splits.push(Split { feature: node.split_feature, test, left: Child::Leaf(0), right: Child::Leaf(0) });
            let number = tree.splits.len() - 1;
            let sides = if swapped { [Side::Right, Side::Left] } else { [Side::Left, Side::Right] };
            for (next, side) in [node.left_child, node.right_child].into_iter().zip(sides) {
                open.push((next, Some((number, side))));
            }
            Child::Split(number)
        };
        if let Some((parent, side)) = from
            && let Some(split) = tree.splits.get_mut(parent)
        {
            match side {
                Side::Left => split.left = child,
                Side::Right => split.right = child,
            }
        }
    }
    if tree.splits.is_empty() {
        tree.covers = None;
    }
    tree
}

/// What is asked, and whether *yes* and *no* have changed places: of sets, what is missing is never among them.
fn question(bound: f64, missing: Side, levels: Option<&Levels>) -> (Test, bool) {
    let Some(levels) = levels else {
        return (Test::AtMost { threshold: bound.next_down(), blank: Blank::Missing(missing) }, false);
    };
    let swapped = missing == Side::Left;
    let mut set = vec![0_u32; levels.ranks.len().div_ceil(32)];
    for (number, rank) in levels.ranks.iter().enumerate() {
        if ((*rank as f64) < bound) != swapped
            && let Some(word) = set.get_mut(number / 32)
        {
            *word |= 1 << (number % 32);
        }
    }
    (Test::Among { set, missing: Side::Right }, swapped)
}
