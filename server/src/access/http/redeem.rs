//! The link of an approved request over HTTP: for scripts, and for the plain form of the download page.

use app::navigation::in_path;
use app::services::AccessService;
use app::visit::Visit;
use axum::Json;
use axum::extract::{FromRequest, Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use protocol::access::{DownloadOffer, Platform};
use protocol::people::NewPassword;
use protocol::{FieldError, Problem};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{optional_json, with_cookies};
use crate::access::redeem::{MACHINE_NEEDED, TOO_MANY_CODES, WRONG_CODE};
use crate::access::{Access, LinkAsking, Proof, Redeemed, SetupPath};
use crate::certificate::IssuedPackage;
use crate::http::refusals::{File, Refusals, RefusalsOrPage};
use crate::http::{FormBody, JsonBody, Outcome, PathParams, ProblemResponse, RateLimiter, is_navigation};
use crate::pages::Visitor;
use crate::turns::Turns;

/// Which package, as a form or as JSON.
#[derive(Debug, Deserialize, ToSchema)]
pub struct RedeemPackage {
    #[serde(default)]
    #[schema(value_type = Platform, required = true)]
    platform: String,
    /// Opens the package's key.
    #[serde(default)]
    #[schema(required = true, min_length = 12, max_length = 256, format = Password)]
    password: String,
    /// Needed unless this is the browser that asked. White space, hyphens and case do not matter.
    #[serde(default)]
    #[schema(examples("ABCD-2345"))]
    match_code: Option<String>,
}

/// A certificate request for a key of one's own.
#[derive(Debug, Deserialize, ToSchema)]
pub struct RedeemCsr {
    /// PKCS#10, PEM (RFC 7468 §7). Only its key counts; the names are the server's to choose.
    csr: String,
    /// Needed unless this is the browser that asked. White space, hyphens and case do not matter.
    #[serde(default)]
    #[schema(examples("ABCD-2345"))]
    match_code: Option<String>,
}

/// Who asks for a new link.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub struct AskForLink {
    /// Needed unless this is the browser that asked. White space, hyphens and case do not matter.
    #[serde(default)]
    #[schema(examples("ABCD-2345"))]
    match_code: Option<String>,
}

/// Fetch the package of an approved request
///
/// A key and a certificate, made by the server, which does not keep the key: `.pfx` for Windows, `.p12` for macOS, `.zip` for
/// Linux. Needs the cookie of the client that asked or the match code; ten wrong codes close the way by code. Spends the link:
/// 410 from then on. The address itself is a page (GET), which spends nothing.
#[utoipa::path(
    post,
    path = "/public/download-certs/{token}",
    operation_id = "redeemPackage",
    tag = "Access",
    params(("token" = String, Path, description = "The end of the link in the mail.")),
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
                ("Set-Cookie" = String, description = "After a match code: the cookie of the asking browser."),
            )),
        (status = 303, description = "To a form that was refused: back to the page, which says why.",
            headers(("Location" = String, description = "The page."))),
        Refusals<(JsonBody<RedeemPackage>, Proof, RateLimiter, Turns)>,
    ),
)]
pub async fn package(
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
        Err(problem) if is_form => back_to_the_page(&token, &problem),
        Err(problem) => ProblemResponse(problem).into_response(),
    }
}

/// Where a browser reads what was wrong.
fn back_to_the_page(token: &str, problem: &Problem) -> Response {
    let (token, problem) = (in_path(token), page_name(problem));
    Redirect::to(&format!("/public/download-certs/{token}?problem={problem}")).into_response()
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

/// Look at the link of an approved request
///
/// Spends nothing. For programs that ask for `application/json`; everybody else gets the page for people.
#[utoipa::path(
    get,
    path = "/public/download-certs/{token}",
    operation_id = "showDownloadOffer",
    tag = "Access",
    params(("token" = String, Path, description = "The end of the link in the mail.")),
    security((), ("askingBrowser" = []), ("askingBrowserWithoutTls" = [])),
    responses(
        (status = 200, description = "What the link gives, and whether it needs the match code.",
            content((DownloadOffer = "application/json"), (String = "text/html"))),
        RefusalsOrPage<(PathParams<String>, RateLimiter)>,
    ),
)]
pub async fn offer(access: &Access, visit: &Visit, token: &str) -> Outcome<Response> {
    Ok(Json(access.offer(visit, token).await?).into_response())
}

