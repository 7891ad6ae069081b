//! Answered questions about a picture.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::{AccountId, AnalysisId, CertificateId};
use crate::text::Invalid;

/// A node of the workflow changed its state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Step {
    /// `read`, `route`, `answer`, …
    pub node: String,
    pub state: StepState,
    /// How long it took, in milliseconds, once it has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub ms: Option<u64>,
    /// A short word on what was found or went wrong.
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

/// Where an analysis stands.
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

/// An answered question. The picture itself is not here: only what identifies it, and whether it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnalysisRecord {
    pub id: AnalysisId,
    pub account_id: AccountId,
    pub certificate_id: CertificateId,
    /// As it was asked for; the mode may be gone since.
    pub mode_id: String,
    pub context: String,
    pub answer: String,
    pub state: AnalysisState,
    pub provider: String,
    pub model: String,
    pub prompt_tokens: i64,
    pub completion_tokens: i64,
    pub image_sha256: String,
    pub image_width: i64,
    pub image_height: i64,
    pub image_bytes: i64,
    /// Whether the picture lies beside it. Read from there, so that it says what is.
    pub screenshot_stored: bool,
    pub started_at: i64,
    pub ms: Option<i64>,
}
