//! What may stand before the trees: operators that choose, cast, scale and fill numbers, and make numbers of texts.

use std::collections::HashMap;

use crate::fault::Fault;
use crate::onnx::columns::{Column, Step, category};
use crate::onnx::proto::{Element, Node, Tensor};
use crate::onnx::{Reader, Value, grow, unread};

impl Reader {
    /// Rows stay rows.
    pub(super) fn reshape(&self, node: &Node) -> Result<Value, Fault> {
        let (columns, element) = self.columns(node, 0)?;
        if node.operator == "Reshape" {
            let kept = match self.whole(node, 1)? {
                [_, width] => *width == -1.0 || *width == columns.len() as f64,
                _ => false,
            };
            if !kept {
                return Err(node.fault(format!("it makes something else of {} columns", columns.len())));
            }
        }
        Ok(Value::Columns(columns, element))
    }

    pub(super) fn concat(&self, node: &Node) -> Result<Value, Fault> {
        let (mut all, mut cells) = (Vec::new(), 0);
        let mut kind = None;
        for place in 0..node.inputs.len() {
            let (mut columns, element) = self.columns(node, place)?;
            columns.iter().try_for_each(|column| grow(node, &mut cells, column.cells()))?;
            all.append(&mut columns);
            kind.get_or_insert(element);
        }
        let kind = kind.ok_or_else(|| unread(node))?;
        if node.operator == "Concat" && !matches!(node.whole("axis"), Some(1 | -1)) {
            return Err(node.fault("it puts rows together"));
        }
        if node.operator == "FeatureVectorizer" {
            return Ok(single(all));
        }
        Ok(Value::Columns(all, kind))
    }

    pub(super) fn chosen(&self, node: &Node) -> Result<Value, Fault> {
        let (columns, element) = self.columns(node, 0)?;
        if node.operator == "Gather" && node.whole("axis") != Some(1) {
            return Err(node.fault("it chooses rows"));
        }
        let wanted = self.whole(node, 1)?;
        let mut cells = 0;
        let chosen = wanted.iter().map(|place| {
            let column = columns.get(*place as usize).filter(|_| *place >= 0.0);
            let column =
                column.ok_or_else(|| node.fault(format!("column {place} is not there, but {} are", columns.len())))?;
            grow(node, &mut cells, column.cells())?;
            Ok(column.clone())
        });
        Ok(Value::Columns(chosen.collect::<Result<_, Fault>>()?, element))
    }

    pub(super) fn cast(&self, node: &Node) -> Result<Value, Fault> {
        let (mut columns, from) = self.columns(node, 0)?;
        let to = node.whole("to").and_then(|to| i32::try_from(to).ok()).and_then(Element::of);
        match to {
            _ if from == Element::Text => Err(unread(node)),
            Some(Element::Single) => Ok(single(columns)),
            Some(Element::Double) => Ok(Value::Columns(columns, Element::Double)),
            Some(Element::Whole) => {
                for column in &mut columns {
                    match column {
                        Column::Number { element, cut, steps, .. } if steps.is_empty() => {
                            *cut |= *element != Element::Whole
                        }
                        Column::Coded { values, other, .. } => {
                            values.iter_mut().for_each(|(_, value)| *value = value.trunc());
                            *other = other.trunc();
                        }
                        _ => return Err(node.fault("numbers that were scaled or filled in are cut to whole ones")),
                    }
                }
                Ok(Value::Columns(columns, Element::Whole))
            }
            _ => Err(unread(node)),
        }
    }

    pub(super) fn scaled(&self, node: &Node) -> Result<Value, Fault> {
        let (columns, _) = self.columns(node, 0)?;
        let (offsets, scales) = (node.floats("offset"), node.floats("scale"));
        if offsets.len() != scales.len() || !(offsets.len() == columns.len() || offsets.len() == 1) {
            return Err(node.fault(format!(
                "{} offsets and {} scales of {} columns",
                offsets.len(),
                scales.len(),
                columns.len()
            )));
        }
        let steps = offsets.iter().zip(scales).map(|(offset, scale)| {
            let sound = offset.is_finite() && scale.is_finite() && *scale != 0.0;
            sound
                .then_some(Step::Scale { offset: *offset, scale: *scale })
                .ok_or_else(|| node.fault(format!("an offset of {offset} and a scale of {scale}")))
        });
        stepped(node, columns, &steps.collect::<Result<Vec<_>, _>>()?)
    }

    pub(super) fn filled(&self, node: &Node) -> Result<Value, Fault> {
        let (columns, _) = self.columns(node, 0)?;
        let replaced = node.attribute("replaced_value_float").and_then(|value| value.float).unwrap_or_default();
        let filled = node.floats("imputed_value_floats");
        if !replaced.is_nan() || !(filled.len() == columns.len() || filled.len() == 1) {
            return Err(node
                .fault(format!("{replaced} is replaced by {} numbers", filled.len()))
                .remedy("what is missing (NaN) can be filled in, with one number for each column"));
        }
        let steps: Vec<Step> = filled.iter().map(|filled| Step::Fill(*filled)).collect();
        stepped(node, columns, &steps)
    }

