//! From the questions of a forest to the values of a visitor that its splits look at (`docs/formats/bundle.md`, MODL 3).
//!
//! A split asks whether a byte has reached a bound. Whether a number has reached a border is that of its bin. Sets of another form are
//! put in chains, each set within the next one, and the byte says in how many of a chain the bin is.

use std::collections::{BTreeMap, BTreeSet};

use crate::attribute::Attributes;
use crate::set::Set;

/// Values that are looked up at once.
const BLOCK: usize = 32;

/// A question in bins.
#[derive(Debug)]
pub(crate) struct Question {
    attribute: u16,
    form: Form,
}

#[derive(Debug)]
enum Form {
    /// Is it in this bin or a higher one? What is missing may say yes too.
    Reached { bin: u16, missing: bool },
    /// Is it in one of these?
    Among(Vec<bool>),
}

/// A question's number and what it asks.
type Numbered<'a> = (usize, &'a Form);

impl Question {
    /// The question whether an attribute's value goes right.
    pub(crate) fn new(attribute: usize, set: &Set, attributes: &Attributes) -> Option<Self> {
        let bins = attributes.get(attribute)?.accepted(set);
        let (missing, present) = bins.split_first()?;
        let first = present.iter().position(|yes| *yes).unwrap_or(present.len());
        let is_upper = present.get(first..)?.iter().all(|yes| *yes);
        let form = match u16::try_from(first + 1) {
            Ok(bin) if is_upper => Form::Reached { bin, missing: *missing },
            _ => Form::Among(bins),
        };
        Some(Self { attribute: u16::try_from(attribute).ok()?, form })
    }
}

/// How a value comes from a bin.
#[derive(Debug)]
enum Value {
    /// How far it is above a base; a missing one may be the highest.
    Bin { attribute: u16, base: u16, missing: bool },
    /// As the table says.
    Row { attribute: u16, table: Vec<u8> },
}

/// Values that splits look at together, and where each question finds its own.
#[derive(Debug)]
pub(crate) struct Values {
    values: Vec<Value>,
    /// For each question the place of its value, and the bound.
    places: BTreeMap<usize, (u8, u8)>,
}

impl Values {
    /// Values for some of the questions; `None` when there are too many.
    pub(crate) fn of(questions: &[Question], asked: &BTreeSet<usize>) -> Option<Self> {
        let mut groups: BTreeMap<(u16, Option<bool>), Vec<Numbered<'_>>> = BTreeMap::new();
        for number in asked {
            let Question { attribute, form } = questions.get(*number)?;
            let missing = match form {
                Form::Reached { missing, .. } => Some(*missing),
                Form::Among(_) => None,
            };
            groups.entry((*attribute, missing)).or_default().push((*number, form));
        }
        let mut found = Vec::new();
        for ((attribute, missing), group) in groups {
            match missing {
                Some(missing) => reached(attribute, missing, &group, &mut found),
                None => among(attribute, &group, &mut found),
            }
        }
        // Those of which a bundle says no more than the attribute come first.
        found.sort_by_key(|(value, _)| !is_plain(value));
        let (mut values, mut places) = (Vec::new(), BTreeMap::new());
        for (place, (value, bounds)) in found.into_iter().enumerate() {
            let place = u8::try_from(place).ok()?;
            values.push(value);
            places.extend(bounds.into_iter().map(|(question, bound)| (question, (place, bound))));
        }
        Some(Self { values, places })
    }

    /// Where a question's value stands, and from which value on the answer is yes.
    pub(crate) fn place(&self, question: usize) -> Option<(u8, u8)> {
        self.places.get(&question).copied()
    }

    /// Values by thirty-two; even trees that ask nothing have some to look at.
    pub(crate) fn blocks(&self) -> usize {
        self.values.len().div_ceil(BLOCK).max(1)
    }

    /// Writes them, whole blocks, behind those that are there. Plain ones count apart, as long as nothing else came before them.
    pub(crate) fn encode(&self, written: &mut Written) -> Option<()> {
        for value in &self.values {
            match value {
                Value::Bin { attribute, .. } if is_plain(value) && written.records == 0 => {
                    written.plain = written.plain.checked_add(1)?;
                    written.bytes.extend(attribute.to_le_bytes());
                }
                Value::Bin { attribute, base, missing } => {
                    written.record(*attribute, *base, if *missing { u16::MAX } else { 0 }, &[])?;
                }
                Value::Row { attribute, table } => {
                    written.record(*attribute, 0, u16::try_from(table.len()).ok()?, table)?;
                }
            }
        }
        // Nobody looks at what fills up the last block.
        for _ in self.values.len()..self.blocks() * BLOCK {
            written.record(0, u16::MAX, 0, &[])?;
        }
        Some(())
    }
}

