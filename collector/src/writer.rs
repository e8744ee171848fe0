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
    event::{Delivery, Event, Letter},
    graph::Graph,
    journal::{Journal, Outcome},
    ledger::{Intake, Ledger, Verdict},
    metrics::Metrics,
    names::{self, Named},
    params, sql,
    store::{Store, now},
};

/// Jobs that may wait. At some thousands of jobs a second this is a fraction of a second of work.
const QUEUE: usize = 1_024;

/// Messages and events of one transaction. A hundred requests of twenty events fit: with 512, a busy collector synced twice as often as it
/// needed to. More would make the first one wait for the last without saving a noticeable share of syncs.
const BATCH: usize = 2_048;

/// Why messages were not stored. Both mean "try again".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The queue is full.
    Full,
    /// The store could not be written, or the collector is going down.
    Unavailable,
}

type Answer<T> = oneshot::Sender<Result<T, Refused>>;

/// What is written together with everything else that waits.
enum Work {
    Syncs { messages: Vec<Intake>, answer: Answer<Vec<Verdict>> },
    Events { delivery: Delivery, answer: Answer<Vec<Outcome>> },
}

/// What came of one piece of work, to be answered once it is on disk.
enum Done {
    Syncs(Vec<Verdict>),
    Events(Vec<Outcome>),
}

/// Something that has a transaction of its own.
type Errand = Box<dyn FnOnce(&mut Clerk) + Send>;

