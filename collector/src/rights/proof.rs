//! Proof: what was done about a request, where and when, signed, so that it can be shown later.
//!
//! A proof names the request by its numbers and by the digest of its token. It does not name the person: whoever asks has
//! the request and can compare, and a proof that named whom it forgot would be a memory of them.

use petitfour::identity::Digest;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{jws, key::Key};
use crate::destination::rfc3339;

/// What was done about one request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// SHA-256 of the request's token, in hex; of a request by the shop itself, of its own number.
    pub request: String,
    /// The request's number.
    pub number: String,
    /// Who sent it; empty for a request that came through the shop.
    pub requester: String,
    /// With whom the person spoke.
    pub origin: String,
    /// When it came, in Unix ms.
    pub received: i64,
    /// When the last step was done, in Unix ms.
    pub completed: Option<i64>,
    /// What was done.
    pub steps: Vec<Step>,
}

/// One place where something was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Where: a table, `lake`, or the name of a destination.
    pub place: String,
    /// How many rows or copies went.
    pub count: u64,
    /// When, in Unix ms; none while it is still to be done.
    pub at: Option<i64>,
}

impl Proof {
    /// The digest by which a request is named.
    #[must_use]
    pub fn digest(token: &str) -> String {
        Digest::of(token).hex()
    }

    /// The proof as a signed token.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn seal(&self, key: &Key, domain: &str, now: i64) -> anyhow::Result<String> {
        let claims = json!({
            "iss": domain,
            "iat": now / 1000,
            "jti": format!("proof-{}", self.request.get(..32).unwrap_or_default()),
            "completed": self.completed.and_then(rfc3339),
            "proof": self,
        });
        jws::sign(key, &claims)
    }
}
