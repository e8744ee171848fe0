//! The lake: DuckDB reads what the store holds, killed exports come to the whole, and who is deleted is seen nowhere.

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

use std::{
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use petitfour::{
    consent::Permissions,
    sync::{Entry, answer::Verdict},
};
use petitfour_collector::{
    event::{Event, Kind},
    hex,
    lake::schema::{Growth, TABLES},
    store::{Place, Store, now},
};
use shop::{Somebody, arguments, ask, count, duck, fill, places, record, run, whereabouts, words};
use support::Server;

/// What the store has of each table.
const COUNTS: [(&str, &str); 12] = [
    ("events", "SELECT count(*) FROM events"),
    ("decisions", "SELECT count(*) FROM decisions"),
    ("candidates", "SELECT count(*) FROM candidates"),
    ("exposures", "SELECT count(*) FROM exposures"),
    ("outcomes", "SELECT count(*) FROM outcomes"),
    ("identifiers", "SELECT count(*) FROM identifiers"),
    ("persons", "SELECT count(*) FROM identifiers"),
    ("edges", "SELECT count(*) FROM edges"),
    ("memberships", "SELECT count(*) FROM memberships"),
    ("standings", "SELECT count(*) FROM standings"),
    ("impressions", "SELECT count(*) FROM impressions"),
    ("names", "SELECT count(*) FROM names"),
];

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        if entry.path().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}

#[test]
fn duckdb_counts_what_the_store_counts_and_every_column_is_of_the_type_that_is_documented() {
    for (folder, place) in places() {
        let people: Vec<Somebody> = (0..5).map(Somebody::new).collect();
        fill(&mut Store::open(&place).expect("a store"), now(), &people, 7);
        let store = place.reader().expect("a store");
        for format in ["parquet", "ndjson"] {
            let lake = folder.path().join(format);
            let to = lake.display().to_string();
            run(&[words(&["export", "--to", &to, "--format", format]), arguments(folder.path(), &place)].concat());
            let queries: Vec<String> =
                COUNTS.iter().map(|(table, _)| format!("SELECT count(*) FROM {table}")).collect();
            for ((table, sql), rows) in COUNTS.iter().zip(duck(&lake, &queries)) {
                assert_eq!(rows[0][0].as_i64(), Some(count(&store, sql)), "{table} in {format}");
            }
            let queries: Vec<String> = TABLES.iter().map(|table| format!("DESCRIBE {}", table.name)).collect();
            for (table, rows) in TABLES.iter().zip(duck(&lake, &queries)) {
                let mut expected: Vec<(String, String)> =
                    table.columns.iter().map(|one| (one.name.into(), one.kind.duckdb().into())).collect();
                if matches!(table.growth, Growth::Log(_)) {
                    expected.push(("day".into(), "DATE".into()));
                }
                let found: Vec<(String, String)> = rows
                    .iter()
                    .map(|row| (row[0].as_str().expect("a name").into(), row[1].as_str().expect("a type").into()))
                    .collect();
                assert_eq!(found, expected, "{} in {format}", table.name);
            }
            // Amounts, times and credit are the store's own.
            let sums = "SELECT CAST(sum(value) AS DECIMAL(18,3)), min(occurred), max(received) FROM events";
            let row = &duck(&lake, &[sums.to_owned()])[0][0];
            let sql = "SELECT CAST(sum(value) AS BIGINT), min(at), max(received) FROM events";
            let own = store.first(sql, &[]).expect("a row").expect("a row");
            for (at, value) in row.iter().enumerate() {
                assert_eq!(value.as_i64(), Some(own.get(at).expect("a number")), "{format}, {at}");
            }
            let credited = "SELECT count(*) FROM credited_outcomes WHERE decision IS NOT NULL";
            let own = count(&store, "SELECT count(*) FROM outcomes WHERE decision IS NOT NULL");
            assert_eq!(ask(&lake, credited), own);
            let credited = "SELECT CAST(sum(decision::HUGEINT % 1000003) AS BIGINT) FROM credited_outcomes";
            let rows = store.query("SELECT decision FROM outcomes", &[]).expect("rows");
            let own: u64 =
                rows.iter().map(|row| row.get::<i64>(0).expect("credited").cast_unsigned() % 1_000_003).sum();
            assert_eq!(ask(&lake, credited).unsigned_abs(), own);
            // Nothing in the files can be joined elsewhere.
            let digest = hex::write(&people[0].email().value);
            let pseudonym = hex::write(&people[0].pseudonym().value);
            assert_eq!(ask(&lake, "SELECT count(*) FROM identifiers WHERE digest IS NOT NULL"), 0);
            run(&[words(&["export", "--to", &to, "--with-digests"]), arguments(folder.path(), &place)].concat());
            let known = format!("SELECT count(*) FROM identifiers WHERE digest IN ('{digest}', '{pseudonym}')");
            assert_eq!(ask(&lake, &known), 2, "{format}");
            // Nothing came in between, so nothing was written twice.
            assert_eq!(ask(&lake, "SELECT count(*) FROM events"), count(&store, "SELECT count(*) FROM events"));
        }
        let notes = format!(
            "SELECT count(*) FROM parquet_kv_metadata('{}/events/*/*.parquet') WHERE key::VARCHAR = 'petitfour.column.value'",
            folder.path().join("parquet").display()
        );
        assert!(ask(&folder.path().join("parquet"), &notes) > 0, "units stand in the file");
    }
}

