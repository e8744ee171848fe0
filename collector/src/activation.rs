//! Activation: sets up what goes out and who may ask: destinations, the way out of a mailing list, the desk for deletions.
//!
//! Deletions are done here in rounds: what the desk has taken is erased by the writer, destinations are woken, and what
//! every destination has confirmed is completed with its proof. A round that fails is done again by the next one.

use std::{fs, path::Path, sync::Arc, time::Duration};

use anyhow::Context as _;
use axum::Router;
use tokio::{sync::oneshot, task::JoinHandle};

use crate::{
    destination::{
        dispatch::{Dispatch, Routes},
        leave, mailbox,
        roster::Roster,
    },
    reader::Reader,
    rights::{
        desk::Desk,
        erasure::{self, Reach},
        key::Keys,
        register::{self, Book},
        requester::Charter,
    },
    store::{Place, now},
    writer::Writer,
};

/// Between two rounds.
const ROUND: Duration = Duration::from_secs(1);

/// Requests of one round.
const REQUESTS: u32 = 20;

/// How long a stop waits for deliveries that are under way.
const PATIENCE: Duration = Duration::from_secs(8);

/// What the command was given.
#[derive(Debug, Clone, Copy)]
pub struct Files<'f> {
    /// `destinations.yaml`.
    pub destinations: Option<&'f Path>,
    /// `rights.yaml`.
    pub rights: Option<&'f Path>,
    /// The data folder, where the key for proofs is kept.
    pub data: &'f Path,
}

/// What goes out, at work.
pub struct Activation {
    /// Addresses to be served.
    pub router: Router,
    /// Who takes what, for those who decide.
    pub routes: Routes,
    dispatch: Option<Arc<Dispatch>>,
    rounds: Option<JoinHandle<()>>,
}

/// What a round needs.
struct Rounds {
    place: Place,
    reader: Reader,
    writer: Writer,
    desk: Arc<Desk>,
    reach: Reach,
    routes: Routes,
    dispatch: Option<Arc<Dispatch>>,
}

impl Activation {
    /// Sets everything up over a store that exists.
    ///
    /// # Errors
    /// When a file says something that cannot be used.
    pub fn start(files: Files<'_>, place: &Place, reader: Reader, writer: Writer) -> anyhow::Result<Self> {
        let secret = |name: &str| std::env::var(name).ok().filter(|secret| !secret.is_empty());
        let (mut router, mut routes, mut dispatch) = (Router::new(), Routes::default(), None);
        if let Some(path) = files.destinations {
            let roster = Roster::parse(&text(path)?).with_context(|| path.display().to_string())?;
            routes = Routes::of(&roster);
            let leaves = roster.destinations.iter().filter_map(|entry| entry.leave(&secret)).collect();
            let trails = roster.destinations.iter().filter_map(|entry| entry.trail(&secret)).collect();
            router = router.merge(leave::router(leaves, writer.clone())).merge(mailbox::router(trails, writer.clone()));
            dispatch = Some(Arc::new(Dispatch::start(&roster, place, &secret)?));
        }
        let mut rounds = None;
        if let Some(path) = files.rights {
            let charter = Charter::parse(&text(path)?).with_context(|| path.display().to_string())?;
            let reach = charter.reach;
            let desk = Desk::new(charter, Keys::open(files.data)?, Box::new(Book::new(place.clone())))
                .with_context(|| path.display().to_string())?;
            let desk = Arc::new(desk);
            router = router.merge(Arc::clone(&desk).router());
            let (routes, dispatch) = (routes.clone(), dispatch.clone());
            let round = Rounds { place: place.clone(), reader, writer, desk, reach, routes, dispatch };
            rounds = Some(tokio::spawn(round.run()));
        }
        Ok(Self { router, routes, dispatch, rounds })
    }

    /// Something new may wait for destinations.
    pub fn nudge(&self) {
        self.dispatch.iter().for_each(|dispatch| dispatch.nudge());
    }

    /// Finishes what is under way; what waits is delivered after the next start.
    pub async fn stop(self) {
        if let Some(rounds) = self.rounds {
            rounds.abort();
            rounds.await.ok();
        }
        // Lanes wait for their peers. A thread of its own does not keep the process when one takes too long: what it has
        // under way is then delivered again after the next start, under the same ids.
        let (done, ended) = oneshot::channel();
        let dispatch = self.dispatch;
        std::thread::spawn(move || {
            drop(dispatch);
            done.send(()).ok();
        });
        tokio::time::timeout(PATIENCE, ended).await.ok();
    }
}

impl Rounds {
    async fn run(self) {
        let mut ticks = tokio::time::interval(ROUND);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.round().await;
        }
    }

    async fn round(&self) {
        let found = self.reader.run("requests for deletion", |store| register::pending(store, REQUESTS)).await;
        for request in found.unwrap_or_default() {
            let (reach, routes) = (self.reach, self.routes.clone());
            let erase = move |graph: &mut crate::graph::Graph<'_>| erasure::erase(graph, &request, reach, &routes);
            if self.writer.run("a request for deletion", erase).await.is_err() {
                return;
            }
            self.dispatch.iter().for_each(|dispatch| dispatch.nudge());
        }
        let open = self.reader.run("requests for deletion", register::is_open).await;
        if open.unwrap_or(false) {
            let (place, desk) = (self.place.clone(), Arc::clone(&self.desk));
            let complete = move || register::complete(&place.writer()?, desk.keys(), desk.domain(), now());
            if let Ok(Err(error)) = tokio::task::spawn_blocking(complete).await {
                crate::say!("rights: requests for deletion could not be completed: {error:#}");
            }
        }
    }
}

fn text(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}
