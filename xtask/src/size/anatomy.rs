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
        .map(|(index, bytes)| Part { name: names.remove(&index).unwrap_or_else(|| format!("function {index}")), bytes })
        .collect();
    parts.sort_by_key(|part| std::cmp::Reverse(part.bytes));
    parts.truncate(how_many);
    Ok(parts)
}
