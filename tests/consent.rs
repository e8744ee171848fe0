//! Consent strings are read as the libraries of the IAB read them; what is broken is refused, and permits nothing.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::string_slice,
    reason = "a test that fails here has failed"
)]

use petitfour::consent::gpp::{self, Gpp};
use petitfour::consent::tcf::{self, Consent};
use petitfour::consent::us::{self, Field};
use petitfour::consent::us_privacy::UsPrivacy;
use petitfour::consent::{Error, MAX_TEXT, Permissions, Policy, Purposes, Signals, Vendors};
use petitfour::time::Timestamp;
use proptest::prelude::*;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn vectors(name: &str) -> Value {
    let path = root("tests/vectors/consent").join(name).with_extension("json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn drill() -> bool {
    std::env::var_os("PETITFOUR_DRILL").is_some()
}

/// Whether the suite runs this, which has installed what is needed.
fn suite() -> bool {
    std::env::var_os("PETITFOUR_XTASK").is_some()
}

/// Random states, written and read back by the IAB's libraries: 2,000 of each in the suite, 300 alone. `None`, aloud,
/// where Node or the packages are not installed.
fn random(name: &str) -> Option<Vec<Value>> {
    let wanted = if suite() || drill() { 2_000 } else { 300 };
    // A folder for each scale and test, so that tests side by side do not write over each other.
    let folder = root("target/consent").join(format!("{name}-{wanted}"));
    let file = folder.join(name).with_extension("jsonl");
    let generator = root("wasm-tests/consent/generate.mjs");
    let newest = |path: &Path| path.metadata().and_then(|data| data.modified()).ok();
    if newest(&file) < newest(&generator) || !file.exists() {
        let made = Command::new("node").arg(&generator).arg(wanted.to_string()).arg(&folder).arg(name).output();
        if !made.as_ref().is_ok_and(|output| output.status.success()) {
            assert!(!suite(), "nothing is skipped in the suite: {name}: {made:?}");
            eprintln!(
                "SKIPPED: {name} strings of the IAB's libraries; `npm ci` in wasm-tests installs them ({made:?})"
            );
            return None;
        }
    }
    let text = std::fs::read_to_string(&file).unwrap();
    let states: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(states.len(), wanted);
    Some(states)
}

// ---- what a string says, in the words of the vectors ----

/// Ids as the vectors list them, each alone or (of random states) as `[first, last]`.
fn listed(value: &Value) -> Vec<u32> {
    let number = |value: &Value| value.as_u64().unwrap() as u32;
    let mut ids: Vec<u32> = value
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|entry| match entry {
            Value::Array(range) => number(&range[0])..=number(&range[1]),
            id => number(id)..=number(id),
        })
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

fn ids(vendors: Option<Vendors<'_>>) -> Vec<u32> {
    let mut ids: Vec<u32> =
        vendors.into_iter().flat_map(|list| list.ranges()).flat_map(|(first, last)| first..=last).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Numbers of a set, from a list of numbers or of booleans.
fn numbers(value: &Value) -> Vec<u8> {
    let list = value.as_array().unwrap();
    let on = list.iter().enumerate().filter_map(|(index, entry)| match entry {
        Value::Bool(on) => on.then_some(index as u8 + 1),
        number => Some(number.as_u64().unwrap() as u8),
    });
    on.collect()
}

fn members(set: tcf::Set) -> Vec<u8> {
    (1..64).filter(|number| set.contains(*number)).collect()
}

/// Milliseconds since 1970 of `2020-08-18T09:50:09.600Z`.
fn milliseconds(text: &Value) -> u64 {
    let text = text.as_str().unwrap();
    let part = |range: std::ops::Range<usize>| text.get(range).unwrap().parse::<i64>().unwrap();
    let (year, month, day) = (part(0..4), part(5..7), part(8..10));
    // Days from civil, after Howard Hinnant: years begin in March.
    let (years, months) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = years * 365 + years / 4 - years / 100 + years / 400 + (153 * months + 2) / 5 + day - 719_469;
    (((days * 24 + part(11..13)) * 60 + part(14..16)) * 60_000 + part(17..19) * 1_000 + part(20..23)) as u64
}

type Rules = BTreeMap<(u8, u8), Vec<u32>>;

fn rules(consent: &Consent<'_>) -> Rules {
    let mut rules = Rules::new();
    for rule in consent.restrictions {
        let vendors = rules.entry((rule.purpose, rule.kind as u8)).or_default();
        vendors.extend(ids(Some(rule.vendors)));
        vendors.sort_unstable();
        vendors.dedup();
    }
    rules
}

fn listed_rules(value: &Value, purpose: &str, kind: &str, vendors: &str) -> Rules {
    let mut rules = Rules::new();
    for rule in value.as_array().unwrap() {
        let key = (rule[purpose].as_u64().unwrap() as u8, rule[kind].as_u64().unwrap() as u8);
        let all = rules.entry(key).or_default();
        all.extend(listed(&rule[vendors]));
        all.sort_unstable();
        all.dedup();
    }
    rules
}

fn same_tcf(said: &Value, read: &Consent<'_>) {
    let text = said["tc"].as_str().unwrap();
    let number = |name: &str| said[name].as_u64().unwrap();
    assert_eq!(number("version"), u64::from(read.version), "{text}");
    assert_eq!(milliseconds(&said["created"]), read.created.0, "{text}");
    assert_eq!(milliseconds(&said["lastUpdated"]), read.updated.0, "{text}");
    assert_eq!(number("cmpId"), u64::from(read.platform), "{text}");
    assert_eq!(number("cmpVersion"), u64::from(read.platform_version), "{text}");
    assert_eq!(number("consentScreen"), u64::from(read.screen), "{text}");
    assert_eq!(said["consentLanguage"].as_str().unwrap().as_bytes(), read.language, "{text}");
    assert_eq!(number("vendorListVersion"), u64::from(read.vendor_list), "{text}");
    assert_eq!(number("tcfPolicyVersion"), u64::from(read.policy), "{text}");
    assert_eq!(said["isServiceSpecific"], read.service_specific, "{text}");
    assert_eq!(said["purposeOneTreatment"], read.purpose_one_treatment, "{text}");
    assert_eq!(said["publisherCC"].as_str().unwrap().as_bytes(), read.country, "{text}");
    assert_eq!(numbers(&said["specialFeatureOptins"]), members(read.special_features), "{text}");
    assert_eq!(numbers(&said["purposeConsents"]), members(read.consents), "{text}");
    assert_eq!(numbers(&said["purposeLI"]), members(read.interests), "{text}");
    assert_eq!(listed(&said["vendorConsents"]), ids(Some(read.vendors)), "{text}");
    assert_eq!(listed(&said["vendorLI"]), ids(Some(read.vendor_interests)), "{text}");
    assert_eq!(listed(&said["vendorsDisclosed"]), ids(read.disclosed), "{text}");
    let own =
        |part: fn(&tcf::Publisher) -> tcf::Set| read.publisher.as_ref().map_or(Vec::new(), |own| members(part(own)));
    assert_eq!(numbers(&said["publisherConsents"]), own(|own| own.consents), "{text}");
    assert_eq!(numbers(&said["publisherLI"]), own(|own| own.interests), "{text}");
    assert_eq!(listed_rules(&said["restrictions"], "purpose", "type", "vendors"), rules(read), "{text}");
    if let Some(custom) = said.get("customPurposes") {
        assert_eq!(custom.as_u64().unwrap(), read.publisher.map_or(0, |own| u64::from(own.custom)), "{text}");
        assert_eq!(numbers(&said["customConsents"]), own(|own| own.custom_consents), "{text}");
        assert_eq!(numbers(&said["customLI"]), own(|own| own.custom_interests), "{text}");
        assert_eq!(listed(&said["vendorsAllowed"]), ids(read.allowed), "{text}");
    }
}

/// A section of TC: the same in Europe's and in Canada's words.
fn same_section(said: &Value, read: &Consent<'_>, text: &str) {
    let europe = said.get("CmpId").is_some() && said.get("PurposeConsents").is_some();
    let name = |europes: &'static str, canadas: &'static str| &said[if europe { europes } else { canadas }];
    let own =
        |part: fn(&tcf::Publisher) -> tcf::Set| read.publisher.as_ref().map_or(Vec::new(), |own| members(part(own)));
    assert_eq!(said["Version"].as_u64().unwrap(), u64::from(read.version), "{text}");
    assert_eq!(milliseconds(&said["Created"]), read.created.0, "{text}");
    assert_eq!(milliseconds(&said["LastUpdated"]), read.updated.0, "{text}");
    assert_eq!(said["CmpId"].as_u64().unwrap(), u64::from(read.platform), "{text}");
    assert_eq!(said["CmpVersion"].as_u64().unwrap(), u64::from(read.platform_version), "{text}");
    assert_eq!(said["ConsentScreen"].as_u64().unwrap(), u64::from(read.screen), "{text}");
    assert_eq!(said["ConsentLanguage"].as_str().unwrap().as_bytes(), read.language, "{text}");
    assert_eq!(said["VendorListVersion"].as_u64().unwrap(), u64::from(read.vendor_list), "{text}");
    assert_eq!(name("PolicyVersion", "TcfPolicyVersion").as_u64().unwrap(), u64::from(read.policy), "{text}");
    assert_eq!(said["UseNonStandardStacks"], read.own_texts, "{text}");
    assert_eq!(
        numbers(name("SpecialFeatureOptins", "SpecialFeatureExpressConsent")),
        members(read.special_features),
        "{text}"
    );
    assert_eq!(numbers(name("PurposeConsents", "PurposesExpressConsent")), members(read.consents), "{text}");
    assert_eq!(
        numbers(name("PurposeLegitimateInterests", "PurposesImpliedConsent")),
        members(read.interests),
        "{text}"
    );
    assert_eq!(listed(name("VendorConsents", "VendorExpressConsent")), ids(Some(read.vendors)), "{text}");
    assert_eq!(
        listed(name("VendorLegitimateInterests", "VendorImpliedConsent")),
        ids(Some(read.vendor_interests)),
        "{text}"
    );
    assert_eq!(listed(name("VendorsDisclosed", "DisclosedVendors")), ids(read.disclosed), "{text}");
    assert_eq!(numbers(name("PublisherConsents", "PubPurposesExpressConsent")), own(|own| own.consents), "{text}");
    assert_eq!(
        numbers(name("PublisherLegitimateInterests", "PubPurposesImpliedConsent")),
        own(|own| own.interests),
        "{text}"
    );
    assert_eq!(
        numbers(name("PublisherCustomConsents", "CustomPurposesExpressConsent")),
        own(|own| own.custom_consents),
        "{text}"
    );
    assert_eq!(
        numbers(name("PublisherCustomLegitimateInterests", "CustomPurposesImpliedConsent")),
        own(|own| own.custom_interests),
        "{text}"
    );
    assert_eq!(
        listed_rules(name("PublisherRestrictions", "PubRestrictions"), "key", "type", "ids"),
        rules(read),
        "{text}"
    );
    if europe {
        assert_eq!(said["IsServiceSpecific"], read.service_specific, "{text}");
        assert_eq!(said["PurposeOneTreatment"], read.purpose_one_treatment, "{text}");
        assert_eq!(said["PublisherCountryCode"].as_str().unwrap().as_bytes(), read.country, "{text}");
        assert_eq!(listed(&said["VendorsAllowed"]), ids(read.allowed), "{text}");
    }
}

const FIELDS: [(&str, Field); 18] = [
    ("MspaMode", Field::MspaMode),
    ("SharingNotice", Field::SharingNotice),
    ("ProcessingNotice", Field::ProcessingNotice),
    ("SaleOptOutNotice", Field::SaleOptOutNotice),
    ("SharingOptOutNotice", Field::SharingOptOutNotice),
    ("TargetedAdvertisingOptOutNotice", Field::TargetedAdvertisingOptOutNotice),
    ("SensitiveDataProcessingOptOutNotice", Field::SensitiveDataProcessingOptOutNotice),
    ("SensitiveDataLimitUseNotice", Field::SensitiveDataLimitUseNotice),
    ("SaleOptOut", Field::SaleOptOut),
    ("SharingOptOut", Field::SharingOptOut),
    ("TargetedAdvertisingOptOut", Field::TargetedAdvertisingOptOut),
    ("SensitiveDataProcessing", Field::SensitiveDataProcessing),
    ("KnownChildSensitiveDataConsents", Field::KnownChildSensitiveDataConsents),
    ("PersonalDataConsents", Field::PersonalDataConsents),
    ("AdditionalDataProcessingConsent", Field::AdditionalDataProcessingConsent),
    ("MspaCoveredTransaction", Field::MspaCoveredTransaction),
    ("MspaOptOutOptionMode", Field::MspaOptOutOptionMode),
    ("MspaServiceProviderMode", Field::MspaServiceProviderMode),
];

fn same_us(said: &Value, read: &us::Section<'_>, text: &str) {
    let mut known = 0;
    for (name, field) in FIELDS {
        // Iowa's notice has a name of its own for the same thing.
        let value = said.get(name).or_else(|| {
            if name == "SensitiveDataProcessingOptOutNotice" { said.get("SensitiveDataOptOutNotice") } else { None }
        });
        let values: Vec<u64> = (0..read.count(field)).map(|at| u64::from(read.value(field, at).unwrap())).collect();
        let expected = match value {
            Some(Value::Array(list)) => list.iter().map(|value| value.as_u64().unwrap()).collect(),
            Some(value) => vec![value.as_u64().unwrap()],
            None => Vec::new(),
        };
        known += usize::from(value.is_some());
        assert_eq!(expected, values, "{name} of section {} in {text}", read.id());
        assert_eq!(None, read.value(field, read.count(field)), "{name}");
    }
    let version = said.get("Version").or_else(|| said.get("MspaVersion")).unwrap();
    assert_eq!(version.as_u64().unwrap(), u64::from(read.version()), "{text}");
    assert_eq!(said.get("Gpc").and_then(Value::as_bool), read.gpc(), "{text}");
    let others = ["Version", "MspaVersion", "Gpc", "GpcSegmentType"];
    let all = said.as_object().unwrap().keys().filter(|name| !others.contains(&name.as_str())).count();
    assert_eq!(all, known, "fields that were not compared in {text}");
}

fn same_gpp(said: &Value) {
    const NAMES: [&str; 28] = [
        "", "", "tcfeuv2", "", "", "tcfcav1", "uspv1", "usnat", "usca", "usva", "usco", "usut", "usct", "usfl", "usmt",
        "usor", "ustx", "usde", "usia", "usne", "usnh", "usnj", "ustn", "usmn", "usmd", "usin", "usky", "usri",
    ];
    let text = said["gpp"].as_str().unwrap();
    let read = Gpp::parse(text).unwrap_or_else(|error| panic!("{}: {text}", error.code()));
    let mut found = Vec::new();
    for section in read.sections() {
        let (id, section) = section.unwrap();
        found.push(id);
        let fields = &said["fields"][NAMES[id as usize]];
        match section {
            gpp::Section::Europe(consent) | gpp::Section::Canada(consent) => same_section(fields, &consent, text),
            gpp::Section::Us(section) => same_us(fields, &section, text),
            gpp::Section::UsPrivacy(section) => {
                let answer = |name: &str| match fields[name].as_str().unwrap() {
                    "Y" => Some(true),
                    "N" => Some(false),
                    _ => None,
                };
                assert_eq!(answer("Notice"), section.notice, "{text}");
                assert_eq!(answer("OptOutSale"), section.opted_out, "{text}");
                assert_eq!(answer("LspaCovered"), section.covered, "{text}");
            }
            gpp::Section::Other => panic!("section {id} is not read: {text}"),
        }
    }
    assert_eq!(listed(&said["sectionIds"]), found, "{text}");
}

// ---- vectors ----

#[test]
fn every_valid_tc_string_says_what_the_iab_reads_in_it() {
    let mut compared = 0;
    for said in vectors("tcf")["valid"].as_array().unwrap() {
        let text = said["tc"].as_str().unwrap();
        if said["version"] == 1 {
            assert_eq!(Consent::parse(text), Err(Error::TcfVersion), "version 1 is refused by policy");
            continue;
        }
        same_tcf(said, &Consent::parse(text).unwrap_or_else(|error| panic!("{}: {text}", error.code())));
        compared += 1;
    }
    assert!(compared > 30);
}

#[test]
fn every_broken_tc_string_is_refused_with_a_code() {
    for bad in vectors("tcf")["invalid"].as_array().unwrap() {
        let text = bad["tc"].as_str().unwrap();
        let error = Consent::parse(text).expect_err(text);
        assert!(error.code().starts_with("consent/tcf_"), "{}", error.code());
        let signals = Signals { tcf: Some(text), choice: Some(Permissions::ALL), ..Signals::default() };
        assert_eq!(Policy::default().decide(&signals).permissions, Permissions::NONE, "{text}");
    }
}

#[test]
fn a_platform_of_id_0_or_1_is_read_and_not_believed() {
    let bad = vectors("tcf");
    let anonymous = |text: &str| matches!(Consent::decode(text), Ok(consent) if consent.platform < 2);
    let all: Vec<&str> = bad["invalid"].as_array().unwrap().iter().map(|bad| bad["tc"].as_str().unwrap()).collect();
    let refused: Vec<&&str> = all.iter().filter(|text| anonymous(text)).collect();
    assert!(refused.len() > 10);
    for text in refused {
        assert_eq!(Consent::parse(text), Err(Error::TcfPlatform), "{text}");
    }
}

#[test]
fn every_valid_gpp_string_says_what_the_iab_reads_in_it() {
    vectors("gpp")["valid"].as_array().unwrap().iter().for_each(same_gpp);
}

#[test]
fn every_broken_gpp_string_is_refused_with_a_code() {
    for bad in vectors("gpp")["invalid"].as_array().unwrap() {
        let text = bad["gpp"].as_str().unwrap();
        let error = Gpp::parse(text).expect_err(text);
        assert!(error.code().starts_with("consent/"), "{}", error.code());
        let signals = Signals { gpp: Some(text), choice: Some(Permissions::ALL), ..Signals::default() };
        assert_eq!(Policy::default().decide(&signals).permissions, Permissions::NONE, "{text}");
    }
}

#[test]
fn a_header_without_sections_is_a_gpp_string_that_says_nothing() {
    assert_eq!(Gpp::parse("DBAA").unwrap().sections().count(), 0);
    let verdict = Policy::default().decide(&Signals { gpp: Some("DBAA"), ..Signals::default() });
    assert_eq!((verdict.permissions, verdict.heard.0, verdict.fault), (Permissions::NONE, 0, None));
}

// ---- random states ----

#[test]
fn random_tc_strings_of_the_iabs_library_are_read_as_it_reads_them() {
    for said in random("tcf").into_iter().flatten() {
        let text = said["tc"].as_str().unwrap();
        same_tcf(&said, &Consent::parse(text).unwrap_or_else(|error| panic!("{}: {text}", error.code())));
    }
}

#[test]
fn random_gpp_strings_of_the_iabs_library_are_read_as_it_reads_them() {
    random("gpp").into_iter().flatten().for_each(|said| same_gpp(&said));
}

// ---- broken strings ----

/// Everything that a string can be asked, so that a walk which does not end or fails later is found.
fn walk(text: &str) {
    let policy = Policy { europe: Purposes { vendor: 31, ..Policy::default().europe }, ..Policy::default() };
    for signals in [
        Signals { tcf: Some(text), ..Signals::default() },
        Signals { gpp: Some(text), ..Signals::default() },
        Signals { us_privacy: Some(text), ..Signals::default() },
    ] {
        let verdict = policy.decide(&signals);
        assert!(verdict.fault.is_none() || verdict.permissions == Permissions::NONE, "{text}");
    }
    if let Ok(consent) = Consent::decode(text) {
        // A range takes at least 17 bits, of which a character has six.
        assert!(consent.vendors.ranges().count() <= text.len() * 6, "{text}");
        assert!(consent.restrictions.count() <= text.len(), "{text}");
    }
    if let Ok(gpp) = Gpp::parse(text) {
        assert!(gpp.sections().count() <= text.len());
        gpp.sections().for_each(|section| assert!(section.is_ok(), "{text}: read once, refused later"));
    }
}

/// Whole strings to cut and to change: the shortest of the vectors, each kind of them.
fn samples() -> &'static [String] {
    static SAMPLES: OnceLock<Vec<String>> = OnceLock::new();
    SAMPLES.get_or_init(read_samples)
}

fn read_samples() -> Vec<String> {
    let (tcf, gpp) = (vectors("tcf"), vectors("gpp"));
    let texts = |list: &Value, name: &str| -> Vec<String> {
        let texts = list.as_array().unwrap().iter().map(|said| said[name].as_str().unwrap().to_owned());
        texts.filter(|text| text.len() < 1_200).collect()
    };
    let mut all = texts(&tcf["valid"], "tc");
    all.extend(texts(&tcf["invalid"], "tc"));
    all.extend(texts(&gpp["valid"], "gpp"));
    all.extend(texts(&gpp["invalid"], "gpp"));
    all
}

#[test]
fn a_string_cut_anywhere_before_its_last_field_is_refused() {
    for said in vectors("tcf")["valid"].as_array().unwrap() {
        let text = said["tc"].as_str().unwrap();
        let Ok(whole) = Consent::decode(text) else { continue };
        for length in 0..text.len() {
            let cut = &text[..length];
            // What is still read is the whole without its padding or without its last segments; it opens no more.
            if let Ok(part) = Consent::decode(cut) {
                assert!(cut.len() * 6 >= 259, "the core alone has 259 bits: {cut}");
                assert_eq!((part.consents, part.interests), (whole.consents, whole.interests), "{cut}");
                assert_eq!(ids(Some(part.vendors)), ids(Some(whole.vendors)), "{cut}");
                assert_eq!(rules(&part), rules(&whole), "{cut}");
            }
        }
    }
    for said in vectors("gpp")["valid"].as_array().unwrap() {
        let text = said["gpp"].as_str().unwrap();
        let sections = Gpp::parse(text).unwrap().sections().count();
        for length in 0..text.len() {
            if let Ok(part) = Gpp::parse(&text[..length]) {
                assert_eq!(part.sections().count(), sections, "{}", &text[..length]);
            }
        }
    }
}

#[test]
fn a_few_bits_that_name_millions_of_sections_cost_nothing() {
    // Header with one range from 1 to the 32-bit Fibonacci numbers: ids by the billion, and one section.
    assert_eq!(Gpp::parse("DBABzAAAAAABgA~1YNN"), Err(Error::GppSections));
    walk("DBABzAAAAAABgA~1YNN~1YNN");
}

#[test]
fn strings_longer_than_any_platform_writes_are_refused() {
    let long = "A".repeat(MAX_TEXT + 1);
    assert_eq!(Consent::decode(&long), Err(Error::Long));
    assert_eq!(Gpp::parse(&long), Err(Error::Long));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if drill() { 100_000 } else { 2_000 }))]

    #[test]
    fn random_text_is_refused_or_read_to_its_end(text in prop_oneof![
        "\\PC{0,120}",
        "[A-Za-z0-9_.~-]{0,400}",
        "C[A-Za-z0-9_-]{42,400}(\\.[IQYa][A-Za-z0-9_-]{0,60}){0,3}",
        "DB[A-C][A-Za-z0-9_-]{0,8}(~[BC][A-Za-z0-9_-]{0,30}(\\.[QY]A)?){0,6}",
    ]) {
        walk(&text);
    }

    #[test]
    fn a_changed_string_is_refused_or_read_to_its_end(
        at in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), "[A-Za-z0-9_.~ä-]"), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let samples = samples();
        let mut characters: Vec<char> = samples[at.index(samples.len())].chars().collect();
        for (place, with) in changes {
            let place = place.index(characters.len());
            characters[place] = with.chars().next().unwrap();
        }
        let kept = cut.index(characters.len() * 2);
        let text: String = characters.into_iter().take(kept.max(1)).collect();
        walk(&text);
    }
}

