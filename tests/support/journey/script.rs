//! A campaign file with journeys as data, which prints itself as YAML.
//!
//! What conditions may speak of is the same in every file ([`HEAD`]); segments and journeys differ.

use std::collections::BTreeSet;
use std::fmt::{self, Display, Write};

/// What is declared in every file. The model's sums are -1, -0.5, 1 and 1.5: probabilities 0.27, 0.38, 0.73 and 0.82,
/// far from the borders in [`PROBABILITIES`], so that rounding decides nothing.
pub const HEAD: &str = "petitfour: 1
version: 1
context:
  weather: { type: text, values: [sunny, rain] }
  temperature: { type: number }
  shop: { type: text, values: [bellecour, triana] }
traits: { plan: { type: text }, mood: { type: text } }
events: { sign_up: {}, product_viewed: {}, purchase: { outcome: true }, other: {} }
feeds: { shelf: { place: shop } }
models:
  thirst:
    kind: linear
    bias: -1
    terms:
      - { context: temperature, weights: [{ at_least: 25, weight: 2 }] }
      - { context: weather, weights: [{ is: rain, weight: 0.5 }] }
placements: { hero: {}, ad: {} }
campaigns:
  - { id: offer-one, placements: [hero], creatives: [{ id: one, headline: Ten percent off }] }
  - { id: offer-two, placements: [ad], creatives: [{ id: two, headline: Free delivery }] }
channels: { mail: { needs: [] }, call: { needs: [] } }
";

pub const EVENTS: [&str; 4] = ["sign_up", "product_viewed", "purchase", "other"];
pub const CATEGORIES: [&str; 2] = ["water", "soda"];
pub const TRAITS: [&str; 2] = ["plan", "mood"];
pub const WORDS: [&str; 3] = ["gold", "club", "blue"];
pub const WEATHERS: [&str; 2] = ["sunny", "rain"];
pub const SHOPS: [&str; 2] = ["bellecour", "triana"];
pub const ITEMS: [&str; 2] = ["water-still", "iced-tea"];
pub const PROBABILITIES: [f64; 3] = [0.3, 0.5, 0.8];
pub const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
/// Placement and campaign that only a step's `show:` keeps back.
pub const OFFERS: [(&str, &str); 2] = [("hero", "offer-one"), ("ad", "offer-two")];

