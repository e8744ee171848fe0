//! `cargo xtask pkg`: Rust and `pkg-template/` in, the npm package in `pkg/` and its tarball out.
//!
//! Three wasm modules come from the one crate: the one that every visitor downloads, and two that one `--cfg` each makes
//! and a page loads on demand, the lens (explain, profile, inspect) and the reader (consent, identifiers). Everything is put together in a staging folder that
//! takes the place of `pkg/` at the end, so that nobody ever reads half a package.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::{
    setup::{self, Part},
    step::{quiet, step},
    workspace::Workspace,
};

mod glue;
pub mod module;
mod order;
pub mod script;

use module::{Module, Shape};

/// Build the npm package into pkg/ and its tarball into target/.
#[derive(Args)]
#[command(after_help = "Examples:\n  cargo xtask pkg         as it is shipped: optimised, stripped\n  \
                        cargo xtask pkg --dev   quick to build, with names in stack traces")]
pub struct Options {
    /// Build as shipped (the default).
    #[arg(long, conflicts_with = "dev")]
    release: bool,
    /// Build quickly: no optimisation, function names kept.
    #[arg(long)]
    dev: bool,
}

/// Runs the command; the answer is the path of the tarball.
///
/// # Errors
/// When a part cannot be installed or a tool fails.
pub fn run(workspace: &Workspace, options: &Options) -> Result<PathBuf> {
    build(workspace, if options.dev { Shape::Dev } else { Shape::Release })
}

/// Builds the package in the given shape; the answer is the path of the tarball.
///
/// # Errors
/// As [`run`].
pub fn build(workspace: &Workspace, shape: Shape) -> Result<PathBuf> {
    // Several steps of the suite ask for it; within one run the first answer serves them all.
    static BUILT: OnceLock<(Shape, PathBuf)> = OnceLock::new();
    match BUILT.get() {
        Some((built, tarball)) if *built == shape => Ok(tarball.clone()),
        _ => {
            let tarball = assemble(workspace, shape)?;
            let _ = BUILT.set((shape, tarball.clone()));
            Ok(tarball)
        }
    }
}

fn assemble(workspace: &Workspace, shape: Shape) -> Result<PathBuf> {
    setup::need(workspace, &[Part::WasmBrowser, Part::Npm])?;
    let stage = workspace.results().join("pkg-stage");
    if stage.exists() {
        fs::remove_dir_all(&stage)?;
    }
    fs::create_dir_all(&stage)?;

    for module in Module::ALL {
        step(module.title(), || module.emit(workspace, shape, &stage))?;
    }
    step("package files and script tag build", || {
        copy(&workspace.root().join("pkg-template"), &stage)?;
        licences(workspace, &stage)?;
        same_version(workspace, &stage)?;
        script::bundle(workspace, &stage, shape)
    })?;

    let pkg = workspace.pkg();
    if pkg.exists() {
        fs::remove_dir_all(&pkg)?;
    }
    fs::rename(&stage, &pkg).context("pkg-stage could not take the place of pkg/")?;
    let tarball = step("npm pack", || pack(workspace))?;
    println!("  {} and {}", shown(workspace, &pkg), shown(workspace, &tarball));
    Ok(tarball)
}

/// Packs `pkg/` as npm would publish it.
fn pack(workspace: &Workspace) -> Result<PathBuf> {
    let results = workspace.results();
    quiet(
        workspace
            .tool("npm")
            .current_dir(workspace.pkg())
            .args(["pack", "--ignore-scripts", "--loglevel=error", "--pack-destination"])
            .arg(&results),
    )?;
    let tarball = results.join(format!("petitfour-{}.tgz", workspace.version()));
    if !tarball.is_file() {
        bail!("npm pack did not write {}: is the name in pkg-template/package.json `petitfour`?", tarball.display());
    }
    Ok(tarball)
}

/// A template whose version was forgotten would publish one thing under the name of another.
fn same_version(workspace: &Workspace, stage: &Path) -> Result<()> {
    let manifest: serde_json::Value =
        serde_json::from_slice(&fs::read(stage.join("package.json")).context("pkg-template/package.json is missing")?)?;
    let version = manifest.get("version").and_then(serde_json::Value::as_str).unwrap_or_default();
    if version != workspace.version() {
        bail!("pkg-template/package.json says version {version:?}, Cargo.toml says {:?}", workspace.version());
    }
    Ok(())
}

fn licences(workspace: &Workspace, stage: &Path) -> Result<()> {
    for name in ["LICENSE-APACHE", "LICENSE-MIT"] {
        let source = workspace.root().join(name);
        if source.is_file() {
            fs::copy(source, stage.join(name))?;
        }
    }
    Ok(())
}

/// Copies a folder and what is below it.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

fn shown(workspace: &Workspace, path: &Path) -> String {
    path.strip_prefix(workspace.root()).unwrap_or(path).display().to_string()
}