/// Fetch a certificate for a key of one's own
///
/// The same request again gets the same certificate until the link's time is over, so that nobody loses it to a broken
/// connection; another one gets 410.
#[utoipa::path(
    post,
    path = "/public/download-certs/{token}/csr",
    operation_id = "redeemCertificateRequest",
    tag = "Access",
    params(("token" = String, Path, description = "The end of the link in the mail.")),
    security((), ("askingBrowser" = []), ("askingBrowserWithoutTls" = [])),
    request_body = RedeemCsr,
    responses(
        (status = 200, description = "The certificate and the one that issued it, PEM.", body = String,
            content_type = "application/pem-certificate-chain",
            headers(("Set-Cookie" = String, description = "After a match code: the cookie of the asking browser."))),
        Refusals<(JsonBody<RedeemCsr>, Proof, RateLimiter)>,
    ),
)]
pub async fn certificate(
    State(access): State<Access>,
    Visitor(visit): Visitor,
    PathParams(token): PathParams<String>,
    JsonBody(asked): JsonBody<RedeemCsr>,
) -> Outcome<Response> {
    let redeemed = access.redeem_csr(&visit, &token, &asked.csr, asked.match_code.as_deref()).await?;
    let headers = [(header::CONTENT_TYPE, "application/pem-certificate-chain")];
    Ok(with_cookies((headers, redeemed.value).into_response(), &redeemed.cookies))
}

/// Ask for a new link
///
/// For the holder of a link that has ended or is spent, with the same proof that the link itself needs. The administrators get
/// a mail, seldom and only a few times; one of them sends the new link.
#[utoipa::path(
    post,
    path = "/public/download-certs/{token}/new-link",
    operation_id = "askForNewLink",
    tag = "Access",
    params(("token" = String, Path, description = "The end of the link in the mail.")),
    security((), ("askingBrowser" = []), ("askingBrowserWithoutTls" = [])),
    request_body = Option<AskForLink>,
    responses(
        (status = 202, description = "Asked. What the link gives now.", body = DownloadOffer,
            headers(("Set-Cookie" = String, description = "After a match code: the cookie of the asking browser."))),
        Refusals<(JsonBody<AskForLink>, Proof, RateLimiter, LinkAsking)>,
    ),
)]
pub async fn new_link(
    State(access): State<Access>,
    Visitor(visit): Visitor,
    PathParams(token): PathParams<String>,
    request: Request,
) -> Outcome<Response> {
    let asked: AskForLink = optional_json(request).await?;
    let answer = access.ask_for_link(&visit, &token, asked.match_code.as_deref()).await?;
    Ok(with_cookies((StatusCode::ACCEPTED, Json(answer.value)).into_response(), &answer.cookies))
}

/// Go on to choosing a password
///
/// For the client that asked, or that has proved it by the match code since.
#[utoipa::path(
    get,
    path = "/public/download-certs/{token}/setup",
    operation_id = "openSetup",
    tag = "Access",
    params(("token" = String, Path, description = "The end of the link in the mail.")),
    security(("askingBrowser" = []), ("askingBrowserWithoutTls" = [])),
    responses(
        (status = 303, description = "To `/setup/…`; to `/login` when the account is set up already; a navigation that is \
            refused goes back to the page.",
            headers(("Location" = String, description = "Where to."))),
        Refusals<(SetupPath, RateLimiter)>,
    ),
)]
pub async fn setup(
    State(access): State<Access>,
    Visitor(visit): Visitor,
    PathParams(token): PathParams<String>,
    headers: HeaderMap,
) -> Outcome<Response> {
    match access.setup_path(&visit, &token).await.map_err(Problem::from) {
        Ok(path) => Ok(Redirect::to(&path).into_response()),
        Err(problem) if problem.status == 409 => Ok(Redirect::to("/login").into_response()),
        Err(problem) if is_navigation(&http::Method::GET, &headers) => Ok(back_to_the_page(&token, &problem)),
        Err(problem) => Err(problem.into()),
    }
}
