//! Sessions: what a browser gets for a token, so that the token itself is shown once and kept nowhere.
//!
//! A session ends twelve hours after its cookie was last set, seven days after it began, when its token ends, and when somebody
//! leaves. The cookie is another one every hour; for a minute the old one is good too, since a page asks for several things at once.

use axum::http::{
    HeaderMap, HeaderValue,
    header::{COOKIE, SET_COOKIE},
};

use super::{Role, origin, token};
use crate::{
    params,
    sql::{Connection, Result},
};

/// Name of the cookie on plain HTTP.
const NAME: &str = "petitfour_access";

/// Its name behind a proxy that speaks HTTPS: browsers then let no other host and no plain page set it.
const SECURE: &str = "__Host-petitfour_access";

/// Ms that a cookie is good for.
const IDLE: i64 = 12 * 60 * 60 * 1000;

/// Ms that a session lasts at most.
const LIFE: i64 = 7 * 24 * 60 * 60 * 1000;

/// Ms after which the cookie is changed.
const CHANGE: i64 = 60 * 60 * 1000;

/// Ms for which the old one is good still.
const GRACE: i64 = 60 * 1000;

/// A session that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// SHA-256 of its cookie.
    pub hash: [u8; 32],
    /// Whose.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// The cookie is old enough to be changed.
    pub due: bool,
}

/// Opens one for a token.
///
/// # Errors
/// Any error of the store.
pub fn open(connection: &Connection, secret: &str, token: &[u8; 32], now: i64) -> Result<()> {
    connection.execute("DELETE FROM access_sessions WHERE expires < ?1", params![now])?;
    keep(connection, secret, token, now, now)
}

/// The session of a cookie.
///
/// # Errors
/// Any error of the store.
pub fn find(connection: &Connection, hash: &[u8; 32], now: i64) -> Result<Option<Open>> {
    let row = connection.first(
        "SELECT s.hash, t.name, t.role, s.renewed, s.expires FROM access_sessions s
         JOIN access_tokens t ON t.hash = s.token WHERE s.hash = ?1 AND s.expires > ?2 AND t.ended IS NULL",
        params![hash, now],
    )?;
    let Some(row) = row else { return Ok(None) };
    let kept: [u8; 32] = row.get(0)?;
    let (renewed, expires): (i64, i64) = (row.get(3)?, row.get(4)?);
    // What is in its last minute was changed already.
    let due = now.saturating_sub(renewed) > CHANGE && expires.saturating_sub(now) > GRACE;
    let open = Open { hash: kept, name: row.get(1)?, role: row.get(2)?, due };
    Ok(token::same(&kept, hash).then_some(open))
}

/// Gives a session another cookie; false when it is not open any more.
///
/// # Errors
/// Any error of the store.
pub fn change(connection: &Connection, hash: &[u8; 32], secret: &str, now: i64) -> Result<bool> {
    let sql = "SELECT token, began FROM access_sessions WHERE hash = ?1 AND expires > ?2";
    let Some(row) = connection.first(sql, params![hash, now.saturating_add(GRACE)])? else { return Ok(false) };
    keep(connection, secret, &row.get(0)?, row.get(1)?, now)?;
    connection
        .execute("UPDATE access_sessions SET expires = ?2 WHERE hash = ?1", params![hash, now.saturating_add(GRACE)])?;
    Ok(true)
}

/// Ends one.
///
/// # Errors
/// Any error of the store.
pub fn end(connection: &Connection, hash: &[u8; 32]) -> Result<()> {
    connection.execute("DELETE FROM access_sessions WHERE hash = ?1", params![hash]).map(drop)
}

fn keep(connection: &Connection, secret: &str, token: &[u8; 32], began: i64, now: i64) -> Result<()> {
    let Some(hash) = token::digest(secret) else { return Ok(()) };
    let expires = now.saturating_add(IDLE).min(began.saturating_add(LIFE));
    connection.execute(
        "INSERT INTO access_sessions (hash, token, began, renewed, expires) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![&hash, token, began, now, expires],
    )?;
    Ok(())
}

/// SHA-256 of the cookie that a request carries.
#[must_use]
pub fn cookie(headers: &HeaderMap) -> Option<[u8; 32]> {
    let wanted = if origin::is_secure(headers) { SECURE } else { NAME };
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == wanted).and_then(|(_, value)| token::digest(value))
}

/// Sets the cookie on an answer; an empty one expires it.
pub fn set(asked: &HeaderMap, answer: &mut HeaderMap, secret: &str) {
    let (name, secure) = if origin::is_secure(asked) { (SECURE, "; Secure") } else { (NAME, "") };
    let age = if secret.is_empty() { 0 } else { IDLE / 1000 };
    let text = format!("{name}={secret}; Path=/; Max-Age={age}; SameSite=Strict; HttpOnly{secure}");
    // Hex and these words are characters of a header, so there is always a value.
    if let Ok(value) = HeaderValue::from_str(&text) {
        answer.append(SET_COOKIE, value);
    }
}
