//! The collector: the origin's small server that stores what devices chose to send, once, and says so only when it is on disk.
//!
//! The way of a sync: [`intake::sync`] reserves room, reads and decodes it; [`writer`] takes everything that waits into one transaction;
//! [`ledger`] writes its rows and moves the counts; [`store`] commits and syncs; then, and only then, the answer is 200. The same
//! (replica, sequence) again changes nothing and is answered 200 too. [`shelf`] serves the bundle, [`pages`] and [`counts`] show what
//! was counted and what it led to ([`lift`]), [`keep`] hands a profile back as a cookie, [`site`] gives each of them its address, behind
//! the gate of [`access`]. [`identity`] says which digest each partner takes. What others send comes by [`intake`] under a write
//! [`key`], to the [`journal`]. [`destination`] hands over what was decided, [`partner`] reads what others know, [`rights`] deletes
//! and proves it, [`activation`] sets these up. Endpoints, tables and limits: `docs/collector.md`.
//!
//! Absent on purpose: TLS. Put a proxy in front of anything but loopback.

pub mod access;
pub mod activation;
pub mod answer;
pub mod counts;
pub mod dead_letters;
pub mod destination;
pub mod event;
pub mod feed;
mod forget;
pub mod graph;
pub mod hex;
pub mod identity;
pub mod import;
pub mod intake;
pub mod journal;
pub mod journey;
pub mod keep;
pub mod key;
pub mod lake;
pub mod ledger;
pub mod lift;
pub mod link;
pub mod live;
pub mod log;
pub mod members;
pub mod metrics;
pub mod names;
pub mod pace;
pub mod pages;
pub mod partner;
pub mod person;
pub mod reader;
pub mod retention;
pub mod rights;
pub mod ring;
mod say;
pub mod shelf;
pub mod site;
pub mod sql;
pub mod store;
pub mod visitor;
pub mod writer;
pub mod yaml;

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context, bail};
use axum::serve::ListenerExt;
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

use crate::{
    access::{Access, roll, token},
    activation::{Activation, Files},
    graph::Policy,
    intake::sync::Room,
    key::Keys,
    lake::follow::Bell,
    log::{Follower, Log},
    metrics::Metrics,
    pages::Board,
    person::asked::Asked,
    reader::Reader,
    shelf::{Served, Shelf},
    site::{App, Www},
    store::{Place, Store, now},
    writer::Writer,
};

/// How long requests that are under way may take after a stop was asked for.
const DRAIN: Duration = Duration::from_secs(10);

/// How a collector is set up.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// Host and port, such as `127.0.0.1:8080`; port 0 takes a free one.
    pub listen: String,
    /// The data folder.
    pub data: PathBuf,
    /// Another store than a file in the data folder: `postgres://…`.
    pub store: Option<String>,
    /// A log before the store: `nats://…`, several servers separated by commas.
    pub log: Option<String>,
    /// The bundle's file.
    pub bundle: Option<PathBuf>,
    /// The bundle of segments that whole persons are asked about.
    pub segments: Option<PathBuf>,
    /// Feeds that come from files.
    pub feeds: feed::Files,
    /// Static files.
    pub www: Vec<Www>,
    /// Origins whose pages may send and fetch, besides its own.
    pub origins: Vec<String>,
    /// Where parcels go: `destinations.yaml`.
    pub destinations: Option<PathBuf>,
    /// Who may ask for deletions: `rights.yaml`.
    pub rights: Option<PathBuf>,
    /// Everybody may do everything: on loopback alone.
    pub open: bool,
    /// `/metrics` is public.
    pub open_metrics: bool,
    /// How long what is stored stays.
    pub retention: retention::Policy,
    /// The lake that is exported to, and how often.
    pub lake: Option<(String, Duration)>,
}

/// A collector that answers.
pub struct Running {
    address: SocketAddr,
    first: Option<String>,
    stop: oneshot::Sender<()>,
    served: JoinHandle<std::io::Result<()>>,
    watches: Vec<JoinHandle<()>>,
    follower: Option<Follower>,
    activation: Activation,
    thread: std::thread::JoinHandle<()>,
}

