//! Shapley's value: a channel's mean contribution, over all orders in which channels could be added to each other.
//!
//! It is one answer for each *worth* that one gives to a set of channels. Two are in use:
//!
//! [`counted`]: a set is worth the outcomes of the paths that have channels of it and no others (Zhao, Mahboobi & Bagheri, Shapley value methods for
//! attribution modeling in online advertising, 2018, section 3). Such a worth is a sum of unanimity games, of which Shapley's value is known: every
//! outcome is divided equally among the channels of its path, each counted once. It is exact for any number of channels. Paths that ended in
//! nothing have no say.
//!
//! [`rated`]: a set is worth the rate of outcomes among those paths. Paths that ended in nothing have their say, and a channel
//! that lowers the rate is credited with less than nothing. Up to [`EXACT`] channels all sets are taken (Shapley, A value for n-person games, 1953);
//! beyond, orders are drawn, each with its reverse (Castro, Gómez & Tejada, Polynomial calculation of the Shapley value based on
//! sampling, Computers & Operations Research 36(5), 2009; Mitchell et al., Sampling permutations for Shapley value estimation, JMLR 23, 2022).

use std::collections::HashMap;

use petitfour::random::Random;

use crate::interval::Z;
use crate::path::{Paths, Sum};

/// Channels up to which all of their sets are taken: 16,384 of them.
pub const EXACT: usize = 14;

/// Orders that are drawn beyond, each with its reverse.
pub const PAIRS: usize = 1_000;

/// What channels are credited with, in the order of [`Paths::channels`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rated {
    pub(crate) credits: Vec<Sum>,
    /// Half the width of a 95 % interval of each channel's conversions; nothing where all sets were taken.
    pub(crate) margins: Option<Vec<f64>>,
}

/// Passes over a set of channels, and what came of them.
#[derive(Debug, Clone, Copy, Default)]
struct Passes {
    count: f64,
    conversions: f64,
    value: f64,
}

impl Passes {
    fn add(&mut self, other: Self) {
        self.count += other.count;
        self.conversions += other.conversions;
        self.value += other.value;
    }

    /// Of one pass; of none, nothing.
    fn rate(self) -> Sum {
        if self.count > 0.0 {
            Sum { conversions: self.conversions / self.count, value: self.value / self.count }
        } else {
            Sum::default()
        }
    }
}

/// Every outcome to the channels of its path, equally.
pub(crate) fn counted(paths: &Paths) -> Vec<Sum> {
    let mut credits = vec![Sum::default(); paths.channels.len()];
    for path in paths.paths.iter().filter(|path| path.conversions > 0) {
        let set = set(path.touches.iter().map(|touch| touch.channel));
        let part = 1.0 / set.len() as f64;
        for channel in set {
            if let Some(credit) = credits.get_mut(channel as usize) {
                credit.conversions += path.conversions as f64 * part;
                credit.value += path.value * part;
            }
        }
    }
    credits
}

/// By rates. `seed` decides which orders are drawn.
pub(crate) fn rated(paths: &Paths, seed: u64) -> Rated {
    let mut sets: HashMap<Vec<u32>, Passes> = HashMap::new();
    for path in paths.paths.iter().filter(|path| path.passes() > 0.0) {
        let passes = Passes { count: path.passes(), conversions: path.conversions as f64, value: path.value };
        sets.entry(set(path.touches.iter().map(|touch| touch.channel))).or_default().add(passes);
    }
    // In one order always, so that sums are the same to the bit.
    let mut sets: Vec<(Vec<u32>, Passes)> = sets.into_iter().collect();
    sets.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    let players = set(sets.iter().flat_map(|(set, _)| set).copied());
    let passes: f64 = sets.iter().map(|(_, passes)| passes.count).sum();
    let (rates, margins) = if players.len() <= EXACT {
        (exact(&sets, &players), None)
    } else {
        let (rates, margins) = drawn(&sets, &players, seed);
        (rates, Some(margins))
    };
    let mut found = Rated {
        credits: vec![Sum::default(); paths.channels.len()],
        margins: margins.is_some().then(|| vec![0.0; paths.channels.len()]),
    };
    for (place, (channel, rate)) in players.iter().zip(rates).enumerate() {
        if let Some(credit) = found.credits.get_mut(*channel as usize) {
            *credit = Sum { conversions: rate.conversions * passes, value: rate.value * passes };
        }
        let margin = margins.as_ref().and_then(|margins| margins.get(place));
        let own = found.margins.as_mut().and_then(|margins| margins.get_mut(*channel as usize));
        if let (Some(own), Some(margin)) = (own, margin) {
            *own = margin * passes;
        }
    }
    found
}

