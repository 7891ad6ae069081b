//! The native API's sign-in and modes over HTTP. Thin doors: parse, call, answer.

use axum::Json;
use axum::extract::{FromRef, FromRequestParts, State};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{StatusCode, header};
use protocol::Problem;
use protocol::mode::ModeSummary;
use protocol::native::{AccessToken, Challenge, Login, Renew, Renewed, SecondFactor, Session};

use super::{Native, Person};
use crate::certificate::{Certificates, Machine, Renewal};
use crate::edge::Peer;
use crate::http::refusals::{Refusals, Refuses};
use crate::http::{JsonBody, ProblemResponse, RateLimiter};
use crate::mode::Modes;
use crate::people::{CodeCheck, PasswordCheck};
use crate::turns::Turns;

/// First step of signing in: the password
///
/// Only the owner of the machine's certificate gets a challenge. Every refusal reads and costs the same.
#[utoipa::path(
    post,
    path = "/native/login",
    operation_id = "login",
    tag = "Native",
    security(("clientCertificate" = [])),
    request_body = Login,
    responses(
        (status = 200, description = "The password was right; the second factor is missing.", body = Challenge),
        Refusals<(Machine, JsonBody<Login>, RateLimiter, Turns, PasswordCheck)>,
    ),
)]
pub async fn login(
    State(native): State<Native>,
    machine: Machine,
    peer: Peer,
    JsonBody(login): JsonBody<Login>,
) -> Result<Json<Challenge>, ProblemResponse> {
    Ok(Json(native.login(&machine, peer.address, &login).await?))
}

/// Second step of signing in: a code
///
/// Spends the challenge. Five wrong codes end it.
#[utoipa::path(
    post,
    path = "/native/verify-2fa",
    operation_id = "verifySecondFactor",
    tag = "Native",
    security(("clientCertificate" = [])),
    request_body = SecondFactor,
    responses(
        (status = 200, description = "Signed in.", body = AccessToken),
        Refusals<(Machine, JsonBody<SecondFactor>, RateLimiter, CodeCheck)>,
    ),
)]
pub async fn verify(
    State(native): State<Native>,
    machine: Machine,
    peer: Peer,
    JsonBody(factor): JsonBody<SecondFactor>,
) -> Result<Json<AccessToken>, ProblemResponse> {
    Ok(Json(native.verify(&machine, peer.address, &factor).await?))
}

/// The machine's next certificate
///
/// For the same machine and the same owner, for a key of the machine's own: from half of the certificate's life on, once.
/// The same key again gets the same certificate. The old one stays good until its end.
#[utoipa::path(
    post,
    path = "/native/renew",
    operation_id = "renewCertificate",
    tag = "Native",
    security(("clientCertificate" = [], "accessToken" = [])),
    request_body = Renew,
    responses(
        (status = 200, description = "To be used from now on.", body = Renewed),
        Refusals<(Person, JsonBody<Renew>, RateLimiter, Renewal)>,
    ),
)]
pub async fn renew(
    State(native): State<Native>,
    person: Person,
    JsonBody(renew): JsonBody<Renew>,
) -> Result<Json<Renewed>, ProblemResponse> {
    Ok(Json(native.renew(&person, &renew).await?))
}

/// Sign out
///
/// Ends the session: its token is worth nothing from now on.
#[utoipa::path(
    post,
    path = "/native/logout",
    operation_id = "logout",
    tag = "Native",
    security(("clientCertificate" = [], "accessToken" = [])),
    responses((status = 204, description = "Signed out."), Refusals<(Person,)>),
)]
pub async fn logout(State(native): State<Native>, person: Person) -> Result<StatusCode, ProblemResponse> {
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
    responses((status = 200, description = "The session of the token.", body = Session), Refusals<(Person,)>),
)]
pub async fn session(person: Person) -> Json<Session> {
    Json(person.session_document())
}

/// The modes to choose from
///
/// Those that are enabled, in the administrator's order. The first is taken when a question names none.
#[utoipa::path(
    get,
    path = "/native/modes",
    operation_id = "listModes",
    tag = "Native",
    security(("clientCertificate" = [], "accessToken" = [])),
    responses((status = 200, description = "All of them.", body = [ModeSummary]), Refusals<(Person,)>),
)]
pub async fn modes(
    State(modes): State<Modes>,
    _person: Person,
) -> Result<Json<Vec<ModeSummary>>, ProblemResponse> {
    Ok(Json(modes.enabled().await?))
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
        let bearer = bearer.and_then(token_of);
        Native::from_ref(state).person(machine, bearer).await.map_err(|refusal| {
            let problem = ProblemResponse::from(refusal);
            // RFC 6750 §3: a 401 names the scheme.
            ([(header::WWW_AUTHENTICATE, "Bearer")], problem).into_response()
        })
    }
}

/// The token of a bearer's credentials. RFC 9110 §11.1: the scheme's case does not matter; §11.4: nor how many spaces
/// follow it.
fn token_of(credentials: &str) -> Option<&str> {
    let (scheme, token) = credentials.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_start_matches(' '))
}

impl Refuses for Person {
    fn problems() -> Vec<Problem> {
        let mut all = Machine::problems();
        all.push(Problem::sign_in_required());
        all
    }
}
