//! `cargo xtask demo`: the product in miniature, served from this machine.
//!
//! Package, bundle, collector, recorded visitors, then the shop in a browser. Everything the demo writes is below
//! `target/demo/` and made anew each time, so that the counts on the page are those of this run.

use std::{fs, path::PathBuf, sync::mpsc};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::{
    package::{self, module::Shape},
    step::{quiet, run as call, step},
    workspace::Workspace,
};

mod server;
mod visit;

use server::Server;

/// Show the whole product in a browser: builds, replays recorded visitors, serves until Ctrl-C.
///
/// Installs what is missing: the wasm target (rustup) and the pinned npm tools. Listens on this machine only.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  cargo xtask demo                    serve at http://127.0.0.1:8080 until Ctrl-C\n  \
                        cargo xtask demo --port 9000        on another port\n  \
                        cargo xtask demo --replay FILE      replay another recording of the same shape\n  \
                        cargo xtask demo --check            fetch every page once and exit"
)]
pub struct Options {
    /// Fetch every page once and exit, with 0 when all answered.
    #[arg(long)]
    check: bool,
    /// Replay this recording instead of the one in examples/.
    #[arg(long, value_name = "FILE")]
    replay: Option<PathBuf>,
    /// Port to listen on; 0 takes a free one. [default: 8080, or a free one when that is taken]
    #[arg(long, value_name = "N")]
    port: Option<u16>,
    /// Compile without optimisation: sooner ready, slower replay.
    #[arg(long)]
    dev: bool,
}

/// Runs the command.
///
/// # Errors
/// When a part cannot be built or served, or, with `--check`, when a page does not answer.
pub fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let stage = Stage::build(workspace, options.dev)?;
    let port = if options.check { Some(options.port.unwrap_or(0)) } else { options.port };
    let mut server = step("collector", || stage.serve(workspace, port))?;
    // From here on Ctrl-C must end the collector too, not only this program.
    let (interrupt, interrupted) = mpsc::channel();
    ctrlc::set_handler(move || {
        let _ = interrupt.send(());
    })?;
    if let Some(replay) = Replay::find(workspace, &stage, options.replay.as_ref())? {
        step("replay of recorded visitors", || replay.run(workspace, &stage, server.url()))?;
    }
    if options.check {
        step("every page once", || visit::every_page(workspace, server.url()))?;
        return server.stop();
    }
    announce(server.url());
    loop {
        if interrupted.recv_timeout(std::time::Duration::from_millis(250)).is_ok() {
            println!("\nstopping");
            return server.stop();
        }
        if let Some(status) = server.ended()? {
            bail!("the collector ended by itself ({status})");
        }
    }
}

/// What the suite runs: the demo on a free port with the binaries that the tests have built, each page fetched once.
///
/// # Errors
/// As [`run`].
pub fn check(workspace: &Workspace) -> Result<()> {
    run(workspace, &Options { check: true, replay: None, port: None, dev: true })
}

/// What the demo serves, built.
struct Stage {
    /// `target/demo/`.
    folder: PathBuf,
    cli: PathBuf,
    collector: PathBuf,
}

impl Stage {
    fn build(workspace: &Workspace, dev: bool) -> Result<Self> {
        package::build(workspace, Shape::Release)?;
        let profile = if dev { "debug" } else { "release" };
        step(&format!("command line and collector ({profile})"), || {
            let mut cargo = workspace.cargo();
            cargo.args(["build", "--package", "petitfour-cli", "--package", "petitfour-collector"]);
            if !dev {
                cargo.arg("--release");
            }
            call(&mut cargo)
        })?;
        let stage = Self {
            folder: workspace.results().join("demo"),
            cli: workspace.binary(profile, "petitfour"),
            collector: workspace.binary(profile, "petitfour-collector"),
        };
        if stage.folder.exists() {
            fs::remove_dir_all(&stage.folder)?;
        }
        fs::create_dir_all(&stage.folder)?;
        step("bundle of examples/soda", || {
            let mut build = workspace.tool(&stage.cli);
            call(build.args(["build", "examples/soda", "--output"]).arg(stage.bundle()))
        })?;
        Ok(stage)
    }

    fn bundle(&self) -> PathBuf {
        self.folder.join("bundle.pf4")
    }

    fn serve(&self, workspace: &Workspace, port: Option<u16>) -> Result<Server> {
        let mut collector = workspace.tool(&self.collector);
        collector.arg("--data").arg(self.folder.join("data")).arg("--bundle").arg(self.bundle());
        collector.args(["--www", "www", "--www", "/pkg=pkg"]);
        match port {
            Some(port) => Server::start(collector, port),
            None => Server::start_preferring(collector, 8080),
        }
    }
}

/// The replay of recorded visitors through the engine, natively.
struct Replay {
    arguments: Vec<std::ffi::OsString>,
}

impl Replay {
    /// The replay, where the command line can do one.
    fn find(workspace: &Workspace, stage: &Stage, file: Option<&PathBuf>) -> Result<Option<Self>> {
        let help = quiet(workspace.tool(&stage.cli).arg("--help"))?;
        if !help.lines().any(|line| line.trim_start().starts_with("simulate")) {
            if file.is_some() {
                bail!("`petitfour` has no `simulate` yet, so --replay cannot be honoured");
            }
            println!("  no replay: `petitfour` has no `simulate` yet");
            return Ok(None);
        }
        let mut arguments: Vec<std::ffi::OsString> = vec!["simulate".into()];
        if let Some(file) = file {
            // The path is the caller's, who may stand in another folder than the root.
            let file = fs::canonicalize(file).with_context(|| format!("--replay {}", file.display()))?;
            arguments.extend(["--replay".into(), file.into()]);
        }
        Ok(Some(Self { arguments }))
    }

    fn run(&self, workspace: &Workspace, stage: &Stage, url: &str) -> Result<()> {
        let mut simulate = workspace.tool(&stage.cli);
        call(simulate.args(&self.arguments).arg("--collector").arg(url))
    }
}

fn announce(url: &str) {
    let lines = [
        format!("The shop          {url}/"),
        format!("What it received  {url}/collector"),
        String::new(),
        "Ctrl-C stops it.".to_owned(),
    ];
    let width = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0) + 4;
    println!("\n┌{}┐", "─".repeat(width));
    for line in lines {
        println!("│  {line:<inner$}  │", inner = width - 4);
    }
    println!("└{}┘", "─".repeat(width));
}
