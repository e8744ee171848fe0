//! At which hour of the day somebody tends to be there, from the hours in which they were.
//!
//! A *presence* is one hour of one local day in which somebody did something: a hundred clicks within it are one. A [`Table`] counts
//! presences by the hour of the day; [`Shares`] says what part of somebody's presences is expected in each. Of one person there is little
//! to count, so their table is drawn towards everybody's: with κ = [`PRIOR`],
//!
//! ```text
//! ñ(h) = n(h−1)/4 + n(h)/2 + n(h+1)/4            hours of a circle: 23 stands beside 0
//! everybody: q(h) = (Ñ(h) + 1) / (N + 24)
//! a person:  p(h) = (ñ(h) + κ·q(h)) / (n + κ)    n, N: the sums of the tables
//! ```
//!
//! p is the mean of the posterior of a multinomial under a Dirichlet prior κ·q (Gelman et al., Bayesian Data Analysis, 3rd ed., ch. 3.4;
//! as a hierarchy: MacKay & Peto, A hierarchical Dirichlet language model, Natural Language Engineering 1(3), 1995), taken of counts
//! that a kernel of three hours has smoothed around the circle: who came at 20:55 might have come at 21:05.
//!
//! A message lies there until it is seen, so an hour is worth what follows it: [`Shares::ahead`] adds the hour after. The best hour is the
//! one with the most ahead.
//!
//! Invariant: a table is a set of presences counted, so neither order nor repeats change it.
//! Absent on purpose: zones (whoever calls knows local time), weekdays (a week's hours are seven times as many, and people have few presences), fading.

/// Hours of a day.
pub const HOURS: usize = 24;

/// κ: presences that everybody's hours count for against a person's own. With ten of their own, a person has half the say.
pub const PRIOR: f64 = 10.0;

/// Presences of everybody below which nothing is known: a hundred are four for each hour of the day, and which has most of so few is chance.
pub const LEAST: u64 = 100;

/// Presences by the hour of the local day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Table([u64; HOURS]);

/// What part of presences is expected in each hour; the parts add up to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shares([f64; HOURS]);

impl Table {
    /// Counts presences from the local hours, since 1970, in which somebody did something: in any order, each as often as it may come.
    #[must_use]
    pub fn of(hours: impl IntoIterator<Item = u32>) -> Self {
        let mut hours: Vec<u32> = hours.into_iter().collect();
        hours.sort_unstable();
        hours.dedup();
        let mut table = Self::default();
        for hour in hours {
            table.add(hour as usize % HOURS, 1);
        }
        table
    }

    /// Adds presences in one hour of the day; an hour that no day has is left out.
    pub fn add(&mut self, hour: usize, presences: u64) {
        if let Some(count) = self.0.get_mut(hour) {
            *count = count.saturating_add(presences);
        }
    }

    /// Adds everything that another table counts.
    pub fn join(&mut self, other: &Self) {
        for (hour, presences) in other.0.into_iter().enumerate() {
            self.add(hour, presences);
        }
    }

    /// Presences by hour.
    #[must_use]
    pub fn counts(&self) -> [u64; HOURS] {
        self.0
    }

    /// All presences.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Are there enough presences of everybody to tell one hour from another?
    #[must_use]
    pub fn tells(&self) -> bool {
        self.total() >= LEAST
    }

    /// The shares of everybody who is counted here together.
    #[must_use]
    pub fn shares(&self) -> Shares {
        self.drawn(&Shares([1.0 / HOURS as f64; HOURS]), HOURS as f64)
    }

    /// The shares of one person or a few, drawn towards everybody's.
    #[must_use]
    pub fn shares_among(&self, everybody: &Shares) -> Shares {
        self.drawn(everybody, PRIOR)
    }

    fn drawn(&self, prior: &Shares, weight: f64) -> Shares {
        let counts = self.0.map(|count| count as f64);
        let all = counts.iter().sum::<f64>() + weight;
        let mut shares = [0.0; HOURS];
        for (hour, share) in shares.iter_mut().enumerate() {
            let smooth =
                (around(&counts, hour, HOURS - 1) + around(&counts, hour, 1)) / 4.0 + around(&counts, hour, 0) / 2.0;
            *share = (smooth + weight * around(&prior.0, hour, 0)) / all;
        }
        Shares(shares)
    }
}

impl Shares {
    /// By hour.
    #[must_use]
    pub fn parts(&self) -> [f64; HOURS] {
        self.0
    }

    /// What part of the presences falls into this hour and the one after it.
    #[must_use]
    pub fn ahead(&self, hour: usize) -> f64 {
        around(&self.0, hour, 0) + around(&self.0, hour, 1)
    }

    /// The hours of the day, that with the most ahead first; of equals, the earlier one.
    #[must_use]
    pub fn ranking(&self) -> [u8; HOURS] {
        let mut hours: [u8; HOURS] = std::array::from_fn(|hour| hour as u8);
        hours.sort_by(|one, other| self.ahead((*other).into()).total_cmp(&self.ahead((*one).into())));
        hours
    }

    /// The best hour of the day.
    #[must_use]
    pub fn best(&self) -> u8 {
        let [best, ..] = self.ranking();
        best
    }
}

/// The value so many hours after one, around the circle.
fn around(values: &[f64; HOURS], hour: usize, after: usize) -> f64 {
    values.get((hour + after) % HOURS).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_clicks_in_one_hour_are_one_presence() {
        let table = Table::of((0..100).map(|_| 24 * 20_000 + 21).chain([24 * 20_001 + 21, 24 * 20_001 + 3]));
        assert_eq!((table.total(), table.counts()[21], table.counts()[3]), (3, 2, 1));
    }

    #[test]
    fn nobody_is_as_likely_at_any_hour_and_whoever_is_new_is_like_everybody() {
        let even = Table::default().shares();
        assert!(even.parts().iter().all(|share| (share - 1.0 / 24.0).abs() < 1e-12));
        let everybody = Table::of((0..50).map(|day| day * 24 + 20)).shares();
        assert_eq!(Table::default().shares_among(&everybody), everybody);
    }

    #[test]
    fn by_hand() {
        // Four presences at 23: half of them counted there, a quarter in each neighbour; 1 for each hour of the day beside them.
        let everybody = Table::of((0..4).map(|day| day * 24 + 23)).shares();
        let of = |hour: usize| everybody.parts()[hour] * 28.0;
        assert!((of(23) - 3.0).abs() < 1e-12 && (of(22) - 2.0).abs() < 1e-12 && (of(0) - 2.0).abs() < 1e-12);
        // Somebody who came ten times at 8: half of theirs, half of everybody's.
        let own = Table::of((0..10).map(|day| day * 24 + 8)).shares_among(&everybody);
        assert!((own.parts()[8] - (5.0 + 10.0 / 28.0) / 20.0).abs() < 1e-12);
        assert_eq!(
            (everybody.best(), own.best()),
            (22, 7),
            "the hour before counts what follows, and of equals the earlier one"
        );
    }
}
