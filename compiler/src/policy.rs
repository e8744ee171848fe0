//! The policy of consent: what each signal opens and closes, as a privacy officer writes it.
//!
//! Whatever is left out is as [`Policy::default`] has it, so a file says only where a site differs. `docs/consent.md` has
//! the form, the defaults and their reasons.

use petitfour::consent::{OptOut, Permissions, Policy, Purposes, Storage};

use crate::declaration;
use crate::diagnostic::Report;
use crate::period;
use crate::reader::{self, Fields};
use crate::source::{Entry, Node, Value};

/// TCF and Canada's section have 24 bits for purposes each.
const PURPOSES: (i64, i64) = (1, 24);

/// Longest life of a pseudonym, in days: two years.
const MAX_PSEUDONYM_DAYS: i64 = 730;

/// Reads `{ default, policy, pseudonym }`: the policy, and the days of a pseudonym, 0 where they are not said.
pub(crate) fn read(node: &Node, report: &mut Report) -> (Policy, u16) {
    let mut policy = Policy::default();
    let Some(mut fields) = Fields::of(node, "`consent`", report) else { return (policy, 0) };
    permissions(fields.take("default"), &mut policy.otherwise, report);
    if let Some(entry) = fields.take("policy")
        && let Some(laws) = Fields::of(&entry.node, "`policy`", report)
    {
        read_laws(laws, &mut policy, report);
    }
    let days = fields.take("pseudonym").and_then(|entry| {
        period::duration_in(&entry.node, "pseudonym", (period::DAY_SECONDS, "days", MAX_PSEUDONYM_DAYS), report)
    });
    fields.finish(report);
    (policy, days.and_then(|days| u16::try_from(days).ok()).unwrap_or(0))
}

fn read_laws(mut laws: Fields<'_>, policy: &mut Policy, report: &mut Report) {
    if let Some(entry) = laws.take("europe") {
        read_purposes(entry, "`europe`", &mut policy.europe, report);
    }
    if let Some(entry) = laws.take("canada") {
        read_purposes(entry, "`canada`", &mut policy.canada, report);
    }
    if let Some(entry) = laws.take("united_states") {
        read_opt_out(entry, &mut policy.us, report);
    }
    permissions(laws.take("global_privacy_control"), &mut policy.gpc, report);
    if let Some(entry) = laws.take("consent_mode")
        && let Some(mut fields) = Fields::of(&entry.node, "`consent_mode`", report)
    {
        for (name, states) in Permissions::NAMES.into_iter().zip(&mut policy.mode) {
            if let Some(entry) = fields.take(name) {
                *states = read_states(&entry.node, report);
            }
        }
        fields.finish(report);
    }
    laws.finish(report);
}

fn read_purposes(entry: &Entry, what: &'static str, into: &mut Purposes, report: &mut Report) {
    let Some(mut fields) = Fields::of(&entry.node, what, report) else { return };
    for (name, sets) in Permissions::NAMES.into_iter().zip(&mut into.opens) {
        if let Some(entry) = fields.take(name) {
            *sets = read_sets(entry, report);
        }
    }
    if let Some(entry) = fields.take("legitimate_interest") {
        into.interest = read_set(&entry.node, &entry.key, report);
        for item in reader::list(&entry.node, "`legitimate_interest`", &mut Report::default()) {
            if let Value::Scalar(number) = &item.value
                && matches!(number.as_str(), "1" | "3" | "4" | "5" | "6")
            {
                report
                    .warning(
                        "consent/interest-ignored",
                        item.span,
                        format!("purpose {number} needs consent: a legitimate interest in it never counts"),
                    )
                    .remedy("leave it out");
            }
        }
    }
    let vendor = fields.take("vendor");
    if let Some(entry) = vendor {
        let id = reader::whole(&entry.node, "vendor", (0, i64::from(u16::MAX)), report);
        into.vendor = id.and_then(|id| u16::try_from(id).ok()).unwrap_or(0);
    }
    into.publisher = fields.truth("publisher", report).unwrap_or(false);
    if let Some(entry) = vendor.filter(|_| into.publisher && into.vendor != 0) {
        report
            .warning(
                "consent/vendor-unread",
                entry.key_span,
                "the vendor is not asked: `publisher: true` reads the publisher's own purposes",
            )
            .remedy("keep one of the two");
    }
    if let Some(entry) = fields.take("purpose_one_unasked") {
        into.unasked = read_country(&entry.node, report);
    }
    fields.finish(report);
}

