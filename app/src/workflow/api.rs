//! Server functions of workflows.

use leptos::prelude::*;
use protocol::mode::Mode;
#[cfg(feature = "ssr")]
use protocol::workflow::WorkflowDraft;
use protocol::workflow::{Drawing, WorkflowEditor, WorkflowRow};
use serde::{Deserialize, Serialize};

use crate::error::AppError;
use crate::form::RejectedForm;
#[cfg(feature = "ssr")]
use crate::{
    form::{FormValues, respond, take_rejected},
    navigation::{path_segment, redirect},
    request_context::require_administrator,
    services::{Services, reply},
};

/// A workflow as the editor's form posts it: every field as text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkflowForm {
    /// Empty for a new one.
    #[serde(default)]
    pub id: String,
    #[serde(default)]
    pub version: String,
    #[serde(default)]
    pub document: String,
}

#[server(prefix = "/app", endpoint = "workflow/list")]
pub async fn list() -> Result<Vec<WorkflowRow>, AppError> {
    let admin = require_administrator()?;
    reply(Services::current()?.workflows.list(&admin).await)
}

/// The modes that a trial can have, in their order.
#[server(prefix = "/app", endpoint = "workflow/modes")]
pub async fn modes() -> Result<Vec<Mode>, AppError> {
    let admin = require_administrator()?;
    reply(Services::current()?.modes.list(&admin).await)
}

/// A workflow for the editor: its newest version, or the one that is named. An empty id means a new one.
#[server(prefix = "/app", endpoint = "workflow/edit")]
pub async fn edit(id: String, version: Option<i64>) -> Result<WorkflowEditor, AppError> {
    let admin = require_administrator()?;
    reply(Services::current()?.workflows.edit(&admin, &id, version).await)
}

/// Checks a draft and draws it.
#[server(prefix = "/app", endpoint = "workflow/check")]
pub async fn check(document: String) -> Result<Drawing, AppError> {
    let admin = require_administrator()?;
    reply(Services::current()?.workflows.check(&admin, &document).await)
}

#[server(prefix = "/app", endpoint = "workflow/save")]
pub async fn save(workflow: WorkflowForm) -> Result<String, AppError> {
    let admin = require_administrator()?;
    let page = format!(
        "/admin/workflows/{}",
        path_segment(if workflow.id.is_empty() { "new" } else { &workflow.id })
    );
    let typed = FormValues::default().with(DOCUMENT, &workflow.document).with(VERSION, &workflow.version);
    let draft = WorkflowDraft {
        id: workflow.id,
        version: workflow.version.parse().unwrap_or_default(),
        document: workflow.document,
    };
    let saved = Services::current()?.workflows.save(&admin, draft).await;
    respond(SAVE, &page, typed, saved, |_| Some("/admin/workflows".to_owned()))
}

/// The editor's form, for a browser without scripts.
#[cfg(feature = "ssr")]
const SAVE: &str = "workflow/save";
/// The fields of a form that was rejected.
pub(super) const DOCUMENT: &str = "document";
pub(super) const VERSION: &str = "version";

/// Why the editor's form was rejected, for a browser without scripts.
#[server(prefix = "/app", endpoint = "workflow/rejected")]
pub async fn rejected() -> Result<Option<RejectedForm>, AppError> {
    require_administrator()?;
    Ok(take_rejected(SAVE))
}

#[server(prefix = "/app", endpoint = "workflow/delete")]
pub async fn delete(id: String) -> Result<(), AppError> {
    let admin = require_administrator()?;
    reply(Services::current()?.workflows.delete(&admin, &id).await)?;
    redirect("/admin/workflows");
    Ok(())
}
