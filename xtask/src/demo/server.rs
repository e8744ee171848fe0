//! A collector that this program started, and ends.

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

/// How long the collector may take to answer after its start, and to end after being asked to.
const PATIENCE: Duration = Duration::from_secs(15);

/// A running collector; dropped, it is killed.
pub struct Server {
    child: Child,
    url: String,
}

impl Server {
    /// Starts it on this port of the loopback interface; 0 takes a free one.
    ///
    /// # Errors
    /// When it ends at once, or does not answer `/health` in time.
    pub fn start(mut collector: Command, port: u16) -> Result<Self> {
        collector.arg("--listen").arg(format!("127.0.0.1:{port}")).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = collector.spawn().context("the collector cannot be started")?;
        // Its first line says where it listens, also when the system chose the port.
        let mut first = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut first)?;
        }
        let url = first.split_whitespace().find(|word| word.starts_with("http://")).map(str::to_owned);
        let mut server = Self { child, url: url.unwrap_or_default() };
        if server.url.is_empty() {
            let status = server.child.wait()?;
            bail!("the collector did not start ({status}); is port {port} taken?");
        }
        server.await_health()?;
        Ok(server)
    }

    /// Starts it on this port, or on a free one when something else has it.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub fn start_preferring(collector: Command, port: u16) -> Result<Self> {
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Self::start(collector, port);
        }
        println!("  port {port} is taken; a free one is used");
        Self::start(collector, 0)
    }

    /// Where it listens, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether it has ended by itself.
    ///
    /// # Errors
    /// When the system cannot say.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Ends it in good order: requests under way are answered.
    ///
    /// # Errors
    /// When it cannot be asked, or ends in anything but success.
    pub fn stop(mut self) -> Result<()> {
        // On Ctrl-C the terminal has told it already; a second SIGTERM to a process that is gone is no fault.
        let _ = Command::new("kill").arg(self.child.id().to_string()).stderr(Stdio::null()).status();
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait()? {
                return if status.success() { Ok(()) } else { bail!("the collector ended badly ({status})") };
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!("the collector did not stop within {} s and is killed", PATIENCE.as_secs())
    }

    fn await_health(&mut self) -> Result<()> {
        let began = Instant::now();
        let health = format!("{}/health", self.url);
        while began.elapsed() < PATIENCE {
            if ureq::get(&health).call().is_ok() {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("the collector ended at once ({status})");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("{health} did not answer within {} s", PATIENCE.as_secs())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // After `stop` there is nothing left to end; on an error path this leaves no collector behind.
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
