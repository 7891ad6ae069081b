//! OpenAI's chat completions, streamed: server-sent events whose data are JSON chunks, ended by `[DONE]`.

mod reply;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use self::reply::Reply;
use super::config::ProviderConfig;
use super::error::ProviderError;
use super::interface::{AnswerPiece, Completion, PromptRequest, Provider};
use super::learned::{Known, Optional};
use super::server::Server;
use super::stream::{AnswerStream, bounded};

/// A server that speaks OpenAI's protocol.
#[derive(Debug)]
pub struct OpenAi {
    server: Server,
}

impl OpenAi {
    pub(super) fn new(config: ProviderConfig, client: reqwest::Client) -> Self {
        Self { server: Server::new(config, client) }
    }

    fn body(&self, request: &PromptRequest, known: Known) -> Value {
        let config = &self.server.config;
        let user = match &request.picture {
            Some(picture) if config.vision && !known.omits(Optional::Pictures) => {
                let url = format!("data:{};base64,{}", picture.mime, STANDARD.encode(&picture.bytes));
                json!([{"type": "text", "text": request.user}, {"type": "image_url", "image_url": {"url": url}}])
            }
            _ => json!(request.user),
        };
        let mut body = json!({
            "model": request.model,
            "messages": [{"role": "system", "content": request.system}, {"role": "user", "content": user}],
            "stream": true,
        });
        if !known.omits(Optional::Temperature) {
            body["temperature"] = request.temperature.into();
        }
        if !known.omits(Optional::StreamOptions) {
            body["stream_options"] = json!({"include_usage": true});
        }
        if let Some(tokens) = config.max_tokens {
            let name = if known.omits(Optional::MaxTokens) { "max_completion_tokens" } else { "max_tokens" };
            body[name] = tokens.into();
        }
        body
    }
}

#[async_trait]
impl Provider for OpenAi {
    fn config(&self) -> &ProviderConfig {
        &self.server.config
    }

    fn takes_pictures(&self, model: &str) -> bool {
        self.server.takes_pictures(model)
    }

    fn context_tokens(&self, model: &str) -> Option<u32> {
        self.server.context_tokens(model)
    }

    async fn answer(
        &self,
        request: PromptRequest,
        pieces: mpsc::Sender<AnswerPiece>,
    ) -> Result<Completion, ProviderError> {
        let mut answer = AnswerStream::new(self.server.config.timeouts(), &pieces);
        let body = |known| self.body(&request, known);
        let response = self.server.post("chat/completions", &request, &mut answer, body).await?;
        let mut bytes = bounded(response);
        let mut reply = Reply::new(&self.server);
        while !reply.has_ended() {
            match answer.next_bytes(&mut bytes).await? {
                Some(bytes) => reply.push(&bytes, &mut answer).await?,
                None => break,
            }
        }
        reply.complete(&mut answer).await
    }
}
