//! One wasm module: compiled, bound to JavaScript, optimised, stripped.
//!
//! The order matters. Stripping before wasm-bindgen would lose the `target_features` section that it reads; LTO only
//! happens because the crate is compiled as a cdylib and nothing else (cargo#9672). wasm-opt is the slow part, so its
//! answer is kept beside its input and used again while the input stays the same.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

use super::{glue, order};
use crate::{
    step::{quiet, run},
    workspace::Workspace,
};

const TRIPLE: &str = "wasm32-unknown-unknown";

/// What the compiled module may use: the features of rustc's baseline for this target, and SIMD. In every browser
/// engine since 2023.
const FEATURES: [&str; 7] = [
    "--enable-simd",
    "--enable-bulk-memory",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
    "--enable-mutable-globals",
    "--enable-reference-types",
    "--enable-multivalue",
];

/// How a package is built.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// As shipped.
    Release,
    /// Quick, with names.
    Dev,
}

/// One of the three modules of the crate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Module {
    /// What every visitor downloads: numbers and bytes.
    Engine,
    /// Explain, profile and inspect as JavaScript objects, loaded on demand.
    Lens,
    /// Consent strings and identifiers to bits and digests, loaded on demand.
    Reader,
}

impl Module {
    /// All of them, in the order of building.
    pub const ALL: [Self; 3] = [Self::Engine, Self::Lens, Self::Reader];

    /// The name of a step that builds it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Engine => "wasm module for every visitor",
            Self::Lens => "wasm module of the lens",
            Self::Reader => "wasm module of the reader",
        }
    }

    /// The stem of its files.
    pub fn stem(self) -> &'static str {
        match self {
            Self::Engine => "petitfour",
            Self::Lens => "petitfour_lens",
            Self::Reader => "petitfour_reader",
        }
    }

    /// The file name of its wasm.
    pub fn wasm(self) -> String {
        format!("{}_bg.wasm", self.stem())
    }

    /// How wasm-opt shapes it. After brotli the levels lie within a few hundred bytes of each other for the engine
    /// (`cargo xtask size --tune` prints them), so it gets the one that optimises for speed; the others are seldom loaded
    /// and get the smallest.
    pub fn level(self) -> &'static str {
        match self {
            Self::Engine => "-O3",
            Self::Lens | Self::Reader => "-Oz",
        }
    }

    /// What becomes of its functions' names, and with them of their order: what is loaded on demand is not worth the minute.
    fn names(self) -> Names {
        match self {
            Self::Engine => Names::Arranged,
            Self::Lens | Self::Reader => Names::Stripped,
        }
    }

    /// Builds the module and writes its JavaScript and wasm into `stage`.
    ///
    /// # Errors
    /// When a tool fails.
    pub fn emit(self, workspace: &Workspace, shape: Shape, stage: &Path) -> Result<()> {
        let compiled = self.compile(workspace, shape, &[])?;
        let bound = self.bind(workspace, &compiled, shape, stage)?;
        let finished = match shape {
            Shape::Dev => bound,
            Shape::Release => optimise(workspace, &bound, self.stem(), self.level(), self.names())?,
        };
        fs::write(stage.join(self.wasm()), finished)?;
        Ok(())
    }

    /// Compiles the crate to a wasm file; `extra` are further arguments of Cargo.
    ///
    /// # Errors
    /// When Cargo fails.
    pub fn compile(self, workspace: &Workspace, shape: Shape, extra: &[String]) -> Result<PathBuf> {
        let (profile, folder) = match shape {
            Shape::Release => ("wasm", "wasm"),
            Shape::Dev => ("dev", "debug"),
        };
        let mut cargo = workspace.cargo();
        cargo.args(["rustc", "--quiet", "--package", "petitfour", "--lib", "--crate-type", "cdylib"]);
        cargo.args(["--target", TRIPLE, "--profile", profile]).args(extra);
        // Cargo keeps builds with different flags apart by itself, but all modules end in one file name.
        cargo.arg("--target-dir").arg(self.build(workspace));
        self.flags(&mut cargo);
        run(&mut cargo)?;
        Ok(self.build(workspace).join(TRIPLE).join(folder).join("petitfour.wasm"))
    }

    /// Adds to a call of Cargo what makes it compile this module and no other.
    pub fn flags(self, cargo: &mut Command) {
        if let Some(cfg) = self.cfg() {
            // Joined to the flags in .cargo/config.toml, where RUSTFLAGS would replace them.
            cargo.args(["--config", &format!("target.{TRIPLE}.rustflags=[\"--cfg={cfg}\"]")]);
        }
    }

    fn cfg(self) -> Option<&'static str> {
        match self {
            Self::Engine => None,
            Self::Lens => Some("petitfour_lens"),
            Self::Reader => Some("petitfour_reader"),
        }
    }

    fn build(self, workspace: &Workspace) -> PathBuf {
        match self {
            Self::Engine => workspace.build().to_owned(),
            Self::Lens => workspace.build().join("lens"),
            Self::Reader => workspace.build().join("reader"),
        }
    }

    /// Runs wasm-bindgen: the JavaScript goes to `stage`, the wasm comes back.
    ///
    /// # Errors
    /// When the module exports nothing that wasm-bindgen knows, or versions differ.
    pub fn bind(self, workspace: &Workspace, compiled: &Path, shape: Shape, stage: &Path) -> Result<Vec<u8>> {
        let folder = tempfile::tempdir_in(workspace.results())?;
        Bindgen::new()
            .input_path(compiled)
            .web(true)?
            .typescript(false)
            .out_name(self.stem())
            // Names are stripped after wasm-opt; `size` wants to read them before.
            .remove_name_section(false)
            .remove_producers_section(true)
            .keep_debug(shape == Shape::Dev)
            .generate(folder.path())
            .with_context(|| format!("wasm-bindgen on {}", compiled.display()))?;
        let glue = format!("{}.js", self.stem());
        if self == Self::Engine {
            let session = fs::read_to_string(workspace.root().join("src/js/session.rs"))?;
            let (wasm, script) = glue::shrink(&fs::read(folder.path().join(self.wasm()))?, &session)?;
            fs::write(stage.join(&glue), script)?;
            return Ok(wasm);
        }
        fs::copy(folder.path().join(&glue), stage.join(&glue)).context("wasm-bindgen wrote no JavaScript")?;
        Ok(fs::read(folder.path().join(self.wasm()))?)
    }
}

