//! Every page of the demo, fetched once: answered with 200, the right type, and the very bytes on disk where it is a file.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use crate::workspace::Workspace;

/// Files of the package that a page may ask for.
const SHIPPED: [&str; 8] = [
    "script.js",
    "petitfour_bg.wasm",
    "lens.mjs",
    "petitfour_lens.js",
    "petitfour_lens_bg.wasm",
    "reader.mjs",
    "petitfour_reader.js",
    "petitfour_reader_bg.wasm",
];

/// Pages that the collector makes itself, with a word that each must contain.
const MADE: [(&str, &str); 5] = [
    ("/collector", "Coming in"),
    ("/collector/campaigns", "Lift"),
    ("/collector/person", "Find somebody"),
    ("/health", "live"),
    ("/metrics", "petitfour"),
];

/// Fetches every page and file once; each is printed with its size.
///
/// # Errors
/// When one does not answer, or not with what it should.
pub fn every_page(workspace: &Workspace, url: &str) -> Result<()> {
    let mut faults = 0;
    let mut see = |path: &str, outcome: Result<usize>| match outcome {
        Ok(bytes) => println!("  ok    {path} ({bytes} bytes)"),
        Err(error) => {
            faults += 1;
            println!("  FAULT {path}: {error:#}");
        }
    };
    for (path, word) in MADE {
        see(path, made(url, path, word));
    }
    see("/bundle.pf4", fetch(url, "/bundle.pf4").and_then(|page| starts(&page.body, b"PF4B")));
    see("/", served(url, "/", &workspace.root().join("www/index.html")));
    for file in SHIPPED {
        see(&format!("/pkg/{file}"), served(url, &format!("/pkg/{file}"), &workspace.pkg().join(file)));
    }
    let www = workspace.root().join("www");
    for file in files(&www)? {
        let path = format!("/{}", file.strip_prefix(&www).unwrap_or(&file).display());
        see(&path, served(url, &path, &file));
    }
    if faults > 0 { bail!("{faults} pages do not answer as they should") } else { Ok(()) }
}

struct Page {
    kind: String,
    body: Vec<u8>,
}

fn fetch(url: &str, path: &str) -> Result<Page> {
    let mut answer = ureq::get(format!("{url}{path}")).call()?;
    let kind = answer.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_owned();
    let body = answer.body_mut().read_to_vec()?;
    Ok(Page { kind, body })
}

fn made(url: &str, path: &str, word: &str) -> Result<usize> {
    let page = fetch(url, path)?;
    if !String::from_utf8_lossy(&page.body).contains(word) {
        bail!("{word:?} is not in the answer");
    }
    Ok(page.body.len())
}

fn served(url: &str, path: &str, file: &Path) -> Result<usize> {
    let page = fetch(url, path)?;
    let wanted = fs::read(file).with_context(|| format!("{} is missing", file.display()))?;
    if page.body != wanted {
        bail!("{} bytes came, {} are on disk", page.body.len(), wanted.len());
    }
    // A browser streams wasm and runs modules only under their own types.
    let kind = match file.extension().and_then(|extension| extension.to_str()) {
        Some("wasm") => "application/wasm",
        Some("js" | "mjs") => "text/javascript",
        Some("html") => "text/html",
        Some("css") => "text/css",
        Some("svg") => "image/svg+xml",
        _ => "",
    };
    if !page.kind.starts_with(kind) {
        bail!("the type is {:?}, not {kind}", page.kind);
    }
    Ok(page.body.len())
}

fn starts(body: &[u8], magic: &[u8]) -> Result<usize> {
    if body.starts_with(magic) { Ok(body.len()) } else { bail!("it does not begin as a bundle does") }
}

/// Every file below a folder, sorted.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.extend(files(&entry.path())?);
        } else {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}
