//! Models that other libraries trained: the file, where the device finds what it asks, and how finely it is kept.
//!
//! What is a constant is answered here: its splits go, so that a device neither asks nor carries them. A campaign may say constants of its own, and
//! has the model to itself then ([`crate::given`]).

use std::collections::BTreeMap;
use std::rc::Rc;

use petitfour_models::{BORDERS, Feature, Forest, Link};

use crate::diagnostic::Report;
use crate::reader::{self, Fields, Word};
use crate::scorer;
use crate::segment::{self, Subject};
use crate::source::{Entry, Node, Span, Value};

/// A trained model whose sum is log-odds.
#[derive(Clone, Debug)]
pub(crate) struct Trained {
    /// As the library wrote it.
    whole: Rc<Forest>,
    /// What was written of features, by their number.
    found: BTreeMap<usize, Found>,
    /// Bounds of one feature beyond which some share a border, and borders of a number at most.
    pub(crate) borders: usize,
    /// Its answer is a probability; leaves are as the library has them. Nothing before [`Trained::settle`].
    pub(crate) forest: Forest,
    /// What each feature is on the device, and where that is said; `None` for those that are never asked.
    pub(crate) subjects: Vec<Option<(Subject, Span)>>,
    /// Bytes of a leaf: 1 or 2.
    pub(crate) leaf_bytes: u8,
    /// How unsure it is, where the file says so.
    pub(crate) spread: f64,
    /// By how much of log-odds the rounding of leaves, or the steps of a regression, may move a score.
    pub(crate) tolerance: f64,
    /// What becomes of the log-odds.
    pub(crate) calibration: Calibration,
    /// Where the model is declared.
    pub(crate) span: Span,
}

/// What a feature is on the device.
#[derive(Clone, Debug)]
enum Found {
    /// Something that differs by visitor or moment, and where that is said.
    Subject(Subject, Span),
    /// The same for everybody; NaN where it is missing.
    Constant(f64),
}

/// A line over log-odds (Platt 1999), by which a model's answers become the rates of newer or of other rows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Calibration {
    pub(crate) slope: f64,
    pub(crate) intercept: f64,
}

/// Most borders that may be asked for.
const MAX_BORDERS: i64 = 4_096;
/// Log-odds that rounding may move a score by, unless the file says otherwise: from a probability of .5 to .56.
const TOLERANCE: f64 = 0.25;

impl Calibration {
    /// What log-odds become.
    pub(crate) fn of(self, odds: f64) -> f64 {
        self.slope * odds + self.intercept
    }

    fn read(node: &Node, report: &mut Report) -> Option<Self> {
        let mut fields = Fields::of(node, "a calibration", report)?;
        let (slope, intercept) = (fields.need("slope", report), fields.need("intercept", report));
        fields.finish(report);
        let (slope, intercept) = (slope?, intercept?);
        let slope_span = slope.node.span;
        let slope = reader::number(&slope.node, "slope", report)?;
        let intercept = reader::number(&intercept.node, "intercept", report)?;
        if slope > 0.0 {
            return Some(Self { slope, intercept });
        }
        report
            .error("model/calibration", slope_span, format!("`slope` must be above 0, not {slope}"))
            .remedy("with a slope of 0 or less the model's order says nothing, or the opposite: train it anew");
        None
    }
}

