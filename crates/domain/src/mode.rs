//! Modes: the personas that an administrator configures.

use serde::{Deserialize, Serialize};

use crate::id::GroupId;
use crate::text::{FieldError, visible_prose};

/// A mode as the administrator edits it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mode {
    /// Empty for a mode that has not been saved yet.
    pub id: String,
    pub name: String,
    pub description: String,
    pub prompt: String,
    /// The name of the configured provider; empty for the default one.
    #[serde(default)]
    pub provider: String,
    /// The name of the model at the provider; empty for the provider's default.
    #[serde(default)]
    pub model: String,
    /// The id of the workflow that answers; empty for the built-in one.
    #[serde(default)]
    pub workflow: String,
    /// The sampling temperature, from 0 to 2.
    pub temperature: f64,
    pub enabled: bool,
    /// Whether answers may propose edits of the selected text.
    #[serde(default)]
    pub edits_allowed: bool,
    /// The groups whose members may choose it; none: everybody may.
    #[serde(default)]
    pub groups: Vec<GroupId>,
    /// The position in lists, ascending.
    pub position: i64,
    /// Counts changes, for optimistic locking: a save names the version that it changes.
    pub version: i64,
}

impl Mode {
    /// In characters, as the other limits.
    pub const MAX_NAME: usize = 60;
    pub const MAX_DESCRIPTION: usize = 200;
    pub const MAX_PROMPT: usize = 8_000;
    pub const MAX_GROUPS: usize = 50;

    /// Validates all fields; the error has every invalid one.
    pub fn check(&self) -> Result<(), Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut reject = |field: &str, message: &str| errors.push(FieldError::new(field, message));
        let chars = |s: &str| s.trim().chars().count();
        if chars(&self.name) == 0 || chars(&self.name) > Self::MAX_NAME {
            reject("name", "Enter a name of 1 to 60 characters.");
        }
        if chars(&self.description) > Self::MAX_DESCRIPTION {
            reject("description", "Use at most 200 characters.");
        }
        if chars(&self.prompt) == 0 || chars(&self.prompt) > Self::MAX_PROMPT {
            reject("prompt", "Enter a prompt of 1 to 8,000 characters.");
        }
        if chars(&self.model) > 120 {
            reject("model", "Use at most 120 characters.");
        }
        if !(0.0..=2.0).contains(&self.temperature) {
            reject("temperature", "Enter a number from 0 to 2.");
        }
        for (field, text) in [
            ("id", &self.id),
            ("name", &self.name),
            ("description", &self.description),
            ("prompt", &self.prompt),
            ("provider", &self.provider),
            ("model", &self.model),
            ("workflow", &self.workflow),
        ] {
            if text.contains('\0') {
                reject(field, "Leave out the NUL character.");
            }
        }
        for (field, text) in
            [("name", &self.name), ("description", &self.description), ("model", &self.model)]
        {
            if visible_prose(text) != *text || text.contains(['\n', '\t']) {
                reject(field, "Leave out line breaks and characters that cannot be seen.");
            }
        }
        if visible_prose(&self.prompt) != self.prompt {
            reject("prompt", "Leave out characters that cannot be seen.");
        }
        if self.groups.len() > Self::MAX_GROUPS {
            reject("groups", "Choose at most 50 groups.");
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    /// Whether somebody in these groups may choose it.
    pub fn is_for(&self, groups: &[GroupId]) -> bool {
        self.groups.is_empty() || self.groups.iter().any(|group| groups.contains(group))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_mode_says_can_be_seen() {
        let mode = Mode {
            id: String::new(),
            name: "Help ❤\u{FE0F}".into(),
            description: "می\u{200C}خواهم".into(),
            prompt: "Answer.\n\tShortly.".into(),
            provider: String::new(),
            model: "llama3".into(),
            workflow: String::new(),
            temperature: 0.3,
            enabled: true,
            edits_allowed: false,
            groups: Vec::new(),
            position: 0,
            version: 0,
        };
        assert_eq!(mode.check(), Ok(()));
        let hidden = "a\u{202E}b\u{E0041}".to_owned();
        let wrong = Mode {
            name: hidden.clone(),
            description: "two\nlines".into(),
            model: hidden.clone(),
            prompt: hidden,
            ..mode
        };
        let fields: Vec<String> = wrong.check().unwrap_err().into_iter().map(|error| error.field).collect();
        assert_eq!(fields, ["name", "description", "model", "prompt"]);
    }
}
