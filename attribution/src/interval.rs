//! A difference of two rates, and between what it lies.
//!
//! Newcombe's hybrid score interval (1998, Statistics in Medicine 17:873-890, method 10) from two Wilson intervals at 95 %. It holds in
//! small samples and never leaves what is possible, unlike the usual one.

use serde::Serialize;

/// Of the normal distribution: 95 % lie within this many standard deviations.
pub(crate) const Z: f64 = 1.959_963_984_540_054;

/// How many there were, and how many of them did something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Share {
    /// How many.
    pub persons: u64,
    /// How many of them had an outcome in time; at most `persons`.
    pub outcomes: u64,
}

/// A difference of rates, and between what it lies.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// Of the one, less that of the other.
    pub difference: f64,
    /// From here, 95 %.
    pub from: f64,
    /// To here.
    pub to: f64,
}

impl Share {
    /// The share that had an outcome; 0 of nobody.
    #[must_use]
    pub fn rate(self) -> f64 {
        if self.persons > 0 { self.outcomes as f64 / self.persons as f64 } else { 0.0 }
    }

    /// Wilson's score interval of one rate.
    fn wilson(self) -> Option<(f64, f64)> {
        if self.persons == 0 {
            return None;
        }
        let (count, rate) = (self.persons as f64, self.rate());
        let middle = rate + Z * Z / (2.0 * count);
        let spread = Z * (rate * (1.0 - rate) / count + Z * Z / (4.0 * count * count)).sqrt();
        let scale = 1.0 + Z * Z / count;
        Some(((middle - spread) / scale, (middle + spread) / scale))
    }
}

impl Interval {
    /// The difference between two groups; nothing while one is empty.
    #[must_use]
    pub fn between(one: Share, other: Share) -> Option<Self> {
        let ((low, high), (low_other, high_other)) = (one.wilson()?, other.wilson()?);
        let (rate, rate_other) = (one.rate(), other.rate());
        let difference = rate - rate_other;
        Some(Self {
            difference,
            from: difference - (rate - low).hypot(high_other - rate_other),
            to: difference + (high - rate).hypot(rate_other - low_other),
        })
    }

    /// Can it be told from nothing?
    #[must_use]
    pub fn is_told(&self) -> bool {
        self.from > 0.0 || self.to < 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(one: (u64, u64), other: (u64, u64)) -> (f64, f64) {
        let share = |(outcomes, persons)| Share { persons, outcomes };
        let interval = Interval::between(share(one), share(other)).unwrap();
        ((interval.from * 1e4).round() / 1e4, (interval.to * 1e4).round() / 1e4)
    }

    /// Newcombe's own examples: his table of 95 % limits by method 10.
    #[test]
    fn the_interval_is_the_one_that_its_paper_prints() {
        assert_eq!(of((56, 70), (48, 80)), (0.0524, 0.3339));
        assert_eq!(of((9, 10), (3, 10)), (0.1705, 0.8090));
        assert_eq!(of((5, 56), (0, 29)), (-0.0381, 0.1926));
        assert_eq!(of((0, 10), (0, 20)), (-0.1611, 0.2775));
        assert_eq!(of((10, 10), (0, 20)), (0.6791, 1.0));
    }

    #[test]
    fn nothing_is_told_of_an_empty_group_and_of_few() {
        assert_eq!(Interval::between(Share { persons: 10, outcomes: 3 }, Share::default()), None);
        let told = |persons, outcomes, other| {
            let interval = Interval::between(Share { persons, outcomes }, Share { persons, outcomes: other });
            interval.is_some_and(|interval| interval.is_told())
        };
        assert!(told(10_000, 600, 500) && !told(100, 6, 5));
    }
}
