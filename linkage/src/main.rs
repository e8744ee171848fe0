//! `petitfour-linkage`: records of a file to people.
//!
//! Exit codes: 0 fine, 1 faults in what was given or a score below its target, 2 wrong usage.

mod command;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Which records of a file are one person's, and why.
#[derive(Debug, Parser)]
#[command(
    name = "petitfour-linkage",
    version,
    arg_required_else_help = true,
    after_help = "Exit codes: 0 fine, 1 faults, 2 wrong usage.\n\nExamples:\n  \
                  petitfour-linkage resolve customers.csv --out people\n  \
                  petitfour-linkage explain customers.csv 17 4711\n  petitfour-linkage score"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Propose which records are one person's: edges.csv and clusters.csv
    Resolve(command::resolve::Arguments),
    /// Why two records are one person's, or are not
    Explain(command::explain::Arguments),
    /// Resolve the public sets whose truth is known, and say how right it is
    Score(command::score::Arguments),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Resolve(arguments) => command::resolve::run(&arguments),
        Command::Explain(arguments) => command::explain::run(&arguments),
        Command::Score(arguments) => command::score::run(&arguments),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("petitfour-linkage: {error:#}");
            ExitCode::from(1)
        }
    }
}
