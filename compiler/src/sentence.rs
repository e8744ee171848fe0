//! The sentences of a marketer about what a model weighs: which words a value of a feature gets.
//!
//! One file, a line for each feature: its sentence, or several sentences under `for`, of which the first that fits is taken, and `say` for all
//! other values. `{value}` in a sentence stands for the value. As in conditions, a value that is missing fits `absent` alone.
//!
//! Absent on purpose: models. Whoever asks tells the names of the features, and what their values are.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Report};
use crate::reader::{self, Fields};
use crate::source::{self, Node, Source, Value};

/// A feature that there may be sentences for.
#[derive(Clone, Copy, Debug)]
pub struct Feature<'a> {
    /// As the model knows it.
    pub name: &'a str,
    /// The texts that its values are among; `None` for numbers.
    pub levels: Option<&'a [String]>,
}

/// A value of a feature.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Told<'a> {
    /// Nobody knows it.
    Missing,
    /// A number.
    Number(f64),
    /// One of the texts.
    Text(&'a str),
}

/// What a file says.
#[derive(Clone, Debug, Default)]
pub struct Sentences {
    by_feature: BTreeMap<String, Vec<Sentence>>,
}

/// A file as it was read.
#[derive(Clone, Debug)]
pub struct Reading {
    /// What it says, as far as it could be read.
    pub sentences: Sentences,
    /// Every fault.
    pub diagnostics: Vec<Diagnostic>,
    /// The file.
    pub sources: Vec<Source>,
}

#[derive(Clone, Debug)]
struct Sentence {
    fits: Fits,
    words: String,
}

/// Which values a sentence is for.
#[derive(Clone, Debug, PartialEq)]
enum Fits {
    /// All that are known.
    Known,
    Missing,
    Text(String),
    /// Each bound with whether it is itself among them.
    Between {
        least: Option<(f64, bool)>,
        most: Option<(f64, bool)>,
    },
}

/// What stands for the value.
const VALUE: &str = "{value}";

impl Sentences {
    /// The sentence for a value; `shown` is how the value is written in it. `None` where the marketer wrote none.
    #[must_use]
    pub fn say(&self, feature: &str, told: Told<'_>, shown: &str) -> Option<String> {
        let sentences = self.by_feature.get(feature)?;
        let found = sentences.iter().find(|sentence| sentence.fits.takes(told))?;
        Some(found.words.replace(VALUE, shown))
    }
}

impl Fits {
    fn takes(&self, told: Told<'_>) -> bool {
        match (self, told) {
            (Self::Missing, Told::Missing) => true,
            (Self::Missing, _) | (_, Told::Missing) => false,
            (Self::Known, _) => true,
            (Self::Text(text), Told::Text(told)) => text == told,
            (Self::Between { least, most }, Told::Number(number)) => {
                least.is_none_or(|(bound, within)| number > bound || within && number == bound)
                    && most.is_none_or(|(bound, within)| number < bound || within && number == bound)
            }
            (Self::Text(_), Told::Number(_)) | (Self::Between { .. }, Told::Text(_)) => false,
        }
    }
}

