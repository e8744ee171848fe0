//! Write keys: who may send events, of what kind, from where and how fast.
//!
//! A key has a name, which its events carry, and a secret, of which only SHA-256 is kept. A `browser` key stands in pages for everybody to
//! read: it says which origins may use it, and its events' addresses are not kept. A `server` key is a secret of a program's: a page that
//! uses one has let it out, and is refused. Two live keys may have one name, so that a secret is changed without a gap.
//!
//! [`Keys`] is the set in memory. Whoever keeps the table hands it over whole, as often as it may have changed; how far a key's rate is used
//! up outlives that.
//!
//! Invariant: a secret is looked up by its digest, so nothing is learned from how long a wrong one takes.
//! Absent on purpose: any reading of the store or of the wall clock.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter, clock::Clock as _};
use petitfour::{consent::Permissions, identity::Digest};
use serde::{Deserialize, Serialize};

/// Events a second that a key may send unless it says otherwise, and how many at once: a busy shop's, not a flood's.
pub const RATE: u32 = 2_000;

/// Longest name of a key.
pub const NAME_BYTES: usize = 64;

/// Longest secret that is looked at.
const SECRET_BYTES: usize = 256;

/// Who holds a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Kind {
    /// Pages and apps: everybody can read it.
    Browser = 1,
    /// A program of the shop's own.
    Server = 2,
}

/// A write key, as its table has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// What its events come under: lower-case letters, digits, `.`, `_` and `-`.
    pub name: String,
    /// Who holds it.
    pub kind: Kind,
    /// SHA-256 of the secret.
    pub secret: [u8; 32],
    /// Unix ms.
    pub created: i64,
    /// From then on it is none, because it was to end or was taken back. Unix ms.
    pub expires: Option<i64>,
    /// Events a second; also how many may come at once.
    pub rate: u32,
    /// Origins whose pages may use it; `*` is all. Of browser keys alone.
    pub origins: Vec<String>,
    /// What is permitted where an event says nothing of it.
    pub otherwise: Permissions,
}

/// Why a key does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// There is none of this secret, or it has ended.
    Unknown,
    /// It is not of the kind that this address wants, or a page uses a server's.
    Kind,
    /// The page's origin is not among its own.
    Origin,
    /// Too many events; try again after so many seconds.
    Rate(u32),
}

/// What a request wants of a key.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The secret that came with it.
    pub secret: &'a str,
    /// Only a program of the shop's own may do this.
    pub server: bool,
    /// The page that it came from, when a browser says so.
    pub origin: Option<&'a str>,
    /// That page is of this very host.
    pub own: bool,
    /// Unix ms.
    pub now: i64,
}

/// A key that opened.
#[derive(Debug, Clone)]
pub struct Opened(Arc<Live>);

#[derive(Debug)]
struct Live {
    key: Key,
    limiter: Arc<DefaultDirectRateLimiter>,
}

/// The live keys, by the digest of their secret.
#[derive(Debug, Default)]
pub struct Keys(RwLock<HashMap<[u8; 32], Arc<Live>>>);

impl Key {
    /// A key of this secret that begins now and has no end.
    #[must_use]
    pub fn new(name: &str, kind: Kind, secret: &str, created: i64) -> Self {
        // A program speaks for whoever runs it. A page speaks for a visitor, of whom nothing is known until they say so.
        let otherwise = if kind == Kind::Server { Permissions::ALL } else { Permissions::NONE };
        let (name, secret) = (name.to_owned(), digest(secret));
        Self { name, kind, secret, created, expires: None, rate: RATE, origins: Vec::new(), otherwise }
    }

    /// May this be a key's name? It stands in tables, pictures and message ids.
    #[must_use]
    pub fn is_name(text: &str) -> bool {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'-');
        !text.is_empty() && text.len() <= NAME_BYTES && text.bytes().all(plain)
    }

    /// Does it open at that time?
    #[must_use]
    pub fn is_live(&self, now: i64) -> bool {
        self.created <= now && self.expires.is_none_or(|end| now < end)
    }

    fn allows(&self, origin: &str) -> bool {
        self.origins.iter().any(|allowed| allowed == "*" || allowed.eq_ignore_ascii_case(origin))
    }
}

