//! Records as values to compare: one measure for each aspect of each column, every distinct value held once.
//!
//! Records are put in the order of their contents first, so that nothing that follows (samples, ties) depends on the
//! order of rows. Records of equal content are interchangeable; their own keys are not looked at.

#![expect(clippy::indexing_slicing, reason = "indices are made here, from the lengths of what they index")]

use std::collections::{HashMap, HashSet};

use crate::{
    compare::{ALIAS, Aspect, EXACT},
    kind::Kind,
    table::Table,
    value::{self, Name, Value},
};

/// Index of no value.
pub const NONE: u32 = u32::MAX;
/// The level of a pair of which one value is missing.
pub const MISSING: u8 = 15;
/// Measures of one table: a pattern of their levels is 128 bits.
pub const MAX_MEASURES: usize = 32;

/// Field to value; `None` for a field that says nothing.
type Parse = Box<dyn Fn(&str) -> Option<Value>>;

/// One aspect of one column (or, of names, of several columns) over all records.
#[derive(Debug)]
pub struct Measure {
    /// What it is called in evidence: the column, or the part of the name.
    pub name: String,
    /// How it is compared.
    pub aspect: Aspect,
    /// Distinct values.
    pub values: Vec<Value>,
    /// Value of each record, or [`NONE`].
    pub of: Vec<u32>,
    /// Term of each value: what is counted for its frequency. Values of one term are the same by this aspect.
    pub term: Vec<u32>,
    /// How many terms.
    pub terms: usize,
    /// Terms that stand for one another, smaller first.
    pub aliases: HashSet<(u32, u32)>,
}

/// All records, in the order of their contents.
#[derive(Debug)]
pub struct Records {
    /// Row of the table for each record.
    pub rows: Vec<u32>,
    /// What is compared.
    pub measures: Vec<Measure>,
    /// Columns that were used, with their kinds.
    pub used: Vec<(String, Kind)>,
}

impl Records {
    /// Reads the columns of a table by their kinds.
    pub fn new(table: &Table, kinds: &[Kind]) -> Self {
        let evidence: Vec<usize> = (0..kinds.len()).filter(|at| kinds[*at].is_evidence()).collect();
        let mut rows: Vec<u32> = (0..u32::try_from(table.len()).unwrap_or(u32::MAX)).collect();
        let content = |row: u32| evidence.iter().map(move |at| table.field(row as usize, *at));
        rows.sort_by(|a, b| content(*a).cmp(content(*b)));
        let used = evidence.iter().map(|at| (table.columns()[*at].clone(), kinds[*at])).collect();
        let mut records = Self { rows, measures: Vec::new(), used };
        records.read_names(table, kinds);
        for at in evidence {
            records.read_column(table, at, kinds[at]);
        }
        // A column that is empty, or that says the same of everybody, is no evidence.
        records.measures.retain(|measure| measure.terms > 1);
        records.measures.truncate(MAX_MEASURES);
        records
    }

    /// How many records.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// The level of two records by one measure.
    pub fn level(&self, measure: usize, a: u32, b: u32) -> u8 {
        let measure = &self.measures[measure];
        measure.level(measure.of[a as usize], measure.of[b as usize])
    }

    fn read_names(&mut self, table: &Table, kinds: &[Kind]) {
        let named = [Kind::GivenName, Kind::MiddleName, Kind::Surname, Kind::FullName];
        if !kinds.iter().any(|kind| named.contains(kind)) {
            return;
        }
        let names: Vec<Option<Name>> = self
            .rows
            .iter()
            .map(|row| {
                let [given, middle, surname, full] = named.map(|wanted| {
                    let fields = kinds.iter().enumerate().filter(|(_, kind)| **kind == wanted);
                    fields.map(|(at, _)| table.field(*row as usize, at)).collect::<Vec<_>>().join(" ")
                });
                Name::parse(&given, &middle, &surname, &full)
            })
            .collect();
        let part = |name: &str, aspect: Aspect, said: fn(&Name) -> bool, term: fn(&Name) -> String| {
            let values = names.iter().map(|name| {
                let name = name.as_ref().filter(|name| said(name))?;
                Some((Value::Name(name.clone()), Some(term(name))))
            });
            Measure::new(name, aspect, values)
        };
        self.measures.push(part("given name", Aspect::Given, |n| !n.given.is_empty(), |n| n.given.clone()));
        self.measures.push(part("surname", Aspect::Surname, |n| !n.surname.is_empty(), |n| n.surname.clone()));
        self.measures.push(part("other names", Aspect::OtherNames, |n| !n.others.is_empty(), |n| n.others.join(" ")));
    }

