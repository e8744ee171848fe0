//! `petitfour explain --collector`: why this channel and not that one, as a collector with a real store answers it.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use petitfour::engine::Engine;
use petitfour::identity::{Digest, Namespace};
use petitfour_collector::destination::{dispatch::Routes, roster::Roster};
use petitfour_collector::event::{Contact, Event, Identifier, Kind};
use petitfour_collector::journal::Journal;
use petitfour_collector::person::profile;
use petitfour_collector::store::{Place, Store, now};
use petitfour_collector::{Config, Running};
use petitfour_compiler::{Source, compile_segments};
use serde_json::Value;

/// Nobody is let through by `late`, but for one minute of the day.
const SITE: &str = r#"petitfour: 1
version: 1
events: { sign_up: {}, looked: {}, asked: {}, owes: {} }
channels:
  push: { needs: [] }
  mail: { needs: [personalise], caps: { week: 1 } }
  call: { needs: [], caps: { week: 1 } }
  late: { needs: [], quiet: { from: "12:01", until: "12:00" } }
  paper: { needs: [] }
pressure: { week: 2, except: [late] }
placements: { hero: { fallback: house } }
fallbacks: { house: { headline: Hello } }
segments: { new: { event: sign_up } }
journeys:
  news: { enter: { on: sign_up }, again: always, steps: [{ send: { channel: [push, mail, call], message: hello }, id: greet }] }
  mails: { enter: { on: looked }, steps: [{ send: { channel: mail, message: letter }, id: write }] }
  nights: { enter: { on: asked }, steps: [{ send: { channel: [late], message: answer }, id: answer }] }
  owed: { enter: { on: owes }, steps: [{ send: { channel: paper, message: bill }, id: owe }] }
"#;

const ROSTER: &str = "destinations:
  - name: letters
    mail: { host: 127.0.0.1, port: 1, security: none, from: Shop <news@shop.example>, templates: { hello: { subject: Hi, text: Hello }, letter: { subject: Hi, text: Hello } } }
  - name: desk
    channels: [call, late, paper]
    mqtt: { host: 127.0.0.1, port: 1, client: petitfour, topic: calls }
";

/// A collector that answers, and what it answers about.
struct Origin {
    runtime: tokio::runtime::Runtime,
    running: Option<Running>,
    token: String,
    _folder: tempfile::TempDir,
}

impl Origin {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let segments = folder.path().join("segments.pf4");
        let roster = folder.path().join("destinations.yaml");
        let compiled = compile_segments(&[Source { name: "c.yaml".into(), text: SITE.into() }], &|_| None);
        fs::write(&segments, compiled.bundle.unwrap_or_else(|| panic!("{:?}", compiled.diagnostics))).unwrap();
        fs::write(&roster, ROSTER).unwrap();
        let data = folder.path().join("data");
        live(&data, &fs::read(&segments).unwrap());
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let config = Config {
            listen: "127.0.0.1:0".into(),
            data,
            bundle: Some(segments.clone()),
            segments: Some(segments),
            destinations: Some(roster),
            ..Config::default()
        };
        let running = runtime.block_on(petitfour_collector::start(config)).unwrap();
        let token = running.first().unwrap().to_owned();
        Self { runtime, running: Some(running), token, _folder: folder }
    }

    fn url(&self) -> String {
        format!("http://{}", self.running.as_ref().unwrap().address())
    }

    /// Code, what was printed and what was complained of.
    fn explain(&self, arguments: &[&str]) -> (i32, String, String) {
        explain(&self.url(), Some(&self.token), arguments)
    }

    fn told(&self, arguments: &[&str]) -> String {
        let (code, told, fault) = self.explain(arguments);
        assert_eq!((code, fault.as_str()), (0, ""), "{told}");
        told
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            self.runtime.block_on(running.stop()).ok();
        }
    }
}

