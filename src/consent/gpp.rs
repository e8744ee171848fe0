//! The string of IAB Tech Lab's Global Privacy Platform: a header that names sections, and the sections.
//!
//! Sections of Europe (2), Canada (5), the US Privacy string (6) and US law (7 to 27) are read; others are counted and
//! passed over, as they may concern a law that is not ours.

use super::bits::{Bits, cut};
use super::tcf;
use super::us;
use super::us_privacy::UsPrivacy;
use super::vendors::{Ranges, Shape, Vendors};
use super::{Error, MAX_TEXT};

/// A GPP string whose sections have all been read once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gpp<'a> {
    ids: Vendors<'a>,
    sections: Option<&'a [u8]>,
}

/// One section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section<'a> {
    /// Europe's TC string.
    Europe(tcf::Consent<'a>),
    /// Canada's TC string.
    Canada(tcf::Consent<'a>),
    /// The US Privacy string.
    UsPrivacy(UsPrivacy),
    /// A US law.
    Us(us::Section<'a>),
    /// A section that is not read.
    Other,
}

impl<'a> Gpp<'a> {
    /// Reads a string: the header, and the structure of each section.
    ///
    /// # Errors
    /// [`Error::GppHeader`], [`Error::GppSections`], [`Error::Long`], and whatever is wrong with a section.
    pub fn parse(text: &'a str) -> Result<Self, Error> {
        if text.len() > MAX_TEXT {
            return Err(Error::Long);
        }
        let (header, sections) = cut(text.as_bytes(), b'~');
        let mut bits = Bits::new(header).ok_or(Error::GppAlphabet)?;
        // Type 3 (a GPP header), version 1.
        if bits.take(12) != 3 << 6 | 1 {
            return Err(Error::GppHeader);
        }
        let ids = Vendors::entries(&mut bits, Shape::Fibonacci);
        if !bits.whole() {
            return Err(Error::GppTruncated);
        }
        let gpp = Self { ids, sections };
        let mut walk = gpp.sections();
        for section in walk.by_ref() {
            section?;
        }
        // Both have to end together.
        if walk.texts.is_some() || walk.id().is_some() { Err(Error::GppSections) } else { Ok(gpp) }
    }

    /// The sections in order of their ids.
    #[must_use]
    pub fn sections(&self) -> Sections<'a> {
        // An empty range to begin with: the first id comes from the first entry of the header.
        Sections { ids: self.ids.ranges(), next: 1, last: 0, texts: self.sections }
    }
}

/// A walk along the sections: id and what it says.
#[derive(Debug, Clone)]
pub struct Sections<'a> {
    ids: Ranges<'a>,
    next: u64,
    last: u64,
    texts: Option<&'a [u8]>,
}

impl Sections<'_> {
    fn id(&mut self) -> Option<u32> {
        if self.next > self.last {
            let (first, last) = self.ids.next()?;
            (self.next, self.last) = (first.into(), last.into());
        }
        self.next += 1;
        Some((self.next - 1) as u32)
    }
}

impl<'a> Iterator for Sections<'a> {
    type Item = Result<(u32, Section<'a>), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        // A header may name ids by the million in a few bits; the texts bound the walk.
        let (text, rest) = cut(self.texts?, b'~');
        let id = self.id()?;
        self.texts = rest;
        Some(read(id, text).map(|section| (id, section)))
    }
}

fn read(id: u32, text: &[u8]) -> Result<Section<'_>, Error> {
    Ok(match id {
        _ if text.is_empty() => return Err(Error::GppSections),
        2 => Section::Europe(tcf::Consent::europe(text)?),
        5 => Section::Canada(tcf::Consent::canada(text)?),
        6 => Section::UsPrivacy(UsPrivacy::read(text)?),
        7..=27 => Section::Us(us::Section::read(id as u8, text)?),
        _ => Section::Other,
    })
}
