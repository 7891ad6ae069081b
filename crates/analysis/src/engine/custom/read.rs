//! Nodes that read the screen, and that answer from its text without a model.

use async_trait::async_trait;
use serde_json::json;
use workflow::document::{DocumentState, DocumentUpdate, NodeType, Template, string_field, template_field};
use workflow::{Context, Node, NodeError, NodeOutput};

use super::super::error::AnalysisError;
use super::super::services::Services;
use super::{ANSWER, NodeResult, PIECES, channel_schema};
use crate::reader::{RecognizedText, extract};

pub(super) const READ_SCREEN: &str = "read_screen";
pub(super) const BUILT_IN_READER: &str = "built_in_reader";

/// Writes the text on the screen.
struct ReadScreen {
    id: String,
    channel: String,
}

pub(super) fn screen() -> NodeType<Services, AnalysisError> {
    let schema = json!({
        "type": "object",
        "properties": { "channel": channel_schema("Write the text to") },
        "required": ["channel"],
    });
    NodeType::new(READ_SCREEN, "Reads the text on the screen.", schema, |id, config| {
        let channel = string_field(config, "channel")?.to_owned();
        Ok(Box::new(ReadScreen { id: id.to_owned(), channel }))
    })
}

async fn recognize(services: &Services) -> Result<RecognizedText, NodeError<DocumentUpdate, AnalysisError>> {
    if let Some(window) = &services.text {
        return Ok(RecognizedText::of_window(window));
    }
    let picture = services.picture().map_err(|error| NodeError::new("the picture is gone", error))?;
    let read = services.reader.read(picture).await;
    read.map_err(|error| NodeError::new("the text on the picture could not be read", error.into()))
}

#[async_trait]
impl Node<DocumentState, Services, AnalysisError> for ReadScreen {
    fn name(&self) -> &str {
        &self.id
    }

    async fn run(&self, _: &DocumentState, context: &Context<'_, Services>) -> NodeResult {
        let text = recognize(context.services()).await?;
        let note = format!("{} lines of text", text.lines.len());
        Ok(NodeOutput::update(DocumentUpdate::of(self.channel.clone(), text.text())).with_note(note))
    }
}

/// Answers from the text on the screen, without a model.
struct BuiltInReader {
    id: String,
    question: Template,
    streams: bool,
    channel: String,
}

/// `streams`: what goes to `answer` is sent as it comes.
pub(super) fn reader(streams: bool) -> NodeType<Services, AnalysisError> {
    let schema = json!({
        "type": "object",
        "properties": {
            "question": { "type": "string", "format": "template", "title": "Question" },
            "channel": channel_schema("Write the answer to"),
        },
        "required": ["question", "channel"],
    });
    let description = "Answers from the text on the screen without a model, by quoting the lines that fit.";
    NodeType::new(BUILT_IN_READER, description, schema, move |id, config| {
        let question = template_field(config, "question")?;
        let channel = string_field(config, "channel")?.to_owned();
        let streams = streams && channel == ANSWER;
        Ok(Box::new(BuiltInReader { id: id.to_owned(), question, streams, channel }))
    })
}

#[async_trait]
impl Node<DocumentState, Services, AnalysisError> for BuiltInReader {
    fn name(&self) -> &str {
        &self.id
    }

    async fn run(&self, state: &DocumentState, context: &Context<'_, Services>) -> NodeResult {
        let services = context.services();
        let text = recognize(services).await?;
        let question = self.question.render(state, None)?;
        let answer = tokio::task::spawn_blocking(move || extract(&question, &text)).await;
        let answer = answer.map_err(|_| NodeError::new("the reader stopped", AnalysisError::Task))?;
        let mut update = DocumentUpdate::of(self.channel.clone(), answer.clone());
        if self.streams {
            services.stream(&answer).await?;
            update.0.insert(PIECES.to_owned(), json!([answer]));
        }
        Ok(NodeOutput::update(update))
    }
}
