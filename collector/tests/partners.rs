//! Partners' files and linked records, by the commands that an operator types, and what a device and a program hear of them.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    reason = "a test that cannot go on says why by panicking"
)]

mod support;

use std::{fs, path::Path, process::Command};

use petitfour::{
    id::Key,
    identity::{Digest, Namespace},
    sync::Entry,
};
use petitfour_collector::store::now;
use serde_json::Value;
use support::{Server, claim, entries, message};

const USER: u8 = Namespace::User as u8;

/// Runs the collector's command over a data folder; what it says.
fn told(data: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_petitfour-collector"));
    let run = command.args(arguments).arg("--data").arg(data).output().expect("the collector runs");
    let text = String::from_utf8_lossy(&run.stdout).into_owned();
    assert!(run.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&run.stderr));
    text
}

fn json(server: &Server, path: &str) -> Value {
    let found = server.get(path, &[]);
    assert_eq!(found.status, 200, "{path}: {}", found.text());
    serde_json::from_slice(&found.body).expect("JSON")
}

#[test]
fn exposures_of_two_partners_and_a_site_are_one_persons() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let now = now();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("written");
        path.display().to_string()
    };
    let anna = Digest::of("anna").hex();
    let matches = |id: &str| format!("id,kind,digest\n{id},user_id,{anna}\n");
    let (display, tv) = (file("display.csv", &matches("D-17")), file("tv.csv", &matches("box-9")));
    let log = |id: &str, times: usize| {
        let rows = (0..times).map(|row| format!("{id},sunny,sun,front,{},{id}-{row}\n", now / 1000));
        format!("id,campaign,creative,place,at,exposure\n{}{id},sunny,,,never,x\n", rows.collect::<String>())
    };
    let (seen_display, seen_tv) = (file("d.csv", &log("D-17", 2)), file("t.csv", &log("box-9", 3)));
    // The television's log comes before its match table: what was reported before counts all the same.
    let tv_log = ["partner", "exposures", &seen_tv, "--partner", "tv.example", "--channel", "tv"];
    assert!(told(&data, &tv_log).contains("3 counted, 1 that do not read"));
    assert!(told(&data, &tv_log).contains("0 counted"), "the same file again changes nothing");
    told(&data, &["partner", "matches", &tv, "--partner", "tv.example", "--atype", "1"]);
    told(&data, &["partner", "matches", &display, "--partner", "ads.example"]);
    told(&data, &["partner", "exposures", &seen_display, "--partner", "ads.example"]);
    let bought = file(
        "bought.csv",
        &format!(
            "provider,taxonomy,segment,id,price,currency,until,consent\n\
             panel.example,0,gardeners,D-17,1.25,EUR,{},personalise\n\
             panel.example,0,sailors,D-17,1.25,EUR,{},personalise\n",
            now / 1000 + 86_400,
            now / 1000 - 86_400,
        ),
    );
    told(&data, &["partner", "segments", &bought, "--partner", "ads.example"]);

    let server = Server::start(&data, &[]);
    let identity = Entry::Identity { code: USER, digest: Digest::of("anna").0 };
    let mut laptop = message(2, 0, "sunny");
    laptop.began = now.cast_unsigned();
    laptop.entries.push(identity.clone());
    server.sync(&laptop.encode());
    let person = json(&server, "/v1/persons?kind=user_id&value=anna");
    let frequency = person["frequency"].as_array().expect("rows");
    let total: u64 = frequency.iter().filter_map(|row| row["exposures"].as_u64()).sum();
    claim(
        "frequency.partners.exposures",
        total,
        "exposures",
        "= 6",
        total == 6,
        "cargo test -p petitfour-collector --test partners",
    );
    assert_eq!((total, frequency[0]["campaign"].as_str()), (6, Some("sunny")), "1 on the site, 2 displays, 3 on TV");

    let mut phone = entries(1, 0, vec![identity]);
    phone.began = now.cast_unsigned();
    server.sync(&phone.encode());
    let answer = server.sync(&entries(1, 1, Vec::new()).encode());
    let elsewhere: u32 = answer.elsewhere.iter().map(|row| u32::from(row.exposures)).sum();
    assert_eq!(elsewhere, 6, "none of them was on this phone");
    let is = |segment: &str| {
        let key = Key::of(segment).0;
        answer.members.iter().find(|row| row.segment == key).map(|row| row.inside)
    };
    assert_eq!((is("panel.example/gardeners"), is("panel.example/sailors")), (Some(true), Some(false)));

    // Each partner hears of its own id, as OpenRTB writes it.
    let id = person["person"].as_str().expect("an id");
    let eids = json(&server, &format!("/v1/persons/{id}/eids"));
    let expected = serde_json::json!([
        { "source": "ads.example", "uids": [{ "id": "D-17", "atype": 3 }] },
        { "source": "tv.example", "uids": [{ "id": "box-9", "atype": 1 }] },
    ]);
    assert_eq!(eids["user"]["eids"], expected);
}

#[test]
fn records_that_are_found_alike_are_proposed_with_their_evidence_and_taken_back_by_source() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let set = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/people/splink/fake_1000.csv.gz");
    let set = set.display().to_string();
    let link = |more: &[&str]| {
        let first = ["link", &set, "--id", "unique_id", "--source", "crm-2026"];
        told(&data, &[&first, more].concat())
    };
    let dry = link(&["--dry-run"]);
    assert!(dry.contains("likely one person") && dry.contains('█'), "{dry}");
    assert!(!data.join("collector.db").exists(), "a dry run stores nothing");
    let proposed = link(&[]);
    assert!(proposed.contains(" 0 tied"), "{proposed}");
    let people = || {
        let reader = petitfour_collector::store::Place::folder(&data).reader().expect("a reader");
        let sql = "SELECT count(DISTINCT person) FROM identifiers";
        reader.scalar::<i64>(sql, &[]).expect("read").expect("a row")
    };
    let records = people();
    link(&["--accept", "0.9"]);
    let merged = people();
    assert!(merged < records, "{merged} people of {records} records");
    let server = Server::start(&data, &[]);
    let answer = support::agent()
        .post(format!("{}/v1/evidence/withdraw", server.url))
        .header("content-type", "application/json")
        .send(br#"{"source":"crm-2026"}"#.as_slice())
        .expect("an answer");
    assert_eq!(answer.status().as_u16(), 200);
    assert_eq!(people(), records, "every record is its own again");
}
