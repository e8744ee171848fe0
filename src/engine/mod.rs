//! One visitor over one bundle: inputs are methods that take the moment, outputs are values.
//!
//! An [`Engine`] is a bundle that opened; it is shared and never changes. A [`Session`] is one visitor. After each call that
//! may change something, the host drains [`Session::poll_effect`] and does what it says: keep bytes, send bytes, call back
//! later, erase. The engine itself reads no clock, no random source, no store and no network, so a decision is a function
//! of (bundle, [`Snapshot`], moment) and can be made again anywhere.
//!
//! Invariant: without the store permission the profile is untouched and nothing is persisted; without measure no decision,
//! exposure or outcome is queued; without share no identifier is; without personalise no attribute reads the profile.

mod answer;
mod attributes;
mod identities;
mod journeys;
mod notes;
mod outbox;
mod rank;
mod recent;
mod rest;
mod snapshot;

pub use crate::decision::{Contender, Decision, Explanation, Reason, Verdict};
pub use journeys::{Due, Known, Standing, State};
pub use snapshot::{Error as SnapshotError, Snapshot};

use crate::bundle;
use crate::catalog::{Attribute, Catalog, Source};
use crate::consent::Permissions;
use crate::content::{self, Composed};
use crate::decision;
use crate::eligibility::{Circumstances, Levels};
use crate::event::{Event, thousandths};
use crate::hash::xxh64;
use crate::id::{Key, Visitor};
use crate::profile::{self, Change, Profile};
use crate::random::Random;
use crate::rule;
use crate::sync::Entry;
use crate::time::{Moment, Timestamp};
use alloc::sync::Arc;
use alloc::{vec, vec::Vec};
use identities::Identities;
use journeys::Walk;
use notes::Notes;
use outbox::Outbox;
use recent::Recent;

/// Ms within which two words of one trait count as said one after the other, even if the clock says otherwise.
const SAME: u64 = 500;

/// An outcome is owed to the last exposure for this many days.
const OWED_DAYS: u32 = 30;

/// A bundle, opened and shared.
#[derive(Debug)]
pub struct Engine {
    catalog: Catalog,
}

impl Engine {
    /// Opens a bundle.
    ///
    /// # Errors
    /// [`bundle::Error`] when the bytes are not one.
    pub fn load(bytes: Vec<u8>) -> Result<Self, bundle::Error> {
        Ok(Self { catalog: bundle::open(bytes)? })
    }

    /// The bundle's tables.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }
}

/// What the host is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Remove everything that was kept on this device, the queue of unsent messages too.
    Erase,
    /// Keep these bytes in place of the last ones.
    Persist(Vec<u8>),
    /// Keep these bytes under [`Session::dot`], in place of the last ones there; none of them: remove what is there.
    Note(Vec<u8>),
    /// Send these bytes to the origin; keep them until it has answered.
    Send(Vec<u8>),
    /// Call [`Session::handle_wake`] at this time.
    Wake(Timestamp),
    /// Keep these bytes in place of the last ones, beside the profile: who the visitor said to be.
    PersistIdentifiers(Vec<u8>),
}

/// One visitor.
#[derive(Debug)]
pub struct Session {
    engine: Arc<Engine>,
    random: Random,
    replica: u64,
    permissions: Permissions,
    profile: Profile,
    /// Shared among the visitors of one place until one of them hears of another level.
    levels: Arc<Levels>,
    /// One value for each attribute: a number, the bin of a text value, or NaN. Context is written by the host.
    inputs: Vec<f64>,
    bins: Vec<u16>,
    matches: Vec<u64>,
    /// Bits of the inputs that bins and matches belong to; empty before the first evaluation.
    evaluated: Vec<u64>,
    /// The hour, in UTC and local, for which the profile's attributes were read; `None` when the profile has changed since.
    read_at: Option<(u32, u32)>,
    recent: Vec<Recent>,
    /// Place in `recent` that the next one takes.
    oldest: usize,
    decided: u64,
    last_exposed: u64,
    identities: Identities,
    outbox: Outbox,
    heard: answer::Heard,
    notes: Notes,
    walk: Walk,
    unsaved: bool,
    erase: bool,
}

