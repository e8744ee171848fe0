//! `petitfour loop`: from a log of decisions to a bundle that decides, and back: learned, quantised, judged, built, replayed, told.
//!
//! `docs/loop.md` says what each stage does, and why. What is written depends on the log, the options and the seed alone; how long it took is told
//! on the way, and stands nowhere.

mod chart;
mod drift;
mod files;
mod judge;
mod learn;
mod page;
mod replay;
mod report;
mod rounds;

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, bail};

use self::drift::Shipped;
use self::files::Files;
use self::judge::Judgement;
use self::learn::Learned;
use self::report::Report;
use self::rounds::Rounds;
use crate::folder;
use crate::simulate::summary::grouped;

/// What to learn from, and what to write.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  petitfour loop data/obd/random_all.csv.gz --actions data/obd/items_all.csv --out loop\n  \
                  petitfour loop log.csv --actions items.csv --context device --context country --cluster visitor --order-is-time --out loop\n\n\
                  docs/loop.md says what is learned, how it is judged, and what is written."
)]
pub(crate) struct Arguments {
    /// One decision a line, as CSV, plain or gzip'd: what was chosen, its probability, what came of it (0 or 1); several files are one log
    #[arg(value_name = "LOG", required = true)]
    logs: Vec<PathBuf>,
    /// Everything that could be chosen, with its features, as CSV [default: whatever the log has, without features]
    #[arg(long, value_name = "FILE")]
    actions: Option<PathBuf>,
    /// Column of what was chosen [default: action, item_id or creative]
    #[arg(long, value_name = "COLUMN")]
    action: Option<String>,
    /// Column of its probability [default: probability, propensity_score or pscore]
    #[arg(long, value_name = "COLUMN")]
    probability: Option<String>,
    /// Column of what came of it: 1 or 0 [default: reward or click]
    #[arg(long, value_name = "COLUMN")]
    reward: Option<String>,
    /// Column of where it was shown [default: position or placement, if there is one]
    #[arg(long, value_name = "COLUMN")]
    position: Option<String>,
    /// Column of who, or what else rounds have in common [default: cluster or visitor, if there is one]
    #[arg(long, value_name = "COLUMN")]
    cluster: Option<String>,
    /// Column of what a page knows of the visitor or the moment (repeatable) [default: those that begin with `user_feature`]
    #[arg(long, value_name = "COLUMN")]
    context: Vec<String>,
    /// The order of the log is time: the older half is learned from, the newer one judges
    #[arg(long)]
    order_is_time: bool,
    /// Share of the decisions in which any candidate may be shown, all alike, so that the next log can be judged as well
    #[arg(long, value_name = "PERCENT", default_value = "10%", value_parser = share)]
    explore: f64,
    /// Trees at most
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=2_000))]
    trees: u64,
    /// Leaves of a tree at most
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u64).range(2..=31))]
    leaves: u64,
    /// What of each tree is added: the less, the more trees
    #[arg(long, value_name = "RATE", default_value_t = 0.05, value_parser = crate::train::rate)]
    rate: f32,
    /// Bits of a leaf on the device: 8 or 16
    #[arg(long, value_name = "BITS", default_value = "16", value_parser = ["8", "16"])]
    bits: String,
    /// Seed of everything that is drawn
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Folder to write report.html, report.json, bundle.pf4 and the campaign files into
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Print report.json
    #[arg(long)]
    json: bool,
}

/// Says on standard error what is done, and how long it took.
struct Stages {
    began: Instant,
    number: usize,
}

/// How many there are.
const STAGES: usize = 8;

impl Stages {
    /// Does one.
    fn run<T>(&mut self, name: &str, work: impl FnOnce() -> anyhow::Result<(T, String)>) -> anyhow::Result<T> {
        self.number += 1;
        let began = Instant::now();
        eprint!("{}/{STAGES} {name:<10}", self.number);
        let (made, told) = work().inspect_err(|_| eprintln!())?;
        eprintln!("{:>6.1} s  {told}", began.elapsed().as_secs_f64());
        Ok(made)
    }
}

/// Runs the command; `false` when the device decides otherwise than was judged.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<bool> {
    let mut stages = Stages { began: Instant::now(), number: 0 };
    let whole = |number: usize| grouped(number as u64);
    let rounds = stages.run("log", || {
        let rounds = Rounds::read(arguments)?;
        let told = rounds.told();
        Ok((rounds, told))
    })?;
    let learned = stages.run("train", || {
        let learned = Learned::both(&rounds, arguments)?;
        let told = learned.told();
        Ok((learned, told))
    })?;
    let files = Files::of(&rounds, &learned.shipped, arguments)?;
    let shipped = stages.run("quantise", || {
        let shipped = Shipped::of(&rounds, &learned.shipped, &files)?;
        let told = shipped.told();
        Ok((shipped, told))
    })?;
    let judgement = stages.run("policy", || {
        let judgement = Judgement::plan(&rounds, &learned, &shipped, arguments);
        let told = judgement.told();
        Ok((judgement, told))
    })?;
    let judged = stages.run("evaluate", || {
        let judged = judgement.judge(&rounds, &learned, &shipped)?;
        let told = judged.verdict();
        Ok((judged, told))
    })?;
    let out = &arguments.out;
    stages.run("bundle", || {
        let campaigns = out.join("campaigns");
        fs::create_dir_all(&campaigns).with_context(|| format!("cannot make {}", campaigns.display()))?;
        for (name, text) in files.written() {
            let path = campaigns.join(name);
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        folder::replace(&out.join("bundle.pf4"), &shipped.bundle)?;
        let (bytes, small) = shipped.size;
        Ok(((), format!("{} campaigns in {} bytes, {} after brotli", rounds.actions.len(), whole(bytes), whole(small))))
    })?;
    let replayed = stages.run("replay", || {
        let replayed = replay::run(&rounds, &judgement, &shipped, &learned.shipped)?;
        let told = replayed.told();
        Ok((replayed, told))
    })?;
    let report = Report::of(arguments, &rounds, &learned, &shipped, judged, replayed)?;
    stages.run("report", || {
        for (name, text) in [("report.html", page::write(&report)), ("report.json", report.json()?)] {
            let path = out.join(name);
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(((), format!("{}", out.join("report.html").display())))
    })?;
    eprintln!("{:>20.1} s in all", stages.began.elapsed().as_secs_f64());
    if arguments.json {
        print!("{}", report.json()?);
    } else {
        print!("{}", page::brief(&report));
    }
    if !report.replayed.is_same() {
        bail!(
            "the bundle decides otherwise than was judged in {} of {} rounds: {}",
            report.replayed.other,
            report.replayed.rounds,
            report.replayed.first_other.as_deref().unwrap_or_default()
        );
    }
    Ok(true)
}

/// `10%`.
fn share(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).parse::<f64>().ok();
    let share = number.filter(|number| (0.0..=100.0).contains(number)).map(|number| number / 100.0);
    share.ok_or_else(|| "write a percentage from 0% to 100%, such as `10%`".to_owned())
}
