//! Leaving: the address behind every mail's `List-Unsubscribe`.
//!
//! A mail program sends `POST` by itself (RFC 8058, one click) and is believed for the token in the address. A person who
//! opens the link gets a page with one button, since programs that look for viruses open links too, and must not take
//! anybody off a list by that.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Query, State},
    http::StatusCode,
    response::{Html, IntoResponse as _, Response},
    routing::get,
};
use serde::Deserialize;

use super::{mail::Leave, post};
use crate::{store::now, writer::Writer};

/// Where it stands.
pub const ADDRESS: &str = "/v1/leave";

/// What the address needs.
struct Door {
    leave: Vec<Leave>,
    writer: Writer,
}

/// What a link carries.
#[derive(Deserialize)]
struct Link {
    /// The person.
    p: String,
    /// The token.
    t: String,
}

/// The address, for links of any of these.
pub fn router(leave: Vec<Leave>, writer: Writer) -> Router {
    Router::new().route(ADDRESS, get(page).post(left)).with_state(Arc::new(Door { leave, writer }))
}

async fn page(State(door): State<Arc<Door>>, Query(link): Query<Link>) -> Response {
    if !door.knows(&link) {
        return told(StatusCode::FORBIDDEN, "This link is not one of ours, or it was cut short.");
    }
    // Without an action, the form goes where the page came from: the link with its token.
    told(StatusCode::OK, "<form method=\"post\"><button>Send me no more mail</button></form>")
}

async fn left(State(door): State<Arc<Door>>, Query(link): Query<Link>) -> Response {
    if !door.knows(&link) {
        return told(StatusCode::FORBIDDEN, "This link is not one of ours, or it was cut short.");
    }
    let suppress =
        move |graph: &mut crate::graph::Graph<'_>| post::suppress(graph.connection, post::MAIL, &link.p, now(), "left");
    match door.writer.run("suppressions", suppress).await {
        Ok(()) => told(StatusCode::OK, "You will get no more mail from us."),
        Err(_) => told(StatusCode::SERVICE_UNAVAILABLE, "That did not work just now. Please try again."),
    }
}

impl Door {
    fn knows(&self, link: &Link) -> bool {
        self.leave.iter().any(|leave| leave.holds(&link.p, &link.t))
    }
}

fn told(status: StatusCode, body: &str) -> Response {
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Mail</title><p>{body}</p></html>"
    );
    (status, Html(page)).into_response()
}
