//! The node that runs a version of another workflow: its question is a template, its answer goes to a channel.
//!
//! The version is part of the configuration and never changes once it is saved, so a version can only name versions that were
//! there before it: there is no circle. What the nested workflow answers is as untrusted as a screen.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use workflow::document::{
    ConfigError, DocumentState, DocumentUpdate, NodeType, Template, WorkflowDocument, string_field,
    template_field,
};
use workflow::{Context, Graph, Node, NodeOutput, Subgraph};

use super::super::error::AnalysisError;
use super::super::services::Services;
use super::run::state_of;
use super::{ANSWER, MODEL_CALLS, NodeResult, PIECES, channel_schema, text_of};

pub(super) const NAME: &str = "workflow";

/// How deep workflows may stand in each other.
pub(super) const MAX_DEPTH: usize = 5;

/// Id and version.
pub type WorkflowVersion = (String, i64);
/// The versions that a document names, and those that these name.
pub type Library = BTreeMap<WorkflowVersion, WorkflowDocument>;
pub(super) type Graphs = BTreeMap<WorkflowVersion, (Arc<DocumentGraph>, WorkflowDocument)>;
pub(super) type DocumentGraph = Graph<DocumentState, Services, AnalysisError>;

/// The versions that a document names.
pub(super) fn references(document: &WorkflowDocument) -> Vec<WorkflowVersion> {
    let nodes = document.nodes.iter().filter(|node| node.kind == NAME);
    nodes.filter_map(|node| version_of(&node.config).ok()).collect()
}

fn version_of(config: &Value) -> Result<WorkflowVersion, ConfigError> {
    let id = string_field(config, "workflow")?.to_owned();
    let version = config.get("version").and_then(Value::as_i64).filter(|version| *version > 0);
    Ok((id, version.ok_or_else(|| ConfigError::new("version", "the number of a saved version"))?))
}

struct SubWorkflow {
    subgraph: Subgraph<DocumentState, DocumentState, Services, AnalysisError>,
    id: String,
    question: Template,
    channel: String,
    streams: bool,
}

/// `streams`: what goes to `answer` is sent as it comes.
pub(super) fn node_type(graphs: Arc<Graphs>, streams: bool) -> NodeType<Services, AnalysisError> {
    let schema = json!({
        "type": "object",
        "properties": {
            "workflow": { "type": "string", "title": "Id of the other workflow, as in the address of its page" },
            "version": { "type": "integer", "title": "Its version" },
            "question": { "type": "string", "format": "template", "title": "Question" },
            "channel": channel_schema("Write the answer to"),
        },
        "required": ["workflow", "version", "question", "channel"],
    });
    let description = "Runs a version of another workflow, and takes its answer.";
    NodeType::new(NAME, description, schema, move |id, config| {
        let version = version_of(config)?;
        let question = template_field(config, "question")?;
        if question.channels().any(|channel| channel == "item") {
            return Err(ConfigError::new("question", "no {{item}}: write it to a channel first"));
        }
        let channel = string_field(config, "channel")?.to_owned();
        let (graph, document) = graphs
            .get(&version)
            .ok_or_else(|| ConfigError::new("version", "a saved version of a workflow with this id"))?;
        let (template, channels) = (question.clone(), document.channels.clone());
        let target = channel.clone();
        let subgraph = Subgraph::new(
            id,
            Arc::clone(graph),
            // That it can be rendered was tried before.
            move |state: &DocumentState| {
                state_of(&channels, &template.render(state, None).unwrap_or_default())
            },
            move |state: DocumentState| {
                let mut update = DocumentUpdate::of(target.clone(), text_of(state.get(ANSWER)));
                let calls = state.get(MODEL_CALLS).as_array().cloned().unwrap_or_default();
                update.0.insert(MODEL_CALLS.to_owned(), Value::Array(calls));
                update
            },
        );
        let streams = streams && channel == ANSWER;
        Ok(Box::new(SubWorkflow { subgraph, id: id.to_owned(), question, channel, streams }))
    })
}

#[async_trait]
impl Node<DocumentState, Services, AnalysisError> for SubWorkflow {
    fn name(&self) -> &str {
        &self.id
    }

    async fn run(&self, state: &DocumentState, context: &Context<'_, Services>) -> NodeResult {
        self.question.render(state, None)?;
        let mut output: NodeOutput<DocumentUpdate> = self.subgraph.run(state, context).await?;
        if self.streams
            && let Some(update) = &mut output.update
        {
            let answer = text_of(update.0.get(&self.channel).unwrap_or(&Value::Null));
            context.services().stream(&answer).await?;
            update.0.insert(PIECES.to_owned(), json!([answer]));
        }
        Ok(output)
    }
}
