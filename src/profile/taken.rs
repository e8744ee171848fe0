//! Whose notes were taken in lately, and how far: so that a note which comes again adds nothing again
//! (`docs/adr/0006-one-writer-and-notes.md`).

use super::{Note, Profile};
use crate::time::Moment;

/// Writers of notes that are remembered, and for how many minutes after the last of them was taken in.
pub(super) const MAX_TAKEN: usize = 16;
const REMEMBERED: u32 = 6 * 60;

/// How far a writer's changes are in here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) dot: u64,
    /// Minutes since 1970 when the last of them came, or more: the order in which writers were last taken in.
    pub(super) minute: u32,
    pub(super) count: u32,
}

impl Profile {
    /// Does what a note says, as far as that is new here. Returns how many changes were.
    pub fn take_in(&mut self, note: &Note, moment: Moment) -> usize {
        let known = self.taken(note.dot);
        if note.generation != self.generation {
            return 0;
        }
        let mut new = 0;
        for (number, (change, when)) in (note.first..=u32::MAX).zip(&note.changes) {
            if number >= known {
                self.apply(change, *when);
                new += 1;
            }
        }
        if new > 0 {
            self.mark(note.dot, note.first.saturating_add(note.changes.len() as u32), moment);
        }
        new
    }

    /// Remembers how many changes of a writer are in here.
    pub(crate) fn mark(&mut self, dot: u64, count: u32, moment: Moment) {
        // Later than every other, even within one minute: who has just been taken in must not be the first to be forgotten.
        let others =
            self.taken.iter().filter(|taken| taken.dot != dot).map(|taken| taken.minute.saturating_add(1)).max();
        let minute = moment.now.minutes().max(self.seen).max(others.unwrap_or(0));
        self.join_taken(Taken { dot, minute, count });
        self.normalise();
    }

    /// How many changes of a writer are in here, as far as that is remembered.
    #[must_use]
    pub fn taken(&self, dot: u64) -> u32 {
        self.taken.iter().find(|taken| taken.dot == dot).map_or(0, |taken| taken.count)
    }

    pub(super) fn join_taken(&mut self, other: Taken) {
        match self.taken.iter_mut().find(|taken| taken.dot == other.dot) {
            Some(ours) => (ours.minute, ours.count) = (ours.minute.max(other.minute), ours.count.max(other.count)),
            None => {
                let place = self.taken.iter().position(|taken| taken.dot > other.dot).unwrap_or(self.taken.len());
                self.taken.insert(place, other);
            }
        }
    }

    /// Forgets those that came too long ago, and the oldest of too many.
    pub(super) fn trim_taken(&mut self) {
        self.taken.retain(|taken| taken.minute.saturating_add(REMEMBERED) >= self.seen);
        while self.taken.len() > MAX_TAKEN {
            let oldest = self.taken.iter().map(|taken| (taken.minute, taken.dot)).min();
            self.taken.retain(|taken| Some((taken.minute, taken.dot)) != oldest);
        }
    }
}
