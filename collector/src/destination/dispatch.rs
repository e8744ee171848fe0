//! Dispatch: every destination of the roster at work, each on its lane, and the way in for those who decide.

use anyhow::Context as _;

use super::{
    Kind, Parcel,
    lane::Lane,
    post::{self, Post},
    roster::Roster,
};
use crate::{sql, store::Place};

/// The destinations at work.
pub struct Dispatch {
    lanes: Vec<Lane>,
}

/// Who takes what: for those who decide, in their own transaction.
#[derive(Debug, Clone, Default)]
pub struct Routes(Vec<(String, Vec<Kind>)>);

impl Dispatch {
    /// Sets every destination up and starts its lane.
    ///
    /// # Errors
    /// When one cannot be set up, or no thread can be had.
    pub fn start(roster: &Roster, place: &Place, secret: &dyn Fn(&str) -> Option<String>) -> anyhow::Result<Self> {
        let mut lanes = Vec::new();
        for entry in &roster.destinations {
            let destination = entry.open(secret)?;
            let post =
                entry.lease().map_or_else(|| Post::new(place.clone()), |lease| Post::lending(place.clone(), lease));
            let outbox = Box::new(post);
            let lane = Lane::start(&entry.name, destination, outbox, entry.backoff());
            lanes.push(lane.with_context(|| format!("destination {}", entry.name))?);
        }
        Ok(Self { lanes })
    }

    /// Something new may wait.
    pub fn nudge(&self) {
        self.lanes.iter().for_each(Lane::nudge);
    }
}

impl Drop for Dispatch {
    /// Finishes what is under way, in all lanes at once. What waits is delivered after the next start.
    fn drop(&mut self) {
        self.lanes.iter().for_each(Lane::tell);
    }
}

impl Routes {
    /// Who takes what, by the roster.
    #[must_use]
    pub fn of(roster: &Roster) -> Self {
        let route = |entry: &super::roster::Entry| {
            (entry.name.clone(), Kind::ALL.into_iter().filter(|kind| entry.takes(*kind)).collect())
        };
        Self(roster.destinations.iter().map(route).collect())
    }

    /// Destinations that take parcels of a kind.
    pub fn takers(&self, kind: Kind) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(_, kinds)| kinds.contains(&kind)).map(|(name, _)| name.as_str())
    }

    /// Puts a parcel into the outbox of everybody who takes its kind; how many. Runs in the caller's transaction.
    ///
    /// # Errors
    /// Any error of the store.
    pub fn send(&self, connection: &sql::Connection, parcel: &Parcel) -> sql::Result<usize> {
        let mut sent = 0;
        for name in self.takers(parcel.kind) {
            sent += usize::from(post::send(connection, name, parcel)?);
        }
        Ok(sent)
    }
}
