//! Feeds: business facts by place and item, with an age, and what has changed in them since somebody last looked.
//!
//! Stock, own price, a competitor's price, a margin: each is a feed of its own whose levels are whole numbers (pieces, cents). They
//! come by `POST /v1/feeds/NAME` or from a file that is looked at, as lines of `place,item,level[,as of]`; of two levels the later word
//! counts. Every change gives the feed its next version, so that an edge asks for what is newer than its own and gets a few lines.
//!
//! Absent on purpose: deleting a level. What is not known any more grows stale by its age, and each campaign says what stale means.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use axum::{
    Json,
    body::Body,
    extract::{Path, Query, State},
    http::{HeaderValue, Request, header::CACHE_CONTROL},
    response::{IntoResponse, Response},
};
use petitfour::{id::Key, sync::answer};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    answer::Refusal,
    intake::table,
    params,
    shelf::State as FileState,
    site::App,
    sql::{Connection, Result},
    writer::Writer,
};

/// Longest body: some hundred thousand levels.
const BYTES: usize = 4 * 1024 * 1024;

/// Most levels of one answer; the next question starts at the version that it names.
const ROWS: i64 = 50_000;

/// Levels of one version at most.
const STEP: usize = 25_000;

/// How often a feed's file is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// An edge that asks more often than this gets what it has.
const CACHE: HeaderValue = HeaderValue::from_static("public, max-age=5");

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Level {
    /// The shop, or nothing where the feed has one place for all.
    pub place: String,
    /// The item.
    pub item: String,
    /// How much there is, or what it costs.
    pub level: i32,
    /// Unix ms of when that was so.
    pub as_of: i64,
}

/// A feed as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Feed {
    /// Its name.
    pub feed: String,
    /// Rises with every change.
    pub version: i64,
    /// Unix ms of the last change.
    pub at: i64,
    /// How many levels it has.
    pub levels: i64,
    /// Unix ms of its oldest level.
    pub oldest: i64,
    /// Unix ms of its newest level.
    pub newest: i64,
}

/// What an edge asks for.
#[derive(Debug, Deserialize)]
pub struct Asked {
    since: Option<i64>,
    place: Option<String>,
}

/// Takes levels of a feed, all or none.
///
/// # Errors
/// A [`Refusal`] with its status; nothing was stored then.
pub async fn take(
    State(app): State<Arc<App>>,
    Path(feed): Path<String>,
    request: Request<Body>,
) -> std::result::Result<Json<serde_json::Value>, Refusal> {
    let text = table::text(&app.room, request, BYTES).await?;
    let levels = parse(&text).map_err(Refusal::Level)?;
    let count = levels.len();
    let changed = store(&app.writer, feed, levels).await?;
    Ok(Json(json!({ "stored": count, "changed": changed })))
}

/// Answers what has changed in a feed since a version.
///
/// # Errors
/// [`Refusal::Nothing`] for a feed that is not known.
pub async fn answer(
    State(app): State<Arc<App>>,
    Path(feed): Path<String>,
    Query(asked): Query<Asked>,
) -> std::result::Result<Response, Refusal> {
    let since = asked.since.unwrap_or_default();
    let found =
        app.reader.run("feed", move |connection| changes(connection, &feed, since, asked.place.as_deref())).await?;
    let (version, levels) = found.ok_or(Refusal::Nothing)?;
    Ok(([(CACHE_CONTROL, CACHE)], Json(json!({ "version": version, "levels": levels }))).into_response())
}

/// Reads lines; the error is the number of the first that is none. Empty lines and those that begin with `#` are passed over.
///
/// # Errors
/// The number of a line that does not read.
pub fn parse(text: &str) -> std::result::Result<Vec<(Level, bool)>, usize> {
    table::lines(text, level)
}

/// A level, and whether it says when that was so.
fn level(line: &str) -> Option<(Level, bool)> {
    let mut fields = line.split(',').map(str::trim);
    let (place, item, level) = (fields.next()?, fields.next()?, fields.next()?.parse().ok()?);
    let as_of = fields.next().filter(|text| !text.is_empty()).map(|text| text.parse().ok().filter(|ms: &i64| *ms > 0));
    if item.is_empty() || fields.next().is_some() || as_of == Some(None) {
        return None;
    }
    let dated = as_of.is_some();
    let as_of = as_of.flatten().unwrap_or_default();
    Some((Level { place: place.to_owned(), item: item.to_owned(), level, as_of }, dated))
}

/// Stores levels; how many have changed.
///
/// # Errors
/// When the writer refuses.
pub async fn store(
    writer: &Writer,
    feed: String,
    levels: Vec<(Level, bool)>,
) -> std::result::Result<usize, crate::writer::Refused> {
    writer.run("feed", move |graph| keep(graph.connection, &feed, &levels, graph.received)).await
}

