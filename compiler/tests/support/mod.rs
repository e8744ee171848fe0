//! The language of segments once more: rules, an obvious interpreter written from `docs/campaigns.md`, how they are written
//! down, and random ones. It shares no code with the compiler.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::collections::BTreeMap;
use std::fmt::Write as _;

use petitfour::bundle;
use petitfour::catalog::{Attribute, Catalog, Source as Origin};
use petitfour::id::Key;
use petitfour_compiler::{Severity, Source, compile};
use proptest::prelude::*;
use proptest::sample::select;

// ---- the language, as the documentation has it -----------------------------------------------------------------------

#[derive(Clone, Debug)]
pub enum Rule {
    All(Vec<Rule>),
    Any(Vec<Rule>),
    Not(Box<Rule>),
    Ask(About, Vec<Question>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    City,
    Temperature,
    Plan,
    Age,
    Views { water: bool, days: u16 },
    LastView,
    Interest(&'static str),
    Hour,
    Weekday,
    Visits,
}

#[derive(Clone, Debug)]
pub enum Question {
    Is(Value),
    IsNot(Value),
    In(Vec<Value>),
    NotIn(Vec<Value>),
    AtLeast(f64),
    AtMost(f64),
    MoreThan(f64),
    LessThan(f64),
    Between(f64, f64),
    Present,
    Absent,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Text(&'static str),
    Number(f64),
}

pub type Visitor = BTreeMap<About, Value>;

// ---- the interpreter -------------------------------------------------------------------------------------------------

pub fn holds(rule: &Rule, visitor: &Visitor) -> bool {
    match rule {
        Rule::All(rules) => rules.iter().all(|rule| holds(rule, visitor)),
        Rule::Any(rules) => rules.iter().any(|rule| holds(rule, visitor)),
        Rule::Not(rule) => !holds(rule, visitor),
        Rule::Ask(about, questions) => {
            if questions.is_empty() {
                return answers(&Question::AtLeast(1.0), visitor.get(about));
            }
            questions.iter().all(|question| answers(question, visitor.get(about)))
        }
    }
}

pub fn answers(question: &Question, value: Option<&Value>) -> bool {
    let Some(value) = value else { return matches!(question, Question::Absent) };
    let number = if let Value::Number(number) = value { *number } else { f64::NAN };
    match question {
        Question::Is(wanted) => value == wanted,
        Question::IsNot(wanted) => value != wanted,
        Question::In(list) => list.contains(value),
        Question::NotIn(list) => !list.contains(value),
        Question::AtLeast(least) => number >= *least,
        Question::AtMost(most) => number <= *most,
        Question::MoreThan(least) => number > *least,
        Question::LessThan(most) => number < *most,
        Question::Between(least, most) => number >= *least && number <= *most,
        Question::Present => true,
        Question::Absent => false,
    }
}

/// Every condition within a rule.
pub fn asked(rule: &Rule) -> Vec<&Rule> {
    match rule {
        Rule::All(rules) | Rule::Any(rules) => rules.iter().flat_map(asked).collect(),
        Rule::Not(rule) => asked(rule),
        Rule::Ask(..) => vec![rule],
    }
}

// ---- writing it down -------------------------------------------------------------------------------------------------

pub fn write(rule: &Rule) -> String {
    let list = |rules: &[Rule]| rules.iter().map(write).collect::<Vec<_>>().join(", ");
    match rule {
        Rule::All(rules) => format!("{{ all: [{}] }}", list(rules)),
        Rule::Any(rules) => format!("{{ any: [{}] }}", list(rules)),
        Rule::Not(rule) => format!("{{ not: {} }}", write(rule)),
        Rule::Ask(about, questions) => {
            let asked: Vec<String> = questions.iter().map(|question| write_question(*about, question)).collect();
            let asked = asked.join(", ");
            if let About::Visits = about {
                return format!("{{ visits: {{ {asked} }} }}");
            }
            let subject = write_subject(*about);
            if asked.is_empty() { format!("{{ {subject} }}") } else { format!("{{ {subject}, {asked} }}") }
        }
    }
}

/// What a condition or a term is about.
pub fn write_subject(about: About) -> String {
    match about {
        About::City => "context: city".to_owned(),
        About::Temperature => "context: temperature".to_owned(),
        About::Plan => "trait: plan".to_owned(),
        About::Age => "trait: age".to_owned(),
        About::Views { water, days } => {
            let narrowed = if water { ", where: { category: water }" } else { "" };
            let window = if days > 0 { format!(", within: {days} days") } else { String::new() };
            format!("event: view{narrowed}{window}")
        }
        About::LastView => "last: view".to_owned(),
        About::Interest(of) => format!("affinity: drink, of: {of}"),
        About::Hour => "moment: hour".to_owned(),
        About::Weekday => "moment: weekday".to_owned(),
        About::Visits => "visits: {}".to_owned(),
    }
}

pub fn write_question(about: About, question: &Question) -> String {
    let one = |number: f64| match about {
        About::LastView => format!("{number} hours"),
        // The interpreter counts strength in thousandths, authors in units.
        About::Interest(_) => format!("{}", number / 1_000.0),
        _ => format!("{number}"),
    };
    let value = |value: &Value| match value {
        Value::Text(text) => format!("'{text}'"),
        Value::Number(number) => one(*number),
    };
    let list = |values: &[Value]| values.iter().map(value).collect::<Vec<_>>().join(", ");
    match question {
        Question::Is(wanted) => format!("is: {}", value(wanted)),
        Question::IsNot(wanted) => format!("is_not: {}", value(wanted)),
        Question::In(values) => format!("in: [{}]", list(values)),
        Question::NotIn(values) => format!("not_in: [{}]", list(values)),
        Question::AtLeast(number) => format!("at_least: {}", one(*number)),
        Question::AtMost(number) => format!("at_most: {}", one(*number)),
        Question::MoreThan(number) => format!("more_than: {}", one(*number)),
        Question::LessThan(number) => format!("less_than: {}", one(*number)),
        Question::Between(least, most) => format!("between: [{}, {}]", one(*least), one(*most)),
        Question::Present => "present: true".to_owned(),
        Question::Absent => "absent: true".to_owned(),
    }
}

/// Lines before the first campaign, each of which is one line.
pub const HEAD: &str = "petitfour: 1
version: 1
context: { city: { type: text }, temperature: { type: number } }
traits: { plan: { type: text }, age: { type: number } }
events: { view: {} }
affinities: { drink: { event: view, property: category, half_life: 7 days } }
fallbacks: { house: { headline: House } }
placements: { hero: { fallback: house } }
campaigns:
";

pub fn file(rules: &[(usize, Rule)]) -> String {
    let mut text = HEAD.to_owned();
    for (id, rule) in rules {
        writeln!(
            text,
            "  - {{ id: c{id}, placements: [hero], when: {}, creatives: [{{ id: k{id}, t: x }}] }}",
            write(rule)
        )
        .unwrap();
    }
    text
}

/// Compiles what can be compiled, by taking out what is refused as impossible (last) or as too large.
pub fn compiled(rules: Vec<Rule>) -> (Catalog, Vec<(usize, Rule)>, Vec<Rule>) {
    let mut kept: Vec<(usize, Rule)> = rules.into_iter().enumerate().collect();
    let mut impossible = Vec::new();
    loop {
        let text = file(&kept);
        let result = compile(&[Source { name: "c.yaml".to_owned(), text: text.clone() }], &|_| None);
        if let Some(bytes) = result.bundle {
            return (bundle::open(bytes).unwrap(), kept, impossible);
        }
        let head = HEAD.lines().count();
        let mut lines: Vec<(usize, bool)> = Vec::new();
        for diagnostic in &result.diagnostics {
            if diagnostic.severity == Severity::Error {
                assert!(matches!(diagnostic.code, "segment/never" | "segment/too-large"), "{diagnostic:?}\n{text}");
                lines.push((diagnostic.place.line as usize - head - 1, diagnostic.code == "segment/never"));
            }
        }
        lines.sort_unstable();
        lines.dedup_by_key(|(line, _)| *line);
        for (line, never) in lines.into_iter().rev() {
            let (_, rule) = kept.remove(line);
            if never {
                impossible.push(rule);
            }
        }
    }
}

// ---- random segments and visitors ------------------------------------------------------------------------------------

pub const TEXTS: [&str; 4] = ["Lyon", "Oslo", "", "ünïcode \"quoted\""];
pub const NUMBERS: [f64; 9] = [-40.0, -0.5, 0.0, 1.0, 2.0, 3.0, 24.9, 25.0, 1.0e9];

pub fn text() -> impl Strategy<Value = &'static str> + Clone {
    select(&TEXTS[..])
}

pub fn anything() -> impl Strategy<Value = About> {
    prop_oneof![
        Just(About::City),
        Just(About::Temperature),
        Just(About::Plan),
        Just(About::Age),
        (any::<bool>(), select(vec![0u16, 1, 7, 90])).prop_map(|(water, days)| About::Views { water, days }),
        Just(About::LastView),
        select(vec!["water", "tea"]).prop_map(About::Interest),
        Just(About::Hour),
        Just(About::Weekday),
        Just(About::Visits),
    ]
}

/// Numbers that suit a thing, near each other, so that borders touch.
pub fn suited(about: About) -> BoxedStrategy<f64> {
    match about {
        About::City | About::Temperature | About::Plan | About::Age => select(&NUMBERS[..]).boxed(),
        About::LastView => (1u16..4).prop_map(|hours| f64::from(hours) * 24.0).boxed(),
        About::Interest(_) => (0u16..8).prop_map(|halves| f64::from(halves) * 500.0).boxed(),
        _ => (0u8..9).prop_map(f64::from).boxed(),
    }
}

pub fn question(about: About) -> BoxedStrategy<Question> {
    if matches!(about, About::City | About::Plan) {
        let value = text().prop_map(Value::Text);
        let values = proptest::collection::vec(value.clone(), 1..4);
        return prop_oneof![
            value.clone().prop_map(Question::Is),
            value.prop_map(Question::IsNot),
            values.clone().prop_map(Question::In),
            values.prop_map(Question::NotIn),
            Just(Question::Present),
            Just(Question::Absent),
        ]
        .boxed();
    }
    let value = suited(about).prop_map(Value::Number);
    let values = proptest::collection::vec(value.clone(), 1..4);
    prop_oneof![
        value.clone().prop_map(Question::Is),
        value.prop_map(Question::IsNot),
        values.clone().prop_map(Question::In),
        values.prop_map(Question::NotIn),
        suited(about).prop_map(Question::AtLeast),
        suited(about).prop_map(Question::AtMost),
        suited(about).prop_map(Question::MoreThan),
        suited(about).prop_map(Question::LessThan),
        (suited(about), suited(about)).prop_map(|(a, b)| Question::Between(a.min(b), a.max(b))),
        Just(Question::Present),
        Just(Question::Absent),
    ]
    .boxed()
}

/// A condition with one operator or two different ones: a mapping has each key once.
pub fn ask() -> impl Strategy<Value = Rule> {
    anything().prop_flat_map(|about| {
        let bare = matches!(about, About::Views { .. });
        proptest::collection::vec(question(about), usize::from(!bare)..3).prop_map(move |mut questions| {
            questions.dedup_by_key(|question| std::mem::discriminant(question));
            Rule::Ask(about, questions)
        })
    })
}

pub fn rule() -> impl Strategy<Value = Rule> {
    ask().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 1..4).prop_map(Rule::All),
            proptest::collection::vec(inner.clone(), 1..4).prop_map(Rule::Any),
            inner.prop_map(|rule| Rule::Not(Box::new(rule))),
        ]
    })
}

