//! Who may do what: every address by every role, sessions, requests from elsewhere, and pages under names that mean harm.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    reason = "a test that cannot go on says why by panicking"
)]

mod support;

use std::{fs, path::Path, process::Command};

use axum::http::Method;
use petitfour_collector::{
    access::{Need, rule},
    event::{ANONYMOUS, Event, Identifier, Kind, Letter},
    graph::{Evidence, Rule},
    journal::Journal,
    params,
    store::{Place, Store, now},
};
use support::{Server, message};

/// An answer as far as these tests look.
struct Answer {
    status: u16,
    code: String,
    location: String,
    cookies: Vec<String>,
    body: String,
}

fn ask(server: &Server, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .build()
        .into();
    let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", server.url));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let sent = match method {
        "GET" | "HEAD" => agent.run(request.body(()).expect("a request")),
        _ => agent.run(request.body(body.to_owned()).expect("a request")),
    };
    let mut response = sent.expect("an answer");
    let text =
        |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let location = text("location");
    let cookies = response
        .headers()
        .get_all("set-cookie")
        .iter()
        .filter_map(|line| line.to_str().ok())
        .map(str::to_owned)
        .collect();
    let body = response.body_mut().read_to_string().unwrap_or_default();
    let json: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
    let code = json["code"].as_str().unwrap_or_default().to_owned();
    Answer { status: response.status().as_u16(), code, location, cookies, body }
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// Runs the command beside the collector; what it prints.
fn command(data: &Path, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_petitfour-collector"))
        .args(arguments)
        .arg("--data")
        .arg(data)
        .output()
        .expect("it runs");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn come_in(server: &Server, token: &str) -> String {
    let answer = ask(server, "GET", &format!("/collector/login?token={token}"), &[("sec-fetch-site", "none")], "");
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.cookies[0].split(';').next().expect("a cookie").to_owned()
}

/// Every `.rs` file below a folder.
fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            found.push((path.display().to_string(), fs::read_to_string(&path).expect("text")));
        }
    }
}

#[test]
fn every_address_in_the_source_has_a_rule() {
    // Names that stand for addresses where routes are made, and the addresses.
    let named = [
        ("path", petitfour_collector::intake::segment::Route::ALL.map(|(path, _)| path).to_vec()),
        ("manifest::KEYS", vec!["/.well-known/iabtl/jwks.json"]),
        ("manifest::ENDPOINT", vec!["/v1/deletions"]),
        ("place", vec!["/dsrdelete.json", "/.well-known/iabtl/dsrdelete.json"]),
        ("ADDRESS", vec!["/v1/leave"]),
        ("OPENED", vec!["/v1/mail/opened"]),
        ("CLICKED", vec!["/v1/mail/clicked"]),
    ];
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let mut seen = 0;
    for (file, text) in files {
        for part in text.split(".route(").skip(1) {
            let part = part.trim_start();
            let end = part.find(".route(").unwrap_or(part.len().min(300));
            let addresses = match part.strip_prefix('"') {
                Some(rest) => vec![rest.split('"').next().unwrap_or_default()],
                None => {
                    let name = part.split([',', ' ', '\n']).next().unwrap_or_default();
                    let known = named.iter().find(|(known, _)| *known == name);
                    known.unwrap_or_else(|| panic!("{file}: say in this test what address {name:?} is")).1.clone()
                }
            };
            let line = part[..end].lines().take(3).collect::<Vec<_>>().join(" ");
            for address in addresses {
                for (word, method) in [("get(", Method::GET), ("post(", Method::POST), ("delete(", Method::DELETE)] {
                    if line
                        .split(".route(")
                        .next()
                        .is_some_and(|line| line.split(';').next().is_some_and(|line| line.contains(word)))
                    {
                        seen += 1;
                        assert!(
                            rule::of(&method, address).is_some(),
                            "{file}: {method} {address} has no rule in access/rule.rs"
                        );
                    }
                }
            }
        }
    }
    assert!(seen > 40, "only {seen} addresses were found");
}

