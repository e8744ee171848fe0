//! Segments of second and third parties: whom a provider counts to what, at which price, until when, under which consent.
//!
//! A row without an end or without the permission that it needs is refused: data that was bought is data whose licence
//! runs out, and "no consent needed" is something to say, not to leave out.

use super::{exposure::time, lines::Record};

/// One person's place in one segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// Who says so.
    pub provider: String,
    /// The taxonomy's number in OpenRTB's list (`segtax`): 4 is IAB's audience taxonomy 1.1; 0 is the provider's own.
    pub taxonomy: u32,
    /// The segment's id in it.
    pub segment: String,
    /// The id by which the provider knows the person.
    pub id: String,
    /// What a thousand uses cost, in millionths of `currency`.
    pub price: i64,
    /// ISO 4217; empty when it costs nothing.
    pub currency: String,
    /// Until when it may be used, in Unix ms.
    pub until: i64,
    /// Which permission of the person it needs.
    pub needs: Needs,
    /// The provider's number in TCF's list of vendors, when it needs consent there.
    pub vendor: Option<u16>,
}

/// Which permission something needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// None: facts of a place or a page, not of a person.
    Nothing,
    /// To personalise.
    Personalise,
    /// To share, and to personalise.
    Share,
}

impl Membership {
    /// Reads a record with `provider`, `taxonomy`, `segment`, `id`, `price`, `currency`, `until`, `consent`, `vendor`.
    ///
    /// # Errors
    /// `segment/…` and the name of the column.
    pub fn read(record: &Record) -> Result<Self, &'static str> {
        let text = |name: &str, code| record.get(name).map(str::to_owned).ok_or(code);
        let price = record.get("price").map_or(Some(0), millionths).ok_or("segment/price")?;
        let currency = record.get("currency").unwrap_or_default().to_ascii_uppercase();
        let is_code = currency.len() == 3 && currency.bytes().all(|byte| byte.is_ascii_uppercase());
        if !(is_code || currency.is_empty() && price == 0) {
            return Err("segment/currency");
        }
        let needs = match record.get("consent").ok_or("segment/consent")? {
            "none" => Needs::Nothing,
            "personalise" => Needs::Personalise,
            "share" => Needs::Share,
            _ => return Err("segment/consent"),
        };
        let vendor = record.get("vendor").map(|number| number.parse().map_err(|_| "segment/vendor")).transpose()?;
        Ok(Self {
            provider: text("provider", "segment/provider")?,
            taxonomy: record.get("taxonomy").map_or(Ok(0), str::parse).map_err(|_| "segment/taxonomy")?,
            segment: text("segment", "segment/segment")?,
            id: text("id", "segment/id")?,
            price,
            currency,
            until: record.get("until").and_then(time).ok_or("segment/until")?,
            needs,
            vendor,
        })
    }

    /// May it be used at `now` (Unix ms), given what the person permits?
    #[must_use]
    pub fn usable(&self, now: i64, personalise: bool, share: bool) -> bool {
        let permitted = match self.needs {
            Needs::Nothing => true,
            Needs::Personalise => personalise,
            Needs::Share => personalise && share,
        };
        permitted && now < self.until
    }
}

/// A decimal number as millionths, exactly: `1.25` is 1,250,000. No sign, no exponent, at most six places.
fn millionths(text: &str) -> Option<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || part.len() > 6 || !digits(whole) || !digits(part) {
        return None;
    }
    let part: i64 = format!("{part:0<6}").parse().ok()?;
    whole.parse::<i64>().ok()?.checked_mul(1_000_000)?.checked_add(part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::partner::lines;

    const HEAD: &str = "provider,taxonomy,segment,id,price,currency,until,consent,vendor\n";

    #[test]
    fn a_segment_is_usable_while_it_lasts_and_is_permitted() {
        let file = format!("{HEAD}acme,4,687,u1,1.25,eur,2026-06-01T12:00:00Z,share,755\n");
        let found = lines::collect(file.as_bytes(), Membership::read).unwrap();
        let [row] = found.rows.as_slice() else { panic!("{found:?}") };
        assert_eq!((row.price, row.currency.as_str(), row.taxonomy, row.vendor), (1_250_000, "EUR", 4, Some(755)));
        let end = 1_780_315_200_000;
        assert!(row.usable(end - 1, true, true));
        assert!(!row.usable(end, true, true) && !row.usable(0, true, false) && !row.usable(0, false, true));
    }

    #[test]
    fn what_is_left_out_is_not_guessed() {
        let lines = [
            (",4,687,u1,1,EUR,1780315200,share,", "segment/provider"),
            ("acme,four,687,u1,1,EUR,1780315200,share,", "segment/taxonomy"),
            ("acme,4,687,,1,EUR,1780315200,share,", "segment/id"),
            ("acme,4,687,u1,1e3,EUR,1780315200,share,", "segment/price"),
            ("acme,4,687,u1,-1,EUR,1780315200,share,", "segment/price"),
            ("acme,4,687,u1,1,,1780315200,share,", "segment/currency"),
            ("acme,4,687,u1,1,EUR,,share,", "segment/until"),
            ("acme,4,687,u1,1,EUR,1780315200,,", "segment/consent"),
            ("acme,4,687,u1,1,EUR,1780315200,share,many", "segment/vendor"),
        ];
        let file = format!("{HEAD}{}\n", lines.map(|(line, _)| line).join("\n"));
        let found = lines::collect(file.as_bytes(), Membership::read).unwrap();
        assert_eq!(found.faults.iter().map(|fault| fault.code).collect::<Vec<_>>(), lines.map(|(_, code)| code));
    }
}
