//! A graph that was checked, and the ways through it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::description::Description;
use crate::edge::{Edge, Join, Outcome, Target};
use crate::node::Node;
use crate::policy::NodePolicy;
use crate::position::{Position, Task};
use crate::state::WorkflowState;

pub(crate) struct NodeEntry<S, C, E> {
    pub node: Box<dyn Node<S, C, E>>,
    pub policy: NodePolicy<E>,
}

/// A workflow that can be run, as often and by as many tasks at once as wanted.
pub struct Graph<S, C, E> {
    pub(crate) name: String,
    pub(crate) version: u32,
    pub(crate) nodes: Vec<NodeEntry<S, C, E>>,
    pub(crate) edges: Vec<Edge<S>>,
    pub(crate) joins: Vec<Join>,
    by_name: HashMap<String, usize>,
    /// The indices of the edges that leave a node, by its index.
    leaving: Vec<Vec<usize>>,
}

impl<S, C, E> std::fmt::Debug for Graph<S, C, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Graph({}, {} nodes, {} edges)", self.name, self.nodes.len(), self.edges.len())
    }
}

/// A task that has ended, as far as its edges go.
#[derive(Debug)]
pub(crate) struct Ended<'a> {
    pub node: &'a str,
    pub outcome: Outcome,
    pub goto: Option<&'a [String]>,
}

/// Where a run cannot go on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Dead {
    /// A node failed and no failure edge fits; the index among those that ended.
    Failed(usize),
    NoEdge(String),
    UndeclaredRoute {
        node: String,
        to: String,
    },
}

impl<S: WorkflowState, C, E> Graph<S, C, E> {
    /// The nodes and edges are validated.
    pub(crate) fn new(
        name: String,
        version: u32,
        nodes: Vec<NodeEntry<S, C, E>>,
        edges: Vec<Edge<S>>,
        joins: Vec<Join>,
    ) -> Self {
        let by_name: HashMap<_, _> =
            nodes.iter().enumerate().map(|(index, entry)| (entry.node.name().to_owned(), index)).collect();
        let mut leaving = vec![Vec::new(); nodes.len()];
        for (index, edge) in edges.iter().enumerate() {
            if let Some(edges) = by_name.get(&edge.from).and_then(|node| leaving.get_mut(*node)) {
                edges.push(index);
            }
        }
        Self { name, version, nodes, edges, joins, by_name, leaving }
    }

    pub fn describe(&self) -> Description {
        let names = self.nodes.iter().map(|entry| entry.node.name().to_owned()).collect();
        Description::new(self.name.clone(), self.version, names, &self.edges, &self.joins)
    }

    /// Name and version: what stored runs belong to.
    pub fn id(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }

    pub(crate) fn entry(&self, name: &str) -> Option<&NodeEntry<S, C, E>> {
        self.by_name.get(name).and_then(|index| self.nodes.get(*index))
    }

    /// The tasks of the first superstep.
    pub(crate) fn start(&self) -> Vec<Task> {
        self.nodes.first().map(|entry| Task::of(entry.node.name())).into_iter().collect()
    }

    /// Whether a failure of the node can be followed by anything.
    pub(crate) fn handles_failure(&self, node: &str) -> bool {
        self.edges_of(node).any(|(_, edge)| edge.on == Outcome::Failed)
    }

    fn edges_of<'a>(&'a self, node: &str) -> impl Iterator<Item = (usize, &'a Edge<S>)> + use<'a, S, C, E> {
        let indices = self.by_name.get(node).and_then(|index| self.leaving.get(*index));
        indices.into_iter().flatten().filter_map(|index| self.edges.get(*index).map(|edge| (*index, edge)))
    }

    /// The tasks that follow those that have ended, once the state holds what all of them have changed. Counts the
    /// edges that are taken and what has arrived at joins in `position`.
    pub(crate) fn next(
        &self,
        ended: &[Ended<'_>],
        state: &S,
        position: &mut Position,
    ) -> Result<Vec<Task>, Dead> {
        let mut next = NextTasks::default();
        let mut chosen = BTreeSet::new();
        for (index, end) in ended.iter().enumerate() {
            if let Some(targets) = end.goto {
                self.follow_commands(end.node, targets, position, &mut next)?;
            } else if chosen.insert((end.node, end.outcome == Outcome::Failed)) {
                // The executions of one node for several items take one edge together.
                let edge = self.choose(end.node, end.outcome, state, &mut position.taken);
                match (edge, end.outcome) {
                    (Some(edge), _) => self.follow(edge, end.node, state, position, &mut next)?,
                    (None, Outcome::Failed) => return Err(Dead::Failed(index)),
                    (None, Outcome::Finished) => return Err(Dead::NoEdge(end.node.to_owned())),
                }
            }
        }
        Ok(next.tasks)
    }

    /// The first edge that fits. Counts it in `taken`, by its index.
    fn choose(
        &self,
        node: &str,
        on: Outcome,
        state: &S,
        taken: &mut BTreeMap<usize, u32>,
    ) -> Option<&Edge<S>> {
        let count = |index| taken.get(&index).copied().unwrap_or(0);
        let (index, edge) =
            self.edges_of(node).find(|(index, edge)| edge.on == on && edge.fits(state, count(*index)))?;
        if edge.at_most.is_some() {
            *taken.entry(index).or_default() += 1;
        }
        Some(edge)
    }

    fn follow(
        &self,
        edge: &Edge<S>,
        from: &str,
        state: &S,
        position: &mut Position,
        next: &mut NextTasks,
    ) -> Result<(), Dead> {
        match &edge.to {
            Target::Command(_) | Target::End => {}
            Target::Nodes(nodes) => nodes.iter().for_each(|node| next.add(Task::of(node))),
            Target::Join(index) => {
                let arrived = position.joins.entry(*index).or_default();
                arrived.insert(from.to_owned());
                if let Some(join) = self.joins.get(*index)
                    && join.from.iter().all(|node| arrived.contains(node))
                {
                    position.joins.remove(index);
                    next.add(Task::of(&join.to));
                }
            }
            Target::Map { to, items } => {
                let items = items(state);
                if items.is_empty() {
                    // As if the node had finished for each of no items.
                    let edge = self.choose(to, Outcome::Finished, state, &mut position.taken);
                    let edge = edge.ok_or_else(|| Dead::NoEdge(to.clone()))?;
                    return self.follow(edge, to, state, position, next);
                }
                next.tasks.extend(items.into_iter().map(|item| Task { node: to.clone(), item: Some(item) }));
            }
        }
        Ok(())
    }

    fn follow_commands(
        &self,
        from: &str,
        targets: &[String],
        position: &mut Position,
        next: &mut NextTasks,
    ) -> Result<(), Dead> {
        for target in targets {
            let declared =
                self.edges_of(from).find(|(_, edge)| matches!(&edge.to, Target::Command(to) if to == target));
            let taken =
                declared.map(|(index, edge)| (position.taken.entry(index).or_default(), edge.at_most));
            match taken {
                Some((taken, most)) if most.is_none_or(|most| *taken < most) => *taken += 1,
                _ => return Err(Dead::UndeclaredRoute { node: from.to_owned(), to: target.clone() }),
            }
            if target != crate::END {
                next.add(Task::of(target));
            }
        }
        Ok(())
    }
}

/// A node to which several edges lead in one superstep runs once.
#[derive(Default)]
struct NextTasks {
    tasks: Vec<Task>,
}

impl NextTasks {
    fn add(&mut self, task: Task) {
        if !self.tasks.contains(&task) {
            self.tasks.push(task);
        }
    }
}
