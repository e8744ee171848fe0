//! The compiler of campaign files: readable YAML in, every fault with its line, or one binary bundle out.
//!
//! ```
//! use petitfour_compiler::{Source, compile};
//!
//! let text = "petitfour: 1
//! version: 1
//! placements: { hero: { fallback: house } }
//! fallbacks: { house: { headline: Hello } }
//! campaigns:
//!   - { id: sunny, placements: [hero], creatives: [{ id: sun, headline: Out you go }] }
//! ";
//! let compiled = compile(&[Source { name: "campaigns.yaml".into(), text: text.into() }], &|_| None);
//! assert!(compiled.diagnostics.is_empty());
//! assert!(compiled.bundle.is_some());
//! ```
//!
//! The way of a folder: [`source`] reads YAML into trees with places; `folder` and its rooms (`campaign`, `segment`,
//! `declaration`, `policy`, `scorer`, `journey`, `content`) read the trees by shape; `check` and `condition` find what the names mean; `dnf` turns segments
//! into conjuncts; `attribute` and `bits` turn conjuncts into bins and bit rows; `quantise` turns models into integers, `forest` trees, written or
//! `trained` elsewhere, of which `given` makes one for each campaign that says features; `layout` writes the file. [`render`] draws diagnostics for people. [`story`] reads the tests that stand beside campaign
//! files, [`sentence`] what a marketer says of a model's features.
//!
//! Invariants: the same sources give the same bytes; no clock, no random source, no file is read except through the
//! function that the caller hands in; a bundle is written only when there is no error.

mod attribute;
mod bid;
mod bits;
mod campaign;
mod check;
mod column;
mod condition;
mod content;
mod declaration;
pub mod diagnostic;
mod dnf;
mod explore;
mod exposures;
mod folder;
mod forest;
mod given;
mod journey;
mod layout;
pub mod people;
mod period;
mod plan;
mod policy;
mod quantise;
mod question;
mod reader;
mod regression;
pub mod render;
mod scorer;
mod segment;
pub mod sentence;
mod set;
pub mod source;
pub mod story;
mod trained;

pub use diagnostic::{Diagnostic, Severity};
pub use dnf::MAX_CONJUNCTS;
pub use period::{date, moment};
pub use source::Source;

/// What came of a compilation.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The bundle; `None` when some diagnostic is an error.
    pub bundle: Option<Vec<u8>>,
    /// Every fault and warning, in the order of the files.
    pub diagnostics: Vec<Diagnostic>,
    /// The campaign files and the model files that they name, for [`render`].
    pub sources: Vec<Source>,
    /// What a bundle does not say of the names that it uses, for the reader of [`story`] files.
    pub declared: story::Declared,
}

/// Compiles campaign files, merged in the order in which they are given.
///
/// `files` reads a model file by the name that a campaign file gives it; `|_| None` when there are none.
#[must_use]
pub fn compile(sources: &[Source], files: &dyn Fn(&str) -> Option<Vec<u8>>) -> Compiled {
    compile_with(sources, files, |_| {})
}

/// Compiles the named segments of campaign files, for an origin that asks them of whole persons ([`people`]).
///
/// Faults are those of [`compile`]. The bundle has no campaign when no segment can be asked without a page.
#[must_use]
pub fn compile_segments(sources: &[Source], files: &dyn Fn(&str) -> Option<Vec<u8>>) -> Compiled {
    compile_with(sources, files, people::ask)
}

fn compile_with(
    sources: &[Source],
    files: &dyn Fn(&str) -> Option<Vec<u8>>,
    change: impl FnOnce(&mut folder::Folder),
) -> Compiled {
    let mut sources = sources.to_vec();
    let mut report = diagnostic::Report::default();
    let mut folder = folder::Folder::read(&mut sources, files, &mut report);
    check::folder(&folder, &mut report);
    journey::weave::weave(&mut folder, &mut report);
    let declared = story::Declared::of(&folder);
    change(&mut folder);
    let plan = plan::Plan::make(&folder, &mut report);
    let bundle = plan.and_then(|plan| layout::write(&plan, &mut report)).filter(|_| !report.has_errors());
    Compiled { bundle, diagnostics: report.finish(&sources), sources, declared }
}
