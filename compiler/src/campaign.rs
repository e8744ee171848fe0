//! Campaigns as they are written: where, to whom, when, how often, worth what, and the creatives.

use petitfour::profile::{MAX_DAY, MAX_EVER};

use crate::bid::{Bid, Budget};
use crate::content::Content;
use crate::declaration::Named;
use crate::diagnostic::{self, Report};
use crate::exposures::Exposures;
use crate::period;
use crate::reader::{self, Fields, Word};
use crate::segment::Expression;
use crate::source::{Entry, Node, Span, Value};

/// A campaign of the folder.
#[derive(Clone, Debug)]
pub(crate) struct Campaign {
    pub(crate) id: Word,
    pub(crate) placements: Vec<Word>,
    pub(crate) segment: Option<Expression>,
    pub(crate) schedule: Schedule,
    pub(crate) caps: Caps,
    pub(crate) priority: i32,
    /// Thousandths.
    pub(crate) value: i32,
    /// All of them must hold; the pace of `exposures`, if there is one, is the last.
    pub(crate) stock: Vec<Stock>,
    /// Over all visitors.
    pub(crate) exposures: Option<Exposures>,
    /// Of 10 000.
    pub(crate) holdout: u16,
    pub(crate) model: Option<Word>,
    /// What it says of the model's features, which are the same for everybody then.
    pub(crate) given: Vec<Entry>,
    pub(crate) bid: Option<Bid>,
    pub(crate) budget: Option<Budget>,
    /// Was there a line that could not be read?
    pub(crate) bid_broken: bool,
    pub(crate) budget_broken: bool,
    pub(crate) creatives: Vec<Named<Creative>>,
}

/// When a campaign runs, Unix ms, half-open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Schedule {
    pub(crate) from: i64,
    pub(crate) until: i64,
}

/// How often at most; absent is any number of times.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Caps {
    pub(crate) hour: Option<(u32, Span)>,
    pub(crate) day: Option<(u32, Span)>,
    pub(crate) week: Option<(u32, Span)>,
    pub(crate) total: Option<(u32, Span)>,
}

/// A condition on a feed's level.
#[derive(Clone, Debug)]
pub(crate) struct Stock {
    pub(crate) feed: Word,
    pub(crate) item: Word,
    pub(crate) at_least: i32,
    /// The feed whose level for the same item must be lower, instead of `at_least`.
    pub(crate) above: Option<Word>,
    /// Minutes, 0 = for ever.
    pub(crate) max_age: u16,
    /// Shown when the level is unknown or stale.
    pub(crate) shown_when_unknown: bool,
    /// The level is the share of visitors, of 10 000, for whom it holds.
    pub(crate) by_hash: bool,
}

/// One thing that a campaign shows.
#[derive(Clone, Debug)]
pub(crate) struct Creative {
    pub(crate) weight: u32,
    pub(crate) content: Content,
}

impl Campaign {
    /// Reads one item of `campaigns:`.
    pub(crate) fn read(node: &Node, report: &mut Report) -> Option<Self> {
        let mut fields = Fields::of(node, "a campaign", report)?;
        let id = fields.need_word("id", report);
        let placements = fields.take("placements").map(|entry| {
            let shaped = matches!(entry.node.value, Value::List(_) | Value::Null);
            (read_placements(&entry.node, report), shaped)
        });
        if placements.as_ref().is_none_or(|(names, shaped)| names.is_empty() && *shaped) {
            let span = id.as_ref().map_or(node.span, |id| id.span);
            report
                .error("campaign/no-placement", span, "a campaign without a placement is never seen")
                .remedy("add `placements: [name]`");
        }
        let segment = read_segment(&mut fields, report);
        let schedule = fields.take("schedule").and_then(|entry| Schedule::read(&entry.node, report));
        let caps = fields.take("caps").and_then(|entry| Caps::read(&entry.node, report));
        let priority = fields.whole("priority", (i64::from(i32::MIN), i64::from(i32::MAX)), report).unwrap_or(0);
        let value = fields.take("value").and_then(|entry| read_value(&entry.node, report));
        let mut stock = fields.take("stock").map(|entry| Stock::read_all(&entry.node, report)).unwrap_or_default();
        let exposures = fields.take("exposures");
        let exposures = exposures.and_then(|entry| Exposures::read(&entry.node, entry.key_span, report));
        stock.extend(exposures.as_ref().zip(id.as_ref()).map(|(exposures, id)| exposures.condition(id)));
        let holdout = fields.take("holdout").and_then(|entry| read_holdout(&entry.node, report));
        let (model, given) = fields.take("model").map(|entry| read_model(&entry.node, report)).unwrap_or_default();
        let offered = fields.take("bid");
        let bid = offered.and_then(|entry| Bid::read(&entry.node, entry.key_span, report));
        let allowed = fields.take("budget");
        let budget = allowed.and_then(|entry| Budget::read(&entry.node, entry.key_span, report));
        let creatives = fields.need("creatives", report).map(|entry| read_creatives(&entry.node, report));
        fields.finish(report);
        Some(Self {
            id: id?,
            placements: placements.map(|(names, _)| names).unwrap_or_default(),
            segment,
            schedule: schedule.unwrap_or(Schedule { from: i64::MIN, until: i64::MAX }),
            caps: caps.unwrap_or_default(),
            priority: i32::try_from(priority).unwrap_or(0),
            value: value.unwrap_or(1_000),
            stock,
            exposures,
            holdout: holdout.unwrap_or(0),
            model,
            given,
            bid_broken: offered.is_some() && bid.is_none(),
            budget_broken: allowed.is_some() && budget.is_none(),
            bid,
            budget,
            creatives: creatives.unwrap_or_default(),
        })
    }
}

