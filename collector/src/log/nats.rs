//! The log in NATS JetStream: appending with acknowledgements in flight, and following with one consumer for all collectors.
//!
//! Appending: the server answers once the record is in its log, on a majority of the replicas where there are several. The record's
//! own hash is its name, so that one that is sent again while the first may have arrived is kept once (within [`WINDOW`]). As many
//! acknowledgements as [`IN_FLIGHT`] may be waited for; beyond that the answer is "busy" at once.
//!
//! Following: each collector pulls from the same durable consumer and acknowledges after the store's commit. What was not
//! acknowledged comes again, to any of them. A record that the store refuses again and again while it takes other writes,
//! or that cannot be read, becomes a letter: nothing ever holds up what stands behind it.
//!
//! What an acknowledgement is worth is the log's matter: a server writes at once and syncs its disk by itself every so often, so with
//! one replica a power cut can take what was acknowledged, and with three on machines of their own it cannot (ADR 8).

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use async_nats::{
    ConnectOptions, ServerAddr,
    connection::State,
    jetstream::{
        self, AckKind, Context, ErrorCode,
        consumer::{AckPolicy, PullConsumer, pull},
        context::{CreateStreamErrorKind, GetStreamErrorKind, PublishError, PublishErrorKind},
        message::PublishMessage,
        stream::{self, DiscardPolicy, RetentionPolicy, StorageType},
    },
};
use futures_util::{StreamExt as _, future::join_all};
use petitfour::identity::Digest;
use tokio::sync::watch::Receiver;

use super::record::{self, Record};
use crate::{
    event::{Delivery, Letter},
    hex,
    journal::Outcome,
    ledger::{Intake, Verdict},
    metrics::Metrics,
    writer::{Refused, Writer},
};

/// Name of the stream, and of what is published to it.
const STREAM: &str = "PETITFOUR";
const SUBJECT: &str = "petitfour.records";

/// Name of the consumer that all collectors share.
const CONSUMER: &str = "store";

/// Copies where there is a cluster.
const REPLICAS: usize = 3;

/// How long a record is known by its hash. Longer than any client's own first retries; what comes later the store knows.
const WINDOW: Duration = Duration::from_secs(120);

/// Acknowledgements that may be waited for: a second's worth at what one server does.
const IN_FLIGHT: usize = 4_096;

/// How long an acknowledgement may take: the election of a new leader fits, a client's patience is not worn out.
const PATIENCE: Duration = Duration::from_secs(5);

/// Records that are stored together at most, and how many such batches are on their way at once: while one is committed the next is
/// fetched.
const TOGETHER: usize = 256;
const BATCHES: usize = 2;

/// Records that one collector is sent ahead.
const AHEAD: usize = 1_024;

/// How long the log waits for an acknowledgement before it sends a record to somebody else.
const ACK_WAIT: Duration = Duration::from_secs(30);

/// Deliveries after which a record that fails while others do not is given up, and becomes a letter.
const TRIES: i64 = 5;

/// How long to wait after something failed.
const PAUSE: Duration = Duration::from_secs(1);

/// How often the log is asked how much waits in it.
const LOOK: Duration = Duration::from_secs(2);

/// A connection to JetStream, with its stream.
pub(super) struct Nats {
    context: Context,
    metrics: Arc<Metrics>,
    /// When something was last said of an append that failed.
    said: Mutex<Option<Instant>>,
}

/// A record as it is stored.
enum Work {
    Syncs(Vec<Intake>),
    Events(Delivery),
    Nothing,
}

/// What came of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It is in the store, or needs nothing there.
    Done,
    /// Not now.
    Later,
}

impl Nats {
    pub(super) async fn connect(addresses: &str, metrics: Arc<Metrics>) -> anyhow::Result<Self> {
        let servers: Vec<ServerAddr> = addresses
            .split(',')
            .map(|address| address.trim().parse())
            .collect::<Result<_, _>>()
            .context("--log takes nats://HOST:PORT, several separated by commas")?;
        let client = ConnectOptions::new()
            .name("petitfour-collector")
            .connection_timeout(PATIENCE)
            .connect(servers)
            .await
            .context("cannot reach the NATS of --log")?;
        let context = jetstream::context::ContextBuilder::new()
            .timeout(PATIENCE)
            .ack_timeout(PATIENCE)
            .max_ack_inflight(IN_FLIGHT)
            // Whoever sends hears at once that too much is waiting.
            .backpressure_on_inflight(false)
            .build(client);
        ensure_stream(&context).await?;
        let nats = Self { context, metrics, said: Mutex::default() };
        nats.consumer().await.context("cannot use the log's consumer")?;
        Ok(nats)
    }

