//! Workflows that administrators make: documents whose nodes read the screen, ask models, and answer.
//!
//! What the screen shows, and what was made of it, is never put into a prompt as an instruction: such a channel can only be given
//! to a model as data, between marks ([`untrusted`]).

mod ask_model;
mod read;
mod untrusted;

use protocol::analysis::{CutReason, Done, Usage};
use serde_json::{Value, json};
use workflow::document::{
    ChannelKind, DocumentError, DocumentState, DocumentUpdate, NodeRegistry, WorkflowDocument, compile,
};
use workflow::{
    Description, Graph, Limits, NodeError, NodeOutput, Run, RunError, StepRecord, ThreadId, WorkflowState,
};

use super::error::AnalysisError;
use super::run::CompletedAnalysis;
use super::services::{Services, ended};
use super::state::Responder;
use crate::provider::READER;

/// What a run is given, and where its result is looked for.
const QUESTION: &str = "question";
const ANSWER: &str = "answer";
/// The calls of models, by which the record's tokens are counted. Not declared by a document.
const MODEL_CALLS: &str = "model_calls";

/// What a run may use beside its time.
fn limits() -> Limits {
    Limits { tasks: 1_000, parallel: 4, bytes: 16 << 20, ..Limits::default() }
}

type Registry = NodeRegistry<Services, AnalysisError>;
type Failure = NodeError<DocumentUpdate, AnalysisError>;
type NodeResult = Result<NodeOutput<DocumentUpdate>, Failure>;

/// A workflow that was checked and can be run.
#[derive(Debug)]
pub struct CustomWorkflow {
    graph: Graph<DocumentState, Services, AnalysisError>,
    document: WorkflowDocument,
}

/// A type of nodes, for whoever makes a workflow.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeTypeDescription {
    pub name: &'static str,
    pub description: &'static str,
    /// The JSON Schema of its configuration.
    pub schema: Value,
}

fn registry() -> Registry {
    // A person in front of an answer that is being streamed cannot be asked yet.
    Registry::default()
        .without("ask_person")
        .with(ask_model::node_type())
        .with(read::screen())
        .with(read::reader())
}

/// The types of nodes that a workflow can use.
pub fn node_types() -> Vec<NodeTypeDescription> {
    let describe = |kind: &workflow::document::NodeType<Services, AnalysisError>| NodeTypeDescription {
        name: kind.name,
        description: kind.description,
        schema: kind.schema.clone(),
    };
    registry().types().map(describe).collect()
}

impl CustomWorkflow {
    /// Checks a document.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its node and field.
    pub fn compile(document: WorkflowDocument) -> Result<Self, Vec<DocumentError>> {
        let registry = registry();
        let mut errors = Vec::new();
        for (channel, expected) in [(QUESTION, ChannelKind::Last), (ANSWER, ChannelKind::Last)] {
            if document.channels.get(channel) != Some(&expected) {
                errors.push(DocumentError {
                    node: None,
                    field: format!("channels.{channel}"),
                    message: "must be declared as `last`: the question is put there, the answer is taken from there"
                        .to_owned(),
                });
            }
        }
        if document.channels.contains_key(MODEL_CALLS) {
            let message = "another name: the engine writes this one".to_owned();
            errors.push(DocumentError { node: None, field: format!("channels.{MODEL_CALLS}"), message });
        }
        errors.extend(untrusted::check(&document));
        match compile(&document, &registry) {
            Ok(graph) if errors.is_empty() => Ok(Self { graph, document }),
            Ok(_) => Err(errors),
            Err(others) => Err(errors.into_iter().chain(others).collect()),
        }
    }

    pub fn describe(&self) -> Description {
        self.graph.describe()
    }

    pub fn document(&self) -> &WorkflowDocument {
        &self.document
    }
}

/// What came of a run.
pub(super) struct Finished {
    pub answer: String,
    pub steps: Vec<StepRecord>,
    pub calls: Vec<ModelCall>,
}

/// A call of a model, as the state records it.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(super) struct ModelCall {
    pub provider: String,
    pub model: String,
    pub usage: Usage,
    pub cut: Option<CutReason>,
}

impl Finished {
    pub fn into_completed(self, analysis_id: String, mode: String, ms: u64) -> CompletedAnalysis {
        let usage = self.calls.iter().fold(Usage::default(), |sum, call| Usage {
            prompt_tokens: sum.prompt_tokens.saturating_add(call.usage.prompt_tokens),
            completion_tokens: sum.completion_tokens.saturating_add(call.usage.completion_tokens),
        });
        let last = self.calls.last();
        let done = Done {
            analysis_id,
            mode,
            provider: last.map_or_else(|| READER.to_owned(), |call| call.provider.clone()),
            model: last.map(|call| call.model.clone()).unwrap_or_default(),
            usage,
            cut: last.and_then(|call| call.cut),
            ms,
        };
        let steps = self.steps.into_iter().map(ended).collect();
        CompletedAnalysis { answer: self.answer, edits: Vec::new(), steps, done, failure: None }
    }
}

/// Answers a question by a workflow. The answer is what was streamed, or what stands in its channel in the end.
pub(super) async fn run(
    workflow: &CustomWorkflow,
    question: &str,
    services: &Services,
) -> Result<Finished, RunError<AnalysisError>> {
    let mut channels = workflow.document.channels.clone();
    channels.insert(MODEL_CALLS.to_owned(), ChannelKind::Append);
    let mut state = DocumentState::new(channels);
    state.apply(DocumentUpdate::of(QUESTION, question));
    let run = Run::new(&workflow.graph, services).events(&services.events).limits(limits());
    let report = run.start(&ThreadId::new("analysis"), state).await?;
    let (state, steps) = (report.state, report.steps);
    let streamed = services.streamed.lock().clone();
    let answer = if streamed.is_empty() {
        let answer = text_of(state.get(ANSWER));
        services.events.delta(answer.clone()).await.map_err(RunError::SinkClosed)?;
        answer
    } else {
        streamed
    };
    let calls = serde_json::from_value(state.get(MODEL_CALLS).clone()).unwrap_or_default();
    Ok(Finished { answer, steps, calls })
}

fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The mode's model, unless the node names another.
fn responder_of(config: &Value, services: &Services) -> Responder {
    let name = config.get("provider").and_then(Value::as_str).unwrap_or_default();
    if name.is_empty() {
        return services.responder.clone();
    }
    match services.provider(name) {
        None => Responder::Fallback,
        Some(provider) => {
            let model = config.get("model").and_then(Value::as_str).filter(|model| !model.is_empty());
            let model = model.unwrap_or(&provider.config().model).to_owned();
            let vision = provider.takes_pictures(&model);
            Responder::Model { provider: name.to_owned(), model, vision }
        }
    }
}

fn channel_schema(title: &str) -> Value {
    json!({ "type": "string", "format": "channel", "title": title })
}
