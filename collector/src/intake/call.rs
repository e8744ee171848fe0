//! From a call, in the words of Segment's specification, to an event: what every intake ends in.
//!
//! An intake brings a JSON object of Segment's shape; whoever does not speak it (CloudEvents, the pixel, GA4, rows of a file) is translated
//! into it first. Here is decided what of it is kept: who it is of ([`who`]), what they permit ([`permitted`]), when it was ([`clock`]),
//! what it came to ([`worth`]), and the rest ([`kept`]).
//!
//! Invariant: any object gives an event, or a fault, or nothing because it may not be stored; the same object under the same arrival gives
//! the same.

use petitfour::consent::Permissions;
use serde_json::{Map, Value, json};

use super::{clock, fault::Fault, kept, permitted, who::Who, worth};
use crate::event::{Event, Kind};

/// Longest name of an event, a page or a screen, in bytes; the engine's own bound.
pub const NAME_BYTES: usize = 256;

/// Longest message id, in bytes: Segment's libraries make some 60.
pub const MESSAGE_BYTES: usize = 256;

/// What is known of a request, or of a file, before its events are read.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// Name of the write key.
    pub source: &'a str,
    /// A program of the shop's own sent it (a server key): its addresses are kept as contacts.
    pub trusted: bool,
    /// What is permitted where an event says nothing.
    pub otherwise: Permissions,
    /// When, Unix ms.
    pub received: i64,
    /// The address that it was sent to.
    pub path: &'a str,
    /// Whom the site's own cookie names, of a request that asked to be known by it.
    pub visitor: Option<[u8; 16]>,
}

/// One call.
#[derive(Debug)]
pub struct Call<'a> {
    /// The object, whose `type` says its kind unless [`Call::kind`] does.
    pub object: Map<String, Value>,
    /// The kind that the address says.
    pub kind: Option<Kind>,
    /// When the request was sent by its sender's clock, unless the object says so.
    pub sent: Option<i64>,
    /// What stands for a message id where the object has none.
    pub mark: Mark<'a>,
}

/// What makes an event without a message id itself.
#[derive(Debug, Clone)]
pub enum Mark<'a> {
    /// A text of the sender's that is unique to it.
    Said(String),
    /// Its bytes, and its place in the request. With a time of its own the same bytes are the same event, however often they are sent;
    /// without one, "now" is part of what they say.
    Bytes(&'a [u8], u32),
}

impl Call<'_> {
    /// Reads it. None: it may not be stored.
    ///
    /// # Errors
    /// A [`Fault`] that names the field.
    pub fn read(self, arrival: &Arrival<'_>) -> Result<Option<Event>, Fault> {
        let Self { mut object, kind, sent, mark } = self;
        let mut context = object_of(&mut object, "context")?.unwrap_or_default();
        // First of all: of what may not be stored nothing is looked at, so that it cannot end as a letter either.
        let permitted = permitted::read(Some(&context), arrival.otherwise);
        if !permitted.measure() {
            return Ok(None);
        }
        let kind = match kind {
            Some(kind) => kind,
            None => kind_of(&object)?,
        };
        let noted = clock::field(object.get("timestamp"), "/timestamp")?;
        let noted =
            if noted.is_some() { noted } else { clock::field(object.get("originalTimestamp"), "/originalTimestamp")? };
        let sent = clock::field(object.get("sentAt"), "/sentAt")?.or(sent);
        let at = clock::correct(noted, sent, arrival.received);
        let message = message(&object, mark, noted.is_some(), arrival)?;

        let mut properties = object_of(&mut object, "properties")?.unwrap_or_default();
        let mut traits = object_of(&mut object, "traits")?.unwrap_or_default();
        if let Some(Value::Object(more)) = context.remove("traits") {
            for (name, value) in more {
                traits.entry(name).or_insert(value);
            }
        }
        // GA4's data layer, sent as it is.
        if let Some(more) = object_of(&mut object, "ecommerce")? {
            properties.extend(more);
        }

        let mut who = Who::new(arrival.trusted);
        who.user(identifier(&mut object, "userId")?);
        match (identifier(&mut object, "anonymousId")?, arrival.visitor) {
            (None, Some(visitor)) => who.visitor(visitor),
            (told, _) => who.browser(told),
        }
        if kind == Kind::Alias {
            who.previous(identifier(&mut object, "previousId")?);
        }
        if !matches!(kind, Kind::Group) {
            who.traits(&mut traits);
        }
        who.page(&properties);
        who.context(&mut context);

        let name = name(kind, &object, &mut properties)?;
        let value = worth::take(&name, &mut properties)?;
        if kind == Kind::Group {
            traits = group(&object, traits)?;
        }
        for part in [&mut properties, &mut traits, &mut context] {
            kept::clean(part, &who.raw);
        }
        let found = !who.is_empty();
        let (identifiers, contacts) = who.finish(permitted);
        if identifiers.is_empty() && found {
            return Ok(None);
        }
        if identifiers.is_empty() {
            let message = "the event is nobody's: say userId or anonymousId, and not a word that stands for none";
            return Err(Fault::new("event/who", "", message));
        }
        let source = arrival.source.to_owned();
        let body = body(properties, traits, context);
        Ok(Some(Event {
            kind,
            message,
            source,
            name,
            at,
            identifiers,
            value,
            permitted: permitted.bits(),
            contacts,
            body,
        }))
    }
}

