//! A forest as LightGBM's text format, version 4: what `petitfour model` and LightGBM itself read.
//!
//! The layout is that of [`petitfour_models::lightgbm`]. Columns of levels are told as pandas' categories.

use std::fmt::Write as _;

use petitfour_models::{Blank, Child, Forest, Link, Precision, Side, Test, Tree};

use crate::fault::Fault;

/// Writes a forest that was grown here, or any that LightGBM could have grown.
///
/// # Errors
///
/// The forest adds in single precision, begins with a bias or asks something that LightGBM's trees cannot: `<`, or a set with what is missing among it.
pub fn lightgbm(forest: &Forest) -> Result<String, Fault> {
    let foreign = |what: &str| Fault::of(format!("LightGBM's trees {what}"));
    if forest.precision == Precision::Single || forest.bias != 0.0 {
        return Err(foreign("add in double precision and begin with 0"));
    }
    let names: Vec<&str> = forest.features.iter().map(|feature| feature.name.as_str()).collect();
    if let Some(name) = names.iter().find(|name| name.is_empty() || name.contains(char::is_whitespace)) {
        return Err(foreign(&format!("know no column `{name}`, which is empty or has a blank")));
    }
    let infos = forest.features.iter().map(|feature| match &feature.levels {
        Some(levels) => (0..levels.len()).map(|level| level.to_string()).collect::<Vec<_>>().join(":"),
        None => "[-1e308:1e308]".to_owned(),
    });
    let objective = match forest.link {
        Link::Logistic { slope } => format!("binary sigmoid:{slope}"),
        Link::Identity => "regression".to_owned(),
    };
    let trees =
        forest.trees.iter().enumerate().map(|(number, grown)| tree(number, grown)).collect::<Result<Vec<_>, _>>()?;
    let mut text = String::from("tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\n");
    let _ = writeln!(text, "max_feature_idx={}\nobjective={objective}", forest.features.len().saturating_sub(1));
    if forest.averaged {
        text.push_str("average_output\n");
    }
    let _ = writeln!(text, "feature_names={}\nfeature_infos={}", names.join(" "), infos.collect::<Vec<_>>().join(" "));
    let sizes: Vec<String> = trees.iter().map(|tree| tree.len().to_string()).collect();
    let _ = writeln!(text, "tree_sizes={}\n", sizes.join(" "));
    text.extend(trees);
    text.push_str("end of trees\n\nfeature_importances:\n\nparameters:\n");
    let sets =
        forest.features.iter().enumerate().filter_map(|(number, feature)| Some((number, feature.levels.as_ref()?)));
    let (places, levels): (Vec<String>, Vec<&Vec<String>>) =
        sets.map(|(number, levels)| (number.to_string(), levels)).unzip();
    if !places.is_empty() {
        let _ = writeln!(text, "[categorical_feature: {}]", places.join(","));
    }
    let categories = serde_json::to_string(&levels).map_err(|error| Fault::of(error.to_string()))?;
    let _ = writeln!(
        text,
        "end of parameters\n\npandas_categorical:{}",
        if levels.is_empty() { "null" } else { &categories }
    );
    Ok(text)
}

fn tree(number: usize, tree: &Tree) -> Result<String, Fault> {
    let leaves: Vec<String> = tree.leaves.iter().map(f64::to_string).collect();
    let (mut bounds, mut words) = (vec![0_usize], Vec::<String>::new());
    let mut lines: [Vec<String>; 5] = Default::default();
    for split in &tree.splits {
        let (threshold, kind) = match &split.test {
            Test::AtMost { threshold, blank } => {
                let (missing, side) = match blank {
                    Blank::Zero => (0, Side::Right),
                    Blank::MissingOrZero(side) => (1, *side),
                    Blank::Missing(side) => (2, *side),
                };
                (threshold.to_string(), missing << 2 | if side == Side::Left { 2 } else { 0 })
            }
            Test::Among { set, missing: Side::Right } => {
                words.extend(set.iter().map(u32::to_string));
                bounds.push(words.len());
                // The number of the set, of which there is one more border than sets.
                ((bounds.len() - 2).to_string(), 1)
            }
            Test::Below { .. } | Test::Among { .. } => {
                return Err(Fault::of("LightGBM's trees ask `at most`, and find nothing that is missing in a set"));
            }
        };
        let row = [split.feature.to_string(), threshold, kind.to_string(), child(split.left), child(split.right)];
        lines.iter_mut().zip(row).for_each(|(line, word)| line.push(word));
    }
    let sets = bounds.len() - 1;
    let mut text = format!("Tree={number}\nnum_leaves={}\nnum_cat={sets}\n", tree.leaves.len());
    if !tree.splits.is_empty() {
        let zeros = |count: usize| vec!["0"; count].join(" ");
        let [feature, threshold, kind, left, right] = lines.map(|line| line.join(" "));
        let _ =
            writeln!(text, "split_feature={feature}\nsplit_gain={}\nthreshold={threshold}", zeros(tree.splits.len()));
        let _ = writeln!(text, "decision_type={kind}\nleft_child={left}\nright_child={right}");
    }
    let _ = writeln!(text, "leaf_value={}", leaves.join(" "));
    if let Some(covers) = &tree.covers {
        let weights: Vec<String> = covers.iter().map(f64::to_string).collect();
        let _ = writeln!(text, "leaf_weight={}", weights.join(" "));
    }
    if sets > 0 {
        let bounds: Vec<String> = bounds.iter().map(usize::to_string).collect();
        let _ = writeln!(text, "cat_boundaries={}\ncat_threshold={}", bounds.join(" "), words.join(" "));
    }
    text.push_str("is_linear=0\nshrinkage=1\n\n\n");
    Ok(text)
}

/// Leaf 0 is -1, leaf 1 is -2.
fn child(child: Child) -> String {
    match child {
        Child::Split(number) => number.to_string(),
        Child::Leaf(number) => format!("-{}", number + 1),
    }
}
