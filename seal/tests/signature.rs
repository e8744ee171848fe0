//! What a signature holds against, and that the same file is believed here and by WebCrypto (`wasm-tests/signature.test.mjs`).

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that fails here has failed"
)]

use petitfour::bundle;
use petitfour_compiler::{Source, compile};
use petitfour_seal::{Author, Error, Public, SIGNATURE, sign, verify};
use proptest::prelude::*;

fn made(version: u64) -> Vec<u8> {
    let text = format!(
        "petitfour: 1\nversion: {version}\nsite: signed\nplacements: {{ hero: {{ fallback: house }} }}\nfallbacks: {{ house: {{ headline: House }} }}\n"
    );
    compile(&[Source { name: "test.yaml".to_owned(), text }], &|_| None).bundle.expect("it compiles")
}

#[test]
fn a_signed_bundle_opens_as_before_and_is_its_authors() {
    let author = Author::random();
    let bytes = made(7);
    let signed = sign(&bytes, &author).unwrap();
    let (before, after) = (bundle::open(bytes).unwrap(), bundle::open(signed.clone()).unwrap());
    assert_eq!(before.placements().count(), after.placements().count());
    let verified = verify(&signed, &[Author::random().public(), author.public()], 7).unwrap();
    assert_eq!((verified.version, verified.key), (7, author.public()));
    assert_eq!(verify(&signed, &[author.public()], 8), Err(Error::Version));
    assert_eq!(verify(&signed, &[Author::random().public()], 0), Err(Error::Key));
    assert_eq!(verify(&made(7), &[author.public()], 0), Err(Error::Unsigned));
}

#[test]
fn signing_again_replaces_the_signature() {
    let (first, second) = (Author::random(), Author::random());
    let once = sign(&made(1), &first).unwrap();
    let twice = sign(&once, &second).unwrap();
    assert_eq!(once.len(), twice.len());
    assert_eq!(verify(&twice, &[first.public()], 0), Err(Error::Key));
    assert_eq!(verify(&twice, &[second.public()], 0).unwrap().version, 1);
    assert!(bundle::open(twice).is_ok());
}

#[test]
fn keys_are_read_as_they_are_written() {
    let author = Author::random();
    let again = Author::parse(&author.pem().unwrap()).unwrap();
    assert_eq!(again.public(), author.public());
    let text = author.public().text();
    assert_eq!(text.len(), 87);
    assert_eq!(Public::parse(&format!("{text}\n")), Ok(author.public()));
    assert_eq!(Public::parse("BAAA"), Err(Error::Malformed));
    assert!(Author::parse("-----BEGIN PRIVATE KEY-----").is_err());
}

#[test]
fn whatever_bit_is_turned_it_is_not_believed() {
    let author = Author::random();
    let signed = sign(&made(3), &author).unwrap();
    for at in (0..signed.len()).filter(|at| !(24..32).contains(at)) {
        let mut changed = signed.clone();
        changed[at] ^= 1 << (at % 8);
        assert!(verify(&changed, &[author.public()], 0).is_err(), "byte {at}");
        assert!(verify(&signed[..at], &[author.public()], 0).is_err(), "cut at {at}");
    }
    let mut hash = signed.clone();
    hash[25] ^= 1;
    assert_eq!(bundle::open(hash).err(), Some(bundle::Error::Damaged), "the hash is the engine's to check");
}

proptest! {
    #[test]
    fn any_bytes_get_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..400), head in any::<bool>()) {
        let author = Author::random();
        let mut bytes = bytes;
        if head {
            bytes.splice(0..0, *b"PF4B\x01\x00");
        }
        prop_assert!(verify(&bytes, &[author.public()], 0).is_err());
        prop_assert!(sign(&bytes, &author).is_err());
        prop_assert!(SIGNATURE == 64);
    }
}
