//! Why a creative says what it says: the options that were chosen, and what moved each price.

use super::{Composed, PART, VALUE, ZERO, quote, style};
use crate::catalog::Fill;
use crate::eligibility::Circumstances;
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use serde::Serialize;

/// What a composed creative says, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Said {
    /// The options of its parts, as `part.option`.
    pub options: Vec<String>,
    /// What became of each price in it, in sentences.
    pub prices: Vec<String>,
}

/// Explains what [`compose`](super::compose) made of a creative; `None` where it says the same to everybody.
#[must_use]
pub fn explain(creative: usize, composed: &Composed, given: &Circumstances<'_>) -> Option<Said> {
    let catalog = given.catalog;
    let own = catalog.creative(creative).filter(|own| own.is_composed())?;
    let mut said = Said { options: Vec::new(), prices: Vec::new() };
    let mut texts = Vec::from([own.content()]);
    for number in (0..64).filter(|number| composed.options >> number & 1 == 1) {
        if let Some(option) = catalog.part(own.first_option() + number) {
            said.options.push(catalog.string(option.name()).to_owned());
            texts.push(option.text());
        }
    }
    for text in texts {
        let text = catalog.string_bytes(text).unwrap_or_default();
        for mark in text.windows(3).filter_map(|mark| mark.first_chunk::<3>()).filter(|mark| mark[0] == VALUE) {
            let [high, low] = [mark[1], mark[2]].map(|digit| usize::from(digit.wrapping_sub(ZERO)));
            let fill = catalog.fill(high * 64 + low).filter(|fill| fill.kind() == Fill::PRICE);
            let sentence = fill.and_then(|fill| price(&fill, given));
            said.prices.extend(sentence.filter(|sentence| !said.prices.contains(sentence)));
        }
    }
    Some(said)
}

/// A text with its marks as people read them: `{headline}` for a part, `{still}` for a value.
#[must_use]
pub fn outline(creative: usize, catalog: &crate::catalog::Catalog) -> String {
    let Some(own) = catalog.creative(creative) else { return String::new() };
    let text = catalog.string(own.content());
    let mut letters = text.chars();
    let mut out = String::new();
    let digit =
        |letter: Option<char>| letter.map_or(0, |letter| u32::from(letter).wrapping_sub(u32::from(ZERO)) as usize);
    while let Some(letter) = letters.next() {
        if letter == char::from(PART) {
            let part = digit(letters.next());
            let options = (own.first_option()..).map_while(|at| catalog.part(at));
            let option =
                options.take_while(|option| option.creative() == creative).find(|option| option.part() == part);
            let name = option.map_or("", |option| catalog.string(option.name()));
            out.push_str(&format!("{{{}}}", name.split_once('.').map_or(name, |(part, _)| part)));
        } else if letter == char::from(VALUE) {
            let number = digit(letters.next()).wrapping_mul(64).wrapping_add(digit(letters.next()));
            out.push_str(&format!(
                "{{{}}}",
                catalog.fill(number).map_or_else(String::new, |fill| subject(&fill, catalog))
            ));
        } else {
            out.push(letter);
        }
    }
    out
}

fn subject(fill: &Fill<'_>, catalog: &crate::catalog::Catalog) -> String {
    let name = match fill.kind() {
        Fill::PRICE => catalog.price(fill.subject()).map(|price| price.name()),
        Fill::LEVEL => catalog.stock(fill.subject()).map(|stock| stock.item_name()),
        _ => catalog.attribute(fill.subject()).map(|attribute| attribute.name()),
    };
    name.map_or("", |name| catalog.string(name)).to_owned()
}

fn price(fill: &Fill<'_>, given: &Circumstances<'_>) -> Option<String> {
    let catalog = given.catalog;
    let price = catalog.price(fill.subject())?;
    let name = catalog.string(price.name());
    let Some(quoted) = quote(&price, given) else { return Some(format!("nobody knows the base of {name}")) };
    let money = |amount: i64| {
        let mut text = Vec::new();
        style::number(amount, fill, catalog, &mut text);
        String::from_utf8(text).unwrap_or_default()
    };
    let mut sentence = format!("{name} is {}", money(quoted.amount));
    let moved = [
        (quoted.amount != quoted.base, format!("its base is {}", money(quoted.base))),
        (quoted.is_lowered, "a rival asks less".to_owned()),
        (quoted.is_raised, "it is short".to_owned()),
        (quoted.is_floored, "it does not fall under its floor".to_owned()),
        (quoted.is_capped, "it does not rise over its ceiling".to_owned()),
    ];
    for (place, (_, words)) in moved.iter().filter(|(holds, _)| *holds).enumerate() {
        sentence.push_str(if place == 0 { ": " } else { ", " });
        sentence.push_str(words);
    }
    Some(sentence)
}
