//! Analyses: the limits of a question, and the events of its answer.

pub use domain::analysis::{CutReason, Step, StepState};
pub use domain::edit::{EditOutcome, MAX_CHARS as MAX_SELECTION_CHARS, TextEdit};
pub use domain::ledger::Trigger;
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

/// Where a picture comes from: the part `capture` of `POST /native/analyze`, as JSON. It goes to the ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Capture {
    /// The program in front.
    #[cfg_attr(feature = "openapi", schema(max_length = 200))]
    pub program: String,
    /// The title of its window.
    #[cfg_attr(feature = "openapi", schema(max_length = 500))]
    pub title: String,
    pub trigger: Trigger,
    /// How many parts of the picture were masked by hand.
    pub masks: u32,
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
    Question(PersonQuestion),
    Queued(Queued),
    Reasoning(Reasoning),
    Started(Started),
    Done(Done),
    Error(Problem),
}

/// The analysis has begun, and goes on if the connection is lost: its events can be read again. Sent with
/// `On-Disconnect: continue`, and to who joins again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Started {
    pub analysis_id: String,
    /// The conversation that the question belongs to. Absent in a stream that is joined again.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[cfg_attr(feature = "openapi", schema(required = false))]
    pub conversation: String,
}

/// The analysis waits for its person. The first answer counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PersonQuestion {
    pub analysis_id: String,
    /// Unique in its analysis; the answer repeats it.
    pub id: String,
    /// Plain text. It may quote the screen.
    pub text: String,
    /// Empty: any text is an answer.
    #[serde(default)]
    pub choices: Vec<String>,
    /// Whether another text than one of the choices is an answer too.
    #[serde(default)]
    pub free_text: bool,
    /// Seconds since the Unix epoch. After it the analysis ends without an answer.
    pub expires_at: i64,
}

/// The answer to a question: the body of `POST /native/analyses/{id}/answers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PersonAnswer {
    /// The question's `id`.
    pub question: String,
    #[cfg_attr(feature = "openapi", schema(max_length = 4000))]
    pub answer: String,
}

/// What became of the edits of an answer: the body of `POST /native/analyses/{id}/edits/outcome`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EditReport {
    /// The ids of the edits that the dialog showed.
    #[cfg_attr(feature = "openapi", schema(max_items = 10))]
    pub edits: Vec<String>,
    /// Where they were to be made, such as `Mousepad`.
    #[cfg_attr(feature = "openapi", schema(max_length = 200))]
    pub program: String,
    pub outcome: EditOutcome,
}

/// The analysis waits until others have ended. Sent again when its place changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Queued {
    /// From 1, which begins next.
    pub place: u32,
    /// Until it probably begins.
    pub expected_seconds: u64,
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
    /// Earlier questions and answers of the conversation were left out or shortened.
    ConversationShortened,
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
    /// One of several model servers failed before its first word.
    ServerSwitched,
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
            Self::ConversationShortened => {
                "The conversation is too long for the model. Its beginning was left out."
            }
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
            Self::ServerSwitched => "A model server failed. Another one is asked.",
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
    /// The conversation that the question belongs to, for the next one.
    #[serde(default)]
    pub conversation: String,
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
            Self::Question(_) => "question",
            Self::Queued(_) => "queued",
            Self::Reasoning(_) => "reasoning",
            Self::Started(_) => "started",
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
            Self::Question(x) => serde_json::to_string(x),
            Self::Queued(x) => serde_json::to_string(x),
            Self::Reasoning(x) => serde_json::to_string(x),
            Self::Started(x) => serde_json::to_string(x),
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
            "question" => Self::Question(serde_json::from_str(data)?),
            "queued" => Self::Queued(serde_json::from_str(data)?),
            "reasoning" => Self::Reasoning(serde_json::from_str(data)?),
            "started" => Self::Started(serde_json::from_str(data)?),
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
