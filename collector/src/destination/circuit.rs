//! Circuit: whether a peer is spoken to at all just now.
//!
//! Some batches in a row of which nothing was taken open it: the peer is left alone for a while. Then one parcel goes
//! as a probe; when it is taken, everything flows again, when not, the pause doubles.
//!
//! Absent on purpose: any memory beyond the process. After a restart the peer gets its chance at once.

use std::time::{Duration, Instant};

/// Whether a peer is spoken to.
#[derive(Debug, Clone)]
pub struct Circuit {
    /// Batches in a row that failed as a whole and open it.
    tolerance: u32,
    /// First pause.
    first: Duration,
    /// Longest pause.
    longest: Duration,
    failed: u32,
    pause: Duration,
    closed_again: Option<Instant>,
}

/// What may go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    /// As much as the destination takes.
    Open,
    /// One parcel, to see.
    Probe,
    /// Nothing before then.
    Shut(Instant),
}

impl Circuit {
    /// A circuit that opens after `tolerance` failures in a row.
    #[must_use]
    pub fn new(tolerance: u32, first: Duration, longest: Duration) -> Self {
        Self { tolerance: tolerance.max(1), first, longest, failed: 0, pause: first, closed_again: None }
    }

    /// What may go out now.
    #[must_use]
    pub fn passage(&self, now: Instant) -> Passage {
        match self.closed_again {
            None => Passage::Open,
            Some(then) if now < then => Passage::Shut(then),
            Some(_) => Passage::Probe,
        }
    }

    /// Something was taken, or refused by a peer that is well.
    pub fn answered(&mut self) {
        self.failed = 0;
        self.pause = self.first;
        self.closed_again = None;
    }

    /// Nothing of a batch was taken.
    pub fn failed(&mut self, now: Instant) {
        self.failed = self.failed.saturating_add(1);
        if self.failed >= self.tolerance {
            self.closed_again = Some(now + self.pause);
            self.pause = self.pause.saturating_mul(2).min(self.longest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn three_failures_in_a_row_stop_the_traffic_and_a_probe_starts_it() {
        let (mut circuit, start) = (Circuit::new(3, SECOND, 4 * SECOND), Instant::now());
        circuit.failed(start);
        circuit.failed(start);
        circuit.answered();
        circuit.failed(start);
        circuit.failed(start);
        assert_eq!(circuit.passage(start), Passage::Open, "not in a row");
        circuit.failed(start);
        assert_eq!(circuit.passage(start), Passage::Shut(start + SECOND));
        assert_eq!(circuit.passage(start + SECOND), Passage::Probe);
        circuit.answered();
        assert_eq!(circuit.passage(start + SECOND), Passage::Open);
    }

    #[test]
    fn probes_that_fail_come_ever_more_seldom_up_to_a_bound() {
        let (mut circuit, start) = (Circuit::new(1, SECOND, 4 * SECOND), Instant::now());
        for pause in [1, 2, 4, 4] {
            circuit.failed(start);
            assert_eq!(circuit.passage(start), Passage::Shut(start + pause * SECOND));
        }
    }
}
