//! Segment's HTTP API as it is: one call at `/v1/track` and its like, many at `/v1/batch`.
//!
//! A body is taken apart without being copied: the envelope (`writeKey`, `sentAt`, `context`) is read at once, since the key may stand in
//! it; each event stays in its bytes until it is its turn, so one that is wrong sinks no other and memory holds one event's tree at a time.
//!
//! Absent on purpose: what the answer is. It is given when the store has the events.

use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};

use super::{
    call::{Arrival, Call, Mark},
    clock,
    fault::Fault,
    letters, shape,
};
use crate::event::{BATCH_BYTES, Delivery, EVENT_BYTES, Kind};

/// Most events of a batch, as Segment has it.
pub const EVENTS: usize = 2_500;

/// Longest `context` of a batch itself; it is laid under each event's own.
const CONTEXT_BYTES: usize = 1_024;

/// What an address takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// One call of this kind.
    One(Kind),
    /// Calls under `batch`, each with its `type`.
    Many,
}

impl Route {
    /// The addresses, and what each takes; the short ones are those of the browser's library.
    pub const ALL: [(&str, Self); 15] = [
        ("/v1/track", Self::One(Kind::Track)),
        ("/v1/t", Self::One(Kind::Track)),
        ("/v1/identify", Self::One(Kind::Identify)),
        ("/v1/i", Self::One(Kind::Identify)),
        ("/v1/page", Self::One(Kind::Page)),
        ("/v1/p", Self::One(Kind::Page)),
        ("/v1/screen", Self::One(Kind::Screen)),
        ("/v1/s", Self::One(Kind::Screen)),
        ("/v1/group", Self::One(Kind::Group)),
        ("/v1/g", Self::One(Kind::Group)),
        ("/v1/alias", Self::One(Kind::Alias)),
        ("/v1/a", Self::One(Kind::Alias)),
        ("/v1/batch", Self::Many),
        ("/v1/b", Self::Many),
        ("/v1/import", Self::Many),
    ];

    /// What the address takes.
    #[must_use]
    pub fn of(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(known, _)| *known == path).map(|(_, route)| route)
    }

    /// Longest body.
    #[must_use]
    pub fn limit(self) -> usize {
        match self {
            Self::One(_) => EVENT_BYTES,
            Self::Many => BATCH_BYTES,
        }
    }
}

/// What is read of a body at once.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    #[serde(borrow)]
    batch: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    write_key: Option<&'a RawValue>,
    #[serde(borrow)]
    sent_at: Option<&'a RawValue>,
    #[serde(borrow)]
    context: Option<&'a RawValue>,
}

/// A body whose envelope was read.
pub struct Request<'a> {
    route: Route,
    body: &'a [u8],
    batch: Vec<&'a RawValue>,
    write_key: Option<String>,
    sent: Option<&'a RawValue>,
    context: Option<&'a RawValue>,
}

impl<'a> Request<'a> {
    /// Reads the envelope.
    ///
    /// # Errors
    /// `body/json`; `batch/missing`, `batch/many` and `batch/context` of a batch.
    pub fn open(route: Route, body: &'a [u8]) -> Result<Self, Fault> {
        let envelope: Envelope<'a> = serde_json::from_slice(body).map_err(|error| Fault::json("body/json", &error))?;
        let write_key = envelope.write_key.and_then(|key| serde_json::from_str(key.get()).ok());
        let mut request =
            Self { route, body, batch: Vec::new(), write_key, sent: envelope.sent_at, context: envelope.context };
        if route == Route::Many {
            let missing = || Fault::new("batch/missing", "/batch", "this has to be a list of calls");
            request.batch = envelope.batch.ok_or_else(missing)?;
            if request.batch.len() > EVENTS {
                let message = format!("a batch has at most {EVENTS} events; send the rest in another");
                return Err(Fault::new("batch/many", "/batch", message));
            }
            if request.context.is_some_and(|context| context.get().len() > CONTEXT_BYTES) {
                let message =
                    format!("the context of a batch has at most {CONTEXT_BYTES} bytes; send more with each event");
                return Err(Fault::new("batch/context", "/context", message));
            }
        }
        Ok(request)
    }

    /// The write key in the body.
    #[must_use]
    pub fn write_key(&self) -> Option<&str> {
        self.write_key.as_deref()
    }

    /// How many events it brings.
    #[must_use]
    pub fn len(&self) -> usize {
        if self.route == Route::Many { self.batch.len() } else { 1 }
    }

    /// Does it bring none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads the events, in order.
    #[must_use]
    pub fn deliver(&self, arrival: &Arrival<'_>) -> Delivery {
        let mut delivery = Delivery::default();
        match self.route {
            Route::One(kind) => {
                let read = one(self.body, Some(kind), None, None, 0, arrival);
                letters::sort(&mut delivery, read, 0, arrival, || letters::without(self.body, self.write_key()));
            }
            Route::Many => self.many(arrival, &mut delivery),
        }
        delivery
    }

    fn many(&self, arrival: &Arrival<'_>, delivery: &mut Delivery) {
        let sent: Option<Value> = self.sent.and_then(|sent| serde_json::from_str(sent.get()).ok());
        // A batch whose own time is none is not the events' fault: they keep the times they say.
        let sent = clock::field(sent.as_ref(), "/sentAt").unwrap_or_default();
        let context: Option<Map<String, Value>> =
            self.context.and_then(|context| serde_json::from_str(context.get()).ok());
        delivery.events.reserve(self.batch.len());
        for (position, event) in (0_u32..).zip(&self.batch) {
            let read = one(event.get().as_bytes(), None, sent, context.as_ref(), position, arrival);
            letters::sort(delivery, read, position, arrival, || self.envelope(event));
        }
    }

    /// The event alone in the envelope that it came in, without the key.
    fn envelope(&self, event: &RawValue) -> Vec<u8> {
        let mut body = String::with_capacity(event.get().len() + 64);
        body.push_str("{\"batch\":[");
        body.push_str(event.get());
        body.push(']');
        for (name, value) in [("sentAt", self.sent), ("context", self.context)] {
            if let Some(value) = value {
                body.push_str(",\"");
                body.push_str(name);
                body.push_str("\":");
                body.push_str(value.get());
            }
        }
        body.push('}');
        body.into_bytes()
    }
}

fn one(
    bytes: &[u8],
    kind: Option<Kind>,
    sent: Option<i64>,
    beneath: Option<&Map<String, Value>>,
    position: u32,
    arrival: &Arrival<'_>,
) -> letters::Read {
    shape::check(bytes)?;
    let mut object = shape::object(bytes)?;
    if let Some(beneath) = beneath {
        let context = object.entry("context").or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(context) = context {
            for (name, value) in beneath {
                context.entry(name.as_str()).or_insert_with(|| value.clone());
            }
        }
    }
    Call { object, kind, sent, mark: Mark::Bytes(bytes, position) }.read(arrival)
}
