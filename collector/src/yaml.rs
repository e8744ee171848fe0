//! YAML as the same value that JSON gives, so that one set of types reads both.
//!
//! Absent on purpose: tags, keys that are no texts, and more than one document. An alias is read as a copy of what it
//! stands for, within the reader's bound; it is for files that whoever runs this wrote, not for bytes from outside.

use anyhow::{bail, ensure};
use saphyr::{LoadableYamlNode as _, Scalar, Yaml};
use serde_json::{Map, Number, Value};

/// Reads one document; an empty text is an empty mapping.
///
/// # Errors
/// When it is not YAML, with line and column, or uses what is left out here.
pub fn read(text: &str) -> anyhow::Result<Value> {
    let documents = Yaml::load_from_str(text)?;
    ensure!(documents.len() <= 1, "there is more than one document; put everything into one");
    documents.first().map_or_else(|| Ok(Value::Object(Map::new())), value)
}

fn value(yaml: &Yaml<'_>) -> anyhow::Result<Value> {
    Ok(match yaml {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(yes)) => (*yes).into(),
        Yaml::Value(Scalar::Integer(number)) => (*number).into(),
        Yaml::Value(Scalar::FloatingPoint(number)) => match Number::from_f64(number.into_inner()) {
            Some(number) => number.into(),
            None => bail!("a number is neither infinite nor undefined"),
        },
        Yaml::Value(Scalar::String(text)) => text.as_ref().into(),
        Yaml::Sequence(items) => Value::Array(items.iter().map(value).collect::<anyhow::Result<_>>()?),
        Yaml::Mapping(entries) => {
            let mut object = Map::new();
            for (key, item) in entries {
                let Some(key) = key.as_str() else { bail!("a key is a text; put it in quotes") };
                object.insert(key.to_owned(), value(item)?);
            }
            Value::Object(object)
        }
        Yaml::Alias(_) | Yaml::BadValue | Yaml::Tagged(..) | Yaml::Representation(..) => {
            bail!("a tag or an alias does not read; write the value out")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn yaml_reads_as_json_would() {
        let read = read("a: [1, 2.5, yes, null, \"3\"]\nb: { c: text }\n").unwrap();
        assert_eq!(read, json!({ "a": [1, 2.5, "yes", null, "3"], "b": { "c": "text" } }));
        assert_eq!(super::read("").unwrap(), json!({}));
    }

    #[test]
    fn what_would_surprise_is_refused() {
        for text in ["a: !x 1", "1: 2", "a: 1\n---\nb: 2", "a: [", "a: 1\na: 2", "a: .nan"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
