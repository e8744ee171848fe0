//! `/v1/keep`: hands a visitor's own profile back to them as a cookie that no script can set, and keeps nothing here.
//!
//! Safari lets go of everything that a script has stored once a site was not visited for seven days; a cookie that came with an
//! answer stays. So a device that may store sends its profile here once a day, gets it back as `petitfour_kept`, and asks
//! for it when it finds its own storage empty. The cookie travels to this one address only, and scripts never see it.
//!
//! Invariant: nothing of it is stored, counted by visitor or logged, and nothing is set that does not read as a profile.
//! Only pages of the same origin are served: browsers say where a request comes from (`Sec-Fetch-Site`), the cookie is not sent
//! with requests from elsewhere (`SameSite`), and what an older browser does not say, the body's type makes it ask first (a
//! preflight, which is not answered here).

use std::sync::Arc;

use axum::{
    body::Body,
    extract::State,
    http::{
        HeaderMap, HeaderValue, Request, StatusCode,
        header::{CONTENT_TYPE, COOKIE, SET_COOKIE},
    },
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use petitfour::profile::{MAX_BYTES, Profile};

use crate::{answer::Refusal, intake::sync, site::App};

/// Name of the cookie.
const NAME: &str = "petitfour_kept";

/// 395 days: browsers cut what asks for more than 400.
const AGE: u32 = 34_128_000;

/// What a body says that it is: no form can say so, and a page from elsewhere has to ask first.
const KIND: &str = "application/octet-stream";

/// Answers a profile as the cookie.
///
/// # Errors
/// A [`Refusal`]; the cookie that was there before stays.
pub async fn keep(State(app): State<Arc<App>>, request: Request<Body>) -> Result<Response, Refusal> {
    let (head, body) = request.into_parts();
    own(&head.headers)?;
    if head.headers.get(CONTENT_TYPE).is_none_or(|kind| kind != KIND) {
        return Err(Refusal::Kind(KIND));
    }
    let _room = app.room.reserve(MAX_BYTES)?;
    let read = sync::read(body, MAX_BYTES).await.inspect_err(|refusal| sync::count(&app.metrics, refusal));
    let bytes = read?;
    Profile::decode(&bytes).map_err(Refusal::Profile)?;
    Ok(set(&head.headers, &STANDARD.encode(bytes), AGE))
}

/// Answers the bytes that the cookie holds; 204 when there is none, or none that reads as a profile.
///
/// # Errors
/// When a page from elsewhere asks.
pub async fn fetch(headers: HeaderMap) -> Result<Response, Refusal> {
    own(&headers)?;
    let kept = cookie(&headers).and_then(|text| STANDARD.decode(text).ok());
    Ok(match kept.filter(|bytes| Profile::decode(bytes).is_ok()) {
        Some(bytes) => ([(CONTENT_TYPE, KIND)], bytes).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

/// Lets the cookie expire: the visitor was forgotten, or took the permission to store back.
///
/// # Errors
/// When a page from elsewhere asks.
pub async fn forget(headers: HeaderMap) -> Result<Response, Refusal> {
    own(&headers)?;
    Ok(set(&headers, "", 0))
}

/// Refuses what a browser says comes from another site, or another origin of this one.
pub(crate) fn own(headers: &HeaderMap) -> Result<(), Refusal> {
    match headers.get("sec-fetch-site") {
        Some(site) if site != "same-origin" => Err(Refusal::Elsewhere),
        _ => Ok(()),
    }
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == NAME).map(|(_, value)| value)
}

fn set(headers: &HeaderMap, value: &str, age: u32) -> Response {
    // This server speaks plain HTTP; the proxy in front says what the browser speaks.
    let proto = headers.get("x-forwarded-proto").and_then(|proto| proto.to_str().ok()).unwrap_or_default();
    let secure = if proto.split(',').next() == Some("https") { "; Secure" } else { "" };
    let text = format!("{NAME}={value}; Path=/v1/keep; Max-Age={age}; SameSite=Lax; HttpOnly{secure}");
    let mut response = StatusCode::NO_CONTENT.into_response();
    // Base64 and these words are characters of a header, so there is always a value.
    if let Ok(value) = HeaderValue::from_str(&text) {
        response.headers_mut().insert(SET_COOKIE, value);
    }
    response
}
