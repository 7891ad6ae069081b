//! Rendering runs to completion, even when the client disconnects while it runs.

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use protocol::Problem;
use tracing::Instrument;
use web::ProblemResponse;

/// Middleware that renders a page in a task of its own and answers with the complete page.
///
/// Leptos renders what depends on asynchronous data in further tasks. If the request's future were dropped because the
/// client disconnects, its signals would be disposed of while those tasks still use them, and the tasks would panic.
pub async fn to_completion(request: Request, next: Next) -> Response {
    let rendering = tokio::spawn(collect(request, next).in_current_span());
    match rendering.await.map_err(tokio::task::JoinError::try_into_panic) {
        Ok(response) => response,
        // As if it had panicked here: an outer layer turns panics into responses.
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        Err(Err(_cancelled)) => ProblemResponse(Problem::internal()).into_response(),
    }
}

async fn collect(request: Request, next: Next) -> Response {
    let (parts, body) = next.run(request).await.into_parts();
    match body.collect().await {
        Ok(page) => Response::from_parts(parts, Body::from(page.to_bytes())),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered completely");
            ProblemResponse(Problem::internal()).into_response()
        }
    }
}
