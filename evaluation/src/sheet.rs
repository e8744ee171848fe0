//! Rows of a CSV file by the names of their columns.

use std::io::{Chain, Cursor, Read};

use crate::fault::{Fault, cut};

/// Longest row: a thousand candidates of sixty letters.
const LONGEST: usize = 1 << 16;

/// A CSV file with a first line of names, its fields parted by whichever of `,`, `;` and tab that line has most of.
pub struct Sheet<R> {
    reader: csv::Reader<Chain<Cursor<Vec<u8>>, R>>,
    names: Vec<String>,
    record: csv::StringRecord,
}

/// One row.
#[derive(Debug, Clone, Copy)]
pub struct Cells<'a> {
    /// Line of the file, from 1.
    pub line: u64,
    names: &'a [String],
    record: &'a csv::StringRecord,
}

impl<R: Read> Sheet<R> {
    /// Reads the first line.
    ///
    /// # Errors
    ///
    /// There is none, or it is not text.
    pub fn open(mut source: R) -> Result<Self, Fault> {
        let (mut first, mut byte) = (Vec::new(), [0; 1]);
        while first.len() < LONGEST && source.read(&mut byte).map_err(|error| told(&error.into()).line(1))? == 1 {
            first.extend(byte);
            if byte == *b"\n" {
                break;
            }
        }
        let count = |delimiter: u8| first.iter().filter(|byte| **byte == delimiter).count();
        let delimiter = [b',', b';', b'\t'].into_iter().rev().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',');
        let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(Cursor::new(first).chain(source));
        let header = reader.headers().map_err(|error| told(&error).line(1))?;
        let names: Vec<String> =
            header.iter().map(|name| name.trim().trim_start_matches('\u{feff}').to_owned()).collect();
        if names.iter().all(String::is_empty) {
            return Err(Fault::of("there is no first line with names of columns").line(1).remedy("write a CSV file"));
        }
        Ok(Self { reader, names, record: csv::StringRecord::new() })
    }

    /// The names of the first line.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The place of a column: the one that is asked for by name, else the first of those it usually has.
    ///
    /// # Errors
    ///
    /// The one that is asked for is not there.
    pub fn column(&self, asked: Option<&str>, usual: &[&str]) -> Result<Option<usize>, Fault> {
        let place = |name: &str| self.names.iter().position(|known| known == name);
        match asked {
            Some(name) => place(name).map(Some).ok_or_else(|| {
                let known = self.names.iter().take(12).map(|name| cut(name)).collect::<Vec<_>>().join(", ");
                Fault::of(format!("no column has this name; there are {known}")).line(1).field(name)
            }),
            None => Ok(usual.iter().find_map(|name| place(name))),
        }
    }

    /// As [`Sheet::column`], of a column that has to be there.
    ///
    /// # Errors
    ///
    /// It is not there.
    pub fn required(&self, asked: Option<&str>, usual: &[&str]) -> Result<usize, Fault> {
        self.column(asked, usual)?.ok_or_else(|| {
            let what = format!("there is no column named {}", usual.join(" or "));
            Fault::of(what).line(1).remedy("name the columns as docs/evaluation.md has them")
        })
    }

    /// The next row, until there is none.
    ///
    /// # Errors
    ///
    /// A row with another number of fields than the first line, one that is not text, or one beyond 64 KiB.
    pub fn next_row(&mut self) -> Result<Option<Cells<'_>>, Fault> {
        match self.reader.read_record(&mut self.record) {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(error) => return Err(told(&error)),
        }
        let line = self.record.position().map_or(0, csv::Position::line);
        if self.record.as_slice().len() > LONGEST {
            return Err(Fault::of("the row is longer than 64 KiB").line(line).remedy("is a quotation mark left open?"));
        }
        Ok(Some(Cells { line, names: &self.names, record: &self.record }))
    }
}

impl<'a> Cells<'a> {
    /// The text of a column.
    #[must_use]
    pub fn text(&self, column: usize) -> &'a str {
        self.record.get(column).unwrap_or_default().trim()
    }

    /// The number of a column.
    ///
    /// # Errors
    ///
    /// It is none.
    pub fn number(&self, column: usize) -> Result<f64, Fault> {
        let text = self.text(column);
        text.parse()
            .ok()
            .filter(|number: &f64| number.is_finite())
            .ok_or_else(|| self.fault(column, format!("`{}` is no number", cut(text))).remedy("write one such as 0.25"))
    }

    /// A fault of a column in this row.
    #[must_use]
    pub fn fault(&self, column: usize, what: impl Into<String>) -> Fault {
        let name = self.names.get(column).map_or("", String::as_str);
        Fault::of(what).line(self.line).field(name)
    }
}

fn told(error: &csv::Error) -> Fault {
    let line = error.position().map(csv::Position::line);
    let what = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("the row has {len} fields where the first line has {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => "the row is not UTF-8".to_owned(),
        csv::ErrorKind::Io(error) => format!("it cannot be read: {error}"),
        _ => error.to_string(),
    };
    Fault { line, field: None, what, remedy: None }
}
