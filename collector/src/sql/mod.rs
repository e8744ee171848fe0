//! One way to speak to a store, whether it is a file of SQLite or a PostgreSQL.
//!
//! Statements are written once, in the part of SQL that both understand, with numbered parameters (`?1`); [`dialect`] spells out the
//! few places where they differ. Everything is blocking: a connection belongs to one thread at a time.
//!
//! What both understand, and is kept to: `ON CONFLICT … DO`, `RETURNING`, row values, `coalesce`, 64-bit integers, text, bytes, double
//! precision. A truth value is the integer 0 or 1. `sum` is written `CAST(sum(…) AS BIGINT)`, since PostgreSQL widens it.
//!
//! Why not a library: those that speak both put a queue or a thread before each statement of SQLite, which costs more than
//! most of our statements do (ADR 7).
//! Invariant: an [`Error`] says which table and code, never a value.

mod dialect;
mod many;
mod postgres;
mod value;

use std::{fmt, time::Duration};

pub use dialect::Dialect;
pub use value::{Cell, FromCell, Row, Value};

use self::postgres::Postgres;

/// Statements of SQLite that are kept prepared.
const STATEMENTS: usize = 256;

/// How long SQLite waits for another process that writes.
const BUSY: Duration = Duration::from_secs(5);

/// Parameters of a statement, each of a type that converts into a [`Value`].
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => { &[$($crate::sql::Value::from($value)),*] };
}

/// What went wrong.
#[derive(Debug)]
pub enum Error {
    /// SQLite says so.
    Sqlite(rusqlite::Error),
    /// PostgreSQL says so, or cannot be reached.
    Postgres(::postgres::Error),
    /// A column is not of the type that was asked for.
    Column(usize),
}

/// What a statement comes to.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A connection to the store.
pub struct Connection {
    kind: Kind,
}

enum Kind {
    Sqlite(rusqlite::Connection),
    Postgres(Box<Postgres>),
}

impl Connection {
    /// Over an open file of SQLite.
    #[must_use]
    pub fn sqlite(connection: rusqlite::Connection) -> Self {
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        // Only an out-of-range time could be refused.
        connection.busy_timeout(BUSY).ok();
        Self { kind: Kind::Sqlite(connection) }
    }

    /// To a PostgreSQL, by its address (`postgres://user:password@host:port/database`).
    ///
    /// # Errors
    /// [`Error::Postgres`] when it cannot be reached or refuses.
    pub fn postgres(address: &str) -> Result<Self> {
        Ok(Self { kind: Kind::Postgres(Box::new(Postgres::connect(address)?)) })
    }