#[test]
fn us_privacy_strings_are_four_characters() {
    let read = |text: &str| UsPrivacy::parse(text).map(|said| (said.notice, said.opted_out, said.covered));
    assert_eq!(read("1YNN"), Ok((Some(true), Some(false), Some(false))));
    assert_eq!(read("1yn-"), Ok((Some(true), Some(false), None)));
    assert_eq!(read("1---"), Ok((None, None, None)));
    for bad in ["", "1", "1YN", "1YNNN", "2YNN", "1YNX", "1YN\u{e4}", "YNNN"] {
        assert_eq!(read(bad), Err(Error::UsPrivacy), "{bad}");
    }
}

// ---- policy ----

/// Purposes 1, 3, 4, 5, 6 by consent and 2 by interest; vendors 11, 28, 29 consented to; the publisher's own: the same and
/// interest in 2 and 7. Of 2022.
const SOME: &str = "CPTtLAAPTtLAAAKAAAENAAFgALwAAEAAAAAAAOgAgABgAAAA.IAoAAgABgAAEAQAAEAAA.d4AACEAAAAAA";
/// Purposes 1 to 10, vendors 2, 6, 8, …; the publisher's own: none.
const FULL: &str = "COv_eg6Ov_eg6AOADBENAaCgAP_AAH_AACiQAVEUQQoAIQAqIoghAAQgAA.YAAAAAAAAAAAAAAAAAA";
/// Nothing consented to.
const NOTHING: &str = "CPuKGCPPuKGCPNEAAAENCZCAAAAAAAAAAAAAAAAAAAAA";

