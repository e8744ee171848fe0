//! The messages of ONNX that a forest is made of: `onnx/onnx.proto` of <https://github.com/onnx/onnx>, by the numbers of their fields. What
//! else a file holds is left alone.

use crate::fault::Fault;

/// A file.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Model {
    #[prost(message, optional, tag = "7")]
    pub(super) graph: Option<Graph>,
}

/// Operators, each behind those whose results it takes.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Graph {
    #[prost(message, repeated, tag = "1")]
    pub(super) nodes: Vec<Node>,
    #[prost(message, repeated, tag = "5")]
    pub(super) initializers: Vec<Tensor>,
    #[prost(message, repeated, tag = "11")]
    pub(super) inputs: Vec<ValueInfo>,
    #[prost(message, repeated, tag = "12")]
    pub(super) outputs: Vec<ValueInfo>,
}

/// An operator.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Node {
    #[prost(string, repeated, tag = "1")]
    pub(super) inputs: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub(super) outputs: Vec<String>,
    #[prost(string, tag = "3")]
    pub(super) name: String,
    #[prost(string, tag = "4")]
    pub(super) operator: String,
    #[prost(message, repeated, tag = "5")]
    pub(super) attributes: Vec<Attribute>,
}

/// What an operator is told beforehand.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Attribute {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(float, optional, tag = "2")]
    pub(super) float: Option<f32>,
    #[prost(int64, optional, tag = "3")]
    pub(super) whole: Option<i64>,
    #[prost(bytes = "vec", optional, tag = "4")]
    pub(super) text: Option<Vec<u8>>,
    #[prost(message, optional, tag = "5")]
    pub(super) tensor: Option<Tensor>,
    #[prost(float, repeated, tag = "7")]
    pub(super) floats: Vec<f32>,
    #[prost(int64, repeated, tag = "8")]
    pub(super) wholes: Vec<i64>,
    #[prost(bytes = "vec", repeated, tag = "9")]
    pub(super) texts: Vec<Vec<u8>>,
}

/// Numbers.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Tensor {
    #[prost(int64, repeated, tag = "1")]
    pub(super) dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    pub(super) kind: i32,
    #[prost(float, repeated, tag = "4")]
    pub(super) floats: Vec<f32>,
    #[prost(int32, repeated, tag = "5")]
    pub(super) shorts: Vec<i32>,
    #[prost(int64, repeated, tag = "7")]
    pub(super) wholes: Vec<i64>,
    #[prost(string, tag = "8")]
    pub(super) name: String,
    #[prost(bytes = "vec", tag = "9")]
    pub(super) raw: Vec<u8>,
    #[prost(double, repeated, tag = "10")]
    pub(super) doubles: Vec<f64>,
}

/// What goes into a graph, or out of it.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ValueInfo {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(message, optional, tag = "2")]
    pub(super) kind: Option<Type>,
}

/// Its type, where it is a tensor.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Type {
    #[prost(message, optional, tag = "1")]
    pub(super) tensor: Option<TensorType>,
}

/// Of what, and how many.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct TensorType {
    #[prost(int32, tag = "1")]
    pub(super) element: i32,
    #[prost(message, optional, tag = "2")]
    pub(super) shape: Option<Shape>,
}

/// Along which dimensions.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Shape {
    #[prost(message, repeated, tag = "1")]
    pub(super) dims: Vec<Dim>,
}

/// A dimension; none or 0 is one that rows decide.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Dim {
    #[prost(int64, optional, tag = "1")]
    pub(super) size: Option<i64>,
}

/// Elements of tensors, as `TensorProto.DataType` numbers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    Single,
    Double,
    /// Whole numbers, or truth values.
    Whole,
    Text,
}

impl Element {
    pub(super) fn of(number: i32) -> Option<Self> {
        match number {
            1 => Some(Self::Single),
            11 => Some(Self::Double),
            2..=7 | 9 | 12 | 13 => Some(Self::Whole),
            8 => Some(Self::Text),
            _ => None,
        }
    }
}

impl Tensor {
    /// Its numbers, of whatever kind they are.
    pub(super) fn numbers(&self) -> Result<Vec<f64>, String> {
        let raw = |width: usize| {
            let whole = self.raw.len().is_multiple_of(width);
            whole.then(|| self.raw.chunks_exact(width)).ok_or("a tensor is cut".to_owned())
        };
        let numbers: Vec<f64> = match (self.kind, self.raw.is_empty()) {
            (1, true) => self.floats.iter().map(|number| (*number).into()).collect(),
            (1, false) => raw(4)?
                .filter_map(|bytes| bytes.try_into().ok())
                .map(|bytes| f32::from_le_bytes(bytes).into())
                .collect(),
            (11, true) => self.doubles.clone(),
            (11, false) => raw(8)?.filter_map(|bytes| bytes.try_into().ok()).map(f64::from_le_bytes).collect(),
            (7, true) => self.wholes.iter().map(|number| *number as f64).collect(),
            (7, false) => raw(8)?
                .filter_map(|bytes| bytes.try_into().ok())
                .map(|bytes| i64::from_le_bytes(bytes) as f64)
                .collect(),
            (2, true) => self.shorts.iter().map(|number| (*number).into()).collect(),
            (2, false) => self.raw.iter().map(|byte| (*byte).into()).collect(),
            (kind, _) => {
                return Err(format!("a tensor of type {kind}, where single, double, int64 and uint8 are read"));
            }
        };
        Ok(numbers)
    }
}

impl Node {
    /// As a fault names it.
    pub(super) fn path(&self) -> String {
        let result = self.outputs.first().map_or("", String::as_str);
        let name = if self.name.is_empty() { result } else { &self.name };
        format!("{} `{}`", self.operator, name.chars().take(60).collect::<String>())
    }

    pub(super) fn fault(&self, what: impl std::fmt::Display) -> Fault {
        Fault::of(format!("{}: {what}", self.path()))
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }

    pub(super) fn whole(&self, name: &str) -> Option<i64> {
        self.attribute(name).and_then(|attribute| attribute.whole)
    }

    /// A text, cut where nobody would read on.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let text = self.attribute(name)?.text.as_deref()?;
        Some(String::from_utf8_lossy(text).chars().take(60).collect())
    }

    pub(super) fn wholes(&self, name: &str) -> &[i64] {
        self.attribute(name).map_or(&[], |attribute| &attribute.wholes)
    }

    pub(super) fn floats(&self, name: &str) -> &[f32] {
        self.attribute(name).map_or(&[], |attribute| &attribute.floats)
    }

    pub(super) fn texts(&self, name: &str) -> Result<Vec<String>, Fault> {
        let texts = self.attribute(name).map_or(&[][..], |attribute| &attribute.texts);
        let read = texts.iter().map(|text| String::from_utf8(text.clone()));
        read.collect::<Result<_, _>>().map_err(|_| self.fault(format!("`{name}` has a text that is not UTF-8")))
    }

    /// Numbers that stand as singles, or as a tensor under another name.
    pub(super) fn numbers(&self, name: &str) -> Result<Vec<f64>, Fault> {
        let floats = self.floats(name);
        if !floats.is_empty() {
            return Ok(floats.iter().map(|number| (*number).into()).collect());
        }
        let long = format!("{name}_as_tensor");
        let tensor = [name, &long].into_iter().find_map(|name| self.attribute(name)?.tensor.as_ref());
        tensor.map_or_else(
            || Ok(Vec::new()),
            |tensor| tensor.numbers().map_err(|what| self.fault(format!("`{name}`: {what}"))),
        )
    }
}
