//! Real servers that a test starts on loopback: each lives in a folder of its own and ends with the test, however that ends.
//!
//! A server hangs on a shell that waits for the test's end of a pipe. When the test ends, is killed, or lets go, the pipe closes, the
//! shell ends the server and removes its folder. So a server may stand in a static, which nothing ever drops.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::{
    ffi::OsStr,
    io::{BufRead as _, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// `$0` is the signal that ends the server well, `$1` what is removed after it (or nothing), the rest the server.
const SHELL: &str = r#"signal=$0; folder=$1; shift
"$@" </dev/null >/dev/null 2>>"${LEASH_LOG:-/dev/null}" & server=$!
echo $server
read -r _
kill -s "$signal" $server 2>/dev/null
wait $server
[ -z "$folder" ] || rm -rf "$folder""#;

/// A server on its leash.
pub struct Leash {
    shell: Child,
    /// The server's process.
    pub pid: u32,
}

impl Leash {
    /// Starts a server. `signal` ends it well; `folder` is removed after it, if there is one.
    pub fn start(signal: &str, folder: Option<&Path>, log: &Path, server: &[&OsStr]) -> Self {
        let mut shell = Command::new("sh")
            .args(["-c", SHELL, signal])
            .arg(folder.unwrap_or(Path::new("")))
            .args(server)
            .env("LEASH_LOG", log)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let mut line = String::new();
        BufReader::new(shell.stdout.take().expect("a pipe")).read_line(&mut line).expect("a process id");
        Self { pid: line.trim().parse().expect("a process id"), shell }
    }

    /// SIGKILL, or another signal by name; gone when this returns (for signals that end it).
    pub fn signal(&self, name: &str) {
        let told = Command::new("kill").args(["-s", name, &self.pid.to_string()]).status().expect("kill");
        assert!(told.success(), "the server was running");
    }

    /// SIGKILL, and gone when this returns; the folder stays, for another start.
    pub fn kill(mut self) {
        // The shell first: it would remove the folder.
        self.shell.kill().expect("it was running");
        self.shell.wait().expect("a shell");
        self.signal("KILL");
        let gone = format!("/proc/{}", self.pid);
        until("the killed server is gone", || !is_running(Path::new(&gone)));
    }

    /// Ends it well; gone when this returns.
    pub fn stop(mut self) {
        drop(self.shell.stdin.take());
        self.shell.wait().expect("a shell");
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        self.shell.wait().ok();
    }
}

/// A process whose parent is gone may stay behind as a zombie for a moment, and holds nothing then.
fn is_running(process: &Path) -> bool {
    std::fs::read_to_string(process.join("stat")).is_ok_and(|text| !text.contains(") Z "))
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port()
}

/// A program on the PATH or in one of these folders.
pub fn program(name: &str, folders: &[&str], package: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let near = std::env::split_paths(&path).chain(folders.iter().map(PathBuf::from));
    near.map(|folder| folder.join(name))
        .find(|file| file.is_file())
        .unwrap_or_else(|| panic!("{name} is missing; install it: apt-get install {package}"))
}

/// Waits until something holds; panics with `what` after a minute.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
