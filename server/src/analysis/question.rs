//! A question about an image, and the errors of asking and answering it.

use std::time::Duration;

use ::analysis::provider::ProviderError;
use ::analysis::reader::ReaderError;
use ::analysis::{AnalysisError, PictureError};
use bytes::Bytes;
use domain::text::visible;
use http::HeaderMap;
use protocol::Problem;
use protocol::analysis::{
    Capture, MAX_IMAGE_BYTES, MAX_PROGRAM_CHARS, MAX_SELECTION_CHARS, MAX_TITLE_CHARS, WindowText,
};
use utoipa::ToSchema;
use web::documented_errors::DocumentedErrors;

use super::departure;

/// A question as it arrived.
#[derive(Debug, Default, ToSchema)]
pub struct Question {
    /// PNG, JPEG or WebP, detected by content, at most 20 MB and 64 megapixels; a server may set lower limits, which its errors
    /// state.
    /// Required but for a question that follows another one: a model then answers from the conversation.
    #[schema(value_type = String, format = Binary, required = false)]
    pub image: Option<Bytes>,
    /// The conversation that the question follows, as `done` names it; a new one by default. The mode may be another.
    #[schema(nullable = false, max_length = 64)]
    pub conversation: Option<String>,
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
    /// Where the picture comes from, as an object of `program`, `title`, `trigger` and `masks`, each of which may be absent. It
    /// goes to the ledger of what left the machine.
    #[schema(nullable = false)]
    pub capture: Option<Capture>,
}

/// What becomes of an analysis whose connection is closed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnDisconnect {
    /// It is cancelled.
    #[default]
    Cancel,
    /// It goes on. The stream begins with the event `started`, and `GET /native/analyses/{id}/events` joins it again.
    Continue,
}

impl OnDisconnect {
    /// Of the header. A header, since servers before it refuse parts that they do not know.
    pub fn of(headers: &HeaderMap) -> Self {
        match headers.get("on-disconnect").and_then(|value| value.to_str().ok()) {
            Some("continue") => Self::Continue,
            _ => Self::Cancel,
        }
    }
}

impl Question {
    /// Where the picture comes from: the text of the window names its program and title, too.
    pub(super) fn window(&self) -> Capture {
        let mut capture = self.capture.clone().unwrap_or_default();
        if let Some(text) = &self.text {
            if capture.program.is_empty() {
                capture.program.clone_from(&text.program);
            }
            if capture.title.is_empty() {
                capture.title.clone_from(&text.title);
            }
        }
        // Patterns are compared with what people see, and pages show it.
        for name in [&mut capture.program, &mut capture.title] {
            *name = visible(name).replace(['\n', '\t'], " ");
        }
        capture
    }

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
        if let Some(capture) = &self.capture {
            if long(&capture.program, MAX_PROGRAM_CHARS) || long(&capture.title, MAX_TITLE_CHARS) {
                return wrong("capture", "Use at most 200 characters for the program and 500 for the title.");
            }
            if [&capture.program, &capture.title].iter().any(|text| text.contains('\0')) {
                return wrong("capture", "Leave out the NUL character.");
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
        let policy = [departure::refused("A window of this program or title may not be shown.")];
        let all = policy.into_iter().chain(pictures.map(Problem::from));
        all.chain(analyses.map(|error| error.problem())).collect()
    }
}
