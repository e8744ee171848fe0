//! The JavaScript of each entry, bundled by esbuild as a page's own bundler would; that of the script tag is minified once more.

use std::path::Path;

use anyhow::{Context, Result, bail};

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

/// Names of properties that the tag's own files alone have for each other; in the tag they get a letter or two, 115 bytes after brotli.
/// Nothing that a page, another file, a server or a store sees may be among them.
const INNER: [&str; 37] = [
    "act",
    "anyhow",
    "beacon",
    "bins",
    "both",
    "choose",
    "clicked",
    "drain",
    "elsewhere",
    "erase",
    "fresh",
    "gone",
    "holds",
    "judged",
    "judging",
    "kinds",
    "later",
    "leave",
    "leaves",
    "listen",
    "permit",
    "pointer",
    "post",
    "pull",
    "pump",
    "remembered",
    "replay",
    "seen",
    "settle",
    "settled",
    "stands",
    "tell",
    "timer",
    "undo",
    "unshare",
    "used",
    "watches",
];

/// What speaks with the tag, and is not part of it: files that it loads, and what is promised to a page.
const OUTER: [&str; 9] = [
    "eids.mjs",
    "identify.mjs",
    "index.d.ts",
    "lens.mjs",
    "mapping.mjs",
    "petitfour_reader.js",
    "reader.mjs",
    "script.d.ts",
    "signature.mjs",
];

/// Refuses a name of [`INNER`] that is said outside of the tag.
fn inner_is_inner(stage: &Path) -> Result<()> {
    for file in OUTER {
        let text = std::fs::read_to_string(stage.join(file)).with_context(|| format!("{file} is missing"))?;
        if let Some(name) = INNER.iter().find(|name| says(&text, name)) {
            bail!("{file} says {name}: take it out of INNER in xtask/src/package/script.rs, or give it another name");
        }
    }
    Ok(())
}

/// Whether a line of code, not of comments, has that word.
fn says(text: &str, word: &str) -> bool {
    let code = text.lines().map(str::trim).filter(|line| !["*", "/*", "//"].iter().any(|mark| line.starts_with(mark)));
    code.flat_map(|line| line.split(|letter: char| !(letter.is_alphanumeric() || letter == '_')))
        .any(|said| said == word)
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
        inner_is_inner(stage)?;
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
    terser.args(["--ecma", "2022", "--toplevel", "--compress", "passes=2", "--mangle"]);
    terser.args(["--mangle-props", &format!("regex=/^({})$/", INNER.join("|")), "--output"]).arg(script);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_said_in_code_and_not_in_comments() {
        assert!(says("  host.later(wait)", "later"));
        assert!(says("export function leave(): void;", "leave"));
        assert!(!says("/**\n * Sent later.\n */\n// later", "later"));
        assert!(!says("elsewhere_too", "elsewhere"));
    }
}
