//! From what was written to what is meant: conditions meet their attributes, segments meet their names.
//!
//! Here the semantics live. A missing value satisfies no operator but `absent`; `between` includes both ends; several
//! operators of one condition must all hold; `event:` without an operator means at least once. Numbers compare as f64:
//! "more than b" begins at the next f64 above b. Affinities compare in thousandths, recency in whole hours.

use std::collections::{BTreeMap, BTreeSet};

use crate::attribute::{Attributes, counter_name};
use crate::declaration::{self, Affinity, EventKind, Kind, Known, Membership, Named};
use crate::diagnostic::Report;
use crate::dnf::{Conjunct, Formula, MAX_CONJUNCTS};
use crate::folder::Folder;
use crate::journey::program::step_code;
use crate::period;
use crate::reader::{self, Word};
use crate::segment::{Condition, Counted, Expression, Moment, Operator, OperatorKind, Stand, Subject};
use crate::set::Set;
use crate::source::Span;
use petitfour::journey::FIRST_STEP;

/// How deep segments may name segments.
const MAX_CHAIN: usize = 64;

/// The names of a folder, by kind.
pub(crate) struct Names<'a> {
    pub(crate) context: BTreeMap<&'a str, &'a Known>,
    pub(crate) traits: BTreeMap<&'a str, &'a Known>,
    pub(crate) events: BTreeMap<&'a str, &'a EventKind>,
    pub(crate) affinities: BTreeMap<&'a str, &'a Affinity>,
    pub(crate) memberships: BTreeMap<&'a str, &'a Membership>,
    pub(crate) segments: BTreeMap<&'a str, &'a Named<Expression>>,
    pub(crate) campaigns: BTreeSet<&'a str>,
    /// Journeys, each with the names of its steps.
    pub(crate) journeys: BTreeMap<&'a str, Vec<&'a str>>,
}

/// A counter that some condition needs.
#[derive(Clone, Debug)]
pub(crate) struct Counter {
    pub(crate) event: String,
    pub(crate) property: Option<(String, String)>,
    /// Longest window asked for; 0 when only the total or the last time is.
    pub(crate) days: u16,
    /// Whether some condition asks what its events were worth.
    pub(crate) summed: bool,
    /// Where it was first asked for.
    pub(crate) span: Span,
}

/// Gives every condition its attribute.
pub(crate) struct Resolver<'a> {
    pub(crate) names: Names<'a>,
    pub(crate) attributes: Attributes,
    /// Counters in the order of first use, by name.
    pub(crate) counters: Vec<(String, Counter)>,
    counter_places: BTreeMap<String, usize>,
    known: BTreeMap<&'a str, Option<Formula>>,
    open: Vec<&'a str>,
}

impl<'a> Names<'a> {
    /// Indexes a folder; a name that comes twice keeps its first meaning (it has been reported by then).
    pub(crate) fn of(folder: &'a Folder) -> Self {
        fn index<T>(items: &[Named<T>]) -> BTreeMap<&str, &T> {
            items.iter().rev().map(|named| (named.name.as_str(), &named.item)).collect()
        }
        Self {
            context: index(&folder.context),
            traits: index(&folder.traits),
            events: index(&folder.events),
            affinities: index(&folder.affinities),
            memberships: index(&folder.memberships),
            segments: folder.segments.iter().rev().map(|named| (named.name.as_str(), named)).collect(),
            campaigns: folder.seen.iter().map(String::as_str).collect(),
            journeys: folder.journeys.iter().rev().map(|named| (named.name.as_str(), named.item.places())).collect(),
        }
    }
}

impl<'a> Resolver<'a> {
    /// Begins with the context values, which every page may set.
    pub(crate) fn new(folder: &'a Folder) -> Self {
        let mut attributes = Attributes::default();
        for context in &folder.context {
            attributes.context(&context.name, context.item.kind);
        }
        Self {
            names: Names::of(folder),
            attributes,
            counters: Vec::new(),
            counter_places: BTreeMap::new(),
            known: BTreeMap::new(),
            open: Vec::new(),
        }
    }

