//! The bundle that is served: read once, compressed once, swapped whole when its file changes.
//!
//! The file is looked at twice a second; when its size, time or identity changed, it is read, opened as an engine would
//! open it, and only then takes the place of the old one. A file that does not open (half written, newer format, random
//! bytes) changes nothing: the last good bundle stays, and the code is logged and counted.
//!
//! Absent: signatures. They will be checked where the file is opened.

use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use axum::{
    body::{Body, Bytes},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY},
    },
    response::{IntoResponse, Response},
};
use petitfour::bundle;

use crate::{
    answer::Refusal,
    metrics::Metrics,
    names::{self, Kind, Named},
    pace::{self, Target},
};

/// How often the file is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// A visitor's copy is fresh for a minute, and may be used a day longer while it is asked for again.
const CACHE: HeaderValue = HeaderValue::from_static("public, max-age=60, stale-while-revalidate=86400");

/// Below this size brotli's slowest quality costs less than a second.
const SLOW_BROTLI: usize = 1 << 20;

/// One bundle, ready to be sent.
pub struct Served {
    /// Its hash, as 16 hex digits.
    pub hash: String,
    /// The same as a number.
    pub number: u64,
    /// The author's version.
    pub version: u64,
    /// What its keys are called.
    pub names: Vec<Named>,
    /// Campaigns that may have so many exposures.
    pub paces: Vec<Target>,
    plain: Bytes,
    brotli: Bytes,
    gzip: Bytes,
}

impl Served {
    fn read(path: &Path) -> Result<Self, Fault> {
        let bytes = fs::read(path).map_err(|error| Fault::Read(error.kind()))?;
        let plain = Bytes::from(bytes.clone());
        let catalog = bundle::open(bytes).map_err(Fault::Open)?;
        let quality = if plain.len() < SLOW_BROTLI { 11 } else { 6 };
        Ok(Self {
            hash: format!("{:016x}", catalog.hash()),
            number: catalog.hash(),
            version: catalog.version(),
            names: names::of(&catalog),
            paces: pace::targets(&catalog),
            brotli: brotli(&plain, quality).map_err(|error| Fault::Read(error.kind()))?,
            gzip: gzip(&plain).map_err(|error| Fault::Read(error.kind()))?,
            plain,
        })
    }

    /// The bundle itself.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.plain.to_vec()
    }

    /// Campaigns in the bundle's order: key and name.
    pub fn campaigns(&self) -> impl Iterator<Item = (i64, &str)> {
        self.names
            .iter()
            .filter(|named| named.kind == Kind::Campaign)
            .map(|named| (i64::from(named.key), named.name.as_str()))
    }

    /// The answer to a request with these headers.
    ///
    /// Each encoding has an entity tag of its own, as a strong one must: the hash, the hash and `-br`, the hash and `-gz`.
    /// A client that names any of them has this bundle, so it gets 304.
    #[must_use]
    pub fn answer(&self, asked: &HeaderMap) -> Response {
        let accepts = |coding: &str| accepts(asked, coding);
        let (bytes, coding, suffix) = if accepts("br") {
            (&self.brotli, Some("br"), "-br")
        } else if accepts("gzip") {
            (&self.gzip, Some("gzip"), "-gz")
        } else {
            (&self.plain, None, "")
        };
        let known = self.known(asked);
        let tag = known.unwrap_or_else(|| format!("\"{}{suffix}\"", self.hash));
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, CACHE);
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        // A tag is hex digits, quotes and a dash: always a header value.
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            headers.insert(ETAG, tag);
        }
        if self.known(asked).is_some() {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        if let Some(coding) = coding {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
        }
        (headers, Body::from(bytes.clone())).into_response()
    }

    /// The tag of this bundle that the client says it has.
    fn known(&self, asked: &HeaderMap) -> Option<String> {
        let listed = asked.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
        listed
            .flat_map(|value| value.split(','))
            .map(|tag| tag.trim().trim_start_matches("W/"))
            .find(|tag| {
                let inner = tag.trim_matches('"');
                *tag == "*" || ["", "-br", "-gz"].iter().any(|suffix| inner.strip_suffix(suffix) == Some(&self.hash))
            })
            .map(|tag| if tag == "*" { format!("\"{}\"", self.hash) } else { tag.to_owned() })
    }
}

