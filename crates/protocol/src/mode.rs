//! Modes: the personas that an administrator designs.

use serde::{Deserialize, Serialize};

/// A mode as the desktop lists it: `GET /native/modes`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ModeSummary {
    pub id: String,
    pub name: String,
    pub description: String,
}

/// A mode as the administrator edits it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mode {
    pub id: String,
    pub name: String,
    pub description: String,
    pub prompt: String,
    /// Which configured provider answers; empty for the default one.
    #[serde(default)]
    pub provider: String,
    /// The model's name at its provider; empty for the provider's default.
    #[serde(default)]
    pub model: String,
    pub temperature: f64,
    pub enabled: bool,
    /// Modes are listed in this order.
    pub position: i64,
    /// Counts changes: a save says which version it changes, so that nobody overwrites another's work unseen.
    pub version: i64,
}

impl Mode {
    pub const MAX_NAME: usize = 60;
    pub const MAX_DESCRIPTION: usize = 200;
    pub const MAX_PROMPT: usize = 8_000;

    /// Tells of every wrong field at once.
    pub fn check(&self) -> Result<(), crate::Problem> {
        let mut problem = crate::Problem::invalid_input();
        let chars = |s: &str| s.trim().chars().count();
        if chars(&self.name) == 0 || chars(&self.name) > Self::MAX_NAME {
            problem = problem.field("name", "Enter a name of 1 to 60 characters.");
        }
        if chars(&self.description) > Self::MAX_DESCRIPTION {
            problem = problem.field("description", "Use at most 200 characters.");
        }
        if chars(&self.prompt) == 0 || chars(&self.prompt) > Self::MAX_PROMPT {
            problem = problem.field("prompt", "Enter a prompt of 1 to 8,000 characters.");
        }
        if chars(&self.model) > 120 {
            problem = problem.field("model", "Use at most 120 characters.");
        }
        if !(0.0..=2.0).contains(&self.temperature) {
            problem = problem.field("temperature", "Enter a number from 0 to 2.");
        }
        for (field, text) in [
            ("id", &self.id),
            ("name", &self.name),
            ("description", &self.description),
            ("prompt", &self.prompt),
            ("provider", &self.provider),
            ("model", &self.model),
        ] {
            if text.contains('\0') {
                problem = problem.field(field, "Leave out the NUL character.");
            }
        }
        if problem.errors.is_empty() { Ok(()) } else { Err(problem) }
    }
}
