//! Rows of a CSV file with a first line, each with the line it stands on.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::rc::Rc;

use crate::fault::Fault;

/// Bytes of one record before it is refused: a path of a million touches, and less than a quote that was never closed would take in.
const MAX_RECORD: usize = 16 << 20;

/// Bytes of the first line.
const MAX_HEADER: u64 = 1 << 20;

/// A file that is being read.
pub(crate) struct Table<'a> {
    reader: csv::Reader<Meter<'a>>,
    room: Rc<Cell<usize>>,
    header: Vec<String>,
    record: csv::StringRecord,
    line: u64,
}

/// Counts what one record takes.
struct Meter<'a> {
    inner: Box<dyn Read + 'a>,
    room: Rc<Cell<usize>>,
}

impl Read for Meter<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = self.room.get();
        if room == 0 {
            return Err(io::Error::other(format!(
                "a record of more than {MAX_RECORD} bytes; a quote may not have been closed"
            )));
        }
        let most = buffer.len().min(room);
        let read = self.inner.read(buffer.get_mut(..most).unwrap_or_default())?;
        self.room.set(room - read);
        Ok(read)
    }
}

impl<'a> Table<'a> {
    /// Reads the first line.
    pub(crate) fn open(source: impl Read + 'a) -> Result<Self, Fault> {
        let mut source = BufReader::new(source);
        let mut first = Vec::new();
        let read = source.by_ref().take(MAX_HEADER).read_until(b'\n', &mut first);
        read.map_err(|error| Fault::at(1, format!("cannot be read: {error}")))?;
        if first.iter().all(u8::is_ascii_whitespace) {
            return Err(Fault::at(1, "there are no names of columns").remedy("the first line names the columns"));
        }
        let count = |delimiter: u8| first.iter().filter(|byte| **byte == delimiter).count();
        let delimiter = [b',', b';', b'\t'].into_iter().rev().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',');
        let room = Rc::new(Cell::new(MAX_RECORD));
        let inner = Box::new(Cursor::new(first).chain(source));
        let meter = Meter { inner, room: Rc::clone(&room) };
        let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(meter);
        let header = reader.headers().map_err(|error| told(1, &error))?;
        let header = header.iter().map(|name| name.trim().trim_start_matches('\u{feff}').to_lowercase()).collect();
        Ok(Self { reader, room, header, record: csv::StringRecord::new(), line: 1 })
    }

    /// Where a column stands.
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        self.header.iter().position(|column| column == name)
    }

    /// Where a column stands that has to be there.
    pub(crate) fn needed(&self, name: &'static str) -> Result<usize, Fault> {
        self.column(name).ok_or_else(|| {
            Fault::in_field(1, name, "is not among the columns").remedy("the first line names the columns")
        })
    }

    /// Goes on to the next row, until there is none.
    pub(crate) fn advance(&mut self) -> Result<bool, Fault> {
        self.room.set(MAX_RECORD);
        let more = self.reader.read_record(&mut self.record).map_err(|error| told(self.line + 1, &error))?;
        self.line = self.record.position().map_or(self.line, csv::Position::line);
        Ok(more)
    }

    /// A field of this row, without the spaces around it.
    pub(crate) fn field(&self, column: usize) -> &str {
        self.record.get(column).unwrap_or_default().trim()
    }

    /// The line on which this row begins.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }
}

fn told(line: u64, error: &csv::Error) -> Fault {
    let line = error.position().map_or(line, csv::Position::line);
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            Fault::at(line, format!("{len} fields where the first line has {expected_len}"))
                .remedy("quote fields that hold the separator")
        }
        csv::ErrorKind::Utf8 { .. } => Fault::at(line, "bytes that are no UTF-8").remedy("convert the file"),
        csv::ErrorKind::Io(error) => Fault::at(line, format!("cannot be read: {error}")),
        _ => Fault::at(line, error.to_string()),
    }
}
