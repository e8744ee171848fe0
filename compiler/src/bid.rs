//! What a campaign offers for a slot in an auction, and how much it may spend: `bid:`, `budget:` and the folder's `currency:`.

use crate::diagnostic::Report;
use crate::reader::{self, Fields, Word};
use crate::source::{Node, Span, Value};

/// Of a price or an amount.
const MOST: f64 = 1_000_000_000.0;
/// Of a price for a thousand impressions: 32 bits hold thousandths of it.
const MOST_PRICE: f64 = 1_000_000.0;

/// What is offered for an impression.
#[derive(Clone, Debug)]
pub(crate) struct Bid {
    pub(crate) span: Span,
    /// Thousandths of the currency, for a thousand impressions.
    pub(crate) base: u32,
    pub(crate) max: u32,
    pub(crate) domain: Word,
    pub(crate) categories: Vec<Word>,
}

/// What may be spent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    pub(crate) span: Span,
    /// Millionths of the currency.
    pub(crate) day: Option<u64>,
    pub(crate) total: Option<u64>,
    pub(crate) even: bool,
}

impl Bid {
    pub(crate) fn read(node: &Node, span: Span, report: &mut Report) -> Option<Self> {
        let mut fields = Fields::of(node, "a bid", report)?;
        let base = fields.need("base", report).map(|entry| (price(&entry.node, "base", report), entry.node.span));
        let max = fields.take("max").map(|entry| (price(&entry.node, "max", report), entry.node.span));
        let domain = fields.need_word("domain", report);
        let categories = fields.take("categories").map(|entry| match &entry.node.value {
            Value::Scalar(text) => vec![Word { text: text.clone(), span: entry.node.span }],
            _ => reader::words(&entry.node, "`categories`", report),
        });
        fields.finish(report);
        let categories = categories.unwrap_or_default();
        for category in categories.iter().filter(|category| !is_category(&category.text)) {
            report
                .error("bid/category", category.span, format!("`{}` is no category", category.text))
                .remedy("write one of IAB Tech Lab's content categories 1.0, such as `IAB8` or `IAB8-18`");
        }
        if let Some(domain) = domain.as_ref().filter(|domain| !is_domain(&domain.text)) {
            report
                .error("bid/domain", domain.span, format!("`{}` is no domain", domain.text))
                .remedy("write the advertiser's domain alone, such as `shop.example`");
        }
        let (base, base_span) = base.and_then(|(base, span)| Some((base?, span)))?;
        let most = match max {
            Some((most, _)) => most?,
            None => base,
        };
        if most < base
            && let Some((_, span)) = max
        {
            report
                .error("bid/max-below-base", span, "the most that is offered is less than the least")
                .remedy("leave `max` out to offer `base` always, or make it larger")
                .related(base_span, "the least is here");
        }
        Some(Self { span, base, max: most, domain: domain?, categories })
    }
}

impl Budget {
    pub(crate) fn read(node: &Node, span: Span, report: &mut Report) -> Option<Self> {
        let mut fields = Fields::of(node, "a budget", report)?;
        let mut read = |key: &'static str| {
            let entry = fields.take(key)?;
            Some((amount(&entry.node, key, report), entry.node.span))
        };
        let (day, total) = (read("day"), read("total"));
        let pacing = fields.word("pacing", report);
        fields.finish(report);
        let even = match pacing.as_ref().map(|word| word.text.as_str()) {
            None => day.is_some(),
            Some("even") => true,
            Some("asap") => false,
            Some(other) => {
                let place = pacing.as_ref().map_or(span, |word| word.span);
                report
                    .error("bid/unknown-pacing", place, format!("`pacing` has no choice `{other}`"))
                    .nearest(other, ["even", "asap"]);
                false
            }
        };
        if day.is_none() && total.is_none() {
            report
                .error("bid/empty-budget", span, "a budget without `day` and `total` is none")
                .remedy("write what may be spent: `budget: { day: 50, total: 2000 }`");
        }
        if let (true, None, Some(pacing)) = (even, day, &pacing) {
            report
                .error(
                    "bid/even-without-day",
                    pacing.span,
                    "an even pace spreads the budget of a day, and there is none",
                )
                .remedy("add `day`, or take `pacing` out");
        }
        if let (Some((Some(day), at)), Some((Some(total), other))) = (day, total)
            && day > total
        {
            report
                .warning("bid/day-over-total", at, "the budget of a day never acts: that of the whole is smaller")
                .remedy("take one of the two out, or make `total` larger")
                .related(other, "spent before it");
        }
        Some(Self { span, day: day.and_then(|it| it.0), total: total.and_then(|it| it.0), even })
    }
}

