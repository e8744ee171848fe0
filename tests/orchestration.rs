//! Journeys against a reference that was written from their documentation alone, for random files and random lives.
//!
//! The reference is held here to what the documentation says in words, to the engine's own answers where campaigns
//! ask the same conditions, and to the promise that the random lives come by every rule.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "only tests come here, though not from a function that Clippy knows as one"
)]

#[path = "support/journey/mod.rs"]
mod journey;
mod support;

use journey::chance::Chance;
use journey::contest::{Case, Double, live};
use journey::draft::Draft;
use journey::reference::{Clock, Happening, Reference, State};
use journey::script::{
    Act, Again, Changed, Condition, End, HEAD, Journey, Occasion, Phase, Script, Step, Test, Text, Trigger,
};
use journey::timeline::Clockwork;
use petitfour::consent::Permissions;
use petitfour::engine::{Engine, Session};
use petitfour::event::Event;
use petitfour::time::{Moment, Timestamp};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::rc::Rc;
use std::sync::Arc;

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// `2026-06-01T23:30:00+02:00` as the reference takes it.
fn clock(text: &str) -> Clock {
    let moment = support::moment(text);
    Clock { now: moment.now.0, offset: moment.offset_minutes.into() }
}

/// An instant alone.
fn at(text: &str) -> u64 {
    clock(text).now
}

fn on(event: &str) -> Trigger {
    Trigger { on: Some(Occasion { event: event.to_owned(), category: None }), when: None }
}

fn when(condition: Condition) -> Trigger {
    Trigger { on: None, when: Some(condition) }
}

fn plan(word: &str) -> Condition {
    Condition::Trait("plan".to_owned(), Text::Is(word.to_owned()))
}

fn step(id: &str, act: Act) -> Step {
    Step { id: (!id.is_empty()).then(|| id.to_owned()), act, show: Vec::new() }
}

fn send(id: &str) -> Step {
    step(id, Act::Send { channel: "mail".to_owned(), message: "hello".to_owned() })
}

fn wait(id: &str, minutes: u64) -> Step {
    step(id, Act::WaitFor(minutes))
}

fn set(word: &str) -> Step {
    step("", Act::Set { name: "plan".to_owned(), to: word.to_owned() })
}

fn journey(name: &str, enter: Trigger, steps: Vec<Step>) -> Journey {
    Journey {
        name: name.to_owned(),
        enter,
        steps,
        again: Again::Never,
        schedule: (None, None),
        goal: None,
        exit: None,
        group: None,
        suppress: Vec::new(),
        changed: None,
        moved: Vec::new(),
    }
}

fn file(journeys: Vec<Journey>) -> Rc<Script> {
    Rc::new(Script { segments: Vec::new(), journeys, splits: Vec::new() })
}

fn visitor(journeys: Vec<Journey>) -> Reference {
    Reference::new(file(journeys), Vec::new())
}

fn happen(event: &str) -> Happening {
    Happening { event: event.to_owned(), category: None }
}

/// State, and when it ends by time.
fn place(visitor: &Reference, name: &str) -> (State, Option<u64>) {
    let standing = visitor.standing(name).unwrap_or_else(|| panic!("{name} was never entered"));
    (standing.state.clone(), standing.due)
}

fn resting(id: &str) -> State {
    State::At(id.to_owned())
}

/// The journey of the documentation.
fn welcome() -> Rc<Script> {
    let water = Occasion { event: "product_viewed".to_owned(), category: Some("water".to_owned()) };
    let mut offer = step(
        "offer",
        Act::WaitOn {
            trigger: on("product_viewed"),
            at_most: Some(3 * 1_440),
            then: Vec::new(),
            otherwise: Vec::new(),
        },
    );
    offer.show = vec!["offer-one".to_owned()];
    let mut welcome = journey(
        "welcome",
        on("sign_up"),
        vec![
            send("hello"),
            wait("pause", 2 * 1_440),
            step(
                "",
                Act::If {
                    test: Test::Holds(Condition::Segment("looked_at_water".to_owned())),
                    then: vec![offer],
                    otherwise: vec![set("undecided")],
                },
            ),
            step("morning", Act::WaitUntil(9 * 60, vec![1, 2])),
            send("ask"),
        ],
    );
    welcome.goal = Some(on("purchase"));
    let segments = vec![("looked_at_water".to_owned(), Condition::Count(water, None, None))];
    Rc::new(Script { segments, journeys: vec![welcome], splits: Vec::new() })
}

