//! Journeys as they are written: who enters, which steps they take, what takes them out (`docs/journeys.md`).
//!
//! Reading decides the shape only. [`weave`] turns what a journey says of others (`show`, `group`, `suppress`) into conditions of
//! theirs; [`program`] unfolds the steps into the flat list that an engine walks.

mod check;
pub(crate) mod program;
mod read;
pub(crate) mod weave;

use crate::campaign::{Schedule, Stock};
use crate::reader::Word;
use crate::segment::{Counted, Expression};
use crate::source::Span;

/// Longest that a profile remembers where somebody is, in minutes (`docs/formats/profile.md`).
const MEMORY: u32 = 640 * 24 * 60;

/// One journey.
#[derive(Clone, Debug)]
pub(crate) struct Journey {
    pub(crate) enter: Trigger,
    pub(crate) goal: Option<Trigger>,
    /// The author's exit first, then those of journeys that suppress this one.
    pub(crate) exits: Vec<Trigger>,
    /// Journeys of the same group, inside one of which nobody enters this one.
    pub(crate) bars: Vec<Trigger>,
    /// Minutes, 0 for at once; none for never.
    pub(crate) again: Option<u32>,
    pub(crate) schedule: Schedule,
    /// Of 10 000.
    pub(crate) holdout: u16,
    pub(crate) group: Option<Word>,
    pub(crate) suppress: Vec<Word>,
    /// Whether it ends for those whose step is gone.
    pub(crate) ends_when_changed: bool,
    /// Old step, new step.
    pub(crate) moved: Vec<(Word, Word)>,
    pub(crate) steps: Vec<Step>,
}

impl Journey {
    /// Every trigger, those of its waits too.
    pub(crate) fn triggers(&self) -> Vec<&Trigger> {
        fn waits<'a>(steps: &'a [Step], found: &mut Vec<&'a Trigger>) {
            for act in steps.iter().map(|step| &step.act) {
                if let Act::Wait { trigger: Some(trigger), .. } = act {
                    found.push(trigger);
                }
                act.inner().into_iter().for_each(|inner| waits(inner, found));
            }
        }
        let ends = self.goal.iter().chain(&self.exits).chain(&self.bars);
        let mut found: Vec<&Trigger> = [&self.enter].into_iter().chain(ends).collect();
        waits(&self.steps, &mut found);
        found
    }
}

/// The models that steps ask, those of steps within them too.
pub(crate) fn models(steps: &[Step]) -> Vec<&Word> {
    let mut found = Vec::new();
    for act in steps.iter().map(|step| &step.act) {
        if let Act::If { test: Test::Score(model, _), .. } = act {
            found.push(model);
        }
        found.extend(act.inner().into_iter().flat_map(models));
    }
    found
}

/// An event, a condition, a level of a feed, or several of them at once.
#[derive(Clone, Debug)]
pub(crate) struct Trigger {
    pub(crate) on: Option<Counted>,
    pub(crate) when: Option<Expression>,
    /// The level, and whether it must be below what is asked.
    pub(crate) stock: Option<(Stock, bool)>,
    pub(crate) span: Span,
}

/// One step.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) id: Option<Word>,
    pub(crate) act: Act,
    pub(crate) span: Span,
}

/// What a step does.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Wait {
        trigger: Option<Box<Trigger>>,
        at_most: Option<u32>,
        then: Vec<Step>,
        otherwise: Vec<Step>,
        show: Vec<Word>,
    },
    Clock {
        minute: u16,
        /// Of which the best for somebody is taken, bit 0 for the first; 0: the minute counts.
        hours: u32,
        weekdays: u8,
        show: Vec<Word>,
    },
    If {
        test: Test,
        then: Vec<Step>,
        otherwise: Vec<Step>,
    },
    /// Shares of 10 000.
    Split(Vec<(u16, Vec<Step>)>),
    Set {
        name: Word,
        to: Word,
    },
    /// By the first of these channels that may carry it.
    Send {
        channels: Vec<Word>,
        message: Word,
    },
    Goto(Word),
    Stop(u32),
    /// Was reported; whoever comes here goes on.
    Broken,
}

/// What decides which way to go.
#[derive(Clone, Debug)]
pub(crate) enum Test {
    Condition(Expression),
    Stock(Stock),
    /// A model, and the probability from which on it is yes.
    Score(Word, f64),
}

impl Act {
    /// The lists of steps within it.
    pub(crate) fn inner(&self) -> Vec<&[Step]> {
        match self {
            Self::Wait { then, otherwise, .. } | Self::If { then, otherwise, .. } => vec![then, otherwise],
            Self::Split(arms) => arms.iter().map(|(_, steps)| steps.as_slice()).collect(),
            _ => Vec::new(),
        }
    }

    /// The campaigns that it keeps for those who rest there.
    fn shown(&self) -> &[Word] {
        match self {
            Self::Wait { show, .. } | Self::Clock { show, .. } => show,
            _ => &[],
        }
    }
}

/// Every step of a list and of the lists within it, in the order of the file.
pub(crate) fn all<'a>(steps: &'a [Step], each: &mut dyn FnMut(&'a Step)) {
    for step in steps {
        each(step);
        for inner in step.act.inner() {
            all(inner, each);
        }
    }
}
