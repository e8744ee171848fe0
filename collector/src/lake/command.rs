//! `petitfour-collector export` and `lake`: what is asked for at the prompt.

use std::io::Write;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::runtime::Handle;

use super::{Lake, Manifest, Order, compact, export, part::Encoding, views};
use crate::store::{Place, now};

/// Write what is new to a lake: Parquet in a folder or in S3, for DuckDB and any warehouse
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  petitfour-collector export --data data --to lake\n  \
    AWS_ENDPOINT=https://s3.example petitfour-collector export --to s3://bucket/lake\n  \
    duckdb -c \".read lake/lake.sql\" -c \"SELECT day, count(*) FROM events GROUP BY 1\"\n\n\
    A run that is stopped, in whatever way, is gone on with by the next.")]
pub struct Export {
    /// A folder, or s3://bucket/prefix with AWS_ENDPOINT, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY
    #[arg(long, value_name = "PLACE")]
    to: String,

    /// What a new lake is written in
    #[arg(long, value_enum, default_value = "parquet")]
    format: Encoding,

    /// Leave out what was received before this day or time, such as 2026-11-01
    #[arg(long, value_name = "TIME")]
    since: Option<String>,

    /// Write digests of identifiers beside their universal ids: with them the lake can be joined with other data
    #[arg(long)]
    with_digests: bool,

    /// Rows of a part, about
    #[arg(long, value_name = "COUNT", default_value_t = export::ROWS)]
    rows: usize,
}

/// Work on a lake that is there
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Rewrite the parts that hold rows of whoever was deleted, so that they are in no file any more
    Compact {
        /// A folder, or s3://bucket/prefix
        #[arg(long, value_name = "PLACE")]
        to: String,

        /// Drop days that are older than this too
        #[arg(long, value_name = "DAYS")]
        keep_days: Option<u32>,
    },
    /// Write lake.sql anew, after the lake was moved
    Views {
        /// A folder, or s3://bucket/prefix
        #[arg(long, value_name = "PLACE")]
        to: String,
    },
}

/// Runs an export.
///
/// # Errors
/// As [`export::run`], or for a time that does not read.
pub fn export(options: &Export, place: &Place, runtime: Handle, out: &mut dyn Write) -> anyhow::Result<()> {
    let order = Order {
        encoding: options.format,
        since: options.since.as_deref().map(time).transpose()?.unwrap_or(i64::MIN),
        with_digests: options.with_digests,
        state: true,
        rows: options.rows.max(1),
    };
    let lake = Lake::open(&options.to, runtime)?;
    let connection = place.reader().map_err(|error| anyhow::anyhow!("cannot read the store: {error}"))?;
    let bar = bar("exporting")?;
    let report = export::run(&connection, &lake, &order, &|done, of| {
        bar.set_length(of.max(done));
        bar.set_position(done);
    })?;
    bar.finish_and_clear();
    for (table, rows) in &report.rows {
        writeln!(out, "{rows:>12} {table}")?;
    }
    writeln!(
        out,
        "{} parts, {} bytes; the lake is at version {} in {}",
        report.parts,
        report.bytes,
        report.version,
        lake.address()
    )?;
    Ok(())
}

/// Runs a command on a lake.
///
/// # Errors
/// As [`compact::run`].
pub fn run(command: &Command, runtime: Handle, out: &mut dyn Write) -> anyhow::Result<()> {
    match command {
        Command::Compact { to, keep_days } => {
            let lake = Lake::open(to, runtime)?;
            let oldest = keep_days.map(oldest).transpose()?;
            let bar = bar("compacting")?;
            let report = compact::run(&lake, oldest.as_deref(), &|done, of| {
                bar.set_length(of);
                bar.set_position(done);
            })?;
            bar.finish_and_clear();
            writeln!(
                out,
                "{} parts looked at, {} rewritten, {} rows removed; {} old parts dropped, {} rows; every part obeys \
                 tombstone {}; the lake is at version {}",
                report.looked_at,
                report.rewritten,
                report.rows_removed,
                report.dropped,
                report.rows_dropped,
                report.through,
                report.version
            )?;
        }
        Command::Views { to } => {
            let lake = Lake::open(to, runtime)?;
            let manifest = Manifest::latest(&lake)?.context("there is no lake here yet: export first")?;
            lake.put(views::FILE, views::sql(lake.address(), &manifest).into_bytes())?;
            writeln!(out, "{}/{} is of version {}", lake.address(), views::FILE, manifest.version)?;
        }
    }
    Ok(())
}

fn bar(what: &'static str) -> anyhow::Result<ProgressBar> {
    let style = ProgressStyle::with_template("{prefix} {wide_bar} {human_pos} of {human_len} · {eta}")?;
    Ok(ProgressBar::new(0).with_style(style).with_prefix(what))
}

/// A day, or a time with its offset, as Unix ms.
fn time(text: &str) -> anyhow::Result<i64> {
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Ok(time.as_millisecond());
    }
    let day: jiff::Timestamp = format!("{text}T00:00:00Z")
        .parse()
        .with_context(|| format!("{text:?} is no time: write 2026-11-01 or 2026-11-01T08:00:00Z"))?;
    Ok(day.as_millisecond())
}

fn oldest(days: u32) -> anyhow::Result<String> {
    let ms = now().saturating_sub(i64::from(days).saturating_mul(24 * 60 * 60 * 1000));
    Ok(jiff::Timestamp::from_millisecond(ms)?.strftime("%Y-%m-%d").to_string())
}