/// Whether the function names stay in the module.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// As shipped.
    Stripped,
    /// As shipped to every visitor: stripped, and the functions in the order that takes the fewest bytes.
    Arranged,
    /// For `size`, which says what takes the most.
    Kept,
}

/// Runs wasm-opt, or takes its last answer when the input and the arguments are the same.
///
/// # Errors
/// When wasm-opt refuses the module.
pub fn optimise(workspace: &Workspace, wasm: &[u8], label: &str, level: &str, names: Names) -> Result<Vec<u8>> {
    let folder = workspace.results().join("wasm-opt");
    fs::create_dir_all(&folder)?;
    let kind = match names {
        Names::Stripped => "stripped",
        Names::Arranged => "arranged",
        Names::Kept => "named",
    };
    let stem = format!("{label}{level}.{kind}");
    let [before, optimised, after] =
        ["before", "optimised", "after"].map(|which| folder.join(format!("{stem}.{which}.wasm")));
    if fs::read(&before).is_ok_and(|input| input == wasm)
        && let Ok(answer) = fs::read(&after)
    {
        return Ok(answer);
    }
    // The old answer goes first: interrupted between the two writes, nothing stale must look finished.
    let _ = fs::remove_file(&after);
    fs::write(&before, wasm)?;
    let mut wasm_opt = workspace.node();
    wasm_opt.arg(workspace.node_module("binaryen/bin/wasm-opt")).arg(&before).arg("-o").arg(&optimised);
    // Control flow is laid out anew first, as the compiler's blocks leave more branches than it takes; and functions stand by
    // name, so that brotli finds kin close by: 271 bytes of the engine's module. Then until nothing gets smaller any more.
    // Below the first kilobyte lies the far end of the stack, which nothing points to, so an offset may move into the load that
    // uses it: 217 bytes.
    wasm_opt.args(["-Os", "--flatten", "--rereloop"]).arg(level);
    wasm_opt.args(["--converge", "--low-memory-unused", "--reorder-functions-by-name"]);
    wasm_opt.args(FEATURES).args(["--strip-producers", "--strip-target-features"]);
    match names {
        Names::Stripped | Names::Arranged => wasm_opt.arg("--strip-debug"),
        Names::Kept => wasm_opt.arg("--debuginfo"),
    };
    if env::var_os("PETITFOUR_VERBOSE").is_some() {
        println!("  {}", crate::step::shown(&wasm_opt));
    }
    quiet(&mut wasm_opt)?;
    let answer = match names {
        Names::Arranged => order::arrange(&fs::read(optimised)?)?,
        Names::Stripped | Names::Kept => fs::read(optimised)?,
    };
    fs::write(after, &answer)?;
    Ok(answer)
}
