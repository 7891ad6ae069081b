//! What the nodes of an analysis work with: none of it is part of the state.

use std::sync::Arc;

use async_trait::async_trait;
use protocol::analysis::{AnalysisEvent, Delta, Step, StepState};
use tokio::sync::mpsc;
use workflow::{Event, EventSink, Outcome, SinkClosed, StepRecord};

use crate::picture::{Picture, Pictures};
use crate::provider::Provider;
use crate::reader::Reader;

#[derive(Debug)]
pub(super) struct Services {
    pub events: ChannelSink,
    /// Marks the screen's text in a prompt.
    pub nonce: String,
    pub picture: Picture,
    pub pictures: Pictures,
    pub providers: Arc<[Arc<dyn Provider>]>,
    pub reader: Reader,
}

impl Services {
    pub fn provider(&self, name: &str) -> Option<&dyn Provider> {
        self.providers.iter().map(AsRef::as_ref).find(|provider| provider.config().name == name)
    }
}

/// Sends events to the client. A slow receiver holds the analysis back.
#[derive(Debug, Clone)]
pub(super) struct ChannelSink {
    sender: mpsc::Sender<AnalysisEvent>,
}

impl ChannelSink {
    pub fn new(sender: mpsc::Sender<AnalysisEvent>) -> Self {
        Self { sender }
    }

    /// Sends a piece of the answer.
    ///
    /// # Errors
    /// [`SinkClosed`] when the receiver is gone.
    pub async fn delta(&self, text: String) -> Result<(), SinkClosed> {
        self.send(AnalysisEvent::Delta(Delta { text })).await
    }

    async fn send(&self, event: AnalysisEvent) -> Result<(), SinkClosed> {
        self.sender.send(event).await.map_err(|_| SinkClosed)
    }
}

#[async_trait]
impl EventSink for ChannelSink {
    async fn emit(&self, event: Event) -> Result<(), SinkClosed> {
        match event {
            Event::StepStarted { node } => {
                let step = Step { node, state: StepState::Started, ms: None, note: None };
                self.send(AnalysisEvent::Step(step)).await
            }
            Event::StepEnded(record) => self.send(AnalysisEvent::Step(ended(record))).await,
            _ => Ok(()),
        }
    }
}

/// A step as clients see it.
pub(super) fn ended(record: StepRecord) -> Step {
    let state = match record.outcome {
        Outcome::Failed => StepState::Failed,
        Outcome::Finished => StepState::Finished,
    };
    let ms = u64::try_from(record.duration.as_millis()).unwrap_or(u64::MAX);
    Step { node: record.node, state, ms: Some(ms), note: record.note }
}
