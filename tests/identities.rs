//! What a session does with identifiers: what it keeps, what it sends and how often, what it lets go.

#![allow(clippy::expect_used, clippy::panic, reason = "only tests come here")]

use petitfour::consent::Permissions;
use petitfour::engine::{Effect, Engine, Session};
use petitfour::identity::{Digest, Hashed, Identifiers, Namespace, read};
use petitfour::sync::{Entry, Message};
use petitfour::time::Moment;
use std::sync::{Arc, LazyLock};

static ENGINE: LazyLock<Arc<Engine>> = LazyLock::new(|| {
    let text = "petitfour: 1\nversion: 1\nsite: test\nplacements:\n  hero: {}\n".to_owned();
    let source = petitfour_compiler::Source { name: "campaigns.yaml".to_owned(), text };
    let compiled = petitfour_compiler::compile(&[source], &|_| None);
    Arc::new(Engine::load(compiled.bundle.expect("it compiles")).expect("and opens"))
});

const START: u64 = 1_780_308_000_000; // 2026-06-01T10:00:00Z
const HOUR: u64 = 60 * 60_000;

/// Store, personalise, measure.
const KEPT: u8 = 0b0111;
/// Store, personalise, measure, share.
const ALL: u8 = 0b1111;
const SHARE: u8 = 0b1000;

fn at(hours: u64) -> Moment {
    Moment::utc(START + hours * HOUR)
}

fn user(name: &str) -> Hashed {
    *read(Namespace::User, name).expect("an identifier").first().expect("one digest")
}

/// A host that keeps what it is given, and notes the codes of identifiers that leave.
struct Device {
    session: Session,
    kept: Option<Vec<u8>>,
    sent: Vec<u8>,
}

impl Device {
    fn visit(kept: Option<Vec<u8>>, permissions: u8, now: Moment) -> Self {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&now.now.0.to_le_bytes());
        let mut device = Self { session: Session::new(ENGINE.clone(), seed), kept, sent: Vec::new() };
        device.consent(permissions, now);
        device
    }

    fn consent(&mut self, permissions: u8, now: Moment) {
        self.session.consent(Permissions::from_bits(permissions), now);
        if let Some(kept) = self.kept.clone() {
            self.session.restore_identifiers(&kept, now).expect("what was kept");
        }
        self.drain();
    }

    fn tell(&mut self, hashed: Hashed, now: Moment) {
        self.session.identify(hashed, now);
        self.session.flush();
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(effect) = self.session.poll_effect() {
            match effect {
                Effect::PersistIdentifiers(bytes) => self.kept = Some(bytes),
                Effect::Erase => self.kept = None,
                Effect::Send(bytes) => {
                    let message = Message::decode(&bytes).expect("what the engine sends");
                    self.sent.extend(message.entries.iter().map(|entry| match entry {
                        Entry::Identity { code, .. } => *code,
                        other => panic!("{other:?}"),
                    }));
                }
                _ => {}
            }
        }
    }

    /// What is kept on the device.
    fn known(&self) -> Vec<Hashed> {
        let kept = self.kept.as_ref().map(|bytes| Identifiers::decode(bytes).expect("a set"));
        kept.iter().flat_map(Identifiers::iter).map(petitfour::identity::Identifier::hashed).collect()
    }
}

#[test]
fn a_site_that_tells_its_visitor_on_every_page_sends_it_once_a_day() {
    let mut device = Device::visit(None, ALL, at(0));
    device.tell(user("u-1"), at(0));
    device.tell(user("u-1"), at(0));
    assert_eq!(device.sent, [1]);
    for (hours, sent) in [(1, 0), (13, 0), (14, 1), (15, 0)] {
        device = Device::visit(device.kept, ALL, at(hours));
        device.tell(user("u-1"), at(hours));
        assert_eq!(device.sent.len(), sent, "after {hours} hours; the day ends after fourteen");
    }
}

#[test]
fn what_was_kept_while_sharing_was_closed_leaves_only_when_it_is_told_again() {
    let mut device = Device::visit(None, KEPT, at(0));
    device.tell(user("u-1"), at(0));
    assert_eq!((device.known(), device.sent.len()), (vec![user("u-1")], 0));
    device.consent(ALL, at(0));
    device.session.flush();
    device.drain();
    assert_eq!(device.sent.len(), 0);
    device.tell(user("u-1"), at(0));
    assert_eq!(device.sent, [1]);
}

