//! The legacy US Privacy string, `1YNN`: version, notice given, opted out of sale, covered by the limited service
//! provider agreement. Out of use since January 2024, still sent by many pages, and section 6 of the GPP.

use super::Error;

/// A US Privacy string, read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsPrivacy {
    /// Whether the visitor was told and could object; `None` where it does not apply.
    pub notice: Option<bool>,
    /// Whether the visitor opted out of sale; `None` where it does not apply.
    pub opted_out: Option<bool>,
    /// Whether the limited service provider agreement covers it; `None` where it does not apply.
    pub covered: Option<bool>,
}

impl UsPrivacy {
    /// Reads a string. Lower case is taken as well, as its specification has it.
    ///
    /// # Errors
    /// [`Error::UsPrivacy`]: not `1` and three of `Y`, `N`, `-`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        Self::read(text.as_bytes())
    }

    pub(super) fn read(text: &[u8]) -> Result<Self, Error> {
        let [b'1', notice, opted_out, covered] = *text else { return Err(Error::UsPrivacy) };
        Ok(Self { notice: answer(notice)?, opted_out: answer(opted_out)?, covered: answer(covered)? })
    }
}

#[inline(never)]
fn answer(character: u8) -> Result<Option<bool>, Error> {
    match character {
        b'Y' | b'y' => Ok(Some(true)),
        b'N' | b'n' => Ok(Some(false)),
        b'-' => Ok(None),
        _ => Err(Error::UsPrivacy),
    }
}
