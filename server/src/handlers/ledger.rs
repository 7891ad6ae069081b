//! The HTTP handler that exports one's own ledger. It is part of the account's page.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header;
use web::ApiResult;

use crate::ledger::Ledger;
use crate::request_context::Visitor;

/// `POST /app/ledger/export`: a file for the person who is signed in.
pub async fn export(State(ledger): State<Ledger>, Visitor(context): Visitor) -> ApiResult<Response> {
    let exported = ledger.export(&context).await?;
    let name = "attachment; filename=\"ledger.json\"";
    Ok(([(header::CONTENT_DISPOSITION, name)], Json(exported)).into_response())
}
