//! Modes: the personas that an administrator designs.

use serde::{Deserialize, Serialize};

use crate::text::FieldError;

/// A mode as the administrator edits it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mode {
    /// Empty while it has never been saved.
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

    /// Every wrong field at once.
    pub fn check(&self) -> Result<(), Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut wrong = |field: &str, message: &str| errors.push(FieldError::new(field, message));
        let chars = |s: &str| s.trim().chars().count();
        if chars(&self.name) == 0 || chars(&self.name) > Self::MAX_NAME {
            wrong("name", "Enter a name of 1 to 60 characters.");
        }
        if chars(&self.description) > Self::MAX_DESCRIPTION {
            wrong("description", "Use at most 200 characters.");
        }
        if chars(&self.prompt) == 0 || chars(&self.prompt) > Self::MAX_PROMPT {
            wrong("prompt", "Enter a prompt of 1 to 8,000 characters.");
        }
        if chars(&self.model) > 120 {
            wrong("model", "Use at most 120 characters.");
        }
        if !(0.0..=2.0).contains(&self.temperature) {
            wrong("temperature", "Enter a number from 0 to 2.");
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
                wrong(field, "Leave out the NUL character.");
            }
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }
}
