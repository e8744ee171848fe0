//! Identifiers against the vectors that partners publish, and the laws of reading, hashing and merging them.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::string_slice,
    reason = "a test that fails here has failed"
)]

use petitfour::consent::Permissions;
use petitfour::identity::email::{self, Form};
use petitfour::identity::particular::{self, Particular};
use petitfour::identity::phone::{self, Plan};
use petitfour::identity::{Digest, Hashed, Identifiers, MAX_BYTES, Namespace, Recipient, Refusal, SHELF, opaque, read};
use petitfour::time::{Moment, Timestamp};
use proptest::prelude::*;
use serde_json::Value;

/// Reduced in the everyday run; `cargo xtask drill` sets PETITFOUR_DRILL for the full number.
fn cases() -> u32 {
    if std::env::var_os("PETITFOUR_DRILL").is_some() { 100_000 } else { 2_000 }
}

fn vectors() -> Value {
    serde_json::from_str(include_str!("vectors/hash/vectors.json")).unwrap()
}

fn list<'a>(file: &'a Value, from: &str, what: &str) -> impl Iterator<Item = &'a Value> {
    let list = file[from][what].as_array().unwrap();
    assert!(!list.is_empty());
    list.iter()
}

fn text<'a>(case: &'a Value, field: &str) -> &'a str {
    case[field].as_str().unwrap()
}

/// UID2 prints "+6512345678" as the normal form of this number, with two digits exchanged. No rule does that; the digest
/// is that of the printed form.
const MISPRINT: &str = "65 1243 5678";

/// Where a vector of UID2 says its number is from: "[AU]" behind it, or else inside it.
fn plan(input: &str) -> (&str, Plan) {
    match input.strip_suffix(" [AU]") {
        Some(number) => (number, Plan::National(61)),
        None => (input, Plan::Complete),
    }
}

fn of_meta(field: &str) -> Particular {
    match field {
        "f5first" | "f5last" => Particular::FirstFive,
        "fi" => Particular::Initial,
        "dobd" => Particular::BirthDay,
        "dobm" => Particular::BirthMonth,
        "doby" => Particular::BirthYear,
        "ct" => Particular::City,
        "zp" => Particular::Postcode,
        "st" => Particular::State,
        "country" => Particular::Country,
        "currency" => Particular::Currency,
        "first_name" => Particular::Name,
        other => panic!("the vectors have a field {other} that nothing here reads"),
    }
}

#[test]
fn every_vector_of_uid2_holds() {
    let file = vectors();
    for case in list(&file, "uid2", "email") {
        let normal = email::normalise(text(case, "input"), Form::Uid2).unwrap();
        assert_eq!(normal, text(case, "normalized"));
        assert_eq!(Digest::of(&normal).hex(), text(case, "sha256_hex"));
        assert_eq!(Digest::of(&normal).base64(), text(case, "sha256_b64"));
        let read = email::read(text(case, "input")).unwrap();
        let spelled: Vec<_> = read.iter().filter_map(|known| Recipient::Uid2.spell(known)).collect();
        assert_eq!(spelled, [text(case, "sha256_b64")], "the partner gets this digest and no other");
    }
    for case in list(&file, "uid2", "negative") {
        let (raw, wrong) = (text(case, "input"), text(case, "wrong_unnormalized_b64"));
        assert_eq!(Digest::of(raw).base64(), wrong);
        assert!(email::read(raw).unwrap().iter().all(|known| known.digest().base64() != wrong));
    }
    for case in list(&file, "uid2", "phone") {
        let (input, plan) = plan(text(case, "input"));
        if input == MISPRINT {
            assert_eq!(phone::normalise(input, plan).as_deref(), Ok("+6512435678"));
            assert_eq!(
                phone::read(text(case, "normalized"), plan).unwrap()[0].digest().hex(),
                text(case, "sha256_hex")
            );
            continue;
        }
        assert_eq!(phone::normalise(input, plan).unwrap(), text(case, "normalized"));
        let read = phone::read(input, plan).unwrap();
        let spelled: Vec<_> = read.iter().filter_map(|known| Recipient::Uid2.spell(known)).collect();
        assert_eq!(spelled, [text(case, "sha256_b64")]);
        assert_eq!(read[0].digest().hex(), text(case, "sha256_hex"));
    }
}