/// One placement by name, or a list.
fn read_placements(node: &Node, report: &mut Report) -> Vec<Word> {
    match &node.value {
        Value::Scalar(text) => vec![Word { text: text.clone(), span: node.span }],
        Value::Null => Vec::new(),
        _ => reader::words(node, "`placements`", report),
    }
}

/// A model by name, or `{ name: clicks, given: { item: 12 } }`.
fn read_model(node: &Node, report: &mut Report) -> (Option<Word>, Vec<Entry>) {
    if !matches!(node.value, Value::Map(_)) {
        return (reader::word(node, "model", report), Vec::new());
    }
    let Some(mut fields) = Fields::of(node, "a campaign's model", report) else { return (None, Vec::new()) };
    let name = fields.need_word("name", report);
    let given = fields.take("given").map(|entry| reader::named(&entry.node, "`given`", report).to_vec());
    fields.finish(report);
    (name, given.unwrap_or_default())
}

/// `segment: name` or `when: { ... }`.
fn read_segment(fields: &mut Fields<'_>, report: &mut Report) -> Option<Expression> {
    let named = fields.take("segment");
    let inline = fields.take("when");
    if let (Some(named), Some(inline)) = (named, inline) {
        report
            .error("campaign/segment-and-when", inline.key_span, "a campaign has both `segment` and `when`")
            .remedy("join them: `when: { all: [{ segment: name }, { ... }] }`")
            .related(named.key_span, "the segment is here");
    }
    if let Some(entry) = inline {
        return Some(Expression::read(&entry.node, report));
    }
    let entry = named?;
    match &entry.node.value {
        Value::Scalar(text) => Some(Expression::Segment(Word { text: text.clone(), span: entry.node.span })),
        other => {
            report
                .error("file/wrong-type", entry.node.span, format!("`segment` must be a name, not {}", other.kind()))
                .remedy("write the condition itself under `when:`");
            Some(Expression::Broken)
        }
    }
}

impl Schedule {
    pub(crate) fn read(node: &Node, report: &mut Report) -> Option<Self> {
        let mut fields = Fields::of(node, "a schedule", report)?;
        let offset = fields.take("timezone").map(|entry| period::offset(&entry.node, "timezone", report));
        let offset = offset.flatten().unwrap_or(0);
        let from = fields.take("from").map(|entry| (period::instant(&entry.node, "from", offset, report), entry));
        let until = fields.take("until").map(|entry| (period::instant(&entry.node, "until", offset, report), entry));
        fields.finish(report);
        if let (Some((Some(from), first)), Some((Some(until), last))) = (from, until)
            && until <= from
        {
            report
                .error("campaign/schedule-over", last.node.span, "the schedule is over before it begins")
                .remedy("`until` is the first moment at which the campaign no longer runs; it must be after `from`")
                .related(first.node.span, "begins here");
        }
        Some(Self {
            from: from.and_then(|(at, _)| at).unwrap_or(i64::MIN),
            until: until.and_then(|(at, _)| at).unwrap_or(i64::MAX),
        })
    }
}

