//! XGBoost's JSON and UBJSON, versions 1 to 3: what `Booster.save_model` writes.
//!
//! The schema is `doc/model.schema` of the library; what it means is that of `src/predictor/cpu_predictor.cc` (3.2): values and sums are of
//! single precision, a split sends to the left what is less than its condition, a set of categories is what goes to the right. All trees
//! count, as in `Booster.predict`; the scikit-learn classes stop at `best_iteration` after early stopping, and their own `save_model` keeps all.

use std::collections::HashMap;

use serde_json::Value;

use crate::fault::Fault;
use crate::forest::{Child, Feature, Forest, Link, MAX_LEAVES, Precision, Side, Split, Test, Tree};
use crate::place::{self, Place};
use crate::ubjson;
use crate::walk::{MOST_WORDS, spend_words};

/// Reads a model of one output: binary classification, regression or a ranking, by trees (`gbtree`, `dart`).
///
/// # Errors
///
/// Names the field, or the byte of UBJSON, where the file is cut, contradicts itself, or says what a forest of plain sums cannot: several
/// classes, linear boosters, another transformation of the sum, more than [`MAX_LEAVES`] leaves.
pub fn read(bytes: &[u8]) -> Result<Forest, Fault> {
    forest(&parse(bytes)?)
}

/// The values of JSON, or of UBJSON, which is what follows a brace otherwise.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, Fault> {
    let second = bytes.iter().skip(1).find(|byte| !byte.is_ascii_whitespace());
    if matches!(second, Some(b'"' | b'}')) { place::parse(bytes) } else { ubjson::read(bytes) }
}

pub(crate) fn forest(value: &Value) -> Result<Forest, Fault> {
    let learner = Place::root(value, "save it with `booster.save_model(\"model.json\")`").field("learner")?;
    let objective = learner.field("objective")?.field("name")?.text()?;
    let (link, logit) = link(&objective)?;
    let parameters = learner.field("learner_model_param")?;
    for (key, most) in [("num_class", 1), ("num_target", 1)] {
        if let Ok(place) = parameters.field(key)
            && place.number::<u64>()? > most
        {
            return Err(
                Fault::of(format!("{}: the model has several outputs", place.path)).remedy("train one model for each")
            );
        }
    }
    let base = parameters.field("base_score")?;
    let score = base.number::<f32>()?;
    let bias = if logit { -((1.0 / score - 1.0).ln()) } else { score };
    if !bias.is_finite() {
        return Err(Fault::of(format!("{}: {score} cannot be a first probability", base.path)));
    }
    let booster = learner.field("gradient_booster")?;
    let (model, weights) = match booster.field("name")?.text()?.as_str() {
        "gbtree" => (booster.field("model")?, None),
        "dart" => (booster.field("gbtree")?.field("model")?, Some(booster.field("weight_drop")?.numbers::<f32>()?)),
        other => {
            return Err(Fault::of(format!("{}: the booster `{other}` has no trees", booster.path))
                .remedy("write a linear model into the campaign file, as `kind: linear`"));
        }
    };
    let features = features(&learner, &parameters, &model)?;
    let written = model.field("trees")?;
    let (mut trees, mut leaves, mut budget) = (Vec::new(), 0, MOST_WORDS);
    for place in written.items()? {
        let weight = weights.as_ref().map_or(Some(1.0), |weights| weights.get(trees.len()).copied());
        let weight =
            weight.ok_or_else(|| Fault::of(format!("{}.weight_drop: fewer weights than trees", booster.path)))?;
        let tree = tree(&place, weight, features.len(), &mut budget)?;
        leaves += tree.leaves.len();
        if leaves > MAX_LEAVES {
            return Err(Fault::of(format!("{}: the trees have more than {MAX_LEAVES} leaves", place.path))
                .remedy("train with fewer trees or leaves; a page would load this for longer than anybody waits"));
        }
        trees.push(tree);
    }
    let bias = bias.into();
    Ok(Forest { features, trees, terms: Vec::new(), bias, averaged: false, link, precision: Precision::Single })
}

