//! A value of JSON that knows the way to it, so that a fault can name its field.

use serde_json::Value;

use crate::fault::Fault;

/// A value, and the way to it.
#[derive(Clone)]
pub(crate) struct Place<'a> {
    pub(crate) value: &'a Value,
    pub(crate) path: String,
    /// What to do where a field is missing.
    remedy: &'static str,
}

/// Reads JSON.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, Fault> {
    serde_json::from_slice(bytes).map_err(|error| {
        if error.is_eof() {
            return Fault::at(error.line(), "the file ends in the middle: it was cut").remedy("save it anew");
        }
        // What serde_json counts, which is no fault of the JSON.
        if error.to_string().starts_with("recursion limit") {
            let what = "something lies more than 127 deep in the file, as trees do that are deeper than that";
            return Fault::at(error.line(), what).remedy("train with a bounded depth (`max_depth`)");
        }
        Fault::at(error.line(), format!("no JSON: {error}"))
    })
}

impl<'a> Place<'a> {
    /// The whole of a file; `remedy` is for whoever misses a field in it.
    pub(crate) fn root(value: &'a Value, remedy: &'static str) -> Self {
        Self { value, path: String::new(), remedy }
    }

    /// What is wrong here.
    pub(crate) fn fault(&self, what: impl std::fmt::Display) -> Fault {
        Fault::of(format!("{}: {what}", self.path))
    }

    pub(crate) fn field(&self, key: &str) -> Result<Place<'a>, Fault> {
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        let value = self.value.get(key);
        let value = value.ok_or_else(|| Fault::of(format!("{path} is missing")).remedy(self.remedy))?;
        Ok(Place { value, path, remedy: self.remedy })
    }

    pub(crate) fn items(&self) -> Result<Vec<Place<'a>>, Fault> {
        let items = self.value.as_array().ok_or_else(|| Fault::of(format!("{} is no list", self.path)))?;
        Ok(items
            .iter()
            .enumerate()
            .map(|(number, value)| Place { value, path: format!("{}[{number}]", self.path), remedy: self.remedy })
            .collect())
    }

    pub(crate) fn text(&self) -> Result<String, Fault> {
        self.value.as_str().map(str::to_owned).ok_or_else(|| Fault::of(format!("{} is no text", self.path)))
    }

    /// A number, or one that stands as text, perhaps alone in brackets (`"[5E-1]"`).
    pub(crate) fn number<T: FromNumber>(&self) -> Result<T, Fault> {
        T::from_number(self.value).ok_or_else(|| {
            let cut: String = self.value.to_string().chars().take(40).collect();
            Fault::of(format!("{} is {cut}, which is not such a number", self.path))
        })
    }

    pub(crate) fn numbers<T: FromNumber>(&self) -> Result<Vec<T>, Fault> {
        let items = self.value.as_array().ok_or_else(|| Fault::of(format!("{} is no list", self.path)))?;
        let read = items.iter().enumerate().map(|(number, value)| {
            T::from_number(value)
                .ok_or_else(|| Fault::of(format!("{}[{number}] is {value}, which is not such a number", self.path)))
        });
        read.collect()
    }

    pub(crate) fn column<T: FromNumber>(&self, key: &str, wanted: usize) -> Result<Vec<T>, Fault> {
        let place = self.field(key)?;
        let numbers = place.numbers::<T>()?;
        if numbers.len() != wanted {
            return Err(Fault::of(format!("{} has {} numbers where {wanted} are needed", place.path, numbers.len())));
        }
        Ok(numbers)
    }
}

/// A number as a library writes it.
pub(crate) trait FromNumber: Sized {
    fn from_number(value: &Value) -> Option<Self>;
}

macro_rules! whole {
    ($($kind:ty),*) => {$(
        impl FromNumber for $kind {
            fn from_number(value: &Value) -> Option<Self> {
                match value {
                    Value::Bool(truth) => Some((*truth).into()),
                    Value::String(text) => text.trim_matches(['[', ']']).parse().ok(),
                    other => other.as_i64().and_then(|number| number.try_into().ok()),
                }
            }
        }
    )*};
}
whole!(u8, u32, u64, i32, i64);

impl FromNumber for usize {
    fn from_number(value: &Value) -> Option<Self> {
        u64::from_number(value).and_then(|number| number.try_into().ok())
    }
}

impl FromNumber for f64 {
    fn from_number(value: &Value) -> Option<Self> {
        value.as_f64()
    }
}

impl FromNumber for f32 {
    fn from_number(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => text.trim_matches(['[', ']']).parse().ok(),
            other => other.as_f64().map(|number| number as f32),
        }
    }
}
