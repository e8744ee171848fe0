//! Purchases as a file tells them: who, on which day, for how much.

use std::collections::HashMap;
use std::io::{self, BufRead, Read};

use crate::day::Day;
use crate::fault::Fault;

/// What columns are called where nobody says it, letters and digits alone, the first found first. `masterid` and `sales` are those of
/// Fader and Hardie's CDNOW log.
const CUSTOMER: [&str; 9] =
    ["customer", "customerid", "client", "clientid", "user", "userid", "person", "personid", "masterid"];
const DATE: [&str; 9] =
    ["date", "day", "orderdate", "purchasedate", "invoicedate", "datetime", "timestamp", "time", "createdat"];
const AMOUNT: [&str; 6] = ["amount", "sales", "revenue", "total", "spend", "value"];

/// Rows of a file: 16 bytes each are kept.
const MAX_ROWS: usize = 50_000_000;
/// Bytes of a line: nothing longer is a purchase.
const MAX_LINE: usize = 1 << 16;
/// Largest amount of one purchase; sums of [`MAX_ROWS`] of them are exact enough.
const MAX_AMOUNT: f64 = 1e12;

/// Which columns to read. What is `None` is looked for under its usual names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Columns {
    /// Who bought.
    pub customer: Option<String>,
    /// On which day ([`Day::parse`]).
    pub date: Option<String>,
    /// For how much, in whatever unit. A file may have none; then nothing is known of money.
    pub amount: Option<String>,
}

/// Somebody, and the days on which they bought.
#[derive(Debug, Clone, PartialEq)]
pub struct Buyer {
    /// As the file calls them.
    pub name: String,
    /// Days in order, each once, with the sum of its amounts; never empty.
    pub days: Vec<(Day, f64)>,
}

/// Everybody who bought.
#[derive(Debug, Clone, PartialEq)]
pub struct Purchases {
    /// In the order in which the file first names them.
    pub buyers: Vec<Buyer>,
    /// Rows of the file.
    pub rows: usize,
    /// Does the file tell amounts?
    pub has_amounts: bool,
}

impl Purchases {
    /// Reads a CSV file with a first line of names; fields are parted by whichever of `,`, `;` and tab that line has most of. Rows may come in any order, and
    /// those of one customer and one day are one purchase, as in Fader and Hardie's own preparation of their data.
    ///
    /// # Errors
    ///
    /// The first line lacks a column or has it twice; a row has another number of fields than it, no customer, a day that is none, an
    /// amount that is no number from 0 to 1e12; a line is longer than 64 KiB; there are more than 50 million rows, or none. Each names line and column.
    pub fn read(mut source: impl BufRead, columns: &Columns) -> Result<Self, Fault> {
        let begin = source.fill_buf().map_err(|error| Fault::at(1, error.to_string()))?;
        let first = begin.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let count = |delimiter: u8| first.iter().filter(|byte| **byte == delimiter).count();
        let delimiter = [b',', b';', b'\t'].into_iter().rev().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',');
        let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(Lines { source, run: 0 });
        let header = reader.headers().map_err(|error| told(&error))?.clone();
        let customer = need(&header, columns.customer.as_deref(), &CUSTOMER, "customers", "--customer")?;
        let date = need(&header, columns.date.as_deref(), &DATE, "dates", "--date")?;
        let amount = find(&header, columns.amount.as_deref(), &AMOUNT)?;
        if let (Some(named), None) = (&columns.amount, amount) {
            return Err(lacks(&header, named));
        }
        let mut table = Table::default();
        let (mut record, mut rows) = (csv::StringRecord::new(), 0);
        while reader.read_record(&mut record).map_err(|error| told(&error))? {
            let line = record.position().map_or(0, |position| number(position.line()));
            rows += 1;
            if rows > MAX_ROWS {
                return Err(Fault::at(line, "there are more than 50,000,000 rows")
                    .remedy("take a sample of the customers, with all their purchases"));
            }
            let field = |place: usize| record.get(place).unwrap_or_default().trim();
            let name = |place: usize| cut(header.get(place).unwrap_or_default());
            let who = field(customer);
            if who.is_empty() {
                return Err(Fault::at(line, format!("`{}` is empty", name(customer)))
                    .remedy("leave out purchases of which nobody knows who made them"));
            }
            let day = Day::parse(field(date)).ok_or_else(|| {
                Fault::at(line, format!("`{}` is `{}`, which is no day", name(date), cut(field(date))))
                    .remedy("write 2026-11-26 or 20261126, alone or before a time")
            })?;
            let spent = match amount {
                Some(place) => money(field(place)).ok_or_else(|| {
                    Fault::at(line, format!("`{}` is `{}`, where an amount from 0 is needed", name(place), cut(field(place))))
                        .remedy("write 12.50 without a currency, and leave refunds out or take them off the purchase they belong to")
                })?,
                None => 0.0,
            };
            table.add(who, day, spent);
        }
        if rows == 0 {
            return Err(Fault::of("there is no purchase below the first line"));
        }
        Ok(Self { buyers: table.fold(), rows, has_amounts: amount.is_some() })
    }

    /// The day of the first purchase of all.
    #[must_use]
    pub fn first(&self) -> Option<Day> {
        self.buyers.iter().filter_map(|buyer| buyer.days.first()).map(|(day, _)| *day).min()
    }

    /// The day of the last.
    #[must_use]
    pub fn last(&self) -> Option<Day> {
        self.buyers.iter().filter_map(|buyer| buyer.days.last()).map(|(day, _)| *day).max()
    }
}

