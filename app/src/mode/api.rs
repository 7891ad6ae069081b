//! Server functions of modes.

use domain::id::GroupId;
use leptos::prelude::*;
use protocol::Problem;
use protocol::mode::Mode;
use protocol::text::{visible, visible_prose};
use serde::{Deserialize, Serialize};

use crate::error::AppError;
use crate::form::{FormValues, RejectedForm};
#[cfg(feature = "ssr")]
use crate::{
    form::{respond, take_rejected},
    request_context::require_administrator,
    services::{Services, reply},
};

/// A mode as the editor's form posts it: every field as text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModeForm {
    /// Empty for a new one.
    #[serde(default)]
    pub id: String,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub prompt: String,
    #[serde(default)]
    pub provider: String,
    #[serde(default)]
    pub model: String,
    /// The id; empty for the built-in one.
    #[serde(default)]
    pub workflow: String,
    #[serde(default)]
    pub temperature: String,
    /// Browsers do not send a checkbox that is not checked.
    #[serde(default)]
    pub enabled: String,
    #[serde(default)]
    pub edits_allowed: String,
    /// The ids of the groups that it is limited to.
    #[serde(default)]
    pub groups: Vec<String>,
    #[serde(default)]
    pub position: String,
    #[serde(default)]
    pub version: String,
}

/// The editor's form, for a browser without scripts.
#[cfg(feature = "ssr")]
const SAVE: &str = "mode/save";

impl ModeForm {
    /// The form of a mode that is edited.
    pub fn of(mode: &Mode) -> Self {
        let ticked = |on: bool| if on { "true" } else { "" }.to_owned();
        Self {
            id: mode.id.clone(),
            name: mode.name.clone(),
            description: mode.description.clone(),
            prompt: mode.prompt.clone(),
            provider: mode.provider.clone(),
            model: mode.model.clone(),
            workflow: mode.workflow.clone(),
            temperature: mode.temperature.to_string(),
            enabled: ticked(mode.enabled),
            edits_allowed: ticked(mode.edits_allowed),
            groups: mode.groups.iter().map(ToString::to_string).collect(),
            position: mode.position.to_string(),
            version: mode.version.to_string(),
        }
    }

    /// The form as it was sent and rejected.
    pub fn of_typed(typed: &FormValues) -> Self {
        let value = |field: &str| typed.value(field).unwrap_or_default();
        Self {
            id: value("id"),
            name: value("name"),
            description: value("description"),
            prompt: value("prompt"),
            provider: value("provider"),
            model: value("model"),
            workflow: value("workflow"),
            temperature: value("temperature"),
            enabled: value("enabled"),
            edits_allowed: value("edits_allowed"),
            groups: value("groups").split(',').filter(|id| !id.is_empty()).map(str::to_owned).collect(),
            position: value("position"),
            version: value("version"),
        }
    }

    #[cfg(any(feature = "ssr", test))]
    fn typed(&self) -> FormValues {
        FormValues::default()
            .with("id", &self.id)
            .with("name", &self.name)
            .with("description", &self.description)
            .with("prompt", &self.prompt)
            .with("provider", &self.provider)
            .with("model", &self.model)
            .with("workflow", &self.workflow)
            .with("temperature", &self.temperature)
            .with("enabled", &self.enabled)
            .with("edits_allowed", &self.edits_allowed)
            .with("groups", &self.groups.join(","))
            .with("position", &self.position)
            .with("version", &self.version)
    }

    /// The mode, or a problem that names every wrong field.
    pub fn check(self) -> Result<Mode, Problem> {
        let temperature = self.temperature.trim().replace(',', ".").parse::<f64>().ok();
        let position = self.position.trim().parse::<i64>().ok();
        let groups: Option<Vec<GroupId>> = self.groups.iter().map(|id| id.parse().ok()).collect();
        let are_groups = groups.is_some();
        let mode = Mode {
            id: self.id,
            // A pasted text may hold characters that nobody sees: a model would.
            name: visible_prose(&self.name).trim().to_owned(),
            description: visible_prose(&self.description).trim().to_owned(),
            prompt: visible_prose(&self.prompt).trim().to_owned(),
            provider: self.provider,
            model: visible(&self.model).trim().to_owned(),
            workflow: self.workflow.trim().to_owned(),
            // Out of range, so that the mode's own check reports the field.
            temperature: temperature.unwrap_or(-1.0),
            enabled: self.enabled == "true",
            edits_allowed: self.edits_allowed == "true",
            groups: groups.unwrap_or_default(),
            position: position.unwrap_or_default(),
            version: self.version.parse().unwrap_or_default(),
        };
        let mut problem = mode.check().map_err(Problem::from).err();
        if position.is_none() {
            let before = problem.unwrap_or_else(Problem::invalid_input);
            problem = Some(before.field("position", "Enter a whole number."));
        }
        if !are_groups {
            // Never read as none, which is everybody.
            let before = problem.unwrap_or_else(Problem::invalid_input);
            problem = Some(before.field("groups", "Choose groups of the list."));
        }
        match problem {
            Some(problem) => Err(problem),
            None => Ok(mode),
        }
    }
}

