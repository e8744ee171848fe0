//! What comes in wrong is refused with its line, and nothing that comes in panics.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on says why by panicking"
)]

use std::{
    fs,
    io::{self, Read, Write as _},
    path::Path,
    process::{Command, Output},
};

use flate2::{Compression, write::GzEncoder};
use petitfour_linkage::{Kind, Mapping, Options, ResolveError, Table, TableError, resolve};
use proptest::prelude::*;

fn table(text: &str) -> Result<Table, TableError> {
    Table::read(text.as_bytes())
}

fn refused(text: &str) -> ResolveError {
    resolve(&table(text).expect("a table"), &Options::default()).expect_err("a refusal")
}

#[test]
fn a_ragged_row_is_refused_with_its_line() {
    let refusal = table("surname,dob\nbyron,1815\nking,1805,x\n").expect_err("a refusal");
    assert_eq!(refusal, TableError::Width { line: 3, found: 3, expected: 2 });
    assert!(refusal.to_string().starts_with("line 3:"));
}

#[test]
fn lines_are_counted_through_quoted_breaks() {
    let refusal = table("surname,dob\n\"by\nron\",1815\nking\n").expect_err("a refusal");
    assert_eq!(refusal, TableError::Width { line: 4, found: 1, expected: 2 });
}

#[test]
fn bytes_that_are_no_text_are_refused_with_their_line() {
    let refusal = Table::read(&b"surname,dob\nbyron,1815\nk\xffng,1805\n"[..]).expect_err("a refusal");
    assert_eq!(refusal, TableError::Text { line: 3 });
}

#[test]
fn an_empty_file_and_a_doubled_column_are_refused() {
    assert_eq!(table(""), Err(TableError::Empty));
    assert_eq!(table("dob,dob\n1,2\n"), Err(TableError::Header { column: "dob".to_owned() }));
}

#[test]
fn a_field_of_a_hundred_megabytes_is_refused_before_it_is_held() {
    // An open quote, then one letter for ever; counted, to see that reading stopped early.
    struct Endless(u64);
    impl Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            buffer.fill(b'x');
            self.0 += buffer.len() as u64;
            Ok(if self.0 > 100_000_000 { 0 } else { buffer.len() })
        }
    }
    let mut endless = Endless(0);
    let refusal = Table::read((&b"surname,dob\n\"open"[..]).chain(&mut endless)).expect_err("a refusal");
    assert_eq!(refusal, TableError::Long { line: 2 });
    assert!(endless.0 < 3_000_000, "{} bytes were read", endless.0);
}

#[test]
fn a_table_without_a_persons_columns_is_refused() {
    assert_eq!(refused("colour,weight\nred,1\nblue,2\n").code(), "mapping/no-evidence");
}

#[test]
fn one_record_and_records_that_are_all_equal_are_refused() {
    assert_eq!(refused("surname,dob\n"), ResolveError::Few);
    assert_eq!(refused("surname,dob\nbyron,1815-12-10\n"), ResolveError::Few);
    assert_eq!(refused("surname,dob\nbyron,1815\nbyron,1815\nbyron,1815\n"), ResolveError::Constant);
    assert_eq!(refused("surname,dob\n,\n,\n"), ResolveError::Constant);
}

