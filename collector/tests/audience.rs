//! Lists of people: the digests that partners publish, in the columns that they take, written whole or not at all.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says why by panicking"
)]

use std::{collections::BTreeMap, fs, path::Path};

use petitfour::identity::{self, Digest, Namespace};
use petitfour_collector::destination::{
    Destination as _, Kind, Parcel, Receipt,
    audience::{Audience, write_list},
    platform::{Held, Member, Platform},
};
use serde_json::{Value, json};

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../tests/vectors/hash/vectors.json")).expect("JSON")
}

fn values(pairs: &[(&str, &str)]) -> Member {
    let values = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Member { values, ..Member::default() }
}

/// What a device has sent of an address or a number.
fn digests(namespace: Namespace, text: &str) -> Member {
    let identifiers = identity::read(namespace, text).expect("an identifier").iter().map(Held::from).collect();
    Member { identifiers, ..Member::default() }
}

/// The cell of a column, of the only row of the platform's sheet that has it.
fn cell(platform: Platform, column: &str, member: &Member) -> Option<String> {
    let sheet = platform.sheets().iter().find(|sheet| sheet.columns.contains(&column)).expect("a column");
    let place = sheet.columns.iter().position(|name| *name == column)?;
    let rows = platform.rows(sheet, member, "publisher.example");
    rows.first().map(|row| row[place].clone()).filter(|cell| !cell.is_empty())
}

fn text<'a>(case: &'a Value, name: &str) -> &'a str {
    case[name].as_str().expect("a text")
}

#[test]
fn every_list_carries_the_published_digests_whether_values_or_digests_came() {
    let vectors = vectors();
    let mut checked = 0;
    let mut check = |platform, column, namespace, kind: &str, input: &str, wanted: &str| {
        assert_eq!(cell(platform, column, &values(&[(kind, input)])).as_deref(), Some(wanted), "{platform:?} {column}");
        assert_eq!(
            cell(platform, column, &digests(namespace, input)).as_deref(),
            Some(wanted),
            "{platform:?} {column}"
        );
        checked += 1;
    };
    for case in vectors["uid2"]["email"].as_array().expect("cases") {
        check(Platform::Uid2, "email_hash", Namespace::Email, "email", text(case, "input"), text(case, "sha256_b64"));
    }
    for case in vectors["uid2"]["phone"].as_array().expect("cases") {
        // Already in the normal form, which is what a CRM is asked for.
        let (number, digest) = (text(case, "normalized"), Digest::given(text(case, "sha256_b64")).expect("a digest"));
        check(Platform::Uid2, "phone_hash", Namespace::Phone, "phone", number, &digest.base64());
        check(Platform::Google, "Phone", Namespace::Phone, "phone", number, &digest.hex());
        check(Platform::Publisher, "phone_sha256", Namespace::Phone, "phone", number, &digest.hex());
    }
    for case in vectors["google_enhanced_conversions"]["cases"].as_array().expect("cases") {
        if case["field"].is_null() {
            check(Platform::Google, "Email", Namespace::Email, "email", text(case, "input"), text(case, "sha256_hex"));
        }
    }
    for case in vectors["meta_capi"]["cases"].as_array().expect("cases") {
        // Three more take the same form of an address, and two of them that of a number.
        let (input, wanted) = (text(case, "input"), text(case, "sha256_hex"));
        match case["field"].as_str() {
            Some("em") => {
                check(Platform::Meta, "email", Namespace::Email, "email", input, wanted);
                check(Platform::Snap, "EMAIL_SHA256", Namespace::Email, "email", input, wanted);
                check(Platform::Pinterest, "email", Namespace::Email, "email", input, wanted);
                check(Platform::Publisher, "email_sha256", Namespace::Email, "email", input, wanted);
            }
            Some("ph") => {
                check(Platform::Meta, "phone", Namespace::Phone, "phone", input, wanted);
                check(Platform::Snap, "PHONE_SHA256", Namespace::Phone, "phone", input, wanted);
            }
            _ => {}
        }
    }
    assert!(checked >= 25, "{checked}");
}

#[test]
fn particulars_leave_as_each_platform_publishes_them() {
    let vectors = vectors();
    let address = |name, value| values(&[("email", "jane@example.com"), (name, value)]);
    let mut checked = 0;
    for case in vectors["meta_capi"]["cases"].as_array().expect("cases") {
        let (name, column) = match case["field"].as_str() {
            Some("ct") => ("city", "ct"),
            Some("st") => ("state", "st"),
            Some("zp") => ("postcode", "zip"),
            Some("country") => ("country", "country"),
            _ => continue,
        };
        let member = address(name, text(case, "input"));
        assert_eq!(cell(Platform::Meta, column, &member).as_deref(), Some(text(case, "sha256_hex")), "{column}");
        checked += 1;
    }
    for case in vectors["google_enhanced_conversions"]["cases"].as_array().expect("cases") {
        if case["field"].as_str() == Some("first_name") {
            let member = address("first_name", text(case, "input"));
            assert_eq!(cell(Platform::Google, "First Name", &member).as_deref(), Some(text(case, "sha256_hex")));
            checked += 1;
        }
    }
    assert!(checked >= 5, "{checked}");
    let member = address("country", "de");
    assert_eq!(cell(Platform::Google, "Country", &member).as_deref(), Some("DE"), "in clear, as Google takes it");
}

#[test]
fn a_digest_that_does_not_serve_a_platform_is_left_out_of_its_list() {
    // Hashed by somebody else, plain: no folding can be done any more.
    let ready = digests(Namespace::Email, &Digest::of("jane.doe@gmail.com").hex());
    assert_eq!(cell(Platform::Uid2, "email_hash", &ready), None);
    assert_eq!(cell(Platform::Google, "Email", &ready), None);
    assert_eq!(cell(Platform::Meta, "email", &ready), Some(Digest::of("jane.doe@gmail.com").hex()));
}

