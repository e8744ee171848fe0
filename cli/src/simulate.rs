//! `petitfour simulate`: recorded or imagined visitors through the engine, natively, as if each had a browser.
//!
//! One engine session for each visitor, its seed made from the visitor's id, every permission open. A step is recorded as
//! an event; where it is a page, every placement of the bundle is decided, and what was decided counts as seen. Clicks on
//! creatives are not made up: the recordings have none. What the sessions send can be posted to a collector.

mod chain;
mod imagined;
mod post;
pub(crate) mod recorded;
pub(crate) mod summary;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};
use petitfour::{
    consent::Permissions,
    engine::{Decision, Effect, Engine, Session},
    event::Event,
    hash::xxh64,
    time::{Moment, Timestamp},
};
use petitfour_compiler::{Source, compile};

use self::{
    post::Post,
    recorded::{Recording, Shape, Step, Visitor},
    summary::Summary,
};
use crate::folder;

/// What to replay, and through what.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  petitfour simulate                                    both recordings of the repository\n  \
                        petitfour simulate --chain                            how large profiles get\n  \
                        petitfour simulate --recorded data/otto/sessions.jsonl.gz\n  \
                        petitfour simulate --recorded visits.csv --campaigns my-campaigns/ --json\n  \
                        petitfour simulate --campaigns shop/ --visitors 100000 --days 30 --flow flow.svg\n\n\
                        docs/recorded-visitors.md says how rows become events, docs/journeys.md#before-it-ships what is imagined."
)]
pub(crate) struct Arguments {
    /// Recording to replay, plain or gzip'd [default: data/msweb/visits.csv.gz and data/otto/sessions.jsonl.gz]
    #[arg(long, visible_alias = "replay", value_name = "FILE")]
    recorded: Option<PathBuf>,
    /// Which columns it has [default: told by its first line]
    #[arg(long, value_enum, requires = "recorded")]
    shape: Option<Shape>,
    /// Campaign files, a folder of them, or a bundle (.pf4) [default: those written for the shape]
    #[arg(long, value_name = "PATH")]
    campaigns: Vec<PathBuf>,
    /// Post what the sessions send to this collector, such as http://127.0.0.1:8080
    #[arg(long, value_name = "URL")]
    collector: Option<String>,
    /// Replay only the first N visitors
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// String visitors together into lives of a thousand events, and say how large their profiles get
    #[arg(long, conflicts_with_all = ["collector", "limit"])]
    chain: bool,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
    /// Write the summary as JSON to a file too
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    imagined: imagined::Arguments,
}

/// The campaigns that come with the program, one file for each shape.
const MSWEB_CAMPAIGNS: (&str, &str) =
    ("examples/msweb/campaigns.yaml", include_str!("../../examples/msweb/campaigns.yaml"));
const OTTO_CAMPAIGNS: (&str, &str) =
    ("examples/otto/campaigns.yaml", include_str!("../../examples/otto/campaigns.yaml"));

/// The recordings of the repository.
const RECORDINGS: [&str; 2] = ["data/msweb/visits.csv.gz", "data/otto/sessions.jsonl.gz"];

/// On every so many-th page the choice is explained, so that refusals are counted too: an explanation costs a hundred
/// decisions.
const EXPLAIN_EVERY: u64 = 100;

