//! Coming in and leaving: a token is shown once, and exchanged for a cookie.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Extension, Form,
    extract::{ConnectInfo, Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header::REFERRER_POLICY},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use super::{
    LOGIN,
    markup::{Here, Sheet, Text},
};
use crate::{
    access::{Way, Who, origin, roll, session, token},
    answer::Refusal,
    site::App,
};

/// Where a connection comes from.
type Peer = Extension<ConnectInfo<SocketAddr>>;

/// What is shown at the door.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Shown {
    token: String,
}

/// The door. An address with a token that was typed, or clicked outside of any page, is let in at once; from a page of somebody
/// else's it takes one more press, so that no page puts a reader into a session that they did not ask for.
///
/// # Errors
/// When the store cannot be used.
pub async fn page(
    State(app): State<Arc<App>>,
    peer: Option<Peer>,
    headers: HeaderMap,
    Query(shown): Query<Shown>,
) -> Result<Response, Refusal> {
    if shown.token.is_empty() || !origin::is_called(&headers) {
        return Ok(door(StatusCode::OK, None, &shown.token));
    }
    exchange(&app, peer, &headers, &shown.token).await
}

/// Takes what the form says.
///
/// # Errors
/// [`Refusal::Foreign`] for a form of another origin's, or when the store cannot be used.
pub async fn enter(
    State(app): State<Arc<App>>,
    peer: Option<Peer>,
    headers: HeaderMap,
    Form(shown): Form<Shown>,
) -> Result<Response, Refusal> {
    if !origin::is_own(&headers) {
        return Err(Refusal::Foreign);
    }
    exchange(&app, peer, &headers, &shown.token).await
}

/// Ends a session.
///
/// # Errors
/// [`Refusal::Foreign`] for a form of another origin's, or when the store cannot be used.
pub async fn leave(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, Refusal> {
    if !origin::is_own(&headers) {
        return Err(Refusal::Foreign);
    }
    if let Some(hash) = session::cookie(&headers) {
        app.writer.run("session", move |graph| session::end(graph.connection, &hash)).await?;
    }
    let mut response = Redirect::to(LOGIN).into_response();
    session::set(&headers, response.headers_mut(), "");
    Ok(response)
}

async fn exchange(app: &App, peer: Option<Peer>, headers: &HeaderMap, shown: &str) -> Result<Response, Refusal> {
    let from = crate::access::address(peer.map(|Extension(ConnectInfo(peer))| peer), headers);
    if app.access.tries.is_over(from) {
        return Ok(door(
            StatusCode::TOO_MANY_REQUESTS,
            Some("Too many tokens that open nothing came from here. Wait a minute."),
            "",
        ));
    }
    let found = match token::digest(shown) {
        Some(hash) => app.reader.run("access", move |connection| roll::find(connection, &hash)).await?,
        None => None,
    };
    let Some(entry) = found else {
        app.access.tries.note(from);
        return Ok(door(StatusCode::UNAUTHORIZED, Some("This token opens nothing: it is wrong, or was ended."), ""));
    };
    let secret = token::make().map_err(|_| Refusal::Unavailable)?;
    let (fresh, hash) = (secret.clone(), entry.hash);
    app.writer.run("session", move |graph| session::open(graph.connection, &fresh, &hash, graph.received)).await?;
    // A page of our own, not a redirect: the cookie is not sent along with one that began elsewhere.
    let who = Who { name: entry.name.into(), role: Some(entry.role), way: Way::Nothing };
    let lead = format!("Good to see you, {}.", Text(&who.name));
    let first = if &*who.name == roll::FIRST {
        "<p>This is the first token. <a href=\"/collector/access\">Name people</a>, beginning with yourself, and then end it.</p>"
    } else {
        ""
    };
    let main = format!(
        "<section class=\"card door\">{first}<p><a class=\"button\" href=\"/collector\">To the overview</a></p></section>\n"
    );
    let mut response = Sheet { here: Here::Door, title: "You are in", lead: &lead, who: &who }.around(&main);
    session::set(headers, response.headers_mut(), &secret);
    close(&mut response);
    Ok(response)
}

fn door(status: StatusCode, fault: Option<&str>, token: &str) -> Response {
    let fault = fault.map(|text| format!("<p class=\"fault\" role=\"alert\">{text}</p>")).unwrap_or_default();
    let main = format!(
        "<section class=\"card door\">{fault}<form class=\"ask\" method=\"post\" action=\"{LOGIN}\"><label class=\"grow\">Token \
         <input name=\"token\" type=\"password\" required autocomplete=\"current-password\" value=\"{}\"></label><button>Come in</button></form>\n\
         <p class=\"quiet\">A collector that nobody has been named to prints the first token where it was started. Later, \
         <code>petitfour-collector access add NAME --role viewer</code> makes one.</p></section>\n",
        Text(token)
    );
    let who = Who::nobody();
    let sheet = Sheet {
        here: Here::Door,
        title: "Say who you are",
        lead: "This page is for those who were given a token.",
        who: &who,
    };
    let mut response = sheet.with(status, &main);
    close(&mut response);
    response
}

/// The address may have a token in it: nobody is to hear of it.
fn close(response: &mut Response) {
    response.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
}
