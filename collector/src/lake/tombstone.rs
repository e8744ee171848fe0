//! Who is to be seen in no lake any more: written in the transaction that deletes, read by the exports that follow.
//!
//! A tombstone is there whether a lake is kept or not: one may have been written yesterday, and be read tomorrow. It carries the universal
//! id, which nobody who lacks the store's key can make of an identifier.

use crate::{
    params,
    sql::{Connection, Result},
};

/// What is hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Every row.
    Everything,
    /// Decisions, exposures and outcomes.
    Measured,
    /// What ties to others.
    Shared,
}

impl Scope {
    /// As it stands in the table.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Everything => "everything",
            Self::Measured => "measured",
            Self::Shared => "shared",
        }
    }
}

/// Hides rows of a universal id that exports have read so far.
///
/// # Errors
/// Any error of the store.
pub fn note(connection: &Connection, uid: &[u8; 16], scope: Scope, until: Option<i64>, now: i64) -> Result<()> {
    connection.execute(
        "INSERT INTO lake_tombstones (uid, scope, until, at) VALUES (?1, ?2, ?3, ?4)",
        params![uid, scope.text(), until, now],
    )?;
    Ok(())
}

/// The number of the last one; 0 before the first.
///
/// # Errors
/// Any error of the store.
pub fn last(connection: &Connection) -> Result<i64> {
    Ok(connection
        .scalar::<Option<i64>>("SELECT max(id) FROM lake_tombstones", params![])?
        .flatten()
        .unwrap_or_default())
}
