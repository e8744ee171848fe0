//! Money: what was spent, what is reserved, and whether there is room for one more bid.
//!
//! A bid reserves its price when it is made. It is settled by the first notice that it was won, released by the notice that it was lost,
//! or lapses when nothing was heard until it expires. Settled and lapsed bids are remembered for [`LATE`] longer, so that a notice that
//! comes twice counts once, and one that comes late counts still.
//!
//! Invariant, for each campaign: spent + reserved ≤ budget, of the day and in all, but for late notices: the money is gone, so it is
//! counted, and the budget is passed by at most what late notices told. What belongs to a day is the day of the bid, not of the notice.
//! Absent on purpose: persistence. A host of several machines implements [`Ledger`] over a store of its own.

use crate::offer::{Amount, Budget, Price};
use crate::reason::Reason;
use petitfour::id::Key;
use petitfour::time::{Moment, Timestamp};
use std::collections::{BTreeSet, HashMap};

/// Ms for which settled and lapsed bids are remembered after they expire: an hour.
pub const LATE: u64 = 3_600_000;
/// The part of a day's budget that an even pace may be ahead by: one fiftieth, half an hour's worth.
pub const ALLOWANCE: u64 = 50;
/// Bids that are remembered at once; some 100 bytes each.
pub const MOST_OPEN: usize = 1 << 20;

const DAY: u64 = 86_400_000;

/// A bid that asks for its money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The bid.
    pub bid: u64,
    /// Whose budget.
    pub campaign: Key,
    /// What it costs at most.
    pub price: Price,
    /// What there is.
    pub budget: Budget,
    /// When it is given up.
    pub until: Timestamp,
}

/// Who keeps the money.
pub trait Ledger {
    /// Reserves what a bid may cost. A claim that is reserved already is granted again, since an auction that is asked twice is won once.
    ///
    /// # Errors
    /// [`Reason::Budget`], [`Reason::DayBudget`], [`Reason::Pacing`], [`Reason::Repeated`] or [`Reason::Busy`]; nothing is reserved then.
    fn reserve(&mut self, claim: &Claim, moment: Moment) -> Result<(), Reason>;
}

/// What came of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// Counted, or released.
    Taken,
    /// Counted, though the reservation had expired: the budget may be passed by this much.
    Late,
    /// Told before; nothing changed.
    Repeated,
    /// No such bid; nothing changed.
    Unknown,
}

/// Money in memory, for one process.
#[derive(Debug, Clone, Default)]
pub struct Spend {
    accounts: HashMap<Key, Account>,
    bids: HashMap<u64, Reservation>,
    /// When something is to be done about a bid.
    due: BTreeSet<(Timestamp, u64)>,
    /// The latest moment so far: a clock that goes back brings nothing back.
    now: Timestamp,
}

#[derive(Debug, Clone, Copy, Default)]
struct Account {
    spent: u64,
    reserved: u64,
    day: u32,
    spent_today: u64,
    reserved_today: u64,
}

#[derive(Debug, Clone, Copy)]
struct Reservation {
    campaign: Key,
    price: Price,
    day: u32,
    until: Timestamp,
    state: State,
    /// Has it expired? The next time it is due it is forgotten.
    over: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Lapsed,
    Settled,
}

impl Spend {
    /// Nothing was spent yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in what a campaign had spent before: on the day of `moment`, and in all, that day included.
    pub fn resume(&mut self, campaign: Key, today: Amount, total: Amount, moment: Moment) {
        let account = self.accounts.entry(campaign).or_default();
        account.turn(moment.local_day());
        account.spent_today = account.spent_today.saturating_add(today.0);
        account.spent = account.spent.saturating_add(total.0.max(today.0));
    }

    /// A bid was won, or billed, for `price`; more than was bid is not believed. Whichever of the two notices comes first counts.
    pub fn won(&mut self, bid: u64, price: Price, moment: Moment) -> Notice {
        self.advance(moment);
        let Some(reservation) = self.bids.get_mut(&bid) else { return Notice::Unknown };
        let notice = match reservation.state {
            State::Open => Notice::Taken,
            State::Lapsed => Notice::Late,
            State::Settled => return Notice::Repeated,
        };
        reservation.state = State::Settled;
        let reservation = *reservation;
        let account = self.accounts.entry(reservation.campaign).or_default();
        if notice == Notice::Taken {
            account.release(&reservation);
        }
        let paid = price.min(reservation.price).cost().0;
        account.spent = account.spent.saturating_add(paid);
        if account.day == reservation.day {
            account.spent_today = account.spent_today.saturating_add(paid);
        }
        notice
    }

    /// A bid was lost: its money is free again.
    pub fn lost(&mut self, bid: u64, moment: Moment) -> Notice {
        self.advance(moment);
        let Some(reservation) = self.bids.get_mut(&bid) else { return Notice::Unknown };
        if reservation.state != State::Open {
            return Notice::Repeated;
        }
        // Should it be told as won all the same, that is late, and counts.
        reservation.state = State::Lapsed;
        let reservation = *reservation;
        self.accounts.entry(reservation.campaign).or_default().release(&reservation);
        Notice::Taken
    }

