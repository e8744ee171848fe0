//! One visitor, as JavaScript holds it. Every method hands over to [`engine::Session`](crate::engine::Session).

use crate::catalog::Section;
use crate::consent::Permissions;
use crate::engine::{Effect, Engine, Session as Inner};
use crate::event::Event;
use crate::identity::{Digest, Hashed};
use crate::time::{Moment, Timestamp};
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use wasm_bindgen::prelude::*;

/// Effects by number, as [`Session::poll`] gives them.
const NOTHING: u32 = 0;
const PERSIST: u32 = 1;
const SEND: u32 = 2;
const WAKE: u32 = 3;
const ERASE: u32 = 4;
const NOTE: u32 = 5;
const PERSIST_IDENTIFIERS: u32 = 6;

/// No index.
const NONE: u32 = u32::MAX;

/// One visitor over one bundle.
#[wasm_bindgen]
pub struct Session {
    inner: Inner,
    output: [u32; 16],
    payload: Vec<u8>,
    at: f64,
}

#[wasm_bindgen]
impl Session {
    /// Opens a bundle for one visitor. `seed` is 32 random bytes. Nothing when the bundle is none, or the seed too short.
    ///
    /// Not a constructor that throws: what it takes to throw a string is most of a kilobyte.
    pub fn open(bundle: Vec<u8>, seed: &[u8]) -> Option<Session> {
        let inner = Inner::new(Arc::new(Engine::load(bundle).ok()?), *seed.first_chunk()?);
        Some(Self { inner, output: [NONE; 16], payload: Vec::new(), at: 0.0 })
    }

    /// The stable code of what is wrong with a bundle that did not open.
    pub fn fault(bundle: Vec<u8>) -> String {
        Engine::load(bundle).err().map_or("seed/short", |error| error.code()).to_string()
    }

    /// Another visitor over the same bundle and the same levels of feeds. `seed` is 32 random bytes; fewer give the same visitor
    /// each time.
    pub fn sibling(&self, seed: &[u8]) -> Session {
        let inner = self.inner.sibling(*seed.first_chunk().unwrap_or(&[0; 32]));
        Self { inner, output: [NONE; 16], payload: Vec::new(), at: 0.0 }
    }

    /// Lets go of the memberships in a stored profile that the visitor could have written.
    pub fn doubt_members(&mut self) {
        self.inner.doubt_members();
    }

    /// Address of the block of inputs: one f64 for each attribute.
    pub fn input(&mut self) -> *const f64 {
        self.inner.inputs().as_ptr()
    }

    /// Address of the block of outputs: 16 u32.
    pub fn output(&self) -> *const u32 {
        self.output.as_ptr()
    }

    /// How many attributes there are.
    pub fn attributes(&self) -> u32 {
        self.inner.engine().catalog().attributes().len() as u32
    }

    /// Where the context attribute of that name stands, or −1.
    pub fn attribute(&self, name: &str) -> i32 {
        place(self.inner.engine().catalog().context_named(name))
    }

    /// Is that attribute a text?
    pub fn is_text(&self, attribute: u32) -> bool {
        self.inner.engine().catalog().attribute(attribute as usize).is_some_and(|attribute| attribute.is_text())
    }

    /// Bin of a text value, to be written into the block of inputs.
    pub fn intern(&self, attribute: u32, text: &str) -> u32 {
        let catalog = self.inner.engine().catalog();
        catalog.attribute(attribute as usize).map_or(0, |attribute| u32::from(catalog.intern(&attribute, text)))
    }

    /// Where the placement of that name stands, or −1.
    pub fn placement(&self, name: &str) -> i32 {
        place(self.inner.engine().catalog().placement_named(name))
    }

    /// Where the creative of that name stands, or −1.
    pub fn creative(&self, name: &str) -> i32 {
        place(self.inner.engine().catalog().creative_named(name))
    }

    /// Takes over a decision that was made elsewhere, by the place of its creative or −1; the answer is where its campaign
    /// stands, or none.
    pub fn adopt(&mut self, high: u32, low: u32, creative: i32) -> u32 {
        let creative = self.inner.engine().catalog().creative(creative as usize);
        let campaign = creative.and_then(|creative| creative.campaign());
        self.inner.adopt(id(high, low), campaign);
        campaign.map_or(NONE, |campaign| campaign as u32)
    }

    /// Decides; the answer is in the block of outputs, its reason is returned.
    pub fn decide(&mut self, placement: u32, now: f64, offset: i32) -> u32 {
        let decision = self.inner.decide_at(placement as usize, moment(now, offset));
        let index = |index: Option<usize>| index.map_or(NONE, |index| index as u32);
        let catalog = self.inner.engine().catalog();
        let answer = [
            decision.reason as u32,
            index(decision.campaign),
            index(decision.creative),
            (decision.id >> 32) as u32,
            decision.id as u32,
            u32::from(decision.probability),
            index(decision.withheld),
            decision
                .creative
                .and_then(|creative| catalog.creative(creative))
                .is_some_and(|own| own.is_composed())
                .into(),
        ];
        for (slot, word) in self.output.iter_mut().zip(answer) {
            *slot = word;
        }
        decision.reason as u32
    }