/// The kind that an object says; one that has `event` and says nothing was tracked.
fn kind_of(object: &Map<String, Value>) -> Result<Kind, Fault> {
    let kinds = [Kind::Track, Kind::Identify, Kind::Page, Kind::Screen, Kind::Group, Kind::Alias];
    match object.get("type") {
        Some(Value::String(said)) => kinds.into_iter().find(|kind| kind.text() == said),
        None | Some(Value::Null) if object.contains_key("event") => Some(Kind::Track),
        _ => None,
    }
    .ok_or_else(|| Fault::new("event/kind", "/type", "say track, identify, page, screen, group or alias"))
}

/// A member that is an object, or absent.
fn object_of(object: &mut Map<String, Value>, name: &str) -> Result<Option<Map<String, Value>>, Fault> {
    match object.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(found)) => Ok(Some(found)),
        Some(_) => Err(Fault::kind(format!("/{name}"), "an object")),
    }
}

/// A member that is an identifier: a text or a whole number, or absent.
fn identifier(object: &mut Map<String, Value>, name: &str) -> Result<Option<Value>, Fault> {
    match object.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) if number.is_f64() => {
            Err(Fault::kind(format!("/{name}"), "a text or a whole number"))
        }
        Some(value @ (Value::String(_) | Value::Number(_))) => Ok(Some(value)),
        Some(_) => Err(Fault::kind(format!("/{name}"), "a text or a whole number")),
    }
}

fn message(object: &Map<String, Value>, mark: Mark<'_>, timed: bool, arrival: &Arrival<'_>) -> Result<[u8; 16], Fault> {
    let said = match object.get("messageId") {
        None | Some(Value::Null) => None,
        Some(Value::String(id)) if id.is_empty() => None,
        Some(Value::String(id)) if id.len() <= MESSAGE_BYTES => Some(id.as_str()),
        Some(Value::String(_)) => {
            return Err(Fault::new(
                "event/text",
                "/messageId",
                format!("a message id has at most {MESSAGE_BYTES} bytes"),
            ));
        }
        Some(_) => return Err(Fault::kind("/messageId", "a text")),
    };
    Ok(match (said, mark) {
        (Some(id), _) => Event::message(arrival.source, id),
        (None, Mark::Said(id)) => Event::message(arrival.source, format!("\n{id}")),
        (None, Mark::Bytes(bytes, position)) => {
            let now = if timed { String::new() } else { format!("{} {position}", arrival.received) };
            let mut id = format!("\n\n{now}\n").into_bytes();
            id.extend_from_slice(bytes);
            Event::message(arrival.source, id)
        }
    })
}

/// What was done or looked at. A page's category goes to its properties, where its own library would have it.
fn name(kind: Kind, object: &Map<String, Value>, properties: &mut Map<String, Value>) -> Result<String, Fault> {
    let field = match kind {
        Kind::Track => "event",
        Kind::Page | Kind::Screen => "name",
        Kind::Identify | Kind::Group | Kind::Alias => return Ok(String::new()),
    };
    let name = match object.get(field) {
        Some(Value::String(name)) => name.trim(),
        None | Some(Value::Null) => "",
        Some(_) => return Err(Fault::kind(format!("/{field}"), "a text")),
    };
    if kind == Kind::Track && name.is_empty() {
        return Err(Fault::new("event/name", "/event", "say what was done"));
    }
    if let (Kind::Page | Kind::Screen, Some(category @ Value::String(_))) = (kind, object.get("category")) {
        properties.entry("category").or_insert_with(|| category.clone());
    }
    let name = match properties.get("name") {
        Some(Value::String(told)) if name.is_empty() && kind != Kind::Track => told.trim(),
        _ => name,
    };
    if name.len() > NAME_BYTES {
        return Err(Fault::new("event/text", format!("/{field}"), format!("a name has at most {NAME_BYTES} bytes")));
    }
    Ok(name.to_owned())
}

/// A group as traits of whoever belongs to it: `group`, and the group's own as `group.…` (`docs/sources.md`).
fn group(object: &Map<String, Value>, told: Map<String, Value>) -> Result<Map<String, Value>, Fault> {
    let mut traits: Map<String, Value> =
        told.into_iter().map(|(name, value)| (format!("group.{name}"), value)).collect();
    match object.get("groupId") {
        Some(id @ (Value::String(_) | Value::Number(_))) => drop(traits.insert("group".to_owned(), id.clone())),
        None | Some(Value::Null) => return Err(Fault::new("event/group", "/groupId", "say which group")),
        Some(_) => return Err(Fault::kind("/groupId", "a text or a whole number")),
    }
    Ok(traits)
}

fn body(properties: Map<String, Value>, traits: Map<String, Value>, context: Map<String, Value>) -> String {
    let parts = [("properties", properties), ("traits", traits), ("context", context)];
    let parts = parts.into_iter().filter(|(_, part)| !part.is_empty());
    let body: Map<String, Value> = parts.map(|(name, part)| (name.to_owned(), json!(part))).collect();
    Value::Object(body).to_string()
}
