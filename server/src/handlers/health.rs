//! Liveness and readiness.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use protocol::Problem;
use serde::Serialize;
use utoipa::ToSchema;

use crate::environment::Environment;
use web::documented_errors::PROBLEM_JSON;

/// Seconds.
const RETRY_AFTER: u64 = 5;

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Condition {
    Failed,
    Ok,
}

/// The process answers.
#[derive(Debug, Serialize, ToSchema)]
pub struct Liveness {
    status: Condition,
}

/// What the server needs, each with how it is.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct Components {
    database: Condition,
}

/// Everything that the server needs answers.
#[derive(Debug, Serialize, ToSchema)]
pub struct Readiness {
    status: Condition,
    components: Components,
}

/// A problem, with what it is that does not answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct Unready {
    #[serde(flatten)]
    problem: Problem,
    components: Components,
}

/// Liveness
///
/// Answers as soon as the process does, whatever else is wrong.
#[utoipa::path(
    get,
    path = "/healthz",
    operation_id = "liveness",
    tag = "Server",
    responses((status = 200, description = "The process answers.", body = Liveness)),
)]
pub async fn live() -> Json<Liveness> {
    Json(Liveness { status: Condition::Ok })
}

/// Readiness
///
/// Asks everything that the server needs.
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "readiness",
    tag = "Server",
    responses(
        (status = 200, description = "Everything answers.", body = Readiness),
        (status = 503, description = "`unavailable`, with each component's condition.", body = Unready,
            content_type = "application/problem+json",
            headers(("Retry-After" = u64, description = "Seconds until it makes sense to try again."))),
    ),
)]
pub async fn ready(State(env): State<Arc<Environment>>) -> Response {
    let answers = env.store.ping().await.is_ok();
    let components = Components { database: if answers { Condition::Ok } else { Condition::Failed } };
    if answers {
        return Json(Readiness { status: Condition::Ok, components }).into_response();
    }
    let problem = Problem::unavailable("A part of the server does not answer.", RETRY_AFTER);
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON)),
        (header::RETRY_AFTER, RETRY_AFTER.into()),
    ];
    (StatusCode::SERVICE_UNAVAILABLE, headers, Json(Unready { problem, components })).into_response()
}
