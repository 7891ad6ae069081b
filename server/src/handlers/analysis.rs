//! HTTP handlers of analyses.

use std::convert::Infallible;

use ::analysis::PictureError;
use axum::Json;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Request, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use domain::analysis::AnalysisRecord;
use domain::id::{AnalysisId, ConversationId};
use futures::StreamExt;
use http::{HeaderMap, StatusCode, header};
use protocol::Problem;
use protocol::analysis::{
    AnalysisDocument, AnalysisEvent, MAX_SELECTION_CHARS, MAX_TEXT_BYTES, StepState, TextEdit, WindowText,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};
use web::documented_errors::{ErrorResponses, File};
use web::{
    ApiResult, ConcurrencyLimit, MultipartBody, PathParams, QueryParams, RateLimited, multipart_problem,
    without_nul,
};

use crate::analysis::{Admission, Analyses, EventStream, KEEP_ALIVE, OnDisconnect, Question, StreamedEvent};
use crate::native::Person;

/// The longest part `capture`, in bytes.
const MAX_CAPTURE_BYTES: usize = 8_000;
/// Analyses per page.
const PAGE_SIZE: i64 = 50;

/// Ask a question about a picture
///
/// With `Accept: text/event-stream` the answer is a stream: each event's `event` and `data` are those of `AnalysisEvent`, and
/// it ends with one `done` or one `error`, whose data is a problem document. Otherwise the same content is one document.
/// Closing the connection cancels the analysis, unless `On-Disconnect` says otherwise. Comment lines keep an idle stream open.
#[utoipa::path(
    post,
    path = "/native/analyze",
    operation_id = "analyze",
    tag = "Native",
    params(("On-Disconnect" = Option<String>, Header,
        description = "`continue`: the analysis goes on when the connection is lost. Its stream begins with the event \
            `started`, and `GET /native/analyses/{id}/events` joins it again.")),
    security(("clientCertificate" = [], "accessToken" = [])),
    request_body(content = Question, content_type = "multipart/form-data",
        description = "No other parts are accepted.",
        encoding(("image" = (content_type = "image/png, image/jpeg, image/webp")))),
    responses(
        (status = 200, description = "The answer, or a stream of its events.", content(
            (AnalysisDocument = "application/json"),
            (String = "text/event-stream",
                example = json!("event: step\ndata: {\"node\":\"read\",\"state\":\"finished\",\"ms\":412}\n\n\
                    event: delta\ndata: {\"text\":\"The dialog says \"}\n\n\
                    event: done\ndata: {\"analysis_id\":\"0199\",\"mode\":\"0198\",\"provider\":\"reader\",\
                    \"model\":\"\",\"usage\":{\"prompt_tokens\":0,\"completion_tokens\":0},\"ms\":530}\n\n"),
                extensions(("x-event-schema" = json!({ "$ref": "#/components/schemas/AnalysisEvent" })))),
        )),
        ErrorResponses<(Person, MultipartBody, (RateLimited, Admission), Question, ConcurrencyLimit)>,
    ),
)]
pub async fn analyze(
    State(analyses): State<Analyses>,
    person: Person,
    headers: HeaderMap,
    request: Request,
) -> ApiResult<Response> {
    let mut admission = analyses.admit(&person).await?;
    let body = MultipartBody::from_request(request, &()).await?;
    let question = read_question(body, &mut admission, analyses.largest_picture()).await?;
    let events = analyses.start(&person, admission, question, OnDisconnect::of(&headers)).await?;
    let wants_stream = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/event-stream"));
    if wants_stream { Ok(stream(events)) } else { Ok(Json(document(events).await?).into_response()) }
}

/// `largest` is the image's size limit in bytes.
async fn read_question(
    MultipartBody(mut body): MultipartBody,
    admission: &mut Admission,
    largest: usize,
) -> Result<Question, Problem> {
    // Only an image can exceed the body limit. The error may occur before the name of its part has been read.
    let picture_problem = |e: MultipartError| match e.status() {
        StatusCode::PAYLOAD_TOO_LARGE => PictureError::TooLarge { max_bytes: largest }.into(),
        _ => multipart_problem(&e),
    };
    let mut question = Question::default();
    while let Some(mut field) = body.next_field().await.map_err(picture_problem)? {
        match field.name().unwrap_or_default() {
            "image" => {
                let mut image = BytesMut::new();
                while let Some(piece) = field.chunk().await.map_err(picture_problem)? {
                    admission.receive(&piece)?;
                    image.extend_from_slice(&piece);
                }
                question.image = Some(Bytes::from(image));
            }
            "context" => question.context = text_field(field, "context").await?,
            "mode" => question.mode = Some(text_field(field, "mode").await?),
            "conversation" => question.conversation = Some(text_field(field, "conversation").await?),
            "text" => question.text = Some(window_text(field).await?),
            "capture" => {
                let text = bounded_field(field, "capture", MAX_CAPTURE_BYTES).await?;
                let wrong = "Send an object of program, title, trigger and masks.";
                // A list would do for a structure, too.
                let object = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&text);
                let capture = object.and_then(|object| serde_json::from_value(object.into()));
                question.capture =
                    Some(capture.map_err(|_| Problem::invalid_input().field("capture", wrong))?);
            }
            "selection" => {
                let selection = bounded_field(field, "selection", MAX_SELECTION_CHARS * 4).await?;
                question.selection = Some(selection).filter(|selection| !selection.is_empty());
            }
            other => {
                let name: String = other.chars().filter(char::is_ascii_graphic).take(40).collect();
                let message =
                    "Send image, context, conversation, mode, text and selection, and nothing else.";
                return Err(Problem::invalid_input().field(&name, message));
            }
        }
    }
    Ok(question)
}

