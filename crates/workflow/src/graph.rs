//! Running a graph.

use std::collections::HashMap;
use std::error::Error;

use tokio::time::Instant;

use crate::description::{Description, EdgeDescription};
use crate::edge::{Edge, Outcome};
use crate::error::RunError;
use crate::event::{Event, EventSink, StepRecord};
use crate::node::{Context, Node, NodeError};
use crate::state::WorkflowState;

/// A workflow that can be run, as often and by as many tasks at once as wanted.
pub struct Graph<S, C, E> {
    name: String,
    nodes: Vec<Box<dyn Node<S, C, E>>>,
    edges: Vec<Edge<S>>,
}

impl<S, C, E> std::fmt::Debug for Graph<S, C, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Graph({}, {} nodes, {} edges)", self.name, self.nodes.len(), self.edges.len())
    }
}

impl<S: WorkflowState, C, E> Graph<S, C, E> {
    /// The nodes and edges are validated.
    pub(crate) fn new(name: String, nodes: Vec<Box<dyn Node<S, C, E>>>, edges: Vec<Edge<S>>) -> Self {
        Self { name, nodes, edges }
    }

    pub fn describe(&self) -> Description {
        Description {
            name: self.name.clone(),
            nodes: self.nodes.iter().map(|node| node.name().to_owned()).collect(),
            edges: self.edges.iter().map(EdgeDescription::of).collect(),
        }
    }

    /// Runs from the start to the end, and returns the steps in the order in which they were taken. `state` holds what
    /// was reached, also when the run fails.
    ///
    /// # Errors
    /// [`RunError::Node`] when a node fails and none of its failure edges fits, [`RunError::SinkClosed`] when nobody
    /// receives the events any more.
    pub async fn run(
        &self,
        state: &mut S,
        services: &C,
        events: &dyn EventSink,
    ) -> Result<Vec<StepRecord>, RunError<E>>
    where
        C: Sync,
        E: Error + 'static,
    {
        let mut steps = Vec::new();
        let mut taken = HashMap::new();
        let mut next = self.nodes.first();
        while let Some(node) = next {
            let name = node.name();
            let started = Event::StepStarted { node: name.to_owned() };
            events.emit(started).await.map_err(RunError::SinkClosed)?;

            let since = Instant::now();
            let result = node.run(state, &Context::new(services, steps.len())).await;
            let duration = since.elapsed();

            let (outcome, note, update, cause) = match result {
                Ok(output) => (Outcome::Finished, output.note, output.update, None),
                Err(NodeError { note, update, cause }) => {
                    let error = &cause as &dyn Error;
                    tracing::warn!(workflow = self.name, node = name, error, "a node of a workflow failed");
                    (Outcome::Failed, Some(note), update, Some(cause))
                }
            };
            if let Some(update) = update {
                state.apply(update);
            }
            let step = StepRecord { node: name.to_owned(), outcome, duration, note };
            steps.push(step.clone());
            events.emit(Event::StepEnded(step)).await.map_err(RunError::SinkClosed)?;

            next = match (self.edge(name, outcome, state, &mut taken), cause) {
                (Some(edge), _) => self.nodes.iter().find(|node| Some(node.name()) == edge.to.as_deref()),
                (None, Some(cause)) => return Err(RunError::Node { node: name.to_owned(), cause }),
                (None, None) => return Err(RunError::NoEdge { node: name.to_owned() }),
            };
        }
        Ok(steps)
    }

    /// The first edge that fits. Counts it in `taken`, by its index.
    fn edge(
        &self,
        from: &str,
        outcome: Outcome,
        state: &S,
        taken: &mut HashMap<usize, u32>,
    ) -> Option<&Edge<S>> {
        let leaving = |edge: &Edge<S>| edge.from == from && edge.on == outcome;
        let count = |index: &usize| taken.get(index).copied().unwrap_or(0);
        let (index, edge) = self
            .edges
            .iter()
            .enumerate()
            .find(|(index, edge)| leaving(edge) && edge.fits(state, count(index)))?;
        *taken.entry(index).or_default() += 1;
        Some(edge)
    }
}

#[cfg(test)]
#[path = "graph_tests.rs"]
mod tests;
