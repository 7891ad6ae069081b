//! Analyses over HTTP.

use std::convert::Infallible;

use axum::Json;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use http::{HeaderMap, StatusCode, header};
use protocol::Problem;
use protocol::analysis::{AnalysisDocument, AnalysisEvent, StepState};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::{Analyses, KEEP_ALIVE, Question};
use crate::http::{MultipartBody, Outcome, PathParams, QueryParams, multipart_problem};
use crate::native::Person;
use crate::store::AnalysisRecord;

/// How many analyses a list shows at once.
const PAGE_SIZE: i64 = 50;

/// `POST /native/analyze`: events as they happen, or one document at the end.
pub async fn analyze(
    State(analyses): State<Analyses>,
    person: Person,
    headers: HeaderMap,
    body: MultipartBody,
) -> Outcome<Response> {
    let question = read_question(body).await?;
    let events = analyses.start(&person, question).await?;
    let wants_stream = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/event-stream"));
    if wants_stream { Ok(stream(events)) } else { Ok(Json(document(events).await?).into_response()) }
}

async fn read_question(MultipartBody(mut body): MultipartBody) -> Result<Question, Problem> {
    let mut question = Question::default();
    while let Some(field) = body.next_field().await.map_err(|e| multipart_problem(&e))? {
        match field.name().unwrap_or_default() {
            "image" => question.image = Some(field.bytes().await.map_err(|e| multipart_problem(&e))?),
            "context" => question.context = field.text().await.map_err(|e| multipart_problem(&e))?,
            "mode" => question.mode = Some(field.text().await.map_err(|e| multipart_problem(&e))?),
            other => {
                let name: String = other.chars().filter(char::is_ascii_graphic).take(40).collect();
                return Err(
                    Problem::invalid_input().field(&name, "Send image, context and mode, and nothing else.")
                );
            }
        }
    }
    Ok(question)
}

fn stream(events: mpsc::Receiver<AnalysisEvent>) -> Response {
    let events =
        futures::stream::unfold(events, |mut events| async move { Some((events.recv().await?, events)) });
    let events = events.filter_map(|event| async move {
        let data = event.data().ok()?;
        Some(Ok::<_, Infallible>(Event::default().event(event.name()).data(data)))
    });
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    // Proxies that buffer would hold the answer back until its end.
    ([("x-accel-buffering", "no")], Sse::new(events).keep_alive(keep_alive)).into_response()
}

async fn document(mut events: mpsc::Receiver<AnalysisEvent>) -> Result<AnalysisDocument, Problem> {
    let (mut answer, mut steps, mut edits) = (String::new(), Vec::new(), Vec::new());
    while let Some(event) = events.recv().await {
        match event {
            AnalysisEvent::Delta(delta) => answer.push_str(&delta.text),
            AnalysisEvent::Step(step) if step.state != StepState::Started => steps.push(step),
            AnalysisEvent::Step(_) => {}
            AnalysisEvent::Edit(edit) => edits.push(edit),
            AnalysisEvent::Done(done) => return Ok(AnalysisDocument { answer, steps, edits, done }),
            AnalysisEvent::Error(problem) => return Err(problem),
        }
    }
    Err(Problem::internal())
}

/// What a list of one's own analyses may be narrowed to.
#[derive(Debug, Deserialize)]
pub struct Search {
    #[serde(default)]
    search: String,
    #[serde(default)]
    page: u32,
}

/// An analysis as its owner sees it.
#[derive(Debug, Serialize)]
pub struct Shown {
    id: String,
    mode: String,
    context: String,
    answer: String,
    state: String,
    provider: String,
    model: String,
    started_at: i64,
    ms: Option<i64>,
}

impl From<AnalysisRecord> for Shown {
    fn from(record: AnalysisRecord) -> Self {
        Self {
            id: record.id,
            mode: record.mode_id,
            context: record.context,
            answer: record.answer,
            state: record.state,
            provider: record.provider,
            model: record.model,
            started_at: record.started_at,
            ms: record.ms,
        }
    }
}

/// `GET /native/analyses`
pub async fn list(
    State(analyses): State<Analyses>,
    person: Person,
    QueryParams(search): QueryParams<Search>,
) -> Outcome<Json<Vec<Shown>>> {
    let offset = i64::from(search.page) * PAGE_SIZE;
    let found = analyses.history(&person, &search.search, PAGE_SIZE, offset).await?;
    Ok(Json(found.into_iter().map(Shown::from).collect()))
}

/// `GET /native/analyses/{id}`
pub async fn open(
    State(analyses): State<Analyses>,
    person: Person,
    PathParams(id): PathParams<String>,
) -> Outcome<Json<Shown>> {
    Ok(Json(analyses.one(&person, &id).await?.into()))
}

/// `DELETE /native/analyses/{id}`
pub async fn delete(
    State(analyses): State<Analyses>,
    person: Person,
    PathParams(id): PathParams<String>,
) -> Outcome<StatusCode> {
    analyses.delete(&person, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
