//! What ties people and what does not: how strong each kind of identifier is, and how much of what is too much.
//!
//! Four guards stand against tying strangers into one person. A *blocked* value is no identifier at all. An identifier that too many
//! owners share (a kiosk's cookie, a family's inbox) ties nobody. A weak identifier follows the first owner that it came with. And
//! a person has at most so many identifiers of each kind, and so many in all.
//!
//! Invariant: every guard is a function of the evidence alone, never of the order in which it arrived.

use petitfour::identity::Namespace;

use crate::event::{ANONYMOUS, CARD, DEVICE, VISITOR};

use super::people::Node;

/// Numbers of namespaces are below this.
pub const NAMESPACES: usize = 32;

/// What is known of one kind of identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// 0 is the strongest. A message's identifiers are tied to its strongest one.
    pub rank: u8,
    /// How many of these one person may have by ordinary evidence.
    pub limit: u16,
    /// With more owners than this (distinct identifiers of one stronger kind) it is shared and ties nobody.
    pub owners: u16,
}

/// The rules of tying.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// What is known of each kind, by its number.
    pub kinds: [Kind; NAMESPACES],
    /// Most identifiers of one person.
    pub ceiling: usize,
    /// With more neighbours than this, an identifier of any kind is shared: a service's account, a test's cookie.
    pub busy: usize,
    /// Of 1,000: evidence below this is kept and ties nothing.
    pub confidence: u16,
    /// Digests that are no identifier, beyond the placeholders that the engine refuses.
    pub blocked: Vec<Vec<u8>>,
}

impl Default for Policy {
    fn default() -> Self {
        // Clicks tie one visit; they are many and weak.
        let mut kinds = [Kind { rank: 9, limit: 200, owners: 1 }; NAMESPACES];
        for (namespace, rank, limit, owners) in [
            (Namespace::User.number(), 0, 1, 3),
            (Namespace::Crm.number(), 1, 1, 3),
            // An address has up to two digests, and people have private and working ones.
            (Namespace::Email.number(), 2, 10, 2),
            (Namespace::Phone.number(), 3, 8, 2),
            (CARD, 4, 5, 3),
            (Namespace::Uid2.number(), 5, 10, 3),
            (Namespace::Id5.number(), 5, 10, 3),
            (Namespace::Partner.number(), 5, 20, 3),
            (Namespace::Idfa.number(), 6, 10, 3),
            (Namespace::Gaid.number(), 6, 10, 3),
            (DEVICE, 7, 20, 3),
            (VISITOR, 8, 100, 3),
            (ANONYMOUS, 8, 100, 3),
        ] {
            if let Some(kind) = kinds.get_mut(usize::from(namespace)) {
                *kind = Kind { rank, limit, owners };
            }
        }
        Self { kinds, ceiling: 300, busy: 500, confidence: 800, blocked: Vec::new() }
    }
}

impl Policy {
    /// What is known of a kind.
    #[must_use]
    pub fn kind(&self, namespace: u8) -> Kind {
        let unknown = Kind { rank: u8::MAX, limit: 1, owners: 0 };
        self.kinds.get(usize::from(namespace)).copied().unwrap_or(unknown)
    }

    /// Changes what is known of a kind.
    pub fn set(&mut self, namespace: u8, kind: Kind) {
        if let Some(place) = self.kinds.get_mut(usize::from(namespace)) {
            *place = kind;
        }
    }

    /// Is `owner` of a kind that owns identifiers like `owned`? User and CRM ids own everything weaker; an address or a number
    /// owns what only tells browsers and devices apart.
    #[must_use]
    pub fn owns(&self, owner: &Node, owned: &Node) -> bool {
        let (rank, weaker) = (self.kind(owner.namespace).rank, self.kind(owned.namespace).rank);
        rank < weaker && (rank <= 1 || (rank <= 4 && weaker >= 5)) && owner.counts()
    }
}
