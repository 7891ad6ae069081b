//! The authority's public files.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header;

use super::Certificates;
use crate::failure::Refusal;
use crate::http::ProblemResponse;

/// `GET /ca.pem`: the root certificate.
pub async fn ca_pem(State(certificates): State<Certificates>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/x-pem-file"),
        (header::CONTENT_DISPOSITION, "attachment; filename=ca.pem"),
    ];
    (headers, certificates.root_pem()).into_response()
}

/// `GET /crl.der`: the revocation list (RFC 5280 §5; media type: RFC 2585 §4.2).
pub async fn crl_der(State(certificates): State<Certificates>) -> Result<Response, ProblemResponse> {
    let crl = certificates.crl().await.map_err(|refusal: Refusal| ProblemResponse(refusal.into()))?;
    Ok(([(header::CONTENT_TYPE, "application/pkix-crl")], crl).into_response())
}
