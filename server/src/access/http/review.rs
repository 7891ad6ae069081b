//! Access requests over HTTP: what administrators do about them.

use app::services::AccessService;
use axum::Json;
use axum::extract::{Request, State};
use protocol::access::{AccessRequestFilter, AccessRequestRow, Page};
use protocol::review::{Decide, Decided, RequestDetail};
use serde::Deserialize;
use utoipa::ToSchema;

use super::optional_json;
use crate::access::{Access, Declining, InvalidTransition, Relinking};
use crate::http::refusals::Refusals;
use crate::http::{JsonBody, Outcome, PathParams, QueryParams};
use crate::pages::Admin;

/// What may come with a rejection, or with declining to send a new link.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub struct Reject {
    /// Told to the requester: visible characters.
    #[serde(default)]
    #[schema(max_length = 500)]
    reason: String,
}

/// What may come with sending a new link.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub struct SendLink {
    /// How many links the caller knows of, so that of two at the same moment one is sent.
    #[serde(default)]
    sent: Option<u32>,
}

/// List requests for access
///
/// Those that wait for a decision first, and the newest first among them and among the others.
#[utoipa::path(
    get,
    path = "/admin/api/access-requests",
    operation_id = "listAccessRequests",
    tag = "Administration",
    params(AccessRequestFilter),
    security(("panelSession" = []), ("panelSessionWithoutTls" = [])),
    responses(
        (status = 200, description = "One page of them.", body = Page<AccessRequestRow>),
        Refusals<(Admin, QueryParams<AccessRequestFilter>)>,
    ),
)]
pub async fn list(
    State(access): State<Access>,
    Admin(admin): Admin,
    QueryParams(filter): QueryParams<AccessRequestFilter>,
) -> Outcome<Json<Page<AccessRequestRow>>> {
    Ok(Json(access.list(&admin, filter).await?))
}

/// Approve a request
///
/// Makes the account if there is none, and mails the link. Compare the match code with the requester before.
#[utoipa::path(
    post,
    path = "/admin/api/access-requests/{id}/approve",
    operation_id = "approveAccessRequest",
    tag = "Administration",
    params(("id" = String, Path, description = "The request's.")),
    security(("panelSession" = []), ("panelSessionWithoutTls" = [])),
    responses(
        (status = 200, description = "The request as it is now.", body = AccessRequestRow),
        Refusals<(Admin, PathParams<String>, InvalidTransition)>,
    ),
)]
pub async fn approve(
    State(access): State<Access>,
    Admin(admin): Admin,
    PathParams(id): PathParams<String>,
) -> Outcome<Json<AccessRequestRow>> {
    Ok(Json(access.approve(&admin, &id).await?))
}

/// Reject a request
///
/// The requester gets a mail, with the reason if there is one.
#[utoipa::path(
    post,
    path = "/admin/api/access-requests/{id}/reject",
    operation_id = "rejectAccessRequest",
    tag = "Administration",
    params(("id" = String, Path, description = "The request's.")),
    security(("panelSession" = []), ("panelSessionWithoutTls" = [])),
    request_body = Option<Reject>,
    responses(
        (status = 200, description = "The request as it is now.", body = AccessRequestRow),
        Refusals<(Admin, PathParams<String>, JsonBody<Reject>, InvalidTransition)>,
    ),
)]
pub async fn reject(
    State(access): State<Access>,
    Admin(admin): Admin,
    PathParams(id): PathParams<String>,
    request: Request,
) -> Outcome<Json<AccessRequestRow>> {
    let asked: Reject = optional_json(request).await?;
    Ok(Json(access.reject(&admin, &id, &asked.reason).await?))
}

/// Decide several requests
///
/// One verdict on all of them. Each is decided by itself: those that somebody else was faster with are named in the answer.
#[utoipa::path(
    post,
    path = "/admin/api/access-requests/decide",
    operation_id = "decideAccessRequests",
    tag = "Administration",
    security(("panelSession" = []), ("panelSessionWithoutTls" = [])),
    request_body = Decide,
    responses(
        (status = 200, description = "What became of each.", body = Decided),
        Refusals<(Admin, JsonBody<Decide>)>,
    ),
)]
pub async fn decide(
    State(access): State<Access>,
    Admin(admin): Admin,
    JsonBody(asked): JsonBody<Decide>,
) -> Outcome<Json<Decided>> {
    Ok(Json(access.decide(&admin, asked).await?))
}

/// Open a request
#[utoipa::path(
    get,
    path = "/admin/api/access-requests/{id}",
    operation_id = "openAccessRequest",
    tag = "Administration",
    params(("id" = String, Path, description = "The request's.")),
    security(("panelSession" = []), ("panelSessionWithoutTls" = [])),
    responses(
        (status = 200, description = "The request, and who did what to it and when.", body = RequestDetail),
        Refusals<(Admin, PathParams<String>)>,
    ),
)]
pub async fn open(
    State(access): State<Access>,
    Admin(admin): Admin,
    PathParams(id): PathParams<String>,
) -> Outcome<Json<RequestDetail>> {
    Ok(Json(access.find(&admin, &id).await?))
}

/// Send a new link
///
/// In the place of the one before it, which ends at once. A certificate that was fetched with that one ends when another is
/// fetched with this one.
#[utoipa::path(
    post,
    path = "/admin/api/access-requests/{id}/link",
    operation_id = "sendNewLink",
    tag = "Administration",
    params(("id" = String, Path, description = "The request's.")),
    security(("panelSession" = []), ("panelSessionWithoutTls" = [])),
    request_body = Option<SendLink>,
    responses(
        (status = 200, description = "The request as it is now.", body = AccessRequestRow),
        Refusals<(Admin, PathParams<String>, JsonBody<SendLink>, InvalidTransition, Relinking)>,
    ),
)]
pub async fn send_link(
    State(access): State<Access>,
    Admin(admin): Admin,
    PathParams(id): PathParams<String>,
    request: Request,
) -> Outcome<Json<AccessRequestRow>> {
    let asked: SendLink = optional_json(request).await?;
    Ok(Json(access.send_link(&admin, &id, asked.sent).await?))
}

/// Decline to send a new link
///
/// To a holder who has asked for one, who is told by mail. That link takes no other ask.
#[utoipa::path(
    post,
    path = "/admin/api/access-requests/{id}/decline-link",
    operation_id = "declineNewLink",
    tag = "Administration",
    params(("id" = String, Path, description = "The request's.")),
    security(("panelSession" = []), ("panelSessionWithoutTls" = [])),
    request_body = Option<Reject>,
    responses(
        (status = 200, description = "The request as it is now.", body = AccessRequestRow),
        Refusals<(Admin, PathParams<String>, JsonBody<Reject>, Declining)>,
    ),
)]
pub async fn decline_link(
    State(access): State<Access>,
    Admin(admin): Admin,
    PathParams(id): PathParams<String>,
    request: Request,
) -> Outcome<Json<AccessRequestRow>> {
    let asked: Reject = optional_json(request).await?;
    Ok(Json(access.decline_link(&admin, &id, &asked.reason).await?))
}
