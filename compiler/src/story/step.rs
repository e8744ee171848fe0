//! One step of a story. What stands in it happens in a fixed order, whatever the order of its lines: time passes, permissions,
//! traits and memberships change, the page tells its context, the feed its levels, the event is recorded, the origin hands messages over,
//! then somebody looks, and is asked where they stand.

use std::collections::BTreeMap;

use petitfour::consent::Permissions;
use petitfour::time::{Moment, Timestamp};

use crate::diagnostic::Report;
use crate::period;
use crate::reader::{self, Fields, Word};
use crate::source::{Node, Span, Value};

use super::names::Names;
use super::sight::{self, Look};
use super::stand::{self, Stand};
use super::{clock, read_permits};

/// What happens at one moment, or several times in a row.
#[derive(Clone, Debug)]
pub struct Step {
    /// Where it is written.
    pub span: Span,
    /// When it happens first.
    pub moment: Moment,
    /// How often.
    pub times: u32,
    /// How long after each other, in ms.
    pub every: u64,
    /// What happens each time.
    pub acts: Vec<Act>,
}

/// One thing that happens.
#[derive(Clone, Debug)]
pub enum Act {
    /// The visitor's choice of permissions.
    Permit(Permissions),
    /// Something is said of the visitor.
    Say(Word, Told),
    /// The origin tells whether the visitor is in a segment.
    Join(Word, bool),
    /// The page tells something of the moment, or that it is not known any more.
    Tell(Word, Option<Told>),
    /// A feed tells levels.
    Supply(Levels),
    /// The visitor does something.
    Do {
        /// What.
        event: Word,
        /// Its properties.
        with: Vec<(Word, String)>,
        /// What it is worth.
        value: Option<f64>,
    },
    /// The origin has handed over the message for which this journey waits.
    Sent(Word),
    /// The visitor looks at a placement, or somebody asks what there would be.
    Look(Look),
    /// Somebody asks where the visitor stands in a journey.
    Stand(Stand),
}

/// A text or a number.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// A text.
    Text(String),
    /// A number.
    Number(f64),
}

/// What a feed tells.
#[derive(Clone, Debug)]
pub struct Levels {
    /// The feed.
    pub feed: Word,
    /// Its place, where it has any.
    pub place: Option<Word>,
    /// How much there is of each item.
    pub levels: Vec<(Word, i32)>,
    /// How old the word is, in ms.
    pub age: u64,
}

impl Step {
    /// The moment at which it happens for the `number`-th time, from 0.
    #[must_use]
    pub fn at(&self, number: u32) -> Moment {
        let passed = self.every.saturating_mul(number.into());
        Moment { now: Timestamp(self.moment.now.0.saturating_add(passed)), ..self.moment }
    }

    /// When it has happened for the last time.
    #[must_use]
    pub fn end(&self) -> Moment {
        self.at(self.times.saturating_sub(1))
    }

    pub(super) fn read(node: &Node, now: &mut Moment, names: &Names, report: &mut Report) -> Option<Self> {
        if matches!(node.value, Value::Null) {
            report.error("test/empty-step", node.span, "a step in which nothing happens").remedy("leave it out");
            return None;
        }
        let mut fields = Fields::of(node, "a step", report)?;
        clock::advance(&mut fields, now, report);
        let mut acts = Vec::new();
        acts.extend(fields.take("permits").map(|entry| Act::Permit(read_permits(&entry.node, report))));
        acts.extend(fields.take("traits").into_iter().flat_map(|entry| read_traits(&entry.node, names, report)));
        acts.extend(fields.take("members").into_iter().flat_map(|entry| read_members(&entry.node, names, report)));
        acts.extend(fields.take("context").into_iter().flat_map(|entry| read_context(&entry.node, names, report)));
        acts.extend(read_feed(&mut fields, names, report));
        acts.extend(read_event(&mut fields, names, report));
        acts.extend(stand::read_sent(&mut fields, names, report).into_iter().map(Act::Sent));
        acts.extend(sight::read(&mut fields, names, report).into_iter().map(Act::Look));
        acts.extend(stand::read(&mut fields, names, report).into_iter().map(Act::Stand));
        let times = fields.whole("times", (1, MAX_TIMES), report).and_then(|times| u32::try_from(times).ok());
        let every = fields.take("every");
        fields.finish(report);
        let every_ms = every.and_then(|entry| period::duration(&entry.node, "every", report)).unwrap_or(0);
        if let Some(entry) = every.filter(|_| times.is_none()) {
            report
                .error("test/every", entry.key_span, "`every` says how long after each other, and this happens once")
                .remedy("add `times:`");
        }
        let every = u64::try_from(every_ms).unwrap_or(0).saturating_mul(1_000);
        let step = Self { span: node.span, moment: *now, times: times.unwrap_or(1), every, acts };
        *now = step.end();
        Some(step)
    }
}

