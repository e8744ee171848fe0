//! A journey through days, as `docs/journeys.md` tells it.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that fails here has failed")]
mod support;
use petitfour::consent::Permissions;
use petitfour::engine::{Session, State};
use petitfour::event::Event;
use support::{build, moment};

#[test]
fn the_welcome_of_the_documentation() {
    let text = std::fs::read_to_string(support::root().join("docs/journeys.md")).unwrap();
    let yaml: String =
        text.split("```yaml\n").skip(1).map(|part| part.split("```").next().unwrap()).collect::<Vec<_>>().join("\n");
    let engine = build(&yaml);
    let mut session = Session::new(engine, [7; 32]);
    let now = moment("2026-06-04T10:00:00+02:00");
    session.consent(Permissions::ALL, now);
    let event = |name| Event::parse(name, [], None).unwrap();
    assert_eq!(session.journey("welcome"), None);
    session.record(&event("sign_up"), now);
    assert_eq!(session.journey("welcome").unwrap().state, State::At("hello".into()));
    let later = moment("2026-06-04T10:05:00+02:00");
    assert!(session.sent("welcome", later));
    let standing = session.journey("welcome").unwrap();
    assert_eq!(standing.state, State::At("pause".into()));
    assert_eq!(standing.due.unwrap().0 - later.now.0, 2 * 86_400_000);
    session.look(moment("2026-06-06T10:04:00+02:00"));
    assert_eq!(session.journey("welcome").unwrap().state, State::At("pause".into()));
    session.record(
        &Event::parse("product_viewed", [("category", "water")], None).unwrap(),
        moment("2026-06-06T10:04:30+02:00"),
    );
    let due = moment("2026-06-06T10:05:00+02:00");
    assert_eq!(
        session.decide("hero", due).campaign.map(|at| session
            .engine()
            .catalog()
            .string(session.engine().catalog().campaign(at).unwrap().name())
            .to_owned()),
        Some("offer-one".to_owned())
    );
    assert_eq!(session.journey("welcome").unwrap().state, State::At("offer".into()));
    session.look(moment("2026-06-09T10:05:00+02:00"));
    assert_eq!(session.journey("welcome").unwrap().state, State::At("morning".into()));
    // Tuesday, 9 June 2026, after nine: next Monday.
    assert_eq!(session.journey("welcome").unwrap().due, Some(moment("2026-06-15T09:00:00+02:00").now));
    session.record(&event("purchase"), moment("2026-06-10T10:05:00+02:00"));
    assert_eq!(session.journey("welcome").unwrap().state, State::Reached);
}
