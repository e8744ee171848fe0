//! What a creative says, to this visitor, now: its parts chosen, its values filled in.
//!
//! Most creatives say the same to everybody; their text is taken as it lies. One that is composed has marks in its text:
//! byte 1 and a digit stand for a part, byte 2 and two digits for a value. Numbers are written as the bundle says, and texts
//! are values of the bundle's own files: what a visitor typed is never written into a page.
//!
//! Absent on purpose: markup. What comes out is one JSON object of texts, whoever shows it escapes it as any other.

mod explain;
mod price;
mod style;

pub use explain::{Said, explain, outline};
pub use price::{Quote, quote};

use crate::catalog::{Creative, Fill, Part, Section};
use crate::eligibility::Circumstances;
use crate::hash::below;
use crate::rule;
use alloc::vec::Vec;

/// Bytes of a composed creative; the compiler refuses more, and what is longer is not shown.
pub const MAX_BYTES: usize = 65_536;

/// Stands before the number of a part, one digit.
const PART: u8 = 1;
/// Stands before the number of a value, two digits.
const VALUE: u8 = 2;
/// Digits of these numbers are 64, from this letter on.
const ZERO: u8 = b'0';

/// What came of a creative.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Composed {
    /// A JSON object of texts.
    pub json: Vec<u8>,
    /// Which of its options were chosen: bit n for the n-th.
    pub options: u64,
}

/// Composes a creative; `None` when there is none, or it has grown too long. `inputs` are the values of the attributes.
#[must_use]
pub fn compose(creative: usize, inputs: &[f64], matches: &[u64], given: &Circumstances<'_>) -> Option<Composed> {
    let own = given.catalog.creative(creative)?;
    let mut composer = Composer { creative, own, inputs, matches, given, done: Composed::default() };
    composer.write(own.content(), own.is_composed());
    Some(composer.done).filter(|done| !own.is_composed() || done.json.len() <= MAX_BYTES)
}

struct Composer<'a> {
    creative: usize,
    own: Creative<'a>,
    inputs: &'a [f64],
    matches: &'a [u64],
    given: &'a Circumstances<'a>,
    done: Composed,
}

impl<'a> Composer<'a> {
    /// Writes a text, with its marks or as it lies. That of an option has no parts.
    fn write(&mut self, text: u32, has_parts: bool) {
        let text = self.given.catalog.string_bytes(text).unwrap_or_default();
        let mut rest = text;
        while let Some((letter, after)) = rest.split_first() {
            let digit = |at: usize| usize::from(after.get(at).map_or(0, |digit| digit.wrapping_sub(ZERO)));
            let taken = match *letter {
                PART if has_parts => {
                    if let Some(option) = self.choose(digit(0)) {
                        self.write(option, false);
                    }
                    1
                }
                VALUE => {
                    self.fill(digit(0) * 64 + digit(1));
                    2
                }
                _ => {
                    self.done.json.push(*letter);
                    0
                }
            };
            // A foreign bundle could say one long text a thousand times.
            rest = after.get(taken..).filter(|_| taken == 0 || self.done.json.len() <= MAX_BYTES).unwrap_or_default();
        }
    }

    /// The text of the option that is this visitor's. The first that holds leads, and those with the same conditions share with it by
    /// their weights: each takes the place of those before it with its share among them (weighted reservoir sampling, Chao 1982).
    fn choose(&mut self, part: usize) -> Option<u32> {
        let (mut chosen, mut lead, mut total) = (None, None, 0);
        for number in 0..64 {
            let option = self.given.catalog.part(self.own.first_option() + number as usize);
            let Some(option) = option.filter(|option| option.creative() == self.creative) else { break };
            if option.part() != part
                || option.weight() == 0
                || !self.holds(&option)
                || *lead.get_or_insert(option.group()) != option.group()
            {
                continue;
            }
            total += option.weight();
            let salt = u64::from(self.own.key().0) << 32 | number;
            if below(self.given.unit, salt, total) < option.weight() {
                chosen = Some((number, option.text()));
            }
        }
        let (number, text) = chosen?;
        self.done.options |= 1 << number;
        Some(text)
    }

    fn holds(&self, option: &Part<'_>) -> bool {
        let given = self.given;
        option.excluded() & self.done.options == 0
            && option.condition().is_none_or(|all| rule::any(self.matches, all.start, all.len()))
            && option.stock().is_none_or(|stock| {
                given.levels.refused(given.catalog, stock, given.bins, given.unit, given.moment).is_none()
            })
    }

    /// Writes a value, or what stands for it where nobody knows it.
    fn fill(&mut self, value: usize) {
        let Some(fill) = self.given.catalog.fill(value) else { return };
        if self.written(&fill).is_none() {
            // As it stands: a foreign bundle could have it ask for itself.
            self.done.json.extend_from_slice(self.given.catalog.string_bytes(fill.otherwise()).unwrap_or_default());
        }
    }

    fn written(&mut self, fill: &Fill<'_>) -> Option<()> {
        let given = self.given;
        let (catalog, subject) = (given.catalog, fill.subject());
        let amount = match fill.kind() {
            Fill::PRICE => quote(&catalog.price(subject)?, given)?.amount,
            Fill::LEVEL => given.levels.level(catalog, subject, given.bins, given.moment).ok()?.into(),
            Fill::TEXT => {
                // Bin 1 is every text that the files do not name.
                let bin = usize::from(*given.bins.get(subject)?).checked_sub(2)?;
                let name = catalog.attribute(subject)?.first() as usize + bin;
                let names = catalog.section(Section::DictionaryStrings).as_chunks::<4>().0;
                style::quoted(catalog.string_bytes(u32::from_le_bytes(*names.get(name)?))?, &mut self.done.json);
                return Some(());
            }
            _ => style::whole(*self.inputs.get(subject)?, fill.decimals())?,
        };
        style::number(amount, fill, catalog, &mut self.done.json);
        Some(())
    }
}
