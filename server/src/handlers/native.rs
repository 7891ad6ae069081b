//! HTTP handlers of the native API: sign-in, sessions, certificate renewal and modes.

use axum::Json;
use axum::extract::{FromRef, FromRequestParts, State};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use protocol::mode::ModeSummary;
use protocol::native::{AccessToken, Challenge, Login, Renew, Renewed, SecondFactor, Session};
use protocol::{Problem, ServiceError};
use web::documented_errors::{DocumentedErrors, ErrorResponses};
use web::{ApiResult, ConcurrencyLimit, HandlerError, JsonBody, Peer, RateLimited};

use crate::certificate::{Certificates, Machine, RenewalErrors};
use crate::mode::Modes;
use crate::native::{Native, Person};
use crate::people::{CheckCodeErrors, CheckPasswordErrors};

/// First step of signing in: the password
///
/// Only the owner of the machine's certificate gets a challenge. Every failure has the same answer and takes the same time.
#[utoipa::path(
    post,
    path = "/native/login",
    operation_id = "login",
    tag = "Native",
    security(("clientCertificate" = [])),
    request_body = Login,
    responses(
        (status = 200, description = "The password is correct; the second factor is required.", body = Challenge),
        ErrorResponses<(Machine, JsonBody<Login>, RateLimited, ConcurrencyLimit, CheckPasswordErrors)>,
    ),
)]
pub async fn login(
    State(native): State<Native>,
    machine: Machine,
    peer: Peer,
    JsonBody(login): JsonBody<Login>,
) -> ApiResult<Json<Challenge>> {
    Ok(Json(native.login(&machine, peer.address, &login).await?))
}

/// Second step of signing in: a code
///
/// Consumes the challenge, which also ends after five wrong codes.
#[utoipa::path(
    post,
    path = "/native/verify-2fa",
    operation_id = "verifySecondFactor",
    tag = "Native",
    security(("clientCertificate" = [])),
    request_body = SecondFactor,
    responses(
        (status = 200, description = "Signed in.", body = AccessToken),
        ErrorResponses<(Machine, JsonBody<SecondFactor>, RateLimited, CheckCodeErrors)>,
    ),
)]
pub async fn verify(
    State(native): State<Native>,
    machine: Machine,
    peer: Peer,
    JsonBody(factor): JsonBody<SecondFactor>,
) -> ApiResult<Json<AccessToken>> {
    Ok(Json(native.verify(&machine, peer.address, &factor).await?))
}

/// The machine's next certificate
///
/// For the same machine and owner, with a key generated on the machine; once, from half of the certificate's lifetime on.
/// A repetition with the same key returns the same certificate. The old one stays valid until it expires.
#[utoipa::path(
    post,
    path = "/native/renew",
    operation_id = "renewCertificate",
    tag = "Native",
    security(("clientCertificate" = [], "accessToken" = [])),
    request_body = Renew,
    responses(
        (status = 200, description = "The certificate to use from now on.", body = Renewed),
        ErrorResponses<(Person, JsonBody<Renew>, RateLimited, RenewalErrors)>,
    ),
)]
pub async fn renew(
    State(native): State<Native>,
    person: Person,
    JsonBody(renew): JsonBody<Renew>,
) -> Result<Json<Renewed>, Response> {
    // Unauthorised when the person signs out meanwhile.
    native.renew(&person, &renew).await.map(Json).map_err(naming_the_scheme)
}

/// Sign out
///
/// Ends the session and invalidates its token, and with it those of the same sign-in: each renewal opened one.
#[utoipa::path(
    post,
    path = "/native/logout",
    operation_id = "logout",
    tag = "Native",
    security(("clientCertificate" = [], "accessToken" = [])),
    responses((status = 204, description = "Signed out."), ErrorResponses<(Person,)>),
)]
pub async fn logout(State(native): State<Native>, person: Person) -> ApiResult<StatusCode> {
    native.logout(&person).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who is signed in, where, and until when
#[utoipa::path(
    get,
    path = "/native/session",
    operation_id = "showSession",
    tag = "Native",
    security(("clientCertificate" = [], "accessToken" = [])),
    responses((status = 200, description = "The session of the token.", body = Session), ErrorResponses<(Person,)>),
)]
pub async fn session(person: Person) -> Json<Session> {
    Json(person.session_document())
}

/// The modes to choose from
///
/// Those that are enabled for this person, in the administrator's order. The first one is the default.
#[utoipa::path(
    get,
    path = "/native/modes",
    operation_id = "listModes",
    tag = "Native",
    security(("clientCertificate" = [], "accessToken" = [])),
    responses((status = 200, description = "All of them.", body = [ModeSummary]), ErrorResponses<(Person,)>),
)]
pub async fn modes(State(modes): State<Modes>, person: Person) -> ApiResult<Json<Vec<ModeSummary>>> {
    Ok(Json(modes.enabled(&person.account.id).await?))
}

impl<S: Send + Sync> FromRequestParts<S> for Person
where
    Certificates: FromRef<S>,
    Native: FromRef<S>,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let machine = Machine::from_request_parts(parts, state).await?;
        let bearer = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let bearer = bearer.and_then(bearer_token);
        Native::from_ref(state).person(machine, bearer).await.map_err(naming_the_scheme)
    }
}

/// The response to an error. RFC 6750 §3: a 401 names the scheme.
fn naming_the_scheme(error: ServiceError) -> Response {
    let mut response = HandlerError::from(error).into_response();
    if response.status() == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// The token of bearer credentials. The scheme is case-insensitive (RFC 9110 §11.1), and any number of spaces may follow it
/// (§11.4).
fn bearer_token(credentials: &str) -> Option<&str> {
    let (scheme, token) = credentials.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_start_matches(' '))
}

impl DocumentedErrors for Person {
    fn problems() -> Vec<Problem> {
        let mut all = Machine::problems();
        all.push(Problem::sign_in_required());
        all
    }
}