/// What holds between a bid, its budget and the folder's currency.
pub(crate) fn check(campaign: &crate::campaign::Campaign, currency: Option<&Word>, report: &mut Report) {
    match (&campaign.bid, &campaign.budget) {
        (Some(bid), budget) => {
            if budget.is_none() && !campaign.budget_broken {
                report
                    .error("bid/no-budget", bid.span, "a bid without a budget spends without end")
                    .remedy("add a line such as `budget: { day: 50, total: 2000 }`");
            }
            if let Some(creative) = campaign.creatives.iter().find(|creative| !creative.item.content.is_plain()) {
                report
                    .error(
                        "bid/composed",
                        creative.span,
                        "a creative that is offered in an auction says the same to everybody",
                    )
                    .remedy("take its parts and values out, or bid with another campaign");
            }
            if currency.is_none() {
                report
                    .error("bid/no-currency", bid.span, "no file says in which currency is bid")
                    .remedy("add a line such as `currency: EUR` beside `version`");
            }
        }
        (None, Some(budget)) if !campaign.bid_broken => {
            report
                .warning("bid/idle-budget", budget.span, "a budget without a bid is never spent")
                .remedy("add `bid: { base: 1.20, domain: shop.example }`, or take the budget out");
        }
        (None, _) => {}
    }
}

/// Three capital letters.
pub(crate) fn currency(node: &Node, report: &mut Report) -> Option<Word> {
    let word = reader::word(node, "currency", report)?;
    if word.text.len() == 3 && word.text.bytes().all(|letter| letter.is_ascii_uppercase()) {
        return Some(word);
    }
    report
        .error("bid/currency", node.span, format!("`{}` is no currency", word.text))
        .remedy("write its three letters of ISO 4217, such as `EUR`");
    // Once told, it is not told again of every bid.
    Some(Word { text: "EUR".to_owned(), ..word })
}

/// A price for a thousand impressions, in thousandths: what one impression costs is then a whole number of millionths.
fn price(node: &Node, what: &'static str, report: &mut Report) -> Option<u32> {
    let number = reader::number(node, what, report)?;
    let thousandths = (number * 1_000.0).round();
    if !(1.0..=MOST_PRICE * 1_000.0).contains(&thousandths) || (thousandths / 1_000.0 - number).abs() > 1e-9 {
        report
            .error("bid/price", node.span, format!("`{what}` must be more than 0, with at most three decimals"))
            .remedy("it is the price of a thousand impressions, up to 1,000,000");
        return None;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and within u32, checked above")]
    Some(thousandths as u32)
}

/// An amount of money, in millionths.
fn amount(node: &Node, what: &'static str, report: &mut Report) -> Option<u64> {
    let number = reader::number(node, what, report)?;
    let cents = (number * 100.0).round();
    if !(1.0..=MOST * 100.0).contains(&cents) || (cents / 100.0 - number).abs() > 1e-9 {
        report
            .error("bid/amount", node.span, format!("`{what}` must be more than 0, with at most two decimals"))
            .remedy("it is an amount of the currency, up to 1,000,000,000");
        return None;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and within u64, checked above")]
    Some(cents as u64 * 10_000)
}

/// `IAB1` to `IAB26`, perhaps with a number of its own.
fn is_category(text: &str) -> bool {
    let number = |part: &str, most: u32| {
        !part.starts_with('0') && part.len() <= 2 && part.parse::<u32>().is_ok_and(|number| number <= most)
    };
    let Some(rest) = text.strip_prefix("IAB") else { return false };
    match rest.split_once('-') {
        Some((group, own)) => number(group, 26) && number(own, 99),
        None => number(rest, 26),
    }
}

/// Labels with dots between, in small letters.
fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        let plain =
            label.bytes().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'-');
        plain && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    };
    text.len() <= 253 && text.contains('.') && text.split('.').all(label)
}
