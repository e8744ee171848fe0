//! Where what was taken in becomes durable before it is answered: in the store, or in a log that several collectors share.
//!
//! Without a log an answer waits for the commit of the store. With one it waits for the log's acknowledgement, and the store follows
//! behind: any collector takes records out of the log, stores them, and lets the log forget them after the commit. A record may
//! come twice; the store knows messages by what they are, so the second time changes nothing.
//!
//! Invariant: `Ok` means durable, in the log or in the store.
//! Absent on purpose: order. Rows and counts do not depend on the order in which anything arrives.

mod nats;
pub mod record;

use std::{sync::Arc, time::Duration};

use tokio::{task::JoinHandle, time::timeout};

use self::nats::Nats;
pub use self::record::Record;
use crate::{
    event::Delivery,
    journal::Outcome,
    ledger::{Intake, Verdict},
    metrics::Metrics,
    writer::{Refused, Writer},
};

/// Bytes of a record that is split: far below the megabyte that a server takes unless it is told otherwise.
const RECORD_BYTES: usize = 256 * 1024;

/// How long `/ready` waits for the disk before it says no.
const PROBE: Duration = Duration::from_secs(2);

/// What an event is taken to weigh beside its texts.
const EVENT_OVERHEAD: usize = 128;

/// The way into the log or the store; cheap to clone.
#[derive(Clone)]
pub struct Log {
    writer: Writer,
    nats: Option<Arc<Nats>>,
}

/// What takes writes now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ready {
    /// The store.
    pub store: bool,
    /// The log; nothing when there is none.
    pub log: Option<bool>,
}

/// Takes records out of the log and into the store until it is told to stop.
pub struct Follower {
    stop: tokio::sync::watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Log {
    /// Straight into the store.
    #[must_use]
    pub fn store(writer: Writer) -> Self {
        Self { writer, nats: None }
    }

    /// Into JetStream at these addresses (`nats://HOST:PORT`, separated by commas), and from there into the store.
    ///
    /// # Errors
    /// When it cannot be reached, or has no stream and cannot make one.
    pub async fn nats(addresses: &str, writer: Writer, metrics: Arc<Metrics>) -> anyhow::Result<(Self, Follower)> {
        let nats = Arc::new(Nats::connect(addresses, metrics).await?);
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let task = tokio::spawn(Arc::clone(&nats).follow(writer.clone(), stopped));
        Ok((Self { writer, nats: Some(nats) }, Follower { stop, task }))
    }

    /// Takes in several messages; one verdict for each, in order.
    ///
    /// # Errors
    /// [`Refused`]; then any of them may become stored, and all are to be sent again.
    pub async fn syncs(&self, intakes: Vec<Intake>, bytes: Vec<Vec<u8>>) -> Result<Vec<Verdict>, Refused> {
        let Some(nats) = &self.nats else { return self.writer.store(intakes).await };
        let verdicts = vec![Verdict::Stored; intakes.len()];
        let records = split(bytes, Vec::len).into_iter().map(Record::Syncs);
        nats.append_all(records).await?;
        Ok(verdicts)
    }

    /// Takes in events and letters; what became of each event, in order.
    ///
    /// # Errors
    /// [`Refused`]; then any of them may become stored, and all are to be sent again.
    pub async fn deliver(&self, delivery: Delivery) -> Result<Vec<Outcome>, Refused> {
        let Some(nats) = &self.nats else { return self.writer.deliver(delivery).await };
        let outcomes = vec![Outcome::Stored; delivery.events.len()];
        let Delivery { events, letters, .. } = delivery;
        let events = split(events, |event| event.body.len() + event.name.len() + EVENT_OVERHEAD);
        let letters = split(letters, |letter| letter.body.len() + EVENT_OVERHEAD);
        let events = events.into_iter().map(|events| Delivery { events, ..Delivery::default() });
        let letters = letters.into_iter().map(|letters| Delivery { letters, ..Delivery::default() });
        nats.append_all(events.chain(letters).map(Record::Events)).await?;
        Ok(outcomes)
    }

    /// Asks log and store to take one small write each. Whoever does not answer in time does not take writes.
    pub async fn ready(&self) -> Ready {
        let store = async { timeout(PROBE, self.writer.probe()).await.is_ok_and(|probed| probed.is_ok()) };
        let log = async {
            let nats = self.nats.as_ref()?;
            Some(timeout(PROBE, nats.append(&Record::Probe)).await.is_ok_and(|probed| probed.is_ok()))
        };
        let (store, log) = tokio::join!(store, log);
        Ready { store, log }
    }
}

impl Ready {
    /// Can anything be acknowledged? With a log that is the log's matter alone.
    #[must_use]
    pub fn takes(self) -> bool {
        self.log.unwrap_or(self.store)
    }
}

impl Follower {
    /// Finishes what it has begun, and leaves the rest to others.
    pub async fn stop(self) {
        self.stop.send(true).ok();
        self.task.await.ok();
    }
}

/// Pieces of at most [`RECORD_BYTES`], or of one thing that is longer by itself.
fn split<T>(things: Vec<T>, weight: impl Fn(&T) -> usize) -> Vec<Vec<T>> {
    let mut pieces: Vec<Vec<T>> = Vec::new();
    let mut room = 0_usize;
    for thing in things {
        let needed = weight(&thing);
        match pieces.last_mut().filter(|_| needed <= room) {
            Some(piece) => {
                room -= needed;
                piece.push(thing);
            }
            None => {
                room = RECORD_BYTES.saturating_sub(needed);
                pieces.push(vec![thing]);
            }
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_batch_is_split_and_keeps_its_order() {
        let things: Vec<usize> = vec![100_000, 100_000, 100_000, 300_000, 1, 2];
        assert_eq!(split(things, |weight| *weight), [vec![100_000, 100_000], vec![100_000], vec![300_000], vec![1, 2]]);
        assert_eq!(split(Vec::<usize>::new(), |weight| *weight), Vec::<Vec<usize>>::new());
    }
}
