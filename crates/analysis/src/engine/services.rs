//! What the nodes of an analysis work with: none of it is part of the state.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use async_trait::async_trait;
use parking_lot::Mutex;
use protocol::analysis::{
    AnalysisEvent, Delta, Notice, Queued, Reasoning, Step, StepState, TextEdit, WindowText,
};
use tokio::sync::mpsc;
use workflow::{Event, EventSink, Outcome, SinkClosed, StepRecord};

use super::custom::HttpAccess;
use super::error::AnalysisError;
use super::state::Responder;
use super::turns::EarlierTurn;
use crate::picture::{Picture, Pictures};
use crate::provider::Provider;
use crate::reader::Reader;

#[derive(Debug)]
pub(super) struct Services {
    pub events: ChannelSink,
    /// The model is being asked. Still set after that, the code that asks has panicked, and a part of an answer may have been
    /// sent: nobody else may answer.
    pub asking: AtomicBool,
    /// Marks the screen's text in a prompt.
    pub mark: String,
    /// `None`: the question has none, or the run goes on after a restart, and the picture was not kept.
    pub picture: Option<Picture>,
    pub pictures: Pictures,
    pub providers: Arc<[Arc<dyn Provider>]>,
    pub reader: Reader,
    /// Where workflows may send requests.
    pub http: HttpAccess,
    /// What was asked and answered before in the conversation.
    pub turns: Vec<EarlierTurn>,
    /// The accessible text of the window.
    pub text: Option<WindowText>,
    /// Who answers in the mode.
    pub responder: Responder,
    pub mode_prompt: String,
    /// From 0 to 2.
    pub temperature: f64,
    /// What a workflow's nodes have sent of the answer.
    pub streamed: Mutex<String>,
}

impl Services {
    /// Sends a piece of the answer that a workflow's node has made.
    ///
    /// # Errors
    /// [`SinkClosed`] when the receiver is gone.
    pub async fn stream(&self, text: &str) -> Result<(), SinkClosed> {
        self.begin_paragraph().await?;
        self.streamed.lock().push_str(text);
        self.events.delta(text.to_owned()).await
    }

    /// Before a further piece of the answer, if there was one.
    ///
    /// # Errors
    /// [`SinkClosed`] when the receiver is gone.
    pub async fn begin_paragraph(&self) -> Result<(), SinkClosed> {
        const PARAGRAPH: &str = "\n\n";
        if self.streamed.lock().is_empty() {
            return Ok(());
        }
        self.streamed.lock().push_str(PARAGRAPH);
        self.events.delta(PARAGRAPH.to_owned()).await
    }

    /// # Errors
    /// [`AnalysisError::PictureGone`] in a run that goes on after a restart.
    pub fn picture(&self) -> Result<&Picture, AnalysisError> {
        self.picture.as_ref().ok_or(AnalysisError::PictureGone)
    }

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

    /// # Errors
    /// [`SinkClosed`] when the receiver is gone.
    pub async fn notice(&self, notice: Notice) -> Result<(), SinkClosed> {
        self.send(AnalysisEvent::Notice(notice)).await
    }

    /// # Errors
    /// [`SinkClosed`] when the receiver is gone.
    pub async fn queued(&self, queued: Queued) -> Result<(), SinkClosed> {
        self.send(AnalysisEvent::Queued(queued)).await
    }

    /// Sends a proposed edit that has passed the check.
    ///
    /// # Errors
    /// [`SinkClosed`] when the receiver is gone.
    pub async fn edit(&self, edit: TextEdit) -> Result<(), SinkClosed> {
        self.send(AnalysisEvent::Edit(edit)).await
    }

    /// # Errors
    /// [`SinkClosed`] when the receiver is gone.
    pub async fn step(&self, step: Step) -> Result<(), SinkClosed> {
        self.send(AnalysisEvent::Step(step)).await
    }

    /// Sends reasoning; `retracts`: all of the answer so far was that.
    ///
    /// # Errors
    /// [`SinkClosed`] when the receiver is gone.
    pub async fn reasoning(&self, text: String, retracts: bool) -> Result<(), SinkClosed> {
        self.send(AnalysisEvent::Reasoning(Reasoning { text, retracts })).await
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
