//! Server functions of workflows.

use leptos::prelude::*;
#[cfg(feature = "ssr")]
use protocol::workflow::WorkflowDraft;
use protocol::workflow::{Drawing, WorkflowEditor, WorkflowRow};
use serde::{Deserialize, Serialize};

use crate::error::AppError;
#[cfg(feature = "ssr")]
use crate::{
    navigation::redirect,
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
    let draft = WorkflowDraft {
        id: workflow.id,
        version: workflow.version.parse().unwrap_or_default(),
        document: workflow.document,
    };
    let id = reply(Services::current()?.workflows.save(&admin, draft).await)?;
    redirect("/admin/workflows");
    Ok(id)
}

#[server(prefix = "/app", endpoint = "workflow/delete")]
pub async fn delete(id: String) -> Result<(), AppError> {
    let admin = require_administrator()?;
    reply(Services::current()?.workflows.delete(&admin, &id).await)?;
    redirect("/admin/workflows");
    Ok(())
}
