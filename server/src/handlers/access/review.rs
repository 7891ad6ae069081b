//! HTTP handlers for administrators: reviewing access requests.

use app::services::{LinkService, ReviewService};
use axum::Json;
use axum::extract::{Request, State};
use protocol::access::{AccessRequestFilter, AccessRequestRow, Page};
use protocol::review::{Decide, Decided, RequestDetail};
use serde::Deserialize;
use utoipa::ToSchema;
use web::documented_errors::ErrorResponses;
use web::{ApiResult, JsonBody, PathParams, QueryParams};

use super::optional_json;
use crate::access::{Access, DecisionErrors, DeclineLinkErrors, SendLinkErrors};
use crate::request_context::Admin;

/// The optional body of a rejection, or of declining a request for a new link.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub struct Reject {
    /// Sent to the requester: visible characters.
    #[serde(default)]
    #[schema(max_length = 500)]
    reason: String,
}

/// The optional body of sending a new link.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub struct SendLink {
    /// How many links the caller has seen, so that two concurrent calls send only one.
    #[serde(default)]
    sent: Option<u32>,
}

/// List requests for access
///
/// Pending ones first; the newest first within each group.
#[utoipa::path(
    get,
    path = "/admin/api/access-requests",
    operation_id = "listAccessRequests",
    tag = "Administration",
    params(AccessRequestFilter),
    security(("panelSession" = []), ("panelSessionWithoutTls" = [])),
    responses(
        (status = 200, description = "One page of them.", body = Page<AccessRequestRow>),
        ErrorResponses<(Admin, QueryParams<AccessRequestFilter>)>,
    ),
)]
pub async fn list(
    State(access): State<Access>,
    Admin(admin): Admin,
    QueryParams(filter): QueryParams<AccessRequestFilter>,
) -> ApiResult<Json<Page<AccessRequestRow>>> {
    Ok(Json(access.list(&admin, filter).await?))
}

/// Approve a request
///
/// Creates the account if there is none, and mails the link. Compare the match code with the requester before.
#[utoipa::path(
    post,
    path = "/admin/api/access-requests/{id}/approve",
    operation_id = "approveAccessRequest",
    tag = "Administration",
    params(("id" = String, Path, description = "The request's id.")),
    security(("panelSession" = []), ("panelSessionWithoutTls" = [])),
    responses(
        (status = 200, description = "The request as it is now.", body = AccessRequestRow),
        ErrorResponses<(Admin, PathParams<String>, DecisionErrors)>,
    ),
)]
pub async fn approve(
    State(access): State<Access>,
    Admin(admin): Admin,
    PathParams(id): PathParams<String>,
) -> ApiResult<Json<AccessRequestRow>> {
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
    params(("id" = String, Path, description = "The request's id.")),
    security(("panelSession" = []), ("panelSessionWithoutTls" = [])),
    request_body = Option<Reject>,
    responses(
        (status = 200, description = "The request as it is now.", body = AccessRequestRow),
        ErrorResponses<(Admin, PathParams<String>, JsonBody<Reject>, DecisionErrors)>,
    ),
)]
pub async fn reject(
    State(access): State<Access>,
    Admin(admin): Admin,
    PathParams(id): PathParams<String>,
    request: Request,
) -> ApiResult<Json<AccessRequestRow>> {
    let body: Reject = optional_json(request).await?;
    Ok(Json(access.reject(&admin, &id, &body.reason).await?))
}

/// Decide several requests
///
/// One verdict on all of them. Each is decided independently: the answer lists those that could not be decided, such as
/// those that somebody else decided first.
#[utoipa::path(
    post,
    path = "/admin/api/access-requests/decide",
    operation_id = "decideAccessRequests",
    tag = "Administration",
    security(("panelSession" = []), ("panelSessionWithoutTls" = [])),
    request_body = Decide,
    responses(
        (status = 200, description = "The outcome of each.", body = Decided),
        ErrorResponses<(Admin, JsonBody<Decide>)>,
    ),
)]
pub async fn decide(
    State(access): State<Access>,
    Admin(admin): Admin,
    JsonBody(body): JsonBody<Decide>,
) -> ApiResult<Json<Decided>> {
    Ok(Json(access.decide(&admin, body).await?))
}

/// Open a request
#[utoipa::path(
    get,
    path = "/admin/api/access-requests/{id}",
    operation_id = "openAccessRequest",
    tag = "Administration",
    params(("id" = String, Path, description = "The request's id.")),
    security(("panelSession" = []), ("panelSessionWithoutTls" = [])),
    responses(
        (status = 200, description = "The request, and who did what to it and when.", body = RequestDetail),
        ErrorResponses<(Admin, PathParams<String>)>,
    ),
)]
pub async fn open(
    State(access): State<Access>,
    Admin(admin): Admin,
    PathParams(id): PathParams<String>,
) -> ApiResult<Json<RequestDetail>> {
    Ok(Json(access.find(&admin, &id).await?))
}

/// Send a new link
///
/// Replaces the link before it, which is invalid at once. A certificate that was fetched with the former link is revoked
/// when another is fetched with the new one.
#[utoipa::path(
    post,
    path = "/admin/api/access-requests/{id}/link",
    operation_id = "sendNewLink",
    tag = "Administration",
    params(("id" = String, Path, description = "The request's id.")),
    security(("panelSession" = []), ("panelSessionWithoutTls" = [])),
    request_body = Option<SendLink>,
    responses(
        (status = 200, description = "The request as it is now.", body = AccessRequestRow),
        ErrorResponses<(Admin, PathParams<String>, JsonBody<SendLink>, DecisionErrors, SendLinkErrors)>,
    ),
)]
pub async fn send_link(
    State(access): State<Access>,
    Admin(admin): Admin,
    PathParams(id): PathParams<String>,
    request: Request,
) -> ApiResult<Json<AccessRequestRow>> {
    let body: SendLink = optional_json(request).await?;
    Ok(Json(access.send_link(&admin, &id, body.sent).await?))
}

/// Decline to send a new link
///
/// For a holder who has requested one, who is notified by mail. No further request is accepted for that link.
#[utoipa::path(
    post,
    path = "/admin/api/access-requests/{id}/decline-link",
    operation_id = "declineNewLink",
    tag = "Administration",
    params(("id" = String, Path, description = "The request's id.")),
    security(("panelSession" = []), ("panelSessionWithoutTls" = [])),
    request_body = Option<Reject>,
    responses(
        (status = 200, description = "The request as it is now.", body = AccessRequestRow),
        ErrorResponses<(Admin, PathParams<String>, JsonBody<Reject>, DeclineLinkErrors)>,
    ),
)]
pub async fn decline_link(
    State(access): State<Access>,
    Admin(admin): Admin,
    PathParams(id): PathParams<String>,
    request: Request,
) -> ApiResult<Json<AccessRequestRow>> {
    let body: Reject = optional_json(request).await?;
    Ok(Json(access.decline_link(&admin, &id, &body.reason).await?))
}
