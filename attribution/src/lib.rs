//! What is credited to the touches that came before an outcome, by the rules that are in use.
//!
//! A *touch* is a view or a click in a channel; a *path* is one person's touches in order, and what came of them. A [`Rule`] divides each
//! outcome, and its value, among the channels of its path; the rules disagree, since each answers another question. [`Paths`] come from a
//! table of paths that somebody has counted, or from a [`Log`] of touches and outcomes, which is cut into paths by look-back [`Windows`].
//! Where the log also says from whom something was withheld on purpose, [`Log::lifts`] compares these people with the others: that is
//! what a channel caused, and no rule of attribution is.
//!
//! Invariants: the credits of every rule add up to the outcomes that have a path; neither the order of a table's rows nor that of a log's
//! (but of those of one person, moment and kind) changes them beyond rounding; and a file from outside is read or refused with line, field and remedy, never half.
//! Absent on purpose: who is one person (whoever writes the log knows), costs, and outcomes that were not yet there when the log ended.

mod fault;
mod holdout;
mod interval;
mod log;
mod markov;
mod names;
mod path;
mod rule;
mod shapley;
mod share;
mod table;

pub use fault::Fault;
pub use holdout::{Basis, Lift};
pub use interval::{Interval, Share};
pub use log::{By, Log, MAX_ROWS, Windows};
pub use markov::{MAX_ORDER, Removal};
pub use path::{Path, Paths, Sum, Touch};
pub use rule::{Credits, Detail, Rule, RuleError};
pub use shapley::{EXACT, PAIRS};

use std::io::Read;

/// What a file holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// Paths that were counted elsewhere; they have no times.
    Paths(Paths),
    /// Touches and outcomes, each with its person and time.
    Log(Log),
}

/// Reads a CSV file with a first line: a table of paths if it has a column `path`, a log of touches if it has `person`. Fields are parted by
/// whichever of `,`, `;` and tab the first line has most of; columns may stand in any order, and others are left alone.
///
/// A table of paths has `path` (channels parted by `>`), `total_conversions`, and may have `total_conversion_value` and `total_null`. A log
/// has `person`, `time` and `kind` (`view`, `click`, `outcome`, `chosen`, `held_out`), and may have `channel`, `campaign`, `device` and
/// `value`.
///
/// # Errors
///
/// The file cannot be read, is neither of the two, or has a field that does not hold what it should: with line, field and remedy.
pub fn read(source: impl Read) -> Result<Source, Fault> {
    let table = table::Table::open(source)?;
    if table.column("path").is_some() {
        return Paths::of(table).map(Source::Paths);
    }
    if table.column("person").is_some() {
        return Log::of(table).map(Source::Log);
    }
    Err(Fault::at(1, "there is neither a column `path` nor a column `person`").remedy(
        "a table of paths has `path,total_conversions,total_conversion_value,total_null`, a log of touches `person,time,kind,channel,value`",
    ))
}
