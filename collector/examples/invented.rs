//! Fills a data folder with invented visitors and people, so that the pages have something to show.
//!
//! `cargo run -p petitfour-collector --example invented FOLDER`; then serve it:
//! `petitfour-collector --open --data FOLDER/data --bundle FOLDER/bundle.pf4 --segments FOLDER/segments.pf4 --feed shelf=FOLDER/shelf.csv`.
//! `FOLDER/syncs.bin` holds more syncs, each after its length, for `POST /v1/syncs`. Everybody in it is invented, and the same each time.

use std::{error::Error, fs, path::Path};

use petitfour::{
    decision::Reason,
    hash::xxh64,
    id::Key,
    identity::{Digest, Namespace},
    sync::{Entry, Message},
};
use petitfour_collector::{
    event::{ANONYMOUS, CARD, Contact, DEVICE, Event, Identifier, Kind, Letter, VISITOR},
    graph::{Evidence, Rule},
    journal::Journal,
    ledger::Intake,
    params,
    person::frequency::{DAY, Impressions, count},
    sql::Connection,
    store::{Place, Store, now},
};
use petitfour_compiler::{Source, compile, compile_segments};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

const SITE: &str = "petitfour: 1
version: 12
site: soda-shop
context: { temperature: { type: number } }
events: { purchase: { outcome: true }, click: { outcome: true }, product_viewed: {} }
traits: { plan: { type: text } }
segments:
  loyal: { event: purchase, at_least: 2, within: 30 days }
  club: { trait: plan, is: club }
  browsing: { event: product_viewed, at_least: 3, within: 14 days }
  lapsed: { last: purchase, at_least: 14 days }
placements: { hero: { fallback: house } }
fallbacks: { house: { headline: Something cold, any time } }
campaigns:
  - { id: summer-fizz, placements: [hero], holdout: 20%, creatives: [{ id: fizz, headline: Fizz }] }
  - { id: still-water-when-hot, placements: [hero], holdout: 20%, creatives: [{ id: still, headline: Still }] }
  - { id: breakfast-club, placements: [hero], holdout: 20%, creatives: [{ id: club, headline: Mornings }] }
  - { id: refill-card, placements: [hero], holdout: 10%, creatives: [{ id: refill, headline: Refill }] }
";

/// Campaign, share of visitors, withheld from this share, and of 1,000 chosen and withheld visitors those who buy.
const CAMPAIGNS: [(&str, u64, u64, u64, u64); 4] = [
    ("summer-fizz", 420, 200, 124, 66),
    ("still-water-when-hot", 330, 200, 64, 60),
    ("breakfast-club", 190, 200, 38, 71),
    ("refill-card", 60, 100, 110, 90),
];

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

fn main() -> Result<()> {
    let folder = std::env::args().nth(1).ok_or("say which folder to fill")?;
    let folder = Path::new(&folder);
    fs::create_dir_all(folder)?;
    let source = || [Source { name: "campaigns.yaml".into(), text: SITE.into() }];
    fs::write(folder.join("bundle.pf4"), compile(&source(), &|_| None).bundle.ok_or("no bundle")?)?;
    fs::write(folder.join("segments.pf4"), compile_segments(&source(), &|_| None).bundle.ok_or("no segments")?)?;
    let now = now();
    let mut shelf = String::new();
    for (shop, item, level) in
        [("bellecour", "water-still", 12), ("triana", "soda-diet", 0), ("mile-end", "tea-peach", 40)]
    {
        shelf.push_str(&format!("{shop},{item},{level}\n"));
    }
    fs::write(folder.join("shelf.csv"), shelf)?;
    fs::write(
        folder.join("price.csv"),
        format!(",water-still,120,{}\n,soda-diet,140,{}\n", now - 5 * HOUR, now - 2 * HOUR),
    )?;
    fs::write(
        folder.join("margin.csv"),
        format!(",water-still,31,{}\n,soda-diet,22,{}\n", now - 9 * DAY, now - 3 * HOUR),
    )?;

    let mut store = Store::open(&Place::folder(&folder.join("data")))?;
    let visits: Vec<Intake> = (0..6_000).map(|number| intake(visit(number, now))).collect();
    for batch in visits.chunks(500) {
        store.store(batch.iter(), now)?;
    }
    store.write(now, |graph| {
        let mut journal = Journal::new(graph);
        for event in crowd(now).iter().chain(&anna(now)) {
            journal.record(event)?;
        }
        for letter in letters() {
            journal.bury(&letter)?;
        }
        journal.close()
    })?;
    store.write(now, |graph| {
        let card = graph.identifier(CARD, &value("card-7"), 0, now - 6 * DAY)?.id;
        let tv = graph.identifier(Namespace::Partner.number(), &value("anna-tv"), 0, now - 4 * DAY)?.id;
        let evidence = |rule, source, confidence, at| Evidence {
            rule,
            source,
            message: b"file-0007",
            confidence,
            permitted: 15,
            at,
        };
        graph.tie(card, tv, &evidence(Rule::Table, "tv-partner", 910, now - 4 * DAY))?;
        let seen = |day, times| Impressions {
            identifier: tv,
            campaign: Key::of("summer-fizz").0,
            day: now / DAY - day,
            channel: "tv".into(),
            source: "tv-partner".into(),
            count: times,
        };
        [seen(1, 3), seen(2, 1), seen(5, 2)].iter().try_for_each(|seen| count(graph.connection, seen))
    })?;
    store.write(now, |graph| parcels(graph.connection, now))?;
    let more: Vec<u8> = (0..3_000).flat_map(|number| frame(&visit(100_000 + number, now))).collect();
    fs::write(folder.join("syncs.bin"), more)?;
    Ok(())
}