/// The values of a model as the bundle has them.
#[derive(Debug, Default)]
pub(crate) struct Written {
    pub(crate) plain: u16,
    pub(crate) records: u16,
    pub(crate) bytes: Vec<u8>,
    /// Bytes of tables, by attribute.
    pub(crate) tables: BTreeMap<u16, usize>,
}

impl Written {
    fn record(&mut self, attribute: u16, base: u16, rows: u16, table: &[u8]) -> Option<()> {
        self.records = self.records.checked_add(1)?;
        for word in [attribute, base, rows] {
            self.bytes.extend(word.to_le_bytes());
        }
        self.bytes.extend(table);
        if !table.is_empty() {
            *self.tables.entry(attribute).or_default() += table.len();
        }
        Some(())
    }
}

fn is_plain(value: &Value) -> bool {
    matches!(value, Value::Bin { base: 0, missing: false, .. })
}

/// A value, and which questions ask it with which bound.
type Found = Vec<(Value, Vec<(usize, u8)>)>;

/// Bins in bytes: one value where they fit, else one for each stretch of 255 in which something is asked.
fn reached(attribute: u16, missing: bool, group: &[(usize, &Form)], found: &mut Found) {
    let bin = |form: &Form| if let Form::Reached { bin, .. } = form { *bin } else { 0 };
    let mut ascending: Vec<(usize, u16)> = group.iter().map(|(question, form)| (*question, bin(form))).collect();
    ascending.sort_by_key(|(_, bin)| *bin);
    let mut last: Option<(u16, Vec<(usize, u8)>)> = None;
    for (question, bin) in ascending {
        let bound = last.as_ref().and_then(|(base, _)| u8::try_from(bin - base).ok());
        match (&mut last, bound) {
            (Some((_, bounds)), Some(bound)) => bounds.push((question, bound)),
            _ => {
                let base = if bin <= 255 { 0 } else { bin - 1 };
                let bound = u8::try_from(bin - base).unwrap_or(u8::MAX);
                let full = last.replace((base, vec![(question, bound)]));
                found.extend(full.map(|(base, bounds)| (Value::Bin { attribute, base, missing }, bounds)));
            }
        }
    }
    found.extend(last.map(|(base, bounds)| (Value::Bin { attribute, base, missing }, bounds)));
}

/// Sets in chains: each goes to the first one whose sets are all within it.
fn among(attribute: u16, group: &[(usize, &Form)], found: &mut Found) {
    let mut sets: Vec<(usize, &[bool])> = group
        .iter()
        .filter_map(
            |(question, form)| if let Form::Among(bins) = form { Some((*question, bins.as_slice())) } else { None },
        )
        .collect();
    sets.sort_by_key(|(_, bins)| bins.iter().filter(|yes| **yes).count());
    let is_within = |inner: &[bool], outer: &[bool]| inner.iter().zip(outer).all(|(inner, outer)| !inner || *outer);
    let mut chains: Vec<Vec<(usize, &[bool])>> = Vec::new();
    for (question, bins) in sets {
        let fits = |chain: &&mut Vec<(usize, &[bool])>| {
            chain.len() < 255 && chain.last().is_some_and(|(_, last)| is_within(last, bins))
        };
        match chains.iter_mut().find(fits) {
            Some(chain) => chain.push((question, bins)),
            None => chains.push(vec![(question, bins)]),
        }
    }
    for chain in chains {
        let bins = chain.first().map_or(0, |(_, bins)| bins.len());
        let count = |bin: usize| chain.iter().filter(|(_, bins)| bins.get(bin).is_some_and(|yes| *yes)).count();
        let table = (0..bins).map(|bin| u8::try_from(count(bin)).unwrap_or(u8::MAX)).collect();
        let bounds = chain.iter().rev().zip(1u8..).map(|((question, _), bound)| (*question, bound)).collect();
        found.push((Value::Row { attribute, table }, bounds));
    }
}
