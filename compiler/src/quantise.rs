//! From written models to integers: weights by bin, trees whose questions are "is the bin at least this one".
//!
//! The format's trees ask one question only, so a question such as `is: sunny` becomes two (from its bin on, and from the
//! next bin on), and the leaves are repeated for the combinations that mean the same. A model's score for a value is
//! therefore exactly what was written, up to the rounding of the numbers.

use crate::attribute::Attributes;
use crate::condition::Resolver;
use crate::diagnostic::Report;
use crate::forest::AskingForest;
use crate::scorer::{Form, Scorer};
use crate::set::Set;
use crate::source::Span;

/// Most levels of a tree after its questions are taken apart: 256 leaves, half a KiB.
pub const MAX_DEPTH: usize = 8;
/// A first bin that no bin reaches: the question of a level that only pads.
const NEVER: u16 = u16::MAX;

/// A model whose questions have met their attributes.
#[derive(Debug)]
pub(crate) struct Asking {
    bias: f64,
    form: AskingForm,
}

/// An attribute, and the values that answer yes.
type Question = (usize, Set);

#[derive(Debug)]
enum AskingForm {
    Linear(Vec<(usize, Vec<(Set, f64)>)>),
    Trees(Vec<(Vec<Question>, Vec<f64>, Span)>),
    Forest(AskingForest),
}

/// A model in the bundle's numbers.
#[derive(Debug)]
pub(crate) struct Quantised {
    /// 1 trees, 2 linear, 3 a trained forest.
    pub(crate) kind: u8,
    /// Levels of every tree; of kind 3, bytes of a leaf.
    pub(crate) depth: u8,
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
            Form::Trees(trees) => {
                let mut found = Vec::with_capacity(trees.len());
                for tree in trees {
                    let mut levels = Vec::with_capacity(tree.levels.len());
                    for level in &tree.levels {
                        levels.push(resolver.condition(level, report)?);
                    }
                    found.push((levels, tree.leaves.clone(), tree.span));
                }
                AskingForm::Trees(found)
            }
            Form::Trained(trained) => AskingForm::Forest(AskingForest::resolve(trained, resolver, report)?),
        };
        Some(Self { bias: scorer.bias.0, form })
    }

    /// Every set that the model tells apart, so that its borders exist.
    pub(crate) fn sets(&self) -> impl Iterator<Item = (usize, &Set)> {
        let (linear, trees, forest) = match &self.form {
            AskingForm::Linear(terms) => (Some(terms), None, None),
            AskingForm::Trees(trees) => (None, Some(trees), None),
            AskingForm::Forest(forest) => (None, None, Some(forest)),
        };
        let linear = linear
            .into_iter()
            .flatten()
            .flat_map(|(attribute, weights)| weights.iter().map(|(set, _)| (*attribute, set)));
        let trees = trees
            .into_iter()
            .flatten()
            .flat_map(|(levels, ..)| levels.iter().map(|(attribute, set)| (*attribute, set)));
        let forest = forest.into_iter().flat_map(|forest| &forest.questions).map(|(attribute, set)| (*attribute, set));
        linear.chain(trees).chain(forest)
    }

    /// The model in numbers; the attributes must be settled.
    pub(crate) fn quantise(&self, attributes: &Attributes, report: &mut Report) -> Option<Quantised> {
        let reads_profile =
            self.sets().any(|(at, _)| attributes.get(at).is_some_and(|attribute| attribute.reads_profile()));
        let bias = fixed(self.bias, 65_536.0, f64::from(i32::MIN), f64::from(i32::MAX));
        let mut model = Quantised { kind: 2, depth: 0, reads_profile, bias, data: Vec::new(), parts: 0 };
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
            AskingForm::Trees(trees) => {
                model.kind = 1;
                let trees: Vec<Option<Split>> = trees
                    .iter()
                    .map(|(levels, leaves, span)| split(levels, leaves, *span, attributes, report))
                    .collect();
                let trees: Vec<Split> = trees.into_iter().collect::<Option<_>>()?;
                let depth = trees.iter().map(|tree| tree.levels.len()).max().unwrap_or(1).max(1);
                model.depth = u8::try_from(depth).ok()?;
                for tree in trees {
                    for level in 0..depth {
                        let (attribute, first) = tree.levels.get(level).copied().unwrap_or((0, NEVER));
                        model.data.extend(attribute.to_le_bytes());
                        model.data.extend(first.to_le_bytes());
                    }
                    for number in 0..1usize << depth {
                        // The bits of padding levels are never set; the leaves behind them are copies.
                        let own = number & (tree.leaves.len() - 1);
                        model.data.extend(tree.leaves.get(own).copied().unwrap_or(0).to_le_bytes());
                    }
                    model.parts += 1;
                }
            }
        }
        Some(model)
    }
}

/// A tree whose questions are all of the form "bin at least".
struct Split {
    levels: Vec<(u16, u16)>,
    leaves: Vec<i16>,
}

fn split(
    levels: &[Question],
    leaves: &[f64],
    span: Span,
    attributes: &Attributes,
    report: &mut Report,
) -> Option<Split> {
    let mut asked: Vec<(u16, u16)> = Vec::new();
    // Of each written level: its answer for bin 0, and which asked questions turn it over.
    let mut answers: Vec<(bool, Vec<usize>)> = Vec::new();
    for (at, set) in levels {
        let accepted = attributes.get(*at)?.accepted(set);
        let mut now = accepted.first().copied().unwrap_or(false);
        let mut answer = (now, Vec::new());
        for (bin, yes) in accepted.iter().enumerate() {
            if *yes == now {
                continue;
            }
            now = *yes;
            let question = (u16::try_from(*at).ok()?, u16::try_from(bin).ok()?);
            let place = asked.iter().position(|known| *known == question).unwrap_or_else(|| {
                asked.push(question);
                asked.len() - 1
            });
            answer.1.push(place);
        }
        answers.push(answer);
    }
    if asked.len() > MAX_DEPTH {
        report
            .error("model/depth", span, format!("the tree's questions take {} levels of {MAX_DEPTH}", asked.len()))
            .remedy("`at_least` takes one level, `is` and `between` two: ask fewer or simpler questions");
        return None;
    }
    let mut quantised = Vec::with_capacity(1 << asked.len());
    for number in 0..1usize << asked.len() {
        let mut leaf = 0usize;
        for (level, (first, turns)) in answers.iter().enumerate() {
            let turned = turns.iter().filter(|place| number >> **place & 1 == 1).count() % 2 == 1;
            leaf |= usize::from(first ^ turned) << level;
        }
        quantised.push(weight(leaves.get(leaf).copied().unwrap_or(0.0)));
    }
    Some(Split { levels: asked, leaves: quantised })
}

/// A weight as Q8.8.
fn weight(value: f64) -> i16 {
    let rounded = fixed(value, 256.0, f64::from(i16::MIN), f64::from(i16::MAX));
    i16::try_from(rounded).unwrap_or(if rounded < 0 { i16::MIN } else { i16::MAX })
}

/// A number in fixed point, held to its bounds.
pub(crate) fn fixed(value: f64, one: f64, least: f64, most: f64) -> i32 {
    #[expect(clippy::cast_possible_truncation, reason = "rounded and held within bounds that i32 has")]
    let whole = (value * one).round().clamp(least, most) as i32;
    whole
}
