//! Modes: the personas that an administrator configures.

pub use domain::mode::Mode;
use serde::{Deserialize, Serialize};

/// A mode as the desktop lists it: `GET /native/modes`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ModeSummary {
    pub id: String,
    pub name: String,
    pub description: String,
    /// Whether answers may propose edits of the selected text.
    #[serde(default)]
    pub edits_allowed: bool,
}