impl Session {
    /// A visitor of whom nothing is known, under a pseudonym drawn from `seed`: 32 bytes of the host's best entropy.
    /// Permissions are those of the bundle's policy.
    #[must_use]
    pub fn new(engine: Arc<Engine>, seed: [u8; 32]) -> Self {
        let mut random = Random::new(seed);
        let visitor = Visitor(random.draw_wide());
        let replica = random.draw();
        let count = engine.catalog.attributes().len();
        let words = engine.catalog.words();
        let permissions = engine.catalog.default_permissions();
        // No bin has this number, so the first evaluation is a full one; where there is nothing to ask, this is all of it.
        let bins = vec![u16::MAX; count];
        let mut matches = vec![0; words];
        rule::combine(&engine.catalog, &bins, &mut matches);
        Self {
            random,
            replica,
            permissions,
            // Until the first event the pseudonym is nobody's, so that a stored profile, however young, is the elder.
            profile: Profile::new(visitor, Moment::utc(u64::MAX)),
            levels: Arc::default(),
            inputs: vec![f64::NAN; count],
            bins,
            matches,
            evaluated: Vec::new(),
            read_at: None,
            recent: Vec::new(),
            oldest: 0,
            decided: 0,
            last_exposed: 0,
            identities: Identities::default(),
            outbox: Outbox::new(replica, engine.catalog.hash()),
            heard: answer::Heard::default(),
            notes: Notes::new(replica),
            walk: Walk::new(),
            unsaved: false,
            erase: false,
            engine,
        }
    }

    /// Another visitor over the same bundle and the same levels of feeds, as [`Session::new`] makes one: for a host that answers
    /// many, such as an edge.
    #[must_use]
    pub fn sibling(&self, seed: [u8; 32]) -> Self {
        let mut sibling = Self::new(Arc::clone(&self.engine), seed);
        sibling.levels = Arc::clone(&self.levels);
        sibling
    }

