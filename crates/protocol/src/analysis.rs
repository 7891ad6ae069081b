//! Analyses: the limits of a question, and the events of its answer.

pub use domain::analysis::{CutReason, Step, StepState};
pub use domain::edit::{MAX_CHARS as MAX_SELECTION_CHARS, TextEdit};
use serde::{Deserialize, Serialize};

use crate::Problem;

/// The largest accepted picture, in bytes.
pub const MAX_IMAGE_BYTES: usize = 20 * 1000 * 1000;
/// The largest accepted picture, in pixels.
pub const MAX_IMAGE_PIXELS: u64 = 64_000_000;
/// The longest accepted side of a picture, in pixels.
pub const MAX_IMAGE_SIDE: u32 = 16_384;
/// The longest question, in characters.
pub const MAX_CONTEXT_CHARS: usize = 4_000;
/// The longest accessible text of a window, as its part of the request, in bytes.
pub const MAX_TEXT_BYTES: usize = 64_000;
/// The longest name of a program, in characters.
pub const MAX_PROGRAM_CHARS: usize = 200;
/// The longest title of a window, in characters.
pub const MAX_TITLE_CHARS: usize = 500;

/// The accessible text of a window: the part `text` of `POST /native/analyze`, as JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WindowText {
    pub text: String,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_length = 200))]
    pub program: String,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_length = 500))]
    pub title: String,
}

/// An event of `POST /native/analyze`. Its name is the `event` field of a server-sent event, its content the `data` field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", content = "data", rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum AnalysisEvent {
    Step(Step),
    Delta(Delta),
    Edit(TextEdit),
    Notice(Notice),
    Reasoning(Reasoning),
    Done(Done),
    Error(Problem),
}

/// More of the answer, in Markdown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Delta {
    pub text: String,
}

/// What the model thinks before it answers. It is no part of the answer, and is not stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reasoning {
    pub text: String,
    /// Whether all that was sent as `delta` so far was reasoning too. `text` repeats it, and the answer begins anew.
    #[serde(default)]
    pub retracts: bool,
}

/// Something that the user should know about the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Notice {
    pub code: NoticeCode,
    /// A sentence to be shown.
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum NoticeCode {
    /// The answer ends here: the content filter stopped it.
    ContentFilter,
    /// The prompt filled the model's context; the server may have dropped a part.
    ContextFull,
    /// The answer ends here: the model had no room left.
    CutOff,
    /// A proposed change broke a rule and was left out.
    EditRefused,
    ModelLoading,
    /// The model takes no pictures and got the text that was read.
    PicturesRefused,
    /// A part of the screen's text was left out.
    PromptShortened,
    ServerBusy,
    /// Nothing has come yet.
    Waiting,
    /// Of a later version.
    #[serde(other)]
    Other,
}

impl NoticeCode {
    pub fn text(self) -> &'static str {
        match self {
            Self::ContentFilter => "The answer ends here: the model server’s content filter stopped it.",
            Self::ContextFull => {
                "The question filled the model’s memory. It may have seen only a part of the screen."
            }
            Self::CutOff => "The answer ends here: the model has reached its limit for one answer.",
            Self::EditRefused => "A proposed change was left out.",
            Self::ModelLoading => "The model is being loaded.",
            Self::PicturesRefused => {
                "The model takes no pictures. It got the text that was read on the screen."
            }
            Self::PromptShortened => {
                "The screen’s text was too long for the model. The end of it was left out."
            }
            Self::ServerBusy => "The model server is busy. It is asked again.",
            Self::Waiting => "The model has not begun to answer. It may still be loading.",
            Self::Other => "",
        }
    }
}

impl From<CutReason> for NoticeCode {
    fn from(reason: CutReason) -> Self {
        match reason {
            CutReason::ContentFilter => Self::ContentFilter,
            CutReason::Length => Self::CutOff,
        }
    }
}

impl Notice {
    pub fn new(code: NoticeCode) -> Self {
        Self { code, text: code.text().to_owned() }
    }
}

/// The answer is complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Done {
    pub analysis_id: String,
    /// The mode's id.
    pub mode: String,
    /// `reader`, `openai`, `ollama`, as configured.
    pub provider: String,
    /// Empty when no model was used.
    pub model: String,
    pub usage: Usage,
    /// Why the answer stops before its natural end. Absent when it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub cut: Option<CutReason>,
    /// The duration in milliseconds, from the arrival of the request to the end of the answer.
    pub ms: u64,
}

/// The number of tokens, if the provider reports them; otherwise 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Usage {
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
}

/// The content of all events as one document, for clients that do not request a stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AnalysisDocument {
    /// The complete answer, in Markdown.
    pub answer: String,
    /// The ended steps, in order.
    pub steps: Vec<Step>,
    pub edits: Vec<TextEdit>,
    /// What the user should know about the answer.
    #[serde(default)]
    pub notices: Vec<Notice>,
    #[serde(flatten)]
    pub done: Done,
}

impl AnalysisEvent {
    /// The SSE `event` field.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Step(_) => "step",
            Self::Delta(_) => "delta",
            Self::Edit(_) => "edit",
            Self::Notice(_) => "notice",
            Self::Reasoning(_) => "reasoning",
            Self::Done(_) => "done",
            Self::Error(_) => "error",
        }
    }

    /// The SSE `data` field: one line of JSON.
    pub fn data(&self) -> serde_json::Result<String> {
        match self {
            Self::Step(x) => serde_json::to_string(x),
            Self::Delta(x) => serde_json::to_string(x),
            Self::Edit(x) => serde_json::to_string(x),
            Self::Notice(x) => serde_json::to_string(x),
            Self::Reasoning(x) => serde_json::to_string(x),
            Self::Done(x) => serde_json::to_string(x),
            Self::Error(x) => serde_json::to_string(x),
        }
    }

    /// Parses an event. `Ok(None)`: this version does not know the name, so the event is to be ignored.
    pub fn from_sse(name: &str, data: &str) -> serde_json::Result<Option<Self>> {
        Ok(Some(match name {
            "step" => Self::Step(serde_json::from_str(data)?),
            "delta" => Self::Delta(serde_json::from_str(data)?),
            "edit" => Self::Edit(serde_json::from_str(data)?),
            "notice" => Self::Notice(serde_json::from_str(data)?),
            "reasoning" => Self::Reasoning(serde_json::from_str(data)?),
            "done" => Self::Done(serde_json::from_str(data)?),
            "error" => Self::Error(serde_json::from_str(data)?),
            _ => return Ok(None),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_round_trip() {
        let events = [
            AnalysisEvent::Delta(Delta { text: "a\nb: \"c\"".into() }),
            AnalysisEvent::Step(Step {
                node: "read".into(),
                state: StepState::Finished,
                ms: Some(3),
                note: None,
            }),
            AnalysisEvent::Error(Problem::internal()),
            AnalysisEvent::Notice(Notice::new(NoticeCode::CutOff)),
            AnalysisEvent::Reasoning(Reasoning { text: "hm".into(), retracts: true }),
        ];
        for event in events {
            let data = event.data().unwrap();
            assert!(!data.contains('\n'));
            assert_eq!(AnalysisEvent::from_sse(event.name(), &data).unwrap(), Some(event));
        }
        assert_eq!(AnalysisEvent::from_sse("tomorrow", "{}").unwrap(), None);
    }
}