    /// Appends a record; `Ok` once the log has acknowledged it.
    pub(super) async fn append(&self, record: &Record) -> Result<(), Refused> {
        let began = Instant::now();
        let outcome = self.publish(record).await;
        self.metrics.appended(began.elapsed(), outcome);
        outcome
    }

    /// Appends records, all acknowledgements in flight at once; `Ok` when all are there.
    pub(super) async fn append_all(&self, records: impl Iterator<Item = Record>) -> Result<(), Refused> {
        let records: Vec<Record> = records.collect();
        join_all(records.iter().map(|record| self.append(record))).await.into_iter().collect()
    }

    async fn publish(&self, record: &Record) -> Result<(), Refused> {
        // A client without a connection would keep what it is given, and answer to nobody.
        if self.context.client().connection_state() != State::Connected {
            return Err(Refused::Unavailable);
        }
        let bytes = record.encode().ok_or(Refused::Unavailable)?;
        let mut message = PublishMessage::build();
        if *record != Record::Probe {
            message = message.message_id(hex::write(&Digest::of(bytes.clone()).0));
        }
        let sent = self.context.send_publish(SUBJECT, message.payload(bytes.into())).await;
        let acknowledged = match sent {
            Ok(acknowledged) => acknowledged.await,
            Err(error) => Err(error),
        };
        acknowledged.map(drop).map_err(|error| {
            if error.kind() == PublishErrorKind::MaxAckPending {
                return Refused::Full;
            }
            self.say(&error);
            Refused::Unavailable
        })
    }

