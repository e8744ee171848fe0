//! What a field says once case, accents, punctuation and format are gone.
//!
//! Each parser answers `None` for a field that says nothing (empty, `null`, `n/a`, a date without digits): what is
//! missing is no evidence, neither for nor against. Wrong values are kept as they are, since a month 71 is a typing
//! error that still agrees in seven digits.

use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

/// A person's name as far as its columns tell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    /// Given name, or the only name there is.
    pub given: String,
    /// Family name; several words are joined by a space.
    pub surname: String,
    /// Every other name of the record: middle names, parts of a title of nobility.
    pub others: Vec<String>,
}

/// A date of birth as eight digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Date {
    /// Year.
    pub year: u16,
    /// Month as written, 0 where there is none; may exceed 12.
    pub month: u8,
    /// Day as written, 0 where there is none; may exceed 31.
    pub day: u8,
}

/// The order of numbers in `3/4/1990`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateOrder {
    /// Day before month.
    DayFirst,
    /// Month before day.
    MonthFirst,
}

/// One field, ready to be compared.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Value {
    /// Names of a record.
    Name(Name),
    /// Date of birth.
    Date(Date),
    /// E-mail address: local part, domain.
    Email(String, String),
    /// Letters and digits alone: phone, postcode, number.
    Code(String),
    /// Words.
    Text(String),
}

/// What people and programs write where they know nothing.
const NOTHING: &[&str] = &["", "null", "none", "nan", "n/a", "nil", "unknown", "undefined", "-", "--", "?", "."];

/// Words before and after a name that are no name. Titles of nobility stay where they are rare enough to tell people
/// apart: frequencies see to the common ones.
const TITLES: &[&str] = &[
    "sir",
    "mr",
    "mrs",
    "ms",
    "miss",
    "dr",
    "prof",
    "professor",
    "lord",
    "lady",
    "dame",
    "rev",
    "reverend",
    "hon",
    "jr",
    "sr",
    "esq",
    "bart",
    "baronet",
    "bt",
    "of",
    "the",
    "and",
];

/// Lower case, no accents, single spaces; `None` when nothing is said.
pub fn fold(text: &str) -> Option<String> {
    let mut folded = String::with_capacity(text.len());
    for c in text.nfd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase) {
        if c.is_whitespace() {
            if !folded.ends_with(' ') && !folded.is_empty() {
                folded.push(' ');
            }
        } else {
            folded.push(c);
        }
    }
    folded.truncate(folded.trim_end().len());
    (!NOTHING.contains(&folded.as_str())).then_some(folded)
}

