//! Lines of values that a program of the shop's own sends: memberships, levels of feeds.
//!
//! Absent on purpose: quotes and escapes. Every value here is a name, a digest or a number.

use axum::{
    body::Body,
    http::{
        Request,
        header::{CONTENT_TYPE, ORIGIN},
    },
};

use super::sync::{self, Room};
use crate::answer::Refusal;

/// What a body says that it is. No page can say so to another origin without asking first, which is not answered here.
const KIND: &str = "text/csv";

/// The text of a request, of at most so many bytes.
///
/// # Errors
/// A [`Refusal`] with its status.
pub(crate) async fn text(room: &Room, request: Request<Body>, limit: usize) -> Result<String, Refusal> {
    let (head, body) = request.into_parts();
    // Whoever runs this writes with a program; a request that a browser marks as a page's is not theirs.
    if head.headers.contains_key(ORIGIN) {
        return Err(Refusal::Page);
    }
    let kind = head.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.split(';').next().map(str::trim) != Some(KIND) {
        return Err(Refusal::Kind(KIND));
    }
    let _room = room.reserve(limit)?;
    let bytes = sync::read(body, limit).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Reads every line; the error is the number of the first that is none. Empty lines and those that begin with `#` are passed over.
///
/// # Errors
/// The number of a line that does not read.
pub(crate) fn lines<T>(text: &str, read: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, usize> {
    let lines = text.lines().map(str::trim).zip(1..).filter(|(line, _)| !line.is_empty() && !line.starts_with('#'));
    lines.map(|(line, number)| read(line).ok_or(number)).collect()
}
