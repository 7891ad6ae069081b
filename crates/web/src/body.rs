//! Extractors like those of axum, whose rejections are problem documents (RFC 9457) that name the invalid field. They also
//! reject NUL characters.

use axum::body::Body;
use axum::extract::multipart::{Multipart, MultipartError};
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};
use protocol::Problem;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::body_arrival::too_slow;
use crate::documented_errors::DocumentedErrors;
use crate::input::{self, Input};
use crate::nul::{check_form, check_json};
use crate::problem::ProblemResponse;

/// A JSON body. Rejections: 400 for a syntax error, 413, 415 for another media type, 422 for an invalid field.
#[derive(Debug, Clone)]
pub struct JsonBody<T>(pub T);

/// A URL-encoded form. Rejections: 400 for an incomplete body, 413, 415 for another media type, 422 for an invalid field.
#[derive(Debug, Clone)]
pub struct FormBody<T>(pub T);

/// A `multipart/form-data` body (RFC 7578). Rejections: 400 without a boundary, 415 for another media type. For errors while
/// its fields are read see [`multipart_problem`].
#[derive(Debug)]
pub struct MultipartBody(pub Multipart);

/// The query string. Rejection: 422 for an invalid parameter.
#[derive(Debug, Clone)]
pub struct QueryParams<T>(pub T);

/// Path parameters. Rejection: 404 for one that does not parse.
#[derive(Debug, Clone)]
pub struct PathParams<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = ProblemResponse;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let kind = media_type(request.headers());
        if kind != "application/json" && !(kind.starts_with("application/") && kind.ends_with("+json")) {
            return Err(unsupported_media_type("application/json").into());
        }
        let bytes = read_body(request, state).await?;
        let mut json = serde_json::Deserializer::from_slice(&bytes);
        let input = Input::deserialize(&mut json).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            malformed(&format!("The body is not valid JSON (line {line}, column {column})."))
        })?;
        json.end().map_err(|_| malformed("The body goes on after the JSON value."))?;
        check_json(&input)?;
        Ok(Self(input.into_typed()?))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for FormBody<T> {
    type Rejection = ProblemResponse;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        const FORM: &str = "application/x-www-form-urlencoded";
        if media_type(request.headers()) != FORM {
            return Err(unsupported_media_type(FORM).into());
        }
        Ok(Self(parse_form(&read_body(request, state).await?)?))
    }
}

impl<S: Send + Sync> FromRequest<S> for MultipartBody {
    type Rejection = ProblemResponse;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        const FORM: &str = "multipart/form-data";
        if media_type(request.headers()) != FORM {
            return Err(unsupported_media_type(FORM).into());
        }
        let multipart = Multipart::from_request(request, state).await;
        multipart.map(Self).map_err(|_| malformed("The content type names no boundary.").into())
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for QueryParams<T> {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(parse_form(parts.uri.query().unwrap_or_default().as_bytes())?))
    }
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for PathParams<T> {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(value)) => Ok(Self(value)),
            Err(_) => Err(Problem::not_found().into()),
        }
    }
}

impl<T> DocumentedErrors for JsonBody<T> {
    fn problems() -> Vec<Problem> {
        vec![
            malformed("The body is not valid JSON (line 1, column 2)."),
            too_slow(),
            too_large(),
            unsupported_media_type("application/json"),
            input::example("name", "a string"),
        ]
    }
}

impl DocumentedErrors for MultipartBody {
    fn problems() -> Vec<Problem> {
        vec![
            malformed("The body is not valid multipart/form-data, or ends too early."),
            too_slow(),
            too_large(),
            unsupported_media_type("multipart/form-data"),
        ]
    }
}

impl<T> DocumentedErrors for QueryParams<T> {
    fn problems() -> Vec<Problem> {
        vec![input::example("page", input::UNSIGNED)]
    }
}

impl<T> DocumentedErrors for PathParams<T> {
    fn problems() -> Vec<Problem> {
        vec![Problem::not_found()]
    }
}

/// The problem for an error while a multipart body is read: 400, 413, or 500 for an error of the server.
pub fn multipart_problem(error: &MultipartError) -> Problem {
    match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(),
        StatusCode::INTERNAL_SERVER_ERROR => {
            tracing::warn!(error = error.body_text(), "a multipart body could not be read");
            Problem::internal()
        }
        _ => malformed("The body is not valid multipart/form-data, or ends too early."),
    }
}

/// Middleware that rejects a URL-encoded form with a NUL character, for handlers with extractors of their own.
pub async fn reject_nul_in_form(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let body = read_body(Request::from_parts(parts.clone(), body), &()).await;
    match body.and_then(|bytes| check_form(&bytes).map(|()| bytes)) {
        Ok(bytes) => next.run(Request::from_parts(parts, Body::from(bytes))).await,
        Err(problem) => ProblemResponse(problem).into_response(),
    }
}

async fn read_body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    Bytes::from_request(request, state).await.map_err(|rejection| match rejection.into_response().status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(),
        _ => malformed("The body ends too early."),
    })
}

fn parse_form<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    check_form(bytes)?;
    Input::from_form(bytes).into_typed()
}

/// The media type in lower case, without its parameters.
fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn unsupported_media_type(expected: &str) -> Problem {
    Problem::new("unsupported-media-type", 415, "The body has another type than expected")
        .detail(format!("Send it as {expected} and say so in Content-Type."))
}

fn too_large() -> Problem {
    Problem::new("too-large", 413, "The body is too large")
}

fn malformed(detail: &str) -> Problem {
    Problem::new("malformed", 400, "The request cannot be read").detail(detail)
}
