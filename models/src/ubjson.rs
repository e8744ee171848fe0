//! Universal Binary JSON (draft 12, <https://ubjson.org>): what XGBoost writes by default, read into the values of JSON.

use serde_json::{Map, Number, Value};

use crate::fault::Fault;

/// How deep containers may stand in each other.
const DEEPEST: usize = 64;

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// What a container says of itself before its contents.
struct Shape {
    /// The type of every value in it.
    kind: Option<u8>,
    count: Option<usize>,
}

/// Reads one value, which is all that the bytes are. Numbers that JSON does not know (NaN, infinities) become null.
pub(crate) fn read(bytes: &[u8]) -> Result<Value, Fault> {
    let mut reader = Reader { bytes, at: 0 };
    let kind = reader.byte()?;
    let value = reader.value(kind, 0)?;
    if reader.at < bytes.len() {
        return Err(reader.fault("something stands behind the end"));
    }
    Ok(value)
}

impl Reader<'_> {
    fn fault(&self, what: &str) -> Fault {
        Fault::of(format!("byte {}: {what}", self.at))
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let bytes = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<N>());
        let bytes = *bytes.ok_or_else(|| self.fault("the file ends here").remedy("it was cut; save it anew"))?;
        self.at += N;
        Ok(bytes)
    }

    fn byte(&mut self) -> Result<u8, Fault> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn value(&mut self, kind: u8, depth: usize) -> Result<Value, Fault> {
        if depth > DEEPEST {
            return Err(self.fault("containers stand too deep in each other"));
        }
        let float = |number: f64| Number::from_f64(number).map_or(Value::Null, Value::Number);
        Ok(match kind {
            b'Z' => Value::Null,
            b'T' => Value::Bool(true),
            b'F' => Value::Bool(false),
            b'd' => float(f64::from(f32::from_be_bytes(self.take()?))),
            b'D' => float(f64::from_be_bytes(self.take()?)),
            b'S' | b'H' => Value::String(self.text()?),
            b'C' => Value::String(char::from(self.byte()?).to_string()),
            b'[' => self.array(depth)?,
            b'{' => self.object(depth)?,
            _ => Value::Number(self.whole(kind)?.into()),
        })
    }

    fn whole(&mut self, kind: u8) -> Result<i64, Fault> {
        Ok(match kind {
            b'i' => self.take::<1>().map(i8::from_be_bytes)?.into(),
            b'U' => self.byte()?.into(),
            b'I' => self.take().map(i16::from_be_bytes)?.into(),
            b'l' => self.take().map(i32::from_be_bytes)?.into(),
            b'L' => self.take().map(i64::from_be_bytes)?,
            _ => return Err(self.fault(&format!("there is no type {:?}", char::from(kind)))),
        })
    }

    fn length(&mut self) -> Result<usize, Fault> {
        let kind = self.byte()?;
        let length = self.whole(kind)?;
        usize::try_from(length).map_err(|_| self.fault("a length below zero"))
    }

    fn text(&mut self) -> Result<String, Fault> {
        let length = self.length()?;
        let end = self.at.checked_add(length);
        let bytes = end.and_then(|end| self.bytes.get(self.at..end));
        let text = bytes.and_then(|bytes| std::str::from_utf8(bytes).ok());
        let text = text.ok_or_else(|| self.fault("a text ends behind the file, or is not UTF-8"))?.to_owned();
        self.at += length;
        Ok(text)
    }

    /// `$type` and `#count`, of which a type has a count.
    fn shape(&mut self) -> Result<Shape, Fault> {
        let kind = if self.skip(b'$') { Some(self.byte()?) } else { None };
        let count = if self.skip(b'#') { Some(self.length()?) } else { None };
        if kind.is_some() && count.is_none() {
            return Err(self.fault("a container of one type does not say how many it holds"));
        }
        // Every value is a byte at least, but for those without contents, of which nobody writes containers.
        if count.is_some_and(|count| count > self.bytes.len()) || kind.is_some_and(|kind| b"ZTFN".contains(&kind)) {
            return Err(self.fault("a container says that it holds more than the file has"));
        }
        Ok(Shape { kind, count })
    }

    fn skip(&mut self, wanted: u8) -> bool {
        let there = self.bytes.get(self.at) == Some(&wanted);
        self.at += usize::from(there);
        there
    }

    fn array(&mut self, depth: usize) -> Result<Value, Fault> {
        let shape = self.shape()?;
        let mut values = Vec::new();
        while shape.count.map_or_else(|| !self.skip(b']'), |count| values.len() < count) {
            let kind = shape.kind.map_or_else(|| self.byte(), Ok)?;
            values.push(self.value(kind, depth + 1)?);
        }
        Ok(Value::Array(values))
    }

    fn object(&mut self, depth: usize) -> Result<Value, Fault> {
        let shape = self.shape()?;
        let mut fields = Map::new();
        let mut read = 0;
        while shape.count.map_or_else(|| !self.skip(b'}'), |count| read < count) {
            let key = self.text()?;
            let kind = shape.kind.map_or_else(|| self.byte(), Ok)?;
            fields.insert(key, self.value(kind, depth + 1)?);
            read += 1;
        }
        Ok(Value::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn containers_and_numbers_of_every_kind_are_read() {
        let bytes = b"{i\x01a[$d#i\x02\x3f\x80\0\0\x7f\xc0\0\0i\x01b[i\xffU\xffI\x01\0l\0\0\0\x01TFZ]i\x01c{#i\x01i\x01xSU\x02hi}";
        assert_eq!(
            read(bytes).unwrap(),
            json!({"a": [1.0, null], "b": [-1, 255, 256, 1, true, false, null], "c": {"x": "hi"}})
        );
    }

    #[test]
    fn what_is_cut_or_claims_too_much_is_refused_with_its_byte() {
        assert_eq!(read(b"[").unwrap_err().to_string(), "byte 1: the file ends here; it was cut; save it anew");
        assert_eq!(
            read(b"[$d#l\x7f\xff\xff\xff").unwrap_err().to_string(),
            "byte 9: a container says that it holds more than the file has"
        );
        assert!(read(&[b'['; 10_000]).unwrap_err().to_string().contains("too deep"));
        assert_eq!(read(b"[?]").unwrap_err().to_string(), "byte 2: there is no type '?'");
        assert_eq!(read(b"TT").unwrap_err().to_string(), "byte 1: something stands behind the end");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(&b"{}[]$#iUdSL"[..])], 0..200)) {
            let _ = read(&bytes);
        }
    }
}