#[derive(Default)]
struct Table {
    places: HashMap<String, usize>,
    buyers: Vec<Buyer>,
}

impl Table {
    fn add(&mut self, who: &str, day: Day, spent: f64) {
        let place = self.places.get(who).copied().unwrap_or_else(|| {
            self.buyers.push(Buyer { name: who.to_owned(), days: Vec::new() });
            self.places.insert(who.to_owned(), self.buyers.len() - 1);
            self.buyers.len() - 1
        });
        if let Some(buyer) = self.buyers.get_mut(place) {
            buyer.days.push((day, spent));
        }
    }

    fn fold(self) -> Vec<Buyer> {
        let mut buyers = self.buyers;
        for buyer in &mut buyers {
            // By amount as well, so that sums do not depend on the order of the rows.
            buyer.days.sort_by(|one, other| one.0.cmp(&other.0).then(one.1.total_cmp(&other.1)));
            buyer.days.dedup_by(|next, kept| {
                let is_same = next.0 == kept.0;
                if is_same {
                    kept.1 += next.1;
                }
                is_same
            });
        }
        buyers
    }
}

fn money(field: &str) -> Option<f64> {
    field.parse().ok().filter(|amount| (0.0..=MAX_AMOUNT).contains(amount))
}

/// Letters and digits of a name, small.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The place of a column: as it was named, or under one of its usual names.
fn find(header: &csv::StringRecord, named: Option<&str>, usual: &[&str]) -> Result<Option<usize>, Fault> {
    let wanted: Vec<String> =
        named.map_or_else(|| usual.iter().map(|name| (*name).to_owned()).collect(), |name| vec![plain(name)]);
    for name in wanted {
        let mut places = header.iter().enumerate().filter(|(_, column)| plain(column) == name).map(|(place, _)| place);
        if let Some(place) = places.next() {
            return match places.next() {
                Some(_) => Err(Fault::at(
                    1,
                    format!("the column `{}` is there twice", cut(header.get(place).unwrap_or_default())),
                )
                .remedy("give each column a name of its own")),
                None => Ok(Some(place)),
            };
        }
    }
    Ok(None)
}

fn need(
    header: &csv::StringRecord,
    named: Option<&str>,
    usual: &[&str],
    what: &str,
    flag: &str,
) -> Result<usize, Fault> {
    find(header, named, usual)?.ok_or_else(|| match named {
        Some(named) => lacks(header, named),
        None => Fault::at(
            1,
            format!(
                "no column is called as one of {what} usually is; there are {}; name it with {flag}",
                names(header)
            ),
        ),
    })
}

fn lacks(header: &csv::StringRecord, named: &str) -> Fault {
    Fault::at(1, format!("there is no column `{}`; there are {}", cut(named), names(header)))
}

fn names(header: &csv::StringRecord) -> String {
    let more = header.len().saturating_sub(12);
    let named = header.iter().take(12).map(|name| format!("`{}`", cut(name))).collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{named} and {more} more") } else { named }
}

fn cut(text: &str) -> String {
    text.trim().trim_start_matches('\u{feff}').chars().take(40).collect()
}

