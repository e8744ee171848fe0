//! The JavaScript of the engine's module: `glue.js` beside this file, with the table of the calls that `src/js/session.rs` tells of.
//!
//! wasm-bindgen writes a function for each call, some three kilobytes of what every visitor downloads after brotli; nearly
//! all of them do the same. Only what this module needs is known here, and anything else is refused when it is built: another
//! kind of argument, another export, another import. What the module exports and imports gets one letter for a name in the same go.

use anyhow::{Context, Result, bail};
use walrus::Module;

/// Exports that `glue.js` calls, with the letters that they get.
const EXPORTS: [(&str, &str); 11] = [
    ("session_open", "o"),
    ("session_fault", "f"),
    ("session_sibling", "s"),
    ("session_decide", "d"),
    ("session_poll", "p"),
    ("session_number", "n"),
    ("session_take", "t"),
    ("session_bytes", "b"),
    ("__wbg_session_free", "x"),
    ("__wbindgen_malloc", "a"),
    ("__wbindgen_free", "e"),
];

/// Exports that nobody calls. All but the first three are of a table of JavaScript's objects, and no call has one.
const UNUSED: [&str; 6] = [
    "__wbindgen_realloc",
    "__abort_handler",
    "__instance_terminated",
    "__wbindgen_externrefs",
    "__externref_table_dealloc",
    "__wbindgen_start",
];

/// The module and the name that the one import comes from, in as many letters.
const FROM: &str = "p";
const THROW: &str = "t";

/// Rewrites the wasm that wasm-bindgen left and answers it with its JavaScript; `source` is that of the session.
///
/// # Errors
/// When something is found that `glue.js` cannot do.
pub fn shrink(wasm: &[u8], source: &str) -> Result<(Vec<u8>, String)> {
    let mut module = Module::from_buffer(wasm)?;
    let mut glue = include_str!("glue.js").replace("@CALLS@", &calls(source)?);
    let mut exports: Vec<_> = module.exports.iter().map(|export| (export.id(), export.name.clone())).collect();
    for (name, letter) in EXPORTS {
        let at = exports.iter().position(|(_, export)| export == name);
        let (id, _) = exports.swap_remove(at.with_context(|| format!("the module exports no {name}"))?);
        module.exports.get_mut(id).name = letter.to_owned();
        glue = glue.replace(&format!("wasm.{name}"), &format!("wasm.{letter}"));
    }
    for (id, name) in exports {
        if UNUSED.contains(&name.as_str()) {
            module.exports.delete(id);
        } else if name.starts_with("session_") {
            bail!(
                "{name} is exported by itself: give it an arm in `number` or `bytes` of src/js/session.rs, or a place in xtask/src/package/glue.js"
            );
        }
    }
    walrus::passes::gc::run(&mut module);
    let imports: Vec<_> = module.imports.iter().map(|import| (import.id(), import.name.clone())).collect();
    if imports.len() != 1 {
        bail!("the module imports {} things, and xtask/src/package/glue.js has one", imports.len());
    }
    for (id, name) in imports {
        if !name.starts_with("__wbg___wbindgen_throw_") {
            bail!("the module imports {name}, which xtask/src/package/glue.js does not have");
        }
        let import = module.imports.get_mut(id);
        (import.module, import.name) = (FROM.to_owned(), THROW.to_owned());
    }
    Ok((module.emit_wasm(), glue.replace("@FROM@", FROM).replace("@THROW@", THROW)))
}

