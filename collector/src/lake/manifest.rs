//! Which parts there are, and up to which row of the store they reach.
//!
//! Each version is an object of its own, made only if it is not there: of two exports that run at once one publishes and the
//! other hears that it lost. What no manifest names does not exist for readers, whatever lies beside it.

use serde::{Deserialize, Serialize};

use super::{part::Encoding, place::Lake};

/// The folder of manifests. Readers of Hive's layout pass over names with an underscore.
pub const FOLDER: &str = "_manifest";

/// Version of the format.
const FORMAT: u32 = 1;

/// The lake as it was published last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this format.
    pub format: u32,
    /// Counts up with each publication.
    pub version: u64,
    /// Of which store: a keyed hash, so that two stores never mix in one lake.
    pub store: String,
    /// What the parts are written in.
    pub encoding: Encoding,
    /// Whether `identifiers` has digests.
    pub with_digests: bool,
    /// When it was published, Unix ms.
    pub written: i64,
    /// Up to which row each log was exported.
    pub positions: Positions,
    /// When the tables of state were last written, Unix ms.
    pub state: i64,
    /// Every part.
    pub parts: Vec<Part>,
}

/// Numbers of the last rows that were exported.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Positions {
    /// Of `events`.
    pub events: i64,
    /// Of `messages`: decisions, exposures and outcomes.
    pub messages: i64,
    /// Of the tombstones.
    pub tombstones: i64,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its table.
    pub table: String,
    /// Where it lies, from the lake's root.
    pub path: String,
    /// The day of its rows, `2026-11-26`, of a log.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub day: Option<String>,
    /// Rows in it.
    pub rows: u64,
    /// Its length.
    pub bytes: u64,
    /// Number of the last tombstone that it obeys: none after it has been looked for in it.
    pub checked: i64,
}

impl Manifest {
    /// The manifest of a lake that has nothing yet.
    #[must_use]
    pub fn empty(store: String, encoding: Encoding) -> Self {
        Self {
            format: FORMAT,
            version: 0,
            store,
            encoding,
            with_digests: false,
            written: 0,
            positions: Positions::default(),
            state: 0,
            parts: Vec::new(),
        }
    }

    /// The latest one.
    ///
    /// # Errors
    /// When the place cannot be read, or a newer collector wrote it.
    pub fn latest(lake: &Lake) -> anyhow::Result<Option<Self>> {
        let Some(path) = lake.list(FOLDER)?.into_iter().map(|found| found.path).max() else { return Ok(None) };
        let manifest: Self = serde_json::from_slice(&lake.get(&path)?)
            .map_err(|error| anyhow::anyhow!("{path} is no manifest of a lake: {error}"))?;
        anyhow::ensure!(
            manifest.format == FORMAT,
            "the lake has format {}, this build knows {FORMAT}; run the newer collector",
            manifest.format
        );
        Ok(Some(manifest))
    }

    /// Publishes it as the next version.
    ///
    /// # Errors
    /// When the place does not take it, or somebody else has published meanwhile.
    pub fn publish(&mut self, lake: &Lake, now: i64) -> anyhow::Result<()> {
        self.version += 1;
        self.written = now;
        let bytes = serde_json::to_vec(self)?;
        anyhow::ensure!(
            lake.put_new(&path(self.version), bytes)?,
            "somebody else writes to this lake: let one export run at a time"
        );
        Ok(())
    }

    /// Parts of a table.
    pub fn of<'m>(&'m self, table: &'m str) -> impl Iterator<Item = &'m Part> {
        self.parts.iter().filter(move |part| part.table == table)
    }
}

/// Where a version lies; names sort as versions count.
#[must_use]
pub fn path(version: u64) -> String {
    format!("{FOLDER}/{version:012}.json")
}
