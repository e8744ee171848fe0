//! Visitors that were made up, through the journeys of a bundle and through time: where people would stand, what they would get.
//!
//! Visitors are independent, so threads take them by the dozen and their sums are added at the end; which thread lived whom changes
//! nothing. What they do is drawn ([`repertoire`]), what becomes of them is the engine's word ([`life`]).

mod flow;
mod life;
mod repertoire;
mod report;
mod tally;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::{Context, anyhow, bail};
use indicatif::ProgressBar;

use self::life::{Shortage, World, live};
use self::repertoire::Repertoire;
pub(super) use self::report::Report;
use self::tally::{Map, Tally};
use crate::simulate::summary::grouped;
use crate::{folder, words};

/// Whom to imagine, and for how long.
#[derive(Debug, clap::Args)]
#[group(id = "imagined")]
#[command(next_help_heading = "Imagined visitors")]
pub(super) struct Arguments {
    /// Imagine N visitors in place of recorded ones, and take them through the journeys of --campaigns
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000_000),
          requires = "campaigns", conflicts_with_all = ["recorded", "shape", "collector", "chain", "limit"])]
    pub(super) visitors: Option<u64>,
    /// For so many days
    #[arg(long, value_name = "N", default_value_t = 30, requires = "visitors", value_parser = clap::value_parser!(u32).range(1..=640))]
    days: u32,
    /// Which visitors: the same number imagines the same ones
    #[arg(long, value_name = "N", default_value_t = 1, requires = "visitors")]
    seed: u64,
    /// When it begins and where the visitors' clocks stand, such as "2026-06-01 00:00 +02:00"
    #[arg(long, value_name = "TIME", default_value = "2026-06-01", requires = "visitors")]
    start: String,
    /// How often an event happens relative to others [default: 1 for outcomes, 4 for the rest]
    #[arg(long, value_name = "EVENT=N", requires = "visitors", value_parser = often)]
    often: Vec<(String, u32)>,
    /// Days, from 1, on which there is none of an item of a feed
    #[arg(long, value_name = "FEED/ITEM@dayA-B", requires = "visitors", value_parser = shortage)]
    out_of_stock: Vec<Shortage>,
    /// Draw the flow between the steps of each journey into this SVG file
    #[arg(long, value_name = "FILE", requires = "visitors")]
    flow: Option<PathBuf>,
    /// So many threads [default: as many as there are cores]; they change no result
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=256))]
    threads: Option<u64>,
}

/// How many visitors a thread takes at once: few enough that none is left with all the work at the end.
const TAKEN: u64 = 64;

/// Runs the command; `None` when the campaign files have errors, which have been printed.
pub(super) fn run(arguments: &Arguments, visitors: u64, campaigns: &[PathBuf]) -> anyhow::Result<Option<Report>> {
    let opened = match campaigns {
        [file] => folder::open(file)?,
        _ => {
            let compiled = folder::compile_paths(campaigns, petitfour_compiler::compile)?;
            folder::print_faults(&compiled);
            folder::engine(&compiled)?.map(|engine| (engine, compiled.declared))
        }
    };
    let Some((engine, declared)) = opened else { return Ok(None) };
    let start = petitfour_compiler::moment(&arguments.start)
        .with_context(|| format!("`{}` is no time, such as \"2026-06-01 00:00 +02:00\"", arguments.start))?;
    let repertoire = Repertoire::of(engine.catalog(), &declared, &arguments.often)?;
    for Shortage { feed, item, .. } in &arguments.out_of_stock {
        if !repertoire.shelves.iter().any(|shelf| shelf.feed == *feed && shelf.item == *item) {
            bail!("nothing asks how much the feed `{feed}` has of `{item}`");
        }
    }
    let map = Map::of(engine.catalog());
    let world = World {
        engine: &engine,
        repertoire: &repertoire,
        map: &map,
        start,
        days: arguments.days,
        seed: arguments.seed,
        shortages: &arguments.out_of_stock,
    };
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    let began = Instant::now();
    let tally = crowd(&world, visitors, arguments.threads.unwrap_or(cores))?;
    let took = began.elapsed();
    let each = (visitors as f64 / took.as_secs_f64().max(f64::EPSILON)) as u64;
    eprintln!("{} people in {:.1} s, {} a second", grouped(visitors), took.as_secs_f64(), grouped(each));
    let report = Report::of(&tally, &map, engine.catalog(), (arguments.days, arguments.seed, words::moment(start)));
    if let Some(file) = &arguments.flow {
        std::fs::write(file, flow::draw(&report)).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(Some(report))
}

/// Lives so many visitors on so many threads.
fn crowd(world: &World<'_>, visitors: u64, threads: u64) -> anyhow::Result<Tally> {
    let bar = super::progress(usize::try_from(visitors).unwrap_or(usize::MAX));
    let next = AtomicU64::new(0);
    let mut sum = Tally::new(world.map);
    std::thread::scope(|scope| -> anyhow::Result<()> {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(|| take(world, visitors, &next, &bar))).collect();
        for thread in threads {
            sum.add(thread.join().map_err(|_| anyhow!("a thread has stopped"))??);
        }
        Ok(())
    })?;
    bar.finish_and_clear();
    Ok(sum)
}

fn take(world: &World<'_>, visitors: u64, next: &AtomicU64, bar: &ProgressBar) -> anyhow::Result<Tally> {
    let mut tally = Tally::new(world.map);
    loop {
        let first = next.fetch_add(TAKEN, Ordering::Relaxed);
        if first >= visitors {
            return Ok(tally);
        }
        let last = (first + TAKEN).min(visitors);
        for number in first..last {
            live(world, number, &mut tally)?;
        }
        bar.inc(last - first);
    }
}

/// `product_viewed=8`.
fn often(text: &str) -> Result<(String, u32), String> {
    let wrong = || "write `event=number`, of at most 100000".to_owned();
    let (event, number) = text.split_once('=').ok_or_else(wrong)?;
    let number = number.parse().ok().filter(|number| *number <= 100_000).ok_or_else(wrong)?;
    Ok((event.to_owned(), number))
}

/// `shelf/water-still@day10-12`, `shelf/water-still@day10`.
fn shortage(text: &str) -> Result<Shortage, String> {
    let read = || {
        let (what, days) = text.rsplit_once("@day")?;
        let (feed, item) = what.split_once('/')?;
        let (first, last) = days.split_once('-').unwrap_or((days, days));
        let days = (first.parse().ok()?, last.parse().ok()?);
        (days.0 >= 1 && days.0 <= days.1).then(|| Shortage { feed: feed.to_owned(), item: item.to_owned(), days })
    };
    read().ok_or_else(|| "write `feed/item@day10-12`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortage_has_a_feed_an_item_and_days() {
        let read = shortage("shelf/water-still@day10-12").unwrap();
        assert_eq!((read.feed.as_str(), read.item.as_str(), read.days), ("shelf", "water-still", (10, 12)));
        assert_eq!(shortage("shelf/water@day3").unwrap().days, (3, 3));
        for wrong in ["shelf", "shelf/water", "shelf/water@day12-10", "shelf/water@day0", "shelf/water@10"] {
            assert!(shortage(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn how_often_is_an_event_and_a_number() {
        assert_eq!(often("sign_up=3"), Ok(("sign_up".to_owned(), 3)));
        assert!(often("sign_up").is_err() && often("sign_up=many").is_err());
    }
}
