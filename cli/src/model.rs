//! `petitfour model`: what a model that was trained elsewhere asks, what it says of rows, and why.

mod calibration;
mod device;
mod drift;
mod quantise;
mod sentence;
mod waterfall;
mod why;

pub(crate) use calibration::Calibrating;

use std::fs;
use std::io::{BufWriter, Write, stdout};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use petitfour_models::contribution::Explainer;
use petitfour_models::regression::{Term, Weights};
use petitfour_models::{BORDERS, Forest, Library, Link, Rows, Test};
use serde::Serialize;

use crate::simulate::recorded::unzipped;
use crate::simulate::summary::counted;

/// What to read.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  petitfour model model.txt\n  petitfour model model.txt --rows rows.csv > answers.csv\n  \
                        petitfour model model.txt --rows rows.csv --target bought --quantise 8\n  \
                        petitfour model model.txt --rows rows.csv --why 57 --sentences sentences.yaml\n  \
                        petitfour model model.txt --rows rows.csv --why 57 --beside 91 --picture why.svg\n  \
                        petitfour model model.txt --rows june.csv --importance --against may.csv\n\n\
                        docs/models.md says what is read, docs/reasons.md what reasons are."
)]
pub(crate) struct Arguments {
    /// A model: LightGBM's text, XGBoost's JSON or UBJSON, CatBoost's JSON, trees in ONNX, or the regression of `petitfour train`
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// Answer each row of a CSV file, plain or gzip'd, instead: two columns, `raw` and `answer`
    #[arg(long, value_name = "FILE")]
    rows: Option<PathBuf>,
    /// … with a third, `calibrated`, by what `petitfour train` wrote beside the model
    #[arg(long, value_name = "calibration.json", requires = "rows", conflicts_with_all = ["quantise", "why", "importance"])]
    calibrate: Option<PathBuf>,
    #[command(flatten)]
    quantise: quantise::Options,
    /// Say what each feature contributes to the score of the row in this line of the file, which counts from 1 with the names
    #[arg(long, value_name = "LINE", requires = "rows")]
    why: Option<usize>,
    /// … and what makes its score another than that of the row in this line
    #[arg(long, value_name = "LINE", requires = "why")]
    beside: Option<usize>,
    /// Say it in these sentences of yours
    #[arg(long, value_name = "FILE.yaml", requires = "why")]
    sentences: Option<PathBuf>,
    /// Draw it as an SVG picture
    #[arg(long, value_name = "FILE.svg", requires = "why")]
    picture: Option<PathBuf>,
    /// Say how much each feature counts over all rows
    #[arg(long, requires = "rows", conflicts_with = "why")]
    importance: bool,
    /// … and whether the rows are still like these older ones
    #[arg(long, value_name = "OLD.csv", requires = "importance")]
    against: Option<PathBuf>,
    /// Print what it asks, the comparison, why, or what counts, as JSON
    #[arg(long)]
    json: bool,
}

/// What a model is made of.
#[derive(Debug, Serialize)]
struct Card {
    model: String,
    library: &'static str,
    answers: &'static str,
    trees: usize,
    leaves: usize,
    deepest: usize,
    features: Vec<Asked>,
}

/// What it asks of one column.
#[derive(Debug, Serialize)]
struct Asked {
    name: String,
    splits: usize,
    thresholds: usize,
    /// Splits by sets of categories.
    sets: usize,
    levels: Option<usize>,
    /// Of a regression: what each unit adds, or what levels add at least and at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    weight: Option<Weight>,
}

/// What a column of a regression adds.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Weight {
    Number { each: f64, missing: f64, seen: (f64, f64) },
    Levels { least: f64, most: f64, other: f64 },
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<bool> {
    let name = arguments.model.display();
    let bytes = fs::read(&arguments.model).with_context(|| format!("cannot read {name}"))?;
    let (library, forest) = petitfour_models::read(&bytes).map_err(|fault| anyhow!("{name}: {fault}"))?;
    if let Some(report) =
        arguments.quantise.report(&bytes, &forest, arguments.rows.as_deref()).with_context(|| name.to_string())?
    {
        if arguments.json {
            println!("{}", serde_json::to_string_pretty(&report)?);
        } else {
            Card::of(library, &forest, &arguments.model).title();
            report.print();
        }
        return Ok(report.is_within());
    }
    if let Some(rows) = &arguments.rows {
        return of_rows(&forest, rows, arguments);
    }
    let card = Card::of(library, &forest, &arguments.model);
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&card)?);
    } else {
        card.print();
    }
    Ok(true)
}

/// Answers what is asked of rows; `false` for faults in the marketer's sentences.
fn of_rows(forest: &Forest, rows: &Path, arguments: &Arguments) -> anyhow::Result<bool> {
    let Arguments { model, why, beside, picture, importance, against, json, .. } = arguments;
    let explainer = || Explainer::of(forest).map_err(|fault| anyhow!("{}: {fault}", model.display()));
    let told = if let Some(why) = *why {
        let Some(sentences) = sentence::read(arguments.sentences.as_deref(), forest)? else { return Ok(false) };
        let (explainer, sentences) = (&explainer()?, &sentences);
        let (beside, picture, json) = (*beside, picture.as_deref(), *json);
        why::told(&why::Question { explainer, rows, why, beside, sentences, picture, json })?
    } else if *importance {
        drift::told(&explainer()?, rows, against.as_deref(), *json)?
    } else if *json {
        bail!("answers to rows are written as CSV: leave --json out, or ask with --why or --importance");
    } else {
        let calibration = arguments.calibrate.as_deref().map(|path| Calibrating::read(path, forest)).transpose()?;
        return answer(forest, rows, calibration.as_ref()).map(|()| true);
    };
    writeln!(stdout().lock(), "{}", told.trim_end())?;
    Ok(true)
}

