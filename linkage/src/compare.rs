//! How alike two values are: a level out of a short list, best first.
//!
//! Levels are ordered by how much they say, and the first that fits is taken. What a level is worth is not decided
//! here: training finds it from the records. A missing value gives no level.

use rapidfuzz::distance::{jaro_winkler, osa};

use crate::value::{Date, Name, Value};

/// What of a record is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Aspect {
    /// Given name.
    Given,
    /// Surname.
    Surname,
    /// Every name that is neither.
    OtherNames,
    /// Date of birth.
    Birth,
    /// E-mail address.
    Email,
    /// Phone number.
    Phone,
    /// Postcode.
    Postcode,
    /// A place.
    Place,
    /// House number.
    HouseNumber,
    /// A line of an address.
    Street,
    /// One of few values: gender, region, occupation.
    Category,
    /// A number that one person has.
    Number,
    /// Any text.
    Text,
}

/// The level of a pair of equal values.
pub const EXACT: u8 = 0;
/// The level of a pair that training found to stand for one another, in aspects that have one.
pub const ALIAS: u8 = 1;

impl Aspect {
    /// Names of its levels, best first. The last is what fits when nothing else does.
    pub fn levels(self) -> &'static [&'static str] {
        match self {
            Self::Given => {
                &["same", "alias", "initial", "alike", "elsewhere in the name", "somewhat alike", "different"]
            }
            Self::Surname => &["same", "alias", "alike", "elsewhere in the name", "somewhat alike", "different"],
            Self::OtherNames => &["one in common", "alike", "different"],
            Self::Birth => &[
                "same",
                "day and month swapped",
                "one digit off",
                "two of year, month, day",
                "same year",
                "two digits off",
                "different",
            ],
            Self::Email => {
                &["same", "one or two letters off", "same before @", "alike before @", "same domain", "different"]
            }
            Self::Phone => &["same", "one digit off", "same last six", "different"],
            Self::Postcode => &["same", "one letter off", "same sector", "same district", "same area", "different"],
            Self::Place => &["same", "alias", "alike", "one within the other", "different"],
            Self::HouseNumber => &["same", "one digit off", "different"],
            Self::Street => &["same", "alike", "words in common", "different"],
            Self::Category => &["same", "alias", "alike", "different"],
            Self::Number => &["same", "one digit off", "two digits off", "different"],
            Self::Text => &["same", "alike", "words in common", "different"],
        }
    }

    /// Whether it has a level for values that training found to stand for one another.
    pub fn learns_aliases(self) -> bool {
        matches!(self, Self::Given | Self::Surname | Self::Place | Self::Category)
    }

    /// The level of two values; `None` where one says nothing of this aspect.
    pub fn compare(self, a: &Value, b: &Value) -> Option<u8> {
        match (self, a, b) {
            (Self::Given, Value::Name(a), Value::Name(b)) => given(a, b),
            (Self::Surname, Value::Name(a), Value::Name(b)) => surname(a, b),
            (Self::OtherNames, Value::Name(a), Value::Name(b)) => others(a, b),
            (Self::Birth, Value::Date(a), Value::Date(b)) => Some(birth(*a, *b)),
            (Self::Email, Value::Email(local, domain), Value::Email(other, theirs)) => {
                Some(email((local, domain), (other, theirs)))
            }
            (Self::Phone, Value::Code(a), Value::Code(b)) => Some(phone(a, b)),
            (Self::Postcode, Value::Code(a), Value::Code(b)) => Some(postcode(a, b)),
            (Self::HouseNumber, Value::Code(a), Value::Code(b)) => Some(first([a == b, near(a, b, 1)])),
            (Self::Number, Value::Code(a), Value::Code(b)) => Some(first([a == b, near(a, b, 1), near(a, b, 2)])),
            (Self::Place, Value::Text(a), Value::Text(b)) => {
                Some(first([a == b, false, alike(a, b, 0.92), within(a, b)]))
            }
            (Self::Category, Value::Text(a), Value::Text(b)) => Some(first([a == b, false, alike(a, b, 0.92)])),
            (Self::Street | Self::Text, Value::Text(a), Value::Text(b)) => {
                Some(first([a == b, alike(a, b, 0.92), overlap(a, b)]))
            }
            _ => None,
        }
    }
}

