//! From trees, written or trained, to the bundle's (`docs/formats/bundle.md`, MODL 3): splits look at bytes, leaves become integers.
//!
//! A trained split keeps exactly the values on each side that the library has there: its border is a border of the attribute. What is lost is
//! lost in the leaves alone, and by how much at most is known here.

use std::collections::{BTreeMap, BTreeSet};

use petitfour_models::{Blank, Child, Feature, Forest, Link, Precision, Side, Test, Tree, ZERO, border};

use crate::attribute::Attributes;
use crate::column::{Column, columns, in_thousandths};
use crate::condition::Resolver;
use crate::declaration::Kind;
use crate::diagnostic::Report;
use crate::quantise::{Quantised, fixed, weight};
use crate::question::{Question, Values, Written};
use crate::scorer;
use crate::set::Set;
use crate::source::Span;
use crate::trained::Trained;

/// Most leaves of a tree: how many splits stand to one side is a byte.
const MAX_LEAVES: usize = 256;
/// Trees of a group: they are asked side by side.
const GROUP: usize = 16;
/// Bytes that what is asked of one attribute may take without a warning: a tenth of a large bundle.
const LARGE: usize = 16 << 10;

/// A forest whose splits have met their attributes.
#[derive(Debug)]
pub(crate) struct AskingForest {
    /// An attribute, and the values that go right.
    pub(crate) questions: Vec<(usize, Set)>,
    trees: Vec<Walk>,
    bias: f64,
    precision: Kept,
    span: Span,
}

/// How finely leaves are kept.
#[derive(Debug, Clone, Copy)]
enum Kept {
    /// In 256ths, as weights are.
    Weights,
    /// In a unit that fits them, of so many bytes; the score may move by so much of log-odds.
    Fitted { leaf_bytes: u8, tolerance: f64 },
}

/// A tree: its splits in the order in which a walk meets them, then the leaves in log-odds.
type Walk = (Vec<Split>, Vec<f64>);

/// A split of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Split {
    question: usize,
    /// First leaf of its right side.
    right: u8,
}

impl AskingForest {
    /// Finds the attributes of a forest.
    pub(crate) fn resolve(trained: &Trained, resolver: &mut Resolver<'_>, report: &mut Report) -> Option<Self> {
        let Trained { forest, leaf_bytes, tolerance, calibration, span, .. } = trained;
        let columns = columns(trained, resolver, report)?;
        let slope = match forest.link {
            Link::Logistic { slope } => slope,
            Link::Identity => 1.0,
        };
        // A line over the log-odds is one over each leaf: it costs the device nothing.
        let (slope, intercept) = (slope * calibration.slope, calibration.intercept);
        let weight = if forest.averaged { slope / (forest.trees.len() as f64).max(1.0) } else { slope };
        let mut questions = Questions {
            forest,
            columns,
            attributes: &resolver.attributes,
            known: BTreeMap::new(),
            all: Vec::new(),
            faults: BTreeMap::new(),
        };
        let mut trees = Vec::with_capacity(forest.trees.len());
        let mut fits = true;
        for (number, tree) in forest.trees.iter().enumerate() {
            if tree.leaves.len() > MAX_LEAVES {
                report
                    .error(
                        "model/leaves",
                        *span,
                        format!("tree {number} has {} leaves of {MAX_LEAVES}", tree.leaves.len()),
                    )
                    .remedy("train with fewer leaves (`num_leaves`, `max_leaves`, `max_depth`): 15 to 63 are usual");
                fits = false;
                break;
            }
            let mut walk = (Vec::with_capacity(tree.splits.len()), Vec::with_capacity(tree.leaves.len()));
            let root = if tree.splits.is_empty() { Child::Leaf(0) } else { Child::Split(0) };
            lay(tree, root, &mut questions, &mut walk)?;
            walk.1.iter_mut().for_each(|leaf| *leaf *= weight);
            trees.push(walk);
        }
        if trained.is_cut() {
            trees = joined(trees);
        }
        let Questions { all: questions, faults, .. } = questions;
        for (span, fault) in faults.into_values() {
            report
                .error("model/feature-kind", span, fault)
                .remedy("map it to a value of the other kind, or train with what the device has");
            fits = false;
        }
        if !fits {
            return None;
        }
        let precision = Kept::Fitted { leaf_bytes: *leaf_bytes, tolerance: *tolerance };
        Some(Self { questions, trees, bias: forest.bias * slope + intercept, precision, span: *span })
    }

