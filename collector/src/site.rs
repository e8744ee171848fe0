//! Every address of the collector, and the headers that all answers carry.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context, bail};
use axum::{
    Json, Router,
    body::Body,
    extract::{Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
        header::{
            CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY, RETRY_AFTER,
            X_CONTENT_TYPE_OPTIONS,
        },
    },
    middleware::{Next, from_fn, from_fn_with_state, map_response},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use petitfour::engine::Engine;
use serde_json::json;
use tower_http::{
    CompressionLevel,
    compression::CompressionLayer,
    cors::{AllowOrigin, CorsLayer},
    services::ServeDir,
};

use crate::{
    access::{Access, gate::gate},
    answer::Refusal,
    counts::{self, Counts},
    dead_letters,
    destination::dispatch::Routes,
    feed,
    graph::Policy,
    intake::{
        door,
        segment::Route,
        sync::{self, Room},
    },
    journey::{census, sent},
    keep,
    key::Keys,
    lake::follow::Bell,
    log::Log,
    members,
    metrics::Metrics,
    pages::{self, Board},
    person::{api, asked::Asked, hours, rights},
    reader::Reader,
    shelf::{self, Shelf},
    visitor,
    writer::Writer,
};

/// What pages served here may do: their own files and WebAssembly, nothing from elsewhere, nothing inline.
pub const POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; require-trusted-types-for 'script'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'";

/// Quality of compression while answering: brotli's and gzip's middle, a few ms for a megabyte.
const QUALITY: i32 = 5;

/// A folder of static files and the address that it stands at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Www {
    /// `/` or `/name`.
    pub path: String,
    /// The folder.
    pub folder: PathBuf,
}

impl Www {
    /// Reads `DIR` or `PATH=DIR`.
    ///
    /// # Errors
    /// When the path does not begin with a slash or the folder is missing.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let (path, folder) = text.split_once('=').unwrap_or(("/", text));
        if !path.starts_with('/') || path.contains(['{', '}', '*', '?', '#']) {
            bail!("{path:?} is not an address: write --www /path=DIR or --www DIR");
        }
        let folder = PathBuf::from(folder);
        if !folder.is_dir() {
            bail!("{} is not a folder", folder.display());
        }
        let path = match path.trim_end_matches('/') {
            "" => "/",
            path => path,
        };
        Ok(Self { path: path.to_owned(), folder })
    }
}

/// What the answers are made from.
pub struct App {
    /// Where what is taken in goes.
    pub log: Log,
    /// What writes the store.
    pub writer: Writer,
    /// The bundle, if one is served.
    pub shelf: Option<Arc<Shelf>>,
    /// The process's own figures.
    pub metrics: Arc<Metrics>,
    /// Room for bodies.
    pub room: Room,
    /// For everything that is shown.
    pub reader: Reader,
    /// The segments that persons are asked about.
    pub asked: Asked,
    /// What ties identifiers to a person.
    pub policy: Arc<Policy>,
    /// Who may send events.
    pub keys: Arc<Keys>,
    /// What pages share.
    pub board: Board,
    /// How the gate is set up.
    pub access: Access,
    /// Who takes what is handed over.
    pub routes: Arc<Routes>,
    /// Rung when somebody was deleted.
    pub bell: Bell,
}

impl App {
    /// The engine over the segments that persons are asked about.
    #[must_use]
    pub fn asked(&self) -> Option<Arc<Engine>> {
        self.asked.engine()
    }
}

/// Builds the router; `more` are the addresses of what was set up beside it.
///
/// # Errors
/// When an origin or a folder's address cannot be used.
pub fn router(app: Arc<App>, more: Router, www: &[Www], origins: &[String]) -> anyhow::Result<Router> {
    let mut open = Router::new()
        .route("/v1/sync", post(sync::sync))
        .route("/v1/syncs", post(sync::syncs))
        .route("/v1/feeds/{feed}", get(feed::answer))
        .route("/bundle.pf4", get(bundle));
    if let Some(cors) = cors(origins)? {
        open = open.layer(cors);
    }
    let mut events = Router::new()
        .route("/mp/collect", post(door::ga4))
        .route("/v1/cloudevents", post(door::cloudevents))
        .route("/v1/pixel.gif", get(door::pixel));
    for (path, _) in Route::ALL {
        events = events.route(path, post(door::segment));
    }
    let mut router = Router::new()
        .merge(open)
        .merge(events.layer(from_fn_with_state(Arc::clone(&app), door::origins)))
        .route("/v1/visitor", get(visitor::fetch).post(visitor::keep).delete(visitor::forget))
        .route("/v1/dead-letters", get(dead_letters::list))
        .route("/v1/dead-letters/replay", post(dead_letters::replay))
        .route("/v1/keep", get(keep::fetch).post(keep::keep).delete(keep::forget))
        .route("/v1/counts", get(counts_json))
        .route("/v1/hours", get(hours::list))
        .route("/v1/journeys", get(census::list))
        .route("/v1/memberships", post(members::take))
        .route("/v1/feeds/{feed}", post(feed::take))
        .route("/v1/persons", get(api::find))
        .route("/v1/persons/path", get(api::path))
        .route("/v1/persons/{person}", get(api::one).delete(rights::delete))
        .route("/v1/persons/{person}/eids", get(api::eids))
        .route("/v1/persons/{person}/messages", get(sent::list))
        .route("/v1/persons/{person}/export", get(rights::export))
        .route("/v1/persons/deletions", post(rights::delete_by))
        .route("/v1/persons/deletions/{deletion}", get(rights::proof))
        .route("/v1/evidence/withdraw", post(api::withdraw))
        .route("/v1/evidence/restore", post(api::restore))
        .route("/health", get(|| async { Json(json!({ "live": true })) }))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .merge(pages::router());
    let root = www.iter().any(|each| each.path == "/");
    if !root {
        router = router.route("/", get(pages::first));
    }
    // What is added from here on is files, which everybody may read.
    router = router.route_layer(from_fn_with_state(Arc::clone(&app), gate));
    let more = if more.has_routes() { more.route_layer(from_fn_with_state(Arc::clone(&app), gate)) } else { more };
    let mut taken = Vec::new();
    for Www { path, folder } in www {
        if taken.contains(&path)
            || ["/v1", "/collector", "/health", "/ready", "/metrics", "/mp"].contains(&path.as_str())
        {
            bail!("{path} is taken: give --www another address");
        }
        taken.push(path);
        let files = Router::new()
            .fallback_service(ServeDir::new(folder).precompressed_br().precompressed_gzip())
            .layer(map_response(file_headers))
            .layer(from_fn(no_dot_files));
        if path == "/" {
            router = router.fallback_service(files);
        } else {
            router = router.nest_service(path, files);
        }
    }
    if !root {
        router = router.fallback(|| async { Refusal::Nothing });
    }
    // Layers come last, so that its answers carry the same headers.
    Ok(router
        .with_state(app)
        .merge(more)
        .layer(CompressionLayer::new().quality(CompressionLevel::Precise(QUALITY)))
        .layer(map_response(headers)))
}

