//! What each address needs. One that is not in this table is closed, and a test reads the source for addresses that are missing.

use axum::http::Method;

use super::Role;

/// What an address asks of whoever comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Nothing, or it asks itself: for a write key, a signature, a digest.
    Public,
    /// A viewer, unless `/metrics` was left open.
    Metrics,
    /// A viewer.
    Viewer,
    /// An admin.
    Admin,
    /// An admin, or a program that has a server's write key.
    Server,
}

impl Need {
    /// Which role is enough.
    #[must_use]
    pub fn role(self) -> Option<Role> {
        match self {
            Self::Public => None,
            Self::Metrics | Self::Viewer => Some(Role::Viewer),
            Self::Admin | Self::Server => Some(Role::Admin),
        }
    }
}

/// Address as the router has it, what may be done there, and what that needs. HEAD is GET.
pub const RULES: [(&str, &str, Need); 80] = [
    // Devices and pages.
    ("POST", "/v1/sync", Need::Public),
    ("GET", "/bundle.pf4", Need::Public),
    ("GET", "/v1/keep", Need::Public),
    ("POST", "/v1/keep", Need::Public),
    ("DELETE", "/v1/keep", Need::Public),
    ("GET", "/v1/visitor", Need::Public),
    ("POST", "/v1/visitor", Need::Public),
    ("DELETE", "/v1/visitor", Need::Public),
    ("GET", "/v1/feeds/{feed}", Need::Public),
    ("GET", "/health", Need::Public),
    ("GET", "/ready", Need::Public),
    // Events: they come under write keys.
    ("POST", "/v1/track", Need::Public),
    ("POST", "/v1/identify", Need::Public),
    ("POST", "/v1/page", Need::Public),
    ("POST", "/v1/screen", Need::Public),
    ("POST", "/v1/group", Need::Public),
    ("POST", "/v1/alias", Need::Public),
    ("POST", "/v1/batch", Need::Public),
    ("POST", "/v1/import", Need::Public),
    ("POST", "/v1/t", Need::Public),
    ("POST", "/v1/i", Need::Public),
    ("POST", "/v1/p", Need::Public),
    ("POST", "/v1/s", Need::Public),
    ("POST", "/v1/g", Need::Public),
    ("POST", "/v1/a", Need::Public),
    ("POST", "/v1/b", Need::Public),
    ("POST", "/mp/collect", Need::Public),
    ("POST", "/v1/cloudevents", Need::Public),
    ("GET", "/v1/pixel.gif", Need::Public),
    // Requests for deletion are signed, and ways out of a list carry a digest.
    ("GET", "/dsrdelete.json", Need::Public),
    ("GET", "/.well-known/iabtl/dsrdelete.json", Need::Public),
    ("GET", "/.well-known/iabtl/jwks.json", Need::Public),
    ("POST", "/v1/deletions", Need::Public),
    ("GET", "/v1/leave", Need::Public),
    ("POST", "/v1/leave", Need::Public),
    // What mails lead back to is signed.
    ("GET", "/v1/mail/opened", Need::Public),
    ("GET", "/v1/mail/clicked", Need::Public),
    // Coming in.
    ("GET", "/collector/login", Need::Public),
    ("POST", "/collector/login", Need::Public),
    ("POST", "/collector/logout", Need::Public),
    ("GET", "/collector/style.css", Need::Public),
    ("GET", "/collector/live.js", Need::Public),
    // Looking.
    ("GET", "/", Need::Viewer),
    ("GET", "/collector", Need::Viewer),
    ("GET", "/collector/campaigns", Need::Viewer),
    ("GET", "/collector/segments", Need::Viewer),
    ("GET", "/collector/feeds", Need::Viewer),
    ("GET", "/collector/letters", Need::Viewer),
    ("GET", "/collector/deliveries", Need::Viewer),
    ("GET", "/collector/person", Need::Viewer),
    // It finds a person and changes nothing; POST keeps what was asked for out of addresses.
    ("POST", "/collector/person", Need::Viewer),
    ("GET", "/collector/person/{person}", Need::Viewer),
    ("GET", "/v1/counts", Need::Viewer),
    ("GET", "/v1/hours", Need::Viewer),
    ("GET", "/v1/journeys", Need::Viewer),
    ("GET", "/v1/lift", Need::Viewer),
    ("GET", "/v1/persons", Need::Viewer),
    ("GET", "/v1/persons/path", Need::Viewer),
    ("GET", "/v1/persons/{person}", Need::Viewer),
    ("GET", "/v1/persons/{person}/eids", Need::Admin),
    ("GET", "/v1/persons/{person}/messages", Need::Viewer),
    ("GET", "/metrics", Need::Metrics),
    ("GET", "/v1/persons/{person}/export", Need::Admin),
    ("DELETE", "/v1/persons/{person}", Need::Admin),
    ("POST", "/v1/persons/deletions", Need::Admin),
    ("GET", "/v1/persons/deletions/{deletion}", Need::Admin),
    // Changing, and reading what visitors sent as they sent it.
    ("POST", "/v1/syncs", Need::Server),
    ("POST", "/v1/memberships", Need::Admin),
    ("POST", "/v1/feeds/{feed}", Need::Admin),
    ("POST", "/v1/evidence/withdraw", Need::Admin),
    ("POST", "/v1/evidence/restore", Need::Admin),
    ("GET", "/v1/dead-letters", Need::Admin),
    ("POST", "/v1/dead-letters/replay", Need::Admin),
    ("POST", "/collector/letters", Need::Admin),
    ("POST", "/collector/person/{person}/cut", Need::Admin),
    ("GET", "/collector/access", Need::Admin),
    ("POST", "/collector/access/add", Need::Admin),
    ("POST", "/collector/access/end", Need::Admin),
    ("POST", "/collector/access/keys", Need::Admin),
    ("POST", "/collector/access/keys/end", Need::Admin),
];

/// What an address needs; nothing for one that has no rule.
#[must_use]
pub fn of(method: &Method, path: &str) -> Option<Need> {
    let method = if *method == Method::HEAD { "GET" } else { method.as_str() };
    let known = RULES.iter().find(|(verb, known, _)| *verb == method && *known == path);
    // A page that may ask from elsewhere asks first, without saying who it is; the answer tells nothing but methods.
    known
        .map(|(_, _, need)| *need)
        .or_else(|| (method == "OPTIONS" && RULES.iter().any(|(_, known, _)| *known == path)).then_some(Need::Public))
}