    /// Finds the attributes of trees whose levels ask one question each.
    pub(crate) fn written(
        written: &[scorer::Tree],
        bias: f64,
        resolver: &mut Resolver<'_>,
        report: &mut Report,
    ) -> Option<Self> {
        let (mut questions, mut trees): (Vec<(usize, Set)>, Vec<Walk>) = (Vec::new(), Vec::new());
        for tree in written {
            let mut levels = Vec::with_capacity(tree.levels.len());
            for level in &tree.levels {
                let question = resolver.condition(level, report)?;
                levels.push(questions.iter().position(|known| *known == question).unwrap_or(questions.len()));
                if levels.last() == Some(&questions.len()) {
                    questions.push(question);
                }
            }
            let mut walk = Walk::default();
            level(&levels, 0, 0, &tree.leaves, &mut walk)?;
            trees.push(walk);
        }
        let span = written.first().map_or_else(Span::default, |tree| tree.span);
        Some(Self { questions, trees, bias, precision: Kept::Weights, span })
    }

    /// The forest in numbers; the attributes must be settled.
    pub(crate) fn quantise(
        &self,
        attributes: &Attributes,
        reads_profile: bool,
        report: &mut Report,
    ) -> Option<Quantised> {
        let Leaves { leaf_bytes, unit, bias, numbers, worst } = match self.precision {
            Kept::Weights => self.weights(),
            Kept::Fitted { leaf_bytes, .. } => self.fitted(leaf_bytes),
        };
        let Some(unit) = unit else {
            report.error(
                "file/out-of-range",
                self.span,
                "a leaf is further than 32,000 log-odds from the others of its tree",
            );
            return None;
        };
        if let Kept::Fitted { tolerance, .. } = self.precision
            && worst > tolerance
        {
            let bits = 8 * leaf_bytes;
            let message = format!(
                "with leaves of {bits} bits a score may move by {worst:.4} log-odds; at most {tolerance} are allowed"
            );
            report.error("model/drift", self.span, message).remedy(if leaf_bytes == 1 {
                "keep leaves in 16 bits (`leaves: 16`), or allow more (`tolerance:`)"
            } else {
                "allow more (`tolerance:`)"
            });
            return None;
        }
        let Some(data) = self.layout(attributes, unit, leaf_bytes, &numbers, report) else {
            report
                .error(
                    "file/out-of-range",
                    self.span,
                    "its splits ask more different questions than a bundle has room for",
                )
                .remedy("`borders:` makes them fewer");
            return None;
        };
        let parts = u32::try_from(self.trees.len()).ok()?;
        Some(Quantised { kind: 3, leaf_bytes, reads_profile, bias, data, parts })
    }

    /// The data of the model: values of a visitor, and trees in groups.
    fn layout(
        &self,
        attributes: &Attributes,
        unit: u32,
        leaf_bytes: u8,
        numbers: &[i16],
        report: &mut Report,
    ) -> Option<Vec<u8>> {
        let asked = self.questions.iter().map(|(attribute, set)| Question::new(*attribute, set, attributes));
        let questions = asked.collect::<Option<Vec<Question>>>()?;
        let mut rest = numbers;
        let mut trees = Vec::with_capacity(self.trees.len());
        for (splits, leaves) in &self.trees {
            let own;
            (own, rest) = rest.split_at_checked(leaves.len())?;
            trees.push((splits.as_slice(), own));
        }
        // Trees of one size stand together, since each takes as much room as the largest of its group.
        trees.sort_by_key(|(splits, _)| splits.len());
        let all: BTreeSet<usize> = trees.iter().flat_map(asked_by).collect();
        let (mut written, mut groups, mut first) = (Written::default(), Vec::new(), 0);
        let mut count = 0u32;
        // One look at the visitor serves all groups, or else each has its own.
        let shared = Values::of(&questions, &all);
        if let Some(values) = &shared {
            values.encode(&mut written)?;
        }
        while !trees.is_empty() {
            let mut size = trees.len().min(GROUP);
            let own = match &shared {
                Some(_) => None,
                // A tree alone has at most 255 splits, which fit.
                None => Some(loop {
                    let asked = trees.iter().take(size).flat_map(asked_by).collect();
                    if let Some(values) = Values::of(&questions, &asked) {
                        break values;
                    }
                    size = size.checked_sub(1)?;
                }),
            };
            let values = own.as_ref().or(shared.as_ref())?;
            let group: Vec<_> = trees.drain(..size).collect();
            self::group(&group, values, first, leaf_bytes, &mut groups)?;
            if let Some(own) = &own {
                own.encode(&mut written)?;
                first += own.blocks();
            }
            count += 1;
        }
        for (attribute, bytes) in written.tables.iter().filter(|(_, bytes)| **bytes > LARGE) {
            let name = attributes.get(usize::from(*attribute)).map_or("", |attribute| attribute.name.as_str());
            let what = format!("what it asks of `{name}` takes {bytes} bytes of the bundle");
            report
                .warning("model/large", self.span, what)
                .remedy("put rare categories together before training, or allow fewer borders (`borders:`)");
        }
        let mut data = Vec::new();
        data.extend(unit.to_le_bytes());
        data.extend(count.to_le_bytes());
        data.extend(written.plain.to_le_bytes());
        data.extend(written.records.to_le_bytes());
        data.extend(written.bytes);
        data.extend(groups);
        // Rows are looked at by sixteen bytes, the last ones too.
        data.extend([0; GROUP]);
        Some(data)
    }

