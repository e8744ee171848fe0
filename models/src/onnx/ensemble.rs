//! The trees of an ONNX operator, and what its sums mean.
//!
//! The operators are those of `ai.onnx.ml` 1 to 5; where the standard leaves open what a sum of two classes is, this is what ONNX Runtime (1.32)
//! makes of it (`tree_ensemble_aggregator.h`): one weight a leaf is the sum of the second class, whichever the weight is said to be of.

use std::collections::HashMap;

use crate::fault::Fault;
use crate::forest::{Link, MAX_LEAVES, Tree};
use crate::onnx::columns::{Column, Mode, Question};
use crate::onnx::proto::Node;
use crate::walk::{self, MOST_WORDS, spend, walk};

/// What an operator answers with.
pub(super) struct Ensemble {
    pub(super) trees: Vec<Tree>,
    pub(super) bias: f64,
    pub(super) averaged: bool,
    pub(super) link: Link,
    /// Do the answers of both classes make 1, so that it changes nothing to norm them?
    pub(super) shares: bool,
}

/// What leads on, or ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    Branch(usize),
    Leaf(usize),
}

/// A branch of a tree.
struct Branch {
    column: i64,
    question: Question,
    yes: Key,
    no: Key,
}

/// Trees as an operator writes them, of whichever version.
struct Written {
    /// None where a leaf stands instead.
    branches: Vec<Option<Branch>>,
    leaves: Vec<Option<f64>>,
    roots: Vec<Key>,
}

const CLASSES: &str = "train one binary model for each class";

/// `TreeEnsembleClassifier`.
pub(super) fn classifier(node: &Node, columns: &[Column]) -> Result<Ensemble, Fault> {
    let labels = node.wholes("classlabels_int64s").len().max(node.texts("classlabels_strings")?.len());
    if labels != 2 {
        return Err(node.fault(format!("{labels} classes, where 2 are read")).remedy(CLASSES));
    }
    let (ids, weights) = (node.wholes("class_ids"), node.numbers("class_weights")?);
    let logistic = match node.text("post_transform").as_deref() {
        None | Some("NONE") => false,
        Some("LOGISTIC") => true,
        Some(other) => {
            return Err(node.fault(format!("`post_transform` {other} is not read")).remedy("NONE and LOGISTIC are"));
        }
    };
    let base = node.numbers("base_values")?;
    let of = |class: i64| ids.iter().filter(|id| **id == class).count();
    let (first, second) = (of(0), of(1));
    if first + second != ids.len() || ids.is_empty() {
        return Err(node.fault("`class_ids` are others than 0 and 1, or none"));
    }
    let one = first == 0 || second == 0;
    let bias = match base.as_slice() {
        [] => 0.0,
        [bias] if second == 0 => *bias,
        _ => {
            return Err(node
                .fault(format!(
                    "{} `base_values` beside weights of class 1, of which runtimes make different things",
                    base.len()
                ))
                .remedy("export it with another version of the converter"));
        }
    };
    let counted = i64::from(second > 0);
    let plain = second == 0 && weights.iter().all(|weight| *weight >= 0.0);
    let link = if logistic { Link::Logistic { slope: 1.0 } } else { Link::Identity };
    let written = Written::by_number(node, "class", counted)?;
    let shares = if one { second == 0 && (plain || logistic) } else { !logistic && norm(node, &weights) };
    Ok(Ensemble { trees: written.trees(node, columns)?, bias, averaged: false, link, shares })
}

/// Do the weights of both classes make 1 in all, whichever leaves are reached?
fn norm(node: &Node, weights: &[f64]) -> bool {
    let places = node.wholes("class_treeids").iter().zip(node.wholes("class_nodeids"));
    let mut leaves: HashMap<(i64, i64), f64> = HashMap::new();
    for ((tree, leaf), weight) in places.zip(weights) {
        *leaves.entry((*tree, *leaf)).or_default() += weight;
    }
    let mut trees: HashMap<i64, (f64, f64)> = HashMap::new();
    for ((tree, _), total) in leaves {
        let (low, high) = trees.entry(tree).or_insert((total, total));
        (*low, *high) = (low.min(total), high.max(total));
    }
    let (low, high) = trees.values().fold((0.0, 0.0), |(low, high), (least, most)| (low + least, high + most));
    (low - 1.0_f64).abs() < 1e-5 && (high - 1.0_f64).abs() < 1e-5
}

