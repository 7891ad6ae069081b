//! A request to one model server: sent again without what the server refuses.

use std::time::Duration;

use futures::StreamExt;
use reqwest::{Response, StatusCode, header};
use serde_json::Value;

use super::config::{ProviderConfig, ProviderKind};
use super::error::ProviderError;
use super::interface::{Completion, PromptRequest};
use super::learned::{Known, Learned, Optional};
use super::refusal::{Sent, exceeds_context, refused_part, says_loading};
use super::retry::{Busy, Fault};
use super::stream::AnswerStream;
use super::words::{error_message, redacted};
use super::{ollama, openai};

/// How much of an error's body is read.
const MAX_ERROR_BYTES: usize = 8 << 10;
/// What both protocols share.
#[derive(Debug)]
pub(super) struct Server {
    pub config: ProviderConfig,
    pub learned: Learned,
    pub client: reqwest::Client,
}

impl Server {
    pub fn new(config: ProviderConfig, client: reqwest::Client) -> Self {
        Self { config, learned: Learned::default(), client }
    }

    pub fn takes_pictures(&self, model: &str) -> bool {
        self.config.vision && !self.learned.of(model).omits(Optional::Pictures)
    }

    pub fn context_tokens(&self, model: &str) -> Option<u32> {
        let learned = self.learned.of(model).context_tokens;
        [learned, self.config.context_limit()].into_iter().flatten().min()
    }

    /// What a server said, fit to be passed on.
    pub fn words(&self, text: &str) -> String {
        redacted(text, &self.config)
    }

    /// Asks once.
    pub async fn ask(
        &self,
        request: &PromptRequest,
        answer: &mut AnswerStream<'_>,
    ) -> Result<Completion, Fault> {
        match self.config.kind {
            ProviderKind::Ollama => ollama::ask(self, request, answer).await,
            ProviderKind::OpenAi => openai::ask(self, request, answer).await,
        }
    }

    /// Posts what `body` makes of the request, and returns the response once it has the status of an answer.
    pub async fn post(
        &self,
        path: &str,
        request: &PromptRequest,
        answer: &mut AnswerStream<'_>,
        body: impl Fn(Known) -> Value + Send,
    ) -> Result<Response, Fault> {
        loop {
            let known = self.learned.of(&request.model);
            let response = self.send(path, &body(known), answer).await?;
            let status = response.status();
            if status.is_redirection() {
                return Err(ProviderError::Redirected(status).into());
            }
            if status.is_success() {
                return Ok(response);
            }
            let retry_after = retry_after(&response);
            let text =
                tokio::time::timeout(answer.timeouts().idle, read_start(response)).await.unwrap_or_default();
            if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
                let refusal = ProviderError::Refused { status, message: self.words(&error_message(&text)) };
                return Err(Fault::Busy(Busy { loading: says_loading(&text), retry_after, refusal }));
            }
            self.learn(status, &text, request, known)?;
        }
    }

    /// Notes the part that the server refuses, so that it is left out of the next try. Any other refusal is an error.
    fn learn(
        &self,
        status: StatusCode,
        body: &[u8],
        request: &PromptRequest,
        known: Known,
    ) -> Result<(), ProviderError> {
        let message = self.words(&error_message(body));
        let model = request.model.as_str();
        let picture = request.picture.is_some() && self.config.vision;
        let sent = Sent { known, max_tokens: self.config.max_tokens.is_some(), picture };
        if let Some(part) = refused_part(status, body, sent) {
            tracing::warn!(provider = self.config.name, model, ?part, message, "left out from now on");
            self.learned.refused(model, part);
            return match part {
                Optional::Pictures => Err(ProviderError::PicturesRefused(message)),
                _ => Ok(()),
            };
        }
        if let Some(exceeded) =
            exceeds_context(body).filter(|_| matches!(status.as_u16(), 400 | 413 | 422 | 500))
        {
            if let Some(tokens) = exceeded.named {
                self.learned.context(model, tokens);
            }
            return Err(ProviderError::ContextExceeded { message });
        }
        Err(ProviderError::Refused { status, message })
    }

    async fn send(
        &self,
        path: &str,
        body: &Value,
        answer: &mut AnswerStream<'_>,
    ) -> Result<Response, ProviderError> {
        let mut post = self.client.post(self.config.url(path)).json(body);
        if let Some(key) = &self.config.api_key {
            post = post.bearer_auth(key.expose());
        }
        let sent = answer.within(post.send()).await?;
        sent.ok_or(ProviderError::Empty)?.map_err(ProviderError::Unreachable)
    }
}

/// In seconds. Dates are not read: no model server sends them.
fn retry_after(response: &Response) -> Option<Duration> {
    response.headers().get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

async fn read_start(response: Response) -> Vec<u8> {
    let mut start = Vec::new();
    let mut body = response.bytes_stream();
    while let Some(Ok(more)) = body.next().await {
        start.extend_from_slice(&more);
        if start.len() >= MAX_ERROR_BYTES {
            start.truncate(MAX_ERROR_BYTES);
            break;
        }
    }
    start
}
