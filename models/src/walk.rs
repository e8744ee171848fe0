//! Brings nodes that name their children into the order of a [`Tree`], and categories into sets.

use crate::fault::Fault;
use crate::forest::{Child, Side, Split, Test, Tree};

/// What stands at a node, where `K` names nodes.
pub(crate) enum Node<K> {
    /// An answer, and how much of the training it saw, where the file says it.
    Leaf(f64, Option<f64>),
    /// A question about a column.
    Split { feature: usize, test: Test, yes: K, no: K },
}

/// Follows the children from the root, so that each stands behind its parent. Whoever is asked for a node that it has given already refuses,
/// or this would not end.
pub(crate) fn walk<K>(root: K, mut look: impl FnMut(K) -> Result<Node<K>, Fault>) -> Result<Tree, Fault> {
    let mut tree = Tree::default();
    let mut covers = Some(Vec::new());
    // What is to be looked at, and the side of the split that leads to it.
    let mut next: Vec<(K, Option<(usize, Side)>)> = vec![(root, None)];
    while let Some((key, parent)) = next.pop() {
        let child = match look(key)? {
            Node::Leaf(value, cover) => {
                tree.leaves.push(value);
                // One leaf that does not say it leaves the whole tree without.
                covers = covers.zip(cover).map(|(mut covers, cover)| {
                    covers.push(cover);
                    covers
                });
                Child::Leaf(tree.leaves.len() - 1)
            }
            Node::Split { feature, test, yes, no } => {
                let number = tree.splits.len();
                // Both are put right once the children are known.
                tree.splits.push(Split { feature, test, left: Child::Leaf(0), right: Child::Leaf(0) });
                next.push((no, Some((number, Side::Right))));
                next.push((yes, Some((number, Side::Left))));
                Child::Split(number)
            }
        };
        if let Some((split, side)) = parent
            && let Some(split) = tree.splits.get_mut(split)
        {
            match side {
                Side::Left => split.left = child,
                Side::Right => split.right = child,
            }
        }
    }
    tree.covers = covers;
    Ok(tree)
}

/// Words of all sets together beyond which a model is refused: 64 MB.
pub(crate) const MOST_WORDS: usize = 1 << 24;

/// The bits of some levels.
pub(crate) fn set(levels: impl Iterator<Item = usize>) -> Vec<u32> {
    let mut words = Vec::new();
    for level in levels {
        if words.len() <= level / 32 {
            words.resize(level / 32 + 1, 0);
        }
        if let Some(word) = words.get_mut(level / 32) {
            *word |= 1 << (level % 32);
        }
    }
    words
}

/// Takes what a test holds from what is left of [`MOST_WORDS`].
pub(crate) fn spend(test: &Test, budget: &mut usize) -> Result<(), Fault> {
    let Test::Among { set, .. } = test else { return Ok(()) };
    spend_words(set.len(), budget)
}

/// Takes so many words from what is left of [`MOST_WORDS`].
pub(crate) fn spend_words(words: usize, budget: &mut usize) -> Result<(), Fault> {
    let left = budget.checked_sub(words).ok_or_else(|| {
        Fault::of("the sets of categories of all splits are too large together")
            .remedy("put rare categories together before training")
    })?;
    *budget = left;
    Ok(())
}