#[server(prefix = "/app", endpoint = "mode/list")]
pub async fn list() -> Result<Vec<Mode>, AppError> {
    let admin = require_administrator()?;
    reply(Services::current()?.modes.list(&admin).await)
}

/// A mode for the editor, with the names of the providers. An empty id means a new mode, at the end of the list.
#[server(prefix = "/app", endpoint = "mode/edit")]
pub async fn edit(id: String) -> Result<(Mode, Vec<String>), AppError> {
    let admin = require_administrator()?;
    let modes = Services::current()?.modes;
    let (listed, providers) = (reply(modes.list(&admin).await)?, reply(modes.providers(&admin).await)?);
    let mode =
        if id.is_empty() { Some(new_after(&listed)) } else { listed.into_iter().find(|mode| mode.id == id) };
    Ok((mode.ok_or_else(Problem::not_found)?, providers))
}

#[server(prefix = "/app", endpoint = "mode/save")]
pub async fn save(mode: ModeForm) -> Result<Mode, AppError> {
    let admin = require_administrator()?;
    let id = if mode.id.is_empty() { "new" } else { &mode.id };
    let page = format!("/admin/modes/{}", crate::navigation::path_segment(id));
    let typed = mode.typed();
    let saved = match mode.check() {
        Ok(mode) => Services::current()?.modes.save(&admin, mode).await,
        Err(problem) => Err(problem.into()),
    };
    respond(SAVE, &page, typed, saved, |_| Some("/admin/modes".to_owned()))
}

/// Why the editor's form was rejected, for a browser without scripts.
#[server(prefix = "/app", endpoint = "mode/rejected")]
pub async fn rejected() -> Result<Option<RejectedForm>, AppError> {
    require_administrator()?;
    Ok(take_rejected(SAVE))
}

#[cfg(feature = "ssr")]
fn new_after(modes: &[Mode]) -> Mode {
    Mode {
        id: String::new(),
        name: String::new(),
        description: String::new(),
        prompt: String::new(),
        provider: String::new(),
        model: String::new(),
        workflow: String::new(),
        temperature: 0.3,
        enabled: true,
        edits_allowed: false,
        groups: Vec::new(),
        position: modes.iter().map(|mode| mode.position).max().map_or(0, |last| last.saturating_add(1)),
        version: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> ModeForm {
        ModeForm {
            name: " Coding ".into(),
            prompt: "Help.\r\nShortly.".into(),
            temperature: "0,4".into(),
            position: "2".into(),
            version: "7".into(),
            ..ModeForm::default()
        }
    }

    #[test]
    fn a_form_becomes_a_mode() {
        let mode = form().check().unwrap();
        assert_eq!((mode.name.as_str(), mode.prompt.as_str()), ("Coding", "Help.\nShortly."));
        assert_eq!((mode.temperature, mode.position, mode.version, mode.enabled), (0.4, 2, 7, false));
        assert!(ModeForm { enabled: "true".into(), ..form() }.check().unwrap().enabled);
        assert!(!mode.edits_allowed);
        let pasted = ModeForm {
            name: "Co\u{200B}ding \u{202E}".into(),
            prompt: "Help.\u{E0041}\u{2066}\r\n\u{FEFF}Shortly.".into(),
            ..form()
        };
        assert_eq!(pasted.check(), form().check());
        assert!(ModeForm { edits_allowed: "true".into(), ..form() }.check().unwrap().edits_allowed);
    }

    #[test]
    fn a_rejected_form_is_shown_as_it_was_sent() {
        let sent = ModeForm { enabled: "true".into(), temperature: "warm".into(), ..form() };
        assert_eq!(ModeForm::of_typed(&sent.typed()), sent);
        let mode = form().check().unwrap();
        assert_eq!(ModeForm::of(&mode).check(), Ok(mode));
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let wrong =
            ModeForm { name: String::new(), temperature: "warm".into(), position: "first".into(), ..form() };
        let problem = wrong.check().unwrap_err();
        for field in ["name", "temperature", "position"] {
            assert!(problem.error_of(field).is_some(), "{field}");
        }
        assert_eq!(problem.error_of("prompt"), None);
        assert!(ModeForm { temperature: "NaN".into(), ..form() }.check().is_err());
    }
}
