//! One file of the lake: rows to bytes and back, as Parquet or as lines of JSON.
//!
//! A part is made in memory, sorted, and put whole; its size is bounded by whoever gathers the rows. What a table and a column mean
//! stands in the file's key-value metadata. Compression of Parquet is Snappy: pure Rust, and read everywhere.

use std::{cmp::Ordering, io::Read as _, sync::Arc};

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use parquet::{
    basic::{Compression as Codec, ConvertedType, LogicalType, Repetition, TimeUnit, Type as Physical},
    column::reader::{ColumnReader, ColumnReaderImpl},
    data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type},
    file::{
        metadata::{KeyValue, SortingColumn},
        properties::WriterProperties,
        reader::{FileReader as _, SerializedFileReader},
        writer::{SerializedColumnWriter, SerializedFileWriter},
    },
    schema::types::{Type, TypePtr},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::schema::{Column, Kind, Table};
use crate::sql::Cell;

/// A row, in the order of the table's columns.
pub type Row = Vec<Cell>;

/// What parts are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Parquet, compressed by Snappy.
    Parquet,
    /// A JSON object a line, compressed by gzip.
    Ndjson,
}

impl Encoding {
    /// What its files end in.
    #[must_use]
    pub fn ending(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Ndjson => "ndjson.gz",
        }
    }

    /// Rows as a file. They are sorted as the table says.
    ///
    /// # Errors
    /// When a cell does not fit its column.
    pub fn encode(self, table: &Table, rows: &mut [Row]) -> anyhow::Result<Vec<u8>> {
        rows.sort_by(|one, other| order(table, one, other));
        match self {
            Self::Parquet => parquet(table, rows),
            Self::Ndjson => ndjson(table, rows),
        }
    }

    /// The rows of a file.
    ///
    /// # Errors
    /// When the bytes are no part of this table.
    pub fn decode(self, table: &Table, bytes: Bytes) -> anyhow::Result<Vec<Row>> {
        match self {
            Self::Parquet => read_parquet(table, bytes),
            Self::Ndjson => read_ndjson(table, &bytes),
        }
    }
}

/// About how much room a row takes, in bytes.
#[must_use]
pub fn weight(row: &Row) -> usize {
    let cells = row.iter().map(|cell| match cell {
        Cell::Text(text) => text.len(),
        Cell::Bytes(bytes) => bytes.len(),
        _ => 0,
    });
    cells.sum::<usize>() + row.len() * size_of::<Cell>()
}

fn order(table: &Table, one: &Row, other: &Row) -> Ordering {
    let by = |at: &usize| match (one.get(*at), other.get(*at)) {
        (Some(Cell::Int(one)), Some(Cell::Int(other))) => one.cmp(other),
        (Some(Cell::Text(one)), Some(Cell::Text(other))) => one.cmp(other),
        _ => Ordering::Equal,
    };
    table.sorted.iter().map(by).find(|order| *order != Ordering::Equal).unwrap_or(Ordering::Equal)
}

fn parquet(table: &Table, rows: &[Row]) -> anyhow::Result<Vec<u8>> {
    let mut notes = vec![
        KeyValue::new("petitfour.table".to_owned(), table.name.to_owned()),
        KeyValue::new("petitfour.about".to_owned(), table.about.to_owned()),
    ];
    notes.extend(
        table.columns.iter().map(|one| KeyValue::new(format!("petitfour.column.{}", one.name), one.about.to_owned())),
    );
    let sorted = table.sorted.iter().map(|at| SortingColumn {
        column_idx: i32::try_from(*at).unwrap_or_default(),
        descending: false,
        nulls_first: false,
    });
    let properties = WriterProperties::builder()
        .set_compression(Codec::SNAPPY)
        .set_created_by("petitfour-collector".to_owned())
        .set_key_value_metadata(Some(notes))
        .set_sorting_columns(Some(sorted.collect()))
        .build();
    let mut writer = SerializedFileWriter::new(Vec::new(), message(table)?, Arc::new(properties))?;
    let mut group = writer.next_row_group()?;
    for (at, column) in table.columns.iter().enumerate() {
        let mut chunk = group.next_column()?.ok_or_else(|| anyhow!("{} lacks {}", table.name, column.name))?;
        write(&mut chunk, *column, rows, at).with_context(|| format!("{}.{}", table.name, column.name))?;
        chunk.close()?;
    }
    group.close()?;
    Ok(writer.into_inner()?)
}

