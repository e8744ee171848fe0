//! The door of every intake but our own module's: from a request to a delivery, and from what became of it to an answer.
//!
//! A body's room is taken as it arrives, and what is compressed is unpacked within it. Then the write key, from the header or the body;
//! then its rate; only then are events read. The answer 200 is given when the store has the delivery on disk.
//!
//! What is wrong as a whole, under a key that is known, is kept as a letter too. Long bodies are read on a thread of their own, so that nobody
//! else's answer waits for them.
//! Absent on purpose: 410, and redirects. Clients take the first as "never come back" and lose the body with the second.

use std::sync::Arc;

use axum::{
    Json,
    body::Body,
    extract::{Request, State},
    http::{
        HeaderMap, HeaderValue, Method, StatusCode,
        header::{
            ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
            ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, AUTHORIZATION,
            CONTENT_ENCODING, CONTENT_TYPE, HOST, ORIGIN, VARY,
        },
        request::Parts,
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::{
    call::Arrival,
    cloudevents::{self, Mode},
    fault::Fault,
    ga4,
    gzip::{self, Error},
    letters, pixel,
    segment::{self, Route},
    sync,
};
use crate::{
    answer::Refusal,
    event::{Delivery, Event},
    journal::Outcome,
    keep,
    key::{self, Opened, Refused, Wanted},
    site::App,
    store::now,
    visitor,
};

/// From this length on a body is read on a thread of its own: some milliseconds of work.
const LONG: usize = 64 * 1024;

/// What was read of a request, and how it is to be answered.
struct Read {
    delivery: Delivery,
    /// One event was sent, so what is wrong with it is the answer.
    single: bool,
}

/// One event that was refused, as a batch's answer has it.
#[derive(serde::Serialize)]
struct Told {
    position: u32,
    code: String,
    field: String,
    message: String,
}

/// What is known of a request before its body.
struct Came {
    parts: Parts,
    received: i64,
    /// By whom the request asked to be known.
    visitor: Option<[u8; 16]>,
}

/// Takes Segment's calls.
pub async fn segment(State(app): State<Arc<App>>, request: Request<Body>) -> Response {
    let Some(route) = Route::of(request.uri().path()) else { return Refusal::Nothing.into_response() };
    take(app, request, route.limit(), move |app, came, body| {
        typed(&came.parts.headers)?;
        let (read, opened) = match segment::Request::open(route, body) {
            Ok(request) => {
                // The address of history says that a program sends it.
                let server = came.parts.uri.path() == "/v1/import";
                let opened = came.open(app, request.write_key(), server, request.len())?;
                (Ok(request.deliver(&came.arrival(&opened))), opened)
            }
            Err(fault) => {
                (Err(fault.clone()), came.open(app, None, false, 1).map_err(|refused| blame(refused, fault))?)
            }
        };
        Ok(came.read(read, route != Route::Many, &opened, body))
    })
    .await
}

/// Takes GA4's measurement protocol.
pub async fn ga4(State(app): State<Arc<App>>, request: Request<Body>) -> Response {
    take(app, request, ga4::BYTES, |app, came, body| {
        // Google takes any type, and its users' programs say what they happen to.
        let secret = came.query("api_secret");
        let request = ga4::Request::open(body);
        let count = request.as_ref().map_or(1, ga4::Request::len);
        let opened = came.open(app, secret.as_deref(), false, count)?;
        let read = request.map(|request| request.deliver(&came.arrival(&opened)));
        Ok(came.read(read, false, &opened, body))
    })
    .await
}

/// Takes CloudEvents.
pub async fn cloudevents(State(app): State<Arc<App>>, request: Request<Body>) -> Response {
    let mode = match Mode::of(request.headers()) {
        Ok(mode) => mode,
        Err(fault) => return Refusal::Fault(fault).into_response(),
    };
    take(app, request, mode.limit(), move |app, came, body| {
        let secret = came.query("writeKey");
        let count = if mode == Mode::Batch { cloudevents::count(body) } else { 1 };
        let opened = came.open(app, secret.as_deref(), false, count)?;
        let read = cloudevents::deliver(mode, &came.parts.headers, body, &came.arrival(&opened));
        Ok(came.read(read, mode != Mode::Batch, &opened, body))
    })
    .await
}

/// Takes the event in an image's address.
pub async fn pixel(State(app): State<Arc<App>>, request: Request<Body>) -> Response {
    let answer = take(app, request, 0, |app, came, _| {
        let query = came.parts.uri.query().unwrap_or_default();
        let opened = came.open(app, pixel::write_key(query).as_deref(), false, 1)?;
        Ok(Read { delivery: pixel::deliver(query, &came.arrival(&opened)), single: true })
    })
    .await;
    if answer.status() != StatusCode::OK {
        return answer;
    }
    let (mut parts, _) = answer.into_parts();
    parts.headers.remove(axum::http::header::CONTENT_LENGTH);
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("image/gif"));
    // Pages that isolate themselves take images from elsewhere only when those say so.
    parts.headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
    Response::from_parts(parts, Body::from(&pixel::GIF[..]))
}

/// Says to browsers which pages may send here: those of any live browser key's origins. Which key it is shows with the request itself.
pub async fn origins(State(app): State<Arc<App>>, request: Request<Body>, next: Next) -> Response {
    let origin = request.headers().get(ORIGIN).cloned();
    let text = origin.as_ref().and_then(|origin| origin.to_str().ok());
    let allowed = text.is_some_and(|text| is_own(request.headers(), text) || app.keys.allow(text, now()));
    let asks = request.method() == Method::OPTIONS;
    // Which headers a client adds changes with its version, and none of them can do harm here.
    let wanted = request.headers().get(ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let mut response = match (asks, allowed) {
        (false, _) => next.run(request).await,
        (true, true) => StatusCode::NO_CONTENT.into_response(),
        (true, false) => Refusal::Key(Refused::Origin).into_response(),
    };
    let headers = response.headers_mut();
    headers.append(VARY, HeaderValue::from_static("origin, access-control-request-headers"));
    if let (true, Some(origin)) = (allowed, origin) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("retry-after"));
        if asks {
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
            headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
            headers.extend(wanted.map(|wanted| (ACCESS_CONTROL_ALLOW_HEADERS, wanted)));
        }
    }
    response
}

