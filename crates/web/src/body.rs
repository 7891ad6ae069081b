//! What a request carries, parsed: wrong input becomes a problem document that names the field.

use axum::body::Body;
use axum::extract::multipart::{Multipart, MultipartError};
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};
use protocol::Problem;
use serde::de::DeserializeOwned;
use url::form_urlencoded;

use crate::documented_errors::DocumentedErrors;
use crate::nul::{refuse_in_form, refuse_in_json};
use crate::problem::ProblemResponse;

/// A JSON body.
#[derive(Debug, Clone)]
pub struct JsonBody<T>(pub T);

/// A URL-encoded form, as browsers post it without scripts.
#[derive(Debug, Clone)]
pub struct FormBody<T>(pub T);

/// A `multipart/form-data` body. Errors while its fields are read: [`multipart_problem`].
#[derive(Debug)]
pub struct MultipartBody(pub Multipart);

/// The query string.
#[derive(Debug, Clone)]
pub struct QueryParams<T>(pub T);

/// Parts of the path. One that does not parse is a 404.
#[derive(Debug, Clone)]
pub struct PathParams<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = ProblemResponse;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let kind = media_type(request.headers());
        if kind != "application/json" && !(kind.starts_with("application/") && kind.ends_with("+json")) {
            return Err(wrong_media_type("application/json").into());
        }
        let bytes = whole_body(request, state).await?;
        let mut json = serde_json::Deserializer::from_slice(&bytes);
        let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let path = error.path().to_string();
            let error = error.into_inner();
            if error.is_data() {
                wrong_field(&path, &error.to_string())
            } else {
                malformed(&format!(
                    "The body is not valid JSON (line {}, column {}).",
                    error.line(),
                    error.column()
                ))
            }
        })?;
        json.end().map_err(|_| malformed("The body goes on after the JSON value."))?;
        refuse_in_json(&bytes)?;
        Ok(Self(value))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for FormBody<T> {
    type Rejection = ProblemResponse;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        const FORM: &str = "application/x-www-form-urlencoded";
        if media_type(request.headers()) != FORM {
            return Err(wrong_media_type(FORM).into());
        }
        Ok(Self(url_encoded(&whole_body(request, state).await?)?))
    }
}

impl<S: Send + Sync> FromRequest<S> for MultipartBody {
    type Rejection = ProblemResponse;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        const FORM: &str = "multipart/form-data";
        if media_type(request.headers()) != FORM {
            return Err(wrong_media_type(FORM).into());
        }
        let multipart = Multipart::from_request(request, state).await;
        multipart.map(Self).map_err(|_| malformed("The content type names no boundary.").into())
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for QueryParams<T> {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(url_encoded(parts.uri.query().unwrap_or_default().as_bytes())?))
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
            too_large(),
            wrong_media_type("application/json"),
            wrong_field("name", "invalid type: integer `1`, expected a string"),
        ]
    }
}

impl DocumentedErrors for MultipartBody {
    fn problems() -> Vec<Problem> {
        vec![
            malformed("The body is not valid multipart/form-data, or ends too early."),
            too_large(),
            wrong_media_type("multipart/form-data"),
        ]
    }
}

impl<T> DocumentedErrors for QueryParams<T> {
    fn problems() -> Vec<Problem> {
        vec![wrong_field("page", "invalid digit found in string")]
    }
}

impl<T> DocumentedErrors for PathParams<T> {
    fn problems() -> Vec<Problem> {
        vec![Problem::not_found()]
    }
}

/// What went wrong while a multipart body was read.
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

/// Refuses a form that holds one, before a server function reads it.
pub async fn check_form(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let read = whole_body(Request::from_parts(parts.clone(), body), &()).await;
    match read.and_then(|bytes| refuse_in_form(&bytes).map(|()| bytes)) {
        Ok(bytes) => next.run(Request::from_parts(parts, Body::from(bytes))).await,
        Err(problem) => ProblemResponse(problem).into_response(),
    }
}

async fn whole_body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    Bytes::from_request(request, state).await.map_err(|rejection| match rejection.into_response().status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(),
        _ => malformed("The body ends too early."),
    })
}

fn url_encoded<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    refuse_in_form(bytes)?;
    let fields = serde_urlencoded::Deserializer::new(form_urlencoded::parse(bytes));
    serde_path_to_error::deserialize(fields)
        .map_err(|e| wrong_field(&e.path().to_string(), &e.inner().to_string()))
}

/// The media type in lower case, without its parameters.
fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn wrong_media_type(expected: &str) -> Problem {
    Problem::new("unsupported-media-type", 415, "The body has another type than expected")
        .detail(format!("Send it as {expected} and say so in Content-Type."))
}

fn too_large() -> Problem {
    Problem::new("too-large", 413, "The body is too large")
}

fn malformed(detail: &str) -> Problem {
    Problem::new("malformed", 400, "The request cannot be read").detail(detail)
}

/// Turns what serde says into the field and words for people.
fn wrong_field(path: &str, message: &str) -> Problem {
    let message = without_position(message);
    let quoted = |start: &str| message.strip_prefix(start).and_then(|rest| rest.split('`').next());
    let below = |name: &str| if path == "." { name.to_owned() } else { format!("{path}.{name}") };
    let (field, text) = if let Some(name) = quoted("missing field `") {
        (below(name), "This field is required.".to_owned())
    } else if let Some(name) = quoted("duplicate field `") {
        (below(name), "This field is there more than once.".to_owned())
    } else if let Some(name) = quoted("unknown field `") {
        // The path ends in the unknown field already.
        (
            if path.ends_with(name) { path.to_owned() } else { below(name) },
            "There is no such field.".to_owned(),
        )
    } else if let Some((_, expected)) = message.split_once(", expected ") {
        let expected = match expected {
            "i8" | "i16" | "i32" | "i64" => "a whole number",
            "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number of 0 or more, within bounds",
            "f32" | "f64" => "a number",
            "a boolean" => "true or false",
            other => other,
        };
        (path.to_owned(), format!("Expected {expected}."))
    } else {
        (path.to_owned(), message.to_owned())
    };
    Problem::invalid_input().field(if field == "." { "body" } else { &field }, text)
}

/// Cuts off serde_json's ` at line 1 column 2`.
fn without_position(message: &str) -> &str {
    match message.rsplit_once(" at line ") {
        Some((start, position)) => {
            let mut numbers = position.split(" column ").map(str::parse::<usize>);
            if matches!((numbers.next(), numbers.next(), numbers.next()), (Some(Ok(_)), Some(Ok(_)), None)) {
                start
            } else {
                message
            }
        }
        None => message,
    }
}
