//! `BIDS`.

use super::{Record, Strings};
use crate::plan::Plan;

/// Writes the offers in the order of the campaigns; those without one have no record.
pub(super) fn write(plan: &Plan<'_>, strings: &mut Strings) -> Option<Record> {
    let mut bids = Record::default();
    let currency = plan.folder.currency.as_ref().map_or("", |word| word.text.as_str());
    for (index, planned) in plan.campaigns.iter().enumerate() {
        let campaign = plan.folder.campaigns.get(planned.campaign)?;
        let (Some(bid), Some(budget)) = (&campaign.bid, &campaign.budget) else { continue };
        let categories: Vec<&str> = bid.categories.iter().map(|category| category.text.as_str()).collect();
        let record = bids.u32(index)?;
        record.0.extend(currency.bytes().chain([0; 4]).take(4));
        record.raw32(bid.base).raw32(bid.max);
        record.u64(budget.day.unwrap_or(u64::MAX)).u64(budget.total.unwrap_or(u64::MAX));
        record.u8(u8::from(budget.even)).zeros(3);
        record.raw32(strings.put(&bid.domain.text)).raw32(strings.put(&categories.join(","))).raw32(0);
    }
    Some(bids)
}
