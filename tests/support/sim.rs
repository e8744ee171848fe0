//! A host in memory: what a browser does for a session, without one.
//!
//! Every page is a new session over the same store, as in a browser; what the engine asks for is carried out at once.

use petitfour::consent::Permissions;
use petitfour::engine::{Decision, Effect, Engine, Session};
use petitfour::event::Event;
use petitfour::sync::Message;
use petitfour::time::{Moment, Timestamp};
use std::sync::Arc;

const MINUTE: u64 = 60_000;

/// A browser with its store, its clock and what it sent.
pub struct Browser {
    engine: Arc<Engine>,
    /// The stored profile.
    pub store: Option<Vec<u8>>,
    /// The visitor's choice, remembered beside it.
    pub permissions: Permissions,
    /// Every message that left.
    pub sent: Vec<Message>,
    pub now: Moment,
    pages: u64,
}

/// A page that is open.
pub struct Page {
    pub session: Session,
    /// What was last read from the store or written to it.
    written: Option<Vec<u8>>,
}

impl Browser {
    pub fn new(engine: Arc<Engine>, permissions: Permissions, now: Moment) -> Self {
        Self { engine, store: None, permissions, sent: Vec::new(), now, pages: 0 }
    }

    /// Opens a page: permissions as chosen, then what is stored.
    pub fn open(&mut self) -> Page {
        self.pages += 1;
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.pages.to_le_bytes());
        let mut page = Page { session: Session::new(self.engine.clone(), seed), written: None };
        page.session.consent(self.permissions, self.now);
        self.pull(&mut page);
        self.drain(&mut page);
        page
    }

    /// Does something on a page, as a browser with several tabs must: reads the store before, writes it after.
    pub fn on<T>(&mut self, page: &mut Page, act: impl FnOnce(&mut Session, Moment) -> T) -> T {
        self.pull(page);
        let answer = act(&mut page.session, self.now);
        self.drain(page);
        answer
    }

    /// A page view: something is decided for each of these placements, seen, and the page is left.
    pub fn view(&mut self, placements: &[&str], prepare: impl FnOnce(&mut Session, Moment)) -> Vec<Decision> {
        let mut page = self.open();
        self.on(&mut page, prepare);
        let decisions: Vec<Decision> = placements
            .iter()
            .map(|placement| {
                let decision = self.on(&mut page, |session, now| session.decide(placement, now));
                self.on(&mut page, |session, now| session.exposed(decision.id, now));
                decision
            })
            .collect();
        self.on(&mut page, |session, _| session.flush());
        decisions
    }

    /// Records an event on a page of its own.
    pub fn track(&mut self, name: &str, properties: &[(&str, &str)]) {
        let event = Event::parse(name, properties.iter().copied(), None).expect("an event");
        self.view(&[], |session, now| session.record(&event, now));
    }

    /// Lets time pass.
    pub fn pass(&mut self, minutes: u64) {
        self.now.now = Timestamp(self.now.now.0 + minutes * MINUTE);
    }

    /// The name of the campaign that a decision is for.
    pub fn campaign(&self, decision: &Decision) -> Option<&str> {
        let catalog = self.engine.catalog();
        let campaign = catalog.campaign(decision.campaign?)?;
        Some(catalog.string(campaign.name()))
    }

    fn pull(&mut self, page: &mut Page) {
        if !page.session.permissions().store() || page.written == self.store {
            return;
        }
        page.written = self.store.clone();
        if let Some(stored) = &self.store {
            page.session.restore(stored).expect("what was stored");
        }
    }

    fn drain(&mut self, page: &mut Page) {
        while let Some(effect) = page.session.poll_effect() {
            match effect {
                Effect::Persist(bytes) => {
                    page.written = Some(bytes.clone());
                    self.store = Some(bytes);
                }
                Effect::Send(bytes) => self.sent.push(Message::decode(&bytes).expect("what the engine sends")),
                Effect::Erase => self.store = None,
                Effect::Wake(_) | Effect::Note(_) | Effect::PersistIdentifiers(_) => {}
            }
        }
    }
}
