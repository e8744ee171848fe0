//! Money: whatever happens in whatever order, no budget is passed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that fails here has failed"
)]

use petitfour::id::Key;
use petitfour::time::{Moment, Timestamp};
use petitfour_bid::{ALLOWANCE, Amount, Budget, Claim, LATE, Ledger, Notice, Price, Reason, Spend};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const DAY: u64 = 86_400_000;
/// 2026-06-01, midnight in UTC.
const START: u64 = 1_780_272_000_000;
const CAMPAIGNS: [Key; 2] = [Key(7), Key(8)];

fn claim(bid: u64, price: u32, budget: Budget, now: u64) -> Claim {
    Claim { bid, campaign: CAMPAIGNS[0], price: Price(price), budget, until: Timestamp(now + 900_000) }
}

fn at(milliseconds: u64) -> Moment {
    Moment::utc(START + milliseconds)
}

#[derive(Debug, Clone)]
enum Step {
    Bid {
        campaign: usize,
        price: u32,
        expiry: u64,
    },
    Won {
        pick: usize,
        price: u32,
    },
    Lost {
        pick: usize,
    },
    Wait(u64),
    /// A clock that is put right.
    Back(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..2usize, 1..900_000u32, 1..2_000_000u64)
            .prop_map(|(campaign, price, expiry)| Step::Bid { campaign, price, expiry }),
        3 => (any::<usize>(), 0..2_000_000u32).prop_map(|(pick, price)| Step::Won { pick, price }),
        2 => any::<usize>().prop_map(|pick| Step::Lost { pick }),
        3 => (0..7_200_000u64).prop_map(Step::Wait),
        1 => (0..90_000_000u64).prop_map(Step::Back),
    ]
}