#[test]
fn every_vector_of_google_holds() {
    let file = vectors();
    for case in list(&file, "google_enhanced_conversions", "cases") {
        let (input, hex) = (text(case, "input"), text(case, "sha256_hex"));
        let normal = match case["field"].as_str() {
            None => email::normalise(input, Form::Google),
            Some("phone") => phone::normalise(input, Plan::International),
            Some(field) => particular::normalise(of_meta(field), input),
        };
        assert_eq!(normal.as_deref(), Ok(text(case, "normalized")));
        assert_eq!(Digest::of(normal.unwrap()).hex(), hex);
        let namespace = match case["field"].as_str() {
            None => Namespace::Email,
            Some("phone") => Namespace::Phone,
            Some(_) => continue,
        };
        let read = read(namespace, input).unwrap();
        assert_eq!(read.iter().filter_map(|known| Recipient::Google.spell(known)).collect::<Vec<_>>(), [hex]);
    }
}

#[test]
fn every_vector_of_meta_holds() {
    let file = vectors();
    for case in list(&file, "meta_capi", "cases") {
        let (field, input, hex) = (text(case, "field"), text(case, "input"), text(case, "sha256_hex"));
        let normal = match field {
            "em" => email::normalise(input, Form::Plain),
            "ph" => phone::normalise(input, Plan::International).map(|number| number[1..].to_owned()),
            _ => particular::normalise(of_meta(field), input),
        };
        assert_eq!(normal.as_deref(), Ok(text(case, "normalized")), "{field}");
        assert_eq!(Digest::of(normal.unwrap()).hex(), hex);
        let namespace = match field {
            "em" => Namespace::Email,
            "ph" => Namespace::Phone,
            _ => continue,
        };
        let read = read(namespace, input).unwrap();
        assert_eq!(read.iter().filter_map(|known| Recipient::Meta.spell(known)).collect::<Vec<_>>(), [hex]);
    }
    for case in list(&file, "meta_capi", "skip_hash") {
        let normal = particular::normalise(of_meta(text(case, "field")), text(case, "input"));
        assert_eq!(normal.as_deref(), Ok(text(case, "normalized")));
    }
    for case in list(&file, "meta_capi", "passthrough") {
        let [known] = read(Namespace::Email, text(case, "input")).unwrap()[..] else { panic!() };
        assert_eq!(Recipient::Meta.spell(&known).as_deref(), Some(text(case, "output")));
    }
    for case in list(&file, "meta_capi", "reject") {
        let (field, input) = (text(case, "field"), text(case, "input"));
        let refused = match field {
            "em" => email::normalise(input, Form::Plain),
            _ => particular::normalise(of_meta(field), input),
        };
        assert_eq!(refused, Err(Refusal::Malformed), "{field} {input}");
    }
}

#[test]
fn the_vectors_are_all_fifty_seven() {
    let file = vectors();
    let lists = file.as_object().unwrap().values().flat_map(|partner| partner.as_object().unwrap().values());
    assert_eq!(lists.filter_map(Value::as_array).map(Vec::len).sum::<usize>(), 57);
}

#[test]
fn values_that_are_no_identifiers_are_refused_with_a_reason() {
    for (namespace, text, code) in [
        (Namespace::User, "null", "identity/placeholder"),
        (Namespace::User, "anonymous", "identity/placeholder"),
        (Namespace::User, "00000000", "identity/placeholder"),
        (Namespace::Crm, "[object Object]", "identity/placeholder"),
        (Namespace::Email, "test@test.com", "identity/placeholder"),
        (Namespace::Email, "not an address", "identity/malformed"),
        (Namespace::Phone, "0000000000", "identity/placeholder"),
        (Namespace::Phone, "650 561 1234", "identity/malformed"),
        (Namespace::Idfa, "00000000-0000-0000-0000-000000000000", "identity/limited"),
        (Namespace::Gaid, "not-a-uuid", "identity/malformed"),
    ] {
        assert_eq!(read(namespace, text).map_err(Refusal::code), Err(code), "{text}");
    }
}

