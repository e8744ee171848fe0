//! The gate: asked before every handler, it lets through who may and says no to the rest.
//!
//! A person's browser that is not known is sent to the page where it can say who it is; a program hears 401 or 403 and a code.
//! An address without a rule is closed to everybody, so that one that was forgotten is found at once.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    extract::{ConnectInfo, MatchedPath, Request, State},
    http::{
        HeaderMap, Method,
        header::{ACCEPT, AUTHORIZATION},
    },
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{Need, Role, Way, Who, origin, roll, rule, session, token, tries};
use crate::{
    answer::Refusal,
    pages, params,
    site::App,
    sql::{Connection, Result},
    store::now,
};

/// A write key of a program's own.
const SERVER_KEY: u8 = 2;

/// Asks who comes, and whether that is enough for where they want to go.
pub async fn gate(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned()).unwrap_or_default();
    let Some(need) = rule::of(request.method(), &path) else {
        // A known address with another method is the router's to answer; an unknown one is closed.
        let known = rule::RULES.iter().any(|(_, known, _)| *known == path);
        return if known { next.run(request).await } else { Refusal::Closed.into_response() };
    };
    if app.access.open {
        // Whoever sits at this machine may do everything; what a page of elsewhere does in their browser is not theirs.
        let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
        if changes && need.role().is_some() && origin::is_elsewhere(request.headers()) {
            return Refusal::Foreign.into_response();
        }
        request.extensions_mut().insert(Who::anybody());
        return next.run(request).await;
    }
    let need = if need == Need::Metrics && app.access.metrics { Need::Public } else { need };
    let headers = request.headers().clone();
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
    let known = match known(&app, &headers, peer, need).await {
        Ok(known) => known,
        Err(refusal) => return refusal.into_response(),
    };
    let (who, due) = known;
    if let Some(role) = need.role() {
        let enough = who.role.is_some_and(|has| has >= role) || (need == Need::Server && who.way == Way::Key);
        if !enough {
            return closed(&request, &headers, &who);
        }
        let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
        if changes && matches!(who.way, Way::Cookie(_)) && !origin::is_own(&headers) {
            return Refusal::Foreign.into_response();
        }
    }
    let cookie = due.then_some(who.way);
    request.extensions_mut().insert(who);
    let mut response = next.run(request).await;
    if let Some(Way::Cookie(hash)) = cookie {
        renew(&app, &headers, hash, &mut response).await;
    }
    response
}

/// Who asks, and whether their cookie is due to be changed.
async fn known(
    app: &App,
    headers: &HeaderMap,
    peer: Option<SocketAddr>,
    need: Need,
) -> std::result::Result<(Who, bool), Refusal> {
    // Events bring write keys in the same header: public addresses read it themselves.
    let told = if need == Need::Public { None } else { told(headers) };
    if let Some(hash) = told {
        let from = tries::address(peer, headers);
        if app.access.tries.is_over(from) {
            return Err(Refusal::Tries);
        }
        let found = app.reader.run("access", move |connection| by_token(connection, &hash, need)).await?;
        if found.is_none() {
            app.access.tries.note(from);
        }
        return Ok((found.unwrap_or_else(Who::nobody), false));
    }
    let Some(hash) = session::cookie(headers) else { return Ok((Who::nobody(), false)) };
    let open = app.reader.run("access", move |connection| session::find(connection, &hash, now())).await?;
    Ok(open.map_or_else(
        || (Who::nobody(), false),
        |open| (Who { name: open.name.into(), role: Some(open.role), way: Way::Cookie(open.hash) }, open.due),
    ))
}

fn by_token(connection: &Connection, hash: &[u8; 32], need: Need) -> Result<Option<Who>> {
    if let Some(entry) = roll::find(connection, hash)? {
        return Ok(Some(Who { name: entry.name.into(), role: Some(entry.role), way: Way::Token }));
    }
    if need != Need::Server {
        return Ok(None);
    }
    let sql = "SELECT name FROM write_keys WHERE hash = ?1 AND kind = ?2 AND (expires IS NULL OR expires > ?3)";
    let name: Option<String> = connection.scalar(sql, params![hash, SERVER_KEY, now()])?;
    Ok(name.map(|name| Who { name: name.into(), role: None, way: Way::Key }))
}

/// SHA-256 of the token that a program brings: `Bearer`, or the name in `Basic` as write keys are sent.
fn told(headers: &HeaderMap) -> Option<[u8; 32]> {
    let (scheme, told) = headers.get(AUTHORIZATION)?.to_str().ok()?.trim().split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return token::digest(told);
    }
    if !scheme.eq_ignore_ascii_case("basic") || told.len() > 1_024 {
        return None;
    }
    let told = String::from_utf8(STANDARD.decode(told.trim()).ok()?).ok()?;
    token::digest(told.split(':').next().unwrap_or_default())
}

/// What is answered to who may not.
fn closed(request: &Request, headers: &HeaderMap, who: &Who) -> Response {
    let page =
        headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).is_some_and(|kind| kind.contains("text/html"));
    let refusal = if who.role.is_some() || who.way == Way::Key { Refusal::Role } else { Refusal::Unknown };
    match (page, &refusal) {
        (true, Refusal::Unknown) if request.method() == Method::GET => Redirect::to(pages::LOGIN).into_response(),
        (true, _) => pages::refused(who, &refusal),
        _ => refusal.into_response(),
    }
}

/// Changes a cookie that is old enough. Whoever cannot be written now is asked again with the next request.
async fn renew(app: &App, asked: &HeaderMap, hash: [u8; 32], response: &mut Response) {
    let Ok(secret) = token::make() else { return };
    let fresh = secret.clone();
    let changed =
        app.writer.run("session", move |graph| session::change(graph.connection, &hash, &fresh, graph.received)).await;
    if changed == Ok(true) {
        session::set(asked, response.headers_mut(), &secret);
    }
}

/// What a role is enough for: for pages that draw a button only for those who may press it.
#[must_use]
pub fn may(who: &Who, role: Role) -> bool {
    who.role.is_some_and(|has| has >= role)
}
