//! Ollama's own API: `POST /api/chat`, answered by one JSON object per line, the last with `done`.

mod lines;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use protocol::analysis::{CutReason, NoticeCode, Usage};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use self::lines::LineParser;
use super::config::ProviderConfig;
use super::error::ProviderError;
use super::fields::{number, reasoning, text};
use super::interface::{AnswerPiece, Completion, PromptRequest, Provider};
use super::learned::{Known, Optional};
use super::server::{Pauses, Server};
use super::stream::{AnswerStream, bounded};
use super::tokens;
use super::words::{error_in, text_of_html};

/// The least context that is asked for. Larger ones are this, doubled until the prompt fits: Ollama loads the model anew
/// for each other size.
const LEAST_CONTEXT: u32 = 4_096;
/// Below this a server has no limit of its own.
const LEAST_SERVER_LIMIT: u64 = 2_048;

/// An Ollama server.
#[derive(Debug)]
pub struct Ollama {
    server: Server,
}

/// How one try ended.
enum Outcome {
    Complete(Completion),
    /// The model was loaded, and nothing was answered.
    OnlyLoaded,
}

impl Ollama {
    pub(super) fn new(config: ProviderConfig, client: reqwest::Client) -> Self {
        Self { server: Server::new(config, client) }
    }

    fn body(&self, request: &PromptRequest, known: Known, context: u32) -> Value {
        let config = &self.server.config;
        let mut user = json!({"role": "user", "content": request.user});
        if let Some(picture) =
            request.picture.as_ref().filter(|_| config.vision && !known.omits(Optional::Pictures))
        {
            user["images"] = json!([STANDARD.encode(&picture.bytes)]);
        }
        let mut options = json!({"num_ctx": context});
        if !known.omits(Optional::Temperature) {
            options["temperature"] = request.temperature.into();
        }
        if let Some(tokens) = config.max_tokens {
            options["num_predict"] = tokens.into();
        }
        json!({
            "model": request.model,
            "messages": [{"role": "system", "content": request.system}, user],
            "options": options,
            "stream": true,
        })
    }

    /// The context for this prompt and its answer, within the limit. Without it Ollama forgets the beginning of a prompt that
    /// is longer than its default.
    fn context_for(&self, request: &PromptRequest) -> u32 {
        let picture = request.picture.as_ref().filter(|_| self.server.takes_pictures(&request.model));
        let prompt = tokens::estimate(&request.system)
            + tokens::estimate(&request.user)
            + picture.map_or(0, |picture| tokens::of_picture(picture.pixels));
        let needed = prompt.saturating_add(self.server.config.answer_room());
        let limit = self.server.context_tokens(&request.model).unwrap_or(u32::MAX);
        let mut context = LEAST_CONTEXT;
        while (context as usize) < needed && context < limit {
            context = context.saturating_mul(2);
        }
        self.server.learned.request_context(&request.model, context.min(limit))
    }

    async fn ask(
        &self,
        request: &PromptRequest,
        answer: &mut AnswerStream<'_>,
        context: u32,
    ) -> Result<Outcome, ProviderError> {
        let body = |known| self.body(request, known, context);
        let mut bytes = bounded(self.server.post("api/chat", request, answer, body).await?);
        let mut lines = LineParser::default();
        loop {
            while let Some(line) = lines.next_line()? {
                if let Some(outcome) = self.line(&line, answer, context).await? {
                    return Ok(outcome);
                }
            }
            if lines.has_ended() {
                return Err(ProviderError::Broken("it ended before the answer did".to_owned()));
            }
            match answer.next_bytes(&mut bytes).await? {
                Some(bytes) => lines.push(&bytes),
                None => lines.end(),
            }
        }
    }

    async fn line(
        &self,
        line: &[u8],
        answer: &mut AnswerStream<'_>,
        context: u32,
    ) -> Result<Option<Outcome>, ProviderError> {
        let line = line.trim_ascii();
        if line.is_empty() {
            return Ok(None);
        }
        if line.starts_with(b"<") {
            let words = text_of_html(&String::from_utf8_lossy(line));
            return Err(ProviderError::NotAnAnswer(self.server.words(&words)));
        }
        let line: Value =
            serde_json::from_slice(line).map_err(|error| ProviderError::Broken(error.to_string()))?;
        if let Some(words) = error_in(&line) {
            return Err(ProviderError::Reported(self.server.words(&words)));
        }
        if let Some(message) = line.get("message") {
            answer.reasoning(reasoning(message)).await?;
            answer.text(&text(message.get("content"))).await?;
        }
        if !line.get("done").and_then(Value::as_bool).unwrap_or(false) {
            return Ok(None);
        }
        let usage = Usage {
            prompt_tokens: number(&line, "prompt_eval_count"),
            completion_tokens: number(&line, "eval_count"),
        };
        let cut = match line.get("done_reason").and_then(Value::as_str) {
            Some("load" | "unload") => return Ok(Some(Outcome::OnlyLoaded)),
            Some("length") => Some(CutReason::Length),
            _ => None,
        };
        let completion = answer.complete(usage, cut).await?;
        if is_at_limit(usage.prompt_tokens, context) {
            answer.notice(NoticeCode::ContextFull).await?;
        }
        Ok(Some(Outcome::Complete(completion)))
    }
}

/// Whether the prompt filled the context. A server with a smaller limit of its own has one that is a power of two.
fn is_at_limit(prompt_tokens: u64, context: u32) -> bool {
    prompt_tokens >= u64::from(context)
        || (prompt_tokens >= LEAST_SERVER_LIMIT && prompt_tokens.is_power_of_two())
}

#[async_trait]
impl Provider for Ollama {
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
        let context = self.context_for(&request);
        let mut pauses = Pauses::default();
        loop {
            match self.ask(&request, &mut answer, context).await? {
                Outcome::Complete(completion) => return Ok(completion),
                Outcome::OnlyLoaded => {
                    answer.notice(NoticeCode::ModelLoading).await?;
                    if !pauses.wait(&answer, None).await {
                        return Err(ProviderError::StillLoading(answer.timeouts().load));
                    }
                }
            }
        }
    }
}
