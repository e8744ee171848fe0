//! `cargo xtask demo`: the product in miniature, served from this machine.
//!
//! Package, bundle, collector, recorded visitors, then the shop in a browser. Everything the demo writes is below
//! `target/demo/` and made anew each time, so that the counts on the page are those of this run.

use std::{fs, path::PathBuf, sync::mpsc};

use anyhow::{Result, bail};
use clap::Args;

use crate::{
    package::{self, module::Shape},
    step::{run as call, step},
    workspace::Workspace,
};

mod replay;
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
    /// Compile command line and collector with full optimisation, which takes longer than the demo needs.
    #[arg(long)]
    release: bool,
}

/// Runs the command.
///
/// # Errors
/// When a part cannot be built or served, or, with `--check`, when a page does not answer.
pub fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let stage = Stage::build(workspace, options.release)?;
    let port = if options.check { Some(options.port.unwrap_or(0)) } else { options.port };
    let mut server = step("collector", || stage.serve(workspace, port))?;
    // From here on Ctrl-C must end the collector too, not only this program.
    let (interrupt, interrupted) = mpsc::channel();
    ctrlc::set_handler(move || {
        let _ = interrupt.send(());
    })?;
    step("replay of recorded visitors", || replay::run(workspace, &stage, server.url(), options.replay.as_deref()))?;
    if options.check {
        // Whoever wants to see the shop does not wait for a figure.
        if options.replay.is_none() {
            step("chained visitors", || replay::chain(workspace, &stage))?;
        }
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

/// What the suite runs: the demo on a free port, each page fetched once.
///
/// # Errors
/// As [`run`].
pub fn check(workspace: &Workspace) -> Result<()> {
    run(workspace, &Options { check: true, replay: None, port: None, release: false })
}

/// What the demo serves, built.
struct Stage {
    /// `target/demo/`.
    folder: PathBuf,
    cli: PathBuf,
    collector: PathBuf,
}

impl Stage {
    fn build(workspace: &Workspace, release: bool) -> Result<Self> {
        package::build(workspace, Shape::Release)?;
        let profile = if release { "release" } else { "debug" };
        step(&format!("command line and collector ({profile})"), || {
            let mut cargo = workspace.cargo();
            cargo.args(["build", "--package", "petitfour-cli", "--package", "petitfour-collector"]);
            if release {
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
        step("bundles of the examples", || {
            ["soda", "msweb", "otto"].iter().try_for_each(|example| {
                let mut build = workspace.tool(&stage.cli);
                call(build.arg("build").arg(format!("examples/{example}")).arg("--output").arg(stage.example(example)))
            })
        })?;
        fs::copy(stage.example("soda"), stage.bundle())?;
        Ok(stage)
    }

    /// The bundle of one of the examples.
    fn example(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.pf4"))
    }

    /// The bundle that is served.
    fn bundle(&self) -> PathBuf {
        self.folder.join("bundle.pf4")
    }

    fn serve(&self, workspace: &Workspace, port: Option<u16>) -> Result<Server> {
        let mut collector = workspace.tool(&self.collector);
        collector.arg("--data").arg(self.folder.join("data")).arg("--bundle").arg(self.bundle());
        // The demonstration is for whoever sits at this machine.
        collector.arg("--open");
        collector.args(["--www", "www", "--www", "/pkg=pkg"]);
        match port {
            Some(port) => Server::start(collector, port),
            None => Server::start_preferring(collector, 8080),
        }
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
