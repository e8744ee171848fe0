//! Everything that the collector takes in, and how far it trusts it.
//!
//! [`sync`] takes our own module's messages. Everything else ends in a [`call`]: [`segment`] takes Segment's HTTP API as it is, [`ga4`] its
//! measurement protocol, [`cloudevents`] CloudEvents in their three modes, [`pixel`] an image's address, [`mapping`] the rows of a file.
//! What is common: [`shape`] bounds an event before it is read, [`who`] takes out who it is of, [`permitted`] says whether it may be kept,
//! [`clock`] when it was, [`worth`] what it came to, [`kept`] what is left; [`fault`] and [`letters`] say what was wrong.
//!
//! [`door`] reads requests and answers them.
//!
//! Invariant: parsing is pure. Only [`door`] and [`sync`] know a clock, a store or a socket.

pub mod call;
pub mod clock;
pub mod cloudevents;
pub mod door;
pub mod fault;
pub mod ga4;
pub mod gzip;
pub mod kept;
pub mod letters;
pub mod mapping;
pub mod permitted;
pub mod pixel;
pub mod rows;
pub mod segment;
pub mod shape;
pub mod sync;
pub(crate) mod table;
pub mod who;
pub mod worth;
