//! Which rows are learned from, which say when to stop, and which are kept apart to measure on.

use crate::fault::Fault;
use crate::random::Random;
use crate::table::Table;

/// How rows are parted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// By a column of times: the newest are kept apart.
    Time,
    /// By the order of the file, which is time.
    Order,
    /// At random, with the same rate of the target on each side.
    Random,
}

/// Numbers of rows, ascending within each part unless they are in the order of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// How they were parted.
    pub by: By,
    /// Learned from.
    pub train: Vec<usize>,
    /// Says when to stop; learned from by what needs no stopping.
    pub validation: Vec<usize>,
    /// Measured on, and nothing else.
    pub holdout: Vec<usize>,
}

/// Share of the rows that are not held out, which say when to stop.
const VALIDATION: f64 = 0.2;
/// Rows of either kind that each part has to have for its measures to mean anything.
const LEAST: usize = 10;

impl Split {
    /// Parts a table; `share` of its rows are held out.
    ///
    /// # Errors
    ///
    /// A part has fewer than ten rows that did, or that did not; by time, all rows are of one time.
    pub fn of(table: &Table, by: By, share: f64, seed: u64) -> Result<Self, Fault> {
        let all: Vec<usize> = (0..table.len()).collect();
        let ((rest, holdout), seed) = match (by, &table.times) {
            (By::Random, _) => (drawn(table, &all, share, seed), seed),
            (By::Order, _) => (tail(&all, None, share), seed),
            (By::Time, None) => return Err(Fault::of("no column says when a row was").remedy("name it with --time")),
            (By::Time, Some(times)) => {
                let mut sorted = all;
                sorted.sort_by(|one, other| {
                    let time = |row: &usize| times.get(*row).copied().unwrap_or(f64::NAN);
                    time(one).total_cmp(&time(other)).then(one.cmp(other))
                });
                (tail(&sorted, Some(times), share), seed)
            }
        };
        // Another stream than that of the holdout.
        let (train, validation) = match by {
            By::Random => drawn(table, &rest, VALIDATION, seed ^ 0x5eed),
            By::Order => tail(&rest, None, VALIDATION),
            By::Time => tail(&rest, table.times.as_deref(), VALIDATION),
        };
        let split = Self { by, train, validation, holdout };
        for (name, rows) in
            [("learned from", &split.train), ("that say when to stop", &split.validation), ("held out", &split.holdout)]
        {
            let did = rows.iter().filter(|row| table.truth.get(**row) == Some(&1.0)).count();
            let (fewer, kind) = if did <= rows.len() - did { (did, "are") } else { (rows.len() - did, "are not") };
            if fewer < LEAST {
                let (target, positive) = &table.target;
                let what = format!("of the {} rows {name}, {fewer} {kind} `{target}` = `{positive}`", rows.len());
                return Err(
                    Fault::of(what).remedy(format!("at least {LEAST} of either kind are needed: bring more rows"))
                );
            }
        }
        Ok(split)
    }

    /// All rows that are not held out.
    #[must_use]
    pub fn learned(&self) -> Vec<usize> {
        self.train.iter().chain(&self.validation).copied().collect()
    }
}

/// What comes before, and the last `share`; rows of one time stay together.
fn tail(rows: &[usize], times: Option<&[f64]>, share: f64) -> (Vec<usize>, Vec<usize>) {
    let mut at = rows.len() - (rows.len() as f64 * share).round() as usize;
    let time = |place: usize| times.and_then(|times| rows.get(place).and_then(|row| times.get(*row)));
    while at > 0 && times.is_some() && time(at) == time(at - 1) {
        at -= 1;
    }
    let (before, after) = rows.split_at_checked(at).unwrap_or((rows, &[]));
    (before.to_vec(), after.to_vec())
}

/// Of those who did and of those who did not, `share` each.
fn drawn(table: &Table, rows: &[usize], share: f64, seed: u64) -> (Vec<usize>, Vec<usize>) {
    let mut random = Random::new(seed);
    let (mut rest, mut taken) = (Vec::new(), Vec::new());
    for kind in [0.0, 1.0] {
        let mut alike: Vec<usize> = rows.iter().copied().filter(|row| table.truth.get(*row) == Some(&kind)).collect();
        random.shuffle(&mut alike);
        let count = (alike.len() as f64 * share).round() as usize;
        let (first, others) = alike.split_at_checked(count).unwrap_or((&alike, &[]));
        taken.extend_from_slice(first);
        rest.extend_from_slice(others);
    }
    rest.sort_unstable();
    taken.sort_unstable();
    (rest, taken)
}
