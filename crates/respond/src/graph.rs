//! Declared dependencies, indexed: who stands on whom.
//!
//! `Topology` answers the same questions by scanning; with thousands of services failing in one batch
//! that would be quadratic, so the index is built once per configuration.

use std::collections::{HashMap, HashSet};
use stillhere_model::{ServiceId, Topology};

#[derive(Debug, Clone, Default)]
pub(crate) struct Graph {
    nodes: HashMap<ServiceId, Node>,
}

#[derive(Debug, Clone, Default)]
struct Node {
    depends_on: Vec<ServiceId>,
    needed_by: Vec<ServiceId>,
    /// It has a check that can be asked to look now.
    can_look: bool,
    public: bool,
}

// === impl Graph ===

impl Graph {
    pub(crate) fn new(topology: &Topology) -> Graph {
        let mut nodes: HashMap<ServiceId, Node> = HashMap::with_capacity(topology.services.len());
        for s in &topology.services {
            let can_look = s.checks.iter().any(|c| topology.checks.get(c).is_some_and(|c| !c.passive));
            let node = Node { can_look, public: s.public, ..Node::default() };
            nodes.insert(s.id.clone(), node);
        }
        for s in &topology.services {
            for on in &s.depends_on {
                if let Some(node) = nodes.get_mut(on) {
                    node.needed_by.push(s.id.clone());
                    if let Some(node) = nodes.get_mut(&s.id) {
                        node.depends_on.push(on.clone());
                    }
                }
            }
        }
        Graph { nodes }
    }

    pub(crate) fn knows(&self, id: &ServiceId) -> bool {
        self.nodes.contains_key(id)
    }

    pub(crate) fn can_look(&self, id: &ServiceId) -> bool {
        self.nodes.get(id).is_some_and(|n| n.can_look)
    }

    pub(crate) fn is_public(&self, id: &ServiceId) -> bool {
        self.nodes.get(id).is_some_and(|n| n.public)
    }

    /// All that `id` depends on, directly or through others, without `id`, nearest first.
    pub(crate) fn ancestors(&self, id: &ServiceId) -> Vec<ServiceId> {
        self.reach(id, |n| &n.depends_on)
    }

    /// All that depend on `id`, directly or through others, without `id`, nearest first.
    pub(crate) fn dependants(&self, id: &ServiceId) -> Vec<ServiceId> {
        self.reach(id, |n| &n.needed_by)
    }

    pub(crate) fn depends(&self, id: &ServiceId, on: &ServiceId) -> bool {
        self.ancestors(id).contains(on)
    }

    fn reach(&self, from: &ServiceId, next: impl Fn(&Node) -> &Vec<ServiceId>) -> Vec<ServiceId> {
        let Some(node) = self.nodes.get(from) else { return Vec::new() };
        let mut found: Vec<ServiceId> = Vec::new();
        let mut known: HashSet<ServiceId> = HashSet::from([from.clone()]);
        let mut todo = next(node);
        let mut at = 0;
        loop {
            for s in todo {
                if known.insert(s.clone()) {
                    found.push(s.clone());
                }
            }
            let Some(node) = found.get(at).and_then(|s| self.nodes.get(s)) else { return found };
            todo = next(node);
            at += 1;
        }
    }
}
