//! A table from rows, within bounds: rows are gone through twice, and at most so many of them are kept.
//!
//! The first time says what each column is (numbers, or levels of text) and how many rows there are; the second takes the rows, all of them or,
//! where there are more than asked for, a sample in which each has the same chance (Vitter 1985, algorithm R), in the order of the file.
//! So a file larger than memory is trained from within `most × (columns + 3) × 8` bytes, twice while columns are made.

use std::collections::{BTreeMap, HashMap};

use crate::fault::{Fault, cut};
use crate::random::Random;
use crate::source::{Field, Source};
use crate::table::{Column, Kind, Table};

/// What of the rows is wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The column that says who did.
    pub target: String,
    /// What it says of those who did; without it, 1 or true.
    pub positive: Option<String>,
    /// Columns that are left out.
    pub drop: Vec<String>,
    /// Columns that look like identifiers and are none.
    pub keep: Vec<String>,
    /// The column that says what a row counts.
    pub weight: Option<String>,
    /// The column that says when a row was: numbers, or texts that begin with `YYYY-MM-DD`.
    pub time: Option<String>,
    /// Rows beyond which a sample is taken.
    pub most: usize,
    /// Seed of the sample.
    pub seed: u64,
}

/// Different texts of one column beyond which it is refused.
const TEXTS: usize = 65_536;
/// Different values of the target beyond which it is no question of yes or no.
const ANSWERS: usize = 100;
/// Share of numbers from which on a text among them is a mistake.
const MOSTLY: f64 = 0.9;
/// Bytes of a text beyond which it is no level.
const LONGEST: usize = 256;

/// Gathers a table; `open` is called twice, `tick` now and then with the rows that were gone through, of both times together.
///
/// # Errors
///
/// Names the place where a value is infinite, a text stands among numbers, a label or a weight is missing, or the file is broken; the column
/// that is asked for and not there, has too many texts, looks like an identifier or is all the same.
pub fn gather(
    open: &mut dyn FnMut() -> Result<Box<dyn Source>, Fault>,
    plan: &Plan,
    tick: &mut dyn FnMut(u64),
) -> Result<Table, Fault> {
    let mut source = open()?;
    let survey = Survey::take(source.as_mut(), plan, tick)?;
    let positive = survey.positive(plan)?;
    drop(source);
    let mut source = open()?;
    let mut sample = Sample::new(&survey, plan);
    let unit = source.unit();
    let mut row = 0;
    source.each(&mut |place, fields| {
        row += 1;
        if row % 8_192 == 0 {
            tick(survey.rows + row);
        }
        sample
            .offer(row - 1, &survey, &positive, plan, fields)
            .map_err(|what| Fault::at(format!("{unit} {place}"), what))
    })?;
    let mut table = sample.table(&survey, plan, positive)?;
    table.rows_read = row;
    table.inspect(&plan.keep)?;
    Ok(table)
}

/// What the first time through says.
struct Survey {
    names: Vec<String>,
    columns: Vec<Seen>,
    target: usize,
    weight: Option<usize>,
    time: Option<usize>,
    answers: BTreeMap<String, u64>,
    rows: u64,
}

#[derive(Default)]
struct Seen {
    numbers: u64,
    texts: u64,
    first_text: Option<(u64, String)>,
}