fn message(table: &Table) -> anyhow::Result<TypePtr> {
    let field = |column: &Column| -> anyhow::Result<TypePtr> {
        let (physical, logical) = match column.kind {
            Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Kind::Json => (Physical::BYTE_ARRAY, Some(LogicalType::Json)),
            Kind::Int => (Physical::INT64, None),
            Kind::Unsigned => (Physical::INT64, Some(LogicalType::integer(64, false))),
            Kind::Time => (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MILLIS))),
            Kind::Real => (Physical::DOUBLE, None),
            Kind::Truth => (Physical::BOOLEAN, None),
            Kind::Decimal => (Physical::INT64, Some(LogicalType::decimal(3, 18))),
        };
        let mut field = Type::primitive_type_builder(column.name, physical)
            .with_repetition(if column.nullable { Repetition::OPTIONAL } else { Repetition::REQUIRED })
            .with_converted_type(ConvertedType::NONE)
            .with_logical_type(logical);
        if column.kind == Kind::Decimal {
            field = field.with_precision(18).with_scale(3);
        }
        Ok(Arc::new(field.build()?))
    };
    let fields = table.columns.iter().map(field).collect::<anyhow::Result<_>>()?;
    Ok(Arc::new(Type::group_type_builder(table.name).with_fields(fields).build()?))
}

fn write(chunk: &mut SerializedColumnWriter<'_>, column: Column, rows: &[Row], at: usize) -> anyhow::Result<()> {
    let cells = rows.iter().map(|row| row.get(at).unwrap_or(&Cell::Null));
    match column.kind {
        Kind::Int | Kind::Unsigned | Kind::Time | Kind::Decimal => {
            typed::<Int64Type>(
                chunk,
                column,
                cells,
                |cell| {
                    if let Cell::Int(number) = cell { Some(*number) } else { None }
                },
            )
        }
        Kind::Truth => {
            typed::<BoolType>(
                chunk,
                column,
                cells,
                |cell| {
                    if let Cell::Int(truth) = cell { Some(*truth != 0) } else { None }
                },
            )
        }
        Kind::Real => typed::<DoubleType>(chunk, column, cells, |cell| match cell {
            Cell::Real(number) => Some(*number),
            Cell::Int(number) => Some(*number as f64),
            _ => None,
        }),
        Kind::Text | Kind::Json => typed::<ByteArrayType>(chunk, column, cells, |cell| {
            if let Cell::Text(text) = cell { Some(ByteArray::from(text.as_str())) } else { None }
        }),
    }
}

fn typed<'r, T: DataType>(
    chunk: &mut SerializedColumnWriter<'_>,
    column: Column,
    cells: impl ExactSizeIterator<Item = &'r Cell>,
    read: impl Fn(&Cell) -> Option<T::T>,
) -> anyhow::Result<()> {
    let mut values = Vec::with_capacity(cells.len());
    let mut levels = Vec::with_capacity(if column.nullable { cells.len() } else { 0 });
    for cell in cells {
        let value = if *cell == Cell::Null { None } else { Some(read(cell).context("a cell of another type")?) };
        if column.nullable {
            levels.push(i16::from(value.is_some()));
        } else if value.is_none() {
            anyhow::bail!("a cell is missing");
        }
        values.extend(value);
    }
    chunk.typed::<T>().write_batch(&values, column.nullable.then_some(levels.as_slice()), None)?;
    Ok(())
}

fn read_parquet(table: &Table, bytes: Bytes) -> anyhow::Result<Vec<Row>> {
    let file = SerializedFileReader::new(bytes)?;
    let mut rows: Vec<Row> = Vec::new();
    for number in 0..file.num_row_groups() {
        let group = file.get_row_group(number)?;
        let count = usize::try_from(group.metadata().num_rows())?;
        let first = rows.len();
        rows.resize_with(first + count, || Vec::with_capacity(table.columns.len()));
        for (at, column) in table.columns.iter().enumerate() {
            let cells = match group.get_column_reader(at)? {
                ColumnReader::Int64ColumnReader(reader) => cells(reader, count, column.nullable, Cell::Int)?,
                ColumnReader::DoubleColumnReader(reader) => cells(reader, count, column.nullable, Cell::Real)?,
                ColumnReader::BoolColumnReader(reader) => {
                    cells(reader, count, column.nullable, |truth| Cell::Int(truth.into()))?
                }
                ColumnReader::ByteArrayColumnReader(reader) => cells(reader, count, column.nullable, |bytes| {
                    Cell::Text(String::from_utf8_lossy(bytes.data()).into_owned())
                })?,
                _ => anyhow::bail!("{}.{} is of an unknown type", table.name, column.name),
            };
            anyhow::ensure!(cells.len() == count, "{}.{} breaks off", table.name, column.name);
            for (row, cell) in rows.iter_mut().skip(first).zip(cells) {
                row.push(cell);
            }
        }
    }
    Ok(rows)
}

fn cells<T: DataType>(
    mut reader: ColumnReaderImpl<T>,
    count: usize,
    nullable: bool,
    cell: impl Fn(T::T) -> Cell,
) -> anyhow::Result<Vec<Cell>> {
    let (mut values, mut levels) = (Vec::with_capacity(count), Vec::with_capacity(count));
    let mut left = count;
    while left > 0 {
        let (read, _, _) = reader.read_records(left, nullable.then_some(&mut levels), None, &mut values)?;
        anyhow::ensure!(read > 0, "a column breaks off");
        left -= read;
    }
    let mut values = values.into_iter().map(cell);
    if !nullable {
        return Ok(values.collect());
    }
    let present = levels.into_iter().map(|level| if level > 0 { values.next() } else { Some(Cell::Null) });
    present.collect::<Option<Vec<Cell>>>().context("a column breaks off")
}

