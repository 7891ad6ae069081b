//! Analyses: the limits of a question, and the events of its answer.

pub use domain::analysis::{Step, StepState};
use serde::{Deserialize, Serialize};

use crate::Problem;

/// The largest accepted picture, in bytes.
pub const MAX_IMAGE_BYTES: usize = 20 * 1000 * 1000;
/// The largest accepted picture, in pixels.
pub const MAX_IMAGE_PIXELS: u64 = 64_000_000;
/// The longest question, in characters.
pub const MAX_CONTEXT_CHARS: usize = 4_000;

/// An event of `POST /native/analyze`. Its name is the `event` field of a server-sent event, its content the `data` field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", content = "data", rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum AnalysisEvent {
    Step(Step),
    Delta(Delta),
    Edit(TextEdit),
    Done(Done),
    Error(Problem),
}

/// More of the answer, in Markdown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Delta {
    pub text: String,
}

/// A proposed modification. Nothing is typed without the user's confirmation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TextEdit {
    pub id: String,
    pub original: String,
    pub replacement: String,
    pub rationale: String,
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
        ];
        for event in events {
            let data = event.data().unwrap();
            assert!(!data.contains('\n'));
            assert_eq!(AnalysisEvent::from_sse(event.name(), &data).unwrap(), Some(event));
        }
        assert_eq!(AnalysisEvent::from_sse("tomorrow", "{}").unwrap(), None);
    }
}