#[test]
fn a_partners_digest_is_that_of_source_and_id() {
    // The same digest stands in wasm-tests/identity/eids.test.mjs.
    let hex = "18a8c93d51db5e86f80bfc5baa2e96271b034af6007fef2150713fb156364592";
    assert_eq!(opaque::partner("partner.example", "q").unwrap().digest().hex(), hex);
}

#[test]
fn nothing_that_is_printed_holds_the_value() {
    let secret = "jane.doe+secret@gmail.com";
    let known = read(Namespace::Email, secret).unwrap();
    let mut list = Identifiers::default();
    list.add(known[0], Permissions::ALL, Moment::utc(0));
    let printed = format!("{known:?} {list:?}");
    for part in ["jane", "secret", "gmail", &known[0].digest().hex()] {
        assert!(!printed.contains(part));
    }
    assert!(!format!("{}", read(Namespace::Email, "jane.doe secret").unwrap_err()).contains("jane"));
}

/// What one copy does: adds an identifier of few, withdraws, or takes in another copy.
#[derive(Debug, Clone)]
enum Act {
    Add(u8, u8, u8),
    Withdraw(u8),
    Merge(usize),
}

/// Three copies live side by side; times go forwards and back.
fn acts(most: usize) -> impl Strategy<Value = Vec<(usize, Act, u32)>> {
    let act = prop_oneof![
        6 => (0u8..30, 1u8..15, 0u8..16).prop_map(|(id, code, bits)| Act::Add(id, code, bits)),
        1 => (0u8..16).prop_map(Act::Withdraw),
        1 => (0usize..3).prop_map(Act::Merge),
    ];
    proptest::collection::vec((0usize..3, act, 0u32..40), 0..most)
}

fn live(acts: &[(usize, Act, u32)]) -> [Identifiers; 3] {
    let mut copies: [Identifiers; 3] = Default::default();
    for (who, act, minute) in acts {
        let moment = Moment { now: Timestamp(u64::from(*minute) * 60_000), offset_minutes: 0 };
        match act {
            Act::Add(id, code, bits) => {
                let hashed = Hashed::from_code(*code, Digest::of([*id])).unwrap();
                copies[*who].add(hashed, Permissions::from_bits(*bits), moment);
            }
            Act::Withdraw(bits) => copies[*who].withdraw(Permissions::from_bits(*bits), moment),
            Act::Merge(other) => {
                let other = copies[*other].clone();
                copies[*who].merge(&other);
            }
        }
    }
    copies
}

