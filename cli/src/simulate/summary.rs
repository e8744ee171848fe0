//! What came of a replay: counts, shares, sizes and times, as a table for people or as JSON.

use std::{collections::BTreeMap, fmt, path::Path, time::Duration};

use petitfour::{
    catalog::{Catalog, Section},
    engine::{Decision, Explanation, Reason, Session},
    profile::Profile,
    time::Moment,
};
use serde::Serialize;

use super::post::Taken;

/// Everything that one replay showed.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    pub(crate) recording: String,
    pub(crate) site: String,
    pub(crate) campaigns: usize,
    pub(crate) rows_left_out: usize,
    pub(crate) visitors: u64,
    /// Visits, as the profiles count them: half an hour of silence ends one.
    pub(crate) sessions: u64,
    pub(crate) events: u64,
    pub(crate) pages: u64,
    pub(crate) decisions: u64,
    /// Decisions by reason: chosen, fallback, nothing.
    pub(crate) reasons: BTreeMap<&'static str, u64>,
    /// Percent of decisions for which no campaign could be shown.
    pub(crate) fallback_share: f64,
    /// Decisions in which a holdout kept a better campaign back.
    pub(crate) withheld: u64,
    /// Explanations that were sampled, one page in a hundred, and in them every campaign by its reason.
    pub(crate) explained: u64,
    pub(crate) refusals: BTreeMap<&'static str, u64>,
    /// Exposures that filled a cap, by its window.
    pub(crate) caps_hit: BTreeMap<&'static str, u64>,
    /// Decisions and exposures of each campaign.
    pub(crate) by_campaign: Vec<Campaign>,
    pub(crate) profile_bytes: Spread,
    /// ns of one decision: the mean over the placements of a page.
    pub(crate) decision_ns: Spread,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) posted: Option<Taken>,
    #[serde(skip)]
    profiles: Vec<u64>,
    #[serde(skip)]
    times: Vec<u64>,
}

/// One campaign's counts.
#[derive(Debug, Serialize)]
pub(crate) struct Campaign {
    pub(crate) name: String,
    pub(crate) chosen: u64,
    pub(crate) seen: u64,
    pub(crate) withheld: u64,
}

/// How values lie.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Spread {
    pub(crate) p50: u64,
    pub(crate) p99: u64,
    pub(crate) max: u64,
}

impl Summary {
    /// Nothing yet.
    pub(crate) fn new(file: &Path, catalog: &Catalog, rows_left_out: usize) -> Self {
        let names = catalog.campaigns().map(|campaign| catalog.string(campaign.name()).to_owned());
        let by_campaign: Vec<Campaign> = names.map(|name| Campaign { name, chosen: 0, seen: 0, withheld: 0 }).collect();
        Self {
            recording: file.display().to_string(),
            site: site(catalog),
            campaigns: by_campaign.len(),
            rows_left_out,
            visitors: 0,
            sessions: 0,
            events: 0,
            pages: 0,
            decisions: 0,
            reasons: BTreeMap::new(),
            fallback_share: 0.0,
            withheld: 0,
            explained: 0,
            refusals: BTreeMap::new(),
            caps_hit: BTreeMap::new(),
            by_campaign,
            profile_bytes: Spread::default(),
            decision_ns: Spread::default(),
            posted: None,
            profiles: Vec::new(),
            times: Vec::new(),
        }
    }

    /// A decision was made.
    pub(crate) fn decided(&mut self, decision: &Decision) {
        self.decisions += 1;
        *self.reasons.entry(decision.reason.name()).or_default() += 1;
        if let Some(campaign) = decision.campaign.and_then(|campaign| self.by_campaign.get_mut(campaign)) {
            campaign.chosen += 1;
        }
        if let Some(campaign) = decision.withheld.and_then(|campaign| self.by_campaign.get_mut(campaign)) {
            campaign.withheld += 1;
            self.withheld += 1;
        }
    }

    /// A decision was seen, and the profile has counted it.
    pub(crate) fn seen(&mut self, decision: &Decision, profile: &Profile, catalog: &Catalog, moment: Moment) {
        let Some(index) = decision.campaign else { return };
        if let Some(line) = self.by_campaign.get_mut(index) {
            line.seen += 1;
        }
        let Some(campaign) = catalog.campaign(index) else { return };
        let key = campaign.key();
        for (window, cap, count) in [
            (Reason::CapHour, campaign.cap_hour(), profile.exposures_this_hour(key, moment)),
            (Reason::CapDay, campaign.cap_day(), profile.exposures(key, 1, moment)),
            (Reason::CapWeek, campaign.cap_week(), profile.exposures(key, 7, moment)),
            (Reason::CapTotal, campaign.cap_total(), profile.exposures_ever(key)),
        ] {
            if cap.is_some_and(|cap| count == u64::from(cap)) {
                *self.caps_hit.entry(window.name()).or_default() += 1;
            }
        }
    }

    /// A page's choice was explained.
    pub(crate) fn explained(&mut self, explanation: &Explanation) {
        self.explained += 1;
        for verdict in &explanation.campaigns {
            *self.refusals.entry(verdict.reason.name()).or_default() += 1;
        }
    }

