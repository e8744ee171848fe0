//! The desk: the addresses where our keys are read and requests are sent.
//!
//! A request is judged, written down, and then acknowledged. The same request again is acknowledged again and changes
//! nothing; another one under a number that was used is refused. Acknowledgements are not kept: they carry the request,
//! and with it whom it names. The body is the bare token, or JSON with it as `rqJWT`; the answer is
//! `{"acJWT": …}`, 202 when it was taken and 400 when not, as the framework says.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{StatusCode, header::CACHE_CONTROL},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use serde_json::{Value, json};

use super::{
    Request, Verdict,
    acknowledgement::Version,
    judge::Judge,
    jws,
    key::Keys,
    manifest,
    proof::Proof,
    requester::{Charter, Requesters},
};
use crate::store::now;

/// Where requests are written down.
pub trait Register: Send + Sync {
    /// Writes a request down under (requester, number), and returns once it is on disk. `digest` is that of its token.
    ///
    /// # Errors
    /// When the store does not take it; the requester is told to come again.
    fn take(&self, request: &Request, digest: &str, now: i64) -> anyhow::Result<Taken>;
}

/// What writing down a request comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// It is new.
    New,
    /// The same request was here before.
    Before,
    /// Another request was here under this number.
    Other,
}

/// What the addresses need.
pub struct Desk {
    charter: Charter,
    keys: Keys,
    judge: Judge,
    register: Box<dyn Register>,
}

impl Desk {
    /// Sets it up.
    ///
    /// # Errors
    /// When a requester's key cannot be read.
    pub fn new(charter: Charter, keys: Keys, register: Box<dyn Register>) -> anyhow::Result<Self> {
        let requesters = Requesters::read(&charter.requesters)?;
        let judge = Judge::new(requesters, charter.domain.clone(), charter.longest_days);
        Ok(Self { charter, keys, judge, register })
    }

    /// Our keys.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Our own domain.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.charter.domain
    }

    /// Its addresses.
    pub fn router(self: Arc<Self>) -> Router {
        let mut router = Router::new().route(manifest::KEYS, get(key_set)).route(
            manifest::ENDPOINT,
            // Twice a token: JSON around it, and whatever else somebody puts beside it.
            post(receive).layer(DefaultBodyLimit::max(2 * jws::BYTES)),
        );
        for place in manifest::PLACES {
            router = router.route(place, get(published));
        }
        router.with_state(self)
    }

    /// Judges a token, writes it down, and answers.
    fn answer(&self, token: &str) -> anyhow::Result<(StatusCode, String)> {
        let now = now();
        let (version, verdict) = match self.judge.judge(token, now) {
            Ok(request) => {
                let digest = Proof::digest(token);
                match self.register.take(&request, &digest, now) {
                    Ok(Taken::New | Taken::Before) => {
                        let told = self.acknowledge(Verdict::Accepted, request.version, token, now)?;
                        return Ok((StatusCode::ACCEPTED, told));
                    }
                    Ok(Taken::Other) => (request.version, Verdict::Reused),
                    Err(error) => {
                        crate::say!("rights: a request for deletion could not be stored: {error:#}");
                        let told = self.acknowledge(Verdict::Fault, request.version, token, now)?;
                        return Ok((StatusCode::SERVICE_UNAVAILABLE, told));
                    }
                }
            }
            Err(refused) => refused,
        };
        Ok((StatusCode::BAD_REQUEST, self.acknowledge(verdict, version, token, now)?))
    }

    fn acknowledge(&self, verdict: Verdict, version: Version, token: &str, now: i64) -> anyhow::Result<String> {
        // What is no token is not signed back to whoever sent it.
        let answered = if jws::Token::read(token).is_some() { token } else { "" };
        let number = format!("{:016x}{:016x}", crate::destination::random(), crate::destination::random());
        verdict.acknowledge(version, self.keys.current(), &self.charter.domain, (&number, answered), now)
    }
}

async fn published(State(desk): State<Arc<Desk>>) -> Response {
    kept(manifest::manifest(&desk.charter, &desk.keys))
}

async fn key_set(State(desk): State<Arc<Desk>>) -> Response {
    kept(manifest::key_set(&desk.keys))
}

fn kept(value: Value) -> Response {
    ([(CACHE_CONTROL, "public, max-age=3600")], Json(value)).into_response()
}

async fn receive(State(desk): State<Arc<Desk>>, body: Bytes) -> Response {
    let text = String::from_utf8_lossy(&body);
    let token = match serde_json::from_str::<Value>(&text) {
        Ok(told) => told.get("rqJWT").and_then(Value::as_str).unwrap_or_default().to_owned(),
        Err(_) => text.trim().to_owned(),
    };
    // Signing and storing take their time; the threads that answer others do not wait for them.
    let answered = tokio::task::spawn_blocking(move || desk.answer(&token)).await;
    match answered {
        Ok(Ok((status, acknowledgement))) => (status, Json(json!({ "acJWT": acknowledgement }))).into_response(),
        _ => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
