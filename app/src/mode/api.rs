//! Server functions of modes.

use leptos::prelude::*;
use protocol::Problem;
use protocol::mode::Mode;
use serde::{Deserialize, Serialize};

use crate::error::AppError;
#[cfg(feature = "ssr")]
use crate::{
    navigation::redirect,
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
    #[serde(default)]
    pub position: String,
    #[serde(default)]
    pub version: String,
}

impl ModeForm {
    /// The mode, or a problem that names every wrong field.
    pub fn check(self) -> Result<Mode, Problem> {
        let temperature = self.temperature.trim().replace(',', ".").parse::<f64>().ok();
        let position = self.position.trim().parse::<i64>().ok();
        let mode = Mode {
            id: self.id,
            name: self.name.trim().to_owned(),
            description: self.description.trim().to_owned(),
            prompt: self.prompt.replace("\r\n", "\n").trim().to_owned(),
            provider: self.provider,
            model: self.model.trim().to_owned(),
            workflow: self.workflow.trim().to_owned(),
            // Out of range, so that the mode's own check reports the field.
            temperature: temperature.unwrap_or(-1.0),
            enabled: self.enabled == "true",
            edits_allowed: self.edits_allowed == "true",
            position: position.unwrap_or_default(),
            version: self.version.parse().unwrap_or_default(),
        };
        let mut problem = mode.check().map_err(Problem::from).err();
        if position.is_none() {
            let before = problem.unwrap_or_else(Problem::invalid_input);
            problem = Some(before.field("position", "Enter a whole number."));
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
    let saved = reply(Services::current()?.modes.save(&admin, mode.check()?).await)?;
    redirect("/admin/modes");
    Ok(saved)
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
        assert!(ModeForm { edits_allowed: "true".into(), ..form() }.check().unwrap().edits_allowed);
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
