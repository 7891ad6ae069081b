//! From a configuration to a provider.

use std::sync::Arc;

use super::config::{FieldError, ProviderConfig, ProviderKind};
use super::interface::Provider;
use super::ollama::Ollama;
use super::openai::OpenAi;

/// A provider's configuration cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("provider “{provider}”: {}", listed(.errors))]
pub struct ConnectError {
    pub provider: String,
    pub errors: Vec<FieldError>,
}

fn listed(errors: &[FieldError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Makes a provider. Nothing is sent before the first question.
///
/// # Errors
/// When the configuration is invalid.
pub fn connect(config: ProviderConfig, client: reqwest::Client) -> Result<Arc<dyn Provider>, ConnectError> {
    if let Err(errors) = config.validate() {
        return Err(ConnectError { provider: config.name, errors });
    }
    Ok(match config.kind {
        ProviderKind::Ollama => Arc::new(Ollama::new(config, client)),
        ProviderKind::OpenAi => Arc::new(OpenAi::new(config, client)),
    })
}
