//! The record of a figure.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Writes a figure to `target/claims/<name>.json` in the repository's root, where `cargo xtask claims` reads it.
pub fn claim(name: &str, value: impl serde::Serialize, unit: &str, bound: &str, holds: bool, command: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let folder: PathBuf = root.join("target").join("claims");
    fs::create_dir_all(&folder).expect("target can be written");
    let measured = serde_json::json!({
        "name": name, "value": value, "unit": unit, "bound": bound, "holds": holds, "command": command,
        "date": run("date", &["-u", "+%Y-%m-%dT%H:%M:%SZ"], root),
        "commit": run("git", &["rev-parse", "HEAD"], root),
    });
    let text = serde_json::to_string_pretty(&measured).expect("plain values");
    fs::write(folder.join(format!("{name}.json")), text).expect("target can be written");
}

/// The first line a command prints; empty when it cannot run (a tarball has no commit, and its figures count as stale).
fn run(program: &str, arguments: &[&str], folder: &Path) -> String {
    let output = Command::new(program).args(arguments).current_dir(folder).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}