#[test]
fn a_mapping_says_what_a_column_is_and_names_only_columns_that_are_there() {
    let records =
        table("a,b,surname\nada,10.12.1815,byron\nada,10.12.1815,byron\nmary,1.2.1780,king\n").expect("a table");
    let mapping = |text: &str| Options { mapping: Mapping::parse(text).expect("a mapping") };
    let said = mapping(r#"{"columns": {"a": "given_name", "b": "birth_date", "surname": "ignore"}}"#);
    let used = resolve(&records, &said).expect("people").used;
    assert_eq!(used, [("a".to_owned(), Kind::GivenName), ("b".to_owned(), Kind::BirthDate)]);
    let wrong = mapping(r#"{"columns": {"c": "city"}}"#);
    assert_eq!(resolve(&records, &wrong).expect_err("a refusal").code(), "mapping/unknown");
    assert!(
        Mapping::parse(r#"{"columns": {"a": "shoe_size"}}"#).expect_err("a refusal").to_string().contains("line 1")
    );
}

#[test]
fn separators_marks_and_compression_are_found_out() {
    let expected = table("surname,dob\nbyron,1815\n").expect("a table");
    assert_eq!(table("surname;dob\nbyron;1815\n"), Ok(expected.clone()));
    assert_eq!(table("surname\tdob\r\nbyron\t1815\r\n"), Ok(expected.clone()));
    assert_eq!(table("\u{feff}surname, dob\nbyron, 1815\n"), Ok(expected.clone()));
    let mut zipped = GzEncoder::new(Vec::new(), Compression::fast());
    zipped.write_all(b"surname,dob\nbyron,1815\n").expect("memory");
    let zipped = zipped.finish().expect("memory");
    assert_eq!(Table::read(zipped.as_slice()), Ok(expected));
    assert_eq!(Table::read(&zipped[..12]).expect_err("cut off").code(), "table/io");
}

fn command(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_petitfour-linkage")).args(arguments).output().expect("it runs")
}

#[test]
fn the_command_writes_edges_and_clusters_and_explains_two_records() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/people/febrl/dataset1.csv.gz");
    let (file, out) = (file.to_str().expect("a path"), folder.path().join("people"));
    let resolved = command(&["resolve", file, "--out", out.to_str().expect("a path")]);
    assert!(resolved.status.success(), "{}", String::from_utf8_lossy(&resolved.stderr));
    let edges = fs::read_to_string(out.join("edges.csv")).expect("edges");
    let edge = edges.lines().nth(1).expect("an edge");
    let mut names = edge.split(',');
    let (left, right) = (names.next().expect("a name"), names.next().expect("a name"));
    assert!(edge.contains("soc_sec_id=") && left.starts_with("rec-"), "{edge}");
    let clusters = fs::read_to_string(out.join("clusters.csv")).expect("clusters");
    assert_eq!(clusters.lines().count(), 1_001);
    let explained = command(&["explain", file, left, right]);
    let text = String::from_utf8_lossy(&explained.stdout).into_owned();
    assert!(text.contains("date_of_birth") && text.contains('█') && text.contains("one person's"), "{text}");
    let unknown = command(&["explain", file, left, "nobody"]);
    assert_eq!(unknown.status.code(), Some(1));
}

#[test]
fn the_command_names_file_and_line_of_a_fault() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("broken.csv");
    fs::write(&file, "surname,dob\nbyron\n").expect("a file");
    let refused = command(&["resolve", file.to_str().expect("a path"), "--out", "unused"]);
    let text = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1));
    assert!(text.contains("broken.csv") && text.contains("line 2"), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn bytes_of_any_kind_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(table) = Table::read(bytes.as_slice()) {
            let _ = resolve(&table, &Options::default());
        }
    }

    #[test]
    fn fields_of_any_kind_never_panic(rows in proptest::collection::vec(proptest::collection::vec("(\\PC{0,12}|[0-9/.-]{0,10}|[a-z]{1,3}@[a-z.]{0,6})", 12), 0..24)) {
        let columns = [
            "first_name", "surname", "full_name", "dob", "email", "phone", "postcode", "city", "street", "house_number", "occupation", "ssn",
        ];
        let mut table = Table::new(columns).expect("columns");
        for row in rows {
            table.push(row).expect("a row");
        }
        if let Ok(resolution) = resolve(&table, &Options::default()) {
            prop_assert_eq!(resolution.clusters.iter().map(Vec::len).sum::<usize>(), table.len());
            prop_assert!(resolution.edges.iter().all(|edge| edge.probability.is_finite()));
        }
    }
}