/// Index of the first that holds, or one past the last.
fn first<const N: usize>(fits: [bool; N]) -> u8 {
    let at = fits.iter().position(|fits| *fits).unwrap_or(N);
    u8::try_from(at).unwrap_or(u8::MAX)
}

/// At most so many letters inserted, removed, replaced or swapped with their neighbour. One-letter texts are never
/// near.
fn near(a: &str, b: &str, most: usize) -> bool {
    a.len().abs_diff(b.len()) <= most
        && a.len().min(b.len()) > most
        && shares(a, b, most)
        && distance(a, b, most).is_some()
}

fn distance(a: &str, b: &str, most: usize) -> Option<usize> {
    osa::distance_with_args(a.chars(), b.chars(), &osa::Args::default().score_cutoff(most))
}

/// Whether the first or the last half of both could be one: so many edits leave one of so many and one more parts
/// untouched. Spares most pairs the table of the distance.
fn shares(a: &str, b: &str, most: usize) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let same = |x: &mut dyn Iterator<Item = (&u8, &u8)>| x.take_while(|(x, y)| x == y).count();
    let front = same(&mut a.iter().zip(b));
    let back = same(&mut a.iter().rev().zip(b.iter().rev()));
    most > 1 || front + back + 2 * most >= a.len().min(b.len())
}

/// By Jaro-Winkler, or one letter off. One letter off four or more leaves 0.75 and more, so most pairs cost one look.
fn alike(a: &str, b: &str, least: f64) -> bool {
    let likeness = jaro(a, b);
    likeness >= least || (likeness >= 0.7 && a.len().min(b.len()) >= 4 && near(a, b, 1))
}

/// Jaro-Winkler, 0 below 0.7; on bytes where there is nothing but ASCII, which spares the decoding.
fn jaro(a: &str, b: &str) -> f64 {
    let args = jaro_winkler::Args::default().score_cutoff(0.7);
    let likeness = if a.is_ascii() && b.is_ascii() {
        jaro_winkler::similarity_with_args(a.bytes(), b.bytes(), &args)
    } else {
        jaro_winkler::similarity_with_args(a.chars(), b.chars(), &args)
    };
    likeness.unwrap_or_default()
}

fn initial(a: &str, b: &str) -> bool {
    (a.len() == 1 || b.len() == 1) && a.chars().next() == b.chars().next()
}

fn given(a: &Name, b: &Name) -> Option<u8> {
    if a.given.is_empty() || b.given.is_empty() {
        return None;
    }
    let (x, y) = (a.given.as_str(), b.given.as_str());
    if x == y {
        return Some(EXACT);
    }
    Some(2 + first([initial(x, y), alike(x, y, 0.92), elsewhere(x, b) || elsewhere(y, a), jaro(x, y) >= 0.8]))
}

fn surname(a: &Name, b: &Name) -> Option<u8> {
    if a.surname.is_empty() || b.surname.is_empty() {
        return None;
    }
    let (x, y) = (a.surname.as_str(), b.surname.as_str());
    if x == y {
        return Some(EXACT);
    }
    Some(2 + first([alike(x, y, 0.92), elsewhere(x, b) || elsewhere(y, a), jaro(x, y) >= 0.8]))
}

/// Whether a name stands anywhere in another record's name.
fn elsewhere(word: &str, name: &Name) -> bool {
    word.len() > 2 && (name.given == word || name.surname == word || name.words().any(|other| other == word))
}

fn others(a: &Name, b: &Name) -> Option<u8> {
    if a.others.is_empty() || b.others.is_empty() {
        return None;
    }
    let any = |fits: fn(&str, &str) -> bool| a.others.iter().any(|x| b.others.iter().any(|y| fits(x, y)));
    Some(first([any(|x, y| x == y), any(|x, y| initial(x, y) || alike(x, y, 0.92))]))
}

