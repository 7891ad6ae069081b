//! Earlier checkpoints of a run: looking at them, and going on from one in a run of its own.

use std::error::Error;

use super::recorder::{self, Recorder};
use crate::checkpoint::{CheckpointStore, Durability, RunStatus, StoreError, ThreadId};
use crate::error::RunError;
use crate::graph::Graph;
use crate::limits::RunUsage;
use crate::position::Position;
use crate::state::WorkflowState;

/// A run at one of its checkpoints.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckpointState<S> {
    /// How many supersteps were taken before.
    pub sequence: u64,
    pub state: S,
    /// The nodes that run next, once for each task. None: the run has ended.
    pub next: Vec<String>,
    pub usage: RunUsage,
}

impl<S, C, E> Graph<S, C, E>
where
    S: WorkflowState,
    E: Error + 'static,
{
    /// A run at this checkpoint, or at its newest. The sequence numbers are those of
    /// [`CheckpointStore::history`](crate::CheckpointStore::history).
    ///
    /// # Errors
    /// [`RunError::UnknownThread`] and [`RunError::Store`].
    pub async fn state_at(
        &self,
        store: &dyn CheckpointStore,
        thread: &ThreadId,
        sequence: Option<u64>,
    ) -> Result<CheckpointState<S>, RunError<E>> {
        let loaded = recorder::load::<S>(store, thread, sequence).await?;
        let loaded = loaded.ok_or_else(|| RunError::UnknownThread(thread.to_string()))?;
        Ok(CheckpointState {
            sequence: loaded.sequence,
            state: loaded.state,
            next: loaded.position.tasks.into_iter().map(|task| task.node).collect(),
            usage: loaded.position.usage,
        })
    }

    /// Makes a new run that goes on from a checkpoint of another, which stays as it is: with an update it is a fork,
    /// without one a replay. [`Run::resume`](crate::Run::resume) runs it.
    ///
    /// # Errors
    /// [`RunError::UnknownThread`], [`RunError::GraphVersion`], and [`RunError::Store`] when the new run exists already.
    pub async fn fork(
        &self,
        store: &dyn CheckpointStore,
        thread: &ThreadId,
        sequence: u64,
        new: &ThreadId,
        update: Option<S::Update>,
    ) -> Result<(), RunError<E>> {
        let loaded = recorder::load::<S>(store, thread, Some(sequence)).await?;
        let mut loaded = loaded.ok_or_else(|| RunError::UnknownThread(thread.to_string()))?;
        if loaded.graph != self.id() {
            return Err(RunError::GraphVersion { stored: loaded.graph, running: self.id() });
        }
        if let Some(update) = update {
            loaded.state.apply(update);
        }
        let mut recorder = Recorder::new(store, Durability::Always, new, self.id());
        recorder.put(0, &loaded.state, None, &loaded.position, RunStatus::Running).await?;
        Ok(())
    }
}

/// The nodes that the supersteps of a stored run have executed, once for each task, in their order.
///
/// # Errors
/// When the store fails. A run that is not stored has taken no steps.
pub async fn steps_taken(store: &dyn CheckpointStore, thread: &ThreadId) -> Result<Vec<String>, StoreError> {
    let mut batches = Vec::new();
    let mut before = None;
    loop {
        let records = store.load(thread, before).await?;
        let Some(first) = records.first().map(|record| record.sequence) else { break };
        batches.push(records);
        match first.checked_sub(1) {
            Some(earlier) => before = Some(earlier),
            None => break,
        }
    }
    let mut nodes: Vec<Vec<String>> = Vec::new();
    for record in batches.iter().rev().flatten() {
        let position: Position = serde_json::from_slice(&record.position)?;
        nodes.push(position.tasks.into_iter().map(|task| task.node).collect());
    }
    // The tasks of the newest checkpoint are still to run.
    nodes.pop();
    Ok(nodes.into_iter().flatten().collect())
}
