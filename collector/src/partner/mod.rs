//! Partners: what they know of our people comes in by file, and what they may know goes out.
//!
//! Exposure logs ([`exposure`]) say who saw what, where and when, by the partner's own ids; a [`matching`] table ties those
//! ids to ours, so that frequency is counted once for one person. Segments that others sell ([`segment`]) come with their
//! price, their end and the permission that they need. [`eids`] writes the ids of partners for an OpenRTB request.
//!
//! [`desk`] takes all of it into the store, and [`command`] is how an operator hands it over.
//!
//! Files are CSV with a header or lines of JSON, gzipped or not; [`lines`] reads them line by line. A line that does not
//! read is a [`lines::Fault`] with its number and a code; the others count.

pub mod command;
pub mod desk;
pub mod eids;
pub mod exposure;
pub mod lines;
pub mod matching;
pub mod segment;
