//! What a person may ask for: everything that is held of them and nothing of others, and that it goes.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    reason = "a test that cannot go on says why by panicking"
)]

#[path = "support/leash.rs"]
mod leash;
#[path = "support/peers.rs"]
mod peers;
#[path = "support/postgres.rs"]
mod postgres;
#[path = "support/shop.rs"]
mod shop;
mod support;

use petitfour::sync::answer::Verdict as Answered;
use petitfour_collector::{
    destination::dispatch::Routes,
    event::Letter,
    graph,
    graph::Policy,
    hex,
    journal::Journal,
    ledger::Verdict,
    person::{
        deletion::{self, Whom},
        dossier::{self, Format},
    },
    sql::Connection,
    store::{Place, Store, now},
};
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::Value;
use shop::{Somebody, arguments, count, fill, places, record, sync, whereabouts};
use support::Server;

fn dossier(connection: &Connection, somebody: &Somebody, format: Format) -> String {
    let user = somebody.user();
    let person = graph::find(connection, &Policy::default(), user.namespace, &user.value).expect("a store");
    let person = person.expect("a person");
    let mut text = String::new();
    let written = dossier::write(connection, &person.uid, person.root, format, &mut |chunk| {
        text.push_str(&chunk);
        true
    });
    written.expect("written");
    text
}

fn rows<'d>(document: &'d Value, section: &str) -> &'d Vec<Value> {
    let sections = document["sections"].as_array().expect("sections");
    let found = sections.iter().find(|one| one["name"] == section).unwrap_or_else(|| panic!("{section} is missing"));
    found["rows"].as_array().expect("rows")
}

#[test]
fn a_dossier_has_everything_of_its_person_and_nothing_of_another() {
    for (_folder, place) in places() {
        let mut runner = TestRunner::new(ProptestConfig { cases: 6, ..ProptestConfig::default() });
        let store = std::cell::RefCell::new(Store::open(&place).expect("a store"));
        let reader = place.reader().expect("a store");
        let people = (1_u64..1_000_000, 1_u64..1_000_000, 1_u64..40, 0_u32..30);
        let outcome = runner.run(&people, |(one, other, events, syncs)| {
            // Two whose numbers begin alike would contain each other's names.
            let (one, other) = (Somebody::new(2 * one), Somebody::new(2 * other + 1));
            let mut store = store.borrow_mut();
            fill(&mut store, now(), &[one.clone(), other.clone()], events);
            let more: Vec<_> = (2..2 + syncs).map(|sequence| one.message(sequence, Vec::new())).collect();
            sync(&mut store, now(), &more);
            let text = dossier(&reader, &one, Format::Json);
            let document: Value = serde_json::from_str(&text).expect("JSON");
            let syncs = syncs as usize + 2;
            prop_assert_eq!(rows(&document, "Identifiers").len(), 4);
            prop_assert_eq!(rows(&document, "Evidence").len(), 3);
            prop_assert_eq!(rows(&document, "Events").len(), events as usize);
            for (section, count) in [
                ("Decisions", syncs),
                ("Exposures", syncs),
                ("Outcomes", 2 * syncs),
                ("Messages", syncs),
                ("Devices", 1),
                ("Addresses", 1),
                ("Segments", 1),
                ("Segments from elsewhere", 1),
                ("Seen at partners", 1),
                ("Ids at partners", 1),
                ("Bought segments", 1),
            ] {
                prop_assert_eq!(rows(&document, section).len(), count, "{}", section);
            }
            prop_assert_eq!(&rows(&document, "Addresses")[0]["address"], &Value::from(one.address()));
            for identifier in one.identifiers() {
                prop_assert!(text.contains(&hex::write(&identifier.value)));
            }
            for foreign in other.identifiers() {
                prop_assert!(!text.contains(&hex::write(&foreign.value)));
            }
            prop_assert!(!text.contains(&other.name), "nothing of the other");
            Ok(())
        });
        outcome.expect("holds");
    }
}

