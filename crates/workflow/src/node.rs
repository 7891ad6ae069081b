//! The steps of a workflow.

use async_trait::async_trait;

use crate::state::WorkflowState;

/// A step of a workflow over the state `S`, with the services `C` and failures `E`.
#[async_trait]
pub trait Node<S: WorkflowState, C, E>: Send + Sync {
    /// Its name in edges, events and descriptions. Unique in its graph, and always the same.
    fn name(&self) -> &str;

    /// Does its part and returns what is to change in the state.
    ///
    /// # Errors
    /// The run then follows the first failure edge that fits, and ends when there is none.
    async fn run(
        &self,
        state: &S,
        context: &Context<'_, C>,
    ) -> Result<NodeOutput<S::Update>, NodeError<S::Update, E>>;
}

/// What a node gets besides the state.
#[derive(Debug)]
pub struct Context<'a, C> {
    services: &'a C,
    step: usize,
}

impl<'a, C> Context<'a, C> {
    /// For tests of a single node; a run makes its own.
    pub fn new(services: &'a C, step: usize) -> Self {
        Self { services, step }
    }

    /// What was given to [`Graph::run`](crate::Graph::run).
    pub fn services(&self) -> &'a C {
        self.services
    }

    /// The number of this step in the run, from 0.
    pub fn step(&self) -> usize {
        self.step
    }
}

/// A node finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeOutput<U> {
    /// `None`: the state stays as it is.
    pub update: Option<U>,
    /// A few words for whoever watches the run.
    pub note: Option<String>,
}

impl<U> Default for NodeOutput<U> {
    fn default() -> Self {
        Self { update: None, note: None }
    }
}

impl<U> NodeOutput<U> {
    pub fn update(update: U) -> Self {
        Self { update: Some(update), note: None }
    }

    #[must_use]
    pub fn with_note(self, note: impl Into<String>) -> Self {
        Self { note: Some(note.into()), ..self }
    }
}

/// A node failed.
#[derive(Debug, thiserror::Error)]
#[error("{note}")]
pub struct NodeError<U, E> {
    /// A few words for whoever watches the run.
    pub note: String,
    /// What the node had changed before it failed; applied like any other update.
    pub update: Option<U>,
    #[source]
    pub cause: E,
}

impl<U, E> NodeError<U, E> {
    pub fn new(note: impl Into<String>, cause: E) -> Self {
        Self { note: note.into(), update: None, cause }
    }

    #[must_use]
    pub fn with_update(self, update: U) -> Self {
        Self { update: Some(update), ..self }
    }
}
