//! What a run reports while it goes on.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::checkpoint::Interrupt;
use crate::edge::Outcome;
use crate::error::SinkClosed;

/// Something happened in a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// The state was stored; a run that ends now goes on from here.
    Checkpoint {
        sequence: u64,
    },
    /// What a node reported of its own with [`Context::emit`](crate::Context::emit), for example a piece of an answer.
    Custom {
        node: String,
        data: Value,
    },
    /// A node waits for an answer. Reported once for each question, also when the run is resumed before it is answered.
    Interrupted(Interrupt),
    /// A node failed and is tried again after a pause.
    Retrying {
        node: String,
        attempt: u32,
        pause: Duration,
        note: String,
    },
    StepEnded(StepRecord),
    StepStarted {
        node: String,
    },
    /// What a node changed, where the sink wants it ([`EventSink::wants_updates`]).
    Updated {
        node: String,
        update: Value,
    },
}

/// One execution of a node, once it has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRecord {
    pub node: String,
    pub outcome: Outcome,
    pub duration: Duration,
    /// The node's few words for whoever watches the run.
    pub note: Option<String>,
    /// How often it was tried; 0 when the result came from the cache or from before a restart.
    #[serde(default)]
    pub attempts: u32,
}

/// Where the events of a run go.
#[async_trait]
pub trait EventSink: Send + Sync {
    /// Delivers an event. The run waits for it: a slow sink holds the run back.
    ///
    /// # Errors
    /// [`SinkClosed`] ends the run.
    async fn emit(&self, event: Event) -> Result<(), SinkClosed>;

    /// Whether it wants [`Event::Updated`], for which each update has to be made into JSON.
    fn wants_updates(&self) -> bool {
        false
    }
}

/// Drops every event.
#[async_trait]
impl EventSink for () {
    async fn emit(&self, _: Event) -> Result<(), SinkClosed> {
        Ok(())
    }
}
