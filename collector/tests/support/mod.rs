//! What the collector's tests share: a real process on a free port, messages, small bundles, and the record of a figure.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

mod claim;

#[allow(unused_imports, reason = "each test binary uses its own part")]
pub use claim::claim;
use petitfour::{
    bundle::{MAGIC, seal},
    id::Key,
    sync::{Answer, Entry, Message},
};

/// A key that is absent.
pub const NONE: u32 = Key::NONE.0;

/// A collector in a process of its own; killed when dropped.
pub struct Server {
    child: Child,
    pub url: String,
    /// Whether it follows a log.
    pub has_log: bool,
}

impl Server {
    /// Starts it over a data folder, open to all, and waits until it listens.
    pub fn start(data: &Path, arguments: &[&str]) -> Self {
        Self::spawn(Command::new(env!("CARGO_BIN_EXE_petitfour-collector")), data, arguments)
    }

    /// Starts it, unless it ends by itself: what it needs may not be there yet.
    pub fn try_start(data: &Path, arguments: &[&str]) -> Option<Self> {
        Self::listening(Command::new(env!("CARGO_BIN_EXE_petitfour-collector")), data, &open(arguments))
            .ok()
            .map(|(server, _)| server)
    }

    /// Starts it under a command that runs it, such as strace; `command` has the binary as its last argument.
    pub fn spawn(command: Command, data: &Path, arguments: &[&str]) -> Self {
        let started = Self::listening(command, data, &open(arguments));
        started.unwrap_or_else(|line| panic!("unexpected line {line:?}")).0
    }

    /// Starts it closed, as it is when nobody says anything else.
    pub fn closed(data: &Path, arguments: &[&str]) -> Self {
        let started = Self::listening(Command::new(env!("CARGO_BIN_EXE_petitfour-collector")), data, arguments);
        started.unwrap_or_else(|line| panic!("unexpected line {line:?}")).0
    }

    /// Starts it closed over a new store; and the first token, which it prints.
    pub fn first(data: &Path, arguments: &[&str]) -> (Self, String) {
        let started = Self::listening(Command::new(env!("CARGO_BIN_EXE_petitfour-collector")), data, arguments);
        let (server, mut lines) = started.unwrap_or_else(|line| panic!("unexpected line {line:?}"));
        let mut line = String::new();
        lines.read_line(&mut line).expect("a second line on stdout");
        let (_, token) = line.trim().rsplit_once("token=").unwrap_or_else(|| panic!("no token in {line:?}"));
        (server, token.to_owned())
    }

