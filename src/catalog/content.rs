//! Records of composed creatives: the options of their parts, the values in their texts, and prices.

use super::record::{index, u16_at, u32_at, u64_at, view};
use crate::id::Key;
use core::ops::Range;

/// An option of a part of a creative.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a>(pub(super) &'a [u8; 40]);

/// A value that is written into texts.
#[derive(Debug, Clone, Copy)]
pub struct Fill<'a>(pub(super) &'a [u8; 28]);

view!(
    /// How a price is worked out.
    Price, 48
);

impl Part<'_> {
    /// The creative that it is of, by its place.
    #[must_use]
    pub fn creative(&self) -> usize {
        u32_at(self.0, 0) as usize
    }

    /// The part, a number within the creative.
    #[must_use]
    pub fn part(&self) -> usize {
        usize::from(u16_at(self.0, 4))
    }

    /// Its share among those with the same conditions.
    #[must_use]
    pub fn weight(&self) -> u32 {
        u16_at(self.0, 6).into()
    }

    /// String number of its name: the part's and its own, with a dot between.
    #[must_use]
    pub fn name(&self) -> u32 {
        u32_at(self.0, 8)
    }

    /// String number of its text, as it stands within a JSON string.
    #[must_use]
    pub fn text(&self) -> u32 {
        u32_at(self.0, 12)
    }

    /// Conjuncts of its condition, one of which must match; `None` without a condition.
    #[must_use]
    pub fn condition(&self) -> Option<Range<usize>> {
        let first = index(u32_at(self.0, 16))?;
        Some(first..first.saturating_add(u32_at(self.0, 20) as usize))
    }

    /// Its stock condition.
    #[must_use]
    pub fn stock(&self) -> Option<usize> {
        index(u32_at(self.0, 24))
    }

    /// Options of a part with the very same conditions have one number.
    #[must_use]
    pub fn group(&self) -> u32 {
        u32_at(self.0, 28)
    }

    /// Options of the same creative that it does not stand beside: bit n for the n-th.
    #[must_use]
    pub fn excluded(&self) -> u64 {
        u64_at(self.0, 32)
    }
}

impl Fill<'_> {
    /// A price.
    pub const PRICE: u8 = 0;
    /// What a feed says.
    pub const LEVEL: u8 = 1;
    /// An attribute that is a number.
    pub const NUMBER: u8 = 2;
    /// An attribute that is a text.
    pub const TEXT: u8 = 3;

    /// Where it comes from.
    #[must_use]
    pub fn kind(&self) -> u8 {
        self.0[0]
    }

    /// Digits behind the point; an amount is in units of the last of them.
    #[must_use]
    pub fn decimals(&self) -> u32 {
        self.0[1].into()
    }

    /// Digits before the point from which on they stand in groups.
    #[must_use]
    pub fn grouped_from(&self) -> u32 {
        self.0[2].into()
    }

    /// The price, stock condition or attribute, by its place.
    #[must_use]
    pub fn subject(&self) -> usize {
        u32_at(self.0, 4) as usize
    }

    /// String number of what is written where the value is not known.
    #[must_use]
    pub fn otherwise(&self) -> u32 {
        u32_at(self.0, 8)
    }

    /// String number of what stands before the digits.
    #[must_use]
    pub fn before(&self) -> u32 {
        u32_at(self.0, 12)
    }

    /// String number of what stands between groups of three digits.
    #[must_use]
    pub fn group(&self) -> u32 {
        u32_at(self.0, 16)
    }

    /// String number of what stands before the decimals.
    #[must_use]
    pub fn point(&self) -> u32 {
        u32_at(self.0, 20)
    }

    /// String number of what stands after all.
    #[must_use]
    pub fn after(&self) -> u32 {
        u32_at(self.0, 24)
    }
}

impl Price<'_> {
    /// The feed condition that says its base; else [`Price::base`] does.
    #[must_use]
    pub fn base_stock(&self) -> Option<usize> {
        self.stock(8)
    }

    /// The feed condition that says what it must not fall under, times [`Price::margin`]; else [`Price::floor`] does.
    #[must_use]
    pub fn floor_stock(&self) -> Option<usize> {
        self.stock(10)
    }

    /// The feed condition that says what a rival asks.
    #[must_use]
    pub fn rival_stock(&self) -> Option<usize> {
        self.stock(12)
    }

    /// The stock condition that refuses when it is short.
    #[must_use]
    pub fn short_stock(&self) -> Option<usize> {
        self.stock(14)
    }

    /// Amount before anything moves it. All amounts are in the currency's smallest unit.
    #[must_use]
    pub fn base(&self) -> i32 {
        u32_at(self.0, 16) as i32
    }

    /// What it must not fall under.
    #[must_use]
    pub fn floor(&self) -> i32 {
        u32_at(self.0, 20) as i32
    }

    /// What it must not rise over.
    #[must_use]
    pub fn ceiling(&self) -> i32 {
        u32_at(self.0, 24) as i32
    }

    /// How much less than the rival is asked.
    #[must_use]
    pub fn undercut(&self) -> i32 {
        u32_at(self.0, 28) as i32
    }

    /// What the floor's feed is taken times, in ten-thousandths.
    #[must_use]
    pub fn margin(&self) -> u32 {
        u32_at(self.0, 32)
    }

    /// What it is taken times when it is short, in ten-thousandths.
    #[must_use]
    pub fn surge(&self) -> u32 {
        u32_at(self.0, 36)
    }

    /// Amounts are multiples of this one, but for floor and ceiling.
    #[must_use]
    pub fn step(&self) -> i32 {
        u32_at(self.0, 40) as i32
    }

    fn stock(&self, at: usize) -> Option<usize> {
        Some(u16_at(self.0, at)).filter(|index| *index != u16::MAX).map(usize::from)
    }
}
