//! `petitfour-collector import`: the rows of a CRM's or a till's file, once each, however often the file is imported.
//!
//! Rows are read one by one and stored some hundred at a time, each transaction on disk before the next is begun; a file that was imported half
//! is imported again from its beginning, and what is there already is not stored twice. A row that does not read becomes a dead letter with
//! its line.

use std::{
    cell::Cell,
    io::{IsTerminal as _, Write},
    path::{Path, PathBuf},
    rc::Rc,
};

use anyhow::{Context, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use crate::{
    event::{Event, Letter},
    intake::{
        call::Arrival,
        fault::Fault,
        letters,
        mapping::Reader,
        rows::{Line, Rows},
    },
    journal::{Journal, Outcome},
    store::{Place, Store, now},
};

/// Rows of a transaction.
const BATCH: usize = 500;

/// Faults that are shown one by one.
const SHOWN: usize = 10;

/// Events that a dry run shows.
const SAMPLE: usize = 3;

/// What to import, and how.
#[derive(Debug, Args)]
pub struct Options {
    /// CSV or NDJSON: .csv, .tsv, .ndjson or .jsonl, and .gz after any of them
    pub file: PathBuf,

    /// Mapping file: which column means what
    #[arg(long, value_name = "FILE")]
    pub mapping: PathBuf,

    /// Store nothing: show the first events and every kind of fault
    #[arg(long)]
    pub dry_run: bool,
}

/// What came of an import.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Sums {
    /// Rows that were read.
    pub rows: u64,
    /// Events that are new.
    pub stored: u64,
    /// Events that were there already.
    pub duplicate: u64,
    /// Rows that may not be kept.
    pub unpermitted: u64,
    /// Rows that do not read.
    pub refused: u64,
}

/// Imports a file; what is said goes to `out`.
///
/// # Errors
/// When the file, the mapping or the store cannot be used. What was stored until then stays.
pub fn run(options: &Options, place: &Place, out: &mut impl Write) -> anyhow::Result<Sums> {
    let text = std::fs::read_to_string(&options.mapping)
        .with_context(|| format!("cannot read the mapping {}", options.mapping.display()))?;
    let reader = Reader::parse(&text).map_err(anyhow::Error::msg)?;
    let bar = bar(&options.file);
    let done = Rc::new(Cell::new(0_u64));
    let counted = Rc::clone(&done);
    let rows = Rows::open(&options.file, reader.mapping().delimiter, move |bytes| counted.set(counted.get() + bytes))
        .with_context(|| format!("cannot read {}", options.file.display()))?;
    if let Some(columns) = rows.columns()
        && let Some(missing) = reader.columns().find(|column| !columns.iter().any(|known| known == column))
    {
        bail!("the file has no column {missing:?}; it has {columns:?}");
    }
    let store = if options.dry_run { None } else { Some(Store::open(place)?) };
    let path = format!("import/{}", reader.mapping().source);
    let mut import = Import {
        reader,
        store,
        path,
        sums: Sums::default(),
        events: Vec::new(),
        letters: Vec::new(),
        faults: Vec::new(),
    };
    for line in rows {
        import.take(line.context("the file breaks off")?, out)?;
        bar.set_position(done.get());
    }
    import.flush()?;
    bar.finish_and_clear();
    import.report(options.dry_run, out)?;
    Ok(import.sums)
}

struct Import {
    reader: Reader,
    /// None in a dry run.
    store: Option<Store>,
    path: String,
    sums: Sums,
    events: Vec<Event>,
    letters: Vec<Letter>,
    faults: Vec<(u32, Fault)>,
}

