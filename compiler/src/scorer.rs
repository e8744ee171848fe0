//! Models as they are written: a linear sum of weights, or oblivious trees, in a small format that people can read.
//!
//! A model stands in the campaign file or in a file of its own (YAML or JSON, `file: thirst.json`). Its numbers are
//! log-odds. Quantising them is the business of [`crate::quantise`]; this module says what was written, and [`crate::trained`] what another
//! library trained.

use crate::diagnostic::Report;
use crate::reader::{self, Fields};
use crate::segment::{self, Condition, Expression, Operator, Subject};
use crate::source::{Node, Span, Value};
use crate::trained::Trained;

/// A model.
#[derive(Clone, Debug)]
pub(crate) struct Scorer {
    pub(crate) bias: (f64, Span),
    /// How unsure the bias is, or the whole of another form: a standard deviation in log-odds.
    pub(crate) spread: f64,
    pub(crate) form: Form,
}

/// How a model scores.
#[derive(Clone, Debug)]
pub(crate) enum Form {
    Linear(Vec<Term>),
    Trees(Vec<Tree>),
    Trained(Box<Trained>),
}

/// The weights of one thing; every weight whose operators hold counts.
#[derive(Clone, Debug)]
pub(crate) struct Term {
    pub(crate) subject: Subject,
    pub(crate) weights: Vec<Weight>,
    pub(crate) span: Span,
}

/// One line of a term.
#[derive(Clone, Debug)]
pub(crate) struct Weight {
    pub(crate) operators: Vec<Operator>,
    pub(crate) weight: f64,
    /// How unsure the weight is: a standard deviation in log-odds.
    pub(crate) spread: f64,
    pub(crate) span: Span,
}

/// An oblivious tree: one question for each level, the same for all nodes of the level.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    pub(crate) levels: Vec<Condition>,
    /// `2^levels`; the answer to the first level is bit 0 of the number of the leaf.
    pub(crate) leaves: Vec<f64>,
    pub(crate) span: Span,
}

/// Most questions that a tree may ask as it is written.
pub(crate) const MAX_LEVELS: usize = 6;
/// Bound of weights and leaves, which are kept as Q8.8.
pub(crate) const WEIGHT_BOUND: f64 = 127.0;
/// Bound of a bias, which is kept as Q16.16.
const BIAS_BOUND: f64 = 32_000.0;
/// Bounds of spreads, whose squares are kept in the same numbers, 16 times as fine.
const WEIGHT_SPREAD: f64 = 2.8;
pub(crate) const BIAS_SPREAD: f64 = 40.0;

impl Scorer {
    /// Reads a model written in place or in a file of its own.
    pub(crate) fn read(node: &Node, report: &mut Report) -> Option<Self> {
        let mut fields = Fields::of(node, "a model", report)?;
        let kind = fields.need_word("kind", report);
        let bias = fields
            .take("bias")
            .and_then(|entry| Some((bounded(&entry.node, "bias", BIAS_BOUND, report)?, entry.node.span)));
        let spread = take_spread(&mut fields, BIAS_SPREAD, report);
        let form = match kind.as_ref().map(|kind| kind.text.as_str()) {
            Some("linear") => fields.need("terms", report).map(|entry| {
                let terms = reader::list(&entry.node, "`terms`", report);
                Form::Linear(terms.iter().filter_map(|term| Term::read(term, report)).collect())
            }),
            Some("trees") => fields.need("trees", report).map(|entry| {
                let trees = reader::list(&entry.node, "`trees`", report);
                Form::Trees(trees.iter().filter_map(|tree| Tree::read(tree, report)).collect())
            }),
            Some(other) => {
                let span = kind.as_ref().map_or(node.span, |kind| kind.span);
                report
                    .error("model/unknown-kind", span, format!("there is no kind of model `{other}`"))
                    .nearest(other, ["linear", "trees"]);
                return None;
            }
            None => return None,
        };
        fields.finish(report);
        Some(Self { bias: bias.unwrap_or((0.0, node.span)), spread: spread.unwrap_or(0.0), form: form? })
    }

    /// Does it say how unsure it is?
    pub(crate) fn is_unsure(&self) -> bool {
        let of = |terms: &[Term]| terms.iter().flat_map(|term| &term.weights).any(|weight| weight.spread > 0.0);
        self.spread > 0.0 || matches!(&self.form, Form::Linear(terms) if of(terms))
    }

