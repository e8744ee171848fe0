//! What a campaign folder may speak of: context, traits, events, affinities, feeds, placements, fallbacks.
//!
//! A name must be declared before a segment may use it. That is what lets a slip of the pen be a fault with a remedy
//! instead of a condition that silently never holds.

use petitfour::consent::Permissions;

use crate::diagnostic::Report;
use crate::explore::Explore;
use crate::period;
use crate::reader::{self, Fields, Word};
use crate::source::{Node, Span};

/// A declared name with what was said of it.
#[derive(Clone, Debug)]
pub(crate) struct Named<T> {
    pub(crate) name: String,
    pub(crate) span: Span,
    pub(crate) item: T,
}

/// A context value or a trait.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) kind: Kind,
    /// The values there are, when the author lists them: then every other value in a condition is a fault.
    pub(crate) values: Vec<Word>,
}

/// Text or number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Number,
}

/// An event that a visitor may do.
#[derive(Clone, Debug)]
pub(crate) struct EventKind {
    pub(crate) outcome: bool,
}

/// An interest that fades.
#[derive(Clone, Debug)]
pub(crate) struct Affinity {
    pub(crate) event: Word,
    pub(crate) property: Word,
    pub(crate) half_life_hours: u16,
    pub(crate) weight: u16,
    /// The values there are, as of [`Known`]; named here, they have their names in the profile viewer.
    pub(crate) values: Vec<Word>,
}

/// A segment that the origin tells: a list of a CRM's, say.
#[derive(Clone, Debug)]
pub(crate) struct Membership;

/// Business facts.
#[derive(Clone, Debug)]
pub(crate) struct Feed {
    pub(crate) place: Option<Word>,
}

/// One place that shows something.
#[derive(Clone, Debug)]
pub(crate) struct Placement {
    pub(crate) fallback: Option<Word>,
    pub(crate) explore: Option<Explore>,
}

/// A way to reach somebody off the site.
#[derive(Clone, Debug)]
pub(crate) struct Channel {
    /// Permissions without which nothing goes out.
    pub(crate) needs: Permissions,
    /// Messages that one person gets on a day, in seven days; 255 for any.
    pub(crate) caps: (u8, u8),
    /// Minutes of the day; equal for none.
    pub(crate) quiet: (u16, u16),
}

/// How often all channels together may reach one person.
#[derive(Clone, Debug)]
pub(crate) struct Pressure {
    /// Messages on a day, in seven days; 255 for any.
    pub(crate) caps: (u8, u8),
    /// Channels whose messages neither count nor wait.
    pub(crate) except: Vec<Word>,
    pub(crate) span: Span,
}

/// Longest name: it is kept in the bundle, sent as a key and shown in tables.
const MAX_NAME: usize = 128;

/// Reports a name that cannot be one.
pub(crate) fn check_name(name: &str, span: Span, report: &mut Report) {
    let plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.' | ' ' | ':' | '/');
    if name.is_empty() || name.len() > MAX_NAME {
        report.error("name/length", span, format!("a name must have 1 to {MAX_NAME} bytes"));
    } else if let Some(letter) = name.chars().find(|letter| !plain(*letter)) {
        report
            .error("name/letter", span, format!("a name must not contain `{}`", letter.escape_default()))
            .remedy("use letters, digits, `-`, `_`, `.`, `:`, `/` and spaces");
    }
}

impl Known {
    /// Reads `{ type: text, values: [...] }`.
    pub(crate) fn read(node: &Node, what: &'static str, report: &mut Report) -> Option<Self> {
        let mut fields = Fields::of(node, what, report)?;
        let kind = fields.need_word("type", report).and_then(|word| match word.text.as_str() {
            "text" => Some(Kind::Text),
            "number" => Some(Kind::Number),
            other => {
                report
                    .error("file/unknown-type", word.span, format!("there is no type `{other}`"))
                    .nearest(other, ["text", "number"]);
                None
            }
        });
        let values = fields.take("values").map(|entry| {
            if kind == Some(Kind::Number) {
                report.error("file/wrong-type", entry.key_span, "only a text has a list of values");
            }
            reader::words(&entry.node, "`values`", report)
        });
        fields.finish(report);
        Some(Self { kind: kind?, values: values.unwrap_or_default() })
    }
}

impl Membership {
    /// Reads `{}`: the name says it all.
    pub(crate) fn read(node: &Node, _: &'static str, report: &mut Report) -> Option<Self> {
        Fields::of(node, "a membership", report)?.finish(report);
        Some(Self)
    }
}

impl EventKind {
    /// Reads `{ outcome: true }`.
    pub(crate) fn read(node: &Node, _: &'static str, report: &mut Report) -> Option<Self> {
        let mut fields = Fields::of(node, "an event", report)?;
        let outcome = fields.truth("outcome", report).unwrap_or(false);
        fields.finish(report);
        Some(Self { outcome })
    }
}