    /// The fields of a creative, a JSON object; empty when there is none. A composed one is asked for right after its decision.
    #[wasm_bindgen(unchecked_return_type = "string")]
    pub fn content(&mut self, creative: u32, now: f64, offset: i32) -> Vec<u8> {
        self.inner.content(creative as usize, moment(now, offset)).unwrap_or_default().json
    }

    /// Name of a campaign (0), creative (1) or placement (2).
    #[wasm_bindgen(unchecked_return_type = "string")]
    pub fn name(&self, kind: u32, index: u32) -> Vec<u8> {
        let (catalog, index) = (self.inner.engine().catalog(), index as usize);
        self.text(match kind {
            0 => catalog.campaign(index).map(|campaign| campaign.name()),
            1 => catalog.creative(index).map(|creative| creative.name()),
            _ => catalog.placement(index).map(|placement| placement.name()),
        })
    }

    /// Records an event. `properties` are names and values in turn, separated by NUL. Returns false when it is not one.
    pub fn record(&mut self, name: &str, properties: &str, value: f64, now: f64, offset: i32) -> bool {
        let mut parts = properties.split(|letter| u32::from(letter) == 0);
        let pairs = core::iter::from_fn(|| Some((parts.next()?, parts.next()?)));
        let Ok(event) = Event::parse(name, pairs, Some(value)) else { return false };
        self.inner.record(&event, moment(now, offset));
        true
    }

    /// Notes a text that was said of the visitor.
    pub fn trait_text(&mut self, name: &str, value: &str, now: f64, offset: i32) -> bool {
        self.inner.set_trait_text(name, value, moment(now, offset))
    }

    /// Notes a number that was said of the visitor.
    pub fn trait_number(&mut self, name: &str, value: f64, now: f64, offset: i32) -> bool {
        self.inner.set_trait_number(name, value, moment(now, offset))
    }

    /// Takes in a level of a feed.
    pub fn feed(&mut self, feed: &str, place: &str, item: &str, level: i32, as_of: f64) -> bool {
        self.inner.feed(feed, place, item, level, Timestamp(as_of as u64))
    }

    /// Tells when the visitor's clock changes next, and how it stands from then on.
    pub fn shift(&mut self, at: f64, offset: i32) {
        self.inner.expect_change(Timestamp(at as u64), moment(at, offset).offset_minutes);
    }

    /// Looks at the journeys.
    pub fn look(&mut self, now: f64, offset: i32) {
        self.inner.look(moment(now, offset));
    }

    /// Takes in an identifier as the reader gives it: its code and its digest. Anything but 33 bytes is ignored.
    pub fn identify(&mut self, identifier: &[u8], now: f64, offset: i32) {
        if let Ok([code, digest @ ..]) = <[u8; 33]>::try_from(identifier)
            && let Some(hashed) = Hashed::from_code(code, Digest(digest))
        {
            self.inner.identify(hashed, moment(now, offset));
        }
    }

    /// Takes in the stored identifiers, after the profile; returns "" or the stable code of what is wrong with them.
    pub fn restore_identifiers(&mut self, identifiers: &[u8], now: f64, offset: i32) -> String {
        let restored = self.inner.restore_identifiers(identifiers, moment(now, offset));
        restored.err().map_or("", |error| error.code()).to_string()
    }

    /// Sets what is permitted: bit 0 store, 1 personalise, 2 measure, 3 share.
    pub fn consent(&mut self, bits: u8, now: f64, offset: i32) {
        self.inner.consent(Permissions::from_bits(bits), moment(now, offset));
    }

    /// What the reader judges signals by: the default permissions in one byte, then the bundle's section of policy.
    pub fn policy(&self) -> Vec<u8> {
        let catalog = self.inner.engine().catalog();
        let mut bytes = Vec::from([catalog.default_permissions().bits()]);
        bytes.extend_from_slice(catalog.section(Section::Consent));
        bytes
    }

    /// Narrows what is permitted until there is an answer, and forgets nothing.
    pub fn rest(&mut self, bits: u8, now: f64, offset: i32) {
        self.inner.rest(Permissions::from_bits(bits), moment(now, offset));
    }

    /// What is permitted.
    pub fn permissions(&self) -> u8 {
        self.inner.permissions().bits()
    }

    /// Takes in a stored profile; returns "" or the stable code of what is wrong with it.
    pub fn restore(&mut self, profile: &[u8]) -> String {
        self.inner.restore(profile).err().map_or("", |error| error.code()).to_string()
    }

    /// Confirms that a decision was seen.
    pub fn exposed(&mut self, high: u32, low: u32, now: f64, offset: i32) -> bool {
        self.inner.exposed(id(high, low), moment(now, offset))
    }

