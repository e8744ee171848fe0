//! A log as a CSV file: one decision a line.

use std::collections::HashSet;
use std::io::Read;

use crate::fault::{Fault, cut};
use crate::log::{Draft, Entry, Log};
use crate::sheet::Sheet;
use crate::usual;

/// What columns are called; `None` takes the first of the usual names that is there.
#[derive(Debug, Clone, Default)]
pub struct Columns {
    /// What was chosen: `action`, `item_id`, `creative`.
    pub action: Option<String>,
    /// With which probability: `probability`, `propensity_score`, `pscore`.
    pub probability: Option<String>,
    /// Where: `position`, `placement`; need not be there.
    pub position: Option<String>,
    /// What it earned: `reward`, `click`; an empty field is 0.
    pub reward: Option<String>,
    /// Whose it is: `cluster`, `visitor`; need not be there.
    pub cluster: Option<String>,
    /// What could be chosen, parted by `|`: `candidates`; need not be there.
    pub candidates: Option<String>,
}

impl Columns {
    /// Reads a log. `actions` are known beforehand, in their order; without a column of candidates, whatever is known could be chosen everywhere.
    ///
    /// # Errors
    ///
    /// With line and field: a column that is missing, a field that is not what it has to be, what [`Draft`] refuses.
    pub fn read(&self, source: impl Read, actions: &[String]) -> Result<Log, Fault> {
        let mut sheet = Sheet::open(source)?;
        let action = sheet.required(self.action.as_deref(), &usual::ACTION)?;
        let probability = sheet.required(self.probability.as_deref(), &usual::PROBABILITY)?;
        let reward = sheet.required(self.reward.as_deref(), &usual::REWARD)?;
        let position = sheet.column(self.position.as_deref(), &usual::POSITION)?;
        let cluster = sheet.column(self.cluster.as_deref(), &usual::CLUSTER)?;
        let candidates = sheet.column(self.candidates.as_deref(), &["candidates"])?;
        let known: HashSet<&str> = actions.iter().map(String::as_str).collect();
        let mut draft = Draft::default();
        for action in actions {
            draft.know(action);
        }
        while let Some(cells) = sheet.next_row()? {
            let named: Option<Vec<&str>> =
                candidates.map(|column| cells.text(column).split('|').map(str::trim).collect());
            let entry = Entry {
                action: cells.text(action),
                position: position.map_or("", |column| cells.text(column)),
                candidates: named.as_deref(),
                cluster: cluster.map(|column| cells.text(column)),
                probability: cells.number(probability)?,
                reward: if cells.text(reward).is_empty() { 0.0 } else { cells.number(reward)? },
            };
            if entry.action.is_empty() {
                return Err(cells.fault(action, "it is empty").remedy("name what was chosen"));
            }
            if candidates.is_none() && !known.is_empty() && !known.contains(entry.action) {
                let what = format!("`{}` is none of the actions that are known", cut(entry.action));
                return Err(cells.fault(action, what).remedy("give it a line in the file of actions"));
            }
            draft.push(entry).map_err(|fault| {
                let column = match fault.field.as_deref() {
                    Some("probability") => Some(probability),
                    Some("reward") => Some(reward),
                    _ => candidates,
                };
                let line = fault.line(cells.line);
                column.map_or(line.clone(), |column| Fault { field: cells.fault(column, "").field, ..line })
            })?;
        }
        draft.finish()
    }
}
