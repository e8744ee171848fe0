//! What a campaign offers for one impression: money as whole numbers, and the price.

use petitfour::catalog::{self, Catalog};
use petitfour::id::Key;
use serde::{Deserialize, Serialize};

/// Thousandths of the currency for a thousand impressions, and so millionths of it for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Price(pub u32);

/// Millionths of the currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Amount(pub u64);

/// What may be spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Budget {
    /// In a local day of the bidder's clock.
    pub day: Option<Amount>,
    /// In all.
    pub total: Option<Amount>,
    /// Is the day's spread over the day?
    pub even: bool,
}

/// What a campaign offers, as the bundle says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The campaign.
    pub key: Key,
    /// Its name.
    pub campaign: String,
    /// The price without a model, and the least with one.
    pub base: Price,
    /// The most.
    pub max: Price,
    /// The campaign's value, in thousandths.
    pub value: u32,
    /// What it may spend.
    pub budget: Budget,
    /// The advertiser's domain.
    pub domain: String,
    /// IAB Tech Lab's content categories 1.0.
    pub categories: Vec<String>,
}

impl Price {
    /// As OpenRTB writes it: whole units for a thousand impressions.
    #[must_use]
    pub fn units(self) -> f64 {
        f64::from(self.0) / 1_000.0
    }

    /// From whole units for a thousand impressions; parts of a thousandth count as one. `None` where it is no price.
    #[must_use]
    pub fn at_least(units: f64) -> Option<Self> {
        let near = (units * 1_000.0).round();
        // The nearest thousandth may be what was written, or a trace below it.
        let thousandths = if near / 1_000.0 < units { near + 1.0 } else { near };
        let fits = units >= 0.0 && thousandths <= f64::from(u32::MAX);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "whole and within u32, checked above"
        )]
        fits.then_some(Self(thousandths as u32))
    }

    /// What one impression costs.
    #[must_use]
    pub fn cost(self) -> Amount {
        Amount(u64::from(self.0))
    }
}

impl Amount {
    /// From whole units; `None` where it is no amount.
    #[must_use]
    pub fn from_units(units: f64) -> Option<Self> {
        let millionths = (units * 1e6).round();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "whole and within u64, checked here"
        )]
        (0.0..=9e15).contains(&millionths).then_some(Self(millionths as u64))
    }

    /// In whole units.
    #[must_use]
    pub fn units(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

impl Offer {
    pub(crate) fn of(catalog: &Catalog, bid: &catalog::Bid<'_>) -> Option<Self> {
        let campaign = catalog.campaign(bid.campaign())?;
        let categories = catalog.string(bid.categories()).split(',').filter(|category| !category.is_empty());
        Some(Self {
            key: campaign.key(),
            campaign: catalog.string(campaign.name()).to_owned(),
            base: Price(bid.base()),
            max: Price(bid.max()),
            value: u32::try_from(campaign.value()).unwrap_or(0),
            budget: Budget { day: bid.day().map(Amount), total: bid.total().map(Amount), even: bid.is_even() },
            domain: catalog.string(bid.domain()).to_owned(),
            categories: categories.map(str::to_owned).collect(),
        })
    }

    /// The price of an impression for which the campaign's model says `chance`, in 65 536ths.
    ///
    /// `base + (max − base) × min(1, value × chance)`, rounded down; `base` without a model.
    ///
    /// ```
    /// # use petitfour_bid::{Budget, Offer, Price};
    /// # use petitfour::id::Key;
    /// let offer = Offer {
    ///     base: Price(1_200), max: Price(4_000), value: 2_000,
    /// #   key: Key(1), campaign: String::new(), budget: Budget::default(), domain: String::new(), categories: Vec::new(),
    /// };
    /// assert_eq!(offer.price(None), Price(1_200));
    /// assert_eq!(offer.price(Some(65_536 / 4)), Price(2_600));
    /// assert_eq!(offer.price(Some(65_536 / 2)), Price(4_000));
    /// ```
    #[must_use]
    pub fn price(&self, chance: Option<u32>) -> Price {
        let Some(chance) = chance else { return self.base };
        const WHOLE: u64 = 65_536 * 1_000;
        let worth = (u64::from(self.value) * u64::from(chance)).min(WHOLE);
        let span = u64::from(self.max.0.saturating_sub(self.base.0));
        let above = u128::from(span) * u128::from(worth) / u128::from(WHOLE);
        Price(self.base.0.saturating_add(u32::try_from(above).unwrap_or(0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_price_lies_between_base_and_max_and_grows_with_value_and_chance(
            prices in (1..1_000_000_000u32, 1..1_000_000_000u32),
            values in (0..=2_147_483_647u32, 0..=2_147_483_647u32),
            chances in (0..=65_536u32, 0..=65_536u32),
        ) {
            let (base, max) = (Price(prices.0.min(prices.1)), Price(prices.0.max(prices.1)));
            let offer = |value| Offer {
                key: Key(1), campaign: String::new(), base, max, value, budget: Budget::default(), domain: String::new(), categories: Vec::new(),
            };
            let (less, more) = (offer(values.0.min(values.1)), offer(values.0.max(values.1)));
            let (low, high) = (Some(chances.0.min(chances.1)), Some(chances.0.max(chances.1)));
            prop_assert_eq!(less.price(None), base);
            prop_assert!(base <= less.price(low) && more.price(high) <= max);
            prop_assert!(less.price(low) <= less.price(high) && less.price(low) <= more.price(low));
            prop_assert_eq!(offer(1_000).price(Some(65_536)), max);
            prop_assert_eq!(less.price(Some(0)), base);
        }
    }

    #[test]
    fn a_floor_is_never_rounded_down_and_never_up_by_a_trace() {
        for thousandths in 0..20_000u32 {
            assert_eq!(Price::at_least(f64::from(thousandths) / 1_000.0), Some(Price(thousandths)));
        }
        assert_eq!(Price::at_least(1.000_1), Some(Price(1_001)));
        assert_eq!(Price::at_least(-0.5), None);
        assert_eq!(Price::at_least(f64::NAN), None);
        assert_eq!(Price::at_least(1e300), None);
    }
}
