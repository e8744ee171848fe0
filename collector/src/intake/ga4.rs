//! GA4's Measurement Protocol: `POST /mp/collect` as a server of the shop's sends it, and what its events mean here.
//!
//! Names, values and items are read as the browser reads them (`docs/sources.md`): an event keeps its name, `page_view` is a page, `items` are
//! kept under one set of names. Whoever has the API secret is a program of the shop's, so its secret is a write key.
//!
//! A purchase is known again by its `transaction_id`, as in GA4; other events have no id there, so a repeat is known by bytes and time.
//! Absent on purpose: sessions (`session_id`, `engagement_time_msec`), which mean something to GA4 alone; they are kept as properties.

use serde::Deserialize;
use serde_json::{Map, Value, json, value::RawValue};

use super::{
    call::{Arrival, Call, Mark},
    fault::Fault,
    letters, shape,
};
use crate::event::{Delivery, EVENT_BYTES, Kind};

/// Most events of a request, as GA4 has it.
pub const EVENTS: usize = 25;

/// Longest body, as GA4 has it (130 KB).
pub const BYTES: usize = 130 * 1_024;

/// Longest envelope: what stands beside `events`.
const ENVELOPE_BYTES: usize = 4 * 1_024;

/// A body whose envelope was read.
pub struct Request<'a> {
    envelope: Map<String, Value>,
    events: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Events<'a> {
    #[serde(borrow)]
    events: Vec<&'a RawValue>,
}

impl<'a> Request<'a> {
    /// Reads the envelope.
    ///
    /// # Errors
    /// `body/json`, `batch/many`, `batch/context`.
    pub fn open(body: &'a [u8]) -> Result<Self, Fault> {
        let Events { events } = serde_json::from_slice(body).map_err(|error| Fault::json("body/json", &error))?;
        if events.len() > EVENTS {
            return Err(Fault::new("batch/many", "/events", format!("a request has at most {EVENTS} events")));
        }
        let within: usize = events.iter().map(|event| event.get().len()).sum();
        if body.len() - within.min(body.len()) > ENVELOPE_BYTES {
            let message = format!("what stands beside the events has at most {ENVELOPE_BYTES} bytes");
            return Err(Fault::new("batch/context", "", message));
        }
        // The events are small by now, or will be refused; their tree is built once more each, alone.
        let envelope: Beside = serde_json::from_slice(body).map_err(|error| Fault::json("body/json", &error))?;
        Ok(Self { envelope: envelope.0, events })
    }

    /// How many events it brings.
    #[must_use]
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Does it bring none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Reads the events, in order.
    #[must_use]
    pub fn deliver(&self, arrival: &Arrival<'_>) -> Delivery {
        let mut delivery = Delivery::default();
        for (position, event) in (0_u32..).zip(&self.events) {
            let bytes = event.get().as_bytes();
            let read = shape::check(bytes)
                .and_then(|()| shape::object(bytes))
                .and_then(|event| self.event(event, bytes, position, arrival));
            letters::sort(&mut delivery, read, position, arrival, || {
                let mut envelope = self.envelope.clone();
                envelope.insert("events".to_owned(), Value::Array(Vec::new()));
                let text = Value::Object(envelope).to_string();
                text.replacen("\"events\":[]", &format!("\"events\":[{}]", event.get()), 1).into_bytes()
            });
        }
        delivery
    }

    fn event(
        &self,
        mut event: Map<String, Value>,
        bytes: &[u8],
        position: u32,
        arrival: &Arrival<'_>,
    ) -> letters::Read {
        let name = match event.remove("name") {
            Some(Value::String(name)) => name,
            _ => return Err(Fault::kind("/name", "a text")),
        };
        let parameters = match event.remove("params") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(parameters)) => parameters,
            Some(_) => return Err(Fault::kind("/params", "an object")),
        };
        let beside = |field: &str| event.get(field).or_else(|| self.envelope.get(field));
        let transaction =
            parameters.get("transaction_id").and_then(Value::as_str).filter(|id| name == "purchase" && !id.is_empty());
        let mark = transaction.map_or(Mark::Bytes(bytes, position), |id| Mark::Said(format!("purchase\n{id}")));
        let mut object = Map::new();
        let mut put = |name: &str, value: Option<Value>| value.map(|value| object.insert(name.to_owned(), value));
        put("userId", self.envelope.get("user_id").cloned());
        put("anonymousId", self.envelope.get("client_id").or_else(|| self.envelope.get("app_instance_id")).cloned());
        put("timestamp", beside("timestamp_micros").map(milliseconds).transpose()?);
        put("traits", self.traits());
        put("context", beside("consent").and_then(consent).map(|said| json!({ "permissions": said })));
        let page = name == "page_view";
        if page {
            put("name", parameters.get("page_title").cloned());
        } else {
            put("event", Some(Value::String(name)));
        }
        put("properties", Some(Value::Object(parameters)));
        Call { object, kind: Some(if page { Kind::Page } else { Kind::Track }), sent: None, mark }.read(arrival)
    }

    /// `user_properties` as traits, and the digests of `user_data`.
    fn traits(&self) -> Option<Value> {
        let mut traits = Map::new();
        if let Some(Value::Object(told)) = self.envelope.get("user_properties") {
            traits.extend(told.iter().filter_map(|(name, value)| Some((name.clone(), value.get("value")?.clone()))));
        }
        if let Some(Value::Object(told)) = self.envelope.get("user_data") {
            for (field, name) in [("sha256_email_address", "email"), ("sha256_phone_number", "phone")] {
                let first = told.get(field).map(|value| value.get(0).unwrap_or(value));
                first.into_iter().for_each(|value| drop(traits.insert(name.to_owned(), value.clone())));
            }
        }
        (!traits.is_empty()).then_some(Value::Object(traits))
    }
}

/// The body without its events.
struct Beside(Map<String, Value>);

impl<'de> Deserialize<'de> for Beside {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Beside;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut access: A) -> Result<Beside, A::Error> {
                let mut beside = Map::new();
                while let Some(name) = access.next_key::<String>()? {
                    if name == "events" {
                        access.next_value::<serde::de::IgnoredAny>()?;
                    } else {
                        beside.insert(name, access.next_value()?);
                    }
                }
                Ok(Beside(beside))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

/// Microseconds, as a number or as a text of digits.
fn milliseconds(value: &Value) -> Result<Value, Fault> {
    let micros = value.as_i64().or_else(|| value.as_str()?.parse().ok());
    let fault = || Fault::new("event/time", "/timestamp_micros", "this is no time: write Unix microseconds");
    micros.map(|micros| Value::from(micros / 1_000)).ok_or_else(fault)
}

/// GA4's two words, in ours. What is granted opens nothing that the key does not.
fn consent(said: &Value) -> Option<Value> {
    let denied =
        |name: &str| said.get(name).and_then(Value::as_str).is_some_and(|word| word.eq_ignore_ascii_case("denied"));
    let mut closed = Map::new();
    if denied("ad_user_data") {
        closed.insert("share".to_owned(), Value::Bool(false));
    }
    if denied("ad_personalization") {
        closed.insert("personalise".to_owned(), Value::Bool(false));
    }
    (!closed.is_empty()).then_some(Value::Object(closed))
}

const _: () = assert!(ENVELOPE_BYTES + EVENT_BYTES <= crate::event::LETTER_BYTES);
