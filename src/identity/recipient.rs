//! Who takes which digest, spelled how. The table with its sources is in `docs/identity.md`.

use super::{Forms, Hashed, Namespace};
use alloc::string::String;

/// A partner whose rules are published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recipient {
    /// Unified ID 2.0: e-mail folded at `gmail.com`, phone with "+", base64.
    Uid2,
    /// Google's Data Manager and Ads: e-mail folded at `gmail.com` and `googlemail.com`, phone with "+", hex.
    Google,
    /// Meta's Conversions API: e-mail plain, phone without "+", hex.
    Meta,
    /// Snap's Conversions API: as Meta.
    Snap,
}

impl Recipient {
    /// The digest as this partner takes it; none when it is not of a form or a kind that the partner takes.
    #[must_use]
    pub fn spell(self, hashed: &Hashed) -> Option<String> {
        let wanted = match (hashed.namespace()?, self) {
            (Namespace::Email, Self::Uid2) => Forms::UID2,
            (Namespace::Email, Self::Google) => Forms::GOOGLE,
            (Namespace::Email, Self::Meta | Self::Snap) => Forms::PLAIN,
            (Namespace::Phone, Self::Uid2 | Self::Google) => Forms::PLUS,
            (Namespace::Phone, Self::Meta | Self::Snap) => Forms::BARE,
            _ => return None,
        };
        let digest = hashed.digest();
        hashed.forms().include(wanted).then(|| if self == Self::Uid2 { digest.base64() } else { digest.hex() })
    }
}
