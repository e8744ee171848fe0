//! Who an event is of: takes every identifier out of a call and gives back digests, the strongest first.
//!
//! An identifier leaves the JSON when it is read, whether it is one or not (`null`, a limited advertising id): what is kept of an event
//! holds digests alone. The raw values are remembered until the event is finished, so that [`super::kept`] finds their copies elsewhere.
//!
//! The order is by how sure an identifier names one person: user, crm, e-mail, phone, card, partner, mobile, device, browser, click.
//!
//! Invariant: a raw value leaves this module in [`Who::raw`] and, from a trusted source alone, as a [`Contact`].
//! Absent on purpose: guesses. A value that its kind refuses is left out; whether enough is left is for the caller.

use petitfour::{
    consent::Permissions,
    identity::{
        self, Digest, Hashed, Namespace,
        opaque::{self, clicks},
        phone::{self, Plan},
    },
};
use serde_json::{Map, Value};

use crate::{
    event::{ANONYMOUS, CARD, Contact, DEVICE, Identifier, MAX_IDENTIFIERS, VISITOR},
    hex,
};

/// Partners whose ids are encrypted anew at every refresh: their digest would recognise nobody (`docs/identity.md`).
const ROTATING: [&str; 4] = ["uidapi.com", "euid.eu", "id5-sync.com", "liveramp.com"];

/// Partners' entries that are looked at, and ids of each.
const SOURCES: usize = 64;
const UIDS: usize = 16;

/// Longest raw value that is looked at: the longest that any kind of identifier takes.
const LONGEST: usize = 4_096;

/// How sure an identifier names one person; smaller is surer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Strength {
    User,
    Crm,
    Email,
    Phone,
    Card,
    Partner,
    Mobile,
    Device,
    Browser,
    Click,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Who {
    found: Vec<(Strength, Identifier)>,
    contacts: Vec<Contact>,
    /// The values as they were sent, to look for copies of them.
    pub raw: Vec<String>,
    /// Contacts are kept.
    trusted: bool,
}

impl Who {
    /// Nobody yet. `trusted`: the source is a program of the shop's own, so addresses may be kept apart.
    #[must_use]
    pub fn new(trusted: bool) -> Self {
        Self { trusted, ..Self::default() }
    }

    /// The site's own number of a customer.
    pub fn user(&mut self, value: Option<Value>) {
        if let Some(text) = self.text(value) {
            self.hashed(Strength::User, identity::read(Namespace::User, &text));
        }
    }

    /// What a browser is known by: our pseudonym, or the id of another library.
    pub fn browser(&mut self, value: Option<Value>) {
        let Some(text) = self.text(value) else { return };
        if let Some(pseudonym) = pseudonym(&text) {
            self.push(Strength::Browser, Identifier { namespace: VISITOR, forms: 0, value: pseudonym.to_vec() });
        } else {
            self.digest(Strength::Browser, ANONYMOUS, &text);
        }
    }

    /// The id that `alias` says is the same person's: a browser's where it has the shape of one, else the site's own number.
    pub fn previous(&mut self, value: Option<Value>) {
        let random = value
            .as_ref()
            .and_then(Value::as_str)
            .is_some_and(|text| pseudonym(text).is_some() || is_uuid(text.trim()));
        if random { self.browser(value) } else { self.user(value) }
    }

    /// Everything in traits, which loses it.
    pub fn traits(&mut self, traits: &mut Map<String, Value>) {
        let email = traits.remove("email");
        self.email(email);
        let country = traits.remove("phoneCountry").and_then(|code| match code {
            Value::Number(code) => code.as_u64().and_then(|code| u16::try_from(code).ok()),
            Value::String(code) => code.trim().trim_start_matches('+').parse().ok(),
            _ => None,
        });
        self.phone(traits.remove("phone"), country.map_or(Plan::International, Plan::National));
        for name in ["crmId", "crm_id"] {
            let value = traits.remove(name);
            self.named("crm", value, "");
        }
        let eids = traits.remove("eids");
        self.eids(eids.as_ref());
    }

    /// Everything in a context, which loses it together with what says where a request came from.
    pub fn context(&mut self, context: &mut Map<String, Value>) {
        for name in ["ip", "userAgent", "userAgentData", "consent", "permissions"] {
            context.remove(name);
        }
        if let Some(Value::Array(listed)) = context.remove("externalIds") {
            for each in listed.into_iter().take(SOURCES) {
                let Value::Object(mut each) = each else { continue };
                let kind = each.remove("type").and_then(|kind| kind.as_str().map(str::to_owned)).unwrap_or_default();
                let encoding =
                    each.remove("encoding").and_then(|kind| kind.as_str().map(str::to_owned)).unwrap_or_default();
                self.named(&kind, each.remove("id"), &encoding);
            }
        }
        let eids = context.remove("eids");
        self.eids(eids.as_ref());
        if let Some(Value::Object(device)) = context.get_mut("device") {
            self.device(device);
        }
        if let Some(Value::Object(page)) = context.get("page") {
            self.page(page);
        }
    }

