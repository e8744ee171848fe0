//! Real peers on loopback, each a process or a thread that can be stopped and started again on its port.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, response::IntoResponse, routing::post};
use serde_json::Value;
use tokio::{runtime::Runtime, sync::oneshot};

#[path = "python.rs"]
mod python;
pub use python::python;

/// A port that was free a moment ago.
pub fn port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port()
}

/// Waits until something is so, for at most so many seconds; whether it is.
pub fn within(seconds: u64, so: impl Fn() -> bool) -> bool {
    let end = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < end {
        if so() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    so()
}

/// A server that is a process of its own.
pub struct Process {
    command: Vec<String>,
    pub port: u16,
    child: Option<Child>,
}

impl Process {
    fn new(command: Vec<String>, port: u16) -> Self {
        let mut process = Self { command, port, child: None };
        process.start();
        process
    }

    /// Starts it and waits until it listens.
    pub fn start(&mut self) {
        let mut command = Command::new(program(&self.command[0]));
        command.args(&self.command[1..]).stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(command.spawn().unwrap_or_else(|error| {
            panic!("{} does not start ({error}): cargo xtask setup installs it", self.command[0])
        }));
        let listens = || TcpStream::connect(("127.0.0.1", self.port)).is_ok();
        assert!(within(20, listens), "{} does not listen", self.command[0]);
    }

    /// SIGTERM, as when somebody restarts it.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let told = Command::new("sh").args(["-c", "kill -TERM \"$0\"", &child.id().to_string()]).status();
            assert!(told.expect("a shell").success());
            child.wait().ok();
        }
    }

    /// SIGKILL, as when the machine goes down.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// On the PATH, or where Debian puts servers.
