//! `petitfour train`: a model from rows, with a card that says what it is worth.

mod card;
mod chart;
mod page;

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use indicatif::ProgressBar;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use petitfour_training::{
    By, ClassWeight, Csv, Fault, Growth, Parquet, Plan, Settings, Source, Study, Table, gather, lightgbm,
};
use sha2::{Digest, Sha256};

use crate::simulate::recorded::unzipped;
use card::{Card, Origin};

/// Rows times columns that are held at most unless `--sample` says otherwise: 400 MB of numbers, of which training holds some two more.
const FIELDS: usize = 50_000_000;
/// Rows that are held at most unless `--sample` says otherwise: more change no figure that a card shows.
const ROWS: usize = 1_000_000;

/// What to learn from, and what to write.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  petitfour train rows.csv --target bought --out model\n  \
                        petitfour train calls.csv.gz --target y --positive yes --order-is-time --drop duration --out model\n  \
                        petitfour train january.parquet february.parquet --target clicked --time at --out model\n\n\
                        docs/training.md says how rows are parted and what is warned of.")]
pub(crate) struct Arguments {
    /// Rows with a line of names: a CSV file, plain or gzip'd, or Parquet files with the same columns
    #[arg(value_name = "ROWS", required = true)]
    rows: Vec<PathBuf>,
    /// Column that says who did what is to be predicted
    #[arg(long, value_name = "COLUMN")]
    target: String,
    /// What it says of those who did [default: 1 or true]
    #[arg(long, value_name = "VALUE")]
    positive: Option<String>,
    /// Column that says when a row was: numbers, or texts such as 2026-11-03; the newest rows are held out
    #[arg(long, value_name = "COLUMN", conflicts_with = "order_is_time")]
    time: Option<String>,
    /// The order of the file is time: the last rows are held out
    #[arg(long)]
    order_is_time: bool,
    /// Leave a column out; can be given more than once
    #[arg(long, value_name = "COLUMN")]
    drop: Vec<String>,
    /// A column that looks like an identifier is measured, and stays; can be given more than once
    #[arg(long, value_name = "COLUMN")]
    keep: Vec<String>,
    /// Column that says what a row counts
    #[arg(long, value_name = "COLUMN")]
    weight: Option<String>,
    /// What a row of those who did counts while learning: `balanced`, or a number of other rows [default: 1]
    #[arg(long, value_name = "WEIGHT", value_parser = class_weight)]
    class_weight: Option<ClassWeight>,
    /// Share of the rows that is held out to measure on
    #[arg(long, value_name = "PERCENT", default_value = "20%", value_parser = percent)]
    holdout: f64,
    /// Rows beyond which a sample is learned from [default: 1,000,000, fewer of more than 50 columns]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(100..))]
    sample: Option<u64>,
    /// Trees at most
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=5_000))]
    trees: u64,
    /// Leaves of a tree at most
    #[arg(long, value_name = "N", default_value_t = 15, value_parser = clap::value_parser!(u64).range(2..=100))]
    leaves: u64,
    /// What of each tree is added: the less, the more trees
    #[arg(long, value_name = "RATE", default_value_t = 0.05, value_parser = rate)]
    rate: f32,
    /// Train what is written again on all rows, after it was measured
    #[arg(long)]
    refit: bool,
    /// Seed of everything that is drawn
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Day that the card bears, such as 2026-11-03 [default: today, UTC]
    #[arg(long, value_name = "DAY")]
    date: Option<String>,
    /// Folder to write model.txt, linear.json, calibration.json, card.md, card.json, calibration.svg and gain.svg into
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Print the card as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<bool> {
    let names = arguments.rows.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
    let table = read(arguments, &names)?;
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(Duration::from_millis(200));
    let settings = arguments.settings();
    let study = Study::of(&table, &settings, &mut |doing| bar.set_message(doing.to_owned()))
        .map_err(|fault| anyhow!("{names}: {fault}"))?;
    bar.finish_and_clear();
    let origin = Origin {
        files: arguments.rows.iter().map(|path| path.display().to_string()).collect(),
        sha256: digest(&arguments.rows)?,
        date: arguments.date.clone().unwrap_or_else(|| day(Timestamp::now())),
    };
    let card = Card::of(&table, &study, &settings, origin, &arguments.drop);
    let out = &arguments.out;
    fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    let mut written = vec![
        ("model.txt", lightgbm(&study.forest)?),
        ("linear.json", serde_json::to_string_pretty(&study.linear)?),
        ("card.json", serde_json::to_string_pretty(&card)?),
        ("card.md", page::write(&card)),
        ("calibration.svg", chart::calibration(&card)),
        ("gain.svg", chart::gain(&card)),
    ];
    if let Some(calibrated) = &study.calibrated {
        let file =
            crate::model::Calibrating { model: card.file().to_owned(), calibration: calibrated.calibration.clone() };
        written.push(("calibration.json", serde_json::to_string_pretty(&file)?));
    }
    for (name, text) in written {
        let path = out.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&card)?);
    } else {
        print!("{}", page::brief(&card));
        println!("\nWritten into {}: {} is what to take; card.md says why.", out.display(), card.file());
    }
    Ok(true)
}

impl Arguments {
    fn settings(&self) -> Settings {
        let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        Settings {
            by: match (&self.time, self.order_is_time) {
                (Some(_), _) => By::Time,
                (None, true) => By::Order,
                (None, false) => By::Random,
            },
            holdout: self.holdout,
            class_weight: self.class_weight.unwrap_or(ClassWeight::Equal),
            growth: Growth {
                most: count(self.trees),
                leaves: count(self.leaves),
                rate: self.rate,
                seed: self.seed,
                ..Growth::default()
            },
            seed: self.seed,
            refit: self.refit,
        }
    }

