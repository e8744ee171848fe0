//! `cargo xtask`: the one door of the project. It builds the package, runs the demo, the tests and the measurements,
//! and does its own set-up.
//!
//! Each command calls the parts of the set-up that it needs, says what it installs and why, and does nothing where the
//! thing is already there. Results that the documents may state go to `target/claims/`, where `claims` reads them.
//!
//! Invariant: nothing here is part of the product. What a visitor, a marketer or a data engineer runs lives in the
//! other members; xtask only calls them.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod bench;
mod claims;
mod demo;
mod package;
mod setup;
mod size;
mod step;
mod suite;
mod workspace;

use workspace::Workspace;

/// Petit Four's own tool: demo, tests, package and measurements.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
struct Door {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Demo(demo::Options),
    Test(suite::Options),
    Pkg(package::Options),
    Size(size::Options),
    Bench(bench::Options),
    Claims(claims::Options),
    Drill(suite::Options),
    Ci(suite::Options),
    Setup(setup::Options),
}

fn main() -> ExitCode {
    let door = Door::parse();
    let outcome = Workspace::locate().and_then(|workspace| match door.command {
        Command::Demo(options) => demo::run(&workspace, &options),
        Command::Test(options) => suite::run(&workspace, &options, suite::Scale::Test),
        Command::Pkg(options) => package::run(&workspace, &options).map(drop),
        Command::Size(options) => size::run(&workspace, &options),
        Command::Bench(options) => bench::run(&workspace, &options),
        Command::Claims(options) => claims::run(&workspace, &options),
        Command::Drill(options) => suite::run(&workspace, &options, suite::Scale::Drill),
        Command::Ci(options) => suite::run(&workspace, &options, suite::Scale::Ci),
        Command::Setup(options) => setup::run(&workspace, &options),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The chain of reasons and no stack: what failed is nearly always another program.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
