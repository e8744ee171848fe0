//! Are the engine's answers right?
//!
//! With every rollout at 100 % they must equal the reference's. With rollouts, where each engine has a hash of its own, an
//! answer must be one that the reference targets (else it is *invalid*), and nothing may be passed over that stands before
//! the answer and is for everyone (else it was *skipped*). Every visitor gets a session of their own, whose seed is made
//! from the visitor's id, so that the wasm side can be held to the very same answers.

use std::sync::Arc;

use petitfour::{
    engine::{Engine, Session},
    hash::xxh64,
    time::Moment,
};

use crate::{
    subject::Attributes,
    workload::{PLACEMENT, Visitor, Workload},
};

/// What was found over all visitors of one workload.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Verdict {
    /// How many visitors were asked about.
    pub visitors: usize,
    /// Answers that differ from the reference, all rollouts at 100 %.
    pub mismatches: usize,
    /// With rollouts: winners whose tree does not accept the visitor.
    pub invalid: usize,
    /// With rollouts: answers behind a campaign that accepts the visitor and is for everyone.
    pub skipped: usize,
    /// With rollouts: answers that were another when asked twice.
    pub unsteady: usize,
    /// With rollouts: visitors for whom there was nothing.
    pub nothing: usize,
    /// With rollouts: the winner for each visitor, by its place in the workload; −1 for nothing.
    #[serde(skip)]
    pub winners: Vec<i64>,
}

/// The moment of every decision of the bench: 2026-06-15T12:00:00Z. Nothing in the workload depends on it.
pub const MOMENT_MS: u64 = 1_781_524_800_000;

/// The 32 bytes from which a visitor's session draws its pseudonym.
#[must_use]
pub fn seed(id: &str) -> [u8; 32] {
    let mut seed = [0; 32];
    for (turn, bytes) in seed.as_chunks_mut::<8>().0.iter_mut().enumerate() {
        *bytes = xxh64(id.as_bytes(), turn as u64).to_le_bytes();
    }
    seed
}

/// Asks about every visitor, once with rollouts and once without.
#[must_use]
pub fn verify(workload: &Workload, visitors: &[Visitor], full: &Arc<Engine>, rolled: &Arc<Engine>) -> Verdict {
    let mut verdict = Verdict { visitors: visitors.len(), ..Verdict::default() };
    for visitor in visitors {
        if ask(workload, full, visitor) != [workload.decide(visitor); 2] {
            verdict.mismatches += 1;
        }
        let [winner, again] = ask(workload, rolled, visitor);
        verdict.unsteady += usize::from(winner != again);
        verdict.nothing += usize::from(winner.is_none());
        verdict.winners.push(winner.and_then(|winner| i64::try_from(winner).ok()).unwrap_or(-1));
        let targets = workload.targets(visitor);
        verdict.invalid += usize::from(winner.is_some_and(|winner| !targets.contains(&winner)));
        let for_everyone = |place: &usize| workload.campaigns.get(*place).is_some_and(|found| found.rollout >= 100);
        let surely = targets.iter().copied().find(for_everyone);
        verdict.skipped += usize::from(surely.is_some_and(|surely| winner.is_none_or(|winner| winner > surely)));
    }
    verdict
}

/// The engine's answer for a visitor in a session of their own, twice, by the campaign's place in the workload.
fn ask(workload: &Workload, engine: &Arc<Engine>, visitor: &Visitor) -> [Option<usize>; 2] {
    let mut session = Session::new(Arc::clone(engine), seed(&visitor.id));
    Attributes::of(engine, workload).tell(engine, &mut session, visitor);
    let moment = Moment::utc(MOMENT_MS);
    [session.decide(PLACEMENT, moment), session.decide(PLACEMENT, moment)].map(|decision| {
        let catalog = engine.catalog();
        let name = catalog.string(catalog.campaign(decision.campaign?)?.name());
        workload.campaigns.iter().position(|campaign| campaign.id == name)
    })
}
