//! OpenAI's chat completions, streamed: server-sent events whose data are JSON chunks, ended by `[DONE]`.

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use protocol::analysis::Usage;
use protocol::event_stream::{
    EventStreamError, EventStreamParser, MAX_EVENT_BYTES, MAX_LINE_BYTES, ServerSentEvent,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::config::ProviderConfig;
use super::error::ProviderError;
use super::interface::{PromptRequest, Provider};
use super::transport::{AnswerStream, bounded, message_of, send};

/// A server that speaks OpenAI's protocol.
#[derive(Debug)]
pub struct OpenAi {
    config: ProviderConfig,
    client: reqwest::Client,
}

impl OpenAi {
    pub(super) fn new(config: ProviderConfig, client: reqwest::Client) -> Self {
        Self { config, client }
    }

    fn body(&self, request: &PromptRequest) -> Value {
        let user = match &request.picture {
            Some(picture) if self.config.vision => {
                let url = format!("data:{};base64,{}", picture.mime, STANDARD.encode(&picture.bytes));
                json!([{"type": "text", "text": request.user}, {"type": "image_url", "image_url": {"url": url}}])
            }
            _ => json!(request.user),
        };
        let mut body = json!({
            "model": request.model,
            "messages": [{"role": "system", "content": request.system}, {"role": "user", "content": user}],
            "temperature": request.temperature,
            "stream": true,
            "stream_options": {"include_usage": true},
        });
        if let Some(tokens) = self.config.max_tokens {
            body["max_tokens"] = tokens.into();
        }
        body
    }
}

/// `chat.completion.chunk`, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<ChunkUsage>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Choice {
    #[serde(default)]
    delta: ChunkDelta,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct ChunkDelta {
    #[serde(default)]
    content: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct ChunkUsage {
    prompt_tokens: u64,
    completion_tokens: u64,
}

#[async_trait]
impl Provider for OpenAi {
    fn config(&self) -> &ProviderConfig {
        &self.config
    }

    async fn answer(
        &self,
        request: PromptRequest,
        text: mpsc::Sender<String>,
    ) -> Result<Usage, ProviderError> {
        let (since, timeouts) = (Instant::now(), self.config.timeouts());
        let mut post = self.client.post(self.config.url("chat/completions")).json(&self.body(&request));
        if let Some(key) = &self.config.api_key {
            post = post.bearer_auth(key.expose());
        }
        let mut events = Box::pin(events(bounded(send(post, timeouts).await?)));
        let mut answer = AnswerStream::new(timeouts, since);
        let mut usage = Usage::default();
        let mut finished = false;
        while let Some(event) = answer.next(&mut events).await? {
            let event = event?;
            if event.data.trim() == "[DONE]" {
                finished = true;
                break;
            }
            if event.data.trim().is_empty() {
                continue;
            }
            let chunk: Chunk = serde_json::from_str(&event.data)
                .map_err(|error| ProviderError::Broken(error.to_string()))?;
            if let Some(error) = chunk.error.filter(|error| !error.is_null()) {
                return Err(ProviderError::Reported(message_of(&error)));
            }
            if let Some(ChunkUsage { prompt_tokens, completion_tokens }) = chunk.usage {
                usage = Usage { prompt_tokens, completion_tokens };
            }
            for choice in chunk.choices {
                answer.forward(choice.delta.content.unwrap_or_default(), &text).await?;
                finished |= choice.finish_reason.is_some();
            }
        }
        if !finished {
            return Err(ProviderError::Broken("it ended before the answer did".to_owned()));
        }
        answer.finish()?;
        Ok(usage)
    }
}

/// The events in a response's bytes.
fn events<S>(pieces: S) -> impl Stream<Item = Result<ServerSentEvent, ProviderError>>
where
    S: Stream<Item = Result<Bytes, ProviderError>> + Unpin,
{
    let parser = EventStreamParser::default();
    futures::stream::try_unfold((pieces, parser), |(mut pieces, mut parser)| async move {
        loop {
            if let Some(event) = parser.next_event() {
                let event = event.map_err(too_long)?;
                return Ok(Some((event, (pieces, parser))));
            }
            match pieces.next().await {
                Some(piece) => parser.push(&piece?),
                None => return Ok(None),
            }
        }
    })
}

fn too_long(error: EventStreamError) -> ProviderError {
    ProviderError::TooLong(match error {
        EventStreamError::LineTooLong => MAX_LINE_BYTES,
        EventStreamError::EventTooLarge => MAX_EVENT_BYTES,
    })
}
