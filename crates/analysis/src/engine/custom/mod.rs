//! Workflows that administrators make: documents whose nodes read the screen, ask models, and answer.
//!
//! What the screen shows, and what was made of it, is never put into a prompt as an instruction: such a channel can only be given
//! to a model as data, between marks ([`untrusted`]).

mod ask_model;
mod classify;
mod http_request;
mod inspect;
mod names;
mod read;
mod run;
mod sub_workflow;
mod untrusted;

pub use http_request::{HttpAccess, HttpRequestError};
pub use inspect::{RunCall, RunCheckpoint};
pub use sub_workflow::{Library, WorkflowVersion};

pub use run::Begin;
pub(super) use run::{Ended, Stored, run};

use std::sync::Arc;

use protocol::analysis::{CutReason, Usage};
use serde_json::{Value, json};
use workflow::document::{
    ChannelKind, DocumentError, DocumentUpdate, NodeRegistry, WorkflowDocument, compile,
};
use workflow::{Description, Limits, NodeError, NodeOutput};

use super::error::AnalysisError;
use super::services::Services;
use super::state::Responder;
use sub_workflow::{DocumentGraph, Graphs, MAX_DEPTH};

/// What a run is given, and where its result is looked for.
const QUESTION: &str = "question";
const ANSWER: &str = "answer";
/// The calls of models, by which the record's tokens are counted. Not declared by a document.
const MODEL_CALLS: &str = "model_calls";
/// The pieces of the answer that were sent while it was made. No document can declare a channel of this name.
const PIECES: &str = "answer.pieces";

/// What a run may use beside its time, unless the document says less.
fn limits() -> Limits {
    Limits {
        tasks: 1_000,
        parallel: 4,
        bytes: 16 << 20,
        calls: 1_000,
        tokens: 5_000_000,
        ..Limits::default()
    }
}

type Registry = NodeRegistry<Services, AnalysisError>;
type Failure = NodeError<DocumentUpdate, AnalysisError>;
type NodeResult = Result<NodeOutput<DocumentUpdate>, Failure>;

/// A workflow that was checked and can be run.
#[derive(Debug)]
pub struct CustomWorkflow {
    graph: DocumentGraph,
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

/// `streams`: what goes to `answer` is sent as it comes; in a nested workflow it is not.
fn registry(graphs: Arc<Graphs>, streams: bool) -> Registry {
    Registry::default()
        .with(ask_model::node_type(streams))
        .with(classify::node_type())
        .with(http_request::node_type())
        .with(read::screen())
        .with(read::reader(streams))
        .with(sub_workflow::node_type(graphs, streams))
}

/// The types of nodes that a workflow can use.
pub fn node_types() -> Vec<NodeTypeDescription> {
    let describe = |kind: &workflow::document::NodeType<Services, AnalysisError>| NodeTypeDescription {
        name: kind.name,
        description: kind.description,
        schema: kind.schema.clone(),
    };
    registry(Arc::default(), true).types().map(describe).collect()
}

impl CustomWorkflow {
    /// Checks a document that names no other workflow.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its node and field.
    pub fn compile(document: WorkflowDocument) -> Result<Self, Vec<DocumentError>> {
        Self::compile_with(document, &Library::new())
    }

    /// Checks a document. `library`: the versions that it names, and those that these name.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its node and field.
    pub fn compile_with(document: WorkflowDocument, library: &Library) -> Result<Self, Vec<DocumentError>> {
        let graph = graph_of(&document, library, 0)?;
        Ok(Self { graph, document })
    }

    /// The versions of other workflows that a document names.
    pub fn references(document: &WorkflowDocument) -> Vec<WorkflowVersion> {
        sub_workflow::references(document)
    }

    /// What in the names of a document cannot be seen, or changes how others are seen. Documents of earlier versions are
    /// run all the same.
    pub fn check_names(document: &WorkflowDocument) -> Vec<DocumentError> {
        names::check(document)
    }

    pub fn describe(&self) -> Description {
        self.graph.describe()
    }

    pub fn document(&self) -> &WorkflowDocument {
        &self.document
    }
}

fn graph_of(
    document: &WorkflowDocument,
    library: &Library,
    depth: usize,
) -> Result<DocumentGraph, Vec<DocumentError>> {
    let mut graphs = Graphs::new();
    for version in sub_workflow::references(document) {
        let Some(nested) = library.get(&version).filter(|_| depth < MAX_DEPTH) else { continue };
        // Its own faults were told when it was saved.
        if let Ok(graph) = graph_of(nested, library, depth + 1) {
            graphs.insert(version, (Arc::new(graph), nested.clone()));
        }
    }
    let mut errors = own_rules(document);
    match compile(document, &registry(Arc::new(graphs), depth == 0)) {
        Ok(graph) if errors.is_empty() => Ok(graph),
        Ok(_) => Err(errors),
        Err(others) => {
            errors.extend(others);
            Err(errors)
        }
    }
}

/// What the engine's checks do not know of.
fn own_rules(document: &WorkflowDocument) -> Vec<DocumentError> {
    let mut errors = Vec::new();
    for channel in [QUESTION, ANSWER] {
        if document.channels.get(channel) != Some(&ChannelKind::Last) {
            let message =
                "must be declared as `last`: the question is put there, the answer is taken from there";
            let (field, message) = (format!("channels.{channel}"), message.to_owned());
            errors.push(DocumentError { node: None, field, message });
        }
    }
    if document.channels.contains_key(MODEL_CALLS) {
        let message = "another name: the engine writes this one".to_owned();
        errors.push(DocumentError { node: None, field: format!("channels.{MODEL_CALLS}"), message });
    }
    errors.extend(untrusted::check(document));
    errors
}

/// A call of a model, as the state records it.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct ModelCall {
    #[serde(default)]
    node: String,
    provider: String,
    model: String,
    usage: Usage,
    cut: Option<CutReason>,
    /// The prompt, without the picture.
    #[serde(default)]
    sent: String,
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