/// The way that every request goes.
async fn take<F>(app: Arc<App>, request: Request<Body>, limit: usize, work: F) -> Response
where
    F: FnOnce(&App, &Came, &[u8]) -> Result<Read, Refusal> + Send + 'static,
{
    let (parts, body) = request.into_parts();
    match way(&app, Came::new(parts), body, limit, work).await {
        Ok(response) => response,
        Err(refusal) => {
            sync::count(&app.metrics, &refusal);
            refusal.into_response()
        }
    }
}

async fn way<F>(app: &Arc<App>, came: Came, body: Body, limit: usize, work: F) -> Result<Response, Refusal>
where
    F: FnOnce(&App, &Came, &[u8]) -> Result<Read, Refusal> + Send + 'static,
{
    let packed = match came.parts.headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes) {
        None | Some(b"" | b"identity") => false,
        Some(b"gzip" | b"x-gzip") => true,
        Some(_) => return Err(Refusal::Packed(false)),
    };
    let mut held = app.room.hold(body, limit, if packed { limit } else { 0 }).await?;
    let bytes = std::mem::take(&mut held.bytes);
    let long = packed || bytes.len() > LONG;
    let reading = {
        let app = Arc::clone(app);
        move || {
            let bytes = if packed {
                gzip::unpack(&bytes, limit).map_err(|error| match error {
                    Error::Long => Refusal::TooLarge(limit),
                    Error::Damaged => Refusal::Packed(true),
                })?
            } else {
                bytes
            };
            let read = work(&app, &came, &bytes)?;
            Ok::<_, Refusal>((came, read))
        }
    };
    let (came, read) =
        if long { tokio::task::spawn_blocking(reading).await.map_err(|_| Refusal::Unavailable)?? } else { reading()? };
    answer(app, &came, read).await
}

