//! `resolve`: a file to edges and clusters.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context as _, Result};
use petitfour_linkage::{Edge, Resolution, Resolved};

use super::{Bar, names, open};

/// What to resolve.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Records: CSV with a header, separated by comma, semicolon or tab, plain or gzip'd
    file: PathBuf,
    /// Folder for edges.csv and clusters.csv; made when it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// JSON that says what columns mean: {"columns": {"nr": "record_id", "note": "ignore"}}
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
}

/// Runs it.
pub fn run(arguments: &Arguments) -> Result<bool> {
    let (table, options) = open(&arguments.file, arguments.mapping.as_deref())?;
    let started = Instant::now();
    let bar = Bar::new();
    let resolution =
        Resolved::new(&table, &options, &bar).with_context(|| arguments.file.display().to_string())?.resolution();
    drop(bar);
    let names = names(&table, &options);
    fs::create_dir_all(&arguments.out).with_context(|| arguments.out.display().to_string())?;
    write_edges(&arguments.out.join("edges.csv"), &resolution, &names)?;
    write_clusters(&arguments.out.join("clusters.csv"), &resolution, &names)?;
    for (column, kind) in &resolution.used {
        println!("{column}: {kind}");
    }
    let unused: Vec<&str> = table
        .columns()
        .iter()
        .filter(|column| !resolution.used.iter().any(|(used, _)| used == *column))
        .map(String::as_str)
        .collect();
    if !unused.is_empty() {
        println!("left out: {}", unused.join(", "));
    }
    println!(
        "{} records, {} people; {} candidate pairs, {} edges; {:.1} s",
        table.len(),
        resolution.clusters.len(),
        resolution.candidates,
        resolution.edges.len(),
        started.elapsed().as_secs_f64()
    );
    Ok(true)
}

fn write_edges(path: &Path, resolution: &Resolution, names: &[String]) -> Result<()> {
    let mut writer = csv::Writer::from_path(path).with_context(|| path.display().to_string())?;
    writer.write_record(["left", "right", "probability", "pooled", "prior_bits", "evidence"])?;
    let name = |row: usize| names.get(row).map_or("", String::as_str);
    for edge in &resolution.edges {
        let pooled = format!("{}x{}", edge.pooled.0, edge.pooled.1);
        let (probability, prior) = (format!("{:.6}", edge.probability), format!("{:.2}", edge.prior));
        let evidence = evidence(edge);
        writer.write_record([name(edge.left), name(edge.right), &probability, &pooled, &prior, &evidence])?;
    }
    writer.flush()?;
    Ok(())
}

/// `surname=same:+11.2;dob=one digit off:+4.1`
fn evidence(edge: &Edge) -> String {
    let weights = edge.evidence.iter().map(|weight| format!("{}={}:{:+.2}", weight.measure, weight.level, weight.bits));
    weights.collect::<Vec<_>>().join(";")
}

fn write_clusters(path: &Path, resolution: &Resolution, names: &[String]) -> Result<()> {
    let mut writer = csv::Writer::from_path(path).with_context(|| path.display().to_string())?;
    writer.write_record(["record", "person"])?;
    let name = |row: usize| names.get(row).map_or("", String::as_str);
    for rows in &resolution.clusters {
        // A person is called after its first record, which is a name that another run can find again.
        let person = rows.first().map_or("", |row| name(*row));
        for row in rows {
            writer.write_record([name(*row), person])?;
        }
    }
    writer.flush()?;
    Ok(())
}
