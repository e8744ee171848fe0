//! Whole auctions: requests as exchanges write them, and what is answered.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that fails here has failed"
)]

use petitfour::consent::Permissions;
use petitfour::engine::{self, Effect, Engine, Session};
use petitfour::event::Event;
use petitfour::id::Key;
use petitfour::time::Moment;
use petitfour_bid::{Amount, Bid, BidRequest, Bidder, Config, Error, Notice, Outcome, Person, Price, Reason, Spend};
use petitfour_compiler::{Source, compile};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// 2026-06-01T12:00:00Z: half of the day is over.
const NOON: u64 = 1_780_315_200_000;

fn at() -> Moment {
    Moment::utc(NOON)
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap()
}

fn build(text: &str) -> Arc<Engine> {
    let compiled = compile(&[Source { name: "test.yaml".to_owned(), text: text.to_owned() }], &|_| None);
    Arc::new(Engine::load(compiled.bundle.unwrap_or_else(|| panic!("{:?}", compiled.diagnostics))).unwrap())
}

fn config() -> Config {
    serde_json::from_str(&read("config.json")).unwrap()
}

fn bidder() -> Bidder {
    Bidder::new(build(&read("campaigns.yaml")), config())
}

/// A recorded request, with changes.
fn request(name: &str, change: impl FnOnce(&mut Value)) -> BidRequest {
    let mut request: Value = serde_json::from_str(&read(&format!("requests/{name}.json"))).unwrap();
    change(&mut request);
    BidRequest::parse(request.to_string().as_bytes()).unwrap()
}

fn ask(bidder: &Bidder, request: &BidRequest) -> Outcome {
    bidder.bid(request, &mut Spend::new(), at())
}

fn bids(outcome: &Outcome) -> Vec<&Bid> {
    outcome.response.iter().flat_map(|response| &response.seatbid).flat_map(|seat| &seat.bid).collect()
}

fn reasons(outcome: &Outcome) -> Vec<(&str, Reason)> {
    outcome.refusals.iter().map(|refusal| (refusal.campaign.as_deref().unwrap_or_default(), refusal.reason)).collect()
}

fn schema() -> jsonschema::Validator {
    jsonschema::draft202012::new(&serde_json::from_str(&read("response.schema.json")).unwrap()).unwrap()
}

fn check(response: &Value) {
    let faults: Vec<String> =
        schema().iter_errors(response).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert_eq!(faults, Vec::<String>::new(), "{response}");
}

#[test]
fn every_recorded_request_is_answered_as_it_was() {
    let bidder = bidder();
    let mut names: Vec<String> = std::fs::read_dir(path("requests"))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    assert!(names.len() >= 7);
    for name in names {
        let outcome = ask(&bidder, &request(&name, |_| {}));
        check(&outcome.no_bid());
        let answer = outcome.response.as_ref().map_or(Value::Null, |response| response.to_json());
        if !answer.is_null() {
            check(&answer);
        }
        let told = json!({
            "permissions": outcome.permissions.bits(),
            "response": answer,
            "no_bid": outcome.no_bid(),
            "refusals": outcome.refusals,
        });
        let file = path(&format!("responses/{name}.json"));
        if std::env::var_os("PETITFOUR_BLESS").is_some() {
            std::fs::write(&file, serde_json::to_string_pretty(&told).unwrap() + "\n").unwrap();
        }
        let golden: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        assert_eq!(told, golden, "{name}");
    }
}

#[test]
fn an_exchange_learns_neither_what_is_known_of_a_person_nor_what_is_paid() {
    for name in ["declined", "app", "banner"] {
        let dear = request(name, |it| {
            for imp in it["imp"].as_array_mut().unwrap() {
                (imp["bidfloor"], imp["bidfloorcur"]) = (99.into(), "EUR".into());
            }
        });
        let outcome = ask(&bidder(), &dear);
        assert!(outcome.response.is_none() && outcome.refusals.len() > 2);
        let told = outcome.no_bid().to_string();
        for word in ["gold", "water", "seen-it", "segment", "profile", "6", "3.2"] {
            assert!(!told.replace("auction-", "").contains(word), "{word} in {told}");
        }
    }
}

