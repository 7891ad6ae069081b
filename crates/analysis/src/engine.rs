//! The workflow of an analysis and the engine that runs it: who may begin, how long it may take, and what came of it.
//!
//! Always holds: every node that starts also reports that it finished or failed; an analysis ends with exactly one
//! `done` or `error` event, unless nobody receives them any more.

mod answer;
mod custom;
mod edit_blocks;
mod error;
mod job;
mod nodes;
mod prompt;
mod propose;
mod queue;
mod run;
mod services;
mod state;
mod stored;
mod turns;

pub use custom::{
    Begin, CustomWorkflow, HttpAccess, HttpRequestError, Library, NodeTypeDescription, RunCall,
    RunCheckpoint, WorkflowVersion, node_types,
};
pub use error::AnalysisError;
pub use job::{Job, ModeSettings};
pub use queue::{Asker, Limits};
pub use run::{CompletedAnalysis, Engine, analyze, analyze_since};
pub use stored::{StoredJob, StoredOutcome, run_stored};
pub use turns::EarlierTurn;