#[derive(Debug, Clone, PartialEq)]
pub struct Script {
    pub segments: Vec<(String, Condition)>,
    pub journeys: Vec<Journey>,
    /// How many arms each split has; a split's number is its place here.
    pub splits: Vec<usize>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Journey {
    pub name: String,
    pub enter: Trigger,
    pub steps: Vec<Step>,
    pub again: Again,
    /// First minute since 1970 and the first one no longer.
    pub schedule: (Option<u64>, Option<u64>),
    pub goal: Option<Trigger>,
    pub exit: Option<Trigger>,
    pub group: Option<String>,
    pub suppress: Vec<String>,
    pub changed: Option<Changed>,
    pub moved: Vec<(String, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    Never,
    Always,
    /// Minutes.
    After(u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    Park,
    Exit,
}

/// At least one of `on` and `when` is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Trigger {
    pub on: Option<Occasion>,
    pub when: Option<Condition>,
}

/// An event, perhaps with one category only.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Occasion {
    pub event: String,
    pub category: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub id: Option<String>,
    pub act: Act,
    pub show: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// Minutes.
    WaitFor(u64),
    /// Minute of the day; weekdays from 1, none for any.
    WaitUntil(u64, Vec<u64>),
    WaitBest {
        /// The first full hour and the first one no longer.
        between: Option<(u64, u64)>,
        /// Minute of the day.
        otherwise: Option<u64>,
        weekdays: Vec<u64>,
    },
    WaitOn {
        trigger: Trigger,
        at_most: Option<u64>,
        then: Vec<Step>,
        otherwise: Vec<Step>,
    },
    If {
        test: Test,
        then: Vec<Step>,
        otherwise: Vec<Step>,
    },
    Split {
        number: usize,
        arms: Vec<(u64, Vec<Step>)>,
    },
    Set {
        name: String,
        to: String,
    },
    Send {
        channel: String,
        message: String,
    },
    Goto(String),
    Stop(End),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Done,
    Reached,
    Left,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    Holds(Condition),
    Stock { item: String, at_least: i64, max_age: Option<u64>, show: Option<bool> },
    Model(f64),
}

#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    Segment(String),
    Trait(String, Text),
    /// How often, in so many days or ever; without an operator at least once.
    Count(Occasion, Option<u64>, Option<Number>),
    ContextText(String, Text),
    Temperature(Number),
    Hour(Number),
    Weekday(Vec<u64>),
    At(String, Vec<String>),
    Is(String, Vec<Phase>),
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Inside,
    Done,
    Reached,
    Left,
    Never,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Text {
    Is(String),
    IsNot(String),
    In(Vec<String>),
    NotIn(Vec<String>),
    Present,
    Absent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Number {
    Is(i64),
    IsNot(i64),
    AtLeast(i64),
    AtMost(i64),
    MoreThan(i64),
    LessThan(i64),
    Between(i64, i64),
}

impl Act {
    /// Whether somebody rests here.
    pub fn is_rest(&self) -> bool {
        matches!(
            self,
            Self::WaitFor(_) | Self::WaitUntil(..) | Self::WaitBest { .. } | Self::WaitOn { .. } | Self::Send { .. }
        )
    }

    /// The lists of steps inside this one.
    pub fn lists(&self) -> Vec<&Vec<Step>> {
        match self {
            Self::WaitOn { then, otherwise, .. } | Self::If { then, otherwise, .. } => vec![then, otherwise],
            Self::Split { arms, .. } => arms.iter().map(|(_, steps)| steps).collect(),
            _ => Vec::new(),
        }
    }

    pub fn lists_mut(&mut self) -> Vec<&mut Vec<Step>> {
        match self {
            Self::WaitOn { then, otherwise, .. } | Self::If { then, otherwise, .. } => vec![then, otherwise],
            Self::Split { arms, .. } => arms.iter_mut().map(|(_, steps)| steps).collect(),
            _ => Vec::new(),
        }
    }
}

impl Journey {
    /// Every step, those inside others after them.
    pub fn every_step(&self) -> Vec<&Step> {
        fn gather<'a>(steps: &'a [Step], all: &mut Vec<&'a Step>) {
            for step in steps {
                all.push(step);
                step.act.lists().into_iter().for_each(|list| gather(list, all));
            }
        }
        let mut all = Vec::new();
        gather(&self.steps, &mut all);
        all
    }

    pub fn step(&self, id: &str) -> Option<&Step> {
        self.every_step().into_iter().find(|step| step.id.as_deref() == Some(id))
    }

    /// Ids of the steps where somebody can rest.
    pub fn rests(&self) -> Vec<String> {
        self.every_step().into_iter().filter(|step| step.act.is_rest()).filter_map(|step| step.id.clone()).collect()
    }

    pub fn ids(&self) -> Vec<String> {
        self.every_step().into_iter().filter_map(|step| step.id.clone()).collect()
    }
}

impl Script {
    pub fn journey(&self, name: &str) -> Option<&Journey> {
        self.journeys.iter().find(|journey| journey.name == name)
    }

    /// Whether `name` can rest at `id` in this file.
    pub fn has_rest(&self, name: &str, id: &str) -> bool {
        self.journey(name).and_then(|journey| journey.step(id)).is_some_and(|step| step.act.is_rest())
    }

