//! The plan of a bundle: campaigns in decision order, their conjuncts, the attributes with their borders, the models.
//!
//! Everything that can be wrong with a folder has been said once this plan is made, but for the limits of the format.

use petitfour::id::Key;

use crate::attribute::Attributes;
use crate::campaign::Stock;
use crate::check;
use crate::condition::{Counter, Resolver};
use crate::content::resolve::Contents;
use crate::diagnostic::Report;
use crate::dnf::Conjunct;
use crate::explore;
use crate::folder::Folder;
use crate::journey::program::Programs;
use crate::quantise::{Asking, Quantised};
use crate::reader::Word;
use crate::segment::Expression;

/// What the layout writes.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) folder: &'a Folder,
    pub(crate) attributes: Attributes,
    pub(crate) counters: Vec<(String, Counter)>,
    /// Index in the folder and conjuncts of each campaign, in decision order.
    pub(crate) campaigns: Vec<Planned>,
    /// Models in the order of the folder.
    pub(crate) models: Vec<Quantised>,
    /// Of each model, how unsure it is, where it says so.
    pub(crate) spreads: Vec<Option<Quantised>>,
    pub(crate) programs: Programs,
    pub(crate) contents: Contents,
}

/// A campaign in decision order.
#[derive(Debug)]
pub(crate) struct Planned {
    /// Index in the folder.
    pub(crate) campaign: usize,
    pub(crate) conjuncts: Vec<Conjunct>,
    /// Segment or model reads the profile.
    pub(crate) reads_profile: bool,
}

impl Plan<'_> {
    /// Every conjunct in the order of its bit: those of the campaigns, of the journeys' conditions, of the options of creatives.
    pub(crate) fn conjuncts(&self) -> impl Iterator<Item = &Conjunct> {
        self.campaigns.iter().flat_map(|campaign| &campaign.conjuncts).chain(self.conditions().flatten())
    }
}

impl Plan<'_> {
    /// Conditions that are no campaign's segment, each with its conjuncts.
    pub(crate) fn conditions(&self) -> impl Iterator<Item = &Vec<Conjunct>> {
        self.programs.conditions.iter().chain(&self.contents.conditions)
    }

    /// Every stock condition in the order of the bundle, and whether the next one must hold too.
    pub(crate) fn stocks(&self) -> impl Iterator<Item = (&Stock, bool)> {
        let lists = self.campaigns.iter().filter_map(|planned| self.folder.campaigns.get(planned.campaign));
        let lists = lists.map(|campaign| campaign.stock.as_slice()).chain(self.programs.stocks.chunks(1));
        let lists = lists.chain(self.contents.stocks.iter().map(Vec::as_slice));
        lists.flat_map(|list| list.iter().enumerate().map(|(at, stock)| (stock, at + 1 < list.len())))
    }
}

impl Plan<'_> {
    /// Where among the bundle's models it stands how unsure one of them is: behind all models.
    pub(crate) fn spread(&self, model: usize) -> Option<usize> {
        self.spreads.get(model)?.as_ref()?;
        let before = self.spreads.get(..model)?.iter().flatten().count();
        Some(self.models.len() + before)
    }
}

