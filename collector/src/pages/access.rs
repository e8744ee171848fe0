//! Who may look and who may change: named, and ended.

use std::{
    fmt::{self, Write as _},
    sync::Arc,
};

use axum::{
    Extension, Form,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use super::markup::{Here, Sheet, Text, nothing, time};
use crate::{
    access::{
        Role, Who,
        roll::{self, Entry},
        token,
    },
    answer::Refusal,
    hex,
    key::{Key, Kind},
    ring,
    site::App,
    store::now,
};

/// Somebody to be named.
#[derive(Debug, Deserialize)]
pub struct Named {
    name: String,
    role: Role,
}

/// Somebody to be ended: SHA-256 of their token.
#[derive(Debug, Deserialize)]
pub struct Ended {
    hash: String,
}

/// A write key to be made: for pages of these origins, or for programs.
#[derive(Debug, Deserialize)]
pub struct NewKey {
    name: String,
    server: Option<String>,
    #[serde(default)]
    origins: String,
    #[serde(default)]
    permit: String,
}

/// Write keys of a name, to be ended.
#[derive(Debug, Deserialize)]
pub struct EndedKey {
    name: String,
}

/// What is said above the list.
enum Said<'s> {
    Nothing,
    Fault(&'s str),
    Token(&'s str, &'s str),
    Key(&'s str, &'s str),
}

/// The page.
///
/// # Errors
/// When the store cannot be read.
pub async fn page(State(app): State<Arc<App>>, Extension(who): Extension<Who>) -> Result<Response, Refusal> {
    show(&app, &who, &Said::Nothing).await
}

/// Names somebody and shows their token, this once.
///
/// # Errors
/// When the store cannot be used.
pub async fn add(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Who>,
    Form(named): Form<Named>,
) -> Result<Response, Refusal> {
    if !roll::is_name(&named.name) {
        return show(&app, &who, &Said::Fault("A name has letters, digits, spaces and . _ - @, 64 at most.")).await;
    }
    let secret = token::make().map_err(|_| Refusal::Unavailable)?;
    let (fresh, name, role) = (secret.clone(), named.name.clone(), named.role);
    app.writer.run("access", move |graph| roll::add(graph.connection, &fresh, &name, role, graph.received)).await?;
    show(&app, &who, &Said::Token(named.name.trim(), &secret)).await
}

/// Ends somebody's token and all their sessions.
///
/// # Errors
/// [`Refusal::Asked`] for what is no digest, or when the store cannot be used.
pub async fn end(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Who>,
    Form(ended): Form<Ended>,
) -> Result<Response, Refusal> {
    let hash: [u8; 32] = hex::read(&ended.hash).ok_or(Refusal::Asked)?;
    if app.writer.run("access", move |graph| roll::end(graph.connection, &hash, graph.received)).await? {
        return Ok(Redirect::to("/collector/access").into_response());
    }
    let fault = "Not ended: it has ended already, or it is the last admin's. Name another admin first.";
    show(&app, &who, &Said::Fault(fault)).await
}

/// Makes a write key and shows its secret, this once.
///
/// # Errors
/// When the store cannot be used.
pub async fn add_key(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Who>,
    Form(new): Form<NewKey>,
) -> Result<Response, Refusal> {
    let secret = ring::secret().map_err(|_| Refusal::Unavailable)?;
    let kind = if new.server.is_some() { Kind::Server } else { Kind::Browser };
    let mut key = Key::new(&new.name, kind, &secret, now());
    key.origins = new.origins.split_whitespace().map(str::to_owned).collect();
    let permit: Vec<String> = new.permit.split([',', ' ']).map(str::to_owned).collect();
    let checked = ring::check(&key).and_then(|()| ring::permissions(&permit));
    match checked {
        Ok(permitted) if kind == Kind::Browser => key.otherwise = permitted,
        Ok(_) => {}
        Err(error) => return show(&app, &who, &Said::Fault(&error.to_string())).await,
    }
    app.writer.run("write key", move |graph| ring::add(graph.connection, &key)).await?;
    show(&app, &who, &Said::Key(&new.name, &secret)).await
}

/// Ends every write key of a name.
///
/// # Errors
/// When the store cannot be used.
pub async fn end_key(State(app): State<Arc<App>>, Form(ended): Form<EndedKey>) -> Result<Response, Refusal> {
    app.writer
        .run("write key", move |graph| ring::end(graph.connection, &ended.name, i64::MAX, graph.received))
        .await?;
    Ok(Redirect::to("/collector/access#keys").into_response())
}

async fn show(app: &App, who: &Who, said: &Said<'_>) -> Result<Response, Refusal> {
    let (entries, keys) =
        app.reader.run("access", |connection| Ok((roll::all(connection)?, ring::read(connection)?))).await?;
    let mut main = String::with_capacity(8 * 1024);
    write(&mut main, said, &entries, &keys, app.access.open).ok();
    let lead = "People and programs that may look, or change; and the keys under which events come in. Of every secret only SHA-256 is kept.";
    let sheet = Sheet { here: Here::Access, title: "Access", lead, who };
    Ok(if matches!(said, Said::Fault(_)) { sheet.with(StatusCode::BAD_REQUEST, &main) } else { sheet.around(&main) })
}

fn write(out: &mut String, said: &Said<'_>, entries: &[Entry], keys: &[Key], open: bool) -> fmt::Result {
    let now = now();
    if open {
        out.push_str("<p class=\"fault\">This collector was started with <code>--open</code>: whoever reaches it may do everything.</p>\n");
    }
    match said {
        Said::Nothing => {}
        Said::Fault(text) => writeln!(out, "<p class=\"fault\" role=\"alert\">{}</p>", Text(text))?,
        Said::Token(name, secret) => writeln!(
            out,
            "<section class=\"card made\" role=\"status\"><h2>The token of {}</h2><p>Shown this once. Whoever has it opens \
             <code>/collector/login</code> with it, or sends <code>Authorization: Bearer</code>.</p><p><output>{secret}</output></p></section>",
            Text(name)
        )?,
        Said::Key(name, secret) => writeln!(
            out,
            "<section class=\"card made\" role=\"status\"><h2>The write key {}</h2><p>Shown this once. It opens within two seconds.</p>\
             <p><output>{secret}</output></p></section>",
            Text(name)
        )?,
    }
    tokens(out, entries, now)?;
    write_keys(out, keys, now)
}

fn tokens(out: &mut String, entries: &[Entry], now: i64) -> fmt::Result {
    out.push_str(
        "<section class=\"card\" aria-labelledby=\"add-name\">\n<h2 id=\"add-name\">Name somebody</h2>\n\
         <form class=\"ask\" method=\"post\" action=\"/collector/access/add\"><label class=\"grow\">Name <input name=\"name\" required maxlength=\"64\" autocomplete=\"off\"></label>\
         <label>Role <select name=\"role\"><option value=\"viewer\">viewer: looks</option><option value=\"admin\">admin: changes</option></select></label>\
         <button>Make a token</button></form>\n</section>\n\
         <section class=\"card\" aria-labelledby=\"people-name\">\n<h2 id=\"people-name\">People and programs</h2>\n<div class=\"wide\"><table><caption class=\"hidden\">Tokens</caption>\
         <thead><tr><th scope=\"col\">Name</th><th scope=\"col\" class=\"left\">Role</th><th scope=\"col\">Since</th><th scope=\"col\">Ended</th>\
         <th scope=\"col\"><span class=\"hidden\">End it</span></th></tr></thead>\n<tbody>\n",
    );
    for entry in entries {
        write!(
            out,
            "<tr><th scope=\"row\">{}</th><td class=\"left\" data-label=\"role\"><span class=\"tag\">{}</span></td><td data-label=\"since\">{}</td>",
            Text(&entry.name),
            entry.role.text(),
            time(entry.created, now)
        )?;
        match entry.ended {
            Some(at) => write!(out, "<td data-label=\"ended\">{}</td><td></td>", time(at, now))?,
            None => write!(
                out,
                "<td data-label=\"ended\">–</td><td><form method=\"post\" action=\"/collector/access/end\"><input type=\"hidden\" name=\"hash\" value=\"{}\">\
                 <button class=\"plain\" aria-label=\"End the token of {}\">End</button></form></td>",
                hex::write(&entry.hash),
                Text(&entry.name)
            )?,
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table></div>\n</section>\n");
    Ok(())
}

fn write_keys(out: &mut String, keys: &[Key], now: i64) -> fmt::Result {
    out.push_str(
        "<section class=\"card\" id=\"keys\" aria-labelledby=\"keys-name\">\n<h2 id=\"keys-name\">Write keys</h2>\n",
    );
    if keys.is_empty() {
        out.push_str(&nothing("None: no events come in but those of our own devices."));
    } else {
        out.push_str(
            "<div class=\"wide\"><table><caption class=\"hidden\">Write keys</caption><thead><tr><th scope=\"col\">Name</th><th scope=\"col\" class=\"left\">For</th>\
             <th scope=\"col\">Events a second</th><th scope=\"col\" class=\"left\">Origins</th><th scope=\"col\">Since</th><th scope=\"col\">Until</th><th scope=\"col\"><span class=\"hidden\">End it</span></th></tr></thead>\n<tbody>\n",
        );
        for key in keys {
            let until = key.expires.map_or_else(|| "–".to_owned(), |at| time(at, now));
            write!(
                out,
                "<tr><th scope=\"row\">{}</th><td class=\"left\" data-label=\"for\"><span class=\"tag\">{}</span></td><td data-label=\"events a second\">{}</td>\
                 <td class=\"left\" data-label=\"origins\">{}</td><td data-label=\"since\">{}</td><td data-label=\"until\">{until}</td><td>",
                Text(&key.name),
                if key.kind == Kind::Server { "programs" } else { "pages" },
                key.rate,
                Text(&key.origins.join(" ")),
                time(key.created, now)
            )?;
            if key.is_live(now) {
                write!(
                    out,
                    "<form method=\"post\" action=\"/collector/access/keys/end\"><input type=\"hidden\" name=\"name\" value=\"{}\">\
                     <button class=\"plain\" aria-label=\"End the write key {}\">End</button></form>",
                    Text(&key.name),
                    Text(&key.name)
                )?;
            }
            out.push_str("</td></tr>\n");
        }
        out.push_str("</tbody></table></div>\n");
    }
    out.push_str(
        "<h3>Make one</h3><form class=\"ask\" method=\"post\" action=\"/collector/access/keys\"><label class=\"grow\">Name <input name=\"name\" required maxlength=\"64\" \
         pattern=\"[a-z0-9._\\-]+\" autocomplete=\"off\"></label><label class=\"grow\">Origins of pages <input name=\"origins\" placeholder=\"https://shop.example\" \
         autocomplete=\"off\"></label><label class=\"grow\">Permitted where an event says nothing <input name=\"permit\" placeholder=\"store, measure\" autocomplete=\"off\"></label>\
         <button>For pages</button><button name=\"server\" value=\"1\">For programs</button></form>\n</section>\n",
    );
    Ok(())
}
