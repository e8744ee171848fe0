//! The removal effect of a Markov chain over touches: how many outcomes would be lost if whoever meets a channel left there.
//!
//! A state is the last k touches of a path (fewer at its beginning), k being the order; from each state, paths go on to the next touch, to an
//! outcome or to nothing as often as those that were counted did. The effect of a channel is 1 less the probability of an outcome once every
//! way into the channel leads to nothing, divided by the probability before; outcomes are divided among channels as their effects are to
//! each other (Anderl, Becker, von Wangenheim & Schumann, Mapping the customer journey, International Journal of Research in Marketing
//! 33(3), 2016, section 4).
//!
//! Probabilities are solved, not simulated: h = r + Q·h, h(s) being that of an outcome from s. Sweeps of Gauss and Seidel over the equations
//! begin twice, below at 0 and above at 1. Q has no negative entry and every state has a way out, so the one solution only rises and the other only
//! falls (interval iteration: Haddad & Monmege, Theoretical Computer Science 735, 2018), and the truth lies between them: it is known how
//! exact the answer is. Loops of a state to itself are solved within its own equation.
//!
//! Of all paths as they are, the chain gives back the rate that was counted, for any order: what flows through each state is what was
//! counted there. So only chains with a channel removed are solved.

use std::collections::HashMap;

use crate::names::NONE;
use crate::path::Paths;
use crate::rule::RuleError;

/// The longest memory of a chain.
pub const MAX_ORDER: u8 = 4;

/// How far the two solutions may be apart, as a part of the rate of outcomes.
const EXACT: f64 = 1e-12;

/// How far they may stay apart where rounding lets neither move any more: people who go round a thousand times.
const ROUNDED: f64 = 1e-9;

/// Transitions that may be looked at for one channel, 2 to 6 seconds of work: a chain that takes longer hardly ever ends.
const EFFORT: u64 = 2_000_000_000;

/// A state: its last touches, the latest last, [`NONE`] before the beginning.
type State = [u32; MAX_ORDER as usize];

/// What the chain says.
#[derive(Debug, Clone, PartialEq)]
pub struct Removal {
    /// Touches that a state remembers.
    pub order: u8,
    /// States, the beginning among them.
    pub states: usize,
    /// Outcomes by pass.
    pub rate: f64,
    /// Of each channel, the part of outcomes that would be lost, 0 to 1.
    pub effects: Vec<f64>,
    /// How far an effect may be from the truth, but for rounding.
    pub bound: f64,
}

struct Chain {
    /// Of each state, the channel it has just come to.
    last: Vec<u32>,
    /// Of each state, the probability that an outcome is next once it is left.
    gain: Vec<f64>,
    /// Of each state, where its transitions begin in `next`, and behind all where they end.
    begins: Vec<usize>,
    /// States and probabilities.
    next: Vec<(u32, f64)>,
}

/// The effect of every channel.
///
/// # Errors
/// [`RuleError::Order`], and [`RuleError::Endless`] where sweeps do not settle.
pub(crate) fn removal(paths: &Paths, order: u8) -> Result<Removal, RuleError> {
    if !(1..=MAX_ORDER).contains(&order) {
        return Err(RuleError::Order);
    }
    let chain = Chain::of(paths, usize::from(order));
    let (outcomes, passes) = (paths.total().conversions, paths.total().conversions + paths.nulls());
    let rate = if passes > 0.0 { outcomes / passes } else { 0.0 };
    let mut removal =
        Removal { order, states: chain.last.len(), rate, effects: vec![0.0; paths.channels.len()], bound: 0.0 };
    if rate == 0.0 {
        return Ok(removal);
    }
    for (channel, effect) in (0_u32..).zip(&mut removal.effects) {
        let (low, high) = chain.solve(channel, rate, EFFORT).ok_or(RuleError::Endless)?;
        *effect = (1.0 - (low + high) / 2.0 / rate).clamp(0.0, 1.0);
        removal.bound = removal.bound.max((high - low) / 2.0 / rate);
    }
    Ok(removal)
}

impl Chain {
    fn of(paths: &Paths, order: usize) -> Self {
        let mut numbers: HashMap<State, u32> = HashMap::from([([NONE; MAX_ORDER as usize], 0)]);
        let mut last = vec![NONE];
        let mut counts: HashMap<(u32, u32), f64> = HashMap::new();
        let (mut outcomes, mut leaving): (HashMap<u32, f64>, HashMap<u32, f64>) = (HashMap::new(), HashMap::new());
        for path in paths.paths.iter().filter(|path| path.passes() > 0.0) {
            let (mut state, mut from) = ([NONE; MAX_ORDER as usize], 0);
            for touch in &path.touches {
                state.rotate_left(1);
                let [.., newest] = &mut state;
                *newest = touch.channel;
                let forgotten = MAX_ORDER as usize - order;
                state.iter_mut().take(forgotten).for_each(|touch| *touch = NONE);
                let to = *numbers.entry(state).or_insert_with(|| {
                    last.push(touch.channel);
                    (last.len() - 1) as u32
                });
                *counts.entry((from, to)).or_default() += path.passes();
                from = to;
            }
            *outcomes.entry(from).or_default() += path.conversions as f64;
            *leaving.entry(from).or_default() += path.passes();
        }
        // Whoever stays is no news: a state is left for another one, or for good.
        for ((from, to), count) in &counts {
            if from != to {
                *leaving.entry(*from).or_default() += count;
            }
        }
        let mut counts: Vec<((u32, u32), f64)> = counts.into_iter().filter(|((from, to), _)| from != to).collect();
        counts.sort_unstable_by_key(|(states, _)| *states);
        let left = |state: u32| leaving.get(&state).copied().unwrap_or(1.0);
        let states = 0..last.len() as u32;
        let gain =
            states.clone().map(|state| outcomes.get(&state).copied().unwrap_or_default() / left(state)).collect();
        let begins = states.chain([last.len() as u32]);
        let begins = begins.map(|state| counts.partition_point(|((from, _), _)| *from < state)).collect();
        let next = counts.iter().map(|((from, to), count)| (*to, count / left(*from))).collect();
        Self { last, gain, begins, next }
    }

