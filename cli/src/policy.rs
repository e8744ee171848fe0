//! The policy of consent as a table that a privacy officer can check: a row for each thing that may be said, a column for
//! each permission.

use petitfour::consent::{Permissions, Policy, Purposes, Storage};
use serde::Serialize;

/// A row: what is said, and what that does to each permission.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) signal: String,
    pub(crate) store: String,
    pub(crate) personalise: String,
    pub(crate) measure: String,
    pub(crate) share: String,
}

/// Purposes for which nothing but consent counts, as bits.
const CONSENT_ONLY: u32 = 1 << 1 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6;

/// The rows of a policy, in the order of `docs/consent.md`.
pub(crate) fn rows(policy: &Policy) -> Vec<Row> {
    let mut rows = purposes("Europe (TCF)", "legitimate interest", &policy.europe);
    rows.extend(purposes("Canada (GPP)", "implied consent", &policy.canada));
    let us = &policy.us;
    rows.push(row("United States, before any objection", state(us.open)));
    for (objection, closed) in [
        ("objection to sale", us.sale),
        ("objection to sharing", us.sharing),
        ("objection to targeted advertising", us.targeted),
        ("known child without consent", us.child),
    ] {
        rows.push(row(&format!("  {objection}"), closes(closed)));
    }
    rows.push(row("Global Privacy Control", closes(policy.gpc)));
    for (bit, name) in Storage::NAMES.iter().enumerate() {
        let opens = policy.mode.map(|states| if states >> bit & 1 == 1 { "opens" } else { "-" }.to_owned());
        if opens.iter().any(|cell| cell != "-") {
            rows.push(row(&format!("Consent Mode: {name}"), opens));
        }
    }
    rows.push(row("nobody has spoken", state(policy.otherwise)));
    rows
}

fn purposes(law: &str, interest: &str, purposes: &Purposes) -> Vec<Row> {
    let asked = |sets: &[u32; 2]| match sets.iter().filter(|set| **set != 0).map(|set| all(*set)).collect::<Vec<_>>() {
        said if said.is_empty() => "never".to_owned(),
        said => said.join(", or "),
    };
    let enough = |sets: &[u32; 2]| {
        let counts = sets.iter().fold(0, |bits, set| bits | set) & purposes.interest & !CONSENT_ONLY;
        if counts == 0 { "-".to_owned() } else { numbers(counts).join(", ") }
    };
    let mut whose = match (purposes.publisher, purposes.vendor) {
        (true, _) => "the publisher's purposes".to_owned(),
        (false, 0) => "purposes".to_owned(),
        (false, vendor) => format!("purposes of vendor {vendor}"),
    };
    if purposes.unasked != [0; 2] {
        whose += &format!(" (1 counts as given in {})", String::from_utf8_lossy(&purposes.unasked));
    }
    vec![
        row(&format!("{law}, {whose}"), purposes.opens.each_ref().map(asked)),
        row(&format!("  {interest} is enough for"), purposes.opens.each_ref().map(enough)),
    ]
}

/// `1, 2 and 7`.
fn all(set: u32) -> String {
    let mut numbers = numbers(set);
    let last = numbers.pop().unwrap_or_default();
    if numbers.is_empty() { last } else { format!("{} and {last}", numbers.join(", ")) }
}

fn numbers(set: u32) -> Vec<String> {
    (1..=24).filter(|number| set >> number & 1 == 1).map(|number: u32| number.to_string()).collect()
}

fn state(open: Permissions) -> [String; 4] {
    cells(open, "open", "closed")
}

fn closes(closed: Permissions) -> [String; 4] {
    cells(closed, "closes", "-")
}

fn cells(permissions: Permissions, with: &str, without: &str) -> [String; 4] {
    std::array::from_fn(|bit| if permissions.bits() >> bit & 1 == 1 { with } else { without }.to_owned())
}

fn row(signal: &str, [store, personalise, measure, share]: [String; 4]) -> Row {
    Row { signal: signal.to_owned(), store, personalise, measure, share }
}

/// The rows as lines of text, columns aligned under the names of the permissions.
pub(crate) fn lines(rows: &[Row]) -> Vec<String> {
    let [store, personalise, measure, share] = Permissions::NAMES;
    let head = ["consent", store, personalise, measure, share];
    let body = rows.iter().map(|row| [&row.signal, &row.store, &row.personalise, &row.measure, &row.share]);
    let table: Vec<[&str; 5]> = std::iter::once(head).chain(body.map(|row| row.map(String::as_str))).collect();
    let widths = table.iter().fold([0; 5], |widths: [usize; 5], row| {
        let mut cells = row.iter().map(|cell| cell.chars().count());
        widths.map(|width| width.max(cells.next().unwrap_or(0)))
    });
    let padded = |row: &[&str; 5]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    table.iter().map(padded).collect()
}
