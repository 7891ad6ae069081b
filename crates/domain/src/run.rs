//! Runs of workflows: who asked, how far they have come, and which server has them.

use std::str::FromStr;

use crate::analysis::Step;
use crate::id::{AccountId, AnalysisId};
use crate::text::Invalid;

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    Cancelled,
    Failed,
    Finished,
    Running,
    /// For a person's answer.
    Waiting,
}

impl RunState {
    pub const ALL: [Self; 5] = [Self::Cancelled, Self::Failed, Self::Finished, Self::Running, Self::Waiting];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
            Self::Finished => "finished",
            Self::Running => "running",
            Self::Waiting => "waiting",
        }
    }

    pub fn has_ended(self) -> bool {
        !matches!(self, Self::Running | Self::Waiting)
    }
}

impl FromStr for RunState {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let found = Self::ALL.into_iter().find(|state| state.as_str() == text);
        found.ok_or(Invalid("cancelled, failed, finished, running or waiting"))
    }
}

/// A stored run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRecord {
    /// The analysis's, or that of a replay, which belongs to no analysis.
    pub id: AnalysisId,
    /// Whether an analysis belongs to it.
    pub is_analysis: bool,
    /// Who asked, or who replays.
    pub account_id: AccountId,
    pub mode_id: String,
    /// Empty: the built-in workflow, whose runs have no checkpoints.
    pub workflow_id: String,
    /// The version that it began with.
    pub workflow_version: i64,
    /// The run and the checkpoint that a replay goes on from.
    pub origin: Option<(AnalysisId, i64)>,
    pub state: RunState,
    /// Whether it goes on when its client is gone.
    pub detached: bool,
    /// Seconds since the Unix epoch.
    pub started_at: i64,
    /// In milliseconds, once it has ended.
    pub ms: Option<i64>,
    /// Prompts and answers together.
    pub tokens: i64,
    /// The ends of the steps, once it has ended.
    pub steps: Vec<Step>,
    /// What a server needs to go on with it, encrypted. `None`: it cannot go on.
    pub input: Option<Vec<u8>>,
    /// The open questions, encrypted.
    pub questions: Option<Vec<u8>>,
    /// Until when an answer is waited for; seconds since the Unix epoch.
    pub waits_until: Option<i64>,
    /// How many servers have had it, from 1.
    pub attempt: i64,
    pub lease: RunLease,
}

/// Which server has a run, and until when others leave it alone unless the server says that it lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunLease {
    pub server_id: String,
    /// Seconds since the Unix epoch.
    pub until: i64,
}