/// `TreeEnsembleRegressor`.
pub(super) fn regressor(node: &Node, columns: &[Column]) -> Result<Ensemble, Fault> {
    let averaged = match node.text("aggregate_function").as_deref() {
        None | Some("SUM") => false,
        Some("AVERAGE") => true,
        Some(other) => {
            return Err(node.fault(format!("`aggregate_function` {other} is not read")).remedy("SUM and AVERAGE are"));
        }
    };
    let transform = node.text("post_transform").unwrap_or_else(|| "NONE".to_owned());
    if transform != "NONE" {
        return Err(
            node.fault(format!("`post_transform` {transform} of a regressor is not read, as runtimes leave it out"))
        );
    }
    one_target(node)?;
    if node.wholes("target_ids").iter().any(|id| *id != 0) {
        return Err(node.fault("`target_ids` are others than 0"));
    }
    let base = node.numbers("base_values")?;
    let bias = match base.as_slice() {
        [] => 0.0,
        [bias] => *bias,
        _ => return Err(node.fault(format!("{} `base_values` for one target", base.len()))),
    };
    let trees = Written::by_number(node, "target", 0)?.trees(node, columns)?;
    Ok(Ensemble { trees, bias, averaged, link: Link::Identity, shares: false })
}

/// `TreeEnsemble`, of version 5 on.
pub(super) fn ensemble(node: &Node, columns: &[Column]) -> Result<Ensemble, Fault> {
    let averaged = match node.whole("aggregate_function") {
        Some(0) => true,
        None | Some(1) => false,
        Some(other) => {
            return Err(node.fault(format!("`aggregate_function` {other} is not read")).remedy("0 and 1 are"));
        }
    };
    let transform = node.whole("post_transform").unwrap_or_default();
    if transform != 0 {
        return Err(node.fault(format!("`post_transform` {transform} is not read, as runtimes leave it out")));
    }
    one_target(node)?;
    let trees = Written::by_place(node)?.trees(node, columns)?;
    Ok(Ensemble { trees, bias: 0.0, averaged, link: Link::Identity, shares: false })
}

fn one_target(node: &Node) -> Result<(), Fault> {
    match node.whole("n_targets") {
        Some(1) => Ok(()),
        other => Err(node
            .fault(format!("`n_targets` is {}, where 1 is read", other.unwrap_or_default()))
            .remedy("train one model for each")),
    }
}

/// As many as there are nodes.
fn column<'a>(node: &'a Node, name: &str, wanted: usize) -> Result<&'a [i64], Fault> {
    let numbers = node.wholes(name);
    if numbers.len() == wanted { Ok(numbers) } else { Err(lacks(node, name, numbers.len(), wanted)) }
}

fn lacks(node: &Node, name: &str, there: usize, wanted: usize) -> Fault {
    node.fault(format!("`{name}` has {there} values where {wanted} are needed"))
}

fn doubles(node: &Node, name: &str, wanted: usize) -> Result<Vec<f64>, Fault> {
    let numbers = node.numbers(name)?;
    if numbers.len() == wanted { Ok(numbers) } else { Err(lacks(node, name, numbers.len(), wanted)) }
}

/// Whether what is missing is *yes*, for each node.
fn missing(node: &Node, wanted: usize) -> Result<Vec<bool>, Fault> {
    match node.wholes("nodes_missing_value_tracks_true") {
        [] => Ok(vec![false; wanted]),
        tracks if tracks.len() == wanted => Ok(tracks.iter().map(|track| *track != 0).collect()),
        tracks => Err(lacks(node, "nodes_missing_value_tracks_true", tracks.len(), wanted)),
    }
}

