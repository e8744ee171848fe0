//! Requests for deletion, over HTTP to a real collector: who is believed, what is answered, what is gone afterwards.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says why by panicking"
)]

#[path = "support/peers.rs"]
mod peers;
mod support;

use std::{
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use peers::{Receiver, within};
use petitfour::{
    identity::{Digest, Forms, Hashed, Namespace},
    sync::Entry,
};
use petitfour_collector::{
    destination::{Kind, Parcel, post},
    params,
    rights::{
        jws::{Public, Token, sign},
        key::Keys,
    },
    store::{Place, Store, now},
};
use serde_json::{Value, json};
use support::Server;
use tempfile::TempDir;

/// Somebody who signs.
struct Company {
    domain: &'static str,
    keys: Keys,
    _folder: TempDir,
}

impl Company {
    fn new(domain: &'static str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { domain, keys: Keys::open(folder.path()).expect("a key"), _folder: folder }
    }

    fn sign(&self, claims: &Value) -> String {
        sign(self.keys.current(), claims).expect("signed")
    }

    fn listed(&self) -> Value {
        json!({ "domain": self.domain, "keys": self.keys.public() })
    }

    /// Its token as the first party, of version 2.0.
    fn origin(&self, seconds: i64) -> String {
        self.sign(&json!({ "version": "2.0", "jti": "matter-1", "iss": self.domain, "iat": seconds }))
    }

    /// Claims of its request, of version 2.0.
    fn claims(&self, origin: &str, number: &str, digest: &Digest) -> Value {
        json!({
            "version": "2.0", "orJWT": origin, "jti": number, "iss": self.domain, "iat": now() / 1000,
            "identifierValue": digest.hex(), "identifierType": "email", "identifierFormat": "sha256",
        })
    }
}

/// A collector that listens to some companies.
struct Desk {
    server: Server,
    place: Place,
    data: TempDir,
}

impl Desk {
    fn start(listed: &[Value], reach: &str, more: &[&str]) -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let charter = json!({
            "domain": "shop.example", "address": "https://shop.example", "requesters": listed, "reach": reach,
        });
        // JSON is YAML.
        let file = data.path().join("rights.yaml");
        fs::write(&file, charter.to_string()).expect("written");
        let mut command = Command::new(env!("CARGO_BIN_EXE_petitfour-collector"));
        command.env("HOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let file = file.display().to_string();
        let arguments = [&["--rights", file.as_str()], more].concat();
        let store = more.iter().position(|argument| *argument == "--store").and_then(|at| more.get(at + 1));
        let place = Place::parse(store.copied(), data.path()).expect("a place");
        Self { server: Server::spawn(command, data.path(), &arguments), place, data }
    }

    /// Sends a token; the status and what the acknowledgement says, once its signature was checked by the published key.
    fn ask(&self, token: &str) -> (u16, Value) {
        let (status, body) = self.server.post("/v1/deletions", token.as_bytes());
        let body: Value = serde_json::from_str(&body).expect("JSON");
        let text = body["acJWT"].as_str().expect("an acknowledgement");
        let published: Value = serde_json::from_slice(&self.server.get("/dsrdelete.json", &[]).body).expect("JSON");
        let key = Public::read(&published["publicKey"][0]).expect("a key");
        let read = Token::read(text).expect("a token");
        assert!(read.check(&key), "signed by the published key");
        assert_eq!(read.header.kid.as_deref(), published["publicKey"][0]["kid"].as_str());
        (status, Value::Object(read.claims))
    }

    fn code(&self, token: &str) -> (u16, i64) {
        let (status, claims) = self.ask(token);
        (status, claims["raResultCode"].as_i64().expect("a code"))
    }

    fn count(&self, sql: &str) -> i64 {
        let store = self.place.reader().expect("a reader");
        store.scalar(sql, params![]).expect("read").unwrap_or_default()
    }

    fn requests(&self) -> i64 {
        self.count("SELECT count(*) FROM deletion_requests")
    }
}

fn digest() -> Digest {
    Digest::of("jane@example.com")
}

#[test]
fn what_is_published_names_the_endpoint_the_identifiers_and_the_key() {
    let desk = Desk::start(&[], "identifier", &[]);
    let root = desk.server.get("/dsrdelete.json", &[]);
    assert_eq!((root.status, root.header("content-type")), (200, "application/json"));
    let published: Value = serde_json::from_slice(&root.body).expect("JSON");
    assert_eq!(published["endpoint"], "https://shop.example/v1/deletions");
    assert_eq!(published["vendorScriptRequirement"], false);
    assert_eq!(published["identifiers"][0], json!({ "id": 1, "type": "email", "format": "sha256" }));
    assert_eq!(published["publicKey"][0]["alg"], "ES256");
    assert_eq!(desk.server.get("/.well-known/iabtl/dsrdelete.json", &[]).body, root.body);
    let set: Value = serde_json::from_slice(&desk.server.get("/.well-known/iabtl/jwks.json", &[]).body).expect("JSON");
    assert_eq!(set["keys"], published["publicKey"]);
    let key = desk.data.path().join("rights-key.pem");
    assert_eq!(fs::metadata(key).expect("a key").permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_signed_request_of_either_version_is_taken_once_and_acknowledged() {
    let (publisher, vendor) = (Company::new("publisher.example"), Company::new("vendor.example"));
    let desk = Desk::start(&[publisher.listed(), vendor.listed()], "identifier", &[]);
    let seconds = now() / 1000;

    let request = vendor.sign(&vendor.claims(&publisher.origin(seconds), "r-1", &digest()));
    let (status, claims) = desk.ask(&request);
    assert_eq!((status, &claims["raResultCode"], &claims["version"]), (202, &json!(10000), &json!("2.0")));
    assert_eq!((&claims["rqJWT"], &claims["iss"]), (&json!(request), &json!("shop.example")));
    assert_eq!(desk.requests(), 1, "on disk before it was acknowledged");
    assert_eq!(desk.code(&request), (202, 10000), "the same again");
    let wrapped = json!({ "rqJWT": request }).to_string();
    assert_eq!(desk.code(&wrapped), (202, 10000), "and in JSON");
    assert_eq!(desk.requests(), 1);

    let other = vendor.sign(&vendor.claims(&publisher.origin(seconds), "r-1", &Digest::of("john@example.com")));
    assert_eq!(desk.code(&other), (400, 13201), "another request under the same number");

    let subject = json!({
        "identifierValue": Digest::of("jim@example.com").hex(), "identifierType": "email", "identifierFormat": "sha256",
    });
    let id = json!({ "version": "1.0", "jti": "m", "iss": "publisher.example", "sub": subject, "iat": seconds });
    let first = json!({
        "version": "1.0", "idJWT": publisher.sign(&id), "jti": "r-1", "iss": "publisher.example", "sub": subject, "iat": seconds,
    });
    let (status, claims) = desk.ask(&publisher.sign(&first));
    assert_eq!((status, &claims["raResultCode"], &claims["version"]), (202, &json!(0), &json!("1.0")));
    assert_eq!(desk.requests(), 2, "numbers are each requester's own");
}

#[test]
fn what_is_not_signed_by_a_listed_key_deletes_nothing() {
    let (publisher, vendor, stranger) =
        (Company::new("publisher.example"), Company::new("vendor.example"), Company::new("stranger.example"));
    let desk = Desk::start(&[publisher.listed(), vendor.listed()], "identifier", &[]);
    let seconds = now() / 1000;
    let claims = vendor.claims(&publisher.origin(seconds), "r-1", &digest());
    let good = vendor.sign(&claims);
    let (signed, _) = good.rsplit_once('.').expect("a token");
    let (_, payload) = signed.split_once('.').expect("a token");
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let kid = vendor.keys.current().id();

    for (what, token, code) in [
        ("no token", "delete jane@example.com".to_owned(), 13201),
        ("no signature", format!("{signed}."), 13202),
        ("alg none", format!("{}.{payload}.", part(&json!({ "alg": "none", "kid": kid }).to_string())), 12201),
        ("alg HS256", format!("{}.{payload}.AAAA", part(&json!({ "alg": "HS256", "kid": kid }).to_string())), 12201),
        ("another's key", sign(stranger.keys.current(), &claims).expect("signed"), 11205),
        ("another's key under its name", forged(&stranger, kid, payload), 13202),
    ] {
        assert_eq!(desk.code(&token), (400, code), "{what}");
    }

    let stranger_asks = stranger.claims(&publisher.origin(seconds), "r-1", &digest());
    assert_eq!(desk.code(&stranger.sign(&stranger_asks)), (400, 11202), "nobody listed");
    let for_stranger = vendor.claims(&stranger.origin(seconds), "r-1", &digest());
    assert_eq!(desk.code(&vendor.sign(&for_stranger)), (400, 11102), "for nobody listed");
    let changed = publisher.origin(seconds).replace('.', "x.");
    assert_eq!(desk.code(&vendor.sign(&vendor.claims(&changed, "r-1", &digest()))), (400, 13101));
    assert_eq!(desk.requests(), 0);
}

/// A header that names one company's key over a signature by another's.
fn forged(by: &Company, kid: &str, payload: &str) -> String {
    let header = URL_SAFE_NO_PAD.encode(json!({ "alg": "ES256", "kid": kid }).to_string());
    let signed = format!("{header}.{payload}");
    let signature = by.keys.current().sign(signed.as_bytes()).expect("signed");
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[test]
fn times_claims_and_identifiers_are_checked_by_their_codes() {
    let publisher = Company::new("publisher.example");
    let desk = Desk::start(&[publisher.listed()], "identifier", &[]);
    let seconds = now() / 1000;
    let good = publisher.claims(&publisher.origin(seconds), "r-1", &digest());
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        publisher.sign(&claims)
    };
    let without = |name: &str| {
        let mut claims = good.clone();
        claims.as_object_mut().expect("claims").remove(name);
        publisher.sign(&claims)
    };
    for (what, token, code) in [
        ("made tomorrow", with("iat", json!(seconds + 86_400)), 13204),
        (
            "made two months ago",
            {
                let mut claims = publisher.claims(&publisher.origin(seconds - 70 * 86_400), "r-1", &digest());
                claims["iat"] = json!(seconds - 60 * 86_400);
                publisher.sign(&claims)
            },
            13203,
        ),
        ("over", with("exp", json!(seconds - 3_600)), 13203),
        ("before its origin", with("iat", json!(seconds - 60)), 13205),
        ("no time", with("iat", json!("yesterday")), 13203),
        ("for another", with("aud", json!("other.example")), 13201),
        ("no number", without("jti"), 13201),
        ("no origin", without("orJWT"), 13201),
        ("no value", without("identifierValue"), 13201),
        ("a type that is not listed", with("identifierType", json!("cookie")), 14201),
        ("a format that is not listed", with("identifierFormat", json!("md5")), 14202),
        ("an address in clear", with("identifierValue", json!("jane@example.com")), 14203),
        ("the digest of nothing", with("identifierValue", json!(Digest::of("").hex())), 14204),
    ] {
        assert_eq!(desk.code(&token), (400, code), "{what}");
    }
    assert_eq!(desk.code(&with("aud", json!(["shop.example"]))), (202, 10000));
    let (status, _) = desk.server.post("/v1/deletions", &vec![b'a'; 100_000]);
    assert_eq!(status, 413);
    assert_eq!(desk.requests(), 1);
}

/// Runs openssl with something on its stdin; what it writes.
fn openssl(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("openssl");
    child.stdin.take().expect("a pipe").write_all(input).expect("written");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "openssl {arguments:?}");
    output.stdout
}

#[test]
fn a_requester_may_sign_with_rsa_and_another_program() {
    let folder = tempfile::tempdir().expect("a folder");
    let key = folder.path().join("key.pem");
    let key = key.to_str().expect("a path");
    openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", key], b"");
    let modulus = String::from_utf8(openssl(&["rsa", "-in", key, "-noout", "-modulus"], b"")).expect("text");
    let hex = modulus.trim().strip_prefix("Modulus=").expect("a modulus");
    let n = petitfour_collector::hex::read::<256>(hex).expect("hex");
    let jwk = json!({ "kty": "RSA", "alg": "RS256", "kid": "k1", "n": URL_SAFE_NO_PAD.encode(n), "e": "AQAB" });
    let rsa = |claims: &Value| {
        let header = json!({ "typ": "JWT", "alg": "RS256", "kid": "k1" });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(claims));
        let signature = openssl(&["dgst", "-sha256", "-sign", key], signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    };
    let desk = Desk::start(&[json!({ "domain": "google.example", "keys": [jwk] })], "identifier", &[]);
    let seconds = now() / 1000;
    let origin = rsa(&json!({ "version": "2.0", "jti": "m", "iss": "google.example", "iat": seconds }));
    let claims = json!({
        "version": "2.0", "orJWT": origin, "jti": "r", "iss": "google.example", "iat": seconds,
        "identifierValue": digest().hex(), "identifierType": "email", "identifierFormat": "sha256",
    });
    let token = rsa(&claims);
    assert_eq!(desk.code(&token), (202, 10000));
    let (rest, _) = token.rsplit_once('.').expect("a token");
    assert_eq!(desk.code(&format!("{rest}.AAAA")), (400, 13202));
}

/// A message of a device whose visitor has told an address.
fn told(replica: u64, sequence: u32, address: &str) -> Vec<u8> {
    let hashed = Hashed::new(Namespace::Email, Forms::PLAIN, Digest::of(address));
    let entry = Entry::Identity { code: hashed.code(), digest: hashed.digest().0 };
    let mut message = support::message(replica, sequence, "water");
    message.entries.push(entry);
    message.encode()
}

fn roster(folder: &Path, receiver: &Receiver) -> String {
    let file = folder.join("destinations.yaml");
    let text = format!(
        "destinations:\n  - name: hook\n    webhook:\n      url: {}\n      secret_env: HOOK_SECRET\n    retry: {{ first_seconds: 0.1 }}\n",
        receiver.url()
    );
    fs::write(&file, text).expect("written");
    file.display().to_string()
}

#[test]
fn a_person_is_gone_from_the_store_from_destinations_and_from_what_arrives_afterwards() {
    gone(&[]);
}

#[test]
fn a_person_is_gone_from_a_postgresql_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_server, address) = peers::postgres(folder.path());
    gone(&["--store", &address]);
}

