//! What is sent to do harm, or by mistake: it gets a reason, memory stays bounded, and others are served meanwhile.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on says why by panicking"
)]

mod support;

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use flate2::{Compression, write::GzEncoder};
use support::{Server, agent, basic, claim, key};
use tempfile::tempdir;

const COMMAND: &str = "cargo test -p petitfour-collector --test hostile";

/// What a collector may have in memory at most, whatever it is sent: its own 30 MB or so, 32 MiB of bodies, and what is made of them.
const MOST_KB: u64 = 192 * 1024;

/// How long somebody else's event may take while harm is being done, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(5);

/// One at a time: each is to be served beside its own harm, not beside the other's.
static TURN: Mutex<()> = Mutex::new(());

struct Sent {
    name: &'static str,
    path: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    status: u16,
    code: &'static str,
}

fn sent(name: &'static str, path: &'static str, body: impl Into<Vec<u8>>, status: u16, code: &'static str) -> Sent {
    Sent { name, path, headers: vec![("content-type", "application/json".into())], body: body.into(), status, code }
}

fn with(mut sent: Sent, header: &'static str, value: &str) -> Sent {
    sent.headers.retain(|(name, _)| *name != header);
    sent.headers.push((header, value.into()));
    sent
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(bytes).expect("memory");
    packer.finish().expect("memory")
}

fn event(more: &str) -> String {
    format!("{{\"userId\":\"u-1\",\"event\":\"x\"{more}}}")
}

