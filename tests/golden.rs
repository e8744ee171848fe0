//! The contract between the surfaces: golden scenarios, played natively here, in Node and in Chromium by
//! `wasm-tests/golden.test.mjs`, come to the same transcript byte for byte.
//!
//! `PETITFOUR_RECORD=1 cargo test --test golden` writes the transcripts anew, but only when everything that a person wrote
//! beside the steps still holds.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "only tests come here, though not from a function that Clippy knows as one"
)]

mod support;

use petitfour::engine::{Engine, Reason};
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::Arc;
use std::{env, fs};
use support::player::Player;
use support::scenario::{Theme, themes};

/// The least number of scenarios that the project promises.
const PROMISED: usize = 44;

#[test]
fn every_scenario_comes_out_as_written_and_byte_for_byte_as_recorded() {
    let engines = engines();
    let (mut surprises, mut differences) = (Vec::new(), Vec::new());
    let (mut names, mut seen) = (BTreeSet::new(), BTreeSet::new());
    let mut transcripts = Vec::new();
    for (file, theme) in themes() {
        let mut transcript = String::new();
        for scenario in &theme.scenarios {
            assert!(names.insert(scenario.name.clone()), "two scenarios say: {}", scenario.name);
            let campaigns = scenario.campaigns.as_ref().unwrap_or(&theme.campaigns);
            let player = Player::play(engines[campaigns].clone(), scenario, campaigns);
            transcript.push_str(&player.transcript);
            transcript.push('\n');
            seen.extend(player.reasons);
            surprises.extend(player.surprises.into_iter().map(|surprise| format!("{file}: {surprise}")));
        }
        transcripts.push((file, transcript));
    }
    assert!(surprises.is_empty(), "{} surprises:\n  {}", surprises.len(), surprises.join("\n  "));
    let missing: Vec<Reason> = Reason::ALL.into_iter().filter(|reason| !seen.contains(reason)).collect();
    assert!(missing.is_empty(), "no scenario shows {missing:?}");
    assert!(names.len() >= PROMISED, "only {} scenarios", names.len());
    for (file, transcript) in &transcripts {
        let path = support::root().join(format!("tests/golden/{file}.transcript"));
        if env::var_os("PETITFOUR_RECORD").is_some() {
            fs::write(&path, transcript).expect("a transcript is written");
        }
        let golden = fs::read_to_string(&path).unwrap_or_default();
        differences.extend(difference(file, &golden, transcript));
    }
    assert!(differences.is_empty(), "not as recorded:\n{}", differences.join("\n"));
    claim("golden.scenarios", names.len());
}

#[test]
fn a_moment_is_read_as_the_calendar_has_it() {
    assert_eq!(support::moment("1970-01-01T00:00:00Z").now.0, 0);
    let noon = support::moment("2026-11-22T14:00:00.250+02:00");
    assert_eq!((noon.now.0, noon.offset_minutes), (1_795_348_800_250, 120));
    assert_eq!(support::moment("2024-02-29T23:59:59-00:30").now.0, 1_709_252_999_000);
}

/// Compiles every campaign file once, and leaves the bundles where the other surfaces find them.
fn engines() -> BTreeMap<String, Arc<Engine>> {
    let folder = support::root().join("target/golden");
    fs::create_dir_all(&folder).expect("target/golden");
    let named: BTreeSet<String> = themes().into_iter().flat_map(|(_, theme)| campaign_files(theme)).collect();
    named
        .into_iter()
        .map(|name| {
            let path = support::root().join(format!("tests/golden/campaigns/{name}.yaml"));
            let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let bundle = support::bundle(&format!("{name}.yaml"), &text);
            fs::write(folder.join(format!("{name}.pf4")), &bundle).expect("a bundle is written");
            (name, Arc::new(Engine::load(bundle).expect("a bundle that was just compiled opens")))
        })
        .collect()
}

fn campaign_files(theme: Theme) -> Vec<String> {
    let own = theme.scenarios.into_iter().filter_map(|scenario| scenario.campaigns);
    own.chain([theme.campaigns]).collect()
}

/// The first line in which two transcripts differ, with its scenario.
fn difference(file: &str, golden: &str, played: &str) -> Option<String> {
    if golden == played {
        return None;
    }
    let mut scenario = "";
    for (number, (was, is)) in (1..).zip(golden.lines().zip(played.lines())) {
        scenario = if is.starts_with("# ") { is } else { scenario };
        if was != is {
            return Some(format!("{file}.transcript:{number} {scenario}\n  was {was}\n  is  {is}"));
        }
    }
    Some(format!("{file}.transcript: {} lines, not {}", played.lines().count(), golden.lines().count()))
}

/// Records a figure when the suite runs; a plain `cargo test` has nowhere to write it.
fn claim(name: &str, value: usize) {
    let Some(door) = env::var_os("PETITFOUR_XTASK") else { return };
    let mut claims = Command::new(door);
    // Cargo names the folder of this package there, and xtask would take it for its own.
    claims.env_remove("CARGO_MANIFEST_DIR").args(["claims", "--record", &format!("{name}={value}")]);
    let status = claims.status();
    assert!(status.is_ok_and(|status| status.success()), "the claim {name} was not recorded");
}