#[test]
fn each_role_reaches_what_it_may_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let (server, first) = Server::first(&data, &[]);
    let viewer = command(&data, &["access", "add", "vera", "--role", "viewer"]);
    let admin = command(&data, &["access", "add", "ada", "--role", "admin"]);
    let (mut public, mut looked, mut changed) = (0, 0, 0);
    for (method, path, need) in rule::RULES {
        let id = "0".repeat(32);
        let path = path.replace("{feed}", "shelf").replace("{person}", &id).replace("{deletion}", &id);
        let asked = |token: Option<&str>| {
            let authorization = token.map(bearer).unwrap_or_default();
            let headers: &[(&str, &str)] = if token.is_some() { &[("authorization", &authorization)] } else { &[] };
            let answer = ask(&server, method, &path, headers, "");
            (answer.code == "path/unknown", answer.status, answer.code)
        };
        // What another part of the collector serves only when it is set up is nothing to be let in to.
        if asked(None).0 {
            assert_eq!(need, Need::Public, "{method} {path} has a rule and no route");
            continue;
        }
        let through = |token| !asked(token).2.starts_with("access/");
        let refused = |token, status, code: &str| {
            let (_, found, told) = asked(token);
            assert_eq!((found, told.as_str()), (status, code), "{method} {path}");
        };
        match need {
            Need::Public => {
                public += 1;
                // The doors themselves ask where a form comes from.
                let door = path == "/collector/login" || path == "/collector/logout";
                assert!(door || through(None), "{method} {path}");
            }
            Need::Viewer | Need::Metrics => {
                looked += 1;
                refused(None, 401, "access/unknown");
                assert!(through(Some(&viewer)) && through(Some(&admin)) && through(Some(&first)), "{method} {path}");
            }
            Need::Admin | Need::Server => {
                changed += 1;
                refused(None, 401, "access/unknown");
                refused(Some(&viewer), 403, "access/role");
                assert!(through(Some(&admin)), "{method} {path}");
            }
        }
    }
    assert!(public > 20 && looked > 12 && changed > 8, "{public} public, {looked} to look at, {changed} to change");
    assert_eq!(ask(&server, "GET", "/nothing/here", &[], "").code, "path/unknown");
}

#[test]
fn a_server_key_brings_syncs_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let (server, _) = Server::first(&data, &[]);
    let program = command(&data, &["key", "add", "edge", "--kind", "server"]);
    let page = command(&data, &["key", "add", "web", "--kind", "browser", "--permit", "store,measure"]);
    let body = support::batch(&[message(1, 0, "summer").encode()]);
    let post = |token: &str, path: &str| {
        let mut response = support::agent()
            .post(format!("{}{path}", server.url))
            .header("authorization", bearer(token))
            .send(&body)
            .expect("an answer");
        (response.status().as_u16(), response.body_mut().read_to_string().unwrap_or_default())
    };
    let (status, told) = post(&program, "/v1/syncs");
    assert_eq!(status, 200, "{told}");
    assert_eq!(post(&page, "/v1/syncs").0, 401, "everybody can read a page's key");
    assert_eq!(post(&program, "/v1/memberships").0, 401);
    assert_eq!(ask(&server, "GET", "/v1/counts", &[("authorization", &bearer(&program))], "").status, 401);
}

#[test]
fn the_first_token_is_printed_as_long_as_nobody_is_named_and_exchanged_for_a_cookie() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let (server, first) = Server::first(&data, &[]);
    assert_eq!(first.len(), 64);
    let page = [("accept", "text/html")];
    let away = ask(&server, "GET", "/collector", &page, "");
    assert_eq!((away.status, away.location.as_str()), (303, "/collector/login"));
    assert!(ask(&server, "GET", "/collector/login", &page, "").body.contains("Say who you are"));

    let plain = ask(&server, "GET", &format!("/collector/login?token={first}"), &[("sec-fetch-site", "none")], "");
    assert!(plain.cookies[0].starts_with("petitfour_access="), "{:?}", plain.cookies);
    for word in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(plain.cookies[0].contains(word), "{:?}", plain.cookies);
    }
    assert!(!plain.cookies[0].contains(&first), "the token itself stays out of the cookie");
    let proxied =
        ask(&server, "GET", &format!("/collector/login?token={first}"), &[("x-forwarded-proto", "https")], "");
    assert!(proxied.cookies[0].starts_with("__Host-petitfour_access=") && proxied.cookies[0].ends_with("; Secure"));
    let elsewhere =
        ask(&server, "GET", &format!("/collector/login?token={first}"), &[("sec-fetch-site", "cross-site")], "");
    assert!(elsewhere.cookies.is_empty(), "a link on somebody's page takes one more press");

    let cookie = come_in(&server, &first);
    assert_eq!(ask(&server, "GET", "/collector", &[("cookie", &cookie), ("accept", "text/html")], "").status, 200);
    let store = fs::read(data.join("collector.db")).expect("a store");
    assert!(!store.windows(64).any(|part| part == first.as_bytes()), "the store has digests alone");
    assert!(server.stop());

    let again = Server::closed(&data, &[]);
    assert_eq!(
        ask(&again, "GET", "/collector", &[("cookie", &cookie)], "").status,
        200,
        "a session outlives a restart"
    );
}

