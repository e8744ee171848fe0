//! Roster: which destinations there are, as `destinations.yaml` says.
//!
//! Secrets are not in the file: it names environment variables. A name that is not set, a template that does not parse
//! or a key that nobody reads is an error when the collector starts, not a parcel that is lost later.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use anyhow::{Context as _, bail};
use serde::Deserialize;

use super::{
    Destination, Kind,
    audience::Audience,
    backoff::Backoff,
    mail::{Leave, Letter, Line, Mail, Relay, Security},
    mqtt::{Broker, Mqtt},
    nats::{Nats, Route, Stream},
    platform::Platform,
    trail::Trail,
    webhook::{Secret, Webhook},
};

/// The file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Roster {
    /// Destinations, in the order of the file.
    pub destinations: Vec<Entry>,
}

/// One destination.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// What it is called; parcels and the delivery log know it by this.
    pub name: String,
    /// Segments whose joins and leaves it is told.
    #[serde(default)]
    pub segments: Vec<String>,
    /// Channels of journeys whose messages it carries; mail carries `mail` unless it says otherwise.
    #[serde(default)]
    channels: Option<Vec<String>>,
    /// Which kinds of parcels it takes; without it, all that its channel can do.
    #[serde(default)]
    kinds: Option<Vec<Kind>>,
    #[serde(default)]
    retry: Retry,
    /// How long a parcel is lent to a lane; without it, five minutes.
    lease_seconds: Option<u64>,
    #[serde(flatten)]
    channel: Channel,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Retry {
    first_seconds: Option<f64>,
    longest_seconds: Option<f64>,
    attempts: Option<u32>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Channel {
    Webhook(Webhooks),
    Mail(Mails),
    Audience(Audiences),
    Mqtt(Mqtts),
    Nats(NatsEvents),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Webhooks {
    url: String,
    secret_env: String,
    previous_secret_env: Option<String>,
    #[serde(default = "hundred")]
    batch: usize,
    #[serde(default = "ten")]
    timeout_seconds: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mails {
    host: String,
    port: u16,
    security: Security,
    user: Option<String>,
    password_env: Option<String>,
    from: String,
    templates: BTreeMap<String, Words>,
    unsubscribe: Option<Unsubscribe>,
    track: Option<Track>,
    #[serde(default = "thirty")]
    timeout_seconds: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    subject: Option<String>,
    subjects: Option<Vec<Line>>,
    text: String,
    html: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Unsubscribe {
    url: String,
    key_env: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Track {
    url: String,
    key_env: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Audiences {
    platform: Platform,
    folder: PathBuf,
    #[serde(default)]
    partner: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mqtts {
    host: String,
    port: u16,
    client: String,
    topic: String,
    #[serde(default)]
    retain: bool,
    user: Option<String>,
    password_env: Option<String>,
    #[serde(default = "ten")]
    timeout_seconds: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct NatsEvents {
    servers: String,
    subject: String,
    source: String,
    #[serde(default)]
    stream: Stream,
    user: Option<String>,
    password_env: Option<String>,
    #[serde(default = "ten")]
    timeout_seconds: u64,
}

fn ten() -> u64 {
    10
}

fn thirty() -> u64 {
    30
}

fn hundred() -> usize {
    100
}

impl Roster {
    /// Reads the file's text. Names are given once, of letters, digits, `-` and `_`.
    ///
    /// # Errors
    /// When it is not YAML, or says something that nobody reads.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let roster: Self = serde_json::from_value(crate::yaml::read(text)?)?;
        let mut names = std::collections::BTreeSet::new();
        for Entry { name, .. } in &roster.destinations {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            if name.is_empty() || !name.bytes().all(plain) {
                bail!("destination {name:?}: a name has letters, digits, - and _ alone");
            }
            if !names.insert(name) {
                bail!("destination {name:?} is there twice; what waits for one must not go to the other");
            }
        }
        Ok(roster)
    }
}

impl Entry {
    /// Does it take parcels of this kind?
    #[must_use]
    pub fn takes(&self, kind: Kind) -> bool {
        self.kinds.as_ref().map_or_else(|| self.channel.kinds().contains(&kind), |kinds| kinds.contains(&kind))
    }

    /// Channels of journeys whose messages it carries.
    #[must_use]
    pub fn channels(&self) -> Vec<String> {
        let own = || if matches!(self.channel, Channel::Mail(_)) { vec!["mail".to_owned()] } else { Vec::new() };
        self.channels.clone().unwrap_or_else(own)
    }

    /// How it waits and when it gives up.
    #[must_use]
    pub fn backoff(&self) -> Backoff {
        let default = Backoff::default();
        let seconds = |given: Option<f64>, otherwise| {
            given.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).unwrap_or(otherwise)
        };
        Backoff {
            first: seconds(self.retry.first_seconds, default.first),
            longest: seconds(self.retry.longest_seconds, default.longest),
            attempts: self.retry.attempts.unwrap_or(default.attempts).max(1),
        }
    }

    /// How long a parcel is lent, if that is said.
    #[must_use]
    pub fn lease(&self) -> Option<Duration> {
        self.lease_seconds.map(|seconds| Duration::from_secs(seconds.max(1)))
    }

    /// Sets it up. `secret` answers what an environment variable holds.
    ///
    /// # Errors
    /// When a secret is missing or something that it says cannot be used; the text names the destination.
    pub fn open(&self, secret: &dyn Fn(&str) -> Option<String>) -> anyhow::Result<Box<dyn Destination>> {
        self.channel.open(&self.name, secret).with_context(|| format!("destination {}", self.name))
    }
}

impl Entry {
    /// How links for leaving are checked, when it is mail that has them.
    #[must_use]
    pub fn leave(&self, secret: &dyn Fn(&str) -> Option<String>) -> Option<Leave> {
        let Channel::Mail(mail) = &self.channel else { return None };
        let leave = mail.unsubscribe.as_ref()?;
        Leave::new(&leave.url, &secret(&leave.key_env)?).ok()
    }

    /// How addresses are checked that mails lead back to, when it is mail that is heard of again.
    #[must_use]
    pub fn trail(&self, secret: &dyn Fn(&str) -> Option<String>) -> Option<Trail> {
        let Channel::Mail(mail) = &self.channel else { return None };
        let track = mail.track.as_ref()?;
        Some(Trail::new(&self.name, &track.url, &secret(&track.key_env)?))
    }
}

impl Words {
    /// Reads them.
    fn letter(&self) -> anyhow::Result<Letter> {
        let html = self.html.as_deref();
        match (&self.subject, &self.subjects) {
            (Some(subject), None) => Ok(Letter::parse(subject, &self.text, html)?),
            (None, Some(lines)) => {
                let ids: std::collections::BTreeSet<&str> = lines.iter().map(|line| line.id.as_str()).collect();
                if ids.len() < lines.len() || ids.contains("") {
                    bail!("each of its `subjects` has an `id` of its own");
                }
                if lines.iter().all(|line| line.weight == 0) {
                    bail!("at least one of its `subjects` has a `weight` above 0");
                }
                Ok(Letter::choosing(lines.clone(), &self.text, html)?)
            }
            _ => bail!("it has either a `subject` or `subjects`"),
        }
    }
}

impl Channel {
    fn kinds(&self) -> &'static [Kind] {
        match self {
            Self::Webhook(_) | Self::Nats(_) => &Kind::ALL,
            Self::Mail(_) => &[Kind::Mail],
            Self::Audience(_) => &[Kind::Add, Kind::Remove, Kind::Delete],
            Self::Mqtt(_) => &[Kind::Event, Kind::Remove],
        }
    }

    fn open(&self, name: &str, secret: &dyn Fn(&str) -> Option<String>) -> anyhow::Result<Box<dyn Destination>> {
        let held = |name: &str| secret(name).with_context(|| format!("the environment variable {name} is not set"));
        let login = |user: &Option<String>, variable: &Option<String>| match (user, variable) {
            (Some(user), Some(variable)) => Ok(Some((user.clone(), held(variable)?))),
            (None, None) => Ok(None),
            _ => Err(anyhow::anyhow!("`user` and `password_env` go together")),
        };
        Ok(match self {
            Self::Webhook(hook) => {
                let key = |variable: &String| {
                    Secret::parse(&held(variable)?)
                        .with_context(|| format!("{variable} is no secret: base64 of 24 to 64 bytes, as whsec_…"))
                };
                if !hook.url.starts_with("https://") && !hook.url.starts_with("http://") {
                    bail!("`url` begins with https:// or http://");
                }
                let mut secrets = vec![key(&hook.secret_env)?];
                secrets.extend(hook.previous_secret_env.as_ref().map(key).transpose()?);
                let timeout = Duration::from_secs(hook.timeout_seconds);
                Box::new(Webhook::new(hook.url.clone(), secrets, hook.batch, timeout))
            }
            Self::Mail(mail) => {
                let relay = Relay {
                    host: mail.host.clone(),
                    port: mail.port,
                    security: mail.security,
                    credentials: login(&mail.user, &mail.password_env)?,
                    timeout: Duration::from_secs(mail.timeout_seconds),
                };
                let letter = |(name, words): (&String, &Words)| {
                    Ok((name.clone(), words.letter().with_context(|| format!("template {name}"))?))
                };
                let letters: anyhow::Result<_> = mail.templates.iter().map(letter).collect();
                let leave = |leave: &Unsubscribe| anyhow::Ok(Leave::new(&leave.url, &held(&leave.key_env)?)?);
                let leave = mail.unsubscribe.as_ref().map(leave).transpose()?;
                let destination = Mail::new(relay, &mail.from, letters?, leave)?;
                match &mail.track {
                    None => Box::new(destination),
                    Some(track) if track.url.starts_with("https://") || track.url.starts_with("http://") => {
                        Box::new(destination.followed(Trail::new(name, &track.url, &held(&track.key_env)?)))
                    }
                    Some(_) => bail!("the `url` of `track` begins with https:// or http://"),
                }
            }
            Self::Audience(audience) => {
                if audience.platform == Platform::Publisher && audience.partner.is_empty() {
                    bail!("`partner` says whose ids the match table carries");
                }
                Box::new(Audience::new(audience.folder.clone(), audience.platform, audience.partner.clone()))
            }
            Self::Mqtt(mqtt) => {
                let broker = Broker {
                    host: mqtt.host.clone(),
                    port: mqtt.port,
                    client: mqtt.client.clone(),
                    credentials: login(&mqtt.user, &mqtt.password_env)?,
                    timeout: Duration::from_secs(mqtt.timeout_seconds),
                };
                Box::new(Mqtt::new(broker, &mqtt.topic, mqtt.retain)?)
            }
            Self::Nats(nats) => Box::new(Nats::new(Route {
                servers: nats.servers.clone(),
                subject: nats.subject.clone(),
                source: nats.source.clone(),
                stream: nats.stream,
                credentials: login(&nats.user, &nats.password_env)?,
                timeout: Duration::from_secs(nats.timeout_seconds),
            })?),
        })
    }
}
