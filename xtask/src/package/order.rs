//! The order of a module's functions: kin stand side by side.
//!
//! Brotli writes what it has seen a moment ago in fewer bits than what it has seen long ago, and counts the letters of stretches. So
//! functions that have byte sequences in common follow one another, by a few measures of what they have in common, and the order that
//! comes out smallest is taken. Nothing else of the module changes.

use std::collections::HashMap;

use anyhow::{Context, Result};
use wasm_encoder::{
    CodeSection, FunctionSection, Module,
    reencode::{Error, Reencode},
};
use wasmparser::{CodeSectionReader, FunctionSectionReader, Parser, Payload, TypeRef};

use crate::size;

/// Lengths of the sequences that are counted.
const LENGTHS: [usize; 6] = [2, 3, 4, 5, 6, 8];

/// How many sequences two functions have in common, set against how many each of them has.
type Measure = fn(f64, f64, f64) -> f64;
const MEASURES: [Measure; 2] = [|common, last, next| common / (last * next).sqrt(), |common, _, next| common / next];

/// A module with its functions in the order that takes the fewest bytes after brotli.
///
/// # Errors
/// When the module cannot be read.
pub fn arrange(wasm: &[u8]) -> Result<Vec<u8>> {
    let (imported, bodies) = functions(wasm)?;
    let mut best = wasm.to_vec();
    let mut least = size::brotli(&best);
    for length in LENGTHS {
        let common = common(&bodies, length);
        for measure in MEASURES {
            let written = write(wasm, Order::new(imported, chain(&common, measure)))?;
            let bytes = size::brotli(&written);
            if bytes < least {
                (best, least) = (written, bytes);
            }
        }
    }
    Ok(best)
}

/// How many functions are imported, and the bodies of the others.
fn functions(wasm: &[u8]) -> Result<(u32, Vec<&[u8]>)> {
    let (mut imported, mut bodies) = (0, Vec::new());
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    imported += u32::from(matches!(import?.ty, TypeRef::Func(_)));
                }
            }
            Payload::CodeSectionEntry(body) => bodies.push(wasm.get(body.range()).context("a function lies outside")?),
            _ => {}
        }
    }
    Ok((imported, bodies))
}

/// How many sequences of that length each function has in common with each, and with itself: how many it has.
fn common(bodies: &[&[u8]], length: usize) -> Vec<Vec<u32>> {
    let mut holders: HashMap<&[u8], Vec<usize>> = HashMap::new();
    for (place, body) in bodies.iter().enumerate() {
        for sequence in body.windows(length) {
            let holders = holders.entry(sequence).or_default();
            if holders.last() != Some(&place) {
                holders.push(place);
            }
        }
    }
    let mut table = vec![vec![0; bodies.len()]; bodies.len()];
    for holders in holders.values() {
        for row in holders {
            let Some(row) = table.get_mut(*row) else { continue };
            for place in holders {
                if let Some(count) = row.get_mut(*place) {
                    *count += 1;
                }
            }
        }
    }
    table
}

/// The first function, then each time the one that has the most in common with the last.
fn chain(common: &[Vec<u32>], measure: Measure) -> Vec<usize> {
    let count =
        |one: usize, other: usize| f64::from(common.get(one).and_then(|row| row.get(other)).copied().unwrap_or(0));
    let mut left: Vec<usize> = (1..common.len()).collect();
    let mut order = vec![0];
    while let Some(last) = order.last().copied() {
        let near = |next: &usize| measure(count(last, *next), count(last, last), count(*next, *next).max(1.0));
        // Of equals the first, so that the same module always comes to the same order.
        let nearest = left.iter().map(near).enumerate().reduce(|best, next| if next.1 > best.1 { next } else { best });
        let Some((place, _)) = nearest else { break };
        order.push(left.remove(place));
    }
    order
}

/// Writes a module with its functions in another order.
struct Order {
    imported: u32,
    /// The functions, by where they stood.
    places: Vec<usize>,
    /// Where each function stands now, by where it stood.
    moved: Vec<u32>,
}

impl Order {
    fn new(imported: u32, places: Vec<usize>) -> Self {
        let mut moved = vec![0; places.len()];
        for (now, was) in (imported..).zip(&places) {
            if let Some(slot) = moved.get_mut(*was) {
                *slot = now;
            }
        }
        Self { imported, places, moved }
    }
}

impl Reencode for Order {
    type Error = std::convert::Infallible;

    fn function_index(&mut self, function: u32) -> Result<u32, Error<Self::Error>> {
        let own = function.checked_sub(self.imported).and_then(|own| self.moved.get(own as usize));
        Ok(own.copied().unwrap_or(function))
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: FunctionSectionReader<'_>,
    ) -> Result<(), Error<Self::Error>> {
        let types = section.into_iter().collect::<Result<Vec<u32>, _>>()?;
        for kind in self.places.iter().filter_map(|place| types.get(*place)) {
            functions.function(*kind);
        }
        Ok(())
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        section: CodeSectionReader<'_>,
    ) -> Result<(), Error<Self::Error>> {
        let bodies = section.into_iter().collect::<Result<Vec<_>, _>>()?;
        for place in self.places.clone() {
            if let Some(body) = bodies.get(place) {
                self.parse_function_body(code, body.clone())?;
            }
        }
        Ok(())
    }
}

fn write(wasm: &[u8], mut order: Order) -> Result<Vec<u8>> {
    let mut module = Module::new();
    order.parse_core_module(&mut module, Parser::new(0), wasm)?;
    Ok(module.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_encoder::{ExportKind, ExportSection, Function, TypeSection};

    /// Functions that answer a number each; the last calls the one before it, and is exported.
    fn module(numbers: &[i32]) -> Vec<u8> {
        let mut module = Module::new();
        let mut types = TypeSection::new();
        types.ty().function([], [wasm_encoder::ValType::I32]);
        let (mut functions, mut exports, mut code) = (FunctionSection::new(), ExportSection::new(), CodeSection::new());
        for number in numbers {
            functions.function(0);
            let mut body = Function::new([]);
            body.instructions().i32_const(*number).end();
            code.function(&body);
        }
        functions.function(0);
        let mut body = Function::new([]);
        body.instructions().call(numbers.len() as u32 - 1).end();
        code.function(&body);
        exports.export("last", ExportKind::Func, numbers.len() as u32);
        module.section(&types).section(&functions).section(&exports).section(&code);
        module.finish()
    }

    #[test]
    fn calls_and_exports_follow_the_functions_that_move() -> Result<()> {
        let written = write(&module(&[7, 8, 9]), Order::new(0, vec![2, 3, 0, 1]))?;
        let (_, bodies) = functions(&written)?;
        // No locals; `i32.const`, its number and `end`, or `call`, its function and `end`.
        assert_eq!(bodies, [[0, 0x41, 9, 0x0b], [0, 0x10, 0, 0x0b], [0, 0x41, 7, 0x0b], [0, 0x41, 8, 0x0b]]);
        for payload in Parser::new(0).parse_all(&written) {
            if let Payload::ExportSection(section) = payload? {
                let exports = section.into_iter().map(|export| Ok(export?.index)).collect::<Result<Vec<_>>>()?;
                assert_eq!(exports, [1]);
            }
        }
        Ok(())
    }

    #[test]
    fn kin_stand_side_by_side() {
        let bodies: [&[u8]; 4] = [b"abcd", b"wxyz", b"abce", b"wxyv"];
        let common = common(&bodies, 2);
        assert_eq!(common[0], [3, 0, 2, 0]);
        assert_eq!(chain(&common, |common, _, _| common), [0, 2, 1, 3]);
    }
}
