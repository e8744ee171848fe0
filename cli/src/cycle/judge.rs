//! What ships as a policy, and what it would have earned on the half of the log that the model has not seen.
//!
//! The policy is made of the device's own scores, so that what is judged is what ships: the candidate with the highest probability, the first between equals, and now and then any.

use petitfour_evaluation::{
    Comparison, Estimator, Evaluation, LEAST_EFFECTIVE, LEAST_OUTCOMES, Log, Method, Overlap, Policy, Rewards, Sample,
    Table, Verdict,
};
use petitfour_training::{Bin, Measures};
use serde::Serialize;

use super::Arguments;
use super::drift::Shipped;
use super::learn::{Learned, Model};
use super::rounds::{Half, Rounds};

/// Part of a policy on what was never logged from which it is warned.
const MUCH: f64 = 0.01;
/// From which weight on rounds are counted together, in the picture of weights.
const WEIGHTS: [f64; 9] = [0.0, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0];

/// Which candidate is chosen in each situation, and how often any.
pub(super) struct Judgement {
    /// By what ships.
    pub best: Vec<usize>,
    /// By the same recipe, learned from the other half.
    other: Vec<usize>,
    pub explore: f64,
    actions: usize,
    /// Rounds that judge in situations where candidates are worth the same as the best on the device, and where not all of them are equals to the library.
    pub tied: usize,
    pub tied_by_rounding: usize,
    /// Different candidates that are the best somewhere.
    pub preferred: usize,
}

/// Everything that judging found.
#[derive(Debug, Serialize)]
pub(super) struct Judged {
    /// What the logging policy earned on the rounds that judge.
    pub logged: Value,
    pub rounds: usize,
    pub outcomes: usize,
    /// Rounds that judge in which the log showed what ships would have shown, and those of them with an outcome.
    pub matched: usize,
    pub matched_outcomes: usize,
    pub policies: Vec<Opinion>,
    /// The same recipe on all rounds, each half judged by the model of the other.
    pub crossed: Opinion,
    /// What the log as a whole earned.
    pub crossed_logged: Value,
    pub crossed_rounds: usize,
    pub crossed_outcomes: usize,
    /// The model's answers to what was shown in the rounds that judge.
    pub reliability: Reliability,
    pub weights: Vec<Weighed>,
    pub shown: Vec<Shown>,
}

/// A value of one round, between what it lies.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Value {
    pub estimator: &'static str,
    pub value: Option<f64>,
    pub from: Option<f64>,
    pub to: Option<f64>,
}

/// What is said of one policy.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Opinion {
    pub policy: String,
    pub values: Vec<Value>,
    pub effective_rounds: f64,
    /// Of the policy's own; where it has a best candidate, of rounds in which that was shown.
    pub effective_outcomes: f64,
    pub largest_weight: f64,
    pub mean_weight: f64,
    pub never_logged: f64,
    pub difference: f64,
    pub difference_from: Option<f64>,
    pub difference_to: Option<f64>,
    /// The smallest difference that such a log finds in four of five cases.
    pub smallest: f64,
    pub rounds_needed: Option<f64>,
    pub verdict: &'static str,
    pub words: String,
    pub warnings: Vec<String>,
}

/// Are its probabilities what comes?
#[derive(Debug, Serialize)]
pub(super) struct Reliability {
    pub auc: f64,
    pub auc_error: f64,
    pub auc_on_device: f64,
    pub log_loss: f64,
    pub log_loss_on_device: f64,
    pub log_loss_of_rate: f64,
    pub rate: f64,
    pub said: f64,
    pub bins: Vec<Bin>,
}

/// Rounds of similar weight.
#[derive(Debug, Serialize)]
pub(super) struct Weighed {
    pub from: f64,
    pub rounds: usize,
    /// Of all weight.
    pub share: f64,
}

/// One candidate.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    pub action: String,
    pub logged: f64,
    pub policy: f64,
    /// Outcomes in the half that is learned from, and in the one that judges.
    pub learned: usize,
    pub judged: usize,
    /// The mean of what the model says comes of it.
    pub said: f64,
}

