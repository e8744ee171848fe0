//! Many rows with few statements: a round trip to PostgreSQL costs more than most of what is done there.
//!
//! Lists come in a few sizes, so that every text is prepared once; a list of keys is filled up with its last one.
//! Rows come back in no order.

use std::fmt::Write as _;

use super::{Connection, Result, Row, Value};

/// Rows of one `INSERT`: a row has up to ten columns, and a statement some thousand parameters at most.
const ROWS: [usize; 4] = [64, 16, 4, 1];

/// Keys of one list.
const KEYS: [usize; 5] = [1, 4, 16, 64, 256];

impl Connection {
    /// Inserts rows. `into` is the table with its columns, `then` what stands after the values (`ON CONFLICT`, `RETURNING`); `values` are
    /// the rows one after another, `width` columns each.
    ///
    /// # Errors
    /// Any error of the store.
    pub fn insert_many(&self, into: &str, width: usize, values: &[Value<'_>], then: &str) -> Result<Vec<Row>> {
        let mut found = Vec::new();
        let mut rest = values;
        while !rest.is_empty() {
            let left = rest.len() / width.max(1);
            let rows = ROWS.into_iter().find(|rows| *rows <= left).unwrap_or(1);
            let (now, later) = rest.split_at_checked(rows * width).unwrap_or((rest, &[]));
            rest = later;
            let mut sql = format!("INSERT INTO {into} VALUES ");
            for row in 0..rows {
                sql.push_str(if row == 0 { "(" } else { ", (" });
                numbers(&mut sql, row * width, width);
                sql.push(')');
            }
            sql.push(' ');
            sql.push_str(then);
            found.append(&mut self.query(&sql, now)?);
        }
        Ok(found)
    }

    /// Runs a query for many keys: `:keys` in it stands for the list of them, `?1` and so on for `fixed`.
    ///
    /// # Errors
    /// Any error of the store.
    pub fn among(&self, sql: &str, fixed: &[Value<'_>], keys: &[Value<'_>]) -> Result<Vec<Row>> {
        self.listed(sql, fixed, keys, 1)
    }

    /// The same for pairs of numbers: `:keys` stands for rows of two.
    ///
    /// # Errors
    /// Any error of the store.
    pub fn among_pairs(&self, sql: &str, pairs: &[(i64, i64)]) -> Result<Vec<Row>> {
        let keys: Vec<Value<'_>> = pairs.iter().flat_map(|(one, two)| [Value::Int(*one), Value::Int(*two)]).collect();
        self.listed(sql, &[], &keys, 2)
    }

    fn listed(&self, sql: &str, fixed: &[Value<'_>], keys: &[Value<'_>], width: usize) -> Result<Vec<Row>> {
        let most = KEYS.last().copied().unwrap_or(1) * width;
        let mut found = Vec::new();
        for keys in keys.chunks(most) {
            let count = keys.len() / width;
            let size = KEYS.into_iter().find(|size| *size >= count).unwrap_or(count);
            let mut list = String::new();
            if width == 1 {
                numbers(&mut list, fixed.len(), size);
            } else {
                list.push_str("VALUES ");
                for pair in 0..size {
                    // Alone in a list, a parameter has no type.
                    let (one, two) = (fixed.len() + pair * 2 + 1, fixed.len() + pair * 2 + 2);
                    let comma = if pair == 0 { "" } else { ", " };
                    write!(list, "{comma}(CAST(?{one} AS BIGINT), CAST(?{two} AS BIGINT))").ok();
                }
            }
            let mut values = [fixed, keys].concat();
            let last = keys.get(keys.len().saturating_sub(width)..).unwrap_or_default();
            for _ in count..size {
                values.extend_from_slice(last);
            }
            found.append(&mut self.query(&sql.replace(":keys", &list), &values)?);
        }
        Ok(found)
    }
}

fn numbers(sql: &mut String, before: usize, count: usize) {
    for number in before + 1..=before + count {
        let comma = if number == before + 1 { "" } else { ", " };
        write!(sql, "{comma}?{number}").ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params;

    fn store() -> Connection {
        let connection = rusqlite::Connection::open_in_memory().map(Connection::sqlite);
        let Ok(connection) = connection else { panic!("memory") };
        assert!(connection.batch("CREATE TABLE t (a INTEGER, b INTEGER, PRIMARY KEY (a, b)) STRICT").is_ok());
        connection
    }

    #[test]
    fn any_number_of_rows_is_inserted_once_each_and_found_again() {
        for count in [0_i64, 1, 2, 63, 64, 65, 300, 1_000] {
            let store = store();
            let values: Vec<Value<'_>> = (0..count).flat_map(|n| [Value::Int(n), Value::Int(n * 2)]).collect();
            let told = store.insert_many("t (a, b)", 2, &values, "ON CONFLICT DO NOTHING RETURNING a");
            assert_eq!(told.map(|rows| rows.len() as i64).ok(), Some(count));
            let again = store.insert_many("t (a, b)", 2, &values, "ON CONFLICT DO NOTHING RETURNING a");
            assert_eq!(again.map(|rows| rows.len()).ok(), Some(0));
            let keys: Vec<Value<'_>> = (0..count).map(Value::Int).collect();
            let found = store.among("SELECT b FROM t WHERE b >= ?1 AND a IN (:keys)", params![2_i64], &keys);
            assert_eq!(found.map(|rows| rows.len() as i64).ok(), Some((count - 1).max(0)));
            let pairs: Vec<(i64, i64)> = (0..count).map(|n| (n, n * 2)).chain([(1, 1)]).collect();
            let found = store.among_pairs("SELECT a FROM t WHERE (a, b) IN (:keys)", &pairs);
            assert_eq!(found.map(|rows| rows.len() as i64).ok(), Some(count));
        }
    }
}