    /// Names streams and codes, never what was sent. While the log is away every append fails: one line a second is enough.
    fn say(&self, error: &PublishError) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.is_none_or(|at| at.elapsed() >= PAUSE) {
            *said = Some(Instant::now());
            crate::say!("log: append failed: {error}");
        }
    }

    async fn consumer(&self) -> anyhow::Result<PullConsumer> {
        let config = pull::Config {
            durable_name: Some(CONSUMER.to_owned()),
            ack_policy: AckPolicy::Explicit,
            ack_wait: ACK_WAIT,
            max_ack_pending: 20_000,
            ..pull::Config::default()
        };
        let stream = self.context.get_stream(STREAM).await?;
        Ok(stream.get_or_create_consumer(CONSUMER, config).await?)
    }

    /// Takes records out of the log and into the store until it is told to stop.
    pub(super) async fn follow(self: Arc<Self>, writer: Writer, mut stop: Receiver<bool>) {
        let looking = tokio::spawn(Arc::clone(&self).look());
        while !*stop.borrow() {
            if let Err(error) = self.follow_once(&writer, stop.clone()).await {
                crate::say!("log: cannot follow: {error:#}");
            }
            if !*stop.borrow() {
                tokio::time::timeout(PAUSE, stop.changed()).await.ok();
            }
        }
        looking.abort();
    }

    async fn follow_once(&self, writer: &Writer, mut stop: Receiver<bool>) -> anyhow::Result<()> {
        let consumer = self.consumer().await?;
        let records =
            consumer.stream().max_messages_per_batch(AHEAD).expires(Duration::from_secs(10)).messages().await?;
        let stopped = async move { drop(stop.wait_for(|stop| *stop).await) };
        let mut batches = Box::pin(
            records
                .take_until(Box::pin(stopped))
                .ready_chunks(TOGETHER)
                .map(|chunk| self.store(writer, chunk))
                .buffer_unordered(BATCHES),
        );
        while let Some(outcome) = batches.next().await {
            outcome?;
        }
        Ok(())
    }

    /// Stores a batch of records and acknowledges them; an error is the consumer's.
    async fn store(
        &self,
        writer: &Writer,
        chunk: Vec<Result<jetstream::Message, pull::MessagesError>>,
    ) -> anyhow::Result<()> {
        let mut fault = None;
        let mut messages = Vec::with_capacity(chunk.len());
        for item in chunk {
            match item {
                Ok(message) => messages.push(message),
                Err(error) => fault = Some(error),
            }
        }
        let fates = join_all(messages.iter().map(|message| self.settle(writer, message))).await;
        let mut failed = false;
        for (message, fate) in messages.iter().zip(fates) {
            let kind = match fate {
                Fate::Done => AckKind::Ack,
                Fate::Later => AckKind::Nak(Some(PAUSE)),
            };
            failed |= fate == Fate::Later;
            // An acknowledgement that is lost brings the record again, which changes nothing.
            message.ack_with(kind).await.ok();
        }
        if failed {
            // The store is not well: not to ask it for everything in the log at full speed.
            tokio::time::sleep(PAUSE).await;
        }
        fault.map_or(Ok(()), |error| Err(error.into()))
    }

    async fn settle(&self, writer: &Writer, message: &jetstream::Message) -> Fate {
        let tries = message.info().map_or(0, |info| info.delivered);
        // Twice at most: while the store was away every record failed, so a record is at fault only when it fails again after the
        // store has taken another write.
        for _ in 0..2 {
            let Some(work) = Work::read(&message.payload) else {
                let letter = letter(message, "log/unreadable", "no record that this build knows");
                return self.bury(writer, letter).await;
            };
            match work.store(writer).await {
                Ok(()) => {
                    self.metrics.log_stored.rise();
                    return Fate::Done;
                }
                // The record was not even tried.
                Err(Refused::Full) => return Fate::Later,
                Err(Refused::Unavailable) => {}
            }
            if tries < TRIES || writer.probe().await.is_err() {
                return Fate::Later;
            }
        }
        let letter = letter(message, "log/refused", "the store refused it again and again");
        self.bury(writer, letter).await
    }

    async fn bury(&self, writer: &Writer, letter: Letter) -> Fate {
        self.metrics.log_letters.rise();
        match writer.deliver(Delivery { letters: vec![letter], ..Delivery::default() }).await {
            Ok(_) => Fate::Done,
            Err(_) => Fate::Later,
        }
    }

    /// Asks again and again how much waits.
    async fn look(self: Arc<Self>) {
        loop {
            if let Ok(consumer) = self.consumer().await {
                let info = consumer.cached_info();
                self.metrics.log_pending.set(info.num_pending.saturating_add(info.num_ack_pending as u64));
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl Work {
    fn read(bytes: &[u8]) -> Option<Self> {
        Some(match Record::decode(bytes)? {
            Record::Syncs(messages) => {
                Self::Syncs(messages.iter().map(|bytes| record::intake(bytes).ok()).collect::<Option<_>>()?)
            }
            Record::Events(delivery) => Self::Events(delivery),
            Record::Probe => Self::Nothing,
        })
    }

    async fn store(self, writer: &Writer) -> Result<(), Refused> {
        match self {
            Self::Syncs(messages) => writer.store(messages).await.map(|_: Vec<Verdict>| ()),
            Self::Events(delivery) => writer.deliver(delivery).await.map(|_: Vec<Outcome>| ()),
            Self::Nothing => Ok(()),
        }
    }
}

/// Makes the stream when it is missing: in a cluster with three copies, on a lonely server with one.
async fn ensure_stream(context: &Context) -> anyhow::Result<()> {
    match context.get_stream(STREAM).await {
        Ok(_) => return Ok(()),
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(told) if told.error_code() == ErrorCode::STREAM_NOT_FOUND => {}
            _ => return Err(error).context("cannot use JetStream of --log; is it switched on?"),
        },
    }
    let config = |replicas| stream::Config {
        name: STREAM.to_owned(),
        subjects: vec![SUBJECT.to_owned()],
        // What was acknowledged to the log by the store is gone from it.
        retention: RetentionPolicy::WorkQueue,
        storage: StorageType::File,
        num_replicas: replicas,
        duplicate_window: WINDOW,
        // The server's own limit of storage bounds it. Full is full: nothing that was acknowledged is let go for something new.
        discard: DiscardPolicy::New,
        ..stream::Config::default()
    };
    let lonely = |error: &jetstream::context::CreateStreamError| match error.kind() {
        CreateStreamErrorKind::JetStream(told) => told.error_code() == ErrorCode::STREAM_REPLICAS_NOT_SUPPORTED,
        _ => false,
    };
    match context.create_stream(config(REPLICAS)).await {
        Ok(_) => Ok(()),
        Err(error) if lonely(&error) => {
            context.create_stream(config(1)).await.context("cannot make the log's stream")?;
            Ok(())
        }
        Err(error) => bail!("cannot make the log's stream with {REPLICAS} copies, is the cluster whole? {error}"),
    }
}

fn letter(message: &jetstream::Message, code: &str, text: &str) -> Letter {
    let number = message.info().map_or(0, |info| info.stream_sequence);
    Letter {
        source: "log".to_owned(),
        path: "/log".to_owned(),
        position: u32::try_from(number).unwrap_or(u32::MAX),
        code: code.to_owned(),
        field: String::new(),
        message: text.to_owned(),
        body: message.payload.to_vec(),
    }
}
