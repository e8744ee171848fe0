//! Attributes: the columns that segments and models read, each with its borders or its dictionary.
//!
//! Two conditions on the same thing share one attribute; a different window, property or value is another one. Context
//! values come first, in the order of their declaration, because pages address them by name; the others follow in the
//! order in which they are first used.

use std::collections::{BTreeMap, BTreeSet};

use petitfour::catalog::NONE;
use petitfour::hash::xxh64;
use petitfour::id::Key;

use crate::declaration::Kind;
use crate::segment::Moment;
use crate::set::{Set, Values};

/// Where a value comes from; the discriminants are the format's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Origin {
    Context = 0,
    Trait = 1,
    Count = 2,
    Recency = 3,
    Affinity = 4,
    Moment = 5,
    Visits = 6,
    Worth = 7,
    Member = 8,
    Journey = 9,
    Seen = 10,
}

/// One column.
#[derive(Clone, Debug)]
pub(crate) struct Attribute {
    pub(crate) name: String,
    pub(crate) origin: Origin,
    pub(crate) kind: Kind,
    pub(crate) subject: u32,
    pub(crate) argument: u32,
    /// Ascending borders of a number.
    pub(crate) borders: Vec<f64>,
    /// Texts of the dictionary, ascending by their hash.
    pub(crate) texts: Vec<String>,
}

/// All columns of a bundle.
#[derive(Debug, Default)]
pub(crate) struct Attributes {
    all: Vec<Attribute>,
    by_meaning: BTreeMap<(Origin, u32, u32, String), usize>,
}

impl Attribute {
    /// Whether reading it needs the personalise permission.
    pub(crate) fn reads_profile(&self) -> bool {
        !matches!(self.origin, Origin::Context | Origin::Moment)
    }

    /// The values that can occur at all: what lies outside never happens, however it is asked for.
    pub(crate) fn domain(&self) -> Set {
        let mut domain = match (self.origin, self.argument) {
            (Origin::Context | Origin::Trait, _) => Set::present(self.kind == Kind::Text),
            (Origin::Count | Origin::Recency | Origin::Affinity | Origin::Worth | Origin::Seen, _) => {
                Set::numbers(Some(0.0), None)
            }
            (Origin::Moment, 0) => Set::numbers(Some(0.0), Some(24.0)),
            (Origin::Moment, 1) => Set::numbers(Some(1.0), Some(8.0)),
            (Origin::Moment, _) => Set::numbers(Some(1.0), Some(13.0)),
            (Origin::Visits, _) => Set::numbers(Some(1.0), None),
            (Origin::Member, _) => Set::numbers(Some(0.0), Some(2.0)),
            (Origin::Journey, _) => Set::numbers(Some(0.0), None),
        };
        domain.missing =
            matches!(self.origin, Origin::Context | Origin::Trait | Origin::Recency | Origin::Member | Origin::Journey);
        domain
    }

    /// Whether its values are whole numbers only. Strengths and worth are too, but authors write them with a fraction.
    fn is_whole(&self) -> bool {
        matches!(
            self.origin,
            Origin::Count
                | Origin::Recency
                | Origin::Moment
                | Origin::Visits
                | Origin::Member
                | Origin::Journey
                | Origin::Seen
        )
    }

    /// The same set with the fewest borders that tell this attribute's values apart.
    pub(crate) fn narrow(&self, set: Set) -> Set {
        if self.is_whole() { set.of_whole_numbers() } else { set }
    }

    /// Whether a condition on this attribute can hold for some value.
    pub(crate) fn can_be(&self, set: &Set) -> bool {
        !self.narrow(set.and(&self.domain())).is_empty()
    }

    /// How many bins its values fall into.
    pub(crate) fn bins(&self) -> usize {
        match self.kind {
            Kind::Number => self.borders.len() + 2,
            Kind::Text => self.texts.len() + 2,
        }
    }

    /// Which bins a set accepts, in order. The set's borders and texts must be this attribute's own.
    pub(crate) fn accepted(&self, set: &Set) -> Vec<bool> {
        let mut bins = Vec::with_capacity(self.bins());
        bins.push(set.missing);
        match self.kind {
            Kind::Number => {
                bins.push(set.has_lowest());
                bins.extend(self.borders.iter().map(|border| set.has_number(*border)));
            }
            Kind::Text => {
                bins.push(set.has_other_texts());
                bins.extend(self.texts.iter().map(|text| set.has_text(text)));
            }
        }
        bins
    }
}

impl Attributes {
    /// The column of a context value.
    pub(crate) fn context(&mut self, name: &str, kind: Kind) -> usize {
        self.column(name.to_owned(), Origin::Context, kind, NONE, 0)
    }

    /// The column of a trait.
    pub(crate) fn of_trait(&mut self, name: &str, kind: Kind) -> usize {
        self.column(name.to_owned(), Origin::Trait, kind, Key::of(name).0, 0)
    }

