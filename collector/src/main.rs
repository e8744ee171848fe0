//! The command: reads its arguments, starts a collector, and stops it in good order when it is told to.

use std::{collections::BTreeMap, io::Write as _, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context as _, bail};
use clap::{Parser, Subcommand};
use petitfour_collector::{
    Config,
    access::command as access,
    import,
    lake::command as lake,
    link, partner, retention, ring,
    site::Www,
    start,
    store::{Place, Store},
};
use tokio::signal::unix::{SignalKind, signal};

/// Stores what devices chose to send, and serves the bundle they decide with.
#[derive(Parser)]
#[command(version, after_help = EXAMPLES)]
struct Arguments {
    /// What to do in place of answering
    #[command(subcommand)]
    command: Option<Command>,

    /// Host and port to listen on; port 0 takes a free one. The first line on stdout says which
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    listen: String,

    /// Folder of the store; made when missing
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<PathBuf>,

    /// Keep everything in this PostgreSQL instead of a file in --data: postgres://USER@HOST:PORT/DATABASE
    #[arg(long, value_name = "ADDRESS", global = true)]
    store: Option<String>,

    /// Acknowledge once this NATS JetStream has it, and store behind it: nats://HOST:PORT, several separated by commas
    #[arg(long, value_name = "ADDRESSES")]
    log: Option<String>,

    /// Bundle to serve at /bundle.pf4; read again whenever the file changes, and kept as it is when the new one does not open
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,

    /// Segments that whole persons are asked about, as `petitfour build --segments` writes them; read again when the file changes
    #[arg(long, value_name = "FILE")]
    segments: Option<PathBuf>,

    /// A feed that comes from a file of lines `place,item,level[,as of]`, looked at every second; may be given several times
    #[arg(long, value_name = "NAME=FILE")]
    feed: Vec<String>,

    /// Static files: a folder for /, or PATH=DIR; may be given several times
    #[arg(long, value_name = "[PATH=]DIR")]
    www: Vec<String>,

    /// Origin whose pages may send and fetch, such as https://shop.example; may be given several times. None by default
    #[arg(long, value_name = "ORIGIN")]
    allow_origin: Vec<String>,

    /// Where parcels go: webhooks, mail, lists, screens, NATS (docs/activation.md)
    #[arg(long, value_name = "FILE")]
    destinations: Option<PathBuf>,

    /// Whose requests for deletion are listened to (docs/rights.md)
    #[arg(long, value_name = "FILE")]
    rights: Option<PathBuf>,

    /// Ask nobody who they are: for demonstrations and tests, on this machine alone
    #[arg(long)]
    open: bool,

    /// Let everybody read /metrics
    #[arg(long)]
    open_metrics: bool,

    /// How many days something is kept: events, syncs (395 each), log (90), letters (30), seen (7); or =forever. May be given several times
    #[arg(long, value_name = "NAME=DAYS")]
    keep: Vec<String>,

    /// Export to this lake while running: a folder, or s3://bucket/prefix
    #[arg(long, value_name = "PLACE")]
    lake: Option<String>,

    /// Seconds between two exports; who is deleted is hidden there at once
    #[arg(long, value_name = "SECONDS", default_value = "900")]
    lake_every: u64,
}

#[derive(Subcommand)]
enum Command {
    /// Store the rows of a CRM's or a till's file, once each
    Import(import::Options),
    /// Name people and programs that may look or change
    #[command(subcommand)]
    Access(access::Command),
    /// Make, list and end write keys
    #[command(subcommand)]
    Key(ring::Command),
    /// Take a partner's file: its match table, its exposure log, the segments that it sells
    #[command(subcommand)]
    Partner(partner::command::Command),
    /// Find which records of a file are one person's, and propose to tie them
    Link(link::Options),
    Export(lake::Export),
    #[command(subcommand)]
    Lake(lake::Command),
}

impl Command {
    /// Does it work without a store?
    fn is_dry(&self) -> bool {
        match self {
            Self::Import(options) => options.dry_run,
            Self::Lake(_) => true,
            _ => false,
        }
    }
}

