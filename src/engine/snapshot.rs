//! All that a decision depends on, beside the bundle and the moment: so it can be explained elsewhere, or made again.

use super::{Engine, Session};
use crate::consent::Permissions;
use crate::eligibility::Levels;
use crate::profile::{self, Profile};
use crate::wire::Sink;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use serde::Deserialize;

/// Permissions, profile, context and levels of one session, as bytes in [postcard](https://postcard.jamesmunns.com).
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Snapshot {
    /// Hash of the bundle that the inputs belong to.
    pub bundle: u64,
    /// What is permitted.
    pub permissions: Permissions,
    /// The encoded profile.
    pub profile: Vec<u8>,
    /// Bits of the inputs, one for each attribute.
    pub inputs: Vec<u64>,
    /// What the shelves hold.
    pub levels: Levels,
}

/// Why bytes are not a snapshot for this bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// Cut or damaged.
    Malformed,
    /// Taken under another bundle.
    Bundle,
    /// The profile in it cannot be read.
    Profile(profile::Error),
}

impl Error {
    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Malformed => "snapshot/malformed",
            Self::Bundle => "snapshot/bundle",
            Self::Profile(error) => error.code(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("the snapshot is cut short or damaged"),
            Self::Bundle => f.write_str("the snapshot was taken under another bundle"),
            Self::Profile(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for Error {}

impl Session {
    /// What a decision now depends on.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        let profile = self.profile.encode();
        let mut bytes = Vec::with_capacity(64 + profile.len() + 8 * self.inputs.len());
        bytes.varint(self.engine.catalog.hash());
        bytes.push(self.permissions.bits());
        bytes.varint(profile.len() as u64);
        bytes.extend_from_slice(&profile);
        bytes.varint(self.inputs.len() as u64);
        self.inputs.iter().for_each(|input| bytes.varint(input.to_bits()));
        self.levels.write(&mut bytes);
        bytes
    }

    /// A session that decides as the one did from which the snapshot was taken.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn from_snapshot(engine: Arc<Engine>, bytes: &[u8]) -> Result<Self, Error> {
        let snapshot: Snapshot = postcard::from_bytes(bytes).map_err(|_| Error::Malformed)?;
        if snapshot.bundle != engine.catalog.hash() {
            return Err(Error::Bundle);
        }
        let profile = Profile::decode(&snapshot.profile).map_err(Error::Profile)?;
        let mut session = Self::new(engine, [0; 32]);
        if snapshot.inputs.len() != session.inputs.len() {
            return Err(Error::Malformed);
        }
        session.permissions = snapshot.permissions;
        session.profile = profile;
        session.levels = Arc::new(snapshot.levels);
        session.inputs = snapshot.inputs.into_iter().map(f64::from_bits).collect();
        Ok(session)
    }
}
