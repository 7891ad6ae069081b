//! Server functions. Those of administrators authorise on their first line.

use leptos::prelude::*;
use protocol::access::{AccessRequestRow, Asked, DownloadOffer, Page, Platform, RequestState, RequestStatus};
use serde::{Deserialize, Serialize};

use crate::error::AppError;
use crate::form::Refused;
#[cfg(feature = "ssr")]
use crate::{
    form::{Typed, conclude, last_refused},
    navigation::path_of,
    services::Services,
    visit::{Visit, require_administrator},
};
#[cfg(feature = "ssr")]
use protocol::access::{AccessRequestFilter, RequestAccess};

/// The endpoint of [`submit`], by which its refused form is known.
#[cfg(feature = "ssr")]
const SUBMIT: &str = "access/submit";

/// What the form for a request starts with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormStart {
    /// The visitor's own system, as far as it tells.
    pub platform: Option<Platform>,
    pub refused: Option<Refused>,
}

#[server(prefix = "/app", endpoint = "access/start")]
pub async fn start() -> Result<FormStart, AppError> {
    let platform = Platform::from_user_agent(&Visit::current()?.user_agent);
    Ok(FormStart { platform, refused: last_refused(SUBMIT.to_owned()).await? })
}

#[server(prefix = "/app", endpoint = "access/submit")]
pub async fn submit(
    #[server(default)] email: String,
    #[server(default)] platform: Option<String>,
    #[server(default)] device_name: String,
    #[server(default)] message: String,
    /// Which certificate problem brought the visitor here, to be shown again.
    #[server(default)]
    reason: String,
) -> Result<Asked, AppError> {
    let visit = Visit::current()?;
    let typed = Typed::default()
        .with("email", &email)
        .with("platform", platform.as_deref().unwrap_or_default())
        .with("device_name", &device_name)
        .with("message", &message);
    let request = RequestAccess { email, platform, device_name: Some(device_name), message: Some(message) };
    let asked = Services::current()?.access.submit(&visit, request).await.map(crate::visit::Answer::deliver);
    let back = crate::navigation::with_query("/request-access", &[("reason", &reason)]);
    conclude(SUBMIT, &back, typed, asked, |asked| Some(path_of(&asked.status_url).to_owned()))
}

#[server(prefix = "/app", endpoint = "access/status")]
pub async fn status(token: String) -> Result<RequestStatus, AppError> {
    let visit = Visit::current()?;
    Ok(Services::current()?.access.status(&visit, &token).await?)
}

/// What the download page starts with: the offer, and the system whose steps are shown first.
#[server(prefix = "/app", endpoint = "access/offer")]
pub async fn offer(token: String) -> Result<(DownloadOffer, Option<Platform>), AppError> {
    let visit = Visit::current()?;
    let offer = Services::current()?.access.offer(&visit, &token).await?;
    let platform = Platform::from_user_agent(&visit.user_agent).or(offer.platform);
    Ok((offer, platform))
}

#[server(prefix = "/app", endpoint = "access/list")]
pub async fn list(
    state: Option<RequestState>,
    search: String,
    page: u32,
) -> Result<Page<AccessRequestRow>, AppError> {
    let admin = require_administrator()?;
    Ok(Services::current()?.access.list(&admin, AccessRequestFilter { state, search, page }).await?)
}

#[server(prefix = "/app", endpoint = "access/find")]
pub async fn find(id: String) -> Result<AccessRequestRow, AppError> {
    let admin = require_administrator()?;
    Ok(Services::current()?.access.find(&admin, &id).await?)
}

#[server(prefix = "/app", endpoint = "access/approve")]
pub async fn approve(id: String) -> Result<AccessRequestRow, AppError> {
    let admin = require_administrator()?;
    Ok(Services::current()?.access.approve(&admin, &id).await?)
}

#[server(prefix = "/app", endpoint = "access/reject")]
pub async fn reject(id: String, #[server(default)] reason: String) -> Result<AccessRequestRow, AppError> {
    let admin = require_administrator()?;
    Ok(Services::current()?.access.reject(&admin, &id, &reason).await?)
}
