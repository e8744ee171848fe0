//! The JavaScript of each entry, bundled by esbuild as a page's own bundler would; that of the script tag is minified once more.

use std::path::Path;

use anyhow::Result;

use super::module::Shape;
use crate::{step::quiet, workspace::Workspace};

/// How a bundle is meant to be loaded.
#[derive(Clone, Copy)]
pub enum Form {
    /// By a `<script>` tag.
    Tag,
    /// As an ES module.
    Module,
    /// As an ES module under Node.
    Node,
}

/// Bundles `script.mjs` of the staged package into `script.js` beside it.
///
/// A classic script has no `import.meta`; the glue's default address of the wasm is dead code there, since
/// `script.mjs` names the address relative to its own tag.
///
/// # Errors
/// When esbuild fails.
pub fn bundle(workspace: &Workspace, stage: &Path, shape: Shape) -> Result<()> {
    esbuild(workspace, &stage.join("script.mjs"), &stage.join("script.js"), Form::Tag, shape)?;
    if shape == Shape::Release {
        terser(workspace, &stage.join("script.js"))?;
    }
    // The source of the bundle is of no use beside it.
    std::fs::remove_file(stage.join("script.mjs"))?;
    Ok(())
}

/// Minifies a classic script in place. Both tools write as many letters; this one gives the same letter to more names, and
/// brotli takes 774 bytes less for that.
fn terser(workspace: &Workspace, script: &Path) -> Result<()> {
    let mut terser = workspace.node();
    terser.arg(workspace.node_module("terser/bin/terser")).arg(script);
    terser.args(["--ecma", "2022", "--toplevel", "--compress", "passes=2", "--mangle", "--output"]).arg(script);
    quiet(&mut terser).map(drop)
}

/// Runs esbuild on one entry.
///
/// # Errors
/// When esbuild fails.
pub fn esbuild(workspace: &Workspace, entry: &Path, out: &Path, form: Form, shape: Shape) -> Result<()> {
    let mut esbuild = workspace.node();
    esbuild.arg(workspace.node_module("esbuild/bin/esbuild")).arg(entry);
    esbuild.args(["--bundle", "--target=es2022", "--log-level=error", "--legal-comments=none"]);
    esbuild.arg(format!("--outfile={}", out.display()));
    // Loaded on demand, as a separate file: what a page does not fetch is not part of its entry.
    for file in ["lens.mjs", "lens.node.mjs", "reader.mjs", "reader.node.mjs", "identify.mjs", "mapping.mjs"] {
        esbuild.arg(format!("--external:./{file}"));
    }
    match form {
        Form::Tag => esbuild.args(["--format=iife", "--define:import.meta.url=undefined"]),
        Form::Module => esbuild.args(["--format=esm"]),
        Form::Node => esbuild.args(["--format=esm", "--platform=node"]),
    };
    if shape == Shape::Release {
        esbuild.arg("--minify");
    }
    quiet(&mut esbuild).map(drop)
}