/// Words of letters and digits; an apostrophe joins.
pub fn words(text: &str) -> Vec<String> {
    let Some(folded) = fold(text) else { return Vec::new() };
    let joined: String = folded.chars().filter(|c| !matches!(c, '\'' | '’' | '`')).collect();
    joined.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Words joined by spaces.
pub fn text(field: &str) -> Option<Value> {
    let words = words(field);
    (!words.is_empty()).then(|| Value::Text(words.join(" ")))
}

/// Letters and digits alone.
pub fn code(field: &str) -> Option<Value> {
    let kept: String = fold(field)?.chars().filter(|c| c.is_alphanumeric()).collect();
    // Zeroes and nines alone stand for "none" in every system that demands a number.
    let filler = kept.len() > 3 && (kept.chars().all(|c| c == '0') || kept.chars().all(|c| c == '9'));
    (!kept.is_empty() && !filler).then_some(Value::Code(kept))
}

/// The last nine digits of a phone number: country and trunk prefixes are written in too many ways.
pub fn phone(field: &str) -> Option<Value> {
    let digits: Vec<char> = field.chars().filter(char::is_ascii_digit).collect();
    let from = digits.len().saturating_sub(9);
    let last: String = digits.iter().skip(from).collect();
    (last.len() >= 5 && last.chars().any(|c| c != '0')).then_some(Value::Code(last))
}

/// A gender by its first letter where that says all.
pub fn gender(field: &str) -> Option<Value> {
    let folded = fold(field)?;
    Some(Value::Text(match folded.as_str() {
        "m" | "male" | "man" => "male".to_owned(),
        "f" | "female" | "woman" => "female".to_owned(),
        _ => folded,
    }))
}

/// Local part and domain, without what follows a `+`.
pub fn email(field: &str) -> Option<Value> {
    let folded: String = fold(field)?.chars().filter(|c| !c.is_whitespace()).collect();
    let (local, domain) = folded.rsplit_once('@').unwrap_or((&folded, ""));
    let local = local.split('+').next().unwrap_or_default();
    (!local.is_empty()).then(|| Value::Email(local.to_owned(), domain.to_owned()))
}

/// A date of birth. Years have four digits; month and day may be missing or wrong.
pub fn date(field: &str, order: DateOrder) -> Option<Value> {
    let parts = date_parts(field)?;
    let number = |text: &str| text.parse::<u16>().ok();
    let (year, month, day) = match parts.as_slice() {
        [all] if all.len() == 8 => {
            let (head, tail) = (all.get(..4)?, all.get(4..)?);
            let year_first = matches!(number(head)?, 1300..=2199);
            if year_first || !matches!(number(tail)?, 1300..=2199) {
                (number(head)?, number(tail.get(..2)?)?, number(tail.get(2..)?)?)
            } else {
                let (a, b) = (number(head.get(..2)?)?, number(head.get(2..)?)?);
                if order == DateOrder::DayFirst { (number(tail)?, b, a) } else { (number(tail)?, a, b) }
            }
        }
        [year] if year.len() == 4 => (number(year)?, 0, 0),
        [year, month] if year.len() == 4 => (number(year)?, number(month)?, 0),
        [year, month, day, ..] if year.len() == 4 => (number(year)?, number(month)?, number(day)?),
        [a, b, year, ..] if year.len() == 4 => {
            let (a, b) = (number(a)?, number(b)?);
            if order == DateOrder::DayFirst { (number(year)?, b, a) } else { (number(year)?, a, b) }
        }
        _ => return None,
    };
    let (month, day) = (u8::try_from(month).ok()?, u8::try_from(day).ok()?);
    (month < 100 && day < 100 && year > 0).then_some(Value::Date(Date { year, month, day }))
}

/// Runs of digits before a time of day, with an English month's name as its number.
fn date_parts(field: &str) -> Option<Vec<String>> {
    const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let folded = fold(field)?;
    let day = folded.split(['t', ' ']).next().filter(|head| head.len() >= 8 && head.contains(['-', '/', '.']));
    let mut parts: Vec<String> = Vec::new();
    for part in day.unwrap_or(&folded).split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty()) {
        let month = MONTHS.iter().position(|month| part.starts_with(month));
        if let Some(month) = month {
            // "June 24, 1971" and "24 June 1971" both read day first from here on.
            let number = format!("{:02}", month + 1);
            parts.push(number);
        } else if part.bytes().all(|byte| byte.is_ascii_digit()) {
            parts.push(part.to_owned());
        }
    }
    (!parts.is_empty()).then_some(parts)
}

/// Whether numbers such as `3/4/1990` of a column are written day first: what more of its dates can only be. Day first
/// when none tells.
pub fn date_order<'a>(fields: impl Iterator<Item = &'a str>) -> DateOrder {
    let (mut day_first, mut month_first) = (0_u32, 0_u32);
    for field in fields {
        let Some(parts) = date_parts(field) else { continue };
        if let [a, b, year, ..] = parts.as_slice()
            && year.len() == 4
            && let (Ok(a), Ok(b)) = (a.parse::<u16>(), b.parse::<u16>())
        {
            day_first += u32::from(a > 12 && b <= 12);
            month_first += u32::from(b > 12 && a <= 12);
        }
    }
    if month_first > day_first { DateOrder::MonthFirst } else { DateOrder::DayFirst }
}

impl Name {
    /// A name from what its columns hold; any of them may be empty.
    ///
    /// Where the full name is all there is, its first word is the given name and its last the surname, or the other way
    /// round before a comma. Where parts and the full name both are there, the full name adds what the parts left out.
    pub fn parse(given: &str, middle: &str, surname: &str, full: &str) -> Option<Self> {
        let plain = |words: Vec<String>| -> Vec<String> {
            let named = |word: &String| !TITLES.contains(&word.as_str()) && word.chars().any(char::is_alphabetic);
            words.into_iter().filter(named).collect()
        };
        let (mut given, middle) = (plain(words(given)), plain(words(middle)));
        let mut surname = plain(words(surname));
        let mut full_words = plain(words(full));
        if given.is_empty()
            && surname.is_empty()
            && let Some((before, after)) = full.split_once(',')
        {
            let (before, after) = (plain(words(before)), plain(words(after)));
            if before.len() == 1 && !after.is_empty() {
                full_words = after.into_iter().chain(before).collect();
            }
        }
        if given.is_empty() && !full_words.is_empty() && full_words.first() != surname.first() {
            given = vec![full_words.remove(0)];
        }
        if surname.is_empty() && full_words.last().is_some_and(|last| !given.contains(last)) {
            surname.extend(full_words.pop());
        }
        let mut given = given.into_iter();
        let first = given.next().unwrap_or_default();
        let mut others: Vec<String> = given.chain(middle).chain(full_words).collect();
        others.retain(|word| *word != first && !surname.contains(word));
        others.sort_unstable();
        others.dedup();
        let name = Self { given: first, surname: surname.join(" "), others };
        (name != Self::default()).then_some(name)
    }

