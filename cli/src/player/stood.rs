//! Where somebody stands in a journey, told: at which step, since when and until when.

use std::fmt;

use petitfour::engine::{Session, Standing, State};
use petitfour::time::Moment;
use petitfour_compiler::story::Footing;
use serde::Serialize;

use crate::words;

/// Where somebody was found to stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Stood {
    pub(crate) journey: String,
    /// `at pause`, `done`, `reached`, `left` or `never entered`.
    pub(crate) state: String,
    /// The message that waits there to be handed over.
    pub(crate) sends: Option<String>,
    pub(crate) since: Option<String>,
    /// When the time has come to go on, if time is what ends the rest.
    pub(crate) until: Option<String>,
    pub(crate) entries: u8,
    #[serde(skip)]
    standing: Option<Standing>,
}

impl Stood {
    /// Looks where somebody stands, and moves nothing.
    pub(crate) fn of(session: &Session, journey: &str, now: Moment) -> Self {
        let standing = session.journey(journey);
        let catalog = session.engine().catalog();
        let state = match standing.as_ref().map(|standing| &standing.state) {
            None => "never entered".to_owned(),
            Some(State::At(step)) if step.is_empty() => "at a step that is not there any more".to_owned(),
            Some(State::At(step)) => format!("at {step}"),
            Some(State::Done) => "done".to_owned(),
            Some(State::Reached) => "reached".to_owned(),
            Some(State::Left) => "left".to_owned(),
        };
        let due = session
            .due()
            .find(|due| catalog.journey(due.journey).is_some_and(|found| catalog.string(found.name()) == journey));
        let message = due.and_then(|due| catalog.messages().nth(due.message));
        let clock = |now_ms| words::moment(Moment { now: now_ms, ..now });
        Self {
            journey: journey.to_owned(),
            state,
            sends: message.map(|message| catalog.string(message.name()).to_owned()),
            since: standing.as_ref().map(|standing| clock(standing.since)),
            until: standing.as_ref().and_then(|standing| standing.due).map(clock),
            entries: standing.as_ref().map_or(0, |standing| standing.entries),
            standing,
        }
    }

    /// Whether this is how a story expects it.
    pub(crate) fn is(&self, footing: &Footing) -> bool {
        let state = self.standing.as_ref().map(|standing| &standing.state);
        match footing {
            Footing::At(step) => matches!(state, Some(State::At(at)) if at == step),
            Footing::Sends(message) => self.sends.as_ref() == Some(message),
            Footing::Inside => matches!(state, Some(State::At(_))),
            Footing::Done => state == Some(&State::Done),
            Footing::Reached => state == Some(&State::Reached),
            Footing::Left => state == Some(&State::Left),
            Footing::Never => state.is_none(),
        }
    }
}

impl fmt::Display for Stood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.state)?;
        if let Some(message) = &self.sends {
            write!(f, ", where {message} waits to be handed over")?;
        }
        if let Some(since) = &self.since {
            write!(f, ", since {since}")?;
        }
        match &self.until {
            Some(until) => write!(f, ", until {until}"),
            None => Ok(()),
        }
    }
}
