//! Tests as marketers write them, beside the campaign files: a visitor, what happens to them, and what they see.
//!
//! Reading decides everything that can be decided without playing: that every name exists and stands where the story looks for
//! it, and at which moment each step happens. So a slip of the pen is a fault at its line, never a test that passes for the
//! wrong reason. Playing is the command line's work.
//!
//! Invariant: time never runs backwards within a story.

mod clock;
mod names;
mod sight;
mod stand;
mod step;

use std::collections::BTreeMap;

use petitfour::consent::Permissions;
use petitfour::time::Moment;

use crate::declaration;
use crate::diagnostic::{self, Diagnostic, Place, Report, Severity};
use crate::reader::{self, Fields, Word};
use crate::source::{self, Entry, Node, Source, Span, Value};

pub use names::{Declared, Names};
pub use sight::{Look, Sight, Sought, Why};
pub use stand::{Footing, Stand};
pub use step::{Act, Levels, Step, Told};

/// What the name of a test file ends with, by which it is told from a campaign file.
pub const ENDINGS: [&str; 2] = [".test.yaml", ".test.yml"];

/// The tests of some files.
#[derive(Clone, Debug)]
pub struct Stories {
    /// Those that could be read, in the order of the files.
    pub stories: Vec<Story>,
    /// Every fault and warning.
    pub diagnostics: Vec<Diagnostic>,
    /// The files.
    pub sources: Vec<Source>,
}

/// One test.
#[derive(Clone, Debug)]
pub struct Story {
    /// A sentence that is true.
    pub name: Word,
    /// Who the visitor is to holdouts and splits.
    pub chance: Chance,
    /// What happens, in this order.
    pub steps: Vec<Step>,
}

/// Who the visitor is to holdouts and splits: they go by a hash of the visitor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chance {
    /// The visitor of this number.
    Seed(u64),
    /// One whom these campaigns and journeys hold out, and no others do.
    HeldOut(Vec<String>),
}

impl Stories {
    /// Whether anything keeps the tests from being played.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// File, line and column of a span.
    #[must_use]
    pub fn place(&self, span: Span) -> Place {
        diagnostic::place(span, &self.sources)
    }
}

/// Reads test files that were written for a bundle.
#[must_use]
pub fn read(sources: &[Source], names: &Names) -> Stories {
    let mut report = Report::default();
    let mut stories: Vec<Story> = Vec::new();
    for (file, source) in sources.iter().enumerate() {
        if let Some(tree) = source::parse(file, &source.text, &mut report) {
            stories.extend(read_file(&tree, names, &mut report));
        }
    }
    let mut seen: BTreeMap<&str, Span> = BTreeMap::new();
    for Story { name, .. } in &stories {
        if let Some(first) = seen.insert(&name.text, name.span) {
            report
                .error("test/duplicate", name.span, "two tests have this name")
                .remedy("give one of the two another name")
                .related(first, "first written here");
        }
    }
    Stories { diagnostics: report.finish(sources), stories, sources: sources.to_vec() }
}

/// Lines that a test may have of its own, and a file for all its tests.
struct Common<'a> {
    visitor: Option<&'a Entry>,
    start: Option<&'a Entry>,
}

impl<'a> Common<'a> {
    fn take(fields: &mut Fields<'a>) -> Self {
        Self { visitor: fields.take("visitor"), start: fields.take("start") }
    }
}

fn read_file(tree: &Node, names: &Names, report: &mut Report) -> Vec<Story> {
    let Some(mut fields) = Fields::of(tree, "a test file", report) else { return Vec::new() };
    if let Some(entry) = fields.take("petitfour")
        && reader::whole(&entry.node, "petitfour", (1, i64::MAX), report).is_some_and(|format| format > FORMAT)
    {
        report
            .error("file/format", entry.node.span, "this format of test files is newer than this command reads")
            .remedy("update petitfour");
    }
    let common = Common::take(&mut fields);
    let before = fields.take("before");
    let tests = fields.need("tests", report);
    // A place for anchors, as in campaign files.
    let _ = fields.take("x-parts");
    fields.finish(report);
    let items = tests.map_or(&[][..], |entry| reader::list(&entry.node, "`tests`", report));
    items.iter().filter_map(|item| Story::read(item, &common, before, names, report)).collect()
}

