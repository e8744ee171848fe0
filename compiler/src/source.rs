//! Source files: YAML (and so JSON) as a tree in which every node knows where it stands.
//!
//! Scalars stay text: whether `10` is a number or a city is for the reader that knows what belongs there, so `is: no`
//! never turns into a truth value. Anchors and aliases work; tags, merge keys and several documents in one file do not.
//!
//! Invariant: the tree is bounded ([`MAX_DEPTH`], [`MAX_NODES`]), whatever the file says, so no reader needs a guard.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span as Marks};

use crate::diagnostic::Report;

/// How deep a file may nest: a segment of a segment of a segment is ten at most; recursion below stays shallow.
pub const MAX_DEPTH: usize = 64;
/// How many nodes one file may unfold to, aliases included.
pub const MAX_NODES: usize = 1_000_000;

/// One campaign file (or model file) as it was read.
#[derive(Clone, Debug)]
pub struct Source {
    /// Name to show in diagnostics.
    pub name: String,
    /// The whole text.
    pub text: String,
}

/// A range of bytes in one source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Index of the source.
    pub file: usize,
    /// First byte.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
}

/// A piece of a campaign file.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub value: Value,
}

/// What a node is.
#[derive(Clone, Debug)]
pub enum Value {
    /// Nothing was written.
    Null,
    /// A word, a number, a text.
    Scalar(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the file, each key once.
    Map(Vec<Entry>),
}

/// One line of a mapping.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub key_span: Span,
    /// What follows it.
    pub node: Node,
}

impl Value {
    /// What this is, in the author's words.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Scalar(_) => "a single value",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

/// Reads one source; what is wrong with its YAML goes to the report and leaves `None`.
pub(crate) fn parse(file: usize, text: &str, report: &mut Report) -> Option<Node> {
    let mut builder = Builder::new(file, text);
    // A byte order mark is an editor's habit, not a fault.
    let skipped = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    builder.skipped = usize::from(skipped > 0);
    let mut parser = Parser::new_from_str(text.get(skipped..).unwrap_or_default());
    while let Some(event) = parser.next_event() {
        match event {
            Ok((Event::StreamEnd, _)) => break,
            Ok((event, marks)) => builder.take(event, marks, report)?,
            Err(error) => {
                let at = builder.byte(error.marker().index());
                report
                    .error("yaml/syntax", Span { file, start: at, end: at }, format!("not YAML: {}", error.info()))
                    .remedy("check indentation, quotes and colons around this place");
                return None;
            }
        }
    }
    Some(builder.root.unwrap_or(Node { span: Span { file, start: 0, end: 0 }, value: Value::Null }))
}

/// A mapping or a list that is still open.
enum Open {
    List(Vec<Node>),
    Map(Vec<Entry>, Option<(String, Span)>),
}

struct Builder<'a> {
    file: usize,
    text: &'a str,
    /// Byte of each character; empty when the two are the same.
    bytes: Vec<usize>,
    skipped: usize,
    open: Vec<(Open, Span, usize)>,
    anchors: BTreeMap<usize, Node>,
    root: Option<Node>,
    nodes: usize,
    documents: usize,
}

impl<'a> Builder<'a> {
    fn new(file: usize, text: &'a str) -> Self {
        let bytes = if text.is_ascii() { Vec::new() } else { text.char_indices().map(|(at, _)| at).collect() };
        Self {
            file,
            text,
            bytes,
            skipped: 0,
            open: Vec::new(),
            anchors: BTreeMap::new(),
            root: None,
            nodes: 0,
            documents: 0,
        }
    }

    fn byte(&self, character: usize) -> usize {
        let character = character + self.skipped;
        if self.bytes.is_empty() {
            character.min(self.text.len())
        } else {
            self.bytes.get(character).copied().unwrap_or(self.text.len())
        }
    }

    fn span(&self, marks: Marks) -> Span {
        Span { file: self.file, start: self.byte(marks.start.index()), end: self.byte(marks.end.index()) }
    }

