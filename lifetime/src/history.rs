//! What a customer did until a day, in the three numbers and one mean that the models use, and what they did after it.

use crate::day::Day;
use crate::purchases::Purchases;

/// Days of a week.
pub(crate) const WEEK: f64 = 7.0;

/// A customer until the end of calibration. Times are weeks since their first purchase, which is not counted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct History {
    /// x: repeat purchases, that is, days with a purchase after the first.
    pub repeats: u32,
    /// t_x: when the last one was; 0 where there is none.
    pub last: f64,
    /// T: how long they have been watched.
    pub age: f64,
    /// m_x: mean amount of a repeat purchase; 0 where there is none.
    pub spend: f64,
}

impl History {
    /// Somebody who has bought for the first time just now.
    pub const NEW: Self = Self { repeats: 0, last: 0.0, age: 0.0, spend: 0.0 };

    /// Could this be? `0 <= last <= age`, finite, and the last repeat is there where there are repeats.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        let is_ordered = 0.0 <= self.last && self.last <= self.age && self.age.is_finite();
        is_ordered && (self.repeats > 0) == (self.last > 0.0) && self.spend >= 0.0 && self.spend.is_finite()
    }
}

/// What somebody did after the end of calibration.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Future {
    /// Days with a purchase.
    pub purchases: u32,
    /// Sum of their amounts.
    pub spend: f64,
}

/// A customer at the end of calibration.
#[derive(Debug, Clone, PartialEq)]
pub struct Customer {
    /// Their place among [`Purchases::buyers`].
    pub buyer: usize,
    /// The day of their first purchase.
    pub first: Day,
    /// Until the end.
    pub history: History,
    /// After it.
    pub future: Future,
}

/// Everybody who had bought by the end of calibration.
#[derive(Debug, Clone, PartialEq)]
pub struct Cohort {
    /// The day of the first purchase of all.
    pub start: Day,
    /// The last day that counts as past.
    pub end: Day,
    /// Days after it that count as [`Future`].
    pub ahead: u32,
    /// In the order of the file.
    pub customers: Vec<Customer>,
    /// Buyers who came after the end, and so are no part of this.
    pub newcomers: usize,
}

impl Purchases {
    /// Everybody who had bought by `end`, as they stood on its evening, and what they did on the `ahead` days after it. `None` where nobody had.
    #[must_use]
    pub fn cohort(&self, end: Day, ahead: u32) -> Option<Cohort> {
        let until = end.plus(i32::try_from(ahead).unwrap_or(i32::MAX));
        let customers: Vec<Customer> = self
            .buyers
            .iter()
            .enumerate()
            .filter_map(|(buyer, told)| {
                let past = told.days.iter().take_while(|(day, _)| *day <= end);
                let (first, _) = *told.days.first().filter(|(day, _)| *day <= end)?;
                let weeks = |day: Day| f64::from(day.since(first)) / WEEK;
                let (mut repeats, mut last, mut spent) = (0_u32, 0.0, 0.0);
                for (day, amount) in past.skip(1) {
                    (repeats, last, spent) = (repeats + 1, weeks(*day), spent + amount);
                }
                let spend = if repeats > 0 { spent / f64::from(repeats) } else { 0.0 };
                let mut future = Future::default();
                for (_, amount) in told.days.iter().filter(|(day, _)| *day > end && *day <= until) {
                    future = Future { purchases: future.purchases + 1, spend: future.spend + amount };
                }
                Some(Customer { buyer, first, history: History { repeats, last, age: weeks(end), spend }, future })
            })
            .collect();
        let start = customers.iter().map(|customer| customer.first).min()?;
        Some(Cohort { start, end, ahead, newcomers: self.buyers.len() - customers.len(), customers })
    }
}

impl Cohort {
    /// Customers with at least one repeat purchase.
    #[must_use]
    pub fn repeaters(&self) -> usize {
        self.customers.iter().filter(|customer| customer.history.repeats > 0).count()
    }

    /// The histories alone.
    #[must_use]
    pub fn histories(&self) -> Vec<History> {
        self.customers.iter().map(|customer| customer.history).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::purchases::Columns;

    #[test]
    fn a_history_counts_weeks_from_the_first_purchase_and_leaves_it_out() {
        let text = "customer,date,amount\na,20260101,100\na,20260108,10\na,20260115,20\na,20260129,7\nb,20260114,3\nc,20260120,1\n";
        let purchases = Purchases::read(text.as_bytes(), &Columns::default()).unwrap();
        let cohort = purchases.cohort(Day::parse("2026-01-15").unwrap(), 14).unwrap();
        assert_eq!((cohort.customers.len(), cohort.newcomers, cohort.repeaters()), (2, 1, 1));
        let a = &cohort.customers[0];
        assert_eq!(a.history, History { repeats: 2, last: 2.0, age: 2.0, spend: 15.0 });
        assert_eq!(a.future, Future { purchases: 1, spend: 7.0 });
        assert_eq!(cohort.customers[1].history, History { age: 1.0 / 7.0, ..History::NEW });
        assert_eq!(
            purchases.cohort(Day::parse("2026-01-15").unwrap(), 13).unwrap().customers[0].future,
            Future::default()
        );
        assert!(purchases.cohort(Day::parse("2025-12-31").unwrap(), 10).is_none());
    }
}