/// Reads a file of sentences about these features.
#[must_use]
pub fn read(source: Source, features: &[Feature<'_>]) -> Reading {
    let mut report = Report::default();
    let mut sentences = Sentences::default();
    if let Some(root) = source::parse(0, &source.text, &mut report) {
        for entry in reader::named(&root, "a file of sentences", &mut report) {
            let Some(feature) = features.iter().find(|feature| feature.name == entry.key) else {
                report
                    .error(
                        "sentence/unknown-feature",
                        entry.key_span,
                        format!("the model has no feature `{}`", entry.key),
                    )
                    .nearest(&entry.key, features.iter().map(|feature| feature.name));
                continue;
            };
            let read = of_feature(&entry.node, feature, &mut report);
            sentences.by_feature.insert(entry.key.clone(), read);
        }
    }
    let sources = vec![source];
    Reading { sentences, diagnostics: report.finish(&sources), sources }
}

fn of_feature(node: &Node, feature: &Feature<'_>, report: &mut Report) -> Vec<Sentence> {
    if let Value::Scalar(_) = node.value {
        return words(node, report).map(|words| Sentence { fits: Fits::Known, words }).into_iter().collect();
    }
    let mut all = Vec::new();
    let Some(mut fields) = Fields::of(node, "the sentences of a feature", report) else { return all };
    if let Some(entry) = fields.take("for") {
        for item in reader::list(&entry.node, "for", report) {
            all.extend(one(item, feature, report));
        }
    }
    if let Some(entry) = fields.take("say") {
        all.extend(words(&entry.node, report).map(|words| Sentence { fits: Fits::Known, words }));
    }
    if !fields.has("for") && !fields.has("say") {
        report
            .error("sentence/none", fields.span(), format!("`{}` has no sentence", feature.name))
            .remedy("write it behind the name, or several under `for`");
    }
    fields.finish(report);
    all
}

/// `{ at_least: 3, less_than: 10, say: ... }`.
fn one(item: &Node, feature: &Feature<'_>, report: &mut Report) -> Option<Sentence> {
    let mut fields = Fields::of(item, "a sentence", report)?;
    let mut fits = Vec::new();
    if let Some(entry) = fields.take("is") {
        fits.extend(is(&entry.node, feature, report));
    }
    if let Some(true) = fields.truth("absent", report) {
        fits.push(Fits::Missing);
    }
    let mut bounds = [None, None];
    for (key, at, within) in
        [("at_least", 0, true), ("more_than", 0, false), ("at_most", 1, true), ("less_than", 1, false)]
    {
        let Some(entry) = fields.take(key) else { continue };
        if feature.levels.is_some() {
            report
                .error(
                    "sentence/operator",
                    entry.key_span,
                    format!("`{}` is a text: `{key}` compares numbers", feature.name),
                )
                .remedy("use `is` or `absent`");
        } else if let Some(number) = reader::number(&entry.node, key, report)
            && let Some(bound) = bounds.get_mut(at)
            && bound.replace((number, within)).is_some()
        {
            report
                .error("sentence/two-bounds", entry.key_span, "there are two bounds to one side")
                .remedy("keep one of them");
        }
    }
    if let [least, most] = bounds
        && (least.is_some() || most.is_some())
    {
        fits.push(Fits::Between { least, most });
    }
    let said = fields.need("say", report).and_then(|entry| words(&entry.node, report));
    let span = fields.span();
    let named = ["is", "absent", "at_least", "more_than", "at_most", "less_than"].iter().any(|key| fields.has(key));
    // A slip in a key is a fault by itself.
    let named = named || !fields.rest().is_empty();
    fields.finish(report);
    match fits.len() {
        1 => Some(Sentence { fits: fits.pop()?, words: said? }),
        0 if named => None,
        0 => {
            report
                .error("sentence/for-whom", span, "this sentence does not say which values it is for")
                .remedy("add `is`, `at_least`, `more_than`, `at_most`, `less_than` or `absent: true`; what is for all others stands beside `for`");
            None
        }
        _ => {
            report
                .error("sentence/for-whom", span, "`is`, a range and `absent` do not go together")
                .remedy("write a sentence for each");
            None
        }
    }
}

fn is(node: &Node, feature: &Feature<'_>, report: &mut Report) -> Option<Fits> {
    let Some(levels) = feature.levels else {
        let number = reader::number(node, "is", report)?;
        return Some(Fits::Between { least: Some((number, true)), most: Some((number, true)) });
    };
    let word = reader::word(node, "is", report)?;
    if !levels.contains(&word.text) {
        report
            .error(
                "sentence/unknown-value",
                word.span,
                format!("`{}` has no value `{}` in training", feature.name, word.text),
            )
            .nearest(&word.text, levels.iter().map(String::as_str));
        return None;
    }
    Some(Fits::Text(word.text))
}

/// A sentence, in whose braces stands `value` alone.
fn words(node: &Node, report: &mut Report) -> Option<String> {
    let word = reader::word(node, "say", report)?;
    let mut rest = word.text.as_str();
    while let Some((_, after)) = rest.split_once('{') {
        let name = after.split('}').next().unwrap_or_default();
        if name != "value" || !after.contains('}') {
            let name: String = name.chars().take(40).collect();
            report
                .error("sentence/placeholder", word.span, format!("nothing stands for `{{{name}}}`"))
                .remedy(format!("write `{VALUE}` where the value is to stand"));
            return None;
        }
        rest = after;
    }
    Some(word.text)
}