/// Opens the store and begins to answer.
///
/// # Errors
/// When the store, the bundle, a folder or the address cannot be used; the text says which and why.
pub async fn start(config: Config) -> anyhow::Result<Running> {
    let shelf = config.bundle.as_deref().map(Shelf::open).transpose()?.map(Arc::new);
    let metrics = Arc::new(Metrics::new());
    let place = Place::parse(config.store.as_deref(), &config.data)?;
    // A client of PostgreSQL waits, and may not do so on a thread that answers requests.
    let policy: Arc<Policy> = Arc::default();
    let tying = Arc::clone(&policy);
    let opened = place.clone();
    let opening =
        move || anyhow::Ok((Store::with(&opened, tying)?, Reader::open(opened).context("cannot read the store")?));
    let (mut store, reader) = tokio::task::spawn_blocking(opening).await??;
    // Bound before the first token is made: one that nobody hears of would lock the door.
    let listener =
        TcpListener::bind(&config.listen).await.with_context(|| format!("cannot listen on {}", config.listen))?;
    let address = listener.local_addr()?;
    if config.open && !address.ip().is_loopback() {
        bail!("--open lets everybody in, so it listens on this machine alone: leave it out, or listen on 127.0.0.1");
    }
    let mut first = None;
    if !config.open {
        let secret = token::make().context("no randomness")?;
        let made = secret.clone();
        let making = move || {
            let fresh = store.write(now(), |graph| roll::first(graph.connection, &made, graph.received));
            (store, fresh)
        };
        let (back, fresh) = tokio::task::spawn_blocking(making).await?;
        store = back;
        first = fresh.context("cannot use the store")?.then_some(secret);
    }
    let (writer, thread) = Writer::start(store, Arc::clone(&metrics)).context("cannot start the writer")?;
    let keys = Arc::new(Keys::default());
    ring::refresh(&reader, &keys).await;
    let mut watches = vec![tokio::spawn(ring::watch(reader.clone(), Arc::clone(&keys)))];
    if let Some(shelf) = &shelf {
        watches.push(tokio::spawn(pace::follow(Arc::clone(shelf), writer.clone())));
        let writer = writer.clone();
        let learn = move |served: &Served| {
            if writer.learn(served.names.clone()).is_err() {
                crate::say!("store: the names of bundle {} were not stored: too much is waiting", served.hash);
            }
        };
        learn(&shelf.current());
        watches.push(tokio::spawn(Arc::clone(shelf).watch(Arc::clone(&metrics), learn)));
    }
    let asked = Asked::default();
    if let Some(path) = &config.segments {
        let segments = Arc::new(Shelf::open(path)?);
        let (metrics, asked) = (Arc::clone(&metrics), asked.clone());
        let writer = writer.clone();
        let learn = move |served: &Served| {
            asked.learn(served);
            // Names of segments are those of its campaigns; whoever cannot store them now shows them as keys.
            writer.learn(served.names.clone()).ok();
        };
        learn(&segments.current());
        watches.push(tokio::spawn(segments.watch(metrics, learn)));
    }
    if !config.feeds.is_empty() {
        watches.push(tokio::spawn(feed::watch(config.feeds, writer.clone())));
    }
    let (log, follower) = match &config.log {
        None => (Log::store(writer.clone()), None),
        Some(addresses) => {
            let (log, follower) = Log::nats(addresses, writer.clone(), Arc::clone(&metrics)).await?;
            (log, Some(follower))
        }
    };
    let files =
        Files { destinations: config.destinations.as_deref(), rights: config.rights.as_deref(), data: &config.data };
    let mut activation = Activation::start(files, &place, reader.clone(), writer.clone())?;
    let routes = Arc::new(activation.routes.clone());
    watches.push(tokio::spawn(asked.clone().follow(writer.clone(), Arc::clone(&routes))));
    watches.push(tokio::spawn(retention::follow(config.retention, writer.clone(), Arc::clone(&metrics))));
    let bell = Bell::default();
    if let Some((lake, pause)) = config.lake {
        watches.push(tokio::spawn(lake::follow::follow(place, lake, pause, bell.clone())));
    }
    let board = Board::default();
    watches.push(tokio::spawn(Arc::clone(&board.live).watch(Arc::clone(&metrics))));
    let access = Access { open: config.open, metrics: config.open_metrics, ..Access::default() };
    let app = App {
        log,
        writer,
        shelf,
        asked,
        metrics,
        room: Room::default(),
        reader,
        policy,
        keys,
        board,
        access,
        routes,
        bell,
    };
    let served = std::mem::take(&mut activation.router);
    let router = site::router(Arc::new(app), served, &config.www, &config.origins)?;
    // An answer is one small write: waiting for more of it would only cost the client a delay.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    let (stop, stopped) = oneshot::channel::<()>();
    let served = tokio::spawn(async move {
        let stopped = async { drop(stopped.await) };
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        axum::serve(listener, service).with_graceful_shutdown(stopped).await
    });
    Ok(Running { address, first, stop, served, watches, follower, activation, thread })
}

impl Running {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The token that was made because nobody was known, to be shown once.
    #[must_use]
    pub fn first(&self) -> Option<&str> {
        self.first.as_deref()
    }

    /// Takes no new connections, answers what is under way (for at most ten seconds), folds the log and ends.
    ///
    /// # Errors
    /// When the server had failed, or something was still under way at the end. Nothing that was answered is lost by that.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.stop.send(()).ok();
        for watch in self.watches {
            watch.abort();
            watch.await.ok();
        }
        self.activation.stop().await;
        let drained = tokio::time::timeout(DRAIN, self.served).await;
        drained.context("requests were still under way after ten seconds")?.context("the server broke down")??;
        if let Some(follower) = self.follower {
            follower.stop().await;
        }
        // The last user of the writer is gone, so its thread folds the log and ends.
        tokio::task::spawn_blocking(move || self.thread.join())
            .await?
            .map_err(|_| anyhow::anyhow!("the writer broke down"))
    }
}
