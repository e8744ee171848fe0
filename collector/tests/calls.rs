//! What becomes of what others send: Segment's calls, GA4's, CloudEvents, the pixel, rows of files.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says why by panicking"
)]

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use petitfour::{
    consent::Permissions,
    identity::{self, Digest, Namespace},
};
use petitfour_collector::{
    event::{ANONYMOUS, CARD, DEVICE, Delivery, Event, Kind, VISITOR},
    intake::{
        call::Arrival,
        cloudevents::{self, Mode},
        ga4, mapping, pixel,
        segment::{Request, Route},
    },
};
use serde_json::{Value, json};

const RECEIVED: i64 = 1_777_636_800_000; // 2026-05-01T12:00:00Z

fn arrival(path: &str) -> Arrival<'_> {
    Arrival { source: "shop", trusted: false, otherwise: Permissions::ALL, received: RECEIVED, path, visitor: None }
}

fn server(path: &str) -> Arrival<'_> {
    Arrival { trusted: true, ..arrival(path) }
}

fn segment(path: &str, body: &Value) -> Delivery {
    deliver(&arrival(path), body)
}

fn deliver(arrival: &Arrival<'_>, body: &Value) -> Delivery {
    let bytes = body.to_string().into_bytes();
    Request::open(Route::of(arrival.path).unwrap(), &bytes).unwrap().deliver(arrival)
}

/// The one event of a delivery that has nothing else.
fn only(delivery: Delivery) -> Event {
    assert_eq!(delivery.letters, []);
    assert_eq!((delivery.events.len(), delivery.unpermitted), (1, 0));
    delivery.events.into_iter().next().unwrap()
}

/// The code and the field of the one letter of a delivery that has nothing else.
fn refused(delivery: &Delivery) -> (&str, &str) {
    assert_eq!((delivery.events.len(), delivery.letters.len()), (0, 1));
    (&delivery.letters[0].code, &delivery.letters[0].field)
}

fn body(event: &Event) -> Value {
    serde_json::from_str(&event.body).unwrap()
}

fn namespaces(event: &Event) -> Vec<u8> {
    event.identifiers.iter().map(|id| id.namespace).collect()
}

#[test]
fn a_call_of_every_address_becomes_an_event_of_its_kind() {
    for (path, route) in Route::ALL {
        let Route::One(kind) = route else { continue };
        let event =
            only(segment(path, &json!({ "userId": "u-1", "event": "x", "groupId": "g", "previousId": "old-1" })));
        assert_eq!(event.kind, kind, "{path}");
    }
}

#[test]
fn what_the_node_library_sends_is_read_whole() {
    let told = json!({
        "batch": [{
            "userId": "customer-77", "event": "Order Completed", "type": "track",
            "properties": { "revenue": 29.9, "products": [{ "product_id": "p-1", "price": 29.9 }] },
            "context": { "library": { "name": "@segment/analytics-node", "version": "2" } },
            "timestamp": "2026-05-01T13:00:00.000Z", "messageId": "node-next-1",
            "_metadata": { "nodeVersion": "20" },
        }],
        "writeKey": "secret", "sentAt": "2026-05-01T13:00:05.000Z",
    });
    let event = only(segment("/v1/batch", &told));
    assert_eq!((event.kind, event.name.as_str(), event.value), (Kind::Track, "Order Completed", 29_900));
    assert_eq!(event.at, RECEIVED - 5_000);
    assert_eq!(event.message, Event::message("shop", "node-next-1"));
    let user = &event.identifiers[0];
    assert_eq!((user.namespace, user.value.as_slice()), (1, Digest::of("customer-77").0.as_slice()));
    let kept = json!({
        "properties": { "revenue": 29.9, "items": [{ "product": "p-1", "price": 29.9 }] },
        "context": { "library": { "name": "@segment/analytics-node", "version": "2" } },
    });
    assert_eq!(body(&event), kept);
}

