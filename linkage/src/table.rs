//! Records as they were imported: a header and rows of text, with the line each came from.
//!
//! Nothing is interpreted here. The reader refuses what it cannot read rightly, with file and line, instead of linking
//! half of it: a row of another width, bytes that are no UTF-8, a record that never ends. What a refusal says never
//! repeats a value.

use std::{
    cell::Cell,
    fmt,
    fs::File,
    io::{self, Read},
    path::Path,
    rc::Rc,
};

use flate2::read::MultiGzDecoder;

/// Bytes of one record that are read before it is refused; a quote that was never closed would otherwise take in the
/// whole file.
pub const MAX_RECORD: u64 = 1 << 20;
/// Records of one table: indices are 32 bits, and what candidates cost in memory grows with them.
pub const MAX_RECORDS: usize = 2_000_000;

/// Records with named columns. Every row is as wide as the header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// Why a table was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableError {
    /// The file cannot be opened or read, or is not the gzip it says it is.
    Io(String),
    /// There is no header.
    Empty,
    /// Two columns have one name.
    Header {
        /// The name.
        column: String,
    },
    /// A row has another number of fields than the header.
    Width {
        /// Line in the file, from 1.
        line: u64,
        /// Fields there.
        found: usize,
        /// Fields of the header.
        expected: usize,
    },
    /// Bytes that are no UTF-8.
    Text {
        /// Line in the file, from 1.
        line: u64,
    },
    /// A record longer than [`MAX_RECORD`].
    Long {
        /// Line at which it starts, from 1.
        line: u64,
    },
    /// More than [`MAX_RECORDS`] records.
    Many,
}

impl TableError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io(_) => "table/io",
            Self::Empty => "table/empty",
            Self::Header { .. } => "table/header",
            Self::Width { .. } => "table/width",
            Self::Text { .. } => "table/text",
            Self::Long { .. } => "table/long",
            Self::Many => "table/many",
        }
    }
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(reason) => write!(f, "cannot be read: {reason}"),
            Self::Empty => f.write_str("has no header; the first line names the columns"),
            Self::Header { column } => write!(f, "line 1: two columns are called `{column}`; rename one"),
            Self::Width { line, found, expected } => {
                write!(
                    f,
                    "line {line}: {found} fields where the header has {expected}; quote fields that hold the separator"
                )
            }
            Self::Text { line } => write!(f, "line {line}: bytes that are no UTF-8; convert the file"),
            Self::Long { line } => {
                write!(f, "line {line}: a record of more than {MAX_RECORD} bytes; a quote may not have been closed")
            }
            Self::Many => write!(f, "more than {MAX_RECORDS} records; split the file"),
        }
    }
}

impl std::error::Error for TableError {}

impl Table {
    /// A table of these columns and no rows.
    ///
    /// # Errors
    /// [`TableError::Empty`] without columns, [`TableError::Header`] when two have one name.
    pub fn new<S: Into<String>>(columns: impl IntoIterator<Item = S>) -> Result<Self, TableError> {
        let columns: Vec<String> = columns.into_iter().map(|name| name.into().trim().to_owned()).collect();
        if columns.iter().all(String::is_empty) {
            return Err(TableError::Empty);
        }
        for (at, column) in columns.iter().enumerate() {
            if columns.iter().skip(at + 1).any(|other| other == column) {
                return Err(TableError::Header { column: column.clone() });
            }
        }
        Ok(Self { columns, rows: Vec::new() })
    }

    /// Appends a record.
    ///
    /// # Errors
    /// [`TableError::Width`] when it is not as wide as the header, [`TableError::Many`] when the table is full. The
    /// line is what it would be in a file.
    pub fn push<S: Into<String>>(&mut self, row: impl IntoIterator<Item = S>) -> Result<(), TableError> {
        let row: Vec<String> = row.into_iter().map(Into::into).collect();
        if row.len() != self.columns.len() {
            let line = self.rows.len() as u64 + 2;
            return Err(TableError::Width { line, found: row.len(), expected: self.columns.len() });
        }
        if self.rows.len() >= MAX_RECORDS {
            return Err(TableError::Many);
        }
        self.rows.push(row);
        Ok(())
    }

    /// Reads a file: CSV separated by comma, semicolon or tab, as the header has it; gzip'd or plain, as its first
    /// bytes say.
    ///
    /// # Errors
    /// [`TableError`], each with its line.
    pub fn open(path: &Path) -> Result<Self, TableError> {
        let file = File::open(path).map_err(|error| TableError::Io(error.kind().to_string()))?;
        Self::read(file)
    }

