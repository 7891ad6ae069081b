//! A question about an image, and the errors of asking and answering it.

use std::time::Duration;

use ::analysis::provider::ProviderError;
use ::analysis::reader::ReaderError;
use ::analysis::{AnalysisError, PictureError};
use bytes::Bytes;
use protocol::Problem;
use protocol::analysis::{
    MAX_IMAGE_BYTES, MAX_PROGRAM_CHARS, MAX_SELECTION_CHARS, MAX_TITLE_CHARS, WindowText,
};
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
    /// The accessible text of the window in front: plain, or with the content type `application/json` an object of its
    /// `text`, `program` and `title`. The part has at most 64,000 bytes. It takes the place of what is read on the image.
    #[schema(nullable = false)]
    pub text: Option<WindowText>,
    /// The selected text. In a mode with `edits_allowed` the answer may propose to replace it.
    #[schema(nullable = false, max_length = 16_000)]
    pub selection: Option<String>,
}

impl Question {
    /// Checks what was sent beside the image.
    pub(super) fn check_window(&self) -> Result<(), Problem> {
        let long = |text: &str, most: usize| text.chars().nth(most).is_some();
        let wrong = |field: &str, message: &str| Err(Problem::invalid_input().field(field, message));
        if let Some(text) = &self.text {
            if long(&text.program, MAX_PROGRAM_CHARS) || long(&text.title, MAX_TITLE_CHARS) {
                return wrong("text", "Use at most 200 characters for the program and 500 for the title.");
            }
            if [&text.text, &text.program, &text.title].iter().any(|text| text.contains('\0')) {
                return wrong("text", "Leave out the NUL character.");
            }
        }
        if self.selection.as_ref().is_some_and(|selection| long(selection, MAX_SELECTION_CHARS)) {
            return wrong("selection", "Use at most 16,000 characters.");
        }
        Ok(())
    }
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
