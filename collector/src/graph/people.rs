//! Who is one person: a pure function of the evidence and the policy.
//!
//! Evidence ties two identifiers when it is strong enough, when neither is shared, and when the weaker of the two follows that
//! owner. What ties is taken in one order (declared before observed, then by time, then by its own bytes), and joins two groups
//! unless the group would break a limit. So the same evidence gives the same people, however it arrived; and without one piece
//! of it, the people are those that there were before that piece.
//!
//! A person goes by the oldest identifier of the group, the *root*. When groups join, the younger root's name leads to the older one;
//! when they part, each goes by its own again: no table of redirects is needed.

use std::collections::{BTreeMap, BTreeSet};

use super::policy::Policy;

/// An identifier in the graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its number in the store; says nothing of order.
    pub id: i64,
    /// Its kind.
    pub namespace: u8,
    /// Its digest, or the pseudonym.
    pub value: Vec<u8>,
    /// Which forms the digest serves.
    pub forms: u8,
    /// Earliest time that it was told of, Unix ms.
    pub first_at: i64,
}

/// By what evidence came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Rule {
    /// Somebody declared two identifiers to be one person's: an alias, or an operator.
    Declared = 1,
    /// They came in one message, of a device or of an event.
    Together = 2,
    /// They stood in one row of an imported file.
    Row = 3,
    /// A partner's match table says so.
    Table = 4,
    /// Records were found alike.
    Matched = 5,
}

/// A piece of evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// One end.
    pub a: i64,
    /// The other.
    pub b: i64,
    /// By what it came.
    pub rule: Rule,
    /// Where from: the write key's name, or `device`.
    pub source: String,
    /// Which message said so first.
    pub evidence: Vec<u8>,
    /// Of 1,000.
    pub confidence: u16,
    /// When it was said first, Unix ms.
    pub first_at: i64,
}

/// What an identifier is in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Standing {
    /// The root of its person.
    pub root: i64,
    /// Too many own it: it is nobody's.
    pub shared: bool,
}

impl Node {
    /// Older identifiers first; never by the store's number.
    #[must_use]
    pub fn key(&self) -> (i64, u8, &[u8]) {
        (self.first_at, self.namespace, &self.value)
    }

    /// Of an address with several digests, one counts.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.forms == 0 || self.forms & 1 == 1
    }
}

impl Rule {
    /// The rule of a number.
    #[must_use]
    pub fn of(number: u8) -> Option<Self> {
        [Self::Declared, Self::Together, Self::Row, Self::Table, Self::Matched]
            .into_iter()
            .find(|rule| *rule as u8 == number)
    }

    /// For people.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Declared => "declared",
            Self::Together => "in one message",
            Self::Row => "in one row",
            Self::Table => "match table",
            Self::Matched => "found alike",
        }
    }

    /// May it tie two user ids, or two records of one system?
    fn is_exempt(self) -> bool {
        matches!(self, Self::Declared | Self::Matched)
    }
}

/// The standing of one identifier among its neighbours: is it shared?
#[must_use]
pub fn is_shared(node: &Node, neighbours: &BTreeMap<i64, &Node>, policy: &Policy) -> bool {
    if neighbours.len() > policy.busy {
        return true;
    }
    let most = usize::from(policy.kind(node.namespace).owners);
    let mut owners: BTreeMap<u8, usize> = BTreeMap::new();
    for neighbour in neighbours.values().filter(|neighbour| policy.owns(neighbour, node)) {
        *owners.entry(neighbour.namespace).or_default() += 1;
    }
    owners.values().any(|count| *count > most)
}

/// What is needed to judge the evidence at one identifier.
#[derive(Debug, Clone, Default)]
pub struct Around {
    /// The pieces of evidence at it.
    pub edges: Vec<Edge>,
    /// The other ends, by number, and whether each is shared.
    pub others: BTreeMap<i64, (Node, bool)>,
}

impl Around {
    /// The neighbours, as [`is_shared`] takes them.
    #[must_use]
    pub fn neighbours(&self) -> BTreeMap<i64, &Node> {
        self.others.iter().map(|(id, (node, _))| (*id, node)).collect()
    }