impl Trained {
    /// Reads a mapping with the key `trained`.
    pub(crate) fn read(node: &Node, bytes: impl Fn(&str) -> Option<Vec<u8>>, report: &mut Report) -> Option<Self> {
        let mut fields = Fields::of(node, "a trained model", report)?;
        let name = fields.need_word("trained", report);
        let features = fields.take("features");
        let bits = fields.whole("leaves", (8, 16), report).unwrap_or(16);
        let borders = fields.whole("borders", (1, MAX_BORDERS), report).unwrap_or(BORDERS.into());
        let tolerance = match fields.take("tolerance") {
            Some(entry) => reader::number(&entry.node, "tolerance", report).filter(|tolerance| *tolerance > 0.0),
            None => Some(TOLERANCE),
        };
        let spread = scorer::take_spread(&mut fields, scorer::BIAS_SPREAD, report);
        let calibration = match fields.take("calibrate") {
            Some(entry) => Calibration::read(&entry.node, report),
            None => Some(Calibration { slope: 1.0, intercept: 0.0 }),
        };
        fields.finish(report);
        let name = name?;
        // What is wrong with the declaration is told with what is wrong with the file.
        let declared = bits == 8 || bits == 16;
        if !declared {
            report.error("model/leaves", node.span, format!("leaves are kept in 8 or 16 bits, not in {bits}"));
        }
        if tolerance.is_none() {
            report.error("model/tolerance", node.span, "`tolerance` is a number of log-odds above 0");
        }
        let Some(bytes) = bytes(&name.text) else {
            report
                .error("model/no-file", name.span, format!("the file `{}` cannot be read", name.text))
                .remedy("name a file beside the campaign files");
            return None;
        };
        let forest = match petitfour_models::read(&bytes) {
            Ok((_, forest)) => forest,
            Err(fault) => {
                report.error("model/unread", name.span, format!("`{}`: {fault}", name.text));
                return None;
            }
        };
        if forest.link == Link::Identity {
            report
                .error("model/no-probability", name.span, format!("`{}`: {}", name.text, Forest::NO_LOG_ODDS))
                .remedy("a campaign is worth its value times a probability: train for one, such as objective `binary`, `binary:logistic` or `Logloss`");
            return None;
        }
        let found = found(&forest, features.map(|entry| &entry.node), report)?;
        let leaf_bytes = if bits == 8 { 1 } else { 2 };
        if !declared {
            return None;
        }
        let empty = Forest { features: Vec::new(), trees: Vec::new(), terms: Vec::new(), ..forest.clone() };
        Some(Self {
            whole: Rc::new(forest),
            found,
            borders: usize::try_from(borders).ok()?,
            forest: empty,
            subjects: Vec::new(),
            leaf_bytes,
            spread: spread.unwrap_or(0.0),
            tolerance: tolerance?,
            calibration: calibration?,
            span: name.span,
        })
    }

    /// The same model where a campaign says that features are constants, whatever the model's own lines say of them.
    pub(crate) fn given(&self, constants: &[Entry], report: &mut Report) -> Option<Self> {
        let (mut own, mut all) = (self.clone(), true);
        for entry in constants {
            let constant = named(&self.whole, entry, report)
                .and_then(|(number, feature)| Some((number, constant(&entry.node, feature, report)?)));
            match constant {
                Some((number, value)) => _ = own.found.insert(number, Found::Constant(value)),
                None => all = false,
            }
        }
        all.then_some(own)
    }

    /// Is any feature a constant?
    pub(crate) fn is_cut(&self) -> bool {
        self.found.values().any(|found| matches!(found, Found::Constant(_)))
    }

    /// Which features are constants, and which: two models of one file for which this is the same are the same.
    pub(crate) fn constants(&self) -> Vec<(usize, u64)> {
        let constants = self.found.iter().filter_map(|(number, found)| match found {
            Found::Constant(value) => Some((*number, value.to_bits())),
            Found::Subject(..) => None,
        });
        constants.collect()
    }

    /// Answers what is constant, joins bounds, and says where the device finds what is still asked.
    pub(crate) fn settle(&mut self, report: &mut Report) {
        let is = |number: usize| match self.found.get(&number) {
            Some(Found::Constant(value)) => Some(*value),
            _ => None,
        };
        let constants: Vec<Option<f64>> = (0..self.whole.features.len()).map(is).collect();
        let forest = self.whole.given(&constants);
        let shared: Vec<String> = forest
            .features
            .iter()
            .enumerate()
            .filter(|(number, _)| forest.thresholds(*number).len() > self.borders)
            .map(|(_, feature)| format!("`{}`", feature.name))
            .collect();
        if !shared.is_empty() {
            let message = format!("some bounds share one of {} borders: {}", self.borders, shared.join(", "));
            report
                .warning("model/grid", self.span, message)
                .remedy("`petitfour model` says on rows what that costs; `borders:` may allow more");
        }
        self.forest = forest.coarsened(self.borders);
        self.subjects = self.asked();
    }

