//! Identifiers at the origin: the digests that partners publish, and what becomes of those that devices send.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says why by panicking"
)]

mod support;

use petitfour::{
    hash::xxh64,
    identity::{Digest, Recipient, Refusal, particular::Particular, phone::Plan},
    sync::Entry,
};
use petitfour_collector::{
    identity::{Field, spell},
    ledger::{Intake, Verdict},
    params,
    sql::{self, Row},
    store::{Place, Store, path},
};
use serde_json::Value;

fn cases<'a>(file: &'a Value, from: &str, what: &str) -> impl Iterator<Item = &'a Value> {
    file[from][what].as_array().expect("a list of cases").iter()
}

fn text<'a>(case: &'a Value, field: &str) -> &'a str {
    case[field].as_str().expect("a text")
}

/// The names of the published files for what the collector calls by its own.
fn field(name: Option<&str>) -> Field {
    Field::Particular(match name {
        None | Some("em") => return Field::Email,
        Some("phone" | "ph") => return Field::Phone(Plan::International),
        Some("first_name") => Particular::Name,
        Some("f5first" | "f5last") => Particular::FirstFive,
        Some("fi") => Particular::Initial,
        Some("dobd") => Particular::BirthDay,
        Some("dobm") => Particular::BirthMonth,
        Some("doby") => Particular::BirthYear,
        Some("ct") => Particular::City,
        Some("st") => Particular::State,
        Some("zp") => Particular::Postcode,
        Some("country") => Particular::Country,
        Some("currency") => Particular::Currency,
        Some(other) => panic!("the vectors have a field {other} that nothing here reads"),
    })
}

#[test]
fn every_published_vector_holds_at_the_origin_too() {
    let file: Value = serde_json::from_str(include_str!("../../tests/vectors/hash/vectors.json")).expect("JSON");
    let mut checked = 0;
    let mut check = |recipient, field, input: &str, wanted: Result<&str, Refusal>| {
        checked += 1;
        assert_eq!(spell(recipient, field, input), wanted.map(|text| Some(text.to_owned())), "{recipient:?} {field:?}");
    };
    for case in cases(&file, "uid2", "email") {
        check(Recipient::Uid2, Field::Email, text(case, "input"), Ok(text(case, "sha256_b64")));
    }
    for case in cases(&file, "uid2", "phone") {
        // "[AU]" behind a number says where it is from. The second is printed with two digits exchanged (docs/identity.md):
        // its digest is that of the printed form.
        let (input, plan) = match text(case, "input") {
            "65 1243 5678" => (text(case, "normalized"), Plan::International),
            input => input.strip_suffix(" [AU]").map_or((input, Plan::Complete), |own| (own, Plan::National(61))),
        };
        check(Recipient::Uid2, Field::Phone(plan), input, Ok(text(case, "sha256_b64")));
    }
    for case in cases(&file, "uid2", "negative") {
        let spelled = spell(Recipient::Uid2, Field::Email, text(case, "input")).unwrap();
        assert_ne!(spelled.as_deref(), Some(text(case, "wrong_unnormalized_b64")));
    }
    for case in cases(&file, "google_enhanced_conversions", "cases") {
        check(Recipient::Google, field(case["field"].as_str()), text(case, "input"), Ok(text(case, "sha256_hex")));
    }
    for case in cases(&file, "meta_capi", "cases") {
        check(Recipient::Meta, field(case["field"].as_str()), text(case, "input"), Ok(text(case, "sha256_hex")));
    }
    for case in cases(&file, "meta_capi", "skip_hash") {
        check(Recipient::Meta, field(case["field"].as_str()), text(case, "input"), Ok(text(case, "normalized")));
    }
    for case in cases(&file, "meta_capi", "passthrough") {
        check(Recipient::Meta, Field::Email, text(case, "input"), Ok(text(case, "output")));
    }
    for case in cases(&file, "meta_capi", "reject") {
        check(Recipient::Meta, field(case["field"].as_str()), text(case, "input"), Err(Refusal::Malformed));
    }
    assert_eq!(checked, 56, "all fifty-seven, the negative one apart");
}

