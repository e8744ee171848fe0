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
    /// Snap's Conversions API and customer lists: as Meta.
    Snap,
    /// Pinterest's Conversions API and customer lists: as Meta.
    Pinterest,
    /// Whoever says "SHA-256 of the address in lower case" and no more, as publishers' match tables do: e-mail plain,
    /// phone with "+" (E.164), hex.
    Plain,
}

impl Recipient {
    /// The digest as this partner takes it; none when it is not of a form or a kind that the partner takes.
    #[must_use]
    pub fn spell(self, hashed: &Hashed) -> Option<String> {
        let wanted = match (hashed.namespace()?, self) {
            (Namespace::Email, Self::Uid2) => Forms::UID2,
            (Namespace::Email, Self::Google) => Forms::GOOGLE,
            (Namespace::Email, Self::Meta | Self::Snap | Self::Pinterest | Self::Plain) => Forms::PLAIN,
            (Namespace::Phone, Self::Uid2 | Self::Google | Self::Plain) => Forms::PLUS,
            (Namespace::Phone, Self::Meta | Self::Snap | Self::Pinterest) => Forms::BARE,
            _ => return None,
        };
        let digest = hashed.digest();
        hashed.forms().include(wanted).then(|| if self == Self::Uid2 { digest.base64() } else { digest.hex() })
    }
}
