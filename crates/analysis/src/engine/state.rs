//! What an analysis knows while it runs, as data alone.

use protocol::analysis::{CutReason, TextEdit, Usage};
use serde::{Deserialize, Serialize};
use workflow::WorkflowState;

use super::edit_blocks::Block;
use super::job::{Job, ModeSettings};
use super::propose::Proposal;
use crate::provider::READER;
use crate::reader::RecognizedText;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    pub question: String,
    pub mode: ModeSettings,
    /// The picture's hash; its bytes are among the services. Empty for a question without one.
    pub picture_sha256: String,
    pub responder: Responder,
    /// What the reader has read, if it was asked to.
    pub recognized: Option<RecognizedText>,
    /// As far as it has been sent.
    pub answer: String,
    /// The selected text.
    #[serde(default)]
    pub selection: Option<String>,
    /// The edits of the answer, as the model wrote them, unchecked.
    #[serde(default)]
    pub blocks: Vec<Block>,
    /// Those of them that can be read.
    #[serde(default)]
    pub proposals: Vec<Proposal>,
    /// The edits that have passed the check.
    #[serde(default)]
    pub edits: Vec<TextEdit>,
    /// Set once a model has given the whole answer.
    pub usage: Option<Usage>,
    /// Why it stops before its natural end.
    #[serde(default)]
    pub cut: Option<CutReason>,
    /// Why the model gave no whole answer.
    #[serde(default)]
    pub failure: Option<String>,
}

/// Who is to answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Responder {
    /// The built-in reader, because the mode's model server is not configured (any more).
    Fallback,
    Model {
        provider: String,
        model: String,
        /// Whether the model sees pictures.
        vision: bool,
    },
    /// The built-in reader, because the mode names it or there is no model server.
    Reader,
}

/// What a node changes: the fields that are set.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct StateUpdate {
    pub recognized: Option<RecognizedText>,
    pub answer: Option<String>,
    pub blocks: Option<Vec<Block>>,
    pub proposals: Option<Vec<Proposal>>,
    pub edits: Option<Vec<TextEdit>>,
    pub usage: Option<Usage>,
    pub cut: Option<CutReason>,
    pub failure: Option<String>,
}

impl State {
    pub fn new(job: &Job, responder: Responder) -> Self {
        Self {
            question: job.question.clone(),
            mode: job.mode.clone(),
            picture_sha256: job
                .picture
                .as_ref()
                .map(|picture| picture.sha256().to_owned())
                .unwrap_or_default(),
            responder,
            recognized: None,
            answer: String::new(),
            selection: job.selection.clone(),
            blocks: Vec::new(),
            proposals: Vec::new(),
            edits: Vec::new(),
            usage: None,
            cut: None,
            failure: None,
        }
    }

    /// Whether a picture came with the question.
    pub fn has_picture(&self) -> bool {
        !self.picture_sha256.is_empty()
    }

    /// Whether the model is told how to propose edits.
    pub fn takes_edits(&self) -> bool {
        self.mode.edits_allowed && self.selection.is_some()
    }

    /// The name and the model of who has answered.
    pub fn answered_by(&self) -> (String, String) {
        match &self.responder {
            Responder::Model { provider, model, .. } if self.usage.is_some() => {
                (provider.clone(), model.clone())
            }
            _ => (READER.to_owned(), String::new()),
        }
    }
}

impl WorkflowState for State {
    type Update = StateUpdate;

    fn apply(&mut self, update: StateUpdate) {
        let StateUpdate { recognized, answer, blocks, proposals, edits, usage, cut, failure } = update;
        if recognized.is_some() {
            self.recognized = recognized;
        }
        if let Some(answer) = answer {
            self.answer = answer;
        }
        if let Some(blocks) = blocks {
            self.blocks = blocks;
        }
        if let Some(proposals) = proposals {
            self.proposals = proposals;
        }
        if let Some(edits) = edits {
            self.edits = edits;
        }
        if usage.is_some() {
            self.usage = usage;
        }
        if cut.is_some() {
            self.cut = cut;
        }
        if failure.is_some() {
            self.failure = failure;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_survives_being_stored_and_updates_change_only_their_fields() {
        let mut state = State {
            question: "Why?".into(),
            mode: ModeSettings { temperature: 0.4, ..ModeSettings::default() },
            picture_sha256: "ab".into(),
            responder: Responder::Model { provider: "Local LLM".into(), model: "m".into(), vision: false },
            recognized: None,
            answer: String::new(),
            selection: Some("two".into()),
            blocks: Vec::new(),
            proposals: Vec::new(),
            edits: Vec::new(),
            usage: None,
            cut: None,
            failure: None,
        };
        let read = StateUpdate { recognized: Some(RecognizedText::default()), ..StateUpdate::default() };
        state.apply(read);
        state.apply(StateUpdate { answer: Some("Hel".into()), ..StateUpdate::default() });
        assert_eq!((state.recognized.is_some(), state.answer.as_str()), (true, "Hel"));
        assert_eq!(state.answered_by(), ("reader".into(), String::new()), "a model's answer has usage");
        state.apply(StateUpdate { usage: Some(Usage::default()), ..StateUpdate::default() });
        assert_eq!(state.answered_by(), ("Local LLM".into(), "m".into()));
        let stored = serde_json::to_string(&state).unwrap();
        assert_eq!(serde_json::from_str::<State>(&stored).unwrap(), state);
    }
}