    /// So long took the decisions of one page.
    pub(crate) fn time(&mut self, spent: Duration, decisions: usize) {
        if let Some(each) = spent.as_nanos().checked_div(decisions as u128) {
            self.times.push(u64::try_from(each).unwrap_or(u64::MAX));
        }
    }

    /// A visitor is through.
    pub(crate) fn left(&mut self, session: &Session) {
        self.visitors += 1;
        self.sessions += session.profile().visits();
        self.profiles.push(session.profile_bytes().len() as u64);
    }

    /// All visitors are through.
    pub(crate) fn finish(&mut self) {
        self.profile_bytes = Spread::of(&mut self.profiles);
        self.decision_ns = Spread::of(&mut self.times);
        let without = [Reason::Fallback, Reason::Nothing].map(|reason| self.reasons.get(reason.name()).copied());
        let without: u64 = without.into_iter().flatten().sum();
        self.fallback_share = percent(without, self.decisions);
        self.by_campaign.sort_by_key(|campaign| std::cmp::Reverse(campaign.chosen));
    }
}

impl Spread {
    fn of(values: &mut [u64]) -> Self {
        values.sort_unstable();
        let at = |percent: usize| values.get(values.len() * percent / 100).copied().unwrap_or_default();
        Self { p50: at(50), p99: at(99), max: values.last().copied().unwrap_or_default() }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} through {} ({} campaigns)", self.recording, self.site, self.campaigns)?;
        let line = |f: &mut fmt::Formatter<'_>, name: &str, value: &str| writeln!(f, "  {name:<26}{value:>12}");
        for (name, value) in [
            ("visitors", self.visitors),
            ("sessions", self.sessions),
            ("events", self.events),
            ("decisions", self.decisions),
        ] {
            line(f, name, &grouped(value))?;
        }
        if self.rows_left_out > 0 {
            line(f, "rows left out", &grouped(self.rows_left_out as u64))?;
        }
        line(f, "fallbacks", &format!("{:.1} %", self.fallback_share))?;
        line(f, "kept back by a holdout", &grouped(self.withheld))?;
        let Spread { p50, p99, max } = self.profile_bytes;
        line(f, "profile bytes", &format!("p50 {p50} · p99 {p99} · max {max}"))?;
        let micro = |ns: u64| ns as f64 / 1_000.0;
        let Spread { p50, p99, .. } = self.decision_ns;
        line(f, "µs a decision", &format!("p50 {:.2} · p99 {:.2}", micro(p50), micro(p99)))?;
        if let Some(posted) = self.posted {
            let Taken { messages, stored, duplicate, bytes } = posted;
            writeln!(
                f,
                "  posted {} messages of {} bytes in all: {} stored, {} known already",
                grouped(messages),
                grouped(bytes),
                grouped(stored),
                grouped(duplicate)
            )?;
        }
        bars(f, "decisions by reason", self.reasons.iter().map(|(name, count)| (*name, *count)))?;
        let sampled = format!("why each campaign was refused or not, {} choices sampled", grouped(self.explained));
        bars(f, &sampled, self.refusals.iter().map(|(name, count)| (*name, *count)))?;
        bars(f, "caps hit", self.caps_hit.iter().map(|(name, count)| (*name, *count)))?;
        bars(f, "campaigns chosen", self.by_campaign.iter().map(|line| (line.name.as_str(), line.chosen)))
    }
}

/// Lines with bars, the longest for the greatest.
fn bars<'a>(
    f: &mut fmt::Formatter<'_>,
    title: &str,
    lines: impl Iterator<Item = (&'a str, u64)> + Clone,
) -> fmt::Result {
    const WIDTH: u64 = 30;
    let (most, sum) = lines.clone().fold((0, 0), |(most, sum), (_, count)| (count.max(most), sum + count));
    if sum == 0 {
        return Ok(());
    }
    writeln!(f, "\n  {title}")?;
    for (name, count) in lines {
        let bar = "█".repeat(usize::try_from((count * WIDTH).div_ceil(most.max(1))).unwrap_or_default());
        writeln!(f, "    {name:<28}{:>10}{:>7.1} %  {bar}", grouped(count), percent(count, sum))?;
    }
    Ok(())
}

/// The site's name, as `META` has it (docs/formats/bundle.md).
fn site(catalog: &Catalog) -> String {
    let number = catalog.section(Section::Meta).get(12..).and_then(|bytes| bytes.first_chunk::<4>());
    number.map_or("", |number| catalog.string(u32::from_le_bytes(*number))).to_owned()
}

fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 }
}

/// `1 tree`, `1,200 trees`.
pub(crate) fn counted(number: usize, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number as u64), if number == 1 { one } else { many })
}

/// `69146` as `69,146`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn a_spread_of_nothing_is_nothing() {
        let spread = Spread::of(&mut []);
        assert_eq!((spread.p50, spread.p99, spread.max), (0, 0, 0));
        let spread = Spread::of(&mut (1..=1_000).rev().collect::<Vec<_>>());
        assert_eq!((spread.p50, spread.p99, spread.max), (501, 991, 1_000));
    }
}
