//! ONNX: a tree ensemble and what stands around it, as skl2onnx, onnxmltools and the libraries themselves export their models.
//!
//! A graph is followed once, in its own order. What stands before the trees (casts, scalers, fillers, encoders of texts) is taken into their
//! questions, so that these are asked of the row as it is; what stands behind them may only repeat or name the answer. Any other operator is
//! refused by name. Sums are those of ONNX Runtime: of single precision unless what goes into the trees is of double.

mod columns;
mod ensemble;
mod operators;
mod proto;

use std::collections::HashMap;

use prost::Message;

use crate::fault::Fault;
use crate::forest::{Feature, Forest, Link, Precision, Tree};
use columns::Column;
use ensemble::Ensemble;
use proto::{Element, Graph, Model, Node, Tensor, ValueInfo};

/// Columns of rows beyond which a graph is refused: a file need not be long to say a number.
const MOST_COLUMNS: usize = 1 << 16;

/// Columns, and numbers for their categories, of all operators together, beyond which a graph is refused: 64 MB or so.
const MOST_CELLS: usize = 1 << 20;

/// What has a name in a graph.
#[derive(Clone)]
enum Value {
    /// Of the rows, or made of them.
    Columns(Vec<Column>, Element),
    Constant(Vec<f64>),
    /// The class that was chosen.
    Label,
    /// What the trees answer.
    Scores,
}

/// What is known of a graph so far.
struct Reader {
    features: Vec<Feature>,
    values: HashMap<String, Value>,
    answer: Option<(Ensemble, Precision)>,
    /// Of all values.
    cells: usize,
}

/// Reads a model of one output: two classes, of which the second is answered, or a number.
///
/// # Errors
///
/// Names the operator where the graph contradicts itself, holds another operator or more classes than two, or more than
/// [`MAX_LEAVES`](crate::MAX_LEAVES) leaves; of a file that is cut, the message.
pub fn read(bytes: &[u8]) -> Result<Forest, Fault> {
    let model = Model::decode(bytes)
        .map_err(|error| Fault::of(format!("no ONNX: {error}")).remedy("it was cut; export it anew"))?;
    let graph = model.graph.ok_or_else(|| Fault::of("the file has no graph").remedy("it was cut; export it anew"))?;
    let mut reader = Reader::begin(&graph)?;
    for node in &graph.nodes {
        reader.follow(node)?;
    }
    let scores = |output: &ValueInfo| matches!(reader.values.get(&output.name), Some(Value::Scores));
    let there = graph.outputs.iter().any(scores);
    let Some((ensemble, precision)) = reader.answer.filter(|_| there) else {
        return Err(Fault::of("no output of the graph is what trees answer").remedy("models of trees are read"));
    };
    let Ensemble { mut trees, mut bias, averaged, link, .. } = ensemble;
    if bias != 0.0 && !averaged {
        // ONNX Runtime adds it last, which is another number in single precision than a sum that begins with it.
        trees.push(Tree { splits: Vec::new(), leaves: vec![std::mem::take(&mut bias)], covers: None });
    }
    Ok(Forest { features: reader.features, trees, terms: Vec::new(), bias, averaged, link, precision })
}

