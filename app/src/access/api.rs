//! Server functions of access requests. Those for administrators authorise on their first line.

use leptos::prelude::*;
use protocol::access::{
    AccessRequestRow, DownloadOffer, Page, Platform, RequestReceipt, RequestState, RequestStatus,
};
use protocol::review::{Decided, RequestDetail, Unlisted};
use serde::{Deserialize, Serialize};

use crate::error::AppError;
use crate::form::RejectedForm;
#[cfg(feature = "ssr")]
use crate::{
    form::{self, FormValues, respond},
    navigation::{local_path, path_of, path_segment, wants_html},
    request_context::{RequestContext, require_administrator},
    services::{Services, reply},
};
#[cfg(feature = "ssr")]
use protocol::access::{AccessRequestFilter, RequestAccess};
#[cfg(feature = "ssr")]
use protocol::{Problem, ServiceError, review::Decide};

/// The endpoint of [`submit`], which identifies its rejected form.
#[cfg(feature = "ssr")]
const SUBMIT: &str = "access/submit";
/// The endpoint of [`remind`].
#[cfg(feature = "ssr")]
const REMIND: &str = "access/remind";
/// The endpoint of [`request_new_link`].
#[cfg(feature = "ssr")]
const REQUEST_NEW_LINK: &str = "access/ask-link";
/// The endpoint of [`decide_all`].
#[cfg(feature = "ssr")]
const DECIDE_ALL: &str = "access/decide";

/// What the form for a request is rendered from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormStart {
    /// The visitor's operating system, if the user agent names it.
    pub platform: Option<Platform>,
    /// When the certificate that this browser presented last expired, if it did and none is presented now. Seconds since
    /// the Unix epoch.
    pub certificate_ended: Option<i64>,
    pub refused: Option<RejectedForm>,
    /// Where the form is, if not here: the origin of the public pages.
    pub elsewhere: Option<String>,
    /// The origin of the machines' host, if this is another one, which asks for no certificate.
    pub machines: Option<String>,
}

#[server(prefix = "/app", endpoint = "access/start")]
pub async fn start() -> Result<FormStart, AppError> {
    let context = RequestContext::current()?;
    Ok(FormStart {
        platform: Platform::from_user_agent(&context.user_agent),
        certificate_ended: context.certificate.last_ended,
        refused: form::take_rejected(SUBMIT),
        machines: crate::deployment::machines_elsewhere(&context),
        elsewhere: context.pages_origin,
    })
}

#[server(prefix = "/app", endpoint = "access/submit")]
pub async fn submit(
    #[server(default)] email: String,
    #[server(default)] platform: Option<String>,
    #[server(default)] device_name: String,
    #[server(default)] message: String,
    /// The certificate problem that brought the visitor here, to be shown again.
    #[server(default)]
    reason: String,
) -> Result<RequestReceipt, AppError> {
    let context = RequestContext::current()?;
    let typed = FormValues::default()
        .with("email", &email)
        .with("platform", platform.as_deref().unwrap_or_default())
        .with("device_name", &device_name)
        .with("message", &message);
    let request = RequestAccess { email, platform, device_name: Some(device_name), message: Some(message) };
    let asked = Services::current()?
        .requests
        .submit(&context, request)
        .await
        .map(crate::request_context::WithCookies::deliver);
    let back = crate::navigation::with_query("/request-access", &[("reason", &reason)]);
    respond(SUBMIT, &back, typed, asked, |asked| Some(path_of(&asked.status_url).to_owned()))
}

/// What the status page is rendered from: the request's state, and why its reminder was rejected.
#[server(prefix = "/app", endpoint = "access/status-start")]
pub async fn status_start(token: String) -> Result<(RequestStatus, Option<RejectedForm>), AppError> {
    let context = RequestContext::current()?;
    let status = reply(Services::current()?.requests.status(&context, &token).await)?;
    Ok((status, form::take_rejected(REMIND)))
}

