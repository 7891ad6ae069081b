//! The nodes after a model's answer: *propose* reads the blocks of edits, *check* decides which of them are sent.

use async_trait::async_trait;
use protocol::analysis::{Notice, NoticeCode, TextEdit};
use protocol::edit::{self, Lines, MAX_RATIONALE_CHARS};
use protocol::text::visible_prose;
use serde::{Deserialize, Serialize};
use workflow::{Context, Node, NodeOutput};

use super::edit_blocks::Block;
use super::error::AnalysisError;
use super::nodes::{NodeResult, sink_closed};
use super::services::Services;
use super::state::{State, StateUpdate};
use crate::text::visible;

/// An edit as the model wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Proposal {
    original: String,
    replacement: String,
    #[serde(default)]
    rationale: String,
}

impl Proposal {
    /// The model was shown the selection without what cannot be seen, and writes line ends as line feeds.
    fn applied_to(self, selection: &str) -> Self {
        let stands = selection.contains(&self.original);
        let is_all = !stands && self.original == visible(selection);
        let original = if is_all { selection.to_owned() } else { self.original };
        Self { original, replacement: self.replacement.replace("\r\n", "\n"), ..self }
    }
}

/// Reads the blocks that were taken out of the answer.
pub(super) struct Propose;

#[async_trait]
impl Node<State, Services, AnalysisError> for Propose {
    fn name(&self) -> &'static str {
        "propose"
    }

    async fn run(&self, state: &State, context: &Context<'_, Services>) -> NodeResult {
        let selection = state.selection.as_deref().unwrap_or_default();
        let read = |block: &Block| match block {
            Block::Complete(json) => serde_json::from_str::<Proposal>(json).ok(),
            Block::Unfinished => None,
        };
        let proposals: Vec<Proposal> =
            state.blocks.iter().filter_map(read).map(|proposal| proposal.applied_to(selection)).collect();
        let unreadable = state.blocks.len() - proposals.len();
        let mut note = counted(proposals.len(), "proposed");
        if unreadable > 0 {
            note = format!("{note}; {unreadable} could not be read");
            refused(context.services(), "it could not be read").await.map_err(sink_closed)?;
        }
        let update = StateUpdate { proposals: Some(proposals), ..StateUpdate::default() };
        Ok(NodeOutput::update(update).with_note(note))
    }
}

/// Sends what keeps the rules. What does not becomes a note and a notice.
pub(super) struct Check;

#[async_trait]
impl Node<State, Services, AnalysisError> for Check {
    fn name(&self) -> &'static str {
        "check"
    }

    async fn run(&self, state: &State, context: &Context<'_, Services>) -> NodeResult {
        let services = context.services();
        let selection = state.selection.as_deref().unwrap_or_default();
        let pairs = state.proposals.iter().map(|p| (p.original.as_str(), p.replacement.as_str()));
        let verdicts = edit::check_all(selection, pairs, Lines::Allowed);
        let (mut edits, mut reasons) = (Vec::new(), Vec::new());
        for (proposal, verdict) in state.proposals.iter().zip(verdicts) {
            match verdict {
                Ok(()) => {
                    let rationale = visible_prose(&proposal.rationale);
                    let edit = TextEdit {
                        id: (edits.len() + 1).to_string(),
                        original: proposal.original.clone(),
                        replacement: proposal.replacement.clone(),
                        rationale: rationale.chars().take(MAX_RATIONALE_CHARS).collect(),
                        outcome: None,
                    };
                    services.events.edit(edit.clone()).await.map_err(sink_closed)?;
                    edits.push(edit);
                }
                Err(reason) => {
                    let reason = reason.to_string();
                    if !reasons.contains(&reason) {
                        refused(services, &reason).await.map_err(sink_closed)?;
                        reasons.push(reason);
                    }
                }
            }
        }
        let mut note = counted(edits.len(), "passed");
        for reason in &reasons {
            note = format!("{note}; refused: {reason}");
        }
        Ok(NodeOutput::update(StateUpdate { edits: Some(edits), ..StateUpdate::default() }).with_note(note))
    }
}

async fn refused(services: &Services, reason: &str) -> Result<(), workflow::SinkClosed> {
    let text = format!("A proposed change was left out: {reason}.");
    services.events.notice(Notice { code: NoticeCode::EditRefused, text }).await
}

fn counted(edits: usize, what: &str) -> String {
    match edits {
        0 => format!("no edit {what}"),
        1 => format!("1 edit {what}"),
        many => format!("{many} edits {what}"),
    }
}
