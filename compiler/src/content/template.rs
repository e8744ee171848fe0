//! A text with placeholders: `Only {{ price.still | default: "a little" }}`, as Liquid has them.

use crate::diagnostic::Report;
use crate::reader::Word;
use crate::source::{Node, Span, Value};

/// A text, piece by piece.
#[derive(Clone, Debug, Default)]
pub(crate) struct Template {
    pub(crate) pieces: Vec<Piece>,
}

/// A piece of a text.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    Text(String),
    Value(Placeholder),
}

/// A value in a text.
#[derive(Clone, Debug)]
pub(crate) struct Placeholder {
    /// `price`, `feed`, `context` or `trait`, and what comes after the dot.
    pub(crate) source: String,
    pub(crate) name: Word,
    /// What is written where nobody knows the value.
    pub(crate) default: Option<String>,
    /// Digits behind the point.
    pub(crate) decimals: Option<u8>,
    /// The text that it stands in: YAML does not say where in a text something is.
    pub(crate) span: Span,
}

/// Most decimals that are written.
const MAX_DECIMALS: u8 = 6;

impl Template {
    /// Reads a text of a creative.
    pub(crate) fn read(node: &Node, field: &str, report: &mut Report) -> Option<Self> {
        match &node.value {
            Value::Scalar(text) => Some(Self::parse(text, node.span, report)),
            Value::Null => Some(Self { pieces: vec![Piece::Text(String::new())] }),
            other => {
                report
                    .error(
                        "creative/field",
                        node.span,
                        format!("a creative's `{field}` must be a text, not {}", other.kind()),
                    )
                    .remedy("a creative is a flat list of texts: headline, text, image, link, ...");
                None
            }
        }
    }

    fn parse(text: &str, span: Span, report: &mut Report) -> Self {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((inner, after)) = after.split_once("}}") else {
                report
                    .error("creative/placeholder", span, "`{{` without `}}`")
                    .remedy("write a value as `{{ price.name | default: \"...\" }}`");
                break;
            };
            pieces.push(Piece::Text(before.to_owned()));
            pieces.extend(Placeholder::parse(inner.trim(), span, report).map(Piece::Value));
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        pieces.retain(|piece| !matches!(piece, Piece::Text(text) if text.is_empty()));
        Self { pieces }
    }

    pub(crate) fn placeholders(&self) -> impl Iterator<Item = &Placeholder> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Value(placeholder) => Some(placeholder),
            Piece::Text(_) => None,
        })
    }
}

impl Placeholder {
    fn parse(inner: &str, span: Span, report: &mut Report) -> Option<Self> {
        let mut filters = split(inner, '|').into_iter();
        let value = filters.next().unwrap_or_default().trim();
        let fault = |what: String, report: &mut Report| {
            report
                .error("creative/placeholder", span, what)
                .remedy("write a value as `{{ price.name | default: \"...\" }}`, with `decimals: 1` behind another `|` if you like");
        };
        let Some((source, name)) = value.split_once('.') else {
            fault(format!("`{{{{ {inner} }}}}` has no source: `{value}` must be `source.name`"), report);
            return None;
        };
        let mut own = Self {
            source: source.trim().to_owned(),
            name: Word { text: name.trim().to_owned(), span },
            default: None,
            decimals: None,
            span,
        };
        for filter in filters {
            let (key, argument) = filter.split_once(':').unwrap_or((filter, ""));
            let argument = argument.trim();
            let quoted = ['"', '\''].iter().find_map(|quote| argument.strip_prefix(*quote)?.strip_suffix(*quote));
            match (key.trim(), quoted, argument.parse::<u8>()) {
                ("default", Some(text), _) => own.default = Some(text.to_owned()),
                ("decimals", None, Ok(count)) if count <= MAX_DECIMALS => own.decimals = Some(count),
                ("default", None, _) => {
                    fault(format!("the text behind `default:` stands in quotes: `{}`", filter.trim()), report);
                    return None;
                }
                _ => {
                    fault(format!("`{}` is no filter", filter.trim()), report);
                    return None;
                }
            }
        }
        Some(own)
    }
}

/// Splits at a letter, but not within quotes.
fn split(text: &str, at: char) -> Vec<&str> {
    let mut quote = None;
    text.split(|letter| {
        match quote {
            None if letter == '"' || letter == '\'' => quote = Some(letter),
            Some(open) if open == letter => quote = None,
            _ => {}
        }
        quote.is_none() && letter == at
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Template, bool) {
        let mut report = Report::default();
        let template = Template::parse(text, Span::default(), &mut report);
        (template, report.has_errors())
    }

    #[test]
    fn a_text_without_values_is_one_piece() {
        let (template, failed) = read("Half } of { it");
        assert!(!failed && matches!(template.pieces.as_slice(), [Piece::Text(text)] if text == "Half } of { it"));
    }

    #[test]
    fn a_default_may_hold_what_separates_filters() {
        let (template, failed) = read("{{ price.still | default: \"a | b\" | decimals: 1 }}.");
        let placeholder = template.placeholders().next().expect("a value");
        assert!(!failed);
        assert_eq!((placeholder.source.as_str(), placeholder.name.text.as_str()), ("price", "still"));
        assert_eq!((placeholder.default.as_deref(), placeholder.decimals), (Some("a | b"), Some(1)));
    }

    #[test]
    fn what_is_no_placeholder_is_a_fault() {
        for text in ["{{ price.still", "{{ still }}", "{{ price.still | upper }}", "{{ price.still | decimals: 9 }}"] {
            assert!(read(text).1, "{text}");
        }
    }
}