#[test]
fn identifiers_come_the_strongest_first_and_leave_the_body() {
    let told = json!({
        "userId": 1234567, "anonymousId": "6d92078a-8246-4ba4-ae5b-76104861e7dc",
        "traits": { "email": "Jane.Doe@GMail.com", "phone": "+43 660 1234567", "crmId": "crm-0815", "plan": "gold", "id": "1234567" },
        "context": {
            "ip": "203.0.113.9", "userAgent": "Mozilla/5.0",
            "device": { "id": "device-1234", "type": "ios", "advertisingId": "6D92078A-8246-4BA4-AE5B-76104861E7DD",
                        "adTrackingEnabled": true, "token": "push-token-1", "name": "Jane's phone", "model": "X" },
            "externalIds": [{ "id": "card-9999", "type": "loyalty_card", "collection": "users", "encoding": "none" }],
            "page": { "search": "?gclid=click-1&utm_source=mail", "url": "https://shop.example/?gclid=click-1" },
            "eids": [{ "source": "id5-sync.com", "uids": [{ "id": "ID5*rotates" }] }, { "source": "pubcid.org", "uids": [{ "id": "public-1" }] }],
        },
    });
    let event = only(deliver(&server("/v1/identify"), &told));
    let email = Namespace::Email.number();
    let phone = Namespace::Phone.number();
    let expected = [1, 4, email, email, phone, phone, CARD, Namespace::Partner.number(), 5, DEVICE, ANONYMOUS, 7];
    assert_eq!(namespaces(&event), expected);
    let kept = json!({
        "traits": { "plan": "gold" },
        "context": { "device": { "type": "ios", "model": "X" }, "page": { "search": "?utm_source=mail", "url": "https://shop.example/" } },
    });
    assert_eq!(body(&event), kept);
    let reached: Vec<(&str, &str)> =
        event.contacts.iter().map(|to| (to.channel.as_str(), to.address.as_str())).collect();
    let partners = [("eid:id5-sync.com", "ID5*rotates"), ("eid:pubcid.org", "public-1"), ("push", "push-token-1")];
    assert_eq!(reached, [&[("email", "Jane.Doe@GMail.com"), ("sms", "+436601234567")][..], &partners].concat());
    assert_eq!(only(deliver(&arrival("/v1/identify"), &told)).contacts, []);
}

#[test]
fn a_form_of_an_address_is_the_one_that_a_device_would_send() {
    let event = only(segment("/v1/identify", &json!({ "traits": { "email": "jane@example.com" } })));
    let read = identity::read(Namespace::Email, "jane@example.com").unwrap();
    assert_eq!((event.identifiers[0].value.as_slice(), event.identifiers[0].forms), (&read[0].digest().0[..], 7));
}

#[test]
fn our_own_pseudonym_is_known_as_itself() {
    let event = only(segment("/v1/page", &json!({ "anonymousId": "000102030405060708090a0b0c0d0e0f" })));
    assert_eq!((event.identifiers[0].namespace, event.identifiers[0].value.len()), (VISITOR, 16));
    assert_eq!(event.identifiers[0].value[15], 15);
}

#[test]
fn limited_ad_tracking_is_honoured_and_words_are_nobody() {
    let device = json!({ "id": "device-1", "type": "android", "advertisingId": "6d92078a-8246-4ba4-ae5b-76104861e7dc", "adTrackingEnabled": false });
    let event = only(segment("/v1/track", &json!({ "event": "x", "userId": "null", "context": { "device": device } })));
    assert_eq!(namespaces(&event), [DEVICE]);
    let nobody = segment("/v1/track", &json!({ "event": "x", "userId": "undefined", "anonymousId": "" }));
    assert_eq!(refused(&nobody), ("event/who", ""));
}

#[test]
fn an_alias_joins_and_a_group_becomes_traits() {
    let previous = "6d92078a-8246-4ba4-ae5b-76104861e7dc";
    assert_eq!(
        namespaces(&only(segment("/v1/alias", &json!({ "userId": "u-1", "previousId": previous })))),
        [1, ANONYMOUS]
    );
    assert_eq!(namespaces(&only(segment("/v1/alias", &json!({ "userId": "u-1", "previousId": "u-0" })))), [1, 1]);
    let event =
        only(segment("/v1/group", &json!({ "userId": "u-1", "groupId": "g-1", "traits": { "industry": "tea" } })));
    assert_eq!(body(&event), json!({ "traits": { "group": "g-1", "group.industry": "tea" } }));
}

