//! Server functions of the panel itself.

use leptos::prelude::*;
use protocol::Problem;
use protocol::overview::Overview;

use crate::error::AppError;
#[cfg(feature = "ssr")]
use crate::{
    form,
    request_context::require_administrator,
    services::{Services, reply},
};

/// The e-mail address of the signed-in administrator.
#[server(prefix = "/app", endpoint = "admin/account")]
pub async fn account() -> Result<String, AppError> {
    Ok(require_administrator()?.email)
}

#[server(prefix = "/app", endpoint = "admin/numbers")]
pub async fn numbers() -> Result<Overview, AppError> {
    let admin = require_administrator()?;
    reply(Services::current()?.overview.overview(&admin).await)
}

/// [`numbers`] for polling: does not keep the session alive.
#[server(prefix = "/app", endpoint = "watch/numbers")]
pub async fn poll_numbers() -> Result<Overview, AppError> {
    numbers().await
}

/// Why the last form that this browser posted in the panel without scripts was rejected. Returns it once.
#[server(prefix = "/app", endpoint = "admin/last-problem")]
pub async fn last_problem() -> Result<Option<Problem>, AppError> {
    require_administrator()?;
    Ok(form::take_rejected(form::PANEL).map(|refused| refused.problem))
}
