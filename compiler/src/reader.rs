//! Reading a tree by shape: mappings whose keys are known, and single values of a known kind.
//!
//! A reader never stops at a fault: it reports it and goes on with what is there, so that one run tells everything.
//! The keys that a reader asks for are the keys that exist; whatever remains is reported with the nearest of them.

use crate::diagnostic::Report;
use crate::source::{Entry, Node, Span, Value};

/// A word of a campaign file and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The text.
    pub text: String,
    /// Where.
    pub span: Span,
}

/// A mapping that is being read.
pub(crate) struct Fields<'a> {
    what: &'static str,
    span: Span,
    entries: &'a [Entry],
    taken: Vec<bool>,
    known: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// Begins to read `node` as a mapping; nothing at all counts as an empty one.
    pub(crate) fn of(node: &'a Node, what: &'static str, report: &mut Report) -> Option<Self> {
        let entries: &[Entry] = match &node.value {
            Value::Map(entries) => entries,
            Value::Null => &[],
            other => {
                wrong(node, what, "a mapping (`key: value` lines)", other.kind(), report);
                return None;
            }
        };
        Some(Self { what, span: node.span, entries, taken: vec![false; entries.len()], known: Vec::new() })
    }

    /// Where the mapping stands.
    pub(crate) fn span(&self) -> Span {
        self.span
    }

    /// Whether a key was written.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|entry| entry.key == key)
    }

    /// The line with this key, when it is there.
    pub(crate) fn take(&mut self, key: &'static str) -> Option<&'a Entry> {
        self.known.push(key);
        let at = self.entries.iter().position(|entry| entry.key == key)?;
        if let Some(taken) = self.taken.get_mut(at) {
            *taken = true;
        }
        self.entries.get(at)
    }

    /// As [`take`](Self::take); its absence is a fault.
    pub(crate) fn need(&mut self, key: &'static str, report: &mut Report) -> Option<&'a Entry> {
        let found = self.take(key);
        if found.is_none() {
            report
                .error("file/missing-key", self.span, format!("{} has no `{key}`", self.what))
                .remedy(format!("add a line `{key}: ...`"));
        }
        found
    }

    /// A word under `key`.
    pub(crate) fn word(&mut self, key: &'static str, report: &mut Report) -> Option<Word> {
        self.take(key).and_then(|entry| word(&entry.node, key, report))
    }

    /// A word under `key` that must be there.
    pub(crate) fn need_word(&mut self, key: &'static str, report: &mut Report) -> Option<Word> {
        self.need(key, report).and_then(|entry| word(&entry.node, key, report))
    }

    /// A truth value under `key`.
    pub(crate) fn truth(&mut self, key: &'static str, report: &mut Report) -> Option<bool> {
        self.take(key).and_then(|entry| truth(&entry.node, key, report))
    }

    /// A whole number under `key` within `bounds`.
    pub(crate) fn whole(&mut self, key: &'static str, bounds: (i64, i64), report: &mut Report) -> Option<i64> {
        self.take(key).and_then(|entry| whole(&entry.node, key, bounds, report))
    }

    /// What nobody asked for, in the order of the file.
    pub(crate) fn rest(&self) -> Vec<&'a Entry> {
        self.entries.iter().zip(&self.taken).filter(|(_, taken)| !**taken).map(|(entry, _)| entry).collect()
    }

    /// Ends the reading: every key that nobody asked for is a fault.
    pub(crate) fn finish(self, report: &mut Report) {
        for entry in self.rest() {
            unknown_key(&entry.key, entry.key_span, self.what, &self.known, report);
        }
    }
}

/// Reports a key that does not exist.
pub(crate) fn unknown_key(key: &str, span: Span, what: &str, known: &[&str], report: &mut Report) {
    report.error("file/unknown-key", span, format!("{what} has no key `{key}`")).nearest(key, known.iter().copied());
}

/// Reports a value of the wrong kind.
pub(crate) fn wrong(node: &Node, what: &str, wanted: &str, found: &str, report: &mut Report) {
    report.error("file/wrong-type", node.span, format!("{what} must be {wanted}, not {found}"));
}

/// The lines of a mapping whose keys are names of the author's.
pub(crate) fn named<'a>(node: &'a Node, what: &str, report: &mut Report) -> &'a [Entry] {
    match &node.value {
        Value::Map(entries) => entries,
        Value::Null => &[],
        other => {
            wrong(node, what, "a mapping of names", other.kind(), report);
            &[]
        }
    }
}

/// The items of a list.
pub(crate) fn list<'a>(node: &'a Node, what: &str, report: &mut Report) -> &'a [Node] {
    match &node.value {
        Value::List(items) => items,
        other => {
            wrong(node, what, "a list", other.kind(), report);
            &[]
        }
    }
}

/// A list of words.
pub(crate) fn words(node: &Node, what: &str, report: &mut Report) -> Vec<Word> {
    list(node, what, report).iter().filter_map(|item| word(item, what, report)).collect()
}

/// A single value as text.
pub(crate) fn word(node: &Node, what: &str, report: &mut Report) -> Option<Word> {
    match &node.value {
        Value::Scalar(text) => Some(Word { text: text.clone(), span: node.span }),
        other => {
            wrong(node, &format!("`{what}`"), "a single value", other.kind(), report);
            None
        }
    }
}

/// `true` or `false`.
pub(crate) fn truth(node: &Node, what: &str, report: &mut Report) -> Option<bool> {
    match &node.value {
        Value::Scalar(text) if text == "true" => Some(true),
        Value::Scalar(text) if text == "false" => Some(false),
        other => {
            let found = if let Value::Scalar(text) = other { format!("`{text}`") } else { other.kind().to_owned() };
            wrong(node, &format!("`{what}`"), "`true` or `false`", &found, report);
            None
        }
    }
}

/// A finite number.
pub(crate) fn number(node: &Node, what: &str, report: &mut Report) -> Option<f64> {
    let found = word(node, what, report)?;
    parse_number(&found.text).or_else(|| {
        wrong(node, &format!("`{what}`"), "a number", &format!("`{}`", found.text), report);
        None
    })
}

/// A finite number in decimal notation; zero has one sign, so that equal numbers are equal borders.
pub(crate) fn parse_number(text: &str) -> Option<f64> {
    // f64's own parser takes "inf", "nan" and "infinity", which no author means.
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+' | b'e' | b'E'));
    let number: f64 = if plain { text.parse().ok()? } else { return None };
    number.is_finite().then_some(number + 0.0)
}

/// A whole number within bounds, both included.
pub(crate) fn whole(node: &Node, what: &str, (least, most): (i64, i64), report: &mut Report) -> Option<i64> {
    let found = word(node, what, report)?;
    let Ok(number) = found.text.parse::<i64>() else {
        wrong(node, &format!("`{what}`"), "a whole number", &format!("`{}`", found.text), report);
        return None;
    };
    if (least..=most).contains(&number) {
        return Some(number);
    }
    report.error("file/out-of-range", node.span, format!("`{what}` must be from {least} to {most}, not {number}"));
    None
}
