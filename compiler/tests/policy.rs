//! The policy of consent in campaign files: what is written holds, what is left out is the table of `docs/consent.md`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use petitfour::bundle;
use petitfour::catalog::{Catalog, Section};
use petitfour::consent::{Permissions, Policy, Signals, Storage};
use petitfour_compiler::{Source, compile};

fn catalog(consent: &str) -> Catalog {
    let text = format!(
        "petitfour: 1\nversion: 1\n{consent}campaigns:\n  - {{ id: a, placements: [p], creatives: [{{ id: k, t: x }}] }}\nplacements: {{ p: {{ fallback: f }} }}\nfallbacks: {{ f: {{ t: x }} }}\n"
    );
    let compiled = compile(&[Source { name: "campaigns.yaml".to_owned(), text }], &|_| None);
    assert_eq!(compiled.diagnostics, []);
    bundle::open(compiled.bundle.unwrap()).unwrap()
}

#[test]
fn a_folder_without_a_policy_has_the_default_and_no_section() {
    let catalog = catalog("consent: { default: [measure] }\n");
    assert!(catalog.section(Section::Consent).is_empty());
    assert_eq!(catalog.policy(), Policy { otherwise: Permissions::from_bits(4), ..Policy::default() });
}

#[test]
fn the_whole_form_of_the_document_is_the_default() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/consent.md")).unwrap();
    let block = text.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    let catalog = catalog(block);
    assert!(catalog.section(Section::Consent).is_empty());
    assert_eq!(catalog.policy(), Policy::default());
}

#[test]
fn what_is_written_is_what_the_engine_judges_by() {
    let policy = catalog(
        "consent:
  default: [store]
  policy:
    europe: { store: [], personalise: [[3, 4, 5, 6]], share: [[1, 10], [24]], legitimate_interest: [], vendor: 755 }
    canada: { measure: [9], publisher: true, purpose_one_unasked: DE }
    united_states: { open: [store, measure], sale: [], sharing: [share], targeted_advertising: [measure], child: [store] }
    global_privacy_control: [measure]
    consent_mode: { store: [], share: [ad_storage, security_storage] }
",
    )
    .policy();
    let default = Policy::default();
    assert_eq!(policy.europe.opens, [[0, 0], [0b111_1000, 0], default.europe.opens[2], [1 << 1 | 1 << 10, 1 << 24]]);
    assert_eq!((policy.europe.interest, policy.europe.vendor, policy.europe.publisher), (0, 755, false));
    assert_eq!(policy.canada.opens[2], [1 << 9, 0]);
    assert_eq!((policy.canada.publisher, policy.canada.unasked), (true, *b"DE"));
    let us = [policy.us.open, policy.us.sale, policy.us.sharing, policy.us.targeted, policy.us.child, policy.gpc];
    assert_eq!(us.map(Permissions::bits), [5, 0, 8, 4, 1, 4]);
    let share = Storage::Ad.bit() | Storage::Security.bit();
    assert_eq!(policy.mode, [0, default.mode[1], default.mode[2], share]);
    assert_eq!(policy.otherwise.bits(), 1);

    let objected = Signals { us_privacy: Some("1YYN"), ..Signals::default() };
    assert_eq!(policy.decide(&objected).permissions.bits(), 5, "a sale closes nothing here");
    let gpc = Signals { gpc: true, ..objected };
    assert_eq!(policy.decide(&gpc).permissions.bits(), 1);
}
