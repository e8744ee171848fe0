//! The replay: recorded visitors through the engine, natively, their syncs into the demo's collector.
//!
//! The recordings have bundles of their own. The collector learns what their campaigns are called from serving them, so
//! each is published for a moment before the shop's: afterwards its page names every campaign that it counted.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::Stage;
use crate::{claims::ledger::Ledger, step::run as call, workspace::Workspace};

/// How long the collector may take to see that its bundle has changed.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the summary says about one recording; `petitfour simulate --json` prints more.
#[derive(Deserialize)]
struct Summary {
    decisions: f64,
    fallback_share: f64,
    profile_bytes: Spread,
}

/// What `petitfour simulate --chain` says about one recording.
#[derive(Deserialize)]
struct Sizes {
    marks: Vec<Mark>,
}

#[derive(Deserialize)]
struct Mark {
    p50: f64,
    most: f64,
}

#[derive(Deserialize)]
struct Spread {
    max: f64,
}

/// Replays the recordings of the repository, or another file, and records what the project states of the former.
///
/// # Errors
/// When the collector does not serve what is published, or the replay fails.
pub fn run(workspace: &Workspace, stage: &Stage, url: &str, file: Option<&Path>) -> Result<()> {
    for example in ["msweb", "otto", "soda"] {
        publish(stage, example, url)?;
    }
    let output = stage.folder.join("replay.json");
    let mut simulate = workspace.tool(&stage.cli);
    simulate.args(["simulate", "--collector", url, "--output"]).arg(&output);
    if let Some(file) = file {
        // The path is the caller's, who may stand in another folder than the root.
        let file = fs::canonicalize(file).with_context(|| format!("--replay {}", file.display()))?;
        return call(simulate.arg("--recorded").arg(file));
    }
    call(&mut simulate)?;
    let summaries: Vec<Summary> = serde_json::from_slice(&fs::read(&output)?).context("the summary of the replay")?;
    let worst = |pick: fn(&Summary) -> f64| summaries.iter().map(pick).fold(f64::NEG_INFINITY, f64::max);
    let ledger = Ledger::open(workspace)?;
    ledger.record("replay.decisions", summaries.iter().map(|summary| summary.decisions).sum())?;
    ledger.record("replay.fallback_share", worst(|summary| summary.fallback_share))?;
    ledger.record("replay.profile.max", worst(|summary| summary.profile_bytes.max))
}

/// Recorded visitors strung together into lives of a thousand events: records how large their profiles get.
///
/// # Errors
/// When the replay fails.
pub fn chain(workspace: &Workspace, stage: &Stage) -> Result<()> {
    let output = stage.folder.join("chain.json");
    call(workspace.tool(&stage.cli).args(["simulate", "--chain", "--output"]).arg(&output))?;
    let sizes: Vec<Sizes> = serde_json::from_slice(&fs::read(&output)?).context("the sizes of chained profiles")?;
    let marks = || sizes.iter().flat_map(|sizes| &sizes.marks);
    let worst = |pick: fn(&Mark) -> f64| marks().map(pick).fold(f64::NEG_INFINITY, f64::max);
    let ledger = Ledger::open(workspace)?;
    ledger.record("profile.chain.median", worst(|mark| mark.p50))?;
    ledger.record("profile.chain.max", worst(|mark| mark.most))
}

/// Puts a bundle in the place of the served one, and waits until it is served.
fn publish(stage: &Stage, example: &str, url: &str) -> Result<()> {
    let bundle = fs::read(stage.example(example))?;
    let partial = stage.folder.join("partial");
    fs::write(&partial, &bundle)?;
    fs::rename(&partial, stage.bundle())?;
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        let served =
            ureq::get(format!("{url}/bundle.pf4")).call().and_then(|mut answer| answer.body_mut().read_to_vec());
        if served.is_ok_and(|served| served == bundle) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    bail!("the collector did not serve the bundle of examples/{example} within {} s", PATIENCE.as_secs())
}