    fn take(&mut self, event: Event<'_>, marks: Marks, report: &mut Report) -> Option<()> {
        let span = self.span(marks);
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    report
                        .error("yaml/documents", span, "a second document begins in this file")
                        .remedy("write it as a file of its own: all files of a folder are read together");
                    return None;
                }
                Some(())
            }
            Event::Scalar(text, style, anchor, _) => {
                let null = style == ScalarStyle::Plain && matches!(text.as_ref(), "" | "~" | "null");
                let value = if null { Value::Null } else { Value::Scalar(text.into_owned()) };
                self.place(Node { span, value }, anchor, report)
            }
            Event::Alias(anchor) => {
                // The parser refuses an alias without an anchor before it; one within its own anchor is still open.
                let Some(mut node) = self.anchors.get(&anchor).cloned() else {
                    report.error("yaml/alias", span, "this alias stands inside the very thing that it repeats");
                    return None;
                };
                node.span = span;
                self.nodes += count(&node);
                self.place(node, 0, report)
            }
            Event::SequenceStart(anchor, _) => self.begin(Open::List(Vec::new()), span, anchor, report),
            Event::MappingStart(anchor, _) => self.begin(Open::Map(Vec::new(), None), span, anchor, report),
            Event::SequenceEnd | Event::MappingEnd => {
                let (open, start, anchor) = self.open.pop()?;
                let (value, last) = match open {
                    Open::List(items) => {
                        let last = items.last().map(|item| item.span.end);
                        (Value::List(items), last)
                    }
                    Open::Map(entries, _) => {
                        let last = entries.last().map(|entry| entry.node.span.end);
                        (Value::Map(entries), last)
                    }
                };
                // A block ends where its last child does; `]` and `}` have a place of their own.
                let closed = matches!(self.text.as_bytes().get(span.start), Some(b']' | b'}'));
                let end = if closed && span.end > span.start { span.start + 1 } else { last.unwrap_or(start.end) };
                self.place(Node { span: Span { end: end.max(start.start), ..start }, value }, anchor, report)
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Some(()),
        }
    }

    fn begin(&mut self, open: Open, span: Span, anchor: usize, report: &mut Report) -> Option<()> {
        if self.open.len() >= MAX_DEPTH {
            report.error("yaml/depth", span, format!("nested more than {MAX_DEPTH} deep"));
            return None;
        }
        self.open.push((open, span, anchor));
        Some(())
    }

    /// Puts a finished node where it belongs.
    fn place(&mut self, node: Node, anchor: usize, report: &mut Report) -> Option<()> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            report.error("yaml/size", node.span, format!("the file unfolds to more than {MAX_NODES} values"));
            return None;
        }
        if self.open.len() + depth(&node) > MAX_DEPTH {
            report.error("yaml/depth", node.span, format!("nested more than {MAX_DEPTH} deep"));
            return None;
        }
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let file = self.file;
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some((Open::List(items), ..)) => items.push(node),
            Some((Open::Map(entries, key), ..)) => match key.take() {
                None => {
                    let Value::Scalar(text) = node.value else {
                        report.error("yaml/key", node.span, format!("a key must be a word, not {}", node.value.kind()));
                        return None;
                    };
                    *key = Some((text, node.span));
                }
                Some((key, key_span)) => {
                    if let Some(first) = entries.iter().find(|entry| entry.key == key) {
                        report
                            .error("yaml/duplicate-key", key_span, format!("`{key}` is written twice here"))
                            .remedy("keep one of the two")
                            .related(first.key_span, "first written here");
                    } else {
                        // An empty value is shown at its key: it has no place of its own.
                        let span = match node.value {
                            Value::Null => Span { file, ..key_span },
                            _ => node.span,
                        };
                        entries.push(Entry { key, key_span, node: Node { span, value: node.value } });
                    }
                }
            },
        }
        Some(())
    }
}

fn count(node: &Node) -> usize {
    1 + match &node.value {
        Value::Null | Value::Scalar(_) => 0,
        Value::List(items) => items.iter().map(count).sum(),
        Value::Map(entries) => entries.iter().map(|entry| count(&entry.node)).sum(),
    }
}

/// Levels below a node; only aliases bring any, since all else is placed when it closes.
fn depth(node: &Node) -> usize {
    match &node.value {
        Value::Null | Value::Scalar(_) => 0,
        Value::List(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Map(entries) => 1 + entries.iter().map(|entry| depth(&entry.node)).max().unwrap_or(0),
    }
}
