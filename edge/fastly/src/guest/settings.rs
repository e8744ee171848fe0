//! What the owner of the service set: stores and backends by the names that `edge/fastly/README.md` gives.

use super::collector;
use fastly::{Backend, ConfigStore, SecretStore};
use petitfour_seal::{Public, Secrets};

/// The name of all three stores.
pub const STORE: &str = "petitfour";

/// What was set.
pub struct Settings {
    /// Is there a collector?
    pub collector: bool,
    /// A server write key of the collector's.
    pub key: Option<String>,
    /// Secrets of sealed cookies and previews.
    pub secrets: Option<Secrets>,
    /// Feeds that the campaigns read.
    pub feeds: Vec<String>,
    /// Public keys: no bundle is used that none of them signed.
    pub keys: Option<Vec<Public>>,
    /// The lowest version of a bundle that is taken.
    pub minimum: u64,
    /// What was set wrong. Then no page is filled: keys and secrets that cannot be read must not open what they were to close.
    pub fault: Option<&'static str>,
}

impl Settings {
    /// Reads what was set. A store that is not there has nothing set.
    pub fn read() -> Self {
        let config = ConfigStore::try_open(STORE).ok();
        let set = |name| config.as_ref().and_then(|config| config.try_get(name).ok().flatten()).unwrap_or_default();
        let secrets = SecretStore::open(STORE).ok();
        let secret = |name| {
            let found = secrets.as_ref()?.try_get(name).ok().flatten()?;
            String::from_utf8(found.try_plaintext().ok()?.to_vec()).ok()
        };
        let mut fault = None;
        let keys = some(set("bundle_keys")).and_then(|text| {
            let keys = text.split(',').map(Public::parse).collect::<Result<_, _>>();
            keys.map_err(|error| fault = Some(error.code())).ok()
        });
        let seals =
            secret("seals").and_then(|text| Secrets::parse(&text).map_err(|_| fault = Some("seal/secret")).ok());
        Self {
            collector: Backend::from_name(collector::BACKEND).is_ok_and(|backend| backend.exists()),
            key: secret("collector_key").map(|key| key.trim().to_owned()),
            secrets: seals,
            feeds: set("feeds").split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect(),
            keys,
            minimum: set("bundle_minimum").trim().parse().unwrap_or(0),
            fault,
        }
    }
}

fn some(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}
