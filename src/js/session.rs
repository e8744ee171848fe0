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

/// Most calls share three exports, since what an export takes for the borrow of the session alone is some eighty bytes. The place of
/// a call among the arms of [`Session::number`], [`Session::take`] or [`Session::bytes`] is its number, and the comment above the arm
/// says how JavaScript calls it: `cargo xtask pkg` reads these (xtask/src/package/glue.rs).
///
/// Texts come as one, with NUL between them. Numbers come in reverse, so that a moment, which is said last, has its place.
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

    /// The calls that answer a number, or whether.
    #[expect(
        clippy::too_many_arguments,
        reason = "numbers cross into the module for nothing, and a list of them would be copied"
    )]
    pub fn number(&mut self, call: u32, texts: &str, a: f64, b: f64, c: f64, d: f64, e: f64) -> f64 {
        let mut texts = texts.split(|letter| u32::from(letter) == 0);
        let mut text = || texts.next().unwrap_or_default();
        let at = moment(b, a as i32);
        let session = &mut self.inner;
        match call {
            // Where the context attribute of that name stands, or −1.
            // attribute(name: string): number
            0 => place(session.engine().catalog().context_named(text())),
            // Where the placement of that name stands, or −1.
            // placement(name: string): number
            1 => place(session.engine().catalog().placement_named(text())),
            // Where the creative of that name stands, or −1.
            // creative(name: string): number
            2 => place(session.engine().catalog().creative_named(text())),
            // Bin of a text value, to be written into the block of inputs.
            // intern(attribute: number, text: string): number
            3 => {
                let catalog = session.engine().catalog();
                catalog.attribute(index(a)).map_or(0, |attribute| catalog.intern(&attribute, text())).into()
            }
            // Address of the block of inputs: one f64 for each attribute.
            // input(): number
            4 => session.inputs().as_ptr() as usize as f64,
            // Address of the block of outputs: 16 u32.
            // output(): number
            5 => self.output.as_ptr() as usize as f64,
            // How many attributes there are.
            // attributes(): number
            6 => session.engine().catalog().attributes().len() as f64,
            // Takes over a decision that was made elsewhere, by the place of its creative or −1; the answer is where its campaign
            // stands, or none.
            // adopt(high: number, low: number, creative: number): number
            7 => {
                let creative = session.engine().catalog().creative(index(a));
                let campaign = creative.and_then(|creative| creative.campaign());
                session.adopt(id(c, b), campaign);
                campaign.map_or(f64::from(NONE), |campaign| campaign as f64)
            }
            // What is permitted.
            // permissions(): number
            8 => session.permissions().bits().into(),
            // Time of the wake just polled, in Unix ms.
            // at(): number
            9 => self.at,
            // The author's version of the bundle.
            // bundle_version(): number
            10 => session.engine().catalog().version() as f64,
            // Lets go of the memberships in a stored profile that the visitor could have written.
            // doubt_members(): void
            11 => {
                session.doubt_members();
                0.0
            }
            // Tells when the visitor's clock changes next, and how it stands from then on.
            // shift(at: number, offset: number): void
            12 => {
                session.expect_change(at.now, at.offset_minutes);
                0.0
            }
            // Looks at the journeys.
            // look(now: number, offset: number): void
            13 => {
                session.look(at);
                0.0
            }
            // Sets what is permitted: bit 0 store, 1 personalise, 2 measure, 3 share.
            // consent(bits: number, now: number, offset: number): void
            14 => {
                session.consent(permissions(c), at);
                0.0
            }
            // Narrows what is permitted until there is an answer, and forgets nothing.
            // rest(bits: number, now: number, offset: number): void
            15 => {
                session.rest(permissions(c), at);
                0.0
            }
            // Reports what came of a decision.
            // outcome(event: string, high: number, low: number, value: number, now: number, offset: number): void
            16 => {
                session.outcome(text(), id(e, d), Some(c), at);
                0.0
            }
            // Lets entries gather for longer: no answer is needed soon.
            // gather_long(): void
            17 => {
                session.gather_long();
                0.0
            }
            // Packs what waits into a message.
            // flush(): void
            18 => {
                session.flush();
                0.0
            }
            // The time that was asked for has come.
            // wake(now: number, offset: number): void
            19 => {
                session.handle_wake(at);
                0.0
            }
            // Forgets the visitor.
            // forget(now: number, offset: number): void
            20 => {
                session.forget(at);
                0.0
            }
            // Whether this session writes the profile, or notes.
            // hold(holds: boolean, now: number, offset: number): void
            21 => {
                session.hold(c > 0.0, at);
                0.0
            }
            // Is that attribute a text?
            // is_text(attribute: number): boolean
            22 => session.engine().catalog().attribute(index(a)).is_some_and(|attribute| attribute.is_text()).into(),
            // Records an event. `properties` are names and values in turn, separated by NUL. Returns false when it is not one.
            // record(name: string, properties: string, value: number, now: number, offset: number): boolean
            23 => {
                let name = text();
                let pairs = core::iter::from_fn(|| Some((texts.next()?, texts.next()?)));
                let Ok(event) = Event::parse(name, pairs, Some(c)) else { return 0.0 };
                session.record(&event, at);
                1.0
            }
            // Notes a text that was said of the visitor.
            // trait_text(name: string, value: string, now: number, offset: number): boolean
            24 => session.set_trait_text(text(), text(), at).into(),
            // Notes a number that was said of the visitor.
            // trait_number(name: string, value: number, now: number, offset: number): boolean
            25 => session.set_trait_number(text(), c, at).into(),
            // Takes in a level of a feed.
            // feed(feed: string, place: string, item: string, level: number, as_of: number): boolean
            26 => session.feed(text(), text(), text(), b as i32, Timestamp(a as u64)).into(),
            // Confirms that a decision was seen.
            // exposed(high: number, low: number, now: number, offset: number): boolean
            27 => session.exposed(id(d, c), at).into(),
            // Does the origin serve another bundle?
            // behind(): boolean
            _ => session.is_behind().into(),
        }
    }

    /// The calls that take bytes in; they answer a text, or whether: nothing for no.
    pub fn take(&mut self, call: u32, given: &[u8], a: f64, b: f64) -> Vec<u8> {
        let at = moment(b, a as i32);
        let session = &mut self.inner;
        let code = match call {
            // Takes in what the origin answered; returns "" or the stable code of what is wrong with it.
            // answer(bytes: Uint8Array, now: number, offset: number): string
            0 => session.answer(given, at).err().map_or("", |error| error.code()),
            // Takes in a stored profile; returns "" or the stable code of what is wrong with it.
            // restore(profile: Uint8Array): string
            1 => session.restore(given).err().map_or("", |error| error.code()),
            // Takes in the stored identifiers, after the profile; returns "" or the stable code of what is wrong with them.
            // restore_identifiers(identifiers: Uint8Array, now: number, offset: number): string
            2 => session.restore_identifiers(given, at).err().map_or("", |error| error.code()),
            // Takes in a note; returns "" when something was new, "note/known" when nothing was, or the stable code of what is wrong.
            // absorb(note: Uint8Array, now: number, offset: number): string
            3 => match session.absorb(given, at) {
                Ok(true) => "",
                Ok(false) => "note/known",
                Err(error) => error.code(),
            },
            // Takes in an identifier as the reader gives it: its code and its digest. Anything but 33 bytes is ignored.
            // identify(identifier: Uint8Array, now: number, offset: number): string
            4 => {
                if let Ok([code, digest @ ..]) = <[u8; 33]>::try_from(given)
                    && let Some(hashed) = Hashed::from_code(code, Digest(digest))
                {
                    session.identify(hashed, at);
                }
                ""
            }
            // Did the last answer say that this message is stored?
            // received(message: Uint8Array): boolean
            5 if session.received(given) => "1",
            _ => "",
        };
        code.as_bytes().to_vec()
    }

    /// The calls that answer a text or bytes.
    pub fn bytes(&mut self, call: u32, a: f64, b: f64, c: f64) -> Vec<u8> {
        let at = moment(b, a as i32);
        let session = &mut self.inner;
        match call {
            // Name of a campaign (0), creative (1) or placement (2). As bytes: JavaScript decodes them anyway, and looking before that
            // whether they are UTF-8 takes three hundred bytes.
            // name(kind: number, index: number): string
            0 => {
                let (catalog, index) = (session.engine().catalog(), index(a));
                let string = match b as u32 {
                    0 => catalog.campaign(index).map(|campaign| campaign.name()),
                    1 => catalog.creative(index).map(|creative| creative.name()),
                    _ => catalog.placement(index).map(|placement| placement.name()),
                };
                string.and_then(|string| catalog.string_bytes(string)).unwrap_or_default().to_vec()
            }
            // The fields of a creative, a JSON object; empty when there is none. A composed one is asked for right after its decision.
            // content(creative: number, now: number, offset: number): string
            1 => session.content(index(c), at).unwrap_or_default().json,
            // The name of this session's note, 16 hexadecimal digits.
            // dot(): string
            2 => hexadecimal(session.dot()),
            // Hash of the bundle, 16 hexadecimal digits.
            // bundle_hash(): string
            3 => hexadecimal(session.engine().catalog().hash()),
            // What the reader judges signals by: the default permissions in one byte, then the bundle's section of policy.
            // policy(): Uint8Array
            4 => {
                let catalog = session.engine().catalog();
                let mut bytes = Vec::from([catalog.default_permissions().bits()]);
                bytes.extend_from_slice(catalog.section(Section::Consent));
                bytes
            }
            // The message that asks the origin to delete what came under `withdrawn`.
            // tombstone(withdrawn: number, now: number, offset: number): Uint8Array
            5 => session.tombstone(permissions(c), at),
            // Bytes of the effect just polled.
            // payload(): Uint8Array
            6 => core::mem::take(&mut self.payload),
            // All that a decision depends on, for the lens.
            // snapshot(): Uint8Array
            _ => session.snapshot(),
        }
    }
}

/// By hand: the formatting machinery costs two kilobytes, and nothing else here needs it.
fn hexadecimal(number: u64) -> Vec<u8> {
    (0..16).rev().filter_map(|digit| b"0123456789abcdef".get((number >> (4 * digit)) as usize & 15).copied()).collect()
}

pub(super) fn moment(now: f64, offset: i32) -> Moment {
    // `as` saturates and turns NaN into zero, which is what a clock that is wrong deserves.
    Moment { now: Timestamp(now as u64), offset_minutes: offset.clamp(-840, 840) as i16 }
}

fn id(high: f64, low: f64) -> u64 {
    u64::from(high as u32) << 32 | u64::from(low as u32)
}

/// Where something stands: −1 is nowhere, and not the first.
fn index(number: f64) -> usize {
    number as i64 as usize
}

fn permissions(bits: f64) -> Permissions {
    Permissions::from_bits(bits as u8)
}

fn place(index: Option<usize>) -> f64 {
    index.map_or(-1.0, |index| index as f64)
}