async fn text_field(field: Field<'_>, name: &str) -> Result<String, Problem> {
    without_nul(name, field.text().await.map_err(|e| multipart_problem(&e))?)
}

/// A text of at most so many bytes, which are counted as they arrive.
async fn bounded_field(mut field: Field<'_>, name: &str, most: usize) -> Result<String, Problem> {
    let mut bytes = Vec::new();
    while let Some(piece) = field.chunk().await.map_err(|e| multipart_problem(&e))? {
        if bytes.len() + piece.len() > most {
            return Err(Problem::invalid_input().field(name, format!("Use at most {most} bytes.")));
        }
        bytes.extend_from_slice(&piece);
    }
    let text = String::from_utf8(bytes).map_err(|_| Problem::invalid_input().field(name, "Send UTF-8."))?;
    without_nul(name, text)
}

/// JSON when the part says so; otherwise the text alone.
async fn window_text(field: Field<'_>) -> Result<WindowText, Problem> {
    let kind = field.content_type().unwrap_or_default();
    let is_json =
        kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"));
    let text = bounded_field(field, "text", MAX_TEXT_BYTES).await?;
    if !is_json {
        return Ok(WindowText { text, ..WindowText::default() });
    }
    let wrong = |_| Problem::invalid_input().field("text", "Send an object of text, program and title.");
    serde_json::from_str(&text).map_err(wrong)
}

/// Without a last event, where the run goes on elsewhere: the client joins it again.
pub(super) fn stream(events: EventStream) -> Response {
    let events = events.filter_map(|StreamedEvent { id, event }| async move {
        let data = event.data().ok()?;
        let sent = Event::default().event(event.name()).data(data);
        Some(Ok::<_, Infallible>(match id {
            Some(id) => sent.id(id),
            None => sent,
        }))
    });
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    // Otherwise a buffering proxy would hold the stream back.
    ([("x-accel-buffering", "no")], Sse::new(events).keep_alive(keep_alive)).into_response()
}

async fn document(mut events: EventStream) -> Result<AnalysisDocument, Problem> {
    let (mut answer, mut steps, mut edits, mut notices) = (String::new(), Vec::new(), Vec::new(), Vec::new());
    while let Some(StreamedEvent { event, .. }) = events.next().await {
        match event {
            AnalysisEvent::Delta(delta) => answer.push_str(&delta.text),
            AnalysisEvent::Step(step) if step.state != StepState::Started => steps.push(step),
            AnalysisEvent::Edit(edit) => edits.push(edit),
            AnalysisEvent::Notice(notice) => notices.push(notice),
            AnalysisEvent::Reasoning(reasoning) if reasoning.retracts => answer.clear(),
            AnalysisEvent::Question(_)
            | AnalysisEvent::Queued(_)
            | AnalysisEvent::Reasoning(_)
            | AnalysisEvent::Started(_)
            | AnalysisEvent::Step(_) => {}
            AnalysisEvent::Done(done) => return Ok(AnalysisDocument { answer, steps, edits, notices, done }),
            AnalysisEvent::Error(problem) => return Err(problem),
        }
    }
    Err(Problem::internal())
}

/// Filters the list of one's own analyses.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Search {
    /// Part of the question or of the answer.
    #[serde(default)]
    search: String,
    /// Counted from 0.
    #[serde(default)]
    page: u32,
}

/// An analysis as its owner sees it.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecordedAnalysis {
    id: String,
    /// Null for an analysis of an earlier version, for the moments until the server has made a conversation of it.
    #[schema(required = true)]
    conversation: Option<String>,
    /// The mode's id.
    mode: String,
    /// The question.
    context: String,
    /// In Markdown; incomplete when the analysis did not finish.
    answer: String,
    /// The changes that the answer proposed.
    edits: Vec<TextEdit>,
    #[schema(schema_with = state_schema)]
    state: String,
    /// `reader`, or the name of a configured model server. Empty when there was no answer.
    provider: String,
    /// Empty when no model was used.
    model: String,
    /// Why the answer stops before its natural end: `length` or `content-filter`. Null when it does not.
    #[schema(required = true)]
    cut: Option<String>,
    /// The model server that failed. If the reader answered in its place, `state` is `finished`. Null when none failed.
    #[schema(required = true)]
    failed_provider: Option<String>,
    /// What happened to it.
    #[schema(required = true)]
    failure: Option<String>,
    /// Seconds since the Unix epoch.
    started_at: i64,
    /// Duration in milliseconds; null while it runs, and when the server stopped before it finished.
    #[schema(required = true)]
    ms: Option<i64>,
    /// Whether the image was stored and `…/image` returns it.
    image_kept: bool,
}

