//! The site's own cookie: a pseudonym that a server gave, which no script can read and no browser shortens.
//!
//! `petitfour_id` holds 32 hex digits. Safari keeps what a script sets for seven days; what an answer sets stays, so a browser is known again.
//! A page asks for it once the visitor has permitted storing (`POST /v1/visitor?permit=store`), hears the pseudonym in the answer and gives it to
//! whatever it measures with; or an intake is asked to know the visitor by it (`?cookie=1`), and sets it with the first event that was
//! permitted.
//!
//! Invariant: it is set under a permission alone, and only for pages of the same origin. Nothing is stored here of it but by events.

use std::collections::HashMap;

use axum::{
    Json,
    extract::Query,
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{COOKIE, SET_COOKIE},
    },
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::{answer::Refusal, hex, intake::who::pseudonym, keep, ring};

/// Name of the cookie.
pub const NAME: &str = "petitfour_id";

/// 395 days: browsers cut what asks for more than 400.
const AGE: u32 = 34_128_000;

/// Answers the pseudonym that the cookie holds; 204 when there is none.
///
/// # Errors
/// When a page from elsewhere asks.
pub async fn fetch(headers: HeaderMap) -> Result<Response, Refusal> {
    keep::own(&headers)?;
    Ok(match of(&headers) {
        Some(id) => Json(json!({ "id": hex::write(&id) })).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

/// Sets the cookie, or sets it anew for as long again, and answers what it holds. `id` is a pseudonym that the page has already; the cookie
/// becomes its twin.
///
/// # Errors
/// When a page from elsewhere asks, or nothing says that the visitor permits it.
pub async fn keep(headers: HeaderMap, Query(asked): Query<HashMap<String, String>>) -> Result<Response, Refusal> {
    keep::own(&headers)?;
    if !asked.get("permit").is_some_and(|said| said.split(',').any(|word| word.trim() == "store")) {
        return Err(Refusal::Unpermitted);
    }
    let told = asked.get("id").and_then(|id| pseudonym(id));
    let id = told.or_else(|| of(&headers)).or_else(fresh).ok_or(Refusal::Unavailable)?;
    let mut response = Json(json!({ "id": hex::write(&id) })).into_response();
    set(&headers, &mut response, &hex::write(&id), AGE);
    Ok(response)
}

/// Lets the cookie expire.
///
/// # Errors
/// When a page from elsewhere asks.
pub async fn forget(headers: HeaderMap) -> Result<Response, Refusal> {
    keep::own(&headers)?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    set(&headers, &mut response, "", 0);
    Ok(response)
}

/// The pseudonym in a request's cookie.
#[must_use]
pub fn of(headers: &HeaderMap) -> Option<[u8; 16]> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == NAME).and_then(|(_, value)| pseudonym(value))
}

/// A pseudonym that nobody has had before.
#[must_use]
pub fn fresh() -> Option<[u8; 16]> {
    ring::secret().ok().and_then(|text| pseudonym(&text))
}

/// Puts the cookie on an answer.
pub fn give(headers: &HeaderMap, response: &mut Response, id: &[u8; 16]) {
    set(headers, response, &hex::write(id), AGE);
}

fn set(headers: &HeaderMap, response: &mut Response, value: &str, age: u32) {
    // This server speaks plain HTTP; the proxy in front says what the browser speaks.
    let proto = headers.get("x-forwarded-proto").and_then(|proto| proto.to_str().ok()).unwrap_or_default();
    let secure = if proto.split(',').next() == Some("https") { "; Secure" } else { "" };
    let text = format!("{NAME}={value}; Path=/; Max-Age={age}; SameSite=Lax; HttpOnly{secure}");
    // Hex and these words are characters of a header, so there is always a value.
    if let Ok(value) = HeaderValue::from_str(&text) {
        response.headers_mut().insert(SET_COOKIE, value);
    }
}