impl Survey {
    fn take(source: &mut dyn Source, plan: &Plan, tick: &mut dyn FnMut(u64)) -> Result<Self, Fault> {
        let names: Vec<String> = source.columns().iter().map(|name| joined(name)).collect();
        let mut told = names.clone();
        told.sort();
        if let Some(twice) = told.iter().zip(told.iter().skip(1)).find(|(one, next)| one == next) {
            return Err(
                Fault::of(format!("two columns are called `{}`", cut(twice.0))).remedy("give each a name of its own")
            );
        }
        let find = |wanted: &str| {
            names.iter().position(|name| *name == joined(wanted)).ok_or_else(|| {
                let there: Vec<String> = names.iter().take(12).map(|name| cut(name)).collect();
                let more = if names.len() > 12 { ", …" } else { "" };
                Fault::of(format!("there is no column `{}`", cut(wanted)))
                    .remedy(format!("there are {}{more}", there.join(", ")))
            })
        };
        let target = find(&plan.target)?;
        let weight = plan.weight.as_deref().map(find).transpose()?;
        let time = plan.time.as_deref().map(find).transpose()?;
        for name in &plan.keep {
            find(name)?;
        }
        let mut survey = Self {
            columns: names.iter().map(|_| Seen::default()).collect(),
            names,
            target,
            weight,
            time,
            answers: BTreeMap::new(),
            rows: 0,
        };
        let unit = source.unit();
        source.each(&mut |place, fields| {
            survey.rows += 1;
            if survey.rows.is_multiple_of(8_192) {
                tick(survey.rows);
            }
            survey.see(place, fields).map_err(|fault| Fault { place: Some(format!("{unit} {place}")), ..fault })
        })?;
        if survey.rows == 0 {
            return Err(Fault::of("there are no rows"));
        }
        for (number, seen) in survey.columns.iter().enumerate() {
            let name = survey.names.get(number).map_or("", String::as_str);
            if number != target && Some(number) != time && !plan.drop.iter().any(|dropped| joined(dropped) == name) {
                seen.refuse_stray_text(name, unit)?;
            }
        }
        Ok(survey)
    }

    fn see(&mut self, place: u64, fields: &[Field<'_>]) -> Result<(), Fault> {
        for ((number, seen), field) in self.columns.iter_mut().enumerate().zip(fields) {
            let name = || self.names.get(number).map_or("", String::as_str);
            if number == self.target {
                let answer = said(field).ok_or_else(|| {
                    Fault::of(format!("`{}`, which is to be learned, is missing", name()))
                        .remedy("leave rows out that do not say it")
                })?;
                *self.answers.entry(answer).or_default() += 1;
                if self.answers.len() > ANSWERS {
                    return Err(Fault::of(format!(
                        "`{}` has more than {ANSWERS} different values: it is no question of yes or no",
                        name()
                    ))
                    .remedy("name another --target"));
                }
                continue;
            }
            match field {
                Field::Missing => {}
                Field::Number(value) => seen.number(*value, name())?,
                Field::Text(text) => match number_of(text) {
                    Some(value) => seen.number(value, name())?,
                    None => {
                        seen.texts += 1;
                        if seen.first_text.is_none() {
                            seen.first_text = Some((place, cut(text)));
                        }
                    }
                },
            }
        }
        Ok(())
    }

    /// What the target says of those who did.
    fn positive(&self, plan: &Plan) -> Result<String, Fault> {
        let told =
            || self.answers.keys().take(8).map(|answer| format!("`{}`", cut(answer))).collect::<Vec<_>>().join(", ");
        let target = &plan.target;
        if self.answers.len() < 2 {
            return Err(Fault::of(format!("`{target}` is {} in every row: there is nothing to learn", told()))
                .remedy("bring rows of both kinds"));
        }
        let found = match &plan.positive {
            Some(wanted) => self.answers.keys().find(|answer| *answer == wanted),
            None if self.answers.len() == 2 => self.answers.keys().find(|answer| number_of(answer) == Some(1.0)),
            None => None,
        };
        found.cloned().ok_or_else(|| match &plan.positive {
            Some(wanted) => {
                Fault::of(format!("`{target}` is never `{}`", cut(wanted))).remedy(format!("it is {}", told()))
            }
            None => Fault::of(format!("`{target}` is {}", told()))
                .remedy("say with --positive which of them is to be learned"),
        })
    }

    fn is_numbers(&self, column: usize) -> bool {
        self.columns.get(column).is_none_or(|seen| seen.texts == 0)
    }
}

impl Seen {
    fn number(&mut self, value: f64, name: &str) -> Result<(), Fault> {
        if value.is_infinite() {
            return Err(
                Fault::of(format!("`{name}` is infinite")).remedy("leave the field empty where the value is not known")
            );
        }
        self.numbers += 1;
        Ok(())
    }

