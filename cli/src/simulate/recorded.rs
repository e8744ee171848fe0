//! Recorded visitors: files of two shapes, read into visitors with their steps.
//!
//! The mapping is specified in `docs/recorded-visitors.md`; this is that page in code. A row that cannot be read is left
//! out and reported by file and line; a file whose header or first line is of neither shape, or with too many bad rows, is
//! refused as a whole.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use clap::ValueEnum;
use flate2::read::MultiGzDecoder;
use petitfour::hash::xxh64;
use serde::Deserialize;

/// Which columns a recording has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shape {
    /// CSV `user,vroot`: areas of a site in the order in which each user viewed them
    Msweb,
    /// JSON lines: sessions of a shop with their clicks, carts and orders
    Otto,
}

/// One visitor with everything they did, in order.
#[derive(Debug)]
pub(crate) struct Visitor {
    /// As the recording names them; the pseudonym's seed is made from it.
    pub(crate) id: String,
    /// Local time minus UTC.
    pub(crate) offset_minutes: i16,
    /// Never empty.
    pub(crate) steps: Vec<Step>,
}

/// One thing that a visitor did.
#[derive(Debug)]
pub(crate) struct Step {
    /// Unix ms.
    pub(crate) at: u64,
    /// Name of the event.
    pub(crate) event: &'static str,
    /// Its properties.
    pub(crate) properties: Vec<(&'static str, String)>,
    /// Is it a page with placements on it?
    pub(crate) page: bool,
}

/// What a file held.
#[derive(Debug)]
pub(crate) struct Recording {
    pub(crate) shape: Shape,
    pub(crate) visitors: Vec<Visitor>,
    /// Rows that were left out.
    pub(crate) left_out: usize,
}

/// A row that is wrong costs a line of output; past this many the file is not what it claims to be.
const MOST_BAD_ROWS: usize = 100;
/// As many of them are shown.
const SHOWN_BAD_ROWS: usize = 10;

/// Names and sections of the areas; both files are described in `data/README.md`.
const AREAS: &str = include_str!("../../../data/msweb/vroots.csv");
const SECTIONS: &str = include_str!("../../../data/msweb/sections.csv");

/// 2026-02-02T00:00:00Z, a Monday: the week that the msweb visitors are put into.
const WEEK_BEGINS: u64 = 1_769_990_400_000;
const SECOND: u64 = 1_000;
const HOUR: u64 = 3_600 * SECOND;
const DAY: u64 = 24 * HOUR;

/// Article numbers say nothing, so articles are put on shelves by their remainder.
const SHELVES: u64 = 12;
/// The shop's customers live on German summer time.
const SHOP_OFFSET: i16 = 120;

/// Reads a recording, gzip'd or not; without a shape the first line tells.
pub(crate) fn read(file: &Path, shape: Option<Shape>) -> anyhow::Result<Recording> {
    let mut lines = Lines::open(file)?;
    let first = lines.peek()?;
    let Some(shape) = shape.or_else(|| told(&first)) else {
        bail!(
            "{}, line 1: neither `user,vroot` nor a JSON object with `session` and `events`; \
             say which with --shape if this is a recording",
            file.display()
        );
    };
    let mut faults = Faults { file: file.to_path_buf(), count: 0 };
    let visitors = match shape {
        Shape::Msweb => msweb(&mut lines, &mut faults)?,
        Shape::Otto => otto(&mut lines, &mut faults)?,
    };
    if visitors.is_empty() {
        bail!("{}: no visitor in it", file.display());
    }
    Ok(Recording { shape, visitors, left_out: faults.count })
}

fn told(first: &str) -> Option<Shape> {
    if first.starts_with('{') {
        Some(Shape::Otto)
    } else if is_msweb_header(first) {
        Some(Shape::Msweb)
    } else {
        None
    }
}

fn is_msweb_header(line: &str) -> bool {
    line.split(',').map(|name| name.trim().trim_matches('"')).eq(["user", "vroot"])
}

/// A row for each area viewed. Times are made up: see `docs/recorded-visitors.md`.
fn msweb(lines: &mut Lines, faults: &mut Faults) -> anyhow::Result<Vec<Visitor>> {
    let header = lines.next()?.map(|(_, line)| line).unwrap_or_default();
    if !is_msweb_header(&header) {
        bail!("{}, line 1: the columns must be `user,vroot`, not `{}`", faults.file.display(), shown(&header));
    }
    let (labels, sections) = (by_area(AREAS), by_area(SECTIONS));
    let mut visitors: Vec<Visitor> = Vec::new();
    let mut places: BTreeMap<u64, usize> = BTreeMap::new();
    while let Some((number, line)) = lines.next()? {
        let row = line.split_once(',').map(|(user, area)| (whole(user), whole(area)));
        let (user, area) = match row {
            Some((Some(user), Some(area))) => (user, area),
            Some((None, _)) => {
                faults.report(number, &format!("`user` is no whole number: `{}`", shown(&line)))?;
                continue;
            }
            Some((_, None)) => {
                faults.report(number, &format!("`vroot` is no whole number: `{}`", shown(&line)))?;
                continue;
            }
            None => {
                faults.report(number, &format!("not two columns: `{}`", shown(&line)))?;
                continue;
            }
        };
        let place = *places.entry(user).or_insert_with(|| {
            visitors.push(Visitor { id: format!("msweb-{user}"), offset_minutes: 0, steps: Vec::new() });
            visitors.len() - 1
        });
        let Some(visitor) = visitors.get_mut(place) else { continue };
        let at = next_view(user, visitor.steps.len() as u64, visitor.steps.last().map(|step| step.at));
        // An area that nobody has named is no fault of the row.
        let label = labels.get(&area).map_or_else(|| format!("area {area}"), |label| (*label).to_owned());
        let section = sections.get(&area).copied().unwrap_or("other").to_owned();
        let properties = vec![("area", label), ("section", section)];
        visitor.steps.push(Step { at, event: "page", properties, page: true });
    }
    Ok(visitors)
}

/// When the view was, in a recording that does not say: the first anywhere in the week, the next 20 to 200 seconds after
/// the last, and every sixth or so on another day.
fn next_view(user: u64, number: u64, last: Option<u64>) -> u64 {
    let draw = xxh64(&user.to_le_bytes(), number);
    match last {
        None => WEEK_BEGINS + draw % (7 * DAY),
        Some(last) if draw.is_multiple_of(6) => last + 20 * HOUR + (draw >> 8) % (24 * HOUR),
        Some(last) => last + 20 * SECOND + (draw >> 8) % (180 * SECOND),
    }
}

/// The two columns of an area file by the first.
fn by_area(csv: &'static str) -> BTreeMap<u64, &'static str> {
    let rows = csv.lines().skip(1).filter_map(|line| line.split_once(','));
    rows.filter_map(|(area, what)| Some((whole(area)?, what.trim_matches('"')))).collect()
}

#[derive(Deserialize)]
struct ShopSession {
    session: u64,
    events: Vec<ShopEvent>,
}

#[derive(Deserialize)]
struct ShopEvent {
    aid: u64,
    ts: u64,
    #[serde(rename = "type")]
    kind: ShopEventKind,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ShopEventKind {
    Clicks,
    Carts,
    Orders,
}

/// A session a line. Its own times are kept.
fn otto(lines: &mut Lines, faults: &mut Faults) -> anyhow::Result<Vec<Visitor>> {
    let mut visitors = Vec::new();
    while let Some((number, line)) = lines.next()? {
        let session: ShopSession = match serde_json::from_str(&line) {
            Ok(session) => session,
            Err(error) => {
                faults.report(number, &format!("not a session: {error}"))?;
                continue;
            }
        };
        if session.events.is_empty() {
            faults.report(number, "a session without events")?;
            continue;
        }
        let mut steps: Vec<Step> = session.events.iter().map(shop_step).collect();
        // What came in one batch has one time; what was written out of order is put in order.
        steps.sort_by_key(|step| step.at);
        visitors.push(Visitor { id: format!("otto-{}", session.session), offset_minutes: SHOP_OFFSET, steps });
    }
    Ok(visitors)
}

fn shop_step(event: &ShopEvent) -> Step {
    let name = match event.kind {
        ShopEventKind::Clicks => "product_viewed",
        ShopEventKind::Carts => "added_to_cart",
        ShopEventKind::Orders => "purchase",
    };
    let properties = vec![("item", event.aid.to_string()), ("shelf", format!("shelf-{:02}", event.aid % SHELVES))];
    Step { at: event.ts, event: name, properties, page: matches!(event.kind, ShopEventKind::Clicks) }
}

fn whole(text: &str) -> Option<u64> {
    text.trim().trim_matches('"').parse().ok()
}

/// A line of somebody's file, short enough to print and without what a terminal would obey.
fn shown(line: &str) -> String {
    line.chars().take(60).map(|letter| if letter.is_control() { '?' } else { letter }).collect()
}

/// Bad rows: told as they come, counted, and too many of them end it.
struct Faults {
    file: PathBuf,
    count: usize,
}

impl Faults {
    fn report(&mut self, line: usize, what: &str) -> anyhow::Result<()> {
        self.count += 1;
        if self.count > MOST_BAD_ROWS {
            bail!("{}: more than {MOST_BAD_ROWS} bad rows, the last in line {line}: {what}", self.file.display());
        }
        if self.count <= SHOWN_BAD_ROWS {
            eprintln!("{}, line {line}: {what}; left out", self.file.display());
        } else if self.count == SHOWN_BAD_ROWS + 1 {
            eprintln!("{}: more bad rows are left out without a word", self.file.display());
        }
        Ok(())
    }
}

/// Opens a file, plain or gzip'd.
pub(crate) fn unzipped(file: &Path) -> anyhow::Result<Box<dyn BufRead>> {
    let mut plain = BufReader::new(File::open(file).with_context(|| format!("cannot read {}", file.display()))?);
    let begin = plain.fill_buf().with_context(|| format!("cannot read {}", file.display()))?;
    let is_zipped = begin.starts_with(&[0x1f, 0x8b]);
    Ok(if is_zipped { Box::new(BufReader::new(MultiGzDecoder::new(plain))) } else { Box::new(plain) })
}

/// Lines with their numbers; empty ones are passed over.
struct Lines {
    file: PathBuf,
    reader: Box<dyn BufRead>,
    number: usize,
    peeked: Option<(usize, String)>,
}

/// Longest line: the longest session of the whole shop dataset has some 500 events of 60 bytes.
const LONGEST_LINE: u64 = 1 << 20;

impl Lines {
    fn open(file: &Path) -> anyhow::Result<Self> {
        Ok(Self { file: file.to_path_buf(), reader: unzipped(file)?, number: 0, peeked: None })
    }

    fn peek(&mut self) -> anyhow::Result<String> {
        if self.peeked.is_none() {
            self.peeked = self.next()?;
        }
        match &self.peeked {
            Some((_, line)) => Ok(line.clone()),
            None => bail!("{} is empty", self.file.display()),
        }
    }

    fn next(&mut self) -> anyhow::Result<Option<(usize, String)>> {
        if let Some(peeked) = self.peeked.take() {
            return Ok(Some(peeked));
        }
        loop {
            self.number += 1;
            let mut bytes = Vec::new();
            let read = self.reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut bytes);
            read.with_context(|| format!("{}, line {}: cannot be read", self.file.display(), self.number))?;
            if bytes.is_empty() {
                return Ok(None);
            }
            if bytes.len() as u64 == LONGEST_LINE && !bytes.ends_with(b"\n") {
                bail!("{}, line {}: longer than {LONGEST_LINE} bytes", self.file.display(), self.number);
            }
            let line = String::from_utf8_lossy(&bytes);
            let line = line.trim_start_matches('\u{feff}').trim();
            if !line.is_empty() {
                return Ok(Some((self.number, line.to_owned())));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn recording(text: &str) -> anyhow::Result<Recording> {
        let mut file = tempfile::NamedTempFile::new()?;
        file.write_all(text.as_bytes())?;
        read(file.path(), None)
    }

    #[test]
    fn each_user_is_one_visitor_with_the_areas_in_order() {
        let found = recording("user,vroot\n7,1\n7,8\n9,999\n").unwrap();
        assert_eq!(found.shape, Shape::Msweb);
        assert_eq!(found.visitors.len(), 2);
        let steps = &found.visitors[0].steps;
        assert_eq!(steps[0].properties[0], ("area", "Support Desktop".to_owned()));
        assert_eq!(steps[1].properties[1], ("section", "downloads".to_owned()));
        assert!(steps[0].at < steps[1].at);
        assert_eq!(found.visitors[1].steps[0].properties[0].1, "area 999");
    }

    #[test]
    fn the_same_user_is_put_at_the_same_time_in_every_file() {
        let (one, other) = (recording("user,vroot\n5,1\n7,8\n").unwrap(), recording("user,vroot\n7,3\n").unwrap());
        assert_eq!(one.visitors[1].steps[0].at, other.visitors[0].steps[0].at);
    }

    #[test]
    fn a_session_of_the_shop_keeps_its_times_and_decides_at_clicks_alone() {
        let line =
            r#"{"session":3,"events":[{"aid":25,"ts":2000,"type":"carts"},{"aid":25,"ts":1000,"type":"clicks"}]}"#;
        let found = recording(line).unwrap();
        let steps = &found.visitors[0].steps;
        assert_eq!((found.shape, steps[0].event, steps[0].page), (Shape::Otto, "product_viewed", true));
        assert_eq!((steps[1].at, steps[1].event, steps[1].page), (2000, "added_to_cart", false));
        assert_eq!(steps[0].properties[1], ("shelf", "shelf-01".to_owned()));
    }

    #[test]
    fn a_bad_row_is_left_out_and_counted() {
        let found = recording("user,vroot\n1,2\nx,2\n1\n1,y\n3,4\n").unwrap();
        assert_eq!((found.visitors.len(), found.left_out), (2, 3));
        let line = "{\"session\":3,\"events\":[{\"aid\":1,\"ts\":1,\"type\":\"wishes\"}]}";
        let good = r#"{"session":4,"events":[{"aid":1,"ts":1,"type":"clicks"}]}"#;
        assert_eq!(recording(&format!("{good}\n{line}\n")).unwrap().left_out, 1);
    }

    #[test]
    fn a_file_of_another_shape_is_refused_with_its_first_line() {
        let error = recording("name,age\nx,1\n").unwrap_err().to_string();
        assert!(error.contains("line 1"), "{error}");
        let bad: String = (0..200).map(|_| "x\n").collect();
        let error = recording(&format!("user,vroot\n1,2\n{bad}")).unwrap_err().to_string();
        assert!(error.contains("more than 100 bad rows"), "{error}");
    }

    #[test]
    fn every_area_with_a_section_has_a_name() {
        let (labels, sections) = (by_area(AREAS), by_area(SECTIONS));
        assert!(sections.keys().all(|area| labels.contains_key(area)));
        assert!(sections.len() > 250);
    }
}
