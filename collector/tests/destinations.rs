//! Destinations deliver to real peers on loopback: once, through an outage, and not at each other's cost.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says why by panicking"
)]

#[path = "support/peers.rs"]
mod peers;
mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use peers::{Receiver, ndjson, within};
use petitfour_collector::{
    destination::{
        Destination, Kind, Parcel, Receipt,
        backoff::Backoff,
        lane::Lane,
        mail::{Leave, Letter, Mail, Relay, Security},
        mqtt::{Broker, Mqtt},
        nats::{Nats, Route, Stream},
        post::{self, Post},
        webhook::{Secret, Webhook},
    },
    sql::Connection,
    store::{Place, Store, now},
};
use rumqttc::{Client, Event, MqttOptions, Packet, QoS};
use serde_json::{Value, json};
use tempfile::TempDir;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";

/// Quick enough for a test, patient enough for an outage of seconds.
const QUICK: Backoff = Backoff { first: Duration::from_millis(50), longest: Duration::from_millis(400), attempts: 200 };

/// A store with an outbox.
struct Desk {
    place: Place,
    store: Store,
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self::over(Place::folder(folder.path()), folder)
    }

    fn over(place: Place, folder: TempDir) -> Self {
        Self { store: Store::open(&place).expect("a store"), place, folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn connection(&self) -> &Connection {
        self.store.connection()
    }

    fn send(&self, name: &str, parcels: impl IntoIterator<Item = Parcel>) {
        let transaction = self.connection().write().expect("a transaction");
        for parcel in parcels {
            assert!(post::send(&transaction, name, &parcel).expect("sent"), "a new id");
        }
        transaction.commit().expect("on disk");
    }

    fn lane(&self, name: &str, destination: impl Destination + 'static) -> Lane {
        Lane::start(name, Box::new(destination), Box::new(Post::new(self.place.clone())), QUICK).expect("a thread")
    }

    /// Parcels that wait, and dead ones.
    fn waiting(&self, name: &str) -> (u64, u64) {
        let all = post::waiting(self.connection()).expect("read");
        all.iter().find(|one| one.destination == name).map_or((0, 0), |one| (one.waiting, one.dead))
    }

    fn log(&self, name: &str) -> Vec<post::Entry> {
        let log = post::log(self.connection(), false, 10_000).expect("read");
        log.into_iter().filter(|entry| entry.destination == name).collect()
    }
}

fn parcel(id: &str, kind: Kind, body: Value) -> Parcel {
    Parcel { id: id.to_owned(), person: format!("person-{id}"), kind, at: now(), body }
}

fn events(from: usize, to: usize) -> Vec<Parcel> {
    (from..to).map(|number| parcel(&format!("p-{number}"), Kind::Event, json!({ "number": number }))).collect()
}

fn ids(from: usize, to: usize) -> BTreeSet<String> {
    (from..to).map(|number| format!("p-{number}")).collect()
}

/// All of them, each once.
fn assert_once(got: &[String], wanted: &BTreeSet<String>) {
    assert_eq!(&got.iter().cloned().collect::<BTreeSet<_>>(), wanted);
    assert_eq!(got.len(), wanted.len(), "duplicates");
}

fn webhook(receiver: &Receiver, batch: usize) -> Webhook {
    let secrets = vec![Secret::parse(SECRET).unwrap(), Secret::parse(OTHER).unwrap()];
    Webhook::new(receiver.url(), secrets, batch, Duration::from_secs(5))
}

/// 401 unless the request is signed by this secret.
fn checked(secret: &'static str) -> impl Fn(&peers::Got) -> (u16, Vec<(&'static str, String)>) + Send + Sync {
    move |got| {
        let timestamp: i64 = got.header("webhook-timestamp").parse().unwrap_or_default();
        let fresh = (now() / 1000 - timestamp).abs() < 60;
        let secret = Secret::parse(secret).unwrap();
        let signed = secret.verify(got.header("webhook-id"), timestamp, &got.body, got.header("webhook-signature"));
        (if fresh && signed { 204 } else { 401 }, Vec::new())
    }
}