    /// A column for each category of each column: 1 where it is that one.
    pub(super) fn one_hot(&mut self, node: &Node) -> Result<Value, Fault> {
        let (columns, _) = self.columns(node, 0)?;
        let (texts, wholes) = (node.texts("cats_strings")?, node.wholes("cats_int64s"));
        let (mut all, mut cells) = (Vec::new(), 0);
        for column in columns {
            let feature = column.feature();
            let categories = texts.len().max(wholes.len());
            grow(node, &mut cells, categories.saturating_mul(1 + column.cells()))?;
            let mut push = |values: Vec<(usize, f64)>, other: f64| all.push(Column::Coded { feature, values, other });
            match column {
                Column::Text { .. } => {
                    for level in self.levels(feature, &texts) {
                        push(vec![(level, 1.0)], 0.0);
                    }
                }
                Column::Number { steps, .. } if steps.is_empty() => {
                    for whole in wholes {
                        let level = category(*whole as f64).map_err(|what| node.fault(what))?;
                        push(vec![(level, 1.0)], 0.0);
                    }
                }
                Column::Coded { values, other, .. } => {
                    for whole in wholes {
                        let is = |value: f64| if value.trunc() == *whole as f64 { 1.0 } else { 0.0 };
                        push(values.iter().map(|(level, value)| (*level, is(*value))).collect(), is(other));
                    }
                }
                _ => return Err(unread(node)),
            }
        }
        Ok(Value::Columns(all, Element::Single))
    }

    /// A number for each text.
    pub(super) fn coded(&mut self, node: &Node) -> Result<Value, Fault> {
        let (columns, _) = self.columns(node, 0)?;
        let texts = node.texts("keys_strings")?;
        let tensor = |name: &str| node.attribute(name).and_then(|value| value.tensor.as_ref());
        let (numbers, other, element) = if let Some(values) = tensor("values_tensor") {
            let other = tensor("default_tensor").map(Tensor::numbers).transpose().map_err(|what| node.fault(what))?;
            let other = other.and_then(|other| other.first().copied()).unwrap_or_default();
            (
                values.numbers().map_err(|what| node.fault(what))?,
                other,
                Element::of(values.kind).unwrap_or(Element::Text),
            )
        } else if node.wholes("values_int64s").is_empty() {
            let other = node.attribute("default_float").and_then(|value| value.float).unwrap_or_default();
            (node.numbers("values_floats")?, other.into(), Element::Single)
        } else {
            let numbers = node.wholes("values_int64s").iter().map(|number| *number as f64).collect();
            (numbers, node.whole("default_int64").unwrap_or(-1) as f64, Element::Whole)
        };
        if texts.is_empty() || texts.len() != numbers.len() {
            return Err(node
                .fault(format!("{} numbers for {} texts", numbers.len(), texts.len()))
                .remedy("texts that become numbers are read"));
        }
        grow(node, &mut 0, columns.len().saturating_mul(1 + texts.len()))?;
        let mut all = Vec::with_capacity(columns.len());
        for column in columns {
            let Column::Text { feature } = column else { return Err(unread(node)) };
            let values = self.levels(feature, &texts).into_iter().zip(numbers.iter().copied()).collect();
            all.push(Column::Coded { feature, values, other });
        }
        Ok(Value::Columns(all, element))
    }

    /// The numbers of texts among the levels of a column, which are told so.
    fn levels(&mut self, feature: usize, texts: &[String]) -> Vec<usize> {
        let Some(feature) = self.features.get_mut(feature) else { return Vec::new() };
        let levels = feature.levels.get_or_insert_default();
        let mut known: HashMap<String, usize> =
            levels.iter().cloned().enumerate().map(|(place, text)| (text, place)).collect();
        texts
            .iter()
            .map(|text| {
                *known.entry(text.clone()).or_insert_with(|| {
                    levels.push(text.clone());
                    levels.len() - 1
                })
            })
            .collect()
    }
}

/// Numbers of single precision.
fn single(mut columns: Vec<Column>) -> Value {
    for column in &mut columns {
        match column {
            Column::Number { element, .. } => *element = Element::Single,
            Column::Coded { values, other, .. } => {
                values.iter_mut().for_each(|(_, value)| *value = f64::from(*value as f32));
                *other = f64::from(*other as f32);
            }
            Column::Text { .. } => {}
        }
    }
    Value::Columns(columns, Element::Single)
}

/// Does something to each column: its own step, or the one of all.
fn stepped(node: &Node, mut columns: Vec<Column>, steps: &[Step]) -> Result<Value, Fault> {
    for (column, step) in columns.iter_mut().zip(steps.iter().cycle()) {
        match column {
            Column::Number { element: Element::Single, cut: false, steps, .. } => steps.push(*step),
            Column::Coded { values, other, .. } => {
                values.iter_mut().for_each(|(_, value)| *value = step.apply(*value as f32).into());
                *other = step.apply(*other as f32).into();
            }
            _ => {
                return Err(node
                    .fault("numbers of other than single precision")
                    .remedy("export it with `FloatTensorType`"));
            }
        }
    }
    Ok(Value::Columns(columns, Element::Single))
}
