//! The nodes of the workflow: read the screen → route → answer by a model, or extract from the text.

use async_trait::async_trait;
use tokio::sync::mpsc;
use workflow::{Context, END, Graph, GraphBuilder, GraphError, Node, NodeError, NodeOutput, SinkClosed};

use super::error::AnalysisError;
use super::prompt;
use super::services::Services;
use super::state::{Responder, State, StateUpdate};
use crate::provider::{PromptPicture, PromptRequest, Provider, ProviderError};
use crate::reader::{RecognizedText, extract};

/// Pieces of an answer that wait for a slow receiver before the model has to wait too.
const BUFFERED_PIECES: usize = 16;

type Failure = NodeError<StateUpdate, AnalysisError>;
type NodeResult = Result<NodeOutput<StateUpdate>, Failure>;
pub(super) type AnalysisGraph = Graph<State, Services, AnalysisError>;

/// Whether a model server can be reached is only known once it is asked: when the answer fails, the reader takes over,
/// unless part of an answer was sent already.
pub(super) fn graph() -> Result<AnalysisGraph, GraphError> {
    GraphBuilder::new("analysis")
        .add_node(Read)
        .add_node(Route)
        .add_node(Answer)
        .add_node(Extract)
        .add_edge("read", "route")
        .add_edge_when("route", "answer", "a model is to answer", |state: &State| {
            matches!(state.responder, Responder::Model { .. })
        })
        .add_edge("route", "extract")
        .add_edge("answer", END)
        .add_failure_edge_when("answer", "extract", "nothing was answered yet", |state: &State| {
            state.answer.is_empty()
        })
        .add_edge("extract", END)
        .build()
}

fn failed(note: impl Into<String>, cause: impl Into<AnalysisError>) -> Failure {
    NodeError::new(note, cause.into())
}

fn sink_closed(_: SinkClosed) -> Failure {
    failed("nobody receives the answer any more", AnalysisError::Cancelled)
}

async fn recognize(services: &Services) -> Result<RecognizedText, Failure> {
    let result = services.reader.read(&services.picture).await;
    result.map_err(|error| failed("the text on the picture could not be read", error))
}

fn lines_read(text: &RecognizedText) -> String {
    match text.lines.len() {
        0 => "no text on the picture".to_owned(),
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
        if matches!(state.responder, Responder::Model { vision: true, .. }) {
            return Ok(NodeOutput::default().with_note("left to the model, which sees the picture"));
        }
        let text = recognize(context.services()).await?;
        let note = lines_read(&text);
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

/// Asks the model and forwards the pieces of its answer as they come.
struct Answer;

#[async_trait]
impl Node<State, Services, AnalysisError> for Answer {
    fn name(&self) -> &'static str {
        "answer"
    }

    async fn run(&self, state: &State, context: &Context<'_, Services>) -> NodeResult {
        let services = context.services();
        let (provider, model) = match &state.responder {
            Responder::Model { provider, model, .. } => (services.provider(provider), model),
            Responder::Fallback | Responder::Reader => return Err(not_configured()),
        };
        let provider = provider.ok_or_else(not_configured)?;
        let request = prompt_request(provider, model, state, services).await?;
        let (sender, mut pieces) = mpsc::channel::<String>(BUFFERED_PIECES);
        let mut answer = String::new();
        let forward = async {
            while let Some(text) = pieces.recv().await {
                answer.push_str(&text);
                services.events.delta(text).await?;
            }
            // Closes the channel, by which the provider learns that nobody receives its answer.
            drop(pieces);
            Ok(())
        };
        let (result, forwarded) = tokio::join!(provider.answer(request, sender), forward);
        let sent = StateUpdate { answer: Some(answer), ..StateUpdate::default() };
        match (forwarded, result) {
            (Err(closed), _) => Err(sink_closed(closed).with_update(sent)),
            (Ok(()), Err(error)) => Err(failed(error.note(), error).with_update(sent)),
            (Ok(()), Ok(usage)) => Ok(NodeOutput::update(StateUpdate { usage: Some(usage), ..sent })),
        }
    }
}

fn not_configured() -> Failure {
    failed(ProviderError::NotConfigured.note(), ProviderError::NotConfigured)
}

async fn prompt_request(
    provider: &dyn Provider,
    model: &str,
    state: &State,
    services: &Services,
) -> Result<PromptRequest, Failure> {
    let config = provider.config();
    let picture = if config.vision {
        let prepared = services.pictures.for_model(&services.picture, config.max_pixels).await;
        let prepared = prepared.map_err(|error| failed("the picture could not be prepared", error))?;
        Some(PromptPicture { mime: prepared.format.as_str(), bytes: prepared.bytes })
    } else {
        None
    };
    let user = match &state.recognized {
        Some(text) if picture.is_none() => {
            prompt::with_text(&state.question, &text.text(), &services.nonce, config.max_text_chars)
        }
        _ => prompt::with_picture(&state.question),
    };
    Ok(PromptRequest {
        system: prompt::system(&state.mode.prompt),
        user,
        picture,
        model: model.to_owned(),
        temperature: state.mode.temperature,
    })
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
        let recognized = if state.recognized.is_none() { Some(recognize(services).await?) } else { None };
        let text = recognized.clone().or_else(|| state.recognized.clone()).unwrap_or_default();
        let (question, note) = (state.question.clone(), lines_read(&text));
        let answer = tokio::task::spawn_blocking(move || extract(&question, &text));
        let answer = answer.await.map_err(|_| failed("the reader stopped", AnalysisError::Task))?;
        services.events.delta(answer.clone()).await.map_err(sink_closed)?;
        let update = StateUpdate { recognized, answer: Some(answer), usage: None };
        Ok(NodeOutput::update(update).with_note(note))
    }
}
