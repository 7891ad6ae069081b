//! What can go wrong with a model server.

use std::time::Duration;

/// Why there is no complete answer. `Display` and `source()` are for the operator; [`ProviderError::note`] is
/// for everybody.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    #[error("the stream from the model server is broken: {0}")]
    Broken(String),
    #[error("the model gave no text")]
    Empty,
    #[error("the model server was silent for {0:?}")]
    IdleTimeout(Duration),
    #[error("the model server is not configured")]
    NotConfigured,
    #[error("nobody receives the answer any more")]
    ReceiverClosed,
    #[error("the model server sent {0} instead of an answer")]
    Redirected(reqwest::StatusCode),
    #[error("the model server refused: {status} {message}")]
    Refused { status: reqwest::StatusCode, message: String },
    #[error("the model server reported: {0}")]
    Reported(String),
    #[error("the model server took longer than {0:?}")]
    Timeout(Duration),
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
    #[error("the model server cannot be reached")]
    Unreachable(#[source] reqwest::Error),
}

impl ProviderError {
    /// A few words for users: no addresses, nothing that the server said.
    pub fn note(&self) -> &'static str {
        match self {
            Self::Broken(_) => "the model server's answer was cut off",
            Self::Empty => "the model gave no text",
            Self::IdleTimeout(_) | Self::Timeout(_) => "the model server took too long",
            Self::NotConfigured => "the model server is not configured",
            Self::ReceiverClosed => "nobody receives the answer any more",
            Self::Redirected(_) => "the model server redirects, which is not followed",
            Self::Refused { status, .. } => match status.as_u16() {
                401 | 403 => "the model server refused the key",
                404 => "the model server does not know this model",
                429 | 503 => "the model server is busy",
                _ => "the model server refused the question",
            },
            Self::Reported(_) => "the model server reported an error",
            Self::TooLong(_) => "the model's answer was too long",
            Self::Unreachable(_) => "the model server cannot be reached",
        }
    }
}
