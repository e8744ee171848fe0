//! `petitfour uplift`: who gains by a treatment, who is better left alone, and whether a trial can tell.
//!
//! What is measured, and by whose formulas, stands in `docs/uplift.md`.

mod chart;
mod report;

use std::io::{Write, stdout};
use std::path::PathBuf;

use anyhow::{Context, anyhow};
use indicatif::{ProgressBar, ProgressStyle};
use petitfour_training::{Csv, Fault, Source};
use petitfour_uplift::{self as uplift, Advice, Plan, Ranking, Segment, Settings, Trial, imbalances};

use crate::simulate::recorded::unzipped;
use report::Report;

/// What to learn from, what to say, and what to write.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  petitfour uplift trial.csv.gz --treatment group --control none --outcome visit --drop conversion --drop spend\n  \
                  petitfour uplift trial.csv --treatment group --control none --arm letter --outcome bought --value 30 --cost 0.8 --segment channel --picture qini.svg\n\n\
                  Rows have to be of a trial: who was treated was drawn. docs/uplift.md says what is measured."
)]
pub(crate) struct Arguments {
    /// Rows of a trial as CSV, plain or gzip'd
    #[arg(value_name = "TRIAL")]
    trial: PathBuf,
    /// The column that says which arm a row was given
    #[arg(long, value_name = "COLUMN")]
    treatment: String,
    /// What it says of rows that were left alone
    #[arg(long, value_name = "VALUE")]
    control: String,
    /// What it says of rows that were treated; may be repeated [default: all other values]
    #[arg(long, value_name = "VALUE")]
    arm: Vec<String>,
    /// The column that says what came of a row: 0 and 1, true and false, or an amount
    #[arg(long, value_name = "COLUMN")]
    outcome: String,
    /// A column that is left out: another outcome, or what was written after the treatment; may be repeated
    #[arg(long, value_name = "COLUMN")]
    drop: Vec<String>,
    /// A column that looks like an identifier and is none; may be repeated
    #[arg(long, value_name = "COLUMN")]
    keep: Vec<String>,
    /// What an outcome of 1 is worth
    #[arg(long, value_name = "N", default_value_t = 1.0, allow_negative_numbers = true, value_parser = amount)]
    value: f64,
    /// What treating one row costs, in the same unit
    #[arg(long, value_name = "N", default_value_t = 0.0, allow_negative_numbers = true, value_parser = amount)]
    cost: f64,
    /// A column whose values are told apart in the report; may be repeated
    #[arg(long, value_name = "COLUMN")]
    segment: Vec<String>,
    /// How effects are learned
    #[arg(long, value_enum, default_value_t = Learner::S)]
    learner: Learner,
    /// Halves that are learned from and held out in turn
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(5..=1_000))]
    splits: u64,
    /// Rows beyond which a sample is learned from
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(100..))]
    sample: u64,
    /// Seed of everything that is drawn
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Draw the Qini curves with their intervals as an SVG picture
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
    /// Print everything as JSON
    #[arg(long)]
    json: bool,
}

/// Ways to learn an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Learner {
    /// One model, in which the treatment is a column
    S,
    /// Two models, one for each arm
    T,
    /// One model of an outcome whose mean is the effect
    Transformed,
    /// Models of what each row gained over the other arm's model
    X,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<bool> {
    let name = arguments.trial.display();
    let told = |fault: Fault| anyhow!("{name}: {fault}");
    let trial = read(arguments).map_err(told)?;
    let settings = arguments.settings();
    let by = arguments.segment.iter().map(|column| Segment::by(column, &trial, &settings));
    let mut segments = by.collect::<Result<Vec<_>, _>>().map_err(told)?;
    let (arms, folds) = (trial.arms.len() - 1, settings.folds);
    let bar = bar(arms * (settings.splits + folds) + folds);
    let mut tick = || bar.inc(1);
    let mut rankings = Vec::with_capacity(arms);
    bar.set_message("ranking");
    for arm in 1..=arms {
        rankings.push(Ranking::of(&trial, arm, &settings, &mut tick).map_err(told)?);
    }
    bar.set_message("parting");
    for arm in 1..=arms {
        segments.push(Segment::by_effect(&trial, arm, &settings, &mut tick).map_err(told)?);
    }
    bar.set_message("advising");
    let advice = Advice::of(&trial, &settings, &mut tick).map_err(told)?;
    bar.finish_and_clear();
    let report = Report {
        trial: name.to_string(),
        rows: trial.len(),
        rows_read: trial.table.rows_read,
        outcome: trial.table.target.0.clone(),
        is_rate: trial.binary,
        arms: trial.arms.clone(),
        probabilities: trial.propensities.clone(),
        columns: trial.table.columns.iter().map(|column| column.name.clone()).collect(),
        notes: trial.table.notes.clone(),
        imbalances: imbalances(&trial),
        settings,
        everybody: Segment::whole(&trial, &settings),
        rankings,
        advice,
        segments,
    };
    // Files first: whoever reads what is printed may have read enough, and that ends it.
    if let Some(picture) = &arguments.picture {
        std::fs::write(picture, chart::draw(&report)).with_context(|| format!("cannot write {}", picture.display()))?;
    }
    let text = if arguments.json { serde_json::to_string_pretty(&report)? + "\n" } else { report.to_string() };
    stdout().write_all(text.as_bytes())?;
    Ok(true)
}

impl Arguments {
    fn settings(&self) -> Settings {
        let usual = Settings::default();
        Settings {
            learner: match self.learner {
                Learner::S => uplift::Learner::S,
                Learner::T => uplift::Learner::T,
                Learner::Transformed => uplift::Learner::Transformed,
                Learner::X => uplift::Learner::X,
            },
            splits: usize::try_from(self.splits).unwrap_or(usual.splits),
            value: self.value,
            cost: self.cost,
            seed: self.seed,
            ..usual
        }
    }
}

fn read(arguments: &Arguments) -> Result<Trial, Fault> {
    let plan = Plan {
        treatment: arguments.treatment.clone(),
        control: arguments.control.clone(),
        arms: arguments.arm.clone(),
        outcome: arguments.outcome.clone(),
        drop: arguments.drop.clone(),
        keep: arguments.keep.clone(),
        most: usize::try_from(arguments.sample).unwrap_or(usize::MAX),
        seed: arguments.seed,
    };
    let spinner = ProgressBar::new_spinner();
    let mut open = || {
        let closed = |error: anyhow::Error| Fault { place: None, what: format!("{error:#}"), remedy: None };
        Ok(Box::new(Csv::open(unzipped(&arguments.trial).map_err(closed)?)?) as Box<dyn Source>)
    };
    let trial = uplift::read(&mut open, &plan, &mut |rows| spinner.set_message(format!("reading, {rows} rows")));
    spinner.finish_and_clear();
    trial
}

/// A bar of models' rounds, on the error output, drawn where somebody looks.
fn bar(rounds: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} [{bar:40}] {pos}/{len} rounds, {eta} left");
    ProgressBar::new(rounds as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// 0 and more.
fn amount(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| *number >= 0.0 && number.is_finite());
    number.ok_or_else(|| "write a number from 0 on, such as `0.8`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_or_cost_is_a_number_from_0_on() {
        assert_eq!((amount("0"), amount("12.5")), (Ok(0.0), Ok(12.5)));
        assert!(["-1", "inf", "NaN", "1,5", ""].iter().all(|text| amount(text).is_err()));
    }
}