/// Without repeats, in order.
fn set(channels: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut set: Vec<u32> = channels.collect();
    set.sort_unstable();
    set.dedup();
    set
}

/// By all sets: Σ over S without i of |S|!·(n−|S|−1)!/n! · (worth(S with i) − worth(S)).
fn exact(sets: &[(Vec<u32>, Passes)], players: &[u32]) -> Vec<Sum> {
    let mut within = vec![Passes::default(); 1 << players.len()];
    for (set, passes) in sets {
        let bit = |channel: &u32| players.binary_search(channel).map_or(0, |place| 1_usize << place);
        if let Some(own) = within.get_mut(set.iter().map(bit).sum::<usize>()) {
            own.add(*passes);
        }
    }
    // Each set takes in what its subsets have, one channel at a time.
    for bit in (0..players.len()).map(|place| 1_usize << place) {
        for number in 0..within.len() {
            let less = within.get(number & !bit).copied().unwrap_or_default();
            if let Some(own) = within.get_mut(number).filter(|_| number & bit != 0) {
                own.add(less);
            }
        }
    }
    let worths: Vec<Sum> = within.into_iter().map(Passes::rate).collect();
    // 1 / (n · C(n−1, |S|)), from one size to the next.
    let count = players.len() as f64;
    let weights: Vec<f64> = (0..players.len())
        .scan(1.0 / count, |weight, size| {
            let own = *weight;
            *weight *= (size as f64 + 1.0) / (count - size as f64 - 1.0);
            Some(own)
        })
        .collect();
    let mut values = vec![Sum::default(); players.len()];
    for (place, value) in values.iter_mut().enumerate() {
        let bit = 1_usize << place;
        for (number, worth) in worths.iter().enumerate().filter(|(number, _)| number & bit == 0) {
            let weight = weights.get(number.count_ones() as usize).copied().unwrap_or_default();
            let more = worths.get(number | bit).copied().unwrap_or_default();
            value.conversions += weight * (more.conversions - worth.conversions);
            value.value += weight * (more.value - worth.value);
        }
    }
    values
}

/// By orders that are drawn, and half the width of each interval.
fn drawn(sets: &[(Vec<u32>, Passes)], players: &[u32], seed: u64) -> (Vec<Sum>, Vec<f64>) {
    // Channels as places among the players, once.
    let place = |channel: &u32| players.binary_search(channel).unwrap_or_default();
    let sets: Vec<(Vec<usize>, Passes)> =
        sets.iter().map(|(set, passes)| (set.iter().map(place).collect(), *passes)).collect();
    let mut bytes = [0; 32];
    bytes.iter_mut().zip(seed.to_le_bytes()).for_each(|(byte, given)| *byte = given);
    let mut random = Random::new(bytes);
    let mut order: Vec<usize> = (0..players.len()).collect();
    let (mut sums, mut squares) = (vec![Sum::default(); players.len()], vec![0.0; players.len()]);
    for _ in 0..PAIRS {
        // Fisher and Yates. The remainder of 64 bits favours nothing that could be seen.
        for last in (1..order.len()).rev() {
            order.swap(last, (random.draw() % (last as u64 + 1)) as usize);
        }
        let mut pair = added(&sets, &order);
        order.reverse();
        for (one, other) in pair.iter_mut().zip(added(&sets, &order)) {
            one.conversions = (one.conversions + other.conversions) / 2.0;
            one.value = (one.value + other.value) / 2.0;
        }
        for ((sum, square), one) in sums.iter_mut().zip(&mut squares).zip(pair) {
            sum.conversions += one.conversions;
            sum.value += one.value;
            *square += one.conversions * one.conversions;
        }
    }
    let pairs = PAIRS as f64;
    let margins = sums.iter().zip(squares).map(|(sum, square)| {
        let mean = sum.conversions / pairs;
        Z * ((square / pairs - mean * mean).max(0.0) / (pairs - 1.0)).sqrt()
    });
    let margins = margins.collect();
    (sums.iter().map(|sum| Sum { conversions: sum.conversions / pairs, value: sum.value / pairs }).collect(), margins)
}

