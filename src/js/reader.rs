//! The reader: what a page was told of consent and of identity, read to the bits and digests that the session takes.
//!
//! Consent strings and SHA-256 are needed by few page views: a visitor whose signals did not change is not judged again,
//! and identifies once. So they stand in a module of their own, which is loaded when there is something to read. Nothing
//! is kept in it, and each answer depends on its arguments alone.

use crate::consent::{Error, Permissions, Policy, Signals};
use crate::identity::phone::{self, Plan};
use crate::identity::{self, Hashed, Namespace, Refusal, opaque};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use wasm_bindgen::prelude::*;

/// What signals permit under a policy: the bundle's default in the first byte, its section of policy after it, as
/// `Session.policy` gives them; no bytes are the default policy. `signals` are names and values in
/// turn, separated by NUL, as `Signals::hear` takes them; a name that it does not know closes nothing and opens nothing.
///
/// Bits 0 to 3 of the answer are the permissions, 8 to 15 who was heard, 16 to 23 a fault by its number, 0 for none.
#[wasm_bindgen]
pub fn permissions(policy: &[u8], signals: &str) -> u32 {
    let mut heard = Signals::default();
    let mut parts = signals.split('\0');
    while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
        heard.hear(name, value);
    }
    let (otherwise, section) = policy.split_first().unwrap_or((&0, &[]));
    let verdict = Policy::read(Permissions::from_bits(*otherwise), section).decide(&heard);
    let fault = verdict.fault.map_or(0, Error::number);
    u32::from(verdict.permissions.bits()) | u32::from(verdict.heard.0) << 8 | u32::from(fault) << 16
}

/// The stable code of a fault; empty for a number that is none.
#[wasm_bindgen]
pub fn fault(number: u8) -> String {
    Error::of(number).map_or("", Error::code).to_string()
}

/// Digests of an identifier: 33 bytes for each, the code of its kind and forms first. One byte is a refusal's number.
/// The host has lowered the letters of an e-mail address, which spares the tables of Unicode (`docs/adr/0005-sha-256.md`).
/// `limited` is whether the system limits ad tracking, which mobile identifiers alone ask.
#[wasm_bindgen]
pub fn identify(namespace: u8, text: &str, limited: bool) -> Vec<u8> {
    bytes(match Namespace::of(namespace) {
        Some(mobile @ (Namespace::Idfa | Namespace::Gaid)) => {
            opaque::mobile(mobile, text, limited).map(|one| Vec::from([one]))
        }
        Some(namespace) => identity::read_lowered(namespace, text),
        None => Err(Refusal::Malformed),
    })
}

/// As [`identify`], of a phone number as it is dialled within the country of that calling code; 0: with its country's
/// code, though perhaps without "+".
#[wasm_bindgen]
pub fn phone(text: &str, country: u16) -> Vec<u8> {
    bytes(phone::read(text, if country == 0 { Plan::Complete } else { Plan::National(country) }))
}

/// As [`identify`], of a partner's identifier; `source` is the partner's domain, as in OpenRTB's `eids`.
#[wasm_bindgen]
pub fn partner(source: &str, id: &str) -> Vec<u8> {
    bytes(opaque::partner(source, id).map(|one| Vec::from([one])))
}

/// As [`identify`], of the click ids in a page's address; what is refused is left out.
#[wasm_bindgen]
pub fn clicks(address: &str) -> Vec<u8> {
    let found = opaque::clicks(address).filter_map(|(namespace, id)| opaque::read(namespace, id).ok());
    bytes(Ok(found.collect()))
}

/// The stable code of a refusal; empty for a number that is none.
#[wasm_bindgen]
pub fn refusal(number: u8) -> String {
    Refusal::of(number).map_or("", Refusal::code).to_string()
}

fn bytes(read: Result<Vec<Hashed>, Refusal>) -> Vec<u8> {
    match read {
        Ok(digests) => digests.iter().flat_map(|one| core::iter::once(one.code()).chain(one.digest().0)).collect(),
        Err(refusal) => Vec::from([refusal.number()]),
    }
}