impl Written {
    /// Nodes that are numbered within their tree, and weights that name the leaf (versions 1 to 3).
    fn by_number(node: &Node, kind: &str, counted: i64) -> Result<Self, Fault> {
        let (trees, count) = (node.wholes("nodes_treeids"), node.wholes("nodes_treeids").len());
        let numbers = column(node, "nodes_nodeids", count)?;
        let features = column(node, "nodes_featureids", count)?;
        let (yes, no) = (column(node, "nodes_truenodeids", count)?, column(node, "nodes_falsenodeids", count)?);
        let modes = node.texts("nodes_modes")?;
        if modes.len() != count {
            return Err(lacks(node, "nodes_modes", modes.len(), count));
        }
        let (values, missing) = (doubles(node, "nodes_values", count)?, missing(node, count)?);
        let places: HashMap<(i64, i64), usize> =
            trees.iter().zip(numbers).enumerate().map(|(place, (tree, number))| ((*tree, *number), place)).collect();
        if places.len() < count {
            return Err(node.fault("two nodes of one tree have one number"));
        }
        let leaf = |place: usize| modes.get(place).is_some_and(|mode| mode == "LEAF");
        let key = |place: usize| if leaf(place) { Key::Leaf(place) } else { Key::Branch(place) };
        let find = |tree: i64, number: i64| {
            let place = places.get(&(tree, number)).copied();
            place.ok_or_else(|| {
                node.fault(format!("node {number} of tree {tree} is not there, and something leads to it"))
            })
        };
        let mut branches = Vec::with_capacity(count);
        let nodes = trees.iter().zip(features).zip(yes).zip(no).zip(&modes).zip(values).zip(missing).enumerate();
        for (place, ((((((tree, feature), yes), no), mode), threshold), missing)) in nodes {
            if leaf(place) {
                branches.push(None);
                continue;
            }
            let mode = Mode::ALL.into_iter().take(6).find_map(|(known, name)| (name == mode).then_some(known));
            let mode = mode.ok_or_else(|| node.fault(format!("the mode of node {place} is not read")))?;
            let question = Question { mode, threshold, members: Vec::new(), missing };
            branches.push(Some(Branch {
                column: *feature,
                question,
                yes: key(find(*tree, *yes)?),
                no: key(find(*tree, *no)?),
            }));
        }
        let mut roots: Vec<Key> = Vec::new();
        let mut begun: HashMap<i64, usize> = HashMap::new();
        for (place, tree) in trees.iter().enumerate() {
            let last = place.checked_sub(1).and_then(|place| trees.get(place));
            if last == Some(tree) {
                continue;
            }
            if begun.insert(*tree, place).is_some() {
                return Err(node.fault(format!("the nodes of tree {tree} stand apart")));
            }
            roots.push(key(place));
        }
        let ids = node.wholes(&format!("{kind}_ids"));
        let (of, at) = (format!("{kind}_treeids"), format!("{kind}_nodeids"));
        let (of, at) = (column(node, &of, ids.len())?, column(node, &at, ids.len())?);
        let mut leaves = vec![None; count];
        for (((id, tree), number), weight) in
            ids.iter().zip(of).zip(at).zip(doubles(node, &format!("{kind}_weights"), ids.len())?)
        {
            let place = find(*tree, *number)?;
            if *id == counted
                && let Some(leaf) = leaves.get_mut(place)
            {
                *leaf.get_or_insert(0.0) += weight;
            }
        }
        Ok(Self { branches, leaves, roots })
    }

    /// Branches and leaves each in a list of their own (version 5).
    fn by_place(node: &Node) -> Result<Self, Fault> {
        let features = node.wholes("nodes_featureids");
        let count = features.len();
        let sides = |ids: &str, leafs: &str| {
            let pairs = column(node, ids, count)?.iter().zip(column(node, leafs, count)?);
            let keys = pairs.map(|(place, leaf)| {
                let place = usize::try_from(*place).map_err(|_| node.fault(format!("`{ids}` has {place}")))?;
                Ok(if *leaf == 0 { Key::Branch(place) } else { Key::Leaf(place) })
            });
            keys.collect::<Result<Vec<Key>, Fault>>()
        };
        let (yes, no) =
            (sides("nodes_truenodeids", "nodes_trueleafs")?, sides("nodes_falsenodeids", "nodes_falseleafs")?);
        let (modes, values) = (doubles(node, "nodes_modes", count)?, doubles(node, "nodes_splits", count)?);
        let missing = missing(node, count)?;
        // Sets stand one behind the other, each ended by NaN.
        let members = node.numbers("membership_values")?;
        let mut sets = members.split(|member| member.is_nan());
        let mut branches = Vec::with_capacity(count);
        let nodes = features.iter().zip(yes).zip(no).zip(modes).zip(values).zip(missing).enumerate();
        for (place, (((((feature, yes), no), mode), threshold), missing)) in nodes {
            let known = Mode::ALL.get(mode as usize).filter(|_| mode >= 0.0);
            let (mode, _) =
                *known.ok_or_else(|| node.fault(format!("node {place} has mode {mode}, which is not read")))?;
            let members = if mode == Mode::Member { sets.next().unwrap_or_default().to_vec() } else { Vec::new() };
            branches.push(Some(Branch {
                column: *feature,
                question: Question { mode, threshold, members, missing },
                yes,
                no,
            }));
        }
        let targets = node.wholes("leaf_targetids");
        if targets.iter().any(|target| *target != 0) {
            return Err(node.fault("`leaf_targetids` are others than 0"));
        }
        let leaves = doubles(node, "leaf_weights", targets.len())?.into_iter().map(Some).collect();
        let roots = node.wholes("tree_roots").iter().map(|root| {
            let place = usize::try_from(*root).map_err(|_| node.fault(format!("`tree_roots` has {root}")))?;
            // A tree of one leaf is a branch whose sides are both that leaf.
            Ok(match branches.get(place) {
                Some(Some(Branch { yes: Key::Leaf(yes), no: Key::Leaf(no), .. })) if yes == no => Key::Leaf(*yes),
                _ => Key::Branch(place),
            })
        });
        let roots = roots.collect::<Result<_, Fault>>()?;
        Ok(Self { branches, leaves, roots })
    }

