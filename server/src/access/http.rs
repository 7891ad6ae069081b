//! Access requests over HTTP: for scripts, and for the plain form of the download page.

use app::services::AccessService;
use app::visit::Visit;
use axum::Json;
use axum::extract::{FromRequest, Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use protocol::access::{AccessRequestFilter, AccessRequestRow, Page, Platform, RequestAccess, RequestStatus};
use protocol::people::NewPassword;
use protocol::review::{Decide, Decided, RequestDetail};
use protocol::{FieldError, Problem};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Access, Redeemed};
use crate::certificate::IssuedPackage;
use crate::http::{FormBody, JsonBody, Outcome, PathParams, ProblemResponse, QueryParams, is_navigation};
use crate::pages::{Admin, Visitor};

/// What `POST /public/download-certs/{token}` takes, as a form or as JSON.
#[derive(Debug, Deserialize)]
pub struct RedeemPackage {
    #[serde(default)]
    platform: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    match_code: Option<String>,
}

/// What `POST /public/download-certs/{token}/csr` takes.
#[derive(Debug, Deserialize)]
pub struct RedeemCsr {
    csr: String,
    #[serde(default)]
    match_code: Option<String>,
}

/// What a rejection may carry.
#[derive(Debug, Default, Deserialize)]
pub struct Reject {
    #[serde(default)]
    reason: String,
}

/// What may come with sending a new link.
#[derive(Debug, Default, Deserialize)]
pub struct SendLink {
    /// How many links the caller knows of.
    #[serde(default)]
    sent: Option<u32>,
}

/// What `POST /public/download-certs/{token}/new-link` takes.
#[derive(Debug, Default, Deserialize)]
pub struct AskForLink {
    #[serde(default)]
    match_code: Option<String>,
}

/// `POST /public/request-access`
pub async fn submit(
    State(access): State<Access>,
    Visitor(visit): Visitor,
    JsonBody(request): JsonBody<RequestAccess>,
) -> Outcome<Response> {
    let answer = access.submit(&visit, request).await?;
    Ok(with_cookies((StatusCode::ACCEPTED, Json(answer.value)).into_response(), &answer.cookies))
}

/// `GET /public/request-status/{token}` for programs; browsers get the page.
pub async fn status(access: &Access, visit: &Visit, token: &str) -> Outcome<Response> {
    Ok(Json(access.status(visit, token).await?).into_response())
}

/// `POST /public/request-status/{token}/remind`
pub async fn remind(
    State(access): State<Access>,
    Visitor(visit): Visitor,
    PathParams(token): PathParams<String>,
) -> Outcome<Json<RequestStatus>> {
    Ok(Json(access.remind(&visit, &token).await?))
}

/// `POST /public/download-certs/{token}`: the package, or (for a form) the way back to the page that says what is wrong.
pub async fn redeem(
    State(access): State<Access>,
    Visitor(visit): Visitor,
    PathParams(token): PathParams<String>,
    request: Request,
) -> Response {
    let is_form = request
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
    let answer = redeem_package(&access, &visit, &token, request, is_form).await;
    match answer {
        Ok(response) => response,
        Err(problem) if is_form => {
            let target = format!("/public/download-certs/{token}?problem={}", page_name(&problem));
            Redirect::to(&target).into_response()
        }
        Err(problem) => ProblemResponse(problem).into_response(),
    }
}

async fn redeem_package(
    access: &Access,
    visit: &Visit,
    token: &str,
    request: Request,
    is_form: bool,
) -> Result<Response, Problem> {
    let asked: RedeemPackage = if is_form {
        FormBody::from_request(request, &()).await.map(|FormBody(body)| body).map_err(|e| e.0)?
    } else {
        JsonBody::from_request(request, &()).await.map(|JsonBody(body)| body).map_err(|e| e.0)?
    };
    let mut wrong = Vec::new();
    let mut note =
        |field: &str, message: &str| wrong.push(FieldError { field: field.into(), message: message.into() });
    let platform = asked.platform.parse::<Platform>().map_err(|e| note("platform", e.0));
    let password = asked.password.parse::<NewPassword>().map_err(|e| note("password", e.0));
    let (Ok(platform), Ok(password)) = (platform, password) else {
        return Err(Problem { errors: wrong, ..Problem::invalid_input() });
    };
    let redeemed =
        access.redeem_package(visit, token, platform, password, asked.match_code.as_deref()).await?;
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

/// The names under which the download page knows what went wrong.
fn page_name(problem: &Problem) -> &'static str {
    match problem.status {
        403 => "match-code",
        404 | 410 => "used",
        422 if problem.error_of("platform").is_some() => "platform",
        422 => "password",
        429 => "too-many",
        _ => "failed",
    }
}

