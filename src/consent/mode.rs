//! Google Consent Mode, version 2: seven kinds of storage and use, each granted or denied, or never mentioned.

/// What can be granted. The names are Google's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// `ad_storage`: storage for advertising.
    Ad,
    /// `analytics_storage`: storage for analytics.
    Analytics,
    /// `ad_user_data`: sending data of the visitor for advertising.
    AdUserData,
    /// `ad_personalization`: personalised advertising.
    AdPersonalization,
    /// `functionality_storage`: storage for functions of the site, such as its language.
    Functionality,
    /// `personalization_storage`: storage for personalisation, such as recommendations.
    Personalization,
    /// `security_storage`: storage for security, such as signing in.
    Security,
}

/// What was said. The default is nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ConsentMode {
    heard: u8,
    granted: u8,
}

impl Storage {
    /// Google's names, in the order of the bits.
    pub const NAMES: [&str; 7] = [
        "ad_storage",
        "analytics_storage",
        "ad_user_data",
        "ad_personalization",
        "functionality_storage",
        "personalization_storage",
        "security_storage",
    ];

    /// As one of the bits that a policy's table has.
    #[must_use]
    pub const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl ConsentMode {
    /// Takes one state in (a bit of [`Storage::bit`]), as `gtag("consent", …)` has it. The latest word counts.
    pub fn set(&mut self, bit: u8, granted: bool) {
        self.heard |= bit;
        self.granted = if granted { self.granted | bit } else { self.granted & !bit };
    }

    /// Whether anything was said.
    #[must_use]
    pub fn heard(self) -> bool {
        self.heard != 0
    }

    /// Whether one of these (bits of [`Storage::bit`]) was granted.
    #[must_use]
    pub fn grants_any(self, of: u8) -> bool {
        self.granted & of != 0
    }
}