    /// The column of a counter in a window of days, 0 for ever.
    pub(crate) fn count(&mut self, counter: &str, days: u16) -> usize {
        let name = match days {
            0 => format!("{counter} ever"),
            1 => format!("{counter} today"),
            _ => format!("{counter} in {days} days"),
        };
        self.column(name, Origin::Count, Kind::Number, Key::of(counter).0, u32::from(days))
    }

    /// The column of the hours since a counter moved.
    pub(crate) fn recency(&mut self, counter: &str) -> usize {
        self.column(format!("hours since {counter}"), Origin::Recency, Kind::Number, Key::of(counter).0, 0)
    }

    /// The column of what a counter's events were worth.
    pub(crate) fn worth(&mut self, counter: &str) -> usize {
        self.column(format!("worth of {counter}"), Origin::Worth, Kind::Number, Key::of(counter).0, 0)
    }

    /// The column of a segment that the origin tells.
    pub(crate) fn member(&mut self, name: &str) -> usize {
        self.column(format!("member of {name}"), Origin::Member, Kind::Number, Key::of(name).0, 0)
    }

    /// The column of the place in a journey.
    pub(crate) fn journey(&mut self, name: &str) -> usize {
        self.column(format!("journey {name}"), Origin::Journey, Kind::Number, Key::of(name).0, 0)
    }

    /// The column of the exposures of a campaign in a window of days, 0 for ever.
    pub(crate) fn seen(&mut self, campaign: &str, days: u16) -> usize {
        let name = if days == 0 { format!("seen {campaign} ever") } else { format!("seen {campaign} in {days} days") };
        self.column(name, Origin::Seen, Kind::Number, Key::of(campaign).0, u32::from(days))
    }

    /// The column of the interest in one value.
    pub(crate) fn affinity(&mut self, affinity: &str, of: &str) -> usize {
        let name = format!("{affinity}: {of}");
        self.column(name, Origin::Affinity, Kind::Number, Key::of(affinity).0, low_half(of))
    }

    /// The column of a part of the local time.
    pub(crate) fn moment(&mut self, moment: Moment) -> usize {
        let (name, argument) = match moment {
            Moment::Hour => ("hour", 0),
            Moment::Weekday => ("weekday", 1),
            Moment::Month => ("month", 2),
        };
        self.column(name.to_owned(), Origin::Moment, Kind::Number, NONE, argument)
    }

    /// The column of the visits so far.
    pub(crate) fn visits(&mut self) -> usize {
        self.column("visits".to_owned(), Origin::Visits, Kind::Number, NONE, 0)
    }

    fn column(&mut self, name: String, origin: Origin, kind: Kind, subject: u32, argument: u32) -> usize {
        let next = self.all.len();
        let at = *self.by_meaning.entry((origin, subject, argument, name.clone())).or_insert(next);
        if at == next {
            let (borders, texts) = (Vec::new(), Vec::new());
            self.all.push(Attribute { name, origin, kind, subject, argument, borders, texts });
        }
        at
    }

    /// A column.
    pub(crate) fn get(&self, at: usize) -> Option<&Attribute> {
        self.all.get(at)
    }

    /// Every column.
    pub(crate) fn all(&self) -> &[Attribute] {
        &self.all
    }

    /// Gives columns the borders and texts of the sets that ask about them, and of texts that were declared.
    pub(crate) fn settle<'a>(
        &mut self,
        sets: impl Iterator<Item = (usize, &'a Set)>,
        declared: impl Iterator<Item = (usize, &'a str)>,
    ) {
        let mut texts: Vec<BTreeSet<&str>> = vec![BTreeSet::new(); self.all.len()];
        for (at, text) in declared {
            if let Some(texts) = texts.get_mut(at) {
                texts.insert(text);
            }
        }
        for (at, set) in sets {
            match &set.values {
                Values::Numbers { changes, .. } => {
                    if let Some(column) = self.all.get_mut(at) {
                        column.borders.extend(changes);
                    }
                }
                Values::Texts { listed, .. } => {
                    if let Some(texts) = texts.get_mut(at) {
                        texts.extend(listed.iter().map(String::as_str));
                    }
                }
            }
        }
        for (column, texts) in self.all.iter_mut().zip(texts) {
            column.borders.sort_by(f64::total_cmp);
            column.borders.dedup();
            column.texts = texts.into_iter().map(str::to_owned).collect();
            column.texts.sort_by_key(|text| xxh64(text.as_bytes(), 0));
        }
    }
}

/// The low half of a text's hash: how a profile knows a property's value.
pub(crate) fn low_half(text: &str) -> u32 {
    Key::of(text).0
}

/// A counter's name: the event, or the event with the one property value that counts.
pub(crate) fn counter_name(event: &str, property: Option<(&str, &str)>) -> String {
    match property {
        None => event.to_owned(),
        Some((property, value)) => format!("{event}[{property}={value}]"),
    }
}