impl Caps {
    fn read(node: &Node, report: &mut Report) -> Option<Self> {
        let mut fields = Fields::of(node, "caps", report)?;
        let short = i64::from(u16::MAX) - 1;
        let mut read = |key: &'static str, most: i64| -> Option<(u32, Span)> {
            let entry = fields.take(key)?;
            let cap = reader::whole(&entry.node, key, (0, most), report)?;
            if cap == 0 {
                report
                    .error(
                        "campaign/cap-zero",
                        entry.node.span,
                        format!("a cap of 0 per {key} never shows the campaign"),
                    )
                    .remedy("leave the cap out for any number of times, or take the campaign out");
            }
            Some((u32::try_from(cap).ok()?, entry.node.span))
        };
        let caps = Self {
            hour: read("hour", short),
            day: read("day", MAX_DAY as i64),
            week: read("week", 7 * MAX_DAY as i64),
            total: read("total", MAX_EVER as i64),
        };
        fields.finish(report);
        caps.report_idle(report);
        Some(caps)
    }

    /// A wider window with a smaller or equal cap makes the narrower one idle.
    fn report_idle(self, report: &mut Report) {
        let windows = [("hour", self.hour), ("day", self.day), ("week", self.week), ("total", self.total)];
        for (at, (narrow, cap)) in windows.iter().enumerate() {
            let Some((cap, span)) = *cap else { continue };
            let wider = windows.iter().skip(at + 1).find_map(|(wide, other)| {
                let (most, span) = (*other)?;
                (most < cap && most > 0).then_some((*wide, most, span))
            });
            if let Some((wide, most, other)) = wider {
                report
                    .warning(
                        "campaign/cap-idle",
                        span,
                        format!("the cap of {cap} ({narrow}) never acts: {most} ({wide}) is reached before it"),
                    )
                    .remedy("take one of the two out, or make the wider one larger")
                    .related(other, "reached first");
            }
        }
    }
}

impl Stock {
    /// The level of an item, whatever it is.
    pub(crate) fn of(feed: Word, item: Word, max_age: u16) -> Self {
        Self { feed, item, at_least: i32::MIN, above: None, max_age, shown_when_unknown: false, by_hash: false }
    }

    pub(crate) fn read(node: &Node, report: &mut Report) -> Option<Self> {
        Self::read_as("feed", node, report)
    }

    /// One condition, or a list that must hold as a whole.
    pub(crate) fn read_all(node: &Node, report: &mut Report) -> Vec<Self> {
        match &node.value {
            Value::List(items) => items.iter().filter_map(|item| Self::read(item, report)).collect(),
            _ => Self::read(node, report).into_iter().collect(),
        }
    }

    /// Does another condition ask the same?
    pub(crate) fn asks_as(&self, other: &Self) -> bool {
        let above = |stock: &Self| stock.above.as_ref().map(|word| word.text.clone());
        let numbers = |stock: &Self| (stock.at_least, stock.max_age, stock.shown_when_unknown);
        (&self.feed.text, &self.item.text) == (&other.feed.text, &other.item.text)
            && numbers(self) == numbers(other)
            && above(self) == above(other)
    }

    /// As [`read`](Self::read), with the feed under another key.
    pub(crate) fn read_as(feed: &'static str, node: &Node, report: &mut Report) -> Option<Self> {
        let mut fields = Fields::of(node, "a stock condition", report)?;
        let feed = fields.need_word(feed, report);
        let item = fields.need_word("item", report);
        let at_least = fields.whole("at_least", (i64::from(i32::MIN), i64::from(i32::MAX)), report);
        let above = fields.take("above");
        if let Some(entry) = above.filter(|_| at_least.is_some()) {
            report
                .error("campaign/two-levels", entry.key_span, "a stock condition has both `at_least` and `above`")
                .remedy("make two conditions of it, in a list");
        }
        let above = above.and_then(|entry| reader::word(&entry.node, "above", report));
        if let (Some(above), Some(feed)) = (&above, &feed)
            && at_least.is_none()
            && above.text == feed.text
        {
            report
                .error(
                    "campaign/two-levels",
                    above.span,
                    format!("nothing is above itself: both feeds are `{}`", feed.text),
                )
                .remedy("name the feed that it is compared with, or write `at_least`");
        }
        let max_age = fields
            .take("max_age")
            .and_then(|entry| period::duration_in(&entry.node, "max_age", period::MINUTES, report));
        let otherwise = read_otherwise(&mut fields, report);
        fields.finish(report);
        Some(Self {
            feed: feed?,
            item: item?,
            at_least: at_least.and_then(|level| i32::try_from(level).ok()).unwrap_or(1),
            above,
            max_age: max_age.and_then(|minutes| u16::try_from(minutes).ok()).unwrap_or(0),
            shown_when_unknown: otherwise.unwrap_or(false),
            by_hash: false,
        })
    }
}