fn merged(copies: &[&Identifiers]) -> Vec<u8> {
    let mut whole = copies[0].clone();
    copies[1..].iter().for_each(|copy| whole.merge(copy));
    whole.encode()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn copies_merge_to_the_same_bytes_in_any_order_and_any_number_of_times(acts in acts(120)) {
        let [a, b, c] = &live(&acts);
        let whole = merged(&[a, b, c]);
        prop_assert_eq!(&merged(&[c, b, a]), &whole);
        prop_assert_eq!(&merged(&[b, a, c, a, b]), &whole);
        let mut right = b.clone();
        right.merge(c);
        prop_assert_eq!(&merged(&[a, &right]), &whole);
        prop_assert_eq!(&merged(&[a, a]), &a.encode());
    }

    #[test]
    fn a_set_comes_back_from_its_bytes_and_stays_within_its_bound(acts in acts(120)) {
        for copy in live(&acts) {
            let bytes = copy.encode();
            prop_assert!(bytes.len() <= MAX_BYTES && copy.iter().count() <= 2 * SHELF);
            prop_assert_eq!(Identifiers::decode(&bytes), Ok(copy));
        }
    }

    #[test]
    fn what_was_withdrawn_does_not_come_back(acts in acts(120), bits in 1u8..16) {
        let [mut copy, other, _] = live(&acts);
        copy.merge(&other);
        let old = copy.clone();
        let withdrawn = Permissions::from_bits(bits);
        copy.withdraw(withdrawn, Moment::utc(0));
        copy.merge(&old);
        copy.merge(&other);
        prop_assert!(copy.iter().all(|known| known.permissions().bits() & bits == 0));
        let kept = |list: &Identifiers| list.iter().filter(|known| !known.permissions().share()).count();
        prop_assert!(bits != 8 || kept(&copy) == kept(&old), "withdrawing sharing takes nothing else");
    }

    #[test]
    fn damaged_bytes_are_refused_or_read_as_what_they_say(acts in acts(60), at in any::<prop::sample::Index>(), bit in 0u8..8, cut in any::<prop::sample::Index>()) {
        let [copy, ..] = live(&acts);
        let mut bytes = copy.encode();
        prop_assert!(Identifiers::decode(&bytes[..cut.index(bytes.len())]).is_err());
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        if let Ok(read) = Identifiers::decode(&bytes) {
            prop_assert_eq!(read.encode(), bytes);
        }
    }

    #[test]
    fn no_bytes_are_too_odd_to_refuse(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Identifiers::decode(&bytes);
    }

    #[test]
    fn normalising_twice_changes_nothing(input in input()) {
        for form in [Form::Plain, Form::Uid2, Form::Google] {
            if let Ok(normal) = email::normalise(&input, form) {
                prop_assert_eq!(email::normalise(&normal, form), Ok(normal));
            }
        }
        for plan in [Plan::International, Plan::Complete, Plan::National(44), Plan::National(1), Plan::National(39)] {
            if let Ok(number) = phone::normalise(&input, plan) {
                prop_assert_eq!(phone::normalise(&number, Plan::International), Ok(number.clone()));
                prop_assert_eq!(phone::normalise(&number[1..], Plan::Complete), Ok(number));
            }
        }
        for particular in PARTICULARS {
            if let Ok(normal) = particular::normalise(particular, &input) {
                prop_assert_eq!(particular::normalise(particular, &normal), Ok(normal));
            }
        }
    }

    #[test]
    fn reading_never_panics_and_forms_never_overlap(input in input(), number in 1u8..15, limited in any::<bool>()) {
        let namespace = Namespace::of(number).unwrap();
        if let Ok(all) = read(namespace, &input) {
            let forms: u8 = all.iter().map(|known| known.code() >> 5).sum();
            prop_assert!(forms < 8 && all.iter().all(|known| known.namespace() == Some(namespace)));
        }
        let _ = opaque::mobile(Namespace::Idfa, &input, limited);
        let _ = opaque::partner(&input, &input);
        prop_assert!(opaque::clicks(&input).count() <= 5);
        let address = format!("https://shop.example/?{input}");
        prop_assert!(opaque::clicks(&address).all(|(_, value)| value.len() <= opaque::MAX_CLICK));
    }

    #[test]
    fn capitals_and_spaces_around_an_address_do_not_matter(local in "[a-z0-9.+äöéøşж]{1,20}", domain in "(gmail|googlemail|web)\\.(com|de)", space in "[ \t\u{a0}]{0,3}") {
        let address = format!("{local}@{domain}");
        let shouted = format!("{space}{}{space}", address.to_uppercase());
        // A capital that has no lower-case letter of its own would be a different address; none of these has.
        prop_assert_eq!(read(Namespace::Email, &shouted), read(Namespace::Email, &address));
    }
}

const PARTICULARS: [Particular; 11] = [
    Particular::Name,
    Particular::FirstFive,
    Particular::Initial,
    Particular::BirthDay,
    Particular::BirthMonth,
    Particular::BirthYear,
    Particular::City,
    Particular::State,
    Particular::Postcode,
    Particular::Country,
    Particular::Currency,
];

/// Anything, and things that look like something.
fn input() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[ +(]{0,2}[0-9０-９٠-٩ ().-]{0,24}",
        "[ A-Za-zΑ-Ωİß.+\u{feff}]{0,12}@(gmail|GoogleMail|shop|ÄÖ)\\.[a-z]{0,4}[ \u{feff}]{0,2}",
        "([gfd]bclid|gclid|msclkid)=[ -~]{0,20}&(gclid|dclid)=[A-Za-z0-9_-]{0,40}",
        "[0-9a-fA-F-]{30,46}",
        "[A-Z. ]{0,8}[0-9-]{0,6}[a-z\u{feff}]{0,6}",
    ]
}