    /// Whom it speaks to.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        match self.kind {
            Kind::Sqlite(_) => Dialect::Sqlite,
            Kind::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Whether nothing more can be done with it.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        match &self.kind {
            Kind::Sqlite(_) => false,
            Kind::Postgres(postgres) => postgres.is_closed(),
        }
    }

    /// Runs a statement; how many rows it changed.
    ///
    /// # Errors
    /// Any error of the store.
    pub fn execute(&self, sql: &str, values: &[Value<'_>]) -> Result<u64> {
        match &self.kind {
            Kind::Sqlite(connection) => {
                let mut statement = connection.prepare_cached(sql)?;
                let changed = statement.execute(rusqlite::params_from_iter(values))?;
                Ok(u64::try_from(changed).unwrap_or(u64::MAX))
            }
            Kind::Postgres(postgres) => postgres.execute(sql, values),
        }
    }

    /// Runs a query; all rows.
    ///
    /// # Errors
    /// Any error of the store.
    pub fn query(&self, sql: &str, values: &[Value<'_>]) -> Result<Vec<Row>> {
        match &self.kind {
            Kind::Sqlite(connection) => {
                let mut statement = connection.prepare_cached(sql)?;
                let columns = statement.column_count();
                let mut rows = statement.query(rusqlite::params_from_iter(values))?;
                let mut found = Vec::new();
                while let Some(row) = rows.next()? {
                    found.push(Row::of_sqlite(row, columns)?);
                }
                Ok(found)
            }
            Kind::Postgres(postgres) => postgres.query(sql, values),
        }
    }

    /// The first row of a query, if there is one.
    ///
    /// # Errors
    /// Any error of the store.
    pub fn first(&self, sql: &str, values: &[Value<'_>]) -> Result<Option<Row>> {
        Ok(self.query(sql, values)?.into_iter().next())
    }

    /// The first column of the first row, if there is one.
    ///
    /// # Errors
    /// Any error of the store, or [`Error::Column`].
    pub fn scalar<T: FromCell>(&self, sql: &str, values: &[Value<'_>]) -> Result<Option<T>> {
        self.first(sql, values)?.map(|row| row.get(0)).transpose()
    }

    /// Whether a query finds anything.
    ///
    /// # Errors
    /// Any error of the store.
    pub fn exists(&self, sql: &str, values: &[Value<'_>]) -> Result<bool> {
        Ok(self.first(sql, values)?.is_some())
    }

    /// Runs several statements without parameters, separated by semicolons, spelled for whom it speaks to.
    ///
    /// # Errors
    /// Any error of the store.
    pub fn batch(&self, sql: &str) -> Result<()> {
        match &self.kind {
            Kind::Sqlite(connection) => Ok(connection.execute_batch(sql)?),
            Kind::Postgres(postgres) => postgres.batch(&dialect::define(sql)),
        }
    }

    /// Begins to write. Of several collectors over one PostgreSQL, one at a time does: the others wait here.
    ///
    /// # Errors
    /// Any error of the store.
    pub fn write(&self) -> Result<Transaction<'_>> {
        match &self.kind {
            Kind::Sqlite(connection) => connection.execute_batch("BEGIN IMMEDIATE")?,
            Kind::Postgres(postgres) => postgres.begin_writing()?,
        }
        Ok(Transaction { connection: self, open: true })
    }

    /// Begins to read: everything until the end is one view.
    ///
    /// # Errors
    /// Any error of the store.
    pub fn read(&self) -> Result<Transaction<'_>> {
        match &self.kind {
            Kind::Sqlite(connection) => connection.execute_batch("BEGIN DEFERRED")?,
            Kind::Postgres(postgres) => postgres.batch("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?,
        }
        Ok(Transaction { connection: self, open: true })
    }

    /// Sets a pragma of SQLite; nothing elsewhere.
    ///
    /// # Errors
    /// Any error of the store.
    pub fn pragma(&self, name: &str, value: &str) -> Result<()> {
        match &self.kind {
            Kind::Sqlite(connection) => Ok(connection.pragma_update(None, name, value)?),
            Kind::Postgres(_) => Ok(()),
        }
    }

    fn end(&self, how: &str) -> Result<()> {
        match &self.kind {
            Kind::Sqlite(connection) => Ok(connection.execute_batch(how)?),
            Kind::Postgres(postgres) => postgres.batch(how),
        }
    }
}

/// What happens whole or not at all: given up when it is dropped, kept by [`Transaction::commit`].
pub struct Transaction<'c> {
    connection: &'c Connection,
    open: bool,
}

impl Transaction<'_> {
    /// Keeps it. When this returns, it is on disk.
    ///
    /// # Errors
    /// Any error of the store; nothing of it is kept then.
    pub fn commit(mut self) -> Result<()> {
        self.connection.end("COMMIT")?;
        self.open = false;
        Ok(())
    }
}

impl std::ops::Deref for Transaction<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if self.open {
            // A broken connection has given it up already.
            self.connection.end("ROLLBACK").ok();
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(error) => write!(f, "{error}"),
            Self::Postgres(error) => match error.as_db_error() {
                // The detail of such an error quotes values.
                Some(error) => write!(f, "postgres {}: {}", error.code().code(), error.message()),
                None => write!(f, "postgres: {error}"),
            },
            Self::Column(at) => write!(f, "column {at} is not of the expected type"),
        }
    }
}

impl std::error::Error for Error {}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<::postgres::Error> for Error {
    fn from(error: ::postgres::Error) -> Self {
        Self::Postgres(error)
    }
}
