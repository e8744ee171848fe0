//! Levels of feeds, remembered by place: a visit reads those of its own shop and no others.
//!
//! An entry is lines of `item`, level and Unix ms with tabs between, under the feed's name and the place. A feed whose facts hold
//! everywhere has one entry.

use super::{collector, house, settings::Settings};
use petitfour::{catalog::Catalog, engine::Session, id::Key, time::Timestamp};
use serde::Deserialize;
use std::{collections::BTreeMap, fmt::Write as _};

/// Milliseconds after which a feed is read whole again: entries may have been evicted, and nobody is told.
const WHOLE: u64 = 600_000;

#[derive(Deserialize)]
struct Levels {
    version: u64,
    levels: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    place: String,
    item: String,
    level: i32,
    as_of: u64,
}

/// Tells a session what is known of the place that the context names.
pub fn tell(session: &mut Session, settings: &Settings, context: &[(String, String)]) {
    for feed in &settings.feeds {
        let catalog = session.engine().catalog();
        let Some(known) = catalog.feeds().find(|known| known.key() == Key::of(feed)) else { continue };
        let place = match known.place() {
            None => Some(""),
            // The last of a name is what counts.
            Some(attribute) => context
                .iter()
                .rev()
                .find(|(name, _)| catalog.context_named(name) == Some(attribute))
                .map(|(_, place)| &**place),
        };
        let Some(place) = place.map(str::to_owned) else { continue };
        for (item, (level, as_of)) in rows(&house::remembered_text(&entry(feed, &place))) {
            session.feed(feed, &place, item, level, Timestamp(as_of));
        }
    }
}

/// Takes in what has changed in the feeds.
pub fn refresh(settings: &Settings, catalog: &Catalog, now: u64) {
    for feed in &settings.feeds {
        let Some(known) = catalog.feeds().find(|known| known.key() == Key::of(feed)) else {
            eprintln!("petitfour: feed/unknown: {feed}");
            continue;
        };
        let key = format!("petitfour/feed/{feed}");
        let (version, whole) =
            known_version(&key).filter(|(_, whole)| now.saturating_sub(*whole) < WHOLE).unwrap_or((0, now));
        let Some(answer) = collector::feed(feed, version) else { continue };
        let Ok(Levels { version: newer, levels }) = serde_json::from_slice(&answer) else {
            eprintln!("petitfour: feed/format: {feed}");
            continue;
        };
        let mut changed: BTreeMap<String, Vec<Row>> = BTreeMap::new();
        // What would break the lines is no item that a campaign file names.
        for row in levels.into_iter().filter(|row| !row.item.contains(['\t', '\n', '\r'])) {
            let place = known.place().map_or("", |_| &*row.place);
            changed.entry(place.to_owned()).or_default().push(row);
        }
        for (place, changes) in changed {
            let entry = entry(feed, &place);
            let known = if version == 0 { String::new() } else { house::remembered_text(&entry) };
            let mut shelf: BTreeMap<_, _> = rows(&known).collect();
            shelf.extend(changes.iter().map(|row| (&*row.item, (row.level, row.as_of))));
            let mut lines = String::new();
            for (item, (level, as_of)) in shelf {
                writeln!(lines, "{item}\t{level}\t{as_of}").ok();
            }
            house::remember(&entry, house::KEPT, lines.as_bytes());
        }
        house::remember(&key, house::KEPT, format!("{newer}\t{whole}").as_bytes());
    }
}

/// The version of a feed that is known, and when the feed was read whole.
fn known_version(key: &str) -> Option<(u64, u64)> {
    let text = house::remembered_text(key);
    let (version, whole) = text.split_once('\t')?;
    Some((version.parse().ok()?, whole.parse().ok()?))
}

fn entry(feed: &str, place: &str) -> String {
    format!("petitfour/feed/{feed}/{place}")
}

/// The rows of an entry: level and time by item.
fn rows(lines: &str) -> impl Iterator<Item = (&str, (i32, u64))> {
    lines.lines().filter_map(|line| {
        let mut parts = line.split('\t');
        Some((parts.next()?, (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?)))
    })
}
