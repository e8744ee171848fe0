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
pub struct Routes(Vec<Route>);

/// What one destination takes.
#[derive(Debug, Clone)]
struct Route {
    name: String,
    kinds: Vec<Kind>,
    segments: Vec<String>,
    channels: Vec<String>,
}

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
        let route = |entry: &super::roster::Entry| Route {
            name: entry.name.clone(),
            kinds: Kind::ALL.into_iter().filter(|kind| entry.takes(*kind)).collect(),
            segments: entry.segments.clone(),
            channels: entry.channels(),
        };
        Self(roster.destinations.iter().map(route).collect())
    }

    /// Destinations that take parcels of a kind.
    pub fn takers(&self, kind: Kind) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |route| route.kinds.contains(&kind)).map(|route| route.name.as_str())
    }

    /// Destinations that follow who joins and leaves a segment.
    pub fn followers(&self, segment: &str) -> impl Iterator<Item = &str> {
        let follows = move |route: &&Route| {
            route.kinds.contains(&Kind::Add) && route.segments.iter().any(|followed| followed == segment)
        };
        self.0.iter().filter(follows).map(|route| route.name.as_str())
    }

    /// Destinations that carry messages of a channel of journeys.
    pub fn bearers(&self, channel: &str) -> impl Iterator<Item = &str> {
        let bears = move |route: &&Route| route.channels.iter().any(|borne| borne == channel);
        self.0.iter().filter(bears).map(|route| route.name.as_str())
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