/// What the sum means, and whether the base score is a probability of it.
fn link(objective: &str) -> Result<(Link, bool), Fault> {
    Ok(match objective {
        "binary:logistic" | "reg:logistic" => (Link::Logistic { slope: 1.0 }, true),
        "binary:logitraw"
        | "reg:squarederror"
        | "reg:linear"
        | "reg:squaredlogerror"
        | "reg:absoluteerror"
        | "reg:pseudohubererror"
        | "reg:quantileerror"
        | "rank:pairwise"
        | "rank:ndcg"
        | "rank:map" => (Link::Identity, false),
        _ => {
            return Err(Fault::of(format!(
                "learner.objective: `{objective}` makes something else of the sum than a number or a probability"
            ))
            .remedy(
                "binary:logistic, binary:logitraw, reg:logistic, reg:squarederror and its kin, and rank:* are read",
            ));
        }
    })
}

fn features(learner: &Place<'_>, parameters: &Place<'_>, model: &Place<'_>) -> Result<Vec<Feature>, Fault> {
    let count = parameters.field("num_feature")?;
    let wanted = count.number::<usize>()?;
    let names = match learner.field("feature_names") {
        Ok(place) if !place.items()?.is_empty() => {
            place.items()?.iter().map(Place::text).collect::<Result<Vec<_>, _>>()?
        }
        // As many as a file could name.
        _ if wanted <= 1 << 20 => (0..wanted).map(|number| format!("Column_{number}")).collect(),
        _ => Vec::new(),
    };
    if names.len() != wanted {
        return Err(Fault::of(format!("{}: {wanted}, and {} features have names", count.path, names.len())));
    }
    let mut features: Vec<Feature> = names.into_iter().map(|name| Feature { name, levels: None }).collect();
    if let Ok(levels) = model.field("cats").and_then(|cats| cats.field("enc")) {
        for (feature, place) in features.iter_mut().zip(levels.items()?) {
            feature.levels = levels_of(&place)?;
        }
    }
    Ok(features)
}

/// A column's categories, of which the trees know the places: texts, in one run of bytes with where each begins and ends; or numbers.
fn levels_of(place: &Place<'_>) -> Result<Option<Vec<String>>, Fault> {
    let Ok(offsets) = place.field("offsets") else {
        let Ok(values) = place.field("values") else { return Ok(None) };
        let numbers: Vec<String> = values.numbers::<f64>()?.iter().map(f64::to_string).collect();
        return Ok((!numbers.is_empty()).then_some(numbers));
    };
    let offsets = offsets.numbers::<usize>()?;
    let bytes: Vec<u8> = place.field("values")?.numbers::<i64>()?.into_iter().map(|byte| byte as u8).collect();
    let ends = offsets.iter().zip(offsets.iter().skip(1));
    let texts = ends.map(|(from, to)| {
        let text = bytes.get(*from..*to).and_then(|text| std::str::from_utf8(text).ok());
        text.map(str::to_owned).ok_or_else(|| Fault::of(format!("{}: no text from {from} to {to}", place.path)))
    });
    let texts: Vec<String> = texts.collect::<Result<_, _>>()?;
    Ok((!texts.is_empty()).then_some(texts))
}

/// The columns of one tree's nodes.
struct Nodes {
    path: String,
    left: Vec<i64>,
    right: Vec<i64>,
    feature: Vec<usize>,
    condition: Vec<f32>,
    default_left: Vec<u8>,
    kind: Vec<u8>,
    cover: Option<Vec<f32>>,
    sets: HashMap<usize, Vec<u32>>,
}

fn tree(place: &Place<'_>, weight: f32, features: usize, budget: &mut usize) -> Result<Tree, Fault> {
    if let Ok(size) = place.field("tree_param").and_then(|parameters| parameters.field("size_leaf_vector"))
        && size.number::<u64>()? > 1
    {
        return Err(
            Fault::of(format!("{}: the leaves are vectors", size.path)).remedy("train one model for each output")
        );
    }
    let left = place.field("left_children")?.numbers::<i64>()?;
    let nodes = Nodes {
        path: place.path.clone(),
        right: place.column("right_children", left.len())?,
        feature: place.column("split_indices", left.len())?,
        condition: place.column("split_conditions", left.len())?,
        default_left: place.column("default_left", left.len())?,
        kind: place
            .field("split_type")
            .map_or_else(|_| Ok(vec![0; left.len()]), |_| place.column("split_type", left.len()))?,
        cover: place.field("sum_hessian").ok().map(|_| place.column("sum_hessian", left.len())).transpose()?,
        sets: sets(place, budget)?,
        left,
    };
    nodes.walk(weight, features)
}

