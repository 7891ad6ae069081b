//! Access requests over HTTP.

pub mod redeem;

use app::services::AccessService;
use app::visit::Visit;
use axum::Json;
use axum::extract::{FromRequest, Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use protocol::access::{AccessRequestFilter, AccessRequestRow, Asked, Page, RequestAccess, RequestStatus};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Access, InvalidTransition, Submission};
use crate::http::refusals::Refusals;
use crate::http::{JsonBody, Outcome, PathParams, QueryParams, RateLimiter};
use crate::pages::{Admin, Visitor};

/// What a rejection may carry.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub struct Reject {
    /// Told to the requester: visible characters.
    #[serde(default)]
    #[schema(max_length = 500)]
    reason: String,
}

/// Ask for access
///
/// The answer is the same whether or not the address is known, and whether or not it has asked too often. Its cookie shows
/// from now on that this client asked; a client that keeps no cookies needs the match code later.
#[utoipa::path(
    post,
    path = "/public/request-access",
    operation_id = "requestAccess",
    tag = "Access",
    request_body = RequestAccess,
    responses(
        (status = 202, description = "Taken. An administrator decides.", body = Asked,
            headers(("Set-Cookie" = String, description = "The cookie of the asking browser."))),
        Refusals<(JsonBody<RequestAccess>, RateLimiter, Submission)>,
    ),
)]
pub async fn submit(
    State(access): State<Access>,
    Visitor(visit): Visitor,
    JsonBody(request): JsonBody<RequestAccess>,
) -> Outcome<Response> {
    let answer = access.submit(&visit, request).await?;
    Ok(with_cookies((StatusCode::ACCEPTED, Json(answer.value)).into_response(), &answer.cookies))
}

/// Where a request stands
///
/// A browser's navigation gets the page for people instead.
#[utoipa::path(
    get,
    path = "/public/request-status/{token}",
    operation_id = "showRequestStatus",
    tag = "Access",
    params(("token" = String, Path, description = "The end of `status_url`. Whoever has it can look.")),
    security((), ("askingBrowser" = []), ("askingBrowserWithoutTls" = [])),
    responses(
        (status = 200, description = "The match code is in it only for the client that asked.",
            content((RequestStatus = "application/json"), (String = "text/html"))),
        Refusals<(PathParams<String>, RateLimiter)>,
    ),
)]
pub async fn status(access: &Access, visit: &Visit, token: &str) -> Outcome<Response> {
    Ok(Json(access.status(visit, token).await?).into_response())
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
    let has_body = request.headers().contains_key(header::CONTENT_TYPE);
    let asked: Reject =
        if has_body { JsonBody::from_request(request, &()).await?.0 } else { Reject::default() };
    Ok(Json(access.reject(&admin, &id, &asked.reason).await?))
}

fn with_cookies(mut response: Response, cookies: &[String]) -> Response {
    for cookie in cookies {
        if let Ok(value) = HeaderValue::from_str(cookie) {
            response.headers_mut().append(header::SET_COOKIE, value);
        }
    }
    response
}