#[test]
fn a_webhook_is_signed_delivered_once_and_survives_an_outage() {
    let desk = Desk::new();
    // The second secret alone: what is sent while a secret is being changed.
    let mut receiver = Receiver::start(checked(OTHER));
    let lane = desk.lane("hook", webhook(&receiver, 10));
    desk.send("hook", events(0, 25));
    lane.nudge();
    assert!(within(10, || desk.waiting("hook") == (0, 0)), "{:?}", desk.log("hook"));

    receiver.stop();
    desk.send("hook", events(25, 60));
    lane.nudge();
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(desk.waiting("hook"), (35, 0), "they wait");
    receiver.restart();
    assert!(within(15, || desk.waiting("hook") == (0, 0)), "{:?}", desk.log("hook"));

    assert_once(&receiver.ids(), &ids(0, 60));
    let log = desk.log("hook");
    assert_eq!(log.len(), 60);
    assert!(log.iter().all(|entry| entry.outcome == "delivered" && entry.attempts > 0));
    assert!(log.iter().any(|entry| entry.attempts > 1), "the outage shows");
    // Once delivered, the same id is not taken again.
    let again = post::send(desk.connection(), "hook", &events(0, 1)[0]).expect("read");
    assert!(!again);
}

#[test]
fn a_refused_batch_costs_the_bad_parcel_alone_and_a_dead_letter_can_be_replayed() {
    let desk = Desk::new();
    let mended = Arc::new(Mutex::new(false));
    let well = Arc::clone(&mended);
    let receiver = Receiver::start(move |got| {
        let bad = got.ids().contains(&"p-3".to_owned()) && !*well.lock().unwrap();
        (if bad { 422 } else { 200 }, Vec::new())
    });
    let lane = desk.lane("hook", webhook(&receiver, 100));
    desk.send("hook", events(0, 8));
    lane.nudge();
    assert!(within(10, || desk.waiting("hook") == (0, 1)));
    let dead = post::log(desk.connection(), true, 10).expect("read");
    assert_eq!((dead.len(), dead[0].id.as_str(), dead[0].reason.as_str()), (1, "p-3", "webhook/status-422"));

    *mended.lock().unwrap() = true;
    assert_eq!(post::replay(desk.connection(), "hook", Some("p-3"), now()).expect("replayed"), 1);
    lane.nudge();
    assert!(within(10, || desk.waiting("hook") == (0, 0)));
    assert_once(&receiver.ids(), &ids(0, 8));
}

#[test]
fn a_pause_that_was_asked_for_is_kept() {
    let desk = Desk::new();
    let first = Arc::new(Mutex::new(None::<Instant>));
    let paused = Arc::new(Mutex::new(Duration::ZERO));
    let (asked, waited) = (Arc::clone(&first), Arc::clone(&paused));
    let receiver = Receiver::start(move |_| {
        let mut asked = asked.lock().unwrap();
        if let Some(when) = *asked {
            *waited.lock().unwrap() = when.elapsed();
            (200, Vec::new())
        } else {
            *asked = Some(Instant::now());
            (429, vec![("retry-after", "1".to_owned())])
        }
    });
    let patient = Backoff { longest: Duration::from_secs(5), ..QUICK };
    let outbox = Box::new(Post::new(desk.place.clone()));
    let _lane = Lane::start("hook", Box::new(webhook(&receiver, 10)), outbox, patient).expect("a thread");
    desk.send("hook", events(0, 3));
    assert!(within(10, || desk.waiting("hook") == (0, 0)));
    assert!(*paused.lock().unwrap() >= Duration::from_secs(1));
    assert!(desk.log("hook").iter().all(|entry| entry.attempts == 2));
}

