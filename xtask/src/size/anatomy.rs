//! What a wasm file is made of: bytes by section, and the largest functions by name.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Serialize;
use wasmparser::{BinaryReader, Name, NameSectionReader, Parser, Payload, TypeRef};

/// A named part of a module and its bytes.
#[derive(Serialize)]
pub struct Part {
    /// Section or function.
    pub name: String,
    /// Bytes in the file, before compression.
    pub bytes: usize,
}

/// Bytes by section, largest first.
///
/// # Errors
/// When the bytes are no wasm module.
pub fn sections(wasm: &[u8]) -> Result<Vec<Part>> {
    let mut parts = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        let name = match &payload {
            Payload::CodeSectionStart { range, .. } => {
                parts.push(Part { name: "code".to_owned(), bytes: range.len() });
                continue;
            }
            Payload::TypeSection(_) => "types".to_owned(),
            Payload::ImportSection(_) => "imports".to_owned(),
            Payload::FunctionSection(_) => "functions".to_owned(),
            Payload::TableSection(_) => "tables".to_owned(),
            Payload::MemorySection(_) => "memory".to_owned(),
            Payload::GlobalSection(_) => "globals".to_owned(),
            Payload::ExportSection(_) => "exports".to_owned(),
            Payload::ElementSection(_) => "elements".to_owned(),
            Payload::DataSection(_) => "data".to_owned(),
            Payload::CustomSection(custom) => format!("custom: {}", custom.name()),
            _ => continue,
        };
        if let Some((_, range)) = payload.as_section() {
            parts.push(Part { name, bytes: range.len() });
        }
    }
    parts.sort_by_key(|part| std::cmp::Reverse(part.bytes));
    Ok(parts)
}

/// The largest functions of a module that kept its names, largest first.
///
/// # Errors
/// When the bytes are no wasm module.
pub fn functions(wasm: &[u8], how_many: usize) -> Result<Vec<Part>> {
    let mut imported = 0;
    let mut bodies = Vec::new();
    let mut names = BTreeMap::new();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    imported += u32::from(matches!(import?.ty, TypeRef::Func(_)));
                }
            }
            Payload::CodeSectionEntry(body) => bodies.push(body.range().len()),
            Payload::CustomSection(custom) if custom.name() == "name" => {
                let reader = BinaryReader::new(custom.data(), custom.data_offset());
                for name in NameSectionReader::new(reader) {
                    if let Name::Function(map) = name? {
                        for naming in map {
                            let naming = naming?;
                            names.insert(naming.index, naming.name.to_owned());
                        }
                    }
                }
            }
            _ => {}
        }
    }
    let mut parts: Vec<Part> = (imported..)
        .zip(bodies)
        .map(|(index, bytes)| Part {
            name: names.remove(&index).map_or_else(|| format!("function {index}"), |name| readable(&name)),
            bytes,
        })
        .collect();
    parts.sort_by_key(|part| std::cmp::Reverse(part.bytes));
    parts.truncate(how_many);
    Ok(parts)
}

/// A demangled name without the hashes that tell crates and instances apart: `core[c5930c85a12de822]::fmt::write`,
/// `quicksort::hf32b114f3a373c59`.
fn readable(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    let mut rest = name;
    while let Some((before, after)) = rest.split_once('[') {
        text.push_str(before);
        match after.split_once(']') {
            Some((hash, tail)) if is_hash(hash) => rest = tail,
            _ => {
                text.push('[');
                rest = after;
            }
        }
    }
    text.push_str(rest);
    match text.rsplit_once("::h") {
        Some((path, hash)) if is_hash(hash) => path.to_owned(),
        _ => text,
    }
}

fn is_hash(text: &str) -> bool {
    (12..=16).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_hashes_and_nothing_else() {
        for (mangled, plain) in [
            ("<&str as core[c5930c85a12de822]::fmt::Display>::fmt", "<&str as core::fmt::Display>::fmt"),
            ("core::slice::sort::quicksort::hf32b114f3a373c59", "core::slice::sort::quicksort"),
            ("<[u8; 4] as petitfour::Codec>::hash", "<[u8; 4] as petitfour::Codec>::hash"),
            ("session_restore multivalue shim", "session_restore multivalue shim"),
        ] {
            assert_eq!(readable(mangled), plain);
        }
    }

    #[test]
    fn the_smallest_module_has_no_sections_and_no_functions() {
        let empty = b"\0asm\x01\0\0\0";
        assert!(sections(empty).is_ok_and(|parts| parts.is_empty()));
        assert!(functions(empty, 15).is_ok_and(|parts| parts.is_empty()));
    }
}
