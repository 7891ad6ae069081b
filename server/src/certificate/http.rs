//! The authority's public files.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header;

use super::Certificates;
use crate::failure::Refusal;
use crate::http::ProblemResponse;
use crate::http::refusals::File;

/// The root certificate
///
/// To be trusted by clients where the server's own certificate comes from the built-in authority.
#[utoipa::path(
    get,
    path = "/ca.pem",
    operation_id = "rootCertificate",
    tag = "Server",
    responses((status = 200, description = "PEM.", body = String, content_type = "application/x-pem-file",
        headers(("Content-Disposition" = String, description = "A name for the file.")))),
)]
pub async fn ca_pem(State(certificates): State<Certificates>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/x-pem-file"),
        (header::CONTENT_DISPOSITION, "attachment; filename=ca.pem"),
    ];
    (headers, certificates.root_pem()).into_response()
}

/// The revocation list
///
/// DER (RFC 5280 §5; media type: RFC 2585 §4.2).
#[utoipa::path(
    get,
    path = "/crl.der",
    operation_id = "revocationList",
    tag = "Server",
    responses((status = 200, description = "DER.", body = inline(File), content_type = "application/pkix-crl")),
)]
pub async fn crl_der(State(certificates): State<Certificates>) -> Result<Response, ProblemResponse> {
    let crl = certificates.crl().await.map_err(|refusal: Refusal| ProblemResponse(refusal.into()))?;
    Ok(([(header::CONTENT_TYPE, "application/pkix-crl")], crl).into_response())
}