#[test]
fn the_schema_sees_what_is_missing() {
    let outcome = ask(&bidder(), &request("banner", |_| {}));
    let answer = outcome.response.unwrap().to_json();
    for (pointer, field) in
        [("", "id"), ("/seatbid/0", "bid"), ("/seatbid/0/bid/0", "price"), ("/seatbid/0/bid/0", "impid")]
    {
        let mut less = answer.clone();
        less.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(field);
        assert!(!schema().is_valid(&less), "{field}");
    }
    let mut wrong = answer.clone();
    wrong["seatbid"][0]["bid"][0]["price"] = json!("1.2");
    assert!(!schema().is_valid(&wrong));
}

#[test]
fn the_price_is_base_and_what_the_model_says_of_the_rest() {
    let price = |country: &str| {
        let outcome = ask(&bidder(), &request("banner", |it| it["device"]["geo"]["country"] = country.into()));
        bids(&outcome)[0].price
    };
    // 1.2 + 2.8 × σ(1), σ(-1) for Spain.
    assert!((price("FRA") - (1.2 + 2.8 * 0.731_058)).abs() < 0.01);
    assert!((price("ESP") - (1.2 + 2.8 * 0.268_941)).abs() < 0.01);
}

#[test]
fn at_a_fixed_price_the_floor_is_offered() {
    let outcome = ask(&bidder(), &request("banner", |it| it["at"] = 3.into()));
    assert_eq!(bids(&outcome)[0].price, 0.9);
}

#[test]
fn below_the_floor_there_is_no_bid_and_at_the_floor_there_is() {
    let price = bids(&ask(&bidder(), &request("banner", |_| {})))[0].price;
    let ask = |floor: f64| ask(&bidder(), &request("banner", |it| it["imp"][0]["bidfloor"] = floor.into()));
    assert_eq!(bids(&ask(price)).len(), 1);
    let outcome = ask(price + 0.001);
    assert_eq!(outcome.response, None);
    assert!(reasons(&outcome).contains(&("water", Reason::Floor)), "{:?}", outcome.refusals);
}

#[test]
fn what_a_publisher_blocks_is_not_offered() {
    let refused = |change: &dyn Fn(&mut Value)| {
        let outcome = ask(&bidder(), &request("banner", |it| change(it)));
        assert_eq!(outcome.response, None);
        outcome.refusals.iter().find(|it| it.campaign.as_deref() == Some("water")).map(|it| it.reason)
    };
    assert_eq!(refused(&|it| it["badv"] = json!(["soda.example"])), Some(Reason::Advertiser));
    assert_eq!(refused(&|it| it["badv"] = json!(["WWW.Soda.example"])), Some(Reason::Advertiser));
    assert_eq!(refused(&|it| it["badv"] = json!(["example"])), Some(Reason::Advertiser));
    assert_eq!(refused(&|it| it["bcat"] = json!(["IAB9"])), Some(Reason::Category));
    assert_eq!(refused(&|it| it["bcat"] = json!(["IAB9-1"])), Some(Reason::Category));
    assert_eq!(refused(&|it| it["cattax"] = json!(6)), Some(Reason::Category));
    let near = request("banner", |it| {
        it["badv"] = json!(["oda.example", "a.soda.example", ""]);
        it["bcat"] = json!(["IAB9-11", "IAB", "IAB8-1"]);
    });
    assert_eq!(bids(&ask(&bidder(), &near)).len(), 1);
}

#[test]
fn a_request_is_refused_as_a_whole() {
    let reason = |change: &dyn Fn(&mut Value)| {
        let outcome = ask(&bidder(), &request("banner", |it| change(it)));
        (outcome.refusals[0].reason, outcome.refusals.len(), outcome.response)
    };
    assert_eq!(reason(&|it| it["tmax"] = 19.into()), (Reason::Late, 1, None));
    assert_eq!(reason(&|it| it["cur"] = json!(["USD"])), (Reason::Currency, 1, None));
    assert_eq!(reason(&|it| it["wseat"] = json!(["other"])), (Reason::Seat, 1, None));
    assert_eq!(reason(&|it| it["bseat"] = json!(["soda-desk"])), (Reason::Seat, 1, None));
    let mut late = request("banner", |_| {});
    late.waited = 131;
    assert_eq!(ask(&bidder(), &late).nbr(), Some(15));
    late.waited = 130;
    assert_eq!(bids(&ask(&bidder(), &late)).len(), 1);
}