fn explain(url: &str, token: Option<&str>, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_petitfour"));
    command.arg("explain").args(["--collector", url]).args(arguments).env_remove("PETITFOUR_TOKEN");
    if let Some(token) = token {
        command.env("PETITFOUR_TOKEN", token);
    }
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// Some people and what they did, a second apart, as the collector hears of it.
fn live(data: &Path, bundle: &[u8]) {
    let mut store = Store::open(&Place::folder(data)).unwrap();
    let engine = Arc::new(Engine::load(bundle.to_vec()).unwrap());
    let routes = Routes::of(&Roster::parse(ROSTER).unwrap());
    let acts = [
        ("sign_up", "anna", 15),
        ("sign_up", "anna", 15),
        ("sign_up", "anna", 15),
        ("looked", "ben", 0b1101),
        ("looked", "carl", 15),
        ("looked", "dora", 15),
        ("asked", "emil", 15),
        ("sign_up", "fred", 15),
        ("sign_up", "fred", 15),
        ("owes", "fred", 15),
    ];
    for (number, (name, who, permitted)) in (1u8..).zip(acts) {
        let at = now() - 1_000 * i64::from(20 - number);
        let dialled = Contact { channel: "sms".into(), address: format!("+43660123450{number}") };
        let address = Contact { channel: "email".into(), address: format!("{who}@limonade.shop") };
        let contacts = if who == "carl" { vec![dialled] } else { vec![address, dialled] };
        let known = |namespace: Namespace, value: &str| Identifier {
            namespace: namespace as u8,
            forms: 0,
            value: Digest::of(value).0.to_vec(),
        };
        let event = Event {
            kind: Kind::Track,
            message: [number; 16],
            source: "till".into(),
            name: name.into(),
            at,
            identifiers: vec![known(Namespace::User, who), known(Namespace::Email, &format!("{who}@limonade.shop"))],
            value: 0,
            permitted,
            contacts,
            body: r#"{"properties":{},"context":{"timezone":"Asia/Kathmandu"}}"#.into(),
        };
        store
            .write(at, |graph| {
                let mut journal = Journal::new(graph);
                journal.record(&event)?;
                journal.close()?;
                profile::fold(graph.connection, &engine, &routes, at)
            })
            .unwrap();
    }
}

#[test]
fn a_collector_is_asked_why_a_message_went_by_mail_and_not_by_call() {
    let origin = Origin::new();
    let told = origin.told(&["--person", "email:Anna@limonade.shop", "--instead-of", "call"]);
    for part in [
        // The third waits, the second went by call, the first by mail.
        "hello waits since ",
        "it is asked again at ",
        "00:00 +05:45.",
        "Not by push: no destination of the collector carries push.",
        "Not by mail: its cap of 1 in seven days is reached.",
        "Not by call: its cap of 1 in seven days is reached.",
        "To change that, raise `caps: { week: 1 }` of call, or send less by it.",
        "hello went by call, ",
        "It went by call.",
        "hello went by mail, ",
        "(journey news, step greet).",
        "Not by call: mail stands before call in `channel: [push, mail, call]`, and mail could carry it.",
        "To change that, name call before mail at the step greet of news.",
        "It has gone, and goes by no other channel later.",
    ] {
        assert!(told.contains(part), "{part} in\n{told}");
    }
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/journeys.md");
    let page = fs::read_to_string(page).unwrap();
    // The page shows the last of these, at another time.
    let last = told.trim_end().rsplit("\n\n").next().unwrap();
    let timeless = last.lines().skip(1).collect::<Vec<_>>().join("\n");
    assert!(page.contains(&timeless), "{timeless}");
}

#[test]
fn permission_address_order_of_steps_and_quiet_hours_are_told_with_what_would_change_them() {
    let origin = Origin::new();
    for (person, channel, parts) in [
        (
            "ben",
            "mail",
            [
                "letter was let go, ",
                "Not by mail: they had not permitted personalise.",
                "It was let go, and is not sent later",
            ],
        ),
        (
            "carl",
            "mail",
            [
                "letter was let go, ",
                "Not by mail: no address for mail was known of them.",
                "an `identify` with their e-mail address",
            ],
        ),
        (
            "dora",
            "call",
            [
                "letter went by mail, ",
                "Not by call: the step does not offer call, but mail.",
                "write `channel: [mail, call]` at the step write of mails",
            ],
        ),
        (
            "emil",
            "late",
            [
                "answer waits since ",
                "Not by late: it is quiet from 12:01 until 12:00 by their clock, and it is ",
                "change `quiet:` of late",
            ],
        ),
        (
            "fred",
            "paper",
            [
                "bill waits since ",
                "Not by paper: the pressure of 2 in seven days that all channels together may put on them is reached.",
                "raise `pressure: { week: 2 }`, exempt paper by its `except`, or send less.",
            ],
        ),
    ] {
        let told = origin.told(&["--person", person, "--instead-of", channel]);
        for part in parts {
            assert!(told.contains(part), "{part} in\n{told}");
        }
    }
    // Without a channel in mind: what is known of those before.
    let told = origin.told(&["--person", "user_id:anna", "--last", "1"]);
    assert!(told.contains("hello went by call") && !told.contains("hello went by mail"), "{told}");
}

#[test]
fn machines_read_the_same_facts() {
    let origin = Origin::new();
    let told: Value =
        serde_json::from_str(&origin.told(&["--person", "anna", "--instead-of", "call", "--json"])).unwrap();
    let id = told["person"].as_str().unwrap();
    let reasons: Vec<&str> =
        told["messages"].as_array().unwrap().iter().map(|one| one["instead_of"]["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["cap_week", "chosen", "order"]);
    assert_eq!(told["messages"][1]["not_by"]["mail"], "cap_week");
    assert!(told["messages"][0]["until"].as_str().unwrap().ends_with("00:00 +05:45"));
    // The universal id that it names is a person too.
    let by_id = origin.told(&["--person", id, "--instead-of", "call", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&by_id).unwrap()["messages"][2]["channel"], "mail");
}

#[test]
fn what_is_wrong_is_said_with_what_to_do() {
    let origin = Origin::new();
    let url = origin.url();
    let fault = |arguments: &[&str]| {
        let (code, told, fault) = origin.explain(arguments);
        assert_eq!((code, told.as_str()), (1, ""), "{arguments:?}");
        fault
    };
    assert!(
        fault(&["--person", "anna", "--instead-of", "cal"])
            .contains("no channel `cal` in the collector's bundle; did you mean `call`?")
    );
    let nobody = fault(&["--person", "zoe"]);
    assert!(nobody.contains("knows nobody as `zoe`") && nobody.contains("email:anna@shop.example"), "{nobody}");
    assert!(fault(&["--person", "emial:zoe@shop.example"]).contains("did you mean `email`?"));
    assert!(fault(&["--person", "email:zoe"]).contains("does not have the shape of its kind"));
    assert!(fault(&["--person", "anna", "--person", "ben"]).contains("give one person"));
    let asked = ["--person", "anna", "--instead-of", "call"];
    let (_, _, without) = explain(&url, None, &asked);
    assert!(without.contains("wants a token") && without.contains("PETITFOUR_TOKEN"), "{without}");
    let (_, _, wrong) = explain(&url, Some("nothing"), &asked);
    assert!(wrong.contains("does not know the token in PETITFOUR_TOKEN"), "{wrong}");
    let (_, _, gone) = explain("http://127.0.0.1:1", None, &asked);
    assert!(gone.contains("cannot reach the collector at http://127.0.0.1:1"), "{gone}");
    let (_, _, bare) = explain("127.0.0.1:8080", None, &asked);
    assert!(bare.contains("write it with https:// or http:// before it"), "{bare}");
}
