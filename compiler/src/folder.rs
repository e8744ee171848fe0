//! A campaign folder: all its files read and merged into one set of declarations and campaigns.
//!
//! Files are taken in the order in which they are given (the command line sorts them by name). Lists of campaigns follow
//! each other; names must be unique over all files.

use std::collections::BTreeMap;

use petitfour::consent::Policy;

use crate::bid;
use crate::campaign::Campaign;
use crate::content::Content;
use crate::content::price::Price;
use crate::declaration::{self, Affinity, Channel, EventKind, Feed, Known, Membership, Named, Placement, Pressure};
use crate::diagnostic::Report;
use crate::exposures;
use crate::given;
use crate::journey::Journey;
use crate::policy;
use crate::reader::{self, Fields, Word};
use crate::scorer::{Form, Scorer};
use crate::segment::Expression;
use crate::source::{self, Entry, Node, Source, Span, Value};
use crate::trained::Trained;

/// The format of campaign files that this compiler reads.
pub const FORMAT: i64 = 1;

/// Everything that a folder says.
#[derive(Debug, Default)]
pub(crate) struct Folder {
    pub(crate) version: u64,
    pub(crate) site: String,
    /// What is bid and spent in.
    pub(crate) currency: Option<Word>,
    /// What signals of consent open and close, and what is permitted where there is none.
    pub(crate) policy: Policy,
    /// Days after which a visitor gets another pseudonym; 0 for the engine's own number.
    pub(crate) pseudonym_days: u16,
    pub(crate) context: Vec<Named<Known>>,
    pub(crate) traits: Vec<Named<Known>>,
    pub(crate) events: Vec<Named<EventKind>>,
    pub(crate) affinities: Vec<Named<Affinity>>,
    pub(crate) memberships: Vec<Named<Membership>>,
    pub(crate) feeds: Vec<Named<Feed>>,
    pub(crate) segments: Vec<Named<Expression>>,
    pub(crate) placements: Vec<Named<Placement>>,
    pub(crate) fallbacks: Vec<Named<Content>>,
    pub(crate) prices: Vec<Named<Price>>,
    pub(crate) models: Vec<Named<Scorer>>,
    pub(crate) campaigns: Vec<Campaign>,
    /// Names of the campaigns, which may have been seen though this bundle does not show them.
    pub(crate) seen: Vec<String>,
    pub(crate) channels: Vec<Named<Channel>>,
    /// How often all channels together may reach one person.
    pub(crate) pressure: Option<Pressure>,
    pub(crate) journeys: Vec<Named<Journey>>,
    once: Once,
}

/// Lines that stand in one file only, with their places.
#[derive(Debug, Default)]
struct Once {
    format: Option<Span>,
    version: Option<Span>,
    site: Option<Span>,
    currency: Option<Span>,
    consent: Option<Span>,
    pressure: Option<Span>,
}

/// Reads a file by its name, beside the campaign files.
pub(crate) type Files<'a> = &'a dyn Fn(&str) -> Option<Vec<u8>>;

impl Folder {
    /// Reads every source; model files that they name are appended to `sources`, so that faults in them have a place.
    pub(crate) fn read(sources: &mut Vec<Source>, files: Files<'_>, report: &mut Report) -> Self {
        let mut folder = Self::default();
        let mut trees = Vec::new();
        for (file, source) in sources.iter().enumerate() {
            trees.extend(source::parse(file, &source.text, report));
        }
        for tree in &trees {
            folder.take(tree, sources, files, report);
        }
        exposures::declare(&mut folder, report);
        given::spread(&mut folder, report);
        folder.seen = folder.campaigns.iter().map(|campaign| campaign.id.text.clone()).collect();
        // Without a single readable file, "no version" would only add to the noise.
        if let Some(first) = trees.first() {
            let top = Span { end: first.span.start, ..first.span };
            for (line, known, example) in
                [("petitfour", folder.once.format, "petitfour: 1"), ("version", folder.once.version, "version: 1")]
            {
                if known.is_none() {
                    report
                        .error("file/missing-key", top, format!("no file has a line `{line}`"))
                        .remedy(format!("begin the file with `{example}`"));
                }
            }
        }
        folder
    }

