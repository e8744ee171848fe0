//! Rows from outside, one at a time: CSV and Parquet.

use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};

use parquet::file::reader::{ChunkReader, FileReader, SerializedFileReader};
use parquet::record::Field as Cell;
use parquet::record::reader::RowIter;
use parquet::schema::types::Type;

use crate::fault::Fault;

/// How a missing value is written in text.
const MISSING: [&str; 7] = ["", "NA", "N/A", "NaN", "nan", "null", "None"];

/// One field of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Field<'a> {
    /// Nothing.
    Missing,
    /// A number of a typed file.
    Number(f64),
    /// Text, of which the column as a whole says whether it is a number.
    Text(&'a str),
}

/// What is done with a row: its place from 1 (the line of a CSV file), and its fields in the order of the columns.
pub type Take<'t> = dyn FnMut(u64, &[Field<'_>]) -> Result<(), Fault> + 't;

/// Rows that can be gone through once.
pub trait Source {
    /// The names of the columns.
    fn columns(&self) -> &[String];

    /// What a place is called: `line` or `row`.
    fn unit(&self) -> &'static str;

    /// Hands on each row, in the order of the file.
    ///
    /// # Errors
    ///
    /// What the file or `take` says; nothing is handed on after it.
    fn each(&mut self, take: &mut Take<'_>) -> Result<(), Fault>;
}

/// A CSV file with a first line of names, its fields parted by whichever of `,`, `;` and tab that line has most of.
pub struct Csv<'a> {
    reader: csv::Reader<Box<dyn Read + 'a>>,
    columns: Vec<String>,
}

impl<'a> Csv<'a> {
    /// Reads the first line.
    ///
    /// # Errors
    ///
    /// The first line cannot be read.
    pub fn open(mut source: impl Read + 'a) -> Result<Self, Fault> {
        let mut first = Vec::new();
        let mut byte = [0; 1];
        while first.len() < 1 << 20
            && source.read(&mut byte).map_err(|error| Fault::at("line 1", error.to_string()))? == 1
        {
            first.extend(byte);
            if byte == *b"\n" {
                break;
            }
        }
        let count = |delimiter: u8| first.iter().filter(|byte| **byte == delimiter).count();
        let delimiter = [b',', b';', b'\t'].into_iter().rev().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',');
        let whole: Box<dyn Read + 'a> = Box::new(std::io::Cursor::new(first).chain(source));
        let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(whole);
        let header = reader.headers().map_err(|error| Fault::at("line 1", error.to_string()))?;
        let columns = header.iter().map(|name| name.trim().trim_start_matches('\u{feff}').to_owned()).collect();
        Ok(Self { reader, columns })
    }
}

impl Source for Csv<'_> {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn unit(&self) -> &'static str {
        "line"
    }

    fn each(&mut self, take: &mut Take<'_>) -> Result<(), Fault> {
        let mut record = csv::StringRecord::new();
        loop {
            match self.reader.read_record(&mut record) {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(error) => {
                    let line = error.position().map_or(0, csv::Position::line);
                    return Err(Fault::at(format!("line {line}"), error.to_string()));
                }
            }
            let line = record.position().map_or(0, csv::Position::line);
            let fields: Vec<Field<'_>> = record.iter().map(text).collect();
            take(line, &fields)?;
        }
    }
}

/// Parquet files with the same columns, one after the other: the parts of a table.
pub struct Parquet {
    parts: Vec<Box<dyn FileReader>>,
    columns: Vec<String>,
    schema: Type,
}

