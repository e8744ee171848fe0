//! The lake: what the store holds, as files that any warehouse reads, in a folder or in a store that speaks S3.
//!
//! [`schema`] says which tables there are and what each column means; [`source`] reads them from the store; a [`part`] is one file.
//! [`export`] writes parts and publishes them by the [`manifest`]: a part that no manifest names is none, so an export that is
//! killed goes on where the last manifest stands, without a row twice or a row left out. [`views`] writes `lake.sql`, by which
//! DuckDB reads what is published; [`compact`] rewrites parts; [`follow`] exports while the collector runs.
//!
//! A part never changes. Who is deleted gets a tombstone in the lake, and no view shows them from then on; compacting takes their rows
//! out of the files too. Each row carries the number of the last tombstone that was in force when it was read: later ones hide
//! it, earlier ones cannot, since the store had obeyed them already. No clock is involved.
//!
//! Invariant: the rows of all published parts are those of the store up to the manifest's positions, each once.
//! Absent on purpose: raw identifiers and addresses, and, unless asked for, digests.

pub mod command;
pub mod compact;
pub mod export;
pub mod follow;
pub mod manifest;
pub mod part;
pub mod place;
pub mod schema;
pub mod source;
pub mod tombstone;
pub mod views;

pub use export::Order;
pub use manifest::Manifest;
pub use place::Lake;