    /// What an expression means; `None` when a fault in it has been reported.
    pub(crate) fn formula(&mut self, expression: &'a Expression, report: &mut Report) -> Option<Formula> {
        match expression {
            Expression::All(parts) => self.parts(parts, report).map(Formula::All),
            Expression::Any(parts) => self.parts(parts, report).map(Formula::Any),
            Expression::Not(inner) => self.formula(inner, report).map(|inner| Formula::Not(Box::new(inner))),
            Expression::Segment(name) => self.segment(name, report),
            Expression::Condition(condition) => {
                let (attribute, set) = self.condition(condition, report)?;
                Some(Formula::Leaf(attribute, set))
            }
            Expression::Broken => None,
        }
    }

    /// All parts, so that each one's faults are told, before giving up on any.
    fn parts(&mut self, parts: &'a [Expression], report: &mut Report) -> Option<Vec<Formula>> {
        let parts: Vec<Option<Formula>> = parts.iter().map(|part| self.formula(part, report)).collect();
        parts.into_iter().collect()
    }

    /// A named segment's meaning, worked out once.
    pub(crate) fn segment(&mut self, name: &Word, report: &mut Report) -> Option<Formula> {
        let Some(named) = self.names.segments.get(name.text.as_str()).copied() else {
            report.unknown("campaign/unknown-segment", "segment", name, self.names.segments.keys().copied());
            return None;
        };
        if let Some(known) = self.known.get(named.name.as_str()) {
            return known.clone();
        }
        if self.open.contains(&named.name.as_str()) {
            report
                .error("segment/circle", name.span, format!("the segment `{}` is part of itself", name.text))
                .related(named.span, "declared here");
            return None;
        }
        if self.open.len() >= MAX_CHAIN {
            report.error("segment/chain", name.span, format!("segments name each other more than {MAX_CHAIN} deep"));
            return None;
        }
        self.open.push(&named.name);
        let formula = self.formula(&named.item, report).map(Formula::shared);
        self.open.pop();
        let formula = formula.filter(|formula| self.can_match(formula, named.span, &named.name, report));
        self.known.insert(&named.name, formula.clone());
        formula
    }

    /// Whether a segment can match anyone; that it cannot, or that it grew too large, is a fault at `span`.
    pub(crate) fn can_match(&self, formula: &Formula, span: Span, name: &str, report: &mut Report) -> bool {
        let Ok(conjuncts) = formula.conjuncts() else {
            report
                .error(
                    "segment/too-large",
                    span,
                    format!("`{name}` unfolds to more than {MAX_CONJUNCTS} combinations of conditions"),
                )
                .remedy("split it into several campaigns, or join conditions on one thing with `in`");
            return false;
        };
        let possible = |conjunct: &Conjunct| {
            conjunct.iter().all(|(at, set)| self.attributes.get(*at).is_some_and(|attribute| attribute.can_be(set)))
        };
        if !conjuncts.iter().any(possible) {
            report
                .error("segment/never", span, format!("`{name}` can never match: its conditions exclude each other"))
                .remedy("look for two conditions on the same thing that cannot both hold");
            return false;
        }
        if conjuncts.iter().any(Conjunct::is_empty) {
            report
                .warning("segment/always", span, format!("`{name}` matches everyone, whatever is known of them"))
                .remedy("take the conditions out, or look for one that was meant the other way round");
        }
        true
    }

