//! What a model server has refused. It is not asked for that again until the process ends.

use std::collections::HashMap;

use parking_lot::Mutex;

/// A part of a request that some servers refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Optional {
    /// Refused where `max_completion_tokens` took its place.
    MaxTokens,
    Pictures,
    StreamOptions,
    Temperature,
}

impl Optional {
    /// How many there are.
    const COUNT: usize = Self::Temperature as usize + 1;
}

/// What is known of one model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// By the number of the [`Optional`].
    refused: [bool; Optional::COUNT],
    /// The context that the server named when a prompt was too long.
    pub context_tokens: Option<u32>,
    /// The largest context that was asked for. A server loads the model anew when it changes.
    pub requested_context: u32,
}

impl Known {
    pub fn omits(self, part: Optional) -> bool {
        self.refused.get(part as usize).copied().unwrap_or_default()
    }

    pub fn without(mut self, part: Optional) -> Self {
        if let Some(refused) = self.refused.get_mut(part as usize) {
            *refused = true;
        }
        self
    }
}

/// By the model's name: a server may have several.
#[derive(Debug, Default)]
pub(super) struct Learned(Mutex<HashMap<String, Known>>);

impl Learned {
    pub fn of(&self, model: &str) -> Known {
        self.0.lock().get(model).copied().unwrap_or_default()
    }

    pub fn refused(&self, model: &str, part: Optional) {
        self.change(model, |known| *known = known.without(part));
    }

    pub fn context(&self, model: &str, tokens: u32) {
        self.change(model, |known| known.context_tokens = Some(tokens));
    }

    /// The context to ask for: the largest that was needed so far.
    pub fn request_context(&self, model: &str, tokens: u32) -> u32 {
        let mut all = self.0.lock();
        let known = all.entry(model.to_owned()).or_default();
        known.requested_context = known.requested_context.max(tokens);
        known.requested_context
    }

    fn change(&self, model: &str, change: impl FnOnce(&mut Known)) {
        change(self.0.lock().entry(model.to_owned()).or_default());
    }
}