#[test]
fn what_may_not_be_stored_leaves_nothing_not_even_a_letter() {
    let closed = json!({ "permissions": { "store": false } });
    for told in
        [json!({ "event": "x", "userId": "u-1", "context": closed }), json!({ "userId": [], "context": closed })]
    {
        let delivery = segment("/v1/track", &told);
        assert_eq!((delivery.events.len(), delivery.letters.len(), delivery.unpermitted), (0, 0, 1));
    }
    let nothing = Arrival { otherwise: Permissions::NONE, ..arrival("/v1/track") };
    assert_eq!(deliver(&nothing, &json!({ "event": "x", "userId": "u-1" })).unpermitted, 1);
}

#[test]
fn without_sharing_nothing_ties_a_visitor_to_others() {
    let closed = json!({ "permissions": { "share": false } });
    let told = json!({ "event": "x", "userId": "u-1", "anonymousId": "a-1", "traits": { "email": "jane@example.com" }, "context": closed });
    let event = only(deliver(&server("/v1/track"), &told));
    assert_eq!((namespaces(&event), event.permitted, event.contacts.len()), (vec![ANONYMOUS], 7, 0));
    let told = json!({ "event": "x", "userId": "u-1", "traits": { "email": "jane@example.com" }, "context": closed });
    assert_eq!(segment("/v1/track", &told).unpermitted, 1);
}

#[test]
fn one_bad_event_sinks_no_other_and_can_be_sent_again() {
    let told = json!({
        "batch": [
            { "type": "track", "event": "a", "userId": "u-1" },
            { "type": "track", "event": "", "userId": "u-1" },
            { "type": "nonsense", "userId": "u-1" },
            [1],
            { "type": "page", "userId": "u-1", "timestamp": "yesterday" },
            { "type": "track", "event": "b", "userId": { "secret": "jane@example.com" } },
            { "type": "track", "event": "c", "userId": "u-1" },
        ],
        "writeKey": "secret", "sentAt": "2026-05-01T12:00:00.000Z", "context": { "app": "web" },
    });
    let delivery = segment("/v1/batch", &told);
    let names: Vec<&str> = delivery.events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(names, ["a", "c"]);
    assert_eq!(body(&delivery.events[0]), json!({ "context": { "app": "web" } }));
    let said: Vec<_> =
        delivery.letters.iter().map(|letter| (letter.position, letter.code.as_str(), letter.field.as_str())).collect();
    let expected = [
        (1, "event/name", "/event"),
        (2, "event/kind", "/type"),
        (3, "event/object", ""),
        (4, "event/time", "/timestamp"),
        (5, "event/type", "/userId"),
    ];
    assert_eq!(said, expected);
    assert!(delivery.letters.iter().all(|letter| !letter.message.contains("jane")));
    let letter = &delivery.letters[1];
    let again: Value = serde_json::from_slice(&letter.body).unwrap();
    assert_eq!(again["batch"][0], json!({ "type": "nonsense", "userId": "u-1" }));
    assert_eq!((again.get("writeKey"), &again["context"]["app"]), (None, &json!("web")));
}

#[test]
fn without_a_message_id_the_same_bytes_at_the_same_time_are_one_event() {
    let timed = json!({ "event": "x", "userId": "u-1", "timestamp": "2026-05-01T11:00:00Z" });
    let later = Arrival { received: RECEIVED + 1, ..arrival("/v1/track") };
    assert_eq!(only(segment("/v1/track", &timed)).message, only(deliver(&later, &timed)).message);
    let untimed = json!({ "event": "x", "userId": "u-1" });
    assert_ne!(only(segment("/v1/track", &untimed)).message, only(deliver(&later, &untimed)).message);
    let elsewhere = Arrival { source: "other", ..arrival("/v1/track") };
    let named = json!({ "event": "x", "userId": "u-1", "messageId": "m-1" });
    assert_ne!(only(segment("/v1/track", &named)).message, only(deliver(&elsewhere, &named)).message);
}

#[test]
fn a_batch_has_its_bounds() {
    let open = |body: &str| Request::open(Route::Many, body.as_bytes()).map(|_| ()).map_err(|fault| fault.code);
    assert_eq!(open(&format!("{{\"batch\":[{}1]}}", "1,".repeat(2_500))), Err("batch/many"));
    assert_eq!(open("{}"), Err("batch/missing"));
    assert_eq!(open(&json!({ "batch": [], "context": { "a": "x".repeat(1_024) } }).to_string()), Err("batch/context"));
    assert_eq!(open("{\"batch\":["), Err("body/json"));
    assert_eq!(open("{\"batch\":[]}"), Ok(()));
}

