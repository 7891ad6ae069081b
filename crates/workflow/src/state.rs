//! What a run knows.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The state of a run. Whoever stores it between two nodes can go on from there, so it holds facts and identifiers,
/// never handles, secrets or large blobs: those belong to the run's services.
///
/// [`channels!`](crate::channels) writes an implementation in which each field is a channel with a reducer of its own.
pub trait WorkflowState: Clone + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What a node changes. Serialisable too: a checkpoint records the updates instead of the whole state.
    type Update: Serialize + DeserializeOwned + Send + 'static;

    /// The reducer: how an update changes the state. Deterministic, so that the same updates in the same order always
    /// give the same state.
    fn apply(&mut self, update: Self::Update);

    /// The channels that this update writes and that have no reducer. When two nodes of one superstep write the same of
    /// them, the run fails with [`RunError::ConcurrentWrite`](crate::RunError::ConcurrentWrite).
    ///
    /// By default there are none: `apply` is then the reducer of the whole state, and gets the updates of parallel
    /// nodes in the order in which their edges were added.
    fn exclusive_writes(&self, _update: &Self::Update) -> Vec<String> {
        Vec::new()
    }
}