    /// Leaves as weights are kept, of which nothing moves but what their rounding does.
    fn weights(&self) -> Leaves {
        let numbers = self.trees.iter().flat_map(|(_, leaves)| leaves).map(|leaf| weight(*leaf)).collect();
        Leaves { leaf_bytes: 2, unit: Some(1 << 24), bias: bias(self.bias), numbers, worst: 0.0 }
    }

    /// Leaves in whole units of their own. Each tree's are counted from the middle of its range, and the middles go to the bias: the first tree of most
    /// libraries has the base rate in every leaf, which would make the unit of all of them coarse.
    fn fitted(&self, leaf_bytes: u8) -> Leaves {
        let range = |leaves: &[f64]| {
            let least = leaves.iter().copied().fold(f64::INFINITY, f64::min);
            let most = leaves.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            (f64::midpoint(least, most), (most - least) / 2.0)
        };
        let top = if leaf_bytes == 1 { 127.0 } else { 32_767.0 };
        let half = self.trees.iter().map(|(_, leaves)| range(leaves).1).fold(0.0, f64::max);
        // Units are 2^-32 log-odds; one that is no whole number of them is taken a little larger, so that the furthest leaf still fits.
        let units = (half / top * 2f64.powi(32)).ceil().max(1.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within what u32 has")]
        let unit = (units <= f64::from(u32::MAX)).then_some(units as u32);
        let size = units / 2f64.powi(32);
        let (mut middles, mut worst, mut numbers) = (self.bias, 0.0, Vec::new());
        for (_, leaves) in &self.trees {
            let (middle, _) = range(leaves);
            middles += middle;
            let rounded = leaves.iter().map(|leaf| ((leaf - middle) / size).round().clamp(-top, top));
            let drift = leaves.iter().zip(rounded.clone()).map(|(leaf, number)| (leaf - middle - number * size).abs());
            worst += drift.fold(0.0, f64::max);
            #[expect(clippy::cast_possible_truncation, reason = "held within what i16 has")]
            numbers.extend(rounded.map(|number| number as i16));
        }
        // The bias and the sum are each cut to 65,536ths.
        Leaves { leaf_bytes, unit, bias: bias(middles), numbers, worst: worst + 1.5 / 65_536.0 }
    }
}

/// A bias in Q16.16.
fn bias(odds: f64) -> i32 {
    fixed(odds, 65_536.0, f64::from(i32::MIN), f64::from(i32::MAX))
}

struct Leaves {
    leaf_bytes: u8,
    /// In 2^-32 log-odds.
    unit: Option<u32>,
    bias: i32,
    numbers: Vec<i16>,
    /// The most that a score can be moved by.
    worst: f64,
}

/// The different questions of a forest.
struct Questions<'a> {
    forest: &'a Forest,
    columns: Vec<Option<Column>>,
    attributes: &'a Attributes,
    known: BTreeMap<(usize, [u64; 2], Vec<u32>), usize>,
    all: Vec<(usize, Set)>,
    /// Why a feature cannot be asked on the device, and where it is said what it is there.
    faults: BTreeMap<usize, (Span, String)>,
}

