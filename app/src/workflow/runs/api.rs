//! Server functions of the runs of workflows.

use leptos::prelude::*;
use protocol::workflow::{RunDetail, RunRow};

use crate::error::AppError;
#[cfg(feature = "ssr")]
use crate::{
    navigation::{path_segment, redirect},
    request_context::require_administrator,
    services::{Services, reply},
};

#[server(prefix = "/app", endpoint = "workflow/runs")]
pub async fn list(workflow_id: String) -> Result<Vec<RunRow>, AppError> {
    let admin = require_administrator()?;
    reply(Services::current()?.runs.list(&admin, &workflow_id).await)
}

#[server(prefix = "/app", endpoint = "workflow/run")]
pub async fn open(id: String) -> Result<RunDetail, AppError> {
    let admin = require_administrator()?;
    reply(Services::current()?.runs.open(&admin, &id).await)
}

/// Goes on from a checkpoint in a new run. `changes`: a JSON object, or empty.
#[server(prefix = "/app", endpoint = "workflow/replay")]
pub async fn replay(
    workflow_id: String,
    id: String,
    sequence: u64,
    #[server(default)] changes: String,
) -> Result<String, AppError> {
    let admin = require_administrator()?;
    let new = reply(Services::current()?.runs.replay(&admin, &id, sequence, &changes).await)?;
    redirect(&format!("/admin/workflows/{}/runs/{new}", path_segment(&workflow_id)));
    Ok(new)
}
