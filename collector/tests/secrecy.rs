//! Over TLS: a real collector speaks to peers whose certificate it was told to trust, and to no others.

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

use std::{fs, path::Path, process::Command};

use peers::{ndjson, within};
use petitfour_collector::{
    destination::{Kind, Parcel, post},
    store::{Place, Store, now},
};
use serde_json::json;
use support::Server;

/// A collector with this roster that trusts the certificates of a file, and of nothing else.
fn start(data: &Path, roster: &str, trusted: &Path) -> Server {
    let file = data.join("destinations.yaml");
    fs::write(&file, roster).expect("written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_petitfour-collector"));
    command.env("SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").env("PASSWORD", "secret");
    command.env("SSL_CERT_FILE", trusted).env_remove("SSL_CERT_DIR");
    Server::spawn(command, data, &["--destinations", file.to_str().expect("a path")])
}

fn send(data: &Path, name: &str, id: &str, kind: Kind) -> Store {
    let store = Store::open(&Place::folder(data)).expect("the store");
    let body = json!({ "to": "jane@example.com", "template": "hello" });
    let parcel = Parcel { id: id.into(), person: "p".into(), kind, at: now(), body };
    assert!(post::send(store.connection(), name, &parcel).expect("sent"));
    store
}

#[test]
fn a_webhook_over_https_goes_to_a_certificate_that_is_trusted_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let (peer, file, certificate) = peers::tls(folder.path(), false);
    let roster = format!(
        "destinations: [{{ name: hook, webhook: {{ url: 'https://127.0.0.1:{}/', secret_env: SECRET }}, retry: {{ first_seconds: 0.1, longest_seconds: 0.5 }} }}]",
        peer.port
    );
    let other = folder.path().join("other");
    fs::create_dir(&other).expect("a folder");
    let (_stranger, _, strange) = peers::tls(&other, false);
    {
        let _server = start(folder.path(), &roster, &strange);
        let store = send(folder.path(), "hook", "p-1", Kind::Event);
        let refused = || {
            let log = post::log(store.connection(), false, 10).expect("read");
            log.iter().any(|entry| entry.reason.starts_with("webhook/") && entry.outcome == "again")
        };
        assert!(within(10, refused));
        assert!(ndjson(&file).is_empty(), "nothing went to whom it does not trust");
    }
    let _server = start(folder.path(), &roster, &certificate);
    assert!(within(10, || ndjson(&file).len() == 1));
    assert_eq!(ndjson(&file)[0]["id"], "p-1");
}

#[test]
fn mail_goes_over_starttls_with_a_password_or_not_at_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let (peer, file, certificate) = peers::tls(folder.path(), true);
    let roster = format!(
        "destinations:
  - name: mail
    mail:
      host: 127.0.0.1
      port: {}
      security: starttls
      user: shop
      password_env: PASSWORD
      from: Shop <news@shop.example>
      templates: {{ hello: {{ subject: Hello, text: Hello }} }}
",
        peer.port
    );
    let _server = start(folder.path(), &roster, &certificate);
    let store = send(folder.path(), "mail", "p-1", Kind::Mail);
    assert!(within(10, || ndjson(&file).len() == 1), "{:?}", post::log(store.connection(), false, 10));
    assert_eq!(ndjson(&file)[0], json!({ "to": ["jane@example.com"], "tls": true, "user": "shop" }));

    // A server that offers no TLS gets neither the mail nor the password.
    let bare = tempfile::tempdir().expect("a folder");
    let (open, heard) = peers::smtp(bare.path());
    let roster = roster.replace(&format!("port: {}", peer.port), &format!("port: {}", open.port));
    let _server = start(bare.path(), &roster, &certificate);
    let store = send(bare.path(), "mail", "p-2", Kind::Mail);
    assert!(within(10, || !post::log(store.connection(), false, 10).expect("read").is_empty()));
    assert!(ndjson(&heard).is_empty());
}