#[test]
fn attribution_reads_the_touches_of_a_lake() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = Place::folder(folder.path());
    let people: Vec<Somebody> = (0..5).map(Somebody::new).collect();
    let mut store = Store::open(&place).expect("a store");
    fill(&mut store, now(), &people, 2);
    let url = "https://shop.example/tea?utm_source=newsletter&utm_campaign=spring";
    let arrival = Event {
        kind: Kind::Page,
        name: "tea".into(),
        body: format!(r#"{{"context":{{"page":{{"url":"{url}"}}}}}}"#),
        ..people[0].event(77, now())
    };
    record(&mut store, now(), &[arrival]);
    let (lake, csv) = (folder.path().join("lake"), folder.path().join("touches.csv"));
    run(&[words(&["export", "--to", &lake.display().to_string()]), arguments(folder.path(), &place)].concat());
    duck(&lake, &[format!("COPY (FROM touches) TO '{}'", csv.display())]);
    let source = petitfour_attribution::read(std::fs::File::open(&csv).expect("a log")).expect("it reads");
    let petitfour_attribution::Source::Log(log) = source else { panic!("a log of touches") };
    let store = place.reader().expect("a store");
    let click = i64::from(petitfour::id::Key::of("click").0);
    let rows = |sql: &str| usize::try_from(count(&store, &sql.replace(":click", &click.to_string()))).expect("some");
    let (views, clicks) = (
        rows(
            "SELECT count(*) FROM exposures e JOIN decisions d ON d.visitor = e.visitor AND d.decision = e.decision WHERE d.campaign IS NOT NULL",
        ),
        rows("SELECT count(*) FROM outcomes WHERE event = :click"),
    );
    assert!(views > 0 && clicks > 0, "{views} {clicks}");
    assert_eq!(log.persons(), people.len());
    // What was seen and clicked on the site, a partner's day of each person, and the arrival by a newsletter.
    assert_eq!(log.touches(), views + clicks + people.len() + 1);
    assert_eq!(log.outcomes().conversions as usize, rows("SELECT count(*) FROM outcomes WHERE event <> :click"));
    let mut channels = log.paths(petitfour_attribution::By::Channel, Default::default()).channels;
    channels.sort();
    assert_eq!(channels, ["newsletter", "site", "tv"]);
    let mut campaigns = log.paths(petitfour_attribution::By::Campaign, Default::default()).channels;
    campaigns.sort();
    // No bundle has told what the campaign is called.
    let sunny = petitfour::id::Key::of("sunny").0.to_string();
    assert_eq!(campaigns, [sunny.as_str(), "spring"]);
}

