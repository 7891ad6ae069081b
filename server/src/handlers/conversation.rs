//! HTTP handlers of one's own conversations.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::conversation::{Conversation, WholeConversation};
use domain::id::ConversationId;
use http::{StatusCode, header};
use protocol::conversation::{ConversationSummary, Rename};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::documented_errors::ErrorResponses;
use web::{ApiResult, JsonBody, PathParams, QueryParams, RateLimited};

use super::analysis::RecordedAnalysis;
use crate::analysis::{Analyses, markdown};
use crate::native::Person;

/// Conversations per page.
const PAGE_SIZE: i64 = 50;

/// Filters the list of one's own conversations.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Search {
    /// Part of the title, of a question or of an answer. Case and accents make no difference.
    #[serde(default)]
    search: String,
    /// Counted from 0.
    #[serde(default)]
    page: u32,
}

/// A conversation with its questions and answers, the oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecordedConversation {
    #[serde(flatten)]
    summary: ConversationSummary,
    analyses: Vec<RecordedAnalysis>,
}

/// How a conversation is exported.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Export {
    /// `markdown`, to be read, or `json`, with all that `GET /native/conversations/{id}` returns.
    #[serde(default)]
    #[param(inline)]
    format: Format,
}

#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Json,
    #[default]
    Markdown,
}

fn summary(conversation: Conversation) -> ConversationSummary {
    ConversationSummary {
        id: conversation.id.into_string(),
        title: conversation.title,
        questions: conversation.questions,
        started_at: conversation.started_at,
        asked_at: conversation.asked_at,
    }
}

impl From<WholeConversation> for RecordedConversation {
    fn from(whole: WholeConversation) -> Self {
        let analyses = whole.analyses.into_iter().map(RecordedAnalysis::from).collect();
        Self { summary: summary(whole.conversation), analyses }
    }
}

/// One's own conversations
///
/// The one with the newest question first, 50 at once.
#[utoipa::path(
    get,
    path = "/native/conversations",
    operation_id = "listConversations",
    tag = "Native",
    params(Search),
    security(("clientCertificate" = [], "accessToken" = [])),
    responses(
        (status = 200, description = "One page; fewer than 50 are the last page.", body = [ConversationSummary]),
        ErrorResponses<(Person, QueryParams<Search>, RateLimited)>,
    ),
)]
pub async fn list(
    State(analyses): State<Analyses>,
    person: Person,
    QueryParams(search): QueryParams<Search>,
) -> ApiResult<Json<Vec<ConversationSummary>>> {
    let offset = i64::from(search.page) * PAGE_SIZE;
    let found = analyses.conversations(&person, &search.search, PAGE_SIZE, offset).await?;
    Ok(Json(found.into_iter().map(summary).collect()))
}

/// One of one's own conversations
#[utoipa::path(
    get,
    path = "/native/conversations/{id}",
    operation_id = "showConversation",
    tag = "Native",
    params(("id" = String, Path, description = "`conversation` of an answer.")),
    security(("clientCertificate" = [], "accessToken" = [])),
    responses(
        (status = 200, description = "The conversation.", body = RecordedConversation),
        ErrorResponses<(Person, PathParams<String>, RateLimited)>,
    ),
)]
pub async fn open(
    State(analyses): State<Analyses>,
    person: Person,
    PathParams(id): PathParams<ConversationId>,
) -> ApiResult<Json<RecordedConversation>> {
    Ok(Json(analyses.conversation(&person, &id).await?.into()))
}

/// Rename one of one's own conversations
#[utoipa::path(
    patch,
    path = "/native/conversations/{id}",
    operation_id = "renameConversation",
    tag = "Native",
    params(("id" = String, Path, description = "`conversation` of an answer.")),
    security(("clientCertificate" = [], "accessToken" = [])),
    request_body = Rename,
    responses(
        (status = 204, description = "Renamed."),
        ErrorResponses<(Person, PathParams<String>, JsonBody<Rename>, RateLimited)>,
    ),
)]
pub async fn rename(
    State(analyses): State<Analyses>,
    person: Person,
    PathParams(id): PathParams<ConversationId>,
    JsonBody(rename): JsonBody<Rename>,
) -> ApiResult<StatusCode> {
    analyses.rename_conversation(&person, &id, &rename.title).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Delete one of one's own conversations
///
/// With its questions, answers and images.
#[utoipa::path(
    delete,
    path = "/native/conversations/{id}",
    operation_id = "deleteConversation",
    tag = "Native",
    params(("id" = String, Path, description = "`conversation` of an answer.")),
    security(("clientCertificate" = [], "accessToken" = [])),
    responses(
        (status = 204, description = "Deleted."),
        ErrorResponses<(Person, PathParams<String>, RateLimited)>,
    ),
)]
pub async fn delete(
    State(analyses): State<Analyses>,
    person: Person,
    PathParams(id): PathParams<ConversationId>,
) -> ApiResult<StatusCode> {
    analyses.delete_conversation(&person, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// One of one's own conversations as a file
#[utoipa::path(
    get,
    path = "/native/conversations/{id}/export",
    operation_id = "exportConversation",
    tag = "Native",
    params(("id" = String, Path, description = "`conversation` of an answer."), Export),
    security(("clientCertificate" = [], "accessToken" = [])),
    responses(
        (status = 200, description = "The file.", content(
            (RecordedConversation = "application/json"),
            (String = "text/markdown"),
        ), headers(("Content-Disposition" = String, description = "`attachment`, with the file’s name."))),
        ErrorResponses<(Person, PathParams<String>, QueryParams<Export>, RateLimited)>,
    ),
)]
pub async fn export(
    State(analyses): State<Analyses>,
    person: Person,
    PathParams(id): PathParams<ConversationId>,
    QueryParams(export): QueryParams<Export>,
) -> ApiResult<Response> {
    let whole = analyses.conversation(&person, &id).await?;
    let attachment = |extension: &str| {
        // An id has letters, digits, `-` and `_` alone.
        [(header::CONTENT_DISPOSITION, format!("attachment; filename=\"conversation-{id}.{extension}\""))]
    };
    Ok(match export.format {
        Format::Json => (attachment("json"), Json(RecordedConversation::from(whole))).into_response(),
        Format::Markdown => {
            let media_type = [(header::CONTENT_TYPE, "text/markdown; charset=utf-8")];
            (attachment("md"), media_type, markdown(&whole)).into_response()
        }
    })
}