#[test]
fn a_session_ends_with_its_token_when_it_is_left_and_by_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let (server, first) = Server::first(&data, &[]);
    let viewer = command(&data, &["access", "add", "vera"]);
    let status = |cookie: &str| ask(&server, "GET", "/v1/counts", &[("cookie", cookie)], "").status;
    let own = ("sec-fetch-site", "same-origin");

    let left = come_in(&server, &viewer);
    assert_eq!(status(&left), 200);
    let gone = ask(&server, "POST", "/collector/logout", &[("cookie", &left), own], "");
    assert!(gone.cookies[0].contains("Max-Age=0"));
    assert_eq!(status(&left), 401);

    let ended = come_in(&server, &viewer);
    command(&data, &["access", "end", "vera"]);
    assert_eq!(status(&ended), 401, "at once, not when the cookie is old");
    assert_eq!(ask(&server, "GET", "/v1/counts", &[("authorization", &bearer(&viewer))], "").status, 401);

    // The cookie is another one every hour; the old one is good for a minute more.
    let old = come_in(&server, &first);
    let mut store = Store::open(&Place::folder(&data)).expect("a store");
    let mut back =
        |sql: &'static str| store.write(now(), |graph| graph.connection.execute(sql, params![])).expect("written");
    back("UPDATE access_sessions SET renewed = renewed - 7200000");
    let renewed = ask(&server, "GET", "/v1/counts", &[("cookie", &old)], "");
    let fresh = renewed.cookies[0].split(';').next().expect("a cookie").to_owned();
    assert_ne!(fresh, old);
    assert_eq!((status(&fresh), status(&old)), (200, 200));
    back("UPDATE access_sessions SET expires = expires - 61000");
    assert_eq!((status(&fresh), status(&old)), (200, 401));
    back("UPDATE access_sessions SET expires = 1");
    assert_eq!(status(&fresh), 401);

    let last = Command::new(env!("CARGO_BIN_EXE_petitfour-collector"))
        .args(["access", "end", "first", "--data"])
        .arg(&data)
        .output();
    assert!(!last.expect("it runs").status.success(), "nobody locks the door from outside");
}

#[test]
fn no_page_of_anybody_else_changes_anything_under_a_cookie() {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, first) = Server::first(&folder.path().join("data"), &[]);
    let cookie = come_in(&server, &first);
    let form = ("content-type", "application/x-www-form-urlencoded");
    let host = server.url.trim_start_matches("http://").to_owned();
    let own = format!("http://{host}");
    let add = |headers: &[(&str, &str)]| {
        let headers = [&[("cookie", cookie.as_str()), form], headers].concat();
        ask(&server, "POST", "/collector/access/add", &headers, "name=mallory&role=admin")
    };
    for headers in [
        &[("sec-fetch-site", "cross-site")][..],
        &[("sec-fetch-site", "same-site")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[],
    ] {
        let answer = add(headers);
        assert_eq!((answer.status, answer.code.as_str()), (403, "access/elsewhere"), "{headers:?}");
    }
    assert!(!ask(&server, "GET", "/collector/access", &[("cookie", &cookie)], "").body.contains("mallory"));
    assert_eq!(add(&[("origin", &own)]).status, 200);
    assert_eq!(add(&[("sec-fetch-site", "same-origin")]).status, 200);
    let login =
        ask(&server, "POST", "/collector/login", &[form, ("sec-fetch-site", "cross-site")], &format!("token={first}"));
    assert_eq!((login.status, login.cookies.len()), (403, 0));
    assert_eq!(
        ask(&server, "GET", "/collector/access/add?name=mallory&role=admin", &[("cookie", &cookie)], "").status,
        405
    );
}

