//! Access: who may look, who may change, and what anybody may ask.
//!
//! Every address has a [`Need`] ([`rule`]), and one that has none is closed: [`gate`] asks before any handler does. Programs carry
//! a token (`Authorization: Bearer …`); people exchange theirs for a cookie once ([`session`]). The store keeps SHA-256 of tokens
//! and cookies alone, so reading it lets nobody in. As long as nobody is known a collector makes the first token itself.
//!
//! Invariant: what a browser sends by itself changes nothing. A change under a cookie has to come from a page of this very origin
//! ([`origin`]), by POST.
//! Absent on purpose: passwords, which people choose badly and use twice, and any list of rights finer than two roles.

pub mod command;
pub mod gate;
pub mod origin;
pub mod roll;
pub mod rule;
pub mod session;
pub mod token;
mod tries;

use std::sync::Arc;

pub use roll::Role;
pub use rule::Need;
pub use tries::{Tries, address};

/// How the gate is set up.
#[derive(Debug, Default)]
pub struct Access {
    /// Everybody may do everything: for demonstrations and tests on this machine.
    pub open: bool,
    /// `/metrics` is public.
    pub metrics: bool,
    /// Tokens that were wrong, by where they came from.
    pub tries: Tries,
}

/// Who asks: every handler behind the gate finds this in the request's extensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// The name that the token was given.
    pub name: Arc<str>,
    /// What they may do; nothing for who asked a public address without saying who they are.
    pub role: Option<Role>,
    /// By what they are known.
    pub way: Way,
}

/// By what somebody is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// By nothing.
    Nothing,
    /// By a token in the request.
    Token,
    /// By a cookie, as SHA-256.
    Cookie([u8; 32]),
    /// The collector is open.
    Open,
    /// By a write key.
    Key,
}

impl Who {
    /// Nobody in particular.
    #[must_use]
    pub fn nobody() -> Self {
        Self { name: "".into(), role: None, way: Way::Nothing }
    }

    /// Whoever comes to an open collector.
    #[must_use]
    pub fn anybody() -> Self {
        Self { name: "open to all".into(), role: Some(Role::Admin), way: Way::Open }
    }

    /// May they change things?
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.role == Some(Role::Admin)
    }
}
