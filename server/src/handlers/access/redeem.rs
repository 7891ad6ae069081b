//! HTTP handlers for the link of an approved request. The package can be requested as JSON, or by the download page's
//! form without JavaScript.

use app::navigation::path_segment;
use app::request_context::RequestContext;
use app::services::DownloadService;
use axum::Json;
use axum::extract::{FromRequest, Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use protocol::access::{DownloadOffer, Platform};
use protocol::people::NewPassword;
use protocol::{FieldError, Problem, ServiceError};
use serde::Deserialize;
use utoipa::ToSchema;
use web::documented_errors::{ErrorOrPageResponses, ErrorResponses, File};
use web::{
    ApiResult, ConcurrencyLimit, FormBody, JsonBody, PathParams, ProblemResponse, RateLimited, is_navigation,
};

use super::{optional_json, with_cookies};
use crate::access::redeem::{MACHINE_NEEDED, TOO_MANY_CODES, WRONG_CODE};
use crate::access::{Access, NewLinkRequestErrors, Proof, Redeemed, SetupPathErrors};
use crate::certificate::IssuedPackage;
use crate::request_context::Visitor;

/// The package to build, as a form or as JSON.
#[derive(Debug, Deserialize, ToSchema)]
pub struct RedeemPackage {
    #[serde(default)]
    #[schema(value_type = Platform, required = true)]
    platform: String,
    /// Protects the package's key.
    #[serde(default)]
    #[schema(required = true, min_length = 12, max_length = 256, format = Password)]
    password: String,
    /// Needed unless this is the browser that made the request. White space, hyphens and case do not matter.
    #[serde(default)]
    #[schema(examples("ABCD-2345"))]
    match_code: Option<String>,
}

/// A certificate request for a key of one's own.
#[derive(Debug, Deserialize, ToSchema)]
pub struct RedeemCsr {
    /// PKCS#10, PEM (RFC 7468 §7). Only its key is used; the server chooses the names.
    csr: String,
    /// Needed unless this is the browser that made the request. White space, hyphens and case do not matter.
    #[serde(default)]
    #[schema(examples("ABCD-2345"))]
    match_code: Option<String>,
}

/// A request for a new link.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub struct NewLinkRequest {
    /// Needed unless this is the browser that made the request. White space, hyphens and case do not matter.
    #[serde(default)]
    #[schema(examples("ABCD-2345"))]
    match_code: Option<String>,
}

/// Fetch the package of an approved request
///
/// A key and a certificate, made by the server, which does not keep the key: `.pfx` for Windows, `.p12` for macOS, `.zip` for
/// Linux. Needs the cookie of the requesting client or the match code; after ten wrong codes no code is accepted. Uses
/// the link up: 410 from then on. `GET` of the same address is a page and does not use it up.
#[utoipa::path(
    post,
    path = "/public/download-certs/{token}",
    operation_id = "redeemPackage",
    tag = "Access",
    params(("token" = String, Path, description = "The last part of the link in the mail.")),
    security((), ("askingBrowser" = []), ("askingBrowserWithoutTls" = [])),
    request_body(content(
        (RedeemPackage = "application/json"),
        (RedeemPackage = "application/x-www-form-urlencoded"),
    )),
    responses(
        (status = 200, description = "The package.",
            content((inline(File) = "application/x-pkcs12"), (inline(File) = "application/zip")),
            headers(
                ("Content-Disposition" = String, description = "A name for the file."),
                ("Set-Cookie" = String, description = "After a match code: the cookie of the requesting browser."),
            )),
        (status = 303, description = "For a form with an error: back to the page, which shows it.",
            headers(("Location" = String, description = "The page."))),
        ErrorResponses<(JsonBody<RedeemPackage>, Proof, RateLimited, ConcurrencyLimit)>,
    ),
)]
pub async fn package(
    State(access): State<Access>,
    Visitor(context): Visitor,
    PathParams(token): PathParams<String>,
    request: Request,
) -> Response {
    let is_form = request
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
    let result = redeem_package(&access, &context, &token, request, is_form).await;
    match result.map_err(ServiceError::into_problem) {
        Ok(response) => response,
        Err(problem) if is_form => redirect_to_page(&token, &problem),
        Err(problem) => ProblemResponse(problem).into_response(),
    }
}

/// Redirects to the download page, which shows the error.
fn redirect_to_page(token: &str, problem: &Problem) -> Response {
    let (token, problem) = (path_segment(token), query_value(problem));
    Redirect::to(&format!("/public/download-certs/{token}?problem={problem}")).into_response()
}

async fn redeem_package(
    access: &Access,
    context: &RequestContext,
    token: &str,
    request: Request,
    is_form: bool,
) -> Result<Response, ServiceError> {
    let body: RedeemPackage = if is_form {
        FormBody::from_request(request, &()).await.map(|FormBody(body)| body)?
    } else {
        JsonBody::from_request(request, &()).await.map(|JsonBody(body)| body)?
    };
    let mut errors = Vec::new();
    let mut reject = |field: &str, message: &str| errors.push(FieldError::new(field, message));
    let platform = body.platform.parse::<Platform>().map_err(|e| reject("platform", e.0));
    let password = body.password.parse::<NewPassword>().map_err(|e| reject("password", e.0));
    let (Ok(platform), Ok(password)) = (platform, password) else {
        return Err(Problem { errors, ..Problem::invalid_input() }.into());
    };
    let redeemed =
        access.redeem_package(context, token, platform, password, body.match_code.as_deref()).await?;
    Ok(download(redeemed))
}

