//! `petitfour-collector partner`: an operator hands a partner's file over.

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::{Args, Subcommand};

use super::{
    desk::Partner,
    exposure::{Columns, Exposure},
    lines::{self, Fault, Record},
    matching::Match,
    segment::Membership,
};
use crate::{
    graph::Graph,
    sql,
    store::{Place, Store, now},
};

/// Lines of one transaction.
const STEP: usize = 2_000;

/// Faults that are shown.
const SHOWN: usize = 10;

/// What a partner's file is.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// A match table: which of the partner's ids is which of ours (columns id, kind, digest)
    Matches(File_),
    /// An exposure log: who saw what, where and when (columns id, campaign, creative, place, at, exposure)
    Exposures(File_),
    /// Segments that were bought (columns provider, taxonomy, segment, id, price, currency, until, consent, vendor)
    Segments(File_),
}

/// The file and whose it is.
#[derive(Debug, Args)]
pub struct File_ {
    /// CSV with a header, or lines of JSON; gzipped or not
    file: PathBuf,
    /// The partner's domain, as OpenRTB names sources: liveramp.com
    #[arg(long, value_name = "DOMAIN")]
    partner: String,
    /// What its ids name: 1 a browser or device, 2 an app, 3 a person
    #[arg(long, default_value_t = 3)]
    atype: u32,
    /// The channel in which it shows
    #[arg(long, default_value = "display")]
    channel: String,
}

/// Does it; what is said goes to `out`.
///
/// # Errors
/// When the file or the store cannot be used. What was stored until then stays, and the same file again changes nothing.
pub fn run(command: &Command, place: &Place, out: &mut impl Write) -> anyhow::Result<()> {
    match command {
        Command::Matches(options) => take(options, place, out, "tied", Match::read, Partner::tie),
        Command::Exposures(options) => {
            let columns = Columns::default();
            take(options, place, out, "counted", |record| Exposure::read(record, &columns), Partner::count)
        }
        Command::Segments(options) => take(options, place, out, "stored", Membership::read, Partner::enrol),
    }
}

fn take<T>(
    options: &File_,
    place: &Place,
    out: &mut impl Write,
    done: &str,
    parse: impl Fn(&Record) -> Result<T, &'static str>,
    keep: impl Fn(&Partner, &mut Graph<'_>, &[T]) -> sql::Result<usize>,
) -> anyhow::Result<()> {
    let partner = Partner { source: options.partner.clone(), atype: options.atype, channel: options.channel.clone() };
    let mut store = Store::open(place)?;
    let (mut waiting, mut faults): (Vec<T>, Vec<Fault>) = (Vec::new(), Vec::new());
    let (mut rows, mut kept) = (0_usize, 0_usize);
    let mut broken: Option<sql::Error> = None;
    let mut flush = |waiting: &mut Vec<T>| -> sql::Result<()> {
        kept += store.write(now(), |graph| keep(&partner, graph, waiting))?;
        waiting.clear();
        Ok(())
    };
    lines::read(open(&options.file)?, parse, |read| match read {
        Ok(row) if broken.is_none() => {
            rows += 1;
            waiting.push(row);
            if waiting.len() >= STEP {
                broken = flush(&mut waiting).err();
            }
        }
        Ok(_) => {}
        Err(fault) => faults.push(fault),
    })
    .with_context(|| format!("{} breaks off", options.file.display()))?;
    if let Some(error) = broken {
        return Err(error).context("the store cannot be written");
    }
    flush(&mut waiting).context("the store cannot be written")?;
    writeln!(out, "{rows} lines read, {kept} {done}, {} that do not read", faults.len())?;
    for fault in faults.iter().take(SHOWN) {
        writeln!(out, "  {fault}")?;
    }
    Ok(())
}

fn open(path: &Path) -> anyhow::Result<impl io::Read> {
    File::open(path).with_context(|| format!("cannot read {}", path.display()))
}
