//! What is shown: texts, with values in them, and parts of which one option is chosen for each visitor.
//!
//! Read here by shape; [`resolve`] finds what the names mean, and writes the text that the engine composes from.

pub(crate) mod locale;
pub(crate) mod price;
pub(crate) mod resolve;
mod template;

use crate::campaign::Stock;
use crate::declaration::Named;
use crate::diagnostic::Report;
use crate::reader::{self, Fields, Word};
use crate::segment::Expression;
use crate::source::{Node, Span, Value};

pub(crate) use template::{Piece, Placeholder, Template};

/// What is shown: fields by name, each a text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content {
    pub(crate) fields: Vec<(String, Template)>,
    /// Fields of which one option is chosen.
    pub(crate) parts: Vec<Named<Vec<Named<Choice>>>>,
    /// How numbers are written.
    pub(crate) locale: Option<Word>,
}

/// One option of a part.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    pub(crate) text: Template,
    pub(crate) weight: u16,
    pub(crate) when: Option<Expression>,
    pub(crate) stock: Vec<Stock>,
    /// Options of other parts beside which it is not chosen, as `part.option`.
    pub(crate) not_with: Vec<Word>,
}

/// Fields that hold an address: a value in one would have to be written as addresses are.
const ADDRESSES: [&str; 2] = ["link", "image"];

impl Content {
    /// Reads a mapping of texts, all keys free but `locale`.
    pub(crate) fn read(node: &Node, what: &'static str, report: &mut Report) -> Option<Self> {
        let mut fields = Fields::of(node, what, report)?;
        let locale = fields.word("locale", report);
        Some(Self { locale, ..Self::from_rest(&fields, node.span, report) })
    }

    /// Reads `parts` and `locale` of a creative; the lines that nobody asked for are its texts.
    pub(crate) fn of_creative(fields: &mut Fields<'_>, span: Span, report: &mut Report) -> Self {
        let locale = fields.word("locale", report);
        let parts = fields.take("parts").map(|entry| read_parts(&entry.node, report));
        let mut content = match &parts {
            // All its texts may be parts.
            Some(parts) if !parts.is_empty() && fields.rest().is_empty() => Self::default(),
            _ => Self::from_rest(fields, span, report),
        };
        content.parts = parts.unwrap_or_default();
        for part in &content.parts {
            if let Some(entry) = fields.rest().iter().find(|entry| entry.key == part.name) {
                report
                    .error("creative/part-twice", part.span, format!("`{}` is a part and a text as well", part.name))
                    .remedy("keep one of the two")
                    .related(entry.key_span, "the text is here");
            }
        }
        Self { locale, ..content }
    }

    /// The lines that nobody else asked for, in the order of the file.
    fn from_rest(fields: &Fields<'_>, span: Span, report: &mut Report) -> Self {
        let rest = fields.rest();
        let mut content = Self::default();
        for entry in &rest {
            if let Some(text) = Template::read(&entry.node, &entry.key, report) {
                check_address(&entry.key, &text, report);
                content.fields.push((entry.key.clone(), text));
            }
        }
        if rest.is_empty() {
            report
                .error("creative/empty", span, "a creative without a single text shows nothing")
                .remedy("add the texts that the page shows, such as `headline:` and `image:`");
        }
        content
    }

    /// Does it say the same to everybody?
    pub(crate) fn is_plain(&self) -> bool {
        self.parts.is_empty() && self.fields.iter().all(|(_, text)| text.placeholders().next().is_none())
    }

    /// Every stock condition of it.
    pub(crate) fn stocks(&self) -> impl Iterator<Item = &Stock> {
        self.parts.iter().flat_map(|part| &part.item).flat_map(|option| &option.item.stock)
    }
}

fn read_parts(node: &Node, report: &mut Report) -> Vec<Named<Vec<Named<Choice>>>> {
    let mut parts = Vec::new();
    for entry in reader::named(node, "`parts`", report) {
        let mut options: Vec<Named<Choice>> = Vec::new();
        for item in reader::list(&entry.node, "a part", report) {
            let Some(option) = Choice::read(item, &entry.key, report) else { continue };
            if let Some(first) = options.iter().find(|known| known.name == option.name) {
                report
                    .error("creative/duplicate-option", option.span, format!("`{}` is there twice", option.name))
                    .remedy("give one of the two another id")
                    .related(first.span, "first here");
            }
            options.push(option);
        }
        if options.is_empty() && matches!(entry.node.value, Value::List(_)) {
            report.error("creative/empty-part", entry.key_span, format!("the part `{}` has no option", entry.key));
        }
        parts.push(Named { name: entry.key.clone(), span: entry.key_span, item: options });
    }
    parts
}

impl Choice {
    fn read(node: &Node, part: &str, report: &mut Report) -> Option<Named<Self>> {
        let mut fields = Fields::of(node, "an option", report)?;
        let id = fields.need_word("id", report);
        let text = fields.need("text", report).and_then(|entry| Template::read(&entry.node, "text", report));
        let weight = fields.whole("weight", (0, i64::from(u16::MAX)), report).unwrap_or(1);
        let when = fields.take("when").map(|entry| Expression::read(&entry.node, report));
        let stock = fields.take("stock").map(|entry| Stock::read_all(&entry.node, report)).unwrap_or_default();
        let not_with = fields.take("not_with").map(|entry| match &entry.node.value {
            Value::Scalar(text) => vec![Word { text: text.clone(), span: entry.node.span }],
            _ => reader::words(&entry.node, "`not_with`", report),
        });
        fields.finish(report);
        let (id, text) = (id?, text?);
        check_address(part, &text, report);
        crate::declaration::check_name(&id.text, id.span, report);
        let (weight, not_with) = (u16::try_from(weight).unwrap_or(0), not_with.unwrap_or_default());
        Some(Named { name: id.text, span: id.span, item: Self { text, weight, when, stock, not_with } })
    }
}

fn check_address(field: &str, text: &Template, report: &mut Report) {
    if let Some(placeholder) = text.placeholders().next().filter(|_| ADDRESSES.contains(&field)) {
        report
            .error(
                "creative/placeholder-address",
                placeholder.span,
                format!("`{field}` is an address, and holds no value"),
            )
            .remedy("make it a part: an option with its own address for each case");
    }
}
