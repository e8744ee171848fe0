//! NATS servers of the test's own: one alone, or three that keep a log together.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::{ffi::OsStr, net::TcpStream, path::PathBuf};

use crate::leash::{Leash, free_port, program, until};

/// One server.
pub struct Nats {
    folder: PathBuf,
    name: String,
    port: u16,
    /// Its own port for the others, and theirs; empty for one alone.
    cluster: Option<(u16, Vec<u16>)>,
    server: Option<Leash>,
}

impl Nats {
    /// One alone.
    pub fn start() -> Self {
        Self::new("lonely".to_owned(), None)
    }

    /// Three that know each other.
    pub fn cluster() -> Vec<Self> {
        let ports: Vec<u16> = (0..3).map(|_| free_port()).collect();
        (0..3).map(|number| Self::new(format!("n{number}"), Some((ports[number], ports.clone())))).collect()
    }

    fn new(name: String, cluster: Option<(u16, Vec<u16>)>) -> Self {
        let folder = tempfile::tempdir().expect("a folder").keep();
        let mut nats = Self { folder, name, port: free_port(), cluster, server: None };
        nats.resume();
        nats
    }

    /// Starts it again, at the same address and over the same folder.
    pub fn resume(&mut self) {
        let binary = program("nats-server", &["/usr/sbin", "/usr/local/bin"], "nats-server");
        let data = self.folder.join("data");
        let port = self.port.to_string();
        let mut arguments: Vec<String> = ["-a", "127.0.0.1", "-p", &port, "-js"].map(str::to_owned).to_vec();
        arguments.extend(["-sd".to_owned(), data.to_string_lossy().into_owned()]);
        arguments.extend(["-n".to_owned(), self.name.clone()]);
        if let Some((own, all)) = &self.cluster {
            let routes: Vec<String> = all.iter().map(|port| format!("nats://127.0.0.1:{port}")).collect();
            arguments.extend(["--cluster_name".to_owned(), "petitfour".to_owned()]);
            arguments.extend(["--cluster".to_owned(), format!("nats://127.0.0.1:{own}")]);
            arguments.extend(["--routes".to_owned(), routes.join(",")]);
        }
        let mut server: Vec<&OsStr> = vec![binary.as_os_str()];
        server.extend(arguments.iter().map(OsStr::new));
        self.server = Some(Leash::start("TERM", Some(&self.folder), &self.folder.join("log"), &server));
        until("NATS listens", || TcpStream::connect(("127.0.0.1", self.port)).is_ok());
    }

    /// SIGKILL; what it wrote stays.
    pub fn kill(&mut self) {
        self.server.take().expect("it runs").kill();
    }

    /// Its address.
    pub fn address(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }
}

/// The addresses of several, as `--log` takes them.
pub fn addresses(servers: &[Nats]) -> String {
    servers.iter().map(Nats::address).collect::<Vec<_>>().join(",")
}
