//! What is timed: the same decision, reached on four ways into the engine, and the reference beside it.

use std::{hint::black_box, sync::Arc};

use petitfour::{
    engine::{Engine, Session},
    time::Moment,
};

use crate::{
    verify::{MOMENT_MS, seed},
    workload::{PLACEMENT, Visitor, Workload},
};

/// Where the attributes of a workload stand in a bundle; resolved once, as any host does.
pub struct Attributes {
    texts: Vec<Option<usize>>,
    numbers: Vec<Option<usize>>,
}

impl Attributes {
    /// Looks the names up. One that no campaign asks about is not in the bundle.
    #[must_use]
    pub fn of(engine: &Engine, workload: &Workload) -> Self {
        let find = |names: &[String]| names.iter().map(|name| engine.catalog().context_named(name)).collect();
        Self { texts: find(&workload.texts), numbers: find(&workload.numbers) }
    }

    /// Writes a visitor into the block of inputs; every text is interned anew.
    pub fn tell(&self, engine: &Engine, session: &mut Session, visitor: &Visitor) {
        let catalog = engine.catalog();
        let inputs = session.inputs();
        for (place, text) in self.texts.iter().zip(&visitor.texts) {
            if let Some(place) = *place
                && let (Some(input), Some(attribute)) = (inputs.get_mut(place), catalog.attribute(place))
            {
                *input = f64::from(catalog.intern(&attribute, text));
            }
        }
        for (place, number) in self.numbers.iter().zip(&visitor.numbers) {
            if let Some(input) = place.and_then(|place| inputs.get_mut(place)) {
                *input = *number;
            }
        }
    }
}

/// One way to a decision, over all visitors of a workload.
pub struct Subject<'a> {
    /// What it is called in the results.
    pub name: &'static str,
    /// What it does, for the table.
    pub what: &'static str,
    /// Decides for every visitor once; the answer is how many got a campaign.
    pub pass: Box<dyn FnMut() -> usize + 'a>,
}

/// All subjects of a workload.
#[must_use]
pub fn subjects<'a>(workload: &'a Workload, visitors: &'a [Visitor], engine: &'a Arc<Engine>) -> Vec<Subject<'a>> {
    let moment = Moment::utc(MOMENT_MS);
    let session = || Session::new(Arc::clone(engine), seed("bench"));
    let placement = engine.catalog().placement_named(PLACEMENT).unwrap_or(usize::MAX);

    let mut named = session();
    let by_name = move || {
        let mut chosen = 0;
        for visitor in visitors {
            for (name, text) in workload.texts.iter().zip(&visitor.texts) {
                named.set_context_text(name, text);
            }
            for (name, number) in workload.numbers.iter().zip(&visitor.numbers) {
                named.set_context_number(name, *number);
            }
            chosen += usize::from(black_box(named.decide(PLACEMENT, moment)).campaign.is_some());
        }
        chosen
    };

    let (mut plain, attributes) = (session(), Attributes::of(engine, workload));
    let object = move || {
        let mut chosen = 0;
        for visitor in visitors {
            attributes.tell(engine, &mut plain, visitor);
            chosen += usize::from(black_box(plain.decide_at(placement, moment)).campaign.is_some());
        }
        chosen
    };

    let (mut filled, attributes) = (session(), Attributes::of(engine, workload));
    let blocks: Vec<Vec<f64>> = visitors
        .iter()
        .map(|visitor| {
            attributes.tell(engine, &mut filled, visitor);
            filled.inputs().to_vec()
        })
        .collect();
    let ready = move || {
        let mut chosen = 0;
        for block in &blocks {
            for (input, value) in filled.inputs().iter_mut().zip(block) {
                *input = *value;
            }
            chosen += usize::from(black_box(filled.decide_at(placement, moment)).campaign.is_some());
        }
        chosen
    };

    let (mut still, attributes) = (session(), Attributes::of(engine, workload));
    if let Some(visitor) = visitors.first() {
        attributes.tell(engine, &mut still, visitor);
    }
    let again =
        move || visitors.iter().filter(|_| black_box(still.decide_at(placement, moment)).campaign.is_some()).count();

    let reference = move || visitors.iter().filter(|visitor| black_box(workload.decide(visitor)).is_some()).count();

    vec![
        Subject { name: "named", what: "every attribute told by its name", pass: Box::new(by_name) },
        Subject {
            name: "object",
            what: "from a flat visitor: texts interned, numbers written",
            pass: Box::new(object),
        },
        Subject { name: "ready", what: "inputs already numbers, all of them new", pass: Box::new(ready) },
        Subject { name: "again", what: "the same visitor once more, nothing has changed", pass: Box::new(again) },
        Subject { name: "reference", what: "the reference semantics, interpreted", pass: Box::new(reference) },
    ]
}