/// `otherwise: skip` or `show`: is it shown while nobody knows?
pub(crate) fn read_otherwise(fields: &mut Fields<'_>, report: &mut Report) -> Option<bool> {
    fields.word("otherwise", report).and_then(|word| match word.text.as_str() {
        "skip" => Some(false),
        "show" => Some(true),
        other => {
            report
                .error("campaign/unknown-otherwise", word.span, format!("`otherwise` has no choice `{other}`"))
                .nearest(other, ["skip", "show"]);
            None
        }
    })
}

fn read_creatives(node: &Node, report: &mut Report) -> Vec<Named<Creative>> {
    let items = reader::list(node, "`creatives`", report);
    if items.is_empty() && matches!(node.value, Value::List(_)) {
        report.error("campaign/no-creative", node.span, "a campaign without a creative shows nothing");
    }
    let mut creatives = Vec::new();
    for item in items {
        let Some(mut fields) = Fields::of(item, "a creative", report) else { continue };
        let id = fields.need_word("id", report);
        let weight = fields.whole("weight", (0, i64::from(u16::MAX)), report).unwrap_or(1);
        let span = id.as_ref().map_or(item.span, |id| id.span);
        let content = Content::of_creative(&mut fields, span, report);
        report_slips(&fields, report);
        if let Some(id) = id {
            let weight = u32::try_from(weight).unwrap_or(0);
            creatives.push(Named { name: id.text, span: id.span, item: Creative { weight, content } });
        }
    }
    let seen = creatives.iter().any(|creative| creative.item.weight > 0);
    if !creatives.is_empty() && !seen {
        report
            .error("campaign/no-weight", node.span, "every creative has weight 0, so nobody sees the campaign")
            .remedy("give at least one creative a weight");
    }
    for creative in creatives.iter().filter(|creative| seen && creative.item.weight == 0) {
        report
            .warning("creative/unseen", creative.span, format!("nobody sees `{}`: its weight is 0", creative.name))
            .remedy("take it out, or give it a weight");
    }
    creatives
}

/// Every key of a creative but two is a text, so a misspelt `weight` would pass for one.
fn report_slips(fields: &Fields<'_>, report: &mut Report) {
    for entry in fields.rest() {
        if !fields.has("weight") && diagnostic::nearest(&entry.key, ["weight"].into_iter()).is_some() {
            report
                .warning("creative/slip", entry.key_span, format!("`{}` is taken as a text of the creative", entry.key))
                .remedy("did you mean `weight`?");
        }
    }
}

/// A value in thousandths.
fn read_value(node: &Node, report: &mut Report) -> Option<i32> {
    let value = reader::number(node, "value", report)?;
    let thousandths = (value * 1_000.0).round();
    if !(0.0..=f64::from(i32::MAX)).contains(&thousandths) {
        report.error("file/out-of-range", node.span, "`value` must be from 0 to 2147483");
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "whole and within i32, checked above")]
    Some(thousandths as i32)
}

/// The share that is left alone.
pub(crate) fn read_holdout(node: &Node, report: &mut Report) -> Option<u16> {
    let share = read_share(node, "holdout", report)?;
    if share >= 10_000 {
        report
            .error("campaign/holdout-all", node.span, "a holdout of 100% leaves nobody to show the campaign to")
            .remedy("take the campaign out, or make the holdout smaller");
    }
    Some(share)
}

/// A share such as `10%` or `0.5%`, of 10 000.
pub(crate) fn read_share(node: &Node, what: &str, report: &mut Report) -> Option<u16> {
    let word = reader::word(node, what, report)?;
    let share = word.text.strip_suffix('%').and_then(|digits| reader::parse_number(digits.trim()));
    let Some(hundredths) = share.map(|share| (share * 100.0).round()).filter(|share| (0.0..=10_000.0).contains(share))
    else {
        report
            .error("campaign/bad-holdout", node.span, format!("`{what}` must be a share, not `{}`", word.text))
            .remedy("write a percentage from 0% to 100%, such as `10%`");
        return None;
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and from 0 to 10 000")]
    Some(hundredths as u16)
}