#[server(prefix = "/app", endpoint = "access/remind")]
pub async fn remind(#[server(default)] token: String) -> Result<RequestStatus, AppError> {
    let context = RequestContext::current()?;
    let reminded = Services::current()?.requests.remind(&context, &token).await;
    let page = format!("/public/request-status/{}", path_segment(&token));
    respond(REMIND, &page, FormValues::default(), reminded, |_| wants_html().then(|| page.clone()))
}

/// What the download page is rendered from: the offer, and the system whose steps are shown first.
#[server(prefix = "/app", endpoint = "access/offer")]
pub async fn offer(token: String) -> Result<(DownloadOffer, Option<Platform>), AppError> {
    let context = RequestContext::current()?;
    let offer = reply(Services::current()?.downloads.offer(&context, &token).await)?;
    let platform = Platform::from_user_agent(&context.user_agent).or(offer.platform);
    Ok((offer, platform))
}

/// Why the request for a new link was rejected.
#[server(prefix = "/app", endpoint = "access/ask-link-start")]
pub async fn new_link_start() -> Result<Option<RejectedForm>, AppError> {
    Ok(form::take_rejected(REQUEST_NEW_LINK))
}

/// The holder of a link that has ended requests a new one.
#[server(prefix = "/app", endpoint = "access/ask-link")]
pub async fn request_new_link(
    #[server(default)] token: String,
    #[server(default)] match_code: String,
) -> Result<DownloadOffer, AppError> {
    let context = RequestContext::current()?;
    let code = Some(match_code.as_str()).filter(|code| !code.trim().is_empty());
    let answer = Services::current()?.downloads.request_new_link(&context, &token, code).await;
    let page = format!("/public/download-certs/{}", path_segment(&token));
    let answer = answer.map(crate::request_context::WithCookies::deliver);
    respond(REQUEST_NEW_LINK, &page, FormValues::default(), answer, |_| wants_html().then(|| page.clone()))
}

#[server(prefix = "/app", endpoint = "access/list")]
pub async fn list(
    state: Option<RequestState>,
    #[server(default)] waiting: bool,
    search: String,
    page: u32,
) -> Result<Page<AccessRequestRow>, AppError> {
    let admin = require_administrator()?;
    reply(
        Services::current()?.reviews.list(&admin, AccessRequestFilter { state, waiting, search, page }).await,
    )
}

/// The request of a match code that is in no list.
#[server(prefix = "/app", endpoint = "access/unlisted")]
pub async fn find_unlisted(#[server(default)] code: String) -> Result<Option<Unlisted>, AppError> {
    let admin = require_administrator()?;
    reply(Services::current()?.reviews.unlisted(&admin, &code).await)
}

/// The chosen requests that still wait, for the confirmation page.
#[server(prefix = "/app", endpoint = "access/chosen")]
pub async fn chosen(#[server(default)] ids: Vec<String>) -> Result<Vec<AccessRequestRow>, AppError> {
    let admin = require_administrator()?;
    let reviews = Services::current()?.reviews;
    let mut rows = Vec::new();
    for id in ids.iter().take(Decide::MAX) {
        match reviews.find(&admin, id).await.map_err(ServiceError::into_problem) {
            Ok(found) if found.request.state == RequestState::Pending => rows.push(found.request),
            // Decided or gone meanwhile.
            Ok(_) => {}
            Err(problem) if problem.status == 404 => {}
            Err(problem) => return Err(problem.into()),
        }
    }
    Ok(rows)
}

#[server(prefix = "/app", endpoint = "access/find")]
pub async fn find(id: String) -> Result<RequestDetail, AppError> {
    let admin = require_administrator()?;
    reply(Services::current()?.reviews.find(&admin, &id).await)
}

#[server(prefix = "/app", endpoint = "access/approve")]
pub async fn approve(id: String) -> Result<AccessRequestRow, AppError> {
    let admin = require_administrator()?;
    form::respond_in_panel(Services::current()?.reviews.approve(&admin, &id).await)
}