impl Judgement {
    pub(super) fn plan(rounds: &Rounds, learned: &Learned, shipped: &Shipped, arguments: &Arguments) -> Self {
        let best: Vec<usize> = (0..rounds.situations).map(|situation| shipped.best(situation)).collect();
        let other = (0..rounds.situations).map(|situation| learned.other.best(situation)).collect();
        let equals_before = |situation: usize| {
            let odds = learned.shipped.odds.get(situation).map_or(&[][..], Vec::as_slice);
            let most = odds.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            odds.iter().filter(|odds| **odds == most).count()
        };
        let judging = || (0..rounds.situation.len()).filter(|round| rounds.judges.get(*round) == Some(&true));
        let tied = judging().filter(|round| shipped.equals(rounds.situation(*round)) > 1).count();
        let rounding = |situation: usize| shipped.equals(situation) > equals_before(situation);
        let tied_by_rounding = judging().filter(|round| rounding(rounds.situation(*round))).count();
        let preferred = best.iter().collect::<std::collections::BTreeSet<_>>().len();
        Self {
            other,
            best,
            explore: arguments.explore,
            actions: rounds.actions.len(),
            tied,
            tied_by_rounding,
            preferred,
        }
    }

    pub(super) fn told(&self) -> String {
        format!(
            "{} of {} candidates are the best somewhere; any of them in {}% of the decisions",
            self.preferred,
            self.actions,
            round(self.explore * 100.0)
        )
    }

    pub(super) fn judge(&self, rounds: &Rounds, learned: &Learned, device: &Shipped) -> anyhow::Result<Judged> {
        let half = rounds.half(true)?;
        let situations: Vec<u32> = half.rounds.iter().map(|round| rounds.situation(*round) as u32).collect();
        let rewards = answers(rounds, &half.log, &[&learned.shipped], situations.clone())?;
        let shipped = self.policy(&half.log, &[&self.best], self.explore, situations.clone())?;
        let of = |policy: &Policy| Evaluation::new(&half.log, policy, &rewards);
        let (mixed, sure) = (of(&shipped)?, of(&self.policy(&half.log, &[&self.best], 0.0, situations)?)?);
        let any = of(&Policy::uniform(&half.log)?)?;
        let policies = vec![
            Opinion::of(self.mixed(), &mixed, Some(&sure), &half.log),
            Opinion::of("the best alone".to_owned(), &sure, None, &half.log),
            Opinion::of("all candidates alike".to_owned(), &any, None, &half.log),
        ];
        let matched = || sure.chances.iter().zip(&sure.rewards).filter(|(chance, _)| **chance > 0.0);
        // The model that has not seen a round judges it.
        let both: Vec<u32> = (0..rounds.situation.len())
            .map(|number| {
                let own = if rounds.judges.get(number) == Some(&true) { 0 } else { rounds.situations };
                (own + rounds.situation(number)) as u32
            })
            .collect();
        let crossed_rewards = answers(rounds, &rounds.log, &[&learned.shipped, &learned.other], both.clone())?;
        let crossed = |explore: f64| -> anyhow::Result<Evaluation> {
            let policy = self.policy(&rounds.log, &[&self.best, &self.other], explore, both.clone())?;
            Ok(Evaluation::new(&rounds.log, &policy, &crossed_rewards)?)
        };
        let crossed = (crossed(self.explore)?, crossed(0.0)?);
        Ok(Judged {
            logged: logged(&half.log),
            rounds: half.rounds.len(),
            outcomes: half.log.outcomes().count,
            matched: matched().count(),
            matched_outcomes: matched().filter(|(_, reward)| **reward != 0.0).count(),
            crossed: Opinion::of("the same recipe, both halves".to_owned(), &crossed.0, Some(&crossed.1), &rounds.log),
            crossed_logged: logged(&rounds.log),
            crossed_rounds: rounds.log.rounds().len(),
            crossed_outcomes: rounds.log.outcomes().count,
            shown: shown(rounds, &half, &shipped, &learned.shipped)?,
            reliability: Reliability::of(rounds, &half, &learned.shipped, device),
            policies,
            weights: weighed(&mixed.weights),
        })
    }