/// SHA-256 of a secret.
#[must_use]
pub fn digest(secret: &str) -> [u8; 32] {
    Digest::of(secret).0
}

/// The secret in an `Authorization: Basic` header: the part before the colon, as Segment has it.
#[must_use]
pub fn basic(header: &str) -> Option<String> {
    let (scheme, told) = header.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") || told.len() > 4 * SECRET_BYTES {
        return None;
    }
    let told = String::from_utf8(STANDARD.decode(told.trim()).ok()?).ok()?;
    let secret = told.split(':').next().unwrap_or_default();
    (!secret.is_empty()).then(|| secret.to_owned())
}

impl Keys {
    /// Takes these in place of what was known. A key that was there goes on with the rate that it has used up.
    pub fn replace(&self, keys: Vec<Key>) {
        let mut live = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let mut next = HashMap::with_capacity(keys.len());
        for key in keys {
            let rate = NonZeroU32::new(key.rate).unwrap_or(NonZeroU32::MIN);
            let known = live.get(&key.secret).filter(|known| known.key.rate == key.rate);
            let limiter = known.map(|known| Arc::clone(&known.limiter));
            let limiter = limiter.unwrap_or_else(|| Arc::new(RateLimiter::direct(Quota::per_second(rate))));
            next.insert(key.secret, Arc::new(Live { key, limiter }));
        }
        *live = next;
    }

    /// Opens the key of a request.
    ///
    /// # Errors
    /// [`Refused`], but not for its rate: see [`Opened::spend`].
    pub fn open(&self, wanted: &Wanted<'_>) -> Result<Opened, Refused> {
        if wanted.secret.len() > SECRET_BYTES {
            return Err(Refused::Unknown);
        }
        let live = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&digest(wanted.secret)).map(Arc::clone);
        let live = live.filter(|live| live.key.is_live(wanted.now)).ok_or(Refused::Unknown)?;
        match (live.key.kind, wanted.origin) {
            (Kind::Browser, _) if wanted.server => Err(Refused::Kind),
            // `null` is what files, sandboxed frames and some redirects say: no page of anybody's.
            (Kind::Server, Some(_)) => Err(Refused::Kind),
            (Kind::Browser, Some(origin)) if !wanted.own && !live.key.allows(origin) => Err(Refused::Origin),
            _ => Ok(Opened(live)),
        }
    }

    /// May pages of this origin ask at all? A browser asks before it sends, and does not say with which key.
    #[must_use]
    pub fn allow(&self, origin: &str, now: i64) -> bool {
        let live = self.0.read().unwrap_or_else(PoisonError::into_inner);
        live.values().any(|live| live.key.kind == Kind::Browser && live.key.is_live(now) && live.key.allows(origin))
    }

    /// The key of that name that was made last, live or not: letters that are sent again come under a name alone.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<Opened> {
        let live = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let named = live.values().filter(|live| live.key.name == name);
        named.max_by_key(|live| live.key.created).map(|live| Opened(Arc::clone(live)))
    }
}

impl Opened {
    /// The key.
    #[must_use]
    pub fn key(&self) -> &Key {
        &self.0.key
    }

    /// Is its holder a program of the shop's own?
    #[must_use]
    pub fn is_trusted(&self) -> bool {
        self.0.key.kind == Kind::Server
    }

    /// Takes so many events out of the rate. More at once than the key may ever send count as all that it may.
    ///
    /// # Errors
    /// [`Refused::Rate`]; nothing was taken then.
    pub fn spend(&self, events: usize) -> Result<(), Refused> {
        let most = NonZeroU32::new(self.0.key.rate).unwrap_or(NonZeroU32::MIN);
        let events = u32::try_from(events).unwrap_or(u32::MAX).min(most.get());
        let Some(events) = NonZeroU32::new(events) else { return Ok(()) };
        let limiter = &self.0.limiter;
        match limiter.check_n(events) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(later)) => Err(Refused::Rate(seconds(later.wait_time_from(limiter.clock().now())))),
            Err(_) => Err(Refused::Rate(1)),
        }
    }
}

/// Whole seconds, at least one: `Retry-After` has no fractions.
fn seconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX).max(1)
}