fn heard<'a>(said: &[(&str, &'a str)]) -> Signals<'a> {
    let mut signals = Signals::default();
    for (name, value) in said {
        assert!(signals.hear(name, value), "{name}");
    }
    signals
}

/// Store, personalise, measure, share as `SPMX`, with a dash for what is closed.
fn letters(permissions: Permissions) -> String {
    let letters = ["S", "P", "M", "X"].iter().enumerate();
    letters.map(|(bit, letter)| if permissions.bits() >> bit & 1 == 1 { *letter } else { "-" }).collect()
}

fn permitted(policy: &Policy, said: &[(&str, &str)]) -> String {
    letters(policy.decide(&heard(said)).permissions)
}

#[test]
fn the_default_table_is_the_one_of_the_document() {
    let policy = Policy::default();
    let rows: &[(&[(&str, &str)], &str)] = &[
        (&[], "----"),
        (&[("choice", "15")], "SPMX"),
        (&[("choice", "5")], "S-M-"),
        // Europe
        (&[("region", "opt_in")], "----"),
        (&[("region", "opt_in"), ("choice", "7")], "SPM-"),
        (&[("tcf", FULL)], "SPMX"),
        (&[("tcf", SOME)], "SP--"),
        (&[("tcf", NOTHING)], "----"),
        (&[("gdpr", "1")], "----"),
        (&[("gdpr", "1"), ("choice", "15")], "----"),
        (&[("gdpr", "0"), ("tcf", NOTHING), ("choice", "15")], "SPMX"),
        (&[("tcf", FULL), ("choice", "1")], "S---"),
        (&[("tcf", NOTHING), ("choice", "15")], "----"),
        // United States
        (&[("region", "opt_out")], "SPMX"),
        (&[("us_privacy", "1YNN")], "SPMX"),
        (&[("us_privacy", "1YYN")], "SPM-"),
        (&[("us_privacy", "1NNN")], "SPM-"),
        (&[("us_privacy", "1---")], "----"),
        (&[("gpp", "DBABLA~BVVaAAAACqA.QA")], "SPM-"),
        (&[("gpp", "DBABLA~BVVqAAAACqA.QA")], "SPMX"),
        (&[("gpp", "DBABLA~BVVqAAAACqA.YA")], "S-M-"),
        (&[("gpp", "DBABLA~BVVqAAAACqA.QA"), ("gpp_sections", "7")], "SPMX"),
        (&[("gpp", "DBABLA~BVVqAAAACqA.QA"), ("gpp_sections", "8,9")], "----"),
        (&[("gpp", "DBABLA~BVVqAAAACqA.QA"), ("gpp_sections", "-1")], "----"),
        (&[("gpp", "DBABLA~BVVqAAAACqA.QA"), ("region", "opt_in")], "----"),
        // Global Privacy Control
        (&[("region", "opt_out"), ("gpc", "1")], "S-M-"),
        (&[("choice", "15"), ("gpc", "1")], "S-M-"),
        (&[("gpc", "1")], "----"),
        // Consent Mode
        (&[("ad_storage", "granted")], "S---"),
        (&[("analytics_storage", "granted")], "S-M-"),
        (&[("analytics_storage", "granted"), ("ad_user_data", "granted"), ("ad_personalization", "granted")], "SPMX"),
        (&[("analytics_storage", "granted"), ("analytics_storage", "denied")], "----"),
        (&[("security_storage", "granted"), ("functionality_storage", "granted")], "----"),
        (&[("tcf", SOME), ("analytics_storage", "granted"), ("ad_personalization", "granted")], "SP--"),
    ];
    for (said, expected) in rows {
        assert_eq!(permitted(&policy, said), *expected, "{said:?}");
    }
}

