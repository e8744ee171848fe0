//! What the names in texts mean: placeholders meet their prices, feeds and attributes, conditions of options their conjuncts.

use std::collections::BTreeMap;

use petitfour::catalog::Fill;
use petitfour::content::MAX_BYTES;

use super::locale::{self, Style};
use super::price::{Amount, Number, Price};
use super::{Choice, Content, Piece, Placeholder, Template};
use crate::campaign::Stock;
use crate::condition::Resolver;
use crate::declaration::{Kind, Known, Named};
use crate::diagnostic::Report;
use crate::dnf::Conjunct;
use crate::folder::Folder;
use crate::reader::Word;
use crate::source::Span;

/// Most options of one creative: each has a bit.
const MAX_OPTIONS: usize = 64;
/// Most values of a bundle: two digits of 64.
pub(crate) const MAX_VALUES: usize = 64 * 64;
/// Bytes that a number takes at most.
const WIDEST: usize = 64;

/// Where values come from.
const SOURCES: [&str; 4] = ["price", "feed", "context", "trait"];

/// Everything that creatives say, ready to be written.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    /// Of each campaign of the folder its creatives.
    pub(crate) creatives: Vec<Vec<Said>>,
    pub(crate) fallbacks: Vec<Said>,
    pub(crate) prices: Vec<Priced>,
    pub(crate) fills: Vec<Filled>,
    /// Conditions of options, each with its conjuncts.
    pub(crate) conditions: Vec<Vec<Conjunct>>,
    /// Conditions on feeds; of each list all must hold.
    pub(crate) stocks: Vec<Vec<Stock>>,
    /// Texts that attributes must tell apart, because they may be written.
    pub(crate) texts: Vec<(usize, String)>,
    known: BTreeMap<(u8, usize, u8, Style, String), usize>,
}

/// What a creative says.
#[derive(Debug, Default)]
pub(crate) struct Said {
    pub(crate) json: String,
    pub(crate) is_composed: bool,
    pub(crate) options: Vec<Optional>,
}

/// An option of a part; indices are those of [`Contents`].
#[derive(Debug)]
pub(crate) struct Optional {
    pub(crate) part: u16,
    pub(crate) weight: u16,
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) condition: Option<usize>,
    pub(crate) stock: Option<usize>,
    pub(crate) excluded: u64,
}

/// A value in a text.
#[derive(Debug)]
pub(crate) struct Filled {
    pub(crate) kind: u8,
    /// Index of the price, of the list of stock conditions, or of the attribute.
    pub(crate) subject: usize,
    pub(crate) decimals: u8,
    /// Its signs as they stand within a JSON string.
    pub(crate) style: Style,
    pub(crate) otherwise: String,
}

/// A price whose amounts are whole.
#[derive(Debug, Default)]
pub(crate) struct Priced {
    /// Indices of lists of stock conditions.
    pub(crate) stocks: [Option<usize>; 4],
    pub(crate) base: i32,
    pub(crate) floor: i32,
    pub(crate) ceiling: i32,
    pub(crate) undercut: i32,
    pub(crate) margin: u32,
    pub(crate) surge: u32,
    pub(crate) step: i32,
}

