//! CatBoost's JSON, as `save_model(…, format="json")` writes it.
//!
//! What it means is that of `catboost/libs/model` (1.2): values of rows are of single precision, sums of double; a split asks whether a value is
//! greater than its border, and *yes* is the next bit of the leaf's number. A missing value counts as less than all borders, or greater
//! (`nan_value_treatment`). Categories are known by hashes of their texts, and the file has both where it was saved with its pool; the statistics
//! of one categorical column (`ctrs`) are a number for each text, so that a split by them is a set of texts.

mod categories;

use serde_json::Value;

use crate::fault::Fault;
use crate::forest::{Blank, Child, Feature, Forest, Link, MAX_LEAVES, Precision, Side, Split, Test, Tree};
use crate::place::{self, Place};
use crate::walk::{MOST_WORDS, Node, spend, walk};
use categories::Categories;

/// What to do where a field is missing.
const SAVE: &str = "save it with `model.save_model(\"model.json\", format=\"json\", pool=pool)`";

/// Reads a model of one output: binary classification, regression or a ranking.
///
/// # Errors
///
/// Names the field where the file is cut, contradicts itself, or says what a forest of plain sums cannot: several classes, another
/// transformation of the sum, statistics of several columns together, categories whose texts are not in the file, more than [`MAX_LEAVES`]
/// leaves.
pub fn read(bytes: &[u8]) -> Result<Forest, Fault> {
    forest(&place::parse(bytes)?)
}

pub(crate) fn forest(value: &Value) -> Result<Forest, Fault> {
    let file = Place::root(value, SAVE);
    let link = link(&file)?;
    let (scale, bias) = scale_and_bias(&file)?;
    let info = file.field("features_info")?;
    let columns = Columns::read(&info, &file)?;
    let mut budget = MOST_WORDS;
    let (list, oblivious) = match file.field("oblivious_trees") {
        Ok(list) => (list, true),
        Err(_) => (file.field("trees")?, false),
    };
    let (mut trees, mut leaves) = (Vec::new(), 0);
    for place in list.items()? {
        let mut tree =
            if oblivious { level(&place, &columns, &mut budget) } else { free(&place, &columns, &mut budget) }?;
        leaves += tree.leaves.len();
        if leaves > MAX_LEAVES {
            return Err(place
                .fault(format!("the trees have more than {MAX_LEAVES} leaves"))
                .remedy("train with fewer trees or leaves; a page would load this for longer than anybody waits"));
        }
        for leaf in &mut tree.leaves {
            *leaf *= scale;
        }
        trees.push(tree);
    }
    let features = columns.features;
    Ok(Forest { features, trees, terms: Vec::new(), bias, averaged: false, link, precision: Precision::Mixed })
}

/// What the sum means, by the loss that it was trained for.
fn link(file: &Place<'_>) -> Result<Link, Fault> {
    let loss = file.field("model_info")?.field("params")?.field("loss_function")?.field("type")?;
    let name = loss.text()?;
    match name.as_str() {
        "Logloss" | "CrossEntropy" => Ok(Link::Logistic { slope: 1.0 }),
        "RMSE" | "MAE" | "Quantile" | "MAPE" | "Huber" | "Lq" | "Expectile" | "LogCosh" | "PairLogit"
        | "PairLogitPairwise" | "YetiRank" | "YetiRankPairwise" | "QueryRMSE" | "QuerySoftMax" | "LambdaMart"
        | "StochasticRank" => Ok(Link::Identity),
        _ if name.starts_with("Multi") => {
            Err(loss.fault(format!("`{name}` has several outputs")).remedy("train one model for each"))
        }
        _ => Err(loss
            .fault(format!("`{name}` makes something else of the sum than a number or a probability"))
            .remedy("Logloss, CrossEntropy, RMSE, MAE, Quantile, MAPE, Huber, Lq, Expectile, LogCosh and those of rankings are read")),
    }
}

fn scale_and_bias(file: &Place<'_>) -> Result<(f64, f64), Fault> {
    let place = file.field("scale_and_bias")?;
    let parts = place.items()?;
    let [scale, bias] = parts.as_slice() else {
        return Err(place.fault(format!("{} values where 2 are needed", parts.len())));
    };
    let biases = if bias.value.is_array() { bias.numbers::<f64>()? } else { vec![bias.number::<f64>()?] };
    match biases.as_slice() {
        [bias] => Ok((scale.number()?, *bias)),
        _ => Err(bias.fault("the model has several outputs").remedy("train one model for each")),
    }
}

/// The columns of a row, and which of them the file's own numbers of either kind mean.
struct Columns {
    features: Vec<Feature>,
    /// Columns of numbers: which of a row, and where a missing value goes.
    floats: Vec<(usize, Side)>,
    categories: Categories,
}

impl Columns {
    fn read(info: &Place<'_>, file: &Place<'_>) -> Result<Self, Fault> {
        let list = |key: &str| info.field(key).map_or_else(|_| Ok(Vec::new()), |list| list.items());
        let (numbers, texts) = (list("float_features")?, list("categorical_features")?);
        let count = numbers.len() + texts.len();
        let mut features: Vec<Option<Feature>> = vec![None; count];
        let mut floats = Vec::with_capacity(numbers.len());
        let mut borders = 0;
        for (number, place) in numbers.iter().enumerate() {
            let column = named(place, number, &mut features)?;
            borders += place.field("borders")?.items()?.len();
            let treatment = place.field("nan_value_treatment")?;
            let greater = match treatment.text()?.as_str() {
                "AsIs" | "AsFalse" => false,
                "AsTrue" => place.field("has_nans")?.value.as_bool().unwrap_or_default(),
                other => return Err(treatment.fault(format!("there is no treatment `{other}`"))),
            };
            floats.push((column, if greater { Side::Right } else { Side::Left }));
        }
        let mut columns = Vec::with_capacity(texts.len());
        for (number, place) in texts.iter().enumerate() {
            columns.push(named(place, number, &mut features)?);
        }
        let (categories, levels) = Categories::read(info, file, &texts, columns, borders)?;
        let mut features: Vec<Feature> = features.into_iter().flatten().collect();
        for (column, levels) in categories.columns().zip(levels) {
            if let Some(feature) = features.get_mut(column) {
                feature.levels = Some(levels);
            }
        }
        Ok(Self { features, floats, categories })
    }