#[test]
fn a_partner_gets_nothing_that_it_does_not_take() {
    assert_eq!(spell(Recipient::Uid2, Field::Particular(Particular::Name), "Jane"), Ok(None));
    assert_eq!(spell(Recipient::Google, Field::Particular(Particular::Postcode), "94025"), Ok(None));
    let plain = Digest::of("jane.doe@gmail.com").hex();
    assert_eq!(spell(Recipient::Uid2, Field::Email, &plain), Ok(None), "the folded form cannot be made from it");
    assert_eq!(spell(Recipient::Meta, Field::Email, &plain), Ok(Some(plain)));
}

fn intake(sequence: u32, entries: Vec<Entry>) -> Intake {
    let message = support::entries(1, sequence, entries);
    let bytes = message.encode();
    Intake { message, bytes: bytes.len() as u32, digest: xxh64(&bytes, 0) }
}

fn identity(code: u8, digest: u8) -> Entry {
    Entry::Identity { code, digest: [digest; 32] }
}

/// Namespace, forms and first byte of the digest, of every row.
fn rows(folder: &std::path::Path) -> Vec<(u8, u8, u8)> {
    let store = Place::folder(folder).reader().expect("a reader");
    let rows = store.query("SELECT namespace, forms, digest FROM identities ORDER BY 1, 3", params![]).expect("rows");
    let row = |row: &Row| Ok((row.get(0)?, row.get(1)?, row.get::<Vec<u8>>(2)?[0]));
    rows.iter().map(row).collect::<sql::Result<_>>().expect("rows")
}

#[test]
fn an_identifier_is_stored_by_its_kind_with_the_forms_that_it_serves() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = Store::open(&Place::folder(folder.path())).expect("a store");
    // E-mail in Google's form; the same digest as the plain one too; a user id.
    let told = [
        intake(0, vec![identity(0b1000_0010, 7), identity(1, 9)]),
        intake(1, vec![identity(0b0010_0010, 7), identity(1, 9)]),
    ];
    store.store(told.iter(), 0).expect("stored");
    assert_eq!(rows(folder.path()), [(1, 0, 9), (2, 0b101, 7)]);
}

#[test]
fn an_identifier_of_a_kind_from_the_future_costs_its_message_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = Store::open(&Place::folder(folder.path())).expect("a store");
    let told = [intake(0, vec![identity(31, 7), identity(0b0110_0000, 8), identity(4, 9)])];
    assert_eq!(store.store(told.iter(), 0).expect("stored"), [Verdict::Stored]);
    assert_eq!(rows(folder.path()), [(4, 0, 9)]);
}

#[test]
fn a_store_from_before_forms_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let old = rusqlite::Connection::open(path(folder.path())).expect("made");
    for step in [include_str!("../src/schema/1-syncs.sql"), include_str!("../src/schema/2-answers.sql")] {
        old.execute_batch(step).expect("as it was");
    }
    let told = intake(0, vec![]).message.visitor;
    old.execute("INSERT INTO visitors VALUES (1, ?1, 0, 0)", [told]).expect("a visitor");
    old.execute_batch(
        "INSERT INTO messages VALUES (1, 0, 0, 1, 7, 0, 0, 1, 9, 9, 0);
         INSERT INTO identities VALUES (2, CAST(x'0707070707070707070707070707070707070707070707070707070707070707' AS BLOB), 1, 1, 0);
         INSERT INTO about VALUES ('since', 0); PRAGMA user_version = 2;",
    )
    .expect("an identifier");
    drop(old);
    let mut store = Store::open(&Place::folder(folder.path())).expect("brought up to date");
    store.store([intake(1, vec![identity(0b0010_0010, 7)])].iter(), 0).expect("stored");
    assert_eq!(rows(folder.path()), [(2, 1, 7)]);
}
