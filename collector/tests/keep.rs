//! The cookie that only a server can set: what comes back is what was sent, to whom it belongs, and nothing else.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    reason = "a test that cannot go on says why by panicking"
)]

mod support;

use petitfour::{
    id::Visitor,
    profile::{MAX_BYTES, Profile},
    time::{Moment, Timestamp},
};
use support::{Fetched, Server, agent};
use tempfile::tempdir;

const OWN: (&str, &str) = ("sec-fetch-site", "same-origin");
const KIND: (&str, &str) = ("content-type", "application/octet-stream");

fn profile() -> Vec<u8> {
    let moment = Moment { now: Timestamp(1_790_000_000_000), offset_minutes: 0 };
    Profile::new(Visitor([7; 16]), moment).encode()
}

fn ask(server: &Server, method: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Fetched {
    let mut request = ureq::http::Request::builder().method(method).uri(format!("{}/v1/keep", server.url));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut answer = agent().run(request.body(body).expect("a request")).expect("an answer");
    let text = |value: &ureq::http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let headers = answer.headers().iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    let body = answer.body_mut().read_to_vec().expect("a body");
    Fetched { status: answer.status().as_u16(), headers, body }
}

/// The value of the cookie that an answer sets, and its attributes in order.
fn cookie(answer: &Fetched) -> (String, Vec<String>) {
    let (pair, rest) = answer.header("set-cookie").split_once("; ").expect("attributes");
    let (name, value) = pair.split_once('=').expect("a value");
    assert_eq!(name, "petitfour_kept");
    (value.to_owned(), rest.split("; ").map(str::to_owned).collect())
}

#[test]
fn a_profile_comes_back_as_it_was_sent_in_a_cookie_that_no_script_sees() {
    let folder = tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    let kept = ask(&server, "POST", &[OWN, KIND], profile());
    let (value, attributes) = cookie(&kept);
    assert_eq!((kept.status, kept.body.len(), kept.header("cache-control")), (204, 0, "no-store"));
    assert_eq!(attributes, ["Path=/v1/keep", "Max-Age=34128000", "SameSite=Lax", "HttpOnly"]);

    let jar = format!("other=1; petitfour_kept={value}; more=2");
    let back = ask(&server, "GET", &[OWN, ("cookie", &jar)], Vec::new());
    assert_eq!((back.status, back.body.as_slice()), (200, profile().as_slice()));
    assert_eq!((back.header("content-type"), back.header("cache-control")), (KIND.1, "no-store"));
    assert_eq!(back.header("access-control-allow-origin"), "");

    let gone = ask(&server, "DELETE", &[OWN, ("cookie", &jar)], Vec::new());
    let (value, attributes) = cookie(&gone);
    assert_eq!((gone.status, value.as_str(), attributes.contains(&"Max-Age=0".to_owned())), (204, "", true));
}

#[test]
fn the_largest_profile_fits_the_four_kilobytes_of_a_cookie() {
    let value = MAX_BYTES.div_ceil(3) * 4;
    assert!("petitfour_kept=".len() + value <= 4_096);
}

#[test]
fn behind_a_proxy_that_speaks_https_the_cookie_is_secure() {
    let folder = tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    for (proto, secure) in [("https", true), ("https,http", true), ("http", false)] {
        let kept = ask(&server, "POST", &[OWN, KIND, ("x-forwarded-proto", proto)], profile());
        assert_eq!(cookie(&kept).1.contains(&"Secure".to_owned()), secure, "{proto}");
    }
}

#[test]
fn nobody_who_has_no_cookie_gets_a_profile() {
    let folder = tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    for jar in ["", "petitfour_kept=", "petitfour_kept=%%%", "petitfour_kept=AQID", "xpetitfour_kept=AQID"] {
        let answer = ask(&server, "GET", &[OWN, ("cookie", jar)], Vec::new());
        assert_eq!((answer.status, answer.body.len()), (204, 0), "{jar}");
    }
}

#[test]
fn what_is_no_profile_is_not_set_and_too_much_is_not_read() {
    let folder = tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    let mut damaged = profile();
    *damaged.last_mut().expect("bytes") ^= 1;
    for (body, status, code) in [
        (Vec::new(), 400, "profile/"),
        (damaged, 400, "profile/damaged"),
        (b"<script>".to_vec(), 400, "profile/"),
        (vec![1; MAX_BYTES + 1], 413, "body/too_large"),
    ] {
        let answer = ask(&server, "POST", &[OWN, KIND], body);
        assert_eq!((answer.status, answer.header("set-cookie")), (status, ""), "{code}");
        assert!(answer.text().contains(code), "{} for {code}", answer.text());
    }
}

#[test]
fn pages_of_other_origins_are_refused_and_so_is_what_a_form_can_send() {
    let folder = tempdir().expect("a folder");
    let server = Server::start(folder.path(), &["--allow-origin", "https://shop.example"]);
    for site in ["cross-site", "same-site", "none"] {
        for method in ["POST", "GET", "DELETE"] {
            let answer = ask(&server, method, &[KIND, ("sec-fetch-site", site)], profile());
            assert_eq!((answer.status, answer.header("set-cookie")), (403, ""), "{method} {site}");
        }
    }
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
        assert_eq!(ask(&server, "POST", &[("content-type", kind)], profile()).status, 415, "{kind}");
    }
    let asked = [("origin", "https://shop.example"), ("access-control-request-method", "DELETE")];
    let answer = ask(&server, "OPTIONS", &asked, Vec::new());
    assert_eq!(answer.header("access-control-allow-origin"), "", "no preflight is answered");
}

#[test]
fn the_collector_keeps_nothing_of_it() {
    let folder = tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    let before = server.counts()["totals"].clone();
    ask(&server, "POST", &[OWN, KIND], profile());
    assert_eq!(server.counts()["totals"], before);
    assert!(server.stop());
    let bytes = profile();
    let pseudonym = bytes.get(5..21).expect("a pseudonym");
    for entry in std::fs::read_dir(folder.path()).expect("the folder") {
        let stored = std::fs::read(entry.expect("a file").path()).expect("read");
        assert!(!stored.windows(pseudonym.len()).any(|window| window == pseudonym));
    }
}