    /// What a split asks, of which column, and whether *yes* is what CatBoost has to the right.
    fn question(&self, split: &Place<'_>) -> Result<(usize, Test, bool), Fault> {
        let kind = split.field("split_type")?;
        match kind.text()?.as_str() {
            "FloatFeature" => {
                let place = split.field("float_feature_index")?;
                let number = place.number::<usize>()?;
                let (column, missing) = *self.floats.get(number).ok_or_else(|| {
                    place.fault(format!("there is no feature {number} of numbers, but {}", self.floats.len()))
                })?;
                let border = split.field("border")?;
                let threshold = border.number::<f32>()?;
                if !threshold.is_finite() {
                    return Err(border.fault("no bound of single precision"));
                }
                Ok((column, Test::AtMost { threshold: threshold.into(), blank: Blank::Missing(missing) }, false))
            }
            "OneHotFeature" => self.categories.one(split).map(|(column, test)| (column, test, true)),
            "OnlineCtr" => self.categories.statistic(split).map(|(column, test)| (column, test, true)),
            other => Err(kind
                .fault(format!("splits of the kind `{other}` are not read"))
                .remedy("train without features of texts and embeddings")),
        }
    }
}

/// Puts the name of a feature to its column, where the one that is numbered so stands.
fn named(place: &Place<'_>, number: usize, features: &mut [Option<Feature>]) -> Result<usize, Fault> {
    let index = place.field("feature_index")?;
    if index.number::<usize>()? != number {
        return Err(index.fault(format!("feature {number} stands here")));
    }
    let flat = place.field("flat_feature_index")?;
    let column = flat.number::<usize>()?;
    let name = place.field("feature_name").or_else(|_| place.field("feature_id")).and_then(|name| name.text());
    let name = name.ok().filter(|name| !name.is_empty() && *name != column.to_string());
    match features.get_mut(column) {
        Some(feature @ None) => {
            *feature = Some(Feature { name: name.unwrap_or_else(|| format!("Column_{column}")), levels: None });
            Ok(column)
        }
        Some(Some(_)) => Err(flat.fault(format!("two features are column {column}"))),
        None => Err(flat
            .fault(format!("column {column}, and there are {} of numbers and categories", features.len()))
            .remedy("train without features of texts and embeddings")),
    }
}

/// A tree that asks the same of all rows at one depth: the answers are the bits of the leaf's number, the first the lowest. The last is taken for
/// the root, as CatBoost's own contributions take it: no order is another sum, and each is another way through what is not known.
fn level(place: &Place<'_>, columns: &Columns, budget: &mut usize) -> Result<Tree, Fault> {
    let values = place.field("leaf_values")?;
    let leaves = values.numbers::<f64>()?;
    // CatBoost writes null where nothing is asked.
    let list = place.field("splits")?;
    let asked = if list.value.is_null() { Vec::new() } else { list.items()? };
    if u32::try_from(asked.len()).ok().and_then(|depth| 1_usize.checked_shl(depth)) != Some(leaves.len()) {
        return Err(values.fault(format!("{} leaves behind {} splits", leaves.len(), asked.len())));
    }
    finite(&values, &leaves)?;
    let mut splits = Vec::with_capacity(leaves.len() - 1);
    for (depth, split) in asked.iter().rev().enumerate() {
        let last = depth + 1 == asked.len();
        let (feature, test, swapped) = columns.question(split)?;
        for path in 0..1_usize << depth {
            spend(&test, budget)?;
            let child = |bit: usize| {
                let path = path << 1 | bit;
                if last { Child::Leaf(path) } else { Child::Split((2 << depth) - 1 + path) }
            };
            let (left, right) = if swapped { (child(1), child(0)) } else { (child(0), child(1)) };
            splits.push(Split { feature, test: test.clone(), left, right });
        }
    }
    let covers = place.field("leaf_weights").ok().filter(|weights| !weights.value.is_null());
    let covers = covers.map(|_| place.column("leaf_weights", leaves.len())).transpose()?;
    Ok(Tree { splits, leaves, covers })
}

/// A tree of any shape (`grow_policy` Depthwise or Lossguide).
fn free(place: &Place<'_>, columns: &Columns, budget: &mut usize) -> Result<Tree, Fault> {
    walk(place.clone(), |node: Place<'_>| {
        let Ok(split) = node.field("split") else {
            let value = node.field("value")?;
            let leaf = value.number::<f64>()?;
            finite(&value, &[leaf])?;
            let cover = node.field("weight").ok().map(|weight| weight.number::<f64>()).transpose()?;
            return Ok(Node::Leaf(leaf, cover));
        };
        let (feature, test, swapped) = columns.question(&split)?;
        spend(&test, budget)?;
        let (left, right) = (node.field("left")?, node.field("right")?);
        let (yes, no) = if swapped { (right, left) } else { (left, right) };
        Ok(Node::Split { feature, test, yes, no })
    })
}

fn finite(place: &Place<'_>, leaves: &[f64]) -> Result<(), Fault> {
    match leaves.iter().find(|leaf| !leaf.is_finite()) {
        Some(leaf) => Err(place.fault(format!("a leaf is {leaf}"))),
        None => Ok(()),
    }
}