/// Runs the command; `false` when the campaigns have faults. Rows that were left out are told, and end nothing.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<bool> {
    if let Some(visitors) = arguments.imagined.visitors {
        let report = imagined::run(&arguments.imagined, visitors, &arguments.campaigns)?;
        return report.map_or(Ok(false), |report| tell(arguments, &report).map(|()| true));
    }
    let files: Vec<PathBuf> = match &arguments.recorded {
        Some(file) => vec![file.clone()],
        None if Path::new(RECORDINGS[0]).exists() => RECORDINGS.iter().map(PathBuf::from).collect(),
        None => bail!("there is no {} here: stand in the repository's root, or give --recorded FILE", RECORDINGS[0]),
    };
    let mut post = arguments.collector.as_deref().map(Post::to);
    let mut summaries = Vec::new();
    for file in files {
        let recording = recorded::read(&file, arguments.shape)?;
        let Some(engine) = engine(&arguments.campaigns, recording.shape)? else { return Ok(false) };
        if arguments.chain {
            let sizes = chain::weigh(&file, &recording, &engine)?;
            if !arguments.json {
                println!("{sizes}");
            }
            summaries.push(serde_json::to_value(sizes)?);
            continue;
        }
        let summary = replay(&file, recording, &engine, arguments.limit, post.as_mut())?;
        if !arguments.json {
            println!("{summary}");
        }
        summaries.push(serde_json::to_value(summary)?);
    }
    let text = serde_json::to_string_pretty(&summaries)?;
    if arguments.json {
        println!("{text}");
    }
    if let Some(file) = &arguments.output {
        std::fs::write(file, &text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(true)
}

/// Prints what came of imagined visitors, and writes it where it was asked for.
fn tell(arguments: &Arguments, report: &imagined::Report) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(report)?;
    if let Some(file) = &arguments.output {
        std::fs::write(file, &text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    if arguments.json {
        println!("{text}");
    } else {
        print!("{report}");
    }
    Ok(())
}

/// The bundle to decide from; `None` when the campaign files have errors, which have been printed.
fn engine(paths: &[PathBuf], shape: Shape) -> anyhow::Result<Option<Arc<Engine>>> {
    let bundle = match paths {
        [file] if file.extension().is_some_and(|extension| extension == "pf4") => {
            std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?
        }
        _ => {
            let compiled = if paths.is_empty() {
                let (name, text) = match shape {
                    Shape::Msweb => MSWEB_CAMPAIGNS,
                    Shape::Otto => OTTO_CAMPAIGNS,
                };
                compile(&[Source { name: name.to_owned(), text: text.to_owned() }], &|_| None)
            } else {
                folder::compile_paths(paths, petitfour_compiler::compile)?
            };
            folder::print_faults(&compiled);
            let Some(bundle) = compiled.bundle else { return Ok(None) };
            bundle
        }
    };
    let engine = Engine::load(bundle).map_err(|error| anyhow::anyhow!("not a bundle: {}", error.code()))?;
    Ok(Some(Arc::new(engine)))
}

fn replay(
    file: &Path,
    recording: Recording,
    engine: &Arc<Engine>,
    limit: Option<usize>,
    mut post: Option<&mut Post>,
) -> anyhow::Result<Summary> {
    let mut visitors = recording.visitors;
    visitors.truncate(limit.unwrap_or(usize::MAX));
    let mut summary = Summary::new(file, engine.catalog(), recording.left_out);
    let bar = progress(visitors.len());
    for visitor in &visitors {
        let sent = walk(visitor, engine, &mut summary)?;
        if let Some(post) = post.as_deref_mut() {
            for message in sent {
                post.add(&message)?;
            }
        }
        bar.inc(1);
    }
    if let Some(post) = post {
        post.finish()?;
        summary.posted = Some(post.taken());
    }
    bar.finish_and_clear();
    summary.finish();
    Ok(summary)
}

/// One visitor's steps; the answer is what their session sent.
fn walk(visitor: &Visitor, engine: &Arc<Engine>, summary: &mut Summary) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut session = open(engine, visitor, visitor.steps.first().map_or(0, |step| step.at));
    let mut sent = Vec::new();
    let mut wake: Option<Timestamp> = None;
    for step in &visitor.steps {
        let moment = Moment { now: Timestamp(step.at), offset_minutes: visitor.offset_minutes };
        // The page's timer, which would have rung in between.
        if let Some(at) = wake.take_if(|at| *at <= moment.now) {
            session.handle_wake(Moment { now: at, ..moment });
        }
        record(&mut session, step, visitor, moment)?;
        summary.events += 1;
        if step.page {
            let explained = summary.pages.is_multiple_of(EXPLAIN_EVERY);
            summary.pages += 1;
            page(&mut session, moment, summary, explained);
        }
        drain(&mut session, &mut sent, &mut wake);
    }
    session.flush();
    drain(&mut session, &mut sent, &mut wake);
    summary.left(&session);
    Ok(sent)
}

/// A session of a visitor who permits everything.
fn open(engine: &Arc<Engine>, visitor: &Visitor, began: u64) -> Session {
    let mut session = Session::new(Arc::clone(engine), seed(&visitor.id));
    let moment = Moment { now: Timestamp(began), offset_minutes: visitor.offset_minutes };
    session.consent(Permissions::ALL, moment);
    session
}

fn record(session: &mut Session, step: &Step, visitor: &Visitor, moment: Moment) -> anyhow::Result<()> {
    let properties = step.properties.iter().map(|(name, value)| (*name, value.as_str()));
    let event = Event::parse(step.event, properties, None)
        .map_err(|error| anyhow::anyhow!("{}: an event of {} is none: {error}", step.event, visitor.id))?;
    session.record(&event, moment);
    Ok(())
}

/// Every placement of one page: decided, then seen, and nothing counted.
fn see_everything(session: &mut Session, moment: Moment) {
    let placements = session.engine().catalog().placements().len();
    let decisions: Vec<Decision> = (0..placements).map(|placement| session.decide_at(placement, moment)).collect();
    for decision in decisions {
        session.exposed(decision.id, moment);
    }
}

/// Every placement of one page: decided, then seen.
fn page(session: &mut Session, moment: Moment, summary: &mut Summary, explained: bool) {
    let engine = Arc::clone(session.engine());
    let placements = engine.catalog().placements().len();
    if explained {
        for placement in engine.catalog().placements() {
            summary.explained(&session.explain(engine.catalog().string(placement.name()), moment));
        }
    }
    let began = Instant::now();
    let decisions: Vec<Decision> = (0..placements).map(|placement| session.decide_at(placement, moment)).collect();
    summary.time(began.elapsed(), placements);
    for decision in decisions {
        summary.decided(&decision);
        if session.exposed(decision.id, moment) {
            summary.seen(&decision, session.profile(), engine.catalog(), moment);
        }
    }
}

fn drain(session: &mut Session, sent: &mut Vec<Vec<u8>>, wake: &mut Option<Timestamp>) {
    while let Some(effect) = session.poll_effect() {
        match effect {
            Effect::Send(message) => sent.push(message),
            Effect::Wake(at) => *wake = Some(at),
            // The session lives as long as the visitor, so nothing needs to be kept for the next page.
            Effect::Persist(_) | Effect::Note(_) | Effect::PersistIdentifiers(_) | Effect::Erase => {}
        }
    }
}

/// The 32 bytes from which a visitor's pseudonym is drawn: the same in every run.
fn seed(id: &str) -> [u8; 32] {
    let mut seed = [0; 32];
    for (turn, bytes) in seed.as_chunks_mut::<8>().0.iter_mut().enumerate() {
        *bytes = xxh64(id.as_bytes(), turn as u64).to_le_bytes();
    }
    seed
}

pub(crate) fn progress(visitors: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("  {bar:32} {pos}/{len} visitors, {elapsed}");
    ProgressBar::new(visitors as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