    /// The owner of each kind that `node` follows: the one that it came with first. Only owners that are not shared count.
    fn owners(&self, node: &Node, policy: &Policy) -> BTreeMap<u8, i64> {
        let mut first: BTreeMap<u8, (Order<'_>, i64)> = BTreeMap::new();
        for edge in self.edges.iter().filter(|edge| !edge.rule.is_exempt() && edge.confidence >= policy.confidence) {
            let other = if edge.a == node.id { edge.b } else { edge.a };
            let Some((owner, false)) = self.others.get(&other) else { continue };
            // One user id to a person: what has a limit of one is followed, the rest is only counted.
            if policy.kind(owner.namespace).limit != 1 || !policy.owns(owner, node) {
                continue;
            }
            let order = order(edge, node, owner);
            let best = first.entry(owner.namespace).or_insert_with(|| (order, other));
            if order < best.0 {
                *best = (order, other);
            }
        }
        first.into_iter().map(|(namespace, (_, owner))| (namespace, owner)).collect()
    }
}

/// Where a piece of evidence stands in the one order.
type Order<'e> = (Rule, i64, &'e [u8], (u8, &'e [u8]), (u8, &'e [u8]), &'e str);

fn order<'e>(edge: &'e Edge, one: &'e Node, two: &'e Node) -> Order<'e> {
    let (one, two) = ((one.namespace, one.value.as_slice()), (two.namespace, two.value.as_slice()));
    // Declared first, observed after, whatever the rule among the observed.
    let rule = if edge.rule == Rule::Declared { Rule::Declared } else { Rule::Together };
    (rule, edge.first_at, &edge.evidence, one.min(two), one.max(two), &edge.source)
}

/// A part of the graph that nothing outside of it touches: identifiers that are not shared, each with all that is around it.
#[derive(Debug, Clone, Default)]
pub struct Part {
    /// Identifiers by number.
    pub nodes: BTreeMap<i64, Node>,
    /// What is around each.
    pub around: BTreeMap<i64, Around>,
}

impl Part {
    /// The evidence at an identifier that ties, as (other end, piece). Needs what is around the other end where that is weaker.
    #[must_use]
    pub fn ties<'p>(&'p self, id: i64, policy: &Policy) -> Vec<(i64, &'p Edge)> {
        let (Some(node), Some(around)) = (self.nodes.get(&id), self.around.get(&id)) else { return Vec::new() };
        let followed = around.owners(node, policy);
        let mut ties = Vec::new();
        for edge in around.edges.iter().filter(|edge| edge.confidence >= policy.confidence) {
            let other = if edge.a == id { edge.b } else { edge.a };
            let Some((neighbour, false)) = around.others.get(&other) else { continue };
            let follows = |owned: &Node, owner: &Node, followed: &BTreeMap<u8, i64>| {
                !policy.owns(owner, owned) || followed.get(&owner.namespace).is_none_or(|first| *first == owner.id)
            };
            let open = edge.rule.is_exempt() || {
                follows(node, neighbour, &followed)
                    && (!policy.owns(node, neighbour)
                        || self
                            .around
                            .get(&other)
                            .is_none_or(|around| follows(neighbour, node, &around.owners(neighbour, policy))))
            };
            if open {
                ties.push((other, edge));
            }
        }
        ties
    }

    /// The root of every identifier of the part.
    #[must_use]
    pub fn people(&self, policy: &Policy) -> BTreeMap<i64, i64> {
        let mut ties: Vec<(Order<'_>, &Edge)> = Vec::new();
        for id in self.nodes.keys() {
            for (other, edge) in self.ties(*id, policy) {
                // Each piece is at both its ends; one of them brings it.
                if let (true, Some(one), Some(two)) = (*id < other, self.nodes.get(id), self.nodes.get(&other)) {
                    ties.push((order(edge, one, two), edge));
                }
            }
        }
        ties.sort_by(|one, two| one.0.cmp(&two.0));
        let mut groups = Groups::new(&self.nodes);
        for (_, edge) in ties {
            groups.join(edge, policy);
        }
        groups.roots(&self.nodes)
    }
}