    /// Reports what came of a decision.
    pub fn outcome(&mut self, event: &str, high: u32, low: u32, value: f64, now: f64, offset: i32) {
        self.inner.outcome(event, id(high, low), Some(value), moment(now, offset));
    }

    /// Takes in what the origin answered; returns "" or the stable code of what is wrong with it.
    pub fn answer(&mut self, bytes: &[u8], now: f64, offset: i32) -> String {
        self.inner.answer(bytes, moment(now, offset)).err().map_or("", |error| error.code()).to_string()
    }

    /// Did the last answer say that this message is stored?
    pub fn received(&self, message: &[u8]) -> bool {
        self.inner.received(message)
    }

    /// Does the origin serve another bundle?
    pub fn behind(&self) -> bool {
        self.inner.is_behind()
    }

    /// The message that asks the origin to delete what came under `withdrawn`.
    pub fn tombstone(&mut self, withdrawn: u8, now: f64, offset: i32) -> Vec<u8> {
        self.inner.tombstone(Permissions::from_bits(withdrawn), moment(now, offset))
    }

    /// Lets entries gather for longer: no answer is needed soon.
    pub fn gather_long(&mut self) {
        self.inner.gather_long();
    }

    /// Packs what waits into a message.
    pub fn flush(&mut self) {
        self.inner.flush();
    }

    /// The time that was asked for has come.
    pub fn wake(&mut self, now: f64, offset: i32) {
        self.inner.handle_wake(moment(now, offset));
    }

    /// Forgets the visitor.
    pub fn forget(&mut self, now: f64, offset: i32) {
        self.inner.forget(moment(now, offset));
    }

    /// Whether this session writes the profile, or notes.
    pub fn hold(&mut self, holds: bool, now: f64, offset: i32) {
        self.inner.hold(holds, moment(now, offset));
    }

    /// The name of this session's note, 16 hexadecimal digits.
    pub fn dot(&self) -> String {
        hexadecimal(self.inner.dot())
    }

    /// Takes in a note; returns "" when something was new, "note/known" when nothing was, or the stable code of what is wrong.
    pub fn absorb(&mut self, note: &[u8], now: f64, offset: i32) -> String {
        let code = match self.inner.absorb(note, moment(now, offset)) {
            Ok(true) => "",
            Ok(false) => "note/known",
            Err(error) => error.code(),
        };
        code.to_string()
    }

    /// The next effect: 0 none, 1 persist, 2 send, 3 wake, 4 erase, 5 note, 6 persist identifiers.
    pub fn poll(&mut self) -> u32 {
        match self.inner.poll_effect() {
            None => NOTHING,
            Some(Effect::Erase) => ERASE,
            Some(Effect::Persist(bytes)) => {
                self.payload = bytes;
                PERSIST
            }
            Some(Effect::Note(bytes)) => {
                self.payload = bytes;
                NOTE
            }
            Some(Effect::PersistIdentifiers(bytes)) => {
                self.payload = bytes;
                PERSIST_IDENTIFIERS
            }
            Some(Effect::Send(bytes)) => {
                self.payload = bytes;
                SEND
            }
            Some(Effect::Wake(at)) => {
                self.at = at.0 as f64;
                WAKE
            }
        }
    }

    /// Bytes of the effect just polled.
    pub fn payload(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.payload)
    }

    /// Time of the wake just polled, in Unix ms.
    pub fn at(&self) -> f64 {
        self.at
    }

    /// All that a decision depends on, for the lens.
    pub fn snapshot(&self) -> Vec<u8> {
        self.inner.snapshot()
    }

    /// The author's version of the bundle.
    pub fn bundle_version(&self) -> f64 {
        self.inner.engine().catalog().version() as f64
    }

    /// Hash of the bundle, 16 hexadecimal digits.
    pub fn bundle_hash(&self) -> String {
        hexadecimal(self.inner.engine().catalog().hash())
    }

    /// A string of the bundle, or nothing. As bytes: JavaScript decodes them anyway, and looking before that whether they are UTF-8
    /// takes three hundred bytes.
    fn text(&self, string: Option<u32>) -> Vec<u8> {
        string.and_then(|string| self.inner.engine().catalog().string_bytes(string)).unwrap_or_default().to_vec()
    }
}

/// By hand: the formatting machinery costs two kilobytes, and nothing else here needs it.
fn hexadecimal(number: u64) -> String {
    (0..16).rev().filter_map(|digit| char::from_digit((number >> (4 * digit)) as u32 & 15, 16)).collect()
}

pub(super) fn moment(now: f64, offset: i32) -> Moment {
    // `as` saturates and turns NaN into zero, which is what a clock that is wrong deserves.
    Moment { now: Timestamp(now as u64), offset_minutes: offset.clamp(-840, 840) as i16 }
}

fn id(high: u32, low: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

fn place(index: Option<usize>) -> i32 {
    index.and_then(|index| i32::try_from(index).ok()).unwrap_or(-1)
}