/// The categories of each node that asks for some, as bits.
fn sets(place: &Place<'_>, budget: &mut usize) -> Result<HashMap<usize, Vec<u32>>, Fault> {
    let Ok(nodes) = place.field("categories_nodes") else { return Ok(HashMap::new()) };
    let nodes = nodes.numbers::<usize>()?;
    let starts: Vec<usize> = place.column("categories_segments", nodes.len())?;
    let sizes: Vec<usize> = place.column("categories_sizes", nodes.len())?;
    let all = place.field("categories")?;
    let categories = all.numbers::<usize>()?;
    let runs = nodes.into_iter().zip(starts).zip(sizes);
    runs.map(|((node, start), size)| {
        let run = start.checked_add(size).and_then(|end| categories.get(start..end));
        let run = run.ok_or_else(|| {
            Fault::of(format!("{}: {size} from {start}, and there are {}", all.path, categories.len()))
        })?;
        let most = run.iter().copied().max().unwrap_or_default();
        if most >= 1 << 16 {
            return Err(Fault::of(format!("{}: category {most}, where 65,535 is the last that is read", all.path))
                .remedy("put rare categories together before training"));
        }
        // Runs may overlap: what is gone through counts as what is kept.
        spend_words(run.len().max(most / 32 + 1), budget)?;
        let mut set = vec![0_u32; most / 32 + 1];
        for category in run {
            if let Some(word) = set.get_mut(category / 32) {
                *word |= 1 << (category % 32);
            }
        }
        Ok((node, set))
    })
    .collect()
}

impl Nodes {
    /// Follows the children from the root, so that nodes that pruning has left behind are left out, and a circle is found.
    fn walk(&self, weight: f32, features: usize) -> Result<Tree, Fault> {
        let fault = |node: usize, what: &str| Fault::of(format!("{}: node {node} {what}", self.path));
        let mut tree = Tree { covers: self.cover.as_ref().map(|_| Vec::new()), ..Tree::default() };
        let mut reached = vec![false; self.left.len()];
        // What is to be looked at, and the side of the split that leads to it.
        let mut next: Vec<(usize, Option<(usize, Side)>)> = vec![(0, None)];
        while let Some((node, parent)) = next.pop() {
            let seen = reached.get_mut(node).ok_or_else(|| fault(node, "is not there, and a split leads to it"))?;
            if std::mem::replace(seen, true) {
                return Err(fault(node, "is led to twice"));
            }
            let at = |column: &[i64]| column.get(node).copied().unwrap_or(-1);
            let condition = self.condition.get(node).copied().unwrap_or(f32::NAN);
            let (left, right) = (at(&self.left), at(&self.right));
            let child = if left < 0 && right < 0 {
                if !condition.is_finite() {
                    return Err(fault(node, "is a leaf without a value"));
                }
                tree.leaves.push(f64::from(condition * weight));
                if let (Some(covers), Some(cover)) = (&mut tree.covers, &self.cover) {
                    covers.push(cover.get(node).copied().unwrap_or(f32::NAN).into());
                }
                Child::Leaf(tree.leaves.len() - 1)
            } else {
                let feature = self.feature.get(node).copied().unwrap_or(usize::MAX);
                if feature >= features {
                    return Err(fault(node, &format!("asks feature {feature}, and there are {features}")));
                }
                let side = |yes: bool| if yes { Side::Left } else { Side::Right };
                let defaults_left = self.default_left.get(node).is_some_and(|default| *default != 0);
                let is_set = self.kind.get(node).is_some_and(|kind| *kind == 1);
                // A set is what goes to the right: here *yes* is to the left.
                let (test, yes, no) = if is_set {
                    let set = self.sets.get(&node).cloned();
                    let set = set.ok_or_else(|| fault(node, "asks for categories, and has none"))?;
                    (Test::Among { set, missing: side(!defaults_left) }, right, left)
                } else if condition.is_nan() {
                    return Err(fault(node, "compares with NaN"));
                } else {
                    (Test::Below { threshold: condition.into(), missing: side(defaults_left) }, left, right)
                };
                let number = tree.splits.len();
                // Both are put right once the children are known.
                tree.splits.push(Split { feature, test, left: Child::Leaf(0), right: Child::Leaf(0) });
                for (written, side) in [(no, Side::Right), (yes, Side::Left)] {
                    let place = usize::try_from(written).map_err(|_| fault(node, "has one child"))?;
                    next.push((place, Some((number, side))));
                }
                Child::Split(number)
            };
            if let Some((split, side)) = parent
                && let Some(split) = tree.splits.get_mut(split)
            {
                match side {
                    Side::Left => split.left = child,
                    Side::Right => split.right = child,
                }
            }
        }
        Ok(tree)
    }
}
