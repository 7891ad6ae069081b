//! Liveness and readiness.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;

use crate::environment::Environment;

/// `GET /healthz`: the process answers.
pub async fn live() -> Json<serde_json::Value> {
    Json(json!({ "status": "ok" }))
}

/// `GET /readyz`: everything that it needs answers too.
pub async fn ready(State(env): State<Arc<Environment>>) -> Response {
    let store = env.store.ping().await.is_ok();
    let status = if store { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let word = |ok: bool| if ok { "ok" } else { "failed" };
    let body = json!({ "status": word(store), "components": { "database": word(store) } });
    (status, Json(body)).into_response()
}