/// `POST /public/download-certs/{token}/csr`
pub async fn redeem_csr(
    State(access): State<Access>,
    Visitor(visit): Visitor,
    PathParams(token): PathParams<String>,
    JsonBody(asked): JsonBody<RedeemCsr>,
) -> Outcome<Response> {
    let redeemed = access.redeem_csr(&visit, &token, &asked.csr, asked.match_code.as_deref()).await?;
    let headers = [(header::CONTENT_TYPE, "application/pem-certificate-chain")];
    Ok(with_cookies((headers, redeemed.value).into_response(), &redeemed.cookies))
}

/// `POST /public/download-certs/{token}/new-link`: asks the administrators for another one; the body is optional.
pub async fn ask_for_link(
    State(access): State<Access>,
    Visitor(visit): Visitor,
    PathParams(token): PathParams<String>,
    request: Request,
) -> Outcome<Response> {
    let asked: AskForLink = optional_json(request).await?;
    let answer = access.ask_for_link(&visit, &token, asked.match_code.as_deref()).await?;
    Ok(with_cookies((StatusCode::ACCEPTED, Json(answer.value)).into_response(), &answer.cookies))
}

/// `GET /public/download-certs/{token}/setup`: leads on to choosing a password, for who proved to be the one who asked.
pub async fn setup(
    State(access): State<Access>,
    Visitor(visit): Visitor,
    PathParams(token): PathParams<String>,
    headers: HeaderMap,
) -> Outcome<Response> {
    match access.setup_path(&visit, &token).await.map_err(Problem::from) {
        Ok(path) => Ok(Redirect::to(&path).into_response()),
        Err(problem) if problem.status == 409 => Ok(Redirect::to("/login").into_response()),
        Err(problem) if is_navigation(&http::Method::GET, &headers) => {
            let target = format!("/public/download-certs/{token}?problem={}", page_name(&problem));
            Ok(Redirect::to(&target).into_response())
        }
        Err(problem) => Err(problem.into()),
    }
}

/// `GET /admin/api/access-requests`
pub async fn list(
    State(access): State<Access>,
    Admin(admin): Admin,
    QueryParams(filter): QueryParams<AccessRequestFilter>,
) -> Outcome<Json<Page<AccessRequestRow>>> {
    Ok(Json(access.list(&admin, filter).await?))
}

/// `POST /admin/api/access-requests/{id}/approve`
pub async fn approve(
    State(access): State<Access>,
    Admin(admin): Admin,
    PathParams(id): PathParams<String>,
) -> Outcome<Json<AccessRequestRow>> {
    Ok(Json(access.approve(&admin, &id).await?))
}

/// `POST /admin/api/access-requests/{id}/reject`; the body is optional.
pub async fn reject(
    State(access): State<Access>,
    Admin(admin): Admin,
    PathParams(id): PathParams<String>,
    request: Request,
) -> Outcome<Json<AccessRequestRow>> {
    let asked: Reject = optional_json(request).await?;
    Ok(Json(access.reject(&admin, &id, &asked.reason).await?))
}

/// `GET /admin/api/access-requests/{id}`
pub async fn find(
    State(access): State<Access>,
    Admin(admin): Admin,
    PathParams(id): PathParams<String>,
) -> Outcome<Json<RequestDetail>> {
    Ok(Json(access.find(&admin, &id).await?))
}

/// `POST /admin/api/access-requests/{id}/link`; the body is optional.
pub async fn send_link(
    State(access): State<Access>,
    Admin(admin): Admin,
    PathParams(id): PathParams<String>,
    request: Request,
) -> Outcome<Json<AccessRequestRow>> {
    let asked: SendLink = optional_json(request).await?;
    Ok(Json(access.send_link(&admin, &id, asked.sent).await?))
}

/// `POST /admin/api/access-requests/decide`
pub async fn decide(
    State(access): State<Access>,
    Admin(admin): Admin,
    JsonBody(asked): JsonBody<Decide>,
) -> Outcome<Json<Decided>> {
    Ok(Json(access.decide(&admin, asked).await?))
}

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