    /// Every word of it.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        let parts = std::iter::once(self.given.as_str()).chain(self.surname.split(' '));
        parts.chain(self.others.iter().map(String::as_str)).filter(|word| !word.is_empty())
    }
}

impl Date {
    /// Its eight digits.
    pub fn digits(self) -> [u8; 8] {
        let year = self.year % 10_000;
        let split = |n: u8| [n / 10 % 10, n % 10];
        let [m1, m2] = split(self.month);
        let [d1, d2] = split(self.day);
        let digit = |by: u16| u8::try_from(year / by % 10).unwrap_or_default();
        [digit(1000), digit(100), digit(10), digit(1), m1, m2, d1, d2]
    }
}

/// Soundex of a word: its first letter and three digits; names that sound alike share it.
pub fn soundex(word: &str) -> [u8; 4] {
    const CODES: &[u8; 26] = b"01230120022455012623010202";
    let class = |c: u8| CODES.get(usize::from(c.wrapping_sub(b'a'))).copied().unwrap_or(b'0');
    let mut letters = word.bytes().filter(u8::is_ascii_lowercase);
    let Some(first) = letters.next() else {
        let mut code = *b"____";
        for (to, from) in code.iter_mut().zip(word.bytes()) {
            *to = from;
        }
        return code;
    };
    let mut code = [first, b'0', b'0', b'0'];
    let (mut at, mut last) = (1, class(first));
    for letter in letters {
        let this = class(letter);
        if this != b'0' && this != last {
            if let Some(place) = code.get_mut(at) {
                *place = this;
            }
            at += 1;
        }
        // h and w do not part two letters of one class.
        if !matches!(letter, b'h' | b'w') {
            last = this;
        }
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_nothing_is_no_value() {
        for field in ["", "  ", "NULL", "n/a", "unknown", "-"] {
            assert_eq!(text(field), None, "{field:?}");
            assert_eq!(email(field), None, "{field:?}");
            assert_eq!(date(field, DateOrder::DayFirst), None, "{field:?}");
        }
        assert_eq!(code("0000000"), None);
        assert_eq!(phone("12"), None);
    }

    #[test]
    fn a_date_is_read_however_it_is_written() {
        let expected = Some(Value::Date(Date { year: 1971, month: 6, day: 24 }));
        for field in
            ["1971-06-24", "19710624", "24.06.1971", "24/6/1971", "1971-06-24T00:00:00Z", "24 Jun 1971", "24061971"]
        {
            assert_eq!(date(field, DateOrder::DayFirst), expected, "{field}");
        }
        assert_eq!(date("06/24/1971", DateOrder::MonthFirst), expected);
        assert_eq!(date("1860", DateOrder::DayFirst), Some(Value::Date(Date { year: 1860, month: 0, day: 0 })));
    }

    #[test]
    fn a_column_tells_whether_its_days_come_first() {
        assert_eq!(date_order(["1/2/1990", "1/31/1990"].into_iter()), DateOrder::MonthFirst);
        assert_eq!(date_order(["1/2/1990", "31/1/1990"].into_iter()), DateOrder::DayFirst);
        assert_eq!(date_order(["1/2/1990"].into_iter()), DateOrder::DayFirst);
    }

    #[test]
    fn a_full_name_is_split_and_its_titles_are_left_out() {
        let name = Name::parse("", "", "", "Sir John Audley Aspinall (1851-1937)").expect("a name");
        assert_eq!((name.given.as_str(), name.surname.as_str()), ("john", "aspinall"));
        assert_eq!(name.others, ["audley"]);
        let name = Name::parse("", "", "", "O'Brien, Mary Anne").expect("a name");
        assert_eq!((name.given.as_str(), name.surname.as_str()), ("mary", "obrien"));
        assert_eq!(Name::parse("", "", "", "Dr."), None);
    }

    #[test]
    fn names_that_sound_alike_share_a_soundex() {
        assert_eq!(&soundex("robert"), b"r163");
        assert_eq!(soundex("robert"), soundex("rupert"));
        assert_eq!(&soundex("ashcraft"), b"a261");
        assert_eq!(&soundex("tymczak"), b"t522");
    }
}