/// What each player adds when they come in this order. A set is complete when the last of it has come.
fn added(sets: &[(Vec<usize>, Passes)], order: &[usize]) -> Vec<Sum> {
    let mut ranks = vec![0; order.len()];
    for (rank, player) in order.iter().enumerate() {
        if let Some(own) = ranks.get_mut(*player) {
            *own = rank;
        }
    }
    let mut complete = vec![Passes::default(); order.len()];
    for (set, passes) in sets {
        let last = set.iter().filter_map(|player| ranks.get(*player)).max().copied().unwrap_or_default();
        if let Some(own) = complete.get_mut(last) {
            own.add(*passes);
        }
    }
    let (mut within, mut before) = (Passes::default(), Sum::default());
    let mut values = vec![Sum::default(); order.len()];
    for (player, passes) in order.iter().zip(complete) {
        within.add(passes);
        let now = within.rate();
        if let Some(value) = values.get_mut(*player) {
            *value = Sum { conversions: now.conversions - before.conversions, value: now.value - before.value };
        }
        before = now;
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sets of six channels with uneven rates.
    fn sets() -> Vec<(Vec<u32>, Passes)> {
        let passes = |set: u32| Passes {
            count: f64::from(set % 7 + 1),
            conversions: f64::from(set % 3).min(f64::from(set % 7 + 1)),
            value: f64::from(set % 5),
        };
        (1..64_u32).map(|set| ((0..6).filter(|bit| set >> bit & 1 == 1).collect(), passes(set))).collect()
    }

    #[test]
    fn all_sets_say_what_all_orders_say() {
        let (sets, players) = (sets(), [0, 1, 2, 3, 4, 5]);
        let places: Vec<(Vec<usize>, Passes)> =
            sets.iter().map(|(set, passes)| (set.iter().map(|one| *one as usize).collect(), *passes)).collect();
        // Heap's algorithm: all 720 orders.
        fn orders(order: &mut Vec<usize>, count: usize, each: &mut impl FnMut(&[usize])) {
            if count <= 1 {
                return each(order);
            }
            for place in 0..count {
                orders(order, count - 1, each);
                order.swap(if count.is_multiple_of(2) { place } else { 0 }, count - 1);
            }
        }
        let (mut sums, mut all) = ([0.0; 6], 0.0);
        orders(&mut (0..6).collect(), 6, &mut |order| {
            all += 1.0;
            for (sum, value) in sums.iter_mut().zip(added(&places, order)) {
                *sum += value.conversions;
            }
        });
        assert_eq!(all, 720.0);
        for (one, sum) in exact(&sets, &players).iter().zip(sums) {
            assert!((one.conversions - sum / all).abs() < 1e-12);
        }
    }

    #[test]
    fn drawn_orders_come_near_and_say_how_near() {
        let (sets, players) = (sets(), [0, 1, 2, 3, 4, 5]);
        let truth = exact(&sets, &players);
        let mut inside = 0;
        for seed in 0..20 {
            let (found, margins) = drawn(&sets, &players, seed);
            for ((one, margin), truth) in found.iter().zip(margins).zip(&truth) {
                inside += usize::from((one.conversions - truth.conversions).abs() <= margin);
                assert!(margin < 0.03 && (one.conversions - truth.conversions).abs() < 0.06);
            }
        }
        assert!((106..=120).contains(&inside), "{inside} of 120 intervals hold the truth, 114 are expected");
    }
}