#[test]
fn a_slow_destination_holds_up_nobody_else() {
    let desk = Desk::new();
    let slow = Receiver::start(|_| {
        std::thread::sleep(Duration::from_secs(3));
        (200, Vec::new())
    });
    let quick = Receiver::start(|_| (200, Vec::new()));
    let lanes = [desk.lane("slow", webhook(&slow, 1)), desk.lane("quick", webhook(&quick, 1))];
    desk.send("slow", events(0, 2));
    std::thread::sleep(Duration::from_millis(700));
    let began = Instant::now();
    desk.send("quick", events(0, 20));
    lanes[1].nudge();
    assert!(within(2, || desk.waiting("quick") == (0, 0)), "{:?}", desk.waiting("quick"));
    assert!(began.elapsed() < Duration::from_secs(2) && desk.waiting("slow").0 > 0);
}

#[test]
fn what_a_dead_lane_had_under_way_is_delivered_again_under_the_same_id() {
    let desk = Desk::new();
    let receiver = Receiver::start(|_| (200, Vec::new()));
    desk.send("hook", events(0, 5));
    {
        use petitfour_collector::destination::Outbox as _;
        // Delivered, and dead before it was marked.
        let mut outbox = Post::lending(desk.place.clone(), Duration::from_millis(500));
        let claimed = outbox.claim("hook", 10, now()).expect("claimed");
        let parcels: Vec<Parcel> = claimed.into_iter().map(|one| one.parcel).collect();
        assert!(webhook(&receiver, 10).deliver(&parcels).iter().all(|receipt| *receipt == Receipt::Delivered));
    }
    let first = receiver.taken()[0].header("webhook-id").to_owned();
    let _lane = desk.lane("hook", webhook(&receiver, 10));
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(receiver.ids().len(), 5, "lent out until the lease ends");
    assert!(within(10, || desk.waiting("hook") == (0, 0)));
    let got = receiver.ids();
    assert_eq!(got.len(), 10, "each twice");
    assert_eq!(got.into_iter().collect::<BTreeSet<_>>(), ids(0, 5), "and under no other id");
    assert_eq!(receiver.taken()[1].header("webhook-id"), first, "the same batch is the same request");
}

#[test]
fn the_outbox_is_the_same_over_postgresql() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_server, address) = peers::postgres(folder.path());
    let desk = Desk::over(Place::Postgres(address), folder);
    let receiver = Receiver::start(|got| (if got.ids().contains(&"p-3".to_owned()) { 422 } else { 200 }, Vec::new()));
    // Two collectors over one database take turns at the same destination.
    let lanes = [desk.lane("hook", webhook(&receiver, 3)), desk.lane("hook", webhook(&receiver, 3))];
    desk.send("hook", events(0, 40));
    lanes.iter().for_each(Lane::nudge);
    assert!(within(15, || desk.waiting("hook") == (0, 1)), "{:?} {:?}", desk.waiting("hook"), desk.log("hook"));
    let mut wanted = ids(0, 40);
    wanted.remove("p-3");
    assert_once(&receiver.ids(), &wanted);
    post::suppress(desk.connection(), post::MAIL, "p", 1, "left").expect("noted");
    assert!(post::is_suppressed(desk.connection(), post::MAIL, "p").expect("read"));
    assert_eq!(post::holders(desk.connection(), "person-p-1").expect("read"), ["hook"]);
    assert_eq!(post::replay(desk.connection(), "hook", None, now()).expect("replayed"), 1);
    assert_eq!(post::forget(desk.connection(), "person-p-1").expect("forgotten"), 1);
}

fn mail(port: u16) -> Mail {
    let relay = Relay {
        host: "127.0.0.1".into(),
        port,
        security: Security::None,
        credentials: None,
        timeout: Duration::from_secs(5),
    };
    let letter =
        Letter::parse("Für {{name}}", "Dear {{name}}, {{points}} points.", Some("<p>Dear <b>{{name}}</b></p>"));
    let leave = Leave::new("https://shop.example/v1/leave?p={{person}}&t={{token}}", "a key").unwrap();
    let letters = BTreeMap::from([("points".to_owned(), letter.unwrap())]);
    Mail::new(relay, "Shop <news@shop.example>", letters, Some(leave)).expect("mail")
}

