//! What an evaluation found, for people and as JSON.

use std::fmt;

use petitfour_evaluation::{
    Comparison, Estimator, Evaluation, LEAST_EFFECTIVE, LEAST_OUTCOMES, Log, Overlap, Sample, Verdict,
};
use serde::Serialize;

use super::{Arguments, estimators};
use crate::simulate::summary::grouped;

/// Part of a policy on what was never logged from which it is warned.
const MUCH: f64 = 0.01;

/// Everything that was found.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) log: String,
    pub(super) rounds: usize,
    /// Independent ones: visitors, where the log names them.
    pub(super) clusters: usize,
    pub(super) actions: usize,
    pub(super) positions: usize,
    /// Rounds that earned something.
    pub(super) outcomes: usize,
    /// What the logging policy earned.
    pub(super) logged: Value,
    /// How intervals were made.
    pub(super) intervals: &'static str,
    pub(super) seed: u64,
    pub(super) policies: Vec<Judged>,
    /// Each policy against each that follows it.
    pub(super) pairs: Vec<Pair>,
}

/// A value of one round, between what it lies.
#[derive(Debug, Serialize)]
pub(super) struct Value {
    pub(super) estimator: &'static str,
    /// Its bound or shrinkage; none is infinite.
    pub(super) setting: Option<f64>,
    /// Nothing where nothing can be said.
    pub(super) value: Option<f64>,
    pub(super) from: Option<f64>,
    pub(super) to: Option<f64>,
}

/// One policy.
#[derive(Debug, Serialize)]
pub(super) struct Judged {
    pub(super) policy: String,
    pub(super) mean_weight: f64,
    /// By how many standard errors it is off 1; nothing where that is infinite.
    pub(super) mean_weight_off: Option<f64>,
    /// Whether it is what it has to be.
    pub(super) balanced: bool,
    pub(super) effective_rounds: f64,
    pub(super) effective_outcomes: f64,
    pub(super) largest_weight: f64,
    pub(super) heaviest_hundredth: f64,
    pub(super) never_taken: f64,
    pub(super) never_logged: f64,
    pub(super) values: Vec<Value>,
    /// Doubly robust, less what was logged.
    pub(super) against_logged: Difference,
    #[serde(skip)]
    terms: Vec<f64>,
    #[serde(skip)]
    clusters: (Vec<u32>, usize),
}

/// How two differ.
#[derive(Debug, Serialize)]
pub(super) struct Difference {
    pub(super) difference: f64,
    pub(super) from: Option<f64>,
    pub(super) to: Option<f64>,
    /// The smallest that such a log finds in four of five cases.
    pub(super) smallest: f64,
    /// Of how many rounds it would have to be to find this one.
    pub(super) rounds_needed: Option<f64>,
    pub(super) verdict: &'static str,
    #[serde(skip)]
    pub(super) is: Verdict,
}

/// Two policies.
#[derive(Debug, Serialize)]
pub(super) struct Pair {
    pub(super) one: String,
    pub(super) other: String,
    #[serde(flatten)]
    pub(super) difference: Difference,
}

impl Report {
    pub(super) fn of(log: &Log, policies: Vec<Judged>, arguments: &Arguments) -> Self {
        let outcomes = log.outcomes();
        let clusters: Vec<u32> = log.rounds().iter().map(|round| round.cluster).collect();
        let sample = Sample::of(&log.rewards(), &clusters, log.clusters());
        let range = Some((outcomes.least.min(0.0), outcomes.most.max(0.0)));
        let interval = arguments.interval.method(range, arguments.seed).and_then(|method| sample.interval(method));
        let mut pairs = Vec::new();
        for (place, one) in policies.iter().enumerate() {
            for other in policies.iter().skip(place + 1) {
                let effective = one.effective_outcomes.min(other.effective_outcomes);
                let difference = Difference::of(&one.terms, &other.terms, one, (outcomes.count, effective), arguments);
                pairs.push(Pair { one: one.policy.clone(), other: other.policy.clone(), difference });
            }
        }
        Self {
            log: arguments.log.display().to_string(),
            rounds: log.rounds().len(),
            clusters: log.clusters(),
            actions: log.actions().len(),
            positions: log.positions().len(),
            outcomes: outcomes.count,
            logged: Value {
                estimator: "mean",
                setting: None,
                value: Some(outcomes.mean),
                from: interval.map(|interval| interval.from),
                to: interval.map(|interval| interval.to),
            },
            intervals: arguments.interval.name(),
            seed: arguments.seed,
            policies,
            pairs,
        }
    }
}

