//! How the collector says no: a status, a stable code, a plain sentence, and never a byte of what was sent.
//!
//! 400, 404, 408 and 413 are final for these bytes (408: for this connection); 503 carries `Retry-After`. 410 is never
//! answered, since clients take it as "never come back".

use axum::{
    Json,
    http::{
        HeaderValue, StatusCode,
        header::{RETRY_AFTER, WWW_AUTHENTICATE},
    },
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::{intake::fault::Fault, key, writer};

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
    /// This line of a feed does not read; nothing was stored.
    Level(usize),
    /// The request comes from a page of another origin.
    Elsewhere,
    /// Nobody is known by this.
    Nobody,
    /// What was asked for is no identifier, or no id.
    Asked,
    /// No segment of this name is asked about.
    Segment,
    /// No bundle is served here.
    NoBundle,
    /// There is nothing at this address.
    Nothing,
    /// A write key is wanted, and none came that opens.
    Key(key::Refused),
    /// What was sent is wrong in this field.
    Fault(Fault),
    /// The body says that it is of a type that is not read here.
    Type,
    /// The body is compressed in a way that is not read here, or its compression is damaged.
    Packed(bool),
    /// The visitor has not permitted it.
    Unpermitted,
    /// A token is wanted, and none came that opens.
    Unknown,
    /// The token does not open this.
    Role,
    /// A change that does not come from a page of this very origin.
    Foreign,
    /// Too many tokens that open nothing came from there.
    Tries,
    /// Nobody has said who may come to this address.
    Closed,
}

impl From<key::Refused> for Refusal {
    fn from(refused: key::Refused) -> Self {
        Self::Key(refused)
    }
}

impl From<writer::Refused> for Refusal {
    fn from(refused: writer::Refused) -> Self {
        match refused {
            writer::Refused::Full => Self::Busy,
            writer::Refused::Unavailable => Self::Unavailable,
        }
    }
}

impl Refusal {
    /// Status, stable code, what to do, and after how many seconds to try again.
    fn parts(&self) -> (StatusCode, &'static str, String, Option<u32>) {
        use StatusCode as S;
        let plain = |status, code, message: &str| (status, code, message.to_owned(), None);
        match self {
            Self::Message(error) => (S::BAD_REQUEST, error.code(), error.to_string(), None),
            Self::Frame => {
                plain(S::BAD_REQUEST, "syncs/frame", "a length prefix does not fit the body; nothing was stored")
            }
            Self::TooLarge(limit) => (
                S::PAYLOAD_TOO_LARGE,
                "body/too_large",
                format!("the body is longer than {limit} bytes; send less at once"),
                None,
            ),
            Self::Broken => plain(S::BAD_REQUEST, "body/broken", "the body broke off"),
            Self::Slow => plain(S::REQUEST_TIMEOUT, "body/slow", "the body took too long"),
            Self::Busy => (S::SERVICE_UNAVAILABLE, "store/busy", "too much is waiting".to_owned(), Some(1)),
            Self::Unavailable => {
                let message = "the store cannot be written now; nothing was stored".to_owned();
                (S::SERVICE_UNAVAILABLE, "store/unavailable", message, Some(5))
            }
            Self::Profile(error) => (S::BAD_REQUEST, error.code(), error.to_string(), None),
            Self::Kind(kind) => {
                (S::UNSUPPORTED_MEDIA_TYPE, "body/type", format!("the body must say that it is {kind}"), None)
            }
            Self::Type => plain(
                S::UNSUPPORTED_MEDIA_TYPE,
                "body/type",
                "the body must be JSON: application/json, text/plain or no type",
            ),
            Self::Packed(true) => plain(S::BAD_REQUEST, "body/gzip", "the body is no gzip, or breaks off"),
            Self::Packed(false) => {
                plain(S::UNSUPPORTED_MEDIA_TYPE, "body/encoding", "a body may be compressed by gzip alone")
            }
            Self::Page => plain(S::FORBIDDEN, "memberships/page", "no page may write here; send it from a program"),
            Self::Level(line) => {
                let message = format!("line {line} is no place,item,level with a whole number; nothing was stored");
                (S::BAD_REQUEST, "feed/line", message, None)
            }
            Self::Line(line) => {
                (S::BAD_REQUEST, "memberships/line", format!("line {line} is no membership; nothing was stored"), None)
            }
            Self::Elsewhere => plain(S::FORBIDDEN, "keep/elsewhere", "only pages of this very origin are served here"),
            Self::Unpermitted => {
                plain(S::FORBIDDEN, "visitor/permission", "say permit=store once the visitor has permitted it")
            }
            Self::Nobody => plain(S::NOT_FOUND, "person/unknown", "nobody is known by this"),
            Self::Asked => {
                plain(S::BAD_REQUEST, "person/asked", "write a known kind and a value of it, or an id of 32 hex digits")
            }
            Self::Segment => plain(
                S::NOT_FOUND,
                "segment/unknown",
                "no segment of this name is asked about; name one of the bundle of --segments, as /collector/segments shows them",
            ),
            Self::NoBundle => plain(S::NOT_FOUND, "bundle/none", "no bundle is served here"),
            Self::Unknown => plain(
                S::UNAUTHORIZED,
                "access/unknown",
                "send a token that opens: Authorization: Bearer TOKEN, or come in at /collector/login",
            ),
            Self::Role => plain(S::FORBIDDEN, "access/role", "this takes another role than the token's"),
            Self::Foreign => {
                plain(S::FORBIDDEN, "access/elsewhere", "only pages of this very origin may change something")
            }
            Self::Tries => {
                let message = "too many tokens that open nothing came from there".to_owned();
                (S::TOO_MANY_REQUESTS, "access/tries", message, Some(60))
            }
            Self::Closed => plain(S::FORBIDDEN, "access/closed", "this address has no rule and is closed to everybody"),
            Self::Nothing => plain(S::NOT_FOUND, "path/unknown", "there is nothing here"),
            Self::Key(refused) => {
                let (status, retry) = match refused {
                    key::Refused::Unknown => (S::UNAUTHORIZED, None),
                    key::Refused::Kind | key::Refused::Origin => (S::FORBIDDEN, None),
                    key::Refused::Rate(seconds) => (S::TOO_MANY_REQUESTS, Some(*seconds)),
                };
                (status, refused.code(), refused.to_string(), retry)
            }
            Self::Fault(fault) => (fault.status(), fault.code, fault.message.clone(), None),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, code, message, retry) = self.parts();
        let mut body = json!({ "code": code, "message": message });
        if let (Self::Fault(fault), Some(body)) = (self, body.as_object_mut()) {
            body.insert("field".to_owned(), fault.field.into());
        }
        let mut response = (status, Json(body)).into_response();
        if code == "access/unknown" {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = retry {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