#[test]
fn segments_count_from_those_who_are_believed_alone() {
    let campaign = |data: Value| {
        let outcome = ask(&bidder(), &request("app", |it| it["user"]["data"] = data));
        bids(&outcome)[0].cid.clone()
    };
    assert_eq!(campaign(json!([{ "id": "dmp.example", "segment": [{ "id": "4711" }] }])), "gold-members");
    assert_eq!(campaign(json!([{ "name": "crm.soda.example", "segment": [{ "id": "gold" }] }])), "gold-members");
    assert_eq!(campaign(json!([{ "id": "dmp.example", "segment": [{ "id": "gold" }] }])), "water");
    assert_eq!(campaign(json!([{ "id": "stranger.example", "segment": [{ "id": "gold" }] }])), "water");
    assert_eq!(campaign(json!([{ "segment": [{ "id": "gold" }, {}] }, {}])), "water");
}

#[test]
fn without_permission_to_personalise_nobody_is_looked_up_and_only_context_bids() {
    fn never(_: &Person<'_>) -> Option<Vec<u8>> {
        panic!("looked up")
    }
    let bidder = bidder().with_profiles(never);
    let silenced: [&dyn Fn(&mut Value); 7] = [
        &|it| it["device"]["lmt"] = 1.into(),
        &|it| it["device"]["dnt"] = 1.into(),
        &|it| it["regs"]["coppa"] = 1.into(),
        &|it| it["regs"]["gpc"] = "1".into(),
        &|it| it["user"]["consent"] = Value::Null,
        &|it| it["user"]["consent"] = "CPuKGCPPuKGCPNEAAAENCZCAAAAAAAAAAAAAAAAAAAAA".into(),
        &|it| it["user"]["consent"] = "not a string of consent".into(),
    ];
    for change in silenced {
        let outcome = ask(&bidder, &request("app", change));
        assert!(!outcome.permissions.personalise());
        for bid in bids(&outcome) {
            assert_eq!(bid.cid, "water");
        }
        assert!(!bids(&outcome).is_empty());
    }
    let outcome = ask(&bidder, &request("app", silenced[6]));
    assert!(outcome.fault.is_some_and(|code| code.starts_with("consent/")));
}

#[test]
fn silence_from_europe_is_no_consent() {
    let text = read("campaigns.yaml").replace("consent:\n", "consent:\n  default: [store, personalise]\n");
    let bidder = Bidder::new(build(&text), config());
    let permitted = |country: &str, regs: Value| {
        let request = request("banner", |it| {
            it["device"]["geo"]["country"] = country.into();
            it["regs"] = regs;
        });
        ask(&bidder, &request).permissions.bits()
    };
    assert_eq!(permitted("FRA", json!({})), 0);
    assert_eq!(permitted("fra", Value::Null), 0);
    assert_eq!(permitted("FRA", json!({ "gdpr": 1 })), 0);
    assert_eq!(permitted("FRA", json!({ "gdpr": 0 })), 3);
    assert_eq!(permitted("JPN", json!({})), 3);
}

/// A profile that viewed twice and saw `seen-it` so many times, as the host keeps it.
fn profile(exposures: usize) -> Vec<u8> {
    let mut session = Session::new(build(&read("campaigns.yaml")), [3; 32]);
    session.consent(Permissions::ALL, at());
    session.hold(true, at());
    (0..2).for_each(|_| session.record(&Event::parse("view", [], None).unwrap(), at()));
    for _ in 0..exposures {
        let decision = session.decide("leaderboard", at());
        assert!(session.exposed(decision.id, at()));
    }
    assert!(std::iter::from_fn(|| session.poll_effect()).any(|effect| matches!(effect, Effect::Persist(_))));
    session.profile_bytes()
}

