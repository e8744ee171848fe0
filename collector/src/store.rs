//! The store: one SQLite file in WAL mode, synced at every commit, or a PostgreSQL.
//!
//! `synchronous=FULL` makes SQLite sync the write-ahead log before a commit returns; that is the moment from which a
//! 200 may be answered. There is one writer (see [`crate::writer`]); readers have connections of their own and see whole
//! transactions only.
//!
//! Invariant: what a writer sees at its first transaction is on disk. A log that was written but not yet synced when the
//! process was killed survives in the page cache and is read back as committed, so a repeat would be answered 200 on the
//! strength of bytes that a power cut may still take. [`Store::open`] therefore checkpoints, which syncs, before it returns.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, bail};
use rusqlite::OpenFlags;

use crate::{
    graph::{Graph, Memory, Policy},
    ledger::{Intake, Ledger, Verdict},
    params,
    sql::{Connection, Dialect, Error, Result},
};

/// The file in the data folder that holds everything; SQLite keeps `-wal` and `-shm` files beside it while it is open.
pub const FILE: &str = "collector.db";

/// What leads from each schema to the next, from nothing on. How many there are is the schema's number, kept in SQLite's
/// `user_version` and in PostgreSQL's row of `about`.
const STEPS: [&str; 11] = [
    include_str!("schema/1-syncs.sql"),
    include_str!("schema/2-answers.sql"),
    include_str!("schema/3-forms.sql"),
    include_str!("schema/4-people.sql"),
    include_str!("schema/5-activation.sql"),
    include_str!("schema/6-partners.sql"),
    include_str!("schema/7-access.sql"),
    include_str!("schema/8-rights.sql"),
    include_str!("schema/9-journeys.sql"),
    include_str!("schema/10-hours.sql"),
    include_str!("schema/11-candidates.sql"),
];

/// Pages of the log before it is folded into the database: 4,000 × 4 KiB. A checkpoint syncs twice, so it should be rare;
/// a log of 16 MiB is read back in well under a second after a crash.
const CHECKPOINT_PAGES: &str = "4000";

/// Where a store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A file of SQLite in this folder.
    Folder(PathBuf),
    /// A PostgreSQL at this address, `postgres://…`.
    Postgres(String),
}

/// The writing end of the store.
pub struct Store {
    place: Place,
    connection: Connection,
    policy: Arc<Policy>,
    memory: Memory,
}

impl Place {
    /// The file in a data folder.
    #[must_use]
    pub fn folder(folder: &Path) -> Self {
        Self::Folder(folder.to_owned())
    }

    /// `postgres://…`, or nothing for the folder.
    ///
    /// # Errors
    /// When the address is of no store that is known here.
    pub fn parse(address: Option<&str>, folder: &Path) -> anyhow::Result<Self> {
        match address {
            None => Ok(Self::Folder(folder.to_owned())),
            Some(address) if address.starts_with("postgres://") || address.starts_with("postgresql://") => {
                Ok(Self::Postgres(address.to_owned()))
            }
            Some(_) => {
                bail!("--store takes postgres://USER@HOST:PORT/DATABASE; leave it out to keep everything in --data")
            }
        }
    }

    /// A connection that only reads, for pages and counts.
    ///
    /// # Errors
    /// When the store does not exist or cannot be reached.
    pub fn reader(&self) -> Result<Connection> {
        match self {
            Self::Folder(folder) => {
                let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
                Ok(Connection::sqlite(rusqlite::Connection::open_with_flags(path(folder), flags)?))
            }
            Self::Postgres(address) => Connection::postgres(address),
        }
    }

    /// Where it is, for whoever runs it; an address may hold a password and is not repeated.
    fn name(&self) -> String {
        match self {
            Self::Folder(folder) => path(folder).display().to_string(),
            Self::Postgres(_) => "in the PostgreSQL of --store".to_owned(),
        }
    }

    /// A connection that writes, for those whose rows nobody else writes.
    pub(crate) fn writer(&self) -> anyhow::Result<Connection> {
        match self {
            Self::Folder(folder) => open_file(folder),
            Self::Postgres(address) => Connection::postgres(address).context("cannot use the PostgreSQL of --store"),
        }
    }
}

impl Store {
    /// Opens the store, creating it when missing, and makes durable what an earlier run left behind.
    ///
    /// # Errors
    /// When it cannot be written, is no store, or a newer collector wrote it.
    pub fn open(place: &Place) -> anyhow::Result<Self> {
        Self::with(place, Arc::default())
    }

