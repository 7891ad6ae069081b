//! What the analysis asks of a model server, whatever its protocol.

use async_trait::async_trait;
use bytes::Bytes;
use protocol::analysis::Usage;
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
}

impl std::fmt::Debug for PromptPicture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PromptPicture({}, {} bytes)", self.mime, self.bytes.len())
    }
}

/// A model server.
#[async_trait]
pub trait Provider: Send + Sync + std::fmt::Debug {
    /// Its configuration: name, kind, model, and what the model can take.
    fn config(&self) -> &ProviderConfig;

    /// Asks, and sends each piece of the answer into `text`. Returns when the answer is complete.
    ///
    /// # Errors
    /// See [`ProviderError`]; what was sent before an error is not a complete answer.
    async fn answer(
        &self,
        request: PromptRequest,
        text: mpsc::Sender<String>,
    ) -> Result<Usage, ProviderError>;
}
