//! Finding out who asks, once per request, before any page or server function runs.

use app::visit::{Administrator, Cookie, Visit};
use axum::extract::{FromRef, FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, header};
use protocol::Problem;
use protocol::people::SignedIn;

use crate::edge::Peer;
use crate::failure::Refusal;
use crate::http::ProblemResponse;
use crate::people::{CookieKind, cookie_value};
use crate::secret::TokenHash;
use crate::state::AppState;
use crate::store::AccountState;

/// The visit, for handlers outside the pages.
#[derive(Debug)]
pub struct Visitor(pub Visit);

/// An administrator's visit. As an extractor it lets nobody else in.
#[derive(Debug)]
pub struct Admin(pub Administrator);

/// Puts the [`Visit`] into the request.
pub(super) async fn add(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let (mut parts, body) = std::mem::take(&mut request).into_parts();
    match of_request(&state, &mut parts).await {
        Ok(visit) => {
            parts.extensions.insert(visit);
            next.run(Request::from_parts(parts, body)).await
        }
        Err(response) => response,
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor
where
    AppState: FromRef<S>,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        of_request(&AppState::from_ref(state), parts).await.map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Admin
where
    AppState: FromRef<S>,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let Visitor(visit) = Visitor::from_request_parts(parts, state).await?;
        visit.administrator().map(Self).map_err(|problem| ProblemResponse(problem).into_response())
    }
}

async fn of_request(state: &AppState, parts: &mut Parts) -> Result<Visit, Response> {
    let peer = Peer::from_request_parts(parts, state).await.map_err(IntoResponse::into_response)?;
    judge(state, &peer, &parts.headers)
        .await
        .map_err(|refusal| ProblemResponse::from(refusal).into_response())
}

async fn judge(state: &AppState, peer: &Peer, headers: &HeaderMap) -> Result<Visit, Refusal> {
    let cookie = |kind| cookie_value(headers, kind, peer.tls).map(Cookie);
    let certificate = state.certificates.report(peer.certificate.as_ref()).await?;
    let session = cookie(CookieKind::Session);
    let may_sign_in = !state.env.config.admin.require_certificate || certificate.rejection.is_none();
    let signed_in = match &session {
        Some(session) if may_sign_in => signed_in(state, session).await?,
        _ => None,
    };
    Ok(Visit {
        signed_in,
        session,
        challenge: cookie(CookieKind::Challenge),
        asked: cookie(CookieKind::Asked),
        address: peer.address,
        user_agent: headers
            .get(header::USER_AGENT)
            .and_then(|v| v.to_str().ok())
            .unwrap_or_default()
            .to_owned(),
        secure: peer.tls,
        certificate,
    })
}

/// Whose session the cookie names, if it runs and its account may sign in.
async fn signed_in(state: &AppState, session: &Cookie) -> Result<Option<SignedIn>, Refusal> {
    let mut tx = state.env.store.read().await?;
    let Some(session) = tx.panel_session(&TokenHash::of(&session.0), state.env.now()).await? else {
        return Ok(None);
    };
    let account = tx.account(&session.account_id).await?.ok_or_else(Problem::internal)?;
    let active = matches!(account.state, AccountState::Active { .. });
    Ok(active.then(|| SignedIn {
        account_id: account.id,
        email: account.email.into_string(),
        role: account.role,
    }))
}