enum Job {
    Write(Work),
    Run(Errand),
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
        let (answer, settled) = oneshot::channel();
        self.send(Job::Write(Work::Syncs { messages, answer }))?;
        settled.await.unwrap_or(Err(Refused::Unavailable))
    }

    /// Stores events and letters; `Ok` means that all are on disk, and what became of each event, in order.
    ///
    /// # Errors
    /// [`Refused`]; then none was stored.
    pub async fn deliver(&self, delivery: Delivery) -> Result<Vec<Outcome>, Refused> {
        let (answer, done) = oneshot::channel();
        self.send(Job::Write(Work::Events { delivery, answer }))?;
        done.await.unwrap_or(Err(Refused::Unavailable))
    }

    /// Does some work in a transaction of its own; `Ok` means that it is on disk. `what` is what a log calls it.
    ///
    /// # Errors
    /// [`Refused`]; then nothing of it was kept.
    pub async fn run<R: Send + 'static>(
        &self,
        what: &'static str,
        work: impl FnOnce(&mut Graph<'_>) -> sql::Result<R> + Send + 'static,
    ) -> Result<R, Refused> {
        let (answer, done) = oneshot::channel();
        self.send(Job::Run(Box::new(move |clerk| {
            let outcome = clerk.store.write(now(), work).map_err(|error| clerk.fault(what, &error));
            answer.send(outcome).ok();
        })))?;
        done.await.unwrap_or(Err(Refused::Unavailable))
    }

    /// Asks the store to take one small write now.
    ///
    /// # Errors
    /// [`Refused`] when it cannot.
    pub async fn probe(&self) -> Result<(), Refused> {
        self.run("probe", probe).await
    }

    /// Tells the store what keys are called, without waiting for it.
    ///
    /// # Errors
    /// [`Refused`] when the queue is full.
    pub fn learn(&self, names: Vec<Named>) -> Result<(), Refused> {
        self.send(Job::Run(Box::new(move |clerk| {
            if let Err(error) = clerk.store.write(now(), |graph| names::learn(graph.connection, &names)) {
                clerk.fault("names", &error);
            }
        })))
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

impl Work {
    /// How many messages or events it has.
    fn len(&self) -> usize {
        match self {
            Self::Syncs { messages, .. } => messages.len(),
            Self::Events { delivery, .. } => delivery.events.len() + delivery.letters.len(),
        }
    }

    fn refuse(self, refused: Refused) {
        // Whoever asked may have gone away.
        match self {
            Self::Syncs { answer, .. } => drop(answer.send(Err(refused))),
            Self::Events { answer, .. } => drop(answer.send(Err(refused))),
        }
    }
}

/// Writes everything of a batch together: what is looked up for many at once is looked up once.
fn record(graph: &mut Graph<'_>, batch: &[Work]) -> sql::Result<Vec<Done>> {
    let (mut events, mut letters, mut syncs): (Vec<&Event>, Vec<&Letter>, Vec<&Intake>) = Default::default();
    for work in batch {
        match work {
            Work::Syncs { messages, .. } => syncs.extend(messages),
            Work::Events { delivery, .. } => {
                events.extend(&delivery.events);
                letters.extend(&delivery.letters);
            }
        }
    }
    let mut journal = Journal::new(graph);
    let mut outcomes = journal.record_all(&events)?.into_iter();
    letters.into_iter().try_for_each(|letter| journal.bury(letter))?;
    journal.close()?;
    let mut ledger = Ledger::new(graph);
    let verdicts: Vec<Verdict> = syncs.into_iter().map(|intake| ledger.record(intake)).collect::<sql::Result<_>>()?;
    ledger.close()?;
    let mut verdicts = verdicts.into_iter();
    Ok(batch
        .iter()
        .map(|work| match work {
            Work::Syncs { messages, .. } => Done::Syncs(verdicts.by_ref().take(messages.len()).collect()),
            Work::Events { delivery, .. } => Done::Events(outcomes.by_ref().take(delivery.events.len()).collect()),
        })
        .collect())
}

/// One small write.
fn probe(graph: &mut Graph<'_>) -> sql::Result<()> {
    let probed = "INSERT INTO about (key, value) VALUES ('probed', ?1)
         ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    graph.connection.execute(probed, params![graph.received]).map(drop)
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
                    Job::Write(work) => {
                        count += work.len();
                        batch.push(work);
                    }
                    Job::Run(errand) => errand(self),
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

    fn commit(&mut self, batch: Vec<Work>, count: usize) {
        let began = Instant::now();
        let mut outcome = self.write(&batch);
        if let Err(error) = &outcome {
            self.log("commit", error);
            // A connection that broke gave the transaction up, or kept it and could not say so: the same again is harmless.
            if self.mended() {
                outcome = self.write(&batch).inspect_err(|error| self.log("second commit", error));
            }
        }
        self.metrics.committed(count, began.elapsed(), outcome.is_ok());
        match outcome {
            Ok(done) => batch.into_iter().zip(done).for_each(|(work, done)| self.answer(work, done)),
            // The store takes writes, so one of them is at fault: the others are not to suffer for it.
            Err(_) if batch.len() > 1 && self.takes_writes() => {
                for work in batch {
                    let count = work.len();
                    self.commit(vec![work], count);
                }
            }
            Err(_) => batch.into_iter().for_each(|work| work.refuse(Refused::Unavailable)),
        }
    }

    fn write(&mut self, batch: &[Work]) -> sql::Result<Vec<Done>> {
        self.store.write(now(), |graph| record(graph, batch))
    }

    fn takes_writes(&mut self) -> bool {
        self.store.write(now(), probe).is_ok()
    }

    /// Whoever asked may have gone away; what they sent stays stored, and a repeat will be a duplicate.
    fn answer(&self, work: Work, done: Done) {
        match (work, done) {
            (Work::Syncs { messages, answer }, Done::Syncs(verdicts)) => {
                self.metrics.answered(&messages, &verdicts);
                answer.send(Ok(verdicts)).ok();
            }
            (Work::Events { delivery, answer }, Done::Events(outcomes)) => {
                self.metrics.delivered(&outcomes, delivery.letters.len());
                answer.send(Ok(outcomes)).ok();
            }
            (work, _) => work.refuse(Refused::Unavailable),
        }
    }

    fn fault(&mut self, what: &str, error: &sql::Error) -> Refused {
        self.log(what, error);
        self.mended();
        Refused::Unavailable
    }

    /// Connects anew when the connection has broken; true when that was so and it stands again.
    fn mended(&mut self) -> bool {
        self.store.mend().unwrap_or_else(|error| {
            self.log("reconnect", &error);
            false
        })
    }

    /// Errors of the store name tables and codes, never values: they are safe to log.
    fn log(&self, what: &str, error: &sql::Error) {
        self.metrics.faults.rise();
        crate::say!("store: {what} failed: {error}");
    }
}