impl Reader {
    /// Takes what goes into the graph: one tensor of all columns, or a tensor for each.
    fn begin(graph: &Graph) -> Result<Self, Fault> {
        let mut reader = Self { features: Vec::new(), values: HashMap::new(), answer: None, cells: 0 };
        for tensor in &graph.initializers {
            reader.constant(&tensor.name, tensor).map_err(|what| Fault::of(format!("`{}`: {what}", tensor.name)))?;
        }
        let inputs: Vec<&ValueInfo> =
            graph.inputs.iter().filter(|input| !reader.values.contains_key(&input.name)).collect();
        for input in &inputs {
            let fault = |what: &str| Fault::of(format!("input `{}`: {what}", input.name));
            let kind = input.kind.as_ref().and_then(|kind| kind.tensor.as_ref());
            let kind = kind.ok_or_else(|| fault("no tensor"))?;
            let element = Element::of(kind.element).ok_or_else(|| fault("neither numbers nor texts"))?;
            let dims = kind.shape.as_ref().map_or(&[][..], |shape| &shape.dims);
            let width = match dims {
                [_, width] => width.size.and_then(|size| usize::try_from(size).ok()).filter(|size| *size > 0),
                _ => None,
            };
            let width = width.ok_or_else(|| {
                fault("it does not say how many columns it has")
                    .remedy("export it with types that do, as `FloatTensorType([None, 14])`")
            })?;
            if width > MOST_COLUMNS - reader.features.len().min(MOST_COLUMNS) {
                return Err(fault("more than 65,536 columns"));
            }
            let mut columns = Vec::with_capacity(width);
            for place in 0..width {
                let feature = reader.features.len();
                let name = match (inputs.len(), width) {
                    (1, _) => format!("Column_{place}"),
                    (_, 1) => input.name.clone(),
                    _ => format!("{}_{place}", input.name),
                };
                let text = element == Element::Text;
                reader.features.push(Feature { name, levels: text.then(Vec::new) });
                columns.push(if text {
                    Column::Text { feature }
                } else {
                    Column::Number { feature, element, cut: false, steps: Vec::new() }
                });
            }
            reader.values.insert(input.name.clone(), Value::Columns(columns, element));
        }
        Ok(reader)
    }

    fn constant(&mut self, name: &str, tensor: &Tensor) -> Result<(), String> {
        let element = Element::of(tensor.kind).unwrap_or(Element::Text);
        // Texts are of no use to trees.
        let numbers = if element == Element::Text { Vec::new() } else { tensor.numbers()? };
        self.values.insert(name.to_owned(), Value::Constant(numbers));
        Ok(())
    }

    fn input(&self, node: &Node, place: usize) -> Result<&Value, Fault> {
        let name = node.inputs.get(place).map_or("", String::as_str);
        self.values.get(name).ok_or_else(|| node.fault(format!("nothing before it is called `{name}`")))
    }

    fn columns(&self, node: &Node, place: usize) -> Result<(Vec<Column>, Element), Fault> {
        match self.input(node, place)? {
            Value::Columns(columns, element) => Ok((columns.clone(), *element)),
            _ => Err(unread(node)),
        }
    }

    fn whole(&self, node: &Node, place: usize) -> Result<&[f64], Fault> {
        match self.input(node, place)? {
            Value::Constant(numbers) => Ok(numbers),
            _ => Err(unread(node)),
        }
    }

    fn follow(&mut self, node: &Node) -> Result<(), Fault> {
        let result = match node.operator.as_str() {
            "Constant" => {
                let tensor = node.attribute("value").and_then(|value| value.tensor.as_ref());
                let tensor = tensor.ok_or_else(|| node.fault("its `value` is no tensor"))?;
                let name = node.outputs.first().map_or("", String::as_str);
                return self.constant(name, tensor).map_err(|what| node.fault(what));
            }
            "TreeEnsembleClassifier" | "TreeEnsembleRegressor" | "TreeEnsemble" => return self.answer(node),
            _ if matches!(self.input(node, 0)?, Value::Label) => Value::Label,
            _ if matches!(self.input(node, 0)?, Value::Scores) => self.behind(node)?,
            "Identity" => self.input(node, 0)?.clone(),
            "Reshape" | "Flatten" => self.reshape(node)?,
            "Concat" | "FeatureVectorizer" => self.concat(node)?,
            "ArrayFeatureExtractor" | "Gather" => self.chosen(node)?,
            "Cast" => self.cast(node)?,
            "Scaler" => self.scaled(node)?,
            "Imputer" => self.filled(node)?,
            "OneHotEncoder" => self.one_hot(node)?,
            "LabelEncoder" => self.coded(node)?,
            _ => return Err(unread(node)),
        };
        if let Value::Columns(columns, _) = &result {
            columns.iter().try_for_each(|column| grow(node, &mut self.cells, column.cells()))?;
        }
        self.values.insert(node.outputs.first().cloned().unwrap_or_default(), result);
        Ok(())
    }