/// `[1, 2]`, or two such lists in a list: at most two sets, one of which has to be permitted wholly.
fn read_sets(entry: &Entry, report: &mut Report) -> [u32; 2] {
    let what = format!("`{}`", entry.key);
    let items = reader::list(&entry.node, &what, report);
    let nested = |node: &&Node| matches!(node.value, Value::List(_));
    if !items.iter().any(|node| nested(&node)) {
        return [read_set(&entry.node, &entry.key, report), 0];
    }
    let mut sets = [0; 2];
    for (at, item) in items.iter().enumerate() {
        let set = read_set(item, &entry.key, report);
        match sets.get_mut(at) {
            Some(place) => *place = set,
            None => {
                report
                    .error("consent/sets", item.span, format!("{what} has more than two sets of purposes"))
                    .remedy("write at most two: `[[5, 6], [3, 4]]`");
                break;
            }
        }
        if matches!(&item.value, Value::List(purposes) if purposes.is_empty()) {
            report
                .error("consent/sets", item.span, format!("{what} has a set without a purpose, which opens nothing"))
                .remedy(format!("leave it out; `{}: []` never opens", entry.key));
        }
    }
    sets
}

/// Purposes as bits.
fn read_set(node: &Node, what: &str, report: &mut Report) -> u32 {
    let numbers = reader::list(node, &format!("`{what}`"), report).iter();
    let numbers = numbers.filter_map(|item| reader::whole(item, what, PURPOSES, report));
    numbers.fold(0, |bits, number| bits | 1 << number)
}

fn read_country(node: &Node, report: &mut Report) -> [u8; 2] {
    if matches!(node.value, Value::Null) {
        return [0; 2];
    }
    let Some(word) = reader::word(node, "purpose_one_unasked", report) else { return [0; 2] };
    match *word.text.as_bytes() {
        [first @ b'A'..=b'Z', second @ b'A'..=b'Z'] => [first, second],
        _ => {
            report
                .error("consent/country", word.span, format!("`{}` is no country of two capital letters", word.text))
                .remedy("write it as a TC string does, such as `DE`");
            [0; 2]
        }
    }
}

fn read_opt_out(entry: &Entry, into: &mut OptOut, report: &mut Report) {
    let Some(mut fields) = Fields::of(&entry.node, "`united_states`", report) else { return };
    permissions(fields.take("open"), &mut into.open, report);
    permissions(fields.take("sale"), &mut into.sale, report);
    permissions(fields.take("sharing"), &mut into.sharing, report);
    permissions(fields.take("targeted_advertising"), &mut into.targeted, report);
    permissions(fields.take("child"), &mut into.child, report);
    fields.finish(report);
}

fn permissions(entry: Option<&Entry>, into: &mut Permissions, report: &mut Report) {
    if let Some(entry) = entry {
        *into = declaration::permissions(&entry.node, &format!("`{}`", entry.key), report);
    }
}

/// States of Consent Mode as bits.
fn read_states(node: &Node, report: &mut Report) -> u8 {
    let mut bits = 0;
    for word in reader::words(node, "`consent_mode`", report) {
        match Storage::NAMES.iter().position(|name| *name == word.text) {
            Some(bit) => bits |= 1 << bit,
            None => {
                report
                    .error("consent/unknown-state", word.span, format!("Consent Mode has no state `{}`", word.text))
                    .nearest(&word.text, Storage::NAMES);
            }
        }
    }
    bits
}
