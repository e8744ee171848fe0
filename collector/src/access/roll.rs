//! The roll: the tokens that were given out, to whom and for what, and when each ended.
//!
//! A token is shown once, when it is made. Ending one ends every session that was opened with it, at once.

use serde::{Deserialize, Serialize};

use super::token;
use crate::{
    params,
    sql::{Connection, FromCell, Result},
};

/// The name of the token that a collector makes when nobody is known yet.
pub const FIRST: &str = "first";

/// Longest name.
const NAME: usize = 64;

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Role {
    /// Look.
    Viewer = 1,
    /// Look, and change.
    Admin = 2,
}

impl Role {
    /// For people.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Admin => "admin",
        }
    }
}

impl FromCell for Role {
    fn from_cell(cell: &crate::sql::Cell) -> Option<Self> {
        match u8::from_cell(cell)? {
            1 => Some(Self::Viewer),
            2 => Some(Self::Admin),
            _ => None,
        }
    }
}

/// A token as the roll has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// SHA-256 of it.
    pub hash: [u8; 32],
    /// To whom it was given.
    pub name: String,
    /// For what.
    pub role: Role,
    /// Unix ms.
    pub created: i64,
    /// Since when it opens nothing, Unix ms.
    pub ended: Option<i64>,
}

/// May this be a name? It stands on pages and in a terminal: letters, digits, space, `.`, `_`, `-`, `@`.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let plain = |letter: char| letter.is_alphanumeric() || matches!(letter, ' ' | '.' | '_' | '-' | '@');
    !text.trim().is_empty() && text.chars().count() <= NAME && text.chars().all(plain)
}

/// Puts a token on the roll.
///
/// # Errors
/// Any error of the store.
pub fn add(connection: &Connection, secret: &str, name: &str, role: Role, now: i64) -> Result<()> {
    let Some(hash) = token::digest(secret) else { return Ok(()) };
    connection.execute(
        "INSERT INTO access_tokens (hash, name, role, created, ended) VALUES (?1, ?2, ?3, ?4, NULL)",
        params![&hash, name.trim(), role as u8, now],
    )?;
    Ok(())
}

/// Puts a first token on the roll when nobody was ever on it; whether it did.
///
/// # Errors
/// Any error of the store.
pub fn first(connection: &Connection, secret: &str, now: i64) -> Result<bool> {
    if connection.exists("SELECT 1 FROM access_tokens LIMIT 1", params![])? {
        return Ok(false);
    }
    add(connection, secret, FIRST, Role::Admin, now)?;
    Ok(true)
}

/// Whose token this is, unless it has ended.
///
/// # Errors
/// Any error of the store.
pub fn find(connection: &Connection, hash: &[u8; 32]) -> Result<Option<Entry>> {
    let sql = "SELECT hash, name, role, created, ended FROM access_tokens WHERE hash = ?1 AND ended IS NULL";
    let found = connection.first(sql, params![hash])?.map(|row| entry(&row)).transpose()?;
    Ok(found.filter(|entry| token::same(&entry.hash, hash)))
}

/// Everybody, the latest first; those whose token has ended at the end.
///
/// # Errors
/// Any error of the store.
pub fn all(connection: &Connection) -> Result<Vec<Entry>> {
    let sql = "SELECT hash, name, role, created, ended FROM access_tokens
               ORDER BY CASE WHEN ended IS NULL THEN 0 ELSE 1 END, created DESC, name LIMIT 500";
    connection.query(sql, params![])?.iter().map(entry).collect()
}

/// Ends tokens by what is kept of them, with all their sessions; how many there were. The last admin's stays.
///
/// # Errors
/// Any error of the store.
pub fn end(connection: &Connection, hash: &[u8; 32], now: i64) -> Result<bool> {
    let others = "SELECT 1 FROM access_tokens WHERE role = 2 AND ended IS NULL AND hash <> ?1 LIMIT 1";
    let Some(entry) = find(connection, hash)? else { return Ok(false) };
    if entry.role == Role::Admin && !connection.exists(others, params![hash])? {
        return Ok(false);
    }
    connection.execute("DELETE FROM access_sessions WHERE token = ?1", params![hash])?;
    connection.execute("UPDATE access_tokens SET ended = ?2 WHERE hash = ?1", params![hash, now])?;
    Ok(true)
}

fn entry(row: &crate::sql::Row) -> Result<Entry> {
    Ok(Entry { hash: row.get(0)?, name: row.get(1)?, role: row.get(2)?, created: row.get(3)?, ended: row.get(4)? })
}
