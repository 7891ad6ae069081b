//! A question about a picture, and what can be wrong with it or with the way to its answer.

use std::time::Duration;

use ::analysis::provider::ProviderError;
use ::analysis::reader::ReaderError;
use ::analysis::{AnalysisError, PictureError};
use bytes::Bytes;
use protocol::Problem;
use protocol::analysis::MAX_IMAGE_BYTES;
use utoipa::ToSchema;

use crate::http::refusals::Refuses;

/// A question as it arrived.
#[derive(Debug, Default, ToSchema)]
pub struct Question {
    /// PNG, JPEG or WebP by its content, at most 20 MB and 64 megapixels; a server may allow less, and says so then.
    #[schema(value_type = String, format = Binary, required = true)]
    pub image: Option<Bytes>,
    /// The question, and what is needed to understand it.
    #[schema(max_length = 4000, required = false)]
    pub context: String,
    /// The id of a mode that `GET /native/modes` lists; the first of them when there is none.
    #[schema(nullable = false)]
    pub mode: Option<String>,
}

impl Refuses for Question {
    fn problems() -> Vec<Problem> {
        let pictures = [
            PictureError::Broken,
            PictureError::TooLarge { most: MAX_IMAGE_BYTES },
            PictureError::UnknownFormat,
        ];
        let analyses = [
            AnalysisError::Busy { waiting: 1, retry_after: 5 },
            AnalysisError::Provider(ProviderError::Empty),
            AnalysisError::Reader(ReaderError::Stopped),
            AnalysisError::TimedOut(Duration::from_secs(120)),
        ];
        pictures.map(Problem::from).into_iter().chain(analyses.map(|error| error.problem())).collect()
    }
}