    fn answer(&mut self, node: &Node) -> Result<(), Fault> {
        if self.answer.is_some() {
            return Err(node
                .fault("the graph has trees twice")
                .remedy("export one model, without what puts several together"));
        }
        let (columns, element) = self.columns(node, 0)?;
        let has = |wanted: Element| {
            columns.iter().any(|column| matches!(column, Column::Number { element, .. } if *element == wanted))
        };
        let precision = match (element, has(Element::Single), has(Element::Double)) {
            (Element::Double, true, true) => {
                return Err(node
                    .fault("columns of single and of double precision together")
                    .remedy("export it with one type for all"));
            }
            (Element::Double, true, false) => Precision::Mixed,
            (Element::Double, false, _) => Precision::Double,
            _ => Precision::Single,
        };
        let (ensemble, names) = match node.operator.as_str() {
            "TreeEnsembleClassifier" => (ensemble::classifier(node, &columns)?, [Value::Label, Value::Scores]),
            "TreeEnsembleRegressor" => (ensemble::regressor(node, &columns)?, [Value::Scores, Value::Label]),
            _ => (ensemble::ensemble(node, &columns)?, [Value::Scores, Value::Label]),
        };
        self.answer = Some((ensemble, precision));
        self.values.extend(node.outputs.iter().cloned().zip(names));
        Ok(())
    }

    /// What may stand behind the trees: what leaves their answer as it is, and what makes a probability of it.
    fn behind(&mut self, node: &Node) -> Result<Value, Fault> {
        let second = self.input(node, 1);
        let ones = matches!(second, Ok(Value::Constant(numbers)) if numbers.iter().all(|number| *number == 1.0));
        let Some((ensemble, _)) = &mut self.answer else { return Err(unread(node)) };
        match node.operator.as_str() {
            "Identity" | "ZipMap" | "Reshape" | "Flatten" | "Squeeze" => Ok(Value::Scores),
            "Cast" if matches!(node.whole("to"), Some(1 | 11)) => Ok(Value::Scores),
            "ArgMax" => Ok(Value::Label),
            "Normalizer" if ensemble.shares && node.text("norm").as_deref() == Some("L1") => Ok(Value::Scores),
            "Mul" if ones => Ok(Value::Scores),
            "Sigmoid" if ensemble.link == Link::Identity && !ensemble.shares => {
                ensemble.link = Link::Logistic { slope: 1.0 };
                Ok(Value::Scores)
            }
            _ => Err(unread(node)),
        }
    }
}

/// Counts what columns hold, before it is made.
fn grow(node: &Node, cells: &mut usize, more: usize) -> Result<(), Fault> {
    *cells = cells.saturating_add(more);
    if *cells > MOST_CELLS {
        return Err(node.fault("more columns, or more categories of them, than are read"));
    }
    Ok(())
}

fn unread(node: &Node) -> Fault {
    node.fault("this operator is not read here")
        .remedy("docs/models.md says which are; do the rest before the rows come here")
}

#[cfg(test)]
mod tests {
    use super::proto::{Attribute, Dim, Shape, TensorType, Type};
    use super::*;
    use crate::forest::{Side, Test};
    use proptest::prelude::*;

    fn wholes(name: &str, wholes: &[i64]) -> Attribute {
        Attribute { name: name.to_owned(), wholes: wholes.to_vec(), ..Attribute::default() }
    }

    fn floats(name: &str, floats: &[f32]) -> Attribute {
        Attribute { name: name.to_owned(), floats: floats.to_vec(), ..Attribute::default() }
    }

    fn texts(name: &str, texts: &[&str]) -> Attribute {
        let texts = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
        Attribute { name: name.to_owned(), texts, ..Attribute::default() }
    }

    fn text(name: &str, text: &str) -> Attribute {
        Attribute { name: name.to_owned(), text: Some(text.into()), ..Attribute::default() }
    }

    fn whole(name: &str, whole: i64) -> Attribute {
        Attribute { name: name.to_owned(), whole: Some(whole), ..Attribute::default() }
    }

    fn node(operator: &str, inputs: &[&str], output: &[&str], attributes: Vec<Attribute>) -> Node {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Node {
            inputs: owned(inputs),
            outputs: owned(output),
            name: String::new(),
            operator: operator.to_owned(),
            attributes,
        }
    }

    fn value(name: &str, element: i32, width: i64) -> ValueInfo {
        let dims = vec![Dim { size: None }, Dim { size: Some(width) }];
        let kind = Type { tensor: Some(TensorType { element, shape: Some(Shape { dims }) }) };
        ValueInfo { name: name.to_owned(), kind: Some(kind) }
    }