#[server(prefix = "/app", endpoint = "access/reject")]
pub async fn reject(id: String, #[server(default)] reason: String) -> Result<AccessRequestRow, AppError> {
    let admin = require_administrator()?;
    form::respond_in_panel(Services::current()?.reviews.reject(&admin, &id, &reason).await)
}

/// Sends a new link. `sent`: the number of links that the page knows of.
#[server(prefix = "/app", endpoint = "access/send-link")]
pub async fn send_link(
    id: String,
    #[server(default)] sent: Option<u32>,
) -> Result<AccessRequestRow, AppError> {
    let admin = require_administrator()?;
    form::respond_in_panel(Services::current()?.links.send_link(&admin, &id, sent).await)
}

#[server(prefix = "/app", endpoint = "access/decline-link")]
pub async fn decline_link(
    id: String,
    #[server(default)] reason: String,
) -> Result<AccessRequestRow, AppError> {
    let admin = require_administrator()?;
    form::respond_in_panel(Services::current()?.links.decline_link(&admin, &id, &reason).await)
}

/// [`list`] for polling: does not keep the session alive.
#[server(prefix = "/app", endpoint = "watch/requests")]
pub async fn poll_list(
    state: Option<RequestState>,
    #[server(default)] waiting: bool,
    search: String,
    page: u32,
) -> Result<Page<AccessRequestRow>, AppError> {
    list(state, waiting, search, page).await
}

/// [`find`] for polling: does not keep the session alive.
#[server(prefix = "/app", endpoint = "watch/request")]
pub async fn poll_find(id: String) -> Result<RequestDetail, AppError> {
    find(id).await
}

/// What has changed since the request `since`, the newest that the page knows.
#[server(prefix = "/app", endpoint = "watch/news")]
pub async fn news(#[server(default)] since: Option<String>) -> Result<protocol::review::News, AppError> {
    let admin = require_administrator()?;
    reply(Services::current()?.reviews.news(&admin, since.as_deref()).await)
}

/// Why the list's form was rejected, or what it did, in a browser without scripts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastVerdict {
    pub refused: Option<RejectedForm>,
    pub decided: Option<Decided>,
}

#[server(prefix = "/app", endpoint = "access/last-decision")]
pub async fn last_decision() -> Result<LastVerdict, AppError> {
    require_administrator()?;
    Ok(LastVerdict { refused: form::take_rejected(DECIDE_ALL), decided: form::take_flash(DECIDE_ALL) })
}

/// One decision about all selected requests.
#[server(prefix = "/app", endpoint = "access/decide")]
pub async fn decide_all(
    #[server(default)] verdict: String,
    #[server(default)] ids: Vec<String>,
    #[server(default)] reason_for_all: String,
    /// The address of the list, to which a browser without scripts returns.
    #[server(default)]
    back: String,
) -> Result<Decided, AppError> {
    let admin = require_administrator()?;
    let back = local_path(&back).unwrap_or("/admin/requests");
    let typed = FormValues::default().with("ids", &ids.join(",")).with("reason_for_all", &reason_for_all);
    let decided = match verdict.parse() {
        Ok(verdict) => {
            let asked = Decide { verdict, ids, reason: reason_for_all };
            Services::current()?.reviews.decide(&admin, asked).await
        }
        Err(protocol::access::Invalid(expected)) => {
            Err(Problem::invalid_input().field("verdict", expected).into())
        }
    };
    respond(DECIDE_ALL, back, typed, decided, |decided| {
        wants_html().then(|| {
            flash_truncated(decided);
            back.to_owned()
        })
    })
}

/// Names as many of the undecided requests as fit into the cookie.
#[cfg(feature = "ssr")]
fn flash_truncated(decided: &Decided) {
    let mut shown = decided.clone();
    while !form::flash(DECIDE_ALL, &shown) && shown.undecided.pop().is_some() {
        shown.unnamed += 1;
    }
}