impl Contents {
    pub(crate) fn resolve<'a>(folder: &'a Folder, resolver: &mut Resolver<'a>, report: &mut Report) -> Self {
        let mut contents = Self::default();
        for price in &folder.prices {
            contents.price(price, folder, report);
        }
        for campaign in &folder.campaigns {
            let said = campaign.creatives.iter();
            let said = said.map(|own| contents.say(&own.item.content, own.span, folder, resolver, report)).collect();
            contents.creatives.push(said);
        }
        for fallback in &folder.fallbacks {
            let said = contents.say(&fallback.item, fallback.span, folder, resolver, report);
            contents.fallbacks.push(said);
        }
        contents
    }

    fn price(&mut self, price: &Named<Price>, folder: &Folder, report: &mut Report) {
        let Some(word) = &folder.currency else {
            report
                .error("price/no-currency", price.span, "no file says in which currency prices are")
                .remedy("add a line such as `currency: EUR` beside `version`");
            return;
        };
        let digits = locale::currency(&word.text).map(|(_, digits)| digits);
        let Some(digits) = digits else {
            report
                .error("price/currency", word.span, format!("`{}` is no currency with decimals of its own", word.text))
                .remedy("write its three letters of ISO 4217, such as `EUR`");
            return;
        };
        let item = &price.item;
        let mut units = |number: Option<Number>, otherwise: i32| match number {
            Some(number) => units(number, digits, report).unwrap_or(otherwise),
            None => otherwise,
        };
        let plain = |amount: &Amount| match amount {
            Amount::Number(number) => Some(*number),
            Amount::Feed(..) => None,
        };
        let (base, floor) = (units(plain(&item.base), 0), units(item.floor.as_ref().and_then(plain), 0));
        let ceiling = units(item.ceiling, i32::MAX);
        let undercut = units(item.rival.as_ref().and_then(|(_, by)| *by), 0);
        let step = units(item.step, 1).max(1);
        let mut fed = |amount: Option<&Amount>| match amount {
            Some(Amount::Feed(stock, times)) => (Some(self.stock(vec![stock.clone()])), *times),
            _ => (None, 10_000),
        };
        let ((base_stock, _), (floor_stock, margin)) = (fed(Some(&item.base)), fed(item.floor.as_ref()));
        let rival = item.rival.as_ref().map(|(stock, _)| self.stock(vec![stock.clone()]));
        let short = item.short.as_ref().map(|(stock, _)| self.stock(vec![stock.clone()]));
        let surge = item.short.as_ref().map_or(10_000, |(_, times)| *times);
        let stocks = [base_stock, floor_stock, rival, short];
        if let (Some(Amount::Number(floor_at)), true) = (&item.floor, floor > ceiling) {
            report.error("price/floor-over-ceiling", floor_at.span, "the floor is above the ceiling");
        }
        self.prices.push(Priced { stocks, base, floor, ceiling, undercut, margin, surge, step });
    }

    fn stock(&mut self, all: Vec<Stock>) -> usize {
        self.stocks.push(all);
        self.stocks.len() - 1
    }

    fn say<'a>(
        &mut self,
        content: &'a Content,
        span: Span,
        folder: &'a Folder,
        resolver: &mut Resolver<'a>,
        report: &mut Report,
    ) -> Said {
        let tag = content.locale.as_ref().map_or("en", |word| word.text.as_str());
        if let Some(word) = content.locale.as_ref().filter(|_| locale::style(tag).is_none()) {
            report
                .error("creative/locale", word.span, format!("`{tag}` is no language whose numbers are known"))
                .remedy("write a tag of BCP 47 such as `fr` or `de-CH`");
        }
        let mut said = Said { json: "{".to_owned(), ..Said::default() };
        let mut size = 2;
        let key = |json: &mut String, name: &str| {
            if json.len() > 1 {
                json.push(',');
            }
            json.push_str(&serde_json::Value::from(name).to_string());
            json.push_str(":\"");
        };
        for (name, text) in &content.fields {
            key(&mut said.json, name);
            let (written, longest) = self.text(text, tag, folder, resolver, report);
            said.json.push_str(&written);
            said.json.push('"');
            said.is_composed |= text.placeholders().next().is_some();
            size += name.len() + 6 + longest;
        }
        let count: usize = content.parts.iter().map(|part| part.item.len()).sum();
        if count > MAX_OPTIONS || content.parts.len() > MAX_OPTIONS {
            report.error("creative/size", span, format!("{count} options; a creative holds {MAX_OPTIONS}"));
            return said;
        }
        for (number, part) in content.parts.iter().enumerate() {
            key(&mut said.json, &part.name);
            said.json.push('\u{1}');
            said.json.push(digit(number));
            said.json.push('"');
            said.is_composed = true;
            let mut longest = 0;
            for option in &part.item {
                let (text, bytes) = self.text(&option.item.text, tag, folder, resolver, report);
                longest = longest.max(bytes);
                let condition = option.item.when.as_ref().and_then(|when| {
                    let formula = resolver.formula(when, report)?;
                    resolver.can_match(&formula, option.span, &option.name, report).then_some(())?;
                    Some(self.condition(formula.conjuncts().ok()?))
                });
                let stock = (!option.item.stock.is_empty()).then(|| {
                    let known = self.stocks.iter().position(|all| same(all, &option.item.stock));
                    known.unwrap_or_else(|| self.stock(option.item.stock.clone()))
                });
                said.options.push(Optional {
                    part: u16::try_from(number).unwrap_or(0),
                    weight: option.item.weight,
                    name: format!("{}.{}", part.name, option.name),
                    text,
                    condition,
                    stock,
                    excluded: 0,
                });
            }
            size += part.name.len() + 6 + longest;
        }
        said.json.push('}');
        exclude(content, &mut said.options, report);
        content.parts.iter().for_each(|part| check_part(part, &said.options, report));
        if said.is_composed && size > MAX_BYTES {
            report.error(
                "creative/size",
                span,
                format!("it may grow to {size} bytes; a composed creative has {MAX_BYTES}"),
            );
        }
        said
    }

    fn condition(&mut self, conjuncts: Vec<Conjunct>) -> usize {
        let known = self.conditions.iter().position(|known| *known == conjuncts);
        known.unwrap_or_else(|| {
            self.conditions.push(conjuncts);
            self.conditions.len() - 1
        })
    }

    /// A text as it stands within a JSON string, with marks; and how many bytes it may become.
    fn text<'a>(
        &mut self,
        text: &Template,
        tag: &str,
        folder: &'a Folder,
        resolver: &mut Resolver<'a>,
        report: &mut Report,
    ) -> (String, usize) {
        let (mut written, mut longest) = (String::new(), 0);
        for piece in &text.pieces {
            match piece {
                Piece::Text(text) => {
                    let text = escaped(text);
                    longest += text.len();
                    written.push_str(&text);
                }
                Piece::Value(placeholder) => {
                    longest += WIDEST.max(placeholder.default.as_ref().map_or(0, String::len) * 6);
                    if let Some(filled) = self.fill(placeholder, tag, folder, resolver, report) {
                        let number = self.value(filled);
                        written.extend(['\u{2}', digit(number / 64), digit(number % 64)]);
                    }
                }
            }
        }
        (written, longest)
    }

    fn value(&mut self, filled: Filled) -> usize {
        let Filled { kind, subject, decimals, ref style, ref otherwise, .. } = filled;
        let next = self.fills.len();
        let number = *self.known.entry((kind, subject, decimals, style.clone(), otherwise.clone())).or_insert(next);
        if number == next {
            self.fills.push(filled);
        }
        number
    }

    fn fill<'a>(
        &mut self,
        placeholder: &Placeholder,
        tag: &str,
        folder: &'a Folder,
        resolver: &mut Resolver<'a>,
        report: &mut Report,
    ) -> Option<Filled> {
        let name = &placeholder.name;
        let text = name.text.as_str();
        let no_source = |what: &str, known: Vec<&str>, report: &mut Report| {
            report.error("creative/no-source", name.span, format!("there is no {what} `{text}`")).nearest(text, known);
        };
        let mut style = locale::style(tag).or_else(|| locale::style("en"))?;
        let mut decimals = placeholder.decimals.unwrap_or(0);
        let (kind, subject) = match placeholder.source.as_str() {
            "price" => {
                let Some(at) = folder.prices.iter().position(|price| price.name == text) else {
                    no_source("price", names(&folder.prices), report);
                    return None;
                };
                let (currency, digits) = locale::currency(&folder.currency.as_ref()?.text)?;
                style = locale::money(tag, currency).unwrap_or(style);
                decimals = digits;
                (Fill::PRICE, at)
            }
            "feed" => {
                let (feed, item) = text.split_once('.').unwrap_or((text, ""));
                if !folder.feeds.iter().any(|known| known.name == feed) || item.is_empty() {
                    no_source("feed and item", names(&folder.feeds), report);
                    return None;
                }
                let word = |text: &str| Word { text: text.to_owned(), span: name.span };
                let stock = vec![Stock::of(word(feed), word(item), 0)];
                let known = self.stocks.iter().position(|all| same(all, &stock));
                (Fill::LEVEL, known.unwrap_or_else(|| self.stock(stock)))
            }
            "context" | "trait" => {
                let is_trait = placeholder.source == "trait";
                let declared = if is_trait { &folder.traits } else { &folder.context };
                let Some(known) = declared.iter().find(|known| known.name == text) else {
                    no_source(if is_trait { "trait" } else { "context value" }, names(declared), report);
                    return None;
                };
                let Known { kind, values } = &known.item;
                let attribute = if is_trait {
                    resolver.attributes.of_trait(text, *kind)
                } else {
                    resolver.attributes.context(text, *kind)
                };
                if *kind == Kind::Text {
                    if values.is_empty() {
                        report
                            .error(
                                "creative/free-text",
                                name.span,
                                format!("`{text}` may be any text, and no text that a visitor gives is written"),
                            )
                            .remedy("list its values where it is declared: `values: [...]`")
                            .related(known.span, "declared here");
                    }
                    self.texts.extend(values.iter().map(|value| (attribute, value.text.clone())));
                }
                (if *kind == Kind::Text { Fill::TEXT } else { Fill::NUMBER }, attribute)
            }
            other => {
                report
                    .error("creative/no-source", name.span, format!("values do not come from `{other}`"))
                    .nearest(other, SOURCES);
                return None;
            }
        };
        let constant = kind == Fill::PRICE
            && folder.prices.get(subject).is_some_and(|price| matches!(price.item.base, Amount::Number(_)));
        let otherwise = match &placeholder.default {
            Some(text) => escaped(text),
            None if constant => String::new(),
            None => {
                report
                    .error(
                        "creative/no-default",
                        placeholder.span,
                        format!("what stands for `{}.{text}` where nobody knows it?", placeholder.source),
                    )
                    .remedy(format!("write `{{{{ {}.{text} | default: \"...\" }}}}`", placeholder.source));
                return None;
            }
        };
        for sign in [&mut style.before, &mut style.group, &mut style.point, &mut style.after] {
            *sign = escaped(sign);
        }
        Some(Filled { kind, subject, decimals, style, otherwise })
    }
}

