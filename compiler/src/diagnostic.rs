//! Diagnostics: what is wrong with a campaign folder, where, and what to do about it.
//!
//! Every fault is collected; nothing stops at the first one. A fault has a stable code (`area/fault`), a reason in the
//! author's words and, wherever one is known, a remedy. Errors keep a bundle from being written, warnings do not.
//!
//! Absent on purpose: the terminal. [`crate::render`] draws a diagnostic, the command line prints it.

use std::collections::BTreeSet;
use std::ops::Range;

use serde::Serialize;

use crate::reader::Word;
use crate::source::{Source, Span};

/// How much a diagnostic weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The bundle is not written.
    Error,
    /// The bundle is written; the author should look all the same.
    Warning,
}

/// A place in a source file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Name of the file, as it was given to the compiler.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// The same place in bytes of the file.
    pub bytes: Range<usize>,
}

/// One fault of a campaign folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// Stable code, such as `campaign/unknown-segment`.
    pub code: &'static str,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// Another place that takes part, with the part it takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub related: Option<Related>,
}

/// A second place that explains a diagnostic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Related {
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// What is there, such as `first written here`.
    pub label: String,
}

/// Collects diagnostics while the sources are read and checked.
#[derive(Debug, Default)]
pub(crate) struct Report {
    found: Vec<Finding>,
    broken: BTreeSet<String>,
}

/// A diagnostic before its spans are turned into lines and columns.
#[derive(Debug)]
pub(crate) struct Finding {
    severity: Severity,
    code: &'static str,
    message: String,
    span: Span,
    remedy: Option<String>,
    related: Option<(Span, String)>,
}

impl Finding {
    /// Adds what to do about it.
    pub(crate) fn remedy(&mut self, remedy: impl Into<String>) -> &mut Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Adds the name that was probably meant, when one is near enough.
    pub(crate) fn nearest<'a>(&mut self, name: &str, known: impl IntoIterator<Item = &'a str>) -> &mut Self {
        let known: Vec<&str> = known.into_iter().collect();
        self.remedy = match nearest(name, known.iter().copied()) {
            Some(near) => Some(format!("did you mean `{near}`?")),
            None if known.is_empty() => self.remedy.take(),
            None => Some(format!("known: {}", listed(&known))),
        };
        self
    }

    /// Adds a second place.
    pub(crate) fn related(&mut self, span: Span, label: impl Into<String>) -> &mut Self {
        self.related = Some((span, label.into()));
        self
    }
}

impl Report {
    /// Notes an error.
    pub(crate) fn error(&mut self, code: &'static str, span: Span, message: impl Into<String>) -> &mut Finding {
        self.push(Severity::Error, code, span, message.into())
    }

    /// Notes a warning.
    pub(crate) fn warning(&mut self, code: &'static str, span: Span, message: impl Into<String>) -> &mut Finding {
        self.push(Severity::Warning, code, span, message.into())
    }

    fn push(&mut self, severity: Severity, code: &'static str, span: Span, message: String) -> &mut Finding {
        self.found.push_mut(Finding { severity, code, message, span, remedy: None, related: None })
    }

    /// Notes that something of this name was declared with a fault, so that whoever uses it is not told it is unknown.
    pub(crate) fn declared_broken(&mut self, name: &str) {
        self.broken.insert(name.to_owned());
    }

    /// Notes that a name is not declared, with the nearest that is.
    pub(crate) fn unknown<'a>(
        &mut self,
        code: &'static str,
        what: &str,
        word: &Word,
        known: impl IntoIterator<Item = &'a str>,
    ) {
        if !self.broken.contains(&word.text) {
            self.error(code, word.span, format!("there is no {what} `{}`", word.text))
                .remedy(format!("declare the {what} first"))
                .nearest(&word.text, known);
        }
    }

    /// Whether anything keeps the bundle from being written.
    pub(crate) fn has_errors(&self) -> bool {
        self.found.iter().any(|found| found.severity == Severity::Error)
    }

    /// The diagnostics in the order of the files, each place counted in lines and columns.
    pub(crate) fn finish(mut self, sources: &[Source]) -> Vec<Diagnostic> {
        self.found.sort_by_key(|found| (found.span.file, found.span.start, found.severity, found.code));
        let mut diagnostics: Vec<Diagnostic> = Vec::with_capacity(self.found.len());
        for found in self.found {
            let diagnostic = Diagnostic {
                severity: found.severity,
                code: found.code,
                message: found.message,
                place: place(found.span, sources),
                remedy: found.remedy,
                related: found.related.map(|(span, label)| Related { place: place(span, sources), label }),
            };
            // One mistake in a named segment would otherwise be told once for every campaign that uses it.
            if !diagnostics.contains(&diagnostic) {
                diagnostics.push(diagnostic);
            }
        }
        diagnostics
    }
}

/// Line and column of a span.
pub(crate) fn place(span: Span, sources: &[Source]) -> Place {
    let Some(source) = sources.get(span.file) else {
        return Place { file: String::new(), line: 1, column: 1, bytes: 0..0 };
    };
    let start = span.start.min(source.text.len());
    let before = source.text.get(..start).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Place {
        file: source.name.clone(),
        line: u32::try_from(line).unwrap_or(u32::MAX),
        column: u32::try_from(column).unwrap_or(u32::MAX),
        bytes: start..span.end.clamp(start, source.text.len()),
    }
}

/// The known name that a mistyped one most resembles: at most a third of its letters may differ.
#[must_use]
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let bound = (name.chars().count() / 3).max(1);
    let wanted = fold(name);
    known
        .map(|candidate| (strsim::damerau_levenshtein(&wanted, &fold(candidate)), candidate))
        .filter(|(distance, _)| *distance <= bound)
        .min_by_key(|(distance, candidate)| (*distance, *candidate))
        .map(|(_, candidate)| candidate)
}

/// Case and the choice between `-` and `_` are the commonest slips, so they cost nothing.
fn fold(name: &str) -> String {
    name.to_lowercase().replace('-', "_")
}

/// A short list of names for a remedy; long ones are cut, because nobody reads a hundred names.
fn listed(names: &[&str]) -> String {
    const SHOWN: usize = 8;
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    let more = names.len().saturating_sub(SHOWN);
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}