    /// The attribute that a condition is about and the values that satisfy it.
    pub(crate) fn condition(&mut self, condition: &Condition, report: &mut Report) -> Option<(usize, Set)> {
        if let Subject::Journey(name, stands) = &condition.subject {
            return self.standing(name, stands, report);
        }
        let found = self.subject(&condition.subject, report);
        let (attribute, asked) = found?;
        if condition.operators.is_empty() {
            if let Subject::Count(..) | Subject::Member(..) | Subject::Seen(..) = condition.subject {
                return Some((attribute, Set::numbers(Some(1.0), None)));
            }
            report
                .error("segment/no-operator", condition.span, "a condition does not say what it asks")
                .remedy("add an operator, such as `is: ...`, `at_least: ...` or `present: true`");
            return None;
        }
        let set = self.operators(&condition.operators, attribute, &asked, report)?;
        if self.attributes.get(attribute).is_some_and(|column| !column.can_be(&set)) {
            let name = self.attributes.get(attribute).map_or("", |column| column.name.as_str());
            report
                .error("segment/never", condition.span, format!("no value of `{name}` can satisfy this condition"))
                .remedy("look for operators that exclude each other, or a value out of range");
            return None;
        }
        Some((attribute, set))
    }

    /// The attribute of a journey, and the places that are asked for.
    fn standing(&mut self, name: &Word, stands: &[Stand], report: &mut Report) -> Option<(usize, Set)> {
        let Some(steps) = self.names.journeys.get(name.text.as_str()) else {
            report.unknown("segment/unknown-journey", "journey", name, self.names.journeys.keys().copied());
            return None;
        };
        let mut all: Option<Set> = None;
        for stand in stands {
            let one = |code: u32| Set::numbers(Some(f64::from(code)), Some(f64::from(code) + 1.0));
            let set = match stand {
                Stand::At(step) => {
                    if !steps.contains(&step.text.as_str()) {
                        report.unknown("segment/unknown-step", "step", step, steps.iter().copied());
                        return None;
                    }
                    one(step_code(&step.text))
                }
                Stand::Inside => Set::numbers(Some(f64::from(FIRST_STEP)), None),
                Stand::Never => Set::present(false).complement(),
                Stand::Ended(code) => one(*code),
            };
            all = Some(all.map_or_else(|| set.clone(), |all| all.or(&set)));
        }
        let attribute = self.attributes.journey(&name.text);
        Some((attribute, self.attributes.get(attribute)?.narrow(all?)))
    }

    /// The column of a term of a model.
    pub(crate) fn subject(&mut self, subject: &Subject, report: &mut Report) -> Option<(usize, Asked)> {
        match subject {
            Subject::Context(word) => {
                let known = find(&self.names.context, word, "segment/unknown-context", "context value", report)?;
                let asked = Asked::declared(known);
                Some((self.attributes.context(&word.text, known.kind), asked))
            }
            Subject::Trait(word) => {
                let known = find(&self.names.traits, word, "segment/unknown-trait", "trait", report)?;
                let asked = Asked::declared(known);
                Some((self.attributes.of_trait(&word.text, known.kind), asked))
            }
            Subject::Count(counted, days) => {
                let counter = self.counter(counted, *days, report)?;
                Some((self.attributes.count(&counter, *days), Asked::Number(Unit::One)))
            }
            Subject::Recency(counted) => {
                let counter = self.counter(counted, 0, report)?;
                Some((self.attributes.recency(&counter), Asked::Number(Unit::Hours)))
            }
            Subject::Worth(counted) => {
                let counter = self.counter(counted, 0, report)?;
                let place = self.counter_places.get(&counter).copied();
                if let Some((_, counter)) = place.and_then(|place| self.counters.get_mut(place)) {
                    counter.summed = true;
                }
                Some((self.attributes.worth(&counter), Asked::Number(Unit::Thousandths)))
            }
            Subject::Member(word) => {
                find(&self.names.memberships, word, "segment/unknown-membership", "membership", report)?;
                Some((self.attributes.member(&word.text), Asked::Number(Unit::One)))
            }
            Subject::Affinity { affinity, of } => {
                let known = find(&self.names.affinities, affinity, "segment/unknown-affinity", "affinity", report)?;
                check_value(of, known.values.iter().map(|value| value.text.as_str()), report);
                Some((self.attributes.affinity(&affinity.text, &of.text), Asked::Number(Unit::Thousandths)))
            }
            Subject::Moment(moment) => {
                let unit = match moment {
                    Moment::Hour => Unit::One,
                    Moment::Weekday => Unit::Weekday,
                    Moment::Month => Unit::Month,
                };
                Some((self.attributes.moment(*moment), Asked::Number(unit)))
            }
            Subject::Visits => Some((self.attributes.visits(), Asked::Number(Unit::One))),
            Subject::Seen(campaign, days) => {
                if !self.names.campaigns.contains(campaign.text.as_str()) {
                    let known = self.names.campaigns.iter().copied();
                    report.unknown("segment/unknown-campaign", "campaign", campaign, known);
                    return None;
                }
                Some((self.attributes.seen(&campaign.text, *days), Asked::Number(Unit::One)))
            }
            Subject::Journey(..) => None,
        }
    }

