//! `petitfour evaluate`: what another policy, or another bundle, would have earned on a log of decisions.
//!
//! `docs/evaluation.md` says what is estimated and how sure it is.

mod chart;
mod report;
mod split;

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use clap::ValueEnum;
use petitfour_evaluation::{
    Columns, Estimator, Evaluation, Folds, Items, Log, Method, Policy, Regression, Rewards, Thompson,
};

use self::report::{Judged, Report};
use crate::simulate::recorded::unzipped;

/// How often samples are drawn anew for a bootstrap, and rates for Thompson sampling.
const BOOTSTRAP: usize = 2_000;
const THOMPSON: u32 = 100_000;
/// Independent rounds below which nothing is said: an interval of so few is about their luck.
const LEAST: usize = 10;

/// What to evaluate on which log.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  petitfour evaluate log.csv --policy policy.csv --policy uniform --picture evaluation.svg\n  \
                  petitfour evaluate data/obd/random_all.csv.gz --actions data/obd/items_all.csv --policy thompson:data/obd/prior_all.csv\n  \
                  petitfour evaluate decisions.csv --bundle next --logged-by bundle.pf4 --picture evaluation.svg\n\n\
                  docs/evaluation.md says what a log has, what is estimated, and when policies can be ranked."
)]
pub(crate) struct Arguments {
    /// One decision a line, as CSV, plain or gzip'd: what was chosen, its probability, what it earned
    #[arg(value_name = "LOG")]
    log: PathBuf,
    /// What to evaluate (repeatable): a CSV file of action and probability (and position, or round), `uniform`, `always:ACTION`, or `thompson:FILE` of
    /// action, alpha and beta
    #[arg(long, value_name = "POLICY", required_unless_present = "bundle")]
    policy: Vec<String>,
    /// What to evaluate: a bundle, or campaign files, that differs from the one that decided in weights of creatives alone
    #[arg(long, value_name = "PATH", requires = "logged_by", conflicts_with_all = ["policy", "actions", "action", "position"])]
    bundle: Option<PathBuf>,
    /// The bundle that decided, or the campaign files that it was built from
    #[arg(long, value_name = "PATH", requires = "bundle")]
    logged_by: Option<PathBuf>,
    /// Everything that could be chosen, with its features, as CSV [default: whatever the log has, or its column `candidates`]
    #[arg(long, value_name = "FILE")]
    actions: Option<PathBuf>,
    /// Column of what was chosen [default: action, item_id or creative]
    #[arg(long, value_name = "COLUMN")]
    action: Option<String>,
    /// Column of its probability [default: probability, propensity_score or pscore]
    #[arg(long, value_name = "COLUMN")]
    probability: Option<String>,
    /// Column of where it was shown [default: position or placement, if there is one]
    #[arg(long, value_name = "COLUMN")]
    position: Option<String>,
    /// Column of what it earned [default: reward or click]
    #[arg(long, value_name = "COLUMN")]
    reward: Option<String>,
    /// Column of who or what rounds have in common [default: cluster or visitor, if there is one]
    #[arg(long, value_name = "COLUMN")]
    cluster: Option<String>,
    /// How rewards are predicted
    #[arg(long, value_enum, default_value_t = Model::Means)]
    model: Model,
    /// How strongly the regression is drawn to nothing
    #[arg(long, value_name = "NUMBER", default_value_t = 1.0, value_parser = above_zero)]
    ridge: f64,
    /// Parts of the log; what is predicted of one is learned from the others
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    folds: u32,
    /// Also inverse propensity weighting with no weight above this
    #[arg(long, value_name = "WEIGHT", value_parser = above_zero)]
    clip: Option<f64>,
    /// Weight above which switch-dr trusts the model alone [default: that of the least estimated error]
    #[arg(long, value_name = "WEIGHT", value_parser = above_zero)]
    switch: Option<f64>,
    /// How little dros shrinks [default: that of the least estimated error]
    #[arg(long, value_name = "NUMBER", value_parser = above_zero)]
    shrink: Option<f64>,
    /// How intervals are made
    #[arg(long, value_enum, default_value_t = Kind::Likelihood)]
    interval: Kind,
    /// Seed of folds, of the bootstrap and of Thompson sampling
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Draw it as an SVG picture
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
    /// Print everything as JSON
    #[arg(long)]
    json: bool,
}

/// A model of rewards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Model {
    /// Means by action and position, drawn together
    Means,
    /// Logistic regression (ridge, of rewards beyond 0 to 1) over the features of `--actions`
    Regression,
}

/// A way to make intervals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Empirical likelihood
    Likelihood,
    /// Student's quantile times the standard error
    Student,
    /// 1.96 times the standard error
    Normal,
    /// Percentiles of samples drawn anew
    Bootstrap,
    /// Bernstein's inequality: wide, and a guarantee only with `--clip`
    Bernstein,
}

