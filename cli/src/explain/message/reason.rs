//! Reasons of channels in words, each with what would have to change.

use std::collections::BTreeMap;

use petitfour::time::Moment;

use super::{Caps, Instead, Rules};

/// It went by this very channel.
pub(super) const CHOSEN: &str = "chosen";

/// What words are chosen by.
pub(super) struct Given<'a> {
    pub(super) channels: &'a BTreeMap<String, Rules>,
    pub(super) pressure: Option<&'a Caps>,
    /// When the channels were asked, by the person's clock.
    pub(super) at: Moment,
    /// Is it over, rather than so now?
    pub(super) is_past: bool,
}

impl Given<'_> {
    /// Why a message does not go by a channel. `taken` is the one that it goes by, `refusals` what was told of others, `step` what it
    /// offers (unless it is gone), its journey and its name.
    pub(super) fn instead(
        &self,
        wanted: &str,
        taken: Option<&str>,
        refusals: &BTreeMap<String, String>,
        (offers, journey, step): (Option<&[String]>, &str, &str),
    ) -> Instead {
        let tell = |reason: &str, why: String, to_change: Option<String>| Instead {
            channel: wanted.to_owned(),
            reason: reason.to_owned(),
            why,
            to_change,
        };
        if taken == Some(wanted) {
            let verb = if self.is_past { "went" } else { "goes" };
            return tell(CHOSEN, format!("It {verb} by {wanted}"), None);
        }
        if let Some(reason) = refusals.get(wanted) {
            let (why, to_change) = self.words(wanted, reason);
            return tell(reason, why, to_change);
        }
        let Some(offers) = offers else {
            let why = format!(
                "the collector's bundle has no step {step} in {journey} any more, so what it offered is not known"
            );
            return tell("step_gone", why, None);
        };
        let written = offers.join(", ");
        let place = |channel: &str| offers.iter().position(|offered| offered == channel);
        match (place(wanted), taken.and_then(|taken| Some((taken, place(taken)?)))) {
            (None, _) => tell(
                "not_offered",
                format!("the step does not offer {wanted}, but {}", offers.join(" and ")),
                Some(format!(
                    "write `channel: [{written}, {wanted}]` at the step {step} of {journey}, in the order that you like"
                )),
            ),
            (Some(at), Some((first, before))) if before < at => {
                let could = if self.is_past { "could carry it" } else { "can carry it" };
                tell(
                    "order",
                    format!("{first} stands before {wanted} in `channel: [{written}]`, and {first} {could}"),
                    Some(format!("name {wanted} before {first} at the step {step} of {journey}")),
                )
            }
            _ => tell(
                "changed",
                format!("the step offers `channel: [{written}]` now, and did not when this was sent"),
                None,
            ),
        }
    }

    /// A reason of the collector's in words, and what to change.
    pub(super) fn words(&self, channel: &str, reason: &str) -> (String, Option<String>) {
        let unknown = Rules::default();
        let rules = self.channels.get(channel).unwrap_or(&unknown);
        let (had, was) = if self.is_past { ("had", "was") } else { ("have", "is") };
        let cap = |cap: Option<u32>, key: &str, window: &str| {
            let figure = cap.map_or_else(String::new, |cap| format!(" of {cap}"));
            let written = cap.map_or_else(|| "…".to_owned(), |cap| cap.to_string());
            let to_change = format!("raise `caps: {{ {key}: {written} }}` of {channel}, or send less by it");
            (format!("its cap{figure} {window} {was} reached"), Some(to_change))
        };
        let whole = |cap: Option<u32>, key: &str, window: &str| {
            let figure = cap.map_or_else(String::new, |cap| format!(" of {cap}"));
            let written = cap.map_or_else(|| "…".to_owned(), |cap| cap.to_string());
            let to_change =
                format!("raise `pressure: {{ {key}: {written} }}`, exempt {channel} by its `except`, or send less");
            (
                format!("the pressure{figure} {window} that all channels together may put on them {was} reached"),
                Some(to_change),
            )
        };
        match reason {
            "permission" => {
                let needs = if rules.needs.is_empty() { "what it needs".to_owned() } else { rules.needs.join(" and ") };
                (
                    format!("they {had} not permitted {needs}"),
                    Some("they have to permit it: it is asked of nobody else".to_owned()),
                )
            }
            "no_destination" => (
                format!("no destination of the collector carries {channel}"),
                Some(format!("name {channel} under `channels:` of a destination in destinations.yaml")),
            ),
            "no_address" => (
                format!("no address for {channel} {was} known of them"),
                Some(
                    "tell the collector one: an `identify` with their e-mail address, and permission to share it"
                        .to_owned(),
                ),
            ),
            "suppressed" => (
                "they have left the list, or their mailbox refused for good".to_owned(),
                Some("they have to come back themselves".to_owned()),
            ),
            "quiet" => {
                let hours = rules.quiet.as_ref();
                let hours =
                    hours.map_or_else(String::new, |quiet| format!(" from {} until {}", quiet.from, quiet.until));
                let minute = self.at.minute_of_day();
                let clock = format!("{:02}:{:02}", minute / 60, minute % 60);
                (
                    format!("it is quiet{hours} by their clock, and it {was} {clock} there"),
                    Some(format!("change `quiet:` of {channel}, or wait for an hour of day before the message")),
                )
            }
            "cap_day" => cap(rules.caps.day, "day", "on one day"),
            "cap_week" => cap(rules.caps.week, "week", "in seven days"),
            "pressure_day" => whole(self.pressure.and_then(|caps| caps.day), "day", "on one day"),
            "pressure_week" => whole(self.pressure.and_then(|caps| caps.week), "week", "in seven days"),
            other => (format!("the collector says `{other}`"), None),
        }
    }
}
