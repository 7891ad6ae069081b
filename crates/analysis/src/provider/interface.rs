//! What the analysis asks of a model server, whatever its protocol.

use async_trait::async_trait;
use bytes::Bytes;
use protocol::analysis::{CutReason, Notice, Usage};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::config::ProviderConfig;
use super::error::ProviderError;
use super::probe::ServerProbe;

/// What is asked of a model.
#[derive(Debug, Clone)]
pub struct PromptRequest {
    /// The persona and its rules.
    pub system: String,
    /// What was asked and answered before, the oldest first.
    pub turns: Vec<Turn>,
    /// The question, and what belongs to it.
    pub user: String,
    /// Sent only to models that see.
    pub picture: Option<PromptPicture>,
    pub model: String,
    /// From 0 to 2.
    pub temperature: f64,
}

/// An earlier question of the conversation and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    pub question: String,
    pub answer: String,
}

/// A picture within the model's pixel budget.
#[derive(Clone)]
pub struct PromptPicture {
    /// `image/png` or `image/jpeg`.
    pub mime: &'static str,
    pub bytes: Bytes,
    /// Width times height.
    pub pixels: u64,
}

impl std::fmt::Debug for PromptPicture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PromptPicture({}, {} bytes)", self.mime, self.bytes.len())
    }
}

/// The messages of a chat, which `user` ends: both protocols have the same.
pub(super) fn messages(request: &PromptRequest, user: Value) -> Vec<Value> {
    let turns = request.turns.iter().flat_map(|turn| {
        [
            json!({"role": "user", "content": turn.question}),
            json!({"role": "assistant", "content": turn.answer}),
        ]
    });
    let system = json!({"role": "system", "content": request.system});
    std::iter::once(system).chain(turns).chain([user]).collect()
}

/// What comes from a model while it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswerPiece {
    /// Something that the user should know.
    Notice(Notice),
    /// What the model thinks before it answers.
    Reasoning(String),
    Text(String),
    /// All text so far was reasoning: its end was marked, its beginning was not.
    TextWasReasoning,
}

/// A whole answer has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Completion {
    pub usage: Usage,
    /// Why it stops before its natural end.
    pub cut: Option<CutReason>,
    /// Which server has answered, where the provider has several.
    pub server: Option<ServerNumber>,
}

/// One of a provider's servers, as users read it: without an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerNumber {
    /// From 1, in the order of the configuration.
    pub number: usize,
    pub of: usize,
}

impl std::fmt::Display for ServerNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "server {} of {}", self.number, self.of)
    }
}

/// A model server.
#[async_trait]
pub trait Provider: Send + Sync + std::fmt::Debug {
    /// Its configuration: name, kind, model, and what the model can take.
    fn config(&self) -> &ProviderConfig;

    /// Whether this model is sent pictures: as configured, unless it has refused one.
    fn takes_pictures(&self, _model: &str) -> bool {
        self.config().vision
    }

    /// How many tokens this model takes, prompt and answer together, if that is known.
    fn context_tokens(&self, _model: &str) -> Option<u32> {
        self.config().context_limit()
    }

    /// Asks each of the servers what it has, without a question to a model.
    async fn probe(&self) -> Vec<ServerProbe> {
        Vec::new()
    }

    /// Asks, and sends each piece of the answer into `pieces`. Returns when the answer is complete.
    ///
    /// # Errors
    /// See [`ProviderError`]; what was sent before an error is not a complete answer.
    async fn answer(
        &self,
        request: PromptRequest,
        pieces: mpsc::Sender<AnswerPiece>,
    ) -> Result<Completion, ProviderError>;
}
