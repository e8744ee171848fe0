//! Bits back to words: which values of an attribute a conjunct accepts, as a marketer would say it.

use petitfour::catalog::{Attribute, Catalog, Section, Source};
use petitfour::time::Moment;

/// A moment as the visitor's clock shows it, with its offset: `2026-06-03 09:00 +02:00`.
pub(crate) fn moment(moment: Moment) -> String {
    let offset = i64::from(moment.offset_minutes);
    let local = i64::try_from(moment.now.0).unwrap_or(i64::MAX).saturating_add(offset * 60_000);
    let date = petitfour_compiler::date(local);
    let clock = if date.contains(':') { "" } else { " 00:00" };
    let (sign, minutes) = (if offset < 0 { '-' } else { '+' }, offset.abs());
    format!("{date}{clock} {sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

/// The conditions of one conjunct, an AND of sentences.
pub(crate) fn conjunct(catalog: &Catalog, number: usize) -> Vec<String> {
    let mut sentences = Vec::new();
    for attribute in catalog.attributes() {
        let bins = 0..u16::try_from(attribute.bins()).unwrap_or(u16::MAX);
        let rows: Option<Vec<_>> = bins.map(|bin| catalog.bin_row(&attribute, bin)).collect();
        let Some(rows) = rows else { continue };
        let accepted: Vec<bool> = rows.into_iter().map(|row| bit(row, number)).collect();
        if accepted.iter().all(|accepted| *accepted) {
            continue;
        }
        sentences.push(sentence(catalog, &attribute, &accepted));
    }
    sentences
}

/// Bit `number` of a row.
pub(crate) fn bit(row: &[[u8; 8]], number: usize) -> bool {
    row.get(number / 64).is_some_and(|word| u64::from_le_bytes(*word) >> (number % 64) & 1 == 1)
}

fn sentence(catalog: &Catalog, attribute: &Attribute<'_>, accepted: &[bool]) -> String {
    let name = subject(catalog, attribute);
    let (missing, present) = accepted.split_first().map_or((false, accepted), |(missing, rest)| (*missing, rest));
    // Counters, strengths and the clock are never missing, so nothing is said of it.
    let can_miss = matches!(attribute.source(), Source::Context | Source::Trait | Source::Recency | Source::Member);
    if attribute.source() == Source::Member {
        // Bins: missing, below 1 (out), from 1 on (in).
        let is = if present.last().copied().unwrap_or(false) { "is" } else { "is not" };
        return format!("{is} {name}{}", if missing { ", or was never told" } else { "" });
    }
    let known = if present.iter().all(|accepted| *accepted) {
        "is known".to_owned()
    } else if !present.iter().any(|accepted| *accepted) {
        return format!("{name} is unknown");
    } else if attribute.is_text() {
        texts(catalog, attribute, present)
    } else {
        numbers(catalog, attribute, present)
    };
    let or_missing = if missing && can_miss { ", or unknown" } else { "" };
    format!("{name} {known}{or_missing}")
}

/// One bin of an attribute, without the attribute's name where that can be: `at least 25`, `is sunny`, `is unknown`.
pub(crate) fn bin(catalog: &Catalog, attribute: &Attribute<'_>, bin: u16) -> String {
    let bins = 0..u16::try_from(attribute.bins()).unwrap_or(u16::MAX);
    let accepted: Vec<bool> = bins.map(|other| other == bin).collect();
    let whole = sentence(catalog, attribute, &accepted);
    let name = subject(catalog, attribute);
    whole.strip_prefix(&name).map_or_else(|| whole.clone(), |rest| rest.trim_start().to_owned())
}

/// What an attribute is about.
pub(crate) fn subject(catalog: &Catalog, attribute: &Attribute<'_>) -> String {
    let name = catalog.string(attribute.name());
    match attribute.source() {
        Source::Trait => format!("trait {name}"),
        Source::Affinity => format!("interest in {name}"),
        Source::Recency => name.replacen("hours since", "last", 1),
        _ => name.to_owned(),
    }
}

/// Text values of an attribute that the bundle names.
pub(crate) fn values<'a>(catalog: &'a Catalog, attribute: &Attribute<'_>) -> Vec<&'a str> {
    let all = catalog.section(Section::DictionaryStrings).as_chunks::<4>().0;
    let first = attribute.first() as usize;
    let own = all.get(first..first.saturating_add(attribute.count() as usize)).unwrap_or(&[]);
    own.iter().map(|number| catalog.string(u32::from_le_bytes(*number))).collect()
}

fn texts(catalog: &Catalog, attribute: &Attribute<'_>, present: &[bool]) -> String {
    let others = present.first().copied().unwrap_or(false);
    let named = values(catalog, attribute);
    let listed = named.iter().zip(present.iter().skip(1)).filter(|(_, accepted)| **accepted != others);
    let mut listed: Vec<&str> = listed.map(|(name, _)| *name).collect();
    listed.sort_unstable();
    let negation = if others { "is not " } else { "is " };
    format!("{negation}{}", listed.join(if others { " and not " } else { " or " }))
}

/// Runs of accepted bins as ranges between the borders.
fn numbers(catalog: &Catalog, attribute: &Attribute<'_>, present: &[bool]) -> String {
    let borders: Vec<f64> = catalog.borders(attribute).iter().map(|border| f64::from_le_bytes(*border)).collect();
    let mut ranges: Vec<(Option<f64>, Option<f64>)> = Vec::new();
    let mut open: Option<Option<f64>> = None;
    // Bin 1 lies below the first border, so the border before bin `at + 1` is the one before `at`.
    for (at, accepted) in present.iter().enumerate() {
        let border = at.checked_sub(1).and_then(|at| borders.get(at)).copied();
        match (open, accepted) {
            (None, true) => open = Some(border),
            (Some(least), false) => {
                ranges.push((least, border));
                open = None;
            }
            _ => {}
        }
    }
    if let Some(least) = open {
        ranges.push((least, None));
    }
    let said: Vec<String> = ranges.into_iter().map(|(least, end)| range(attribute, least, end)).collect();
    said.join(" or ")
}

fn range(attribute: &Attribute<'_>, least: Option<f64>, end: Option<f64>) -> String {
    let number = |value: f64| unit(attribute, value);
    let whole = matches!(attribute.source(), Source::Count | Source::Recency | Source::Moment | Source::Visits);
    let next = |value: f64| if whole { value + 1.0 } else { value.next_up() };
    if let (Some(least), Some(end)) = (least, end)
        && end == next(least)
    {
        return format!("is {}", number(least));
    }
    // A border is written where it was: "more than 3" is stored as the next number above 3.
    let least = least.map(|least| match plainer(least) {
        true => format!("more than {}", number(least.next_down())),
        false => format!("at least {}", number(least)),
    });
    let end = end.map(|end| match plainer(end) {
        _ if whole => format!("at most {}", number(end - 1.0)),
        true => format!("at most {}", number(end.next_down())),
        false => format!("less than {}", number(end)),
    });
    least.into_iter().chain(end).collect::<Vec<_>>().join(" and ")
}

/// Whether the number just below is the one that somebody wrote, or is told as 0.
fn plainer(border: f64) -> bool {
    (border > 0.0 && border < NOTHING) || border.next_down().to_string().len() < border.to_string().len()
}

/// A number with the unit in which people say it.
pub(crate) fn unit(attribute: &Attribute<'_>, value: f64) -> String {
    match (attribute.source(), attribute.argument()) {
        (Source::Affinity | Source::Worth, _) => shown(value / 1_000.0),
        (Source::Recency, _) if value % 24.0 == 0.0 && value > 24.0 => format!("{} days ago", value / 24.0),
        (Source::Recency, _) => format!("{value} hours ago"),
        (Source::Count, _) if value == 1.0 => "once".to_owned(),
        (Source::Count, _) => format!("{value} times"),
        _ => shown(value),
    }
}

/// A number that is told as 0.
const NOTHING: f64 = 1e-12;

/// As people write it: a border of a trained model stands halfway between two numbers of single precision, or at the least number that LightGBM
/// tells from 0 (1e-35), and the digits beyond the ninth are of nobody's interest.
fn shown(value: f64) -> String {
    if value.abs() < NOTHING {
        return "0".to_owned();
    }
    let digits = 8 - value.abs().log10().floor() as i32;
    let Ok(digits) = usize::try_from(digits) else { return value.to_string() };
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_people_write_them() {
        let told = [0.0, 1e-35, -1e-35, 25.0, 0.1, 4.859_499_931_335_449, 63_973.522_23, 1_234_567_890_123.0, -2.5];
        let wanted = ["0", "0", "0", "25", "0.1", "4.85949993", "63973.5222", "1234567890123", "-2.5"];
        assert_eq!(told.map(shown), wanted);
    }
}