#[test]
fn an_export_that_is_killed_again_and_again_comes_to_what_one_whole_export_has() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = Place::folder(folder.path());
    let mut store = Store::open(&place).expect("a store");
    let people: Vec<Somebody> = (0..30).map(Somebody::new).collect();
    fill(&mut store, now(), &people, 60);
    let (killed, whole) = (folder.path().join("killed"), folder.path().join("whole"));
    let export = |lake: &Path, rows: &str| {
        let to = lake.display().to_string();
        [words(&["export", "--to", &to, "--rows", rows]), arguments(folder.path(), &place)].concat()
    };
    // Kills fall anywhere within the time that a whole export takes on this machine now.
    let began = Instant::now();
    run(&export(&folder.path().join("timed"), "300"));
    let time = u64::try_from(began.elapsed().as_micros()).expect("short");
    let mut kills = 0;
    for round in 0..40_u64 {
        let mut child = Command::new(env!("CARGO_BIN_EXE_petitfour-collector"))
            .args(export(&killed, "300"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        std::thread::sleep(Duration::from_micros(support::scatter(round) % time));
        if child.try_wait().expect("a child").is_none() {
            kills += 1;
        }
        child.kill().ok();
        child.wait().expect("it ends");
        if round % 3 == 0 {
            // Life goes on meanwhile.
            record(&mut store, now(), &[people[0].event(10_000 + round, now())]);
        }
    }
    assert!(kills >= 3, "{kills} kills");
    run(&export(&killed, "300"));
    run(&export(&whole, "100000"));
    let queries: Vec<String> = COUNTS
        .iter()
        .map(|(table, _)| format!("SELECT count(*), count(DISTINCT t) FROM (SELECT t FROM {table} t)"))
        .chain(
            [
                "SELECT id, identifier, occurred FROM events ORDER BY id",
                "SELECT decision, occurred FROM decisions ORDER BY 1, 2",
            ]
            .map(str::to_owned),
        )
        .collect();
    let (one, other) = (duck(&killed, &queries), duck(&whole, &queries));
    assert_eq!(one, other);
    let reader = place.reader().expect("a store");
    assert_eq!(one[0][0][0].as_i64(), Some(count(&reader, "SELECT count(*) FROM events")));
    assert_eq!(one[0][0][0], one[0][0][1], "no row twice");
}

#[test]
fn a_deleted_person_is_in_no_view_at_once_and_after_compacting_in_no_file() {
    for (folder, place) in places() {
        let (anna, bert) = (Somebody::new(1), Somebody::new(2));
        fill(&mut Store::open(&place).expect("a store"), now(), &[anna.clone(), bert.clone()], 9);
        let lake = folder.path().join("lake");
        let to = lake.display().to_string();
        let store = arguments(folder.path(), &place);
        let store: Vec<&str> = store.iter().skip(2).map(String::as_str).collect();
        let server =
            Server::start(folder.path(), &[&["--lake", &to, "--lake-every", "3600"], store.as_slice()].concat());
        // Tables of state are published last.
        let everything = |lake: &Path| {
            if lake.join("lake.sql").is_file() { ask(lake, "SELECT count(*) FROM persons") } else { 0 }
        };
        support::until("the lake has both", || everything(&lake) == 8);
        let path = format!("/v1/persons?kind=user_id&value={}", anna.name);
        let found: serde_json::Value = serde_json::from_slice(&server.get(&path, &[]).body).expect("JSON");
        let person = found["person"].as_str().expect("an id").to_owned();
        let uids: Vec<String> = found["identifiers"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|one| one["id"].as_str().expect("an id").to_owned())
            .collect();
        assert_eq!(uids.len(), 4);
        let owned = |lake: &Path| {
            let list = uids.iter().map(|uid| format!("'{uid}'")).collect::<Vec<_>>().join(", ");
            let parts: Vec<String> = TABLES
                .iter()
                .flat_map(|table| table.owners.iter().map(move |at| (table.name, table.columns[*at].name)))
                .map(|(table, column)| format!("SELECT count(*) AS n FROM {table} WHERE {column} IN ({list})"))
                .collect();
            ask(lake, &format!("SELECT sum(n)::BIGINT FROM ({})", parts.join(" UNION ALL ")))
        };
        let before = owned(&lake);
        assert!(before > 9, "{before}");

        let url = format!("{}/v1/persons/{person}?by=privacy%20desk", server.url);
        let mut response = support::agent().delete(url).call().expect("an answer");
        assert_eq!(response.status().as_u16(), 200);
        let proof: serde_json::Value =
            serde_json::from_str(&response.body_mut().read_to_string().expect("text")).expect("JSON");
        assert_eq!(proof["rows"]["events"], 9, "{proof}");
        support::until("she is hidden", || owned(&lake) == 0);
        assert_eq!(ask(&lake, "SELECT count(*) FROM events"), 9, "the other stays");

        // Not in the store, in whatever column; nor does the device's next sync bring anything back.
        let reader = place.reader().expect("a store");
        let (digests, texts): (Vec<Vec<u8>>, Vec<String>) =
            (anna.identifiers().into_iter().map(|one| one.value).collect(), vec![anna.name.clone()]);
        assert_eq!(whereabouts(&reader, &texts, &digests), Vec::<String>::new());
        let answer = server.sync(&anna.message(2, Vec::new()).encode());
        assert_eq!(answer.verdict, Verdict::Forgotten);
        assert_eq!(whereabouts(&reader, &texts, &digests), Vec::<String>::new());
        assert!(server.stop());

        // The files still hold the rows, until they are rewritten.
        let holds = |lake: &Path| {
            files(lake).iter().filter(|file| file.extension().is_some_and(|end| end == "parquet")).any(|file| {
                let bytes = std::fs::read(file).expect("a file");
                !file.components().any(|part| part.as_os_str() == "tombstones")
                    && uids.iter().any(|uid| bytes.windows(uid.len()).any(|window| window == uid.as_bytes()))
            })
        };
        assert!(holds(&lake));
        let said = run(&words(&["lake", "compact", "--to", &to]));
        assert!(!holds(&lake), "{said}");
        assert_eq!(owned(&lake), 0);
        assert_eq!(ask(&lake, "SELECT count(*) FROM events"), 9);
        assert!(said.contains(&format!("{} rows removed", rows_removed(before))), "{said}, {before}");
        let again = run(&words(&["lake", "compact", "--to", &to]));
        assert!(again.starts_with("0 parts looked at, 0 rewritten, 0 rows removed"), "{again}");
    }
}

/// Rows of the deleted: evidence and membership of a person name two ids of hers in one row.
fn rows_removed(named: i64) -> i64 {
    // Four rows of `persons` and three pieces of evidence were counted at both ends.
    named - 4 - 3
}

#[test]
fn what_a_device_takes_back_is_hidden_and_what_it_does_later_is_seen() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = Place::folder(folder.path());
    let mut store = Store::open(&place).expect("a store");
    let anna = Somebody::new(1);
    fill(&mut store, now(), std::slice::from_ref(&anna), 1);
    let lake = folder.path().join("lake");
    let to = lake.display().to_string();
    let export = [words(&["export", "--to", &to]), arguments(folder.path(), &place)].concat();
    run(&export);
    assert_eq!(ask(&lake, "SELECT count(*) FROM decisions"), 2);
    let open = Permissions::ALL.bits();
    let withdrawn = (0..4).map(|bit| open & 1 << bit).find(|bit| Permissions::from_bits(*bit).measure());
    let withdrawn = withdrawn.expect("a bit");
    let mut taken = anna.message(5, Vec::new());
    taken.entries = vec![Entry::Forgotten { withdrawn, after: 0 }];
    let mut later = anna.message(9, Vec::new());
    later.began += 1_000_000;
    shop::sync(&mut store, now(), &[taken, later]);
    run(&export);
    let reader = place.reader().expect("a store");
    assert_eq!(count(&reader, "SELECT count(*) FROM decisions"), 1);
    assert_eq!(ask(&lake, "SELECT count(*) FROM decisions"), 1);
    assert_eq!(ask(&lake, "SELECT count(*) FROM events"), 1, "other sources are not concerned");
    run(&words(&["lake", "compact", "--to", &to]));
    assert_eq!(ask(&lake, "SELECT count(*) FROM decisions"), 1);
}

