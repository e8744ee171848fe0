//! PostgreSQL behind the face of a [`Connection`](super::Connection): statements prepared once, one writer at a time, and a connection
//! that knows when it is of no use any more.
//!
//! The blocking client looks at its socket only while it is asked something, so it never says by itself that it is closed: whoever
//! fails for a reason that lies in the connection marks it as [broken](Postgres::is_closed), and the store connects anew.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    str::FromStr as _,
    time::Duration,
};

use postgres::{Client, Config, NoTls, Statement, error::Severity, types::ToSql};

use super::{Result, Row, Value, dialect};

/// The advisory lock that a collector holds while it writes: "PF4" and a 1, and the schema that the store is in. Whoever shares
/// the database with us must not use it.
const WRITER: i32 = 0x50_46_34_01;

/// How long to try to reach a server: longer than a server needs to answer, shorter than a client waits for us.
const REACH: Duration = Duration::from_secs(5);

/// How long an answer may be on its way before the connection counts as dead: a host that vanished says nothing at all.
const SILENCE: Duration = Duration::from_secs(20);

/// What every session says first. A commit is an answer only once it is on disk, whatever the server's default says. A collector that
/// stands still in the midst of writing loses the lock before the others give up waiting for it.
const SESSION: &str = "SET synchronous_commit = on; SET client_min_messages = warning;
     SET idle_in_transaction_session_timeout = '8s'; SET lock_timeout = '15s'";

/// Errors of the server after which a connection is of no use: the session or the server has ended (08, 57P), or what was prepared no
/// longer fits the tables (0A000, 26000), as after a newer collector's migration.
const FATAL: [&str; 5] = ["08", "57P", "25P03", "0A000", "26000"];

/// A connection to PostgreSQL.
pub(super) struct Postgres {
    inner: RefCell<Inner>,
    broken: Cell<bool>,
}

struct Inner {
    client: Client,
    prepared: HashMap<String, Statement>,
}

impl Postgres {
    pub(super) fn connect(address: &str) -> Result<Self> {
        let mut config = Config::from_str(address)?;
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(REACH);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(SILENCE);
        }
        let mut client = config.connect(NoTls)?;
        client.batch_execute(SESSION)?;
        let inner = RefCell::new(Inner { client, prepared: HashMap::new() });
        Ok(Self { inner, broken: Cell::new(false) })
    }

    pub(super) fn is_closed(&self) -> bool {
        self.broken.get() || self.inner.borrow().client.is_closed()
    }

    pub(super) fn execute(&self, sql: &str, values: &[Value<'_>]) -> Result<u64> {
        let mut inner = self.inner.borrow_mut();
        let done = inner.prepare(sql).and_then(|statement| inner.client.execute(&statement, &parameters(values)));
        self.judged(done)
    }

    pub(super) fn query(&self, sql: &str, values: &[Value<'_>]) -> Result<Vec<Row>> {
        let mut inner = self.inner.borrow_mut();
        let found = inner.prepare(sql).and_then(|statement| inner.client.query(&statement, &parameters(values)));
        self.judged(found)?.iter().map(Row::of_postgres).collect()
    }

    pub(super) fn batch(&self, sql: &str) -> Result<()> {
        let done = self.inner.borrow_mut().client.batch_execute(sql);
        self.judged(done)
    }

    /// Two collectors that tie the same people at once would each see half of it: they take turns.
    pub(super) fn begin_writing(&self) -> Result<()> {
        let begun = self.batch(&format!("BEGIN; SELECT pg_advisory_xact_lock({WRITER}, hashtext(current_schema()))"));
        if begun.is_err() {
            // Nobody holds a transaction that could be given up, and the session may be stuck in one.
            self.broken.set(true);
        }
        begun
    }

    /// Marks the connection when it is what failed.
    fn judged<T>(&self, outcome: std::result::Result<T, postgres::Error>) -> Result<T> {
        if let Err(error) = &outcome {
            let fatal = error.as_db_error().is_none_or(|told| {
                let code = told.code().code();
                FATAL.iter().any(|fatal| code.starts_with(fatal))
                    || matches!(told.parsed_severity(), Some(Severity::Fatal | Severity::Panic))
            });
            if fatal {
                self.broken.set(true);
            }
        }
        Ok(outcome?)
    }
}

impl Inner {
    fn prepare(&mut self, sql: &str) -> std::result::Result<Statement, postgres::Error> {
        if let Some(statement) = self.prepared.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(&dialect::number(sql))?;
        self.prepared.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

fn parameters<'p>(values: &'p [Value<'p>]) -> Vec<&'p (dyn ToSql + Sync)> {
    values.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}
