//! `PART`, `FILL`, `PRIC`.

use petitfour::catalog::{Fill, NONE};

use super::{Record, Strings};
use crate::content::locale::Style;
use crate::plan::Plan;

#[derive(Default)]
pub(super) struct Contents {
    pub(super) parts: Record,
    pub(super) fills: Record,
    pub(super) prices: Record,
}

impl Contents {
    pub(super) fn write(plan: &Plan<'_>, strings: &mut Strings) -> Option<Self> {
        let mut tables = Self::default();
        let before = plan.conditions().count() - plan.contents.conditions.len();
        let mut bit: usize = plan.campaigns.iter().map(|campaign| campaign.conjuncts.len()).sum();
        bit += plan.conditions().take(before).map(Vec::len).sum::<usize>();
        let conditions: Vec<(usize, usize)> = starts(bit, plan.contents.conditions.iter().map(Vec::len));
        let stock = plan.folder.campaigns.iter().map(|campaign| campaign.stock.len()).sum::<usize>();
        let stocks = starts(stock + plan.programs.stocks.len(), plan.contents.stocks.iter().map(Vec::len));
        let mut creative = 0;
        for planned in &plan.campaigns {
            for said in plan.contents.creatives.get(planned.campaign)? {
                for option in &said.options {
                    let record = tables.parts.u32(creative)?.raw16(option.part).raw16(option.weight);
                    record.raw32(strings.put(&option.name)).raw32(strings.put(&option.text));
                    match option.condition {
                        Some(at) => {
                            let (first, count) = conditions.get(at)?;
                            record.u32(*first)?.u32(*count)?
                        }
                        None => record.raw32(NONE).raw32(0),
                    };
                    match option.stock {
                        Some(at) => record.u32(stocks.get(at)?.0)?,
                        None => record.raw32(NONE),
                    };
                    // Options with the very same conditions have one number; of no conditions, 0.
                    let (condition, stock) =
                        (option.condition.map_or(0, |at| at + 1), option.stock.map_or(0, |at| at + 1));
                    let group = condition * (plan.contents.stocks.len() + 1) + stock;
                    record.u32(group)?.u64(option.excluded);
                }
                creative += 1;
            }
        }
        for fill in &plan.contents.fills {
            let subject = if fill.kind == Fill::LEVEL { stocks.get(fill.subject)?.0 } else { fill.subject };
            let record = tables.fills.u8(fill.kind).u8(fill.decimals).u8(fill.style.grouped_from).zeros(1);
            record.u32(subject)?.raw32(strings.put(&fill.otherwise));
            let Style { before, group, point, after, .. } = &fill.style;
            for sign in [before, group, point, after] {
                record.raw32(strings.put(sign));
            }
        }
        for (named, price) in plan.folder.prices.iter().zip(&plan.contents.prices) {
            let record = tables.prices.name(&named.name, strings);
            for at in price.stocks {
                let index = at.and_then(|at| stocks.get(at)).map_or(usize::from(u16::MAX), |(first, _)| *first);
                record.u16(index)?;
            }
            record.i32(price.base).i32(price.floor).i32(price.ceiling).i32(price.undercut);
            record.raw32(price.margin).raw32(price.surge).i32(price.step).raw32(0);
        }
        Some(tables)
    }
}

/// Where each of some lists begins, and its length.
fn starts(first: usize, lengths: impl Iterator<Item = usize>) -> Vec<(usize, usize)> {
    let mut next = first;
    lengths
        .map(|length| {
            next += length;
            (next - length, length)
        })
        .collect()
}