fn corpus() -> Vec<Sent> {
    let bomb = packed(&vec![b' '; 200_000_000]);
    let nested_bomb = packed(&packed(&vec![b'['; 200_000_000]));
    let whole = packed(event("").as_bytes());
    let deep = |depth: usize| event(&format!(",\"properties\":{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth)));
    let gzip = |sent| with(sent, "content-encoding", "gzip");
    let ce = |body: &str, status, code| {
        with(
            sent("a CloudEvent", "/v1/cloudevents", body, status, code),
            "content-type",
            "application/cloudevents+json",
        )
    };
    vec![
        sent("nothing", "/v1/track", "", 400, "body/json"),
        sent("no JSON", "/v1/track", "hello", 400, "body/json"),
        sent("half of it", "/v1/track", "{\"userId\":\"u-1\",", 400, "body/json"),
        sent("a list", "/v1/track", "[1,2]", 400, "body/json"),
        sent("a number", "/v1/track", "1", 400, "body/json"),
        sent("a name of another type", "/v1/track", "{\"userId\":\"u-1\",\"event\":{\"a\":1}}", 400, "event/type"),
        sent("no name", "/v1/track", "{\"userId\":\"u-1\"}", 400, "event/name"),
        sent("nobody", "/v1/track", "{\"event\":\"x\"}", 400, "event/who"),
        sent("an id of another type", "/v1/track", "{\"userId\":[],\"event\":\"x\"}", 400, "event/type"),
        sent("an id with a fraction", "/v1/track", "{\"userId\":1.5,\"event\":\"x\"}", 400, "event/type"),
        sent("properties that are none", "/v1/track", event(",\"properties\":\"x\""), 400, "event/type"),
        sent("a context that is none", "/v1/track", event(",\"context\":[]"), 400, "event/type"),
        sent("no time", "/v1/track", event(",\"timestamp\":\"soon\""), 400, "event/time"),
        sent("a time out of range", "/v1/track", event(",\"timestamp\":9e99"), 400, "event/time"),
        sent("a number out of range", "/v1/track", event(",\"properties\":{\"a\":1e999}"), 400, "event/json"),
        sent("an amount out of range", "/v1/track", event(",\"properties\":{\"value\":1e300}"), 400, "event/value"),
        sent("half a surrogate", "/v1/track", event(",\"properties\":{\"a\":\"\\ud800\"}"), 400, "event/json"),
        sent("U+0000", "/v1/track", event(",\"properties\":{\"a\":\"\\u0000\"}"), 400, "event/nul"),
        sent("a zero byte", "/v1/track", event(",\"properties\":{\"a\":\"\0\"}"), 400, "body/json"),
        sent("invalid UTF-8", "/v1/track", &b"{\"userId\":\"\xff\xfe\",\"event\":\"x\"}"[..], 400, "event/json"),
        sent(
            "UTF-16",
            "/v1/track",
            event("").encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>(),
            400,
            "body/json",
        ),
        sent("17 deep", "/v1/track", deep(16), 400, "event/depth"),
        sent("5,000 deep", "/v1/track", deep(5_000), 400, "event/depth"),
        sent("16,000 brackets", "/v1/track", "[".repeat(16_000), 400, "body/json"),
        sent("200,000 brackets", "/v1/batch", "[".repeat(200_000), 400, "body/json"),
        sent(
            "200,000 deep within",
            "/v1/batch",
            format!("{{\"batch\":[{}{}]}}", "[".repeat(200_000), "]".repeat(200_000)),
            200,
            "event/size",
        ),
        sent(
            "many values",
            "/v1/track",
            event(&format!(",\"properties\":{{\"a\":[{}1]}}", "1,".repeat(5_000))),
            400,
            "event/values",
        ),
        sent(
            "a long name",
            "/v1/track",
            format!("{{\"userId\":\"u-1\",\"event\":\"{}\"}}", "x".repeat(300)),
            400,
            "event/text",
        ),
        sent(
            "a long message id",
            "/v1/track",
            event(&format!(",\"messageId\":\"{}\"", "x".repeat(300))),
            400,
            "event/text",
        ),
        sent(
            "one event of 40 KB",
            "/v1/track",
            event(&format!(",\"properties\":{{\"a\":\"{}\"}}", "x".repeat(40_000))),
            413,
            "body/too_large",
        ),
        sent("600 KB", "/v1/batch", vec![b' '; 600_000], 413, "body/too_large"),
        sent("1.4 MB", "/v1/batch", vec![b' '; 1_400_000], 413, "body/too_large"),
        sent("100,000 events", "/v1/batch", format!("{{\"batch\":[{}{{}}]}}", "{},".repeat(99_999)), 413, "batch/many"),
        sent(
            "2,500 events that are none",
            "/v1/batch",
            format!("{{\"batch\":[{}1]}}", "1,".repeat(2_499)),
            200,
            "event/object",
        ),
        sent("no batch", "/v1/batch", "{}", 400, "batch/missing"),
        sent("a batch that is none", "/v1/batch", "{\"batch\":{}}", 400, "body/json"),
        sent("the key twice", "/v1/batch", "{\"batch\":[],\"writeKey\":\"a\",\"writeKey\":\"b\"}", 400, "body/json"),
        gzip(sent("a bomb", "/v1/batch", bomb.clone(), 413, "body/too_large")),
        gzip(sent("a bomb for one", "/v1/track", bomb[..30_000].to_vec(), 413, "body/too_large")),
        gzip(sent("a bomb in a bomb", "/v1/batch", nested_bomb, 400, "body/json")),
        gzip(sent("half a gzip", "/v1/track", whole[..whole.len() / 2].to_vec(), 400, "body/gzip")),
        gzip(sent("no gzip", "/v1/track", event(""), 400, "body/gzip")),
        with(sent("another compression", "/v1/track", event(""), 415, "body/encoding"), "content-encoding", "br"),
        with(sent("a form", "/v1/track", "a=b", 415, "body/type"), "content-type", "application/x-www-form-urlencoded"),
        with(sent("no key", "/v1/track", event(""), 401, "key/unknown"), "authorization", "Basic Og=="),
        with(sent("a wrong key", "/v1/track", event(""), 401, "key/unknown"), "authorization", &basic("wrong")),
        with(
            sent("a key of 10 KB", "/v1/track", event(""), 401, "key/unknown"),
            "authorization",
            &basic(&"x".repeat(10_000)),
        ),
        with(
            sent("a server's key in a page", "/v1/track", event(""), 403, "key/kind"),
            "origin",
            "https://shop.example",
        ),
        ce("{}", 400, "cloudevent/version"),
        ce("{\"specversion\":\"1.0\"}", 400, "cloudevent/attribute"),
        ce(
            "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\",\"data_base64\":\"!\"}",
            400,
            "cloudevent/data",
        ),
        sent("no CloudEvent", "/v1/cloudevents", "{}", 400, "cloudevent/mode"),
        sent("the protocol without a secret", "/mp/collect", "{\"events\":[]}", 200, ""),
        sent(
            "the protocol with 26 events",
            "/mp/collect",
            format!("{{\"events\":[{}1]}}", "1,".repeat(25)),
            413,
            "batch/many",
        ),
        sent("the protocol without events", "/mp/collect", "{}", 400, "body/json"),
    ]
}

/// Somebody else, whose events go on meanwhile.
struct Other {
    stop: Arc<AtomicBool>,
    served: Arc<AtomicU64>,
    slowest: Arc<AtomicU64>,
    thread: thread::JoinHandle<()>,
}

impl Other {
    fn begin(url: &str, secret: &str) -> Self {
        let (stop, served, slowest) =
            (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        let (url, secret) = (format!("{url}/v1/track"), basic(secret));
        let (end, count, slow) = (Arc::clone(&stop), Arc::clone(&served), Arc::clone(&slowest));
        let thread = thread::spawn(move || {
            let agent = agent();
            for number in 0.. {
                if end.load(Relaxed) {
                    break;
                }
                let body =
                    format!("{{\"userId\":\"other-{number}\",\"event\":\"x\",\"messageId\":\"other-{number}\"}}");
                let began = Instant::now();
                let answer = agent
                    .post(&url)
                    .header("authorization", &secret)
                    .header("content-type", "application/json")
                    .send(body);
                assert_eq!(answer.expect("an answer").status().as_u16(), 200);
                slow.fetch_max(u64::try_from(began.elapsed().as_millis()).expect("short"), Relaxed);
                count.fetch_add(1, Relaxed);
                thread::sleep(Duration::from_millis(5));
            }
        });
        Self { stop, served, slowest, thread }
    }

    /// How many were served, and how long the slowest took in ms.
    fn end(self) -> (u64, u64) {
        self.stop.store(true, Relaxed);
        self.thread.join().expect("every one was served");
        (self.served.load(Relaxed), self.slowest.load(Relaxed))
    }
}

#[test]
fn harm_gets_a_reason_within_bounds_while_others_are_served() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempdir().expect("a folder");
    let secret = key(folder.path(), &["hostile", "--kind", "server", "--rate", "1000000"]);
    let good = key(folder.path(), &["other", "--kind", "server"]);
    let server = Server::start(folder.path(), &[]);
    let other = Other::begin(&server.url, &good);
    let agent = agent();
    let corpus = corpus();
    for round in 0..3 {
        for sent in &corpus {
            let mut request = agent.post(format!("{}{}", server.url, sent.path));
            let own = sent.headers.iter().any(|(name, _)| *name == "authorization");
            if !own {
                request = request.header("authorization", basic(&secret));
            }
            for (name, value) in &sent.headers {
                request = request.header(*name, value);
            }
            let mut answer = request.send(&sent.body[..]).unwrap_or_else(|error| panic!("{}: {error}", sent.name));
            let status = answer.status().as_u16();
            let text = answer.body_mut().read_to_string().expect("text");
            assert_eq!(status, sent.status, "{} (round {round}): {text}", sent.name);
            assert!(text.contains(&format!("\"{}", sent.code)), "{}: {} is not in {text}", sent.name, sent.code);
            assert!(status == 200 || text.contains("\"message\""), "{}: {text}", sent.name);
        }
    }
    // Whoever goes on sending far beyond all bounds is cut off, and may not get to read why.
    let flood = agent
        .post(format!("{}/v1/batch", server.url))
        .header("authorization", basic(&secret))
        .send(&vec![b' '; 30_000_000][..]);
    assert!(flood.is_err() || flood.is_ok_and(|answer| answer.status() == 413));
    let (served, slowest) = other.end();
    let peak = server.peak();
    println!(
        "{} requests of harm, peak {peak} KB; meanwhile {served} others, the slowest {slowest} ms",
        3 * corpus.len()
    );
    assert!(served > 20 && Duration::from_millis(slowest) < PATIENCE, "{served} served, the slowest {slowest} ms");
    assert!(peak < MOST_KB, "{peak} KB");
    claim("collector.hostile.peak", peak, "KB", "at most 196608", peak < MOST_KB, COMMAND);
    assert!(server.total("letters") > 20, "what came under a key is kept");
    // And it still serves.
    assert_eq!(server.get("/ready", &[]).status, 200);
    assert!(server.stop());
}

#[test]
fn four_hundred_who_announce_much_and_send_little_keep_nobody_out() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempdir().expect("a folder");
    let good = key(folder.path(), &["other", "--kind", "server"]);
    let server = Server::start(folder.path(), &[]);
    let host = server.url.strip_prefix("http://").expect("plain HTTP");
    // Together they announce 200 MB, six times the room.
    let mut slow: Vec<TcpStream> = (0..400)
        .map(|_| {
            let mut stream = TcpStream::connect(host).expect("a connection");
            let head = format!(
                "POST /v1/batch HTTP/1.1\r\nhost: {host}\r\nauthorization: {}\r\ncontent-length: 500000\r\n\r\n{{",
                basic(&good)
            );
            stream.write_all(head.as_bytes()).expect("the head");
            stream
        })
        .collect();
    let other = Other::begin(&server.url, &good);
    let end = Instant::now() + Duration::from_secs(4);
    while Instant::now() < end {
        for stream in &mut slow {
            stream.write_all(b" ").expect("one byte more");
        }
        thread::sleep(Duration::from_millis(500));
    }
    let (served, slowest) = other.end();
    assert!(served > 20 && Duration::from_millis(slowest) < PATIENCE, "{served} served, the slowest {slowest} ms");
    assert!(server.peak() < MOST_KB);
    // Ten seconds are all that a body has.
    let mut first = slow.swap_remove(0);
    first.set_read_timeout(Some(Duration::from_secs(15))).expect("a time");
    let mut answer = [0; 12];
    first.read_exact(&mut answer).expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 408");
}
