//! What a fresh machine needs beyond Rust, Node and git, and how it gets it.
//!
//! Every part says what it installs and why, does nothing when the thing is there, and when it may not install (no
//! root, no Debian) prints the command for the person to run. Commands call only the parts that they need.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;

use crate::{
    step::{quiet, run as call},
    workspace::Workspace,
};

/// Install what the other commands need (they call this themselves).
///
/// Does nothing for a part that is already there. Needed beforehand: Rust by rustup, Node 20.19 or newer, git.
#[derive(Args)]
#[command(after_help = "Examples:\n  cargo xtask setup            everything but cargo-deny and Viceroy\n  \
                        cargo xtask setup --deny     cargo-deny too, which compiles for some minutes\n  \
                        cargo xtask setup --fastly   Viceroy too, which compiles for some fifteen minutes")]
pub struct Options {
    /// Also install cargo-deny, which only `cargo xtask ci` uses.
    #[arg(long)]
    deny: bool,
    /// Also install Viceroy, in which the tests of the Fastly edge run. Without it they say that they did not.
    #[arg(long)]
    fastly: bool,
}

/// A thing that a command may need.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The standard library for browsers and Workers.
    WasmBrowser,
    /// The standard library for WASI hosts.
    WasmWasi,
    /// The pinned npm tools in `wasm-tests/`.
    Npm,
    /// The engines that the bench stands beside, in `bench/`.
    Peers,
    /// A Chromium that the tests can drive.
    Chromium,
    /// `strace`, with which one test reads in which order the collector called fsync and write.
    Strace,
    /// `mosquitto`, the MQTT broker that a collector test delivers to.
    Mosquitto,
    /// `nats-server`, which a collector test delivers to.
    Nats,
    /// PostgreSQL's programs, which collector tests start a server of their own with.
    Postgres,
    /// The Python packages that a collector test speaks with.
    Python,
    /// `libfaketime`, under which one test lets a collector's clock jump.
    Faketime,
    /// Viceroy, the local host of Fastly Compute.
    Viceroy,
    /// `cargo deny`, for licences and sources.
    Deny,
}

/// Runs the command.
///
/// # Errors
/// When a part is missing and could not be installed.
pub fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let mut parts = vec![
        Part::WasmBrowser,
        Part::WasmWasi,
        Part::Npm,
        Part::Peers,
        Part::Chromium,
        Part::Strace,
        Part::Mosquitto,
        Part::Nats,
        Part::Postgres,
        Part::Python,
        Part::Faketime,
    ];
    if options.deny {
        parts.push(Part::Deny);
    }
    if options.fastly {
        parts.push(Part::Viceroy);
    }
    for part in parts {
        println!("{}", ready(workspace, part)?);
    }
    Ok(())
}

/// Makes sure that the parts are there, speaking only of those that had to be installed.
///
/// # Errors
/// As [`run`].
pub fn need(workspace: &Workspace, parts: &[Part]) -> Result<()> {
    parts.iter().try_for_each(|part| ready(workspace, *part).map(drop))
}

/// Makes sure that one part is there; the answer is a line about it.
fn ready(workspace: &Workspace, part: Part) -> Result<String> {
    match part {
        Part::WasmBrowser => target(workspace, "wasm32-unknown-unknown", "the engine in browsers, Workers and Node"),
        Part::WasmWasi => target(workspace, "wasm32-wasip1", "the engine and the guest for Fastly Compute"),
        Part::Npm => npm(
            workspace,
            "wasm-tests",
            "wasm-opt, esbuild and terser build the package; Vite, webpack, publint, attw and playwright-core test it",
        ),
        Part::Peers => npm(workspace, "bench", "the engines that the bench measures beside this one"),
        Part::Chromium => chromium(),
        Part::Strace => {
            tool("strace", "strace", "a collector test reads from it that no 200 was written before its fsync")
        }
        Part::Mosquitto => tool("mosquitto", "mosquitto", "a collector test delivers to it as screens and things do"),
        Part::Nats => {
            tool("nats-server", "nats-server", "a collector test delivers events to it, and stops it meanwhile")
        }
        Part::Postgres => postgres(),
        Part::Python => python(workspace),
        Part::Faketime => faketime(),
        Part::Viceroy => viceroy(workspace),
        Part::Deny => deny(workspace),
    }
}

/// The browser to drive: `$CHROMIUM`, or the first one of the usual names that is installed.
pub fn browser() -> Option<PathBuf> {
    if let Some(path) = env::var_os("CHROMIUM").map(PathBuf::from) {
        return Some(path);
    }
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"].iter().find_map(|name| on_path(name))
}