    /// What a condition speaks of, segments unfolded. Conditions whose parts share nothing can hold and can fail.
    pub fn subjects(&self, condition: &Condition) -> BTreeSet<String> {
        match condition {
            Condition::Segment(name) => {
                let found = self.segments.iter().find(|(known, _)| known == name).expect("a declared segment");
                self.subjects(&found.1)
            }
            Condition::Trait(name, _) => BTreeSet::from([format!("trait {name}")]),
            Condition::Count(occasion, within, _) => BTreeSet::from([format!("count {occasion} {within:?}")]),
            Condition::ContextText(name, _) => BTreeSet::from([format!("context {name}")]),
            Condition::Temperature(_) => BTreeSet::from(["temperature".to_owned()]),
            Condition::Hour(_) => BTreeSet::from(["hour".to_owned()]),
            Condition::Weekday(_) => BTreeSet::from(["weekday".to_owned()]),
            Condition::At(name, _) | Condition::Is(name, _) => BTreeSet::from([format!("journey {name}")]),
            Condition::All(parts) | Condition::Any(parts) => {
                parts.iter().flat_map(|part| self.subjects(part)).collect()
            }
            Condition::Not(inner) => self.subjects(inner),
        }
    }
}

impl Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HEAD)?;
        // A profile counts what a file asks for, from then on: so every file asks for all.
        writeln!(f, "segments:")?;
        for event in &EVENTS[..3] {
            writeln!(f, "  {event}: {{ event: {event}, within: 90 days }}")?;
            for category in CATEGORIES {
                writeln!(
                    f,
                    "  {event}-{category}: {{ event: {event}, where: {{ category: {category} }}, within: 90 days }}"
                )?;
            }
        }
        for (name, condition) in &self.segments {
            writeln!(f, "  {name}: {condition}")?;
        }
        writeln!(f, "journeys:")?;
        self.journeys.iter().try_for_each(|journey| write!(f, "{journey}"))
    }
}

impl Display for Journey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  {}:\n    enter: {}", self.name, self.enter)?;
        match self.again {
            Again::Never => {}
            Again::Always => writeln!(f, "    again: always")?,
            Again::After(minutes) => writeln!(f, "    again: {}", duration(minutes))?,
        }
        let ends: Vec<String> = [("from", self.schedule.0), ("until", self.schedule.1)]
            .into_iter()
            .filter_map(|(key, minute)| minute.map(|minute| format!("{key}: {}", date(minute))))
            .collect();
        if !ends.is_empty() {
            writeln!(f, "    schedule: {{ {} }}", ends.join(", "))?;
        }
        for (key, trigger) in [("goal", &self.goal), ("exit", &self.exit)] {
            if let Some(trigger) = trigger {
                writeln!(f, "    {key}: {trigger}")?;
            }
        }
        if let Some(group) = &self.group {
            writeln!(f, "    group: {group}")?;
        }
        if !self.suppress.is_empty() {
            writeln!(f, "    suppress: [{}]", self.suppress.join(", "))?;
        }
        match self.changed {
            None => {}
            Some(Changed::Park) => writeln!(f, "    changed: park")?,
            Some(Changed::Exit) => writeln!(f, "    changed: exit")?,
        }
        if !self.moved.is_empty() {
            let pairs: Vec<String> = self.moved.iter().map(|(old, new)| format!("{old}: {new}")).collect();
            writeln!(f, "    moved: {{ {} }}", pairs.join(", "))?;
        }
        let mut text = String::from("    steps:\n");
        write_steps(&mut text, &self.steps, 6)?;
        f.write_str(&text)
    }
}

