//! What something costs here and now: its base, lowered below a rival, raised when it is short, never under its floor.

use crate::catalog::Price;
use crate::eligibility::{Circumstances, Reason};

/// A price with what moved it. Amounts are in the currency's smallest unit, and never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote {
    /// What is asked.
    pub amount: i64,
    /// Before anything moved it.
    pub base: i64,
    /// A rival asks less, or hardly more.
    pub is_lowered: bool,
    /// The shelf holds little.
    pub is_raised: bool,
    /// The floor kept it from falling further.
    pub is_floored: bool,
    /// The ceiling kept it from rising further.
    pub is_capped: bool,
}

/// Works a price out; `None` when nobody knows its base. Whatever else nobody knows moves nothing, but without a floor that is known
/// nothing is lowered.
#[must_use]
pub fn quote(price: &Price<'_>, given: &Circumstances<'_>) -> Option<Quote> {
    let level = |stock: usize| given.levels.level(given.catalog, stock, given.bins, given.moment);
    let read = |stock: Option<usize>, constant: i32| match stock {
        Some(stock) => level(stock).ok().map(|level| i64::from(level).max(0)),
        None => Some(i64::from(constant).max(0)),
    };
    let base = read(price.base_stock(), price.base())?;
    let floor = read(price.floor_stock(), price.floor())
        .map_or_else(|| base.min(price.ceiling().into()), |cost| times(cost, price.margin()));
    // Above every amount: a rival that is not known, or not asked.
    let rival = price.rival_stock().map_or(Some(i64::MAX), |rival| read(Some(rival), 0)).unwrap_or(i64::MAX);
    let below = rival.saturating_sub(price.undercut().into()).max(0);
    let mut amount = base.min(below);
    let is_raised = price.short_stock().is_some_and(|shelf| {
        given.levels.refused(given.catalog, shelf, given.bins, given.unit, given.moment) == Some(Reason::StockOut)
    });
    if is_raised {
        amount = times(amount, price.surge());
    }
    // To the nearest step, half upwards; the ceiling and then the floor have the last word.
    let step = i64::from(price.step()).max(1);
    amount = (amount + step / 2) / step * step;
    let ceiling = i64::from(price.ceiling());
    let (is_lowered, is_capped) = (below < base, amount > ceiling);
    amount = amount.min(ceiling);
    Some(Quote { amount: amount.max(floor), base, is_lowered, is_raised, is_floored: amount < floor, is_capped })
}

/// So many ten-thousandths of an amount, rounded up.
fn times(amount: i64, share: u32) -> i64 {
    (amount * i64::from(share) + 9_999) / 10_000
}
