//! Yesterday's bytes: a frozen campaign file compiles to a frozen bundle, and the bundle still opens.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use petitfour::bundle;
use petitfour_compiler::{Source, compile};

/// Hash of the bundle that `compat/format-1.yaml` compiles to. It covers the version of the compiler, which the bundle
/// tells, so a release changes it; anything else that does must say why in its commit.
const HASH: u64 = 0x75020400c2afc003;

#[test]
fn the_frozen_file_compiles_to_the_frozen_bundle() {
    let text = include_str!("compat/format-1.yaml").to_owned();
    let compiled = compile(&[Source { name: "format-1.yaml".to_owned(), text }], &|_| None);
    // `ad` has no fallback on purpose.
    assert_eq!(compiled.diagnostics.iter().map(|it| it.code).collect::<Vec<_>>(), ["placement/no-fallback"]);
    let bytes = compiled.bundle.unwrap();
    let catalog = bundle::open(bytes.clone()).unwrap();
    assert_eq!(format!("{:016x}", catalog.hash()), format!("{HASH:016x}"));
    assert!(bytes == include_bytes!("compat/format-1.pf4"));
}

#[test]
fn the_frozen_bundle_opens_and_says_what_it_said() {
    let catalog = bundle::open(include_bytes!("compat/format-1.pf4").to_vec()).unwrap();
    assert_eq!((catalog.version(), catalog.default_permissions().bits()), (7, 0b0101));
    let names: Vec<&str> = catalog.campaigns().map(|campaign| catalog.string(campaign.name())).collect();
    assert_eq!(names, ["second", "everything"]);
    let campaign = catalog.campaign(1).unwrap();
    assert_eq!((campaign.priority(), campaign.value(), campaign.holdout()), (-5, 1_250, 1_250));
    assert_eq!((campaign.from(), campaign.until()), (1_780_264_800_000, 1_788_242_400_000));
    let caps = (campaign.cap_hour(), campaign.cap_day(), campaign.cap_week(), campaign.cap_total());
    assert_eq!(caps, (Some(1), Some(2), Some(3), Some(4)));
    assert!(campaign.reads_profile() && campaign.stock().is_some() && campaign.model().is_some());
    let creative = catalog.creative(campaign.first_creative()).unwrap();
    assert_eq!(catalog.string(creative.content()), r#"{"headline":"Größer \"als\" \\ früher"}"#);
}
