//! What another policy would have earned on a log of decisions whose probabilities are known.
//!
//! A [`Log`] has rounds: what could be chosen, what was chosen and with which probability, what it earned. A [`Policy`] says with which probability it
//! would have chosen each candidate of each round, [`Rewards`] what each would have earned, as far as a model can tell. An [`Evaluation`] holds the three
//! together; an [`Estimator`] makes a value of it, a [`Sample`] the interval around it, an [`Overlap`] says how much of the log speaks of the policy at
//! all, and a [`Comparison`] whether two policies can be told apart.
//!
//! Invariants: the same log and the same seed give the same bits; a file from outside is read or refused with line, field and remedy, never half;
//! nothing is allocated beyond a small multiple of what was read, or [`MAX_CELLS`].
//! Absent on purpose: estimated propensities (a log that does not know its probabilities is another kind of log), several actions chosen at once as one
//! (positions are rounds of their own), learning a policy.

mod comparison;
mod estimator;
mod evaluation;
mod fault;
mod interval;
mod items;
mod log;
mod overlap;
mod policy;
mod regression;
mod rewards;
mod rows;
mod sheet;
mod table;
mod thompson;
pub mod usual;

pub use comparison::{Comparison, LEAST_EFFECTIVE, LEAST_OUTCOMES, Verdict};
pub use estimator::{Estimate, Estimator, THRESHOLDS};
pub use evaluation::Evaluation;
pub use fault::Fault;
pub use interval::{Interval, LEVEL, Method, Sample};
pub use items::Items;
pub use log::{Draft, Entry, Log, Outcomes, Round};
pub use overlap::Overlap;
pub use policy::Policy;
pub use regression::Regression;
pub use rewards::{Folds, PRIOR, Rewards};
pub use rows::Columns;
pub use sheet::{Cells, Sheet};
pub use table::{MAX_CELLS, Table};
pub use thompson::Thompson;
