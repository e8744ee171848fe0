//! Segments as they are written: `all`, `any`, `not`, other segments, and conditions on one thing each.
//!
//! Reading decides the shape only. Whether the names exist and whether the values suit the thing is decided when a
//! condition meets its attribute ([`crate::condition`]).

use crate::diagnostic::Report;
use crate::period;
use crate::reader::{self, Fields, Word};
use crate::source::{Entry, Node, Span, Value};
use petitfour::journey;

/// A condition or a combination of them.
#[derive(Clone, Debug)]
pub(crate) enum Expression {
    /// Every one holds.
    All(Vec<Expression>),
    /// At least one holds.
    Any(Vec<Expression>),
    /// It does not hold.
    Not(Box<Expression>),
    /// The named segment holds.
    Segment(Word),
    /// One thing is tested.
    Condition(Condition),
    /// Was reported; nothing more is said about it.
    Broken,
}

/// One thing and what is asked of it; several operators must all hold.
#[derive(Clone, Debug)]
pub(crate) struct Condition {
    pub(crate) subject: Subject,
    pub(crate) operators: Vec<Operator>,
    pub(crate) span: Span,
}

/// What a condition looks at.
#[derive(Clone, Debug)]
pub(crate) enum Subject {
    Context(Word),
    Trait(Word),
    /// How often, in this many days; 0 = ever.
    Count(Counted, u16),
    /// How long ago.
    Recency(Counted),
    /// What such events were worth, ever.
    Worth(Counted),
    /// A segment that the origin tells.
    Member(Word),
    Affinity {
        affinity: Word,
        of: Word,
    },
    Moment(Moment),
    Visits,
    /// How often a campaign was seen, in this many days; 0 = ever.
    Seen(Word, u16),
    /// Where somebody stands in a journey.
    Journey(Word, Vec<Stand>),
}

/// A place in a journey, or a way out of it.
#[derive(Clone, Debug)]
pub(crate) enum Stand {
    /// Rests at the step of this id.
    At(Word),
    Inside,
    Never,
    /// How it ended, as the engine knows it.
    Ended(u32),
}

/// Which events are counted.
#[derive(Clone, Debug)]
pub(crate) struct Counted {
    pub(crate) event: Word,
    /// Only those with this property and value.
    pub(crate) property: Option<(Word, Word)>,
}

/// A part of the local time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    Hour,
    Weekday,
    Month,
}

/// One question about a value.
#[derive(Clone, Debug)]
pub(crate) struct Operator {
    pub(crate) kind: OperatorKind,
    pub(crate) values: Vec<Word>,
    pub(crate) span: Span,
}

/// The questions there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OperatorKind {
    Is,
    IsNot,
    In,
    NotIn,
    AtLeast,
    AtMost,
    MoreThan,
    LessThan,
    Between,
    Present,
    Absent,
}

/// Every operator with its key.
pub(crate) const OPERATORS: [(&str, OperatorKind); 11] = [
    ("is", OperatorKind::Is),
    ("is_not", OperatorKind::IsNot),
    ("in", OperatorKind::In),
    ("not_in", OperatorKind::NotIn),
    ("at_least", OperatorKind::AtLeast),
    ("at_most", OperatorKind::AtMost),
    ("more_than", OperatorKind::MoreThan),
    ("less_than", OperatorKind::LessThan),
    ("between", OperatorKind::Between),
    ("present", OperatorKind::Present),
    ("absent", OperatorKind::Absent),
];

/// The keys of which a condition has exactly one.
const SUBJECTS: [&str; 15] = [
    "all", "any", "not", "segment", "context", "trait", "event", "last", "worth", "affinity", "member", "moment",
    "visits", "journey", "seen",
];

/// What a condition may ask of a journey, beside its steps.
const STANDS: [(&str, Stand); 5] = [
    ("inside", Stand::Inside),
    ("never", Stand::Never),
    ("done", Stand::Ended(journey::DONE)),
    ("reached", Stand::Ended(journey::REACHED)),
    ("left", Stand::Ended(journey::LEFT)),
];

impl Expression {
    /// Reads a segment's condition.
    pub(crate) fn read(node: &Node, report: &mut Report) -> Self {
        let Value::Map(entries) = &node.value else {
            let remedy = match node.value {
                Value::List(_) => "say how the list is meant: `all: [...]` or `any: [...]`",
                _ => "write a condition, such as `{ context: weather, is: sunny }`, or `segment: name`",
            };
            report
                .error("segment/shape", node.span, format!("a condition must be a mapping, not {}", node.value.kind()))
                .remedy(remedy);
            return Self::Broken;
        };
        let subjects: Vec<_> = entries.iter().filter(|entry| SUBJECTS.contains(&entry.key.as_str())).collect();
        let (Some(subject), None) = (subjects.first(), subjects.get(1)) else {
            Self::report_subjects(node, &subjects, report);
            return Self::Broken;
        };
        let Some(fields) = Fields::of(node, "a condition", report) else { return Self::Broken };
        Self::read_subject(fields, subject, report).unwrap_or(Self::Broken)
    }