fn target(workspace: &Workspace, triple: &str, why: &str) -> Result<String> {
    // Asked of the compiler rather than of rustup, so that a distribution's own Rust passes too.
    let mut question = workspace.tool(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    let folder = quiet(question.args(["--print", "target-libdir", "--target", triple]))?;
    if has_files(Path::new(folder.trim())) {
        return Ok(format!("present    {triple}"));
    }
    say(&format!("Rust's standard library for {triple} (rustup target add)"), why);
    call(workspace.tool("rustup").args(["target", "add", triple])).with_context(|| {
        format!("without rustup, install the standard library for {triple} with your distribution's packages")
    })?;
    Ok(format!("installed  {triple}"))
}

/// Installs what a folder's lock file pins.
fn npm(workspace: &Workspace, name: &str, why: &str) -> Result<String> {
    node(workspace)?;
    let folder = workspace.root().join(name);
    let wanted = fs::read(folder.join("package-lock.json")).with_context(|| format!("{name}/package-lock.json"))?;
    // A copy of the lock file that was installed: equal bytes mean that node_modules/ is what it pins.
    let stamp = folder.join("node_modules/.installed-lock.json");
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(format!("present    npm packages in {name}/node_modules"));
    }
    say(
        &format!("the npm packages pinned in {name}/package-lock.json (npm ci)"),
        &format!("{why}. No install script of a package is run"),
    );
    call(workspace.tool("npm").current_dir(&folder).args([
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
    ]))?;
    fs::write(stamp, wanted)?;
    Ok(format!("installed  npm packages in {name}/node_modules"))
}

fn node(workspace: &Workspace) -> Result<()> {
    let version = quiet(workspace.node().arg("--version"))
        .context("Node is missing: install Node 20.19 or newer, with npm, from nodejs.org or your distribution")?;
    let mut numbers =
        version.trim().trim_start_matches('v').split('.').map(|number| number.parse::<u32>().unwrap_or(0));
    let (major, minor) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if (major, minor) < (20, 19) {
        bail!("Node {} is too old for the pinned tools: install 20.19 or newer", version.trim());
    }
    Ok(())
}

fn chromium() -> Result<String> {
    if let Some(path) = browser() {
        return Ok(format!("present    {}", path.display()));
    }
    say("Chromium (Debian package chromium)", "the tests drive the shipped package in a real browser");
    apt("chromium")
        .map_err(|error| anyhow!("{error:#}\nor set CHROMIUM to the path of an installed Chromium or Chrome"))?;
    match browser() {
        Some(path) => Ok(format!("installed  {}", path.display())),
        None => bail!("the package chromium left no browser on the PATH; set CHROMIUM to its path"),
    }
}

/// A program of a Debian package. What the package starts by itself is of no use here: tests start their own.
fn tool(program: &str, package: &str, why: &str) -> Result<String> {
    // Debian puts servers where only root looks.
    let aside = Path::new("/usr/sbin").join(program);
    if let Some(path) = on_path(program).or_else(|| aside.is_file().then_some(aside)) {
        return Ok(format!("present    {}", path.display()));
    }
    say(&format!("{program} (Debian package {package})"), why);
    apt(package)?;
    Ok(format!("installed  {program}"))
}

/// PostgreSQL's programs; Debian keeps them off the PATH, in a folder for each version.
fn postgres() -> Result<String> {
    let versions = || fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let found = || {
        on_path("initdb").or_else(|| versions().map(|version| version.path().join("bin/initdb")).find(|p| p.is_file()))
    };
    if let Some(path) = found() {
        return Ok(format!("present    {}", path.display()));
    }
    say(
        "PostgreSQL (Debian package postgresql)",
        "collector tests keep a store in a server that they start themselves",
    );
    apt("postgresql")?;
    found().context("the package postgresql left no initdb")?;
    Ok("installed  PostgreSQL".to_owned())
}

/// Who needs which Python packages, what for, and what else pip is told. Each list has an environment of its own.
const PYTHON: [(&str, &str, &[&str]); 4] = [
    ("collector/tests/requirements.txt", "a collector test delivers mail to the SMTP server among them", &[]),
    (
        "models/tests/requirements.txt",
        "models that LightGBM, XGBoost, CatBoost and scikit-learn train are held against their own answers, and contributions against shap",
        &[],
    ),
    (
        "evaluation/tests/requirements.txt",
        "estimates of a policy's value are held against those of the Open Bandit Pipeline",
        // It asks for an old Python, and needs none.
        &["--ignore-requires-python"],
    ),
    ("bench/score/requirements.txt", "the bench scores rows with what lleaves and m2cgen make of a model", &[]),
];

/// Installs what the lists of [`PYTHON`] pin, each into a folder that is named after the list's content and
/// survives the clone. `collector/tests/support/python.rs` looks for it in the same place.
fn python(workspace: &Workspace) -> Result<String> {
    let done =
        PYTHON.iter().map(|(list, why, more)| environment(workspace, list, why, more)).collect::<Result<Vec<_>>>()?;
    Ok(done.join("\n"))
}