#[test]
fn a_letter_keeps_no_write_key() {
    let delivery = segment("/v1/track", &json!({ "userId": "u-1", "writeKey": "secret" }));
    assert_eq!(refused(&delivery), ("event/name", "/event"));
    assert!(!String::from_utf8(delivery.letters[0].body.clone()).unwrap().contains("secret"));
}

#[test]
fn the_data_layers_object_is_a_track_call() {
    let told = json!({ "event": "purchase", "anonymousId": "a-1", "ecommerce": { "value": 40, "currency": "EUR", "items": [{ "item_id": "p", "item_name": "Tea" }] } });
    let event = only(segment("/v1/track", &told));
    assert_eq!(event.value, 40_000);
    assert_eq!(body(&event)["properties"]["items"], json!([{ "product": "p", "name": "Tea" }]));
}

#[test]
fn the_measurement_protocol_is_read_as_the_browser_reads_ga4() {
    let told = json!({
        "client_id": "123.456", "user_id": "u-1", "timestamp_micros": "1777636700000000",
        "user_properties": { "tier": { "value": "gold" } },
        "user_data": { "sha256_email_address": ["b4c9a289323b21a01c3e940f150eb9b8c542587f1abfd8f0e1cc1ffc5e475514"] },
        "consent": { "ad_user_data": "GRANTED", "ad_personalization": "DENIED" },
        "events": [
            { "name": "purchase", "params": { "transaction_id": "t-1", "value": 12.5, "currency": "EUR", "items": [{ "item_id": "p", "price": 12.5 }] } },
            { "name": "page_view", "params": { "page_title": "Tea", "page_location": "https://shop.example/tea?x=1" } },
            { "params": {} },
        ],
    });
    let bytes = told.to_string().into_bytes();
    let delivery = ga4::Request::open(&bytes).unwrap().deliver(&server("/mp/collect"));
    let [purchase, page] = delivery.events.as_slice() else { panic!("two events") };
    assert_eq!(
        (purchase.name.as_str(), purchase.value, purchase.at, purchase.permitted),
        ("purchase", 12_500, 1_777_636_700_000, 13)
    );
    assert_eq!(namespaces(purchase), [1, 2, ANONYMOUS]);
    assert_eq!(body(purchase)["traits"], json!({ "tier": "gold" }));
    assert_eq!((page.kind, page.name.as_str()), (Kind::Page, "Tea"));
    assert_eq!(body(page)["properties"]["page_location"], "https://shop.example/tea");
    assert_eq!((delivery.letters[0].position, delivery.letters[0].field.as_str()), (2, "/name"));
    let again = ga4::Request::open(&delivery.letters[0].body).unwrap().deliver(&server("/mp/collect"));
    assert_eq!(again.letters.len(), 1);
    let later = Arrival { received: RECEIVED + 9, ..server("/mp/collect") };
    assert_eq!(ga4::Request::open(&bytes).unwrap().deliver(&later).events[0].message, purchase.message);
}

