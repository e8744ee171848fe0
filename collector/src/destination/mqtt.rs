//! MQTT: parcels for screens and things, at quality of service 1.
//!
//! The payload is `{"id", "kind", "body"}`; receivers dedupe by `id`, since quality of service 1 means "at least once". A
//! retained topic shows the latest to whoever connects later, as a screen does after a power cut; a parcel that removes
//! clears it. A batch is one connection: nothing is left half sent in a client's memory when the broker goes away.
//!
//! The person is not part of the payload: a screen in a lobby has no use for it. A topic may name it.
//!
//! Absent on purpose: TLS (see `docs/activation.md`: a broker on loopback bridges), quality of service 2, subscriptions.

use std::time::{Duration, Instant};

use rumqttc::{
    Client, ConnectReturnCode, Connection, ConnectionError, Event, MqttOptions, Outgoing, Packet, QoS, RecvTimeoutError,
};
use serde_json::{Map, Value, json};

use super::{
    Destination, Kind, Parcel, Reason, Receipt,
    template::{Fault, Place, Template},
};

/// Parcels of one connection: within what the client keeps in flight (100).
const BATCH: usize = 50;

/// Largest payload: what brokers in small devices take is less, what larger ones take is more.
const BYTES: usize = 256 * 1024;

/// Where the broker is, and how it is spoken to.
#[derive(Clone)]
pub struct Broker {
    /// Host.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Client id: stable, so that the broker ends a connection that died before it takes the next.
    pub client: String,
    /// Name and password.
    pub credentials: Option<(String, String)>,
    /// Longest time for a whole batch.
    pub timeout: Duration,
}

/// MQTT as a destination.
pub struct Mqtt {
    broker: Broker,
    topic: Template,
    retain: bool,
}

/// What is published for one parcel.
struct Note {
    topic: String,
    payload: Vec<u8>,
}

impl Mqtt {
    /// `topic` may have `{{id}}`, `{{person}}`, `{{kind}}` and the texts of a parcel's body.
    ///
    /// # Errors
    /// [`Fault::Syntax`].
    pub fn new(broker: Broker, topic: &str, retain: bool) -> Result<Self, Fault> {
        Ok(Self { broker, topic: Template::parse(topic, Place::Topic)?, retain })
    }

    fn note(&self, parcel: &Parcel) -> Result<Note, Reason> {
        let mut values = parcel.body.as_object().cloned().unwrap_or_else(Map::new);
        for (name, value) in [("id", parcel.id.as_str()), ("person", &parcel.person), ("kind", parcel.kind.word())] {
            values.insert(name.to_owned(), Value::from(value));
        }
        let topic = self.topic.render(&values).map_err(|_| "mqtt/topic")?;
        // Nothing at all clears a retained topic (MQTT 3.1.1, section 3.3.1.3).
        let clears = self.retain && parcel.kind == Kind::Remove;
        let payload = if clears {
            Vec::new()
        } else {
            json!({ "id": parcel.id, "kind": parcel.kind, "body": parcel.body }).to_string().into_bytes()
        };
        if payload.len() > BYTES { Err("mqtt/size".into()) } else { Ok(Note { topic, payload }) }
    }

    fn connect(&self) -> (Client, Connection) {
        let mut options = MqttOptions::new(&self.broker.client, &self.broker.host, self.broker.port);
        options.set_max_packet_size(BYTES * 2, BYTES * 2);
        options.set_clean_session(true);
        if let Some((name, password)) = &self.broker.credentials {
            options.set_credentials(name, password);
        }
        Client::new(options, BATCH * 2)
    }

    /// Publishes and waits for every acknowledgement; what is still `None` afterwards failed for the reason given.
    fn publish(&self, notes: &[(usize, Note)], receipts: &mut [Option<Receipt>]) -> Reason {
        let (client, mut connection) = self.connect();
        let end = Instant::now() + self.broker.timeout;
        for (_, note) in notes {
            if client.try_publish(&note.topic, QoS::AtLeastOnce, self.retain, note.payload.clone()).is_err() {
                return "mqtt/queue".into();
            }
        }
        // Requests become packets in their order; a packet's number is known when it goes out.
        let mut waiting = notes.iter().map(|(index, _)| *index);
        let mut under_way: Vec<(u16, usize)> = Vec::new();
        let mut acknowledged = 0;
        while acknowledged < notes.len() {
            let left = end.saturating_duration_since(Instant::now());
            match connection.recv_timeout(left) {
                Ok(Ok(Event::Outgoing(Outgoing::Publish(number)))) => {
                    under_way.extend(waiting.next().map(|index| (number, index)));
                }
                Ok(Ok(Event::Incoming(Packet::PubAck(ack)))) => {
                    let index = under_way.iter().find(|(number, _)| *number == ack.pkid).map(|(_, index)| *index);
                    if let Some(receipt) = index.and_then(|index| receipts.get_mut(index)) {
                        *receipt = Some(Receipt::Delivered);
                        acknowledged += 1;
                    }
                }
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return fault(&error).into(),
                Err(RecvTimeoutError::Timeout) => return "mqtt/timeout".into(),
                Err(RecvTimeoutError::Disconnected) => return "mqtt/connection".into(),
            }
        }
        // In good order, so that the broker does not take us for dead.
        client.try_disconnect().ok();
        while let Ok(Ok(event)) = connection.recv_timeout(Duration::from_millis(200)) {
            if event == Event::Outgoing(Outgoing::Disconnect) {
                break;
            }
        }
        "mqtt/done".into()
    }
}

impl Destination for Mqtt {
    fn limit(&self) -> usize {
        BATCH
    }

    fn deliver(&mut self, parcels: &[Parcel]) -> Vec<Receipt> {
        let mut receipts: Vec<Option<Receipt>> = vec![None; parcels.len()];
        let mut notes = Vec::new();
        for ((index, parcel), receipt) in parcels.iter().enumerate().zip(&mut receipts) {
            match self.note(parcel) {
                Ok(note) => notes.push((index, note)),
                Err(reason) => *receipt = Some(Receipt::refused(reason)),
            }
        }
        let reason = if notes.is_empty() { "mqtt/done".into() } else { self.publish(&notes, &mut receipts) };
        receipts.into_iter().map(|receipt| receipt.unwrap_or_else(|| Receipt::retry(reason.clone()))).collect()
    }
}

fn fault(error: &ConnectionError) -> &'static str {
    match error {
        ConnectionError::ConnectionRefused(
            ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized,
        ) => "mqtt/credentials",
        ConnectionError::ConnectionRefused(_) => "mqtt/refused",
        ConnectionError::NetworkTimeout | ConnectionError::FlushTimeout => "mqtt/timeout",
        _ => "mqtt/connection",
    }
}
