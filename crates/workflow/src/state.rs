//! What a run knows.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The state of a run. Whoever stores it between two nodes can go on from there, so it holds facts and identifiers,
/// never handles, secrets or large blobs: those belong to the run's services.
pub trait WorkflowState: Clone + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What a node changes. Serialisable too: a run can be recorded as its updates instead of its states.
    type Update: Serialize + DeserializeOwned + Send + 'static;

    /// The reducer: how an update changes the state. Deterministic, so that the same updates in the same order always
    /// give the same state.
    fn apply(&mut self, update: Self::Update);
}
