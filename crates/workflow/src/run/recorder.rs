//! Storing the checkpoints of a run.

use crate::checkpoint::{Body, CheckpointStore, Durability, Record, RunStatus, StoreError, ThreadId};
use crate::position::Position;
use crate::state::WorkflowState;

/// A whole state at least every so many checkpoints, so that loading one takes a bounded number of updates.
const SNAPSHOT_INTERVAL: u64 = 64;

/// Stores the checkpoints of one run.
pub(super) struct Recorder<'a> {
    store: &'a dyn CheckpointStore,
    thread: &'a ThreadId,
    durability: Durability,
    graph: String,
    last_snapshot: Option<u64>,
    last_stored: Option<u64>,
}

/// The state of a run as it was stored, and where it was.
pub(super) struct Loaded<S> {
    pub state: S,
    pub position: Position,
    pub sequence: u64,
    pub graph: String,
    pub last_snapshot: u64,
}

impl<'a> Recorder<'a> {
    pub fn new(
        store: &'a dyn CheckpointStore,
        durability: Durability,
        thread: &'a ThreadId,
        graph: String,
    ) -> Self {
        Self { store, thread, durability, graph, last_snapshot: None, last_stored: None }
    }

    /// Goes on with a run that was loaded.
    pub fn resuming(self, last_snapshot: u64, sequence: u64) -> Self {
        Self { last_snapshot: Some(last_snapshot), last_stored: Some(sequence), ..self }
    }

    pub fn thread(&self) -> &'a ThreadId {
        self.thread
    }

    /// Whether each superstep is stored.
    pub fn is_always(&self) -> bool {
        self.durability == Durability::Always
    }

    /// Whether the updates of the superstep that leads to this checkpoint are needed as JSON.
    pub fn wants_delta(&self, sequence: u64) -> bool {
        self.is_always()
            && self.last_snapshot.is_some_and(|snapshot| sequence - snapshot < SNAPSHOT_INTERVAL)
            && self.last_stored == sequence.checked_sub(1)
    }

    /// Stores a checkpoint: the delta if there is one, else the whole state.
    pub async fn put<S: WorkflowState>(
        &mut self,
        sequence: u64,
        state: &S,
        delta: Option<Vec<u8>>,
        position: &Position,
        status: RunStatus,
    ) -> Result<(), StoreError> {
        let body = if let Some(delta) = delta {
            Body::Delta(delta)
        } else {
            self.last_snapshot = Some(sequence);
            Body::Snapshot(serde_json::to_vec(state)?)
        };
        let position = serde_json::to_vec(position)?;
        let record = Record { sequence, graph: self.graph.clone(), body, position };
        self.store.put(self.thread, record, status).await?;
        self.last_stored = Some(sequence);
        Ok(())
    }

    /// The run stops here. What is stored so far is completed if need be.
    pub async fn stop<S: WorkflowState>(
        &mut self,
        sequence: u64,
        state: &S,
        position: &Position,
        status: RunStatus,
    ) -> Result<(), StoreError> {
        if self.last_stored == Some(sequence) {
            return self.store.set_status(self.thread, status).await;
        }
        self.put(sequence, state, None, position, status).await
    }
}

/// A run at this checkpoint, or at its newest.
pub(super) async fn load<S: WorkflowState>(
    store: &dyn CheckpointStore,
    thread: &ThreadId,
    sequence: Option<u64>,
) -> Result<Option<Loaded<S>>, StoreError> {
    let mut records = store.load(thread, sequence).await?.into_iter();
    let Some(first) = records.next() else { return Ok(None) };
    let last_snapshot = first.sequence;
    let mut state: S = serde_json::from_slice(first.body.bytes())?;
    let (mut sequence, mut position, mut graph) = (first.sequence, first.position, first.graph);
    for record in records {
        let updates: Vec<S::Update> = serde_json::from_slice(record.body.bytes())?;
        for update in updates {
            state.apply(update);
        }
        (sequence, position, graph) = (record.sequence, record.position, record.graph);
    }
    let position = serde_json::from_slice(&position)?;
    Ok(Some(Loaded { state, position, sequence, graph, last_snapshot }))
}
