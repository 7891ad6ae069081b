//! The native API's sign-in and modes over HTTP. Thin doors: parse, call, answer.

use axum::Json;
use axum::extract::{FromRef, FromRequestParts, State};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{StatusCode, header};
use protocol::mode::ModeSummary;
use protocol::native::{AccessToken, Challenge, Login, SecondFactor, Session};

use super::{Native, Person};
use crate::certificate::{Certificates, Machine};
use crate::edge::Peer;
use crate::http::{JsonBody, ProblemResponse};
use crate::mode::Modes;

/// `POST /native/login`
pub async fn login(
    State(native): State<Native>,
    machine: Machine,
    peer: Peer,
    JsonBody(login): JsonBody<Login>,
) -> Result<Json<Challenge>, ProblemResponse> {
    Ok(Json(native.login(&machine, peer.address, &login).await?))
}

/// `POST /native/verify-2fa`
pub async fn verify(
    State(native): State<Native>,
    machine: Machine,
    peer: Peer,
    JsonBody(factor): JsonBody<SecondFactor>,
) -> Result<Json<AccessToken>, ProblemResponse> {
    Ok(Json(native.verify(&machine, peer.address, &factor).await?))
}

/// `POST /native/logout`
pub async fn logout(State(native): State<Native>, person: Person) -> Result<StatusCode, ProblemResponse> {
    native.logout(&person).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /native/session`
pub async fn session(person: Person) -> Json<Session> {
    Json(person.session_document())
}

/// `GET /native/modes`
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
        let bearer = bearer.and_then(|value| value.strip_prefix("Bearer "));
        Native::from_ref(state).person(machine, bearer).await.map_err(|refusal| {
            let problem = ProblemResponse::from(refusal);
            // RFC 6750 §3: a 401 names the scheme.
            ([(header::WWW_AUTHENTICATE, "Bearer")], problem).into_response()
        })
    }
}
