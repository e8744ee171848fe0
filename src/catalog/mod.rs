//! What may be shown, to whom, and what is known of it: the tables of a bundle, read where they lie.
//!
//! A [`Catalog`] owns the bytes of one bundle and knows where its sections are. Records are views over fixed arrays, so
//! reading a field is a load; an index that is out of range reads as absent, never as a panic. The layout is specified in
//! `docs/formats/bundle.md`; `bundle::open` is the only way to make a catalog, and checks the envelope first.

mod bid;
mod content;
mod journey;
mod record;

pub use bid::{Bid, Pace};
pub use content::{Fill, Part, Price};
pub use journey::{Act, Channel, Journey, Message, Step, Trigger, Whole};
pub use record::{
    Affinity, Attribute, Campaign, Counter, Creative, EventKind, Exploration, Feed, Model, Placement, Source, Stock,
    Trait,
};

use crate::consent::{Permissions, Policy};
use crate::hash::xxh64;
use crate::id::Key;
use alloc::vec::Vec;
use core::ops::Range;

/// Thirteen months, the longest that Europe's regulators let a tracer live (CNIL, deliberation 2020-091, article 5).
const PSEUDONYM_DAYS: u32 = 395;

/// "None" wherever an index may be absent.
pub const NONE: u32 = u32::MAX;

/// A section's place in [`Catalog`]; the discriminant is private to this build, the four letters are the format's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Section {
    /// One record about the whole.
    Meta,
    /// String heap.
    Strings,
    /// Attributes.
    Attributes,
    /// Borders of numbers.
    Borders,
    /// Hashes of text values.
    Dictionary,
    /// Text values for people.
    DictionaryStrings,
    /// (attribute, bin) to row.
    RowIndex,
    /// Bit rows.
    Rows,
    /// Conjunct to campaign.
    Conjuncts,
    /// Campaigns.
    Campaigns,
    /// Creatives.
    Creatives,
    /// Placements.
    Placements,
    /// Conjuncts of each placement.
    Masks,
    /// Counters.
    Counters,
    /// Affinities.
    Affinities,
    /// Traits.
    Traits,
    /// Events.
    Events,
    /// Feeds.
    Feeds,
    /// Stock conditions.
    Stock,
    /// Models.
    Models,
    /// Data of the models.
    ModelData,
    /// What signals of consent open and close.
    Consent,
    /// Journeys.
    Journeys,
    /// Steps of the journeys.
    Steps,
    /// What moves them.
    Triggers,
    /// What their steps send.
    Messages,
    /// Ways to reach somebody.
    Channels,
    /// Options of the parts of creatives.
    Parts,
    /// Values in their texts.
    Fills,
    /// Prices.
    Prices,
}

/// Every section: its name in the directory and the length of its records, 0 where that depends on the bundle.
pub const SECTIONS: [(Section, [u8; 4], u32); 30] = [
    (Section::Meta, *b"META", 32),
    (Section::Strings, *b"STRS", 1),
    (Section::Attributes, *b"ATTR", 40),
    (Section::Borders, *b"BORD", 8),
    (Section::Dictionary, *b"DICT", 8),
    (Section::DictionaryStrings, *b"DSTR", 4),
    (Section::RowIndex, *b"ROWX", 4),
    (Section::Rows, *b"ROWS", 0),
    (Section::Conjuncts, *b"CONJ", 4),
    (Section::Campaigns, *b"CAMP", 80),
    (Section::Creatives, *b"CREA", 24),
    (Section::Placements, *b"PLAC", 20),
    (Section::Masks, *b"MASK", 0),
    (Section::Counters, *b"CNTR", 24),
    (Section::Affinities, *b"AFFI", 20),
    (Section::Traits, *b"TRAI", 12),
    (Section::Events, *b"EVTS", 12),
    (Section::Feeds, *b"FEED", 16),
    (Section::Stock, *b"STOK", 20),
    (Section::Models, *b"MODL", 24),
    (Section::ModelData, *b"MDAT", 1),
    (Section::Consent, *b"CONS", 1),
    (Section::Journeys, *b"JRNY", 64),
    (Section::Steps, *b"STEP", 28),
    (Section::Triggers, *b"TRIG", 24),
    (Section::Messages, *b"MESG", 16),
    (Section::Channels, *b"CHAN", 16),
    (Section::Parts, *b"PART", 40),
    (Section::Fills, *b"FILL", 28),
    (Section::Prices, *b"PRIC", 48),
];

