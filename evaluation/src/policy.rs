//! With which probability a policy would have chosen each candidate of each round.

use std::collections::HashMap;
use std::io::Read;

use crate::fault::{Fault, cut};
use crate::log::Log;
use crate::sheet::Sheet;
use crate::table::Table;
use crate::usual;

/// By how much the probabilities of one choice may miss 1: files have them rounded to six digits.
const LOOSE: f64 = 1e-4;

/// A policy on one log.
///
/// Invariant: each row has no number below 0, and adds up to 1 within 1e-4.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy(Table);

impl Policy {
    /// Checks a table of probabilities.
    ///
    /// # Errors
    ///
    /// A number below 0, or a round whose numbers do not add up to 1; it says which.
    pub fn new(log: &Log, table: Table) -> Result<Self, Fault> {
        for (number, round) in log.rounds().iter().enumerate() {
            let row = table.row(number);
            let sum = row.iter().sum::<f64>();
            if row.iter().any(|share| *share < 0.0) || (sum - 1.0).abs() > LOOSE {
                let place = log.positions().get(round.position as usize).map_or("", String::as_str);
                let at = if place.is_empty() { String::new() } else { format!(" at position `{}`", cut(place)) };
                let what = format!("the policy's probabilities add up to {sum:.6}{at} (round {})", number + 1);
                return Err(Fault::of(what).remedy("give each candidate its probability, and 1 to all together"));
            }
        }
        Ok(Self(table))
    }

    /// Every candidate alike.
    ///
    /// # Errors
    ///
    /// None of a log as it is; there are too many different sets of candidates to hold.
    pub fn uniform(log: &Log) -> Result<Self, Fault> {
        let rounds = log.rounds();
        let set = |number: usize| rounds.get(number).map(|round| log.set(round));
        let table = Table::keyed(log, set, |number| {
            let count = rounds.get(number).map_or(0, |round| log.candidates(round).len());
            Ok(vec![1.0 / count as f64; count])
        })?;
        Self::new(log, table)
    }

    /// Always the same action.
    ///
    /// # Errors
    ///
    /// The log does not know it, or in some round it was no candidate.
    pub fn always(log: &Log, action: &str) -> Result<Self, Fault> {
        let number = log
            .action(action)
            .ok_or_else(|| Fault::of(format!("the log knows no action `{}`", cut(action))).remedy("name one it has"))?;
        Self::shares(log, |_, other| if other == number { 1.0 } else { 0.0 })
    }

    /// From the probability of each action at each position, told by their numbers.
    ///
    /// # Errors
    ///
    /// As [`Policy::new`].
    pub fn shares(log: &Log, share: impl Fn(u32, u32) -> f64) -> Result<Self, Fault> {
        let rounds = log.rounds();
        let key = |number: usize| rounds.get(number).map(|round| (round.position, log.set(round)));
        let table = Table::keyed(log, key, |number| {
            let Some(round) = rounds.get(number) else { return Ok(Vec::new()) };
            Ok(log.candidates(round).iter().map(|action| share(round.position, *action)).collect())
        })?;
        Self::new(log, table)
    }

    /// Reads a CSV file of `action` (or `item_id`, `creative`) and `probability`, with `position` (or `placement`) where the policy differs by it, or with `round`, the
    /// number of a round from 1, where it differs by that. What is not told has the probability 0.
    ///
    /// # Errors
    ///
    /// With line and field: a column that is missing, an action, position or round that the log does not have, one that is told twice, a
    /// probability outside 0 to 1; and as [`Policy::new`].
    pub fn read(log: &Log, source: impl Read) -> Result<Self, Fault> {
        let mut sheet = Sheet::open(source)?;
        let action = sheet.required(None, &usual::ACTION)?;
        let probability = sheet.required(None, &["probability"])?;
        let position = sheet.column(None, &usual::POSITION)?;
        let round = sheet.column(None, &["round"])?;
        let actions: HashMap<&str, u32> = log.actions().iter().map(String::as_str).zip(0..).collect();
        let positions: HashMap<&str, u32> = log.positions().iter().map(String::as_str).zip(0..).collect();
        let mut told: HashMap<(u32, u32), f64> = HashMap::new();
        while let Some(cells) = sheet.next_row()? {
            let name = cells.text(action);
            let number = *actions.get(name).ok_or_else(|| {
                let what = format!("`{}` is no action of the log", cut(name));
                cells.fault(action, what).remedy("name all that could be chosen by a file of actions")
            })?;
            let place = if let Some(column) = round {
                let text = cells.text(column);
                let place = text.parse().ok().filter(|place| (1..=log.rounds().len() as u32).contains(place));
                place.ok_or_else(|| {
                    let what = format!("`{}` is no round of the log, which has {}", cut(text), log.rounds().len());
                    cells.fault(column, what).remedy("rounds are numbered from 1")
                })? - 1
            } else if let Some(column) = position {
                let name = cells.text(column);
                *positions.get(name).ok_or_else(|| {
                    let what = format!("`{}` is no position of the log", cut(name));
                    cells.fault(column, what).remedy("name it as the log does, or leave its lines out")
                })?
            } else {
                0
            };
            let share = cells.number(probability)?;
            if !(0.0..=1.0).contains(&share) {
                return Err(cells.fault(probability, format!("{share} is no probability")).remedy("it lies in 0 to 1"));
            }
            if told.insert((place, number), share).is_some() {
                return Err(cells.fault(action, format!("`{}` comes twice", cut(name))).remedy("tell it once"));
            }
        }
        let share = |place: u32, action: u32| told.get(&(place, action)).copied().unwrap_or_default();
        if round.is_some() {
            let rounds = log.rounds();
            let table = Table::keyed(
                log,
                |number| number,
                |number| {
                    let Some(round) = rounds.get(number) else { return Ok(Vec::new()) };
                    Ok(log.candidates(round).iter().map(|action| share(number as u32, *action)).collect())
                },
            )?;
            return Self::new(log, table);
        }
        Self::shares(log, |place, action| share(if position.is_some() { place } else { 0 }, action))
    }

    /// The probabilities.
    #[must_use]
    pub fn table(&self) -> &Table {
        &self.0
    }
}