/// A text as it stands within the quotes of JSON.
fn escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted.get(1..quoted.len() - 1).unwrap_or_default().to_owned()
}

/// A digit of the numbers behind marks.
fn digit(number: usize) -> char {
    char::from(b'0' + u8::try_from(number % 64).unwrap_or(0))
}

fn names<T>(all: &[Named<T>]) -> Vec<&str> {
    all.iter().map(|named| named.name.as_str()).collect()
}

fn same(one: &[Stock], other: &[Stock]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| one.asks_as(other))
}

/// An amount in the currency's smallest unit.
fn units(number: Number, digits: u8, report: &mut Report) -> Option<i32> {
    let units = number.number * 10f64.powi(digits.into());
    let is_whole = (units - units.round()).abs() < 1e-6;
    if !is_whole || !(0.0..=f64::from(i32::MAX)).contains(&units) {
        report
            .error("price/amount", number.span, format!("`{}` is no amount of the currency", number.number))
            .remedy(format!("write a number that is not negative, with at most {digits} decimals"));
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "whole and within i32, checked above")]
    Some(units.round() as i32)
}

/// Which options do not stand beside each other, both ways.
fn exclude(content: &Content, options: &mut [Optional], report: &mut Report) {
    let all: Vec<&Named<Choice>> = content.parts.iter().flat_map(|part| &part.item).collect();
    let mut pairs = Vec::new();
    for (at, option) in all.iter().enumerate() {
        for word in &option.item.not_with {
            let other = options.iter().position(|other| other.name == word.text);
            let part = options.get(at).map(|own| own.part);
            match other {
                Some(other) if options.get(other).map(|own| own.part) != part => pairs.push((at, other)),
                Some(_) => {
                    report
                        .error("creative/same-part", word.span, format!("`{}` is of the same part", word.text))
                        .remedy("of a part only one option is chosen anyway");
                }
                None => {
                    report
                        .error("creative/unknown-option", word.span, format!("there is no option `{}`", word.text))
                        .nearest(&word.text, options.iter().map(|own| own.name.as_str()));
                }
            }
        }
    }
    for (one, other) in pairs {
        for (own, bit) in [(one, other), (other, one)] {
            if let Some(option) = options.get_mut(own) {
                option.excluded |= 1 << bit;
            }
        }
    }
}

