//! One life, lived by somebody and by the reference: after every deed both must stand at the same places.

use super::chance::Chance;
use super::draft::{Draft, edit};
use super::reference::{Clock, Happening, Reference, Standing, State};
use super::script::{OFFERS, Script};
use super::timeline::{Clockwork, Deed, Pass, Timeline};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::rc::Rc;

const MINUTE: u64 = 60_000;
const DAY: u64 = 24 * 60 * MINUTE;
/// 2026-03-02T00:00Z, a Monday, in minutes; timelines begin within the year after.
const FIRST: u64 = 29_540_160;
/// Nobody rests for 640 days, after which a profile forgets.
const LONGEST: u64 = 560 * DAY;

/// Whoever lives a timeline beside the reference.
pub trait Traveller {
    fn record(&mut self, happening: &Happening, clock: Clock);
    fn look(&mut self, clock: Clock);
    fn sent(&mut self, journey: &str, clock: Clock);
    fn say(&mut self, name: &str, word: &str, clock: Clock);
    fn tell_text(&mut self, name: &str, word: &str);
    fn tell_temperature(&mut self, degrees: f64);
    fn clear_context(&mut self);
    fn feed(&mut self, place: &str, item: &str, level: i64, as_of: u64);
    fn expect_change(&mut self, at: u64, offset: i64);
    fn tell_hours(&mut self, hours: &[u8]);
    /// Goes on under the file of that number.
    fn change_file(&mut self, number: usize, clock: Clock);
    fn standing(&self, journey: &str) -> Option<Standing>;
    /// Whether a campaign that nothing but journeys keeps back is shown at its placement.
    fn shows(&mut self, placement: &str, campaign: &str, clock: Clock) -> bool;
}

/// A file, what became of it, and some lives under it.
pub struct Case {
    pub seed: u64,
    pub scripts: Vec<Rc<Script>>,
    pub timelines: Vec<Timeline>,
}

/// Where two lives parted.
#[derive(Debug)]
pub struct Fault {
    /// How many deeds were done.
    pub deeds: usize,
    pub what: String,
    /// The deeds with the clock at each.
    pub log: String,
}

impl Case {
    /// Grows with `size`, from 1 to 10, so that what fails first is small.
    pub fn draw(seed: u64, size: u64, clockwork: Clockwork, lives: usize) -> Self {
        let mut chance = Chance::new(seed);
        let start = FIRST + chance.below(365 * 1_440);
        let mut scripts = vec![Rc::new(Draft::script(&mut chance, start, size))];
        if chance.percent(40) {
            for _ in 0..1 + chance.below(2) {
                let next = edit(&mut chance, scripts.last().expect("the first"));
                scripts.push(Rc::new(next));
            }
        }
        let length = 6 + 4 * size;
        let timelines =
            (0..lives).map(|_| Timeline::draw(&mut chance, start, clockwork, length, scripts.len())).collect();
        Self { seed, scripts, timelines }
    }

    /// The files and a life, for whoever has to find out.
    pub fn tell(&self, timeline: &Timeline, fault: &Fault) -> String {
        let mut text = format!("seed {}\n", self.seed);
        for (number, script) in self.scripts.iter().enumerate() {
            let _ = writeln!(text, "--- file {number}\n{script}");
        }
        let _ = writeln!(text, "--- life from offset {}\n{}{}", timeline.offset, fault.log, fault.what);
        text
    }
}

/// Every way in which a visitor may go at splits.
pub fn arms(script: &Script) -> Vec<Vec<usize>> {
    script.splits.iter().fold(vec![Vec::new()], |ways, count| {
        ways.iter().flat_map(|way| (0..*count).map(|arm| [way.as_slice(), &[arm]].concat())).collect()
    })
}

