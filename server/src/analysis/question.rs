//! A question about an image, and the errors of asking and answering it.

use std::time::Duration;

use ::analysis::provider::ProviderError;
use ::analysis::reader::ReaderError;
use ::analysis::{AnalysisError, PictureError};
use bytes::Bytes;
use protocol::Problem;
use protocol::analysis::MAX_IMAGE_BYTES;
use utoipa::ToSchema;
use web::documented_errors::DocumentedErrors;

/// A question as it arrived.
#[derive(Debug, Default, ToSchema)]
pub struct Question {
    /// PNG, JPEG or WebP, detected by content, at most 20 MB and 64 megapixels; a server may set lower limits, which its errors
    /// state.
    #[schema(value_type = String, format = Binary, required = true)]
    pub image: Option<Bytes>,
    /// The question and its context.
    #[schema(max_length = 4000, required = false)]
    pub context: String,
    /// The id of a mode from `GET /native/modes`; the first one by default.
    #[schema(nullable = false)]
    pub mode: Option<String>,
}

impl DocumentedErrors for Question {
    fn problems() -> Vec<Problem> {
        let pictures = [
            PictureError::Broken,
            PictureError::Busy,
            PictureError::TooLarge { max_bytes: MAX_IMAGE_BYTES },
            PictureError::UnknownFormat,
        ];
        let analyses = [
            AnalysisError::Busy { waiting: 1, retry_after: 5 },
            AnalysisError::Provider(ProviderError::Empty),
            AnalysisError::Reader(ReaderError::Stopped),
            AnalysisError::TimedOut(Duration::from_mins(2)),
        ];
        pictures.map(Problem::from).into_iter().chain(analyses.map(|error| error.problem())).collect()
    }
}