#[test]
fn what_cannot_be_read_closes_everything_and_says_why() {
    let policy = Policy { otherwise: Permissions::ALL, ..Policy::default() };
    for (name, value, code) in [
        ("tcf", "CPuKGCPP", "consent/tcf_truncated"),
        ("tcf", "not a string", "consent/tcf_alphabet"),
        ("tcf", "BO2e4qiO2e4qiB9ABADEDS-AAAAxKABgACBiQA", "consent/tcf_version"),
        ("tcf", "CPerMsAPerMsAAAAAAENCfCAAAAAAAAAAAAAAAAAAAAA", "consent/tcf_platform"),
        ("gpp", "DBABLA~CPuKG", "consent/gpp_truncated"),
        ("gpp", "DBACNYA~xxx", "consent/tcf_version"),
        ("gpp", "CBAA", "consent/gpp_header"),
        ("us_privacy", "yes", "consent/us_privacy"),
    ] {
        let said = [(name, value), ("region", "opt_out"), ("choice", "15")];
        let verdict = policy.decide(&heard(&said));
        assert_eq!((verdict.permissions, verdict.fault.unwrap().code()), (Permissions::NONE, code), "{value}");
        assert!(!verdict.fault.unwrap().to_string().contains(value));
    }
}

#[test]
fn a_site_with_a_vendor_id_needs_consent_for_it() {
    let vendor = |vendor| Policy { europe: Purposes { vendor, ..Policy::default().europe }, ..Policy::default() };
    assert_eq!(permitted(&vendor(28), &[("tcf", SOME)]), "SP--");
    assert_eq!(permitted(&vendor(50), &[("tcf", SOME)]), "----", "disclosed and not consented to");
    assert_eq!(permitted(&vendor(12), &[("tcf", SOME)]), "----", "not disclosed");
}