fn told(error: &csv::Error) -> Fault {
    let what = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("there are {len} fields where the first line has {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => "this is not UTF-8".to_owned(),
        csv::ErrorKind::Io(error) => error.to_string(),
        _ => error.to_string(),
    };
    error
        .position()
        .map_or_else(|| Fault::of(what.clone()), |position| Fault::at(number(position.line()), what.clone()))
}

fn number(line: u64) -> usize {
    usize::try_from(line).unwrap_or(usize::MAX)
}

/// Refuses a line without an end, which would be kept whole until it comes.
struct Lines<R> {
    source: R,
    run: usize,
}

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        for byte in buffer.iter().take(read) {
            self.run = if *byte == b'\n' { 0 } else { self.run + 1 };
            if self.run > MAX_LINE {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "a line is longer than 65,536 bytes; is this a CSV file?",
                ));
            }
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Purchases, Fault> {
        Purchases::read(text.as_bytes(), &Columns::default())
    }

    #[test]
    fn purchases_of_one_day_are_one_in_whatever_order_rows_come() {
        let text = "Customer ID;Order-Date;Sales\nanna;2026-03-02;5\nbo;20260302;1.5\nanna;2026-03-01T20:00;2\nanna;2026-03-02 08:00;2.5\n";
        let purchases = read(text).unwrap();
        let day = |text| Day::parse(text).unwrap();
        assert_eq!(purchases.rows, 4);
        assert_eq!(
            purchases.buyers[0],
            Buyer { name: "anna".to_owned(), days: vec![(day("20260301"), 2.0), (day("20260302"), 7.5)] }
        );
        assert_eq!(
            (purchases.buyers.len(), purchases.first(), purchases.last()),
            (2, Some(day("20260301")), Some(day("20260302")))
        );
    }

    #[test]
    fn columns_can_be_named_and_a_file_without_amounts_tells_of_days_alone() {
        let columns = Columns { customer: Some("buyer".to_owned()), date: Some("When".to_owned()), amount: None };
        let purchases = Purchases::read("\u{feff}buyer\twhen\n7\t20260101\n".as_bytes(), &columns).unwrap();
        assert!(!purchases.has_amounts && purchases.buyers.len() == 1);
    }

    #[test]
    fn faults_name_line_and_column_and_a_remedy() {
        let told = |text: &str| read(text).unwrap_err().to_string();
        assert_eq!(
            told("customer,date,amount\na,2026-01-01,1\na,1.2.2026,1\n"),
            "line 3: `date` is `1.2.2026`, which is no day; write 2026-11-26 or 20261126, alone or before a time"
        );
        assert!(
            told("customer,date,amount\na,2026-01-01,-4\n")
                .starts_with("line 2: `amount` is `-4`, where an amount from 0 is needed; write 12.50")
        );
        assert!(told("customer,date,amount\na,2026-01-01,NaN\n").starts_with("line 2: `amount` is `NaN`"));
        assert!(told("customer,date,amount\n ,2026-01-01,4\n").starts_with("line 2: `customer` is empty"));
        assert_eq!(
            told("customer,date,amount\na,2026-01-01\n"),
            "line 2: there are 2 fields where the first line has 3"
        );
        assert_eq!(
            told("who,date\na,2026-01-01\n"),
            "line 1: no column is called as one of customers usually is; there are `who`, `date`; name it with --customer"
        );
        assert_eq!(
            told("customer,date,Date\na,2026-01-01,1\n"),
            "line 1: the column `date` is there twice; give each column a name of its own"
        );
        assert_eq!(told("customer,date,amount\n"), "there is no purchase below the first line");
        assert!(told("").contains("no column"));
        let named = Columns { amount: Some("worth".to_owned()), ..Columns::default() };
        let fault = Purchases::read("customer,date\na,20260101\n".as_bytes(), &named).unwrap_err();
        assert_eq!(fault.to_string(), "line 1: there is no column `worth`; there are `customer`, `date`");
        let long = format!("customer,date\n{}", "a".repeat(70_000));
        assert!(told(&long).contains("longer than 65,536 bytes"), "{}", told(&long));
        assert!(
            Purchases::read(&b"customer,date\n\xff,20260101\n"[..], &Columns::default())
                .unwrap_err()
                .to_string()
                .contains("not UTF-8")
        );
    }
}
