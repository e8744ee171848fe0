//! The one writer: takes what waits, commits it at once, answers after the disk has it.
//!
//! Group commit: a sync of the disk costs the same for one message as for hundreds, so the thread takes everything that
//! is waiting (up to a bound), writes it in one transaction and answers all after the commit. There is no timer: alone, a
//! message is committed immediately; under load, batches grow by themselves while the disk is busy.
//!
//! Invariant: an answer `Ok` leaves this thread only after the commit that holds its messages has returned. The queue is
//! bounded in jobs here and in bytes by [`crate::intake`]; when it is full the caller hears so at once and nothing waits.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread::JoinHandle,
    time::Instant,
};

use tokio::sync::oneshot;

use crate::{
    ledger::{Intake, Verdict},
    members::{News, Row},
    metrics::Metrics,
    names::Named,
    sql,
    store::{Store, now},
};

/// Jobs that may wait. At some thousands of jobs a second this is a fraction of a second of work.
const QUEUE: usize = 1_024;

/// Messages of one transaction: more would make the first one wait for the last without saving a noticeable share of syncs.
const BATCH: usize = 512;

/// Why messages were not stored. Both mean "try again".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The queue is full.
    Full,
    /// The store could not be written, or the collector is going down.
    Unavailable,
}

type Answer<T> = oneshot::Sender<Result<T, Refused>>;

/// Verdicts in the order of the messages, and what the first one's visitor is told if that was asked for.
type Settled = (Vec<Verdict>, News);

struct Batch {
    messages: Vec<Intake>,
    tell: bool,
    answer: Answer<Settled>,
}

enum Job {
    Store(Batch),
    Enrol { rows: Vec<Row>, answer: Answer<()> },
    Learn { names: Vec<Named> },
    Probe { answer: Answer<()> },
}

/// Hands work to the writer's thread; cheap to clone. The thread ends when the last one is dropped.
#[derive(Clone)]
pub struct Writer {
    jobs: SyncSender<Job>,
    metrics: Arc<Metrics>,
}

impl Writer {
    /// Starts the thread. It owns the store until every [`Writer`] is gone, then folds the log and ends.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn start(store: Store, metrics: Arc<Metrics>) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (jobs, waiting) = sync_channel(QUEUE);
        let mut clerk = Clerk { store, metrics: Arc::clone(&metrics) };
        let thread = std::thread::Builder::new().name("writer".into()).spawn(move || clerk.work(&waiting))?;
        Ok((Self { jobs, metrics }, thread))
    }

    /// Stores the messages; `Ok` means that all of them are on disk, each with its verdict, in order.
    ///
    /// # Errors
    /// [`Refused`]; then none of them was stored.
    pub async fn store(&self, messages: Vec<Intake>) -> Result<Vec<Verdict>, Refused> {
        Ok(self.settle(messages, false).await?.0)
    }

    /// Stores one message; `Ok` means that it is on disk, and brings what its visitor is to be told.
    ///
    /// # Errors
    /// [`Refused`]; then it was not stored.
    pub async fn sync(&self, message: Intake) -> Result<(Verdict, News), Refused> {
        let (verdicts, news) = self.settle(vec![message], true).await?;
        // One message, one verdict; without it nothing is known to be stored.
        verdicts.first().map(|verdict| (*verdict, news)).ok_or(Refused::Unavailable)
    }

    /// Stores memberships, all or none.
    ///
    /// # Errors
    /// [`Refused`]; then none was stored.
    pub async fn enrol(&self, rows: Vec<Row>) -> Result<(), Refused> {
        let (answer, done) = oneshot::channel();
        self.send(Job::Enrol { rows, answer })?;
        done.await.unwrap_or(Err(Refused::Unavailable))
    }

    /// Asks the store to take one small write now.
    ///
    /// # Errors
    /// [`Refused`] when it cannot.
    pub async fn probe(&self) -> Result<(), Refused> {
        let (answer, done) = oneshot::channel();
        self.send(Job::Probe { answer })?;
        done.await.unwrap_or(Err(Refused::Unavailable))
    }

    /// Tells the store what keys are called.
    ///
    /// # Errors
    /// [`Refused`] when the queue is full.
    pub fn learn(&self, names: Vec<Named>) -> Result<(), Refused> {
        self.send(Job::Learn { names })
    }

    async fn settle(&self, messages: Vec<Intake>, tell: bool) -> Result<Settled, Refused> {
        let (answer, settled) = oneshot::channel();
        self.send(Job::Store(Batch { messages, tell, answer }))?;
        settled.await.unwrap_or(Err(Refused::Unavailable))
    }

    fn send(&self, job: Job) -> Result<(), Refused> {
        // Counted before it is sent: the thread may take it before `try_send` returns.
        self.metrics.queue.rise();
        self.jobs.try_send(job).map_err(|error| {
            self.metrics.queue.fall();
            match error {
                TrySendError::Full(_) => Refused::Full,
                TrySendError::Disconnected(_) => Refused::Unavailable,
            }
        })
    }
}