#[test]
fn sharing_that_is_withdrawn_between_two_visits_takes_what_came_under_it() {
    let mut device = Device::visit(None, KEPT, at(0));
    device.tell(user("kept"), at(0));
    device.consent(ALL, at(1));
    device.tell(user("shared"), at(1));
    let old = device.kept.clone();
    let mut device = Device::visit(device.kept, KEPT, at(2));
    assert_eq!(device.known(), [user("kept")], "gone from the device, not only from memory");
    device.session.restore_identifiers(&old.expect("an older copy"), at(3)).expect("a set");
    device.drain();
    assert_eq!(device.known(), [user("kept")], "an older copy does not bring it back");
}

#[test]
fn a_withdrawal_before_the_stored_set_was_read_reaches_it_all_the_same() {
    let mut device = Device::visit(None, ALL, at(0));
    device.tell(user("shared"), at(0));
    let mut session = Session::new(ENGINE.clone(), [9; 32]);
    session.consent(Permissions::ALL, at(1));
    session.consent(Permissions::from_bits(KEPT), at(1));
    session.restore_identifiers(&device.kept.expect("a set"), at(1)).expect("a set");
    let left = session.identifiers();
    assert!(left.is_empty());
    let persisted = std::iter::from_fn(|| session.poll_effect())
        .find_map(|effect| if let Effect::PersistIdentifiers(bytes) = effect { Some(bytes) } else { None });
    assert!(Identifiers::decode(&persisted.expect("written anew")).expect("a set").is_empty());
}

#[test]
fn without_the_permission_to_store_nothing_is_kept_or_read() {
    let mut device = Device::visit(None, ALL, at(0));
    device.tell(user("u-1"), at(0));
    let mut other = Device::visit(device.kept, SHARE, at(1));
    assert!(other.session.identifiers().is_empty());
    other.kept = None;
    other.tell(user("u-2"), at(1));
    other.tell(user("u-2"), at(1));
    assert_eq!((other.kept, other.sent), (None, vec![1]), "sent once in a session all the same");
}

#[test]
fn who_is_forgotten_is_forgotten_by_name_too() {
    let mut device = Device::visit(None, ALL, at(0));
    device.tell(user("u-1"), at(0));
    let old = device.kept.clone();
    device.session.forget(at(1));
    device.drain();
    assert_eq!(device.kept, None);
    device.kept = old;
    device.consent(ALL, at(1));
    assert_eq!(device.known(), [], "an older copy comes out empty");
    device.tell(user("u-1"), at(2));
    assert_eq!((device.known(), device.sent.len()), (vec![user("u-1")], 2), "told anew, it is another's");
}

#[test]
fn who_was_forgotten_elsewhere_is_forgotten_by_name_too() {
    let mut device = Device::visit(None, ALL, at(0));
    device.tell(user("u-1"), at(0));
    let mut elsewhere = Session::new(ENGINE.clone(), [8; 32]);
    elsewhere.consent(Permissions::ALL, at(0));
    elsewhere.restore(&device.session.profile_bytes()).expect("a profile");
    elsewhere.forget(at(1));
    elsewhere.consent(Permissions::ALL, at(1));
    let mut page = Session::new(ENGINE.clone(), [9; 32]);
    page.consent(Permissions::ALL, at(2));
    page.restore(&elsewhere.profile_bytes()).expect("a profile");
    page.restore_identifiers(&device.kept.expect("a set"), at(2)).expect("a set");
    assert!(page.identifiers().is_empty());
    page.identify(user("u-1"), at(2));
    assert_eq!(page.identifiers().iter().count(), 1, "told since, it is known");
}

#[test]
fn a_digest_is_sent_again_for_the_forms_that_it_did_not_serve_before() {
    let mut device = Device::visit(None, ALL, at(0));
    for code in [0b0010_0010, 0b1010_0010, 0b0010_0010] {
        device.tell(Hashed::from_code(code, Digest([7; 32])).expect("an address"), at(0));
    }
    assert_eq!(device.sent, [0b0010_0010, 0b1010_0010]);
}

#[test]
fn damaged_identifiers_are_refused_with_a_code() {
    let mut session = Session::new(ENGINE.clone(), [1; 32]);
    session.consent(Permissions::ALL, at(0));
    let code =
        |session: &mut Session, bytes: &[u8]| session.restore_identifiers(bytes, at(0)).map_err(|error| error.code());
    assert_eq!(code(&mut session, &[1, 2, 3]), Err("identity/damaged"));
    assert_eq!(code(&mut session, &[2]), Err("identity/format"));
}