/// Where the bundle lies and the last good one that was read from there.
pub struct Shelf {
    path: PathBuf,
    current: RwLock<Arc<Served>>,
}

impl Shelf {
    /// Reads the bundle for the first time.
    ///
    /// # Errors
    /// When it cannot be read or does not open: a collector does not start with a bundle that nobody can use.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let served = Served::read(path)
            .map_err(|fault| anyhow::anyhow!("cannot serve the bundle {}: {}", path.display(), fault.text()))?;
        Ok(Self { path: path.to_owned(), current: RwLock::new(Arc::new(served)) })
    }

    /// The last good bundle.
    #[must_use]
    pub fn current(&self) -> Arc<Served> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks at the file for ever; calls `learn` with each new bundle. Run it as a task and drop it to stop.
    pub async fn watch(self: Arc<Self>, metrics: Arc<Metrics>, learn: impl Fn(&Served)) {
        // Read once more at the first look: the file may have changed since it was opened.
        let mut seen = None;
        let mut look = tokio::time::interval(LOOK);
        loop {
            look.tick().await;
            let state = State::of(&self.path);
            if state.is_none() || state == seen {
                continue;
            }
            let path = self.path.clone();
            let Ok(read) = tokio::task::spawn_blocking(move || Served::read(&path)).await else { continue };
            match read {
                Ok(served) => {
                    if served.hash != self.current().hash {
                        crate::say!("bundle: now serving {} version {}", served.hash, served.version);
                        learn(&served);
                        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(served);
                    }
                }
                Err(fault) => {
                    metrics.bundles_refused.rise();
                    crate::say!("bundle: {}; still serving {}", fault.text(), self.current().hash);
                }
            }
            // The state from before it was read: what changes meanwhile is looked at again.
            seen = state;
        }
    }
}

/// The bundle of a shelf, if there is one.
///
/// # Errors
/// [`Refusal::NoBundle`].
pub fn answer(shelf: Option<&Shelf>, asked: &HeaderMap) -> Result<Response, Refusal> {
    Ok(shelf.ok_or(Refusal::NoBundle)?.current().answer(asked))
}

/// Why a file is not served.
enum Fault {
    Read(io::ErrorKind),
    Open(bundle::Error),
}

impl Fault {
    fn text(&self) -> String {
        match self {
            Self::Read(kind) => format!("the file cannot be read ({kind})"),
            Self::Open(error) => format!("{} ({error})", error.code()),
        }
    }
}

/// What tells one state of a file from another without reading it.
#[derive(PartialEq, Eq)]
pub(crate) struct State {
    length: u64,
    modified: Option<SystemTime>,
    #[cfg(unix)]
    inode: u64,
}

impl State {
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let found = fs::metadata(path).ok()?;
        Some(Self {
            length: found.len(),
            modified: found.modified().ok(),
            #[cfg(unix)]
            inode: std::os::unix::fs::MetadataExt::ino(&found),
        })
    }
}

/// Whether the client takes this coding: named (or `*`), and not with a quality of zero.
fn accepts(asked: &HeaderMap, coding: &str) -> bool {
    let listed = asked.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    listed.flat_map(|value| value.split(',')).any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(coding));
        let refused = parts.filter_map(|part| part.strip_prefix("q=")).any(|q| q.parse() == Ok(0.0_f32));
        named && !refused
    })
}

fn brotli(bytes: &[u8], quality: u32) -> io::Result<Bytes> {
    let mut writer = brotli::CompressorWriter::new(Vec::new(), 4096, quality, 22);
    writer.write_all(bytes)?;
    writer.flush()?;
    Ok(Bytes::from(writer.into_inner()))
}

fn gzip(bytes: &[u8]) -> io::Result<Bytes> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    writer.write_all(bytes)?;
    Ok(Bytes::from(writer.finish()?))
}
