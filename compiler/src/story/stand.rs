//! Where somebody stands in a journey: the expectations of one step.

use crate::diagnostic::Report;
use crate::reader::{self, Fields, Word};
use crate::source::{Node, Value};

use super::names::{Names, Path};

/// Where a story expects the visitor to stand in one journey.
#[derive(Clone, Debug)]
pub struct Stand {
    /// The journey.
    pub journey: Word,
    /// One of these holds; each as it was written, and what it means.
    pub sought: Vec<(Word, Footing)>,
}

/// How somebody may stand in a journey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Footing {
    /// At rest at the step of this id.
    At(String),
    /// At rest until this message is handed over.
    Sends(String),
    /// At any step.
    Inside,
    /// Came to the end.
    Done,
    /// Reached the goal.
    Reached,
    /// Left before.
    Left,
    /// Never entered.
    Never,
}

/// The words for who is at no certain step. A step of that name comes first.
const ENDS: [(&str, Footing); 5] = [
    ("inside", Footing::Inside),
    ("done", Footing::Done),
    ("reached", Footing::Reached),
    ("left", Footing::Left),
    ("never", Footing::Never),
];

/// Reads `in` and `sends` of a step.
pub(super) fn read(fields: &mut Fields<'_>, names: &Names, report: &mut Report) -> Vec<Stand> {
    let mut stands = Vec::new();
    let step = |word: &Word, path: &Path, report: &mut Report| {
        if path.rests.contains(&word.text) {
            return Some(Footing::At(word.text.clone()));
        }
        let end = ENDS.into_iter().find(|(name, _)| *name == word.text);
        if end.is_none() {
            let known = path.rests.iter().map(String::as_str).chain(ENDS.iter().map(|(name, _)| *name));
            report.unknown("test/unknown-step", "place to rest in this journey", word, known);
        }
        end.map(|(_, footing)| footing)
    };
    let message = |word: &Word, path: &Path, report: &mut Report| {
        let is_known = path.messages.contains(&word.text);
        if !is_known {
            let known = path.messages.iter().map(String::as_str);
            report.unknown("test/unknown-message", "message in this journey", word, known);
        }
        is_known.then(|| Footing::Sends(word.text.clone()))
    };
    read_lines("in", &step, fields, names, report, &mut stands);
    read_lines("sends", &message, fields, names, report, &mut stands);
    stands
}

/// Reads `sent`: the journeys whose message was handed over.
pub(super) fn read_sent(fields: &mut Fields<'_>, names: &Names, report: &mut Report) -> Vec<Word> {
    let Some(entry) = fields.take("sent") else { return Vec::new() };
    words(&entry.node, "sent", report).into_iter().filter(|word| names.path(word, report).is_some()).collect()
}

fn read_lines(
    key: &'static str,
    mean: &dyn Fn(&Word, &Path, &mut Report) -> Option<Footing>,
    fields: &mut Fields<'_>,
    names: &Names,
    report: &mut Report,
    stands: &mut Vec<Stand>,
) {
    let Some(entry) = fields.take(key) else { return };
    for line in reader::named(&entry.node, &format!("`{key}`"), report) {
        let journey = Word { text: line.key.clone(), span: line.key_span };
        let Some(path) = names.path(&journey, report) else { continue };
        let words = words(&line.node, key, report).into_iter();
        let sought = words.filter_map(|word| mean(&word, path, report).map(|footing| (word, footing))).collect();
        stands.push(Stand { journey, sought });
    }
}

/// One word, or a list of words of which one holds.
fn words(node: &Node, what: &str, report: &mut Report) -> Vec<Word> {
    match &node.value {
        Value::List(_) => reader::words(node, what, report),
        _ => reader::word(node, what, report).into_iter().collect(),
    }
}
