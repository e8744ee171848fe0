//! Taking back: evidence that counts no more, by pair, by source or by time, and how it comes to count again.
//!
//! Nothing is deleted: a piece of evidence that was withdrawn stays to be seen, and the people are those that there would be without
//! it. A *cut* is stronger: the pair is never tied again, whoever says so.

use super::Graph;
use crate::{
    params,
    sql::{Result, Row},
};

/// Which evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// All between two identifiers, now and later.
    Pair(i64, i64),
    /// All that came from a source.
    Source(String),
    /// All that was received in this time, Unix ms, ends included, from one source or from all.
    Received {
        /// From when.
        from: i64,
        /// Until when.
        until: i64,
        /// From where; nothing: from everywhere.
        source: Option<String>,
    },
}

impl Graph<'_> {
    /// Withdraws evidence; how many pieces there were.
    ///
    /// # Errors
    /// Any error of the store.
    pub fn withdraw(&mut self, which: &Which) -> Result<u64> {
        if let Which::Pair(one, two) = which {
            let (a, b) = (one.min(two), one.max(two));
            self.connection.execute(
                "INSERT INTO cuts (a, b, at) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
                params![a, b, self.received],
            )?;
            self.judge(*a, *b, false)?;
            let sql = "SELECT count(*) FROM edges WHERE a = ?1 AND b = ?2";
            let count: i64 = self.connection.scalar(sql, params![a, b])?.unwrap_or_default();
            return Ok(count.cast_unsigned());
        }
        self.mark(which, Some(self.received))
    }

    /// Lets evidence count again that was withdrawn; how many pieces there were.
    ///
    /// # Errors
    /// Any error of the store.
    pub fn restore(&mut self, which: &Which) -> Result<u64> {
        if let Which::Pair(one, two) = which {
            let (a, b) = (one.min(two), one.max(two));
            let gone = self.connection.execute("DELETE FROM cuts WHERE a = ?1 AND b = ?2", params![a, b])?;
            self.judge(*a, *b, false)?;
            return Ok(gone);
        }
        self.mark(which, None)
    }

    fn mark(&mut self, which: &Which, withdrawn: Option<i64>) -> Result<u64> {
        let (source, from, until) = match which {
            Which::Source(source) => (Some(source.as_str()), i64::MIN, i64::MAX),
            Which::Received { from, until, source } => (source.as_deref(), *from, *until),
            Which::Pair(..) => return Ok(0),
        };
        let open = if withdrawn.is_some() { "withdrawn IS NULL" } else { "withdrawn IS NOT NULL" };
        let rows = match source {
            Some(source) => self.connection.query(
                &format!(
                    "SELECT a, b, rule, source FROM edges WHERE source = ?1 AND received BETWEEN ?2 AND ?3 AND {open}"
                ),
                params![source, from, until],
            )?,
            None => self.connection.query(
                &format!("SELECT a, b, rule, source FROM edges WHERE received BETWEEN ?1 AND ?2 AND {open}"),
                params![from, until],
            )?,
        };
        for row in &rows {
            self.mark_one(row, withdrawn)?;
        }
        // Judged once all are marked: what only holds halfway is nobody's business.
        for row in &rows {
            self.judge(row.get(0)?, row.get(1)?, false)?;
        }
        Ok(rows.len() as u64)
    }

    fn mark_one(&self, row: &Row, withdrawn: Option<i64>) -> Result<()> {
        self.connection.execute(
            "UPDATE edges SET withdrawn = ?5 WHERE a = ?1 AND b = ?2 AND rule = ?3 AND source = ?4",
            params![row.get::<i64>(0)?, row.get::<i64>(1)?, row.get::<u8>(2)?, &row.get::<String>(3)?, withdrawn],
        )?;
        Ok(())
    }
}
