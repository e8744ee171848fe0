//! Webhooks: parcels as one signed JSON request.
//!
//! Signed as Standard Webhooks says: `webhook-id`, `webhook-timestamp` and `webhook-signature`, the last one
//! `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`; while a secret is being changed there are two
//! signatures, one by each secret, and a receiver takes whichever it can check.
//!
//! The request's id is the parcel's when it goes alone, and follows from all their ids otherwise, so the same batch has
//! the same id on every attempt. Batches may be cut differently the next time: receivers dedupe by the `id` of each
//! entry in `data`. A batch that was refused is sent again parcel by parcel, so that one of them does not sink the rest.
//!
//! Absent on purpose: redirects (the signature was meant for another address), and the answer's body, which nobody reads.

use std::time::{Duration, SystemTime};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::hmac;
use serde_json::json;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use petitfour::identity::Digest;

use super::{Destination, Parcel, Receipt, all};
use crate::store::now;

/// Shortest and longest key, in bytes (Standard Webhooks, "Signature scheme").
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// A key for signatures. It does not print itself.
#[derive(Clone)]
pub struct Secret(hmac::Key);

/// Where requests go, and how.
pub struct Webhook {
    address: String,
    secrets: Vec<Secret>,
    batch: usize,
    agent: ureq::Agent,
}

/// What the peer said.
enum Answer {
    Taken,
    Later { reason: String, after: Option<Duration> },
    Never { reason: String, alone: bool },
}

impl Secret {
    /// Reads a secret: base64, with or without `whsec_` before it, of 24 to 64 bytes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let bytes = STANDARD.decode(text.strip_prefix("whsec_").unwrap_or(text)).ok()?;
        KEY_BYTES.contains(&bytes.len()).then(|| Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// The signature of a request, as it stands in the header.
    #[must_use]
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        format!("v1,{}", STANDARD.encode(hmac::sign(&self.0, &content(id, timestamp, body))))
    }

    /// Is one of the signatures in a header made with this key?
    #[must_use]
    pub fn verify(&self, id: &str, timestamp: i64, body: &[u8], header: &str) -> bool {
        let content = content(id, timestamp, body);
        header
            .split_ascii_whitespace()
            .filter_map(|signature| STANDARD.decode(signature.strip_prefix("v1,")?).ok())
            .any(|signature| hmac::verify(&self.0, &content, &signature).is_ok())
    }
}

fn content(id: &str, timestamp: i64, body: &[u8]) -> Vec<u8> {
    let mut content = format!("{id}.{timestamp}.").into_bytes();
    content.extend_from_slice(body);
    content
}

impl Webhook {
    /// Requests to an address, at most `batch` parcels each, signed by every secret.
    #[must_use]
    pub fn new(address: String, secrets: Vec<Secret>, batch: usize, timeout: Duration) -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(timeout))
            .user_agent(concat!("petitfour/", env!("CARGO_PKG_VERSION")))
            .tls_config(
                TlsConfig::builder()
                    .root_certs(roots())
                    .unversioned_rustls_crypto_provider(std::sync::Arc::new(rustls::crypto::ring::default_provider()))
                    .build(),
            )
            .build()
            .into();
        Self { address, secrets, batch: batch.max(1), agent }
    }

    fn send(&self, parcels: &[Parcel]) -> Answer {
        let body = json!({ "type": "petitfour.parcels", "data": parcels }).to_string();
        let (id, timestamp) = (request_id(parcels), now() / 1000);
        let signatures: Vec<_> =
            self.secrets.iter().map(|secret| secret.sign(&id, timestamp, body.as_bytes())).collect();
        let sent = self
            .agent
            .post(&self.address)
            .header("content-type", "application/json")
            .header("webhook-id", &id)
            .header("webhook-timestamp", timestamp.to_string())
            .header("webhook-signature", signatures.join(" "))
            .send(body);
        match sent {
            Ok(response) => {
                let asked = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
                judge(response.status().as_u16(), asked)
            }
            Err(error) => Answer::Later { reason: fault(&error).to_owned(), after: None },
        }
    }
}

impl Destination for Webhook {
    fn limit(&self) -> usize {
        self.batch
    }

    fn deliver(&mut self, parcels: &[Parcel]) -> Vec<Receipt> {
        match self.send(parcels) {
            Answer::Taken => all(parcels, &Receipt::Delivered),
            Answer::Later { reason, after } => all(parcels, &Receipt::Retry { reason: reason.into(), after }),
            Answer::Never { alone: true, .. } if parcels.len() > 1 => {
                parcels.chunks(1).flat_map(|one| self.deliver(one)).collect()
            }
            Answer::Never { reason, .. } => all(parcels, &Receipt::refused(reason)),
        }
    }
}

/// Whom this machine trusts to certify. One that trusts nobody speaks to `http:` alone, and says so by its receipts.
fn roots() -> RootCerts {
    let known = rustls_native_certs::load_native_certs().certs;
    RootCerts::new_with_certs(&known.iter().map(|der| Certificate::from_der(der).to_owned()).collect::<Vec<_>>())
}

/// The parcel's own id, or one that follows from all of them.
fn request_id(parcels: &[Parcel]) -> String {
    match parcels {
        [one] => one.id.clone(),
        many => {
            let ids: Vec<&str> = many.iter().map(|parcel| parcel.id.as_str()).collect();
            let mut hex = Digest::of(ids.join("\n")).hex();
            // 128 bits are enough to tell batches apart.
            hex.truncate(32);
            format!("batch_{hex}")
        }
    }
}

fn judge(status: u16, asked: Option<&str>) -> Answer {
    let reason = format!("webhook/status-{status}");
    match status {
        200..=299 => Answer::Taken,
        408 | 425 | 429 | 500..=599 => Answer::Later { reason, after: asked.and_then(pause) },
        // Of these a single parcel may be the cause; of the others the address or the secret is.
        400 | 413 | 422 => Answer::Never { reason, alone: true },
        _ => Answer::Never { reason, alone: false },
    }
}

/// `Retry-After`: seconds or a date.
fn pause(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::now()).ok()
}

fn fault(error: &ureq::Error) -> &'static str {
    match error {
        ureq::Error::Timeout(_) => "webhook/timeout",
        ureq::Error::HostNotFound => "webhook/host",
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) => "webhook/tls",
        ureq::Error::BadUri(_) => "webhook/address",
        _ => "webhook/connection",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example that Standard Webhooks' libraries test themselves by.
    #[test]
    fn the_signature_is_that_of_the_published_example() {
        let secret = Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let header = format!("v1,AAAA v1a,xyz {signature}");
        assert!(secret.verify("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#, &header));
        assert!(!secret.verify("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_331, br#"{"test": 2432232314}"#, &header));
    }

    #[test]
    fn a_secret_that_is_too_short_is_none() {
        assert!(Secret::parse("whsec_c2hvcnQ=").is_none());
        assert!(Secret::parse("not base64!").is_none());
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        assert_eq!(pause("120"), Some(Duration::from_secs(120)));
        let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(90));
        assert!(pause(&date).is_some_and(|pause| pause > Duration::from_secs(80)));
        assert_eq!(pause("soon"), None);
    }
}
