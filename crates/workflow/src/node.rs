//! The steps of a workflow.

use async_trait::async_trait;

use crate::context::Context;
use crate::error::{FailureCause, LimitExceeded, OnceError, SinkClosed, Suspended};
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

    /// What its result depends on, for example a picture's hash with the name of the model. With the same key the
    /// [`Cache`](crate::Cache) of the run gives the former result instead. `None`: it is never cached.
    fn cache_key(&self, _state: &S) -> Option<String> {
        None
    }
}

#[async_trait]
impl<S: WorkflowState, C: Sync, E, N: Node<S, C, E> + ?Sized> Node<S, C, E> for Box<N> {
    fn name(&self) -> &str {
        (**self).name()
    }

    async fn run(
        &self,
        state: &S,
        context: &Context<'_, C>,
    ) -> Result<NodeOutput<S::Update>, NodeError<S::Update, E>> {
        (**self).run(state, context).await
    }

    fn cache_key(&self, state: &S) -> Option<String> {
        (**self).cache_key(state)
    }
}

/// A node finished.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct NodeOutput<U> {
    /// `None`: the state stays as it is.
    pub update: Option<U>,
    /// A few words for whoever watches the run.
    pub note: Option<String>,
    /// The nodes to go on with, all in parallel, instead of those that the edges lead to. Each must have been declared by
    /// [`GraphBuilder::add_command`](crate::GraphBuilder::add_command).
    #[serde(default)]
    pub goto: Option<Vec<String>>,
}

impl<U> Default for NodeOutput<U> {
    fn default() -> Self {
        Self { update: None, note: None, goto: None }
    }
}

impl<U> NodeOutput<U> {
    pub fn update(update: U) -> Self {
        Self { update: Some(update), ..Self::default() }
    }

    #[must_use]
    pub fn with_note(self, note: impl Into<String>) -> Self {
        Self { note: Some(note.into()), ..self }
    }

    /// Routes and updates at once, as LangGraph's `Command` does.
    #[must_use]
    pub fn goto(self, node: impl Into<String>) -> Self {
        let mut targets = self.goto.unwrap_or_default();
        targets.push(node.into());
        Self { goto: Some(targets), ..self }
    }
}

/// A node failed, or cannot go on yet.
#[derive(Debug, thiserror::Error)]
#[error("{note}")]
pub struct NodeError<U, E> {
    /// A few words for whoever watches the run.
    pub note: String,
    /// What the node had changed before it failed; applied like any other update.
    pub update: Option<U>,
    pub cause: FailureCause<E>,
}

impl<U, E> NodeError<U, E> {
    pub fn new(note: impl Into<String>, cause: E) -> Self {
        Self { note: note.into(), update: None, cause: FailureCause::Node(cause) }
    }

    #[must_use]
    pub fn with_update(self, update: U) -> Self {
        Self { update: Some(update), ..self }
    }

    pub(crate) fn of(cause: FailureCause<E>) -> Self {
        Self { note: cause.note(), update: None, cause }
    }
}

/// By which `context.ask(…).await?` ends the node until somebody has answered.
impl<U, E> From<Suspended> for NodeError<U, E> {
    fn from(suspended: Suspended) -> Self {
        Self::of(match suspended {
            Suspended::Waiting(interrupt) => FailureCause::Interrupted(vec![interrupt]),
            Suspended::NoCheckpoints => FailureCause::NoCheckpoints,
            Suspended::Store(error) => FailureCause::Store(error),
            Suspended::SinkClosed(closed) => FailureCause::SinkClosed(closed),
        })
    }
}

impl<U, E> From<SinkClosed> for NodeError<U, E> {
    fn from(closed: SinkClosed) -> Self {
        Self::of(FailureCause::SinkClosed(closed))
    }
}

impl<U, E> From<OnceError> for NodeError<U, E> {
    fn from(error: OnceError) -> Self {
        Self::of(match error {
            OnceError::Store(error) => FailureCause::Store(error),
            OnceError::Uncertain { key } => FailureCause::Uncertain { key },
        })
    }
}

impl<U, E> From<LimitExceeded> for NodeError<U, E> {
    fn from(exceeded: LimitExceeded) -> Self {
        Self::of(FailureCause::Limit(exceeded))
    }
}