    /// Click ids in the address of a page.
    pub fn page(&mut self, page: &Map<String, Value>) {
        let text = |name: &str| page.get(name).and_then(Value::as_str);
        let mut met = [false; 32];
        for address in [text("search"), text("url")].into_iter().flatten() {
            // `search` begins with its question mark, or is one without.
            let whole = if address.contains('?') { None } else { Some(format!("?{address}")) };
            for (namespace, click) in clicks(whole.as_deref().unwrap_or(address)) {
                let seen = met.get_mut(usize::from(namespace.number()));
                if seen.is_some_and(|seen| !std::mem::replace(seen, true)) {
                    self.hashed(Strength::Click, opaque::read(namespace, click).map(|one| vec![one]));
                }
            }
        }
    }

    /// Extended identifiers, as OpenRTB has them. Kept verbatim for the partner whose they are, from a trusted source.
    fn eids(&mut self, eids: Option<&Value>) {
        for each in eids.and_then(Value::as_array).into_iter().flatten().take(SOURCES) {
            let (Some(source), Some(uids)) =
                (each.get("source").and_then(Value::as_str), each.get("uids").and_then(Value::as_array))
            else {
                continue;
            };
            for id in uids.iter().take(UIDS).filter_map(|uid| uid.get("id")?.as_str()) {
                self.partner(source, id);
            }
        }
    }

    fn partner(&mut self, source: &str, id: &str) {
        self.remember(id);
        let Ok(read) = opaque::partner(source, id) else { return };
        self.contact(&format!("eid:{}", source.trim().to_ascii_lowercase()), id);
        if !ROTATING.iter().any(|rotating| source.trim().eq_ignore_ascii_case(rotating)) {
            self.hashed(Strength::Partner, Ok(vec![read]));
        }
    }

    /// An identifier whose kind is a word, as in Segment's `externalIds`.
    pub fn named(&mut self, kind: &str, value: Option<Value>, encoding: &str) {
        let Some(text) = self.text(value) else { return };
        let plain: String = kind.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
        let ready = encoding.eq_ignore_ascii_case("sha256");
        let digest = if ready { Digest::given(&text) } else { None };
        let own = |namespace| match digest {
            Some(digest) => Ok(vec![Hashed::new(namespace, identity::Forms::NONE, digest)]),
            None => identity::read(namespace, &text),
        };
        match plain.as_str() {
            "user" | "userid" => self.hashed(Strength::User, own(Namespace::User)),
            "crm" | "crmid" => self.hashed(Strength::Crm, own(Namespace::Crm)),
            "email" => self.email(Some(Value::String(text))),
            "phone" => self.phone(Some(Value::String(text)), Plan::International),
            "card" | "cardid" | "loyalty" | "loyaltycard" | "loyaltyid" => self.digest(Strength::Card, CARD, &text),
            "idfa" | "iosidfa" => self.hashed(Strength::Mobile, identity::read(Namespace::Idfa, &text)),
            "gaid" | "aaid" | "androidadid" | "androididfa" => {
                self.hashed(Strength::Mobile, identity::read(Namespace::Gaid, &text))
            }
            "device" | "deviceid" | "iosid" | "androidid" => self.digest(Strength::Device, DEVICE, &text),
            "anonymousid" | "crossdomainid" | "visitor" => self.browser(Some(Value::String(text))),
            "gaclientid" => self.digest(Strength::Browser, ANONYMOUS, &text),
            "pushtoken" | "iospushtoken" | "androidpushtoken" => self.contact("push", &text),
            "groupid" | "" => {}
            _ => self.partner(kind, &text),
        }
    }

