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
    /// One hour for all that own hours stand against, such as 09:00 [default: the one that would have done best before]
    #[arg(long, value_name = "HH:00", value_parser = full_hour)]
    against: Option<usize>,
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
    let Some(mut study) = study::Study::learn(&recording.visitors, arguments.split) else {
        bail!(
            "{file}: nobody came on a day after {:.0}% of its time; learn from less with --split",
            arguments.split * 100.0
        );
    };
    study.one = arguments.against.unwrap_or(study.one);
    let report = Report::of(&recording, &arguments.recorded, arguments.seed, &study);
    if let Some(svg) = &arguments.svg {
        std::fs::write(svg, chart::draw(&report)).with_context(|| format!("cannot write {}", svg.display()))?;
    }
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{report}");
    }
    Ok(true)
}

/// `50%`.
fn percent(text: &str) -> Result<f64, String> {
    // 0.5 is meant for a half, and 0.5% would learn from next to nothing.
    let least = if text.ends_with('%') { 0.0 } else { 1.0 };
    let number =
        text.strip_suffix('%').unwrap_or(text).parse::<f64>().ok().filter(|number| *number > least && *number < 100.0);
    number
        .map(|number| number / 100.0)
        .ok_or_else(|| "write a percentage above 0% and below 100%, such as `50%`".to_owned())
}

/// `09:00`.
fn full_hour(text: &str) -> Result<usize, String> {
    let hour =
        text.strip_suffix(":00").and_then(|hour| hour.parse().ok()).filter(|hour| *hour < petitfour_hours::HOURS);
    hour.ok_or_else(|| "write a full hour of the day from 00:00 to 23:00, such as `09:00`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_to_stand_against_is_a_full_one() {
        assert_eq!((full_hour("09:00"), full_hour("23:00")), (Ok(9), Ok(23)));
        assert!(["24:00", "9", "09:30", "-1:00", ""].iter().all(|text| full_hour(text).is_err()));
    }

    #[test]
    fn a_split_lies_between_nothing_and_everything() {
        assert_eq!((percent("50%"), percent("75")), (Ok(0.5), Ok(0.75)));
        assert!(["0%", "100%", "0.5", "half", "-3%", "NaN"].iter().all(|text| percent(text).is_err()));
    }
}