/// Lives a timeline. Which way the traveller goes at splits is learnt from where they stand: as long as one way
/// explains everything, all is well. `applied` gathers which rules decided.
pub fn live(
    scripts: &[Rc<Script>],
    timeline: &Timeline,
    traveller: &mut dyn Traveller,
    applied: &mut BTreeMap<&'static str, u64>,
) -> Result<(), Fault> {
    let mut script = &scripts[0];
    let mut lives: Vec<Reference> =
        arms(script).into_iter().map(|arms| Reference::new(Rc::clone(script), arms)).collect();
    let mut clock = Clock { now: timeline.start, offset: timeline.offset };
    // When the visitor's clock really changes, to what, and whether the host knows.
    let mut change: Option<(u64, i64, bool)> = None;
    let mut log = String::new();
    for (number, (pass, deed)) in timeline.deeds.iter().enumerate() {
        let next = after(&lives[0], pass, clock);
        if next > timeline.start + LONGEST {
            break;
        }
        clock.now = next;
        if let Some((at, offset, _)) = change.filter(|(at, ..)| clock.now >= *at) {
            // A clock that goes back past a change stays changed: whoever is in summer time does not return to winter.
            (clock.offset, change) = (offset, change.filter(|(later, ..)| *later > at));
        }
        let _ = writeln!(log, "{number:3} {} {deed:?}", shown(clock));
        match deed {
            Deed::Look => {
                traveller.look(clock);
                lives.iter_mut().for_each(|life| life.look(clock));
            }
            Deed::Record(happening) => {
                traveller.record(happening, clock);
                lives.iter_mut().for_each(|life| life.record(happening, clock));
            }
            Deed::Say(name, word) => {
                traveller.say(name, word, clock);
                lives.iter_mut().for_each(|life| life.say(name, word, clock));
            }
            Deed::TellText(name, word) => {
                traveller.tell_text(name, word);
                lives.iter_mut().for_each(|life| life.tell_text(name, word));
            }
            Deed::TellTemperature(degrees) => {
                traveller.tell_temperature(*degrees);
                lives.iter_mut().for_each(|life| life.tell_temperature(*degrees));
            }
            Deed::ClearContext => {
                traveller.clear_context();
                lives.iter_mut().for_each(Reference::clear_context);
            }
            Deed::Feed(place, item, level, age) => {
                traveller.feed(place, item, *level, clock.now - age);
                lives.iter_mut().for_each(|life| life.feed(place, item, *level, clock.now - age));
            }
            Deed::Sent(number) => {
                let name = &script.journeys[number % script.journeys.len()].name;
                // All lives stand at the same place, so one of them knows.
                if lives[0].rests_at_send(name) {
                    traveller.sent(name, clock);
                    lives.iter_mut().for_each(|life| life.sent(name, clock));
                }
            }
            Deed::Hours(hours) => {
                traveller.tell_hours(hours);
                lives.iter_mut().for_each(|life| life.tell_hours(hours));
            }
            Deed::Fly(offset) => (clock.offset, change) = (*offset, None),
            Deed::Change { days, minute, by, told } => {
                // No clock is further from UTC than fourteen hours.
                let offset = (clock.offset + by).clamp(-840, 840);
                change = Some((next_showing(*minute, clock) + days * DAY, offset, *told));
            }
            Deed::File(number) => {
                script = &scripts[*number];
                traveller.change_file(*number, clock);
                // Open: whether an edited file draws its splits as the old one did.
                let ways = arms(script);
                lives = distinct(lives)
                    .into_iter()
                    .flat_map(|life| ways.iter().map(move |arms| (life.clone(), arms.clone())))
                    .map(|(mut life, arms)| {
                        life.change_file(Rc::clone(script), arms);
                        life
                    })
                    .collect();
            }
        }
        if let (Deed::Change { .. } | Deed::File(_), Some((at, offset, true))) = (deed, change) {
            traveller.expect_change(at, offset);
            lives.iter_mut().for_each(|life| life.expect_change(at, offset));
        }
        let known = lives[0].clone();
        lives.retain(|life| script.journeys.iter().all(|journey| agree(life, traveller, &journey.name)));
        if lives.is_empty() {
            let what = difference(&known, traveller);
            return Err(Fault { deeds: number + 1, what, log });
        }
    }
    // What is decided right after a look is decided without another.
    clock.now += 1;
    let _ = writeln!(log, "    {} look and decide", shown(clock));
    traveller.look(clock);
    lives.iter_mut().for_each(|life| life.look(clock));
    let offers = OFFERS.map(|(placement, campaign)| (campaign, traveller.shows(placement, campaign, clock)));
    let known = lives[0].clone();
    lives.retain(|life| {
        script.journeys.iter().all(|journey| agree(life, traveller, &journey.name))
            && offers.iter().all(|(campaign, shows)| life.shows(campaign) == *shows)
    });
    let Some(life) = lives.first() else {
        let what = format!("at the last look and decisions {offers:?}\n{}", difference(&known, traveller));
        return Err(Fault { deeds: timeline.deeds.len(), what, log });
    };
    for (rule, count) in &life.applied {
        *applied.entry(rule).or_insert(0) += count;
    }
    Ok(())
}

/// The shortest life that still fails: without each deed that is not needed. `fails` lives one from the beginning.
pub fn shorten(timeline: &Timeline, fault: Fault, fails: &dyn Fn(&Timeline) -> Option<Fault>) -> (Timeline, Fault) {
    let (mut shortest, mut fault) = (timeline.clone(), fault);
    shortest.deeds.truncate(fault.deeds);
    let mut at = shortest.deeds.len();
    while at > 0 {
        at -= 1;
        let mut shorter = shortest.clone();
        shorter.deeds.remove(at);
        if let Some(found) = fails(&shorter) {
            (shortest, fault) = (shorter, found);
        }
    }
    (shortest, fault)
}

