//! How many events a second one core reads, from the bytes of a batch to events with digests: `cargo run --release -p petitfour-collector --example
//! parse`.
//!
//! Batches are of twenty, as Segment's library for servers sends them; nothing is stored. What a core reads bounds what a collector can take.

#![allow(clippy::expect_used, clippy::print_stdout, reason = "a measurement that cannot go on says why by panicking")]

use std::time::{Duration, Instant};

use petitfour::consent::Permissions;
use petitfour_collector::intake::{
    call::Arrival,
    segment::{Request, Route},
};
use serde_json::{Value, json};

/// How long is measured.
const TIME: Duration = Duration::from_secs(3);

fn event(number: u32) -> Value {
    let context = json!({
        "library": { "name": "@segment/analytics-node", "version": "3.1.0" },
        "page": { "url": "https://shop.example/tea/iced?utm_source=mail&gclid=Cj0KCQjw", "path": "/tea/iced", "search": "?utm_source=mail&gclid=Cj0KCQjw",
                  "referrer": "https://news.example/", "title": "Iced tea" },
        "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
        "locale": "de-AT", "timezone": "Europe/Vienna", "ip": "203.0.113.9",
    });
    let head = json!({
        "userId": format!("customer-{number}"), "anonymousId": format!("6d92078a-8246-4ba4-ae5b-{number:012x}"),
        "messageId": format!("node-next-1777636800000-{number}"), "timestamp": "2026-05-01T11:59:58.123Z",
        "integrations": {}, "_metadata": { "nodeVersion": "20.19.0" }, "context": context,
    });
    let mut event = head;
    let more = match number % 4 {
        0 => {
            json!({ "type": "identify", "traits": { "email": format!("customer-{number}@example.com"), "phone": "+43 660 1234567", "plan": "gold" } })
        }
        1 => json!({ "type": "page", "name": "Iced tea", "properties": { "path": "/tea/iced", "title": "Iced tea" } }),
        _ => json!({ "type": "track", "event": "Order Completed", "properties": {
            "order_id": format!("o-{number}"), "revenue": 29.9, "currency": "EUR",
            "products": [{ "product_id": "tea-iced", "name": "Iced tea", "category": "tea", "price": 2.99, "quantity": 10 }] } }),
    };
    if let (Some(event), Value::Object(more)) = (event.as_object_mut(), more) {
        event.extend(more);
    }
    event
}

fn main() {
    let batches: Vec<Vec<u8>> = (0..50)
        .map(|batch| {
            let events: Vec<Value> = (0..20).map(|number| event(batch * 20 + number)).collect();
            json!({ "batch": events, "writeKey": "key", "sentAt": "2026-05-01T12:00:00.000Z" }).to_string().into_bytes()
        })
        .collect();
    let arrival = Arrival {
        source: "shop",
        trusted: true,
        otherwise: Permissions::ALL,
        received: 1_777_636_800_000,
        path: "/v1/batch",
        visitor: None,
    };
    let (mut events, mut bytes) = (0, 0);
    let began = Instant::now();
    for batch in batches.iter().cycle() {
        let delivery = Request::open(Route::Many, batch).expect("a batch").deliver(&arrival);
        assert!(delivery.letters.is_empty(), "all of it reads");
        events += delivery.events.len();
        bytes += batch.len();
        if began.elapsed() > TIME {
            break;
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    let (rate, megabytes, each) = (events as f64 / seconds, bytes as f64 / seconds / 1e6, bytes / events);
    println!("{rate:.0} events a second on one core ({megabytes:.0} MB/s, {each} bytes each)");
}