#[test]
fn a_row_that_takes_the_place_of_a_deleted_one_is_exported_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = Place::folder(folder.path());
    let mut store = Store::open(&place).expect("a store");
    let (anna, bert) = (Somebody::new(1), Somebody::new(2));
    let lake = folder.path().join("lake");
    let export = [words(&["export", "--to", &lake.display().to_string()]), arguments(folder.path(), &place)].concat();
    fill(&mut store, now(), std::slice::from_ref(&anna), 3);
    run(&export);
    let gone = store.write(now(), |graph| {
        let id = graph.identifier(anna.user().namespace, &anna.user().value, 0, now())?.id;
        graph.erase(id, now())
    });
    gone.expect("erased");
    fill(&mut store, now(), &[bert], 2);
    run(&export);
    assert_eq!(ask(&lake, "SELECT count(*) FROM events"), 2);
}

#[test]
fn a_store_that_speaks_s3_holds_the_same_lake() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = Place::folder(&folder.path().join("data"));
    let mut store = Store::open(&place).expect("a store");
    let people: Vec<Somebody> = (0..3).map(Somebody::new).collect();
    fill(&mut store, now(), &people, 5);
    let port = peers::port().to_string();
    let server = "import sys; from moto.server import main; main(['-H', '127.0.0.1', '-p', sys.argv[1]])";
    let server = Command::new(peers::python())
        .args(["-c", server, &port])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("Python");
    let _server = Ended(server);
    let endpoint = format!("http://127.0.0.1:{port}");
    support::until("the server listens", || std::net::TcpStream::connect(format!("127.0.0.1:{port}")).is_ok());
    let boto = |script: &str| {
        let output = Command::new(peers::python())
            .args([
                "-c",
                &format!("import boto3, os, sys\ns3 = boto3.client('s3', endpoint_url='{endpoint}')\n{script}"),
            ])
            .envs(KEYS)
            .arg(folder.path().join("fetched"))
            .output()
            .expect("Python");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    boto("s3.create_bucket(Bucket='shop')");
    let s3 = |arguments: Vec<String>| {
        let output = Command::new(env!("CARGO_BIN_EXE_petitfour-collector"))
            .args(&arguments)
            .envs(KEYS)
            .envs([("AWS_ENDPOINT", endpoint.as_str()), ("AWS_ALLOW_HTTP", "true")])
            .output()
            .expect("it runs");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let export =
        [words(&["export", "--to", "s3://shop/lake", "--rows", "4"]), arguments(folder.path(), &place)].concat();
    s3(export.clone());
    let gone = store.write(now(), |graph| {
        let id = graph.identifier(people[0].user().namespace, &people[0].user().value, 0, now())?.id;
        graph.erase(id, now())
    });
    gone.expect("erased");
    s3(export);
    let said = s3(words(&["lake", "compact", "--to", "s3://shop/lake"]));
    assert!(said.contains("rows removed") && !said.contains(" 0 rewritten"), "{said}");
    boto(
        "for one in s3.list_objects_v2(Bucket='shop', Prefix='lake/')['Contents']:
    path = os.path.join(sys.argv[1], one['Key']); os.makedirs(os.path.dirname(path), exist_ok=True)
    s3.download_file('shop', one['Key'], path)",
    );
    let lake = folder.path().join("fetched/lake");
    run(&words(&["lake", "views", "--to", &lake.display().to_string()]));
    assert_eq!(ask(&lake, "SELECT count(*) FROM events"), 10);
    let raw = format!("SELECT count(*) FROM read_parquet('{}/events/*/*.parquet')", lake.display());
    assert_eq!(ask(&lake, &raw), 10, "the files themselves hold no more");
}

const KEYS: [(&str, &str); 3] =
    [("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test"), ("AWS_DEFAULT_REGION", "us-east-1")];

struct Ended(std::process::Child);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}