    /// One tree over a number and a text: is it warm, does it rain?
    fn small() -> Graph {
        let trees = vec![
            wholes("class_ids", &[0, 0, 0]),
            wholes("class_nodeids", &[1, 3, 4]),
            wholes("class_treeids", &[0, 0, 0]),
            floats("class_weights", &[-0.5, 0.25, 0.75]),
            wholes("classlabels_int64s", &[0, 1]),
            floats("base_values", &[0.125]),
            wholes("nodes_treeids", &[0; 5]),
            wholes("nodes_nodeids", &[0, 1, 2, 3, 4]),
            wholes("nodes_featureids", &[2, 0, 0, 0, 0]),
            wholes("nodes_truenodeids", &[1, 0, 3, 0, 0]),
            wholes("nodes_falsenodeids", &[2, 0, 4, 0, 0]),
            texts("nodes_modes", &["BRANCH_LEQ", "LEAF", "BRANCH_LEQ", "LEAF", "LEAF"]),
            floats("nodes_values", &[20.5, 0.0, 0.5, 0.0, 0.0]),
            wholes("nodes_missing_value_tracks_true", &[1, 0, 0, 0, 0]),
            text("post_transform", "LOGISTIC"),
        ];
        Graph {
            nodes: vec![
                node("OneHotEncoder", &["sky"], &["hot"], vec![texts("cats_strings", &["rain", "sun"])]),
                node("Concat", &["hot", "degrees"], &["all"], vec![whole("axis", 1)]),
                node("TreeEnsembleClassifier", &["all"], &["label", "scores"], trees),
                node("ZipMap", &["scores"], &["named"], Vec::new()),
            ],
            initializers: Vec::new(),
            inputs: vec![value("degrees", 1, 1), value("sky", 8, 1)],
            outputs: vec![value("label", 7, 1), value("named", 1, 2)],
        }
    }

    fn bytes(graph: Graph) -> Vec<u8> {
        // What stands first in every file: the version.
        let mut bytes = vec![8, 9];
        bytes.extend(Model { graph: Some(graph) }.encode_to_vec());
        bytes
    }

    fn told(change: impl FnOnce(&mut Graph)) -> String {
        let mut graph = small();
        change(&mut graph);
        read(&bytes(graph)).unwrap_err().to_string()
    }

    /// Puts an attribute of the trees in the place of the one that is called so.
    fn with(attribute: Attribute) -> impl FnOnce(&mut Graph) {
        move |graph| {
            let attributes = &mut graph.nodes[2].attributes;
            attributes.retain(|one| one.name != attribute.name);
            attributes.push(attribute);
        }
    }

    #[test]
    fn a_small_model_is_what_it_says() {
        let (library, forest) = crate::read(&bytes(small())).unwrap();
        assert_eq!(library, crate::Library::Onnx);
        let names: Vec<&str> = forest.features.iter().map(|feature| feature.name.as_str()).collect();
        assert_eq!(names, ["degrees", "sky"]);
        assert_eq!(forest.features[1].levels.as_deref().unwrap(), ["rain", "sun"]);
        let rows = [[20.5, 0.0], [20.6, 0.0], [20.6, 1.0], [20.6, f64::NAN], [f64::NAN, 0.0]];
        assert_eq!(rows.map(|row| forest.raw(&row)), [-0.375, 0.875, 0.375, 0.375, -0.375]);
        assert_eq!(forest.link, Link::Logistic { slope: 1.0 });
    }