impl Import {
    fn take(&mut self, line: Line, out: &mut impl Write) -> anyhow::Result<()> {
        self.sums.rows += 1;
        let received = now();
        let read = line.row.and_then(|row| self.reader.read(&row, received, &self.path));
        match read {
            Ok(Some(event)) if self.store.is_none() => {
                self.sums.stored += 1;
                if self.sums.stored <= SAMPLE as u64 {
                    show(line.number, &event, out)?;
                }
            }
            Ok(Some(event)) => self.events.push(event),
            Ok(None) => self.sums.unpermitted += 1,
            Err(fault) => {
                self.sums.refused += 1;
                if self.faults.len() < SHOWN {
                    self.faults.push((line.number, fault.clone()));
                }
                if self.store.is_some() {
                    let source = &self.reader.mapping().source;
                    let otherwise = petitfour::consent::Permissions::ALL;
                    let arrival =
                        Arrival { source, trusted: true, otherwise, received, path: &self.path, visitor: None };
                    self.letters.push(letters::letter(fault, line.number, &arrival, line.text));
                }
            }
        }
        if self.events.len() + self.letters.len() >= BATCH { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        let (events, letters) = (std::mem::take(&mut self.events), std::mem::take(&mut self.letters));
        let Some(store) = self.store.as_mut().filter(|_| !events.is_empty() || !letters.is_empty()) else {
            return Ok(());
        };
        let outcomes = store.write(now(), |graph| {
            let mut journal = Journal::new(graph);
            let outcomes: crate::sql::Result<Vec<Outcome>> = events.iter().map(|event| journal.record(event)).collect();
            letters.iter().try_for_each(|letter| journal.bury(letter))?;
            journal.close()?;
            outcomes
        });
        for outcome in outcomes.context("the store cannot be written; import the file again")? {
            match outcome {
                Outcome::Stored => self.sums.stored += 1,
                Outcome::Duplicate => self.sums.duplicate += 1,
                Outcome::LetGo => self.sums.unpermitted += 1,
            }
        }
        Ok(())
    }

    fn report(&self, dry: bool, out: &mut impl Write) -> std::io::Result<()> {
        for (line, fault) in &self.faults {
            let place = if fault.field.is_empty() { String::new() } else { format!(", column {}", fault.field) };
            writeln!(out, "line {line}{place}: {} ({})", fault.message, fault.code)?;
        }
        let Sums { rows, stored, duplicate, unpermitted, refused } = self.sums;
        if dry {
            return writeln!(
                out,
                "{rows} rows: {stored} would be stored or are there, {unpermitted} may not be kept, {refused} do not read"
            );
        }
        writeln!(
            out,
            "{rows} rows: {stored} stored, {duplicate} there already, {unpermitted} may not be kept, {refused} do not read"
        )
    }
}

/// An event as a dry run shows it: without anything that says who it is of.
fn show(line: u32, event: &Event, out: &mut impl Write) -> std::io::Result<()> {
    let namespaces: Vec<String> = event.identifiers.iter().map(|known| name(known.namespace)).collect();
    let channels: Vec<&str> = event.contacts.iter().map(|contact| contact.channel.as_str()).collect();
    let (kind, what, value) = (event.kind.text(), &event.name, event.value as f64 / 1_000.0);
    let at = jiff::Timestamp::from_millisecond(event.at).map(|at| at.to_string()).unwrap_or_default();
    writeln!(out, "line {line}: {kind} {what:?} at {at}, worth {value}")?;
    writeln!(
        out,
        "  known by {}; to be reached by {}",
        namespaces.join(", "),
        if channels.is_empty() { "nothing".into() } else { channels.join(", ") }
    )?;
    writeln!(out, "  keeps {}", event.body)
}

/// A namespace in words.
fn name(namespace: u8) -> String {
    const NAMES: [&str; 19] = [
        "pseudonym",
        "user",
        "e-mail",
        "phone",
        "crm",
        "idfa",
        "gaid",
        "gclid",
        "fbclid",
        "ttclid",
        "msclkid",
        "dclid",
        "uid2",
        "id5",
        "partner",
        "15",
        "browser",
        "device",
        "card",
    ];
    NAMES.get(usize::from(namespace)).map_or_else(|| namespace.to_string(), |name| (*name).to_owned())
}

fn bar(file: &Path) -> ProgressBar {
    let bytes = std::fs::metadata(file).map_or(0, |file| file.len());
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes}, {eta} left");
    ProgressBar::new(bytes).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