/// Lives that differ in more than the ways that they would go.
fn distinct(lives: Vec<Reference>) -> Vec<Reference> {
    let mut kept: Vec<Reference> = Vec::new();
    for life in lives {
        if !kept.iter().any(|known| known.is_like(&life)) {
            kept.push(life);
        }
    }
    kept
}

fn after(life: &Reference, pass: &Pass, clock: Clock) -> u64 {
    let now = clock.now;
    match pass {
        Pass::By(time) => now.saturating_add_signed(*time),
        Pass::To(number, time) => {
            let ahead: Vec<u64> = life.edges(clock).into_iter().filter(|edge| *edge > now).collect();
            match ahead.get(number % ahead.len().max(1)) {
                Some(edge) => edge.saturating_add_signed(*time).max(now + 1),
                None => now + time.unsigned_abs().max(1),
            }
        }
    }
}

/// The next whole minute at which a clock that does not change shows this minute of the day.
fn next_showing(minute: i64, clock: Clock) -> u64 {
    let local = (clock.now / MINUTE) as i64 + clock.offset;
    let ahead = (minute - local).rem_euclid(1_440);
    (clock.now / MINUTE + if ahead == 0 { 1_440 } else { ahead as u64 }) * MINUTE
}

fn agree(life: &Reference, traveller: &dyn Traveller, journey: &str) -> bool {
    let (ours, theirs) = (life.standing(journey), traveller.standing(journey));
    let (Some(ours), Some(theirs)) = (ours, &theirs) else { return ours.is_none() && theirs.is_none() };
    match &ours.state {
        // A bundle does not know the id of a step that it does not have.
        State::At(id) if !life.script().has_rest(journey, id) => {
            matches!(theirs.state, State::At(_)) && (ours.since, ours.entries) == (theirs.since, theirs.entries)
        }
        _ => ours == theirs,
    }
}

fn difference(life: &Reference, traveller: &dyn Traveller) -> String {
    let mut text = String::new();
    for journey in &life.script().journeys {
        let name = &journey.name;
        let mark = if agree(life, traveller, name) { ' ' } else { '!' };
        let _ = writeln!(text, "{mark} {name}: expected {:?}", life.standing(name));
        let _ = writeln!(text, "{mark} {name}: found    {:?}", traveller.standing(name).as_ref());
    }
    text
}

/// `1782043200000 = Mon day 20625 09:00:00.000 at +120`, in the visitor's time.
fn shown(clock: Clock) -> String {
    let local = clock.now.saturating_add_signed(clock.offset * MINUTE as i64);
    let (day, of_day) = (local / DAY, local % DAY);
    let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][(day % 7) as usize];
    let (hour, minute) = (of_day / (60 * MINUTE), of_day / MINUTE % 60);
    format!(
        "{} = {weekday} day {day} {hour:02}:{minute:02}:{:02}.{:03} at {:+}",
        clock.now,
        of_day / 1_000 % 60,
        of_day % 1_000,
        clock.offset
    )
}

/// The reference itself as a traveller, who goes a way that nobody is told.
pub struct Double {
    pub life: Reference,
    pub scripts: Vec<Rc<Script>>,
    pub chance: Chance,
}

impl Double {
    pub fn new(scripts: &[Rc<Script>], seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let way = chance.pick(&arms(&scripts[0]));
        Self { life: Reference::new(Rc::clone(&scripts[0]), way), scripts: scripts.to_vec(), chance }
    }
}

impl Traveller for Double {
    fn record(&mut self, happening: &Happening, clock: Clock) {
        self.life.record(happening, clock);
    }

    fn look(&mut self, clock: Clock) {
        self.life.look(clock);
    }

    fn sent(&mut self, journey: &str, clock: Clock) {
        self.life.sent(journey, clock);
    }

    fn say(&mut self, name: &str, word: &str, clock: Clock) {
        self.life.say(name, word, clock);
    }

    fn tell_text(&mut self, name: &str, word: &str) {
        self.life.tell_text(name, word);
    }

    fn tell_temperature(&mut self, degrees: f64) {
        self.life.tell_temperature(degrees);
    }

    fn clear_context(&mut self) {
        self.life.clear_context();
    }

    fn feed(&mut self, place: &str, item: &str, level: i64, as_of: u64) {
        self.life.feed(place, item, level, as_of);
    }

    fn expect_change(&mut self, at: u64, offset: i64) {
        self.life.expect_change(at, offset);
    }

    fn tell_hours(&mut self, hours: &[u8]) {
        self.life.tell_hours(hours);
    }

    fn change_file(&mut self, number: usize, _: Clock) {
        let way = self.chance.pick(&arms(&self.scripts[number]));
        self.life.change_file(Rc::clone(&self.scripts[number]), way);
    }

    fn standing(&self, journey: &str) -> Option<Standing> {
        self.life.standing(journey).cloned()
    }

    fn shows(&mut self, _: &str, campaign: &str, _: Clock) -> bool {
        self.life.shows(campaign)
    }
}