#[test]
fn a_file_prints_itself_as_its_author_would_write_it() {
    let text = welcome().to_string();
    let body = text.strip_prefix(HEAD).expect("what may be spoken of");
    // What every file counts is not the author's.
    let own = body.lines().filter(|line| !line.ends_with("within: 90 days }"));
    let body: String = own.map(|line| format!("{line}\n")).collect();
    assert_eq!(
        body,
        "segments:
  looked_at_water: { event: product_viewed, where: { category: water } }
journeys:
  welcome:
    enter: { on: sign_up }
    goal: { on: purchase }
    steps:
      - send: { channel: mail, message: hello }
        id: hello
      - wait: 2 days
        id: pause
      - if: { segment: looked_at_water }
        then:
          - wait: { on: product_viewed, at_most: 3 days }
            id: offer
            show: [offer-one]
        else:
          - set: { trait: plan, to: undecided }
      - wait: { until: \"09:00\", weekday: [monday, tuesday] }
        id: morning
      - send: { channel: mail, message: hello }
        id: ask
"
    );
}

#[test]
fn the_journey_of_the_documentation_goes_as_it_says() {
    let mut visitor = Reference::new(welcome(), Vec::new());
    // 2026-06-03 is a Wednesday.
    visitor.record(&happen("product_viewed"), clock("2026-06-03T10:00:00+02:00"));
    assert_eq!(visitor.standing("welcome"), None);
    visitor.record(&happen("sign_up"), clock("2026-06-03T10:00:10+02:00"));
    assert_eq!(place(&visitor, "welcome"), (resting("hello"), None));
    visitor.look(clock("2026-06-03T23:00:00+02:00"));
    assert_eq!(place(&visitor, "welcome"), (resting("hello"), None), "on the device a message goes nowhere");
    visitor.sent("welcome", clock("2026-06-04T10:00:01+02:00"));
    assert_eq!(place(&visitor, "welcome"), (resting("pause"), Some(at("2026-06-06T10:01:00+02:00"))));
    assert!(!visitor.shows("offer-one"));

    // A month late: nothing is skipped, and water decides the way.
    let water = Happening { event: "product_viewed".to_owned(), category: Some("water".to_owned()) };
    visitor.record(&water, clock("2026-07-06T10:00:00+02:00"));
    assert_eq!(place(&visitor, "welcome"), (resting("offer"), Some(at("2026-07-09T10:00:00+02:00"))));
    assert!(visitor.shows("offer-one"));
    visitor.look(clock("2026-07-06T10:00:00+02:00"));
    assert_eq!(place(&visitor, "welcome").0, resting("offer"), "the view was of an earlier look");
    visitor.look(clock("2026-07-09T09:59:59+02:00"));
    assert_eq!(place(&visitor, "welcome").0, resting("offer"));
    visitor.look(clock("2026-07-09T10:00:00+02:00"));
    // A Thursday: the next Monday is the 13th.
    assert_eq!(place(&visitor, "welcome"), (resting("morning"), Some(at("2026-07-13T09:00:00+02:00"))));
    visitor.record(&happen("purchase"), clock("2026-07-13T09:00:00+02:00"));
    assert_eq!(place(&visitor, "welcome"), (State::Reached, None), "the goal comes before the time");
    visitor.record(&happen("sign_up"), clock("2026-08-01T09:00:00+02:00"));
    assert_eq!(place(&visitor, "welcome").0, State::Reached, "never again");
}

#[test]
fn at_the_end_of_the_steps_a_journey_is_done() {
    let mut visitor = visitor(vec![journey("short", on("sign_up"), vec![set("gold")])]);
    visitor.record(&happen("sign_up"), clock("2026-06-03T10:00:10Z"));
    let standing = visitor.standing("short").expect("entered").clone();
    assert_eq!((standing.state, standing.since, standing.entries), (State::Done, at("2026-06-03T10:00:10Z"), 1));
}

#[test]
fn conditions_see_what_was_set_and_where_the_journey_was() {
    let is_inside = Condition::Is("own".to_owned(), vec![Phase::Inside]);
    let way = |condition: Condition, then: Step, otherwise: Step| {
        step("", Act::If { test: Test::Holds(condition), then: vec![then], otherwise: vec![otherwise] })
    };
    let steps =
        vec![set("gold"), way(plan("gold"), way(is_inside, wait("wrong", 5), wait("right", 5)), wait("unseen", 5))];
    let mut visitor = visitor(vec![journey("own", on("sign_up"), steps)]);
    visitor.record(&happen("sign_up"), clock("2026-06-03T10:00:00Z"));
    assert_eq!(place(&visitor, "own").0, resting("right"));
}

#[test]
fn a_condition_must_fail_before_it_lets_somebody_in_anew() {
    let mut gold = journey("gold", when(plan("gold")), vec![set("gold")]);
    gold.again = Again::After(60);
    let mut visitor = visitor(vec![gold]);
    let entries = |visitor: &Reference| visitor.standing("gold").map_or(0, |standing| standing.entries);
    visitor.say("plan", "gold", clock("2026-06-03T10:00:00Z"));
    visitor.look(clock("2026-06-03T10:00:01Z"));
    assert_eq!(entries(&visitor), 1);
    visitor.look(clock("2026-06-03T12:00:00Z"));
    assert_eq!(entries(&visitor), 1, "staying does not count");
    visitor.say("plan", "blue", clock("2026-06-03T12:00:01Z"));
    visitor.look(clock("2026-06-03T12:00:02Z"));
    visitor.say("plan", "gold", clock("2026-06-03T12:00:03Z"));
    visitor.look(clock("2026-06-03T12:00:04Z"));
    assert_eq!(entries(&visitor), 2);
    visitor.say("plan", "blue", clock("2026-06-03T12:10:00Z"));
    visitor.look(clock("2026-06-03T12:10:01Z"));
    visitor.say("plan", "gold", clock("2026-06-03T12:10:02Z"));
    visitor.look(clock("2026-06-03T13:00:03Z"));
    assert_eq!(entries(&visitor), 2, "an hour has not passed since 12:00:04");
    visitor.look(clock("2026-06-03T13:00:04Z"));
    assert_eq!(entries(&visitor), 3);
}

#[test]
fn one_journey_of_a_group_keeps_out_another_and_a_suppressed_one_ends() {
    let steps = || vec![wait("pause", 60)];
    let (mut first, mut second) = (journey("first", on("sign_up"), steps()), journey("second", on("sign_up"), steps()));
    (first.group, second.group) = (Some("one".to_owned()), Some("one".to_owned()));
    let mut third = journey("third", on("purchase"), steps());
    third.suppress = vec!["first".to_owned()];
    let mut visitor = visitor(vec![first, second, third]);
    visitor.record(&happen("sign_up"), clock("2026-06-03T10:00:00Z"));
    assert_eq!((place(&visitor, "first").0, visitor.standing("second")), (resting("pause"), None));
    visitor.record(&happen("purchase"), clock("2026-06-03T10:10:00Z"));
    assert_eq!(place(&visitor, "first").0, resting("pause"), "its turn was before the third was entered");
    visitor.look(clock("2026-06-03T10:10:01Z"));
    assert_eq!(place(&visitor, "first").0, State::Left);
    visitor.record(&happen("sign_up"), clock("2026-06-03T10:20:00Z"));
    assert_eq!(place(&visitor, "second").0, resting("pause"));
}

#[test]
fn nobody_enters_whose_goal_holds_already() {
    let mut rich = journey("rich", on("sign_up"), vec![wait("pause", 60)]);
    rich.goal = Some(when(plan("gold")));
    let mut visitor = visitor(vec![rich]);
    visitor.say("plan", "gold", clock("2026-06-03T10:00:00Z"));
    visitor.record(&happen("sign_up"), clock("2026-06-03T10:00:01Z"));
    assert_eq!(visitor.standing("rich"), None);
}

/// When a wait until so many minutes of the day ends that begins now.
fn until(minute: u64, weekdays: &[u64], now: &str, change: Option<(&str, i64)>) -> u64 {
    let steps = vec![step("morning", Act::WaitUntil(minute, weekdays.to_vec()))];
    let mut visitor = visitor(vec![journey("early", on("sign_up"), steps)]);
    if let Some((at_change, offset)) = change {
        visitor.expect_change(at(at_change), offset);
    }
    visitor.record(&happen("sign_up"), clock(now));
    place(&visitor, "early").1.expect("it ends by time")
}

#[test]
fn nine_is_the_next_nine_of_the_visitors_clock() {
    assert_eq!(until(540, &[], "2026-06-03T08:59:59+02:00", None), at("2026-06-03T09:00:00+02:00"));
    assert_eq!(until(540, &[], "2026-06-03T09:00:00+02:00", None), at("2026-06-04T09:00:00+02:00"));
    assert_eq!(until(540, &[3], "2026-06-03T09:00:01+02:00", None), at("2026-06-10T09:00:00+02:00"));
    assert_eq!(until(540, &[2, 7], "2026-06-03T09:00:01+02:00", None), at("2026-06-07T09:00:00+02:00"));
}

#[test]
fn the_best_hour_is_the_persons_where_it_is_known_and_waits_for_who_knows_where_not() {
    let best = |between, otherwise, hours: Option<&[u8]>| {
        let steps = vec![step("hour", Act::WaitBest { between, otherwise, weekdays: vec![4] })];
        let mut visitor = visitor(vec![journey("news", on("sign_up"), steps)]);
        if let Some(hours) = hours {
            visitor.tell_hours(hours);
        }
        // A Wednesday.
        visitor.record(&happen("sign_up"), clock("2026-06-03T10:00:00+02:00"));
        place(&visitor, "news").1
    };
    let thursday = |time: &str| Some(at(&format!("2026-06-04T{time}:00+02:00")));
    assert_eq!(best(None, None, Some(&[22, 7])), thursday("22:00"));
    assert_eq!(
        best(Some((8, 21)), None, Some(&[22, 21, 7, 8, 9])),
        thursday("08:00"),
        "the best of those that it may be"
    );
    assert_eq!(best(Some((20, 6)), None, Some(&[7, 3, 22])), thursday("03:00"), "over midnight");
    assert_eq!(best(None, None, Some(&[])), thursday("09:00"));
    assert_eq!(best(Some((18, 22)), None, Some(&[])), thursday("18:00"), "nine is not among them");
    assert_eq!(best(Some((18, 22)), Some(1_185), Some(&[])), thursday("19:45"));
    assert_eq!(best(None, Some(600), None), None, "only the origin knows");

    let steps = vec![step("hour", Act::WaitBest { between: None, otherwise: None, weekdays: vec![] })];
    let mut visitor = visitor(vec![journey("news", on("sign_up"), steps)]);
    visitor.record(&happen("sign_up"), clock("2026-06-03T10:00:00Z"));
    visitor.tell_hours(&[19]);
    visitor.look(clock("2026-06-05T10:00:00Z"));
    assert_eq!(place(&visitor, "news"), (resting("hour"), Some(at("2026-06-05T19:00:00Z"))));
    visitor.look(clock("2026-06-05T19:00:00Z"));
    assert_eq!(place(&visitor, "news").0, State::Done);
}

#[test]
fn a_skipped_time_is_the_change_and_one_that_comes_twice_the_first() {
    // Clocks in Lyon go from 02:00 to 03:00 on 2026-03-29, a Sunday, and from 03:00 to 02:00 on 2026-10-25.
    let spring = Some(("2026-03-29T01:00:00Z", 120));
    assert_eq!(until(150, &[], "2026-03-28T20:00:00+01:00", spring), at("2026-03-29T03:00:00+02:00"));
    assert_eq!(until(150, &[7], "2026-03-28T20:00:00+01:00", spring), at("2026-03-29T03:00:00+02:00"));
    assert_eq!(until(540, &[], "2026-03-28T20:00:00+01:00", spring), at("2026-03-29T09:00:00+02:00"));
    assert_eq!(until(180, &[], "2026-03-29T01:59:00+01:00", spring), at("2026-03-29T03:00:00+02:00"));
    let autumn = Some(("2026-10-25T01:00:00Z", 60));
    assert_eq!(until(150, &[], "2026-10-24T20:00:00+02:00", autumn), at("2026-10-25T02:30:00+02:00"));
    assert_eq!(until(120, &[], "2026-10-25T01:59:59+02:00", autumn), at("2026-10-25T02:00:00+02:00"));
    assert_eq!(until(150, &[], "2026-10-25T02:45:00+02:00", autumn), at("2026-10-26T02:30:00+01:00"));
    assert_eq!(until(180, &[], "2026-10-25T02:45:00+02:00", autumn), at("2026-10-25T03:00:00+01:00"));
    assert_eq!(until(540, &[], "2026-10-25T12:00:00+01:00", autumn), at("2026-10-26T09:00:00+01:00"), "it is over");
}

#[test]
fn whoever_rests_at_a_step_that_is_gone_is_moved_or_taken_out_or_parked() {
    let old = file(vec![journey("trip", on("sign_up"), vec![wait("old", 60), wait("last", 60)])]);
    let renamed = |changed, moved: Option<&str>| {
        let steps = vec![set("gold"), wait("new", 30), step("end", Act::Stop(End::Left))];
        let mut trip = journey("trip", on("sign_up"), steps);
        trip.changed = changed;
        trip.moved = moved.iter().map(|to| ("old".to_owned(), (*to).to_owned())).collect();
        file(vec![trip])
    };
    let after = |next: Rc<Script>| {
        let mut visitor = Reference::new(Rc::clone(&old), Vec::new());
        visitor.record(&happen("sign_up"), clock("2026-06-03T10:00:00Z"));
        visitor.change_file(next, Vec::new());
        assert_eq!(
            place(&visitor, "trip"),
            (resting("old"), Some(at("2026-06-03T11:00:00Z"))),
            "nobody has looked yet"
        );
        visitor.look(clock("2026-06-03T12:00:00Z"));
        place(&visitor, "trip")
    };
    assert_eq!(after(renamed(None, None)).0, resting("old"));
    assert_eq!(after(renamed(Some(Changed::Exit), None)), (State::Left, None));
    let new = (resting("new"), Some(at("2026-06-03T12:30:00Z")));
    assert_eq!(after(renamed(Some(Changed::Exit), Some("new"))), new, "moved comes before changed");
    assert_eq!(after(renamed(None, Some("end"))), (State::Left, None), "what is no rest is passed at once");
    let longer = file(vec![journey("trip", on("sign_up"), vec![wait("old", 600), wait("last", 60)])]);
    assert_eq!(after(longer), (resting("last"), Some(at("2026-06-03T13:00:00Z"))), "what was promised holds");
}

#[test]
fn a_goto_finds_a_step_wherever_it_stands_and_goes_on_behind_it() {
    let inner = step(
        "",
        Act::If {
            test: Test::Holds(plan("gold")),
            then: vec![wait("deep", 5)],
            otherwise: vec![set("gold"), step("", Act::Goto("deep".to_owned()))],
        },
    );
    let mut visitor = visitor(vec![journey("loop", on("sign_up"), vec![inner, wait("behind", 5)])]);
    visitor.record(&happen("sign_up"), clock("2026-06-03T10:00:00Z"));
    assert_eq!(place(&visitor, "loop").0, resting("deep"));
    visitor.look(clock("2026-06-03T10:05:00Z"));
    assert_eq!(place(&visitor, "loop").0, resting("behind"));
}

/// Reduced in the everyday run; `cargo xtask drill` sets PETITFOUR_DRILL for the full number.
fn cases(everyday: u64, drill: u64) -> u64 {
    if std::env::var_os("PETITFOUR_DRILL").is_some() { drill } else { everyday }
}

/// What random lives must come by, or a mistake in it would go unseen.
const RULES: [&str; 30] = [
    "best: begins anew",
    "best: hour",
    "best: nobody knows",
    "best: otherwise",
    "enter",
    "enter again",
    "exit",
    "goal",
    "goto",
    "if: else",
    "if: then",
    "moved",
    "parked",
    "refused: group",
    "refused: has not failed",
    "refused: never again",
    "refused: not yet again",
    "refused: over already",
    "refused: schedule",
    "refused: suppressed",
    "sent",
    "set",
    "split",
    "stop",
    "suppressed",
    "taken out",
    "until: past a change",
    "wait: out of time",
    "wait: time",
    "wait: trigger",
];

#[test]
fn random_lives_come_by_every_rule_and_betray_the_way_taken_at_splits() {
    let (mut applied, mut lives) = (BTreeMap::new(), 0_u64);
    for seed in 0..cases(1_500, 25_000) {
        let case = Case::draw(seed, 1 + seed % 10, Clockwork::Standing, 2);
        for (number, timeline) in case.timelines.iter().enumerate() {
            let mut double = Double::new(&case.scripts, seed ^ number as u64);
            if let Err(fault) = live(&case.scripts, timeline, &mut double, &mut applied) {
                panic!("{}", case.tell(timeline, &fault));
            }
            lives += 1;
        }
    }
    for rule in RULES {
        let count = applied.get(rule).copied().unwrap_or(0);
        assert!(count * 200 >= lives, "{rule}: {count} times in {lives} lives\n{applied:#?}");
    }
}

/// A campaign for each condition, so that the engine says which of them hold.
fn campaigns(conditions: &[Condition]) -> Arc<Engine> {
    let (head, _) = HEAD.split_once("placements:").expect("what follows is of journeys");
    let (mut text, mut placements) = (head.to_owned(), String::new());
    let _ = write!(text, "campaigns:");
    for (number, condition) in conditions.iter().enumerate() {
        let _ = writeln!(placements, "  place-{number}: {{}}");
        let creatives = format!("creatives: [{{ id: creative-{number}, headline: a }}]");
        let _ = write!(
            text,
            "\n  - {{ id: campaign-{number}, placements: [place-{number}], when: {condition}, {creatives} }}"
        );
    }
    support::build(&format!("{text}\nplacements:\n{placements}"))
}

#[test]
fn the_reference_and_campaigns_agree_about_conditions() {
    for seed in 0..cases(150, 3_000) {
        let chance = &mut Chance::new(seed);
        let conditions: Vec<Condition> = (0..10).map(|_| Draft::condition(chance)).collect();
        let mut session = Session::new(campaigns(&conditions), [3; 32]);
        let mut reference = Reference::new(file(Vec::new()), Vec::new());
        let mut clock = Clock { now: at("2026-03-02T10:00:00Z") + chance.below(300 * DAY), offset: 120 };
        let moment = |clock: Clock| Moment { now: Timestamp(clock.now), offset_minutes: clock.offset as i16 };
        session.consent(Permissions::ALL, moment(clock));
        for _ in 0..30 {
            clock.now += chance.pick(&[1, HOUR, 7 * HOUR, DAY, 3 * DAY]);
            clock.offset = chance.pick(&[120, 120, 120, -300, 765]);
            let word = chance.pick(&["gold", "club", "blue"]);
            match chance.below(6) {
                0 => {
                    session.set_trait_text("plan", word, moment(clock));
                    reference.say("plan", word, clock);
                }
                1 => {
                    let weather = chance.pick(&["sunny", "rain", "hail"]);
                    session.set_context_text("weather", weather);
                    reference.tell_text("weather", weather);
                }
                2 => {
                    let degrees = chance.between(10, 30) as f64;
                    session.set_context_number("temperature", degrees);
                    reference.tell_temperature(degrees);
                }
                _ => {
                    let event = chance.pick(&["sign_up", "product_viewed", "purchase"]);
                    let category = chance.pick(&["water", "soda"]);
                    let parsed = Event::parse(event, [("category", category)], None).expect("an event");
                    session.record(&parsed, moment(clock));
                    reference
                        .record(&Happening { event: event.to_owned(), category: Some(category.to_owned()) }, clock);
                }
            }
            for (number, condition) in conditions.iter().enumerate() {
                let shown = session.decide(&format!("place-{number}"), moment(clock)).campaign.is_some();
                assert_eq!(shown, reference.holds(condition, clock), "seed {seed}: {condition} at {clock:?}");
            }
        }
    }
}

#[test]
fn random_files_are_told_apart_by_the_length_of_one_wait() {
    // That a contest can be lost: of files that differ, most lives say so.
    let (mut found, mut tried) = (0, 0);
    for seed in 0..300 {
        let case = Case::draw(seed, 10, Clockwork::Forward, 1);
        let mut other = (*case.scripts[0]).clone();
        let Some(act) = other.journeys[0].steps.iter_mut().find_map(|step| match &mut step.act {
            Act::WaitFor(minutes) => Some(minutes),
            _ => None,
        }) else {
            continue;
        };
        *act += 1;
        tried += 1;
        let mut double = Double::new(&[Rc::new(other)], seed);
        let scripts = [Rc::clone(&case.scripts[0])];
        let mut timeline = case.timelines[0].clone();
        timeline.deeds.retain(|(_, deed)| !matches!(deed, journey::timeline::Deed::File(_)));
        found += u32::from(live(&scripts, &timeline, &mut double, &mut BTreeMap::new()).is_err());
    }
    assert!(found * 3 > tried, "{found} of {tried}");
}
