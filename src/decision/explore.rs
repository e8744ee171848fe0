//! Chance among campaigns, with known probabilities: epsilon-greedy, softmax, Thompson sampling and upper confidence bounds.
//!
//! A policy is a number of draws. In each, every campaign's score gets noise, and the greatest value × probability wins; one draw is
//! then taken by the visitor's hash. Over all draws each campaign gets each value of the noise as often, in an order of its own
//! (a Latin hypercube: McKay, Beckman and Conover 1979). So a campaign's probability is the share of the draws that it wins, which can be counted
//! before anything is chosen, and no two targets count differently: the noise is integers from the bundle. Which noise makes
//! which policy is the compiler's business.
//!
//! Between two hours of the clock a visitor keeps a draw, so that a page that is loaded again shows the same.

use super::candidates;
use crate::catalog::{Campaign, Exploration, Placement};
use crate::eligibility::{Circumstances, Reason, refused_after_segment, refused_before_segment};
use crate::hash::{BUCKETS, below, bucket, xxh64};
use crate::model;
use alloc::vec::Vec;

/// What an exploring placement drew.
#[derive(Debug, Clone)]
pub struct Draw {
    /// All that could be drawn, in decision order.
    pub arms: Vec<Arm>,
    /// Which of them was.
    pub chosen: usize,
    /// Some were left out because the visitor is in their holdout.
    pub(super) holds: bool,
}

/// A campaign that could be drawn.
#[derive(Debug, Clone, Copy)]
pub struct Arm {
    /// Its place in the bundle.
    pub campaign: usize,
    /// With which probability it is drawn, of 65 535.
    pub probability: u16,
    /// Shuffles the noise.
    shuffle: u64,
    value: i64,
    /// Log-odds in Q16.16; none without a model.
    score: Option<i64>,
    /// How unsure the score is: its standard deviation, in Q16.16.
    spread: i64,
    wins: u32,
}

impl Arm {
    /// What the campaign is worth in one draw.
    fn worth(&self, how: &Exploration<'_>, draw: u32) -> i64 {
        let chance = self.score.map_or(65_536, |score| {
            // As many values as draws, a power of two: every step here is one to one on so many bits.
            let most = (how.noise.len() as u64).saturating_sub(1);
            let [a, b, c, d] = [0, 16, 32, 48].map(|bit| self.shuffle >> bit);
            let half = ((u64::from(draw) ^ a) & most).wrapping_mul(b | 1) & most;
            let place = ((half ^ (half >> 3)).wrapping_mul(c | 1) ^ d) & most;
            let noise = how.noise.get(place as usize).map_or(0, |noise| i16::from_le_bytes(*noise));
            let score = score + ((self.spread * i64::from(noise)) >> 10);
            model::probability(score.clamp(i32::MIN.into(), i32::MAX.into()) as i32)
        });
        self.value * i64::from(chance)
    }
}

/// Draws among the campaigns of the best priority that no gate refuses; with `held`, among those too that only a holdout keeps back.
#[must_use]
pub fn draw(
    place: &Placement<'_>,
    how: &Exploration<'_>,
    held: bool,
    matches: &[u64],
    given: &Circumstances<'_>,
) -> Option<Draw> {
    let (catalog, unit) = (given.catalog, given.unit);
    let (mut arms, mut holds, mut priority) = (Vec::new(), false, i32::MIN);
    for index in candidates(catalog, place.mask(), matches) {
        let Some(campaign) = catalog.campaign(index) else { continue };
        if campaign.priority() < priority {
            break;
        }
        match refused_before_segment(&campaign, given).or_else(|| refused_after_segment(&campaign, given)) {
            None => {}
            Some(Reason::Holdout) => {
                holds = true;
                if !held {
                    continue;
                }
            }
            Some(_) => continue,
        }
        priority = campaign.priority();
        let spread = if how.asks_spread() { spread(&campaign, given) } else { 65_536 };
        let score = score(campaign.model(), given);
        let (shuffle, value) = (xxh64(&campaign.key().0.to_le_bytes(), 0), campaign.value().into());
        arms.push(Arm { campaign: index, probability: 0, shuffle, value, score, spread, wins: 0 });
    }
    let draws = how.draws();
    for draw in 0..draws {
        let winner = winner(&arms, how, draw);
        arms.get_mut(winner)?.wins += 1;
    }
    // In the share that explores, all are as probable.
    let (epsilon, buckets, count) = (u64::from(how.epsilon().min(BUCKETS)), u64::from(BUCKETS), arms.len() as u64);
    for arm in &mut arms {
        let of = (buckets - epsilon) * u64::from(arm.wins) * count + epsilon * u64::from(draws);
        let probability = (of * u64::from(u16::MAX)).checked_div(buckets * u64::from(draws) * count);
        arm.probability = probability.unwrap_or(0) as u16;
    }
    let salt = (u64::from(place.key().0) << 32) | u64::from(given.moment.now.hours());
    let chosen = if u64::from(bucket(unit, !salt)) < epsilon {
        below(unit, salt.rotate_left(16), count as u32) as usize
    } else {
        winner(&arms, how, below(unit, salt, draws))
    };
    Some(Draw { arms, chosen, holds })
}

/// How unsure a campaign's score is: its standard deviation, in Q16.16.
pub(super) fn spread(campaign: &Campaign<'_>, given: &Circumstances<'_>) -> i64 {
    // A variance, in 2^-20; its root is in 2^-16 after twelve bits more.
    root((score(campaign.spread(), given).unwrap_or(0).max(0) as u64) << 12) as i64
}

fn score(model: Option<usize>, given: &Circumstances<'_>) -> Option<i64> {
    Some(i64::from(model::score(given.catalog, &given.catalog.model(model?)?, given.bins)))
}

/// The arm that is worth the most in a draw; between equals the first.
fn winner(arms: &[Arm], how: &Exploration<'_>, draw: u32) -> usize {
    let mut best = (i64::MIN, 0);
    for (place, arm) in arms.iter().enumerate() {
        let worth = arm.worth(how, draw);
        if worth > best.0 {
            best = (worth, place);
        }
    }
    best.1
}

/// The whole part of a square root, a bit at a time.
fn root(mut number: u64) -> u64 {
    let (mut root, mut bit) = (0, 1 << 62);
    while bit > 0 {
        if number >= root + bit {
            number -= root + bit;
            root += 2 * bit;
        }
        root >>= 1;
        bit >>= 2;
    }
    root
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_is_the_greatest_whole_number_whose_square_fits() {
        for number in
            (0..2_000).chain([u64::MAX, (1 << 43) - 1, 1 << 43, 65_536 * 65_536, u64::from(u32::MAX).pow(2) - 1])
        {
            let root = u128::from(root(number));
            assert!(root * root <= number.into() && (root + 1) * (root + 1) > number.into(), "{number}: {root}");
        }
    }
}
