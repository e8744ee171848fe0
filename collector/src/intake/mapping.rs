//! The mapping file of an import: which column of a CRM's or a till's file means what.
//!
//! A row becomes a call in Segment's words, and is read as one that came over the network under a server key, so that an imported customer
//! and one who identifies themselves on a page come to the same digests. The whole format: `docs/intake.md`.
//!
//! Invariant: a row that is imported again is the same event: its message id is the file's own key where the mapping names one, else the
//! hash of its cells.
//! Absent on purpose: expressions. What a column does not say as it is, the query that made the file can say better.

use std::collections::BTreeMap;

use jiff::{civil, fmt::strtime, tz::TimeZone};
use saphyr::{LoadableYamlNode as _, Scalar, Yaml};
use serde::Deserialize;
use serde_json::{Map, Number, Value, json};

use super::{
    call::{Arrival, Call, Mark},
    clock,
    fault::Fault,
    letters,
};
use crate::{event::EVENT_BYTES, key::Key};

/// A mapping file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// The name that the rows come under.
    pub source: String,
    /// Between cells; a comma when left out. Of CSV alone.
    #[serde(default)]
    pub delimiter: Option<char>,
    /// What was done; left out, a row says what is known of somebody.
    #[serde(default)]
    pub event: Option<Cell>,
    /// When it was; left out, now.
    #[serde(default)]
    pub time: Option<Time>,
    /// What it came to.
    #[serde(default)]
    pub value: Option<Amount>,
    /// Columns that together are a row's key in its file.
    #[serde(default)]
    pub message: Vec<String>,
    /// Whose it is: column by kind (`user_id`, `crm_id`, `email`, `phone`, `card`, `device_id`, `anonymous_id`, or a partner's domain).
    pub identifiers: BTreeMap<String, Column>,
    /// Trait by column.
    #[serde(default)]
    pub traits: BTreeMap<String, String>,
    /// Property by column.
    #[serde(default)]
    pub properties: BTreeMap<String, String>,
    /// Keep addresses to write to (`email`, `phone`)?
    #[serde(default)]
    pub contacts: bool,
    /// What is permitted of a row; everything when left out, as its owner's word.
    #[serde(default)]
    pub permit: Option<Vec<String>>,
}

/// A column's text, or one text for all rows.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
pub enum Cell {
    /// The column.
    Column(String),
    /// The text.
    Text(String),
}

/// A column, and how its numbers are dialled if they are phone numbers.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Column {
    /// Its name.
    Name(String),
    /// Its name, and the country that its numbers are dialled in (43, 1, …).
    Dialled(Dialled),
}

/// A column of phone numbers as they are dialled at home.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dialled {
    column: String,
    country: u16,
}

/// A column of times.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Time {
    column: String,
    /// As `strptime` has it, such as `%d.%m.%Y %H:%M`; also `seconds` and `milliseconds`, of Unix. ISO 8601 when left out.
    #[serde(default)]
    format: Option<String>,
    /// Where the clock stood, such as `Europe/Vienna`; UTC when left out.
    #[serde(default)]
    zone: Option<String>,
}

/// A column of amounts.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Amount {
    column: String,
    /// What parts whole units from fractions: `.` or `,`; the other one is left out of numbers.
    #[serde(default = "point")]
    decimal: char,
}

fn point() -> char {
    '.'
}

/// A mapping that was checked, ready for rows.
#[derive(Debug)]
pub struct Reader {
    mapping: Mapping,
    zone: TimeZone,
}

/// One row: the text of each column.
pub type Row = BTreeMap<String, String>;

