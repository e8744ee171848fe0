//! `score`: the public sets whose truth is known.
//!
//! The column with the truth, and any key that tells it, are taken out of the table before it is resolved.

use std::{
    env,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context as _, Result, bail};
use petitfour_linkage::{Kind, Mapping, Options, Resolved, Table, score::Score};

use super::Bar;

/// What to score.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Folder with febrl/ and splink/ [default: $PETITFOUR_DATA, or data/people and ../shared/data of the repository]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Score this file instead
    #[arg(long, value_name = "FILE", requires = "label")]
    file: Option<PathBuf>,
    /// Its column with the truth
    #[arg(long, value_name = "COLUMN", requires = "file")]
    label: Option<String>,
}

/// A set with its truth and its targets.
struct Set {
    name: &'static str,
    file: &'static str,
    label: &'static str,
    without: &'static str,
    f1: f64,
    precision: f64,
}

const SETS: &[Set] = &[
    Set { name: "febrl1", file: "febrl/dataset1.csv.gz", label: "rec_id", without: "", f1: 0.995, precision: 0.98 },
    Set { name: "febrl3", file: "febrl/dataset3.csv.gz", label: "rec_id", without: "", f1: 0.995, precision: 0.98 },
    Set {
        name: "febrl3 without soc_sec_id",
        file: "febrl/dataset3.csv.gz",
        label: "rec_id",
        without: "soc_sec_id",
        f1: 0.0,
        precision: 0.0,
    },
    Set {
        name: "fake_1000",
        file: "splink/fake_1000.csv.gz",
        label: "cluster",
        without: "",
        f1: 0.68,
        precision: 0.98,
    },
    Set {
        name: "historical",
        file: "splink/historical_50k_half.csv.gz",
        label: "cluster",
        without: "",
        f1: 0.80,
        precision: 0.0,
    },
];

/// Runs it; false when a target is missed.
pub fn run(arguments: &Arguments) -> Result<bool> {
    println!(
        "{:<26}{:>9}{:>12}{:>12}{:>14}{:>11}{:>9}{:>9}{:>9}",
        "set", "records", "true pairs", "candidates", "block recall", "precision", "recall", "F1", "seconds"
    );
    if let (Some(file), Some(label)) = (&arguments.file, &arguments.label) {
        let table = Table::open(file).with_context(|| file.display().to_string())?;
        line(&file.display().to_string(), &table, label, "")?;
        return Ok(true);
    }
    let mut met = true;
    for set in SETS {
        let Some(path) = find(arguments.data.as_deref(), set.file) else {
            println!("{:<26}skipped: {} is in none of the folders; name one with --data", set.name, set.file);
            continue;
        };
        let table = Table::open(&path).with_context(|| path.display().to_string())?;
        let score = line(set.name, &table, set.label, set.without)?;
        if score.f1() < set.f1 || score.precision() < set.precision {
            println!("  below its target: F1 {}, precision {}", set.f1, set.precision);
            met = false;
        }
    }
    Ok(met)
}

fn find(data: Option<&Path>, file: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?;
    let folders = match (data, env::var_os("PETITFOUR_DATA")) {
        (Some(folder), _) => vec![folder.to_owned()],
        (None, Some(folder)) => vec![PathBuf::from(folder)],
        (None, None) => vec![root.join("data/people"), root.join("../shared/data")],
    };
    folders.into_iter().map(|folder| folder.join(file)).find(|path| path.is_file())
}

fn line(name: &str, table: &Table, label: &str, without: &str) -> Result<Score> {
    let Some(at) = table.column(label) else { bail!("{name}: no column is called `{label}`") };
    let mut mapping = Mapping::default();
    for (column, kind) in table.columns().iter().map(|column| (column, Kind::of(column))) {
        // Keys of records are never compared anyway; here they do not even reach the table that is resolved.
        if column == label || column == without || kind == Kind::RecordId {
            mapping.columns.insert(column.clone(), Kind::Ignore);
        }
    }
    let labels: Vec<String> = (0..table.len()).map(|row| truth(table.field(row, at))).collect();
    let started = Instant::now();
    let bar = Bar::new();
    let resolved = Resolved::new(table, &Options { mapping }, &bar).with_context(|| name.to_owned())?;
    let resolution = resolved.resolution();
    drop(bar);
    let seconds = started.elapsed().as_secs_f64();
    let score = Score::new(&resolution.clusters, &labels);
    let hit = resolved.candidate_rows().filter(|(a, b)| labels.get(*a) == labels.get(*b)).count();
    println!(
        "{name:<26}{:>9}{:>12}{:>12}{:>14.4}{:>11.4}{:>9.4}{:>9.4}{seconds:>9.1}",
        table.len(),
        score.true_pairs,
        resolution.candidates,
        hit as f64 / (score.true_pairs.max(1)) as f64,
        score.precision(),
        score.recall(),
        score.f1(),
    );
    Ok(score)
}

/// The person of a label: `rec-17-dup-2` of the febrl sets is a record of person 17, any other label is the person.
fn truth(label: &str) -> String {
    let mut parts = label.split('-');
    match (parts.next(), parts.next(), parts.next()) {
        (Some("rec"), Some(person), Some("org" | "dup")) => person.to_owned(),
        _ => label.to_owned(),
    }
}
