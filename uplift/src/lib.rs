//! Uplift: whom a treatment changes, whom it should be spared, and whether anybody can tell them apart.
//!
//! [`read`] makes a [`Trial`] of rows that were treated at random. A [`Learner`] foresees the effect on each row by boosted trees;
//! [`Ranking`] measures it by Qini and AUUC on rows held out, many times; [`Advice`] says whether a learned policy beats the best single arm by more than chance,
//! in rows that it did not learn from; [`Segment`] tells the same of parts that people have names for.
//!
//! Invariants: nothing is measured on rows that it was learned from; every figure has an interval; where the interval holds zero the word is
//! *no difference*, and what is advised is one thing for everybody. The same rows and seed say the same.
//! Absent on purpose: observational data, of which nobody knows the probabilities of treatment; files, clocks and progress bars, which the caller has.

mod balance;
mod estimate;
mod learner;
mod parting;
mod policy;
mod qini;
mod ranking;
mod rows;
mod segment;
mod trial;

pub use balance::{Imbalance, SUSPECT, imbalances};
pub use estimate::{Estimate, LEVEL, Verdict};
pub use learner::{Effect, Learner, Propensity, Settings};
pub use policy::{Advice, Choice, Policy, Worth};
pub use qini::{Curve, Point};
pub use ranking::{Band, GRID, Ranking};
pub use rows::{Plan, read};
pub use segment::{Arm, Counsel, LEAST, Lift, Part, Segment};
pub use trial::Trial;