impl Reader {
    /// Reads a mapping file.
    ///
    /// # Errors
    /// A text that says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let documents = Yaml::load_from_str(text).map_err(|error| format!("the mapping is no YAML: {error}"))?;
        let [document] = documents.as_slice() else { return Err("a mapping is one YAML document".into()) };
        let mapping: Mapping =
            serde_json::from_value(plain(document)?).map_err(|error| format!("the mapping: {error}"))?;
        if !Key::is_name(&mapping.source) {
            return Err("source: a name of lower-case letters, digits, \".\", \"_\" and \"-\"".into());
        }
        if mapping.identifiers.is_empty() {
            return Err("identifiers: say which columns name a person".into());
        }
        if mapping.delimiter.is_some_and(|delimiter| !delimiter.is_ascii()) {
            return Err("delimiter: one character of ASCII".into());
        }
        let zone = mapping.time.as_ref().and_then(|time| time.zone.as_deref());
        let zone = zone.map_or(Ok(TimeZone::UTC), |zone| {
            TimeZone::get(zone).map_err(|_| "time.zone: no such time zone".to_owned())
        })?;
        Ok(Self { mapping, zone })
    }

    /// The mapping.
    #[must_use]
    pub fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// Every column that it speaks of, to hold against a file's first line.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        let Mapping { event, time, value, message, identifiers, traits, properties, .. } = &self.mapping;
        let event = event.iter().filter_map(|cell| match cell {
            Cell::Column(column) => Some(column),
            Cell::Text(_) => None,
        });
        let listed =
            message.iter().chain(identifiers.values().map(Column::name)).chain(traits.keys()).chain(properties.keys());
        let columns = event
            .chain(time.iter().map(|time| &time.column))
            .chain(value.iter().map(|value| &value.column))
            .chain(listed);
        columns.map(String::as_str)
    }

    /// Reads a row.
    ///
    /// # Errors
    /// A [`Fault`] whose field is the column.
    pub fn read(&self, row: &Row, received: i64, path: &str) -> letters::Read {
        let Mapping { source, event, time, value, message, identifiers, traits, properties, contacts, permit, .. } =
            &self.mapping;
        if row.iter().map(|(name, text)| name.len() + text.len()).sum::<usize>() > EVENT_BYTES {
            return Err(Fault::new("event/size", "", format!("the row is longer than {EVENT_BYTES} bytes")));
        }
        if let Some((column, _)) = row.iter().find(|(_, text)| text.contains('\0')) {
            return Err(Fault::new("event/nul", column, "a text holds U+0000, which cannot be stored; leave it out"));
        }
        let cell = |column: &str| row.get(column).map(|text| text.trim()).filter(|text| !text.is_empty());
        let mut object = Map::new();
        let mut told = columns(row, traits);
        let mut external = Vec::new();
        for (kind, column) in identifiers {
            let Some(text) = cell(column.name()) else { continue };
            match (kind.as_str(), column) {
                ("user_id", _) => drop(object.insert("userId".into(), text.into())),
                ("anonymous_id", _) => drop(object.insert("anonymousId".into(), text.into())),
                ("email" | "phone", _) => {
                    told.insert(kind.clone(), text.into());
                    if let Column::Dialled(Dialled { country, .. }) = column {
                        told.insert("phoneCountry".into(), (*country).into());
                    }
                }
                _ => external.push(json!({ "type": kind, "id": text })),
            }
        }
        object.insert("traits".into(), Value::Object(told));
        let mut context = Map::from_iter([("externalIds".to_owned(), Value::Array(external))]);
        if let Some(permit) = permit {
            context.insert("permissions".into(), json!(permit));
        }
        object.insert("context".into(), Value::Object(context));
        let event = match event {
            Some(Cell::Text(text)) => Some(text.as_str()),
            Some(Cell::Column(column)) => Some(
                cell(column)
                    .ok_or_else(|| Fault::new("event/name", column, "the column that says what was done is empty"))?,
            ),
            None => None,
        };
        let mut done = columns(row, properties);
        if let Some(Amount { column, decimal }) = value
            && let Some(text) = cell(column)
        {
            done.insert("value".into(), Value::Number(amount(text, *decimal).ok_or_else(|| number_fault(column))?));
        }
        object.insert("properties".into(), Value::Object(done));
        if let Some(event) = event {
            object.insert("event".into(), event.into());
        }
        if let Some(time) = time
            && let Some(text) = cell(&time.column)
        {
            let at = self
                .at(time, text)
                .ok_or_else(|| Fault::new("event/time", &time.column, "this is no time of the mapping's format"))?;
            object.insert("timestamp".into(), at.into());
        }
        let keyed = !message.is_empty();
        if keyed && let Some(column) = message.iter().find(|column| cell(column).is_none()) {
            return Err(Fault::new("row/key", column, "the column that makes the row's key is empty"));
        }
        let key: Vec<&str> = message.iter().filter_map(|column| cell(column)).collect();
        let mark = if keyed {
            format!("row\n{}\n{}", event.unwrap_or_default(), json!(key))
        } else {
            format!("row\n\n{}", json!(row))
        };
        let kind = if event.is_some() { crate::event::Kind::Track } else { crate::event::Kind::Identify };
        let arrival = Arrival {
            source,
            trusted: *contacts,
            otherwise: petitfour::consent::Permissions::ALL,
            received,
            path,
            visitor: None,
        };
        Call { object, kind: Some(kind), sent: None, mark: Mark::Said(mark) }.read(&arrival)
    }

    fn at(&self, time: &Time, text: &str) -> Option<i64> {
        let format = match time.format.as_deref() {
            None if self.mapping.time.as_ref().is_some_and(|time| time.zone.is_some()) => {
                return text
                    .parse::<civil::DateTime>()
                    .ok()
                    .and_then(|local| self.stamp(local))
                    .or_else(|| clock::parse(text));
            }
            None => return clock::parse(text),
            Some("seconds") => return text.parse::<i64>().ok()?.checked_mul(1_000).filter(|at| *at >= 0),
            Some("milliseconds") => return text.parse::<i64>().ok().filter(|at| *at >= 0),
            Some(format) => format,
        };
        let read = strtime::parse(format, text).ok()?;
        if let Ok(moment) = read.to_timestamp() {
            return Some(moment.as_millisecond()).filter(|at| *at >= 0);
        }
        let local = read.to_datetime().or_else(|_| read.to_date().map(|date| date.at(0, 0, 0, 0))).ok()?;
        self.stamp(local)
    }

    fn stamp(&self, local: civil::DateTime) -> Option<i64> {
        let moment = self.zone.to_ambiguous_timestamp(local).compatible().ok()?;
        Some(moment.as_millisecond()).filter(|at| *at >= 0)
    }
}

