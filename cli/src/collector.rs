//! A collector as commands ask it: its address, who asks, and what to do when it says no.
//!
//! The token of a viewer or an admin comes from the environment alone ([`TOKEN`]): an argument would stand in the list of processes and in
//! the shell's history.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use serde_json::Value;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// Where the token stands.
pub(crate) const TOKEN: &str = "PETITFOUR_TOKEN";

/// How long an answer may take: what is asked for is read from an index.
const PATIENCE: Duration = Duration::from_secs(30);

/// Longest answer that is read: five hundred messages are 200 KB.
const MOST: u64 = 16 << 20;

/// A collector, and who asks it.
pub(crate) struct Collector {
    address: String,
    agent: ureq::Agent,
    token: Option<String>,
}

impl Collector {
    /// A collector at an address such as `https://collect.shop.example`; nothing is asked yet.
    pub(crate) fn at(address: &str) -> anyhow::Result<Self> {
        if !address.starts_with("http://") && !address.starts_with("https://") {
            bail!("`{address}` is no address of a collector: write it with https:// or http:// before it");
        }
        let token = std::env::var(TOKEN).ok().map(|token| token.trim().to_owned()).filter(|token| !token.is_empty());
        Ok(Self { address: address.trim_end_matches('/').to_owned(), agent: agent(PATIENCE), token })
    }

    /// What it answers at a path with these parameters; `None`: nobody is known by this.
    pub(crate) fn get(&self, path: &str, query: &[(&str, &str)]) -> anyhow::Result<Option<Value>> {
        let mut request = self.agent.get(format!("{}{path}", self.address)).query_pairs(query.iter().copied());
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let unreachable = || {
            format!("cannot reach the collector at {}: does it run, and is this its address and port?", self.address)
        };
        let mut response = request.call().with_context(unreachable)?;
        let status = response.status().as_u16();
        let read = response.body_mut().with_config().limit(MOST).read_to_vec();
        let body: Option<Value> = read.ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let text = |key: &str| body.as_ref().and_then(|body| body.get(key)).and_then(Value::as_str).unwrap_or_default();
        match (status, text("code")) {
            (200, _) if body.is_some() => Ok(body),
            (404, "person/unknown") => Ok(None),
            (401, _) => Err(self.unknown()),
            (403, "access/role") => {
                bail!("the token in {TOKEN} may not do this at {}: it takes a viewer's", self.address)
            }
            (429, _) => bail!("{} has heard too many wrong tokens from here; try again in a minute", self.address),
            (503, _) => bail!("{} is busy: {}; try again in a moment", self.address, text("message")),
            // An address that is not listed is closed to everybody, so an older collector says this of a newer one's.
            (404, _) | (403, "access/closed") | (200, _) => {
                bail!("{} is no collector, or an older one: it does not answer {path}", self.address)
            }
            _ => bail!("{} answered {status}: {}", self.address, text("message")),
        }
    }

    fn unknown(&self) -> anyhow::Error {
        let make = "`petitfour-collector access add NAME` at the collector prints one";
        match self.token {
            None => anyhow!("{} wants a token: put a viewer's into the environment as {TOKEN}; {make}", self.address),
            Some(_) => anyhow!("{} does not know the token in {TOKEN}, or has ended it; {make}", self.address),
        }
    }
}

/// A client that speaks TLS; refusals are answers.
pub(crate) fn agent(patience: Duration) -> ureq::Agent {
    let known = rustls_native_certs::load_native_certs().certs;
    let roots = known.iter().map(|der| Certificate::from_der(der).to_owned()).collect::<Vec<_>>();
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(patience))
        .tls_config(
            TlsConfig::builder()
                .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .root_certs(RootCerts::new_with_certs(&roots))
                .build(),
        )
        .build()
        .into()
}