    fn refuse_stray_text(&self, name: &str, unit: &str) -> Result<(), Fault> {
        let told = self.numbers + self.texts;
        let Some((place, text)) = &self.first_text else { return Ok(()) };
        if self.numbers as f64 <= MOSTLY * told as f64 {
            return Ok(());
        }
        Err(Fault::at(
            format!("{unit} {place}"),
            format!("`{name}` is `{text}`, where {} of {told} values are numbers", self.numbers),
        )
        .remedy("leave the field empty where the value is not known"))
    }
}

/// What the second time through keeps.
struct Sample {
    random: Random,
    rows: Vec<Row>,
    /// The columns that may be asked, by their place in the file.
    asked: Vec<usize>,
    /// Texts of the asked columns, in the order in which they were met.
    texts: Vec<HashMap<String, u32>>,
}

struct Row {
    number: u64,
    truth: f64,
    weight: f64,
    time: f64,
    values: Box<[f64]>,
}

impl Sample {
    fn new(survey: &Survey, plan: &Plan) -> Self {
        let left_out = |number: usize, name: &String| {
            number == survey.target
                || Some(number) == survey.weight
                || Some(number) == survey.time
                || plan.drop.iter().any(|dropped| joined(dropped) == *name)
        };
        let asked: Vec<usize> = survey
            .names
            .iter()
            .enumerate()
            .filter(|(number, name)| !left_out(*number, name))
            .map(|(number, _)| number)
            .collect();
        let texts = asked.iter().map(|_| HashMap::new()).collect();
        Self { random: Random::new(plan.seed), rows: Vec::new(), asked, texts }
    }