impl Affinity {
    /// Reads `{ event: ..., property: ..., half_life: 7 days, weight: 1 }`.
    pub(crate) fn read(node: &Node, _: &'static str, report: &mut Report) -> Option<Self> {
        let mut fields = Fields::of(node, "an affinity", report)?;
        let event = fields.need_word("event", report);
        let property = fields.need_word("property", report);
        let half_life = fields
            .need("half_life", report)
            .and_then(|entry| period::duration_in(&entry.node, "half_life", period::HOURS, report));
        let weight = fields.whole("weight", (1, i64::from(u16::MAX)), report).unwrap_or(1);
        let values = fields.take("values").map(|entry| reader::words(&entry.node, "`values`", report));
        fields.finish(report);
        Some(Self {
            event: event?,
            property: property?,
            half_life_hours: u16::try_from(half_life?).ok()?,
            weight: u16::try_from(weight).ok()?,
            values: values.unwrap_or_default(),
        })
    }
}

impl Feed {
    /// Reads `{ place: shop }`.
    pub(crate) fn read(node: &Node, _: &'static str, report: &mut Report) -> Option<Self> {
        let mut fields = Fields::of(node, "a feed", report)?;
        let place = fields.word("place", report);
        fields.finish(report);
        Some(Self { place })
    }
}

impl Placement {
    /// Reads `{ fallback: name, explore: { by: thompson } }`.
    pub(crate) fn read(node: &Node, _: &'static str, report: &mut Report) -> Option<Self> {
        let mut fields = Fields::of(node, "a placement", report)?;
        let fallback = fields.word("fallback", report);
        let explore = fields.take("explore").and_then(|entry| Explore::read(&entry.node, report));
        fields.finish(report);
        Some(Self { fallback, explore })
    }
}

impl Channel {
    /// Reads `{ needs: [share], caps: { day: 1, week: 3 }, quiet: { from: "21:00", until: "08:00" } }`.
    pub(crate) fn read(node: &Node, what: &'static str, report: &mut Report) -> Option<Self> {
        let mut fields = Fields::of(node, what, report)?;
        let needs = fields.take("needs").map(|entry| permissions(&entry.node, "needs", report));
        let caps = fields.take("caps").map(|entry| read_channel_caps(&entry.node, report));
        let quiet = fields.take("quiet").and_then(|entry| read_quiet(&entry.node, report));
        if needs.is_none() {
            report
                .error(
                    "channel/no-purpose",
                    fields.span(),
                    "a channel does not say what a person must have permitted for it",
                )
                .remedy("add `needs: [share]`, or `needs: []` where nothing is asked of them");
        }
        fields.finish(report);
        Some(Self {
            needs: needs.unwrap_or_default(),
            caps: caps.unwrap_or((u8::MAX, u8::MAX)),
            quiet: quiet.unwrap_or_default(),
        })
    }
}

impl Pressure {
    /// Reads `{ day: 2, week: 6, except: [call] }`.
    pub(crate) fn read(node: &Node, report: &mut Report) -> Option<Self> {
        let mut fields = Fields::of(node, "`pressure`", report)?;
        let caps = take_caps(&mut fields, report);
        let except = fields.take("except").map(|entry| reader::words(&entry.node, "except", report));
        // What is wrong with a cap or a key is told as such.
        if !fields.has("day") && !fields.has("week") && fields.rest().is_empty() {
            report
                .error("pressure/no-cap", node.span, "`pressure` does not say how many messages one person gets")
                .remedy("add `day: 2` or `week: 6`: messages by all channels together");
        }
        fields.finish(report);
        Some(Self { caps, except: except.unwrap_or_default(), span: node.span })
    }
}

fn read_channel_caps(node: &Node, report: &mut Report) -> (u8, u8) {
    let Some(mut fields) = Fields::of(node, "caps of a channel", report) else { return (u8::MAX, u8::MAX) };
    let caps = take_caps(&mut fields, report);
    fields.finish(report);
    caps
}

/// Messages on a day and in seven; 255 for any.
fn take_caps(fields: &mut Fields<'_>, report: &mut Report) -> (u8, u8) {
    let most = i64::from(u8::MAX) - 1;
    let mut read = |key| {
        let cap = fields.whole(key, (1, most), report);
        cap.and_then(|cap| u8::try_from(cap).ok()).unwrap_or(u8::MAX)
    };
    let caps = (read("day"), read("week"));
    if caps.1 < caps.0 && caps.0 != u8::MAX {
        report
            .warning(
                "campaign/cap-idle",
                fields.span(),
                format!("the cap of {} (day) never acts: {} (week) is reached before it", caps.0, caps.1),
            )
            .remedy("take one of the two out, or make the wider one larger");
    }
    caps
}

fn read_quiet(node: &Node, report: &mut Report) -> Option<(u16, u16)> {
    let mut fields = Fields::of(node, "quiet hours", report)?;
    let mut read = |key| fields.need_word(key, report).and_then(|word| period::clock(&word, report));
    let (from, until) = (read("from"), read("until"));
    fields.finish(report);
    if from.is_some() && from == until {
        report.error("channel/always-quiet", node.span, "quiet hours that end when they begin are the whole day");
    }
    Some((from?, until?))
}

/// Permissions by name.
pub(crate) fn permissions(node: &Node, what: &str, report: &mut Report) -> Permissions {
    const NAMES: [&str; 4] = Permissions::NAMES;
    let mut bits = 0u8;
    for word in reader::words(node, what, report) {
        match NAMES.iter().position(|name| *name == word.text) {
            Some(bit) => bits |= 1 << bit,
            None => {
                report
                    .error("consent/unknown-permission", word.span, format!("there is no permission `{}`", word.text))
                    .nearest(&word.text, NAMES);
            }
        }
    }
    Permissions::from_bits(bits)
}
