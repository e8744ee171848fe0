//! Rows of a CSV file, in the order of a model's features.

use std::io::Read;

use crate::fault::Fault;
use crate::forest::Feature;

/// How a missing value is written.
const MISSING: [&str; 7] = ["", "NA", "N/A", "NaN", "nan", "null", "None"];

/// The rows of a file; each is a value for each feature, NaN where it is missing.
pub struct Rows<'a> {
    reader: csv::Reader<Box<dyn Read + 'a>>,
    columns: Vec<Column>,
    target: Option<usize>,
    record: csv::StringRecord,
}

struct Column {
    place: usize,
    feature: Feature,
    /// How many fields had a text that the model has not seen, and the first of them.
    unseen: (u64, String),
}

impl<'a> Rows<'a> {
    /// Finds the features among the columns of the first line: by name (a space there is the same as `_`), or, where the model knows its
    /// columns by number alone (`Column_0`) and the file has as many, by place. Fields are parted by whichever of `,`, `;` and tab the
    /// first line has most of.
    ///
    /// # Errors
    ///
    /// The first line cannot be read, or lacks features; it names them.
    pub fn open(source: impl Read + 'a, features: &[Feature]) -> Result<Self, Fault> {
        Self::find(source, features, None)
    }

    /// As [`open`](Self::open), of a file with one more column: `target`, which says what came and is [told apart](Self::target).
    ///
    /// # Errors
    ///
    /// As for `open`; there is no such column.
    pub fn with_target(source: impl Read + 'a, features: &[Feature], target: &str) -> Result<Self, Fault> {
        Self::find(source, features, Some(target))
    }

    fn find(mut source: impl Read + 'a, features: &[Feature], target: Option<&str>) -> Result<Self, Fault> {
        let mut first = Vec::new();
        let mut byte = [0; 1];
        while first.len() < 1 << 20 && source.read(&mut byte).map_err(|error| Fault::at(1, error.to_string()))? == 1 {
            first.push(byte[0]);
            if byte[0] == b'\n' {
                break;
            }
        }
        let count = |delimiter: u8| first.iter().filter(|byte| **byte == delimiter).count();
        let delimiter = [b',', b';', b'\t'].into_iter().rev().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',');
        let whole: Box<dyn Read + 'a> = Box::new(std::io::Cursor::new(first).chain(source));
        let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(whole);
        let header = reader.headers().map_err(|error| Fault::at(1, error.to_string()))?.clone();
        let names: Vec<String> =
            header.iter().map(|name| name.trim().trim_start_matches('\u{feff}').replace(' ', "_")).collect();
        let place = |wanted: &str| names.iter().position(|name| *name == wanted.replace(' ', "_"));
        let target = target.map(|wanted| {
            place(wanted).ok_or_else(|| {
                Fault::at(1, format!("there is no column `{wanted}` that says what came"))
                    .remedy("name the column as the first line does")
            })
        });
        let target = target.transpose()?;
        let others: Vec<usize> = (0..names.len()).filter(|place| Some(*place) != target).collect();
        let numbered = features.iter().enumerate().all(|(place, feature)| feature.name == format!("Column_{place}"));
        let mut missing = Vec::new();
        let mut columns = Vec::new();
        for (number, feature) in features.iter().enumerate() {
            let found = names
                .iter()
                .position(|name| *name == feature.name.replace(' ', "_"))
                .or_else(|| others.get(number).copied().filter(|_| numbered && others.len() == features.len()));
            match found {
                Some(place) => columns.push(Column { place, feature: feature.clone(), unseen: (0, String::new()) }),
                None => missing.push(feature.name.as_str()),
            }
        }
        if !missing.is_empty() {
            let more = missing.len().saturating_sub(8);
            let named = missing.iter().take(8).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
            return Err(Fault::at(1, format!("the model asks for columns that are not here: {named}{rest}"))
                .remedy("name the columns as they were named in training"));
        }
        Ok(Self { reader, columns, target, record: csv::StringRecord::new() })
    }

    /// What the last row says of what came; `None` when it is missing.
    #[must_use]
    pub fn target(&self) -> Option<&str> {
        self.target.and_then(|place| self.record.get(place)).map(str::trim).filter(|field| !MISSING.contains(field))
    }

    /// Of each column with texts that the model has not seen in training, how many so far.
    pub fn unseen(&self) -> impl Iterator<Item = String> {
        let columns = self.columns.iter().filter(|column| column.unseen.0 > 0);
        columns.map(|Column { feature, unseen: (count, first), .. }| {
            let (rows, have) = if *count == 1 { ("row", "has") } else { ("rows", "have") };
            format!(
                "{count} {rows} {have} a `{}` that the model has not seen in training, the first is `{first}`",
                feature.name
            )
        })
    }

    /// The line that the last row began in, from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.record.position().map_or(0, |position| usize::try_from(position.line()).unwrap_or(usize::MAX))
    }

    /// The next row, until there is none.
    ///
    /// # Errors
    ///
    /// A row has another number of fields than the first line, or a field is no number and no text that the model knows as a level. A text
    /// that the model has not seen in training is missing, as in pandas.
    pub fn next_row(&mut self, row: &mut Vec<f64>) -> Result<bool, Fault> {
        row.clear();
        let told = |error: &csv::Error| {
            error.position().map_or(0, |position| usize::try_from(position.line()).unwrap_or(usize::MAX))
        };
        match self.reader.read_record(&mut self.record) {
            Ok(true) => {}
            Ok(false) => return Ok(false),
            Err(error) => return Err(Fault::at(told(&error), error.to_string())),
        }
        let line = self.line();
        for Column { place, feature, unseen } in &mut self.columns {
            let field = self.record.get(*place).unwrap_or_default();
            let read = value(field, feature);
            if feature.levels.is_some() && read.is_some_and(f64::is_nan) && !MISSING.contains(&field.trim()) {
                if unseen.0 == 0 {
                    unseen.1 = field.trim().chars().take(40).collect();
                }
                unseen.0 += 1;
            }
            row.push(read.ok_or_else(|| {
                let cut: String = field.chars().take(40).collect();
                Fault::at(line, format!("`{}` is `{cut}`, where the model wants a number", feature.name))
                    .remedy("leave a field empty where the value is not known")
            })?);
        }
        Ok(true)
    }
}