    /// What ships, in words.
    fn mixed(&self) -> String {
        format!("the best, and any in {}%", round(self.explore * 100.0))
    }

    /// One best candidate a row, and any with the rest.
    fn policy(&self, log: &Log, best: &[&Vec<usize>], explore: f64, of: Vec<u32>) -> anyhow::Result<Policy> {
        let any = explore / self.actions as f64;
        let row = |best: &usize| {
            let mut row = vec![any; self.actions];
            if let Some(share) = row.get_mut(*best) {
                *share += 1.0 - explore;
            }
            row
        };
        let rows = best.iter().flat_map(|best| best.iter()).map(row).collect();
        Ok(Policy::new(log, Table::new(log, rows, of)?)?)
    }
}

impl Judged {
    /// In words, of what ships.
    pub(super) fn verdict(&self) -> String {
        self.policies.first().map_or_else(String::new, |opinion| opinion.words.clone())
    }
}

impl Opinion {
    /// `sure` is the same policy without chance. Outcomes of what it shows by chance alone say nothing of what is new about it, however many they are.
    fn of(policy: String, whole: &Evaluation, sure: Option<&Evaluation>, log: &Log) -> Self {
        let overlap = Overlap::of(whole);
        let effective = sure.map_or(f64::INFINITY, Evaluation::effective_outcomes).min(overlap.effective_outcomes);
        let values = [Estimator::Direct, Estimator::Ipw, Estimator::Snipw, Estimator::Dr];
        let values = values.map(|estimator| {
            let estimate = estimator.estimate(whole);
            let interval = estimate.as_ref().and_then(|estimate| estimate.sample(whole).interval(Method::Likelihood));
            Value {
                estimator: estimator.name(),
                value: estimate.map(|estimate| estimate.value),
                from: interval.map(|interval| interval.from),
                to: interval.map(|interval| interval.to),
            }
        });
        let terms = Estimator::Dr.estimate(whole).map(|estimate| estimate.terms).unwrap_or_default();
        let outcomes = log.outcomes();
        let clusters = (whole.clusters.as_slice(), whole.cluster_count);
        let counts = (outcomes.count, effective);
        let found = Comparison::of(&terms, &log.rewards(), clusters, counts, Method::Likelihood);
        let (verdict, words) = match found.verdict {
            Verdict::Better => ("better", "it would have earned more than what was logged".to_owned()),
            Verdict::Worse => ("worse", "it would have earned LESS than what was logged".to_owned()),
            Verdict::CannotTell => ("cannot tell", "cannot tell: the difference may be none".to_owned()),
            Verdict::TooFew => (
                "too few outcomes",
                format!(
                    "cannot tell: {} outcomes, worth {:.1} of its own, are too few (at least {LEAST_OUTCOMES}, worth {LEAST_EFFECTIVE:.0})",
                    outcomes.count, effective
                ),
            ),
        };
        let mut warnings = Vec::new();
        if !overlap.is_balanced() {
            warnings.push(format!(
                "The mean weight is {:.3} where it has to be 1: probabilities are not those by which was chosen, or rounds are missing.",
                overlap.mean
            ));
        }
        if overlap.unseen > MUCH {
            warnings.push(format!(
                "{:.1}% of this policy is on candidates that the log never has there: of them the model alone speaks.",
                overlap.unseen * 100.0
            ));
        }
        Self {
            policy,
            values: values.to_vec(),
            effective_rounds: overlap.effective_rounds,
            effective_outcomes: effective,
            largest_weight: overlap.largest,
            mean_weight: overlap.mean,
            never_logged: overlap.unseen,
            difference: found.difference,
            difference_from: found.interval.map(|interval| interval.from),
            difference_to: found.interval.map(|interval| interval.to),
            smallest: found.smallest,
            rounds_needed: found.rounds.filter(|needed| needed.is_finite()),
            verdict,
            words,
            warnings,
        }
    }

    /// An estimate by its name.
    pub(super) fn value(&self, estimator: &str) -> Option<&Value> {
        self.values.iter().find(|value| value.estimator == estimator)
    }
}