    /// What each feature is on the device: as the file says, or the context value of its name; nothing where it is not asked.
    fn asked(&self) -> Vec<Option<(Subject, Span)>> {
        let mut asked = vec![false; self.forest.features.len()];
        let split = self.forest.trees.iter().flat_map(|tree| &tree.splits).map(|split| split.feature);
        for feature in split.chain(self.forest.terms.iter().map(|term| term.feature)) {
            if let Some(asked) = asked.get_mut(feature) {
                *asked = true;
            }
        }
        let subject = |(number, (asked, feature)): (usize, (bool, &Feature))| match self.found.get(&number) {
            Some(Found::Subject(subject, span)) => Some((subject.clone(), *span)),
            Some(Found::Constant(_)) => None,
            None => {
                let own = Subject::Context(Word { text: feature.name.clone(), span: self.span });
                asked.then_some((own, self.span))
            }
        };
        asked.into_iter().zip(&self.forest.features).enumerate().map(subject).collect()
    }
}

/// What the model's own lines say of its features.
fn found(forest: &Forest, written: Option<&Node>, report: &mut Report) -> Option<BTreeMap<usize, Found>> {
    let (mut found, mut all) = (BTreeMap::new(), true);
    for entry in written.map_or(&[][..], |node| reader::named(node, "`features`", report)) {
        let read = named(forest, entry, report).and_then(|(number, feature)| {
            let mut fields = Fields::of(&entry.node, "a feature", report)?;
            let read = if let Some(value) = fields.take("value") {
                constant(&value.node, feature, report).map(Found::Constant)
            } else {
                segment::read_term_subject(&mut fields, report).map(|subject| Found::Subject(subject, entry.key_span))
            };
            fields.finish(report);
            Some((number, read?))
        });
        match read {
            Some((number, read)) => _ = found.insert(number, read),
            None => all = false,
        }
    }
    all.then_some(found)
}

/// The feature that a line is about.
fn named<'a>(forest: &'a Forest, entry: &Entry, report: &mut Report) -> Option<(usize, &'a Feature)> {
    let feature = forest.features.iter().enumerate().find(|(_, feature)| feature.name == entry.key);
    if feature.is_none() {
        let word = Word { text: entry.key.clone(), span: entry.key_span };
        let known = forest.features.iter().map(|feature| feature.name.as_str());
        report.unknown("model/unknown-feature", "feature of this model", &word, known);
    }
    feature
}

/// The number that a constant is to a model; nothing at all is missing.
fn constant(node: &Node, feature: &Feature, report: &mut Report) -> Option<f64> {
    if matches!(node.value, Value::Null) {
        return Some(f64::NAN);
    }
    let Word { text, .. } = reader::word(node, &feature.name, report)?;
    // What a number may be in a row and no author means: `inf`, `nan`.
    let number = feature.number(&text).filter(|number| number.is_finite());
    if number.is_none() {
        let name = &feature.name;
        match &feature.levels {
            Some(levels) => {
                let message = format!(
                    "in training the model has not seen `{text}` as `{name}`; `null` stands for what it has not seen"
                );
                report.error("model/constant", node.span, message).nearest(&text, levels.iter().map(String::as_str))
            }
            None => report
                .error(
                    "model/constant",
                    node.span,
                    format!("the model compares `{name}` with numbers, and `{text}` is none"),
                )
                .remedy("write a number, or leave it empty (`null`) where it is missing"),
        };
    }
    number
}
