//! HTTP handlers of analyses that run: joining their events again, answering what they ask, cancelling them.

use axum::extract::State;
use axum::response::Response;
use domain::id::AnalysisId;
use http::{HeaderMap, StatusCode};
use protocol::Problem;
use protocol::analysis::PersonAnswer;
use web::documented_errors::{DocumentedErrors, ErrorResponses};
use web::{ApiResult, JsonBody, PathParams, RateLimited};

use super::analysis::stream;
use crate::analysis::Analyses;
use crate::native::Person;

/// The events of one of one's own analyses
///
/// Of an analysis that runs: the events after `Last-Event-ID`, or all of them, and those to come. When the server has some of
/// them no longer, or was restarted, the event `started` comes first: what was received before it is void, and all of it
/// follows anew. Of an analysis that has ended: its whole answer. A stream that ends without `done` and `error` is to be
/// joined again. Any machine of the person can join, as often as it likes; leaving cancels nothing.
#[utoipa::path(
    get,
    path = "/native/analyses/{id}/events",
    operation_id = "joinAnalysis",
    tag = "Native",
    params(
        ("id" = String, Path, description = "`analysis_id` of the event `started`."),
        ("Last-Event-ID" = Option<String>, Header, description = "The `id` of the last event that was received."),
    ),
    security(("clientCertificate" = [], "accessToken" = [])),
    responses(
        (status = 200, description = "A stream of events.", content(
            (String = "text/event-stream",
                example = json!("id: 1.7\nevent: delta\ndata: {\"text\":\"The dialog says \"}\n\n"),
                extensions(("x-event-schema" = json!({ "$ref": "#/components/schemas/AnalysisEvent" })))),
        )),
        ErrorResponses<(Person, PathParams<String>, RateLimited)>,
    ),
)]
pub async fn events(
    State(analyses): State<Analyses>,
    person: Person,
    PathParams(id): PathParams<AnalysisId>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
    Ok(stream(analyses.events(&person, &id, last).await?))
}

/// Cancel one of one's own analyses
///
/// What was answered so far is recorded. Does nothing to one that has ended.
#[utoipa::path(
    post,
    path = "/native/analyses/{id}/cancel",
    operation_id = "cancelAnalysis",
    tag = "Native",
    params(("id" = String, Path, description = "`analysis_id` of the event `started`.")),
    security(("clientCertificate" = [], "accessToken" = [])),
    responses(
        (status = 204, description = "It is being cancelled, or has ended."),
        ErrorResponses<(Person, PathParams<String>, Elsewhere)>,
    ),
)]
pub async fn cancel(
    State(analyses): State<Analyses>,
    person: Person,
    PathParams(id): PathParams<AnalysisId>,
) -> ApiResult<StatusCode> {
    analyses.cancel(&person, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Answer what one of one's own analyses asks
///
/// The first answer counts. The analysis then goes on.
#[utoipa::path(
    post,
    path = "/native/analyses/{id}/answers",
    operation_id = "answerAnalysis",
    tag = "Native",
    params(("id" = String, Path, description = "`analysis_id` of the event `question`.")),
    security(("clientCertificate" = [], "accessToken" = [])),
    request_body = PersonAnswer,
    responses(
        (status = 204, description = "This is the answer."),
        ErrorResponses<(Person, PathParams<String>, JsonBody<PersonAnswer>, RateLimited, Answers)>,
    ),
)]
pub async fn answer(
    State(analyses): State<Analyses>,
    person: Person,
    PathParams(id): PathParams<AnalysisId>,
    JsonBody(given): JsonBody<PersonAnswer>,
) -> ApiResult<StatusCode> {
    analyses.answer(&person, &id, given).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The errors of an answer.
#[derive(Debug)]
pub struct Answers;

impl DocumentedErrors for Answers {
    fn problems() -> Vec<Problem> {
        vec![crate::analysis::answered_before()]
    }
}

/// The error of a run that another server has.
#[derive(Debug)]
pub struct Elsewhere;

impl DocumentedErrors for Elsewhere {
    fn problems() -> Vec<Problem> {
        vec![crate::analysis::runs_elsewhere()]
    }
}
