//! `cargo xtask test`, `drill` and `ci`: every check of the project, in one order, each with a name and a time.
//!
//! The first failure ends the run and says how to repeat that step alone; what came before it need not run again. The
//! last line is `N passed, N failed`: every test of every runner, and every other step as one.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Args;

use crate::{
    setup::{self},
    step::seconds,
    workspace::Workspace,
};

pub mod count;
mod steps;

use count::Count;
use steps::{STEPS, Step, When};

/// Run every check of the project, stopping at the first failure.
///
/// Formatting, lints, tests, package, bundlers, browser, size and demo, in the order of `--list`. `drill` is the same
/// with the long runs at full numbers; `ci` adds licences and documentation.
#[derive(Args)]
#[command(after_help = "Examples:\n  cargo xtask test                everything\n  \
                        cargo xtask test --list         the steps and what they do\n  \
                        cargo xtask test --only clippy  one step alone (repeatable)\n  \
                        cargo xtask drill               kills, seeds and properties at full numbers\n  \
                        cargo xtask ci                  also licences and documentation")]
pub struct Options {
    /// Run only this step; may be given several times.
    #[arg(long, value_name = "STEP")]
    only: Vec<String>,
    /// List the steps.
    #[arg(long)]
    list: bool,
}

/// How much of the suite runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// What a build server runs for every change.
    Test,
    /// The long runs at full numbers.
    Drill,
    /// The test and what takes an installation of minutes: licences and sources, documentation.
    Ci,
}

impl Scale {
    fn command(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Drill => "drill",
            Self::Ci => "ci",
        }
    }
}

/// What became of a step.
struct Outcome {
    step: &'static Step,
    took: Duration,
    count: Count,
    error: Option<anyhow::Error>,
}

/// Runs the command.
///
/// # Errors
/// When a step failed, or none is called as asked.
pub fn run(workspace: &Workspace, options: &Options, scale: Scale) -> Result<()> {
    if options.list {
        for Step { name, what, when, .. } in STEPS {
            let note = match when {
                When::Always => "",
                When::Ci => " [ci]",
                When::Asked => " [--only]",
            };
            println!("{name:<14}{what}{note}");
        }
        return Ok(());
    }
    let steps = chosen(&options.only, scale)?;
    let began = Instant::now();
    let mut outcomes: Vec<Outcome> = Vec::new();
    for (number, step) in (1..).zip(&steps) {
        println!("\n══ {number}/{} {}: {}", steps.len(), step.name, step.what);
        let outcome = perform(workspace, step, scale);
        println!("══ {}: {} in {}", step.name, outcome.verdict(), seconds(outcome.took));
        let failed = outcome.error.is_some();
        outcomes.push(outcome);
        if failed {
            break;
        }
    }
    report(&outcomes, &steps, scale, began.elapsed())
}

fn chosen(only: &[String], scale: Scale) -> Result<Vec<&'static Step>> {
    let within = |step: &&Step| match step.when {
        When::Always => true,
        When::Ci => scale == Scale::Ci,
        When::Asked => false,
    };
    if only.is_empty() {
        return Ok(STEPS.iter().filter(within).collect());
    }
    if let Some(unknown) = only.iter().find(|name| !STEPS.iter().any(|step| step.name == name.as_str())) {
        let names: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
        bail!("there is no step {unknown:?}; the steps are {}", names.join(", "));
    }
    // In the order of the suite, not of the arguments: later steps use what earlier ones built.
    Ok(STEPS.iter().filter(|step| only.iter().any(|name| name == step.name)).collect())
}

fn perform(workspace: &Workspace, step: &'static Step, scale: Scale) -> Outcome {
    let began = Instant::now();
    let mut count = Count::default();
    let outcome = setup::need(workspace, step.needs).and_then(|()| (step.work)(workspace, scale, &mut count));
    if let Err(error) = &outcome {
        eprintln!("error: {error:#}");
    }
    // A step without a runner of tests counts as one; so does a failure that no runner counted.
    match &outcome {
        Ok(()) if count.passed == 0 && count.skipped == 0 => count.passed = 1,
        Err(_) if count.failed == 0 => count.failed = 1,
        _ => {}
    }
    Outcome { step, took: began.elapsed(), count, error: outcome.err() }
}

fn report(outcomes: &[Outcome], steps: &[&Step], scale: Scale, took: Duration) -> Result<()> {
    println!("\n{:<14}{:>14}{:>10}{:>10}{:>10}  outcome", "step", "time", "passed", "failed", "skipped");
    let mut total = Count::default();
    for outcome in outcomes {
        let Count { passed, failed, skipped } = outcome.count;
        println!(
            "{:<14}{:>14}{passed:>10}{failed:>10}{skipped:>10}  {}",
            outcome.step.name,
            seconds(outcome.took),
            outcome.verdict()
        );
        total.add(outcome.count);
    }
    for step in steps.get(outcomes.len()..).unwrap_or_default() {
        println!("{:<14}{:>14}{:>10}{:>10}{:>10}  not run", step.name, "–", "–", "–", "–");
    }
    println!("{:<14}{:>14}", "in all", seconds(took));
    let failure = outcomes.iter().find(|outcome| outcome.error.is_some());
    if let Some(Outcome { step, error: Some(error), .. }) = failure {
        println!(
            "\n{} failed: {error:#}\nrepeat it alone: cargo xtask {} --only {}",
            step.name,
            scale.command(),
            step.name
        );
    }
    let skipped = if total.skipped > 0 { format!(", {} skipped", total.skipped) } else { String::new() };
    println!("\n{} passed, {} failed{skipped}", total.passed, total.failed);
    if failure.is_some() { bail!("the {} failed", scale.command()) } else { Ok(()) }
}

impl Outcome {
    fn verdict(&self) -> &'static str {
        if self.error.is_some() { "FAILED" } else { "passed" }
    }
}