    /// Notes that a counter is needed with this window.
    fn counter(&mut self, counted: &Counted, days: u16, report: &mut Report) -> Option<String> {
        find(&self.names.events, &counted.event, "segment/unknown-event", "event", report)?;
        let property = counted.property.as_ref().map(|(property, value)| (property.text.clone(), value.text.clone()));
        let pair = property.as_ref().map(|(property, value)| (property.as_str(), value.as_str()));
        let name = counter_name(&counted.event.text, pair);
        if let Some((property, _)) = &counted.property {
            declaration::check_name(&property.text, property.span, report);
        }
        let next = self.counters.len();
        let at = *self.counter_places.entry(name.clone()).or_insert(next);
        match self.counters.get_mut(at) {
            Some((_, counter)) => counter.days = counter.days.max(days),
            None => {
                let event = counted.event.text.clone();
                self.counters
                    .push((name.clone(), Counter { event, property, days, summed: false, span: counted.event.span }));
            }
        }
        Some(name)
    }

    /// The values of a column that satisfy all operators together.
    pub(crate) fn operators(
        &self,
        operators: &[Operator],
        attribute: usize,
        asked: &Asked,
        report: &mut Report,
    ) -> Option<Set> {
        let sets: Vec<Option<Set>> = operators.iter().map(|operator| asked.set(operator, report)).collect();
        let sets: Vec<Set> = sets.into_iter().collect::<Option<_>>()?;
        let all = sets.into_iter().reduce(|all, set| all.and(&set))?;
        Some(self.attributes.get(attribute)?.narrow(all))
    }
}

/// A declared name, or a fault with the nearest one.
fn find<'b, T: ?Sized>(
    names: &BTreeMap<&str, &'b T>,
    word: &Word,
    code: &'static str,
    what: &str,
    report: &mut Report,
) -> Option<&'b T> {
    let found = names.get(word.text.as_str()).copied();
    if found.is_none() {
        report.unknown(code, what, word, names.keys().copied());
    }
    found
}

/// What kind of values a subject is asked about.
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    /// A text, one of these when there are any.
    Text(Vec<String>),
    Number(Unit),
}

/// How the numbers of a condition are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    One,
    /// Durations, compared in whole hours.
    Hours,
    /// Strengths, compared in thousandths.
    Thousandths,
    /// 1–7 or the name of a day.
    Weekday,
    /// 1–12 or the name of a month.
    Month,
}

pub(crate) const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

impl Asked {
    fn declared(known: &Known) -> Self {
        match known.kind {
            Kind::Text => Self::Text(known.values.iter().map(|value| value.text.clone()).collect()),
            Kind::Number => Self::Number(Unit::One),
        }
    }

    fn is_text(&self) -> bool {
        matches!(self, Self::Text(_))
    }

    /// The values that one operator accepts.
    fn set(&self, operator: &Operator, report: &mut Report) -> Option<Set> {
        match operator.kind {
            OperatorKind::Present => return Some(Set::present(self.is_text())),
            OperatorKind::Absent => return Some(Set::present(self.is_text()).complement()),
            _ => {}
        }
        match self {
            Self::Text(values) => text_set(operator, values, report),
            Self::Number(unit) => unit.set(operator, report),
        }
    }
}

