//! The pace of campaigns that may have so many exposures: how large a share of the visitors each may be shown to now.
//!
//! Devices do not know what others saw. Once a minute the running sums say how many exposures a campaign had since the day began (UTC) and
//! ever; what is left of the day is divided by the minutes that are left of it, and the share that would bring so many is published as a
//! level of the feed [`FEED`], for edges and pages as any other. What a share brings is learned from what earlier ones brought.
//!
//! Exposures count when the origin hears of them: one of yesterday that comes today is today's. So nothing that was heard is ever
//! shown in excess, but for what is on its way: shown, and not told yet, or decided by a share that is not the latest any more.
//!
//! Invariant: once what is left is nothing, the share is 0, and no share is more than twice the one before (or 1%): a campaign that nobody knows
//! yet, and a crowd that comes at once, are met slowly.
//! Absent on purpose: a judgement about visitors. Who is among the share is the engine's word, by a hash.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use petitfour::catalog::{Catalog, Pace};

use crate::{
    feed::{self, Level},
    params,
    shelf::Shelf,
    sql::{Connection, Result},
    writer::Writer,
};

/// The feed's name, which the compiler declares where a campaign has `exposures`.
pub const FEED: &str = "petitfour.pace";

/// How often the sums are looked at.
pub const TICK: Duration = Duration::from_secs(60);

/// A share of all visitors.
const WHOLE: i32 = 10_000;

/// The first share of a campaign of which nothing is known yet.
const FIRST: i32 = 100;

/// What a look remembers of the one before: half is forgotten after three, so a change of the traffic is followed within minutes, and a minute
/// without visitors is no news.
const MEMORY: f64 = 0.8;

/// Looks over which the rest is spread where no day asks for an even pace: as many as it takes until an exposure is heard of.
const AHEAD: f64 = 5.0;

/// A day in ms.
const DAY: i64 = 24 * 60 * 60 * 1_000;

/// What one campaign may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its key.
    pub key: i64,
    /// Its name, which is the item of the feed.
    pub name: String,
    /// On a day of UTC.
    pub day: Option<u32>,
    /// In all.
    pub total: Option<u32>,
    /// Are those of a day spread over it?
    pub even: bool,
}

/// What earlier shares brought, of one campaign.
#[derive(Debug, Clone, Copy, Default)]
struct Yield {
    /// Exposures that were heard of, and the shares that brought them, both fading.
    exposures: f64,
    shares: f64,
    /// All exposures at the last look; nothing before the first one.
    seen: Option<i64>,
}

/// What is remembered from look to look, by key of the campaign. A process that starts anew begins with small shares.
#[derive(Debug, Default)]
pub struct Memory(BTreeMap<i64, Yield>);

/// The campaigns of a bundle that may have so many.
#[must_use]
pub fn targets(catalog: &Catalog) -> Vec<Target> {
    let target = |pace: Pace<'_>| {
        let campaign = catalog.campaign(pace.campaign())?;
        let name = catalog.string(campaign.name()).to_owned();
        let key = i64::from(campaign.key().0);
        Some(Target { key, name, day: pace.day(), total: pace.total(), even: pace.is_even() })
    };
    catalog.paces().filter_map(target).collect()
}

/// Looks at the sums and publishes the share of each campaign.
///
/// # Errors
/// Any error of the store.
pub fn look(connection: &Connection, targets: &[Target], memory: &mut Memory, now: i64) -> Result<()> {
    let mut levels = Vec::with_capacity(targets.len());
    for target in targets {
        let sql = "SELECT exposures FROM campaign_counts WHERE campaign = ?1";
        let seen = connection.scalar::<i64>(sql, params![target.key])?.unwrap_or_default();
        let sql = "SELECT level FROM levels WHERE feed = ?1 AND place = '' AND item = ?2";
        let published = connection.scalar::<i32>(sql, params![FEED, &target.name])?;
        let today = seen - begin(connection, target.key, seen, now)?;
        let share = memory.0.entry(target.key).or_default().next(target, (seen, today), published, now);
        levels.push((Level { place: String::new(), item: target.name.clone(), level: share, as_of: now }, true));
    }
    feed::keep(connection, FEED, &levels, now).map(drop)
}

/// How many exposures a campaign had when this day began, as far as was heard then. It is written down at the first look of a day; what a
/// collector heard that was not running at midnight is the new day's.
fn begin(connection: &Connection, key: i64, seen: i64, now: i64) -> Result<i64> {
    let names = ["day", "began", "seen"].map(|name| format!("pace/{key:08x}/{name}"));
    let read = |name: &String| connection.scalar::<i64>("SELECT value FROM about WHERE key = ?1", params![name]);
    let write = |name: &String, value: i64| {
        let sql =
            "INSERT INTO about (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
        connection.execute(sql, params![name, value]).map(drop)
    };
    let [day, began, last] = &names;
    let today = now.div_euclid(DAY);
    // Who was deleted takes exposures out of the sums, and out of the day that they were counted in at the latest.
    let mut start = read(began)?.unwrap_or(seen).min(seen);
    if read(day)? != Some(today) {
        start = read(last)?.unwrap_or(seen).min(seen);
        write(day, today)?;
    }
    write(began, start)?;
    write(last, seen)?;
    Ok(start)
}

impl Yield {
    /// The next share, of [`WHOLE`], after so many exposures in all and today.
    fn next(&mut self, target: &Target, (seen, today): (i64, i64), published: Option<i32>, now: i64) -> i32 {
        let share = published.unwrap_or_default();
        self.exposures = self.exposures * MEMORY + (seen - self.seen.unwrap_or(seen)).max(0) as f64;
        self.shares = self.shares * MEMORY + f64::from(share);
        self.seen = Some(seen);
        let rest = |most: Option<u32>, had: i64| most.map(|most| i64::from(most).saturating_sub(had).max(0));
        let left = [rest(target.day, today), rest(target.total, seen)].into_iter().flatten().min().unwrap_or(i64::MAX);
        if left == 0 {
            return 0;
        }
        let ticks = (DAY - now.rem_euclid(DAY)) as f64 / TICK.as_millis() as f64;
        let wanted = left as f64 / if target.even { ticks.max(1.0) } else { AHEAD };
        let most = share.saturating_mul(2).clamp(FIRST, WHOLE);
        if self.exposures <= 0.0 {
            return most;
        }
        let brings = self.exposures / self.shares.max(1.0);
        // A share of one in ten thousand at least: of nothing, nothing is learned.
        ((wanted / brings) as i32).clamp(1, most)
    }
}

/// Follows the bundle's campaigns for ever.
pub(crate) async fn follow(shelf: Arc<Shelf>, writer: Writer) {
    let memory: Arc<Mutex<Memory>> = Arc::default();
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let targets = shelf.current().paces.clone();
        if targets.is_empty() {
            continue;
        }
        let memory = Arc::clone(&memory);
        // A store that is busy is looked at again in a minute; until then the last word holds.
        let looked = writer.run("pace", move |graph| {
            let mut memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
            look(graph.connection, &targets, &mut memory, graph.received)
        });
        looked.await.ok();
    }
}
