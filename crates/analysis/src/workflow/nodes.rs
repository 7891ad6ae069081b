//! The nodes of the first workflow: read the screen → route → answer by a model, or extract from the text.

use std::sync::Arc;

use async_trait::async_trait;
use protocol::analysis::{AnalysisEvent, Delta, Usage};
use tokio::sync::mpsc;

use super::engine::Job;
use super::error::AnalysisError;
use super::graph::{Graph, GraphBuilder, GraphError, Node, NodeError, Outlet};
use super::prompt;
use crate::picture::Pictures;
use crate::provider::{PromptPicture, PromptRequest, Provider, ProviderError};
use crate::reader::{Reader, Reading, extract};

/// What an analysis knows while it runs.
#[derive(Debug)]
pub(super) struct State {
    pub job: Job,
    /// The model server that the mode wants, if it is configured.
    pub provider: Option<Arc<dyn Provider>>,
    pub reading: Option<Reading>,
    pub answer: String,
    /// Set once a model has given the whole answer.
    pub usage: Option<Usage>,
}

impl State {
    pub fn new(job: Job, provider: Option<Arc<dyn Provider>>) -> Self {
        Self { job, provider, reading: None, answer: String::new(), usage: None }
    }

    fn has_seeing_model(&self) -> bool {
        self.provider.as_ref().is_some_and(|provider| provider.config().vision)
    }

    /// A model that does not see can only be asked about text.
    fn can_ask_a_model(&self) -> bool {
        self.provider.is_some() && (self.has_seeing_model() || self.reading.is_some())
    }
}

/// Whether a model server can be reached shows when it is asked: the answer's failure leads on to the reader,
/// unless part of an answer was sent already.
pub(super) fn graph(reader: &Reader, pictures: &Pictures) -> Result<Graph<State>, GraphError> {
    GraphBuilder::new("analysis")
        .node(Read(reader.clone()))
        .node(Route)
        .node(Answer(pictures.clone()))
        .node(Extract(reader.clone()))
        .edge("read", "route")
        .on_failure_when("read", "route", "a model sees the picture itself", State::has_seeing_model)
        .edge_when("route", "answer", "a model is configured", State::can_ask_a_model)
        .edge("route", "extract")
        .end("answer")
        .on_failure_when("answer", "extract", "nothing was answered yet", |state| state.answer.is_empty())
        .end("extract")
        .build()
}

fn failed(note: impl Into<String>, cause: impl Into<AnalysisError>) -> NodeError {
    NodeError { note: note.into(), cause: cause.into() }
}

fn unheard(cause: AnalysisError) -> NodeError {
    failed("nobody listens any more", cause)
}

async fn read(reader: &Reader, state: &mut State) -> Result<(), NodeError> {
    let reading = reader
        .read(&state.job.picture)
        .await
        .map_err(|error| failed("the text on the picture could not be read", error))?;
    state.reading = Some(reading);
    Ok(())
}

/// Reads the screen's text, unless a model looks at the picture itself.
struct Read(Reader);

#[async_trait]
impl Node<State> for Read {
    fn name(&self) -> &'static str {
        "read"
    }

    async fn run(&self, state: &mut State, _: &Outlet) -> Result<Option<String>, NodeError> {
        if state.has_seeing_model() {
            return Ok(Some("left to the model, which sees the picture".to_owned()));
        }
        read(&self.0, state).await?;
        Ok(state.reading.as_ref().map(|reading| lines_read(reading.lines.len())))
    }
}

fn lines_read(count: usize) -> String {
    match count {
        0 => "no text on the picture".to_owned(),
        1 => "1 line of text".to_owned(),
        many => format!("{many} lines of text"),
    }
}

/// Says where the answer will come from; the graph's edges decide.
struct Route;

#[async_trait]
impl Node<State> for Route {
    fn name(&self) -> &'static str {
        "route"
    }

    async fn run(&self, state: &mut State, _: &Outlet) -> Result<Option<String>, NodeError> {
        let wanted = state.job.mode.provider.as_str();
        Ok(Some(match &state.provider {
            Some(provider) => format!("to {}", provider.config().name),
            None if wanted.is_empty() || wanted == super::READER => "to the built-in reader".to_owned(),
            None => "to the built-in reader: the mode's model server is not configured".to_owned(),
        }))
    }
}

/// Asks the model and passes its words on as they come.
struct Answer(Pictures);

#[async_trait]
impl Node<State> for Answer {
    fn name(&self) -> &'static str {
        "answer"
    }

    async fn run(&self, state: &mut State, outlet: &Outlet) -> Result<Option<String>, NodeError> {
        let Some(provider) = state.provider.clone() else {
            return Err(failed("no model server is configured", ProviderError::Empty));
        };
        let request = self.request(provider.as_ref(), state).await?;
        let (sink, mut pieces) = mpsc::channel::<String>(16);
        let forward = async {
            while let Some(text) = pieces.recv().await {
                state.answer.push_str(&text);
                outlet.send(AnalysisEvent::Delta(Delta { text })).await?;
            }
            // Going out of scope, `pieces` tells the provider that nobody listens.
            drop(pieces);
            Ok(())
        };
        let (result, heard) = tokio::join!(provider.answer(request, sink), forward);
        heard.map_err(unheard)?;
        state.usage = Some(result.map_err(|error| failed(error.note(), error))?);
        Ok(None)
    }
}

impl Answer {
    async fn request(&self, provider: &dyn Provider, state: &State) -> Result<PromptRequest, NodeError> {
        let (config, job) = (provider.config(), &state.job);
        let picture = if config.vision {
            let made = self.0.for_model(&job.picture, config.max_pixels).await;
            let made = made.map_err(|error| failed("the picture could not be prepared", error))?;
            Some(PromptPicture { mime: made.format.mime(), bytes: made.bytes })
        } else {
            None
        };
        let user = match &state.reading {
            Some(reading) if picture.is_none() => {
                prompt::with_text(&job.context, &reading.text(), &job.nonce, config.max_text_chars)
            }
            _ => prompt::with_picture(&job.context),
        };
        Ok(PromptRequest {
            system: prompt::system(&job.mode.prompt),
            user,
            picture,
            model: job.model_at(config).to_owned(),
            temperature: job.mode.temperature,
        })
    }
}

/// Answers from the text on the screen, without a model.
struct Extract(Reader);

#[async_trait]
impl Node<State> for Extract {
    fn name(&self) -> &'static str {
        "extract"
    }

    async fn run(&self, state: &mut State, outlet: &Outlet) -> Result<Option<String>, NodeError> {
        if state.reading.is_none() {
            read(&self.0, state).await?;
        }
        let (question, reading) = (state.job.context.clone(), state.reading.clone().unwrap_or_default());
        let count = reading.lines.len();
        let answer = tokio::task::spawn_blocking(move || extract(&question, &reading));
        let answer = answer.await.map_err(|_| failed("the reader stopped", AnalysisError::Task))?;
        state.answer.clone_from(&answer);
        outlet.send(AnalysisEvent::Delta(Delta { text: answer })).await.map_err(unheard)?;
        Ok(Some(lines_read(count)))
    }
}