fn gone(more: &[&str]) {
    let (publisher, receiver) = (Company::new("publisher.example"), Receiver::start(|_| (200, Vec::new())));
    let folder = tempfile::tempdir().expect("a folder");
    let file = roster(folder.path(), &receiver);
    let desk = Desk::start(&[publisher.listed()], "person", &[&["--destinations", &file], more].concat());
    for (replica, address) in [(1, "jane@example.com"), (2, "jane@example.com"), (3, "john@example.com")] {
        desk.server.sync(&told(replica, 0, address));
    }
    assert_eq!((desk.count("SELECT count(*) FROM visitors"), desk.server.total("identities")), (3, 3));

    // Something of the person was delivered, and something waits.
    let place = desk.place.clone();
    let person = {
        let store = Store::open(&place).expect("the store");
        let uid = "SELECT p.uid FROM identifiers i JOIN identifiers p ON p.id = i.person WHERE i.value = ?1";
        let uid: Option<[u8; 16]> = store.connection().scalar(uid, params![&digest().0]).expect("read");
        let person: String = uid.expect("a person").iter().map(|byte| format!("{byte:02x}")).collect();
        let parcel = Parcel { id: "e-1".into(), person: person.clone(), kind: Kind::Event, at: now(), body: json!({}) };
        post::send(store.connection(), "hook", &parcel).expect("sent");
        let elsewhere = Parcel { id: "e-2".into(), ..parcel };
        post::send(store.connection(), "nobody", &elsewhere).expect("sent");
        person
    };
    let delivered = || receiver.ids().contains(&"e-1".to_owned());
    assert!(within(10, delivered));
    let logged = || desk.count("SELECT count(*) FROM delivery_log WHERE outcome = 1") == 1;
    assert!(within(5, logged));

    let request = publisher.sign(&publisher.claims(&publisher.origin(now() / 1000), "r-1", &digest()));
    assert_eq!(desk.code(&request), (202, 10000));
    let completed = "SELECT count(*) FROM deletion_requests WHERE completed IS NOT NULL";
    assert!(within(15, || desk.count(completed) == 1), "completed");

    assert_eq!(desk.count("SELECT count(*) FROM visitors"), 1, "both of her browsers are gone, his is not");
    assert_eq!((desk.server.total("identities"), desk.count("SELECT count(*) FROM identities")), (1, 1));
    assert_eq!(desk.count("SELECT count(*) FROM identifiers"), 2);
    assert_eq!(desk.count("SELECT count(*) FROM outbox"), 0, "what waited for her is let go");
    let store = place.reader().expect("a reader");
    for sql in [
        "SELECT 1 FROM delivery_log WHERE person = ?1",
        "SELECT 1 FROM outbox WHERE person = ?1",
        "SELECT 1 FROM suppressions WHERE who = ?1",
    ] {
        assert!(!store.exists(sql, params![&person]).expect("read"), "{sql}");
    }
    assert_eq!(desk.count("SELECT count(*) FROM deletion_requests WHERE length(value) > 0 OR original <> ''"), 0);

    // The destination was told to delete, by what it may know her by.
    let told_to = receiver.taken().iter().find_map(|got| {
        let body: Value = serde_json::from_slice(&got.body).expect("JSON");
        body["data"].as_array()?.iter().find(|one| one["kind"] == "delete").cloned()
    });
    let told_to = told_to.expect("a parcel that deletes");
    let digests = told_to["body"]["member"]["identifiers"].as_array().expect("digests");
    assert!(digests.iter().any(|one| one["digest"] == digest().hex()));
    assert!(Token::read(told_to["body"]["original"].as_str().expect("a token")).is_some(), "to be sent on");

    // The proof is signed, names the request and nobody.
    let proof: Option<String> = store.scalar("SELECT proof FROM deletion_requests", params![]).expect("read");
    let proof = proof.expect("a proof");
    let token = Token::read(&proof).expect("a token");
    let keys = Keys::open(desk.data.path()).expect("the key");
    assert!(token.check(&Public::read(&keys.current().jwk()).expect("a key")));
    let claims = Value::Object(token.claims);
    assert_eq!(
        (&claims["proof"]["number"], &claims["proof"]["requester"]),
        (&json!("r-1"), &json!("publisher.example"))
    );
    let step = |place: &str| {
        let steps = claims["proof"]["steps"].as_array().expect("steps");
        steps.iter().find(|step| step["place"] == place).map(|step| step["count"].as_u64())
    };
    assert_eq!((step("visitors"), step("destination hook")), (Some(Some(2)), Some(Some(1))));
    assert!(!claims.to_string().contains(&digest().hex()));

    // What was still on its way is let go; the request again changes nothing.
    desk.server.sync(&told(1, 1, "jane@example.com"));
    assert_eq!(desk.count("SELECT count(*) FROM visitors"), 1);
    assert_eq!(desk.code(&request), (202, 10000));
    assert_eq!(desk.requests(), 1);
}

