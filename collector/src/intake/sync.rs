//! `POST /v1/sync` and `/v1/syncs`: from a body to rows on disk, or to a stated refusal.
//!
//! Memory is bounded before it is used: a request reserves room for the body it announces (or for the longest allowed)
//! before a byte of it is read, and keeps it until it is answered. When the room is taken, the answer is 503 at once.
//! Bodies that are too long are read to a bound and thrown away, so that the client gets to read its 413.

use std::{pin::Pin, sync::Arc, time::Duration};

use axum::{
    Json,
    body::{Body, HttpBody},
    extract::State,
    http::{Request, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use petitfour::sync::answer::{self, Answer};
use serde::Serialize;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{
    answer::Refusal,
    key,
    ledger::Verdict,
    log::record,
    members::{self, News},
    metrics::Metrics,
    site::App,
};

/// Longest body of one sync: what browsers share among all requests that may outlive a page.
pub const SYNC_BYTES: usize = 64 * 1024;

/// Longest body of a batch of syncs.
pub const SYNCS_BYTES: usize = 1024 * 1024;

/// Room for all bodies that are being read or wait for the disk.
const ROOM: usize = 32 * 1024 * 1024;

/// What is read and thrown away of a body that is too long, beyond its limit.
const THROWN_AWAY: usize = 1024 * 1024;

/// Room is taken in steps of so much, each twice the last: one step for most bodies.
const STEP: usize = 16 * 1024;

/// How long a body may take: a phone on a bad line sends 64 KB in this time, a client that holds its room on purpose loses it.
const BODY_TIME: Duration = Duration::from_secs(10);

/// The room that bodies share.
pub struct Room(Semaphore);

impl Default for Room {
    fn default() -> Self {
        Self(Semaphore::new(ROOM))
    }
}

impl Room {
    pub(crate) fn reserve(&self, bytes: usize) -> Result<SemaphorePermit<'_>, Refusal> {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.0.try_acquire_many(bytes).map_err(|_| Refusal::Busy)
    }
}

/// A body that was read within the shared room, which it holds until it is dropped.
pub(crate) struct Held<'r> {
    pub(crate) bytes: Vec<u8>,
    room: SemaphorePermit<'r>,
}

impl Room {
    /// Reads a body and takes its room as it arrives: a client that announces much and sends little keeps nobody else out. `more` is taken too, for
    /// what will be made of it.
    pub(crate) async fn hold(&self, body: Body, limit: usize, more: usize) -> Result<Held<'_>, Refusal> {
        let reading = self.gather(body, limit, more);
        tokio::time::timeout(BODY_TIME, reading).await.unwrap_or(Err(Refusal::Slow))
    }

    async fn gather(&self, mut body: Body, limit: usize, more: usize) -> Result<Held<'_>, Refusal> {
        let mut held = Held { bytes: Vec::new(), room: self.reserve(STEP)? };
        let mut reserved = STEP;
        let mut length = 0_usize;
        while let Some(frame) = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
            let Ok(data) = frame.map_err(|_| Refusal::Broken)?.into_data() else { continue };
            length = length.saturating_add(data.len());
            if length > limit {
                // What is too long is thrown away, but read for a while, so that the client gets to read its answer.
                held.bytes = Vec::new();
                if length > limit.saturating_add(THROWN_AWAY) {
                    break;
                }
                continue;
            }
            while reserved < length {
                held.room.merge(self.reserve(STEP.max(reserved))?);
                reserved += STEP.max(reserved);
            }
            held.bytes.extend_from_slice(&data);
        }
        if length > limit {
            return Err(Refusal::TooLarge(limit));
        }
        if more > 0 {
            held.room.merge(self.reserve(more)?);
        }
        Ok(held)
    }
}

/// The answer to a batch: sums, and one word for each message in order.
#[derive(Debug, Default, Serialize)]
pub struct Answers {
    stored: usize,
    duplicate: usize,
    forgotten: usize,
    refused: usize,
    verdicts: Vec<&'static str>,
}

/// Stores one sync; the answer is an [`Answer`] in its own format.
///
/// # Errors
/// A [`Refusal`] with its status; nothing was stored then.
pub async fn sync(State(app): State<Arc<App>>, request: Request<Body>) -> Result<Response, Refusal> {
    let outcome = store_one(&app, request).await;
    let answer = outcome.inspect_err(|refusal| count(&app.metrics, refusal))?;
    Ok(([(CONTENT_TYPE, "application/octet-stream")], answer.encode()).into_response())
}

/// Stores several syncs, each after its length (u32, little-endian), in one transaction.
///
/// # Errors
/// A [`Refusal`] when the body as a whole cannot be used; nothing was stored then. A message that cannot be read does not
/// sink the others: its code stands in its place in the answer.
pub async fn syncs(State(app): State<Arc<App>>, request: Request<Body>) -> Result<Json<Answers>, Refusal> {
    let outcome = store_many(&app, request).await;
    outcome.inspect_err(|refusal| count(&app.metrics, refusal))
}