fn program(name: &str) -> PathBuf {
    let aside = Path::new("/usr/sbin").join(name);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let versions: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    let folders = std::env::split_paths(&path).chain(versions);
    let found = folders.map(|folder| folder.join(name)).find(|path| path.is_file());
    found.or_else(|| aside.is_file().then_some(aside)).unwrap_or_else(|| name.into())
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// PostgreSQL, and the address of its database.
pub fn postgres(folder: &Path) -> (Process, String) {
    let port = port();
    let cluster = folder.join("postgres");
    fs::create_dir_all(&cluster).expect("a folder");
    let root = fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    // It does not run as root.
    let aside: &[&str] =
        if root { &["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] } else { &[] };
    if root {
        run(&["chown", "postgres", cluster.to_str().expect("a path")]);
        run(&["chmod", "o+x", folder.to_str().expect("a path")]);
    }
    let cluster = cluster.to_str().expect("a path");
    let (initdb, postgres) = (program("initdb").display().to_string(), program("postgres").display().to_string());
    run(&[aside, &[&initdb, "-D", cluster, "-U", "postgres", "--auth=trust", "-N", "-E", "UTF8"]].concat());
    let number = port.to_string();
    let sockets = format!("unix_socket_directories={cluster}");
    let server = [postgres.as_str(), "-D", cluster, "-p", &number, "-c", "listen_addresses=127.0.0.1", "-c", &sockets];
    let process = Process::new(words(&[aside, &server].concat()), port);
    let address = format!("postgres://postgres@127.0.0.1:{port}/postgres");
    let ready = || {
        Command::new(program("pg_isready"))
            .args(["-q", "-h", "127.0.0.1", "-p", &number])
            .status()
            .is_ok_and(|s| s.success())
    };
    assert!(within(20, ready), "PostgreSQL does not answer");
    (process, address)
}

fn run(command: &[&str]) {
    let output = Command::new(command[0]).args(&command[1..]).output().expect("a program");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Mosquitto, an MQTT broker that keeps its sessions when it is stopped.
pub fn mosquitto(folder: &Path) -> Process {
    let port = port();
    let file = folder.join("mosquitto.conf");
    // As root it would become a user that may not write here.
    let text = format!(
        "user root\nlistener {port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {}/\n",
        folder.display()
    );
    fs::write(&file, text).expect("a folder");
    Process::new(words(&["mosquitto", "-c", file.to_str().expect("a path")]), port)
}

/// nats-server with JetStream.
pub fn nats(folder: &Path) -> Process {
    let port = port();
    let store = folder.join("nats");
    let store = store.to_str().expect("a path");
    Process::new(words(&["nats-server", "-a", "127.0.0.1", "-p", &port.to_string(), "-js", "-sd", store]), port)
}

/// An SMTP server that refuses mailboxes at `refused.example`, and the file that its messages go to.
pub fn smtp(folder: &Path) -> (Process, PathBuf) {
    let (port, file) = (port(), folder.join("mail.ndjson"));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/sink.py");
    let (python, script, path) = (python(), script.display().to_string(), file.display().to_string());
    let command = words(&[&python, &script, &port.to_string(), &path, "refused.example"]);
    (Process::new(command, port), file)
}

/// A server with a certificate of its own for 127.0.0.1, and the file that certifies it. It takes HTTP posts, or mail when
/// `mail` says so, over TLS, and writes a line for each.
pub fn tls(folder: &Path, mail: bool) -> (Process, PathBuf, PathBuf) {
    let (port, file) = (port(), folder.join("tls.ndjson"));
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("certificate-key.pem"));
    let (shown, hidden) = (certificate.display().to_string(), key.display().to_string());
    run(&[
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=peer",
        "-addext",
        "subjectAltName=IP:127.0.0.1,DNS:localhost",
        "-addext",
        "basicConstraints=CA:FALSE",
        "-keyout",
        &hidden,
        "-out",
        &shown,
    ]);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/tls.py").display().to_string();
    let what = if mail { "mail" } else { "http" };
    let command = words(&[&python(), &script, what, &port.to_string(), &file.display().to_string(), &shown, &hidden]);
    (Process::new(command, port), file, certificate)
}

/// The lines of a file as JSON; none while it is not there.
pub fn ndjson(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// A request that an HTTP receiver got.
#[derive(Clone)]
pub struct Got {
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Got {
    /// A header as text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Ids of the parcels in it.
    pub fn ids(&self) -> Vec<String> {
        let body: Value = serde_json::from_slice(&self.body).expect("JSON");
        body["data"]
            .as_array()
            .expect("parcels")
            .iter()
            .map(|one| one["id"].as_str().expect("an id").to_owned())
            .collect()
    }
}

/// What a receiver answers.
pub type Answer = Arc<dyn Fn(&Got) -> (u16, Vec<(&'static str, String)>) + Send + Sync>;

/// An HTTP server that keeps what it gets and answers as it is told.
pub struct Receiver {
    pub port: u16,
    got: Arc<Mutex<Vec<Got>>>,
    answer: Answer,
    running: Option<(Runtime, oneshot::Sender<()>)>,
}

#[derive(Clone)]
struct Shared {
    got: Arc<Mutex<Vec<Got>>>,
    answer: Answer,
}

impl Receiver {
    /// Starts it on a port of its own.
    pub fn start(answer: impl Fn(&Got) -> (u16, Vec<(&'static str, String)>) + Send + Sync + 'static) -> Self {
        let mut receiver = Self { port: port(), got: Arc::default(), answer: Arc::new(answer), running: None };
        receiver.restart();
        receiver
    }

    /// Starts it again where it was.
    pub fn restart(&mut self) {
        let shared = Shared { got: Arc::clone(&self.got), answer: Arc::clone(&self.answer) };
        let router = Router::new().route("/hook", post(take)).with_state(shared);
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
        let (stop, stopped) = oneshot::channel::<()>();
        let address = ("127.0.0.1", self.port);
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.set_reuseaddr(true).expect("a socket");
        let listener = runtime.block_on(async move {
            socket.bind(format!("{}:{}", address.0, address.1).parse().expect("an address")).expect("the port");
            socket.listen(64).expect("the port")
        });
        runtime.spawn(async move {
            tokio::select! {
                _ = axum::serve(listener, router).into_future() => {}
                _ = stopped => {}
            }
        });
        self.running = Some((runtime, stop));
    }

    /// Ends it at once, connections and all.
    pub fn stop(&mut self) {
        if let Some((runtime, stop)) = self.running.take() {
            stop.send(()).ok();
            runtime.shutdown_timeout(Duration::from_millis(100));
        }
    }

    /// Where to send.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    /// Everything that it got and answered well.
    pub fn taken(&self) -> Vec<Got> {
        self.got.lock().expect("no panic").clone()
    }

    /// Ids of all parcels that it got and answered well, in order.
    pub fn ids(&self) -> Vec<String> {
        self.taken().iter().flat_map(Got::ids).collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn take(State(shared): State<Shared>, headers: HeaderMap, body: Bytes) -> impl IntoResponse {
    let got = Got { headers, body };
    let answer = Arc::clone(&shared.answer);
    let judged = got.clone();
    let (status, headers) = tokio::task::spawn_blocking(move || answer(&judged)).await.expect("an answer");
    if (200..300).contains(&status) {
        shared.got.lock().expect("no panic").push(got);
    }
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(name, value.parse().expect("a header"));
    }
    (axum::http::StatusCode::from_u16(status).expect("a status"), map)
}
