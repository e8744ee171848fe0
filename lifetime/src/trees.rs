//! Oblivious trees that follow a known number: each level asks one question of all its nodes, as the engine's models do.
//!
//! Trees are grown one after the other, each on what the ones before it left over (Friedman, Greedy Function Approximation: A
//! Gradient Boosting Machine, Annals of Statistics 29(5), 2001),
//! and each level takes the question that leaves least of it.

/// Trees of a model, and levels of each: 84 bytes a tree in a bundle.
const TREES: usize = 24;
/// See [`TREES`].
const LEVELS: usize = 5;
/// Leaves of a tree.
const LEAVES: usize = 1 << LEVELS;
/// How much of what is left a tree takes away.
const SHARE: f64 = 0.5;
/// What a weight or leaf is kept in.
pub(crate) const STEPS: f64 = 256.0;

/// What is to be followed: the answers to all questions as bits, the number, and how much it counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Row {
    pub(crate) answers: u64,
    pub(crate) value: f64,
    pub(crate) weight: f64,
}

/// A tree: questions by their number, the first being bit 0 of the number of a leaf.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tree {
    pub(crate) levels: Vec<usize>,
    pub(crate) leaves: Vec<f64>,
}

/// A sum of trees.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Trees {
    pub(crate) bias: f64,
    pub(crate) trees: Vec<Tree>,
}

impl Trees {
    /// Follows the rows with the answers to the first `questions` (at most 64) bits.
    pub(crate) fn follow(rows: &[Row], questions: usize) -> Self {
        let all: f64 = rows.iter().map(|row| row.weight).sum();
        let bias = rounded(rows.iter().map(|row| row.weight * row.value).sum::<f64>() / all.max(f64::MIN_POSITIVE));
        let mut left: Vec<Row> = rows.iter().map(|row| Row { value: row.value - bias, ..*row }).collect();
        let mut trees = Vec::new();
        for _ in 0..TREES {
            let tree = Tree::grown(&left, questions);
            for row in &mut left {
                row.value -= tree.leaf(row.answers);
            }
            trees.push(tree);
        }
        Self { bias, trees }
    }

    /// What they say to answers.
    pub(crate) fn value(&self, answers: u64) -> f64 {
        self.bias + self.trees.iter().map(|tree| tree.leaf(answers)).sum::<f64>()
    }
}

impl Tree {
    fn grown(rows: &[Row], questions: usize) -> Self {
        let mut levels = Vec::new();
        let mut places = vec![0_usize; rows.len()];
        for level in 0..LEVELS {
            // Of each question, how much weight and value come to each leaf that it would make.
            let best = (0..questions).filter(|question| !levels.contains(question)).max_by(|one, other| {
                let gain = |question: usize| gain(rows, &places, level, question);
                gain(*one).total_cmp(&gain(*other))
            });
            let Some(question) = best else { break };
            for (place, row) in places.iter_mut().zip(rows) {
                *place |= bit(row.answers, question) << level;
            }
            levels.push(question);
        }
        let sums = sums(rows, &places);
        let leaves = sums.iter().take(1 << levels.len());
        let leaves = leaves.map(|(weight, value)| if *weight > 0.0 { rounded(SHARE * value / weight) } else { 0.0 });
        Self { leaves: leaves.collect(), levels }
    }

    fn leaf(&self, answers: u64) -> f64 {
        let place =
            self.levels.iter().enumerate().fold(0, |place, (level, question)| place | bit(answers, *question) << level);
        self.leaves.get(place).copied().unwrap_or_default()
    }
}

/// What a question takes of the squares, where the leaves are as they stand.
fn gain(rows: &[Row], places: &[usize], level: usize, question: usize) -> f64 {
    let mut sums = [(0.0_f64, 0.0_f64); LEAVES];
    for (place, row) in places.iter().zip(rows) {
        if let Some((weight, value)) = sums.get_mut(place | bit(row.answers, question) << level) {
            *weight += row.weight;
            *value += row.weight * row.value;
        }
    }
    sums.iter().filter(|(weight, _)| *weight > 0.0).map(|(weight, value)| value * value / weight).sum()
}

fn sums(rows: &[Row], places: &[usize]) -> [(f64, f64); LEAVES] {
    let mut sums = [(0.0, 0.0); LEAVES];
    for (place, row) in places.iter().zip(rows) {
        if let Some((weight, value)) = sums.get_mut(*place) {
            *weight += row.weight;
            *value += row.weight * row.value;
        }
    }
    sums
}

fn bit(answers: u64, question: usize) -> usize {
    usize::from(answers >> question & 1 == 1)
}

fn rounded(value: f64) -> f64 {
    (value * STEPS).round() / STEPS
}