const EXAMPLES: &str = "Examples:
  Store syncs and show the counts at http://127.0.0.1:8080/
    petitfour-collector --data data --bundle bundle.pf4

  Serve a shop and the package too; the counts are then at /collector
    petitfour-collector --data data --bundle bundle.pf4 --www www --www /pkg=pkg

  Make a key for the pages of a shop, and one for its programs
    petitfour-collector key add web --kind browser --origin https://shop.example --permit store,measure --data data
    petitfour-collector key add crm --kind server --data data

  Look at what an import would store, then store it
    petitfour-collector import customers.csv.gz --mapping crm.yaml --dry-run
    petitfour-collector import customers.csv.gz --mapping crm.yaml --data data
  Write what is new to a lake of Parquet files, and take out of it who was deleted
    petitfour-collector export --data data --to lake
    petitfour-collector lake compact --to lake

  Take syncs from a shop on another origin, on a port that is free
    petitfour-collector --data data --listen 127.0.0.1:0 --allow-origin https://shop.example

  Let a colleague look at the pages, and show their token
    petitfour-collector access add anna --role viewer --data data

SIGTERM and SIGINT stop it after the requests under way are answered. As long as nobody is named, it prints a
first token when it starts. It speaks plain HTTP: listen on loopback and put a proxy in front.";

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("petitfour-collector: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    if let Some(command) = arguments.command {
        let folder = arguments.data.unwrap_or_default();
        if folder.as_os_str().is_empty() && arguments.store.is_none() && !command.is_dry() {
            bail!("say where the store is: --data DIR or --store postgres://…");
        }
        let place = Place::parse(arguments.store.as_deref(), &folder)?;
        let runtime = tokio::runtime::Handle::current();
        return tokio::task::spawn_blocking(move || obey(&command, &place, runtime)).await?;
    }
    let mut retention = retention::Policy::default();
    arguments.keep.iter().try_for_each(|text| retention.set(text))?;
    let www: anyhow::Result<Vec<Www>> = arguments.www.iter().map(|text| Www::parse(text)).collect();
    let feeds: anyhow::Result<BTreeMap<String, PathBuf>> = arguments.feed.iter().map(|text| feed_file(text)).collect();
    // Before anything is announced: a stop that comes at once is a stop in good order too.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let running = start(Config {
        listen: arguments.listen,
        data: arguments.data.context("say which folder is to hold the store: --data DIR")?,
        store: arguments.store,
        log: arguments.log,
        bundle: arguments.bundle,
        segments: arguments.segments,
        feeds: feeds?,
        www: www?,
        origins: arguments.allow_origin,
        destinations: arguments.destinations,
        rights: arguments.rights,
        open: arguments.open,
        open_metrics: arguments.open_metrics,
        retention,
        lake: arguments.lake.map(|lake| (lake, Duration::from_secs(arguments.lake_every.max(1)))),
    })
    .await?;
    {
        let mut out = std::io::stdout().lock();
        // Whoever started us may not be reading; that is no reason to stop.
        writeln!(out, "listening on http://{}", running.address()).ok();
        if let Some(token) = running.first() {
            writeln!(
                out,
                "nobody is named yet: come in once at http://{}/collector/login?token={token}",
                running.address()
            )
            .ok();
        }
        out.flush().ok();
    }
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    running.stop().await
}

fn feed_file(text: &str) -> anyhow::Result<(String, PathBuf)> {
    let (name, file) =
        text.split_once('=').with_context(|| format!("{text:?} is no feed: write --feed shelf=shelf.csv"))?;
    Ok((name.to_owned(), PathBuf::from(file)))
}

fn obey(command: &Command, place: &Place, runtime: tokio::runtime::Handle) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match command {
        Command::Import(options) => import::run(options, place, &mut out).map(drop),
        Command::Partner(command) => partner::command::run(command, place, &mut out),
        Command::Link(options) => link::run(options, place, &mut out),
        Command::Key(command) => ring::run(command, &mut Store::open(place)?, &mut out),
        Command::Access(command) => access::run(command, &mut Store::open(place)?, &mut out),
        Command::Export(options) => lake::export(options, place, runtime, &mut out),
        Command::Lake(command) => lake::run(command, runtime, &mut out),
    }
}
