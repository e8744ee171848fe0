//! Lines: a partner's file as records with names, whatever it is written as.
//!
//! Memory is bounded by a line, not by the file: what is packed is unpacked as it is read, and a line that does not end
//! ends the reading. Which of the two forms a file has shows in its first byte: lines of JSON begin with a brace.

use std::{
    collections::BTreeMap,
    fmt,
    io::{self, BufRead, BufReader, Read},
};

use flate2::bufread::MultiGzDecoder;
use serde_json::Value;

/// Longest line. Exposure logs have a few hundred bytes a line.
const LINE: usize = 64 * 1024;

/// A line that was read: values by the names of their columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record(BTreeMap<String, String>);

/// A line that was not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Its number, from 1; the header counts.
    pub line: u64,
    /// Why: a stable code.
    pub code: &'static str,
}

/// Rows and faults of a whole file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<T> {
    /// What was read.
    pub rows: Vec<T>,
    /// What was not.
    pub faults: Vec<Fault>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.code)
    }
}

impl Record {
    /// A value, trimmed; none when it is missing or empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|text| text.trim()).filter(|text| !text.is_empty())
    }
}

/// Reads a file and hands every record to `parse`; what comes back goes to `each`, faults among it.
///
/// # Errors
/// When the file cannot be read further: a disk, a broken archive, a line without an end. What was handed on before counts.
pub fn read<T>(
    file: impl Read,
    parse: impl Fn(&Record) -> Result<T, &'static str>,
    mut each: impl FnMut(Result<T, Fault>),
) -> io::Result<()> {
    let mut packed = BufReader::new(file);
    if packed.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
        records(BufReader::new(MultiGzDecoder::new(packed)), |line, record| {
            each(record.and_then(|record| parse(&record)).map_err(|code| Fault { line, code }));
        })
    } else {
        records(packed, |line, record| {
            each(record.and_then(|record| parse(&record)).map_err(|code| Fault { line, code }));
        })
    }
}

/// As [`read`], all at once: for files that fit.
///
/// # Errors
/// As [`read`].
pub fn collect<T>(file: impl Read, parse: impl Fn(&Record) -> Result<T, &'static str>) -> io::Result<Found<T>> {
    let mut found = Found { rows: Vec::new(), faults: Vec::new() };
    read(file, parse, |read| match read {
        Ok(row) => found.rows.push(row),
        Err(fault) => found.faults.push(fault),
    })?;
    Ok(found)
}

fn records(mut file: impl BufRead, mut each: impl FnMut(u64, Result<Record, &'static str>)) -> io::Result<()> {
    let (mut number, mut line, mut header) = (0, Vec::new(), None::<Vec<String>>);
    let mut json = None;
    while next(&mut file, &mut line)? {
        number += 1;
        let Ok(text) = std::str::from_utf8(&line) else {
            each(number, Err("line/encoding"));
            continue;
        };
        let text = text.trim_start_matches('\u{feff}').trim_end_matches(['\r', '\n']);
        if text.trim().is_empty() || text.starts_with('#') {
            continue;
        }
        let json = *json.get_or_insert_with(|| text.trim_start().starts_with('{'));
        if json {
            each(number, object(text).ok_or("line/json"));
            continue;
        }
        match (&header, cells(text)) {
            (_, None) => each(number, Err("line/quotes")),
            (None, Some(names)) => {
                header = Some(names.iter().map(|name| name.trim().to_ascii_lowercase()).collect());
            }
            (Some(names), Some(cells)) if names.len() == cells.len() => {
                each(number, Ok(Record(names.iter().cloned().zip(cells).collect())));
            }
            (Some(_), Some(_)) => each(number, Err("line/columns")),
        }
    }
    Ok(())
}

/// The next line; false at the end.
fn next(file: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let read = file.by_ref().take(LINE as u64 + 1).read_until(b'\n', line)?;
    if read > LINE {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a line is longer than 64 KiB"));
    }
    Ok(read > 0)
}

/// The values of an object that are texts, numbers or truths.
fn object(text: &str) -> Option<Record> {
    let Value::Object(object) = serde_json::from_str(text).ok()? else { return None };
    let plain = object.into_iter().filter_map(|(name, value)| {
        let text = match value {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            Value::Bool(truth) => truth.to_string(),
            _ => return None,
        };
        Some((name.to_ascii_lowercase(), text))
    });
    Some(Record(plain.collect()))
}

/// The cells of a line of CSV (RFC 4180); a quoted cell ends in its line.
fn cells(text: &str) -> Option<Vec<String>> {
    let (mut cells, mut letters) = (Vec::new(), text.chars().peekable());
    loop {
        let mut cell = String::new();
        if letters.next_if_eq(&'"').is_some() {
            loop {
                match letters.next()? {
                    '"' if letters.next_if_eq(&'"').is_some() => cell.push('"'),
                    '"' => break,
                    letter => cell.push(letter),
                }
            }
            // Nothing stands between the closing quote and the comma.
            if letters.peek().is_some_and(|letter| *letter != ',') {
                return None;
            }
        } else {
            while let Some(letter) = letters.next_if(|letter| *letter != ',') {
                cell.push(letter);
            }
        }
        cells.push(cell);
        if letters.next().is_none() {
            return Some(cells);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn ids(file: &[u8]) -> (Vec<String>, Vec<String>) {
        let read = collect(file, |record| record.get("id").map(str::to_owned).ok_or("test/id")).unwrap();
        (read.rows, read.faults.iter().map(Fault::to_string).collect())
    }

    #[test]
    fn csv_and_lines_of_json_packed_or_not_read_alike() {
        let csv = b"\xef\xbb\xbfID,what\r\n# a remark\r\na,\"x, \"\"y\"\"\"\r\n\r\nb,z\r\n";
        let json = b"{\"id\": \"a\"}\n{\"ID\": \"b\", \"list\": [1]}\n";
        for file in [&csv[..], &json[..]] {
            let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            packed.write_all(file).unwrap();
            assert_eq!(ids(file), (vec!["a".to_owned(), "b".to_owned()], vec![]));
            assert_eq!(ids(&packed.finish().unwrap()), ids(file));
        }
    }

    #[test]
    fn a_line_that_does_not_read_is_named_and_the_others_count() {
        let (rows, faults) = ids(b"id,what\na,1\nb\n\"c\"d,1\n\xff,1\n,1\ne,1\n");
        assert_eq!(rows, ["a", "e"]);
        assert_eq!(faults, ["line 3: line/columns", "line 4: line/quotes", "line 5: line/encoding", "line 6: test/id"]);
    }

    #[test]
    fn a_line_without_an_end_ends_the_reading_and_fills_no_memory() {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        for _ in 0..100 {
            packed.write_all(&[b'a'; 1024 * 1024]).unwrap();
        }
        let packed = packed.finish().unwrap();
        assert!(collect(packed.as_slice(), |_| Ok(())).is_err());
    }
}
