//! The one request of this guest.

mod collector;
mod feeds;
mod house;
mod settings;

use fastly::{
    Request, Response,
    geo::{Geo, geo_lookup},
    http::{HeaderValue, StatusCode, body::StreamingBody},
};
use house::House;
use petitfour::time::{Moment, Timestamp};
use petitfour_fastly::{Asked, Cookies, Visit, head, others, page};
use petitfour_seal::{PREVIEW, TOLD};
use settings::Settings;
use std::{
    cell::RefCell,
    io::{self, Read as _, Write as _},
    time::{SystemTime, UNIX_EPOCH},
};

/// The backend that pages come from.
const ORIGIN: &str = "origin";

/// Bytes that are read from the origin at a time.
const CHUNK: usize = 16 * 1024;

/// Answers the client.
pub fn answer() {
    let request = Request::from_client();
    let path = request.get_path().to_owned();
    let settings = Settings::read();
    if settings.collector && path == "/v1/sync" {
        return collector::sync(request, &settings, now());
    }
    if settings.collector && (path == "/v1/keep" || path == "/bundle.pf4") {
        return pass(request, collector::BACKEND);
    }
    let header = |name: &str| text(request.get_header(name));
    if head::asks_for_page(request.get_method_str(), header("sec-fetch-dest"), header("accept")) {
        fill(request, &settings);
    } else {
        pass(request, ORIGIN);
    }
}

/// Passes a request on as it is.
fn pass(request: Request, backend: &str) {
    match request.send(backend) {
        Ok(answer) => answer.send_to_client(),
        Err(_) => unreachable_backend(),
    }
}

fn unreachable_backend() {
    let answer = Response::from_status(StatusCode::BAD_GATEWAY);
    plain(answer.with_body_text_plain("The site cannot be reached at the moment.\n"), "origin/unreachable");
}

/// The origin's page, filled.
fn fill(request: Request, settings: &Settings) {
    let mut asking = request.clone_without_body();
    for name in head::UNSENT {
        asking.remove_header(name);
    }
    let line = cookie_line(&request);
    match others(&line) {
        Some(others) => asking.set_header("cookie", others),
        None => drop(asking.remove_header("cookie")),
    }
    // The host compresses for the visitor; here markup is read.
    asking.set_header("accept-encoding", "gzip");
    asking.set_auto_decompress_gzip(true);
    let Ok(coming) = asking.send_async(ORIGIN) else { return unreachable_backend() };
    // While the origin thinks.
    let house = House::open(settings);
    let Ok(mut answer) = coming.wait() else { return unreachable_backend() };
    let header = |name: &str| text(answer.get_header(name));
    match head::unfit(answer.get_status().as_u16(), header("content-type"), header("content-encoding")) {
        Some(None) => return answer.send_to_client(),
        Some(Some(code)) => return plain(answer, code),
        None => {}
    }
    let house = match house {
        Ok(house) => house,
        Err(code) => {
            plain(answer, code);
            return house::find(settings);
        }
    };
    let now = now();
    let Some(visit) = visit(&request, &line, settings, &house, now) else { return plain(answer, "edge/failed") };
    for name in head::UNTRUE {
        answer.remove_header(name);
    }
    answer.set_header("cache-control", "private, no-cache");
    answer.set_header("x-compress-hint", "on");
    if let Some(cookie) = &visit.cookie {
        answer.append_header("set-cookie", cookie.as_str());
    }
    let told = visit.codes.len();
    say(&mut answer, &visit.codes);
    let mut body = answer.take_body();
    let visit = RefCell::new(visit);
    let out = RefCell::new(answer.stream_to_client());
    let streamed = stream(&mut body, &out, &visit);
    let out = out.into_inner();
    // A page that broke off is to look as one.
    let sent = streamed.and_then(|()| out.finish());
    if let Err(error) = sent {
        eprintln!("petitfour: edge/broken: {}", error.kind());
    }
    let visit = visit.into_inner();
    // What came up while the page streamed is too late for its head.
    for code in visit.codes.iter().skip(told) {
        eprintln!("petitfour: {code}");
    }
    collector::tell(settings, visit.end());
    house.refresh(settings, now);
}

