//! Analyses: questions about a picture, with their answers.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::edit::TextEdit;
use crate::id::{AccountId, AnalysisId, CertificateId, ConversationId};
use crate::text::Invalid;

/// A state change of a workflow node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Step {
    /// The node's name: `read`, `route`, `answer`, …
    pub node: String,
    pub state: StepState,
    /// The duration in milliseconds, once the step has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub ms: Option<u64>,
    /// What was found or what failed, in a few words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub note: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum StepState {
    Failed,
    Finished,
    Started,
}

/// Why an answer stops before its natural end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum CutReason {
    /// The model server's content filter ended it.
    ContentFilter,
    /// The model had no room left.
    Length,
}

impl CutReason {
    pub const ALL: [Self; 2] = [Self::ContentFilter, Self::Length];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::ContentFilter => "content-filter",
            Self::Length => "length",
        }
    }
}

impl FromStr for CutReason {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL
            .into_iter()
            .find(|reason| reason.as_str() == text)
            .ok_or(Invalid("content-filter or length"))
    }
}

/// A model server that gave no whole answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderFailure {
    /// Its name in the configuration.
    pub provider: String,
    /// What happened, in words for everybody.
    pub words: String,
}

/// The state of an analysis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnalysisState {
    Cancelled,
    Failed,
    Finished,
    Running,
}

impl AnalysisState {
    pub const ALL: [Self; 4] = [Self::Cancelled, Self::Failed, Self::Finished, Self::Running];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
            Self::Finished => "finished",
            Self::Running => "running",
        }
    }
}

impl FromStr for AnalysisState {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or(Invalid("cancelled, failed, finished or running"))
    }
}

/// A stored analysis: question, answer and metadata. Of the picture it has only the hash, the size, and whether it is
/// stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnalysisRecord {
    pub id: AnalysisId,
    pub account_id: AccountId,
    pub certificate_id: CertificateId,
    /// `None`: an earlier version has stored it, and the server has not yet made a conversation of it.
    pub conversation_id: Option<ConversationId>,
    /// The mode of the question, which may have been deleted since.
    pub mode_id: String,
    /// The question.
    pub context: String,
    /// Markdown; incomplete if the analysis did not finish.
    pub answer: String,
    /// What the answer proposed and the check passed.
    pub edits: Vec<TextEdit>,
    pub state: AnalysisState,
    /// `reader` or the name of a configured provider. Empty if there is no answer.
    pub provider: String,
    /// Empty if no model was used.
    pub model: String,
    pub prompt_tokens: i64,
    pub completion_tokens: i64,
    /// Why the answer stops before its natural end.
    pub cut: Option<CutReason>,
    /// The model server that failed. If the reader answered in its place, the analysis finished all the same.
    pub failure: Option<ProviderFailure>,
    /// In hexadecimal.
    pub image_sha256: String,
    /// In pixels.
    pub image_width: i64,
    /// In pixels.
    pub image_height: i64,
    pub image_bytes: i64,
    /// Whether the picture is stored. Computed from the stored pictures when the record is read; not written.
    pub screenshot_stored: bool,
    /// Seconds since the Unix epoch.
    pub started_at: i64,
    /// The duration in milliseconds. `None` while it runs, and if the server stopped before it finished.
    pub ms: Option<i64>,
}