fn birth(a: Date, b: Date) -> u8 {
    if a == b {
        return EXACT;
    }
    let swapped = a.year == b.year && a.month == b.day && a.day == b.month;
    let (x, y) = (a.digits(), b.digits());
    let off = x.iter().zip(&y).filter(|(x, y)| x != y).count();
    let transposed = off == 2
        && x.windows(2).zip(y.windows(2)).any(|pair| match pair {
            ([a, b], [c, d]) => a == d && b == c && a != b,
            _ => false,
        });
    let agreeing = u8::from(a.year == b.year) + u8::from(a.month == b.month) + u8::from(a.day == b.day);
    1 + first([swapped, off == 1 || transposed, agreeing == 2, a.year == b.year, off == 2])
}

fn email(a: (&str, &str), b: (&str, &str)) -> u8 {
    let whole = |(local, domain): (&str, &str)| format!("{local}@{domain}");
    first([a == b, near(&whole(a), &whole(b), 2), a.0 == b.0, jaro(a.0, b.0) >= 0.88, !a.1.is_empty() && a.1 == b.1])
}

fn phone(a: &str, b: &str) -> u8 {
    let last_six = |text: &str| text.get(text.len().saturating_sub(6)..).map(str::to_owned);
    first([a == b, near(a, b, 1), a.len() >= 6 && b.len() >= 6 && last_six(a) == last_six(b)])
}

fn postcode(a: &str, b: &str) -> u8 {
    let same = |part: fn(&str) -> &str| !part(a).is_empty() && part(a) == part(b);
    first([a == b, near(a, b, 1), same(sector), same(district), same(area)])
}

/// All but the last letters of a postcode: `n18le` to `n18`, `60311` to `6031`.
pub fn sector(code: &str) -> &str {
    let cut = if lettered(code) { 2 } else { 1 };
    code.get(..code.len().saturating_sub(cut)).unwrap_or_default()
}

/// The coarser part of a postcode: `n18le` to `n1`, `60311` to `603`, `2260` to `22`.
pub fn district(code: &str) -> &str {
    let cut = if lettered(code) { 3 } else { 2 };
    code.get(..code.len().saturating_sub(cut)).unwrap_or_default()
}

/// The coarsest: letters before the first digit, or the first digit.
pub fn area(code: &str) -> &str {
    let letters = code.bytes().take_while(u8::is_ascii_alphabetic).count();
    code.get(..letters.max(1)).unwrap_or_default()
}

fn lettered(code: &str) -> bool {
    code.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic())
}

/// Whether all words of one are among the other's.
fn within(a: &str, b: &str) -> bool {
    let all = |a: &str, b: &str| a.split(' ').all(|word| b.split(' ').any(|other| other == word));
    all(a, b) || all(b, a)
}