#[test]
fn the_profile_that_the_host_finds_decides_and_counts_caps() {
    let asked = |exposures: usize| {
        let bytes = profile(exposures);
        let bidder = bidder().with_profiles(move |person: &Person<'_>| {
            let ours = person.eids.iter().find(|eid| eid.source == "soda.example")?;
            (ours.uids[0].id == "member-42" && person.buyer == Some("soda-123")).then(|| bytes.clone())
        });
        ask(
            &bidder,
            &request("app", |it| {
                it["imp"].as_array_mut().unwrap().remove(0);
                it["user"]["data"] = json!([]);
                it["imp"][0]["bidfloor"] = 2.into();
                it["imp"][0]["bidfloorcur"] = "EUR".into();
            }),
        )
    };
    assert_eq!(bids(&asked(0))[0].cid, "seen-it");
    assert_eq!(bids(&asked(1))[0].cid, "seen-it");
    let full = asked(2);
    assert_eq!(bids(&full)[0].cid, "water");
    // A profile that cannot be read is none.
    let broken = bidder().with_profiles(|_: &Person<'_>| Some(vec![1, 2, 3]));
    assert_eq!(bids(&ask(&broken, &request("app", |_| {})))[1].cid, "gold-members");
}

#[test]
fn a_capped_campaign_does_not_bid_where_nobody_counts() {
    let text = read("campaigns.yaml").replace("    when: { event: view, at_least: 2 }\n", "");
    let bidder = Bidder::new(build(&text), config());
    let outcome = ask(&bidder, &request("app", |it| it["user"]["data"] = json!([])));
    assert!(reasons(&outcome).contains(&("seen-it", Reason::Uncounted)), "{:?}", outcome.refusals);
    assert_eq!(outcome.nbr(), None);
}

#[test]
fn money_that_is_reserved_is_not_offered_again() {
    let text =
        read("campaigns.yaml").replace("budget: { day: 50, total: 2000, pacing: even }", "budget: { total: 0.01 }");
    let bidder = Bidder::new(build(&text), config());
    let mut spend = Spend::new();
    let ask = |number: u32, spend: &mut Spend| {
        bidder.bid(&request("banner", |it| it["id"] = number.to_string().into()), spend, at())
    };
    let outcomes: Vec<Outcome> = (0..5).map(|number| ask(number, &mut spend)).collect();
    let offered: Vec<&Bid> = outcomes.iter().flat_map(bids).collect();
    assert_eq!(offered.len(), 3, "at 3.246 for a thousand, ten thousandths of a euro are three impressions");
    assert!(reasons(&outcomes[4]).contains(&("water", Reason::Budget)));
    let (first, second) = (Bid::number(&offered[0].id).unwrap(), Bid::number(&offered[1].id).unwrap());
    assert_eq!(spend.lost(first, at()), Notice::Taken);
    assert_eq!(spend.won(second, Price::at_least(1.0).unwrap(), at()), Notice::Taken);
    assert_eq!(spend.spent(Key::of("water")), Amount(1_000));
    assert_eq!(bids(&ask(9, &mut spend)).len(), 1);
}

#[test]
fn a_test_of_the_exchange_costs_nothing() {
    let mut spend = Spend::new();
    let outcome = bidder().bid(&request("banner", |it| it["test"] = 1.into()), &mut spend, at());
    assert_eq!(bids(&outcome).len(), 1);
    assert_eq!(spend.reserved(Key::of("water")), Amount(0));
}

