//! Server functions of model servers. A key is an argument only: no response contains it.

use leptos::prelude::*;
use protocol::provider::{ProviderEditor, ProviderModels, ProviderRow, ProviderTest};

use super::form::ProviderForm;
use crate::error::AppError;
#[cfg(feature = "ssr")]
use crate::{
    navigation::redirect,
    request_context::require_administrator,
    services::{Services, reply},
};

#[server(prefix = "/app", endpoint = "provider/list")]
pub async fn list() -> Result<Vec<ProviderRow>, AppError> {
    let admin = require_administrator()?;
    reply(Services::current()?.providers.list(&admin, false).await)
}

/// Asks all servers whether they are there.
#[server(prefix = "/app", endpoint = "provider/check")]
pub async fn check() -> Result<(), AppError> {
    let admin = require_administrator()?;
    reply(Services::current()?.providers.list(&admin, true).await)?;
    redirect("/admin/models");
    Ok(())
}

/// The models of all providers.
#[server(prefix = "/app", endpoint = "provider/models")]
pub async fn models() -> Result<Vec<ProviderModels>, AppError> {
    let admin = require_administrator()?;
    reply(Services::current()?.providers.models(&admin).await)
}

/// A provider for the editor. An empty id means a new one.
#[server(prefix = "/app", endpoint = "provider/edit")]
pub async fn edit(id: String) -> Result<ProviderEditor, AppError> {
    let admin = require_administrator()?;
    reply(Services::current()?.providers.edit(&admin, &id).await)
}

#[server(prefix = "/app", endpoint = "provider/save")]
pub async fn save(provider: ProviderForm) -> Result<String, AppError> {
    let admin = require_administrator()?;
    let (draft, key) = provider.check()?;
    let id = reply(Services::current()?.providers.save(&admin, draft, key).await)?;
    redirect(&format!("/admin/models/{id}"));
    Ok(id)
}

#[server(prefix = "/app", endpoint = "provider/delete")]
pub async fn delete(id: String) -> Result<(), AppError> {
    let admin = require_administrator()?;
    reply(Services::current()?.providers.delete(&admin, &id).await)?;
    redirect("/admin/models");
    Ok(())
}

/// Asks its model a small question.
#[server(prefix = "/app", endpoint = "provider/test")]
pub async fn test(id: String) -> Result<ProviderTest, AppError> {
    let admin = require_administrator()?;
    reply(Services::current()?.providers.test(&admin, &id).await)
}