/// A part for which some visitor would get nothing, and options that nobody gets.
fn check_part(part: &Named<Vec<Named<Choice>>>, options: &[Optional], report: &mut Report) {
    let resolved =
        |option: &Named<Choice>| options.iter().find(|own| own.name == format!("{}.{}", part.name, option.name));
    let holds_always = |option: &Named<Choice>| {
        let plain = option.item.when.is_none() && option.item.stock.is_empty() && option.item.weight > 0;
        plain && resolved(option).is_some_and(|own| own.excluded == 0)
    };
    let Some(first) = part.item.iter().position(holds_always) else {
        if !part.item.is_empty() {
            report
                .error("creative/open-part", part.span, format!("somebody may get no `{}` at all", part.name))
                .remedy("add an option with neither `when`, `stock` nor `not_with`, and not named in one");
        }
        return;
    };
    for (at, option) in part.item.iter().enumerate() {
        if at > first && (option.item.when.is_some() || !option.item.stock.is_empty()) {
            report
                .warning(
                    "creative/unseen",
                    option.span,
                    format!("nobody gets `{}`: an option before it always holds", option.name),
                )
                .remedy("put it first: the first option that holds leads");
        } else if option.item.weight == 0 {
            report
                .warning("creative/unseen", option.span, format!("nobody gets `{}`: its weight is 0", option.name))
                .remedy("take it out, or give it a weight");
        }
    }
}
