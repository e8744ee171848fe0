//! Models that other libraries trained: the file, where the device finds what it asks, and how finely it is kept.

use std::collections::BTreeMap;

use petitfour_models::{BORDERS, Forest, Link};

use crate::diagnostic::Report;
use crate::reader::{self, Fields, Word};
use crate::scorer;
use crate::segment::{self, Subject};
use crate::source::{Node, Span};

/// A trained model whose sum is log-odds.
#[derive(Clone, Debug)]
pub(crate) struct Trained {
    /// Its answer is a probability; leaves are as the library has them.
    pub(crate) forest: Forest,
    /// What each feature is on the device; `None` for those that are never asked.
    pub(crate) subjects: Vec<Option<Subject>>,
    /// Bytes of a leaf: 1 or 2.
    pub(crate) leaf_bytes: u8,
    /// How unsure it is, where the file says so.
    pub(crate) spread: f64,
    /// By how much of log-odds the rounding of leaves may move a score.
    pub(crate) tolerance: f64,
    /// Where the model is declared.
    pub(crate) span: Span,
}

/// Most borders that may be asked for.
const MAX_BORDERS: i64 = 4_096;
/// Log-odds that rounding may move a score by, unless the file says otherwise: from a probability of .5 to .56.
const TOLERANCE: f64 = 0.25;

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
        fields.finish(report);
        let name = name?;
        if bits != 8 && bits != 16 {
            report.error("model/leaves", node.span, format!("leaves are kept in 8 or 16 bits, not in {bits}"));
            return None;
        }
        let Some(tolerance) = tolerance else {
            report.error("model/tolerance", node.span, "`tolerance` is a number of log-odds above 0");
            return None;
        };
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
                .error("model/no-probability", name.span, format!("`{}` answers a number, not a probability", name.text))
                .remedy("a campaign is worth its value times a probability: train for one, such as objective `binary` or `binary:logistic`");
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
        let forest = forest.coarsened(usize::try_from(borders).ok()?);
        let subjects = subjects(&forest, features.map(|entry| &entry.node), &name, report)?;
        let leaf_bytes = if bits == 8 { 1 } else { 2 };
        let spread = spread.unwrap_or(0.0);
        Some(Self { forest, subjects, leaf_bytes, spread, tolerance, span: name.span })
    }
}

/// Where the device finds each feature: as the file says, or in the context value of its name.
fn subjects(
    forest: &Forest,
    written: Option<&Node>,
    model: &Word,
    report: &mut Report,
) -> Option<Vec<Option<Subject>>> {
    let names: BTreeMap<&str, usize> =
        forest.features.iter().enumerate().map(|(number, feature)| (feature.name.as_str(), number)).collect();
    let mut found: BTreeMap<usize, Option<Subject>> = BTreeMap::new();
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
        found.insert(*number, subject);
    }
    let asked: Vec<bool> = {
        let mut asked = vec![false; forest.features.len()];
        for split in forest.trees.iter().flat_map(|tree| &tree.splits) {
            if let Some(asked) = asked.get_mut(split.feature) {
                *asked = true;
            }
        }
        asked
    };
    let own = |number: usize| {
        let name = forest.features.get(number).map_or("", |feature| feature.name.as_str());
        Some(Subject::Context(Word { text: name.to_owned(), span: model.span }))
    };
    let subject = |(number, asked): (usize, bool)| match found.remove(&number) {
        Some(written) => written,
        None if asked => own(number),
        None => None,
    };
    let subjects = asked.into_iter().enumerate().map(subject).collect();
    all.then_some(subjects)
}