fn environment(workspace: &Workspace, name: &str, why: &str, more: &[&str]) -> Result<String> {
    let list = workspace.root().join(name);
    let wanted = fs::read(&list).context(name.to_owned())?;
    let folder = cache()?.join(format!("python-{:016x}", hash(&wanted)));
    let stamp = folder.join("installed");
    if stamp.is_file() {
        return Ok(format!("present    Python packages in {}", folder.display()));
    }
    say(&format!("the Python packages pinned in {name} (a virtual environment)"), why);
    let by_hand = "Python 3.11 or newer with venv is needed (Debian: apt-get install -y python3-venv)";
    call(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))
        .or_else(|_| {
            apt("python3-venv")
                .and_then(|()| call(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder)))
        })
        .context(by_hand)?;
    // The lists name all that is needed, and leave out what packages ask for and no test uses.
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--requirement"];
    call(Command::new(folder.join("bin/python")).args(install).arg(&list).args(more))?;
    fs::write(stamp, b"")?;
    Ok(format!("installed  Python packages in {}", folder.display()))
}

/// Where things stay that outlive a clone.
fn cache() -> Result<PathBuf> {
    let set = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")));
    Ok(folder.context("neither XDG_CACHE_HOME nor HOME says where a cache may be")?.join("petitfour"))
}

/// FNV-1a: names a folder, guards nothing.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The library that moves a program's clock; Debian keeps it in a folder for each kind of machine.
fn faketime() -> Result<String> {
    let folders = || fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|entry| entry.path());
    let found = || folders().map(|folder| folder.join("faketime/libfaketime.so.1")).find(|file| file.is_file());
    if let Some(path) = found() {
        return Ok(format!("present    {}", path.display()));
    }
    say("libfaketime (Debian package faketime)", "a collector test lets the clock jump");
    apt("faketime")?;
    found().context("the package faketime left no library")?;
    Ok("installed  libfaketime".to_owned())
}

/// The version of Viceroy; `wasm-tests/support/fastly.mjs` looks for it in the same place.
const VICEROY: &str = "0.22.0";

/// Builds Viceroy into a folder of its own that survives the clone.
fn viceroy(workspace: &Workspace) -> Result<String> {
    let folder = cache()?.join(format!("viceroy-{VICEROY}"));
    let program = folder.join("bin/viceroy");
    if program.is_file() {
        return Ok(format!("present    {}", program.display()));
    }
    say(
        &format!("Viceroy {VICEROY} (cargo install viceroy; compiles for some fifteen minutes, once)"),
        "the tests run the guest of edge/fastly in it, as Fastly runs it",
    );
    let install = ["install", "viceroy", "--version", VICEROY, "--locked", "--root"];
    call(workspace.cargo().args(install).arg(&folder))?;
    Ok(format!("installed  {}", program.display()))
}

fn deny(workspace: &Workspace) -> Result<String> {
    if on_path("cargo-deny").is_some() {
        return Ok("present    cargo-deny".to_owned());
    }
    say(
        "cargo-deny (cargo install cargo-deny --locked; compiles for some minutes, once)",
        "`cargo xtask ci` checks licences, sources and advisories of the dependencies with it",
    );
    call(workspace.cargo().args(["install", "cargo-deny", "--locked"]))?;
    Ok("installed  cargo-deny".to_owned())
}

/// Installs a Debian package: as root, else through sudo where it asks no password, else says what to type.
fn apt(package: &str) -> Result<()> {
    let by_hand = format!("apt-get update && apt-get install -y {package}");
    if on_path("apt-get").is_none() {
        bail!("{package} is missing and this is not Debian or Ubuntu: install it with your package manager");
    }
    let root = quiet(Command::new("id").arg("-u")).is_ok_and(|uid| uid.trim() == "0");
    let sudo = !root && quiet(Command::new("sudo").args(["-n", "true"])).is_ok();
    if !root && !sudo {
        bail!("{package} is missing and this user may not install it; run: sudo sh -c '{by_hand}'");
    }
    let apt_get = |arguments: &[&str]| {
        let mut command = if sudo { Command::new("sudo") } else { Command::new("env") };
        command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]).args(arguments);
        command
    };
    // An old package list names versions that the mirror no longer has, so it is refreshed first.
    call(&mut apt_get(&["update"]))?;
    call(&mut apt_get(&["install", "-y", package])).with_context(|| format!("by hand: {by_hand}"))
}

fn say(what: &str, why: &str) {
    println!("▸ installing {what}\n  why: {why}");
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

fn has_files(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
}
