//! Models that others trained: read as their libraries write them, and scored as these score.
//!
//! A [`Forest`] is a sum of decision trees over a row of numbers, whatever library grew it: [`lightgbm`] reads what LightGBM saves. It scores
//! in double precision, in the order of the library, so that what comes out is what the library says; quantising it is another step.
//! [`Rows`] brings the rows of a CSV file into the order of a model's features.
//!
//! Invariants: a file from outside is read or refused with the line and a remedy, never half; what is read always ends (children stand
//! behind their parents), and nothing is allocated beyond a small multiple of the file.
//! Absent on purpose: training, and anything that runs where visitors are.

mod fault;
mod forest;
pub mod lightgbm;
mod rows;

pub use fault::Fault;
pub use forest::{Blank, Child, Feature, Forest, Link, MAX_LEAVES, Side, Split, Test, Tree};
pub use rows::Rows;
