//! `petitfour`: the command line for people who write campaigns.
//!
//! One file per command. Exit codes: 0 fine, 1 faults in what was given, 2 wrong usage.

mod attribution;
mod bid;
mod build;
mod check;
mod collector;
mod contents;
mod cycle;
mod evaluate;
mod explain;
mod folder;
mod hours;
mod inspect;
mod lifetime;
mod model;
mod new;
mod picture;
mod player;
mod policy;
mod preview;
mod profile;
mod replay;
mod signature;
mod simulate;
mod test;
mod train;
mod uplift;
mod words;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Campaign files to bundles, and bundles back to words.
#[derive(Debug, Parser)]
#[command(
    name = "petitfour",
    version,
    arg_required_else_help = true,
    after_help = "Exit codes: 0 fine, 1 faults, 2 wrong usage.\n\nExamples:\n  \
                  petitfour new shop\n  petitfour check shop\n  petitfour test shop\n  \
                  petitfour build shop -o bundle.pf4\n  petitfour inspect bundle.pf4"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a commented starter that checks clean
    New(new::Arguments),
    /// Report every fault of campaign files at once
    Check(check::Arguments),
    /// Play the tests that stand beside campaign files
    Test(test::Arguments),
    /// Compile campaign files into a bundle
    Build(build::Arguments),
    /// Print a bundle back in words
    Inspect(inspect::Arguments),
    /// Make a pair of keys to sign bundles with
    Keys(signature::KeysArguments),
    /// Sign a bundle
    Sign(signature::SignArguments),
    /// Check who signed a bundle
    Verify(signature::VerifyArguments),
    /// Print the query that shows a creative at the edge for a while
    Preview(preview::Arguments),
    /// Say why a person sees this and not that, or why two who look alike see different things
    Explain(explain::Arguments),
    /// Make one logged decision again, and say whether it is the same
    Replay(replay::Arguments),
    /// Answer an OpenRTB bid request, and say why
    Bid(bid::Arguments),
    /// Take recorded or imagined visitors through the engine and say what came of it
    Simulate(simulate::Arguments),
    /// Say whether each recorded visitor's own hour is better than one hour for all, and which hour that is
    Hours(hours::Arguments),
    /// Say what customers will still buy, for how much, and how right that would have been
    Lifetime(lifetime::Arguments),
    /// Divide outcomes among the channels before them, by every rule, and hold that against a holdout
    Attribution(attribution::Arguments),
    /// Say what a model that was trained elsewhere asks, what it answers to rows, and why
    Model(model::Arguments),
    /// Train a model from rows, and say what it is worth on rows that it did not see
    Train(train::Arguments),
    /// Say what another policy, or other weights of creatives, would have earned on a log of decisions
    Evaluate(evaluate::Arguments),
    /// From a log to a bundle and back: learn, quantise, judge, build, replay, report with pictures
    Loop(cycle::Arguments),
    /// Say from a trial on whom a treatment does more, whom to leave alone, and whether that can be told
    Uplift(uplift::Arguments),
}

fn main() -> ExitCode {
    // Whoever reads what is printed may have read enough.
    sigpipe::reset();
    let outcome = match Arguments::parse().command {
        Command::New(arguments) => new::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Build(arguments) => build::run(&arguments),
        Command::Inspect(arguments) => inspect::run(&arguments),
        Command::Keys(arguments) => signature::keys(&arguments),
        Command::Sign(arguments) => signature::run(&arguments),
        Command::Verify(arguments) => signature::check(&arguments),
        Command::Preview(arguments) => preview::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Bid(arguments) => bid::run(&arguments),
        Command::Simulate(arguments) => simulate::run(&arguments),
        Command::Hours(arguments) => hours::run(&arguments),
        Command::Lifetime(arguments) => lifetime::run(&arguments),
        Command::Attribution(arguments) => attribution::run(&arguments),
        Command::Model(arguments) => model::run(&arguments),
        Command::Train(arguments) => train::run(&arguments),
        Command::Evaluate(arguments) => evaluate::run(&arguments),
        Command::Loop(arguments) => cycle::run(&arguments),
        Command::Uplift(arguments) => uplift::run(&arguments),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("petitfour: {error:#}");
            ExitCode::from(1)
        }
    }
}
