//! CloudEvents 1.0.2 over HTTP, in its three modes: what an attribute means here.
//!
//! (`source`, `id`) is what a repeat is known by, as the specification says. `data` is a call in Segment's words, or any JSON: then the event
//! is called what `type` says, `data` are its properties and `subject` is the site's own number of whom it is of. `time` is when it was.
//!
//! An event in binary mode is put into structured form first, so that there is one reading of both and a letter can be sent again.
//! Absent on purpose: data that is no JSON, and formats other than JSON.

use axum::http::{HeaderMap, header::CONTENT_TYPE};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json, value::RawValue};

use super::{
    call::{Arrival, Call, Mark},
    fault::Fault,
    letters,
    segment::EVENTS,
    shape,
};
use crate::event::{BATCH_BYTES, Delivery, EVENT_BYTES, Kind};

/// Attributes that have a place of their own; others are extensions and kept with the event.
const KNOWN: [&str; 8] =
    ["specversion", "id", "time", "subject", "datacontenttype", "dataschema", "data", "data_base64"];

/// How events stand in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Attributes in `ce-` headers, data in the body.
    Binary,
    /// One event as JSON.
    Structured,
    /// A list of them.
    Batch,
}

impl Mode {
    /// The mode of a request.
    ///
    /// # Errors
    /// `cloudevent/mode` when its headers are of none.
    pub fn of(headers: &HeaderMap) -> Result<Self, Fault> {
        match media(headers).as_str() {
            "application/cloudevents+json" => Ok(Self::Structured),
            "application/cloudevents-batch+json" => Ok(Self::Batch),
            kind if !kind.starts_with("application/cloudevents") && headers.contains_key("ce-specversion") => {
                Ok(Self::Binary)
            }
            _ => {
                let message = "send ce- headers, application/cloudevents+json or application/cloudevents-batch+json";
                Err(Fault::new("cloudevent/mode", "", message))
            }
        }
    }

    /// Longest body.
    #[must_use]
    pub fn limit(self) -> usize {
        if self == Self::Batch { BATCH_BYTES } else { EVENT_BYTES }
    }
}

/// Reads the events of a request, in order.
///
/// # Errors
/// When the body as a whole is none: `body/json`, `batch/many`.
pub fn deliver(mode: Mode, headers: &HeaderMap, body: &[u8], arrival: &Arrival<'_>) -> Result<Delivery, Fault> {
    let mut delivery = Delivery::default();
    match mode {
        Mode::Structured => {
            letters::sort(&mut delivery, structured(body, arrival), 0, arrival, || body.to_vec());
        }
        Mode::Binary => {
            let event = shape::check(body).and_then(|()| binary(headers, body));
            let letter = event.as_ref().map_or_else(|_| body.to_vec(), |event| json!(event).to_string().into_bytes());
            let read = event.and_then(|event| read(event, arrival));
            letters::sort(&mut delivery, read, 0, arrival, || letter);
        }
        Mode::Batch => {
            let events: Vec<&RawValue> =
                serde_json::from_slice(body).map_err(|error| Fault::json("body/json", &error))?;
            if events.len() > EVENTS {
                return Err(Fault::new(
                    "batch/many",
                    "",
                    format!("a batch has at most {EVENTS} events; send the rest in another"),
                ));
            }
            for (position, event) in (0_u32..).zip(events) {
                let bytes = event.get().as_bytes();
                letters::sort(&mut delivery, structured(bytes, arrival), position, arrival, || bytes.to_vec());
            }
        }
    }
    Ok(delivery)
}

/// How many events a batch has; one when it is none.
#[must_use]
pub fn count(body: &[u8]) -> usize {
    serde_json::from_slice::<Vec<&RawValue>>(body).map_or(1, |events| events.len())
}

/// The type of a body, without its parameters, in lower case.
pub(super) fn media(headers: &HeaderMap) -> String {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn structured(bytes: &[u8], arrival: &Arrival<'_>) -> letters::Read {
    shape::check(bytes)?;
    read(shape::object(bytes)?, arrival)
}

/// A binary event in structured form.
fn binary(headers: &HeaderMap, body: &[u8]) -> Result<Map<String, Value>, Fault> {
    let mut event = Map::new();
    for (name, value) in headers {
        let Some(name) = name.as_str().strip_prefix("ce-") else { continue };
        let fault =
            || Fault::new("cloudevent/attribute", "", "a ce- header is no text: percent-encode what is not ASCII");
        let text = decoded(value.as_bytes()).ok_or_else(fault)?;
        // Percent-encoding hides it from the check of the body.
        if text.contains('\0') {
            return Err(Fault::new("event/nul", "", "a ce- header holds U+0000, which cannot be stored"));
        }
        event.insert(name.to_owned(), Value::String(text));
    }
    for name in ["data", "data_base64"] {
        event.remove(name);
    }
    if !body.is_empty() {
        event.insert("data".to_owned(), json_data(&media(headers), body)?);
    }
    Ok(event)
}

/// A header's value: percent-encoding undone, quotes around it taken off (HTTP binding, 3.1.3.2).
fn decoded(value: &[u8]) -> Option<String> {
    let value = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        let escaped = (*byte == b'%').then(|| after.split_first_chunk::<2>()).flatten();
        match escaped
            .and_then(|(pair, after)| Some((u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?, after)))
        {
            Some((byte, after)) => {
                bytes.push(byte);
                rest = after;
            }
            None => bytes.push(*byte),
        }
    }
    String::from_utf8(bytes).ok()
}

