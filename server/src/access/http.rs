//! Access requests over HTTP: asking, and looking where one's request stands.

pub mod redeem;
pub mod review;

use app::services::AccessService;
use app::visit::Visit;
use axum::Json;
use axum::extract::{FromRequest, Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use protocol::access::{Asked, RequestAccess, RequestStatus};
use serde::de::DeserializeOwned;

use super::{Access, Reminding, Submission};
use crate::http::refusals::Refusals;
use crate::http::{JsonBody, Outcome, PathParams, ProblemResponse, RateLimiter};
use crate::pages::Visitor;

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

/// Remind the administrators
///
/// Seldom, and only a few times: `reminder` in the request's status says from when on and how many are left.
#[utoipa::path(
    post,
    path = "/public/request-status/{token}/remind",
    operation_id = "remindAdministrators",
    tag = "Access",
    params(("token" = String, Path, description = "The end of `status_url`.")),
    security((), ("askingBrowser" = []), ("askingBrowserWithoutTls" = [])),
    responses(
        (status = 200, description = "Where the request stands now.", body = RequestStatus),
        Refusals<(PathParams<String>, RateLimiter, Reminding)>,
    ),
)]
pub async fn remind(
    State(access): State<Access>,
    Visitor(visit): Visitor,
    PathParams(token): PathParams<String>,
) -> Outcome<Json<RequestStatus>> {
    Ok(Json(access.remind(&visit, &token).await?))
}

/// A body that may be missing.
async fn optional_json<T: DeserializeOwned + Default>(request: Request) -> Result<T, ProblemResponse> {
    if !request.headers().contains_key(header::CONTENT_TYPE) {
        return Ok(T::default());
    }
    JsonBody::from_request(request, &()).await.map(|JsonBody(body)| body)
}

fn with_cookies(mut response: Response, cookies: &[String]) -> Response {
    for cookie in cookies {
        if let Ok(value) = HeaderValue::from_str(cookie) {
            response.headers_mut().append(header::SET_COOKIE, value);
        }
    }
    response
}
