//! Collecting nodes and edges.

use serde_json::Value;

use crate::edge::{Condition, END, Edge, Join, Outcome, Target};
use crate::error::GraphError;
use crate::graph::{Graph, NodeEntry};
use crate::node::Node;
use crate::policy::NodePolicy;
use crate::state::WorkflowState;
use crate::validation::validate;

/// Collects nodes and edges, as LangGraph's `StateGraph` does. Of the edges that leave a node after the same
/// [`Outcome`], the first that fits is taken.
#[must_use]
pub struct GraphBuilder<S, C, E> {
    name: String,
    version: u32,
    nodes: Vec<NodeEntry<S, C, E>>,
    edges: Vec<Edge<S>>,
    joins: Vec<Join>,
    defaults: NodePolicy<E>,
}

impl<S, C, E> std::fmt::Debug for GraphBuilder<S, C, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "GraphBuilder({}, {} nodes, {} edges)", self.name, self.nodes.len(), self.edges.len())
    }
}

impl<S: WorkflowState, C, E> GraphBuilder<S, C, E> {
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            version: 1,
            nodes: Vec::new(),
            edges: Vec::new(),
            joins: Vec::new(),
            defaults: NodePolicy::default(),
        }
    }

    /// Stored runs go on in the version that they began with. 1 unless set.
    pub fn version(self, version: u32) -> Self {
        Self { version, ..self }
    }

    /// What holds for every node that sets nothing else.
    pub fn defaults(self, defaults: NodePolicy<E>) -> Self {
        Self { defaults, ..self }
    }

    /// The first node added is the start.
    pub fn add_node(self, node: impl Node<S, C, E> + 'static) -> Self {
        self.add_node_with(node, NodePolicy::default())
    }

    /// A node with retries or time limits of its own.
    pub fn add_node_with(mut self, node: impl Node<S, C, E> + 'static, policy: NodePolicy<E>) -> Self {
        self.nodes.push(NodeEntry { node: Box::new(node), policy });
        self
    }

    /// After `from` has finished, go on with `to`; [`END`] ends the run.
    pub fn add_edge(self, from: impl Into<String>, to: impl Into<String>) -> Self {
        self.push(Outcome::Finished, from, single(to), None)
    }

    /// The same when the condition holds; `label` is the condition in words.
    pub fn add_edge_when(
        self,
        from: impl Into<String>,
        to: impl Into<String>,
        label: impl Into<String>,
        condition: impl Fn(&S) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.push(Outcome::Finished, from, single(to), Some(when(label, condition)))
    }

    /// After `from` has failed, go on with `to`. Without such an edge the failure ends the run.
    pub fn add_failure_edge(self, from: impl Into<String>, to: impl Into<String>) -> Self {
        self.push(Outcome::Failed, from, single(to), None)
    }

    /// The same when the condition holds; `label` is the condition in words.
    pub fn add_failure_edge_when(
        self,
        from: impl Into<String>,
        to: impl Into<String>,
        label: impl Into<String>,
        condition: impl Fn(&S) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.push(Outcome::Failed, from, single(to), Some(when(label, condition)))
    }

    /// After `from` has finished, go on with all of `to` in the next superstep.
    pub fn add_parallel_edge<T: Into<String>>(
        self,
        from: impl Into<String>,
        to: impl IntoIterator<Item = T>,
    ) -> Self {
        let to = Target::Nodes(to.into_iter().map(Into::into).collect());
        self.push(Outcome::Finished, from, to, None)
    }

    /// `to` runs once all of `from` have finished, in whichever supersteps.
    pub fn add_join<T: Into<String>>(
        mut self,
        from: impl IntoIterator<Item = T>,
        to: impl Into<String>,
    ) -> Self {
        let from: Vec<String> = from.into_iter().map(Into::into).collect();
        let index = self.joins.len();
        self.joins.push(Join { from: from.clone(), to: to.into() });
        from.into_iter()
            .fold(self, |builder, from| builder.push(Outcome::Finished, from, Target::Join(index), None))
    }

    /// After `from` has finished, `to` runs once for each item, in parallel; LangGraph's `Send`. Its item is in
    /// [`Context::item`](crate::Context::item). Without items the run goes on behind `to`.
    pub fn add_map_edge(
        self,
        from: impl Into<String>,
        to: impl Into<String>,
        items: impl Fn(&S) -> Vec<Value> + Send + Sync + 'static,
    ) -> Self {
        let to = Target::Map { to: to.into(), items: Box::new(items) };
        self.push(Outcome::Finished, from, to, None)
    }

    /// `from` may go on with `to` by its own decision ([`NodeOutput::goto`](crate::NodeOutput::goto)); LangGraph's
    /// `Command`. Where it decides nothing, its edges lead on.
    pub fn add_command(self, from: impl Into<String>, to: impl Into<String>) -> Self {
        self.push(Outcome::Finished, from, Target::Command(to.into()), None)
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
        let Self { name, version, nodes, edges, joins, defaults } = self;
        let names: Vec<&str> = nodes.iter().map(|entry| entry.node.name()).collect();
        validate(&names, &edges, &joins)?;
        let with_defaults =
            |entry: NodeEntry<S, C, E>| NodeEntry { node: entry.node, policy: entry.policy.or(&defaults) };
        Ok(Graph::new(name, version, nodes.into_iter().map(with_defaults).collect(), edges, joins))
    }

    fn push(
        mut self,
        on: Outcome,
        from: impl Into<String>,
        to: Target<S>,
        when: Option<Condition<S>>,
    ) -> Self {
        self.edges.push(Edge { from: from.into(), to, on, when, at_most: None });
        self
    }
}

fn single<S>(to: impl Into<String>) -> Target<S> {
    let to = to.into();
    if to == END { Target::End } else { Target::Nodes(vec![to]) }
}

fn when<S>(label: impl Into<String>, condition: impl Fn(&S) -> bool + Send + Sync + 'static) -> Condition<S> {
    Condition { label: label.into(), predicate: Box::new(condition) }
}