    #[test]
    fn questions_for_one_category_after_another_are_one_for_a_set() {
        let mut graph = small();
        graph.nodes.drain(..2);
        graph.inputs = vec![value("all", 1, 3)];
        let trees = &mut graph.nodes[0].attributes;
        trees.retain(|one| !one.name.starts_with("nodes_") && !one.name.starts_with("class_"));
        trees.extend([
            wholes("class_ids", &[0, 0]),
            wholes("class_nodeids", &[3, 4]),
            wholes("class_treeids", &[0, 0]),
            floats("class_weights", &[-0.5, 0.25]),
            wholes("nodes_treeids", &[0; 5]),
            wholes("nodes_nodeids", &[0, 1, 2, 3, 4]),
            wholes("nodes_featureids", &[1, 1, 1, 0, 0]),
            wholes("nodes_truenodeids", &[3, 3, 3, 0, 0]),
            wholes("nodes_falsenodeids", &[1, 2, 4, 0, 0]),
            texts("nodes_modes", &["BRANCH_EQ", "BRANCH_EQ", "BRANCH_EQ", "LEAF", "LEAF"]),
            floats("nodes_values", &[2.0, 33.0, 5.0, 0.0, 0.0]),
        ]);
        let forest = read(&bytes(graph.clone())).unwrap();
        let asked = &forest.trees[0].splits;
        assert_eq!(asked.len(), 1);
        assert_eq!(asked[0].test, Test::Among { set: vec![1 << 2 | 1 << 5, 2], missing: Side::Right });
        assert_eq!(forest.raw(&[f64::NAN, 33.0, f64::NAN]), -0.375);
        // A circle of such questions is found.
        let trees = &mut graph.nodes[0].attributes;
        trees.retain(|one| one.name != "nodes_falsenodeids");
        trees.push(wholes("nodes_falsenodeids", &[1, 2, 1, 0, 0]));
        assert!(read(&bytes(graph)).unwrap_err().to_string().ends_with("node 1 is led to twice"));
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_its_operator_and_a_remedy() {
        let trees = "TreeEnsembleClassifier `label`";
        for (change, fault) in [
            (
                wholes("classlabels_int64s", &[0, 1, 2]),
                "3 classes, where 2 are read; train one binary model for each class",
            ),
            (text("post_transform", "SOFTMAX"), "`post_transform` SOFTMAX is not read; NONE and LOGISTIC are"),
            (wholes("class_ids", &[0, 0, 2]), "`class_ids` are others than 0 and 1, or none"),
            (
                wholes("class_ids", &[0, 0, 1]),
                "1 `base_values` beside weights of class 1, of which runtimes make different things; export it with another version of the converter",
            ),
            (floats("class_weights", &[0.5]), "`class_weights` has 1 values where 3 are needed"),
            (floats("class_weights", &[0.5, f32::NAN, 0.5]), "leaf 3 has no weight"),
            (wholes("nodes_featureids", &[9, 0, 0, 0, 0]), "node 0 asks column 9, and there are 3"),
            (wholes("nodes_featureids", &[-1, 0, 0, 0, 0]), "node 0 asks column -1, and there are 3"),
            (wholes("nodes_falsenodeids", &[0, 0, 4, 0, 0]), "node 0 is led to twice"),
            (
                wholes("nodes_falsenodeids", &[7, 0, 4, 0, 0]),
                "node 7 of tree 0 is not there, and something leads to it",
            ),
            (wholes("nodes_falsenodeids", &[2, 0]), "`nodes_falsenodeids` has 2 values where 5 are needed"),
            (wholes("nodes_nodeids", &[0, 1, 2, 3, 3]), "two nodes of one tree have one number"),
            (
                texts("nodes_modes", &["BRANCH_OF", "LEAF", "BRANCH_LEQ", "LEAF", "LEAF"]),
                "the mode of node 0 is not read",
            ),
            (floats("nodes_values", &[f32::NAN, 0.0, 0.5, 0.0, 0.0]), "node 0 compares with NaN"),
        ] {
            assert_eq!(told(with(change)), format!("{trees}: {fault}"));
        }
        let unread =
            "this operator is not read here; docs/models.md says which are; do the rest before the rows come here";
        assert_eq!(told(|graph| graph.nodes[1].operator = "Sub".to_owned()), format!("Sub `all`: {unread}"));
        assert_eq!(told(|graph| graph.nodes[3].operator = "Sub".to_owned()), format!("Sub `named`: {unread}"));
        assert_eq!(told(|graph| graph.nodes[3].operator = "Sigmoid".to_owned()), format!("Sigmoid `named`: {unread}"));
        assert_eq!(
            told(|graph| graph.nodes[1].inputs[1] = "sky".to_owned()),
            format!("{trees}: node 0: a text is compared with a number")
        );
        assert_eq!(told(|graph| drop(graph.nodes.remove(0))), "Concat `all`: nothing before it is called `hot`");
        assert_eq!(
            told(|graph| graph.nodes.push(graph.nodes[2].clone())),
            format!("{trees}: the graph has trees twice; export one model, without what puts several together")
        );
        assert_eq!(
            told(|graph| graph.outputs.truncate(1)),
            "no output of the graph is what trees answer; models of trees are read"
        );
        assert_eq!(
            told(|graph| graph.inputs[0] = value("degrees", 1, 0)),
            "input `degrees`: it does not say how many columns it has; export it with types that do, as `FloatTensorType([None, 14])`"
        );
        assert_eq!(
            told(|graph| graph.inputs[0] = value("degrees", 1, 1 << 40)),
            "input `degrees`: more than 65,536 columns"
        );
        let sound = bytes(small());
        for end in 0..sound.len() {
            assert!(read(&sound[..end]).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn a_small_file_that_makes_much_of_little_is_refused() {
        let much = "more columns, or more categories of them, than are read";
        let wide = |graph: &mut Graph| graph.inputs = vec![value("degrees", 1, 1 << 16), value("sky", 8, 1)];
        let copies = (0..20).map(|_| node("Identity", &["degrees"], &["same"], Vec::new()));
        let copied = told(|graph| {
            wide(graph);
            graph.inputs.truncate(1);
            graph.nodes = copies.collect();
        });
        assert_eq!(copied, format!("Identity `same`: {much}"));
        let put = told(|graph| {
            let names: Vec<&str> = vec!["hot"; 1 << 20];
            graph.nodes[1] = node("Concat", &names, &["all"], vec![whole("axis", 1)]);
        });
        assert_eq!(put, format!("Concat `all`: {much}"));
        let many: Vec<String> = (0..1000).map(|number| number.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let encoded = told(|graph| {
            graph.inputs = vec![value("degrees", 1, 1), value("sky", 8, 60_000)];
            graph.nodes[0].attributes = vec![texts("cats_strings", &many)];
        });
        assert_eq!(encoded, format!("OneHotEncoder `hot`: {much}"));
    }

    #[test]
    fn a_model_with_a_million_nodes_is_refused() {
        let of = |count: i64| {
            let (all, leaves) = (vec![0; count as usize * 3], vec![0; count as usize * 2]);
            let every = |one: &[i64]| one.repeat(count as usize);
            let trees: Vec<i64> = (0..count).flat_map(|tree| [tree; 3]).collect();
            let mut graph = small();
            graph.nodes[2].attributes = vec![
                wholes("class_ids", &leaves),
                wholes("class_nodeids", &every(&[1, 2])),
                wholes("class_treeids", &(0..count).flat_map(|tree| [tree; 2]).collect::<Vec<_>>()),
                floats("class_weights", &vec![-0.5; leaves.len()]),
                wholes("classlabels_int64s", &[0, 1]),
                wholes("nodes_treeids", &trees),
                wholes("nodes_nodeids", &every(&[0, 1, 2])),
                wholes("nodes_featureids", &all),
                wholes("nodes_truenodeids", &every(&[1, 0, 0])),
                wholes("nodes_falsenodeids", &every(&[2, 0, 0])),
                texts("nodes_modes", &["BRANCH_LT", "LEAF", "LEAF"].repeat(count as usize)),
                floats("nodes_values", &vec![0.5; all.len()]),
            ];
            read(&bytes(graph)).map(|forest| forest.leaves()).map_err(|fault| fault.to_string())
        };
        assert_eq!(of(250_000), Ok(500_000));
        assert!(of(250_001).unwrap_err().contains("more than 500000 leaves; train with fewer trees"));
    }

    proptest! {
        /// Whatever is in a file: it is refused, or every row has an answer.
        #[test]
        fn no_file_makes_it_panic(place in 0_usize..900, length in 0_usize..6, put in proptest::collection::vec(any::<u8>(), 0..6)) {
            let mut bytes = bytes(small());
            let place = place.min(bytes.len());
            let end = (place + length).min(bytes.len());
            bytes.splice(place..end, put);
            if let Ok(forest) = read(&bytes) {
                for row in [[0.0, 0.0], [f64::NAN, f64::NAN], [f64::INFINITY, -1.0]] {
                    let _ = forest.answer(&row);
                }
            }
        }
    }
}
