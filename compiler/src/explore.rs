//! Chance among the campaigns of a placement: which policy, and the noise that makes it.
//!
//! The engine knows draws of noise alone (`docs/formats/bundle.md`, exploration). Which policy that is depends on the noise: none and a
//! share in which any campaign may win (epsilon-greedy); Gumbel's, once for every campaign (softmax: Gumbel 1954; Yellott 1977);
//! the normal one, as often as a campaign's spread says (Thompson sampling: Thompson 1933; Chapelle and Li 2011); always the same one, as often
//! as the spread says (upper confidence bounds: Auer 2002).

use statrs::distribution::{ContinuousCDF, Normal};

use crate::campaign;
use crate::check;
use crate::diagnostic::Report;
use crate::folder::Folder;
use crate::quantise;
use crate::reader::{self, Fields};
use crate::source::{Node, Span};

/// How a placement explores.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Explore {
    pub(crate) policy: Policy,
    /// The share in which any campaign may win, of 10 000.
    pub(crate) epsilon: u16,
    /// How many draws stand for the policy.
    pub(crate) draws: u16,
    pub(crate) span: Span,
}

/// What makes a campaign win that is not the best.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Policy {
    /// Nothing but epsilon.
    Greedy,
    /// In proportion to `e^(score / temperature)`.
    Softmax(f64),
    /// As often as it may be the best, as far as its spread lets one know.
    Thompson,
    /// The score and so many spreads.
    Upper(f64),
}

/// One in the format's numbers.
const ONE: f64 = 1_024.0;
/// Most draws; the engine takes no more.
const MAX_DRAWS: i64 = 1_024;
/// Draws unless the file says otherwise: a probability is a multiple of 1/64.
const DRAWS: i64 = 64;
/// The share in which any campaign may win unless the file says otherwise, where a policy explores by itself.
const EPSILON: u16 = 100;
/// A temperature above which Gumbel's values pass what 16 bits hold.
const MAX_TEMPERATURE: f64 = 5.0;
/// Most spreads on top of a score.
const MAX_ALPHA: f64 = 30.0;

const POLICIES: [&str; 4] = ["greedy", "softmax", "thompson", "upper"];

