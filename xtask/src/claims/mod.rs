//! `cargo xtask claims`: one table of every figure that the project states, and whether it holds.
//!
//! `registry` says what is claimed: name, meaning, bound, and the command that measures it. `ledger` reads and writes
//! the results, one file each in `target/claims/`, stamped with date and commit. A result that is missing, that breaks
//! its bound, or whose commit lies behind changes other than to documents, does not hold. Reading takes no longer than
//! opening the files; `--measure` runs the commands again.
//!
//! Other programs record a result by writing the file themselves (`xtask/README.md` has its shape) or by
//! `cargo xtask claims --record NAME=VALUE`.

use std::{collections::BTreeSet, io::Write as _, process::Command};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde::Serialize;

use crate::{
    step::{run as call, step},
    workspace::Workspace,
};

pub mod claim;
pub mod ledger;
pub mod registry;

use claim::Claim;
use ledger::{Ledger, Standing};
use registry::CLAIMS;

/// Show every figure that the project states, and whether it holds.
///
/// Exits with 0 when all hold. A missing or outdated result counts as not holding.
#[derive(Args)]
#[command(after_help = "Examples:\n  cargo xtask claims                  the table\n  \
                        cargo xtask claims --json           the same for a program\n  \
                        cargo xtask claims --measure size   measure again what begins with `size`\n  \
                        cargo xtask claims --measure all    measure everything again")]
pub struct Options {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Run again the commands of the claims whose names begin so (`all`: every one), then show them.
    #[arg(long, value_name = "NAME")]
    measure: Option<String>,
    /// Record a result that another program measured just now.
    #[arg(long, value_name = "NAME=VALUE", conflicts_with = "measure")]
    record: Vec<String>,
}

#[derive(Serialize)]
struct Line {
    name: &'static str,
    meaning: &'static str,
    value: Option<f64>,
    unit: &'static str,
    bound: String,
    holds: bool,
    standing: String,
    command: &'static str,
    date: Option<String>,
    commit: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// When a measurement fails to run, or a claim that is shown does not hold.
pub fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    if !options.record.is_empty() {
        return record(workspace, &options.record);
    }
    let chosen: Vec<&Claim> = match options.measure.as_deref() {
        None | Some("all") => CLAIMS.iter().collect(),
        Some(prefix) => CLAIMS.iter().filter(|claim| claim.name.starts_with(prefix)).collect(),
    };
    if chosen.is_empty() {
        bail!("no claim begins with {:?}; `cargo xtask claims` lists them", options.measure);
    }
    if options.measure.is_some() {
        measure(workspace, &chosen);
    }
    let ledger = Ledger::open(workspace)?;
    let lines: Vec<Line> = chosen.iter().map(|claim| line(&ledger, claim)).collect();
    if options.json {
        // Not `println!`: a reader that closes the pipe early is no fault of ours.
        let _ = writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(&lines)?);
    } else {
        print(&lines);
    }
    let broken = lines.iter().filter(|line| !line.holds).count();
    if broken > 0 {
        bail!("{broken} of {} claims do not hold", lines.len());
    }
    Ok(())
}

/// Runs each command once, however many claims it measures; one that fails leaves its claims as they were.
fn measure(workspace: &Workspace, claims: &[&Claim]) {
    let commands: BTreeSet<&str> = claims.iter().map(|claim| claim.command).collect();
    for line in commands {
        let outcome = step(line, || {
            let mut words = line.split_whitespace();
            let program = words.next().context("a claim has an empty command")?;
            let mut command: Command = if program == "cargo" { workspace.cargo() } else { workspace.tool(program) };
            call(command.args(words))
        });
        if let Err(error) = outcome {
            eprintln!("  {error:#}");
        }
    }
}

fn record(workspace: &Workspace, results: &[String]) -> Result<()> {
    let ledger = Ledger::open(workspace)?;
    for result in results {
        let (name, value) = result.split_once('=').context("--record takes NAME=VALUE")?;
        ledger.record(name, value.parse().with_context(|| format!("{value:?} is no number"))?)?;
    }
    Ok(())
}

fn line(ledger: &Ledger, claim: &'static Claim) -> Line {
    let (result, standing) = ledger.standing(claim);
    Line {
        name: claim.name,
        meaning: claim.meaning,
        value: result.as_ref().map(|result| result.value),
        unit: claim.unit,
        bound: claim.bound.to_string(),
        holds: standing == Standing::Holds,
        standing: standing.to_string(),
        command: claim.command,
        date: result.as_ref().map(|result| result.stamp.date.clone()),
        commit: result.map(|result| result.stamp.commit),
    }
}

fn print(lines: &[Line]) {
    println!("{:<32}{:>14} {:<16}{:<12}{:<11}{:<18}measured by", "claim", "value", "unit", "bound", "holds", "date");
    for line in lines {
        let value = line.value.map_or_else(|| "–".to_owned(), |value| format!("{}", (value * 1000.0).round() / 1000.0));
        let date = line.date.as_deref().unwrap_or("–").trim_end_matches('Z').replace('T', " ");
        let date: String = date.chars().take(16).collect();
        println!(
            "{:<32}{value:>14} {:<16}{:<12}{:<11}{date:<18}{}",
            line.name, line.unit, line.bound, line.standing, line.command
        );
    }
    let holds = lines.iter().filter(|line| line.holds).count();
    println!("\n{holds} of {} hold", lines.len());
}
