//! `/v1/persons/{id}` deleted, `/v1/persons/{id}/export`, `/v1/persons/deletions`: what a person may ask for, as a program of the shop's asks it.

use std::{io, sync::Arc};

use axum::{
    Json,
    body::{Body, Bytes},
    extract::{Path, Query, State},
    http::header::{CONTENT_DISPOSITION, CONTENT_TYPE},
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use serde_json::Value as Json_;
use tokio::sync::mpsc;

use super::{
    api::{Asked, read},
    deletion::{self, Whom},
    dossier::{self, Format},
};
use crate::{answer::Refusal, graph, hex, site::App, sql};

/// Chunks of a dossier that wait for a slow reader.
const WAITING: usize = 4;

/// Who asks when they do not say.
const SOMEBODY: &str = "api";

/// Who asks for a deletion, as they call themselves.
#[derive(Debug, Deserialize)]
pub struct By {
    by: Option<String>,
}

/// A deletion by identifier.
#[derive(Debug, Deserialize)]
pub struct Deletion {
    #[serde(flatten)]
    asked: Asked,
    by: Option<String>,
}

/// How a dossier is to be written.
#[derive(Debug, Deserialize)]
pub struct Written {
    format: Option<String>,
}

/// Deletes a person everywhere; the proof.
///
/// # Errors
/// [`Refusal::Nobody`], [`Refusal::Asked`] for what is no id, or the writer's.
pub async fn delete(
    State(app): State<Arc<App>>,
    Path(uid): Path<String>,
    Query(by): Query<By>,
) -> Result<Json<Json_>, Refusal> {
    let whom = Whom::Person(hex::read(&uid).ok_or(Refusal::Asked)?);
    carry_out(&app, whom, None, by.by).await
}

/// Deletes whoever an identifier belongs to, known or not; the proof.
///
/// # Errors
/// [`Refusal::Asked`] for a kind or value that is none, or the writer's.
pub async fn delete_by(State(app): State<Arc<App>>, Json(told): Json<Deletion>) -> Result<Json<Json_>, Refusal> {
    let (namespace, values) = read(&told.asked).ok_or(Refusal::Asked)?;
    carry_out(&app, Whom::Identifier(namespace, values), Some(told.asked.value), told.by).await
}

async fn carry_out(app: &App, whom: Whom, raw: Option<String>, by: Option<String>) -> Result<Json<Json_>, Refusal> {
    let by = by.unwrap_or_else(|| SOMEBODY.to_owned());
    if !deletion::is_name(&by) {
        return Err(Refusal::Asked);
    }
    let whose = whom.clone();
    let letters =
        app.reader.run("letters", move |connection| deletion::letters(connection, &whose, raw.as_deref())).await?;
    let routes = Arc::clone(&app.routes);
    let document = app
        .writer
        .run("deletion", move |graph| {
            let proof = deletion::delete(graph, &whom, &by, &letters, &routes)?;
            proof.map(|proof| proof.document(graph.connection)).transpose()
        })
        .await?;
    app.bell.ring();
    document.map(Json).ok_or(Refusal::Nobody)
}

/// The proof of a deletion.
///
/// # Errors
/// [`Refusal::Nothing`] when there is none under this number.
pub async fn proof(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Json<Json_>, Refusal> {
    let document = app
        .reader
        .run("deletion", move |connection| {
            let found = deletion::proof(connection, &id)?;
            found.map(|proof| proof.document(connection)).transpose()
        })
        .await?;
    document.map(Json).ok_or(Refusal::Nothing)
}

/// Everything that is held of a person: JSON, or a page with `format=html`.
///
/// # Errors
/// [`Refusal::Nobody`], or [`Refusal::Asked`] for what is no id or no format.
pub async fn export(
    State(app): State<Arc<App>>,
    Path(uid): Path<String>,
    Query(written): Query<Written>,
) -> Result<Response, Refusal> {
    let uid: [u8; 16] = hex::read(&uid).ok_or(Refusal::Asked)?;
    let (format, kind, name) = match written.format.as_deref() {
        None | Some("json") => (Format::Json, "application/json", Some("attachment; filename=\"your-data.json\"")),
        Some("html") => (Format::Html, "text/html; charset=utf-8", None),
        Some(_) => return Err(Refusal::Asked),
    };
    let policy = Arc::clone(&app.policy);
    let found = app.reader.run("person", move |connection| graph::person(connection, &policy, &uid)).await?;
    let person = found.ok_or(Refusal::Nobody)?;
    let (sender, receiver) = mpsc::channel::<io::Result<Bytes>>(WAITING);
    let reader = app.reader.clone();
    tokio::spawn(async move {
        let broken = sender.clone();
        let write = move |connection: &sql::Connection| {
            let mut emit = |text: String| sender.blocking_send(Ok(text.into())).is_ok();
            dossier::write(connection, &person.uid, person.root, format, &mut emit)
        };
        if reader.run("dossier", write).await.is_err() {
            // Whoever reads is to see that it broke off.
            broken.send(Err(io::Error::other("the store broke off"))).await.ok();
        }
    });
    let chunks = futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|chunk| (chunk, receiver))
    });
    let mut response = ([(CONTENT_TYPE, kind)], Body::from_stream(chunks)).into_response();
    if let Some(name) = name {
        response.headers_mut().insert(CONTENT_DISPOSITION, axum::http::HeaderValue::from_static(name));
    }
    Ok(response)
}
