//! How the collector says no: a status, a stable code, a plain sentence, and never a byte of what was sent.
//!
//! 400, 404, 408 and 413 are final for these bytes (408: for this connection); 503 carries `Retry-After`. 410 is never
//! answered, since clients take it as "never come back".

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::writer;

/// One way to be refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The bytes are no sync message.
    Message(petitfour::sync::Error),
    /// The lengths of a batch do not add up; nothing of it was stored.
    Frame,
    /// The body is longer than this many bytes.
    TooLarge(usize),
    /// The body broke off.
    Broken,
    /// The body took too long to arrive.
    Slow,
    /// Too much is waiting.
    Busy,
    /// The store cannot be written now.
    Unavailable,
    /// The bytes are no profile.
    Profile(petitfour::profile::Error),
    /// The body has to say that it is of this type.
    Kind(&'static str),
    /// A page asks for what only programs may.
    Page,
    /// This line of memberships does not read; nothing was stored.
    Line(usize),
    /// The request comes from a page of another origin.
    Elsewhere,
    /// Nobody is known by this.
    Nobody,
    /// What was asked for is no identifier, or no id.
    Asked,
    /// No bundle is served here.
    NoBundle,
    /// There is nothing at this address.
    Nothing,
}

impl From<writer::Refused> for Refusal {
    fn from(refused: writer::Refused) -> Self {
        match refused {
            writer::Refused::Full => Self::Busy,
            writer::Refused::Unavailable => Self::Unavailable,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, code, message, retry) = match self {
            Self::Message(error) => (StatusCode::BAD_REQUEST, error.code(), error.to_string(), None),
            Self::Frame => (
                StatusCode::BAD_REQUEST,
                "syncs/frame",
                "a length prefix does not fit the body; nothing was stored".to_owned(),
                None,
            ),
            Self::TooLarge(limit) => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "body/too_large",
                format!("the body is longer than {limit} bytes; send less at once"),
                None,
            ),
            Self::Broken => (StatusCode::BAD_REQUEST, "body/broken", "the body broke off".to_owned(), None),
            Self::Slow => (StatusCode::REQUEST_TIMEOUT, "body/slow", "the body took too long".to_owned(), None),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "store/busy", "too much is waiting".to_owned(), Some("1")),
            Self::Unavailable => {
                let message = "the store cannot be written now; nothing was stored".to_owned();
                (StatusCode::SERVICE_UNAVAILABLE, "store/unavailable", message, Some("5"))
            }
            Self::Profile(error) => (StatusCode::BAD_REQUEST, error.code(), error.to_string(), None),
            Self::Kind(kind) => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "body/type", format!("the body must say that it is {kind}"), None)
            }
            Self::Page => {
                let message = "no page may write here; send it from a program".to_owned();
                (StatusCode::FORBIDDEN, "memberships/page", message, None)
            }
            Self::Line(line) => {
                let message = format!("line {line} is no membership; nothing was stored");
                (StatusCode::BAD_REQUEST, "memberships/line", message, None)
            }
            Self::Elsewhere => {
                let message = "only pages of this very origin are served here".to_owned();
                (StatusCode::FORBIDDEN, "keep/elsewhere", message, None)
            }
            Self::Nobody => (StatusCode::NOT_FOUND, "person/unknown", "nobody is known by this".to_owned(), None),
            Self::Asked => {
                let message = "write a known kind and a value of it, or an id of 32 hex digits".to_owned();
                (StatusCode::BAD_REQUEST, "person/asked", message, None)
            }
            Self::NoBundle => (StatusCode::NOT_FOUND, "bundle/none", "no bundle is served here".to_owned(), None),
            Self::Nothing => (StatusCode::NOT_FOUND, "path/unknown", "there is nothing here".to_owned(), None),
        };
        let mut response = (status, Json(json!({ "code": code, "message": message }))).into_response();
        if let Some(seconds) = retry {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(seconds));
        }
        response
    }
}
