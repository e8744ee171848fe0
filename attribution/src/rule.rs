//! How an outcome is divided among the touches before it.

use std::error::Error;
use std::fmt;

use crate::markov::{self, Removal};
use crate::path::{Paths, Sum};
use crate::shapley;
use crate::share::{self, Each};

/// A rule of attribution.
#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    /// All to the first touch.
    First,
    /// All to the last touch.
    Last,
    /// All to the last touch that is not of this channel; where all are, to it.
    LastNonDirect {
        /// Name of the channel of those who came by themselves.
        direct: String,
    },
    /// To every touch the same.
    Linear,
    /// Parts of an outcome for the first and the last touch; those between share the rest. Two touches share all of it as their parts
    /// are to each other, one touch has it.
    Position {
        /// Of the first, 0 to 1.
        first: f64,
        /// Of the last, 0 to 1; both together at most 1.
        last: f64,
    },
    /// Half as much for each half-life that a touch lies before the outcome.
    TimeDecay {
        /// In ms, above 0.
        half_life: i64,
    },
    /// By the removal effect of a Markov chain.
    Markov {
        /// Touches that it remembers, 1 to [`markov::MAX_ORDER`].
        order: u8,
    },
    /// Shapley's value; a set of channels is worth the outcomes of paths within it.
    Shapley,
    /// Shapley's value; a set of channels is worth the rate of outcomes among paths within it.
    ShapleyRate {
        /// Decides which orders are drawn, beyond [`shapley::EXACT`] channels.
        seed: u64,
    },
}

/// What a rule says.
#[derive(Debug, Clone, PartialEq)]
pub struct Credits {
    /// By channel, in the order of [`Paths::channels`]; they add up to [`Paths::total`].
    pub channels: Vec<Sum>,
    /// What else the rule knows.
    pub detail: Detail,
}

/// What a rule knows beside its credits.
#[derive(Debug, Clone, PartialEq)]
pub enum Detail {
    /// Nothing.
    Plain,
    /// Of a Markov chain.
    Removal(Removal),
    /// Of orders that were drawn: half the width of a 95 % interval of each channel's conversions.
    Drawn(Vec<f64>),
}

/// Why a rule says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleError {
    /// Time decay over paths without times.
    Times,
    /// A half-life that is none.
    HalfLife,
    /// Parts of first and last that are no parts.
    Parts,
    /// No path has the channel that was named as direct.
    Direct,
    /// An order that is not 1 to [`markov::MAX_ORDER`].
    Order,
    /// Paths go round so long that the chain could not be solved to 1e-12.
    Endless,
}

impl RuleError {
    /// Stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Times => "rule/times",
            Self::HalfLife => "rule/half-life",
            Self::Parts => "rule/parts",
            Self::Direct => "rule/direct",
            Self::Order => "rule/order",
            Self::Endless => "rule/endless",
        }
    }
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Times => "a table of paths has no times to decay by; give a log of touches",
            Self::HalfLife => "a half-life is longer than nothing",
            Self::Parts => "the parts of the first and the last touch are 0 to 1, and at most 1 together",
            Self::Direct => "no path has the channel that was named as direct",
            Self::Order => "the order of a Markov chain is 1 to 4",
            Self::Endless => {
                "paths go round too long for this chain to be solved; leave out machines, or take a lower order"
            }
        })
    }
}

impl Error for RuleError {}

impl Rule {
    /// What it is called on command lines and in tables.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::First => "first".to_owned(),
            Self::Last => "last".to_owned(),
            Self::LastNonDirect { .. } => "last-non-direct".to_owned(),
            Self::Linear => "linear".to_owned(),
            Self::Position { .. } => "position".to_owned(),
            Self::TimeDecay { .. } => "time-decay".to_owned(),
            Self::Markov { order } => format!("markov-{order}"),
            Self::Shapley => "shapley".to_owned(),
            Self::ShapleyRate { .. } => "shapley-rate".to_owned(),
        }
    }

    /// Divides all outcomes that have a path.
    ///
    /// # Errors
    /// As [`RuleError`] says, by variant.
    pub fn credit(&self, paths: &Paths) -> Result<Credits, RuleError> {
        let each = match self {
            Self::First => Each::First,
            Self::Last => Each::Last,
            Self::LastNonDirect { direct } => {
                let place = paths.channels.iter().position(|channel| channel == direct).ok_or(RuleError::Direct)?;
                Each::LastOther(u32::try_from(place).map_err(|_| RuleError::Direct)?)
            }
            Self::Linear => Each::Linear,
            Self::Position { first, last } => {
                let is_part = |part: &f64| (0.0..=1.0).contains(part);
                // A third and two thirds are more than 1 by a bit.
                if !is_part(first) || !is_part(last) || first + last > 1.0 + 1e-12 {
                    return Err(RuleError::Parts);
                }
                Each::Position { first: *first, last: *last }
            }
            Self::TimeDecay { half_life } => {
                if *half_life <= 0 {
                    return Err(RuleError::HalfLife);
                }
                if !paths.are_timed() {
                    return Err(RuleError::Times);
                }
                Each::Decay { half_life: *half_life as f64 }
            }
            Self::Markov { order } => return markov::removal(paths, *order).map(|removal| by_effect(paths, removal)),
            Self::Shapley => return Ok(Credits { channels: shapley::counted(paths), detail: Detail::Plain }),
            Self::ShapleyRate { seed } => {
                let shapley::Rated { credits, margins } = shapley::rated(paths, *seed);
                return Ok(Credits { channels: credits, detail: margins.map_or(Detail::Plain, Detail::Drawn) });
            }
        };
        let mut channels = vec![Sum::default(); paths.channels.len()];
        for path in paths.paths.iter().filter(|path| path.conversions > 0) {
            for (touch, part) in path.touches.iter().zip(share::parts(path, &each)) {
                if let Some(credit) = channels.get_mut(touch.channel as usize) {
                    credit.conversions += path.conversions as f64 * part;
                    credit.value += path.value * part;
                }
            }
        }
        Ok(Credits { channels, detail: Detail::Plain })
    }
}

/// Outcomes as effects are to each other.
fn by_effect(paths: &Paths, removal: Removal) -> Credits {
    let (total, all) = (paths.total(), removal.effects.iter().sum::<f64>());
    let part = |effect: &f64| if all > 0.0 { effect / all } else { 0.0 };
    let sum = |part: f64| Sum { conversions: total.conversions * part, value: total.value * part };
    Credits { channels: removal.effects.iter().map(part).map(sum).collect(), detail: Detail::Removal(removal) }
}