/// A list of steps, each beginning so many spaces in.
fn write_steps(text: &mut String, steps: &[Step], indent: usize) -> fmt::Result {
    let space = " ".repeat(indent);
    for step in steps {
        write!(text, "{space}- ")?;
        match &step.act {
            Act::WaitFor(minutes) => writeln!(text, "wait: {}", duration(*minutes))?,
            Act::WaitUntil(minute, weekdays) => {
                writeln!(text, "wait: {{ until: {}{} }}", time(*minute), weekday(weekdays))?;
            }
            Act::WaitBest { between, otherwise, weekdays } => {
                write!(text, "wait: {{ until: best")?;
                if let Some((from, until)) = between {
                    write!(text, ", between: [{}, {}]", time(from * 60), time(until * 60))?;
                }
                if let Some(minute) = otherwise {
                    write!(text, ", otherwise: {}", time(*minute))?;
                }
                writeln!(text, "{} }}", weekday(weekdays))?;
            }
            Act::WaitOn { trigger, at_most, .. } => {
                let mut parts = trigger.parts();
                parts.extend(at_most.map(|minutes| format!("at_most: {}", duration(minutes))));
                writeln!(text, "wait: {{ {} }}", parts.join(", "))?;
            }
            Act::If { test, .. } => writeln!(text, "if: {test}")?,
            Act::Split { arms, .. } => {
                writeln!(text, "split:")?;
                for (share, steps) in arms {
                    writeln!(text, "{space}    - share: {share}%\n{space}      steps:")?;
                    write_steps(text, steps, indent + 8)?;
                }
            }
            Act::Set { name, to } => writeln!(text, "set: {{ trait: {name}, to: {to} }}")?,
            Act::Send { channel, message } => writeln!(text, "send: {{ channel: {channel}, message: {message} }}")?,
            Act::Goto(id) => writeln!(text, "goto: {id}")?,
            Act::Stop(End::Done) => writeln!(text, "stop: done")?,
            Act::Stop(End::Reached) => writeln!(text, "stop: reached")?,
            Act::Stop(End::Left) => writeln!(text, "stop: left")?,
        }
        if let Some(id) = &step.id {
            writeln!(text, "{space}  id: {id}")?;
        }
        if !step.show.is_empty() {
            writeln!(text, "{space}  show: [{}]", step.show.join(", "))?;
        }
        if let Act::If { then, otherwise, .. } | Act::WaitOn { then, otherwise, .. } = &step.act {
            for (key, list) in [("then", then), ("else", otherwise)] {
                if !list.is_empty() {
                    writeln!(text, "{space}  {key}:")?;
                    write_steps(text, list, indent + 4)?;
                }
            }
        }
    }
    Ok(())
}

impl Trigger {
    fn parts(&self) -> Vec<String> {
        let on = self.on.iter().map(|occasion| {
            let wanted = occasion.category.iter().map(|category| format!(", where: {{ category: {category} }}"));
            format!("on: {}{}", occasion.event, wanted.collect::<String>())
        });
        on.chain(self.when.iter().map(|condition| format!("when: {condition}"))).collect()
    }
}

impl Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{ {} }}", self.parts().join(", "))
    }
}

impl Display for Occasion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.event)?;
        self.category.iter().try_for_each(|category| write!(f, ", where: {{ category: {category} }}"))
    }
}

impl Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Holds(condition) => write!(f, "{condition}"),
            Self::Stock { item, at_least, max_age, show } => {
                write!(f, "{{ stock: shelf, item: {item}, at_least: {at_least}")?;
                max_age.iter().try_for_each(|minutes| write!(f, ", max_age: {}", duration(*minutes)))?;
                show.iter().try_for_each(|show| write!(f, ", otherwise: {}", if *show { "show" } else { "skip" }))?;
                f.write_str(" }")
            }
            Self::Model(probability) => write!(f, "{{ model: thirst, at_least: {probability} }}"),
        }
    }
}

