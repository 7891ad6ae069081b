//! One answered question: limits of what is sent, and the events that come back.

pub use domain::analysis::{Step, StepState};
use serde::{Deserialize, Serialize};

use crate::Problem;

/// The largest picture that is taken, in bytes.
pub const MAX_IMAGE_BYTES: usize = 20 * 1000 * 1000;
/// The largest picture that is taken, in pixels.
pub const MAX_IMAGE_PIXELS: u64 = 64_000_000;
/// The longest question, in characters.
pub const MAX_CONTEXT_CHARS: usize = 4_000;

/// An event of `POST /native/analyze`. On the wire its name is the SSE `event` field, its content the `data`.
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

/// The answer is whole.
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
    /// Milliseconds from the request's arrival to the last word.
    pub ms: u64,
}

/// Tokens, as far as the provider told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Usage {
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
}

/// The same facts as one document, for clients that do not ask for a stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AnalysisDocument {
    /// The whole answer, in Markdown.
    pub answer: String,
    /// Each step as it ended, in order.
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

    /// Reads an event back. `Ok(None)`: a name that this version does not know, to be passed over.
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
    fn events_survive_the_wire() {
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
