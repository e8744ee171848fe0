//! Messages to a collector, in batches: each message after its length, as `POST /v1/syncs` takes them.

use std::{thread, time::Duration};

use anyhow::{Context, bail};
use serde::Deserialize;

/// A batch is posted before it grows past this; the collector takes 1 MiB.
const BATCH: usize = 900_000;

/// Tries for one batch while the collector says that it is busy.
const TRIES: u32 = 8;

/// What the collector took.
#[derive(Clone, Copy, Debug, Default, serde::Serialize)]
pub(crate) struct Taken {
    /// Messages posted.
    pub(crate) messages: u64,
    /// Stored now.
    pub(crate) stored: u64,
    /// Known already: the replay is deterministic, so a second run repeats the first.
    pub(crate) duplicate: u64,
    /// Bytes of all messages.
    pub(crate) bytes: u64,
}

/// A collector that is being fed.
pub(crate) struct Post {
    url: String,
    agent: ureq::Agent,
    batch: Vec<u8>,
    taken: Taken,
}

#[derive(Deserialize)]
struct Answer {
    stored: u64,
    duplicate: u64,
    refused: u64,
}

impl Post {
    /// A collector at an address; nothing is sent yet.
    pub(crate) fn to(collector: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(30)))
            .build();
        let url = format!("{}/v1/syncs", collector.trim_end_matches('/'));
        Self { url, agent: config.into(), batch: Vec::new(), taken: Taken::default() }
    }

    /// Adds a message; a full batch is posted.
    pub(crate) fn add(&mut self, message: &[u8]) -> anyhow::Result<()> {
        if self.batch.len() + message.len() + 4 > BATCH {
            self.finish()?;
        }
        let length = u32::try_from(message.len()).context("a message is too long")?;
        self.batch.extend_from_slice(&length.to_le_bytes());
        self.batch.extend_from_slice(message);
        self.taken.messages += 1;
        self.taken.bytes += u64::from(length);
        Ok(())
    }

    /// Posts what waits.
    pub(crate) fn finish(&mut self) -> anyhow::Result<()> {
        let batch = std::mem::take(&mut self.batch);
        if batch.is_empty() {
            return Ok(());
        }
        for turn in 0..TRIES {
            let mut response =
                self.agent.post(&self.url).send(&batch).with_context(|| format!("cannot reach {}", self.url))?;
            match response.status().as_u16() {
                200 => {
                    let answer: Answer = response.body_mut().read_json().context("the collector's answer")?;
                    if answer.refused > 0 {
                        bail!("{} refused {} messages", self.url, answer.refused);
                    }
                    self.taken.stored += answer.stored;
                    self.taken.duplicate += answer.duplicate;
                    return Ok(());
                }
                429 | 503 => thread::sleep(Duration::from_millis(100 << turn)),
                status => {
                    let text = response.body_mut().read_to_string().unwrap_or_default();
                    bail!("{} answered {status}: {}", self.url, text.trim());
                }
            }
        }
        bail!("{} is still busy after {TRIES} tries", self.url)
    }

    /// What it took so far.
    pub(crate) fn taken(&mut self) -> Taken {
        std::mem::take(&mut self.taken)
    }
}
