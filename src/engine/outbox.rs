//! What waits to be sent: entries gathered for a few seconds, packed into numbered messages.

use super::Effect;
use crate::consent::Permissions;
use crate::id::Visitor;
use crate::sync::{Entry, MAX_ENTRIES, Message};
use crate::time::{Moment, Timestamp};
use alloc::vec;
use alloc::vec::Vec;

/// Entries gather for this long before a message is made, so that the first look at a page is one request and its answer
/// (caps, segments) comes soon.
const GATHER_MS: u64 = 5_000;

/// For this long when an answer has come lately: most pages are left within a minute, and then one request carries all.
const GATHER_LONG_MS: u64 = 60_000;

#[derive(Debug)]
pub(super) struct Outbox {
    replica: u64,
    sequence: u32,
    bundle: u64,
    gather: u64,
    began: u64,
    entries: Vec<Entry>,
    packed: Vec<Vec<u8>>,
    wake: Option<Timestamp>,
}

impl Outbox {
    pub(super) fn new(replica: u64, bundle: u64) -> Self {
        Self {
            replica,
            sequence: 0,
            bundle,
            gather: GATHER_MS,
            began: 0,
            entries: Vec::new(),
            packed: Vec::new(),
            wake: None,
        }
    }

    /// Adds an entry, made from the ms since the message began.
    pub(super) fn push(&mut self, entry: impl FnOnce(u32) -> Entry, visitor: Visitor, moment: Moment) {
        let after = self.after(moment);
        self.add(entry(after), visitor);
    }

    /// How long after the message began it is now, in ms; the first entry begins it.
    #[inline(never)]
    fn after(&mut self, moment: Moment) -> u32 {
        if self.entries.is_empty() {
            self.began = moment.now.0;
            self.wake = Some(Timestamp(moment.now.0.saturating_add(self.gather)));
        }
        u32::try_from(moment.now.0.saturating_sub(self.began)).unwrap_or(u32::MAX)
    }

    #[inline(never)]
    fn add(&mut self, entry: Entry, visitor: Visitor) {
        self.entries.push(entry);
        if self.entries.len() == MAX_ENTRIES {
            self.flush(visitor);
        }
    }

    pub(super) fn handle_wake(&mut self, visitor: Visitor, moment: Moment) {
        let due = self.began.saturating_add(self.gather);
        if moment.now.0 >= due || moment.now.0 < self.began {
            self.flush(visitor);
        } else if !self.entries.is_empty() {
            // Timers fire early; without asking again, what waits would wait for the page to go.
            self.wake = Some(Timestamp(due));
        }
    }

    /// Goes on as another replica, from its first message.
    pub(super) fn renumber(&mut self, replica: u64) {
        self.replica = replica;
        self.sequence = 0;
    }

    /// Packs all entries into a message.
    pub(super) fn flush(&mut self, visitor: Visitor) {
        if self.entries.is_empty() {
            return;
        }
        let entries = core::mem::take(&mut self.entries);
        self.wake = None;
        let message = self.pack(self.began, entries, visitor);
        self.packed.push(message);
    }

    /// An answer is not needed soon.
    pub(super) fn gather_long(&mut self) {
        self.gather = GATHER_LONG_MS;
    }

    /// The message that asks for deletion. It goes beside the others, which may be dropped while it may not.
    pub(super) fn tombstone(&mut self, withdrawn: Permissions, visitor: Visitor, moment: Moment) -> Vec<u8> {
        self.pack(moment.now.0, vec![Entry::Forgotten { withdrawn: withdrawn.bits(), after: 0 }], visitor)
    }

    fn pack(&mut self, began: u64, entries: Vec<Entry>, visitor: Visitor) -> Vec<u8> {
        let (replica, sequence, bundle) = (self.replica, self.sequence, self.bundle);
        self.sequence += 1;
        Message { replica, sequence, visitor: visitor.0, bundle, began, dropped: 0, entries }.encode()
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.packed.clear();
        self.wake = None;
    }

    /// A permission is withdrawn under which messages were packed that nobody has polled yet.
    pub(super) fn drop_packed(&mut self) {
        self.packed.clear();
    }

    /// Measuring is no longer permitted: only identifiers may go, under their own permission.
    pub(super) fn retain_identities(&mut self) {
        self.entries.retain(|entry| matches!(entry, Entry::Identity { .. }));
    }

    /// Sharing is no longer permitted.
    pub(super) fn drop_identities(&mut self) {
        self.entries.retain(|entry| !matches!(entry, Entry::Identity { .. }));
    }

    pub(super) fn poll(&mut self) -> Option<Effect> {
        if !self.packed.is_empty() {
            return Some(Effect::Send(self.packed.remove(0)));
        }
        self.wake.take().map(Effect::Wake)
    }
}
