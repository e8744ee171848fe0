//! Journeys off the site: the same engine over whole persons, with a store that remembers when to look again.
//!
//! A person is walked when an event of theirs came ([`crate::person::profile`]), when their device told of a step ([`told`]) or when a
//! waiting time ends ([`wake`]). A walk reads where they stand, lets the engine look, hands over what it wants sent, and writes down where
//! they stand then, all in one transaction: a process that dies has done all of it or nothing, so a message is handed over once.
//!
//! Invariant: nothing here knows what a step means. What moves whom is the engine's (`src/journey`), and a test keeps it so.
//! Absent on purpose: a look at everybody. Who waits for time is found by an index over times, and costs the same however many wait.

mod book;
pub mod census;
mod message;
pub mod sent;
mod walk;
pub(crate) mod zone;

pub use book::told;
pub(crate) use book::{forget, standings};
pub use walk::{Walker, wake};
