//! The rounds that judge, decided again by the engine from the bundle that ships: is what it chooses what was judged?

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

/// What came of it.
#[derive(Debug, Serialize)]
pub(super) struct Replayed {
    pub rounds: usize,
    pub same: usize,
    /// Rounds in which something else was chosen.
    pub other: usize,
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
        let chosen = session.decide(PLACEMENT, now).campaign.and_then(|campaign| engine.catalog().campaign(campaign));
        let chosen = chosen.map(|campaign| engine.catalog().string(campaign.name()).to_owned());
        let best = judgement.best.get(situation).copied().unwrap_or_default();
        let wanted = rounds.actions.get(best);
        replayed.rounds += 1;
        replayed.library_prefers_another += usize::from(library.best(situation) != best);
        if chosen.as_ref() == wanted {
            replayed.same += 1;
        } else {
            replayed.other += 1;
            let told = |name: Option<&String>| name.map_or_else(|| "nothing".to_owned(), |name| format!("`{name}`"));
            replayed.first_other.get_or_insert_with(|| {
                format!("in round {} it shows {}, and {} was judged", number + 1, told(chosen.as_ref()), told(wanted))
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
        let same =
            format!("the engine chooses what was judged in {} of {} rounds", whole(self.same), whole(self.rounds));
        let tied = if self.tied > 0 {
            format!("; {} ties, of which rounding made {}", whole(self.tied), whole(self.tied_by_rounding))
        } else {
            String::new()
        };
        format!("{same}{tied}")
    }
}
