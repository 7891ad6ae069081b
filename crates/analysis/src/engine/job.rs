//! What an analysis is to do.

use std::sync::Arc;

use protocol::analysis::WindowText;
use serde::{Deserialize, Serialize};

use super::custom::CustomWorkflow;
use super::queue::Asker;
use super::turns::EarlierTurn;
use crate::picture::Picture;
use crate::provider::ProviderConfig;

/// A question about a picture.
#[derive(Debug, Clone)]
pub struct Job {
    /// Repeated in the `done` event; the caller's own.
    pub analysis_id: String,
    pub asker: Asker,
    /// Repeated in the `done` event; the caller's own.
    pub conversation: String,
    /// What was asked and answered in it before, the oldest first. A prompt gets as much of it as it has room for.
    pub turns: Vec<EarlierTurn>,
    /// What the user wrote; may be empty.
    pub question: String,
    pub mode: ModeSettings,
    /// Marks the screen's text in a prompt. Whoever makes a screen must not be able to guess it; the same for many analyses,
    /// so that model servers can reuse the prompt's beginning.
    pub mark: String,
    /// `None`: the question follows another one, and its client has no picture. Then only a model can answer.
    pub picture: Option<Picture>,
    /// The accessible text of the window, in place of what can be read on the picture.
    pub text: Option<WindowText>,
    /// The selected text, which an edit may replace.
    pub selection: Option<String>,
    /// How it is answered; `None`: by the built-in workflow.
    pub workflow: Option<Arc<CustomWorkflow>>,
}

/// What of a mode matters here.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ModeSettings {
    pub id: String,
    pub prompt: String,
    /// A configured provider's name, [`READER`](crate::provider::READER), or empty for the default.
    pub provider: String,
    /// Empty for the provider's own.
    pub model: String,
    pub temperature: f64,
    /// Whether edits of the selection may be proposed.
    #[serde(default)]
    pub edits_allowed: bool,
}

impl ModeSettings {
    /// The model to ask at this provider. A mode's model belongs to the mode's provider: elsewhere the name means
    /// nothing.
    pub(super) fn model_at(&self, config: &ProviderConfig) -> String {
        let applies = self.provider.is_empty() || self.provider == config.name;
        if applies && !self.model.is_empty() { self.model.clone() } else { config.model.clone() }
    }
}
