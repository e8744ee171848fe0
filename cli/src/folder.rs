//! Campaign files and tests from disk, and bundles to it: paths and folders to sources, faults to the terminal.

use std::ffi::OsStr;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use petitfour::engine::Engine;
use petitfour_compiler::{Compiled, Diagnostic, Severity, Source, render, story};

use crate::inspect;

/// One of the compiler's ways through campaign files.
pub(crate) type Compile = fn(&[Source], &dyn Fn(&str) -> Option<Vec<u8>>) -> Compiled;

/// Writes a bundle beside its place and renames it: a server that reads the file meanwhile sees the old one or the new one, whole.
pub(crate) fn replace(path: &Path, bundle: &[u8]) -> anyhow::Result<()> {
    let partial = path.with_extension("pf4.partial");
    std::fs::write(&partial, bundle).with_context(|| format!("cannot write {}", partial.display()))?;
    std::fs::rename(&partial, path).with_context(|| format!("cannot write {}", path.display()))
}

/// Reads and compiles the files and folders that were given; the tests among them are left alone.
pub(crate) fn compile_paths(paths: &[PathBuf], compile: Compile) -> anyhow::Result<Compiled> {
    let mut sources = Vec::new();
    let mut places = Vec::new();
    for path in paths {
        let files = files_of(path)?.into_iter().filter(|file| !is_test(file));
        let before = sources.len();
        for file in files {
            places.push(file.parent().map(Path::to_path_buf).unwrap_or_default());
            sources.push(read(&file)?);
        }
        if sources.len() == before && path.is_dir() {
            bail!("{} holds no campaign file; `petitfour new {}` writes one", path.display(), path.display());
        }
    }
    if sources.is_empty() {
        bail!("only tests were given: name the campaign files too, or their folder");
    }
    places.dedup();
    // A model file is named relative to a campaign file; with several folders the first that has it wins.
    let beside = |name: &str| places.iter().find_map(|place| std::fs::read(place.join(name)).ok());
    Ok(compile(&sources, &beside))
}

/// The engine of what was compiled; `None` when there are errors.
pub(crate) fn engine(compiled: &Compiled) -> anyhow::Result<Option<Arc<Engine>>> {
    compiled.bundle.clone().map(load).transpose()
}

/// The engine of a bundle, or of campaign files and folders that are compiled now, with what they declare; `None` when there are
/// errors, which have been printed.
pub(crate) fn open(path: &Path) -> anyhow::Result<Option<(Arc<Engine>, story::Declared)>> {
    let is_yaml = matches!(path.extension().and_then(OsStr::to_str), Some("yaml" | "yml"));
    if !path.is_dir() && !is_yaml {
        let engine = load(inspect::open(path)?.bytes().to_vec())?;
        return Ok(Some((engine, story::Declared::default())));
    }
    let compiled = compile_paths(&[path.to_path_buf()], petitfour_compiler::compile)?;
    let engine = engine(&compiled)?;
    if engine.is_none() {
        print_faults(&compiled);
    }
    Ok(engine.map(|engine| (engine, compiled.declared)))
}

fn load(bundle: Vec<u8>) -> anyhow::Result<Arc<Engine>> {
    let engine = Engine::load(bundle).map_err(|error| anyhow!("{error} ({})", error.code()))?;
    Ok(Arc::new(engine))
}

/// Reads the tests among the files, and in the folders, that were given.
pub(crate) fn tests(paths: &[PathBuf]) -> anyhow::Result<Vec<Source>> {
    let mut sources = Vec::new();
    for path in paths {
        for file in files_of(path)?.iter().filter(|file| is_test(file)) {
            sources.push(read(file)?);
        }
    }
    Ok(sources)
}

/// Whether a file is told as a test by its name.
pub(crate) fn is_test(file: &Path) -> bool {
    let name = file.file_name().and_then(OsStr::to_str).unwrap_or_default();
    story::ENDINGS.iter().any(|ending| name.ends_with(ending))
}

fn read(file: &Path) -> anyhow::Result<Source> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(Source { name: file.display().to_string(), text })
}

/// The files at a path, in the order of their names, so that the bundle does not depend on the disk.
fn files_of(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        if !path.exists() {
            bail!("there is no file or folder {}", path.display());
        }
        return Ok(vec![path.to_path_buf()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).with_context(|| format!("cannot list {}", path.display()))? {
        let file = entry.with_context(|| format!("cannot list {}", path.display()))?.path();
        let yaml = matches!(file.extension().and_then(OsStr::to_str), Some("yaml" | "yml"));
        if yaml && file.is_file() {
            files.push(file);
        }
    }
    if files.is_empty() {
        bail!("{} holds no .yaml file; `petitfour new {}` writes one", path.display(), path.display());
    }
    files.sort();
    Ok(files)
}

/// Prints the faults of a compilation for people.
pub(crate) fn print_faults(compiled: &Compiled) {
    print_all(&compiled.diagnostics, &compiled.sources);
}

/// Prints faults for people to standard error, with a count at the end.
pub(crate) fn print_all(diagnostics: &[Diagnostic], sources: &[Source]) {
    let coloured = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    for diagnostic in diagnostics {
        eprintln!("{}\n", render::diagnostic(diagnostic, sources, coloured));
    }
    let errors = count(diagnostics, Severity::Error);
    let warnings = count(diagnostics, Severity::Warning);
    if errors + warnings > 0 {
        eprintln!("{}, {}", counted(errors, "error"), counted(warnings, "warning"));
    }
}

/// How many diagnostics weigh this much.
pub(crate) fn count(diagnostics: &[Diagnostic], severity: Severity) -> usize {
    diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count()
}

/// `1 error`, `2 errors`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
