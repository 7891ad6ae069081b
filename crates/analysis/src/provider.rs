//! Model servers.
//!
//! Always holds: text comes in pieces as the model makes it; an answer that was cut off is an error, never a
//! short answer; dropping the future of [`Provider::answer`] closes the request, and with it the model's
//! work; nothing is redirected, so that pictures and keys go only where the configuration says; the size of
//! what a server may send is bounded, and every wait too.

mod config;
mod error;
mod ollama;
mod openai;
mod transport;

use async_trait::async_trait;
use bytes::Bytes;
use protocol::analysis::Usage;
use tokio::sync::mpsc;

pub use config::{ApiKey, ConfigError, Kind, ProviderConfig, check_all, connect};
pub use error::ProviderError;
pub use transport::http_client;

/// What is asked of a model.
#[derive(Debug, Clone)]
pub struct PromptRequest {
    /// Who the model is to be and what rules hold.
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

    /// Asks, and sends each piece of the answer into `text`. Returns when the answer is whole.
    ///
    /// # Errors
    /// See [`ProviderError`]; what was sent before an error is not a whole answer.
    async fn answer(
        &self,
        request: PromptRequest,
        text: mpsc::Sender<String>,
    ) -> Result<Usage, ProviderError>;
}