    fn read_column(&mut self, table: &Table, at: usize, kind: Kind) {
        let fields = || self.rows.iter().map(|row| table.field(*row as usize, at));
        let order = value::date_order(fields());
        let (aspect, parse): (Aspect, Parse) = match kind {
            Kind::BirthDate => (Aspect::Birth, Box::new(move |field| value::date(field, order))),
            Kind::Email => (Aspect::Email, Box::new(value::email)),
            Kind::Phone => (Aspect::Phone, Box::new(value::phone)),
            Kind::Postcode => (Aspect::Postcode, Box::new(value::code)),
            Kind::City | Kind::BirthPlace => (Aspect::Place, Box::new(value::text)),
            Kind::HouseNumber => (Aspect::HouseNumber, Box::new(value::code)),
            Kind::Street => (Aspect::Street, Box::new(value::text)),
            Kind::Region | Kind::Occupation => (Aspect::Category, Box::new(value::text)),
            Kind::Gender => (Aspect::Category, Box::new(value::gender)),
            Kind::NationalId => (Aspect::Number, Box::new(value::code)),
            Kind::Text => (Aspect::Text, Box::new(value::text)),
            Kind::Ignore | Kind::RecordId | Kind::GivenName | Kind::MiddleName | Kind::Surname | Kind::FullName => {
                return;
            }
        };
        let values = fields().map(|field| parse(field).map(|value| (value, None)));
        let measure = Measure::new(&table.columns()[at], aspect, values);
        self.measures.push(measure);
    }
}

impl Measure {
    /// Interns values; the term is the value itself where none is given.
    fn new(name: &str, aspect: Aspect, fields: impl Iterator<Item = Option<(Value, Option<String>)>>) -> Self {
        let mut known: HashMap<Value, u32> = HashMap::new();
        let mut known_terms: HashMap<String, u32> = HashMap::new();
        let (mut values, mut term, mut of) = (Vec::new(), Vec::new(), Vec::new());
        for field in fields {
            let Some((value, text)) = field else {
                of.push(NONE);
                continue;
            };
            let next = u32::try_from(values.len()).unwrap_or(NONE);
            let id = *known.entry(value.clone()).or_insert(next);
            if id == next {
                values.push(value);
                let next_term = u32::try_from(known_terms.len()).unwrap_or(NONE);
                term.push(text.map_or(next, |text| *known_terms.entry(text).or_insert(next_term)));
            }
            of.push(id);
        }
        let terms = if known_terms.is_empty() { values.len() } else { known_terms.len() };
        Self { name: name.to_owned(), aspect, values, of, term, terms, aliases: HashSet::new() }
    }

    /// Records that say something, with their terms.
    pub fn said(&self) -> impl Iterator<Item = (usize, u32)> {
        let records = self.of.iter().enumerate().filter(|(_, value)| **value != NONE);
        records.map(|(record, value)| (record, self.term[*value as usize]))
    }

    /// How many levels.
    pub fn levels(&self) -> usize {
        self.aspect.levels().len()
    }

    /// The level of two values by index.
    pub fn level(&self, a: u32, b: u32) -> u8 {
        self.aliased(self.likeness(a, b), a, b)
    }

    /// The level of two values by what they are, aliases apart.
    pub fn likeness(&self, a: u32, b: u32) -> u8 {
        if a == NONE || b == NONE {
            return MISSING;
        }
        if a == b {
            return EXACT;
        }
        self.aspect.compare(&self.values[a as usize], &self.values[b as usize]).unwrap_or(MISSING)
    }

    /// The level of two values whose likeness is known.
    pub fn aliased(&self, likeness: u8, a: u32, b: u32) -> u8 {
        let may = likeness > ALIAS && likeness != MISSING && !self.aliases.is_empty();
        if may && self.stands_for(a, b) { ALIAS } else { likeness }
    }

    /// Whether the terms of two values stand for one another.
    pub fn stands_for(&self, a: u32, b: u32) -> bool {
        let (a, b) = (self.term[a as usize], self.term[b as usize]);
        self.aliases.contains(&(a.min(b), a.max(b)))
    }
}