impl Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |parts: &[Self]| parts.iter().map(Self::to_string).collect::<Vec<_>>().join(", ");
        match self {
            Self::Segment(name) => write!(f, "{{ segment: {name} }}"),
            Self::Trait(name, asked) => write!(f, "{{ trait: {name}, {asked} }}"),
            Self::Count(occasion, within, asked) => {
                write!(f, "{{ event: {occasion}")?;
                within.iter().try_for_each(|days| write!(f, ", within: {days} days"))?;
                asked.iter().try_for_each(|asked| write!(f, ", {asked}"))?;
                f.write_str(" }")
            }
            Self::ContextText(name, asked) => write!(f, "{{ context: {name}, {asked} }}"),
            Self::Temperature(asked) => write!(f, "{{ context: temperature, {asked} }}"),
            Self::Hour(asked) => write!(f, "{{ moment: hour, {asked} }}"),
            Self::Weekday(days) => {
                let days: Vec<&str> = days.iter().map(|day| WEEKDAYS[*day as usize - 1]).collect();
                write!(f, "{{ moment: weekday, in: [{}] }}", days.join(", "))
            }
            Self::At(name, ids) => match ids.as_slice() {
                [id] => write!(f, "{{ journey: {name}, at: {id} }}"),
                ids => write!(f, "{{ journey: {name}, at: [{}] }}", ids.join(", ")),
            },
            Self::Is(name, phases) => {
                let words: Vec<&str> = phases.iter().map(|phase| phase.word()).collect();
                match words.as_slice() {
                    [word] => write!(f, "{{ journey: {name}, is: {word} }}"),
                    words => write!(f, "{{ journey: {name}, in: [{}] }}", words.join(", ")),
                }
            }
            Self::All(parts) => write!(f, "{{ all: [{}] }}", list(parts)),
            Self::Any(parts) => write!(f, "{{ any: [{}] }}", list(parts)),
            Self::Not(inner) => write!(f, "{{ not: {inner} }}"),
        }
    }
}

impl Phase {
    fn word(self) -> &'static str {
        match self {
            Self::Inside => "inside",
            Self::Done => "done",
            Self::Reached => "reached",
            Self::Left => "left",
            Self::Never => "never",
        }
    }
}

impl Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(word) => write!(f, "is: {word}"),
            Self::IsNot(word) => write!(f, "is_not: {word}"),
            Self::In(words) => write!(f, "in: [{}]", words.join(", ")),
            Self::NotIn(words) => write!(f, "not_in: [{}]", words.join(", ")),
            Self::Present => f.write_str("present: true"),
            Self::Absent => f.write_str("absent: true"),
        }
    }
}

impl Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(number) => write!(f, "is: {number}"),
            Self::IsNot(number) => write!(f, "is_not: {number}"),
            Self::AtLeast(number) => write!(f, "at_least: {number}"),
            Self::AtMost(number) => write!(f, "at_most: {number}"),
            Self::MoreThan(number) => write!(f, "more_than: {number}"),
            Self::LessThan(number) => write!(f, "less_than: {number}"),
            Self::Between(least, most) => write!(f, "between: [{least}, {most}]"),
        }
    }
}

/// A minute of the day as authors write it.
fn time(minute: u64) -> String {
    format!("\"{:02}:{:02}\"", minute / 60, minute % 60)
}

fn weekday(days: &[u64]) -> String {
    let days: Vec<&str> = days.iter().map(|day| WEEKDAYS[*day as usize - 1]).collect();
    match days.as_slice() {
        [] => String::new(),
        [day] => format!(", weekday: {day}"),
        days => format!(", weekday: [{}]", days.join(", ")),
    }
}

/// Minutes as authors write them.
fn duration(minutes: u64) -> String {
    match minutes {
        _ if minutes.is_multiple_of(24 * 60) => format!("{} days", minutes / (24 * 60)),
        _ if minutes.is_multiple_of(60) => format!("{} hours", minutes / 60),
        _ => format!("{minutes} minutes"),
    }
}

/// A minute since 1970 as `2026-06-01T08:00Z`: years and months are counted off, one after the other.
fn date(minute: u64) -> String {
    let (mut days, of_day) = (minute / 1_440, minute % 1_440);
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970;
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let lengths = [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while days >= lengths[month] {
        days -= lengths[month];
        month += 1;
    }
    format!("{year:04}-{:02}-{:02}T{:02}:{:02}Z", month + 1, days + 1, of_day / 60, of_day % 60)
}