fn budget() -> impl Strategy<Value = Budget> {
    (proptest::option::of(1..20_000_000u64), proptest::option::of(1..60_000_000u64), any::<bool>()).prop_map(
        |(day, total, even)| Budget { day: day.map(Amount), total: total.map(Amount), even: even && day.is_some() },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_is_spent_and_reserved_never_passes_a_budget(
        budgets in [budget(), budget()],
        steps in proptest::collection::vec(step(), 1..200),
        offset in -840i16..=840,
    ) {
        let mut spend = Spend::new();
        let mut now = START;
        let mut bids: Vec<(u64, usize, u32)> = Vec::new();
        // A plain account of the same things: what came late, in all and by the day of the bid.
        let mut late = [0u64; 2];
        let mut late_by_day: BTreeMap<(usize, u32), u64> = BTreeMap::new();
        let mut paid = [0u64; 2];
        let mut days: BTreeMap<u64, u32> = BTreeMap::new();
        let mut newest = [0u32; 2];
        let mut furthest = 0u64;
        let mut settled = BTreeSet::new();
        for step in steps {
            let moment = Moment { now: Timestamp(now), offset_minutes: offset };
            match step {
                Step::Bid { campaign, price, expiry } => {
                    // Now and then an auction is asked again.
                    let again = price % 5 == 0 && !bids.is_empty();
                    let number = if again { price as u64 % bids.len() as u64 + 1 } else { bids.len() as u64 + 1 };
                    let claim = Claim {
                        bid: number,
                        campaign: CAMPAIGNS[campaign],
                        price: Price(price),
                        budget: budgets[campaign],
                        until: Timestamp(now.max(furthest) + expiry),
                    };
                    spend.advance(moment);
                    let before = (spend.spent(CAMPAIGNS[campaign]), spend.reserved(CAMPAIGNS[campaign]));
                    let granted = spend.reserve(&claim, moment).is_ok();
                    // One that was forgotten meanwhile is another one.
                    let fresh = granted && spend.reserved(CAMPAIGNS[campaign]) > before.1;
                    prop_assert!(again || fresh == granted);
                    if fresh {
                        newest[campaign] = newest[campaign].max(moment.local_day());
                        days.insert(number, newest[campaign]);
                        settled.remove(&number);
                        bids.retain(|(known, ..)| *known != number);
                        bids.push((number, campaign, price));
                        bids.sort_unstable();
                        // An even pace holds at the moment of each bid, late notices apart.
                        if let (Some(day), true) = (budgets[campaign].day, budgets[campaign].even) {
                            let (spent, reserved) = spend.today(CAMPAIGNS[campaign], newest[campaign]);
                            let local = now.saturating_add_signed(i64::from(offset) * 60_000) % DAY;
                            let share = u128::from(day.0) * u128::from(local) / u128::from(DAY);
                            let most = u64::try_from(share).unwrap() + day.0 / ALLOWANCE;
                            prop_assert!(spent.0 + reserved.0 <= most.min(day.0), "pace");
                        }
                    } else {
                        prop_assert_eq!(before.0, spend.spent(CAMPAIGNS[campaign]));
                        prop_assert_eq!(spend.reserved(CAMPAIGNS[campaign]), before.1);
                    }
                }
                Step::Won { pick, price } if !bids.is_empty() => {
                    let (number, campaign, offered) = bids[pick % bids.len()];
                    let counted = u64::from(price.min(offered));
                    match spend.won(number, Price(price), moment) {
                        Notice::Taken => { prop_assert!(settled.insert(number)); paid[campaign] += counted; }
                        Notice::Late => {
                            prop_assert!(settled.insert(number));
                            paid[campaign] += counted;
                            late[campaign] += counted;
                            *late_by_day.entry((campaign, days[&number])).or_default() += counted;
                        }
                        Notice::Repeated => prop_assert!(settled.contains(&number)),
                        Notice::Unknown => {}
                    }
                }
                Step::Lost { pick } if !bids.is_empty() => {
                    spend.lost(bids[pick % bids.len()].0, moment);
                }
                Step::Wait(milliseconds) => now += milliseconds,
                Step::Back(milliseconds) => now = now.saturating_sub(milliseconds).max(START - DAY),
                _ => {}
            }
            furthest = furthest.max(now);
            for campaign in 0..2 {
                let key = CAMPAIGNS[campaign];
                prop_assert_eq!(spend.spent(key).0, paid[campaign], "every notice counts once");
                let whole = spend.spent(key).0 + spend.reserved(key).0;
                if let Some(total) = budgets[campaign].total {
                    prop_assert!(whole <= total.0 + late[campaign], "{} of {}", whole, total.0);
                }
                if let Some(day) = budgets[campaign].day {
                    let (spent, reserved) = spend.today(key, newest[campaign]);
                    let late = late_by_day.get(&(campaign, newest[campaign])).copied().unwrap_or(0);
                    prop_assert!(spent.0 + reserved.0 <= day.0 + late);
                }
            }
        }
        // In the end everything that was reserved is free again.
        spend.advance(Moment::utc(furthest + 2_000_001));
        prop_assert_eq!(spend.reserved(CAMPAIGNS[0]), Amount(0));
        prop_assert_eq!(spend.reserved(CAMPAIGNS[1]), Amount(0));
    }
}

#[test]
fn bids_side_by_side_share_what_there_is() {
    let budget = Budget { total: Some(Amount(10_000)), ..Budget::default() };
    let mut spend = Spend::new();
    let granted = (1..=20).filter(|bid| spend.reserve(&claim(*bid, 1_500, budget, START), at(0)).is_ok()).count();
    assert_eq!(granted, 6);
    assert_eq!(spend.reserved(CAMPAIGNS[0]), Amount(9_000));
    assert_eq!(spend.lost(1, at(10)), Notice::Taken);
    assert_eq!(spend.won(2, Price(1_000), at(10)), Notice::Taken);
    assert_eq!((spend.spent(CAMPAIGNS[0]), spend.reserved(CAMPAIGNS[0])), (Amount(1_000), Amount(6_000)));
    assert_eq!(spend.reserve(&claim(21, 1_500, budget, START), at(20)), Ok(()));
    assert_eq!(spend.reserve(&claim(22, 1_501, budget, START), at(20)), Err(Reason::Budget));
}

#[test]
fn a_notice_counts_once_and_a_late_one_still() {
    let mut spend = Spend::new();
    for bid in 1..=2 {
        spend.reserve(&claim(bid, 1_500, Budget::default(), START), at(0)).unwrap();
    }
    assert_eq!(spend.won(1, Price(1_400), at(5)), Notice::Taken);
    assert_eq!(spend.won(1, Price(1_400), at(6)), Notice::Repeated);
    assert_eq!(spend.won(2, Price(9_000), at(900_000)), Notice::Late);
    assert_eq!(spend.spent(CAMPAIGNS[0]), Amount(2_900), "more than was bid is not believed");
    assert_eq!(spend.won(2, Price(1), at(900_001)), Notice::Repeated);
    assert_eq!(spend.won(3, Price(1), at(900_001)), Notice::Unknown);
    assert_eq!(spend.won(2, Price(1), at(900_000 + LATE)), Notice::Unknown, "forgotten in the end");
}

#[test]
fn an_auction_that_is_asked_twice_is_reserved_once() {
    let mut spend = Spend::new();
    let twice = claim(1, 1_500, Budget::default(), START);
    assert_eq!(spend.reserve(&twice, at(0)), Ok(()));
    assert_eq!(spend.reserve(&twice, at(1)), Ok(()));
    assert_eq!(spend.reserved(CAMPAIGNS[0]), Amount(1_500));
    // The later answer holds for longer.
    assert_eq!(spend.reserve(&Claim { until: Timestamp(START + 1_000_000), ..twice }, at(1)), Ok(()));
    spend.advance(at(900_000));
    assert_eq!(spend.reserved(CAMPAIGNS[0]), Amount(1_500));
    assert_eq!(spend.reserve(&Claim { price: Price(1_501), ..twice }, at(900_000)), Err(Reason::Repeated));
    assert_eq!(spend.won(1, Price(1_500), at(999_999)), Notice::Taken);
    assert_eq!(spend.reserve(&twice, at(999_999)), Err(Reason::Repeated));
}

#[test]
fn an_even_pace_is_never_further_than_the_day_and_its_allowance() {
    let budget = Budget { day: Some(Amount(48_000)), even: true, ..Budget::default() };
    let mut spend = Spend::new();
    let mut bid = 0;
    let mut at_hour = Vec::new();
    for hour in 0..=24 {
        let moment = at((hour * 3_600_000).min(DAY - 1));
        loop {
            bid += 1;
            match spend.reserve(&claim(bid, 100, budget, moment.now.0), moment) {
                Ok(()) => assert_eq!(spend.won(bid, Price(100), moment), Notice::Taken),
                Err(reason) => {
                    assert_eq!(reason, if hour == 24 { Reason::DayBudget } else { Reason::Pacing });
                    break;
                }
            }
        }
        at_hour.push(spend.spent(CAMPAIGNS[0]).0);
    }
    assert_eq!((at_hour[0], at_hour[1], at_hour[12], at_hour[24]), (900, 2_900, 24_900, 48_000));
    // The next day has a budget of its own.
    assert_eq!(spend.reserve(&claim(9_999, 100, budget, START + DAY), at(DAY)), Ok(()));
}

#[test]
fn what_was_spent_before_counts() {
    let budget = Budget { day: Some(Amount(5_000)), total: Some(Amount(9_000)), even: false };
    let mut spend = Spend::new();
    spend.resume(CAMPAIGNS[0], Amount(4_000), Amount(4_000), at(0));
    assert_eq!(spend.reserve(&claim(1, 1_500, budget, START), at(0)), Err(Reason::DayBudget));
    assert_eq!(spend.reserve(&claim(1, 1_500, budget, START + DAY), at(DAY)), Ok(()));
}
