//! Whole persons: what the engine remembers of them, in which segments they are, and how often they saw what, on every device
//! and in every channel.
//!
//! A person's profile is the same bytes as a device's, made by the same engine from the events of all identifiers in the order of
//! their times. So a segment means at the origin what it means on a device, and a merge or an unmerge is a profile made anew.

pub mod api;
pub mod asked;
pub mod deletion;
pub mod dossier;
pub mod frequency;
pub mod hours;
pub mod profile;
pub mod rights;
pub mod segments;
pub mod timeline;