impl Column {
    fn name(&self) -> &String {
        match self {
            Self::Name(name) => name,
            Self::Dialled(dialled) => &dialled.column,
        }
    }
}

/// The cells of these columns under the names that they are given; empty ones say nothing.
fn columns(row: &Row, named: &BTreeMap<String, String>) -> Map<String, Value> {
    let cells = named.iter().filter_map(|(column, name)| Some((name.clone(), row.get(column)?.trim())));
    cells.filter(|(_, text)| !text.is_empty()).map(|(name, text)| (name, Value::from(text))).collect()
}

fn number_fault(column: &str) -> Fault {
    Fault::new("event/value", column, "this is no amount; say in the mapping what parts units from fractions")
}

/// An amount as a shop prints it: `1.234,50 €` with a comma for its decimal.
fn amount(text: &str, decimal: char) -> Option<Number> {
    let other = if decimal == ',' { '.' } else { ',' };
    let plain = |c: &char| c.is_ascii_digit() || matches!(c, '-' | '+') || *c == decimal;
    let shown = |c: char| plain(&c) || c == other || c.is_whitespace() || matches!(c, '\'' | '’' | '€' | '$' | '£');
    if !text.chars().all(shown) {
        return None;
    }
    let text: String = text.chars().filter(plain).map(|c| if c == decimal { '.' } else { c }).collect();
    Number::from_f64(text.parse().ok()?)
}

/// YAML as JSON: a mapping file needs nothing that JSON has not.
fn plain(node: &Yaml<'_>) -> Result<Value, String> {
    Ok(match node {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(told)) => (*told).into(),
        Yaml::Value(Scalar::Integer(number)) => (*number).into(),
        Yaml::Value(Scalar::String(text)) => text.as_ref().into(),
        Yaml::Sequence(list) => list.iter().map(plain).collect::<Result<_, _>>()?,
        Yaml::Mapping(map) => {
            let entry = |(name, value): (&Yaml<'_>, &Yaml<'_>)| match plain(name)? {
                Value::String(name) => Ok((name, plain(value)?)),
                Value::Number(name) => Ok((name.to_string(), plain(value)?)),
                _ => Err("the mapping: names have to be texts".to_owned()),
            };
            Value::Object(map.iter().map(entry).collect::<Result<_, String>>()?)
        }
        _ => return Err("the mapping: anchors, tags and fractions have no use here".into()),
    })
}