    /// Between what the probability of an outcome from the beginning lies, without a channel; nothing if that is not known well enough,
    /// beside the rate of the whole, once so many transitions were looked at. [`NONE`] removes none.
    fn solve(&self, without: u32, rate: f64, effort: u64) -> Option<(f64, f64)> {
        let mut bounds = vec![(0.0_f64, 1.0_f64); self.last.len()];
        // A removed state is none: nothing comes of it.
        for (bound, last) in bounds.iter_mut().zip(&self.last).skip(1) {
            if *last == without {
                *bound = (0.0, 0.0);
            }
        }
        let mut spent = 0;
        loop {
            let mut moved = false;
            // States are numbered along paths, so the ones behind come first here and what they say is heard within the same sweep.
            for (state, (last, gain)) in self.last.iter().zip(&self.gain).enumerate().rev() {
                if state > 0 && *last == without {
                    continue;
                }
                let from = self.begins.get(state).copied().unwrap_or_default();
                let to = self.begins.get(state + 1).copied().unwrap_or_default();
                let (mut low, mut high) = (*gain, *gain);
                for (next, probability) in self.next.get(from..to).unwrap_or_default() {
                    let (least, most) = bounds.get(*next as usize).copied().unwrap_or_default();
                    low += probability * least;
                    high += probability * most;
                }
                if let Some(bound) = bounds.get_mut(state) {
                    // A sum of all ways may be more than 1 by rounding.
                    let high = high.min(1.0);
                    moved |= *bound != (low, high);
                    *bound = (low, high);
                }
            }
            let (low, high) = bounds.first().copied()?;
            if high - low <= EXACT * rate {
                return Some((low, high));
            }
            if !moved {
                return (high - low <= ROUNDED * rate).then_some((low, high));
            }
            spent += self.next.len() as u64 + self.last.len() as u64;
            if spent > effort {
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Source, read};

    fn paths(text: &str) -> Paths {
        match read(text.as_bytes()).unwrap() {
            Source::Paths(paths) => paths,
            Source::Log(_) => panic!("a table of paths"),
        }
    }

    #[test]
    fn by_hand() {
        // The first touch is a in 2 of 3 and b in 1 of 3. From a, 1 of 2 goes on to b and 1 of 2 leaves; from b, 1 of 2 has an outcome.
        let paths = paths("path,total_conversions,total_null\na > b,1,0\na,0,1\nb,0,1\n");
        let found = removal(&paths, 1).unwrap();
        assert_eq!((found.states, found.rate), (3, 1.0 / 3.0));
        // Without a only b is left: 1/3 · 1/2 of 1/3 is half. Without b nothing is.
        assert!((found.effects[0] - 0.5).abs() < 1e-12 && (found.effects[1] - 1.0).abs() < 1e-12, "{found:?}");
        // A memory of two knows that b alone comes to nothing: every outcome came by a.
        let found = removal(&paths, 2).unwrap();
        assert_eq!((found.states, found.effects.as_slice()), (4, [1.0, 1.0].as_slice()));
    }

    #[test]
    fn a_chain_gives_back_the_rate_that_was_counted() {
        let paths = paths(
            "path,total_conversions,total_null\na > b > a > b,3,5\nb > b > b,2,2\nc > a,0,7\na > c > b > a,1,0\nc,4,1\na > a > b,0,0\n",
        );
        for order in 1..=MAX_ORDER {
            let (low, high) = Chain::of(&paths, usize::from(order)).solve(NONE, 0.4, EFFORT).unwrap();
            assert!((low - 10.0 / 25.0).abs() < 1e-12 && high >= low, "order {order}: {low} {high}");
        }
    }

    #[test]
    fn somebody_who_goes_round_ten_thousand_times_is_solved_too() {
        let round = vec!["a > b"; 5_000].join(" > ");
        let paths = paths(&format!("path,total_conversions,total_null\n{round},1,0\na,0,1\nc,1,1\n"));
        for order in 1..=MAX_ORDER {
            let found = removal(&paths, order).unwrap();
            assert!((found.effects[0] - 0.5).abs() < 1e-9, "{found:?}");
        }
        // 10,000 rounds are some 100,000 sweeps: who gives up earlier says nothing.
        assert_eq!(Chain::of(&paths, 1).solve(NONE, 0.5, 1_000), None);
    }

    #[test]
    fn an_order_that_is_not_there_is_refused() {
        assert_eq!(removal(&Paths::default(), 0), Err(RuleError::Order));
        assert_eq!(removal(&Paths::default(), 5), Err(RuleError::Order));
        assert!(removal(&Paths::default(), 4).is_ok());
    }
}
