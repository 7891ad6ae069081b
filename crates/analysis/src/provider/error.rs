//! What can go wrong with a model server.

use std::time::Duration;

use super::client::ConnectionFailure;

/// Why there is no complete answer. `Display` and `source()` are for the operator; [`ProviderError::note`] and
/// [`ProviderError::explanation`] are for everybody. A server's words have been redacted.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    #[error("the stream from the model server is broken: {0}")]
    Broken(String),
    #[error("the prompt is longer than the model's context: {message}")]
    ContextExceeded { message: String },
    #[error("the model gave no text")]
    Empty,
    #[error("the model server's content filter stopped the answer")]
    Filtered,
    #[error("the model server was silent for {0:?}")]
    IdleTimeout(Duration),
    #[error("the model server is not configured")]
    NotConfigured,
    #[error("the model server sent a page instead of an answer: {0}")]
    NotAnAnswer(String),
    #[error("the model gave nothing but its reasoning")]
    OnlyReasoning,
    #[error("the model takes no pictures: {0}")]
    PicturesRefused(String),
    #[error("nobody receives the answer any more")]
    ReceiverClosed,
    #[error("the model server sent {0} instead of an answer")]
    Redirected(reqwest::StatusCode),
    #[error("the model server refused: {status} {message}")]
    Refused { status: reqwest::StatusCode, message: String },
    #[error("the model server reported: {0}")]
    Reported(String),
    #[error("the model server was still loading the model after {0:?}")]
    StillLoading(Duration),
    #[error("the model server took longer than {0:?}")]
    Timeout(Duration),
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
    #[error("the model asked for a tool, and there is none")]
    ToolRequested,
    #[error("the model server cannot be reached")]
    Unreachable(#[source] reqwest::Error),
}

impl ProviderError {
    /// A few words for users: no addresses, nothing that the server said.
    pub fn note(&self) -> &'static str {
        match self {
            Self::Broken(_) => "the model server's answer was cut off",
            Self::ContextExceeded { .. } => "the question and the screen are too long for the model",
            Self::Empty => "the model gave no text",
            Self::Filtered => "the model server's content filter stopped the answer",
            Self::IdleTimeout(_) | Self::Timeout(_) => "the model server took too long",
            Self::NotAnAnswer(_) => "the model server sent something else than an answer",
            Self::NotConfigured => "the model server is not configured",
            Self::OnlyReasoning => "the model used up its room for thinking",
            Self::PicturesRefused(_) => "the model server takes no pictures for this model",
            Self::ReceiverClosed => "nobody receives the answer any more",
            Self::Redirected(_) => "the model server redirects, which is not followed",
            Self::Refused { status, message } => refused(status.as_u16(), message),
            Self::Reported(_) => "the model server reported an error",
            Self::StillLoading(_) => "the model server is still loading the model",
            Self::TooLong(_) => "the model's answer was too long",
            Self::ToolRequested => "the model asked for a tool instead of answering",
            Self::Unreachable(error) => ConnectionFailure::of(error).note(),
        }
    }

    /// What the server said, redacted and bounded.
    pub fn words(&self) -> Option<&str> {
        match self {
            Self::ContextExceeded { message } | Self::Refused { message, .. } => Some(message),
            Self::NotAnAnswer(words) | Self::PicturesRefused(words) | Self::Reported(words) => Some(words),
            _ => None,
        }
        .map(String::as_str)
        .filter(|words| !words.is_empty())
    }

    /// [`Self::note`], and what the server said.
    pub fn explanation(&self) -> String {
        match self.words() {
            Some(words) => format!("{} (“{words}”)", self.note()),
            None => self.note().to_owned(),
        }
    }
}

fn refused(status: u16, message: &str) -> &'static str {
    match status {
        401 => "the model server did not accept the key",
        402 => "the model server's account has no credit left",
        403 => "the model server does not allow this with this key",
        404 if message.to_lowercase().contains("model") => "the model server does not know this model",
        404 => "the model server does not know this model, or its address is configured wrongly",
        408 | 504 => "the model server took too long",
        413 => "the question is too large for the model server",
        429 => "the model server's limit of requests is reached",
        502 => "the model server's own server cannot be reached",
        503 => "the model server is busy",
        500..=599 => "the model server had an error of its own",
        _ => "the model server refused the question",
    }
}
