//! Exposures that partners report: who saw what, where and when, by the partner's ids.
//!
//! One row is one exposure. A partner that gives each of them a number is believed; without one, what is the same in
//! every respect is the same exposure, so a file that is sent twice counts once.

use petitfour::identity::Digest;

use super::lines::Record;

/// Somebody saw something at a partner's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exposure {
    /// What a repeat is known by, within the partner.
    pub key: String,
    /// The partner's id of the person.
    pub id: String,
    /// What was seen.
    pub campaign: String,
    /// Which form of it; may be empty.
    pub creative: String,
    /// Where: a site, a channel, a screen; may be empty.
    pub place: String,
    /// When, in Unix ms.
    pub at: i64,
}

/// What columns are called in a partner's file.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Columns {
    /// The partner's id of the person.
    pub id: String,
    /// The campaign.
    pub campaign: String,
    /// The creative.
    pub creative: String,
    /// The place.
    pub place: String,
    /// The time.
    pub at: String,
    /// The exposure's own number.
    pub key: String,
}

impl Default for Columns {
    fn default() -> Self {
        let named = |name: &str| name.to_owned();
        Self {
            id: named("id"),
            campaign: named("campaign"),
            creative: named("creative"),
            place: named("place"),
            at: named("at"),
            key: named("exposure"),
        }
    }
}

impl Exposure {
    /// Reads a record.
    ///
    /// # Errors
    /// `exposure/id`, `exposure/campaign`, `exposure/time`.
    pub fn read(record: &Record, columns: &Columns) -> Result<Self, &'static str> {
        let text = |name: &str| record.get(name).map(str::to_owned);
        let id = text(&columns.id).ok_or("exposure/id")?;
        let campaign = text(&columns.campaign).ok_or("exposure/campaign")?;
        let at = record.get(&columns.at).and_then(time).ok_or("exposure/time")?;
        let (creative, place) = (text(&columns.creative).unwrap_or_default(), text(&columns.place).unwrap_or_default());
        let key = text(&columns.key).unwrap_or_else(|| {
            Digest::of([id.as_str(), &campaign, &creative, &place, &at.to_string()].join("\n")).hex()
        });
        Ok(Self { key, id, campaign, creative, place, at })
    }
}

/// A time: RFC 3339, Unix seconds or Unix ms. Numbers beyond the year 5138 in seconds are ms.
pub(super) fn time(text: &str) -> Option<i64> {
    if let Ok(number) = text.parse::<i64>() {
        return match number {
            1..100_000_000_000 => Some(number * 1000),
            100_000_000_000.. => Some(number),
            _ => None,
        };
    }
    // Logs write a space where the standard has a T, and leave out UTC.
    let text = text.replacen(' ', "T", 1);
    let time = text.parse::<jiff::Timestamp>().or_else(|_| format!("{text}Z").parse()).ok()?;
    Some(time.as_millisecond()).filter(|ms| *ms > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::partner::lines::{self, Fault};

    fn read(text: &str, columns: &Columns) -> lines::Found<Exposure> {
        lines::collect(text.as_bytes(), |record| Exposure::read(record, columns)).unwrap()
    }

    #[test]
    fn times_are_read_as_logs_write_them() {
        let noon = Some(1_780_315_200_000);
        for text in
            ["1780315200", "1780315200000", "2026-06-01T12:00:00Z", "2026-06-01 14:00:00+02:00", "2026-06-01 12:00:00"]
        {
            assert_eq!(time(text), noon, "{text}");
        }
        for text in ["yesterday", "-1", "0", "", "2026-13-01T00:00:00Z"] {
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn the_same_line_twice_is_one_exposure_and_a_number_of_its_own_counts_more() {
        let found = read("id,campaign,at\nu1,c1,1780315200\nu1,c1,1780315200\nu1,c1,1780315201\n", &Columns::default());
        assert_eq!(found.rows[0].key, found.rows[1].key);
        assert_ne!(found.rows[0].key, found.rows[2].key);
        let own = Columns { key: "impression_id".into(), id: "ramp_id".into(), ..Columns::default() };
        let found = read("ramp_id,campaign,at,impression_id\nu1,c1,1780315200,i-9\n", &own);
        assert_eq!((found.rows[0].key.as_str(), found.rows[0].id.as_str()), ("i-9", "u1"));
    }

    #[test]
    fn what_is_missing_is_a_fault_of_its_line() {
        let found = read("id,campaign,at\n,c,1\nu,,1\nu,c,never\n", &Columns::default());
        let codes: Vec<_> = found.faults.iter().map(|Fault { line, code }| (*line, *code)).collect();
        assert_eq!(codes, [(2, "exposure/id"), (3, "exposure/campaign"), (4, "exposure/time")]);
    }
}
