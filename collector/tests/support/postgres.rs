//! A PostgreSQL of the test's own: private, on loopback, durable, gone with the test.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

use petitfour_collector::sql::Connection;

use crate::leash::{Leash, free_port, program, until};

/// Where Debian puts the programs of a version.
const FOLDERS: [&str; 3] = ["/usr/lib/postgresql/15/bin", "/usr/lib/postgresql/16/bin", "/usr/lib/postgresql/17/bin"];

/// Runs as this user when the tests run as root, which PostgreSQL refuses to.
const USER: [&str; 4] = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"];

/// The server.
pub struct Postgres {
    folder: PathBuf,
    port: u16,
    server: Option<Leash>,
    schemas: AtomicU32,
}

impl Postgres {
    /// One for all tests of a binary; each takes a [`schema`](Self::schema) of its own.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Makes and starts a server.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder").keep();
        let data = folder.join("data");
        std::fs::create_dir(&data).expect("a folder");
        if is_root() {
            let owned = Command::new("chown").args(["-R", "postgres:postgres"]).arg(&folder).status();
            assert!(owned.is_ok_and(|status| status.success()), "there is a user postgres");
        }
        let initdb = program("initdb", &FOLDERS, "postgresql");
        let mut command = as_user(&initdb);
        // `-N`: the fresh folder needs no sync, what is stored later is synced all the same.
        command.arg("-D").arg(&data).args(["-U", "postgres", "--auth=trust", "-N", "-E", "UTF8", "--locale=C"]);
        let made = command.stdout(Stdio::null()).status().expect("initdb runs");
        assert!(made.success(), "initdb made a folder");
        let mut postgres = Self { folder, port: free_port(), server: None, schemas: AtomicU32::new(0) };
        postgres.resume();
        postgres
    }

    /// Starts it again, at the same address.
    pub fn resume(&mut self) {
        let postgres = program("postgres", &FOLDERS, "postgresql");
        let data = self.folder.join("data");
        let port = self.port.to_string();
        let sockets = self.folder.clone().into_os_string();
        let mut folder = OsString::from("unix_socket_directories=");
        folder.push(&sockets);
        let mut server: Vec<&OsStr> = Vec::new();
        if is_root() {
            server.extend(USER.iter().map(OsStr::new));
        }
        server.extend([postgres.as_os_str(), OsStr::new("-D"), data.as_os_str()]);
        server.extend(["-p", &port, "-c", "listen_addresses=127.0.0.1", "-c"].map(OsStr::new));
        server.push(&folder);
        self.server = Some(Leash::start("INT", Some(&self.folder), &self.folder.join("log"), &server));
        until("PostgreSQL answers", || Connection::postgres(&self.address()).is_ok());
    }

    /// SIGKILL to the server and all its children; what was committed stays.
    pub fn kill(&mut self) {
        let server = self.server.take().expect("it runs");
        let pid = server.pid;
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        server.kill();
        // They end by themselves when it is gone; a new server refuses to share its memory with them.
        until("the server's children end", || {
            children.split_whitespace().all(|child| !Path::new("/proc").join(child).exists())
        });
    }

    /// The address of the whole database.
    pub fn address(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// The address of a fresh, empty schema.
    pub fn schema(&self) -> String {
        let name = format!("s{}", self.schemas.fetch_add(1, Relaxed));
        let connection = Connection::postgres(&self.address()).expect("a connection");
        connection.batch(&format!("CREATE SCHEMA {name}")).expect("a schema");
        format!("{}?options=-csearch_path%3D{name}", self.address())
    }
}

fn is_root() -> bool {
    static ROOT: OnceLock<bool> = OnceLock::new();
    *ROOT.get_or_init(|| Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n"))
}

fn as_user(program: &Path) -> Command {
    if is_root() {
        let mut command = Command::new(USER[0]);
        command.args(&USER[1..]).arg(program);
        command
    } else {
        Command::new(program)
    }
}
