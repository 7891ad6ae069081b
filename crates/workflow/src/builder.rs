//! Collecting nodes and edges.

use crate::edge::{Condition, END, Edge, Outcome};
use crate::error::GraphError;
use crate::graph::Graph;
use crate::node::Node;
use crate::state::WorkflowState;
use crate::validation::validate;

/// Collects nodes and edges, as LangGraph's `StateGraph` does. Of the edges that leave a node after the same
/// [`Outcome`], the first that fits is taken.
#[must_use]
pub struct GraphBuilder<S, C, E> {
    name: String,
    nodes: Vec<Box<dyn Node<S, C, E>>>,
    edges: Vec<Edge<S>>,
}

impl<S, C, E> std::fmt::Debug for GraphBuilder<S, C, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "GraphBuilder({}, {} nodes, {} edges)", self.name, self.nodes.len(), self.edges.len())
    }
}

impl<S: WorkflowState, C, E> GraphBuilder<S, C, E> {
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), nodes: Vec::new(), edges: Vec::new() }
    }

    /// The first node added is the start.
    pub fn add_node(mut self, node: impl Node<S, C, E> + 'static) -> Self {
        self.nodes.push(Box::new(node));
        self
    }

    /// After `from` has finished, go on with `to`; [`END`] ends the run.
    pub fn add_edge(self, from: impl Into<String>, to: impl Into<String>) -> Self {
        self.push(Outcome::Finished, from.into(), to.into(), None)
    }

    /// The same when the condition holds; `label` is the condition in words.
    pub fn add_edge_when(
        self,
        from: impl Into<String>,
        to: impl Into<String>,
        label: impl Into<String>,
        condition: impl Fn(&S) -> bool + Send + Sync + 'static,
    ) -> Self {
        let condition = Condition { label: label.into(), predicate: Box::new(condition) };
        self.push(Outcome::Finished, from.into(), to.into(), Some(condition))
    }

    /// After `from` has failed, go on with `to`. Without such an edge the failure ends the run.
    pub fn add_failure_edge(self, from: impl Into<String>, to: impl Into<String>) -> Self {
        self.push(Outcome::Failed, from.into(), to.into(), None)
    }

    /// The same when the condition holds; `label` is the condition in words.
    pub fn add_failure_edge_when(
        self,
        from: impl Into<String>,
        to: impl Into<String>,
        label: impl Into<String>,
        condition: impl Fn(&S) -> bool + Send + Sync + 'static,
    ) -> Self {
        let condition = Condition { label: label.into(), predicate: Box::new(condition) };
        self.push(Outcome::Failed, from.into(), to.into(), Some(condition))
    }

    /// The edge added last may be taken so often in one run. Only bounded edges may close a cycle.
    pub fn at_most(mut self, times: u32) -> Self {
        if let Some(edge) = self.edges.last_mut() {
            edge.at_most = Some(times);
        }
        self
    }

    /// Checks the graph and makes it ready to run.
    ///
    /// # Errors
    /// The first rule that the graph breaks, with the names of its nodes.
    pub fn build(self) -> Result<Graph<S, C, E>, GraphError> {
        let names: Vec<&str> = self.nodes.iter().map(|node| node.name()).collect();
        validate(&names, &self.edges)?;
        Ok(Graph::new(self.name, self.nodes, self.edges))
    }

    fn push(mut self, on: Outcome, from: String, to: String, when: Option<Condition<S>>) -> Self {
        let to = (to != END).then_some(to);
        self.edges.push(Edge { from, to, on, when, at_most: None });
        self
    }
}