fn parcel(id: &str, kind: Kind, body: Value) -> Parcel {
    Parcel { id: id.to_owned(), person: "p".to_owned(), kind, at: 1_780_315_200_000, body }
}

fn order(audience: &str, address: &str) -> Value {
    json!({ "audience": audience, "member": { "values": { "email": address } } })
}

/// Files under a folder with their text.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() {
            let within = files(&entry.path()).into_iter().map(|(file, text)| (format!("{name}/{file}"), text));
            found.extend(within);
        } else {
            found.insert(name, fs::read_to_string(entry.path()).expect("text"));
        }
    }
    found
}

#[test]
fn a_batch_becomes_files_by_audience_and_action_and_a_repeat_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut audience = Audience::new(folder.path().to_owned(), Platform::Snap, String::new());
    let parcels = [
        parcel("1", Kind::Add, order("gold/../..", "jane@example.com")),
        parcel("2", Kind::Add, order("gold/../..", "john@example.com")),
        parcel("3", Kind::Remove, order("silver", "jane@example.com")),
        parcel("4", Kind::Delete, json!({ "member": { "values": { "email": "jim@example.com" } } })),
        parcel("5", Kind::Add, json!({ "audience": "gold", "member": {} })),
        parcel("6", Kind::Add, json!({ "audience": "gold", "member": { "unknown": 1 } })),
        parcel("7", Kind::Mail, json!({})),
    ];
    let receipts = audience.deliver(&parcels);
    let refused = |reason: &'static str| Receipt::refused(reason);
    assert_eq!(receipts[..4], [const { Receipt::Delivered }; 4]);
    assert_eq!(receipts[4..], [refused("audience/nothing"), refused("audience/body"), refused("audience/kind")]);
    let first = files(folder.path());
    let folders: Vec<&str> = first.keys().filter_map(|name| name.split('/').next()).collect();
    assert_eq!(folders, ["deletions", "gold_2f__2e__2e__2f__2e__2e_", "silver"], "no way out of the folder");
    let (jane, john) = (Digest::of("jane@example.com").hex(), Digest::of("john@example.com").hex());
    let mut both = [jane.clone(), john];
    both.sort();
    let added = first.iter().find(|(name, _)| name.contains("/add-emails-")).expect("a list").1;
    assert_eq!(*added, format!("EMAIL_SHA256\r\n{}\r\n{}\r\n", both[0], both[1]));
    let removed = first.iter().find(|(name, _)| name.starts_with("silver/remove-emails-")).expect("a list").1;
    assert_eq!(*removed, format!("EMAIL_SHA256\r\n{jane}\r\n"));

    audience.deliver(&parcels);
    assert_eq!(files(folder.path()), first, "the same batch is the same files");
}

#[test]
fn a_disk_that_does_not_take_it_is_tried_again_and_leaves_no_half_of_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    // A file where the folder should be.
    fs::write(folder.path().join("gold"), b"in the way").expect("written");
    let mut audience = Audience::new(folder.path().to_owned(), Platform::Meta, String::new());
    let parcels =
        [parcel("1", Kind::Add, order("gold", "a@example.com")), parcel("2", Kind::Add, order("ok", "a@example.com"))];
    assert_eq!(audience.deliver(&parcels), [Receipt::retry("audience/disk"), Receipt::Delivered]);
    assert!(files(folder.path()).keys().all(|name| !name.contains("half")));
}

#[test]
fn a_television_list_has_the_ids_of_boxes_with_their_kind_and_no_zeroes() {
    let folder = tempfile::tempdir().expect("a folder");
    let ids = |pairs: &[(&str, &str)]| {
        let ids = pairs.iter().map(|(kind, id)| ((*kind).to_owned(), (*id).to_owned())).collect();
        Member { ids, ..Member::default() }
    };
    let members = [
        ids(&[("rida", "AEBE52E7-03EE-455A-B3C4-E57283966239"), ("tifa", "00000000-0000-0000-0000-000000000000")]),
        ids(&[("lgudid", "7f3c6f8e-3f1b-4a57-9d0a-0b1c2d3e4f50"), ("publisher.example", "x")]),
    ];
    let written = write_list(folder.path(), "no ads", Platform::Tv, "", members.iter()).expect("written");
    assert_eq!(written.iter().map(|(_, lines)| *lines).collect::<Vec<_>>(), [2]);
    assert_eq!(
        fs::read_to_string(&written[0].0).expect("text"),
        "ifa,ifa_type\r\n7f3c6f8e-3f1b-4a57-9d0a-0b1c2d3e4f50,lgudid\r\naebe52e7-03ee-455a-b3c4-e57283966239,rida\r\n"
    );
    assert!(written[0].0.ends_with("no_20_ads-devices.csv"));
}

#[test]
fn a_match_table_ties_the_publishers_own_ids_to_digests() {
    let mut member = digests(Namespace::Email, "jane@example.com");
    member.ids.insert("publisher.example".to_owned(), "a,\"b\"".to_owned());
    let folder = tempfile::tempdir().expect("a folder");
    let written =
        write_list(folder.path(), "all", Platform::Publisher, "publisher.example", [member].iter()).expect("written");
    assert_eq!(
        fs::read_to_string(&written[0].0).expect("text"),
        format!("id,email_sha256,phone_sha256\r\n\"a,\"\"b\"\"\",{},\r\n", Digest::of("jane@example.com").hex())
    );
}
