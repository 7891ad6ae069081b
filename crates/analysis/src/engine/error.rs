//! Why an analysis did not end with an answer.

use std::time::Duration;

use protocol::Problem;
use workflow::{FailureCause, LimitExceeded, RunError};

use crate::picture::PictureError;
use crate::provider::ProviderError;
use crate::reader::ReaderError;

/// `Display` and `source()` are for the operator; [`AnalysisError::problem`] is what the user gets.
#[derive(Debug, thiserror::Error)]
pub enum AnalysisError {
    #[error("{waiting} analyses are waiting already")]
    Busy { waiting: usize, retry_after: u64 },
    #[error("the analysis was cancelled, or nobody receives its events any more")]
    Cancelled,
    #[error("the workflow has reached a limit")]
    Limit(#[source] LimitExceeded),
    #[error("the picture could not be prepared")]
    Picture(#[from] PictureError),
    #[error("the model server failed")]
    Provider(#[from] ProviderError),
    #[error("the text on the picture could not be read")]
    Reader(#[from] ReaderError),
    #[error("the analysis ended unexpectedly")]
    Task,
    #[error("the analysis took longer than {0:?}")]
    TimedOut(Duration),
}

impl AnalysisError {
    pub fn problem(&self) -> Problem {
        match self {
            Self::Busy { retry_after, .. } => {
                Problem::unavailable("Too many analyses are waiting. Try again a little later.", *retry_after)
            }
            Self::Cancelled => Problem::new("cancelled", 499, "The analysis was cancelled"),
            Self::Limit(exceeded) => {
                Problem::new("workflow-limit", 422, "The workflow needs too much for one answer").detail(
                    format!("It was ended because {exceeded}. An administrator can change the workflow."),
                )
            }
            Self::Picture(error) => error.clone().into(),
            Self::Provider(error) => {
                Problem::new("provider-failed", 502, "The model did not finish its answer")
                    .detail(format!("What happened: {}. Ask again.", error.explanation()))
            }
            Self::Reader(_) => {
                Problem::new("reader-failed", 503, "The text on the picture could not be read")
                    .detail("The server's log says more.")
                    .retry_after(10)
            }
            Self::Task => Problem::internal(),
            Self::TimedOut(limit) => Problem::new("timed-out", 504, "The analysis took too long")
                .detail(format!("It was ended after {} seconds.", limit.as_secs())),
        }
    }
}

impl From<RunError<AnalysisError>> for AnalysisError {
    fn from(error: RunError<AnalysisError>) -> Self {
        match error {
            RunError::Node { cause: FailureCause::Node(error), .. } => error,
            RunError::Limit { exceeded, .. } => Self::Limit(exceeded),
            RunError::SinkClosed(_) | RunError::Node { cause: FailureCause::SinkClosed(_), .. } => {
                Self::Cancelled
            }
            _ => Self::Task,
        }
    }
}
