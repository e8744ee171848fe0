//! Parquet files: what their types become, and what is said of those that are broken.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;

use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use petitfour_training::{Fault, Parquet, Plan, Source, Table, Values, gather};
use proptest::prelude::*;
use support::plan;

mod support;

const SCHEMA: &str = "message rows { required boolean came; optional double degrees; required binary weather (UTF8); required int64 at (TIMESTAMP(MILLIS,true)); }";

/// 60 rows, every fifth without degrees.
fn file() -> Vec<u8> {
    let schema = Arc::new(parse_message_type(SCHEMA).unwrap());
    let mut bytes = Vec::new();
    let mut writer =
        SerializedFileWriter::new(&mut bytes, schema, Arc::new(WriterProperties::builder().build())).unwrap();
    let mut rows = writer.next_row_group().unwrap();
    let mut column = 0;
    while let Some(mut next) = rows.next_column().unwrap() {
        let all = 0..60_usize;
        match column {
            0 => next.typed::<BoolType>().write_batch(&all.map(|row| row % 3 == 0).collect::<Vec<_>>(), None, None),
            1 => {
                let told: Vec<f64> = all.clone().filter(|row| row % 5 != 0).map(|row| row as f64 / 2.0).collect();
                let levels: Vec<i16> = all.map(|row| i16::from(row % 5 != 0)).collect();
                next.typed::<DoubleType>().write_batch(&told, Some(&levels), None)
            }
            2 => {
                let texts: Vec<ByteArray> = all.map(|row| ["rain", "snow"][row % 2].into()).collect();
                next.typed::<ByteArrayType>().write_batch(&texts, None, None)
            }
            _ => next.typed::<Int64Type>().write_batch(
                &all.map(|row| 1_000 * row as i64).collect::<Vec<_>>(),
                None,
                None,
            ),
        }
        .unwrap();
        next.close().unwrap();
        column += 1;
    }
    rows.close().unwrap();
    writer.close().unwrap();
    bytes
}

fn table(bytes: &[u8], plan: &Plan) -> Result<Table, Fault> {
    let mut open = || {
        let parts = vec![bytes::Bytes::copy_from_slice(bytes)];
        Ok(Box::new(Parquet::open(parts, &plan.drop)?) as Box<dyn Source>)
    };
    gather(&mut open, plan, &mut |_| {})
}

#[test]
fn types_become_numbers_levels_times_and_what_is_missing() {
    let mut timed = plan("came", "", &[]);
    timed.time = Some("at".to_owned());
    let table = table(&file(), &timed).unwrap();
    assert_eq!((table.len(), table.target.1.as_str()), (60, "true"));
    assert_eq!(table.times.as_ref().unwrap()[59], 59_000.0);
    let [degrees, weather] = table.columns.as_slice() else { panic!("{:?}", table.columns) };
    assert!(degrees.values[5].is_nan() && degrees.values[6] == 3.0);
    assert_eq!((weather.kind == Values::Numbers, weather.level(1)), (false, Some("snow")));
}

#[test]
fn a_column_that_is_left_out_is_not_read() {
    let dropped = plan("came", "", &["degrees", "at"]);
    assert_eq!(table(&file(), &dropped).unwrap().columns.len(), 1);
    let cut = &file()[..200];
    let fault = table(cut, &dropped).unwrap_err().to_string();
    assert!(fault.starts_with("cannot be read as Parquet: "), "{fault}");
}

proptest! {
    /// Whatever was done to a file: it is refused, or is a table.
    #[test]
    fn no_broken_file_makes_it_panic(place in 0_usize..4_000, put in proptest::collection::vec(any::<u8>(), 1..6)) {
        let mut bytes = file();
        let place = place % bytes.len();
        for (byte, new) in bytes.iter_mut().skip(place).zip(put) {
            *byte = new;
        }
        let _ = table(&bytes, &plan("came", "", &["at"]));
    }
}
