//! What a question becomes: a record, and a job for the engine.

use std::sync::Arc;

use ::analysis::{Asker, CustomWorkflow, EarlierTurn, Job, ModeSettings, Picture};
use domain::analysis::{AnalysisRecord, AnalysisState};
use domain::id::ConversationId;
use protocol::analysis::WindowText;
use protocol::mode::Mode;

use super::Analyses;
use crate::native::Person;
use crate::vault::Vault;

impl Analyses {
    pub(super) fn record(
        &self,
        person: &Person,
        mode: &Mode,
        context: &str,
        picture: Option<&Picture>,
        conversation: &ConversationId,
    ) -> AnalysisRecord {
        AnalysisRecord {
            id: self.env.new_id(),
            account_id: person.account.id.clone(),
            certificate_id: person.machine.certificate.id.clone(),
            conversation_id: Some(conversation.clone()),
            mode_id: mode.id.clone(),
            context: context.to_owned(),
            answer: String::new(),
            edits: Vec::new(),
            state: AnalysisState::Running,
            provider: String::new(),
            model: String::new(),
            prompt_tokens: 0,
            completion_tokens: 0,
            cut: None,
            failure: None,
            image_sha256: picture.map(|picture| picture.sha256().to_owned()).unwrap_or_default(),
            image_width: picture.map_or(0, |picture| picture.width().into()),
            image_height: picture.map_or(0, |picture| picture.height().into()),
            image_bytes: picture
                .map_or(0, |picture| i64::try_from(picture.bytes().len()).unwrap_or(i64::MAX)),
            screenshot_stored: picture.is_some() && self.screenshots.are_stored(),
            started_at: self.env.now(),
            ms: None,
        }
    }

    pub(super) fn job(
        &self,
        record: &AnalysisRecord,
        mode: &Mode,
        workflow: Option<Arc<CustomWorkflow>>,
        (picture, text, selection): (Option<Picture>, Option<WindowText>, Option<String>),
        turns: Vec<EarlierTurn>,
    ) -> Job {
        let mark = prompt_mark(&self.env.vault, &mode.id, self.env.now());
        Job {
            analysis_id: record.id.to_string(),
            asker: Asker { person: record.account_id.to_string(), ambient: false },
            conversation: record.conversation_id.as_ref().map(ToString::to_string).unwrap_or_default(),
            turns,
            question: record.context.clone(),
            mode: settings(mode),
            mark,
            picture,
            text,
            selection,
            workflow,
        }
    }
}

/// What of a mode the engine needs.
pub(super) fn settings(mode: &Mode) -> ModeSettings {
    ModeSettings {
        id: mode.id.clone(),
        prompt: mode.prompt.clone(),
        provider: mode.provider.clone(),
        model: mode.model.clone(),
        temperature: mode.temperature,
        edits_allowed: mode.edits_allowed,
    }
}

/// The mark around a screen's text in the prompts of a mode: the same for a day, so that model servers can reuse a prompt's
/// beginning, and derived from the data key, so that nobody who makes a screen can know it.
pub(super) fn prompt_mark(vault: &Vault, mode_id: &str, now: i64) -> String {
    const DAY: i64 = 24 * 3_600;
    let key = vault.derive(&format!("prompt-mark {} {mode_id}", now.div_euclid(DAY)));
    hex::encode(&key[..8])
}
