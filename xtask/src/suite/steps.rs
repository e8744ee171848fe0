//! The steps of the suite. Each says what it needs, so that any of them can run alone on a fresh machine.

use std::process::Command;

use anyhow::{Result, bail};

use super::{Scale, count::Count};
use crate::{
    demo,
    package::{
        self,
        module::{Module, Shape},
    },
    setup::{self, Part},
    size,
    step::{quiet, run as call, shown, watch},
    workspace::Workspace,
};

/// One step.
pub struct Step {
    /// What `--only` takes.
    pub name: &'static str,
    /// What it does, in a few words.
    pub what: &'static str,
    /// What must be installed.
    pub needs: &'static [Part],
    /// In which runs.
    pub when: When,
    /// The work.
    pub work: fn(&Workspace, Scale, &mut Count) -> Result<()>,
}

/// In which runs a step takes part.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// In every run.
    Always,
    /// In `cargo xtask ci`.
    Ci,
    /// Only by `--only`: its parts belong to other steps of a whole run.
    Asked,
}

/// Every step, cheapest answers first.
pub const STEPS: &[Step] = &[
    Step { name: "fmt", what: "formatting", needs: &[], when: When::Always, work: fmt },
    Step {
        name: "clippy",
        what: "lints on the host, every target, warnings are errors",
        needs: &[],
        when: When::Always,
        work: clippy,
    },
    Step {
        name: "clippy-wasm",
        what: "lints of each wasm module for wasm32-unknown-unknown",
        needs: &[Part::WasmBrowser],
        when: When::Always,
        work: clippy_wasm,
    },
    Step {
        name: "wasi",
        what: "lints of the engine and of the Fastly guest for wasm32-wasip1",
        needs: &[Part::WasmWasi],
        when: When::Always,
        work: wasi,
    },
    Step {
        name: "rust",
        what: "tests of every member",
        needs: &[Part::Strace, Part::Npm, Part::Mosquitto, Part::Nats, Part::Postgres, Part::Python, Part::Faketime],
        when: When::Always,
        work: rust,
    },
    Step {
        name: "size",
        what: "the package, and the budget of its script tag",
        needs: &[Part::WasmBrowser, Part::Npm],
        when: When::Always,
        work: weigh,
    },
    Step {
        name: "package",
        what: "the packed package in bundlers, Node, a real Chromium, workerd and a Fastly host",
        needs: &[Part::Npm, Part::Chromium, Part::WasmWasi],
        when: When::Always,
        work: shipped,
    },
    Step {
        name: "golden",
        what: "the golden scenarios alone, on every surface, with a table (part of rust and package)",
        needs: &[Part::Npm, Part::Chromium, Part::WasmWasi],
        when: When::Asked,
        work: golden,
    },
    Step { name: "demo", what: "the demo answers on every page", needs: &[], when: When::Always, work: demonstration },
    Step {
        name: "deny",
        what: "licences, sources and advisories of dependencies",
        needs: &[Part::Deny],
        when: When::Ci,
        work: deny,
    },
    Step { name: "docs", what: "documentation without a warning", needs: &[], when: When::Ci, work: docs },
];

fn fmt(workspace: &Workspace, _: Scale, _: &mut Count) -> Result<()> {
    call(workspace.cargo().args(["fmt", "--all", "--check"]))
}