#[test]
fn a_publisher_that_reads_its_own_purposes_ignores_those_of_vendors() {
    let own = Purposes { publisher: true, ..Policy::default().europe };
    let policy = Policy { europe: own, ..Policy::default() };
    assert_eq!(permitted(&policy, &[("tcf", SOME)]), "SP--");
    assert_eq!(permitted(&policy, &[("tcf", FULL)]), "----");
    assert_eq!(permitted(&policy, &[("tcf", NOTHING)]), "----", "no segment of the publisher's");
    let measured = Purposes { opens: [[0, 0], [0, 0], [1 << 7, 0], [0, 0]], ..own };
    assert_eq!(letters(measured.permits(&Consent::parse(SOME).unwrap())), "--M-", "7 by legitimate interest");
}

#[test]
fn what_the_publisher_forbids_a_vendor_stays_closed() {
    let vectors = vectors("tcf");
    // Purpose 1: vendors 7, 20, … need consent, 730 needs an interest, which purpose 1 never has.
    let text = vectors["valid"][1]["tc"].as_str().unwrap();
    let consent = Consent::parse(text).unwrap();
    let store = |vendor| Purposes { vendor, ..Policy::default().europe }.permits(&consent).store();
    assert!(consent.vendors.contains(730) && consent.vendors.contains(20));
    assert!(store(20) && !store(730));
}