impl Reliability {
    /// Of what was shown in the rounds that judge.
    fn of(rounds: &Rounds, half: &Half, learned: &Model, shipped: &Shipped) -> Self {
        let both = half.log.rounds().iter().zip(&half.rounds).map(|(round, number)| {
            let (situation, action) = (rounds.situation(*number), round.action as usize);
            let chance =
                shipped.chances.get(situation).and_then(|chances| chances.get(action)).copied().unwrap_or_default();
            (learned.answer(situation, action), f64::from(chance) / 65_536.0)
        });
        let (own, device): (Vec<f64>, Vec<f64>) = both.unzip();
        let (truth, weights) = (half.log.rewards(), vec![1.0; own.len()]);
        let own = Measures::of(&own, &truth, &weights);
        let device = Measures::of(&device, &truth, &weights);
        Self {
            auc: own.auc,
            auc_error: own.auc_error,
            auc_on_device: device.auc,
            log_loss: own.log_loss,
            log_loss_on_device: device.log_loss,
            log_loss_of_rate: own.log_loss_of_rate,
            rate: own.rate,
            said: own.mean,
            bins: own.calibration,
        }
    }
}

/// What the logging policy earned.
fn logged(log: &Log) -> Value {
    let clusters: Vec<u32> = log.rounds().iter().map(|round| round.cluster).collect();
    let interval = Sample::of(&log.rewards(), &clusters, log.clusters()).interval(Method::Likelihood);
    Value {
        estimator: "mean",
        value: Some(log.outcomes().mean),
        from: interval.map(|interval| interval.from),
        to: interval.map(|interval| interval.to),
    }
}

/// What models answer, situation after situation, as predictions of rewards.
fn answers(rounds: &Rounds, log: &Log, models: &[&Model], of: Vec<u32>) -> anyhow::Result<Rewards> {
    let row = |model: &Model, situation: usize| -> Vec<f64> {
        (0..rounds.actions.len()).map(|action| model.answer(situation, action)).collect()
    };
    let rows =
        models.iter().flat_map(|model| (0..rounds.situations).map(move |situation| row(model, situation))).collect();
    Ok(Rewards::given(Table::new(log, rows, of)?))
}

fn weighed(weights: &[f64]) -> Vec<Weighed> {
    let all = weights.iter().sum::<f64>().max(f64::MIN_POSITIVE);
    let bins = WEIGHTS.iter().enumerate().map(|(place, from)| {
        let to = WEIGHTS.get(place + 1).copied().unwrap_or(f64::INFINITY);
        let own: Vec<f64> = weights.iter().copied().filter(|weight| (*from..to).contains(weight)).collect();
        Weighed { from: *from, rounds: own.len(), share: own.iter().sum::<f64>() / all }
    });
    bins.collect()
}

fn shown(rounds: &Rounds, half: &Half, policy: &Policy, model: &Model) -> anyhow::Result<Vec<Shown>> {
    let count = half.rounds.len() as f64;
    let mut shown: Vec<Shown> = rounds
        .actions
        .iter()
        .map(|action| Shown { action: action.clone(), logged: 0.0, policy: 0.0, learned: 0, judged: 0, said: 0.0 })
        .collect();
    for (place, (round, number)) in half.log.rounds().iter().zip(&half.rounds).enumerate() {
        for (action, (own, share)) in shown.iter_mut().zip(policy.table().row(place)).enumerate() {
            own.policy += share / count;
            own.said += model.answer(rounds.situation(*number), action) / count;
        }
        if let Some(own) = shown.get_mut(round.action as usize) {
            own.logged += 1.0 / count;
            own.judged += usize::from(round.reward != 0.0);
        }
    }
    for round in rounds.half(false)?.log.rounds() {
        if let Some(own) = shown.get_mut(round.action as usize) {
            own.learned += usize::from(round.reward != 0.0);
        }
    }
    // The order of the bundle between equals.
    shown.sort_by(|one, other| other.policy.total_cmp(&one.policy).then(other.said.total_cmp(&one.said)));
    Ok(shown)
}

/// With two decimals at most.
pub(super) fn round(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}
