//! Why a message went by this channel and not by that one: what a collector knows of one person, in sentences.
//!
//! The collector says what became of each message, what holds back those that wait, and what its bundle asks of each channel; here that is
//! put into words, with what would have to change. What a step offers and what a channel asks for are those of the bundle that the
//! collector has now, also of messages that went under an older one.
//!
//! Absent on purpose: a judgement. Which channel may carry a message is the engine's word at the collector.

mod reason;

use std::collections::BTreeMap;
use std::io::Write as _;

use anyhow::{Context, anyhow, bail};
use petitfour::identity::{self, Digest, Namespace};
use petitfour::time::{Moment, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::reason::Given;
use crate::collector::Collector;
use crate::replay::check;
use crate::words;

/// What is asked of a collector.
pub(super) struct Asked<'a> {
    /// Whom.
    pub(super) person: &'a str,
    /// Why messages did not go by this channel.
    pub(super) channel: Option<&'a str>,
    /// So many of those that went.
    pub(super) last: usize,
}

/// What a collector answers.
#[derive(Debug, Deserialize)]
struct Told {
    messages: Vec<Message>,
    waiting: Vec<Waiting>,
    channels: BTreeMap<String, Rules>,
    /// What all channels together may send; none where they may send any number.
    pressure: Option<Caps>,
}

/// A message that went, or was let go.
#[derive(Debug, Deserialize)]
struct Message {
    at: u64,
    offset_minutes: i16,
    channel: String,
    message: String,
    journey: String,
    step: String,
    offers: Option<Vec<String>>,
    let_go: Option<String>,
    not_by: BTreeMap<String, String>,
}

/// A message that waits.
#[derive(Debug, Deserialize)]
struct Waiting {
    now: u64,
    since: u64,
    offset_minutes: i16,
    message: String,
    journey: String,
    step: String,
    offers: Vec<String>,
    not_by: BTreeMap<String, String>,
    goes_by: Option<String>,
    until: Option<u64>,
    until_offset_minutes: Option<i16>,
}

/// What the bundle asks of a channel.
#[derive(Debug, Default, Deserialize)]
struct Rules {
    needs: Vec<String>,
    caps: Caps,
    quiet: Option<Quiet>,
}

#[derive(Debug, Default, Deserialize)]
struct Caps {
    day: Option<u32>,
    week: Option<u32>,
}

#[derive(Debug, Deserialize)]
struct Quiet {
    from: String,
    until: String,
}

/// One message in words.
#[derive(Debug, Serialize)]
struct Line {
    message: String,
    journey: String,
    step: String,
    /// When it went or was let go, or since when it waits.
    at: String,
    /// By which channel it went, or goes.
    channel: Option<String>,
    let_go: Option<String>,
    /// Until when it waits, before it is asked again.
    until: Option<String>,
    /// Why not by the channels that were asked before.
    not_by: BTreeMap<String, String>,
    instead_of: Option<Instead>,
    sentences: Vec<String>,
}

/// Why a message did not go by a channel.
#[derive(Debug, Serialize)]
struct Instead {
    channel: String,
    /// A stable word: a reason of `not_by`, or `order`, `not_offered`, `changed`, `step_gone`, `chosen`.
    reason: String,
    why: String,
    to_change: Option<String>,
}

/// Asks a collector and prints what it says.
pub(super) fn run(address: &str, asked: &Asked<'_>, as_json: bool) -> anyhow::Result<bool> {
    let collector = Collector::at(address)?;
    let id = find(&collector, asked.person)?;
    let told = collector.get(&format!("/v1/persons/{id}/messages"), &[])?.with_context(|| nobody(asked.person))?;
    let told: Told = serde_json::from_value(told)
        .map_err(|_| anyhow!("{address} answers with fewer facts than are asked for: it is older than this command"))?;
    if let Some(channel) = asked.channel {
        if told.channels.is_empty() {
            bail!("{address} has no bundle with channels: start it with --segments");
        }
        check(channel, "channel", " in the collector's bundle", told.channels.keys().map(String::as_str))?;
    }
    let waiting = told.waiting.iter().map(|waiting| waits(waiting, asked, &told));
    let lines: Vec<Line> =
        waiting.chain(told.messages.iter().take(asked.last).map(|one| went(one, asked, &told))).collect();
    if as_json {
        println!("{}", serde_json::to_string_pretty(&json!({ "person": id, "messages": lines }))?);
        return Ok(true);
    }
    let mut text = String::new();
    for line in &lines {
        text.push_str(&line.sentences.join("\n  "));
        text.push_str("\n\n");
    }
    if lines.is_empty() {
        text.push_str("No message of a journey was sent to them or let go, and none waits.\n");
    }
    // A reader that has seen enough (`| head`) is no fault.
    let _ = write!(std::io::stdout(), "{text}");
    Ok(true)
}

/// A message that went, or was let go.
fn went(told: &Message, asked: &Asked<'_>, all: &Told) -> Line {
    let Message { message, journey, step, channel, .. } = told;
    let at = Moment { now: Timestamp(told.at), offset_minutes: told.offset_minutes };
    let given = Given { channels: &all.channels, pressure: all.pressure.as_ref(), at, is_past: true };
    let when = words::moment(at);
    let first = match &told.let_go {
        None => format!("{message} went by {channel}, {when} (journey {journey}, step {step})."),
        Some(_) => format!("{message} was let go, {when} (journey {journey}, step {step})."),
    };
    let mut sentences = vec![first];
    let mut refusals = told.not_by.clone();
    // The last channel that was asked stands with the message itself.
    refusals.extend(told.let_go.iter().map(|reason| (channel.clone(), reason.clone())));
    let taken = told.let_go.is_none().then_some(channel.as_str());
    let instead =
        asked.channel.map(|wanted| given.instead(wanted, taken, &refusals, (told.offers.as_deref(), journey, step)));
    sentences.extend(others(&refusals, told.offers.as_deref(), asked, &given));
    sentences.extend(instead.iter().flat_map(Instead::sentences));
    if instead.as_ref().is_some_and(|instead| instead.reason != reason::CHOSEN) {
        sentences.push(match taken {
            Some(_) => "It has gone, and goes by no other channel later.".to_owned(),
            None => "It was let go, and is not sent later: the journey went on.".to_owned(),
        });
    }
    Line {
        message: message.clone(),
        journey: journey.clone(),
        step: step.clone(),
        at: when,
        channel: taken.map(str::to_owned),
        let_go: told.let_go.clone(),
        until: None,
        not_by: refusals,
        instead_of: instead,
        sentences,
    }
}