// ---- reading a bundle -------------------------------------------------------------------------------------------------

/// The bin of each attribute, worked out from the format's description.
pub fn bins(catalog: &Catalog, visitor: &Visitor) -> Vec<u16> {
    catalog.attributes().map(|attribute| bin(catalog, &attribute, visitor.get(&about(&attribute)))).collect()
}

pub fn bin(catalog: &Catalog, attribute: &Attribute<'_>, value: Option<&Value>) -> u16 {
    match value {
        None => 0,
        Some(Value::Text(text)) => catalog.intern(attribute, text),
        Some(Value::Number(number)) => {
            let borders = catalog.borders(attribute).iter().map(|border| f64::from_le_bytes(*border));
            1 + u16::try_from(borders.filter(|border| border <= number).count()).unwrap()
        }
    }
}

pub fn about(attribute: &Attribute<'_>) -> About {
    let subject = |name: &str| attribute.subject() == Key::of(name);
    let days = || u16::try_from(attribute.argument()).unwrap();
    match attribute.source() {
        Origin::Context if attribute.key() == Key::of("city") => About::City,
        Origin::Context => About::Temperature,
        Origin::Trait if subject("plan") => About::Plan,
        Origin::Trait => About::Age,
        Origin::Count => About::Views { water: subject("view[category=water]"), days: days() },
        Origin::Recency => About::LastView,
        Origin::Affinity if attribute.argument() == Key::of("water").0 => About::Interest("water"),
        Origin::Affinity => About::Interest("tea"),
        Origin::Moment if attribute.argument() == 0 => About::Hour,
        Origin::Moment => About::Weekday,
        Origin::Visits => About::Visits,
        Origin::Worth | Origin::Member | Origin::Journey | Origin::Seen => panic!("no rule here asks for it"),
        Origin::Unknown => panic!("an attribute without a source"),
    }
}