impl Judged {
    pub(super) fn of(policy: &str, whole: Evaluation, log: &Log, arguments: &Arguments) -> anyhow::Result<Self> {
        let overlap = Overlap::of(&whole);
        let earned = log.outcomes();
        let earned = (earned.least, earned.most);
        let values =
            estimators(&whole, arguments).into_iter().map(|estimator| Value::of(estimator, &whole, earned, arguments));
        let values = values.collect();
        let terms = Estimator::Dr.estimate(&whole).map(|estimate| estimate.terms).unwrap_or_default();
        let mut judged = Self {
            policy: policy.to_owned(),
            mean_weight: overlap.mean,
            mean_weight_off: overlap.off.is_finite().then_some(overlap.off),
            balanced: overlap.is_balanced(),
            effective_rounds: overlap.effective_rounds,
            effective_outcomes: overlap.effective_outcomes,
            largest_weight: overlap.largest,
            heaviest_hundredth: overlap.heaviest,
            never_taken: overlap.never,
            never_logged: overlap.unseen,
            values,
            against_logged: Difference::none(),
            terms,
            clusters: (whole.clusters, whole.cluster_count),
        };
        let counts = (log.outcomes().count, overlap.effective_outcomes);
        judged.against_logged = Difference::of(&judged.terms, &log.rewards(), &judged, counts, arguments);
        Ok(judged)
    }

    /// What makes its estimates doubtful, in words.
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if !self.balanced {
            warnings.push(format!(
                "the mean weight is {:.3} where it has to be 1: probabilities are not those by which was chosen, or rounds are missing",
                self.mean_weight
            ));
        }
        if self.never_logged > MUCH {
            warnings.push(format!(
                "{:.1}% of the policy is on actions that the log never has there: ipw and snipw leave them out, the others believe the model",
                self.never_logged * 100.0
            ));
        }
        warnings
    }

    /// The verdict with its reason.
    pub(super) fn verdict(&self, outcomes: usize) -> String {
        verdict(self.against_logged.is, outcomes, self.effective_outcomes, "what was logged")
    }
}

impl Value {
    /// `earned` is the least and the most that a round earned.
    fn of(estimator: Estimator, whole: &Evaluation, earned: (f64, f64), arguments: &Arguments) -> Self {
        let estimate = estimator.estimate(whole);
        let interval = estimate.as_ref().and_then(|estimate| {
            let method = arguments.interval.method(estimate.range, arguments.seed)?;
            let interval = estimate.sample(whole).interval(method)?;
            // What every log of such rewards would have is no news: a mean of them lies among them, and a sum of none below 0 is none below 0.
            let (least, most) = match estimator {
                Estimator::Snipw | Estimator::Replay => earned,
                Estimator::Ipw | Estimator::Clipped(_) if earned.0 >= 0.0 => (0.0, f64::INFINITY),
                _ => (f64::NEG_INFINITY, f64::INFINITY),
            };
            Some((interval.from.max(least), interval.to.min(most)))
        });
        Self {
            estimator: estimator.name(),
            setting: estimator.setting().filter(|setting| setting.is_finite()),
            value: estimate.map(|estimate| estimate.value),
            from: interval.map(|(from, _)| from),
            to: interval.map(|(_, to)| to),
        }
    }

    /// Its name, with its setting.
    pub(super) fn name(&self) -> String {
        match (self.estimator, self.setting) {
            (name, Some(setting)) => format!("{name} {setting}"),
            ("switch-dr" | "dros", None) => format!("{} ∞", self.estimator),
            (name, None) => name.to_owned(),
        }
    }

    /// Between what it lies, in words.
    pub(super) fn interval(&self) -> String {
        match (self.value, self.from, self.to) {
            (_, Some(from), Some(to)) => format!("{from:.5} to {to:.5}"),
            (Some(_), ..) => "-".to_owned(),
            (None, ..) => "nothing to go by".to_owned(),
        }
    }
}

impl Difference {
    fn none() -> Self {
        let (verdict, is) = ("cannot tell", Verdict::CannotTell);
        Self { difference: 0.0, from: None, to: None, smallest: 0.0, rounds_needed: None, verdict, is }
    }

    fn of(terms: &[f64], against: &[f64], of: &Judged, counts: (usize, f64), arguments: &Arguments) -> Self {
        // Differences of terms are bounded by nothing that is known: where Bernstein's inequality is asked for, they have Student's interval.
        let method = arguments.interval.method(None, arguments.seed).unwrap_or(petitfour_evaluation::Method::Student);
        let found = Comparison::of(terms, against, (&of.clusters.0, of.clusters.1), counts, method);
        Self {
            difference: found.difference,
            from: found.interval.map(|interval| interval.from),
            to: found.interval.map(|interval| interval.to),
            smallest: found.smallest,
            rounds_needed: found.rounds,
            verdict: match found.verdict {
                Verdict::Better => "better",
                Verdict::Worse => "worse",
                Verdict::TooFew => "too few outcomes",
                Verdict::CannotTell => "cannot tell",
            },
            is: found.verdict,
        }
    }

