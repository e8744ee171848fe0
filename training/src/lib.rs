//! Models from rows: boosted trees and a logistic regression, measured on rows that neither saw.
//!
//! [`gather()`] makes a [`Table`] from a [`Source`] of rows, within bounds of memory; [`Split`] says which rows are learned from; [`Study`] trains
//! both models, measures them on the rows held out, recommends one, and warns of columns that know too much and of a world that has moved.
//! The trees are a [`petitfour_models::Forest`], which scores, and [`lightgbm`] writes it for LightGBM and for everything else here that reads it.
//!
//! Invariants: the same rows and seeds make the same models; rows held out are measured on and nothing else, so neither bins nor levels nor
//! the number of trees know them; what is wrong with a file is told with its place and a remedy.
//! Absent on purpose: files, clocks and progress bars, which the caller has; several classes; searches over settings.

mod boosted;
mod calibrated;
mod counted;
mod drift;
mod encoding;
mod fault;
mod gather;
mod leak;
mod linear;
mod measure;
mod random;
mod source;
mod split;
mod study;
mod table;
mod text;
mod trees;

pub use boosted::Boosted;
pub use calibrated::{Calibrated, Reliability};
pub use counted::{Counted, dealt};
pub use drift::{Drift, FALL, MOVED, Moved};
pub use fault::Fault;
pub use gather::{Plan, gather};
pub use leak::{CARRIED, Leak, STRONG, SURE};
pub use linear::{Linear, Term};
pub use measure::{Bin, Measures, auc};
pub use source::{Csv, Field, Parquet, Source, Take};
pub use split::{By, Split};
pub use study::{Asked, ClassWeight, Kind, Settings, Study};
pub use table::{Column, Kind as Values, Table};
pub use text::lightgbm;
pub use trees::{Growth, Loss};