#[test]
fn a_request_of_another_company_takes_what_it_names_and_no_more() {
    let publisher = Company::new("publisher.example");
    let desk = Desk::start(&[publisher.listed()], "identifier", &[]);
    desk.server.sync(&told(1, 0, "jane@example.com"));
    let request = publisher.sign(&publisher.claims(&publisher.origin(now() / 1000), "r-1", &digest()));
    assert_eq!(desk.code(&request), (202, 10000));
    let completed = "SELECT count(*) FROM deletion_requests WHERE completed IS NOT NULL";
    assert!(within(15, || desk.count(completed) == 1), "completed");
    assert_eq!(desk.count("SELECT count(*) FROM identities"), 0);
    assert_eq!(desk.count("SELECT count(*) FROM visitors"), 1, "her visits are ours");
    assert_eq!(desk.count("SELECT count(*) FROM identifiers"), 1);
}

#[test]
fn a_link_in_a_mail_takes_its_own_person_off_the_list_with_one_click() {
    use petitfour_collector::destination::mail::Leave;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("destinations.yaml");
    let text = "destinations:
  - name: mail
    mail:
      host: 127.0.0.1
      port: 1
      security: none
      from: Shop <news@shop.example>
      templates: { hello: { subject: Hello, text: Hello } }
      unsubscribe: { url: 'https://shop.example/v1/leave?p={{person}}&t={{token}}', key_env: HOOK_SECRET }
";
    fs::write(&file, text).expect("written");
    let desk = Desk::start(&[], "identifier", &["--destinations", file.to_str().expect("a path")]);
    let leave = Leave::new("", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a key");
    let link = |person: &str, token: &str| format!("/v1/leave?p={person}&t={token}");
    let page = desk.server.get(&link("p-1", &leave.token("p-1")), &[]);
    assert!(page.status == 200 && page.text().contains("<form method=\"post\">"));
    let listed = "SELECT count(*) FROM suppressions";
    assert_eq!(desk.count(listed), 0, "looking is not leaving");
    assert_eq!(desk.server.post(&link("p-2", &leave.token("p-1")), b"").0, 403);
    assert_eq!(desk.server.post(&link("p-1", &leave.token("p-1")), b"List-Unsubscribe=One-Click").0, 200);
    assert_eq!(desk.count("SELECT count(*) FROM suppressions WHERE channel = 'mail' AND who = 'p-1'"), 1);
}
