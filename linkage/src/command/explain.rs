//! `explain`: why two records are one person's, as a waterfall of bits.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use petitfour_linkage::{Edge, Resolved, THRESHOLD};

use super::{Bar, names, open};

/// Which records to explain.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Records, as for resolve
    file: PathBuf,
    /// A record, by its own key, or by its number from 1 where the file has no key
    left: String,
    /// Another record
    right: String,
    /// JSON that says what columns mean, as for resolve
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
}

/// Letters of the longest bar.
const BAR: f64 = 24.0;
/// Bits of the longest bar: a million to one.
const FULL: f64 = 20.0;

/// Runs it.
pub fn run(arguments: &Arguments) -> Result<bool> {
    let (table, options) = open(&arguments.file, arguments.mapping.as_deref())?;
    let names = names(&table, &options);
    let row = |wanted: &str| {
        let found = names.iter().position(|name| name == wanted);
        found.with_context(|| format!("{}: no record is called `{wanted}`", arguments.file.display()))
    };
    let (left, right) = (row(&arguments.left)?, row(&arguments.right)?);
    let bar = Bar::new();
    let resolved = Resolved::new(&table, &options, &bar).with_context(|| arguments.file.display().to_string())?;
    drop(bar);
    let edge = resolved.explain(left, right).context("a record and itself need no evidence")?;
    for (at, column) in table.columns().iter().enumerate() {
        println!("{column:>22}  {:<32} {}", table.field(left, at), table.field(right, at));
    }
    println!();
    print(&edge);
    let together = resolved.together(left, right);
    println!(
        "\nproposed from {:.0} %; these two records are {}",
        THRESHOLD * 100.0,
        if together { "one person's" } else { "two people's" }
    );
    if together {
        let path = resolved.path(left, right);
        if path.len() > 1 || path.iter().any(|edge| edge.pooled != (1, 1)) {
            println!("by way of");
            let name = |row: usize| names.get(row).map_or("", String::as_str);
            for edge in &path {
                let (a, b) = edge.pooled;
                let how = if (a, b) == (1, 1) {
                    String::new()
                } else {
                    format!(", by what {a} and {b} records say together")
                };
                println!("  {} – {}  {:.2} %{how}", name(edge.left), name(edge.right), edge.probability * 100.0);
            }
        }
    }
    Ok(true)
}

fn print(edge: &Edge) {
    let mut sum = edge.prior;
    println!("{:>22}  {:<24} {:>7}  {:>7}", "", "", "bits", "sum");
    println!("{:>22}  {:<24} {:>+7.2}  {sum:>+7.2}  {}", "before any evidence", "", edge.prior, chart(edge.prior));
    for weight in &edge.evidence {
        sum += weight.bits;
        let bits = weight.bits;
        println!("{:>22}  {:<24} {bits:>+7.2}  {sum:>+7.2}  {}", weight.measure, weight.level, chart(bits));
    }
    println!("{:>22}  {:<24} {:>7}  {sum:>+7.2}  probability {:.4} %", "together", "", "", edge.probability * 100.0);
}

/// A bar to the right of the middle for evidence, to the left for what speaks against.
fn chart(bits: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and BAR")]
    let cells = (bits.abs().min(FULL) / FULL * BAR / 2.0).round() as usize;
    let half = 12_usize;
    let filled = "█".repeat(cells.min(half));
    let empty = " ".repeat(half - cells.min(half));
    if bits < 0.0 { format!("{empty}{filled}│") } else { format!("{}│{filled}", " ".repeat(half)) }
}
