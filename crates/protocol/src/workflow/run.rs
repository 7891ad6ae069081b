//! Runs of workflows, as the panel shows them. No picture is part of any.

use serde::{Deserialize, Serialize};

use super::Drawing;
use crate::analysis::Step;

/// A run in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRow {
    pub id: String,
    /// `running`, `waiting`, `finished`, `failed` or `cancelled`.
    pub state: String,
    pub version: i64,
    /// Who asked, or who replays.
    pub email: String,
    pub is_replay: bool,
    /// Seconds since the Unix epoch.
    pub started_at: i64,
    /// In milliseconds, once it has ended.
    pub ms: Option<i64>,
    pub tokens: i64,
}

/// A run with all that is stored of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunDetail {
    pub row: RunRow,
    pub workflow_id: String,
    pub workflow_name: String,
    /// The version that it ran, JSON.
    pub document: String,
    pub drawing: Drawing,
    /// The run and the checkpoint that it goes on from.
    pub origin: Option<(String, i64)>,
    /// The ended steps; empty while it runs.
    pub steps: Vec<Step>,
    pub checkpoints: Vec<CheckpointRow>,
    pub calls: Vec<CallRow>,
}

/// A checkpoint of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointRow {
    pub sequence: u64,
    /// The steps that follow. None: the run has ended.
    pub next: Vec<String>,
    /// The channels that were written, with their values as text.
    pub changes: Vec<(String, String)>,
}

/// A call of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRow {
    pub node: String,
    pub provider: String,
    pub model: String,
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
    /// The prompt as text.
    pub sent: String,
}
