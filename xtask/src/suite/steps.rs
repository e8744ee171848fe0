//! The steps of the suite. Each says what it needs, so that any of them can run alone on a fresh machine.

use std::env;

use anyhow::Result;

use super::{Scale, count::Count};
use crate::{
    demo,
    package::{
        self,
        module::{Module, Shape},
    },
    setup::{self, Part},
    size,
    step::{quiet, run as call, watch},
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
    /// Only in `cargo xtask ci`.
    pub ci_only: bool,
    /// The work.
    pub work: fn(&Workspace, Scale, &mut Count) -> Result<()>,
}

/// Every step, cheapest answers first.
pub const STEPS: &[Step] = &[
    Step { name: "fmt", what: "formatting", needs: &[], ci_only: false, work: fmt },
    Step {
        name: "clippy",
        what: "lints on the host, every target, warnings are errors",
        needs: &[],
        ci_only: false,
        work: clippy,
    },
    Step {
        name: "clippy-wasm",
        what: "lints of the engine and of the lens for wasm32-unknown-unknown",
        needs: &[Part::WasmBrowser],
        ci_only: false,
        work: clippy_wasm,
    },
    Step {
        name: "wasi",
        what: "the engine compiles for wasm32-wasip1",
        needs: &[Part::WasmWasi],
        ci_only: false,
        work: wasi,
    },
    Step { name: "rust", what: "tests of every member", needs: &[Part::Strace], ci_only: false, work: rust },
    Step {
        name: "size",
        what: "the package, and the budget of its script tag",
        needs: &[Part::WasmBrowser, Part::Npm],
        ci_only: false,
        work: weigh,
    },
    Step {
        name: "package",
        what: "the packed package in bundlers, Node and a real Chromium",
        needs: &[Part::Npm, Part::Chromium],
        ci_only: false,
        work: shipped,
    },
    Step { name: "demo", what: "the demo answers on every page", needs: &[], ci_only: false, work: demonstration },
    Step {
        name: "deny",
        what: "licences, sources and advisories of dependencies",
        needs: &[Part::Deny],
        ci_only: true,
        work: deny,
    },
    Step { name: "docs", what: "documentation without a warning", needs: &[], ci_only: true, work: docs },
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
    call(workspace.cargo().args(["check", "--quiet", "--package", "petitfour", "--lib", "--target", "wasm32-wasip1"]))
}

fn rust(workspace: &Workspace, scale: Scale, count: &mut Count) -> Result<()> {
    let mut cargo = workspace.cargo();
    cargo.args(["test", "--workspace", "--no-fail-fast"]);
    watch(scaled(&mut cargo, scale), |line| count.read(line))
}

fn weigh(workspace: &Workspace, _: Scale, _: &mut Count) -> Result<()> {
    size::weigh_package(workspace)
}

fn shipped(workspace: &Workspace, scale: Scale, count: &mut Count) -> Result<()> {
    let tarball = package::build(workspace, Shape::Release)?;
    call(workspace.cargo().args([
        "build",
        "--quiet",
        "--package",
        "petitfour-cli",
        "--package",
        "petitfour-collector",
    ]))?;
    let mut npm = workspace.tool("npm");
    npm.current_dir(workspace.wasm_tests()).args(["test", "--silent"]);
    // The tests run what was just built, wherever Cargo put it, and the browser that the set-up found.
    npm.env("PETITFOUR_TARBALL", tarball)
        .env("PETITFOUR_CLI", workspace.binary("debug", "petitfour"))
        .env("PETITFOUR_COLLECTOR", workspace.binary("debug", "petitfour-collector"));
    if let Some(browser) = setup::browser() {
        npm.env("CHROMIUM", browser);
    }
    watch(scaled(&mut npm, scale), |line| count.read(line))
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

/// Tells a runner how much to do, and where results are recorded.
fn scaled(command: &mut std::process::Command, scale: Scale) -> &mut std::process::Command {
    if scale == Scale::Drill {
        command.env("PETITFOUR_DRILL", "1");
    }
    if let Ok(door) = env::current_exe() {
        // So that a test records a claim without asking Cargo, which would wait for its own lock.
        command.env("PETITFOUR_XTASK", door);
    }
    command
}