#[test]
fn hostile_words_stay_words() {
    let hostile = "</a><script>alert('x')</script>\" onclick=\"${AUCTION_PRICE} & `";
    let text = format!(
        "petitfour: 1\nversion: 1\ncurrency: USD\nplacements: {{ p: {{}} }}\ncampaigns:\n  - id: c\n    placements: [p]\n    bid: {{ base: 1, domain: a.example }}\n    budget: {{ total: 5 }}\n    creatives: [{{ id: k, headline: {0}, text: {0}, alt: {0}, cta: {0}, link: \"https://a.example/?a=1&b=2\", image: \"https://a.example/i.png\" }}]\n",
        serde_json::to_string(hostile).unwrap()
    );
    let bidder = Bidder::new(build(&text), Config::default());
    let ask = |imp: Value| {
        let request = json!({ "id": "r", "imp": [imp] }).to_string();
        let outcome = ask(&bidder, &BidRequest::parse(request.as_bytes()).unwrap());
        bids(&outcome)[0].adm.clone()
    };
    let html = ask(json!({ "id": "1", "tagid": "p", "banner": { "w": 300, "h": 250 } }));
    // Only the tags and attributes that are ours are left.
    let tags: Vec<&str> = html.split('<').skip(1).map(|rest| rest.split([' ', '>']).next().unwrap()).collect();
    assert_eq!(tags, ["a", "img", "strong", "/strong", "span", "/span", "em", "/em", "/a"]);
    assert_eq!(html.matches('"').count(), 2 * (4 + 3), "four attributes of the link, three of the image");
    assert!(!html.contains("${") && !html.contains('`') && html.contains("https://a.example/?a=1&amp;b=2"));
    let native = ask(json!({ "id": "1", "tagid": "p", "native": { "request":
        "{\"native\":{\"ver\":\"1.0\",\"assets\":[{\"id\":1,\"title\":{}}]}}" } }));
    assert!(!native.contains("${"));
    let read: Value = serde_json::from_str(&native).unwrap();
    assert_eq!(read["native"]["assets"][0]["title"]["text"], hostile);
}

#[test]
fn addresses_that_the_slot_cannot_take_are_no_bid() {
    let creative = |link: &str, more: &str| {
        let text = read("campaigns.yaml")
            .replace("link: \"https://soda.example/water?a=1&b=2\"", &format!("link: \"{link}\"{more}"));
        let outcome = ask(&Bidder::new(build(&text), config()), &request("banner", |_| {}));
        let refused = outcome.refusals.iter().find(|refusal| refusal.campaign.as_deref() == Some("water"));
        refused.map(|refusal| (refusal.reason, refusal.text.clone()))
    };
    let no = |text: &str| Some((Reason::Creative, text.to_owned()));
    assert_eq!(creative("https://soda.example/", ""), None);
    assert_eq!(creative("javascript:alert(1)", ""), no("`link` is no whole address"));
    assert_eq!(creative("http://soda.example/", ""), no("`link` is not https"));
    assert_eq!(creative("/", ", width: 970, height: 90"), None);
    assert_eq!(creative("/", ", width: 300, height: 250"), no("its size fits no slot"));
}

#[test]
fn native_answers_what_is_required_or_nothing() {
    let ask = |assets: Value| {
        let native = json!({ "assets": assets }).to_string();
        let outcome = ask(&bidder(), &request("native", |it| it["imp"][0]["native"]["request"] = native.into()));
        bids(&outcome).first().map(|bid| serde_json::from_str::<Value>(&bid.adm).unwrap()["assets"].clone())
    };
    assert_eq!(ask(json!([{ "id": 7, "required": 1, "title": { "len": 5 } }])), None);
    assert_eq!(ask(json!([{ "id": 7, "title": { "len": 5 } }])), None);
    assert_eq!(ask(json!([{ "id": 7, "required": 1, "img": { "type": 1 } }])), None);
    assert_eq!(ask(json!([])), None);
    let answered = ask(json!([{ "id": 7, "title": { "len": 5 } }, { "id": 8, "data": { "type": 1 } }]));
    assert_eq!(answered, Some(json!([{ "id": 8, "data": { "value": "soda.example" } }])));
}

