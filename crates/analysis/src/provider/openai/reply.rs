//! What comes back: a stream of chunks, or something else that has the status of an answer.

use protocol::analysis::{CutReason, Usage};
use protocol::event_stream::{
    EventStreamError, EventStreamParser, MAX_EVENT_BYTES, MAX_LINE_BYTES, ServerSentEvent,
};
use serde_json::Value;

use super::super::error::ProviderError;
use super::super::fields::{list, number, reasoning, text};
use super::super::interface::Completion;
use super::super::server::Server;
use super::super::stream::AnswerStream;
use super::super::words::{error_in, error_message, text_of_html};

/// How the reply's body is read. Its first character tells: servers' content types do not.
#[derive(Debug)]
enum Body {
    /// JSON or a page, as a whole.
    Document(Vec<u8>),
    Events(EventStreamParser),
    /// Nothing but white space and a byte order mark so far.
    Start(Vec<u8>),
}

pub(super) struct Reply<'a> {
    server: &'a Server,
    body: Body,
    usage: Usage,
    cut: Option<CutReason>,
    tool_requested: bool,
    ended: bool,
}

impl<'a> Reply<'a> {
    pub fn new(server: &'a Server) -> Self {
        Self {
            server,
            body: Body::Start(Vec::new()),
            usage: Usage::default(),
            cut: None,
            tool_requested: false,
            ended: false,
        }
    }

    /// Whether the stream said that nothing follows.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Takes the next bytes, and sends on what they complete.
    pub async fn push(&mut self, bytes: &[u8], answer: &mut AnswerStream<'_>) -> Result<(), ProviderError> {
        match &mut self.body {
            Body::Document(document) => {
                document.extend_from_slice(bytes);
                if document.len() > MAX_LINE_BYTES {
                    return Err(ProviderError::TooLong(MAX_LINE_BYTES));
                }
            }
            Body::Events(parser) => parser.push(bytes),
            Body::Start(start) => {
                start.extend_from_slice(bytes);
                if start.len() > MAX_LINE_BYTES {
                    return Err(ProviderError::TooLong(MAX_LINE_BYTES));
                }
                match first_character(start) {
                    None => {}
                    Some(b'{' | b'[' | b'<') => self.body = Body::Document(std::mem::take(start)),
                    Some(_) => {
                        let mut parser = EventStreamParser::with_error_field();
                        parser.push(start);
                        self.body = Body::Events(parser);
                    }
                }
            }
        }
        while let Some(event) = self.next_event() {
            self.event(&event.map_err(too_long)?, answer).await?;
            if self.ended {
                break;
            }
        }
        Ok(())
    }

    /// The whole answer, once nothing more comes.
    pub async fn complete(mut self, answer: &mut AnswerStream<'_>) -> Result<Completion, ProviderError> {
        if let Body::Document(document) = &mut self.body {
            let document = std::mem::take(document);
            self.document(&document, answer).await?;
        }
        if !(self.ended || answer.is_finished()) {
            return Err(ProviderError::Broken("it ended before the answer did".to_owned()));
        }
        match answer.complete(self.usage, self.cut).await {
            Err(ProviderError::Empty) if self.tool_requested => Err(ProviderError::ToolRequested),
            result => result,
        }
    }

    fn next_event(&mut self) -> Option<Result<ServerSentEvent, EventStreamError>> {
        match &mut self.body {
            Body::Events(parser) => parser.next_event(),
            _ => None,
        }
    }

    async fn event(
        &mut self,
        event: &ServerSentEvent,
        answer: &mut AnswerStream<'_>,
    ) -> Result<(), ProviderError> {
        let data = event.data.trim();
        if event.name == "error" {
            return Err(self.reported(&error_message(data.as_bytes())));
        }
        if data == "[DONE]" {
            self.ended = true;
        }
        // After the answer's end only its usage counts.
        if data.is_empty() || self.ended {
            return Ok(());
        }
        let chunk: Value =
            serde_json::from_str(data).map_err(|error| ProviderError::Broken(error.to_string()))?;
        self.chunk(&chunk, answer).await
    }

    async fn chunk(&mut self, chunk: &Value, answer: &mut AnswerStream<'_>) -> Result<(), ProviderError> {
        if let Some(words) = error_in(chunk) {
            return Err(self.reported(&words));
        }
        if let Some(usage) = chunk.get("usage").filter(|usage| usage.is_object()) {
            self.usage = Usage {
                prompt_tokens: number(usage, "prompt_tokens"),
                completion_tokens: number(usage, "completion_tokens"),
            };
        }
        for choice in list(chunk, "choices") {
            if let Some(words) = error_in(choice) {
                return Err(self.reported(&words));
            }
            let message =
                ["delta", "message"].iter().find_map(|name| choice.get(name).filter(|m| m.is_object()));
            if let Some(message) = message {
                answer.reasoning(reasoning(message)).await?;
                answer.text(&text(message.get("content"))).await?;
                self.tool_requested |= !list(message, "tool_calls").is_empty();
            }
            if let Some(reason) =
                choice.get("finish_reason").and_then(Value::as_str).filter(|r| !r.is_empty())
            {
                self.finish(reason)?;
                answer.finished();
            }
        }
        Ok(())
    }

    /// The names are those of OpenAI and of the servers that translate to its protocol.
    fn finish(&mut self, reason: &str) -> Result<(), ProviderError> {
        match reason.to_ascii_lowercase().as_str() {
            "length" | "max_tokens" | "max_output_tokens" | "model_length" => {
                self.cut = Some(CutReason::Length);
            }
            "content_filter" | "safety" | "refusal" | "prohibited_content" | "sensitive" => {
                self.cut = Some(CutReason::ContentFilter);
            }
            "tool_calls" | "function_call" => self.tool_requested = true,
            "error" | "abort" | "aborted" | "cancelled" | "insufficient_system_resource" => {
                return Err(self.reported(&format!("it ended the answer: {reason}")));
            }
            _ => {}
        }
        Ok(())
    }

    /// A whole completion although a stream was asked for, an error, or a page.
    async fn document(
        &mut self,
        document: &[u8],
        answer: &mut AnswerStream<'_>,
    ) -> Result<(), ProviderError> {
        if first_character(document) == Some(b'<') {
            let words = text_of_html(&String::from_utf8_lossy(document));
            return Err(ProviderError::NotAnAnswer(self.server.words(&words)));
        }
        let start = document.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(document);
        let completion: Value =
            serde_json::from_slice(start).map_err(|error| ProviderError::Broken(error.to_string()))?;
        self.chunk(&completion, answer).await?;
        if list(&completion, "choices").is_empty() {
            return Err(ProviderError::NotAnAnswer(self.server.words(&error_message(start))));
        }
        self.ended = true;
        Ok(())
    }

    fn reported(&self, words: &str) -> ProviderError {
        ProviderError::Reported(self.server.words(words))
    }
}

fn first_character(bytes: &[u8]) -> Option<u8> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    // A mark that has not arrived whole is no character yet.
    if b"\xEF\xBB\xBF".starts_with(bytes) {
        return None;
    }
    bytes.iter().copied().find(|byte| !byte.is_ascii_whitespace())
}

fn too_long(error: EventStreamError) -> ProviderError {
    ProviderError::TooLong(match error {
        EventStreamError::LineTooLong => MAX_LINE_BYTES,
        EventStreamError::EventTooLarge => MAX_EVENT_BYTES,
    })
}
