//! The logistic regression that `petitfour train` writes beside its trees (`linear.json`): a sum over columns, without any tree.
//!
//! A number adds its product with a weight, which a device cannot form: it knows of a value only between which borders it lies. [`Term::steps`]
//! makes a step function of the line, over the values that training saw, and says how far it is from the line at most. What a level adds is exact.
//!
//! Invariant: read back, it says of every row what it said where it was trained, but for the last bits of numbers that are read from text.

use serde_json::Value;

use crate::fault::Fault;
use crate::forest::{Feature, Forest, Link, Precision};
use crate::place::Place;

/// What to do where a field is missing.
const SAVE: &str = "train it anew with `petitfour train`";
/// Log-odds that a step is not made finer than: a device keeps weights in 256ths.
const UNIT: f64 = 1.0 / 256.0;

/// What one column adds by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    /// Number of the column.
    pub feature: usize,
    /// What its values add.
    pub weights: Weights,
    /// What it adds in the mean over the rows that were learned from; contributions alone ask for it.
    pub mean: f64,
}

/// What the values of a column add.
#[derive(Debug, Clone, PartialEq)]
pub enum Weights {
    /// The number times `each`.
    Number {
        /// For each unit.
        each: f64,
        /// In place of the product.
        missing: f64,
        /// The least and the largest number that was learned from.
        seen: (f64, f64),
    },
    /// By the level.
    Levels {
        /// In the order of the feature's levels.
        levels: Vec<f64>,
        /// For a level that is not among them, and where there is none.
        other: f64,
    },
}

/// A line as a step function.
#[derive(Debug, Clone, PartialEq)]
pub struct Steps {
    /// Ascending; a number that is a border stands above it.
    pub borders: Vec<f64>,
    /// What is added below the first border, and from each on.
    pub weights: Vec<f64>,
    /// How far a step is from the line at most, for numbers that training saw.
    pub error: f64,
}

impl Term {
    /// What a value adds.
    #[must_use]
    pub fn add(&self, value: f64) -> f64 {
        match &self.weights {
            Weights::Number { missing, .. } if value.is_nan() => *missing,
            Weights::Number { each, .. } => value * each,
            Weights::Levels { other, .. } if value.is_nan() => *other,
            Weights::Levels { levels, other } => levels.get(value as usize).copied().unwrap_or(*other),
        }
    }

    /// Is a number beyond those that training saw?
    #[must_use]
    pub fn is_beyond(&self, value: f64) -> bool {
        matches!(self.weights, Weights::Number { seen: (least, largest), .. } if value < least || value > largest)
    }

    /// The line of a column of numbers in steps of one width, between at most so many borders; a number beyond those that training saw is taken
    /// for the nearest of them. `None` for levels.
    ///
    /// Steps are as wide as each other because the error of a step is half its rise: whatever the values' distribution, no other steps have a
    /// smaller largest error.
    #[must_use]
    pub fn steps(&self, most: usize) -> Option<Steps> {
        let Weights::Number { each, seen: (least, largest), .. } = self.weights else { return None };
        let rise = (each * (largest - least)).abs();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float's cast saturates")]
        let count = ((rise / UNIT).ceil() as usize).clamp(1, most.saturating_add(1));
        let width = (largest - least) / count as f64;
        let borders: Vec<f64> = (1..count).map(|step| least + width * step as f64).collect();
        let weights = (0..count).map(|step| each * (least + width * (step as f64 + 0.5))).collect();
        Some(Steps { borders, weights, error: rise / (2.0 * count as f64) })
    }
}

impl Forest {
    /// By how much of log-odds a score of a regression may move at most where its numbers have so many borders each and its weights are kept in
    /// 256ths, for numbers that training saw.
    #[must_use]
    pub fn stepping(&self, most: usize) -> f64 {
        let error = |term: &Term| term.steps(most).map_or(0.0, |steps| steps.error) + UNIT / 2.0;
        // The bias is cut to 65,536ths.
        self.terms.iter().map(error).sum::<f64>() + 0.5 / 65_536.0
    }
}

/// Is it such a file?
pub(crate) fn is(value: &Value) -> bool {
    value.get("intercept").is_some() && value.get("terms").is_some()
}

/// Reads a regression, as a forest without trees.
pub(crate) fn forest(value: &Value) -> Result<Forest, Fault> {
    let file = Place::root(value, SAVE);
    let intercept = file.field("intercept")?;
    let bias = finite(&intercept)?;
    let (mut features, mut terms) = (Vec::new(), Vec::new());
    for place in file.field("terms")?.items()? {
        let name = place.field("name")?.text()?;
        if features.iter().any(|feature: &Feature| feature.name == name) {
            return Err(place.fault(format!("a second term of `{name}`")).remedy(SAVE));
        }
        let kind = place.field("kind")?;
        let (weights, levels) = match kind.text()?.as_str() {
            "number" => (number(&place)?, None),
            "levels" => levels(&place).map(|(weights, texts)| (weights, Some(texts)))?,
            other => return Err(kind.fault(format!("there are no terms of the kind `{other}`")).remedy(SAVE)),
        };
        terms.push(Term { feature: features.len(), weights, mean: finite(&place.field("mean")?)? });
        features.push(Feature { name, levels });
    }
    let link = Link::Logistic { slope: 1.0 };
    Ok(Forest { features, trees: Vec::new(), terms, bias, averaged: false, link, precision: Precision::Double })
}