#[test]
fn since_march_2026_a_vendor_has_to_be_disclosed() {
    let old = Consent { disclosed: None, ..Consent::parse(SOME).unwrap() };
    let new = Consent { updated: Timestamp(1_772_323_200_000), ..old };
    let purposes = Purposes { vendor: 28, ..Policy::default().europe };
    assert_eq!((letters(purposes.permits(&old)), letters(purposes.permits(&new))), ("SP--".into(), "----".into()));
    assert_eq!(
        letters(Policy::default().europe.permits(&new)),
        "SP--",
        "without a vendor there is nothing to disclose"
    );
}

#[test]
fn purpose_1_counts_as_given_only_in_the_country_that_does_not_ask_it() {
    let unasked = Consent {
        consents: Consent::parse(NOTHING).unwrap().consents,
        purpose_one_treatment: true,
        country: *b"DE",
        ..Consent::parse(FULL).unwrap()
    };
    let purposes = |unasked| Purposes { unasked, ..Policy::default().europe };
    assert!(!Policy::default().europe.permits(&unasked).store());
    assert!(purposes(*b"DE").permits(&unasked).store());
    assert!(!purposes(*b"FR").permits(&unasked).store());
}

#[test]
fn legitimate_interest_never_opens_what_needs_consent() {
    let everything = Purposes { interest: u32::MAX, ..Policy::default().europe };
    let consent = Consent { consents: Consent::parse(NOTHING).unwrap().consents, ..Consent::parse(FULL).unwrap() };
    assert_eq!(letters(everything.permits(&consent)), "--M-");
    assert_eq!(letters(Purposes { interest: 0, ..everything }.permits(&consent)), "----");
}

