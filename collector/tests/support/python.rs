//! The Python that a crate's tests speak with. Tests of other crates take this file too.

use std::{fs, path::Path, path::PathBuf};

/// The Python of the packages that the crate's `tests/requirements.txt` pins, where `cargo xtask setup` puts it.
#[allow(dead_code, reason = "some tests take another crate's")]
pub fn python() -> String {
    python_of(Path::new(env!("CARGO_MANIFEST_DIR")))
}

/// The Python of another crate's packages.
pub fn python_of(package: &Path) -> String {
    let list = fs::read(package.join("tests/requirements.txt")).expect("a list");
    let hash = list
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    let set = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache"))).expect("HOME");
    let python = cache.join("petitfour").join(format!("python-{hash:016x}/bin/python"));
    assert!(python.is_file(), "{} is missing: cargo xtask setup makes it", python.display());
    python.display().to_string()
}