fn letters(from: usize, to: usize) -> Vec<Parcel> {
    let body = |number| {
        let values = json!({ "name": format!("Jané <{number}>"), "points": number });
        json!({ "to": format!("jane{number}@example.com"), "template": "points", "values": values })
    };
    (from..to).map(|number| parcel(&format!("p-{number}"), Kind::Mail, body(number))).collect()
}

#[test]
fn mail_arrives_once_in_both_parts_and_survives_an_outage() {
    let desk = Desk::new();
    let (mut server, file) = peers::smtp(desk.path());
    let lane = desk.lane("mail", mail(server.port));
    desk.send("mail", letters(0, 5));
    let refused = json!({ "to": "x@refused.example", "template": "points", "values": { "name": "X", "points": 1 } });
    desk.send("mail", [parcel("refused", Kind::Mail, refused)]);
    lane.nudge();
    assert!(within(15, || desk.waiting("mail") == (0, 1)), "{:?}", desk.log("mail"));
    let dead = post::log(desk.connection(), true, 10).expect("read");
    assert_eq!(dead[0].reason, "mail/status-550");

    server.kill();
    desk.send("mail", letters(5, 12));
    lane.nudge();
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(desk.waiting("mail"), (7, 1), "they wait");
    server.start();
    assert!(within(20, || desk.waiting("mail") == (0, 1)), "{:?}", desk.log("mail"));

    let got = ndjson(&file);
    assert_eq!(got.len(), 12, "none twice");
    let header = |message: &str, name: &str| {
        let head = message.split_once("\r\n\r\n").expect("a message").0.replace("\r\n ", " ");
        head.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned()
    };
    let mut ids = BTreeSet::new();
    for (number, one) in got.iter().enumerate() {
        let message = one["message"].as_str().expect("a message");
        ids.insert(header(message, "Message-ID: "));
        assert_eq!(one["from"], "news@shop.example");
        assert_eq!(one["to"].as_array().map(Vec::len), Some(1));
        assert!(header(message, "List-Unsubscribe: ").starts_with("<https://shop.example/v1/leave?p=person-p-"));
        assert_eq!(header(message, "List-Unsubscribe-Post: "), "List-Unsubscribe=One-Click");
        assert!(
            message.contains("text/plain; charset=utf-8") && message.contains("text/html; charset=utf-8"),
            "{number}"
        );
        assert!(!message.contains("<b>Jan=C3=A9 <"), "escaped in HTML");
    }
    assert_eq!(ids.len(), 12);
}

#[test]
fn whoever_has_left_gets_no_mail() {
    let desk = Desk::new();
    let (server, file) = peers::smtp(desk.path());
    post::suppress(desk.connection(), post::MAIL, "person-p-0", now(), "left").expect("noted");
    post::suppress(desk.connection(), post::MAIL, &post::address(" Jane1@Example.com"), now(), "complaint")
        .expect("noted");
    desk.send("mail", letters(0, 3));
    let _lane = desk.lane("mail", mail(server.port));
    assert!(within(15, || desk.waiting("mail") == (0, 2)), "{:?}", desk.log("mail"));
    assert!(within(5, || ndjson(&file).len() == 1));
    assert_eq!(ndjson(&file)[0]["to"], json!(["jane2@example.com"]));
    let dead = post::log(desk.connection(), true, 10).expect("read");
    assert!(dead.iter().all(|entry| entry.reason == "mail/suppressed") && dead.len() == 2);
}

