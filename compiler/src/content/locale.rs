//! How a language writes a number, and where it puts the sign of a currency.
//!
//! Separators are those of CLDR, by ICU4X. Signs of currencies stand where CLDR's standard pattern has them, from the table below:
//! ICU4X does not format currencies yet.

use icu_decimal::DecimalFormatter;
use icu_decimal::input::Decimal;
use icu_locale_core::Locale;
use iso_currency::Currency;

/// Languages, or languages of a region, that put the sign before the number (CLDR 48, `currencyFormats/standard`), and what stands between.
const BEFORE: [(&str, &str); 22] = [
    ("en", ""),
    ("ja", ""),
    ("zh", ""),
    ("ko", ""),
    ("th", ""),
    ("hi", ""),
    ("id", "\u{a0}"),
    ("ms", "\u{a0}"),
    ("tr", ""),
    ("ga", ""),
    ("cy", ""),
    ("nl", "\u{a0}"),
    ("nb", "\u{a0}"),
    ("pt-BR", "\u{a0}"),
    ("de-AT", "\u{a0}"),
    ("de-CH", "\u{a0}"),
    ("de-LI", "\u{a0}"),
    ("it-CH", "\u{a0}"),
    ("es-MX", ""),
    ("es-US", ""),
    ("es-AR", "\u{a0}"),
    ("es-CO", "\u{a0}"),
];

/// How numbers are written: what stands before, between, behind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Style {
    pub(crate) group: String,
    pub(crate) point: String,
    pub(crate) before: String,
    pub(crate) after: String,
    /// Digits before the point from which on they stand in groups.
    pub(crate) grouped_from: u8,
}

/// The style of a language such as `fr` or `de-CH`; `None` when it is no tag of BCP 47, or its digits are not 0 to 9.
pub(crate) fn style(tag: &str) -> Option<Style> {
    let locale: Locale = tag.parse().ok()?;
    let formatter =
        DecimalFormatter::try_new(locale.into(), icu_decimal::options::DecimalFormatterOptions::default()).ok()?;
    let write = |number: &str| Some(formatter.format(&number.parse::<Decimal>().ok()?).to_string());
    let long = write("12345.6")?;
    let (group, point) = long.strip_prefix("12")?.strip_suffix('6')?.split_once("345")?;
    let grouped_from = if write("1234")?.len() > 4 { 4 } else { 5 };
    Some(Style {
        group: group.to_owned(),
        point: point.to_owned(),
        before: String::new(),
        after: String::new(),
        grouped_from,
    })
}

/// The same with the sign of a currency.
pub(crate) fn money(tag: &str, currency: Currency) -> Option<Style> {
    let style = style(tag)?;
    let sign = currency.symbol().to_string();
    let language = tag.split('-').next().unwrap_or(tag);
    let place =
        BEFORE.iter().find(|(known, _)| *known == tag).or_else(|| BEFORE.iter().find(|(known, _)| *known == language));
    Some(match place {
        Some((_, between)) => Style { before: format!("{sign}{between}"), ..style },
        None => Style { after: format!("\u{a0}{sign}"), ..style },
    })
}

/// Digits behind the point of a currency (ISO 4217), and the currency itself.
pub(crate) fn currency(code: &str) -> Option<(Currency, u8)> {
    let currency = Currency::from_code(code)?;
    Some((currency, u8::try_from(currency.exponent()?).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_writes_numbers_as_its_people_do() {
        let told = |tag: &str| style(tag).map(|style| (style.group, style.point, style.grouped_from));
        let own = |group: &str, point: &str, from: u8| Some((group.to_owned(), point.to_owned(), from));
        assert_eq!(told("en"), own(",", ".", 4));
        assert_eq!(told("de"), own(".", ",", 4));
        assert_eq!(told("fr"), own("\u{202f}", ",", 4));
        assert_eq!(told("es"), own(".", ",", 5));
        assert_eq!(told("de-CH"), own("'", ".", 4));
        assert_eq!(told("no such language"), None);
    }

    #[test]
    fn a_currency_stands_where_the_language_puts_it() {
        let (euro, cents) = currency("EUR").expect("a currency");
        let around = |tag: &str| money(tag, euro).map(|style| (style.before, style.after));
        assert_eq!(cents, 2);
        assert_eq!(around("en"), Some(("€".to_owned(), String::new())));
        assert_eq!(around("fr-FR"), Some((String::new(), "\u{a0}€".to_owned())));
        assert_eq!(around("nl"), Some(("€\u{a0}".to_owned(), String::new())));
        assert_eq!(currency("JPY").map(|(_, digits)| digits), Some(0));
        assert!(currency("ABC").is_none());
    }
}
