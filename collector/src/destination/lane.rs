//! Lane: one destination's own thread, which claims, delivers and settles.
//!
//! Each destination has a lane to itself, with its own batches, backoff and circuit: a peer that answers slowly holds
//! up its own parcels alone.
//!
//! Invariant: nothing is settled before the destination gave its receipt, and nothing is delivered that was not claimed.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use super::{
    Destination, Outbox, Receipt, Settled, Settlement,
    backoff::Backoff,
    circuit::{Circuit, Passage},
    random,
};
use crate::store::now;

/// How often an idle lane looks by itself; a [`Lane::nudge`] makes it look at once.
const LOOK: Duration = Duration::from_millis(500);

/// Failures of whole batches in a row after which a peer is left alone.
const TOLERANCE: u32 = 3;

/// What tells a lane to look, or to stop.
#[derive(Debug, Default)]
struct Bell {
    rung: Mutex<Rung>,
    heard: Condvar,
}

#[derive(Debug, Default, Clone, Copy)]
struct Rung {
    look: bool,
    stop: bool,
}

/// A destination at work.
pub struct Lane {
    bell: Arc<Bell>,
    thread: Option<JoinHandle<()>>,
}

/// Everything that a lane works with.
struct Work {
    name: String,
    destination: Box<dyn Destination>,
    outbox: Box<dyn Outbox>,
    backoff: Backoff,
    circuit: Circuit,
}

impl Lane {
    /// Begins to deliver what `outbox` has for the destination called `name`.
    ///
    /// # Errors
    /// When no thread can be had.
    pub fn start(
        name: &str,
        destination: Box<dyn Destination>,
        outbox: Box<dyn Outbox>,
        backoff: Backoff,
    ) -> std::io::Result<Self> {
        let bell = Arc::new(Bell::default());
        let circuit = Circuit::new(TOLERANCE, backoff.first, backoff.longest.min(Duration::from_secs(60)));
        let mut work = Work { name: name.to_owned(), destination, outbox, backoff, circuit };
        let heard = Arc::clone(&bell);
        let thread = std::thread::Builder::new().name(format!("lane {name}")).spawn(move || work.run(&heard))?;
        Ok(Self { bell, thread: Some(thread) })
    }

    /// Something new may wait.
    pub fn nudge(&self) {
        self.bell.ring(|rung| rung.look = true);
    }

    /// Tells it to end after the batch that is under way. Dropping it does that too, and waits.
    pub fn tell(&self) {
        self.bell.ring(|rung| rung.stop = true);
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.tell();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

impl Bell {
    fn ring(&self, change: impl FnOnce(&mut Rung)) {
        change(&mut self.rung.lock().unwrap_or_else(PoisonError::into_inner));
        self.heard.notify_all();
    }

    /// Waits for a nudge, at most so long; true when the lane is to stop.
    fn wait(&self, longest: Duration) -> bool {
        let rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let silent = |rung: &mut Rung| !rung.look && !rung.stop;
        let (mut rung, _) =
            self.heard.wait_timeout_while(rung, longest, silent).unwrap_or_else(PoisonError::into_inner);
        rung.look = false;
        rung.stop
    }

    fn stopping(&self) -> bool {
        self.rung.lock().unwrap_or_else(PoisonError::into_inner).stop
    }
}

impl Work {
    fn run(&mut self, bell: &Bell) {
        while !bell.stopping() {
            let pause = match self.circuit.passage(Instant::now()) {
                // A nudge does not open a circuit, so there is no need to look sooner; a stop is heard all the same.
                Passage::Shut(then) => then.saturating_duration_since(Instant::now()).min(LOOK),
                passage => {
                    let most = if passage == Passage::Probe { 1 } else { self.destination.limit() };
                    match self.turn(most) {
                        Ok(0) => LOOK,
                        Ok(_) => Duration::ZERO,
                        Err(error) => {
                            crate::say!("destination {}: the outbox does not answer: {error:#}", self.name);
                            LOOK
                        }
                    }
                }
            };
            if !pause.is_zero() && bell.wait(pause) {
                return;
            }
        }
    }

    /// One batch; how many parcels it had.
    fn turn(&mut self, most: usize) -> anyhow::Result<usize> {
        let claimed = self.outbox.claim(&self.name, most, now())?;
        if claimed.is_empty() {
            return Ok(0);
        }
        let attempts: Vec<u32> = claimed.iter().map(|claimed| claimed.attempts.saturating_add(1)).collect();
        let parcels: Vec<_> = claimed.into_iter().map(|claimed| claimed.parcel).collect();
        let mut receipts = self.destination.deliver(&parcels);
        // A destination that forgot one has not delivered it.
        receipts.resize(parcels.len(), Receipt::retry("lane/receipt"));
        if receipts.iter().all(|receipt| matches!(receipt, Receipt::Retry { .. })) {
            self.circuit.failed(Instant::now());
        } else {
            self.circuit.answered();
        }
        let at = now();
        let settled: Vec<Settled> = parcels
            .into_iter()
            .zip(attempts)
            .zip(receipts)
            .map(|((parcel, attempts), receipt)| Settled {
                attempts,
                at,
                echo: self.destination.echo(&parcel, &receipt),
                settlement: self.settle(receipt, attempts, at),
                id: parcel.id,
            })
            .collect();
        self.outbox.settle(&self.name, &settled)?;
        Ok(settled.len())
    }

    fn settle(&self, receipt: Receipt, attempts: u32, at: i64) -> Settlement {
        match receipt {
            Receipt::Delivered => Settlement::Delivered,
            Receipt::Refused { reason } => Settlement::Dead { reason },
            Receipt::Retry { reason, after } => match self.backoff.pause(attempts, after, random()) {
                Some(pause) => {
                    let pause = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
                    Settlement::Again { reason, due: at.saturating_add(pause) }
                }
                None => Settlement::Dead { reason },
            },
        }
    }
}