/// Writes levels; how many have changed.
pub(crate) fn keep(connection: &Connection, feed: &str, levels: &[(Level, bool)], now: i64) -> Result<usize> {
    let sql = "SELECT version FROM feeds WHERE feed = ?1";
    let mut version = connection.scalar::<i64>(sql, params![feed])?.unwrap_or_default();
    let mut changed = 0;
    for (number, (Level { place, item, level, as_of }, dated)) in levels.iter().enumerate() {
        // An answer ends between two versions, so none may have more levels than an answer.
        if number % STEP == 0 {
            version += 1;
        }
        let as_of = if *dated { as_of } else { &now };
        changed += connection.execute(
            "INSERT INTO levels (feed, place, item, level, as_of, version) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (feed, place, item) DO UPDATE SET level = excluded.level, as_of = excluded.as_of,
               version = excluded.version
             WHERE (excluded.as_of, excluded.level) > (levels.as_of, levels.level)",
            params![feed, place, item, level, as_of, version],
        )?;
    }
    if changed > 0 {
        connection.execute(
            "INSERT INTO feeds (feed, version, at) VALUES (?1, ?2, ?3)
             ON CONFLICT (feed) DO UPDATE SET version = excluded.version, at = excluded.at",
            params![feed, version, now],
        )?;
    }
    Ok(usize::try_from(changed).unwrap_or(usize::MAX))
}

/// What has changed since a version, and the version that this brings one to.
fn changes(connection: &Connection, feed: &str, since: i64, place: Option<&str>) -> Result<Option<(i64, Vec<Level>)>> {
    let Some(version) = connection.scalar::<i64>("SELECT version FROM feeds WHERE feed = ?1", params![feed])? else {
        return Ok(None);
    };
    let rows = connection.query(
        "SELECT place, item, level, as_of, version FROM levels
         WHERE feed = ?1 AND version > ?2 AND (place = ?3 OR ?4 = 1) ORDER BY version, place, item LIMIT ?5",
        params![feed, since, place.unwrap_or_default(), place.is_none(), ROWS],
    )?;
    let full = rows.len() as i64 == ROWS;
    let mut upto = version;
    if full {
        // The last version may be cut in the middle: it is asked for again.
        upto = rows.last().map_or(Ok(version), |row| row.get::<i64>(4))? - 1;
    }
    let levels = rows
        .iter()
        .map(|row| Ok(Level { place: row.get(0)?, item: row.get(1)?, level: row.get(2)?, as_of: row.get(3)? }))
        .collect::<Result<_>>()?;
    Ok(Some((upto.max(since), levels)))
}

/// The feeds as they are shown.
///
/// # Errors
/// Any error of the store.
pub fn all(connection: &Connection) -> Result<Vec<Feed>> {
    let rows = connection.query(
        "SELECT f.feed, f.version, f.at, count(*), min(l.as_of), max(l.as_of) FROM feeds f JOIN levels l ON l.feed = f.feed
         GROUP BY f.feed, f.version, f.at ORDER BY f.feed",
        params![],
    )?;
    rows.iter()
        .map(|row| {
            Ok(Feed {
                feed: row.get(0)?,
                version: row.get(1)?,
                at: row.get(2)?,
                levels: row.get(3)?,
                oldest: row.get(4)?,
                newest: row.get(5)?,
            })
        })
        .collect()
}

/// Versions as a device is told of them.
///
/// # Errors
/// Any error of the store.
pub fn versions(connection: &Connection) -> Result<Vec<answer::Feed>> {
    let rows = connection.query("SELECT feed, version FROM feeds ORDER BY feed LIMIT 64", params![])?;
    rows.iter()
        .map(|row| {
            let version = u64::try_from(row.get::<i64>(1)?).unwrap_or_default();
            Ok(answer::Feed { feed: Key::of(&row.get::<String>(0)?).0, version })
        })
        .collect()
}

/// Feeds that come from files: the name, and where it lies.
pub type Files = BTreeMap<String, PathBuf>;

/// Looks at the files for ever, and stores what has changed. A file that does not read changes nothing and is logged.
pub async fn watch(files: Files, writer: Writer) {
    let mut seen: BTreeMap<String, FileState> = BTreeMap::new();
    let mut look = tokio::time::interval(LOOK);
    loop {
        look.tick().await;
        for (feed, path) in &files {
            let Some(state) = FileState::of(path) else { continue };
            if seen.get(feed) == Some(&state) {
                continue;
            }
            let Ok(text) = tokio::fs::read_to_string(path).await else { continue };
            match parse(&text) {
                // A store that is busy is asked again at the next look.
                Ok(levels) => {
                    if store(&writer, feed.clone(), levels).await.is_err() {
                        continue;
                    }
                }
                Err(line) => crate::say!("feed {feed}: line {line} of its file is no level; nothing of it was taken"),
            }
            seen.insert(feed.clone(), state);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_has_a_place_an_item_and_a_whole_number() {
        let read = parse("# stock\nbellecour, water-still , 12\n,soda-diet,0,1780315200000\n").unwrap_or_default();
        assert_eq!(read.len(), 2);
        assert_eq!(
            (read[0].0.place.as_str(), read[0].0.item.as_str(), read[0].0.level, read[0].1),
            ("bellecour", "water-still", 12, false)
        );
        assert_eq!((read[1].0.place.as_str(), read[1].0.as_of, read[1].1), ("", 1_780_315_200_000, true));
        for line in ["a,b", "a,,1", "a,b,many", "a,b,1.5", "a,b,1,never", "a,b,1,2,3", "a,b,9999999999"] {
            assert_eq!(parse(line), Err(1), "{line}");
        }
    }
}