impl Refused {
    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Unknown => "key/unknown",
            Self::Kind => "key/kind",
            Self::Origin => "key/origin",
            Self::Rate(_) => "key/rate",
        }
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Unknown => "there is no such write key: send one as Basic authorisation or as writeKey",
            Self::Kind => "this key may not do this: pages use browser keys, imports server keys",
            Self::Origin => "pages of this origin may not use this key; add the origin to the key",
            Self::Rate(_) => "the key sends more than it may; wait as long as Retry-After says",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_777_636_800_000;

    fn keys(keys: Vec<Key>) -> Keys {
        let set = Keys::default();
        set.replace(keys);
        set
    }

    fn wanted(secret: &str) -> Wanted<'_> {
        Wanted { secret, server: false, origin: None, own: false, now: NOW }
    }

    #[test]
    fn two_live_keys_of_one_name_open_while_a_secret_is_changed() {
        let mut old = Key::new("shop", Kind::Server, "old", NOW - 9);
        old.expires = Some(NOW + 1);
        let set = keys(vec![old, Key::new("shop", Kind::Server, "new", NOW)]);
        assert!(set.open(&wanted("old")).is_ok());
        assert!(set.open(&wanted("new")).is_ok());
        assert_eq!(set.open(&Wanted { now: NOW + 1, ..wanted("old") }).unwrap_err(), Refused::Unknown);
        assert_eq!(set.named("shop").unwrap().key().created, NOW);
    }

    #[test]
    fn a_key_that_was_taken_back_or_has_not_begun_is_unknown() {
        let mut gone = Key::new("a", Kind::Server, "gone", NOW - 9);
        gone.expires = Some(NOW);
        let set = keys(vec![gone, Key::new("b", Kind::Server, "later", NOW + 1)]);
        for secret in ["gone", "later", "none", "", &"x".repeat(9_999)] {
            assert_eq!(set.open(&wanted(secret)).unwrap_err(), Refused::Unknown);
        }
    }

    #[test]
    fn pages_use_browser_keys_of_their_own_origin_alone() {
        let mut page = Key::new("page", Kind::Browser, "page", NOW);
        page.origins = vec!["https://shop.example".into()];
        let set = keys(vec![page, Key::new("server", Kind::Server, "server", NOW)]);
        let from = |secret, origin| set.open(&Wanted { origin: Some(origin), ..wanted(secret) }).map(|_| ());
        assert_eq!(from("page", "https://shop.example"), Ok(()));
        assert_eq!(from("page", "https://elsewhere.example"), Err(Refused::Origin));
        assert_eq!(from("page", "null"), Err(Refused::Origin));
        let own = Wanted { origin: Some("https://collector.example"), own: true, ..wanted("page") };
        assert!(set.open(&own).is_ok());
        assert_eq!(from("server", "https://shop.example"), Err(Refused::Kind));
        assert_eq!(set.open(&Wanted { server: true, ..wanted("page") }).unwrap_err(), Refused::Kind);
        assert!(set.allow("https://shop.example", NOW));
        assert!(!set.allow("https://elsewhere.example", NOW));
    }

    #[test]
    fn a_rate_that_is_used_up_stays_so_when_the_keys_are_read_again() {
        let mut slow = Key::new("slow", Kind::Server, "slow", NOW);
        slow.rate = 10;
        let set = keys(vec![slow.clone()]);
        assert_eq!(set.open(&wanted("slow")).unwrap().spend(10), Ok(()));
        set.replace(vec![slow]);
        let opened = set.open(&wanted("slow")).unwrap();
        assert_eq!(opened.spend(5), Err(Refused::Rate(1)));
        assert_eq!(opened.spend(0), Ok(()));
    }

    #[test]
    fn basic_authorisation_names_the_key_before_the_colon() {
        assert_eq!(basic("Basic YWJjMTIzOg==").as_deref(), Some("abc123"));
        assert_eq!(basic("basic YWJjMTIz").as_deref(), Some("abc123"));
        for header in ["", "Basic", "Basic !", "Bearer YWJjMTIzOg==", "Basic Og==", "Basic /w=="] {
            assert_eq!(basic(header), None, "{header}");
        }
    }

    #[test]
    fn a_name_is_plain() {
        assert!(Key::is_name("shop.web-2_b"));
        for name in ["", "Shop", "a b", "a\nb", &"a".repeat(65)] {
            assert!(!Key::is_name(name));
        }
    }
}