fn json_data(media: &str, bytes: &[u8]) -> Result<Value, Fault> {
    if !(media.is_empty() || media.ends_with("/json") || media.ends_with("+json") || media == "text/plain") {
        return Err(Fault::new(
            "cloudevent/data",
            "/data",
            "data is read as JSON alone; say datacontenttype application/json",
        ));
    }
    shape::check(bytes)?;
    serde_json::from_slice(bytes)
        .map_err(|error| Fault { field: "/data".to_owned(), ..Fault::json("cloudevent/data", &error) })
}

/// One event in structured form, as a call.
fn read(mut event: Map<String, Value>, arrival: &Arrival<'_>) -> letters::Read {
    if event.get("specversion").and_then(Value::as_str) != Some("1.0") {
        return Err(Fault::new("cloudevent/version", "/specversion", "this has to be \"1.0\""));
    }
    let mut attribute = |name: &str, required: bool| match event.remove(name) {
        Some(Value::String(text)) if !text.is_empty() && text.len() <= 2_048 => Ok(Some(text)),
        None | Some(Value::Null) if !required => Ok(None),
        _ => Err(Fault::new(
            "cloudevent/attribute",
            format!("/{name}"),
            "this has to be a text that is not empty, of 2,048 bytes at most",
        )),
    };
    let (id, source) = (attribute("id", true)?.unwrap_or_default(), attribute("source", true)?.unwrap_or_default());
    let kind = attribute("type", true)?.unwrap_or_default();
    let (subject, time) = (attribute("subject", false)?, attribute("time", false)?);
    let media = attribute("datacontenttype", false)?.unwrap_or_default();
    let data = match (event.remove("data"), event.remove("data_base64")) {
        (Some(data), None) => data,
        (None, None) => Value::Null,
        (None, Some(Value::String(text))) => {
            let fault = || Fault::new("cloudevent/data", "/data_base64", "this is no base64");
            json_data(&media.to_ascii_lowercase(), &STANDARD.decode(text).map_err(|_| fault())?)?
        }
        _ => return Err(Fault::new("cloudevent/data", "/data", "send either data or data_base64, as a text")),
    };
    let (mut object, said) = match data {
        Value::Object(data) if is_call(&data) => {
            let said = data.contains_key("type");
            (data, said)
        }
        Value::Object(data) => (Map::from_iter([("properties".to_owned(), Value::Object(data))]), false),
        Value::Null => (Map::new(), false),
        other => (Map::from_iter([("properties".to_owned(), json!({ "data": other }))]), false),
    };
    if !said {
        object.entry("event").or_insert_with(|| Value::String(kind.clone()));
    }
    for (name, value) in [("userId", subject), ("timestamp", time)] {
        if let Some(value) = value {
            object.entry(name).or_insert(Value::String(value));
        }
    }
    // What a repeat is known by is the envelope's, whatever the data says.
    object.remove("messageId");
    event.retain(|name, _| !KNOWN.contains(&name.as_str()));
    let mark = Mark::Said(format!("cloudevent\n{source}\n{id}"));
    event.insert("source".to_owned(), Value::String(source));
    event.insert("type".to_owned(), Value::String(kind));
    if let Value::Object(context) = object.entry("context").or_insert_with(|| json!({})) {
        context.insert("cloudevent".to_owned(), Value::Object(event));
    }
    Call { object, kind: (!said).then_some(Kind::Track), sent: None, mark }.read(arrival)
}

/// Is the data a call in Segment's words? One says its `type`, or what was done and of whom.
fn is_call(data: &Map<String, Value>) -> bool {
    let text = |name: &str| data.get(name).is_some_and(Value::is_string);
    match data.get("type").and_then(Value::as_str) {
        Some(kind) => ["track", "identify", "page", "screen", "group", "alias"].contains(&kind),
        None => {
            text("event")
                && ["userId", "anonymousId", "context", "properties"].iter().any(|name| data.contains_key(*name))
        }
    }
}
