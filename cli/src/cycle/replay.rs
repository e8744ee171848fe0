//! The rounds that judge, decided again by the engine from the bundle that ships: is it the policy that was judged, choices and probabilities?

use std::sync::Arc;

use anyhow::anyhow;
use petitfour::engine::{Engine, Session};
use petitfour::time::{Moment, Timestamp};
use serde::Serialize;

use super::drift::Shipped;
use super::files::PLACEMENT;
use super::judge::Judgement;
use super::learn::Model;
use super::rounds::Rounds;
use crate::simulate::summary::grouped;

/// When everything is decided: a moment in which nothing of these campaigns begins or ends.
const NOW: Timestamp = Timestamp(1_767_225_600_000);

/// How far a logged probability may be from the policy's: shares of the files have two decimals of a percent, and a log 16 bits.
const CLOSE: f64 = 1e-4;

/// What came of it.
#[derive(Debug, Serialize)]
pub(super) struct Replayed {
    pub rounds: usize,
    pub same: usize,
    /// Rounds in which something else is the best, or another probability was told.
    pub other: usize,
    /// Rounds in which chance took another candidate than the best.
    pub by_chance: usize,
    pub first_other: Option<String>,
    /// Rounds in which several candidates were worth as much as the best to the device, and the first was taken; and those of them in which not all were equals to the library,
    /// so that rounding made them so.
    pub tied: usize,
    pub tied_by_rounding: usize,
    /// Rounds in which the library prefers another candidate than the device.
    pub library_prefers_another: usize,
}

pub(super) fn run(
    rounds: &Rounds,
    judgement: &Judgement,
    shipped: &Shipped,
    library: &Model,
) -> anyhow::Result<Replayed> {
    let engine = Engine::load(shipped.bundle.clone()).map_err(|error| anyhow!("{error} ({})", error.code()))?;
    let engine = Arc::new(engine);
    let now = Moment { now: NOW, ..Moment::default() };
    let mut replayed = Replayed {
        rounds: 0,
        same: 0,
        other: 0,
        by_chance: 0,
        first_other: None,
        tied: judgement.tied,
        tied_by_rounding: judgement.tied_by_rounding,
        library_prefers_another: 0,
    };
    for number in (0..rounds.situation.len()).filter(|number| rounds.judges.get(*number) == Some(&true)) {
        let situation = rounds.situation(number);
        // Each round is somebody else: nothing of one is known in the next.
        let mut seed = [0; 32];
        seed.iter_mut().zip((number as u64 + 1).to_le_bytes()).for_each(|(place, byte)| *place = byte);
        let mut session = Session::new(Arc::clone(&engine), seed);
        for (column, text) in rounds.told_in(situation) {
            if column.is_number {
                session.set_context_number(&column.name, text.parse()?);
            } else {
                session.set_context_text(&column.name, text);
            }
        }
        let named = |campaign: Option<usize>| {
            let campaign = campaign.and_then(|campaign| engine.catalog().campaign(campaign));
            campaign.map(|campaign| engine.catalog().string(campaign.name()).to_owned())
        };
        // The placement is the only one.
        let first = named(session.rank_at(0, now).first().map(|contender| contender.campaign));
        let decision = session.decide(PLACEMENT, now);
        let chosen = named(decision.campaign);
        let best = judgement.best.get(situation).copied().unwrap_or_default();
        let wanted = rounds.actions.get(best);
        replayed.rounds += 1;
        replayed.library_prefers_another += usize::from(library.best(situation) != best);
        let any = judgement.explore / rounds.actions.len() as f64;
        let share = if chosen.as_ref() == wanted { 1.0 - judgement.explore + any } else { any };
        let is_told = (f64::from(decision.probability) / f64::from(u16::MAX) - share).abs() < CLOSE;
        if first.as_ref() == wanted && is_told {
            replayed.same += 1;
            replayed.by_chance += usize::from(chosen.as_ref() != wanted);
        } else {
            replayed.other += 1;
            let told = |name: Option<&String>| name.map_or_else(|| "nothing".to_owned(), |name| format!("`{name}`"));
            replayed.first_other.get_or_insert_with(|| {
                let (shows, best) = (told(chosen.as_ref()), told(first.as_ref()));
                let probability = f64::from(decision.probability) / f64::from(u16::MAX);
                format!(
                    "in round {} the best is {best}, and it shows {shows} with a probability of {probability:.5}; {} and {share:.5} were judged",
                    number + 1,
                    told(wanted)
                )
            });
        }
    }
    Ok(replayed)
}

impl Replayed {
    pub(super) fn is_same(&self) -> bool {
        self.other == 0
    }

    pub(super) fn told(&self) -> String {
        let whole = |number: usize| grouped(number as u64);
        let chance = if self.by_chance > 0 { format!(", {} by chance", whole(self.by_chance)) } else { String::new() };
        let same = format!(
            "the engine chooses as was judged in {} of {} rounds{chance}",
            whole(self.same),
            whole(self.rounds)
        );
        let tied = if self.tied > 0 {
            format!("; {} ties, of which rounding made {}", whole(self.tied), whole(self.tied_by_rounding))
        } else {
            String::new()
        };
        format!("{same}{tied}")
    }
}