/// Parcels that were handed over, that wait, and that were given up.
fn parcels(store: &Connection, now: i64) -> petitfour_collector::sql::Result<()> {
    for (destination, kind, delivered, waiting, dead) in
        [("crm-webhook", "joined", 64, 3, 0), ("newsletter", "mail", 41, 0, 2), ("kiosk-screens", "offer", 120, 9, 0)]
    {
        for number in 0..delivered + waiting + dead {
            let (id, at) = (format!("{destination}-{number}"), now - i64::from(number) * 11 * MINUTE);
            let is_dead = number >= delivered + waiting;
            let (outcome, reason) = match number {
                number if number < delivered => (1, ""),
                _ if is_dead => (3, "550 mailbox unavailable"),
                _ => (2, "the destination answered 503"),
            };
            store.execute(
                "INSERT INTO delivery_log (destination, id, person, kind, outcome, attempts, at, reason) VALUES (?1, ?2, '', ?3, ?4, ?5, ?6, ?7)",
                params![destination, &id, kind, outcome, if outcome == 1 { 1 } else { 4 }, at, reason],
            )?;
            if outcome > 1 {
                store.execute(
                    "INSERT INTO outbox (destination, id, person, kind, at, body, attempts, due, dead) VALUES (?1, ?2, '', ?3, ?4, '{}', 4, ?5, ?6)",
                    params![destination, &id, kind, at, now + HOUR, is_dead],
                )?;
            }
        }
    }
    Ok(())
}

/// One visitor's fortnight: decided, perhaps seen, clicked, bought.
fn visit(number: u64, now: i64) -> Message {
    let chance = |salt: u64, of: u64| scatter(number ^ salt << 48) % of;
    let began = now - 60 * MINUTE - i64::try_from(chance(1, 13 * 24)).unwrap_or_default() * HOUR;
    let mut at = chance(2, 1_000);
    let (campaign, _, held, chosen, withheld) = CAMPAIGNS
        .into_iter()
        .find(|(_, share, ..)| {
            let found = at < *share;
            at = at.saturating_sub(*share);
            found
        })
        .unwrap_or(CAMPAIGNS[0]);
    let (id, key) = (scatter(number ^ 7 << 40), Key::of(campaign).0);
    let is_held = chance(3, 1_000) < held;
    let none = Key::NONE.0;
    let mut entries = vec![Entry::Decision {
        id,
        after: 0,
        placement: Key::of("hero").0,
        campaign: if is_held { none } else { key },
        creative: none,
        reason: if is_held { Reason::Holdout } else { Reason::Chosen } as u8,
        probability: u16::MAX,
        withheld: if is_held { key } else { none },
    }];
    let seen = !is_held && chance(4, 100) < 82;
    let buys = chance(5, 1_000) < if is_held { withheld } else { chosen };
    if seen {
        entries.push(Entry::Exposure { decision: id, after: 600 });
    }
    if seen && (chance(6, 100) < 17 || buys && chance(7, 100) < 60) {
        entries.push(Entry::Outcome { event: Key::of("click").0, decision: id, after: 4_000, value: 0 });
    }
    if buys {
        let decision = if seen { id } else { 0 };
        entries.push(Entry::Outcome { event: Key::of("purchase").0, decision, after: 400_000, value: 4_500 });
    }
    if chance(8, 100) < 12 {
        entries.push(Entry::Decision {
            id: id ^ 1,
            after: 900_000,
            placement: Key::of("hero").0,
            campaign: none,
            creative: none,
            reason: Reason::Fallback as u8,
            probability: u16::MAX,
            withheld: none,
        });
    }
    if chance(9, 100) < 9 {
        entries.push(Entry::Identity {
            code: Namespace::User.number(),
            digest: Digest::of(format!("member-{}", number % 400)).0,
        });
    }
    let mut visitor = [0; 16];
    let (high, low) = visitor.split_at_mut(8);
    high.copy_from_slice(&scatter(number).to_be_bytes());
    low.copy_from_slice(&scatter(number ^ 1 << 60).to_be_bytes());
    Message { replica: number, sequence: 0, visitor, bundle: 12, began: began.cast_unsigned(), dropped: 0, entries }
}