    /// Follows the sides from each root.
    fn trees(&self, node: &Node, columns: &[Column]) -> Result<Vec<Tree>, Fault> {
        let (mut branches, mut leaves) = (vec![false; self.branches.len()], vec![false; self.leaves.len()]);
        let (mut budget, mut count) = (MOST_WORDS, 0);
        let mut trees = Vec::with_capacity(self.roots.len());
        for root in &self.roots {
            let tree = walk(*root, |key| {
                let (kind, place, seen) = match key {
                    Key::Branch(place) => ("node", place, branches.get_mut(place)),
                    Key::Leaf(place) => ("leaf", place, leaves.get_mut(place)),
                };
                let seen =
                    seen.ok_or_else(|| node.fault(format!("{kind} {place} is not there, and something leads to it")))?;
                if std::mem::replace(seen, true) {
                    return Err(node.fault(format!("{kind} {place} is led to twice")));
                }
                self.look(node, columns, key, &mut branches, &mut budget)
            })?;
            count += tree.leaves.len();
            if count > MAX_LEAVES {
                return Err(node
                    .fault(format!("the trees have more than {MAX_LEAVES} leaves"))
                    .remedy("train with fewer trees or leaves; a page would load this for longer than anybody waits"));
            }
            trees.push(tree);
        }
        Ok(trees)
    }

    /// A branch that leads on from another, and asks for one more category that leads to the same.
    fn beside(&self, branch: &Branch, no: Key) -> Option<(usize, &Branch)> {
        let Key::Branch(place) = no else { return None };
        let next = self.branches.get(place)?.as_ref()?;
        let alone = |branch: &Branch| branch.question.mode == Mode::Equal;
        let same = next.column == branch.column && next.yes == branch.yes;
        let missing = next.question.missing == branch.question.missing;
        (alone(branch) && alone(next) && same && missing).then_some((place, next))
    }

    /// What stands at a place. A row of branches that each ask for one category and lead to one node where it is that one is one question,
    /// for all of them: so converters write sets, and `seen` is told.
    fn look(
        &self,
        node: &Node,
        columns: &[Column],
        key: Key,
        seen: &mut [bool],
        budget: &mut usize,
    ) -> Result<walk::Node<Key>, Fault> {
        let (place, branch) = match key {
            Key::Leaf(place) => {
                let weight = self.leaves.get(place).copied().flatten().filter(|weight| weight.is_finite());
                return weight
                    .map(|weight| walk::Node::Leaf(weight, None))
                    .ok_or_else(|| node.fault(format!("leaf {place} has no weight")));
            }
            Key::Branch(place) => (place, self.branches.get(place).and_then(Option::as_ref)),
        };
        let branch = branch.ok_or_else(|| node.fault(format!("node {place} is no branch")))?;
        let column = usize::try_from(branch.column).ok().and_then(|column| columns.get(column));
        let column = column.ok_or_else(|| {
            node.fault(format!("node {place} asks column {}, and there are {}", branch.column, columns.len()))
        })?;
        if branch.question.threshold.is_nan() && branch.question.mode != Mode::Member {
            return Err(node.fault(format!("node {place} compares with NaN")));
        }
        let mut question = branch.question.clone();
        let mut no = branch.no;
        while let Some((place, next)) = self.beside(branch, no) {
            if seen.get_mut(place).is_none_or(|seen| std::mem::replace(seen, true)) {
                return Err(node.fault(format!("node {place} is led to twice")));
            }
            if question.mode == Mode::Equal {
                question.mode = Mode::Member;
                question.members.push(question.threshold);
            }
            question.members.push(next.question.threshold);
            no = next.no;
        }
        let (test, swapped) = column.ask(&question).map_err(|what| node.fault(format!("node {place}: {what}")))?;
        spend(&test, budget)?;
        let (yes, no) = if swapped { (no, branch.yes) } else { (branch.yes, no) };
        Ok(walk::Node::Split { feature: column.feature(), test, yes, no })
    }
}
