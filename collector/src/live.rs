//! What comes in right now: syncs and events of each of the last seconds, in memory.
//!
//! A task looks at the process's own counters once a second and writes down what they rose by; nothing is added to the way of a
//! sync. It begins with the process and is gone with it.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::metrics::Metrics;

/// Seconds that are kept: five minutes fill a picture.
pub const SECONDS: usize = 300;

/// What one second brought.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Second {
    /// Syncs stored.
    pub syncs: u64,
    /// Events stored.
    pub events: u64,
}

/// The last seconds, the latest at the end.
#[derive(Debug, Default)]
pub struct Live(Mutex<VecDeque<Second>>);

impl Live {
    /// All [`SECONDS`] of them; those before the process began brought nothing.
    #[must_use]
    pub fn seconds(&self) -> Vec<Second> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let missing = SECONDS.saturating_sub(kept.len());
        std::iter::repeat_n(Second::default(), missing).chain(kept.iter().copied()).collect()
    }

    /// Writes down what a second brought.
    pub fn note(&self, second: Second) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == SECONDS {
            kept.pop_front();
        }
        kept.push_back(second);
    }

    /// Looks once a second, for ever. Run it as a task and drop it to stop.
    pub async fn watch(self: Arc<Self>, metrics: Arc<Metrics>) {
        let mut look = tokio::time::interval(Duration::from_secs(1));
        let (mut syncs, mut events) = (metrics.accepted.value(), metrics.events.value());
        look.tick().await;
        loop {
            look.tick().await;
            let now = (metrics.accepted.value(), metrics.events.value());
            self.note(Second { syncs: now.0.saturating_sub(syncs), events: now.1.saturating_sub(events) });
            (syncs, events) = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_five_minutes_are_kept() {
        let live = Live::default();
        for syncs in 0..400 {
            live.note(Second { syncs, events: 0 });
        }
        let seconds = live.seconds();
        assert_eq!((seconds.len(), seconds.first().map(|second| second.syncs)), (SECONDS, Some(100)));
    }
}