    fn plan(&self, columns: usize) -> Plan {
        let usual = ROWS.min(FIELDS / columns.max(1));
        Plan {
            target: self.target.clone(),
            positive: self.positive.clone(),
            drop: self.drop.clone(),
            keep: self.keep.clone(),
            weight: self.weight.clone(),
            time: self.time.clone(),
            most: self.sample.map_or(usual, |rows| usize::try_from(rows).unwrap_or(usize::MAX)),
            seed: self.seed,
        }
    }
}

/// Gathers the table, with a bar where the number of rows is known.
fn read(arguments: &Arguments, names: &str) -> anyhow::Result<Table> {
    let told = |fault| anyhow!("{names}: {fault}");
    let parts = arguments.rows.iter().map(|path| is_parquet(path)).collect::<anyhow::Result<Vec<_>>>()?;
    let is_parquet = parts.iter().all(|part| *part);
    let first = match arguments.rows.as_slice() {
        [only] => only,
        [first, ..] if is_parquet => first,
        _ => bail!("{names}: several files are read if all of them are Parquet"),
    };
    if !is_parquet {
        let columns = Csv::open(unzipped(first)?).map_err(told)?.columns().len();
        let bar = ProgressBar::new_spinner();
        bar.enable_steady_tick(Duration::from_millis(200));
        let mut open = || {
            let plain = unzipped(first).map_err(|error| closed(&error))?;
            Ok(Box::new(Csv::open(plain)?) as Box<dyn Source>)
        };
        let table =
            gather(&mut open, &arguments.plan(columns), &mut |rows| bar.set_message(format!("reading, {rows} rows")));
        bar.finish_and_clear();
        return table.map_err(told);
    }
    let opened = || -> Result<Parquet, Fault> {
        let files = arguments.rows.iter().map(File::open).collect::<Result<Vec<_>, _>>();
        let files = files.map_err(|error| closed(&error))?;
        Parquet::open(files, &arguments.drop)
    };
    let look = opened().map_err(told)?;
    let bar = crate::simulate::progress(usize::try_from(look.rows().saturating_mul(2)).unwrap_or(usize::MAX));
    let plan = arguments.plan(look.columns().len());
    drop(look);
    let table = gather(&mut || Ok(Box::new(opened()?) as Box<dyn Source>), &plan, &mut |rows| bar.set_position(rows));
    bar.finish_and_clear();
    table.map_err(told)
}

fn closed(error: &dyn std::fmt::Display) -> Fault {
    Fault { place: None, what: format!("{error:#}"), remedy: None }
}

/// Does a file begin as Parquet does?
fn is_parquet(path: &Path) -> anyhow::Result<bool> {
    let mut begin = [0; 4];
    let mut file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let read = file.read(&mut begin).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(read == begin.len() && begin == *b"PAR1")
}

/// SHA-256 of all files, one after the other, in hexadecimal.
pub(crate) fn digest(paths: &[PathBuf]) -> anyhow::Result<String> {
    let mut hash = Sha256::new();
    let mut bytes = vec![0; 1 << 16];
    for path in paths {
        let mut file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        loop {
            let read = file.read(&mut bytes).with_context(|| format!("cannot read {}", path.display()))?;
            if read == 0 {
                break;
            }
            hash.update(bytes.get(..read).unwrap_or_default());
        }
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The day that it is then at Greenwich.
fn day(then: Timestamp) -> String {
    TimeZone::UTC.to_datetime(then).date().to_string()
}

/// `20%`.
fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).parse::<f64>().ok();
    number
        .filter(|number| (1.0..=90.0).contains(number))
        .map(|number| number / 100.0)
        .ok_or_else(|| "write a percentage from 1% to 90%, such as `20%`".to_owned())
}

/// `balanced`, or a number above 0.
fn class_weight(text: &str) -> Result<ClassWeight, String> {
    if text == "balanced" {
        return Ok(ClassWeight::Balanced);
    }
    let times = text.parse::<f64>().ok().filter(|times| *times > 0.0 && times.is_finite());
    times.map(ClassWeight::Times).ok_or_else(|| "write `balanced`, or a number above 0".to_owned())
}

/// Above 0 and at most 1.
pub(crate) fn rate(text: &str) -> Result<f32, String> {
    let rate = text.parse::<f32>().ok().filter(|rate| *rate > 0.0 && *rate <= 1.0);
    rate.ok_or_else(|| "write a number above 0 and at most 1, such as `0.05`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        let days = [0, 59, 11_016, 11_017, 19_782, 20_783];
        let days = days.map(|days| day(Timestamp::from_second(days * 86_400).unwrap()));
        assert_eq!(days, ["1970-01-01", "1970-03-01", "2000-02-29", "2000-03-01", "2024-02-29", "2026-11-26"]);
    }

    #[test]
    fn what_is_no_weight_share_or_rate_is_refused() {
        assert_eq!(class_weight("balanced"), Ok(ClassWeight::Balanced));
        assert_eq!(class_weight("2.5"), Ok(ClassWeight::Times(2.5)));
        assert!(["0", "-1", "inf", "NaN", "even"].iter().all(|text| class_weight(text).is_err()));
        assert_eq!((percent("20%"), percent("5")), (Ok(0.2), Ok(0.05)));
        assert!(["0.2", "100%", "NaN"].iter().all(|text| percent(text).is_err()));
        assert!(["0", "1.5", "NaN"].iter().all(|text| rate(text).is_err()));
    }
}
