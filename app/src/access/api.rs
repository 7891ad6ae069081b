//! Server functions. Those of administrators authorise on their first line.

use leptos::prelude::*;
use protocol::access::{AccessRequestRow, Asked, DownloadOffer, Page, Platform, RequestState, RequestStatus};
use protocol::review::{Decided, RequestDetail};
use serde::{Deserialize, Serialize};

use crate::error::AppError;
use crate::form::Refused;
#[cfg(feature = "ssr")]
use crate::{
    form::{self, Typed, conclude},
    navigation::{in_path, local_path, path_of, wants_html},
    services::Services,
    visit::{Visit, require_administrator},
};
#[cfg(feature = "ssr")]
use protocol::access::{AccessRequestFilter, RequestAccess};
#[cfg(feature = "ssr")]
use protocol::{Problem, review::Decide};

/// The endpoint of [`submit`], by which its refused form is known.
#[cfg(feature = "ssr")]
const SUBMIT: &str = "access/submit";
/// The endpoint of [`remind`].
#[cfg(feature = "ssr")]
const REMIND: &str = "access/remind";
/// The endpoint of [`ask_link`].
#[cfg(feature = "ssr")]
const ASK_LINK: &str = "access/ask-link";
/// The endpoint of [`decide_all`].
#[cfg(feature = "ssr")]
const DECIDE_ALL: &str = "access/decide";

/// What the form for a request starts with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormStart {
    /// The visitor's own system, as far as it tells.
    pub platform: Option<Platform>,
    /// When the certificate ended that this browser presented here last, if it has and presents none now. Seconds since the
    /// Unix epoch.
    pub certificate_ended: Option<i64>,
    pub refused: Option<Refused>,
    /// Where to ask, if not here: the public pages' address, without a path.
    pub elsewhere: Option<String>,
}

