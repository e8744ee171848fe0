//! The JavaScript of the engine's module: `glue.js` beside this file, with the table of the calls that wasm-bindgen found.
//!
//! wasm-bindgen writes a function for each call, some three kilobytes of what every visitor downloads after brotli; nearly
//! all of them do the same. Only what this module needs is known here, and anything else is refused when it is built: another
//! kind of argument, another import. Exports get numbers for names in the same go.

use std::path::Path;

use anyhow::{Context, Result, bail};
use walrus::Module;

/// Exports that nobody calls. All but the first three are of a table of JavaScript's objects, and no call has one.
const UNUSED: [&str; 6] = [
    "__wbindgen_realloc",
    "__abort_handler",
    "__instance_terminated",
    "__wbindgen_externrefs",
    "__externref_table_dealloc",
    "__wbindgen_start",
];

/// One call.
#[derive(Debug, PartialEq, Eq)]
struct Call {
    name: String,
    row: String,
}

/// Rewrites the wasm that wasm-bindgen left and answers it with its JavaScript; `types` is the declaration that it wrote.
///
/// # Errors
/// When something is found that `glue.js` cannot do.
pub fn shrink(wasm: &[u8], types: &Path) -> Result<(Vec<u8>, String)> {
    let types = std::fs::read_to_string(types).context("wasm-bindgen wrote no types")?;
    let calls = calls(&types)?;
    let mut module = Module::from_buffer(wasm)?;
    let mut exports: Vec<_> = module.exports.iter().map(|export| (export.id(), export.name.clone())).collect();
    for (place, call) in calls.iter().enumerate() {
        let wanted = format!("session_{}", call.name);
        let at = exports.iter().position(|(_, name)| *name == wanted);
        let (id, _) = exports.swap_remove(at.with_context(|| format!("the module exports no {wanted}"))?);
        module.exports.get_mut(id).name = format!("@{place}");
    }
    for (id, name) in exports {
        if UNUSED.contains(&name.as_str()) {
            module.exports.delete(id);
        } else if name.starts_with("session_") {
            bail!("{name} is exported and not in the types that wasm-bindgen wrote");
        }
    }
    walrus::passes::gc::run(&mut module);
    let mut throw = None;
    for import in module.imports.iter() {
        if !import.name.starts_with("__wbg___wbindgen_throw_") || throw.is_some() {
            bail!("the module imports {}, which xtask/src/package/glue.js does not have", import.name);
        }
        throw = Some(import.name.clone());
    }
    let rows: Vec<_> = calls.into_iter().map(|call| call.row).collect();
    let glue = include_str!("glue.js")
        .replace("@CALLS@", &rows.join(","))
        .replace("@THROW@", &throw.context("the module imports no way to say that it has stopped")?);
    Ok((module.emit_wasm(), glue))
}

/// Numbers that a call without text and bytes passes on.
const NUMBERS: usize = 5;

/// The calls of `Session` in a declaration of wasm-bindgen's, in its order.
fn calls(types: &str) -> Result<Vec<Call>> {
    let body = types.split_once("export class Session {").context("the module has no Session")?.1;
    let body = body.split_once("\n}").context("the types of Session do not end")?.0;
    let mut calls = Vec::new();
    for line in body.lines().map(str::trim) {
        let Some((head, answer)) = line.strip_suffix(';').and_then(|line| line.rsplit_once("): ")) else { continue };
        let Some((name, given)) = head.split_once('(') else { continue };
        if matches!(name, "free" | "[Symbol.dispose]") {
            continue;
        }
        let (owner, name) = name.strip_prefix("static ").map_or(("", name), |name| (" s", name));
        let kinds = given.split(", ").filter(|argument| !argument.is_empty()).map(|argument| {
            let (_, kind) = argument.split_once(": ").with_context(|| format!("{name}: {argument} has no type"))?;
            Ok(match kind {
                "number" | "boolean" => 'n',
                "string" => 's',
                "Uint8Array" | "Uint8Array | number[]" => 'b',
                _ => bail!("{name} takes a {kind}, which xtask/src/package/glue.js does not know"),
            })
        });
        let kinds: String = kinds.collect::<Result<_>>()?;
        if kinds.len() > NUMBERS && kinds.bytes().all(|kind| kind == b'n') {
            bail!("{name} takes {} numbers, of which xtask/src/package/glue.js passes {NUMBERS} on", kinds.len());
        }
        let lifted = match answer {
            "number" | "void" => 'n',
            "boolean" => 't',
            "string" => 's',
            "Uint8Array" => 'b',
            "Session" | "Session | undefined" => 'o',
            _ => bail!("{name} answers a {answer}, which xtask/src/package/glue.js does not know"),
        };
        calls.push(Call { name: name.to_owned(), row: format!("{name} {kinds} {lifted}{owner}") });
    }
    Ok(calls)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPES: &str = "/* tslint:disable */
export class Session {
    free(): void;
    [Symbol.dispose](): void;
    /**
     * Takes in (a note): it says so.
     */
    absorb(note: Uint8Array, now: number): string;
    static open(bundle: Uint8Array, seed: Uint8Array): Session | undefined;
    flush(): void;
    private constructor();
}
export function other(): void;
";

    #[test]
    fn each_call_gets_a_row_in_the_order_of_the_types() -> Result<()> {
        let rows: Vec<_> = calls(TYPES)?.into_iter().map(|call| call.row).collect();
        assert_eq!(rows, ["absorb bn s", "open bb o s", "flush  n"]);
        Ok(())
    }

    #[test]
    fn what_the_table_cannot_say_is_refused_by_name() {
        let error = calls(&TYPES.replace("note: Uint8Array", "note: Date")).map_err(|error| error.to_string());
        assert_eq!(error, Err("absorb takes a Date, which xtask/src/package/glue.js does not know".to_owned()));
        let six = "a: number, b: number, c: number, d: number, e: number, f: number";
        let error = calls(&TYPES.replace("note: Uint8Array, now: number", six)).map_err(|error| error.to_string());
        assert_eq!(error, Err("absorb takes 6 numbers, of which xtask/src/package/glue.js passes 5 on".to_owned()));
    }
}