fn clippy(workspace: &Workspace, _: Scale, _: &mut Count) -> Result<()> {
    call(workspace.cargo().args(["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

fn clippy_wasm(workspace: &Workspace, _: Scale, _: &mut Count) -> Result<()> {
    for module in Module::ALL {
        let mut cargo = workspace.cargo();
        cargo.args(["clippy", "--quiet", "--package", "petitfour", "--lib", "--target", "wasm32-unknown-unknown"]);
        module.flags(&mut cargo);
        call(cargo.args(["--", "-D", "warnings"]))?;
    }
    Ok(())
}

fn wasi(workspace: &Workspace, _: Scale, _: &mut Count) -> Result<()> {
    let lint = |package: &str, what: &str| {
        let target = ["--target", "wasm32-wasip1", "--", "-D", "warnings"];
        call(workspace.cargo().args(["clippy", "--quiet", "--package", package, what]).args(target))
    };
    lint("petitfour", "--lib")?;
    lint("petitfour-fastly", "--bins")?;
    lint("petitfour-fastly", "--examples")
}

fn rust(workspace: &Workspace, scale: Scale, count: &mut Count) -> Result<()> {
    let mut cargo = workspace.cargo();
    cargo.args(["test", "--workspace", "--no-fail-fast"]);
    counted(scaled(&mut cargo, scale), count)
}

fn weigh(workspace: &Workspace, _: Scale, _: &mut Count) -> Result<()> {
    size::weigh_package(workspace)
}

fn golden(workspace: &Workspace, scale: Scale, count: &mut Count) -> Result<()> {
    let mut cargo = workspace.cargo();
    counted(cargo.args(["test", "--package", "petitfour", "--test", "golden"]), count)?;
    node_tests(workspace, scale, &["golden.test.mjs"], count)
}

fn shipped(workspace: &Workspace, scale: Scale, count: &mut Count) -> Result<()> {
    node_tests(workspace, scale, &[], count)
}

/// Runs the tests of the shipped package; all of them when none are named.
fn node_tests(workspace: &Workspace, scale: Scale, files: &[&str], count: &mut Count) -> Result<()> {
    let tarball = package::build(workspace, Shape::Release)?;
    call(workspace.cargo().args([
        "build",
        "--quiet",
        "--package",
        "petitfour-cli",
        "--package",
        "petitfour-collector",
    ]))?;
    call(workspace.cargo().args(["build", "--quiet", "--package", "petitfour-collector", "--example", "invented"]))?;
    // The guest as it is deployed, and the player of golden scenarios as one.
    let guests = ["--profile", "wasm", "--target", "wasm32-wasip1", "--bins", "--examples"];
    call(workspace.cargo().args(["build", "--quiet", "--package", "petitfour-fastly"]).args(guests))?;
    let mut node = workspace.node();
    // One file after the other: they share the machine's cores. A file that hangs is ended after ten minutes, the
    // longest that a person would wait before looking.
    node.current_dir(workspace.wasm_tests())
        .args(["--test", "--test-reporter=spec", "--test-concurrency=1", "--test-timeout=600000"])
        .args(files);
    // The tests run what was just built, wherever Cargo put it, and the browser that the set-up found.
    node.env("PETITFOUR_TARBALL", tarball)
        .env("PETITFOUR_CLI", workspace.binary("debug", "petitfour"))
        .env("PETITFOUR_COLLECTOR", workspace.binary("debug", "petitfour-collector"))
        .env("PETITFOUR_GUESTS", workspace.binary("wasm32-wasip1", "wasm"))
        .env("PETITFOUR_INVENTED", workspace.binary("debug/examples", "invented"));
    if let Some(browser) = setup::browser() {
        node.env("CHROMIUM", browser);
    }
    counted(scaled(&mut node, scale), count)
}

fn demonstration(workspace: &Workspace, _: Scale, _: &mut Count) -> Result<()> {
    demo::check(workspace)
}

fn deny(workspace: &Workspace, _: Scale, count: &mut Count) -> Result<()> {
    call(workspace.cargo().args(["deny", "--workspace", "check", "licenses", "bans", "sources"]))?;
    count.passed += 1;
    // The advisories stand in a git repository of their own, which not every build server may reach. What could not
    // be looked up is counted as not run, never as passed.
    let advisories = quiet(workspace.cargo().args(["deny", "--workspace", "check", "advisories"]));
    match advisories {
        Ok(_) => count.passed += 1,
        Err(error) if format!("{error:#}").contains("failed to fetch advisory database") => {
            println!("NOT RUN: advisories and yanked versions: the advisory database cannot be reached from here");
            count.skipped += 1;
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

fn docs(workspace: &Workspace, _: Scale, _: &mut Count) -> Result<()> {
    let mut cargo = workspace.cargo();
    cargo.args(["doc", "--quiet", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings");
    call(&mut cargo)
}

/// Runs a runner of tests and counts them; one that found nothing to run has failed.
fn counted(command: &mut Command, count: &mut Count) -> Result<()> {
    let mut run = Count::default();
    let outcome = watch(command, |line| run.read(line));
    count.add(run);
    outcome?;
    if run.passed == 0 { bail!("`{}` ran no test", shown(command)) } else { Ok(()) }
}

/// Tells a runner how much to do.
fn scaled(command: &mut Command, scale: Scale) -> &mut Command {
    if scale == Scale::Drill {
        command.env("PETITFOUR_DRILL", "1");
    }
    command
}