    fn listening(
        mut command: Command,
        data: &Path,
        arguments: &[&str],
    ) -> Result<(Self, BufReader<ChildStdout>), String> {
        let mut child = command
            .args(["--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the collector starts");
        let mut line = String::new();
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe"));
        lines.read_line(&mut line).expect("a line on stdout");
        let Some(url) = line.trim().strip_prefix("listening on ") else {
            child.wait().expect("it ends");
            return Err(line);
        };
        Ok((Self { url: url.to_owned(), child, has_log: arguments.contains(&"--log") }, lines))
    }

    /// The most memory that it ever had, in KB.
    pub fn peak(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("a process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its peak");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// SIGKILL, and gone when this returns.
    pub fn kill(mut self) {
        self.child.kill().expect("it was running");
        self.child.wait().expect("it ends");
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGTERM; true when it ended well within ten seconds.
    pub fn stop(mut self) -> bool {
        let pid = self.child.id().to_string();
        let told = Command::new("sh").args(["-c", "kill -TERM \"$0\"", &pid]).status().expect("a shell");
        assert!(told.success());
        let end = Instant::now() + Duration::from_secs(10);
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status.success();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        false
    }

    /// Posts bytes; status, body.
    pub fn post(&self, path: &str, bytes: &[u8]) -> (u16, String) {
        post(&agent(), &format!("{}{path}", self.url), bytes).expect("an answer")
    }

    /// Posts a message that is taken; what is answered.
    pub fn sync(&self, message: &[u8]) -> Answer {
        let mut response = agent().post(format!("{}/v1/sync", self.url)).send(message).expect("an answer");
        assert_eq!(response.status().as_u16(), 200);
        Answer::decode(&response.body_mut().read_to_vec().expect("a body")).expect("an answer to a sync")
    }

    /// Posts memberships; status and body.
    pub fn enrol(&self, lines: &str, headers: &[(&str, &str)]) -> (u16, String) {
        let mut request = agent().post(format!("{}/v1/memberships", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = request.send(lines).expect("an answer");
        (response.status().as_u16(), response.body_mut().read_to_string().expect("text"))
    }

    /// Fetches with headers; status, headers in lower case, body.
    pub fn get(&self, path: &str, headers: &[(&str, &str)]) -> Fetched {
        let agent = agent();
        let mut request = agent.get(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = request.call().expect("an answer");
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), value.to_str().unwrap_or_default().to_owned()))
            .collect();
        let body = response.body_mut().read_to_vec().expect("a body");
        Fetched { status: response.status().as_u16(), headers, body }
    }

    /// The counts as JSON.
    pub fn counts(&self) -> serde_json::Value {
        serde_json::from_slice(&self.get("/v1/counts", &[]).body).expect("JSON")
    }

    /// One of the totals.
    pub fn total(&self, name: &str) -> i64 {
        self.counts()["totals"][name].as_i64().unwrap_or_default()
    }
}

/// The same arguments, and that nobody is asked who they are.
fn open<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [&["--open"], arguments].concat()
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Waits until something holds; panics with `what` after two minutes.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(120);
    while !holds() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Makes a write key in the store of a data folder; its secret.
pub fn key(data: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_petitfour-collector"));
    let made =
        command.args(["key", "add"]).args(arguments).arg("--data").arg(data).output().expect("the collector runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    String::from_utf8(made.stdout).expect("text").trim().to_owned()
}

/// `Authorization` as Segment's libraries write it.
pub fn basic(secret: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    format!("Basic {}", STANDARD.encode(format!("{secret}:")))
}

/// What a fetch brought.
pub struct Fetched {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Fetched {
    /// A header's value, empty when absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value)
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A client whose connections stay open; refusals are answers, not errors.
pub fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(20)))
        .build()
        .into()
}

/// Posts bytes; status and body, or that there was no answer.
pub fn post(agent: &ureq::Agent, url: &str, bytes: &[u8]) -> Result<(u16, String), ureq::Error> {
    let mut response = agent.post(url).send(bytes)?;
    let body = response.body_mut().read_to_vec()?;
    Ok((response.status().as_u16(), String::from_utf8_lossy(&body).into_owned()))
}

/// A message of one visitor: decided, seen and clicked. Everything in it follows from replica and sequence.
pub fn message(replica: u64, sequence: u32, campaign: &str) -> Message {
    let id = scatter(replica ^ u64::from(sequence) << 40);
    let decision = Entry::Decision {
        id,
        after: 0,
        placement: Key::of("hero").0,
        campaign: Key::of(campaign).0,
        creative: NONE,
        reason: 0,
        probability: u16::MAX,
        withheld: NONE,
    };
    let exposure = Entry::Exposure { decision: id, after: 500 };
    let click = Entry::Outcome { event: Key::of("click").0, decision: id, after: 900, value: 0 };
    entries(replica, sequence, vec![decision, exposure, click])
}

/// A message with these entries, from the replica's visitor.
pub fn entries(replica: u64, sequence: u32, entries: Vec<Entry>) -> Message {
    let mut visitor = [0; 16];
    visitor[..8].copy_from_slice(&scatter(replica).to_be_bytes());
    visitor[8..].copy_from_slice(&scatter(replica ^ 1).to_be_bytes());
    Message { replica, sequence, visitor, bundle: 7, began: 1_760_000_000_000, dropped: 0, entries }
}

/// Messages as one body for `/v1/syncs`.
pub fn batch(messages: &[Vec<u8>]) -> Vec<u8> {
    let mut body = Vec::new();
    for message in messages {
        body.extend_from_slice(&u32::try_from(message.len()).expect("short").to_le_bytes());
        body.extend_from_slice(message);
    }
    body
}

/// Spreads a small number over 64 bits (the finaliser of SplitMix64).
pub fn scatter(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ mixed >> 31
}

/// The smallest bundle that opens and names these campaigns, written by hand after docs/formats/bundle.md.
pub fn bundle(version: u64, campaigns: &[&str]) -> Vec<u8> {
    let mut strings = vec![0u8; 0];
    let mut ends = vec![0u32, 0];
    for name in campaigns {
        strings.extend_from_slice(name.as_bytes());
        ends.push(u32::try_from(strings.len()).expect("short"));
    }
    let count = u32::try_from(campaigns.len() + 1).expect("few");
    let mut heap = count.to_le_bytes().to_vec();
    heap.extend(ends.iter().flat_map(|end| end.to_le_bytes()));
    heap.extend_from_slice(&strings);
    let mut meta = vec![0u8; 32];
    meta[0] = 1;
    let mut table = Vec::new();
    for (index, name) in campaigns.iter().enumerate() {
        let mut row = [0u8; 80];
        row[..4].copy_from_slice(&Key::of(name).0.to_le_bytes());
        row[4..8].copy_from_slice(&u32::try_from(index + 1).expect("few").to_le_bytes());
        table.extend_from_slice(&row);
    }

    let sections = [(*b"META", meta, 32u32), (*b"STRS", heap, 1), (*b"CAMP", table, 80)];
    let mut bytes = vec![0u8; 64 + 16 * sections.len()];
    for (at, (kind, content, stride)) in sections.iter().enumerate() {
        let start = u32::try_from(bytes.len()).expect("small");
        let length = u32::try_from(content.len()).expect("small");
        let entry = &mut bytes[64 + 16 * at..][..16];
        entry[..4].copy_from_slice(kind);
        entry[4..8].copy_from_slice(&start.to_le_bytes());
        entry[8..12].copy_from_slice(&length.to_le_bytes());
        entry[12..].copy_from_slice(&stride.to_le_bytes());
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
    }
    let length = u32::try_from(bytes.len()).expect("small");
    bytes[..4].copy_from_slice(&MAGIC);
    bytes[4..6].copy_from_slice(&1u16.to_le_bytes());
    bytes[6..8].copy_from_slice(&3u16.to_le_bytes());
    bytes[8..12].copy_from_slice(&length.to_le_bytes());
    bytes[16..24].copy_from_slice(&version.to_le_bytes());
    let hash = seal(&bytes);
    bytes[24..32].copy_from_slice(&hash.to_le_bytes());
    petitfour::bundle::open(bytes.clone()).expect("the hand-written bundle opens");
    bytes
}

/// Whether the long runs were asked for.
pub fn drill() -> bool {
    std::env::var_os("PETITFOUR_DRILL").is_some_and(|value| value == "1")
}