    /// The same under a policy of the operator's own.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn with(place: &Place, policy: Arc<Policy>) -> anyhow::Result<Self> {
        let connection = place.writer()?;
        let named = || format!("cannot write the store {}", place.name());
        migrate(&connection).with_context(named)?;
        let store = Self { place: place.clone(), connection, policy, memory: Memory::default() };
        store.checkpoint().with_context(named)?;
        Ok(store)
    }

    /// Connects anew when the connection has broken; whether it had to.
    ///
    /// # Errors
    /// When the store cannot be reached yet.
    pub fn mend(&mut self) -> Result<bool> {
        if self.connection.is_closed()
            && let Place::Postgres(address) = &self.place
        {
            self.memory.clear();
            self.connection = Connection::postgres(address)?;
            return Ok(true);
        }
        Ok(false)
    }

    /// The connection that writes.
    #[must_use]
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Writes all messages in one transaction and returns once it is on disk; one verdict for each, in order.
    ///
    /// # Errors
    /// When the store cannot write or sync: then none of them is stored.
    pub fn store<'m>(&mut self, messages: impl Iterator<Item = &'m Intake>, received: i64) -> Result<Vec<Verdict>> {
        self.write(received, |graph| {
            let mut ledger = Ledger::new(graph);
            let verdicts = messages.map(|message| ledger.record(message)).collect::<Result<_>>()?;
            ledger.close()?;
            Ok(verdicts)
        })
    }

    /// Does some work in one transaction and returns once it is on disk.
    ///
    /// # Errors
    /// When the work fails, or the store cannot write or sync: then nothing of it is kept.
    pub fn write<R>(&mut self, received: i64, work: impl FnOnce(&mut Graph<'_>) -> Result<R>) -> Result<R> {
        let outcome = self.attempt(received, work);
        if outcome.is_err() {
            // What was remembered may not have been kept.
            self.memory.clear();
        }
        outcome
    }

    fn attempt<R>(&mut self, received: i64, work: impl FnOnce(&mut Graph<'_>) -> Result<R>) -> Result<R> {
        let transaction = self.connection.write()?;
        // Another collector, or a command beside this one, may have deleted what is remembered.
        self.memory.compare(&transaction)?;
        let mut graph = Graph::new(&transaction, &self.policy, &mut self.memory, received);
        let done = work(&mut graph)?;
        graph.close()?;
        transaction.commit()?;
        Ok(done)
    }

    /// Folds the log into the database and syncs both.
    ///
    /// # Errors
    /// When SQLite cannot write. A reader that holds the log back is no error: the log is synced all the same.
    pub fn checkpoint(&self) -> Result<()> {
        if self.connection.dialect() == Dialect::Sqlite {
            self.connection.query("PRAGMA wal_checkpoint(TRUNCATE)", params![])?;
        }
        Ok(())
    }
}

/// The store's file in a data folder.
#[must_use]
pub fn path(folder: &Path) -> PathBuf {
    folder.join(FILE)
}

/// Milliseconds since 1970, by the server's clock.
#[must_use]
pub fn now() -> i64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |age| i64::try_from(age.as_millis()).unwrap_or(i64::MAX))
}

fn open_file(folder: &Path) -> anyhow::Result<Connection> {
    create_folder(folder).with_context(|| format!("cannot create the data folder {}", folder.display()))?;
    let path = path(folder);
    let connection =
        rusqlite::Connection::open(&path).with_context(|| format!("cannot open the store {}", path.display()))?;
    let connection = Connection::sqlite(connection);
    let mode: Option<String> = connection
        .scalar("PRAGMA journal_mode = WAL", params![])
        .with_context(|| format!("{} is not a usable store", path.display()))?;
    let mode = mode.unwrap_or_default();
    if mode != "wal" {
        bail!("{} cannot keep a write-ahead log here (journal mode {mode}); use a local disk", path.display());
    }
    connection.pragma("synchronous", "FULL")?;
    connection.pragma("wal_autocheckpoint", CHECKPOINT_PAGES)?;
    // What is forgotten is not to be read out of pages that are free again.
    connection.pragma("secure_delete", "ON")?;
    // Reading a page of a store of a million people costs a call of the system each; mapped, it costs none. Pages that nobody touches take no memory.
    connection.pragma("mmap_size", "1073741824")?;
    Ok(connection)
}

/// Brings a store to this build's schema, from nothing or from any older one.
///
/// # Errors
/// When a newer collector wrote it, or it cannot be written.
pub fn migrate(connection: &Connection) -> anyhow::Result<()> {
    // A table that is built anew is for a moment not there, which whoever refers to it would not bear.
    connection.pragma("foreign_keys", "OFF")?;
    let migrated = lead(connection);
    connection.pragma("foreign_keys", "ON")?;
    migrated
}

fn lead(connection: &Connection) -> anyhow::Result<()> {
    let transaction = connection.write()?;
    let found = version(&transaction)?;
    let steps = STEPS
        .get(found..)
        .with_context(|| format!("it has schema {found}, this build knows {}; run the newer collector", STEPS.len()))?;
    if !steps.is_empty() {
        for step in steps {
            transaction.batch(step)?;
        }
        if found == 0 {
            transaction.execute("INSERT INTO about (key, value) VALUES ('since', ?1)", params![now()])?;
        }
        set_version(&transaction, STEPS.len())?;
    }
    transaction.commit()?;
    Ok(())
}

/// The schema's number; 0 of a store that is new.
fn version(connection: &Connection) -> Result<usize> {
    let found: Option<i64> = match connection.dialect() {
        Dialect::Sqlite => connection.scalar("PRAGMA user_version", params![])?,
        Dialect::Postgres => {
            let made = "SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'about'";
            if connection.exists(made, params![])? {
                connection.scalar("SELECT value FROM about WHERE key = 'schema'", params![])?
            } else {
                None
            }
        }
    };
    usize::try_from(found.unwrap_or_default()).map_err(|_| Error::Column(0))
}

fn set_version(connection: &Connection, version: usize) -> Result<()> {
    match connection.dialect() {
        Dialect::Sqlite => connection.pragma("user_version", &version.to_string()),
        Dialect::Postgres => {
            let kept = "INSERT INTO about (key, value) VALUES ('schema', ?1)
                 ON CONFLICT (key) DO UPDATE SET value = excluded.value";
            connection.execute(kept, params![version as i64]).map(drop)
        }
    }
}

/// Creates the folder and syncs its parent, so that a power cut cannot take the folder with a synced store in it.
fn create_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    // What is stored is nobody else's on this machine.
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(fs::DirBuilder::new().recursive(true), 0o700).create(folder)?;
    #[cfg(not(unix))]
    fs::create_dir_all(folder)?;
    for parent in folder.ancestors().skip(1) {
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        // The root and foreign folders may refuse to be opened or synced; nothing of ours is new there.
        if File::open(parent).and_then(|parent| parent.sync_all()).is_err() {
            break;
        }
    }
    Ok(())
}