#[test]
fn an_admin_names_a_viewer_on_the_page_and_ends_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, first) = Server::first(&folder.path().join("data"), &[]);
    let cookie = come_in(&server, &first);
    let headers = [
        ("cookie", cookie.as_str()),
        ("sec-fetch-site", "same-origin"),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    let made = ask(&server, "POST", "/collector/access/add", &headers, "name=Vera+M.&role=viewer").body;
    let token = made.split("<output>").nth(1).and_then(|rest| rest.split('<').next()).expect("a token").to_owned();
    let vera = come_in(&server, &token);
    let page = ask(&server, "GET", "/collector/access", &[("cookie", &vera), ("accept", "text/html")], "");
    assert_eq!(page.status, 403);
    assert!(page.body.contains("This is for admins"));
    let list = ask(&server, "GET", "/collector/access", &[("cookie", &cookie)], "").body;
    assert!(list.contains("Vera M.") && !list.contains(&token), "shown once");
    let row = list.split("Vera M.").nth(1).expect("a row");
    let hash = row.split("name=\"hash\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a digest");
    assert_eq!(ask(&server, "POST", "/collector/access/end", &headers, &format!("hash={hash}")).status, 303);
    assert_eq!(ask(&server, "GET", "/v1/counts", &[("cookie", &vera)], "").status, 401);
}

#[test]
fn who_shows_ten_wrong_tokens_is_not_listened_to_for_a_minute() {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, first) = Server::first(&folder.path().join("data"), &[]);
    let wrong = |from: &str| {
        let headers = [("authorization", "Bearer wrong"), ("x-forwarded-for", from)];
        ask(&server, "GET", "/v1/counts", &headers, "").status
    };
    let cookie = come_in(&server, &first);
    assert!((0..10).all(|_| wrong("10.0.0.1") == 401));
    assert_eq!((wrong("10.0.0.1"), wrong("10.0.0.2")), (429, 401));
    let login = ask(&server, "GET", "/collector/login?token=wrong", &[("x-forwarded-for", "10.0.0.1")], "");
    assert_eq!(login.status, 429);
    assert_eq!(ask(&server, "GET", "/v1/counts", &[("cookie", &cookie)], "").status, 200, "who is in stays in");
}

#[test]
fn an_open_collector_listens_on_this_machine_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = Command::new(env!("CARGO_BIN_EXE_petitfour-collector"))
        .args(["--open", "--listen", "0.0.0.0:0", "--data"])
        .arg(folder.path())
        .output()
        .expect("it ends");
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("--open lets everybody in"));
}

#[test]
fn metrics_are_closed_unless_they_are_left_open() {
    let folder = tempfile::tempdir().expect("a folder");
    let (closed, _) = Server::first(&folder.path().join("closed"), &[]);
    assert_eq!(ask(&closed, "GET", "/metrics", &[], "").status, 401);
    let (open, _) = Server::first(&folder.path().join("open"), &["--open-metrics"]);
    assert_eq!(ask(&open, "GET", "/metrics", &[], "").status, 200);
    assert_eq!(ask(&open, "GET", "/v1/counts", &[], "").status, 401);
}

/// A name that would be markup wherever it was not text.
const HOSTILE: &str = "\"><img src=x onerror=alert(1)><script>alert(1)</script>'</title>";