/// Reports words that take back, at the same time, what was said before: a profile keeps the latest word, and of two that are equally
/// late the greater, so that copies which lived apart agree. The origin's words have minutes.
pub(super) fn check_order(steps: &[Step], report: &mut Report) {
    let mut last: BTreeMap<(&str, bool), (u64, Told, Span)> = BTreeMap::new();
    for step in steps {
        for act in &step.acts {
            let (word, is_trait, at, told) = match act {
                Act::Say(word, told) => (word, true, step.moment.now.0, told.clone()),
                Act::Join(word, inside) => {
                    (word, false, u64::from(step.moment.now.minutes()), Told::Number(u8::from(*inside).into()))
                }
                _ => continue,
            };
            let before = last.insert((&word.text, is_trait), (at, told.clone(), word.span));
            if let Some((_, _, first)) = before.filter(|(then, other, _)| *then == at && *other != told) {
                let apart = if is_trait { "time" } else { "minute" };
                report
                    .error(
                        "test/same-time",
                        word.span,
                        format!("`{}` is told otherwise at the same {apart}", word.text),
                    )
                    .remedy("let time pass between the two: `after: 1 minute`")
                    .related(first, "first told here");
            }
        }
    }
}

pub(super) fn read_traits(node: &Node, names: &Names, report: &mut Report) -> Vec<Act> {
    let lines = lines(node, "`traits`", report);
    lines.filter_map(|(word, node)| Some(Act::Say(word.clone(), names.said(&word, node, report)?))).collect()
}

fn read_context(node: &Node, names: &Names, report: &mut Report) -> Vec<Act> {
    let lines = lines(node, "`context`", report);
    lines
        .filter_map(|(word, node)| {
            if matches!(node.value, Value::Null) {
                return names.is_context(&word, report).then_some(Act::Tell(word, None));
            }
            Some(Act::Tell(word.clone(), Some(names.context(&word, node, report)?)))
        })
        .collect()
}

/// `[club_gold]`, or `{ club_gold: false }`.
pub(super) fn read_members(node: &Node, names: &Names, report: &mut Report) -> Vec<Act> {
    let told: Vec<(Word, bool)> = match &node.value {
        Value::Map(_) => lines(node, "`members`", report)
            .filter_map(|(word, node)| Some((word, reader::truth(node, "members", report)?)))
            .collect(),
        _ => reader::words(node, "`members`", report).into_iter().map(|word| (word, true)).collect(),
    };
    let known = told.into_iter().filter(|(word, _)| names.is_membership(word, report));
    known.map(|(word, inside)| Act::Join(word, inside)).collect()
}

fn read_feed(fields: &mut Fields<'_>, names: &Names, report: &mut Report) -> Option<Act> {
    let feed = fields.word("feed", report);
    if feed.is_none() {
        stray(fields, ["place", "levels", "age"], "feed", report);
        return None;
    }
    let place = fields.word("place", report);
    let levels = fields.need("levels", report);
    let levels: Vec<(Word, i32)> = levels.map_or_else(Vec::new, |entry| {
        let bounds = (i32::MIN.into(), i32::MAX.into());
        let lines = lines(&entry.node, "`levels`", report);
        lines
            .filter_map(|(word, node)| {
                Some((word, i32::try_from(reader::whole(node, "levels", bounds, report)?).ok()?))
            })
            .collect()
    });
    let age = fields.take("age").and_then(|entry| period::duration(&entry.node, "age", report)).unwrap_or(0);
    let age = u64::try_from(age).unwrap_or(0).saturating_mul(1_000);
    let feed = feed?;
    let is_known = names.is_shelf(&feed, place.as_ref(), &levels, report);
    is_known.then_some(Act::Supply(Levels { feed, place, levels, age }))
}

fn read_event(fields: &mut Fields<'_>, names: &Names, report: &mut Report) -> Option<Act> {
    let event = fields.word("event", report);
    let Some(event) = event else {
        stray(fields, ["with", "value"], "event", report);
        return None;
    };
    let with = fields.take("with").map_or_else(Vec::new, |entry| {
        let lines = lines(&entry.node, "`with`", report);
        lines.filter_map(|(word, node)| Some((word, reader::word(node, "with", report)?.text))).collect()
    });
    let value = fields.take("value").and_then(|entry| reader::number(&entry.node, "value", report));
    let long = with.len() > petitfour::event::MAX_PROPERTIES;
    let texts = with.iter().flat_map(|(word, text)| [word.text.len(), text.len()]).chain([event.text.len()]);
    if long || texts.max().is_some_and(|bytes| bytes > petitfour::event::MAX_TEXT) {
        report
            .error(
                "test/event",
                event.span,
                "the engine refuses an event of more than 64 properties or 256 bytes a text",
            )
            .remedy("shorten it");
        return None;
    }
    names.is_event(&event, &with, report).then_some(Act::Do { event, with, value })
}

/// Reports keys that qualify one that is not there.
fn stray<const N: usize>(fields: &mut Fields<'_>, keys: [&'static str; N], of: &str, report: &mut Report) {
    for entry in keys.into_iter().filter_map(|key| fields.take(key)) {
        report
            .error("test/stray", entry.key_span, format!("`{}` belongs to `{of}`, which this step has not", entry.key))
            .remedy(format!("add `{of}:`"));
    }
}

/// The lines of a mapping of names.
fn lines<'a>(node: &'a Node, what: &str, report: &mut Report) -> impl Iterator<Item = (Word, &'a Node)> + use<'a> {
    let entries = reader::named(node, what, report).iter();
    entries.map(|entry| (Word { text: entry.key.clone(), span: entry.key_span }, &entry.node))
}

/// Most times that a step may say itself again: a story is read by people.
const MAX_TIMES: i64 = 10_000;