#[test]
fn the_page_shows_what_others_wrote_as_text() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = Store::open(&Place::folder(folder.path())).expect("a store");
    let anna = Somebody::new(1);
    fill(&mut store, now(), std::slice::from_ref(&anna), 700);
    drop(store);
    let server = Server::start(folder.path(), &[]);
    let path = format!("/v1/persons?kind=email&value={}", anna.address());
    let person: Value = serde_json::from_slice(&server.get(&path, &[]).body).expect("JSON");
    let person = person["person"].as_str().expect("an id").to_owned();
    let page = server.get(&format!("/v1/persons/{person}/export?format=html"), &[]);
    let text = page.text();
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(page.header("content-security-policy").contains("default-src 'self'"));
    assert!(!text.contains("<b>of") && text.contains("&lt;b&gt;of person1x no 699&lt;/b&gt;"));
    assert!(!text.contains("style=") && !text.contains("<script") && !text.contains("<style"));
    assert!(text.trim_end().ends_with("</html>"));
    let json = server.get(&format!("/v1/persons/{person}/export"), &[]);
    let document: Value = serde_json::from_slice(&json.body).expect("JSON");
    assert_eq!(rows(&document, "Events").len(), 700);
    assert_eq!(server.get(&format!("/v1/persons/{person}/export?format=pdf"), &[]).status, 400);
    assert_eq!(server.get("/v1/persons/00000000000000000000000000000000/export", &[]).status, 404);
}

#[test]
fn a_deletion_takes_everything_counts_it_and_leaves_the_others() {
    for (_folder, place) in places() {
        let mut store = Store::open(&place).expect("a store");
        let (anna, bert) = (Somebody::new(1), Somebody::new(2));
        fill(&mut store, now(), &[anna.clone(), bert.clone()], 5);
        let letter = |who: &Somebody, number: u8| Letter {
            source: "crm".into(),
            path: "/v1/track".into(),
            position: u32::from(number),
            code: "event/shape".into(),
            field: String::new(),
            message: "it is none".into(),
            body: format!("{{\"email\":\"{}\",\"n\":{number}}}", who.address().to_uppercase()).into_bytes(),
        };
        let buried = store.write(now(), |graph| {
            let mut journal = Journal::new(graph);
            journal.bury(&letter(&anna, 1))?;
            journal.bury(&letter(&bert, 2))?;
            journal.close()?;
            let person = graph::find(graph.connection, graph.policy, anna.user().namespace, &anna.user().value)?;
            let name = hex::write(&person.expect("a person").uid);
            graph.connection.execute(
                "INSERT INTO outbox (destination, id, person, kind, at, body, attempts, due, dead)
                 VALUES ('mail', 'one', ?1, 'event', 1, '{\"to\":\"person1x\"}', 0, 0, 0)",
                petitfour_collector::params![&name],
            )?;
            graph.connection.execute(
                "INSERT INTO delivery_log (destination, id, person, kind, outcome, attempts, at, reason)
                 VALUES ('mail', 'two', ?1, 'event', 1, 1, 1, '')",
                petitfour_collector::params![&name],
            )
        });
        buried.expect("stored");
        let reader = place.reader().expect("a store");
        let whom = Whom::Identifier(anna.email().namespace, vec![anna.email().value]);
        let letters = deletion::letters(&reader, &whom, Some(&anna.address())).expect("read");
        assert_eq!(letters.len(), 1);
        let proof = store
            .write(now(), |graph| deletion::delete(graph, &whom, "privacy desk", &letters, &Routes::default()))
            .expect("deleted")
            .expect("a proof");
        for (table, rows) in [
            ("identifiers", 4),
            ("events", 5),
            ("edges", 3),
            ("contacts", 1),
            ("impressions", 1),
            ("partner_ids", 1),
            ("bought", 1),
            ("standings", 1),
            ("memberships", 1),
            ("visitors", 1),
            ("messages", 2),
            ("decisions", 2),
            ("candidates", 4),
            ("exposures", 2),
            ("outcomes", 4),
            ("dead_letters", 1),
            ("outbox", 1),
            ("delivery_log", 1),
        ] {
            assert_eq!(proof.rows.get(table), Some(&rows), "{table}: {:?}", proof.rows);
        }
        let texts = [anna.name.clone(), anna.address().to_uppercase()];
        let digests: Vec<Vec<u8>> = anna.identifiers().into_iter().map(|one| one.value).collect();
        assert_eq!(whereabouts(&reader, &texts, &digests), Vec::<String>::new());
        // The other has everything, and the sums are those of what is left.
        assert_eq!(count(&reader, "SELECT count(*) FROM events"), 5);
        assert_eq!(count(&reader, "SELECT count(*) FROM dead_letters"), 1);
        assert_eq!(count(&reader, "SELECT value FROM totals WHERE name = 'decisions'"), 2);
        assert!(serde_json::from_str::<Value>(&dossier(&reader, &bert, Format::Json)).is_ok());

        // What was on its way is let go; what comes of a new beginning is new, but for the device's pseudonym.
        record(&mut store, now(), &[anna.event(900, now() - 1_000)]);
        assert_eq!(sync(&mut store, now(), &[anna.message(7, Vec::new())]), [Verdict::Forgotten]);
        assert_eq!(whereabouts(&reader, &texts, &[]), Vec::<String>::new());
        assert_eq!(count(&reader, "SELECT count(*) FROM events"), 5);

        // Done twice, it is done once; the proof says of whom to whoever can ask, and can be told from a forged one.
        let again = store.write(now(), |graph| deletion::delete(graph, &whom, "privacy desk", &[], &Routes::default()));
        let again = again.expect("deleted").expect("a proof");
        assert!(!again.rows.contains_key("events") && again.who == proof.who && again.id != proof.id);
        let kept = deletion::proof(&reader, &proof.id).expect("read").expect("a proof");
        assert_eq!(kept, proof);
        let document = kept.document(&reader).expect("sealed");
        assert_eq!(document["requested_by"], "privacy desk");
        let forged = deletion::Proof { at: kept.at + 1, ..kept.clone() }.document(&reader).expect("sealed");
        assert_ne!(document["seal"], forged["seal"]);
        assert!(!document.to_string().contains(&anna.name));
    }
}

