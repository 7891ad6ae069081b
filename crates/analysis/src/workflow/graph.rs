//! A graph of nodes with conditional edges: built, validated, described, run.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use async_trait::async_trait;
use protocol::analysis::{AnalysisEvent, Step, StepState};
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::error::AnalysisError;

/// A step of a workflow over a state `S`.
#[async_trait]
pub trait Node<S>: Send + Sync {
    /// Its name in events and edges.
    fn name(&self) -> &'static str;

    /// Does its part. The answer is a short word on what was found, for the user.
    ///
    /// # Errors
    /// The graph then goes on along an edge for failures, if one fits.
    async fn run(&self, state: &mut S, outlet: &Outlet) -> Result<Option<String>, NodeError>;
}

/// A node failed: a short word for the user, and the cause.
#[derive(Debug)]
pub struct NodeError {
    pub note: String,
    pub cause: AnalysisError,
}

/// Which end of a node an edge begins at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    Failed,
    Finished,
}

type Condition<S> = Box<dyn Fn(&S) -> bool + Send + Sync>;

struct Edge<S> {
    from: &'static str,
    /// `None`: the end.
    to: Option<&'static str>,
    way: Way,
    /// `None`: always.
    when: Option<(&'static str, Condition<S>)>,
    /// How often it may be taken in one run; an edge without this may not be part of a cycle.
    at_most: Option<u32>,
}

/// Why a graph was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    #[error("the nodes {0:?} can follow each other without bound")]
    Cycle(Vec<&'static str>),
    #[error("two nodes are called {0}")]
    DuplicateNode(&'static str),
    #[error("from {0} the end cannot be reached")]
    NoEnd(&'static str),
    #[error("{0} has no edge that is always taken in the end")]
    NoWayOn(&'static str),
    #[error("an edge names {0}, which is no node")]
    UnknownNode(&'static str),
    #[error("{0} can never be reached")]
    Unreachable(&'static str),
}

/// Collects nodes and edges. Of the edges from one end of a node, the first that fits is taken.
#[must_use]
pub struct GraphBuilder<S> {
    name: &'static str,
    nodes: Vec<Box<dyn Node<S>>>,
    edges: Vec<Edge<S>>,
}

impl<S> std::fmt::Debug for GraphBuilder<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "GraphBuilder({}, {} nodes, {} edges)", self.name, self.nodes.len(), self.edges.len())
    }
}

impl<S: Send> GraphBuilder<S> {
    pub fn new(name: &'static str) -> Self {
        Self { name, nodes: Vec::new(), edges: Vec::new() }
    }

    /// Adds a node; the first one is the start.
    pub fn node(mut self, node: impl Node<S> + 'static) -> Self {
        self.nodes.push(Box::new(node));
        self
    }

    /// After `from` has finished, go on with `to`.
    pub fn edge(mut self, from: &'static str, to: &'static str) -> Self {
        self.edges.push(Edge { from, to: Some(to), way: Way::Finished, when: None, at_most: None });
        self
    }

    /// The same, when the condition holds; `label` says it in words.
    pub fn edge_when(
        mut self,
        from: &'static str,
        to: &'static str,
        label: &'static str,
        condition: impl Fn(&S) -> bool + Send + Sync + 'static,
    ) -> Self {
        let when = Some((label, Box::new(condition) as Condition<S>));
        self.edges.push(Edge { from, to: Some(to), way: Way::Finished, when, at_most: None });
        self
    }

    /// After `from` has failed, go on with `to` when the condition holds.
    pub fn on_failure_when(
        mut self,
        from: &'static str,
        to: &'static str,
        label: &'static str,
        condition: impl Fn(&S) -> bool + Send + Sync + 'static,
    ) -> Self {
        let when = Some((label, Box::new(condition) as Condition<S>));
        self.edges.push(Edge { from, to: Some(to), way: Way::Failed, when, at_most: None });
        self
    }

    /// After `from` has failed, go on with `to` all the same.
    pub fn on_failure(mut self, from: &'static str, to: &'static str) -> Self {
        self.edges.push(Edge { from, to: Some(to), way: Way::Failed, when: None, at_most: None });
        self
    }

    /// The workflow ends when `from` has finished.
    pub fn end(mut self, from: &'static str) -> Self {
        self.edges.push(Edge { from, to: None, way: Way::Finished, when: None, at_most: None });
        self
    }

    /// The edge added last may be taken so often in one run; this is what allows a cycle.
    pub fn at_most(mut self, times: u32) -> Self {
        if let Some(edge) = self.edges.last_mut() {
            edge.at_most = Some(times);
        }
        self
    }

    /// # Errors
    /// The first rule that the graph breaks.
    pub fn build(self) -> Result<Graph<S>, GraphError> {
        let names: Vec<&'static str> = self.nodes.iter().map(|node| node.name()).collect();
        let mut known = HashSet::new();
        if let Some(twice) = names.iter().find(|name| !known.insert(**name)) {
            return Err(GraphError::DuplicateNode(twice));
        }
        let ends = self.edges.iter().flat_map(|edge| [Some(edge.from), edge.to]).flatten();
        if let Some(unknown) = ends.into_iter().find(|name| !known.contains(name)) {
            return Err(GraphError::UnknownNode(unknown));
        }
        let always = |e: &Edge<S>| e.way == Way::Finished && e.when.is_none() && e.at_most.is_none();
        if let Some(stuck) =
            names.iter().find(|name| !self.edges.iter().any(|e| e.from == **name && always(e)))
        {
            return Err(GraphError::NoWayOn(stuck));
        }
        if let Some(cycle) = unbounded_cycle(&names, &self.edges) {
            return Err(GraphError::Cycle(cycle));
        }
        let reached = spread(names.first().copied(), |name| {
            self.edges.iter().filter(|e| e.from == name).filter_map(|e| e.to).collect()
        });
        if let Some(lonely) = names.iter().find(|name| !reached.contains(*name)) {
            return Err(GraphError::Unreachable(lonely));
        }
        let last = self.edges.iter().filter(|e| e.to.is_none()).map(|e| e.from);
        let ending =
            spread(last, |name| self.edges.iter().filter(|e| e.to == Some(name)).map(|e| e.from).collect());
        match names.iter().find(|name| !ending.contains(*name)) {
            Some(endless) => Err(GraphError::NoEnd(endless)),
            None if names.is_empty() => Err(GraphError::UnknownNode("start")),
            None => Ok(Graph { name: self.name, nodes: self.nodes, edges: self.edges }),
        }
    }
}

/// All that can be reached from `start` by `next`.
fn spread(
    start: impl IntoIterator<Item = &'static str>,
    next: impl Fn(&'static str) -> Vec<&'static str>,
) -> HashSet<&'static str> {
    let mut open: Vec<&'static str> = start.into_iter().collect();
    let mut reached = HashSet::new();
    while let Some(name) = open.pop() {
        if reached.insert(name) {
            open.extend(next(name));
        }
    }
    reached
}

/// Takes away, again and again, the nodes that no unbounded edge leads to. What stays is in a cycle or behind
/// one.
fn unbounded_cycle<S>(names: &[&'static str], edges: &[Edge<S>]) -> Option<Vec<&'static str>> {
    let mut left: Vec<&'static str> = names.to_vec();
    loop {
        let led_to = |name: &str| {
            edges.iter().any(|e| e.at_most.is_none() && e.to == Some(name) && left.contains(&e.from))
        };
        let stay: Vec<&'static str> = left.iter().copied().filter(|name| led_to(name)).collect();
        match stay.len() {
            0 => return None,
            n if n == left.len() => return Some(stay),
            _ => left = stay,
        }
    }
}

/// A workflow that can be run.
pub struct Graph<S> {
    name: &'static str,
    nodes: Vec<Box<dyn Node<S>>>,
    edges: Vec<Edge<S>>,
}

impl<S> std::fmt::Debug for Graph<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Graph({}, {} nodes, {} edges)", self.name, self.nodes.len(), self.edges.len())
    }
}

/// A graph as it is shown: nodes in order, the first one being the start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Description {
    pub name: String,
    pub nodes: Vec<String>,
    pub edges: Vec<EdgeDescription>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EdgeDescription {
    pub from: String,
    /// `None`: the end.
    pub to: Option<String>,
    pub way: Way,
    /// The condition in words.
    pub when: Option<String>,
    pub at_most: Option<u32>,
}

impl<S: Send> Graph<S> {
    pub fn describe(&self) -> Description {
        let edge = |edge: &Edge<S>| EdgeDescription {
            from: edge.from.to_owned(),
            to: edge.to.map(str::to_owned),
            way: edge.way,
            when: edge.when.as_ref().map(|(label, _)| (*label).to_owned()),
            at_most: edge.at_most,
        };
        Description {
            name: self.name.to_owned(),
            nodes: self.nodes.iter().map(|node| node.name().to_owned()).collect(),
            edges: self.edges.iter().map(edge).collect(),
        }
    }

    /// Runs from the start to the end, and returns the steps taken.
    ///
    /// # Errors
    /// The cause of a node's failure after which no edge fits.
    pub async fn run(&self, state: &mut S, outlet: &Outlet) -> Result<Vec<Step>, AnalysisError> {
        let mut steps = Vec::new();
        let mut taken: HashMap<usize, u32> = HashMap::new();
        let mut next = self.nodes.first().map(|node| node.name());
        while let Some(node) = next.and_then(|name| self.nodes.iter().find(|node| node.name() == name)) {
            let name = node.name();
            outlet.step(started(name)).await?;
            let since = Instant::now();
            let result = node.run(state, outlet).await;
            let (step, failure) = ended(name, since.elapsed(), result);
            steps.push(step.clone());
            outlet.step(step).await?;
            let way = if failure.is_some() { Way::Failed } else { Way::Finished };
            match (self.choose(name, way, state, &mut taken), failure) {
                (Some(edge), _) => next = edge.to,
                (None, Some(cause)) => return Err(cause),
                // `build` made sure that each finished node has a way on.
                (None, None) => break,
            }
        }
        Ok(steps)
    }

    fn choose(&self, from: &str, way: Way, state: &S, taken: &mut HashMap<usize, u32>) -> Option<&Edge<S>> {
        let (index, edge) = self.edges.iter().enumerate().find(|(index, edge)| {
            edge.from == from
                && edge.way == way
                && edge.at_most.is_none_or(|most| taken.get(index).copied().unwrap_or(0) < most)
                && edge.when.as_ref().is_none_or(|(_, condition)| condition(state))
        })?;
        *taken.entry(index).or_default() += 1;
        Some(edge)
    }
}

fn started(node: &str) -> Step {
    Step { node: node.to_owned(), state: StepState::Started, ms: None, note: None }
}

fn ended(
    node: &str,
    took: Duration,
    result: Result<Option<String>, NodeError>,
) -> (Step, Option<AnalysisError>) {
    let (state, note, cause) = match result {
        Ok(note) => (StepState::Finished, note, None),
        Err(NodeError { note, cause }) => {
            tracing::warn!(node, cause = &cause as &dyn std::error::Error, "a step of an analysis failed");
            (StepState::Failed, Some(note), Some(cause))
        }
    };
    let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    (Step { node: node.to_owned(), state, ms: Some(ms), note }, cause)
}

/// Where a running workflow's events go. A listener who is slow holds the workflow back.
#[derive(Debug, Clone)]
pub struct Outlet {
    events: mpsc::Sender<AnalysisEvent>,
}

impl Outlet {
    pub fn new(events: mpsc::Sender<AnalysisEvent>) -> Self {
        Self { events }
    }

    /// # Errors
    /// [`AnalysisError::Cancelled`] when nobody listens any more.
    pub async fn send(&self, event: AnalysisEvent) -> Result<(), AnalysisError> {
        self.events.send(event).await.map_err(|_| AnalysisError::Cancelled)
    }

    async fn step(&self, step: Step) -> Result<(), AnalysisError> {
        self.send(AnalysisEvent::Step(step)).await
    }
}

#[cfg(test)]
#[path = "graph_tests.rs"]
mod tests;