impl Explore {
    /// Reads `{ by: thompson, epsilon: 1%, draws: 64 }`.
    pub(crate) fn read(node: &Node, report: &mut Report) -> Option<Self> {
        let mut fields = Fields::of(node, "`explore`", report)?;
        let by = fields.word("by", report);
        let epsilon = fields.take("epsilon").map(|entry| campaign::read_share(&entry.node, "epsilon", report));
        let draws = fields.whole("draws", (1, MAX_DRAWS), report);
        if let Some(draws) = draws.filter(|draws| draws.count_ones() != 1) {
            report.error("explore/draws", node.span, format!("`draws` is a power of two, which {draws} is not"));
        }
        let mut size = |key: &'static str, most: f64, report: &mut Report| {
            let entry = fields.take(key)?;
            let size = reader::number(&entry.node, key, report)?;
            if size > 0.0 && size <= most {
                return Some((size, entry.key_span));
            }
            report.error("explore/size", entry.node.span, format!("`{key}` is above 0 and at most {most}, not {size}"));
            None
        };
        let temperature = size("temperature", MAX_TEMPERATURE, report);
        let alpha = size("alpha", MAX_ALPHA, report);
        fields.finish(report);
        let name = by.as_ref().map_or("greedy", |word| word.text.as_str());
        let policy = match name {
            "greedy" => Policy::Greedy,
            "softmax" => Policy::Softmax(temperature.map_or(1.0, |(size, _)| size)),
            "thompson" => Policy::Thompson,
            "upper" => Policy::Upper(alpha.map_or(1.0, |(size, _)| size)),
            other => {
                let span = by.as_ref().map_or(node.span, |word| word.span);
                report
                    .error("explore/unknown-policy", span, format!("there is no way to explore called `{other}`"))
                    .nearest(other, POLICIES);
                return None;
            }
        };
        let idle = [
            ("temperature", temperature, matches!(policy, Policy::Softmax(_))),
            ("alpha", alpha, matches!(policy, Policy::Upper(_))),
        ];
        for (key, size, used) in idle {
            if let Some((_, span)) = size.filter(|_| !used) {
                report.error("explore/idle", span, format!("`{key}` says nothing to `{name}`"));
            }
        }
        let is_drawn = matches!(policy, Policy::Softmax(_) | Policy::Thompson);
        if let Some(draws) = draws.filter(|draws| !is_drawn && *draws > 1) {
            report.error(
                "explore/idle",
                node.span,
                format!("`{name}` always comes to the same: {draws} draws are one"),
            );
        }
        let epsilon = match epsilon {
            Some(epsilon) => epsilon?,
            None if policy == Policy::Greedy => {
                report
                    .error("explore/nothing", node.span, "nothing is explored without `epsilon`")
                    .remedy("add `epsilon: 5%`, or `by: thompson`");
                return None;
            }
            None => EPSILON,
        };
        let draws = if is_drawn { draws.unwrap_or(DRAWS) } else { 1 };
        Some(Self { policy, epsilon, draws: u16::try_from(draws).ok()?, span: node.span })
    }

    /// Whether noise counts as often as a campaign's spread says.
    fn asks_spread(self) -> bool {
        matches!(self.policy, Policy::Thompson | Policy::Upper(_))
    }

    /// What a draw may add to a score, each value as probable as the others: of a distribution, the middles of as many equal shares as there are
    /// draws.
    fn noise(self) -> Vec<f64> {
        let middle = |place: u16| (f64::from(place) + 0.5) / f64::from(self.draws);
        let normal = Normal::standard();
        match self.policy {
            Policy::Greedy => Vec::new(),
            Policy::Upper(alpha) => vec![alpha],
            Policy::Thompson => (0..self.draws).map(|place| normal.inverse_cdf(middle(place))).collect(),
            Policy::Softmax(temperature) => {
                (0..self.draws).map(|place| -temperature * (-middle(place).ln()).ln()).collect()
            }
        }
    }

    /// The record of the bundle.
    pub(crate) fn encode(self) -> Option<Vec<u8>> {
        let noise = self.noise();
        let head = [self.epsilon, self.draws, u16::from(self.asks_spread()), u16::try_from(noise.len()).ok()?];
        let (least, most) = (f64::from(i16::MIN), f64::from(i16::MAX));
        let values = noise.iter().map(|value| i16::try_from(quantise::fixed(*value, ONE, least, most)).ok());
        let values: Vec<i16> = values.collect::<Option<_>>()?;
        Some(
            head.iter()
                .flat_map(|part| part.to_le_bytes())
                .chain(values.iter().flat_map(|v| v.to_le_bytes()))
                .collect(),
        )
    }
}

/// Reports campaigns that a policy cannot weigh.
pub(crate) fn check(folder: &Folder, report: &mut Report) {
    for placement in &folder.placements {
        let Some(explore) = placement.item.explore.filter(|explore| explore.policy != Policy::Greedy) else { continue };
        for campaign in check::at(folder, &placement.name) {
            let Some(model) = &campaign.model else {
                report
                    .error(
                        "explore/no-model",
                        campaign.id.span,
                        format!("`{}` has no model, and `{}` draws by scores", campaign.id.text, placement.name),
                    )
                    .remedy("give it a model, or explore by `epsilon` alone")
                    .related(explore.span, "explored here");
                continue;
            };
            // One that is not there is told elsewhere.
            let silent = folder.models.iter().any(|known| known.name == model.text && !known.item.is_unsure());
            if explore.asks_spread() && silent {
                report
                    .error(
                        "explore/no-spread",
                        model.span,
                        format!(
                            "`{}` does not say how unsure it is, and `{}` draws by that",
                            model.text, placement.name
                        ),
                    )
                    .remedy("give the model a `spread`, in log-odds")
                    .related(explore.span, "explored here");
            }
        }
    }
}