/// Subscribes and gathers what comes: topic, payload, retained.
fn subscribed(port: u16, name: &str) -> Arc<Mutex<Vec<(String, Value, bool)>>> {
    let got: Arc<Mutex<Vec<(String, Value, bool)>>> = Arc::default();
    let mut options = MqttOptions::new(name, "127.0.0.1", port);
    options.set_clean_session(false);
    let (client, mut connection) = Client::new(options, 100);
    let (gathered, ready) = (Arc::clone(&got), Arc::new(AtomicUsize::new(0)));
    let subscribed = Arc::clone(&ready);
    std::thread::spawn(move || {
        client.subscribe("screens/#", QoS::AtLeastOnce).ok();
        // Ends with the test's process. A broker that is gone is tried again, subscription and all.
        for event in connection.iter() {
            match event {
                Ok(Event::Incoming(Packet::Publish(note))) => {
                    let payload = serde_json::from_slice(&note.payload).unwrap_or_default();
                    gathered.lock().unwrap().push((note.topic, payload, note.retain));
                }
                Ok(Event::Incoming(Packet::SubAck(_))) => drop(subscribed.fetch_add(1, Ordering::SeqCst)),
                Ok(Event::Incoming(Packet::ConnAck(_))) => drop(client.try_subscribe("screens/#", QoS::AtLeastOnce)),
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
                Ok(_) => {}
            }
        }
    });
    assert!(within(10, || ready.load(Ordering::SeqCst) > 0), "subscribed");
    got
}

fn screens(port: u16) -> Mqtt {
    let broker = Broker {
        host: "127.0.0.1".into(),
        port,
        client: "petitfour".into(),
        credentials: None,
        timeout: Duration::from_secs(5),
    };
    Mqtt::new(broker, "screens/{{screen}}/now", true).expect("a topic")
}

/// The ids of what came as news. What is retained comes once more with every subscription, and says so.
fn heard(got: &[(String, Value, bool)]) -> Vec<String> {
    got.iter()
        .filter(|(_, _, retained)| !retained)
        .filter_map(|(_, note, _)| Some(note["id"].as_str()?.into()))
        .collect()
}

fn notes(from: usize, to: usize) -> Vec<Parcel> {
    let note = |number| parcel(&format!("p-{number}"), Kind::Event, json!({ "screen": format!("s{}", number % 3) }));
    (from..to).map(note).collect()
}

#[test]
fn a_screen_shows_what_it_was_sent_once_and_the_latest_after_an_outage() {
    let desk = Desk::new();
    let mut broker = peers::mosquitto(desk.path());
    let got = subscribed(broker.port, "screen");
    let lane = desk.lane("screens", screens(broker.port));
    desk.send("screens", notes(0, 30));
    desk.send("screens", [parcel("bad", Kind::Event, json!({ "screen": "a/#" }))]);
    lane.nudge();
    assert!(within(15, || desk.waiting("screens") == (0, 1)), "{:?}", desk.log("screens"));
    assert!(within(5, || got.lock().unwrap().len() >= 30));
    assert_once(&heard(&got.lock().unwrap()), &ids(0, 30));

    broker.stop();
    desk.send("screens", notes(30, 50));
    lane.nudge();
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(desk.waiting("screens"), (20, 1), "they wait");
    broker.start();
    assert!(within(20, || desk.waiting("screens") == (0, 1)), "{:?}", desk.log("screens"));
    let late = subscribed(broker.port, "late");
    assert!(within(5, || late.lock().unwrap().len() >= 3), "retained: one for each screen");
    assert!(late.lock().unwrap().iter().all(|(_, note, retained)| *retained && note["body"]["screen"].is_string()));

    // The broker has kept the screen's session, so the screen hears what came while it was away. Around an outage quality
    // of service 1 may repeat a note (MQTT 3.1.1, section 4.3.2), and a screen dedupes by `id`.
    let distinct = || heard(&got.lock().unwrap()).into_iter().collect::<BTreeSet<_>>();
    assert!(within(10, || distinct() == ids(0, 50)), "{:?}", distinct());
    assert!(
        !got.lock().unwrap().iter().any(|(_, note, _)| note.to_string().contains("person-")),
        "no person on a screen"
    );

    // A parcel that removes clears the topic.
    desk.send(
        "screens",
        (0..3).map(|number| parcel(&format!("r-{number}"), Kind::Remove, json!({ "screen": format!("s{number}") }))),
    );
    lane.nudge();
    assert!(within(10, || desk.waiting("screens") == (0, 1)));
    let empty = subscribed(broker.port, "empty");
    std::thread::sleep(Duration::from_millis(300));
    assert!(empty.lock().unwrap().is_empty());
}

