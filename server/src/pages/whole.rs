//! Pages are rendered to their end, also for a visitor who goes away in the middle.

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use protocol::Problem;
use tracing::Instrument;

use web::ProblemResponse;

/// Renders in a task of its own and answers with the whole page.
///
/// Leptos renders what waits for data in further tasks. Where a visitor's leaving would drop the rendering, its signals
/// would be disposed of under those tasks, which then panic.
pub async fn render(request: Request, next: Next) -> Response {
    let rendering = tokio::spawn(collect(request, next).in_current_span());
    match rendering.await.map_err(tokio::task::JoinError::try_into_panic) {
        Ok(response) => response,
        // As if it had happened here: a layer further out answers for panics.
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        Err(Err(_cancelled)) => ProblemResponse(Problem::internal()).into_response(),
    }
}

async fn collect(request: Request, next: Next) -> Response {
    let (parts, body) = next.run(request).await.into_parts();
    match body.collect().await {
        Ok(page) => Response::from_parts(parts, Body::from(page.to_bytes())),
        Err(error) => {
            tracing::error!(%error, "a page was not rendered to its end");
            ProblemResponse(Problem::internal()).into_response()
        }
    }
}