    fn take(&mut self, tree: &Node, sources: &mut Vec<Source>, files: Files<'_>, report: &mut Report) {
        let Some(mut fields) = Fields::of(tree, "a campaign file", report) else { return };
        if let Some(entry) = fields.take("petitfour") {
            // Each file may say its format: an editor opens one file, not a folder.
            self.once.format.get_or_insert(entry.key_span);
            if let Some(format) = reader::whole(&entry.node, "petitfour", (1, i64::MAX), report)
                && format > FORMAT
            {
                report
                    .error("file/format", entry.node.span, format!("format {format} is newer than this compiler reads"))
                    .remedy("update petitfour");
            }
        }
        if let Some(entry) = fields.take("version")
            && once(&mut self.once.version, entry, report)
        {
            let version = reader::whole(&entry.node, "version", (1, i64::MAX), report);
            self.version = version.and_then(|version| u64::try_from(version).ok()).unwrap_or(0);
        }
        if let Some(entry) = fields.take("site")
            && once(&mut self.once.site, entry, report)
        {
            self.site = reader::word(&entry.node, "site", report).map(|word| word.text).unwrap_or_default();
        }
        if let Some(entry) = fields.take("currency")
            && once(&mut self.once.currency, entry, report)
        {
            self.currency = bid::currency(&entry.node, report);
        }
        if let Some(entry) = fields.take("consent")
            && once(&mut self.once.consent, entry, report)
        {
            (self.policy, self.pseudonym_days) = policy::read(&entry.node, report);
        }
        let context = fields.take("context");
        collect(context, "a context value", Known::read, &mut self.context, report);
        collect(fields.take("traits"), "a trait", Known::read, &mut self.traits, report);
        collect(fields.take("events"), "an event", EventKind::read, &mut self.events, report);
        collect(fields.take("affinities"), "an affinity", Affinity::read, &mut self.affinities, report);
        collect(fields.take("memberships"), "a membership", Membership::read, &mut self.memberships, report);
        collect(fields.take("feeds"), "a feed", Feed::read, &mut self.feeds, report);
        let segment = |node: &Node, _: &'static str, report: &mut Report| Some(Expression::read(node, report));
        collect(fields.take("segments"), "a segment", segment, &mut self.segments, report);
        collect(fields.take("placements"), "a placement", Placement::read, &mut self.placements, report);
        collect(fields.take("fallbacks"), "a fallback", Content::read, &mut self.fallbacks, report);
        collect(fields.take("prices"), "a price", Price::read, &mut self.prices, report);
        let models = fields.take("models");
        let read = |node: &Node, _: &'static str, report: &mut Report| read_model(node, sources, files, report);
        collect(models, "a model", read, &mut self.models, report);
        if let Some(entry) = fields.take("campaigns")
            && !matches!(entry.node.value, Value::Null)
        {
            let items = reader::list(&entry.node, "`campaigns`", report);
            self.campaigns.extend(items.iter().filter_map(|item| Campaign::read(item, report)));
        }
        collect(fields.take("channels"), "a channel", Channel::read, &mut self.channels, report);
        if let Some(entry) = fields.take("pressure")
            && once(&mut self.once.pressure, entry, report)
        {
            self.pressure = Pressure::read(&entry.node, report);
        }
        collect(fields.take("journeys"), "a journey", Journey::read, &mut self.journeys, report);
        // A place for anchors: what stands here is only ever repeated elsewhere.
        let _ = fields.take("x-parts");
        fields.finish(report);
    }
}

/// Whether a line that may be written once is written for the first time.
fn once(seen: &mut Option<Span>, entry: &Entry, report: &mut Report) -> bool {
    if let Some(first) = *seen {
        report
            .error("file/written-twice", entry.key_span, format!("`{}` is written in two files", entry.key))
            .remedy("keep one of the two")
            .related(first, "first written here");
        return false;
    }
    *seen = Some(entry.key_span);
    true
}

/// Reads a mapping of names and appends what it declares.
fn collect<T>(
    entry: Option<&Entry>,
    what: &'static str,
    mut read: impl FnMut(&Node, &'static str, &mut Report) -> Option<T>,
    into: &mut Vec<Named<T>>,
    report: &mut Report,
) {
    let Some(entry) = entry else { return };
    for line in reader::named(&entry.node, &format!("`{}`", entry.key), report) {
        declaration::check_name(&line.key, line.key_span, report);
        match read(&line.node, what, report) {
            Some(item) => into.push(Named { name: line.key.clone(), span: line.key_span, item }),
            None => report.declared_broken(&line.key),
        }
    }
}

/// A model in place, in the file that `file:` names, or trained elsewhere.
fn read_model(node: &Node, sources: &mut Vec<Source>, files: Files<'_>, report: &mut Report) -> Option<Scorer> {
    let key = |name: &str| match &node.value {
        Value::Map(entries) => entries.iter().find(|entry| entry.key == name),
        _ => None,
    };
    if key("trained").is_some() {
        let trained = Trained::read(node, files, report)?;
        let (spread, form) = (trained.spread, Form::Trained(Box::new(trained)));
        return Some(Scorer { bias: (0.0, node.span), spread, form });
    }
    let Some(entry) = key("file") else { return Scorer::read(node, report) };
    let mut fields = Fields::of(node, "a model", report)?;
    let name = fields.word("file", report);
    fields.finish(report);
    let Word { text: name, .. } = name?;
    let Some(bytes) = files(&name) else {
        report
            .error("model/no-file", entry.node.span, format!("the file `{name}` cannot be read"))
            .remedy("name a file beside the campaign files");
        return None;
    };
    let Ok(text) = String::from_utf8(bytes) else {
        report.error("model/no-file", entry.node.span, format!("the file `{name}` is not UTF-8 text"));
        return None;
    };
    let file = sources.len();
    let tree = source::parse(file, &text, report);
    sources.push(Source { name, text });
    Scorer::read(&tree?, report)
}

/// Index of every name of one kind; a name that comes twice is a fault.
pub(crate) fn index<'a, T>(
    items: &'a [Named<T>],
    code: &'static str,
    what: &str,
    report: &mut Report,
) -> BTreeMap<&'a str, usize> {
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, item) in items.iter().enumerate() {
        match names.get(item.name.as_str()).and_then(|first| items.get(*first)) {
            Some(first) => {
                report
                    .error(code, item.span, format!("{what} `{}` is declared twice", item.name))
                    .remedy("give one of the two another name")
                    .related(first.span, "first declared here");
            }
            None => {
                names.insert(&item.name, at);
            }
        }
    }
    names
}