fn value(written: &str, feature: &Feature) -> Option<f64> {
    if feature.levels.is_some() {
        return Some(feature.number(written).unwrap_or(f64::NAN));
    }
    if MISSING.contains(&written.trim()) {
        return Some(f64::NAN);
    }
    feature.number(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features() -> Vec<Feature> {
        vec![
            Feature {
                name: "weather now".to_owned(),
                levels: Some(vec!["sunny".to_owned(), "rain".to_owned(), " fog".to_owned()]),
            },
            Feature { name: "degrees".to_owned(), levels: None },
        ]
    }

    fn all(text: &str) -> Result<Vec<Vec<f64>>, Fault> {
        let mut rows = Rows::open(text.as_bytes(), &features())?;
        let (mut row, mut read) = (Vec::new(), Vec::new());
        while rows.next_row(&mut row)? {
            read.push(row.clone());
        }
        Ok(read)
    }

    #[test]
    fn columns_are_found_by_name_and_levels_become_their_numbers() {
        let read = all("degrees;id;weather now\n21,;1;rain\n").unwrap_err();
        assert_eq!(read.line, Some(2), "{read}");
        let read = all("degrees;id;\"weather now\"\n21.5;1;rain\n;2;snow\nTRUE;3; sunny\n0;4; fog\n").unwrap();
        assert_eq!(read[0], [1.0, 21.5]);
        assert!(read[1].iter().all(|value| value.is_nan()), "a level never seen, and nothing");
        assert_eq!(
            (read[2].as_slice(), read[3][0]),
            ([0.0, 1.0].as_slice(), 2.0),
            "a space is part of a level that has it"
        );
    }

    #[test]
    fn what_came_is_told_apart_and_levels_that_are_numbers_are_found_as_numbers() {
        let features = [Feature { name: "Column_0".to_owned(), levels: Some(vec!["1".to_owned(), "20".to_owned()]) }];
        let mut rows = Rows::with_target("came,what\nyes,20.0\n,1\nno,3\n".as_bytes(), &features, "came").unwrap();
        let (mut row, mut told) = (Vec::new(), Vec::new());
        while rows.next_row(&mut row).unwrap() {
            told.push((row[0], rows.target().map(str::to_owned)));
        }
        assert_eq!(told[..2], [(1.0, Some("yes".to_owned())), (0.0, None)]);
        assert!(told[2].0.is_nan());
        let fault = Rows::with_target("what\n1\n".as_bytes(), &features, "came").err().unwrap();
        assert_eq!(
            fault.to_string(),
            "line 1: there is no column `came` that says what came; name the column as the first line does"
        );
    }

    #[test]
    fn texts_that_were_never_seen_are_counted_by_column_and_missing_ones_are_not() {
        let features = features();
        let mut rows =
            Rows::open("weather now,degrees\nrain,1\nhail,2\n,3\nNA,4\nice,5\n".as_bytes(), &features).unwrap();
        let mut row = Vec::new();
        while rows.next_row(&mut row).unwrap() {}
        let told: Vec<String> = rows.unseen().collect();
        assert_eq!(told, ["2 rows have a `weather now` that the model has not seen in training, the first is `hail`"]);
    }

    #[test]
    fn what_is_missing_or_no_number_is_told_with_its_line() {
        let fault = all("degrees,id\n1,2\n").unwrap_err();
        assert_eq!(
            fault.to_string(),
            "line 1: the model asks for columns that are not here: `weather now`; name the columns as they were named in training"
        );
        let fault = all("weather_now,degrees\nrain,warm\n").unwrap_err();
        assert_eq!(
            fault.to_string(),
            "line 2: `degrees` is `warm`, where the model wants a number; leave a field empty where the value is not known"
        );
        assert_eq!(all("weather_now,degrees\nrain\n").unwrap_err().line, Some(2));
        assert!(all("").is_err());
    }
}
