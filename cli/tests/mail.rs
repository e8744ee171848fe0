//! Mail as rows: a campaign file sends three subjects, people who are made up open and click over HTTP, the lake has it, and every command
//! that reads rows says what is true of these people. Files, queries and commands are those of docs/mail.md.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use petitfour::consent::Permissions;
use petitfour::engine::{Engine, Session};
use petitfour::hash::xxh64;
use petitfour::id::Key as Name;
use petitfour::sync::{Answer, Message};
use petitfour::time::Moment;
use petitfour_collector::key::{Key, Kind};
use petitfour_collector::lake::{Lake, Order, export};
use petitfour_collector::store::{Place, Store, now};
use petitfour_collector::{Config, Running, ring};
use petitfour_compiler::{Source, compile, compile_segments};
use serde_json::{Value, json};

#[path = "../../collector/tests/support/python.rs"]
mod python;

/// People, and how often each is written to.
const PEOPLE: usize = 300;
const ISSUES: usize = 4;

/// A subject, its share, and the chance of a click of who reads mail and of who does not.
type Subject = (&'static str, f64, f64, f64);

/// Subjects as the page has them.
const SUBJECTS: [Subject; 3] = [("plain", 0.5, 0.20, 0.05), ("saving", 0.25, 0.30, 0.06), ("asking", 0.25, 0.44, 0.10)];

/// Pieces of the page between fences of a language, in order.
fn pieces(language: &str) -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/mail.md");
    let page = fs::read_to_string(page).unwrap();
    let fence = format!("```{language}\n");
    page.split(&fence).skip(1).map(|piece| piece.split("```").next().unwrap().to_owned()).collect()
}

/// A number from 0 to 1 that follows from what it is of.
fn luck(of: &str) -> f64 {
    xxh64(of.as_bytes(), 77) as f64 / u64::MAX as f64
}

fn reads(person: usize) -> bool {
    person.is_multiple_of(2)
}

/// Every third mailbox fetches images by itself.
fn has_proxy(person: usize) -> bool {
    person % 3 == 1
}

/// A mail server in a process of its own.
struct Post {
    child: Child,
    port: u16,
    file: PathBuf,
}

impl Post {
    fn start(folder: &Path) -> Self {
        let collector = Path::new(env!("CARGO_MANIFEST_DIR")).join("../collector");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let file = folder.join("mail.ndjson");
        let child = Command::new(python::python_of(&collector))
            .arg(collector.join("tests/support/sink.py"))
            .args([port.to_string(), file.display().to_string(), "refused.example".to_owned()])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        until("the mail server listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        Self { child, port, file }
    }

    /// Messages that were taken: to whom, and the HTML part.
    fn taken(&self) -> Vec<(String, String)> {
        let text = fs::read_to_string(&self.file).unwrap_or_default();
        let mail = |line: &str| {
            let line: Value = serde_json::from_str(line).ok()?;
            let html = unquoted(line["message"].as_str()?.split("text/html").nth(1)?);
            Some((line["to"][0].as_str()?.to_owned(), html))
        };
        text.lines().filter_map(mail).collect()
    }
}

/// Quoted-printable, as lines longer than 76 letters are sent.
fn unquoted(text: &str) -> String {
    let joined = text.replace("=\r\n", "").replace("=\n", "");
    let mut parts = joined.split('=');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => plain.extend([&char::from(byte).to_string(), &part[2..]]),
            None => plain.extend(["=", part]),
        }
    }
    plain
}

impl Drop for Post {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(120);
    while !holds() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn source() -> Source {
    Source { name: "campaigns.yaml".into(), text: pieces("yaml")[0].clone() }
}

/// A collector that runs, and how it is asked.
struct Origin {
    runtime: tokio::runtime::Runtime,
    running: Option<Running>,
    url: String,
    agent: ureq::Agent,
    secret: String,
    folder: tempfile::TempDir,
}

impl Origin {
    fn start(post: &Post, folder: tempfile::TempDir) -> Self {
        let path = |name: &str| folder.path().join(name);
        let compiled = compile_segments(&[source()], &|_| None);
        fs::write(path("segments.pf4"), compiled.bundle.unwrap_or_else(|| panic!("{:?}", compiled.diagnostics)))
            .unwrap();
        let data = path("data");
        let mut store = Store::open(&Place::folder(&data)).unwrap();
        let secret = "a-secret-of-the-test".to_owned();
        let till = Key::new("till", Kind::Server, &secret, 0);
        store.write(now(), |graph| ring::add(graph.connection, &till)).unwrap();
        drop(store);
        // The links have the collector's address, so its port is chosen before it starts.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let url = format!("http://127.0.0.1:{port}");
        // What the page says of a shop's own hosts, for this machine. A test's key need be no secret, but a variable that is there.
        let roster = pieces("yaml")[1]
            .replace("smtp.example", "127.0.0.1")
            .replace("587", &post.port.to_string())
            .replace("starttls", "none")
            .replace("https://collector.shop.example", &url)
            .replace("TRACK_KEY", "PATH");
        fs::write(path("destinations.yaml"), roster).unwrap();
        let config = Config {
            listen: format!("127.0.0.1:{port}"),
            data,
            segments: Some(path("segments.pf4")),
            destinations: Some(path("destinations.yaml")),
            open: true,
            ..Config::default()
        };
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let running = runtime.block_on(petitfour_collector::start(config)).unwrap();
        let agent = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).build().into();
        Self { runtime, running: Some(running), url, agent, secret, folder }
    }