impl Questions<'_> {
    /// The number of a question; 0 beside a fault where it cannot be asked on the device.
    fn number(&mut self, feature: usize, test: &Test) -> Option<usize> {
        let side = |side: &Side| u64::from(*side == Side::Right);
        let key = match test {
            Test::AtMost { threshold, blank } => {
                let blank = match blank {
                    Blank::Zero => 0,
                    Blank::Missing(to) => 1 + side(to),
                    Blank::MissingOrZero(to) => 3 + side(to),
                };
                (feature, [blank, threshold.to_bits()], Vec::new())
            }
            Test::Below { threshold, missing } => (feature, [5 + side(missing), threshold.to_bits()], Vec::new()),
            Test::Among { set, missing } => (feature, [7 + side(missing), 0], set.clone()),
        };
        if let Some(number) = self.known.get(&key) {
            return Some(*number);
        }
        let named = self.forest.features.get(feature)?;
        let column = self.columns.get(feature).and_then(Option::as_ref)?;
        let set = match right(test, named, column, self.forest.precision) {
            Ok(set) => set,
            Err(fault) => {
                self.faults.entry(feature).or_insert((column.span, fault));
                return Some(0);
            }
        };
        let set = self
            .attributes
            .get(column.attribute)
            .map_or_else(|| set.clone(), |attribute| attribute.narrow(set.clone()));
        self.all.push((column.attribute, set));
        self.known.insert(key, self.all.len() - 1);
        Some(self.all.len() - 1)
    }
}

/// The values that go right.
fn right(test: &Test, feature: &Feature, column: &Column, precision: Precision) -> Result<Set, String> {
    let text = column.kind == Kind::Text;
    let scaled = |number: f64| if column.thousandths { in_thousandths(number) } else { number };
    let from = |number: f64| Set::numbers(Some(scaled(number)), None);
    let (mut set, missing) = match test {
        Test::AtMost { .. } | Test::Below { .. } if text => {
            return Err(format!("the model compares `{}` with numbers, and on the device it is a text", feature.name));
        }
        Test::AtMost { threshold, blank } => {
            let above = from(border::above(*threshold, precision));
            let zeros = || Set::numbers(Some(scaled(-ZERO)), Some(scaled(ZERO.next_up())));
            match blank {
                Blank::Zero => (above, 0.0 > *threshold),
                Blank::Missing(to) => (above, *to == Side::Right),
                Blank::MissingOrZero(Side::Right) => (above.or(&zeros()), true),
                Blank::MissingOrZero(Side::Left) => (above.and(&zeros().others()), false),
            }
        }
        Test::Below { threshold, missing } => (from(border::not_below(*threshold, precision)), *missing == Side::Right),
        Test::Among { set, missing } => {
            let missing = *missing == Side::Right;
            let in_set = |code: usize| set.get(code / 32).is_some_and(|word| word >> (code % 32) & 1 == 1);
            let set = match (&feature.levels, text) {
                // A text that the model has not seen in training is missing to it.
                (Some(levels), true) => {
                    let apart = levels.iter().enumerate().filter(|(code, _)| in_set(*code) == missing);
                    let set = Set::texts(apart.map(|(_, level)| level.clone()));
                    if missing { set.others() } else { set }
                }
                (None, true) => {
                    return Err(format!(
                        "the model knows the categories of `{}` by number alone, and on the device it is a text",
                        feature.name
                    ));
                }
                (Some(levels), false) => {
                    let numbers: Option<Vec<f64>> = levels.iter().map(|level| level.trim().parse().ok()).collect();
                    let numbers = numbers.ok_or_else(|| {
                        format!("the categories of `{}` are texts, and on the device it is a number", feature.name)
                    })?;
                    let apart = numbers.iter().enumerate().filter(|(code, _)| in_set(*code) == missing);
                    let there = |number: &f64| !column.thousandths || in_thousandths(*number) / 1_000.0 == *number;
                    let set = Set::points(apart.map(|(_, number)| *number).filter(there).map(scaled));
                    if missing { set.others() } else { set }
                }
                (None, false) => {
                    // Numbers are cut to whole ones; above -1 that is 0. Codes in a row are one piece.
                    let mut changes: Vec<f64> = Vec::new();
                    for code in (0..32 * set.len()).filter(|number| in_set(*number)) {
                        let from = scaled(if code == 0 { (-1f64).next_up() } else { code as f64 });
                        if changes.last() == Some(&from) {
                            changes.pop();
                        } else {
                            changes.push(from);
                        }
                        changes.push(scaled(code as f64 + 1.0));
                    }
                    let left = Set::turns(changes);
                    left.others()
                }
            };
            (set, missing)
        }
    };
    set.missing = missing;
    Ok(set)
}

