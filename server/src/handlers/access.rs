//! HTTP handlers for requesters: submitting an access request, and its status.

pub mod redeem;
pub mod review;

use app::services::RequesterService;
use axum::Json;
use axum::extract::{FromRequest, Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use protocol::access::{RequestAccess, RequestReceipt, RequestStatus};
use serde::de::DeserializeOwned;
use web::documented_errors::ErrorResponses;
use web::{ApiResult, JsonBody, PathParams, ProblemResponse, RateLimited};

use crate::access::{Access, RemindErrors, SubmitErrors};
use crate::request_context::Visitor;

/// Ask for access
///
/// The answer is the same whether or not the address is known, and whether or not it has made too many requests. The cookie
/// identifies this client as the requester from then on; a client without cookies needs the match code later.
#[utoipa::path(
    post,
    path = "/public/request-access",
    operation_id = "requestAccess",
    tag = "Access",
    request_body = RequestAccess,
    responses(
        (status = 202, description = "Accepted. An administrator decides.", body = RequestReceipt,
            headers(("Set-Cookie" = String, description = "The cookie of the requesting browser."))),
        ErrorResponses<(JsonBody<RequestAccess>, RateLimited, SubmitErrors)>,
    ),
)]
pub async fn submit(
    State(access): State<Access>,
    Visitor(context): Visitor,
    JsonBody(request): JsonBody<RequestAccess>,
) -> ApiResult<Response> {
    let receipt = access.submit(&context, request).await?;
    Ok(with_cookies((StatusCode::ACCEPTED, Json(receipt.value)).into_response(), &receipt.cookies))
}

/// Show a request's status
///
/// A browser's navigation gets the HTML page instead.
#[utoipa::path(
    get,
    path = "/public/request-status/{token}",
    operation_id = "showRequestStatus",
    tag = "Access",
    params(("token" = String, Path, description = "The last part of `status_url`. Whoever has it can read the status.")),
    security((), ("askingBrowser" = []), ("askingBrowserWithoutTls" = [])),
    responses(
        (status = 200, description = "With the match code only for the client that made the request.",
            content((RequestStatus = "application/json"), (String = "text/html"))),
        ErrorResponses<(PathParams<String>, RateLimited)>,
    ),
)]
pub async fn status(
    State(access): State<Access>,
    Visitor(context): Visitor,
    PathParams(token): PathParams<String>,
) -> ApiResult<Json<RequestStatus>> {
    Ok(Json(access.status(&context, &token).await?))
}

/// Remind the administrators
///
/// Limited in number and frequency: `reminder` in the request's status says when the next one is possible and how many are
/// left.
#[utoipa::path(
    post,
    path = "/public/request-status/{token}/remind",
    operation_id = "remindAdministrators",
    tag = "Access",
    params(("token" = String, Path, description = "The last part of `status_url`.")),
    security((), ("askingBrowser" = []), ("askingBrowserWithoutTls" = [])),
    responses(
        (status = 200, description = "The request's status now.", body = RequestStatus),
        ErrorResponses<(PathParams<String>, RateLimited, RemindErrors)>,
    ),
)]
pub async fn remind(
    State(access): State<Access>,
    Visitor(context): Visitor,
    PathParams(token): PathParams<String>,
) -> ApiResult<Json<RequestStatus>> {
    Ok(Json(access.remind(&context, &token).await?))
}

/// A JSON body that may be missing: without `Content-Type` it is the default.
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