fn state_schema() -> Object {
    let states = ["running", "finished", "failed", "cancelled"];
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(states)).build()
}

impl From<AnalysisRecord> for RecordedAnalysis {
    fn from(record: AnalysisRecord) -> Self {
        let (failed_provider, failure) =
            record.failure.map(|failure| (failure.provider, failure.words)).unzip();
        Self {
            id: record.id.into_string(),
            conversation: record.conversation_id.map(ConversationId::into_string),
            mode: record.mode_id,
            context: record.context,
            answer: record.answer,
            edits: record.edits,
            state: record.state.as_str().to_owned(),
            provider: record.provider,
            model: record.model,
            cut: record.cut.map(|reason| reason.as_str().to_owned()),
            failed_provider,
            failure,
            started_at: record.started_at,
            ms: record.ms,
            image_kept: record.screenshot_stored,
        }
    }
}

/// One's own analyses
///
/// The newest first, 50 at once.
#[utoipa::path(
    get,
    path = "/native/analyses",
    operation_id = "listAnalyses",
    tag = "Native",
    params(Search),
    security(("clientCertificate" = [], "accessToken" = [])),
    responses(
        (status = 200, description = "One page; fewer than 50 are the last page.", body = [RecordedAnalysis]),
        ErrorResponses<(Person, QueryParams<Search>)>,
    ),
)]
pub async fn list(
    State(analyses): State<Analyses>,
    person: Person,
    QueryParams(search): QueryParams<Search>,
) -> ApiResult<Json<Vec<RecordedAnalysis>>> {
    let offset = i64::from(search.page) * PAGE_SIZE;
    let found = analyses.history(&person, &search.search, PAGE_SIZE, offset).await?;
    Ok(Json(found.into_iter().map(RecordedAnalysis::from).collect()))
}

/// One of one's own analyses
#[utoipa::path(
    get,
    path = "/native/analyses/{id}",
    operation_id = "showAnalysis",
    tag = "Native",
    params(("id" = String, Path, description = "`analysis_id` of the answer.")),
    security(("clientCertificate" = [], "accessToken" = [])),
    responses(
        (status = 200, description = "The analysis.", body = RecordedAnalysis),
        ErrorResponses<(Person, PathParams<String>)>,
    ),
)]
pub async fn open(
    State(analyses): State<Analyses>,
    person: Person,
    PathParams(id): PathParams<AnalysisId>,
) -> ApiResult<Json<RecordedAnalysis>> {
    Ok(Json(analyses.one(&person, &id).await?.into()))
}

/// The image of one of one's own analyses
///
/// As it was sent, if the server stores images: see `image_kept` of the analysis.
// Browsers do not cache it: `web::headers` sets `no-store`.
#[utoipa::path(
    get,
    path = "/native/analyses/{id}/image",
    operation_id = "showAnalysisImage",
    tag = "Native",
    params(("id" = String, Path, description = "`analysis_id` of the answer.")),
    security(("clientCertificate" = [], "accessToken" = [])),
    responses(
        (status = 200, description = "The image.", content(
            (inline(File) = "image/jpeg"),
            (inline(File) = "image/png"),
            (inline(File) = "image/webp"),
        )),
        ErrorResponses<(Person, PathParams<String>, ConcurrencyLimit)>,
    ),
)]
pub async fn image(
    State(analyses): State<Analyses>,
    person: Person,
    PathParams(id): PathParams<AnalysisId>,
) -> ApiResult<Response> {
    let picture = analyses.picture(&person, &id).await?;
    Ok(([(header::CONTENT_TYPE, picture.media_type)], picture.bytes).into_response())
}

/// Delete one of one's own analyses
///
/// With its image, if one was stored.
#[utoipa::path(
    delete,
    path = "/native/analyses/{id}",
    operation_id = "deleteAnalysis",
    tag = "Native",
    params(("id" = String, Path, description = "`analysis_id` of the answer.")),
    security(("clientCertificate" = [], "accessToken" = [])),
    responses((status = 204, description = "Deleted."), ErrorResponses<(Person, PathParams<String>)>),
)]
pub async fn delete(
    State(analyses): State<Analyses>,
    person: Person,
    PathParams(id): PathParams<AnalysisId>,
) -> ApiResult<StatusCode> {
    analyses.delete(&person, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