/// Lays down what stands under `child`; returns how many splits that were.
fn lay(tree: &Tree, child: Child, questions: &mut Questions<'_>, into: &mut Walk) -> Option<usize> {
    let number = match child {
        Child::Leaf(number) => {
            into.1.push(tree.leaves.get(number).copied()?);
            return Some(0);
        }
        Child::Split(number) => number,
    };
    let split = tree.splits.get(number)?;
    let question = questions.number(split.feature, &split.test)?;
    let own = into.0.len();
    into.0.push(Split { question, right: 0 });
    let left = lay(tree, split.left, questions, into)?;
    into.0.get_mut(own)?.right = u8::try_from(into.1.len()).ok()?;
    let right = lay(tree, split.right, questions, into)?;
    Some(1 + left + right)
}

/// Trees that ask the same in the same order are one, whose leaves are the sums: where constants have cut a forest down, most of what is left is alike.
fn joined(trees: Vec<Walk>) -> Vec<Walk> {
    let mut known: BTreeMap<Vec<Split>, usize> = BTreeMap::new();
    let mut all: Vec<Walk> = Vec::new();
    for (splits, leaves) in trees {
        let next = all.len();
        let at = *known.entry(splits.clone()).or_insert(next);
        match all.get_mut(at) {
            Some((_, sums)) => sums.iter_mut().zip(leaves).for_each(|(sum, leaf)| *sum += leaf),
            None => all.push((splits, leaves)),
        }
    }
    all
}

/// Lays down a tree whose levels ask one question each, from `level` on; the answer to the first level is the lowest bit of a leaf's number.
fn level(questions: &[usize], asked: usize, number: usize, leaves: &[f64], into: &mut Walk) -> Option<()> {
    let Some(question) = questions.get(asked) else {
        into.1.push(leaves.get(number).copied()?);
        return Some(());
    };
    let own = into.0.len();
    into.0.push(Split { question: *question, right: 0 });
    level(questions, asked + 1, number, leaves, into)?;
    into.0.get_mut(own)?.right = u8::try_from(into.1.len()).ok()?;
    level(questions, asked + 1, number | 1 << asked, leaves, into)
}

/// The questions of a tree.
fn asked_by<'a>((splits, _): &(&'a [Split], &[i16])) -> impl Iterator<Item = usize> + use<'a> {
    splits.iter().map(|split| split.question)
}

/// Writes trees that are asked side by side.
fn group(
    trees: &[(&[Split], &[i16])],
    values: &Values,
    first: usize,
    leaf_bytes: u8,
    into: &mut Vec<u8>,
) -> Option<()> {
    let steps = trees.iter().map(|(splits, _)| splits.len()).max().unwrap_or(0);
    into.extend(u16::try_from(first).ok()?.to_le_bytes());
    for count in [values.blocks(), steps, trees.len()] {
        into.push(u8::try_from(count).ok()?);
    }
    for step in 0..steps {
        let mut rows = [const { Vec::new() }; 3];
        for (splits, _) in trees {
            let asked = match splits.get(step) {
                Some(Split { question, right }) => {
                    let (place, bound) = values.place(*question)?;
                    [place, bound, *right]
                }
                None => [0; 3],
            };
            rows.iter_mut().zip(asked).for_each(|(row, byte)| row.push(byte));
        }
        rows.iter().for_each(|row: &Vec<u8>| into.extend(row));
    }
    for (_, leaves) in trees {
        let padding = std::iter::repeat_n(&0, steps + 1 - leaves.len());
        for leaf in leaves.iter().chain(padding) {
            into.extend(leaf.to_le_bytes().get(..usize::from(leaf_bytes))?);
        }
    }
    Some(())
}