/// Writes a line for each row; stops at the first that cannot be read.
fn answer(forest: &Forest, path: &Path, calibration: Option<&Calibrating>) -> anyhow::Result<()> {
    let name = path.display();
    let told = |fault| anyhow!("{name}: {fault}");
    let mut rows = Rows::open(unzipped(path)?, &forest.features).map_err(told)?;
    let mut out = BufWriter::new(stdout().lock());
    writeln!(out, "raw,answer{}", if calibration.is_some() { ",calibrated" } else { "" })?;
    let mut row = Vec::new();
    while rows.next_row(&mut row).map_err(told)? {
        let raw = forest.raw(&row);
        write!(out, "{raw},{}", forest.answer(&row))?;
        if let Some(calibration) = calibration {
            write!(out, ",{}", calibration.answer(raw))?;
        }
        writeln!(out)?;
    }
    out.flush()?;
    for unseen in rows.unseen() {
        eprintln!("{name}: {unseen}");
    }
    Ok(())
}

impl Weight {
    fn of(term: &Term) -> Self {
        match &term.weights {
            Weights::Number { each, missing, seen } => Self::Number { each: *each, missing: *missing, seen: *seen },
            Weights::Levels { levels, other } => {
                let least = levels.iter().copied().fold(*other, f64::min);
                Self::Levels { least, most: levels.iter().copied().fold(*other, f64::max), other: *other }
            }
        }
    }

    fn told(&self) -> String {
        match self {
            Self::Number { each, missing, seen: (least, largest) } => {
                format!("{each:.6} for each unit ({least} to {largest} were seen), {missing:.4} where it is missing")
            }
            Self::Levels { least, most, other } => {
                format!("{least:.4} to {most:.4} by level, {other:.4} for any other")
            }
        }
    }
}

impl Card {
    fn of(library: Library, forest: &Forest, path: &Path) -> Self {
        let splits = || forest.trees.iter().flat_map(|tree| &tree.splits);
        let features = forest.features.iter().enumerate().map(|(number, feature)| Asked {
            name: feature.name.clone(),
            splits: splits().filter(|split| split.feature == number).count(),
            thresholds: forest.thresholds(number).len(),
            sets: splits().filter(|split| split.feature == number && matches!(split.test, Test::Among { .. })).count(),
            levels: feature.levels.as_ref().map(Vec::len),
            weight: forest.terms.iter().find(|term| term.feature == number).map(Weight::of),
        });
        Self {
            model: path.display().to_string(),
            library: library.name(),
            answers: match forest.link {
                Link::Identity => "a number",
                Link::Logistic { .. } => "a probability",
            },
            trees: forest.trees.len(),
            leaves: forest.leaves(),
            deepest: forest.trees.iter().map(petitfour_models::Tree::depth).max().unwrap_or_default(),
            features: features.collect(),
        }
    }

    fn title(&self) {
        let Self { model, library, answers, trees, leaves, deepest, .. } = self;
        let regression = self.features.iter().filter(|asked| asked.weight.is_some()).count();
        if regression > 0 {
            println!("{model}: {library}, answers {answers}; {} added up", counted(regression, "column", "columns"));
            return;
        }
        println!(
            "{model}: {library}, answers {answers}; {} with {}, {} at most",
            counted(*trees, "tree", "trees"),
            counted(*leaves, "leaf", "leaves"),
            counted(*deepest, "question", "questions")
        );
    }

    fn print(&self) {
        let Self { features, .. } = self;
        self.title();
        let wide = features.iter().map(|asked| asked.name.chars().count()).max().unwrap_or_default().max(8);
        if features.iter().any(|asked| asked.weight.is_some()) {
            println!("\n{:<wide$}  adds", "feature");
            for asked in features {
                println!("{:<wide$}  {}", asked.name, asked.weight.as_ref().map_or_else(String::new, Weight::told));
            }
            return;
        }
        println!("\n{:<wide$}{:>9}{:>12}{:>7}{:>9}", "feature", "splits", "thresholds", "sets", "levels");
        for asked in features {
            let levels = asked.levels.map_or_else(|| "-".to_owned(), |levels| levels.to_string());
            let Asked { name, splits, thresholds, sets, .. } = asked;
            println!("{name:<wide$}{splits:>9}{thresholds:>12}{sets:>7}{levels:>9}");
        }
        let more: Vec<&str> = features
            .iter()
            .filter(|asked| asked.thresholds > usize::from(BORDERS))
            .map(|asked| asked.name.as_str())
            .collect();
        if more.is_empty() {
            println!(
                "\nNo feature has more than {BORDERS} thresholds: each can be a border of its own, and nothing is lost."
            );
        } else {
            println!("\nMore than {BORDERS} thresholds, so that some have to share a border: {}", more.join(", "));
        }
        let idle: Vec<&str> =
            features.iter().filter(|asked| asked.splits == 0).map(|asked| asked.name.as_str()).collect();
        if !idle.is_empty() {
            println!("Never asked: {}", idle.join(", "));
        }
    }
}