fn headers(told: &[(&str, &str)]) -> HeaderMap {
    let pair =
        |(name, value): &(&str, &str)| (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
    told.iter().map(pair).collect()
}

#[test]
fn a_cloud_event_is_the_same_in_its_three_modes() {
    let data = json!({ "event": "Order Completed", "context": { "externalIds": [{ "type": "card", "id": "card-1" }] }, "properties": { "total": 9 } });
    let whole = json!({
        "specversion": "1.0", "id": "1", "source": "/tills/7", "type": "at.shop.receipt", "time": "2026-05-01T11:59:00Z",
        "subject": "u-1", "datacontenttype": "application/json", "store": "Graz Süd", "data": data,
    });
    let binary = headers(&[
        ("content-type", "application/json; charset=utf-8"),
        ("ce-specversion", "1.0"),
        ("ce-id", "1"),
        ("ce-source", "/tills/7"),
        ("ce-type", "at.shop.receipt"),
        ("ce-time", "2026-05-01T11:59:00Z"),
        ("ce-subject", "u-1"),
        ("ce-store", "Graz%20S%C3%BCd"),
    ]);
    let modes = [
        (binary, data.to_string()),
        (headers(&[("content-type", "application/cloudevents+json")]), whole.to_string()),
        (headers(&[("content-type", "application/cloudevents-batch+json; charset=utf-8")]), json!([whole]).to_string()),
    ];
    let read: Vec<Event> = modes
        .iter()
        .map(|(headers, body)| {
            let mode = Mode::of(headers).unwrap();
            only(cloudevents::deliver(mode, headers, body.as_bytes(), &server("/v1/cloudevents")).unwrap())
        })
        .collect();
    assert_eq!(read[0], read[1]);
    assert_eq!(read[1], read[2]);
    assert_eq!((read[0].name.as_str(), read[0].value, read[0].at), ("Order Completed", 9_000, RECEIVED - 60_000));
    assert_eq!(namespaces(&read[0]), [1, CARD]);
    assert_eq!(body(&read[0])["context"]["cloudevent"]["store"], "Graz Süd");
}

#[test]
fn data_of_any_shape_is_called_what_its_type_says() {
    let read = |data: Value| {
        let whole = json!({ "specversion": "1.0", "id": "1", "source": "s", "type": "at.shop.seen", "subject": "u-1", "data": data });
        let headers = headers(&[("content-type", "application/cloudevents+json")]);
        only(
            cloudevents::deliver(Mode::Structured, &headers, whole.to_string().as_bytes(), &arrival("/v1/cloudevents"))
                .unwrap(),
        )
    };
    assert_eq!(
        (read(json!({ "shelf": 3 })).name, body(&read(json!({ "shelf": 3 })))["properties"].clone()),
        ("at.shop.seen".into(), json!({ "shelf": 3 }))
    );
    assert_eq!(body(&read(json!([1, 2])))["properties"], json!({ "data": [1, 2] }));
    assert_eq!(read(Value::Null).name, "at.shop.seen");
    assert_eq!(read(json!({ "type": "identify", "traits": { "tier": "gold" } })).kind, Kind::Identify);
}

#[test]
fn a_cloud_event_that_is_none_is_refused_by_its_attribute() {
    let read = |told: Value| {
        let headers = headers(&[("content-type", "application/cloudevents+json")]);
        let delivery =
            cloudevents::deliver(Mode::Structured, &headers, told.to_string().as_bytes(), &arrival("/v1/cloudevents"))
                .unwrap();
        let (code, field) = refused(&delivery);
        format!("{code} {field}")
    };
    assert_eq!(read(json!({ "specversion": "0.3" })), "cloudevent/version /specversion");
    assert_eq!(read(json!({ "specversion": "1.0", "source": "s", "type": "t" })), "cloudevent/attribute /id");
    assert_eq!(
        read(json!({ "specversion": "1.0", "id": "1", "source": "s", "type": "t", "data": 1, "data_base64": "MQ==" })),
        "cloudevent/data /data"
    );
    assert_eq!(
        read(
            json!({ "specversion": "1.0", "id": "1", "source": "s", "type": "t", "datacontenttype": "image/png", "data_base64": "MQ==" })
        ),
        "cloudevent/data /data"
    );
    assert_eq!(Mode::of(&headers(&[("content-type", "application/json")])).unwrap_err().code, "cloudevent/mode");
    assert_eq!(
        Mode::of(&headers(&[("content-type", "application/cloudevents+xml"), ("ce-specversion", "1.0")]))
            .unwrap_err()
            .code,
        "cloudevent/mode"
    );
}

#[test]
fn a_pixel_is_an_event_in_an_address() {
    let query =
        "writeKey=secret&event=Mail+opened&userId=u-1&messageId=m-1&p.campaign=Caf%C3%A9&t.tier=gold&mc_eid=other";
    let event = only(pixel::deliver(query, &arrival("/v1/pixel.gif")));
    assert_eq!((event.kind, event.name.as_str()), (Kind::Track, "Mail opened"));
    assert_eq!(body(&event), json!({ "properties": { "campaign": "Café" }, "traits": { "tier": "gold" } }));
    assert_eq!(pixel::write_key(query).as_deref(), Some("secret"));
    assert_eq!(pixel::deliver("event=x&userId=u-1&permit=measure", &arrival("/v1/pixel.gif")).unpermitted, 1);
    let letter = &pixel::deliver("event=x&writeKey=secret", &arrival("/v1/pixel.gif")).letters[0];
    assert_eq!((letter.code.as_str(), letter.body.as_slice()), ("event/who", &b"event=x&writeKey="[..]));
    assert_eq!(pixel::GIF.len(), 43);
}

const MAPPING: &str = "
source: till
delimiter: ';'
event: { text: Order Completed }
time: { column: Datum, format: '%d.%m.%Y %H:%M', zone: Europe/Vienna }
value: { column: Summe, decimal: ',' }
message: [Bon]
identifiers: { crm_id: Kundennr, email: Mail, phone: { column: Telefon, country: 43 }, card: Karte }
properties: { Filiale: store }
contacts: true
";

fn row(cells: &[(&str, &str)]) -> mapping::Row {
    cells.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

#[test]
fn a_row_is_a_call_by_its_mapping() {
    let reader = mapping::Reader::parse(MAPPING).unwrap();
    let cells = [
        ("Bon", "4711"),
        ("Datum", "01.05.2026 13:59"),
        ("Summe", "1.234,50 €"),
        ("Kundennr", "crm-0815"),
        ("Mail", "jane@example.com"),
        ("Telefon", "0660 1234567"),
        ("Karte", ""),
        ("Filiale", "Graz"),
    ];
    let event = reader.read(&row(&cells), RECEIVED, "import/till").unwrap().unwrap();
    assert_eq!((event.name.as_str(), event.value, event.at), ("Order Completed", 1_234_500, RECEIVED - 60_000));
    assert_eq!(namespaces(&event), [4, 2, 3, 3]);
    assert_eq!(event.contacts[1].address, "+436601234567");
    assert_eq!(body(&event), json!({ "properties": { "store": "Graz", "value": 1234.5 } }));
    let later = reader.read(&row(&cells), RECEIVED + 86_400_000, "import/till").unwrap().unwrap();
    assert_eq!(later.message, event.message);
    let mut other = cells;
    other[0].1 = "";
    assert_eq!(reader.read(&row(&other), RECEIVED, "").unwrap_err().field, "Bon");
    other = cells;
    other[1].1 = "2026-05-01";
    assert_eq!(reader.read(&row(&other), RECEIVED, "").unwrap_err().code, "event/time");
    other = cells;
    other[2].1 = "viel";
    assert_eq!(reader.read(&row(&other), RECEIVED, "").unwrap_err().code, "event/value");
}

#[test]
fn a_mapping_that_is_none_says_what_is_wrong() {
    for (text, said) in [
        ("source: till", "identifiers"),
        ("source: Till\nidentifiers: { email: m }", "source"),
        ("source: till\nidentifiers: {}", "identifiers"),
        ("source: till\nidentifiers: { email: m }\nevents: x", "unknown field `events`"),
        ("source: till\nidentifiers: { email: m }\ntime: { column: t, zone: Mars/Base }", "zone"),
        ("{", "YAML"),
    ] {
        let error = mapping::Reader::parse(text).unwrap_err();
        assert!(error.contains(said), "{error}");
    }
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    /// JSON whose names are mostly those that mean something.
    fn json_value() -> impl Strategy<Value = Value> {
        let names = [
            "type",
            "event",
            "userId",
            "anonymousId",
            "previousId",
            "traits",
            "properties",
            "context",
            "timestamp",
            "sentAt",
            "messageId",
            "groupId",
            "email",
            "phone",
            "device",
            "id",
            "externalIds",
            "eids",
            "source",
            "uids",
            "page",
            "url",
            "search",
            "consent",
            "categoryPreferences",
            "permissions",
            "store",
            "items",
            "products",
            "price",
            "value",
            "batch",
            "specversion",
            "data",
            "data_base64",
            "name",
            "params",
            "events",
            "ecommerce",
        ];
        let texts = [
            "track",
            "identify",
            "1.0",
            "jane@example.com",
            "u-1",
            "+43 660 1234567",
            "2026-05-01T12:00:00Z",
            "https://x.example/?gclid=a&q=1#b",
            "null",
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(|number| json!(number)),
            proptest::sample::select(texts.to_vec()).prop_map(Value::from),
            ".{0,20}".prop_map(Value::from),
        ];
        leaf.prop_recursive(6, 64, 8, move |inner| {
            let name =
                prop_oneof![8 => proptest::sample::select(names.to_vec()).prop_map(str::to_owned), 1 => ".{0,12}"];
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::btree_map(name, inner, 0..8).prop_map(|map| json!(map)),
            ]
        })
    }

    fn sum(delivery: &Delivery) -> usize {
        delivery.events.len() + delivery.letters.len() + delivery.unpermitted as usize
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            for (path, route) in Route::ALL {
                if let Ok(request) = Request::open(route, &bytes) {
                    drop(request.deliver(&arrival(path)));
                }
            }
            let mut headers = HeaderMap::new();
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                for name in ["ce-id", "ce-specversion", "ce-source", "content-type"] {
                    headers.insert(HeaderName::from_static(name), value.clone());
                }
            }
            for mode in [Mode::Binary, Mode::Structured, Mode::Batch] {
                cloudevents::deliver(mode, &headers, &bytes, &arrival("/v1/cloudevents")).ok();
            }
            if let Ok(request) = ga4::Request::open(&bytes) {
                drop(request.deliver(&arrival("/mp/collect")));
            }
            let text = String::from_utf8_lossy(&bytes);
            drop(pixel::deliver(&text, &arrival("/v1/pixel.gif")));
            mapping::Reader::parse(&text).ok();
        }

        #[test]
        fn any_value_gives_an_event_or_a_letter_or_may_not_be_stored(value in json_value()) {
            let batch = json!({ "batch": [value, value] });
            prop_assert_eq!(sum(&segment("/v1/batch", &batch)), 2);
            let text = value.to_string();
            if value.is_object() && let Ok(request) = Request::open(Route::One(Kind::Track), text.as_bytes()) {
                prop_assert_eq!(sum(&request.deliver(&arrival("/v1/track"))), 1);
            }
            let headers = headers(&[("content-type", "application/cloudevents+json")]);
            let read = cloudevents::deliver(Mode::Structured, &headers, text.as_bytes(), &arrival("/v1/cloudevents")).unwrap();
            prop_assert_eq!(sum(&read), 1);
        }

        #[test]
        fn an_event_has_somebody_and_none_of_their_addresses(value in json_value()) {
            let mut told = json!({ "type": "track", "event": "x", "userId": "customer-77", "properties": value, "traits": { "email": "jane@example.com" } });
            told["context"] = json!({ "app": value });
            for event in segment("/v1/batch", &json!({ "batch": [told] })).events {
                prop_assert!(!event.identifiers.is_empty());
                prop_assert!(!event.body.contains("jane@example.com") && !event.body.contains("customer-77"));
                prop_assert!(serde_json::from_str::<Value>(&event.body).is_ok());
                prop_assert!(event.at <= RECEIVED);
            }
        }

        #[test]
        fn events_keep_their_order(names in proptest::collection::vec(proptest::option::of("[a-z]{1,8}"), 0..60)) {
            let batch: Vec<Value> = names.iter().map(|name| json!({ "type": "track", "userId": "u-1", "event": name })).collect();
            let delivery = segment("/v1/batch", &json!({ "batch": batch }));
            let read: Vec<&str> = delivery.events.iter().map(|event| event.name.as_str()).collect();
            let told: Vec<&str> = names.iter().flatten().map(String::as_str).collect();
            prop_assert_eq!(read, told);
            let bad: Vec<usize> = names.iter().enumerate().filter(|(_, name)| name.is_none()).map(|(place, _)| place).collect();
            let letters: Vec<usize> = delivery.letters.iter().map(|letter| letter.position as usize).collect();
            prop_assert_eq!(letters, bad);
        }

        #[test]
        fn a_letter_sent_again_says_the_same(value in json_value()) {
            let batch = json!({ "batch": [value], "sentAt": "2026-05-01T12:00:00Z" });
            for letter in segment("/v1/batch", &batch).letters {
                let again = Request::open(Route::Many, &letter.body).unwrap().deliver(&arrival("/v1/batch"));
                prop_assert_eq!(again.letters, vec![letter]);
            }
        }
    }
}
