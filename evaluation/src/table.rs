//! A number for each candidate of each round; rounds that have the same numbers share one row.

use crate::fault::Fault;
use crate::log::Log;

/// Most numbers that are kept for combinations of actions, positions and folds: 20 million are 160 MB.
pub const MAX_CELLS: usize = 20_000_000;

/// Rows of numbers, each as long as the candidates of the rounds that use it.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    rows: Vec<Vec<f64>>,
    of: Vec<u32>,
}

impl Table {
    /// Brings rows and rounds together: `of` has the number of a row for each round of the log.
    ///
    /// # Errors
    ///
    /// A round without a row, a row of another length than the round's candidates, a number that is not finite.
    pub fn new(log: &Log, rows: Vec<Vec<f64>>, of: Vec<u32>) -> Result<Self, Fault> {
        if of.len() != log.rounds().len() {
            return Err(Fault::of(format!("{} rows are named for {} rounds", of.len(), log.rounds().len())));
        }
        for (number, (round, row)) in log.rounds().iter().zip(&of).enumerate() {
            let candidates = log.candidates(round).len();
            let length = rows.get(*row as usize).map_or(0, Vec::len);
            if length != candidates {
                return Err(Fault::of(format!("round {number} has {candidates} candidates and {length} numbers")));
            }
        }
        if rows.iter().flatten().any(|number| !number.is_finite()) {
            return Err(Fault::of("a number is not finite"));
        }
        Ok(Self { rows, of })
    }

    /// Makes a row for each different key of a round, by `row`, and brings them together as [`Table::new`] does.
    pub(crate) fn keyed<K: Eq + std::hash::Hash>(
        log: &Log,
        key: impl Fn(usize) -> K,
        mut row: impl FnMut(usize) -> Result<Vec<f64>, Fault>,
    ) -> Result<Self, Fault> {
        let mut rows = Vec::new();
        let mut known = std::collections::HashMap::new();
        let mut of = Vec::with_capacity(log.rounds().len());
        let mut cells = 0_usize;
        for round in 0..log.rounds().len() {
            let next = rows.len() as u32;
            let number = *known.entry(key(round)).or_insert(next);
            if number == next {
                let made = row(round)?;
                cells = cells.saturating_add(made.len());
                if cells > MAX_CELLS {
                    return Err(Fault::of("positions, folds and candidates make too many combinations"));
                }
                rows.push(made);
            }
            of.push(number);
        }
        Self::new(log, rows, of)
    }

    /// The numbers of a round, in the order of its candidates.
    #[must_use]
    pub fn row(&self, round: usize) -> &[f64] {
        self.of.get(round).and_then(|row| self.rows.get(*row as usize)).map_or(&[], Vec::as_slice)
    }

    /// The number of the action that was chosen.
    #[must_use]
    pub fn chosen(&self, log: &Log, round: usize) -> f64 {
        let slot = log.rounds().get(round).map(|round| round.slot as usize);
        slot.and_then(|slot| self.row(round).get(slot)).copied().unwrap_or_default()
    }
}
