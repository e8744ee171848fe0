//! Models that other libraries trained: the file, where the device finds what it asks, and how finely it is kept.

use std::collections::BTreeMap;

use petitfour_models::{BORDERS, Forest, Link};

use crate::diagnostic::Report;
use crate::reader::{self, Fields, Word};
use crate::segment::{self, Subject};
use crate::source::{Node, Span};

/// A trained model whose sum is log-odds.
#[derive(Clone, Debug)]
pub(crate) struct Trained {
    /// Its answer is a probability; leaves are as the library has them.
    pub(crate) forest: Forest,
    /// What each feature is on the device, and where that is said; `None` for those that are never asked.
    pub(crate) subjects: Vec<Option<(Subject, Span)>>,
    /// Bytes of a leaf: 1 or 2.
    pub(crate) leaf_bytes: u8,
    /// By how much of log-odds the rounding of leaves, or the steps of a regression, may move a score.
    pub(crate) tolerance: f64,
    /// Borders of a number at most.
    pub(crate) borders: usize,
    /// What becomes of the log-odds.
    pub(crate) calibration: Calibration,
    /// Where the model is declared.
    pub(crate) span: Span,
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
        let shared: Vec<String> = forest
            .features
            .iter()
            .enumerate()
            .filter(|(number, _)| i64::try_from(forest.thresholds(*number).len()).is_ok_and(|count| count > borders))
            .map(|(_, feature)| format!("`{}`", feature.name))
            .collect();
        if !shared.is_empty() {
            report
                .warning(
                    "model/grid",
                    name.span,
                    format!("some bounds share one of {borders} borders: {}", shared.join(", ")),
                )
                .remedy("`petitfour model` says on rows what that costs; `borders:` may allow more");
        }
        let borders = usize::try_from(borders).ok()?;
        let forest = forest.coarsened(borders);
        let subjects = subjects(&forest, features.map(|entry| &entry.node), &name, report)?;
        let leaf_bytes = if bits == 8 { 1 } else { 2 };
        if !declared {
            return None;
        }
        let (tolerance, calibration) = (tolerance?, calibration?);
        Some(Self { forest, subjects, leaf_bytes, tolerance, borders, calibration, span: name.span })
    }
}

/// Where the device finds each feature: as the file says, or in the context value of its name.
fn subjects(
    forest: &Forest,
    written: Option<&Node>,
    model: &Word,
    report: &mut Report,
) -> Option<Vec<Option<(Subject, Span)>>> {
    let names: BTreeMap<&str, usize> =
        forest.features.iter().enumerate().map(|(number, feature)| (feature.name.as_str(), number)).collect();
    let mut found: BTreeMap<usize, Option<(Subject, Span)>> = BTreeMap::new();
    let mut all = true;
    for entry in written.map_or(&[][..], |node| reader::named(node, "`features`", report)) {
        let Some(number) = names.get(entry.key.as_str()) else {
            let word = Word { text: entry.key.clone(), span: entry.key_span };
            report.unknown("model/unknown-feature", "feature of this model", &word, names.keys().copied());
            all = false;
            continue;
        };
        let subject = Fields::of(&entry.node, "a feature", report).and_then(|mut fields| {
            let subject = segment::read_term_subject(&mut fields, report);
            fields.finish(report);
            subject
        });
        all &= subject.is_some();
        found.insert(*number, subject.map(|subject| (subject, entry.key_span)));
    }
    let asked: Vec<bool> = {
        let mut asked = vec![false; forest.features.len()];
        let split = forest.trees.iter().flat_map(|tree| &tree.splits).map(|split| split.feature);
        for feature in split.chain(forest.terms.iter().map(|term| term.feature)) {
            if let Some(asked) = asked.get_mut(feature) {
                *asked = true;
            }
        }
        asked
    };
    let own = |number: usize| {
        let name = forest.features.get(number).map_or("", |feature| feature.name.as_str());
        Some((Subject::Context(Word { text: name.to_owned(), span: model.span }), model.span))
    };
    let subject = |(number, asked): (usize, bool)| match found.remove(&number) {
        Some(written) => written,
        None if asked => own(number),
        None => None,
    };
    let subjects = asked.into_iter().enumerate().map(subject).collect();
    all.then_some(subjects)
}