impl Story {
    fn read(
        node: &Node,
        common: &Common<'_>,
        before: Option<&Entry>,
        names: &Names,
        report: &mut Report,
    ) -> Option<Self> {
        let mut fields = Fields::of(node, "a test", report)?;
        let name = fields.need_word("name", report);
        let own = Common::take(&mut fields);
        let steps = fields.need("steps", report);
        fields.finish(report);
        let start = own.start.or(common.start);
        if start.is_none() {
            report
                .error("file/missing-key", name.as_ref().map_or(node.span, |name| name.span), "a test has no `start`")
                .remedy("say when it begins, in the test or for the whole file: `start: 2026-06-01 09:00 +02:00`");
        }
        let start = start.and_then(|entry| clock::start(&entry.node, report))?;
        let (chance, first) = read_visitor(&own, common, start, names, report);
        let mut now = start;
        let mut all = vec![first];
        for entry in before.into_iter().chain(steps) {
            let steps = reader::list(&entry.node, &format!("`{}`", entry.key), report);
            all.extend(steps.iter().filter_map(|step| Step::read(step, &mut now, names, report)));
        }
        step::check_order(&all, report);
        Some(Self { name: name?, chance, steps: all })
    }

    /// When it is over.
    #[must_use]
    pub fn end(&self) -> Moment {
        self.steps.last().map_or_else(Moment::default, Step::end)
    }
}

/// The visitor, and what is said of them as the first step. A line of the test's own comes before the file's.
fn read_visitor(
    own: &Common<'_>,
    common: &Common<'_>,
    start: Moment,
    names: &Names,
    report: &mut Report,
) -> (Chance, Step) {
    let span = own.visitor.or(common.visitor).map(|entry| entry.key_span).unwrap_or_default();
    let mut both: Vec<Fields<'_>> = Vec::new();
    for entry in [own.visitor, common.visitor].into_iter().flatten() {
        both.extend(Fields::of(&entry.node, "a visitor", report));
    }
    let mut take = |key: &'static str| both.iter_mut().map(|fields| fields.take(key)).fold(None, Option::or);
    let (permits, traits, members) = (take("permits"), take("traits"), take("members"));
    let (seed, held_out) = (take("seed"), take("held_out"));
    both.into_iter().for_each(|fields| fields.finish(report));
    let permits = permits.map_or(Permissions::ALL, |entry| read_permits(&entry.node, report));
    let mut acts = vec![Act::Permit(permits)];
    acts.extend(traits.into_iter().flat_map(|entry| step::read_traits(&entry.node, names, report)));
    acts.extend(members.into_iter().flat_map(|entry| step::read_members(&entry.node, names, report)));
    if let (Some(seed), Some(held_out)) = (seed, held_out) {
        report
            .error("test/chance", held_out.key_span, "`seed` says already whom holdouts leave alone")
            .remedy("keep one of the two")
            .related(seed.key_span, "here");
    }
    let seed = seed.and_then(|entry| reader::whole(&entry.node, "seed", (0, i64::MAX), report));
    let chance = match seed.and_then(|seed| u64::try_from(seed).ok()) {
        Some(seed) => Chance::Seed(seed),
        None => Chance::HeldOut(held_out.map(|entry| read_held_out(&entry.node, names, report)).unwrap_or_default()),
    };
    (chance, Step { span, moment: start, times: 1, every: 0, acts })
}

fn read_held_out(node: &Node, names: &Names, report: &mut Report) -> Vec<String> {
    let found = reader::words(node, "held_out", report).into_iter();
    found.filter(|word| names.has_holdout(word, report)).map(|word| word.text).collect()
}

/// `all`, `none`, or a list of permissions.
fn read_permits(node: &Node, report: &mut Report) -> Permissions {
    match &node.value {
        Value::Scalar(text) if text == "all" => Permissions::ALL,
        Value::Scalar(text) if text == "none" => Permissions::NONE,
        _ => declaration::permissions(node, "`permits`", report),
    }
}

/// The format of test files that is read.
const FORMAT: i64 = 1;
