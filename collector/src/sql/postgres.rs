//! PostgreSQL behind the face of a [`Connection`](super::Connection): statements prepared once, one writer at a time.

use std::{cell::RefCell, collections::HashMap};

use postgres::{Client, NoTls, Statement, types::ToSql};

use super::{Result, Row, Value, dialect};

/// The advisory lock that a collector holds while it writes: "PF4" and a 1. Whoever shares the database with us must
/// not use it.
const WRITER: i64 = 0x50_46_34_01;

/// A connection to PostgreSQL.
pub(super) struct Postgres(RefCell<Inner>);

struct Inner {
    client: Client,
    prepared: HashMap<String, Statement>,
}

impl Postgres {
    pub(super) fn connect(address: &str) -> Result<Self> {
        let mut client = Client::connect(address, NoTls)?;
        // A commit is an answer only once it is on disk, whatever the server's default says.
        client.batch_execute("SET synchronous_commit = on; SET client_min_messages = warning")?;
        Ok(Self(RefCell::new(Inner { client, prepared: HashMap::new() })))
    }

    pub(super) fn is_closed(&self) -> bool {
        self.0.borrow().client.is_closed()
    }

    pub(super) fn execute(&self, sql: &str, values: &[Value<'_>]) -> Result<u64> {
        let mut inner = self.0.borrow_mut();
        let statement = inner.prepare(sql)?;
        Ok(inner.client.execute(&statement, &parameters(values))?)
    }

    pub(super) fn query(&self, sql: &str, values: &[Value<'_>]) -> Result<Vec<Row>> {
        let mut inner = self.0.borrow_mut();
        let statement = inner.prepare(sql)?;
        let rows = inner.client.query(&statement, &parameters(values))?;
        rows.iter().map(Row::of_postgres).collect()
    }

    pub(super) fn batch(&self, sql: &str) -> Result<()> {
        Ok(self.0.borrow_mut().client.batch_execute(sql)?)
    }

    /// Two collectors that tie the same people at once would each see half of it: they take turns.
    pub(super) fn begin_writing(&self) -> Result<()> {
        self.batch(&format!("BEGIN; SELECT pg_advisory_xact_lock({WRITER})"))
    }
}

impl Inner {
    fn prepare(&mut self, sql: &str) -> Result<Statement> {
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
