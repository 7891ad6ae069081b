//! What a run reports while it goes on.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::edge::Outcome;
use crate::error::SinkClosed;

/// Something happened in a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    StepStarted { node: String },
    StepEnded(StepRecord),
}

/// One execution of a node, once it has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRecord {
    pub node: String,
    pub outcome: Outcome,
    pub duration: Duration,
    /// The node's few words for whoever watches the run.
    pub note: Option<String>,
}

/// Where the events of a run go.
#[async_trait]
pub trait EventSink: Send + Sync {
    /// Delivers an event. The run waits for it: a slow sink holds the run back.
    ///
    /// # Errors
    /// [`SinkClosed`] ends the run.
    async fn emit(&self, event: Event) -> Result<(), SinkClosed>;
}

/// Drops every event.
#[async_trait]
impl EventSink for () {
    async fn emit(&self, _: Event) -> Result<(), SinkClosed> {
        Ok(())
    }
}