#[test]
fn a_deletion_over_http_is_proved_and_the_device_hears_that_it_is_forgotten() {
    for (folder, place) in places() {
        let anna = Somebody::new(1);
        fill(&mut Store::open(&place).expect("a store"), now(), std::slice::from_ref(&anna), 2);
        let store = arguments(folder.path(), &place);
        let store: Vec<&str> = store.iter().skip(2).map(String::as_str).collect();
        let server = Server::start(folder.path(), &store);
        let ask = |body: &str| {
            let request = support::agent().post(format!("{}/v1/persons/deletions", server.url));
            let mut response = request.header("content-type", "application/json").send(body).expect("an answer");
            (response.status().as_u16(), response.body_mut().read_to_string().expect("text"))
        };
        assert_eq!(ask(r#"{"kind":"email","value":"anna","by":"desk"}"#).0, 400);
        assert_eq!(ask(&format!(r#"{{"kind":"email","value":"{0}","by":"{0}"}}"#, anna.address())).0, 400);
        let (status, answer) = ask(&format!(r#"{{"kind":"email","value":"{}","by":"desk"}}"#, anna.address()));
        assert_eq!(status, 200, "{answer}");
        assert!(!answer.contains(&anna.name));
        let proof: Value = serde_json::from_str(&answer).expect("JSON");
        let kept = server.get(&format!("/v1/persons/deletions/{}", proof["deletion"].as_str().expect("an id")), &[]);
        assert_eq!(serde_json::from_slice::<Value>(&kept.body).expect("JSON"), proof);
        assert_eq!(server.get("/v1/persons/deletions/none", &[]).status, 404);
        let path = format!("/v1/persons?kind=email&value={}", anna.address());
        assert_eq!(server.get(&path, &[]).status, 404);
        assert_eq!(server.sync(&anna.message(3, Vec::new()).encode()).verdict, Answered::Forgotten);
        // Somebody who is not known yet is let go when they come.
        let bert = Somebody::new(2);
        let (status, _) = ask(&format!(r#"{{"kind":"user_id","value":"{}"}}"#, bert.name));
        assert_eq!(status, 200);
        assert!(server.stop());
        let mut store = Store::open(&place).expect("a store");
        record(&mut store, now(), &[bert.event(1, now() - 60_000)]);
        assert_eq!(count(&place.reader().expect("a store"), "SELECT count(*) FROM events"), 0);
    }
}