fn stream(body: &mut fastly::Body, out: &RefCell<StreamingBody>, visit: &RefCell<Visit>) -> io::Result<()> {
    let failed = RefCell::new(None);
    let mut rewriter = page::rewriter(visit, |chunk: &[u8]| {
        if let Err(error) = out.borrow_mut().write_all(chunk) {
            failed.borrow_mut().get_or_insert(error);
        }
    });
    let mut buffer = vec![0; CHUNK];
    loop {
        let length = body.read(&mut buffer)?;
        let Some(chunk) = buffer.get(..length).filter(|chunk| !chunk.is_empty()) else { break };
        rewriter.write(chunk).map_err(io::Error::other)?;
        if let Some(error) = failed.take() {
            return Err(error);
        }
        // The first byte is not held until the last.
        out.borrow_mut().flush()?;
    }
    rewriter.end().map_err(io::Error::other)?;
    failed.take().map_or(Ok(()), Err)
}

/// An answer as it is, and why it is so.
fn plain(mut answer: Response, code: &str) {
    say(&mut answer, &[code]);
    answer.send_to_client();
}

/// Says in an answer's head what was wrong, or that nothing was.
fn say(answer: &mut Response, codes: &[&str]) {
    let (timing, codes) = head::say(codes);
    answer.append_header("server-timing", timing);
    answer.append_header("x-petitfour", codes);
}

/// What this request says, and where and when it comes from.
fn visit(request: &Request, line: &[u8], settings: &Settings, house: &House, now: u64) -> Option<Visit> {
    let geo = request.get_client_ip_addr().and_then(geo_lookup);
    let offset = geo.as_ref().and_then(Geo::utc_offset).map_or(0, |offset| offset.whole_minutes());
    let cookies = Cookies::read(line);
    let query = request.get_query::<Vec<(String, String)>>().unwrap_or_default();
    let minute = (now / 60_000) as u32;
    let mut codes = Vec::new();
    let mut told = None;
    let mut preview = None;
    if let Some(secrets) = &settings.secrets {
        let sealed = cookies.as_ref().ok().and_then(|cookies| cookies.get(TOLD));
        match sealed.filter(|text| !text.is_empty()).map(|text| secrets.open_told(text, minute)) {
            Some(Ok(opened)) => told = Some(opened),
            Some(Err(error)) => codes.push(error.code()),
            None => {}
        }
    }
    if let Some((_, asked)) = query.iter().find(|(name, asked)| name == PREVIEW && !asked.is_empty()) {
        match settings.secrets.as_ref().map(|secrets| secrets.open_preview(asked, minute)) {
            Some(Ok(shown)) => {
                preview = Some(shown);
                codes.push("preview");
            }
            Some(Err(error)) => codes.push(error.code()),
            None => codes.push("seal/key"),
        }
    }
    // What the address says is the visitor's own word, and last.
    let mut context = geo.as_ref().map(place).unwrap_or_default();
    context.extend(query);
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).ok()?;
    let asked = Asked {
        cookies,
        told: told.as_ref(),
        is_sealed: settings.secrets.is_some(),
        preview,
        moment: Moment { now: Timestamp(now), offset_minutes: offset },
        context: &context,
        gpc: text(request.get_header("sec-gpc")) == Some("1"),
        region: geo.as_ref().and_then(|geo| head::region(geo.country_code())),
        secure: request.get_url().scheme() == "https",
        base: request.get_url().clone(),
        seed,
    };
    let shelf = |session: &mut _| feeds::tell(session, settings, &context);
    let mut visit = Visit::open(house.engine(), asked, shelf);
    codes.into_iter().for_each(|code| visit.fault(code));
    // A link says what a click on it means, such as that a mail was read.
    if let Some((_, event)) = context.iter().find(|(name, event)| name == "pf_event" && !event.is_empty()) {
        visit.track(event);
    }
    Some(visit)
}

/// What the host knows of the place, by the names that campaign files use.
fn place(geo: &Geo) -> Vec<(String, String)> {
    let known = [
        ("country", geo.country_code()),
        ("region", geo.region().unwrap_or_default()),
        ("city", geo.city()),
        ("continent", geo.continent().as_code()),
        ("postal_code", geo.postal_code()),
    ];
    let told = known.into_iter().filter(|(_, value)| !value.is_empty() && *value != "?");
    told.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// A header's value, where it is text: what is not must not end the guest, as the host's own reading does.
fn text(value: Option<&HeaderValue>) -> Option<&str> {
    str::from_utf8(value?.as_bytes()).ok()
}

/// The cookies of a request in one line.
fn cookie_line(request: &Request) -> Vec<u8> {
    let lines: Vec<_> = request.get_header_all("cookie").map(HeaderValue::as_bytes).collect();
    lines.join(&b"; "[..])
}

/// Unix ms.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