    /// Tells calls of Segment's, a hundred at a time.
    fn tell(&self, calls: &[Value]) {
        let header = format!("Basic {}", STANDARD.encode(format!("{}:", self.secret)));
        for batch in calls.chunks(100) {
            let mut answer = self
                .agent
                .post(format!("{}/v1/batch", self.url))
                .header("authorization", &header)
                .header("content-type", "application/json")
                .send(json!({ "batch": batch }).to_string())
                .unwrap();
            let told: Value = serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap();
            assert_eq!(told["stored"], batch.len(), "{told}");
        }
    }

    /// Fetches an address: status, and where it leads.
    fn fetch(&self, address: &str) -> (u16, String) {
        let answer = self.agent.get(address).call().unwrap();
        let leads = answer.headers().get("location").map(|to| to.to_str().unwrap().to_owned());
        (answer.status().as_u16(), leads.unwrap_or_default())
    }

    fn json(&self, path: &str) -> Value {
        let mut answer = self.agent.get(format!("{}{path}", self.url)).call().unwrap();
        serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap()
    }

    fn count(&self, sql: &str) -> i64 {
        let reader = Place::folder(&self.folder.path().join("data")).reader().unwrap();
        reader.scalar(sql, &[]).unwrap().unwrap_or_default()
    }

    /// Writes the lake, as `petitfour-collector export` does.
    fn export(&self) {
        let place = Place::folder(&self.folder.path().join("data"));
        let lake = self.folder.path().join("lake").display().to_string();
        let lake = Lake::open(&lake, self.runtime.handle().clone()).unwrap();
        export::run(&place.reader().unwrap(), &lake, &Order::default(), &|_, _| ()).unwrap();
    }

    /// Runs queries of the page over the lake, in the folder that everything is in.
    fn duck(&self, queries: &[String]) -> Value {
        let collector = Path::new(env!("CARGO_MANIFEST_DIR")).join("../collector");
        let mut child = Command::new(python::python_of(&collector))
            .arg(collector.join("tests/support/duck.py"))
            .arg(self.folder.path().join("lake/lake.sql"))
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(&serde_json::to_vec(queries).unwrap()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{queries:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Runs a command of the page; what it printed.
    fn run(&self, line: &str, more: &[&str]) -> String {
        let words = line.strip_prefix("petitfour ").unwrap().split(' ');
        let output = Command::new(env!("CARGO_BIN_EXE_petitfour"))
            .current_dir(self.folder.path())
            .args(words)
            .args(more)
            .output()
            .unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            self.runtime.block_on(running.stop()).ok();
        }
    }
}

/// Addresses behind `before` in a mail, as a browser reads them.
fn links(html: &str, before: &str) -> Vec<String> {
    html.split(before).skip(1).map(|rest| rest.split('"').next().unwrap().replace("&amp;", "&")).collect()
}

/// One person gets a mail of an issue, and does what such a person does. Whether they clicked.
fn read_mail(origin: &Origin, issue: usize, person: usize, html: &str) -> bool {
    let image = &links(html, "<img src=\"")[0];
    let link = &links(html, "<a href=\"")[0];
    let subject = link.split("&s=").nth(1).unwrap().split('&').next().unwrap();
    let (_, _, keen, other) = SUBJECTS.iter().find(|known| known.0 == subject).unwrap();
    let (chance, looks) = if reads(person) { (*keen, 0.8) } else { (*other, 0.3) };
    let clicks = luck(&format!("click {issue} {person} {subject}")) < chance;
    if clicks || has_proxy(person) || luck(&format!("open {issue} {person}")) < looks {
        assert_eq!(origin.fetch(image).0, 200);
    }
    if clicks {
        let (status, leads) = origin.fetch(link);
        assert_eq!((status, leads.as_str()), (302, "https://shop.example/spring?pf_event=mail_clicked"));
    }
    clicks
}

/// A device of a person's, and what it shows after it has heard from the origin.
fn shown(origin: &Origin, engine: &Arc<Engine>, person: usize) -> String {
    let visitor = [u8::try_from(person + 1).unwrap(); 15];
    let visitor: [u8; 16] = std::array::from_fn(|at| visitor.get(at).copied().unwrap_or(0xA0));
    let hex: String = visitor.iter().map(|byte| format!("{byte:02x}")).collect();
    let id = format!("login {person}");
    origin.tell(&[json!({ "type": "identify", "messageId": id, "userId": format!("p{person}"), "anonymousId": hex })]);
    let mut answer = Answer::default();
    let mut sequence = 0;
    until("the device hears of its segments", || {
        let began = now().unsigned_abs();
        let message = Message {
            replica: 900 + person as u64,
            sequence,
            visitor,
            bundle: 7,
            began,
            dropped: 0,
            entries: Vec::new(),
        };
        sequence += 1;
        let mut told = origin.agent.post(format!("{}/v1/sync", origin.url)).send(&message.encode()[..]).unwrap();
        answer = Answer::decode(&told.body_mut().read_to_vec().unwrap()).unwrap();
        answer.members.iter().any(|member| member.segment == Name::of("reads_mail").0)
    });
    let moment = Moment::utc(now().unsigned_abs());
    let mut session = Session::new(Arc::clone(engine), [7; 32]);
    session.consent(Permissions::ALL, moment);
    session.answer(&answer.encode(), moment).unwrap();
    let decision = session.decide("hero", moment);
    let campaign = decision.campaign.and_then(|at| engine.catalog().campaign(at));
    campaign.map_or("house", |campaign| engine.catalog().string(campaign.name())).to_owned()
}

/// The line of what was printed that begins so.
fn line<'t>(told: &'t str, begin: &str) -> &'t str {
    told.lines().map(str::trim).find(|line| line.starts_with(begin)).unwrap_or_else(|| panic!("{begin} in\n{told}"))
}

