//! Finding out who asks, once per request, before any page or server function runs.

use app::visit::{Administrator, Cookie, Visit};
use axum::extract::{FromRef, FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use protocol::Problem;
use protocol::certificate::RejectionReason;

use crate::config::Config;
use crate::edge::{Listener, Peer};
use crate::failure::Refusal;
use crate::http::ProblemResponse;
use crate::http::refusals::Refuses;
use crate::people::{Asker, CookieKind, PanelSession, cookie_value};
use crate::secret::TokenHash;
use crate::state::AppState;

/// For how long after a certificate's end its browser still knows of it, in seconds.
const END_IS_OF_USE: i64 = 180 * 24 * 3600;

/// The visit, for handlers outside the pages.
#[derive(Debug)]
pub struct Visitor(pub Visit);

/// An administrator's visit. As an extractor it lets nobody else in.
#[derive(Debug)]
pub struct Admin(pub Administrator);

/// Puts the [`Visit`] into the request.
pub(super) async fn add(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let (mut parts, body) = std::mem::take(&mut request).into_parts();
    let visit = match of_request(&state, &mut parts).await {
        Ok(visit) => visit,
        Err(response) => return response,
    };
    let remembered = remember_end(&visit, &parts.headers, state.env.now());
    parts.extensions.insert(visit);
    let mut response = next.run(Request::from_parts(parts, body)).await;
    if let Some(cookie) = remembered {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// The cookie by which a later visit without a certificate tells when this one ended, unless the browser has it already.
fn remember_end(visit: &Visit, headers: &HeaderMap, now: i64) -> Option<HeaderValue> {
    let report = &visit.certificate;
    let end = report.presented.as_ref().filter(|_| report.rejection.is_none())?.not_after;
    let value = end.to_string();
    if cookie_value(headers, CookieKind::CertificateEnd, visit.secure).as_ref() == Some(&value) {
        return None;
    }
    let life = end.saturating_sub(now).saturating_add(END_IS_OF_USE);
    CookieKind::CertificateEnd.set(&value, life, visit.secure).parse().ok()
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

impl Refuses for Admin {
    fn problems() -> Vec<Problem> {
        vec![
            Problem::sign_in_required(),
            Problem::forbidden().detail("This needs an administrator's account."),
        ]
    }
}

async fn of_request(state: &AppState, parts: &mut Parts) -> Result<Visit, Response> {
    let peer = Peer::from_request_parts(parts, state).await.map_err(IntoResponse::into_response)?;
    let by_itself = parts.uri.path().starts_with(app::WATCHING);
    let asker = if by_itself { Asker::Page } else { Asker::Person };
    judge(state, &peer, &parts.headers, asker)
        .await
        .map_err(|refusal| ProblemResponse::from(refusal).into_response())
}

fn pages_elsewhere(config: &Config, listener: Listener) -> Option<String> {
    let (pages, machines) = (config.public_url.origin(), config.machines_url.origin());
    (listener == Listener::Machines && pages != machines).then(|| pages.to_owned())
}

async fn judge(state: &AppState, peer: &Peer, headers: &HeaderMap, asker: Asker) -> Result<Visit, Refusal> {
    let cookie = |kind| cookie_value(headers, kind, peer.tls).map(Cookie);
    let mut certificate = state.certificates.report(peer.certificate.as_ref()).await?;
    if certificate.rejection == Some(RejectionReason::Missing) {
        let end = cookie(CookieKind::CertificateEnd).and_then(|end| end.0.parse().ok());
        certificate.last_ended = end.filter(|end| (0..state.env.now()).contains(end));
    }
    let session = cookie(CookieKind::Session);
    let may_sign_in = !state.env.config.admin.require_certificate || certificate.rejection.is_none();
    let standing = match &session {
        Some(session) if may_sign_in => state.people.panel_session(&TokenHash::of(&session.0), asker).await?,
        _ => PanelSession::Nobodys,
    };
    let (signed_in, unused_minutes) = match standing {
        PanelSession::Nobodys => (None, None),
        PanelSession::Of(person) => (Some(person), None),
        PanelSession::Unused { minutes } => (None, Some(minutes)),
    };
    Ok(Visit {
        signed_in,
        unused_minutes,
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
        pages_elsewhere: pages_elsewhere(&state.env.config, peer.listener),
    })
}