/// The table of `glue.js`: calls as the comments above the arms in `source` tell of them, each export's in a list of its own.
fn calls(source: &str) -> Result<String> {
    let mut lists = Vec::new();
    for export in ["number", "take", "bytes"] {
        let body =
            source.split_once(&format!("pub fn {export}(")).with_context(|| format!("no {export} in the session"))?.1;
        let body = body.split_once("\n    }").with_context(|| format!("{export} does not end"))?.0;
        let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
        let mut place = 0;
        let mut lines = body.lines().map(str::trim).peekable();
        while let Some(line) = lines.next() {
            let Some((name, kind)) = line.strip_prefix("// ").map(|line| call(line, export)).transpose()?.flatten()
            else {
                continue;
            };
            let arm = lines.peek().copied().unwrap_or_default();
            if !arm.starts_with(&format!("{place} ")) && !arm.starts_with("_ =>") {
                bail!("{name} is call {place} of {export}, and the arm below it is {arm}");
            }
            place += 1;
            match groups.last_mut() {
                Some((last, names)) if *last == kind => names.push(name),
                _ => groups.push((kind, vec![name])),
            }
        }
        let groups = groups.into_iter().map(|(kind, names)| format!("{kind} {}", names.join(" ")));
        lists.push(groups.collect::<Vec<_>>().join(","));
    }
    Ok(lists.join(";"))
}

/// The name of a call and its kind, of a comment such as `intern(attribute: number, text: string): number`; other comments are none.
fn call<'a>(comment: &'a str, export: &str) -> Result<Option<(&'a str, String)>> {
    let Some((head, answer)) = comment.rsplit_once("): ") else { return Ok(None) };
    let Some((name, given)) = head.split_once('(') else { return Ok(None) };
    if name.contains(' ') {
        return Ok(None);
    }
    let lifted = match (export, answer) {
        ("number", "number" | "void") => 'n',
        ("number", "boolean") => 't',
        ("take" | "bytes", "string") => 's',
        ("bytes", "Uint8Array") => 'b',
        ("take", "boolean") => 'y',
        _ => bail!("{name} answers a {answer}, which {export} of the session does not"),
    };
    let mut kind = lifted.to_string();
    for argument in given.split(", ").filter(|argument| !argument.is_empty()) {
        let (_, of) = argument.split_once(": ").with_context(|| format!("{name}: {argument} has no type"))?;
        kind.push(match (export, of) {
            (_, "number" | "boolean") => 'n',
            ("number", "string") => 's',
            // Bytes are all that it takes but numbers, and come first.
            ("take", "Uint8Array") if kind.len() == 1 => continue,
            _ => bail!("{name} takes a {of}, which {export} of the session does not"),
        });
    }
    // Numbers that come last need not be told.
    let told = kind.trim_end_matches('n').len().max(1);
    kind.truncate(told);
    Ok(Some((name, kind)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "
    pub fn number(&mut self) -> f64 {
        match call {
            // Where it stands (or not): it says so.
            // attribute(name: string): number
            0 => 1.0,
            // intern(attribute: number, text: string): number
            1 => 1.0,
            // hold(holds: boolean, now: number): void
            2 => {
                0.0
            }
            // flush(): void
            _ => 0.0,
        }
    }

    pub fn take(&mut self) -> Vec<u8> {
        match call {
            // absorb(note: Uint8Array, now: number): string
            0 => 1,
            // received(message: Uint8Array): boolean
            1 if known => 1,
            _ => 1,
        }
    }

    pub fn bytes(&mut self) -> Vec<u8> {
        match call {
            // snapshot(): Uint8Array
            _ => 1,
        }
    }
";

    #[test]
    fn each_call_has_its_number_by_its_place() -> Result<()> {
        assert_eq!(calls(SOURCE)?, "ns attribute,nns intern,n hold flush;s absorb,y received;b snapshot");
        Ok(())
    }

    #[test]
    fn what_the_table_cannot_say_is_refused_by_name() {
        let error = |from, to| calls(&SOURCE.replace(from, to)).map_err(|error| error.to_string());
        assert_eq!(
            error("note: Uint8Array", "note: Date"),
            Err("absorb takes a Date, which take of the session does not".to_owned())
        );
        assert_eq!(
            error("text: string): number", "text: string): string"),
            Err("intern answers a string, which number of the session does not".to_owned())
        );
        assert_eq!(
            error("1 => 1.0", "2 => 1.0"),
            Err("intern is call 1 of number, and the arm below it is 2 => 1.0,".to_owned())
        );
    }
}