#[test]
fn opens_clicks_and_subjects_are_rows_for_every_command_and_come_back_to_the_site() {
    let folder = tempfile::tempdir().unwrap();
    let post = Post::start(folder.path());
    let origin = Origin::start(&post, folder);
    let people: Vec<Value> = (0..PEOPLE)
        .map(|person| {
            let traits = json!({ "email": format!("p{person}@example.com"), "first_name": "Kim" });
            json!({ "type": "identify", "messageId": format!("i-{person}"), "userId": format!("p{person}"), "traits": traits })
        })
        .collect();
    origin.tell(&people);
    let mut clicked: BTreeMap<usize, bool> = BTreeMap::new();
    for issue in 0..ISSUES {
        let calls: Vec<Value> = (0..PEOPLE)
            .map(|person| json!({ "type": "track", "event": "issue", "messageId": format!("n-{issue}-{person}"), "userId": format!("p{person}") }))
            .collect();
        origin.tell(&calls);
        let due = i64::try_from(PEOPLE * (issue + 1)).unwrap();
        until("everybody is written to", || {
            origin.count("SELECT count(*) FROM events WHERE name = 'mail_sent'") == due
        });
        let mails = post.taken();
        let mails = &mails[PEOPLE * issue..];
        let read = |some: &[(String, String)]| -> Vec<(usize, bool)> {
            let one = |(to, html): &(String, String)| {
                let person: usize = to[1..].split('@').next().unwrap().parse().unwrap();
                (person, read_mail(&origin, issue, person, html))
            };
            some.iter().map(one).collect()
        };
        let found: Vec<(usize, bool)> = std::thread::scope(|scope| {
            let parts: Vec<_> = mails
                .chunks(PEOPLE / 6)
                .map(|some| {
                    scope.spawn({
                        let read = &read;
                        move || read(some)
                    })
                })
                .collect();
            parts.into_iter().flat_map(|part| part.join().unwrap()).collect()
        });
        // Who followed the link buys more often; the till tells it.
        let sold: Vec<Value> = found
            .iter()
            .filter(|(person, clicks)| luck(&format!("buy {issue} {person}")) < if *clicks { 0.3 } else { 0.03 })
            .map(|(person, _)| {
                json!({ "type": "track", "event": "purchase", "messageId": format!("b-{issue}-{person}"),
                        "userId": format!("p{person}"), "properties": { "value": 20 } })
            })
            .collect();
        origin.tell(&sold);
        for (person, clicks) in found {
            *clicked.entry(person).or_default() |= clicks;
        }
    }
    // The same image and link again are the same open and click, and what is made up is none.
    let (to, html) = &post.taken()[0];
    let before = origin.count("SELECT count(*) FROM events");
    let (image, link) = (links(html, "<img src=\"")[0].clone(), links(html, "<a href=\"")[0].clone());
    read_mail(&origin, 0, to[1..].split('@').next().unwrap().parse().unwrap(), html);
    assert_eq!(origin.agent.head(&image).call().unwrap().status().as_u16(), 200);
    assert_eq!(origin.fetch(&link.replace("shop.example", "evil.example")).0, 403);
    assert_eq!(origin.count("SELECT count(*) FROM events"), before);

    let stored = origin.count("SELECT count(*) FROM events");
    origin.export();
    let queries = pieces("sql");
    let all = "SELECT count(*) FROM events".to_owned();
    let totals = "SELECT count(*), sum(opened)::INT, sum(clicked)::INT FROM 'mails.csv'".to_owned();
    let told = origin.duck(&[queries[0].clone(), queries[1].clone(), totals, all]);
    assert_eq!(told[3][0][0], stored);
    let total = |at: usize| told[2][0][at].as_u64().unwrap();
    assert_eq!(total(0), (PEOPLE * ISSUES) as u64);
    println!("{} messages, {} opened, {} clicked", total(0), total(1), total(2));

    let commands = pieces("sh");
    let commands: Vec<&str> = commands.iter().flat_map(|piece| piece.lines()).collect();
    let [train, evaluate, uplift, attribution] = commands.as_slice() else { panic!("{commands:?}") };

    // Who clicks: better than chance, and no better than whoever knows the true chances could be.
    let card: Value = serde_json::from_str(&origin.run(train, &["--json"])).unwrap();
    let auc = card[card["recommended"].as_str().unwrap()]["measures"]["auc"].as_f64().unwrap();
    let columns: Vec<&str> =
        card["columns"].as_array().unwrap().iter().filter_map(|one| one["name"].as_str()).collect();
    println!("train: AUC {auc:.3} on {} messages, recommended: {}", card["parts"]["held_out"], card["recommended"]);
    assert!(auc > 0.5 && auc < 0.85, "{card}");
    for column in ["letters", "has_question", "has_first_name", "opened_before", "clicked_before"] {
        assert!(columns.contains(&column), "{column} of {columns:?}");
    }

    // Would another subject have had more clicks?
    let told = origin.run(evaluate, &[]);
    print!(
        "{}",
        told.lines()
            .filter(|line| line.contains("always:") || line.contains(" dr ") || line.contains("earns"))
            .fold(String::new(), |all, line| all + line + "\n")
    );
    let found: Value = serde_json::from_str(&origin.run(evaluate, &["--json"])).unwrap();
    let truth = |chance: &dyn Fn(&Subject) -> f64| SUBJECTS.iter().map(chance).sum::<f64>();
    let mean = |of: &Subject| (of.2 + of.3) / 2.0;
    let truths = [mean(&SUBJECTS[2]), truth(&|of| mean(of) / 3.0)];
    assert!((truth(&|of| of.1 * mean(of)) - 0.175).abs() < 1e-9);
    for (policy, truth) in found["policies"].as_array().unwrap().iter().zip(truths) {
        let dr = policy["values"].as_array().unwrap().iter().find(|value| value["estimator"] == "dr").unwrap();
        let (value, from, to) = (&dr["value"], dr["from"].as_f64().unwrap(), dr["to"].as_f64().unwrap());
        println!("evaluate: {} dr {value} ({from:.3} to {to:.3}), true {truth:.4}", policy["policy"]);
        // An interval of 95% misses once in twenty: half its width is added on either side.
        let slack = (to - from) / 2.0;
        assert!(from - slack < truth && truth < to + slack, "{policy}");
    }
    assert_eq!(found["policies"][0]["against_logged"]["verdict"], "better", "{told}");

    // What the other subject does, and for whom more.
    let told = origin.run(uplift, &[]);
    println!("{told}");
    assert!(told.contains("Give everybody `asking`.") || told.contains("Let the learned policy choose"), "{told}");

    let told = origin.run(attribution, &[]);
    println!("{told}");
    line(&told, "mail");

    // Back: whoever clicked is known on the site.
    let compiled = compile(&[source()], &|_| None);
    let engine =
        Arc::new(Engine::load(compiled.bundle.unwrap_or_else(|| panic!("{:?}", compiled.diagnostics))).unwrap());
    let one = |did: bool| *clicked.iter().find(|(person, clicks)| **clicks == did && **person < 200).unwrap().0;
    assert_eq!(shown(&origin, &engine, one(true)), "tea-post");
    assert_eq!(shown(&origin, &engine, one(false)), "house");
    let counts = origin.json("/v1/counts");
    assert!(counts["totals"]["events"].as_i64().unwrap() >= stored, "{counts}");
}
