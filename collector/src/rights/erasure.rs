//! Erasure: what a request for deletion takes from the store, and whom it is passed on to.
//!
//! Everything happens in one transaction: identifiers with their events, addresses and evidence, what devices sent, what waits
//! for the person in outboxes; a parcel for every destination that has had something of the person; and the note that it was done.
//! Graves stay (see [`crate::forget`] and [`crate::graph`]), so that what was still on its way is let go when it arrives.
//!
//! A request of the shop's own takes the whole person. One that comes from another company takes what hangs on the
//! identifier that it names, and no more, unless whoever runs this says otherwise: the person asked that company, not us.

use std::collections::{BTreeMap, BTreeSet};

use petitfour::identity::{Digest, Forms, Hashed};
use serde::Deserialize;
use serde_json::json;

use super::{
    Subject,
    acknowledgement::named,
    proof::Step,
    register::{self, Pending},
};
use crate::{
    destination::{
        Kind, Parcel,
        dispatch::Routes,
        platform::{Held, Member},
        post,
    },
    graph::{Graph, Known, find},
    hex,
    person::deletion::Rows,
    sql::{Connection, Result},
};

/// How far a request of another company reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reach {
    /// What hangs on the identifier that it names.
    #[default]
    Identifier,
    /// The whole person.
    Person,
}

/// Identifiers that go, by kind and value, with the forms that a digest serves.
pub(crate) type Targets = BTreeMap<(u8, Vec<u8>), u8>;

/// Which forms a digest serves is not said by another company; the plain one is what the framework's examples are.
const UNTOLD: Forms = Forms::PLAIN;

/// Does what a request asks for, within the writer's transaction.
///
/// # Errors
/// Any error of the store; the whole transaction is then to be given up.
pub fn erase(graph: &mut Graph<'_>, request: &Pending, reach: Reach, routes: &Routes) -> Result<()> {
    let (namespace, value) = named(&request.subject);
    let connection = graph.connection;
    if !register::is_pending(connection, request)? {
        return Ok(());
    }
    let person = find(connection, graph.policy, namespace, &value)?;
    let whole = request.requester.is_empty() || reach == Reach::Person;
    let known: Vec<Known> = person.map(|person| person.identifiers).unwrap_or_default();
    let named_here = |one: &Known| one.namespace == namespace && one.value == value;
    // What many share is nobody's: deleting it would take from the others.
    let gone: Vec<&Known> = known.iter().filter(|one| !one.shared && (whole || named_here(one))).collect();
    let names: Vec<String> = known.iter().map(|one| hex::write(&one.uid)).collect();
    let holders = holders(connection, &names)?;

    let mut steps = Vec::new();
    let (mut waiting, mut rows) = (0, Rows::default());
    for one in &gone {
        waiting += post::forget(connection, &hex::write(&one.uid))?;
    }
    // What the request names goes even when the graph does not know it: lists of a CRM, and what is still on its way.
    let mut targets: Targets = gone.iter().map(|one| ((one.namespace, one.value.clone()), one.forms)).collect();
    if !known.iter().any(|one| one.shared && named_here(one)) {
        targets.entry((namespace, value)).or_insert(UNTOLD.bits());
    }
    for (namespace, value) in targets.keys() {
        rows.erase(graph, *namespace, value)?;
    }
    let at = graph.received;
    for (place, count) in [
        ("identifiers", rows.of("identifiers")),
        ("events", rows.of("events")),
        ("visitors", rows.of("visitors")),
        ("memberships", rows.of("memberships")),
        ("outbox and log", waiting),
    ] {
        steps.push(Step { place: place.to_owned(), count, at: Some(at) });
    }
    let parcel = Parcel {
        id: register::parcel(&request.requester, &request.number),
        person: names.first().cloned().unwrap_or_default(),
        kind: Kind::Delete,
        at,
        body: json!({ "member": member(&targets), "original": request.original }),
    };
    pass_on(connection, routes, &holders, &parcel)?;
    register::erased(connection, request, &steps, at)
}

/// Destinations that have had something of somebody who goes by these names.
pub(crate) fn holders(connection: &Connection, names: &[String]) -> Result<BTreeSet<String>> {
    let found = names.iter().map(|name| post::holders(connection, name)).collect::<Result<Vec<_>>>()?;
    Ok(found.concat().into_iter().collect())
}

/// Sends a deletion to those of them that take it; how many.
pub(crate) fn pass_on(
    connection: &Connection,
    routes: &Routes,
    holders: &BTreeSet<String>,
    parcel: &Parcel,
) -> Result<u64> {
    let mut sent = 0;
    for taker in routes.takers(Kind::Delete).filter(|taker| holders.contains(*taker)) {
        sent += u64::from(post::send(connection, taker, parcel)?);
    }
    Ok(sent)
}

/// Digests for lists of deletions, and pseudonyms for whoever knows the person by one.
pub(crate) fn member(targets: &Targets) -> Member {
    let mut member = Member::default();
    for ((number, value), forms) in targets {
        match <[u8; 32]>::try_from(value.as_slice())
            .map(|digest| Hashed::from_code(number | forms << 5, Digest(digest)))
        {
            Ok(Some(hashed)) => member.identifiers.push(Held::from(&hashed)),
            _ => drop(member.ids.insert("visitor".to_owned(), hex::write(value))),
        }
    }
    member
}

impl Subject {
    /// The subject of a digest that a device sent.
    #[must_use]
    pub fn of(hashed: &Hashed) -> Option<Self> {
        Some(Self::Identifier(hashed.namespace()?, *hashed.digest()))
    }
}