    /// Takes in a stored copy of the profile. Without the store permission it is left alone.
    ///
    /// A session that holds merges it with its own; one that does not takes it instead, and does again what that lacks.
    ///
    /// # Errors
    /// [`profile::Error`]: the session goes on without it.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), profile::Error> {
        if self.permissions.store() {
            let stored = Profile::decode(bytes)?;
            if !self.notes.holds && stored.generation() >= self.profile.generation() {
                self.follow(stored);
            } else {
                if !self.profile.adopt(&stored) {
                    self.profile.merge(&stored);
                }
                if self.notes.holds {
                    // What lacks something is written again. The two may be copies of different devices, so not the bytes of both
                    // are compared: tabs that began at the same time would write in turns forever.
                    let mut whole = stored;
                    whole.merge(&self.profile);
                    self.unsaved |= whole.encode() != bytes;
                }
            }
            self.read_at = None;
        }
        Ok(())
    }

    /// Lets go of what the origin is said to have told, because the copy came from a hand that could have written it: a cookie.
    /// After everything that came from that hand, notes too: they may carry memberships. What an origin really told is taken in last
    /// ([`Session::answer`]).
    pub fn doubt_members(&mut self) {
        self.profile.doubt_members();
        self.read_at = None;
    }

    /// Sets what the visitor permits. What was kept under a permission that is withdrawn is let go at once.
    pub fn consent(&mut self, permissions: Permissions, moment: Moment) {
        let before = core::mem::replace(&mut self.permissions, permissions);
        self.read_at = None;
        if before.store() && !permissions.store() {
            self.begin_anew(moment);
        }
        let withdrawn = before.without(permissions);
        self.identities.withdraw(withdrawn, moment);
        if withdrawn.measure() || withdrawn.share() {
            // What is packed cannot be taken apart any more, and may not leave as it is.
            self.outbox.drop_packed();
        }
        if !permissions.measure() {
            self.outbox.retain_identities();
        }
        if !permissions.share() {
            self.outbox.drop_identities();
        }
        if !before.store() && permissions.store() {
            // Only the pseudonym gets its time of birth: counting anything before the host has restored what it kept
            // would set this replica's own history back.
            self.profile.begin(moment);
            self.unsaved = true;
        }
    }

    /// Tells a text value of this moment. Returns false when the bundle does not use such an attribute.
    pub fn set_context_text(&mut self, attribute: &str, value: &str) -> bool {
        self.set_context(attribute, |catalog, attribute| {
            attribute.is_text().then(|| f64::from(catalog.intern(attribute, value)))
        })
    }

    /// Tells a number of this moment. Returns false when the bundle does not use such an attribute.
    pub fn set_context_number(&mut self, attribute: &str, value: f64) -> bool {
        self.set_context(attribute, |_, attribute| (!attribute.is_text()).then_some(value))
    }

    /// Forgets what was told of this moment.
    pub fn clear_context(&mut self) {
        for (attribute, input) in self.engine.catalog.attributes().zip(&mut self.inputs) {
            if attribute.source() == Source::Context {
                *input = f64::NAN;
            }
        }
    }

    /// The block of inputs, one for each attribute: a host that has resolved names and texts to numbers writes here.
    pub fn inputs(&mut self) -> &mut [f64] {
        &mut self.inputs
    }

    /// Notes a text that was said of the visitor. Returns false when the bundle has no such trait.
    pub fn set_trait_text(&mut self, name: &str, value: &str, moment: Moment) -> bool {
        self.say(name, true, xxh64(value.as_bytes(), 0), moment)
    }

    /// Notes a number that was said of the visitor. Returns false when the bundle has no such trait.
    pub fn set_trait_number(&mut self, name: &str, value: f64, moment: Moment) -> bool {
        self.say(name, false, value.to_bits(), moment)
    }

    /// Records an event: counters and interests move, and an outcome is queued for the origin.
    pub fn record(&mut self, event: &Event, moment: Moment) {
        self.rename_in_time(moment);
        if self.permissions.store() {
            self.change(Change::ARRIVE, moment);
            let engine = Arc::clone(&self.engine);
            for counter in engine.catalog.counters().filter(|counter| counter.event() == event.name()) {
                let every = counter.property() == Key::NONE;
                if every || event.property(counter.property()) == Some(counter.value()) {
                    let worth = if counter.is_summed() { event.value().max(0) as u64 } else { 0 };
                    self.change(Change::count(counter.key(), counter.days(), worth), moment);
                }
            }
            for affinity in engine.catalog.affinities().filter(|affinity| affinity.event() == event.name()) {
                if let Some(value) = event.property(affinity.property()) {
                    let (weight, half_life) = (affinity.weight(), affinity.half_life());
                    self.change(Change::feel(affinity.key(), value, weight, half_life), moment);
                }
            }
            self.touched();
            self.look_because(Some(event), moment);
        }
        if self.engine.catalog.events().any(|kind| kind.key() == event.name() && kind.is_outcome()) {
            // Seen on this page, or on one before.
            let owed = if self.last_exposed > 0 {
                Some(self.last_exposed)
            } else {
                self.profile.last_exposure(OWED_DAYS, moment)
            };
            self.queue_outcome(event.name(), owed.unwrap_or(0), event.value(), moment);
        }
    }

    /// Takes in a level of a feed. Returns false when the bundle does not name the feed or there is no room.
    pub fn feed(&mut self, feed: &str, place: &str, item: &str, level: i32, as_of: Timestamp) -> bool {
        let catalog = &self.engine.catalog;
        let key = Key::of(feed);
        let Some((number, known)) = catalog.feeds().enumerate().find(|(_, known)| known.key() == key) else {
            return false;
        };
        let place = match known.place().map(|attribute| catalog.attribute(attribute)) {
            None => 0,
            Some(Some(attribute)) => catalog.intern(&attribute, place),
            Some(None) => return false,
        };
        self.walk.is_stale = true;
        // Bin 1 is every place that the bundle does not name: they must not share a shelf.
        known.place().is_none_or(|_| place > 1)
            && Arc::make_mut(&mut self.levels).set(number as u16, place, Key::of(item), level, as_of)
    }

    /// Decides for a placement by name. Always an answer: an unknown name gets [`Reason::Nothing`].
    pub fn decide(&mut self, placement: &str, moment: Moment) -> Decision {
        let index = self.engine.catalog.placement_named(placement).unwrap_or(usize::MAX);
        self.decide_at(index, moment)
    }

    /// Decides for the placement that stands at `placement` in the bundle.
    pub fn decide_at(&mut self, placement: usize, moment: Moment) -> Decision {
        self.evaluate(moment);
        self.look_if_stale(moment);
        let (mut decision, arms) = decision::choose_among(placement, &self.matches, &self.circumstances(moment));
        self.decided += 1;
        // One that chose nothing has a number too, though nobody can confirm it: the origin counts each number once.
        let id = xxh64(&self.decided.to_le_bytes(), self.replica).max(1);
        if decision.creative.is_some() {
            decision.id = id;
            self.remember(Recent { id, campaign: decision.campaign, exposed: false });
        }
        if self.permissions.measure() {
            self.queue_decision(id, &decision, moment);
            for arm in arms {
                let campaign =
                    self.engine.catalog.campaign(arm.campaign).map_or(Key::NONE, |campaign| campaign.key()).0;
                let probability = arm.probability;
                self.queue(|after| Entry::Candidate { decision: id, after, campaign, probability }, moment);
            }
        }
        decision
    }

    /// What a creative says to this visitor now: to be asked right after its decision, while the context is the same.
    pub fn content(&mut self, creative: usize, moment: Moment) -> Option<Composed> {
        self.evaluate(moment);
        content::compose(creative, &self.inputs, &self.matches, &self.circumstances(moment))
    }

    /// Reports that something came of a decision (0: of whichever), worth `value` whole units.
    pub fn outcome(&mut self, event: &str, decision: u64, value: Option<f64>, moment: Moment) {
        self.queue_outcome(Key::of(event), decision, thousandths(value.unwrap_or(0.0)), moment);
    }

    /// Every campaign of a placement, with the gate that refused it.
    pub fn explain(&mut self, placement: &str, moment: Moment) -> Explanation {
        let index = self.engine.catalog.placement_named(placement).unwrap_or(usize::MAX);
        self.evaluate(moment);
        let given = self.circumstances(moment);
        let decision = decision::choose(index, &self.matches, &given);
        let mut explanation = decision::explain(index, &decision, &self.matches, &given);
        explanation.said = decision.creative.and_then(|creative| {
            let composed = content::compose(creative, &self.inputs, &self.matches, &given)?;
            content::explain(creative, &composed, &given)
        });
        explanation
    }

    /// Forgets the visitor: a new pseudonym, nothing kept, nothing left to send, and permissions as the bundle's policy
    /// has them.
    pub fn forget(&mut self, moment: Moment) {
        self.begin_anew(moment);
        self.permissions = self.engine.catalog.default_permissions();
    }

    /// The time that was asked for has come.
    pub fn handle_wake(&mut self, moment: Moment) {
        self.outbox.handle_wake(self.profile.visitor(), moment);
    }

    /// Packs what waits into a message now, because the page may be about to go.
    pub fn flush(&mut self) {
        self.outbox.flush(self.profile.visitor());
    }

    /// What the host is to do next.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        if core::mem::take(&mut self.erase) {
            return Some(Effect::Erase);
        }
        if core::mem::take(&mut self.unsaved) && self.permissions.store() && self.notes.holds {
            return Some(Effect::Persist(self.profile.encode()));
        }
        // After the profile: what it has taken in may go only once that is kept.
        if core::mem::take(&mut self.notes.unsaved) && self.permissions.store() {
            return Some(Effect::Note(self.notes.encode(self.profile.generation())));
        }
        self.identities.poll().or_else(|| self.outbox.poll())
    }

    /// The bundle.
    #[must_use]
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// What is permitted.
    #[must_use]
    pub fn permissions(&self) -> Permissions {
        self.permissions
    }

    /// What is remembered.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The profile as it would be kept.
    #[must_use]
    pub fn profile_bytes(&self) -> Vec<u8> {
        self.profile.encode()
    }

    fn set_context(&mut self, name: &str, value: impl FnOnce(&Catalog, &Attribute<'_>) -> Option<f64>) -> bool {
        let catalog = &self.engine.catalog;
        let place = catalog.context_named(name);
        let value = place.and_then(|place| value(catalog, &catalog.attribute(place)?));
        match (place.and_then(|place| self.inputs.get_mut(place)), value) {
            (Some(input), Some(value)) => {
                *input = value;
                true
            }
            _ => false,
        }
    }

    fn say(&mut self, name: &str, is_text: bool, value: u64, moment: Moment) -> bool {
        let key = Key::of(name);
        if !self.engine.catalog.traits().any(|known| known.key() == key && known.is_text() == is_text) {
            return false;
        }
        if self.permissions.store() {
            self.put_trait(key, value, moment);
        }
        true
    }

    /// Notes what was said. Of two words within half a second the later one holds, whatever their values are and however the clock
    /// trembles; between equally late words of two devices the greater does.
    fn put_trait(&mut self, key: Key, value: u64, moment: Moment) {
        let known = self.profile.said_at(key).filter(|at| *at <= moment.now.0.saturating_add(SAME));
        let least = known.map_or(0, |at| at + u64::from(self.profile.said(key).is_some_and(|known| value < known)));
        self.change(Change::say(key, value), Moment { now: moment.now.max(Timestamp(least)), ..moment });
        self.touched();
    }

    fn touched(&mut self) {
        self.unsaved |= self.notes.holds;
        self.read_at = None;
    }

    fn begin_anew(&mut self, moment: Moment) {
        let visitor = Visitor(self.random.draw_wide());
        self.profile.forget(visitor, moment);
        self.identities.forget();
        self.drop_unsaved();
        self.read_at = None;
        self.erase = true;
    }

    /// Lets go of everything that waits to be sent or kept under the present pseudonym.
    fn drop_unsaved(&mut self) {
        self.outbox.clear();
        self.part();
        self.notes.clear(self.replica);
        self.unsaved = false;
    }

    /// Gives a pseudonym that has grown too old for another. What was done stays on the device; the origin does not learn
    /// that it is the same visitor.
    fn rename_in_time(&mut self, moment: Moment) {
        if self.notes.holds && self.profile.is_older_than(self.engine.catalog.pseudonym_days(), moment) {
            self.outbox.flush(self.profile.visitor());
            let visitor = Visitor(self.random.draw_wide());
            self.profile.rename(visitor, moment);
            self.part();
        }
    }

    /// Lets nothing pass from one pseudonym to the next.
    fn part(&mut self) {
        // Under the old number the origin could join the new pseudonym to the one that is to be forgotten.
        self.replica = self.random.draw();
        self.outbox.renumber(self.replica);
        // Nor may what was decided before be confirmed, or sent, under the new one.
        self.recent.clear();
        self.oldest = 0;
        self.decided = 0;
        self.last_exposed = 0;
    }

    fn circumstances(&self, moment: Moment) -> Circumstances<'_> {
        Circumstances {
            catalog: &self.engine.catalog,
            profile: &self.profile,
            permissions: self.permissions,
            levels: &self.levels,
            bins: &self.bins,
            unit: self.profile.visitor().unit(),
            moment,
        }
    }

    /// Brings bins and matches up to date, doing only what has changed since the last decision.
    fn evaluate(&mut self, moment: Moment) {
        self.read_profile(moment);
        // A page asks for several placements in a row: comparing the inputs is a tenth of binning them.
        let same = self.evaluated.len() == self.inputs.len()
            && self.evaluated.iter().zip(&self.inputs).all(|(known, input)| *known == input.to_bits());
        if same {
            return;
        }
        self.walk.is_stale = true;
        self.evaluated.clear();
        self.evaluated.extend(self.inputs.iter().map(|input| input.to_bits()));
        let catalog = &self.engine.catalog;
        if rule::bin(catalog, &self.inputs, &mut self.bins) {
            rule::combine(catalog, &self.bins, &mut self.matches);
        }
    }

    fn read_profile(&mut self, moment: Moment) {
        let read_at = Some((moment.now.hours(), moment.local_hours()));
        if self.read_at == read_at {
            return;
        }
        self.read_at = read_at;
        let (catalog, profile) = (&self.engine.catalog, &self.profile);
        let may_read = self.permissions.personalise() && self.permissions.store();
        for (attribute, input) in catalog.attributes().zip(&mut self.inputs) {
            match attribute.source() {
                Source::Context => {}
                Source::Moment => *input = f64::from(attributes::moment(&attribute, moment)),
                _ if may_read => *input = attributes::remembered(catalog, profile, &attribute, moment),
                _ => *input = f64::NAN,
            }
        }
    }

    fn queue_decision(&mut self, id: u64, decision: &Decision, moment: Moment) {
        let catalog = &self.engine.catalog;
        let key = |key: Option<Key>| key.unwrap_or(Key::NONE).0;
        let campaign_key = |index| catalog.campaign(index).map(|campaign| campaign.key());
        let placement = key(catalog.placement(decision.placement).map(|placement| placement.key()));
        let campaign = key(decision.campaign.and_then(campaign_key));
        let creative = key(decision.creative.and_then(|index| catalog.creative(index)).map(|creative| creative.key()));
        let withheld = key(decision.withheld.and_then(campaign_key));
        let (reason, probability) = (decision.reason as u8, decision.probability);
        self.queue(
            |after| Entry::Decision { id, after, placement, campaign, creative, reason, probability, withheld },
            moment,
        );
    }

    fn queue_outcome(&mut self, event: Key, decision: u64, value: i64, moment: Moment) {
        if self.permissions.measure() {
            self.queue(|after| Entry::Outcome { event: event.0, decision, after, value }, moment);
        }
    }

    fn queue(&mut self, entry: impl FnOnce(u32) -> Entry, moment: Moment) {
        self.outbox.push(entry, self.profile.visitor(), moment);
    }
}
