//! NATS: parcels as CloudEvents on a subject, through JetStream where a stream listens.
//!
//! With a stream on the subject, each event carries `Nats-Msg-Id`, the parcel's id, and counts as delivered when the
//! stream acknowledged it; a repeat within the stream's window is dropped by the server. Without one, an event counts as
//! delivered when the server has taken it, and whoever is not listening then does not hear it: NATS keeps nothing by itself.
//!
//! Absent on purpose: making streams (whoever runs NATS decides how long things are kept), and the plain way behind
//! the back of whoever asked for a stream.

use std::{sync::Arc, time::Duration};

use async_nats::{Client, ConnectOptions, HeaderMap, header::NATS_MESSAGE_ID, jetstream};
use serde::Deserialize;
use tokio::runtime::Runtime;

use super::{Destination, Parcel, Reason, Receipt, all, cloudevent};

/// Events in one go; their acknowledgements are awaited together.
const BATCH: usize = 200;

/// Whether a stream must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// Used when one listens on the subject.
    #[default]
    Auto,
    /// Without one nothing is delivered.
    Required,
    /// Plain publishing, whatever listens.
    Never,
}

/// Where events go.
#[derive(Clone)]
pub struct Route {
    /// Servers, such as `nats://127.0.0.1:4222`; several with commas between.
    pub servers: String,
    /// The subject. Without wildcards.
    pub subject: String,
    /// `source` of the events.
    pub source: String,
    /// Whether a stream must be there.
    pub stream: Stream,
    /// Name and password.
    pub credentials: Option<(String, String)>,
    /// Longest wait for a connection or for acknowledgements.
    pub timeout: Duration,
}

/// NATS as a destination.
pub struct Nats {
    route: Arc<Route>,
    /// Reconnecting happens here while the lane sleeps; one thread is enough.
    runtime: Runtime,
    client: Option<Client>,
}

impl Nats {
    /// Connects with the first delivery.
    ///
    /// # Errors
    /// When the subject has a wildcard, a space or nothing in it, or no thread can be had.
    pub fn new(route: Route) -> anyhow::Result<Self> {
        let plain = |token: &str| !token.is_empty() && !token.contains(['*', '>', ' ', '\t', '\r', '\n']);
        if !route.subject.split('.').all(plain) {
            anyhow::bail!(
                "the subject {:?} is none to publish on: tokens with dots between, no wildcards",
                route.subject
            );
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        Ok(Self { route: Arc::new(route), runtime, client: None })
    }
}

impl Destination for Nats {
    fn limit(&self) -> usize {
        BATCH
    }

    fn deliver(&mut self, parcels: &[Parcel]) -> Vec<Receipt> {
        let (route, known) = (Arc::clone(&self.route), self.client.take());
        let (client, receipts) = self.runtime.block_on(async move {
            let client = match known {
                Some(client) => client,
                None => match connect(&route).await {
                    Ok(client) => client,
                    Err(reason) => return (None, all(parcels, &Receipt::retry(reason))),
                },
            };
            let receipts = publish(&route, &client, parcels).await;
            (Some(client), receipts)
        });
        self.client = client;
        receipts
    }
}

async fn connect(route: &Route) -> Result<Client, Reason> {
    let mut options = ConnectOptions::new()
        .name("petitfour-collector")
        .connection_timeout(route.timeout)
        .request_timeout(Some(route.timeout))
        // Peers that went away are told by the receipts.
        .event_callback(|_| async {});
    if let Some((name, password)) = &route.credentials {
        options = options.user_and_password(name.clone(), password.clone());
    }
    let servers: Vec<&str> = route.servers.split(',').map(str::trim).collect();
    match tokio::time::timeout(route.timeout, options.connect(servers)).await {
        Ok(Ok(client)) => Ok(client),
        Ok(Err(error)) => Err(match error.kind() {
            async_nats::ConnectErrorKind::Authentication | async_nats::ConnectErrorKind::AuthorizationViolation => {
                "nats/credentials".into()
            }
            async_nats::ConnectErrorKind::ServerParse => "nats/address".into(),
            _ => "nats/connection".into(),
        }),
        Err(_) => Err("nats/timeout".into()),
    }
}

async fn publish(route: &Route, client: &Client, parcels: &[Parcel]) -> Vec<Receipt> {
    if client.connection_state() != async_nats::connection::State::Connected {
        return all(parcels, &Receipt::retry("nats/connection"));
    }
    if route.stream == Stream::Never {
        return plain(route, client, parcels).await;
    }
    let streams = jetstream::with_prefix(client.clone(), "$JS.API");
    match tokio::time::timeout(route.timeout, streams.stream_by_subject(route.subject.clone())).await {
        Ok(Ok(_)) => stored(route, &streams, parcels).await,
        Ok(Err(error)) if is_absent(client, &error) => {
            if route.stream == Stream::Auto {
                plain(route, client, parcels).await
            } else {
                all(parcels, &Receipt::retry("nats/no-stream"))
            }
        }
        Ok(Err(_)) => all(parcels, &Receipt::retry("nats/jetstream")),
        Err(_) => all(parcels, &Receipt::retry("nats/timeout")),
    }
}

/// No stream on the subject, or a server without JetStream. Anything else may be a server that is just starting.
fn is_absent(client: &Client, error: &jetstream::context::GetStreamByNameError) -> bool {
    error.kind() == jetstream::context::GetStreamByNameErrorKind::NotFound || !client.server_info().jetstream
}

fn headers(parcel: &Parcel) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(NATS_MESSAGE_ID, parcel.id.as_str());
    headers.insert("Content-Type", cloudevent::CONTENT_TYPE);
    headers
}

async fn stored(route: &Route, streams: &jetstream::Context, parcels: &[Parcel]) -> Vec<Receipt> {
    let end = tokio::time::Instant::now() + route.timeout;
    let mut under_way = Vec::new();
    for parcel in parcels {
        let event = cloudevent::structured(parcel, &route.source).to_string();
        let sent = streams.publish_with_headers(route.subject.clone(), headers(parcel), event.into());
        under_way.push(tokio::time::timeout_at(end, sent).await);
    }
    let mut receipts = Vec::new();
    for sent in under_way {
        receipts.push(match sent {
            Ok(Ok(acknowledgement)) => match tokio::time::timeout_at(end, acknowledgement).await {
                Ok(Ok(_)) => Receipt::Delivered,
                Ok(Err(_)) => Receipt::retry("nats/acknowledgement"),
                Err(_) => Receipt::retry("nats/timeout"),
            },
            Ok(Err(_)) => Receipt::retry("nats/publish"),
            Err(_) => Receipt::retry("nats/timeout"),
        });
    }
    receipts
}

async fn plain(route: &Route, client: &Client, parcels: &[Parcel]) -> Vec<Receipt> {
    for parcel in parcels {
        let event = cloudevent::structured(parcel, &route.source).to_string();
        if client.publish_with_headers(route.subject.clone(), headers(parcel), event.into()).await.is_err() {
            return all(parcels, &Receipt::retry("nats/publish"));
        }
    }
    // Flushing only sends. A question that nobody answers comes back from the server itself, behind what went before.
    let confirmed = async {
        match client.request(client.new_inbox(), "".into()).await {
            Ok(_) => true,
            Err(error) => error.kind() == async_nats::RequestErrorKind::NoResponders,
        }
    };
    match tokio::time::timeout(route.timeout, confirmed).await {
        Ok(true) => all(parcels, &Receipt::Delivered),
        Ok(false) => all(parcels, &Receipt::retry("nats/connection")),
        Err(_) => all(parcels, &Receipt::retry("nats/timeout")),
    }
}
