//! Where a lake lies: a folder, or a bucket of anything that speaks S3.
//!
//! Only four things are asked of it: put an object whole, put it only if there is none, get it, list names. A folder
//! writes under a temporary name, syncs, and renames; S3 shows an object once it is whole.

use std::{path::Path as File, sync::Arc};

use anyhow::Context as _;
use futures_util::TryStreamExt as _;
use object_store::{
    ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, aws::AmazonS3Builder, local::LocalFileSystem, path::Path,
    prefix::PrefixStore,
};
use tokio::runtime::Handle;

/// A lake's place, spoken to by a thread that may wait.
#[derive(Clone)]
pub struct Lake {
    objects: Arc<dyn ObjectStore>,
    runtime: Handle,
    address: String,
}

/// An object that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its path from the lake's root.
    pub path: String,
    /// When it was written, Unix ms.
    pub written: i64,
}

impl Lake {
    /// A folder, or `s3://bucket/prefix` with what `AWS_…` in the environment says of endpoint, region and keys.
    ///
    /// # Errors
    /// When the folder cannot be made, or the bucket's settings do not hold.
    pub fn open(place: &str, runtime: Handle) -> anyhow::Result<Self> {
        if let Some(rest) = place.strip_prefix("s3://") {
            // Somebody may have chosen before us; then theirs is used.
            rustls::crypto::ring::default_provider().install_default().ok();
            let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
            anyhow::ensure!(!bucket.is_empty(), "write the lake's place as s3://bucket/prefix");
            let store = AmazonS3Builder::from_env()
                .with_bucket_name(bucket)
                .build()
                .context("the settings of S3 (AWS_…) do not hold")?;
            let address = format!("s3://{}", rest.trim_end_matches('/'));
            return Ok(Self { objects: Arc::new(PrefixStore::new(store, prefix)), runtime, address });
        }
        anyhow::ensure!(!place.contains("://"), "a lake is a folder or s3://bucket/prefix");
        let folder = File::new(place);
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make the lake's folder {place}"))?;
        let folder = folder.canonicalize()?;
        let store = LocalFileSystem::new_with_prefix(&folder)?.with_fsync(true);
        Ok(Self { objects: Arc::new(store), runtime, address: folder.display().to_string() })
    }

    /// The lake's root as DuckDB reads it.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Writes an object whole, in place of any other.
    ///
    /// # Errors
    /// When the place does not take it.
    pub fn put(&self, path: &str, bytes: Vec<u8>) -> anyhow::Result<()> {
        self.runtime
            .block_on(self.objects.put(&Path::from(path), bytes.into()))
            .with_context(|| format!("the lake does not take {path}"))?;
        Ok(())
    }

    /// Writes an object unless there is one; whether there was none.
    ///
    /// # Errors
    /// When the place does not take it.
    pub fn put_new(&self, path: &str, bytes: Vec<u8>) -> anyhow::Result<bool> {
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let at = Path::from(path);
        match self.runtime.block_on(self.objects.put_opts(&at, bytes.into(), options)) {
            Ok(_) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(false),
            Err(error) => Err(error).with_context(|| format!("the lake does not take {path}")),
        }
    }

    /// Reads an object.
    ///
    /// # Errors
    /// When it is not there, or cannot be read.
    pub fn get(&self, path: &str) -> anyhow::Result<bytes::Bytes> {
        self.runtime
            .block_on(async { self.objects.get(&Path::from(path)).await?.bytes().await })
            .with_context(|| format!("the lake does not give {path}"))
    }

    /// Every object under a folder, or all.
    ///
    /// # Errors
    /// When the place cannot be listed.
    pub fn list(&self, folder: &str) -> anyhow::Result<Vec<Found>> {
        let folder = (!folder.is_empty()).then(|| Path::from(folder));
        let all = self.runtime.block_on(self.objects.list(folder.as_ref()).try_collect::<Vec<_>>());
        let all = all.context("the lake cannot be listed")?;
        Ok(all
            .into_iter()
            .map(|meta| Found { path: meta.location.to_string(), written: meta.last_modified.timestamp_millis() })
            .collect())
    }

    /// Removes objects; one that is gone already is no error.
    ///
    /// # Errors
    /// When the place refuses.
    pub fn remove(&self, path: &str) -> anyhow::Result<()> {
        match self.runtime.block_on(self.objects.delete(&Path::from(path))) {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error).with_context(|| format!("the lake does not remove {path}")),
        }
    }
}
