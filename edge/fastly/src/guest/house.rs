//! What a point of presence remembers from one request to the next: the bundle, and when something newer was last looked for.
//!
//! The cache of the host is the memory; the KV store is where an owner puts a bundle, and what answers until the collector's has come.

use super::{
    collector::{self, Served},
    feeds,
    settings::{STORE, Settings},
};
use fastly::{
    KVStore,
    cache::core::{self, CacheKey},
};
use petitfour::{bundle::MAX_BYTES, engine::Engine};
use std::{
    io::{Read as _, Write as _},
    sync::Arc,
    time::Duration,
};

const LOOKED: &str = "petitfour/looked";

/// Between two looks for something newer.
const FRESH: Duration = Duration::from_secs(60);
/// For how long is kept what is looked after.
pub const KEPT: Duration = Duration::from_secs(86_400);

/// A bundle, opened.
pub struct House {
    engine: Arc<Engine>,
    /// What the collector calls it; empty for the KV store's.
    tag: String,
}

impl House {
    /// Opens the bundle: the one that is remembered, or the one in the KV store.
    ///
    /// # Errors
    /// The code of what is wrong with it.
    pub fn open(settings: &Settings) -> Result<Self, &'static str> {
        if let Some(code) = settings.fault {
            return Err(code);
        }
        // What is remembered was believed when it came, by the keys that are pinned now.
        if let Some((tag, bytes)) = kept(settings)
            && let Ok(engine) = Engine::load(bytes)
            && engine.catalog().version() >= settings.minimum
        {
            return Ok(Self { engine: Arc::new(engine), tag });
        }
        let bytes = stored().ok_or("bundle/missing")?;
        let engine = believed(settings, &bytes, 0)?;
        keep(settings, "", &bytes);
        Ok(Self { engine: Arc::new(engine), tag: String::new() })
    }

    /// The engine.
    pub fn engine(&self) -> Arc<Engine> {
        Arc::clone(&self.engine)
    }

    /// Looks for a newer bundle and newer levels of feeds, at most once a minute.
    pub fn refresh(&self, settings: &Settings, now: u64) {
        if remembered(LOOKED).is_some() {
            return;
        }
        remember(LOOKED, FRESH, b"");
        find_newer(settings, Some(self));
        if settings.collector {
            feeds::refresh(settings, self.engine.catalog(), now);
        }
    }
}

/// Looks for a bundle where none can be opened, at most once a minute.
pub fn find(settings: &Settings) {
    if settings.fault.is_none() && remembered(LOOKED).is_none() {
        remember(LOOKED, FRESH, b"");
        find_newer(settings, None);
    }
}

/// Takes a newer bundle from the collector, or from the KV store where there is none. One that does not open, or is older, is left.
fn find_newer(settings: &Settings, house: Option<&House>) {
    let found = if settings.collector {
        collector::bundle(house.map(|house| &*house.tag))
    } else {
        stored().map(|bytes| Served::Other(bytes, String::new()))
    };
    match (found, house) {
        // Kept for another day.
        (Some(Served::Same), Some(house)) => keep(settings, &house.tag, house.engine.catalog().bytes()),
        (Some(Served::Other(bytes, tag)), _) => {
            let version = house.map_or(0, |house| house.engine.catalog().version());
            match believed(settings, &bytes, version) {
                Ok(_) => keep(settings, &tag, &bytes),
                Err(code) => eprintln!("petitfour: {code}"),
            }
        }
        _ => {}
    }
}

/// A bundle that one of the pinned keys signed, if there are any, and that is not older than what is known.
fn believed(settings: &Settings, bytes: &[u8], version: u64) -> Result<Engine, &'static str> {
    if let Some(keys) = &settings.keys {
        petitfour_seal::verify(bytes, keys, settings.minimum).map_err(|error| error.code())?;
    }
    let engine = Engine::load(bytes.to_vec()).map_err(|error| error.code())?;
    if engine.catalog().version() < version.max(settings.minimum) { Err("bundle/version") } else { Ok(engine) }
}

/// Where the bundle is remembered: whoever pins other keys has to be shown it anew.
fn place(settings: &Settings) -> String {
    format!("petitfour/bundle/{}", settings.pinned)
}

/// The bundle that is remembered, behind what the collector calls it.
fn kept(settings: &Settings) -> Option<(String, Vec<u8>)> {
    let mut entry = remembered(&place(settings))?;
    let end = entry.iter().position(|byte| *byte == b'\n')?;
    let bytes = entry.split_off(end + 1);
    entry.truncate(end);
    Some((String::from_utf8(entry).ok()?, bytes))
}

/// Remembers a bundle with what the collector calls it, as one: neither may outlive the other.
fn keep(settings: &Settings, tag: &str, bytes: &[u8]) {
    remember(&place(settings), KEPT, &[tag.as_bytes(), b"\n", bytes].concat());
}

/// The bundle in the KV store.
fn stored() -> Option<Vec<u8>> {
    let store = KVStore::open(STORE).ok()??;
    let body = store.lookup("bundle").ok()?.try_take_body()?;
    read(body, MAX_BYTES)
}

/// What the cache has under a key.
pub fn remembered(key: &str) -> Option<Vec<u8>> {
    let found = core::lookup(CacheKey::copy_from_slice(key.as_bytes())).execute().ok()??;
    read(found.to_stream().ok()?, 2 * MAX_BYTES)
}

/// What the cache has under a key, as text; empty where it has nothing.
pub fn remembered_text(key: &str) -> String {
    remembered(key).and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

/// Puts something into the cache. What it does not take is looked for again.
pub fn remember(key: &str, age: Duration, bytes: &[u8]) {
    let key = CacheKey::copy_from_slice(key.as_bytes());
    if let Ok(mut body) = core::insert(key, age).known_length(bytes.len() as u64).execute()
        && body.write_all(bytes).is_ok()
    {
        body.finish().ok();
    }
}

/// A body of so many bytes at most.
pub fn read(body: fastly::Body, limit: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    body.take(limit as u64 + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() <= limit).then_some(bytes)
}