async fn bundle(State(app): State<Arc<App>>, asked: HeaderMap) -> Result<Response, Refusal> {
    shelf::answer(app.shelf.as_deref(), &asked)
}

async fn ready(State(app): State<Arc<App>>) -> Response {
    let ready = app.log.ready().await;
    let takes = ready.takes();
    let mut told = json!({ "ready": takes, "store": ready.store });
    if let (Some(log), Some(told)) = (ready.log, told.as_object_mut()) {
        told.insert("log".into(), log.into());
    }
    let status = if takes { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(told)).into_response()
}

async fn metrics(State(app): State<Arc<App>>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], app.metrics.text())
}

async fn counts_json(State(app): State<Arc<App>>) -> Result<Json<serde_json::Value>, Refusal> {
    let counts = read(&app).await?;
    let served = app.shelf.as_ref().map(|shelf| shelf.current());
    let mut value = serde_json::to_value(counts).map_err(|_| Refusal::Unavailable)?;
    if let Some(object) = value.as_object_mut() {
        let process = json!({
            "queue": app.metrics.queue.value(),
            "duplicates": app.metrics.duplicate.value() + app.metrics.conflict.value(),
            "refused": app.metrics.refused(),
        });
        let bundle = served.map(|served| json!({ "hash": served.hash, "version": served.version }));
        object.insert("process".into(), process);
        object.insert("bundle".into(), bundle.into());
    }
    Ok(Json(value))
}

async fn read(app: &App) -> Result<Counts, Refusal> {
    let bundle = app.shelf.as_ref().map(|shelf| shelf.current());
    app.reader.run("counts", move |connection| counts::read(connection, bundle.as_deref())).await
}

fn cors(origins: &[String]) -> anyhow::Result<Option<CorsLayer>> {
    if origins.is_empty() {
        return Ok(None);
    }
    let allowed = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        let parsed: anyhow::Result<Vec<HeaderValue>> = origins.iter().map(|origin| parse_origin(origin)).collect();
        AllowOrigin::list(parsed?)
    };
    Ok(Some(
        CorsLayer::new()
            .allow_origin(allowed)
            .allow_methods([Method::GET, Method::HEAD, Method::POST])
            .allow_headers([CONTENT_TYPE, IF_NONE_MATCH])
            .expose_headers([ETAG, RETRY_AFTER])
            .max_age(Duration::from_secs(24 * 60 * 60)),
    ))
}

/// An origin is scheme, host and port; a path or a slash at its end would never match and is a mistake worth stopping for.
fn parse_origin(origin: &str) -> anyhow::Result<HeaderValue> {
    let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://")).unwrap_or_default();
    if host.is_empty() || host.contains('/') {
        bail!("{origin:?} is not an origin: write it as https://shop.example");
    }
    HeaderValue::from_str(origin).with_context(|| format!("{origin:?} is not an origin"))
}

/// Files named `.something` are a folder's own business (`.git`, `.env`), `.well-known` excepted.
async fn no_dot_files(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_ascii_lowercase().replace("%2e", ".");
    if path.split('/').any(|part| part.starts_with('.') && part != ".well-known") {
        return Refusal::Nothing.into_response();
    }
    next.run(request).await
}

/// Files are asked for again each time (and mostly answered 304), so that a rebuilt shop shows at once. Their tags become weak,
/// since the compressed and the plain answer share one.
async fn file_headers(mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
    // The type of `.mjs` in the table behind `ServeDir` is the name that RFC 9239 gave up.
    if headers.get(CONTENT_TYPE).is_some_and(|kind| kind == "application/javascript") {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/javascript"));
    }
    let weak = headers.get(ETAG).and_then(|tag| tag.to_str().ok()).filter(|tag| !tag.starts_with("W/"));
    if let Some(weak) = weak.and_then(|tag| HeaderValue::from_str(&format!("W/{tag}")).ok()) {
        headers.insert(ETAG, weak);
    }
    response
}

async fn headers(mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "strict-origin-when-cross-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        // What changes with every sync is not to be kept; files and the bundle have said otherwise already.
        (CACHE_CONTROL, "no-store"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