/// Whether at least half of the words of both are in both.
fn overlap(a: &str, b: &str) -> bool {
    let shared = a.split(' ').filter(|word| b.split(' ').any(|other| other == *word)).count();
    let all = a.split(' ').count() + b.split(' ').count() - shared;
    shared * 2 >= all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{self, DateOrder};

    fn level(aspect: Aspect, a: Option<Value>, b: Option<Value>) -> &'static str {
        let (a, b) = (a.expect("a value"), b.expect("a value"));
        let level = aspect.compare(&a, &b).expect("both say something");
        assert_eq!(Some(level), aspect.compare(&b, &a), "levels are symmetric");
        aspect.levels()[usize::from(level)]
    }

    fn name(given: &str, surname: &str, full: &str) -> Option<Value> {
        Name::parse(given, "", surname, full).map(Value::Name)
    }

    fn date(text: &str) -> Option<Value> {
        value::date(text, DateOrder::DayFirst)
    }

    #[test]
    fn given_names_are_same_initial_alike_or_elsewhere() {
        let of = |a: &str, b: &str| level(Aspect::Given, name(a, "Smith", ""), name(b, "Smith", ""));
        assert_eq!(of("Zoë", "zoe"), "same");
        assert_eq!(of("J.", "Jane"), "initial");
        assert_eq!(of("Katherine", "Katharine"), "alike");
        assert_eq!(of("John", "Mary"), "different");
        assert_eq!(level(Aspect::Given, name("Keene", "", ""), name("Charles", "Keene", "")), "elsewhere in the name");
    }

    #[test]
    fn swapped_names_are_found_elsewhere() {
        let (a, b) = (name("Ada", "Byron", ""), name("Byron", "Ada", ""));
        assert_eq!(level(Aspect::Given, a.clone(), b.clone()), "elsewhere in the name");
        assert_eq!(level(Aspect::Surname, a, b), "elsewhere in the name");
    }

    #[test]
    fn a_middle_name_is_evidence_of_its_own() {
        let (a, b) = (name("William", "Shaw", "William Rawson Shaw"), name("Will", "Shaw", "will rawson shaw"));
        assert_eq!(level(Aspect::OtherNames, a, b), "one in common");
    }

    #[test]
    fn dates_forgive_a_swap_and_a_digit() {
        let of = |a: &str, b: &str| level(Aspect::Birth, date(a), date(b));
        assert_eq!(of("1971-06-24", "24/06/1971"), "same");
        assert_eq!(of("1971-06-04", "1971-04-06"), "day and month swapped");
        assert_eq!(of("1971-06-24", "1971-05-24"), "one digit off");
        assert_eq!(of("1917-06-24", "1971-06-24"), "one digit off");
        assert_eq!(of("1856-71-17", "1856-11-17"), "one digit off");
        assert_eq!(of("1971-06-24", "1985-06-24"), "two of year, month, day");
        assert_eq!(of("1971-06-24", "1971-11-05"), "same year");
        assert_eq!(of("1971-06-24", "1998-11-05"), "different");
    }

    #[test]
    fn addresses_of_mail_agree_before_the_at_or_behind_it() {
        let of = |a: &str, b: &str| level(Aspect::Email, value::email(a), value::email(b));
        assert_eq!(of("Ada+shop@x.org", "ada@x.org"), "same");
        assert_eq!(of("ada.byron@x.org", "ada.byrno@x.org"), "one or two letters off");
        assert_eq!(of("ada.byron@x.org", "ada.byron@elsewhere.net"), "same before @");
        assert_eq!(of("kate@x.org", "ludwig@x.org"), "same domain");
        assert_eq!(of("kate@x.org", "ludwig@y.net"), "different");
    }

    #[test]
    fn postcodes_agree_from_the_front() {
        let of = |a: &str, b: &str| level(Aspect::Postcode, value::code(a), value::code(b));
        assert_eq!(of("N1 8LE", "n18le"), "same");
        assert_eq!(of("n1 8le", "n1 8lw"), "one letter off");
        assert_eq!(of("n1 8le", "n1 8jn"), "same sector");
        assert_eq!(of("n1 8le", "n1 2jn"), "same district");
        assert_eq!(of("n1 8le", "n16 2jn"), "same area");
        assert_eq!(of("60311", "10115"), "different");
    }

    #[test]
    fn numbers_and_phones_forgive_a_digit() {
        let of = |aspect, parse: fn(&str) -> Option<Value>, a: &str, b: &str| level(aspect, parse(a), parse(b));
        assert_eq!(of(Aspect::Number, value::code, "6988048", "6980848"), "one digit off");
        assert_eq!(of(Aspect::Phone, value::phone, "+44 20 7946 0958", "020 7946 0958"), "same");
        assert_eq!(of(Aspect::Phone, value::phone, "020 7946 0958", "020 7946 0998"), "one digit off");
    }

    #[test]
    fn places_within_places_and_streets_with_typing_errors() {
        let of = |aspect, a: &str, b: &str| level(aspect, value::text(a), value::text(b));
        assert_eq!(of(Aspect::Place, "Devon", "West Devon"), "one within the other");
        assert_eq!(of(Aspect::Place, "London", "Lonon"), "alike");
        assert_eq!(of(Aspect::Street, "tullaroop street", "tularoop street"), "alike");
    }

    #[test]
    fn a_missing_part_gives_no_level() {
        let (Some(a), Some(b)) = (name("Ada", "", ""), name("Ada", "Byron", "")) else { panic!("names") };
        assert_eq!(Aspect::Surname.compare(&a, &b), None);
        assert_eq!(Aspect::OtherNames.compare(&a, &b), None);
    }
}