    fn report_subjects(node: &Node, subjects: &[&Entry], report: &mut Report) {
        if let Some(second) = subjects.get(1) {
            let first = subjects.first().map(|entry| entry.key.as_str()).unwrap_or_default();
            report
                .error("segment/shape", second.key_span, format!("a condition has both `{first}` and `{}`", second.key))
                .remedy("put them in a list: `all: [{ ... }, { ... }]`");
            return;
        }
        let Value::Map(entries) = &node.value else { return };
        let operators: Vec<&str> = OPERATORS.iter().map(|(name, _)| *name).collect();
        let mut told = false;
        for entry in entries.iter().filter(|entry| !operators.contains(&entry.key.as_str())) {
            if !matches!(entry.key.as_str(), "where" | "within" | "of") {
                reader::unknown_key(&entry.key, entry.key_span, "a condition", &SUBJECTS, report);
                told = true;
            }
        }
        if !told {
            report
                .error("segment/shape", node.span, "a condition does not say what it is about")
                .remedy("begin with `context:`, `trait:`, `event:`, `last:`, `worth:`, `affinity:`, `member:`, `moment:` or `visits:`");
        }
    }

    fn read_subject(mut fields: Fields<'_>, subject: &Entry, report: &mut Report) -> Option<Self> {
        let span = fields.span();
        let node = &subject.node;
        match subject.key.as_str() {
            key @ ("all" | "any") => {
                let what = if key == "all" { "`all`" } else { "`any`" };
                let _ = fields.take(if key == "all" { "all" } else { "any" });
                let parts: Vec<Self> =
                    reader::list(node, what, report).iter().map(|part| Self::read(part, report)).collect();
                if let Value::List(items) = &node.value
                    && items.is_empty()
                {
                    report
                        .error("segment/shape", subject.key_span, format!("{what} of nothing"))
                        .remedy("list conditions");
                    return None;
                }
                fields.finish(report);
                Some(if key == "all" { Self::All(parts) } else { Self::Any(parts) })
            }
            "not" => {
                let _ = fields.take("not");
                let inner = Self::read(node, report);
                fields.finish(report);
                Some(Self::Not(Box::new(inner)))
            }
            "segment" => {
                let name = fields.word("segment", report);
                fields.finish(report);
                name.map(Self::Segment)
            }
            "visits" => {
                let _ = fields.take("visits");
                let mut inner = Fields::of(node, "`visits`", report)?;
                let operators = read_operators(&mut inner, report);
                inner.finish(report);
                fields.finish(report);
                Some(Self::Condition(Condition { subject: Subject::Visits, operators: operators?, span }))
            }
            "journey" => {
                let name = fields.word("journey", report);
                let stands = read_stands(&mut fields, report);
                fields.finish(report);
                let subject = Subject::Journey(name?, stands?);
                Some(Self::Condition(Condition { subject, operators: Vec::new(), span }))
            }
            key => {
                let subject = read_thing(key, &mut fields, report);
                let operators = read_operators(&mut fields, report);
                fields.finish(report);
                Some(Self::Condition(Condition { subject: subject?, operators: operators?, span }))
            }
        }
    }
}

/// Reads the one thing that a model's term looks at.
pub(crate) fn read_term_subject(fields: &mut Fields<'_>, report: &mut Report) -> Option<Subject> {
    const THINGS: [&str; 9] = ["context", "trait", "event", "last", "worth", "affinity", "member", "moment", "visits"];
    let written: Vec<&str> = THINGS.into_iter().filter(|thing| fields.has(thing)).collect();
    let [thing] = written.as_slice() else {
        report
            .error("model/term", fields.span(), format!("a term looks at one thing, not {}", written.len()))
            .remedy("begin with `context:`, `trait:`, `event:`, `last:`, `worth:`, `affinity:`, `member:`, `moment:` or `visits:`");
        return None;
    };
    if *thing == "visits" {
        let _ = fields.take("visits");
        return Some(Subject::Visits);
    }
    read_thing(thing, fields, report)
}

/// Reads what a condition is about, with the keys that belong to it.
fn read_thing(key: &str, fields: &mut Fields<'_>, report: &mut Report) -> Option<Subject> {
    match key {
        "context" => fields.word("context", report).map(Subject::Context),
        "trait" => fields.word("trait", report).map(Subject::Trait),
        "event" => {
            let event = fields.word("event", report);
            let property = read_where(fields, report);
            let days = fields.take("within").map(|entry| within(&entry.node, report));
            Some(Subject::Count(Counted { event: event?, property: property? }, days.unwrap_or(Some(0))?))
        }
        "last" => {
            let event = fields.word("last", report);
            let property = read_where(fields, report);
            Some(Subject::Recency(Counted { event: event?, property: property? }))
        }
        "worth" => {
            let event = fields.word("worth", report);
            let property = read_where(fields, report);
            Some(Subject::Worth(Counted { event: event?, property: property? }))
        }
        "member" => fields.word("member", report).map(Subject::Member),
        "seen" => {
            let campaign = fields.word("seen", report);
            let days = fields.take("within").map(|entry| {
                let week = (period::DAY_SECONDS, "days", 7);
                u16::try_from(period::duration_in(&entry.node, "within", week, report)?).ok()
            });
            Some(Subject::Seen(campaign?, days.unwrap_or(Some(0))?))
        }
        "affinity" => {
            let affinity = fields.word("affinity", report);
            let of = fields.need_word("of", report);
            Some(Subject::Affinity { affinity: affinity?, of: of? })
        }
        "moment" => {
            let name = fields.word("moment", report)?;
            match name.text.as_str() {
                "hour" => Some(Subject::Moment(Moment::Hour)),
                "weekday" => Some(Subject::Moment(Moment::Weekday)),
                "month" => Some(Subject::Moment(Moment::Month)),
                other => {
                    report
                        .error("segment/unknown-moment", name.span, format!("there is no moment `{other}`"))
                        .nearest(other, ["hour", "weekday", "month"]);
                    None
                }
            }
        }
        _ => None,
    }
}

