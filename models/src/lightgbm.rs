//! LightGBM's text format, versions 2 to 4: what `Booster.save_model` writes.
//!
//! A head of `key=value` lines, one block for each tree that begins with `Tree=`, `end of trees`, then importances, parameters and the levels
//! of pandas' categories. Meanings are those of the library's `src/io/tree.cpp` and `include/LightGBM/tree.h` (4.6): bit 0 of a
//! `decision_type` marks a set of categories, bit 1 sends what is missing to the left, bits 2 and 3 say what counts as missing (0 nothing,
//! 1 zero and NaN, 2 NaN). A child below zero is the leaf `-1 - child`.

use std::collections::HashMap;
use std::str::FromStr;

use crate::fault::Fault;
use crate::forest::{Blank, Child, Feature, Forest, Link, MAX_LEAVES, Precision, Side, Split, Test, Tree};
use crate::walk::{MOST_WORDS, spend};

/// The lines of one block, by key.
type Block<'a> = HashMap<&'a str, (usize, &'a str)>;

/// Reads a model of one output: binary classification, regression or a ranking.
///
/// # Errors
///
/// Names the line where the file is cut, contradicts itself, or says what a forest of plain sums cannot: several classes, linear leaves,
/// another transformation of the sum, more than [`MAX_LEAVES`] leaves.
pub fn read(text: &str) -> Result<Forest, Fault> {
    let mut lines = text.lines().enumerate().map(|(number, line)| (number + 1, line.trim_end())).peekable();
    if lines.next().is_none_or(|(_, line)| line != "tree") {
        return Err(Fault::at(1, "a LightGBM model begins with a line `tree`")
            .remedy("save it with `booster.save_model(\"model.txt\")`"));
    }
    let mut head = Block::new();
    let mut averaged = false;
    while let Some((number, line)) = lines.next_if(|(_, line)| !line.starts_with("Tree=") && *line != "end of trees") {
        averaged |= line == "average_output";
        if let Some((key, value)) = line.split_once('=') {
            head.insert(key, (number, value));
        }
    }
    refuse_other_shapes(&head)?;
    let link = link(&head)?;
    let mut features = features(&head)?;
    let (mut trees, mut leaves, mut budget) = (Vec::new(), 0, MOST_WORDS);
    loop {
        let Some((start, line)) = lines.next() else {
            return Err(Fault::at(text.lines().count(), "the file ends before `end of trees`")
                .remedy("it was cut; save it anew"));
        };
        if line == "end of trees" {
            break;
        }
        let mut block = Block::new();
        while let Some((number, line)) =
            lines.next_if(|(_, line)| !line.starts_with("Tree=") && *line != "end of trees")
        {
            if let Some((key, value)) = line.split_once('=') {
                block.insert(key, (number, value));
            }
        }
        let tree = tree(&block, start, features.len(), &mut budget)?;
        leaves += tree.leaves.len();
        if leaves > MAX_LEAVES {
            return Err(Fault::at(start, format!("the trees have more than {MAX_LEAVES} leaves"))
                .remedy("train with fewer trees or leaves; a page would load this for longer than anybody waits"));
        }
        trees.push(tree);
    }
    levels(lines, &head, &mut features)?;
    Ok(Forest { features, trees, terms: Vec::new(), bias: 0.0, averaged, link, precision: Precision::Double })
}

fn refuse_other_shapes(head: &Block<'_>) -> Result<(), Fault> {
    for key in ["num_class", "num_tree_per_iteration"] {
        let (line, count) = one::<usize>(head, key, 1)?;
        if count != 1 {
            return Err(Fault::at(line, format!("`{key}` is {count}: the model has several classes"))
                .remedy("train one binary model for each class"));
        }
    }
    Ok(())
}

/// What the sum means, by the objective that it was trained for.
fn link(head: &Block<'_>) -> Result<Link, Fault> {
    let Some((line, objective)) = head.get("objective").copied() else { return Ok(Link::Identity) };
    let mut words = objective.split_whitespace();
    let name = words.next().unwrap_or_default();
    let slope = words.find_map(|word| word.strip_prefix("sigmoid:")).map(|slope| number::<f64>(line, "sigmoid", slope));
    match name {
        "binary" => Ok(Link::Logistic { slope: slope.transpose()?.unwrap_or(1.0) }),
        "cross_entropy" => Ok(Link::Logistic { slope: 1.0 }),
        "regression" if objective.contains("sqrt") => {
            Err(Fault::at(line, "the objective squares its sum (`reg_sqrt`)").remedy("train without `reg_sqrt`"))
        }
        "regression" | "regression_l1" | "huber" | "fair" | "quantile" | "mape" | "lambdarank" | "rank_xendcg"
        | "custom" => Ok(Link::Identity),
        _ => Err(Fault::at(
            line,
            format!("the objective `{name}` makes something else of the sum than a number or a probability"),
        )
        .remedy(
            "binary, cross_entropy, regression (l1, huber, fair, quantile, mape), lambdarank and rank_xendcg are read",
        )),
    }
}

fn features(head: &Block<'_>) -> Result<Vec<Feature>, Fault> {
    let (line, last) = one::<usize>(head, "max_feature_idx", 1)?;
    let (names_line, names) = text(head, "feature_names", 1)?;
    let features: Vec<Feature> =
        names.split_whitespace().map(|name| Feature { name: name.to_owned(), levels: None }).collect();
    if Some(features.len()) != last.checked_add(1) {
        return Err(Fault::at(
            names_line,
            format!("{} `feature_names`, where `max_feature_idx` in line {line} is {last}", features.len()),
        ));
    }
    Ok(features)
}

fn tree(block: &Block<'_>, start: usize, features: usize, budget: &mut usize) -> Result<Tree, Fault> {
    let (line, count) = one::<usize>(block, "num_leaves", start)?;
    if count == 0 {
        return Err(Fault::at(line, "a tree without a leaf"));
    }
    if let Some((line, linear)) = block.get("is_linear").copied()
        && linear != "0"
    {
        return Err(
            Fault::at(line, "the leaves of this tree are linear models").remedy("train with `linear_tree=false`")
        );
    }
    let (at, leaves) = list::<f64>(block, "leaf_value", start, count)?;
    if let Some(place) = leaves.iter().position(|leaf| !leaf.is_finite()) {
        return Err(Fault::at(at, format!("leaf {place} is {}", leaves.get(place).copied().unwrap_or_default())));
    }
    if count == 1 {
        return Ok(Tree { leaves, ..Tree::default() });
    }
    let splits = count - 1;
    let (feature_line, asked) = list::<usize>(block, "split_feature", start, splits)?;
    let (threshold_line, thresholds) = list::<f64>(block, "threshold", start, splits)?;
    let (type_line, types) = list::<u8>(block, "decision_type", start, splits)?;
    let (left_line, left) = list::<i64>(block, "left_child", start, splits)?;
    let (right_line, right) = list::<i64>(block, "right_child", start, splits)?;
    // How much of the training each leaf saw: rows, or, of those who write no counts, the weight of second derivatives.
    let covers = match ["leaf_count", "leaf_weight"].into_iter().find(|name| block.get(name).is_some()) {
        Some(name) => Some(list(block, name, start, count)?.1),
        None => None,
    };
    let sets = sets(block, start)?;
    let mut reached = Reached { splits: vec![false; splits], leaves: vec![false; count] };
    let mut read = Vec::with_capacity(splits);
    let numbers = asked.into_iter().zip(thresholds).zip(types).zip(left).zip(right).enumerate();
    for (number, ((((feature, threshold), kind), left), right)) in numbers {
        if feature >= features {
            return Err(Fault::at(
                feature_line,
                format!("split {number} asks feature {feature}, and there are {features}"),
            ));
        }
        let side = if kind & 2 == 0 { Side::Right } else { Side::Left };
        let test = if kind & 1 == 1 {
            let set = sets.get(threshold as usize).filter(|_| threshold >= 0.0);
            let set = set.cloned().ok_or_else(|| {
                Fault::at(threshold_line, format!("split {number} asks set {threshold}, and there are {}", sets.len()))
            })?;
            let test = Test::Among { set, missing: Side::Right };
            // Splits may name one set again and again.
            spend(&test, budget)?;
            test
        } else {
            let blank = match kind >> 2 & 3 {
                0 => Blank::Zero,
                1 => Blank::MissingOrZero(side),
                2 => Blank::Missing(side),
                _ => return Err(Fault::at(type_line, format!("split {number} has an unknown `decision_type` {kind}"))),
            };
            if threshold.is_nan() {
                return Err(Fault::at(threshold_line, format!("split {number} compares with NaN")));
            }
            Test::AtMost { threshold, blank }
        };
        let left = reached.child(number, left).map_err(|what| Fault::at(left_line, what))?;
        let right = reached.child(number, right).map_err(|what| Fault::at(right_line, what))?;
        read.push(Split { feature, test, left, right });
    }
    Ok(Tree { splits: read, leaves, covers })
}

/// The sets of categories of a tree: `cat_boundaries` cut `cat_threshold` into runs of words.
fn sets(block: &Block<'_>, start: usize) -> Result<Vec<Vec<u32>>, Fault> {
    let (_, count) = one::<usize>(block, "num_cat", start)?;
    if count == 0 {
        return Ok(Vec::new());
    }
    let wanted = count.checked_add(1).ok_or_else(|| Fault::at(start, "`num_cat` is out of range"))?;
    let (line, bounds) = list::<usize>(block, "cat_boundaries", start, wanted)?;
    let all = bounds.last().copied().unwrap_or_default();
    let (_, words) = list::<u32>(block, "cat_threshold", start, all)?;
    let runs = bounds.iter().zip(bounds.iter().skip(1));
    runs.map(|(from, to)| {
        words
            .get(*from..*to)
            .map(<[u32]>::to_vec)
            .ok_or_else(|| Fault::at(line, format!("`cat_boundaries` run from {from} to {to} of {all}")))
    })
    .collect()
}

/// Which splits and leaves something leads to: each is led to once, and a split by one before it, so every way ends.
struct Reached {
    splits: Vec<bool>,
    leaves: Vec<bool>,
}

impl Reached {
    fn child(&mut self, parent: usize, written: i64) -> Result<Child, String> {
        let (child, place) = match usize::try_from(written) {
            Ok(number) => (Child::Split(number), self.splits.get_mut(number).filter(|_| number > parent)),
            // -1 is leaf 0, -2 leaf 1 …
            Err(_) => {
                let leaf = usize::try_from(-(written.saturating_add(1))).unwrap_or(usize::MAX);
                (Child::Leaf(leaf), self.leaves.get_mut(leaf))
            }
        };
        match place {
            Some(reached) if !*reached => {
                *reached = true;
                Ok(child)
            }
            Some(_) => Err(format!("two splits lead to child {written}")),
            None => Err(format!(
                "split {parent} leads to child {written}, which a tree of {} leaves has not there",
                self.leaves.len()
            )),
        }
    }
}

/// Takes the texts of pandas' categories, which stand in the last line in the order of the columns that are categories.
fn levels<'a>(
    lines: impl Iterator<Item = (usize, &'a str)>,
    head: &Block<'_>,
    features: &mut [Feature],
) -> Result<(), Fault> {
    let mut told: Vec<usize> = Vec::new();
    for (number, line) in lines {
        if let Some(columns) = line.strip_prefix("[categorical_feature: ").and_then(|rest| rest.strip_suffix(']')) {
            told = columns.split(',').filter_map(|column| column.trim().parse().ok()).collect();
        }
        let Some(written) = line.strip_prefix("pandas_categorical:").filter(|written| *written != "null") else {
            continue;
        };
        let lists: Vec<Vec<serde_json::Value>> = serde_json::from_str(written)
            .map_err(|error| Fault::at(number, format!("`pandas_categorical` is no list of lists: {error}")))?;
        if lists.is_empty() {
            continue;
        }
        if told.len() != lists.len() {
            told = with_sets(head);
        }
        if told.len() != lists.len() {
            return Err(Fault::at(
                number,
                format!("categories of {} columns, and {} columns with categories", lists.len(), told.len()),
            )
            .remedy("save the model from the booster that was trained on the data frame"));
        }
        for (column, list) in told.iter().zip(lists) {
            let texts = list.into_iter().map(|level| match level {
                serde_json::Value::String(text) => text,
                // As pandas writes it into a file.
                serde_json::Value::Bool(truth) => if truth { "True" } else { "False" }.to_owned(),
                other => other.to_string(),
            });
            let feature = features
                .get_mut(*column)
                .ok_or_else(|| Fault::at(number, format!("there is no column {column} to have categories")))?;
            feature.levels = Some(texts.collect());
        }
    }
    Ok(())
}

/// The columns whose `feature_infos` are numbers of categories (`0:1:2`) and no range (`[0:1]`).
fn with_sets(head: &Block<'_>) -> Vec<usize> {
    let infos = head.get("feature_infos").map_or("", |(_, infos)| infos);
    let sets = infos.split_whitespace().enumerate().filter(|(_, info)| !info.starts_with('[') && *info != "none");
    sets.map(|(column, _)| column).collect()
}

fn text<'a>(block: &Block<'a>, key: &str, start: usize) -> Result<(usize, &'a str), Fault> {
    block.get(key).copied().ok_or_else(|| {
        Fault::at(start, format!("`{key}` is missing")).remedy("the file was cut or is not LightGBM's; save it anew")
    })
}

fn one<T: FromStr>(block: &Block<'_>, key: &str, start: usize) -> Result<(usize, T), Fault> {
    let (line, value) = text(block, key, start)?;
    Ok((line, number(line, key, value)?))
}

fn list<T: FromStr>(block: &Block<'_>, key: &str, start: usize, wanted: usize) -> Result<(usize, Vec<T>), Fault> {
    let (line, value) = text(block, key, start)?;
    let numbers: Vec<T> = value.split_whitespace().map(|word| number(line, key, word)).collect::<Result<_, _>>()?;
    if numbers.len() != wanted {
        return Err(Fault::at(line, format!("`{key}` has {} numbers where {wanted} are needed", numbers.len())));
    }
    Ok((line, numbers))
}

fn number<T: FromStr>(line: usize, key: &str, word: &str) -> Result<T, Fault> {
    let cut: String = word.chars().take(40).collect();
    word.parse().map_err(|_| Fault::at(line, format!("`{key}` says `{cut}`, which is not such a number")))
}
