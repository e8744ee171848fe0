//! Events as a shop sends them: people who come back, with a browser's id each and an account for most.

use petitfour::{identity::Digest, identity::Namespace};
use petitfour_collector::event::{ANONYMOUS, Delivery, Event, Identifier, Kind};

/// Events of one body.
pub const BATCH: usize = 20;

/// Events of one person that stand together in a body.
const TOGETHER: usize = 5;

/// Events that a person sends in all: so many are new, the others come back.
const EACH: usize = 20;

/// Whose event it is.
pub fn person(number: usize) -> usize {
    // Those who stand together in one body come again in a later one.
    let people = number / TOGETHER;
    people % (people / (EACH / TOGETHER) + 1)
}

/// The deliveries that come to so many events; `round` keeps one run's messages from another's.
pub fn deliveries(round: &str, events: usize) -> Vec<Delivery> {
    (0..events)
        .step_by(BATCH)
        .map(|first| {
            let events = (first..events.min(first + BATCH)).map(|number| event(round, number)).collect();
            Delivery { events, ..Delivery::default() }
        })
        .collect()
}

fn event(round: &str, number: usize) -> Event {
    let person = person(number);
    let digest = |kind: &str, what: usize| Digest::of(format!("{kind} {what}").into_bytes()).0.to_vec();
    let mut identifiers = Vec::new();
    // Two of three are signed in.
    if !person.is_multiple_of(3) {
        identifiers.push(Identifier { namespace: Namespace::User.number(), forms: 0, value: digest("user", person) });
    }
    identifiers.push(Identifier { namespace: ANONYMOUS, forms: 0, value: digest("browser", person) });
    let message = Digest::of(format!("{round} {number}").into_bytes()).0;
    Event {
        kind: Kind::Track,
        message: message.first_chunk().copied().unwrap_or_default(),
        source: "web".to_owned(),
        name: "Product Viewed".to_owned(),
        at: 1_760_000_000_000 + i64::try_from(number).unwrap_or_default(),
        identifiers,
        value: 0,
        permitted: 15,
        contacts: Vec::new(),
        body: format!(
            r#"{{"context":{{"library":{{"name":"load","version":"1"}},"page":{{"path":"/shop/{}","title":"A product"}}}},"properties":{{"product_id":"sku-{}","category":"drinks","price":3.5,"currency":"EUR"}}}}"#,
            number % 97,
            number % 997
        ),
    }
}

/// The same as bodies of Segment's `/v1/batch`.
pub fn bodies(round: &str, events: usize) -> Vec<String> {
    (0..events)
        .step_by(BATCH)
        .map(|first| {
            let calls: Vec<String> = (first..events.min(first + BATCH)).map(|number| call(round, number)).collect();
            format!(r#"{{"batch":[{}],"sentAt":"2025-10-09T09:00:00.000Z"}}"#, calls.join(","))
        })
        .collect()
}

fn call(round: &str, number: usize) -> String {
    let person = person(number);
    let user = if person.is_multiple_of(3) { String::new() } else { format!(r#""userId":"user {person}","#) };
    format!(
        r#"{{"type":"track","event":"Product Viewed","messageId":"{round} {number}","anonymousId":"browser {person}",{user}"timestamp":"2025-10-09T08:53:20.000Z","context":{{"library":{{"name":"load","version":"1"}},"page":{{"path":"/shop/{}","title":"A product"}}}},"properties":{{"product_id":"sku-{}","category":"drinks","price":3.5,"currency":"EUR"}}}}"#,
        number % 97,
        number % 997
    )
}
