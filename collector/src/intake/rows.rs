//! The rows of a file, CSV or NDJSON, compressed or not: each with the line that it stands on.
//!
//! A file is read as a stream, so its size does not matter; a row that does not read is a fault at its line, and the next one is read.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use flate2::read::MultiGzDecoder;
use serde_json::Value;

use super::{fault::Fault, mapping::Row, shape};
use crate::event::EVENT_BYTES;

/// A row that was read, or what is wrong with it; the line, and the text that it stood in.
pub struct Line {
    /// From 1, as editors count.
    pub number: u32,
    /// The row.
    pub row: Result<Row, Fault>,
    /// As it came, cut at the longest event.
    pub text: Vec<u8>,
}

/// A file whose rows are read one by one.
pub enum Rows {
    /// Cells under the names of the first line.
    Csv {
        /// Reads the file.
        reader: Box<csv::Reader<Box<dyn Read>>>,
        /// The names.
        names: Vec<String>,
    },
    /// One JSON object a line.
    Ndjson {
        /// Reads the file.
        reader: BufReader<Box<dyn Read>>,
        /// The last line.
        number: u32,
    },
}

impl Rows {
    /// Opens a file; its name says what it is: `.csv`, `.tsv` or `.txt`, `.ndjson` or `.jsonl`, and `.gz` after any of them. `count` hears of every
    /// byte of the file that was read.
    ///
    /// # Errors
    /// When it cannot be read, or its name says neither.
    pub fn open(path: &Path, delimiter: Option<char>, count: impl FnMut(u64) + 'static) -> io::Result<Self> {
        let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        let raw = Counted { file: File::open(path)?, count: Box::new(count) };
        let (name, bytes): (&str, Box<dyn Read>) = match name.strip_suffix(".gz") {
            Some(name) => (name, Box::new(MultiGzDecoder::new(raw))),
            None => (&name, Box::new(raw)),
        };
        let kind = name.rsplit_once('.').map_or("", |(_, kind)| kind);
        match kind {
            "csv" | "tsv" | "txt" => {
                let delimiter =
                    delimiter.and_then(|c| u8::try_from(c).ok()).unwrap_or(if kind == "tsv" { b'\t' } else { b',' });
                let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(bytes);
                let names = reader.headers().map_err(io::Error::other)?;
                // Spreadsheets begin a file with a byte order mark.
                let names = names.iter().map(|name| name.trim_start_matches('\u{feff}').trim().to_owned()).collect();
                Ok(Self::Csv { reader: Box::new(reader), names })
            }
            "ndjson" | "jsonl" => Ok(Self::Ndjson { reader: BufReader::new(bytes), number: 0 }),
            _ => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the name of the file has to end in .csv, .tsv, .ndjson or .jsonl (and .gz)",
            )),
        }
    }

    /// The columns of a CSV.
    #[must_use]
    pub fn columns(&self) -> Option<&[String]> {
        match self {
            Self::Csv { names, .. } => Some(names),
            Self::Ndjson { .. } => None,
        }
    }
}

impl Iterator for Rows {
    type Item = io::Result<Line>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Csv { reader, names } => csv_line(reader, names).transpose(),
            Self::Ndjson { reader, number } => ndjson_line(reader, number).transpose(),
        }
    }
}

fn csv_line(reader: &mut csv::Reader<Box<dyn Read>>, names: &[String]) -> io::Result<Option<Line>> {
    let mut record = csv::ByteRecord::new();
    if !reader.read_byte_record(&mut record).map_err(io::Error::other)? {
        return Ok(None);
    }
    let number = record.position().map_or(0, |position| u32::try_from(position.line()).unwrap_or(u32::MAX));
    let mut text = Vec::new();
    for (place, cell) in record.iter().enumerate() {
        if place > 0 {
            text.push(b',');
        }
        text.extend_from_slice(cell);
    }
    text.truncate(EVENT_BYTES);
    let row = if record.len() == names.len() {
        let mut row = Row::new();
        let mut fault = None;
        for (name, cell) in names.iter().zip(&record) {
            match std::str::from_utf8(cell) {
                Ok(cell) => drop(row.insert(name.clone(), cell.to_owned())),
                Err(_) => fault = Some(Fault::new("row/utf8", name, "this is no UTF-8; export the file as UTF-8")),
            }
        }
        fault.map_or(Ok(row), Err)
    } else {
        let message =
            format!("the row has {} cells, the first line {}; is the delimiter right?", record.len(), names.len());
        Err(Fault::new("row/cells", "", message))
    };
    Ok(Some(Line { number, row, text }))
}

fn ndjson_line(reader: &mut BufReader<Box<dyn Read>>, number: &mut u32) -> io::Result<Option<Line>> {
    loop {
        let mut text = Vec::new();
        // One byte more than an event may have is enough to know; the rest of such a line is passed over.
        let most = u64::try_from(EVENT_BYTES).unwrap_or(u64::MAX) + 2;
        if reader.by_ref().take(most).read_until(b'\n', &mut text)? == 0 {
            return Ok(None);
        }
        *number = number.saturating_add(1);
        if text.last() == Some(&b'\n') {
            text.pop();
        } else if text.len() > EVENT_BYTES {
            pass_over(reader)?;
        }
        if text.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let row = shape::check(&text).and_then(|()| shape::object(&text)).map(|object| {
            let mut row = Row::new();
            object.into_iter().for_each(|(name, value)| flatten(name, value, &mut row));
            row
        });
        text.truncate(EVENT_BYTES);
        return Ok(Some(Line { number: *number, row, text }));
    }
}

fn pass_over(reader: &mut BufReader<Box<dyn Read>>) -> io::Result<()> {
    loop {
        let held = reader.fill_buf()?;
        let end = held.iter().position(|byte| *byte == b'\n');
        let length = end.map_or(held.len(), |end| end + 1);
        let done = end.is_some() || held.is_empty();
        reader.consume(length);
        if done {
            return Ok(());
        }
    }
}

/// A column of an object within is `outer.inner`. Lists are no columns.
fn flatten(name: String, value: Value, row: &mut Row) {
    match value {
        Value::String(text) => drop(row.insert(name, text)),
        Value::Number(number) => drop(row.insert(name, number.to_string())),
        Value::Bool(told) => drop(row.insert(name, told.to_string())),
        Value::Object(object) => {
            object.into_iter().for_each(|(inner, value)| flatten(format!("{name}.{inner}"), value, row))
        }
        Value::Null | Value::Array(_) => {}
    }
}

/// Tells how much of a file was read.
struct Counted {
    file: File,
    count: Box<dyn FnMut(u64)>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.file.read(buffer)?;
        (self.count)(u64::try_from(length).unwrap_or(u64::MAX));
        Ok(length)
    }
}