    fn device(&mut self, device: &mut Map<String, Value>) {
        // A phone's own name is mostly its owner's.
        device.remove("name");
        let kind = device.get("type").and_then(Value::as_str).unwrap_or_default().trim().to_ascii_lowercase();
        let limited = device.remove("adTrackingEnabled") == Some(Value::Bool(false));
        if let Some(text) = self.text(device.remove("advertisingId")) {
            let read = match kind.as_str() {
                "ios" | "tvos" | "ipados" => opaque::mobile(Namespace::Idfa, &text, limited),
                "android" => opaque::mobile(Namespace::Gaid, &text, limited),
                _ if limited => Err(identity::Refusal::Limited),
                // Televisions and boxes have one each (`roku`, `samsung`, …); two makers' equal numbers differ.
                _ => opaque::mobile(Namespace::Gaid, &text, false).and_then(|_| opaque::partner(&kind, &text)),
            };
            self.hashed(Strength::Mobile, read.map(|one| vec![one]));
        }
        if let Some(text) = self.text(device.remove("id")) {
            self.digest(Strength::Device, DEVICE, &text);
        }
        if let Some(text) = self.text(device.remove("token")) {
            self.contact("push", &text);
        }
    }

    /// An e-mail address, or its SHA-256.
    pub fn email(&mut self, value: Option<Value>) {
        let Some(text) = self.text(value) else { return };
        let read = identity::read(Namespace::Email, &text);
        if read.is_ok() && text.contains('@') {
            self.contact("email", text.trim());
        }
        self.hashed(Strength::Email, read);
    }

    /// A phone number, or its SHA-256.
    pub fn phone(&mut self, value: Option<Value>, plan: Plan) {
        let Some(text) = self.text(value) else { return };
        let read = phone::read(&text, plan);
        if read.is_ok()
            && let Ok(number) = phone::normalise(&text, plan)
        {
            self.contact("sms", &number);
        }
        self.hashed(Strength::Phone, read);
    }

    /// The pseudonym that the site's own cookie holds.
    pub fn visitor(&mut self, pseudonym: [u8; 16]) {
        self.push(Strength::Browser, Identifier { namespace: VISITOR, forms: 0, value: pseudonym.to_vec() });
    }

    /// Was nobody found?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// The identifiers, the strongest first, and the contacts.
    ///
    /// While sharing is not permitted, nothing is to tie this visitor to others: only what the site itself gave the browser stays.
    #[must_use]
    pub fn finish(mut self, permitted: Permissions) -> (Vec<Identifier>, Vec<Contact>) {
        self.found.sort_by_key(|(strength, _)| *strength);
        if !permitted.share() {
            self.contacts.clear();
            self.found.retain(|(strength, _)| *strength == Strength::Browser);
        }
        self.found.truncate(MAX_IDENTIFIERS);
        (self.found.into_iter().map(|(_, found)| found).collect(), self.contacts)
    }

    /// A text or a whole number; anything else is no identifier.
    fn text(&mut self, value: Option<Value>) -> Option<String> {
        let text = match value? {
            Value::String(text) => text,
            Value::Number(number) if number.is_i64() || number.is_u64() => number.to_string(),
            _ => return None,
        };
        if text.is_empty() || text.len() > LONGEST {
            return None;
        }
        self.remember(&text);
        Some(text)
    }

    fn remember(&mut self, text: &str) {
        let text = text.trim();
        if text.len() >= super::kept::RECOGNISED && !self.raw.iter().any(|known| known == text) {
            self.raw.push(text.to_owned());
        }
    }

    fn hashed(&mut self, strength: Strength, read: Result<Vec<Hashed>, identity::Refusal>) {
        for one in read.unwrap_or_default() {
            let (namespace, forms) = (one.code() & 31, one.forms().bits());
            self.push(strength, Identifier { namespace, forms, value: one.digest().0.to_vec() });
        }
    }

    /// A digest under one of the collector's own namespaces; placeholders are refused as in the engine's.
    fn digest(&mut self, strength: Strength, namespace: u8, text: &str) {
        if let Ok(read) = opaque::read(Namespace::User, text) {
            self.push(strength, Identifier { namespace, forms: 0, value: read.digest().0.to_vec() });
        }
    }

    fn push(&mut self, strength: Strength, found: Identifier) {
        let same = |known: &Identifier| known.namespace == found.namespace && known.value == found.value;
        match self.found.iter_mut().find(|(_, known)| same(known)) {
            Some((_, known)) => known.forms |= found.forms,
            None => self.found.push((strength, found)),
        }
    }

    fn contact(&mut self, channel: &str, address: &str) {
        let contact = Contact { channel: channel.to_owned(), address: address.to_owned() };
        if self.trusted && self.contacts.len() < MAX_IDENTIFIERS && !self.contacts.contains(&contact) {
            self.contacts.push(contact);
        }
    }
}

/// The engine's pseudonym: 32 hex digits, not all the same.
#[must_use]
pub fn pseudonym(text: &str) -> Option<[u8; 16]> {
    let bytes: [u8; 16] = hex::read(text.trim())?;
    let first = bytes.first().copied();
    (!bytes.iter().all(|byte| Some(*byte) == first)).then_some(bytes)
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}