#[test]
fn a_notice_that_was_not_given_counts_as_an_objection() {
    // usnat, version 1: SaleOptOutNotice 2 and SaleOptOut 0.
    let verdict = Policy::default().decide(&heard(&[("gpp", "DBABLA~BIAAAAAAAQA.QA")]));
    assert_eq!(letters(verdict.permissions), "SPM-");
}

proptest! {
    #[test]
    fn one_more_who_has_consented_or_objected_never_opens_more_than_the_others_permit(
        first in 0usize..8, second in 0usize..8,
    ) {
        let said: [(&str, &str); 8] = [
            ("tcf", FULL), ("tcf", SOME), ("tcf", NOTHING), ("us_privacy", "1YYN"), ("gpp", "DBABLA~BVVqAAAACqA.YA"),
            ("gpc", "1"), ("choice", "5"), ("ad_storage", "granted"),
        ];
        prop_assume!(said[first].0 != said[second].0);
        let policy = Policy { otherwise: Permissions::ALL, ..Policy::default() };
        let alone = policy.decide(&heard(&said[first..=first])).permissions;
        let both = policy.decide(&heard(&[said[first], said[second]])).permissions;
        prop_assert_eq!(both.without(alone), Permissions::NONE);
    }
}

#[test]
fn a_number_names_its_fault() {
    let mut number = 1;
    while let Some(fault) = Error::of(number) {
        assert_eq!(fault.number(), number);
        number += 1;
    }
    assert_eq!((number, Error::of(0)), (14, None));
}

#[test]
fn a_policy_comes_back_from_its_section_and_a_broken_one_permits_nothing() {
    let default = Policy { otherwise: Permissions::ALL, ..Policy::default() };
    assert!(default.encode().is_empty(), "the default takes no bytes");
    assert_eq!(Policy::read(Permissions::ALL, &[]), default);

    let own = Policy { europe: Purposes { vendor: 755, ..default.europe }, ..default };
    let section = own.encode();
    assert_eq!(Policy::read(Permissions::ALL, &section), own);
    let longer = [section.as_slice(), &[0]].concat();
    for broken in (1..section.len()).map(|end| &section[..end]).chain([longer.as_slice()]) {
        let policy = Policy::read(Permissions::ALL, broken);
        let everything = Signals { choice: Some(Permissions::ALL), ..Signals::default() };
        assert_eq!(policy, Policy::CLOSED);
        assert_eq!(policy.decide(&Signals::default()).permissions, Permissions::NONE);
        // The page's own word is no part of a policy.
        assert_eq!(policy.decide(&everything).permissions, Permissions::ALL);
    }
}
