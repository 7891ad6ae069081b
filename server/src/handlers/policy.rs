//! The HTTP handler of the fleet policy.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use protocol::policy::FleetPolicy;
use web::documented_errors::ErrorResponses;
use web::{ApiResult, RateLimited};

use crate::native::Person;
use crate::policy::Policies;

/// When the policy of an unchanged version ends.
const VALID_UNTIL: &str = "policy-valid-until";

/// The policy of the person who is signed in
///
/// What administrators allow the desktop program to see, send and type. It ends: fetch it again before. With
/// `If-None-Match` an unchanged policy is not sent again, and only its new end is.
#[utoipa::path(
    get,
    path = "/native/policy",
    operation_id = "showPolicy",
    tag = "Native",
    security(("clientCertificate" = [], "accessToken" = [])),
    responses(
        (status = 200, description = "The policy.", body = FleetPolicy,
            headers(("ETag" = String, description = "The version."))),
        (status = 304, description = "The version has not changed.", headers(
            ("ETag" = String, description = "The version."),
            ("Policy-Valid-Until" = i64, description = "`valid_until` of the policy from now on."),
        )),
        ErrorResponses<(Person, RateLimited)>,
    ),
)]
pub async fn show(
    State(policies): State<Policies>,
    person: Person,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let policy = policies.document(&person).await?;
    let etag = format!("\"{}\"", policy.version);
    let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let is_known = known.flat_map(|tags| tags.split(',')).any(|tag| tag.trim() == etag);
    if is_known {
        let headers = [("etag", etag), (VALID_UNTIL, policy.valid_until.to_string())];
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    Ok(([(header::ETAG, etag)], Json(policy)).into_response())
}
