//! The description of the HTTP interface (OpenAPI 3.1), as `/api/openapi.json` serves it.
//!
//! What always holds: an operation is described beside its handler, and `routes.rs` takes method and address from that
//! description; neither is there without the other. Only what all operations share is added here.

mod common;

use std::sync::Arc;

use axum::Extension;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, header};
use protocol::Problem;
use protocol::analysis::AnalysisEvent;
use utoipa::OpenApi;

use crate::config::Config;
use crate::handlers::access;
use web::{CachedBytes, REVALIDATE};

/// What is described before any route is added: what pages answer to programs, and types that no body names.
#[derive(Debug, OpenApi)]
#[openapi(
    paths(access::redeem::offer, access::status),
    components(schemas(AnalysisEvent, Problem)),
    tags(
        (name = "Access", description = "Asking for access, and fetching the certificate of an approved request."),
        (name = "Native", description = "For programs on machines that have a certificate."),
        (name = "Administration", description = "For administrators, with the session of the panel."),
        (name = "Server", description = "The server itself and its certificate authority."),
    ),
)]
pub struct ApiDescription;

/// The description as it is served: the same bytes for as long as the server runs.
#[derive(Debug, Clone)]
pub struct Document(Arc<CachedBytes>);

impl Document {
    /// Completes what the routes brought together.
    pub fn new(mut described: utoipa::openapi::OpenApi, config: &Config) -> Self {
        common::add(&mut described, config);
        let bytes = serde_json::to_vec(&described).unwrap_or_default();
        Self(Arc::new(CachedBytes::new(bytes.into())))
    }
}

/// This description
#[utoipa::path(
    get,
    path = "/api/openapi.json",
    operation_id = "describe",
    tag = "Server",
    params(("If-None-Match" = Option<String>, Header, description = "The `ETag` of an earlier answer.")),
    responses(
        (status = 200, description = "An OpenAPI 3.1 document.", body = Object, content_type = "application/json",
            headers(
                ("ETag" = String, description = "Changes with the document."),
                ("Cache-Control" = String, description = "To be kept, and asked about each time."),
            )),
        (status = 304, description = "The document is still the one with this `ETag`.",
            headers(("ETag" = String, description = "The document's."))),
    ),
)]
pub async fn document(Extension(Document(kept)): Extension<Document>, headers: HeaderMap) -> Response {
    kept.respond(&headers, REVALIDATE, |bytes| {
        ([(header::CONTENT_TYPE, "application/json")], bytes).into_response()
    })
}