    /// A model of how unsure it is: 16 times the variance of its score. Weights are taken as independent of one another.
    pub(crate) fn uncertainty(&self) -> Option<Self> {
        const FINE: f64 = 16.0;
        let squared = |weight: &Weight| Weight { weight: FINE * weight.spread.powi(2), ..weight.clone() };
        let terms = match &self.form {
            Form::Linear(terms) => terms
                .iter()
                .map(|term| Term { weights: term.weights.iter().map(squared).collect(), ..term.clone() })
                .collect(),
            Form::Trees(_) | Form::Trained(_) => Vec::new(),
        };
        let bias = (FINE * self.spread.powi(2), self.bias.1);
        self.is_unsure().then_some(Self { bias, spread: 0.0, form: Form::Linear(terms) })
    }
}

impl Term {
    fn read(node: &Node, report: &mut Report) -> Option<Self> {
        let mut fields = Fields::of(node, "a term", report)?;
        let subject = segment::read_term_subject(&mut fields, report);
        let weights = fields.need("weights", report).map(|entry| {
            let lines = reader::list(&entry.node, "`weights`", report);
            lines.iter().filter_map(|line| Weight::read(line, report)).collect()
        });
        fields.finish(report);
        Some(Self { subject: subject?, weights: weights?, span: node.span })
    }
}

impl Weight {
    fn read(node: &Node, report: &mut Report) -> Option<Self> {
        let mut fields = Fields::of(node, "a weight", report)?;
        let operators = segment::read_operators(&mut fields, report);
        let weight = fields.need("weight", report);
        let weight = weight.and_then(|entry| bounded(&entry.node, "weight", WEIGHT_BOUND, report));
        let spread = take_spread(&mut fields, WEIGHT_SPREAD, report);
        fields.finish(report);
        let operators = operators?;
        if operators.is_empty() {
            report
                .error("model/term", node.span, "a weight does not say for which values it counts")
                .remedy("write `{ at_least: 25, weight: 0.8 }`; for every value that is there, `present: true`");
        }
        Some(Self { operators, weight: weight?, spread: spread.unwrap_or(0.0), span: node.span })
    }
}

impl Tree {
    fn read(node: &Node, report: &mut Report) -> Option<Self> {
        let mut fields = Fields::of(node, "a tree", report)?;
        let levels = fields.need("levels", report);
        let leaves = fields.need("leaves", report);
        fields.finish(report);
        let (levels, leaves) = (levels?, leaves?);
        let questions = reader::list(&levels.node, "`levels`", report);
        let mut conditions = Vec::new();
        for question in questions {
            match Expression::read(question, report) {
                Expression::Condition(condition) => conditions.push(condition),
                Expression::Broken => return None,
                _ => {
                    report
                        .error("model/level", question.span, "a level asks one question about one thing")
                        .remedy("write `{ context: temperature, at_least: 25 }`");
                    return None;
                }
            }
        }
        let values: Vec<f64> = reader::list(&leaves.node, "`leaves`", report)
            .iter()
            .filter_map(|leaf| bounded(leaf, "leaf", WEIGHT_BOUND, report))
            .collect();
        if conditions.is_empty() || conditions.len() > MAX_LEVELS {
            report.error("model/depth", levels.node.span, format!("a tree has 1 to {MAX_LEVELS} levels"));
            return None;
        }
        let wanted = 1usize << conditions.len();
        let written = if let Value::List(items) = &leaves.node.value { items.len() } else { wanted };
        if written != wanted {
            report
                .error("model/leaves", leaves.node.span, format!("{written} leaves where {wanted} are needed"))
                .remedy("a tree of n levels has 2^n leaves; the answer to the first level is bit 0 of a leaf's number");
            return None;
        }
        (values.len() == wanted).then_some(Self { levels: conditions, leaves: values, span: node.span })
    }
}

/// How unsure something is.
pub(crate) fn take_spread(fields: &mut Fields<'_>, bound: f64, report: &mut Report) -> Option<f64> {
    let entry = fields.take("spread")?;
    let spread = bounded(&entry.node, "spread", bound, report)?;
    if spread < 0.0 {
        report.error("file/out-of-range", entry.node.span, format!("`spread` must not be below 0, as {spread} is"));
    }
    (spread >= 0.0).then_some(spread)
}

fn bounded(node: &Node, what: &str, bound: f64, report: &mut Report) -> Option<f64> {
    let value = reader::number(node, what, report)?;
    if value.abs() <= bound {
        return Some(value);
    }
    report.error("file/out-of-range", node.span, format!("`{what}` must be from -{bound} to {bound}, not {value}"));
    None
}
