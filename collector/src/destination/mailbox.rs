//! Mailbox: the addresses that mails lead back to: the image that is fetched when one is opened, and the links that are followed.
//!
//! Whoever follows a link gets where it leads, also when nothing could be written down. A `HEAD` is a program that looks, and counts for
//! nothing.
//!
//! Invariant: an answer leads on only to an address that one of our own mails had.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Query, State},
    http::{
        Method, StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION},
    },
    response::{IntoResponse as _, Response},
    routing::get,
};
use serde::Deserialize;
use serde_json::Map;

use super::{
    echo::{self, Echo},
    trail::{CLICKED, Mark, OPENED, Trail},
};
use crate::{intake::pixel::GIF, store::now, writer::Writer};

/// What the addresses need.
struct Door {
    trails: Vec<Trail>,
    writer: Writer,
}

/// What a link carries.
#[derive(Deserialize)]
struct Link {
    #[serde(flatten)]
    mark: Mark,
    /// The token.
    t: String,
}

/// The addresses, for mails of any of these.
pub fn router(trails: Vec<Trail>, writer: Writer) -> Router {
    let door = Arc::new(Door { trails, writer });
    Router::new().route(OPENED, get(opened)).route(CLICKED, get(clicked)).with_state(door)
}

async fn opened(State(door): State<Arc<Door>>, method: Method, Query(link): Query<Link>) -> Response {
    if !door.hear(&method, &link, echo::OPENED).await {
        return foreign();
    }
    ([(CONTENT_TYPE, "image/gif"), (CACHE_CONTROL, "no-store")], GIF).into_response()
}

async fn clicked(State(door): State<Arc<Door>>, method: Method, Query(link): Query<Link>) -> Response {
    if link.mark.to.is_empty() || !door.hear(&method, &link, echo::CLICKED).await {
        return foreign();
    }
    (StatusCode::FOUND, [(LOCATION, link.mark.to.as_str()), (CACHE_CONTROL, "no-store")]).into_response()
}

impl Door {
    /// Writes down what was heard; false when the link is none of ours.
    async fn hear(&self, method: &Method, link: &Link, name: &'static str) -> bool {
        let Some(trail) = self.trails.iter().find(|trail| trail.holds(&link.mark, &link.t)) else { return false };
        if method == Method::GET {
            let Mark { parcel, letter, subject, to } = link.mark.clone();
            let mut properties = Map::new();
            properties.insert("message".to_owned(), letter.into());
            properties.insert("subject".to_owned(), subject.into());
            if !to.is_empty() {
                // Without its query, as every address that is kept.
                let place = to.split(['?', '#']).next().unwrap_or_default();
                properties.insert("link".to_owned(), place.into());
            }
            let (destination, echo) = (trail.name().to_owned(), Echo { name, mark: to, properties });
            let write = move |graph: &mut crate::graph::Graph<'_>| {
                echo::record(graph.connection, &destination, &parcel, &echo, now()).map(drop)
            };
            self.writer.run("what became of mails", write).await.ok();
        }
        true
    }
}

fn foreign() -> Response {
    (StatusCode::FORBIDDEN, "This link is not one of ours, or it was cut short.").into_response()
}
