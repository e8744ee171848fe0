//! `petitfour hours`: is each visitor's own hour better than one hour for all, and at which hour are the people of a segment there?
//!
//! The measure stands in `docs/recorded-visitors.md#hours`, and this is that section in code.

mod chart;
mod report;
mod study;

use std::path::PathBuf;

use anyhow::{Context, bail};

use crate::simulate::recorded::{self, Shape};
use report::Report;

/// What to learn from, and what to write.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  petitfour hours --recorded data/otto/sessions.jsonl.gz\n  \
                        petitfour hours --recorded data/otto/sessions.jsonl.gz --svg hours.svg --json\n\n\
                        docs/recorded-visitors.md#hours says what is measured.")]
pub(crate) struct Arguments {
    /// Recording, plain or gzip'd
    #[arg(long, value_name = "FILE")]
    recorded: PathBuf,
    /// Which columns it has [default: told by its first line]
    #[arg(long, value_enum)]
    shape: Option<Shape>,
    /// How much of the recording's time is learned from; the rest is measured on
    #[arg(long, value_name = "PERCENT", default_value = "50%", value_parser = percent)]
    split: f64,
    /// Seed of the draws behind the intervals
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Draw it as an SVG picture
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Print everything as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<bool> {
    let recording = recorded::read(&arguments.recorded, arguments.shape)?;
    let file = arguments.recorded.display();
    let Some(study) = study::Study::learn(&recording.visitors, arguments.split) else {
        bail!(
            "{file}: nobody came on a day after {:.0}% of its time; learn from less with --split",
            arguments.split * 100.0
        );
    };
    let report = Report::of(&recording, &arguments.recorded, arguments.seed, &study);
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{report}");
    }
    if let Some(svg) = &arguments.svg {
        std::fs::write(svg, chart::draw(&report)).with_context(|| format!("cannot write {}", svg.display()))?;
    }
    Ok(true)
}

/// `50%`.
fn percent(text: &str) -> Result<f64, String> {
    let number =
        text.strip_suffix('%').unwrap_or(text).parse::<f64>().ok().filter(|number| *number > 0.0 && *number < 100.0);
    number
        .map(|number| number / 100.0)
        .ok_or_else(|| "write a percentage above 0% and below 100%, such as `50%`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_split_lies_between_nothing_and_everything() {
        assert_eq!((percent("50%"), percent("75")), (Ok(0.5), Ok(0.75)));
        assert!(["0%", "100%", "half", "-3%", "NaN"].iter().all(|text| percent(text).is_err()));
    }
}