#[test]
fn the_engines_reason_is_told_of_every_campaign_that_bids() {
    let outcome = ask(
        &bidder(),
        &request("app", |it| {
            it["user"]["data"] = json!([]);
            it["imp"][1]["bidfloor"] = 9.into();
            it["imp"][1]["bidfloorcur"] = "EUR".into();
        }),
    );
    let segment = Reason::Refused(engine::Reason::Segment);
    let second: Vec<_> = outcome.refusals.iter().filter(|refusal| refusal.imp.as_deref() == Some("b")).collect();
    let told: Vec<_> = second.iter().map(|it| (it.campaign.as_deref().unwrap(), it.reason)).collect();
    assert_eq!(told, [("water", Reason::Floor), ("gold-members", segment), ("seen-it", segment)]);
    let quiet = Bidder::new(build(&read("campaigns.yaml")), Config { reasons: false, ..config() });
    let outcome = ask(&quiet, &request("declined", |_| {}));
    assert_eq!(reasons(&outcome), [("water", Reason::Floor)]);
}

#[test]
fn whatever_bytes_come_there_is_an_answer() {
    assert_eq!(BidRequest::parse(b"").unwrap_err(), Error::Malformed);
    assert_eq!(BidRequest::parse(b"{}").unwrap_err(), Error::Incomplete);
    assert_eq!(BidRequest::parse(br#"{"id":"1","imp":[{}]}"#).unwrap_err(), Error::Incomplete);
    assert_eq!(BidRequest::parse(br#"{"id":"1","imp":[{"id":"1"},{"id":"1"}]}"#).unwrap_err(), Error::Incomplete);
    assert_eq!(BidRequest::parse(br#"{"id":"1","imp":[{"id":"1","bidfloor":1e999}]}"#).unwrap_err(), Error::Malformed);
    // What is skipped is skipped without a stack; what is read has 128 levels.
    let deep = |field: &str| {
        let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
        BidRequest::parse(format!(r#"{{"id":"1","imp":[{{"id":"1"}}],"{field}":{{"x":{open}1{close}}}}}"#).as_bytes())
    };
    assert!(deep("ext").is_ok());
    assert_eq!(deep("regs").unwrap_err(), Error::Malformed);
    assert_eq!(BidRequest::parse(&vec![b' '; petitfour_bid::MAX_BYTES + 1]).unwrap_err(), Error::Size);
    assert_eq!(Error::Malformed.nbr(), 2);
    let bidder = bidder();
    for name in ["banner", "app", "native"] {
        let text = read(&format!("requests/{name}.json"));
        for cut in (0..text.len()).filter(|cut| text.is_char_boundary(*cut)) {
            assert!(BidRequest::parse(&text.as_bytes()[..cut.min(text.trim_end().len() - 1)]).is_err());
            // A byte that is changed may be another request, which is answered.
            let mut changed = text.clone().into_bytes();
            changed[cut] = b'0';
            if let Ok(request) = BidRequest::parse(&changed) {
                let outcome = ask(&bidder, &request);
                assert!(outcome.response.is_some() || !outcome.refusals.is_empty());
            }
        }
    }
    let many: Vec<Value> = (0..40)
        .map(|id| json!({ "id": id.to_string(), "tagid": "leaderboard", "banner": { "w": 1, "h": 1 } }))
        .collect();
    let outcome = ask(&bidder, &request("banner", |it| it["imp"] = many.into()));
    assert_eq!(bids(&outcome).len(), 32);
    assert_eq!(outcome.refusals.last().unwrap().reason, Reason::Slots);
}

#[test]
fn the_same_auction_gets_the_same_answer() {
    let (one, other) = (bidder(), bidder());
    let mut spend = Spend::new();
    let first = one.bid(&request("app", |_| {}), &mut spend, at());
    assert_eq!(first, ask(&other, &request("app", |_| {})));
    let reserved = spend.reserved(Key::of("gold-members"));
    assert_eq!(first, one.bid(&request("app", |_| {}), &mut spend, at()));
    assert_eq!(reserved, spend.reserved(Key::of("gold-members")));
}

#[test]
fn a_bundle_that_bids_nothing_answers_nothing() {
    let bidder = Bidder::new(build("petitfour: 1\nversion: 1\nplacements: { hero: {} }\n"), Config::default());
    let outcome = ask(&bidder, &request("banner", |_| {}));
    assert_eq!(reasons(&outcome), [("", Reason::Campaign)]);
}