#[server(prefix = "/app", endpoint = "access/start")]
pub async fn start() -> Result<FormStart, AppError> {
    let visit = Visit::current()?;
    Ok(FormStart {
        platform: Platform::from_user_agent(&visit.user_agent),
        certificate_ended: visit.certificate.last_ended,
        refused: form::refused(SUBMIT),
        elsewhere: visit.pages_elsewhere,
    })
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

/// What the status page starts with: where the request stands, and why its reminder was refused.
#[server(prefix = "/app", endpoint = "access/status-start")]
pub async fn status_start(token: String) -> Result<(RequestStatus, Option<Refused>), AppError> {
    let visit = Visit::current()?;
    let status = Services::current()?.access.status(&visit, &token).await?;
    Ok((status, form::refused(REMIND)))
}

#[server(prefix = "/app", endpoint = "access/remind")]
pub async fn remind(#[server(default)] token: String) -> Result<RequestStatus, AppError> {
    let visit = Visit::current()?;
    let reminded = Services::current()?.access.remind(&visit, &token).await;
    let page = format!("/public/request-status/{}", in_path(&token));
    conclude(REMIND, &page, Typed::default(), reminded, |_| wants_html().then(|| page.clone()))
}

/// What the download page starts with: the offer, and the system whose steps are shown first.
#[server(prefix = "/app", endpoint = "access/offer")]
pub async fn offer(token: String) -> Result<(DownloadOffer, Option<Platform>), AppError> {
    let visit = Visit::current()?;
    let offer = Services::current()?.access.offer(&visit, &token).await?;
    let platform = Platform::from_user_agent(&visit.user_agent).or(offer.platform);
    Ok((offer, platform))
}

/// Why asking for a new link was refused.
#[server(prefix = "/app", endpoint = "access/ask-link-start")]
pub async fn ask_link_start() -> Result<Option<Refused>, AppError> {
    Ok(form::refused(ASK_LINK))
}

/// The holder of an ended link asks for a new one.
#[server(prefix = "/app", endpoint = "access/ask-link")]
pub async fn ask_link(
    #[server(default)] token: String,
    #[server(default)] match_code: String,
) -> Result<DownloadOffer, AppError> {
    let visit = Visit::current()?;
    let code = Some(match_code.as_str()).filter(|code| !code.trim().is_empty());
    let answer = Services::current()?.access.ask_for_link(&visit, &token, code).await;
    let page = format!("/public/download-certs/{}", in_path(&token));
    let answer = answer.map(crate::visit::Answer::deliver);
    conclude(ASK_LINK, &page, Typed::default(), answer, |_| wants_html().then(|| page.clone()))
}

#[server(prefix = "/app", endpoint = "access/list")]
pub async fn list(
    state: Option<RequestState>,
    #[server(default)] waiting: bool,
    search: String,
    page: u32,
) -> Result<Page<AccessRequestRow>, AppError> {
    let admin = require_administrator()?;
    Ok(Services::current()?.access.list(&admin, AccessRequestFilter { state, waiting, search, page }).await?)
}

#[server(prefix = "/app", endpoint = "access/find")]
pub async fn find(id: String) -> Result<RequestDetail, AppError> {
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

/// Sends a new link. `sent`: how many links the page knows of.
#[server(prefix = "/app", endpoint = "access/send-link")]
pub async fn send_link(
    id: String,
    #[server(default)] sent: Option<u32>,
) -> Result<AccessRequestRow, AppError> {
    let admin = require_administrator()?;
    Ok(Services::current()?.access.send_link(&admin, &id, sent).await?)
}

#[server(prefix = "/app", endpoint = "access/decline-link")]
pub async fn decline_link(
    id: String,
    #[server(default)] reason: String,
) -> Result<AccessRequestRow, AppError> {
    let admin = require_administrator()?;
    Ok(Services::current()?.access.decline_link(&admin, &id, &reason).await?)
}

/// As [`list`], by a page that stays open.
#[server(prefix = "/app", endpoint = "watch/requests")]
pub async fn list_again(
    state: Option<RequestState>,
    #[server(default)] waiting: bool,
    search: String,
    page: u32,
) -> Result<Page<AccessRequestRow>, AppError> {
    list(state, waiting, search, page).await
}

/// As [`find`], by a page that stays open.
#[server(prefix = "/app", endpoint = "watch/request")]
pub async fn find_again(id: String) -> Result<RequestDetail, AppError> {
    find(id).await
}

/// What has changed since the request `since`, the newest that was known.
#[server(prefix = "/app", endpoint = "watch/news")]
pub async fn news(#[server(default)] since: Option<String>) -> Result<protocol::review::News, AppError> {
    let admin = require_administrator()?;
    Ok(Services::current()?.access.news(&admin, since.as_deref()).await?)
}

/// What the list's form was refused for, or what became of it, while scripts were off.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastVerdict {
    pub refused: Option<Refused>,
    pub decided: Option<Decided>,
}

#[server(prefix = "/app", endpoint = "access/last-decision")]
pub async fn last_decision() -> Result<LastVerdict, AppError> {
    require_administrator()?;
    Ok(LastVerdict { refused: form::refused(DECIDE_ALL), decided: form::told(DECIDE_ALL) })
}

/// One verdict on all requests that are ticked.
#[server(prefix = "/app", endpoint = "access/decide")]
pub async fn decide_all(
    #[server(default)] verdict: String,
    #[server(default)] ids: Vec<String>,
    #[server(default)] reason_for_all: String,
    /// The address of the list, to which a browser without scripts goes back.
    #[server(default)]
    back: String,
) -> Result<Decided, AppError> {
    let admin = require_administrator()?;
    let back = local_path(&back).unwrap_or("/admin/requests");
    let typed = Typed::default().with("ids", &ids.join(",")).with("reason_for_all", &reason_for_all);
    let decided = match verdict.parse() {
        Ok(verdict) => {
            let asked = Decide { verdict, ids, reason: reason_for_all };
            Services::current()?.access.decide(&admin, asked).await
        }
        Err(protocol::access::Invalid(expected)) => Err(Problem::invalid_input().field("verdict", expected)),
    };
    conclude(DECIDE_ALL, back, typed, decided, |decided| {
        wants_html().then(|| {
            tell_briefly(decided);
            back.to_owned()
        })
    })
}

/// Names as many of those that were not decided as there is room for.
#[cfg(feature = "ssr")]
fn tell_briefly(decided: &Decided) {
    let mut told = decided.clone();
    while !form::tell(DECIDE_ALL, &told) && told.undecided.pop().is_some() {
        told.unnamed += 1;
    }
}