    /// Reads what [`Self::open`] reads, from anywhere.
    ///
    /// # Errors
    /// [`TableError`], each with its line.
    pub fn read(mut source: impl Read) -> Result<Self, TableError> {
        let (magic, source) = peek::<2>(&mut source)?;
        if magic == [0x1f, 0x8b] { Self::read_plain(MultiGzDecoder::new(source)) } else { Self::read_plain(source) }
    }

    fn read_plain(mut source: impl Read) -> Result<Self, TableError> {
        let mut head = head(&mut source)?;
        // A byte-order mark is no part of the first column's name.
        if head.starts_with(&[0xef, 0xbb, 0xbf]) {
            head.drain(..3);
        }
        let separator = separator(&head);
        let source = io::Cursor::new(head).chain(source);
        let since = Rc::new(Cell::new(0));
        let guarded = Guarded { source, since: Rc::clone(&since) };
        let mut reader =
            csv::ReaderBuilder::new().delimiter(separator).flexible(true).has_headers(false).from_reader(guarded);
        let mut record = csv::ByteRecord::new();
        let mut table: Option<Self> = None;
        loop {
            let start = reader.position().line();
            since.set(0);
            let more = reader.read_byte_record(&mut record).map_err(|error| failure(&error, start))?;
            if !more {
                break;
            }
            let line = record.position().map_or(start, csv::Position::line);
            let mut row = Vec::with_capacity(record.len());
            for field in &record {
                let text = std::str::from_utf8(field).map_err(|_| TableError::Text { line })?;
                row.push(text.trim().to_owned());
            }
            match &mut table {
                None => table = Some(Self::new(row)?),
                Some(table) => {
                    table.push(row).map_err(|error| match error {
                        TableError::Width { found, expected, .. } => TableError::Width { line, found, expected },
                        other => other,
                    })?;
                }
            }
        }
        table.ok_or(TableError::Empty)
    }

    /// Names of the columns.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The records, in order.
    pub fn rows(&self) -> &[Vec<String>] {
        &self.rows
    }

    /// How many records.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Where a column stands.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }

    /// One field; empty where there is none.
    pub fn field(&self, row: usize, column: usize) -> &str {
        self.rows.get(row).and_then(|row| row.get(column)).map_or("", String::as_str)
    }
}

fn failure(error: &csv::Error, line: u64) -> TableError {
    match error.kind() {
        csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::FileTooLarge => TableError::Long { line },
        csv::ErrorKind::Io(error) => TableError::Io(error.kind().to_string()),
        _ => TableError::Text { line },
    }
}

/// The first bytes, and a reader that still begins with them.
fn peek<const N: usize>(source: &mut impl Read) -> Result<([u8; N], impl Read + '_), TableError> {
    let mut first = Vec::with_capacity(N);
    source.by_ref().take(N as u64).read_to_end(&mut first).map_err(|error| TableError::Io(error.kind().to_string()))?;
    let mut fixed = [0; N];
    for (to, from) in fixed.iter_mut().zip(&first) {
        *to = *from;
    }
    Ok((fixed, io::Cursor::new(first).chain(source)))
}

/// What comes until the end of the first line, or 64 KB.
fn head(source: &mut impl Read) -> Result<Vec<u8>, TableError> {
    let mut head = Vec::new();
    while !head.contains(&b'\n') && head.len() < 1 << 16 {
        let before = head.len();
        let more = source.by_ref().take(1 << 12).read_to_end(&mut head);
        more.map_err(|error| TableError::Io(error.kind().to_string()))?;
        if head.len() == before {
            break;
        }
    }
    Ok(head)
}

/// The one of comma, semicolon and tab that the first line has most of; a comma when it has none.
fn separator(head: &[u8]) -> u8 {
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let count = |separator: u8| line.iter().filter(|byte| **byte == separator).count();
    let mut best = (b',', count(b','));
    for other in [b';', b'\t'] {
        if count(other) > best.1 {
            best = (other, count(other));
        }
    }
    best.0
}

/// Fails once more bytes than a record may have were asked for without one coming to its end.
struct Guarded<R> {
    source: R,
    since: Rc<Cell<u64>>,
}

impl<R: Read> Read for Guarded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.since.get() > MAX_RECORD {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let read = self.source.read(buffer)?;
        self.since.set(self.since.get() + read as u64);
        Ok(read)
    }
}