async fn store_one(app: &App, request: Request<Body>) -> Result<Answer, Refusal> {
    let body = request.into_body();
    let _room = app.room.reserve(announced(&body, SYNC_BYTES))?;
    let bytes = read(body, SYNC_BYTES).await?;
    let intake = record::intake(&bytes).map_err(Refusal::Message)?;
    let visitor = intake.message.visitor;
    let verdict = app.log.syncs(vec![intake], vec![bytes]).await?.first().copied().ok_or(Refusal::Unavailable)?;
    let engine = app.asked();
    // The message is stored whatever comes of this, so a fault only makes the answer poorer.
    let told = app.reader.run("answer", move |connection| members::news(connection, engine.as_ref(), &visitor)).await;
    let News { received, members, elsewhere, standings, feeds } = told.unwrap_or_default();
    let verdict = match verdict {
        Verdict::Stored => answer::Verdict::Stored,
        Verdict::Duplicate | Verdict::Conflict => answer::Verdict::Duplicate,
        Verdict::Forgotten => answer::Verdict::Forgotten,
    };
    let served = app.shelf.as_ref().map(|shelf| shelf.current());
    let (bundle, version) = served.map_or((0, 0), |served| (served.number, served.version));
    Ok(Answer { verdict, bundle, version, feeds, received, members, elsewhere, standings })
}

async fn store_many(app: &App, request: Request<Body>) -> Result<Json<Answers>, Refusal> {
    let body = request.into_body();
    let _room = app.room.reserve(announced(&body, SYNCS_BYTES))?;
    let bytes = read(body, SYNCS_BYTES).await?;
    let mut answers = Answers::default();
    let (mut messages, mut encoded) = (Vec::new(), Vec::new());
    for frame in frames(&bytes)? {
        match record::intake(frame) {
            Ok(intake) => {
                messages.push(intake);
                encoded.push(frame.to_vec());
                // Known after the commit.
                answers.verdicts.push("");
            }
            Err(error) => {
                app.metrics.invalid.rise();
                answers.refused += 1;
                answers.verdicts.push(error.code());
            }
        }
    }
    drop(bytes);
    let stored = if messages.is_empty() { Vec::new() } else { app.log.syncs(messages, encoded).await? };
    for (place, verdict) in answers.verdicts.iter_mut().filter(|word| word.is_empty()).zip(stored) {
        *place = word(verdict);
        match verdict {
            Verdict::Stored => answers.stored += 1,
            Verdict::Duplicate | Verdict::Conflict => answers.duplicate += 1,
            Verdict::Forgotten => answers.forgotten += 1,
        }
    }
    Ok(Json(answers))
}

/// A conflict is a repeat to the device: sending it again would change nothing.
fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Stored => "stored",
        Verdict::Duplicate | Verdict::Conflict => "duplicate",
        Verdict::Forgotten => "forgotten",
    }
}

fn frames(mut bytes: &[u8]) -> Result<Vec<&[u8]>, Refusal> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk::<4>().ok_or(Refusal::Frame)?;
        let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| Refusal::Frame)?;
        let (frame, rest) = rest.split_at_checked(length).ok_or(Refusal::Frame)?;
        frames.push(frame);
        bytes = rest;
    }
    Ok(frames)
}

/// How much room a body needs: what it announces, at most the limit; the limit when it announces nothing.
fn announced(body: &Body, limit: usize) -> usize {
    body.size_hint().exact().and_then(|bytes| usize::try_from(bytes).ok()).map_or(limit, |bytes| bytes.min(limit))
}

pub(crate) async fn read(body: Body, limit: usize) -> Result<Vec<u8>, Refusal> {
    tokio::time::timeout(BODY_TIME, collect(body, limit)).await.unwrap_or(Err(Refusal::Slow))
}

async fn collect(mut body: Body, limit: usize) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::with_capacity(announced(&body, limit));
    let mut length = 0_usize;
    while let Some(frame) = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let Ok(data) = frame.map_err(|_| Refusal::Broken)?.into_data() else { continue };
        length = length.saturating_add(data.len());
        if length <= limit {
            bytes.extend_from_slice(&data);
        } else if length > limit.saturating_add(THROWN_AWAY) {
            break;
        }
    }
    if length > limit { Err(Refusal::TooLarge(limit)) } else { Ok(bytes) }
}

pub(crate) fn count(metrics: &Metrics, refusal: &Refusal) {
    match refusal {
        Refusal::Message(_)
        | Refusal::Frame
        | Refusal::Broken
        | Refusal::Fault(_)
        | Refusal::Type
        | Refusal::Packed(_)
        | Refusal::Key(key::Refused::Unknown | key::Refused::Kind | key::Refused::Origin) => metrics.invalid.rise(),
        Refusal::TooLarge(_) => metrics.too_large.rise(),
        Refusal::Slow => metrics.slow.rise(),
        Refusal::Busy | Refusal::Unavailable | Refusal::Key(key::Refused::Rate(_)) => metrics.busy.rise(),
        // Nothing was read of these.
        _ => {}
    }
}