    /// In words, of so much.
    fn words(&self) -> String {
        match (self.from, self.to) {
            (Some(from), Some(to)) => format!("{:+.5} ({from:+.5} to {to:+.5})", self.difference),
            _ => format!("{:+.5}", self.difference),
        }
    }
}

fn verdict(verdict: Verdict, outcomes: usize, effective: f64, against: &str) -> String {
    match verdict {
        Verdict::Better => format!("it earns more than {against}"),
        Verdict::Worse => format!("it earns less than {against}"),
        Verdict::TooFew => format!(
            "cannot rank policies: {outcomes} outcomes, worth {effective:.1} of its own, are too few (at least {LEAST_OUTCOMES}, worth {LEAST_EFFECTIVE:.0})"
        ),
        Verdict::CannotTell => "cannot rank policies: the difference may be none".to_owned(),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { log, rounds, clusters, actions, positions, outcomes, logged, .. } = self;
        let whole = |number: usize| grouped(number as u64);
        write!(f, "{log}: {} rounds", whole(*rounds))?;
        if clusters != rounds {
            write!(f, " of {} clusters", whole(*clusters))?;
        }
        writeln!(f, ", {} actions, {} positions, {} outcomes", whole(*actions), whole(*positions), whole(*outcomes))?;
        let earned = logged.value.unwrap_or_default();
        writeln!(f, "logged: {earned:.5} a round ({})", logged.interval())?;
        for judged in &self.policies {
            let percent = |part: f64| format!("{:.1}%", part * 100.0);
            writeln!(f, "\n{}", judged.policy)?;
            writeln!(
                f,
                "  worth {} rounds of its own, and {:.1} outcomes; largest weight {:.1}, {} of all weight on the heaviest 1%",
                whole(judged.effective_rounds.round() as usize),
                judged.effective_outcomes,
                judged.largest_weight,
                percent(judged.heaviest_hundredth)
            )?;
            let off = judged.mean_weight_off.map_or_else(|| "infinite".to_owned(), |off| format!("{off:+.1}"));
            writeln!(
                f,
                "  mean weight {:.3} (1 is right; {off} standard errors off); {} of rounds it would never have; {} of it is never logged",
                judged.mean_weight,
                percent(judged.never_taken),
                percent(judged.never_logged)
            )?;
            for warning in judged.warnings() {
                writeln!(f, "  WARNING: {warning}")?;
            }
            writeln!(f, "  {:<14}{:>10}{:>24}{:>12}", "estimator", "value", "95% interval", "of logged")?;
            for value in &judged.values {
                let told = value.value.map_or_else(|| "-".to_owned(), |value| format!("{value:.5}"));
                let share = value.value.filter(|_| earned > 0.0).map(|value| format!("{:.1}%", value / earned * 100.0));
                let (name, interval) = (value.name(), value.interval());
                writeln!(f, "  {name:<14}{told:>10}{interval:>24}{:>12}", share.unwrap_or_else(|| "-".to_owned()))?;
            }
            let against = &judged.against_logged;
            writeln!(f, "  dr less what was logged: {}", against.words())?;
            if against.smallest.is_finite() {
                let part = against.smallest / earned * 100.0;
                let of = if earned > 0.0 { format!(" ({part:.0}% of what was logged)") } else { String::new() };
                let smallest = against.smallest;
                writeln!(
                    f,
                    "  smallest difference that such a log finds, at 95% and in four of five cases: {smallest:.5}{of}"
                )?;
            }
            if let Some(needed) = against.rounds_needed.filter(|needed| *needed > *rounds as f64 && *needed < 1e15) {
                writeln!(f, "  to find this one it would need {} rounds", whole(needed.ceil() as usize))?;
            }
            writeln!(f, "  {}", judged.verdict(*outcomes))?;
        }
        for Pair { one, other, difference } in &self.pairs {
            let is = match difference.is {
                Verdict::Better => "the first earns more",
                Verdict::Worse => "the second earns more",
                Verdict::TooFew => "cannot rank policies: too few outcomes",
                Verdict::CannotTell => "cannot rank policies: the difference may be none",
            };
            writeln!(f, "\n{one} less {other}: {}: {is}", difference.words())?;
        }
        writeln!(
            f,
            "\nIntervals: {}. Those of dm, and of switch-dr and dros the less their setting is, know nothing of what the model gets wrong.",
            self.intervals
        )
    }
}
