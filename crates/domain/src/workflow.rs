//! Workflows that administrators make.

use crate::id::WorkflowId;

/// A version of a workflow as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredWorkflow {
    pub id: WorkflowId,
    pub name: String,
    /// From 1. Runs go on in the version that they began with.
    pub version: i64,
    /// JSON. What it may contain is the engine's to say.
    pub document: String,
    /// Seconds since the Unix epoch.
    pub saved_at: i64,
}

/// The largest document, in bytes.
pub const MAX_DOCUMENT_BYTES: usize = 64 * 1024;
