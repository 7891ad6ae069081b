//! What the analysis asks of a model server, whatever its protocol.

use async_trait::async_trait;
use bytes::Bytes;
use protocol::analysis::{CutReason, Notice, Usage};
use tokio::sync::mpsc;

use super::config::ProviderConfig;
use super::error::ProviderError;

/// What is asked of a model.
#[derive(Debug, Clone)]
pub struct PromptRequest {
    /// The persona and its rules.
    pub system: String,
    /// The question, and what belongs to it.
    pub user: String,
    /// Sent only to models that see.
    pub picture: Option<PromptPicture>,
    pub model: String,
    /// From 0 to 2.
    pub temperature: f64,
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
