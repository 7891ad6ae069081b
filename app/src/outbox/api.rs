//! Server functions of the outbox.

use leptos::prelude::*;
use protocol::access::Page;
use protocol::outbox::{MailRow, MailState};

use crate::error::AppError;
#[cfg(feature = "ssr")]
use crate::{
    form,
    request_context::require_administrator,
    services::{Services, reply},
};

#[server(prefix = "/app", endpoint = "outbox/list")]
pub async fn list(state: Option<MailState>, page: u32) -> Result<Page<MailRow>, AppError> {
    let admin = require_administrator()?;
    reply(Services::current()?.outbox.list(&admin, state, page).await)
}

#[server(prefix = "/app", endpoint = "outbox/retry")]
pub async fn retry(id: String) -> Result<(), AppError> {
    let admin = require_administrator()?;
    form::respond_in_panel(Services::current()?.outbox.retry(&admin, &id).await)
}

#[server(prefix = "/app", endpoint = "outbox/delivered")]
pub async fn delivered(id: String) -> Result<(), AppError> {
    let admin = require_administrator()?;
    form::respond_in_panel(Services::current()?.outbox.delivered(&admin, &id).await)
}

/// Takes "I have sent it" back.
#[server(prefix = "/app", endpoint = "outbox/take-back")]
pub async fn take_back(id: String) -> Result<(), AppError> {
    let admin = require_administrator()?;
    form::respond_in_panel(Services::current()?.outbox.take_back(&admin, &id).await)
}

#[server(prefix = "/app", endpoint = "outbox/retry-all")]
pub async fn retry_all() -> Result<u64, AppError> {
    let admin = require_administrator()?;
    form::respond_in_panel(Services::current()?.outbox.retry_all(&admin).await)
}
