//! Which imported records are one person: record linkage after Fellegi and Sunter, trained without labels.
//!
//! [`resolve`] takes a [`Table`] of records and proposes [`Edge`]s between those that are likely one person's, each
//! with the bits of evidence that make its probability. It decides nothing: what is proposed enters the identity graph,
//! or does not, by the graph's policy.
//!
//! The way of a table: columns to kinds (`kind`), fields to values (`value`), records in the order of their contents
//! (`records`), candidates by shared keys (`block`), levels of likeness (`compare`), what levels are worth (`chance`,
//! `train`, `model`), groups by pooled evidence (`group`), which in turn teach aliases (`alias`). `docs/linkage.md` has
//! the method with its sources.
//!
//! Invariant: the same records in any order give the same people. Absent on purpose: labels, thresholds by data set,
//! lists of names.
//!
//! ```
//! use petitfour_linkage::{Options, Table, resolve};
//!
//! let csv = "first_name,surname,dob,city\nAda,Byron,1815-12-10,London\nMary,Somerville,1780-12-26,Jedburgh\n";
//! let resolution = resolve(&Table::read(csv.as_bytes())?, &Options::default())?;
//! assert_eq!(resolution.clusters, [vec![0], vec![1]]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod alias;
mod block;
mod chance;
mod compare;
mod group;
pub mod kind;
mod model;
mod records;
mod resolve;
pub mod score;
pub mod table;
mod train;
mod value;

pub use block::Rule;
pub use kind::{Kind, Mapping, MappingError};
pub use resolve::{Edge, Options, Resolution, ResolveError, Resolved, Silent, THRESHOLD, Watch, Weight, resolve};
pub use table::{Table, TableError};