/// Groups of identifiers while evidence is taken in.
struct Groups {
    /// The group of each identifier.
    of: BTreeMap<i64, i64>,
    /// Members, and how many of each namespace.
    members: BTreeMap<i64, (Vec<i64>, BTreeMap<u8, usize>)>,
}

impl Groups {
    fn new(nodes: &BTreeMap<i64, Node>) -> Self {
        Self {
            of: nodes.keys().map(|id| (*id, *id)).collect(),
            members: nodes
                .iter()
                .map(|(id, node)| {
                    let counted = usize::from(node.counts());
                    (*id, (vec![*id], BTreeMap::from([(node.namespace, counted)])))
                })
                .collect(),
        }
    }

    fn join(&mut self, edge: &Edge, policy: &Policy) {
        let (Some(&one), Some(&two)) = (self.of.get(&edge.a), self.of.get(&edge.b)) else { return };
        if one == two {
            return;
        }
        let (Some(left), Some(right)) = (self.members.get(&one), self.members.get(&two)) else { return };
        if left.0.len() + right.0.len() > policy.ceiling {
            return;
        }
        let breaks = left.1.iter().any(|(namespace, count)| {
            let other = right.1.get(namespace).copied().unwrap_or_default();
            // Only what both bring can be too much of; what one had already was allowed when it came.
            *count > 0 && other > 0 && count + other > usize::from(policy.kind(*namespace).limit)
        });
        if breaks && !edge.rule.is_exempt() {
            return;
        }
        // The smaller group moves, so that a long chain costs little.
        let (stays, moves) = if left.0.len() >= right.0.len() { (one, two) } else { (two, one) };
        let Some((moved, counts)) = self.members.remove(&moves) else { return };
        for id in &moved {
            self.of.insert(*id, stays);
        }
        if let Some((members, sums)) = self.members.get_mut(&stays) {
            members.extend(moved);
            for (namespace, count) in counts {
                *sums.entry(namespace).or_default() += count;
            }
        }
    }

    fn roots(self, nodes: &BTreeMap<i64, Node>) -> BTreeMap<i64, i64> {
        let mut roots = BTreeMap::new();
        for (members, _) in self.members.into_values() {
            let oldest = members.iter().filter_map(|id| nodes.get(id)).min_by(|one, two| one.key().cmp(&two.key()));
            if let Some(oldest) = oldest {
                roots.extend(members.iter().map(|id| (*id, oldest.id)));
            }
        }
        roots
    }
}

/// The standing of every identifier of a whole graph, from nothing. Reads everything: for tests, doubts and migrations.
#[must_use]
pub fn everyone(nodes: &[Node], edges: &[Edge], policy: &Policy) -> BTreeMap<i64, Standing> {
    let known: BTreeMap<i64, &Node> = nodes.iter().map(|node| (node.id, node)).collect();
    let mut around: BTreeMap<i64, Around> = nodes.iter().map(|node| (node.id, Around::default())).collect();
    for edge in edges {
        for (here, other) in [(edge.a, edge.b), (edge.b, edge.a)] {
            if let (Some(place), Some(other)) = (around.get_mut(&here), known.get(&other)) {
                place.edges.push(edge.clone());
                place.others.insert(other.id, ((*other).clone(), false));
            }
        }
    }
    let shared: BTreeSet<i64> = nodes
        .iter()
        .filter(|node| around.get(&node.id).is_some_and(|around| is_shared(node, &around.neighbours(), policy)))
        .map(|node| node.id)
        .collect();
    for place in around.values_mut() {
        for (id, (_, flag)) in &mut place.others {
            *flag = shared.contains(id);
        }
    }
    around.retain(|id, _| !shared.contains(id));
    let open = nodes.iter().filter(|node| !shared.contains(&node.id)).map(|node| (node.id, node.clone())).collect();
    let roots = Part { nodes: open, around }.people(policy);
    let mut standings: BTreeMap<i64, Standing> =
        roots.into_iter().map(|(id, root)| (id, Standing { root, shared: false })).collect();
    standings.extend(shared.into_iter().map(|id| (id, Standing { root: id, shared: true })));
    standings
}