impl Parquet {
    /// Opens the parts, of which the columns in `without` are left unread.
    ///
    /// # Errors
    ///
    /// There is no part, one is no Parquet file, or has other columns than the first; a column is nested.
    pub fn open<R: ChunkReader + 'static>(parts: Vec<R>, without: &[String]) -> Result<Self, Fault> {
        let mut readers: Vec<Box<dyn FileReader>> = Vec::new();
        for part in parts {
            let reader = caught(|| SerializedFileReader::new(part).map_err(|error| told(&error)))?;
            readers.push(Box::new(reader));
        }
        let first = readers.first().ok_or_else(|| Fault::of("there is no Parquet file"))?;
        let root = first.metadata().file_metadata().schema().clone();
        let wanted: Vec<_> = root
            .get_fields()
            .iter()
            .filter(|field| !without.iter().any(|name| name == field.name()))
            .cloned()
            .collect();
        if let Some(nested) = wanted.iter().find(|field| field.is_group()) {
            return Err(Fault::of(format!("column `{}` is nested", nested.name()))
                .remedy("flatten it, or leave it out with --drop"));
        }
        let columns: Vec<String> = wanted.iter().map(|field| field.name().to_owned()).collect();
        for (number, reader) in readers.iter().enumerate() {
            let schema = reader.metadata().file_metadata().schema();
            if let Some(name) =
                columns.iter().find(|name| !schema.get_fields().iter().any(|field| field.name() == **name))
            {
                return Err(Fault::of(format!("file {} has no column `{name}`, which the first has", number + 1)));
            }
        }
        let schema = Type::group_type_builder(root.name()).with_fields(wanted).build().map_err(|error| told(&error))?;
        Ok(Self { parts: readers, columns, schema })
    }

    /// Rows of all parts, as their footers say.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.parts.iter().map(|part| u64::try_from(part.metadata().file_metadata().num_rows()).unwrap_or(0)).sum()
    }
}

impl Source for Parquet {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn unit(&self) -> &'static str {
        "row"
    }

    fn each(&mut self, take: &mut Take<'_>) -> Result<(), Fault> {
        let mut row = 0;
        for part in &self.parts {
            let schema = Some(self.schema.clone());
            let mut rows = caught(|| RowIter::from_file(schema, part.as_ref()).map_err(|error| told(&error)))?;
            loop {
                row += 1;
                let next =
                    caught(|| Ok(rows.next())).map_err(|fault| Fault { place: Some(format!("row {row}")), ..fault })?;
                let Some(cells) = next else {
                    row -= 1;
                    break;
                };
                let cells = cells.map_err(|error| Fault { place: Some(format!("row {row}")), ..told(&error) })?;
                let fields = cells.get_column_iter().map(|(name, cell)| field(row, name, cell));
                take(row, &fields.collect::<Result<Vec<_>, _>>()?)?;
            }
        }
        Ok(())
    }
}

fn text(field: &str) -> Field<'_> {
    let field = field.trim();
    if MISSING.contains(&field) { Field::Missing } else { Field::Text(field) }
}

fn field<'a>(row: u64, name: &str, cell: &'a Cell) -> Result<Field<'a>, Fault> {
    let number = match cell {
        Cell::Null => return Ok(Field::Missing),
        Cell::Str(written) => return Ok(text(written)),
        Cell::Bytes(bytes) => {
            let written = std::str::from_utf8(bytes.data());
            return written
                .map(text)
                .map_err(|_| Fault::at(format!("row {row}"), format!("`{name}` is bytes and no text")));
        }
        Cell::Bool(truth) => return Ok(Field::Text(if *truth { "true" } else { "false" })),
        Cell::Byte(number) => f64::from(*number),
        Cell::Short(number) => f64::from(*number),
        Cell::Int(number) | Cell::Date(number) | Cell::TimeMillis(number) => f64::from(*number),
        Cell::Long(number)
        | Cell::TimeMicros(number)
        | Cell::TimestampMillis(number)
        | Cell::TimestampMicros(number) => *number as f64,
        Cell::UByte(number) => f64::from(*number),
        Cell::UShort(number) => f64::from(*number),
        Cell::UInt(number) => f64::from(*number),
        Cell::ULong(number) => *number as f64,
        Cell::Float(number) => f64::from(*number),
        Cell::Double(number) => *number,
        _ => {
            return Err(Fault::at(
                format!("row {row}"),
                format!("`{name}` is of a type that is no number and no text"),
            )
            .remedy("write it as a number or as text, or leave it out with --drop"));
        }
    };
    Ok(if number.is_nan() { Field::Missing } else { Field::Number(number) })
}

/// What the crate that reads Parquet does, although it panics at some files that are broken (60.1: negative offsets of columns, among others).
fn caught<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    // What was being read is not looked at again.
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(Fault::of("cannot be read as Parquet: the file is broken").remedy("write it anew")))
}

fn told(error: &parquet::errors::ParquetError) -> Fault {
    let fault = Fault::of(format!("cannot be read as Parquet: {error}"));
    if error.to_string().contains("codec") || error.to_string().contains("feature") {
        return fault.remedy("write it uncompressed or with snappy");
    }
    fault
}