fn intake(message: Message) -> Intake {
    let bytes = message.encode();
    Intake { message, bytes: u32::try_from(bytes.len()).unwrap_or_default(), digest: xxh64(&bytes, 0) }
}

fn frame(message: &Message) -> Vec<u8> {
    let bytes = message.encode();
    [&u32::try_from(bytes.len()).unwrap_or_default().to_le_bytes()[..], &bytes].concat()
}

fn value(text: &str) -> Vec<u8> {
    Digest::of(text).0.to_vec()
}

fn known(namespace: u8, text: &str) -> Identifier {
    Identifier { namespace, forms: 0, value: value(text) }
}

fn email(text: &str) -> Identifier {
    let hashed = petitfour::identity::read(Namespace::Email, text).ok().and_then(|all| all.into_iter().next());
    let (forms, value) = hashed.map_or((1, value(text)), |hashed| (hashed.forms().bits(), hashed.digest().0.to_vec()));
    Identifier { namespace: Namespace::Email.number(), forms, value }
}

fn event(number: u64, kind: Kind, name: &str, source: &str, at: i64, who: Vec<Identifier>, body: &str) -> Event {
    let mut message = [0; 16];
    let (high, low) = message.split_at_mut(8);
    high.copy_from_slice(&scatter(number).to_be_bytes());
    low.copy_from_slice(&number.to_be_bytes());
    let value = if name == "purchase" { 12_500 } else { 0 };
    let body = body.to_owned();
    Event {
        kind,
        message,
        source: source.into(),
        name: name.into(),
        at,
        identifiers: who,
        value,
        permitted: 15,
        contacts: Vec::<Contact>::new(),
        body,
    }
}