fn download(redeemed: Redeemed<IssuedPackage>) -> Response {
    let package = redeemed.value;
    let mut response = package.bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(package.media_type));
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{}\"", package.file_name)) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    with_cookies(response, &redeemed.cookies)
}

/// The value of the download page's `problem` query parameter.
fn query_value(problem: &Problem) -> &'static str {
    match problem.status {
        403 if problem.is(MACHINE_NEEDED) => "machine",
        403 if problem.is(WRONG_CODE) => "match-code",
        403 => "elsewhere",
        404 | 410 => "used",
        422 if problem.error_of("platform").is_some() => "platform",
        422 => "password",
        429 if problem.is(TOO_MANY_CODES) => "too-many-codes",
        429 => "too-many",
        _ => "failed",
    }
}

/// Show what a link offers
///
/// Does not use the link up. JSON for clients that accept `application/json`; all others get the HTML page.
#[utoipa::path(
    get,
    path = "/public/download-certs/{token}",
    operation_id = "showDownloadOffer",
    tag = "Access",
    params(("token" = String, Path, description = "The last part of the link in the mail.")),
    security((), ("askingBrowser" = []), ("askingBrowserWithoutTls" = [])),
    responses(
        (status = 200, description = "What the link offers, and whether it needs the match code.",
            content((DownloadOffer = "application/json"), (String = "text/html"))),
        ErrorOrPageResponses<(PathParams<String>, RateLimited)>,
    ),
)]
pub async fn offer(
    State(access): State<Access>,
    Visitor(context): Visitor,
    PathParams(token): PathParams<String>,
) -> ApiResult<Json<DownloadOffer>> {
    Ok(Json(access.offer(&context, &token).await?))
}

/// Get a certificate for a key of one's own
///
/// Repeating the same request returns the same certificate until the link expires, so that a broken connection loses
/// nothing; any other request gets 410.
#[utoipa::path(
    post,
    path = "/public/download-certs/{token}/csr",
    operation_id = "redeemCertificateRequest",
    tag = "Access",
    params(("token" = String, Path, description = "The last part of the link in the mail.")),
    security((), ("askingBrowser" = []), ("askingBrowserWithoutTls" = [])),
    request_body = RedeemCsr,
    responses(
        (status = 200, description = "The certificate and its issuer's, PEM.", body = String,
            content_type = "application/pem-certificate-chain",
            headers(("Set-Cookie" = String, description = "After a match code: the cookie of the requesting browser."))),
        ErrorResponses<(JsonBody<RedeemCsr>, Proof, RateLimited)>,
    ),
)]
pub async fn certificate(
    State(access): State<Access>,
    Visitor(context): Visitor,
    PathParams(token): PathParams<String>,
    JsonBody(body): JsonBody<RedeemCsr>,
) -> ApiResult<Response> {
    let redeemed = access.redeem_csr(&context, &token, &body.csr, body.match_code.as_deref()).await?;
    let headers = [(header::CONTENT_TYPE, "application/pem-certificate-chain")];
    Ok(with_cookies((headers, redeemed.value).into_response(), &redeemed.cookies))
}

/// Request a new link
///
/// For the holder of an expired or used link, with the same proof that the link itself needs. Administrators are notified by
/// mail, limited in number and frequency; one of them sends the new link.
#[utoipa::path(
    post,
    path = "/public/download-certs/{token}/new-link",
    operation_id = "askForNewLink",
    tag = "Access",
    params(("token" = String, Path, description = "The last part of the link in the mail.")),
    security((), ("askingBrowser" = []), ("askingBrowserWithoutTls" = [])),
    request_body = Option<NewLinkRequest>,
    responses(
        (status = 202, description = "Accepted. What the link offers now.", body = DownloadOffer,
            headers(("Set-Cookie" = String, description = "After a match code: the cookie of the requesting browser."))),
        ErrorResponses<(JsonBody<NewLinkRequest>, Proof, RateLimited, NewLinkRequestErrors)>,
    ),
)]
pub async fn new_link(
    State(access): State<Access>,
    Visitor(context): Visitor,
    PathParams(token): PathParams<String>,
    request: Request,
) -> ApiResult<Response> {
    let body: NewLinkRequest = optional_json(request).await?;
    let offer = access.request_new_link(&context, &token, body.match_code.as_deref()).await?;
    Ok(with_cookies((StatusCode::ACCEPTED, Json(offer.value)).into_response(), &offer.cookies))
}

/// Continue to the account's set-up
///
/// For the client that made the request, or that has proved itself by the match code since.
#[utoipa::path(
    get,
    path = "/public/download-certs/{token}/setup",
    operation_id = "openSetup",
    tag = "Access",
    params(("token" = String, Path, description = "The last part of the link in the mail.")),
    security(("askingBrowser" = []), ("askingBrowserWithoutTls" = [])),
    responses(
        (status = 303, description = "To `/setup/…`; to `/login` when the account is set up already; on an error, a \
            navigation goes back to the page.",
            headers(("Location" = String, description = "The target."))),
        ErrorResponses<(SetupPathErrors, RateLimited)>,
    ),
)]
pub async fn setup(
    State(access): State<Access>,
    Visitor(context): Visitor,
    PathParams(token): PathParams<String>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    match access.setup_path(&context, &token).await.map_err(ServiceError::into_problem) {
        Ok(path) => Ok(Redirect::to(&path).into_response()),
        Err(problem) if problem.status == 409 => Ok(Redirect::to("/login").into_response()),
        Err(problem) if is_navigation(&http::Method::GET, &headers) => Ok(redirect_to_page(&token, &problem)),
        Err(problem) => Err(problem.into()),
    }
}
