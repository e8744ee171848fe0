//! A collector in a process of its own, and clients that cost little: what they send is written beforehand, and of an answer they
//! read its status and length.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use axum::{Json, Router, body::Bytes, routing::post};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use petitfour_collector::{Config, start};

use crate::Result;

/// The secret of the key under which events are sent.
pub const SECRET: &str = "load";

/// A server in a process of its own; ended when dropped.
pub struct Served {
    child: Child,
    pub address: SocketAddr,
}

impl Served {
    /// Starts this program again, as a server.
    pub fn start(arguments: &[&str]) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("serve")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("no pipe")?).read_line(&mut line)?;
        Ok(Self { address: line.trim().parse()?, child })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Its input ends, and so does it.
        drop(self.child.stdin.take());
        self.child.wait().ok();
    }
}

/// What the process that was started does: serves until its input ends.
pub fn serve(arguments: &[String]) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let mut rest = arguments.iter();
    match rest.next().map(String::as_str) {
        Some("plain") => {
            let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))?;
            println!("{}", listener.local_addr()?);
            // The body is read, as any answer to it needs; nothing is done with it.
            let answer = |body: Bytes| async move { Json(serde_json::json!({ "success": !body.is_empty() })) };
            let router = Router::new().route("/v1/batch", post(answer));
            runtime.spawn(async move { axum::serve(listener, router).await });
            wait()?;
        }
        Some(folder) => {
            let config = Config {
                listen: "127.0.0.1:0".into(),
                data: folder.into(),
                store: rest.next().filter(|text| !text.is_empty()).cloned(),
                log: rest.next().cloned(),
                open: true,
                ..Config::default()
            };
            let running = runtime.block_on(start(config))?;
            println!("{}", running.address());
            wait()?;
            runtime.block_on(running.stop())?;
        }
        None => return Err("serve what?".into()),
    }
    Ok(())
}

fn wait() -> Result<()> {
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// A body as a request.
pub fn request(body: &str) -> Vec<u8> {
    let key = STANDARD.encode(format!("{SECRET}:"));
    format!(
        "POST /v1/batch HTTP/1.1\r\nHost: load\r\nAuthorization: Basic {key}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Sends every request once, `clients` at a time over connections that stay open; the time of the whole and of each answer.
pub fn drive(address: SocketAddr, requests: &[Vec<u8>], clients: usize) -> Result<(Duration, Vec<Duration>)> {
    let began = Instant::now();
    let each = requests.len().div_ceil(clients).max(1);
    let times: Result<Vec<Vec<Duration>>> = thread::scope(|scope| {
        let threads: Vec<_> = requests.chunks(each).map(|part| scope.spawn(move || send(address, part))).collect();
        threads.into_iter().map(|thread| thread.join().map_err(|_| "a client broke down")?).collect()
    });
    Ok((began.elapsed(), times?.concat()))
}

fn send(address: SocketAddr, requests: &[Vec<u8>]) -> Result<Vec<Duration>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let mut times = Vec::with_capacity(requests.len());
    let mut buffer = vec![0; 8_192];
    for request in requests {
        let began = Instant::now();
        stream.write_all(request)?;
        let mut length = 0;
        loop {
            let read = stream.read(buffer.get_mut(length..).unwrap_or_default())?;
            length += read;
            let answer = buffer.get(..length).unwrap_or_default();
            if read == 0 {
                return Err("the collector closed the connection".into());
            }
            if is_complete(answer) {
                if !answer.starts_with(b"HTTP/1.1 200") {
                    return Err(format!("refused: {}", String::from_utf8_lossy(answer)).into());
                }
                break;
            }
        }
        times.push(began.elapsed());
    }
    Ok(times)
}

/// Whether the answer has its whole body, by its content length.
fn is_complete(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).and_then(|text| text.parse().ok());
    length.is_some_and(|length: usize| body.len() >= length)
}

/// Makes the store and the key.
pub fn prepare(folder: &Path, store: Option<&str>) -> Result<()> {
    use petitfour_collector::{
        key::{Key, Kind},
        ring,
        store::{Place, Store},
    };
    let mut place = Store::open(&Place::parse(store, folder)?)?;
    let mut key = Key::new("web", Kind::Server, SECRET, 0);
    key.rate = 10_000_000;
    place.write(0, |graph| ring::add(graph.connection, &key))?;
    Ok(())
}