/// Four hundred people with a till and a shop, and a kiosk whose cookie many of them share.
fn crowd(now: i64) -> Vec<Event> {
    let mut events = Vec::new();
    for number in 0..400_u64 {
        let chance = |salt: u64, of: u64| scatter(number ^ salt << 40) % of;
        let at = now - i64::try_from(chance(1, 13 * 24 * 60)).unwrap_or_default() * MINUTE;
        let who = known(Namespace::User.number(), &format!("member-{number}"));
        let browser = known(ANONYMOUS, &format!("browser-{number}"));
        let mut together = vec![who.clone(), browser];
        if chance(2, 10) < 4 {
            together.push(email(&format!("member{number}@example.org")));
        }
        if chance(3, 10) < 2 {
            together.push(known(ANONYMOUS, "the kiosk in the market hall"));
        }
        let plan = if chance(4, 10) < 3 { r#"{"traits":{"plan":"club"}}"# } else { "{}" };
        events.push(event(number * 10, Kind::Identify, "", "web", at, together, plan));
        for nth in 0..chance(5, 4) {
            let name = if nth % 2 == 0 { "purchase" } else { "product_viewed" };
            let later = at + i64::try_from(nth).unwrap_or_default() * 7 * MINUTE;
            events.push(event(
                number * 10 + nth + 1,
                Kind::Track,
                name,
                "till",
                later.min(now),
                vec![who.clone()],
                r#"{"properties":{}}"#,
            ));
        }
    }
    events
}

/// Anna: an account, an address, a telephone line that she shares with Ben, two browsers, a loyalty card, a set-top box.
fn anna(now: i64) -> Vec<Event> {
    let user = || known(Namespace::User.number(), "anna");
    let (home, card) = (|| email("anna@example.org"), || known(CARD, "card-7"));
    let line = || known(Namespace::Phone.number(), "the line of the flat");
    let laptop = || known(ANONYMOUS, "anna-laptop");
    let phone = Identifier { namespace: VISITOR, forms: 0, value: scatter(17).to_be_bytes().repeat(2) };
    let say = |number: u64, kind, name: &str, source: &str, ago: i64, who, body: &str| {
        event(90_000 + number, kind, name, source, now - ago, who, body)
    };
    vec![
        say(1, Kind::Page, "Home", "web", 12 * DAY, vec![laptop()], r#"{"properties":{"path":"/"}}"#),
        say(
            2,
            Kind::Track,
            "product_viewed",
            "web",
            12 * DAY - 3 * MINUTE,
            vec![laptop()],
            r#"{"properties":{"sku":"soda-diet"}}"#,
        ),
        say(3, Kind::Identify, "", "web", 11 * DAY, vec![user(), laptop()], r#"{"traits":{"plan":"club"}}"#),
        say(4, Kind::Identify, "", "crm", 9 * DAY, vec![user(), home(), line()], "{}"),
        say(5, Kind::Identify, "", "till", 6 * DAY, vec![home(), card()], "{}"),
        say(
            6,
            Kind::Track,
            "purchase",
            "till",
            6 * DAY - MINUTE,
            vec![card()],
            r#"{"properties":{"sku":"water-still"}}"#,
        ),
        say(7, Kind::Identify, "", "app", 5 * DAY, vec![user(), phone.clone(), known(DEVICE, "anna-phone")], "{}"),
        say(8, Kind::Track, "product_viewed", "app", 2 * DAY, vec![phone.clone()], "{}"),
        say(9, Kind::Track, "product_viewed", "app", DAY, vec![phone.clone()], "{}"),
        say(10, Kind::Track, "purchase", "app", 5 * HOUR, vec![phone], r#"{"properties":{"sku":"tea-peach"}}"#),
        say(
            11,
            Kind::Identify,
            "",
            "web",
            3 * DAY,
            vec![user(), known(ANONYMOUS, "the kiosk in the market hall")],
            "{}",
        ),
        say(12, Kind::Identify, "", "crm", 8 * DAY, vec![known(Namespace::User.number(), "ben"), line()], "{}"),
        say(13, Kind::Track, "purchase", "till", 7 * DAY, vec![known(Namespace::User.number(), "ben")], "{}"),
        say(14, Kind::Track, "product_viewed", "web", 30 * MINUTE, vec![laptop()], "{}"),
    ]
}

fn letters() -> Vec<Letter> {
    let letter = |source: &str, path: &str, position, code: &str, message: &str, body: String| Letter {
        source: source.into(),
        path: path.into(),
        position,
        code: code.into(),
        field: String::new(),
        message: message.into(),
        body: body.into_bytes(),
    };
    (0..23)
        .map(|number: u32| match number % 4 {
            0 => letter(
                "till",
                "/v1/batch",
                number,
                "event/value",
                "properties.revenue is no number",
                format!(r#"{{"type":"track","event":"purchase","properties":{{"revenue":"{number} EUR"}}}}"#),
            ),
            1 => letter(
                "web",
                "/v1/t",
                0,
                "event/identity",
                "neither userId nor anonymousId",
                format!(r#"{{"event":"product_viewed","n":{number}}}"#),
            ),
            2 => letter(
                "till",
                "/v1/batch",
                number,
                "event/time",
                "timestamp is no date",
                format!(r#"{{"timestamp":"yesterday {number}"}}"#),
            ),
            _ => letter(
                "app",
                "/v1/batch",
                number,
                "event/value",
                "properties.revenue is no number",
                format!(r#"{{"properties":{{"revenue":[{number}]}}}}"#),
            ),
        })
        .collect()
}

/// Spreads a small number over 64 bits (the finaliser of SplitMix64).
fn scatter(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ mixed >> 31
}
