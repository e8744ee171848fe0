//! What the owner of the service set: stores and backends by the names that `edge/fastly/README.md` gives.

use super::collector;
use fastly::{Backend, ConfigStore, SecretStore, config_store, secret_store};
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
    /// The same as they were written.
    pub pinned: String,
    /// The lowest version of a bundle that is taken.
    pub minimum: u64,
    /// What was set wrong, or cannot be read. Then no page is filled: keys and secrets must not open what they were to close.
    pub fault: Option<&'static str>,
}

/// The first thing that is wrong.
#[derive(Default)]
struct Fault(Option<&'static str>);

impl Fault {
    /// Notes what is wrong, if it is; what is right.
    fn note<T, E>(&mut self, code: &'static str, read: Result<T, E>) -> Option<T> {
        if read.is_err() {
            self.0.get_or_insert(code);
        }
        read.ok()
    }
}

const UNREADABLE: &str = "settings/unreadable";

impl Settings {
    /// Reads what was set. A store that is not there has nothing set.
    pub fn read() -> Self {
        let mut fault = Fault::default();
        let config = match ConfigStore::try_open(STORE) {
            Err(config_store::OpenError::ConfigStoreDoesNotExist) => None,
            opened => fault.note(UNREADABLE, opened),
        };
        let mut set = |name| {
            let found = config.as_ref().map_or(Ok(None), |config| config.try_get(name));
            fault.note(UNREADABLE, found).flatten().unwrap_or_default().trim().to_owned()
        };
        let (feeds, pinned, minimum) = (set("feeds"), set("bundle_keys"), set("bundle_minimum"));
        let store = match SecretStore::open(STORE) {
            Err(secret_store::OpenError::SecretStoreDoesNotExist(_)) => None,
            opened => fault.note(UNREADABLE, opened),
        };
        let mut secret = |name| {
            let found = store.as_ref().map_or(Ok(None), |store| store.try_get(name));
            let bytes = fault.note(UNREADABLE, found)??.try_plaintext();
            let bytes = fault.note(UNREADABLE, bytes)?;
            fault.note(UNREADABLE, String::from_utf8(bytes.to_vec()))
        };
        let (key, seals) = (secret("collector_key"), secret("seals"));
        let secrets = seals.and_then(|text| fault.note("seal/secret", Secrets::parse(&text)));
        let keys = (!pinned.is_empty()).then(|| pinned.split(',').map(Public::parse).collect::<Result<Vec<_>, _>>());
        let number = if minimum.is_empty() { Ok(0) } else { minimum.parse() };
        Self {
            collector: Backend::from_name(collector::BACKEND).is_ok_and(|backend| backend.exists()),
            key: key.map(|key| key.trim().to_owned()),
            secrets,
            feeds: feeds.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect(),
            keys: keys.and_then(|keys| fault.note("key/malformed", keys)),
            minimum: fault.note("bundle/minimum", number).unwrap_or(0),
            pinned,
            fault: fault.0,
        }
    }
}
