//! Random lives of a visitor: what happens, and how much time passes before it.

use super::chance::Chance;
use super::reference::Happening;
use super::script::{CATEGORIES, EVENTS, ITEMS, SHOPS, TRAITS, WEATHERS, WORDS};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const OFFSETS: [i64; 7] = [0, 60, 120, -300, 330, -480, 765];

/// How the host's clock behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clockwork {
    /// Something happens at most once in a millisecond.
    Forward,
    /// Several things may happen in the same millisecond.
    Standing,
    /// It is set back now and then, by up to three hours.
    Back,
}

#[derive(Debug, Clone)]
pub struct Timeline {
    /// Ms since 1970.
    pub start: u64,
    pub offset: i64,
    pub deeds: Vec<(Pass, Deed)>,
}

/// How much time passes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pass {
    /// Ms.
    By(i64),
    /// Until so many ms after the instant of this number, round and round, at which something may change by time alone;
    /// so many ms where there is none ahead.
    To(usize, i64),
}

#[derive(Debug, Clone, PartialEq)]
pub enum Deed {
    Look,
    Record(Happening),
    Say(String, String),
    TellText(String, String),
    TellTemperature(f64),
    ClearContext,
    /// Place, item, level and how old the word is, in ms.
    Feed(String, String, i64, u64),
    /// A message of the journey of this number, round and round, was handed over, if that rests at a `send`.
    Sent(usize),
    /// The visitor is in another zone now, and nobody foresaw it.
    Fly(i64),
    /// The clock will be set forward by so many minutes, so many days after it next shows that minute of the day; the
    /// host may know.
    Change {
        days: u64,
        minute: i64,
        by: i64,
        told: bool,
    },
    /// The file of this number is there.
    File(usize),
    /// From now on it is known in which hours the person tends to be there, the best first; none when nobody was ever there.
    Hours(Vec<u8>),
}

impl Timeline {
    /// Something of about `length` deeds from a minute on. `files` is how many files there are.
    pub fn draw(chance: &mut Chance, start: u64, clockwork: Clockwork, length: u64, files: usize) -> Self {
        let mut deeds: Vec<(Pass, Deed)> =
            (0..length + 1).map(|_| (pass(chance, clockwork), deed(chance, files))).collect();
        // Most journeys are entered by an event; whoever enters none sees little of what can go wrong.
        for (_, early) in deeds.iter_mut().take(3) {
            if chance.percent(60) {
                *early = happening(chance);
            }
        }
        let of_minute = chance.below(60_000);
        let start = start * 60_000 + chance.pick(&[0, 1, 59_999, of_minute]);
        Self { start, offset: chance.pick(&OFFSETS), deeds }
    }
}

fn pass(chance: &mut Chance, clockwork: Clockwork) -> Pass {
    if clockwork == Clockwork::Standing && chance.percent(30) {
        return Pass::By(0);
    }
    if clockwork == Clockwork::Back && chance.percent(15) {
        return Pass::By(-chance.between(1, 3 * HOUR));
    }
    match chance.below(12) {
        0 => Pass::By(1),
        1..=3 => Pass::By(chance.between(1, HOUR)),
        4 => Pass::By(MINUTE * chance.between(1, 180)),
        5..=6 => Pass::By(chance.between(1, 30 * HOUR)),
        7 => Pass::By(chance.between(DAY, 6 * DAY)),
        8 => Pass::By(chance.between(DAY, 25 * DAY)),
        _ => Pass::To(chance.below(16) as usize, chance.pick(&[-MINUTE, -1, -1, 0, 0, 0, 1, MINUTE, 40 * MINUTE])),
    }
}

fn deed(chance: &mut Chance, files: usize) -> Deed {
    let owned = str::to_owned;
    match chance.below(38) {
        0..=9 => Deed::Look,
        10..=18 => happening(chance),
        19..=20 => Deed::Say(owned(chance.pick(&TRAITS)), owned(chance.pick(&WORDS))),
        21 => Deed::TellText(owned("weather"), owned(chance.pick(&[WEATHERS[0], WEATHERS[1], "hail"]))),
        22 => Deed::TellText(owned("shop"), owned(chance.pick(&SHOPS))),
        23 => Deed::TellTemperature(chance.between(10, 30) as f64),
        24 => Deed::ClearContext,
        25..=26 => {
            let age = chance.pick(&[0, 0, 10 * MINUTE, 20 * MINUTE, 3 * HOUR, 2 * DAY]) as u64;
            Deed::Feed(owned(chance.pick(&SHOPS)), owned(chance.pick(&ITEMS)), chance.between(0, 7), age)
        }
        27..=28 => Deed::Sent(chance.below(4) as usize),
        29 => Deed::Fly(chance.pick(&OFFSETS)),
        30..=32 => {
            let minute = chance.pick(&[0, 120, 120, 180, 180, 1_410]);
            let by = chance.pick(&[60, 60, -60, -60, 30, -30]);
            Deed::Change { days: chance.below(3), minute, by, told: chance.percent(80) }
        }
        33..=34 => {
            let (first, turn) = (chance.below(24), chance.pick(&[1, 5, 7, 23]));
            let hours: Vec<u8> = (0..24).map(|number| ((first + number * turn) % 24) as u8).collect();
            Deed::Hours(if chance.percent(25) { Vec::new() } else { hours })
        }
        _ if files > 1 => Deed::File(chance.below(files as u64) as usize),
        _ => Deed::Look,
    }
}

fn happening(chance: &mut Chance) -> Deed {
    // One in twenty is of a kind that the file does not declare.
    let event = if chance.percent(5) { "unheard_of" } else { chance.pick(&EVENTS) };
    let category = chance.percent(60).then(|| chance.pick(&CATEGORIES).to_owned());
    Deed::Record(Happening { event: event.to_owned(), category })
}