async fn answer(app: &App, came: &Came, read: Read) -> Result<Response, Refusal> {
    let Read { delivery, single } = read;
    let letters = delivery.letters.iter();
    let refused: Vec<Told> = letters
        .map(|letter| Told {
            position: letter.position,
            code: letter.code.clone(),
            field: letter.field.clone(),
            message: letter.message.clone(),
        })
        .collect();
    let mut unpermitted = delivery.unpermitted as usize;
    let known = came.visitor.filter(|visitor| delivery.events.iter().any(|event| is_of(event, visitor)));
    let outcomes =
        if delivery.events.is_empty() && refused.is_empty() { Vec::new() } else { app.log.deliver(delivery).await? };
    let count = |wanted| outcomes.iter().filter(|outcome| **outcome == wanted).count();
    unpermitted += count(Outcome::LetGo);
    let mut response = match refused.as_slice() {
        [told] if single => {
            let status = Fault::new(code(&told.code), "", "").status();
            (status, Json(json!({ "code": told.code, "field": told.field, "message": told.message }))).into_response()
        }
        _ if single && unpermitted == 0 => Json(json!({ "success": true })).into_response(),
        _ => {
            let (stored, duplicate) = (count(Outcome::Stored), count(Outcome::Duplicate));
            let told = json!({ "success": true, "stored": stored, "duplicate": duplicate, "unpermitted": unpermitted, "refused": refused });
            Json(told).into_response()
        }
    };
    if let Some(visitor) = known {
        visitor::give(&came.parts.headers, &mut response, &visitor);
    }
    Ok(response)
}

/// The codes that have a status of their own.
fn code(told: &str) -> &'static str {
    ["event/size", "batch/many", "batch/context"].into_iter().find(|code| *code == told).unwrap_or("")
}

fn is_of(event: &Event, visitor: &[u8; 16]) -> bool {
    event.identifiers.iter().any(|known| known.value.as_slice() == visitor)
}

/// A body that does not read brings no key, and what is wrong with it helps its sender more than that.
fn blame(refused: Refused, fault: Fault) -> Refusal {
    if refused == Refused::Unknown { Refusal::Fault(fault) } else { Refusal::Key(refused) }
}

/// JSON says so, or says that it is text (browsers then do not ask first), or says nothing.
fn typed(headers: &HeaderMap) -> Result<(), Refusal> {
    match cloudevents::media(headers).as_str() {
        "" | "application/json" | "text/plain" => Ok(()),
        _ => Err(Refusal::Type),
    }
}

/// Is the page of the very host that the request was sent to? No page can write `Host`.
fn is_own(headers: &HeaderMap, origin: &str) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let page = origin.split_once("://").map_or("", |(_, page)| page);
    !host.is_empty() && page.eq_ignore_ascii_case(host)
}

impl Came {
    fn new(parts: Parts) -> Self {
        let mut came = Self { parts, received: now(), visitor: None };
        if came.query("cookie").as_deref() == Some("1") && keep::own(&came.parts.headers).is_ok() {
            came.visitor = visitor::of(&came.parts.headers).or_else(visitor::fresh);
        }
        came
    }

    fn query(&self, name: &str) -> Option<String> {
        let query = self.parts.uri.query().unwrap_or_default();
        form_urlencoded::parse(query.as_bytes()).find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
    }

    /// Opens the key of the header, else of the body, and takes the events out of its rate.
    fn open(&self, app: &App, told: Option<&str>, server: bool, events: usize) -> Result<Opened, Refused> {
        let headers = &self.parts.headers;
        let basic = headers.get(AUTHORIZATION).and_then(|header| header.to_str().ok()).and_then(key::basic);
        let secret = basic.as_deref().or(told).ok_or(Refused::Unknown)?;
        let origin = headers.get(ORIGIN).map(|origin| origin.to_str().unwrap_or_default());
        let own = origin.is_some_and(|origin| is_own(headers, origin));
        let opened = app.keys.open(&Wanted { secret, server, origin, own, now: self.received })?;
        opened.spend(events)?;
        Ok(opened)
    }

    fn arrival<'a>(&'a self, opened: &'a Opened) -> Arrival<'a> {
        let key = opened.key();
        Arrival {
            source: &key.name,
            trusted: opened.is_trusted(),
            otherwise: key.otherwise,
            received: self.received,
            path: self.parts.uri.path(),
            visitor: self.visitor,
        }
    }

    /// What was read; of a body that does not read, a letter that is the answer.
    fn read(&self, read: Result<Delivery, Fault>, single: bool, opened: &Opened, body: &[u8]) -> Read {
        match read {
            Ok(delivery) => Read { delivery, single },
            Err(fault) => {
                let letter = letters::letter(fault, 0, &self.arrival(opened), body.to_vec());
                Read { delivery: Delivery { letters: vec![letter], ..Delivery::default() }, single: true }
            }
        }
    }
}