impl<'a> Plan<'a> {
    /// Resolves every segment and model; `None` when there are faults.
    pub(crate) fn make(folder: &'a Folder, report: &mut Report) -> Option<Self> {
        let mut resolver = Resolver::new(folder);
        for segment in &folder.segments {
            // Unused segments are checked too: a fault there is a fault the day someone uses it.
            let name = Word { text: segment.name.clone(), span: segment.span };
            resolver.segment(&name, report);
        }
        let mut conjuncts: Vec<Option<Vec<Conjunct>>> = Vec::with_capacity(folder.campaigns.len());
        for campaign in &folder.campaigns {
            conjuncts.push(match &campaign.segment {
                None => Some(vec![Conjunct::new()]),
                Some(expression) => {
                    let formula = resolver.formula(expression, report);
                    let matching = formula.filter(|formula| {
                        // A named segment has been judged where it stands.
                        matches!(expression, Expression::Segment(_))
                            || resolver.can_match(formula, campaign.id.span, &campaign.id.text, report)
                    });
                    matching.and_then(|formula| formula.conjuncts().ok())
                }
            });
        }
        let asking: Vec<Option<Asking>> =
            folder.models.iter().map(|model| Asking::resolve(&model.item, &mut resolver, report)).collect();
        let spreads: Vec<Option<Asking>> = folder
            .models
            .iter()
            .map(|model| Asking::resolve(&model.item.uncertainty()?, &mut resolver, &mut Report::default()))
            .collect();
        explore::check(folder, report);
        let programs = Programs::unfold(folder, &mut resolver, report);
        let contents = Contents::resolve(folder, &mut resolver, report);
        let order = decision_order(folder);
        collisions(&resolver, report);
        if report.has_errors() {
            return None;
        }
        let conjuncts: Vec<Vec<Conjunct>> = conjuncts.into_iter().collect::<Option<_>>()?;
        let open = |at: usize| conjuncts.get(at).is_some_and(|all| all.iter().any(Conjunct::is_empty));
        check::hidden(folder, &order, open, report);
        let asking: Vec<Asking> = asking.into_iter().collect::<Option<_>>()?;
        let mut attributes = resolver.attributes;
        // Context values are the first attributes, in the order of the folder; traits have one only when they are used.
        let declared = folder
            .context
            .iter()
            .enumerate()
            .flat_map(|(at, context)| context.item.values.iter().map(move |value| (at, value.text.as_str())))
            .chain(contents.texts.iter().map(|(at, text)| (*at, text.as_str())));
        let all = conjuncts.iter().chain(&programs.conditions).chain(&contents.conditions);
        let sets = all.flatten().flat_map(|conjunct| conjunct.iter().map(|(at, set)| (*at, set)));
        attributes.settle(sets.chain(asking.iter().flat_map(Asking::sets)), declared);
        let models: Vec<Option<Quantised>> = asking.iter().map(|asking| asking.quantise(&attributes, report)).collect();
        let models: Vec<Quantised> = models.into_iter().collect::<Option<_>>()?;
        let spreads = spreads
            .iter()
            .map(|asking| asking.as_ref().and_then(|asking| asking.quantise(&attributes, report)))
            .collect();
        let mut conjuncts: Vec<Option<Vec<Conjunct>>> = conjuncts.into_iter().map(Some).collect();
        let mut campaigns = Vec::with_capacity(order.len());
        for at in order {
            let own = conjuncts.get_mut(at).and_then(Option::take)?;
            let model = folder.campaigns.get(at)?.model.as_ref();
            let model = model.and_then(|name| folder.models.iter().position(|model| model.name == name.text));
            let reads_profile = model.and_then(|at| models.get(at)).is_some_and(|model| model.reads_profile)
                || own
                    .iter()
                    .flat_map(Conjunct::keys)
                    .any(|at| attributes.get(*at).is_some_and(|it| it.reads_profile()));
            campaigns.push(Planned { campaign: at, conjuncts: own, reads_profile });
        }
        let counters = resolver.counters;
        Some(Self { folder, attributes, counters, campaigns, models, spreads, programs, contents })
    }
}

/// Priority descending, value descending, order of the files.
fn decision_order(folder: &Folder) -> Vec<usize> {
    let mut order: Vec<usize> = (0..folder.campaigns.len()).collect();
    order.sort_by_key(|at| {
        folder
            .campaigns
            .get(*at)
            .map(|campaign| (std::cmp::Reverse(campaign.priority), std::cmp::Reverse(campaign.value)))
    });
    order
}

/// Counters and attributes are named by the compiler, and known by 32 bits as well.
fn collisions(resolver: &Resolver<'_>, report: &mut Report) {
    let mut known = std::collections::BTreeSet::new();
    for (name, counter) in &resolver.counters {
        if !known.insert(Key::of(name)) || Key::of(name) == Key::NONE {
            report.error(
                "name/collision",
                counter.span,
                format!("the counter `{name}` has the same key as another one"),
            );
        }
    }
}
