//! `petitfour replay`: a decision of a native session is made again from its snapshot, and compared with what the collector
//! would have stored of it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use petitfour::consent::Permissions;
use petitfour::engine::{Decision, Effect, Engine, Session};
use petitfour::event::Event;
use petitfour::sync::{Entry, Message};
use petitfour::time::Moment;
use serde_json::{Value, json};

const CAMPAIGNS: &str = "
petitfour: 1
version: 1
context: { weather: { type: text, values: [sunny, rain] } }
traits: { plan: { type: text } }
events: { product_viewed: {} }
affinities: { drink: { event: product_viewed, property: category, half_life: 7 days } }
feeds: { shelf: {} }
placements: { hero: { fallback: house }, ad: {} }
fallbacks: { house: { t: x } }
campaigns:
  - id: water
    placements: [hero]
    when: { affinity: drink, of: water, at_least: 2 }
    stock: { feed: shelf, item: still, max_age: 1 hour }
    caps: { day: 2 }
    creatives: [{ id: blue, weight: 2, t: x }, { id: green, t: x }]
  - id: sun
    placements: [hero]
    when: { context: weather, is: sunny }
    creatives: [{ id: sun-one, t: x }]
  - id: club
    placements: [ad]
    when: { all: [{ trait: plan, is: club }, { moment: hour, at_least: 9 }] }
    creatives: [{ id: club-one, t: x }]
";

fn said(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_petitfour")).current_dir(folder).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// 2026-06-03 09:00:00.123 in Lyon.
const NOW: Moment = Moment { now: petitfour::time::Timestamp(1_780_470_000_123), offset_minutes: 120 };

/// A folder with a bundle, and a visitor who has a past.
fn visitor() -> (tempfile::TempDir, Session) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("campaigns.yaml"), CAMPAIGNS).unwrap();
    let (code, _, faults) = said(folder.path(), &["build", "campaigns.yaml", "-o", "bundle.pf4"]);
    assert_eq!(code, 0, "{faults}");
    let engine = Engine::load(std::fs::read(folder.path().join("bundle.pf4")).unwrap()).unwrap();
    let mut session = Session::new(Arc::new(engine), [7; 32]);
    session.consent(Permissions::ALL, NOW);
    for _ in 0..3 {
        session.record(&Event::parse("product_viewed", [("category", "water")], None).unwrap(), NOW);
    }
    session.set_trait_text("plan", "club", NOW);
    session.set_context_text("weather", "sunny");
    assert!(session.feed("shelf", "", "still", 5, NOW.now));
    (folder, session)
}

/// Decides, and gives the row that a collector would have stored.
fn decide(session: &mut Session, placement: &str) -> (Decision, Value) {
    while session.poll_effect().is_some() {}
    let decision = session.decide(placement, NOW);
    session.flush();
    let sent = std::iter::from_fn(|| session.poll_effect()).find_map(|effect| match effect {
        Effect::Send(bytes) => Some(Message::decode(&bytes).unwrap()),
        _ => None,
    });
    let message = sent.expect("a message");
    let Entry::Decision { after, placement, campaign, creative, reason, probability, withheld, .. } =
        message.entries[0]
    else {
        panic!("{:?}", message.entries)
    };
    let key = |key: u32| if key == u32::MAX { Value::Null } else { Value::from(key) };
    let row = json!({
        "visitor": 1, "decision": decision.id.cast_signed(), "at": message.began + u64::from(after), "placement": placement,
        "campaign": key(campaign), "creative": key(creative), "reason": reason, "probability": probability,
        "withheld": key(withheld), "message": 1,
    });
    (decision, row)
}

#[test]
fn a_decision_of_a_native_session_is_made_again_from_its_snapshot_and_its_row() {
    let (folder, mut session) = visitor();
    std::fs::write(folder.path().join("snapshot"), session.snapshot()).unwrap();
    for placement in ["hero", "ad"] {
        let (decision, row) = decide(&mut session, placement);
        std::fs::write(folder.path().join("row.json"), row.to_string()).unwrap();
        let arguments = [
            "replay",
            "--bundle",
            "bundle.pf4",
            "--snapshot",
            "snapshot",
            "--expect",
            "row.json",
            "--timezone",
            "+02:00",
        ];
        let (code, told, fault) = said(folder.path(), &arguments);
        assert_eq!((code, fault.as_str()), (0, ""), "{told}");
        // The readable view writes the moment as text, in UTC.
        let mut readable = row.clone();
        readable["at"] = Value::from("2026-06-03 07:00:00");
        std::fs::write(folder.path().join("row.json"), readable.to_string()).unwrap();
        assert_eq!(said(folder.path(), &arguments).1, told);
        let catalog = session.engine().catalog();
        let creative = catalog.string(catalog.creative(decision.creative.unwrap()).unwrap().name());
        for part in [
            &format!("{placement} at 2026-06-03 09:00 +02:00"),
            &format!("creative     {creative}"),
            &format!("probability  {} of 65535", decision.probability),
            "as it was logged",
        ] {
            assert!(told.contains(part), "{part} in\n{told}");
        }
    }
}

