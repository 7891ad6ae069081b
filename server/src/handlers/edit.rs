//! HTTP handlers of proposed edits.

use axum::extract::State;
use domain::id::AnalysisId;
use http::StatusCode;
use protocol::Problem;
use protocol::analysis::EditReport;
use web::documented_errors::{DocumentedErrors, ErrorResponses};
use web::{ApiResult, JsonBody, PathParams, RateLimited};

use crate::analysis::Analyses;
use crate::native::Person;

/// Report what became of the edits of an answer
///
/// The desktop program sends it once its user has decided and what was confirmed was typed, or was not. It is stored with the
/// edits and in the audit log, which gets the program's name and no text. An edit that was inserted stays so.
#[utoipa::path(
    post,
    path = "/native/analyses/{id}/edits/outcome",
    operation_id = "reportEdits",
    tag = "Native",
    params(("id" = String, Path, description = "`analysis_id` of the answer.")),
    security(("clientCertificate" = [], "accessToken" = [])),
    request_body = EditReport,
    responses(
        (status = 204, description = "Recorded."),
        ErrorResponses<(Person, PathParams<String>, JsonBody<EditReport>, RateLimited, Inserted)>,
    ),
)]
pub async fn report(
    State(analyses): State<Analyses>,
    person: Person,
    PathParams(id): PathParams<AnalysisId>,
    JsonBody(report): JsonBody<EditReport>,
) -> ApiResult<StatusCode> {
    analyses.report_edits(&person, &id, report).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// An edit that was inserted stays so.
#[derive(Debug)]
pub struct Inserted;

impl DocumentedErrors for Inserted {
    fn problems() -> Vec<Problem> {
        vec![Problem::conflict("This edit was inserted already.")]
    }
}
