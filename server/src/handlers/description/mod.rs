//! The OpenAPI 3.1 description of the HTTP interface, served as `/api/openapi.json`.
//!
//! Each operation is described beside its handler, and `routes.rs` registers the handler under the method and path of
//! that description, so neither exists without the other. Only what all operations share is added here.

mod common;

use std::sync::Arc;

use axum::Extension;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, header};
use protocol::Problem;
use protocol::analysis::AnalysisEvent;
use utoipa::OpenApi;
use web::{CachedBytes, REVALIDATE};

use crate::config::Config;

/// What the routes do not add themselves: tags, and schemas that no operation references.
#[derive(Debug, OpenApi)]
#[openapi(
    components(schemas(AnalysisEvent, Problem)),
    tags(
        (name = "Access", description = "Asking for access, and fetching the certificate of an approved request."),
        (name = "Native", description = "For programs on machines that have a certificate."),
        (name = "Administration", description = "For administrators, with the session of the panel."),
        (name = "Server", description = "The server itself and its certificate authority."),
    ),
)]
pub struct ApiDescription;

/// The serialised description. It never changes while the server runs.
#[derive(Debug, Clone)]
pub struct Document(Arc<CachedBytes>);

impl Document {
    /// Adds what all operations share to the description that the routes have collected.
    pub fn new(mut openapi: utoipa::openapi::OpenApi, config: &Config) -> Self {
        common::add(&mut openapi, config);
        let bytes = serde_json::to_vec(&openapi).unwrap_or_default();
        Self(Arc::new(CachedBytes::new(bytes.into())))
    }
}

/// This description
#[utoipa::path(
    get,
    path = "/api/openapi.json",
    operation_id = "describe",
    tag = "Server",
    params(("If-None-Match" = Option<String>, Header, description = "The `ETag` of an earlier response.")),
    responses(
        (status = 200, description = "An OpenAPI 3.1 document.", body = Object, content_type = "application/json",
            headers(
                ("ETag" = String, description = "Changes with the document."),
                ("Cache-Control" = String, description = "To be cached, and revalidated each time."),
            )),
        (status = 304, description = "The document is still the one with this `ETag`.",
            headers(("ETag" = String, description = "The document's."))),
    ),
)]
pub async fn document(Extension(Document(cached)): Extension<Document>, headers: HeaderMap) -> Response {
    cached.respond(&headers, REVALIDATE, |bytes| {
        ([(header::CONTENT_TYPE, "application/json")], bytes).into_response()
    })
}