impl Kind {
    /// How an interval of terms within `range` is made.
    fn method(self, range: Option<(f64, f64)>, seed: u64) -> Option<Method> {
        Some(match self {
            Self::Likelihood => Method::Likelihood,
            Self::Student => Method::Student,
            Self::Normal => Method::Normal,
            Self::Bootstrap => Method::Bootstrap { draws: BOOTSTRAP, seed },
            Self::Bernstein => {
                let (least, most) = range?;
                Method::Bernstein { least, most }
            }
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Likelihood => "empirical likelihood",
            Self::Student => "Student",
            Self::Normal => "normal",
            Self::Bootstrap => "bootstrap",
            Self::Bernstein => "empirical Bernstein",
        }
    }
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<bool> {
    let name = arguments.log.display();
    let items = arguments.actions.as_deref().map(|path| items(path, arguments)).transpose()?;
    if arguments.model == Model::Regression && items.is_none() {
        bail!("`--model regression` learns from features: give them by `--actions`");
    }
    let (log, policies) = match (&arguments.bundle, &arguments.logged_by) {
        (Some(bundle), Some(logged_by)) => {
            let Some(read) = split::read(arguments, bundle, logged_by)? else { return Ok(false) };
            read
        }
        _ => {
            let known = items.as_ref().map_or(&[][..], |items| &items.names);
            let log = columns(arguments)
                .read(unzipped(&arguments.log)?, known)
                .map_err(|fault| anyhow!("{name}: {fault}"))?;
            let policies = arguments.policy.iter().map(|told| Ok((told.clone(), policy(&log, told, arguments.seed)?)));
            let policies = policies.collect::<anyhow::Result<Vec<_>>>()?;
            (log, policies)
        }
    };
    if log.clusters() < LEAST {
        let told = if log.clusters() == log.rounds().len() { "rounds" } else { "clusters of rounds" };
        bail!("{name}: {} {told} are too few to say anything of a policy; bring at least {LEAST}", log.clusters());
    }
    let folds = Folds::new(&log, arguments.folds, arguments.seed);
    let rewards = match (arguments.model, &items) {
        (Model::Regression, Some(items)) => Regression { ridge: arguments.ridge }.rewards(&log, items, &folds),
        _ => Rewards::means(&log, &folds),
    };
    let rewards = rewards.map_err(|fault| anyhow!("{name}: {fault}"))?;
    let mut judged = Vec::new();
    for (told, policy) in &policies {
        let whole = Evaluation::new(&log, policy, &rewards).map_err(|fault| anyhow!("{told}: {fault}"))?;
        judged.push(Judged::of(told, whole, &log, arguments)?);
    }
    let report = Report::of(&log, judged, arguments);
    if let Some(picture) = &arguments.picture {
        std::fs::write(picture, chart::draw(&report)).with_context(|| format!("cannot write {}", picture.display()))?;
    }
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{report}");
    }
    Ok(true)
}

/// The estimators that are asked for, those that can be set as they are asked for or as they err least.
fn estimators(whole: &Evaluation, arguments: &Arguments) -> Vec<Estimator> {
    let switch = arguments.switch.map_or_else(|| Estimator::Switch(1.0).tuned(whole), Estimator::Switch);
    let dros = arguments.shrink.map_or_else(|| Estimator::Dros(1.0).tuned(whole), Estimator::Dros);
    let clipped = arguments.clip.map(Estimator::Clipped);
    [Estimator::Direct, Estimator::Ipw]
        .into_iter()
        .chain(clipped)
        .chain([Estimator::Snipw, Estimator::Dr, Estimator::Sndr, switch, dros, Estimator::Replay])
        .collect()
}

fn columns(arguments: &Arguments) -> Columns {
    Columns {
        action: arguments.action.clone(),
        probability: arguments.probability.clone(),
        position: arguments.position.clone(),
        reward: arguments.reward.clone(),
        cluster: arguments.cluster.clone(),
        candidates: None,
    }
}

fn items(path: &Path, arguments: &Arguments) -> anyhow::Result<Items> {
    let told = |fault| anyhow!("{}: {fault}", path.display());
    let source = unzipped(path)?;
    // The log's own name for what was chosen may be the file's as well, and need not.
    match Items::read(source, None) {
        Err(_) if arguments.action.is_some() => Items::read(unzipped(path)?, arguments.action.as_deref()).map_err(told),
        other => other.map_err(told),
    }
}

/// A policy as it is written on the command line.
fn policy(log: &Log, told: &str, seed: u64) -> anyhow::Result<Policy> {
    let fault = |fault| anyhow!("{told}: {fault}");
    if told == "uniform" {
        return Policy::uniform(log).map_err(fault);
    }
    if let Some(action) = told.strip_prefix("always:") {
        return Policy::always(log, action).map_err(fault);
    }
    if let Some(path) = told.strip_prefix("thompson:") {
        let beliefs = Thompson::read(unzipped(Path::new(path))?).map_err(fault)?;
        return beliefs.policy(log, THOMPSON, seed).map_err(fault);
    }
    let path = Path::new(told);
    if File::open(path).is_err() {
        bail!("{told} cannot be read, and is none of uniform, always:ACTION, thompson:FILE");
    }
    Policy::read(log, unzipped(path)?).map_err(fault)
}

fn above_zero(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| *number > 0.0 && number.is_finite());
    number.ok_or_else(|| "write a number above 0".to_owned())
}
