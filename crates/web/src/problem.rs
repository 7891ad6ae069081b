//! Problem documents as responses (RFC 9457).

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use protocol::{Problem, ServiceError};

/// A problem as a response, with its status and `Retry-After`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProblemResponse(pub Problem);

/// What a handler returns.
pub type ApiResult<T> = Result<T, HandlerError>;

/// The error of a handler. The response is a problem document; the cause of a failure is logged when it is made.
#[derive(Debug)]
pub struct HandlerError(ServiceError);

impl<E: Into<ServiceError>> From<E> for HandlerError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for HandlerError {
    fn into_response(self) -> Response {
        ProblemResponse(self.0.into_problem()).into_response()
    }
}

/// An extractor's rejection that a handler passes on.
impl From<ProblemResponse> for ServiceError {
    fn from(response: ProblemResponse) -> Self {
        response.0.into()
    }
}

impl From<Problem> for ProblemResponse {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl IntoResponse for ProblemResponse {
    fn into_response(self) -> Response {
        let Self(problem) = self;
        let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = problem.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}