/// The tables of one bundle.
#[derive(Debug, Clone)]
pub struct Catalog {
    bytes: Vec<u8>,
    sections: [Range<usize>; SECTIONS.len()],
    words: usize,
    hash: u64,
    version: u64,
}

impl Catalog {
    /// Wraps checked bytes: every range lies within them, and `words` is the length of a bit row.
    pub(crate) fn new(
        bytes: Vec<u8>,
        sections: [Range<usize>; SECTIONS.len()],
        words: usize,
        hash: u64,
        version: u64,
    ) -> Self {
        Self { bytes, sections, words, hash, version }
    }

    /// Hash of the whole bundle.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// The author's version, which only grows.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The bundle as it was opened.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Words of a bit row.
    #[must_use]
    pub fn words(&self) -> usize {
        self.words
    }

    /// Permissions until the visitor or a signal says otherwise.
    #[must_use]
    pub fn default_permissions(&self) -> Permissions {
        Permissions::from_bits(self.section(Section::Meta).get(8).copied().unwrap_or(0))
    }

    /// Days after which a visitor gets another pseudonym.
    #[must_use]
    pub fn pseudonym_days(&self) -> u32 {
        let days = self.section(Section::Meta).get(10..).and_then(<[u8]>::first_chunk::<2>);
        match days.map_or(0, |days| u16::from_le_bytes(*days)) {
            0 => PSEUDONYM_DAYS,
            days => days.into(),
        }
    }

    /// How often all channels together may reach one person.
    #[must_use]
    pub fn whole(&self) -> Whole {
        let cap = |at| self.section(Section::Meta).get(at).copied().filter(|cap| *cap > 0).map(u32::from);
        Whole { day: cap(20), week: cap(21) }
    }

    /// What signals of consent open and close; nothing where the section cannot be read.
    #[must_use]
    pub fn policy(&self) -> Policy {
        Policy::read(self.default_permissions(), self.section(Section::Consent))
    }

    /// A section's bytes.
    #[must_use]
    // Every record of a decision is found through it: as a call of its own it took a twentieth of a decision among 100 campaigns.
    #[inline(always)]
    pub fn section(&self, section: Section) -> &[u8] {
        self.sections.get(section as usize).and_then(|range| self.bytes.get(range.clone())).unwrap_or(&[])
    }

    /// A string by its number; empty when there is none or it is not UTF-8.
    #[must_use]
    pub fn string(&self, index: u32) -> &str {
        self.string_bytes(index).and_then(|bytes| core::str::from_utf8(bytes).ok()).unwrap_or("")
    }

    /// A string by its number, for who sees to it that it is UTF-8.
    #[must_use]
    pub fn string_bytes(&self, index: u32) -> Option<&[u8]> {
        let heap = self.section(Section::Strings);
        let word = |at: usize| Some(u32::from_le_bytes(*heap.get(at..)?.first_chunk::<4>()?) as usize);
        let count = word(0)?;
        let index = index as usize;
        if index >= count {
            return None;
        }
        let text = heap.get(count.checked_mul(4)?.checked_add(8)?..)?;
        text.get(word(4 + 4 * index)?..word(8 + 4 * index)?)
    }