fn ndjson(table: &Table, rows: &[Row]) -> anyhow::Result<Vec<u8>> {
    let mut out = GzEncoder::new(Vec::new(), Compression::default());
    for row in rows {
        let mut object = Map::new();
        for (column, cell) in table.columns.iter().zip(row) {
            object.insert(column.name.to_owned(), told(*column, cell)?);
        }
        serde_json::to_writer(&mut out, &object)?;
        std::io::Write::write_all(&mut out, b"\n")?;
    }
    Ok(out.finish()?)
}

fn told(column: Column, cell: &Cell) -> anyhow::Result<Json> {
    Ok(match (column.kind, cell) {
        (_, Cell::Null) => Json::Null,
        (Kind::Time, Cell::Int(ms)) => jiff::Timestamp::from_millisecond(*ms)?.to_string().into(),
        (Kind::Decimal, Cell::Int(thousandths)) => (*thousandths as f64 / 1_000.0).into(),
        (Kind::Unsigned, Cell::Int(bits)) => bits.cast_unsigned().into(),
        (Kind::Truth, Cell::Int(truth)) => (*truth != 0).into(),
        (Kind::Json, Cell::Text(text)) => serde_json::from_str(text)?,
        (_, Cell::Int(number)) => (*number).into(),
        (_, Cell::Real(number)) => (*number).into(),
        (_, Cell::Text(text)) => text.as_str().into(),
        (_, Cell::Bytes(_)) => anyhow::bail!("{} holds bytes", column.name),
    })
}

fn read_ndjson(table: &Table, bytes: &[u8]) -> anyhow::Result<Vec<Row>> {
    let mut text = String::new();
    GzDecoder::new(bytes).read_to_string(&mut text)?;
    text.lines()
        .map(|line| {
            let object: Map<String, Json> = serde_json::from_str(line)?;
            table
                .columns
                .iter()
                .map(|column| {
                    let cell = heard(*column, object.get(column.name).unwrap_or(&Json::Null));
                    cell.with_context(|| format!("{}.{} does not read", table.name, column.name))
                })
                .collect()
        })
        .collect()
}

fn heard(column: Column, value: &Json) -> Option<Cell> {
    Some(match (column.kind, value) {
        (_, Json::Null) => Cell::Null,
        (Kind::Time, Json::String(text)) => Cell::Int(text.parse::<jiff::Timestamp>().ok()?.as_millisecond()),
        (Kind::Decimal, Json::Number(number)) => Cell::Int((number.as_f64()? * 1_000.0).round() as i64),
        (Kind::Unsigned, Json::Number(number)) => Cell::Int(number.as_u64()?.cast_signed()),
        (Kind::Int, Json::Number(number)) => Cell::Int(number.as_i64()?),
        (Kind::Real, Json::Number(number)) => Cell::Real(number.as_f64()?),
        (Kind::Truth, Json::Bool(truth)) => Cell::Int((*truth).into()),
        (Kind::Json, value) => Cell::Text(value.to_string()),
        (Kind::Text, Json::String(text)) => Cell::Text(text.clone()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::schema::{DECISIONS, EVENTS};

    #[test]
    fn rows_come_back_as_they_went_in_either_encoding() {
        let text = |text: &str| Cell::Text(text.to_owned());
        let event = |id: i64, who: &str| {
            vec![
                Cell::Int(id),
                text(who),
                text("track"),
                text("purchase"),
                text("till"),
                Cell::Int(1_790_000_000_123),
                Cell::Int(1_790_000_000_456),
                Cell::Int(-12_345),
                Cell::Int(15),
                text("ab"),
                text(r#"{"properties":{"a":[1,"ü"]}}"#),
                Cell::Int(0),
            ]
        };
        let decision = |id: i64, campaign: Cell| {
            let mut row = vec![Cell::Int(1), text("v"), Cell::Int(id), Cell::Int(2), Cell::Int(3), Cell::Int(4)];
            row.extend([campaign, Cell::Null, text("won"), Cell::Real(0.25), Cell::Null, Cell::Int(7)]);
            row
        };
        for encoding in [Encoding::Parquet, Encoding::Ndjson] {
            let mut events = [event(2, "b"), event(1, "a")];
            let bytes = encoding.encode(&EVENTS, &mut events).unwrap();
            assert_eq!(events[0][0], Cell::Int(1), "sorted by who");
            assert_eq!(encoding.decode(&EVENTS, bytes.into()).unwrap(), events);
            let mut decisions = [decision(-5, Cell::Null), decision(i64::MAX, Cell::Int(9))];
            let bytes = encoding.encode(&DECISIONS, &mut decisions).unwrap();
            assert_eq!(encoding.decode(&DECISIONS, bytes.into()).unwrap(), decisions);
        }
    }
}
