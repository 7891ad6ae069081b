//! From a configuration to a provider.

use std::sync::Arc;

use super::config::{FieldError, ProviderConfig};
use super::interface::Provider;
use super::pool::Pool;

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
    Ok(Arc::new(Pool::new(config, &client)))
}