    /// Attributes in the bundle's order.
    pub fn attributes(&self) -> impl ExactSizeIterator<Item = Attribute<'_>> {
        records(self.section(Section::Attributes)).map(Attribute)
    }

    /// Campaigns in decision order.
    pub fn campaigns(&self) -> impl ExactSizeIterator<Item = Campaign<'_>> {
        records(self.section(Section::Campaigns)).map(Campaign)
    }

    /// Creatives.
    pub fn creatives(&self) -> impl ExactSizeIterator<Item = Creative<'_>> {
        records(self.section(Section::Creatives)).map(Creative)
    }

    /// Placements.
    pub fn placements(&self) -> impl ExactSizeIterator<Item = Placement<'_>> {
        records(self.section(Section::Placements)).map(Placement)
    }

    /// Counters that a profile keeps for this bundle.
    pub fn counters(&self) -> impl ExactSizeIterator<Item = Counter<'_>> {
        records(self.section(Section::Counters)).map(Counter)
    }

    /// Affinities that a profile keeps for this bundle.
    pub fn affinities(&self) -> impl ExactSizeIterator<Item = Affinity<'_>> {
        records(self.section(Section::Affinities)).map(Affinity)
    }

    /// Traits that may be said.
    pub fn traits(&self) -> impl ExactSizeIterator<Item = Trait<'_>> {
        records(self.section(Section::Traits)).map(Trait)
    }

    /// Events that mean something.
    pub fn events(&self) -> impl ExactSizeIterator<Item = EventKind<'_>> {
        records(self.section(Section::Events)).map(EventKind)
    }

    /// Feeds.
    pub fn feeds(&self) -> impl ExactSizeIterator<Item = Feed<'_>> {
        records(self.section(Section::Feeds)).map(Feed)
    }

    /// Stock conditions.
    pub fn stocks(&self) -> impl ExactSizeIterator<Item = Stock<'_>> {
        records(self.section(Section::Stock)).map(Stock)
    }

    /// Models.
    pub fn models(&self) -> impl ExactSizeIterator<Item = Model<'_>> {
        records(self.section(Section::Models)).map(Model)
    }

    /// An option of a part by its place; those of one creative stand together.
    #[must_use]
    pub fn part(&self, index: usize) -> Option<Part<'_>> {
        record(self.section(Section::Parts), index).map(Part)
    }

    /// A value that is written into texts, by its place.
    #[must_use]
    pub fn fill(&self, index: usize) -> Option<Fill<'_>> {
        record(self.section(Section::Fills), index).map(Fill)
    }

    /// A price by its place.
    #[must_use]
    pub fn price(&self, index: usize) -> Option<Price<'_>> {
        record(self.section(Section::Prices), index).map(Price)
    }

    /// Journeys, in the order in which they are looked at.
    pub fn journeys(&self) -> impl ExactSizeIterator<Item = Journey<'_>> {
        records(self.section(Section::Journeys)).map(Journey)
    }

    /// Messages.
    pub fn messages(&self) -> impl ExactSizeIterator<Item = Message<'_>> {
        records(self.section(Section::Messages)).map(Message)
    }

    /// Channels.
    pub fn channels(&self) -> impl ExactSizeIterator<Item = Channel<'_>> {
        records(self.section(Section::Channels)).map(Channel)
    }

    /// A journey by its place.
    #[must_use]
    pub fn journey(&self, index: usize) -> Option<Journey<'_>> {
        record(self.section(Section::Journeys), index).map(Journey)
    }

    /// A step by its place.
    #[must_use]
    pub fn step(&self, index: usize) -> Option<Step<'_>> {
        record(self.section(Section::Steps), index).map(Step)
    }

    /// A trigger by its place.
    #[must_use]
    pub fn trigger(&self, index: usize) -> Option<Trigger<'_>> {
        record(self.section(Section::Triggers), index).map(Trigger)
    }

    /// A campaign by its place.
    #[must_use]
    pub fn campaign(&self, index: usize) -> Option<Campaign<'_>> {
        record(self.section(Section::Campaigns), index).map(Campaign)
    }

    /// A creative by its place.
    #[must_use]
    pub fn creative(&self, index: usize) -> Option<Creative<'_>> {
        record(self.section(Section::Creatives), index).map(Creative)
    }

    /// A placement by its place.
    #[must_use]
    pub fn placement(&self, index: usize) -> Option<Placement<'_>> {
        record(self.section(Section::Placements), index).map(Placement)
    }

    /// How a placement explores, where it does.
    #[must_use]
    pub fn exploration(&self, placement: &Placement<'_>) -> Option<Exploration<'_>> {
        let (head, rest) =
            self.section(Section::ModelData).get(placement.exploration()?..)?.split_first_chunk::<8>()?;
        let count = usize::from(u16::from_le_bytes([head[6], head[7]]));
        Some(Exploration { head, noise: rest.as_chunks::<2>().0.get(..count)? })
    }

    /// An attribute by its place.
    #[must_use]
    pub fn attribute(&self, index: usize) -> Option<Attribute<'_>> {
        record(self.section(Section::Attributes), index).map(Attribute)
    }

    /// A stock condition by its place.
    #[must_use]
    pub fn stock(&self, index: usize) -> Option<Stock<'_>> {
        record(self.section(Section::Stock), index).map(Stock)
    }

    /// A feed by its place.
    #[must_use]
    pub fn feed(&self, index: usize) -> Option<Feed<'_>> {
        record(self.section(Section::Feeds), index).map(Feed)
    }

    /// A model by its place.
    #[must_use]
    pub fn model(&self, index: usize) -> Option<Model<'_>> {
        record(self.section(Section::Models), index).map(Model)
    }

    /// Where the creative of that name stands.
    #[must_use]
    pub fn creative_named(&self, name: &str) -> Option<usize> {
        let key = Key::of(name);
        self.creatives().position(|creative| creative.key() == key)
    }

    /// Where the placement of that name stands.
    #[must_use]
    pub fn placement_named(&self, name: &str) -> Option<usize> {
        let key = Key::of(name);
        self.placements().position(|placement| placement.key() == key)
    }

    /// Where the context attribute of that name stands.
    #[must_use]
    pub fn context_named(&self, name: &str) -> Option<usize> {
        let key = Key::of(name);
        self.attributes().position(|attribute| attribute.source() == Source::Context && attribute.key() == key)
    }

    /// The campaign that owns a conjunct.
    #[must_use]
    pub fn conjunct_campaign(&self, conjunct: usize) -> Option<usize> {
        record::<4>(self.section(Section::Conjuncts), conjunct).map(|bytes| u32::from_le_bytes(*bytes) as usize)
    }

    /// Bin of a text value whose XXH64 is `hash`: 2 and up when the bundle names it, else 1.
    #[must_use]
    pub fn text_bin(&self, attribute: &Attribute<'_>, hash: u64) -> u16 {
        let all = self.section(Section::Dictionary).as_chunks::<8>().0;
        let first = attribute.first() as usize;
        let own = all.get(first..first.saturating_add(attribute.count() as usize)).unwrap_or(&[]);
        match own.binary_search_by_key(&hash, |bytes| u64::from_le_bytes(*bytes)) {
            Ok(place) => u16::try_from(place + 2).unwrap_or(1),
            Err(_) => 1,
        }
    }

    /// Bin of a text value.
    #[must_use]
    pub fn intern(&self, attribute: &Attribute<'_>, text: &str) -> u16 {
        self.text_bin(attribute, xxh64(text.as_bytes(), 0))
    }

    /// Borders of a numeric attribute, ascending, as little-endian f64.
    #[must_use]
    pub fn borders(&self, attribute: &Attribute<'_>) -> &[[u8; 8]] {
        let first = attribute.first() as usize;
        let all = self.section(Section::Borders).as_chunks::<8>().0;
        all.get(first..first.saturating_add(attribute.count() as usize)).unwrap_or(&[])
    }

    /// A row of [`Section::Rows`] or [`Section::Masks`], as little-endian words.
    #[must_use]
    pub fn bit_row(&self, section: Section, row: usize) -> &[[u8; 8]] {
        let words = self.section(section).as_chunks::<8>().0;
        let start = row.saturating_mul(self.words);
        words.get(start..start.saturating_add(self.words)).unwrap_or(&[])
    }

    /// The bit row of one bin of an attribute; `None` when no conjunct asks about the attribute.
    #[must_use]
    pub fn bin_row(&self, attribute: &Attribute<'_>, bin: u16) -> Option<&[[u8; 8]]> {
        if attribute.rows() == NONE {
            return None;
        }
        let index = (attribute.rows() as usize).saturating_add(usize::from(bin));
        let row = record::<4>(self.section(Section::RowIndex), index)?;
        Some(self.bit_row(Section::Rows, u32::from_le_bytes(*row) as usize))
    }
}

fn record<const N: usize>(section: &[u8], index: usize) -> Option<&[u8; N]> {
    section.as_chunks::<N>().0.get(index)
}

fn records<const N: usize>(section: &[u8]) -> core::slice::Iter<'_, [u8; N]> {
    section.as_chunks::<N>().0.iter()
}
