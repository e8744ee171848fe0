//! Whether the bytes of one event are small and flat enough to be read at all.
//!
//! One pass over the bytes, before anything is built of them: what is refused here has cost no memory. JSON itself is checked by
//! whoever reads it; of a text that is no JSON, this may say anything but must end.

use serde_json::{Map, Value};

use super::fault::Fault;
use crate::event::EVENT_BYTES;

/// Deepest nesting of objects and arrays. Segment's own libraries reach 5; a parser's stack and a reader's patience want a bound.
pub const DEPTH: usize = 16;

/// Most values in one event, members of objects and elements of arrays together: 32 KB of `1,1,1…` would take a megabyte to hold.
pub const VALUES: usize = 2_048;

/// Checks size, depth, number of values, and that no text holds U+0000, which no database keeps.
///
/// # Errors
/// `event/size`, `event/depth`, `event/values`, `event/nul`.
pub fn check(bytes: &[u8]) -> Result<(), Fault> {
    if bytes.len() > EVENT_BYTES {
        return Err(Fault::new(
            "event/size",
            "",
            format!("the event is longer than {EVENT_BYTES} bytes; send less in it"),
        ));
    }
    let (mut depth, mut values) = (0_usize, 0_usize);
    let mut rest = bytes;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'"' => rest = text(rest)?,
            b'{' | b'[' => {
                depth += 1;
                values += 1;
                if depth > DEPTH {
                    return Err(Fault::new(
                        "event/depth",
                        "",
                        format!("objects and arrays are nested deeper than {DEPTH}"),
                    ));
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' => values += 1,
            _ => {}
        }
    }
    if values > VALUES {
        return Err(Fault::new(
            "event/values",
            "",
            format!("the event has more than {VALUES} values; send less in it"),
        ));
    }
    Ok(())
}

/// Reads an event that [`check`] has passed. Of two members of one name the later counts, as JavaScript has it.
///
/// # Errors
/// `event/json`, `event/object`.
pub fn object(bytes: &[u8]) -> Result<Map<String, Value>, Fault> {
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Fault::new("event/object", "", "an event has to be an object")),
        Err(error) => Err(Fault::json("event/json", &error)),
    }
}

/// What follows the text that `rest` is inside of.
fn text(mut rest: &[u8]) -> Result<&[u8], Fault> {
    while let Some(place) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\')) {
        let Some((found, after)) = rest.get(place..).and_then(<[u8]>::split_first) else { break };
        if *found == b'"' {
            return Ok(after);
        }
        if after.starts_with(b"u0000") {
            return Err(Fault::new("event/nul", "", "a text holds U+0000, which cannot be stored; leave it out"));
        }
        rest = after.get(1..).unwrap_or_default();
    }
    Ok(&[])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Option<&'static str> {
        check(text.as_bytes()).err().map(|fault| fault.code)
    }

    #[test]
    fn what_is_too_much_is_refused_by_its_own_code() {
        assert_eq!(code(&"x".repeat(EVENT_BYTES + 1)), Some("event/size"));
        assert_eq!(code(&"[".repeat(17)), Some("event/depth"));
        assert_eq!(code(&format!("[{}1]", "1,".repeat(2_048))), Some("event/values"));
        assert_eq!(code(r#"{"a":"b\u0000"}"#), Some("event/nul"));
    }

    #[test]
    fn what_only_looks_like_it_is_taken() {
        assert_eq!(code(r#"{"a":"[[[[[[[[[[[[[[[[[[[[","b":"\\u0000","c":"\"{"}"#), None);
        assert_eq!(code(&format!("{}{}", "[".repeat(16), "]".repeat(16))), None);
    }
}
