//! Requesters: whose requests are listened to, by which keys; a list that whoever runs this keeps.
//!
//! A company that asks on behalf of another is listed, and so is the one that it asks for: a request carries a token of
//! each, and both are checked.

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use serde_json::Value;

use super::{
    erasure::Reach,
    jws::{Public, Token},
};

/// What `rights.yaml` says.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Charter {
    /// Our own domain, as it stands in what we sign.
    pub domain: String,
    /// The web address under which the collector is reached, without a slash at its end.
    pub address: String,
    /// Whose requests are listened to.
    #[serde(default)]
    pub requesters: Vec<Listed>,
    /// How far their requests reach.
    #[serde(default)]
    pub reach: Reach,
    /// How old a request may be, in days.
    #[serde(default = "month")]
    pub longest_days: u32,
}

/// One company.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// Its domain: `iss` of what it signs.
    pub domain: String,
    /// Its public keys, as they stand in its `dsrdelete.json` or its key set. Each has a `kid`.
    pub keys: Vec<Value>,
}

/// A month: longer than any queue should hold a request, short enough that a leaked one grows useless.
fn month() -> u32 {
    30
}

/// The list, ready to check by.
#[derive(Clone, Default)]
pub struct Requesters(Vec<Requester>);

#[derive(Clone)]
struct Requester {
    domain: String,
    keys: Vec<(String, Public)>,
}

/// What a signature comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signature {
    /// It is the company's.
    Good,
    /// The company is not listed.
    Stranger,
    /// The company has no key of that name.
    Unknown,
    /// The token says another algorithm than the key is for; `none` among them.
    Algorithm,
    /// It was not made with that key, or what was signed has changed.
    Wrong,
}

impl Charter {
    /// Reads the file's text.
    ///
    /// # Errors
    /// When it is not YAML, or says something that nobody reads.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let charter: Self = serde_json::from_value(crate::yaml::read(text)?)?;
        let plain = |address: &str| address.starts_with("https://") || address.starts_with("http://");
        ensure!(plain(&charter.address), "`address` begins with https:// or http://");
        ensure!(!charter.address.ends_with('/'), "`address` has no slash at its end");
        Ok(charter)
    }
}

impl Requesters {
    /// Reads the keys.
    ///
    /// # Errors
    /// When one is no public key for ES256 or RS256, or has no name.
    pub fn read(listed: &[Listed]) -> anyhow::Result<Self> {
        let requester = |listed: &Listed| {
            let key = |jwk: &Value| {
                let id = jwk.get("kid").and_then(Value::as_str).context("a key has no `kid`")?;
                Ok((id.to_owned(), Public::read(jwk).context("a key is none for ES256 or RS256")?))
            };
            let keys: anyhow::Result<Vec<_>> = listed.keys.iter().map(key).collect();
            let keys = keys.with_context(|| format!("requester {}", listed.domain))?;
            anyhow::Ok(Requester { domain: listed.domain.to_ascii_lowercase(), keys })
        };
        Ok(Self(listed.iter().map(requester).collect::<anyhow::Result<_>>()?))
    }

    /// Checks a token against the keys of the company that it says it is from.
    #[must_use]
    pub fn check(&self, token: &Token<'_>) -> Signature {
        let issuer = token.text("iss").unwrap_or_default().to_ascii_lowercase();
        let Some(requester) = self.0.iter().find(|requester| requester.domain == issuer) else {
            return Signature::Stranger;
        };
        let named = token.header.kid.as_deref();
        // Version 1.0 does not ask for a name; with one key there is no doubt which is meant.
        let key = match (named, requester.keys.as_slice()) {
            (None, [(_, only)]) => Some(only),
            (None, _) => None,
            (Some(named), keys) => keys.iter().find(|(id, _)| id == named).map(|(_, key)| key),
        };
        let Some(key) = key else { return Signature::Unknown };
        if token.header.alg != key.algorithm() {
            Signature::Algorithm
        } else if token.check(key) {
            Signature::Good
        } else {
            Signature::Wrong
        }
    }
}
