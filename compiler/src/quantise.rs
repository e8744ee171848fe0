//! From written models to integers: weights by bin, and trees as [`crate::forest`] lays them out. A model's score for a value is exactly what
//! was written, up to the rounding of the numbers.

use crate::attribute::Attributes;
use crate::condition::Resolver;
use crate::diagnostic::Report;
use crate::forest::AskingForest;
use crate::regression;
use crate::scorer::{Form, Scorer};
use crate::set::Set;

/// A model whose questions have met their attributes.
#[derive(Debug)]
pub(crate) struct Asking {
    bias: f64,
    form: AskingForm,
}

/// An attribute, and what each set of its values adds.
pub(crate) type Weighted = (usize, Vec<(Set, f64)>);

#[derive(Debug)]
enum AskingForm {
    Linear(Vec<Weighted>),
    Forest(AskingForest),
}

/// A model in the bundle's numbers.
#[derive(Debug)]
pub(crate) struct Quantised {
    /// 2 linear, 3 a forest.
    pub(crate) kind: u8,
    /// Of a forest.
    pub(crate) leaf_bytes: u8,
    pub(crate) reads_profile: bool,
    /// Q16.16.
    pub(crate) bias: i32,
    pub(crate) data: Vec<u8>,
    pub(crate) parts: u32,
}

impl Asking {
    /// Finds the attributes of a model.
    pub(crate) fn resolve(scorer: &Scorer, resolver: &mut Resolver<'_>, report: &mut Report) -> Option<Self> {
        let form = match &scorer.form {
            Form::Linear(terms) => {
                let mut found = Vec::with_capacity(terms.len());
                for term in terms {
                    let (attribute, asked) = resolver.subject(&term.subject, report)?;
                    let mut weights = Vec::with_capacity(term.weights.len());
                    for line in &term.weights {
                        let set = resolver.operators(&line.operators, attribute, &asked, report)?;
                        let possible = resolver.attributes.get(attribute).is_some_and(|column| column.can_be(&set));
                        if !possible {
                            report.error("model/never", line.span, "no value can have this weight");
                        }
                        weights.push((set, line.weight));
                    }
                    if weights.is_empty() {
                        report.warning("model/idle-term", term.span, "a term without a weight adds nothing");
                    }
                    found.push((attribute, weights));
                }
                AskingForm::Linear(found)
            }
            Form::Trees(trees) => AskingForm::Forest(AskingForest::written(trees, scorer.bias.0, resolver, report)?),
            Form::Trained(trained) if trained.forest.trees.is_empty() => {
                let (bias, terms) = regression::resolve(trained, resolver, report)?;
                return Some(Self { bias, form: AskingForm::Linear(terms) });
            }
            Form::Trained(trained) => AskingForm::Forest(AskingForest::resolve(trained, resolver, report)?),
        };
        Some(Self { bias: scorer.bias.0, form })
    }

    /// Every set that the model tells apart, so that its borders exist.
    pub(crate) fn sets(&self) -> impl Iterator<Item = (usize, &Set)> {
        let (linear, forest) = match &self.form {
            AskingForm::Linear(terms) => (Some(terms), None),
            AskingForm::Forest(forest) => (None, Some(forest)),
        };
        let linear = linear
            .into_iter()
            .flatten()
            .flat_map(|(attribute, weights)| weights.iter().map(|(set, _)| (*attribute, set)));
        let forest = forest.into_iter().flat_map(|forest| &forest.questions).map(|(attribute, set)| (*attribute, set));
        linear.chain(forest)
    }

    /// The model in numbers; the attributes must be settled.
    pub(crate) fn quantise(&self, attributes: &Attributes, report: &mut Report) -> Option<Quantised> {
        let reads_profile =
            self.sets().any(|(at, _)| attributes.get(at).is_some_and(|attribute| attribute.reads_profile()));
        let bias = fixed(self.bias, 65_536.0, f64::from(i32::MIN), f64::from(i32::MAX));
        let mut model = Quantised { kind: 2, leaf_bytes: 0, reads_profile, bias, data: Vec::new(), parts: 0 };
        match &self.form {
            AskingForm::Forest(forest) => return forest.quantise(attributes, reads_profile, report),
            AskingForm::Linear(terms) => {
                for (at, weights) in terms {
                    let attribute = attributes.get(*at)?;
                    let mut sums = vec![0.0; attribute.bins()];
                    for (set, weight) in weights {
                        for (sum, accepted) in sums.iter_mut().zip(attribute.accepted(set)) {
                            *sum += if accepted { *weight } else { 0.0 };
                        }
                    }
                    model.data.extend(u16::try_from(*at).ok()?.to_le_bytes());
                    model.data.extend(u16::try_from(sums.len()).ok()?.to_le_bytes());
                    for sum in sums {
                        model.data.extend(weight(sum).to_le_bytes());
                    }
                    model.parts += 1;
                }
            }
        }
        Some(model)
    }
}

/// A weight as Q8.8.
pub(crate) fn weight(value: f64) -> i16 {
    let rounded = fixed(value, 256.0, f64::from(i16::MIN), f64::from(i16::MAX));
    i16::try_from(rounded).unwrap_or(if rounded < 0 { i16::MIN } else { i16::MAX })
}

/// A number in fixed point, held to its bounds.
pub(crate) fn fixed(value: f64, one: f64, least: f64, most: f64) -> i32 {
    #[expect(clippy::cast_possible_truncation, reason = "rounded and held within bounds that i32 has")]
    let whole = (value * one).round().clamp(least, most) as i32;
    whole
}