/// A message that waits.
fn waits(told: &Waiting, asked: &Asked<'_>, all: &Told) -> Line {
    let Waiting { message, journey, step, offset_minutes, .. } = told;
    let moment = |at: u64, offset_minutes: i16| Moment { now: Timestamp(at), offset_minutes };
    let given = Given {
        channels: &all.channels,
        pressure: all.pressure.as_ref(),
        at: moment(told.now, *offset_minutes),
        is_past: false,
    };
    let since = words::moment(moment(told.since, *offset_minutes));
    let until = told.until.map(|until| moment(until, told.until_offset_minutes.unwrap_or(*offset_minutes)));
    let until = until.map(words::moment);
    let then = match (&told.goes_by, &until) {
        (Some(channel), _) => {
            format!("nothing holds it back any more, and it goes by {channel} when the person is looked at next")
        }
        (None, Some(until)) => format!("it is asked again at {until}"),
        (None, None) => "it is let go when the person is looked at next".to_owned(),
    };
    let mut sentences = vec![format!("{message} waits since {since} (journey {journey}, step {step}): {then}.")];
    let offers = Some(told.offers.as_slice());
    let instead = asked
        .channel
        .map(|wanted| given.instead(wanted, told.goes_by.as_deref(), &told.not_by, (offers, journey, step)));
    sentences.extend(others(&told.not_by, offers, asked, &given));
    sentences.extend(instead.iter().flat_map(Instead::sentences));
    Line {
        message: message.clone(),
        journey: journey.clone(),
        step: step.clone(),
        at: since,
        channel: told.goes_by.clone(),
        let_go: None,
        until,
        not_by: told.not_by.clone(),
        instead_of: instead,
        sentences,
    }
}

/// Why not by the channels that were asked before, but for the one that is explained at length.
fn others(
    not_by: &BTreeMap<String, String>,
    offers: Option<&[String]>,
    asked: &Asked<'_>,
    given: &Given<'_>,
) -> Vec<String> {
    let mut refused: Vec<(&String, &String)> =
        not_by.iter().filter(|(channel, _)| asked.channel != Some(channel.as_str())).collect();
    // In the author's order, as far as it is known.
    let place = |channel: &String| offers.and_then(|offers| offers.iter().position(|offered| offered == channel));
    refused.sort_by_key(|(channel, _)| place(channel));
    let told = refused.into_iter().map(|(channel, reason)| (channel, given.words(channel, reason).0));
    told.map(|(channel, why)| format!("Not by {channel}: {why}.")).collect()
}

impl Instead {
    fn sentences(&self) -> Vec<String> {
        if self.reason == reason::CHOSEN {
            return vec![format!("{}.", self.why)];
        }
        let change = self.to_change.iter().map(|change| format!("To change that, {change}."));
        std::iter::once(format!("Not by {}: {}.", self.channel, self.why)).chain(change).collect()
    }
}

/// Kinds of identifiers, each with what makes a digest of one here; `None` where the value itself is the digest's text.
const KINDS: [(&str, Option<Namespace>); 6] = [
    ("user_id", Some(Namespace::User)),
    ("email", Some(Namespace::Email)),
    ("phone", Some(Namespace::Phone)),
    ("crm_id", Some(Namespace::Crm)),
    ("anonymous_id", None),
    ("device_id", None),
];

/// The universal id of a person. What they are known by leaves this machine as a digest: addresses of requests end up in logs.
fn find(collector: &Collector, told: &str) -> anyhow::Result<String> {
    let told = told.trim();
    if told.len() == 32 && told.chars().all(|digit| digit.is_ascii_hexdigit()) {
        return Ok(told.to_lowercase());
    }
    let (kind, value) = told.split_once(':').unwrap_or(("user_id", told));
    check(kind, "kind of identifier", "", KINDS.iter().map(|(name, _)| *name))?;
    let namespace = KINDS.iter().find(|(name, _)| *name == kind).and_then(|(_, namespace)| *namespace);
    let digests = match namespace {
        Some(namespace) => identity::read(namespace, value)
            .map_err(|refusal| anyhow!("`{told}` is nobody: {refusal}"))?
            .iter()
            .map(|hashed| *hashed.digest())
            .collect(),
        None => vec![Digest::of(value.trim())],
    };
    for digest in digests {
        if let Some(found) = collector.get("/v1/persons", &[("kind", kind), ("value", &digest.hex())])? {
            let id =
                found.get("person").and_then(Value::as_str).context("the collector names a person without an id")?;
            return Ok(id.to_owned());
        }
    }
    Err(anyhow!(nobody(told)))
}

fn nobody(told: &str) -> String {
    let kinds: Vec<&str> = KINDS.iter().map(|(name, _)| *name).collect();
    format!(
        "the collector knows nobody as `{told}`: write a universal id (32 hex digits), or one of {} with its value, as in email:anna@shop.example",
        kinds.join(", ")
    )
}
