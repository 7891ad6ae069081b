//! Why an analysis did not end with an answer.

use std::time::Duration;

use protocol::Problem;
use workflow::{FailureCause, LimitExceeded, RunError, StoreError};

use super::custom::HttpRequestError;
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
    #[error("an HTTP request of the workflow failed")]
    HttpRequest(#[source] HttpRequestError),
    #[error("the workflow has reached a limit")]
    Limit(#[source] LimitExceeded),
    #[error("the picture could not be prepared")]
    Picture(#[from] PictureError),
    #[error("nobody has answered the question in time")]
    AnswerExpired,
    #[error("another server has gone on with the run")]
    Overtaken,
    #[error("the picture was not kept over a restart")]
    PictureGone,
    #[error("the server was restarted")]
    Restarted,
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
            Self::HttpRequest(error) => {
                Problem::new("http-request-failed", 502, "A step of the workflow got no answer")
                    .detail(format!("What happened: {error}."))
            }
            Self::Limit(exceeded) => {
                Problem::new("workflow-limit", 422, "The workflow needs too much for one answer").detail(
                    format!("It was ended because {exceeded}. An administrator can change the workflow."),
                )
            }
            Self::Picture(error) => error.clone().into(),
            Self::AnswerExpired => Problem::new("answer-expired", 410, "Nobody has answered in time")
                .detail("The question waited too long for its answer. Ask again."),
            Self::Restarted => Problem::new("restarted", 503, "The server was restarted")
                .detail("The answer could not be finished. Ask again.")
                .retry_after(1),
            Self::PictureGone => Problem::new("picture-gone", 409, "The picture is no longer there")
                .detail("The server was restarted, and does not keep pictures. Ask again with the picture."),
            Self::Provider(error) => {
                Problem::new("provider-failed", 502, "The model did not finish its answer")
                    .detail(format!("What happened: {}. Ask again.", error.explanation()))
            }
            Self::Reader(_) => {
                Problem::new("reader-failed", 503, "The text on the picture could not be read")
                    .detail("See the server’s log for details.")
                    .retry_after(10)
            }
            Self::Overtaken | Self::Task => Problem::internal(),
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
            RunError::Store(StoreError::Conflict { .. }) => Self::Overtaken,
            RunError::SinkClosed(_) | RunError::Node { cause: FailureCause::SinkClosed(_), .. } => {
                Self::Cancelled
            }
            _ => Self::Task,
        }
    }
}
