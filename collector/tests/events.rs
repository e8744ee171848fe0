//! Events from everywhere, through a real process: stored once, under a key, and what could not be read is not lost.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on says why by panicking"
)]

mod support;

use std::{fs, io::Write as _, path::Path, process::Command, time::Duration};

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use support::{Fetched, Server, agent, basic, key};
use tempfile::tempdir;

const JSON: (&str, &str) = ("content-type", "application/json");

fn post(server: &Server, path: &str, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Fetched {
    let mut request = agent().post(format!("{}{path}", server.url));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut answer = request.send(body.as_ref()).expect("an answer");
    let pair = |(name, value): (&ureq::http::HeaderName, &ureq::http::HeaderValue)| {
        (name.as_str().to_owned(), value.to_str().unwrap_or_default().to_owned())
    };
    let headers = answer.headers().iter().map(pair).collect();
    Fetched { status: answer.status().as_u16(), headers, body: answer.body_mut().read_to_vec().expect("a body") }
}

fn told(fetched: &Fetched) -> Value {
    serde_json::from_slice(&fetched.body).unwrap_or_else(|_| panic!("{}", fetched.text()))
}

#[test]
fn a_cloud_event_is_stored_once_in_whichever_mode_it_comes() {
    let folder = tempdir().expect("a folder");
    let secret = basic(&key(folder.path(), &["till", "--kind", "server"]));
    let server = Server::start(folder.path(), &[]);
    let own = ("authorization", secret.as_str());
    let event = json!({ "specversion": "1.0", "id": "1", "source": "/tills/7", "type": "at.shop.receipt", "subject": "u-1", "data": { "total": 3 } });
    let binary = [
        own,
        JSON,
        ("ce-specversion", "1.0"),
        ("ce-id", "1"),
        ("ce-source", "/tills/7"),
        ("ce-type", "at.shop.receipt"),
        ("ce-subject", "u-1"),
    ];
    assert_eq!(post(&server, "/v1/cloudevents", &binary, "{\"total\":3}").status, 200);
    let structured = [own, ("content-type", "application/cloudevents+json; charset=utf-8")];
    assert_eq!(post(&server, "/v1/cloudevents", &structured, event.to_string()).status, 200);
    let batch = [own, ("content-type", "application/cloudevents-batch+json")];
    let mut other = event.clone();
    other["id"] = json!("2");
    let answer =
        told(&post(&server, "/v1/cloudevents", &batch, json!([event, other, { "specversion": "1.0" }]).to_string()));
    assert_eq!(
        (&answer["stored"], &answer["duplicate"], &answer["refused"][0]["field"]),
        (&1.into(), &1.into(), &"/id".into())
    );
    assert_eq!((server.total("events"), server.total("letters")), (2, 1));
}

#[test]
fn a_pixel_is_stored_once_by_its_message_id_and_sets_no_cookie_unless_asked() {
    let folder = tempdir().expect("a folder");
    let secret = key(folder.path(), &["mail", "--kind", "browser", "--permit", "store,measure"]);
    let server = Server::start(folder.path(), &[]);
    let path = format!("/v1/pixel.gif?writeKey={secret}&event=Mail+opened&anonymousId=a-1&messageId=m-1");
    for _ in 0..3 {
        let image = server.get(&path, &[]);
        assert_eq!((image.status, image.header("content-type"), image.body.len()), (200, "image/gif", 43));
        assert_eq!((image.header("cache-control"), image.header("set-cookie")), ("no-store", ""));
    }
    assert_eq!(server.total("events"), 1);
    let asked = format!("/v1/pixel.gif?writeKey={secret}&event=Mail+opened&messageId=m-2&cookie=1");
    let image = server.get(&asked, &[("x-forwarded-proto", "https")]);
    let cookie = image.header("set-cookie");
    assert!(
        cookie.starts_with("petitfour_id=")
            && cookie.ends_with("; Path=/; Max-Age=34128000; SameSite=Lax; HttpOnly; Secure"),
        "{cookie}"
    );
    let held = cookie.split(';').next().expect("a pair");
    let again = server.get(&asked.replace("m-2", "m-3"), &[("cookie", held)]);
    assert!(again.header("set-cookie").starts_with(held), "the same pseudonym, for as long again");
    let refused = server.get(&format!("{asked}&permit=share"), &[]);
    assert_eq!(
        (refused.status, refused.header("set-cookie")),
        (200, ""),
        "nothing is set without the permission to store"
    );
    assert_eq!(
        server.get(&asked, &[("sec-fetch-site", "cross-site")]).status,
        400,
        "a page from elsewhere has no cookie here"
    );
    assert_eq!(server.total("events"), 3);
}

#[test]
fn the_sites_own_cookie_is_set_under_a_permission_alone() {
    let folder = tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    assert_eq!(post(&server, "/v1/visitor", &[], "").status, 403);
    assert_eq!(post(&server, "/v1/visitor?permit=store", &[("sec-fetch-site", "same-site")], "").status, 403);
    let id = "000102030405060708090a0b0c0d0e0f";
    let given = post(&server, &format!("/v1/visitor?permit=store&id={id}"), &[], "");
    assert_eq!(told(&given)["id"], id, "the page's own pseudonym has a twin that no script can read");
    assert_eq!(server.get("/v1/visitor", &[]).status, 204);
    let held = format!("other=1; petitfour_id={id}");
    assert_eq!(told(&server.get("/v1/visitor", &[("cookie", &held)]))["id"], id);
    assert_eq!(told(&post(&server, "/v1/visitor?permit=store", &[("cookie", &held)], ""))["id"], id);
    assert_ne!(told(&post(&server, "/v1/visitor?permit=store", &[], ""))["id"], id);
    let gone = agent().delete(format!("{}/v1/visitor", server.url)).call().expect("an answer");
    assert!(gone.headers()["set-cookie"].to_str().expect("text").contains("Max-Age=0"));
}

#[test]
fn a_key_is_changed_without_a_gap_and_ends_when_it_is_ended() {
    let folder = tempdir().expect("a folder");
    let old = basic(&key(folder.path(), &["shop", "--kind", "server"]));
    let server = Server::start(folder.path(), &[]);
    let body = r#"{"event":"x","userId":"u-1"}"#;
    let status = |secret: &str| post(&server, "/v1/track", &[("authorization", secret), JSON], body).status;
    assert_eq!(status(&old), 200);
    let new = basic(&key(folder.path(), &["shop", "--kind", "server", "--retire", "4"]));
    // A running collector looks at its keys every two seconds.
    std::thread::sleep(Duration::from_millis(2_500));
    assert_eq!((status(&old), status(&new)), (200, 200));
    std::thread::sleep(Duration::from_millis(2_500));
    assert_eq!((status(&old), status(&new)), (401, 200));
    let ended = Command::new(env!("CARGO_BIN_EXE_petitfour-collector"))
        .args(["key", "end", "shop", "--data"])
        .arg(folder.path())
        .output();
    assert!(ended.expect("it runs").status.success());
    std::thread::sleep(Duration::from_millis(2_500));
    assert_eq!(status(&new), 401);
}

#[test]
fn a_key_that_sends_too_much_is_told_when_to_come_back() {
    let folder = tempdir().expect("a folder");
    let secret = basic(&key(folder.path(), &["slow", "--kind", "server", "--rate", "3"]));
    let server = Server::start(folder.path(), &[]);
    let answer = |number: u32| {
        post(
            &server,
            "/v1/track",
            &[("authorization", &secret), JSON],
            format!("{{\"event\":\"x\",\"userId\":\"u-{number}\"}}"),
        )
    };
    let answers: Vec<Fetched> = (0..6).map(answer).collect();
    let last = answers.last().expect("six");
    assert_eq!((answers[0].status, last.status, last.header("retry-after")), (200, 429, "1"));
    assert_eq!(told(last)["code"], "key/rate");
}

#[test]
fn pages_ask_first_and_only_those_of_a_keys_origins_may() {
    let folder = tempdir().expect("a folder");
    let secret = key(
        folder.path(),
        &["web", "--kind", "browser", "--origin", "https://shop.example", "--permit", "store,measure"],
    );
    let server = Server::start(folder.path(), &[]);
    let ask = |origin: &str| {
        let request = ureq::http::Request::builder().method("OPTIONS").uri(format!("{}/v1/t", server.url));
        let request = request
            .header("origin", origin)
            .header("access-control-request-headers", "authorization,content-type,x-retry-count");
        agent().run(request.body(()).expect("a request")).expect("an answer")
    };
    let allowed = ask("https://shop.example");
    assert_eq!(
        (allowed.status().as_u16(), &allowed.headers()["access-control-allow-origin"]),
        (204, &"https://shop.example".parse().expect("a value"))
    );
    assert_eq!(allowed.headers()["access-control-allow-headers"], "authorization,content-type,x-retry-count");
    let refused = ask("https://elsewhere.example");
    assert_eq!((refused.status().as_u16(), refused.headers().get("access-control-allow-origin")), (403, None));
    let body = format!("{{\"event\":\"x\",\"anonymousId\":\"a-1\",\"writeKey\":\"{secret}\"}}");
    let text = ("content-type", "text/plain");
    assert_eq!(post(&server, "/v1/t", &[text, ("origin", "https://shop.example")], &body).status, 200);
    assert_eq!(
        told(&post(&server, "/v1/t", &[text, ("origin", "https://elsewhere.example")], &body))["code"],
        "key/origin"
    );
    assert_eq!(
        post(&server, "/v1/t", &[text, ("origin", &server.url)], &body).status,
        200,
        "the collector's own pages may"
    );
    let import = post(&server, "/v1/import", &[text], format!("{{\"batch\":[{body}],\"writeKey\":\"{secret}\"}}"));
    assert_eq!(told(&import)["code"], "key/kind");
}

#[test]
fn a_compressed_batch_is_read_and_a_bad_event_sinks_no_other() {
    let folder = tempdir().expect("a folder");
    let secret = basic(&key(folder.path(), &["shop", "--kind", "server"]));
    let server = Server::start(folder.path(), &[]);
    let batch = json!({ "batch": [
        { "type": "track", "event": "a", "userId": "u-1", "messageId": "1" },
        { "type": "track", "userId": "u-1", "messageId": "2" },
        { "type": "identify", "userId": "u-1", "messageId": "3", "context": { "permissions": [] } },
        { "type": "track", "event": "a", "userId": "u-1", "messageId": "1" },
    ] });
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(batch.to_string().as_bytes()).expect("memory");
    let headers = [("authorization", secret.as_str()), ("content-encoding", "gzip"), JSON];
    let answer = told(&post(&server, "/v1/batch", &headers, packer.finish().expect("memory")));
    let refused = json!([{ "position": 1, "code": "event/name", "field": "/event", "message": "say what was done" }]);
    assert_eq!(answer, json!({ "success": true, "stored": 1, "duplicate": 1, "unpermitted": 1, "refused": refused }));
}

#[test]
fn a_letter_is_sent_again_once_its_key_says_what_is_permitted() {
    let folder = tempdir().expect("a folder");
    let first = basic(&key(folder.path(), &["shop", "--kind", "server"]));
    let server = Server::start(folder.path(), &[]);
    let headers = [("authorization", first.as_str()), JSON];
    let answer = post(&server, "/v1/track", &headers, r#"{"event":"x","userId":"null","messageId":"m-1"}"#);
    assert_eq!((answer.status, told(&answer)["code"].clone()), (400, "event/who".into()));
    post(&server, "/v1/track", &headers, r#"{"event":"x","userId":"null","messageId":"m-1"}"#);
    let letters = told(&server.get("/v1/dead-letters?waiting=1", &[]))["letters"].clone();
    assert_eq!(letters.as_array().map(Vec::len), Some(1), "the same letter is kept once");
    assert_eq!((&letters[0]["source"], &letters[0]["path"]), (&"shop".into(), &"/v1/track".into()));
    assert_eq!(letters[0]["body"], r#"{"event":"x","userId":"null","messageId":"m-1"}"#);
    let still = told(&post(&server, "/v1/dead-letters/replay", &[], json!({ "ids": [letters[0]["id"]] }).to_string()));
    assert_eq!((&still["stored"], &still["refused"][0]["code"]), (&0.into(), &"event/who".into()));
    // What was wrong lay here: mended in the store, as a newer collector would have read it.
    let store = rusqlite::Connection::open(folder.path().join("collector.db")).expect("the store");
    store
        .execute("UPDATE dead_letters SET body = ?1", [br#"{"event":"x","userId":"u-1","messageId":"m-1"}"#])
        .expect("a write");
    let again = told(&post(&server, "/v1/dead-letters/replay", &[], "{\"code\":\"event/who\"}"));
    assert_eq!((&again["stored"], &again["refused"]), (&1.into(), &json!([])));
    assert_eq!(server.total("events"), 1);
    assert_eq!(told(&server.get("/v1/dead-letters?waiting=1", &[]))["letters"], json!([]));
    let kept = told(&server.get("/v1/dead-letters", &[]))["letters"][0].clone();
    assert!(kept["replayed"].is_number() && kept["body"] == "", "{kept}");
}

fn import(data: &Path, file: &Path, mapping: &Path, more: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_petitfour-collector"));
    command.arg("import").arg(file).arg("--mapping").arg(mapping).arg("--data").arg(data).args(more);
    let done = command.output().expect("it runs");
    (
        done.status.success(),
        format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr)),
    )
}

const MAPPING: &str = "
source: till
delimiter: ';'
event: { text: Order Completed }
time: { column: date, format: '%d.%m.%Y', zone: Europe/Vienna }
value: { column: total, decimal: ',' }
message: [receipt]
identifiers: { email: mail, card: card }
properties: { store: store }
contacts: true
";

#[test]
fn a_file_is_imported_once_however_often() {
    let folder = tempdir().expect("a folder");
    let data = folder.path().join("data");
    let mapping = folder.path().join("till.yaml");
    fs::write(&mapping, MAPPING).expect("a file");
    let mut rows = String::from("\u{feff}receipt;date;total;mail;card;store\n");
    for number in 0..1_200 {
        let date = if number == 700 { "never" } else { "01.05.2025" };
        rows +=
            &format!("{number};{date};1.234,50;customer-{}@example.com;card-{number};\"Graz; Süd\"\n", number % 300);
    }
    rows += "1200;01.05.2025;1,00\n";
    let file = folder.path().join("till.csv.gz");
    let mut packer = GzEncoder::new(fs::File::create(&file).expect("a file"), Compression::fast());
    packer.write_all(rows.as_bytes()).expect("a write");
    packer.finish().expect("a write");

    let (fine, said) = import(&data, &file, &mapping, &["--dry-run"]);
    assert!(fine && said.contains("1201 rows: 1199 would be stored"), "{said}");
    assert!(said.contains("line 702, column date: this is no time of the mapping's format (event/time)"), "{said}");
    assert!(said.contains("line 1202: the row has 3 cells, the first line 6"), "{said}");
    assert!(said.contains("track \"Order Completed\" at 2025-04-30T22:00:00Z, worth 1234.5"), "{said}");
    assert!(!said.contains("example.com") && !data.exists(), "a dry run stores nothing and shows nobody: {said}");

    let (fine, said) = import(&data, &file, &mapping, &[]);
    assert!(
        fine && said.contains("1201 rows: 1199 stored, 0 there already, 0 may not be kept, 2 do not read"),
        "{said}"
    );
    // Once more, beside a collector that runs.
    let server = Server::start(&data, &[]);
    let (fine, said) = import(&data, &file, &mapping, &[]);
    assert!(fine && said.contains("1201 rows: 0 stored, 1199 there already"), "{said}");
    assert_eq!((server.total("events"), server.total("letters")), (1_199, 2));
    let letters = told(&server.get("/v1/dead-letters", &[]))["letters"].clone();
    assert_eq!((&letters[0]["position"], &letters[0]["path"]), (&1_202.into(), &"import/till".into()));

    let lines = folder.path().join("customers.ndjson");
    fs::write(&lines, "{\"mail\":\"a@example.com\",\"tier\":\"gold\"}\n\nnonsense\n{\"mail\":\"b@example.com\"}\n")
        .expect("a file");
    fs::write(&mapping, "source: crm\nidentifiers: { email: mail }\ntraits: { tier: tier }\n").expect("a file");
    let (fine, said) = import(&data, &lines, &mapping, &[]);
    assert!(
        fine && said.contains("3 rows: 2 stored, 0 there already, 0 may not be kept, 1 do not read")
            && said.contains("line 3:"),
        "{said}"
    );
    let (fine, said) = import(&data, &file, &mapping, &["--dry-run"]);
    assert!(!fine && said.contains("delimiter") | said.contains("no column"), "{said}");
}