    fn offer(
        &mut self,
        number: u64,
        survey: &Survey,
        positive: &str,
        plan: &Plan,
        fields: &[Field<'_>],
    ) -> Result<(), String> {
        let place = if self.rows.len() < plan.most { self.rows.len() } else { self.random.below(number + 1) as usize };
        if place >= plan.most {
            return Ok(());
        }
        let get = |column: usize| fields.get(column).copied().unwrap_or(Field::Missing);
        let name = |column: usize| survey.names.get(column).map_or("", String::as_str);
        let mut values = Vec::with_capacity(self.asked.len());
        for (column, texts) in self.asked.iter().zip(&mut self.texts) {
            values.push(
                value(get(*column), survey.is_numbers(*column), texts).map_err(|what| {
                    format!("`{}` {what}; leave it out with --drop {}", name(*column), name(*column))
                })?,
            );
        }
        let truth = f64::from(said(&get(survey.target)).as_deref() == Some(positive));
        let weight = match survey.weight {
            None => 1.0,
            Some(column) => value(get(column), true, &mut HashMap::new())
                .ok()
                .filter(|weight| *weight >= 0.0)
                .ok_or_else(|| format!("`{}`, which says what a row counts, is no number from 0 on", name(column)))?,
        };
        let time = match survey.time {
            Some(column) => when(get(column)).ok_or_else(|| {
                format!("`{}`, which says when a row was, is no number and no `YYYY-MM-DD…`", name(column))
            })?,
            None => 0.0,
        };
        let row = Row { number, truth, weight, time, values: values.into_boxed_slice() };
        match self.rows.get_mut(place) {
            Some(old) => *old = row,
            None => self.rows.push(row),
        }
        Ok(())
    }

    fn table(mut self, survey: &Survey, plan: &Plan, positive: String) -> Result<Table, Fault> {
        self.rows.sort_by_key(|row| row.number);
        let mean = self.rows.iter().map(|row| row.weight).sum::<f64>() / self.rows.len() as f64;
        if !(mean > 0.0 && mean.is_finite()) {
            return Err(Fault::of("the weights of all rows together are 0 or infinite"));
        }
        let times = survey.time.map(|_| self.rows.iter().map(|row| row.time).collect());
        let mut columns = Vec::new();
        for (place, (column, texts)) in self.asked.iter().zip(&self.texts).enumerate() {
            let values: Vec<f64> =
                self.rows.iter().map(|row| row.values.get(place).copied().unwrap_or(f64::NAN)).collect();
            let (kind, values) = if survey.is_numbers(*column) {
                (Kind::Numbers, values)
            } else {
                let (levels, values) = ranked(texts, values);
                (Kind::Levels(levels), values)
            };
            columns.push(Column { name: survey.names.get(*column).cloned().unwrap_or_default(), kind, values });
        }
        Ok(Table {
            columns,
            truth: self.rows.iter().map(|row| row.truth).collect(),
            weights: self.rows.iter().map(|row| row.weight / mean).collect(),
            times,
            target: (plan.target.clone(), positive),
            rows_read: survey.rows,
            notes: Vec::new(),
        })
    }
}

/// Texts ascending, and their ranks in place of the numbers that they were met under.
fn ranked(texts: &HashMap<String, u32>, values: Vec<f64>) -> (Vec<String>, Vec<f64>) {
    let mut sorted: Vec<(&String, u32)> = texts.iter().map(|(text, number)| (text, *number)).collect();
    sorted.sort();
    let mut ranks = vec![f64::NAN; sorted.len()];
    for (rank, (_, number)) in sorted.iter().enumerate() {
        if let Some(place) = ranks.get_mut(*number as usize) {
            *place = rank as f64;
        }
    }
    let values = values
        .into_iter()
        .map(|value| if value.is_nan() { value } else { ranks.get(value as usize).copied().unwrap_or(f64::NAN) });
    let values = values.collect();
    (sorted.into_iter().map(|(text, _)| text.clone()).collect(), values)
}

fn value(field: Field<'_>, numbers: bool, texts: &mut HashMap<String, u32>) -> Result<f64, String> {
    match field {
        Field::Missing => Ok(f64::NAN),
        Field::Number(value) if numbers => Ok(value),
        Field::Text(text) if numbers => number_of(text).ok_or_else(|| format!("is `{}` and no number", cut(text))),
        Field::Number(value) => met(&value.to_string(), texts),
        Field::Text(text) => met(text, texts),
    }
}

/// The number that a text was first met under.
fn met(text: &str, texts: &mut HashMap<String, u32>) -> Result<f64, String> {
    if let Some(number) = texts.get(text) {
        return Ok(f64::from(*number));
    }
    if texts.len() >= TEXTS {
        return Err(format!("has more than {TEXTS} different texts, as an identifier has"));
    }
    if text.len() > LONGEST {
        return Err(format!("has a text of {} bytes, which is no level", text.len()));
    }
    let number = texts.len() as u32;
    texts.insert(text.to_owned(), number);
    Ok(f64::from(number))
}

/// A number, or a date as a number that grows with it: `2026-11-03T08:30:00.5Z` is 20261103083000.5. Zones are not looked at.
fn when(field: Field<'_>) -> Option<f64> {
    match field {
        Field::Missing => None,
        Field::Number(time) => Some(time),
        Field::Text(text) => number_of(text).filter(|time| !time.is_nan()).or_else(|| {
            let (date, rest) = text.split_at_checked(10)?;
            let bytes = date.as_bytes();
            let dashed = bytes.get(4) == Some(&b'-') && bytes.get(7) == Some(&b'-');
            let day: String = date.chars().filter(char::is_ascii_digit).collect();
            let (clock, fraction) = rest.split_once('.').unwrap_or((rest, ""));
            let clock: String = clock.chars().filter(char::is_ascii_digit).chain("000000".chars()).take(6).collect();
            let fraction: String = fraction.chars().take_while(char::is_ascii_digit).collect();
            (dashed && day.len() == 8).then(|| format!("{day}{clock}.{fraction}0").parse().ok()).flatten()
        }),
    }
}

/// A field of the target, as text.
fn said(field: &Field<'_>) -> Option<String> {
    match field {
        Field::Missing => None,
        Field::Number(value) => Some(value.to_string()),
        Field::Text(text) => Some((*text).chars().take(LONGEST).collect()),
    }
}

/// The number that a text is, truth as 1 and 0.
fn number_of(text: &str) -> Option<f64> {
    match text {
        "TRUE" | "True" | "true" => Some(1.0),
        "FALSE" | "False" | "false" => Some(0.0),
        _ => text.parse().ok(),
    }
}

/// A name as models have it.
fn joined(name: &str) -> String {
    name.trim().replace(char::is_whitespace, "_")
}
