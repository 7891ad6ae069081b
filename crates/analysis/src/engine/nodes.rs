//! The nodes of the workflow: read the screen → route → answer by a model → propose and check its edits, or extract from the
//! text.

use std::sync::atomic::Ordering;

use async_trait::async_trait;
use workflow::{Context, END, Graph, GraphBuilder, GraphError, Node, NodeError, NodeOutput, SinkClosed};

use super::answer::Answer;
use super::error::AnalysisError;
use super::propose::{Check, Propose};
use super::services::Services;
use super::state::{Responder, State, StateUpdate};
use crate::reader::{RecognizedText, extract};

pub(super) type Failure = NodeError<StateUpdate, AnalysisError>;
pub(super) type NodeResult = Result<NodeOutput<StateUpdate>, Failure>;
pub(super) type AnalysisGraph = Graph<State, Services, AnalysisError>;

/// Whether a model server can be reached is only known once it is asked: when the answer fails, the reader takes over,
/// unless part of an answer was sent already.
pub(super) fn graph() -> Result<AnalysisGraph, GraphError> {
    GraphBuilder::new("analysis")
        .add_node(Read)
        .add_node(Route)
        .add_node(Answer)
        .add_node(Extract)
        .add_node(Propose)
        .add_node(Check)
        .add_edge("read", "route")
        .add_edge_when("route", "answer", "a model is to answer", |state: &State| {
            matches!(state.responder, Responder::Model { .. })
        })
        .add_edge("route", "extract")
        .add_edge_when("answer", "propose", "edits of the selection may be proposed", State::takes_edits)
        .add_edge("answer", END)
        .add_edge_when("propose", "check", "there is one", |state: &State| !state.proposals.is_empty())
        .add_edge("propose", END)
        .add_edge("check", END)
        .add_failure_edge_when("answer", "extract", "nothing was answered yet", |state: &State| {
            state.answer.is_empty() && state.has_picture()
        })
        .add_edge("extract", END)
        .build()
}

pub(super) fn failed(note: impl Into<String>, cause: impl Into<AnalysisError>) -> Failure {
    NodeError::new(note, cause.into())
}

pub(super) fn sink_closed(_: SinkClosed) -> Failure {
    failed("nobody receives the answer any more", AnalysisError::Cancelled)
}

pub(super) async fn recognize(services: &Services) -> Result<RecognizedText, Failure> {
    if let Some(window) = &services.text {
        return Ok(RecognizedText::of_window(window));
    }
    let picture = services.picture().map_err(|error| failed("the picture is gone", error))?;
    let result = services.reader.read(picture).await;
    result.map_err(|error| failed("the text on the picture could not be read", error))
}

fn lines_read(text: &RecognizedText) -> String {
    if text.lines.is_empty() { "no text on the picture".to_owned() } else { counted(text) }
}

fn counted(text: &RecognizedText) -> String {
    match text.lines.len() {
        1 => "1 line of text".to_owned(),
        many => format!("{many} lines of text"),
    }
}

/// Reads the screen's text, unless the model sees the picture itself.
struct Read;

#[async_trait]
impl Node<State, Services, AnalysisError> for Read {
    fn name(&self) -> &'static str {
        "read"
    }

    async fn run(&self, state: &State, context: &Context<'_, Services>) -> NodeResult {
        if !state.has_picture() && context.services().text.is_none() {
            return Ok(NodeOutput::default().with_note("nothing to read: the question has no picture"));
        }
        let sees = matches!(state.responder, Responder::Model { vision: true, .. });
        if sees && context.services().text.is_none() {
            return Ok(NodeOutput::default().with_note("left to the model, which sees the picture"));
        }
        let text = recognize(context.services()).await?;
        let note = if context.services().text.is_some() {
            format!("the window’s own text, {}", counted(&text))
        } else {
            lines_read(&text)
        };
        Ok(NodeOutput::update(StateUpdate { recognized: Some(text), ..StateUpdate::default() })
            .with_note(note))
    }
}

/// Reports who answers; the graph's edges decide by the same fact.
struct Route;

#[async_trait]
impl Node<State, Services, AnalysisError> for Route {
    fn name(&self) -> &'static str {
        "route"
    }

    async fn run(&self, state: &State, _: &Context<'_, Services>) -> NodeResult {
        let note = match &state.responder {
            Responder::Fallback => {
                "to the built-in reader: the mode's model server is not configured".to_owned()
            }
            Responder::Model { provider, .. } => format!("to {provider}"),
            Responder::Reader => "to the built-in reader".to_owned(),
        };
        Ok(NodeOutput::default().with_note(note))
    }
}

/// Answers from the text on the screen, without a model.
struct Extract;

#[async_trait]
impl Node<State, Services, AnalysisError> for Extract {
    fn name(&self) -> &'static str {
        "extract"
    }

    async fn run(&self, state: &State, context: &Context<'_, Services>) -> NodeResult {
        let services = context.services();
        if services.asking.load(Ordering::Relaxed) {
            return Err(failed("the answer stopped unexpectedly", AnalysisError::Task));
        }
        let recognized = if state.recognized.is_none() { Some(recognize(services).await?) } else { None };
        let text = recognized.clone().or_else(|| state.recognized.clone()).unwrap_or_default();
        let (question, note) = (state.question.clone(), lines_read(&text));
        let answer = tokio::task::spawn_blocking(move || extract(&question, &text));
        let answer = answer.await.map_err(|_| failed("the reader stopped", AnalysisError::Task))?;
        services.events.delta(answer.clone()).await.map_err(sink_closed)?;
        let update = StateUpdate { recognized, answer: Some(answer), ..StateUpdate::default() };
        Ok(NodeOutput::update(update).with_note(note))
    }
}
