//! `prices:`, as they are written: a base, a floor, and what may move the one towards or away from the other.

use crate::campaign::Stock;
use crate::diagnostic::Report;
use crate::period;
use crate::reader::{self, Fields};
use crate::source::{Node, Span, Value};

/// A price of the folder.
#[derive(Clone, Debug)]
pub(crate) struct Price {
    pub(crate) base: Amount,
    pub(crate) floor: Option<Amount>,
    pub(crate) rival: Option<(Stock, Option<Number>)>,
    pub(crate) short: Option<(Stock, u32)>,
    pub(crate) ceiling: Option<Number>,
    pub(crate) step: Option<Number>,
}

/// A number of the currency, which is known later.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Number {
    pub(crate) number: f64,
    pub(crate) span: Span,
}

/// A number, or what a feed says times so many ten-thousandths.
#[derive(Clone, Debug)]
pub(crate) enum Amount {
    Number(Number),
    Feed(Stock, u32),
}

impl Price {
    pub(crate) fn read(node: &Node, _: &'static str, report: &mut Report) -> Option<Self> {
        let mut fields = Fields::of(node, "a price", report)?;
        let span = fields.span();
        let base = fields.need("base", report).and_then(|entry| Amount::read(&entry.node, "base", false, report));
        let floor = fields.take("floor").and_then(|entry| Amount::read(&entry.node, "floor", true, report));
        let rival = fields.take("below").and_then(|entry| read_rival(&entry.node, report));
        let short = fields.take("short").and_then(|entry| read_short(&entry.node, report));
        let ceiling = fields.take("ceiling").and_then(|entry| Number::read(&entry.node, "ceiling", report));
        let step = fields.take("step").and_then(|entry| Number::read(&entry.node, "step", report));
        let has_floor = fields.has("floor");
        let falls = fields.has("below").then_some("`below`");
        let rises = fields.has("short").then_some("`short`").filter(|_| !fields.has("ceiling"));
        fields.finish(report);
        if let Some(what) = falls.filter(|_| !has_floor) {
            report
                .error("price/no-floor", span, format!("a price with {what} needs a floor that it never falls under"))
                .remedy("add `floor: 0.80`, or `floor: { feed: costs, item: ..., times: 1.25 }`");
        }
        if let Some(what) = rises {
            report
                .error(
                    "price/no-ceiling",
                    span,
                    format!("a price with {what} needs a ceiling that it never rises over"),
                )
                .remedy("add `ceiling: 2.00`");
        }
        Some(Self { base: base?, floor, rival, short, ceiling, step })
    }

    /// Every condition on a feed.
    pub(crate) fn stocks(&self) -> impl Iterator<Item = &Stock> {
        let amounts = [Some(&self.base), self.floor.as_ref()].into_iter().flatten().filter_map(|amount| match amount {
            Amount::Feed(stock, _) => Some(stock),
            Amount::Number(_) => None,
        });
        amounts.chain(self.rival.as_ref().map(|(stock, _)| stock)).chain(self.short.as_ref().map(|(stock, _)| stock))
    }
}

impl Number {
    fn read(node: &Node, what: &'static str, report: &mut Report) -> Option<Self> {
        let number = reader::number(node, what, report)?;
        Some(Self { number, span: node.span })
    }
}

impl Amount {
    fn read(node: &Node, what: &'static str, has_times: bool, report: &mut Report) -> Option<Self> {
        if !matches!(node.value, Value::Map(_)) {
            return Number::read(node, what, report).map(Self::Number);
        }
        let mut fields = Fields::of(node, "a price from a feed", report)?;
        let stock = read_feed(&mut fields, report);
        let times = if has_times { fields.take("times") } else { None };
        let times = times.and_then(|entry| read_times(&entry.node, (1.0, 100.0), report));
        fields.finish(report);
        Some(Self::Feed(stock?, times.unwrap_or(10_000)))
    }
}

/// `{ feed: rival, item: still, by: 0.05 }`.
fn read_rival(node: &Node, report: &mut Report) -> Option<(Stock, Option<Number>)> {
    let mut fields = Fields::of(node, "a rival's price", report)?;
    let stock = read_feed(&mut fields, report);
    let by = fields.take("by").and_then(|entry| Number::read(&entry.node, "by", report));
    fields.finish(report);
    Some((stock?, by))
}

/// `{ feed: shelf, item: still, under: 6, times: 1.2 }`.
fn read_short(node: &Node, report: &mut Report) -> Option<(Stock, u32)> {
    let mut fields = Fields::of(node, "a shortage", report)?;
    let stock = read_feed(&mut fields, report);
    let under = fields.need("under", report);
    let under = under.and_then(|entry| reader::whole(&entry.node, "under", (1, i64::from(i32::MAX)), report));
    let times = fields.need("times", report).and_then(|entry| read_times(&entry.node, (1.0, 10.0), report));
    fields.finish(report);
    Some((Stock { at_least: i32::try_from(under?).ok()?, ..stock? }, times?))
}

/// Which item of which feed, and how old its word may be.
fn read_feed(fields: &mut Fields<'_>, report: &mut Report) -> Option<Stock> {
    let (feed, item) = (fields.need_word("feed", report), fields.need_word("item", report));
    let max_age = fields.take("max_age");
    let max_age = max_age.and_then(|entry| period::duration_in(&entry.node, "max_age", period::MINUTES, report));
    Some(Stock::of(feed?, item?, max_age.and_then(|minutes| u16::try_from(minutes).ok()).unwrap_or(0)))
}

/// Ten-thousandths.
fn read_times(node: &Node, (least, most): (f64, f64), report: &mut Report) -> Option<u32> {
    let times = reader::number(node, "times", report)?;
    if !(least..=most).contains(&times) {
        report.error("file/out-of-range", node.span, format!("`times` must be from {least} to {most}, not {times}"));
        return None;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 1 to 100, checked above")]
    Some((times * 10_000.0).round() as u32)
}
