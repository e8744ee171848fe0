//! Rights: what a person may ask for, and how a request for deletion is judged, acknowledged and proved.
//!
//! Other companies send requests by IAB Tech Lab's Data Deletion Request Framework, whose versions 1.0 and 2.0 are both
//! read: [`manifest`] publishes what is accepted here and by which keys our answers are signed; [`judge`] reads a request
//! and checks both of its signatures against the keys of [`requester`]s that whoever runs this has listed; [`desk`] is the
//! address that they are sent to, and answers with a signed [`acknowledgement`]. The [`register`] keeps them until everything is
//! done, [`erasure`] does it, and what was done is a [`proof`].
//!
//! A person asks through the shop; [`export`] is what they are given to read.
//!
//! Invariant: what is not signed by a listed key deletes nothing; 202 is said when the request is on disk, not before.
//! Absent on purpose: fetching keys from the domains that requests name (a request from outside would then choose where
//! this process connects to).

pub mod acknowledgement;
pub mod desk;
pub mod erasure;
pub mod export;
pub mod judge;
pub mod jws;
pub mod key;
pub mod manifest;
pub mod proof;
pub mod register;
pub mod requester;
pub mod subject;

pub use acknowledgement::Verdict;
pub use judge::Request;
pub use subject::Subject;
