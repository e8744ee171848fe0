//! The store: one SQLite file in WAL mode, synced at every commit.
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
    time::Duration,
};

use anyhow::{Context, bail};
use rusqlite::{Connection, OpenFlags, TransactionBehavior, params};

use crate::{
    ledger::{Intake, Ledger, Verdict},
    members::{self, News, Row},
    names::Named,
};

/// The file in the data folder that holds everything; SQLite keeps `-wal` and `-shm` files beside it while it is open.
pub const FILE: &str = "collector.db";

/// What this build writes; kept in SQLite's `user_version`.
const SCHEMA: i32 = 3;

/// What leads from each schema to the next, from the first on.
const STEPS: [&str; 2] =
    [include_str!("answers.sql"), "ALTER TABLE identities ADD COLUMN forms INTEGER NOT NULL DEFAULT 0;"];

/// Pages of the log before it is folded into the database: 4,000 × 4 KiB. A checkpoint syncs twice, so it should be rare;
/// a log of 16 MiB is read back in well under a second after a crash.
const CHECKPOINT_PAGES: i32 = 4_000;

/// Statements kept prepared: there are some twenty.
const STATEMENTS: usize = 64;

/// The writing end of the store.
pub struct Store {
    connection: Connection,
}

impl Store {
    /// Opens the store in `folder`, creating both when missing, and makes durable what an earlier run left behind.
    ///
    /// # Errors
    /// When the folder cannot be written, the file is no database, or a newer collector wrote it.
    pub fn open(folder: &Path) -> anyhow::Result<Self> {
        create_folder(folder).with_context(|| format!("cannot create the data folder {}", folder.display()))?;
        let path = path(folder);
        let mut connection =
            Connection::open(&path).with_context(|| format!("cannot open the store {}", path.display()))?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        let mode: String = connection
            .query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))
            .with_context(|| format!("{} is not a usable store", path.display()))?;
        if mode != "wal" {
            bail!("{} cannot keep a write-ahead log here (journal mode {mode}); use a local disk", path.display());
        }
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
        // What is forgotten is not to be read out of pages that are free again.
        connection.pragma_update(None, "secure_delete", "ON")?;
        migrate(&mut connection).with_context(|| format!("cannot use the store {}", path.display()))?;
        let store = Self { connection };
        store.checkpoint()?;
        Ok(store)
    }

    /// Writes all messages in one transaction and returns once it is on disk; one verdict for each, in order.
    ///
    /// # Errors
    /// When SQLite cannot write or sync: then none of them is stored.
    pub fn store<'m>(
        &mut self,
        messages: impl Iterator<Item = &'m Intake>,
        received: i64,
    ) -> rusqlite::Result<Vec<Verdict>> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut ledger = Ledger::new(&transaction, received);
        let mut verdicts = Vec::with_capacity(messages.size_hint().0);
        for message in messages {
            verdicts.push(ledger.record(message)?);
        }
        ledger.close()?;
        transaction.commit()?;
        Ok(verdicts)
    }

    /// Remembers what a bundle's keys are called.
    ///
    /// # Errors
    /// When SQLite cannot write.
    pub fn learn(&mut self, names: &[Named]) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for Named { kind, key, name } in names {
            transaction
                .prepare_cached(
                    "INSERT INTO names (kind, key, name) VALUES (?1, ?2, ?3)
                     ON CONFLICT (kind, key) DO UPDATE SET name = excluded.name WHERE name <> excluded.name",
                )?
                .execute(params![kind.text(), key, name])?;
        }
        transaction.commit()
    }

    /// Writes memberships in one transaction.
    ///
    /// # Errors
    /// When SQLite cannot write or sync: then none of them is stored.
    pub fn enrol(&mut self, rows: &[Row], received: i64) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        members::enrol(&transaction, rows, received)?;
        transaction.commit()
    }

    /// What a visitor's device is told.
    ///
    /// # Errors
    /// When SQLite cannot read.
    pub fn news(&self, visitor: &[u8; 16]) -> rusqlite::Result<News> {
        members::news(&self.connection, visitor)
    }

    /// Writes and syncs one small row: proof that the disk takes writes now.
    ///
    /// # Errors
    /// When it does not.
    pub fn probe(&self, now: i64) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached(
                "INSERT INTO about (key, value) VALUES ('probed', ?1)
                 ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            )?
            .execute([now])?;
        Ok(())
    }

    /// Folds the log into the database and syncs both.
    ///
    /// # Errors
    /// When SQLite cannot write. A reader that holds the log back is no error: the log is synced all the same.
    pub fn checkpoint(&self) -> rusqlite::Result<()> {
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
    }
}

/// The store's file in a data folder.
#[must_use]
pub fn path(folder: &Path) -> PathBuf {
    folder.join(FILE)
}

/// A connection that can only read, for pages and counts.
///
/// # Errors
/// When the store does not exist or cannot be read.
pub fn reader(folder: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path(folder), flags)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

/// Milliseconds since 1970, by the server's clock.
#[must_use]
pub fn now() -> i64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |age| i64::try_from(age.as_millis()).unwrap_or(i64::MAX))
}

fn migrate(connection: &mut Connection) -> anyhow::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: i32 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    match found {
        SCHEMA => {}
        0 => {
            transaction.execute_batch(include_str!("schema.sql"))?;
            for step in STEPS {
                transaction.execute_batch(step)?;
            }
            transaction.execute("INSERT INTO about (key, value) VALUES ('since', ?1)", [now()])?;
            transaction.pragma_update(None, "user_version", SCHEMA)?;
        }
        older @ 1..SCHEMA => {
            for step in STEPS.iter().skip(older as usize - 1) {
                transaction.execute_batch(step)?;
            }
            transaction.pragma_update(None, "user_version", SCHEMA)?;
        }
        newer => bail!("it has schema {newer}, this build knows {SCHEMA}; run the newer collector"),
    }
    transaction.commit()?;
    Ok(())
}

/// Creates the folder and syncs its parent, so that a power cut cannot take the folder with a synced store in it.
fn create_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
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
