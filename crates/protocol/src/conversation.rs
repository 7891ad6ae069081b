//! Conversations: questions that follow one another.

pub use domain::conversation::{ConversationTitle, MAX_QUESTIONS, MAX_TITLE_CHARS, title_of};
use serde::{Deserialize, Serialize};

/// A conversation in the list of one's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ConversationSummary {
    pub id: String,
    /// From the first question, or as its person named it. Empty if the first question says nothing.
    #[cfg_attr(feature = "openapi", schema(max_length = 80))]
    pub title: String,
    /// How many questions it has.
    pub questions: u64,
    /// Seconds since the Unix epoch.
    pub started_at: i64,
    /// When the last question was asked, in seconds since the Unix epoch.
    pub asked_at: i64,
}

/// A new title.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Rename {
    /// One line.
    #[cfg_attr(feature = "openapi", schema(value_type = String, min_length = 1, max_length = 80))]
    pub title: ConversationTitle,
}