fn route(port: u16, stream: Stream) -> Nats {
    Nats::new(Route {
        servers: format!("nats://127.0.0.1:{port}"),
        subject: "shop.parcels".into(),
        source: "https://shop.example/collector".into(),
        stream,
        credentials: None,
        timeout: Duration::from_secs(3),
    })
    .expect("a route")
}

async fn stream(port: u16) -> async_nats::jetstream::stream::Stream {
    use async_nats::jetstream::{self, stream};
    let client = async_nats::connect(format!("nats://127.0.0.1:{port}")).await.expect("nats");
    let config = stream::Config {
        name: "PARCELS".into(),
        subjects: vec!["shop.>".into()],
        storage: stream::StorageType::File,
        ..Default::default()
    };
    jetstream::new(client).get_or_create_stream(config).await.expect("a stream")
}

/// Every event of the stream, from the first.
async fn stored(port: u16) -> Vec<Value> {
    let stream = stream(port).await;
    let state = stream.get_info().await.expect("a state").state;
    let mut events = Vec::new();
    for number in state.first_sequence..=state.last_sequence {
        let message = stream.get_raw_message(number).await.expect("a message");
        events.push(serde_json::from_slice(&message.payload).expect("JSON"));
    }
    events
}

#[test]
fn a_stream_keeps_each_event_once_through_an_outage_and_a_repeat() {
    let desk = Desk::new();
    let mut server = peers::nats(desk.path());
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    runtime.block_on(stream(server.port));
    let lane = desk.lane("nats", route(server.port, Stream::Required));
    desk.send("nats", events(0, 40));
    lane.nudge();
    assert!(within(15, || desk.waiting("nats") == (0, 0)), "{:?}", desk.log("nats"));

    server.kill();
    desk.send("nats", events(40, 70));
    lane.nudge();
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(desk.waiting("nats"), (30, 0), "they wait");
    server.start();
    assert!(within(30, || desk.waiting("nats") == (0, 0)), "{:?}", desk.log("nats"));

    // The same parcels again, as after a death between delivery and mark: the server drops them.
    let mut again = route(server.port, Stream::Required);
    assert!(again.deliver(&events(30, 70)).iter().all(|receipt| *receipt == Receipt::Delivered));
    let kept = runtime.block_on(stored(server.port));
    let got: Vec<String> = kept.iter().map(|event| event["id"].as_str().expect("an id").to_owned()).collect();
    assert_once(&got, &ids(0, 70));
    assert_eq!(
        (&kept[0]["specversion"], &kept[0]["type"], &kept[0]["subject"]),
        (&json!("1.0"), &json!("petitfour.event"), &json!("person-p-0"))
    );
}

#[test]
fn without_a_stream_whoever_listens_hears_it_unless_a_stream_was_asked_for() {
    let desk = Desk::new();
    let server = peers::nats(desk.path());
    let heard = Arc::new(Mutex::new(Vec::new()));
    let (port, gathered) = (server.port, Arc::clone(&heard));
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    let mut listener = runtime.block_on(async move {
        let client = async_nats::connect(format!("nats://127.0.0.1:{port}")).await.expect("nats");
        let listener = client.subscribe("shop.parcels").await.expect("subscribed");
        client.flush().await.expect("sent");
        listener
    });
    runtime.spawn(async move {
        use futures_util::StreamExt as _;
        while let Some(message) = listener.next().await {
            let event: Value = serde_json::from_slice(&message.payload).expect("JSON");
            gathered.lock().unwrap().push(event["id"].as_str().expect("an id").to_owned());
        }
    });
    let receipts = route(server.port, Stream::Required).deliver(&events(0, 5));
    assert!(receipts.iter().all(|receipt| *receipt == Receipt::retry("nats/no-stream")), "{receipts:?}");
    let receipts = route(server.port, Stream::Auto).deliver(&events(0, 5));
    assert!(receipts.iter().all(|receipt| *receipt == Receipt::Delivered), "{receipts:?}");
    assert!(within(5, || heard.lock().unwrap().len() == 5));
    assert_once(&heard.lock().unwrap(), &ids(0, 5));
}
