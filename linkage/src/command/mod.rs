//! One file per command, and what they share: a file with its mapping, names of records, a bar of progress.

pub mod explain;
pub mod resolve;
pub mod score;

use std::{fs, path::Path, time::Duration};

use anyhow::{Context as _, Result};
use indicatif::{ProgressBar, ProgressStyle};
use petitfour_linkage::{Kind, Mapping, Options, Table, Watch};

/// A table and what its columns mean.
fn open(file: &Path, mapping: Option<&Path>) -> Result<(Table, Options)> {
    let table = Table::open(file).with_context(|| file.display().to_string())?;
    let mapping = match mapping {
        None => Mapping::default(),
        Some(path) => {
            let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
            Mapping::parse(&text).with_context(|| path.display().to_string())?
        }
    };
    Ok((table, Options { mapping }))
}

/// How each row is called: by its own key where every row has another, else by its number, from 1.
fn names(table: &Table, options: &Options) -> Vec<String> {
    let kinds = options.mapping.kinds(table).unwrap_or_default();
    let key = kinds.iter().position(|kind| *kind == Kind::RecordId);
    if let Some(at) = key {
        let names: Vec<String> = (0..table.len()).map(|row| table.field(row, at).to_owned()).collect();
        let mut distinct: Vec<&String> = names.iter().filter(|name| !name.is_empty()).collect();
        distinct.sort_unstable();
        distinct.dedup();
        if distinct.len() == names.len() {
            return names;
        }
    }
    (1..=table.len()).map(|row| row.to_string()).collect()
}

/// A bar on standard error; invisible where that is no terminal.
struct Bar(ProgressBar);

impl Bar {
    fn new() -> Self {
        let bar = ProgressBar::new(0);
        bar.enable_steady_tick(Duration::from_millis(100));
        Self(bar)
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

impl Watch for Bar {
    fn stage(&self, what: &'static str, total: u64) {
        let template = if total == 0 { "{spinner} {msg}" } else { "{msg} {bar:30} {human_pos}/{human_len}" };
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.0.set_style(style);
        }
        self.0.set_length(total);
        self.0.set_position(0);
        self.0.set_message(what);
    }

    fn advance(&self, steps: u64) {
        self.0.inc(steps);
    }
}