/// `at: step`, `is: inside`, or lists of them; without either, inside.
fn read_stands(fields: &mut Fields<'_>, report: &mut Report) -> Option<Vec<Stand>> {
    let mut stands = Vec::new();
    let mut asked = false;
    for key in ["at", "is", "in"] {
        let Some(entry) = fields.take(key) else { continue };
        asked = true;
        let words = match &entry.node.value {
            Value::Scalar(text) => vec![Word { text: text.clone(), span: entry.node.span }],
            _ => reader::words(&entry.node, key, report),
        };
        for word in words {
            let known = STANDS.iter().find(|(name, _)| *name == word.text).map(|(_, stand)| stand.clone());
            if key == "at" {
                stands.push(Stand::At(word));
            } else if let Some(stand) = known {
                stands.push(stand);
            } else {
                report
                    .error("segment/wrong-value", word.span, format!("nobody is `{}` in a journey", word.text))
                    .nearest(&word.text, STANDS.map(|(name, _)| name));
                return None;
            }
        }
    }
    if !asked {
        stands.push(Stand::Inside);
    }
    Some(stands)
}

/// `where: { property: value }`; the outer `None` is a fault, the inner one its absence.
pub(crate) fn read_where(fields: &mut Fields<'_>, report: &mut Report) -> Option<Option<(Word, Word)>> {
    let Some(entry) = fields.take("where") else { return Some(None) };
    let pairs = reader::named(&entry.node, "`where`", report);
    let [pair] = pairs else {
        if matches!(entry.node.value, Value::Map(_) | Value::Null) {
            report
                .error("segment/where", entry.node.span, format!("`where` takes one property, not {}", pairs.len()))
                .remedy("count by the one property that matters, such as `where: { category: water }`");
        }
        return None;
    };
    let value = reader::word(&pair.node, &pair.key, report)?;
    Some(Some((Word { text: pair.key.clone(), span: pair.key_span }, value)))
}

/// `within: 7 days` in whole days.
fn within(node: &Node, report: &mut Report) -> Option<u16> {
    let most = i64::from(petitfour::profile::MAX_WINDOW);
    let days = period::duration_in(node, "within", (period::DAY_SECONDS, "days", most), report)?;
    u16::try_from(days).ok()
}

/// Reads every operator that is there, in the order of [`OPERATORS`].
pub(crate) fn read_operators(fields: &mut Fields<'_>, report: &mut Report) -> Option<Vec<Operator>> {
    let mut operators = Some(Vec::new());
    for (key, kind) in OPERATORS {
        let Some(entry) = fields.take(key) else { continue };
        let Some(values) = read_values(key, kind, entry, report) else {
            operators = None;
            continue;
        };
        if let Some(operators) = &mut operators {
            operators.push(Operator { kind, values, span: entry.key_span });
        }
    }
    operators
}

/// The values of one operator.
fn read_values(key: &str, kind: OperatorKind, entry: &Entry, report: &mut Report) -> Option<Vec<Word>> {
    match kind {
        OperatorKind::In | OperatorKind::NotIn => {
            let values = reader::words(&entry.node, key, report);
            if matches!(&entry.node.value, Value::List(items) if items.is_empty()) {
                report
                    .error("segment/empty-list", entry.key_span, format!("`{key}` of an empty list"))
                    .remedy("list at least one value");
            }
            Some(values).filter(|values| !values.is_empty())
        }
        OperatorKind::Between => {
            let values = reader::words(&entry.node, key, report);
            if matches!(&entry.node.value, Value::List(items) if items.len() != 2) {
                report
                    .error("segment/between", entry.node.span, "`between` takes two values")
                    .remedy("write `between: [least, most]`; both belong to it");
            }
            Some(values).filter(|values| values.len() == 2)
        }
        OperatorKind::Present | OperatorKind::Absent => {
            let asked = reader::truth(&entry.node, key, report)?;
            if !asked {
                let other = if kind == OperatorKind::Present { "absent" } else { "present" };
                report
                    .error("segment/shape", entry.node.span, format!("`{key}: false` can be read in two ways"))
                    .remedy(format!("write `{other}: true`"));
            }
            asked.then(Vec::new)
        }
        _ => reader::word(&entry.node, key, report).map(|word| vec![word]),
    }
}
