//! What holds of every table.

#![allow(clippy::indexing_slicing, reason = "a test that fails here has failed")]

use petitfour_hours::{HOURS, Shares, Table};
use proptest::prelude::*;

fn hours() -> impl Strategy<Value = Vec<u32>> {
    prop::collection::vec(480_000_u32..482_000, 0..200)
}

fn turned(hours: &[u32], by: u32) -> Vec<u32> {
    hours.iter().map(|hour| hour + by).collect()
}

fn near(one: &Shares, other: &Shares) -> bool {
    one.parts().iter().zip(other.parts()).all(|(one, other)| (one - other).abs() < 1e-12)
}

proptest! {
    #[test]
    fn shares_add_up_to_one_and_none_is_nothing(own in hours(), all in hours()) {
        let everybody = Table::of(all).shares();
        let shares = Table::of(own).shares_among(&everybody);
        for found in [everybody, shares] {
            prop_assert!((found.parts().iter().sum::<f64>() - 1.0).abs() < 1e-9);
            prop_assert!(found.parts().iter().all(|share| *share > 0.0));
        }
    }

    #[test]
    fn neither_order_nor_repeats_change_a_table(own in hours(), turns in 0_usize..50) {
        let mut other = own.clone();
        other.extend_from_within(..own.len() / 2);
        other.rotate_left(turns.min(own.len()));
        prop_assert_eq!(Table::of(own), Table::of(other));
    }

    #[test]
    fn a_day_that_begins_elsewhere_turns_the_circle(own in hours(), by in 0_u32..24) {
        let plain = Table::of(own.iter().copied()).shares().parts();
        let turned = Table::of(turned(&own, by)).shares().parts();
        for hour in 0..HOURS {
            prop_assert!((plain[hour] - turned[(hour + by as usize) % HOURS]).abs() < 1e-12);
        }
    }

    #[test]
    fn a_ranking_is_every_hour_once_and_never_gets_better(own in hours()) {
        let shares = Table::of(own).shares();
        let ranking = shares.ranking();
        let mut sorted = ranking;
        sorted.sort_unstable();
        prop_assert_eq!(sorted.to_vec(), (0..24).collect::<Vec<u8>>());
        prop_assert!(ranking.windows(2).all(|two| shares.ahead(two[0].into()) >= shares.ahead(two[1].into())));
        prop_assert_eq!(ranking[0], shares.best());
    }

    #[test]
    fn the_more_somebody_was_there_the_less_everybody_counts(hour in 0_u32..24, days in 1_u32..500, all in hours()) {
        let everybody = Table::of(all).shares();
        let after = |days: u32| Table::of((0..days).map(|day| day * 24 + hour)).shares_among(&everybody).parts()[hour as usize];
        let own = Table::of((0..days).map(|day| day * 24 + hour)).counts()[hour as usize];
        prop_assert_eq!(own, u64::from(days));
        prop_assert!((after(days + 1) - 0.5).abs() <= (after(days) - 0.5).abs() + 1e-12, "it goes to the half that the kernel leaves there");
    }

    #[test]
    fn joined_tables_are_the_table_of_both(one in hours(), other in hours()) {
        // Of two people: the same hour of the same day counts for each.
        let mut sum = Table::of(one.iter().copied());
        sum.join(&Table::of(other.iter().copied()));
        let shifted = turned(&other, 24 * 10_000);
        let both = Table::of(one.into_iter().chain(shifted));
        prop_assert_eq!(sum, both);
        prop_assert!(near(&sum.shares(), &both.shares()));
    }
}