fn number(place: &Place<'_>) -> Result<Weights, Fault> {
    let part = |key: &str| finite(&place.field(key)?);
    let (least, largest) = (part("least")?, part("largest")?);
    if least > largest {
        return Err(place.fault(format!("the least value is {least} and the largest {largest}")).remedy(SAVE));
    }
    Ok(Weights::Number { each: part("weight")?, missing: part("missing")?, seen: (least, largest) })
}

fn levels(place: &Place<'_>) -> Result<(Weights, Vec<String>), Fault> {
    let (mut texts, mut weights) = (Vec::new(), Vec::new());
    for pair in place.field("levels")?.items()? {
        let [text, weight] = pair.items()?.try_into().map_err(|_| pair.fault("a level is a text and its weight"))?;
        let text = text.text()?;
        if texts.contains(&text) {
            return Err(pair.fault(format!("the level `{text}` stands here again")).remedy(SAVE));
        }
        texts.push(text);
        weights.push(finite(&weight)?);
    }
    Ok((Weights::Levels { levels: weights, other: finite(&place.field("other")?)? }, texts))
}

fn finite(place: &Place<'_>) -> Result<f64, Fault> {
    let number = place.number::<f64>()?;
    if number.is_finite() { Ok(number) } else { Err(place.fault(format!("{number} is no weight"))) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn written() -> Value {
        json!({
            "intercept": -1.0, "penalty": 10.0,
            "terms": [
                {"kind": "number", "name": "degrees", "weight": 0.5, "missing": 3.0, "mean": 5.0, "least": -10.0, "largest": 30.0},
                {"kind": "levels", "name": "sky", "levels": [["rain", -0.25], ["sun", 0.75]], "other": 0.125, "mean": 0.5},
            ],
        })
    }

    #[test]
    fn a_regression_adds_what_each_column_says_and_what_stands_for_a_missing_one() {
        let regression = forest(&written()).unwrap();
        let rows = [[20.0, 1.0], [-10.0, 0.0], [f64::NAN, f64::NAN], [0.0, 7.0]];
        assert_eq!(rows.map(|row| regression.raw(&row)), [9.75, -6.25, 2.125, -0.875]);
        assert_eq!(regression.answer(&[2.0, 0.0]), 1.0 / (1.0 + 0.25_f64.exp()));
    }

    #[test]
    fn steps_are_nowhere_further_from_the_line_than_they_say() {
        let regression = forest(&written()).unwrap();
        let term = &regression.terms[0];
        for most in [0, 1, 7, 255, 100_000] {
            let steps = term.steps(most).unwrap();
            assert!(steps.borders.len() <= most && steps.weights.len() == steps.borders.len() + 1);
            for tenth in -100..=300 {
                let value = f64::from(tenth) / 10.0;
                let step = steps.weights[steps.borders.partition_point(|border| *border <= value)];
                assert!((step - term.add(value)).abs() <= steps.error + 1e-12, "{most}: {value}");
            }
        }
        // 20 log-odds over the range; no step is finer than a weight is kept.
        assert_eq!(term.steps(255).unwrap().error, 20.0 / 512.0);
        assert_eq!(term.steps(100_000).unwrap().borders.len(), 5_119);
        assert_eq!(regression.terms[1].steps(255), None);
    }

    #[test]
    fn what_is_no_regression_is_refused_with_its_field() {
        let told = |place: &str, to: Value| {
            let mut value = written();
            *value.pointer_mut(place).unwrap() = to;
            forest(&value).unwrap_err().to_string()
        };
        assert_eq!(told("/terms/0/weight", json!("much")), "terms[0].weight is \"much\", which is not such a number");
        assert_eq!(
            told("/terms/0/least", json!(31)),
            "terms[0]: the least value is 31 and the largest 30; train it anew with `petitfour train`"
        );
        assert_eq!(
            told("/terms/1/kind", json!("text")),
            "terms[1].kind: there are no terms of the kind `text`; train it anew with `petitfour train`"
        );
        assert_eq!(
            told("/terms/1/name", json!("degrees")),
            "terms[1]: a second term of `degrees`; train it anew with `petitfour train`"
        );
        assert_eq!(
            told("/terms/1/levels/1/0", json!("rain")),
            "terms[1].levels[1]: the level `rain` stands here again; train it anew with `petitfour train`"
        );
        assert_eq!(
            told("/terms/0", json!({"kind": "number", "name": "a"})),
            "terms[0].least is missing; train it anew with `petitfour train`"
        );
    }
}
