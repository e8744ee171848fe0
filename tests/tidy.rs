//! The floors of the house, read from the sources: a module uses only what stands below it, and nothing reaches for the
//! outside world.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::string_slice,
    reason = "a test that fails here has failed"
)]

use std::fs;
use std::path::{Path, PathBuf};

/// Floor of each module of `src/`; `docs` of `lib.rs` draw the same picture.
const FLOORS: [(&str, u8); 21] = [
    ("id", 0),
    ("time", 0),
    ("random", 0),
    ("hash", 0),
    ("wire", 0),
    ("event", 1),
    ("consent", 1),
    ("catalog", 1),
    ("identity", 2),
    ("profile", 2),
    ("rule", 3),
    ("model", 3),
    ("eligibility", 4),
    ("decision", 5),
    ("content", 5),
    ("bundle", 5),
    ("sync", 5),
    ("journey", 5),
    ("engine", 6),
    ("view", 6),
    ("js", 7),
];

/// Uses between rooms of one floor that are allowed, each with its reason.
const DOORS: [(&str, &str); 7] = [
    ("decision", "journey"), // an explanation names the step at which somebody rests
    ("decision", "content"), // … and why the creative says what it says
    ("catalog", "consent"),  // a bundle says what is permitted by default
    ("random", "hash"),      // the generator is the hash of a counter
    ("id", "hash"),          // a key is the hash of a name
    ("view", "engine"),      // a view looks into a session
    ("sync", "decision"),    // a message names the reason that a decision has (in a link of its documentation)
];

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    found.sort();
    found
}

fn floor(module: &str) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == module).map(|(_, floor)| *floor)
}

fn module(path: &Path) -> String {
    let inner = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap();
    inner.iter().next().unwrap().to_string_lossy().trim_end_matches(".rs").to_owned()
}

#[test]
fn a_module_uses_only_the_floors_below_it() {
    let mut wrong = Vec::new();
    for (path, text) in sources("src") {
        let own = module(&path);
        if own == "lib" {
            continue;
        }
        let Some(height) = floor(&own) else {
            wrong.push(format!("{own} has no floor: give it one in tests/tidy.rs and in src/lib.rs"));
            continue;
        };
        for (line, text) in text.lines().enumerate() {
            for (at, _) in text.match_indices("crate::") {
                let rest = &text[at + 7..];
                let used: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let allowed = used == own
                    || floor(&used).is_some_and(|below| below < height)
                    || DOORS.contains(&(own.as_str(), used.as_str()));
                if !allowed && floor(&used).is_some() {
                    wrong.push(format!("{}:{}: {own} -> {used}", path.display(), line + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that point up or sideways:\n{}", wrong.join("\n"));
}

#[test]
fn the_kernel_is_entered_where_its_tables_are() {
    for (path, text) in sources("src") {
        let own = module(&path);
        let enters = text.contains("petitfour_kernel::");
        assert!(
            !enters || ["lib", "catalog", "rule", "model"].contains(&own.as_str()),
            "{} enters the kernel",
            path.display()
        );
    }
}

#[test]
fn only_the_face_knows_javascript() {
    for (path, text) in sources("src") {
        let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        let knows = ["wasm_bindgen", "js_sys", "web_sys"].iter().any(|name| code.contains(name));
        assert!(!knows || module(&path) == "js", "{} knows JavaScript", path.display());
    }
}

#[test]
fn what_moves_somebody_in_a_journey_is_known_to_the_engine_alone() {
    for folder in [
        "attribution/src",
        "collector/src",
        "cli/src",
        "edge/fastly/src",
        "evaluation/src",
        "hours/src",
        "lifetime/src",
        "models/src",
        "seal/src",
        "training/src",
        "uplift/src",
    ] {
        for (path, text) in sources(folder) {
            for inner in
                ["catalog::Act", "journey::turn", "journey::pass", "journey::resting", ".trigger(", ".asks_page("]
            {
                assert!(!text.contains(inner), "{} judges a journey by itself: {inner}", path.display());
            }
        }
    }
}

/// What is held to the rules of files.
const FOLDERS: [&str; 14] = [
    "src",
    "kernel/src",
    "compiler/src",
    "attribution/src",
    "bid/src",
    "cli/src",
    "collector/src",
    "evaluation/src",
    "hours/src",
    "lifetime/src",
    "models/src",
    "training/src",
    "uplift/src",
    "xtask/src",
];

#[test]
fn production_files_stay_small() {
    for folder in FOLDERS {
        for (path, text) in sources(folder) {
            let code = text.split("#[cfg(test)]").next().unwrap_or_default().lines().count();
            assert!(code <= 600, "{} has {code} lines: is it one noun?", path.display());
        }
    }
}

#[test]
fn file_names_are_nouns_of_the_field() {
    for folder in FOLDERS {
        for (path, _) in sources(folder) {
            let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
            for banned in ["util", "utils", "common", "helper", "helpers", "manager", "misc"] {
                assert!(stem != banned && !stem.ends_with(&format!("_{banned}")), "{}", path.display());
            }
        }
    }
}