#[test]
fn no_name_of_anything_becomes_markup_on_any_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let now = now();
    let mut store = Store::open(&Place::folder(&data)).expect("a store");
    let known = |byte| Identifier { namespace: ANONYMOUS, forms: 0, value: vec![byte; 32] };
    let event = |number, kind| Event {
        kind,
        message: [number; 16],
        source: HOSTILE.into(),
        name: HOSTILE.into(),
        at: now - 1_000,
        identifiers: vec![known(1), known(2)],
        value: 0,
        permitted: 15,
        contacts: Vec::new(),
        body: "{}".into(),
    };
    let uid = store
        .write(now, |graph| {
            let mut journal = Journal::new(graph);
            journal.record(&event(1, Kind::Track))?;
            journal.record(&event(2, Kind::Alias))?;
            journal.bury(&Letter {
                source: HOSTILE.into(),
                path: HOSTILE.into(),
                position: 1,
                code: HOSTILE.into(),
                field: HOSTILE.into(),
                message: HOSTILE.into(),
                body: HOSTILE.as_bytes().to_vec(),
            })?;
            journal.close()?;
            let (one, two) = (graph.identifier(ANONYMOUS, &[1; 32], 0, now)?.id, graph.identifier(ANONYMOUS, &[2; 32], 0, now)?.id);
            let evidence =
                Evidence { rule: Rule::Table, source: HOSTILE, message: HOSTILE.as_bytes(), confidence: 900, permitted: 15, at: now };
            graph.tie(one, two, &evidence)?;
            let store = graph.connection;
            store.execute("INSERT INTO names (kind, key, name) VALUES ('campaign', 77, ?1)", params![HOSTILE])?;
            store.execute("INSERT INTO standings (person, segment, inside, since) VALUES (?1, 77, 1, ?2)", params![one, now])?;
            store.execute("INSERT INTO memberships (namespace, who, segment, inside, as_of) VALUES (0, ?1, 77, 1, ?2)", params![&[1_u8; 16], now])?;
            store.execute("INSERT INTO campaign_counts (campaign, decisions, exposures, clicks, outcomes, withheld) VALUES (77, 9, 8, 7, 6, 5)", params![])?;
            store.execute("INSERT INTO feeds (feed, version, at) VALUES (?1, 1, ?2)", params![HOSTILE, now])?;
            store.execute("INSERT INTO levels (feed, place, item, level, as_of, version) VALUES (?1, '', 'x', 1, ?2, 1)", params![HOSTILE, now])?;
            store.execute("INSERT INTO access_tokens (hash, name, role, created) VALUES (?1, ?2, 1, ?3)", params![&[1_u8; 32], HOSTILE, now])?;
            store.scalar::<[u8; 16]>("SELECT uid FROM identifiers WHERE id = ?1", params![one])
        })
        .expect("stored")
        .expect("an id");
    drop(store);
    let server = Server::start(&data, &[]);
    let person = format!("/collector/person/{}", petitfour_collector::hex::write(&uid));
    let mut named = 0;
    for path in [
        "/",
        "/collector",
        "/collector/campaigns",
        "/collector/segments",
        "/collector/feeds",
        "/collector/letters",
        "/collector/deliveries",
        "/collector/person",
        &person,
        "/collector/access",
    ] {
        let page = ask(&server, "GET", path, &[("accept", "text/html")], "");
        assert_eq!(page.status, 200, "{path}");
        let text = &page.body;
        assert!(
            !text.contains("<img") && !text.contains("<script>") && !text.contains("x onerror=alert(1)>"),
            "{path}: {text}"
        );
        assert!(
            !text.contains("style=") && !text.contains("<style") && !text.contains(" onclick"),
            "{path}: nothing is inline"
        );
        for word in ["<main", "<h1", "lang=\"en\"", "<footer"] {
            assert!(text.contains(word), "{path}: {word}");
        }
        named += usize::from(text.contains("&lt;img"));
    }
    assert!(named >= 7, "only {named} pages show the name");
    let login = ask(&server, "GET", "/collector/login?token=%22%3E%3Cimg%3E", &[("sec-fetch-site", "cross-site")], "");
    assert!(!login.body.contains("<img>") && login.body.contains("&lt;img&gt;"));
}

#[test]
fn a_viewer_sees_why_a_letter_could_not_be_read_and_not_what_was_sent() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let mut store = Store::open(&Place::folder(&data)).expect("a store");
    store
        .write(now(), |graph| {
            let mut journal = Journal::new(graph);
            journal.bury(&Letter {
                source: "till".into(),
                path: "/v1/batch".into(),
                position: 3,
                code: "event/value".into(),
                field: "properties.revenue".into(),
                message: "properties.revenue is no number".into(),
                body: b"secret of a visitor".to_vec(),
            })?;
            journal.close()
        })
        .expect("stored");
    drop(store);
    let (server, first) = Server::first(&data, &[]);
    let viewer = command(&data, &["access", "add", "vera"]);
    let page = |token: &str| ask(&server, "GET", "/collector/letters", &[("authorization", &bearer(token))], "").body;
    let (seen, whole) = (page(&viewer), page(&first));
    assert!(seen.contains("properties.revenue is no number") && !seen.contains("secret of a visitor"));
    assert!(whole.contains("secret of a visitor"));
}