fn text_set(operator: &Operator, values: &[String], report: &mut Report) -> Option<Set> {
    let negative = match operator.kind {
        OperatorKind::Is | OperatorKind::In => false,
        OperatorKind::IsNot | OperatorKind::NotIn => true,
        _ => {
            report
                .error("segment/wrong-operator", operator.span, "a text has no order, so this operator cannot be asked")
                .remedy("use `is`, `is_not`, `in`, `not_in`, `present` or `absent`, or declare it as a number");
            return None;
        }
    };
    for word in &operator.values {
        check_value(word, values.iter().map(String::as_str), report);
    }
    let set = Set::texts(operator.values.iter().map(|word| word.text.clone()));
    Some(if negative { set.others() } else { set })
}

/// Where the values are declared, every other one is a fault.
fn check_value<'b>(word: &Word, values: impl Iterator<Item = &'b str> + Clone, report: &mut Report) {
    if values.clone().next().is_some() && !values.clone().any(|value| value == word.text) {
        report
            .error("segment/unknown-value", word.span, format!("`{}` is not among the declared values", word.text))
            .nearest(&word.text, values);
    }
}

impl Unit {
    fn set(self, operator: &Operator, report: &mut Report) -> Option<Set> {
        let numbers: Vec<Option<f64>> = operator.values.iter().map(|word| self.number(word, report)).collect();
        let numbers: Vec<f64> = numbers.into_iter().collect::<Option<_>>()?;
        let listed = || (!numbers.is_empty()).then(|| Set::points(numbers.iter().copied()));
        match (operator.kind, numbers.as_slice()) {
            (OperatorKind::Is | OperatorKind::In, _) => listed(),
            (OperatorKind::IsNot | OperatorKind::NotIn, _) => listed().map(Set::others),
            (OperatorKind::AtLeast, [least]) => Some(Set::numbers(Some(*least), None)),
            (OperatorKind::MoreThan, [least]) => Some(Set::numbers(Some(least.next_up()), None)),
            (OperatorKind::AtMost, [most]) => Some(Set::numbers(None, Some(most.next_up()))),
            (OperatorKind::LessThan, [end]) => Some(Set::numbers(None, Some(*end))),
            (OperatorKind::Between, [least, most]) => {
                if most < least {
                    self.report_between(operator, report);
                    return None;
                }
                Some(Set::numbers(Some(*least), Some(most.next_up())))
            }
            _ => None,
        }
    }

    fn report_between(self, operator: &Operator, report: &mut Report) {
        let span = operator
            .values
            .first()
            .zip(operator.values.last())
            .map_or(operator.span, |(first, last)| Span { end: last.span.end, ..first.span });
        report
            .error("segment/between", span, "`between` takes the smaller value first")
            .remedy("for a range over midnight or the turn of the year write `any: [{ at_least }, { at_most }]`");
    }

    fn number(self, word: &Word, report: &mut Report) -> Option<f64> {
        let named = |names: &[&str]| {
            let text = word.text.to_lowercase();
            let at = names.iter().position(|name| *name == text || name.get(..3) == Some(text.as_str()))?;
            u8::try_from(at + 1).ok().map(f64::from)
        };
        let found = match self {
            Self::One => reader::parse_number(&word.text),
            Self::Thousandths => reader::parse_number(&word.text).map(|number| number * 1_000.0),
            Self::Weekday => named(&WEEKDAYS).or_else(|| reader::parse_number(&word.text)),
            Self::Month => named(&MONTHS).or_else(|| reader::parse_number(&word.text)),
            Self::Hours => {
                let seconds = period::duration_word(word, "last", report)?;
                let hours = period::in_units(seconds, word.span, "last", period::HOURS, report)?;
                u16::try_from(hours).ok().map(f64::from)
            }
        };
        if found.is_none() {
            let wanted = match self {
                Self::Weekday => "a weekday (1 to 7, or its name)",
                Self::Month => "a month (1 to 12, or its name)",
                _ => "a number",
            };
            report.error("segment/wrong-value", word.span, format!("`{}` is not {wanted}", word.text));
        }
        found
    }
}