#[test]
fn a_snapshot_in_base64_and_the_campaign_files_of_the_bundle_serve_as_well() {
    let (folder, mut session) = visitor();
    let text = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, session.snapshot());
    std::fs::write(folder.path().join("snapshot.txt"), text).unwrap();
    let (decision, _) = decide(&mut session, "hero");
    let logged = json!({
        "placement": "hero", "campaign": "water", "reason": "chosen", "withheld": null,
        "probability": f64::from(decision.probability) / 65_535.0, "content": {}, "id": "0",
    });
    let replay = |logged: &Value| {
        let expect = logged.to_string();
        let at = "2026-06-03 09:00 +02:00";
        said(
            folder.path(),
            &[
                "replay",
                "--bundle",
                "campaigns.yaml",
                "--snapshot",
                "snapshot.txt",
                "--at",
                at,
                "--expect",
                &expect,
                "--json",
            ],
        )
    };
    let (code, told, fault) = replay(&logged);
    assert_eq!((code, fault.as_str()), (0, ""), "{told}");
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(
        (&told["same"], &told["decisions"][0]["choice"]["campaign"]),
        (&Value::from(true), &Value::from("water"))
    );
    let mut other = logged.clone();
    other["campaign"] = Value::from("sun");
    let (code, told, _) = replay(&json!([logged, other]));
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((code, &told["same"]), (1, &Value::from(false)));
    assert_eq!(
        told["decisions"][0]["differences"],
        json!([{ "field": "campaign", "logged": "sun", "replayed": "water" }])
    );
}

#[test]
fn another_moment_or_a_snapshot_of_later_is_another_decision_and_says_so() {
    let (folder, mut session) = visitor();
    let (_, row) = decide(&mut session, "hero");
    std::fs::write(folder.path().join("row.json"), row.to_string()).unwrap();
    let replay = |at: &str| {
        said(
            folder.path(),
            &["replay", "--bundle", "bundle.pf4", "--snapshot", "snapshot", "--at", at, "--expect", "row.json"],
        )
    };
    std::fs::write(folder.path().join("snapshot"), session.snapshot()).unwrap();
    let (code, told, _) = replay("2026-06-03 11:00 +02:00");
    assert_eq!(code, 1);
    assert!(told.contains("campaign     sun") && told.contains("DIFFERS: campaign was logged as"), "{told}");
    for _ in 0..2 {
        let seen = session.decide("hero", NOW).id;
        session.exposed(seen, NOW);
    }
    std::fs::write(folder.path().join("snapshot"), session.snapshot()).unwrap();
    let (code, told, _) = replay("2026-06-03 09:00 +02:00");
    assert_eq!(code, 1, "{told}");
}

#[test]
fn what_cannot_be_replayed_says_what_is_missing() {
    let (folder, session) = visitor();
    std::fs::write(folder.path().join("snapshot"), session.snapshot()).unwrap();
    let replay = |more: &[&str]| {
        let (code, _, fault) =
            said(folder.path(), &[&["replay", "--bundle", "bundle.pf4", "--snapshot", "snapshot"], more].concat());
        assert_eq!(code, 1, "{more:?}");
        fault
    };
    assert!(replay(&[]).contains("give `--at`"));
    assert!(replay(&["--at", "2026-06-03", "--placement", "heroo"]).contains("did you mean `hero`?"));
    assert!(replay(&["--at", "today"]).contains("is no moment"));
    assert!(replay(&["--at", "2026-06-03", "--expect", "{\"visitor\": 1}"]).contains("nothing to compare"));
    assert!(replay(&["--at", "2026-06-03", "--expect", "{\"placement\": 7, \"reason\": 0}"]).contains("no placement"));
    std::fs::write(folder.path().join("campaigns.yaml"), CAMPAIGNS.replace("version: 1", "version: 2")).unwrap();
    said(folder.path(), &["build", "campaigns.yaml", "-o", "bundle.pf4"]);
    let fault = replay(&["--at", "2026-06-03"]);
    assert!(fault.contains("snapshot/bundle") && fault.contains("hash"), "{fault}");
}