/// The writer's thread.
struct Clerk {
    store: Store,
    metrics: Arc<Metrics>,
}

impl Clerk {
    fn work(&mut self, waiting: &Receiver<Job>) {
        while let Ok(first) = waiting.recv() {
            let mut batch = Vec::new();
            let mut count = 0;
            let mut next = Some(first);
            while let Some(job) = next.take() {
                self.metrics.queue.fall();
                match job {
                    Job::Store(messages) => {
                        count += messages.messages.len();
                        batch.push(messages);
                    }
                    Job::Enrol { rows, answer } => {
                        let outcome = self.store.enrol(&rows, now()).map_err(|error| self.fault("memberships", &error));
                        answer.send(outcome).ok();
                    }
                    Job::Learn { names } => self.learn(&names),
                    Job::Probe { answer } => {
                        let outcome = self.store.probe(now()).map_err(|error| self.fault("probe", &error));
                        answer.send(outcome).ok();
                    }
                }
                if count < BATCH {
                    next = waiting.try_recv().ok();
                }
            }
            if !batch.is_empty() {
                self.commit(batch, count);
            }
        }
        if let Err(error) = self.store.checkpoint() {
            self.fault("last checkpoint", &error);
        }
    }

    fn commit(&mut self, batch: Vec<Batch>, count: usize) {
        let began = Instant::now();
        let messages = batch.iter().flat_map(|batch| &batch.messages);
        let outcome = self.store.store(messages, now());
        self.metrics.committed(count, began.elapsed(), outcome.is_ok());
        match outcome {
            Ok(verdicts) => {
                let mut verdicts = verdicts.into_iter();
                for Batch { messages, tell, answer } in batch {
                    let own: Vec<Verdict> = verdicts.by_ref().take(messages.len()).collect();
                    self.metrics.answered(&messages, &own);
                    let news = messages.first().filter(|_| tell).map_or_else(News::default, |intake| self.news(intake));
                    // Whoever asked may have gone away; the messages stay stored, and a repeat will be a duplicate.
                    answer.send(Ok((own, news))).ok();
                }
            }
            Err(error) => {
                let refused = self.fault("commit", &error);
                for Batch { answer, .. } in batch {
                    answer.send(Err(refused)).ok();
                }
            }
        }
    }

    /// The message is stored whatever comes of this, so a fault only makes the answer poorer.
    fn news(&self, intake: &Intake) -> News {
        self.store.news(&intake.message.visitor).unwrap_or_else(|error| {
            self.fault("answer", &error);
            News::default()
        })
    }

    fn learn(&mut self, names: &[Named]) {
        if let Err(error) = self.store.learn(names) {
            self.fault("names", &error);
        }
    }

    /// Errors of the store name tables and codes, never values: they are safe to log.
    fn fault(&self, what: &str, error: &sql::Error) -> Refused {
        self.metrics.faults.rise();
        eprintln!("store: {what} failed: {error}");
        Refused::Unavailable
    }
}
