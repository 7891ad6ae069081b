//! HTTP handlers of the authority's public files: root certificates and revocation lists.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::id::AuthorityId;
use http::header;
use protocol::Problem;
use web::documented_errors::{DocumentedErrors, ErrorResponses, File};
use web::{ApiResult, PathParams};

use crate::certificate::Certificates;

/// The root certificates
///
/// For clients to trust where the server's own certificate comes from the built-in authority. Several while one authority
/// replaces another.
#[utoipa::path(
    get,
    path = "/ca.pem",
    operation_id = "rootCertificates",
    tag = "Server",
    responses((status = 200, description = "PEM.", body = String, content_type = "application/x-pem-file",
        headers(("Content-Disposition" = String, description = "A name for the file.")))),
)]
pub async fn ca_pem(State(certificates): State<Certificates>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/x-pem-file"),
        (header::CONTENT_DISPOSITION, "attachment; filename=ca.pem"),
    ];
    (headers, certificates.roots_pem()).into_response()
}

/// The revocation list of the authority in use
///
/// DER (RFC 5280 §5; media type: RFC 2585 §4.2).
#[utoipa::path(
    get,
    path = "/crl.der",
    operation_id = "revocationList",
    tag = "Server",
    responses((status = 200, description = "DER.", body = inline(File), content_type = "application/pkix-crl")),
)]
pub async fn crl_der(State(certificates): State<Certificates>) -> ApiResult<Response> {
    Ok(crl_response(certificates.crl(None).await?))
}

/// The revocation list of one authority
///
/// Each certificate contains the address of its authority's list. DER (RFC 5280 §5; media type: RFC 2585 §4.2).
#[utoipa::path(
    get,
    path = "/crl/{id}",
    operation_id = "revocationListOfAuthority",
    tag = "Server",
    params(("id" = String, Path, description = "The authority's id.")),
    responses(
        (status = 200, description = "DER.", body = inline(File), content_type = "application/pkix-crl"),
        ErrorResponses<(PathParams<String>, UnknownAuthority)>,
    ),
)]
pub async fn crl_of_authority(
    State(certificates): State<Certificates>,
    PathParams(id): PathParams<AuthorityId>,
) -> ApiResult<Response> {
    Ok(crl_response(certificates.crl(Some(&id)).await?))
}

/// 404: no trusted authority has this id.
#[derive(Debug)]
pub struct UnknownAuthority;

impl DocumentedErrors for UnknownAuthority {
    fn problems() -> Vec<Problem> {
        vec![Problem::not_found()]
    }
}

fn crl_response(crl: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, "application/pkix-crl")], crl).into_response()
}
