//! The pixel: an event in the address of an image, for mail and for pages that may run nothing.
//!
//! `event`, `type`, `userId`, `anonymousId`, `messageId`, `timestamp`, `name` and `writeKey` stand for themselves; `p.x` is property `x`, `t.x`
//! trait `x`, and `permit` the permissions, with commas between. Other parameters are left alone, since mail providers add their own.
//!
//! An image may be fetched again by a proxy or a reader: only a `messageId` makes it count once.

use serde_json::{Map, Value, json};

use super::{
    call::{Arrival, Call, Mark},
    fault::Fault,
    letters,
};
use crate::event::{Delivery, EVENT_BYTES};

/// A transparent GIF of one point (GIF89a, 43 bytes).
pub const GIF: [u8; 43] =
    *b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\x04\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";

/// Longest query. Proxies and mail readers cut addresses at 2 to 8 KB.
pub const QUERY_BYTES: usize = 8 * 1_024;

/// Most parameters that are looked at.
const PARAMETERS: usize = 128;

/// The write key in a query.
#[must_use]
pub fn write_key(query: &str) -> Option<String> {
    parameters(query).find(|(name, _)| name == "writeKey").map(|(_, value)| value)
}

/// Reads the event of a query.
#[must_use]
pub fn deliver(query: &str, arrival: &Arrival<'_>) -> Delivery {
    let mut delivery = Delivery::default();
    let key = write_key(query);
    letters::sort(&mut delivery, read(query, arrival), 0, arrival, || {
        letters::without(query.as_bytes(), key.as_deref())
    });
    delivery
}

fn parameters(query: &str) -> impl Iterator<Item = (String, String)> {
    form_urlencoded::parse(query.as_bytes())
        .take(PARAMETERS)
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
}

fn read(query: &str, arrival: &Arrival<'_>) -> letters::Read {
    if query.len() > QUERY_BYTES.min(EVENT_BYTES) {
        return Err(Fault::new("event/size", "", format!("the query is longer than {QUERY_BYTES} bytes")));
    }
    let mut object = Map::new();
    let (mut properties, mut traits) = (Map::new(), Map::new());
    for (name, value) in parameters(query) {
        if name.contains('\0') || value.contains('\0') {
            return Err(Fault::new("event/nul", "", "a text holds U+0000, which cannot be stored; leave it out"));
        }
        match name.as_str() {
            "event" | "type" | "userId" | "anonymousId" | "messageId" | "timestamp" | "name" => {
                object.insert(name, Value::String(value));
            }
            "permit" => {
                let permitted: Vec<&str> = value.split(',').map(str::trim).collect();
                object.insert("context".to_owned(), json!({ "permissions": permitted }));
            }
            _ => {
                if let Some(name) = name.strip_prefix("p.") {
                    properties.insert(name.to_owned(), Value::String(value));
                } else if let Some(name) = name.strip_prefix("t.") {
                    traits.insert(name.to_owned(), Value::String(value));
                }
            }
        }
    }
    object.insert("properties".to_owned(), Value::Object(properties));
    object.insert("traits".to_owned(), Value::Object(traits));
    Call { object, kind: None, sent: None, mark: Mark::Bytes(query.as_bytes(), 0) }.read(arrival)
}
