//! Where things are: the root of the clone, the build folder, the results folder.
//!
//! Builds go where Cargo puts them (`CARGO_TARGET_DIR` is honoured, so that a build server may keep them between runs);
//! results always go to `target/` of this clone, where the documents say they are. Two clones that exist at the same time
//! must not share a build folder: Cargo then takes one's members for the other's and rebuilds nothing (seen with 1.95).

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

/// The folders of one clone.
pub struct Workspace {
    root: PathBuf,
    build: PathBuf,
}

impl Workspace {
    /// Finds the clone that this binary was built from.
    ///
    /// # Errors
    /// When the manifest's folder has no parent, which only a moved binary can bring about.
    pub fn locate() -> Result<Self> {
        // Set by `cargo run`; the compiled-in value serves when the binary is called directly.
        let manifest = env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
        let root = Path::new(&manifest).parent().context("xtask/ has no parent folder")?.to_owned();
        if !root.join("Cargo.toml").is_file() {
            bail!("{} is not the project; run `cargo xtask` inside a clone", root.display());
        }
        let build = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir));
        Ok(Self { root, build })
    }

    /// The root of the clone.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where Cargo builds.
    pub fn build(&self) -> &Path {
        &self.build
    }

    /// Where results go: `target/` of this clone, whatever `CARGO_TARGET_DIR` says.
    pub fn results(&self) -> PathBuf {
        self.root.join("target")
    }

    /// The finished npm package.
    pub fn pkg(&self) -> PathBuf {
        self.root.join("pkg")
    }

    /// The folder that holds the pinned npm tools and the tests of the shipped package.
    pub fn wasm_tests(&self) -> PathBuf {
        self.root.join("wasm-tests")
    }

    /// A binary that Cargo built in the given profile folder (`debug`, `release`).
    pub fn binary(&self, profile: &str, name: &str) -> PathBuf {
        self.build.join(profile).join(format!("{name}{}", env::consts::EXE_SUFFIX))
    }

    /// The version that every member shares.
    pub fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    /// A call of Cargo in this clone.
    ///
    /// `RUSTFLAGS` is dropped: set in the environment it would silently replace the flags of `.cargo/config.toml`, and
    /// the wasm module would lose its SIMD.
    pub fn cargo(&self) -> Command {
        let mut cargo = self.tool(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
        // Cargo sets these for the program that it runs; passed on, they would look like changed inputs to build scripts.
        for (name, _) in env::vars_os() {
            let inherited = name.to_str().is_some_and(|name| {
                name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") || name == "CARGO_PRIMARY_PACKAGE"
            });
            if inherited {
                cargo.env_remove(name);
            }
        }
        cargo
    }

    /// A call of another program in this clone.
    pub fn tool(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        if let Ok(door) = env::current_exe() {
            // So that a test or a bench records a claim without asking Cargo, which would wait for its own lock.
            command.env("PETITFOUR_XTASK", door);
        }
        command
    }

    /// A call of Node in this clone; with a path below `node_modules/` it runs a pinned tool.
    pub fn node(&self) -> Command {
        self.tool("node")
    }

    /// A file below the pinned tools' `node_modules/`.
    pub fn node_module(&self, path: &str) -> PathBuf {
        self.wasm_tests().join("node_modules").join(path)
    }
}