    /// Lets what has expired go.
    pub fn advance(&mut self, moment: Moment) {
        self.now = self.now.max(moment.now);
        while let Some((at, bid)) = self.due.first().copied().filter(|(at, _)| *at <= self.now) {
            self.due.remove(&(at, bid));
            let Some(reservation) = self.bids.get_mut(&bid) else { continue };
            if reservation.over {
                self.bids.remove(&bid);
                continue;
            }
            reservation.over = true;
            let was = *reservation;
            if was.state == State::Open {
                reservation.state = State::Lapsed;
                self.accounts.entry(was.campaign).or_default().release(&was);
            }
            self.due.insert((Timestamp(at.0.saturating_add(LATE)), bid));
        }
    }

    /// What a campaign has spent in all.
    #[must_use]
    pub fn spent(&self, campaign: Key) -> Amount {
        Amount(self.accounts.get(&campaign).map_or(0, |account| account.spent))
    }

    /// What is reserved for a campaign's bids.
    #[must_use]
    pub fn reserved(&self, campaign: Key) -> Amount {
        Amount(self.accounts.get(&campaign).map_or(0, |account| account.reserved))
    }

    /// What a campaign has spent, and what is reserved, of the budget of `day` (local days since 1970).
    #[must_use]
    pub fn today(&self, campaign: Key, day: u32) -> (Amount, Amount) {
        let account = self.accounts.get(&campaign).filter(|account| account.day == day);
        account.map_or_else(Default::default, |account| (Amount(account.spent_today), Amount(account.reserved_today)))
    }
}

impl Ledger for Spend {
    fn reserve(&mut self, claim: &Claim, moment: Moment) -> Result<(), Reason> {
        self.advance(moment);
        if let Some(known) = self.bids.get_mut(&claim.bid) {
            if known.state != State::Open || known.campaign != claim.campaign || known.price < claim.price {
                return Err(Reason::Repeated);
            }
            // The later answer says for how long the bid stands.
            if claim.until > known.until {
                self.due.remove(&(known.until, claim.bid));
                self.due.insert((claim.until, claim.bid));
                known.until = claim.until;
            }
            return Ok(());
        }
        if self.bids.len() >= MOST_OPEN || claim.until <= self.now {
            return Err(Reason::Busy);
        }
        let account = self.accounts.entry(claim.campaign).or_default();
        account.turn(moment.local_day());
        let cost = claim.price.cost().0;
        account.refusal(cost, &claim.budget, moment).map_or(Ok(()), Err)?;
        account.reserved += cost;
        account.reserved_today += cost;
        let reservation = Reservation {
            campaign: claim.campaign,
            price: claim.price,
            day: account.day,
            until: claim.until,
            state: State::Open,
            over: false,
        };
        self.bids.insert(claim.bid, reservation);
        self.due.insert((claim.until, claim.bid));
        Ok(())
    }
}

impl Account {
    /// Begins another day; never an earlier one.
    fn turn(&mut self, day: u32) {
        if day > self.day {
            (self.day, self.spent_today, self.reserved_today) = (day, 0, 0);
        }
    }

    fn release(&mut self, reservation: &Reservation) {
        let cost = reservation.price.cost().0;
        self.reserved = self.reserved.saturating_sub(cost);
        if self.day == reservation.day {
            self.reserved_today = self.reserved_today.saturating_sub(cost);
        }
    }

    fn refusal(&self, cost: u64, budget: &Budget, moment: Moment) -> Option<Reason> {
        let whole = self.spent.saturating_add(self.reserved).saturating_add(cost);
        let today = self.spent_today.saturating_add(self.reserved_today).saturating_add(cost);
        if budget.total.is_some_and(|total| whole > total.0) {
            return Some(Reason::Budget);
        }
        let day = budget.day?;
        if today > day.0 {
            return Some(Reason::DayBudget);
        }
        // A clock that went back to the day before is at the beginning of this one.
        let elapsed = if moment.local_day() < self.day { 0 } else { elapsed(moment) };
        (budget.even && today > pace(day, elapsed)).then_some(Reason::Pacing)
    }
}

/// What may be spent of a day's budget when so many ms of the day are over.
fn pace(day: Amount, elapsed: u64) -> u64 {
    let share = u128::from(day.0) * u128::from(elapsed) / u128::from(DAY);
    u64::try_from(share).unwrap_or(u64::MAX).saturating_add(day.0 / ALLOWANCE).min(day.0)
}

/// Ms of the local day that are over.
fn elapsed(moment: Moment) -> u64 {
    let offset = i64::from(moment.offset_minutes.clamp(-840, 840)) * 60_000;
    moment.now.0.saturating_add_signed(offset) % DAY
}
