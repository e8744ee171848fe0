//! CloudEvents: a parcel as one structured event of version 1.0.
//!
//! `id` is the parcel's id and `source` the collector's: together they are what consumers dedupe by, as the standard says.

use serde_json::{Map, Value, json};

use super::{Parcel, rfc3339};

/// What `Content-Type` says of a structured event.
pub const CONTENT_TYPE: &str = "application/cloudevents+json";

/// The event as JSON. `source` is a URI reference of whoever runs this.
#[must_use]
pub fn structured(parcel: &Parcel, source: &str) -> Value {
    let mut event = Map::new();
    event.insert("specversion".into(), "1.0".into());
    event.insert("id".into(), parcel.id.clone().into());
    event.insert("source".into(), source.into());
    event.insert("type".into(), format!("petitfour.{}", parcel.kind).into());
    // An attribute that is there may not be empty.
    if !parcel.person.is_empty() {
        event.insert("subject".into(), parcel.person.clone().into());
    }
    if let Some(time) = rfc3339(parcel.at) {
        event.insert("time".into(), time.into());
    }
    event.insert("datacontenttype".into(), "application/json".into());
    event.insert("data".into(), json!(parcel.body));
    Value::Object(event)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::destination::Kind;

    #[test]
    fn an_event_carries_what_consumers_dedupe_by_and_no_empty_attribute() {
        let parcel = Parcel {
            id: "p-1".into(),
            person: String::new(),
            kind: Kind::Event,
            at: 1_780_315_200_123,
            body: json!({ "a": 1 }),
        };
        let event = structured(&parcel, "https://shop.example/collector");
        assert_eq!(
            event,
            json!({
                "specversion": "1.0", "id": "p-1", "source": "https://shop.example/collector", "type": "petitfour.event",
                "time": "2026-06-01T12:00:00.123Z", "datacontenttype": "application/json", "data": { "a": 1 },
            })
        );
    }
}
