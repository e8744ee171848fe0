//! What a session writes that does not hold the profile: see `docs/adr/0006-one-writer-and-notes.md`.

use super::Session;
use crate::hash::xxh64;
use crate::profile::note::MAX_CHANGES;
use crate::profile::{Change, Note, Profile, note};
use crate::time::Moment;
use alloc::vec::Vec;

/// A session's own changes that the profile does not have yet.
#[derive(Debug)]
pub(super) struct Notes {
    pub(super) holds: bool,
    pub(super) dot: u64,
    first: u32,
    changes: Vec<(Change, Moment)>,
    pub(super) unsaved: bool,
}

impl Notes {
    /// Of a session that holds the profile, as one does where there is nobody else.
    pub(super) fn new(replica: u64) -> Self {
        Self { holds: true, dot: dot(replica), first: 0, changes: Vec::new(), unsaved: false }
    }

    /// Begins anew under another name; what was noted is forgotten.
    pub(super) fn clear(&mut self, replica: u64) {
        *self = Self { holds: self.holds, ..Self::new(replica) };
    }

    fn add(&mut self, change: Change, moment: Moment) {
        if self.changes.len() == MAX_CHANGES {
            self.changes.remove(0);
            self.first = self.first.saturating_add(1);
        }
        self.changes.push((change, moment));
        self.unsaved = true;
    }

    /// Drops what has been taken in: all changes before number `known`.
    fn settle(&mut self, known: u32) {
        let gone = (known.saturating_sub(self.first) as usize).min(self.changes.len());
        if gone > 0 {
            self.changes.drain(..gone);
            self.first = self.first.saturating_add(gone as u32);
            self.unsaved = true;
        }
    }

    /// The number that the next change gets.
    fn next(&self) -> u32 {
        self.first.saturating_add(self.changes.len() as u32)
    }

    /// The note to keep; empty when there is nothing in it.
    pub(super) fn encode(&self, generation: u32) -> Vec<u8> {
        Note { generation, dot: self.dot, first: self.first, changes: self.changes.clone() }.encode()
    }
}

/// The origin knows the replica, so nobody who sees a note's name shall know it too.
fn dot(replica: u64) -> u64 {
    xxh64(&replica.to_le_bytes(), 0x0064_6F74)
}

impl Session {
    /// Whether this session writes the profile, as it does at first. One that does not writes notes, for whoever holds.
    ///
    /// Before it says that it holds, the host takes in what the last holder wrote ([`Session::restore`]).
    pub fn hold(&mut self, holds: bool, moment: Moment) {
        let before = core::mem::replace(&mut self.notes.holds, holds);
        if holds && !before {
            let next = self.notes.next();
            if next > 0 {
                self.profile.mark(self.notes.dot, next, moment);
                self.notes.settle(next);
            }
            self.unsaved = true;
        }
    }

    /// The name of this session's note.
    #[must_use]
    pub fn dot(&self) -> u64 {
        self.notes.dot
    }

    /// Takes in somebody's note. Returns false when it holds nothing new: then, if the profile has been kept since, it can be
    /// removed. Without the store permission it is left alone.
    ///
    /// # Errors
    /// [`note::Error`]: [`note::Error::Damaged`] ones can be removed too.
    pub fn absorb(&mut self, bytes: &[u8], moment: Moment) -> Result<bool, note::Error> {
        let note = Note::decode(bytes)?;
        if !self.permissions.store() || note.dot == self.notes.dot || self.profile.take_in(&note, moment) == 0 {
            return Ok(false);
        }
        self.touched();
        Ok(true)
    }

    /// Replaces the profile by what its holder wrote, and does again what that does not have.
    pub(super) fn follow(&mut self, stored: Profile) {
        // What was done before the visitor was forgotten is forgotten too.
        let later = stored.generation() > self.profile.generation();
        self.notes.settle(if later { u32::MAX } else { stored.taken(self.notes.dot) });
        self.profile = stored;
        for (change, moment) in &self.notes.changes {
            self.profile.apply(change, *moment);
        }
    }

    /// Does a change to the profile, or notes it.
    pub(super) fn change(&mut self, change: Change, moment: Moment) {
        self.profile.apply(&change, moment);
        // What the origin says it says to every tab, and again: in a note it would take the place of what was done.
        if !self.notes.holds && !change.is_told() {
            self.notes.add(change, moment);
        }
    }
}
