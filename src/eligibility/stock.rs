//! What the shelves hold, as feeds said it, with the age of what was said. Unknown and stale are not zero.

use super::Reason;
use crate::catalog::{Catalog, Stock};
use crate::hash::bucket;
use crate::id::Key;
use crate::time::{Moment, Timestamp};
use crate::wire::Sink;
use alloc::vec::Vec;
use serde::Deserialize;

/// Most levels that are kept: a device cares about the shelves near it. What comes beyond is not taken in.
const MAX_LEVELS: usize = 4_096;

/// Levels by feed, place and item.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct Levels(Vec<Level>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
struct Level {
    shelf: (u16, u16, Key),
    level: i32,
    as_of: Timestamp,
}

impl Levels {
    /// As postcard does: how many, then each.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.varint(self.0.len() as u64);
        for Level { shelf: (feed, place, item), level, as_of } in &self.0 {
            out.varint((*feed).into());
            out.varint((*place).into());
            out.varint(item.0.into());
            out.signed((*level).into());
            out.varint(as_of.0);
        }
    }

    /// Takes in a level: of feed number `feed`, at the place of that bin (0 when the feed has no places). An older word
    /// does not replace a newer one. Returns false when there is no room.
    pub fn set(&mut self, feed: u16, place: u16, item: Key, level: i32, as_of: Timestamp) -> bool {
        let new = Level { shelf: (feed, place, item), level, as_of };
        match self.0.binary_search_by_key(&new.shelf, |level| level.shelf) {
            Ok(at) => {
                if let Some(old) = self.0.get_mut(at).filter(|old| old.as_of <= as_of) {
                    *old = new;
                }
                true
            }
            Err(at) if self.0.len() < MAX_LEVELS => {
                self.0.insert(at, new);
                true
            }
            Err(_) => false,
        }
    }

    /// Does stock condition number `condition` refuse, or one that stands with it? `unit` is the visitor's, for a condition by hash.
    #[must_use]
    pub fn refused(
        &self,
        catalog: &Catalog,
        condition: usize,
        bins: &[u16],
        unit: u64,
        moment: Moment,
    ) -> Option<Reason> {
        let mut numbers = condition..;
        loop {
            let number = numbers.next()?;
            // A campaign whose condition is not in the bundle is not shown: the author wanted one.
            let Some(stock) = catalog.stock(number) else { return Some(Reason::StockUnknown) };
            let own = self.find(catalog, &stock, stock.feed(), bins, moment);
            let judged = own.and_then(|level| {
                let enough = if stock.is_by_hash() {
                    // A share of the visitors is drawn anew every hour, so that nobody is left out for ever.
                    let salt = (u64::from(stock.item().0) << 32) | (moment.now.0 / 3_600_000);
                    level > i32::from(bucket(unit, salt))
                } else if stock.is_above() {
                    level > self.find(catalog, &stock, stock.at_least() as usize, bins, moment)?
                } else {
                    level >= stock.at_least()
                };
                enough.then_some(()).ok_or(Reason::StockOut)
            });
            match judged {
                Err(reason) if reason == Reason::StockOut || !stock.allows_unknown() => {
                    return Some(if stock.is_by_hash() { Reason::Pace } else { reason });
                }
                _ if !stock.has_next() => return None,
                _ => {}
            }
        }
    }

    /// The level that a stock condition asks of.
    ///
    /// # Errors
    /// [`Reason::StockUnknown`] and [`Reason::StockStale`]: nobody said it, or it is older than the condition takes.
    pub fn level(&self, catalog: &Catalog, condition: usize, bins: &[u16], moment: Moment) -> Result<i32, Reason> {
        let stock = catalog.stock(condition).ok_or(Reason::StockUnknown)?;
        self.find(catalog, &stock, stock.feed(), bins, moment)
    }

    fn find(
        &self,
        catalog: &Catalog,
        stock: &Stock<'_>,
        feed: usize,
        bins: &[u16],
        moment: Moment,
    ) -> Result<i32, Reason> {
        let place = catalog.feed(feed).and_then(|feed| feed.place());
        let place = place.map_or(0, |attribute| bins.get(attribute).copied().unwrap_or(0));
        let shelf = (feed as u16, place, stock.item());
        let found = self.0.binary_search_by_key(&shelf, |level| level.shelf).ok().and_then(|at| self.0.get(at));
        let level = found.ok_or(Reason::StockUnknown)?;
        let age = moment.now.0.saturating_sub(level.as_of.0);
        let is_stale = stock.max_age() > 0 && age > u64::from(stock.max_age()) * 60_000;
        if is_stale { Err(Reason::StockStale) } else { Ok(level.level) }
    }
}
