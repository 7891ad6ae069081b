//! Liveness and readiness.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use protocol::Problem;
use serde::Serialize;
use utoipa::ToSchema;
use web::documented_errors::PROBLEM_JSON;

use crate::readiness::ReadinessProbe;

/// In seconds.
const RETRY_AFTER: u64 = 5;

/// The health of the server or of a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum HealthStatus {
    Failed,
    Ok,
}

/// The process is running.
#[derive(Debug, Serialize, ToSchema)]
pub struct Liveness {
    status: HealthStatus,
}

/// The components that the server depends on.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct Components {
    database: HealthStatus,
}

/// All components are available.
#[derive(Debug, Serialize, ToSchema)]
pub struct Readiness {
    status: HealthStatus,
    components: Components,
}

/// A problem document with the status of each component.
#[derive(Debug, Serialize, ToSchema)]
pub struct NotReady {
    #[serde(flatten)]
    problem: Problem,
    components: Components,
}

/// Liveness
///
/// Succeeds while the process runs, even if a component is unavailable.
#[utoipa::path(
    get,
    path = "/healthz",
    operation_id = "liveness",
    tag = "Server",
    responses((status = 200, description = "The process is running.", body = Liveness)),
)]
pub async fn live() -> Json<Liveness> {
    Json(Liveness { status: HealthStatus::Ok })
}

/// Readiness
///
/// Checks that the components which the server depends on can do their work: a row is written to the database, at most once in
/// five seconds.
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "readiness",
    tag = "Server",
    responses(
        (status = 200, description = "All components are available.", body = Readiness),
        (status = 503, description = "`unavailable`, with the status of each component and what is wrong.", body = NotReady,
            content_type = "application/problem+json",
            headers(("Retry-After" = u64, description = "Seconds until it makes sense to try again."))),
    ),
)]
pub async fn ready(State(probe): State<ReadinessProbe>) -> Response {
    let reason = match probe.check().await {
        Ok(()) => {
            let components = Components { database: HealthStatus::Ok };
            return Json(Readiness { status: HealthStatus::Ok, components }).into_response();
        }
        Err(reason) => reason,
    };
    let components = Components { database: HealthStatus::Failed };
    let problem = Problem::unavailable(reason.text(), RETRY_AFTER);
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON)),
        (header::RETRY_AFTER, RETRY_AFTER.into()),
    ];
    (StatusCode::SERVICE_UNAVAILABLE, headers, Json(NotReady { problem, components })).into_response()
}
