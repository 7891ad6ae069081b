//! What a stored run has done, for whoever looks at it, and going on from one of its checkpoints.

use std::collections::BTreeMap;

use protocol::analysis::Usage;
use serde::Deserialize;
use serde_json::Value;
use workflow::document::DocumentUpdate;
use workflow::{CheckpointStore, RunError, ThreadId};

use super::super::error::AnalysisError;
use super::{CustomWorkflow, MODEL_CALLS, PIECES};

/// The newest checkpoints of a run that are shown.
const MAX_CHECKPOINTS: usize = 100;

/// A checkpoint of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunCheckpoint {
    pub sequence: u64,
    /// The nodes that run next. None: the run has ended.
    pub next: Vec<String>,
    /// The channels that were written since the checkpoint before, with their values.
    pub changes: BTreeMap<String, Value>,
}

/// A call of a model in a run.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RunCall {
    #[serde(default)]
    pub node: String,
    pub provider: String,
    pub model: String,
    pub usage: Usage,
    /// The prompt, without the picture.
    #[serde(default)]
    pub sent: String,
}

impl CustomWorkflow {
    /// The checkpoints of a run and its calls of models, in their order.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn inspect(
        &self,
        store: &dyn CheckpointStore,
        thread: &ThreadId,
    ) -> Result<(Vec<RunCheckpoint>, Vec<RunCall>), RunError<AnalysisError>> {
        let history = store.history(thread).await?;
        let newest = history.len().saturating_sub(MAX_CHECKPOINTS);
        let mut checkpoints = Vec::new();
        let (mut before, mut calls) = (BTreeMap::new(), Vec::new());
        for sequence in history.into_iter().skip(newest) {
            let at = self.graph.state_at(store, thread, Some(sequence)).await?;
            let values = at.state.values();
            let is_new = |(channel, value): &(&String, &Value)| {
                !matches!(channel.as_str(), MODEL_CALLS | PIECES) && before.get(*channel) != Some(*value)
            };
            let changes = values.iter().filter(is_new);
            let changes = changes.map(|(channel, value)| (channel.clone(), value.clone())).collect();
            checkpoints.push(RunCheckpoint { sequence, next: at.next, changes });
            calls = serde_json::from_value(at.state.get(MODEL_CALLS).clone()).unwrap_or_default();
            before.clone_from(values);
        }
        Ok((checkpoints, calls))
    }

    /// Makes a run that goes on from a checkpoint of another; `changes` are written to its channels first.
    ///
    /// # Errors
    /// When there is no such checkpoint, it belongs to another version, or the store fails.
    pub async fn fork(
        &self,
        store: &dyn CheckpointStore,
        thread: &ThreadId,
        sequence: u64,
        new: &ThreadId,
        changes: BTreeMap<String, Value>,
    ) -> Result<(), RunError<AnalysisError>> {
        let update = (!changes.is_empty()).then_some(DocumentUpdate(changes));
        self.graph.fork(store, thread, sequence, new, update).await
    }
}
