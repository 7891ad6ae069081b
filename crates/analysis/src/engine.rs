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

pub use custom::{CustomWorkflow, NodeTypeDescription, node_types};
pub use error::AnalysisError;
pub use job::{Job, ModeSettings};
pub use queue::Limits;
pub use run::{CompletedAnalysis, Engine, analyze, analyze_since};
