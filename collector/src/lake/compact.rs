//! Compacting: rows of whoever has a tombstone leave the files, and days that are old enough leave the lake.
//!
//! A part in which a tombstone finds rows is written anew without them; the manifest names the new one, then the old one is removed.
//! Parts in which none finds anything stay as they are, and are not looked at again for it. Nothing is changed in place: whoever
//! is stopped midway leaves the lake as it was before, or as it is after.

use std::collections::HashMap;

use super::{
    Lake, Manifest,
    export::put,
    manifest::Part,
    part::Row,
    schema::{self, CANDIDATES, DECISIONS, EDGES, EXPOSURES, Growth, OUTCOMES, PERSONS, TOMBSTONES, Table},
    views,
};
use crate::{sql::Cell, store::now};

/// What compacting did: the proof of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    /// Parts in which tombstones were looked for.
    pub looked_at: u64,
    /// Parts written anew.
    pub rewritten: u64,
    /// Rows that are in no file any more.
    pub rows_removed: u64,
    /// Parts of old days that were dropped whole.
    pub dropped: u64,
    /// Rows of those.
    pub rows_dropped: u64,
    /// Number of the last tombstone that all parts obey.
    pub through: i64,
    /// The manifest's version at the end.
    pub version: u64,
}

/// What tombstones say, by universal id.
type Graves = HashMap<String, Vec<Grave>>;

struct Grave {
    number: i64,
    scope: String,
    until: i64,
}

/// Takes the rows out that tombstones hide; with `oldest`, days before it (`2026-11-26`) too.
///
/// # Errors
/// When the lake cannot be read or takes nothing, or an export runs.
pub fn run(lake: &Lake, oldest: Option<&str>, progress: &dyn Fn(u64, u64)) -> anyhow::Result<Report> {
    let mut report = Report::default();
    let Some(mut manifest) = Manifest::latest(lake)? else { anyhow::bail!("there is no lake here yet: export first") };
    let graves = graves(lake, &manifest)?;
    let through = manifest.positions.tombstones;
    let count = manifest.parts.len() as u64;
    let mut kept = Vec::with_capacity(manifest.parts.len());
    let mut gone = Vec::new();
    for (part, number) in std::mem::take(&mut manifest.parts).into_iter().zip(0..) {
        progress(number, count);
        let is_old = oldest.is_some_and(|oldest| part.day.as_deref().is_some_and(|day| day < oldest));
        // Tombstones stay: a part that an export is writing now may still hold what they hide.
        if is_old && part.table != TOMBSTONES.name {
            report.dropped += 1;
            report.rows_dropped += part.rows;
            gone.push(part.path);
            continue;
        }
        let table = schema::table(&part.table).filter(|table| !table.owners.is_empty() && part.checked < through);
        let Some(table) = table else {
            kept.push(part);
            continue;
        };
        report.looked_at += 1;
        let mut rows = manifest.encoding.decode(table, lake.get(&part.path)?)?;
        rows.retain(|row| !is_hidden(table, row, &graves));
        let removed = part.rows.saturating_sub(rows.len() as u64);
        if removed == 0 {
            kept.push(Part { checked: through, ..part });
            continue;
        }
        report.rewritten += 1;
        report.rows_removed += removed;
        if !rows.is_empty() {
            for row in &mut rows {
                // It obeys them all now.
                if let Some(last) = row.last_mut() {
                    *last = Cell::Int(through);
                }
            }
            let day = part.day.as_deref().unwrap_or_default();
            kept.push(put(lake, manifest.encoding, manifest.version + 1, table, day, &mut rows, through)?);
        }
        gone.push(part.path);
    }
    progress(count, count);
    manifest.parts = kept;
    if report.looked_at + report.dropped > 0 {
        manifest.publish(lake, now())?;
        lake.put(views::FILE, views::sql(lake.address(), &manifest).into_bytes())?;
        // Whoever reads by an older manifest has to read the new one: that is the point.
        gone.iter().try_for_each(|path| lake.remove(path))?;
    }
    super::export::sweep(lake, &manifest)?;
    report.through = through;
    report.version = manifest.version;
    Ok(report)
}

fn graves(lake: &Lake, manifest: &Manifest) -> anyhow::Result<Graves> {
    let mut graves = Graves::new();
    for part in manifest.of(TOMBSTONES.name) {
        for row in manifest.encoding.decode(&TOMBSTONES, lake.get(&part.path)?)? {
            let [Cell::Int(number), Cell::Text(uid), Cell::Text(scope), until, ..] = row.as_slice() else {
                anyhow::bail!("{} is no part of tombstones", part.path);
            };
            let until = if let Cell::Int(until) = until { *until } else { i64::MIN };
            graves.entry(uid.clone()).or_default().push(Grave { number: *number, scope: scope.clone(), until });
        }
    }
    Ok(graves)
}

/// What the views say too ([`views`]).
fn is_hidden(table: &Table, row: &Row, graves: &Graves) -> bool {
    let Some(Cell::Int(through)) = row.last() else { return false };
    let at = if let Growth::Log(at) = table.growth { row.get(at) } else { None };
    let measures = [DECISIONS.name, CANDIDATES.name, EXPOSURES.name, OUTCOMES.name].contains(&table.name);
    let by_device = table.name == EDGES.name && row.get(3) == Some(&Cell::Text(crate::ledger::DEVICE.to_owned()));
    table.owners.iter().filter_map(|at| row.get(*at)).any(|owner| {
        let Cell::Text(uid) = owner else { return false };
        graves.get(uid).is_some_and(|graves| {
            graves.iter().filter(|grave| grave.number > *through).any(|grave| match grave.scope.as_str() {
                "everything" => true,
                "measured" => measures && matches!(at, Some(Cell::Int(at)) if *at <= grave.until),
                "shared" => by_device || table.name == PERSONS.name,
                _ => false,
            })
        })
    })
}
