//! What goes to the collector and comes from it: the page's own sync, what the edge has to report, bundles and feeds.

use super::{house, settings::Settings};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use fastly::{Request, http::Method};
use petitfour::consent::Permissions;
use petitfour_fastly::Cookies;
use petitfour_seal::{ANSWER, Secrets, TOLD};

/// The backend of the collector.
pub const BACKEND: &str = "collector";

/// Bytes of a sync whose answer is sealed: messages are 16 KB at most.
const MESSAGE: usize = 64 * 1024;
/// Bytes of a feed's levels.
const LEVELS: usize = 32 * 1024 * 1024;

/// The page's own sync on its way: what the origin says of the visitor is sealed for the edge on the way back.
pub fn sync(mut request: Request, settings: &Settings, now: u64) {
    let line = super::cookie_line(&request);
    let is_short = request.get_content_length().is_some_and(|length| length <= MESSAGE);
    let Some(secrets) = settings.secrets.as_ref().filter(|_| request.get_method() == Method::POST && is_short) else {
        // The collector has no use for them.
        request.remove_header("cookie");
        return super::pass(request, BACKEND);
    };
    let secure = request.get_url().scheme() == "https";
    request.remove_header("cookie");
    // What is sealed has to be read; it is a few bytes.
    request.remove_header("accept-encoding");
    let message = house::read(request.take_body(), MESSAGE).unwrap_or_default();
    request.set_body(message.clone());
    let Ok(mut answer) = request.send(BACKEND) else { return super::unreachable_backend() };
    if answer.get_status().is_success()
        && let Some(body) = house::read(answer.take_body(), MESSAGE)
    {
        let cookies = Cookies::read(&line).unwrap_or_default();
        let may_store = cookies.consent().is_none_or(Permissions::store);
        let is_kept = cookies.get("petitfour").is_some() && may_store;
        let sealed = if is_kept { secrets.seal_told(&message, &body, (now / 60_000) as u32) } else { None };
        if let Some(value) = sealed {
            answer.append_header("set-cookie", Secrets::told_cookie(Some(&value), secure));
        } else if cookies.get(TOLD).is_some() && (!is_kept || body.len() > ANSWER) {
            // What is too long to seal may have taken back what was sealed before.
            answer.append_header("set-cookie", Secrets::told_cookie(None, secure));
        }
        answer.set_body(body);
    }
    answer.send_to_client();
}

/// Reports what a visit left, together with a server write key and one by one without. A guest is gone after its request, so what the
/// collector does not take at a second attempt is lost, and said.
pub fn tell(settings: &Settings, messages: Vec<Vec<u8>>) {
    if !settings.collector || messages.is_empty() {
        return;
    }
    let sent = if let Some(key) = &settings.key {
        let mut body = Vec::new();
        for message in &messages {
            body.extend_from_slice(&(message.len() as u32).to_le_bytes());
            body.extend_from_slice(message);
        }
        let basic = format!("Basic {}", STANDARD.encode(format!("{key}:")));
        post(|| {
            Request::post(address("/v1/syncs")).with_header("authorization", basic.as_str()).with_body(body.clone())
        })
    } else {
        let taken = |message: &Vec<u8>| post(|| Request::post(address("/v1/sync")).with_body(message.clone()));
        messages.iter().filter(|message| !taken(message)).count() == 0
    };
    if !sent {
        eprintln!("petitfour: report/lost");
    }
}

fn post(request: impl Fn() -> Request) -> bool {
    (0..2).any(|_| {
        request().with_pass(true).send(BACKEND).is_ok_and(|answer| {
            // A final refusal is as good as an answer: sent again it would be refused again.
            answer.get_status().is_success() || matches!(answer.get_status().as_u16(), 400 | 401 | 403 | 413)
        })
    })
}

/// What the collector says of its bundle.
pub enum Served {
    /// It is the one of that tag.
    Same,
    /// Another, and its tag.
    Other(Vec<u8>, String),
}

/// The collector's bundle, unless it is the one of `tag`.
pub fn bundle(tag: Option<&str>) -> Option<Served> {
    let mut request = Request::get(address("/bundle.pf4")).with_pass(true);
    if let Some(tag) = tag.filter(|tag| !tag.is_empty()) {
        request.set_header("if-none-match", tag);
    }
    let mut answer = request.send(BACKEND).ok()?;
    match answer.get_status().as_u16() {
        304 => Some(Served::Same),
        200 => {
            let tag = super::text(answer.get_header("etag")).unwrap_or_default().to_owned();
            Some(Served::Other(house::read(answer.take_body(), petitfour::bundle::MAX_BYTES)?, tag))
        }
        _ => None,
    }
}

/// What has changed in a feed since a version: JSON, as `GET /v1/feeds/NAME` answers.
pub fn feed(name: &str, since: u64) -> Option<Vec<u8>> {
    let mut request = Request::get(address("/v1/feeds/")).with_pass(true);
    request.get_url_mut().path_segments_mut().ok()?.pop_if_empty().push(name);
    request.set_query_str(format!("since={since}"));
    let mut answer = request.send(BACKEND).ok().filter(|answer| answer.get_status() == 200)?;
    house::read(answer.take_body(), LEVELS)
}

/// An address of the collector's. Which host it is the backend says.
fn address(path: &str) -> String {
    format!("http://collector{path}")
}
